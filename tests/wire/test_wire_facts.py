"""Figures are read in every spelling that Dhan has for them; what is missing is told, and nothing is guessed."""

import datetime
import inspect
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from dhanhq import dhanhq
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.facts import (
    AccountQuestion,
    Fact,
    FactArrived,
    FactReading,
    Funds,
    FundsWanted,
    Holding,
    Lack,
    MarginNeed,
    MarginOrder,
    MarginWanted,
    PositionRow,
    Positions,
    PositionsWanted,
    Quote,
    QuoteWanted,
)
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.terms import Product, Segment, Side
from copyctl.wire.dhan import Dhan
from tests.properties import tried

ACCOUNT = "1100000002"
AS_OF = 1_789_446_731_250_000_000
DHAN = Dhan()

ORDER = MarginOrder(
    side=Side.SELL,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    quantity=65,
    price=Decimal("101.25"),
    trigger_price=Decimal("101.5"),
)
COVER = MarginOrder(
    side=Side.BUY, segment=Segment.NSE_FNO, security_id="43212", product=Product.MARGIN, quantity=65, price=Decimal(80)
)
FUNDS = FundsWanted(account=ACCOUNT)
POSITIONS = PositionsWanted(account=ACCOUNT)
MARGIN = MarginWanted(account=ACCOUNT, key="r1", orders=(ORDER,))
BASKET = MarginWanted(account=ACCOUNT, key="r2", orders=(ORDER, COVER), include_positions=True)
TCS = QuoteWanted(account=ACCOUNT, segment=Segment.NSE_EQ, security_id="11536")
CALL = QuoteWanted(account=ACCOUNT, segment=Segment.NSE_FNO, security_id="43210")


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(passage=Passage.ANSWERED, at=AS_OF + 9, left_at=AS_OF, status=status, body=raw)


def read(question: AccountQuestion, *bodies: Any, status: int = 200) -> FactReading:
    reading = DHAN.read_fact(question, [answer(body, status) for body in bodies], AS_OF)
    holds(reading)
    return reading


def quote(body: Any, *questions: QuoteWanted, status: int = 200) -> tuple[FactReading, ...]:
    asked = questions or (TCS,)
    readings = DHAN.read_quotes(asked, answer(body, status), AS_OF)
    assert len(readings) == len(asked)
    for reading in readings:
        holds(reading)
    return readings


def holds(reading: FactReading) -> None:
    """What is true of every reading: a fact, or the reason why there is none, and no binary fraction anywhere."""
    assert (reading.fact is None) == (reading.lack is not None) == (reading.why != "")
    assert len(reading.why) <= 500
    assert not any(isinstance(value, float) for value in everything(reading.fact))


def everything(value: Any) -> Any:
    yield value
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from everything(getattr(value, name))
    elif isinstance(value, tuple):
        for part in value:
            yield from everything(part)


# ---- questions ------------------------------------------------------------------------------------------------------


def test_each_question_is_the_clients_own_call() -> None:
    assert DHAN.calls_for(FUNDS) == (Call(method="get_fund_limits", arguments={}),)
    assert [call.method for call in DHAN.calls_for(POSITIONS)] == ["get_positions", "get_holdings"]
    assert DHAN.calls_for(MARGIN) == (
        Call(
            method="margin_calculator",
            arguments={
                "security_id": "43210",
                "exchange_segment": "NSE_FNO",
                "transaction_type": "SELL",
                "quantity": 65,
                "product_type": "MARGIN",
                "price": Decimal("101.25"),
                "trigger_price": Decimal("101.5"),
            },
        ),
    )


def test_scenario_5_3_several_orders_or_one_beside_positions_are_asked_about_together() -> None:
    [call] = DHAN.calls_for(BASKET)
    assert call.arguments is not None
    assert (call.method, call.arguments["include_position"], call.arguments["include_order"]) == (
        "margin_calculator_multi", True, False)  # fmt: skip
    assert call.arguments["scrip_list"] == [
        {
            "exchangeSegment": "NSE_FNO",
            "transactionType": side,
            "quantity": 65,
            "productType": "MARGIN",
            "securityId": security_id,
            "price": price,
            "triggerPrice": trigger,
        }
        for side, security_id, price, trigger in (
            ("SELL", "43210", Decimal("101.25"), Decimal("101.5")),
            ("BUY", "43212", Decimal(80), Decimal(0)),
        )
    ]
    alone = msgspec.structs.replace(MARGIN, include_positions=True)
    assert DHAN.calls_for(alone)[0].method == "margin_calculator_multi"


def test_quotes_of_several_segments_are_one_call_with_numbers_for_ids() -> None:
    other = QuoteWanted(account=ACCOUNT, segment=Segment.NSE_EQ, security_id="2885")
    assert DHAN.quotes_call([TCS, CALL, other]) == Call(
        method="quote_data", arguments={"securities": {"NSE_EQ": [11536, 2885], "NSE_FNO": [43210]}}
    )


@pytest.mark.parametrize("security_id", ["", "12345.0", "../x", "٣", "1" * 40, "-1"])
def test_an_id_that_is_no_number_cannot_be_quoted(security_id: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        DHAN.quotes_call([msgspec.structs.replace(TCS, security_id=security_id)])


def test_what_cannot_be_asked_is_not_asked() -> None:
    for count in (0, 1001):
        with pytest.raises(ValueError, match="at once"):
            DHAN.quotes_call([TCS] * count)
    for wrong in (
        msgspec.structs.replace(MARGIN, orders=()),
        msgspec.structs.replace(MARGIN, orders=(msgspec.structs.replace(ORDER, security_id="a/b"),)),
        msgspec.structs.replace(BASKET, orders=(ORDER, msgspec.structs.replace(ORDER, security_id=""))),
    ):
        with pytest.raises(ValueError, match=r"no order|no id"):
            DHAN.calls_for(wrong)


@pytest.mark.parametrize(
    "call",
    [*(call for question in (FUNDS, POSITIONS, MARGIN, BASKET) for call in DHAN.calls_for(question)),
     DHAN.quotes_call([TCS])],
    ids=lambda call: call.method,
)  # fmt: skip
def test_every_call_fits_the_signature_of_the_installed_client(call: Call) -> None:
    inspect.signature(getattr(dhanhq, call.method)).bind(None, **(call.arguments or {}))


# ---- funds ----------------------------------------------------------------------------------------------------------

TOLD_FUNDS = {
    "dhanClientId": ACCOUNT,
    "availabelBalance": 98440.0,
    "sodLimit": 113642.05,
    "collateralAmount": 0.0,
    "receiveableAmount": 0.0,
    "utilizedAmount": 15202.1,
    "blockedPayoutAmount": 0.0,
    "withdrawableBalance": 98310.0,
}
READ_FUNDS = Funds(
    account=ACCOUNT,
    as_of=AS_OF,
    available=Decimal(98440),
    start_of_day=Decimal("113642.05"),
    collateral=Decimal(0),
    utilised=Decimal("15202.1"),
)


def changed(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The row with these values; ... takes a key away."""
    return {key: value for key, value in (row | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "told",
    [
        TOLD_FUNDS,
        changed(TOLD_FUNDS, availabelBalance=..., availableBalance=98440),
        changed(TOLD_FUNDS, availabelBalance=None, availableBalance="98440.0"),
        changed(TOLD_FUNDS, availableBalance="NA"),
        {key: str(value) for key, value in TOLD_FUNDS.items()},
        {"available_balance": 98440, "sod_limit": 113642.05, "collateral_amount": 0, "UTILIZED_AMOUNT": "15202.10"},
        {"status": "success", "data": TOLD_FUNDS},
        [TOLD_FUNDS],
        changed(TOLD_FUNDS, dhanClientId=None, news={"a": [1]}),
    ],
)
def test_funds_in_every_spelling_are_the_same(told: Any) -> None:
    assert read(FUNDS, told).fact == READ_FUNDS


@pytest.mark.parametrize("value", [..., None, "NA", "", "nonsense", [], True, 1e30])
def test_a_figure_of_the_funds_that_is_not_told_is_none(value: Any) -> None:
    fact = read(FUNDS, changed(TOLD_FUNDS, sodLimit=value)).fact
    assert fact == msgspec.structs.replace(READ_FUNDS, start_of_day=None)


@pytest.mark.parametrize("value", [..., None, "NA", "", "nonsense", [], True, 1e30])
def test_without_an_available_balance_there_are_no_funds(value: Any) -> None:
    reading = read(FUNDS, changed(TOLD_FUNDS, availabelBalance=value))
    assert (reading.fact, reading.lack) == (None, Lack.UNAVAILABLE)


def test_a_debt_is_read_and_another_accounts_money_is_not() -> None:
    fact = read(FUNDS, changed(TOLD_FUNDS, availabelBalance=-1250.5)).fact
    assert isinstance(fact, Funds)
    assert fact.available == Decimal("-1250.5")
    assert read(FUNDS, changed(TOLD_FUNDS, dhanClientId="1100000009")).lack is Lack.UNAVAILABLE


# ---- margin ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "need"),
    [
        (
            {"totalMargin": 191100.0, "spanMargin": 143325.0, "exposureMargin": 47775.0, "availableBalance": 1500.5,
             "variableMargin": 0.0, "insufficientBalance": 189599.5, "brokerage": 20.0, "leverage": "1.00"},
            ("191100", "1500.5", "189599.5"),
        ),
        (
            {"clientId": ACCOUNT, "totalMargin": 5733.25, "spanMargin": 1.0, "exposure": 1.0, "equityMargin": 0.0,
             "foMargin": 5733.25, "commodity": 0.0, "currency": 0.0, "hedgeBenefit": 0.0},
            ("5733.25", None, None),
        ),
        ({"total_margin": "5733.25", "span_margin": "1.00", "hedge_benefit": "12.00"}, ("5733.25", None, None)),
        ({"data": {"totalMargin": "0", "insufficientFund": 0}}, ("0", None, "0")),
        ([{"total_margin": 12, "available_balance": "NA"}], ("12", None, None)),
    ],
)  # fmt: skip
def test_scenario_5_3_a_margin_is_read_in_both_dialects(told: Any, need: tuple[str | None, ...]) -> None:
    required, available, insufficient = (None if figure is None else Decimal(figure) for figure in need)
    assert required is not None
    expected = MarginNeed(as_of=AS_OF, required=required, available=available, insufficient=insufficient)
    for question in (MARGIN, BASKET):
        assert read(question, told).fact == expected


@pytest.mark.parametrize("told", [{}, {"totalMargin": None}, {"totalMargin": "NA"}, [], [{}, {}], "text", 5, None])
def test_without_a_total_there_is_no_margin(told: Any) -> None:
    assert read(MARGIN, told).lack is Lack.UNAVAILABLE


# ---- positions and holdings -----------------------------------------------------------------------------------------

TOLD_POSITION: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "tradingSymbol": "NIFTY-Sep2026-24500-CE",
    "securityId": "43210",
    "positionType": "SHORT",
    "exchangeSegment": "NSE_FNO",
    "productType": "MARGIN",
    "buyAvg": 98.5,
    "costPrice": 101.2,
    "buyQty": 65,
    "sellAvg": 101.2,
    "sellQty": 195,
    "netQty": -130,
    "realizedProfit": 175.5,
    "unrealizedProfit": -65.0,
    "rbiReferenceRate": 1.0,
    "multiplier": 1,
    "carryForwardBuyQty": 0,
    "carryForwardSellQty": 130,
    "carryForwardBuyValue": 0.0,
    "carryForwardSellValue": 13156.0,
    "dayBuyQty": 65,
    "daySellQty": 65,
    "dayBuyValue": 6402.5,
    "daySellValue": 6578.0,
    "drvExpiryDate": "2026-09-22",
    "drvOptionType": "CALL",
    "drvStrikePrice": 24500.0,
    "crossCurrency": False,
}
READ_POSITION = PositionRow(
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    symbol="NIFTY-Sep2026-24500-CE",
    net=-130,
    buy_quantity=65,
    sell_quantity=195,
    carried=-130,
    day_buy=65,
    day_sell=65,
    buy_average=Decimal("98.5"),
    sell_average=Decimal("101.2"),
    realised=Decimal("175.5"),
    unrealised=Decimal(-65),
    multiplier=1,
    expiry=datetime.date(2026, 9, 22),
)
TOLD_HOLDING: dict[str, Any] = {
    "exchange": "ALL",
    "tradingSymbol": "RELIANCE",
    "securityId": "2885",
    "isin": "INE002A01018",
    "totalQty": 30,
    "dpQty": 20,
    "t1Qty": 10,
    "mtf_t1_qty": 4,
    "mtf_qty": 6,
    "availableQty": 25,
    "collateralQty": 5,
    "avgCostPrice": 1300.25,
    "lastTradedPrice": 1402.5,
}
READ_HOLDING = Holding(
    exchange="ALL",
    security_id="2885",
    symbol="RELIANCE",
    isin="INE002A01018",
    total=30,
    available=25,
    delivered=20,
    t1=10,
    mtf=6,
    mtf_t1=4,
    collateral=5,
    average=Decimal("1300.25"),
    last_price=Decimal("1402.5"),
)
NO_HOLDINGS = {"errorType": "HOLDING_ERROR", "errorCode": "DH-1111", "errorMessage": "No holdings available"}


def positions(told: Any, holdings: Any = ()) -> FactReading:
    return read(POSITIONS, told, list(holdings) if isinstance(holdings, tuple) else holdings)


def position(told: dict[str, Any]) -> PositionRow:
    fact = positions([told]).fact
    assert isinstance(fact, Positions)
    assert (fact.account, fact.as_of, fact.bad_rows) == (ACCOUNT, AS_OF, 0)
    [row] = fact.rows
    return row


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in TOLD_POSITION.items() if key not in keys}


@pytest.mark.parametrize(
    "told",
    [
        TOLD_POSITION,
        {key: str(value) for key, value in TOLD_POSITION.items()},
        {"dhan_client_id" if key == "dhanClientId" else key.upper(): value for key, value in TOLD_POSITION.items()},
        changed(TOLD_POSITION, positionType="short", exchangeSegment="nse_fno", productType="M", securityId=43210),
        changed(TOLD_POSITION, positionType=None, netQty=None),
        changed(TOLD_POSITION, netQty="-130.0", multiplier="NA", newKey=[]),
        without("dhanClientId", "positionType", "multiplier", "costPrice", "crossCurrency"),
        without("dayBuyQty", "daySellQty"),
        without("carryForwardBuyQty", "carryForwardSellQty"),
        changed(TOLD_POSITION, carryForwardBuyQty=None),
        changed(TOLD_POSITION, buyQty=None),
        changed(TOLD_POSITION, sellQty=None),
    ],
)
def test_a_position_in_every_spelling_is_the_same(told: dict[str, Any]) -> None:
    assert position(told) == READ_POSITION


def test_closed_rows_stay_and_a_commodity_tells_its_multiplier() -> None:
    closed = position(changed(TOLD_POSITION, positionType="CLOSED", netQty=0, buyQty=195, dayBuyQty=195))
    assert (closed.net, closed.carried, closed.day_buy, closed.buy_quantity) == (0, -130, 195, 195)
    empty = {"securityId": "1", "exchangeSegment": "NSE_EQ", "productType": "CNC", "positionType": "CLOSED"}
    assert position(empty).net == 0
    gold = position(
        changed(TOLD_POSITION, exchangeSegment="MCX_COMM", securityId="569999", positionType="LONG", netQty=2,
                multiplier=10.0, buyQty=2, sellQty=0, carryForwardSellQty=0, dayBuyQty=2, daySellQty=0)
    )  # fmt: skip
    assert (gold.segment, gold.net, gold.multiplier) == (Segment.MCX_COMM, 2, 10)
    share = changed(TOLD_POSITION, exchangeSegment="NSE_EQ", productType="CNC", drvExpiryDate="0001-01-01")
    assert position(share).expiry is None


@pytest.mark.parametrize("value", [None, "NA", "", "x", [], ...])
def test_an_average_or_a_profit_that_is_nonsense_spoils_no_position(value: Any) -> None:
    row = position(
        changed(TOLD_POSITION, buyAvg=value, realizedProfit=value, unrealizedProfit=value, tradingSymbol=...)
    )
    assert row == msgspec.structs.replace(
        READ_POSITION, buy_average=Decimal(0), realised=None, unrealised=None, symbol=""
    )


@pytest.mark.parametrize(
    "row",
    [
        *({key: value} for key in ("exchangeSegment", "productType", "securityId") for value in (None, "", "NA", "X?")),
        *({"netQty": value} for value in ("many", 1.5, [], True, 10**30)),
        *({"buyQty": value} for value in (-1, "x", 0.5)),
        *({"dayBuyQty": value} for value in (-1, "x")),
        {"positionType": "LONG"},
        {"positionType": "CLOSED"},
        {"positionType": "LONG", "netQty": 0},
        {"netQty": None, "buyQty": None},
        {"carryForwardBuyQty": None, "carryForwardSellQty": None, "dayBuyQty": None, "daySellQty": None},
    ],
    ids=repr,
)
def test_scenario_7_12_a_row_that_is_not_sure_is_left_out_and_counted(row: dict[str, Any]) -> None:
    bad = TOLD_POSITION | row
    fact = positions([TOLD_POSITION, bad, "row", None, [TOLD_HOLDING]]).fact
    assert isinstance(fact, Positions)
    assert (fact.rows, fact.bad_rows) == ((READ_POSITION,), 4)
    assert positions([bad]).lack is Lack.UNAVAILABLE


def test_another_accounts_position_is_none_of_ours() -> None:
    fact = positions([TOLD_POSITION, TOLD_POSITION | {"dhanClientId": "1100000009"}]).fact
    assert isinstance(fact, Positions)
    assert (fact.rows, fact.bad_rows) == ((READ_POSITION,), 0)


@pytest.mark.parametrize(
    "told",
    [
        TOLD_HOLDING,
        {key: str(value) for key, value in TOLD_HOLDING.items()},
        changed(TOLD_HOLDING, mtf_t1_qty=..., mtf_tq_qty=4),
        changed(TOLD_HOLDING, totalQty=None, exchange="all"),
        changed(TOLD_HOLDING, totalQty=..., securityId=2885, news=1),
    ],
)
def test_a_holding_in_every_spelling_is_the_same(told: dict[str, Any]) -> None:
    for body in ([told], {"data": [told]}, told):
        fact = positions([], body).fact
        assert isinstance(fact, Positions)
        assert (fact.holdings, fact.bad_rows) == ((READ_HOLDING,), 0)


def test_a_holding_that_tells_little_is_kept_and_one_that_tells_nothing_is_counted() -> None:
    fact = positions([], [{"securityId": "1", "totalQty": 5, "t1Qty": "x"}, {"securityId": "2"}, {"totalQty": 1}]).fact
    assert isinstance(fact, Positions)
    assert fact.holdings == (Holding(exchange="", security_id="1", symbol="", isin="", total=5),)
    assert fact.bad_rows == 2


def test_no_holdings_are_told_by_an_error_and_are_an_empty_list() -> None:
    reading = DHAN.read_fact(POSITIONS, [answer([TOLD_POSITION]), answer(NO_HOLDINGS, 500)], AS_OF)
    assert reading.fact == Positions(account=ACCOUNT, as_of=AS_OF, rows=(READ_POSITION,))
    assert positions([], []).fact == Positions(account=ACCOUNT, as_of=AS_OF)


@pytest.mark.parametrize("body", [{}, None, "[]", 5, {"data": None}, {"data": {}}, b"", b"<html>", b"[{", {"a": []}])
def test_what_is_no_list_is_never_an_empty_one(body: Any) -> None:
    assert positions(body).lack is Lack.UNAVAILABLE
    assert positions([], body).lack is Lack.UNAVAILABLE


# ---- quotes ---------------------------------------------------------------------------------------------------------

TOLD_QUOTE: dict[str, Any] = {
    "last_price": 4520.0,
    "average_price": 4512.3,
    "depth": {"buy": [{"quantity": 10, "orders": 2, "price": 4519.9}], "sell": []},
    "last_trade_time": "15/09/2026 10:02:11",
    "lower_circuit_limit": 4068.0,
    "upper_circuit_limit": 4972.05,
    "ohlc": {"open": 4500.0, "close": 4507.5, "high": 4531.0, "low": 4490.0},
}
READ_QUOTE = Quote(
    segment=Segment.NSE_EQ,
    security_id="11536",
    as_of=AS_OF,
    last_price=Decimal(4520),
    lower_circuit=Decimal(4068),
    upper_circuit=Decimal("4972.05"),
)


@pytest.mark.parametrize(
    "told",
    [
        {"data": {"NSE_EQ": {"11536": TOLD_QUOTE}}, "status": "success"},
        {"status": "success", "data": {"data": {"NSE_EQ": {"11536": TOLD_QUOTE}}}},
        {"NSE_EQ": {"11536": TOLD_QUOTE}},
        {"Data": {"nse_eq": {"11536.0": {key.upper(): str(value) for key, value in TOLD_QUOTE.items()}}}},
        {"data": {"NSE_EQ": [TOLD_QUOTE | {"security_id": 11536}, {"security_id": []}, None], "IDX_I": {}, "X": 1}},
        {
            "data": {
                "NSE_EQ": {"011536": {"lastPrice": 4520, "lowerCircuitLimit": 4068, "upperCircuitLimit": "4972.05"}}
            }
        },
    ],
)
def test_a_quote_in_every_shape_is_the_same(told: Any) -> None:
    assert quote(told) == (FactReading(fact=READ_QUOTE),)


@pytest.mark.parametrize("value", [..., None, "NA", 0, 0.0, -1, "x", []])
def test_a_limit_that_is_not_told_is_none(value: Any) -> None:
    told = changed(TOLD_QUOTE, lower_circuit_limit=value, upper_circuit_limit=value)
    expected = msgspec.structs.replace(READ_QUOTE, lower_circuit=None, upper_circuit=None)
    assert quote({"data": {"NSE_EQ": {"11536": told}}}) == (FactReading(fact=expected),)


def test_limits_that_contradict_each_other_are_none_and_a_price_of_nothing_too() -> None:
    told = TOLD_QUOTE | {"lower_circuit_limit": 5000, "last_price": 0}
    [reading] = quote({"data": {"NSE_EQ": {"11536": told}}})
    assert (reading.fact, reading.lack) == (None, Lack.UNAVAILABLE)


def test_an_id_that_the_answer_leaves_out_is_not_known_and_spoils_no_other() -> None:
    unknown = QuoteWanted(account=ACCOUNT, segment=Segment.NSE_FNO, security_id="1")
    told = {"data": {"NSE_EQ": {"11536": TOLD_QUOTE}, "NSE_FNO": {"43210": "text"}}, "status": "success"}
    first, second, third = quote(told, unknown, TCS, CALL)
    assert (first.lack, second.fact, third.lack) == (Lack.NOT_KNOWN, READ_QUOTE, Lack.UNAVAILABLE)
    for nothing in ({"data": {}, "status": "success"}, {"data": {"NSE_EQ": {}}, "status": "success"}):
        assert [reading.lack for reading in quote(nothing)] == [Lack.NOT_KNOWN]


@pytest.mark.parametrize("told", [{}, [], None, "x", {"data": None}, {"data": 5}, {"status": "success"}, {"a": {}}])
def test_what_is_no_market_quote_says_nothing_of_any_instrument(told: Any) -> None:
    assert [reading.lack for reading in quote(told, TCS, CALL)] == [Lack.UNAVAILABLE] * 2


# ---- why there is none ----------------------------------------------------------------------------------------------

NO_PLAN = "User has not subscribed to Data APIs or does not have access to Trading APIs."


def error(code: Any, text: Any, kind: str = "Order_Error") -> dict[str, Any]:
    return {"errorType": kind, "errorCode": code, "errorMessage": text}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, error("DH-902", NO_PLAN, "Invalid_Access")),
        (451, error("DH-902", "", "Invalid_Access")),
        (403, {"status": "failed", "data": {"806": "Data APIs not Subscribed"}}),
        (200, {"status": "failed", "data": {"806": ""}}),
        (400, error(None, NO_PLAN)),
        (400, error("DH-906", "Kindly subscribe to Data APIs to be able to fetch Data.")),
    ],
)
def test_an_account_without_the_data_plan_is_told_apart(status: int, body: Any) -> None:
    assert {reading.lack for reading in quote(body, TCS, CALL, status=status)} == {Lack.NO_DATA_PLAN}
    assert read(FUNDS, body, status=status).lack is not Lack.NO_DATA_PLAN


@pytest.mark.parametrize(
    ("status", "body", "lack"),
    [
        (401, error("DH-901", "expired"), Lack.REFUSED),
        (401, b"", Lack.REFUSED),
        (400, error("DH-906", "Invalid Token"), Lack.REFUSED),
        (400, error("DH-905", "Invalid IP", "Input_Exception"), Lack.REFUSED),
        (401, {"status": "failed", "data": {"807": "token expired"}}, Lack.REFUSED),
        (429, error("DH-904", "Too many requests"), Lack.THROTTLED),
        (429, b"<html>slow down</html>", Lack.THROTTLED),
        (400, {"status": "failed", "data": {"805": "Too many requests"}}, Lack.THROTTLED),
        (400, error("DH-905", "Invalid SecurityId", "Input_Exception"), Lack.NOT_KNOWN),
        (400, error("DH-905", "Missing required fields, bad values for parameters etc."), Lack.NOT_KNOWN),
        (404, {"timestamp": "x", "status": 404, "error": "Not Found", "path": "/v2/x"}, Lack.NOT_KNOWN),
        (400, error("DH-906", "balances are not ready"), Lack.UNAVAILABLE),
        (500, error("DH-908", "Internal Server Error"), Lack.UNAVAILABLE),
        (500, {"status": "failed", "data": {"800": "Internal Server Error"}}, Lack.UNAVAILABLE),
        (502, b"<html>bad gateway</html>", Lack.UNAVAILABLE),
        (403, b"<html>CloudFront</html>", Lack.UNAVAILABLE),
        (301, b"", Lack.UNAVAILABLE),
        (200, b"", Lack.UNAVAILABLE),
        (200, b'{"data":', Lack.UNAVAILABLE),
    ],
)
def test_why_there_is_no_fact(status: int, body: Any, lack: Lack) -> None:
    readings = [
        read(FUNDS, body, status=status),
        read(POSITIONS, body, body, status=status),
        DHAN.read_fact(POSITIONS, [answer([]), answer(body, status)], AS_OF),
        read(MARGIN, body, status=status),
        *quote(body, TCS, CALL, status=status),
    ]
    assert {reading.lack for reading in readings} == {lack}


@pytest.mark.parametrize("passage", [Passage.NOT_LEFT, Passage.NO_ANSWER])
def test_no_answer_is_no_fact(passage: Passage) -> None:
    lost = Answer(passage=passage, at=AS_OF, fault="no answer within 5 s")
    expected = FactReading(why="no answer within 5 s", lack=Lack.UNAVAILABLE)
    assert DHAN.read_fact(FUNDS, [lost], AS_OF) == expected
    assert DHAN.read_fact(POSITIONS, [answer([]), lost], AS_OF) == expected
    assert DHAN.read_fact(MARGIN, [lost], AS_OF) == expected
    assert DHAN.read_quotes([TCS, CALL], lost, AS_OF) == (expected, expected)


# ---- anything -------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
ODD = JSON | st.sampled_from(["", "NA", "0", "-1", "1e5", "1e999", "NaN", "Infinity", 10**25, -(10**25), "é", "\ud800"])
STATUS = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 429, 500, 502])
KEYS = sorted({*TOLD_FUNDS, *TOLD_POSITION, *TOLD_HOLDING, *TOLD_QUOTE, "totalMargin", "data", "NSE_EQ", "11536"})


def read_all(raw: bytes, status: int) -> None:
    for question in (FUNDS, MARGIN, BASKET):
        holds(DHAN.read_fact(question, [answer(raw, status)], AS_OF))
    holds(DHAN.read_fact(POSITIONS, [answer(raw, status), answer([])], AS_OF))
    holds(DHAN.read_fact(POSITIONS, [answer([]), answer(raw, status)], AS_OF))
    quote(raw, TCS, CALL, status=status)


@given(st.binary(max_size=300), STATUS)
def test_scenario_8_9_no_bytes_make_it_raise(raw: bytes, status: int) -> None:
    read_all(raw, status)


@given(JSON, STATUS)
def test_scenario_8_9_no_json_makes_it_raise(value: Any, status: int) -> None:
    for whole in (value, [value], {"data": value}, {"data": {"NSE_EQ": value}}, {"data": {"NSE_EQ": {"11536": value}}}):
        read_all(json.dumps(whole).encode(), status)


@tried(300)
@given(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=8))
def test_scenario_8_9_no_values_in_a_figure_make_it_raise(changes: dict[str, Any]) -> None:
    for told in (TOLD_FUNDS, TOLD_POSITION, TOLD_HOLDING, TOLD_QUOTE):
        row = told | changes
        for whole in (row, [row, told], {"data": {"NSE_EQ": {"11536": row}}}):
            read_all(json.dumps(whole).encode(), 200)


# ---- as events ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        (FUNDS, READ_FUNDS),
        (POSITIONS, Positions(account=ACCOUNT, as_of=AS_OF, rows=(READ_POSITION,), holdings=(READ_HOLDING,))),
        (TCS, READ_QUOTE),
        (BASKET, MarginNeed(as_of=AS_OF, required=Decimal("5733.25"))),
        (MARGIN, None),
    ],
)
def test_an_answer_can_be_journalled_and_read_again(question: Any, fact: Fact | None) -> None:
    event = FactArrived(at=AS_OF, account=ACCOUNT, question=question, fact=fact, why="", lack=Lack.REFUSED)
    written = msgspec.json.Encoder(decimal_format="string").encode(event)
    assert msgspec.json.decode(written, type=FactArrived) == event
