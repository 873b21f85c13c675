"""The journal: one SQLite file, in which everything is durable before it has an effect.

One transaction holds the events of a turn, every record they changed and every line they gave people to read, with
``synchronous=FULL`` in WAL mode: a crash costs nothing that was answered for, a torn tail costs the torn record. The
records are the newest of each, so a start reads them and no event. Other processes read beside the writer and may add
commands.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from copyctl.edge import journal_file
from copyctl.edge.journal_file import StoreError, StoreLocked, StoreRefused, StoreUnusable
from copyctl.model.events import BooksRead, Event, FrameRead, FrameUnreadable, PolicyLoaded, TimeReached
from copyctl.model.journal import Command, Entry
from copyctl.model.records import TABLES, Record

__all__ = [
    "Journal",
    "JournalReadError",
    "JournalWriteError",
    "StoreError",
    "StoreLocked",
    "StoreRefused",
    "StoreUnusable",
    "open_journal",
    "put_command",
    "read_records",
]

_Name = tuple[str, str]
"""Table and key of a record."""

TURNS_WORTH_MOVING: Final = 100
"""A write-ahead log of fewer turns is left as it is: moving it costs two waits for the disk."""

MOST_TURNS_IN_LOG: Final = 10_000
"""A log of so many turns is moved even while orders wait: some tens of megabytes, which every reader looks through."""

_KEPT_WHEN_DROPPED: Final = frozenset({"order", "copy", "fill", "leader_order"})
_JSON: Final = msgspec.json.Encoder(decimal_format="string")
_DECODERS: Final = {name: msgspec.json.Decoder(kind) for name, kind in TABLES.items()}


class JournalWriteError(OSError):
    """A transaction was not kept; nothing of it was. It may be tried again."""


class JournalReadError(OSError):
    """The journal could not be read just now. It may be tried again."""


def open_journal(folder: Path, *, leader: str) -> "Journal":
    """Open (or create) the journal in ``folder`` as its only writer; ``leader``: whose orders it tells of.

    Raises:
        StoreLocked, StoreRefused, StoreUnusable: with the mend.
    """
    journal_file.make_folder(folder)
    with contextlib.ExitStack() as undo:
        lock = journal_file.take_lock(folder)
        undo.callback(os.close, lock)
        try:
            database = journal_file.connect(folder)
            undo.callback(database.close)
            journal_file.check(database, folder)
            _claim(database, folder, leader)
        except OSError as fault:
            raise journal_file.cannot_write(folder, fault.strerror) from None
        except sqlite3.Error as fault:
            raise _trouble(folder, fault) from None
        undo.pop_all()
        return Journal(database, lock, folder)


def _claim(database: sqlite3.Connection, folder: Path, leader: str) -> None:
    """Make sure that the store is this leader's.

    Raises:
        StoreRefused: it is another's.
    """
    row = database.execute("SELECT value FROM meta WHERE key = 'leader'").fetchone()
    if row is not None and row[0] != leader:
        raise StoreRefused(
            f"the store {folder} belongs to leader {row[0]}, not to {leader}: give each leader a store.path of its own"
        )
    database.execute(
        "INSERT OR REPLACE INTO meta VALUES ('version', ?), ('leader', ?)", (str(journal_file.VERSION), leader)
    )


_FULL_OR_CLOSED: Final = ("readonly", "full", "unable to open", "disk i/o", "locked")


def _trouble(folder: Path, fault: sqlite3.Error) -> StoreUnusable:
    """Whether it is the disk or the file that is at fault."""
    text = str(fault).lower()
    if any(word in text for word in _FULL_OR_CLOSED):
        return journal_file.cannot_write(folder, fault)
    return journal_file.cannot_use(folder, fault)


class Journal:
    """The journal as its only writer has it. Made by :func:`open_journal`."""

    def __init__(self, database: sqlite3.Connection, lock: int, folder: Path) -> None:
        self._database = database
        self._lock = lock
        self._folder = folder
        self._path = folder / journal_file.FILE
        self._file = _identity(self._path)
        self._rows = {(table, key): row for row, table, key in database.execute("SELECT id, tbl, key FROM records")}
        self._next_row = max(self._rows.values(), default=0) + 1
        self._turns_in_log = 0

    def records(self) -> Mapping[str, Sequence[Record]]:
        """The newest of every record, by table.

        Raises:
            StoreUnusable: one of them cannot be read.
        """
        try:
            return read_records(self._database)
        except (sqlite3.Error, ValueError) as fault:
            raise journal_file.cannot_use(self._folder, fault) from None

    def write(self, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        """Make these entries durable in one transaction and mark these commands as taken in.

        Raises:
            JournalWriteError: nothing of it was kept.
        """
        with self._transaction():
            self._events(entries)
            gone, fresh = self._changes(entries)
            self._notices(entries)
            if taken:
                at = entries[-1].event.at if entries else time.time_ns()
                self._database.executemany(
                    "UPDATE commands SET taken_at = ? WHERE id = ?", [(at, one) for one in taken]
                )
        for name in gone:
            del self._rows[name]
        self._rows.update(fresh)
        self._next_row += len(fresh)
        self._turns_in_log += 1
        if self._turns_in_log > MOST_TURNS_IN_LOG:
            self._move_log()

    def rest(self) -> None:
        """Nothing waits just now: time to move what has gathered in the write-ahead log into the database."""
        if self._turns_in_log > TURNS_WORTH_MOVING:
            self._move_log()

    def _move_log(self) -> None:
        """Whatever hinders it (a long reader, a full disk) is met again by the next write, which tells of it."""
        self._turns_in_log = 0
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def commands(self) -> Sequence[Command]:
        """The commands that nobody has taken in yet, oldest first.

        Raises:
            JournalReadError: they could not be read.
        """
        try:
            return waiting_commands(self._database)
        except sqlite3.Error as fault:
            raise JournalReadError(str(fault)) from fault

    def answer(self, command_id: int, at: int, text: str) -> None:
        """Mark a command as taken in (``at``, ns) and keep what is said to whoever gave it; "" for: it was done.

        Raises:
            JournalWriteError: it was not kept.
        """
        with self._transaction():
            self._database.execute(
                "UPDATE commands SET taken_at = ?, answer = ? WHERE id = ?",
                (at, str(_whole_characters(text)), command_id),
            )

    def mark(self, key: str, value: str) -> None:
        """Keep a fact about the store itself, for people who read it.

        Raises:
            JournalWriteError: it was not kept.
        """
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Let the store go."""
        self._database.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and durable at the end, in the file that people and the next start will look into."""
        if _identity(self._path) != self._file:
            raise JournalWriteError(
                f"{self._path} was taken away or replaced under the run: put it back, or start anew"
            )
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except sqlite3.Error as fault:
            raise JournalWriteError(str(fault)) from fault
        finally:
            if self._database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")

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

    def _changes(self, entries: Sequence[Entry]) -> tuple[list[_Name], dict[_Name, int]]:
        """Write the newest of each record; the names of those that are gone, and the rows of those that are new."""
        newest = {(change.table, change.key): change.record for entry in entries for change in entry.changes}
        gone = [name for name, record in newest.items() if record is None and name in self._rows]
        if gone:
            kept = [(self._rows[name],) for name in gone if name[0] in _KEPT_WHEN_DROPPED]
            self._database.executemany(
                "INSERT OR REPLACE INTO past SELECT tbl, key, body FROM records WHERE id = ?", kept
            )
            self._database.executemany("DELETE FROM records WHERE id = ?", [(self._rows[name],) for name in gone])
        fresh: dict[_Name, int] = {}
        rows = []
        for name, record in newest.items():
            if record is None:
                continue
            row = self._rows.get(name)
            if row is None:
                row = fresh[name] = self._next_row + len(fresh)
            rows.append((row, *name, _encoded(record)))
        self._database.executemany("INSERT OR REPLACE INTO records (id, tbl, key, body) VALUES (?, ?, ?, ?)", rows)
        return gone, fresh

    def _notices(self, entries: Sequence[Entry]) -> None:
        rows = [
            (one.at, one.event, one.leader_order_id, one.follower, one.level, _encoded(one))
            for entry in entries
            for one in entry.notices
        ]
        if rows:
            self._database.executemany(
                "INSERT INTO notices (at, event, leader_order_id, follower, level, body) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at this path, without opening it; None for none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _says_nothing(entry: Entry) -> bool:
    """Is it a read of books that were as we knew them, or a moment at which nothing was due? Neither is kept; what
    else came in is, whatever it changed."""
    if entry.notices or entry.set_aside:
        return False
    event = entry.event
    if isinstance(event, BooksRead):
        return not (event.orders or event.fills)
    return isinstance(event, TimeReached) and not entry.changes


def event_body(event: Event) -> bytes:
    """What is kept of an event: a frame as it came, rules without their secrets, all else as JSON."""
    match event:
        case FrameRead() | FrameUnreadable():
            return event.raw
        case PolicyLoaded():
            return _encoded({"at": event.at, "digest": event.digest, "document": event.document})
        case _:
            return _encoded(event)


def _encoded(value: object) -> bytes:
    """JSON. What no text can hold (half a character, from a broken argument or file name) becomes "?"."""
    try:
        return _JSON.encode(value)
    except UnicodeEncodeError:
        return _JSON.encode(_whole_characters(msgspec.to_builtins(value)))


def _whole_characters(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_characters(part) for part in value]
    return value


def read_records(database: sqlite3.Connection, *, past: bool = False) -> dict[str, list[Record]]:
    """The records of the journal, decoded, by table; with ``past`` those as well that a run has dropped.

    Raises:
        sqlite3.Error, ValueError: they cannot be read.
    """
    found: dict[str, list[Record]] = {name: [] for name in TABLES}
    statement = "SELECT tbl, body FROM records"
    if past:
        statement += (
            " UNION ALL SELECT tbl, body FROM past"
            " WHERE NOT EXISTS (SELECT 1 FROM records WHERE records.tbl = past.tbl AND records.key = past.key)"
        )
    for name, body in database.execute(statement):
        found[name].append(_DECODERS[name].decode(body))
    return found


def waiting_commands(database: sqlite3.Connection) -> list[Command]:
    """The commands that no run has taken in yet, oldest first."""
    actions = "actions" if journal_file.has_column(database, "commands", "actions") else "''"  # a reader adds none
    rows = database.execute(
        f"SELECT id, given_at, command, account, reason, {actions} FROM commands"  # noqa: S608  two words of ours
        " WHERE taken_at IS NULL ORDER BY id"
    )
    return [
        Command(
            command_id=one, given_at=at, command=command, account=account, reason=reason, actions=tuple(actions.split())
        )
        for one, at, command, account, reason, actions in rows
    ]


def put_command(
    folder: Path, command: str, *, account: str = "", reason: str = "", actions: Sequence[str] = (), at: int
) -> int:
    """Ask the run on this store, or its next one, for something; returns the command's number. ``at``: now, ns.
    ``actions``: what a kill does besides what the rules say, words of ``kill_switch.actions``.

    Raises:
        StoreRefused: a newer version wrote the store.
        StoreUnusable: it cannot be written.
    """
    journal_file.make_folder(folder)
    texts = [str(_whole_characters(text)) for text in (command, account, reason, " ".join(actions))]
    try:
        with contextlib.closing(journal_file.connect(folder)) as database:
            cursor = database.execute(
                "INSERT INTO commands (given_at, command, account, reason, actions) VALUES (?, ?, ?, ?, ?)",
                (at, *texts),
            )
            return cursor.lastrowid or 0
    except OSError as fault:
        raise journal_file.cannot_write(folder, fault.strerror) from None
    except sqlite3.Error as fault:
        raise _trouble(folder, fault) from None
