"""Filters: is this leader order copied, and by which rule? The first rule that matches decides."""

import re
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from functools import lru_cache

from copyctl.core.hours import ist, ist_day
from copyctl.model.choices import Intent
from copyctl.model.copying import FilterRule, Filters, Match
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.ranges import Range

Fact = str | Decimal | int | bool | None


def first_match(
    filters: Filters, order: Order, wish: Terms, instrument: Instrument, now: int, *, opens: bool = True
) -> FilterRule | None:
    """The rule that decides for this order, or None where only the default is left. ``opens``: does it open
    something, or close?"""
    return next(
        (rule for rule in filters.rules if matches(rule.match, order, wish, instrument, now, opens=opens)), None
    )


def matches(match: Match, order: Order, wish: Terms, instrument: Instrument, now: int, *, opens: bool = True) -> bool:
    """Do all keys of the rule hold?"""
    return unmet(match, order, wish, instrument, now, opens=opens) is None


def unmet(
    match: Match, order: Order, wish: Terms, instrument: Instrument, now: int, *, opens: bool = True
) -> str | None:
    """The first key of the rule that does not hold, None where all do. A key whose fact is not known does not."""
    if match.intent is not None and (Intent.OPEN if opens else Intent.CLOSE) not in match.intent:
        return "intent"
    for key, test in _TESTS.items():
        wanted = getattr(match, key)
        if wanted is not None and not test(wanted, order, wish, instrument, now):
            return key
    return None


def reference_price(order: Order, wish: Terms) -> Decimal | None:
    """The price that an order stands for: its limit, else its trigger, else the last traded price, else unknown."""
    return wish.price or wish.trigger_price or order.last_price or order.average_price or None


def time_of(order: Order, now: int) -> time:
    """At which time of the Indian day an order was given."""
    return ist(order.created_time or now).time()


def within(bounds: Range, value: Decimal | int | None) -> bool:
    """Is a known value inside a range?"""
    if value is None:
        return False
    return (
        (bounds.from_ is None or value >= bounds.from_)
        and (bounds.to is None or value <= bounds.to)
        and (bounds.above is None or value > bounds.above)
        and (bounds.below is None or value < bounds.below)
    )


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.IGNORECASE | re.DOTALL)


def _one_of(patterns: tuple[str, ...], text: str) -> bool:
    return any(_pattern(pattern).fullmatch(text) for pattern in patterns)


def _value(order: Order, wish: Terms, instrument: Instrument) -> Decimal | None:
    price = reference_price(order, wish)
    return None if price is None else price * wish.quantity * instrument.multiplier


def _days_to_expiry(instrument: Instrument, now: int) -> int | None:
    return None if instrument.expiry is None else (instrument.expiry - ist_day(now)).days


_TESTS: dict[str, Callable[..., bool]] = {
    "segment": lambda want, order, _wish, _inst, _now: order.segment in want,
    "instrument": lambda want, _order, _wish, inst, _now: inst.kind in want,
    "underlying": lambda want, _order, _wish, inst, _now: bool(inst.underlying) and _one_of(want, inst.underlying),
    "symbol": lambda want, _order, _wish, inst, _now: bool(inst.symbol) and _one_of(want, inst.symbol),
    "security_id": lambda want, order, _wish, _inst, _now: _one_of(want, order.security_id or ""),
    "option_type": lambda want, _order, _wish, inst, _now: inst.option_type in want,
    "side": lambda want, order, _wish, _inst, _now: order.side in want,
    "product": lambda want, order, _wish, _inst, _now: order.product in want,
    "order_type": lambda want, _order, wish, _inst, _now: wish.order_type in want,
    "validity": lambda want, _order, wish, _inst, _now: wish.validity in want,
    "platform": lambda want, order, _wish, _inst, _now: bool(order.platform) and _one_of(want, order.platform),
    "tag": lambda want, order, _wish, _inst, _now: bool(order.correlation_id) and _one_of(want, order.correlation_id),
    "after_market": lambda want, order, _wish, _inst, _now: order.after_market == want,
    "quantity": lambda want, _order, wish, _inst, _now: within(want, wish.quantity),
    "price": lambda want, order, wish, _inst, _now: within(want, reference_price(order, wish)),
    "value": lambda want, order, wish, inst, _now: within(want, _value(order, wish, inst)),
    "days_to_expiry": lambda want, _order, _wish, inst, now: within(want, _days_to_expiry(inst, now)),
    "time": lambda want, order, _wish, _inst, now: want.from_ <= time_of(order, now) <= want.to,
}
"""Every key of a match but ``intent``, which is no fact of the order alone."""
