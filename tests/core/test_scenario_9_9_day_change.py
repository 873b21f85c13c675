"""Scenarios 9.9 and 9.8: a new day during a run or before it, and positions that the broker squares off."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.account import Account
from copyctl.model.effects import FindCalendar
from copyctl.model.facts import Ask, FundsWanted, PositionsWanted, Question
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Fate, RequestKind
from copyctl.model.terms import AmoTime, Decision, OrderStatus, OrderType, Product, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, Desk, held, report
from tests.core.market import at

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
MARGIN, INTRADAY = Product.MARGIN, Product.INTRADAY
TUESDAY, WEDNESDAY, THURSDAY = "2026-09-15", "2026-09-16", "2026-09-17"


def account(desk: Desk, name: str = ALICE) -> Account:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def stakes(desk: Desk, name: str = ALICE) -> dict[Product, tuple[int, int, int]]:
    """What an account has: net, copied and target by product."""
    found = [one for one in desk.state.tables["position"].values() if isinstance(one, Position)]
    return {one.product: (one.net, one.copied, int(one.target)) for one in found if one.account == name}


def moment(desk: Desk, text: str) -> None:
    """Time passes without anything being told, then all books are read, as a sweep does."""
    desk.now = at(text)
    for name in desk.accounts:
        desk.books(name, after=SECOND)


def bought(desk: Desk, order_id: str = "L1", product: Product = MARGIN) -> None:
    desk.leader(order_id, product=product)
    desk.ack(f"A-{order_id}")
    desk.copied("TRADED", order_id=order_id, filled=50, product=product)
    desk.leader(order_id, "TRADED", filled=100, product=product)
    desk.taken()


def resting(desk: Desk, order_id: str = "L1", **said: Any) -> None:
    desk.leader(order_id, **said)
    desk.ack(f"A-{order_id}")
    desk.copied("PENDING", order_id=order_id)
    desk.taken()


# --- orders ----------------------------------------------------------------------------------------------------------


def test_day_orders_of_yesterday_are_over_for_both_and_their_copies_end_without_a_call() -> None:
    desk = Desk().start()
    resting(desk)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    assert desk.asked() == []
    assert desk.order(LEADER, "L1").status is OrderStatus.EXPIRED
    assert desk.order(ALICE, "A-L1").status is OrderStatus.EXPIRED
    assert not any(slot.live for slot in desk.copy().slots)
    assert desk.copy().drift == ""
    assert desk.alerts() == []


def test_a_cancel_that_still_waited_does_not_leave_on_the_next_day() -> None:
    desk = Desk().start()
    resting(desk)
    desk.leader("L1", "CANCELLED")
    assert desk.asked() == [(CANCEL,)]
    desk.reject(Category.IN_TRANSIT)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    desk.wait(60)
    assert desk.asked() == []


def test_what_traded_of_an_order_that_expired_stays_counted() -> None:
    desk = Desk().start()
    desk.leader("L1", product=MARGIN)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=20, product=MARGIN)
    desk.leader("L1", "PART_TRADED", filled=40, product=MARGIN)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    assert stakes(desk) == {MARGIN: (20, 20, 20)}
    assert stakes(desk, LEADER)[MARGIN][0] == 40


def test_a_row_that_says_so_late_changes_nothing() -> None:
    desk = Desk().start()
    resting(desk)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    desk.books(LEADER, report(LEADER, "L1", "EXPIRED"))
    desk.books(ALICE, desk.row("EXPIRED"))
    assert desk.asked() == []
    assert desk.alerts() == []


def test_an_after_market_order_lives_through_its_trading_day_and_no_longer() -> None:
    desk = Desk()
    desk.now = at("2026-09-18T16:30:00")  # a Friday
    desk.start()
    desk.leader("L1", after_market=True, amo_time=AmoTime.OPEN)
    (sent,) = desk.taken()
    assert sent.desired is not None
    assert sent.desired.after_market
    desk.ack("A1")
    desk.copied("PENDING", after_market=True)
    for day in (19, 20, 21):
        moment(desk, f"2026-09-{day}T00:00:05")
        assert desk.order(LEADER, "L1").status is OrderStatus.PENDING
        assert desk.slot().live
    moment(desk, "2026-09-22T00:00:05")
    assert desk.order(LEADER, "L1").status is OrderStatus.EXPIRED
    assert not desk.slot().live
    assert desk.asked() == []


def test_without_a_calendar_an_after_market_order_lives_to_the_next_weekday() -> None:
    desk = Desk({"market_hours": {"enforce": False}})
    desk.now = at("2026-09-18T16:30:00")
    desk.start()
    desk.leader("L1", after_market=True)
    moment(desk, "2026-09-21T00:00:05")
    assert desk.order(LEADER, "L1").status is OrderStatus.PENDING
    moment(desk, "2026-09-22T00:00:05")
    assert desk.order(LEADER, "L1").status is OrderStatus.EXPIRED


def test_what_is_queued_for_the_next_open_stays_queued() -> None:
    desk = Desk({"market_hours": {"outside": "queue"}})
    desk.now = at(f"{TUESDAY}T16:00:00")
    desk.start()
    desk.leader("L1", after_market=False)
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    assert desk.decided() == (Decision.QUEUED, Reason.MARKET_CLOSED)
    desk.wait(10 * 3600)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


def test_an_exit_that_lapsed_at_the_close_leaves_at_the_next_open() -> None:
    desk = Desk().start()
    bought(desk)
    desk.now = at(f"{TUESDAY}T15:39:00")
    desk.leader("X1", side=Side.SELL, price=110, product=MARGIN)
    desk.ack("E1")
    desk.copied("PENDING", order_id="X1", product=MARGIN)
    desk.leader("X1", "TRADED", side=Side.SELL, price=110, filled=100, product=MARGIN)
    desk.now = at(f"{TUESDAY}T15:41:00")
    desk.books(ALICE, desk.row("EXPIRED", order_id="X1", product=MARGIN))
    desk.taken()
    moment(desk, f"{WEDNESDAY}T00:00:05")
    assert desk.taken() == []
    desk.wait(9 * 3600)
    assert desk.taken() == []
    moment(desk, f"{WEDNESDAY}T09:15:01")
    sent = [one.desired for one in desk.taken() if one.desired]
    assert [(one.side, one.terms.order_type, one.terms.quantity) for one in sent] == [(Side.SELL, OrderType.MARKET, 50)]


def test_a_placement_of_unknown_fate_from_yesterday_is_not_placed_anew() -> None:
    desk = Desk().start()
    desk.leader("L1")
    desk.answer(Fate.UNKNOWN)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    desk.looked()
    desk.wait(10)
    desk.looked()
    assert len(desk.taken()) == 1
    desk.wait(60)
    assert desk.taken() == []


# --- positions -------------------------------------------------------------------------------------------------------


def test_positions_are_carried_by_product_and_what_is_intraday_is_over() -> None:
    desk = Desk().start()
    bought(desk, "L1", MARGIN)
    bought(desk, "L2", INTRADAY)
    assert stakes(desk) == {MARGIN: (50, 50, 50), INTRADAY: (50, 50, 50)}
    desk.held = {LEADER: (held("43210", 100, product=MARGIN),), ALICE: (held("43210", 50, product=MARGIN),)}
    moment(desk, f"{WEDNESDAY}T09:16:00")
    assert stakes(desk) == {MARGIN: (50, 50, 50)}
    assert stakes(desk, LEADER) == {MARGIN: (100, 0, 0)}
    desk.leader("X1", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


def test_what_was_bought_intraday_yesterday_is_not_sold_today() -> None:
    desk = Desk().start()
    bought(desk, "L1", INTRADAY)
    moment(desk, f"{WEDNESDAY}T09:16:00")
    desk.leader("X1", side=Side.SELL, price=110)
    desk.books(LEADER, report(LEADER, "X1", side=Side.SELL, price=110))
    sent = [one for one in desk.taken() if one.desired]
    assert [one.exit for one in sent] == [False]  # he opens a short: an entry like any other
    assert desk.alerts() == []


def test_a_share_that_was_closed_in_part_stays_in_proportion_over_night() -> None:
    desk = Desk().start()
    bought(desk)
    desk.leader("X1", "TRADED", side=Side.SELL, quantity=35, filled=35, product=MARGIN, order_type="MARKET")
    (sent,) = desk.taken()
    desk.ack("E1")
    desk.copied("TRADED", order_id="X1", filled=15, product=MARGIN)
    assert sent.desired is not None
    assert sent.desired.terms.quantity == 15  # 17.5 are owed
    moment(desk, f"{WEDNESDAY}T09:16:00")
    desk.leader("X2", "TRADED", side=Side.SELL, quantity=65, filled=65, product=MARGIN, order_type="MARKET")
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [35]


def test_both_accounts_begin_the_day_whenever_their_books_are_read() -> None:
    desk = Desk(followers=2).start()
    bought(desk)
    desk.now = at(f"{WEDNESDAY}T00:00:01")
    desk.books(LEADER)
    assert {account(desk, name).day for name in desk.accounts} == {account(desk, LEADER).day}
    assert all(account(desk, name).positions_at for name in desk.accounts)
    desk.books(BOB)
    desk.books(ALICE)
    assert stakes(desk) == {MARGIN: (50, 50, 50)}


def test_a_missing_exit_of_the_night_waits_for_the_followers_own_positions() -> None:
    desk = Desk().start()
    bought(desk)
    desk.held[LEADER] = ()
    desk.silent = {ALICE}
    moment(desk, f"{WEDNESDAY}T09:16:00")
    moment(desk, f"{WEDNESDAY}T09:16:20")
    moment(desk, f"{WEDNESDAY}T09:16:40")
    assert desk.taken() == []
    desk.silent = set()
    desk.held[ALICE] = ()  # it was closed by hand in the evening
    for second in (0, 3, 20):  # the second read follows the books, which are asked for at once
        moment(desk, f"{WEDNESDAY}T09:17:{second:02}")
    assert desk.taken() == []


def test_an_exit_of_what_is_carried_waits_for_the_second_read_where_the_first_showed_less_but_not_for_ever() -> None:
    desk = Desk().start()
    bought(desk)
    moment(desk, f"{WEDNESDAY}T09:16:00")
    desk.held[ALICE] = ()
    desk.books(ALICE, after=20 * SECOND)
    desk.leader("X1", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert desk.taken() == []
    assert desk.decided("X1") == (Decision.QUEUED, Reason.CHECKING)
    desk.silent = {ALICE}
    desk.wait(11)
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


# --- counters --------------------------------------------------------------------------------------------------------


def test_counters_begin_again_and_the_kill_switch_stays_on() -> None:
    desk = Desk({"limits": {"max_orders_per_day": 1}}, kill_switch={"actions": ["stop_copying"]}, followers=2).start()
    desk.leader("L1")
    for request in desk.taken():
        desk.reject(Category.MARGIN, request=request)
    desk.leader("L2", price=99)
    assert desk.decided("L2") == (Decision.REFUSED, "limit_max_orders_per_day")
    assert account(desk).rejected_in_a_row == 1
    desk.kill(account=BOB)
    moment(desk, f"{WEDNESDAY}T09:16:00")
    assert (account(desk).placed_today, account(desk).placed, account(desk).rejected_in_a_row) == (0, (), 0)
    desk.leader("L3")
    assert desk.decided("L3") == (Decision.COPIED, None)
    assert desk.decided("L3", BOB) == (Decision.REFUSED, Reason.KILL_SWITCH)


@pytest.mark.parametrize(("when", "trips"), [("T00:00:05", False), ("T08:30:00", False), ("T09:20:00", True)])
def test_yesterdays_loss_that_the_broker_still_shows_at_night_is_not_todays(when: str, trips: bool) -> None:
    desk = Desk({"limits": {"max_daily_loss": 1000}}, kill_switch={"actions": ["stop_copying"]}).start()
    desk.held[ALICE] = (held("99", 0, carried=0, realised=Decimal(-5000), product=MARGIN),)
    desk.now = at(f"{WEDNESDAY}{when}")
    for _ in range(2):
        desk.books(ALICE, after=20 * SECOND)
    assert bool(account(desk).killed_at) is trips


def test_a_loss_of_friday_is_none_of_saturday() -> None:
    desk = Desk({"limits": {"max_daily_loss": 1000}}, kill_switch={"actions": ["stop_copying"]}).start()
    desk.held[ALICE] = (held("99", 0, carried=0, realised=Decimal(-5000), product=MARGIN),)
    moment(desk, "2026-09-19T11:00:00")
    assert not account(desk).killed_at


class Listening(Desk):
    """A desk that keeps what it was asked for."""

    asked_of: list[Question]
    calendars: int

    def tell(self, question: Question) -> None:
        self.asked_of.append(question)
        super().tell(question)


def listening(policy: Any = None) -> Listening:
    desk = Listening(policy)
    desk.asked_of = []
    desk.start()
    return desk


def test_calendar_positions_and_money_are_asked_for_anew() -> None:
    desk = listening({"checks": {"margin": True}})
    desk.asked_of.clear()
    desk.now = at(f"{WEDNESDAY}T00:00:01")
    made = desk.books(LEADER)
    assert FindCalendar(calendar="XBOM") in made.effects
    asked = [one.question for one in made.effects if isinstance(one, Ask)]
    assert {one.account for one in asked if isinstance(one, PositionsWanted)} == {LEADER, ALICE}
    assert {one.account for one in asked if isinstance(one, FundsWanted)} == {ALICE}


def test_a_day_begins_once() -> None:
    desk = listening()
    moment(desk, f"{WEDNESDAY}T00:00:01")
    desk.asked_of.clear()
    desk.now += SECOND
    desk.leader("L1", price=100)
    assert [one for one in desk.asked_of if isinstance(one, PositionsWanted)] == []


def test_a_clock_that_steps_back_over_midnight_begins_no_day() -> None:
    desk = Desk().start()
    bought(desk)
    moment(desk, f"{WEDNESDAY}T00:00:05")
    day = account(desk).day
    moment(desk, f"{TUESDAY}T23:59:50")
    assert account(desk).day == day
    assert stakes(desk) == {MARGIN: (50, 50, 50)}


# --- a run that begins on the next day -------------------------------------------------------------------------------


def test_a_run_that_is_started_on_the_next_day_begins_it() -> None:
    desk = Desk().start()
    bought(desk)
    resting(desk, "L2", price=90, product=MARGIN)
    desk.held = {LEADER: (held("43210", 100, product=MARGIN),), ALICE: (held("43210", 50, product=MARGIN),)}
    desk.now = at(f"{WEDNESDAY}T09:20:00")
    desk.restart(books=True)
    assert desk.asked() == []
    assert not any(slot.live for slot in desk.copy("L2").slots)
    assert stakes(desk) == {MARGIN: (50, 50, 50)}
    desk.leader("X1", "TRADED", side=Side.SELL, filled=100, product=MARGIN, order_type="MARKET")
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


def test_what_he_closed_while_the_run_was_down_is_closed_when_it_is_sure() -> None:
    desk = Desk().start()
    bought(desk)
    desk.held = {LEADER: (), ALICE: (held("43210", 50, product=MARGIN),)}
    desk.now = at(f"{WEDNESDAY}T09:20:00")
    desk.restart(books=True)
    assert desk.asked() == []
    moment(desk, f"{WEDNESDAY}T09:20:20")
    (sent,) = [one.desired for one in desk.taken() if one.desired]
    assert (sent.side, sent.terms.quantity, sent.terms.order_type) == (Side.SELL, 50, OrderType.MARKET)


def test_before_the_open_it_waits() -> None:
    desk = Desk().start()
    bought(desk)
    desk.held = {LEADER: (), ALICE: (held("43210", 50, product=MARGIN),)}
    desk.now = at(f"{WEDNESDAY}T08:20:00")
    desk.restart(books=True)
    for minute in range(21, 50, 5):
        moment(desk, f"{WEDNESDAY}T08:{minute}:00")
    assert desk.asked() == []
    for second in (1, 21, 41):
        moment(desk, f"{WEDNESDAY}T09:15:{second:02}")
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


# --- 9.8 -------------------------------------------------------------------------------------------------------------


def squared_off(desk: Desk) -> None:
    """The broker closes the leader's intraday position at 15:20."""
    desk.now = at(f"{TUESDAY}T15:20:00")
    desk.leader("SQ", "TRADED", side=Side.SELL, filled=100, order_type="MARKET")


def test_scenario_9_8_the_leaders_square_off_is_copied_after_the_followers_book_was_read() -> None:
    desk = Desk().start()
    bought(desk, product=INTRADAY)
    desk.reads(ALICE)
    squared_off(desk)
    assert desk.taken() == []
    assert desk.reads(ALICE)
    desk.books(ALICE)
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


@pytest.mark.parametrize(("closed", "left"), [(50, []), (30, [20])])
def test_scenario_9_8_it_is_capped_by_what_the_followers_broker_has_left(closed: int, left: list[int]) -> None:
    desk = Desk().start()
    bought(desk, product=INTRADAY)
    squared_off(desk)
    own = report(ALICE, "SQ-A", "TRADED", side=Side.SELL, quantity=closed, filled=closed, order_type="MARKET")
    desk.books(ALICE, own)
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == left
    desk.wait(60)
    assert stakes(desk)[INTRADAY][0] == 50 - closed


def test_scenario_9_8_what_is_carried_over_night_does_not_wait_for_the_book() -> None:
    desk = Desk().start()
    bought(desk)
    desk.now = at(f"{TUESDAY}T15:20:00")
    desk.leader("X1", "TRADED", side=Side.SELL, filled=100, order_type="MARKET", product=MARGIN)
    assert [one.desired.terms.quantity for one in desk.taken() if one.desired] == [50]


def copies(desk: Desk) -> list[Copy]:
    return [one for one in desk.state.tables["copy"].values() if isinstance(one, Copy)]


def test_scenario_9_8_a_square_off_that_was_seen_late_closes_nothing_that_is_not_there() -> None:
    desk = Desk().start()
    bought(desk, product=INTRADAY)
    desk.now = at(f"{TUESDAY}T15:30:00")
    desk.held = {LEADER: (), ALICE: ()}
    own = report(ALICE, "SQ-A", "TRADED", side=Side.SELL, quantity=50, filled=50, order_type="MARKET")
    his = report(LEADER, "SQ", "TRADED", side=Side.SELL, filled=100, order_type="MARKET")
    desk.books(LEADER, his)
    desk.books(ALICE, own)
    desk.wait(60)
    assert desk.taken() == []
    assert stakes(desk)[INTRADAY] == (0, 0, 0)
    assert [one.leader_order_id for one in copies(desk) if one.exit and one.filled] == []


# --- what his orders of yesterday say of those of today --------------------------------------------------------------


def test_what_he_traded_yesterday_counts_once_when_an_order_of_today_is_looked_at_again() -> None:
    desk = Desk().start()
    bought(desk)
    moment(desk, f"{WEDNESDAY}T10:00:00")
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100, product=MARGIN)
    (closing,) = desk.taken()
    desk.ack("A-L2")
    desk.copied("TRADED", order_id="L2", filled=50, product=MARGIN)
    desk.leader("L3", "TRADED", side=Side.SELL, filled=100, product=MARGIN)
    assert desk.decided("L3") == (Decision.QUEUED, Reason.CHECKING)  # a short waits for his book
    desk.books(LEADER)
    (short,) = desk.taken()
    assert (closing.exit, short.exit) == (True, False)


def test_an_order_of_yesterday_that_was_forgotten_turns_none_of_today_round() -> None:
    desk = Desk({"market_hours": {"enforce": False}}).start()
    bought(desk, product=INTRADAY)
    moment(desk, f"{TUESDAY}T13:00:00")
    desk.leader("L2", "TRADED", side=Side.SELL, filled=100)
    desk.taken()
    desk.ack("A-L2")
    desk.copied("TRADED", order_id="L2", filled=50)
    moment(desk, f"{WEDNESDAY}T12:30:00")
    assert "L1" not in desk.state.tables["leader_order"]
    assert "L2" in desk.state.tables["leader_order"]
    desk.leader("L3", "TRADED", filled=100)
    assert len(desk.taken()) == 1, desk.copy("L3").detail
    assert desk.copy("L3").exit is False
