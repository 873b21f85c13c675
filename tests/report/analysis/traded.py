"""A store with trades in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb

from copyctl.store import schema
from tests.report.analysis.queues import Trade

LEADER, ALICE, BOB = "1001", "1002", "1003"
NAMES = {LEADER: "leader", ALICE: "alice", BOB: "bob"}
MONDAY = date(2026, 9, 7)
IST = timezone(timedelta(hours=5, minutes=30))
SEGMENT = "NSE_FNO"
Row = tuple[str, dict[str, Any]]
_ROLES = {LEADER: "leader", ALICE: "follower", BOB: "follower"}
_FILLER = {"BIGINT": 0, "BOOLEAN": False, "VARCHAR": "", "DECIMAL(18, 4)": 0, "DECIMAL(28, 10)": 0}


def empty() -> duckdb.DuckDBPyConnection:
    """A store without a row."""
    database = duckdb.connect(":memory:")
    database.execute("SET TimeZone = 'Asia/Kolkata'")
    schema.create(database)
    return database


def cleared(database: duckdb.DuckDBPyConnection) -> None:
    """The same store with accounts alone."""
    for name in schema.tables():
        database.execute(f"DELETE FROM {name}")
    put(database, [row("accounts", account=one, name=name, role=_ROLES[one]) for one, name in NAMES.items()])


def row(table: str, **values: Any) -> Row:
    """A row of a table; what is not told is 0, false or "" where it has to be something."""
    return table, {one.name: _FILLER.get(one.kind) for one in schema.tables()[table].columns if one.required} | values


def put(database: duckdb.DuckDBPyConnection, rows: Iterable[Row]) -> None:
    """Rows of any tables into the store."""
    alike: dict[tuple[str, tuple[str, ...]], list[Any]] = defaultdict(list)
    for table, values in rows:
        alike[table, tuple(values)].append(tuple(values.values()))
    for (table, names), lines in alike.items():
        marks = ", ".join(["(" + ", ".join("?" * len(names)) + ")"] * len(lines))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES {marks}"
        database.execute(statement, [one for each in lines for one in each])


def moment(day: date, second: float = 0) -> datetime:
    """So many seconds after ten o'clock."""
    return datetime.combine(day, time(10), IST) + timedelta(seconds=second)


def instrument(security_id: str, **told: Any) -> Row:
    """One instrument of NSE's derivatives."""
    plain = {"symbol": f"symbol {security_id}", "underlying": "NIFTY", "lot_size": 1, "multiplier": 1, "expiry": None}
    return row("instruments", exchange_segment=SEGMENT, security_id=security_id, **plain | told)


def trade(one: Trade) -> Iterator[Row]:
    """One trade as its source told it, and the placement that it belongs to."""
    assert one.day is not None
    told = {
        "account": one.account,
        "trade_id": str(one.number),
        "order_id": f"order {one.number}",
        "exchange_segment": SEGMENT,
        "security_id": one.security_id,
        "side": "BUY" if one.units > 0 else "SELL",
        "product": one.product,
        "quantity": abs(one.units),
        "price": one.price,
        "traded_at": moment(one.day, one.second),
        "day": one.day,
    }
    if one.told_by == "run":
        yield row("fills", **told)
    if one.told_by != "run" or one.charges is not None:
        yield row("trade_history", **told, charges=one.charges)
    if one.copied and one.account != LEADER:
        order = told["order_id"]
        yield row("placements", account=one.account, order_id=order, copy_id=order, day=one.day)


def last_price(security_id: str, day: date, price: Decimal) -> Row:
    """What an instrument traded at last on a day, as an order of the leader's tells."""
    at = moment(day, 10 * 3600)
    told = {"exchange_segment": SEGMENT, "security_id": security_id, "last_price": price, "last_price_at": at}
    return row("leader_orders", leader_order_id=f"{security_id} on {day}", seen_at=at, day=day, **told)


def position(account: str, security_id: str, carried: int, copied: int) -> Row:
    """What a run knows of a position."""
    told = {"exchange_segment": SEGMENT, "security_id": security_id, "product": "MARGIN"}
    return row("positions", account=account, carried=carried, copied=copied, net=carried, **told)


def rows_by(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """Rows by their keys; no key is there twice."""
    found = {tuple(one[key] for key in by): one for one in rows}
    assert len(found) == len(rows)
    return found
