"""What a turn costs without sending: decode, step, durable journal; a start on a long journal; memory over a run."""

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from copyctl.core.state import State
from copyctl.edge.journal import open_journal
from copyctl.edge.journal_file import FILE
from copyctl.engine.conductor import Conductor
from copyctl.model.effects import Send
from copyctl.model.events import Answered, BooksRead, FrameRead, PolicyLoaded, Started, StreamChanged
from copyctl.model.facts import FactArrived, Positions, PositionsWanted
from copyctl.model.instrument import Instrument
from copyctl.model.request import Fate, Outcome
from copyctl.model.terms import Segment
from copyctl.rules import read
from copyctl.wire.dhan.dialect import Dhan
from tests.bench.latency import Broker, copyctl

LEADER, FOLLOWER = "1100000001", "1100000002"
RULES = f"""
version: 1
name: bench
broker: {{adapter: dhan, rest_url: "http://127.0.0.1:1/v2", order_update_url: "ws://127.0.0.1:1"}}
leader: {{client_id: "{LEADER}", access_token: none}}
followers: [{{name: alice, client_id: "{FOLLOWER}", access_token: none}}]
rate_limits: {{orders: {{per_minute: 1000000, per_hour: 1000000, per_day: 1000000}}}}
policy:
  sizing: {{strategy: fixed_ratio, ratio: 0.5}}
  market_hours: {{enforce: false}}
  checks: {{margin: false, price_band: none}}
"""


NINE: Final = 1_789_443_000 * 10**9
"""2026-09-15 09:00 IST, a Tuesday: no day ends before a bench does."""


class Calm:
    """A clock on which so many milliseconds pass between two events that no rate limit is ever met."""

    def __init__(self, milliseconds: int = 200) -> None:
        self.moment = NINE
        self._step = milliseconds * 10**6

    def now(self) -> int:
        return self.moment

    def tick(self) -> int:
        self.moment += self._step
        return self.moment


class _Master:
    known = True

    def find(self, segment: Segment, security_id: str) -> Instrument:
        return Instrument(segment=segment, security_id=security_id, symbol="NIFTY 24500 CE", lot_size=65)


def frame(order_id: int, status: str = "Pending", price: float = 100.0, moment: str = "2026-09-15 10:02:11") -> bytes:
    """A leader's frame in the wire's form, about 1.1 KB."""
    data = {
        "exchange": "NSE", "segment": "D", "source": "N", "orderPlatform": "FAST", "securityId": "43210",
        "clientId": LEADER, "exchOrderNo": "1300000012345678", "orderNo": str(order_id), "product": "I", "txnType": "B",
        "orderType": "LMT", "validity": "DAY", "discQuantity": 0, "discQtyRem": 0, "remainingQuantity": 130,
        "quantity": 130, "tradedQty": 0, "price": price, "triggerPrice": 0.0, "tradedPrice": 0.0, "avgTradedPrice": 0.0,
        "algoOrdNo": "0", "offMktFlag": "0", "orderDateTime": moment, "exchOrderTime": moment,
        "lastUpdatedTime": moment, "remarks": "NR", "mktType": "NL", "reasonDescription": "CONFIRMED", "legNo": 1,
        "instrument": "OPTIDX", "symbol": "NIFTY", "productName": "INTRADAY", "status": status, "lotSize": 65,
        "strikePrice": 24500.0, "expiryDate": "2026-09-22 14:30:00", "optType": "CE",
        "displayName": "NIFTY 22 SEP 24500 CALL", "isin": "", "series": "", "goodTillDaysDate": "2026-09-15",
        "refLtp": 101.1, "tickSize": 0.05, "algoId": "0", "multiplier": 1, "correlationId": "",
    }  # fmt: skip
    return json.dumps({"Type": "order_alert", "Data": data}).encode()


def turns(events: int = 5000, *, at_once: int = 1) -> float:
    """Leader frames a second that are decoded, decided for one follower and made durable, ``at_once`` in a turn."""
    sent: list[str] = []

    def perform(effect: object) -> None:
        if isinstance(effect, Send):
            sent.append(effect.approved.request.request_id)

    with tempfile.TemporaryDirectory() as folder, conducted(Path(folder) / "store", perform) as (conductor, clock):
        wire, spent = Dhan(), 0.0
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(clock.now() / 1e9 + 19_800))
        frames = [frame(10**14 + number, moment=moment) for number in range(events)]
        for first in range(0, events, at_once):
            began = time.perf_counter()
            for raw in frames[first : first + at_once]:
                now = clock.tick()
                reports = wire.read_frame(raw, LEADER, now).reports
                conductor.post(FrameRead(at=now, account=LEADER, raw=raw, reports=reports))
            conductor.turn()
            spent += time.perf_counter() - began
            while sent:
                request_id = sent.pop()
                outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(request_id[:24],), left_at=now)
                conductor.post(Answered(at=clock.tick(), request_id=request_id, outcome=outcome))
            conductor.turn()
    return events / spent


@contextmanager
def conducted(
    store: Path, perform: Callable[[object], None], clock: Calm | None = None
) -> Iterator[tuple[Conductor, Calm]]:
    """A conductor on a journal in this folder that is ready for orders: rules loaded, streams up, books read, flat."""
    store.parent.mkdir(exist_ok=True)
    rules_file = store.with_suffix(".yaml")
    rules_file.write_text(RULES)
    loaded = read(rules_file, {})
    journal, clock = open_journal(store, leader=LEADER), clock or Calm()
    conductor = Conductor(
        journal=journal, clock=clock, instruments=_Master(), perform=perform, listen=lambda _notice: None
    )
    now, document = clock.now(), loaded.document
    conductor.post(PolicyLoaded(at=now, digest=document.digest, document=document.text, rules=loaded.rules))
    conductor.post(Started(at=now))
    for account in (LEADER, FOLLOWER):
        conductor.post(StreamChanged(at=now, account=account, up=True))
        conductor.post(BooksRead(at=now, account=account, asked_at=now))
        held, wanted = Positions(account=account, as_of=now), PositionsWanted(account=account)
        conductor.post(FactArrived(at=now, account=account, question=wanted, fact=held))
    conductor.turn()
    yield conductor, clock
    journal.close()


def start_up(events: int = 1_000_000) -> float:
    """Seconds to open a journal of so many events and be ready to step."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        open_journal(path, leader=LEADER).close()
        database = sqlite3.connect(path / FILE)
        body = frame(1)
        rows = ((number, "FrameRead", LEADER, 0, body) for number in range(events))
        database.executemany("INSERT INTO events (at, kind, account, set_aside, body) VALUES (?, ?, ?, ?, ?)", rows)
        database.commit()
        database.close()
        began = time.perf_counter()
        journal = open_journal(path, leader=LEADER)
        State(journal.records())
        spent = time.perf_counter() - began
        journal.close()
    return spent


def memory(frames: int = 100_000, orders: int = 500) -> list[tuple[int, float]]:
    """Resident megabytes of ``copyctl run`` with three followers after so many frames of so many orders.

    Each frame is a modification. The limit of 25 for one order is lifted: else most of them would be new orders, and
    memory grows with the orders of a day, as it must.
    """
    broker, seen = Broker(3), []
    try:
        with tempfile.TemporaryDirectory() as folder, copyctl(broker, Path(folder), frames) as process:
            leader = broker.ready["accounts"][0]["client_id"]
            for number in range(frames + 1):
                if number % (frames // 5) == 0:
                    seen.append((number, resident(process.pid)))
                moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 19_800))
                price = 90 + (number // orders) % 200 * 0.05
                raw = frame(10**14 + number % orders, price=price, moment=moment)
                raw = raw.replace(LEADER.encode(), leader.encode())
                broker.tell("stream", account="leader", action="send", raw=raw.decode())
            time.sleep(3)
            seen.append((frames, resident(process.pid)))
    finally:
        broker.stop()
    return seen


def resident(pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
