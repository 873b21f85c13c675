"""The replicator: streams, sweeps, commands and requests around the conductor, from start to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from copyctl.core.state import State
from copyctl.engine.alone import Standing, is_priced, prices_wanted, standing
from copyctl.engine.books import BookReader
from copyctl.engine.conductor import Conductor
from copyctl.engine.dry import dry_outcome, dry_report
from copyctl.engine.facts import FactReader
from copyctl.engine.pace import paces_of
from copyctl.engine.ports import Calendar, Clock, Gateway, Instruments, Journal, Wire
from copyctl.engine.pulse import pulse_of
from copyctl.model.account import Account
from copyctl.model.effects import (
    AskInstrument,
    Effect,
    FindCalendar,
    Look,
    Notice,
    ReadBooks,
    RefreshInstruments,
    Send,
)
from copyctl.model.events import (
    Answered,
    CalendarFound,
    CommandGiven,
    FrameRead,
    FrameUnreadable,
    InstrumentFound,
    PolicyLoaded,
    Started,
    StreamChanged,
)
from copyctl.model.facts import Ask, BrokerKill, BrokerKillWanted, FactArrived, Question
from copyctl.model.policy import Rules
from copyctl.model.pulse import Pulse
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Answer, Approved, Request, RequestState
from copyctl.model.terms import Decision

COMMANDS_EVERY_SECONDS = 0.2
SWEEP_WHILE_DOWN_SECONDS = 2.0
STOP_WITHIN_SECONDS = 8.0
SETTLE_CHECK_SECONDS = 0.02
ALONE_BOOKS_EVERY_SECONDS = 1.0
"""How often books are read where they are all that tells of fills and cancels."""
ALONE_STUCK_AFTER_SECONDS = 12.0
"""A kill switch that waits for nothing on its way is not waited for longer: it tries again sooner, where it does."""
ALONE_PRICES_WITHIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything around the engine. ``gateways`` by account, the leader's among them; where only some followers'
    are there nothing is sent for any other account."""

    clock: Clock
    journal: Journal
    wire: Wire
    gateways: Mapping[str, Gateway]
    instruments: Instruments
    calendar: Calendar
    listen: Callable[[Notice], None]


class Replicator:
    """One run. ``dry``: nothing that changes a follower's account is sent."""

    def __init__(self, rules: Rules, digest: str, document: str, outside: Outside, *, dry: bool = False) -> None:
        self.rules = rules
        self._outside = outside
        self._clock = outside.clock
        self._dry = dry
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._conductor = Conductor(
            journal=outside.journal,
            clock=outside.clock,
            instruments=outside.instruments,
            perform=self._perform,
            listen=outside.listen,
        )
        self._paces = {account: paces_of(rules.rate_limits, self._clock) for account in outside.gateways}
        self._readers = {
            account: BookReader(
                account,
                gateway=gateway,
                wire=outside.wire,
                clock=outside.clock,
                pace=self._paces[account].other,
                state=lambda: self._conductor.state,
                post=self._conductor.post,
            )
            for account, gateway in outside.gateways.items()
        }
        self._facts = {
            account: FactReader(
                account,
                gateway=gateway,
                wire=outside.wire,
                clock=outside.clock,
                post=self._conductor.post,
                paces=self._paces[account],
            )
            for account, gateway in outside.gateways.items()
        }
        now = self._clock.now()
        self._conductor.post(PolicyLoaded(at=now, digest=digest, document=document, rules=rules))
        self._conductor.post(Started(at=now))
        self._command = 0
        self._take_commands()

    @property
    def state(self) -> State:
        """What is known by now."""
        return self._conductor.state

    def pulse(self) -> Pulse:
        """How it stands now, as only this process knows."""
        now, trouble = self._clock.now(), self._conductor.store_trouble
        return pulse_of(self.state, self._paces, self.rules.rate_limits, now=now, store_trouble=trouble)

    # --- what comes in ------------------------------------------------------------------------------------------

    def deliver(self, account: str, raw: bytes) -> None:
        """A frame of an account's stream."""
        now = self._clock.now()
        reading = self._outside.wire.read_frame(raw, account, now)
        if reading.why:
            self._conductor.post(FrameUnreadable(at=now, account=account, raw=raw, why=reading.why))
        elif reading.reports:
            self._conductor.post(FrameRead(at=now, account=account, raw=raw, reports=reading.reports))

    def stream_changed(self, account: str, up: bool, why: str = "") -> None:
        """An account's stream came up or went down."""
        self._conductor.post(StreamChanged(at=self._clock.now(), account=account, up=up, why=why))

    async def refused(self, account: str) -> str:
        """Why the broker refuses this account's token or address; "" where it does not, or cannot be reached."""
        answer = await self._outside.gateways[account].send(self._outside.wire.orders_call())
        reading = self._outside.wire.read_orders(answer, account, self._clock.now())
        return reading.why if reading.refused else ""

    @property
    def ready(self) -> bool:
        """Are all streams up, and all books read?"""
        accounts = [self.state.tables["account"].get(name) for name in self._outside.gateways]
        return all(isinstance(one, Account) and one.ready and one.stream_up for one in accounts)

    @property
    def quiet(self) -> bool:
        """Is nothing waiting, on its way, or of unknown fate?"""
        return self._conductor.idle and not self._tasks and not self.state.tables["request"]

    # --- running ------------------------------------------------------------------------------------------------

    async def run(self, streams: Sequence[Callable[[], Awaitable[None]]], stop: asyncio.Event) -> None:
        """Copy until ``stop`` is set; then let what is in flight settle, for some seconds at most."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            inner = [group.create_task(self._conductor.run()), group.create_task(self._commands())]
            outer = [group.create_task(_forever(stream)) for stream in streams]
            outer.append(group.create_task(self._sweep()))
            for account, reader in self._readers.items():
                is_leaders = account == self.rules.leader.client_id
                (outer if is_leaders else inner).append(group.create_task(reader.run()))
                reader.want()
            inner.extend(group.create_task(facts.run()) for facts in self._facts.values())
            await stop.wait()
            for task in outer:  # nothing new of the leader from now on
                task.cancel()
            await self._settle()
            for task in (*inner, *self._tasks):  # what hangs still is of unknown fate for the next run
                task.cancel()

    async def once(self) -> bool:
        """Catch up from the books, act, and return; False where a book could not be read."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            conductor = group.create_task(self._conductor.run())
            leader = self._readers[self.rules.leader.client_id]
            followers = [reader for reader in self._readers.values() if reader is not leader]
            readable = [await leader.read(), *await asyncio.gather(*(reader.read() for reader in followers))]
            readers = [group.create_task(reader.run()) for reader in self._readers.values()]
            readers.extend(group.create_task(facts.run()) for facts in self._facts.values())
            await self._settle(queued=True)
            for task in (conductor, *readers, *self._tasks):
                task.cancel()
        return all(readable)

    async def act_alone(self, accounts: Collection[str], *, seconds: float, stop: asyncio.Event) -> None:
        """Do what the kill switch has to do for these followers, with nobody to copy: the leader's books are not read,
        and no stream is. It returns when that is done, when time is over, when waiting longer brings nothing, or at
        ``stop``; what is not done then stands with the accounts still."""
        looked: set[str] = set()
        async with asyncio.TaskGroup() as group:
            self._group = group
            work = [group.create_task(self._conductor.run()), group.create_task(self._commands())]
            work.extend(group.create_task(facts.run()) for facts in self._facts.values())
            await self._learn_prices(accounts)
            work.extend(group.create_task(_look_on(reader, looked)) for reader in self._readers.values())
            await self._until_acted(accounts, looked, seconds=seconds, stop=stop)
            for task in (*work, *self._tasks):  # what hangs still is of unknown fate for the next run
                task.cancel()

    async def _learn_prices(self, accounts: Collection[str]) -> None:
        began = self._clock.now()
        wanted = prices_wanted(self.state, accounts)
        for question in wanted:
            self._ask(question)
        for _ in range(int(ALONE_PRICES_WITHIN_SECONDS / SETTLE_CHECK_SECONDS) if wanted else 0):
            await asyncio.sleep(SETTLE_CHECK_SECONDS)
            if all(is_priced(self.state, one, since=began) for one in wanted):
                return

    async def _until_acted(
        self, accounts: Collection[str], looked: Collection[str], *, seconds: float, stop: asyncio.Event
    ) -> None:
        moved = now = self._clock.now()
        ends = now + int(seconds * 1e9)
        while now < ends and not stop.is_set():
            found = {standing(self.state, one, ends=ends) if one in looked else Standing.ACTING for one in accounts}
            if self._conductor.idle and found <= {Standing.DONE}:
                return
            if Standing.ACTING in found:
                moved = now
            if now - moved > ALONE_STUCK_AFTER_SECONDS * 1e9:
                return
            for account, reader in self._readers.items():
                if account in looked and now - reader.read_at >= ALONE_BOOKS_EVERY_SECONDS * 1e9:
                    reader.want()
            await asyncio.sleep(SETTLE_CHECK_SECONDS)
            now = self._clock.now()

    async def _settle(self, *, queued: bool = False) -> None:
        """Until no request is on its way (nor, with ``queued``, waiting or unsettled), for some seconds at most."""
        for _ in range(int(STOP_WITHIN_SECONDS / SETTLE_CHECK_SECONDS)):
            if self._conductor.idle and not self._tasks and not self._unfinished(queued=queued):
                return
            await asyncio.sleep(SETTLE_CHECK_SECONDS)

    def _unfinished(self, *, queued: bool) -> bool:
        states = set(RequestState) if queued else {RequestState.SENT}
        requests = self.state.tables["request"].values()
        if any(isinstance(one, Request) and one.state in states for one in requests):
            return True
        copies = self.state.tables["copy"].values() if queued else ()
        return any(
            isinstance(one, Copy) and one.reason == Reason.CHECKING and one.decision is Decision.QUEUED
            for one in copies
        )

    async def _commands(self) -> None:
        """Take commands in as they are given by other processes."""
        while True:
            await asyncio.sleep(COMMANDS_EVERY_SECONDS)
            self._take_commands()

    def _take_commands(self) -> None:
        try:
            given = self._outside.journal.commands()
        except OSError:
            return  # the next turn that is written meets the same trouble, and tells of it
        for command in given:
            if command.command_id > self._command:
                self._command = command.command_id
                self._conductor.post(
                    CommandGiven(
                        at=self._clock.now(),
                        command_id=command.command_id,
                        command=command.command,
                        account=command.account,
                        reason=command.reason,
                        actions=command.actions,
                    )
                )

    async def _sweep(self) -> None:
        """Read every account's books now and then, as a net for lost frames; sooner while its stream is down."""
        usual = self.rules.resilience.sweep / 1e9
        while True:
            await asyncio.sleep(min(usual, SWEEP_WHILE_DOWN_SECONDS) / 2)
            now = self._clock.now()
            for account, reader in self._readers.items():
                often = min(usual, SWEEP_WHILE_DOWN_SECONDS) if self._watched_blind(account) else usual
                if now - reader.read_at >= often * 1e9:
                    reader.want()

    def _watched_blind(self, account: str) -> bool:
        """Is a stream down whose account matters now: the leader's, or a follower's with something open?"""
        known = self.state.tables["account"].get(account)
        if isinstance(known, Account) and known.stream_up:
            return False
        if account == self.rules.leader.client_id:
            return True
        copies = self.state.tables["copy"].values()
        return any(
            isinstance(copy, Copy) and copy.follower == account and any(slot.live for slot in copy.slots)
            for copy in copies
        )

    # --- what goes out ------------------------------------------------------------------------------------------

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(effect.approved)
            case ReadBooks():
                reader = self._readers.get(effect.account)
                if reader is not None:
                    reader.want()
            case Look():
                reader = self._readers.get(effect.account)
                if reader is not None:
                    self._begin(reader.look(effect.request_id, effect.correlation_id))
            case Ask():
                self._ask(effect.question)
            case RefreshInstruments():
                self._begin(self._refresh(effect))
            case FindCalendar():
                self._begin(self._find_calendar(effect.calendar))
            case AskInstrument():
                pass  # the conductor has answered it in the same turn

    def _ask(self, question: Question) -> None:
        facts = self._facts.get(question.account)
        if facts is None:
            return
        if self._dry and isinstance(question, BrokerKillWanted):  # the one question that changes an account
            text = "a dry run does not turn the broker's switch on"
            fact = BrokerKill(account=question.account, as_of=self._clock.now(), active=True, text=text)
            said = FactArrived(at=self._clock.now(), account=question.account, question=question, fact=fact)
            self._conductor.post(said)
            return
        facts.ask(question)

    async def _refresh(self, effect: RefreshInstruments) -> None:
        instruments = self._outside.instruments
        await instruments.refresh()
        self._conductor.post(
            InstrumentFound(
                at=self._clock.now(),
                segment=effect.segment,
                security_id=effect.security_id,
                master=instruments.known,
                instrument=instruments.find(effect.segment, effect.security_id),
                refreshed=True,
            )
        )

    async def _find_calendar(self, name: str) -> None:
        days, why = await asyncio.to_thread(self._outside.calendar.find, name)
        self._conductor.post(CalendarFound(at=self._clock.now(), calendar=name, days=days, why=why))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        """Work beside the conductor. Where it fails by a bug of ours the whole run ends, and the next one recovers."""
        if self._group is None:
            raise RuntimeError("an effect before the run began")
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, approved: Approved) -> None:
        """The bytes leave here and now, where they can: all followers are reached before anything else happens."""
        request = approved.request
        if self._dry:
            self._begin(self._pretend(request))
            return
        gateway = self._outside.gateways.get(request.account)
        if gateway is None:
            return  # as if the process had ended before it left: the next run looks what became of it
        self._begin(self._hear(request, gateway.begin(self._outside.wire.encode(approved))))

    async def _hear(self, request: Request, coming: asyncio.Future[Answer]) -> None:
        answer = await coming
        outcome = self._outside.wire.classify(request, answer)
        self._conductor.post(Answered(at=self._clock.now(), request_id=request.request_id, outcome=outcome))

    async def _pretend(self, request: Request) -> None:
        now = self._clock.now()
        self._conductor.post(Answered(at=now, request_id=request.request_id, outcome=dry_outcome(request, now)))
        report = dry_report(request, now)
        self._conductor.post(FrameRead(at=now, account=request.account, raw=b"", reports=(report,)))


async def _look_on(reader: BookReader, looked: set[str]) -> None:
    """Read an account's books, note that it was tried, and go on reading when asked."""
    await reader.read()
    looked.add(reader.account)
    await reader.run()


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()
