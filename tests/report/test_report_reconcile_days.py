"""Whole days that the core lived through: what reconcile tells at their end is what the copies' own drift says."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.drift import drift
from copyctl.model.records import Copy
from copyctl.model.terms import Product, Segment, Source
from copyctl.report.followed import leader_order
from copyctl.report.reconcile import Difference
from tests.core.building import LEADER, held
from tests.core.exits_life import SIGN, ExitsWorld
from tests.core.life import World
from tests.core.test_core_exits_life import NEVER_LATE
from tests.properties import tried
from tests.report.reconciled import compared, told

SEEDS = st.integers(0, 2**32)


def at_the_end(world: World, *, running: bool = True) -> list[Difference]:
    """What reconcile finds when everything has come to rest."""
    now = world.desk.now
    accounts = world.desk.accounts
    books = {
        name: [world.report(one, Source.BOOK, now) for one in world.book.values() if one.account == name]
        for name in accounts
    }
    nets = {
        name: sum(SIGN[one.side] * one.filled for one in world.book.values() if one.account == name)
        for name in accounts
    }
    rows = {
        name: [held("43210", net, product=Product.INTRADAY, segment=Segment.NSE_FNO, carried=0)]
        for name, net in nets.items()
    }
    return compared(world._tables(), world.desk.rules, books, rows, now, running=running)


def check(world: World, found: Sequence[Difference]) -> None:
    """A difference is told of just those copies that are not what the rules want."""
    drifting = {leader_order(copy.leader_order_id): why for copy in world.copies() if (why := _drift(world, copy))}
    rows = {one.leader_order_id: one for one in found if one.leader_order_id}
    assert not [one for one in found if one.kind == "position"], told(found)
    false = {row: told([one]) for row, one in rows.items() if row not in drifting}
    assert not false, (false, [copy for copy in world.copies() if leader_order(copy.leader_order_id) in false])
    missed = {row: why for row, why in drifting.items() if row not in rows}
    assert not missed, (missed, told(found))


def _drift(world: World, copy: Copy) -> str:
    """Why a copy is not what the rules want, by what it is now: what stands in its record may be of before an exit gave
    back what it had cut."""
    leader = world.desk.order(LEADER, leader_order(copy.leader_order_id))
    return drift(copy, leader) if copy.drift and not copy.exit else copy.drift


@tried(60)
@given(SEEDS)
def test_a_day_of_entries_with_a_run_alive(seed: int) -> None:
    world = World(seed)
    world.day()
    check(world, at_the_end(world))


@tried(60)
@given(SEEDS)
def test_a_day_of_entries_with_no_run_alive(seed: int) -> None:
    world = World(seed)
    world.day()
    check(world, at_the_end(world, running=False))


@tried(60)
@given(SEEDS, st.booleans())
def test_a_day_of_exits_and_reversals(seed: int, running: bool) -> None:
    world = ExitsWorld(seed, policy=NEVER_LATE)
    world.day()
    check(world, at_the_end(world, running=running))
