"""Scenarios 4.6 to 4.13: the follower closes the share that the leader closes, and never goes past flat."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Position
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Side
from tests.core.building import ALICE, LEADER, SECOND, Desk, report

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def stake(desk: Desk, account: str = ALICE, product: Product = Product.INTRADAY) -> Position:
    found = desk.state.tables["position"][f"{account}/NSE_FNO/43210/{product}"]
    assert isinstance(found, Position)
    return found


def entered(units: int = 100, **policy: Any) -> Desk:
    """A leader who has bought, and a follower who holds half of it."""
    desk = Desk(policy or None).start()
    buy(desk, "L1", units)
    return desk


def buy(desk: Desk, order_id: str, units: int) -> None:
    desk.leader(order_id, quantity=units)
    filled = desk.last.desired.terms.quantity if desk.last and desk.last.desired else 0
    desk.ack(f"A-{order_id}")
    desk.copied("TRADED", order_id=order_id, filled=filled)
    desk.leader(order_id, "TRADED", quantity=units, filled=units)
    desk.taken()


def sells(desk: Desk, order_id: str = "L2", status: str = "PENDING", **said: Any) -> None:
    desk.leader(order_id, status, side=Side.SELL, **said)


def exit_fills(desk: Desk, order_id: str = "L2", status: str = "TRADED", **said: Any) -> None:
    desk.copied(status, order_id=order_id, **said)


# --- 4.6 ------------------------------------------------------------------------------------------------------------


def test_scenario_4_6_a_resting_exit_of_half_rests_for_half_of_what_the_follower_has() -> None:
    desk = entered()
    sells(desk, quantity=50, price=110)
    assert desk.asked() == [(PLACE, 25, Decimal(110))]
    assert desk.decided("L2") == (Decision.COPIED, None)
    assert desk.copy("L2").exit


def test_scenario_4_6_flat_leader_means_flat_follower() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    desk.ack("X1")
    exit_fills(desk, filled=50)
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    assert desk.taken() == []
    assert (stake(desk).copied, stake(desk).target, stake(desk).net) == (0, 0, 0)
    assert stake(desk, LEADER).net == 0


def test_scenario_4_6_what_rounding_left_goes_with_the_exit_that_makes_the_leader_flat() -> None:
    desk = entered(70)  # the follower holds 35
    sells(desk, "L2", "TRADED", quantity=35, price=110, filled=35)  # 17.5 are owed: 15 in lots of 5
    assert desk.asked() == [(PLACE, 15, Decimal(110))]
    desk.ack("X1")
    exit_fills(desk, "L2", filled=15)
    sells(desk, "L3", "TRADED", quantity=35, price=111, filled=35)
    assert desk.asked() == [(PLACE, 20, Decimal(111))]


def test_scenario_4_6_parts_of_an_exit_that_trade_one_by_one_close_the_same_share() -> None:
    desk = entered()
    sells(desk, quantity=50, price=110)
    desk.ack("X1")
    desk.taken()
    for filled in (10, 20, 50):
        sells(desk, status="TRADED" if filled == 50 else "PART_TRADED", quantity=50, price=110, filled=filled)
    assert desk.taken() == []  # it rests for all of it already
    assert stake(desk).target == 25
    exit_fills(desk, filled=25)
    assert stake(desk).copied == 25


def test_scenario_4_6_the_leaders_position_before_his_order_counts_though_his_frames_come_late() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.taken()
    late = {"as_of": desk.now + SECOND}
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100, **late)  # his entry's fill was not told yet
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    assert [one.desired.side for one in desk.taken() if one.desired] == [Side.SELL]


# --- 4.7 ------------------------------------------------------------------------------------------------------------


def test_scenario_4_7_an_exit_without_a_position_is_refused_never_sent() -> None:
    desk = Desk({"filters": {"rules": [{"name": "no buys", "match": {"side": ["BUY"]}, "action": "skip"}]}}).start()
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    sells(desk, quantity=100, price=110)
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


def test_scenario_4_7_where_a_skip_rule_matches_it_too_it_is_skipped() -> None:
    desk = Desk({"filters": {"rules": [{"name": "nothing", "match": {}, "action": "skip"}]}}).start()
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    sells(desk, quantity=100, price=110)
    assert desk.decided("L2") == (Decision.SKIPPED, Reason.FILTERED)


def test_scenario_4_7_a_skip_rule_never_stops_a_real_exit() -> None:
    desk = entered(filters={"rules": [{"name": "no sells", "match": {"side": ["SELL"]}, "action": "skip"}]})
    sells(desk, quantity=100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_4_7_a_position_that_comes_while_the_leaders_exit_rests_is_closed_after_all() -> None:
    desk = Desk().start()
    desk.leader("L1", "TRADED", quantity=100, filled=100)  # placed at once, nothing filled yet
    desk.ack("A1")
    sells(desk, quantity=100, price=110)
    assert desk.decided("L2") == (Decision.QUEUED, Reason.ENTRY_OPEN)
    desk.taken()
    desk.copied("TRADED", filled=50)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_4_7_a_sell_waits_while_the_leaders_position_is_not_known() -> None:
    desk = Desk()
    desk.silent = {LEADER}
    desk.start()
    sells(desk, "L1", quantity=100, price=110)
    assert desk.taken() == []
    assert desk.decided("L1") == (Decision.QUEUED, Reason.CHECKING)


@pytest.mark.parametrize(("how", "waits"), [("auto", True), ("always", True), ("never", False)])
def test_scenario_4_7_a_sell_that_opens_a_short_is_checked_first(how: str, waits: bool) -> None:
    desk = Desk({"exits": {"confirm_short": how}}).start()
    desk.leader("L0", "CANCELLED", quantity=5)
    desk.taken()
    sells(desk, "L1", quantity=100, price=110)
    assert (desk.decided("L1") == (Decision.QUEUED, Reason.CHECKING)) is waits
    desk.books(LEADER, report(LEADER, "L1", side=Side.SELL, quantity=100, price=110))
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


# --- 4.9 ------------------------------------------------------------------------------------------------------------


def test_scenario_4_9_an_exit_takes_from_an_entry_that_has_not_filled() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=20)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    kinds = sorted((one.kind, one.order_id) for one in desk.taken())
    assert [kind for kind, _ in kinds] == [CANCEL, PLACE]  # the 30 that lack are dropped, the 20 are closed
    assert desk.copy("L1").cut == 30
    assert desk.copy("L2").due == 20


def test_scenario_4_9_half_an_exit_cuts_the_entry_first() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=50, price=110, filled=50)
    assert desk.asked() == [(MODIFY, 25, Decimal(100))]
    assert desk.decided("L2") == (Decision.COPIED, Reason.ENTRY_CUT)


def test_scenario_4_9_the_entry_that_still_rests_at_the_leader_stays() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=20)
    desk.leader("L1", "PART_TRADED", quantity=100, filled=40)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=40, price=110, filled=40)
    assert desk.asked() == [(PLACE, 20, Decimal(110))]
    assert desk.copy("L1").cut == 0


# --- 4.10 -----------------------------------------------------------------------------------------------------------


def by_hand(desk: Desk, units: int, side: Side = Side.SELL) -> None:
    desk.frame(ALICE, f"H{desk.now}", "TRADED", side=side, quantity=units, filled=units)


def test_scenario_4_10_a_position_closed_by_hand_takes_the_resting_exits_away() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    by_hand(desk, 20)
    assert desk.asked() == [(MODIFY, 30, Decimal(110))]
    desk.ack("X1")
    by_hand(desk, 30)
    assert desk.asked() == [(CANCEL,)]


def test_scenario_9_5_what_a_person_bought_himself_is_not_sold() -> None:
    desk = entered()
    by_hand(desk, 40, Side.BUY)
    sells(desk, quantity=100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_9_5_a_trade_by_hand_takes_from_what_is_his_own_first() -> None:
    desk = entered()
    by_hand(desk, 40, Side.BUY)
    by_hand(desk, 60)
    assert stake(desk).copied == 30
    by_hand(desk, 60, Side.BUY)
    assert stake(desk).copied == 30  # for good


# --- 4.11 -----------------------------------------------------------------------------------------------------------


def test_scenario_4_11_a_reversal_is_an_exit_and_once_that_has_filled_an_entry() -> None:
    desk = entered()
    sells(desk, quantity=160, price=110)
    desk.books(LEADER, report(LEADER, "L2", side=Side.SELL, quantity=160, price=110))
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    assert desk.decided("L2#entry") == (Decision.QUEUED, Reason.EXIT_OPEN)
    desk.ack("X1")
    exit_fills(desk, "L2", filled=50)
    assert desk.asked() == [(PLACE, 30, Decimal(110))]
    assert desk.decided("L2#entry") == (Decision.COPIED, None)


# --- 4.12 -----------------------------------------------------------------------------------------------------------


def test_scenario_4_12_of_stop_and_target_the_stop_rests_and_the_target_waits() -> None:
    desk = entered()
    sells(desk, "L2", quantity=100, price=120)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    assert desk.asked() == [(PLACE, 50, Decimal(120))]
    sells(desk, "L3", quantity=100, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.asked() == [(CANCEL,)]  # the stop displaces the target, once that is confirmed
    desk.ack("X1")
    desk.copied("CANCELLED", order_id="L2")
    assert desk.asked() == [(PLACE, 50, Decimal(89))]
    assert desk.decided("L2")[1] in (Reason.EXIT_ALTERNATIVE, None)


def test_scenario_4_12_when_the_other_one_trades_ours_is_cut_and_the_exit_leaves_at_the_market() -> None:
    desk = entered()
    sells(desk, "L2", quantity=100, order_type="STOP_LOSS", price=89, trigger=90)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    sells(desk, "L3", quantity=100, price=120)
    assert desk.decided("L3") == (Decision.QUEUED, Reason.EXIT_ALTERNATIVE)
    desk.taken()
    sells(desk, "L3", "TRADED", quantity=100, price=120, filled=100)
    assert desk.asked() == [(CANCEL,)]
    desk.ack("X1")
    desk.copied("CANCELLED", order_id="L2")
    sent = desk.taken()
    assert [(one.kind, one.desired.terms.order_type, one.desired.terms.quantity) for one in sent if one.desired] == [
        (PLACE, OrderType.MARKET, 50)
    ]
    assert desk.decided("L3") == (Decision.COPIED, Reason.LATE_COPIED)


# --- 4.13 -----------------------------------------------------------------------------------------------------------


def test_scenario_4_13_an_exit_that_lags_is_told_and_goes_at_the_market_at_the_deadline() -> None:
    desk = entered(fills={"lag_alert": "5s", "lag_deadline": "30s"})
    sells(desk, quantity=100, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    desk.taken()
    desk.alerts()
    desk.wait(6)
    assert any("open after" in text for text in desk.alerts())
    assert desk.taken() == []
    desk.wait(26)
    (change,) = desk.taken()
    assert change.kind is MODIFY
    assert change.desired is not None
    assert change.desired.terms.order_type is OrderType.MARKET


def test_scenario_4_13_an_exit_cancelled_by_hand_leaves_at_the_market_once_the_leaders_has_traded() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.copied("CANCELLED", order_id="L2")
    desk.taken()
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    (placed,) = desk.taken()
    assert placed.desired is not None
    terms = placed.desired.terms
    assert (placed.kind, terms.order_type, terms.quantity) == (PLACE, OrderType.MARKET, 50)


def test_scenario_4_13_an_exit_that_dies_is_sent_again_every_five_seconds() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    assert len(desk.taken()) == 1
    desk.reject(Category.UNKNOWN)
    desk.wait(4)
    assert desk.taken() == []
    desk.wait(2)
    assert len(desk.taken()) == 1
    desk.reject(Category.UNKNOWN)
    desk.wait(6)
    assert len(desk.taken()) == 1


# --- 3.2 ------------------------------------------------------------------------------------------------------------


def test_scenario_3_2_of_a_cancelled_exit_what_traded_stays_owed_and_the_rest_is_cancelled() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    sells(desk, status="PART_TRADED", quantity=100, price=110, filled=40)
    desk.taken()
    sells(desk, status="CANCELLED", quantity=100, price=110, filled=40)
    assert desk.asked() == [(MODIFY, 20, Decimal(110))]


def test_exits_survive_a_restart() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.ack("X1")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    desk.restart(books=True)
    assert desk.taken() == []
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    exit_fills(desk, filled=50)
    assert (stake(desk).copied, stake(desk).target) == (0, 0)


def test_scenario_4_8_after_a_conversion_that_nobody_told_of_a_sell_in_the_new_product_is_an_exit() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100, product=Product.MARGIN)
    (sent,) = desk.taken()
    assert sent.desired is not None
    assert (sent.desired.side, sent.desired.product, sent.desired.terms.quantity) == (Side.SELL, Product.INTRADAY, 50)


def test_both_sides_of_a_leader_who_quotes_open_whichever_trades_first() -> None:
    desk = Desk({"exits": {"confirm_short": "never"}}).start()
    desk.leader("L1", quantity=100, price=90)
    sells(desk, "L2", quantity=100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(90)), (PLACE, 50, Decimal(110))]


def test_a_stop_above_and_a_stop_below_the_market_open_whichever_trades_first() -> None:
    desk = Desk({"exits": {"confirm_short": "never"}}).start()
    desk.leader("L1", quantity=100, order_type="STOP_LOSS", price=112, trigger=110)
    sells(desk, "L2", quantity=100, order_type="STOP_LOSS", price=88, trigger=90)
    assert desk.asked() == [(PLACE, 50, Decimal(112)), (PLACE, 50, Decimal(88))]


def test_scenario_4_9_a_stop_placed_ahead_of_the_entry_that_it_protects_rests_for_what_has_filled() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100, price=95)
    desk.ack("A1")
    sells(desk, "L2", quantity=100, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.decided("L2") == (Decision.QUEUED, Reason.ENTRY_OPEN)


def test_scenario_4_6_a_short_is_closed_by_the_same_share() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100, side=Side.SELL)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.leader("L1", "TRADED", quantity=100, filled=100, side=Side.SELL)
    desk.taken()
    desk.leader("L2", quantity=50, price=80)
    assert desk.asked() == [(PLACE, 25, Decimal(80))]
    desk.leader("L2", "TRADED", quantity=50, price=80, filled=50)
    assert stake(desk).target == -25
