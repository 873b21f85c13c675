"""Positions, holdings, funds, margin, quotes and the instrument master."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from simulator_world import NIFTY_CALL, Client, Door

KEY = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
FUNDS_FIELDS = (
    "dhanClientId availabelBalance sodLimit collateralAmount receiveableAmount utilizedAmount blockedPayoutAmount "
    "withdrawableBalance"
)
POSITION_FIELDS = (
    "dhanClientId tradingSymbol securityId positionType exchangeSegment productType buyAvg costPrice buyQty sellAvg "
    "sellQty netQty realizedProfit unrealizedProfit rbiReferenceRate multiplier carryForwardBuyQty carryForwardSellQty "
    "carryForwardBuyValue carryForwardSellValue dayBuyQty daySellQty dayBuyValue daySellValue drvExpiryDate "
    "drvOptionType drvStrikePrice crossCurrency"
)
HOLDING_FIELDS = (
    "exchange tradingSymbol securityId isin totalQty dpQty t1Qty mtf_t1_qty mtf_qty availableQty collateralQty "
    "avgCostPrice lastTradedPrice"
)
MARGIN_FIELDS = (
    "totalMargin spanMargin exposureMargin availableBalance variableMargin insufficientBalance brokerage leverage"
)


async def funds(client: Client) -> dict[str, Any]:
    row: dict[str, Any] = (await client("get_fund_limits"))["data"]
    return row


async def test_money_is_blocked_by_an_order_and_released_by_its_cancel(leader: Client, door: Door) -> None:
    before = await funds(leader)
    assert sorted(before) == sorted(FUNDS_FIELDS.split())
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    blocked = await funds(leader)
    assert before["availabelBalance"] - blocked["availabelBalance"] == blocked["utilizedAmount"] == 65 * 90
    await leader("cancel_order", order_id)
    await leader.becomes(order_id, "CANCELLED")
    assert await funds(leader) == before


async def test_a_round_trip_leaves_a_closed_row_and_its_profit(leader: Client, door: Door) -> None:
    start = (await funds(leader))["availabelBalance"]
    await leader.becomes(await leader.place_id(order_type="MARKET", price=0), "TRADED")
    await door.price(103.1)
    held = (await leader("get_positions"))["data"][0]
    assert sorted(held) == sorted(POSITION_FIELDS.split())
    assert (held["positionType"], held["netQty"], held["unrealizedProfit"]) == ("LONG", 65, 130.0)
    await leader.becomes(await leader.place_id(transaction_type="SELL", order_type="MARKET", price=0), "TRADED")
    closed = (await leader("get_positions"))["data"][0]
    assert (closed["positionType"], closed["netQty"], closed["realizedProfit"]) == ("CLOSED", 0, 130.0)
    assert (await funds(leader))["availabelBalance"] == start + 130


async def test_positions_are_kept_for_each_product(leader: Client) -> None:
    for product in ("INTRADAY", "MARGIN"):
        await leader.becomes(await leader.place_id(product_type=product, price=105), "TRADED")
    rows = (await leader("get_positions"))["data"]
    assert {row["productType"]: row["netQty"] for row in rows} == {"INTRADAY": 65, "MARGIN": 65}


async def test_a_carried_position_is_told_apart_from_today(leader: Client, door: Door) -> None:
    await door("position", account="leader", **KEY, product="MARGIN", quantity=-130, price=100)
    row = (await leader("get_positions"))["data"][0]
    assert (row["positionType"], row["carryForwardSellQty"], row["daySellQty"]) == ("SHORT", 130, 0)


async def test_a_position_can_be_converted_and_the_answer_has_no_body(leader: Client, door: Door) -> None:
    await leader.becomes(await leader.place_id(price=105), "TRADED")
    body = {"dhanClientId": "1100000001", "fromProductType": "INTRADAY", "exchangeSegment": "NSE_FNO",
            "positionType": "LONG", "securityId": "43210", "convertQty": 65, "toProductType": "MARGIN"}  # fmt: skip
    status, text, _ = await door.raw("leader", "POST", "/positions/convert", json=body)
    assert (status, text) == (202, "")
    rows = (await leader("get_positions"))["data"]
    assert {row["productType"]: row["netQty"] for row in rows} == {"INTRADAY": 0, "MARGIN": 65}


async def test_exit_all_closes_positions_and_cancels_orders(leader: Client, door: Door) -> None:
    await leader.becomes(await leader.place_id(price=105), "TRADED")
    resting = await leader.place_id()
    await leader.becomes(resting, "PENDING")
    await door("settings", transit_ms=0)
    assert (await door.raw("leader", "DELETE", "/positions"))[0] == 202
    await leader.becomes(resting, "CANCELLED")
    assert [row["positionType"] for row in (await leader("get_positions"))["data"]] == ["CLOSED"]


async def test_no_holdings_are_an_error_and_some_are_a_list(leader: Client, door: Door) -> None:
    status, text, _ = await door.raw("leader", "GET", "/holdings")
    said = {"errorType": "HOLDING_ERROR", "errorCode": "DH-1111", "errorMessage": "No holdings available"}
    assert (status, json.loads(text)) == (500, said)
    await door("holding", account="leader", exchange_segment="NSE_EQ", security_id="2885", quantity=10, price=1300)
    row = (await leader("get_holdings"))["data"][0]
    assert sorted(row) == sorted(HOLDING_FIELDS.split())
    assert (row["totalQty"], row["avgCostPrice"]) == (10, 1300.0)


async def test_the_calculator_asks_for_what_the_order_then_blocks(leader: Client, door: Door) -> None:
    asked = ("43210", "NSE_FNO", "SELL", 65, "INTRADAY", 110)
    told = (await leader("margin_calculator", *asked))["data"]
    assert sorted(told) == sorted(MARGIN_FIELDS.split())
    assert isinstance(told["leverage"], str)
    await leader.becomes(await leader.place_id(transaction_type="SELL", price=110), "PENDING")
    assert (await funds(leader))["utilizedAmount"] == told["totalMargin"]
    await door("funds", account="leader", available=100)
    told = (await leader("margin_calculator", *asked))["data"]
    assert told["insufficientBalance"] == told["totalMargin"] - 100


@pytest.mark.parametrize(("dialect", "name"), [("camel", "totalMargin"), ("snake", "total_margin")])
async def test_a_hedged_basket_needs_less_in_both_dialects(leader: Client, door: Door, dialect: str, name: str) -> None:
    await door("settings", margin_dialect=dialect)
    leg = {"exchangeSegment": "NSE_FNO", "quantity": 65, "productType": "INTRADAY", "price": 100}
    sold, bought = (
        {**leg, "transactionType": side, "securityId": id_} for side, id_ in (("SELL", "43210"), ("BUY", "43212"))
    )
    alone = (await leader("margin_calculator_multi", [sold]))["data"]
    hedged = (await leader("margin_calculator_multi", [sold, bought]))["data"]
    assert Decimal(str(hedged[name])) < Decimal(str(alone[name]))


async def test_funds_can_be_set_and_include_the_collateral(leader: Client, door: Door) -> None:
    await door("funds", account="leader", available=50_000, collateral=20_000)
    told = await funds(leader)
    assert (told["availabelBalance"], told["collateralAmount"]) == (50_000.0, 20_000.0)
    assert told["withdrawableBalance"] == 30_000.0


async def test_the_kill_switch_wants_an_empty_account_and_blocks_orders(leader: Client) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    assert (await leader("kill_switch", "activate"))["remarks"]["error_code"] == "DH-906"
    await leader("cancel_order", order_id)
    await leader.becomes(order_id, "CANCELLED")
    assert "activated" in (await leader("kill_switch", "activate"))["data"]["killSwitchStatus"]
    assert (await leader("status_kill_switch"))["data"]["killSwitchStatus"] == "ACTIVATE"
    assert (await leader.place())["remarks"]["error_code"] == "DH-906"


async def test_the_profile_says_until_when_the_token_lives(door: Door) -> None:
    _, text, _ = await door.raw("leader", "GET", "/profile")
    told = json.loads(text)
    assert sorted(told) == ["activeSegment", "dataPlan", "dataValidity", "ddpi", "dhanClientId", "mtf", "tokenValidity"]
    assert len(told["tokenValidity"]) == len("15/09/2026 10:02")


async def test_quotes_leave_out_what_they_do_not_know(leader: Client, door: Door) -> None:
    await door("settings", rate_limits={})
    told = (await leader("ticker_data", {"NSE_FNO": [43210, 1]}))["data"]
    assert told == {"data": {"NSE_FNO": {"43210": {"last_price": 101.1}}}, "status": "success"}
    full = (await leader("quote_data", {"NSE_FNO": [43210]}))["data"]["data"]["NSE_FNO"]["43210"]
    assert full["lower_circuit_limit"] < full["last_price"] < full["upper_circuit_limit"]
    assert len(full["depth"]["buy"]) == 5


async def test_super_and_forever_books_are_empty(leader: Client) -> None:
    assert (await leader("get_forever"))["data"] == []
    assert (await leader("get_super_order_list"))["data"] == []


async def master(door: Door, url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await door.text(url))))


async def test_the_detailed_master_has_ticks_in_paise_and_ids_that_segments_share(door: Door) -> None:
    rows = await master(door, "/api-data/api-scrip-master-detailed.csv")
    call = next(row for row in rows if row["SECURITY_ID"] == "43210")
    assert (call["EXCH_ID"], call["SEGMENT"], call["INSTRUMENT"], call["UNDERLYING_SYMBOL"]) == (
        "NSE", "D", "OPTIDX", "NIFTY")  # fmt: skip
    assert (call["TICK_SIZE"], call["LOT_SIZE"], call["STRIKE_PRICE"], call["OPTION_TYPE"]) == (
        "5.0000", "65.0", "24500.00000", "CE")  # fmt: skip
    shared = [row for row in rows if row["SECURITY_ID"] == "2885"]
    assert {row["EXCH_ID"] for row in shared} == {"NSE", "BSE"}
    lots = {row["UNDERLYING_SYMBOL"]: row["LOT_SIZE"] for row in rows if row["INSTRUMENT"] == "OPTIDX"}
    assert lots == {"NIFTY": "65.0", "BANKNIFTY": "30.0", "SENSEX": "20.0"}


async def test_the_compact_master_tells_the_same_instruments(door: Door) -> None:
    detailed = await master(door, "/api-data/api-scrip-master-detailed.csv")
    compact = await master(door, "/api-data/api-scrip-master.csv")
    assert [row["SECURITY_ID"] for row in detailed] == [row["SEM_SMST_SECURITY_ID"] for row in compact]
    call = next(row for row in compact if row["SEM_SMST_SECURITY_ID"] == "43210")
    assert call["SEM_EXPIRY_DATE"].endswith(" 14:30:00")
    segment = await master(door, "/v2/instrument/MCX_COMM")
    assert [row["SECURITY_ID"] for row in segment] == ["569999"]


async def test_an_added_instrument_is_in_the_master_and_can_be_traded(leader: Client, door: Door) -> None:
    await door(
        "instrument", exchange_segment="NSE_EQ", security_id="777", symbol="GAMMA", last_price=50, tick_size="0.01"
    )
    assert any(row["SECURITY_ID"] == "777" for row in await master(door, "/api-data/api-scrip-master-detailed.csv"))
    order = {"security_id": "777", "exchange_segment": "NSE_EQ", "quantity": 3, "price": 50.01}
    assert (await leader.becomes(await leader.place_id(**order), "TRADED"))["tradingSymbol"] == "GAMMA"
    await door("reset")
    assert (await leader.place(**order))["status"] == "success"


async def test_rows_can_carry_texts_nulls_and_gaps(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("settings", rows_as_text=True, row_nulls=["legName", "averageTradedPrice"], row_missing=["algoId"])
    row = await leader.order(order_id)
    assert (row["quantity"], row["price"], row["averageTradedPrice"]) == ("65", "90.0", None)
    assert "algoId" not in row


async def test_a_price_moves_one_instrument_only(door: Door) -> None:
    await door.price(55, NIFTY_CALL)
    told = (await door("instruments", "GET"))["instruments"]
    assert {row["security_id"] for row in told if row["last_price"] == 55.0} == {"43210"}
