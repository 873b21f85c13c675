"""Reading books: one read of an account at a time, however many ask; what did not change is left out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from copyctl.core.keys import fill_key, order_key
from copyctl.core.state import State
from copyctl.engine.pace import Pace
from copyctl.engine.ports import Clock, Gateway, Wire
from copyctl.model.choices import Environment
from copyctl.model.events import BooksRead, BooksUnreadable, Event, Looked
from copyctl.model.order import ExecutionReport, Order
from copyctl.model.policy import Rules
from copyctl.model.reading import BookReading
from copyctl.model.request import Answer, Call
from copyctl.model.terms import Book

LEAST_SECONDS_BETWEEN = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Special:
    """What the special books said, in the words of ``BooksRead``."""

    orders: tuple[ExecutionReport, ...] = ()
    armed: tuple[str, ...] | None = None
    super_read: bool = False
    why: str = ""


class BookReader:
    """The order and trade books of one account, read when asked, never twice at once; and, where that is asked for,
    its special books with them: super and forever orders. ``special``: does its broker have these?

    A wish to read that comes while a read is on its way is met by one more read after it: what was asked for later
    must be answered by a book that was read later.
    """

    def __init__(
        self,
        account: str,
        *,
        gateway: Gateway,
        wire: Wire,
        clock: Clock,
        pace: Pace,
        state: Callable[[], State],
        post: Callable[[Event], None],
        special: bool = True,
    ) -> None:
        self.account = account
        self.read_at = 0
        self._gateway = gateway
        self._wire = wire
        self._clock = clock
        self._pace = pace
        self._has_special = special
        self._special_owed = False
        self._failed = False
        self._looking: set[str] = set()
        self._state = state
        self._post = post
        self._wanted = asyncio.Event()

    def want(self, *, special: bool = False) -> None:
        """Have the books read soon, with ``special`` the special ones as well."""
        self._special_owed |= special
        self._wanted.set()

    def owe_special(self) -> None:
        """Read the special books as well when the books are read next."""
        self._special_owed = True

    async def run(self) -> None:
        """Read for ever, whenever it is wanted."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.read()
            await asyncio.sleep(LEAST_SECONDS_BETWEEN)

    async def read(self, *, special: bool = False) -> bool:
        """Read the books once and post what they say. False where orders or trades could not be read: then they are
        tried without the special ones, which are read once they could. One of these that cannot be read itself is told
        of, and no more."""
        wanted = (special or self._special_owed) and self._has_special
        special, self._special_owed = wanted and not self._failed, False
        self.read_at = self._clock.now()
        await self._room()
        asked_at = self.read_at = self._clock.now()
        orders_answer, trades_answer, *said = await asyncio.gather(
            self._ask(self._wire.orders_call()),
            self._ask(self._wire.trades_call()),
            *(self._ask(self._special_call(book)) for book in (SPECIAL if special else ())),
        )
        orders = self._wire.read_orders(orders_answer, self.account, asked_at)
        trades = self._wire.read_trades(trades_answer, self.account, asked_at)
        others = {book: self._read_special(book, one, asked_at) for book, one in zip(SPECIAL, said, strict=False)}
        self._learn(orders, trades, *others.values())
        at = self._clock.now()
        self._failed = bool(orders.why or trades.why)
        if self._failed:
            self._special_owed |= wanted
            why, refused = orders.why or trades.why, orders.refused or trades.refused
            self._post(BooksUnreadable(at=at, account=self.account, why=why, refused=refused))
            return False
        if wanted and not special:
            self.want(special=True)
        known = self._state().tables["fill"]
        fills = tuple(fill for fill in trades.fills if fill_key(fill) not in known)
        told = _told(others)
        self._post(
            BooksRead(
                at=at,
                account=self.account,
                asked_at=asked_at,
                orders=self._news((*told.orders, *orders.orders)),
                fills=fills,
                armed=told.armed,
                super_read=told.super_read,
                special_why=told.why,
                date=orders_answer.date,
            )
        )
        return True

    async def look(self, request_id: str, correlation_id: str) -> None:
        """Look for one order by its correlation id and in the order book, and post what was found. While a look for it
        waits for room another one is the same."""
        if request_id in self._looking:
            return
        self._looking.add(request_id)
        await self._room()
        self._looking.discard(request_id)
        asked_at = self._clock.now()
        call: Call = self._wire.lookup_call(correlation_id)
        by_id, book = await asyncio.gather(self._ask(call), self._ask(self._wire.orders_call()))
        found = self._wire.read_orders(by_id, self.account, asked_at)
        listed = self._wire.read_orders(book, self.account, asked_at)
        self._learn(found, listed)
        self._post(
            Looked(
                at=self._clock.now(),
                request_id=request_id,
                account=self.account,
                asked_at=asked_at,
                readable=not (found.why or listed.why or found.bad_rows or listed.bad_rows),
                reports=(*found.orders, *self._news(listed.orders)),
            )
        )

    def _special_call(self, book: Book) -> Call:
        return self._wire.super_call() if book is Book.SUPER else self._wire.forever_call()

    def _read_special(self, book: Book, answer: Answer, asked_at: int) -> BookReading:
        read = self._wire.read_super if book is Book.SUPER else self._wire.read_forever
        return read(answer, self.account, asked_at)

    async def _room(self) -> None:
        """Until a book may be asked for. Half of what the account may ask is left to the questions of orders that wait
        for a figure."""
        await self._pace.room(spare=self._pace.per_second // 2)

    async def _ask(self, call: Call) -> Answer:
        await self._room()
        self._pace.leaves()
        try:
            return await self._gateway.send(call)
        finally:
            self._pace.ended()

    def _learn(self, *readings: BookReading) -> None:
        """Were these too many questions for the broker?"""
        if any(reading.throttled for reading in readings):
            self._pace.slow_down()
        elif any(not reading.why for reading in readings):
            self._pace.speed_up()

    def _news(self, rows: Sequence[ExecutionReport]) -> tuple[ExecutionReport, ...]:
        """The rows without those that were over when last seen and are the same still."""
        orders = self._state().tables["order"]
        return tuple(row for row in rows if not _is_settled(_known(orders, row), row))


SPECIAL = (Book.SUPER, Book.FOREVER)
"""The special books, in the order in which their rows are told."""


def has_special(rules: Rules, account: str, *, dry: bool) -> bool:
    """Are there books of super and forever orders to read? Dhan's sandbox has none (Dhan API v2, sandbox: 404). Of what
    a dry run pretends nothing stands in a follower's, and what is not there would seem to have ended."""
    return rules.broker.environment is Environment.LIVE and not (dry and account != rules.leader.client_id)


def _known(orders: Mapping[str, object], row: ExecutionReport) -> Order | None:
    """The order of a row as it is kept: a leg may have its entry's id, and is never to be taken for it."""
    for order_id in (row.order_id, f"{row.order_id}:{row.leg}"):
        known = orders.get(order_key(row.account, order_id))
        if isinstance(known, Order) and known.leg is row.leg:
            return known
    return None


def _is_settled(known: Order | None, row: ExecutionReport) -> bool:
    """Was it over when last seen, and is it the same still? What hangs on an entry changes after its end."""
    if known is None or not known.over or known.book_as_of <= 0:
        return False
    hangs_on = known.terms.bracket if known.terms is not None else None
    return (known.status, known.filled) == (row.status, row.filled) and row.bracket in (None, hangs_on)


def _told(others: Mapping[Book, BookReading]) -> _Special:
    """What the special books say together. What is missing in one of which a row could not be read may be there."""
    if not others:
        return _Special()
    doubts = {
        book: one.why or (f"{one.bad_rows} rows cannot be read" if one.bad_rows else "") for book, one in others.items()
    }
    forever = others[Book.FOREVER]
    return _Special(
        orders=tuple(row for one in others.values() for row in one.orders),
        armed=None if doubts[Book.FOREVER] else tuple(row.order_id for row in forever.orders),
        super_read=not doubts[Book.SUPER],
        why="; ".join(f"{book} orders: {why}" for book, why in doubts.items() if why),
    )
