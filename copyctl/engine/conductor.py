"""The conductor: takes events in, one after the other, and makes what follows from them durable before it happens.

All that waits is taken at once: each event is one step, all of them one transaction, and then their effects. While the
disk is busy the next events gather, so a slow disk makes larger transactions, not a longer queue.

What cannot be recorded does not happen: the state goes back to where it was, and the same events are tried again until
the store takes them. An event on which the step fails is tried once more on a state read from the journal anew; where
it fails again it is kept, marked, and set aside with a critical alert, and the books are read.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from copyctl.core.state import State
from copyctl.core.step import Step, step
from copyctl.engine.ports import Clock, Instruments, Journal
from copyctl.model.effects import AskInstrument, Effect, Notice
from copyctl.model.events import CommandGiven, Event, EventSetAside, InstrumentFound, TimeReached
from copyctl.model.journal import Entry
from copyctl.model.terms import Level

MOST_AT_ONCE = 256
STORE_RETRY_SECONDS = 0.5


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

    def post(self, event: Event) -> None:
        """Have an event taken in, after those that wait already."""
        self._waiting.append(event)
        self._arrived.set()

    @property
    def idle(self) -> bool:
        """Is nothing waiting to be taken in?"""
        return not self._waiting

    async def run(self) -> None:
        """Take events in for ever."""
        while True:
            await self._something_to_do()
            if not self.turn():
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def _something_to_do(self) -> None:
        """Until an event is there or the next due time has come."""
        if self._waiting:
            await asyncio.sleep(0)
            return
        self._arrived.clear()
        seconds = max(0.0, (self._due_at - self._clock.now()) / 1e9) if self._due_at else None
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            self._due_at = 0
            self.post(TimeReached(at=self._clock.now()))

    def turn(self) -> bool:
        """Take in what waits, make it durable, let it happen. False where the store did not take it."""
        batch = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
        events, entries, effects, undo = deque(batch), [], [], []
        rules = self.state.rules
        due_at = self._due_at
        while events:
            event = events.popleft()
            made = self._step(event)
            if made is None:
                entries.append(Entry(event=event, set_aside=True))
                why = f"{type(event).__name__} failed twice"
                self.post(EventSetAside(at=self._clock.now(), account=getattr(event, "account", ""), why=why))
                continue
            undo.extend(self.state.apply(made.changes))
            self.state.rules = made.rules or self.state.rules
            due_at = made.due_at
            entries.append(Entry(event=event, changes=made.changes, notices=made.notices))
            for effect in made.effects:
                if isinstance(effect, AskInstrument):
                    events.appendleft(self._find(effect))
                else:
                    effects.append(effect)
        if not self._write(entries):
            self.state.apply(reversed(undo))
            self.state.rules = rules
            self._waiting.extendleft(reversed(batch))
            return False
        self._due_at = due_at
        for effect in effects:
            self._perform(effect)
        for entry in entries:
            for notice in entry.notices:
                self._listen(notice)
        return True

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
        try:
            return step(self.state, event)
        except Exception as first:  # noqa: BLE001  our bug: recover, and never let one event stop the others
            rules, tables = self.state.rules, self.state.tables
            self.state = State({name: list(rows.values()) for name, rows in tables.items()})
            self.state.rules = rules
            try:
                return step(self.state, event)
            except Exception as again:
                if isinstance(event, EventSetAside):
                    raise
                text = f"an event was set aside: {type(event).__name__}: {first!r}, then {again!r}"
                self._listen(Notice(at=event.at, event="alert", text=text, level=Level.CRITICAL))
                return None

    def _write(self, entries: list[Entry]) -> bool:
        taken = [entry.event.command_id for entry in entries if isinstance(entry.event, CommandGiven)]
        try:
            self._journal.write(entries, taken)
        except OSError as trouble:
            if not self.store_trouble:
                text = f"the store cannot be written, nothing is sent until it can: {trouble}"
                self._listen(Notice(at=self._clock.now(), event="alert", text=text, level=Level.CRITICAL))
            self.store_trouble = str(trouble)
            return False
        if self.store_trouble:
            self.store_trouble = ""
            text = "the store can be written again"
            self._listen(Notice(at=self._clock.now(), event="alert", text=text, level=Level.WARNING))
        return True
