"""The books of super and forever orders are read with the others: when they are wanted, and never instead of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.core.keys import order_key
from copyctl.core.pretence import dry_report
from copyctl.core.state import State
from copyctl.edge.clock import SystemClock
from copyctl.edge.journal import open_journal
from copyctl.edge.transport import DhanGateway
from copyctl.engine.books import BookReader
from copyctl.engine.pace import Pace
from copyctl.engine.replicator import Outside, Replicator
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import ReadBooks, Send
from copyctl.model.events import Answered, BooksRead, BooksUnreadable, Event
from copyctl.model.instrument import Instrument
from copyctl.model.order import Bracket, ExecutionReport, Order, Terms
from copyctl.model.reasons import Category
from copyctl.model.request import Approved, Desired, Fate, Request, RequestKind
from copyctl.model.terms import (
    Book,
    Leg,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Validity,
)
from copyctl.simulator import Simulator
from copyctl.wire.dhan import Dhan
from tests.core.building import ALICE, LEADER, rules

CLOCK = SystemClock()
PATIENCE_SECONDS = 20.0
ENTRY_ID, FOREVER_ID = "122609150002000", "8162609100000777"
EXITS = [
    {"orderId": ENTRY_ID, "legName": "STOP_LOSS_LEG", "price": 95.0, "orderStatus": "PENDING"},
    {"orderId": ENTRY_ID, "legName": "TARGET_LEG", "price": 120.0, "orderStatus": "PENDING"},
]
SUPER_ROW: dict[str, Any] = {
    "orderId": ENTRY_ID,
    "orderStatus": "TRADED",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO",
    "productType": "INTRADAY",
    "orderType": "LIMIT",
    "validity": "DAY",
    "securityId": "43210",
    "quantity": 65,
    "remainingQuantity": 0,
    "filledQty": 65,
    "price": 100.0,
    "legDetails": EXITS,
}
FOREVER_ROW: dict[str, Any] = {
    "orderId": FOREVER_ID,
    "correlationId": "c1",
    "orderStatus": "CONFIRM",
    "transactionType": "SELL",
    "exchangeSegment": "NSE_EQ",
    "productType": "CNC",
    "orderType": "SINGLE",
    "securityId": "2885",
    "quantity": 10,
    "price": 1428.0,
    "triggerPrice": 1427.0,
}
PLAIN_ROW = {key: value for key, value in SUPER_ROW.items() if key != "legDetails"} | {"orderId": "122609150002009"}
ORDERS, TRADES, SUPERS, FOREVERS = "/orders", "/trades/", "/super/orders", "/forever/orders"


@dataclass
class World:
    """A broker, one account's books there, and what they said."""

    simulator: Simulator
    state: State = field(default_factory=State)
    said: list[Event] = field(default_factory=list)
    reader: BookReader = field(init=False)
    pace: Pace = field(default_factory=lambda: Pace(40, CLOCK))

    def asked(self, account: str = "") -> list[str]:
        """The paths that were asked for, in the order in which they arrived."""
        accounts = self.simulator.broker.accounts.by_client_id
        name = accounts[account].name if account else None
        rows = self.simulator.broker.received
        return [row.path for row in rows if row.method == "GET" and name in (None, row.account)]

    def fault(self, path: str, **rule: Any) -> None:
        self.simulator.broker.faults.add({"path": f"^{path}$", "method": "GET", **rule})

    def shows(self, path: str, *rows: dict[str, Any], times: int | None = None) -> None:
        self.fault(path, kind="status", status=200, body=list(rows), **({"times": times} if times else {}))

    async def read(self, *, special: bool = True) -> BooksRead:
        assert await asyncio.wait_for(self.reader.read(special=special), PATIENCE_SECONDS)
        event = self.said[-1]
        assert isinstance(event, BooksRead)
        return event

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110  it has no event of its own
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def opened(*, special: bool = True) -> AsyncIterator[World]:
    simulator = Simulator({"leader": (LEADER, "t1"), "alice": (ALICE, "t2")}, seed=7)
    await simulator.start()
    gateway = gateway_of(simulator, ALICE)
    world = World(simulator=simulator)
    world.reader = BookReader(
        ALICE,
        gateway=gateway,
        wire=Dhan(),
        clock=CLOCK,
        pace=world.pace,
        state=lambda: world.state,
        post=world.said.append,
        special=special,
    )
    try:
        yield world
    finally:
        await gateway.close()
        await simulator.stop()


def gateway_of(simulator: Simulator, client_id: str) -> DhanGateway:
    account = simulator.broker.accounts.by_client_id[client_id]
    return DhanGateway(simulator.rest_url, client_id, lambda: account.access_token, timeout_seconds=5, clock=CLOCK)


# ---- one read -------------------------------------------------------------------------------------------------------


async def test_the_special_books_are_told_before_the_days_orders() -> None:
    async with opened() as world:
        world.shows(SUPERS, SUPER_ROW)
        world.shows(FOREVERS, FOREVER_ROW)
        world.shows(ORDERS, PLAIN_ROW)
        before = CLOCK.now()
        event = await world.read()
        assert [(one.order_id, one.leg) for one in event.orders] == [
            (ENTRY_ID, Leg.ENTRY),
            (ENTRY_ID, Leg.STOP_LOSS),
            (ENTRY_ID, Leg.TARGET),
            (FOREVER_ID, Leg.ENTRY),
            ("122609150002009", Leg.ENTRY),
        ]
        assert (event.armed, event.super_read, event.special_why) == ((FOREVER_ID,), True, "")
        assert before <= event.asked_at <= event.at
        assert {one.as_of for one in event.orders} == {event.asked_at}
        assert sorted(world.asked()) == sorted([ORDERS, TRADES, SUPERS, FOREVERS])


async def test_without_a_wish_the_special_books_are_left_alone() -> None:
    async with opened() as world:
        event = await world.read(special=False)
        assert (event.armed, event.super_read, event.special_why) == (None, False, "")
        assert sorted(world.asked()) == sorted([ORDERS, TRADES])


async def test_empty_special_books_were_read() -> None:
    async with opened() as world:
        event = await world.read()
        assert (event.orders, event.armed, event.super_read, event.special_why) == ((), (), True, "")


async def test_a_broker_without_special_books_is_never_asked_for_them() -> None:
    async with opened(special=False) as world:
        world.reader.owe_special()
        event = await world.read()
        assert (event.armed, event.super_read, event.special_why) == (None, False, "")
        assert sorted(world.asked()) == sorted([ORDERS, TRADES])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "status", "status": 404, "body": {"status": 404, "error": "Not Found"}}, "Not Found"),
        ({"kind": "html502"}, "HTTP 502"),
        ({"kind": "reset_before"}, ""),
        ({"kind": "status", "status": 200, "body": [{"id": 1}]}, "none of 1 rows"),
    ],
)
async def test_a_special_book_that_cannot_be_read_hides_no_other(fault: dict[str, Any], said: str) -> None:
    async with opened() as world:
        world.shows(ORDERS, PLAIN_ROW)
        world.fault(SUPERS, **fault)
        world.shows(FOREVERS, FOREVER_ROW)
        event = await world.read()
        assert [one.order_id for one in event.orders] == [FOREVER_ID, "122609150002009"]
        assert (event.armed, event.super_read) == ((FOREVER_ID,), False)
        assert event.special_why.startswith("super orders: ")
        assert said in event.special_why
        world.simulator.broker.faults.rules.clear()
        world.shows(SUPERS, SUPER_ROW)
        world.fault(FOREVERS, **fault)
        event = await world.read()
        assert len(event.orders) == 3
        assert (event.armed, event.super_read) == (None, True)
        assert event.special_why.startswith("forever orders: ")


async def test_what_stands_beside_a_row_that_cannot_be_read_may_not_be_all() -> None:
    async with opened() as world:
        world.shows(SUPERS, SUPER_ROW, {})
        world.shows(FOREVERS, FOREVER_ROW, {"orderId": FOREVER_ID, "quantity": -1})
        event = await world.read()
        assert len(event.orders) == 3
        assert (event.armed, event.super_read) == (None, False)
        assert "super orders: 1 rows" in event.special_why
        assert "forever orders: none of 2 rows" in event.special_why


async def test_special_books_that_were_asked_for_too_often_let_all_rest() -> None:
    async with opened() as world:
        world.fault(FOREVERS, kind="too_many")
        assert "forever orders" in (await world.read()).special_why
        assert world.pace.left == 0


# ---- wishes ---------------------------------------------------------------------------------------------------------


async def test_a_wish_that_comes_while_a_read_is_on_its_way_is_met_by_a_later_one() -> None:
    async with opened() as world:
        world.fault(ORDERS, kind="delay_after", seconds=0.3, times=1)
        task = asyncio.create_task(world.reader.run())
        world.reader.want()
        await world.until(lambda: ORDERS in world.asked())
        world.reader.want(special=True)
        world.reader.want()
        await world.until(lambda: len(world.said) == 2)
        task.cancel()
        first, second = world.said
        assert isinstance(first, BooksRead)
        assert isinstance(second, BooksRead)
        assert (first.super_read, second.super_read) == (False, True)
        assert second.asked_at >= first.at


async def test_special_books_that_are_owed_wait_for_the_next_read_and_are_read_once() -> None:
    async with opened() as world:
        task = asyncio.create_task(world.reader.run())
        world.reader.owe_special()
        await asyncio.sleep(0.05)
        assert world.asked() == []
        for wanted in (1, 2):
            world.reader.want()
            await world.until(lambda wanted=wanted: len(world.said) == wanted)
        task.cancel()
        assert [one.super_read for one in world.said if isinstance(one, BooksRead)] == [True, False]


async def test_books_that_could_not_be_read_are_tried_alone_and_the_special_ones_are_read_once_they_could() -> None:
    async with opened() as world:
        world.fault(TRADES, kind="html502", times=3)
        task = asyncio.create_task(world.reader.run())
        for tried in (1, 2, 3):
            world.reader.want(special=True)
            await world.until(lambda tried=tried: len(world.said) == tried)
        assert {type(one) for one in world.said} == {BooksUnreadable}
        assert world.asked().count(SUPERS) == 1
        world.reader.want()
        await world.until(lambda: len(world.said) == 5)
        task.cancel()
        assert [one.super_read for one in world.said[3:] if isinstance(one, BooksRead)] == [False, True]
        assert world.asked().count(SUPERS) == world.asked().count(FOREVERS) == 2


# ---- what is news ---------------------------------------------------------------------------------------------------


def kept(seen: ExecutionReport, *, bracket: Bracket | None = None) -> Order:
    """The order of a row as the core keeps it once it is over: a leg under a name of its own."""
    assert seen.terms is not None
    order_id = seen.order_id if seen.leg is Leg.ENTRY else f"{seen.order_id}:{seen.leg}"
    return Order(
        account=seen.account,
        order_id=order_id,
        status=seen.status,
        filled=seen.filled,
        leg=seen.leg,
        terms=replace(seen.terms, bracket=bracket),
        book_as_of=1,
    )


def knowing(*orders: Order) -> State:
    return State({"order": list(orders)})


async def test_an_exit_with_its_entrys_id_is_news_though_the_entry_is_over() -> None:
    async with opened() as world:
        done = [EXITS[0] | {"orderStatus": "CANCELLED"}, EXITS[1] | {"orderStatus": "TRADED", "totalQuatity": 65}]
        world.shows(SUPERS, SUPER_ROW | {"legDetails": done})
        entry, stop, target = (await world.read()).orders
        assert (entry.status, entry.filled) == (target.status, target.filled) == (OrderStatus.TRADED, 65)
        world.state = knowing(kept(entry, bracket=entry.bracket))
        assert (await world.read()).orders[0].leg is Leg.STOP_LOSS
        assert len((await world.read()).orders) == 2
        world.state = knowing(kept(entry, bracket=entry.bracket), kept(stop), kept(target))
        assert (await world.read()).orders == ()


async def test_exits_that_moved_are_news_though_their_entry_is_over() -> None:
    async with opened() as world:
        world.shows(SUPERS, SUPER_ROW | {"legDetails": []}, times=1)
        world.shows(SUPERS, SUPER_ROW | {"legDetails": [], "targetPrice": 120}, times=2)
        world.shows(SUPERS, SUPER_ROW | {"legDetails": [], "targetPrice": 121})
        (untold,) = (await world.read()).orders
        world.state = knowing(kept(untold))
        (told,) = (await world.read()).orders
        assert told.bracket == Bracket(target=Decimal(120))
        world.state = knowing(kept(told, bracket=told.bracket))
        assert (await world.read()).orders == ()
        (moved,) = (await world.read()).orders
        assert moved.bracket == Bracket(target=Decimal(121))


async def test_a_forever_order_that_rests_is_always_told_and_one_that_is_over_once() -> None:
    async with opened() as world:
        world.shows(FOREVERS, FOREVER_ROW, times=2)
        world.shows(FOREVERS, FOREVER_ROW | {"orderStatus": "CANCELLED"})
        (resting,) = (await world.read()).orders
        world.state = knowing(kept(resting))
        assert len((await world.read()).orders) == 1
        (over,) = (await world.read()).orders
        world.state = knowing(kept(over))
        event = await world.read()
        assert (event.orders, event.armed) == ((), (FOREVER_ID,))


# ---- a run ----------------------------------------------------------------------------------------------------------


class _Master:
    known = True

    def find(self, _segment: Segment, _security_id: str) -> Instrument | None:
        return None

    async def refresh(self) -> None:
        return


class _Days:
    def find(self, name: str) -> tuple[TradingDays | None, str]:
        day = date(2026, 9, 15)
        return TradingDays(calendar=name, first=day, last=day, open_days=(day,)), ""


@dataclass
class Life:
    """A run against the broker; its streams are silent."""

    world: World
    replicator: Replicator
    posted: list[Event] = field(default_factory=list)

    def specials(self, account: str) -> int:
        """How often this account's super orders were read."""
        return self.world.asked(account).count(SUPERS)

    def books(self, account: str) -> int:
        return sum(isinstance(one, BooksRead) and one.account == account for one in self.posted)


@contextlib.asynccontextmanager
async def living(folder: Path, *, dry: bool = False, sweep: str = "60s", **broker: Any) -> AsyncIterator[Life]:
    async with opened() as world, contextlib.AsyncExitStack() as stack:
        journal = open_journal(folder, leader=LEADER)
        stack.callback(journal.close)
        gateways = {account: gateway_of(world.simulator, account) for account in (LEADER, ALICE)}
        for gateway in gateways.values():
            stack.push_async_callback(gateway.close)
        outside = Outside(
            clock=CLOCK,
            journal=journal,
            wire=Dhan(),
            gateways=gateways,
            instruments=_Master(),
            calendar=_Days(),
            listen=lambda _notice: None,
        )
        made = rules(broker={"adapter": "dhan", **broker}, resilience={"sweep": sweep})
        life = Life(world=world, replicator=Replicator(made, "d", "{}", outside, dry=dry))
        post = life.replicator._conductor.post

        def noted(event: Event) -> None:
            life.posted.append(event)
            post(event)

        life.replicator._conductor.post = noted  # type: ignore[method-assign]
        for desk in life.replicator._desks.values():
            desk.reader._post = noted
        yield life


@contextlib.asynccontextmanager
async def running(life: Life) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(life.replicator.run({}, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_SECONDS)


async def test_a_start_a_new_stream_and_an_effect_that_says_so_read_the_special_books(tmp_path: Path) -> None:
    async with living(tmp_path) as life, running(life):
        await life.world.until(lambda: life.books(ALICE) >= 1 and life.books(LEADER) >= 1)
        assert life.specials(ALICE) == life.specials(LEADER) == 1
        read = life.books(ALICE)
        life.replicator._perform(ReadBooks(account=ALICE))
        await life.world.until(lambda: life.books(ALICE) > read)
        assert life.specials(ALICE) == 1
        life.replicator._perform(ReadBooks(account=ALICE, special=True))
        await life.world.until(lambda: life.specials(ALICE) == 2)
        life.replicator.stream_changed(ALICE, True)
        await life.world.until(lambda: life.specials(ALICE) == 3)
        life.replicator.stream_changed("nobody", True)


async def test_every_sweep_reads_the_special_books(tmp_path: Path) -> None:
    async with living(tmp_path, sweep="1s") as life, running(life):
        await life.world.until(lambda: life.specials(ALICE) >= 3 and life.specials(LEADER) >= 3)


@pytest.mark.parametrize(
    ("dry", "broker", "specials"),
    [(False, {}, (1, 1)), (True, {}, (1, 0)), (False, {"environment": "sandbox"}, (0, 0))],
)
async def test_catching_up_once_reads_the_special_books_that_there_are(
    tmp_path: Path, dry: bool, broker: dict[str, Any], specials: tuple[int, int]
) -> None:
    async with living(tmp_path, dry=dry, **broker) as life:
        assert await asyncio.wait_for(life.replicator.once(), PATIENCE_SECONDS)
        assert (life.specials(LEADER), life.specials(ALICE)) == specials


TERMS = Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=10, price=Decimal(100))


def request(kind: RequestKind = RequestKind.PLACE, terms: Terms | None = TERMS, **changes: Any) -> Request:
    desired = terms and Desired(
        side=Side.BUY, segment=Segment.NSE_FNO, security_id="43210", product=Product.INTRADAY, terms=terms
    )
    made = Request(
        request_id="c1/place",
        account=ALICE,
        leader_order_id="L1",
        revision=0,
        kind=kind,
        correlation_id="c1",
        order_id="" if kind is RequestKind.PLACE else ENTRY_ID,
        desired=desired,
        queued_at=1,
    )
    return replace(made, **changes)


async def test_a_request_that_cannot_be_said_is_rejected_and_ends_nothing(tmp_path: Path) -> None:
    async with living(tmp_path) as life, running(life):
        await life.world.until(lambda: life.books(ALICE) >= 1)
        wrong = request(book=Book.FOREVER)
        life.replicator._perform(Send(approved=Approved(request=wrong)))
        (answered,) = [one for one in life.posted if isinstance(one, Answered)]
        assert (answered.outcome.fate, answered.outcome.category) == (Fate.REJECTED, Category.INPUT)
        assert "cannot be said" in answered.outcome.text
        assert all(row.method == "GET" for row in life.world.simulator.broker.received)


# ---- a dry run ------------------------------------------------------------------------------------------------------

BRACKET = Bracket(target=Decimal(120), stop=Decimal(95))


def test_a_dry_super_order_shows_what_hangs_on_it() -> None:
    whole = replace(TERMS, bracket=BRACKET)
    for kind, leg in ((RequestKind.PLACE, Leg.ENTRY), (RequestKind.MODIFY, Leg.TARGET)):
        shown = dry_report(request(kind, whole, book=Book.SUPER, leg=leg), 1)
        assert (shown.leg, shown.super_order, shown.bracket, shown.terms) == (Leg.ENTRY, True, BRACKET, TERMS)
    plain = dry_report(request(), 1)
    assert (plain.leg, plain.super_order, plain.bracket, plain.terms) == (Leg.ENTRY, False, None, TERMS)


@pytest.mark.parametrize(
    ("book", "leg", "shown_as"),
    [
        (Book.SUPER, Leg.TARGET, Leg.TARGET),
        (Book.SUPER, Leg.ENTRY, Leg.ENTRY),
        (Book.DAY, Leg.STOP_LOSS, Leg.STOP_LOSS),
        (Book.FOREVER, Leg.TARGET, Leg.ENTRY),
    ],
)
def test_a_dry_cancel_of_one_exit_leaves_its_entry(book: Book, leg: Leg, shown_as: Leg) -> None:
    shown = dry_report(request(RequestKind.CANCEL, None, book=book, leg=leg), 1)
    assert (shown.leg, shown.status) == (shown_as, OrderStatus.CANCELLED)
    assert order_key(shown.account, shown.order_id) == order_key(ALICE, ENTRY_ID)
