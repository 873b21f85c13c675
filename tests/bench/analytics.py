"""The analytical store: a report over ten million fills, a refresh of 100,000 events, a run beside which both go on."""

import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.records import Copy
from copyctl.report.analysis.slippage import slippage
from copyctl.report.span import Span
from copyctl.store import schema
from copyctl.store.opening import FILE
from tests.bench.latency import Broker, copyctl
from tests.tapes.leader_day import DEMO, TAPE

FILLS: Final = 10_000_000
EVENTS: Final = 100_000
TIMES: Final = 20
PER_SECOND: Final = 50
ORDERS: Final = 250
HASTE: Final = 1_600
COMPUTES: Final = """
import os
from copyctl.__main__ import GIVE_WAY
os.nice(GIVE_WAY)
while True:
    pass
"""

_FILLS: Final = """
INSERT INTO slippage
SELECT day, account, leader, leader, (122700000000000 + i)::VARCHAR, (70000000 + i)::VARCHAR, 'NSE_FNO', instrument,
    ['NIFTY', 'BANKNIFTY', 'FINNIFTY', 'SENSEX', 'RELIANCE', 'TCS', 'INFY', 'SBIN'][1 + instrument::INT % 8],
    'SYMBOL-' || instrument, DATE '2026-12-29', side, 'INTRADAY', 'LIMIT', NULL, i % 3 = 0,
    day + INTERVAL 10 HOUR + to_seconds(i % 18000), 65, price, reference, 1,
    ((price - reference) * sign_of(side) * 65)::DECIMAL(28, 10), (reference * 65)::DECIMAL(28, 10),
    (price - reference)::DOUBLE * sign_of(side) / reference::DOUBLE * 10000, 2 + hash(i) % 100 / 10
FROM (
    SELECT i, DATE '2026-01-01' + (i // 40000)::INT AS day, (1100000001 + i % 20)::VARCHAR AS account,
        (122600000000000 + i // 20)::VARCHAR AS leader, (40000 + i // 20 % 100)::VARCHAR AS instrument,
        CASE WHEN i // 20 % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side,
        (100 + hash(i) % 1000 / 100)::DECIMAL(28, 10) AS price,
        (100 + hash(i // 20) % 1000 / 100)::DECIMAL(28, 10) AS reference
    FROM range(?) AS numbers(i))
"""
_NAMES: Final = "INSERT INTO accounts SELECT (1100000001 + i)::VARCHAR, 'follower' || i, 'follower' FROM range(20) t(i)"


def report() -> tuple[float, float]:
    """Slippage of ten million fills by day, follower and underlying: p95 of its seconds, and gigabytes at the most."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        with duckdb.connect(str(path)) as database:
            database.execute("SET TimeZone = 'Asia/Kolkata'")
            schema.create(database)
            database.execute(_NAMES)
            database.execute(_FILLS, [FILLS])
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.analytics", "report", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    seconds, gigabytes = json.loads(done.stdout)
    return float(seconds), float(gigabytes)


def _report(path: str) -> tuple[float, float]:
    seconds = []
    with duckdb.connect(path, read_only=True) as database:
        for _ in range(TIMES):
            began = time.perf_counter()
            rows = slippage(database, Span(), ("day", "follower", "underlying"))
            seconds.append(time.perf_counter() - began)
            assert len(rows) == FILLS // 40_000 * 160, len(rows)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return statistics.quantiles(seconds, n=20)[-1], used / 1e9


def refresh() -> float:
    """Seconds to take in 100,000 events of a journal, with what was decided and recorded of them: the demo's day again
    and again, under other names."""
    with tempfile.TemporaryDirectory() as folder:
        rules = _demo(Path(folder))
        store = Path(folder) / "store"
        _asked(rules)
        with sqlite3.connect(store / "journal.sqlite") as journal:
            _again(journal, EVENTS)
        journal.close()
        reader = JournalReader(store)
        assert reader.newest().seq >= EVENTS
        reader.close()
        taken_in = _timed(lambda: _asked(rules))
        nothing_new = min(_timed(lambda: _asked(rules)) for _ in range(3))
        return taken_in - nothing_new


def _demo(folder: Path) -> Path:
    rules = folder / "demo.yaml"
    text = DEMO.read_text().replace("../examples", str(TAPE.parents[1])).replace("../var/demo", str(folder / "store"))
    rules.write_text(text.replace("speed: 800", f"speed: {HASTE}"))
    _command("run", "--rules", str(rules))
    return rules


DAY: Final = (
    ("events", "events", "at, kind, account, set_aside, body, hash, seal", "true"),
    ("notices", "notices", "at, event, leader_order_id, follower, level, body, hash", "true"),
    ("records", "past", "tbl, key, body, turn", "tbl IN ('order', 'copy', 'fill', 'leader_order')"),
)
"""From which table to which, which columns, which rows."""


def _again(journal: sqlite3.Connection, events: int) -> None:
    """The day once more, and once more, each time of other orders."""
    (turn,) = journal.execute("SELECT max(turn) FROM records").fetchone()
    rows = [
        journal.execute(f"SELECT {names} FROM {source} WHERE {which}").fetchall() for source, _, names, which in DAY
    ]
    for number in range(1, events // len(rows[0]) + 2):
        for (_, target, names, _), told in zip(DAY, rows, strict=True):
            other = [[_renamed(value, number) for value in row] for row in told]
            if target == "past":
                other = [[*row[:-1], turn + number] for row in other]
            marks = ", ".join("?" for _ in names.split(","))
            journal.executemany(f"INSERT INTO {target} ({names}) VALUES ({marks})", other)


def _renamed(value: Any, number: int) -> Any:
    """A text with other order, trade and correlation ids in it."""
    if isinstance(value, str):
        return _renamed(value.encode(), number).decode()
    if not isinstance(value, bytes):
        return value
    for before, after in ((b"122607140", b"122%03d140"), (b":7000", b":7%03d"), (b":9000", b":9%03d")):
        value = value.replace(before, after % number)
    today = time.strftime("%y%m%d").encode()
    value = value.replace(b"12" + today, b"13%03d" % number + today[3:])
    for before, after in ((b'_id":"7000', b'_id":"7%03d'), (b'_id":"9000', b'_id":"9%03d'), (b'"cc', b'"%03d')):
        value = value.replace(before, after % number)
    return value


def beside() -> list[float]:
    """Milliseconds at p99 from the leader's frame to the copy's bytes, of a run that copies 50 orders a second: alone,
    while somebody asks for reports without end, and beside a process that only computes.
    By the run's own clock: leader and broker, who are on this machine as well, are slowed down too."""
    broker = Broker(1)
    spans: list[tuple[int, int, int]] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            with copyctl(broker, Path(folder)):
                others = _others(Path(folder) / "rules.yaml")
                spans += [(*_copied_beside(broker, others[one]), one) for one in (0, 1, 2) * 2]
            taken = _taken(Path(folder) / "store")
    finally:
        broker.stop()
    return [
        _p99([took for at, took in taken if any(first <= at < last for first, last, one in spans if one == other)])
        for other in (0, 1, 2)
    ]


def _others(rules: Path) -> tuple[list[str], ...]:
    """Who is beside the run: nobody, somebody who asks, a process that only computes."""
    return [], ["-m", "tests.bench.analytics", "asking", str(rules)], ["-c", COMPUTES]


def _copied_beside(broker: Broker, other: list[str]) -> tuple[int, int]:
    """Have orders copied; from when to when that was (ns)."""
    began = time.time_ns()
    process = subprocess.Popen([sys.executable, *other]) if other else None
    for _ in range(ORDERS):
        at = time.monotonic()
        broker.place()
        time.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - at)))
    time.sleep(1.5)
    if process is not None:
        assert process.poll() is None, "it failed"
        process.terminate()
        process.wait()
    return began, time.time_ns()


def _taken(store: Path) -> list[tuple[int, float]]:
    """When the leader's frame of each copy came (ns), and after how many milliseconds the copy left."""
    reader = JournalReader(store)
    copies = [one for one in reader.records(past=True)["copy"] if isinstance(one, Copy)]
    reader.close()
    slots = [slot for copy in copies for slot in copy.slots]
    return [(slot.frame_at, (slot.left_at - slot.frame_at) / 1e6) for slot in slots]


def _ask_without_end(rules: str) -> None:
    while True:
        for words in (["slippage", "--by", "day,symbol"], ["latency"], ["fills"], ["decisions"]):
            _command("report", words[0], "--rules", rules, *words[1:], "--format", "json")


def _asked(rules: Path) -> None:
    _command("query", "--rules", str(rules), "SELECT count(*) FROM slippage")


def _command(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "copyctl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _p99(milliseconds: list[float]) -> float:
    return sorted(milliseconds)[int(len(milliseconds) * 0.99) - 1]


if __name__ == "__main__":
    what, given = sys.argv[1:]
    if what == "report":
        sys.stdout.write(json.dumps(_report(given)))
    else:
        _ask_without_end(given)
