"""A day on which all is as it should be never differs; each single thing that is otherwise gives just its kind."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.order import ExecutionReport
from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Decision, OrderStatus, Side, Source
from copyctl.report.reconcile import Difference, Remedy, action
from tests.core.building import ALICE, LEADER, SECOND, held, terms
from tests.core.exits_life import SIGN
from tests.core.life import World
from tests.properties import tried
from tests.report.reconciled import compared, told

SEEDS = st.integers(0, 2**32)
LOT = 5


@dataclass
class Day:
    """A quiet day at its end: what the journal has, and what the broker shows."""

    world: World
    records: dict[str, list[Any]]
    books: dict[str, list[ExecutionReport]]
    nets: dict[str, int]
    newest: str

    def differences(self, **how: Any) -> list[Difference]:
        rows = {name: [held("43210", net, carried=0)] for name, net in self.nets.items()}
        world = self.world
        return compared(self.records, world.desk.rules, self.books, rows, world.desk.now, **how)

    def live(self) -> tuple[Copy, Slot]:
        """The copy that rests, of the leader's newest order, which rests too."""
        (copy,) = [one for one in self.world.copies() if one.leader_order_id == self.newest]
        (slot,) = copy.slots
        assert (copy.decision, slot.live, slot.filled) == (Decision.COPIED, True, 0)
        return copy, slot

    def change(self, account: str, order_id: str, **changes: Any) -> None:
        """The broker shows something else of an order, since just now."""
        self.books[account] = [
            replace(one, broker_time=self.world.desk.now, **changes) if one.order_id == order_id else one
            for one in self.books[account]
        ]

    def terms_of(self, order_id: str) -> Any:
        return next(one.terms for one in self.books[ALICE] if one.order_id == order_id)


def quiet(seed: int) -> Day:
    """A day without trouble, and at its end one order of the leader's more, that rests with its copy."""
    world = World(seed, trouble=0.0, restarts=False, orders=2, calm_seconds=10)
    world.day()
    newest = world.place(LEADER, terms(100, 90), Side.BUY, "")
    world.run(world.desk.now + 10 * SECOND)
    now = world.desk.now
    accounts = world.desk.accounts
    every = list(world.book.values())
    return Day(
        world=world,
        records=world._tables(),
        books={
            name: [world.report(one, Source.BOOK, now) for one in every if one.account == name] for name in accounts
        },
        nets={name: sum(SIGN[one.side] * one.filled for one in every if one.account == name) for name in accounts},
        newest=newest.order_id,
    )


def _cancelled_by_hand(day: Day) -> None:
    _, slot = day.live()
    day.change(ALICE, slot.order_id, status=OrderStatus.CANCELLED)


def _dearer_by_hand(day: Day) -> None:
    _, slot = day.live()
    shown = day.terms_of(slot.order_id)
    day.change(ALICE, slot.order_id, terms=replace(shown, price=shown.price + Decimal(3)))


def _larger_by_hand(day: Day) -> None:
    _, slot = day.live()
    shown = day.terms_of(slot.order_id)
    day.change(ALICE, slot.order_id, terms=replace(shown, quantity=shown.quantity + LOT))


def _larger_and_dearer_by_hand(day: Day) -> None:
    _, slot = day.live()
    shown = day.terms_of(slot.order_id)
    day.change(
        ALICE, slot.order_id, terms=replace(shown, quantity=shown.quantity + LOT, price=shown.price + Decimal(3))
    )


def _gone_from_the_book(day: Day) -> None:
    _, slot = day.live()
    day.books[ALICE] = [one for one in day.books[ALICE] if one.order_id != slot.order_id]


def _leader_has_cancelled(day: Day) -> None:
    copy, _ = day.live()
    day.change(LEADER, copy.leader_order_id, status=OrderStatus.CANCELLED)


def _leader_has_raised(day: Day) -> None:
    copy, _ = day.live()
    shown = next(one.terms for one in day.books[LEADER] if one.order_id == copy.leader_order_id)
    assert shown is not None
    day.change(LEADER, copy.leader_order_id, terms=replace(shown, quantity=shown.quantity + 4 * LOT))


def _twice(day: Day) -> None:
    _, slot = day.live()
    one = next(one for one in day.books[ALICE] if one.order_id == slot.order_id)
    day.books[ALICE].append(replace(one, order_id="X1", correlation_id=f"{slot.correlation_id[:-1]}9"))


def _both_over_with_nothing_copied(day: Day) -> None:
    copy, slot = day.live()
    shown = next(one.terms for one in day.books[LEADER] if one.order_id == copy.leader_order_id)
    assert shown is not None
    day.change(ALICE, slot.order_id, status=OrderStatus.CANCELLED)
    day.nets[LEADER] += shown.quantity
    day.change(
        LEADER, copy.leader_order_id, status=OrderStatus.TRADED, filled=shown.quantity, average_price=Decimal(100)
    )


def _fate_unknown(day: Day) -> None:
    copy, slot = day.live()
    lost = replace(slot, order_id="", asked_at=0)
    day.records["copy"] = [replace(one, slots=(lost,)) if one == copy else one for one in day.records["copy"]]
    day.records["order"] = [one for one in day.records["order"] if one.order_id != slot.order_id]
    day.records["request"] = [
        Request(
            request_id=f"{slot.correlation_id}/place",
            account=ALICE,
            leader_order_id=copy.leader_order_id,
            revision=0,
            kind=RequestKind.PLACE,
            correlation_id=slot.correlation_id,
            desired=copy.wanted,
            state=RequestState.UNSETTLED,
            attempts=1,
            queued_at=day.world.desk.now - 10 * SECOND,
            unsettled_at=day.world.desk.now - 9 * SECOND,
            due_at=day.world.desk.now + SECOND,
        )
    ]
    day.books[ALICE] = [one for one in day.books[ALICE] if one.order_id != slot.order_id]


def _bought_by_hand(day: Day) -> None:
    assume(any(copy.filled for copy in day.world.copies()))
    day.nets[ALICE] += 2 * LOT


PERTURBED: dict[str, tuple[Callable[[Day], None], Remedy | None]] = {
    "status": (_cancelled_by_hand, Remedy.LEFT),
    "price": (_dearer_by_hand, Remedy.LEFT),
    "quantity": (_larger_by_hand, Remedy.LEFT),
    "quantity, before price": (_larger_and_dearer_by_hand, Remedy.LEFT),
    "quantity, of the leader": (_leader_has_raised, Remedy.CHANGE),
    "missing_copy": (_gone_from_the_book, None),
    "orphan_order, the leader's is over": (_leader_has_cancelled, Remedy.CANCEL),
    "orphan_order, beside the copy": (_twice, Remedy.CANCEL),
    "fill": (_both_over_with_nothing_copied, Remedy.LEFT),
    "unresolved": (_fate_unknown, Remedy.WAIT),
    "position": (_bought_by_hand, Remedy.LEFT),
}


@tried(40)
@given(SEEDS)
def test_a_day_without_trouble_never_differs(seed: int) -> None:
    day = quiet(seed)
    drifting = {copy.leader_order_id for copy in day.world.copies() if copy.drift}
    for running in (True, False):
        assert {one.leader_order_id for one in day.differences(running=running)} == drifting


@tried(15)
@given(SEEDS)
def test_the_morning_after_the_orders_of_the_day_before_are_no_difference(seed: int) -> None:
    day = quiet(seed)
    world = day.world
    rows = {name: [held("43210", net)] for name, net in day.nets.items()}
    books: dict[str, list[ExecutionReport]] = {name: [] for name in day.books}
    for hours in (13, 20, 24):  # at night, before the bell, in the session
        now = world.desk.now + hours * 3600 * SECOND
        assert told(compared(day.records, world.desk.rules, books, rows, now, running=False)) == []


@pytest.mark.parametrize("what", PERTURBED)
@tried(15)
@given(seed=SEEDS, running=st.booleans())
def test_each_single_difference_gives_just_its_kind(what: str, seed: int, running: bool) -> None:
    day = quiet(seed)
    before = day.differences(running=running)
    perturb, remedy = PERTURBED[what]
    perturb(day)
    after = day.differences(running=running)
    (one,) = [one for one in after if one not in before]
    assert [one for one in before if one not in after] == []
    assert one.kind.value == what.split(",", maxsplit=1)[0], one
    assert remedy in (None, one.remedy), one
    assert action(one)


def test_what_is_within_the_tolerance_is_no_difference_of_fills_and_positions() -> None:
    day = next(day for day in map(quiet, range(100)) if any(copy.filled for copy in day.world.copies()))
    before = day.differences(tolerance=2)
    day.nets[ALICE] += 2 * LOT
    assert day.differences(tolerance=2) == before
    (one,) = [one for one in day.differences(tolerance=1) if one.kind == "position"]
    assert one.actual == one.expected + 2 * LOT  # type: ignore[operator]
