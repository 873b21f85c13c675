"""The rules of one day, drawn by its seed: what each follower copies, how large, and how."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final

from copyctl.model.policy import Rules
from copyctl.rules import rules_of

LEADER: Final = "1100000001"
NAMES: Final = ("alice", "bob", "carol", "dave")
_MODES: Final = {"down": ROUND_FLOOR, "nearest": ROUND_HALF_UP, "up": ROUND_CEILING}


@dataclass(frozen=True, slots=True)
class Follower:
    """What the model of a follower needs to know of its policy."""

    account: str
    name: str
    ratio: Decimal
    rounding: str
    copy_on: str
    alternatives: str
    most_lots: int | None

    def q(self, units: int, lot: int) -> int:
        """The follower's units for so many of the leader's, whole lots."""
        lots = int((self.ratio * units / lot).to_integral_value(_MODES[self.rounding]))
        return lots * lot


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rules of a day. ``orders``: the windows (s) of requests that change something, and what each takes."""

    rules: Rules
    followers: tuple[Follower, ...]
    orders: tuple[tuple[int, int], ...]


def draw(seed: int) -> Drawn:
    """The rules of this day."""
    chance = Random(f"{seed}/policies")
    followers, written = [], []
    for number in range(chance.choice((1, 2, 2, 3))):
        account, name = f"110000000{number + 2}", NAMES[number]
        policy = _policy(chance)
        written.append({"name": name, "client_id": account, "access_token": "x", "policy": policy})
        followers.append(
            Follower(
                account=account,
                name=name,
                ratio=Decimal(str(policy["sizing"]["ratio"])),
                rounding=policy["sizing"]["rounding"],
                copy_on=policy["copy_on"],
                alternatives=policy["exits"]["alternatives"],
                most_lots=policy["limits"]["max_order_lots"],
            )
        )
    per_second = chance.choice((10, 10, 4))
    per_minute = chance.choice((250, 250, 12, 30))
    rules = rules_of(
        {
            "version": 1,
            "name": "simulated",
            "broker": {"adapter": "dhan"},
            "leader": {"client_id": LEADER, "access_token": "x"},
            "followers": written,
            "policy": {"sizing": {"strategy": "fixed_ratio", "ratio": 1}},
            "rate_limits": {"orders": {"per_second": per_second, "per_minute": per_minute}},
            "resilience": {"sweep": chance.choice(("15s", "30s", "60s"))},
            "kill_switch": {
                "on_consecutive_rejections": chance.choice((None, None, 5)),
                "on_unresolved_orders": chance.choice((None, 3)),
            },
        }
    )
    return Drawn(rules, tuple(followers), ((1, per_second), (60, per_minute), (3600, 1000), (86_400, 7000)))


def _policy(chance: Random) -> dict[str, Any]:
    limited = chance.random() < 0.2
    policy = _drawn(chance, limited=limited)
    if policy["mapping"]["slicing"] == "auto":  # on such days what is larger is cut here, into orders that are one copy
        policy["mapping"]["freeze_quantity"] = {"*": CUT_AT}
    return policy


CUT_AT = 130
"""Units: two lots of NIFTY."""


def _drawn(chance: Random, *, limited: bool) -> dict[str, Any]:
    return {
        "copy_on": chance.choice(("accepted", "accepted", "received", "traded")),
        "sizing": {
            "strategy": "fixed_ratio",
            "ratio": chance.choice((1, 0.5, 0.5, 0.25, 2, 0.3)),
            "rounding": chance.choice(("down", "down", "nearest", "up")),
        },
        "exits": {
            "alternatives": chance.choice(("one", "one", "all")),
            "lag_action": chance.choice(("market", "market", "none")),
            "confirm_short": chance.choice(("auto", "always", "never")),
        },
        "late": {"filled": chance.choice(("skip", "market", "limit")), "max_slippage_bps": 500},
        "fills": {
            "lag_action": chance.choice(("none", "none", "market", "cancel")),
            "excess": chance.choice(("alert", "close")),
        },
        "mapping": {"slicing": chance.choice(("auto", "never")), "freeze_quantity": {"*": None}},
        "market_hours": {"enforce": False},
        "limits": {
            "max_order_lots": chance.choice((4, 8)) if limited else None,
            "on_breach": chance.choice(("reject", "reduce")),
        },
        "checks": {
            "margin": chance.random() < 0.3,
            "price_band": chance.choice(("none", "none", "circuit")),
            "self_trade": chance.choice(("refuse", "off")),
            "delivery": "off",
            "address": chance.random() < 0.3,
        },
    }
