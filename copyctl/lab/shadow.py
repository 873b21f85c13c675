"""A shadow: a policy that decides beside the one that runs, on everything that happens to that one.

It is the replay of a day that is not over yet: fed with what the run's journal tells, event by event, it decides what
``replay`` of that journal would decide. Its followers' broker takes every order and fills a copy as its leader order
fills; they hold what they bought here and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence

from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.lab.figures import Figures
from copyctl.lab.rehearsal import Rehearsal
from copyctl.lab.replay import Told, hear, with_what_frames_say
from copyctl.lab.unasked import without_broker
from copyctl.model.calendar import TradingDays
from copyctl.model.events import Event, InstrumentFound
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Rules
from copyctl.model.records import Record

Records = Mapping[str, Sequence[Record]]
Days = Callable[[str], tuple[TradingDays | None, str]]


class Shadow:
    """One shadow. ``known``: the records of the run, for what it knew before; ``records``: those of the shadow where
    it goes on, None where it begins; ``days``: trading days that the run does not know; ``keep`` is called after every
    step, with the event and what it decided."""

    def __init__(
        self,
        rules: Rules,
        *,
        at: int,
        known: Records,
        records: Records | None,
        days: Days,
        keep: Callable[[Event, Step, State], None],
    ) -> None:
        self._told = Told()
        self._days = days
        self._figures = Figures()
        for one in (row for rows in known.values() for row in rows):
            self._figures.learn([one])
            if isinstance(one, Instrument) and one.known:
                self._told.master |= one.from_master
                self._told.instruments[one.segment, one.security_id] = one
            elif isinstance(one, TradingDays):
                self._told.days[one.calendar] = (one, "")
        self._rehearsal = Rehearsal(
            without_broker(rules),
            self._told.world(self._figures, self._days),
            at=at,
            digest=rules.digest,
            records=records,
            led=True,
            goes_on=records is not None,
            watch=keep,
        )

    def hear(self, events: Sequence[Event]) -> None:
        """These happened to the run, one after the other. What they tell of instruments is known to all of them: a run
        keeps the order that it asked for first."""
        self._told.learn(events)
        self._rehearsal.world = self._told.world(self._figures, self._days)
        for event in with_what_frames_say(events):
            if isinstance(event, InstrumentFound) and event.refreshed:
                self._rehearsal.take(event)
            else:
                hear(self._rehearsal, self._figures, event)

    def wait_until(self, moment: int) -> None:
        """Nothing else happened up to a moment (ns)."""
        self._rehearsal.wait_until(moment)
