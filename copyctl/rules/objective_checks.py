"""Objectives that tell nothing of a day: those that everything meets, and those that nothing does."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Spot

ODD: Final[tuple[tuple[str, Callable[[Decimal], bool], str, str], ...]] = (
    ("copied_pct", lambda goal: goal == 0, "is met by a follower that copies nothing", "99 asks for nearly all"),
    (
        "slippage_p95_bps",
        lambda goal: goal < 0,
        "is met only where all but the worst fills are better than the leader's",
        "a cost is positive: 25 allows a quarter of a percent",
    ),
    (
        "tracking_error_pct",
        lambda goal: goal == 0,
        "is missed by a copy that fills a second after the leader",
        "2 asks for positions that are right but for a fiftieth",
    ),
    ("tracking_error_pct", lambda goal: goal >= 100, "is met by a follower that never trades", "2 is usual"),
)
"""Key, which values of it tell nothing, what is wrong with them, and the mend."""


def odd_objectives(objectives: Spot) -> Iterator[Finding]:
    """Everything about ``objectives`` that makes no sense; what is out of range the schema tells."""
    for key, is_odd, why, hint in ODD:
        spot = objectives.at(key)
        value = spot.value
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and is_odd(Decimal(value)):
            message = f"{key} {spot.shown} {why}"
            yield finding("R234", spot.place, spot.path, message, hint, severity=Severity.WARNING)
