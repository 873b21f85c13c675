"""Bringing the store up to date: what is new in the journal and in the history, in one transaction.

How far the store has come stands in ``kept`` and is written in the same transaction, so that a refresh that is cut off
leaves nothing behind and the next one begins where the last one ended.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import duckdb
import msgspec

from copyctl.model.history import PastTrade
from copyctl.model.order import ExecutionReport
from copyctl.model.records import TABLES
from copyctl.store import schema
from copyctl.store.staging import Staged, columns_of, struct_of
from copyctl.wire.dhan.dialect import Dhan

RECORDS: Final = frozenset({"order", "copy", "fill", "instrument"})
"""Records that are followed change by change."""

WHOLE: Final = frozenset({"position", "quote", "funds"})
"""Records that are few, and may vanish: taken anew each time."""

TOUCHED: Final = "by touched copies"
"""How tables are filled that follow from several others: last, for every copy of which any of them has changed."""

VERSIONS: Final = "order_versions"
"""The one table that costs more than the rest together: filled when a question names it."""

_FACTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("decision", "reason", "detail", "rule", "side", "symbol", "order_type", "price"), "VARCHAR"),
    **dict.fromkeys(("kind", "correlation_id", "fate", "category", "alert"), "VARCHAR"),
    **dict.fromkeys(("leader_quantity", "quantity", "attempt"), "BIGINT"),
    "price": "DECIMAL(28, 10)",
}
_LINE: Final = {
    "at": "BIGINT",
    **dict.fromkeys(("event", "text", "level", "leader_order_id", "follower"), "VARCHAR"),
    "facts": struct_of(_FACTS),
}


class Journal(Protocol):
    """The journal of a run, as it is read beside the run."""

    def meta(self, key: str) -> str | None:
        """A fact about the store itself."""
        ...

    def one_moment(self) -> AbstractContextManager[None]:
        """What is read within shows the journal at one moment."""
        ...

    def records_since(self, turn: int) -> Iterator[tuple[int, str, str, bytes]]:
        """Records that were written in a later turn: turn, table, key, JSON; the past first."""
        ...

    def lines_since(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """Notices after one of them: number and JSON."""
        ...

    def bodies(self, table: str) -> Iterator[bytes]:
        """Every record of one table as it is now."""
        ...

    def events(self, after: int = 0) -> Iterator[tuple[int, int, str, str, bytes]]:
        """Events after one of them: number, moment (ns), kind, account, body."""
        ...

    def place(self, seq: int) -> tuple[int, str]:
        """An event's number and hash."""
        ...

    def newest(self) -> tuple[int, str]:
        """The newest event's number and hash."""
        ...


class History(Protocol):
    """What the broker said when it was asked about the past."""

    @property
    def identity(self) -> str:
        """Another one where another file is in its place."""
        ...

    def one_moment(self) -> AbstractContextManager[None]:
        """What is read within shows the history at one moment."""
        ...

    def trades(self, after: int = 0) -> Iterator[tuple[int, str, str, bytes]]:
        """Trades after one of them: number, account, key, JSON of a ``PastTrade``."""
        ...

    def orders(self, after: int = 0) -> Iterator[tuple[int, str, str, bytes]]:
        """Orders after one of them: number, account, key, JSON of an ``ExecutionReport``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the store comes from. ``leader``: his account. ``names``: every account's name."""

    journal: Journal
    history: History
    leader: str
    names: Mapping[str, str]


class Kept:
    """How far the store has come, by source."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._values = dict(database.execute("SELECT key, value FROM kept").fetchall())

    def number(self, key: str, default: int = 0) -> int:
        """How far, by a number."""
        return int(self._values.get(key, default))

    def text(self, key: str) -> str | None:
        """The same as a text."""
        return self._values.get(key)

    def put(self, key: str, value: object) -> None:
        """So far."""
        if self._values.get(key) != str(value):
            self._values[key] = str(value)
            self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", [key, str(value)])


def is_of(database: duckdb.DuckDBPyConnection, sources: Sources) -> bool:
    """Was the store made of this very journal, which goes on where the store ended, and of this history? Others may be
    in their place: one begun anew, or a backup."""
    kept = Kept(database)
    seq, seal = kept.number("event"), kept.text("event_hash")
    if kept.text("leader") not in (None, sources.leader):
        return False
    if kept.text("history") not in (None, "", sources.history.identity):
        return False
    return not seq or tuple(sources.journal.place(seq)) == (seq, seal)


def refresh(database: duckdb.DuckDBPyConnection, sources: Sources, *, versions: bool = False) -> bool:
    """Take in what is new; was there anything? ``versions``: ``order_versions`` as well.

    Raises:
        duckdb.Error: nothing of it was taken in.
    """
    with tempfile.TemporaryDirectory(prefix="copyctl-") as folder, ExitStack() as stack:
        staging = _Staging(Path(folder), stack)
        kept = Kept(database)
        database.execute("BEGIN")
        try:
            database.execute("SET VARIABLE leader = ?", [sources.leader])
            news = _take_in(database, sources, staging, kept)
            if versions:
                news = _take_versions(database, sources, staging, kept) or news
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
        return news


class _Staging:
    """Files for what is new, by kind."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def made(self, name: str, columns: Mapping[str, str]) -> Staged:
        return self._stack.enter_context(Staged(self._folder, name, columns))


def _take_in(database: duckdb.DuckDBPyConnection, sources: Sources, staging: _Staging, kept: Kept) -> bool:
    journal = sources.journal
    used = schema.words()
    records = {name: staging.made(name, columns_of(TABLES[name], used)) for name in sorted(RECORDS | WHOLE)}
    lines = staging.made("notice", {"seq": "BIGINT", "body": struct_of(_LINE)})
    with journal.one_moment():
        event, seal = journal.newest()
        turn = kept.number("turn", -1)
        newest: dict[tuple[str, str], bytes] = {}
        for written, table, key, body in journal.records_since(turn):
            turn = max(turn, written)
            if table in RECORDS:
                newest[table, key] = body  # the past comes first
        seq = kept.number("notice")
        for number, body in journal.lines_since(seq):
            seq = number
            lines.add(b'{"seq":%d,"body":%s}' % (number, body))
        for table in WHOLE:
            for body in journal.bodies(table):
                records[table].add(body)
    for (table, _), body in newest.items():
        records[table].add(body)
    told_trades = staging.made("trade", columns_of(PastTrade, used))
    past = staging.made("past_order", columns_of(ExecutionReport, used))
    with sources.history.one_moment():
        trades, trade = _numbered(sources.history.trades, told_trades, kept, "trade")
        orders, order = _numbered(sources.history.orders, past, kept, "past_order")
    told = (*records.values(), lines, trades, orders)
    names = repr(sorted(sources.names.items()))
    news = any(one.count for one in told if one.name not in WHOLE)
    if not news and (kept.text("event_hash"), kept.text("names")) == (seal, names):
        return False
    for one in told:
        one.load(database)
    _stage_accounts(database, sources)
    _fill_all(database)
    for key, value in (("turn", turn), ("notice", seq), ("trade", trade), ("past_order", order), ("event", event)):
        kept.put(key, value)
    texts = {"event_hash": seal, "leader": sources.leader, "names": names, "history": sources.history.identity}
    for key, text in texts.items():
        kept.put(key, text)
    return True


def _numbered(
    read: Callable[[int], Iterable[tuple[int, str, str, bytes]]], staged: Staged, kept: Kept, key: str
) -> tuple[Staged, int]:
    """What came after the last one, and the number of the last one now. A row that changed has a new number."""
    last = kept.number(key)
    for number, _, _, body in read(last):
        last = number
        staged.add(body)
    return staged, last


def _stage_accounts(database: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    database.execute("CREATE OR REPLACE TEMP TABLE staged_accounts (account VARCHAR, name VARCHAR, role VARCHAR)")
    rows = [[one, name, "leader" if one == sources.leader else "follower"] for one, name in sources.names.items()]
    if rows:
        database.executemany("INSERT INTO staged_accounts VALUES (?, ?, ?)", rows)


def _fill_all(database: duckdb.DuckDBPyConnection) -> None:
    """Every table but the versions; what follows from others last."""
    of_copies = [one for one in schema.tables().values() if one.refresh == TOUCHED]
    for name, definition in schema.tables().items():
        if definition not in of_copies and name != VERSIONS:
            _fill(database, definition)
    _touched(database)
    for definition in of_copies:
        _fill(database, definition)


def _fill(database: duckdb.DuckDBPyConnection, table: schema.Definition) -> None:
    """Put what is new in the place of what was there."""
    name = table.name
    if table.refresh == "whole":
        database.execute(f"DELETE FROM {name}")  # noqa: S608  a table of ours
    elif table.refresh == TOUCHED:
        database.execute(f"DELETE FROM {name} WHERE (account, copy_id) IN (FROM touched_copies)")  # noqa: S608
    elif table.refresh.startswith("by "):
        keys = table.refresh.removeprefix("by ")
        database.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS SELECT * FROM {name} LIMIT 0")  # noqa: S608
        database.execute(table.fill.replace(f"INSERT INTO {name}", "INSERT INTO arrived", 1))
        database.execute(f"DELETE FROM {name} WHERE ({keys}) IN (SELECT ({keys}) FROM arrived)")  # noqa: S608
        database.execute(f"INSERT INTO {name} FROM arrived")
        return
    database.execute(table.fill)


def _touched(database: duckdb.DuckDBPyConnection) -> None:
    """The copies of which what follows may be another now."""
    database.execute(
        """
        CREATE OR REPLACE TEMP TABLE touched_copies AS
        SELECT follower AS account, leader_order_id AS copy_id FROM staged_copy
        UNION SELECT account, copy_id FROM copies
            WHERE leader_order_id IN (SELECT order_id FROM staged_order WHERE account = getvariable('leader'))
        UNION SELECT account, copy_id FROM placements WHERE (account, order_id) IN (
            SELECT (account, order_id) FROM staged_order UNION ALL SELECT (account, order_id) FROM staged_fill
            UNION ALL SELECT (account, order_id) FROM staged_trade)
        UNION SELECT account, copy_id FROM copies
            WHERE (exchange_segment, security_id) IN (SELECT (segment, security_id) FROM staged_instrument)
        """
    )


class _Book(msgspec.Struct):
    """What of a read of the books tells of orders; their JSON as it is."""

    orders: list[msgspec.Raw] = []


def _take_versions(database: duckdb.DuckDBPyConnection, sources: Sources, staging: _Staging, kept: Kept) -> bool:
    columns = columns_of(ExecutionReport, schema.words())
    reports = staging.made("report", {"seq": "BIGINT", "body": struct_of(columns)})
    wire, seq = Dhan(), kept.number("version_event")
    encode = msgspec.json.Encoder(decimal_format="string").encode
    book = msgspec.json.Decoder(_Book)
    for number, moment, kind, account, body in sources.journal.events(seq):
        seq = number
        if kind == "FrameRead":
            for one in wire.read_frame(body, account, moment).reports:
                reports.add(b'{"seq":%d,"body":%s}' % (number, encode(one)))
        elif kind == "BooksRead":
            for told in book.decode(body).orders:
                reports.add(b'{"seq":%d,"body":%s}' % (number, bytes(told)))
    if reports.count:
        reports.load(database)
        database.execute(schema.tables()[VERSIONS].fill)
    kept.put("version_event", seq)
    return bool(reports.count)
