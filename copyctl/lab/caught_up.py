"""Caught up: what a run would know, and would ask for, once it had read what the broker shows now.

The records of a journal, fed with the books as they were just read: the core folds them in and decides, as at a start
or at a sweep, and nothing it asks for is sent. So what the rules want of every order is said by the very functions that
decide it, by what leader and followers have at this moment.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from copyctl.core.state import State
from copyctl.core.step import step
from copyctl.lab.rehearsal import World
from copyctl.lab.unasked import without_broker
from copyctl.model.effects import AskInstrument, Effect, FindCalendar, ReadBooks
from copyctl.model.events import (
    BooksRead,
    CalendarFound,
    Event,
    InstrumentFound,
    PolicyLoaded,
    Started,
    StreamChanged,
    TimeReached,
)
from copyctl.model.facts import Ask, FactArrived, Lack, Positions, PositionsWanted, Question
from copyctl.model.policy import Rules
from copyctl.model.records import Record

MOST_STEPS = 10_000
"""Reading leads to no more steps than this, or the core goes round in circles."""
LOOKS = 3
"""So often an account's books are shown again where the core asks for them: nothing has changed meanwhile."""


def caught_up(
    records: Mapping[str, Sequence[Record]],
    rules: Rules,
    books: Sequence[BooksRead],
    positions: Mapping[str, Positions],
    world: World,
    *,
    now: int,
    begins: bool,
) -> Mapping[str, Sequence[Record]]:
    """The records by table as they would be at ``now`` (ns), with these books and positions read, the leader's first.

    ``begins``: no run is alive, so that one would start; else one goes on. Checks that only the broker could answer
    (margins, price bands) are not made; other figures are those that ``world`` knows.
    """
    one = _Reading(rules=without_broker(rules), state=State(records), world=world, now=now)
    one.books = {book.account: book for book in books}
    one.positions = dict(positions)
    if begins:
        one.take(PolicyLoaded(at=now, digest=rules.digest, document="", rules=one.rules))
        one.take(Started(at=now))
        for account in one.books:
            one.take(StreamChanged(at=now, account=account, up=True))
    else:
        one.state.rules = one.rules
    for book in one.books.values():
        one.take(replace(book, at=now))
    for account, told in one.positions.items():
        one.take(FactArrived(at=now, account=account, question=PositionsWanted(account=account), fact=told))
    one.take(TimeReached(at=now))
    return {name: list(rows.values()) for name, rows in one.state.tables.items()}


@dataclass(slots=True, kw_only=True)
class _Reading:
    rules: Rules
    state: State
    world: World
    now: int
    books: dict[str, BooksRead] = field(default_factory=dict)
    positions: dict[str, Positions] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """One event, and all that it leads to."""
        coming: deque[Event] = deque((event,))
        for _ in range(MOST_STEPS):
            if not coming:
                return
            made = step(self.state, coming.popleft())
            self.state.apply(made.changes)
            self.state.rules = made.rules or self.state.rules
            for effect in made.effects:
                answer = self._answer(effect)
                if isinstance(answer, InstrumentFound):
                    coming.appendleft(answer)  # in the same turn, as in a run
                elif answer is not None:
                    coming.append(answer)
        raise RuntimeError(f"one event leads to more than {MOST_STEPS} steps")

    def _answer(self, effect: Effect) -> Event | None:
        match effect:
            case AskInstrument():
                return InstrumentFound(
                    at=self.now,
                    segment=effect.segment,
                    security_id=effect.security_id,
                    master=self.world.master,
                    instrument=self.world.instrument(effect.segment, effect.security_id),
                )
            case FindCalendar():
                days, why = self.world.days(effect.calendar)
                return CalendarFound(at=self.now, calendar=effect.calendar, days=days, why=why)
            case Ask() if isinstance(effect.question, PositionsWanted):
                return None  # they are told by themselves
            case Ask():
                return self._fact(effect.question)
            case ReadBooks():
                return self._again(effect.account)
        return None

    def _fact(self, question: Question) -> Event | None:
        said = self.world.fact(question, self.now)
        if said is None:
            return None
        if isinstance(said, Lack):
            why = "nobody is asked while accounts are compared"
            return FactArrived(at=self.now, account=question.account, question=question, lack=said, why=why)
        return FactArrived(at=self.now, account=question.account, question=question, fact=said)

    def _again(self, account: str) -> Event | None:
        """The same books once more, as read a moment later."""
        book, times = self.books.get(account), self.shown.get(account, 0)
        if book is None or times >= LOOKS:
            return None
        self.shown[account] = times + 1
        self.now += 1
        return replace(book, at=self.now, asked_at=self.now)
