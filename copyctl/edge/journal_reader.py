"""Reading a journal beside its writer: for everything that looks and changes nothing."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from copyctl.edge.journal import BUSY_SECONDS, FILE, LOCK, StoreUnusable, read_records
from copyctl.model.effects import Notice
from copyctl.model.records import TABLES, Record

_NOTICE = msgspec.json.Decoder(Notice)


class JournalReader:
    """A journal, read only. A store that does not exist yet is empty, not an error.

    Raises:
        StoreUnusable: the file is there and cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.exists = (folder / FILE).exists()
        self._database: sqlite3.Connection | None = None
        if self.exists:
            try:
                address = f"{(folder / FILE).resolve().as_uri()}?mode=ro"
                self._database = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
                self._database.execute("SELECT count(*) FROM meta").fetchone()
            except sqlite3.Error as fault:
                raise StoreUnusable(f"the journal in {folder} cannot be read: {fault}") from None

    @property
    def running(self) -> bool:
        """Does a run hold the store now?"""
        try:
            handle = os.open(self._folder / LOCK, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def meta(self, key: str) -> str | None:
        """A fact about the store itself."""
        if self._database is None:
            return None
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def records(self, *, past: bool = False) -> Mapping[str, Sequence[Record]]:
        """The newest of every record; with ``past`` those that a run has dropped from its state as well."""
        if self._database is None:
            return {name: [] for name in TABLES}
        found = {name: list(rows) for name, rows in read_records(self._database).items()}
        if past:
            for name, rows in read_records(self._database, "past").items():
                found[name].extend(rows)
        return found

    def notices(self, after: int = 0, since: int = 0) -> Iterator[tuple[int, Notice]]:
        """The lines of what happened, by number, after one of them and not before a moment (ns)."""
        if self._database is None:
            return
        rows = self._database.execute(
            "SELECT seq, body FROM notices WHERE seq > ? AND at >= ? ORDER BY seq", (after, since)
        )
        for seq, body in rows:
            yield seq, _NOTICE.decode(body)

    def close(self) -> None:
        """Let the file go."""
        if self._database is not None:
            self._database.close()
