"""Reading a journal beside its writer: for everything that looks and changes nothing."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from copyctl.edge import journal_file
from copyctl.edge.journal_body import read_records
from copyctl.edge.journal_commands import waiting_commands
from copyctl.edge.read_only import ReadOnly
from copyctl.model.effects import Notice
from copyctl.model.journal import Command
from copyctl.model.records import TABLES, Record

_NOTICE: Final = msgspec.json.Decoder(Notice)
_AT_ONCE: Final = 500
_LOADED: Final = "SELECT body FROM events WHERE kind = 'PolicyLoaded' AND NOT set_aside ORDER BY seq DESC"
_IN_FORCE: Final = (
    "SELECT body FROM notices WHERE event = 'state' AND instr(body, '\"policy\":') ORDER BY seq DESC LIMIT 1"
)


class Place(NamedTuple):
    """An event's number and its hash: together they tell that a journal is still the one that was read so far."""

    seq: int = 0
    hash: str = ""


class RulesKept(msgspec.Struct, frozen=True, kw_only=True):
    """Rules as the journal keeps them: from when on they were in force, their ``document`` (JSON, without secrets), and
    its ``digest``."""

    at: int
    digest: str
    document: str


_RULES: Final = msgspec.json.Decoder(RulesKept)


class JournalReader(ReadOnly):
    """A journal, read only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, journal_file)

    @property
    def running(self) -> bool:
        """Does a run hold the store now?"""
        return journal_file.is_locked(self._folder)

    def records(self, *, past: bool = False) -> Mapping[str, Sequence[Record]]:
        """The newest of every record; with ``past`` those that a run has dropped from its state as well."""
        database = self._open()
        if database is None:
            return {name: [] for name in TABLES}
        try:
            return read_records(database, past=past)
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None
        except ValueError as fault:
            raise journal_file.cannot_use(self._folder, fault) from None

    def records_since(self, turn: int) -> Iterator[tuple[int, str, str, bytes]]:
        """Every record that was written, or dropped by a run, in a later turn: turn, table, key and body (JSON), the
        past first. One of the past may be there in a newer form. A store that no run of this version has opened yet
        does not know turns: there every record is told, of turn -1."""
        database = self._open()
        if database is None:
            return
        turns = "turn" if journal_file.has_column(database, "past", "turn") else "-1"
        for table in ("past", "records"):
            told = f"SELECT {turns} AS told, tbl, key, body FROM {table}"  # noqa: S608  words of ours
            try:
                yield from database.execute(f"SELECT * FROM ({told}) WHERE told > ? OR told < 0", (turn,))  # noqa: S608
            except sqlite3.Error as fault:
                raise self._trouble(fault) from None

    def newest_turn(self) -> int:
        """The last turn that a record of now was written in; 0 where turns are not known."""
        database = self._open()
        if database is None or not journal_file.has_column(database, "records", "turn"):
            return 0
        return int(self._rows("SELECT coalesce(max(turn), 0) FROM records")[0][0])

    def bodies(self, table: str) -> Iterator[bytes]:
        """Every record of one table as it is now, JSON."""
        return (body for (body,) in self._rows("SELECT body FROM records WHERE tbl = ?", table))

    def lines_since(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """The notices after one of them as they are kept, oldest first: number and JSON."""
        yield from self._rows("SELECT seq, body FROM notices WHERE seq > ? ORDER BY seq", seq)

    def notices(self, after: int = 0, since: int = 0) -> Iterator[tuple[int, Notice]]:
        """The lines of what happened, by number, after one of them and not before a moment (ns).

        They are read some hundreds at a time, so that a slow listener holds nobody up.
        """
        statement = "SELECT seq, body FROM notices WHERE seq > ? AND at >= ? ORDER BY seq LIMIT ?"
        while rows := self._rows(statement, after, since, _AT_ONCE):
            for seq, body in rows:
                yield seq, self._notice(body)
            after = rows[-1][0]

    def newest_line(self) -> int:
        """The number of the last line; 0 where there is none."""
        rows = self._rows("SELECT coalesce(max(seq), 0) FROM notices")
        return int(rows[0][0]) if rows else 0

    def lines_with(self, text: str, most: int) -> list[Notice]:
        """The newest lines, so many at most, that hold a text as they are kept (JSON), newest first. Slow: it looks
        from the end backwards."""
        statement = "SELECT body FROM notices WHERE instr(body, ?) ORDER BY seq DESC LIMIT ?"
        return [self._notice(body) for (body,) in self._rows(statement, text, most)]

    def newest(self) -> Place:
        """Where the newest event stands; the beginning where there is none."""
        return self._place("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")

    def place(self, seq: int) -> Place:
        """Where an event stands; the beginning where there is no such event."""
        return self._place("SELECT seq, hash FROM events WHERE seq = ?", seq)

    def _place(self, statement: str, *values: object) -> Place:
        rows = self._rows(statement, *values)
        return Place(rows[0][0], (rows[0][1] or b"").hex()) if rows else Place()

    def events(self, after: int = 0) -> Iterator[tuple[int, int, str, str, bytes]]:
        """Every event ``after`` a number that was not set aside, oldest first: its number, its moment (ns), kind,
        account and body."""
        statement = (
            "SELECT seq, at, kind, account, body FROM events WHERE seq > ? AND NOT set_aside ORDER BY seq LIMIT ?"
        )
        while rows := self._rows(statement, after, _AT_ONCE):
            yield from rows
            after = rows[-1][0]

    def rules_in_force(self) -> RulesKept | None:
        """The rules that were put in force last; None where none were yet. Slow: it looks from the end backwards."""
        told = self._rows(_IN_FORCE)
        digest = self._notice(told[0][0]).facts["policy"] if told else None
        database = self._open()
        if digest is None or database is None:
            return None
        try:
            for (body,) in database.execute(_LOADED):  # some of them may have been refused
                kept = _RULES.decode(body)
                if kept.digest == digest:
                    return kept
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None
        except ValueError as fault:
            raise journal_file.cannot_use(self._folder, fault) from None
        return None

    def commands(self) -> Sequence[Command]:
        """What people asked for and no run has taken in yet, oldest first."""
        database = self._open()
        try:
            return [] if database is None else waiting_commands(database)
        except sqlite3.Error as fault:
            raise self._trouble(fault) from None

    def answer(self, command_id: int) -> str | None:
        """What a run said to a command: "" where it was done, None where none has taken it in yet."""
        rows = self._rows("SELECT answer FROM commands WHERE id = ? AND taken_at IS NOT NULL", command_id)
        return str(rows[0][0]) if rows else None

    def _notice(self, body: bytes) -> Notice:
        try:
            return _NOTICE.decode(body)
        except (ValueError, TypeError) as fault:
            raise journal_file.cannot_use(self._folder, f"a notice is damaged ({fault})") from None
