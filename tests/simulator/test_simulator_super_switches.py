"""Super orders where Dhan is not settled: each switch, and what a person does in the app."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, Listener, entered, leg_statuses


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


async def test_legs_can_share_the_entrys_number_and_are_told_apart_by_their_name(
    leader: Client, door: Door, listen: Any
) -> None:
    await door("settings", leg_ids="shared")
    ears: Listener = await listen("leader")
    order_id, target, stop = await entered(leader, door, quantity=130)
    assert target == stop == order_id
    book = (await leader("get_order_list"))["data"]
    assert [(row["orderId"], row["legName"]) for row in book] == [
        (order_id, "ENTRY_LEG"), (order_id, "STOP_LOSS_LEG"), (order_id, "TARGET_LEG")]  # fmt: skip
    await door("fill", account="leader", order_id=order_id, leg="TARGET_LEG", quantity=65)
    await door("status", account="leader", order_id=order_id, leg="STOP_LOSS_LEG", status="TRIGGERED")
    heard = await ears.frames(8)
    assert {frame["orderNo"] for frame in heard} == {order_id}
    assert [(frame["legNo"], frame["status"]) for frame in heard[-3:]] == [
        (3, "Part-Traded"), (2, "Modified"), (2, "Triggered")]  # fmt: skip
    trades = (await leader("get_trade_book", order_id))["data"]
    assert [trade["transactionType"] for trade in trades] == ["BUY", "SELL"]
    await leader("cancel_super_order", order_id, "TARGET_LEG")
    assert leg_statuses(await leader.super_row(order_id)) == ("TRADED", "CANCELLED", "TRIGGERED")
    assert (await leader.order(order_id))["legName"] == "ENTRY_LEG"


async def test_legs_can_be_missing_in_the_order_book(leader: Client, door: Door) -> None:
    await door("settings", legs_in_order_book=False)
    order_id, target, _ = await entered(leader, door)
    assert [row["orderId"] for row in (await leader("get_order_list"))["data"]] == [order_id]
    assert await leader.order(target) == []
    assert (await leader.super_row(order_id))["legs"]["TARGET_LEG"]["orderId"] == target


async def test_a_cancel_can_be_answered_in_words(leader: Client, door: Door) -> None:
    order_id = await leader.super_id()
    await leader.becomes(order_id, "PENDING")
    status, text, _ = await door.raw("leader", "DELETE", f"/super/orders/{order_id}/TARGET_LEG")
    assert (status, text) == (202, "")
    await door("settings", super_cancel_answer="CANCELLED")
    answer = await leader("cancel_super_order", order_id, "ENTRY_LEG")
    assert answer["data"] == {"orderId": order_id, "orderStatus": "CANCELLED"}


async def test_the_legs_quantity_can_be_spelt_right_and_its_end_be_called_triggered(leader: Client, door: Door) -> None:
    await door("settings", leg_quantity_key="totalQuantity", leg_done_status="TRIGGERED")
    order_id, target, _ = await entered(leader, door)
    await door.price(110)
    assert (await leader.order(target))["orderStatus"] == "TRADED"
    row = await leader.super_row(order_id)
    assert leg_statuses(row) == ("CLOSED", "TRIGGERED", "CANCELLED")
    assert (row["legs"]["TARGET_LEG"]["totalQuantity"], "totalQuatity" in row["legs"]["TARGET_LEG"]) == (65, False)


@pytest.mark.parametrize(("switch", "rows", "frames"), [("echo", "mine", "mine"), ("NA", "NA", "")])
async def test_the_entry_can_forget_its_correlation_id_and_legs_never_have_one(
    leader: Client, door: Door, listen: Any, switch: str, rows: str, frames: str
) -> None:
    await door("settings", super_correlation=switch)
    ears: Listener = await listen("leader")
    order_id, target, stop = await entered(leader, door, tag="mine")
    assert (await leader.super_row(order_id))["correlationId"] == rows
    assert [(await leader.order(leg))["correlationId"] for leg in (target, stop)] == ["NA", "NA"]
    heard = await ears.until(target, "Pending")
    assert [frame["correlationId"] for frame in heard] == [frames] * 3 + ["", ""]


async def test_the_stream_can_keep_silent_about_the_legs(leader: Client, door: Door, listen: Any) -> None:
    await door("settings", super_announced=False)
    ears: Listener = await listen("leader")
    order_id, target, _ = await entered(leader, door)
    await door.price(110)
    await leader.becomes(target, "TRADED")
    other = await leader.place_id()
    heard = await ears.until(other, "Pending")
    assert [frame["orderNo"] for frame in heard] == [order_id] * 3 + [other] * 2


@pytest.mark.parametrize("change", [{"leg_ids": "both"}, {"legs_in_order_book": "yes"}, {"slices_rejected": ["first"]}])
async def test_a_switch_takes_nothing_else(door: Door, change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=next(iter(change))):
        await door("settings", **change)


async def test_a_super_order_by_hand_comes_from_the_app(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    order = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "MARGIN", "orderType": "LIMIT",
             "securityId": "43210", "quantity": 65, "price": 100, "targetPrice": 110, "stopLossPrice": 95}  # fmt: skip
    order_id = (await door("place", account="leader", kind="super", order=order))["order_id"]
    (frame,) = await ears.frames(1)
    assert [frame[name] for name in ("source", "orderPlatform", "remarks")] == ["N", "FAST", "Super Order"]
    await leader.becomes(order_id, "PENDING")
    of_it = {"account": "leader", "order_id": order_id, "kind": "super"}
    await door("change", **of_it, leg="TARGET_LEG", changes={"targetPrice": 111})
    await door("cancel", **of_it, leg="STOP_LOSS_LEG")
    row = await leader.super_row(order_id)
    assert (row["legs"]["TARGET_LEG"]["price"], leg_statuses(row)) == (111.0, ("PENDING", "PENDING", "CANCELLED"))
    with pytest.raises(AssertionError, match="has no live TARGET_LEG"):
        await door("fill", account="leader", order_id=order_id, leg="TARGET_LEG")
    await door("cancel", **of_it)
    assert leg_statuses(await leader.super_row(order_id)) == ("CANCELLED", "CANCELLED", "CANCELLED")
    (seen,) = (await door("super_orders", "GET", account="leader"))["super_orders"]
    assert (seen["orderId"], seen["account"]) == (order_id, "leader")
    with pytest.raises(AssertionError, match="Target Price"):
        await door("place", account="leader", kind="super", order={**order, "targetPrice": 90})
    with pytest.raises(AssertionError, match="order, super, forever"):
        await door("place", account="leader", kind="alert", order=order)


async def test_an_order_by_hand_is_changed_and_cancelled_by_hand(leader: Client, door: Door) -> None:
    order = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "LIMIT",
             "securityId": "43210", "quantity": 65, "price": 90}  # fmt: skip
    order_id = (await door("place", account="leader", order=order))["order_id"]
    await leader.becomes(order_id, "PENDING")
    whole = {"orderType": "LIMIT", "validity": "DAY", "quantity": 130, "price": 91}
    await door("change", account="leader", order_id=order_id, changes=whole)
    assert (await leader.order(order_id))["quantity"] == 130
    await door("cancel", account="leader", order_id=order_id)
    assert (await leader.order(order_id))["orderStatus"] == "CANCELLED"
    with pytest.raises(AssertionError, match="DH-906"):
        await door("cancel", account="leader", order_id=order_id)


async def test_a_leg_without_legs_is_none(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    with pytest.raises(AssertionError, match="has no live STOP_LOSS_LEG"):
        await door("status", account="leader", order_id=order_id, leg="STOP_LOSS_LEG", status="CANCELLED")
    assert json.loads((await door.raw("leader", "GET", "/super/orders"))[1]) == []
