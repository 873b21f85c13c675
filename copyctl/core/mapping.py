"""Mapping: the leader's terms turned into the order that the follower is wanted to have.

Prices that we compute go to the tick, towards being filled: a BUY up, a SELL down.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from msgspec.structs import replace

from copyctl.model.choices import Disclosed, Shift, StopMarket
from copyctl.model.copying import OrderMapping, PriceMapping
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.reasons import Reason
from copyctl.model.request import Desired
from copyctl.model.terms import Leg, OrderType, Product, Side, Validity

HUNDRED = Decimal(100)
BPS = Decimal(10_000)
LEAST_DISCLOSED_SHARE = Decimal("0.30")
"""A disclosed quantity must be more than this share of the order (Dhan API v2, place order)."""
PLAIN_PRODUCTS = frozenset({Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an order must not be sent at all."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """The wanted order, with the codes of what had to be bent on the way."""

    desired: Desired
    notes: tuple[Reason, ...] = ()


def map_order(
    order: Order, wish: Terms, quantity: int, mapping: OrderMapping, instrument: Instrument
) -> Mapped | Refusal:
    """What ``quantity`` units of the leader's order are for the follower. ``order`` names side, segment and id."""
    if order.side is None or order.segment is None or order.security_id is None:
        return Refusal(reason=Reason.INVALID_ORDER, detail="side, segment or security id is missing")
    product = _product(order, mapping)
    if isinstance(product, Refusal):
        return product
    validity = mapping.validity.get(wish.validity, wish.validity)
    if validity is None or validity is Validity.FOREVER:
        return Refusal(reason=Reason.UNSUPPORTED_VALIDITY, detail=f"validity {wish.validity} is not copied")
    priced = _prices(order.side, order, wish, mapping, instrument)
    if isinstance(priced, Refusal):
        return priced
    notes: list[Reason] = []
    terms = replace(priced, quantity=quantity, validity=validity)
    terms = replace(terms, disclosed_quantity=_disclosed(wish, terms, mapping, order, notes))
    return Mapped(
        desired=Desired(
            side=order.side,
            segment=order.segment,
            security_id=order.security_id,
            product=product,
            terms=terms,
            after_market=order.after_market,
            amo_time=(order.amo_time or mapping.after_market_time) if order.after_market else None,
        ),
        notes=tuple(notes),
    )


def _product(order: Order, mapping: OrderMapping) -> Product | Refusal:
    if order.super_order or order.leg is not Leg.ENTRY:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail="super orders and their legs are not copied yet")
    if order.product is None:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail="the leader's product is not known")
    product = mapping.product.get(order.product, order.product)
    if product is None:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail=f"mapping.product: {order.product} is skipped")
    if product not in PLAIN_PRODUCTS:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail=f"{product} orders are not copied yet")
    return product


def _prices(side: Side, order: Order, wish: Terms, mapping: OrderMapping, instrument: Instrument) -> Terms | Refusal:
    """The terms with type, price and trigger mapped."""
    if wish.order_type.has_price and wish.price <= 0:
        return Refusal(reason=Reason.INVALID_ORDER, detail=f"{wish.order_type} without a price")
    if wish.order_type.has_trigger and wish.trigger_price <= 0:
        return Refusal(reason=Reason.INVALID_ORDER, detail=f"{wish.order_type} without a trigger price")
    tick = instrument.tick_size
    order_type = mapping.order_type.get(wish.order_type, wish.order_type) or wish.order_type
    price = _shifted(wish.price, mapping.price, side, tick) if wish.order_type.has_price else ZERO
    trigger = _shifted(wish.trigger_price, mapping.trigger, side, tick) if wish.order_type.has_trigger else ZERO
    if wish.order_type is OrderType.MARKET and order_type is OrderType.LIMIT:
        if not order.last_price:
            return Refusal(reason=Reason.CHECK_UNAVAILABLE, detail="no last traded price to make a limit from")
        price = beyond(order.last_price, mapping.market_limit.offset_bps / BPS, side, tick)
    if wish.order_type is OrderType.STOP_LOSS_MARKET:
        kind = mapping.stop_market.derivatives if order.segment and order.segment.is_derivative else None
        if (kind or mapping.stop_market.equity) is StopMarket.PROTECTED:
            order_type = OrderType.STOP_LOSS
            price = beyond(trigger, mapping.stop_market.offset_pct / HUNDRED, side, tick)
    if order_type is OrderType.STOP_LOSS and (price > trigger if side is Side.SELL else price < trigger):
        return Refusal(
            reason=Reason.INVALID_TRIGGER,
            detail=f"{side} stop with trigger {trigger:f} on the wrong side of its price {price:f}",
        )
    return replace(wish, order_type=order_type, price=price, trigger_price=trigger)


def to_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """A price moved to the tick towards being filled, never under one tick."""
    mode = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return max(tick, (price / tick).to_integral_value(rounding=mode) * tick)


def beyond(price: Decimal, share: Decimal, side: Side, tick: Decimal) -> Decimal:
    """The price that lies ``share`` beyond, a BUY above and a SELL below, at least a tick away."""
    sign = 1 if side is Side.BUY else -1
    return to_tick(price + sign * max(price * share, tick), tick, side)


def _shifted(price: Decimal, how: PriceMapping, side: Side, tick: Decimal) -> Decimal:
    if how.mode is Shift.SAME or not how.ticks:
        return price
    sign = 1 if side is Side.BUY else -1
    return max(tick, price + sign * how.ticks * tick)


def _disclosed(wish: Terms, terms: Terms, mapping: OrderMapping, order: Order, notes: list[Reason]) -> int:
    """The disclosed quantity: the leader's share of it, kept legal. All of it is the same as none."""
    if not wish.disclosed_quantity or mapping.disclosed.mode is not Disclosed.PROPORTIONAL or not terms.quantity:
        return 0
    if terms.validity is Validity.IOC or (order.segment is not None and order.segment.is_derivative):
        notes.append(Reason.DISCLOSED_DROPPED)
        return 0
    share = Decimal(wish.disclosed_quantity) / max(1, wish.quantity)
    shown = int((share * terms.quantity).to_integral_value(rounding=ROUND_HALF_UP))
    least = int(LEAST_DISCLOSED_SHARE * terms.quantity) + 1
    if shown < least:
        notes.append(Reason.DISCLOSED_RAISED)
        shown = least
    return 0 if shown >= terms.quantity else shown
