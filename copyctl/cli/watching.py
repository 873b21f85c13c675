"""What looks on while a run goes on: alerts, log, metrics, health, heartbeat and the supervisor.

A run gives its notices to :class:`Watching`, which costs it a place in a queue and no more: one thread makes log lines,
counts and alerts of them, others send, serve and call. Gauges and health are made of the run's state at the moment of
asking: its records are frozen, and the list of a table is taken in one go.
"""

import asyncio
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from copyctl import __version__
from copyctl.cli.assemble import CannotRun, Run
from copyctl.cli.console import Announcer, wanted
from copyctl.cli.figures import figures
from copyctl.cli.speech import VERBOSITY
from copyctl.core.keys import copy_key
from copyctl.edge.alert_groups import AlertGroups
from copyctl.edge.clock import SystemClock
from copyctl.edge.logs import register_secret
from copyctl.edge.supervisor import Supervisor
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.choices import LogFormat, LogLevel
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind
from copyctl.report.events import log_line
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
BEHIND_SECONDS: Final = 0.003
CLOSE_SECONDS: Final = 3.0
GIVE_WAY_SECONDS: Final = 0.0002
"""A thread that computes gives way to trading after so long. By Python's own 5 ms a scrape would hold up every wake-up
of the event loop by as much; measured with 4,000 copies: a median of 5.2 ms by that, of 0.4 ms by this."""


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
        self._waiting: queue.Queue[Notice | None] = queue.Queue(MOST_WAITING)
        self._log = structlog.get_logger("copyctl.run")
        self._one_place = _one_place()
        self._window = LatencyWindow()
        self._latency_told_at = 0
        self._supervisor = Supervisor(os.environ)
        self._metrics: Metrics | None = None
        self._server: MetricsServer | None = None
        self._channels: tuple[Channel, ...] = ()
        self._heartbeat: Heartbeat | None = None
        self._rules: Rules | None = None
        self._thread = threading.Thread(target=self._work, name="watching", daemon=True)
        self._use(rules)
        self._thread.start()

    def __call__(self, notice: Notice) -> None:
        """A notice of the run, from whatever thread; nobody waits."""
        if not self._speaks_json:
            self._tell(notice)
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            return

    def use(self, rules: Rules) -> None:
        """Go on by other rules, after a reload.

        Raises:
            CannotRun: an address of them cannot be used; then everything is as it was.
        """
        self._supervisor.reloading()
        try:
            self._use(rules)
        finally:
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
        if self._server is not None:
            self._server.close()
        ends = time.monotonic() + CLOSE_SECONDS
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            _LOG.warning("more waits to be told than can be told in time")
        self._thread.join(CLOSE_SECONDS)
        for channel in self._channels:
            channel.close(max(0.1, ends - time.monotonic()))
        self._supervisor.close()

    # --- by which rules -----------------------------------------------------------------------------------------

    def _use(self, rules: Rules) -> None:
        before, alerts = self._rules, rules.alerts
        for secret in (*alerts.urls, *([alerts.heartbeat_url] if alerts.heartbeat_url else [])):
            register_secret(secret.reveal())
        channels = self._channels
        if before is None or before.alerts.urls != alerts.urls:
            channels = self._channels_of(rules)
        if before is None or before.metrics.listen != rules.metrics.listen:
            self._serve(rules)
        if channels is not self._channels:
            gone, self._channels = self._channels, channels
            for channel in gone:
                channel.close(0)
        names = _names(rules)
        if before is None:
            self._groups = AlertGroups(rules.name, names, alerts)
        else:
            self._groups.use(rules.name, names, alerts)
        self._names, self._rules = names, rules
        if before is None or before.alerts.heartbeat_url != alerts.heartbeat_url:
            self._beat(rules)

    def _channels_of(self, rules: Rules) -> "tuple[Channel, ...]":
        if not rules.alerts.urls:
            return ()
        from copyctl.edge.alerts import Channel  # heavy: whoever sends no alerts need not load it

        try:
            return tuple(Channel(url, place, _LOG.warning) for place, url in enumerate(rules.alerts.urls))
        except ValueError as trouble:
            raise CannotRun(f"{trouble}; see the documentation of Apprise for what it takes") from None

    def _serve(self, rules: Rules) -> None:
        fresh = None
        if rules.metrics.listen:
            from copyctl.edge.metrics import Metrics, MetricsServer

            if self._metrics is None:
                self._metrics = Metrics(self._figures)
            try:
                fresh = MetricsServer(rules.metrics.listen, self._metrics, self.health)
            except (OSError, OverflowError, ValueError) as trouble:
                why = getattr(trouble, "strerror", None) or trouble
                raise CannotRun(f"metrics.listen: {rules.metrics.listen} cannot be had: {why}") from None
        if self._server is not None:
            self._server.close()
        self._server = fresh

    def _beat(self, rules: Rules) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()
            self._heartbeat = None
        if rules.alerts.heartbeat_url:
            from copyctl.edge.heartbeat import Heartbeat

            self._heartbeat = Heartbeat(rules.alerts.heartbeat_url, lambda: self.health()[0], _LOG.warning)

    # --- in the event loop --------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        ready, status, fed_at = False, "", 0.0
        every = self._supervisor.feed_every_seconds
        try:
            while True:
                self._turned_at = self._clock.now()
                if every and time.monotonic() - fed_at >= every * 0.9:
                    fed_at = time.monotonic()
                    self._supervisor.feed()
                if not ready and self._is_ready():
                    ready = True
                    self._supervisor.ready()
                now = self._in_a_line()
                if now != status:
                    status = now
                    self._supervisor.status(status)
                await asyncio.sleep(min(PAUSE_SECONDS, every / 2) if every else PAUSE_SECONDS)
        finally:
            self._turned_at = 0
            self._supervisor.stopping()

    def _is_ready(self) -> bool:
        """Is the leader listened to, and every book read, but of those whom the broker lets not in?"""
        rules, accounts = self._rules, self._accounts()
        if rules is None:
            return False
        leader = accounts.get(rules.leader.client_id)
        followers = [accounts.get(one.client_id) for one in rules.followers]
        listens = leader is not None and leader.stream_up and leader.ready
        return listens and all(one is not None and (one.ready or one.refused_token) for one in followers)

    def _in_a_line(self) -> str:
        well, document = self.health()
        return f"copying for {len(self._names) - 1} followers" if well else "; ".join(document["why"])

    # --- at the moment of asking --------------------------------------------------------------------------------

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Is the run well? And the document that says so, or why not."""
        rules, run = self._rules, self._run
        if rules is None or run is None:
            why = ["the run begins"]
        else:
            trouble = run.replicator.pulse().store_trouble
            vitals = Vitals(now=self._clock.now(), turned_at=self._turned_at, store_trouble=trouble)
            why = troubles(self._accounts(), rules, vitals)
        if not self._thread.is_alive() and self._run is not None:
            why.append("alerts and log lines are not made any more: a bug")
        name = rules.name if rules else ""
        return not why, {"ok": not why, "name": name, "version": __version__, "why": why}

    def _accounts(self) -> dict[str, Account]:
        rows = self._run.replicator.state.tables["account"] if self._run else {}
        return {one.account: one for one in list(rows.values()) if isinstance(one, Account)}

    def _figures(self) -> "Figures":
        rules, run = self._rules, self._run
        if rules is None or run is None:
            return {}
        return figures(run.replicator, rules, self._folder, now=self._clock.now(), since=self._began)

    # --- in the thread ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                notice = self._waiting.get(timeout=PAUSE_SECONDS)
            except queue.Empty:
                self._later()
                continue
            if notice is None:
                break
            if self._waiting.empty():  # the request that it tells of leaves first: one interpreter, one lock
                time.sleep(BEHIND_SECONDS)
            self._take(notice)
            self._later()
        self._send(all_of_it=True)

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
        rules = self._rules
        if rules is None or rules.alerts.latency_budget is None:
            return
        now = self._clock.now()
        if now - self._latency_told_at >= max(rules.alerts.cooldown, WINDOW):
            slow = self._window.above(rules.alerts.latency_budget, now)
            if slow:
                self._latency_told_at = now
                self(alert_notice(now, Alert.LATENCY, slow))

    def _send(self, *, all_of_it: bool = False) -> None:
        for message in self._groups.due(time.monotonic(), all_of_it=all_of_it):
            for channel in self._channels:
                channel.send(message)

    @property
    def _leader(self) -> str:
        return self._rules.leader.client_id if self._rules else ""

    @property
    def _speaks_json(self) -> bool:
        """Do lines for people and lines for programs go to one place? There they would only be in each other's way."""
        return self._one_place and self._rules is not None and self._rules.logging.format is LogFormat.JSON

    def _logs(self, notice: Notice) -> bool:
        """Everything, but what the same terminal shows anyway; there the rest is for those who want to know it all."""
        if self._rules is None or self._rules.logging.format is LogFormat.JSON or not self._one_place:
            return True
        return self._rules.logging.level is LogLevel.DEBUG and not wanted(notice, VERBOSITY.get())


def _names(rules: Rules) -> dict[str, str]:
    return {one.client_id: one.name for one in rules.followers} | {rules.leader.client_id: "leader"}


def _one_place() -> bool:
    """Do standard output and standard error end up on the same terminal or in the same file?"""
    try:
        here, there = os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # one of them is none, or closed
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
