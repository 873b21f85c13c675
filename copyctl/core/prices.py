"""Prices: may an order trade at this price, and which price does it get where it has none or a forbidden one?

Three questions, asked one by one: is it near enough to a reference (``price_guard``), inside the band in which the
exchange takes orders (``checks.price_band``), and, of an entry seen late, is the market still where the leader filled
(``late.max_slippage_bps``)? An entry may be refused; an exit is only ever given another price. All prices are rupees
per unit, distances basis points; a price of None, 0 or less is not known.

The guard's limit goes to the tick towards its reference, so that it is never further away than the rules allow. It
follows the last traded price, so it is asked once for a decision, and not again while nothing was decided anew.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from copyctl.core.mapping import BPS, HUNDRED, to_tick
from copyctl.model.choices import GuardReference, PriceBand
from copyctl.model.order import Terms
from copyctl.model.policy import Checks, PriceGuard
from copyctl.model.terms import OrderType, Side

PRICE_GUARD = "price_guard"
CIRCUIT_LIMIT = "circuit_limit"
LATE_PRICE = "late_price"
REPRICED = "repriced"

OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
COSTLY = {Side.BUY: "above", Side.SELL: "below"}
"""On which side of a price an order of this side pays more or gets less."""
LIMITED = {
    OrderType.MARKET: OrderType.LIMIT,
    OrderType.LIMIT: OrderType.LIMIT,
    OrderType.STOP_LOSS_MARKET: OrderType.STOP_LOSS,
    OrderType.STOP_LOSS: OrderType.STOP_LOSS,
}
"""What an order of each type becomes when it gets a limit of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known of an instrument's price: the last traded one, and the circuit limits of the day."""

    last_price: Decimal | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """From where to where a price may lie, both included, not rounded to the tick. ``name`` is for sentences."""

    lower: Decimal
    upper: Decimal
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The order may go, with these terms. ``notes``: the codes of what was changed."""

    terms: Terms
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The entry must not be sent: ``price_guard``, ``circuit_limit`` or ``late_price``, with the prices."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacks:
    """A price is needed and not known: ask for a quote, or refuse for want of it."""

    detail: str


# ---- the guard ------------------------------------------------------------------------------------------------------


def guard_entry(
    terms: Terms,
    side: Side,
    guard: PriceGuard,
    *,
    leader_price: Decimal | None,
    last_price: Decimal | None,
    tick: Decimal,
    computed: bool = False,
) -> Priced | Refused | Lacks:
    """An entry kept within ``entry_bps`` of its reference.

    A MARKET becomes a LIMIT at that distance, unless the last traded price is further away already: then it is
    refused, and so is a limit that is further away. A better limit, or a market that has run away from a resting
    one, is no breach. Where the reference is the leader's price and he has none yet (his MARKET is not filled), the
    last traded price stands in: it is what he would pay. With both known to nobody the answer is ``Lacks``; the last
    traded price is not asked for only to be compared, since the limit protects without it.

    A stop is measured from its own trigger, for it trades there and not where the market is now: one that rests far
    from the market is no breach. A STOP_LOSS_MARKET becomes a STOP_LOSS, being a MARKET from its trigger on; its limit
    is a tick beyond the trigger where the distance is less than that.

    ``computed``: the limit is not the leader's but made by ``mapping`` of a MARKET or STOP_LOSS_MARKET; where it lies
    too far it is pulled in, as his order without a limit would be, and not refused.
    """
    bps = guard.entry_bps
    if bps is None:
        return Priced(terms=terms)
    is_stop, has_limit = terms.order_type.has_trigger, terms.order_type.has_price
    found = _reference(terms, guard.reference, leader_price, last_price)
    if found is None:
        return Lacks(detail="price_guard.entry_bps: neither the leader's price nor the last traded price is known")
    name, reference = found
    furthest = _furthest(reference, side, bps)
    if has_limit and not _costlier(terms.price, furthest, side):
        return Priced(terms=terms)
    if has_limit and not computed:
        detail = _too_far("its limit", terms.price, name, reference, side, "price_guard.entry_bps", bps)
        return Refused(reason=PRICE_GUARD, detail=detail)
    last = _known(last_price)
    if last is not None and not is_stop and _costlier(last, furthest, side):
        detail = _too_far("the last traded price", last, name, reference, side, "price_guard.entry_bps", bps)
        return Refused(reason=PRICE_GUARD, detail=detail)
    price = to_tick(furthest, tick, OPPOSITE[side])
    if is_stop:  # the broker refuses a limit that is not beyond its trigger
        least = _next_beyond(terms.trigger_price, tick, side)
        price = least if _costlier(least, price, side) else price
    return _limited(terms, price)


def guard_exit(terms: Terms, side: Side, bps: Decimal | None, *, last_price: Decimal | None, tick: Decimal) -> Priced:
    """A MARKET exit turned into a LIMIT ``bps`` beyond the last traded price (``exit_bps`` or ``emergency_bps``).

    Never refused: with no distance set or no price known it stays MARKET. Limits and stops are left alone, a
    STOP_LOSS_MARKET too: it must close the position however far the market jumps.
    """
    last = _known(last_price)
    if bps is None or last is None or terms.order_type is not OrderType.MARKET:
        return Priced(terms=terms)
    return _limited(terms, to_tick(_furthest(last, side, bps), tick, OPPOSITE[side]))


# ---- the band -------------------------------------------------------------------------------------------------------


def band(checks: Checks, market: Market, *, data_plan: bool) -> Band | Lacks | None:
    """The band in which a price must lie; None: any price may go.

    ``data_plan``: circuit limits are to be had, so that it is worth waiting for them: the account has the plan, and
    its quote has not been asked for in vain. With ``auto`` limits that are known count in any case; not known, they
    are waited for only then. ``circuit`` insists on them. Of an exit ``Lacks`` means: as it is.
    """
    if checks.price_band is PriceBand.NONE:
        return None
    if checks.price_band is PriceBand.PCT:
        return _around(_known(market.last_price), checks.price_band_pct)
    lower, upper = market.lower, _known(market.upper)
    if lower is not None and upper is not None and 0 <= lower <= upper:
        return Band(lower=lower, upper=upper, name="the circuit limits")
    if checks.price_band is PriceBand.AUTO and not data_plan:
        return None
    return Lacks(detail=f"checks.price_band: {checks.price_band}: the circuit limits are not known")


def _around(last: Decimal | None, pct: Decimal) -> Band | Lacks:
    if last is None:
        return Lacks(detail="checks.price_band: pct: the last traded price is not known")
    width = last * pct / HUNDRED
    return Band(
        lower=max(Decimal(0), last - width),
        upper=last + width,
        name=f"the band of {pct:f}% around the last traded price {last:f},",
    )


def within_band(
    terms: Terms, side: Side, limits: Band | None, tick: Decimal, *, is_exit: bool, computed: bool = False
) -> Priced | Refused:
    """An order's limit and trigger held against the band. A MARKET has neither and passes.

    An entry outside is refused, the band named. An exit is never refused: what lies outside is moved to the band's
    edge, rounded inward to the tick; where that leaves a stop's trigger and limit at one price, one of them makes room.

    ``computed``: the limit is not the leader's but ours, of an order of his without one (``guard_entry`` or
    ``mapping``). His would have gone, so a limit past the band's costly edge is moved there, of an entry too, unless
    its trigger is there already.
    """
    if limits is None:
        return Priced(terms=terms)
    lower, upper = to_tick(limits.lower, tick, Side.BUY), to_tick(limits.upper, tick, Side.SELL)
    if is_exit:
        return _moved(terms, side, lower, upper, tick)
    edge, exact = (upper, limits.upper) if side is Side.BUY else (lower, limits.lower)
    pulled = computed and terms.order_type.has_price and _costlier(terms.price, exact, side)
    held = replace(terms, price=edge) if pulled else terms
    told = {"limit": held.price} if held.order_type.has_price else {}
    told |= {"trigger": held.trigger_price} if held.order_type.has_trigger else {}
    where = f"{limits.name} {limits.lower:f} to {limits.upper:f}"
    if pulled and held.order_type.has_trigger and held.trigger_price == edge:
        detail = f"the {side}'s trigger {edge:f} leaves no room for a limit inside {where}"
        return Refused(reason=CIRCUIT_LIMIT, detail=detail)
    for word, price in told.items():
        if not limits.lower <= price <= limits.upper:
            return Refused(reason=CIRCUIT_LIMIT, detail=f"the {side}'s {word} {price:f} lies outside {where}")
    return Priced(terms=held, notes=(REPRICED,) if pulled else ())


def _moved(terms: Terms, side: Side, lower: Decimal, upper: Decimal, tick: Decimal) -> Priced:
    price, trigger = terms.price, terms.trigger_price
    if terms.order_type.has_price:
        price = min(max(price, lower), upper)
    if terms.order_type.has_trigger:
        trigger = min(max(trigger, lower), upper)
    if (price, trigger) == (terms.price, terms.trigger_price):
        return Priced(terms=terms)
    if terms.order_type is OrderType.STOP_LOSS and price == trigger:
        beyond = tick if side is Side.BUY else -tick
        if lower <= trigger - beyond <= upper:
            trigger -= beyond
        elif lower <= price + beyond <= upper:
            price += beyond
    return Priced(terms=replace(terms, price=price, trigger_price=trigger), notes=(REPRICED,))


# ---- late entries ---------------------------------------------------------------------------------------------------


def late_price(
    side: Side, leader_average: Decimal, last_price: Decimal | None, max_slippage_bps: Decimal
) -> Refused | Lacks | None:
    """May an entry that the leader filled a while ago still go? None: yes.

    Only while the last traded price costs at most ``max_slippage_bps`` more than his average; a better one is fine.
    """
    average, last = _known(leader_average), _known(last_price)
    if average is None or last is None:
        missing = "the leader's average price" if average is None else "the last traded price"
        return Lacks(detail=f"late.max_slippage_bps: {missing} is not known")
    if not _costlier(last, _furthest(average, side, max_slippage_bps), side):
        return None
    key = "late.max_slippage_bps"
    detail = _too_far("the last traded price", last, "the leader's fill at", average, side, key, max_slippage_bps)
    return Refused(reason=LATE_PRICE, detail=detail)


# ---- what they share ------------------------------------------------------------------------------------------------


def _reference(
    terms: Terms, wanted: GuardReference, leader_price: Decimal | None, last_price: Decimal | None
) -> tuple[str, Decimal] | None:
    """What an entry is measured from, with its name: of several the first that is known."""
    leader: tuple[str, Decimal | None] = ("the leader's price", leader_price)
    last: tuple[str, Decimal | None] = ("the last traded price", last_price)
    candidates = [leader, last] if wanted is GuardReference.LEADER else [last]
    if terms.order_type.has_trigger:
        candidates = [("its own trigger", terms.trigger_price)]
    return next(((name, known) for name, price in candidates if (known := _known(price)) is not None), None)


def _known(price: Decimal | None) -> Decimal | None:
    return price if price is not None and price > 0 else None


def _furthest(reference: Decimal, side: Side, bps: Decimal) -> Decimal:
    """The costliest price that is still within the distance, not rounded."""
    return reference + (1 if side is Side.BUY else -1) * reference * bps / BPS


def _costlier(price: Decimal, than: Decimal, side: Side) -> bool:
    return price > than if side is Side.BUY else price < than


def _next_beyond(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """The first price on the tick that costs more than this one."""
    on_tick = to_tick(price, tick, side)
    if on_tick != price:
        return on_tick
    return price + tick if side is Side.BUY else max(tick, price - tick)


def _limited(terms: Terms, price: Decimal) -> Priced:
    return Priced(terms=replace(terms, order_type=LIMITED[terms.order_type], price=price), notes=(REPRICED,))


def _too_far(what: str, price: Decimal, name: str, reference: Decimal, side: Side, key: str, bps: Decimal) -> str:
    """A sentence with both prices and the distance, which is rounded up, so that it reads as more than is allowed."""
    distance = (abs(price - reference) / reference * BPS).quantize(Decimal("0.1"), rounding=ROUND_CEILING)
    return f"{side}: {what} {price:f} is {distance:f} bps {COSTLY[side]} {name} {reference:f}; {key} allows {bps:f}"
