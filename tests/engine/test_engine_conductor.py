"""What the conductor does where a step fails: one bad record must not stop the others. Real journal, real step."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from copyctl.edge.clock import SystemClock
from copyctl.edge.journal import Journal, open_journal
from copyctl.engine.conductor import Conductor
from copyctl.model.effects import Effect, Notice, Send
from copyctl.model.events import Answered, BooksRead, Event, FrameRead, PolicyLoaded, Started, StreamChanged
from copyctl.model.facts import FactArrived, Positions, PositionsWanted
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Entry
from copyctl.model.order import ExecutionReport
from copyctl.model.records import Change, Copy
from copyctl.model.request import Fate, Outcome, RequestKind
from copyctl.model.terms import Level, Segment
from tests.core.building import ALICE, BOB, INSTRUMENTS, LEADER, report, rules

CLOCK = SystemClock()


class _Master:
    known = True

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        return INSTRUMENTS.get(f"{segment}/{security_id}")


class Run:
    """A conductor on a journal, with what it sent and told; everything is acknowledged at once."""

    def __init__(self, journal: Journal) -> None:
        self.effects: list[Effect] = []
        self.notices: list[Notice] = []
        self.conductor = Conductor(
            journal=journal,
            clock=CLOCK,
            instruments=_Master(),
            perform=self.effects.append,
            listen=self.notices.append,
        )
        now = CLOCK.now()
        policy = {"market_hours": {"enforce": False}, "checks": {"margin": False, "price_band": "none"}}
        loaded = PolicyLoaded(at=now, digest="d", document="{}", rules=rules(policy, followers=2))
        self.feed(loaded, Started(at=now))
        for account in (LEADER, ALICE, BOB):
            self.feed(StreamChanged(at=now, account=account, up=True), BooksRead(at=now, account=account, asked_at=now))
            wanted = PositionsWanted(account=account)
            self.feed(FactArrived(at=now, account=account, question=wanted, fact=Positions(account=account, as_of=now)))

    def feed(self, *events: Event) -> None:
        for event in events:
            self.conductor.post(event)
        while not self.conductor.idle:
            assert self.conductor.turn()

    def leader(self, **said: object) -> None:
        self.feed(FrameRead(at=CLOCK.now(), account=LEADER, raw=b"", reports=(_seen(**said),)))

    def sent(self) -> list[tuple[str, RequestKind]]:
        """What left since the last time, and is taken by the broker now."""
        requests = [one.approved.request for one in self.effects if isinstance(one, Send)]
        self.effects.clear()
        for one in requests:
            outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(one.order_id or f"at-{one.account}",))
            self.feed(Answered(at=CLOCK.now(), request_id=one.request_id, outcome=outcome))
        return [(one.account, one.kind) for one in requests]

    def alerts(self) -> list[str]:
        return [one.text for one in self.notices if one.event == "alert" and one.level is Level.CRITICAL]


def _seen(**said: object) -> ExecutionReport:
    now = CLOCK.now()
    return report(LEADER, "L1", as_of=now, broker_time=time.time_ns() // 1_000_000_000 * 1_000_000_000, **said)


@pytest.fixture
def journal(tmp_path: Path):
    opened = open_journal(tmp_path, leader=LEADER)
    yield opened
    opened.close()


def spoil(journal: Journal, account: str, lot_size: int = 0) -> None:
    """Give this follower's copy a lot size, by default one that no arithmetic survives."""
    copies = [one for one in journal.records()["copy"] if isinstance(one, Copy) and one.follower == account]
    (copy,) = copies
    assert copy.sizing is not None
    bad = replace(copy, sizing=replace(copy.sizing, lot_size=lot_size))
    change = Change(table="copy", key=f"L1/{account}", record=bad)
    journal.write([Entry(event=Started(at=1), changes=(change,))])


def test_an_event_that_fails_for_one_follower_alone_holds_that_one_and_the_others_go_on(journal: Journal) -> None:
    first = Run(journal)
    first.leader(price=100)
    assert sorted(first.sent()) == [(ALICE, RequestKind.PLACE), (BOB, RequestKind.PLACE)]
    spoil(journal, BOB)
    run = Run(journal)
    run.sent()
    run.leader(price=101, quantity=200)
    assert run.sent() == [(ALICE, RequestKind.MODIFY)]
    assert [text for text in run.alerts() if "nothing is decided for this follower" in text]
    run.leader(price=102, quantity=200)
    assert run.sent() == [(ALICE, RequestKind.MODIFY)]
    held = {one.account: one.held for one in journal.records()["account"]}
    assert held[BOB]
    assert not held[ALICE]


def test_a_held_follower_is_tried_again_by_the_next_start(journal: Journal) -> None:
    test_an_event_that_fails_for_one_follower_alone_holds_that_one_and_the_others_go_on(journal)
    spoil(journal, BOB, lot_size=5)
    again = Run(journal)
    assert again.sent() == [(BOB, RequestKind.MODIFY)]
    assert not again.alerts()


def test_an_event_that_fails_whoever_is_left_out_is_set_aside_and_the_books_are_read(journal: Journal) -> None:
    first = Run(journal)
    first.leader(price=100)
    first.sent()
    spoil(journal, ALICE)
    spoil(journal, BOB)
    run = Run(journal)
    run.sent()
    run.effects.clear()
    run.leader(price=101, quantity=200)
    assert not [one for one in run.effects if isinstance(one, Send)]
    assert [text for text in run.alerts() if "set aside" in text]
    assert {type(one).__name__ for one in run.effects} == {"ReadBooks"}


def test_a_change_whose_order_is_over_by_the_end_of_the_turn_does_not_leave(journal: Journal) -> None:
    """Where events have gathered (a full disk), one turn may send a change and learn that its order has traded: what
    the journal does not hold as sent is not sent."""
    run = Run(journal)
    run.leader(price=100)
    run.sent()
    now = CLOCK.now()
    run.conductor.post(FrameRead(at=now, account=LEADER, raw=b"", reports=(_seen(price=101),)))
    traded = report(ALICE, f"at-{ALICE}", "TRADED", as_of=now, quantity=50, filled=50)
    run.conductor.post(FrameRead(at=now, account=ALICE, raw=b"", reports=(traded,)))
    assert run.conductor.turn()
    stored = {one.request_id for one in journal.records()["request"]}
    left = {one.approved.request.request_id for one in run.effects if isinstance(one, Send)}
    assert left == stored
    assert run.sent() == [(BOB, RequestKind.MODIFY)]


async def test_a_conductor_with_nothing_to_do_lets_the_journal_rest_once_and_sleeps(journal: Journal) -> None:
    run = Run(journal)
    rests: list[int] = []
    journal.rest = lambda: rests.append(CLOCK.now())  # type: ignore[method-assign]
    task = asyncio.create_task(run.conductor.run())
    for _ in range(2):
        run.conductor.post(FrameRead(at=CLOCK.now(), account=LEADER, raw=b"", reports=(_seen(price=100),)))
        await asyncio.sleep(0.5)
    task.cancel()
    assert len(rests) == 2
