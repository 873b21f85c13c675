"""Scenarios 5.6, 6.7 and 2.7, ``checks.price_band`` and ``price_guard``: at which prices an entry may go, what happens
where no price is to be had, and what becomes of a change that may not be sent."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.facts import Lack
from copyctl.model.reasons import Category, Reason
from copyctl.model.terms import AmoTime, Decision, OrderType, Product, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, SHARE
from tests.core.clocked import CANCEL, MODIFY, PLACE, Clocked

NO_PLAN = Lack.NO_DATA_PLAN
NOBODY = {LEADER: NO_PLAN, ALICE: NO_PLAN}


def desk_of(*, lacks: dict[str, Lack] | None = None, lost: bool = False, quote: Any = None, **policy: Any) -> Clocked:
    """A desk whose broker quotes this: last price, lower and upper circuit limit."""
    desk = Clocked("12:12:11", policy, lost=lost)
    desk.lacks = lacks or {}
    if quote is not None:
        desk.quoted(*quote)
    desk.start()
    desk.taken()
    return desk


def circuit(band: str = "circuit", **checks: Any) -> dict[str, Any]:
    return {"checks": {"price_band": band, **checks}}


def guard(entry_bps: int = 50, **keys: Any) -> dict[str, Any]:
    """The price guard alone."""
    return {"price_guard": {"entry_bps": entry_bps, **keys}, "checks": {"price_band": "none"}}


def resting(desk: Clocked, **said: Any) -> Clocked:
    """A copy that rests at the broker."""
    desk.leader(**said)
    desk.ack("A1")
    desk.copied("PENDING")
    desk.taken()
    desk.alerts()
    desk.questions.clear()
    return desk


# --- 5.6 the band -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "goes"), [("90", True), ("110", True), ("89.95", False), ("110.05", False)])
@pytest.mark.parametrize("band", ["circuit", "auto"])
def test_scenario_5_6_an_entry_outside_the_circuit_is_refused(band: str, price: str, goes: bool) -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit(band))
    desk.leader(price=price)
    assert desk.asked() == ([(PLACE, 50, Decimal(price))] if goes else [])
    if not goes:
        assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)


def test_scenario_5_6_the_refusal_names_the_band() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    assert all(number in desk.detail() for number in ("120", "90", "110"))


def test_scenario_5_6_a_trigger_outside_is_refused_too() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(order_type="STOP_LOSS", price=112, trigger=111)
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)


def test_scenario_5_6_a_market_order_has_no_price_to_be_outside_and_waits_for_none() -> None:
    for band in ("auto", "circuit", "pct"):
        desk = desk_of(lost=True, **circuit(band))
        desk.leader(order_type="MARKET")
        assert desk.asked() == [(PLACE, 50, Decimal(0))]


def test_scenario_5_6_none_looks_at_no_band() -> None:
    desk = desk_of(lost=True, quote=(100, 90, 110), **circuit("none"))
    desk.leader(price=500)
    assert desk.asked() == [(PLACE, 50, Decimal(500))]
    assert desk.quotes_asked() == []


@pytest.mark.parametrize(("price", "goes"), [("105", True), ("105.05", False), ("95", True), ("94.95", False)])
def test_scenario_5_6_pct_is_a_band_around_the_last_price(price: str, goes: bool) -> None:
    desk = desk_of(quote=(100, None, None), **circuit("pct", price_band_pct=5))
    desk.leader(price=price)
    assert bool(desk.taken()) is goes
    assert desk.decided()[0] is (Decision.COPIED if goes else Decision.REFUSED)


def test_scenario_5_6_the_band_is_that_of_the_day() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader("L1", price=100)
    desk.ack("A1")
    desk.questions.clear()
    desk.now += 3600 * SECOND
    desk.leader("L2", price=109)  # limits hold all day
    assert desk.quotes_asked() == []
    desk.quoted(105, 95, 115)
    desk.until("2026-09-16T10:00:00")
    desk.leader("L3", price=114)
    assert desk.quotes_asked() != []
    assert desk.decided("L3") == (Decision.COPIED, None)


def test_scenario_5_6_limits_from_before_the_first_session_are_asked_for_again() -> None:
    desk = Clocked("08:00:00", circuit()).quoted(100, 90, 110).start()
    desk.leader("L0", after_market=True, status="TRANSIT")
    desk.until("09:14:00")
    desk.quoted(120, 108, 132)
    desk.until("09:15:00")
    desk.leader("L1", price=130)
    assert desk.decided("L1") == (Decision.COPIED, None)


def test_scenario_5_6_an_after_market_order_is_not_held_against_the_limits_of_this_day() -> None:
    desk = Clocked("20:00:00", circuit()).quoted(100, 90, 110).start()
    desk.leader(price=112, after_market=True, amo_time=AmoTime.OPEN, status="TRANSIT")
    assert desk.placed().after_market
    assert desk.quotes_asked() == []


# --- 5.6 without a data plan ------------------------------------------------------------------------------------------


def test_scenario_5_6_auto_passes_where_no_account_has_the_data_plan() -> None:
    desk = desk_of(lacks=NOBODY, **circuit("auto"))
    desk.leader("L1", price=500)
    assert desk.asked() == [(PLACE, 50, Decimal(500))]
    assert desk.quotes_asked() == [LEADER, ALICE]
    for number in range(2, 9):
        desk.leader(f"L{number}", price=500)
    assert desk.quotes_asked() == []  # it is known by now
    assert len(desk.taken()) == 7


@pytest.mark.parametrize(
    ("how", "decided"), [("refuse", (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)), ("pass", (Decision.COPIED, None))]
)
@pytest.mark.parametrize("band", ["circuit", "pct"])
def test_scenario_5_6_a_band_that_cannot_be_asked_is_refused_or_passes(band: str, how: str, decided: Any) -> None:
    desk = desk_of(lacks=NOBODY, **circuit(band, unavailable=how))
    desk.leader()
    assert desk.decided() == decided
    assert bool(desk.taken()) is (how == "pass")
    assert desk.quotes_asked() == [LEADER, ALICE]


def test_scenario_5_6_another_account_with_the_plan_is_asked_at_once() -> None:
    desk = desk_of(lacks={LEADER: NO_PLAN}, quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    assert desk.quotes_asked() == [LEADER, ALICE]
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    desk.leader("L2", price=105)
    assert desk.quotes_asked() == []
    assert desk.decided("L2") == (Decision.COPIED, None)


def test_scenario_5_6_a_plan_bought_since_is_found_at_the_next_start() -> None:
    desk = desk_of(lacks=NOBODY, **circuit("auto"))
    desk.leader()
    desk.ack("A1")
    desk.lacks = {}
    desk.quoted(100, 90, 110)
    desk.restart(books=True)
    desk.leader("L2", price=120)
    assert desk.decided("L2") == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)


@pytest.mark.parametrize("lack", [Lack.UNAVAILABLE, Lack.THROTTLED, Lack.REFUSED, Lack.NOT_KNOWN])
def test_scenario_5_6_a_quote_that_fails_refuses_and_is_asked_again_a_while_later(lack: Lack) -> None:
    desk = desk_of(lacks={LEADER: lack}, quote=(100, 90, 110), **circuit())
    for number in range(1, 4):
        desk.leader(f"L{number}")
        assert desk.decided(f"L{number}") == (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)
    assert desk.quotes_asked() == [LEADER]
    desk.lacks = {}
    desk.now += 5 * SECOND
    desk.leader("L4")
    assert desk.decided("L4") == (Decision.COPIED, None)


def test_scenario_5_6_what_is_known_of_the_day_outlives_a_question_that_failed() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit(), price_guard={"entry_bps": 50, "reference": "ltp"})
    desk.leader("L1")
    desk.ack("A1")
    desk.lacks = {LEADER: Lack.THROTTLED}
    desk.now += 60 * SECOND
    desk.leader("L2")  # the last price is too old, and a new one is not to be had
    assert desk.decided("L2") == (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)
    key = desk.state.tables["quote"]["NSE_FNO/43210"]
    assert (key.upper_circuit, key.asked_at) == (110, 0)  # type: ignore[union-attr]


# --- a fact that is not to be had is not asked for in a storm ---------------------------------------------------------


@pytest.mark.parametrize("how", ["refuse", "pass"])
@pytest.mark.parametrize(
    ("quote", "policy"),
    [
        ((100, None, None), circuit()),
        ((100, 90, None), circuit()),
        ((None, 90, 110), circuit("pct")),
        ((0, 90, 110), circuit("pct")),
        ((None, 90, 110), guard(reference="ltp")),
        ((None, None, None), guard(reference="ltp")),
        ((100, None, None), circuit("auto")),
    ],
)
def test_a_quote_that_lacks_what_is_looked_for_is_not_asked_for_again_and_again(
    how: str, quote: Any, policy: Any
) -> None:
    policy = {**policy, "checks": {**policy["checks"], "unavailable": how}}
    desk = desk_of(quote=quote, **policy)
    for number in range(1, 6):
        desk.leader(f"L{number}")
    assert len(desk.quotes_asked()) == 1
    passes = how == "pass" or policy["checks"]["price_band"] == "auto"
    assert {desk.decided(f"L{number}")[0] for number in range(1, 6)} == {
        Decision.COPIED if passes else Decision.REFUSED
    }


def test_a_quote_whose_answer_never_comes_is_asked_for_once_in_ten_seconds() -> None:
    desk = desk_of(lost=True, **circuit())
    for price in range(100, 120):
        desk.leader(price=price)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    assert desk.taken() == []
    assert len(desk.quotes_asked()) == 2  # in twenty seconds
    desk.wait(60)
    assert 5 <= len(desk.quotes_asked()) <= 7
    assert desk.taken() == []


def test_a_question_of_the_last_process_is_asked_again_at_the_start() -> None:
    desk = desk_of(lost=True, quote=(100, 90, 110), **circuit())
    desk.leader()
    assert desk.taken() == []
    desk.lost = False
    desk.restart(books=True)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_an_entry_that_waits_for_a_quote_ends_at_the_leaders_latest() -> None:
    desk = desk_of(lost=True, quote=(100, 90, 110), **circuit())
    desk.leader(price=100)
    desk.leader(price=101, quantity=60)
    desk.lost = False
    desk.wait(10)
    assert desk.asked() == [(PLACE, 30, Decimal(101))]


def test_an_entry_that_waits_for_a_quote_dies_with_the_leaders() -> None:
    desk = desk_of(lost=True, quote=(100, 90, 110), **circuit())
    desk.leader()
    desk.leader(status="CANCELLED")
    assert desk.decided() == (Decision.SKIPPED, Reason.LEADER_OVER)
    desk.lost = False
    desk.wait(30)
    assert desk.taken() == []


def test_two_followers_share_one_question() -> None:
    desk = Clocked("12:12:11", circuit(), followers=2, lost=True)
    desk.start()
    desk.questions.clear()
    desk.leader()
    assert desk.quotes_asked() == [LEADER]
    assert desk.decided(account=ALICE) == desk.decided(account=BOB) == (Decision.QUEUED, Reason.CHECKING)


# --- decided again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"price": 105}, {"order_type": "MARKET"}, {"order_type": "STOP_LOSS", "price": 104, "trigger": 103}]
)
def test_scenario_2_9_a_refusal_for_the_price_is_decided_again_when_the_leader_changes_it(change: Any) -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    desk.leader(**{"price": 120, **change})
    (request,) = desk.taken()
    assert request.kind is PLACE
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_2_9_a_change_of_quantity_alone_opens_no_refusal_for_the_price() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    desk.questions.clear()
    desk.quoted(100, 90, 130)
    desk.leader(price=120, quantity=200)
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    desk.leader(price=108, quantity=200)
    assert desk.asked() == [(PLACE, 100, Decimal(108))]


def test_scenario_2_9_a_price_that_is_still_outside_is_refused_again() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    desk.leader(price=115)
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    assert "115" in desk.detail()


def test_scenario_2_9_what_was_decided_again_is_late_by_its_own_time() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.leader(price=120)
    desk.now += 3600 * SECOND
    desk.leader(price=105, status="TRADED", filled=100)
    assert desk.asked() == [(PLACE, 50, Decimal(105))]


# --- price_guard ------------------------------------------------------------------------------------------------------


def test_price_guard_turns_a_market_entry_into_a_limit_at_that_distance_from_the_leader() -> None:
    desk = desk_of(**guard())
    desk.leader(status="TRADED", order_type="MARKET", filled=100, average_price="100.40")
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal("100.90"))  # 100.902, to the tick
    assert desk.decided() == (Decision.COPIED, Reason.REPRICED)


def test_price_guard_measures_a_market_order_that_is_not_filled_from_the_last_price() -> None:
    desk = desk_of(**guard(), quote=(200, None, None))
    desk.leader(order_type="MARKET", side=Side.SELL)
    desk.books(LEADER)
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal(199))


@pytest.mark.parametrize("reference", ["leader", "ltp"])
def test_price_guard_refuses_what_is_further_away_already_with_both_prices(reference: str) -> None:
    desk = desk_of(**guard(reference=reference), quote=("100.60", None, None))
    if reference == "leader":
        desk.leader(status="TRADED", order_type="MARKET", filled=100, average_price=100, last_price=Decimal("100.60"))
    else:
        desk.leader(price="101.50")
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.PRICE_GUARD)
    wanted = ("100.60", " 100;") if reference == "leader" else ("101.50", "100.60")
    assert all(price in desk.detail() for price in wanted)


@pytest.mark.parametrize(("last", "goes"), [("100.00", True), ("99.55", True), ("99.50", False), ("120", True)])
def test_price_guard_with_the_last_price_lets_a_limit_near_it_go(last: str, goes: bool) -> None:
    desk = desk_of(**guard(reference="ltp"), quote=(last, None, None))
    desk.leader(price=100)
    assert bool(desk.taken()) is goes


def test_price_guard_leaves_the_leaders_limit_alone_and_asks_for_nothing() -> None:
    desk = desk_of(**guard(), lost=True)
    desk.leader(price=100)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]
    assert desk.quotes_asked() == []


def test_price_guard_an_offset_beyond_the_distance_is_refused() -> None:
    desk = desk_of(**guard(), mapping={"price": {"mode": "offset", "ticks": 20}})
    desk.leader(price=100)
    assert desk.decided() == (Decision.REFUSED, Reason.PRICE_GUARD)


@pytest.mark.parametrize(("how", "decided"), [("refuse", Decision.REFUSED), ("pass", Decision.COPIED)])
def test_price_guard_without_any_price(how: str, decided: Decision) -> None:
    policy = guard()
    policy["checks"]["unavailable"] = how
    desk = desk_of(lacks=NOBODY, **policy)
    desk.leader(order_type="MARKET")
    assert desk.decided()[0] is decided
    assert desk.asked() == ([(PLACE, 50, Decimal(0))] if how == "pass" else [])


def test_price_guard_its_limit_is_held_inside_the_circuit() -> None:
    desk = desk_of(price_guard={"entry_bps": 500}, quote=(100, 90, 102), **circuit())
    desk.leader(order_type="MARKET")
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal(102))
    assert desk.decided() == (Decision.COPIED, Reason.REPRICED)


def test_price_guard_is_asked_once_for_a_decision() -> None:
    desk = desk_of(**guard(), quote=(100, None, None))
    resting(desk, order_type="MARKET")
    desk.quoted(103)
    desk.now += 40 * SECOND
    desk.leader(order_type="MARKET", status="PART_TRADED", filled=20, average_price=103)
    desk.leader(order_type="MARKET", status="TRADED", filled=100, average_price=103)
    assert desk.taken() == []
    assert desk.slot().asked.price == Decimal("100.50")


# --- changes ----------------------------------------------------------------------------------------------------------


def test_scenario_2_2_a_change_of_price_passes_the_checks_again() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=108)
    assert desk.asked() == [(MODIFY, 50, Decimal(108))]
    assert desk.copy().stuck == ""


def test_scenario_2_7_a_change_that_is_refused_leaves_the_copy_as_it_is() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120)
    assert desk.taken() == []
    assert desk.slot().asked.price == 100
    assert desk.decided() == (Decision.COPIED, None)
    assert "120" in desk.copy().stuck
    assert "120" in desk.copy().drift
    assert sum("cannot be copied" in text for text in desk.alerts()) == 1
    desk.books(ALICE, desk.row())
    desk.books(LEADER)
    desk.leader(price=120)
    assert (desk.taken(), desk.alerts()) == ([], [])


def test_scenario_2_7_it_is_taken_up_when_the_leader_changes_again() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120)
    desk.leader(price=109)
    assert desk.asked() == [(MODIFY, 50, Decimal(109))]
    assert (desk.copy().stuck, desk.copy().drift) == ("", "")


def test_scenario_2_7_the_leaders_way_back_asks_for_nothing() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120)
    desk.leader(price=100)
    assert desk.taken() == []
    assert (desk.copy().stuck, desk.copy().drift) == ("", "")


def test_scenario_2_7_a_quantity_that_is_lessened_with_a_refused_price_is_lessened() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120, quantity=60)
    assert desk.asked() == [(MODIFY, 30, Decimal(100))]
    assert "120" in desk.copy().stuck
    desk.ack("A1")
    desk.leader(price=120, quantity=20)
    assert desk.asked() == [(MODIFY, 10, Decimal(100))]
    desk.ack("A1")
    desk.leader(price=120, quantity=200)  # enlarged at a price that may not be sent: nothing
    assert desk.taken() == []


def test_scenario_2_7_a_cancel_after_a_refused_change_is_a_cancel() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120)
    desk.leader(price=120, status="CANCELLED")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_2_7_under_the_kill_switch_a_change_that_would_be_refused_ends_it() -> None:
    desk = resting(desk_of(quote=(100, 90, 110), **circuit()))
    desk.kill()
    desk.taken()
    desk.leader(price=120)
    assert not any(one.kind is not CANCEL for one in desk.taken())
    assert desk.copy().stopped


def test_scenario_2_4_a_limit_that_turns_market_is_guarded() -> None:
    desk = resting(desk_of(**guard(), quote=(100, None, None)), price=99)
    desk.leader(order_type="MARKET")
    order = desk.changed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal("100.50"))


def test_scenario_2_4_or_waits_for_its_price_and_leaves_as_what_the_leader_wants_last() -> None:
    desk = resting(desk_of(**guard(), quote=(100, None, None)), price=99)
    desk.lost = True
    desk.leader(order_type="MARKET")
    assert (desk.taken(), desk.copy().waits) == ([], True)
    assert desk.slot().asked.price == 99
    desk.leader(price=98, quantity=80)
    assert desk.asked() == [(MODIFY, 40, Decimal(98))]
    assert not desk.copy().waits


def test_a_change_of_quantity_alone_keeps_the_price_that_was_given() -> None:
    desk = resting(desk_of(**guard(), quote=(100, None, None)), order_type="MARKET", price=0)
    desk.quoted(103)
    desk.now += 40 * SECOND
    desk.leader(order_type="MARKET", quantity=60)
    assert desk.asked() == [(MODIFY, 30, Decimal("100.50"))]
    desk.ack("A1")
    desk.leader(order_type="MARKET", quantity=120)
    assert desk.asked() == [(MODIFY, 60, Decimal("100.50"))]


def test_lessening_a_quantity_asks_nobody_for_a_price() -> None:
    desk = resting(desk_of(**guard(), quote=(100, None, None)), order_type="MARKET", price=0)
    desk.lost = True
    desk.now += 40 * SECOND
    desk.leader(order_type="MARKET", quantity=60)
    assert desk.asked() == [(MODIFY, 30, Decimal("100.50"))]
    assert desk.quotes_asked() == []


# --- what has not left ------------------------------------------------------------------------------------------------


def throttled(desk: Clocked, **said: Any) -> Clocked:
    """A copy whose placement the broker did not take just now."""
    desk.leader(**said)
    desk.reject(Category.THROTTLED, "too many requests")
    desk.taken()
    return desk


def test_a_placement_that_waits_does_not_leave_once_its_price_is_refused() -> None:
    desk = throttled(desk_of(quote=(100, 90, 110), **circuit()))
    desk.leader(price=120)
    assert desk.decided() == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    desk.wait(30)
    assert desk.taken() == []
    desk.leader(price=105)
    assert desk.asked() == [(PLACE, 50, Decimal(105))]
    assert desk.decided() == (Decision.COPIED, None)


def test_a_placement_that_waits_does_not_leave_at_a_price_that_is_not_wanted_any_more() -> None:
    desk = throttled(desk_of(quote=(100, 90, 110), **circuit("pct", price_band_pct=10)))
    desk.lost = True
    desk.now += 40 * SECOND
    desk.leader(price=105)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    desk.wait(5)
    assert desk.taken() == []
    desk.lost = False
    desk.wait(10)
    assert desk.asked() == [(PLACE, 50, Decimal(105))]


# --- a market order that becomes a limit ------------------------------------------------------------------------------

AS_LIMIT: dict[str, Any] = {
    "mapping": {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 30}},
    "checks": {"price_band": "none"},
}


def test_a_market_order_mapped_to_a_limit_asks_for_the_price_that_it_needs() -> None:
    desk = desk_of(quote=(200, None, None), **AS_LIMIT)
    desk.leader(order_type="MARKET")
    assert desk.quotes_asked() == [LEADER]
    assert desk.asked() == [(PLACE, 50, Decimal("200.60"))]


def test_it_waits_for_that_price() -> None:
    desk = desk_of(quote=(200, None, None), lost=True, **AS_LIMIT)
    for _ in range(5):
        desk.leader(order_type="MARKET", quantity=100)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    assert len(desk.quotes_asked()) == 1
    desk.lost = False
    desk.wait(10)
    assert desk.asked() == [(PLACE, 50, Decimal("200.60"))]


def test_it_takes_the_newest_price_not_the_one_of_an_old_frame() -> None:
    desk = desk_of(quote=(200, None, None), **AS_LIMIT)
    desk.leader(status="TRANSIT", order_type="MARKET", last_price=Decimal(150))
    desk.now += 60 * SECOND
    desk.leader(order_type="MARKET")
    assert desk.asked() == [(PLACE, 50, Decimal("200.60"))]


def test_it_is_refused_where_no_price_is_to_be_had() -> None:
    desk = desk_of(lacks=NOBODY, **AS_LIMIT)
    desk.leader(order_type="MARKET")
    assert desk.decided() == (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)


def test_a_change_into_such_an_order_waits_for_its_price() -> None:
    desk = resting(desk_of(quote=(100, None, None), **AS_LIMIT), price=99)
    desk.leader(order_type="MARKET")
    assert desk.asked() == [(MODIFY, 50, Decimal("100.30"))]
    assert desk.copy().stuck == ""


def test_scenario_5_6_a_share_has_its_own_quote() -> None:
    desk = desk_of(quote=(100, 90, 110), **circuit())
    desk.quoted(1000, 900, 1100, security_id=SHARE.security_id)
    said = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC}
    desk.leader(price=1050, **said)
    assert desk.asked() == [(PLACE, 50, Decimal(1050))]
