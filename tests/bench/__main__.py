"""Prints every figure, or those that are named, as one table: ``python -m tests.bench latency strangers``."""

import platform
import sys

from rich.console import Console
from rich.table import Table

from tests.bench import analytics, checks, engine, growth, latency, strangers, waiting

EVERYTHING = (
    *("latency", "ten", "checks", "waiting", "strangers", "turns", "start", "memory"),
    *("report", "refresh", "beside", "days", "crowd"),
)


DAYS = (1_000, 10_000, 100_000)
CROWDS = (1, 10, 100, 1000)


def main() -> None:
    wanted = sys.argv[1:] or EVERYTHING
    table = Table(title=f"copyctl, Python {platform.python_version()}, {platform.machine()}")
    for heading in ("figure", "value", "goal"):
        table.add_column(heading)
    if "latency" in wanted:
        found = latency.compare(1)
        table.add_row("one follower, p50", f"{found['p50 ms']:.2f} ms = {found['p50 x floor']:.2f} x floor", "<= 1 x")
        table.add_row("one follower, p99", f"{found['p99 ms']:.2f} ms = {found['p99 x floor']:.2f} x floor", "<= 2 x")
    if "ten" in wanted:
        found = latency.compare(10)
        table.add_row("last of ten, p50", f"{found['p50 ms']:.2f} ms", "<= 3 ms")
        table.add_row("dhanhq in threads, ten", f"{1 / found['p50 x floor']:.2f} x ours", ">= 3 x")
    if "checks" in wanted:
        off, on = checks.added()
        table.add_row(
            "a decision with all checks", f"{on:.0f} us, {on - off:.0f} us more than with none", "<= 150 more"
        )
    if "waiting" in wanted:
        some, none = waiting.ratio()
        table.add_row("a step while 500 wait for room", f"{some:.0f} us = {some / none:.2f} x none", "<= 1.2 x")
    for trouble in strangers.TROUBLES if "strangers" in wanted else ():
        calm, troubled = strangers.compare(trouble)
        more = f"{troubled:.1f} ms, {troubled - calm:+.1f} ms"
        table.add_row(f"19 of 20, p99 while one is {trouble}", more, "<= 10 ms more")
    if "turns" in wanted:
        table.add_row("decode + step + journal, one a turn", f"{engine.turns():,.0f} events/s", "")
        together = engine.turns(at_once=32)
        table.add_row("decode + step + journal, 32 waiting", f"{together:,.0f} events/s", ">= 3,000")
    if "start" in wanted:
        table.add_row("start on 1,000,000 events", f"{engine.start_up():.2f} s", "<= 3 s")
    if "memory" in wanted:
        for frames, megabytes in engine.memory():
            table.add_row(f"resident after {frames:,} frames", f"{megabytes:.0f} MB", "<= 200 MB, flat")
    if "report" in wanted:
        seconds, gigabytes = analytics.report()
        table.add_row("slippage of 10 million fills, p95", f"{seconds:.2f} s, {gigabytes:.2f} GB", "<= 2 s, <= 2 GB")
    if "refresh" in wanted:
        table.add_row("taking in 100,000 events", f"{analytics.refresh():.2f} s", "<= 2 s")
    if "beside" in wanted:
        alone, asked, computed = analytics.beside()
        more = f"{alone:.2f} ms, {asked:.2f} ms = {asked / alone:.2f} x"
        table.add_row("p99 at 50 orders a second, beside reports", more, "<= 1.1 x")
        table.add_row("the same beside a process that only computes", f"{computed / alone:.2f} x", "")
    for grown in growth.days(DAYS) if "days" in wanted else ():
        told = f"{grown.microseconds:,.0f} us an event, {grown.journal_bytes:,.0f} bytes, {grown.megabytes:.0f} MB"
        table.add_row(f"a day of {grown.events:,} events", f"{told}, start {grown.start_seconds:.2f} s", "flat")
    for count in CROWDS if "crowd" in wanted else ():
        crowd = growth.followers(count)
        told = f"last request {crowd.median:,.1f} ms, worst {crowd.worst:,.1f}; {crowd.an_order:,.1f} ms CPU an order"
        rest = f"{crowd.at_rest:.1f} ms CPU a second at rest, {crowd.megabytes:.0f} MB"
        table.add_row(f"{count:,} followers", f"{told}, {rest}", "in proportion")
    Console().print(table)


if __name__ == "__main__":
    main()
