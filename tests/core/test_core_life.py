"""Whole days: whatever goes wrong on the way, every follower ends where the rules want it, or says why not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.order import Order
from copyctl.model.records import Copy
from copyctl.model.terms import Decision, OrderStatus
from tests.core.building import LEADER
from tests.core.life import Booked, World
from tests.properties import tried

SEEDS = st.integers(0, 2**32)
FEW_A_SECOND: dict[str, Any] = {"rate_limits": {"orders": {"per_second": 3}}}


def sized(units: int) -> int:
    return units // 2 // 5 * 5


def check(world: World) -> None:
    """What must hold when everything has come to rest."""
    assert world.desk.waiting == [], "something waits for ever"
    copies = {(copy.leader_order_id, copy.follower): copy for copy in world.copies()}
    for leader in [one for one in world.book.values() if one.account == LEADER]:
        known = world.desk.order(LEADER, leader.order_id)
        assert (known.status, known.filled) == (_shown(leader), leader.filled)
        for follower in world.desk.rules.followers:
            copy = copies[leader.order_id, follower.client_id]
            _check_books(world, copy)
            _check_copy(world, copy, leader, known)
    ids = [one.correlation_id for one in world.book.values() if one.account != LEADER]
    assert len(ids) == len(set(ids)), "two orders under one id"


def _shown(one: Booked) -> OrderStatus:
    return OrderStatus.PART_TRADED if one.open and one.filled else one.status


def _check_books(world: World, copy: Copy) -> None:
    """The copy's placements are what the broker has."""
    there = {one.correlation_id: one for one in world.placements(copy)}
    for slot in copy.slots:
        one = there.get(slot.correlation_id)
        assert slot.filled == (one.filled if one else 0)
        assert slot.live is (one.open if one else False)


def _check_copy(world: World, copy: Copy, leader: Booked, known: Order) -> None:
    said = (copy.decision, copy.reason, copy.detail, copy.drift)
    there = world.placements(copy)
    resting = [one for one in there if one.open]
    filled = sum(one.filled for one in there)
    if copy.decision is not Decision.COPIED:
        assert copy.decision is not Decision.QUEUED, said
        assert copy.reason, said
        assert resting == [], said
        return
    assert len(resting) <= 1, said
    ended = not leader.open and leader.status is not OrderStatus.TRADED
    if ended and not copy.for_filled:
        assert resting == [], said
        assert copy.drift or filled == sized(leader.filled) - copy.missed, said
        return
    wanted = max(0, sized(leader.filled if ended else known.terms.quantity if known.terms else 0) - copy.missed)
    if copy.drift:
        return
    assert filled + sum(one.terms.quantity - one.filled for one in resting) == wanted, said
    for one in resting:
        slot = copy.slots[-1]
        assert one.terms.quantity == slot.asked.quantity
        if one.terms.order_type is slot.asked.order_type:
            assert one.terms == slot.asked, said
            assert copy.wanted is not None
            assert (one.terms.price, one.terms.trigger_price) == (
                copy.wanted.terms.price,
                copy.wanted.terms.trigger_price,
            )


@tried(40)
@given(SEEDS)
def test_without_trouble_every_follower_is_where_the_leader_is_and_nothing_drifts(seed: int) -> None:
    world = World(seed, trouble=0.0, restarts=False)
    world.day()
    check(world)
    assert {copy.decision for copy in world.copies()} <= {Decision.COPIED, Decision.SKIPPED, Decision.REFUSED}


@tried(120)
@given(SEEDS, st.sampled_from((0.05, 0.15, 0.35)))
def test_whatever_goes_wrong_every_follower_ends_where_the_rules_want_it_or_says_why(seed: int, trouble: float) -> None:
    world = World(seed, trouble=trouble, parts={"followers": 2})
    world.day()
    check(world)


@tried(50)
@given(SEEDS)
def test_under_a_low_rate_nothing_is_lost_and_nothing_sticks(seed: int) -> None:
    world = World(seed, trouble=0.1, orders=8, parts=FEW_A_SECOND)
    world.day()
    check(world)


@tried(40)
@given(SEEDS, st.sampled_from(("received", "traded")))
def test_the_other_moments_to_copy_on(seed: int, copy_on: str) -> None:
    world = World(seed, policy={"copy_on": copy_on}, trouble=0.1)
    world.day()
    assert world.desk.waiting == []
    for copy in world.copies():
        _check_books(world, copy)
        if copy.decision is not Decision.COPIED or copy.drift:
            continue
        if copy_on == "traded":
            leader = world.book[copy.leader_order_id]
            wanted = sized(leader.filled) - copy.missed
            assert sum(one.exposure for one in world.placements(copy)) == wanted


@tried(40)
@given(SEEDS)
def test_with_hands_at_the_copies_nothing_is_fought_over(seed: int) -> None:
    world = World(seed, trouble=0.1, hands=True)
    world.day()
    check(world)


@tried(40)
@given(SEEDS, st.integers(1, 50))
def test_with_the_store_lost_nothing_is_placed_a_second_time(seed: int, second: int) -> None:
    world = World(seed, trouble=0.05, restarts=False)
    world.later(second * 10**9, lambda: world.die(lose_store=True))
    world.day()
    assert world.desk.waiting == []
    ids = [one.correlation_id for one in world.book.values() if one.account != LEADER]
    assert len(ids) == len(set(ids))
    for copy in world.copies():
        _check_books(world, copy)
        if not world.book[copy.leader_order_id].open and copy.decision is not Decision.COPIED:
            assert not any(one.open for one in world.placements(copy))


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_is_the_same_day(seed: int) -> None:
    days = [World(seed, trouble=0.3), World(seed, trouble=0.3)]
    for world in days:
        world.day()
    assert days[0].desk.state.tables == days[1].desk.state.tables
