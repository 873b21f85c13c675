"""The dated table of trading hours that ships with copyctl, and how it is laid under what a rules file says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from copyctl.model.policy import MarketHours, Policy, Rules, Session, SpecialDay
from copyctl.model.terms import Segment
from copyctl.rules.nodes import plain
from copyctl.rules.parse import parse
from copyctl.rules.typed import build

FILE: Final = Path(__file__).with_name("sessions.yaml")

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedHours:
    """The table, in the order of its file."""

    sessions: tuple[Session, ...]
    part_days: tuple[SpecialDay, ...]
    special_sessions: tuple[SpecialDay, ...]


@cache
def shipped_hours() -> ShippedHours:
    """The table that ships."""
    parsed = parse(FILE.read_text(encoding="utf-8"), FILE.name)
    if parsed.node is None or parsed.findings:
        raise ValueError(f"{FILE.name} cannot be read")
    return build(ShippedHours, plain(parsed.node, lambda scalar: scalar.value))


def rules_with_shipped(rules: Rules) -> Rules:
    """The rules with the table laid under the hours of every policy."""
    followers = tuple(replace(one, policy=policy_with_shipped(one.policy)) for one in rules.followers)
    return replace(rules, policy=policy_with_shipped(rules.policy), followers=followers)


def policy_with_shipped(policy: Policy) -> Policy:
    """The policy with the table laid under its hours."""
    return replace(policy, market_hours=with_shipped(policy.market_hours))


@lru_cache(maxsize=64)
def with_shipped(hours: MarketHours) -> MarketHours:
    """What the file says, then what the table says of days and instruments of which the file says nothing. Equal
    hours give one and the same object."""
    table = shipped_hours()
    special = (*hours.part_days, *hours.special_sessions)
    return replace(
        hours,
        sessions=(*hours.sessions, *(rest for row in table.sessions for rest in uncovered(row, hours.sessions))),
        part_days=(*hours.part_days, *_left(table.part_days, hours.part_days, hours.holidays)),
        special_sessions=(*hours.special_sessions, *_left(table.special_sessions, special, hours.holidays)),
    )


def uncovered(row: Session, over: tuple[Session, ...]) -> Iterator[Session]:
    """A row of the table on the days on which none of the file's entries takes its place: one of the same class, or
    one without a class."""
    stretches = [(row.from_ or date.min, row.to or date.max)]
    for one in over:
        if one.segment is row.segment and one.class_ in {None, row.class_}:
            stretches = [rest for stretch in stretches for rest in _outside(stretch, one)]
    for first, last in stretches:
        yield replace(row, from_=None if first == date.min else first, to=None if last == date.max else last)


def _outside(stretch: tuple[date, date], entry: Session) -> Iterator[tuple[date, date]]:
    """What is left of a stretch of days without those of an entry."""
    first, last = stretch
    begin, end = entry.from_ or date.min, entry.to or date.max
    if end < first or last < begin or end < begin:
        yield stretch
        return
    if first < begin:
        yield first, begin - _DAY
    if end < last:
        yield end + _DAY, last


def _left(rows: tuple[SpecialDay, ...], over: tuple[SpecialDay, ...], closed: tuple[date, ...]) -> Iterator[SpecialDay]:
    """Rows of the table without the dates and segments of which the file speaks itself."""
    spoken: frozenset[tuple[date, Segment]] = frozenset((one.date, segment) for one in over for segment in one.segments)
    for row in rows:
        segments = tuple(segment for segment in row.segments if (row.date, segment) not in spoken)
        if segments and row.date not in closed:
            yield replace(row, segments=segments)
