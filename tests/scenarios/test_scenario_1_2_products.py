"""Scenario 1.2 end to end: MTF, cover and bracket orders: as they are, turned into a plain product, or not at all."""

from typing import Any

import pytest

from tests.scenarios.desk import SHARE, Desk, Row, pick

FUNDED: dict[str, Any] = {**SHARE, "product_type": "MTF", "quantity": 10, "price": 1390}
COVER: dict[str, Any] = {"product_type": "CO", "price": 100, "trigger_price": 95}
BRACKET: dict[str, Any] = {"product_type": "BO", "price": 100, "bo_profit_value": 10, "bo_stop_loss_Value": 5}
BOTH = pytest.mark.parametrize("order", [COVER, BRACKET], ids=["CO", "BO"])
PLAIN = {"mapping": {"product": {"CO": "INTRADAY", "BO": "INTRADAY"}}}
MARKET = {"order_type": "MARKET", "price": 0}
BODY = ("productType", "transactionType", "orderType", "quantity", "price", "triggerPrice")


# --- MTF --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapped", "wanted"), [({}, "MTF"), ({"MTF": "CNC"}, "CNC"), ({"MTF": "INTRADAY"}, "INTRADAY")]
)
def test_scenario_1_2_mtf_is_copied_in_the_mapped_product_and_closed_in_it(
    desk: Desk, mapped: dict[str, str], wanted: str
) -> None:
    desk.policy = {"mapping": {"product": mapped}}
    desk.start()
    order = desk.place(**FUNDED | MARKET)
    row = desk.follows(order, decision="copied", reason=None, follower_status="TRADED")
    assert pick(desk.asked(), *BODY) == (wanted, "BUY", "MARKET", 10, 0, 0)
    assert row["product"] == "MTF"
    out = desk.place(**FUNDED | MARKET, transaction_type="SELL")
    desk.follows(out, exit=True, decision="copied", reason=None, follower_status="TRADED")
    assert pick(desk.asked(), *BODY) == (wanted, "SELL", "MARKET", 10, 0, 0)
    assert desk.net(security_id="2885") == desk.net("leader", "2885") == 0
    desk.heard("place", "place")


def test_scenario_1_2_mtf_that_is_skipped_is_refused_and_so_is_its_exit(desk: Desk) -> None:
    desk.policy = {"mapping": {"product": {"MTF": "skip"}}}
    desk.start()
    order = desk.place(**FUNDED | MARKET)
    row = desk.follows(order, decision="refused", reason="unsupported_product", leader_status="TRADED")
    assert row["detail"] == "mapping.product: MTF is skipped"
    out = desk.place(**FUNDED | MARKET, transaction_type="SELL")
    desk.follows(out, decision="refused", reason="exit_without_position")
    desk.heard()


# --- CO and BO, skipped -----------------------------------------------------------------------------------------------


@BOTH
def test_scenario_1_2_cover_and_bracket_orders_are_skipped_with_all_that_hangs_on_them(desk: Desk, order: Row) -> None:
    product = order["product_type"]
    desk.policy = {"mapping": {"product": {product: "skip"}}}
    desk.start()
    entry = desk.place(**order)
    row = desk.follows(entry, decision="refused", reason="unsupported_product")
    assert row["detail"] == f"mapping.product: {product} is skipped"
    desk.price(100)
    desk.follows(entry, leader_status="TRADED", decision="refused")
    desk.price(94)
    desk.eventually(lambda: desk.net("leader") == 0, "his stop has traded")
    desk.look_again(times=2)
    assert {row["reason"] for row in desk.copies()} <= {"unsupported_product", "exit_without_position"}
    desk.heard()


# --- CO and BO, turned into a plain product ---------------------------------------------------------------------------


def legs_of(desk: Desk, account: str = "leader") -> dict[str, Row]:
    """An account's orders of a cover or bracket order, by the name of their leg."""
    return {row["legName"]: row for row in desk.book(account)}


def row_of(desk: Desk, leg: str, **wanted: Any) -> Row:
    """Wait until the row of the leader's leg says this."""

    def told() -> Row | None:
        rows = [row for row in desk.copies() if row["leader_order_id"].endswith(f":{leg}")]
        return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)

    found: Row = desk.eventually(told, f"the row of his {leg} says {wanted}")
    return found


def entered_plain(desk: Desk, order: Row) -> str:
    """The leader's entry and its plain copy have traded at 100."""
    desk.policy = PLAIN
    desk.start()
    entry = desk.place(**order)
    desk.follows(entry, decision="copied", reason=None, follower_status="PENDING")
    assert pick(desk.asked(), *BODY) == ("INTRADAY", "BUY", "LIMIT", 130, 100, 0)
    assert pick(desk.asked(), "boProfitValue", "boStopLossValue") == (None, None)
    desk.price(100)
    desk.follows(entry, leader_status="TRADED", follower_status="TRADED", drift=None)
    row_of(desk, "STOP_LOSS_LEG", exit=True, decision="copied", follower_status="PENDING")
    return entry


@BOTH
def test_scenario_1_2_turned_into_intraday_his_stop_rests_as_ours_and_closes_both(desk: Desk, order: Row) -> None:
    entered_plain(desk, order)
    assert pick(desk.asked(1), *BODY) == ("INTRADAY", "SELL", "STOP_LOSS", 130, 90.25, 95)
    if order is BRACKET:
        row_of(desk, "TARGET_LEG", decision="queued", reason="exit_alternative")
    desk.price(95)
    row_of(desk, "STOP_LOSS_LEG", leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "place")


def test_scenario_1_2_turned_into_intraday_his_target_waits_and_flattens_when_it_trades(desk: Desk) -> None:
    entered_plain(desk, BRACKET)
    target = row_of(desk, "TARGET_LEG", decision="queued", reason="exit_alternative")
    assert target["price"] == 110
    desk.price(110)
    row_of(desk, "TARGET_LEG", decision="copied", reason="late_copied", leader_status="TRADED", follower_filled=130)
    desk.eventually(lambda: desk.net() == 0, "the follower is flat")
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "place", "cancel", "place")
    assert pick(desk.asked(), *BODY) == ("INTRADAY", "SELL", "MARKET", 130, 0, 0)
    row_of(desk, "STOP_LOSS_LEG", leader_status="CANCELLED", follower_status="CANCELLED")


@BOTH
def test_scenario_1_2_turned_into_intraday_his_stop_is_moved_and_ours_follows(desk: Desk, order: Row) -> None:
    entry = entered_plain(desk, order)
    desk.modify(entry, order_type="STOP_LOSS", leg_name="STOP_LOSS_LEG", price=0, trigger_price=97)
    row_of(desk, "STOP_LOSS_LEG", trigger_price=97)
    desk.heard("place", "place", "modify")
    body = pick(desk.asked(), "orderType", "quantity", "triggerPrice", "price", "legName")
    assert body == ("STOP_LOSS", 130, 97, 92.15, None)


def test_scenario_1_2_turned_into_intraday_an_entry_that_he_cancels_ends(desk: Desk) -> None:
    desk.policy = PLAIN
    desk.start()
    entry = desk.place(**BRACKET)
    desk.follows(entry, decision="copied", follower_status="PENDING")
    desk.cancel(entry)
    desk.follows(entry, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "cancel")


# --- CO and BO, as they are -------------------------------------------------------------------------------------------


def copied_native(desk: Desk, order: Row) -> str:
    """The leader's entry and its copy, which rest at 100 with the exits that their brokers keep."""
    desk.start()
    entry = desk.place(**order)
    desk.follows(entry, decision="copied", reason=None, follower_status="PENDING")
    product = order["product_type"]
    trigger = 95 if order is COVER else 0
    assert pick(desk.asked(), *BODY) == (product, "BUY", "LIMIT", 130, 100, trigger)
    distances = (None, None) if order is COVER else (10, 5)
    assert pick(desk.asked(), "boProfitValue", "boStopLossValue") == distances
    return entry


def entered_native(desk: Desk, order: Row) -> str:
    """Both entries have traded at 100, and the exits of both rest."""
    entry = copied_native(desk, order)
    desk.price(100)
    desk.follows(entry, leader_status="TRADED", follower_status="TRADED", drift=None)
    for leg in ["STOP_LOSS_LEG", *(["TARGET_LEG"] if order is BRACKET else [])]:
        row_of(desk, leg, exit=True, decision="copied", leader_status="PENDING", follower_status="PENDING")
    return entry


@BOTH
def test_scenario_1_2_as_it_is_the_entry_brings_its_exits_and_nothing_else_is_sent(desk: Desk, order: Row) -> None:
    entered_native(desk, order)
    desk.look_again(times=2)
    legs = legs_of(desk, "alice")
    assert pick(legs["STOP_LOSS_LEG"], "quantity", "triggerPrice", "orderStatus") == (130, 95, "PENDING")
    if order is BRACKET:
        assert pick(legs["TARGET_LEG"], "quantity", "price", "orderStatus") == (130, 110, "PENDING")
    assert desk.alerts("by hand") == []
    desk.heard("place")


@pytest.mark.parametrize(
    ("order", "leg", "price"),
    [(COVER, "STOP_LOSS_LEG", 95), (BRACKET, "STOP_LOSS_LEG", 95), (BRACKET, "TARGET_LEG", 110)],
    ids=["CO stop", "BO stop", "BO target"],
)
def test_scenario_1_2_as_it_is_both_legs_are_hit_and_both_are_flat(
    desk: Desk, order: Row, leg: str, price: float
) -> None:
    entered_native(desk, order)
    desk.price(price)
    row_of(desk, leg, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    desk.look_again(times=3)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    assert desk.alerts("by hand") == []
    desk.heard("place")


@BOTH
def test_scenario_1_2_as_it_is_his_stop_is_moved_and_ours_follows_by_its_leg(desk: Desk, order: Row) -> None:
    entry = entered_native(desk, order)
    desk.modify(entry, order_type="STOP_LOSS", leg_name="STOP_LOSS_LEG", price=0, trigger_price=97)
    row_of(desk, "STOP_LOSS_LEG", trigger_price=97)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "legName", "triggerPrice", "quantity") == ("STOP_LOSS_LEG", 97, 130)
    desk.eventually(lambda: legs_of(desk, "alice")["STOP_LOSS_LEG"]["triggerPrice"] == 97)
    desk.look_again(times=2)
    desk.price(97)
    row_of(desk, "STOP_LOSS_LEG", leader_status="TRADED", follower_status="TRADED")
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "modify")


def test_scenario_1_2_as_it_is_his_target_is_moved_and_ours_follows_by_its_leg(desk: Desk) -> None:
    entry = entered_native(desk, BRACKET)
    desk.modify(entry, order_type="LIMIT", leg_name="TARGET_LEG", price=112)
    row_of(desk, "TARGET_LEG", price=112)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "legName", "price", "quantity") == ("TARGET_LEG", 112, 130)
    desk.eventually(lambda: legs_of(desk, "alice")["TARGET_LEG"]["price"] == 112)


@pytest.mark.parametrize(("order", "side"), [(COVER, "BUY"), (BRACKET, "SELL")], ids=["CO", "BO"])
def test_scenario_1_2_as_it_is_a_market_entry_brings_its_exits_on_either_side(
    desk: Desk, order: Row, side: str
) -> None:
    desk.start()
    stop, target, away = (95, 111.1, 96.1) if side == "BUY" else (107, 91.1, 106.1)
    covers = {"trigger_price": stop} if order is COVER else {}
    entry = desk.place(**order | MARKET | covers, transaction_type=side)
    desk.follows(entry, decision="copied", reason=None, leader_status="TRADED", follower_status="TRADED", drift=None)
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("MARKET", 130, 0)
    row_of(desk, "STOP_LOSS_LEG", exit=True, decision="copied", leader_status="PENDING", follower_status="PENDING")
    legs = legs_of(desk, "alice")
    assert legs["STOP_LOSS_LEG"]["triggerPrice"] == (stop if order is COVER else away)  # 5 from 101.10
    if order is BRACKET:
        assert legs["TARGET_LEG"]["price"] == target
    desk.price(90 if side == "BUY" else 112)
    row_of(desk, "STOP_LOSS_LEG", leader_status="TRADED", follower_status="TRADED")
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place")


@pytest.mark.parametrize(("order", "side"), [(COVER, "BUY"), (BRACKET, "SELL")], ids=["CO", "BO"])
def test_scenario_1_2_turned_into_intraday_a_market_entry_is_followed_by_his_stop_on_either_side(
    desk: Desk, order: Row, side: str
) -> None:
    desk.policy = PLAIN
    desk.start()
    stop = (95 if side == "BUY" else 107) if order is COVER else (96.1 if side == "BUY" else 106.1)
    covers = {"trigger_price": stop} if order is COVER else {}
    entry = desk.place(**order | MARKET | covers, transaction_type=side)
    desk.follows(entry, decision="copied", leader_status="TRADED", follower_status="TRADED")
    row_of(desk, "STOP_LOSS_LEG", exit=True, decision="copied", follower_status="PENDING")
    out = "SELL" if side == "BUY" else "BUY"
    assert pick(desk.asked(1), "productType", "transactionType", "orderType", "quantity", "triggerPrice") == (
        "INTRADAY", out, "STOP_LOSS", 130, stop)  # fmt: skip
    desk.price(stop)
    row_of(desk, "STOP_LOSS_LEG", leader_status="TRADED", follower_status="TRADED")
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "place")


@BOTH
def test_scenario_1_2_as_it_is_an_open_entry_is_changed_and_cancelled_as_his(desk: Desk, order: Row) -> None:
    entry = copied_native(desk, order)
    desk.modify(entry, leg_name="ENTRY_LEG", price=99, quantity=195, trigger_price=95 if order is COVER else 0)
    desk.follows(entry, price=99, follower_quantity=195)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "price", "quantity") == ("LIMIT", 99, 195)
    desk.cancel(entry)
    desk.follows(entry, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "modify", "cancel")


def test_scenario_4_6_as_it_is_he_closes_a_cover_order_by_another_and_no_stop_is_left(desk: Desk) -> None:
    entered_native(desk, COVER)
    out = desk.place(**MARKET, transaction_type="SELL", product_type="CO")
    desk.follows(out, exit=True, decision="copied", leader_status="TRADED", follower_status="TRADED")
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    assert legs_of(desk, "alice")["STOP_LOSS_LEG"]["orderStatus"] == "CANCELLED"
    desk.heard("place", "cancel", "place")
    assert pick(desk.asked(), *BODY) == ("CO", "SELL", "MARKET", 130, 0, 0)


def test_scenario_4_6_as_it_is_a_bracket_order_is_closed_by_its_own_target(desk: Desk) -> None:
    """No other order of that product comes without legs, so its target goes through the market."""
    entered_native(desk, BRACKET)
    desk.broker.tell("square_off", account="leader", products=["BO"])
    desk.eventually(lambda: (desk.net("leader"), desk.net()) == (0, 0))
    assert legs_of(desk, "alice")["STOP_LOSS_LEG"]["orderStatus"] == "CANCELLED"
    desk.look_again(times=3)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "legName", "orderType", "quantity") == ("TARGET_LEG", "LIMIT", 130)


def test_scenario_9_1_as_it_is_flatten_closes_a_bracket_order_by_its_own_target(desk: Desk) -> None:
    entered_native(desk, BRACKET)
    desk.command("kill", "--flatten")
    desk.eventually(lambda: desk.net() == 0)
    desk.heard("place", "modify")


def test_scenario_1_2_a_cover_order_without_a_stop_is_not_copied_as_one(desk: Desk) -> None:
    desk.start()
    order = desk.place(product_type="CO")
    row = desk.follows(order, decision="refused", reason="unsupported_product")
    assert row["detail"] == "the exits of the leader's CO order are not known"
    desk.heard()


def test_scenario_1_2_a_client_who_may_not_trade_them_gets_a_dead_letter(desk: Desk) -> None:
    desk.settings("alice", cover_and_bracket="refused")
    desk.start()
    order = desk.place(**COVER)
    row = desk.follows(order, decision="dead", reason="rejected_product")
    assert "Client not enabled on the product" in row["detail"]
    desk.price(100)
    desk.follows(order, leader_status="TRADED", decision="dead")
    desk.price(95)
    desk.eventually(lambda: desk.net("leader") == 0)
    desk.look_again(times=2)
    desk.heard("place")
    assert desk.net() == 0
