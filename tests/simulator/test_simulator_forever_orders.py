"""Forever orders: a book of their own that waits for a price, as the official client meets it."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door, Listener, until

ROW_FIELDS = (
    "dhanClientId orderId orderStatus transactionType exchangeSegment productType orderType tradingSymbol securityId "
    "quantity price triggerPrice legName createTime updateTime exchangeTime drvExpiryDate drvOptionType drvStrikePrice"
)
CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
SHARE = {"security_id": "2885", "exchange_segment": "NSE_EQ", "product_type": "CNC", "quantity": 5}
BUY = {"transaction_type": "BUY"}
OCO = {"order_flag": "OCO", "price": 110.0, "trigger_Price": 109.0, "price1": 90.0, "trigger_Price1": 91.0,
       "quantity1": 65}  # fmt: skip
BODY = {"orderFlag": "SINGLE", "transactionType": "SELL", "exchangeSegment": "NSE_FNO", "productType": "MARGIN",
        "orderType": "LIMIT", "validity": "DAY", "securityId": "43210", "quantity": 65, "price": 90.0,
        "triggerPrice": 91.0}  # fmt: skip


@pytest.fixture(autouse=True)
async def prompt(door: Door) -> None:
    """Transit takes no time."""
    await door("settings", transit_ms=0)


async def waits(client: Client, order_id: str) -> bool:
    return order_id in {row["orderId"] for row in await client.forever_rows()}


# ---- the list -------------------------------------------------------------------------------------------------------


async def test_a_forever_order_is_in_transit_and_then_armed_in_its_own_list_alone(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    answer = await leader.place_forever()
    order_id = answer["data"]["orderId"]
    assert answer["data"]["orderStatus"] == "TRANSIT"
    assert [row["orderStatus"] for row in await leader.forever_rows()] == ["TRANSIT"]
    await door("release", account="leader", order_id=order_id)
    (row,) = await leader.forever_rows()
    assert sorted(row) == sorted(ROW_FIELDS.split())
    assert [row[name] for name in ("orderId", "orderStatus", "orderType", "legName", "price", "triggerPrice")] == [
        order_id, "CONFIRM", "SINGLE", "TARGET_LEG", 90.0, 91.0]  # fmt: skip
    assert (await leader("get_order_list"))["data"] == []
    assert (await leader.order(order_id)) == []


async def test_an_oco_has_a_row_for_each_leg(leader: Client) -> None:
    order_id = await leader.armed(**OCO, product_type="MARGIN")
    rows = await leader.forever_rows()
    assert [(row["orderId"], row["orderType"], row["legName"], row["triggerPrice"], row["price"]) for row in rows] == [
        (order_id, "OCO", "TARGET_LEG", 109.0, 110.0),
        (order_id, "OCO", "STOP_LOSS_LEG", 91.0, 90.0),
    ]


async def test_there_is_no_list_of_all(door: Door) -> None:
    assert (await door.raw("leader", "GET", "/forever/all"))[0] == 404
    assert json.loads((await door.raw("leader", "GET", "/forever/orders"))[1]) == []


@pytest.mark.parametrize("changes", [
    {"orderFlag": "BOTH"}, {"productType": "INTRADAY"}, {"orderType": "STOP_LOSS"}, {"triggerPrice": 0},
    {"triggerPrice": None}, {"price": 0}, {"validity": None}, {"quantity": None}, {"securityId": "43210.0"},
    {"orderFlag": "OCO"}, {"orderFlag": "OCO", "price1": 90, "triggerPrice1": 91, "quantity1": 0},
    {"correlationId": "a" * 26},
])  # fmt: skip
async def test_a_malformed_one_is_bad_input(leader: Client, door: Door, changes: dict[str, Any]) -> None:
    status, text, _ = await door.raw("leader", "POST", "/forever/orders", json={**BODY, **changes})
    assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")
    assert await leader.forever_rows() == []


@pytest.mark.parametrize("changes", [
    {"quantity": 66}, {"trigger_Price": 91.01}, {"product_type": "CNC"}, {"quantity": 65 * 40},
    {**SHARE, "price": 1000.0, "trigger_Price": 1000.0},
])  # fmt: skip
async def test_one_that_the_risk_desk_refuses_is_taken_and_then_gone(
    leader: Client, listen: Any, changes: dict[str, Any]
) -> None:
    ears: Listener = await listen("leader")
    order_id = await leader.forever_id(**changes)

    async def gone() -> bool:
        return order_id not in leader.account.forevers

    await until(gone)
    assert await leader.forever_rows() == (await leader("get_order_list"))["data"] == []
    other = await leader.place_id()
    assert {frame["orderNo"] for frame in await ears.until(other, "Pending")} == {other}


async def test_one_can_be_refused_at_once(leader: Client, door: Door) -> None:
    await door("settings", refuse="at_once")
    assert "lot size" in (await leader.place_forever(quantity=66))["remarks"]["error_message"]
    await door("funds", account="leader", available=10)
    assert "insufficient" in (await leader.place_forever(**BUY))["remarks"]["error_message"]


async def test_address_and_kill_switch_hold_for_forever_orders_too(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    await door("kill_switch", account="leader", status="ACTIVATE")
    assert "kill switch" in (await leader.place_forever())["remarks"]["error_message"]
    await door("settings", account="leader", ip_allowed=False)
    change = {"orderId": order_id, "legName": "TARGET_LEG", "quantity": 65}
    for method, path, body in (
        ("POST", "/forever/orders", BODY),
        ("PUT", f"/forever/orders/{order_id}", change),
        ("DELETE", f"/forever/orders/{order_id}", None),
    ):
        assert "Invalid IP" in (await door.raw("leader", method, path, json=body))[1]


async def test_changing_costs_order_rate_and_listing_does_not(leader: Client, door: Door) -> None:
    await door("settings", account="leader", rate_limits={"orders": {"60": 1}, "other": {"60": 1}})
    order_id = await leader.armed()
    assert (await leader("cancel_forever", order_id))["remarks"]["error_code"] == "DH-904"
    for status in ("success", "failure"):
        assert (await leader("get_forever"))["status"] == status


# ---- when it fires --------------------------------------------------------------------------------------------------

STAYS, FIRES = False, True


@pytest.mark.parametrize(("changes", "prices"), [
    ({"trigger_Price": 91.0}, [(92, STAYS), (91, FIRES)]),  # a sale below the market
    ({"trigger_Price": 105.0, **BUY}, [(104, STAYS), (90, STAYS), (105, FIRES)]),
    ({"trigger_Price": 95.0, **BUY}, [(110, STAYS), (95, FIRES)]),
    ({**OCO}, [(108, STAYS), (109, FIRES)]),
    ({**OCO}, [(92, STAYS), (91, FIRES)]),
    ({**OCO, **BUY, "trigger_Price": 91.0, "trigger_Price1": 109.0}, [(92, STAYS), (108, STAYS), (109, FIRES)]),
    ({**OCO, **BUY, "trigger_Price": 91.0, "trigger_Price1": 109.0}, [(91, FIRES)]),
])  # fmt: skip
async def test_it_fires_when_the_price_comes_from_the_right_side(
    leader: Client, door: Door, changes: dict[str, Any], prices: list[tuple[float, bool]]
) -> None:
    order_id = await leader.armed(**changes)
    for price, fires in prices:
        await door.price(price)
        assert await waits(leader, order_id) is not fires
    assert len((await leader("get_order_list"))["data"]) == 1


@pytest.mark.parametrize("changes", [{"trigger_Price": 101.1}, {"trigger_Price": 120.0},
                                     {"trigger_Price": 101.1, **BUY}])  # fmt: skip
async def test_a_sale_at_or_above_the_market_fires_at_once(leader: Client, changes: dict[str, Any]) -> None:
    order_id = await leader.forever_id(**changes)
    await leader.child_of(order_id)
    assert not await waits(leader, order_id)


async def test_what_fires_is_an_ordinary_order_of_the_day_that_names_its_parent(
    leader: Client, door: Door, listen: Any
) -> None:
    ears: Listener = await listen("leader")
    await door("position", account="leader", **CALL, product="MARGIN", quantity=65)
    order_id = await leader.armed(**OCO, validity="IOC", tag="mine")
    await door.price(90.5)
    child = await leader.child_of(order_id)
    heard = await ears.until(child, "Traded")
    assert [frame["status"] for frame in heard] == ["Transit", "Pending", "Traded"]
    assert {tuple(frame[name] for name in ("orderPlatform", "algoOrdNo", "product", "validity", "legNo"))
            for frame in heard} == {("FOVR", order_id, "M", "DAY", 1)}  # fmt: skip
    row = await leader.order(child)
    assert [row[name] for name in ("orderType", "price", "triggerPrice", "correlationId", "averageTradedPrice")] == [
        "LIMIT", 90.0, 0.0, "NA", 90.5]  # fmt: skip
    assert await leader.forever_rows() == []
    (held,) = (await leader("get_positions"))["data"]
    assert held["netQty"] == 0
    await door.price(109)
    assert len((await leader("get_order_list"))["data"]) == 1


async def test_one_without_a_limit_trades_at_the_market(leader: Client, door: Door) -> None:
    order_id = await leader.armed(order_type="MARKET", price=0)
    await door.price(88)
    row = await leader.becomes(await leader.child_of(order_id), "TRADED")
    assert (row["orderType"], row["averageTradedPrice"]) == ("MARKET", 88.0)


async def test_one_that_outlives_its_position_opens_a_new_one_if_there_is_margin(leader: Client, door: Door) -> None:
    first, second = await leader.armed(), await leader.armed()
    await door("funds", account="leader", available=200_000)
    await door.price(90)
    await leader.becomes(await leader.child_of(first), "TRADED")
    row = await leader.becomes(await leader.child_of(second), "REJECTED")
    assert "insufficient" in row["omsErrorDescription"]
    (held,) = (await leader("get_positions"))["data"]
    assert held["netQty"] == -65


async def test_the_kill_switch_stops_what_fires(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    await door("kill_switch", account="leader", status="ACTIVATE")
    await door.price(90)
    assert not await waits(leader, order_id)
    assert (await leader("get_order_list"))["data"] == []


async def test_held_matching_and_a_halt_hold_it_too(leader: Client, alice: Client, door: Door) -> None:
    held, halted = await leader.armed(), await alice.armed()
    await door("settings", account="leader", hold_matching=True)
    await door("bar", **CALL, kind="halted")
    await door.price(90)
    assert await waits(leader, held)
    assert await waits(alice, halted)
    await door("bar", "DELETE", **CALL)
    assert not await waits(alice, halted)
    assert await waits(leader, held)
    await door("settings", account="leader", hold_matching=False)
    assert not await waits(leader, held)


async def test_the_night_changes_nothing(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    order_id = await leader.armed()
    await door("day_change", days=1)
    assert await waits(leader, order_id)
    await door.price(91)
    assert not await waits(leader, order_id)
    await door("reset")
    await leader.armed()
    await door("reset")
    assert await leader.forever_rows() == []


# ---- changing and cancelling ----------------------------------------------------------------------------------------


async def test_one_leg_is_restated_under_the_name_that_the_list_gives_it(leader: Client, door: Door) -> None:
    order_id = await leader.armed(**OCO)
    answer = await leader("modify_forever", order_id, "OCO", "LIMIT", "STOP_LOSS_LEG", 130, 85.0, 86.0, 0, "DAY")
    assert answer["data"] == {"orderId": order_id, "orderStatus": "TRANSIT"}
    rows = await leader.forever_rows()
    assert [(row["quantity"], row["price"], row["triggerPrice"]) for row in rows] == [
        (65, 110.0, 109.0), (130, 85.0, 86.0)]  # fmt: skip
    await door.price(87)
    assert await waits(leader, order_id)


async def test_a_changed_purchase_waits_from_where_the_market_stands_then(leader: Client, door: Door) -> None:
    order_id = await leader.armed(**BUY, trigger_Price=105.0)
    await leader("modify_forever", order_id, "SINGLE", "LIMIT", "TARGET_LEG", 65, 90.0, 95.0, 0, "DAY")
    await door.price(106)
    assert await waits(leader, order_id)
    await door.price(95)
    assert not await waits(leader, order_id)


async def test_a_sale_moved_to_the_wrong_side_fires_at_once(leader: Client) -> None:
    order_id = await leader.armed()
    await leader("modify_forever", order_id, "SINGLE", "LIMIT", "TARGET_LEG", 65, 90.0, 111.0, 0, "DAY")
    assert not await waits(leader, order_id)


@pytest.mark.parametrize(("changes", "code"), [
    ({"leg_name": "STOP_LOSS_LEG"}, "DH-905"), ({"order_flag": "OCO"}, "DH-905"), ({"trigger_price": 0}, "DH-905"),
    ({"quantity": 0}, "DH-905"), ({"order_id": "1"}, "DH-906"),
])  # fmt: skip
async def test_a_change_that_does_not_fit_is_refused(leader: Client, changes: dict[str, Any], code: str) -> None:
    whole = {"order_id": await leader.armed(), "order_flag": "SINGLE", "order_type": "LIMIT", "leg_name": "TARGET_LEG",
             "quantity": 65, "price": 88.0, "trigger_price": 89.0, "disclosed_quantity": 0,
             "validity": "DAY"}  # fmt: skip
    assert (await leader("modify_forever", **{**whole, **changes}))["remarks"]["error_code"] == code
    assert (await leader.forever_rows())[0]["triggerPrice"] == 91.0


async def test_a_change_that_the_risk_desk_refuses_leaves_the_old_terms(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    change = (order_id, "SINGLE", "LIMIT", "TARGET_LEG", 65)
    await leader("modify_forever", *change, 88.0, 88.02, 0, "DAY")
    await door("settings", refuse_modification="later")
    await leader("modify_forever", *change, 87.0, 88.0, 0, "DAY")
    await door("settings", refuse_modification="no", max_modifications=2)
    assert (await leader("modify_forever", *change, 87.0, 88.0, 0, "DAY"))["status"] == "failure"
    assert (await leader.forever_rows())[0]["triggerPrice"] == 91.0


async def test_a_cancelled_one_is_gone_and_cannot_be_cancelled_twice(leader: Client, door: Door) -> None:
    order_id = await leader.armed()
    assert (await leader("cancel_forever", order_id))["data"] == {"orderId": order_id, "orderStatus": "CANCELLED"}
    assert await leader.forever_rows() == []
    assert (await leader("cancel_forever", order_id))["remarks"]["error_code"] == "DH-906"
    await door("settings", account="leader", hold=True)
    in_transit = await leader.forever_id()
    assert "Transit" in (await leader("cancel_forever", in_transit))["remarks"]["error_message"]
