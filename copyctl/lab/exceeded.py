"""Exceeded: which limits what is held and open breaks already, before anything is added to it.

Counted as the checks of entries count (``core.limits``): as if the open copies had filled, whichever way is worst.
``max_orders_per_minute`` is left out, for it is over in a minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from copyctl.core.allowed import capital_today, exposures
from copyctl.core.exposure import Exposure, lots_of
from copyctl.core.index import instrument_of
from copyctl.core.limits import PAISA, Figure, digits, limit_of
from copyctl.core.state import Draft
from copyctl.model.order import ZERO
from copyctl.model.policy import Follower

ENDS_THE_DAY = frozenset({"max_orders_per_day", "max_daily_loss", "max_daily_profit"})
"""These let no entry pass once they are reached; the others may be reached and not passed."""
FIGURE = "{}"
"""Where the figure stands in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """One limit that is broken, or for today reached: ``value`` where ``allowed`` is the limit."""

    follower: str
    limit: str
    value: Figure
    allowed: Figure
    detail: str


def exceeded(draft: Draft, follower: Follower) -> list[Exceeded]:
    """Every limit of a follower that what it has and has done breaks."""
    found = []
    for key, value, told, underlying in _figures(draft, follower.client_id):
        limit = limit_of(follower.policy.limits, key, underlying)
        if limit is None or not (0 < value >= limit if key in ENDS_THE_DAY else value > limit):
            continue
        shown = value if isinstance(value, int) else value.quantize(PAISA, rounding=ROUND_UP)
        detail = f"{told.replace(FIGURE, digits(shown))}, {key} is {digits(limit)}"
        one = Exceeded(follower=follower.client_id, limit=key, value=shown, allowed=limit, detail=detail)
        found.append(one)
    return found


_Told = tuple[str, Figure, str, str]
"""Key of the limit, the figure, the sentence of it, and the underlying that it is of, if any."""


def _figures(draft: Draft, account: str) -> Iterator[_Told]:
    held = exposures(draft, account)
    here = draft.account(account)
    yield from _of_orders(draft, account)
    yield "max_open_orders", draft.placements(account)[0], "{} orders are open", ""
    capital = capital_today(draft, account)
    for key, one in held.items():
        yield from _of_position(_name(draft, key), one, capital)
    open_now = sum(1 for one in held.values() if one.worst)
    yield "max_open_positions", open_now, "with all that is open filled {} positions would be open", ""
    gross = sum((one.value for one in held.values() if one.value is not None), ZERO)
    yield "max_gross_exposure", gross, "with all that is open filled all positions would be worth {} rupees", ""
    for underlying in dict.fromkeys(one.underlying for one in held.values() if one.underlying):
        lots = sum(one.lots for one in held.values() if one.underlying == underlying)
        told = f"with all that is open filled the positions in {underlying} would be {{}} lots"
        yield "max_underlying_lots", lots, told, underlying
    yield "max_orders_per_day", here.placed_today, "{} orders are placed today", ""
    if here.profit is not None:
        yield "max_daily_loss", -here.profit, "the account has lost {} rupees today", ""
        yield "max_daily_profit", here.profit, "the account has made {} rupees today", ""


def _of_orders(draft: Draft, account: str) -> Iterator[_Told]:
    """Of each open entry; exits pass all limits."""
    for copy in draft.open_copies(account):
        if copy.exit or copy.wanted is None or not any(slot.live for slot in copy.slots):
            continue
        key = instrument_of(copy)
        instrument = draft.instruments.get(key)
        terms, name = copy.wanted.terms, f"the copy of {copy.leader_order_id} ({_name(draft, key)})"
        yield "max_order_quantity", terms.quantity, f"{name} has {{}} units", ""
        if instrument is None:
            continue
        yield "max_order_lots", lots_of(terms.quantity, instrument.lot_size), f"{name} has {{}} lots", ""
        quoted = draft.quotes.get(key)
        price = terms.price or (quoted.last_price if quoted is not None else None)
        if price:
            worth = terms.quantity * instrument.multiplier * price
            yield "max_order_value", worth, f"{name} is worth {{}} rupees", ""


def _of_position(name: str, one: Exposure, capital: Decimal | None) -> Iterator[_Told]:
    would = f"with all that is open filled {name} would be"
    yield "max_position_quantity", one.worst, f"{would} {{}} units", ""
    if one.value is None:
        return
    yield "max_position_value", one.value, f"{would} worth {{}} rupees", ""
    if capital:
        yield "max_concentration_pct", 100 * one.value / capital, f"{would} worth {{}} % of the capital", ""


def _name(draft: Draft, key: str) -> str:
    instrument = draft.instruments.get(key)
    return (instrument.symbol if instrument is not None else "") or key.rpartition("/")[2]
