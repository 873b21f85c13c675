"""The journal's chain: what makes it show when something that was written is changed or taken away afterwards.

Each row of ``events`` and ``notices`` carries SHA-256 over the hash of the row before it, its own number and content.
What has no order is summed up: the *sum* goes over every record, every record of the past and the last row of
``notices``, and the last event of each turn carries it as its seal. So the end of ``events`` speaks for all that a
run writes. A turn costs a few hashes more, and neither a read nor a page.

The *head* (where both chains end, and the sum) stands in ``meta``: written at the start, when the write-ahead log is
moved, at the end, in a backup, and in the few turns that change records and have no event. It finds what was cut off
at the end.

Found: a changed, removed, inserted or renumbered row; a record that is not as the last turn left it, or was not so
when a later run went on from it; rows cut off up to the newest head, and beyond it where a record or a notice is left
that tells of them.

Not found: events cut off after the newest head that changed and told nothing; commands that nobody has taken in, and
the rest of ``meta``; what was done before the chain began; and who writes the whole chain anew, for no secret is in
it. Against that helps a head that was noted elsewhere.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

HEAD: Final = "head"
RECORDS, PAST, NOTICES, EVENTS = "records", "past", "notices", "events"
_SPACE: Final = 2**256
_NO_NUMBER: Final = 2**62
MOST_IN_A_TURN: Final = 1024
"""Events; the last of a turn carries its seal."""

Row = tuple[object, ...]


class End(NamedTuple):
    """The last row of a chain: its number and its hash, b"" where it has none."""

    seq: int
    hash: bytes


@dataclass(slots=True)
class Ends:
    """Where the chains of a journal end, and what everything beside the events adds up to (modulo 2**256)."""

    events: End
    notices: End
    sum: int

    def chain_events(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of ``events`` (at, kind, account, set aside, body) as they are written; the last one seals what is
        there."""
        last = len(rows) - 1
        sealed = [(*row[:-1], self.seal if place == last else b"", row[-1]) for place, row in enumerate(rows)]
        made, self.events = _chained(EVENTS, self.events, sealed)
        return made

    def chain_notices(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of ``notices`` (all but number and hash) as they are written."""
        before = _worth(self.notices)
        made, self.notices = _chained(NOTICES, self.notices, rows)
        self.sum += _worth(self.notices) - before
        return made

    @property
    def seal(self) -> bytes:
        """The sum, as an event carries it."""
        return (self.sum % _SPACE).to_bytes(32)


def link(before: bytes, row: Row) -> bytes:
    """The hash of a row that follows the one with hash ``before``: over its number and all its columns but the hash,
    the body last."""
    return sha256(before + ascii(row[:-1]).encode("ascii") + b"\n" + as_bytes(row[-1])).digest()


def first(table: str, seq: int) -> bytes:
    """What stands in for the hash before the first row of a chain, so that no other row can be the first."""
    return sha256(f"{table} {seq}".encode("ascii")).digest()


def digest(where: str, table: str, key: str, body: object) -> int:
    """What a record adds to the sum. No name of a table holds a line feed, and no body."""
    told = f"{where}\n{table}\n{key}\n".encode("utf-8", "surrogateescape")
    return int.from_bytes(sha256(told + as_bytes(body)).digest())


def _worth(notices: End) -> int:
    """What the end of ``notices`` adds to the sum."""
    return digest(NOTICES, "", str(notices.seq), notices.hash)


def _chained(table: str, end: End, rows: Iterable[Row]) -> tuple[list[Row], End]:
    seq, before = end
    made = []
    for row in rows:
        seq += 1
        numbered = (seq, *row)
        before = link(before or first(table, seq), numbered)
        made.append((*numbered, before))
    return made, End(seq, before)


def read_head(database: sqlite3.Connection) -> Ends | None:
    """The newest head, None where there is none.

    Raises:
        sqlite3.Error: it cannot be read.
        ValueError: it is no head.
    """
    row = database.execute("SELECT value FROM meta WHERE key = ?", (HEAD,)).fetchone()
    if row is None:
        return None
    try:
        told = json.loads(row[0])
        events, notices = (End(int(told[name][0]), bytes.fromhex(told[name][1])) for name in (EVENTS, NOTICES))
        found = Ends(events, notices, int(told["sum"], 16))
    except (ValueError, KeyError, TypeError, IndexError):
        raise ValueError(f"the head of the chain says {row[0]!r}") from None
    if not all(0 <= end.seq < _NO_NUMBER for end in (events, notices)):
        raise ValueError(f"the head of the chain says {row[0]!r}")
    return found


def write_head(database: sqlite3.Connection, ends: Ends) -> None:
    """Keep the head."""
    told = {name: [end.seq, end.hash.hex()] for name, end in ((EVENTS, ends.events), (NOTICES, ends.notices))}
    text = json.dumps({"at": time.time_ns(), **told, "sum": ends.seal.hex()})
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (HEAD, text))


def read_ends(database: sqlite3.Connection) -> Ends:
    """Where the chains go on: at the last rows, or, where the head knows of later ones, after those: the gap stays to
    be seen. A store that has no chain yet begins one here.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    try:
        head = read_head(database)
    except ValueError:  # whoever spoiled it: the rows tell where they end
        head = None
    events, notices = (last_row(database, table) for table in (EVENTS, NOTICES))
    seal = newest_seal(database, after=head.events.seq if head else 0, last=events.seq)
    if head is None:
        ends = Ends(events, notices, 0)
        ends.sum = int.from_bytes(seal) if seal else total(database, notices)
        return ends
    return Ends(_later(events, head.events), _later(notices, head.notices), int.from_bytes(seal) if seal else head.sum)


def newest_seal(database: sqlite3.Connection, *, after: int, last: int) -> bytes:
    """The seal of the newest turn that wrote an event after this one, b"" for none."""
    row = database.execute(
        "SELECT seal FROM events WHERE seq > ? AND length(seal) > 0 ORDER BY seq DESC LIMIT 1",
        (max(after, last - MOST_IN_A_TURN),),
    ).fetchone()
    return as_bytes(row[0]) if row else b""


def _later(row: End, head: End) -> End:
    """The later of the two; a row that somebody else has put there gives no hash to go on from."""
    if row.seq < head.seq:
        return head
    return row if row.hash else End(row.seq, head.hash)


def last_row(database: sqlite3.Connection, table: str) -> End:
    """The end of a table as it is."""
    row = database.execute(f"SELECT seq, hash FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608  ours
    return End(row[0], as_bytes(row[1]) if row[1] else b"") if row else End(0, b"")


def total(database: sqlite3.Connection, notices: End) -> int:
    """What the sum is by the tables as they are, where ``notices`` end so. Every record is read."""
    found = _worth(notices)
    for table in (RECORDS, PAST):
        rows = database.execute(f"SELECT tbl, key, body FROM {table}")  # noqa: S608  ours
        found += sum(digest(table, tbl, key, body) for tbl, key, body in rows)
    return found % _SPACE


def as_bytes(body: object) -> bytes:
    """A body; one of another type, which nobody of us writes, never looks like one of ours."""
    return body if isinstance(body, bytes) else b"\x00" + ascii(body).encode("ascii")
