"""The history's file: where it is, how it is opened, and what is said when it cannot be used.

Like the journal's it is never opened and closed by hand (that would drop SQLite's own locks), and nobody moves its
write-ahead log but who lets go of it last.
"""

import contextlib
import os
import sqlite3
import uuid
from pathlib import Path
from typing import Final

from copyctl.edge.journal_file import StoreRefused, StoreUnusable, cannot_write, patiently

FILE: Final = "history.sqlite"
VERSION: Final = 1
BUSY_SECONDS: Final = 30.0
"""How long one waits for another that keeps a page: longer than any page takes."""

# A row that says something new is put in anew, at the end: who has read up to a number finds all that is newer behind
# it. AUTOINCREMENT gives no number twice.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trades (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, key TEXT NOT NULL, order_id TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (account, key, order_id));
CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, key TEXT NOT NULL, order_id TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (account, key, order_id));
CREATE TABLE IF NOT EXISTS progress (
    account TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT NOT NULL, next_page INTEGER NOT NULL,
    finished INTEGER NOT NULL, at INTEGER NOT NULL, complete INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, first_day, last_day)) WITHOUT ROWID;
"""
_LAST_OF_SCHEMA: Final = "progress"

_MEND: Final = (
    "Put its copy (backups/history.sqlite) in its place, or move history.sqlite* away and run copyctl backfill again: "
    "trades come back from the broker's history, the orders of days that are over do not"
)
_FULL_OR_CLOSED: Final = ("readonly", "full", "unable to open", "disk i/o")


def connect(folder: Path) -> sqlite3.Connection:
    """A connection that writes durably, with the schema in place; the file is readable by its owner alone.

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
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA wal_autocheckpoint=0")
        if not has_schema(database):
            _make(database)
        refuse_newer(database, folder)
    except BaseException:
        database.close()
        raise
    return database


def _make(database: sqlite3.Connection) -> None:
    """Have the tables, all or none, whoever else makes them at this moment."""
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        database.execute(
            "INSERT OR IGNORE INTO meta VALUES ('version', ?), ('identity', ?)", (str(VERSION), uuid.uuid4().hex)
        )
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def has_schema(database: sqlite3.Connection) -> bool:
    """Was the file made to the end? It is made in one transaction."""
    found = database.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (_LAST_OF_SCHEMA,)).fetchone()
    return bool(found[0])


def refuse_newer(database: sqlite3.Connection, folder: Path) -> None:
    """Stop at a file whose layout is from the future.

    Raises:
        StoreRefused: it is.
        StoreUnusable: it does not say.
    """
    row = database.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise cannot_use(folder, f"its version is {row and row[0]!r}")
    if int(row[0]) > VERSION:
        raise StoreRefused(f"the history {folder / FILE} was written by a newer copyctl; use that one")


def trouble(folder: Path, fault: sqlite3.Error, *, reading: bool = False) -> StoreUnusable:
    """What to say of a fault of SQLite's: whether it is another program, the disk or the file that is in the way."""
    text = str(fault).lower()
    if "locked" in text:
        return StoreUnusable(
            f"the history {folder / FILE} is held by another program ({fault}). End that program (fuser names it)"
        )
    if any(word in text for word in _FULL_OR_CLOSED):
        if reading:
            return StoreUnusable(f"the history {folder / FILE} cannot be read: {fault}. See whether this user may")
        return cannot_write(folder, fault)
    return cannot_use(folder, fault)


def cannot_use(folder: Path, why: object) -> StoreUnusable:
    """What to say of a history that is damaged, or no history."""
    return StoreUnusable(f"the history {folder / FILE} cannot be used: {why}. {_MEND}")
