"""Trading days: what the library gives, mended; kept so that the next start loads none; asked again when they end."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copyctl.edge import trading_days
from copyctl.edge.trading_days import (
    SPECIAL_WEEKEND_SESSIONS,
    CalendarUnavailable,
    ask_library,
    find,
    kept_at,
)
from copyctl.model.calendar import HOLIDAY_NAMES, INDIAN_CALENDARS, TradingDays
from copyctl.rules.calendars import CALENDARS, EVERY_DAY

TODAY = date(2026, 11, 30)
HOLIDAYS = {
    2025: "02-26 03-14 03-31 04-10 04-14 04-18 05-01 08-15 08-27 10-02 10-21 10-22 11-05 12-25",
    2026: "01-15 01-26 03-03 03-26 03-31 04-03 04-14 05-01 05-28 06-26 09-14 10-02 10-20 11-10 11-24 12-25",
}
"""NSE's and BSE's trading holidays that fall on weekdays."""


@pytest.fixture
def library() -> Iterator[Any]:
    """The library itself, which warns of pandas' future at every turn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        yield exchange_calendars


@pytest.fixture(scope="module")
def days() -> TradingDays:
    return ask_library("XBOM", date(2024, 1, 1), date(2028, 12, 31))


def test_the_days_reach_to_the_end_of_what_the_calendar_knows(days: TradingDays) -> None:
    assert (days.calendar, days.first, days.bounded) == ("XBOM", date(2024, 1, 1), True)
    assert days.last >= date(2026, 12, 31)
    assert days.source.startswith("exchange_calendars 4.")
    assert days.covers(days.last)
    assert not days.covers(days.last + timedelta(days=1))
    assert not days.covers(days.first - timedelta(days=1))


@pytest.mark.parametrize("year", HOLIDAYS)
def test_weekdays_trade_except_on_holidays(days: TradingDays, year: int) -> None:
    closed = {date.fromisoformat(f"{year}-{day}") for day in HOLIDAYS[year].split()}
    every = (date(year, 1, 1) + timedelta(days=number) for number in range(365))
    for day in every:
        if day.weekday() < 5:
            assert days.trades(day) == (day not in closed), day
    assert closed <= set(HOLIDAY_NAMES)


def test_special_weekend_sessions_are_there_on_every_pandas(days: TradingDays) -> None:
    weekends = [day for day in days.open_days if day.weekday() > 4 and day.year < 2027]
    assert weekends == [date(2024, 1, 20), date(2025, 2, 1)]


def test_days_with_hours_of_their_own_are_left_to_the_special_sessions(days: TradingDays) -> None:
    for day in (date(2025, 10, 21), date(2026, 2, 1), date(2026, 11, 8)):
        assert not days.trades(day)


def test_the_table_of_weekend_sessions_is_the_librarys_own(library: Any) -> None:
    calendar = library.get_calendar("XBOM", start="2024-01-01", end="2024-03-01")
    named = {
        day.date()
        for first, last, mask in calendar.special_weekmasks
        for day in (first + timedelta(days=number) for number in range((last - first).days + 1))
        if day.weekday() > 4 and mask[day.weekday()] == "1"
    }
    assert named == set(SPECIAL_WEEKEND_SESSIONS["XBOM"])


def test_an_alias_gives_the_same_days(days: TradingDays) -> None:
    for name in INDIAN_CALENDARS:
        assert ask_library(name, days.first, days.last).open_days == days.open_days


def test_a_calendar_that_follows_from_rules_has_no_end() -> None:
    found = ask_library("XNYS", date(2026, 1, 1), date(2027, 12, 31))
    assert (found.last, found.bounded) == (date(2027, 12, 31), False)
    assert not found.trades(date(2027, 1, 1))


def test_the_names_that_lint_knows_are_the_librarys(library: Any) -> None:
    names = set(library.get_calendar_names())
    assert names >= set(CALENDARS) >= EVERY_DAY
    if library.__version__.startswith("4.13."):
        assert names == set(CALENDARS)


# ---- kept -----------------------------------------------------------------------------------------------------------


def write(folder: Path, days: TradingDays) -> None:
    kept_at(folder, days.calendar).write_bytes(msgspec.json.encode(days))


def kept_days(**changes: Any) -> TradingDays:
    """Days as an earlier start kept them: recognisable by their one trading day."""
    values = {
        "calendar": "XBOM",
        "first": date(2025, 1, 1),
        "last": date(2026, 12, 31),
        "open_days": (date(2026, 11, 30),),
        "bounded": True,
        "source": trading_days._installed(),
    }
    return TradingDays(**(values | changes))


def test_days_are_kept_and_serve_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    first = find(folder, "XBOM", TODAY)
    path = kept_at(folder, "XBOM")
    assert first.reason == ""
    assert first.days is not None
    assert (first.days.first, first.days.trades(TODAY)) == (date(2025, 1, 1), True)
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    written = path.stat().st_mtime_ns
    assert find(folder, "XBOM", TODAY) == first
    assert path.stat().st_mtime_ns == written
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_a_name_with_a_slash_is_kept_too(tmp_path: Path) -> None:
    found = find(tmp_path, "24/7", TODAY)
    assert found.days is not None
    assert len(found.days.open_days) == 365 * 3
    assert find(tmp_path, "24/7", TODAY) == found


@pytest.mark.parametrize(
    "kept",
    [
        kept_days(),
        kept_days(last=date(2027, 12, 31), bounded=False, source="exchange_calendars 1.0"),
    ],
    ids=["as far as the library knows", "as far as is wanted"],
)
def test_what_reaches_far_enough_is_not_asked_for_again(tmp_path: Path, kept: TradingDays) -> None:
    write(tmp_path, kept)
    assert find(tmp_path, "XBOM", TODAY) == (kept, "")


@pytest.mark.parametrize(
    "kept",
    [
        kept_days(source="exchange_calendars 1.0"),
        kept_days(bounded=False),
        kept_days(first=date(2025, 1, 2)),
        kept_days(calendar="XNYS"),
        kept_days(open_days=(date(2026, 2, 2), date(2026, 1, 1))),
    ],
    ids=["of another version", "too short", "begins too late", "another calendar", "out of order"],
)
def test_what_does_not_serve_is_asked_for_again_and_kept(tmp_path: Path, kept: TradingDays) -> None:
    kept_at(tmp_path, "XBOM").write_bytes(msgspec.json.encode(kept))
    found = find(tmp_path, "XBOM", TODAY)
    assert found.days is not None
    assert len(found.days.open_days) > 400
    assert msgspec.json.decode(kept_at(tmp_path, "XBOM").read_bytes(), type=TradingDays) == found.days


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b'{"calendar":"XBOM"}', b"[1]"])
def test_a_file_that_holds_something_else_is_replaced(tmp_path: Path, content: bytes) -> None:
    kept_at(tmp_path, "XBOM").write_bytes(content)
    found = find(tmp_path, "XBOM", TODAY)
    assert found.reason == ""
    assert found.days is not None


def test_what_cannot_be_kept_is_told_and_serves(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    found = find(blocked / "store", "XBOM", TODAY)
    assert found.days is not None
    assert found.reason.startswith(f"trading days cannot be kept in {blocked / 'store' / 'trading-days-XBOM.json'}")


def test_an_unknown_calendar_gives_no_days_and_the_reason(tmp_path: Path) -> None:
    found = find(tmp_path, "XNSE", TODAY)
    assert found.days is None
    assert found.reason.startswith("the library exchange_calendars gives no calendar XNSE")
    assert list(tmp_path.iterdir()) == []


def test_beyond_all_that_is_known_there_are_no_days(tmp_path: Path) -> None:
    found = find(tmp_path, "XBOM", date(2040, 1, 1))
    assert found.days is None
    assert "its holidays are known to" in found.reason
    with pytest.raises(CalendarUnavailable):
        ask_library("XBOM", date(2040, 1, 1), date(2040, 12, 31))


def test_while_the_library_cannot_be_had_what_was_kept_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading_days, "LIBRARY", "no_such_library")
    assert find(tmp_path, "XBOM", TODAY).days is None
    old = kept_days(last=date(2026, 6, 30), bounded=False)
    write(tmp_path, old)
    found = find(tmp_path, "XBOM", TODAY)
    assert found.days == old
    assert "cannot be loaded" in found.reason
    assert found.reason.endswith("serve, to 2026-06-30")


def test_nothing_heavy_is_loaded_while_what_is_kept_serves(tmp_path: Path) -> None:
    write(tmp_path, kept_days())
    code = (
        "import sys, datetime, pathlib\n"
        "from copyctl.edge.trading_days import find\n"
        f"assert find(pathlib.Path({str(tmp_path)!r}), 'XBOM', datetime.date(2026, 11, 30)).days\n"
        "print(sorted({'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_days_become_json_and_come_back(days: TradingDays) -> None:
    assert msgspec.json.decode(msgspec.json.encode(days), type=TradingDays) == days
