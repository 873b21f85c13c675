"""Books over REST are read whole or not at all, and what is no book is never taken for an empty one."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.order import Bracket, ExecutionReport, Fill, Terms
from copyctl.model.reading import BookReading
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import (
    AmoTime,
    Leg,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Source,
    Validity,
)
from copyctl.wire.dhan import Dhan

ACCOUNT = "1100000001"
ASKED = 1_789_446_735_000_000_000
PLACED = 1_789_446_731_000_000_000  # 2026-09-15 10:02:11 IST
SECOND = 1_000_000_000

ROW: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "orderId": "122609150001234",
    "exchangeOrderId": "1300000012345678",
    "correlationId": "cp-7f3a-0001",
    "orderStatus": "PART_TRADED",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "validity": "DAY",
    "tradingSymbol": "NIFTY-Sep2026-24500-CE",
    "securityId": "43210",
    "quantity": 130,
    "disclosedQuantity": 0,
    "price": 101.25,
    "triggerPrice": 0.0,
    "afterMarketOrder": False,
    "boProfitValue": 0.0,
    "boStopLossValue": 0.0,
    "legName": None,
    "createTime": "2026-09-15 10:02:11",
    "updateTime": "2026-09-15 10:02:14",
    "exchangeTime": "2026-09-15 10:02:11",
    "drvExpiryDate": "2026-09-22",
    "drvOptionType": "CALL",
    "drvStrikePrice": 24500.0,
    "omsErrorCode": None,
    "omsErrorDescription": "CONFIRMED",
    "algoId": "0",
    "remainingQuantity": 65,
    "averageTradedPrice": 101.2,
    "filledQty": 65,
}
REPORT = ExecutionReport(
    account=ACCOUNT,
    order_id="122609150001234",
    source=Source.BOOK,
    as_of=ASKED,
    broker_time=PLACED + 3 * SECOND,
    created_time=PLACED,
    status=OrderStatus.PART_TRADED,
    status_text="PART_TRADED",
    side=Side.BUY,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.INTRADAY,
    terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=130, price=Decimal("101.25")),
    filled=65,
    average_price=Decimal("101.2"),
    correlation_id="cp-7f3a-0001",
)
TRADE: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "orderId": "122609150001234",
    "exchangeOrderId": "1300000012345678",
    "exchangeTradeId": "771001",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "tradingSymbol": "NIFTY-Sep2026-24500-CE",
    "customSymbol": "NIFTY 22 SEP 24500 CALL",
    "securityId": "43210",
    "tradedQuantity": 65,
    "tradedPrice": 101.2,
    "createTime": "2026-09-15 10:02:13",
    "updateTime": "2026-09-15 10:02:14",
    "exchangeTime": "2026-09-15 10:02:11",
    "drvExpiryDate": "2026-09-22",
    "drvOptionType": "CALL",
    "drvStrikePrice": 24500.0,
}
FILL = Fill(
    account=ACCOUNT,
    order_id="122609150001234",
    trade_id="771001",
    segment=Segment.NSE_FNO,
    security_id="43210",
    side=Side.BUY,
    product=Product.INTRADAY,
    quantity=65,
    price=Decimal("101.2"),
    traded_at=PLACED,
)


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(passage=Passage.ANSWERED, at=ASKED + 1, left_at=ASKED, status=status, body=raw)


def error(code: Any, message: str, kind: str = "Order_Error") -> dict[str, Any]:
    return {"errorType": kind, "errorCode": code, "errorMessage": message}


def orders(body: Any, status: int = 200) -> BookReading:
    return Dhan().read_orders(answer(body, status), ACCOUNT, ASKED)


def trades(body: Any, status: int = 200) -> BookReading:
    return Dhan().read_trades(answer(body, status), ACCOUNT, ASKED)


def row(**changes: Any) -> ExecutionReport:
    reading = orders([ROW | changes])
    assert (reading.why, reading.bad_rows) == ("", 0)
    return reading.orders[0]


# ---- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[ROW], ROW, {"status": "success", "data": [ROW]}])
def test_a_list_and_a_single_order_are_read_alike(body: Any) -> None:
    assert orders(body) == BookReading(orders=(REPORT,))


CASINGS = [str, str.upper, str.lower, lambda key: key[0].upper() + key[1:]]


@given(st.sampled_from(CASINGS), st.booleans())
def test_scenario_8_11_a_row_reads_the_same_in_every_spelling(casing: Any, as_text: bool) -> None:
    numbers = {key for key, value in ROW.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
    body = [{casing(key): str(value) if as_text and key in numbers else value for key, value in ROW.items()}]
    assert orders(body) == BookReading(orders=(REPORT,))


@pytest.mark.parametrize("key", ["order-id", "order_id", "ORDER_ID"])
def test_scenario_8_11_a_key_may_have_separators(key: str) -> None:
    renamed = {key if name == "orderId" else name: value for name, value in ROW.items()}
    assert orders([renamed]).orders == (REPORT,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"correlationId": "NA"}, {"correlation_id": ""}),
        ({"correlationId": None}, {"correlation_id": ""}),
        ({"orderStatus": "TRADED", "filledQty": 130, "remainingQuantity": 0}, {"status": OrderStatus.TRADED}),
        ({"orderStatus": "TRADED"}, {"status": OrderStatus.PART_TRADED}),
        ({"orderStatus": "CANCELLED"}, {"status": OrderStatus.CANCELLED}),
        ({"orderStatus": "INACTIVE"}, {"status": None}),
        ({"orderStatus": "OPEN", "filledQty": None}, {"status": OrderStatus.PENDING, "filled": 0}),
        ({"afterMarketOrder": True, "amoTime": "OPEN_30"}, {"after_market": True, "amo_time": AmoTime.OPEN_30}),
        ({"afterMarketOrder": "true", "amoTime": "PRE_OPEN"}, {"after_market": True, "amo_time": AmoTime.PRE_OPEN}),
        ({"legName": "ENTRY_LEG"}, {"leg": Leg.ENTRY, "super_order": False}),
        ({"legName": "NA"}, {"leg": Leg.ENTRY}),
        ({"legName": ""}, {"leg": Leg.ENTRY}),
        ({"legName": "STOP_LOSS_LEG"}, {"leg": Leg.STOP_LOSS, "super_order": True}),
        ({"legName": "TARGET_LEG", "productType": "BO"}, {"leg": Leg.TARGET, "super_order": False}),
        ({"exchangeTime": "0001-01-01 00:00:00", "updateTime": "NA"}, {"broker_time": PLACED}),
    ],
)
def test_a_row_tells(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    seen = row(**changes)
    assert {name: getattr(seen, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "bracket"),
    [
        ({"productType": "BO", "boProfitValue": 20, "boStopLossValue": 5.5}, (20, "5.5", True)),
        ({"productType": "BO", "boProfitValue": "20.0", "boStopLossValue": None}, (20, 0, True)),
        ({"productType": "BO", "boProfitValue": 0, "boStopLossValue": 5}, (0, 5, True)),
        ({"productType": "BO", "boProfitValue": 0.0, "boStopLossValue": None}, None),
        ({"productType": "BO", "triggerPrice": 95}, None),
        ({"productType": "BO", "boProfitValue": 20, "legName": "ENTRY_LEG"}, (20, 0, True)),
        ({"productType": "BO", "boProfitValue": 20, "legName": "TARGET_LEG"}, None),
        ({"productType": "CO", "triggerPrice": 95.05}, (0, "95.05", False)),
        ({"productType": "CO", "triggerPrice": 0, "boStopLossValue": 5}, None),
        ({"productType": "CO", "triggerPrice": 95, "legName": "STOP_LOSS_LEG"}, None),
        ({"boProfitValue": 20, "boStopLossValue": 5, "triggerPrice": 95}, None),
        ({"boProfitValue": -1}, None),
    ],
)
def test_what_hangs_on_the_entry_of_a_branched_order_is_told(
    changes: dict[str, Any], bracket: tuple[Any, Any, bool] | None
) -> None:
    target, stop, distances = bracket or (0, 0, False)
    expected = bracket and Bracket(target=Decimal(target), stop=Decimal(stop), distances=distances)
    assert row(**changes).bracket == expected


def test_a_distance_that_no_order_has_is_never_read() -> None:
    reading = orders([ROW, ROW | {"productType": "BO", "boProfitValue": -1}])
    assert reading == BookReading(orders=(REPORT,), bad_rows=1)


@pytest.mark.parametrize("product", ["BO", "CO", "INTRADAY"])
@pytest.mark.parametrize(
    ("told", "order_type", "price", "trigger"),
    [
        ({"legName": "STOP_LOSS_LEG", "price": 94, "triggerPrice": 95.5}, OrderType.STOP_LOSS_MARKET, 0, "95.5"),
        ({"legName": "STOP_LOSS_LEG", "price": 95.5, "triggerPrice": 0}, OrderType.STOP_LOSS_MARKET, 0, "95.5"),
        ({"legName": "TARGET_LEG", "price": 110, "triggerPrice": 0}, OrderType.LIMIT, 110, 0),
        ({"legName": "TARGET_LEG", "price": 110, "orderType": "STOP_LOSS"}, OrderType.LIMIT, 110, 0),
    ],
)
def test_a_leg_is_what_it_does_however_its_row_tells_it(
    product: str, told: dict[str, Any], order_type: OrderType, price: Any, trigger: Any
) -> None:
    assert row(productType=product, **told).terms == Terms(
        order_type=order_type,
        validity=Validity.DAY,
        quantity=130,
        price=Decimal(price),
        trigger_price=Decimal(trigger),
    )


@pytest.mark.parametrize("days", ["2026-09-15", "2027-09-15"])
def test_the_book_of_the_day_knows_how_long_an_order_lasts(days: str) -> None:
    terms = row(triggerPrice=99.5, goodTillDaysDate=days).terms
    assert terms is not None
    assert terms.validity is Validity.DAY
    assert row(triggerPrice=99.5, validity="FOREVER").terms == Terms(
        order_type=OrderType.LIMIT,
        validity=Validity.FOREVER,
        quantity=130,
        price=Decimal("101.25"),
        trigger_price=Decimal("99.5"),
    )


def test_scenario_5_2_a_row_of_a_late_rejection_carries_its_text_and_its_category() -> None:
    said = "EXCH:16283:The order price is not multiple of tick size."
    seen = row(orderStatus="REJECTED", omsErrorDescription=said, filledQty=0)
    assert (seen.text, seen.category) == (said, Category.TICK)
    assert row(orderStatus="REJECTED", omsErrorCode="DH-905", filledQty=0).category is Category.INPUT
    assert row(orderStatus="REJECTED", filledQty=0).category is Category.UNKNOWN


@pytest.mark.parametrize(
    "bad",
    [
        None,
        1,
        "row",
        [],
        {},
        {"message": "?"},
        ROW | {"orderId": None},
        ROW | {"quantity": -1},
        ROW | {"filledQty": 131},
    ],
)
def test_one_bad_row_hides_no_good_one(bad: Any) -> None:
    other = ROW | {"orderId": "122609150001235"}
    assert orders([ROW, bad, other]) == BookReading(
        orders=(REPORT, replace(REPORT, order_id="122609150001235")), bad_rows=1
    )


def test_a_book_of_bad_rows_alone_is_no_empty_book() -> None:
    reading = orders([{"id": 1}, {"id": 2}])
    assert (reading.orders, reading.bad_rows) == ((), 2)
    assert reading.why != ""


def test_rows_of_another_account_are_left_out() -> None:
    assert orders([ROW | {"dhanClientId": "1100000002"}, ROW]) == BookReading(orders=(REPORT,))


# ---- answers --------------------------------------------------------------------------------------------------------

NOT_FOUND = error("DH-906", "Incorrect request for order and cannot be processed")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 200),
        ({"data": []}, 200),
        (NOT_FOUND, 404),
        (error("DH-1111", "No holdings available", "HOLDING_ERROR"), 500),
    ],
)
def test_scenario_7_9_nothing_there_is_readable(body: Any, status: int) -> None:
    assert orders(body, status) == BookReading()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (error("DH-901", "Client ID or user generated access token is invalid or expired."), 401),
        (error("DH-906", "Invalid Token"), 400),
        (error("DH-906", "Invalid Token"), 404),
        (error("DH-905", "Invalid IP", "Input_Exception"), 400),
        ([{"message": "Invalid IP", "status": "ERROR"}], 200),
        ({"status": "failed", "data": {"807": "Access token expired"}}, 401),
        ({"status": "failed", "data": {"809": "?"}}, 400),
        (error(None, "", "Invalid_Authentication"), 403),
        (b"", 401),
        (b"<html>Unauthorized</html>", 401),
    ],
)
def test_a_dead_token_or_a_wrong_address_is_told(body: Any, status: int) -> None:
    for reading in (orders(body, status), trades(body, status)):
        assert reading.refused
        assert reading.why != ""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 429),
        (b"<html>429</html>", 429),
        ({"errorType": "Rate_Limit", "errorCode": "DH-904", "errorMessage": "?"}, 400),
        ({"status": "failed", "data": {"805": "?"}}, 200),
    ],
    ids=repr,
)
def test_scenario_7_6_a_book_that_was_asked_for_too_often_says_so(body: Any, status: int) -> None:
    for reading in (orders(body, status), trades(body, status)):
        assert reading.throttled
        assert reading.why
        assert not reading.refused


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (error("DH-904", "Too many requests on server", "Rate_Limit"), 429),
        ({"status": "failed", "data": {"805": "Too many requests"}}, 429),
        (error("DH-908", "Internal Server Error", "Internal_Server_Error"), 500),
        (error("DH-906", "Exchange Connectivity is not established for BSE Derivatives"), 404),
        (error("DH-906", "Something else"), 404),
        (NOT_FOUND, 500),
        (NOT_FOUND, 200),
        ({"timestamp": "2026-09-15", "status": 404, "error": "Not Found", "path": "/v2/order"}, 404),
        (b"<html><body>502 Bad Gateway</body></html>", 502),
        (b"<html><body>403 Forbidden</body></html>", 403),
        (b"<html>maintenance</html>", 200),
        (b"", 200),
        (b"", 204),
        (b"null", 200),
        (b"7", 200),
        (b"{}", 200),
        (json.dumps([ROW]).encode()[:-9], 200),
        (b"[" * 100_000, 200),
        (b"", 301),
        ([ROW], 500),
        ([ROW], 302),
    ],
    ids=repr,
)
def test_scenario_7_9_what_is_no_book_is_never_an_empty_one(body: Any, status: int) -> None:
    for reading in (orders(body, status), trades(body, status)):
        assert reading.why != ""
        assert len(reading.why) < 600
        assert not reading.refused
        assert (reading.orders, reading.fills) == ((), ())


@pytest.mark.parametrize("passage", [Passage.NO_ANSWER, Passage.NOT_LEFT])
def test_scenario_7_9_without_an_answer_nothing_is_known(passage: Passage) -> None:
    silent = Answer(passage=passage, at=ASKED, fault="timed out")
    assert Dhan().read_orders(silent, ACCOUNT, ASKED) == BookReading(why="timed out")
    assert Dhan().read_trades(replace(silent, fault=""), ACCOUNT, ASKED).why != ""


# ---- trades ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[TRADE], TRADE, [TRADE, TRADE]])
def test_each_trade_is_read_once(body: Any) -> None:
    assert trades(body) == BookReading(fills=(FILL,))


def test_both_sides_of_a_self_match_are_trades() -> None:
    reading = trades([TRADE, TRADE | {"transactionType": "SELL", "orderId": "9"}])
    assert [fill.key for fill in reading.fills] == ["NSE_FNO:771001:BUY", "NSE_FNO:771001:SELL"]


def test_one_trade_id_in_two_segments_is_two_trades() -> None:
    assert len(trades([TRADE, TRADE | {"exchangeSegment": "BSE_FNO"}]).fills) == 2


def test_two_trades_under_one_id_are_not_silently_one() -> None:
    assert trades([TRADE, TRADE | {"tradedQuantity": 1}]) == BookReading(fills=(FILL,), bad_rows=1)


@pytest.mark.parametrize("nothing", [None, "", "NA", "0001-01-01 00:00:00"])
def test_a_trade_without_the_exchanges_time_has_the_brokers(nothing: Any) -> None:
    [fill] = trades([TRADE | {"exchangeTime": nothing}]).fills
    assert fill.traded_at == PLACED + 2 * SECOND


IDS = ["orderId", "exchangeTradeId", "securityId"]
LACKING = [
    *((key, nothing) for key in IDS for nothing in (None, "NA", "0", "?", {}, True)),
    *((key, nothing) for key in ("exchangeSegment", "transactionType") for nothing in (None, "NA", "0", "?", -1)),
    *((key, nothing) for key in ("tradedQuantity", "tradedPrice") for nothing in (None, "NA", "0", "?", -1)),
    ("tradedQuantity", 0.5),
]


@pytest.mark.parametrize(("key", "nothing"), LACKING)
def test_a_trade_that_lacks_what_makes_it_one_is_a_bad_row(key: str, nothing: Any) -> None:
    assert trades([TRADE | {key: nothing}, TRADE | {"exchangeTradeId": "2"}]) == BookReading(
        fills=(replace(FILL, trade_id="2"),), bad_rows=1
    )


@given(st.decimals(min_value="0.01", max_value=10**8, places=4))
def test_prices_of_trades_are_exact(price: Decimal) -> None:
    raw = json.dumps([TRADE]).replace('"tradedPrice": 101.2,', f'"tradedPrice": {price},').encode()
    assert trades(raw).fills[0].price == price


# ---- anything -------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
STATUSES = st.sampled_from([0, 100, 200, 202, 301, 400, 401, 404, 429, 500])


@given(st.binary(max_size=300), STATUSES)
def test_scenario_8_9_no_body_makes_it_raise(raw: bytes, status: int) -> None:
    for reading in (orders(raw, status), trades(raw, status)):
        assert reading.why != "" or status == 200


@given(st.dictionaries(st.sampled_from(sorted({**ROW, **TRADE, "errorCode": 1, "status": 1})), JSON), STATUSES)
def test_scenario_8_9_no_row_makes_it_raise(changes: dict[str, Any], status: int) -> None:
    for body in ([ROW | changes], [changes], changes, [TRADE | changes, changes]):
        orders(body, status)
        trades(body, status)
