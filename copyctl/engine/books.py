"""Reading books: one read of an account at a time, however many ask; what did not change is left out."""

import asyncio
from collections.abc import Callable, Sequence

from copyctl.core.keys import fill_key, order_key
from copyctl.core.state import State
from copyctl.engine.pace import Pace
from copyctl.engine.ports import Clock, Gateway, Wire
from copyctl.model.events import BooksRead, BooksUnreadable, Event, Looked
from copyctl.model.order import ExecutionReport, Order
from copyctl.model.reading import BookReading
from copyctl.model.request import Answer, Call

LEAST_SECONDS_BETWEEN = 0.2


class BookReader:
    """The order and trade books of one account, read when asked, never twice at once.

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
    ) -> None:
        self.account = account
        self.read_at = 0
        self._gateway = gateway
        self._wire = wire
        self._clock = clock
        self._pace = pace
        self._looking: set[str] = set()
        self._state = state
        self._post = post
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Have the books read soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Read for ever, whenever it is wanted."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.read()
            await asyncio.sleep(LEAST_SECONDS_BETWEEN)

    async def read(self) -> bool:
        """Read both books once and post what they say. False where they could not be read."""
        self.read_at = self._clock.now()
        await self._room()
        asked_at = self.read_at = self._clock.now()
        orders_answer, trades_answer = await asyncio.gather(
            self._ask(self._wire.orders_call()), self._ask(self._wire.trades_call())
        )
        orders = self._wire.read_orders(orders_answer, self.account, asked_at)
        trades = self._wire.read_trades(trades_answer, self.account, asked_at)
        self._learn(orders, trades)
        at = self._clock.now()
        if orders.why or trades.why:
            why, refused = orders.why or trades.why, orders.refused or trades.refused
            self._post(BooksUnreadable(at=at, account=self.account, why=why, refused=refused))
            return False
        known = self._state().tables["fill"]
        fills = tuple(fill for fill in trades.fills if fill_key(fill) not in known)
        self._post(
            BooksRead(
                at=at,
                account=self.account,
                asked_at=asked_at,
                orders=self._news(orders.orders),
                fills=fills,
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
        news = []
        for row in rows:
            known = orders.get(order_key(row.account, row.order_id))
            settled = isinstance(known, Order) and known.over and known.book_as_of > 0
            if not (settled and isinstance(known, Order) and (known.status, known.filled) == (row.status, row.filled)):
                news.append(row)
        return tuple(news)
