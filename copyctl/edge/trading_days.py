"""Trading days from the library exchange-calendars, kept as JSON in the store's folder.

Loading the library costs half a second and a hundred megabytes (pandas), so it is loaded only when what is kept does
not reach far enough, and never by a command that needs no trading days. What it gives is mended: on pandas 3 its
calendars silently lose their special weekend sessions.
"""

import os
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from copyctl.model.calendar import TradingDays

LIBRARY: Final = "exchange_calendars"

SPECIAL_WEEKEND_SESSIONS: Final[dict[str, tuple[date, ...]]] = {
    "XBOM": (date(2024, 1, 20), date(2025, 2, 1)),
}
"""Saturdays and Sundays that the library itself counts as trading days, by its calendars' proper names, and that it
loses when it runs on pandas 3. Days that trade at hours of their own (Muhurat, the Budget Sunday of 2026) are none of
the library's; they are special sessions of the table that ships with the rules."""


INDIA_AHEAD: Final = timedelta(hours=5, minutes=30)
LIBRARY_SECONDS: Final = 60.0
"""How long the library may take to load on a slow and busy machine."""


class CalendarUnavailable(Exception):
    """The library cannot give a calendar; the text says why."""


class Found(NamedTuple):
    """Trading days, None where there are none to be had; ``reason``: what is amiss with them, else ""."""

    days: TradingDays | None
    reason: str = ""


def find(folder: Path, calendar: str, today: date) -> Found:
    """The trading days of a calendar from January of last year to December of next year, as far as it knows them.

    What is kept in ``folder`` serves, unless it does not reach so far and the library may know more: then the library
    is asked, and its answer kept. ``today``: the present day in India. Blocks for the time of a small file, or of
    loading the library; never raises for what a disk or the library does.
    """
    path = kept_at(folder, calendar)
    kept = _kept(path, calendar)
    if kept is not None and _serves(kept, today):
        return Found(kept)
    first, last = _span(today)
    try:
        days = ask_library(calendar, first, last)
    except CalendarUnavailable as fault:
        return Found(kept, str(fault) if kept is None else f"{fault}; the days kept in {path} serve, to {kept.last}")
    try:
        _keep(path, days)
    except OSError as fault:
        return Found(days, f"trading days cannot be kept in {path}: {fault.strerror}")
    return Found(days)


def _span(today: date) -> tuple[date, date]:
    return date(today.year - 1, 1, 1), date(today.year + 1, 12, 31)


def _serves(kept: TradingDays, today: date) -> bool:
    """Do these days reach as far as can be?"""
    first, last = _span(today)
    return kept.first <= first and (kept.last >= last or _is_all(kept))


class Calendars:
    """The trading days for a long run. What is not kept yet is fetched by a process of its own, for the library's
    hundred megabytes would stay with this one until it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> tuple[TradingDays | None, str]:
        """The trading days of a calendar, or None and why. Blocks, for some seconds at the first time in a year."""
        today = (datetime.now(UTC) + INDIA_AHEAD).date()
        kept = _kept(kept_at(self._folder, name), name)
        if kept is None or not _serves(kept, today):
            command = [sys.executable, "-m", "copyctl.edge.trading_days", str(self._folder), name, today.isoformat()]
            try:
                subprocess.run(command, check=False, capture_output=True, timeout=LIBRARY_SECONDS)  # noqa: S603  ours
            except (OSError, subprocess.TimeoutExpired) as fault:
                return None, f"the calendar library does not answer: {type(fault).__name__}"
        found = find(self._folder, name, today)
        return found.days, found.reason


def kept_at(folder: Path, calendar: str) -> Path:
    """Where the trading days of a calendar are kept."""
    return folder / f"trading-days-{calendar.replace('/', '-')}.json"


def ask_library(calendar: str, first: date, last: date) -> TradingDays:
    """The trading days from one date to another, or of the part of that time which the calendar knows. Loads the
    library.

    Raises:
        CalendarUnavailable: it is not there, does not know the calendar, or knows nothing of that time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = _library()
        try:
            return _asked(library, calendar, first, last)
        except (library.errors.CalendarError, AttributeError, KeyError, TypeError, ValueError) as fault:
            told = str(fault).strip()
            raise CalendarUnavailable(f"the library {LIBRARY} gives no calendar {calendar}: {told}") from None


def _library() -> Any:
    try:
        return import_module(LIBRARY)
    except (ImportError, AttributeError, TypeError, ValueError) as fault:
        raise CalendarUnavailable(f"the library {LIBRARY} cannot be loaded: {fault}") from None


def _asked(library: Any, calendar: str, first: date, last: date) -> TradingDays:
    """A calendar whose holidays are written down year by year has an end (``bound_max``), beyond which it raises; one
    whose holidays follow from rules has none."""
    proper = library.resolve_alias(calendar)
    known = library.get_calendar(proper)
    begin, end = known.bound_min(), known.bound_max()
    first = first if begin is None else max(first, begin.date())
    is_end = end is not None and end.date() < last
    last = end.date() if is_end else last
    if last < first:
        raise ValueError(f"its holidays are known to {last} only")
    sessions = library.get_calendar(proper, start=first.isoformat(), end=last.isoformat()).sessions
    lost = (day for day in SPECIAL_WEEKEND_SESSIONS.get(proper, ()) if first <= day <= last)
    return TradingDays(
        calendar=calendar,
        first=first,
        last=last,
        open_days=tuple(sorted({*(session.date() for session in sessions), *lost})),
        bounded=is_end,
        source=_installed(),
    )


def _installed() -> str:
    """The library and its version; looked up without loading it."""
    try:
        return f"{LIBRARY} {metadata.version(LIBRARY)}"
    except metadata.PackageNotFoundError:
        return ""


def known_end(folder: Path, calendar: str) -> date | None:
    """The last date of what is kept in ``folder``, where the installed library knows no more; else None. Loads
    no library."""
    kept = _kept(kept_at(folder, calendar), calendar)
    return kept.last if kept is not None and _is_all(kept) else None


def _is_all(kept: TradingDays) -> bool:
    """Do these days reach to the end of what the installed library knows?"""
    return kept.bounded and kept.source == _installed()


def _kept(path: Path, calendar: str) -> TradingDays | None:
    """The days that were kept; None where there are none, or the file holds something else."""
    try:
        days = msgspec.json.decode(path.read_bytes(), type=TradingDays)
    except (OSError, msgspec.MsgspecError):
        return None
    is_sound = days.calendar == calendar and days.first <= days.last and list(days.open_days) == sorted(days.open_days)
    return days if is_sound else None


def _keep(path: Path, days: TradingDays) -> None:
    """Write the days where the next start finds them: the whole file or none of it.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(days))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


if __name__ == "__main__":
    find(Path(sys.argv[1]), sys.argv[2], date.fromisoformat(sys.argv[3]))
