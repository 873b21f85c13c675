"""The terms of an exit: the leader's, mapped, at a price that the exchange takes; and those of what trades now.

Where the mapped form is impossible the exit goes in the leader's own terms (the first law). Prices follow the market,
so they are laid on once for one wish of the leader's, and of what has to trade now again with every deadline.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import mapping, prices
from copyctl.core.decide import traded_terms
from copyctl.core.keys import instrument_key, order_key
from copyctl.core.market import calendar_known, market, market_standing
from copyctl.core.native_legs import THROUGH_ITS_TARGET, live_leg, with_trail
from copyctl.core.stakes import Exit, mapping_of
from copyctl.core.state import Draft
from copyctl.core.wish import trailed
from copyctl.model.choices import CopyOn
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.policy import Follower
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Desired
from copyctl.model.terms import Book, Leg, OrderStatus, OrderType, Side, Validity

NOW = Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=0)
"""What trades now, before the price guard had its say."""


def desired(
    draft: Draft, follower: Follower, instrument: Instrument, here: Position, one: Exit, copy: Copy, quantity: int
) -> tuple[Copy, Desired]:
    """The exit as it is wanted, in the product in which the position is held; and the copy with its prices."""
    if one.order is None or one.lead is None:
        return copy, replace(one.wanted, terms=replace(one.wanted.terms, quantity=quantity))
    order, wish = one.order, one.lead.wish
    if order.side is None:
        raise ValueError(f"leader order {order.order_id} has no side")
    if follower.policy.copy_on is CopyOn.TRADED:
        wish = traded_terms(wish)
    how = mapping_of(follower, copy.rule)
    if (kept := live_leg(draft, copy)) is not None:
        asked = _kept(draft, here, one, copy, kept, quantity)
        if kept.leg is Leg.TARGET and copy.urgent == THROUGH_ITS_TARGET:
            asked = replace(asked, terms=_through(draft, follower, instrument, one, asked.terms, asked.side, kept))
        return copy, asked
    his = order
    if any(slot.live and slot.book is Book.FOREVER for slot in copy.slots):  # his may have triggered: so will ours
        his = replace(order, number="", triggered=False, filled=0, status=OrderStatus.PENDING)
    mapped = mapping.map_order(his, wish, quantity, how, instrument, closes=True)
    base = mapped.desired.terms if isinstance(mapped, mapping.Mapped) else _possible(wish, quantity)
    key = replace(wish, quantity=0, disclosed_quantity=0)
    if copy.shaped is None or copy.shaped[0] != key:
        bps = follower.policy.price_guard.exit_bps
        priced = _priced(draft, follower, instrument, order, order.side, replace(base, quantity=0), bps)
        copy = _noted(replace(copy, shaped=(key, priced.terms)), priced.notes)
    shaped = copy.shaped[1] if copy.shaped is not None else base
    terms = replace(base, order_type=shaped.order_type, price=shaped.price, trigger_price=shaped.trigger_price)
    after_market = order.after_market and not _trading(draft, follower, instrument)
    return copy, Desired(
        side=order.side,
        segment=here.segment,
        security_id=here.security_id,
        product=here.product,
        terms=terms,
        after_market=after_market,
        amo_time=(order.amo_time or how.after_market_time) if after_market else None,
    )


def _kept(draft: Draft, here: Position, one: Exit, copy: Copy, slot: Slot, quantity: int) -> Desired:
    """A leg that the broker keeps, at the leader's price. What his stop does by trailing, ours does by itself."""
    order, lead, asked = one.order, one.lead, slot.asked
    if order is None or lead is None or copy.wanted is None:
        raise ValueError(f"{one.key} is no leg of the leader's")
    wish, before = lead.wish, copy.decided_on
    entry = draft.orders.get(order_key(order.account, order.parent_id))
    trail = entry.bracket.trail if entry is not None and entry.bracket is not None else ZERO
    if slot.leg is Leg.TARGET:
        moved = replace(asked, price=wish.price) if wish.price else asked
        return replace(
            copy.wanted, product=here.product, terms=replace(with_trail(moved, slot.leg, ZERO), quantity=quantity)
        )
    steps = trail if asked.bracket is not None and asked.bracket.trail else ZERO
    moved_by_him = wish.trigger_price > 0 and (before is None or before.trigger_price != wish.trigger_price)
    if moved_by_him and before is not None and order.side is not None:
        moved_by_him = not trailed(before.trigger_price, wish.trigger_price, steps, order.side)
    trigger = wish.trigger_price if moved_by_him else asked.trigger_price
    terms = replace(with_trail(replace(asked, trigger_price=trigger), slot.leg, trail), quantity=quantity)
    return replace(copy.wanted, product=here.product, terms=terms)


THROUGH_BPS = Decimal(300)
"""So far through the market a leg is moved that has to trade now, where the price guard does not say."""


def _through(
    draft: Draft, follower: Follower, instrument: Instrument, one: Exit, terms: Terms, side: Side, slot: Slot
) -> Terms:
    """A target through the market; where it is there already it stays, and where no price is known it is left."""
    bps = follower.policy.price_guard.emergency_bps or THROUGH_BPS
    now = _priced(draft, follower, instrument, one.order, side, NOW, bps).terms.price
    last = market(draft, instrument, one.order or _telling(draft, instrument)).last_price
    if not now or last is None:
        return terms
    is_there = slot.asked.price <= last if side is Side.SELL else slot.asked.price >= last
    return with_trail(replace(terms, price=slot.asked.price if is_there else now), Leg.TARGET, ZERO)


def hurried(
    draft: Draft, follower: Follower, instrument: Instrument, one: Exit, copy: Copy, *, side: Side, emergency: bool
) -> Copy:
    """The copy with the terms of what has to trade now, priced at this moment."""
    guard = follower.policy.price_guard
    bps = guard.emergency_bps if emergency else guard.exit_bps
    priced = _priced(draft, follower, instrument, one.order, side, NOW, bps)
    return _noted(replace(copy, hurried=priced.terms, hurried_at=draft.now), priced.notes)


def _noted(copy: Copy, notes: tuple[str, ...]) -> Copy:
    """The copy with the note that its price is another one, unless it has a note that says more."""
    return replace(copy, note=Reason.REPRICED) if notes and copy.note is None else copy


def _priced(
    draft: Draft,
    follower: Follower,
    instrument: Instrument,
    order: Order | None,
    side: Side,
    terms: Terms,
    bps: Decimal | None,
) -> prices.Priced:
    """Terms within the price guard and the band, as far as their prices are known."""
    if terms.validity is Validity.FOREVER:  # the limits and prices of this day say nothing of the day when it triggers
        return prices.Priced(terms=terms, notes=())
    known, tick = market(draft, instrument, order or _telling(draft, instrument)), instrument.tick_size
    guarded = prices.guard_exit(terms, side, bps, last_price=known.last_price, tick=tick)
    band = prices.band(follower.policy.checks, known, data_plan=False)
    limits = band if isinstance(band, prices.Band) else None
    held = prices.within_band(guarded.terms, side, limits, tick, is_exit=True)
    notes = guarded.notes or (held.notes if isinstance(held, prices.Priced) else ())
    return prices.Priced(terms=held.terms, notes=notes) if isinstance(held, prices.Priced) else guarded


def _telling(draft: Draft, instrument: Instrument) -> Order | None:
    """The order of the leader's in an instrument that told its price last."""
    if draft.rules is None:
        return None
    leader = draft.rules.leader.client_id
    leads = draft.leads_in(instrument_key(instrument.segment, instrument.security_id))
    orders = (draft.orders.get(order_key(leader, lead.order_id)) for lead in leads)
    return max((one for one in orders if one is not None), key=lambda one: one.last_price_at, default=None)


def _possible(wish: Terms, quantity: int) -> Terms:
    """The leader's own terms, or MARKET where they are none that an exchange would take."""
    lacking = (wish.order_type.has_price and wish.price <= 0) or (
        wish.order_type.has_trigger and wish.trigger_price <= 0
    )
    if lacking or wish.validity is Validity.FOREVER:
        return replace(NOW, quantity=quantity)
    return replace(wish, quantity=quantity, disclosed_quantity=0)


def _trading(draft: Draft, follower: Follower, instrument: Instrument) -> bool:
    """Is its market open, as far as is known? Then nothing is sent for after it."""
    hours = follower.policy.market_hours
    return calendar_known(draft, hours) and market_standing(draft, hours, instrument).is_open
