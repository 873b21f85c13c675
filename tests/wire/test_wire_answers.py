"""A request ends acknowledged, rejected or unknown; only what the broker itself refused is rejected."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Fate, Outcome, Passage, Request, RequestKind
from copyctl.model.terms import Book, Leg
from copyctl.wire.dhan import Dhan

ORDER_ID = "122609150001234"
LEFT_AT = 1_789_446_731_000_000_000
KINDS = list(RequestKind)
CHANGES = [RequestKind.PLACE, RequestKind.MODIFY]


def request(kind: RequestKind) -> Request:
    return Request(
        request_id=f"cp-1/{kind}",
        account="1100000001",
        leader_order_id="1",
        revision=0,
        kind=kind,
        correlation_id="cp-1",
        order_id="" if kind is RequestKind.PLACE else ORDER_ID,
        queued_at=LEFT_AT,
    )


def classify(kind: RequestKind, body: Any, status: int, **changes: Any) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(passage=Passage.ANSWERED, at=LEFT_AT + 9, left_at=LEFT_AT, status=status, body=raw)
    outcome = Dhan().classify(replace(request(kind), **changes), answer)
    assert outcome.left_at == LEFT_AT
    assert (outcome.category is not None) == (outcome.fate is Fate.REJECTED)
    assert outcome.text != "" or outcome.fate is Fate.ACKNOWLEDGED
    return outcome


def error(code: Any, message: Any, kind: Any = "Order_Error") -> dict[str, Any]:
    return {"errorType": kind, "errorCode": code, "errorMessage": message}


# ---- passage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_never_left_is_harmless(kind: RequestKind) -> None:
    answer = Answer(passage=Passage.NOT_LEFT, at=LEFT_AT, fault="refused: connect")
    assert Dhan().classify(request(kind), answer) == Outcome(fate=Fate.NOT_LEFT, text="refused: connect")


@pytest.mark.parametrize("kind", KINDS)
def test_scenario_7_9_no_answer_leaves_the_fate_unknown(kind: RequestKind) -> None:
    answer = Answer(passage=Passage.NO_ANSWER, at=LEFT_AT + 9, left_at=LEFT_AT, fault="timed out")
    assert Dhan().classify(request(kind), answer) == Outcome(fate=Fate.UNKNOWN, text="timed out", left_at=LEFT_AT)


# ---- acknowledged ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("word", ["TRANSIT", "PENDING", "Pending", "CANCELLED", "MODIFIED", "NEW", None])
def test_an_answer_with_an_order_id_acknowledges(kind: RequestKind, status: int, word: str | None) -> None:
    outcome = classify(kind, {"orderId": ORDER_ID, "orderStatus": word}, status)
    assert (outcome.fate, outcome.order_ids, outcome.category) == (Fate.ACKNOWLEDGED, (ORDER_ID,), None)


@pytest.mark.parametrize("body", [{"OrderID": 122609150001234}, {"orderid": ORDER_ID}, [{"orderId": ORDER_ID}]])
def test_scenario_8_11_the_order_id_is_known_in_every_spelling(body: Any) -> None:
    assert classify(RequestKind.PLACE, body, 200).order_ids == (ORDER_ID,)


def test_slices_are_acknowledged_together() -> None:
    body = [{"orderId": "1", "orderStatus": "TRANSIT"}, {"orderId": "2", "orderStatus": "REJECTED"}]
    outcome = classify(RequestKind.PLACE, body, 200)
    assert (outcome.fate, outcome.order_ids) == (Fate.ACKNOWLEDGED, ("1", "2"))


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("body", [b"", b" \n", {"orderStatus": "CANCELLED"}, {"status": "SUCCESS"}], ids=repr)
def test_scenario_3_1_a_cancel_may_be_acknowledged_by_nothing_at_all(status: int, body: Any) -> None:
    outcome = classify(RequestKind.CANCEL, body, status)
    assert (outcome.fate, outcome.order_ids) == (Fate.ACKNOWLEDGED, (ORDER_ID,))


@pytest.mark.parametrize("book", Book)
@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("status", [200, 202])
def test_every_book_answers_alike(book: Book, leg: Leg, status: int) -> None:
    said = {"orderId": ORDER_ID, "orderStatus": "PENDING"}
    for kind, body, fate in (
        (RequestKind.PLACE, said, Fate.ACKNOWLEDGED),
        (RequestKind.MODIFY, said, Fate.ACKNOWLEDGED),
        (RequestKind.CANCEL, said | {"orderStatus": "CANCELLED"}, Fate.ACKNOWLEDGED),
        (RequestKind.CANCEL, b"", Fate.ACKNOWLEDGED),
        (RequestKind.MODIFY, b"", Fate.UNKNOWN),
        (RequestKind.PLACE, b"", Fate.UNKNOWN),
    ):
        outcome = classify(kind, body, status, book=book, leg=leg)
        assert (outcome.fate, outcome.order_ids) == (fate, (ORDER_ID,) if fate is Fate.ACKNOWLEDGED else ())


@pytest.mark.parametrize("body", [{"orderId": "1", "orderStatus": "TRANSIT"}, [{"orderId": "1"}]])
def test_slices_may_be_answered_by_one_order(body: Any) -> None:
    outcome = classify(RequestKind.PLACE, body, 200, slices=3)
    assert (outcome.fate, outcome.order_ids) == (Fate.ACKNOWLEDGED, ("1",))


def test_a_slice_that_was_refused_leaves_those_that_were_taken() -> None:
    body = [{"orderId": "1", "orderStatus": "TRANSIT"}, error("DH-906", "insufficient funds"), {"orderId": "3"}]
    outcome = classify(RequestKind.PLACE, body, 200, slices=3)
    assert (outcome.fate, outcome.order_ids) == (Fate.ACKNOWLEDGED, ("1", "3"))


# ---- rejected -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "status", "category"),
    [
        (error("DH-906", "RMS:1:You have insufficient funds. Please add Rs.4210.50 to trade."), 400, Category.MARGIN),
        (error("DH-906", "Order is in Transit state"), 400, Category.IN_TRANSIT),
        (error("DH-906", "Incorrect request for order and cannot be processed"), 400, Category.NO_SUCH_ORDER),
        (error("DH-906", "Incorrect request for order and cannot be processed"), 404, Category.NO_SUCH_ORDER),
        (error("DH-906", "Invalid Token"), 400, Category.AUTHENTICATION),
        (error("DH-901", "Invalid_Authentication"), 401, Category.AUTHENTICATION),
        (error("DH-901", None), 401, Category.AUTHENTICATION),
        (error("DH-905", "Invalid IP", "Input_Exception"), 400, Category.ADDRESS),
        (error("DH-905", "quantity is required", "Input_Exception"), 400, Category.INPUT),
        (error("DH-905", "", "Input_Exception"), 400, Category.INPUT),
        (error(905, "?"), 400, Category.INPUT),
        (error(None, "", "Rate_Limit"), 400, Category.THROTTLED),
        (error("DH-904", "Slow down", "Rate_Limit"), 429, Category.THROTTLED),
        (error("DH-904", "Slow down", "Rate_Limit"), 400, Category.THROTTLED),
        ({"status": "failed", "data": {"805": "Too many requests"}}, 429, Category.THROTTLED),
        ({"status": "failed", "data": {"805": "?"}}, 400, Category.THROTTLED),
        ({"message": "?"}, 429, Category.THROTTLED),
        (b"", 429, Category.THROTTLED),
        (b"<html>429</html>", 429, Category.THROTTLED),
        (error("RL001", "?", "RATE_LIMIT_ERROR"), 429, Category.THROTTLED),
        (error("RL001", "?", "RATE_LIMIT_ERROR"), 400, Category.THROTTLED),
        (error("DH-904", "?", "Rate_Limit"), 200, Category.THROTTLED),
        ({"status": "failed", "data": {"805": "Too many requests"}}, 200, Category.THROTTLED),
        ({"status": "failed", "data": {"805": "?"}}, 403, Category.THROTTLED),
        ({"status": "failed", "data": "Too many requests on server from single user"}, 400, Category.THROTTLED),
        (
            error("DH-906", "Too many requests on server from single user breaching rate limits"),
            400,
            Category.THROTTLED,
        ),
        (error("DH-906", "Nobody knows"), 400, Category.UNKNOWN),
        (error("XX-1", "Nobody knows"), 400, Category.UNKNOWN),
        ({"message": "Missing required fields"}, 400, Category.INPUT),
        ({"timestamp": "1", "status": 404, "error": "Not Found", "path": "/v2/x"}, 404, Category.UNKNOWN),
        (
            {
                "errorCode": None,
                "httpStatus": "400",
                "internalErrorCode": "RS-9005",
                "internalErrorMessage": "Invalid SecurityId",
            },
            400,
            Category.INSTRUMENT,
        ),
        ([{"message": "Invalid IP", "status": "ERROR"}], 400, Category.ADDRESS),
        ([{"message": "Invalid IP", "status": "ERROR"}], 200, Category.ADDRESS),
        (error("DH-906", "Nobody knows"), 200, Category.UNKNOWN),
        (error("DH-905", "Nobody knows"), 200, Category.INPUT),
        ({"status": "failure", "errorMessage": "Market is closed"}, 200, Category.SESSION),
    ],
    ids=repr,
)
def test_scenario_5_2_a_refusal_in_json_is_a_rejection_with_a_category(
    kind: RequestKind, body: Any, status: int, category: Category
) -> None:
    outcome = classify(kind, body, status)
    assert (outcome.fate, outcome.category) == (Fate.REJECTED, category)


def test_scenario_5_2_an_order_that_is_rejected_in_an_answer_of_success_is_rejected() -> None:
    said = "RMS:1:Rate Not Within Ckt Limit 395.25 To 592.85"
    body = {"orderId": ORDER_ID, "orderStatus": "REJECTED", "omsErrorDescription": said}
    for status in (200, 400):
        outcome = classify(RequestKind.PLACE, body, status)
        assert (outcome.fate, outcome.order_ids) == (Fate.REJECTED, (ORDER_ID,))
        assert (outcome.category, outcome.text) == (Category.PRICE_BAND, said)


def test_the_text_of_a_rejection_is_the_brokers() -> None:
    assert classify(RequestKind.PLACE, error("DH-906", "No  more today"), 400).text == "No  more today"


def test_slices_that_were_refused_one_by_one_are_rejected() -> None:
    refusals = [error("DH-906", "You have insufficient funds."), error("DH-905", "quantity is required")]
    for status in (200, 400):
        outcome = classify(RequestKind.PLACE, refusals, status, slices=2)
        assert (outcome.fate, outcome.category) == (Fate.REJECTED, Category.MARGIN)


def test_slices_of_which_one_is_of_unknown_fate_are_not_rejected() -> None:
    refusals = [error("DH-906", "You have insufficient funds."), error("DH-908", "Internal Server Error")]
    for body in (refusals, refusals[::-1], [refusals[0], {}], [refusals[0], "?"]):
        assert classify(RequestKind.PLACE, body, 200, slices=2).fate is Fate.UNKNOWN


# ---- unknown --------------------------------------------------------------------------------------------------------

DOUBTFUL = [
    (b"<html>502</html>", 502),
    (b"", 500),
    (b"", 503),
    (error("DH-906", "insufficient funds"), 500),
    (error("DH-904", "Too many requests", "Rate_Limit"), 503),
    (error("DH-908", "Internal Server Error", "Internal_Server_Error"), 500),
    (error("DH-908", "Internal Server Error", "Internal_Server_Error"), 400),
    (error("DH-908", "Internal Server Error", "Internal_Server_Error"), 429),
    (error("DH-909", "Network", "Network_Error"), 400),
    (error(910, "Others", "Others"), 400),
    (error("DH-908", "?"), 200),
    (error(None, "?", "Internal_Server_Error"), 400),
    ({"status": "failed", "data": {"800": "Internal"}}, 400),
    (error("XX-1", "Nobody knows"), 200),
    ({"status": "failed"}, 200),
    (b"<html>403 Forbidden</html>", 403),
    (b"<html>Unauthorized</html>", 401),
    (b"", 400),
    (b"", 401),
    (b"7", 400),
    (b"[]", 404),
    (b"", 408),
    (error("DH-906", "Request timed out"), 408),
    (b"", 301),
    ({"orderId": ORDER_ID}, 302),
    ({"orderId": ORDER_ID}, 500),
    ({"orderId": ORDER_ID, "orderStatus": "TRANSIT"}, 400),
    ({"orderId": ORDER_ID}, 0),
    (b"<html>ok</html>", 200),
    (b'{"orderId":"1226091', 200),
    (b"{}", 200),
    (b"[]", 200),
    (b"null", 200),
    (b'"ok"', 200),
    ({"orderId": None, "orderStatus": "TRANSIT"}, 200),
    ({"orderId": "NA"}, 200),
    ({"orderId": "../x"}, 200),
    (b"[" * 100_000, 200),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("body", "status"), DOUBTFUL, ids=repr)
def test_scenario_7_9_whatever_leaves_a_doubt_is_unknown(kind: RequestKind, body: Any, status: int) -> None:
    assert classify(kind, body, status).fate is Fate.UNKNOWN


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize("body", [b"", b" ", {"orderStatus": "PENDING"}, {"status": "SUCCESS"}], ids=repr)
def test_scenario_7_9_success_without_an_order_id_is_unknown(kind: RequestKind, status: int, body: Any) -> None:
    assert classify(kind, body, status).fate is Fate.UNKNOWN


def test_scenario_7_9_a_placement_with_an_order_id_and_an_error_at_once_is_unknown() -> None:
    body = error("DH-906", "Invalid Token") | {"orderId": ORDER_ID}
    assert classify(RequestKind.PLACE, body, 200).fate is Fate.UNKNOWN
    assert classify(RequestKind.CANCEL, body, 200).fate is Fate.REJECTED


# ---- anything -------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
KEYS = st.sampled_from(
    ["orderId", "orderStatus", "errorCode", "errorType", "errorMessage", "status", "data", "message"]
)
STATUS = st.integers(min_value=0, max_value=600)


@given(st.sampled_from(KINDS), st.binary(max_size=200), STATUS)
def test_scenario_8_9_no_body_makes_it_raise(kind: RequestKind, raw: bytes, status: int) -> None:
    outcome = classify(kind, raw, status)
    if status >= 500 or 300 <= status < 400 or status < 200:
        assert outcome.fate is Fate.UNKNOWN


@given(st.sampled_from(KINDS), st.dictionaries(KEYS, JSON), STATUS, st.booleans())
def test_scenario_8_9_no_error_shape_makes_it_raise(
    kind: RequestKind, body: dict[str, Any], status: int, listed: bool
) -> None:
    outcome = classify(kind, [body] if listed else body, status)
    if outcome.fate is Fate.ACKNOWLEDGED:
        assert 200 <= status < 300
        assert all(outcome.order_ids)
