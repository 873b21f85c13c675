"""The process of a shadow: it follows the journal of a run, decides by other rules, and keeps that in its own store.

The journal of the run is the queue between both. A run never waits for its shadow, which drops nothing however slow
it is, and which has no connection to any broker. It ends when its standard input does: when the run has ended, or was
killed.
"""

import os
import select
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from copyctl.cli.main import Unseen
from copyctl.cli.shadow import PLACE, RULES, SINCE, Given
from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.edge.clock import SystemClock
from copyctl.edge.journal import Journal, StoreError, StoreLocked, open_journal
from copyctl.edge.journal_events import numbered_events
from copyctl.edge.journal_reader import JournalReader, Place, RulesKept
from copyctl.edge.trading_days import Calendars
from copyctl.lab.shadow import Shadow
from copyctl.model.events import Event
from copyctl.model.journal import Entry
from copyctl.rules import rules_of

PAUSE_SECONDS: Final = 0.2
BEHIND: Final = 1_000_000_000
"""Time passes here so much later than for the run (ns): whatever came in until then is in its journal."""
MOST_AT_ONCE: Final = 1000
LOCKED_SECONDS: Final = 10.0
"""How long the shadow of a run that was killed may take to notice."""
NICE: Final = 10
"""The run goes first where there are too few cores."""


class Pursuit:
    """A shadow on its store, behind a run. ``turn`` takes in what has happened since the last one.

    It goes on where its store ends, so that what it has bought it can sell: with the same rules, and behind the same
    journal. Else it begins anew with what comes now, and the store that was there is moved aside.
    """

    def __init__(self, given: Given) -> None:
        self._live = JournalReader(Path(given.live))
        self._rules = replace(rules_of(given.document), digest=given.digest)
        self._calendars = Calendars(Path(given.store))
        self._entries: list[Entry] = []
        self._shadow: Shadow | None = None
        self._journal, self._place = self._store(given)

    def _store(self, given: Given) -> tuple[Journal, Place]:
        """The store, and up to where it has followed the run's journal."""
        folder = Path(given.store)
        journal = _opened(folder, given.leader)
        noted, place = _noted(folder)
        if noted == given.digest and self._live.place(place.seq) == place:
            return journal, place
        if noted is not None:
            journal.close()
            folder.rename(folder.with_name(f"{folder.name}-until-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
            journal = _opened(folder, given.leader)
        place = self._live.place(given.after)
        for key, value in ((PLACE, _told(place)), (SINCE, str(given.since)), (RULES, given.digest)):
            journal.mark(key, value)
        return journal, place

    def turn(self, now: int) -> bool:
        """Take in the next of what has happened; is there more?"""
        taken = list(islice(numbered_events(self._live, self._place.seq), MOST_AT_ONCE))
        more = len(taken) == MOST_AT_ONCE
        events = [event for _, event in taken if not isinstance(event, RulesKept)]
        if self._shadow is None and events:
            self._shadow = self._begun(events[0].at)
        if self._shadow is not None:
            self._shadow.hear(events)
            if not more:
                self._shadow.wait_until(now - BEHIND)
        self._write()
        if taken:  # what is taken twice, after a crash just here, is no news the second time
            self._place = self._live.place(taken[-1][0])
            self._journal.mark(PLACE, _told(self._place))
        return more

    def close(self) -> None:
        """Let both stores go."""
        self._journal.close()
        self._live.close()

    def _begun(self, at: int) -> Shadow:
        records = self._journal.records()
        return Shadow(
            self._rules,
            at=at,
            known=self._live.records(),
            records=records if any(records.values()) else None,
            days=self._calendars.find,
            keep=self._keep,
        )

    def _keep(self, event: Event, made: Step, _state: State) -> None:
        self._entries.append(Entry(event=event, changes=made.changes, notices=made.notices))

    def _write(self) -> None:
        if self._entries:
            self._journal.write(self._entries)
            self._entries.clear()
        else:
            self._journal.rest()


def _noted(folder: Path) -> tuple[str | None, Place]:
    """By which rules the shadow of this store decided, None for none yet, and up to where it came."""
    reader = JournalReader(folder)
    try:
        seq, _, link = (reader.meta(PLACE) or "0 ").partition(" ")
        return reader.meta(RULES), Place(int(seq), link)
    finally:
        reader.close()


def _told(place: Place) -> str:
    return f"{place.seq} {place.hash}"


def _opened(folder: Path, leader: str) -> Journal:
    """The store; what is lost of it in a power cut has cost nobody anything."""
    patient_until = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            return open_journal(folder, leader=leader, durable=False)
        except StoreLocked:  # by the shadow of a run that was killed just now
            if time.monotonic() > patient_until:
                raise
            time.sleep(PAUSE_SECONDS)


def _follow(given: Given) -> None:
    """Until standard input ends, and all that was recorded by then is taken in."""
    pursuit, clock, ended = Pursuit(given), SystemClock(), False
    try:
        while not ended:
            ended = bool(select.select([sys.stdin], [], [], PAUSE_SECONDS)[0])
            while pursuit.turn(clock.now()):
                pass
    finally:
        pursuit.close()


def main() -> None:
    """A shadow, from its first line of input to the end of it."""
    for one in (signal.SIGINT, signal.SIGTERM):  # meant for the run, which sees to the rest
        signal.signal(one, signal.SIG_IGN)
    os.nice(NICE)
    given = msgspec.json.decode(sys.stdin.buffer.readline(), type=Given)
    try:
        _follow(given)
    except (StoreError, OSError) as trouble:
        sys.stderr.write(f"{trouble}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    with Unseen():
        main()
