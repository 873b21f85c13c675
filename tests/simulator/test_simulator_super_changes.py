"""Super orders that are changed and cancelled: which fields for which leg, and until when."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, entered, leg_statuses


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


# ---- changing -------------------------------------------------------------------------------------------------------


async def test_the_whole_can_be_restated_until_the_entry_has_traded(leader: Client, door: Door) -> None:
    order_id = await leader.super_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65)
    whole = {"quantity": 195, "price": 99.0, "targetPrice": 112.0, "stopLossPrice": 94.0, "trailingJump": 1.0}
    answer = await leader("modify_super_order", order_id, "LIMIT", "ENTRY_LEG", **whole)
    assert answer["data"] == {"orderId": order_id, "orderStatus": "TRANSIT"}
    row = await leader.super_row(order_id)
    assert (row["quantity"], row["price"], row["trailingJump"]) == (195, 99.0, 1.0)
    assert [row["legs"][name]["price"] for name in ("TARGET_LEG", "STOP_LOSS_LEG")] == [112.0, 94.0]
    await door("fill", account="leader", order_id=order_id)
    refused = await leader("modify_super_order", order_id, "LIMIT", "ENTRY_LEG", **whole)
    assert refused["remarks"]["error_code"] == "DH-906"
    await leader("modify_super_order", order_id, "LIMIT", "TARGET_LEG", targetPrice=115.0)
    assert (await leader.super_row(order_id))["legs"]["TARGET_LEG"]["price"] == 115.0


async def test_a_change_to_market_trades_the_entry_and_its_new_legs_are_live(leader: Client) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    await leader("modify_super_order", order_id, "MARKET", "ENTRY_LEG", quantity=65, targetPrice=120.0,
                 stopLossPrice=93.0)  # fmt: skip
    await leader.becomes(order_id, "TRADED")
    legs = (await leader.super_row(order_id))["legs"]
    assert [(leg["price"], leg["triggeredQuantity"]) for leg in legs.values()] == [(93.0, 65), (120.0, 65)]


async def test_legs_can_be_changed_before_they_are_live_and_lie_on_their_side_of_the_entry(leader: Client) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    await leader("modify_super_order", order_id, "LIMIT", "TARGET_LEG", targetPrice=114.0)
    refused = await leader("modify_super_order", order_id, "LIMIT", "STOP_LOSS_LEG", stopLossPrice=101.0)
    assert refused["remarks"]["error_message"] == "Stop Loss Price should be less than Price"
    legs = (await leader.super_row(order_id))["legs"]
    assert [legs[name]["price"] for name in ("TARGET_LEG", "STOP_LOSS_LEG")] == [114.0, 95.0]


@pytest.mark.parametrize("body", [
    {"legName": "TARGET_LEG"}, {"legName": "STOP_LOSS_LEG", "stopLossPrice": 0}, {"legName": "NA", "targetPrice": 111},
    {"targetPrice": 111}, {"legName": "ENTRY_LEG", "targetPrice": 111},
    {"legName": "ENTRY_LEG", "orderType": "LIMIT", "quantity": 65, "price": 100, "stopLossPrice": 95},
    {"legName": "TARGET_LEG", "targetPrice": 111, "orderId": "1"},
])  # fmt: skip
async def test_a_change_that_lacks_its_legs_fields_is_bad_input(
    leader: Client, door: Door, body: dict[str, Any]
) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    status, text, _ = await door.raw("leader", "PUT", f"/super/orders/{order_id}", json={"orderId": order_id, **body})
    assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")


async def test_an_exit_can_be_added_to_an_entry_that_never_had_it(leader: Client, door: Door) -> None:
    order_id = await leader.super_id(targetPrice=0.0)
    await leader.becomes(order_id, "PENDING")
    await leader("modify_super_order", order_id, "LIMIT", "ENTRY_LEG", 65, 100.0, 111.0, 95.0)
    await door("fill", account="leader", order_id=order_id)
    assert (await leader.super_row(order_id))["legs"]["TARGET_LEG"]["triggeredQuantity"] == 65


async def test_modifications_are_counted_and_can_be_refused(leader: Client, door: Door) -> None:
    order_id, _, stop = await entered(leader, door)
    change = (order_id, "LIMIT", "STOP_LOSS_LEG", 0, 0.0, 0.0, 96.0)
    await door("settings", account="leader", refuse_modification="at_once")
    assert (await leader("modify_super_order", *change))["status"] == "failure"
    await door("settings", account="leader", refuse_modification="later")
    assert (await leader("modify_super_order", *change))["status"] == "success"
    assert (await leader.order(stop))["triggerPrice"] == 95.0
    await door("settings", account="leader", refuse_modification="no", max_modifications=1)
    assert "limit of 1" in (await leader("modify_super_order", *change))["remarks"]["error_message"]


# ---- cancelling -----------------------------------------------------------------------------------------------------


async def test_cancelling_the_entry_cancels_everything_whenever_it_comes(leader: Client, door: Door) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    assert "Expecting value" in (await leader("cancel_super_order", order_id, "ENTRY_LEG"))["remarks"]
    assert leg_statuses(await leader.super_row(order_id)) == ("CANCELLED", "CANCELLED", "CANCELLED")
    order_id, *_ = await entered(leader, door)
    await leader("cancel_super_order", order_id, "ENTRY_LEG")
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "CANCELLED", "CANCELLED")
    assert (await leader("cancel_super_order", order_id, "ENTRY_LEG"))["remarks"]["error_code"] == "DH-906"


async def test_a_leg_that_was_cancelled_is_gone_for_good(leader: Client, door: Door) -> None:
    order_id = await leader.super_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await leader("cancel_super_order", order_id, "TARGET_LEG")
    refused = await leader("modify_super_order", order_id, "LIMIT", "ENTRY_LEG", 130, 100.0, 111.0, 95.0)
    assert refused["remarks"]["error_message"] == "Leg TARGET_LEG was cancelled and cannot be added again"
    assert (await leader("modify_super_order", order_id, "LIMIT", "TARGET_LEG", targetPrice=111.0))[
        "status"
    ] == "failure"
    await door("fill", account="leader", order_id=order_id)
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "CANCELLED", "PENDING")
    await leader("cancel_super_order", order_id, "STOP_LOSS_LEG")
    assert (await leader.super_row(order_id))["legs"]["STOP_LOSS_LEG"]["orderStatus"] == "CANCELLED"


async def test_in_transit_it_cannot_be_cancelled_but_changed(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    order_id = await leader.super_id()
    for leg in ("ENTRY_LEG", "STOP_LOSS_LEG"):
        refused = await leader("cancel_super_order", order_id, leg)
        assert refused["remarks"]["error_message"] == "Order is in Transit state"
    await leader("modify_super_order", order_id, "LIMIT", "ENTRY_LEG", 65, 99.0, 111.0, 94.0)
    await door("settings", account="leader", hold=False)
    row = await leader.super_row(order_id)
    assert (row["orderStatus"], row["price"], row["legs"]["TARGET_LEG"]["price"]) == ("PENDING", 99.0, 111.0)


@pytest.mark.parametrize(("order_id", "leg", "code"), [("1", "ENTRY_LEG", "DH-906"), ("1", "FOURTH_LEG", "DH-905")])
async def test_what_is_not_there_cannot_be_cancelled(door: Door, order_id: str, leg: str, code: str) -> None:
    status, text, _ = await door.raw("leader", "DELETE", f"/super/orders/{order_id}/{leg}")
    assert (status, json.loads(text)["errorCode"]) == (400, code)


async def test_the_ordinary_calls_know_no_super_order(leader: Client, door: Door) -> None:
    order_id, target, _ = await entered(leader, door)
    for each in (order_id, target):
        assert (await leader("cancel_order", each))["remarks"]["error_code"] == "DH-906"
        modified = await leader("modify_order", each, "LIMIT", "TARGET_LEG", 65, 111, 0, 0, "DAY")
        assert modified["remarks"]["error_code"] == "DH-906"
