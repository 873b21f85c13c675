"""Pages of the trade history and the day's trade book: every shape is read, nothing is lost unsaid, nothing raises."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.history import Charges, PastTrade
from copyctl.model.reading import PastReading
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.terms import OrderType, Product, Segment, Side
from copyctl.wire.dhan import Dhan
from tests.properties import tried

ACCOUNT = "1100000001"
TRADED = 1_789_446_731_000_000_000  # 2026-09-15 10:02:11 IST
ROW: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "orderId": "122609150001234",
    "exchangeOrderId": "1300000012345678",
    "exchangeTradeId": "15112609",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "tradingSymbol": None,
    "customSymbol": "NIFTY 22 SEP 24500 CALL",
    "securityId": "43210",
    "tradedQuantity": 65,
    "tradedPrice": 101.2,
    "isin": "NA",
    "instrument": "OPTIDX",
    "sebiTax": 0.0066,
    "stt": 6.578,
    "brokerageCharges": "20",
    "serviceTax": "4.2137",
    "exchangeTransactionCharges": 2.3045,
    "stampDuty": 0.1973,
    "createTime": "NA",
    "updateTime": "NA",
    "exchangeTime": "2026-09-15 10:02:11",
    "drvExpiryDate": "2026-09-22",
    "drvOptionType": "CALL",
    "drvStrikePrice": 24500.0,
}
TRADE = PastTrade(
    account=ACCOUNT,
    order_id="122609150001234",
    trade_id="15112609",
    segment=Segment.NSE_FNO,
    security_id="43210",
    side=Side.BUY,
    product=Product.INTRADAY,
    order_type=OrderType.LIMIT,
    quantity=65,
    price=Decimal("101.2"),
    traded_at=TRADED,
    symbol="NIFTY 22 SEP 24500 CALL",
    charges=Charges(
        brokerage=Decimal(20),
        exchange=Decimal("2.3045"),
        stt=Decimal("6.578"),
        sebi=Decimal("0.0066"),
        gst=Decimal("4.2137"),
        stamp=Decimal("0.1973"),
    ),
)
COSTS = ("sebiTax", "stt", "brokerageCharges", "serviceTax", "exchangeTransactionCharges", "stampDuty")


def answered(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(passage=Passage.ANSWERED, at=2, left_at=1, status=status, body=raw)


def read(body: Any, status: int = 200) -> PastReading:
    return Dhan().read_past(answered(body, status), ACCOUNT)


def test_a_page_is_asked_for_by_days_and_number() -> None:
    wanted = {"from_date": "2026-09-01", "to_date": "2026-09-30", "page_number": 3}
    asked = Dhan().history_call(date(2026, 9, 1), date(2026, 9, 30), 3)
    assert asked == Call(method="get_trade_history", arguments=wanted)


@pytest.mark.parametrize("body", [[ROW], {"data": [ROW]}, {"status": "success", "data": [ROW], "remarks": ""}])
def test_a_page_is_a_list_or_a_list_in_an_object(body: Any) -> None:
    assert read(body) == PastReading(trades=(TRADE,), rows=1)


def test_all_numbers_may_be_text() -> None:
    row = {key: str(value) if type(value) in (int, float) else value for key, value in ROW.items()}
    assert read([row]).trades == (TRADE,)


def test_a_total_is_the_sum_of_all_charges() -> None:
    assert TRADE.charges is not None
    assert TRADE.charges.total == Decimal("33.3001")


@pytest.mark.parametrize("filler", ["NA", None, ""])
def test_fillers_are_nothing(filler: Any) -> None:
    row = ROW | dict.fromkeys((*COSTS, "productType", "orderType", "customSymbol", "exchangeTime"), filler)
    bare = replace(TRADE, product=None, order_type=None, symbol="", traded_at=0, charges=None)
    assert read([row]) == PastReading(trades=(bare,), rows=1)


def test_the_days_book_has_a_symbol_and_no_charges() -> None:
    row = {key: value for key, value in ROW.items() if key not in COSTS} | {"tradingSymbol": "NIFTY-Sep2026-24500-CE"}
    assert read([row]).trades == (replace(TRADE, symbol="NIFTY-Sep2026-24500-CE", charges=None),)


def test_charges_that_are_partly_told_are_0_where_they_are_not() -> None:
    row = ROW | dict.fromkeys(COSTS, None) | {"stt": "-0.5"}
    assert read([row]).trades[0].charges == Charges(stt=Decimal("-0.5"))


def test_a_trade_whose_charges_are_nonsense_is_kept_without_them_and_counted() -> None:
    assert read([ROW | {"stt": "1,234.50"}]) == PastReading(trades=(replace(TRADE, charges=None),), rows=1, bad_rows=1)


@pytest.mark.parametrize(
    "row",
    [
        ROW | {"exchangeTradeId": None},
        ROW | {"orderId": ""},
        ROW | {"transactionType": "HOLD"},
        ROW | {"exchangeSegment": "IDX_I"},
        ROW | {"tradedQuantity": 0},
        ROW | {"tradedPrice": "cheap"},
        "row",
        None,
    ],
)
def test_a_row_that_is_no_trade_is_counted_and_hides_no_other(row: Any) -> None:
    assert read([row, ROW]) == PastReading(trades=(TRADE,), rows=2, bad_rows=1)


def test_a_page_without_a_readable_row_is_not_the_last_one() -> None:
    assert read([{}]) == PastReading(rows=1, bad_rows=1)


def test_of_a_trade_told_twice_one_is_kept_and_a_difference_is_counted() -> None:
    assert read([ROW, ROW]) == PastReading(trades=(TRADE,), rows=2)
    assert read([ROW, ROW | {"tradedPrice": 102}]) == PastReading(trades=(TRADE,), rows=2, bad_rows=1)
    both = read([ROW, ROW | {"transactionType": "SELL"}, ROW | {"orderId": "122609160000001"}])
    assert (len(both.trades), both.bad_rows) == (3, 0)  # a self-match; an id of another day


def test_a_trade_of_another_account_is_none_of_ours() -> None:
    assert read([ROW | {"dhanClientId": "1100000002"}]) == PastReading(rows=1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 200),
        ({"data": []}, 200),
        ({"errorType": "Data_Error", "errorCode": "DH-907", "errorMessage": "incorrect parameters or no data"}, 400),
    ],
)
def test_an_empty_page_is_the_end(body: Any, status: int) -> None:
    assert read(body, status) == PastReading()


@pytest.mark.parametrize(
    ("body", "status", "refused", "throttled"),
    [
        ({"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "x"}, 401, True, False),
        ({"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Invalid Token"}, 400, True, False),
        ({"errorType": "Input_Exception", "errorCode": "DH-905", "errorMessage": "Invalid IP"}, 400, True, False),
        ({"errorType": "Rate_Limit", "errorCode": "DH-904", "errorMessage": "x"}, 429, False, True),
        ({"status": "failed", "data": {"805": "Too many requests"}}, 429, False, True),
        ({"errorType": "Input_Exception", "errorCode": "DH-905", "errorMessage": "range"}, 400, False, False),
        (b"<html>502</html>", 502, False, False),
        (b"", 200, False, False),
        (b'[{"orderId": "1', 200, False, False),
        ({"hello": 1}, 200, False, False),
        ([{"message": "x", "status": "ERROR"}], 200, False, False),
    ],
)
def test_what_is_no_page_is_never_an_empty_one(body: Any, status: int, refused: bool, throttled: bool) -> None:
    reading = read(body, status)
    assert (bool(reading.why), reading.refused, reading.throttled) == (True, refused, throttled)
    assert not reading.trades


def test_what_never_came_says_why() -> None:
    answer = Answer(passage=Passage.NO_ANSWER, at=1, fault="no answer within 5 s")
    assert Dhan().read_past(answer, ACCOUNT) == PastReading(why="no answer within 5 s")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(ROW)), inner, max_size=4),
    max_leaves=10,
)


@tried(300)
@given(key=st.sampled_from(list(ROW)), value=ANYTHING)
def test_whatever_stands_in_a_field_nothing_raises_and_no_row_is_lost_unsaid(key: str, value: Any) -> None:
    reading = read([ROW | {key: value}])
    another_account = key == "dhanClientId" and not reading.bad_rows
    assert reading.rows == 1
    assert reading.why == ""
    assert len(reading.trades) + reading.bad_rows >= 1 or another_account


@tried(300)
@given(body=ANYTHING | st.binary(max_size=60), status=st.sampled_from([200, 202, 400, 401, 429, 500]))
def test_whatever_comes_nothing_raises(body: Any, status: int) -> None:
    assert isinstance(read(body, status), PastReading)


# --- two tellings of one trade ------------------------------------------------------------------------------------


def test_a_later_telling_keeps_what_only_the_earlier_one_said() -> None:
    of_the_day = replace(TRADE, charges=None, symbol="NIFTY-Sep2026-24500-CE")
    of_history = replace(TRADE, product=None, order_type=None)
    whole = replace(TRADE, symbol="NIFTY-Sep2026-24500-CE")
    assert of_history.completed(of_the_day) == whole
    assert of_the_day.completed(whole) == whole
    assert whole.completed(whole) == whole
