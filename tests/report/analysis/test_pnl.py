"""Profit in the cases that are easy to get wrong, worked by hand."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from copyctl.report.analysis.pnl import KEYS, pnl
from copyctl.report.span import KEYS as EVERY_KEY
from copyctl.report.span import CannotGroup, Span
from tests.report.analysis.queues import Trade
from tests.report.analysis.traded import (
    ALICE,
    LEADER,
    MONDAY,
    cleared,
    empty,
    instrument,
    last_price,
    moment,
    position,
    put,
    row,
)
from tests.report.analysis.traded import trade as told

TUESDAY = MONDAY + timedelta(days=1)
NUMBERS = iter(range(100, 10**6))


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    database = empty()
    cleared(database)
    put(database, [instrument("1")])
    yield database
    database.close()


def trade(units: int, price: int, **more: Any) -> Trade:
    number = more.pop("number", None) or next(NUMBERS)
    plain: dict[str, Any] = {
        "account": ALICE,
        "security_id": "1",
        "product": "INTRADAY",
        "day": MONDAY,
        "second": number,
        "copied": True,
    }
    return Trade(number=number, units=units, price=Decimal(price), **plain | more)


def only(database: duckdb.DuckDBPyConnection, trades: list[Trade], span: Span | None = None) -> dict[str, Any]:
    put(database, [each for one in trades for each in told(one)])
    (found,) = pnl(database, span or Span(), ["follower"])
    return found


def test_no_trade_no_row(store: duckdb.DuckDBPyConnection) -> None:
    assert pnl(store, Span(), ["follower"]) == []
    assert pnl(store, Span(), []) == []


def test_a_reversal_through_zero_closes_first(store: duckdb.DuckDBPyConnection) -> None:
    found = only(store, [trade(+10, 100), trade(-25, 110), trade(+15, 105)])
    assert found["realised"] == 10 * 10 + 15 * 5
    assert found["unrealised"] == 0


def test_of_one_second_the_trade_with_the_smaller_number_was_first(store: duckdb.DuckDBPyConnection) -> None:
    first, second = trade(+10, 100, second=0, number=9), trade(+10, 200, second=0, number=10)
    assert only(store, [second, first, trade(-10, 150, second=1)])["realised"] == 500


def test_a_short_gains_when_the_price_falls(store: duckdb.DuckDBPyConnection) -> None:
    put(store, [last_price("1", MONDAY, Decimal(90))])
    assert only(store, [trade(-10, 100)])["unrealised"] == 100


def test_what_the_broker_squared_off_closes_the_copy(store: duckdb.DuckDBPyConnection) -> None:
    found = only(store, [trade(+10, 100), trade(-10, 97, copied=False)])
    assert (found["realised"], found["unrealised"], found["by_hand"]) == (-30, 0, 0)
    assert (found["trades"], found["turnover"]) == (1, 1000)


def test_trades_by_hand_leave_the_copies_alone(store: duckdb.DuckDBPyConnection) -> None:
    by_hand = [trade(+10, 50, copied=False), trade(-10, 150, copied=False)]
    found = only(store, [by_hand[0], trade(+10, 100), trade(-10, 101), by_hand[1]])
    assert (found["realised"], found["by_hand"]) == (10, 1000)


def test_what_was_converted_is_closed_in_the_other_product(store: duckdb.DuckDBPyConnection) -> None:
    found = only(store, [trade(+10, 100), trade(-10, 130, product="MARGIN", day=TUESDAY)])
    assert (found["realised"], found["unrealised"]) == (300, 0)


def test_trading_within_a_day_leaves_what_is_held_alone(store: duckdb.DuckDBPyConnection) -> None:
    held = trade(+10, 10, product="CNC")
    put(store, [last_price("1", TUESDAY, Decimal(99))])
    found = only(store, [held, trade(+10, 100, day=TUESDAY), trade(-10, 99, day=TUESDAY)])
    assert (found["realised"], found["unrealised"]) == (-10, 890)


def test_what_was_there_before_the_first_trade_is_no_profit(store: duckdb.DuckDBPyConnection) -> None:
    put(store, [position(LEADER, "1", carried=10, copied=0)])
    mine = {"account": LEADER, "product": "MARGIN"}
    found = only(store, [trade(-15, 100, **mine), trade(+5, 90, **mine)])
    assert (found["realised"], found["unpriced"]) == (50, 10)
    assert found["by_hand"] is None


def test_what_was_carried_and_copied_is_not_what_was_carried_by_hand(store: duckdb.DuckDBPyConnection) -> None:
    put(store, [position(ALICE, "1", carried=30, copied=5)])
    found = only(store, [trade(-10, 100, product="MARGIN"), trade(+5, 100, product="MARGIN")])
    assert (found["unpriced"], found["realised"], found["unvalued"]) == (10, 0, 0)


def test_what_was_there_and_was_sold_is_known_when_no_position_tells_of_it_any_more(
    store: duckdb.DuckDBPyConnection,
) -> None:
    noon = moment(TUESDAY)
    put(store, [row("funds", account=LEADER, as_of=noon), row("alerts", happened_at=noon, day=TUESDAY)])
    found = only(store, [trade(-10, 100, account=LEADER, product="CNC")])
    assert (found["realised"], found["unrealised"], found["unpriced"]) == (0, 0, 10)


def test_what_was_sold_on_a_day_that_nobody_saw_is_no_profit(store: duckdb.DuckDBPyConnection) -> None:
    put(store, [position(LEADER, "1", 0, 0), row("alerts", happened_at=moment(TUESDAY), day=TUESDAY)])
    found = only(store, [trade(+10, 100, account=LEADER, product="CNC")])
    assert (found["realised"], found["unrealised"], found["unpriced"]) == (0, 0, 10)


def test_what_expired_is_worth_what_it_traded_at_last(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("UPDATE instruments SET expiry = ?", [MONDAY])
    put(store, [position(LEADER, "2", 0, 0), row("alerts", happened_at=moment(TUESDAY), day=TUESDAY)])
    put(store, [last_price("1", MONDAY, Decimal(3))])
    found = only(store, [trade(+10, 100, account=LEADER, product="MARGIN")])
    assert (found["unrealised"], found["unpriced"], found["unvalued"]) == (-970, 0, 0)


def test_charges_are_none_where_none_is_known_and_counted_where_some_are_not(
    store: duckdb.DuckDBPyConnection,
) -> None:
    put(store, [each for one in (trade(+1, 100), trade(-1, 100)) for each in told(one)])
    (found,) = pnl(store, Span(), ["follower"])
    assert (found["charges"], found["uncharged"], found["net"]) == (None, 2, 0)
    found = only(store, [trade(+1, 100, charges=Decimal("1.25"))])
    assert (found["charges"], found["uncharged"], found["net"]) == (Decimal("1.25"), 2, Decimal("-1.25"))


def test_what_is_open_is_worth_what_it_traded_at_by_the_end_of_the_days_asked_for(
    store: duckdb.DuckDBPyConnection,
) -> None:
    put(store, [last_price("1", MONDAY, Decimal(110)), last_price("1", TUESDAY, Decimal(300))])
    bought = trade(+10, 100, product="CNC")
    sold = trade(-10, 290, product="CNC", day=TUESDAY)
    found = only(store, [bought, sold], Span(last=MONDAY))
    assert (found["realised"], found["unrealised"]) == (0, 100)
    days = {one["day"]: (one["realised"], one["unrealised"]) for one in pnl(store, Span(), ["day"])}
    assert days == {MONDAY: (0, 100), TUESDAY: (1900, 0)}


def test_without_follower_the_leader_is_left_out(store: duckdb.DuckDBPyConnection) -> None:
    only(store, [trade(+10, 100), trade(-10, 101)])
    put(store, [each for one in (trade(+9, 1, account=LEADER), trade(-9, 2, account=LEADER)) for each in told(one)])
    (found,) = pnl(store, Span(), ["symbol"])
    assert (found["symbol"], found["realised"], found["trades"]) == ("symbol 1", 10, 2)
    by_name = {one["follower"]: one["realised"] for one in pnl(store, Span(), ["follower"])}
    assert by_name == {"alice": 10, "leader": 9}


@pytest.mark.parametrize("key", [key for key in EVERY_KEY if key not in KEYS])
def test_a_key_that_says_nothing_of_profit_is_refused(store: duckdb.DuckDBPyConnection, key: str) -> None:
    with pytest.raises(CannotGroup, match=f"pnl cannot be grouped by {key}, only by day"):
        pnl(store, Span(), [key])


@pytest.mark.parametrize("key", KEYS)
def test_every_other_key_groups(store: duckdb.DuckDBPyConnection, key: str) -> None:
    put(store, [each for one in (trade(+10, 100), trade(-10, 101)) for each in told(one)])
    (found,) = pnl(store, Span(), [key])
    assert (key in found, found["realised"]) == (True, 10)
