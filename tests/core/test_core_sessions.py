"""Market hours: every row of the table that ships, at its exact boundaries; holidays, special sessions, calendars that
end; what may be sent in which phase; square-off; and that phase, change and next opening agree at any moment."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.hours import SECOND, ist, moment_of
from copyctl.core.sessions import (
    is_squared_off,
    next_change,
    square_off,
    standing,
    timetable,
    traits_of,
    unfit,
)
from copyctl.core.timetable import every_profile, plan
from copyctl.model.calendar import HOLIDAY_NAMES
from copyctl.model.instrument import Instrument
from copyctl.model.market import Closure, Phase, Standing, Traits
from copyctl.model.policy import MarketHours
from copyctl.model.terms import InstrumentKind, OrderType, Product, Segment, Validity
from tests.core.market import (
    CLOSED_WEEKDAYS,
    COTTON,
    DAYS,
    FNO_SHARE,
    GOLD,
    HOURS,
    INDEX_OPTION,
    MENTHA,
    RUPEE,
    SHARE,
    UNKNOWN_SHARE,
    at,
    dates,
    future,
    hours,
    option,
    trading_days,
)
from tests.properties import tried

NSE_EQ, BSE_EQ, NSE_FNO, BSE_FNO = Segment.NSE_EQ, Segment.BSE_EQ, Segment.NSE_FNO, Segment.BSE_FNO
MCX = Segment.MCX_COMM
SHORT = {
    Phase.PRE_OPEN: "pre",
    Phase.REGULAR: "",
    Phase.CLOSING_AUCTION: "auction",
    Phase.POST_CLOSE: "post",
}


def asked(segment: Segment, traits: Traits, text: str, rules: MarketHours = HOURS) -> Standing:
    return standing(rules, DAYS, segment, traits, at(text))


def day_of(segment: Segment, traits: Traits, day: str, rules: MarketHours = HOURS) -> str:
    """The phases of a day as asked moment by moment, from one change to the next: "pre 09:00-09:08, 09:15-15:30"."""
    start = moment = at(f"{day}T00:00")
    midnight = start + 86_400 * SECOND
    told = []
    while moment < midnight:
        found = standing(rules, DAYS, segment, traits, moment)
        assert moment == start or standing(rules, DAYS, segment, traits, moment - 1).phase is not found.phase
        until = midnight if found.until is None else found.until
        if found.is_open:
            told.append(f"{SHORT[found.phase]} {ist(moment):%H:%M}-{ist(until):%H:%M}".strip())
        moment = until
    return ", ".join(told)


OLD = "pre 09:00-09:08, 09:15-15:30, post 15:40-16:00"
AUGUST = "pre 09:00-09:08, 09:15-15:30, post 15:50-16:00"
SEPTEMBER = "pre 09:00-09:10, 09:15-15:30, post 15:50-16:00"
AUCTION = "pre 09:00-09:08, 09:15-15:15, auction 15:15-15:35, post 15:50-16:00"
LATER_AUCTION = "pre 09:00-09:10, 09:15-15:15, auction 15:15-15:35, post 15:50-16:00"
LAST_AUCTION = "pre 09:00-09:10, 09:15-15:30, auction 15:30-15:40, post 15:50-16:00"

ROWS: list[tuple[tuple[Segment, ...], Traits, str, str]] = [
    *(((NSE_EQ, BSE_EQ), SHARE, day, OLD) for day in ("2025-01-01", "2025-02-01", "2026-07-31")),
    *(((NSE_EQ, BSE_EQ), FNO_SHARE, day, OLD) for day in ("2025-01-02", "2026-07-31")),
    *(((NSE_EQ, BSE_EQ), traits, "2026-08-03", AUGUST) for traits in (SHARE, UNKNOWN_SHARE)),
    *(((NSE_EQ, BSE_EQ), SHARE, day, AUGUST) for day in ("2026-08-03", "2026-09-04")),
    *(((NSE_EQ, BSE_EQ), SHARE, day, SEPTEMBER) for day in ("2026-09-07", "2026-12-04", "2026-12-07", "2026-12-31")),
    *(((NSE_EQ, BSE_EQ), FNO_SHARE, day, AUCTION) for day in ("2026-08-03", "2026-09-04")),
    *(((NSE_EQ, BSE_EQ), FNO_SHARE, day, LATER_AUCTION) for day in ("2026-09-07", "2026-12-04")),
    *(((NSE_EQ, BSE_EQ), FNO_SHARE, day, LAST_AUCTION) for day in ("2026-12-07", "2026-12-31")),
    *(((NSE_FNO, BSE_FNO), INDEX_OPTION, day, "09:15-15:30") for day in ("2025-01-01", "2025-12-08", "2026-07-31")),
    *(((NSE_FNO, BSE_FNO), INDEX_OPTION, day, "09:15-15:40") for day in ("2026-08-03", "2026-12-04")),
    *(((NSE_FNO, BSE_FNO), INDEX_OPTION, day, "09:15-15:45") for day in ("2026-12-07", "2026-12-31")),
    ((NSE_FNO, BSE_FNO), option("2026-12-01"), "2026-12-01", "09:15-15:40"),
    ((NSE_FNO, BSE_FNO), option("2026-12-08"), "2026-12-07", "09:15-15:45"),
    ((NSE_FNO, BSE_FNO), option("2026-12-08"), "2026-12-08", "09:15-15:30"),
    ((NSE_FNO, BSE_FNO), option("2026-12-08"), "2026-12-09", ""),
    ((NSE_FNO, BSE_FNO), option("2026-12-08", InstrumentKind.OPTSTK), "2026-12-08", "09:15-15:45"),
    ((NSE_FNO, BSE_FNO), future("2025-12-30"), "2025-12-05", "09:15-15:30"),
    ((NSE_FNO, BSE_FNO), future("2025-12-30"), "2025-12-08", "pre 09:00-09:08, 09:15-15:30"),
    ((NSE_FNO, BSE_FNO), future("2026-08-25"), "2026-08-03", "pre 09:00-09:08, 09:15-15:40"),
    ((NSE_FNO, BSE_FNO), future("2026-12-29"), "2026-12-29", "pre 09:00-09:08, 09:15-15:30"),
    ((NSE_FNO, BSE_FNO), future("2026-12-29", InstrumentKind.FUTSTK), "2026-12-29", "pre 09:00-09:08, 09:15-15:45"),
    ((Segment.NSE_CURRENCY, Segment.BSE_CURRENCY), RUPEE, "2026-11-30", "09:00-17:00"),
    *(((MCX,), GOLD, day, "09:00-23:55") for day in ("2025-01-02", "2025-03-07", "2025-11-03", "2026-03-06")),
    *(((MCX,), GOLD, day, "09:00-23:30") for day in ("2025-03-10", "2025-10-31", "2026-03-09", "2026-10-30")),
    *(((MCX,), GOLD, day, "09:00-23:55") for day in ("2026-11-02", "2026-12-31")),
    *(((MCX,), MENTHA, day, "09:00-17:00") for day in ("2025-01-02", "2026-10-30", "2026-11-30")),
    *(((MCX,), COTTON, day, "09:00-21:00") for day in ("2025-01-02", "2026-10-30", "2026-11-30")),
]


@pytest.mark.parametrize(
    ("segment", "traits", "day", "expected"),
    [(segment, *row) for segments, *row in ROWS for segment in segments],
)
def test_a_day_keeps_the_hours_of_its_row(segment: Segment, traits: Traits, day: str, expected: str) -> None:
    assert day_of(segment, traits, day) == expected


def test_mcx_hours_beyond_the_calendar_follow_the_table() -> None:
    warned = hours(stale_calendar="warn")
    days = {"2027-03-12": "09:00-23:55", "2027-03-15": "09:00-23:30"}
    assert {day: day_of(MCX, GOLD, day, warned) for day in days} == days


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("08:59:59.999999", Phase.CLOSED),
        ("09:00:00.000000", Phase.PRE_OPEN),
        ("09:09:59.999999", Phase.PRE_OPEN),
        ("09:10:00.000000", Phase.CLOSED),
        ("09:14:59.999999", Phase.CLOSED),
        ("09:15:00.000000", Phase.REGULAR),
        ("15:14:59.999999", Phase.REGULAR),
        ("15:15:00.000000", Phase.CLOSING_AUCTION),
        ("15:34:59.999999", Phase.CLOSING_AUCTION),
        ("15:35:00.000000", Phase.CLOSED),
        ("15:49:59.999999", Phase.CLOSED),
        ("15:50:00.000000", Phase.POST_CLOSE),
        ("15:59:59.999999", Phase.POST_CLOSE),
        ("16:00:00.000000", Phase.CLOSED),
        ("00:00:00.000000", Phase.CLOSED),
        ("23:59:59.999999", Phase.CLOSED),
    ],
)
def test_a_phase_holds_its_first_moment_and_not_its_last(text: str, phase: Phase) -> None:
    assert asked(NSE_EQ, FNO_SHARE, f"2026-11-30T{text}").phase is phase


def test_boundaries_hold_to_the_nanosecond() -> None:
    opening = at("2026-11-30T09:15")
    assert standing(HOURS, DAYS, NSE_EQ, SHARE, opening - 1).phase is Phase.CLOSED
    assert standing(HOURS, DAYS, NSE_EQ, SHARE, opening).phase is Phase.REGULAR
    assert standing(HOURS, DAYS, NSE_EQ, SHARE, at("2026-11-30T15:30") - 1).phase is Phase.REGULAR
    assert standing(HOURS, DAYS, NSE_EQ, SHARE, at("2026-11-30T15:30")).phase is Phase.CLOSED


def test_outside_hours_it_is_closed_with_the_next_open() -> None:
    found = asked(NSE_FNO, INDEX_OPTION, "2026-11-30T15:40")
    assert (found.phase, found.why, found.stale) == (Phase.CLOSED, Closure.MARKET_CLOSED, False)
    assert found.next_open == found.until == at("2026-12-01T09:15")
    assert found.next_open_text == "Tue 2026-12-01 09:15 IST"
    assert found.sentence == (
        "NSE_FNO is closed: on Mon 2026-11-30 NSE_FNO trades 09:15-15:40; next open Tue 2026-12-01 09:15 IST"
    )


def test_an_open_market_says_when_it_ends_and_nothing_of_why() -> None:
    found = asked(NSE_EQ, SHARE, "2026-11-30T12:00")
    assert (found.phase, found.until, found.why, found.sentence) == (
        Phase.REGULAR,
        at("2026-11-30T15:30"),
        None,
        "",
    )
    assert found.next_open == at("2026-12-01T09:15")


def test_before_the_open_the_next_open_is_today() -> None:
    pre = asked(NSE_EQ, SHARE, "2026-11-30T09:05")
    assert (pre.until, pre.next_open) == (at("2026-11-30T09:10"), at("2026-11-30T09:15"))
    night = asked(NSE_EQ, SHARE, "2026-11-30T00:00")
    assert (night.until, night.next_open) == (at("2026-11-30T09:00"), at("2026-11-30T09:15"))


@pytest.mark.parametrize("day", sorted(CLOSED_WEEKDAYS))
def test_a_holiday_is_closed_and_named(day: str) -> None:
    found = asked(NSE_EQ, SHARE, f"{day}T10:00")
    assert (found.phase, found.why) == (Phase.CLOSED, Closure.MARKET_HOLIDAY)
    assert HOLIDAY_NAMES[date.fromisoformat(day)] in found.sentence


@pytest.mark.parametrize(
    ("day", "told"),
    [("2026-11-28", "2026-11-28 is a Saturday"), ("2026-11-29", "2026-11-29 is a Sunday")],
)
def test_a_weekend_is_closed_and_named(day: str, told: str) -> None:
    for segment, traits in ((NSE_EQ, SHARE), (NSE_FNO, INDEX_OPTION), (MCX, GOLD)):
        found = asked(segment, traits, f"{day}T10:00")
        assert (found.phase, found.why) == (Phase.CLOSED, Closure.MARKET_HOLIDAY)
        assert found.sentence.startswith(f"{segment} is closed: {told}; next open Mon 2026-11-30 09:")


def test_a_holiday_between_weekends_leads_to_the_next_trading_day() -> None:
    assert asked(NSE_EQ, SHARE, "2026-12-24T16:00").next_open == at("2026-12-28T09:15")


def test_a_holiday_without_a_name_is_told_by_its_calendar() -> None:
    rules = hours(calendar="XNYS")
    days = trading_days("XNYS")
    told = standing(rules, days, NSE_EQ, SHARE, at("2026-11-24T10:00")).sentence
    assert told.startswith("NSE_EQ is closed: Tue 2026-11-24 is a holiday (calendar XNYS)")


# ---- special sessions and part days ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "traits"),
    [
        *((segment, SHARE) for segment in (NSE_EQ, BSE_EQ)),
        *((segment, INDEX_OPTION) for segment in (NSE_FNO, BSE_FNO)),
        *((MCX, traits) for traits in (GOLD, COTTON, MENTHA)),
        (NSE_EQ, FNO_SHARE),
    ],
)
def test_muhurat_sessions_are_open(segment: Segment, traits: Traits) -> None:
    assert day_of(segment, traits, "2026-11-08") == "18:15-19:15"
    assert day_of(segment, traits, "2025-10-21") == "13:45-14:45"


def test_before_muhurat_the_sunday_is_named_with_its_session() -> None:
    found = asked(NSE_EQ, SHARE, "2026-11-08T12:00")
    assert found.why is Closure.MARKET_HOLIDAY
    assert found.next_open == at("2026-11-08T18:15")
    assert "2026-11-08 is a Sunday (Diwali Laxmi Pujan), with trading 18:15-19:15" in found.sentence


def test_budget_sunday_is_open() -> None:
    for segment, traits in ((NSE_EQ, SHARE), (BSE_EQ, FNO_SHARE), (NSE_FNO, INDEX_OPTION), (BSE_FNO, INDEX_OPTION)):
        assert day_of(segment, traits, "2026-02-01") == "09:15-15:30"
    assert day_of(MCX, GOLD, "2026-02-01") == "09:00-17:00"
    assert day_of(Segment.NSE_CURRENCY, RUPEE, "2026-02-01") == ""


def test_budget_saturday_of_2025_kept_the_usual_hours_and_mcx_its_morning() -> None:
    assert day_of(NSE_EQ, SHARE, "2025-02-01") == OLD
    assert day_of(MCX, GOLD, "2025-02-01") == "09:00-17:00"


SUMMER_EVENINGS = [
    *("2025-03-14", "2025-03-31", "2025-04-10", "2025-04-14", "2025-05-01", "2025-08-27", "2025-10-22"),
    *("2026-03-26", "2026-03-31", "2026-04-14", "2026-05-01", "2026-05-28", "2026-06-26", "2026-09-14", "2026-10-20"),
]
WINTER_EVENINGS = ["2025-02-26", "2025-11-05", "2026-01-15", "2026-03-03", "2026-11-10", "2026-11-24"]
CLOSED_ALL_DAY = [
    *("2025-04-18", "2025-08-15", "2025-10-02", "2025-12-25"),
    *("2026-01-26", "2026-04-03", "2026-10-02", "2026-12-25"),
]


@pytest.mark.parametrize(
    ("day", "close"), [*((day, "23:30") for day in SUMMER_EVENINGS), *((day, "23:55") for day in WINTER_EVENINGS)]
)
def test_mcx_opens_in_the_evening_of_most_holidays(day: str, close: str) -> None:
    assert day_of(MCX, GOLD, day) == f"17:00-{close}"
    assert day_of(MCX, COTTON, day) == "17:00-21:00"
    assert day_of(MCX, MENTHA, day) == ""
    morning = asked(MCX, GOLD, f"{day}T10:00")
    assert (morning.why, morning.next_open) == (Closure.MARKET_CLOSED, at(f"{day}T17:00"))
    assert HOLIDAY_NAMES[date.fromisoformat(day)] in morning.sentence
    assert asked(MCX, MENTHA, f"{day}T18:00").why is Closure.MARKET_HOLIDAY


def test_the_lists_of_mcx_name_every_holiday() -> None:
    assert {*SUMMER_EVENINGS, *WINTER_EVENINGS, *CLOSED_ALL_DAY, "2025-10-21"} == CLOSED_WEEKDAYS


@pytest.mark.parametrize("day", CLOSED_ALL_DAY)
def test_mcx_is_closed_all_day_on_the_others(day: str) -> None:
    assert {day_of(MCX, traits, day) for traits in (GOLD, COTTON, MENTHA)} == {""}


@pytest.mark.parametrize("day", ["2025-01-01", "2026-01-01"])
def test_mcx_has_only_a_morning_on_new_years_day(day: str) -> None:
    assert {day_of(MCX, traits, day) for traits in (GOLD, COTTON, MENTHA)} == {"09:00-17:00"}
    assert day_of(NSE_EQ, SHARE, day) == OLD


def special(day: str, opening: str, close: str, *segments: str) -> dict[str, Any]:
    return {"date": day, "segments": list(segments or ("NSE_EQ",)), "open": opening, "close": close}


@pytest.mark.parametrize(
    ("keys", "day", "expected"),
    [
        # a special session wins over a holiday, a holiday over a part day, a part day over the calendar
        ({"special_sessions": [special("2026-11-24", "10:00", "11:00")]}, "2026-11-24", "10:00-11:00"),
        (
            {"special_sessions": [special("2026-11-30", "10:00", "11:00")], "holidays": ["2026-11-30"]},
            "2026-11-30",
            "10:00-11:00",
        ),
        (
            {"part_days": [special("2026-11-30", "10:00", "11:00")], "holidays": ["2026-11-30"]},
            "2026-11-30",
            "",
        ),
        ({"part_days": [special("2026-11-24", "10:00", "11:00")]}, "2026-11-24", "10:00-11:00"),
        ({"part_days": [special("2026-11-30", "10:00", "11:00")]}, "2026-11-30", "10:00-11:00"),
        ({"part_days": [special("2026-11-29", "10:00", "11:00")]}, "2026-11-29", "10:00-11:00"),
        ({"holidays": ["2026-11-30"]}, "2026-11-30", ""),
        # on a trading day a special session comes besides the day's own hours, and where they overlap it is regular
        ({"special_sessions": [special("2026-11-30", "18:15", "19:15")]}, "2026-11-30", f"{SEPTEMBER}, 18:15-19:15"),
        (
            {"special_sessions": [special("2026-11-30", "15:20", "15:55")]},
            "2026-11-30",
            "pre 09:00-09:10, 09:15-15:55, post 15:55-16:00",
        ),
        # and on a part day as well
        (
            {
                "special_sessions": [special("2026-11-30", "18:15", "19:15")],
                "part_days": [special("2026-11-30", "10:00", "11:00")],
            },
            "2026-11-30",
            "10:00-11:00, 18:15-19:15",
        ),
        # other segments are not meant
        ({"special_sessions": [special("2026-11-29", "10:00", "11:00", "BSE_EQ")]}, "2026-11-29", ""),
    ],
)
def test_what_the_file_says_of_a_day_counts_in_its_order(keys: dict[str, Any], day: str, expected: str) -> None:
    assert day_of(NSE_EQ, SHARE, day, hours(**keys)) == expected


def test_a_holiday_of_the_file_is_told_as_such() -> None:
    found = asked(NSE_EQ, SHARE, "2026-11-30T10:00", hours(holidays=["2026-11-30"]))
    assert found.why is Closure.MARKET_HOLIDAY
    assert "Mon 2026-11-30 is a holiday of market_hours.holidays" in found.sentence


# ---- calendars that do not reach so far -----------------------------------------------------------------------------


def test_beyond_the_calendar_nothing_is_open_and_that_is_an_answer_of_its_own() -> None:
    found = asked(NSE_EQ, SHARE, "2027-01-01T10:00")
    assert (found.phase, found.why, found.stale) == (Phase.CLOSED, Closure.CALENDAR_STALE, True)
    assert (found.until, found.next_open) == (None, None)
    assert found.sentence == ("NSE_EQ is closed: the calendar XBOM is known only from Wed 2025-01-01 to Thu 2026-12-31")
    assert asked(NSE_EQ, SHARE, "2024-12-31T10:00").why is Closure.CALENDAR_STALE


def test_on_the_last_evening_of_the_calendar_the_next_open_is_not_known() -> None:
    found = asked(NSE_EQ, SHARE, "2026-12-31T18:00")
    assert (found.why, found.stale, found.next_open) == (Closure.MARKET_CLOSED, False, None)
    assert found.next_open_text.startswith("not known: the calendar XBOM is known only")


def test_beyond_the_calendar_a_weekend_is_a_weekend() -> None:
    assert asked(NSE_EQ, SHARE, "2027-01-02T10:00").why is Closure.MARKET_HOLIDAY


def test_with_warn_the_weekday_decides_beyond_the_calendar() -> None:
    warned = hours(stale_calendar="warn")
    found = asked(NSE_EQ, SHARE, "2027-01-01T10:00", warned)
    assert (found.phase, found.stale) == (Phase.REGULAR, True)
    assert asked(NSE_EQ, SHARE, "2026-12-31T18:00", warned).next_open == at("2027-01-01T09:15")
    assert asked(NSE_EQ, SHARE, "2027-01-02T10:00", warned).why is Closure.MARKET_HOLIDAY


def test_what_the_file_says_of_a_day_needs_no_calendar() -> None:
    rules = hours(
        special_sessions=[special("2027-01-04", "10:00", "11:00")], part_days=[special("2027-01-05", "10:00", "11:00")]
    )
    assert asked(NSE_EQ, SHARE, "2027-01-04T10:30", rules).phase is Phase.REGULAR
    assert asked(NSE_EQ, SHARE, "2027-01-04T11:00", rules).why is Closure.CALENDAR_STALE
    later = asked(NSE_EQ, SHARE, "2027-01-05T12:00", rules)
    assert (later.why, later.stale) == (Closure.MARKET_CLOSED, False)
    assert asked(NSE_EQ, SHARE, "2026-12-31T18:00", rules).next_open == at("2027-01-04T10:00")


@pytest.mark.parametrize("days", [None, trading_days("XNYS")])
def test_without_trading_days_of_its_calendar_every_weekday_is_stale(days: Any) -> None:
    found = standing(HOURS, days, NSE_EQ, SHARE, at("2026-11-30T10:00"))
    assert (found.why, found.stale) == (Closure.CALENDAR_STALE, True)
    assert found.sentence == "NSE_EQ is closed: the trading days of the calendar XBOM are not known"
    warned = hours(stale_calendar="warn")
    assert standing(warned, days, NSE_EQ, SHARE, at("2026-11-30T10:00")).phase is Phase.REGULAR


def test_before_the_table_begins_no_hours_are_known() -> None:
    found = asked(NSE_EQ, SHARE, "2024-12-31T10:00", hours(stale_calendar="warn"))
    assert (found.phase, found.why) == (Phase.CLOSED, Closure.MARKET_CLOSED)
    assert "keeps no hours" in found.sentence


# ---- entries of the file against the table --------------------------------------------------------------------------


def test_an_entry_of_the_file_wins_on_its_days() -> None:
    rules = hours(sessions=[{"segment": "NSE_FNO", "from": "2026-11-30", "to": "2026-12-02", "regular": "10:00-14:00"}])
    assert day_of(NSE_FNO, INDEX_OPTION, "2026-11-27", rules) == "09:15-15:40"
    assert day_of(NSE_FNO, INDEX_OPTION, "2026-11-30", rules) == "10:00-14:00"
    assert day_of(NSE_FNO, INDEX_OPTION, "2026-12-02", rules) == "10:00-14:00"
    assert day_of(NSE_FNO, INDEX_OPTION, "2026-12-03", rules) == "09:15-15:40"
    assert day_of(BSE_FNO, INDEX_OPTION, "2026-11-30", rules) == "09:15-15:40"


def test_an_entry_without_class_wins_over_the_classes_of_the_table() -> None:
    rules = hours(sessions=[{"segment": "NSE_EQ", "from": "2026-11-30", "regular": "10:00-14:00"}])
    assert day_of(NSE_EQ, FNO_SHARE, "2026-11-27", rules) == LATER_AUCTION
    assert day_of(NSE_EQ, FNO_SHARE, "2026-11-30", rules) == "10:00-14:00"
    assert day_of(NSE_EQ, FNO_SHARE, "2026-12-07", rules) == "10:00-14:00"


def test_an_entry_with_a_class_is_for_that_class_whatever_its_place() -> None:
    own = {"segment": "NSE_EQ", "class": "derivative_stocks", "regular": "11:00-12:00"}
    plain = {"segment": "NSE_EQ", "regular": "10:00-14:00"}
    for sessions in ([own, plain], [plain, own]):
        rules = hours(sessions=sessions)
        assert day_of(NSE_EQ, FNO_SHARE, "2026-11-30", rules) == "11:00-12:00"
        assert day_of(NSE_EQ, SHARE, "2026-11-30", rules) == "10:00-14:00"
    alone = hours(sessions=[own])
    assert day_of(NSE_EQ, FNO_SHARE, "2026-11-30", alone) == "11:00-12:00"
    assert day_of(NSE_EQ, SHARE, "2026-11-30", alone) == SEPTEMBER


def test_the_first_of_two_entries_for_one_day_counts() -> None:
    rules = hours(
        sessions=[
            {"segment": "NSE_CURRENCY", "regular": "10:00-14:00"},
            {"segment": "NSE_CURRENCY", "regular": "11:00-12:00"},
        ]
    )
    assert day_of(Segment.NSE_CURRENCY, RUPEE, "2026-11-30", rules) == "10:00-14:00"


# ---- what of an instrument counts -----------------------------------------------------------------------------------


def test_traits_are_taken_from_the_instrument() -> None:
    instrument = Instrument(
        segment=NSE_FNO,
        security_id="1",
        symbol="NIFTY-Dec2026-FUT",
        kind=InstrumentKind.FUTIDX,
        underlying="NIFTY",
        expiry=date(2026, 12, 29),
    )
    assert traits_of(instrument, has_derivatives=None) == future("2026-12-29")


@pytest.mark.parametrize(
    ("segment", "expiry", "day", "is_in"),
    [
        (NSE_FNO, "2026-11-24", "2026-11-02", True),
        (NSE_FNO, "2026-12-29", "2026-11-16", False),
        (NSE_FNO, "2026-12-29", "2026-11-17", True),  # a week before the last Tuesday of November
        (NSE_FNO, "2026-12-29", "2026-11-30", True),
        (NSE_FNO, "2027-01-26", "2026-11-30", False),
        (NSE_FNO, "2027-01-26", "2026-12-30", True),
        (BSE_FNO, "2026-12-31", "2026-11-18", False),
        (BSE_FNO, "2026-12-31", "2026-11-19", True),  # a week before the last Thursday
    ],
)
def test_futures_of_the_month_take_part_in_the_pre_open_session(
    segment: Segment, expiry: str, day: str, is_in: bool
) -> None:
    found = asked(segment, future(expiry), f"{day}T09:01")
    assert found.phase is (Phase.PRE_OPEN if is_in else Phase.CLOSED)
    assert asked(segment, option(expiry), f"{day}T09:01").phase is Phase.CLOSED


def test_after_its_expiry_a_contract_never_opens() -> None:
    last = asked(NSE_FNO, option("2026-12-08"), "2026-12-08T15:30")
    assert (last.why, last.next_open, last.until) == (Closure.MARKET_CLOSED, None, None)
    assert last.next_open_text == "never: the contract's last day is Tue 2026-12-08"
    after = asked(NSE_FNO, option("2026-12-08"), "2026-12-09T10:00")
    assert "the contract expired on Tue 2026-12-08" in after.sentence


# ---- what may be sent -----------------------------------------------------------------------------------------------

TYPES = tuple(OrderType)


@pytest.mark.parametrize(
    ("phase", "fit"),
    [
        (Phase.PRE_OPEN, {OrderType.LIMIT, OrderType.MARKET}),
        (Phase.REGULAR, set(TYPES)),
        (Phase.CLOSING_AUCTION, {OrderType.LIMIT, OrderType.MARKET}),
        (Phase.POST_CLOSE, {OrderType.MARKET}),
        (Phase.CLOSED, set()),
    ],
)
def test_a_phase_takes_these_types(phase: Phase, fit: set[OrderType]) -> None:
    assert {one for one in TYPES if unfit(phase, one, Validity.DAY, Product.CNC) is None} == fit


@pytest.mark.parametrize(
    ("phase", "terms", "told"),
    [
        (Phase.PRE_OPEN, (OrderType.LIMIT, Validity.IOC, Product.CNC, 0), "the pre-open session takes DAY orders only"),
        (Phase.PRE_OPEN, (OrderType.LIMIT, Validity.DAY, Product.CNC, 5), "takes no disclosed quantity"),
        (Phase.PRE_OPEN, (OrderType.STOP_LOSS, Validity.DAY, Product.CNC, 0), "LIMIT and MARKET orders only"),
        (Phase.PRE_OPEN, (OrderType.LIMIT, Validity.DAY, Product.INTRADAY, 0), None),
        (Phase.CLOSING_AUCTION, (OrderType.LIMIT, Validity.DAY, Product.CNC, 5), "takes no disclosed quantity"),
        (Phase.CLOSING_AUCTION, (OrderType.STOP_LOSS_MARKET, Validity.DAY, Product.CNC, 0), "not STOP_LOSS_MARKET"),
        (Phase.CLOSING_AUCTION, (OrderType.MARKET, Validity.DAY, Product.INTRADAY, 0), None),
        (Phase.POST_CLOSE, (OrderType.MARKET, Validity.DAY, Product.INTRADAY, 0), "takes CNC orders only"),
        (Phase.POST_CLOSE, (OrderType.LIMIT, Validity.DAY, Product.CNC, 0), "takes MARKET orders only"),
        (Phase.REGULAR, (OrderType.STOP_LOSS, Validity.IOC, Product.INTRADAY, 5), None),
        (Phase.CLOSED, (OrderType.LIMIT, Validity.DAY, Product.CNC, 0), "the market is closed"),
        *((phase, (OrderType.LIMIT, Validity.FOREVER, Product.CNC, 0), None) for phase in Phase),
    ],
)
def test_why_an_order_does_not_fit(phase: Phase, terms: Any, told: str | None) -> None:
    found = unfit(phase, *terms)
    assert found == told if told is None else told in (found or "")


# ---- square-off -----------------------------------------------------------------------------------------------------


def test_square_off_is_a_time_of_the_day_for_each_segment() -> None:
    rules = hours(square_off={"NSE_FNO": "15:15", "MCX_COMM": "23:05:30"})
    noon = at("2026-11-30T12:00")
    assert square_off(rules, NSE_FNO, noon) == at("2026-11-30T15:15")
    assert square_off(rules, MCX, noon) == at("2026-11-30T23:05:30")
    assert square_off(rules, NSE_EQ, noon) is None
    assert not is_squared_off(rules, NSE_FNO, at("2026-11-30T15:15") - 1)
    assert is_squared_off(rules, NSE_FNO, at("2026-11-30T15:15"))
    assert is_squared_off(rules, NSE_FNO, at("2026-11-30T23:59:59"))
    assert not is_squared_off(rules, NSE_FNO, at("2026-12-01T00:00"))
    assert not is_squared_off(rules, NSE_EQ, at("2026-11-30T15:15"))


def test_one_square_off_time_is_for_every_segment() -> None:
    rules = hours(square_off="15:15")
    assert {square_off(rules, segment, at("2026-11-30T12:00")) for segment in Segment} == {at("2026-11-30T15:15")}


# ---- changes, and that everything agrees ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "moment", "change"),
    [
        (NSE_EQ, "2026-11-29T12:00", "2026-11-30T09:00"),
        (NSE_EQ, "2026-11-30T09:00", "2026-11-30T09:10"),
        (NSE_EQ, "2026-11-30T09:15", "2026-11-30T15:15"),  # derivative stocks
        (NSE_EQ, "2026-11-30T15:15", "2026-11-30T15:30"),  # the others
        (NSE_EQ, "2026-11-30T15:30", "2026-11-30T15:35"),
        (NSE_FNO, "2026-11-30T00:00", "2026-11-30T09:00"),  # futures
        (NSE_FNO, "2026-12-07T09:15", "2026-12-07T15:30"),  # what expires
        (NSE_FNO, "2026-12-07T15:30", "2026-12-07T15:45"),
        (MCX, "2026-11-30T12:00", "2026-11-30T17:00"),  # agri
        (MCX, "2026-11-30T17:00", "2026-11-30T21:00"),
        (MCX, "2026-11-30T21:00", "2026-11-30T23:55"),
        (MCX, "2026-11-23T23:55", "2026-11-24T17:00"),
        (MCX, "2026-11-30T23:55", "2026-12-01T09:00"),
        (NSE_EQ, "2026-12-31T16:00", None),
    ],
)
def test_the_next_change_of_anything_in_a_segment(segment: Segment, moment: str, change: str | None) -> None:
    assert next_change(HOURS, DAYS, segment, at(moment)) == (None if change is None else at(change))


INSTRUMENTS = st.one_of(
    st.tuples(st.sampled_from([NSE_EQ, BSE_EQ]), st.sampled_from([SHARE, FNO_SHARE])),
    st.tuples(
        st.sampled_from([NSE_FNO, BSE_FNO]),
        st.sampled_from([INDEX_OPTION, option("2026-12-15"), future("2026-09-29"), future("2026-12-29")]),
    ),
    st.tuples(st.sampled_from([Segment.NSE_CURRENCY, Segment.BSE_CURRENCY]), st.just(RUPEE)),
    st.tuples(st.just(MCX), st.sampled_from([GOLD, MENTHA, COTTON])),
)
MOMENTS = st.integers(moment_of(date(2025, 1, 1)), moment_of(date(2027, 3, 1)))
TIMES = st.integers(0, 86_399).map(lambda second: time(second // 3600, second // 60 % 60, second % 60))
SPANS = st.tuples(TIMES, TIMES).filter(lambda both: both[0] < both[1])


@st.composite
def any_hours(draw: st.DrawFn) -> MarketHours:
    """Market hours with days of their own between October 2026 and January 2027."""
    days = st.integers(0, 120).map(lambda number: (date(2026, 10, 1) + timedelta(days=number)).isoformat())

    def row(day: str, span: tuple[time, time]) -> dict[str, Any]:
        return special(day, span[0].isoformat(), span[1].isoformat(), *Segment)

    rows = st.lists(st.builds(row, days, SPANS), max_size=4)
    return hours(
        stale_calendar=draw(st.sampled_from(["refuse", "warn"])),
        holidays=draw(st.lists(days, max_size=3)),
        part_days=draw(rows),
        special_sessions=draw(rows),
    )


SOME_HOURS = st.one_of(st.just(HOURS), st.just(hours(stale_calendar="warn")), any_hours())


@tried(400)
@given(SOME_HOURS, INSTRUMENTS, MOMENTS)
def test_phase_change_and_next_open_agree(rules: MarketHours, instrument: tuple[Segment, Traits], moment: int) -> None:
    segment, traits = instrument

    def ask(when: int) -> Standing:
        return standing(rules, DAYS, segment, traits, when)

    now = ask(moment)
    assert (now.why is not None) == (now.phase is Phase.CLOSED) == bool(now.sentence)
    assert now.is_open != (now.phase is Phase.CLOSED)
    if now.until is not None:
        assert now.until > moment
        assert ask(now.until - 1).phase is now.phase
        assert ask(now.until).phase is not now.phase
        assert ask((moment + now.until) // 2).phase is now.phase
    if now.next_open is None:
        assert now.next_open_text.startswith(("not ", "never"))
        return
    assert now.next_open > moment
    assert ask(now.next_open).phase is Phase.REGULAR
    assert ask(now.next_open - 1).phase is not Phase.REGULAR
    walked = moment
    for _ in range(400):  # from change to change: nothing opens in between
        until = ask(walked).until
        assert until is not None
        assert until <= now.next_open
        if until == now.next_open:
            break
        walked = until
        assert ask(walked).phase is not Phase.REGULAR
    else:
        pytest.fail("the next open was never reached")


@tried(200)
@given(SOME_HOURS, INSTRUMENTS, MOMENTS)
def test_no_instrument_changes_before_its_segment_does(
    rules: MarketHours, instrument: tuple[Segment, Traits], moment: int
) -> None:
    segment, traits = instrument
    until = standing(rules, DAYS, segment, traits, moment).until
    change = next_change(rules, DAYS, segment, moment)
    if until is not None:
        assert change is not None
        assert moment < change <= until


@tried(100)
@given(any_hours(), st.sampled_from(Segment), st.dates(date(2026, 9, 25), date(2027, 2, 10)))
def test_the_phases_of_a_day_lie_within_it_in_order(rules: MarketHours, segment: Segment, day: date) -> None:
    for profile in every_profile(segment):
        spans = plan(timetable(rules, DAYS), profile, day).spans
        edges = [edge for span in spans for edge in (span.start, span.end)]
        assert edges == sorted(edges)
        assert all(span.start < span.end for span in spans)
        assert all(moment_of(day) <= edge <= moment_of(day + timedelta(days=1)) for edge in edges)


def test_equal_days_give_equal_answers_and_the_same_objects_one_table() -> None:
    again = trading_days()
    moment = at("2026-11-30T12:00")
    assert standing(HOURS, again, NSE_EQ, SHARE, moment) == standing(HOURS, DAYS, NSE_EQ, SHARE, moment)
    assert timetable(HOURS, DAYS) is timetable(HOURS, DAYS)
    assert timetable(HOURS, again) is not timetable(HOURS, DAYS)


def test_moments_of_the_indian_clock() -> None:
    for day in dates(date(2026, 10, 30), date(2026, 11, 5)):
        assert ist(moment_of(day, time(9, 15, 30, 250_000))).isoformat() == f"{day}T09:15:30.250000+05:30"
        assert moment_of(day) == at(f"{day}T00:00")
