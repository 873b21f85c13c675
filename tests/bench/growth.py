"""How cost grows: with followers, and with the events of one day.

A day here is the hardest one: a leader who goes in and out of one instrument without end, market orders that trade at
once, one follower at half his size. Each of his orders is five events: his frame, his trade, the answer to the copy,
the copy's frame and its trade.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from copyctl.core.state import State
from copyctl.edge.journal import open_journal
from copyctl.edge.journal_file import FILE
from copyctl.engine.conductor import Conductor
from copyctl.model.effects import Send
from copyctl.model.events import Answered, FrameRead
from copyctl.model.request import Fate, Outcome, Request, RequestKind
from copyctl.wire.dhan.dialect import Dhan
from tests.bench.engine import FOLLOWER, LEADER, Calm, conducted, frame, resident
from tests.bench.latency import Broker, copyctl, measured

EVENTS_OF_AN_ORDER = 5
LAST = 200
"""Orders at the end of a day of which the cost is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A day of so many ``events``: microseconds of one of its last, bytes of the journal and seconds of a start by it,
    megabytes of the process."""

    events: int
    microseconds: float
    journal_bytes: float
    start_seconds: float
    megabytes: float


class _Trader:
    """Feeds a conductor with orders that trade at once, and answers for the broker."""

    def __init__(self, conductor: Conductor, clock: Calm, sent: list[Request]) -> None:
        self._conductor, self._clock, self._sent = conductor, clock, sent
        self._wire = Dhan()
        self._number = 0
        self.events = 0

    def order(self) -> None:
        """One order of the leader's, in or out, until its copy has traded."""
        self._number += 1
        side, name = "B" if self._number % 2 else "S", str(10**14 + self._number)
        self._frame(LEADER, name, side, 130, traded=False)
        self._frame(LEADER, name, side, 130, traded=True)
        while self._sent:
            self._answer(self._sent.pop(), side)

    def _answer(self, request: Request, side: str) -> None:
        if request.kind is not RequestKind.PLACE:
            raise AssertionError(f"nothing is to be changed here: {request}")
        name = str(10**15 + self._number)
        outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(name,), left_at=self._clock.now())
        self._post(Answered(at=self._clock.tick(), request_id=request.request_id, outcome=outcome))
        quantity = request.desired.terms.quantity if request.desired is not None else 0
        self._frame(FOLLOWER, name, side, quantity, correlation_id=request.correlation_id, traded=False)
        self._frame(FOLLOWER, name, side, quantity, correlation_id=request.correlation_id, traded=True)

    def _frame(
        self, account: str, name: str, side: str, quantity: int, *, traded: bool, correlation_id: str = ""
    ) -> None:
        at = self._clock.tick()
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at / 1e9 + 19_800))
        said = json.loads(frame(int(name), "TRADED" if traded else "PENDING", moment=moment))
        said["Data"] |= {
            "clientId": account,
            "txnType": side,
            "orderType": "MKT",
            "price": 0,
            "quantity": quantity,
            "remainingQuantity": 0 if traded else quantity,
            "tradedQty": quantity if traded else 0,
            "tradedPrice": 100.0 if traded else 0,
            "avgTradedPrice": 100.0 if traded else 0,
            "correlationId": correlation_id,
        }
        raw = json.dumps(said).encode()
        reports = self._wire.read_frame(raw, account, at).reports
        self._post(FrameRead(at=at, account=account, raw=raw, reports=reports))

    def _post(self, event: FrameRead | Answered) -> None:
        self.events += 1
        self._conductor.post(event)
        self._conductor.turn()


@contextmanager
def _trader(store: Path) -> Iterator[_Trader]:
    sent: list[Request] = []

    def perform(effect: object) -> None:
        if isinstance(effect, Send):
            sent.append(effect.approved.request)

    with conducted(store, perform, Calm(50)) as (conductor, clock):
        yield _Trader(conductor, clock, sent)


def day(events: int) -> Grown:
    """A day of so many events, each made durable by itself. Run it in a process of its own: its memory is told."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        with _trader(store) as trader:
            for _ in range(events // EVENTS_OF_AN_ORDER - LAST):
                trader.order()
            before, began = trader.events, time.perf_counter()
            for _ in range(LAST):
                trader.order()
            spent = (time.perf_counter() - began) / (trader.events - before)
            count, megabytes = trader.events, resident("self")
        if abs(count - events) > events / 100:
            raise AssertionError(f"{count} events instead of {events}")
        database = sqlite3.connect(store / FILE)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        size = (store / FILE).stat().st_size / count
        began = time.perf_counter()
        journal = open_journal(store, leader=LEADER)
        State(journal.records())
        start = time.perf_counter() - began
        journal.close()
    return Grown(events=count, microseconds=spent * 1e6, journal_bytes=size, start_seconds=start, megabytes=megabytes)


def days(sizes: tuple[int, ...]) -> list[Grown]:
    """Days of these sizes, each in a process of its own."""
    found = []
    for events in sizes:
        command = [sys.executable, "-m", "tests.bench.growth", str(events)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(Grown(**json.loads(done.stdout)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Milliseconds from a leader's frame to the last request of all followers, median and worst; of processor time,
    milliseconds of an order and of a second without any; megabytes of the process."""

    median: float
    worst: float
    an_order: float
    at_rest: float
    megabytes: float


def followers(count: int, orders: int = 20) -> Crowd:
    """copyctl and the simulator with so many followers, on this machine's processors together."""
    a_second = min(5.0, 100 / count)
    broker = Broker(count)
    try:
        with tempfile.TemporaryDirectory() as folder, copyctl(broker, Path(folder)) as process:
            measured(broker, 5, a_second)
            broker.clear()
            began, idle = time.monotonic(), _processor(process.pid)
            time.sleep(5)
            resting = (_processor(process.pid) - idle) / (time.monotonic() - began)
            began, busy = time.monotonic(), _processor(process.pid)
            times = measured(broker, orders, a_second)
            spent = _processor(process.pid) - busy - resting * (time.monotonic() - began)
            megabytes = resident(str(process.pid))
    finally:
        broker.stop()
    return Crowd(
        median=statistics.median(times),
        worst=max(times),
        an_order=spent / orders * 1000,
        at_rest=resting * 1000,
        megabytes=megabytes,
    )


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


if __name__ == "__main__":
    made = day(int(sys.argv[1]))
    sys.stdout.write(json.dumps({name: getattr(made, name) for name in made.__slots__}))
