"""Backfill: in which order the broker is asked about the past of an account, how fast, and how patiently.

The day's books first: they are gone tomorrow. Then the trade history, in stretches of days and page by page. Each page
is kept with how far one has come, so that whoever is interrupted goes on from there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Protocol, TypeVar

from copyctl.engine.pace import SECOND, WINDOW, Pace
from copyctl.engine.ports import Clock, Gateway
from copyctl.model.deployment import RateLimits, Retries
from copyctl.model.history import Days, Kept, PastTrade, Progress
from copyctl.model.order import ExecutionReport
from copyctl.model.reading import BookReading, PastReading
from copyctl.model.request import Answer, Call

LONGEST_DAYS: Final = 30
"""Days that are asked about at once: how many the broker takes is told nowhere (Dhan API v2, trade history)."""

MOST_PAGES: Final = 10_000
"""Pages of one stretch. A broker that has more never comes to an end."""

MOST_RESTS: Final = 8
"""So often in a row the broker may say that it is asked too much; the rests between come to some minutes."""

TRUSTED_FOR: Final = 24 * 3600 * SECOND
"""Progress that is older is none: charges may have come since, and late trades."""


class PastWire(Protocol):
    """The broker's dialect, of the past."""

    def orders_call(self) -> Call:
        """Read the day's order book."""
        ...

    def trades_call(self) -> Call:
        """Read the day's trade book."""
        ...

    def history_call(self, first: date, last: date, page: int) -> Call:
        """Read a page, from 0, of the trade history."""
        ...

    def read_orders(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``orders_call``. Never raises."""
        ...

    def read_past(self, answer: Answer, account: str) -> PastReading:
        """The answer to either of the others. Never raises."""
        ...


class PastStore(Protocol):
    """Where what was said is kept."""

    def keep(
        self,
        *,
        trades: Sequence[PastTrade] = (),
        orders: Sequence[ExecutionReport] = (),
        progress: Progress | None = None,
    ) -> Kept:
        """Keep all of it durably, or nothing."""
        ...

    def progress(self, account: str, since: int) -> Sequence[Progress]:
        """How far an account was read, where that was not before a moment."""
        ...

    def complete(self, account: str, stretches: Sequence[Days]) -> None:
        """These days of an account are there; next time they are read anew."""
        ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one account so far.

    ``orders``, ``trades``: so many different ones were read; ``new``, ``changed``: so many rows of the store are new,
    or say more than they did; ``unreadable``: rows that hold what could not be read. ``why`` it ended early, "" where
    it did not, ``refused``: for its token or address; ``goes_on``: the day from which it then goes on.
    """

    orders: int = 0
    new: int = 0
    changed: int = 0
    unreadable: int = 0
    why: str = ""
    refused: bool = False
    goes_on: date | None = None
    seen: set[tuple[str, str]] = field(default_factory=set)

    @property
    def trades(self) -> int:
        """Different trades that were read."""
        return len(self.seen)


_Reading = TypeVar("_Reading", BookReading, PastReading)


class _Ended(Exception):
    """The broker does not answer; the text says how. ``refused``: it does not know the token or the address."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class Backfill:
    """One account's past. ``another_token``: is there another one than it was asked with? (A run may have renewed it.)
    ``says`` is told what goes on, ``advance`` that the books, or one more stretch of days, are done with."""

    def __init__(
        self,
        account: str,
        *,
        gateway: Gateway,
        wire: PastWire,
        store: PastStore,
        clock: Clock,
        pace: Pace,
        retries: Retries,
        another_token: Callable[[], bool],
        says: Callable[[str], None],
        advance: Callable[[], None],
    ) -> None:
        self.tally = Tally()
        self._account = account
        self._gateway = gateway
        self._wire = wire
        self._store = store
        self._clock = clock
        self._pace = pace
        self._retries = retries
        self._another_token = another_token
        self._says = says
        self._advance = advance

    async def run(self, stretches: Sequence[Days], *, today: date | None) -> Tally:
        """Read the books of ``today``, where that is wanted, and the history of all stretches. What was kept is kept,
        whatever happens."""
        self.tally.goes_on = today
        try:
            if today is not None:
                await self._read_books()
                self._advance()
            known = self._known_progress()
            for one in stretches:
                self.tally.goes_on = one.first
                await self._read_stretch(one, known.get(one))
                self._advance()
        except _Ended as end:
            self.tally.why, self.tally.refused = str(end), end.refused
            return self.tally
        self._store.complete(self._account, stretches)
        self.tally.goes_on = None
        return self.tally

    def _known_progress(self) -> dict[Days, Progress]:
        since = self._clock.now() - TRUSTED_FOR
        return {one.days: one for one in self._store.progress(self._account, since)}

    async def _read_books(self) -> None:
        asked_at = self._clock.now()
        book, _ = await self._ask(
            self._wire.orders_call(), lambda answer: self._wire.read_orders(answer, self._account, asked_at)
        )
        self._count(self._store.keep(orders=book.orders))
        self.tally.orders += len(book.orders)
        self.tally.unreadable += book.bad_rows
        trades, _ = await self._ask(self._wire.trades_call(), self._read_past)
        self._take_in(trades)

    async def _read_stretch(self, days: Days, known: Progress | None) -> None:
        """Read the pages of these days to the first empty one.

        Trades that come late push the others to later pages, so that one may be read twice. Where that happened while
        nobody read, page 0 shows it, and all are read anew.
        """
        if known is not None and known.finished:
            return
        page, before = 0, b""
        while page < MOST_PAGES:
            self._says(f"{days.first} to {days.last}, page {page}")
            reading, raw = await self._ask(self._wire.history_call(days.first, days.last, page), self._read_past)
            finished = reading.rows == 0 or raw == before  # who tells one page again and again has no others
            kept = self._take_in(reading, self._progress(days, page + 1, finished=finished))
            if finished:
                return
            page, before = page + 1, raw
            if page == 1 and known is not None and not (kept.new or kept.changed):
                page = max(page, known.next_page)
                self._store.keep(progress=self._progress(days, page, finished=False))
        raise _Ended(f"the history of {days.first} to {days.last} has more than {MOST_PAGES} pages")

    def _progress(self, days: Days, next_page: int, *, finished: bool) -> Progress:
        return Progress(account=self._account, days=days, next_page=next_page, finished=finished, at=self._clock.now())

    def _take_in(self, reading: PastReading, progress: Progress | None = None) -> Kept:
        kept = self._store.keep(trades=reading.trades, progress=progress)
        self._count(kept)
        self.tally.seen.update((one.key, one.order_id) for one in reading.trades)
        self.tally.unreadable += reading.bad_rows
        return kept

    def _count(self, kept: Kept) -> None:
        self.tally.new += kept.new
        self.tally.changed += kept.changed

    def _read_past(self, answer: Answer) -> PastReading:
        return self._wire.read_past(answer, self._account)

    async def _ask(self, call: Call, read: Callable[[Answer], _Reading]) -> tuple[_Reading, bytes]:
        """What the broker says, and in which bytes.

        Raises:
            _Ended: it does not say it, however patiently it is asked.
        """
        tries = rests = 0
        wait = self._retries.initial
        while True:
            reading, raw = await self._ask_once(call, read)
            if not reading.why:
                self._pace.speed_up()
                return reading, raw
            if reading.throttled and rests < MOST_RESTS:
                rests += 1
                self._pace.slow_down()
                self._says(f"resting: {reading.why}")
                continue
            tries += 1
            if reading.throttled or tries >= self._retries.attempts:
                raise _Ended(reading.why, refused=reading.refused)
            await asyncio.sleep(wait / SECOND)
            if reading.refused and not self._another_token():
                raise _Ended(reading.why, refused=True)
            self._says(f"trying again: {reading.why}")
            wait = min(wait * 2, self._retries.maximum)

    async def _ask_once(self, call: Call, read: Callable[[Answer], _Reading]) -> tuple[_Reading, bytes]:
        await self._pace.room()
        self._pace.leaves()
        try:
            answer = await self._gateway.send(call)
        finally:
            self._pace.ended()
        return read(answer), answer.body


def stretches(first: date, last: date) -> Iterator[Days]:
    """These days, both included, in stretches that the broker may be asked about at once; none where they are none."""
    while first <= last:
        end = min(last, first + timedelta(days=LONGEST_DAYS - 1))
        yield Days(first=first, last=end)
        first = end + timedelta(days=1)


def half_pace(limits: RateLimits, clock: Clock) -> Pace:
    """At most half of what an account may ask of its history, and of its books: a run may go on beside it."""
    allowed = min(limits.data.per_second, limits.other.per_second)
    if allowed == 1:
        return Pace(1, clock, spent=1, window=2 * WINDOW)
    return Pace(allowed // 2, clock)
