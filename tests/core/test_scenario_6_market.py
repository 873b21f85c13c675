"""Scenarios 6.1 and 6.2, ``market_hours.outside``: what may leave when, what is kept until its market opens, and what
is never held back."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.effects import ReadBooks
from copyctl.model.events import StreamChanged
from copyctl.model.facts import Lack
from copyctl.model.placement import Standing
from copyctl.model.reasons import Category, Reason
from copyctl.model.request import Fate
from copyctl.model.terms import AmoTime, Decision, OrderType, Product, Side, Source
from tests.core.building import ALICE, BOB, LEADER, report
from tests.core.clocked import (
    CANCEL,
    MODIFY,
    PLACE,
    SHARES,
    STOCKS,
    WEDNESDAY,
    Clocked,
    bought,
    desk_at,
    entry_at,
    seen,
    sells,
)
from tests.core.market import at

# --- 6.1 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [{}, SHARES, STOCKS], ids=["option", "share", "derivative stock"])
def test_scenario_6_1_at_the_open_it_is_placed_at_once(said: dict[str, Any]) -> None:
    desk = entry_at("09:15:00", **said)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_6_1_a_second_earlier_it_is_not() -> None:
    desk = entry_at("09:14:59")
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)


@pytest.mark.parametrize(
    ("moment", "open_"), [("15:39:59", True), ("15:40:00", False), ("15:40:01", False)], ids=["last", "close", "after"]
)
def test_scenario_6_1_a_session_holds_its_first_moment_and_not_its_last(moment: str, open_: bool) -> None:
    assert bool(entry_at(moment).asked()) is open_


# --- 6.2 outside: reject ----------------------------------------------------------------------------------------------


def test_scenario_6_2_after_the_close_it_is_refused_with_the_next_open() -> None:
    desk = entry_at("16:05:00")
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)
    assert "next open Wed 2026-09-16 09:15 IST" in desk.detail()
    desk.until(f"{WEDNESDAY}T09:30")
    assert desk.asked() == []


def test_scenario_6_2_what_the_leader_changes_later_does_not_open_a_refusal_for_the_hour() -> None:
    desk = entry_at("09:14:00")
    desk.until("09:20:00")
    seen(desk, price=101)
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)


def test_scenario_6_2_enforce_false_keeps_no_hours() -> None:
    desk = entry_at("2026-09-13T03:00:00", {"enforce": False, "square_off": "15:15"})
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


# --- 6.2 outside: queue -----------------------------------------------------------------------------------------------


def test_scenario_6_2_queued_it_waits_for_the_next_open_and_leaves_then() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    assert desk.copy().due_at == at("2026-09-15T09:15") == desk.due_at
    desk.until("09:14:59")
    assert desk.taken() == []
    desk.until("09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_6_2_queued_in_the_evening_it_leaves_in_the_morning_while_the_leaders_lives() -> None:
    desk = entry_at("19:00:00", {"outside": "queue"})
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.until(f"{WEDNESDAY}T09:14:59")
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.until(f"{WEDNESDAY}T09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_2_what_is_queued_survives_a_restart() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    desk.restart(books=True)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    assert desk.taken() == []
    desk.until("09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_2_a_process_that_was_down_at_the_open_sends_it_when_it_starts() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    desk.now = at("2026-09-15T09:40:00")
    desk.restart(books=True)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_2_the_leaders_latest_terms_leave() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    seen(desk, price=102, quantity=60)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.until("09:15:00")
    assert desk.asked() == [(PLACE, 30, Decimal(102))]


@pytest.mark.parametrize(
    ("status", "reason"), [("CANCELLED", "leader_over"), ("EXPIRED", "leader_over"), ("REJECTED", "leader_rejected")]
)
def test_scenario_6_2_a_queued_copy_dies_with_the_leaders_order(status: str, reason: str) -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    desk.books(LEADER, report(LEADER, "L1", status))
    assert desk.decided() == (Decision.SKIPPED, reason)
    desk.until("09:20:00")
    assert desk.taken() == []


@pytest.mark.parametrize(
    ("last", "terms"),
    [("100.50", (PLACE, 50, Decimal(100))), ("90", (PLACE, 50, Decimal(100))), ("100.55", None)],
    ids=["at the edge", "better", "too far"],
)
def test_scenario_6_2_one_whose_leader_has_traded_goes_while_the_price_is_near(last: str, terms: Any) -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    seen(desk, status="TRADED", filled=100)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.quoted(last=last)
    desk.until("09:15:00")
    assert desk.asked() == ([terms] if terms else [])
    late = Decision.COPIED, Reason.LATE_COPIED
    assert desk.decided() == (late if terms else (Decision.REFUSED, Reason.LATE_PRICE))


def test_scenario_6_2_a_refusal_for_the_price_names_both_prices() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    seen(desk, status="TRADED", filled=100)
    desk.quoted(last=101)
    desk.until("09:15:00")
    assert all(price in desk.detail() for price in ("101", "100"))


def test_scenario_6_2_a_stop_that_traded_leaves_without_its_trigger() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"}, order_type="STOP_LOSS", price=101, trigger=100)
    seen(desk, status="TRADED", filled=100, order_type="LIMIT", price=101)
    desk.quoted(last=100)
    desk.until("09:15:00")
    order = desk.placed()
    assert (order.terms.order_type, order.terms.price, order.terms.trigger_price) == (
        OrderType.LIMIT,
        Decimal(101),
        Decimal(0),
    )


def test_scenario_6_2_late_filled_says_how_one_that_traded_leaves() -> None:
    for how, order_type, price in (("market", OrderType.MARKET, 0), ("limit", OrderType.LIMIT, Decimal("99.80"))):
        desk = Clocked("09:11:00", {"market_hours": {"outside": "queue"}, "late": {"filled": how}})
        desk.start()
        seen(desk, "09:12:00")
        seen(desk, status="TRADED", filled=100, average_price="99.80")
        desk.quoted(last=100)
        desk.until("09:15:00")
        order = desk.placed()
        assert (order.terms.order_type, order.terms.price) == (order_type, price)


def test_scenario_6_2_no_quote_to_be_had_refuses_one_that_traded() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    desk.lacks = {LEADER: Lack.NO_DATA_PLAN, ALICE: Lack.NO_DATA_PLAN}
    seen(desk, status="TRADED", filled=100)
    desk.until("09:15:00")
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)


def test_scenario_6_2_part_of_it_traded_and_the_rest_lives_it_leaves_whole() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    seen(desk, status="PART_TRADED", filled=40)
    desk.until("09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_2_while_nobody_has_looked_at_the_leaders_order_his_book_is_read_first() -> None:
    desk = entry_at("09:10:00", {"outside": "queue"})
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False, why="reset"))
    desk.reads(LEADER)
    desk.until("09:15:20")
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    assert sum(isinstance(one, ReadBooks) for one in desk.effects) == 5  # every five seconds
    desk.books(LEADER, report(LEADER, "L1", "PENDING"))
    desk.wait(5)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_2_and_one_that_he_has_cancelled_meanwhile_is_none() -> None:
    desk = entry_at("09:10:00", {"outside": "queue"})
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False, why="reset"))
    desk.until("09:15:02")
    desk.books(LEADER, report(LEADER, "L1", "CANCELLED"))
    desk.wait(30)
    assert desk.taken() == []
    assert desk.decided() == (Decision.SKIPPED, Reason.LEADER_OVER)


def test_scenario_6_2_a_kill_switch_in_between_refuses_what_is_queued() -> None:
    desk = entry_at("09:12:00", {"outside": "queue"})
    desk.kill()
    desk.until("09:20:00")
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.KILL_SWITCH)


def test_scenario_6_2_the_hours_are_asked_again_when_a_request_that_waited_leaves() -> None:
    for outside, decided in (("reject", Decision.REFUSED), ("queue", Decision.QUEUED)):
        desk = entry_at("15:39:58", {"outside": outside})
        desk.reject(Category.CONNECTIVITY, "try again")
        desk.taken()
        desk.until("15:39:58")
        desk.sleeps_until("15:40:00")
        assert desk.taken() == []
        assert desk.decided() == (decided, Reason.MARKET_CLOSED)


def test_scenario_6_2_a_request_that_waited_past_the_close_leaves_after_the_market() -> None:
    desk = entry_at("15:39:58", {"outside": "after_market"})
    assert not desk.placed().after_market
    desk.reject(Category.CONNECTIVITY, "try again")
    desk.sleeps_until("15:40:00")
    assert (desk.placed().after_market, desk.last.desired.amo_time if desk.last and desk.last.desired else None) == (
        True,
        AmoTime.OPEN,
    )


def test_scenario_6_2_a_request_that_was_kept_over_the_night_is_priced_when_the_leader_has_traded() -> None:
    desk = entry_at("15:39:58", {"outside": "queue"})
    desk.reject(Category.CONNECTIVITY, "try again")
    desk.taken()
    desk.sleeps_until("15:40:00")
    seen(desk, status="TRADED", filled=100)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.quoted(last=102)
    desk.until(f"{WEDNESDAY}T09:15:30")
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.LATE_PRICE)


def test_scenario_6_2_what_is_placed_anew_is_asked_for_the_hours_too() -> None:
    desk = entry_at("15:39:54")
    desk.answer(Fate.UNKNOWN, text="timeout")
    desk.taken()
    for _ in range(12):
        desk.wait(1)
        desk.looked()
    assert desk.slot(0).standing is Standing.ABSENT
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)


def test_scenario_6_2_each_follower_has_its_own_rule_and_clock() -> None:
    desk = Clocked(
        "09:11:00",
        {"market_hours": {"outside": "queue"}},
        followers=2,
        alice={"policy": {"market_hours": {"outside": "reject"}}},
    )
    desk.start()
    seen(desk, "09:12:00")
    assert desk.decided(account=ALICE) == (Decision.REFUSED, Reason.MARKET_CLOSED)
    desk.until("09:15:00")
    assert [one.account for one in desk.taken()] == [BOB]


# --- 6.2 outside: after_market ----------------------------------------------------------------------------------------


def test_scenario_6_2_it_is_sent_as_an_after_market_order() -> None:
    desk = entry_at("16:05:00", {"outside": "after_market"})
    order = desk.placed()
    assert (order.after_market, order.amo_time, order.terms.quantity) == (True, AmoTime.OPEN, 50)
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_6_2_the_time_of_such_an_order_is_the_mappings() -> None:
    desk = desk_at("16:00:00", {"outside": "after_market"}, mapping={"after_market_time": "OPEN_30"})
    seen(desk, "16:05:00")
    assert desk.placed().amo_time is AmoTime.OPEN_30


def test_scenario_6_2_in_the_session_it_is_a_plain_order() -> None:
    desk = entry_at("12:00:00", {"outside": "after_market"})
    assert (desk.placed().after_market, desk.copy().wanted.amo_time) == (False, None)  # type: ignore[union-attr]


def test_scenario_6_2_an_order_that_ends_at_once_is_no_after_market_order() -> None:
    desk = entry_at("16:05:00", {"outside": "after_market"}, validity="IOC")
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)


def test_scenario_6_2_an_after_market_copy_is_modified_and_cancelled_at_any_time() -> None:
    desk = entry_at("16:05:00", {"outside": "after_market"})
    desk.taken()
    desk.ack("A1")
    desk.copied("PENDING", after_market=True)
    seen(desk, price=101)
    assert desk.asked() == [(MODIFY, 50, Decimal(101))]
    desk.ack("A1")
    seen(desk, status="CANCELLED", price=101)
    assert desk.asked() == [(CANCEL,)]


# --- 6.2 the leader's own after-market orders -------------------------------------------------------------------------


@pytest.mark.parametrize("outside", ["reject", "queue", "after_market"])
@pytest.mark.parametrize("status", ["TRANSIT", "PENDING"])
def test_scenario_6_2_an_after_market_order_of_the_leader_comes_before_outside(outside: str, status: str) -> None:
    desk = desk_at("19:59:00", {"outside": outside})
    seen(desk, "20:00:00", status=status, after_market=True, amo_time=AmoTime.OPEN_60)
    order = desk.placed()
    assert (order.after_market, order.amo_time) == (True, AmoTime.OPEN_60)


def test_scenario_6_2_one_that_has_gone_to_the_exchange_is_a_plain_order() -> None:
    desk = desk_at("12:00:00")
    seen(desk, status="PENDING", after_market=True)
    assert not desk.placed().after_market


def test_scenario_1_7_its_row_is_read_first_which_may_tell_its_time_and_is_not_waited_for_long() -> None:
    told, untold = desk_at("16:30:00"), desk_at("16:30:00")
    for desk in (told, untold):
        seen(desk, status="TRANSIT", after_market=True)
        assert desk.taken() == []
        assert desk.decided() == (Decision.QUEUED, "checking")
        assert desk.reads(LEADER)
    row = report(
        LEADER, "L1", "PENDING", source=Source.BOOK, after_market=True, amo_time=AmoTime.PRE_OPEN, as_of=told.now
    )
    told.books(LEADER, row)
    assert told.placed().amo_time is AmoTime.PRE_OPEN
    untold.wait(4)
    assert untold.taken() == []
    untold.wait(2)
    assert untold.placed().amo_time is AmoTime.OPEN


def test_scenario_6_2_without_hours_an_after_market_order_is_copied_as_it_is() -> None:
    desk = desk_at("12:00:00", {"enforce": False})
    seen(desk, status="TRANSIT", after_market=True, amo_time=AmoTime.OPEN)
    assert desk.placed().after_market


# --- 6.2 exits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outside", ["reject", "queue", "after_market"])
def test_scenario_6_2_an_exit_whose_leader_is_live_goes_whatever_the_table_says(outside: str) -> None:
    desk = desk_at("15:30:00", {"outside": outside})
    bought(desk, product=Product.MARGIN)
    desk.sleeps_until("18:00:00")
    sells(desk, product=Product.MARGIN)
    order = desk.placed()
    assert (order.side, order.terms.quantity, order.after_market) == (Side.SELL, 50, False)


def test_scenario_6_2_an_exit_whose_leader_has_traded_waits_for_the_next_open() -> None:
    desk = desk_at("15:30:00")
    bought(desk, product=Product.MARGIN)
    desk.sleeps_until("18:00:00")
    sells(desk, "TRADED", filled=100, product=Product.MARGIN)
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.until(f"{WEDNESDAY}T09:14:59")
    assert desk.taken() == []
    desk.until(f"{WEDNESDAY}T09:15:01")
    sent = desk.taken()
    assert [(one.kind, one.desired.side, one.desired.terms.quantity) for one in sent if one.desired] == [
        (PLACE, Side.SELL, 50)
    ]


def test_scenario_6_2_an_exit_that_waits_is_asked_about_again_under_other_hours() -> None:
    desk = desk_at("15:30:00")
    bought(desk, product=Product.MARGIN)
    desk.sleeps_until("18:00:00")
    sells(desk, "TRADED", filled=100, product=Product.MARGIN)
    desk.reload({})
    assert desk.taken() == []
    desk.reload({"market_hours": {"enforce": False}})
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_6_2_a_cancel_goes_at_any_time() -> None:
    desk = entry_at("15:39:00")
    desk.ack("A1")
    desk.copied("PENDING")
    desk.taken()
    desk.sleeps_until("18:00:00")
    seen(desk, status="CANCELLED")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_6_2_an_exit_that_waited_over_the_night_leaves_in_the_session_as_a_plain_order() -> None:
    desk = desk_at("15:30:00")
    bought(desk, product=Product.MARGIN)
    desk.sleeps_until("19:59:00")
    sells(desk, after_market=True, amo_time=AmoTime.OPEN, product=Product.MARGIN)
    assert desk.placed().after_market
    desk.reject(Category.AUTHENTICATION, "token")
    desk.taken()
    desk.now = at(f"{WEDNESDAY}T09:20")
    desk.leader("L2", side=Side.SELL, quantity=100, price=110, after_market=True, product=Product.MARGIN)
    desk.wait(16)
    desk.books(ALICE)
    assert {one.desired.after_market for one in desk.taken() if one.desired} == {False}


def test_scenario_6_2_a_flatten_after_the_close_waits_for_the_next_open() -> None:
    desk = Clocked("15:30:00", kill_switch={"actions": ["stop_copying", "flatten"]}).start()
    bought(desk, product=Product.MARGIN)
    desk.sleeps_until("18:00:00")
    desk.kill()
    assert desk.taken() == []
    desk.until(f"{WEDNESDAY}T09:14:59")
    assert desk.taken() == []
    desk.until(f"{WEDNESDAY}T09:15:01")
    assert [(one.desired.side, one.desired.terms.quantity) for one in desk.taken() if one.desired] == [(Side.SELL, 50)]


def test_scenario_6_2_an_intraday_exit_does_not_go_into_a_session_that_does_not_take_it() -> None:
    desk = desk_at("15:00:00")
    bought(desk, **{**SHARES, "product": Product.INTRADAY})
    desk.sleeps_until("15:55:00")
    sells(desk, "TRADED", filled=100, **{**SHARES, "product": Product.INTRADAY})
    desk.books(ALICE)
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.QUEUED, Reason.MARKET_CLOSED)
