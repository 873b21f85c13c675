"""Unasked: rules without the checks that only the broker can answer, for where nobody asks him."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from copyctl.model.choices import PriceBand, Unavailable
from copyctl.model.policy import Checks, Follower, Rules

_OFF: Final[Mapping[str, Any]] = {"margin": False, "price_band": PriceBand.NONE, "address": False}
ONLY_THE_BROKER: Final[Mapping[str, str]] = {
    "margin": "what it blocks",
    "price_band": "the circuit limits of the day",
}
"""Checks of an entry that nobody but the broker can answer, and what he would be asked."""


def without_broker(rules: Rules) -> Rules:
    """These rules, each follower's without those checks; a figure that cannot be had for another one lets it pass."""
    return replace(rules, followers=tuple(_without(one) for one in rules.followers))


def not_asked(checks: Checks) -> dict[str, str]:
    """Which of these checks the rules ask for, and that they were not made."""
    off = {key: _OFF[key] for key in ONLY_THE_BROKER}
    return {
        key: f"{what}: only the broker can tell"
        for key, what in ONLY_THE_BROKER.items()
        if getattr(checks, key) != off[key]
    }


def _without(follower: Follower) -> Follower:
    policy = follower.policy
    checks = replace(policy.checks, unavailable=Unavailable.PASS, **_OFF)
    return replace(follower, policy=replace(policy, checks=checks))
