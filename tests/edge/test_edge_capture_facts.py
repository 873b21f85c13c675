"""The contract for figures: what the real client of Dhan sends for them, and what we send, byte for byte."""

from decimal import Decimal
from typing import Any

import pytest
from test_edge_capture import CLIENT_ID, TOKEN, sent_by_the_client, sent_for

from copyctl.model.facts import FundsWanted, MarginOrder, MarginWanted, PositionsWanted, QuoteWanted
from copyctl.model.request import Call
from copyctl.model.terms import Product, Segment, Side
from copyctl.wire.dhan import Dhan

DHAN = Dhan()
SOLD = MarginOrder(
    side=Side.SELL,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    quantity=65,
    price=Decimal("101.05"),
    trigger_price=Decimal("101.2"),
)
BOUGHT = MarginOrder(
    side=Side.BUY, segment=Segment.MCX_COMM, security_id="569999", product=Product.INTRADAY, quantity=2
)
QUOTES = [
    QuoteWanted(account=CLIENT_ID, segment=segment, security_id=security_id)
    for segment, security_id in ((Segment.NSE_FNO, "43210"), (Segment.NSE_EQ, "2885"), (Segment.NSE_FNO, "43212"))
]
CALLS: dict[str, Call] = {
    "funds": DHAN.calls_for(FundsWanted(account=CLIENT_ID))[0],
    "positions": DHAN.calls_for(PositionsWanted(account=CLIENT_ID))[0],
    "holdings": DHAN.calls_for(PositionsWanted(account=CLIENT_ID))[1],
    "margin of one": DHAN.calls_for(MarginWanted(account=CLIENT_ID, key="r", orders=(SOLD,)))[0],
    "margin of one at the market": DHAN.calls_for(MarginWanted(account=CLIENT_ID, key="r", orders=(BOUGHT,)))[0],
    "margin of several": DHAN.calls_for(MarginWanted(account=CLIENT_ID, key="r", orders=(SOLD, BOUGHT)))[0],
    "margin beside positions": DHAN.calls_for(
        MarginWanted(account=CLIENT_ID, key="r", orders=(SOLD,), include_positions=True)
    )[0],
    "quotes": DHAN.quotes_call(QUOTES),
}


def plain(value: Any) -> Any:
    """The value with numbers that the client can write."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", CALLS)
async def test_we_ask_as_the_client_asks(name: str) -> None:
    call = CALLS[name]
    assert call.arguments is not None
    ours, _ = await sent_for(call)
    assert ours == await sent_by_the_client(call.method, plain(dict(call.arguments)))


async def test_a_market_quote_names_its_account_and_asks_for_numbers() -> None:
    (line, fields, body), _ = await sent_for(CALLS["quotes"])
    assert line == b"POST /v2/marketfeed/quote HTTP/1.1"
    assert (fields[b"client-id"], fields[b"access-token"]) == (CLIENT_ID.encode(), TOKEN.encode())
    assert body == b'{"NSE_FNO": [43210, 43212], "NSE_EQ": [2885], "dhanClientId": "1100000002"}'
