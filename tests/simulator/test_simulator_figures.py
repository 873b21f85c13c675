"""Figures that a copier asks for: money that blocks and releases, margin that knows cover, limits, and no data plan."""

import json
from typing import Any

import pytest
from simulator_world import Client, Door

CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
OTHER_CALL = {"exchange_segment": "NSE_FNO", "security_id": "43212"}
PUT = {"exchange_segment": "NSE_FNO", "security_id": "43211"}
BANK_CALL = {"exchange_segment": "NSE_FNO", "security_id": "52210"}
GOLD = {"exchange_segment": "MCX_COMM", "security_id": "569999"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}
SHORT_MARGIN = 65 * 24500 * 0.12


async def funds(client: Client) -> dict[str, Any]:
    row: dict[str, Any] = (await client("get_fund_limits"))["data"]
    return row


async def used(client: Client) -> float:
    return float((await funds(client))["utilizedAmount"])


async def row(client: Client, product: str = "MARGIN") -> dict[str, Any]:
    rows = (await client("get_positions"))["data"]
    found: dict[str, Any] = next(each for each in rows if each["productType"] == product)
    return found


def script(side: str, security_id: str = "43210", **changes: Any) -> dict[str, Any]:
    return {"exchangeSegment": "NSE_FNO", "transactionType": side, "quantity": 65, "productType": "MARGIN",
            "securityId": security_id, "price": 100, "triggerPrice": 0, **changes}  # fmt: skip


async def needed(client: Client, *scripts: dict[str, Any], include_position: bool = False) -> float:
    answer = await client("margin_calculator_multi", list(scripts), include_position=include_position)
    assert answer["status"] == "success", answer
    return float(answer["data"]["totalMargin"])


# ---- money ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["CANCELLED", "REJECTED", "EXPIRED"])
async def test_every_ending_releases_what_the_order_blocked(leader: Client, door: Door, status: str) -> None:
    before = await funds(leader)
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    assert await used(leader) == 65 * 90
    await door("status", account="leader", order_id=order_id, status=status)
    assert await funds(leader) == before


async def test_a_fill_turns_what_is_blocked_into_used_margin_and_the_end_releases_the_rest(
    leader: Client, door: Door
) -> None:
    order_id = await leader.place_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    blocked = await funds(leader)
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    assert await funds(leader) == blocked
    await leader("cancel_order", order_id)
    await leader.becomes(order_id, "CANCELLED")
    assert await used(leader) == 65 * 90
    await leader.becomes(await leader.place_id(transaction_type="SELL", order_type="MARKET", price=0), "TRADED")
    assert await used(leader) == 0


async def test_an_exit_blocks_nothing_and_a_second_one_is_a_fresh_short(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65, price=100)
    held = await used(leader)
    for blocks in (0, SHORT_MARGIN):
        await leader.becomes(await leader.place_id(transaction_type="SELL", price=120), "PENDING")
        assert await used(leader) == held + blocks


# ---- margin ---------------------------------------------------------------------------------------------------------


async def test_selling_an_option_takes_many_times_what_buying_it_takes(leader: Client) -> None:
    bought = (await leader("margin_calculator", "43210", "NSE_FNO", "BUY", 65, "MARGIN", 100))["data"]
    sold = (await leader("margin_calculator", "43210", "NSE_FNO", "SELL", 65, "MARGIN", 100))["data"]
    assert (bought["totalMargin"], sold["totalMargin"]) == (6500.0, SHORT_MARGIN)
    assert sold["spanMargin"] + sold["exposureMargin"] == sold["totalMargin"]


async def test_what_is_held_covers_a_sale_in_the_calculator_and_in_the_book(leader: Client, door: Door) -> None:
    await door("position", account="leader", **OTHER_CALL, product="MARGIN", quantity=65, price=80)
    assert await needed(leader, script("SELL")) == SHORT_MARGIN
    covered = await needed(leader, script("SELL"), include_position=True)
    assert covered == pytest.approx(SHORT_MARGIN * 0.3)
    held = await used(leader)
    first = await leader.place_id(transaction_type="SELL", product_type="MARGIN", price=110)
    await leader.becomes(first, "PENDING")
    assert await used(leader) - held == pytest.approx(covered)
    # Cover is not promised twice.
    await leader.becomes(await leader.place_id(transaction_type="SELL", product_type="MARGIN", price=111), "PENDING")
    assert await used(leader) - held == pytest.approx(covered + SHORT_MARGIN)
    await door("fill", account="leader", order_id=first, price=110)
    assert await used(leader) - held == pytest.approx(covered + SHORT_MARGIN)


@pytest.mark.parametrize("cover", [PUT, BANK_CALL], ids=["another kind", "another underlying"])
async def test_only_its_own_family_covers_an_option(leader: Client, door: Door, cover: dict[str, str]) -> None:
    await door("position", account="leader", **cover, product="MARGIN", quantity=60, price=80)
    assert await needed(leader, script("SELL"), include_position=True) == SHORT_MARGIN


@pytest.mark.parametrize(
    ("includes", "total"),
    [("need", SHORT_MARGIN * 0.3), ("total", SHORT_MARGIN * 0.3 + 65 * 80), ("nothing", SHORT_MARGIN)],
)
async def test_what_the_flag_for_positions_means_is_a_switch(
    leader: Client, door: Door, includes: str, total: float
) -> None:
    await door("settings", margin_includes=includes)
    await door("position", account="leader", **OTHER_CALL, product="MARGIN", quantity=65, price=80)
    assert await needed(leader, script("SELL"), include_position=True) == pytest.approx(total)


async def test_open_orders_are_counted_when_asked_for_and_an_exit_needs_nothing(leader: Client, door: Door) -> None:
    await leader.becomes(await leader.place_id(product_type="MARGIN", security_id="43212", price=50), "PENDING")
    body = {"scripts": [script("SELL")], "includeOrders": True}
    _, text, _ = await door.raw("leader", "POST", "/margincalculator/multi", json=body)
    assert json.loads(text)["totalMargin"] == pytest.approx(SHORT_MARGIN * 0.3)
    await door("position", account="leader", **CALL, product="MARGIN", quantity=-65, price=100)
    assert await needed(leader, script("BUY"), include_position=True) == 0


@pytest.mark.parametrize(
    "changes",
    [
        *({"quantity": value} for value in (66, "65", 0)),
        *({"securityId": value} for value in (43210, "1", "")),
        {"price": "100"},
        {"transactionType": "HOLD"},
        {"productType": ""},
        {"exchangeSegment": "IDX_I"},
    ],
)
async def test_a_calculator_refuses_what_no_order_can_be(door: Door, changes: dict[str, Any]) -> None:
    wrong = script("SELL", **changes)
    for path, body in (("", wrong), ("/multi", {"scripList": [script("BUY"), wrong]})):
        status, text, _ = await door.raw("leader", "POST", f"/margincalculator{path}", json=body)
        assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")


async def test_margins_can_carry_texts_nulls_and_gaps(leader: Client, door: Door) -> None:
    await door("settings", rows_as_text=True, row_nulls=["availableBalance"], row_missing=["brokerage", "hedgeBenefit"])
    told = (await leader("margin_calculator", "43210", "NSE_FNO", "BUY", 65, "MARGIN", 100))["data"]
    assert (told["totalMargin"], told["availableBalance"]) == ("6500.0", None)
    assert "brokerage" not in told
    assert "hedgeBenefit" not in (await leader("margin_calculator_multi", [script("SELL")]))["data"]


# ---- positions and holdings -----------------------------------------------------------------------------------------


async def test_a_carried_row_lives_on_through_the_day_until_it_is_closed(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="MARGIN", quantity=130, price=100)
    await leader.becomes(
        await leader.place_id(transaction_type="SELL", product_type="MARGIN", order_type="MARKET", price=0), "TRADED"
    )
    half = await row(leader)
    assert [half[name] for name in ("netQty", "carryForwardBuyQty", "dayBuyQty", "daySellQty", "buyQty")] == [
        65, 130, 0, 65, 130]  # fmt: skip
    assert (half["realizedProfit"], half["unrealizedProfit"]) == (pytest.approx(71.5), pytest.approx(71.5))
    await leader.becomes(
        await leader.place_id(transaction_type="SELL", product_type="MARGIN", order_type="MARKET", price=0), "TRADED"
    )
    closed = await row(leader)
    assert (closed["positionType"], closed["netQty"], closed["unrealizedProfit"]) == ("CLOSED", 0, 0)
    await door("position", account="leader", **CALL, product="MARGIN", quantity=None)
    assert (await leader("get_positions"))["data"] == []


async def test_a_commodity_counts_lots_and_its_multiplier_makes_the_money(leader: Client, door: Door) -> None:
    await door("position", account="leader", **GOLD, product="MARGIN", quantity=-2, price=98450, carried=False)
    await door.price(98440, ("MCX_COMM", "569999"))
    gold = await row(leader)
    assert (gold["netQty"], gold["multiplier"], gold["unrealizedProfit"]) == (-2, 10, 200.0)
    assert await used(leader) == pytest.approx(2 * 98450 * 10 * 0.12)


async def test_a_holding_tells_what_is_on_its_way_and_only_what_is_free_can_be_sold(leader: Client, door: Door) -> None:
    await door("holding", account="leader", **SHARE, quantity=10, t1=4, collateral=3, mtf=2, price=1300)
    told = (await leader("get_holdings"))["data"][0]
    assert [told[name] for name in ("totalQty", "dpQty", "t1Qty", "availableQty", "collateralQty", "mtf_qty")] == [
        10, 6, 4, 7, 3, 2]  # fmt: skip
    sale = {**SHARE, "transaction_type": "SELL", "product_type": "CNC", "price": 1402.5}
    await leader.becomes(await leader.place_id(**sale, quantity=8), "REJECTED")
    await leader.becomes(await leader.place_id(**sale, quantity=7), "TRADED")
    await door("holding", account="leader", **SHARE, quantity=0)
    assert (await door.raw("leader", "GET", "/holdings"))[0] == 500


# ---- quotes ---------------------------------------------------------------------------------------------------------


async def quote(client: Client, key: dict[str, str]) -> dict[str, Any]:
    segment, security_id = key["exchange_segment"], key["security_id"]
    answer = await client("quote_data", {segment: [int(security_id)]})
    told: dict[str, Any] = answer["data"]["data"][segment][security_id]
    return told


async def test_limits_that_are_told_are_those_that_hold(leader: Client, door: Door) -> None:
    await door("settings", rate_limits={})
    await door("instrument", **SHARE, lower_circuit=1300, upper_circuit=1500)
    told = await quote(leader, SHARE)
    assert (told["lower_circuit_limit"], told["upper_circuit_limit"]) == (1300.0, 1500.0)
    order = {**SHARE, "product_type": "CNC", "quantity": 1}
    await leader.becomes(await leader.place_id(**order, price=1299.95), "REJECTED")
    await leader.becomes(await leader.place_id(**order, price=1300), "PENDING")


@pytest.mark.parametrize("key", [SHARE, CALL, GOLD], ids=["share", "option", "future"])
async def test_without_limits_of_its_own_an_instrument_has_wide_ones_that_flex(
    leader: Client, door: Door, key: dict[str, str]
) -> None:
    await door("settings", rate_limits={})
    first = await quote(leader, key)
    assert first["lower_circuit_limit"] < first["last_price"] * 0.91
    assert first["upper_circuit_limit"] > first["last_price"] * 1.09
    await door.price(first["last_price"] * 3, (key["exchange_segment"], key["security_id"]))
    later = await quote(leader, key)
    assert later["lower_circuit_limit"] == first["lower_circuit_limit"]
    assert later["upper_circuit_limit"] > later["last_price"]


@pytest.mark.parametrize(("plan", "status"), [("DH-902", 401), ("806", 403)])
async def test_without_the_data_plan_there_are_no_quotes_and_everything_else(
    leader: Client, door: Door, plan: str, status: int
) -> None:
    assert json.loads((await door.raw("leader", "GET", "/profile"))[1])["dataPlan"] == "Active"
    await door("settings", account="leader", data_plan=plan, rate_limits={})
    for path in ("ltp", "ohlc", "quote"):
        said, text, _ = await door.raw("leader", "POST", f"/marketfeed/{path}", json={"NSE_FNO": [43210]})
        assert said == status
        assert plan in text
    assert json.loads((await door.raw("leader", "GET", "/profile"))[1])["dataPlan"] == "Deactive"
    assert (await funds(leader))["availabelBalance"] > 0
    assert (await door.raw("alice", "POST", "/marketfeed/quote", json={"NSE_FNO": [43210]}))[0] == 200


@pytest.mark.parametrize(
    ("body", "code"), [({"NSE_FNO": ["43210"]}, "814"), ({"NSE_FNO": 43210}, "814"), ({"NSE_EQ": [1] * 1001}, "804")]
)  # fmt: skip
async def test_a_quote_is_asked_for_by_numbers_a_thousand_at_most(door: Door, body: dict[str, Any], code: str) -> None:
    status, text, _ = await door.raw("leader", "POST", "/marketfeed/quote", json=body)
    assert (status, list(json.loads(text)["data"])) == (400, [code])
