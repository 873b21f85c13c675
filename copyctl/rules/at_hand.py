"""What lies beside a rules file on this machine and tells more of it: the day, an instrument list, trading days.

``lint`` needs none of it. Who has it passes an ``AtHand``; this room opens nothing but rules files itself.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


class Contract(NamedTuple):
    """Derivatives of one underlying that have a lot in common: where they are traded, what they are, the lot in units
    of an order."""

    segment: str
    kind: str
    lot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument list, as much of it as is asked for here.

    ``contracts``: of each underlying the derivatives on it. ``shares``: the symbols of shares. ``has``: is there an
    instrument with this security id, in whatever segment?
    """

    contracts: Mapping[str, Collection[Contract]]
    shares: Collection[str]
    has: Callable[[str], bool]


def _no_listing(source: str | None, store: str | None) -> Listing | None:
    return None


def _no_end(store: str, calendar: str) -> date | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What can be looked up. What is not at hand is None, and nothing is said of what hangs on it.

    ``today``: the date in India. ``listing``: from ``broker.instruments`` and the store's folder, the list that a run
    would use, where it lies on this machine. ``calendar_end``: from the store's folder and a calendar's name, the last
    date that its known holidays cover.
    """

    today: date | None = None
    listing: Callable[[str | None, str | None], Listing | None] = field(default=_no_listing)
    calendar_end: Callable[[str, str], date | None] = field(default=_no_end)


NOTHING_AT_HAND = AtHand()
