"""Whose position is what: the leader's, what a follower should have of it, and what it has."""

from collections.abc import Iterator, Mapping
from typing import Any

from copyctl.model.account import Account
from copyctl.model.records import Position
from copyctl.model.terms import Product, Segment
from copyctl.report.figures import rounded
from copyctl.report.moments import date_of, day_of
from copyctl.report.picture import Picture, Records

Row = dict[str, Any]

_Place = tuple[Segment, str, Product]
"""Where a position is kept: segment, security id and product."""


def positions(records: Records, names: Mapping[str, str], *, leader: str, follower: str | None = None) -> list[Row]:
    """One row per follower, instrument and product in which the follower or the leader has something, in units,
    negative for what is sold.

    ``leader``: his account, whose net in the same product is told. ``names``: the followers' names by account;
    ``follower``: one of these names. ``wanted``: what copies ought to have there (scenario 4.6), ``copied`` what they
    have; ``by_hand``: the rest of ``actual``, the follower's own.
    """
    picture = Picture(records)
    accounts = {**names, **{one: one for one, *_ in picture.positions if one not in (*names, leader)}}
    rows = [
        _row(name, place, picture.positions.get((account, *place)), picture.positions.get((leader, *place)), picture)
        for account, name in accounts.items()
        if follower in (None, name)
        for place in _places(picture, {account, leader})
    ]
    return sorted(rows, key=lambda row: [str(row[key] or "") for key in _ORDER])


_ORDER = ("follower", "exchange_segment", "symbol", "security_id", "product")


def _places(picture: Picture, accounts: set[str]) -> Iterator[_Place]:
    """Where one of these accounts has something, or ought to, each once."""
    there = (one for one in picture.positions.values() if one.account in accounts)
    held = (one for one in there if one.net or one.copied or one.target)
    yield from dict.fromkeys((one.segment, one.security_id, one.product) for one in held)


def _row(name: str, place: _Place, mine: Position | None, leaders: Position | None, picture: Picture) -> Row:
    segment, security_id, product = place
    instrument = picture.instrument(segment, security_id)
    return {
        "follower": name,
        "exchange_segment": segment.value,
        "security_id": security_id,
        "symbol": (instrument.symbol or None) if instrument else None,
        "product": product.value,
        "leader": leaders.net if leaders else 0,
        "wanted": rounded(mine.target) if mine else 0,
        "actual": mine.net if mine else 0,
        "copied": mine.copied if mine else 0,
        "by_hand": mine.net - mine.copied if mine else 0,
    }


def doubts(records: Records, names: Mapping[str, str], *, now: int) -> list[str]:
    """What a reader of positions must know besides: whose are old, and whose beginning of the day is not known.

    ``names``: all accounts, the leader's too. Accounts that no run has looked at yet are left out.
    """
    accounts = Picture(records).accounts
    known = [(accounts[account], name) for account, name in names.items() if account in accounts]
    return [doubt for account, name in known if (doubt := _doubt(account, name, day_of(now)))]


def _doubt(account: Account, name: str, today: int) -> str:
    if account.day and account.day != today:
        return f"{name}'s are of {date_of(account.day)}: no run has looked since"
    if not account.positions_at:
        why = f" ({account.positions_why})" if account.positions_why else ""
        return f"what {name} began the day with was not read yet{why}: today's fills alone count"
    return ""
