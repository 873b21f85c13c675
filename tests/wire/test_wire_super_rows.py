"""The book of super orders: entries with what hangs on them, and exits of what has filled as orders of their own."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.order import Bracket, ExecutionReport, Terms
from copyctl.model.reading import BookReading
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Leg, OrderStatus, OrderType, Product, Segment, Side, Source, Validity
from copyctl.wire.dhan import Dhan

ACCOUNT = "1100000001"
ASKED = 1_789_446_735_000_000_000
PLACED = 1_789_446_731_000_000_000  # 2026-09-15 10:02:11 IST
SECOND = 1_000_000_000
ENTRY_ID = "122609150002000"

STOP: dict[str, Any] = {
    "orderId": ENTRY_ID,
    "legName": "STOP_LOSS_LEG",
    "transactionType": "SELL",
    "totalQuatity": 0,
    "remainingQuantity": 0,
    "triggeredQuantity": 0,
    "price": 95.05,
    "orderStatus": "PENDING",
    "trailingJump": 0.5,
}
TARGET: dict[str, Any] = STOP | {"legName": "TARGET_LEG", "price": 120.0, "trailingJump": 0.0}
ROW: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "orderId": ENTRY_ID,
    "correlationId": "cp-7f3a-0001",
    "orderStatus": "PENDING",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "validity": "DAY",
    "tradingSymbol": "NIFTY-Sep2026-24500-CE",
    "securityId": "43210",
    "quantity": 65,
    "remainingQuantity": 65,
    "ltp": 100.9,
    "price": 101.25,
    "afterMarketOrder": False,
    "legName": "ENTRY_LEG",
    "exchangeOrderId": "1300000012345678",
    "createTime": "2026-09-15 10:02:11",
    "updateTime": "2026-09-15 10:02:14",
    "exchangeTime": "2026-09-15 10:02:11",
    "omsErrorDescription": "",
    "averageTradedPrice": 0,
    "filledQty": 0,
    "trailingJump": 0.5,
    "algoId": "0",
    "legDetails": [STOP, TARGET],
}
FILLED = {"orderStatus": "TRADED", "filledQty": 65, "remainingQuantity": 0, "averageTradedPrice": 101.2}
BRACKET = Bracket(target=Decimal(120), stop=Decimal("95.05"), trail=Decimal("0.5"))
ONLY_TARGET = Bracket(target=Decimal(120))
ENTRY = ExecutionReport(
    account=ACCOUNT,
    order_id=ENTRY_ID,
    source=Source.BOOK,
    as_of=ASKED,
    broker_time=PLACED + 3 * SECOND,
    created_time=PLACED,
    status=OrderStatus.PENDING,
    status_text="PENDING",
    side=Side.BUY,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.INTRADAY,
    terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal("101.25")),
    correlation_id="cp-7f3a-0001",
    super_order=True,
    bracket=BRACKET,
)
LEG = replace(
    ENTRY,
    side=Side.SELL,
    correlation_id="",
    parent_id=ENTRY_ID,
    bracket=None,
)
STOP_LEG = replace(
    LEG,
    leg=Leg.STOP_LOSS,
    terms=Terms(
        order_type=OrderType.STOP_LOSS_MARKET, validity=Validity.DAY, quantity=65, trigger_price=Decimal("95.05")
    ),
)
TARGET_LEG = replace(
    LEG,
    leg=Leg.TARGET,
    terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal(120)),
)


def read(body: Any, status: int = 200) -> BookReading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(passage=Passage.ANSWERED, at=ASKED + 1, left_at=ASKED, status=status, body=raw)
    return Dhan().read_super(answer, ACCOUNT, ASKED)


def orders(**changes: Any) -> tuple[ExecutionReport, ...]:
    reading = read([ROW | changes])
    assert (reading.why, reading.bad_rows) == ("", 0)
    return reading.orders


def entry(**changes: Any) -> ExecutionReport:
    return orders(**changes)[0]


def legs(stop: dict[str, Any] | None = None, target: dict[str, Any] | None = None) -> tuple[ExecutionReport, ...]:
    """The exits of an entry that has filled."""
    return orders(**FILLED, legDetails=[STOP | (stop or {}), TARGET | (target or {})])[1:]


# ---- entries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[ROW], ROW, {"status": "success", "data": [ROW]}])
def test_an_entry_is_read_with_what_hangs_on_it(body: Any) -> None:
    assert read(body) == BookReading(orders=(ENTRY,))


@pytest.mark.parametrize("casing", [str.upper, str.lower, lambda key: key[0].upper() + key[1:]])
def test_scenario_8_11_super_orders_read_the_same_in_every_spelling(casing: Any) -> None:
    details = [{casing(key): str(value) for key, value in one.items()} for one in (STOP, TARGET)]
    row = {casing(key): value for key, value in (ROW | {"legDetails": details}).items()}
    assert read([row]) == BookReading(orders=(ENTRY,))


@pytest.mark.parametrize(
    ("changes", "bracket"),
    [
        ({"legDetails": [TARGET]}, ONLY_TARGET),
        ({"legDetails": [STOP]}, Bracket(stop=Decimal("95.05"), trail=Decimal("0.5"))),
        ({"legDetails": [STOP | {"trailingJump": 0}]}, Bracket(stop=Decimal("95.05"))),
        ({"legDetails": [STOP | {"trailingJump": None}]}, Bracket(stop=Decimal("95.05"), trail=Decimal("0.5"))),
        ({"legDetails": [STOP | {"price": 0, "triggerPrice": 95}]}, Bracket(stop=Decimal(95), trail=Decimal("0.5"))),
        ({"legDetails": {**TARGET}}, ONLY_TARGET),
        ({"legDetails": [ROW | {"legDetails": None}, TARGET]}, ONLY_TARGET),
        ({"legDetails": [STOP | {"orderStatus": "CANCELLED"}, TARGET]}, ONLY_TARGET),
        ({"legDetails": [STOP | {"orderStatus": "Canceled"}, TARGET], "stopLossPrice": 95}, ONLY_TARGET),
        ({"legDetails": [STOP | {"orderStatus": "REJECTED"}, TARGET]}, ONLY_TARGET),
        ({"legDetails": [STOP | {"price": 0}, TARGET | {"price": None}]}, Bracket()),
        (
            {"legDetails": [TARGET], "stopLossPrice": 95},
            Bracket(target=Decimal(120), stop=Decimal(95), trail=Decimal("0.5")),
        ),
        ({"legDetails": None, "targetPrice": 120}, ONLY_TARGET),
        (
            {"legDetails": [], "targetPrice": "120.00", "stopLossPrice": 95.05, "trailingJump": 0},
            Bracket(target=Decimal(120), stop=Decimal("95.05")),
        ),
        ({"legDetails": [], "targetPrice": 0, "stopLossPrice": 0}, Bracket()),
        ({"legDetails": []}, None),
        ({"legDetails": None, "targetPrice": None}, None),
        ({"legDetails": "NA"}, None),
    ],
)
def test_what_hangs_on_an_entry_is_what_its_legs_say_or_else_its_own_row(
    changes: dict[str, Any], bracket: Bracket | None
) -> None:
    assert entry(**changes).bracket == bracket


@pytest.mark.parametrize(
    ("changes", "status", "filled"),
    [
        ({"orderStatus": "PART_TRADED", "filledQty": 30}, OrderStatus.PART_TRADED, 30),
        (FILLED, OrderStatus.TRADED, 65),
        ({**FILLED, "orderStatus": "CLOSED"}, OrderStatus.TRADED, 65),
        ({**FILLED, "orderStatus": "CLOSED", "filledQty": None}, OrderStatus.TRADED, 65),
        ({"orderStatus": "CLOSED", "filledQty": 30, "remainingQuantity": 35}, OrderStatus.TRADED, 30),
        ({"orderStatus": "CLOSED", "filledQty": 30, "remainingQuantity": 0}, OrderStatus.TRADED, 30),
        ({"orderStatus": "CLOSED", "filledQty": 0, "remainingQuantity": 0}, OrderStatus.CLOSED, 0),
        ({"orderStatus": "CLOSED", "filledQty": None}, OrderStatus.CLOSED, 0),
        ({**FILLED, "orderStatus": "TRIGGERED"}, OrderStatus.TRADED, 65),
        ({"orderStatus": "TRIGGERED", "filledQty": 30}, OrderStatus.PART_TRADED, 30),
        ({"orderStatus": "CANCELLED", "filledQty": 30, "remainingQuantity": 0}, OrderStatus.CANCELLED, 30),
        ({"orderStatus": "INACTIVE"}, None, 0),
    ],
)
def test_an_entry_has_traded_once_its_exits_are_done(
    changes: dict[str, Any], status: OrderStatus | None, filled: int
) -> None:
    seen = entry(**changes)
    assert (seen.status, seen.filled, seen.leg, seen.super_order) == (status, filled, Leg.ENTRY, True)
    assert seen.status_text == changes["orderStatus"]


def test_an_entry_that_was_refused_says_why() -> None:
    seen = entry(orderStatus="REJECTED", omsErrorDescription="RMS:1:You have insufficient funds.")
    assert (seen.status, seen.category) == (OrderStatus.REJECTED, Category.MARGIN)


def test_before_anything_has_filled_the_exits_are_no_orders() -> None:
    assert len(orders()) == 1
    assert len(orders(orderStatus="CANCELLED", legDetails=[STOP | {"orderStatus": "CANCELLED"}])) == 1


# ---- exits ----------------------------------------------------------------------------------------------------------


def test_what_has_filled_has_exits_that_are_orders_of_their_own() -> None:
    filled = replace(ENTRY, status=OrderStatus.TRADED, status_text="TRADED", filled=65, average_price=Decimal("101.2"))
    assert orders(**FILLED) == (filled, STOP_LEG, TARGET_LEG)


@pytest.mark.parametrize("order_id", [ENTRY_ID, int(ENTRY_ID), None, "", "0", 0, "NA"])
def test_an_exit_without_an_id_of_its_own_has_its_entrys(order_id: Any) -> None:
    assert legs(stop={"orderId": order_id})[0] == STOP_LEG


def test_an_exit_with_an_id_of_its_own_keeps_it_and_names_its_entry() -> None:
    assert legs(target={"orderId": "122609150002002"})[1] == replace(TARGET_LEG, order_id="122609150002002")


@pytest.mark.parametrize(("side", "opposite"), [("BUY", Side.SELL), ("SELL", Side.BUY), ("b", Side.SELL)])
@pytest.mark.parametrize("told", [None, "", "NA"])
def test_an_exit_that_does_not_say_its_side_is_on_the_other_one(side: str, opposite: Side, told: Any) -> None:
    exits = [one | {"transactionType": told} for one in (STOP, TARGET)]
    assert {one.side for one in orders(**FILLED, transactionType=side, legDetails=exits)[1:]} == {opposite}


@pytest.mark.parametrize("key", ["totalQuatity", "totalQuantity", "quantity"])
def test_how_much_an_exit_is_for_is_told_by_several_names(key: str) -> None:
    terms = legs(stop={"totalQuatity": None, key: 40})[0].terms
    assert terms is not None
    assert terms.quantity == 40


def test_an_exit_has_its_own_times_or_its_entrys() -> None:
    assert legs(stop={"updateTime": "2026-09-15 10:05:14"})[0].broker_time == PLACED + 183 * SECOND
    assert legs(stop={"updateTime": "0001-01-01 00:00:00"})[0] == STOP_LEG


def test_the_trigger_of_a_stop_stands_where_a_price_does_or_by_its_own_name() -> None:
    for told in ({"price": 95.05}, {"price": 0, "triggerPrice": 95.05}, {"price": 95.05, "triggerPrice": 0}):
        assert legs(stop=told)[0] == STOP_LEG


DONE = {"totalQuatity": 65, "remainingQuantity": 0, "triggeredQuantity": 65}
RESTING = {"totalQuatity": 65, "remainingQuantity": 65, "triggeredQuantity": 0}


@pytest.mark.parametrize(
    ("leg", "status", "filled"),
    [
        ({**RESTING}, OrderStatus.PENDING, 0),
        ({**RESTING, "orderStatus": "TRANSIT"}, OrderStatus.TRANSIT, 0),
        ({**RESTING, "orderStatus": "Modified"}, OrderStatus.PENDING, 0),
        ({**DONE, "orderStatus": "TRIGGERED"}, OrderStatus.TRIGGERED, 0),
        ({**RESTING, "triggeredQuantity": 65, "orderStatus": "TRIGGERED"}, OrderStatus.TRIGGERED, 0),
        ({**DONE, "orderStatus": "TRADED"}, OrderStatus.TRADED, 65),
        ({**DONE, "orderStatus": "Traded", "filledQty": 65}, OrderStatus.TRADED, 65),
        ({**DONE, "orderStatus": "TRADED", "triggeredQuantity": 0}, OrderStatus.TRADED, 65),
        ({**DONE, "orderStatus": "TRADED", "remainingQuantity": None}, OrderStatus.TRADED, 65),
        ({"orderStatus": "TRADED"}, OrderStatus.TRADED, 65),
        ({**RESTING, "triggeredQuantity": 65, "orderStatus": "TRADED"}, OrderStatus.TRADED, 65),
        (
            {**DONE, "remainingQuantity": 35, "triggeredQuantity": 30, "orderStatus": "TRADED"},
            OrderStatus.PART_TRADED,
            30,
        ),
        (
            {**DONE, "remainingQuantity": None, "triggeredQuantity": 30, "orderStatus": "TRADED"},
            OrderStatus.PART_TRADED,
            30,
        ),
        ({**DONE, "orderStatus": "CLOSED"}, OrderStatus.TRADED, 65),
        ({**DONE, "orderStatus": "CLOSED", "triggeredQuantity": 0}, OrderStatus.TRADED, 65),
        ({"orderStatus": "CLOSED"}, OrderStatus.TRADED, 65),
        ({**DONE, "orderStatus": "CLOSED", "remainingQuantity": 35}, OrderStatus.CLOSED, 30),
        ({**RESTING, "orderStatus": "CLOSED"}, OrderStatus.CLOSED, 0),
        ({**RESTING, "orderStatus": "PART_TRADED", "remainingQuantity": 35}, OrderStatus.PART_TRADED, 30),
        ({**DONE, "orderStatus": "PART_TRADED"}, OrderStatus.PART_TRADED, 0),
        ({**RESTING, "orderStatus": "PART_TRADED", "filledQty": 20}, OrderStatus.PART_TRADED, 20),
        ({**RESTING, "orderStatus": "CANCELLED"}, OrderStatus.CANCELLED, 0),
        ({**DONE, "orderStatus": "CANCELLED"}, OrderStatus.CANCELLED, 0),
        ({**RESTING, "orderStatus": "CANCELLED", "filledQty": 20}, OrderStatus.CANCELLED, 20),
        ({**RESTING, "orderStatus": "EXPIRED"}, OrderStatus.EXPIRED, 0),
        ({**RESTING, "orderStatus": "Frozen"}, None, 0),
    ],
)
@pytest.mark.parametrize("which", [Leg.STOP_LOSS, Leg.TARGET])
def test_an_exit_has_filled_where_it_says_that_it_traded_and_what_is_left_agrees(
    which: Leg, leg: dict[str, Any], status: OrderStatus | None, filled: int
) -> None:
    place = [Leg.STOP_LOSS, Leg.TARGET].index(which)
    seen = legs(*([{}, leg] if place else [leg, {}]))[place]
    assert (seen.leg, seen.status, seen.filled) == (which, status, filled)
    assert seen.status_text == leg.get("orderStatus", "PENDING")


@pytest.mark.parametrize("word", ["CANCELLED", "CLOSED"])
def test_of_two_exits_that_are_done_one_has_filled(word: str) -> None:
    ended = {"orderStatus": word, "totalQuatity": 65}
    for traded in ({**DONE, "orderStatus": "TRADED"}, {**DONE, "orderStatus": "CLOSED"}):
        stop, target = legs(ended, traded)
        assert (stop.status, stop.filled) == (OrderStatus(word), 0)
        assert (target.status, target.filled) == (OrderStatus.TRADED, 65)


def test_of_two_exits_that_are_closed_without_a_word_on_units_none_is_taken_for_the_one() -> None:
    assert [(one.status, one.filled) for one in legs({"orderStatus": "CLOSED"}, {"orderStatus": "CLOSED"})] == [
        (OrderStatus.CLOSED, 0)
    ] * 2
    told = legs({"orderStatus": "CLOSED"}, {"orderStatus": "CLOSED", "averageTradedPrice": 120.05})
    assert [(one.filled, one.average_price) for one in told] == [(0, 0), (65, Decimal("120.05"))]


def test_an_exit_that_the_entry_does_not_have_is_no_order() -> None:
    assert legs(stop={"price": 0}) == (TARGET_LEG,)
    assert legs(stop={"price": None}) == (TARGET_LEG,)


def test_exits_of_a_part_are_for_that_part() -> None:
    seen = orders(orderStatus="PART_TRADED", filledQty=30, remainingQuantity=35)
    assert [one.terms and one.terms.quantity for one in seen] == [65, 30, 30]


# ---- rows that cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [None, 1, [], {}, ROW | {"orderId": None}, ROW | {"quantity": -1}])
def test_one_bad_row_hides_no_good_one(bad: Any) -> None:
    other = ROW | {"orderId": "7"}
    assert read([ROW, bad, other]) == BookReading(orders=(ENTRY, replace(ENTRY, order_id="7")), bad_rows=1)


@pytest.mark.parametrize(
    "bad",
    [None, 1, {}, {"legName": "NA"}, STOP | {"legName": "FOURTH_LEG"}, STOP | {"price": -1}, STOP | {"price": "x"}],
)
def test_an_exit_that_cannot_be_read_does_not_look_like_none(bad: Any) -> None:
    assert read([ROW | {"legDetails": [bad, TARGET]}]) == BookReading(
        orders=(replace(ENTRY, bracket=None),), bad_rows=1
    )
    reading = read([ROW | FILLED | {"legDetails": [bad, TARGET]}])
    assert ([one.leg for one in reading.orders], reading.bad_rows) == ([Leg.ENTRY, Leg.TARGET], 1)


@pytest.mark.parametrize(
    "bad", [{"totalQuatity": -1}, {"filledQty": 66}, {"orderId": "../x"}, {"remainingQuantity": "x"}]
)
def test_an_exit_that_is_no_order_hides_no_other(bad: dict[str, Any]) -> None:
    reading = read([ROW | FILLED | {"legDetails": [STOP | {"orderStatus": "TRADED"} | bad, TARGET]}])
    assert ([one.leg for one in reading.orders], reading.bad_rows) == ([Leg.ENTRY, Leg.TARGET], 1)
    assert reading.orders[0].bracket is None


def test_a_price_of_a_row_that_is_none_leaves_the_bracket_untold() -> None:
    reading = read([ROW | {"legDetails": [], "targetPrice": -5, "stopLossPrice": 95}])
    assert reading == BookReading(orders=(replace(ENTRY, bracket=None),), bad_rows=1)


def test_rows_of_another_account_are_left_out() -> None:
    assert read([ROW | {"dhanClientId": "1100000002"}, ROW]) == BookReading(orders=(ENTRY,))


def test_a_book_of_bad_rows_alone_is_no_empty_book() -> None:
    reading = read([{"id": 1}, {"id": 2}])
    assert (reading.orders, reading.bad_rows) == ((), 2)
    assert reading.why != ""


@pytest.mark.parametrize(("body", "status"), [([], 200), ({"data": []}, 200)])
def test_scenario_7_9_nothing_there_is_readable(body: Any, status: int) -> None:
    assert read(body, status) == BookReading()


NOT_FOUND = {
    "errorType": "Order_Error",
    "errorCode": "DH-906",
    "errorMessage": "Incorrect request for order and cannot be processed",
}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"{}", 200),
        (b"<html>", 200),
        (b"", 202),
        (NOT_FOUND, 404),
        ({"timestamp": "1", "status": 404, "error": "Not Found", "path": "/v2/super/orders"}, 404),
        ([ROW], 500),
    ],
)
def test_scenario_7_9_what_is_no_book_is_never_an_empty_one(body: Any, status: int) -> None:
    reading = read(body, status)
    assert reading.why != ""
    assert reading.orders == ()


def test_scenario_7_9_without_an_answer_nothing_is_known() -> None:
    silent = Answer(passage=Passage.NO_ANSWER, at=ASKED, fault="timed out")
    assert Dhan().read_super(silent, ACCOUNT, ASKED) == BookReading(why="timed out")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
LEG_KEYS = sorted({*STOP, "quantity", "filledQty", "triggerPrice", "averageTradedPrice", "updateTime"})


@given(
    st.dictionaries(st.sampled_from(sorted({*ROW, "targetPrice", "stopLossPrice"})), JSON),
    st.lists(st.dictionaries(st.sampled_from(LEG_KEYS), JSON), max_size=3),
    st.booleans(),
)
def test_scenario_8_9_no_row_makes_it_raise(
    changes: dict[str, Any], details: list[dict[str, Any]], filled: bool
) -> None:
    row = ROW | (FILLED if filled else {}) | {"legDetails": [STOP | one for one in details]}
    for body in ([row | changes], [changes], changes, [row]):
        for seen in read(body).orders:
            assert seen.super_order
            assert seen.filled >= 0
            assert seen.terms is None or seen.filled <= seen.terms.quantity
            assert seen.bracket is None or min(seen.bracket.target, seen.bracket.stop, seen.bracket.trail) >= 0
