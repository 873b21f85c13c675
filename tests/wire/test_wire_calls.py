"""Only what was approved is said to Dhan, in its client's words, and all of it."""

import inspect
import json
from decimal import Decimal

import pytest
from dhanhq import dhanhq
from msgspec.structs import replace

from copyctl.model.order import Terms
from copyctl.model.request import Approved, Call, Desired, Request, RequestKind
from copyctl.model.terms import AmoTime, OrderType, Product, Segment, Side, Validity
from copyctl.wire.dhan import Dhan

DESIRED = Desired(
    side=Side.BUY,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    terms=Terms(
        order_type=OrderType.STOP_LOSS,
        validity=Validity.DAY,
        quantity=130,
        price=Decimal("101.25"),
        trigger_price=Decimal("101.2"),
        disclosed_quantity=65,
    ),
)
PLACE = Request(
    request_id="cp-7f3a/place",
    account="1100000002",
    leader_order_id="122609150001234",
    revision=0,
    kind=RequestKind.PLACE,
    correlation_id="cp-7f3a",
    desired=DESIRED,
    queued_at=1,
)
MODIFY = replace(PLACE, kind=RequestKind.MODIFY, order_id="122609150009999")
CANCEL = replace(MODIFY, kind=RequestKind.CANCEL, desired=None)


def encode(request: Request) -> Call:
    return Dhan().encode(Approved(request=request))


def after_market(amo_time: AmoTime | None) -> Request:
    return replace(PLACE, desired=replace(DESIRED, after_market=True, amo_time=amo_time))


def test_a_placement_says_every_term() -> None:
    assert encode(PLACE) == Call(
        method="place_order",
        arguments={
            "security_id": "43210",
            "exchange_segment": "NSE_FNO",
            "transaction_type": "BUY",
            "quantity": 130,
            "order_type": "STOP_LOSS",
            "product_type": "MARGIN",
            "price": Decimal("101.25"),
            "trigger_price": Decimal("101.2"),
            "disclosed_quantity": 65,
            "after_market_order": False,
            "validity": "DAY",
            "tag": "cp-7f3a",
        },
    )


@pytest.mark.parametrize("amo_time", [AmoTime.OPEN, AmoTime.OPEN_30, AmoTime.OPEN_60])
def test_an_after_market_placement_says_when(amo_time: AmoTime) -> None:
    arguments = encode(after_market(amo_time)).arguments
    assert arguments is not None
    assert (arguments["after_market_order"], arguments["amo_time"]) == (True, amo_time.value)


def test_an_after_market_placement_without_a_time_goes_out_at_the_open() -> None:
    assert encode(after_market(None)) == encode(after_market(AmoTime.OPEN))


def test_what_the_client_refuses_is_said_directly() -> None:
    call = encode(after_market(AmoTime.PRE_OPEN))
    assert (call.method, call.arguments, call.verb, call.path) == ("", None, "POST", "/orders")
    assert call.body == {
        "dhanClientId": "1100000002",
        "correlationId": "cp-7f3a",
        "transactionType": "BUY",
        "exchangeSegment": "NSE_FNO",
        "productType": "MARGIN",
        "orderType": "STOP_LOSS",
        "validity": "DAY",
        "securityId": "43210",
        "quantity": 130,
        "disclosedQuantity": 65,
        "price": Decimal("101.25"),
        "triggerPrice": Decimal("101.2"),
        "afterMarketOrder": True,
        "amoTime": "PRE_OPEN",
    }


def test_a_modification_restates_the_whole_order() -> None:
    assert encode(MODIFY) == Call(
        method="modify_order",
        arguments={
            "order_id": "122609150009999",
            "order_type": "STOP_LOSS",
            "leg_name": None,
            "quantity": 130,
            "price": Decimal("101.25"),
            "trigger_price": Decimal("101.2"),
            "disclosed_quantity": 65,
            "validity": "DAY",
        },
    )


def test_a_cancel_names_the_order() -> None:
    assert encode(CANCEL) == Call(method="cancel_order", arguments={"order_id": "122609150009999"})


def test_reads_name_the_clients_methods() -> None:
    dhan = Dhan()
    assert dhan.orders_call() == Call(method="get_order_list", arguments={})
    assert dhan.trades_call() == Call(method="get_trade_book", arguments={})
    assert dhan.lookup_call("cp-1") == Call(method="get_order_by_correlationID", arguments={"correlation_id": "cp-1"})
    assert dhan.profile_call() == Call(verb="GET", path="/profile")


@pytest.mark.parametrize(
    "call",
    [
        *(encode(request) for request in (PLACE, after_market(AmoTime.OPEN), MODIFY, CANCEL)),
        Dhan().orders_call(),
        Dhan().trades_call(),
        Dhan().lookup_call("cp-1"),
    ],
    ids=lambda call: call.method,
)
def test_every_call_fits_the_signature_of_the_installed_client(call: Call) -> None:
    inspect.signature(getattr(dhanhq, call.method)).bind(None, **(call.arguments or {}))


@pytest.mark.parametrize("request_", [PLACE, MODIFY, CANCEL, after_market(AmoTime.PRE_OPEN)])
def test_no_field_is_an_empty_text_or_a_binary_fraction(request_: Request) -> None:
    call = encode(request_)
    for value in {**(call.arguments or {}), **(call.body or {})}.values():
        assert value != ""
        assert not isinstance(value, float)
        assert type(value) in (str, int, bool, Decimal, type(None))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PLACE, desired=None),
        replace(MODIFY, desired=None),
        replace(MODIFY, order_id=""),
        replace(CANCEL, order_id=""),
        replace(CANCEL, order_id="../positions"),
        replace(PLACE, desired=replace(DESIRED, terms=replace(DESIRED.terms, validity=Validity.FOREVER))),
    ],
)
def test_what_dhan_has_no_words_for_is_not_said(wrong: Request) -> None:
    with pytest.raises(ValueError, match=r"cp-7f3a|no id"):
        encode(wrong)


def test_a_lookup_takes_only_an_id() -> None:
    with pytest.raises(ValueError, match="no id"):
        Dhan().lookup_call("a/b")


def test_the_login_of_the_stream() -> None:
    frame = json.loads(Dhan().login_frame("1100000001", 'a"token'))
    assert frame == {"LoginReq": {"MsgCode": 42, "ClientId": "1100000001", "Token": 'a"token'}, "UserType": "SELF"}
