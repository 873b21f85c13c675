"""One order as Dhan tells of it, in a frame or in a row, becomes one execution report.

Both dialects are read by the same rules: key names were made ours by ``values.fields``, words are looked up in
``codes``. Source of the rules: Dhan API v2, order update, order book, super orders, forever orders.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Bracket, ExecutionReport, Terms
from copyctl.model.terms import InstrumentKind, Leg, OrderStatus, OrderType, Product, Segment, Source, Validity
from copyctl.wire.dhan import codes
from copyctl.wire.dhan.texts import category
from copyctl.wire.dhan.values import (
    Fields,
    NonsenseError,
    count_hint,
    date,
    hint,
    identifier,
    moment,
    price,
    quantity,
    text,
    word,
)

_LONGEST_TEXT: Final = 1_000
LONGEST_WORD: Final = 80
"""Letters that are kept of a status, an id of somebody's choice, a platform."""
_BRANCHED: Final = frozenset({Product.CO, Product.BO})
_OPTIONS: Final = frozenset(
    {InstrumentKind.OPTIDX, InstrumentKind.OPTSTK, InstrumentKind.OPTFUT, InstrumentKind.OPTCUR}
)

_Known = TypeVar("_Known")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantities:
    """Units: in total, traded, still open; None where the broker did not say."""

    total: int | None
    filled: int | None
    remaining: int | None


def read_report(found: Fields, account: str, source: Source, as_of: int) -> ExecutionReport:
    """The report that these fields of one order make.

    Raises:
        NonsenseError: it has no order id, or numbers that no order has.
    """
    order_id = identifier(found.get("order_id"))
    if not order_id:
        raise NonsenseError("it has no order id")
    quantities = _quantities(found)
    reason = _reason(found)
    status, filled = _standing(codes.STATUSES.get(word(found.get("status"))), quantities)
    product = _known(codes.PRODUCTS, found, "product", "product_name")
    of_forever = word(found.get("platform")) == codes.FOREVER_CHILD
    leg = Leg.ENTRY if of_forever else _leg(found)  # an order by itself, whichever leg of its parent it was
    parent_id = identifier(found.get("parent_id"))
    created = moment(found.get("created"))
    segment = segment_of(found)
    security_id = identifier(found.get("security_id")) or None
    return ExecutionReport(
        account=account,
        order_id=order_id,
        source=source,
        as_of=as_of,
        broker_time=max(created, moment(found.get("exchange_time")), moment(found.get("updated"))),
        created_time=created,
        status=status,
        status_text=text(found.get("status"))[:LONGEST_WORD],
        side=_known(codes.SIDES, found, "side"),
        segment=segment,
        security_id=security_id,
        product=product,
        terms=_terms(found, quantities.total, leg, source),
        filled=filled,
        average_price=price(found.get("average_price")),
        correlation_id=text(found.get("correlation_id"))[:LONGEST_WORD],
        leg=leg,
        parent_id="" if leg is Leg.ENTRY and parent_id == order_id else parent_id,
        super_order=_is_super(found, leg, parent_id, product, source),
        bracket=_bracket(found, product) if source is Source.BOOK and leg is Leg.ENTRY else None,
        of_forever=of_forever,
        after_market=_is_after_market(found),
        amo_time=_known(codes.AMO_TIMES, found, "amo_time"),
        platform=(text(found.get("platform")) or text(found.get("source")))[:LONGEST_WORD],
        text=reason,
        category=category(text(found.get("error_code")), reason) if status is OrderStatus.REJECTED else None,
        last_price=hint(found.get("last_price")),
        instrument=_instrument(found, segment, security_id),
    )


def segment_of(found: Fields) -> Segment | None:
    """Exchange and segment, from ``exchangeSegment`` or from the two letters of a frame."""
    exchange, segment = word(found.get("exchange")), word(found.get("segment"))
    for key in (word(found.get("exchange_segment")), exchange + segment, segment):
        if key in codes.SEGMENTS:
            return codes.SEGMENTS[key]
    return None


def _known(table: Mapping[str, _Known], found: Fields, *names: str) -> _Known | None:
    """What the first of these fields that the table knows stands for."""
    for name in names:
        known = table.get(word(found.get(name)))
        if known is not None:
            return known
    return None


def _quantities(found: Fields) -> _Quantities:
    total, filled = quantity(found.get("quantity")), quantity(found.get("filled"))
    if total is not None and filled is not None and filled > total:
        raise NonsenseError(f"{filled} of {total} units have traded")
    return _Quantities(total=total, filled=filled, remaining=quantity(found.get("remaining")))


def _standing(status: OrderStatus | None, units: _Quantities) -> tuple[OrderStatus | None, int]:
    """The status that word and quantities make together, and the units traded.

    An open order of which something has traded is PART_TRADED. ``Traded`` with less than all traded is PART_TRADED
    too, unless nothing is left; without any word on how much has traded, all that is not left has.
    """
    filled = units.filled or 0
    if status in (OrderStatus.TRANSIT, OrderStatus.PENDING) and filled:
        return OrderStatus.PART_TRADED, filled
    if status is not OrderStatus.TRADED or units.total is None:
        return status, filled
    if units.filled is None:
        filled = max(0, units.total - (units.remaining or 0))
    if filled < units.total and units.remaining != 0:
        return OrderStatus.PART_TRADED, filled
    if not filled and units.total:
        raise NonsenseError("it says that it traded, that nothing is left and that nothing traded")
    return status, filled


def _terms(found: Fields, total: int | None, leg: Leg, source: Source) -> Terms | None:
    """The terms, if the type, the quantity and the validity are known. A frame without the key lasts the DAY.

    What a leg is told as varies; it is one that waits for its trigger, or one that rests at its price.
    """
    disclosed = quantity(found.get("disclosed")) or 0
    limit, trigger = price(found.get("price")), price(found.get("trigger_price"))
    order_type = _known(codes.ORDER_TYPES, found, "order_type")
    validity = _known(codes.VALIDITIES, found, "validity") if "validity" in found else Validity.DAY
    if source is Source.STREAM and validity is Validity.DAY and _is_forever(found, order_type, trigger):
        validity = Validity.FOREVER
    forever = validity is Validity.FOREVER
    if leg is not Leg.ENTRY and not forever:
        order_type, trigger = _EXITS[leg], trigger or limit
        if not (limit if order_type.has_price else trigger):
            return None
    if order_type is None or validity is None or not total:
        return None
    return Terms(
        order_type=order_type,
        validity=validity,
        quantity=total,
        price=limit if order_type.has_price else ZERO,
        trigger_price=trigger if order_type.has_trigger or forever else ZERO,
        disclosed_quantity=disclosed,
    )


_EXITS: Final = {Leg.STOP_LOSS: OrderType.STOP_LOSS_MARKET, Leg.TARGET: OrderType.LIMIT}


def _is_forever(found: Fields, order_type: OrderType | None, trigger: Decimal) -> bool:
    """Is a frame that says DAY about an armed forever order itself? CONFIRM is said of no other. What has a trigger is
    one where it is good for days, and where it is on its way to the exchange though its type waits for no trigger: a
    stop that has triggered is there already. The entry of a CO has a trigger as well, and the child of a forever order
    may say what its parent was."""
    status = codes.STATUSES.get(word(found.get("status")))
    if status is OrderStatus.CONFIRM:
        return True
    is_child = word(found.get("platform")) == codes.FOREVER_CHILD or bool(identifier(found.get("parent_id")))
    if not trigger or is_child or _known(codes.PRODUCTS, found, "product", "product_name") in _BRANCHED:
        return False
    is_on_its_way = status is OrderStatus.TRANSIT and order_type is not None and not order_type.has_trigger
    return is_on_its_way or _waits_for_days(found)


def _waits_for_days(found: Fields) -> bool:
    """Is it good for longer than the day on which it was placed? An order for after the market is as well."""
    placed, good_till = date(found.get("created")), date(found.get("good_till"))
    return placed is not None and good_till is not None and good_till > placed and not _is_after_market(found)


def _bracket(found: Fields, product: Product | None) -> Bracket | None:
    """The exits that hang on the entry of a BO, as distances, or of a CO: its trigger is the stop that covers it."""
    if product is Product.BO:
        target, stop = price(found.get("target_distance")), price(found.get("stop_distance"))
        return Bracket(target=target, stop=stop, distances=True) if target or stop else None
    stop = price(found.get("trigger_price")) if product is Product.CO else ZERO
    return Bracket(stop=stop) if stop else None


def _leg(found: Fields) -> Leg:
    """The leg by number, else by name; without either the order is all entry."""
    for name in ("leg_number", "leg_name"):
        written = text(found.get(name))
        leg = None if written.startswith("-") else codes.LEGS.get(codes.fold(written))
        if leg is not None:
            return leg
        if written not in ("", "0"):
            raise NonsenseError(f"its leg is {written[:LONGEST_WORD]!r}")
    return Leg.ENTRY


def _is_super(found: Fields, leg: Leg, parent_id: str, product: Product | None, source: Source) -> bool:
    """A super order by its remark, or a leg of one. A row names no parent; legs of CO and BO say so by product."""
    if word(found.get("remarks")) == "SUPERORDER":
        return True
    if leg is Leg.ENTRY or product in _BRANCHED:
        return False
    return source is Source.BOOK or bool(parent_id)


def _is_after_market(found: Fields) -> bool:
    return word(found.get("after_market")) in codes.YES or word(found.get("status")) in codes.AFTER_MARKET_STATUSES


def _reason(found: Fields) -> str:
    """The broker's or the exchange's words about the order, "" while they only confirm it."""
    written = text(found.get("text"))
    return "" if codes.fold(written) in codes.NO_REASON else written[:_LONGEST_TEXT]


_CONTRACT = re.compile(r"(.+?)-(?:\d{1,2})?[A-Za-z]{3}\d{2,4}(?:-|$)", re.ASCII)


def _instrument(found: Fields, segment: Segment | None, security_id: str | None) -> Instrument | None:
    """The instrument as the frame describes it; None where it leaves out the lot or the tick.

    On MCX an order counts lots, whatever the lot is. ``symbol`` names the underlying of a derivative, which
    ``displayName`` tells in full.
    """
    tick_size, symbol = hint(found.get("tick_size")), text(found.get("symbol"))[:LONGEST_WORD]
    lot_size = 1 if segment is Segment.MCX_COMM else count_hint(found.get("lot_size"))
    if segment is None or security_id is None or tick_size is None or lot_size is None:
        return None
    kind = _known(codes.KINDS, found, "kind")
    option_type = _known(codes.OPTION_TYPES, found, "option_type") if kind is None or kind in _OPTIONS else None
    contract = _CONTRACT.match(symbol) if segment.is_derivative else None
    return Instrument(
        segment=segment,
        security_id=security_id,
        symbol=(text(found.get("display_name"))[:LONGEST_WORD] if segment.is_derivative else "") or symbol,
        kind=kind,
        underlying=contract[1] if contract else symbol if segment.is_derivative else "",
        option_type=option_type,
        strike=hint(found.get("strike")) if option_type else None,
        expiry=date(found.get("expiry")) if segment.is_derivative else None,
        lot_size=lot_size,
        tick_size=tick_size,
        multiplier=count_hint(found.get("multiplier")) or 1,
        from_master=False,
    )
