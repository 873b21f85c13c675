"""A shadow over a recorded day: it decides what a replay decides, however often it was ended on the way."""

from datetime import date, timedelta

import pytest

from copyctl.core.state import State
from copyctl.lab.decisions import Decisions
from copyctl.lab.figures import Figures
from copyctl.lab.rehearsal import World
from copyctl.lab.replay import as_it_would_be
from copyctl.lab.shadow import Shadow
from copyctl.lab.tapes import read_tape
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import Send
from copyctl.model.events import BooksRead, Event, FrameRead, StreamChanged
from copyctl.model.facts import FactArrived, Positions, PositionsWanted
from copyctl.model.records import Copy
from copyctl.model.terms import Decision
from copyctl.rules import load
from tests.tapes.leader_day import DEMO, TAPE

RULES = load(DEMO, {}, offline=True)
LEADER = RULES.leader.client_id
SETTLED = 60_000_000_000
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
WEEKDAYS = tuple(
    one for one in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)) if one.weekday() < 5
)


def days(name: str) -> tuple[TradingDays, str]:
    return TradingDays(calendar=name, first=FIRST, last=LAST, open_days=WEEKDAYS), ""


def book(frame: FrameRead) -> BooksRead:
    return BooksRead(at=frame.at, account=LEADER, asked_at=frame.at)


@pytest.fixture(scope="module")
def day() -> list[Event]:
    """The leader's day with what a run reads of him: he has nothing as it begins, and his book tells what frames do."""
    with TAPE.open() as lines:
        tape = read_tape(lines, LEADER)
    at = tape.started_at
    flat = Positions(account=LEADER, as_of=at)
    return [
        StreamChanged(at=at, account=LEADER, up=True),
        BooksRead(at=at, account=LEADER, asked_at=at, armed=(), super_read=True),
        FactArrived(at=at, account=LEADER, question=PositionsWanted(account=LEADER), fact=flat),
        *(one for event in tape.events for one in (event, *([book(event)] if isinstance(event, FrameRead) else []))),
    ]


class Kept:
    """A shadow and what is kept of it: it can be ended, and go on from that."""

    def __init__(self, at: int) -> None:
        self.state = State()
        self.sent = 0
        self.begin(at, goes_on=False)

    def begin(self, at: int, *, goes_on: bool = True) -> None:
        records = {name: list(rows.values()) for name, rows in self.state.tables.items()} if goes_on else None
        self.shadow = Shadow(RULES, at=at, known={}, records=records, days=days, keep=self._keep)

    def _keep(self, _event: Event, made: object, _state: object) -> None:
        self.state.apply(made.changes)
        self.sent += sum(isinstance(one, Send) for one in made.effects)

    def decided(self) -> dict[tuple[str, str], tuple[object, ...]]:
        copies = [one for one in self.state.tables["copy"].values() if isinstance(one, Copy)]
        return {(one.leader_order_id, one.follower): said(one) for one in copies}


def said(copy: Copy) -> tuple[object, ...]:
    return copy.decision, copy.reason, copy.detail, copy.rule, copy.filled, [slot.asked for slot in copy.slots]


def played(day: list[Event], every: int) -> Kept:
    """The day in pieces, the shadow ended after each."""
    kept = Kept(day[0].at)
    for first in range(0, len(day), every):
        if first:
            kept.begin(day[first - 1].at)
        kept.shadow.hear(day[first : first + every])
    kept.shadow.wait_until(day[-1].at + SETTLED)
    return kept


@pytest.fixture(scope="module")
def whole(day: list[Event]) -> Kept:
    return played(day, len(day))


def test_it_decides_what_a_replay_of_that_day_decides(day: list[Event], whole: Kept) -> None:
    figures = Figures()
    world = World(instrument=lambda *_: None, master=False, days=days, held={}, fact=figures.answer)
    replayed: Decisions = as_it_would_be(RULES, day, world, figures)
    assert whole.decided() == {(one.leader_order_id, one.follower): said(one) for one in replayed.copies()}


def test_ended_again_and_again_it_goes_on_as_if_it_never_was(day: list[Event], whole: Kept) -> None:
    pieces = played(day, 97)
    assert pieces.decided() == whole.decided()
    assert pieces.sent == whole.sent
    counted = [one[0] for one in whole.decided().values()]
    assert counted.count(Decision.COPIED) > 250


def test_an_exit_that_is_placed_anew_at_the_market_trades_there(whole: Kept) -> None:
    copies = [one for one in whole.state.tables["copy"].values() if isinstance(one, Copy)]
    anew = [one for one in copies if one.exit and len(one.slots) > 1 and one.slots[-1].asked.order_type == "MARKET"]
    assert anew
    assert all(one.filled for one in anew)
