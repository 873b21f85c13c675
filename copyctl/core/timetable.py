"""One segment's day: its phases from the first to the last, and why the rest of the day is closed.

What decides, the first that says something: a special session, a holiday of the file, a part day, the calendar, the
weekday. A special session on a trading day comes on top of the day's own hours. Everything here is computed once a
day and kind of instrument; whoever asks by the order asks ``core.sessions``.
"""

from datetime import date, time, timedelta
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from copyctl.core.hours import moment_of
from copyctl.model.calendar import HOLIDAY_NAMES, INDIAN_CALENDARS, TradingDays
from copyctl.model.choices import StaleCalendar
from copyctl.model.market import (
    AGRI,
    AGRI_INTERNATIONAL,
    CLASS_SEGMENTS,
    Closure,
    HoursClass,
    Phase,
    Traits,
    session_on,
)
from copyctl.model.policy import Hours, MarketHours, Session, SpecialDay
from copyctl.model.terms import InstrumentKind, Segment

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SATURDAY: Final = 5
FNO: Final = frozenset({Segment.NSE_FNO, Segment.BSE_FNO})
CLOSES_EARLIER: Final = frozenset({HoursClass.AGRI, HoursClass.AGRI_INTERNATIONAL})
"""Classes whose hours end before their segment's on a part day too (MCX: 17:00 and 21:00 on evening-only days)."""

LAST_EXPIRY_WEEKDAY: Final = {Segment.NSE_FNO: 1, Segment.BSE_FNO: 3}
"""Monthly contracts expire on the month's last Tuesday (NSE/FAOP/68747) and Thursday (BSE notice 20250623-59), from
September 2025 on."""

NEXT_MONTH_JOINS: Final = timedelta(days=7)
"""Futures of the next month join the pre-open session in the last five trading days before the expiry
(NSE/FAOP/71092): taken as a week, so that with a holiday in it they join a day late rather than early."""

Windows = dict[tuple[date, Segment], tuple[tuple[time, time], ...]]
Layers = list[tuple[Phase, time, time]]

_CALLED: Final = {
    Phase.PRE_OPEN: " (pre-open)",
    Phase.REGULAR: "",
    Phase.CLOSING_AUCTION: " (closing auction)",
    Phase.POST_CLOSE: " (post-close)",
}
_INDEX: Final = frozenset({InstrumentKind.FUTIDX, InstrumentKind.OPTIDX})
_FUTURE: Final = frozenset({InstrumentKind.FUTIDX, InstrumentKind.FUTSTK})


class Profile(NamedTuple):
    """What decides an instrument's hours, reduced to what its segment asks: many instruments share one.

    ``hours_class``: the class it is of every day. ``expiry``: of a derivative, where known; after it nothing trades.
    """

    segment: Segment
    hours_class: HoursClass | None = None
    expiry: date | None = None
    is_index: bool = False
    is_future: bool = False


class Span(NamedTuple):
    """A phase from one moment (ns) to another, the last one not included."""

    phase: Phase
    start: int
    end: int


class DayPlan(NamedTuple):
    """The phases of a day, in order, without overlap. ``why`` and ``note``: why the rest of it is closed."""

    spans: tuple[Span, ...]
    why: Closure
    note: str
    stale: bool = False


class Timetable:
    """Market hours and trading days in force together, looked up by day. Two of them are one only if they are the same
    object: hashing the rules at every order would cost more than the answer."""

    __slots__ = ("days", "holidays", "hours", "part_days", "special_sessions")

    def __init__(self, hours: MarketHours, days: TradingDays | None) -> None:
        self.hours = hours
        self.days = days if days is not None and days.calendar == hours.calendar else None
        self.holidays = frozenset(hours.holidays)
        self.part_days = _by_day(hours.part_days)
        self.special_sessions = _by_day(hours.special_sessions)


def _by_day(rows: tuple[SpecialDay, ...]) -> Windows:
    found: Windows = {}
    for row in rows:
        for segment in row.segments:
            found[row.date, segment] = (*found.get((row.date, segment), ()), (row.open, row.close))
    return found


@lru_cache(maxsize=8192)
def profile_of(segment: Segment, traits: Traits) -> Profile:
    """What of an instrument's traits its segment's hours hang on."""
    if not segment.is_derivative:
        return Profile(segment, HoursClass.DERIVATIVE_STOCKS if traits.has_derivatives else None)
    if segment in FNO:
        return Profile(segment, None, traits.expiry, traits.kind in _INDEX, traits.kind in _FUTURE)
    if segment is not Segment.MCX_COMM:
        return Profile(segment, None, traits.expiry)
    name = traits.underlying.upper()
    agri = HoursClass.AGRI if name in AGRI else None
    return Profile(segment, HoursClass.AGRI_INTERNATIONAL if name in AGRI_INTERNATIONAL else agri, traits.expiry)


def every_profile(segment: Segment) -> tuple[Profile, ...]:
    """Profiles that together have every phase that any instrument of the segment has."""
    classes = (None, *(one for one, segments in CLASS_SEGMENTS.items() if segment in segments))
    return tuple(Profile(segment, one, is_future=True) for one in classes)


@lru_cache(maxsize=16384)
def plan(table: Timetable, profile: Profile, day: date) -> DayPlan:
    """The phases of a day (India's) for instruments of this profile."""
    if profile.expiry is not None and day > profile.expiry:
        return DayPlan((), Closure.MARKET_CLOSED, f"the contract expired on {told(profile.expiry)}")
    specials = table.special_sessions.get((day, profile.segment), ())
    ordinary = _ordinary(table, profile, day)
    layers = [*((Phase.REGULAR, first, last) for first, last in specials), *ordinary.layers]
    note = ordinary.note
    if ordinary.why is Closure.MARKET_CLOSED:
        hours = f"trades {_hours_text(layers)}" if layers else "keeps no hours"
        note = f"on {told(day)}{ordinary.note} {profile.segment} {hours}"
    elif layers:
        note = f"{ordinary.note}, with trading {_hours_text(layers)}"
    return DayPlan(_laid_out(day, layers), ordinary.why, note, ordinary.stale)


class _Ordinary(NamedTuple):
    """A day without its special sessions: its hours; why it is closed outside them, with a note (for a trading day no
    more than the occasion); whether the calendar does not cover it."""

    layers: Layers
    why: Closure
    note: str
    stale: bool = False


def _ordinary(table: Timetable, profile: Profile, day: date) -> _Ordinary:
    if day in table.holidays:
        return _Ordinary([], Closure.MARKET_HOLIDAY, f"{told(day)} is a holiday of market_hours.holidays")
    windows = table.part_days.get((day, profile.segment))
    if windows is not None:
        return _part_day(table, profile, day, windows)
    is_known = table.days is not None and table.days.covers(day)
    if not _is_trading_day(table.days, day):
        return _Ordinary([], Closure.MARKET_HOLIDAY, _closed_day(table, day))
    if not is_known and table.hours.stale_calendar is StaleCalendar.REFUSE:
        return _Ordinary([], Closure.CALENDAR_STALE, _unknown(table), stale=True)
    row = session_on(table.hours.sessions, profile.segment, _class_on(profile, day), day)
    with_pre_open = _takes_part_in_pre_open(profile, day)
    layers = [] if row is None else _layers(row, with_pre_open=with_pre_open)
    return _Ordinary(layers, Closure.MARKET_CLOSED, "", stale=not is_known)


def _is_trading_day(days: TradingDays | None, day: date) -> bool:
    """By the calendar; where that does not cover the day, by the weekday."""
    return days.trades(day) if days is not None and days.covers(day) else day.weekday() < SATURDAY


def _part_day(table: Timetable, profile: Profile, day: date, windows: tuple[tuple[time, time], ...]) -> _Ordinary:
    """A part day replaces the day's hours; a commodity that closes earlier than its segment does so today too."""
    layers: Layers = [(Phase.REGULAR, first, last) for first, last in windows]
    row = session_on(table.hours.sessions, profile.segment, profile.hours_class, day)
    if row is not None and row.class_ in CLOSES_EARLIER and row.regular is not None:
        own = row.regular
        cut = [(phase, max(first, own.from_), min(last, own.to)) for phase, first, last in layers]
        layers = [one for one in cut if one[1] < one[2]]
    name = _holiday_name(table, day)
    occasion = f" ({name})" if name else ""
    if not layers:
        return _Ordinary([], Closure.MARKET_HOLIDAY, f"{told(day)} is a holiday{occasion}")
    return _Ordinary(layers, Closure.MARKET_CLOSED, occasion)


def _class_on(profile: Profile, day: date) -> HoursClass | None:
    return HoursClass.EXPIRING_INDEX if profile.is_index and profile.expiry == day else profile.hours_class


def _takes_part_in_pre_open(profile: Profile, day: date) -> bool:
    """Of derivatives on NSE and BSE only futures of the current month do, and near its expiry those of the next. One
    whose expiry is not known is taken for such a future."""
    if profile.segment not in FNO:
        return True
    if not profile.is_future or profile.expiry is None:
        return profile.is_future
    months_ahead = (profile.expiry.year - day.year) * 12 + profile.expiry.month - day.month
    if months_ahead > 0:
        return months_ahead == 1 and day >= _last_expiry(profile.segment, day) - NEXT_MONTH_JOINS
    return True


def _last_expiry(segment: Segment, day: date) -> date:
    """When the contracts of this day's month expire, holidays left aside."""
    last = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - LAST_EXPIRY_WEEKDAY[segment]) % 7)


def _layers(row: Session, *, with_pre_open: bool) -> Layers:
    phases: tuple[tuple[Phase, Hours | None], ...] = (
        (Phase.REGULAR, row.regular),
        (Phase.CLOSING_AUCTION, row.closing_auction),
        (Phase.PRE_OPEN, row.pre_open if with_pre_open else None),
        (Phase.POST_CLOSE, row.post_close),
    )
    return [(phase, hours.from_, hours.to) for phase, hours in phases if hours is not None]


def _laid_out(day: date, layers: Layers) -> tuple[Span, ...]:
    """The layers as spans without overlap: of two at one moment the one that is named first counts."""
    placed = [Span(phase, moment_of(day, first), moment_of(day, last)) for phase, first, last in layers]
    spans: list[Span] = []
    for start, end in pairwise(sorted({edge for one in placed for edge in (one.start, one.end)})):
        phase = next((one.phase for one in placed if one.start <= start and end <= one.end), None)
        if phase is None:
            continue
        if spans and spans[-1].phase is phase and spans[-1].end == start:
            start = spans.pop().start  # noqa: PLW2901  (one span with the part before it)
        spans.append(Span(phase, start, end))
    return tuple(spans)


def told(day: date) -> str:
    """A date as people read it."""
    return f"{WEEKDAYS[day.weekday()]} {day.isoformat()}"


def _closed_day(table: Timetable, day: date) -> str:
    name = _holiday_name(table, day)
    if day.weekday() < SATURDAY:
        return f"{told(day)} is a holiday ({name or f'calendar {table.hours.calendar}'})"
    weekday = "Saturday" if day.weekday() == SATURDAY else "Sunday"
    return f"{day.isoformat()} is a {weekday}{f' ({name})' if name else ''}"


def _holiday_name(table: Timetable, day: date) -> str:
    return HOLIDAY_NAMES.get(day, "") if table.hours.calendar in INDIAN_CALENDARS else ""


def _unknown(table: Timetable) -> str:
    if table.days is None:
        return f"the trading days of the calendar {table.hours.calendar} are not known"
    first, last = told(table.days.first), told(table.days.last)
    return f"the calendar {table.hours.calendar} is known only from {first} to {last}"


def _hours_text(layers: Layers) -> str:
    """Hours as people read them."""
    in_order = sorted(layers, key=itemgetter(1))
    return ", ".join(f"{_clock(first)}-{_clock(last)}{_CALLED[phase]}" for phase, first, last in in_order)


def _clock(at: time) -> str:
    return at.isoformat("seconds" if at.second else "minutes")
