"""The past over REST (Dhan API v2: trade book, trade history): which trades there were, and what they cost.

A row of the history is one of the trade book with charges, as numbers or as text, with fillers and without a trading
symbol. Pages are counted from 0 and have no documented size; the one after the last is empty.
"""

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from copyctl.model.history import Charges, PastTrade
from copyctl.model.order import ZERO
from copyctl.model.reading import BookReading, PastReading
from copyctl.model.request import Answer, Call
from copyctl.wire.dhan import codes, texts
from copyctl.wire.dhan.reports import LONGEST_WORD
from copyctl.wire.dhan.rows import read_fill, row_fields, rows_of
from copyctl.wire.dhan.values import Fields, NonsenseError, identifier, number, text, word

_EMPTY: Final = frozenset({texts.NOTHING_THERE, texts.NO_DATA})
_CHARGES: Final = {
    "brokerage": "brokerage",
    "exchange": "exchange_charges",
    "stt": "stt",
    "sebi": "sebi",
    "gst": "gst",
    "stamp": "stamp",
}
"""The fields of a row that our charges are read from."""


def history_call(first: date, last: date, page: int) -> Call:
    """Read a page of the trade history of these days, both included."""
    return Call(
        method="get_trade_history",
        arguments={"from_date": first.isoformat(), "to_date": last.isoformat(), "page_number": page},
    )


def read_past(answer: Answer, account: str) -> PastReading:
    """The answer to ``history_call`` or ``calls.TRADES``: each trade once; of two that differ under one id the second
    is a bad row. Never raises."""
    rows = rows_of(answer, nothing=_EMPTY)
    if isinstance(rows, BookReading):
        return PastReading(why=rows.why, refused=rows.refused, throttled=rows.throttled)
    trades: dict[tuple[str, str], PastTrade] = {}
    bad = 0
    for row in rows:
        try:
            found = row_fields(row)
            if identifier(found.get("account")) not in ("", account):
                continue
            trade = _trade(found, account)
        except NonsenseError:
            bad += 1
            continue
        try:
            trade = msgspec.structs.replace(trade, charges=_charges(found))
        except NonsenseError:
            bad += 1
        bad += trades.setdefault((trade.key, trade.order_id), trade) != trade
    return PastReading(trades=tuple(trades.values()), rows=len(rows), bad_rows=bad)


def _trade(found: Fields, account: str) -> PastTrade:
    fill = read_fill(found, account)
    return PastTrade(
        account=account,
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        segment=fill.segment,
        security_id=fill.security_id,
        side=fill.side,
        product=fill.product,
        order_type=codes.ORDER_TYPES.get(word(found.get("order_type"))),
        quantity=fill.quantity,
        price=fill.price,
        traded_at=fill.traded_at,
        symbol=(text(found.get("trading_symbol")) or text(found.get("custom_symbol")))[:LONGEST_WORD],
    )


def _charges(found: Fields) -> Charges | None:
    """What the trade cost; None where the row tells nothing of it. Rebates are below 0.

    Raises:
        NonsenseError: one of them is no amount of money.
    """
    told: dict[str, Decimal] = {}
    for name, field in _CHARGES.items():
        amount = number(found.get(field))
        if amount is not None:
            told[name] = amount
    return Charges(**dict.fromkeys(_CHARGES, ZERO) | told) if told else None
