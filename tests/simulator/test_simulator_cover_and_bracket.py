"""Cover and bracket orders: exits that a product brings with it, over the ordinary calls."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, Listener, Row

COVER = {"product_type": "CO", "price": 100.0, "trigger_price": 95.0}
BRACKET = {"product_type": "BO", "price": 100.0, "bo_profit_value": 10.0, "bo_stop_loss_Value": 5.0}
BODY = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "BO", "orderType": "LIMIT",
        "validity": "DAY", "securityId": "43210", "quantity": 65, "price": 100.0}  # fmt: skip


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


async def legs(client: Client) -> dict[str, Row]:
    return {row["legName"]: row for row in (await client("get_order_list"))["data"]}


async def entered(client: Client, door: Door, order: dict[str, Any], **fill: Any) -> dict[str, Row]:
    """The rows by their leg's name, once the entry has traded."""
    order_id = await client.place_id(**order)
    await client.becomes(order_id, "PENDING")
    await door("fill", account=client.account.name, order_id=order_id, **fill)
    return await legs(client)


async def test_a_bracket_orders_exits_lie_at_their_distance_from_what_the_entry_paid(
    leader: Client, door: Door, listen: Any
) -> None:
    ears: Listener = await listen("leader")
    rows = await entered(leader, door, BRACKET, price=99.0)
    entry, target, stop = (rows[name] for name in ("ENTRY_LEG", "TARGET_LEG", "STOP_LOSS_LEG"))
    assert (entry["boProfitValue"], entry["boStopLossValue"], entry["productType"]) == (10.0, 5.0, "BO")
    assert (target["price"], stop["triggerPrice"], stop["orderType"]) == (109.0, 94.0, "STOP_LOSS")
    heard = await ears.until(target["orderId"], "Pending")
    assert {(frame["product"], frame["remarks"]) for frame in heard} == {("B", "NR")}
    assert [(frame["legNo"], frame["algoOrdNo"]) for frame in heard[-2:]] == [
        (2, entry["orderId"]), (3, entry["orderId"])]  # fmt: skip
    await door.price(109)
    rows = await legs(leader)
    assert [rows[name]["orderStatus"] for name in ("ENTRY_LEG", "TARGET_LEG", "STOP_LOSS_LEG")] == [
        "TRADED", "TRADED", "CANCELLED"]  # fmt: skip
    (held,) = (await leader("get_positions"))["data"]
    assert (held["productType"], held["netQty"], held["realizedProfit"]) == ("BO", 0, 650.0)


async def test_the_exits_follow_the_average_of_an_entry_that_trades_in_parts(leader: Client, door: Door) -> None:
    order_id = await leader.place_id(**BRACKET, quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65, price=100)
    await door("fill", account="leader", order_id=order_id, quantity=65, price=98)
    rows = await legs(leader)
    assert [(rows["TARGET_LEG"][name], rows["STOP_LOSS_LEG"][name]) for name in ("quantity",)] == [(130, 130)]
    assert (rows["TARGET_LEG"]["price"], rows["STOP_LOSS_LEG"]["triggerPrice"]) == (109.0, 94.0)


async def test_the_exits_of_a_sale_lie_the_other_way(leader: Client, door: Door) -> None:
    rows = await entered(leader, door, {**BRACKET, "transaction_type": "SELL", "price": 102.0})
    assert (rows["TARGET_LEG"]["price"], rows["STOP_LOSS_LEG"]["triggerPrice"]) == (92.0, 107.0)
    assert rows["STOP_LOSS_LEG"]["transactionType"] == "BUY"


async def test_a_cover_order_has_a_stop_and_shows_it_on_its_entry(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    rows = await entered(leader, door, COVER)
    assert (rows["ENTRY_LEG"]["triggerPrice"], rows["STOP_LOSS_LEG"]["triggerPrice"]) == (95.0, 95.0)
    assert sorted(rows) == ["ENTRY_LEG", "STOP_LOSS_LEG"]
    stop = rows["STOP_LOSS_LEG"]["orderId"]
    await door.price(94)
    heard = await ears.until(stop, "Traded")
    assert {frame["product"] for frame in heard} == {"V"}
    assert [frame["legNo"] for frame in heard] == [1, 1, 1, 2, 2, 2]
    assert (await leader.order(stop))["averageTradedPrice"] == 94.0


async def test_a_cover_order_without_a_stop_is_taken_as_it_is(leader: Client, door: Door) -> None:
    rows = await entered(leader, door, {"product_type": "CO", "price": 100.0})
    assert [row["orderStatus"] for row in rows.values()] == ["TRADED"]


@pytest.mark.parametrize(("changes", "code"), [
    ({}, "DH-905"),  # no way out
    ({"productType": "CO", "triggerPrice": 101}, "DH-906"),
    ({"productType": "CO", "transactionType": "SELL", "triggerPrice": 99}, "DH-906"),
    ({"productType": "CO", "orderType": "STOP_LOSS", "triggerPrice": 99}, "DH-905"),
])  # fmt: skip
async def test_exits_that_make_no_sense_are_refused(door: Door, changes: dict[str, Any], code: str) -> None:
    status, text, _ = await door.raw("leader", "POST", "/orders", json={**BODY, **changes})
    assert (status, json.loads(text)["errorCode"]) == (400, code)


async def test_the_client_may_not_be_enabled_for_them(leader: Client, door: Door) -> None:
    await door("settings", cover_and_bracket="refused")
    for order in (COVER, BRACKET):
        refused = (await leader.place(**order))["remarks"]
        assert (refused["error_code"], refused["error_message"]) == ("DH-906", "Client not enabled on the product")


async def test_before_the_close_they_are_refused_as_intraday_orders_are(leader: Client, door: Door) -> None:
    await door("settings", intraday="closed")
    await leader.becomes(await leader.place_id(**BRACKET), "REJECTED")


async def test_a_leg_is_changed_by_its_name_or_by_its_own_number(leader: Client, door: Door) -> None:
    rows = await entered(leader, door, BRACKET)
    entry, target = rows["ENTRY_LEG"]["orderId"], rows["TARGET_LEG"]["orderId"]
    await leader("modify_order", entry, "STOP_LOSS", "STOP_LOSS_LEG", 65, 0, 97, 0, "DAY")
    await leader("modify_order", target, "LIMIT", "TARGET_LEG", 65, 112, 0, 0, "DAY")
    rows = await legs(leader)
    assert (rows["TARGET_LEG"]["price"], rows["STOP_LOSS_LEG"]["triggerPrice"]) == (112.0, 97.0)
    missing = await leader("modify_order", entry, "STOP_LOSS", "STOP_LOSS_LEG", 65, 0, 0, 0, "DAY")
    assert missing["remarks"]["error_code"] == "DH-905"
    finished = await leader("modify_order", entry, "LIMIT", "ENTRY_LEG", 65, 101, 0, 0, "DAY")
    assert finished["remarks"]["error_code"] == "DH-906"


async def test_a_leg_that_was_moved_before_it_is_live_stays_where_it_was_put(leader: Client, door: Door) -> None:
    order_id = await leader.place_id(**BRACKET)
    await leader.becomes(order_id, "PENDING")
    await leader("modify_order", order_id, "LIMIT", "TARGET_LEG", 65, 118, 0, 0, "DAY")
    await leader("modify_order", order_id, "LIMIT", "ENTRY_LEG", 130, 99, 0, 0, "DAY")
    await door("fill", account="leader", order_id=order_id)
    rows = await legs(leader)
    assert [rows[name]["quantity"] for name in sorted(rows)] == [130, 130, 130]
    assert (rows["TARGET_LEG"]["price"], rows["STOP_LOSS_LEG"]["triggerPrice"]) == (118.0, 94.0)


async def test_a_cover_orders_stop_moved_before_it_is_live_shows_on_the_entry(leader: Client) -> None:
    order_id = await leader.place_id(**COVER)
    await leader.becomes(order_id, "PENDING")
    await leader("modify_order", order_id, "LIMIT", "STOP_LOSS_LEG", 65, 0, 96, 0, "DAY")
    assert (await leader.order(order_id))["triggerPrice"] == 96.0


async def test_the_entry_is_cancelled_by_its_number_and_a_leg_by_its_own(leader: Client, door: Door) -> None:
    waiting = await leader.place_id(**BRACKET)
    await leader.becomes(waiting, "PENDING")
    await leader("cancel_order", waiting)
    assert [row["orderStatus"] for row in (await leader("get_order_list"))["data"]] == ["CANCELLED"]
    rows = await entered(leader, door, BRACKET)
    assert (await leader("cancel_order", rows["ENTRY_LEG"]["orderId"]))["remarks"]["error_code"] == "DH-906"
    await leader("cancel_order", rows["TARGET_LEG"]["orderId"])
    rows = await legs(leader)
    assert (rows["TARGET_LEG"]["orderStatus"], rows["STOP_LOSS_LEG"]["orderStatus"]) == ("CANCELLED", "PENDING")


async def test_the_brokers_square_off_ends_the_legs_and_closes_the_position(leader: Client, door: Door) -> None:
    rows = await entered(leader, door, BRACKET)
    done = await door("square_off", account="leader")
    assert set(done["cancelled"]) == {rows["TARGET_LEG"]["orderId"], rows["STOP_LOSS_LEG"]["orderId"]}
    await leader.becomes(done["order_ids"][0], "TRADED")
    (held,) = (await leader("get_positions"))["data"]
    assert held["netQty"] == 0


async def test_a_bracket_order_by_hand(leader: Client, door: Door) -> None:
    order = {**BODY, "boProfitValue": 10, "boStopLossValue": 5}
    order_id = (await door("place", account="leader", order=order))["order_id"]
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id)
    whole = {"orderType": "LIMIT", "validity": "DAY", "quantity": 65, "price": 113}
    await door("change", account="leader", order_id=order_id, leg="TARGET_LEG", changes=whole)
    await door("status", account="leader", order_id=order_id, leg="STOP_LOSS_LEG", status="CANCELLED")
    rows = await legs(leader)
    assert (rows["TARGET_LEG"]["price"], rows["STOP_LOSS_LEG"]["orderStatus"]) == (113.0, "CANCELLED")
