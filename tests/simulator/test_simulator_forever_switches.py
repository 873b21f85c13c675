"""Forever orders where Dhan is not settled: each switch, and what a person does in the app."""

from typing import Any

import pytest
from simulator_world import Client, Door, Listener

OCO = {"order_flag": "OCO", "price": 110.0, "trigger_Price": 109.0, "price1": 90.0, "trigger_Price1": 91.0,
       "quantity1": 65}  # fmt: skip


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


@pytest.mark.parametrize(("names", "single"), [
    ("classic", "TARGET_LEG"), ("entry", "ENTRY_LEG"), ("stop", "STOP_LOSS_LEG")])  # fmt: skip
async def test_the_leg_of_a_single_has_one_of_three_names(leader: Client, door: Door, names: str, single: str) -> None:
    await door("settings", forever_leg_names=names)
    order_id = await leader.armed()
    assert [row["legName"] for row in await leader.forever_rows()] == [single]
    change = (65, 88.0, 89.0, 0, "DAY")
    assert (await leader("modify_forever", order_id, "SINGLE", "LIMIT", single, *change))["status"] == "success"
    await leader("cancel_forever", order_id)
    await leader.armed(**OCO)
    assert [row["legName"] for row in await leader.forever_rows()] == ["TARGET_LEG", "STOP_LOSS_LEG"]


async def test_the_list_can_echo_the_correlation_id(leader: Client, door: Door) -> None:
    await door("settings", forever_correlation="echo")
    await leader.armed(tag="mine")
    await leader.armed()
    assert [row["correlationId"] for row in await leader.forever_rows()] == ["mine", "NA"]


async def test_the_order_that_comes_of_it_can_have_its_correlation_id(leader: Client, door: Door) -> None:
    await door("settings", forever_child_correlation="parent")
    order_id = await leader.armed(tag="mine")
    await door.price(90)
    child = await leader.child_of(order_id)
    assert (await leader.order(child))["correlationId"] == "mine"


async def test_the_stream_can_tell_of_placing_changing_and_cancelling(leader: Client, door: Door, listen: Any) -> None:
    await door("settings", forever_announced=True)
    ears: Listener = await listen("leader")
    order_id = await leader.armed(**OCO)
    await leader("modify_forever", order_id, "OCO", "LIMIT", "STOP_LOSS_LEG", 65, 85.0, 86.0, 0, "DAY")
    await leader("cancel_forever", order_id)
    heard = await ears.frames(8)
    assert {frame["orderNo"] for frame in heard} == {order_id}
    assert [frame["status"] for frame in heard[::2]] == ["Transit", "Confirm", "Modified", "Cancelled"]
    assert [(frame["legNo"], frame["triggerPrice"]) for frame in heard[-2:]] == [(3, 109.0), (2, 86.0)]
    refused = await leader.forever_id(quantity=66)
    assert "lot size" in (await ears.until(refused, "Rejected"))[-1]["reasonDescription"]


async def test_a_cancel_in_the_ordinary_book_lies_or_is_refused(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    assert (await leader("cancel_order", order_id))["data"] == {"orderId": order_id, "orderStatus": "CANCELLED"}
    assert [row["orderStatus"] for row in await leader.forever_rows()] == ["CONFIRM"]
    await door("settings", forever_cancel_by_orders="refused")
    assert (await leader("cancel_order", order_id))["remarks"]["error_code"] == "DH-906"
    assert len(await leader.forever_rows()) == 1


async def test_a_forever_order_by_hand_comes_from_the_app(leader: Client, door: Door, listen: Any) -> None:
    order = {"orderFlag": "SINGLE", "transactionType": "SELL", "exchangeSegment": "NSE_FNO", "productType": "MARGIN",
             "orderType": "LIMIT", "securityId": "43210", "quantity": 65, "price": 90, "triggerPrice": 91}  # fmt: skip
    order_id = (await door("place", account="leader", kind="forever", order=order))["order_id"]
    whole = {"orderFlag": "SINGLE", "orderType": "LIMIT", "quantity": 65, "price": 88, "triggerPrice": 89,
             "validity": "DAY"}  # fmt: skip
    of_it = {"account": "leader", "order_id": order_id, "kind": "forever"}
    await door("change", **of_it, leg="TARGET_LEG", changes=whole)
    (row,) = (await door("forever_orders", "GET", account="leader"))["forever_orders"]
    assert (row["orderStatus"], row["triggerPrice"], row["account"]) == ("CONFIRM", 89.0, "leader")
    ears: Listener = await listen("leader")
    await door.price(89)
    child = await leader.child_of(order_id)
    assert {frame["source"] for frame in await ears.until(child, "Traded")} == {"N"}
    other = (await door("place", account="leader", kind="forever", order={**order, "triggerPrice": 80}))["order_id"]
    await door("cancel", account="leader", order_id=other, kind="forever")
    assert await leader.forever_rows() == []
    with pytest.raises(AssertionError, match="DH-905"):
        await door("place", account="leader", kind="forever", order={**order, "productType": "INTRADAY"})


async def test_a_forever_order_can_be_ended_by_the_broker_and_nothing_else(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    with pytest.raises(AssertionError, match="cannot be made TRIGGERED"):
        await door("status", account="leader", order_id=order_id, status="TRIGGERED")
    await door("status", account="leader", order_id=order_id, status="EXPIRED")
    assert await leader.forever_rows() == []
