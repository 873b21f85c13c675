"""Scenarios 4.5 and 3.5, ``fills``: an entry that the leader has filled and the follower has not, and what a follower
holds that the leader does not."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.facts import Lack
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Position
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, LEADER, SECOND, report
from tests.core.clocked import CANCEL, PLACE, Clocked


def behind(quote: Any = None, *, filled: int = 0, parts: Any = None, policy: Any = None, **fills: Any) -> Clocked:
    """The leader's entry has filled just now; the follower's rests, with so much of it filled."""
    desk = Clocked("12:12:11", {"fills": fills, "checks": {"price_band": "none"}, **(policy or {})}, **(parts or {}))
    if quote is not None:
        desk.quoted(quote)
    desk.start()
    desk.leader()
    desk.ack("A1")
    desk.copied("PART_TRADED" if filled else "PENDING", filled=filled)
    desk.leader(status="TRADED", filled=100)
    desk.taken()
    desk.alerts()
    return desk


def lag_alerts(desk: Clocked) -> int:
    return sum("are open still" in text for text in desk.alerts())


# --- 4.5 alert --------------------------------------------------------------------------------------------------------


def test_scenario_4_5_the_alert_comes_after_lag_alert_and_once() -> None:
    desk = behind(lag_alert="5s")
    desk.wait(4.9)
    assert lag_alerts(desk) == 0
    desk.wait(0.2)
    assert lag_alerts(desk) == 1
    desk.wait(600)
    assert (lag_alerts(desk), desk.taken()) == (0, [])


def test_scenario_4_5_the_alert_says_how_much_is_open() -> None:
    desk = behind(filled=20, lag_alert="5s")
    desk.wait(6)
    assert any("30 units" in text for text in desk.alerts())


def test_scenario_4_5_one_that_fills_in_time_is_told_of_by_nobody() -> None:
    desk = behind(lag_alert="5s", lag_action="market")
    desk.wait(3)
    desk.copied("TRADED", filled=50)
    desk.alerts()
    desk.wait(600)
    assert (desk.alerts(), desk.taken()) == ([], [])


def test_scenario_4_5_what_rests_at_the_leader_lags_behind_nothing() -> None:
    desk = Clocked("12:12:11", {"fills": {"lag_action": "cancel", "lag_deadline": "10s"}}).start()
    desk.leader()
    desk.ack("A1")
    desk.leader(status="PART_TRADED", filled=50)
    desk.taken()
    desk.alerts()
    desk.wait(600)
    assert (desk.alerts(), desk.taken()) == ([], [])


def test_scenario_4_5_a_copy_that_waits_to_leave_lags_too() -> None:
    desk = Clocked("12:12:11", {"fills": {"lag_alert": "3s"}}, rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L1")
    for number in range(2, 6):
        desk.now -= SECOND
        desk.leader(f"L{number}")
    desk.leader("L5", "TRADED", filled=100)
    desk.alerts()
    desk.wait(3.5)
    assert lag_alerts(desk) == 1


# --- 4.5 action -------------------------------------------------------------------------------------------------------


def test_scenario_4_5_none_leaves_it_open() -> None:
    desk = behind(lag_action="none", lag_deadline="30s")
    desk.wait(600)
    assert desk.taken() == []


def test_scenario_4_5_cancel_ends_it_at_the_deadline() -> None:
    desk = behind(filled=20, lag_action="cancel", lag_deadline="30s")
    desk.wait(29.9)
    assert desk.taken() == []
    desk.wait(0.2)
    assert desk.asked() == [(CANCEL,)]
    assert any("lag_action: cancel" in text for text in desk.alerts())
    desk.ack("A1")
    desk.copied("CANCELLED", filled=20)
    desk.wait(600)
    assert desk.taken() == []
    assert "lag_action" in desk.copy().drift
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_4_5_market_turns_it_at_the_deadline() -> None:
    desk = behind(filled=20, lag_action="market", lag_deadline="30s")
    desk.wait(29.9)
    assert desk.taken() == []
    desk.wait(0.2)
    order = desk.changed()
    assert (order.terms.order_type, order.terms.quantity, order.terms.price) == (OrderType.MARKET, 50, Decimal(0))
    assert any("lag_action: market" in text for text in desk.alerts())
    desk.ack("A1")
    desk.wait(600)
    assert desk.taken() == []


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "103"), (Side.SELL, "97")])
def test_scenario_4_5_market_within_emergency_bps(side: Side, price: str) -> None:
    desk = Clocked(
        "12:12:11",
        {
            "fills": {"lag_action": "market", "lag_deadline": "10s"},
            "checks": {"price_band": "none"},
            "price_guard": {"emergency_bps": 300},
        },
    )
    desk.quoted(100).start()
    desk.leader(side=side, price=99)
    desk.books(LEADER)
    desk.ack("A1")
    desk.copied("PENDING")
    desk.leader(status="TRADED", side=side, price=99, filled=100, last_price=Decimal(100))
    desk.taken()
    desk.wait(10)
    order = desk.changed()
    assert (order.terms.order_type, order.terms.price) == (OrderType.LIMIT, Decimal(price))


def test_scenario_4_5_market_without_a_price_is_market() -> None:
    desk = behind(lag_action="market", lag_deadline="40s", policy={"price_guard": {"emergency_bps": 300}})
    desk.lacks = {LEADER: Lack.NO_DATA_PLAN, ALICE: Lack.NO_DATA_PLAN}
    desk.wait(41)
    assert desk.changed().terms.order_type is OrderType.MARKET


def test_scenario_4_5_market_asks_for_the_price_that_it_needs_ahead() -> None:
    desk = behind(100, lag_alert="5s", lag_action="market", lag_deadline="40s")
    desk.wait(41)
    assert desk.changed().terms.order_type is OrderType.MARKET  # no distance, no price
    assert desk.quotes_asked() == []
    desk = behind(100, lag_action="market", lag_deadline="40s", policy={"price_guard": {"emergency_bps": 300}})
    desk.wait(41)
    assert desk.changed().terms.price == Decimal(103)


def test_scenario_4_5_a_stop_that_did_not_trigger_goes_at_the_market_too() -> None:
    desk = Clocked("12:12:11", {"fills": {"lag_action": "market", "lag_deadline": "10s"}}).start()
    stop: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 101, "trigger": 100}
    desk.leader(**stop)
    desk.ack("A1")
    desk.copied("PENDING")
    desk.leader(status="TRADED", filled=100, order_type="LIMIT", price=101)
    desk.taken()
    desk.wait(11)
    terms = desk.changed().terms
    assert (terms.order_type, terms.price, terms.trigger_price) == (OrderType.MARKET, Decimal(0), Decimal(0))


def test_scenario_4_5_a_change_that_the_broker_refuses_is_told_and_not_repeated() -> None:
    desk = behind(lag_action="market", lag_deadline="10s")
    desk.wait(10)
    desk.taken()
    desk.reject(Category.UNKNOWN, "cannot be modified")
    desk.wait(600)
    assert desk.taken() == []
    assert "refused" in desk.copy().drift


def test_scenario_4_5_what_a_person_changed_by_hand_is_not_fought_over() -> None:
    desk = behind(lag_action="market", lag_deadline="30s")
    desk.books(ALICE, desk.row(), after=5 * SECOND)
    desk.books(ALICE, desk.row(price=97, quantity=50), after=5 * SECOND)
    assert desk.slot().left_alone
    desk.wait(60)
    assert desk.taken() == []


def test_scenario_4_5_under_the_kill_switch_it_is_cancelled_not_turned() -> None:
    desk = behind(lag_action="market", lag_deadline="30s", parts={"kill_switch": {"actions": ["stop_copying"]}})
    desk.kill()
    desk.taken()
    desk.wait(40)
    assert {one.kind for one in desk.taken()} <= {CANCEL}


# --- 4.5 over a restart -----------------------------------------------------------------------------------------------


def test_scenario_4_5_the_time_goes_on_over_a_restart() -> None:
    desk = behind(lag_alert="5s", lag_action="market", lag_deadline="30s")
    desk.wait(20)
    assert lag_alerts(desk) == 1
    desk.restart(books=True)
    desk.books(ALICE, desk.row())
    desk.taken()
    assert lag_alerts(desk) == 0  # it was told
    desk.wait(8)
    assert desk.taken() == []
    desk.wait(2)
    assert desk.changed().terms.order_type is OrderType.MARKET


def test_scenario_4_5_a_deadline_that_was_slept_through_is_made_up_for() -> None:
    desk = behind(lag_action="cancel", lag_deadline="30s")
    desk.now += 300 * SECOND
    desk.restart(books=True)
    assert {one.kind for one in desk.taken()} == {CANCEL}


# --- 3.5 --------------------------------------------------------------------------------------------------------------


def overfilled(filled: int = 50, leaders: int = 0, status: str = "CANCELLED", **fills: Any) -> Clocked:
    """The leader's order ended with less than the follower has by now."""
    desk = Clocked("12:12:11", {"fills": fills, "checks": {"price_band": "none"}}).start()
    desk.leader()
    desk.ack("A1")
    desk.copied("TRADED" if filled == 50 else "PART_TRADED", filled=filled)
    desk.taken()
    desk.alerts()
    desk.leader(status=status, filled=leaders)
    return desk


def excess_alerts(desk: Clocked) -> list[str]:
    return [text for text in desk.alerts() if "beyond" in text]


def ended(desk: Clocked, leaders: int = 0, status: str = "CANCELLED") -> None:
    """The leader's final row is read from his book."""
    desk.books(LEADER, report(LEADER, "L1", status, filled=leaders, broker_time=desk.now // SECOND * SECOND))


def test_scenario_3_5_the_excess_is_told_once_his_final_row_was_read() -> None:
    desk = overfilled()
    assert excess_alerts(desk) == []
    assert desk.reads(LEADER)
    ended(desk)
    (text,) = excess_alerts(desk)
    assert "50 units" in text
    assert desk.taken() == []
    for _ in range(3):
        ended(desk)
    assert excess_alerts(desk) == []


def test_scenario_3_5_his_book_may_tell_of_fills_that_nobody_had_told() -> None:
    desk = overfilled(leaders=40)
    ended(desk, leaders=100, status="TRADED")
    assert excess_alerts(desk) == []


def test_scenario_3_5_what_his_fills_ask_for_is_no_excess() -> None:
    desk = overfilled(filled=50, leaders=40)
    ended(desk, leaders=40)
    (text,) = excess_alerts(desk)
    assert "30 units" in text


def test_scenario_3_2_fills_that_match_are_none() -> None:
    desk = overfilled(filled=20, leaders=40)
    desk.ack("A1")
    desk.copied("CANCELLED", filled=20)
    ended(desk, leaders=40)
    assert excess_alerts(desk) == []


def test_scenario_3_5_keep_means_that_what_fills_then_is_none() -> None:
    desk = overfilled(on_leader_cancel="keep", excess="close")
    ended(desk)
    assert (excess_alerts(desk), desk.taken()) == ([], [])


def test_scenario_3_5_more_that_fills_later_is_told_too() -> None:
    desk = overfilled(filled=20)
    ended(desk)
    assert len(excess_alerts(desk)) == 1
    desk.copied("TRADED", filled=50)
    (text,) = excess_alerts(desk)
    assert "30 units" in text


def closes(desk: Clocked) -> list[tuple[Side, int]]:
    sent = [one for one in desk.taken() if one.kind is PLACE]
    return [(one.desired.side, one.desired.terms.quantity) for one in sent if one.desired]


def test_scenario_3_5_close_closes_it_as_an_exit() -> None:
    desk = overfilled(leaders=40, excess="close")
    assert closes(desk) == []
    ended(desk, leaders=40)
    assert closes(desk) == [(Side.SELL, 30)]
    assert len(excess_alerts(desk)) == 1
    for _ in range(3):
        ended(desk, leaders=40)
    desk.wait(3)
    assert closes(desk) == []


def test_scenario_3_5_close_survives_a_restart_and_is_not_done_twice() -> None:
    desk = overfilled(leaders=40, excess="close")
    ended(desk, leaders=40)
    assert closes(desk) == [(Side.SELL, 30)]
    desk.ack("X1")
    desk.restart(books=True)
    desk.wait(1)
    ended(desk, leaders=40)
    assert closes(desk) == []


def test_scenario_3_5_what_he_holds_stays_after_the_excess_was_closed() -> None:
    desk = overfilled(leaders=40, excess="close")
    ended(desk, leaders=40)
    request = desk.last
    assert request is not None
    desk.ack("X1")
    desk.frame(
        ALICE, "X1", "TRADED", side=Side.SELL, quantity=30, filled=30, correlation_id=request.correlation_id, price=100
    )
    position = desk.state.tables["position"][f"{ALICE}/NSE_FNO/43210/INTRADAY"]
    assert isinstance(position, Position)
    assert (position.net, position.copied, position.target) == (20, 20, Decimal(20))


def test_scenario_2_1_what_was_filled_before_he_lessened_his_order_is_excess_at_its_end() -> None:
    desk = Clocked("12:12:11", {"checks": {"price_band": "none"}}).start()
    desk.leader()
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=40)
    desk.leader(quantity=50)
    desk.taken()
    desk.alerts()
    desk.leader(status="TRADED", quantity=50, filled=50)
    desk.books(LEADER, report(LEADER, "L1", "TRADED", quantity=50, filled=50))
    (text,) = excess_alerts(desk)
    assert "15 units" in text


def test_scenario_4_5_a_placement_that_never_left_is_given_up_as_late() -> None:
    desk = Clocked(
        "12:12:11",
        {"fills": {"lag_action": "cancel", "lag_deadline": "3s"}, "late": {"max_age": "1h"}},
        rate_limits={"orders": {"per_second": 1}},
    ).start()
    desk.leader("L1")
    for number in range(2, 9):
        desk.now -= SECOND
        desk.leader(f"L{number}")
    desk.now -= SECOND
    desk.leader("L8", "TRADED", filled=100)
    desk.wait(30)
    assert "L8" not in {one.leader_order_id for one in desk.taken()}
    assert desk.decided("L8") == (Decision.SKIPPED, Reason.LATE)
