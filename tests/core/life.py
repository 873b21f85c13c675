"""A model broker, a leader's day and a network that loses, doubles, delays and reorders, around the real step.

Everything is drawn from one seed. Time stands still while a step is made and jumps to the next thing that happens.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from copyctl.core.state import State
from copyctl.core.step import step
from copyctl.model.effects import Look, ReadBooks
from copyctl.model.events import (
    Answered,
    BooksRead,
    BooksUnreadable,
    Event,
    FrameRead,
    Looked,
    PolicyLoaded,
    Started,
    StreamChanged,
    TimeReached,
)
from copyctl.model.order import ZERO, ExecutionReport, Terms
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy
from copyctl.model.request import Fate, Outcome, Request, RequestKind, RequestState
from copyctl.model.terms import OrderStatus, OrderType, Product, Segment, Side, Source
from tests.core.building import LEADER, SECOND, Desk, terms

MS = SECOND // 1000
LONGEST_HIDDEN = 3 * SECOND
"""How long a placement may stay invisible after its answer was lost: less than ``resilience.settle.absent_for``."""


@dataclass
class Booked:
    """One order at the model broker. ``visible_at``: from when on books and look-ups show it."""

    account: str
    order_id: str
    terms: Terms
    side: Side
    correlation_id: str
    visible_at: int
    changed_at: int
    status: OrderStatus = OrderStatus.TRANSIT
    filled: int = 0
    modifications: int = 0
    created_at: int = 0

    @property
    def open(self) -> bool:
        return not self.status.is_final

    @property
    def exposure(self) -> int:
        return max(self.filled, self.terms.quantity) if self.open else self.filled


@dataclass
class World:
    """One simulated day. ``trouble``: how likely each misfortune is, 0 to 1."""

    seed: int
    policy: dict[str, Any] | None = None
    parts: dict[str, Any] = field(default_factory=dict)
    trouble: float = 0.15
    orders: int = 3
    restarts: bool = True
    hands: bool = False
    calm_seconds: int = 120

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.desk = Desk(self.policy, **self.parts)
        self.book: dict[str, Booked] = {}
        self.happenings: list[tuple[int, int, Callable[[], None]]] = []
        self.counted = 0
        self.life = 0
        self.alive = False
        self.hears: dict[str, bool] = {}
        self.sends: dict[str, list[list[int]]] = {}
        self.certainly_not: dict[str, bool] = {}
        self.most_wanted: dict[str, int] = {}
        self.durable = self._tables()
        self.reading: set[str] = set()
        self.calm = False
        self.refusals_known: tuple[Category, ...] = (Category.MARGIN, Category.PRICE_BAND, Category.UNKNOWN)

    # --- time -----------------------------------------------------------------------------------------------------

    def later(self, delay: int, what: Callable[[], None]) -> None:
        self.counted += 1
        heapq.heappush(self.happenings, (self.desk.now + max(1, delay), self.counted, what))

    def in_this_life(self, delay: int, what: Callable[[], None]) -> None:
        """What reaches the process only if it has not died meanwhile."""
        life = self.life
        self.later(delay, lambda: what() if self.alive and self.life == life else None)

    def unlucky(self, share: float = 1.0) -> bool:
        return not self.calm and self.chance.random() < self.trouble * share

    def run(self, until: int) -> None:
        while True:
            due = self.desk.due_at if self.alive and self.desk.due_at else until + 1
            first = self.happenings[0][0] if self.happenings else until + 1
            if min(due, first) > until:
                self.desk.now = max(self.desk.now, until)
                return
            if due < first:
                self.desk.now = max(self.desk.now + 1, due)
                self.feed(TimeReached(at=self.desk.now))
            else:
                moment, _, what = heapq.heappop(self.happenings)
                self.desk.now = max(self.desk.now, moment)
                what()

    # --- the process ----------------------------------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        if self.chance.random() < 0.02:
            assert step(self.desk.state, event) == step(self.desk.state, event), "a step is not pure"
        self.desk.feed(event)
        sent, effects = self.desk.taken(), self.desk.effects
        self.desk.effects = []
        if sent or effects or self.chance.random() < 0.5:
            self.durable = self._tables()
        for copy in self.copies():
            if copy.wanted is not None:
                key = f"{copy.leader_order_id}/{copy.follower}"
                self.most_wanted[key] = max(self.most_wanted.get(key, 0), copy.wanted.terms.quantity)
        for request in sent:
            self._leaves(request)
        for effect in effects:
            if isinstance(effect, ReadBooks):
                self.read(effect.account)
            elif isinstance(effect, Look):
                self._look(effect)
        self._no_excess()
        if not isinstance(event, PolicyLoaded):  # nothing leaves before the process said that it began
            self._nothing_stuck()

    def _tables(self) -> dict[str, list[Any]]:
        return {name: list(rows.values()) for name, rows in self.desk.state.tables.items()}

    def start(self) -> None:
        self.alive, self.life = True, self.life + 1
        self.reading.clear()
        self.desk.due_at = 0
        now = self.desk.now
        self.feed(PolicyLoaded(at=now, digest="d", document="{}", rules=self.desk.rules))
        self.feed(Started(at=now))
        for account in self.desk.accounts:
            self.connect(account)
            self.read(account)
            self._sweep(account)

    def die(self, *, lose_store: bool = False) -> None:
        """kill -9: what was not written yet is gone, and with ``lose_store`` all of it."""
        self.alive = False
        self.hears = dict.fromkeys(self.hears, False)
        self.desk.state = State() if lose_store else State(self.durable)
        if lose_store:  # what never arrived may be derived, and placed, anew; what was spent is not known
            self.sends.clear()
            arrived = {one.correlation_id for one in self.book.values()}
            self.certainly_not = {name: name not in arrived for name in self.certainly_not}
        self.durable = self._tables()
        self.later(20 * SECOND if lose_store else self.chance.choice((1, SECOND, 20 * SECOND)), self.start)

    def connect(self, account: str) -> None:
        self.hears[account] = True
        self.feed(StreamChanged(at=self.desk.now, account=account, up=True))

    def disconnect(self, account: str) -> None:
        self.hears[account] = False
        self.feed(StreamChanged(at=self.desk.now, account=account, up=False, why="reset"))
        self.in_this_life(self.chance.choice((SECOND, 5 * SECOND, 15 * SECOND)), lambda: self.connect(account))

    def _sweep(self, account: str) -> None:
        self.read(account)
        self.in_this_life(5 * SECOND, lambda: self._sweep(account))

    def copies(self) -> list[Copy]:
        return [one for one in self.desk.state.tables["copy"].values() if isinstance(one, Copy)]

    # --- reading --------------------------------------------------------------------------------------------------

    def report(self, one: Booked, source: Source, as_of: int) -> ExecutionReport:
        silent = source is Source.STREAM and self.chance.random() < 0.3
        return ExecutionReport(
            account=one.account,
            order_id=one.order_id,
            source=source,
            as_of=as_of,
            broker_time=one.changed_at // SECOND * SECOND,
            created_time=one.created_at // SECOND * SECOND,
            status=OrderStatus.PART_TRADED if one.filled and one.open else one.status,
            side=one.side,
            segment=Segment.NSE_FNO,
            security_id="43210",
            product=Product.INTRADAY,
            terms=one.terms,
            filled=one.filled,
            average_price=Decimal(100) if one.filled else ZERO,
            correlation_id="" if silent else one.correlation_id,
            category=Category.MARGIN if one.status is OrderStatus.REJECTED else None,
        )

    def rows(self, account: str, as_of: int) -> tuple[ExecutionReport, ...]:
        now = self.desk.now
        mine = [one for one in self.book.values() if one.account == account and one.visible_at <= now]
        return tuple(self.report(one, Source.BOOK, as_of) for one in mine)

    def read(self, account: str) -> None:
        if account in self.reading:
            return
        self.reading.add(account)
        asked_at = self.desk.now

        def taken() -> None:
            rows, fails = self.rows(account, asked_at), self.unlucky()
            self.in_this_life(self.chance.randrange(50 * MS), lambda: arrived(rows, fails))

        def arrived(rows: tuple[ExecutionReport, ...], fails: bool) -> None:
            self.reading.discard(account)
            if fails:
                self.feed(BooksUnreadable(at=self.desk.now, account=account, why="502"))
            else:
                self.feed(BooksRead(at=self.desk.now, account=account, asked_at=asked_at, orders=rows))

        self.in_this_life(self.chance.randrange(100 * MS), taken)

    def _look(self, look: Look) -> None:
        asked_at = self.desk.now

        def taken() -> None:
            rows, readable = self.rows(look.account, asked_at), not self.unlucky()
            looked = Looked(
                at=0,
                request_id=look.request_id,
                account=look.account,
                asked_at=asked_at,
                readable=readable,
                reports=rows if readable else (),
            )
            delay = self.chance.randrange(100 * MS)
            self.in_this_life(delay, lambda: self.feed(replace(looked, at=self.desk.now)))

        self.in_this_life(self.chance.randrange(100 * MS), taken)

    # --- the broker -----------------------------------------------------------------------------------------------

    def refuses(self, _what: Request | Booked, _kind: RequestKind) -> bool:
        """Does the broker refuse this placement, or a change of this order?"""
        return self.unlucky(0.2)

    def tell(self, one: Booked) -> None:
        """A frame of what an order is now: lost, late, twice, as it happens."""
        one.changed_at = self.desk.now
        for _ in range(2 if self.unlucky() else 1):
            if self.unlucky():
                continue
            frame = self.report(one, Source.STREAM, 0)
            delay = self.chance.randrange(1500 * MS) if self.unlucky(2) else self.chance.randrange(20 * MS)
            self.in_this_life(delay, lambda frame=frame: self._frame(frame))  # type: ignore[misc]

    def _frame(self, frame: ExecutionReport) -> None:
        if self.hears.get(frame.account):
            now = self.desk.now
            self.feed(FrameRead(at=now, account=frame.account, raw=b"", reports=(replace(frame, as_of=now),)))

    def place(self, account: str, wanted: Terms, side: Side, correlation_id: str, *, hidden: int = 0) -> Booked:
        order_id = f"{'L' if account == LEADER else 'F'}{len(self.book) + 1:04}"
        now = self.desk.now
        one = Booked(
            account, order_id, wanted, side, correlation_id, visible_at=now + hidden, changed_at=now, created_at=now
        )
        self.book[order_id] = one
        self.tell(one)
        self.later(self.chance.randrange(1, 400 * MS), lambda: self._accepts(one))
        return one

    def _accepts(self, one: Booked) -> None:
        if one.status is not OrderStatus.TRANSIT:
            return
        one.status = OrderStatus.REJECTED if self.unlucky(0.2) else OrderStatus.PENDING
        if one.open and one.terms.order_type is OrderType.MARKET and self.chance.random() < 0.5:
            one.terms = replace(one.terms, order_type=OrderType.LIMIT, price=Decimal(101))
        self.tell(one)

    def fill(self, one: Booked) -> None:
        if one.status is not OrderStatus.PENDING:
            return
        one.filled += 5 * self.chance.randint(1, (one.terms.quantity - one.filled) // 5)
        if one.filled == one.terms.quantity:
            one.status = OrderStatus.TRADED
        self.tell(one)

    def modify(self, one: Booked, wanted: Terms) -> Category | None:
        if not one.open or wanted.quantity <= one.filled:
            return Category.UNKNOWN
        if one.account != LEADER:
            one.modifications += 1
            assert one.modifications <= 25
            if self.refuses(one, RequestKind.MODIFY):
                return Category.PRICE_BAND
            if self.refuses(one, RequestKind.MODIFY):  # taken, and refused by the exchange later
                return None
        one.terms = wanted
        self.tell(one)
        return None

    def cancel(self, one: Booked) -> Category | None:
        if one.status is OrderStatus.TRANSIT:
            return Category.IN_TRANSIT
        if not one.open:
            return Category.UNKNOWN
        if one.account != LEADER and self.unlucky(0.3):  # taken, and nothing happens
            return None
        one.status = OrderStatus.CANCELLED
        self.tell(one)
        return None

    # --- requests -------------------------------------------------------------------------------------------------

    def _leaves(self, request: Request) -> None:
        self._within_the_rates(request)
        if request.kind is RequestKind.PLACE:
            assert self.certainly_not.get(request.correlation_id, True), "placed twice under one id"
            self.certainly_not[request.correlation_id] = False
        if self.unlucky(0.3):
            fate = self.chance.choice((Fate.NOT_LEFT, Fate.REJECTED))
            self._answer(request, fate, category=Category.THROTTLED, certain=True)
        elif self.unlucky(0.3):
            self._answer(request, Fate.UNKNOWN, delay=self.chance.randrange(SECOND))
            if self.chance.random() < 0.7:
                self.later(self.chance.randrange(LONGEST_HIDDEN // 2), lambda: self._arrives(request, answers=False))
        else:
            self.later(self.chance.randrange(30 * MS), lambda: self._arrives(request, answers=True))

    def _within_the_rates(self, request: Request) -> None:
        """Whenever each request arrives, between leaving and its answer or a second later: no window holds too many."""
        now, limits = self.desk.now, self.desk.rules.rate_limits
        sends = self.sends.setdefault(request.account, [])
        sends.append([now, now + SECOND])
        kept = 0 if request.kind is not RequestKind.PLACE or request.exit else limits.reserve_pct
        for seconds, limit, reserve in (
            (1, limits.orders.per_second, 0),
            (60, limits.orders.per_minute, kept),
            (3600, limits.orders.per_hour, kept),
        ):
            count = sum(latest > now - seconds * SECOND for _, latest in sends)
            assert count <= limit * (100 - reserve) / 100, f"{count} requests in {seconds} s"

    def _heard(self, request: Request) -> None:
        for times in self.sends.get(request.account, []):
            if times == [request.sent_at, request.sent_at + SECOND]:
                times[1] = min(times[1], self.desk.now)
                return

    def _arrives(self, request: Request, *, answers: bool) -> None:
        refused, order_id = None, request.order_id
        if request.kind is RequestKind.PLACE:
            if answers and self.refuses(request, RequestKind.PLACE):
                self.certainly_not[request.correlation_id] = True
                refused = self.chance.choice(self.refusals_known)
            else:
                assert request.desired is not None
                assert request.desired.terms.quantity % 5 == 0
                hidden = 0 if self.calm or self.chance.random() < 0.5 else self.chance.randrange(LONGEST_HIDDEN // 2)
                wanted = request.desired
                one = self.place(request.account, wanted.terms, wanted.side, request.correlation_id, hidden=hidden)
                order_id = one.order_id
        elif request.kind is RequestKind.MODIFY:
            assert request.desired is not None
            refused = self.modify(self.book[request.order_id], request.desired.terms)
        else:
            refused = self.cancel(self.book[request.order_id])
        if not answers:
            return
        if self.unlucky(0.3):
            self._answer(request, Fate.UNKNOWN)
        else:
            fate = Fate.ACKNOWLEDGED if refused is None else Fate.REJECTED
            self._answer(request, fate, order_id=order_id, category=refused)

    def _answer(
        self,
        request: Request,
        fate: Fate,
        *,
        order_id: str = "",
        category: Category | None = None,
        delay: int = 0,
        certain: bool = False,
    ) -> None:
        known = (order_id,) if order_id and fate is Fate.ACKNOWLEDGED else ()

        def arrives() -> None:
            if certain and request.kind is RequestKind.PLACE:
                self.certainly_not[request.correlation_id] = True
            self._heard(request)
            outcome = Outcome(fate=fate, order_ids=known, category=category, text=str(category or ""))
            self.feed(Answered(at=self.desk.now, request_id=request.request_id, outcome=outcome))

        self.in_this_life(delay + self.chance.randrange(40 * MS), arrives)

    # --- the day --------------------------------------------------------------------------------------------------

    def day(self) -> None:
        """The leader trades, things go wrong; then nobody does anything, and every answer comes."""
        self.start()
        for _ in range(self.orders):
            self.later(self.chance.randrange(30 * SECOND), self._leader_places)
        for _ in range(self.chance.randrange(10)):
            self.later(self.chance.randrange(50 * SECOND), self._follower_trades)
        if self.restarts:
            for _ in range(self.chance.randrange(3)):
                self.later(self.chance.randrange(50 * SECOND), lambda: self.die() if self.alive else None)
        for _ in range(self.chance.randrange(3)):
            account = self.chance.choice(self.desk.accounts)
            self.later(
                self.chance.randrange(50 * SECOND),
                lambda account=account: self.disconnect(account) if self.alive else None,  # type: ignore[misc]
            )
        self.run(self.desk.now + 60 * SECOND)
        self.calm = True
        self.run(self.desk.now + self.calm_seconds * SECOND)

    def _leader_places(self) -> None:
        order_type = self.chance.choice(("LIMIT", "LIMIT", "LIMIT", "MARKET", "STOP_LOSS"))
        quantity = self.chance.choice((5, 50, 100, 100, 200))
        wanted = terms(quantity, 100, order_type=order_type, trigger=99 if order_type == "STOP_LOSS" else 0)
        one = self.place(LEADER, wanted, Side.BUY, "")
        moment = 0
        for _ in range(self.chance.randrange(7)):
            moment += self.chance.choice((5 * MS, 100 * MS, SECOND, 8 * SECOND))
            self.later(moment, lambda: self._leader_acts(one))

    def _leader_acts(self, one: Booked) -> None:
        if not one.open:
            return
        what = self.chance.choice(("price", "price", "quantity", "fill", "cancel", "expire"))
        if what == "fill":
            self.fill(one)
        elif what == "cancel":
            self.cancel(one)
        elif what == "expire":
            one.status = OrderStatus.EXPIRED
            self.tell(one)
        elif one.status is not OrderStatus.TRANSIT and one.terms.order_type.has_price:
            price = one.terms.price + (self.chance.choice((1, 2)) if what == "price" else 0)
            trigger = one.terms.trigger_price
            quantity = self.chance.choice((5, 60, 100, 300)) if what == "quantity" else one.terms.quantity
            self.modify(one, replace(one.terms, price=price, trigger_price=trigger, quantity=quantity))

    def _follower_trades(self) -> None:
        theirs = [one for one in self.book.values() if one.account != LEADER and one.open]
        if not theirs:
            return
        one = self.chance.choice(theirs)
        if self.hands and self.chance.random() < 0.4 and one.status is OrderStatus.PENDING:
            one.status = OrderStatus.CANCELLED
            self.tell(one)
        else:
            self.fill(one)

    # --- what must hold -------------------------------------------------------------------------------------------

    def placements(self, copy: Copy) -> list[Booked]:
        """What is at the broker for one leader order and follower, by the ids that only we make."""
        ids = {slot.correlation_id for slot in copy.slots}
        return [one for one in self.book.values() if one.account == copy.follower and one.correlation_id in ids]

    def _nothing_stuck(self) -> None:
        """Whatever waits for time has a time; what waits for a book has it read by the next sweep."""
        timed = [one for one in self.desk.waiting if one.state is not RequestState.SENT]
        if any(one.waits_for != Reason.CHECKING for one in timed):
            assert self.desk.due_at > self.desk.now

    def _no_excess(self) -> None:
        for copy in self.copies():
            most = self.most_wanted.get(f"{copy.leader_order_id}/{copy.follower}", 0)
            exposure = sum(one.exposure for one in self.placements(copy))
            assert exposure <= most, f"{exposure} for {copy.leader_order_id} where at most {most} was ever wanted"
