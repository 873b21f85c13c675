"""Books over REST (Dhan API v2: order book, order by correlation id, trade book): what the answers to reads say.

A row that cannot be read is left out and counted, and never hides the others. An answer that is no book is never
taken for an empty one: what is missing from an empty book was not placed.
"""

from collections.abc import Container
from typing import Final

from copyctl.model.order import ExecutionReport, Fill
from copyctl.model.reading import BookReading
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Source
from copyctl.wire.dhan import codes, texts
from copyctl.wire.dhan.bodies import Body, read_body, told
from copyctl.wire.dhan.reports import read_report, segment_of
from copyctl.wire.dhan.values import Fields, NonsenseError, fields, identifier, moment, price, quantity, word

_REFUSED: Final = frozenset({Category.AUTHENTICATION, Category.ADDRESS})


def read_orders(answer: Answer, account: str, as_of: int) -> BookReading:
    """The order book, or the one order looked up by its correlation id. Never raises.

    ``as_of`` (ns, UTC): when it was asked for. A look-up that finds nothing (404, DH-906) is readable and has no row;
    an order in TRANSIT cannot be found that way either.
    """
    rows = rows_of(answer, looked_up=True)
    if isinstance(rows, BookReading):
        return rows
    orders: list[ExecutionReport] = []
    bad = 0
    for row in rows:
        try:
            found = row_fields(row)
            if identifier(found.get("account")) in ("", account):
                orders.append(read_report(found, account, Source.BOOK, as_of))
        except NonsenseError:
            bad += 1
    return reading_of(BookReading(orders=tuple(orders), bad_rows=bad), len(rows))


def read_trades(answer: Answer, account: str, as_of: int) -> BookReading:
    """The trade book, each trade once; of two that differ under one id the second is a bad row. Never raises."""
    rows = rows_of(answer)
    if isinstance(rows, BookReading):
        return rows
    fills: dict[str, Fill] = {}
    bad = 0
    for row in rows:
        try:
            found = row_fields(row)
            if identifier(found.get("account")) not in ("", account):
                continue
            fill = read_fill(found, account)
        except NonsenseError:
            bad += 1
            continue
        bad += fills.setdefault(fill.key, fill) != fill
    return reading_of(BookReading(fills=tuple(fills.values()), bad_rows=bad), len(rows))


def reading_of(reading: BookReading, rows: int) -> BookReading:
    """The reading, or why there is none: of a book without a single readable row nothing is known."""
    if rows and reading.bad_rows == rows:
        return BookReading(why=f"none of {rows} rows could be read", bad_rows=rows)
    return reading


def rows_of(
    answer: Answer, *, looked_up: bool = False, nothing: Container[str] = (texts.NOTHING_THERE,)
) -> list[object] | BookReading:
    """The rows of a book, or the reading of an answer that is none. Only where one order was ``looked_up`` "no such
    order" means that there is none. ``nothing``: the codes by which an empty book is told as a failure."""
    body = read_body(answer) if answer.passage is Passage.ANSWERED else Body()
    why = told(answer, body)
    if answer.passage is not Passage.ANSWERED:
        return BookReading(why=why)
    said = body.problem
    if said is not None and said.code in nothing:
        return []
    if answer.status == 429 or (said is not None and said.category is Category.THROTTLED):
        return BookReading(why=why, throttled=True)
    if answer.status == 401:
        return BookReading(why=why, refused=True)
    if said is not None:
        if said.category in _REFUSED:
            return BookReading(why=why, refused=True)
        if looked_up and answer.status == 404 and said.category is Category.NO_SUCH_ORDER:
            return []
    if not 200 <= answer.status < 300 or said is not None:
        return BookReading(why=why)
    rows = _book(body.value)
    return BookReading(why=f"HTTP {answer.status}: it is no book") if rows is None else rows


def _book(value: object) -> list[object] | None:
    """The rows of a list, of a list wrapped as ``data``, or the one row that an order by itself is."""
    if isinstance(value, dict):
        found = {codes.fold(key): part for key, part in value.items()}
        value = found.get("DATA") if "DATA" in found else [value] if "ORDERID" in found else None
    return value if isinstance(value, list) else None


def row_fields(row: object) -> dict[str, object]:
    """The values of one row that we read.

    Raises:
        NonsenseError: it is no row.
    """
    if not isinstance(row, dict):
        raise NonsenseError("it is no row")
    return fields(row)


def read_fill(found: Fields, account: str) -> Fill:
    """The trade that these fields of one row make.

    Raises:
        NonsenseError: it lacks what a trade must have, or has numbers that no trade has.
    """
    segment = segment_of(found)
    side = codes.SIDES.get(word(found.get("side")))
    units = quantity(found.get("traded_quantity"))
    rupees = price(found.get("traded_price"))
    names = {name: identifier(found.get(name)) for name in ("order_id", "trade_id", "security_id")}
    if segment is None or side is None or not units or not rupees or not all(names.values()):
        raise NonsenseError("a trade lacks an id, its segment, side, quantity or price")
    return Fill(
        account=account,
        segment=segment,
        side=side,
        product=codes.PRODUCTS.get(word(found.get("product"))),
        quantity=units,
        price=rupees,
        traded_at=moment(found.get("exchange_time")) or moment(found.get("created")) or moment(found.get("updated")),
        **names,
    )
