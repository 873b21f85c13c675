"""Mapping: the leader's terms turned into the order that the follower is wanted to have.

Prices that we compute go to the tick, towards being filled: a BUY up, a SELL down.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.naming import LEGGED
from copyctl.core.plan import of
from copyctl.model.choices import Disclosed, Shift, StopMarket, SuperOrder
from copyctl.model.copying import OrderMapping, PriceMapping
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Bracket, Order, SecondLeg, Terms
from copyctl.model.reasons import Reason
from copyctl.model.request import Desired
from copyctl.model.terms import OrderType, Product, Side, Validity

HUNDRED = Decimal(100)
BPS = Decimal(10_000)
PAISA = Decimal("0.01")
LEAST_DISCLOSED_SHARE = Decimal("0.30")
"""A disclosed quantity must be more than this share of the order (Dhan API v2, place order)."""
OF_FOREVER = frozenset({Product.CNC, Product.MTF, Product.MARGIN})
"""Products of forever orders (Dhan API v2: CNC and MTF; MARGIN was seen to work)."""


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
    order: Order, wish: Terms, quantity: int, mapping: OrderMapping, instrument: Instrument, *, closes: bool = False
) -> Mapped | Refusal:
    """What ``quantity`` units of the leader's order are for the follower. ``order`` names side, segment and id.
    ``closes``: it is an exit, whose own exits are none of ours."""
    if order.side is None or order.segment is None or order.security_id is None:
        return Refusal(reason=Reason.INVALID_ORDER, detail="side, segment or security id is missing")
    product = _product(order, mapping, closes=closes)
    if isinstance(product, Refusal):
        return product
    made = _validity(order, wish, mapping, product)
    if isinstance(made, Refusal):
        return made
    priced = _prices(order.side, order, made, mapping, instrument)
    if isinstance(priced, Refusal):
        return priced
    bracket = None if closes else _bracket(order, wish, mapping, product, instrument)
    if bracket is not None and (why := _wrong_exits(bracket, priced, order.side)):
        return Refusal(reason=Reason.INVALID_TRIGGER, detail=why)
    notes: list[Reason] = []
    terms = replace(priced, quantity=quantity, bracket=bracket)
    if terms.second is not None:
        terms = replace(terms, second=replace(terms.second, quantity=quantity))
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


def _product(order: Order, mapping: OrderMapping, *, closes: bool) -> Product | Refusal:
    """The mapped product. What has exits hanging on it is copied with them or without, or not at all (1.2)."""
    if order.product is None:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail="the leader's product is not known")
    product = mapping.product.get(order.product, order.product)
    if product is None:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail=f"mapping.product: {order.product} is skipped")
    if closes:
        return product
    if order.is_leg:
        return Refusal(
            reason=Reason.UNSUPPORTED_PRODUCT, detail=f"a {order.leg} opens nothing: it is not copied as an entry"
        )
    if order.super_order and mapping.super_order is SuperOrder.SKIP:
        return Refusal(reason=Reason.UNSUPPORTED_PRODUCT, detail="mapping.super_order: skip")
    if product in LEGGED and order.bracket is None:
        return Refusal(
            reason=Reason.UNSUPPORTED_PRODUCT, detail=f"the exits of the leader's {product} order are not known"
        )
    return product


def _validity(order: Order, wish: Terms, mapping: OrderMapping, product: Product) -> Terms | Refusal:
    """The wish with its validity mapped. A forever order that has triggered is an order of the day by then; one that is
    mapped to a validity of the day is copied when it triggers."""
    validity = mapping.validity.get(wish.validity, wish.validity)
    if validity is None:
        return Refusal(reason=Reason.UNSUPPORTED_VALIDITY, detail=f"validity {wish.validity} is not copied")
    if wish.validity is Validity.FOREVER and not order.armed:
        day = validity if validity is Validity.IOC else Validity.DAY
        return replace(wish, validity=day, trigger_price=ZERO, second=None)
    was_forever, is_now = (one is Validity.FOREVER for one in (wish.validity, validity))
    if not was_forever and not is_now:
        return replace(wish, validity=validity)
    if not is_now:
        detail = f"mapping.validity: FOREVER becomes {validity}: it is copied when it triggers"
        return Refusal(reason=Reason.UNSUPPORTED_VALIDITY, detail=detail)
    if product not in OF_FOREVER:
        return Refusal(reason=Reason.UNSUPPORTED_VALIDITY, detail=f"there are no forever orders for {product}")
    if not was_forever and not wish.order_type.has_trigger:
        detail = f"a {wish.order_type} order has no trigger, which a forever order needs"
        return Refusal(reason=Reason.UNSUPPORTED_VALIDITY, detail=detail)
    kind = OrderType.LIMIT if wish.order_type.has_price else OrderType.MARKET
    return replace(wish, validity=validity, order_type=kind)


def rests_as_forever(mapping: OrderMapping, product: Product) -> bool:
    """Is a forever order of the leader's one for a follower too, in this product?"""
    return mapping.validity.get(Validity.FOREVER, Validity.FOREVER) is Validity.FOREVER and product in OF_FOREVER


def _bracket(
    order: Order, wish: Terms, mapping: OrderMapping, product: Product, instrument: Instrument
) -> Bracket | None:
    """The exits that the follower's broker is to keep, on the tick; None for an entry without."""
    kept = wish.bracket
    if kept is None or (order.super_order and mapping.super_order is not SuperOrder.COPY):
        return None
    if not order.super_order and product not in LEGGED:
        return None
    out = Side.SELL if order.side is Side.BUY else Side.BUY
    tick = instrument.tick_size
    target, stop = (to_tick(price, tick, out) if price else ZERO for price in (kept.target, kept.stop))
    return replace(kept, target=target, stop=stop)


def _wrong_exits(kept: Bracket, entry: Terms, side: Side) -> str:
    """Why no broker takes these exits of an entry at a limit, "" where it does (Dhan API v2, super orders)."""
    if kept.distances or not entry.price:
        return ""
    sign = 1 if side is Side.BUY else -1
    if kept.target and sign * (kept.target - entry.price) <= 0:
        return f"{side} at {entry.price:f} with its target at {kept.target:f}: on the wrong side"
    if kept.stop and sign * (entry.price - kept.stop) <= 0:
        return f"{side} at {entry.price:f} with its stop at {kept.stop:f}: on the wrong side"
    return ""


def _prices(side: Side, order: Order, wish: Terms, mapping: OrderMapping, instrument: Instrument) -> Terms | Refusal:
    """The terms with type, price and trigger mapped."""
    if wish.order_type.has_price and wish.price <= 0:
        return Refusal(reason=Reason.INVALID_ORDER, detail=f"{wish.order_type} without a price")
    waits = wish.order_type.has_trigger or wish.validity is Validity.FOREVER
    if waits and wish.trigger_price <= 0:
        return Refusal(reason=Reason.INVALID_ORDER, detail=f"{wish.order_type} without a trigger price")
    tick = instrument.tick_size
    order_type = mapping.order_type.get(wish.order_type, wish.order_type) or wish.order_type
    price = _shifted(wish.price, mapping.price, side, tick) if wish.order_type.has_price else ZERO
    trigger = _shifted(wish.trigger_price, mapping.trigger, side, tick) if waits else ZERO
    if wish.validity is Validity.FOREVER:
        second = _second(wish.second, mapping, side, tick)
        return replace(wish, price=price, trigger_price=trigger, second=second)
    if wish.order_type is OrderType.MARKET and order_type is OrderType.LIMIT:
        if not order.last_price:
            return Refusal(reason=Reason.CHECK_UNAVAILABLE, detail="no last traded price to make a limit from")
        price = beyond(order.last_price, mapping.market_limit.offset_bps / BPS, side, tick)
    if wish.order_type is OrderType.STOP_LOSS_MARKET:
        kind = mapping.stop_market.derivatives if order.segment and order.segment.is_derivative else None
        if (kind or mapping.stop_market.equity) is StopMarket.PROTECTED:
            order_type = OrderType.STOP_LOSS
            price = beyond(trigger, mapping.stop_market.offset_pct / HUNDRED, side, tick)
            if price == trigger:
                detail = f"{side} stop with trigger {trigger:f}: no limit is a tick beyond it"
                return Refusal(reason=Reason.INVALID_TRIGGER, detail=detail)
    if order_type is OrderType.STOP_LOSS and (price > trigger if side is Side.SELL else price < trigger):
        return Refusal(
            reason=Reason.INVALID_TRIGGER,
            detail=f"{side} stop with trigger {trigger:f} on the wrong side of its price {price:f}",
        )
    return replace(wish, order_type=order_type, price=price, trigger_price=trigger)


SAME_MOMENT = SECOND
"""Frames that come within this of the first one of an order tell the price at which the market was then."""


def marketable(order: Order, wish: Terms) -> str:
    """What is to be said of a limit that lay at the last traded price or beyond when the order came: it may have been a
    market order, which the broker protects with a limit (1.1.1). "" for any other order."""
    last = order.last_price
    if not last or wish.order_type is not OrderType.LIMIT or wish.validity is Validity.FOREVER or order.is_leg:
        return ""
    if order.last_price_at > order.seen_at + SAME_MOMENT:
        return ""
    ahead = wish.price - last if order.side is Side.BUY else last - wish.price
    in_paise = last.quantize(PAISA)
    told = in_paise if in_paise == last else last
    return f"marketable: a limit {'beyond' if ahead else 'at'} the last price {told:f}" if ahead >= 0 else ""


def _second(leg: SecondLeg | None, mapping: OrderMapping, side: Side, tick: Decimal) -> SecondLeg | None:
    if leg is None:
        return None
    price = _shifted(leg.price, mapping.price, side, tick) if leg.price else ZERO
    return replace(leg, price=price, trigger_price=_shifted(leg.trigger_price, mapping.trigger, side, tick))


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
    """The disclosed quantity: the leader's share of it, kept legal."""
    if not wish.disclosed_quantity or mapping.disclosed.mode is not Disclosed.PROPORTIONAL or not terms.quantity:
        return 0
    if terms.validity is Validity.IOC or (order.segment is not None and order.segment.is_derivative):
        notes.append(Reason.DISCLOSED_DROPPED)
        return 0
    shown, least = _shown_of(wish, terms.quantity), _least_shown(terms.quantity)
    if shown < least:  # of so few that all of them would have to be shown nothing can be hidden
        raised = least < terms.quantity
        notes.append(Reason.DISCLOSED_RAISED if raised else Reason.DISCLOSED_DROPPED)
        return least if raised else 0
    return shown if shown < terms.quantity else 0


def of_share(terms: Terms, quantity: int) -> Terms:
    """These terms for fewer units, of which the market sees the same share; all of it is the same as none."""
    shown = max(_shown_of(terms, quantity), _least_shown(quantity)) if terms.disclosed_quantity else 0
    return replace(of(terms, quantity), disclosed_quantity=shown if shown < quantity else 0)


def _shown_of(terms: Terms, quantity: int) -> int:
    """How many of so many units are the share that these terms show."""
    share = Decimal(terms.disclosed_quantity) / max(1, terms.quantity)
    return int((share * quantity).to_integral_value(rounding=ROUND_HALF_UP))


def _least_shown(quantity: int) -> int:
    return int(LEAST_DISCLOSED_SHARE * quantity) + 1
