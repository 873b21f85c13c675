"""The journal's file: where it is, how it is opened, who may, and what is said when it cannot be used.

The lock that makes one process the only writer is on a file of its own: opening and closing the database by hand
would drop SQLite's own locks (POSIX locks belong to the process, not to the handle).
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

FILE: Final = "journal.sqlite"
LOCK: Final = "run.lock"
VERSION: Final = 3
"""2: rows are chained; a version that does not chain what it writes must not write here. 3: every record says in which
turn it was written, so that whoever keeps up with the journal reads what is new and no more."""
BUSY_SECONDS: Final = 5.0
RUN_BUSY_SECONDS: Final = 0.5
"""How long a run waits for another writer: meanwhile nothing else of it moves, and it tries again soon."""

LOCK_TRIES: Final = 10
LOCK_RETRY_SECONDS: Final = 0.02
"""Who only wants to know whether a run is there holds the lock for a moment (``is_locked``): that is waited for."""

CHECKED_WHOLE: Final = 64 * 2**20
"""Bytes. A larger journal is not read whole at the start: only what a start needs of it."""

WAL_BYTES: Final = 64 * 2**20
"""What the write-ahead log is cut back to once a long reader has let it go."""

# A turn costs by the pages that it touches: rows are only ever added at the end of a table, so that all that is new of
# a leader's order stands on a page or two, and there is no index to keep. The writer knows which row each record has.
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, set_aside INTEGER NOT NULL,
    body BLOB NOT NULL, hash BLOB, seal BLOB);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, turn INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS past (
    tbl TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, turn INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tbl, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS past_turns ON past (turn);
CREATE TABLE IF NOT EXISTS notices (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, leader_order_id TEXT NOT NULL,
    follower TEXT NOT NULL, level TEXT NOT NULL, body BLOB NOT NULL, hash BLOB);
CREATE TABLE IF NOT EXISTS commands (
    id INTEGER PRIMARY KEY, given_at INTEGER NOT NULL, command TEXT NOT NULL, account TEXT NOT NULL,
    reason TEXT NOT NULL, taken_at INTEGER, actions TEXT NOT NULL DEFAULT '', answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS commands_waiting ON commands (id) WHERE taken_at IS NULL;
COMMIT;
"""
_LAST_OF_SCHEMA: Final = "commands_waiting"
_CAME_LATER: Final = (
    ("commands", "actions", "TEXT NOT NULL DEFAULT ''"),
    ("commands", "answer", "TEXT NOT NULL DEFAULT ''"),
    ("events", "hash", "BLOB"),
    ("events", "seal", "BLOB"),
    ("notices", "hash", "BLOB"),
    ("records", "turn", "INTEGER NOT NULL DEFAULT 0"),
    ("past", "turn", "INTEGER NOT NULL DEFAULT 0"),
)
"""Columns that stores of earlier versions lack: table, column, and what it holds."""
_READ_AT_START: Final = ("meta", "records", "commands")


class StoreError(Exception):
    """The store cannot be used; the text says why and how to mend it."""


class StoreLocked(StoreError):
    """Another run writes this store."""


class StoreRefused(StoreError):
    """The store belongs to another leader, or was written by a newer version."""


class StoreUnusable(StoreError):
    """The store cannot be read or written."""


def make_folder(folder: Path) -> None:
    """Have the store's folder, open to its owner alone where it is made now.

    Raises:
        StoreUnusable: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise cannot_write(folder, fault.strerror) from None


def take_lock(folder: Path) -> int:
    """Become the only writer of the store; returns the handle that holds the lock until it is closed.

    Raises:
        StoreLocked: another process is it, which the text names.
        StoreUnusable: the lock's file cannot be written.
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise cannot_write(folder, fault.strerror) from None
    for attempt in range(LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt < LOCK_TRIES - 1:
                time.sleep(LOCK_RETRY_SECONDS)
        else:
            _sign(handle)
            return handle
    holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
    os.close(handle)
    who = f" (process {holder})" if holder else ""
    raise StoreLocked(f"another copyctl run{who} works on the store {folder}; stop it first")


def _sign(handle: int) -> None:
    """Say who holds the lock, for people; a full disk is no reason not to hold it."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)


def is_locked(folder: Path) -> bool:
    """Does a run hold the store now?"""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def connect(folder: Path, *, durable: bool = True) -> sqlite3.Connection:
    """A connection that writes durably, with the schema in place; the file is readable by its owner alone. One that is
    not ``durable`` waits for no disk: after a power cut the last moments may be missing, and the file is sound.

    It never moves the write-ahead log into the database by itself. Only a run does, when it has time: in SQLite before
    3.51.3 two processes at that at once can spoil the file, if very rarely.

    Raises:
        sqlite3.Error, OSError: the file cannot be used.
        StoreRefused: a newer version wrote it.
    """
    path = folder / FILE
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    database = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        patiently(database, "PRAGMA journal_mode=WAL")
        database.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        database.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
        database.execute("PRAGMA wal_autocheckpoint=0")
        if not has_schema(database):
            database.executescript(_SCHEMA)
        refuse_newer(database, folder)
        _catch_up(database)
    except BaseException:
        database.close()
        raise
    return database


def patiently(database: sqlite3.Connection, statement: str) -> None:
    """Run a statement that SQLite does not wait with by itself while another process makes the file."""
    patient_until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute(statement)
        except sqlite3.OperationalError as fault:
            if "locked" not in str(fault) or time.monotonic() > patient_until:
                raise
            time.sleep(LOCK_RETRY_SECONDS)
        else:
            return


def has_schema(database: sqlite3.Connection) -> bool:
    """Was the store made to the end? It is made in one transaction."""
    found = database.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (_LAST_OF_SCHEMA,)).fetchone()
    return bool(found[0])


def has_column(database: sqlite3.Connection, table: str, column: str) -> bool:
    """Does a table have this column? One of an earlier version may not."""
    found = database.execute("SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", (table, column)).fetchone()
    return bool(found[0])


def _catch_up(database: sqlite3.Connection) -> None:
    """Give a store of an earlier version the columns that came later, whoever else does so at this moment."""
    if all(has_column(database, table, column) for table, column, _ in _CAME_LATER):
        return
    database.execute("BEGIN IMMEDIATE")
    for table, column, holds in _CAME_LATER:
        if not has_column(database, table, column):
            database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {holds}")
    database.execute("CREATE INDEX IF NOT EXISTS past_turns ON past (turn)")
    database.execute("COMMIT")


def refuse_newer(database: sqlite3.Connection, folder: Path) -> None:
    """Stop at a store whose layout is from the future.

    Raises:
        StoreRefused: it is.
        StoreUnusable: it does not say.
    """
    row = database.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if row is not None and not str(row[0]).isdecimal():
        raise cannot_use(folder, f"its version is {row[0]!r}")
    if row is not None and int(row[0]) > VERSION:
        raise StoreRefused(f"the store {folder} was written by a newer copyctl; use that one")


def check(database: sqlite3.Connection, folder: Path) -> None:
    """Look whether the file is sound: all of a small one, of a large one the tables that a start reads.

    Raises:
        sqlite3.Error, StoreUnusable: it is not.
    """
    if (folder / FILE).stat().st_size <= CHECKED_WHOLE:
        statements = ["PRAGMA quick_check(1)"]
    else:
        statements = [f"PRAGMA quick_check({table})" for table in _READ_AT_START]
    for statement in statements:
        verdict = str(database.execute(statement).fetchone()[0])
        if verdict != "ok":
            raise cannot_use(folder, verdict)


def trouble(folder: Path, fault: sqlite3.Error, *, reading: bool = False) -> StoreUnusable:
    """What to say of a fault of SQLite's: whether it is another program, the disk or the file that is in the way."""
    text = str(fault).lower()
    if "locked" in text:
        return StoreUnusable(
            f"the journal {folder / FILE} is held by another program ({fault}). End that program (fuser names it)"
        )
    if any(word in text for word in _FULL_OR_CLOSED):
        return _cannot_read(folder, fault) if reading else cannot_write(folder, fault)
    return cannot_use(folder, fault)


_FULL_OR_CLOSED: Final = ("readonly", "full", "unable to open", "disk i/o")


def cannot_use(folder: Path, why: object) -> StoreUnusable:
    """What to say of a journal that is damaged, or no journal."""
    return StoreUnusable(f"the journal {folder / FILE} cannot be used: {why}. {MEND}")


MEND: Final = (
    "Put a backup of it in its place (copyctl backup restore), or move journal.sqlite* away to start anew: copies of "
    "today that rest at the broker are recognised by their ids either way"
)


def cannot_write(folder: Path, why: object) -> StoreUnusable:
    """What to say of a store that cannot be written."""
    return StoreUnusable(
        f"the store {folder} cannot be written: {why}. Give store.path a folder that this user may write, with room"
    )


def _cannot_read(folder: Path, why: object) -> StoreUnusable:
    return StoreUnusable(f"the store {folder} cannot be read: {why}. See whether this user may read it, and the disk")
