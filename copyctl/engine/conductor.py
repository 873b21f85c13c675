"""The conductor: takes events in, one after the other, and makes what follows from them durable before it happens.

All that waits is taken at once: each event is one step, all of them one transaction, and then their effects. While the
disk is busy the next events gather, so a slow disk makes larger transactions, not a longer queue. An event of which
nothing follows is written with the next one, or a few milliseconds later: whatever is done stands on a journal that
holds everything before it.

What cannot be recorded does not happen: the state goes back to where it was, and the same events are tried again until
the store takes them, as of that moment: what waited for too long is late. An event on which the step fails is tried
once more on a state read from the journal anew. Where it fails again it is tried without each of the followers: one
that it fails for alone is held, and the others go on. Else it is kept, marked, and set aside with a critical alert, and
the books are read.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from copyctl.core.state import State
from copyctl.core.step import Step, step
from copyctl.engine.ports import Clock, Instruments, Journal
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.effects import AskInstrument, Effect, Notice, Send, alert_notice
from copyctl.model.events import (
    BooksRead,
    CommandGiven,
    Event,
    EventSetAside,
    FollowerHeld,
    FrameRead,
    InstrumentFound,
    PolicyLoaded,
    StreamChanged,
    TimeReached,
)
from copyctl.model.journal import Entry
from copyctl.model.records import Change
from copyctl.model.request import Request, RequestState

Agrees = Callable[[State, Step, Step], str]
"""Is what was planned what would be done? By the state, by what follows of the moment alone, and by what follows of the
new rules; why not, or ""."""
MOST_AT_ONCE = 256
STORE_RETRY_SECONDS = 0.5
GATHER_SECONDS = 0.005
"""How long something of which nothing follows may wait to be written, together with what comes next."""
DEAF_AFTER_NANOSECONDS = 2_000_000_000
"""How long the store may take nothing before what came meanwhile counts as missed."""
CALM_WITHIN_SECONDS = 5.0
CALM_EVERY_SECONDS = 0.002
REST_SECONDS = 0.02
"""After so long without an event the journal may do what it has put off."""


class Conductor:
    """The one place where state moves on.

    ``perform`` lets an effect happen; it is called only with what is durable. ``listen`` is told of each notice.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        instruments: Instruments,
        perform: Callable[[Effect], None],
        listen: Callable[[Notice], None],
    ) -> None:
        self.state = State(journal.records())
        self.store_trouble = ""
        self._journal = journal
        self._clock = clock
        self._instruments = instruments
        self._perform = perform
        self._listen = listen
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._due_at = 0
        self._taken_in: list[Event] = []
        self._entries: list[Entry] = []
        self._effects: list[Effect] = []
        self._undo: list[Change] = []
        self._rules_before = self.state.rules
        self._rested = False
        self._trouble_since = 0
        self._deaf = False
        self._not_before = 0

    def post(self, event: Event) -> None:
        """Have an event taken in, after those that wait already."""
        self._waiting.append(event)
        self._arrived.set()

    def waits(self, event: Event) -> bool:
        """Is this event not taken in yet, or not written?"""
        return any(one is event for one in (*self._waiting, *self._taken_in))

    async def agreed(self, policy: PolicyLoaded, agrees: Agrees) -> str:
        """Does what these rules would do now agree with what was planned? Why not, or "". What is posted right after
        the answer is taken in on just the state that was looked at."""
        ends = self._clock.now() + int(CALM_WITHIN_SECONDS * 1e9)
        while self._waiting:  # what has come in already is taken in first
            if self._clock.now() > ends:
                return "what came in before is not taken in yet (copyctl status): try again"
            await asyncio.sleep(CALM_EVERY_SECONDS)
        as_is, would = self._tried(TimeReached(at=policy.at)), self._tried(policy)
        if isinstance(as_is, Step) and isinstance(would, Step):
            return agrees(self.state, as_is, would)
        return f"a plan cannot be made of these rules: {would if isinstance(as_is, Step) else as_is!r}"

    @property
    def idle(self) -> bool:
        """Is nothing waiting to be taken in or to be written?"""
        return not self._waiting and not self._taken_in

    async def run(self) -> None:
        """Take events in for ever; what was taken in last is written before it ends."""
        try:
            while True:
                await self._something_to_do()
                if not self.turn():
                    await asyncio.sleep(STORE_RETRY_SECONDS)
        finally:
            self.write()

    async def _something_to_do(self) -> None:
        """Until an event is there, the next due time has come, or what was taken in must be written."""
        if self._waiting:
            await asyncio.sleep(0)
            return
        self._arrived.clear()
        seconds = max(0.0, (self._due_at - self._clock.now()) / 1e9) if self._due_at else None
        pause = GATHER_SECONDS if self._taken_in else REST_SECONDS if not self._rested else None
        if pause is not None:
            seconds = pause if seconds is None else min(seconds, pause)
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            if self._due_at and self._due_at <= self._clock.now():
                self._due_at = 0
                self.post(TimeReached(at=self._clock.now()))
            elif not self._taken_in and not self._rested:
                self._rested = True
                self._journal.rest()

    def turn(self) -> bool:
        """Take in what waits; where something is to be done, or nothing waits, make it durable and let it happen.

        False where the store did not take it.
        """
        if self._trouble_since:
            self._not_before = self._clock.now()
        batch = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
        self._rested = self._rested and not batch
        if not self._taken_in:
            self._rules_before = self.state.rules
        self._taken_in.extend(batch)
        events = deque(map(self._as_of_now, batch))
        while events:
            event = events.popleft()
            made = self._step(event)
            if made is None and (held := self._without_one(event)) is not None:
                events.extendleft((event, held))
                continue
            if made is None:
                self._entries.append(Entry(event=event, set_aside=True))
                why = f"{type(event).__name__} failed twice"
                self.post(EventSetAside(at=self._clock.now(), account=getattr(event, "account", ""), why=why))
                continue
            self._undo.extend(self.state.apply(made.changes))
            self.state.rules = made.rules or self.state.rules
            self._due_at = made.due_at
            self._entries.append(Entry(event=event, changes=made.changes, notices=made.notices))
            for effect in made.effects:
                if isinstance(effect, AskInstrument):
                    events.appendleft(self._find(effect))
                else:
                    self._effects.append(effect)
        return self.write() if self._effects or not batch else True

    def write(self) -> bool:
        """Make everything durable that was taken in so far, and let it happen. False where the store did not take it:
        then the state is as it was before, and the same events wait again."""
        if not self._taken_in:
            return True
        written = self._write(self._entries)
        entries, effects, events = self._entries, self._effects, self._taken_in
        if not written:
            self.state.apply(reversed(self._undo))
            self.state.rules = self._rules_before
            self._waiting.extendleft(reversed(events))
            self._waiting.extendleft(self._unheard())
        self._entries, self._effects, self._taken_in, self._undo = [], [], [], []
        if not written:
            return False
        for effect in effects:
            if not self._is_taken_back(effect):
                self._perform(effect)
        for entry in entries:
            for notice in entry.notices:
                self._listen(notice)
        return True

    def _as_of_now(self, event: Event) -> Event:
        """The event; what the store has kept waiting is taken in at this moment, not when it came. A frame that waited
        for long is kept and says nothing any more: step by step it would look as if it happened now."""
        waited = self._not_before - event.at
        if waited <= 0:
            return event
        if isinstance(event, FrameRead) and waited >= DEAF_AFTER_NANOSECONDS:
            return replace(event, at=self._not_before, reports=())
        if isinstance(event, BooksRead):  # the broker's clock was read when it came
            return replace(event, at=self._not_before, date=0)
        return replace(event, at=self._not_before)

    def _unheard(self) -> list[Event]:
        """A store that takes nothing for long is as good as a broken stream: what happened meanwhile is caught up with
        as after a reconnect, by the books and the rules for what is late."""
        now = self._clock.now()
        if self._deaf or now - self._trouble_since < DEAF_AFTER_NANOSECONDS:
            return []
        self._deaf = True
        accounts = [one for one in self.state.tables["account"].values() if isinstance(one, Account)]
        return [StreamChanged(at=now, account=one.account, up=True) for one in accounts if one.stream_up]

    def _is_taken_back(self, effect: Effect) -> bool:
        """Was this request dropped by a later event of the turn, its order being over? Then the journal does not hold
        it as sent, and it does not leave."""
        if not isinstance(effect, Send):
            return False
        request = self.state.tables["request"].get(effect.approved.request.request_id)
        return not (isinstance(request, Request) and request.state is RequestState.SENT)

    def _find(self, effect: AskInstrument) -> InstrumentFound:
        return InstrumentFound(
            at=self._clock.now(),
            segment=effect.segment,
            security_id=effect.security_id,
            master=self._instruments.known,
            instrument=self._instruments.find(effect.segment, effect.security_id),
        )

    def _step(self, event: Event) -> Step | None:
        """One step, tried a second time on a state built anew; None where it fails again."""
        first = self._tried(event)
        if isinstance(first, Step):
            return first
        rules, tables = self.state.rules, self.state.tables
        self.state = State({name: list(rows.values()) for name, rows in tables.items()})
        self.state.rules = rules
        again = self._tried(event)
        if isinstance(again, Step):
            return again
        if isinstance(event, EventSetAside):
            raise again
        text = f"an event could not be taken in: {type(event).__name__}: {first!r}, then {again!r}"
        self._listen(alert_notice(event.at, Alert.SET_ASIDE, text))
        return None

    def _tried(self, event: Event) -> Step | Exception:
        try:
            return step(self.state, event)
        except Exception as bug:  # noqa: BLE001  our bug: recover, and never let one event stop the others
            return bug

    def _without_one(self, event: Event) -> FollowerHeld | None:
        """The follower without whom the event can be taken in, where there is just such a one."""
        rules = self.state.rules
        if isinstance(event, FollowerHeld) or rules is None or len(rules.followers) < 2:
            return None
        for follower in rules.followers:
            why = f"{type(event).__name__} failed twice for it"
            held = FollowerHeld(at=event.at, account=follower.client_id, why=why)
            made = self._tried(held)
            if not isinstance(made, Step):
                continue
            undo = self.state.apply(made.changes)
            works = isinstance(self._tried(event), Step)
            self.state.apply(reversed(undo))
            if works:
                return held
        return None

    def _write(self, entries: list[Entry]) -> bool:
        taken = [entry.event.command_id for entry in entries if isinstance(entry.event, CommandGiven)]
        try:
            self._journal.write(entries, taken)
        except OSError as trouble:
            if not self.store_trouble:
                self._trouble_since = self._clock.now()
                text = f"the store cannot be written, nothing is sent until it can: {trouble}"
                self._listen(alert_notice(self._clock.now(), Alert.STORE_TROUBLE, text))
            self.store_trouble = str(trouble)
            return False
        if self.store_trouble:
            self.store_trouble, self._trouble_since, self._deaf = "", 0, False
            text = "the store can be written again"
            self._listen(alert_notice(self._clock.now(), Alert.STORE_WELL, text))
        return True
