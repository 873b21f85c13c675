"""Dates that are over, and calendars that end: what is said of them hangs on the day on which it is asked."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Spot
from copyctl.rules.settings import Settings

DATED: Final[tuple[tuple[str, Callable[[Spot], Spot]], ...]] = (
    ("holidays", lambda row: row),
    ("part_days", lambda row: row.at("date")),
    ("special_sessions", lambda row: row.at("date")),
    ("sessions", lambda row: row.at("to")),
)
"""The lists of ``market_hours`` whose entries are over one day, and where an entry says so."""


def over(policy: Settings, today: date) -> Iterator[Finding]:
    """Lists of which nothing counts any more: what was to follow is likely forgotten."""
    for key, last_day in DATED:
        rows = policy.at("market_hours", key)
        days = [_date(last_day(row)) for row in rows.items()]
        known = [day for day in days if day is not None]
        if not known or len(known) < len(days) or max(known) >= today:
            continue
        message = f"everything in {key} is over since {max(known)}"
        hint = "write what is to come, or leave the key out"
        yield finding("R217", rows.place, rows.path, message, hint, severity=Severity.WARNING)


def ended(policy: Settings, today: date, end_of: Callable[[str], date | None]) -> Iterator[Finding]:
    """A calendar whose known holidays end before today: nobody knows whether this is a trading day."""
    name, stale = policy.value("market_hours", "calendar"), policy.value("market_hours", "stale_calendar")
    end = end_of(name) if isinstance(name, str) else None
    if end is None or end >= today or policy.spot.node is None:
        return
    spot = policy.at("market_hours", "calendar")
    does = {"refuse": "every entry is refused", "warn": "every weekday counts as a trading day"}.get(str(stale))
    message = f"the holidays of the calendar {name} are known to {end} only" + (f": {does}" if does else "")
    place = policy.nearest(spot, policy.at("market_hours"), policy.spot).place
    hint = "update the library exchange-calendars and run copyctl doctor; days of your own go into holidays"
    yield finding("R216", place, spot.path, message, hint, severity=Severity.WARNING)


def _date(spot: Spot) -> date | None:
    try:
        return date.fromisoformat(str(spot.value))
    except ValueError:
        return None
