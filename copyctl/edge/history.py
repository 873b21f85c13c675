"""The history: what the broker said when it was asked about the past, beside the journal.

It is derived from nothing: a day's books are gone tomorrow. It has a file of its own, since only a run writes the
journal, and a backfill goes on beside a run.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from copyctl.edge import history_file
from copyctl.edge.journal_backup import FOLDER
from copyctl.edge.journal_body import encoded
from copyctl.edge.journal_file import cannot_write, make_folder
from copyctl.edge.read_only import ReadOnly
from copyctl.model.history import Days, Kept, PastTrade, Progress
from copyctl.model.order import ExecutionReport

TRADES: Final = "trades"
ORDERS: Final = "orders"
NEW: Final = "new"
CHANGED: Final = "changed"

_AT_ONCE: Final = 500
_FIND: Final = "SELECT body FROM {table} WHERE account = ? AND key = ? AND order_id = ?"
_PUT: Final = "INSERT OR REPLACE INTO {table} (account, key, order_id, body) VALUES (?, ?, ?, ?)"
_READ: Final = "SELECT seq, account, key, body FROM {table} WHERE seq > ? ORDER BY seq LIMIT ?"
_TRADE: Final = msgspec.json.Decoder(PastTrade)
_ORDER: Final = msgspec.json.Decoder(ExecutionReport)

Row = tuple[int, str, str, bytes]
"""Number, account, key (``PastTrade.key``; of an order its id and leg), and the JSON of the struct."""


class History:
    """The history as a backfill has it. Several may keep rows at once, each waiting for the other's page.

    Raises StoreRefused where a newer version wrote the file; this and every method raise StoreUnusable, with the mend,
    where it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder
        try:
            self._database = history_file.connect(folder)
        except OSError as fault:
            raise cannot_write(folder, fault.strerror) from None
        except sqlite3.Error as fault:
            raise history_file.trouble(folder, fault) from None

    def keep(
        self,
        *,
        trades: Sequence[PastTrade] = (),
        orders: Sequence[ExecutionReport] = (),
        progress: Progress | None = None,
    ) -> Kept:
        """Keep a page, and how far one has come with it, in one durable transaction. What says nothing new is not
        written; a trade keeps what an earlier telling alone said of it; of an order the newer look counts."""
        with self._turn():
            news = [*map(self._keep_trade, trades), *map(self._keep_order, orders)]
            if progress is not None:
                self._database.execute(
                    "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?, 0)",
                    (
                        progress.account,
                        progress.days.first.isoformat(),
                        progress.days.last.isoformat(),
                        progress.next_page,
                        progress.finished,
                        progress.at,
                    ),
                )
        return Kept(new=news.count(NEW), changed=news.count(CHANGED))

    def progress(self, account: str, since: int) -> list[Progress]:
        """How far an account was read, where that was not before a moment (ns)."""
        statement = (
            "SELECT first_day, last_day, next_page, finished, at FROM progress"
            " WHERE account = ? AND at >= ? AND NOT complete"
        )
        with self._readable():
            return [
                Progress(
                    account=account,
                    days=Days(first=date.fromisoformat(first), last=date.fromisoformat(last)),
                    next_page=next_page,
                    finished=bool(finished),
                    at=at,
                )
                for first, last, next_page, finished, at in self._database.execute(statement, (account, since))
            ]

    def complete(self, account: str, stretches: Sequence[Days]) -> None:
        """All that was wanted of these days is there: that is known from now on, and whoever asks again has them read
        anew."""
        statement = "UPDATE progress SET complete = 1 WHERE account = ? AND first_day = ? AND last_day = ?"
        with self._turn():
            for one in stretches:
                self._database.execute(statement, (account, one.first.isoformat(), one.last.isoformat()))

    def back_up(self) -> Path:
        """Have a sound copy of it among the store's backups, in place of the last one; where it is."""
        place = self._folder / FOLDER / history_file.FILE
        fresh = place.with_name(f"{place.name}.{os.getpid()}.part")
        with self._readable():
            try:
                place.parent.mkdir(mode=0o700, exist_ok=True)
                fresh.unlink(missing_ok=True)
                os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self._database.execute("VACUUM INTO ?", (str(fresh),))  # which takes an empty file
                os.replace(fresh, place)
            except OSError as fault:
                raise cannot_write(self._folder, fault.strerror) from None
        return place

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def _keep_trade(self, one: PastTrade) -> str:
        found = self._body(TRADES, one.account, one.key, one.order_id)
        older = None if found is None else _TRADE.decode(found)
        whole = one if older is None else one.completed(older)
        return "" if whole == older else self._put(TRADES, one.key, whole, known=older is not None)

    def _keep_order(self, one: ExecutionReport) -> str:
        """What the market does meanwhile makes it no other order."""
        key = _order_key(one)
        found = self._body(ORDERS, one.account, key, one.order_id)
        if found is not None:
            older = _ORDER.decode(found)
            as_then = msgspec.structs.replace(one, as_of=older.as_of, last_price=older.last_price)
            if as_then == older or one.as_of < older.as_of:
                return ""
        return self._put(ORDERS, key, one, known=found is not None)

    def _put(self, table: str, key: str, one: PastTrade | ExecutionReport, *, known: bool) -> str:
        self._database.execute(_PUT.format(table=table), (one.account, key, one.order_id, encoded(one)))
        return CHANGED if known else NEW

    def _body(self, table: str, account: str, key: str, order_id: str) -> bytes | None:
        row = self._database.execute(_FIND.format(table=table), (account, key, order_id)).fetchone()
        found: bytes | None = row[0] if row is not None else None
        return found

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """All of it or nothing, one at a time."""
        with self._readable():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            raise history_file.trouble(self._folder, fault) from None
        except ValueError as fault:
            raise history_file.cannot_use(self._folder, f"a row is damaged ({fault})") from None


class HistoryReader(ReadOnly):
    """A history, read only.

    A row that came to say more has a new number, and its old one is gone: whoever took all rows up to a number, and
    replaces by account, key and ``order_id``, has all when he takes those beyond it. Where ``identity`` has changed it
    is another file, whose numbers begin anew.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, history_file)

    @property
    def identity(self) -> str:
        """What tells this file from every other; "" where there is none."""
        return self.meta("identity") or ""

    def trades(self, after: int = 0) -> Iterator[Row]:
        """The trades with a number beyond ``after``, in order: JSON of ``PastTrade``."""
        return self._after(TRADES, after)

    def orders(self, after: int = 0) -> Iterator[Row]:
        """The orders with a number beyond ``after``, in order: JSON of ``ExecutionReport``."""
        return self._after(ORDERS, after)

    def was_read(self, account: str, day: date) -> bool:
        """Was the history of this day read to its end? Then what is not there was not told."""
        statement = "SELECT 1 FROM progress WHERE account = ? AND complete AND ? BETWEEN first_day AND last_day"
        return bool(self._rows(statement, account, day.isoformat()))

    def _after(self, table: str, after: int) -> Iterator[Row]:
        """Some hundreds at a time, so that a slow reader holds nobody up."""
        while rows := self._rows(_READ.format(table=table), after, _AT_ONCE):
            yield from rows
            after = rows[-1][0]


def _order_key(one: ExecutionReport) -> str:
    """A leg may have the id of its entry."""
    return f"{one.order_id}:{one.leg}"
