"""What a person does by hand, and what broker and exchange do by themselves."""

from typing import Any

import pytest
from simulator_world import NIFTY_CALL, Client, Door, Listener

CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
PUT = {"exchange_segment": "NSE_FNO", "security_id": "43211"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}
SELL = {"transaction_type": "SELL", "order_type": "MARKET", "price": 0}


@pytest.fixture
async def prompt(door: Door) -> None:
    """Steps between broker and exchange take no time."""
    await door("settings", transit_ms=0)


pytestmark = pytest.mark.usefixtures("prompt")


async def net(door: Door, account: str = "leader") -> dict[tuple[str, str], int]:
    told = (await door("positions", "GET", account=account))["positions"]
    return {(row["securityId"], row["productType"]): row["netQty"] for row in told}


async def available(client: Client) -> float:
    return float((await client("get_fund_limits"))["data"]["availabelBalance"])


# ---- trades by hand -------------------------------------------------------------------------------------------------


async def test_a_trade_by_hand_is_in_every_book_and_on_the_stream(alice: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("alice")
    done = await door("trade", account="alice", **CALL, side="SELL", quantity=130, price=99.5)
    heard = await ears.until(done["order_id"], "Traded")
    assert [frame["status"] for frame in heard] == ["Transit", "Traded"]
    assert {(frame["source"], frame["orderPlatform"], frame["orderType"]) for frame in heard} == {("N", "FAST", "MKT")}
    row = await alice.order(done["order_id"])
    assert (row["orderStatus"], row["averageTradedPrice"], row["correlationId"]) == ("TRADED", 99.5, "NA")
    (trade,) = (await door("trades", "GET", account="alice"))["trades"]
    assert trade["exchangeTradeId"] == done["exchange_trade_id"]
    assert await net(door, "alice") == {("43210", "INTRADAY"): -130}
    assert (await door("requests", "GET", account="alice"))["requests"][0]["method"] == "GET"


async def test_a_trade_by_hand_asks_neither_funds_nor_holdings_nor_the_market(alice: Client, door: Door) -> None:
    await door("settings", refuse="at_once", session="closed", hold_matching=True)
    await door("funds", account="alice", available=0)
    await door("liquidity", **SHARE, available=0)
    done = await door("trade", account="alice", **SHARE, side="sell", quantity=3, product="CNC", platform="WEB")
    assert (done["price"], await net(door, "alice")) == (1402.5, {("2885", "CNC"): -3})
    assert (await door("orders", "GET", account="alice"))["orders"][0]["orderPlatform"] == "WEB"


@pytest.mark.parametrize("wrong", [{"side": "HOLD"}, {"quantity": 0}, {"product": "MIS"}, {"security_id": "1"}])
async def test_a_trade_by_hand_has_a_side_a_quantity_a_product_and_an_instrument(
    door: Door, wrong: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError, match="error"):
        await door("trade", **{"account": "alice", **CALL, "side": "BUY", "quantity": 65, **wrong})


async def test_a_day_trade_ends_flat_with_its_profit_and_carried_units_stay_apart(leader: Client, door: Door) -> None:
    start = await available(leader)
    await door("position", account="leader", **CALL, product="MARGIN", quantity=65, price=100)
    assert await available(leader) == start - 6500
    await door("trade", account="leader", **CALL, side="BUY", quantity=65, product="MARGIN", price=102)
    await door("trade", account="leader", **CALL, side="SELL", quantity=130, product="MARGIN", price=103)
    (row,) = (await leader("get_positions"))["data"]
    assert [row[name] for name in ("positionType", "netQty", "carryForwardBuyQty", "dayBuyQty", "daySellQty")] == [
        "CLOSED", 0, 65, 65, 130]  # fmt: skip
    assert row["realizedProfit"] == 65 * 3 + 65 * 1
    assert await available(leader) == start + 260


# ---- square-off -----------------------------------------------------------------------------------------------------


async def test_the_broker_squares_off_what_belongs_to_the_day(leader: Client, door: Door, listen: Any) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=130, carried=False)
    await door("position", account="leader", **PUT, product="INTRADAY", quantity=-65, carried=False)
    await door("position", account="leader", **CALL, product="MARGIN", quantity=65)
    kept, stop = await leader.place_id(product_type="MARGIN"), await leader.place_id(**{**SELL, "order_type": "LIMIT",
                                                                                        "price": 120})  # fmt: skip
    await leader.becomes(stop, "PENDING")
    ears: Listener = await listen("leader")
    done = await door("square_off", account="leader")
    assert (done["cancelled"], len(done["order_ids"])) == ([stop], 2)
    heard = await ears.until(done["order_ids"][1], "Traded")
    own = [frame for frame in heard if frame["orderNo"] in done["order_ids"]]
    assert {(frame["source"], frame["orderPlatform"], frame["product"], frame["orderType"]) for frame in own} == {
        ("R", "RMS", "I", "MKT")}  # fmt: skip
    assert {(row["securityId"], row["transactionType"], row["quantity"], row["correlationId"])
            for row in (await leader("get_order_list"))["data"] if row["orderId"] in done["order_ids"]} == {
        ("43210", "SELL", 130, "NA"), ("43211", "BUY", 65, "NA")}  # fmt: skip
    assert await net(door) == {("43210", "INTRADAY"): 0, ("43211", "INTRADAY"): 0, ("43210", "MARGIN"): 65}
    assert (await leader.order(stop))["omsErrorDescription"] == "RMS:Auto Square Off"
    assert (await leader.order(kept))["orderStatus"] == "PENDING"


async def test_nothing_stops_the_brokers_own_orders_but_a_market_that_does_not_trade(
    leader: Client, door: Door
) -> None:
    await door("settings", session="closed", intraday="closed", refuse="at_once", broker_platform="AUTO")
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65)
    await door("funds", account="leader", available=-100)
    await door("kill_switch", account="leader", status="ACTIVATE")
    await door("bar", **CALL, kind="halted")
    (order_id,) = (await door("square_off"))["order_ids"]
    assert (await leader.order(order_id))["orderStatus"] == "PENDING"
    await door("bar", "DELETE")
    assert (await leader.order(order_id))["orderStatus"] == "TRADED"
    assert (await door("orders", "GET", account="leader"))["orders"][0]["orderPlatform"] == "AUTO"


async def test_a_square_off_can_be_of_other_products_of_one_instrument_and_leave_what_rests(
    leader: Client, door: Door
) -> None:
    for key in (CALL, PUT):
        await door("position", account="leader", **key, product="MARGIN", quantity=65)
    exit_id = await leader.place_id(**{**SELL, "order_type": "LIMIT", "price": 120}, product_type="MARGIN")
    await leader.becomes(exit_id, "PENDING")
    done = await door("square_off", account="leader", products=["MARGIN"], **CALL, cancel=False)
    assert (len(done["order_ids"]), done["cancelled"]) == (1, [])
    assert await net(door) == {("43210", "MARGIN"): 0, ("43211", "MARGIN"): 65}
    # What rests outlived its position and opens a new one.
    await door.price(121)
    assert (await net(door))["43210", "MARGIN"] == -65


# ---- conversion -----------------------------------------------------------------------------------------------------


async def test_a_person_converts_a_position_and_nothing_is_told_of_it(
    leader: Client, door: Door, simulator: Any
) -> None:
    await door("trade", account="leader", **CALL, side="BUY", quantity=130, price=100)
    seen = (await door("frames", "GET"))["last"]
    done = await door("convert", account="leader", **CALL, **{"from": "INTRADAY", "to": "MARGIN", "quantity": 65})
    assert (done["converted"], await net(door)) == (65, {("43210", "INTRADAY"): 65, ("43210", "MARGIN"): 65})
    await door("convert", account="leader", **CALL, **{"from": "INTRADAY", "to": "MARGIN"})
    assert await net(door) == {("43210", "INTRADAY"): 0, ("43210", "MARGIN"): 130}
    rows = (await leader("get_positions"))["data"]
    assert {row["productType"]: row["realizedProfit"] for row in rows} == {"INTRADAY": 0, "MARGIN": 0}
    assert len((await leader("get_order_list"))["data"]) == 1
    assert (await door("frames", "GET"))["last"] == seen


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fromProductType": "MARGIN"}, "DH-906"),
        ({"positionType": "SHORT"}, "DH-906"),
        ({"convertQty": 195}, "DH-906"),
        ({"toProductType": "CNC"}, "DH-905"),
        ({"toProductType": "INTRADAY"}, "DH-905"),
        ({"convertQty": "65"}, "DH-905"),
        ({"positionType": None}, "DH-905"),
    ],
)
async def test_a_conversion_has_its_conditions(door: Door, changes: dict[str, Any], code: str) -> None:
    await door("trade", account="leader", **CALL, side="BUY", quantity=130)
    body = {"dhanClientId": "1100000001", "fromProductType": "INTRADAY", "exchangeSegment": "NSE_FNO",
            "positionType": "LONG", "securityId": "43210", "convertQty": 65, "toProductType": "MARGIN"}  # fmt: skip
    status, text, _ = await door.raw("leader", "POST", "/positions/convert", json={**body, **changes})
    assert (status, code in text) == (400, True)
    assert await net(door) == {("43210", "INTRADAY"): 130}


async def test_shares_that_are_to_be_delivered_cost_their_whole_price(leader: Client, door: Door) -> None:
    await door("trade", account="leader", **SHARE, side="BUY", quantity=10, price=1400)
    await door("funds", account="leader", available=11199)
    refused = await leader("convert_position", "INTRADAY", "NSE_EQ", "LONG", "2885", 10, "CNC")
    assert refused["remarks"]["error_message"] == "You have insufficient funds. Please add Rs.1.00 to convert."
    with pytest.raises(AssertionError, match="insufficient funds"):
        await door("convert", account="leader", **SHARE, **{"from": "INTRADAY", "to": "CNC"})
    await door("funds", account="leader", available=11200)
    await door("convert", account="leader", **SHARE, **{"from": "INTRADAY", "to": "CNC"})
    assert (await available(leader), await net(door)) == (0, {("2885", "INTRADAY"): 0, ("2885", "CNC"): 10})


async def test_a_short_position_cannot_be_delivered(door: Door) -> None:
    await door("trade", account="leader", **SHARE, side="SELL", quantity=10)
    with pytest.raises(AssertionError, match="DH-905"):
        await door("convert", account="leader", **SHARE, **{"from": "INTRADAY", "to": "CNC"})


# ---- halts and bans -------------------------------------------------------------------------------------------------

TEXTS = [
    ({"kind": "halted"}, "is halted"),
    ({"kind": "suspended"}, "is suspended from trading"),
    ({"kind": "not_allowed"}, "EXCH:16387:Security is not allowed to trade in this market."),
    ({"kind": "no_intraday"}, "this stock is not allowed to be traded in Intraday."),
    ({"kind": "ban_period"}, "Scrip in ban period"),
    ({"kind": "strike_range"}, "Strike price is not within range for the selected expiry"),
    ({"kind": "self_trade"}, "EXCH:17071"),
    ({"kind": "connectivity"}, "Exchange Connectivity is not established for NSE_FNO"),
    ({"kind": "lpp", "low": 95, "high": 110}, "EXCH:17070 : The Price Is Out Of The Current LPP Range"),
    ({"kind": "circuit_freeze", "low": 95, "high": 110}, "Place order within 95.00 to 110.00."),
    ({"kind": "halted", "text": "EXCH:1:{symbol} {unknown} stopped"}, "{unknown} stopped"),
]


@pytest.mark.parametrize(("fields", "text"), TEXTS)
async def test_an_instrument_is_barred_for_one_account_until_that_is_lifted(
    leader: Client, alice: Client, door: Door, fields: dict[str, Any], text: str
) -> None:
    await door("bar", account="alice", **CALL, **fields)
    row = await alice.becomes(await alice.place_id(), "REJECTED")
    assert text in row["omsErrorDescription"]
    await leader.becomes(await leader.place_id(), "PENDING")
    (told,) = (await door("bar", "GET"))["bars"]
    assert (told["account"], told["security_id"], told["kind"]) == ("alice", "43210", fields["kind"])
    await door("bar", "DELETE", account="alice", **CALL)
    await alice.becomes(await alice.place_id(), "PENDING")


async def test_a_halted_market_trades_nothing_until_it_opens_again(leader: Client, alice: Client, door: Door) -> None:
    resting = await leader.place_id(price=95)
    await leader.becomes(resting, "PENDING")
    await door("bar", **CALL, kind="halted")
    await alice.becomes(await alice.place_id(order_type="MARKET", price=0), "REJECTED")
    await door.price(90)
    assert (await leader.order(resting))["orderStatus"] == "PENDING"
    await leader("modify_order", resting, "LIMIT", None, 65, 96, 0, 0, "DAY")
    assert (await leader.order(resting))["price"] == 95.0
    told = (await door("instruments", "GET"))["instruments"]
    assert [row["security_id"] for row in told if row["halted"]] == ["43210"]
    assert (await door("bar", "DELETE"))["lifted"] == 3
    await leader.becomes(resting, "TRADED")


async def test_an_order_can_be_cancelled_while_its_instrument_is_halted(leader: Client, door: Door) -> None:
    resting = await leader.place_id()
    await leader.becomes(resting, "PENDING")
    await door("bar", **CALL, kind="suspended")
    await leader("cancel_order", resting)
    await leader.becomes(resting, "CANCELLED")


async def test_in_a_ban_period_what_lessens_a_position_passes(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65)
    await door("bar", **CALL, kind="ban_period")
    await leader.becomes(await leader.place_id(**SELL, quantity=130), "REJECTED")
    await leader.becomes(await leader.place_id(**SELL), "TRADED")
    await leader.becomes(await leader.place_id(**SELL), "REJECTED")


async def test_a_price_range_stops_prices_only_and_no_intraday_stops_that_product_only(
    leader: Client, door: Door
) -> None:
    await door("bar", **CALL, kind="lpp", low=95, high=105)
    await leader.becomes(await leader.place_id(price=94.95), "REJECTED")
    await leader.becomes(await leader.place_id(price=95), "PENDING")
    await leader.becomes(await leader.place_id(order_type="MARKET", price=0), "TRADED")
    await door("bar", **CALL, kind="no_intraday")
    await leader.becomes(await leader.place_id(), "REJECTED")
    await leader.becomes(await leader.place_id(product_type="MARGIN"), "PENDING")


async def test_a_reset_lifts_every_bar_and_an_unknown_one_is_named(leader: Client, door: Door) -> None:
    with pytest.raises(AssertionError, match="no kind of bar"):
        await door("bar", **CALL, kind="closed")
    await door("bar", **CALL, kind="halted")
    await door("reset")
    assert (await door("bar", "GET"))["bars"] == []
    await leader.becomes(await leader.place_id(order_type="MARKET", price=0), "TRADED")
    await door.price(100, NIFTY_CALL)
