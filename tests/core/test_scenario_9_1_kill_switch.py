"""Scenario 9.1: the kill switch: what trips it, what it does and in which order, what is left when it is released."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.state import State
from copyctl.core.step import step
from copyctl.model.account import Account
from copyctl.model.events import BooksUnreadable, CommandGiven, PolicyLoaded, StreamChanged
from copyctl.model.facts import Ask, BrokerKill, BrokerKillStateWanted, BrokerKillWanted, Fact, FactArrived, Lack
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Position
from copyctl.model.request import Fate, Request, RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, Desk, held
from tests.core.exits_life import ExitsWorld
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
REFUSED = (Decision.REFUSED, Reason.KILL_SWITCH)
HELD_BACK = (Decision.QUEUED, Reason.KILL_SWITCH)


def switch(*actions: str, **causes: Any) -> dict[str, Any]:
    """The kill switch of a rules file."""
    return {"kill_switch": {"actions": ["stop_copying", *actions], **causes}}


def account(desk: Desk, name: str = ALICE) -> Account:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def killed(desk: Desk, name: str = ALICE) -> bool:
    return bool(account(desk, name).killed_at)


def kill(desk: Desk, *actions: str, name: str = "", reason: str = "") -> None:
    desk.now += SECOND
    desk.feed(
        CommandGiven(at=desk.now, command_id=1, command="kill", account=name, reason=reason, actions=tuple(actions))
    )


def entry(desk: Desk, order_id: str, *, filled: int = 0, side: Side = Side.BUY, **said: Any) -> None:
    """An entry of the leader and its copy at the broker, filled or resting."""
    desk.leader(order_id, side=side, **said)
    desk.ack(f"A-{order_id}")
    what = {"security_id": said["security_id"]} if "security_id" in said else {}
    if filled:
        desk.leader(order_id, "TRADED", side=side, filled=2 * filled, **{"quantity": 2 * filled, **said})
        desk.copied("TRADED", order_id=order_id, filled=filled, **what)
    else:
        desk.copied("PENDING", order_id=order_id, **what)
    desk.taken()


def holding(**parts: Any) -> Desk:
    """A follower with 50 bought and one more entry that rests."""
    desk = Desk(**parts).start()
    entry(desk, "L1", filled=50, quantity=100)
    entry(desk, "L2", price=90)
    return desk


def ended(desk: Desk, order_id: str) -> None:
    """The cancel that was asked for has taken place."""
    desk.copied("CANCELLED", order_id=order_id)


def stake(desk: Desk, security_id: str = "43210", name: str = ALICE) -> Position:
    found = desk.state.tables["position"][f"{name}/NSE_FNO/{security_id}/{Product.INTRADAY}"]
    assert isinstance(found, Position)
    return found


def market_orders(desk: Desk) -> list[tuple[Side, int]]:
    """What was placed at the market since the last time, as side and units."""
    placed = [one.desired for one in desk.taken() if one.kind is PLACE and one.desired]
    assert all(one.terms.order_type is OrderType.MARKET for one in placed)
    return [(one.side, one.terms.quantity) for one in placed]


# --- entries, cancels, exits ----------------------------------------------------------------------------------------


def test_no_entry_is_placed_or_enlarged_and_what_was_refused_stays_refused() -> None:
    desk = Desk(**switch()).start()
    entry(desk, "L1")
    kill(desk)
    desk.leader("L2")
    desk.leader("L1", quantity=200)
    assert desk.asked() == [(CANCEL,)]
    assert desk.decided("L2") == REFUSED
    desk.kill("resume")
    desk.leader("L2", quantity=300, price=99)
    assert desk.asked() == []
    assert desk.decided("L2") == REFUSED


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"quantity": 60}, [(MODIFY, 30, Decimal(100))]),
        ({"quantity": 60, "price": 99}, [(CANCEL,)]),
        ({"quantity": 140}, [(CANCEL,)]),
        ({"order_type": "MARKET"}, [(CANCEL,)]),
        ({"validity": "IOC"}, [(CANCEL,)]),
    ],
)
def test_an_open_entry_that_he_changes_is_cancelled_unless_he_only_lessens_its_quantity(
    change: Any, asked: Any
) -> None:
    desk = Desk(**switch()).start()
    entry(desk, "L1")
    kill(desk)
    desk.leader("L1", **change)
    assert desk.asked() == asked


def test_a_lessening_that_waits_when_the_switch_comes_leaves_all_the_same() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}, **switch()).start()
    entry(desk, "L1")
    desk.leader("L9")
    desk.now -= SECOND
    desk.leader("L1", quantity=60)
    desk.taken()
    desk.now -= SECOND
    kill(desk)
    desk.wait(3)
    assert desk.asked() == [(MODIFY, 30, Decimal(100))]


def test_cancels_and_exits_follow_the_leader() -> None:
    desk = holding(**switch())
    kill(desk)
    desk.leader("L2", "CANCELLED", price=90)
    assert desk.asked() == [(CANCEL,)]
    desk.leader("L3", side=Side.SELL, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    desk.ack("X1")
    desk.copied("PENDING", order_id="L3")
    desk.leader("L3", side=Side.SELL, price=111)
    assert desk.asked() == [(MODIFY, 50, Decimal(111))]


def test_an_exit_whose_change_waits_is_not_cancelled_by_the_switch() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}, **switch()).start()
    entry(desk, "L1", filled=50, quantity=100)
    desk.wait(2)
    desk.leader("L2", side=Side.SELL, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.wait(2)
    desk.leader("L9", price=50)
    desk.now -= SECOND
    desk.leader("L2", side=Side.SELL, price=111)
    desk.taken()
    desk.now -= SECOND
    kill(desk)
    desk.wait(3)
    assert desk.asked() == [(MODIFY, 50, Decimal(111))]


@pytest.mark.parametrize("waits_for", ["market", "margin"])
def test_what_waits_when_the_switch_comes_is_refused_at_once(waits_for: str) -> None:
    desk = Desk({"checks": {"margin": waits_for == "margin"}, "market_hours": {"outside": "queue"}}, **switch())
    desk.silent = {"margin"}
    desk.now += 8 * 3600 * SECOND if waits_for == "market" else 0
    desk.start()
    desk.leader("L1", after_market=False)
    assert desk.decided("L1")[0] is Decision.QUEUED
    kill(desk)
    assert desk.decided("L1") == REFUSED
    desk.kill("resume")
    desk.wait(20 * 3600)
    assert desk.asked() == []


def test_what_was_never_there_is_not_placed_anew_under_the_switch() -> None:
    desk = Desk(**switch()).start()
    desk.leader("L1")
    desk.answer(Fate.UNKNOWN)
    kill(desk)
    desk.looked()
    desk.wait(6)
    desk.looked()
    assert len(desk.taken()) == 1
    assert desk.decided("L1") == REFUSED


def test_it_holds_one_follower_or_all_of_them() -> None:
    desk = Desk(followers=2, **switch()).start()
    kill(desk, name=BOB, reason="news")
    assert (killed(desk, ALICE), killed(desk, BOB)) == (False, True)
    assert account(desk, BOB).killed_reason == "news"
    desk.leader("L1")
    assert [one.account for one in desk.taken()] == [ALICE]
    kill(desk)
    assert killed(desk, ALICE)
    assert account(desk, BOB).killed_reason == "news"
    desk.kill("resume", ALICE)
    assert (killed(desk, ALICE), killed(desk, BOB)) == (False, True)
    desk.kill("resume")
    assert not killed(desk, BOB)


def test_it_survives_a_restart_until_it_is_released() -> None:
    desk = holding(**switch("cancel_open_orders"))
    kill(desk)
    desk.taken()
    desk.restart(books=True)
    assert killed(desk)
    desk.leader("L3")
    assert desk.decided("L3") == REFUSED
    desk.kill("resume")
    desk.leader("L4")
    assert desk.asked()[-1] == (PLACE, 50, Decimal(100))


@pytest.mark.parametrize("name", ["", ALICE])
def test_a_kill_that_comes_before_any_rules_is_done_when_they_come(name: str) -> None:
    desk = Desk(**switch("cancel_open_orders"))
    given = CommandGiven(at=desk.now, command_id=1, command="kill", account=name, actions=("halt", "unheard of"))
    desk.feed(given)
    desk.restart(books=True)
    assert killed(desk)
    assert account(desk).halted
    desk.leader("L1")
    assert desk.decided("L1") == REFUSED
    assert [one for one in desk.state.tables["account"] if one.startswith("kill:")] == []


def test_a_resume_before_any_rules_takes_the_kill_back() -> None:
    desk = Desk(**switch())
    desk.kill()
    desk.kill("resume")
    desk.start()
    assert not killed(desk)


def test_a_resume_of_nothing_says_nothing() -> None:
    desk = Desk(**switch()).start()
    desk.kill("resume")
    assert desk.alerts() == []


# --- what trips it --------------------------------------------------------------------------------------------------


def rejected(desk: Desk, order_id: str, category: Category = Category.INPUT) -> None:
    desk.leader(order_id, price=100 + desk.now // SECOND % 50)
    desk.reject(category)


def test_consecutive_rejections_trip_it_and_an_order_that_is_taken_breaks_the_row() -> None:
    desk = Desk(**switch(on_consecutive_rejections=2)).start()
    rejected(desk, "L1")
    desk.leader("L2")
    desk.ack("A2")
    desk.copied("PENDING", order_id="L2")
    rejected(desk, "L3")
    assert not killed(desk)
    rejected(desk, "L4")
    assert killed(desk)
    assert "2 orders rejected" in account(desk).killed_reason


def test_an_order_that_is_acknowledged_and_rejected_by_the_exchange_counts_as_rejected() -> None:
    desk = Desk(**switch(on_consecutive_rejections=2)).start()
    for number in (1, 2):
        desk.leader(f"L{number}")
        desk.ack(f"A{number}")
        desk.copied("REJECTED", order_id=f"L{number}", category=Category.MARGIN)
    assert killed(desk)


def test_an_older_order_that_changes_breaks_no_row() -> None:
    desk = Desk(**switch(on_consecutive_rejections=2)).start()
    entry(desk, "L1")
    rejected(desk, "L2")
    desk.copied("PART_TRADED", order_id="L1", filled=5)
    rejected(desk, "L3")
    assert killed(desk)


@pytest.mark.parametrize(
    "category", [Category.SESSION, Category.HALT, Category.AUTHENTICATION, Category.ADDRESS, Category.THROTTLED]
)
def test_rejections_that_say_nothing_of_the_order_do_not_count(category: Category) -> None:
    desk = Desk(resilience={"retries": {"attempts": 1}}, **switch(on_consecutive_rejections=1)).start()
    rejected(desk, "L1", category)
    assert not killed(desk)


def test_modifications_and_cancels_that_are_refused_do_not_count() -> None:
    desk = Desk(**switch(on_consecutive_rejections=1)).start()
    entry(desk, "L1")
    desk.leader("L1", price=99)
    desk.reject(Category.INPUT)
    desk.leader("L1", "CANCELLED", price=99)
    desk.reject(Category.UNKNOWN)
    assert not killed(desk)


def test_an_exit_that_is_sent_again_and_again_counts_once() -> None:
    desk = Desk(**switch(on_consecutive_rejections=2)).start()
    entry(desk, "L1", filled=50, quantity=100)
    desk.leader("L2", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    for _ in range(4):
        desk.reject(Category.UNKNOWN)
        desk.wait(6)
    assert len(desk.taken()) > 3
    assert not killed(desk)


def test_orders_of_unknown_fate_trip_it() -> None:
    desk = Desk(resilience={"settle": {"absent_for": "5s", "give_up": "10s"}}, **switch(on_unresolved_orders=2)).start()
    for number in (1, 2):
        desk.leader(f"L{number}")
        desk.answer(Fate.UNKNOWN)
    first, second = desk.waiting
    for _ in range(6):
        desk.now += 2 * SECOND
        desk.looked(readable=False, request=first)
    assert desk.decided("L1") == (Decision.DEAD, Reason.UNRESOLVED)
    assert not killed(desk)
    desk.looked(readable=False, request=second)
    assert killed(desk)
    assert "2 orders of unknown fate" in account(desk).killed_reason
    desk.kill("resume")
    desk.now += 2 * SECOND
    desk.looked(readable=False, request=first)
    assert not killed(desk)  # a person knows of these two


def test_more_placements_than_one_leader_order_may_need_are_a_runaway() -> None:
    desk = Desk(**switch(on_orders_per_leader_order=2)).start()
    for number in range(3):
        desk.leader("L1", price=100 + number)
        desk.reject(Category.PRICE_BAND)
    assert killed(desk)
    assert "3 orders for leader order L1" in account(desk).killed_reason
    desk.kill("resume")
    desk.leader("L1", quantity=120, price=102)
    assert not killed(desk)


def test_what_replaces_an_order_of_ours_is_no_runaway() -> None:
    desk = Desk(rate_limits={"modifications_per_order": 1}, **switch(on_orders_per_leader_order=1)).start()
    entry(desk, "L1")
    for number in range(1, 7):
        desk.leader("L1", price=100 + number)
        request = desk.last
        assert request is not None
        if request.kind is CANCEL:
            desk.ack()
            desk.copied("CANCELLED")
            desk.ack(f"A1-{number}")
            desk.copied("PENDING")
        else:
            desk.ack()
    assert len(desk.copy().slots) > 2
    assert not killed(desk)


def test_parts_of_what_trades_are_no_runaway() -> None:
    desk = Desk({"copy_on": "traded"}, **switch(on_orders_per_leader_order=2)).start()
    for number in range(1, 6):
        desk.leader("L1", "PART_TRADED", filled=10 * number)
        desk.ack(f"A{number}")
    assert len(desk.copy().slots) == 5
    assert not killed(desk)


def test_exits_are_no_runaway() -> None:
    desk = Desk(**switch(on_orders_per_leader_order=1)).start()
    entry(desk, "L1", filled=50, quantity=100)
    desk.leader("L2", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    for _ in range(3):
        desk.reject(Category.UNKNOWN)
        desk.wait(6)
    assert not killed(desk)


def lose(desk: Desk, rupees: int, unrealised: int = 0) -> None:
    """The broker's positions show this result of the day."""
    row = held("99", 0, carried=0, realised=Decimal(-rupees), unrealised=Decimal(unrealised), product=Product.MARGIN)
    desk.held[ALICE] = (row, *desk._as_thought(ALICE))
    desk.books(ALICE, after=20 * SECOND)


def test_the_days_loss_trips_it_realised_and_unrealised_together() -> None:
    desk = Desk({"limits": {"max_daily_loss": 1000}}, followers=2, **switch()).start()
    lose(desk, 900)
    assert not killed(desk)
    lose(desk, 900, -100)
    assert killed(desk)
    assert not killed(desk, BOB)
    assert "max_daily_loss" in account(desk).killed_reason


def test_resuming_on_the_day_of_the_loss_does_not_trip_it_again() -> None:
    desk = Desk({"limits": {"max_daily_loss": 1000}}, **switch()).start()
    lose(desk, 1000)
    desk.kill("resume")
    lose(desk, 1100)
    assert not killed(desk)
    desk.leader("L1")
    assert desk.decided("L1") == (Decision.REFUSED, "limit_max_daily_loss")


SILENCE = switch(on_stream_silence="60s")


def down(desk: Desk) -> None:
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False, why="broken"))


def test_a_leader_who_is_not_heard_trips_it_for_all_when_the_time_is_over() -> None:
    desk = Desk(followers=2, **SILENCE).start()
    desk.wait(3600)  # a quiet stream is no silence
    down(desk)
    desk.wait(59)
    assert not killed(desk)
    desk.wait(2)
    assert killed(desk, ALICE)
    assert killed(desk, BOB)
    assert "60 s" in account(desk).killed_reason


def test_while_his_book_can_be_read_he_is_heard() -> None:
    desk = Desk(**SILENCE).start()
    down(desk)
    for _ in range(10):
        desk.wait(15)
        desk.books(LEADER)
    assert not killed(desk)
    desk.feed(BooksUnreadable(at=desk.now, account=LEADER, why="timeout"))
    desk.wait(59)
    assert not killed(desk)
    desk.wait(2)
    assert killed(desk)


def test_a_process_that_reaches_nobody_from_its_start_on_counts_from_there() -> None:
    desk = Desk(**SILENCE).start(books=False, streams=False)
    desk.wait(59)
    assert not killed(desk)
    desk.wait(2)
    assert killed(desk)


def test_a_restart_long_after_the_last_word_begins_to_count_anew() -> None:
    desk = Desk(**SILENCE).start()
    desk.wait(1000)
    desk.restart()
    desk.wait(59)
    assert not killed(desk)
    desk.wait(2)
    assert killed(desk)


def test_resuming_in_the_silence_holds_until_the_next_one() -> None:
    desk = Desk(**SILENCE).start()
    down(desk)
    desk.wait(61)
    desk.kill("resume")
    desk.wait(600)
    assert not killed(desk)
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    down(desk)
    desk.wait(61)
    assert killed(desk)


# --- what it does ---------------------------------------------------------------------------------------------------


def test_stop_copying_alone_leaves_open_entries_as_they_are() -> None:
    desk = holding(**switch())
    kill(desk)
    assert desk.asked() == []
    assert account(desk).kill_actions == ()


def test_cancel_open_orders_ends_entries_and_leaves_exits_and_a_persons_orders() -> None:
    desk = holding(**switch("cancel_open_orders"))
    desk.leader("L3", side=Side.SELL, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L3")
    desk.frame(ALICE, "H1", side=Side.BUY, price=80, quantity=5)
    desk.taken()
    kill(desk)
    sent = desk.taken()
    assert [(one.kind, one.order_id) for one in sent] == [(CANCEL, "A-L2")]
    assert account(desk).kill_actions == ("cancel_open_orders",)
    desk.ack()
    ended(desk, "L2")
    assert account(desk).kill_actions == ()
    assert desk.copy("L2").drift == "cancelled under the kill switch with 0 filled"


def test_what_was_on_its_way_is_cancelled_when_it_is_there() -> None:
    desk = Desk(**switch("cancel_open_orders")).start()
    desk.leader("L1")
    desk.taken()
    kill(desk)
    assert desk.asked() == []
    assert account(desk).kill_actions == ("cancel_open_orders",)
    desk.ack("A1")
    assert desk.asked() == [(CANCEL,)]


def test_flatten_closes_what_was_copied_after_the_open_entries_have_ended() -> None:
    desk = holding(**switch("flatten"))
    desk.frame(ALICE, "H1", "TRADED", side=Side.BUY, quantity=10, filled=10)
    kill(desk)
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    ended(desk, "L2")
    assert market_orders(desk) == [(Side.SELL, 50)]
    assert account(desk).kill_actions == ("flatten",)
    row = next(one for one in desk.state.tables["copy"] if one.startswith("position:"))
    assert row.startswith("position:NSE_FNO:43210:INTRADAY:2026-09-15:")
    desk.ack("X1")
    desk.copied("TRADED", order_id=row.partition("/")[0], filled=50)
    assert (stake(desk).copied, stake(desk).net) == (0, 10)
    assert account(desk).kill_actions == ()
    desk.wait(60)
    assert desk.asked() == []


def test_flatten_buys_back_what_was_sold_first() -> None:
    desk = Desk({"checks": {"instrument": False}}, **switch("flatten")).start()
    entry(desk, "L1", filled=50, quantity=100)
    entry(desk, "L2", filled=25, side=Side.SELL, security_id="50000", quantity=50)
    kill(desk)
    assert market_orders(desk) == [(Side.BUY, 25)]
    desk.ack("X1")
    row = next(one for one in desk.state.tables["copy"] if one.startswith("position:"))
    desk.copied("TRADED", order_id=row.partition("/")[0], filled=25, security_id="50000")
    assert market_orders(desk) == [(Side.SELL, 50)]


def test_flatten_does_not_wait_for_ever_for_what_cannot_be_bought_back() -> None:
    desk = Desk({"checks": {"instrument": False}}, **switch("flatten")).start()
    entry(desk, "L1", filled=50, quantity=100)
    entry(desk, "L2", filled=25, side=Side.SELL, security_id="50000", quantity=50)
    kill(desk)
    desk.taken()
    desk.reject(Category.PRICE_BAND)
    desk.wait(11)
    assert (Side.SELL, 50) in market_orders(desk)


def test_flatten_takes_over_exits_that_rest() -> None:
    desk = Desk(**switch("flatten")).start()
    entry(desk, "L1", filled=50, quantity=100)
    desk.leader("L2", side=Side.SELL, quantity=50, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    kill(desk)
    desk.copied("CANCELLED", order_id="L2")
    closing = [one.desired.terms for one in desk.taken() if one.desired]
    assert {one.order_type for one in closing} == {OrderType.MARKET}
    assert sum(one.quantity for one in closing) == 50


def test_flatten_closes_what_fills_late_as_well() -> None:
    desk = Desk(**switch("flatten")).start()
    entry(desk, "L1", filled=50, quantity=100)
    desk.leader("L2")
    desk.answer(Fate.UNKNOWN)
    desk.taken()
    kill(desk)
    assert market_orders(desk) == [(Side.SELL, 50)]  # what nobody knows of is not waited for
    desk.copied("TRADED", order_id="L2", filled=50)
    assert market_orders(desk) == [(Side.SELL, 50)]
    assert account(desk).kill_actions == ("flatten",)


def test_flatten_goes_on_where_the_process_died() -> None:
    desk = holding(**switch("flatten"))
    kill(desk)
    desk.ack()
    desk.taken()
    desk.restart(books=True)
    assert account(desk).kill_actions == ("flatten",)
    ended(desk, "L2")
    assert market_orders(desk) == [(Side.SELL, 50)]


def test_a_leaders_exit_after_flatten_closes_nothing_twice() -> None:
    desk = Desk(**switch("flatten")).start()
    entry(desk, "L1", filled=50, quantity=100)
    kill(desk)
    assert market_orders(desk) == [(Side.SELL, 50)]
    desk.ack("X1")
    desk.leader("L2", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    assert desk.asked() == []
    row = next(one for one in desk.state.tables["copy"] if one.startswith("position:"))
    desk.copied("TRADED", order_id=row.partition("/")[0], filled=50)
    desk.wait(60)
    assert desk.asked() == []
    assert stake(desk).net == 0


# --- the broker's own switch ----------------------------------------------------------------------------------------


class Brokers(Desk):
    """A desk that keeps the questions for the broker's own switch instead of answering them."""

    def tell(self, question: Any) -> None:
        if isinstance(question, BrokerKillWanted | BrokerKillStateWanted):
            self.effects.append(Ask(question=question))
        else:
            super().tell(question)

    def asks(self) -> list[type]:
        found = [type(one.question) for one in self.effects if isinstance(one, Ask)]
        self.effects = []
        return found

    def says(self, *, active: bool | None = None, why: str = "", lack: Lack | None = None, state: bool = False) -> None:
        self.now += SECOND // 10
        question = BrokerKillStateWanted(account=ALICE) if state else BrokerKillWanted(account=ALICE)
        fact: Fact | None = None if lack else BrokerKill(account=ALICE, as_of=self.now, active=active, text="said")
        self.feed(FactArrived(at=self.now, account=ALICE, question=question, fact=fact, why=why, lack=lack))


def brokers(*actions: str) -> Brokers:
    made = Brokers(**switch(*actions))
    made.start()
    return made


def test_the_brokers_own_switch_is_asked_for_when_nothing_is_open_and_done_when_he_says_so() -> None:
    desk = brokers("cancel_open_orders", "flatten", "broker_kill_switch")
    entry(desk, "L1", filled=50, quantity=100)
    entry(desk, "L2", price=90)
    kill(desk)
    desk.ack()
    ended(desk, "L2")
    desk.ack("X1")
    assert desk.asks() == []
    row = next(one for one in desk.state.tables["copy"] if one.startswith("position:"))
    desk.copied("TRADED", order_id=row.partition("/")[0], filled=50)
    assert desk.asks() == [BrokerKillWanted]
    assert account(desk).kill_actions == ("broker_kill_switch",)
    desk.says(active=True)
    assert account(desk).kill_actions == ()
    desk.wait(60)
    assert desk.asks() == []


@pytest.mark.parametrize("open_thing", ["order", "position"])
def test_what_a_person_has_open_keeps_the_brokers_switch_off(open_thing: str) -> None:
    desk = brokers("broker_kill_switch")
    resting: Any = {"side": Side.BUY, "quantity": 5}
    desk.frame(ALICE, "H1", **(resting if open_thing == "order" else {**resting, "status": "TRADED", "filled": 5}))
    kill(desk)
    desk.wait(60)
    assert desk.asks() == []
    assert sum("is asked for when nothing is open" in text for text in desk.alerts()) == 1
    if open_thing == "order":
        desk.frame(ALICE, "H1", "CANCELLED", **resting)
    else:
        desk.frame(ALICE, "H2", "TRADED", side=Side.SELL, quantity=5, filled=5)
    assert desk.asks() == [BrokerKillWanted]


def test_a_refusal_is_told_once_and_tried_again() -> None:
    desk = brokers("broker_kill_switch")
    kill(desk)
    assert desk.asks() == [BrokerKillWanted]
    desk.alerts()
    for _ in range(3):
        desk.says(lack=Lack.NOT_NOW, why="orders are pending")
        desk.wait(5)
        assert desk.asks() == [BrokerKillWanted]
    assert [text for text in desk.alerts() if "orders are pending" in text] != []
    desk.says(lack=Lack.NOT_NOW, why="orders are pending")
    assert desk.alerts() == []


@pytest.mark.parametrize("lack", [Lack.UNAVAILABLE, None])
def test_where_it_is_not_clear_whether_it_is_on_its_state_is_asked_for(lack: Lack | None) -> None:
    desk = brokers("broker_kill_switch")
    kill(desk)
    desk.asks()
    desk.says(active=None, lack=lack)
    assert desk.asks() == [BrokerKillStateWanted]
    desk.says(active=False, state=True)
    assert account(desk).kill_actions == ("broker_kill_switch",)
    desk.wait(5)
    assert desk.asks() == [BrokerKillWanted]
    desk.says(active=None, lack=lack)
    desk.says(active=True, state=True)
    assert account(desk).kill_actions == ()


def test_the_brokers_switch_that_comes_on_after_a_resume_is_told() -> None:
    desk = brokers("broker_kill_switch")
    kill(desk)
    desk.kill("resume")
    desk.alerts()
    desk.says(active=True)
    assert any("the broker's own kill switch is on" in text for text in desk.alerts())


# --- halt -----------------------------------------------------------------------------------------------------------


def test_halt_sends_nothing_and_cancels_and_exits_wait_and_are_caught_up() -> None:
    desk = holding(**switch("halt"))
    kill(desk)
    desk.leader("L2", "CANCELLED", price=90)
    desk.leader("L3", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    desk.leader("L4")
    desk.wait(120)
    assert desk.asked() == []
    assert desk.decided("L3") == HELD_BACK
    assert desk.decided("L4") == REFUSED
    desk.kill("resume")
    assert desk.asked() == [(CANCEL,), (PLACE, 50, Decimal(0))]
    assert desk.decided("L3")[0] is Decision.COPIED
    assert desk.decided("L4") == REFUSED


def test_halt_over_a_restart() -> None:
    desk = holding(**switch("halt"))
    kill(desk)
    desk.leader("L3", "TRADED", side=Side.SELL, order_type="MARKET", filled=100)
    desk.restart(books=True)
    desk.wait(30)
    assert desk.asked() == []
    desk.kill("resume")
    assert desk.asked() == [(PLACE, 50, Decimal(0))]


def test_an_exit_that_the_leader_takes_back_under_halt_is_not_sent_on_resume() -> None:
    desk = holding(**switch("halt"))
    kill(desk)
    desk.leader("L3", side=Side.SELL, price=110)
    desk.leader("L3", "CANCELLED", side=Side.SELL, price=110)
    desk.kill("resume")
    assert desk.asked() == []


def test_an_entry_that_he_changes_under_halt_is_cancelled_on_resume() -> None:
    desk = holding(**switch("halt"))
    kill(desk)
    desk.leader("L2", price=91)
    assert desk.asked() == []
    desk.kill("resume")
    assert desk.asked() == [(CANCEL,)]


def test_halt_comes_after_what_stands_before_it_is_done() -> None:
    desk = holding(**switch("cancel_open_orders", "flatten", "halt"))
    kill(desk)
    assert desk.asked() == [(CANCEL,)]
    assert not account(desk).halted
    desk.ack()
    ended(desk, "L2")
    assert market_orders(desk) == [(Side.SELL, 50)]
    desk.ack("X1")
    assert not account(desk).halted
    row = next(one for one in desk.state.tables["copy"] if one.startswith("position:"))
    desk.copied("TRADED", order_id=row.partition("/")[0], filled=50)
    assert account(desk).halted


def test_what_stands_after_halt_waits_for_the_resume_that_ends_it() -> None:
    desk = holding(**switch("halt", "cancel_open_orders"))
    kill(desk)
    desk.wait(30)
    assert desk.asked() == []
    assert account(desk).kill_actions == ("cancel_open_orders",)


# --- more of it by command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ruled", "words", "order"),
    [
        (("cancel_open_orders",), ("halt",), ("cancel_open_orders", "halt")),
        (("cancel_open_orders", "halt"), ("flatten",), ("cancel_open_orders", "flatten", "halt")),
        (("halt",), ("flatten", "cancel_open_orders"), ("cancel_open_orders", "flatten", "halt")),
        (("cancel_open_orders", "broker_kill_switch"), ("flatten",),
         ("cancel_open_orders", "flatten", "broker_kill_switch")),
        (("cancel_open_orders",), ("cancel_open_orders",), ("cancel_open_orders",)),
        (("flatten", "cancel_open_orders"), (), ("flatten", "cancel_open_orders")),
    ],
)  # fmt: skip
def test_actions_of_a_command_join_those_of_the_rules(
    ruled: tuple[str, ...], words: tuple[str, ...], order: tuple[str, ...]
) -> None:
    desk = Desk(**switch(*ruled)).start()
    entry(desk, "L2", price=90)
    kill(desk, *words)
    todo = account(desk).kill_actions
    assert todo == order[-len(todo) :]
    if order[0] != "halt":
        assert todo == order


def test_actions_of_a_second_command_are_done_as_well() -> None:
    desk = holding(**switch())
    kill(desk, reason="first")
    assert desk.asked() == []
    kill(desk, "cancel_open_orders", reason="second")
    assert desk.asked() == [(CANCEL,)]
    assert account(desk).killed_reason == "first"
    kill(desk, reason="third")  # the rules' own are not done a second time
    assert account(desk).kill_actions == ("cancel_open_orders",)


def test_a_resume_ends_what_is_still_to_be_done() -> None:
    desk = holding(**switch("cancel_open_orders", "flatten", "halt"))
    kill(desk)
    desk.taken()
    desk.kill("resume")
    desk.ack()
    ended(desk, "L2")
    desk.wait(30)
    assert desk.asked() == []
    assert account(desk).kill_actions == ()
    assert not account(desk).halted


def test_a_kill_in_the_step_that_loads_the_rules_sends_nothing_before_the_start() -> None:
    desk = holding(**switch("cancel_open_orders"))
    kill(desk)
    desk.taken()
    desk.state = State({name: list(rows.values()) for name, rows in desk.state.tables.items()})
    loaded = step(desk.state, PolicyLoaded(at=desk.now, digest="d", document="{}", rules=desk.rules))
    assert [one for one in loaded.effects if type(one).__name__ == "Send"] == []


def test_a_cancel_in_an_instrument_that_no_master_knows_follows_after_a_restart() -> None:
    desk = Desk({"checks": {"instrument": False}}, **switch()).start()
    entry(desk, "L1", security_id="77777")
    kill(desk)
    desk.restart(books=True)
    desk.leader("L1", "CANCELLED", security_id="77777")
    assert desk.asked() == [(CANCEL,)]


# --- at any moment of any day -----------------------------------------------------------------------------------------


@dataclass
class Killed(ExitsWorld):
    """A day of entries and exits on which somebody turns the switch on, with all troubles that a day may have."""

    words: tuple[str, ...] = ("flatten",)
    off: bool = False

    def day(self) -> None:
        self.later(self.chance.randrange(25 * SECOND if self.off else 50 * SECOND), lambda: self._command("kill"))
        if self.off:
            self.later(52 * SECOND, lambda: self._command("resume"))
        super().day()

    def _command(self, word: str) -> None:
        if not self.alive:
            self.later(SECOND, lambda: self._command(word))
            return
        self.feed(CommandGiven(at=self.desk.now, command_id=1, command=word, actions=self.words))
        self.durable = self._tables()

    def _leaves(self, request: Request) -> None:
        on = account(self.desk)
        if on.killed_at and not request.exit:
            assert request.kind is not PLACE, "an entry was placed under the kill switch"
        assert not on.halted, "something left while everything is held back"
        super()._leaves(request)

    def _nothing_stuck(self) -> None:
        if not account(self.desk).halted:  # then things wait for the resume
            super()._nothing_stuck()

    def open_entries(self) -> list[str]:
        found = [one for one in self.of(ALICE) if one.correlation_id and not self.is_exit(one)]
        return [one.order_id for one in found]


@tried(60)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.15, 0.4)))
def test_whenever_the_switch_comes_flatten_ends_flat_with_no_entry_open(seed: int, trouble: float) -> None:
    world = Killed(seed, trouble=trouble, ahead=True, parts=switch("cancel_open_orders"))
    world.day()
    assert world.open_entries() == []
    assert world.net(ALICE) == 0
    assert account(world.desk).kill_actions == ()


@tried(40)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.3)))
def test_whenever_halt_comes_nothing_leaves_until_the_resume(seed: int, trouble: float) -> None:
    world = Killed(seed, trouble=trouble, ahead=True, parts=switch(), words=("halt",), off=True)
    world.day()
    assert not killed(world.desk)


@tried(40)
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.3)))
def test_whenever_the_switch_comes_the_follower_is_flat_when_the_leader_is(seed: int, trouble: float) -> None:
    world = Killed(seed, trouble=trouble, parts=switch(), words=("cancel_open_orders",))
    world.day()
    assert world.open_entries() == []
    if world.net(LEADER) == 0:
        assert world.net(ALICE) == sum(copy.excess for copy in world.copies())  # told, and kept (fills.excess: alert)


def test_an_excess_that_is_told_and_kept_is_all_that_may_be_left() -> None:
    world = Killed(821, trouble=0.3, parts=switch(), words=("cancel_open_orders",))
    world.day()
    assert (world.net(LEADER), world.net(ALICE)) == (0, 5)
    assert any("5 units filled beyond" in text for text in world.desk.alerts())


def test_what_is_asked_for_after_a_halt_leaves_and_then_it_holds_back_again() -> None:
    desk = Desk(**switch()).start()
    entry(desk, "L1")
    kill(desk, "halt")
    assert account(desk).halted
    kill(desk, "cancel_open_orders")
    assert [one.kind for one in desk.taken()] == [CANCEL]
    ended(desk, "L1")
    assert account(desk).halted
    assert account(desk).kill_actions == ()
