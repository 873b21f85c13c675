"""The replicator: streams, sweeps, commands and requests around the conductor, from start to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from copyctl.core.access import is_shut
from copyctl.core.left import left_behind
from copyctl.core.pretence import dry_outcome, dry_report
from copyctl.core.state import State
from copyctl.engine.backups import back_up_daily
from copyctl.engine.books import BookReader, has_special
from copyctl.engine.commands import Commands
from copyctl.engine.conductor import Agrees, Conductor
from copyctl.engine.desk import Desk, Work, done
from copyctl.engine.facts import FactReader
from copyctl.engine.pace import paces_of
from copyctl.engine.ports import Calendar, Clock, Gateway, Instruments, Journal, Wire
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
    FrameRead,
    FrameUnreadable,
    InstrumentFound,
    PolicyLoaded,
    Started,
    StreamChanged,
)
from copyctl.model.facts import Ask, BrokerKill, BrokerKillWanted, FactArrived, Question
from copyctl.model.policy import Rules
from copyctl.model.pulse import Pulse, Reads
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Answer, Approved, Fate, Outcome, Request, RequestState
from copyctl.model.terms import Decision

SWEEP_WHILE_DOWN_SECONDS = 2.0
STOP_WITHIN_SECONDS = 8.0
SETTLE_CHECK_SECONDS = 0.02


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An account's connection: its gateway, and the work of its order stream."""

    gateway: Gateway
    stream: Work


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
        self.post = self._conductor.post  # for who watches something that is no part of this
        self._desks: dict[str, Desk] = {}
        for account, gateway in outside.gateways.items():
            self._desks[account] = self._desk(rules, account, gateway)
        now = self._clock.now()
        self._conductor.post(PolicyLoaded(at=now, digest=digest, document=document, rules=rules))
        self._conductor.post(Started(at=now))
        self._commands = Commands(journal=outside.journal, clock=self._clock, post=self._conductor.post)
        self._commands.take()

    def _desk(self, rules: Rules, account: str, gateway: Gateway, stream: Work | None = None) -> Desk:
        post, wire, clock = self._conductor.post, self._outside.wire, self._clock
        before = self._desks.get(account)  # connected anew: what it has spent counts still
        paces = before.paces if before is not None else paces_of(rules.rate_limits, clock)
        return Desk(
            gateway=gateway,
            stream=stream,
            paces=paces,
            reader=BookReader(
                account,
                gateway=gateway,
                wire=wire,
                clock=clock,
                pace=paces.other,
                state=lambda: self._conductor.state,
                post=post,
                special=has_special(rules, account, dry=self._dry),
            ),
            facts=FactReader(account, gateway=gateway, wire=wire, clock=clock, post=post, paces=paces),
        )

    @property
    def state(self) -> State:
        """What is known by now."""
        return self._conductor.state

    @property
    def store_trouble(self) -> str:
        """Why the store cannot be written just now, or ""."""
        return self._conductor.store_trouble

    def pulse(self) -> Pulse:
        """How it stands now, as only this process knows. History and charts are never asked for by a run."""
        accounts = {
            account: Reads(
                data=self.rules.rate_limits.data.per_second, quotes=desk.paces.quotes.left, other=desk.paces.other.left
            )
            for account, desk in self._desks.items()
        }
        return Pulse(at=self._clock.now(), accounts=accounts)

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
        """An account's stream came up or went down. What happened meanwhile in the special books no frame tells."""
        if up and (desk := self._desks.get(account)) is not None:
            desk.reader.owe_special()
        self._conductor.post(StreamChanged(at=self._clock.now(), account=account, up=up, why=why))

    async def refused(self, account: str) -> str:
        """Why the broker refuses this account's token or address; "" where it does not, or cannot be reached."""
        answer = await self._desks[account].gateway.send(self._outside.wire.orders_call())
        reading = self._outside.wire.read_orders(answer, account, self._clock.now())
        return reading.why if reading.refused else ""

    def reload(self) -> None:
        """Have the rules read once more, as a command does."""
        self._commands.reload()

    @property
    def ready(self) -> bool:
        """Are all streams up, and all books read?"""
        accounts = [self.state.tables["account"].get(name) for name in self._desks]
        return all(isinstance(one, Account) and one.ready and one.stream_up for one in accounts)

    @property
    def quiet(self) -> bool:
        """Is nothing waiting, on its way, or of unknown fate?"""
        return self._conductor.idle and not self._tasks and not self.state.tables["request"]

    # --- running ------------------------------------------------------------------------------------------------

    async def run(
        self,
        streams: Mapping[str, Work],
        stop: asyncio.Event,
        *,
        beside: Sequence[Work] = (),
        read_again: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        """Copy until ``stop`` is set; then let what is in flight settle, for some seconds at most. ``streams``: the
        order streams by account; ``beside``: what else goes on until then; ``read_again``: reads the rules once more
        and has them used (``use``), and says why not, or ""."""
        self._commands.read_again = read_again
        async with asyncio.TaskGroup() as group:
            self._group = group
            inner = [group.create_task(self._conductor.run()), group.create_task(self._commands.run())]
            outer = [group.create_task(done(work)) for work in beside]
            outer.append(group.create_task(self._sweep()))
            if not self._dry:
                outer.append(group.create_task(back_up_daily(self._outside.journal, self._clock, self._conductor)))
            for account, desk in self._desks.items():
                desk.stream = streams.get(account)
                desk.begin(group)
            await stop.wait()
            for task in outer:  # nothing new of the leader from now on
                task.cancel()
            for account, desk in self._desks.items():
                desk.turn_away(unread=account == self.rules.leader.client_id)
            await self._settle()
            for task in (*inner, *self._tasks):  # what hangs still is of unknown fate for the next run
                task.cancel()
            for desk in self._desks.values():
                desk.leave()

    async def use(self, policy: PolicyLoaded, fresh: Mapping[str, Link], agrees: Agrees | None = None) -> str:
        """Put other rules in force while the run goes on; why that cannot be, or "". ``fresh``: the accounts that are
        new, or connected anew; ``agrees``: with the plan. What is open keeps the decision that it was made with."""
        if self._group is None:
            raise RuntimeError("rules are reloaded before the run began")
        rules, tables = policy.rules, self.state.tables
        copies = (one for one in tables["copy"].values() if isinstance(one, Copy))
        positions = (one for one in tables["position"].values() if isinstance(one, Position))
        if why := left_behind(rules, copies, positions):
            return why
        if agrees is not None and (why := await self._conductor.agreed(policy, agrees)):
            return why  # nothing may come between that look and the post below
        before = {account: self._desks.get(account) for account in fresh}
        for account, link in fresh.items():
            self._desks[account] = self._desk(rules, account, link.gateway, link.stream)
        self._conductor.post(policy)
        while self._conductor.waits(policy):  # noqa: ASYNC110  the store decides, for as long as it takes
            await asyncio.sleep(SETTLE_CHECK_SECONDS)
        if self.state.rules is not rules:  # something came in between: the step has told what
            for account, desk in before.items():
                del self._desks[account]
                if desk is not None:
                    self._desks[account] = desk
            return "something of a follower that is to go was copied just now; copyctl status tells"
        self.rules = rules
        kept = {rules.leader.client_id, *(one.client_id for one in rules.followers)}
        gone = [account for account in self._desks if account not in kept]
        for desk in (*(self._desks.pop(account) for account in gone), *filter(None, before.values())):
            desk.leave()
        for account, desk in self._desks.items():
            desk.paces.allow(rules.rate_limits)
            if account in fresh:
                desk.begin(self._group)
        return ""

    async def once(self) -> bool:
        """Catch up from the books, act, and return; False where a book could not be read."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            conductor = group.create_task(self._conductor.run())
            leader = self._desks[self.rules.leader.client_id].reader
            followers = [desk.reader for desk in self._desks.values() if desk.reader is not leader]
            others = (reader.read(special=True) for reader in followers)
            readable = [await leader.read(special=True), *await asyncio.gather(*others)]
            readers = [group.create_task(desk.reader.run()) for desk in self._desks.values()]
            readers.extend(group.create_task(desk.facts.run()) for desk in self._desks.values())
            await self._settle(queued=True)
            for task in (conductor, *readers, *self._tasks):
                task.cancel()
        return all(readable)

    async def _settle(self, *, queued: bool = False) -> None:
        """Until no request is on its way (nor, with ``queued``, waiting or unsettled), for some seconds at most."""
        ends = self._clock.now() + int(STOP_WITHIN_SECONDS * 1e9)
        while self._clock.now() < ends:
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

    async def _sweep(self) -> None:
        """Read all books of every account now and then, as a net for lost frames; sooner while its stream is down."""
        while True:
            usual = self.rules.resilience.sweep / 1e9
            await asyncio.sleep(min(usual, SWEEP_WHILE_DOWN_SECONDS) / 2)
            now = self._clock.now()
            for account, desk in self._desks.items():
                known = self.state.tables["account"].get(account)
                shut = isinstance(known, Account) and is_shut(known)  # the core says when it is tried
                often = min(usual, SWEEP_WHILE_DOWN_SECONDS) if self._watched_blind(account) else usual
                if not shut and now - desk.reader.read_at >= often * 1e9:
                    desk.reader.want(special=True)

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
                if (desk := self._desks.get(effect.account)) is not None:
                    desk.reader.want(special=effect.special)
            case Look():
                if (desk := self._desks.get(effect.account)) is not None:
                    self._begin(desk.reader.look(effect.request_id, effect.correlation_id))
            case Ask():
                self._ask(effect.question)
            case RefreshInstruments():
                self._begin(self._refresh(effect))
            case FindCalendar():
                self._begin(self._find_calendar(effect.calendar))
            case AskInstrument():
                pass  # the conductor has answered it in the same turn

    def _ask(self, question: Question) -> None:
        desk = self._desks.get(question.account)
        if desk is None:
            return
        if self._dry and isinstance(question, BrokerKillWanted):  # the one question that changes an account
            text = "a dry run does not turn the broker's switch on"
            fact = BrokerKill(account=question.account, as_of=self._clock.now(), active=True, text=text)
            said = FactArrived(at=self._clock.now(), account=question.account, question=question, fact=fact)
            self._conductor.post(said)
            return
        desk.facts.ask(question)

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
        desk = self._desks.get(request.account)
        if desk is None:
            return  # as if the process had ended before it left: the next run looks what became of it
        try:
            call = self._outside.wire.encode(approved)
        except ValueError as fault:  # nor could it be said later: it is dead, and the others go on
            outcome = Outcome(fate=Fate.REJECTED, category=Category.INPUT, text=f"it cannot be said: {fault}")
            self._conductor.post(Answered(at=self._clock.now(), request_id=request.request_id, outcome=outcome))
            return
        self._begin(self._hear(request, desk.gateway.begin(call)))

    async def _hear(self, request: Request, coming: asyncio.Future[Answer]) -> None:
        answer = await coming
        outcome = self._outside.wire.classify(request, answer)
        self._conductor.post(Answered(at=self._clock.now(), request_id=request.request_id, outcome=outcome))

    async def _pretend(self, request: Request) -> None:
        now = self._clock.now()
        self._conductor.post(Answered(at=now, request_id=request.request_id, outcome=dry_outcome(request, now)))
        report = dry_report(request, now)
        self._conductor.post(FrameRead(at=now, account=request.account, raw=b"", reports=(report,)))
