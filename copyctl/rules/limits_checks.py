"""Limits that fit the schema and still make no sense: those that let nothing through, that sizing breaks each time,
that another one always comes before.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Keys, Node, Spot, key_place, merge
from copyctl.rules.outside_checks import is_play
from copyctl.rules.reach import copied_sizings
from copyctl.rules.settings import Settings

ENDS: Final = {
    "max_daily_loss": "trips the kill switch at the first paisa of loss",
    "max_daily_profit": "lets no entry through from the first paisa of profit on",
}
"""Limits that end a day's entries rather than refuse one, and what they do at 0."""

LOT_LIMITS: Final = ("max_order_lots", "max_order_quantity", "max_position_quantity")
"""What so many lots cannot be more than, as a lot is a unit or more."""

AMOUNTS: Final = {
    "fixed_quantity": ("quantity", ("max_order_quantity", "max_position_quantity")),
    "fixed_value": ("value", ("max_order_value", "max_position_value", "max_gross_exposure")),
}
"""Strategy -> the key that says how much every entry comes to, and the limits on that."""

ROUNDING_KEEPS: Final = {"up": Decimal(1), "nearest": Decimal("1.5"), "down": Decimal(2)}
"""An amount so many times a limit or more is above it in whole lots of any size, or rounded to none."""

BREACHES: Final = {"reject": "refused", "reduce": "cut"}

ALWAYS: Final = (
    ("max_order_lots", "max_order_quantity"),
    ("max_orders_per_minute", "max_orders_per_day"),
    ("max_position_value", "max_gross_exposure"),
)
"""The first never decides where it is more than the second, which is reached no later."""

FROM_FLAT: Final = (
    ("max_order_quantity", "max_position_quantity"),
    ("max_order_lots", "max_position_quantity"),
    ("max_order_value", "max_position_value"),
    ("max_order_value", "max_gross_exposure"),
)
"""The same of an order that starts flat, unless one may take a position from one side to the other."""

RATES: Final = (("max_orders_per_minute", "per_minute"), ("max_orders_per_day", "per_day"))
"""A limit on placements, and the account's rate of all that changes it."""


class Size(NamedTuple):
    """What every entry of a sizing comes to, and what cannot be less than that. ``keeps``: see ``ROUNDING_KEEPS``."""

    spot: Spot
    amount: Decimal
    limits: tuple[str, ...]
    keeps: Decimal


def odd_limits(policy: Settings, rates: Settings) -> Iterator[Finding]:
    """Everything about the limits of a policy. ``rates``: the file's ``rate_limits``."""
    yield from _shut(policy)
    sizings = copied_sizings(policy)
    for sizing in sizings:
        for size in (*_lots(policy, sizing), *_amount(policy, sizing)):
            yield from _broken(policy, size)
        yield from _ratio(policy, sizing)
    if len(sizings) == 1:
        yield from _underlyings(policy, sizings[0])
    yield from _never_deciding(policy)
    yield from _above_rates(policy, rates)


def unlimited(top: Spot) -> Iterator[Finding]:
    """Policies without a single limit, where money is at stake: told once of the file's, and of each follower that
    takes its limits away."""
    policy = top.at("policy")
    if is_play(top.at("broker")) or policy.node is None:
        return
    is_limited = _is_limited(policy.at("limits").node)
    for follower in top.at("followers").items():
        own = follower.at("policy", "limits")
        whole = own.node if policy.at("limits").node is None else _merged(policy.at("limits"), own)
        if _is_limited(whole):
            continue
        spot = own if is_limited else policy.at("limits")
        place = spot.place if spot.node is not None else key_place(top.node or policy.node, policy.steps)
        message = "nothing limits what a follower trades: no order, no position, no loss of a day is too large"
        hint = "begin with limits: {max_order_value: 500000, max_daily_loss: 25000}, in rupees of your own"
        yield finding("R232", place, spot.path, message, hint, severity=Severity.WARNING)


def _merged(limits: Spot, own: Spot) -> Node | None:
    return limits.node if limits.node is None or own.node is None else merge(limits.node, own.node)


def _is_limited(limits: Node | None) -> bool:
    """Is there one that is not null?"""
    spot = Spot(node=limits)
    return isinstance(limits, Keys) and any(spot.at(key).is_given for key in limits.entries if key != "on_breach")


def _shut(policy: Settings) -> Iterator[Finding]:
    """A limit of nothing: not even a lot fits under it."""
    limits = policy.part("limits")
    for key, inner in limits.schema["properties"].items():
        if "minimum" in inner and limits.number(key) == 0:
            spot = limits.at(key)
            severity = Severity.WARNING if key in ENDS else Severity.ERROR
            message = f"{key} {spot.shown} {ENDS.get(key, 'refuses every entry')}"
            hint = "null is no limit; enabled: false is for a follower that shall only close"
            yield finding("R220", spot.place, spot.path, message, hint, severity=severity)


def _lots(policy: Settings, sizing: Settings) -> Iterator[Size]:
    """The lots that an entry has at least: fixed ones, or the bound that results are raised to."""
    least, most = policy.at("sizing", "minimum_lots"), policy.at("sizing", "maximum_lots")
    bound = policy.number("sizing", "maximum_lots")
    if most.is_given and bound is None:
        return
    is_fixed = sizing.value("strategy") == "fixed_lots"
    lots, spot = (sizing.number("lots") or Decimal(0)) if is_fixed else Decimal(0), sizing.at("lots")
    if (raised := policy.number("sizing", "minimum_lots") or Decimal(0)) > lots:
        lots, spot = raised, least
    if bound is not None and lots > bound:
        lots, spot = bound, most
    if lots > 0:
        yield Size(spot, lots, LOT_LIMITS, Decimal(1))


def _amount(policy: Settings, sizing: Settings) -> Iterator[Size]:
    """The units or rupees that an entry is asked for, where no bound in lots cuts them."""
    key, limits = AMOUNTS.get(str(sizing.value("strategy")), ("", ()))
    amount = sizing.number(key) if key else None
    if amount is not None and not policy.at("sizing", "maximum_lots").is_given:
        keeps = ROUNDING_KEEPS.get(str(policy.value("sizing", "rounding")), Decimal(2))
        yield Size(sizing.at(key), amount, limits, keeps)


def _broken(policy: Settings, size: Size) -> Iterator[Finding]:
    """The limits that every entry of this size is above. To cut each to a limit makes sense, unless it has to have a
    least size."""
    own = str(size.spot.steps[-1])
    breach = BREACHES.get(str(policy.value("limits", "on_breach")))
    if breach is None or (breach == "cut" and own != "minimum_lots"):
        return
    for key in size.limits:
        most, limit = policy.number("limits", key), policy.at("limits", key)
        if most is None or not 0 < most < size.amount:
            continue
        is_always = size.amount >= most * size.keeps
        which = "every entry so sized" if is_always else "an entry of that size"
        message = f"{own} {size.spot.shown} is more than {key} {limit.shown}: {which} is {breach}"
        severity = Severity.ERROR if is_always and breach == "refused" else Severity.WARNING
        spot = policy.nearest(size.spot, limit, policy.at("limits", "on_breach"))
        yield finding("R221", spot.place, spot.path, message, f"lower {own}, or raise {key}", severity=severity)


def _underlyings(policy: Settings, sizing: Settings) -> Iterator[Finding]:
    """Underlyings that are meant to be traded, and can hold less than every entry has; 0 is said on purpose."""
    table = policy.at("limits", "max_underlying_lots")
    names = table.node.entries if isinstance(table.node, Keys) else ()
    for size in _lots(policy, sizing):
        for name in names:
            limit = table.at(name)
            if not isinstance(limit.value, int) or not 0 < limit.value < size.amount:
                continue
            own = str(size.spot.steps[-1])
            whom = "an underlying without a number of its own" if name == "*" else name
            message = f"{own} {size.spot.shown} is more than the {limit.shown} lots for {whom}: no entry fits"
            spot = policy.nearest(limit, size.spot)
            hint = f"lower {own}, or raise max_underlying_lots"
            yield finding("R221", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _never_deciding(policy: Settings) -> Iterator[Finding]:
    """A limit that is more than one which counts at least as much."""
    from_flat = FROM_FLAT if policy.value("exits", "never_reverse") is True else ()
    told = set()
    for key, other in (*ALWAYS, *from_flat):
        most, least = policy.number("limits", key), policy.number("limits", other)
        if key not in told and most is not None and least is not None and 0 < least < most:
            told.add(key)
            above, below = policy.at("limits", key), policy.at("limits", other)
            why = "no order that starts flat gets so far" if (key, other) in FROM_FLAT else "it never decides"
            message = f"{key} {above.shown} is more than {other} {below.shown}: {why}"
            hint = f"lower {key}, raise {other}, or leave one of them out"
            spot = policy.nearest(above, below)
            yield finding("R222", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _above_rates(policy: Settings, rates: Settings) -> Iterator[Finding]:
    """A limit on placements that the account's rate comes before."""
    for key, rate in RATES:
        most, allowed = policy.number("limits", key), rates.number("orders", rate)
        if most is not None and allowed is not None and most > allowed:
            spot, shown = policy.at("limits", key), rates.shown("orders", rate)
            message = f"{key} {spot.shown} is more than rate_limits.orders.{rate} {shown}: it never decides"
            hint = f"lower {key}, or leave it out"
            yield finding("R222", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _ratio(policy: Settings, sizing: Settings) -> Iterator[Finding]:
    """Fixed capitals give one ratio; a bound below it would always take its place."""
    if sizing.value("strategy") != "capital_proportional" or sizing.value("capital", "basis") != "fixed":
        return
    keys = ("leader", "follower", "multiplier", "maximum_ratio")
    leader, follower, multiplier, bound = (sizing.number("capital", key) for key in keys)
    if leader is None or follower is None or multiplier is None or bound is None or leader <= 0:
        return
    if follower / leader * multiplier > bound:
        last, *others = (sizing.at("capital", key) for key in reversed(keys))
        spot = policy.nearest(last, *others)
        message = f"the fixed capitals give a ratio above maximum_ratio {last.shown}, which always takes its place"
        hint = "raise maximum_ratio, lower multiplier, or use fixed_ratio"
        yield finding("R222", spot.place, spot.path, message, hint, severity=Severity.WARNING)
