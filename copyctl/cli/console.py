"""The lines of a run: one for each decision, alerts as they come, and the closing table.

Trading never waits for a terminal: lines are written by a thread of their own, and one that nobody reads any more
falls silent.
"""

import atexit
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TextIO

from rich.text import Text

from copyctl.cli.speech import VERBOSITY, clean, paper
from copyctl.cli.tables import DECISION_STYLES, summary_table
from copyctl.core.state import State
from copyctl.model.effects import Notice
from copyctl.model.policy import Rules
from copyctl.model.reasons import Reason
from copyctl.model.terms import Level
from copyctl.report.figures import number
from copyctl.report.followed import is_entry_part, leader_order
from copyctl.report.moments import indian
from copyctl.report.summary import summary

LEVEL_STYLES = {Level.INFO: "bold", Level.WARNING: "bold yellow", Level.CRITICAL: "bold white on red"}
MOST_WAITING = 10_000
"""Lines that may wait for a slow terminal; what comes beyond is left out."""
FLUSH_SECONDS = 2.0
BEHIND_SECONDS = 0.003


class Announcer:
    """Tells notices to people, from whatever thread, without ever making the caller wait."""

    def __init__(self, names: Mapping[str, str], stream: TextIO, verbosity: int = 0) -> None:
        self._names = names
        self._verbosity = verbosity
        self._page = paper(stream)
        self._waiting: queue.Queue[Notice] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._write, name="announcer", daemon=True).start()
        atexit.register(self.flush)

    def __call__(self, notice: Notice) -> None:
        """Have a notice told, if it is one that people want to see."""
        if wanted(notice, self._verbosity):
            try:
                self._waiting.put_nowait(notice)
            except queue.Full:
                return

    def flush(self) -> None:
        """Wait until all is written, for some seconds at most."""
        waiter = threading.Thread(target=self._waiting.join, daemon=True)
        waiter.start()
        waiter.join(FLUSH_SECONDS)

    def _write(self) -> None:
        while True:
            notice = self._waiting.get()
            if self._waiting.empty():  # the request that this line tells of leaves first: one interpreter, one lock
                time.sleep(BEHIND_SECONDS)
            try:
                self._page.print(line(notice, self._names), soft_wrap=True)
            except (OSError, ValueError):  # the reader has gone, or the stream is closed
                self._page.quiet = True
            finally:
                self._waiting.task_done()


def announcer(rules: Rules, stream: TextIO) -> Announcer:
    """What a run gives its notices to."""
    names = {one.client_id: one.name for one in rules.followers} | {rules.leader.client_id: rules.leader.name}
    return Announcer(names, stream, VERBOSITY.get())


def wanted(notice: Notice, verbosity: int) -> bool:
    """Decisions and alerts; with -q alerts alone, with -v everything. That a figure was asked for is no news."""
    if verbosity > 0 or notice.event == "alert":
        return True
    return verbosity == 0 and notice.event == "decision" and notice.facts.get("reason") != Reason.CHECKING


def line(notice: Notice, names: Mapping[str, str]) -> Text:
    """A notice as one line: time (IST), who, what."""
    told = Text(f"{indian(notice.at):%H:%M:%S.%f}"[:12], style="dim")
    told.append(f"  {clean(names.get(notice.follower, notice.follower) or '-'):<10}  ")
    if notice.event == "decision":
        _decision(told, notice)
    elif notice.event == "alert":
        told.append(f"ALERT {notice.level}: {clean(notice.text)}", style=LEVEL_STYLES[notice.level])
        _about(told, notice)
    else:
        told.append(f"{notice.event}: {clean(notice.text)}", style="dim")
        _about(told, notice)
    return told


def closing_table(
    state: State, rules: Rules, stream: TextIO, *, since: int = 0, shadow: Mapping[str, str] | None = None
) -> None:
    """What a run did from ``since`` (ns) on, follower by follower. ``shadow``: what to say by account of the decisions
    of one, where there is one."""
    records = {name: list(rows.values()) for name, rows in state.tables.items()}
    names = {one.client_id: one.name for one in rules.followers}
    rows = summary(records, names, leader=rules.leader.client_id, since=since)
    told = None if shadow is None else {name: shadow.get(account, "") for account, name in names.items()}
    paper(stream).print(summary_table(rows, told))


def _decision(told: Text, notice: Notice) -> None:
    facts = notice.facts
    decision = str(facts.get("decision") or notice.text)
    told.append(f"{decision:<7}", style=DECISION_STYLES.get(decision, ""))
    quantity = facts.get("quantity") or facts.get("leader_quantity")
    price = number(Decimal(str(facts.get("price") or 0)))
    what = (facts.get("side"), quantity, facts.get("symbol"), facts.get("order_type"), price or None)
    told.append("".join(f"  {clean(part)}" if at == 0 else f" {clean(part)}" for at, part in enumerate(_there(what))))
    why = (facts.get("reason"), facts.get("rule"), facts.get("detail"))
    said = ": ".join(clean(part) for part in dict.fromkeys(_there(why)))
    if said:
        told.append(f"  {said}", style="dim")
    _about(told, notice)


def _there(parts: Sequence[object]) -> list[object]:
    return [part for part in parts if part not in (None, "")]


def _about(told: Text, notice: Notice) -> None:
    if notice.leader_order_id:
        part = ", entry" if is_entry_part(notice.leader_order_id) else ""
        told.append(f"  [{clean(leader_order(notice.leader_order_id))}{part}]", style="dim")
