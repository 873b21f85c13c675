"""Reading a journal's chain (``edge.journal_chain``) from its first row to its last, beside a run or without."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from copyctl.edge import journal_file
from copyctl.edge.journal_chain import (
    EVENTS,
    NOTICES,
    RECORDS,
    End,
    as_bytes,
    first,
    link,
    newest_seal,
    read_head,
    total,
)
from copyctl.edge.read_only import connect_to_read

COLUMNS: Final[Mapping[str, str]] = {
    EVENTS: "seq, at, kind, account, set_aside, seal, body",
    NOTICES: "seq, at, event, leader_order_id, follower, level, body",
}
MOST_TOLD: Final = 50
"""Findings that are told one by one."""
TELL_EVERY: Final = 10_000
"""Rows between two words about how far it is."""


NONE: Final = End(0, b"")


class Wrong(StrEnum):
    """What was found of a row."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that is not as it was written. ``seq``: the first row concerned, of ``records`` (which have no order)
    the event after which they should stand as they do not; ``at``: its time, ns, 0 for not known."""

    table: str
    seq: int
    at: int
    wrong: Wrong
    text: str


@dataclass(slots=True)
class Looked:
    """A table that was read. ``chained``: rows with a hash; ``unchained``: older ones from before the chain began."""

    rows: int = 0
    chained: int = 0
    unchained: int = 0
    last_at: int = 0
    end: End = NONE


@dataclass(slots=True)
class Audit:
    """What a journal's chain says. ``found`` holds the first findings, ``many`` counts all of them."""

    tables: dict[str, Looked] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    many: int = 0

    @property
    def rows(self) -> int:
        """How many rows of the chained tables were read."""
        return sum(one.rows for one in self.tables.values())

    @property
    def first_bad(self) -> int | None:
        """The number of the first row that is not as it was written, events before notices before records."""
        return next(
            (min(one.seq for one in bad) for table in (EVENTS, NOTICES, RECORDS) if (bad := self.of(table))), None
        )

    def of(self, table: str) -> list[Found]:
        """The findings in a table."""
        return [one for one in self.found if one.table == table]

    def add(self, one: Found) -> None:
        """Something was found."""
        self.many += 1
        if len(self.found) < MOST_TOLD or not self.of(one.table):
            self.found.append(one)


def audit(folder: Path, tell: Callable[[int, int], None] = lambda _read, _all: None) -> Audit:
    """Look through the whole journal as it is at this moment. ``tell``: rows read so far, and rows in all.

    Raises:
        StoreError: it cannot be read.
    """
    result = Audit(tables={EVENTS: Looked(), NOTICES: Looked()})
    if not (folder / journal_file.FILE).exists():
        return result
    try:
        database = connect_to_read(folder / journal_file.FILE)
        try:
            if journal_file.has_schema(database):
                journal_file.refuse_newer(database, folder)
                database.execute("BEGIN")  # one picture of everything, whatever a run writes meanwhile
                _audit(database, result, tell)
        finally:
            database.close()
    except sqlite3.Error as fault:
        raise journal_file.trouble(folder, fault, reading=True) from None
    return result


def _audit(database: sqlite3.Connection, result: Audit, tell: Callable[[int, int], None]) -> None:
    database.text_factory = _text
    every = sum(_last(database, table) for table in COLUMNS)
    head, spoiled = None, ""
    try:
        head = read_head(database)
    except ValueError as fault:
        spoiled = str(fault)
    for table in COLUMNS:
        _table(database, table, result, lambda: tell(result.rows, every))
        _held_against(database, table, getattr(head, table) if head else None, result)
    tell(every, every)
    events, notices = result.tables[EVENTS], result.tables[NOTICES]
    seal = b""
    if journal_file.has_column(database, EVENTS, "seal"):
        seal = newest_seal(database, after=head.events.seq if head else 0, last=events.end.seq)
    if head is None and (spoiled or events.chained):
        what = f"{spoiled}: it was changed" if spoiled else "the head of the chain is gone: it was removed"
        result.add(_records(events, Wrong.CHANGED if spoiled else Wrong.REMOVED, what))
    if head is None and not seal:
        return  # nothing tells what the records should be
    wanted = int.from_bytes(seal) if seal else head.sum if head else 0
    if total(database, notices.end) != wanted:
        result.add(
            _records(
                events, Wrong.CHANGED, "a record, or the end of notices, is not as the run left it after this event"
            )
        )


def _records(events: Looked, wrong: Wrong, text: str) -> Found:
    return Found(table=RECORDS, seq=events.end.seq, at=events.last_at, wrong=wrong, text=text)


def _table(database: sqlite3.Connection, table: str, result: Audit, tell: Callable[[], None]) -> None:
    """Follow the chain of one table."""
    seen = result.tables[table]
    before, expected, follows = b"", 1, True
    for seq, at, hash_, row in _rows(database, table):
        seen.rows += 1
        seen.last_at = at
        if seen.rows % TELL_EVERY == 0:
            tell()
        if seq != expected:
            text = _gone(expected, seq - 1) if seq > expected else f"row {seq} stands before the first"
            wrong = Wrong.REMOVED if seq > expected else Wrong.INSERTED
            result.add(Found(table=table, seq=min(seq, expected), at=at, wrong=wrong, text=text))
            follows = seq < expected
        expected = seq + 1
        if not hash_:
            if seen.chained:
                text = f"row {seq} carries no hash, and those before it do: it was put there by somebody else"
                result.add(Found(table=table, seq=seq, at=at, wrong=Wrong.INSERTED, text=text))
            else:
                seen.unchained += 1
            seen.end = End(seq, seen.end.hash)
            continue
        if follows and link(before or first(table, seq), row) != hash_:
            text = f"row {seq} is not as it was written" + (f", or row {seq - 1} is not" if seen.chained else "")
            result.add(Found(table=table, seq=seq, at=at, wrong=Wrong.CHANGED, text=text))
        before, follows = hash_, True
        seen.chained += 1
        seen.end = End(seq, hash_)


def _held_against(database: sqlite3.Connection, table: str, head: End | None, result: Audit) -> None:
    """What the newest head says of this table."""
    seen = result.tables[table]
    if head is None:
        return
    if head.seq > seen.end.seq:
        text = _gone(seen.end.seq + 1, head.seq) + ", at the end"
        result.add(Found(table=table, seq=seen.end.seq + 1, at=seen.last_at, wrong=Wrong.REMOVED, text=text))
    elif head.hash and not result.of(table):
        (at, hash_) = database.execute(f"SELECT at, hash FROM {table} WHERE seq = ?", (head.seq,)).fetchone()  # noqa: S608  ours
        if hash_ != head.hash:
            text = f"the chain up to row {head.seq} is another one than the head of the store knows"
            result.add(Found(table=table, seq=head.seq, at=_moment(at), wrong=Wrong.CHANGED, text=text))


def _gone(start: int, end: int) -> str:
    return f"row {start} is gone" if start == end else f"rows {start} to {end} are gone"


def _rows(database: sqlite3.Connection, table: str) -> Iterator[tuple[int, int, bytes, tuple[Any, ...]]]:
    """Number, time, hash and content of every row, in order."""
    chained = journal_file.has_column(database, table, "hash")
    columns = f"{COLUMNS[table]}, hash" if chained else "seq, at, body, NULL"
    for *row, hash_ in database.execute(f"SELECT {columns} FROM {table} ORDER BY seq"):  # noqa: S608  ours
        yield row[0], _moment(row[1]), as_bytes(hash_) if hash_ else b"", tuple(row)


def _last(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0])  # noqa: S608  ours


def _moment(at: object) -> int:
    return at if isinstance(at, int) else 0


def _text(raw: bytes) -> str:
    """A text, also one with bytes in it that are none."""
    return raw.decode("utf-8", "surrogateescape")
