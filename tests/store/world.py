"""A journal with a day's copies in it, and the store that is made of it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from copyctl.core.keys import key_of
from copyctl.edge.history import HistoryReader
from copyctl.edge.journal import Journal, open_journal
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.effects import Notice
from copyctl.model.events import BooksRead, Started
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Entry
from copyctl.model.order import ExecutionReport, Fill, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import TABLES, Change, Copy, Record
from copyctl.model.request import Desired
from copyctl.model.terms import (
    Decision,
    InstrumentKind,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Source,
    Validity,
)
from copyctl.store import schema
from copyctl.store.opening import Analysis, opened
from copyctl.store.refresh import Sources

LEADER, ALICE, BOB = "1100000001", "1100000002", "1100000003"
NAMES = {LEADER: "leader", ALICE: "alice", BOB: "bob"}
SEGMENT, SECURITY = Segment.NSE_FNO, "43210"
SECOND = 1_000_000_000
TEN = int(datetime(2026, 9, 7, 4, 30, tzinfo=UTC).timestamp()) * SECOND
"""10:00 in India on a trading day."""

NIFTY = Instrument(
    segment=SEGMENT,
    security_id=SECURITY,
    symbol="NIFTY-Sep2026-24500-CE",
    kind=InstrumentKind.OPTIDX,
    underlying="NIFTY",
    lot_size=65,
    expiry=(datetime(2026, 9, 7, tzinfo=UTC) + timedelta(days=22)).date(),
)
_TABLE_OF = {kind: name for name, kind in TABLES.items()}


def change(record: Record) -> Change:
    return Change(table=_TABLE_OF[type(record)], key=key_of(record), record=record)


def terms(quantity: int, price: str = "100") -> Terms:
    return Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=quantity, price=Decimal(price))


def order(
    account: str, order_id: str, quantity: int, filled: int, average: str, *, at: int = TEN, **more: Any
) -> Order:
    return Order(
        account=account,
        order_id=order_id,
        status=OrderStatus.TRADED if filled == quantity else OrderStatus.PENDING,
        side=more.pop("side", Side.BUY),
        segment=SEGMENT,
        security_id=SECURITY,
        product=Product.INTRADAY,
        terms=terms(quantity),
        filled=filled,
        average_price=Decimal(average),
        seen_at=at,
        created_time=at // SECOND * SECOND,
        broker_time=at // SECOND * SECOND,
        **more,
    )


def fill(
    account: str, order_id: str, trade_id: str, quantity: int, price: str, *, at: int = TEN, side: Side = Side.BUY
) -> Fill:
    return Fill(
        account=account,
        order_id=order_id,
        trade_id=trade_id,
        segment=SEGMENT,
        security_id=SECURITY,
        side=side,
        product=Product.INTRADAY,
        quantity=quantity,
        price=Decimal(price),
        traded_at=at // SECOND * SECOND,
    )


def copy(row: str, follower: str, slots: Sequence[Slot] = (), *, at: int = TEN, **more: Any) -> Copy:
    quantity = sum(one.asked.quantity for one in slots)
    wanted = Desired(
        side=Side.BUY, segment=SEGMENT, security_id=SECURITY, product=Product.INTRADAY, terms=terms(quantity)
    )
    return Copy(
        leader_order_id=row,
        follower=follower,
        decision=more.pop("decision", Decision.COPIED),
        wanted=wanted if slots else None,
        slots=tuple(slots),
        created_at=at,
        updated_at=at + SECOND,
        **more,
    )


def slot(correlation_id: str, order_id: str, quantity: int, filled: int, average: str, *, at: int = TEN) -> Slot:
    return Slot(
        revision=0,
        correlation_id=correlation_id,
        asked=terms(quantity),
        standing=Standing.ENDED,
        order_id=order_id,
        filled=filled,
        average_price=Decimal(average),
        attempts=1,
        frame_at=at,
        decided_at=at + 1_000_000,
        left_at=at + 3_000_000,
        answered_at=at + 30_000_000,
    )


def decided(row: str, follower: str, decision: str, *, at: int = TEN) -> Notice:
    facts: dict[str, str | int | bool | None] = {"decision": decision, "reason": None, "quantity": 130, "price": "100"}
    return Notice(at=at, event="decision", text=decision, leader_order_id=row, follower=follower, facts=facts)


def report(order_id: str, status: OrderStatus, quantity: int, filled: int, *, at: int) -> ExecutionReport:
    return ExecutionReport(
        account=LEADER,
        order_id=order_id,
        source=Source.BOOK,
        as_of=at,
        status=status,
        terms=terms(quantity),
        filled=filled,
    )


def whole_day(number: int = 1, *, at: int = TEN) -> tuple[Entry, ...]:
    """One leader order of 260 at 100.50, of which alice bought 130 in two trades and bob 65 at 101; in three turns."""
    lead, his, hers = f"9{number:04}", f"7{number:04}", f"8{number:04}"
    mine = slot(f"cca{number}", his, 130, 130, "100.75", at=at)
    other = slot(f"ccb{number}", hers, 65, 65, "101", at=at)
    books = BooksRead(at=at, account=LEADER, asked_at=at, orders=(report(lead, OrderStatus.PENDING, 260, 0, at=at),))
    return (
        Entry(event=books, changes=(change(NIFTY), change(order(LEADER, lead, 260, 0, "0", at=at)))),
        Entry(
            event=BooksRead(
                at=at + SECOND, account=LEADER, asked_at=at, orders=(report(lead, OrderStatus.TRADED, 260, 260, at=at),)
            ),
            changes=(
                change(order(LEADER, lead, 260, 260, "100.5", at=at)),
                change(order(ALICE, his, 130, 130, "100.75", at=at)),
                change(order(BOB, hers, 65, 65, "101", at=at)),
                change(copy(lead, ALICE, [mine], at=at)),
                change(copy(lead, BOB, [other], at=at)),
            ),
            notices=(decided(lead, ALICE, "copied", at=at), decided(lead, BOB, "copied", at=at)),
        ),
        Entry(
            event=BooksRead(at=at + 2 * SECOND, account=ALICE, asked_at=at),
            changes=(
                change(fill(LEADER, lead, f"1{number}", 260, "100.5", at=at)),
                change(fill(ALICE, his, f"2{number}", 65, "100.5", at=at)),
                change(fill(ALICE, his, f"3{number}", 65, "101", at=at)),
                change(fill(BOB, hers, f"4{number}", 65, "101", at=at)),
            ),
        ),
    )


@contextlib.contextmanager
def journal(folder: Path) -> Iterator[Journal]:
    opened_journal = open_journal(folder, leader=LEADER, durable=False)
    try:
        yield opened_journal
    finally:
        opened_journal.close()


def written(folder: Path, *turns: Entry) -> None:
    """Each as a turn of its own, by one run."""
    with journal(folder) as it:
        it.write([Entry(event=Started(at=TEN))])
        for one in turns:
            it.write([one])


@contextlib.contextmanager
def store(
    folder: Path, *, versions: bool = False, patience: float = 30.0, names: Mapping[str, str] = NAMES
) -> Iterator[Analysis]:
    reader, history = JournalReader(folder), HistoryReader(folder)
    sources = Sources(journal=reader, history=history, leader=LEADER, names=names)
    with (
        contextlib.closing(reader),
        contextlib.closing(history),
        opened(folder, sources, versions=versions, patience=patience) as it,
    ):
        yield it


def rows(folder: Path, statement: str, **more: Any) -> list[tuple[Any, ...]]:
    with store(folder, **more) as it:
        return it.database.execute(statement).fetchall()


def contents(database: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table and view, in an order of its own."""
    everything = (*schema.tables(), *schema.views())
    return {name: sorted(database.execute(f"FROM {name}").fetchall(), key=repr) for name in everything}
