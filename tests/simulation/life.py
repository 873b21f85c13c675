"""One life of the process, from its start to its end or to its death: the real engine on the real journal."""

import asyncio
import contextlib
import datetime
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from copyctl.edge import clock as edge_clock
from copyctl.edge.clock import SystemClock
from copyctl.edge.journal import Journal, open_journal
from copyctl.edge.journal_file import FILE
from copyctl.engine import commands as engine
from copyctl.engine.replicator import Outside, Replicator
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import Notice
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Command, Entry
from copyctl.model.records import Record
from copyctl.model.terms import Segment
from copyctl.wire.dhan.dialect import Dhan
from tests.simulation.exchange import SECURITIES
from tests.simulation.network import Link, Stream
from tests.simulation.timeline import MS, Timeline, VirtualLoop

if TYPE_CHECKING:
    from tests.simulation.day import Day

COMMANDS_EVERY_SECONDS: Final = 5.0
"""A day would be spent asking for commands otherwise: a hundred thousand times, for two of them."""

_BY_KEY: Final = {(one.instrument.segment, one.id): one.instrument for one in SECURITIES}


class Killed(SystemExit):
    """The process dies here and now, as by kill -9."""


class Broken(SystemExit):
    """A law is broken: the day ends."""


class Paper:
    """The journal's port: the real journal, with a death before and after each transaction, and a full disk."""

    def __init__(self, life: "Life", journal: Journal) -> None:
        self._life = life
        self.real = journal

    def records(self) -> Any:
        return self.real.records()

    def write(self, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        life = self._life
        if not life.alive:
            raise OSError("the process is dead")
        life.boundary()
        self.real._database.execute(f"PRAGMA query_only={int(life.day.disk_full)}")
        self.real.write(entries, taken)
        life.day.timeline.now += life.day.chance.randint(100, 900) * 1000
        life.day.laws.journalled(entries)
        life.boundary()

    def rest(self) -> None:
        if self._life.alive:
            self.real.rest()

    def commands(self) -> Sequence[Command]:
        return self.real.commands() if self._life.alive else ()

    def answer(self, command_id: int, at: int, text: str) -> None:
        if self._life.alive:
            self.real.answer(command_id, at, text)

    def back_up(self, _day: datetime.date) -> str:
        """A copy of the whole file would be most of what a day costs."""
        return ""


class Master:
    """The instrument master."""

    known = True

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        return _BY_KEY.get((segment, security_id))

    async def refresh(self) -> None:
        return


class Days:
    """The calendar: every weekday of a year."""

    def find(self, name: str) -> tuple[TradingDays | None, str]:
        first, last = datetime.date(2026, 1, 1), datetime.date(2026, 12, 31)
        days = (first + datetime.timedelta(days=number) for number in range((last - first).days + 1))
        open_days = tuple(day for day in days if day.weekday() < 5)
        return TradingDays(calendar=name, first=first, last=last, open_days=open_days), ""


@contextlib.contextmanager
def on_virtual_time(timeline: Timeline) -> Iterator[None]:
    """The machine's steady clock is the timeline's."""
    steady, every = edge_clock._steady, engine.EVERY_SECONDS
    edge_clock._steady = lambda: timeline.now
    engine.EVERY_SECONDS = COMMANDS_EVERY_SECONDS
    try:
        yield
    finally:
        edge_clock._steady = steady
        engine.EVERY_SECONDS = every


class Life:
    """One process. What it knows dies with it; what it has journalled and sent stays."""

    def __init__(self, day: "Day") -> None:
        self.day = day
        self.alive = True
        self.loop = VirtualLoop(day.timeline)
        self.clock = SystemClock(wall=lambda: day.timeline.now + day.machine_ahead)
        self.journal = Paper(self, open_journal(day.folder, leader=day.exchange.leader))
        self.reader = sqlite3.connect(f"file:{day.folder / FILE}?mode=ro", uri=True, isolation_level=None)
        self.stop = asyncio.Event()
        self.streams = {account: Stream(self, account) for account in day.desks}
        outside = Outside(
            clock=self.clock,
            journal=self.journal,
            wire=Dhan(),
            gateways={account: Link(self, desk) for account, desk in day.desks.items()},
            instruments=Master(),
            calendar=Days(),
            listen=self._listen,
        )
        self.replicator = Replicator(day.drawn.rules, "digest", "{}", outside)

    def run(self) -> bool:
        """Live until stopped (True) or killed (False)."""
        for account, stream in self.streams.items():
            self.day.timeline.later(self.day.chance.randint(30, 300) * MS, stream.connect)
            self.day.tell(account, "starts")
        try:
            self.loop.run_until_complete(self.replicator.run({}, self.stop))
        except Killed:
            return False
        finally:
            self._bury()
        return True

    def boundary(self) -> None:
        """Between two effects: the process may die here."""
        if self.alive and self.day.dies_here():
            raise Killed

    def record(self, table: str, key: str) -> bytes | None:
        """A record as it is on disk."""
        found = self.reader.execute("SELECT body FROM records WHERE tbl = ? AND key = ?", (table, key)).fetchone()
        return found[0] if found else None

    def records(self) -> dict[str, list[Record]]:
        """All that is on disk."""
        return self.journal.real.records()  # type: ignore[return-value]

    def _listen(self, notice: Notice) -> None:
        if self.alive:
            self.day.laws.told(notice)

    def _bury(self) -> None:
        """Nothing of the process's memory survives, and nothing that it still does has an effect."""
        self.alive = False
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            with contextlib.suppress(Killed, Broken):
                self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()
        self.reader.close()
        self.day.final = self.records()
        self.journal.real.close()
