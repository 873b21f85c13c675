"""The list of forever orders: one report of all rows of an order, and never half of one that is two."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.order import ExecutionReport, SecondLeg, Terms
from copyctl.model.reading import BookReading
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Leg, OrderStatus, OrderType, Product, Segment, Side, Source, Validity
from copyctl.wire.dhan import Dhan

ACCOUNT = "1100000001"
ASKED = 1_789_446_735_000_000_000
PLACED = 1_789_446_731_000_000_000  # 2026-09-15 10:02:11 IST
SECOND = 1_000_000_000

ROW: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "orderId": "8162609100000777",
    "orderStatus": "CONFIRM",
    "transactionType": "SELL",
    "exchangeSegment": "NSE_EQ",
    "productType": "CNC",
    "orderType": "SINGLE",
    "tradingSymbol": "ALPHA",
    "securityId": "900001",
    "quantity": 10,
    "price": 1428.0,
    "triggerPrice": 1427.0,
    "legName": "ENTRY_LEG",
    "createTime": "2026-09-15 10:02:11",
    "updateTime": "2026-09-15 10:02:14",
    "exchangeTime": None,
    "drvExpiryDate": None,
    "drvOptionType": None,
    "drvStrikePrice": 0,
}
TARGET = ROW | {"orderType": "OCO", "legName": "TARGET_LEG"}
STOP = TARGET | {"legName": "STOP_LOSS_LEG", "quantity": 8, "price": 1200.0, "triggerPrice": 1201.0}
TERMS = Terms(
    order_type=OrderType.LIMIT,
    validity=Validity.FOREVER,
    quantity=10,
    price=Decimal(1428),
    trigger_price=Decimal(1427),
)
SECOND_LEG = SecondLeg(quantity=8, price=Decimal(1200), trigger_price=Decimal(1201))
REPORT = ExecutionReport(
    account=ACCOUNT,
    order_id="8162609100000777",
    source=Source.BOOK,
    as_of=ASKED,
    broker_time=PLACED + 3 * SECOND,
    created_time=PLACED,
    status=OrderStatus.PENDING,
    status_text="CONFIRM",
    side=Side.SELL,
    segment=Segment.NSE_EQ,
    security_id="900001",
    product=Product.CNC,
    terms=TERMS,
)
PAIR = replace(REPORT, leg=Leg.TARGET, terms=replace(TERMS, second=SECOND_LEG))


def read(body: Any, status: int = 200) -> BookReading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(passage=Passage.ANSWERED, at=ASKED + 1, left_at=ASKED, status=status, body=raw)
    return Dhan().read_forever(answer, ACCOUNT, ASKED)


def one(*rows: dict[str, Any]) -> ExecutionReport:
    reading = read(list(rows))
    assert (reading.why, reading.bad_rows) == ("", 0)
    [seen] = reading.orders
    return seen


# ---- one row --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[ROW], ROW, {"status": "success", "data": [ROW]}, [ROW, ROW]])
def test_a_single_forever_order_is_read(body: Any) -> None:
    assert read(body) == BookReading(orders=(REPORT,))


@pytest.mark.parametrize("casing", [str.upper, str.lower, lambda key: key[0].upper() + key[1:]])
@pytest.mark.parametrize("as_text", [True, False])
def test_scenario_8_11_forever_orders_read_the_same_in_every_spelling(casing: Any, as_text: bool) -> None:
    row = {casing(key): str(value) if as_text and value is not None else value for key, value in ROW.items()}
    assert read([row]) == BookReading(orders=(REPORT,))


@pytest.mark.parametrize(
    ("name", "leg"),
    [
        ("ENTRY_LEG", Leg.ENTRY),
        ("TARGET_LEG", Leg.TARGET),
        ("STOP_LOSS_LEG", Leg.STOP_LOSS),
        (None, Leg.ENTRY),
        ("NA", Leg.ENTRY),
        ("", Leg.ENTRY),
    ],
)
def test_a_single_one_keeps_the_name_that_the_list_gives_it(name: str | None, leg: Leg) -> None:
    assert one(ROW | {"legName": name}) == replace(REPORT, leg=leg)


@pytest.mark.parametrize(
    ("changes", "order_type", "price"),
    [
        ({}, OrderType.LIMIT, 1428),
        ({"price": 0}, OrderType.MARKET, 0),
        ({"price": None}, OrderType.MARKET, 0),
        ({"orderType": "LIMIT", "orderFlag": "SINGLE"}, OrderType.LIMIT, 1428),
        ({"orderType": "MARKET", "orderFlag": "SINGLE"}, OrderType.MARKET, 0),
        ({"orderType": "MARKET", "price": 0}, OrderType.MARKET, 0),
        ({"orderType": None}, OrderType.LIMIT, 1428),
    ],
)
def test_its_type_is_told_or_told_by_its_price(changes: dict[str, Any], order_type: OrderType, price: int) -> None:
    assert one(ROW | changes).terms == replace(TERMS, order_type=order_type, price=Decimal(price))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CONFIRM", OrderStatus.PENDING),
        ("Confirm", OrderStatus.PENDING),
        ("PENDING", OrderStatus.PENDING),
        ("TRANSIT", OrderStatus.TRANSIT),
        ("TRIGGERED", OrderStatus.TRIGGERED),
        ("TRADED", OrderStatus.TRADED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("INACTIVE", None),
    ],
)
def test_it_waits_and_never_fills_itself(word: str, status: OrderStatus | None) -> None:
    seen = one(ROW | {"orderStatus": word})
    assert (seen.status, seen.status_text, seen.filled, seen.super_order) == (status, word, 0, False)
    assert seen.terms == TERMS


def test_one_that_was_refused_says_why() -> None:
    seen = one(ROW | {"orderStatus": "REJECTED", "omsErrorDescription": "RMS:1:You have insufficient funds."})
    assert (seen.status, seen.category) == (OrderStatus.REJECTED, Category.MARGIN)


def test_a_correlation_id_is_kept_where_there_is_one() -> None:
    assert one(ROW | {"correlationId": "cp-7f3a"}).correlation_id == "cp-7f3a"
    assert one(ROW | {"correlationId": "NA"}).correlation_id == ""
    assert one(TARGET, STOP | {"correlationId": "cp-7f3a"}).correlation_id == "cp-7f3a"


@pytest.mark.parametrize("changes", [{"quantity": 0}, {"quantity": None}, {"triggerPrice": 0}, {"triggerPrice": "NA"}])
def test_without_a_quantity_or_a_trigger_its_terms_are_not_known(changes: dict[str, Any]) -> None:
    assert one(ROW | changes).terms is None
    assert one(TARGET, STOP | changes).terms is None


# ---- two rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[TARGET, STOP], [STOP, TARGET], [TARGET, STOP, TARGET]])
def test_the_rows_of_one_order_are_one_order(rows: list[dict[str, Any]]) -> None:
    assert one(*rows) == PAIR


@pytest.mark.parametrize(
    ("names", "leg", "first"),
    [
        (("ENTRY_LEG", "STOP_LOSS_LEG"), Leg.ENTRY, 10),
        (("STOP_LOSS_LEG", "ENTRY_LEG"), Leg.ENTRY, 8),
        (("ENTRY_LEG", "TARGET_LEG"), Leg.TARGET, 8),
        (("ENTRY_LEG", "ENTRY_LEG"), Leg.ENTRY, 10),
        (("STOP_LOSS_LEG", "STOP_LOSS_LEG"), Leg.STOP_LOSS, 10),
        ((None, None), Leg.ENTRY, 10),
    ],
)
def test_the_target_is_the_first_and_the_stop_never_is(names: tuple[Any, Any], leg: Leg, first: int) -> None:
    seen = one(TARGET | {"legName": names[0]}, STOP | {"legName": names[1]})
    assert seen.terms is not None
    assert seen.terms.second is not None
    assert (seen.leg, seen.terms.quantity, seen.terms.second.quantity) == (leg, first, 18 - first)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("CONFIRM", "CONFIRM"), OrderStatus.PENDING),
        (("CONFIRM", "CANCELLED"), OrderStatus.CANCELLED),
        (("TRADED", "CANCELLED"), OrderStatus.TRADED),
        (("CANCELLED", "TRIGGERED"), OrderStatus.CANCELLED),
        (("CONFIRM", "TRIGGERED"), OrderStatus.TRIGGERED),
        (("PART_TRADED", "CONFIRM"), OrderStatus.PART_TRADED),
        (("Frozen", "CONFIRM"), OrderStatus.PENDING),
        (("Frozen", "Frozen"), None),
    ],
)
def test_of_two_rows_the_further_one_counts(words: tuple[str, str], status: OrderStatus | None) -> None:
    for first, second in (words, words[::-1]):
        assert one(TARGET | {"orderStatus": first}, STOP | {"orderStatus": second}).status is status


def test_both_legs_are_at_the_market_or_none() -> None:
    seen = one(TARGET | {"orderType": "MARKET", "orderFlag": "OCO"}, STOP).terms
    assert seen == replace(
        TERMS, order_type=OrderType.MARKET, price=Decimal(0), second=replace(SECOND_LEG, price=Decimal(0))
    )


def test_it_changed_when_the_newer_of_its_rows_did() -> None:
    assert one(TARGET, STOP | {"updateTime": "2026-09-15 10:02:31"}).broker_time == PLACED + 20 * SECOND


def test_one_of_two_that_comes_alone_is_no_single_one() -> None:
    assert one(TARGET).terms is None
    assert one(ROW | {"orderFlag": "OCO", "orderType": "LIMIT"}).terms is None


@pytest.mark.parametrize("flag", [{"orderType": "OCO"}, {"orderType": "LIMIT", "orderFlag": "OCO"}])
def test_two_legs_in_one_row_are_read_as_they_are_placed(flag: dict[str, str]) -> None:
    both = TARGET | flag | {"quantity1": 8, "price1": 1200.0, "triggerPrice1": 1201.0}
    assert one(both) == PAIR
    assert one(ROW | {"quantity1": 0, "price1": 0.0, "triggerPrice1": 0.0}) == REPORT


# ---- rows that cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        STOP | {"price": -1},
        STOP | {"quantity": "x"},
        STOP | {"legName": "FOURTH_LEG"},
        STOP | {"transactionType": "BUY"},
        STOP | {"securityId": "900002"},
    ],
)
def test_half_of_a_pair_is_never_read_as_a_single_one(bad: dict[str, Any]) -> None:
    other = ROW | {"orderId": "7"}
    assert read([TARGET, other, bad]) == BookReading(orders=(replace(REPORT, order_id="7"),), bad_rows=2)


def test_three_legs_are_none() -> None:
    reading = read([TARGET, STOP, STOP | {"quantity": 7}, ROW | {"orderId": "7"}])
    assert (len(reading.orders), reading.bad_rows) == (1, 3)


@pytest.mark.parametrize("bad", [None, 1, [], {}, ROW | {"orderId": None}, ROW | {"orderId": "../x"}])
def test_one_bad_row_hides_no_good_one(bad: Any) -> None:
    other = ROW | {"orderId": "7"}
    assert read([ROW, bad, other]) == BookReading(orders=(REPORT, replace(REPORT, order_id="7")), bad_rows=1)


def test_a_list_of_bad_rows_alone_is_no_empty_list() -> None:
    reading = read([{"id": 1}, {"id": 2}])
    assert (reading.orders, reading.bad_rows) == ((), 2)
    assert reading.why != ""


def test_rows_of_another_account_are_left_out() -> None:
    assert read([ROW | {"dhanClientId": "1100000002"}, ROW]) == BookReading(orders=(REPORT,))


@pytest.mark.parametrize("body", [[], {"data": []}])
def test_scenario_7_9_nothing_there_is_readable(body: Any) -> None:
    assert read(body) == BookReading()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"{}", 200),
        (b"null", 200),
        ({"errorCode": "DH-906", "errorMessage": "Incorrect request for order and cannot be processed"}, 404),
        ({"timestamp": "1", "status": 404, "error": "Not Found", "path": "/v2/forever/orders"}, 404),
    ],
)
def test_scenario_7_9_what_is_no_list_is_never_an_empty_one(body: Any, status: int) -> None:
    assert read(body, status).why != ""


def test_scenario_7_6_a_list_that_was_asked_for_too_often_says_so() -> None:
    assert read(b"", 429).throttled
    assert read({"errorCode": "DH-901", "errorMessage": "?"}, 401).refused


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
KEYS = st.sampled_from(sorted({*ROW, "orderFlag", "quantity1", "price1", "triggerPrice1", "correlationId"}))


@given(st.dictionaries(KEYS, JSON), st.booleans())
def test_scenario_8_9_no_row_makes_it_raise(changes: dict[str, Any], pair: bool) -> None:
    for body in ([ROW | changes], [changes], changes, [TARGET, STOP | changes] if pair else [TARGET | changes, STOP]):
        for seen in read(body).orders:
            assert seen.filled == 0
            assert not seen.super_order
            assert seen.terms is None or (seen.terms.validity is Validity.FOREVER and seen.terms.trigger_price > 0)
