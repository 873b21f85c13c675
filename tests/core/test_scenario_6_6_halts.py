"""Scenario 6.6: a rejection names a halt: the instrument waits for that follower."""

from typing import Any

import pytest

from copyctl.model.reasons import Category
from copyctl.model.request import Fate
from copyctl.model.terms import Decision, OrderType, Segment, Side
from tests.core.building import ALICE, BOB, SECOND, Desk
from tests.core.exits_desk import CANCEL, MODIFY, PLACE, entered, rests, said_of, sells

HALTED = (Decision.QUEUED, "instrument_halted")
TEXT = "Trading is halted in this security"
WAYS = ["at_once", "later"]


def refused(desk: Desk, how: str, order_id: str = "L1", account: str = ALICE) -> None:
    """The copy that was sent last is refused for a halt: in the answer, or by a row later."""
    request = desk.taken()[-1]
    if how == "at_once":
        desk.reject(Category.HALT, TEXT, request=request)
        return
    desk.ack(f"A-{request.correlation_id}", request=request)
    desk.copied("REJECTED", order_id=order_id, account=account, category=Category.HALT, text=TEXT)


def halted(how: str = "at_once", orders: tuple[str, ...] = ("L1",), **parts: Any) -> Desk:
    desk = Desk(**parts).start()
    desk.leader(orders[0])
    refused(desk, how, orders[0])
    for order_id in orders[1:]:
        desk.leader(order_id)
    return desk


@pytest.mark.parametrize("how", WAYS)
def test_scenario_6_6_an_entry_waits_and_one_a_minute_is_tried(how: str) -> None:
    desk = halted(how, ("L1", "L2", "L3"))
    assert [desk.decided(one) for one in ("L1", "L2", "L3")] == [HALTED] * 3
    assert TEXT in desk.copy().detail
    (alert,) = [one.text for one in desk.notices if one.facts.get("alert") == "instrument_halted"]
    assert alert.endswith(TEXT)
    tried = 0
    for _ in range(5):
        desk.wait(61)
        sent = desk.taken()
        assert len(sent) == 1
        tried += 1
        if how == "at_once":
            desk.reject(Category.HALT, TEXT, request=sent[0])
        else:
            desk.ack(f"A-{sent[0].correlation_id}", request=sent[0])
            desk.copied("REJECTED", order_id=sent[0].leader_order_id, category=Category.HALT, text=TEXT)
    assert tried == 5


@pytest.mark.parametrize("how", WAYS)
def test_scenario_6_6_all_go_when_one_is_taken_by_the_exchange(how: str) -> None:
    desk = halted(how, ("L1", "L2", "L3"))
    desk.wait(61)
    (tried,) = desk.taken()
    desk.ack("A9", request=tried)
    assert desk.taken() == []  # the answer says only that Dhan took it
    desk.copied("PENDING", order_id=tried.leader_order_id)
    assert len(desk.taken()) == 2
    told = [one.text for one in desk.notices if one.facts.get("alert") == "instrument_halted"]
    assert told[-1].endswith("what waited goes: an order of it was taken")


@pytest.mark.parametrize("how", WAYS)
def test_scenario_6_6_all_go_when_the_leader_trades_it(how: str) -> None:
    desk = halted(how, ("L1", "L2"))
    desk.leader("L3", "PART_TRADED", filled=10)
    assert {one.leader_order_id for one in desk.taken()} == {"L1", "L2", "L3"}


def test_scenario_6_6_a_trade_of_the_leaders_from_before_does_not_free_it() -> None:
    desk = halted(orders=("L1", "L2"))
    desk.leader("L3", "PART_TRADED", filled=10, broker_time=desk.now - 60 * SECOND)
    assert desk.taken() == []


def test_scenario_6_6_other_instruments_and_other_followers_go_on() -> None:
    desk = Desk(followers=2).start()
    desk.leader()
    mine, other = desk.taken()
    desk.ack("B1", request=other)
    desk.reject(Category.HALT, TEXT, request=mine)
    desk.leader("L2", segment=Segment.NSE_EQ, security_id="2885")
    desk.leader("L3")
    assert {(one.account, one.leader_order_id) for one in desk.taken()} == {(ALICE, "L2"), (BOB, "L2"), (BOB, "L3")}


def test_scenario_6_6_an_exit_is_tried_before_entries() -> None:
    desk = entered()
    desk.leader("L5")
    refused(desk, "at_once", "L5")
    sells(desk, "L2", "PENDING", quantity=100, price=110)
    assert desk.decided("L2") == HALTED
    desk.wait(61)
    (tried,) = desk.taken()
    assert (tried.leader_order_id, tried.exit) == ("L2", True)


def test_scenario_6_6_cancels_go_at_any_time_and_changes_wait() -> None:
    desk = Desk().start()
    for order_id in ("L1", "L2"):
        desk.leader(order_id)
        desk.ack(f"A-{order_id}")
        desk.copied(order_id=order_id)
    desk.leader("L3")
    refused(desk, "at_once", "L3")
    desk.leader("L1", price=101)
    assert desk.taken() == []
    desk.leader("L2", "CANCELLED")
    assert desk.asked() == [(CANCEL,)]
    desk.wait(61)
    assert desk.asked() == [(MODIFY, 50, 101)]


def test_scenario_6_6_a_change_that_names_a_halt_waits_too() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.leader(price=101)
    desk.taken()
    desk.reject(Category.HALT, TEXT)
    desk.leader("L2")
    assert (desk.taken(), desk.copy().drift) == ([], "")
    desk.wait(61)
    assert desk.asked() == [(MODIFY, 50, 101)]
    desk.ack("A1")
    desk.copied(price=101, quantity=50)
    assert desk.asked() == [(PLACE, 50, 100)]  # the change stands: the instrument trades


@pytest.mark.parametrize("how", WAYS)
def test_scenario_6_6_an_entry_that_the_leader_cancels_never_leaves(how: str) -> None:
    desk = halted(how)
    desk.leader(status="CANCELLED")
    desk.wait(300)
    assert desk.taken() == []
    assert desk.decided() == (Decision.SKIPPED, "leader_over")


@pytest.mark.parametrize("how", WAYS)
def test_scenario_6_6_an_entry_that_waited_too_long_follows_late(how: str) -> None:
    desk = halted(how)
    desk.now += 30 * SECOND
    desk.leader(status="TRADED", filled=100, broker_time=desk.now - 31 * SECOND)
    desk.wait(120)
    assert desk.decided() == (Decision.SKIPPED, "late")
    assert desk.taken() == []


def test_scenario_6_6_tries_are_no_runaway_and_no_rejections_in_a_row() -> None:
    desk = halted("later", kill_switch={"on_orders_per_leader_order": 3, "on_consecutive_rejections": 3})
    for _ in range(10):
        desk.wait(61)
        refused(desk, "later")
    assert desk.decided() == HALTED
    assert not desk.state.tables["account"][ALICE].killed_at  # type: ignore[union-attr]


def test_scenario_6_6_what_the_leader_traded_of_an_exit_goes_at_the_market_once_it_trades_again() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    desk.ack("X1")
    desk.copied("REJECTED", order_id="L2", category=Category.HALT, text=TEXT)
    desk.taken()
    desk.wait(61)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, OrderType.MARKET, 50)]


def test_scenario_6_6_a_try_of_unknown_fate_is_not_doubled() -> None:
    desk = halted()
    desk.wait(61)
    (tried,) = desk.taken()
    desk.answer(Fate.UNKNOWN, request=tried)
    desk.wait(300)
    assert desk.taken() == []


def test_scenario_6_6_it_survives_a_restart_and_a_new_day_knows_nothing_of_it() -> None:
    desk = halted(orders=("L1", "L2"))
    desk.restart(books=True)
    assert desk.taken() == []
    desk.now += 24 * 3600 * SECOND
    desk.leader("L9")
    assert [one.leader_order_id for one in desk.taken()] == ["L9"]
    assert desk.state.tables["halt"] == {}


def test_scenario_6_6_a_resting_exit_whose_position_is_gone_waits_no_more() -> None:
    desk = entered()
    rests(desk, "L2", quantity=100, price=110)
    sells(desk, "L2", quantity=100, price=111)
    desk.reject(Category.HALT, TEXT)
    desk.copied("TRADED", order_id="L2", filled=50)
    desk.wait(120)
    assert desk.decided("L2")[0] is Decision.COPIED
