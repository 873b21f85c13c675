"""Every window of the broker's rates, the reserve, urgency, and an account that is asked too much (7.5, 7.6)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.hours import day_start
from copyctl.model.account import Account
from copyctl.model.events import TimeReached
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Spent
from copyctl.model.request import Fate, Request, RequestKind, RequestState
from copyctl.model.terms import Decision, Side
from tests.core.building import ALICE, BOB, SECOND, Desk
from tests.core.life import World
from tests.core.test_core_life import check
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
LATE: Mapping[str, Any] = {"late": {"max_age": "10s", "filled": "skip"}}


def limited(reserve: int = 20, policy: Mapping[str, Any] | None = None, **orders: int) -> Desk:
    limits = {"per_second": 10, "per_minute": 250, "per_hour": 1000, "per_day": 7000} | orders
    return Desk(policy, rate_limits={"orders": limits, "reserve_pct": reserve}, followers=1).start()


def orders(desk: Desk, first: int, last: int, *, acked: bool = True) -> list[Request]:
    """So many entries of the leader within a moment, taken by the broker as they leave; what left of them."""
    left: list[Request] = []
    for number in range(first, last + 1):
        desk.now -= SECOND
        desk.leader(f"L{number}")
        left += taken(desk, acked=acked)
    return left


def taken(desk: Desk, *, acked: bool = True) -> list[Request]:
    """What left since, taken by the broker."""
    left = desk.taken()
    for request in left if acked else ():
        desk.ack(f"A-{request.correlation_id}" if request.kind is PLACE else "", request=request)
    return left


def account(desk: Desk, name: str = ALICE) -> Account:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def records(desk: Desk) -> list[Spent]:
    return [one for one in desk.state.tables["spent"].values() if isinstance(one, Spent)]


def alerts(desk: Desk, code: str = "reserve_touched") -> list[str]:
    return [str(one.facts["window"]) for one in desk.notices if one.facts.get("alert") == code]


# --- windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "limit", "seconds"), [("per_second", 4, 1.0), ("per_minute", 4, 60.0), ("per_hour", 4, 3600.0)]
)
def test_7_5_what_is_beyond_a_window_waits_and_leaves_when_it_is_over(window: str, limit: int, seconds: float) -> None:
    desk = limited(reserve=0, **{window: limit})
    began = desk.now
    assert len(orders(desk, 1, 6)) == limit
    assert [desk.decided(f"L{number}") for number in (5, 6)] == [(Decision.QUEUED, Reason.RATE_LIMIT)] * 2
    assert desk.copy("L5").detail == f"4 requests a {window[4:]}"
    desk.wait(began / SECOND + seconds - desk.now / SECOND - 0.001)
    assert desk.taken() == []
    desk.wait(3)
    assert [one.leader_order_id for one in desk.taken()] == ["L5", "L6"]


def test_7_5_the_day_is_the_indian_one() -> None:
    desk = limited(reserve=0, per_day=4)
    assert len(orders(desk, 1, 6)) == 4
    midnight = day_start(desk.now) + DAY
    desk.wait((midnight - desk.now) / SECOND - 1)
    assert desk.taken() == []
    assert account(desk).spent_today == 4
    desk.wait(2)
    desk.feed(TimeReached(at=desk.now))
    assert account(desk).day * DAY - 19_800 * SECOND == midnight or account(desk).spent_today <= 2


def test_7_5_the_windows_hold_over_a_restart() -> None:
    desk = limited(reserve=0, per_minute=4)
    orders(desk, 1, 6)
    for _ in range(3):
        desk.restart(books=True)
        assert desk.taken() == []
    desk.wait(62)
    assert len(desk.taken()) == 2


def test_7_5_each_account_has_windows_of_its_own() -> None:
    limits = {"orders": {"per_minute": 3}, "reserve_pct": 0}
    desk = Desk(followers=2, rate_limits=limits).start()
    left = orders(desk, 1, 5)
    assert [sum(one.account == name for one in left) for name in (ALICE, BOB)] == [3, 3]


def test_7_5_records_of_minutes_that_no_window_counts_are_dropped() -> None:
    desk = limited()
    for number in range(1, 130):
        orders(desk, number, number)
        desk.wait(60)
    assert len(records(desk)) <= 63
    assert sum(len(one.moments) for one in records(desk)) <= 63
    assert account(desk).spent_today == 129
    rebuilt = desk.state.index.spent[ALICE]
    assert rebuilt == {one.minute: len(one.moments) for one in records(desk)}


def test_7_5_limits_that_are_lowered_while_more_is_spent_hold_at_once() -> None:
    desk = limited(reserve=0)
    orders(desk, 1, 8)
    desk.rules = replace_limits(desk, per_minute=5)
    desk.restart(books=True)
    assert orders(desk, 9, 9) == []
    desk.wait(63)
    assert [one.leader_order_id for one in desk.taken()] == ["L9"]


def replace_limits(desk: Desk, **orders: int) -> Any:
    return limited(reserve=0, **orders).rules


# --- the reserve ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["minute", "hour", "day"])
def test_7_5_entries_leave_the_reserve_alone_and_cancels_use_it_with_one_alert(window: str) -> None:
    desk = limited(**{f"per_{window}": 5})
    assert len(orders(desk, 1, 5)) == 4
    assert desk.copy("L5").detail == f"5 requests a {window}, 1 kept for exits"
    assert alerts(desk) == []
    desk.leader("L1", "CANCELLED")
    assert [one.kind for one in taken(desk)] == [CANCEL]
    assert alerts(desk) == [window]
    desk.leader("L2", "CANCELLED")  # even the reserve is used up
    assert desk.taken() == []
    desk.wait({"minute": 70, "hour": 3700, "day": 90_000}[window])
    assert CANCEL in [one.kind for one in desk.taken()]


def test_7_5_the_reserve_is_told_of_again_once_it_was_free() -> None:
    desk = limited(per_minute=5)
    orders(desk, 1, 4)
    desk.leader("L1", "CANCELLED")
    taken(desk)
    desk.wait(70)
    orders(desk, 11, 14)
    desk.leader("L2", "CANCELLED")
    assert [one.kind for one in taken(desk)] == [CANCEL]
    assert alerts(desk) == ["minute", "minute"]


def test_7_5_a_change_of_price_never_uses_the_reserve_and_only_the_latest_leaves() -> None:
    desk = limited(per_minute=5)
    orders(desk, 1, 4)
    for price in (101, 102, 103):
        desk.leader("L1", price=price)
    assert desk.taken() == []
    desk.wait(70)
    assert desk.asked() == [(MODIFY, 50, Decimal(103))]


def test_7_5_a_cut_uses_the_reserve() -> None:
    desk = limited(per_minute=5)
    orders(desk, 1, 4)
    desk.leader("L1", quantity=50)
    assert desk.asked() == [(MODIFY, 25, Decimal(100))]
    assert alerts(desk) == ["minute"]


def test_7_5_of_a_cut_with_a_new_price_the_cut_leaves_and_the_price_waits() -> None:
    desk = limited(per_minute=5)
    orders(desk, 1, 4)
    desk.leader("L1", price=105)
    desk.leader("L1", price=105, quantity=50)
    (cut,) = taken(desk)
    assert cut.desired is not None
    assert (cut.desired.terms.quantity, cut.desired.terms.price) == (25, 100)
    assert desk.taken() == []
    desk.wait(70)
    assert desk.asked() == [(MODIFY, 25, Decimal(105))]
    desk.ack()
    desk.wait(70)
    assert (desk.taken(), desk.waiting) == ([], [])


def test_7_5_more_units_never_use_the_reserve() -> None:
    desk = limited(per_minute=5)
    orders(desk, 1, 4)
    desk.leader("L1", quantity=200)
    assert desk.taken() == []


def held(desk: Desk) -> None:
    """An entry that has traded, for both."""
    desk.leader("L1")
    desk.ack("A1")
    desk.leader("L1", "TRADED", filled=100)
    desk.copied("TRADED", filled=50)


def test_7_5_a_new_exit_uses_the_reserve_and_a_change_of_its_price_does_not() -> None:
    desk = limited(per_minute=5)
    held(desk)
    taken(desk)
    orders(desk, 11, 13)
    desk.leader("L2", side=Side.SELL, price=110)
    assert [(one.kind, one.exit) for one in taken(desk)] == [(PLACE, True)]
    assert alerts(desk) == ["minute"]
    desk.wait(0.5)
    desk = limited(per_minute=6)
    held(desk)
    desk.taken()
    desk.leader("L2", side=Side.SELL, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    orders(desk, 11, 12)
    desk.leader("L2", side=Side.SELL, price=111)
    assert desk.taken() == []
    desk.wait(70)
    assert desk.asked() == [(MODIFY, 50, Decimal(111))]


def test_7_5_a_lag_action_uses_the_reserve() -> None:
    desk = limited(per_minute=5, policy={"fills": {"lag_action": "market", "lag_deadline": "10s"}})
    orders(desk, 1, 4)
    desk.leader("L1", "TRADED", filled=100)
    desk.wait(11)
    assert desk.asked() == [(MODIFY, 50, Decimal(0))]


# --- urgency ----------------------------------------------------------------------------------------------------------


def test_7_5_cancels_leave_first_then_exits_cuts_changes_and_entries() -> None:
    off = {"checks": {"self_trade": "off"}}
    desk = limited(reserve=0, policy=off)
    held(desk)
    orders(desk, 2, 4)
    desk.wait(3)
    desk.taken()
    desk.rules = limited(reserve=0, policy=off, per_second=3).rules
    desk.restart(books=True)
    desk.wait(3)
    orders(desk, 21, 23, acked=False)  # these fill the second
    desk.now -= SECOND
    desk.leader("L2", price=101)
    desk.now -= SECOND
    desk.leader("L3", quantity=50)
    desk.now -= SECOND
    desk.leader("L31")
    desk.now -= SECOND
    desk.leader("L5", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    desk.now -= SECOND
    desk.leader("L4", "CANCELLED")
    assert desk.taken() == []
    desk.wait(10)
    left = [(one.leader_order_id, one.kind) for one in desk.taken()]
    assert left == [("L4", CANCEL), ("L5", PLACE), ("L3", MODIFY), ("L2", MODIFY), ("L31", PLACE)]


def test_7_5_a_cancel_of_what_has_not_left_costs_no_call() -> None:
    desk = limited(per_second=1)
    orders(desk, 1, 2, acked=False)
    desk.leader("L2", "CANCELLED")
    desk.wait(5)
    assert (desk.taken(), [one.leader_order_id for one in desk.waiting]) == ([], ["L1"])


def test_7_5_what_waited_for_the_rate_is_late_once_the_leaders_has_traded() -> None:
    desk = limited(per_minute=2, reserve=0, policy=LATE)
    orders(desk, 1, 4)
    desk.leader("L3", "TRADED", filled=100)
    desk.wait(70)
    assert [one.leader_order_id for one in desk.taken()] == ["L4"]  # his still rests
    assert desk.decided("L3") == (Decision.SKIPPED, Reason.LATE)


# --- asked too much ---------------------------------------------------------------------------------------------------


def throttled(desk: Desk, request: Request | None = None) -> None:
    desk.reject(Category.THROTTLED, "Too many requests", **({"request": request} if request else {}))


def test_7_6_the_account_rests_longer_each_time_and_nothing_is_lost_or_doubled() -> None:
    desk = limited()
    desk.leader()
    (first,) = desk.taken()
    rests = []
    for _ in range(12):
        began = desk.now
        throttled(desk)
        assert desk.decided() == (Decision.QUEUED, Reason.RATE_LIMIT)
        rests.append(round((account(desk).rests_until - began) / SECOND))
        desk.wait((account(desk).rests_until - desk.now) / SECOND - 0.001)
        assert desk.taken() == []
        desk.wait(0.002)
        assert [one.request_id for one in desk.taken()] == [first.request_id]
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
    desk.ack("A1")
    desk.wait(300)
    assert (desk.taken(), desk.waiting, desk.decided()) == ([], [], (Decision.COPIED, None))
    assert (account(desk).rests_until, account(desk).rested) == (0, 0)


def test_7_6_those_that_left_together_count_once() -> None:
    desk = limited()
    left = orders(desk, 1, 5, acked=False)
    for request in left:
        throttled(desk, request)
    assert account(desk).rested == SECOND
    assert {desk.decided(f"L{number}") for number in range(1, 6)} == {(Decision.QUEUED, Reason.RATE_LIMIT)}


def test_7_6_one_probe_the_most_urgent_then_all() -> None:
    desk = limited()
    orders(desk, 1, 1)
    left = orders(desk, 2, 4, acked=False)
    for request in left:
        throttled(desk, request)
    desk.now -= SECOND
    desk.leader("L1", "CANCELLED")
    assert desk.taken() == []  # not even a cancel, while the account rests
    desk.wait(30)
    (probe,) = desk.taken()
    assert probe.kind is CANCEL
    desk.ack(request=probe)
    assert {one.leader_order_id for one in desk.taken()} == {"L2", "L3", "L4"}


@pytest.mark.parametrize("fate", [Fate.UNKNOWN, Fate.NOT_LEFT])
def test_7_6_a_probe_of_unknown_fate_is_followed_by_another(fate: Fate) -> None:
    desk = limited()
    left = orders(desk, 1, 3, acked=False)
    for request in left:
        throttled(desk, request)
    desk.wait(2)
    (probe,) = desk.taken()
    desk.answer(fate, request=probe)
    (second,) = desk.taken()
    assert second.request_id != probe.request_id
    desk.ack("A2", request=second)
    assert len(desk.taken()) == 1


def test_7_6_a_probe_that_is_refused_for_another_reason_ends_the_rest() -> None:
    desk = limited()
    left = orders(desk, 1, 3, acked=False)
    for request in left:
        throttled(desk, request)
    desk.wait(2)
    (probe,) = desk.taken()
    desk.reject(Category.MARGIN, request=probe)
    assert len(desk.taken()) == 2


def test_7_6_a_rest_lasts_over_a_restart_and_a_probe_in_flight_with_it() -> None:
    desk = limited()
    for request in orders(desk, 1, 3, acked=False):
        throttled(desk, request)
    desk.restart(books=True)
    assert desk.taken() == []
    desk.wait(2)
    (probe,) = desk.taken()
    desk.restart(books=True)  # its fate is unknown now: the next one finds out
    (second,) = desk.taken()
    assert second.request_id != probe.request_id


def test_7_6_the_rest_of_one_account_is_not_anothers() -> None:
    desk = Desk(followers=2).start()
    desk.leader()
    mine = next(one for one in desk.taken() if one.account == ALICE)
    throttled(desk, mine)
    desk.now -= SECOND
    desk.leader("L2")
    assert [one.account for one in desk.taken()] == [BOB]


def test_7_6_throttled_attempts_use_up_no_retries() -> None:
    desk = Desk(resilience={"retries": {"attempts": 2, "initial": "250ms", "maximum": "1s"}}).start()
    desk.leader()
    desk.taken()
    for _ in range(6):
        throttled(desk)
        desk.wait(61)
        assert len(desk.taken()) == 1
    desk.reject(Category.CONNECTIVITY)
    desk.wait(5)
    assert len(desk.taken()) == 1
    desk.reject(Category.CONNECTIVITY)
    assert desk.decided() == (Decision.DEAD, "rejected_connectivity")


def test_7_6_a_modification_and_a_cancel_come_through_as_well() -> None:
    desk = limited()
    orders(desk, 1, 2)
    desk.leader("L1", price=101)
    for _ in range(8):
        throttled(desk)
        desk.wait(61)
    assert {one.kind for one in desk.taken()} == {MODIFY}
    desk.ack()
    assert desk.copy("L1").slots[0].modifications == 1
    desk.leader("L1", "CANCELLED")
    for _ in range(8):
        throttled(desk)
        desk.wait(61)
    assert {one.kind for one in desk.taken()} == {CANCEL}


def test_7_6_what_is_taken_back_while_the_account_rests_never_leaves() -> None:
    desk = limited()
    desk.leader()
    throttled(desk)
    desk.taken()
    desk.leader("L1", "CANCELLED")
    desk.wait(300)
    assert (desk.taken(), desk.waiting) == ([], [])


# --- whole days -------------------------------------------------------------------------------------------------------

FEW: dict[str, Any] = {
    "rate_limits": {"orders": {"per_second": 3, "per_minute": 12, "per_hour": 400}, "reserve_pct": 25}
}


@tried(30)
@given(seed=st.integers(0, 2**32))
def test_7_5_any_day_with_few_requests_a_minute_ends_as_wanted(seed: int) -> None:
    world = World(seed, parts=FEW, orders=8, calm_seconds=1800)
    world.day()
    check(world)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ("place", "place", "price", "price", "less", "both", "cancel", "ack", "ack", "throttle", "restart", "wait")
        ),
        st.integers(0, 20),
    ),
    max_size=60,
)


class Broker:
    """What the broker was asked, in order; checked as each request leaves."""

    def __init__(self) -> None:
        self.desk = limited(reserve=30, per_second=3, per_minute=10, per_hour=40)
        self.flying: dict[str, Request] = {}
        self.sends: list[list[int]] = []
        self.terms: dict[str, Any] = {}
        self.wishes: dict[str, list[int] | None] = {}

    def look(self) -> None:
        """What has left by now."""
        desk = self.desk
        left = desk.taken()
        for request in left:
            self.flying[request.request_id] = request
            now = request.sent_at
            self.sends.append([now, now + SECOND])
            for length, limit in ((SECOND, 3), (MINUTE, 10), (HOUR, 40)):
                count = sum(latest > now - length for _, latest in self.sends)
                assert count <= limit, (length, count)
                if length > SECOND and not self._lessens(request):
                    assert count <= limit * 7 // 10, (length, count, request.kind)
        waits = [one for one in desk.waiting if one.state is RequestState.QUEUED and one.kind is CANCEL]
        if any(one.kind is not CANCEL for one in left):
            assert not waits, "something overtook a cancel"

    def _lessens(self, request: Request) -> bool:
        if request.kind is not MODIFY:
            return request.kind is CANCEL
        before, desired = self.terms[request.order_id], request.desired
        assert desired is not None
        wanted = desired.terms
        return bool(wanted.quantity < before.quantity and wanted.price == before.price)

    def answer(self, request: Request, **said: Any) -> None:
        del self.flying[request.request_id]
        sent = next(times for times in self.sends if times == [request.sent_at, request.sent_at + SECOND])
        sent[1] = min(sent[1], self.desk.now + SECOND // 100)
        if said:
            self.desk.answer(Fate.REJECTED, request=request, **said)
            self.look()
            return
        order_id = request.order_id or f"A-{request.correlation_id}"
        if request.desired is not None:
            self.terms[order_id] = request.desired.terms
        self.desk.ack(order_id, request=request)
        self.look()

    def act(self, what: str, number: int) -> None:
        desk, names = self.desk, list(self.wishes)
        name = names[number % len(names)] if names else ""
        wish = self.wishes.get(name)
        if what == "wait":
            for _ in range(number):
                desk.wait(0.7)
                self.look()
        elif what == "restart":
            while self.flying:
                self.answer(next(iter(self.flying.values())))
            desk.restart(books=True)
        elif what in ("ack", "throttle"):
            flying = list(self.flying.values())
            if flying:
                why = {"category": Category.THROTTLED, "text": "429"} if what == "throttle" else {}
                self.answer(flying[number % len(flying)], **why)
        elif what == "place":
            name = f"L{len(names)}"
            self.wishes[name] = [100, 100]
            self._leader(name)
        elif wish is not None and what == "cancel":
            self.wishes[name] = None
            desk.now -= SECOND
            desk.leader(name, "CANCELLED", quantity=wish[0], price=wish[1])
        elif wish is not None:
            wish[0] -= 10 if what in ("less", "both") and wish[0] > 20 else 0
            wish[1] += what in ("price", "both")
            self._leader(name)
        self.look()

    def _leader(self, name: str) -> None:
        wish = self.wishes[name]
        assert wish is not None
        self.desk.now -= SECOND - 1
        self.desk.leader(name, quantity=wish[0], price=wish[1])


@tried(200)
@given(acts=ACTS)
def test_7_5_whatever_is_wished_no_window_is_broken_the_reserve_is_kept_and_all_leaves_in_the_end(
    acts: list[tuple[str, int]],
) -> None:
    broker = Broker()
    desk = broker.desk
    for what, number in acts:
        broker.act(what, number)
    for _ in range(2000):
        for request in list(broker.flying.values()):
            broker.answer(request)
        broker.look()
        if not desk.waiting:
            break
        desk.wait(max(0.0, (desk.due_at - desk.now) / SECOND) if desk.due_at and not broker.flying else 0)
        broker.look()
    assert desk.waiting == []
    for name, wish in broker.wishes.items():
        copy = desk.copy(name)
        if wish is None:
            assert all(slot.cancel_asked or not slot.order_id for slot in copy.slots)
            continue
        (slot,) = [one for one in copy.slots if one.live]
        shown = broker.terms[slot.order_id]
        assert (shown.quantity, shown.price) == (wish[0] // 2 // 5 * 5, wish[1])
