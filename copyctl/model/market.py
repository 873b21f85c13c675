"""The market's clock: phases of a trading day, why a segment is closed, and what of an instrument decides its hours."""

import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from copyctl.model.policy import Session
from copyctl.model.terms import InstrumentKind, Segment


class Phase(StrEnum):
    """Part of a segment's day. A phase holds its first moment and not its last: at 15:30:00 a 15:30 close is over."""

    PRE_OPEN = "pre_open"
    REGULAR = "regular"
    CLOSING_AUCTION = "closing_auction"
    POST_CLOSE = "post_close"
    CLOSED = "closed"


class Closure(StrEnum):
    """Why a segment is closed: the reason codes of decisions, by the same words."""

    MARKET_CLOSED = "market_closed"
    MARKET_HOLIDAY = "market_holiday"
    CALENDAR_STALE = "calendar_stale"


class HoursClass(StrEnum):
    """Instruments with hours of their own within a segment: the words of ``market_hours.sessions[].class``.

    ``derivative_stocks``: shares on which derivatives are traded. ``expiring_index``: futures and options on an index
    on their expiry day. ``agri_international``: agricultural commodities with a price abroad; ``agri``: the others.
    """

    DERIVATIVE_STOCKS = "derivative_stocks"
    EXPIRING_INDEX = "expiring_index"
    AGRI = "agri"
    AGRI_INTERNATIONAL = "agri_international"


CLASS_SEGMENTS: Final[dict[HoursClass, frozenset[Segment]]] = {
    HoursClass.DERIVATIVE_STOCKS: frozenset({Segment.NSE_EQ, Segment.BSE_EQ}),
    HoursClass.EXPIRING_INDEX: frozenset({Segment.NSE_FNO, Segment.BSE_FNO}),
    HoursClass.AGRI: frozenset({Segment.MCX_COMM}),
    HoursClass.AGRI_INTERNATIONAL: frozenset({Segment.MCX_COMM}),
}
"""In which segments a class has instruments."""

AGRI_INTERNATIONAL: Final = frozenset({"COTTON", "COTTONCNDY", "COTTONOIL", "CPO", "KAPAS", "RBDPMOLEIN"})
AGRI: Final = frozenset({"BLACKPEPPER", "CARDAMOM", "CASTORSEED", "MENTHAOIL", "RUBBER"})
"""MCX's agricultural commodities by their underlying symbol (MCX circulars on trade timings; December 2018 with
RBDPMOLEIN, March 2025 with cotton oil). A commodity that is in neither set keeps the segment's hours."""


class Traits(Struct, frozen=True, kw_only=True, gc=False):
    """What of an instrument decides its hours. ``has_derivatives``: are there derivatives on this share; None where
    that is not known, or it is no share: the segment's hours without a class then count."""

    kind: InstrumentKind | None = None
    underlying: str = ""
    expiry: datetime.date | None = None
    has_derivatives: bool | None = None


class Standing(Struct, frozen=True, kw_only=True, gc=False):
    """Where an instrument's market stands at a moment. Moments are ns since the epoch, UTC.

    ``until``: when the phase changes; None where no change is in sight. ``why`` and ``sentence`` say why it is closed,
    None and empty when it is not. ``next_open``: the next beginning of regular trading after this moment, None where
    it is not known; ``next_open_text`` is the same for people, or why it is not known. ``stale``: the calendar does
    not cover this day, and ``stale_calendar`` decided.
    """

    phase: Phase
    until: int | None
    next_open: int | None
    next_open_text: str
    why: Closure | None = None
    sentence: str = ""
    stale: bool = False

    @property
    def is_open(self) -> bool:
        """May anything be sent at all? Which types, says ``core.sessions.unfit``."""
        return self.phase is not Phase.CLOSED


def session_on(
    rows: tuple[Session, ...], segment: Segment, hours_class: str | None, day: datetime.date
) -> Session | None:
    """The row of a table of sessions that is in force on a day: the first of this class, else the first without one."""
    plain: Session | None = None
    for row in rows:
        in_force = (row.from_ is None or row.from_ <= day) and (row.to is None or day <= row.to)
        if row.segment is not segment or not in_force:
            continue
        if row.class_ is None:
            plain = row if plain is None else plain
        elif row.class_ == hours_class:
            return row
    return plain
