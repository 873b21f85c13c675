"""``python -m tests.soak [--days N] [--frames N] [--followers N] [--unbroken] [--json FILE] [--keep DIR]``.

Progress goes to stderr, the table to stdout. Exit 1: leader and followers differ, or the run grew.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from copyctl.report.figures import latencies
from tests.soak.days import Soak
from tests.soak.figures import MAY_GROW, Day, findings, growth
from tests.soak.shifted_run import LEAKS
from tests.soak.world import RATIOS, World

MOST_DAYS = 5
"""What the leader trades expires some days after the first."""


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Trading days, compressed, on real processes."
    )
    parser.add_argument("--days", type=int, default=MOST_DAYS, choices=range(1, MOST_DAYS + 1))
    parser.add_argument("--frames", type=int, default=50_000, help="of all accounts, on all days")
    parser.add_argument("--followers", type=int, default=2, choices=range(1, len(RATIOS) + 1))
    parser.add_argument("--unbroken", action="store_true", help="one process lives through all days: no kill -9")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep store and log there")
    parser.add_argument(
        "--leak", choices=sorted(LEAKS), default="none", help="let the run leak, to see that it is found"
    )
    return parser.parse_args(argv)


def soak(asked: argparse.Namespace, folder: Path) -> list[Day]:
    """The days that were lived through, with progress on stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description:<48}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        shown = progress.add_task("starting", total=asked.frames)
        world = World(folder, asked.followers, asked.leak)
        try:
            made = Soak(
                world,
                days=asked.days,
                frames=asked.frames,
                kills=not asked.unbroken,
                tell=lambda frames, words: progress.update(shown, completed=frames, description=words),
            )
            made.run()
        finally:
            world.close()
    return made.days


def report(days: Sequence[Day]) -> dict[str, Any]:
    """All figures, as --json writes them."""
    alerts: Counter[str] = Counter()
    for day in days:
        alerts.update(day.alerts)
    every = [delay for day in days for delay in day.delays]
    found = findings(days)
    return {
        "ok": not found,
        "findings": found,
        "growth": growth(days),
        "days": [day.document() for day in days],
        "all": {
            **{
                name: sum(getattr(day, name) for day in days)
                for name in ("frames", "events", "copied", "lives", "seconds")
            },
            "journal": days[-1].journal,
            "latency_ms": latencies(every),
            "alerts": dict(sorted(alerts.items())),
        },
        "machine": {"python": platform.python_version(), "processor": platform.machine()},
    }


def table(told: dict[str, Any]) -> Table:
    """A column for each day, and one for all."""
    days, both = told["days"], told["all"]
    made = Table(title=f"soak, Python {platform.python_version()}, {platform.machine()}")
    for heading in ("", *(day["day"] for day in days), "all"):
        made.add_column(heading, justify="left" if not heading else "right")

    def row(name: str, cells: Sequence[str], total: str = "") -> None:
        made.add_row(name, *cells, total)

    for name in ("frames", "events", "copied"):
        row(name, [f"{day[name]:,}" for day in days], f"{both[name]:,}")
    row("processes", [str(day["lives"]) for day in days])
    grown = told["growth"]
    row("memory, MB", [f"{day['held']['memory'] / 1e6:.1f}" for day in days], f"{grown['memory']:+.1%}")
    row("  after the start", [f"{day['fresh']['memory'] / 1e6:.1f}" for day in days])
    for name in MAY_GROW:
        row(name, [str(day["held"][name]) for day in days], f"{grown[name]:+.0f}")
        row("  after the start", [str(day["fresh"][name]) for day in days])
    row("journal, MB", [f"{day['journal'] / 1e6:.1f}" for day in days])
    earlier = [0, *(day["journal"] for day in days)]
    added = [now["journal"] - before for now, before in zip(days, earlier, strict=False)]
    each = [f"{more / max(1, day['events']):,.0f}" for more, day in zip(added, days, strict=True)]
    row("bytes an event", each, f"{both['journal'] / max(1, both['events']):,.0f}")
    row("write-ahead log, MB", [f"{day['log'] / 1e6:.1f}" for day in days])
    for share in ("p50", "p99"):
        row(
            f"frame to request {share}, ms",
            [_plain(day["latency_ms"][share]) for day in days],
            _plain(both["latency_ms"][share]),
        )
    for code, count in both["alerts"].items():
        row(f"alert {code}", [str(day["alerts"].get(code, 0)) for day in days], str(count))
    row("left or different", [str(len(day["differs"])) for day in days])
    row("seconds", [f"{day['seconds']:.0f}" for day in days], f"{both['seconds']:.0f}")
    return made


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    asked = arguments(argv)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        days = soak(asked, asked.keep or Path(folder))
    told = report(days)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    Console(width=None if sys.stdout.isatty() else 160).print(table(told))
    for one in told["findings"]:
        print(one)
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
