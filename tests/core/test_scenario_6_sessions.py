"""Scenarios 6.3 to 6.5, 6.7 and ``market_hours``: sessions, closed days, calendars that end, the hour of square-off."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from copyctl.core.hours import day_number
from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.events import BooksRead
from copyctl.model.reasons import Category, Reason
from copyctl.model.terms import AmoTime, Decision, OrderType, Product, Side
from tests.core.building import ALICE, LEADER, SECOND, WEEKDAYS, report
from tests.core.clocked import (
    CANCEL,
    FUTURE,
    GOLD,
    MODIFY,
    PLACE,
    SHARES,
    STOCKS,
    WEDNESDAY,
    bought,
    desk_at,
    entry_at,
    seen,
    sells,
)
from tests.core.market import DAYS, at, trading_days

# --- 6.3 ------------------------------------------------------------------------------------------------------------


def test_scenario_6_3_pre_open_place() -> None:
    desk = entry_at("09:03:00", {"pre_open": "place"}, **SHARES)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_3_pre_open_queue_waits_for_regular_trading() -> None:
    desk = entry_at("09:03:00", {"pre_open": "queue"}, **SHARES)
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, Reason.PRE_OPEN)
    assert "09:15" in desk.detail()
    desk.until("09:14:59")
    assert desk.taken() == []
    desk.until("09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_3_pre_open_reject() -> None:
    desk = entry_at("09:03:00", {"pre_open": "reject"}, **SHARES)
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)
    assert "pre_open" in desk.detail()


def test_scenario_6_3_only_what_takes_part_in_it_has_a_pre_open_session() -> None:
    assert entry_at("09:03:00").decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)  # an option
    desk = entry_at("09:03:00", segment=FUTURE.segment, security_id=FUTURE.security_id)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_3_a_change_waits_for_regular_trading_too() -> None:
    desk = desk_at("08:30:00", {"pre_open": "queue"})
    amo = {**SHARES, "after_market": True, "amo_time": AmoTime.OPEN}
    seen(desk, "08:31:00", **amo)
    assert desk.placed().after_market
    desk.ack("A1")
    desk.copied("PENDING", **amo)
    seen(desk, "09:03:00", price=102, **amo)
    assert desk.taken() == []
    assert desk.copy().waits
    desk.until("09:15:00")
    assert desk.asked() == [(MODIFY, 50, Decimal(102))]
    assert not desk.copy().waits


def test_scenario_6_3_a_change_that_is_refused_leaves_the_copy_as_it_is() -> None:
    desk = desk_at("08:30:00", {"pre_open": "reject"})
    amo = {**SHARES, "after_market": True, "amo_time": AmoTime.OPEN}
    seen(desk, "08:31:00", **amo)
    desk.ack("A1")
    desk.copied("PENDING", **amo)
    desk.taken()
    desk.alerts()
    seen(desk, "09:03:00", price=102, **amo)
    assert desk.taken() == []
    assert "pre_open" in desk.copy().stuck
    assert any("cannot be copied" in text for text in desk.alerts())
    seen(desk, "09:16:00", price=103, **amo)
    assert desk.asked() == [(MODIFY, 50, Decimal(103))]
    assert (desk.copy().stuck, desk.copy().drift) == ("", "")


@pytest.mark.parametrize(
    "said",
    [{"order_type": "STOP_LOSS", "price": 101, "trigger": 100}, {"validity": "IOC"}],
    ids=["stop loss", "IOC"],
)
@pytest.mark.parametrize(("outside", "decided"), [("reject", Decision.REFUSED), ("queue", Decision.QUEUED)])
def test_scenario_6_3_what_the_pre_open_session_does_not_take(
    said: dict[str, Any], outside: str, decided: Decision
) -> None:
    desk = entry_at("09:03:00", {"outside": outside}, **SHARES, **said)
    assert desk.taken() == []
    assert desk.decided() == (decided, Reason.MARKET_CLOSED)
    assert "the pre-open session takes" in desk.detail()
    desk.until("09:15:00")
    assert bool(desk.taken()) is (decided is Decision.QUEUED)


def test_scenario_6_3_a_refusal_for_its_type_is_decided_again_when_the_leader_changes_that() -> None:
    desk = entry_at("09:03:00", **SHARES, order_type="STOP_LOSS", price=101, trigger=100)
    seen(desk, **SHARES, price=102)
    assert desk.asked() == [(PLACE, 50, Decimal(102))]


# --- 6.4 ------------------------------------------------------------------------------------------------------------


def test_scenario_6_4_a_commodity_trades_in_the_evening() -> None:
    gold = {"segment": GOLD.segment, "security_id": GOLD.security_id, "product": Product.MARGIN}
    assert entry_at("21:00:00", **gold).asked() == [(PLACE, 50, Decimal(100))]
    assert entry_at("23:29:59", **gold).asked() == [(PLACE, 50, Decimal(100))]
    assert entry_at("23:30:00", **gold).decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)
    assert entry_at("2026-11-03T23:40:00", **gold).asked() == [(PLACE, 50, Decimal(100))]


def test_scenario_6_4_the_post_close_session_takes_market_orders_for_delivery() -> None:
    desk = entry_at("15:55:00", **SHARES, order_type="MARKET")
    assert desk.asked() == [(PLACE, 50, Decimal(0))]
    for said in ({}, {"order_type": "MARKET", "product": Product.INTRADAY}):
        desk = entry_at("15:55:00", **{**SHARES, **said})
        assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)
        assert "the post-close session takes" in desk.detail()


def test_scenario_6_4_the_closing_auction_takes_no_stop_loss() -> None:
    assert entry_at("15:20:00", **STOCKS).asked() == [(PLACE, 50, Decimal(100))]
    desk = entry_at("15:20:00", **STOCKS, order_type="STOP_LOSS", price=101, trigger=100)
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_CLOSED)
    assert "the closing auction takes" in desk.detail()
    plain = entry_at("15:20:00", **SHARES, order_type="STOP_LOSS", price=101, trigger=100)
    assert plain.taken()  # there are no derivatives on it, so it has no auction


def test_scenario_6_4_the_closing_auction_takes_no_disclosed_quantity() -> None:
    desk = entry_at("15:20:00", **STOCKS, disclosed=50)
    assert desk.placed().terms.disclosed_quantity == 0
    assert desk.decided() == (Decision.COPIED, Reason.DISCLOSED_DROPPED)
    assert entry_at("15:10:00", **STOCKS, disclosed=50).placed().terms.disclosed_quantity == 25


def test_scenario_6_4_a_request_that_waited_into_the_auction_goes_with_nothing_disclosed() -> None:
    desk = entry_at("15:14:58", **STOCKS, disclosed=50)
    assert desk.placed().terms.disclosed_quantity == 25
    desk.reject(Category.CONNECTIVITY, "try again")
    desk.sleeps_until("15:15:01")
    assert desk.placed().terms.disclosed_quantity == 0


def test_scenario_6_4_an_exit_is_sent_in_the_auction_whatever_its_form() -> None:
    desk = desk_at("15:00:00")
    bought(desk, **STOCKS)
    desk.sleeps_until("15:20:00")
    sells(desk, **STOCKS, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.placed().terms.order_type is OrderType.STOP_LOSS


def test_scenario_6_4_after_the_auction_it_waits_for_tomorrow() -> None:
    desk = entry_at("15:36:00", {"outside": "queue"}, **STOCKS)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    assert desk.copy().due_at == at(f"{WEDNESDAY}T09:15")


# --- 6.5 ------------------------------------------------------------------------------------------------------------

CLOSED_DAYS = [
    ("2026-10-02T11:00:00", "Gandhi Jayanti", "Mon 2026-10-05 09:15"),
    ("2026-09-13T11:00:00", "Sunday", "Tue 2026-09-15 09:15"),
    ("2026-09-14T11:00:00", "Ganesh Chaturthi", "Tue 2026-09-15 09:15"),
]


@pytest.mark.parametrize(("moment", "name", "next_open"), CLOSED_DAYS)
def test_scenario_6_5_a_closed_day_is_named(moment: str, name: str, next_open: str) -> None:
    desk = desk_at(moment)
    desk.calendar(DAYS)
    seen(desk)
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_HOLIDAY)
    assert name in desk.detail()
    assert next_open in desk.detail()


def test_scenario_6_5_on_a_closed_day_it_waits_for_the_next_one() -> None:
    desk = desk_at("2026-09-14T11:00:00", {"outside": "queue"})
    desk.calendar(DAYS)
    seen(desk)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_HOLIDAY)
    assert desk.copy().due_at == at("2026-09-15T09:15")


def test_scenario_6_5_on_a_closed_day_it_goes_after_the_market() -> None:
    desk = desk_at("2026-09-14T11:00:00", {"outside": "after_market"})
    desk.calendar(DAYS)
    seen(desk)
    assert desk.placed().after_market


def test_scenario_6_5_a_holiday_of_the_file_closes_a_trading_day() -> None:
    desk = entry_at("12:00:00", {"holidays": ["2026-09-15"]})
    assert desk.decided() == (Decision.REFUSED, Reason.MARKET_HOLIDAY)


@pytest.mark.parametrize(("moment", "open_"), [("18:14:59", False), ("18:15:00", True), ("19:15:00", False)])
def test_scenario_6_5_the_muhurat_session_is_open(moment: str, open_: bool) -> None:
    session = {"date": "2026-11-08", "segments": ["NSE_EQ", "NSE_FNO"], "open": "18:15", "close": "19:15"}
    desk = desk_at("2026-11-08T18:00:00", {"special_sessions": [session]})
    desk.calendar(DAYS)
    seen(desk, f"2026-11-08T{moment}")
    assert bool(desk.taken()) is open_
    assert desk.decided() == ((Decision.COPIED, None) if open_ else (Decision.REFUSED, Reason.MARKET_HOLIDAY))


def test_scenario_6_5_queued_on_a_sunday_it_leaves_with_the_muhurat_session() -> None:
    session = {"date": "2026-11-08", "segments": ["NSE_FNO"], "open": "18:15", "close": "19:15"}
    desk = desk_at("2026-11-08T18:00:00", {"special_sessions": [session], "outside": "queue"})
    desk.calendar(DAYS)
    seen(desk)
    desk.until("2026-11-08T18:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


STALE = "2027-01-05T12:00:00"  # a Tuesday
UNKNOWN = trading_days(last="2026-12-31")


@pytest.mark.parametrize("outside", ["reject", "queue", "after_market"])
def test_scenario_6_5_a_day_that_the_calendar_does_not_cover_is_refused(outside: str) -> None:
    desk = desk_at(STALE, {"outside": outside})
    desk.calendar(UNKNOWN)
    seen(desk)
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.CALENDAR_STALE)
    assert "known only from" in desk.detail()


def test_scenario_6_5_or_weekdays_count_and_that_is_told_once_a_day() -> None:
    desk = desk_at(STALE, {"stale_calendar": "warn"})
    desk.calendar(UNKNOWN)
    for number in range(3):
        seen(desk, "", f"L{number}")
    assert len(desk.taken()) == 3
    assert sum("does not cover this day" in text for text in desk.alerts()) == 1
    desk.now = at("2027-01-06T12:00:00")
    desk.calendar(UNKNOWN)
    seen(desk, "", "L9")
    assert sum("does not cover this day" in text for text in desk.alerts()) == 1
    seen(desk, "2027-01-09T12:00:00", "L10")  # a Saturday
    assert desk.decided("L10") == (Decision.REFUSED, Reason.MARKET_HOLIDAY)


def test_scenario_6_5_a_calendar_that_cannot_be_had_is_a_stale_one() -> None:
    desk = desk_at("12:00:00")
    desk.calendar(None, why="there is no such calendar")
    assert any("no such calendar" in text for text in desk.alerts())
    seen(desk)
    assert desk.decided() == (Decision.REFUSED, Reason.CALENDAR_STALE)


def test_scenario_6_5_an_exit_goes_whatever_the_calendar_says() -> None:
    desk = desk_at("12:00:00")
    bought(desk)
    desk.calendar(None, why="there is no such calendar")
    sells(desk, "TRADED", filled=100)
    assert desk.placed().side is Side.SELL


def test_scenario_6_5_while_the_calendar_is_being_read_it_waits_and_nobody_asks_again() -> None:
    desk = desk_at("12:00:00")
    del desk.state.tables["days"]["XBOM"]
    for price in range(100, 120):
        seen(desk, price=price)
    assert desk.decided() == (Decision.QUEUED, Reason.CHECKING)
    assert desk.taken() == []
    assert "XBOM" not in desk.state.tables["days"], "the calendar was asked for once more"
    desk.calendar(WEEKDAYS)
    assert desk.asked() == [(PLACE, 50, Decimal(119))]


def test_scenario_6_5_a_new_calendar_moves_what_is_queued() -> None:
    desk = entry_at("19:00:00", {"outside": "queue"})
    closed = tuple(day for day in WEEKDAYS.open_days if day != date(2026, 9, 16))
    desk.calendar(TradingDays(calendar="XBOM", first=WEEKDAYS.first, last=WEEKDAYS.last, open_days=closed))
    assert desk.copy().due_at == at("2026-09-17T09:15")
    desk.until(f"{WEDNESDAY}T10:00:00")
    assert desk.taken() == []


# --- square_off -------------------------------------------------------------------------------------------------------

SQUARED: dict[str, Any] = {"square_off": "15:15"}


@pytest.mark.parametrize(("moment", "decided"), [("15:14:59", Decision.COPIED), ("15:15:00", Decision.REFUSED)])
def test_square_off_refuses_intraday_entries_from_that_moment(moment: str, decided: Decision) -> None:
    desk = entry_at(moment, SQUARED)
    assert desk.decided()[0] is decided
    if decided is Decision.REFUSED:
        assert desk.decided()[1] == Reason.SQUARE_OFF
        assert "15:15" in desk.detail()


def test_square_off_leaves_other_products_alone() -> None:
    assert entry_at("15:20:00", SQUARED, product=Product.MARGIN).asked() == [(PLACE, 50, Decimal(100))]


def test_square_off_may_differ_by_segment() -> None:
    by_segment = {"square_off": {"MCX_COMM": "23:05"}}
    assert entry_at("15:20:00", by_segment).taken()
    gold = {"segment": GOLD.segment, "security_id": GOLD.security_id}
    assert entry_at("23:05:00", by_segment, **gold).decided() == (Decision.REFUSED, Reason.SQUARE_OFF)


def test_square_off_cancels_open_entries_at_that_moment_and_says_so() -> None:
    desk = entry_at("12:00:00", SQUARED)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=20)
    desk.taken()
    desk.until("15:14:59")
    assert desk.taken() == []
    desk.until("15:15:00")
    assert desk.asked() == [(CANCEL,)]
    desk.ack("A1")
    desk.copied("CANCELLED", filled=20)
    desk.until("15:30:00")
    assert desk.taken() == []
    assert "square_off" in desk.copy().drift


def test_square_off_leaves_entries_of_other_products_open() -> None:
    desk = entry_at("12:00:00", SQUARED, product=Product.MARGIN)
    desk.ack("A1")
    desk.taken()
    desk.until("15:20:00")
    assert desk.taken() == []


def test_square_off_takes_back_what_still_waits_to_leave() -> None:
    desk = entry_at("15:14:58", SQUARED)
    desk.reject(Category.CONNECTIVITY, "try again")
    desk.taken()
    desk.sleeps_until("15:15:00")
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, Reason.SQUARE_OFF)


def test_square_off_that_was_slept_through_is_made_up_for() -> None:
    desk = entry_at("12:00:00", SQUARED)
    desk.ack("A1")
    desk.copied("PENDING")
    desk.taken()
    desk.now = at("2026-09-15T15:20:00")
    desk.restart(books=True)
    assert {one.kind for one in desk.taken()} == {CANCEL}


def test_square_off_lets_exits_go_on() -> None:
    desk = desk_at("15:00:00", SQUARED)
    bought(desk)
    desk.until("15:16:00")
    assert desk.taken() == []
    sells(desk)
    desk.books(ALICE)  # its broker may have squared it off too
    assert desk.placed().side is Side.SELL


def test_square_off_does_not_touch_an_after_market_order_for_tomorrow() -> None:
    desk = desk_at("2026-09-18T19:59:00", SQUARED)  # a Friday
    desk.calendar(DAYS)
    seen(desk, "2026-09-18T20:00:00", status="TRANSIT", after_market=True, amo_time=AmoTime.OPEN)
    assert desk.placed().after_market
    desk.ack("A1")
    desk.copied("PENDING", after_market=True)
    desk.until("2026-09-21T15:14:59")
    assert desk.taken() == []
    desk.until("2026-09-21T15:15:00")
    assert desk.asked() == [(CANCEL,)]


def test_square_off_of_what_is_queued_for_tomorrow_is_tomorrows() -> None:
    desk = entry_at("15:45:00", {**SQUARED, "outside": "queue"})
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.until(f"{WEDNESDAY}T09:15:00")
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_square_off_that_comes_with_a_reload_holds_for_what_is_open() -> None:
    desk = entry_at("12:00:00")
    desk.ack("A1")
    desk.copied("PENDING")
    desk.taken()
    desk.reload({"market_hours": {"square_off": "14:00"}})
    assert desk.taken() == []
    desk.until("14:00:00")
    assert desk.asked() == [(CANCEL,)]


def test_hours_that_are_not_enforced_any_more_free_what_is_queued() -> None:
    desk = entry_at("09:00:30", {"outside": "queue"})
    desk.reload({"market_hours": {"outside": "queue"}})
    assert desk.taken() == []
    desk.reload({"market_hours": {"enforce": False}})
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


# --- 6.7 ------------------------------------------------------------------------------------------------------------


def test_scenario_6_7_at_its_circuit_an_entry_is_refused_and_an_exit_goes_at_the_edge() -> None:
    desk = desk_at("12:00:00", checks={"price_band": "circuit"})
    desk.quoted(last=100, lower=80, upper=105)
    bought(desk)
    seen(desk, "", "L1", price=106)
    assert desk.decided("L1") == (Decision.REFUSED, Reason.CIRCUIT_LIMIT)
    sells(desk, price=110)
    assert desk.placed().terms.price == 105


# --- nothing is asked in a storm --------------------------------------------------------------------------------------


def test_a_queued_copy_asks_for_nothing_while_it_waits() -> None:
    desk = entry_at("09:00:30", {"outside": "queue"})
    desk.questions.clear()
    for _ in range(60):
        desk.feed(BooksRead(at=desk.now, account=LEADER, asked_at=desk.now, orders=(report(LEADER, "L1"),)))
        desk.now += SECOND
    assert len(desk.quotes_asked()) <= 4  # once a sweep, of what is in play


def test_the_day_of_the_alert_is_kept_over_a_restart() -> None:
    desk = desk_at(STALE, {"stale_calendar": "warn"})
    desk.calendar(UNKNOWN)
    seen(desk)
    leader = desk.state.tables["account"][LEADER]
    assert isinstance(leader, Account)
    assert leader.calendar_told == day_number(at(STALE))
    desk.alerts()
    desk.restart(books=True)
    desk.calendar(UNKNOWN)
    seen(desk, "", "L2")
    assert not any("does not cover" in text for text in desk.alerts())
