"""The contract: what the real client of Dhan sends, and what we send for the same call, byte for byte."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest
from dhanhq import DhanContext, dhanhq
from edge_sample import RawServer, answer, serving

from copyctl.edge.capture import ClientEncoder
from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.order import Bracket, SecondLeg, Terms
from copyctl.model.request import Approved, Call, Desired, Passage, Request, RequestKind
from copyctl.model.terms import AmoTime, Book, Leg, OrderType, Product, Segment, Side, Validity
from copyctl.wire.dhan.calls import encode

CLIENT_ID = "1100000002"
TOKEN = "eyJhbGciOiJIUzUxMiJ9.contract.token-of-nobody"

PLACE = {
    "security_id": "43210",
    "exchange_segment": "NSE_FNO",
    "transaction_type": "BUY",
    "quantity": 65,
    "order_type": "LIMIT",
    "product_type": "INTRADAY",
    "price": Decimal("101.25"),
}
SUPER = {
    "security_id": "43210",
    "exchange_segment": "NSE_FNO",
    "transaction_type": "BUY",
    "quantity": 65,
    "order_type": "LIMIT",
    "product_type": "INTRADAY",
    "price": Decimal("101.25"),
    "targetPrice": Decimal(120),
    "stopLossPrice": Decimal("95.05"),
    "trailingJump": Decimal(0),
}
MODIFY = {
    "order_id": "122609150001234",
    "order_type": "STOP_LOSS",
    "leg_name": None,
    "quantity": 130,
    "price": 94.95,
    "trigger_price": 95.0,
    "disclosed_quantity": 0,
    "validity": "DAY",
}
CALLS: dict[str, tuple[str, Mapping[str, object]]] = {
    "limit": ("place_order", PLACE | {"tag": "cp-7f3a-0001"}),
    "no tag": ("place_order", PLACE),
    "market": ("place_order", PLACE | {"order_type": "MARKET", "price": Decimal(0), "validity": "IOC"}),
    "stop": ("place_order", PLACE | {"order_type": "STOP_LOSS", "trigger_price": Decimal("95.05"), "tag": "a_b-c"}),
    "disclosed": ("place_order", PLACE | {"disclosed_quantity": 20, "exchange_segment": "NSE_EQ"}),
    "after market": ("place_order", PLACE | {"after_market_order": True, "amo_time": "OPEN_30"}),
    "sliced": ("place_slice_order", PLACE | {"quantity": 5400}),
    "tiny and huge": ("place_order", PLACE | {"price": Decimal("0.0025"), "trigger_price": Decimal("100000.05")}),
    "modify": ("modify_order", MODIFY),
    "cancel": ("cancel_order", {"order_id": "122609150001234"}),
    "orders": ("get_order_list", {}),
    "order": ("get_order_by_id", {"order_id": "122609150001234"}),
    "lookup": ("get_order_by_correlationID", {"correlation_id": "cp-7f3a-0001"}),
    "trades": ("get_trade_book", {}),
    "trades of one": ("get_trade_book", {"order_id": "122609150001234"}),
    "history": ("get_trade_history", {"from_date": "2026-09-01", "to_date": "2026-09-15", "page_number": 2}),
    "positions": ("get_positions", {}),
    "holdings": ("get_holdings", {}),
    "funds": ("get_fund_limits", {}),
    "kill switch": ("kill_switch", {"action": "ACTIVATE"}),
    "exit all": ("exit_all_positions", {}),
    "quote": ("quote_data", {"securities": {"NSE_FNO": [43210]}}),
    "super": ("place_super_order", SUPER),
    "supers": ("get_super_order_list", {}),
    "forevers": ("get_forever", {}),
    "super leg": ("cancel_super_order", {"order_id": "122609150002000", "order_leg": "STOP_LOSS_LEG"}),
}
FIELDS = {b"access-token", b"client-id", b"content-type", b"accept", b"content-length"}


async def answering(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        writer.write(answer(b'{"orderId":"1","orderStatus":"TRANSIT"}'))


def ask_the_client(url: str, method: str, arguments: Mapping[str, object]) -> None:
    """The call through Dhan's own client. It cannot write a Decimal, so it gets the number."""
    context = DhanContext(CLIENT_ID, TOKEN)
    http = context.get_dhan_http()
    http.base_url, http.session.trust_env = url, False
    plain = {name: float(one) if isinstance(one, Decimal) else one for name, one in arguments.items()}
    try:
        assert getattr(dhanhq(context), method)(**plain)["status"] == "success"
    finally:
        http.session.close()


def parts(request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Request line, the headers that say something to Dhan, body."""
    head, body = request.split(b"\r\n\r\n", 1)
    line, *lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, value in (one.split(b":", 1) for one in lines)}
    return line, {name: value for name, value in fields.items() if name in FIELDS}, body


async def sent_for(call: Call) -> tuple[tuple[bytes, dict[bytes, bytes], bytes], bytes]:
    async with serving(answering) as raw:
        gateway = DhanGateway(raw.url, CLIENT_ID, lambda: TOKEN, timeout_seconds=10, clock=SystemClock())
        assert (await gateway.send(call)).passage is Passage.ANSWERED
        await gateway.close()
        return parts(raw.seen[0]), raw.seen[0]


async def sent_by_the_client(method: str, arguments: Mapping[str, object]) -> tuple[bytes, dict[bytes, bytes], bytes]:
    async with serving(answering) as raw:
        await asyncio.to_thread(ask_the_client, raw.url, method, arguments)
        return parts(raw.seen[0])


@pytest.mark.parametrize("name", CALLS)
async def test_we_send_what_the_client_sends(name):
    method, arguments = CALLS[name]
    ours, _ = await sent_for(Call(method=method, arguments=dict(arguments)))
    assert ours == await sent_by_the_client(method, arguments)


TERMS = Terms(
    order_type=OrderType.STOP_LOSS,
    validity=Validity.DAY,
    quantity=65,
    price=Decimal("94.95"),
    trigger_price=Decimal("95.00"),
)
DESIRED = Desired(side=Side.SELL, segment=Segment.NSE_FNO, security_id="43210", product=Product.MARGIN, terms=TERMS)


def approved(
    kind: RequestKind,
    desired: Desired | None = DESIRED,
    *,
    book: Book = Book.DAY,
    leg: Leg = Leg.ENTRY,
    slices: int = 0,
) -> Approved:
    return Approved(
        request=Request(
            request_id="r",
            account=CLIENT_ID,
            leader_order_id="1",
            revision=1,
            kind=kind,
            correlation_id="cp-1",
            order_id="122609150001234",
            desired=desired,
            book=book,
            leg=leg,
            slices=slices,
            queued_at=1,
        )
    )


@pytest.mark.parametrize("kind", RequestKind)
async def test_an_approved_request_arrives_as_the_client_would_have_sent_it(kind):
    call = encode(approved(kind))
    assert call.arguments is not None
    ours, _ = await sent_for(call)
    assert ours == await sent_by_the_client(call.method, call.arguments)


def asking(product: Product, **changes: object) -> Desired:
    """A desired order of another kind than the sample's: a LIMIT order to buy."""
    terms = {"order_type": OrderType.LIMIT, "validity": Validity.DAY, "quantity": 65, "price": Decimal("101.25")}
    return Desired(
        side=Side.BUY,
        segment=Segment.NSE_FNO,
        security_id="43210",
        product=product,
        terms=Terms(**(terms | changes)),
    )


IN_SUPER = asking(Product.INTRADAY, bracket=Bracket(target=Decimal(120), stop=Decimal("95.05"), trail=Decimal("0.5")))
IN_FOREVER = asking(Product.CNC, validity=Validity.FOREVER, trigger_price=Decimal("101.2"))
IN_PAIR = asking(
    Product.CNC,
    validity=Validity.FOREVER,
    trigger_price=Decimal("101.2"),
    second=SecondLeg(quantity=60, price=Decimal(90), trigger_price=Decimal("90.5")),
)
PLACED, MODIFIED, CANCELLED = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
SUPERS, FOREVERS = "/super/orders", "/forever/orders"
ID = "122609150001234"
SPECIAL: dict[str, tuple[Approved, str, str]] = {
    "sliced": (approved(PLACED, asking(Product.MARGIN), slices=2), "POST /v2/orders/slicing", '"quantity": 65'),
    "bracket": (
        approved(PLACED, asking(Product.BO, bracket=Bracket(target=Decimal("20.5"), stop=Decimal(5), distances=True))),
        "POST /v2/orders",
        '"boProfitValue": 20.5, "boStopLossValue": 5.0, "triggerPrice": 0.0',
    ),
    "bracket without a target": (
        approved(PLACED, asking(Product.BO, bracket=Bracket(stop=Decimal(5), distances=True))),
        "POST /v2/orders",
        '"boProfitValue": null, "boStopLossValue": 5.0',
    ),
    "cover": (
        approved(PLACED, asking(Product.CO, bracket=Bracket(stop=Decimal("95.05")))),
        "POST /v2/orders",
        '"boProfitValue": null, "boStopLossValue": null, "triggerPrice": 95.05',
    ),
    "leg of a cover": (
        approved(MODIFIED, asking(Product.CO), leg=Leg.STOP_LOSS),
        f"PUT /v2/orders/{ID}",
        '"legName": "STOP_LOSS_LEG", "quantity": 65',
    ),
    "super": (
        approved(PLACED, IN_SUPER, book=Book.SUPER),
        f"POST /v2{SUPERS}",
        '"price": 101.25, "targetPrice": 120.0, "stopLossPrice": 95.05, "trailingJump": 0.5, "correlationId": "cp-1"',
    ),
    "super entry": (
        approved(MODIFIED, IN_SUPER, book=Book.SUPER),
        f"PUT /v2{SUPERS}/{ID}",
        '"legName": "ENTRY_LEG", "quantity": 65, "price": 101.25, "targetPrice": 120.0, "stopLossPrice": 95.05',
    ),
    "super target": (
        approved(MODIFIED, IN_SUPER, book=Book.SUPER, leg=Leg.TARGET),
        f"PUT /v2{SUPERS}/{ID}",
        '{"orderId": "122609150001234", "legName": "TARGET_LEG", "targetPrice": 120.0, "dhanClientId"',
    ),
    "super stop": (
        approved(MODIFIED, IN_SUPER, book=Book.SUPER, leg=Leg.STOP_LOSS),
        f"PUT /v2{SUPERS}/{ID}",
        '"legName": "STOP_LOSS_LEG", "stopLossPrice": 95.05, "trailingJump": 0.5, "dhanClientId"',
    ),
    "super cancel": (
        approved(CANCELLED, None, book=Book.SUPER, leg=Leg.TARGET),
        f"DELETE /v2{SUPERS}/{ID}/TARGET_LEG",
        "",
    ),
    "forever": (
        approved(PLACED, IN_FOREVER, book=Book.FOREVER),
        f"POST /v2{FOREVERS}",
        '"price": 101.25, "triggerPrice": 101.2, "price1": 0.0, "triggerPrice1": 0.0, "quantity1": 0',
    ),
    "forever pair": (
        approved(PLACED, IN_PAIR, book=Book.FOREVER),
        f"POST /v2{FOREVERS}",
        '"price1": 90.0, "triggerPrice1": 90.5, "quantity1": 60, "correlationId": "cp-1"',
    ),
    "forever leg": (
        approved(MODIFIED, IN_PAIR, book=Book.FOREVER, leg=Leg.STOP_LOSS),
        f"PUT /v2{FOREVERS}/{ID}",
        '"orderFlag": "OCO", "orderType": "LIMIT", "legName": "STOP_LOSS_LEG", "quantity": 60, '
        '"disclosedQuantity": 0, "price": 90.0, "triggerPrice": 90.5, "validity": "DAY"',
    ),
    "forever cancel": (approved(CANCELLED, None, book=Book.FOREVER), f"DELETE /v2{FOREVERS}/{ID}", ""),
}


@pytest.mark.parametrize("name", SPECIAL)
async def test_every_kind_of_order_arrives_where_the_client_would_have_sent_it(name):
    what, where, said = SPECIAL[name]
    call = encode(what)
    assert call.arguments is not None
    ours, _ = await sent_for(call)
    assert ours[0] == f"{where} HTTP/1.1".encode()
    assert said.encode() in ours[2]
    assert bool(said) == bool(ours[2])
    assert ours == await sent_by_the_client(call.method, call.arguments)


async def test_a_super_order_at_the_market_is_said_in_the_words_of_one_with_a_price():
    terms = {"order_type": OrderType.MARKET, "price": Decimal(0), "bracket": IN_SUPER.terms.bracket}
    call = encode(approved(PLACED, asking(Product.INTRADAY, **terms), book=Book.SUPER))
    (line, _, ours), _ = await sent_for(call)
    (_, _, body), _ = await sent_for(encode(approved(PLACED, IN_SUPER, book=Book.SUPER)))
    assert (call.method, line) == ("", b"POST /v2/super/orders HTTP/1.1")
    as_limit = ours.replace(b'"orderType": "MARKET"', b'"orderType": "LIMIT"').replace(
        b'"price": 0.0', b'"price": 101.25'
    )
    assert as_limit == body


async def test_what_the_client_refuses_is_said_directly_by_the_same_rules():
    desired = Desired(
        side=Side.BUY,
        segment=Segment.NSE_EQ,
        security_id="2885",
        product=Product.CNC,
        terms=TERMS,
        after_market=True,
        amo_time=AmoTime.PRE_OPEN,
    )
    (line, fields, body), _ = await sent_for(encode(approved(RequestKind.PLACE, desired)))
    assert line == b"POST /v2/orders HTTP/1.1"
    assert fields[b"access-token"] == TOKEN.encode()
    assert b'"amoTime": "PRE_OPEN"' in body
    assert b'"price": 94.95, "triggerPrice": 95.0' in body
    assert body.count(b'"dhanClientId": "1100000002"') == 1


async def test_the_profile_names_its_account_in_a_header():
    (line, _, body), whole = await sent_for(Call(verb="GET", path="/profile"))
    assert line == b"GET /v2/profile HTTP/1.1"
    assert b"\r\ndhanClientId: 1100000002\r\n" in whole
    assert b"\r\nUser-Agent: copyctl/" in whole
    assert body == b""


def test_the_callers_arguments_are_left_as_they_are():
    body = {"orderId": "1", "price": Decimal("1.5")}
    assert ClientEncoder(CLIENT_ID).encode(Call(verb="PUT", path="/orders/1", body=body)) == (
        "PUT",
        "/orders/1",
        b'{"orderId": "1", "price": 1.5, "dhanClientId": "1100000002"}',
    )
    assert body == {"orderId": "1", "price": Decimal("1.5")}


@pytest.mark.parametrize(
    "call",
    [
        Call(),
        Call(method="__init__", arguments={"dhan_context": None}),
        Call(method="no_such_method"),
        Call(method="convert_to_date_time", arguments={"epoch": 0}),
        Call(method="cancel_order", arguments={"nonsense": 1}),
        Call(verb="POST", path="/orders", body={"price": object()}),
        Call(verb="GET", path="orders"),
    ],
)
def test_what_is_no_request_is_a_bug_of_ours(call):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        ClientEncoder(CLIENT_ID).encode(call)
