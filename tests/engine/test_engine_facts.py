"""What is asked is answered, within the broker's rates: over real HTTP, with the simulator as the broker."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.engine.facts import FactReader
from copyctl.engine.pace import Pace, Paces
from copyctl.model.facts import (
    Addresses,
    AddressWanted,
    BrokerKill,
    BrokerKillStateWanted,
    BrokerKillWanted,
    FactArrived,
    Funds,
    FundsWanted,
    Lack,
    MarginNeed,
    MarginOrder,
    MarginWanted,
    Positions,
    PositionsWanted,
    Profile,
    ProfileWanted,
    Question,
    Quote,
    QuoteWanted,
)
from copyctl.model.terms import Product, Segment, Side
from copyctl.simulator import Simulator
from copyctl.wire.dhan import Dhan

CLOCK = SystemClock()
SECOND = 1_000_000_000
PATIENCE_SECONDS = 20.0  # a bound for what must happen, not a measure of it
SHARES = ("2885", "11536", "1333", "1594", "3045", "4963", "900001")
SOLD = MarginOrder(
    side=Side.SELL,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    quantity=65,
    price=Decimal(110),
)
BOUGHT = MarginOrder(
    side=Side.BUY, segment=Segment.NSE_FNO, security_id="43212", product=Product.MARGIN, quantity=65, price=Decimal(80)
)


@dataclass
class World:
    """A broker, one account there, its reader, and all that arrived."""

    simulator: Simulator
    account: str
    name: str = "alice"
    arrived: list[FactArrived] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reader: FactReader = field(init=False)

    def post(self, event: FactArrived) -> None:
        self.arrived.append(event)
        self.changed.set()

    async def count(self, wanted: int) -> list[FactArrived]:
        """All that arrived, once it is so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.arrived) < wanted:
                self.changed.clear()
                await self.changed.wait()
        assert len(self.arrived) == wanted
        return self.arrived

    async def answers(self, *questions: Question) -> list[FactArrived]:
        """What arrives for these, in their order."""
        before = len(self.arrived)
        for question in questions:
            self.reader.ask(question)
        await self.count(before + len(set(questions)))
        found = {event.question: event for event in self.arrived[before:]}
        return [found[question] for question in questions]

    async def asked(self, path: str, wanted: int) -> None:
        """Until so many requests were received."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.requests(path)) < wanted:  # noqa: ASYNC110  it has no event of its own
                await asyncio.sleep(0.005)

    def requests(self, path: str = "") -> list[Any]:
        return [each for each in self.simulator.broker.received if path in each.path]

    def settings(self, **changes: object) -> None:
        self.simulator.accounts[self.name].settings.change(changes)

    def fault(self, **rule: object) -> None:
        self.simulator.broker.faults.add(rule)

    def quote(self, security_id: str, segment: Segment = Segment.NSE_EQ) -> QuoteWanted:
        return QuoteWanted(account=self.account, segment=segment, security_id=security_id)

    def margin(self, *orders: MarginOrder, key: str = "r1", include_positions: bool = False) -> MarginWanted:
        return MarginWanted(
            account=self.account, key=key, orders=orders or (SOLD,), include_positions=include_positions
        )

    @property
    def funds(self) -> FundsWanted:
        return FundsWanted(account=self.account)

    @property
    def positions(self) -> PositionsWanted:
        return PositionsWanted(account=self.account)

    @property
    def profile(self) -> ProfileWanted:
        return ProfileWanted(account=self.account)

    @property
    def address(self) -> AddressWanted:
        return AddressWanted(account=self.account)

    @property
    def kill(self) -> BrokerKillWanted:
        return BrokerKillWanted(account=self.account)

    @property
    def kill_state(self) -> BrokerKillStateWanted:
        return BrokerKillStateWanted(account=self.account)

    async def addresses(self) -> Addresses:
        [event] = await self.answers(self.address)
        assert isinstance(event.fact, Addresses)
        return event.fact


@contextlib.asynccontextmanager
async def opened(*, seconds: float = 10.0, source_ip: str | None = None, **rates: int) -> AsyncIterator[World]:
    """The whole world; the reader runs while the block lasts."""
    simulator = Simulator(("leader", "alice"), seed=7)
    await simulator.start()
    account = simulator.accounts["alice"]
    made = World(simulator=simulator, account=account.client_id)
    gateway = DhanGateway(
        simulator.rest_url,
        account.client_id,
        lambda: account.access_token,
        timeout_seconds=seconds,
        clock=CLOCK,
        source_ip=source_ip,
    )
    paces = Paces(
        quotes=Pace(rates.pop("quotes_per_second", 1), CLOCK), other=Pace(rates.pop("other_per_second", 20), CLOCK)
    )
    made.reader = FactReader(
        account.client_id, gateway=gateway, wire=Dhan(), clock=CLOCK, post=made.post, paces=paces, **rates
    )
    running = asyncio.create_task(made.reader.run())
    try:
        yield made
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await gateway.close()
        await simulator.stop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened() as made:
        yield made


# ---- answers --------------------------------------------------------------------------------------------------------


async def test_every_question_is_answered_with_the_moment_for_which_it_holds(world: World) -> None:
    before = CLOCK.now()
    questions = (world.funds, world.positions, world.margin(), world.quote("2885"))
    funds, positions, margin, quote = await world.answers(*questions)
    for event in (funds, positions, margin, quote):
        assert (event.account, event.why, event.lack) == (world.account, "", None)
        assert event.fact is not None
        assert before <= event.fact.as_of < event.at <= CLOCK.now()
    assert isinstance(funds.fact, Funds)
    assert (funds.fact.available, funds.fact.utilised) == (Decimal(10_000_000), Decimal(0))
    assert isinstance(positions.fact, Positions)
    assert (positions.fact.rows, positions.fact.holdings, positions.fact.bad_rows) == ((), (), 0)
    assert isinstance(margin.fact, MarginNeed)
    assert (margin.fact.required, margin.fact.available, margin.fact.insufficient) == (191100, 10_000_000, 0)
    assert isinstance(quote.fact, Quote)
    assert (quote.fact.last_price, quote.fact.lower_circuit) == (Decimal("1402.5"), Decimal(1122))


async def test_scenario_5_3_a_hedge_counts_when_orders_are_asked_about_together(world: World) -> None:
    alone, hedged = await world.answers(world.margin(), world.margin(SOLD, BOUGHT, key="r2"))
    world.settings(margin_dialect="snake")
    [snake] = await world.answers(world.margin(SOLD, BOUGHT, key="r3"))
    needs = [event.fact for event in (alone, hedged, snake)]
    assert all(isinstance(need, MarginNeed) for need in needs)
    assert [need.required for need in needs if isinstance(need, MarginNeed)] == [191100, 62530, 62530]
    world.simulator.accounts["alice"].ledger.set_available(Decimal(100_000))
    [short] = await world.answers(world.margin(key="r4"))
    assert isinstance(short.fact, MarginNeed)
    assert (short.fact.required, short.fact.available, short.fact.insufficient) == (191100, 100_000, 91_100)


async def test_positions_and_holdings_come_together(world: World) -> None:
    account, markets = world.simulator.accounts["alice"], world.simulator.broker.exchange.markets
    account.ledger.position(markets["MCX_COMM", "569999"].instrument, "MARGIN").trade("SELL", 2, Decimal(98450))
    [event] = await world.answers(world.positions)
    assert isinstance(event.fact, Positions)
    [row] = event.fact.rows
    assert (row.segment, row.net, row.carried, row.day_sell, row.multiplier) == (Segment.MCX_COMM, -2, 0, 2, 10)
    assert [each.path for each in world.requests()] == ["/positions", "/holdings"]


# ---- what the account may do ----------------------------------------------------------------------------------------


async def test_a_profile_tells_what_an_account_may_do_and_until_when_its_token_lives(world: World) -> None:
    account = world.simulator.accounts["alice"]
    [event] = await world.answers(world.profile)
    assert isinstance(event.fact, Profile)
    assert (event.fact.ddpi, event.fact.mtf, event.fact.data_plan) == (True, True, True)
    assert event.fact.segments == ("equity", "derivative", "currency", "commodity")
    assert account.token_expires is not None
    assert event.fact.token_until is not None
    assert 0 <= account.token_expires - event.fact.token_until / SECOND < 60
    world.settings(ddpi="Deactive", mtf="Deactive", data_plan="806", active_segment="Equity")
    [event] = await world.answers(world.profile)
    assert isinstance(event.fact, Profile)
    assert (event.fact.ddpi, event.fact.mtf, event.fact.data_plan) == (False, False, False)
    assert event.fact.segments == ("equity",)
    world.settings(row_missing=["ddpi", "tokenValidity"], row_nulls=["mtf", "dataPlan", "activeSegment"])
    [event] = await world.answers(world.profile)
    assert event.fact == Profile(account=world.account, as_of=event.fact.as_of if event.fact else 0)
    assert {each.path for each in world.requests()} == {"/profile"}


@pytest.mark.parametrize("source_ip", ["127.0.0.1", "127.0.0.2"])
async def test_scenario_5_8_an_address_that_may_not_trade_is_known_before_the_first_order(source_ip: str) -> None:
    async with opened(source_ip=source_ip) as world:
        told = await world.addresses()
        assert (told.registered, told.detected, told.allowed) == ((source_ip,), source_ip, True)
        world.settings(ip_addresses=["192.0.2.7", "127.0.0.2"])
        told = await world.addresses()
        may = source_ip == "127.0.0.2"
        assert (told.registered, told.detected, told.allowed) == (("192.0.2.7", "127.0.0.2"), source_ip, may)
        assert told.takes_orders() is may
        world.settings(row_missing=["ordersAllowed", "ipMatchStatus"])
        assert (await world.addresses()).takes_orders() is may
        world.settings(row_missing=["ordersAllowed", "ipMatchStatus", "detectedIP", "ip"])
        told = await world.addresses()
        assert (told.takes_orders(), told.takes_orders("127.0.0.2")) == (None, True)
        [killed] = await world.answers(world.kill)
        assert killed.lack is (None if may else Lack.REFUSED)


async def test_an_account_for_which_no_address_is_registered_says_so(world: World) -> None:
    world.settings(ip_answer_error=True)
    told = await world.addresses()
    assert (told.registered, told.takes_orders("127.0.0.1")) == ((), False)
    world.settings(ip_answer_error=False, ip_allowed=False)
    told = await world.addresses()
    assert (told.allowed, told.takes_orders("192.0.2.1")) == (False, False)


async def test_scenario_9_1_the_brokers_kill_switch_is_turned_on_once_nothing_is_open_or_held(world: World) -> None:
    account, markets = world.simulator.accounts["alice"], world.simulator.broker.exchange.markets
    position = account.ledger.position(markets["NSE_FNO", "43210"].instrument, "MARGIN")
    position.trade("BUY", 65, Decimal(100))
    [refused] = await world.answers(world.kill)
    assert (refused.fact, refused.lack) == (None, Lack.NOT_NOW)
    assert "positions or pending orders are open" in refused.why
    [state] = await world.answers(world.kill_state)
    assert isinstance(state.fact, BrokerKill)
    assert (state.fact.active, state.fact.text, account.kill_switch) == (False, "DEACTIVATE", False)
    position.trade("SELL", 65, Decimal(100))
    for _ in range(2):  # on is on
        [done] = await world.answers(world.kill)
        assert isinstance(done.fact, BrokerKill)
        assert (done.fact.active, done.fact.text) == (True, "Kill Switch has been successfully activated")
    [state] = await world.answers(world.kill_state)
    assert isinstance(state.fact, BrokerKill)
    assert (state.fact.active, account.kill_switch) == (True, True)
    assert [(each.method, each.query, each.raw) for each in world.requests("/killswitch")] == [
        ("POST", "killSwitchStatus=ACTIVATE", b""),
        ("GET", "", b""),
        ("POST", "killSwitchStatus=ACTIVATE", b""),
        ("POST", "killSwitchStatus=ACTIVATE", b""),
        ("GET", "", b""),
    ]


@pytest.mark.parametrize(("kind", "on"), [("reset_before", False), ("reset_after", True), ("empty", True)])
async def test_scenario_7_9_whether_a_kill_switch_without_an_answer_is_on_is_looked_up(
    world: World, kind: str, on: bool
) -> None:
    world.fault(kind=kind, path="/killswitch", times=1)
    [lost] = await world.answers(world.kill)
    assert (lost.fact, lost.lack) == (None, Lack.UNAVAILABLE)
    [state] = await world.answers(world.kill_state)
    assert isinstance(state.fact, BrokerKill)
    assert state.fact.active is on
    assert len(world.requests("/killswitch")) == 2  # it was not sent again


# ---- merging and rates ----------------------------------------------------------------------------------------------


async def test_equal_questions_that_wait_are_one(world: World) -> None:
    for _ in range(50):
        world.reader.ask(world.funds)
        world.reader.ask(world.quote("2885"))
    await world.count(2)
    assert len(world.requests("/fundlimit")) == len(world.requests("/marketfeed/quote")) == 1


async def test_a_question_that_comes_while_its_equal_is_on_its_way_is_asked_again(world: World) -> None:
    world.fault(kind="delay_before", path="/fundlimit", seconds=0.2, times=1)
    world.reader.ask(world.funds)
    await world.asked("/fundlimit", 1)
    asked_later = CLOCK.now()
    world.reader.ask(world.funds)
    events = await world.count(2)
    assert max(event.fact.as_of for event in events if event.fact is not None) >= asked_later
    assert len(world.requests("/fundlimit")) == 2


async def test_quotes_that_wait_are_one_call_a_second(world: World) -> None:
    first = [world.quote(security_id) for security_id in SHARES]
    await world.answers(*first)
    more = [*first, world.quote("43210", Segment.NSE_FNO), world.quote("569999", Segment.MCX_COMM)]
    for question in more[:4]:
        world.reader.ask(question)
    await asyncio.sleep(0.05)
    await world.answers(*more)
    calls = world.requests("/marketfeed/quote")
    assert [call.status for call in calls] == [200, 200]
    assert calls[1].monotonic_ns - calls[0].monotonic_ns > SECOND
    asked = json.loads(calls[1].raw)
    assert {segment: len(ids) for segment, ids in asked.items() if isinstance(ids, list)} == {
        "NSE_EQ": 7, "NSE_FNO": 1, "MCX_COMM": 1}  # fmt: skip
    assert all(event.fact is not None for event in world.arrived)


async def test_more_quotes_than_one_call_takes_go_out_in_several() -> None:
    async with opened(most_quotes=3, quotes_per_second=50) as world:
        world.settings(rate_limits={})
        events = await world.answers(*(world.quote(security_id) for security_id in SHARES))
        assert all(event.fact is not None for event in events)
        assert [len(json.loads(call.raw)["NSE_EQ"]) for call in world.requests("/quote")] == [3, 3, 1]


async def test_scenario_7_6_a_burst_of_questions_stays_within_the_rate(world: World) -> None:
    questions = [world.margin(key=f"r{number}") for number in range(45)]
    events = await world.answers(*questions, world.positions)
    assert all(event.fact is not None for event in events)
    moments = [each.monotonic_ns for each in world.requests()]
    assert len(moments) == 47
    assert all(later - moment >= SECOND for moment, later in zip(moments, moments[20:], strict=False))
    assert {each.status for each in world.requests()} == {200, 500}  # 500: no holdings


async def test_margins_go_before_everything_else() -> None:
    async with opened(other_per_second=1) as world:
        world.reader.ask(world.funds)
        world.reader.ask(world.positions)
        world.reader.ask(world.margin())
        await world.count(3)
        assert [each.path for each in world.requests()] == [
            "/margincalculator",
            "/fundlimit",
            "/positions",
            "/holdings",
        ]
        assert {each.status for each in world.requests()} == {200, 500}


async def test_scenario_7_6_who_asks_too_much_is_told_so_and_rests(world: World) -> None:
    world.settings(rate_limits={"quotes": {"1": 0}})
    [event] = await world.answers(world.quote("2885"))
    assert (event.fact, event.lack) == (None, Lack.THROTTLED)
    world.settings(rate_limits={})
    [event] = await world.answers(world.quote("2885"))
    first, second = world.requests("/marketfeed/quote")
    assert event.fact is not None
    assert second.monotonic_ns - first.monotonic_ns >= 2 * SECOND


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = SECOND

    def now(self) -> int:
        return self.at


async def has_room(pace: Pace) -> bool:
    try:
        async with asyncio.timeout(0):
            await pace.room()
    except TimeoutError:
        return False
    return True


async def test_a_request_holds_its_place_for_a_second_after_its_end() -> None:
    clock = Hand()
    pace = Pace(2, clock)
    for _ in range(2):
        assert await has_room(pace)
        pace.leaves()
    clock.at += 5 * SECOND
    assert not await has_room(pace)  # both may still arrive
    pace.ended()
    clock.at += SECOND
    assert not await has_room(pace)
    clock.at += SECOND // 50
    assert await has_room(pace)


async def test_the_second_in_which_a_process_begins_may_be_spent_by_the_one_before_it() -> None:
    clock = Hand()
    pace = Pace(1, clock, spent=1)
    clock.at += SECOND
    assert not await has_room(pace)
    clock.at += SECOND // 50
    assert await has_room(pace)


async def test_rests_grow_while_the_broker_complains_and_end_when_it_does_not() -> None:
    clock = Hand()
    pace = Pace(5, clock)
    for seconds in (2, 4, 8, 16, 32, 32):
        for _ in range(3):
            pace.slow_down()
        clock.at += seconds * SECOND - 1
        assert not await has_room(pace)
        clock.at += 1
        assert await has_room(pace)
    pace.speed_up()
    pace.slow_down()
    clock.at += 2 * SECOND
    assert await has_room(pace)


# ---- what cannot be had ---------------------------------------------------------------------------------------------


async def test_scenario_5_6_an_account_without_the_data_plan_says_so_and_has_everything_else(world: World) -> None:
    for plan in ("DH-902", "806"):
        world.settings(data_plan=plan)
        quote, funds = await world.answers(world.quote("2885"), world.funds)
        assert (quote.fact, quote.lack, funds.lack) == (None, Lack.NO_DATA_PLAN, None)
        assert quote.why


@pytest.mark.parametrize("shape", ["DH-901", "DH-906"])
async def test_scenario_5_8_a_dead_token_is_told_apart(world: World, shape: str) -> None:
    world.settings(dead_token=shape)
    world.simulator.accounts["alice"].token_alive = False
    account = (world.profile, world.address, world.kill, world.kill_state)
    events = await world.answers(world.funds, world.positions, world.margin(), world.quote("2885"), *account)
    assert {event.lack for event in events} == {Lack.REFUSED}


async def test_scenario_5_4_what_the_broker_does_not_know_spoils_nothing_else(world: World) -> None:
    unknown = MarginOrder(
        side=Side.BUY, segment=Segment.NSE_EQ, security_id="1", product=Product.CNC, quantity=1, price=Decimal(1)
    )
    questions = (world.quote("1"), world.quote("no-number"), world.quote("2885"), world.margin(unknown))
    left_out, unsayable, known, margin = await world.answers(*questions)
    assert [event.lack for event in (left_out, unsayable, margin)] == [Lack.NOT_KNOWN] * 3
    assert known.fact is not None
    [nothing] = await world.answers(MarginWanted(account=world.account, key="r9", orders=()))
    assert nothing.lack is Lack.NOT_KNOWN


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "reset_before"},
        {"kind": "reset_after"},
        {"kind": "hang"},
        {"kind": "truncated"},
        {"kind": "cut"},
        {"kind": "empty"},
        {"kind": "status", "status": 502, "body": "<html>bad gateway</html>"},
        {"kind": "status", "status": 500, "body": {"errorCode": "DH-908", "errorType": "Internal_Server_Error"}},
        {"kind": "status", "status": 200, "body": {"surprise": []}},
    ],
    ids=lambda rule: f"{rule['kind']} {rule.get('status', '')}",
)
async def test_scenario_7_9_a_fault_is_an_answer_and_the_next_question_is_asked(rule: dict[str, Any]) -> None:
    async with opened(seconds=0.4, quotes_per_second=20) as world:
        world.settings(rate_limits={})
        world.fault(**rule)
        account = (world.profile, world.address, world.kill, world.kill_state)
        questions = (world.funds, world.positions, world.margin(), world.quote("2885"), *account)
        for event in await world.answers(*questions):
            assert (event.fact, event.lack) == (None, Lack.UNAVAILABLE)
            assert event.why
        world.simulator.broker.faults.rules.clear()
        assert all(event.fact is not None for event in await world.answers(*questions))


async def test_holdings_that_cannot_be_read_leave_no_half_of_a_fact(world: World) -> None:
    world.fault(kind="status", path="/holdings", status=503, body="")
    [event] = await world.answers(world.positions)
    assert (event.fact, event.lack) == (None, Lack.UNAVAILABLE)


async def test_a_question_about_another_account_is_a_bug_of_ours(world: World) -> None:
    with pytest.raises(ValueError, match="was asked about"):
        world.reader.ask(FundsWanted(account="1100000009"))


# ---- life -----------------------------------------------------------------------------------------------------------


async def test_a_reader_without_a_question_sleeps() -> None:
    async with opened() as world:
        await asyncio.sleep(0.05)
        loop: Any = asyncio.get_running_loop()
        assert [one for one in loop._scheduled if not one.cancelled()] == []
        assert world.requests() == []


async def test_a_reader_is_stopped_in_the_middle_of_a_question() -> None:
    async with opened() as world:
        world.fault(kind="hang")
        world.reader.ask(world.positions)
        world.reader.ask(world.quote("2885"))
        await world.asked("", 3)
    assert world.arrived == []
