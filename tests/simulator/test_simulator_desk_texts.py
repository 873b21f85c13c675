"""How one refusal is worded at different times, and what the client himself may not do."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door

CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}
RELIANCE = "INE002A01018"
SALE = {**SHARE, "transaction_type": "SELL", "product_type": "CNC", "order_type": "MARKET", "price": 0, "quantity": 5}


async def rejected(client: Client, **changes: Any) -> str:
    row = await client.becomes(await client.place_id(**changes), "REJECTED")
    return str(row["omsErrorDescription"]).replace(row["orderId"], "*")


# ---- money ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "text"), [
    ("rupees", "RMS:*:You have insufficient funds. Please add Rs.850.00 to trade."),
    ("short", "Fund Limit Insufficient"),
    ("long", "RMS:*:NSE,OPTIDX,{symbol},FUND LIMIT INSUFFICIENT,AVAILABLE FUND=5000.00,"
             "ADDITIONAL REQUIRED FUND=850.00,CALCULATED MARGIN FOR ORDER=5850.00"),
])  # fmt: skip
async def test_too_little_money_is_worded_in_three_ways(leader: Client, door: Door, mode: str, text: str) -> None:
    await door("settings", account="leader", funds_text=mode)
    await door("funds", account="leader", available=5000)
    symbol = (await leader.order(await leader.place_id()))["tradingSymbol"]
    assert await rejected(leader) == text.format(symbol=symbol)


async def test_what_closes_a_position_needs_no_money_even_where_the_account_owes_some(
    leader: Client, door: Door
) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65, price=100)
    await door("funds", account="leader", available=-5000)
    await leader.becomes(await leader.place_id(transaction_type="SELL", order_type="MARKET", price=0), "TRADED")


async def test_an_exit_beyond_what_other_exits_leave_is_margined_as_a_fresh_short(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=195, price=100)
    await door("funds", account="leader", available=1000)
    exit_ = {"transaction_type": "SELL", "price": 120}
    stop = await leader.place_id(**exit_, quantity=130)
    await leader.becomes(stop, "PENDING")
    assert "insufficient funds" in await rejected(leader, **exit_, quantity=130)
    await leader.becomes(await leader.place_id(**exit_), "PENDING")
    # Raised above the position, the resting one is margined as well; cut, it makes room.
    await leader("modify_order", stop, "LIMIT", None, 195, 120, 0, 0, "DAY")
    assert (await leader.order(stop))["quantity"] == 130
    await leader("cancel_order", stop)
    await leader.becomes(stop, "CANCELLED")
    await leader.becomes(await leader.place_id(**exit_, quantity=130), "PENDING")


async def test_a_share_held_for_delivery_and_sold_for_the_day_is_a_fresh_short(leader: Client, door: Door) -> None:
    await door("holding", account="leader", **SHARE, quantity=5)
    await door("funds", account="leader", available=1402.5)  # a fifth of five shares
    intraday = {**SALE, "product_type": "INTRADAY"}
    await leader.becomes(await leader.place_id(**intraday), "TRADED")
    assert "insufficient funds" in await rejected(leader, **{**intraday, "quantity": 1})


# ---- shares ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "text"), [
    ("more_than_held", "RMS:*:You are trying to sell more than the quantity you currently hold."),
    ("insufficient", "RMS:*:Insufficient Holding Quantity"),
    ("scrip_limit", "RMS:*:Scrip limit insufficient"),
])  # fmt: skip
async def test_shares_that_are_not_there_are_worded_in_three_ways(
    leader: Client, door: Door, mode: str, text: str
) -> None:
    await door("settings", holdings_text=mode)
    assert await rejected(leader, **SALE) == text


async def test_without_a_mandate_held_shares_are_sold_once_they_are_authorised(leader: Client, door: Door) -> None:
    await door("settings", account="leader", ddpi="Deactive")
    assert json.loads((await door.raw("leader", "GET", "/profile"))[1])["ddpi"] == "Deactive"
    await door("holding", account="leader", **SHARE, quantity=10)
    assert await rejected(leader, **SALE) == "Validate Qty from CDSL"
    assert (await leader("edis_inquiry", RELIANCE))["data"]["aprvdQty"] == 0
    # A sale for the day is a short position, and needs no shares.
    await leader.becomes(await leader.place_id(**{**SALE, "product_type": "INTRADAY"}), "TRADED")
    await door("settings", account="leader", edis_approved=[RELIANCE])
    assert (await leader("edis_inquiry", RELIANCE))["data"]["aprvdQty"] == 10
    await leader.becomes(await leader.place_id(**SALE), "TRADED")


@pytest.mark.parametrize(("mode", "text"), [
    ("edis", "Validate Qty from CDSL"),
    ("exchange", "EXCH:16387:Security is not allowed to trade in this market."),
])  # fmt: skip
async def test_shares_bought_today_may_be_refused_for_sale_and_older_ones_not(
    leader: Client, door: Door, mode: str, text: str
) -> None:
    await door("holding", account="leader", **SHARE, quantity=5)
    await door("trade", account="leader", **SHARE, side="BUY", quantity=5, product="CNC")
    await door("settings", same_day_sale=mode)
    assert await rejected(leader, **{**SALE, "quantity": 6}) == text
    await leader.becomes(await leader.place_id(**SALE), "TRADED")
    assert await rejected(leader, **SALE) == text
    await door("settings", same_day_sale="allowed")
    await leader.becomes(await leader.place_id(**SALE), "TRADED")
    assert "more than the quantity" in await rejected(leader, **SALE)


# ---- sessions and prices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "text"), [
    ("closed", "RMS:*:Intraday orders cannot be placed at this time."),
    ("blocked", "RMS:*:Auto Square Off Block"),
])  # fmt: skip
async def test_before_the_close_orders_of_the_day_are_refused_and_exits_too(
    leader: Client, alice: Client, door: Door, mode: str, text: str
) -> None:
    await door("settings", account="leader", intraday=mode)
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65)
    assert await rejected(leader) == text
    assert await rejected(leader, transaction_type="SELL", price=100) == text
    await leader.becomes(await leader.place_id(product_type="MARGIN"), "PENDING")
    await alice.becomes(await alice.place_id(), "PENDING")


async def test_a_closed_session_can_say_it_in_other_words(leader: Client, door: Door) -> None:
    await door("settings", session="closed", session_text="RMS:{order}:order entry not allowed in {pre-open}")
    assert await rejected(leader) == "RMS:*:order entry not allowed in {pre-open}"


@pytest.mark.parametrize(("mode", "text"), [
    ("ckt", "RMS:*:Rate Not Within Ckt Limit 95.00 To 110.00"),
    ("freeze", "RMS:*:Order rejected, Stock in circuit freeze. Place order within 95.00 to 110.00."),
    ("limits", "RMS:*:Order Price needs to be Circuit Limits of 95.00 to 110.00"),
    ("exchange", "EXCH:16284:The order price is out of the days price range."),
])  # fmt: skip
async def test_a_price_outside_the_band_is_worded_in_four_ways(
    leader: Client, door: Door, mode: str, text: str
) -> None:
    await door("instrument", **CALL, lower_circuit=95, upper_circuit=110)
    await door("settings", band_text=mode)
    assert await rejected(leader) == text
    stop = {"transaction_type": "SELL", "order_type": "STOP_LOSS", "price": 94, "trigger_price": 96}
    assert await rejected(leader, **stop) == text
    await leader.becomes(await leader.place_id(price=95), "PENDING")


# ---- the client -----------------------------------------------------------------------------------------------------


async def test_a_segment_that_is_not_active_is_not_traded(leader: Client, door: Door) -> None:
    await door("settings", account="leader", active_segment="Equity, Currency")
    told = json.loads((await door.raw("leader", "GET", "/profile"))[1])
    assert told["activeSegment"] == "Equity, Currency"
    assert await rejected(leader) == "RMS:*:Exchange not enabled for this account"
    await leader.becomes(await leader.place_id(**SHARE, product_type="CNC", quantity=1, price=1400), "PENDING")


async def test_margin_trading_can_be_off(leader: Client, door: Door) -> None:
    borrowed = {**SHARE, "product_type": "MTF", "quantity": 1, "price": 1400}
    await leader.becomes(await leader.place_id(**borrowed), "PENDING")
    await door("settings", account="leader", mtf="Deactive")
    assert await rejected(leader, **borrowed) == "RMS:*:Client not enabled on the product"


async def test_profile_and_address_can_leave_fields_out(door: Door) -> None:
    await door("settings", row_missing=["ordersAllowed", "mtf"], row_nulls=["ddpi"])
    profile = json.loads((await door.raw("leader", "GET", "/profile"))[1])
    assert (profile["ddpi"], "mtf" in profile) == (None, False)
    assert "ordersAllowed" not in json.loads((await door.raw("leader", "GET", "/ip/getIP"))[1])


@pytest.mark.parametrize(
    "changes", [{"ddpi": "active"}, {"intraday": "no"}, {"band_text": ""}, {"edis_approved": "ALL"}]
)
async def test_a_switch_takes_what_it_knows(door: Door, changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="error"):
        await door("settings", **changes)


async def test_an_instrument_can_be_traded_and_missing_from_the_master(leader: Client, door: Door) -> None:
    share = {"exchange_segment": "NSE_EQ", "security_id": "888"}
    await door("instrument", **share, last_price=50, in_master=False)
    files = ("/api-data/api-scrip-master-detailed.csv", "/api-data/api-scrip-master.csv", "/v2/instrument/NSE_EQ")
    assert not any([",888," in await door.text(path) for path in files])
    await leader.becomes(await leader.place_id(**share, quantity=1, price=50), "TRADED")
    await door("instrument", **share, in_master=True)
    assert all([",888," in await door.text(path) for path in files])
    with pytest.raises(AssertionError, match="true or false"):
        await door("instrument", **share, in_master="no")
