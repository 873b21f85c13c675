"""A day passes: what is over, what is carried, what is delivered, and what may be spent in the morning."""

from typing import Any

from simulator_world import Client, Door, Listener

CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
PUT = {"exchange_segment": "NSE_FNO", "security_id": "43211"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}
START = 10_000_000


async def funds(client: Client) -> dict[str, Any]:
    row: dict[str, Any] = (await client("get_fund_limits"))["data"]
    return row


async def rows(client: Client) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["securityId"], row["productType"]): row for row in (await client("get_positions"))["data"]}


async def held(client: Client) -> list[int]:
    """Total, delivered, on its way and free for sale."""
    (row,) = (await client("get_holdings"))["data"]
    return [row[name] for name in ("totalQty", "dpQty", "t1Qty", "availableQty")]


async def test_orders_of_the_day_expire_and_the_books_are_empty(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    traded = await leader.place_id(price=105)
    await leader.becomes(traded, "TRADED")
    resting = await leader.place_id(quantity=130, tag="mine")
    await leader.becomes(resting, "PENDING")
    await door("fill", account="leader", order_id=resting, quantity=65, price=90)
    assert (await door("day_change"))["expired"] == 1
    assert (await ears.until(resting, "Expired"))[-1]["tradedQty"] == 65
    assert (await leader("get_order_list"))["data"] == []
    assert (await leader("get_trade_book"))["data"] == []
    assert await leader.order(resting) == []
    assert (await leader("get_order_by_correlationID", "mine"))["status"] == "failure"
    today = (await door("clock", "GET"))["now"][:10]
    assert len((await leader("get_trade_history", today, today, 0))["data"]) == 2


async def test_what_is_on_its_way_over_night_goes_nowhere(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    await leader.place_id()
    await door("day_change", account="leader")
    assert (await door("release", account="leader"))["released"] == 0
    assert await rows(leader) == {}


async def test_an_after_market_order_waits_for_the_next_day_and_is_in_its_book(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    order_id = await leader.place_id(price=105, after_market_order=True, amo_time="OPEN", tag="early")
    await leader.becomes(order_id, "PENDING")
    await door("day_change", days=1)
    assert [row["orderId"] for row in (await leader("get_order_list"))["data"]] == [order_id]
    assert (await leader("get_order_by_correlationID", "early"))["data"]["orderId"] == order_id
    await door("open")
    await leader.becomes(order_id, "TRADED")
    assert len((await leader("get_trade_book"))["data"]) == 1


async def test_positions_of_the_day_are_settled_and_contracts_are_carried_at_their_price(
    leader: Client, door: Door
) -> None:
    await door("trade", account="leader", **CALL, side="BUY", quantity=65, product="INTRADAY", price=100)
    await door("trade", account="leader", **CALL, side="BUY", quantity=130, product="MARGIN", price=100)
    await door("trade", account="leader", **CALL, side="SELL", quantity=65, product="MARGIN", price=102)
    await door("trade", account="leader", **PUT, side="SELL", quantity=65, product="MARGIN", price=80)
    await door("trade", account="leader", **PUT, side="BUY", quantity=65, product="INTRADAY", price=80)
    await door("trade", account="leader", **PUT, side="SELL", quantity=65, product="INTRADAY", price=80)
    await door.price(104)
    assert (await door("day_change"))["carried"] == 2
    found = await rows(leader)
    assert {key: (row["netQty"], row["carryForwardBuyQty"], row["carryForwardSellQty"], row["dayBuyQty"])
            for key, row in found.items()} == {
        ("43210", "MARGIN"): (65, 65, 0, 0),
        ("43211", "MARGIN"): (-65, 0, 65, 0),
    }  # fmt: skip
    assert (found["43210", "MARGIN"]["costPrice"], found["43210", "MARGIN"]["realizedProfit"]) == (100.0, 0.0)
    # 65 x 4 of the day's position, settled at the last price, and 65 x 2 of what was sold: both are cash now.
    assert (await funds(leader))["sodLimit"] == START + 65 * 4 + 65 * 2


async def test_the_morning_begins_with_what_the_evening_left(leader: Client, door: Door) -> None:
    await door("trade", account="leader", **CALL, side="BUY", quantity=65, product="MARGIN", price=100)
    await door("trade", account="leader", **SHARE, side="BUY", quantity=10, product="CNC", price=1400)
    await leader.becomes(await leader.place_id(), "PENDING")
    evening = await funds(leader)
    assert evening["availabelBalance"] == START - 65 * 100 - 10 * 1400 - 65 * 90
    await door("day_change")
    morning = await funds(leader)
    assert morning["availabelBalance"] == evening["availabelBalance"] + 65 * 90
    assert morning["sodLimit"] == morning["availabelBalance"] + morning["utilizedAmount"]
    assert morning["utilizedAmount"] == 65 * 100


async def test_shares_for_delivery_become_holdings_and_are_delivered_a_day_later(leader: Client, door: Door) -> None:
    await door("holding", account="leader", **SHARE, quantity=10, price=1300)
    await door("trade", account="leader", **SHARE, side="BUY", quantity=5, product="CNC", price=1450)
    assert {key: row["netQty"] for key, row in (await rows(leader)).items()} == {("2885", "CNC"): 5}
    await door("day_change")
    assert (await rows(leader), await held(leader)) == ({}, [15, 10, 5, 15])
    assert (await leader("get_holdings"))["data"][0]["avgCostPrice"] == 1350.0
    await door("day_change")
    assert await held(leader) == [15, 15, 0, 15]


async def test_sold_shares_leave_the_holdings_over_night_and_their_price_comes_in(leader: Client, door: Door) -> None:
    await door("holding", account="leader", **SHARE, quantity=10, price=1300)
    sale = {**SHARE, "transaction_type": "SELL", "product_type": "CNC", "order_type": "MARKET", "price": 0}
    await leader.becomes(await leader.place_id(**sale, quantity=4), "TRADED")
    assert (await rows(leader))["2885", "CNC"]["netQty"] == -4
    assert await held(leader) == [10, 10, 0, 10]  # lags until the day changes
    assert (await funds(leader))["receiveableAmount"] == 4 * 1402.5
    await door("day_change")
    assert (await rows(leader), await held(leader)) == ({}, [6, 6, 0, 6])
    assert (await funds(leader))["availabelBalance"] == START + 4 * 1402.5
    await leader.becomes(await leader.place_id(**sale, quantity=6), "TRADED")
    await door("day_change")
    assert (await leader("get_holdings"))["status"] == "failure"


async def test_borrowed_shares_are_paid_in_part_and_the_loan_goes_back_when_they_are_sold(
    leader: Client, door: Door
) -> None:
    await door("trade", account="leader", **SHARE, side="BUY", quantity=8, product="MTF", price=1400)
    await door("day_change")
    assert (await funds(leader))["sodLimit"] == START - 8 * 350
    assert (await leader("get_holdings"))["data"][0]["mtf_qty"] == 8
    await door("trade", account="leader", **SHARE, side="SELL", quantity=8, product="MTF", price=1410)
    await door("day_change")
    assert (await funds(leader))["sodLimit"] == START + 80


async def test_a_contract_that_has_expired_is_over(leader: Client, door: Door) -> None:
    await door("instrument", exchange_segment="NSE_FNO", security_id="777", kind="OPTIDX", lot_size=65, last_price=50)
    await door("trade", account="leader", exchange_segment="NSE_FNO", security_id="777", side="BUY", quantity=65,
               product="MARGIN")  # fmt: skip
    await door("instrument", exchange_segment="NSE_FNO", security_id="777", last_price=70)
    await door("day_change")
    assert len(await rows(leader)) == 1
    today = (await door("clock", "GET"))["now"][:10]
    await door("instrument", exchange_segment="NSE_FNO", security_id="777", expiry=today)
    await door("day_change")
    assert await rows(leader) == {}
    assert (await funds(leader))["availabelBalance"] == START + 65 * 20


async def test_a_night_ends_the_kill_switch_and_what_was_authorised_and_moves_the_clock_when_asked(
    leader: Client, door: Door
) -> None:
    await door("kill_switch", account="leader", status="ACTIVATE")
    await door("settings", edis_approved=["ALL"])
    before = (await door("clock", "GET"))["offset_seconds"]
    await door("day_change", days=3)
    assert (await door("clock", "GET"))["offset_seconds"] == before + 3 * 86400
    assert (await leader("get_order_list"))["remarks"]["error_code"] == "DH-901"  # tokens live for a day
    assert (await door("settings", "GET", account="leader"))["edis_approved"] == []
    assert (await door("accounts", "GET"))["accounts"][0]["kill_switch"] is False
    await door("reset")
    assert (await door("clock", "GET"))["offset_seconds"] == before


async def test_a_day_can_change_for_one_account(leader: Client, alice: Client, door: Door) -> None:
    for client in (leader, alice):
        await client.becomes(await client.place_id(price=105), "TRADED")
    await door("day_change", account="alice")
    assert (await alice("get_order_list"))["data"] == []
    assert len((await leader("get_order_list"))["data"]) == 1


async def test_the_clock_can_be_set_to_a_time_in_india(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    await door("clock", at="2026-09-15 15:19:58")
    assert (await leader.order(await leader.place_id()))["createTime"].startswith("2026-09-15 15:")
