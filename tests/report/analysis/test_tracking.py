"""How closely positions follow: by hand in plain cases, second by second in those that chance makes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.report.analysis.tracking import tracking
from copyctl.report.span import CannotGroup, Span
from tests.properties import tried
from tests.report.analysis.queues import Trade
from tests.report.analysis.traded import (
    ALICE,
    LEADER,
    MONDAY,
    SEGMENT,
    Row,
    cleared,
    empty,
    instrument,
    moment,
    put,
    row,
)
from tests.report.analysis.traded import trade as told

TUESDAY = MONDAY + timedelta(days=1)
MULTIPLIER = 10
BELL = -45 * 60
"""Trading begins three quarters of an hour before ten."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One of the leader's, with its trades (units, second, price), and what its copy was to have: 0 for an exit."""

    number: int
    units: Sequence[tuple[int, int, int]]
    wanted: int
    open_rest: int = 0
    cancelled: bool = False
    day: date = MONDAY
    product: str = "INTRADAY"


@cache
def store() -> duckdb.DuckDBPyConnection:
    return empty()


def rows(order: Order) -> Iterator[Row]:
    filled = sum(units for units, _, _ in order.units)
    name = f"leader {order.number}"
    side = "BUY" if filled > 0 else "SELL"
    status = "CANCELLED" if order.cancelled else "PENDING" if order.open_rest else "TRADED"
    at = moment(order.day, order.units[0][1])
    here = {"exchange_segment": SEGMENT, "security_id": "1", "side": side, "product": order.product, "day": order.day}
    yield row(
        "leader_orders",
        leader_order_id=name,
        quantity=abs(filled) + order.open_rest,
        filled=abs(filled),
        status=status,
        seen_at=at,
        **here,
    )
    yield row(
        "copies",
        leader_order_id=name,
        copy_id=name,
        account=ALICE,
        decision="copied",
        exit=not order.wanted,
        wanted_quantity=order.wanted,
        created_at=at,
        updated_at=at,
        **here,
    )
    for part, (units, second, price) in enumerate(order.units):
        values = here | {"quantity": abs(units), "price": price, "traded_at": moment(order.day, second)}
        yield row("fills", account=LEADER, trade_id=f"{order.number}{part}", order_id=name, **values)


def fill(number: int, units: int, second: int, price: int, day: date = MONDAY, product: str = "INTRADAY") -> Trade:
    return Trade(
        number=100_000 + number,
        account=ALICE,
        security_id="1",
        units=units,
        product=product,
        price=Decimal(price),
        day=day,
        second=second,
        copied=True,
    )


def filled(orders: Sequence[Order], fills: Sequence[Trade], last: int = 100) -> duckdb.DuckDBPyConnection:
    """``last``: the price at the end of each day, heard of at the second 60."""
    database = store()
    cleared(database)
    put(database, [instrument("1", multiplier=MULTIPLIER)])
    put(database, [one for order in orders for one in rows(order)])
    put(database, [one for each in fills for one in told(each)])
    for day in {one.day for one in orders}:
        told_at = moment(day, 60)
        quoted = {"exchange_segment": SEGMENT, "security_id": "1", "last_price": last, "last_price_at": told_at}
        put(database, [row("leader_orders", leader_order_id=f"{day}", day=day, seen_at=told_at, **quoted)])
    return database


def error(orders: Sequence[Order], fills: Sequence[Trade]) -> float | None:
    found = tracking(filled(orders, fills), Span(), ["follower"])
    return found[0]["tracking_error_pct"] if found else None


ROUND = [
    Order(number=1, units=[(+100, 0, 100), (+200, 5, 101)], wanted=150),
    Order(number=2, units=[(-300, 30, 110)], wanted=0),
]


def test_a_perfect_copy_has_no_error_and_no_active_profit() -> None:
    fills = [fill(1, +50, 0, 100), fill(2, +100, 5, 101), fill(3, -150, 30, 110)]
    (found,) = tracking(filled(ROUND, fills), Span(), ["follower"])
    assert (found["tracking_error_pct"], found["active_profit"], found["active_profit_pct"]) == (0, 0, 0)
    assert found["profit"] == found["wanted_profit"] == (50 * 10 + 100 * 9) * MULTIPLIER


def test_one_that_never_trades_has_an_error_of_all() -> None:
    (found,) = tracking(filled(ROUND, []), Span(), ["follower"])
    assert found["tracking_error_pct"] == 100
    assert (found["profit"], found["active_profit"]) == (0, -1400 * MULTIPLIER)
    assert found["active_profit_pct"] == pytest.approx(-1400 / (50 * 100 + 100 * 101 + 150 * 110) * 100, abs=1e-6)


def test_what_lasts_no_second_weighs_nothing() -> None:
    fills = [fill(1, +150, 0, 100), fill(2, -100, 0, 100), fill(3, +100, 5, 100), fill(4, -150, 30, 100)]
    assert error(ROUND, fills) == 0


def test_ten_seconds_late_of_thirty() -> None:
    orders = [Order(number=1, units=[(+10, 0, 100)], wanted=10), Order(number=2, units=[(-10, 30, 100)], wanted=0)]
    fills = [fill(1, +10, 10, 100), fill(2, -10, 30, 100)]
    assert error(orders, fills) == pytest.approx(100 / 3, abs=1e-6)


def test_an_exit_takes_the_share_that_the_leader_closed() -> None:
    orders = [
        Order(number=1, units=[(+390, 0, 100)], wanted=65, product="MARGIN"),
        Order(number=2, units=[(-130, 30, 100)], wanted=0, product="MARGIN"),
    ]
    filled(orders, [])
    tracking(store(), Span(), ["follower"])
    (wanted,) = store().execute("SELECT wanted FROM tracking").fetchone() or (None,)
    assert wanted == pytest.approx(65 * 2 / 3)


def test_what_was_cancelled_was_wanted_for_what_it_filled() -> None:
    orders = [
        Order(number=1, units=[(+80, 0, 100)], wanted=20, open_rest=80, cancelled=True),
        Order(number=2, units=[(-80, 30, 100)], wanted=0),
    ]
    assert error(orders, [fill(1, +20, 0, 100), fill(2, -20, 30, 100)]) == 0


@pytest.mark.parametrize(
    ("decision", "counts"), [("dead", True), ("queued", True), ("skipped", False), ("refused", False)]
)
def test_what_the_rules_did_not_want_is_no_error(decision: str, *, counts: bool) -> None:
    database = filled(ROUND, [])
    database.execute("UPDATE copies SET decision = ?", [decision])
    found = tracking(database, Span(), ["follower"])
    assert [one["tracking_error_pct"] for one in found] == ([100] if counts else [])


def test_a_position_of_the_day_ends_with_it_and_another_one_is_compared_the_next_day() -> None:
    orders = [
        Order(number=1, units=[(+10, 0, 100)], wanted=10),
        Order(number=2, units=[(+10, 1, 100)], wanted=10, product="MARGIN"),
        Order(number=3, units=[(-10, 0, 100)], wanted=0, product="MARGIN", day=TUESDAY),
    ]
    fills = [fill(1, +10, 0, 100), fill(2, +10, 1, 100, product="MARGIN")]
    database = filled(orders, fills)
    assert [row["tracking_error_pct"] for row in tracking(database, Span(first=MONDAY, last=MONDAY), [])] == [0]
    (row,) = tracking(database, Span(first=TUESDAY), [])
    assert row["tracking_error_pct"] == pytest.approx(60 / -BELL * 100, abs=1e-6)  # held on for a minute, wrongly


def test_a_key_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(CannotGroup, match="tracking cannot be grouped by side"):
        tracking(store(), Span(), ["side"])


# --- second by second -------------------------------------------------------------------------------------------------


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Order], list[Trade]]:
    orders: list[Order] = []
    fills: list[Trade] = []
    for number in range(1, draw(st.integers(1, 10)) + 1):
        sign = draw(st.sampled_from((1, -1)))
        seconds = sorted(draw(st.lists(st.integers(0, 40), min_size=1, max_size=2)))
        price = draw(st.integers(90, 110))
        orders.append(
            Order(
                number=number,
                units=[(sign * draw(st.integers(1, 4)), second, price) for second in seconds],
                wanted=draw(st.integers(0, 6)),
                open_rest=(rest := draw(st.integers(0, 3))),
                cancelled=bool(rest) and draw(st.booleans()),
                day=draw(st.sampled_from((MONDAY, TUESDAY))),
                product=draw(st.sampled_from(("INTRADAY", "MARGIN"))),
            )
        )
    for number in range(draw(st.integers(0, 8))):
        day = draw(st.sampled_from(sorted({one.day for one in orders})))
        units, second = draw(st.integers(1, 6)) * draw(st.sampled_from((1, -1))), draw(st.integers(0, 50))
        product = draw(st.sampled_from(("INTRADAY", "MARGIN")))
        fills.append(fill(number, units, second, draw(st.integers(90, 110)), day, product))
    return orders, fills


@dataclass
class Walk:
    """Both paths, step by step. ``away`` and ``wished``: units x seconds."""

    away: Fraction = Fraction(0)
    wished: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)
    wanted_cash: Fraction = Fraction(0)


def walked(orders: Sequence[Order], fills: Sequence[Trade], last: int) -> Walk:
    walk, shares = Walk(), opened(orders)
    held: dict[str, Fraction] = defaultdict(Fraction)
    wanted: dict[str, Fraction] = defaultdict(Fraction)
    for day in sorted({one.day for one in orders}):
        for second in range(BELL, 60):
            for trade in fills:
                if (trade.day, trade.second) == (day, second):
                    held[trade.product] += Fraction(trade.units)
                    walk.cash -= trade.units * Fraction(trade.price or 0)
            for product, added, kept, price in shares[day, second]:
                after = wanted[product] * kept + added
                walk.wanted_cash -= (after - wanted[product]) * price
                wanted[product] = after
            wish = sum(wanted.values(), Fraction(0))
            walk.away += abs(sum(held.values(), Fraction(0)) - wish)
            walk.wished += abs(wish)
        walk.cash += held.pop("INTRADAY", Fraction(0)) * last
        walk.wanted_cash += wanted.pop("INTRADAY", Fraction(0)) * last
    walk.cash += sum(held.values()) * last
    walk.wanted_cash += sum(wanted.values()) * last
    return walk


@dataclass(frozen=True, kw_only=True)
class Move:
    """One trade of the leader's, as it moves his position."""

    order: Order
    second: int
    price: int
    sign: int
    before: int
    closes: int
    opens: int


def moved(orders: Sequence[Order]) -> list[Move]:
    """His trades in turn."""
    trades = [
        (one.day, at, len(f"{one.number}{part}"), f"{one.number}{part}", one, units, price)
        for one in orders
        for part, (units, at, price) in enumerate(one.units)
    ]
    found: list[Move] = []
    positions: dict[tuple[str, date | None], int] = defaultdict(int)
    for day, at, _, _, order, units, price in sorted(trades, key=lambda one: one[:4]):
        key = (order.product, day if order.product == "INTRADAY" else None)
        before = positions[key]
        positions[key] += units
        closes = min(abs(units), abs(before)) if before * units < 0 else 0
        opens, sign = abs(units) - closes, 1 if units > 0 else -1
        found.append(Move(order=order, second=at, price=price, sign=sign, before=before, closes=closes, opens=opens))
    return found


def opened(orders: Sequence[Order]) -> dict[tuple[date, int], list[tuple[str, Fraction, Fraction, int]]]:
    """Of each trade of the leader's in turn: product, what it adds, what it keeps, its price."""
    found: dict[tuple[date, int], list[tuple[str, Fraction, Fraction, int]]] = defaultdict(list)
    moves = moved(orders)
    whole: dict[int, int] = defaultdict(int)
    for one in moves:
        whole[one.order.number] += one.opens
    for order in orders:
        whole[order.number] += 0 if order.cancelled else order.open_rest
    for one in moves:
        kept = 1 - Fraction(one.closes, abs(one.before)) if one.before else Fraction(1)
        added = Fraction(one.sign * one.order.wanted * one.opens, whole[one.order.number] or 1)
        found[one.order.day, one.second].append((one.order.product, added, kept, one.price))
    return found


@tried(60, deadline=None)
@given(days())
def test_it_is_what_a_walk_second_by_second_finds(made: tuple[list[Order], list[Trade]]) -> None:
    orders, fills = made
    last = 100
    walk = walked(orders, fills, last)
    found = tracking(filled(orders, fills, last), Span(), ["follower"])
    if not found:
        assert not walk.wished
        assert not walk.away
        return
    (told_of,) = found
    expected = walk.away / walk.wished * 100 if walk.wished else None
    assert told_of["tracking_error_pct"] == (pytest.approx(float(expected), abs=1e-5) if expected is not None else None)
    assert float(told_of["profit"]) == pytest.approx(float(walk.cash * MULTIPLIER), abs=0.005)
    assert float(told_of["wanted_profit"]) == pytest.approx(float(walk.wanted_cash * MULTIPLIER), abs=0.005)
