"""The journal: one SQLite file, in which everything is durable before it has an effect.

One transaction holds the events of a turn, every record they changed and every line they gave people to read, with
``synchronous=FULL`` in WAL mode: a crash costs nothing that was answered for, a torn tail costs the torn record. The
records are the newest of each, so a start reads them and no event. Other processes read beside the writer and may add
commands.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from copyctl.edge import journal_backup, journal_chain, journal_file
from copyctl.edge.journal_body import encoded, event_body, read_records, whole_characters
from copyctl.edge.journal_chain import Ends
from copyctl.edge.journal_commands import waiting_commands
from copyctl.edge.journal_file import StoreError, StoreLocked, StoreRefused, StoreUnusable
from copyctl.model.events import PolicyLoaded, TimeReached
from copyctl.model.journal import Command, Entry
from copyctl.model.records import Record

__all__ = [
    "Journal",
    "JournalReadError",
    "JournalWriteError",
    "StoreError",
    "StoreLocked",
    "StoreRefused",
    "StoreUnusable",
    "event_body",
    "open_journal",
    "read_records",
]

_Name = tuple[str, str]
"""Table and key of a record."""

TURNS_WORTH_MOVING: Final = 100
"""A write-ahead log of fewer turns is left as it is: moving it costs two waits for the disk."""

TURNS_OF_A_RUN: Final = 2**32
"""Turns are numbered on and on, beginning anew above those of the last run, whether or not they left a record."""

MOST_TURNS_IN_LOG: Final = 10_000
"""A log of so many turns is moved even while orders wait: some tens of megabytes, which every reader looks through."""

_KEPT_WHEN_DROPPED: Final = frozenset({"order", "copy", "fill", "leader_order"})


class JournalWriteError(OSError):
    """A transaction was not kept; nothing of it was. It may be tried again."""


class JournalReadError(OSError):
    """The journal could not be read just now. It may be tried again."""


def open_journal(folder: Path, *, leader: str, durable: bool = True) -> "Journal":
    """Open (or create) the journal in ``folder`` as its only writer; ``leader``: whose orders it tells of; one that is
    not ``durable`` is for what sends nothing.

    Raises:
        StoreLocked, StoreRefused, StoreUnusable: with the mend.
    """
    journal_file.make_folder(folder)
    with contextlib.ExitStack() as undo:
        lock = journal_file.take_lock(folder)
        undo.callback(os.close, lock)
        try:
            database = journal_file.connect(folder, durable=durable)
            undo.callback(database.close)
            journal_file.check(database, folder)
            _claim(database, folder, leader)
            journal = Journal(database, lock, folder)
            database.execute("PRAGMA wal_checkpoint(PASSIVE)")  # what was before this start needs no log any more
            database.execute(f"PRAGMA busy_timeout={int(journal_file.RUN_BUSY_SECONDS * 1000)}")
        except OSError as fault:
            raise journal_file.cannot_write(folder, fault.strerror) from None
        except sqlite3.Error as fault:
            raise journal_file.trouble(folder, fault) from None
        undo.pop_all()
        return journal


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
        "INSERT OR REPLACE INTO meta VALUES ('version', ?), ('leader', ?), ('opened', ?)",
        (str(journal_file.VERSION), leader, str(_opened(database) + 1)),
    )


def _opened(database: sqlite3.Connection) -> int:
    """How often the journal was opened to be written."""
    row = database.execute("SELECT value FROM meta WHERE key = 'opened'").fetchone()
    return int(row[0]) if row is not None else 0


class _Row(NamedTuple):
    """Where a record stands, and what it adds to the sum of the chain."""

    id: int
    worth: int


class Journal:
    """The journal as its only writer has it. Made by :func:`open_journal`."""

    def __init__(self, database: sqlite3.Connection, lock: int, folder: Path) -> None:
        self._database = database
        self._lock = lock
        self._folder = folder
        self._path = folder / journal_file.FILE
        self._file = _identity(self._path)
        self._rows = {
            (table, key): _Row(row, journal_chain.digest(journal_chain.RECORDS, table, key, body))
            for row, table, key, body in database.execute("SELECT id, tbl, key, body FROM records")
        }
        self._next_row = max((row.id for row in self._rows.values()), default=0) + 1
        self._turns_in_log = 0
        self._turn = _opened(database) * TURNS_OF_A_RUN
        self._ends = journal_chain.read_ends(database)
        self._failed = False
        self._closing = threading.Event()
        journal_chain.write_head(database, self._ends)

    def records(self) -> Mapping[str, Sequence[Record]]:
        """The newest of every record, by table.

        Raises:
            StoreUnusable: one of them cannot be read.
        """
        try:
            return read_records(self._database)
        except sqlite3.Error as fault:
            raise journal_file.trouble(self._folder, fault) from None
        except ValueError as fault:
            raise journal_file.cannot_use(self._folder, fault) from None

    def write(self, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        """Make these entries durable in one transaction and mark these commands as taken in.

        Raises:
            JournalWriteError: nothing of it was kept.
        """
        self._turn += 1
        with self._transaction():
            ends = self._go_on_from()
            gone, written = self._changes(entries, ends)
            self._notices(entries, ends)
            if not self._events(entries, ends) and (gone or written):
                journal_chain.write_head(self._database, ends)
            self._names(entries)
            if taken:
                at = entries[-1].event.at if entries else time.time_ns()
                self._database.executemany(
                    "UPDATE commands SET taken_at = ? WHERE id = ?", [(at, one) for one in taken]
                )
        self._ends = ends
        for name in gone:
            del self._rows[name]
        self._next_row += sum(1 for name in written if name not in self._rows)
        self._rows.update(written)
        self._turns_in_log += 1
        if self._turns_in_log > MOST_TURNS_IN_LOG:
            self._move_log()

    def _names(self, entries: Sequence[Entry]) -> None:
        """Keep with the rules what readers cannot know without the variables of their file: who is called what."""
        for entry in entries:
            if isinstance(entry.event, PolicyLoaded):
                names = encoded({one.client_id: one.name for one in entry.event.rules.followers}).decode()
                self._database.execute("INSERT OR REPLACE INTO meta VALUES ('followers', ?)", (names,))

    def rest(self) -> None:
        """Nothing waits just now: time to move what has gathered in the write-ahead log into the database."""
        if self._turns_in_log > TURNS_WORTH_MOVING:
            self._move_log()

    def _move_log(self) -> None:
        """Whatever hinders it (a long reader, a full disk) is met again by the next write, which tells of it."""
        self._turns_in_log = 0
        with contextlib.suppress(sqlite3.Error, JournalWriteError):
            self._keep_head()
            self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _keep_head(self) -> None:
        with self._transaction():
            journal_chain.write_head(self._database, self._ends)

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
                (at, str(whole_characters(text)), command_id),
            )

    def mark(self, key: str, value: str) -> None:
        """Keep a fact about the store itself, for people who read it.

        Raises:
            JournalWriteError: it was not kept.
        """
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def back_up(self, day: date) -> str:
        """Have a backup of this day; returns the file that was made now, "" where there was one. It ends early where
        the store is let go. Slow, and it may be called in any thread: call it beside everything else.

        Raises:
            BackupFailed: with the reason.
        """
        if journal_backup.path_of(self._folder, day).exists():
            return ""
        return str(journal_backup.make(self._folder, day, self._closing.is_set).path)

    def close(self) -> None:
        """Let the store go."""
        self._closing.set()
        if not self._failed:
            with contextlib.suppress(JournalWriteError):  # the newest turns are sealed without it
                self._keep_head()
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
            self._failed = True
            raise JournalWriteError(str(journal_file.trouble(self._folder, fault))) from fault
        finally:
            if self._database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")

    def _go_on_from(self) -> Ends:
        """Where this turn's rows go. After a write that failed it is looked whether somebody else has put rows there
        meanwhile: they show as not chained, and nothing is held up by them."""
        ends = replace(self._ends)
        if self._failed:
            events, notices = (journal_chain.last_row(self._database, table).seq for table in ("events", "notices"))
            ends.events = ends.events._replace(seq=max(ends.events.seq, events))
            ends.notices = ends.notices._replace(seq=max(ends.notices.seq, notices))
            self._failed = False
        return ends

    def _events(self, entries: Sequence[Entry], ends: Ends) -> bool:
        """Write the events, the last of them with the seal of all that this turn wrote. False for none."""
        rows = [
            (
                entry.event.at,
                type(entry.event).__name__,
                getattr(entry.event, "account", ""),
                int(entry.set_aside),
                body,
            )
            for entry in entries
            if not _says_nothing(entry)
            for body in (event_body(entry.event),)
        ]
        self._database.executemany(
            "INSERT INTO events (seq, at, kind, account, set_aside, seal, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ends.chain_events(rows),
        )
        return bool(rows)

    def _changes(self, entries: Sequence[Entry], ends: Ends) -> tuple[list[_Name], dict[_Name, "_Row"]]:
        """Write the newest of each record; the names of those that are gone, and where the others stand now."""
        newest = {(change.table, change.key): change.record for entry in entries for change in entry.changes}
        gone = [name for name, record in newest.items() if record is None and name in self._rows]
        for name in gone:
            if name[0] in _KEPT_WHEN_DROPPED:
                self._drop_into_past(name, ends)
            ends.sum -= self._rows[name].worth
        self._database.executemany("DELETE FROM records WHERE id = ?", [(self._rows[name].id,) for name in gone])
        written: dict[_Name, _Row] = {}
        rows = []
        next_row = self._next_row
        for name, record in newest.items():
            if record is None:
                continue
            body = encoded(record)
            worth = journal_chain.digest(journal_chain.RECORDS, *name, body)
            before = self._rows.get(name)
            if before is None:
                before = _Row(next_row, 0)
                next_row += 1
            ends.sum += worth - before.worth
            written[name] = _Row(before.id, worth)
            rows.append((before.id, *name, body, self._turn))
        self._database.executemany(
            "INSERT OR REPLACE INTO records (id, tbl, key, body, turn) VALUES (?, ?, ?, ?, ?)", rows
        )
        return gone, written

    def _drop_into_past(self, name: _Name, ends: Ends) -> None:
        """Keep a record that the run has done with, in place of an older one of that name; but exchanges count their
        trades anew each day, so that another trade of that name stays."""
        (body,) = self._database.execute("SELECT body FROM records WHERE id = ?", (self._rows[name].id,)).fetchone()
        older = self._database.execute("SELECT body FROM past WHERE tbl = ? AND key = ?", name).fetchone()
        if older is not None and name[0] == "fill" and older[0] != body:
            name, older = (name[0], f"{name[1]}@{self._turn}"), None
        if older is not None:
            ends.sum -= journal_chain.digest(journal_chain.PAST, *name, older[0])
        ends.sum += journal_chain.digest(journal_chain.PAST, *name, body)
        self._database.execute(
            "INSERT OR REPLACE INTO past (tbl, key, body, turn) VALUES (?, ?, ?, ?)", (*name, body, self._turn)
        )

    def _notices(self, entries: Sequence[Entry], ends: Ends) -> None:
        rows = [
            (one.at, one.event, one.leader_order_id, one.follower, one.level.value, encoded(one))
            for entry in entries
            for one in entry.notices
        ]
        if rows:
            self._database.executemany(
                "INSERT INTO notices (seq, at, event, leader_order_id, follower, level, body, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ends.chain_notices(rows),
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at this path, without opening it; None for none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _says_nothing(entry: Entry) -> bool:
    """Is it a moment at which nothing was due? It is not kept; what else came in is, whatever it changed, so that a day
    can be replayed from it: that a book was read and held nothing new decides what need not wait any more."""
    nothing = not (entry.notices or entry.set_aside or entry.changes)
    return nothing and isinstance(entry.event, TimeReached)
