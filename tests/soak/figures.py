"""What a day of the soak cost, and what may not grow."""

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from datetime import time as day_time
from pathlib import Path
from typing import Any

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.records import Copy
from copyctl.model.terms import Decision
from copyctl.report.figures import latencies
from copyctl.report.status import frame_to_request
from copyctl.simulator.clock import IST

MEMORY_SHARE = 0.25
"""By how much the memory may have grown from the end of the first day to the end of the last.

The first day begins with an empty state. From the second on a run holds two days' orders in the morning
(``resilience.duplicate_window``), and an allocator gives little of that back: measured, 8 % more at the end of the
third day with 10,000 frames a day, and none from there on. Three times that is no noise any more: it is what 600 bytes
left behind by every frame add up to on four days.
"""

MAY_GROW = {"handles": 2, "sockets": 4, "threads": 2}
"""By how many, without a leak, and by chance.

SQLite keeps the handle of a second connection to a file that was closed (a backup's), to open it again by. Two reads of
an account that overlap leave it a kept connection more. The pool of threads takes another one where none is idle, up to
four more than the machine has cores. What is left behind once a day shows on five days.
"""

HELD = ("memory", *MAY_GROW)
SAMPLES, SAMPLE_SECONDS = 10, 0.25
PAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a process holds: resident memory in bytes, open handles that are no sockets, sockets, threads."""

    memory: int
    handles: int
    sockets: int
    threads: int

    @classmethod
    def at_rest(cls, process: int) -> "Held":
        """The least of each over some sweeps, in which it reads books and holds more for a moment."""
        seen = [cls.of(process)]
        for _ in range(SAMPLES):
            time.sleep(SAMPLE_SECONDS)
            seen.append(cls.of(process))
        return cls(**{name: min(getattr(one, name) for one in seen) for name in HELD})

    @classmethod
    def of(cls, process: int) -> "Held":
        folder = Path(f"/proc/{process}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        targets = []
        for handle in (folder / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                targets.append(handle.readlink().name)
        sockets = sum(1 for target in targets if target.startswith("socket:"))
        return cls(
            memory=int(status["VmRSS"].split()[0]) * PAGE,
            handles=len(targets) - sockets,
            sockets=sockets,
            threads=int(status["Threads"]),
        )


@dataclass(slots=True, kw_only=True)
class Day:
    """One day of the soak. ``fresh``: what the process held at rest after its start, ``held``: at rest after the close;
    ``lives``: how many processes the day saw. Sizes in bytes, at the end of the day; ``events`` and ``frames`` of this
    day alone. ``differs``: what was left open or different."""

    day: str
    fresh: Held
    held: Held
    lives: int
    frames: int
    events: int
    copied: int
    journal: int
    log: int
    latency_ms: Mapping[str, float | None]
    alerts: Mapping[str, int]
    differs: Sequence[str]
    seconds: float
    delays: Sequence[int] = field(repr=False)

    def document(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "delays"}


class Reader:
    """Reads the run's store beside it, day by day."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._notice = self._event = 0

    def day(self, today: date) -> dict[str, Any]:
        """What the store tells of a day, and of what came since it was asked last."""
        began = int(datetime.combine(today, day_time(), IST).timestamp() * 1e9)
        with contextlib.closing(JournalReader(self._store)) as journal:
            records = journal.records(past=True)
            alerts: Counter[str] = Counter()
            for number, notice in journal.notices(after=self._notice):
                self._notice = number
                if notice.event == "alert":
                    alerts[str(notice.facts.get("alert"))] += 1
        copies = [one for one in records["copy"] if isinstance(one, Copy) and one.created_at >= began]
        delays = [delay for copy in copies for delay in frame_to_request(copy, began)]
        before, self._event = self._event, self._newest_event()
        return {
            "events": self._event - before,
            "copied": sum(1 for copy in copies if copy.decision is Decision.COPIED),
            "journal": (self._store / "journal.sqlite").stat().st_size,
            "log": (self._store / "journal.sqlite-wal").stat().st_size,
            "latency_ms": latencies(delays),
            "alerts": dict(sorted(alerts.items())),
            "delays": delays,
        }

    def left(self) -> list[str]:
        """What copyctl itself says is not at its end: requests on their way, copies that live."""
        with contextlib.closing(JournalReader(self._store)) as journal:
            records = journal.records()
        copies = [one for one in records["copy"] if isinstance(one, Copy)]
        return [
            *(f"a request has no end: {one}" for one in records["request"]),
            *(f"a copy lives: {copy}" for copy in copies if any(slot.live for slot in copy.slots)),
            *(
                f"a copy is {copy.decision}: {copy}"
                for copy in copies
                if copy.decision in (Decision.DEAD, Decision.QUEUED)
            ),
        ]

    def _newest_event(self) -> int:
        address = f"{(self._store / 'journal.sqlite').resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            return int(database.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def growth(days: Sequence[Day]) -> dict[str, float]:
    """From the end of the first day to the end of the last; memory as a share."""
    first, last = days[0].held, days[-1].held
    counts = {name: getattr(last, name) - getattr(first, name) for name in MAY_GROW}
    return {"memory": last.memory / first.memory - 1, **counts}


def findings(days: Sequence[Day]) -> list[str]:
    """What is wrong; empty: nothing."""
    found = [f"{day.day}: {what}" for day in days for what in day.differs]
    grown = growth(days)
    for name, may in MAY_GROW.items():
        for day in days:
            fresh, held = getattr(day.fresh, name), getattr(day.held, name)
            if held > fresh + may:
                found.append(f"{day.day}: {name} grew from {fresh} at the start of the process to {held}")
        if grown[name] > may:
            found.append(f"{name} grew by {grown[name]:.0f} from the first day to the last")
    if grown["memory"] > MEMORY_SHARE:
        found.append(f"memory grew by {grown['memory']:.0%} from the first day to the last; {MEMORY_SHARE:.0%} may be")
    return found
