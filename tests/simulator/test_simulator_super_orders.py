"""Super orders: an entry with its target and its stop, as the official client meets them."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, Listener, entered, leg_statuses

ENTRY_FIELDS = (
    "dhanClientId orderId correlationId orderStatus transactionType exchangeSegment productType orderType validity "
    "tradingSymbol securityId quantity remainingQuantity ltp price afterMarketOrder legName exchangeOrderId createTime "
    "updateTime exchangeTime omsErrorDescription averageTradedPrice filledQty trailingJump algoId legDetails"
)
LEG_FIELDS = (
    "orderId legName transactionType totalQuatity remainingQuantity triggeredQuantity price orderStatus trailingJump"
)
CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
BODY = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "LIMIT",
        "securityId": "43210", "quantity": 65, "price": 100.0, "targetPrice": 110.0, "stopLossPrice": 95.0,
        "trailingJump": 0}  # fmt: skip


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


# ---- placing and listing --------------------------------------------------------------------------------------------


async def test_an_entry_that_waits_is_listed_with_legs_that_are_not_live(leader: Client) -> None:
    order_id = await leader.super_id(tag="mine", trailingJump=1.0)
    await leader.becomes(order_id, "PENDING")
    row = await leader.super_row(order_id)
    legs = row.pop("legs")
    assert sorted(row) == sorted(ENTRY_FIELDS.split())
    assert (row["legName"], row["correlationId"], row["trailingJump"], row["ltp"]) == ("ENTRY_LEG", "mine", 1.0, 101.1)
    target, stop = legs["TARGET_LEG"], legs["STOP_LOSS_LEG"]
    assert sorted(stop) == sorted(LEG_FIELDS.split())
    assert (target["price"], target["trailingJump"]) == (110.0, 0.0)
    assert (stop["price"], stop["trailingJump"]) == (95.0, 1.0)
    for leg in (target, stop):
        assert (leg["orderStatus"], leg["transactionType"], leg["triggeredQuantity"]) == ("PENDING", "SELL", 0)
        assert (leg["totalQuatity"], leg["remainingQuantity"]) == (65, 65)
    assert len({order_id, target["orderId"], stop["orderId"]}) == 3
    assert [each["legName"] for each in (await leader("get_order_list"))["data"]] == ["ENTRY_LEG"]


async def test_without_super_orders_the_list_is_empty(alice: Client) -> None:
    assert (await alice("get_super_order_list"))["data"] == []


@pytest.mark.parametrize(("changes", "code", "text"), [
    ({"targetPrice": 100.0}, "DH-906", "Target Price should be greater than Price"),
    ({"stopLossPrice": 100.0}, "DH-906", "Stop Loss Price should be less than Price"),
    ({"transactionType": "SELL"}, "DH-906", "Target Price should be less than Price"),
    ({"transactionType": "SELL", "targetPrice": 90.0}, "DH-906", "Stop Loss Price should be greater than Price"),
    ({"orderType": "MARKET", "price": 0, "targetPrice": 101.0}, "DH-906", "Target Price should be greater than Price"),
    ({"targetPrice": 0, "stopLossPrice": 0}, "DH-905", None),
    ({"productType": "BO"}, "DH-905", None),
    ({"orderType": "STOP_LOSS"}, "DH-905", None),
    ({"price": 0}, "DH-905", None),
    ({"quantity": None}, "DH-905", "quantity is required"),
    ({"correlationId": "a" * 26}, "DH-905", None),
    ({"securityId": "1.0"}, "DH-905", "Invalid SecurityId"),
    ({"trailingJump": 0.01}, "DH-906", "EXCH:16283:The order price is not multiple of tick size."),
])  # fmt: skip
async def test_a_super_order_that_makes_no_sense_is_refused_and_leaves_no_row(
    leader: Client, door: Door, changes: dict[str, Any], code: str, text: str | None
) -> None:
    status, answer, _ = await door.raw("leader", "POST", "/super/orders", json={**BODY, **changes})
    refused = json.loads(answer)
    assert (status, refused["errorCode"]) == (400, code)
    assert text in {None, refused["errorMessage"]}
    assert (await leader("get_super_order_list"))["data"] == (await leader("get_order_list"))["data"] == []


async def test_a_market_entry_needs_no_price_and_one_exit_is_enough(leader: Client, door: Door) -> None:
    body = {**BODY, "orderType": "MARKET", "price": 0, "targetPrice": 0}
    order_id = json.loads((await door.raw("leader", "POST", "/super/orders", json=body))[1])["orderId"]
    await leader.becomes(order_id, "TRADED")
    row = await leader.super_row(order_id)
    assert (row["averageTradedPrice"], list(row["legs"])) == (101.1, ["STOP_LOSS_LEG"])


@pytest.mark.parametrize(("changes", "words"), [
    ({"targetPrice": 110.02}, "multiple of tick size"),
    ({"stopLossPrice": 94.98}, "multiple of tick size"),
    ({"quantity": 66}, "lot size"),
    ({"quantity": 65 * 40}, "freeze quantity"),
])  # fmt: skip
async def test_what_the_risk_desk_refuses_is_rejected_a_moment_later_with_its_legs(
    leader: Client, changes: dict[str, Any], words: str
) -> None:
    order_id = await leader.super_id(**changes)
    row = await leader.becomes(order_id, "REJECTED")
    assert words in row["omsErrorDescription"]
    assert leg_statuses(await leader.super_row(order_id)) == ("REJECTED", "REJECTED", "REJECTED")


async def test_exits_outside_the_price_band_or_without_margin_are_refused_as_any_order(
    leader: Client, door: Door
) -> None:
    await door("instrument", **CALL, lower_circuit=90, upper_circuit=105)
    assert "Ckt" in (await leader.becomes(await leader.super_id(), "REJECTED"))["omsErrorDescription"]
    await door("instrument", **CALL, upper_circuit=0)
    await door("funds", account="leader", available=10)
    assert "insufficient" in (await leader.becomes(await leader.super_id(), "REJECTED"))["omsErrorDescription"]


async def test_address_and_kill_switch_hold_for_super_orders_too(leader: Client, door: Door) -> None:
    order_id = await leader.super_id()
    await door("kill_switch", account="leader", status="ACTIVATE")
    assert (
        "kill switch" in json.loads((await door.raw("leader", "POST", "/super/orders", json=BODY))[1])["errorMessage"]
    )
    await door("settings", account="leader", ip_allowed=False)
    change = {"orderId": order_id, "legName": "TARGET_LEG", "targetPrice": 111}
    for method, path, body in (
        ("POST", "/super/orders", BODY),
        ("PUT", f"/super/orders/{order_id}", change),
        ("DELETE", f"/super/orders/{order_id}/ENTRY_LEG", None),
    ):
        assert "Invalid IP" in (await door.raw("leader", method, path, json=body))[1]


async def test_changing_costs_order_rate_and_listing_does_not(leader: Client, door: Door) -> None:
    await door("settings", account="leader", rate_limits={"orders": {"1": 2}, "other": {"60": 3}})
    await leader.super_id()
    await leader.super_id()
    assert (await leader("cancel_super_order", "1", "ENTRY_LEG"))["remarks"]["error_code"] == "DH-904"
    for _ in range(3):
        assert (await leader("get_super_order_list"))["status"] == "success"
    assert (await leader("get_super_order_list"))["remarks"]["error_code"] == "DH-904"


# ---- the life of the legs -------------------------------------------------------------------------------------------


async def test_the_target_trades_the_stop_is_cancelled_and_the_entry_closed(
    leader: Client, door: Door, listen: Any
) -> None:
    ears: Listener = await listen("leader")
    order_id, target, stop = await entered(leader, door)
    await door.price(110)
    heard = await ears.until(stop, "Cancelled")
    told = [(each["orderNo"], each["legNo"], each["status"]) for each in heard]
    assert told == [
        (order_id, 1, "Transit"), (order_id, 1, "Pending"), (order_id, 1, "Traded"),
        (stop, 2, "Pending"), (target, 3, "Pending"), (target, 3, "Traded"), (stop, 2, "Cancelled"),
    ]  # fmt: skip
    assert {each["remarks"] for each in heard} == {"Super Order"}
    assert [each["algoOrdNo"] for each in heard] == ["0"] * 3 + [order_id] * 4
    assert [each["txnType"] for each in heard] == ["B"] * 3 + ["S"] * 4
    resting_stop, resting_target = heard[3], heard[4]
    assert [resting_stop[name] for name in ("orderType", "triggerPrice", "price", "quantity")] == ["SL", 95.0, 0.0, 65]
    assert [resting_target[name] for name in ("orderType", "triggerPrice", "price")] == ["LMT", 0.0, 110.0]
    assert leg_statuses(await leader.super_row(order_id)) == ("CLOSED", "TRADED", "CANCELLED")
    assert (await leader.order(order_id))["orderStatus"] == "TRADED"
    trades = (await leader("get_trade_book", target))["data"]
    assert [(trade["tradedPrice"], trade["transactionType"]) for trade in trades] == [(110.0, "SELL")]
    (held,) = (await leader("get_positions"))["data"]
    assert (held["netQty"], held["realizedProfit"]) == (0, 650.0)


async def test_the_stop_trades_at_any_price_once_it_has_triggered(leader: Client, door: Door, listen: Any) -> None:
    order_id, target, stop = await entered(leader, door)
    ears: Listener = await listen("leader")
    await door.price(92)
    heard = await ears.until(target, "Cancelled")
    assert [(each["legNo"], each["status"]) for each in heard] == [(2, "Triggered"), (2, "Traded"), (3, "Cancelled")]
    row = await leader.order(stop)
    assert (row["averageTradedPrice"], row["legName"], row["triggerPrice"]) == (92.0, "STOP_LOSS_LEG", 95.0)
    assert leg_statuses(await leader.super_row(order_id)) == ("CLOSED", "CANCELLED", "TRADED")


async def test_a_price_that_passes_entry_and_stop_trades_both(leader: Client, door: Door) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    await door.price(90)
    assert leg_statuses(await leader.super_row(order_id)) == ("CLOSED", "CANCELLED", "TRADED")
    assert [trade["tradedPrice"] for trade in (await leader("get_trade_book"))["data"]] == [100.0, 90.0]


async def test_a_sold_entry_leaves_by_buying(leader: Client, door: Door) -> None:
    sale = {"transaction_type": "SELL", "price": 102.0, "targetPrice": 95.0, "stopLossPrice": 108.0}
    order_id, _, stop = await entered(leader, door, **sale)
    assert (await leader.order(stop))["transactionType"] == "BUY"
    await door.price(108)
    await leader.becomes(stop, "TRADED")
    assert (await leader.super_row(order_id))["orderStatus"] == "CLOSED"


async def test_legs_are_live_for_what_the_entry_has_traded_and_share_what_is_left(leader: Client, door: Door) -> None:
    order_id = await leader.super_id(quantity=195)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65)
    legs = (await leader.super_row(order_id))["legs"]
    assert {leg["triggeredQuantity"] for leg in legs.values()} == {65}
    target, stop = legs["TARGET_LEG"]["orderId"], legs["STOP_LOSS_LEG"]["orderId"]
    await door("fill", account="leader", order_id=order_id, quantity=130)
    assert [(await leader.order(leg))["quantity"] for leg in (target, stop)] == [195, 195]
    await door("fill", account="leader", order_id=order_id, leg="TARGET_LEG", quantity=65)
    assert (await leader.order(stop))["remainingQuantity"] == 130
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "PART_TRADED", "PENDING")
    await door.price(94)
    assert (await leader.becomes(stop, "TRADED"))["filledQty"] == 130
    row = await leader.super_row(order_id)
    assert leg_statuses(row) == ("CLOSED", "CANCELLED", "TRADED")
    assert (await leader.order(target))["filledQty"] == 65
    (held,) = (await leader("get_positions"))["data"]
    assert held["netQty"] == 0


async def test_an_exit_that_takes_out_all_there_is_ends_what_is_left_of_the_entry(leader: Client, door: Door) -> None:
    order_id = await leader.super_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65)
    await door("fill", account="leader", order_id=order_id, leg="STOP_LOSS_LEG", price=95)
    row = await leader.becomes(order_id, "CANCELLED")
    assert row["filledQty"] == 65
    assert (await leader.super_row(order_id))["orderStatus"] == "CLOSED"


async def test_a_stop_outlives_its_position_and_opens_a_new_one(leader: Client, door: Door) -> None:
    _, target, stop = await entered(leader, door)
    exit_id = await leader.place_id(transaction_type="SELL", order_type="MARKET", price=0)
    await leader.becomes(exit_id, "TRADED")
    assert [(await leader.order(leg))["orderStatus"] for leg in (target, stop)] == ["PENDING", "PENDING"]
    await door.price(90)
    await leader.becomes(stop, "TRADED")
    (held,) = (await leader("get_positions"))["data"]
    assert held["netQty"] == -65


async def test_exits_block_no_margin_and_count_once_against_another_exit(leader: Client, door: Door) -> None:
    await entered(leader, door)
    funds = (await leader("get_fund_limits"))["data"]
    assert funds["utilizedAmount"] == 65 * 100
    await door("funds", account="leader", available=1000)
    refused = await leader.place_id(transaction_type="SELL", price=120)  # what rests closes the position already
    assert "insufficient" in (await leader.becomes(refused, "REJECTED"))["omsErrorDescription"]
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=130)
    await door("funds", account="leader", available=1000)
    await leader.becomes(await leader.place_id(transaction_type="SELL", price=120), "PENDING")


async def test_at_the_close_everything_expires(leader: Client, door: Door) -> None:
    waiting = await leader.super_id(price=90.0, stopLossPrice=85.0)
    await leader.becomes(waiting, "PENDING")
    order_id, *_ = await entered(leader, door)
    await door("expire")
    assert leg_statuses(await leader.super_row(waiting)) == ("EXPIRED", "EXPIRED", "EXPIRED")
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "EXPIRED", "EXPIRED")
    await door("day_change")
    assert (await leader("get_super_order_list"))["data"] == []


async def test_exit_all_ends_the_legs_too(leader: Client, door: Door) -> None:
    order_id, *_ = await entered(leader, door)
    await leader("exit_all_positions")
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "CANCELLED", "CANCELLED")


# ---- trailing -------------------------------------------------------------------------------------------------------


async def test_a_stop_follows_the_price_jump_by_jump_and_never_back(leader: Client, door: Door, listen: Any) -> None:
    _, _, stop = await entered(leader, door, trailingJump=2.0)
    ears: Listener = await listen("leader")
    for price in (103, 105.2, 104, 106):
        await door.price(price)
    heard = await ears.frames(2)
    assert [(each["legNo"], each["status"], each["triggerPrice"]) for each in heard] == [
        (2, "Modified", 97.0), (2, "Modified", 99.0)]  # fmt: skip
    assert (await leader.order(stop))["triggerPrice"] == 99.0
    await door.price(99)
    assert (await leader.becomes(stop, "TRADED"))["averageTradedPrice"] == 99.0


async def test_the_stop_of_a_sale_follows_the_price_down(leader: Client, door: Door) -> None:
    sale = {"transaction_type": "SELL", "price": 102.0, "targetPrice": 90.0, "stopLossPrice": 108.0}
    _, _, stop = await entered(leader, door, **sale, trailingJump=1.0)
    await door.price(98)
    assert (await leader.order(stop))["triggerPrice"] == 105.0


async def test_a_stop_that_is_changed_without_a_jump_follows_no_longer(leader: Client, door: Door) -> None:
    order_id, _, stop = await entered(leader, door, trailingJump=1.0)
    body = {"orderId": order_id, "legName": "STOP_LOSS_LEG", "stopLossPrice": 96.0}
    assert (await door.raw("leader", "PUT", f"/super/orders/{order_id}", json=body))[0] == 200
    await door.price(108)
    assert (await leader.order(stop))["triggerPrice"] == 96.0
    assert (await leader.super_row(order_id))["trailingJump"] == 0.0
    await leader("modify_super_order", order_id, "LIMIT", "STOP_LOSS_LEG", stopLossPrice=97.0, trailingJump=1.0)
    await door.price(109.5)
    assert (await leader.order(stop))["triggerPrice"] == 98.0
