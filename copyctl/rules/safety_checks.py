"""What is risky in a policy or cannot work: safeguards taken away, distances and waits that defeat their purpose,
actions of the kill switch in the way of one another.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from copyctl.model.duration import UNITS
from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Scalar, Spot, Value
from copyctl.rules.reach import may_sell_options
from copyctl.rules.settings import Settings

LONGEST_WINDOW: Final = UNITS["m"]
"""Legs that belong together come within it."""


class Safeguard(NamedTuple):
    """A key, the value of it that takes a safeguard away, and what may happen then. ``section``: with dots between."""

    section: str
    key: str
    value: Value
    risk: str
    hint: str


SAFEGUARDS: Final = (
    Safeguard(
        *("exits", "always_copy", False, "a filter, a limit or a check may keep the follower in what the leader left"),
        "true lets every exit through",
    ),
    Safeguard(
        *("exits", "never_reverse", False, "an entry that is refused takes the exit in the same order with it"),
        "true closes first and opens when that has filled",
    ),
    Safeguard(
        *("exits", "base", "account", "an exit may sell what the follower bought himself"),
        "copied closes what copies built, no more",
    ),
    Safeguard(
        *("exits", "confirm_short", "never", "an exit after a lost frame may go out as a naked short"),
        "auto reads the leader's order book where there is doubt",
    ),
    Safeguard(
        *("mapping.stop_market", "derivatives", "native", "Dhan refuses such a stop or fills it at once, at any price"),
        "protected sends a stop with a limit",
    ),
    Safeguard(
        *(
            "checks",
            "instrument",
            False,
            "an id that is out of date goes to the broker, who may mean another one by it",
        ),
        "true refuses what the instrument list does not have",
    ),
    Safeguard(
        *("checks", "self_trade", "off", "an entry may trade with your own order, which the exchanges forbid"),
        "refuse keeps it back, warn tells of it",
    ),
    Safeguard(
        *("checks", "unavailable", "pass", "an entry goes out though its margin or price could not be asked"),
        "refuse keeps it back",
    ),
)

NEEDED_BEFORE: Final = ("cancel_open_orders", "flatten")
"""Dhan's kill switch wants no open order and no open position."""

SENDING: Final = ("cancel_open_orders", "broker_kill_switch")
"""Actions that a halt keeps from being sent; flatten goes with it in no order at all."""


def odd_safety(policy: Settings) -> Iterator[Finding]:
    """Everything about the safeguards, distances and waits of a policy."""
    yield from _taken_away(policy)
    yield from _margin(policy)
    yield from _guard(policy)
    yield from _late(policy)
    yield from _lag(policy)
    yield from _basket(policy)


def _taken_away(policy: Settings) -> Iterator[Finding]:
    rules = [rule.at("mapping") for rule in policy.at("filters", "rules").items()]
    for one in SAFEGUARDS:
        first, *deeper = *one.section.split("."), one.key
        for spot in (part.at(*deeper) for part in (policy.at(first), *(rules if first == "mapping" else ()))):
            if spot.value != one.value or not spot.is_given:
                continue
            message = f"{one.key}: {spot.shown}: {one.risk}"
            yield finding("R223", spot.place, spot.path, message, one.hint, severity=Severity.WARNING)


def _margin(policy: Settings) -> Iterator[Finding]:
    """A sold option is what margin is asked for above all."""
    spot = policy.at("checks", "margin")
    if spot.value is False and may_sell_options(policy):
        message = "options may be sold here without asking whether the margin is there"
        hint = "margin: true, or a filter that lets no sold option through"
        yield finding("R223", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _guard(policy: Settings) -> Iterator[Finding]:
    """What must get out may trade furthest from the reference."""
    emergency = policy.at("price_guard", "emergency_bps")
    furthest = policy.number("price_guard", "emergency_bps")
    for key in ("exit_bps", "emergency_bps"):
        spot = policy.at("price_guard", key)
        if policy.number("price_guard", key) == 0:
            message = f"{key} {spot.shown} lets an exit trade at the last traded price and no worse: it may never fill"
            yield _defeated(spot, message, "off is no distance at all; 100 is one percent")
    for key in ("entry_bps", "exit_bps"):
        spot, distance = policy.at("price_guard", key), policy.number("price_guard", key)
        if furthest is not None and distance is not None and 0 < furthest < distance:
            message = f"{key} {spot.shown} is more than emergency_bps {emergency.shown}: the most urgent has less room"
            yield _defeated(policy.nearest(emergency, spot), message, "make emergency_bps the largest of the three")


def _late(policy: Settings) -> Iterator[Finding]:
    """A late entry needs some room."""
    slippage, filled = policy.at("late", "max_slippage_bps"), policy.at("late", "filled")
    if filled.value in {"market", "limit"} and policy.number("late", "max_slippage_bps") == 0:
        message = (
            f"max_slippage_bps {slippage.shown}: filled: {filled.shown} copies only at the leader's price or better"
        )
        yield _defeated(policy.nearest(slippage, filled), message, "give it some room, or write filled: skip")


def _lag(policy: Settings) -> Iterator[Finding]:
    """People hear of a lag before anything is done about it."""
    action = policy.value("fills", "lag_action")
    first, last = (policy.length("fills", key) for key in ("lag_alert", "lag_deadline"))
    if action in {"cancel", "market"} and first is not None and last is not None and last < first:
        spot = policy.nearest(*(policy.at("fills", key) for key in ("lag_deadline", "lag_alert", "lag_action")))
        alert, deadline = (policy.shown("fills", key) for key in ("lag_alert", "lag_deadline"))
        message = f"lag_deadline {deadline} is over before lag_alert {alert}"
        yield finding("R205", spot.place, spot.path, message, "lag_alert comes first: let it be the shorter one")


def _basket(policy: Settings) -> Iterator[Finding]:
    """The window costs its whole length."""
    window, wait = policy.at("multi_leg", "window"), policy.length("multi_leg", "window")
    if wait is not None and wait > LONGEST_WINDOW:
        message = f"every entry in derivatives waits {window.shown} for other legs"
        yield _defeated(window, message, "legs that belong together come within seconds: 2s")


def _defeated(spot: Spot, message: str, hint: str) -> Finding:
    return finding("R224", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def odd_runaway(most: Spot) -> Iterator[Finding]:
    """One order of the leader must not become a hundred of the follower's."""
    if isinstance(most.node, Scalar) and not most.is_given:
        message = "no number of orders for one order of the leader is too many: nothing ends a runaway"
        hint = "8 is enough for what happens on an ordinary day"
        yield finding("R223", most.place, most.path, message, hint, severity=Severity.WARNING)


def odd_actions(actions: Spot) -> Iterator[Finding]:
    """Actions of the kill switch run in the order given, and each must leave the next one something to work with."""
    spots = actions.items()
    words = [spot.value for spot in spots]
    if None in words or not words:
        return
    yield from _first(spots[0], words)
    for spot, word in zip(spots, words, strict=True):
        before = words[: words.index(word)]
        missing = [one for one in NEEDED_BEFORE if one not in before]
        if word == "broker_kill_switch" and missing:
            message = f"broker_kill_switch without {' and '.join(missing)} before it: Dhan refuses it then"
            hint = "Dhan wants no open order and no open position: cancel_open_orders and flatten come first"
            yield finding("R225", spot.place, spot.path, message, hint)
        if word == "halt" and "flatten" in words:
            message = "after halt nothing is sent: the exits of flatten would wait"
            yield finding("R225", spot.place, spot.path, message, "take out one of the two")
        if word in SENDING and "halt" in before:
            message = f"{word} comes after halt, when nothing is sent any more"
            yield finding("R225", spot.place, spot.path, message, "halt is the last thing to do")


def _first(first: Spot, words: list[Value]) -> Iterator[Finding]:
    """Entries end before anything else is done; halt ends them too."""
    if words[0] not in {"stop_copying", "halt"}:
        message = f"{first.shown} begins while entries may still be placed"
        hint = "begin with stop_copying"
        yield finding("R225", first.place, first.path, message, hint, severity=Severity.WARNING)
