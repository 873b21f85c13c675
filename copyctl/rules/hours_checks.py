"""Market hours that fit the schema and still make no sense: hours that overlap, days that are named twice, entries
that outlive the table that ships.
"""

import difflib
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, NamedTuple

from copyctl.model.calendar import INDIAN_CALENDARS
from copyctl.model.market import CLASS_SEGMENTS, HoursClass, session_on
from copyctl.model.policy import Hours, Session
from copyctl.model.terms import Segment
from copyctl.rules.calendars import CALENDARS, EVERY_DAY, WRONG_FOR_INDIA
from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Spot
from copyctl.rules.shipped_hours import shipped_hours, uncovered

PHASES: Final = ("pre_open", "regular", "closing_auction", "post_close")
"""The keys of a session's hours in the order of the day."""


class Entry(NamedTuple):
    """An entry of ``sessions`` that can be read, and where it stands."""

    spot: Spot
    session: Session

    @property
    def name(self) -> str:
        """The segment, with the class where there is one."""
        return self.session.segment + (f" {self.session.class_}" if self.session.class_ else "")


class Day(NamedTuple):
    """A segment's hours on one date, and where they stand."""

    spot: Spot
    date: date
    segment: str
    open: time
    close: time


def _time_of_day(text: str) -> time:
    """The time of day that is written here; what has an offset as well (09:15-15:30 would be one) is none.

    Raises:
        ValueError: it is none.
    """
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(f"{text} is no time of day")
    return found


def odd_hours(policy: Spot) -> Iterator[Finding]:
    """Everything about the market hours of a policy."""
    hours = policy.at("market_hours")
    rows = hours.at("sessions").items()
    entries = [Entry(row, session) for row in rows if (session := _session(row)) is not None]
    yield from _calendar(hours.at("calendar"))
    yield from _upside_down(hours)
    for row in rows:
        yield from _class(row)
    for entry in entries:
        yield from _phases(entry)
    yield from _two_entries(entries)
    yield from _outlived(entries)
    yield from _named_twice(hours)
    yield from _square_off(hours.at("square_off"), entries)


def _calendar(spot: Spot) -> Iterator[Finding]:
    name = spot.value
    if not isinstance(name, str) or name in INDIAN_CALENDARS or name in EVERY_DAY:
        return
    if name in CALENDARS:
        message = f"the calendar {spot.shown} is not India's: its trading days are others"
        yield finding("R210", spot.place, spot.path, message, "XBOM is India's", severity=Severity.WARNING)
        return
    close = [
        one
        for names in (INDIAN_CALENDARS, CALENDARS)
        for one in difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.6)
    ]
    is_told = close and name.upper() not in WRONG_FOR_INDIA
    hint = f"did you mean {close[0]}?" if is_told else "India's is XBOM, for NSE and BSE alike"
    yield finding("R210", spot.place, spot.path, f"there is no calendar {spot.shown}", hint)


def _upside_down(hours: Spot) -> Iterator[Finding]:
    """Rows end after they begin."""
    for row in hours.at("sessions").items():
        yield from _upwards(row.at("from"), row.at("to"), date.fromisoformat, same=True)
    for row in (*hours.at("part_days").items(), *hours.at("special_sessions").items()):
        yield from _upwards(row.at("open"), row.at("close"), _time_of_day, same=False)


def _upwards(low: Spot, high: Spot, read: Callable[[str], Any], *, same: bool) -> Iterator[Finding]:
    """``low`` comes before ``high``; they may be the ``same``."""
    first, last = _read(low, read), _read(high, read)
    if first is not None and last is not None and not (first < last or (first == last and same)):
        message = f"{low.steps[-1]} {low.shown} does not come before {high.steps[-1]} {high.shown}"
        yield finding("R205", low.place, low.path, message)


def _class(row: Spot) -> Iterator[Finding]:
    """The class of an entry is one that some instrument of its segment can be of: no other ever counts."""
    spot = row.at("class")
    name, segment = spot.value, row.at("segment").value
    if not isinstance(name, str):
        return
    if name not in list(HoursClass):
        close = difflib.get_close_matches(name, list(HoursClass), n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(HoursClass)}"
        yield finding("R211", spot.place, spot.path, f"there is no class {spot.shown}", hint)
    elif segment in list(Segment) and segment not in CLASS_SEGMENTS[HoursClass(name)]:
        hint = f"it is a class of {' and '.join(sorted(CLASS_SEGMENTS[HoursClass(name)]))}"
        yield finding("R211", spot.place, spot.path, f"nothing in {segment} is of the class {spot.shown}", hint)


def _phases(entry: Entry) -> Iterator[Finding]:
    """Phases follow one another through the day, and there is at least one."""
    given = [(key, hours) for key in PHASES if (hours := getattr(entry.session, key)) is not None]
    segment = entry.spot.at("segment")
    if not given:
        message = f"no hours are given: {entry.name} is closed on all days of this entry"
        hint = 'give regular: "HH:MM-HH:MM"; single days are closed by holidays'
        yield finding("R204", segment.place, entry.spot.at("regular").path, message, hint, severity=Severity.WARNING)
    for (before, earlier), (after, later) in pairwise(given):
        spot = entry.spot.at(after)
        if later.from_ < earlier.from_:
            message = f"{after} {spot.shown} begins before {before} {entry.spot.at(before).shown}"
            yield finding("R212", spot.place, spot.path, message, f"the order of a day is {', '.join(PHASES)}")
        elif later.from_ < earlier.to:
            message = f"{after} {spot.shown} begins before {before} {entry.spot.at(before).shown} ends"
            yield finding("R212", spot.place, spot.path, message, f"let {before} end when {after} begins")


def _two_entries(entries: list[Entry]) -> Iterator[Finding]:
    """For one segment and class one entry counts a day."""
    for place, later in enumerate(entries):
        for earlier in entries[:place]:
            one, two = earlier.session, later.session
            if (one.segment, one.class_) == (two.segment, two.class_) and _meet(one, two):
                spot = later.spot.at("segment")
                message = f"{later.name} has other hours in line {earlier.spot.place.line}, for some of the same days"
                yield finding("R212", spot.place, spot.path, message, "let one end, with to, before the other begins")
                break


def _meet(one: Session, two: Session) -> bool:
    return (one.from_ or date.min) <= (two.to or date.max) and (two.from_ or date.min) <= (one.to or date.max)


def _outlived(entries: list[Entry]) -> Iterator[Finding]:
    """An entry goes on after the table that ships changed the hours that it gives: the newest such change is told."""
    if not entries:
        return
    own = tuple(entry.session for entry in entries)
    for entry in entries:
        hidden = [
            (since, row, key)
            for since, row, keys in _changes()
            if _hides(entry.session, row, since, own)
            for key in keys
            if getattr(entry.session, key) not in {None, getattr(row, key)}
        ]
        if hidden:
            yield _hidden(entry, *max(hidden, key=itemgetter(0)))


@cache
def _changes() -> tuple[tuple[date, Session, tuple[str, ...]], ...]:
    """Every row of the table that follows another, with the day from which it holds and the phases that it changes."""
    rows = shipped_hours().sessions
    found = []
    for row in rows:
        if row.from_ is None:
            continue
        before = session_on(rows, row.segment, row.class_, row.from_ - timedelta(days=1))
        if before is not None:
            keys = tuple(key for key in PHASES if getattr(before, key) != getattr(row, key))
            found.append((row.from_, row, keys))
    return tuple(found)


def _hides(entry: Session, row: Session, since: date, own: tuple[Session, ...]) -> bool:
    """Was the entry there before a row of the table begins, and does it still take its place then?"""
    if entry.segment is not row.segment or entry.class_ not in {None, row.class_}:
        return False
    if since <= (entry.from_ or date.min) or (entry.to or date.max) < since:
        return False
    return session_on(own, row.segment, row.class_, since) is entry


def _hidden(entry: Entry, since: date, row: Session, key: str) -> Finding:
    spot = entry.spot.at("segment")
    hours: Hours | None = getattr(row, key)
    given = "none" if hours is None else f"{hours.from_:%H:%M}-{hours.to:%H:%M}"
    whom = row.class_ or row.segment
    message = f"from {since} on the table that ships gives {whom} {key} {given}: this entry goes on and hides that"
    hint = f'end the entry with to: "{since - timedelta(days=1)}", or leave it out'
    return finding("R215", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _named_twice(hours: Spot) -> Iterator[Finding]:
    """A date is closed once; a segment has one part day a date, and special sessions that do not overlap."""
    closed: dict[date, Spot] = {}
    for spot in hours.at("holidays").items():
        day = _read(spot, date.fromisoformat)
        if day is None:
            continue
        if day in closed:
            message = f"{spot.shown} is named in line {closed[day].place.line} too"
            yield finding("R213", spot.place, spot.path, message, "once will do", severity=Severity.WARNING)
        closed.setdefault(day, spot)
    yield from _part_days(_days(hours.at("part_days")), closed)
    seen: list[Day] = []
    for one in _days(hours.at("special_sessions")):
        twin = next((o for o in seen if _same_day(o, one) and o.open < one.close and one.open < o.close), None)
        if twin is not None:
            spot = one.spot.at("open")
            message = f"{one.segment} has a session in line {twin.spot.place.line} that overlaps this one"
            yield finding("R212", spot.place, spot.path, message, "make them one, or let them follow one another")
        seen.append(one)


def _part_days(days: list[Day], closed: dict[date, Spot]) -> Iterator[Finding]:
    first: dict[tuple[date, str], Day] = {}
    for one in days:
        spot = one.spot.at("date")
        twin = first.setdefault((one.date, one.segment), one)
        if twin is not one:
            message = f"{one.segment} has a part day on {spot.shown} in line {twin.spot.place.line} too"
            yield finding("R213", spot.place, spot.path, message, "a segment has one a day")
        if one.date in closed:
            message = f"the part day on {spot.shown} never counts: line {closed[one.date].place.line} closes that date"
            yield finding("R213", spot.place, spot.path, message, "take it out of holidays", severity=Severity.WARNING)


def _same_day(one: Day, two: Day) -> bool:
    return (one.date, one.segment) == (two.date, two.segment)


def _days(rows: Spot) -> list[Day]:
    """The rows that can be read, one for each segment."""
    found = []
    for row in rows.items():
        day, segments = _read(row.at("date"), date.fromisoformat), row.at("segments").items()
        opening, close = _read(row.at("open"), _time_of_day), _read(row.at("close"), _time_of_day)
        if day is not None and opening is not None and close is not None:
            found += [Day(row, day, str(one.value), opening, close) for one in segments if one.value is not None]
    return found


def _square_off(spot: Spot, entries: list[Entry]) -> Iterator[Finding]:
    """INTRADAY entries end while there is trading: at another time of day the key would say nothing, or forbid all."""
    if not spot.is_given:
        return
    own = tuple(entry.session for entry in entries)
    table = (rest for row in shipped_hours().sessions for rest in uncovered(row, own))
    rows = [row for row in (*own, *table) if row.regular is not None]
    hint = "it is the time of day from which INTRADAY entries end"
    for segment in Segment:
        key = spot.at(segment)
        if _is_outside(_read(key, _time_of_day), [row for row in rows if row.segment is segment]):
            message = f"square_off {key.shown} lies outside the trading hours of {segment}"
            yield finding("R214", key.place, key.path, message, hint)
    if _is_outside(_read(spot, _time_of_day), rows):
        message = f"square_off {spot.shown} lies outside the trading hours of every segment"
        yield finding("R214", spot.place, spot.path, message, hint)


def _is_outside(at: time | None, rows: list[Session]) -> bool:
    return at is not None and not any(row.regular.from_ < at <= _end(row, row.regular) for row in rows if row.regular)


def _end(row: Session, regular: Hours) -> time:
    return regular.to if row.closing_auction is None else max(regular.to, row.closing_auction.to)


def _session(row: Spot) -> Session | None:
    """The entry as the rules have it; None for one that cannot be read, which others tell."""
    segment, hours_class = row.at("segment").value, row.at("class").value
    if segment not in list(Segment) or not (hours_class is None or isinstance(hours_class, str)):
        return None
    days = [_read(row.at(key), date.fromisoformat) for key in ("from", "to")]
    hours = [_read(row.at(key), _hours) for key in PHASES]
    is_read = [value is not None for value in (*days, *hours)] == [
        row.at(key).is_given for key in ("from", "to", *PHASES)
    ]
    if not is_read:
        return None
    phases = dict(zip(PHASES, hours, strict=True))
    return Session(segment=Segment(str(segment)), class_=hours_class, from_=days[0], to=days[1], **phases)


def _hours(text: str) -> Hours:
    first, last = (_time_of_day(part) for part in text.split("-"))
    if last <= first:
        raise ValueError(text)
    return Hours(from_=first, to=last)


def _read(spot: Spot, read: Callable[[str], Any]) -> Any:
    """What a text says; None where it says nothing that can be read."""
    try:
        return read(spot.value) if isinstance(spot.value, str) else None
    except ValueError:
        return None
