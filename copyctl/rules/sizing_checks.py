"""Sizings that round every entry of a rule to nothing."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from copyctl.rules.filter_checks import lower_end, upper_end
from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Keys, Spot
from copyctl.rules.reach import reached
from copyctl.rules.settings import Settings

LOST_BELOW: Final = {"down": Decimal(1), "nearest": Decimal("0.5")}
"""What is less than so many lots is rounded to nothing; ``up`` loses nothing."""


class Most(NamedTuple):
    """The most units that an entry of a rule can come to, how they are reckoned, and the key that says it."""

    units: Decimal
    told: str
    spot: Spot


def lost_without_a_list(policy: Settings) -> Iterator[Finding]:
    """Entries that come to less than a unit: no lot is smaller."""
    for rule in copying(policy):
        lost = _lost(policy, rule, 1)
        if lost is not None:
            yield zero(lost, "no lot is smaller than 1")


def lost_in(policy: Settings, rule: Spot, lot: int) -> Most | None:
    """What every entry of a rule comes to, where lots of this size round it to nothing and lots of 1 do not."""
    return None if _lost(policy, rule, 1) is not None else _lost(policy, rule, lot)


def copying(policy: Settings) -> list[Spot]:
    """The rules that some order can get to and that copy it."""
    return [rule for rule in reached(policy)[0] if rule.at("action").value != "skip"]


def zero(most: Most, why: str) -> Finding:
    """The finding of a sizing that gives nothing."""
    message = f"{most.told}: every entry of this rule is rounded to nothing, as {why}"
    hint = "raise it, write rounding: up or minimum_lots: 1, or let the rule skip"
    return finding("R229", most.spot.place, most.spot.path, message, hint, severity=Severity.WARNING)


def _lost(policy: Settings, rule: Spot, lot: int) -> Most | None:
    sizing = policy.at("sizing")
    below = LOST_BELOW.get(str(policy.value("sizing", "rounding")))
    is_raised = policy.number("sizing", "minimum_lots") != 0
    if below is None or is_raised or policy.value("sizing", "residual") != "drop" or sizing.node is None:
        return None
    own = rule.at("sizing")
    most = _most(policy.part("sizing", over=own) if isinstance(own.node, Keys) else policy.part("sizing"), rule)
    return most if most is not None and most.units < below * lot else None


def _most(sizing: Settings, rule: Spot) -> Most | None:
    """The most units, where the sizing and the match of the rule bound them."""
    match sizing.value("strategy"):
        case "fixed_quantity":
            return _quantity(sizing)
        case "fixed_value":
            return _value(sizing, rule)
        case "fixed_ratio":
            return _ratio(sizing.number("ratio"), sizing.at("ratio"), rule)
        case "capital_proportional":
            return _ratio(_largest_ratio(sizing), sizing.at("capital"), rule)
        case _:
            return None


def _quantity(sizing: Settings) -> Most | None:
    quantity, spot = sizing.number("quantity"), sizing.at("quantity")
    return None if quantity is None else Most(quantity, f"quantity {spot.shown}", spot)


def _value(sizing: Settings, rule: Spot) -> Most | None:
    value, spot = sizing.number("value"), sizing.at("value")
    price = lower_end(rule.at("match", "price"))
    if value is None or price is None or price <= 0:
        return None
    return Most(value / price, f"value {spot.shown} buys less than {_short(value / price)} at {price} and more", spot)


def _ratio(ratio: Decimal | None, spot: Spot, rule: Spot) -> Most | None:
    quantity = upper_end(rule.at("match", "quantity"))
    if ratio is None or quantity is None or spot.node is None:
        return None
    told = f"a ratio of {_short(ratio)} and {quantity} of the leader's at most give {_short(ratio * quantity)}"
    return Most(ratio * quantity, told, spot)


def _largest_ratio(sizing: Settings) -> Decimal | None:
    """Of the capitals: the one that fixed ones give, and no more than ``maximum_ratio``."""
    keys = ("leader", "follower", "multiplier", "maximum_ratio")
    leader, follower, multiplier, bound = (sizing.number("capital", key) for key in keys)
    is_fixed = sizing.value("capital", "basis") == "fixed"
    if not is_fixed or leader is None or follower is None or multiplier is None or leader <= 0:
        return bound
    ratio = follower / leader * multiplier
    return ratio if bound is None else min(ratio, bound)


def _short(number: Decimal) -> str:
    return f"{number:.6g}"
