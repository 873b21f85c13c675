"""Opening the store: brought up to date for a moment by one process, then read by as many as like.

DuckDB lets one process write a file or several read it, and refuses everybody else at once. So who refreshes holds a
lock on a file beside it, opens, takes in, closes, and opens once more to read; the others wait for the lock. Whoever
waits in vain answers from the store as it is. The file is derived: one that cannot be read is put aside and made anew.
"""

import contextlib
import fcntl
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from copyctl.store import schema
from copyctl.store.refresh import Kept, Sources, is_of, refresh

FILE: Final = "copyctl.duckdb"
LOCK: Final = "copyctl.duckdb.lock"
PATIENCE_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.05
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class StoreTrouble(Exception):
    """The analytical store cannot be used; the text says why and how to mend it."""


class StoreTooNew(StoreTrouble):
    """A newer copyctl made the analytical store."""


class StoreBusy(StoreTrouble):
    """Others work on the analytical store, and there is none to read meanwhile."""


class StoreUnwritable(StoreTrouble):
    """The analytical store cannot be written or read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The store, open to be read. ``behind``: why it is not up to date, "" for: it is."""

    database: duckdb.DuckDBPyConnection
    behind: str = ""


@contextlib.contextmanager
def opened(
    folder: Path, sources: Sources, *, versions: bool = False, patience: float = PATIENCE_SECONDS
) -> Iterator[Analysis]:
    """The store in ``folder``, brought up to date. Where the folder does not exist the store is empty.

    Raises:
        StoreTrouble: it cannot be used.
    """
    until = time.monotonic() + patience
    if not folder.is_dir():
        with contextlib.closing(_empty()) as database:
            yield Analysis(database=database)
        return
    with _for_the_owner_alone():
        behind = _brought_up_to_date(folder, sources, versions=versions, until=until)
        reader = _reader(folder / FILE, until)
    with contextlib.closing(reader) as database:
        yield Analysis(database=database, behind=behind)


@contextlib.contextmanager
def _for_the_owner_alone() -> Iterator[None]:
    """DuckDB makes its files, the log beside the store among them, with the mode that the umask leaves."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _connected(path: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection that tells times by the Indian clock."""
    database = duckdb.connect(path, read_only=read_only, config=_SETTINGS)
    database.execute("SET TimeZone = 'Asia/Kolkata'")
    return database


def _empty() -> duckdb.DuckDBPyConnection:
    database = _connected(":memory:", read_only=False)
    schema.create(database)
    return database


def _brought_up_to_date(folder: Path, sources: Sources, *, versions: bool, until: float) -> str:
    """Take in what is new; why that could not be, or ""."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        if (folder / FILE).exists():
            return f"{folder} cannot be written ({fault.strerror})"
        raise StoreUnwritable(
            f"the store {folder} cannot be written: {fault.strerror}. Give store.path a folder that this user may write"
        ) from None
    try:
        if not _locked(handle, until):
            if (folder / FILE).exists():
                return "another command works on it"
            raise StoreBusy(f"another command makes {folder / FILE} just now; try again in a moment")
        return _taken_in(folder, sources, versions=versions, until=until)
    except OSError as fault:
        raise StoreUnwritable(
            f"what is new cannot be staged for {folder / FILE}: {fault}. See that the disk of temporary files has room"
        ) from None
    except duckdb.Error as fault:
        if not is_damage(fault):
            raise StoreUnwritable(mend(folder, fault)) from None
        _put_aside(folder / FILE)
        return _taken_in(folder, sources, versions=versions, until=until)
    finally:
        os.close(handle)


def _taken_in(folder: Path, sources: Sources, *, versions: bool, until: float) -> str:
    database = _writer(folder / FILE, sources, until)
    if database is None:
        return "other commands read it"
    with contextlib.closing(database):
        refresh(database, sources, versions=versions)
    return ""


def is_damage(fault: duckdb.Error) -> bool:
    """Is it the file that is broken?"""
    return "corrupt" in str(fault).lower()


def _locked(handle: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  that two do not keep step
        else:
            return True


def _writer(path: Path, sources: Sources, until: float) -> duckdb.DuckDBPyConnection | None:
    """The file open to be written, of this version and of this journal; None where readers do not let it go.

    Raises:
        StoreTooNew: a newer version made it.
    """
    for _ in range(2):
        database = _patiently(path, until, read_only=False)
        if database is None:
            return None
        with contextlib.ExitStack() as undo:
            undo.callback(database.close)
            os.chmod(path, 0o600)
            if _is_usable(database, path, sources):
                undo.pop_all()
                return database
        _put_aside(path)
    raise StoreUnwritable(f"{path} is no store of this journal, and could not be made anew")


def _is_usable(database: duckdb.DuckDBPyConnection, path: Path, sources: Sources) -> bool:
    """Bring its tables to this version, or make them in an empty file; False where it is something else.

    Raises:
        StoreTooNew: a newer version made it.
    """
    before = _version(database)
    if before is None:
        if database.execute("FROM duckdb_tables()").fetchall():
            return False
        with _transaction(database):
            schema.create(database)
        return True
    if before > schema.version():
        raise StoreTooNew(f"{path} was made by a newer copyctl; use that one, or delete the file: it is derived")
    with _transaction(database):
        schema.migrate(database, before, schema.migrations())
    return is_of(database, sources)


@contextlib.contextmanager
def _transaction(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    database.execute("BEGIN")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _version(database: duckdb.DuckDBPyConnection) -> int | None:
    """The version that a store says it has; None where it is none (yet)."""
    try:
        return Kept(database).number("version") or None
    except duckdb.CatalogException:
        return None


def _reader(path: Path, until: float) -> duckdb.DuckDBPyConnection:
    database = _patiently(path, until, read_only=True)
    if database is None:
        raise StoreBusy(f"another command works on {path} and does not come to an end; try again in a moment")
    return database


def _patiently(path: Path, until: float, *, read_only: bool) -> duckdb.DuckDBPyConnection | None:
    """Open it as soon as nobody is in the way; None where somebody stays. A damaged one is put aside."""
    while True:
        try:
            return _connected(str(path), read_only=read_only)
        except duckdb.IOException as fault:
            if "lock" not in str(fault).lower():
                if read_only:
                    raise StoreUnwritable(mend(path.parent, fault)) from None
                _put_aside(path)
                continue
            if time.monotonic() > until:
                return None
            time.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
        except duckdb.Error as fault:
            if read_only or not path.exists():
                raise StoreUnwritable(mend(path.parent, fault)) from None
            _put_aside(path)


def _put_aside(path: Path) -> None:
    """Out of the way, and kept until the next one is: it can be made anew."""
    os.replace(path, path.with_name(f"{path.name}.damaged"))
    with contextlib.suppress(FileNotFoundError):
        os.remove(path.with_name(f"{path.name}.wal"))


def mend(folder: Path, fault: duckdb.Error) -> str:
    """What to say of a store that cannot be used."""
    text = str(fault).splitlines()[0]
    return (
        f"the analytical store {folder / FILE} cannot be used: {text}. It is derived: see that this user may write in "
        f"{folder} and that the disk has room, or delete the file and ask again"
    )
