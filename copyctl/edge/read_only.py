"""Reading a SQLite file of the store beside its writer, whom nobody holds up."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

BUSY_SECONDS: Final = 5.0


class Layout(Protocol):
    """What a file of the store is called, when it is whole, and what is said when it cannot be used."""

    @property
    def FILE(self) -> str:  # noqa: N802  a constant of the modules that are layouts
        """Its name within the store."""
        ...

    def has_schema(self, database: sqlite3.Connection) -> bool:
        """Was it made to the end?"""
        ...

    def refuse_newer(self, database: sqlite3.Connection, folder: Path) -> None:
        """Stop at one whose layout is from the future."""
        ...

    def trouble(self, folder: Path, fault: sqlite3.Error, *, reading: bool = False) -> Exception:
        """What to say of a fault of SQLite's."""
        ...


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


class ReadOnly:
    """One file of the store. One that does not exist yet is empty, not an error, and may appear later.

    Every method raises StoreUnusable where the file is there and cannot be read, and StoreRefused where a newer
    version wrote it.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder = folder
        self._layout = layout
        self._database: sqlite3.Connection | None = None
        self._open()

    @property
    def folder(self) -> Path:
        """Where the store is."""
        return self._folder

    @property
    def exists(self) -> bool:
        """Is the file there by now?"""
        return self._open() is not None

    def meta(self, key: str) -> str | None:
        """A fact about the file itself."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    @contextlib.contextmanager
    def one_moment(self) -> Iterator[None]:
        """Everything that is read within shows the file at one moment, whatever is written meanwhile. The writer is not
        held up, but its log grows until the end: not for long."""
        database = self._open()
        try:
            if database is not None:
                database.execute("BEGIN")
            yield
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None
        finally:
            if database is not None and database.in_transaction:
                database.execute("COMMIT")

    def close(self) -> None:
        """Let the file go."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _trouble(self, fault: sqlite3.Error) -> Exception:
        return self._layout.trouble(self._folder, fault, reading=True)

    def _rows(self, statement: str, *values: object) -> list[Any]:
        database = self._open()
        try:
            return [] if database is None else database.execute(statement, values).fetchall()
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None

    def _open(self) -> sqlite3.Connection | None:
        """The database, opened as soon as there is one that was made to the end."""
        path = self._folder / self._layout.FILE
        if self._database is not None or not path.exists():
            return self._database
        try:
            database = connect_to_read(path)
            try:
                if self._layout.has_schema(database):
                    self._layout.refuse_newer(database, self._folder)
                    self._database = database
            finally:
                if self._database is None:
                    database.close()
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None
        return self._database
