"""Effects: what a step wants done in the world, once what it decided is durable."""

from collections.abc import Mapping

from msgspec import Struct, field

from copyctl.model.alerts import ALERTS, Alert
from copyctl.model.facts import Ask
from copyctl.model.request import Approved
from copyctl.model.terms import Level, Segment


class Send(Struct, frozen=True, kw_only=True):
    """Let this request leave now."""

    approved: Approved


class ReadBooks(Struct, frozen=True, kw_only=True):
    """Read this account's order and trade books; ``special``: its super and forever orders as well."""

    account: str
    special: bool = False


class Look(Struct, frozen=True, kw_only=True):
    """Look for a placement of unknown fate: by its correlation id, and in the order book."""

    request_id: str
    account: str
    correlation_id: str


class AskInstrument(Struct, frozen=True, kw_only=True):
    """Look this instrument up in the master; ``InstrumentFound`` answers."""

    segment: Segment
    security_id: str


class RefreshInstruments(Struct, frozen=True, kw_only=True):
    """Read the master once more, for it lacks this instrument; ``InstrumentFound`` answers, ``refreshed``."""

    segment: Segment
    security_id: str


class FindCalendar(Struct, frozen=True, kw_only=True):
    """Find the trading days of a calendar; ``CalendarFound`` answers."""

    calendar: str


Effect = Send | ReadBooks | Look | AskInstrument | RefreshInstruments | Ask | FindCalendar


class Notice(Struct, frozen=True, kw_only=True):
    """One line of what happened, for people and for programs that listen.

    ``event``: decision, request, answer, fill, state or alert. ``facts`` are plain values for JSON.
    """

    at: int
    event: str
    text: str
    level: Level = Level.INFO
    leader_order_id: str = ""
    follower: str = ""
    facts: dict[str, str | int | bool | None] = field(default_factory=dict)


def alert_notice(
    at: int,
    what: Alert,
    text: str,
    *,
    level: Level | None = None,
    row: str = "",
    follower: str = "",
    facts: Mapping[str, str | None] | None = None,
) -> Notice:
    """An alert as a notice: its code stands among the facts as ``alert``. ``level``: another one than the table's."""
    return Notice(
        at=at,
        event="alert",
        level=level or ALERTS[what].level,
        text=text,
        leader_order_id=row,
        follower=follower,
        facts={"alert": what.value, **(facts or {})},
    )
