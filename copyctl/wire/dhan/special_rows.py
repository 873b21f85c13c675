"""Books of super orders and of forever orders over REST: what the answers to reads say.

Sources: Dhan API v2, super orders and forever orders. A row that cannot be read is left out and counted, and never
hides the others; of an order whose legs could not all be read nothing is told that rests on all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from copyctl.model.order import ZERO, Bracket, ExecutionReport, SecondLeg, Terms
from copyctl.model.reading import BookReading
from copyctl.model.request import Answer
from copyctl.model.terms import Leg, OrderStatus, OrderType, Source, Validity
from copyctl.wire.dhan import codes
from copyctl.wire.dhan.reports import LONGEST_WORD, read_report
from copyctl.wire.dhan.rows import reading_of, row_fields, rows_of
from copyctl.wire.dhan.values import Fields, NonsenseError, identifier, moment, number, price, quantity, text, word

_GONE: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})
_DONE: Final = frozenset({OrderStatus.TRADED, OrderStatus.CLOSED})
_OPPOSITE: Final = {"B": "S", "BUY": "SELL", "S": "B", "SELL": "BUY"}
_TIMES: Final = ("created", "updated", "exchange_time")
_OF_THE_ENTRY: Final = ("account", "exchange_segment", "exchange", "segment", "security_id", "product", "validity")
_OF_THE_LEG: Final = ("leg_name", "average_price", "text", "error_code", "correlation_id")


# --- super orders -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exit:
    """One exit of a super order as ``legDetails`` tells it. ``rests_for``: the price of a target, or the trigger of a
    stop, which stands where a price does."""

    found: Fields
    leg: Leg
    status: OrderStatus | None
    rests_for: Decimal


def read_super(answer: Answer, account: str, as_of: int) -> BookReading:
    """The book of super orders, asked for at ``as_of`` (ns, UTC): each entry with the exits that hang on it, and once
    something of it has filled each exit as an order of its own. Never raises."""
    rows = rows_of(answer)
    if isinstance(rows, BookReading):
        return rows
    orders: list[ExecutionReport] = []
    bad = bad_parts = 0
    for row in rows:
        try:
            found = row_fields(row)
            if identifier(found.get("account")) not in ("", account):
                continue
            entry = _entry(found, account, as_of)
        except NonsenseError:
            bad += 1
            continue
        parts, unreadable = _parts(entry, found)
        orders += parts
        bad_parts += unreadable
    reading = reading_of(BookReading(orders=tuple(orders), bad_rows=bad), len(rows))
    return replace(reading, bad_rows=reading.bad_rows + bad_parts)


def _entry(found: Fields, account: str, as_of: int) -> ExecutionReport:
    """An entry. CLOSED says that it has traded and its exits are done; TRIGGERED, that one of these has triggered."""
    closed = word(found.get("status")) == "CLOSED" and quantity(found.get("filled")) != 0
    seen = read_report({**found, "status": "TRADED"} if closed else found, account, Source.BOOK, as_of)
    status = seen.status
    if closed:
        status = OrderStatus.TRADED if seen.filled else OrderStatus.CLOSED
    elif status is OrderStatus.TRIGGERED and seen.filled:
        whole = seen.terms is not None and seen.filled == seen.terms.quantity
        status = OrderStatus.TRADED if whole else OrderStatus.PART_TRADED
    return replace(seen, status=status, status_text=_said(found), super_order=True)


def _said(found: Fields) -> str:
    return text(found.get("status"))[:LONGEST_WORD]


def _parts(entry: ExecutionReport, found: Fields) -> tuple[list[ExecutionReport], int]:
    """The entry with its bracket and its exits, and how much of them cannot be read: then no bracket is told, for an
    exit that is only unreadable must not look like one that was taken away."""
    exits, unreadable = _exits(found)
    legs: list[ExecutionReport] = []
    one_done = sum(one.status in _DONE for one in exits) == 1
    for one in exits if entry.filled else ():
        try:
            legs += _legs(one, found, entry, one_done=one_done)
        except NonsenseError:
            unreadable += 1
    bracket = None
    if not unreadable and entry.leg is Leg.ENTRY:
        try:
            bracket = _bracket(found, exits)
        except NonsenseError:
            unreadable = 1
    return [replace(entry, bracket=bracket), *legs], unreadable


def _exits(found: Fields) -> tuple[list[_Exit], int]:
    """The exits that can be read, and how many cannot."""
    details = found.get("legs")
    exits: list[_Exit] = []
    unreadable = 0
    for detail in [details] if isinstance(details, dict) else details if isinstance(details, list) else ():
        try:
            one = _exit(detail)
        except NonsenseError:
            unreadable += 1
            continue
        if one.leg is not Leg.ENTRY:
            exits.append(one)
    return exits, unreadable


def _exit(detail: object) -> _Exit:
    found = row_fields(detail)
    leg = codes.LEGS.get(word(found.get("leg_name")))
    if leg is None:
        raise NonsenseError("a leg does not say which")
    return _Exit(
        found=found,
        leg=leg,
        status=codes.STATUSES.get(word(found.get("status"))),
        rests_for=price(found.get("price")) or price(found.get("trigger_price")),
    )


def _bracket(found: Fields, exits: list[_Exit]) -> Bracket | None:
    """What hangs on the entry: by its exits, else by its own row; None where neither tells."""
    own = {Leg.TARGET: found.get("target_price"), Leg.STOP_LOSS: found.get("stop_price")}
    if not exits and all(number(value) is None for value in own.values()):
        return None
    known = {one.leg: one for one in exits}
    prices = {leg: _price_of(known.get(leg), value) for leg, value in own.items()}
    stop = known.get(Leg.STOP_LOSS)
    trail = number(stop.found.get("trail")) if stop is not None else None
    trail = price(found.get("trail") if trail is None else trail)
    return Bracket(
        target=prices[Leg.TARGET],
        stop=prices[Leg.STOP_LOSS],
        trail=trail if prices[Leg.STOP_LOSS] else ZERO,
    )


def _price_of(one: _Exit | None, own: object) -> Decimal:
    """The price of one kind of exit; one that was cancelled cannot be there again, whatever its entry still says."""
    if one is not None and one.status in _GONE:
        return ZERO
    return (one.rests_for if one is not None else ZERO) or price(own)


def _legs(one: _Exit, row: Fields, entry: ExecutionReport, *, one_done: bool) -> list[ExecutionReport]:
    """An exit as an order of its own; none where the row names it and has no price for it: there is no such exit."""
    total = quantity(one.found.get("total")) or quantity(one.found.get("quantity")) or entry.filled
    filled = _filled(one, total, one_done=one_done)
    if not one.rests_for and not filled:
        return []
    whole = one.status is OrderStatus.CLOSED and filled >= total
    values: dict[str, object] = {
        **{name: row[name] for name in _OF_THE_ENTRY if name in row},
        **{name: one.found[name] for name in _OF_THE_LEG if name in one.found},
        **{name: one.found.get(name) if moment(one.found.get(name)) else row.get(name) for name in _TIMES},
        "order_id": identifier(one.found.get("order_id")) or entry.order_id,
        "side": text(one.found.get("side")) or _OPPOSITE.get(word(row.get("side"))),
        "status": "TRADED" if whole else one.found.get("status"),
        "quantity": total,
        "filled": filled,
        "remaining": one.found.get("remaining"),
        "price": one.rests_for,
    }
    seen = read_report(values, entry.account, entry.source, entry.as_of)
    return [replace(seen, status_text=_said(one.found), super_order=True, parent_id=entry.order_id)]


def _filled(one: _Exit, total: int, *, one_done: bool) -> int:
    """Units of an exit that have traded. ``triggeredQuantity`` went to the exchange, which is no fill yet, and an exit
    that does not rest yet is told with 0 of everything. Of two exits that say CLOSED the one that tells of no units
    was ended by the other: what one has closed, the other cannot."""
    filled, remaining = quantity(one.found.get("filled")) or 0, quantity(one.found.get("remaining"))
    if filled or one.status not in (*_DONE, OrderStatus.PART_TRADED):
        return filled
    if one.status is OrderStatus.PART_TRADED:
        return max(0, total - remaining) if remaining else 0
    triggered = quantity(one.found.get("triggered")) or 0
    proven = one_done or triggered or price(one.found.get("average_price"))
    if one.status is OrderStatus.CLOSED and not proven:
        return 0
    return (triggered or total) if remaining is None else (max(0, total - remaining) or triggered)


# --- forever orders ---------------------------------------------------------------------------------------------------

_BY_PLACE: Final[Mapping[Leg, int]] = {Leg.TARGET: 0, Leg.ENTRY: 1, Leg.STOP_LOSS: 2}
"""Which of two legs is the first: the target, and never the stop."""


def read_forever(answer: Answer, account: str, as_of: int) -> BookReading:
    """The list of forever orders, asked for at ``as_of`` (ns, UTC): of the rows of one order one report. What trades
    is the order that it becomes, so it never fills itself. Never raises."""
    rows = rows_of(answer)
    if isinstance(rows, BookReading):
        return rows
    legs: dict[str, list[Fields]] = {}
    bad = 0
    for row in rows:
        try:
            found = row_fields(row)
            if identifier(found.get("account")) not in ("", account):
                continue
            order_id = identifier(found.get("order_id"))
        except NonsenseError:
            bad += 1
            continue
        legs.setdefault(order_id, []).append(found)
    orders: list[ExecutionReport] = []
    for of_one in legs.values():
        try:
            orders.append(_forever(of_one, account, as_of))
        except NonsenseError:
            bad += len(of_one)
    return reading_of(BookReading(orders=tuple(orders), bad_rows=bad), len(rows))


def _forever(rows: list[Fields], account: str, as_of: int) -> ExecutionReport:
    """One forever order: its rows are its legs, and one that comes twice is one.

    Raises:
        NonsenseError: one of them cannot be read, or they are not the legs of one order.
    """
    rows = [row for place, row in enumerate(rows) if row not in rows[:place]]
    seen = [read_report(row, account, Source.BOOK, as_of) for row in rows]
    if len(rows) > 2 or len({(one.side, one.segment, one.security_id, one.product) for one in seen}) > 1:
        raise NonsenseError("these are not the legs of one order")
    order = sorted(range(len(rows)), key=lambda place: _BY_PLACE[seen[place].leg])
    first, furthest = seen[order[0]], max(seen, key=_progress)
    return replace(
        first,
        status=_standing(furthest.status),
        status_text=furthest.status_text,
        category=furthest.category,
        text=furthest.text,
        broker_time=max(one.broker_time for one in seen),
        correlation_id=next((one.correlation_id for one in seen if one.correlation_id), ""),
        terms=_terms([rows[place] for place in order]),
        filled=0,
        average_price=ZERO,
        super_order=False,
        bracket=None,
    )


def _standing(status: OrderStatus | None) -> OrderStatus | None:
    """CONFIRM: it is armed, and waits."""
    return OrderStatus.PENDING if status is OrderStatus.CONFIRM else status


def _progress(one: ExecutionReport) -> int:
    status = _standing(one.status)
    return status.progress if status is not None else -1


def _terms(legs: list[Fields]) -> Terms | None:
    """The terms of a forever order; None where a leg does not say how much of it waits for which trigger, or is not
    there at all: one of two that is read as a single one would be another order."""
    told = [_leg(leg, _FIRST) for leg in legs]
    if len(legs) == 1 and "OCO" in (word(legs[0].get("order_flag")), word(legs[0].get("order_type"))):
        told.append(_leg(legs[0], _SECOND))
    if not all(leg.quantity and leg.trigger_price for leg in told):
        return None
    first, second = told[0], told[1] if len(told) > 1 else None
    order_type = _order_type(legs[0], first.price)
    if not order_type.has_price:
        first, second = replace(first, price=ZERO), second and replace(second, price=ZERO)
    return Terms(
        order_type=order_type,
        validity=Validity.FOREVER,
        quantity=first.quantity,
        price=first.price,
        trigger_price=first.trigger_price,
        disclosed_quantity=quantity(legs[0].get("disclosed")) or 0,
        second=second,
    )


_FIRST: Final = ("quantity", "price", "trigger_price")
_SECOND: Final = ("second_quantity", "second_price", "second_trigger_price")


def _leg(found: Fields, names: tuple[str, str, str]) -> SecondLeg:
    units, limit, trigger = (found.get(name) for name in names)
    return SecondLeg(quantity=quantity(units) or 0, price=price(limit), trigger_price=price(trigger))


def _order_type(leg: Fields, limit: Decimal) -> OrderType:
    """The list says SINGLE or OCO where other books say the type; then a price tells it."""
    told = codes.ORDER_TYPES.get(word(leg.get("order_type")))
    if told in (OrderType.LIMIT, OrderType.MARKET):
        return told
    return OrderType.LIMIT if limit else OrderType.MARKET
