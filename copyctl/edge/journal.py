"""The journal: one SQLite file, in which everything is durable before it has an effect.

One transaction holds the events of a turn, every record they changed and every line they gave people to read, with
``synchronous=FULL`` in WAL mode: a crash costs nothing that was answered for, a torn tail costs the torn record. The
records are the newest of each, so a start reads them and no event. Other processes read beside the writer and may add
commands. The lock that makes this process the only writer is on a file of its own: opening and closing the database
by hand would drop SQLite's own locks (POSIX locks belong to the process, not to the handle).
"""

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from copyctl.model.events import BooksRead, Event, FrameRead, FrameUnreadable, PolicyLoaded
from copyctl.model.journal import Command, Entry
from copyctl.model.records import TABLES, Record

FILE = "journal.sqlite"
LOCK = "run.lock"
VERSION = 1
BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, set_aside INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    tbl TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past (
    tbl TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, leader_order_id TEXT NOT NULL,
    follower TEXT NOT NULL, level TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS notices_at ON notices (at);
CREATE TABLE IF NOT EXISTS commands (
    id INTEGER PRIMARY KEY, given_at INTEGER NOT NULL, command TEXT NOT NULL, account TEXT NOT NULL,
    reason TEXT NOT NULL, taken_at INTEGER);
CREATE INDEX IF NOT EXISTS commands_waiting ON commands (id) WHERE taken_at IS NULL;
"""
_KEPT_WHEN_DROPPED = frozenset({"order", "copy", "fill", "leader_order"})
_JSON = msgspec.json.Encoder(decimal_format="string")
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in TABLES.items()}


class StoreError(Exception):
    """The store cannot be used; the text says why and how to mend it."""


class StoreLocked(StoreError):
    """Another run writes this store."""


class StoreRefused(StoreError):
    """The store belongs to another leader, or was written by a newer version."""


class StoreUnusable(StoreError):
    """The store cannot be read or written."""


class JournalWriteError(OSError):
    """A transaction was not kept; nothing of it was. It may be tried again."""


def open_journal(folder: Path, *, leader: str) -> "Journal":
    """Open (or create) the journal in ``folder`` as its only writer.

    Raises:
        StoreLocked, StoreRefused, StoreUnusable: with the mend.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise StoreUnusable(f"the store {folder} cannot be written: {fault.strerror}; mend store.path") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StoreLocked(f"another copyctl run works on the store {folder}; stop it first") from None
    try:
        database = _connect(folder / FILE)
        _check(database, folder, leader)
    except (sqlite3.Error, StoreError) as fault:
        os.close(lock)
        if isinstance(fault, StoreError):
            raise
        raise StoreUnusable(_mend(folder, fault)) from None
    return Journal(database, lock)


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that writes durably, with the schema in place; the file is readable by its owner alone."""
    before = os.umask(0o077)
    try:
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=64)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_SCHEMA)
    finally:
        os.umask(before)
    return database


def _check(database: sqlite3.Connection, folder: Path, leader: str) -> None:
    meta = dict(database.execute("SELECT key, value FROM meta").fetchall())
    if int(meta.get("version", VERSION)) > VERSION:
        raise StoreRefused(f"the store {folder} was written by a newer copyctl; use that one")
    if meta.get("leader", leader) != leader:
        raise StoreRefused(
            f"the store {folder} belongs to leader {meta['leader']}, not to {leader}: give each leader a store.path"
        )
    for table in ("records", "commands", "meta"):
        database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  a fixed word
    database.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?), ('leader', ?)", (str(VERSION), leader))


def _mend(folder: Path, fault: sqlite3.Error) -> str:
    return (
        f"the journal {folder / FILE} cannot be used: {fault}. Move it away to start anew (copies that rest at the "
        "broker are recognised by their ids), or put a backup of it in its place"
    )


class Journal:
    """The journal as its only writer has it. Made by :func:`open_journal`."""

    def __init__(self, database: sqlite3.Connection, lock: int) -> None:
        self._database = database
        self._lock = lock

    def records(self) -> Mapping[str, Sequence[Record]]:
        """The newest of every record, by table."""
        return read_records(self._database)

    def write(self, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        """Make these entries durable in one transaction and mark these commands as taken in.

        Raises:
            JournalWriteError: nothing of it was kept.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._events(entries)
            self._changes(entries)
            self._notices(entries)
            if taken:
                at = entries[-1].event.at
                self._database.executemany(
                    "UPDATE commands SET taken_at = ? WHERE id = ?", [(at, one) for one in taken]
                )
            self._database.execute("COMMIT")
        except sqlite3.Error as fault:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise JournalWriteError(str(fault)) from fault

    def commands(self) -> Sequence[Command]:
        """The commands that nobody has taken in yet, oldest first."""
        rows = self._database.execute(
            "SELECT id, given_at, command, account, reason FROM commands WHERE taken_at IS NULL ORDER BY id"
        )
        return [
            Command(command_id=one, given_at=at, command=command, account=account, reason=reason)
            for one, at, command, account, reason in rows
        ]

    def mark(self, key: str, value: str) -> None:
        """Keep a fact about the store itself, for people who read it."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Let the store go."""
        self._database.close()
        os.close(self._lock)

    def _events(self, entries: Sequence[Entry]) -> None:
        rows = [
            (entry.event.at, type(entry.event).__name__, getattr(entry.event, "account", ""), entry.set_aside, body)
            for entry in entries
            if not _says_nothing(entry)
            for body in (event_body(entry.event),)
        ]
        self._database.executemany(
            "INSERT INTO events (at, kind, account, set_aside, body) VALUES (?, ?, ?, ?, ?)", rows
        )

    def _changes(self, entries: Sequence[Entry]) -> None:
        newest = {(change.table, change.key): change.record for entry in entries for change in entry.changes}
        gone = [key for key, record in newest.items() if record is None]
        if gone:
            kept = [key for key in gone if key[0] in _KEPT_WHEN_DROPPED]
            self._database.executemany(
                "INSERT OR REPLACE INTO past SELECT tbl, key, body FROM records WHERE tbl = ? AND key = ?", kept
            )
            self._database.executemany("DELETE FROM records WHERE tbl = ? AND key = ?", gone)
        self._database.executemany(
            "INSERT OR REPLACE INTO records (tbl, key, body) VALUES (?, ?, ?)",
            [(table, key, _JSON.encode(row)) for (table, key), row in newest.items() if row is not None],
        )

    def _notices(self, entries: Sequence[Entry]) -> None:
        rows = [
            (one.at, one.event, one.leader_order_id, one.follower, one.level, _JSON.encode(one))
            for entry in entries
            for one in entry.notices
        ]
        if rows:
            self._database.executemany(
                "INSERT INTO notices (at, event, leader_order_id, follower, level, body) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )


def _says_nothing(entry: Entry) -> bool:
    """Is it a read of books that were as we knew them, or a moment at which nothing was due?"""
    if entry.changes or entry.notices or entry.set_aside:
        return isinstance(entry.event, BooksRead) and not (entry.event.orders or entry.event.fills or entry.notices)
    return not isinstance(entry.event, FrameRead | FrameUnreadable)


def event_body(event: Event) -> bytes:
    """What is kept of an event: a frame as it came, rules without their secrets, all else as JSON."""
    match event:
        case FrameRead() | FrameUnreadable():
            return event.raw
        case PolicyLoaded():
            return _JSON.encode({"at": event.at, "digest": event.digest, "document": event.document})
        case _:
            return _JSON.encode(event)


def read_records(database: sqlite3.Connection, table: str = "records") -> Mapping[str, Sequence[Record]]:
    """The records of the journal, or of its ``past``, decoded, by table."""
    found: dict[str, list[Record]] = {name: [] for name in TABLES}
    for name, body in database.execute(f"SELECT tbl, body FROM {table}"):  # noqa: S608  a fixed word
        found[name].append(_DECODERS[name].decode(body))
    return found


def put_command(folder: Path, command: str, *, account: str = "", reason: str = "", at: int) -> int:
    """Ask the run on this store, or its next one, for something; returns the command's number.

    Raises:
        StoreUnusable: the store cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = _connect(folder / FILE)
        try:
            database.execute("PRAGMA wal_autocheckpoint=0")
            cursor = database.execute(
                "INSERT INTO commands (given_at, command, account, reason) VALUES (?, ?, ?, ?)",
                (at, command, account, reason),
            )
            return cursor.lastrowid or 0
        finally:
            database.close()
    except (sqlite3.Error, OSError) as fault:
        raise StoreUnusable(f"the store {folder} cannot be written: {fault}") from None
