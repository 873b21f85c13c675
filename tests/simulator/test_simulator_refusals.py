"""What the broker refuses, when, and in which words."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, Listener

GOOD = {
    "dhanClientId": "1100000001", "transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY",
    "orderType": "LIMIT", "validity": "DAY", "securityId": "43210", "quantity": 65, "price": 90.0,
}  # fmt: skip
GENERIC = "Missing required fields, bad values for parameters etc."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": None}, "quantity is required"),
        ({"quantity": "65"}, GENERIC),
        ({"quantity": 0}, GENERIC),
        ({"quantity": 65.0}, GENERIC),
        ({"price": ""}, GENERIC),
        ({"price": 0}, GENERIC),
        ({"triggerPrice": ""}, GENERIC),
        ({"correlationId": ""}, GENERIC),
        ({"correlationId": "a/b"}, GENERIC),
        ({"validity": None}, GENERIC),
        ({"validity": "GTC"}, GENERIC),
        ({"transactionType": "buy"}, GENERIC),
        ({"productType": "MIS"}, GENERIC),
        ({"securityId": 43210}, GENERIC),
        ({"securityId": "43210.0"}, "Invalid SecurityId"),
        ({"securityId": "999999999"}, "Invalid SecurityId"),
        ({"exchangeSegment": "BSE_FNO"}, "Invalid SecurityId"),
        ({"afterMarketOrder": True}, GENERIC),
        ({"orderType": "STOP_LOSS"}, GENERIC),
    ],
)
async def test_a_malformed_order_is_bad_input_and_leaves_no_row(
    leader: Client, door: Door, changes: dict[str, Any], message: str
) -> None:
    status, text, _ = await door.raw("leader", "POST", "/orders", json={**GOOD, **changes})
    refused = {"errorType": "Input_Exception", "errorCode": "DH-905", "errorMessage": message}
    assert (status, json.loads(text)) == (400, refused)
    assert (await leader("get_order_list"))["data"] == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"'])
async def test_a_body_that_is_no_object_is_bad_input(door: Door, raw: bytes) -> None:
    status, text, _ = await door.raw("leader", "POST", "/orders", data=raw)
    assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")


async def test_null_and_zero_stand_for_fields_that_do_not_apply(door: Door) -> None:
    body = {**GOOD, "triggerPrice": 0.0, "boProfitValue": None, "boStopLossValue": None, "disclosedQuantity": 0}
    assert (await door.raw("leader", "POST", "/orders", json=body))[0] == 200


@pytest.mark.parametrize(("side", "price", "trigger", "text"), [
    ("SELL", 95, 94, "Trigger Price should be greater than Price"),
    ("BUY", 94, 95, "Trigger Price should be less than Price"),
])  # fmt: skip
async def test_a_stop_with_its_trigger_on_the_wrong_side_is_refused_at_once(
    leader: Client, side: str, price: float, trigger: float, text: str
) -> None:
    refused = await leader.place(transaction_type=side, order_type="STOP_LOSS", price=price, trigger_price=trigger)
    assert (refused["remarks"]["error_code"], refused["remarks"]["error_message"]) == ("DH-906", text)


LATER = [
    ({"quantity": 66}, "multiple of the lot size 65"),
    ({"quantity": 65 * 28}, "Check freeze quantity"),
    ({"price": 90.01}, "EXCH:16283:The order price is not multiple of tick size."),
    ({"disclosed_quantity": 65}, "Invalid combination"),
    ({"product_type": "CNC"}, "Client not enabled on the product"),
    ({"security_id": "41206"}, "EXCH:16387"),
    ({"security_id": "2885", "exchange_segment": "NSE_EQ", "product_type": "CNC", "transaction_type": "SELL",
      "quantity": 1, "price": 1400}, "sell more than the quantity you currently hold"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "text"), LATER)
async def test_the_risk_desk_rejects_after_it_has_answered(leader: Client, changes: dict[str, Any], text: str) -> None:
    row = await leader.becomes(await leader.place_id(**changes), "REJECTED")
    assert text in row["omsErrorDescription"]
    assert (row["filledQty"], row["exchangeOrderId"], row["exchangeTime"]) == (0, "NA", "0001-01-01 00:00:00")


@pytest.mark.parametrize(("changes", "text"), LATER)
async def test_the_risk_desk_can_refuse_at_once_and_then_there_is_no_row(
    leader: Client, door: Door, changes: dict[str, Any], text: str
) -> None:
    await door("settings", refuse="at_once")
    refused = await leader.place(**changes)
    assert refused["remarks"]["error_code"] == "DH-906"
    assert text in refused["remarks"]["error_message"]
    assert (await leader("get_order_list"))["data"] == []


async def test_too_little_money_is_said_in_rupees_on_the_stream(leader: Client, door: Door, listen: Any) -> None:
    await door("funds", account="leader", available=1639.5)
    ears: Listener = await listen("leader")
    order_id = await leader.place_id()
    frame = (await ears.until(order_id, "Rejected"))[-1]
    assert frame["reasonDescription"] == (
        f"RMS:{order_id}:You have insufficient funds. Please add Rs.4210.50 to trade."
    )
    assert (frame["exchOrderNo"], frame["tradedQty"]) == ("0", 0)


async def test_a_price_outside_the_circuit_limits_is_rejected_with_the_band(leader: Client, door: Door) -> None:
    key = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
    await door("instrument", **key, lower_circuit=395.25, upper_circuit=592.85)
    row = await leader.becomes(await leader.place_id(), "REJECTED")
    assert row["omsErrorDescription"] == f"RMS:{row['orderId']}:Rate Not Within Ckt Limit 395.25 To 592.85"


async def test_a_second_exit_of_the_same_position_is_margined_as_a_fresh_short(leader: Client, door: Door) -> None:
    key = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
    await door("position", account="leader", **key, product="INTRADAY", quantity=65, price=100)
    await door("funds", account="leader", available=1000)
    stop = {"transaction_type": "SELL", "order_type": "STOP_LOSS", "price": 94, "trigger_price": 95}
    await leader.becomes(await leader.place_id(**stop), "PENDING")
    second = await leader.place_id(transaction_type="SELL", price=110)
    assert "insufficient funds" in (await leader.becomes(second, "REJECTED"))["omsErrorDescription"]


async def test_delivered_shares_can_be_sold_once(leader: Client, door: Door) -> None:
    await door("holding", account="leader", exchange_segment="NSE_EQ", security_id="2885", quantity=10, price=1300)
    sell = {"security_id": "2885", "exchange_segment": "NSE_EQ", "product_type": "CNC", "transaction_type": "SELL",
            "quantity": 10, "order_type": "MARKET", "price": 0}  # fmt: skip
    await leader.becomes(await leader.place_id(**sell), "TRADED")
    await leader.becomes(await leader.place_id(**sell), "REJECTED")


async def test_the_exchange_can_reject_what_it_had_taken(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("status", account="leader", order_id=order_id, status="REJECTED", reason="EXCH:17070 : LPP")
    assert (await leader.order(order_id))["omsErrorDescription"] == "EXCH:17070 : LPP"


async def test_an_unknown_path_is_the_gateways_404(door: Door) -> None:
    status, text, _ = await door.raw("leader", "GET", "/nothing/here")
    assert status == 404
    assert sorted(json.loads(text)) == ["error", "path", "status", "timestamp"]


async def test_the_control_door_names_what_it_does_not_know(door: Door) -> None:
    for command, fields in (
        ("settings", {"no_such_switch": 1}),
        ("settings", {"frame_case": "snake"}),
        ("settings", {"account": "carol", "hold": True}),
        ("faults", {"kind": "earthquake"}),
        ("fill", {"account": "leader", "order_id": "1", "quantity": 1, "price": 1}),
        ("price", {"exchange_segment": "NSE_FNO", "security_id": "1", "last_price": 1}),
    ):
        with pytest.raises(AssertionError, match="error"):
            await door(command, **fields)
