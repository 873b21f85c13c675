"""What looks on while a run goes on: alerts, log, metrics, health, heartbeat and the supervisor.

A run gives its notices to :class:`Watching`, which costs it a place in a list and no more: one thread makes log lines,
counts and alerts of them, others send, serve and call. Gauges and health are made of the run's state at the moment of
asking: its records are frozen, and the list of a table is taken in one go.
"""

import asyncio
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from copyctl import __version__
from copyctl.cli.assemble import CannotRun, Run
from copyctl.cli.console import Announcer, wanted
from copyctl.cli.credentials import hide_secrets
from copyctl.cli.figures import figures
from copyctl.cli.speech import VERBOSITY
from copyctl.core.keys import copy_key
from copyctl.edge.alert_groups import AlertGroups
from copyctl.edge.clock import SystemClock
from copyctl.edge.supervisor import Supervisor
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.choices import LogFormat, LogLevel
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind
from copyctl.model.secret import Secret
from copyctl.report.events import LEADER, log_line
from copyctl.report.health import Vitals, troubles
from copyctl.report.latency import WINDOW, LatencyWindow
from copyctl.report.status import placement_latency

if TYPE_CHECKING:
    from copyctl.edge.alerts import Channel
    from copyctl.edge.heartbeat import Heartbeat
    from copyctl.edge.metrics import Figures, Metrics, MetricsServer

_LOG: Final = logging.getLogger("copyctl.watching")
MOST_WAITING: Final = 20_000
PAUSE_SECONDS: Final = 0.5
EVERY_SECONDS: Final = 0.05
"""How often the thread looks for notices. Nothing wakes it: waking costs whoever does it, and that is trading."""
CLOSE_SECONDS: Final = 3.0
GIVE_WAY_SECONDS: Final = 0.0002
"""A thread that computes gives way to trading after so long. By Python's own 5 ms a scrape would hold up every wake-up
of the event loop by as much; measured with 4,000 copies: a median of 5.2 ms by that, of 0.4 ms by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """By what it is told: the addresses of alerts and the port of metrics that these rules ask for."""

    rules: Rules
    channels: "tuple[Channel, ...]"
    server: "MetricsServer | None"


class Watching:
    """The listener of a run, and everything that tells of it to the outside. To be entered before the run begins.

    Raises:
        CannotRun: an address of ``alerts`` or ``metrics`` cannot be used. That is found out before anything is sent;
            whatever fails later is told in the log and stops nobody.
    """

    def __init__(self, rules: Rules, tell: Announcer, *, dry: bool = False) -> None:
        sys.setswitchinterval(GIVE_WAY_SECONDS)
        self._tell = tell
        self._folder = Path(rules.store.path) / "dry-run" if dry else Path(rules.store.path)
        self._clock = SystemClock()
        self._began = self._clock.now()
        self._run: Run | None = None
        self._turned_at = 0
        self._store_trouble = ""
        self._looked_at = 0.0
        self._ready = False
        self._status = ""
        self._waiting: deque[Notice] = deque()
        self._ended = threading.Event()
        self._log = structlog.get_logger("copyctl.run")
        self._one_place = _one_place()
        self._window = LatencyWindow()
        self._latency_told_at = 0
        self._supervisor = Supervisor(os.environ)
        self._metrics: Metrics | None = None
        self._heartbeat: Heartbeat | None = None
        self._outlets: Outlets | None = None
        self._rules = rules
        self._names: dict[str, str] = {}
        self._groups = AlertGroups(rules.name, {}, rules.alerts)
        self._thread = threading.Thread(target=self._work, name="watching", daemon=True)
        self._take_up(self._made(rules))
        self._thread.start()

    def __call__(self, notice: Notice) -> None:
        """A notice of the run, from whatever thread; nobody waits."""
        if not self._speaks_json:
            self._tell(notice)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(notice)

    def prepare(self, rules: Rules) -> "Outlets":
        """Whatever other rules need to be told by, for a reload; ``use`` or ``drop`` it. What is the same is kept.

        Raises:
            CannotRun: an address of them cannot be used; then everything is as it was.
        """
        self._supervisor.reloading()
        try:
            return self._made(rules)
        except CannotRun:
            self._supervisor.ready()
            raise

    def use(self, outlets: "Outlets") -> None:
        """Go on by other rules."""
        before = self._outlets
        self._take_up(outlets)
        self._let_go(before, unless=outlets)
        self._supervisor.ready()

    def drop(self, outlets: "Outlets") -> None:
        """The other rules were refused: everything stays as it is."""
        self._let_go(outlets, unless=self._outlets)
        self._supervisor.ready()

    def beside(self, run: Run) -> Callable[[], Awaitable[None]]:
        """What has to go on in the run's own event loop, to see that it turns: until it is cancelled."""
        self._run = run
        return self._turn

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell what is still to be told, within some seconds, and let everything go."""
        if self._heartbeat is not None:
            self._heartbeat.close()
        self._ended.set()
        self._thread.join(CLOSE_SECONDS)
        self._let_go(self._outlets, seconds=CLOSE_SECONDS)
        self._supervisor.close()

    # --- by which rules -----------------------------------------------------------------------------------------

    def _made(self, rules: Rules) -> "Outlets":
        hide_secrets(rules)
        before = self._outlets
        same_urls = before is not None and before.rules.alerts.urls == rules.alerts.urls
        same_port = before is not None and before.rules.metrics.listen == rules.metrics.listen
        channels = before.channels if before is not None and same_urls else _channels(rules)
        try:
            server = before.server if before is not None and same_port else self._served(rules)
        except CannotRun:
            for channel in () if same_urls else channels:
                channel.close(0)
            raise
        return Outlets(rules=rules, channels=channels, server=server)

    def _served(self, rules: Rules) -> "MetricsServer | None":
        if not rules.metrics.listen:
            return None
        from copyctl.edge.metrics import Metrics, MetricsServer

        self._metrics = self._metrics or Metrics(self._figures)
        try:
            return MetricsServer(rules.metrics.listen, self._metrics, self.health)
        except (OSError, OverflowError, ValueError) as trouble:
            why = getattr(trouble, "strerror", None) or trouble
            raise CannotRun(f"metrics.listen: {rules.metrics.listen} cannot be had: {why}") from None

    def _take_up(self, outlets: "Outlets") -> None:
        rules, before = outlets.rules, self._outlets
        names = {one.client_id: one.name for one in rules.followers} | {rules.leader.client_id: LEADER}
        self._groups.use(rules.name, names, rules.alerts)
        self._names, self._outlets, self._rules = names, outlets, rules
        url = rules.alerts.heartbeat_url
        if before is None or before.rules.alerts.heartbeat_url != url:
            if self._heartbeat is not None:
                self._heartbeat.close()
            self._heartbeat = _heartbeat(url, lambda: self.health()[0]) if url else None

    def _let_go(self, outlets: "Outlets | None", *, unless: "Outlets | None" = None, seconds: float = 0.0) -> None:
        """Close what these outlets have and the others have not."""
        if outlets is None:
            return
        if outlets.server is not None and (unless is None or unless.server is not outlets.server):
            outlets.server.close()
        ends = time.monotonic() + seconds
        for channel in outlets.channels if unless is None or unless.channels is not outlets.channels else ():
            channel.close(max(0.1, ends - time.monotonic()))

    # --- in the event loop --------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        """As little as can be: a bug in what looks on must not end what trades."""
        fed_at, every = 0.0, self._supervisor.feed_every_seconds
        try:
            while True:
                self._turned_at = self._clock.now()
                self._store_trouble = self._run.replicator.store_trouble if self._run else ""
                if every and time.monotonic() - fed_at >= every * 0.9:
                    fed_at = time.monotonic()
                    self._supervisor.feed()
                await asyncio.sleep(min(PAUSE_SECONDS, every / 2) if every else PAUSE_SECONDS)
        finally:
            self._turned_at = 0
            self._supervisor.stopping()

    # --- at the moment of asking --------------------------------------------------------------------------------

    def _is_ready(self) -> bool:
        """Is the leader listened to, and every book read, but of those whom the broker lets not in?"""
        rules, accounts = self._rules, self._accounts()
        leader = accounts.get(rules.leader.client_id)
        followers = [accounts.get(one.client_id) for one in rules.followers]
        listens = leader is not None and leader.stream_up and leader.ready
        return listens and all(one is not None and (one.ready or one.refused_token) for one in followers)

    def _in_a_line(self) -> str:
        well, document = self.health()
        return f"copying for {len(self._names) - 1} followers" if well else "; ".join(document["why"])

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Is the run well? And the document that says so, or why not."""
        rules, run = self._rules, self._run
        if run is None:
            why = ["the run begins"]
        else:
            vitals = Vitals(now=self._clock.now(), turned_at=self._turned_at, store_trouble=self._store_trouble)
            why = troubles(self._accounts(), rules, vitals)
        if not self._thread.is_alive() and self._run is not None:
            why.append("alerts and log lines are not made any more: a bug")
        return not why, {"ok": not why, "name": rules.name, "version": __version__, "why": why}

    def _accounts(self) -> dict[str, Account]:
        rows = self._run.replicator.state.tables["account"] if self._run else {}
        return {one.account: one for one in list(rows.values()) if isinstance(one, Account)}

    def _figures(self) -> "Figures":
        rules, run = self._rules, self._run
        if run is None:
            return {}
        return figures(run.replicator.state, rules, self._folder, now=self._clock.now(), since=self._began)

    # --- in the thread ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._take_all()
            self._later()
        self._take_all()
        self._send(all_of_it=True)

    def _take_all(self) -> None:
        while self._waiting:
            self._take(self._waiting.popleft())

    def _take(self, notice: Notice) -> None:
        if self._logs(notice):
            told = log_line(notice, self._names, self._leader)
            log = getattr(self._log, str(told.pop("level")))
            log(told.pop("event"), **told)
        if notice.event == "alert":
            self._groups.take(notice, time.monotonic())
        elif notice.event == "answer" and notice.facts.get("kind") == RequestKind.PLACE:
            self._placed(notice)
        if self._metrics is not None:
            self._count(self._metrics, notice)

    def _count(self, metrics: "Metrics", notice: Notice) -> None:
        who, facts = self._names.get(notice.follower, notice.follower), notice.facts
        if notice.event == "decision":
            metrics.decided(who, str(facts.get("decision") or ""), str(facts.get("reason") or ""))
        elif notice.event == "request":
            metrics.sent(who, str(facts.get("kind") or ""))

    def _placed(self, notice: Notice) -> None:
        """A placement was answered: by now it is known when it had left."""
        copies = self._run.replicator.state.tables["copy"] if self._run else {}
        copy = copies.get(copy_key(notice.leader_order_id, notice.follower))
        took = placement_latency(copy, str(notice.facts["correlation_id"])) if isinstance(copy, Copy) else None
        if took is None:
            return
        self._window.add(notice.at, took)
        if self._metrics is not None:
            self._metrics.took(took / 1e9)

    def _later(self) -> None:
        """What is due by now."""
        due = self._groups.next_at()
        if due is not None and due <= time.monotonic():
            self._send()
        if time.monotonic() - self._looked_at >= PAUSE_SECONDS:
            self._looked_at = time.monotonic()
            self._tell_supervisor()
            self._watch_latency()

    def _tell_supervisor(self) -> None:
        if not self._turned_at:
            return
        if not self._ready and self._is_ready():
            self._ready = True
            self._supervisor.ready()
        status = self._in_a_line()
        if status != self._status:
            self._status = status
            self._supervisor.status(status)

    def _watch_latency(self) -> None:
        rules = self._rules
        if rules.alerts.latency_budget is None:
            return
        now = self._clock.now()
        if now - self._latency_told_at >= max(rules.alerts.cooldown, WINDOW):
            slow = self._window.above(rules.alerts.latency_budget, now)
            if slow:
                self._latency_told_at = now
                self(alert_notice(now, Alert.LATENCY, slow))

    def _send(self, *, all_of_it: bool = False) -> None:
        for message in self._groups.due(time.monotonic(), all_of_it=all_of_it):
            for channel in self._outlets.channels if self._outlets else ():
                channel.send(message)

    @property
    def _leader(self) -> str:
        return self._rules.leader.client_id

    @property
    def _speaks_json(self) -> bool:
        """Do lines for people and lines for programs go to one place? There they would only be in each other's way."""
        return self._one_place and self._rules.logging.format is LogFormat.JSON

    def _logs(self, notice: Notice) -> bool:
        """Everything, but what the same terminal shows anyway; there the rest is for those who want to know it all."""
        if self._rules.logging.format is LogFormat.JSON or not self._one_place:
            return True
        return self._rules.logging.level is LogLevel.DEBUG and not wanted(notice, VERBOSITY.get())


def _channels(rules: Rules) -> "tuple[Channel, ...]":
    if not rules.alerts.urls:
        return ()
    from copyctl.edge.alerts import Channel  # heavy: whoever sends no alerts need not load it

    made: list[Channel] = []
    try:
        for place, url in enumerate(rules.alerts.urls):
            made.append(Channel(url, place, _LOG.warning))
    except ValueError as trouble:
        for channel in made:
            channel.close(0)
        raise CannotRun(f"{trouble}; see the documentation of Apprise for what it takes") from None
    return tuple(made)


def _heartbeat(url: Secret, well: Callable[[], bool]) -> "Heartbeat":
    from copyctl.edge.heartbeat import Heartbeat

    return Heartbeat(url, well, _LOG.warning)


def _one_place() -> bool:
    """Do standard output and standard error end up on the same terminal or in the same file?"""
    try:
        here, there = os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # one of them is none, or closed
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
