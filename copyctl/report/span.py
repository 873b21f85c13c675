"""What a report is asked: which days, and by which keys its rows are grouped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

KEYS: Final[Mapping[str, str]] = {
    "day": "day",
    "week": "strftime(day, '%G-W%V')",
    "hour": "hour",
    "follower": "follower",
    "underlying": "underlying",
    "symbol": "symbol",
    "segment": "exchange_segment",
    "product": "product",
    "order_type": "order_type",
    "side": "side",
    "expiry": "expiry",
    "rule": "rule",
}
"""What rows can be grouped by, and how that is said of a relation which has these columns. ``hour``: of the Indian day;
``week``: as ISO 8601 counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Indian days, both ends included; None: open at that end."""

    first: date | None = None
    last: date | None = None

    @property
    def condition(self) -> str:
        """As a condition on the column ``day``."""
        ends = ((">=", self.first), ("<=", self.last))
        return " AND ".join(f"day {sign} DATE '{one:%Y-%m-%d}'" for sign, one in ends if one) or "true"


def grouped(by: Sequence[str]) -> str:
    """The keys as columns of a SELECT, under the names that they were asked by; "" for none."""
    return "".join(f"{KEYS[one]} AS {one}, " for one in by)


class CannotGroup(Exception):
    """A key by which the rows of a report say nothing; the text says which ones do."""


def refuse_others(report: str, by: Sequence[str], sensible: Sequence[str]) -> None:
    """Raises CannotGroup: a key is not among those that make sense for a report."""
    for one in by:
        if one not in sensible:
            raise CannotGroup(f"{report} cannot be grouped by {one}, only by {', '.join(sensible)}")
