"""Profit as the store's views find it all at once is the profit that queues find trade by trade."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from copyctl.report.analysis.pnl import pnl
from copyctl.report.span import Span
from tests.properties import tried
from tests.report.analysis.queues import Account, Profit, Trade
from tests.report.analysis.traded import (
    ALICE,
    BOB,
    LEADER,
    MONDAY,
    NAMES,
    cleared,
    empty,
    instrument,
    last_price,
    position,
    put,
    rows_by,
    trade,
)

DAYS = [MONDAY + timedelta(days=number) for number in range(4)]
MULTIPLIERS = {"1": 1, "2": 100, "3": 10}
EXPIRED = "3"
"""It does so on the second day."""
PRICES = st.integers(1, 100_000).map(lambda number: Decimal(number) / 20)


@cache
def store() -> duckdb.DuckDBPyConnection:
    return empty()


@st.composite
def trades(draw: st.DrawFn) -> list[Trade]:
    made: list[Trade] = []
    for number in draw(st.lists(st.integers(1, 120), unique=True, max_size=40)):
        account = draw(st.sampled_from((LEADER, ALICE, BOB)))
        made.append(
            Trade(
                number=number,
                account=account,
                security_id=draw(st.sampled_from(sorted(MULTIPLIERS))),
                units=draw(st.integers(1, 5)) * draw(st.sampled_from((1, -1))),
                product=draw(st.sampled_from(("INTRADAY", "INTRADAY", "CO", "MARGIN", "CNC"))),
                price=draw(PRICES),
                day=draw(st.sampled_from(DAYS)),
                second=draw(st.integers(0, 1)),
                copied=account == LEADER or draw(st.sampled_from((True, True, False))),
                charges=draw(st.none() | PRICES),
                told_by=draw(st.sampled_from(("run", "backfill"))),
            )
        )
    return made


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    made = draw(trades())
    prices = {(security, day): draw(PRICES) for security in MULTIPLIERS for day in DAYS if draw(st.booleans())}
    carried = []
    newest = max((day for _, day in prices), default=None)
    newest = max([newest or date.min, *(one.day for one in made if one.day and one.told_by == "run")])
    for account, security in sorted({one.item for one in made}):
        known = any(one.item == (account, security) and one.day and one.day <= newest for one in made)
        if not known or (security == EXPIRED and newest > DAYS[1]):
            continue
        sign = draw(st.sampled_from((1, -1)))
        for copied in (True, False) if account != LEADER else (True,):
            units = sign * draw(st.integers(0, 4))
            before = Trade(
                number=0,
                account=account,
                security_id=security,
                units=units,
                product="MARGIN",
                price=None,
                day=None,
                second=0,
                copied=copied,
            )
            carried += [before] if units else []
    told = {(*one.item, one.day) for one in made}
    priced = {item[1:] for item in told} | set(prices)  # a day on which it traded has a last price
    return Account(
        trades=made,
        carried=carried,
        multipliers=MULTIPLIERS,
        prices={(security, day): prices.get((security, day), Decimal(7)) for security, day in priced if day},
    )


def filled(it: Account) -> duckdb.DuckDBPyConnection:
    """The store with all of an account."""
    database = store()
    cleared(database)
    rows = [
        instrument(security, multiplier=multiplier, expiry=DAYS[1] if security == EXPIRED else None)
        for security, multiplier in MULTIPLIERS.items()
    ]
    rows += [row for one in it.trades for row in trade(one)]
    rows += [last_price(security, day, price) for (security, day), price in it.prices.items()]
    newest = max([day for _, day in it.prices], default=MONDAY)
    for account, security in {one.item for one in it.trades}:
        of_it = [one for one in it.trades if one.item == (account, security)]
        before = [one for one in it.carried if one.item == (account, security)]
        earlier = sum(one.units for one in of_it if one.day and one.day < newest)
        built = sum(one.units for one in [*of_it, *before] if one.copied and account != LEADER)
        rows.append(position(account, security, earlier + sum(one.units for one in before), built))
    put(database, rows)
    return database


def says(row: Any, by_queues: Profit, *, leader: bool) -> None:
    assert row["realised"] == by_queues.realised
    assert row["charges"] == by_queues.charges
    assert (row["trades"], row["turnover"]) == (by_queues.trades, by_queues.turnover)
    assert (row["unpriced"], row["unvalued"], row["uncharged"]) == (
        by_queues.unpriced,
        by_queues.unvalued,
        by_queues.uncharged,
    )
    expected = by_queues.unrealised
    if expected is None and not by_queues.unvalued:
        expected = Decimal(0)
    assert row["unrealised"] == expected
    assert row["by_hand"] == (None if leader else by_queues.by_hand)
    net = None if expected is None else by_queues.realised + expected - (by_queues.charges or 0)
    assert row["net"] == net


def agree(it: Account) -> None:
    database = filled(it)
    first, last = DAYS[1], DAYS[2]
    for span, bounds in (
        (Span(), (date.min, date.max)),
        (Span(first=first, last=last), (first, last)),
        (Span(last=first), (date.min, first)),
    ):
        told = rows_by(pnl(database, span, ["follower"]), ["follower"])
        by_queues = {NAMES[key]: one for (key,), one in it.profits(*bounds).items()}
        for name, profit in by_queues.items():
            says(told[name,], profit, leader=name == "leader")
        assert {name for (name,) in told} == set(by_queues)
        told = rows_by(pnl(database, span, ["symbol", "follower"]), ["symbol", "follower"])
        for (account, security), profit in it.profits(*bounds, by_security=True).items():
            says(told[f"symbol {security}", NAMES[account]], profit, leader=account == LEADER)
    told = rows_by(pnl(database, Span(first=first), ["day", "follower"]), ["day", "follower"])
    by_day: dict[tuple[date, str], Profit] = {}
    for day in {one.day for one in it.trades if one.day and one.day >= first}:
        by_day |= {(day, NAMES[key]): one for (key,), one in it.profits(day, day).items()}
    for key, profit in by_day.items():
        says(told[key], profit, leader=key[1] == "leader")
    assert set(told) == set(by_day)


@tried(60, deadline=None)
@given(accounts())
def test_profit_is_what_queues_find(it: Account) -> None:
    agree(it)


@tried(30, deadline=None)
@given(accounts())
def test_a_trade_that_comes_later_changes_nothing_that_was_closed(it: Account) -> None:
    """Realised profit of the first days stands, whatever is traded afterwards."""
    short = replace(it, trades=[one for one in it.trades if one.day and one.day <= DAYS[1]], carried=[])
    long = replace(it, carried=[])
    span = Span(last=DAYS[1])
    told = [
        {row["follower"]: (row["realised"], row["trades"]) for row in pnl(filled(one), span, ["follower"])}
        for one in (short, long)
    ]
    assert told[0] == told[1]
