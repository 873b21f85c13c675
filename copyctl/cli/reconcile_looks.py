"""Looks: the accounts of a deployment read once, beside a run that trades, and compared with the store.

Each look is one pass over order book, trade book and positions; the followers' books of super and forever orders are
asked for only where somebody has such orders. What moves between two looks is looked at again before anybody is told.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from copyctl.cli.connections import Connection, connections
from copyctl.cli.credentials import hide_secrets
from copyctl.cli.deployment import Deployment
from copyctl.cli.rehearsing import listed, world
from copyctl.cli.speech import BROKER, leave, note
from copyctl.core.correlation import stem_of
from copyctl.core.hours import ist_day
from copyctl.core.orphans import is_ours_by_form, stems
from copyctl.core.state import State
from copyctl.core.wish import same_order
from copyctl.edge.clock import SystemClock
from copyctl.edge.instruments import InstrumentMaster, MasterSource
from copyctl.edge.logs import mask
from copyctl.engine.books import BookReader, has_special
from copyctl.engine.pace import Pace
from copyctl.lab.caught_up import caught_up
from copyctl.lab.figures import Figures
from copyctl.model.events import BooksRead, BooksUnreadable, Event
from copyctl.model.facts import Lack, Positions, PositionsWanted
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.terms import Book
from copyctl.report.events import LEADER
from copyctl.report.picture import Picture, Records
from copyctl.report.reconcile import MOST_LOOKS, Difference, View, shown, steady
from copyctl.report.reconcile_orders import order_differences
from copyctl.report.reconcile_positions import position_differences
from copyctl.wire.dhan.dialect import Dhan

BETWEEN_SECONDS: Final = 2.0
"""Between two looks: what was on its way is there by then."""
REST_SECONDS: Final = 2.1
TRIES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What accounts differ in. ``moving``: differences that were on their way to something else still; ``unread``:
    whose accounts could not be read, by name, and why; ``orders``: so many of all accounts were compared."""

    found: Sequence[Difference] = ()
    moving: int = 0
    unread: Mapping[str, str] = field(default_factory=dict)
    orders: int = 0
    followers: int = 0


@dataclass(slots=True)
class _Read:
    """One account as it was read once; ``why``: why it could not be."""

    book: BooksRead | None = None
    positions: Positions | None = None
    why: str = ""


class Looks:
    """All accounts of these rules, to be looked at. To be entered; its connections are closed at the end."""

    def __init__(self, rules: Rules, it: Deployment, *, tolerance: int, say: Callable[[str], None]) -> None:
        hide_secrets(rules)
        self._rules = rules
        self._it = it
        self._tolerance = tolerance
        self._say = say
        self._clock = SystemClock()
        self._linked: dict[str, Connection] = {}
        self._paces: dict[str, Pace] = {}
        self._master: InstrumentMaster | MasterSource | None = None
        self._closing = contextlib.AsyncExitStack()
        self._warned: set[str] = set()

    async def __aenter__(self) -> Self:
        try:
            self._linked = connections(self._rules, self._clock)
        except (OSError, ValueError) as trouble:
            leave(BROKER, f"an account of this file cannot be used: {mask(str(trouble))}")
        most = self._rules.rate_limits.other.per_second
        for account, one in self._linked.items():
            self._closing.push_async_callback(one.gateway.close)
            self._paces[account] = Pace(most, self._clock, spent=most // 2)  # a run may have asked just now
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def _warn(self, text: str) -> None:
        """Say it, once."""
        if text not in self._warned:
            self._warned.add(text)
            note(text)

    async def compare(self) -> Compared:
        """Look, and look again where something differs, until it stands."""
        looks: list[list[Difference]] = []
        while True:
            self._say(f"reading {len(self._linked)} accounts{' once more' if looks else ''}")
            compared = await self._look()
            looks.append(list(compared.found))
            stand, moving = steady(looks)
            if not compared.found or (len(looks) > 1 and not moving) or len(looks) == MOST_LOOKS:
                break
            await asyncio.sleep(BETWEEN_SECONDS)
        return Compared(
            found=stand,
            moving=len(moving),
            unread=compared.unread,
            orders=compared.orders,
            followers=compared.followers,
        )

    # --- one look -----------------------------------------------------------------------------------------------------

    async def _look(self) -> Compared:
        leader = self._rules.leader.client_id
        his = await self._read(leader, special=True)
        known = self._it.journal.records()
        special = _has_special_orders(known) or (his.book is not None and _shows_special(his.book))
        followers = [one.client_id for one in self._rules.followers]
        theirs = await asyncio.gather(*(self._read(one, special=special) for one in followers))
        read = dict(zip((leader, *followers), (his, *theirs), strict=True))
        names = {leader: LEADER} | {one.client_id: one.name for one in self._rules.followers}
        unread = {names[account]: one.why for account, one in read.items() if one.why}
        for account, one in read.items():
            if one.book is not None and one.book.special_why:
                self._warn(f"{names[account]}: not compared, for they cannot be read: {mask(one.book.special_why)}")
        running = self._it.journal.running
        records = self._it.journal.records()  # after the books: what they show may be in it by now
        if his.book is None:
            return Compared(unread=unread)
        books = [one.book for one in read.values() if one.book is not None]
        positions = {account: one.positions for account, one in read.items() if one.positions is not None}
        now = await self._caught_up(records, books, positions, begins=not running)
        view = self._view(records, now, books, positions, running=running)
        found = [*order_differences(view), *position_differences(view)]
        return Compared(
            found=found,
            unread=unread,
            orders=sum(len(book.orders) for book in books),
            followers=len(books) - 1,
        )

    def _view(
        self,
        records: Records,
        now: Records,
        books: Sequence[BooksRead],
        positions: Mapping[str, Positions],
        *,
        running: bool,
    ) -> View:
        picture = Picture(now)
        leader = self._rules.leader.client_id
        by_stem: dict[str, Mapping[str, str]] = {}

        def whose(account: str, correlation: str) -> str | None:
            if not is_ours_by_form(correlation):
                return None
            if account not in by_stem:
                rows = (*picture.leads, *(row for row, follower in picture.copies if follower == account))
                by_stem[account] = stems(leader, account, rows)
            return by_stem[account].get(stem_of(correlation), "")

        return View(
            leader=leader,
            names={one.client_id: one.name for one in self._rules.followers},
            store=Picture(records),
            now=picture,
            shown={book.account: shown(book, positions.get(book.account), picture) for book in books},
            same=same_order,
            whose=whose,
            at=time.time_ns(),
            tolerance=self._tolerance,
            empty=not self._it.journal.exists,
            running=running,
        )

    async def _caught_up(
        self, records: Records, books: Sequence[BooksRead], positions: Mapping[str, Positions], *, begins: bool
    ) -> Records:
        figures = Figures()
        figures.learn(one for table in ("quote", "funds") for one in records.get(table, ()))
        today = ist_day(time.time_ns())
        if self._master is None:
            self._master = await self._instruments(records, books)
        about = world(self._rules, today, figures, master=self._master)
        return caught_up(records, self._rules, books, positions, about, now=self._clock.now(), begins=begins)

    async def _instruments(
        self, records: Records, books: Sequence[BooksRead]
    ) -> "InstrumentMaster | MasterSource | None":
        """The list at hand; where an order names something that neither it nor the store knows, one that is fetched."""
        picture = Picture(records)
        wanted = {(one.segment, one.security_id) for book in books for one in book.orders}
        lacking = [(segment, name) for segment, name in wanted if segment and name]
        lacking = [one for one in lacking if picture.instrument(*one) is None]
        if not lacking:
            return InstrumentMaster()
        path = InstrumentMaster.at_hand(self._rules.broker.instruments, self._it.folder)
        kept = InstrumentMaster.load_file(path, today=ist_day(time.time_ns())) if path is not None else None
        if kept is not None and kept.known and all(kept.find(*one) is not None for one in lacking):
            return kept
        return await self._closing.enter_async_context(listed(self._rules))

    # --- one account --------------------------------------------------------------------------------------------------

    async def _read(self, account: str, *, special: bool) -> _Read:
        read = _Read()
        for _ in range(TRIES):
            said = await self._books(account, special=special)
            if isinstance(said, BooksRead):
                read.book = said
                break
            read.why = mask(said.why)
            if said.refused:
                return read
        if read.book is None:
            return read
        positions = await self._positions(account)
        if isinstance(positions, str):
            return _Read(why=positions)
        return _Read(book=read.book, positions=positions)

    async def _books(self, account: str, *, special: bool) -> BooksRead | BooksUnreadable:
        heard: list[Event] = []
        nothing = State()
        reader = BookReader(
            account,
            gateway=self._linked[account].gateway,
            wire=Dhan(),
            clock=self._clock,
            pace=self._paces[account],
            state=lambda: nothing,
            post=heard.append,
            special=has_special(self._rules, account, dry=False),
        )
        await reader.read(special=special)
        said = heard[-1]
        if not isinstance(said, BooksRead | BooksUnreadable):
            raise TypeError(f"a reader of books said {type(said).__name__}")
        return said

    async def _positions(self, account: str) -> Positions | str:
        """What an account holds, or why that cannot be read."""
        wire, pace, gateway = Dhan(), self._paces[account], self._linked[account].gateway
        wanted = PositionsWanted(account=account)
        why = ""
        for turn in range(TRIES):
            if turn:
                await asyncio.sleep(REST_SECONDS)
            asked_at = self._clock.now()
            said = []
            for call in wire.calls_for(wanted):
                await pace.room()
                pace.leaves()
                try:
                    said.append(await gateway.send(call))
                finally:
                    pace.ended()
            reading = wire.read_fact(wanted, said, asked_at)
            if isinstance(reading.fact, Positions):
                return reading.fact
            why = mask(reading.why)
            if reading.lack is not Lack.THROTTLED:
                break
        return why or "its positions cannot be read"


def _has_special_orders(records: Records) -> bool:
    """Does the store know of super or forever orders that may trade, the leader's or a follower's?"""
    copies = (one for one in records["copy"] if isinstance(one, Copy))
    if any(slot.live and slot.book is not Book.DAY for copy in copies for slot in copy.slots):
        return True
    orders = (one for one in records["order"] if isinstance(one, Order))
    return any((one.forever or one.super_order) and not one.over for one in orders)


def _shows_special(book: BooksRead) -> bool:
    return bool(book.armed) or any(one.super_order for one in book.orders)
