"""Replays: a recorded day through a policy, and what another policy would have made of it.

Two kinds. *As it was*: everything that a run took in, its followers' answers too, through the rules that it ran with:
the same decisions, to the last one. *As it would be*: the leader's side of the day alone; the followers' broker takes
every order and fills a copy as its leader order fills.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.state import State
from copyctl.core.step import step
from copyctl.lab.decisions import Decisions
from copyctl.lab.figures import Figures
from copyctl.lab.rehearsal import Rehearsal, World
from copyctl.lab.unasked import without_broker
from copyctl.model.calendar import TradingDays
from copyctl.model.events import (
    BooksRead,
    BooksUnreadable,
    CalendarFound,
    CommandGiven,
    Event,
    FrameRead,
    InstrumentFound,
    StreamChanged,
)
from copyctl.model.facts import FactArrived, Funds, Positions, Quote
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Rules
from copyctl.model.terms import Segment
from copyctl.wire.dhan.dialect import Dhan

Row = dict[str, Any]
SETTLES_FOR: Final = 60 * SECOND
"""So long after its last event a day still goes on: what waits is decided by then."""
BEGINS_WITHIN: Final = 60 * SECOND
"""What the leader had to begin with is told within this, or is nothing."""
_DHAN: Final = Dhan()
_OF_THE_LEADER = FrameRead | BooksRead | BooksUnreadable | StreamChanged


def as_it_was(rules: Rules, recorded: Iterable[Event], progress: Callable[[], None] = lambda: None) -> Decisions:
    """The day as the run had it. ``recorded``: every event of its journal, its rules among them; ``rules``: to name
    the followers by."""
    state, decisions = State(), Decisions(rules, rules)
    for event in recorded:
        made = step(state, event)
        state.apply(made.changes)
        state.rules = made.rules or state.rules
        decisions.note(event, made, state)
        progress()
    return decisions


def _no_days(_calendar: str) -> tuple[None, str]:
    return None, "the store tells no trading days of this calendar"


@dataclass(slots=True)
class Told:
    """What a journal tells of the world beside the leader's orders."""

    instruments: dict[tuple[Segment, str], Instrument] = field(default_factory=dict)
    master: bool = False
    days: dict[str, tuple[TradingDays | None, str]] = field(default_factory=dict)

    def learn(self, events: Iterable[Event]) -> None:
        """Take in what these tell."""
        for event in events:
            if isinstance(event, InstrumentFound):
                self.master |= event.master
                if event.instrument is not None:
                    self.instruments[event.segment, event.security_id] = event.instrument
            elif isinstance(event, CalendarFound):
                self.days[event.calendar] = (event.days, event.why)

    def world(self, figures: Figures, days: Callable[[str], tuple[TradingDays | None, str]] = _no_days) -> World:
        """The world of a rehearsal by what is told; ``days``: trading days that are not."""
        return World(
            instrument=lambda segment, security_id: self.instruments.get((segment, security_id)),
            master=self.master,
            days=lambda name: self.days.get(name) or days(name),
            held={},
            fact=figures.answer,
        )


def as_it_would_be(
    rules: Rules, events: Sequence[Event], world: World, figures: Figures, progress: Callable[[], None] = lambda: None
) -> Decisions:
    """The leader's day through a policy. ``figures``: what ``world`` answers from; it learns as the day goes on."""
    in_force = without_broker(rules)
    decisions = Decisions(in_force, rules)
    start = min((event.at for event in events), default=0)
    begins = [one for one in events if isinstance(one, FactArrived) and one.at <= start + BEGINS_WITHIN]
    come = any(_counts(one, in_force.leader.client_id) for one in begins)
    rehearsal = Rehearsal(in_force, world, at=start, watch=decisions.note, positions_come=come)
    for event in events:
        hear(rehearsal, figures, event)
        progress()
    rehearsal.wait_until(rehearsal.now + SETTLES_FOR)
    return decisions


def hear(rehearsal: Rehearsal, figures: Figures, event: Event) -> None:
    """What a recorded event is to a rehearsal: something of the leader's, a figure, or nothing."""
    if isinstance(event, FactArrived) and isinstance(event.fact, Quote | Funds):
        figures.learn([event.fact])  # known to whoever asks from now on
    elif _counts(event, rehearsal.rules.leader.client_id):
        rehearsal.take(event)


def _counts(event: Event, leader: str) -> bool:
    """Is it of the leader's side, or a person's word?"""
    if isinstance(event, CommandGiven):
        return True
    if isinstance(event, FactArrived):
        return event.account == leader and isinstance(event.fact, Positions)
    return isinstance(event, _OF_THE_LEADER) and event.account == leader


def with_what_frames_say(events: Iterable[Event]) -> Iterator[Event]:
    """The events of a journal, with the reports that its frames hold: it keeps these as they came."""
    for event in events:
        if isinstance(event, FrameRead):
            reports = _DHAN.read_frame(event.raw, event.account, event.at).reports
            yield replace(event, reports=reports)
        else:
            yield event


# --- comparing --------------------------------------------------------------------------------------------------------


def changes(before: Iterable[Row], after: Iterable[Row]) -> Iterator[Row]:
    """Order by order, what differs between two replays of one day: decision, reason or quantity."""
    was, now = ({(row["leader_order_id"], row["follower"]): row for row in rows} for rows in (before, after))
    for key in dict.fromkeys((*was, *now)):
        old, new = _short(was.get(key)), _short(now.get(key))
        if old != new:
            yield {"leader_order_id": key[0], "follower": key[1], "from": old, "to": new}


def _short(row: Row | None) -> Row | None:
    """A decision in three words; None: there is no such row."""
    if row is None:
        return None
    order = row["order"]
    return {
        "decision": row["decision"],
        "reason": row["reason"],
        "quantity": order["quantity"] if order is not None else 0,
    }
