"""The table of trading hours that ships: whole, valid, laid under what a file says; and what is said of odd hours."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rules_sample import ENVIRONMENT, EVERY_KEY, HERE, small, write

from copyctl.model.calendar import HOLIDAY_NAMES
from copyctl.model.market import CLASS_SEGMENTS, HoursClass, session_on
from copyctl.model.policy import MarketHours, Session, SpecialDay
from copyctl.model.terms import Segment
from copyctl.rules import Finding, Severity, lint, load, policy_of, read, rules_of, show
from copyctl.rules.schema import policy_schema
from copyctl.rules.shipped_hours import FILE, shipped_hours, with_shipped

TABLE = shipped_hours()
WRITTEN = yaml.load(FILE.read_text(), Loader=yaml.BaseLoader)  # noqa: S506  (makes texts, nothing else)
SIZING = {"strategy": "fixed_ratio", "ratio": 1}


def hours(**keys: Any) -> MarketHours:
    return policy_of({"sizing": SIZING, "market_hours": keys}).market_hours


def odd(folder: Path, keys: dict[str, Any]) -> list[Finding]:
    """What is said of these market hours, but for what is not built."""
    path = write(folder, small(policy={"sizing": SIZING, "market_hours": keys}))
    return [one for one in lint([path]) if one.code != "R401"]


# ---- the table ------------------------------------------------------------------------------------------------------


def test_the_table_is_written_as_a_rules_file_writes_market_hours() -> None:
    validator = Draft202012Validator(dict(policy_schema()["properties"]["market_hours"]))
    assert list(validator.iter_errors(WRITTEN)) == []
    assert set(WRITTEN) == {"sessions", "part_days", "special_sessions"}
    assert len(WRITTEN["sessions"]) == len(TABLE.sessions)


def test_lint_finds_nothing_odd_in_the_table(tmp_path: Path) -> None:
    assert odd(tmp_path, WRITTEN) == []


@pytest.mark.parametrize("hours_class", [None, *HoursClass])
@pytest.mark.parametrize("segment", Segment)
def test_rows_follow_one_another_without_a_gap_from_2025_on(segment: Segment, hours_class: HoursClass | None) -> None:
    rows = [row for row in TABLE.sessions if (row.segment, row.class_) == (segment, hours_class)]
    is_expected = hours_class is None or segment in CLASS_SEGMENTS[hours_class]
    assert bool(rows) == is_expected
    for before, after in pairwise(rows):
        assert before.to is not None
        assert after.from_ == before.to + timedelta(days=1)
    if rows:
        assert rows[-1].to is None
        assert hours_class is not None or rows[0].from_ == date(2025, 1, 1)


def test_nse_and_bse_keep_the_same_hours() -> None:
    def of(exchange: str) -> list[Any]:
        rows = (row for row in WRITTEN["sessions"] if row["segment"].startswith(exchange))
        return [{**row, "segment": row["segment"].removeprefix(exchange)} for row in rows]

    assert of("NSE") == of("BSE")


def test_every_row_has_a_source() -> None:
    """On its own line, or in the comment right above it."""
    above = ""
    for line in FILE.read_text().splitlines():
        if line.startswith("  - {segment"):
            assert "[" in line.partition("}")[2] or "[" in above, line
        above = line.strip() if line.strip().startswith("#") else ""


def test_part_days_of_the_table_fall_on_named_days() -> None:
    for row in TABLE.part_days:
        assert row.segments == (Segment.MCX_COMM,)
        assert row.date in HOLIDAY_NAMES or row.date in {date(2025, 1, 1), date(2025, 2, 1)}


def test_the_table_is_loaded_only_for_rules_that_are_used() -> None:
    code = "import sys; from copyctl.rules import lint; lint([sys.argv[1]]); print(*sys.modules)"
    smallest = str(HERE / "accepted" / "smallest.yaml")
    done = subprocess.run([sys.executable, "-c", code, smallest], capture_output=True, text=True, check=True)
    assert "copyctl.rules.read" in done.stdout.split()
    assert not {"copyctl.rules.shipped_hours", "copyctl.model.policy"} & set(done.stdout.split())


# ---- laid under the file's own --------------------------------------------------------------------------------------


def test_a_file_that_says_nothing_has_the_table() -> None:
    found = hours()
    assert found.sessions == TABLE.sessions
    assert found.part_days == TABLE.part_days
    assert found.special_sessions == TABLE.special_sessions
    assert found.holidays == ()


def test_entries_of_the_file_come_first_and_the_rest_of_the_table_after() -> None:
    found = hours(sessions=[{"segment": "NSE_CURRENCY", "from": "2026-03-01", "to": "2026-03-31"}])
    first, *rest = found.sessions
    assert (first.segment, first.regular) == (Segment.NSE_CURRENCY, None)
    assert [(row.from_, row.to) for row in rest if row.segment is Segment.NSE_CURRENCY] == [
        (date(2025, 1, 1), date(2026, 2, 28)),
        (date(2026, 4, 1), None),
    ]
    others = [row for row in TABLE.sessions if row.segment is not Segment.NSE_CURRENCY]
    assert [row for row in rest if row.segment is not Segment.NSE_CURRENCY] == others


ENTRIES = st.lists(
    st.builds(
        lambda segment, hours_class, first, length: Session(
            segment=segment,
            class_=hours_class,
            from_=first,
            to=None if first is None or length is None else first + timedelta(days=length),
            pre_open=None,
            regular=None,
            post_close=None,
            closing_auction=None,
        ),
        st.sampled_from([Segment.NSE_EQ, Segment.MCX_COMM]),
        st.sampled_from([None, *HoursClass]),
        st.none() | st.dates(date(2026, 7, 1), date(2026, 12, 31)),
        st.none() | st.integers(0, 90),
    ),
    max_size=4,
)


@settings(deadline=None)
@given(
    ENTRIES,
    st.sampled_from([Segment.NSE_EQ, Segment.MCX_COMM]),
    st.sampled_from([None, *HoursClass]),
    st.dates(date(2026, 6, 25), date(2027, 1, 5)),
)
def test_the_file_counts_wherever_it_speaks_and_the_table_everywhere_else(
    entries: list[Session], segment: Segment, hours_class: HoursClass | None, day: date
) -> None:
    found = session_on((*with_entries(entries).sessions,), segment, hours_class, day)
    own = session_on(tuple(entries), segment, hours_class, day)
    assert found == own or (own is None and _same_hours(found, session_on(TABLE.sessions, segment, hours_class, day)))


def with_entries(entries: list[Session]) -> MarketHours:
    return with_shipped(replace(hours(), sessions=tuple(entries)))


def _same_hours(one: Session | None, two: Session | None) -> bool:
    keys = ("segment", "class_", "pre_open", "regular", "closing_auction", "post_close")
    return [getattr(one, key, None) for key in keys] == [getattr(two, key, None) for key in keys]


MUHURAT, EVENING = date(2026, 11, 8), date(2026, 11, 24)


def of_day(rows: tuple[SpecialDay, ...], day: date) -> dict[Segment, list[str]]:
    """The hours on a date by segment."""
    found: dict[Segment, list[str]] = {}
    for row in rows:
        for segment in row.segments if row.date == day else ():
            found.setdefault(segment, []).append(f"{row.open:%H:%M}-{row.close:%H:%M}")
    return found


def row(day: date, *segments: str) -> dict[str, Any]:
    return {"date": str(day), "segments": list(segments), "open": "10:00", "close": "11:00"}


def test_a_special_session_of_the_file_takes_the_place_of_the_tables() -> None:
    found = hours(special_sessions=[row(MUHURAT, "NSE_EQ", "NSE_CURRENCY")])
    assert of_day(found.special_sessions, MUHURAT) == {
        Segment.NSE_EQ: ["10:00-11:00"],
        Segment.NSE_CURRENCY: ["10:00-11:00"],
        **{one: ["18:15-19:15"] for one in (Segment.BSE_EQ, Segment.NSE_FNO, Segment.BSE_FNO, Segment.MCX_COMM)},
    }
    assert of_day(hours(special_sessions=[row(EVENING, "MCX_COMM")]).part_days, EVENING) == {
        Segment.MCX_COMM: ["17:00-23:55"]
    }


def test_a_part_day_of_the_file_takes_the_place_of_both() -> None:
    found = hours(part_days=[row(EVENING, "MCX_COMM"), row(MUHURAT, "MCX_COMM")])
    assert of_day(found.part_days, EVENING) == {Segment.MCX_COMM: ["10:00-11:00"]}
    assert Segment.MCX_COMM not in of_day(found.special_sessions, MUHURAT)
    assert Segment.NSE_EQ in of_day(found.special_sessions, MUHURAT)


def test_a_holiday_of_the_file_closes_what_the_table_opens() -> None:
    found = hours(holidays=[str(MUHURAT), str(EVENING)])
    assert of_day(found.special_sessions, MUHURAT) == of_day(found.part_days, EVENING) == {}


def test_laying_the_table_under_twice_changes_nothing() -> None:
    for keys in ({}, {"sessions": [{"segment": "NSE_EQ", "from": "2026-09-09"}], "holidays": [str(EVENING)]}):
        once = hours(**keys)
        assert with_shipped(once) == once


def test_followers_with_equal_hours_share_one_object(tmp_path: Path) -> None:
    followers = [
        {"name": name, "client_id": name, "access_token": "${ALICE_ACCESS_TOKEN}"} for name in ("alice", "bob", "carol")
    ]
    followers[2]["policy"] = {"market_hours": {"square_off": "15:15"}}  # type: ignore[assignment]
    rules = load(write(tmp_path, small(followers=followers)), ENVIRONMENT, offline=True)
    alice, bob, carol = (one.policy.market_hours for one in rules.followers)
    assert alice is bob is rules.policy.market_hours
    assert carol.sessions == alice.sessions


def test_show_tells_what_the_file_says_and_not_the_table(tmp_path: Path) -> None:
    shown = show(write(tmp_path, small()))["policy"]["market_hours"]
    assert (shown["sessions"], shown["part_days"], shown["special_sessions"]) == ([], [], [])
    whole = show(EVERY_KEY, environment=ENVIRONMENT)["policy"]["market_hours"]
    assert len(whole["sessions"]) == 4
    loaded = read(EVERY_KEY, ENVIRONMENT, offline=True)
    assert len(loaded.rules.policy.market_hours.sessions) > 30
    assert json.loads(loaded.document.text)["policy"]["market_hours"] == whole
    assert rules_of(loaded.document.text) == loaded.rules


# ---- what is odd ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "code", "hint"),
    [
        ({"calendar": "NSE"}, "R210", "India's is XBOM"),
        ({"calendar": "mcx"}, "R210", "India's is XBOM"),
        ({"calendar": "xbom"}, "R210", "did you mean XBOM?"),
        ({"calendar": "XNYSE"}, "R210", "did you mean XNYS?"),
        ({"calendar": "tomorrow"}, "R210", "India's is XBOM"),
        ({"sessions": [{"segment": "NSE_EQ", "class": "derivative_stock", "regular": "09:15-15:30"}]}, "R211", "did"),
        ({"sessions": [{"segment": "NSE_EQ", "class": "xyz", "regular": "09:15-15:30"}]}, "R211", "there are"),
        (
            {"sessions": [{"segment": "MCX_COMM", "class": "expiring_index", "regular": "09:00-23:30"}]},
            "R211",
            "BSE_FNO",
        ),
        ({"square_off": "23:56"}, "R214", "INTRADAY"),
        ({"square_off": {"NSE_FNO": "15:46"}}, "R214", "INTRADAY"),
        ({"square_off": {"NSE_CURRENCY": "17:01"}}, "R214", "INTRADAY"),
    ],
)
def test_what_names_nothing_or_lies_outside_is_an_error(
    keys: dict[str, Any], code: str, hint: str, tmp_path: Path
) -> None:
    (found,) = odd(tmp_path, keys)
    assert (found.code, found.severity) == (code, Severity.ERROR)
    assert hint in (found.hint or "")


@pytest.mark.parametrize(
    "keys",
    [
        *({"calendar": name} for name in ("XBOM", "BSE", "24/7", "24/5")),
        *({"square_off": time} for time in ("15:15", "16:45", "23:55", "09:01", None)),
        {"square_off": {"NSE_FNO": "15:45", "NSE_EQ": "15:40", "MCX_COMM": "23:55"}},
        {"sessions": [{"segment": "NSE_FNO", "from": "2026-12-07", "regular": "09:15-15:00"}]},
        {"sessions": [{"segment": "NSE_FNO", "to": "2026-12-06", "from": "2026-08-03", "regular": "09:15-15:00"}]},
        {"sessions": [{"segment": "NSE_CURRENCY", "regular": "09:00-15:30"}]},
        {
            "sessions": [
                {"segment": "NSE_EQ", "class": "derivative_stocks", "from": "2026-12-07", "regular": "09:15-15:30"}
            ]
        },
        {"special_sessions": [{"date": "2026-11-08", "segments": ["NSE_EQ"], "open": "18:00", "close": "19:00"}]},
    ],
)
def test_what_makes_sense_passes(keys: dict[str, Any], tmp_path: Path) -> None:
    assert odd(tmp_path, keys) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"segment": "NSE_FNO", "regular": "09:15-15:30"}], [("from 2026-12-07", '"2026-12-06"')]),
        ([{"segment": "NSE_FNO", "regular": "09:15-15:40", "from": "2026-08-03"}], [("from 2026-12-07", "2026-12-06")]),
        ([{"segment": "NSE_FNO", "regular": "09:15-15:30", "to": "2026-09-30"}], [("from 2026-08-03", "2026-08-02")]),
        ([{"segment": "NSE_EQ", "regular": "09:15-15:30"}], [("gives derivative_stocks regular 09:15-15:15", "to:")]),
        (
            [
                {"segment": "NSE_EQ", "regular": "09:15-15:30"},
                {"segment": "NSE_EQ", "class": "derivative_stocks", "from": "2026-08-03", "regular": "09:15-15:15"},
            ],
            [("from 2026-12-07 on the table that ships gives derivative_stocks regular 09:15-15:30", "2026-12-06")],
        ),
        (
            [{"segment": "MCX_COMM", "from": "2026-11-02", "regular": "09:00-23:55"}],
            [("MCX_COMM regular 09:00-23:30", "")],
        ),
    ],
)
def test_an_entry_that_outlives_the_table_is_warned_of(
    entries: list[dict[str, Any]], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    found = odd(tmp_path, {"sessions": entries})
    assert [(one.code, one.severity) for one in found] == [("R215", Severity.WARNING)] * len(expected)
    for one, (message, hint) in zip(found, expected, strict=True):
        assert message in one.message
        assert hint in (one.hint or "")


def test_another_countrys_calendar_is_warned_of(tmp_path: Path) -> None:
    (found,) = odd(tmp_path, {"calendar": "XBSE"})
    assert (found.code, found.severity, found.hint) == ("R210", Severity.WARNING, "XBOM is India's")


def test_a_calendar_in_a_variable_is_checked_when_it_is_known(tmp_path: Path) -> None:
    assert odd(tmp_path, {"calendar": "${CALENDAR}"}) == []
