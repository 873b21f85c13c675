"""Metrics for Prometheus and the health answer, on one port, served by a thread of its own.

The thread answers also where the event loop stalls, which is when the answer matters. Requests are taken one after the
other, so that several who ask at once do not take the processor from trading together. Names are a contract.
"""

import contextlib
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

_LOG: Final = logging.getLogger("copyctl.metrics")
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""
PATIENCE_SECONDS: Final = 2.0
"""A client that says nothing for so long is hung up on: the next one waits."""

GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "copyctl_stream_connected": ("Is the order stream of an account up?", ("account",)),
    "copyctl_queue_length": ("Rows of a follower that wait.", ("follower",)),
    "copyctl_unresolved_orders": ("Orders of a follower of which nobody knows whether they are there.", ("follower",)),
    "copyctl_rate_budget": ("Order requests that a follower may still send in a window.", ("follower", "window")),
    "copyctl_follower_state": ("1 for the state that a follower is in.", ("follower", "state")),
    "copyctl_kill_switch": ("Is the kill switch of a follower on?", ("follower",)),
    "copyctl_journal_bytes": ("Size of the journal on disk.", ()),
}
"""What is true at the moment of asking: name, help, labels."""

Figures = Mapping[str, Sequence[tuple[tuple[str, ...], float]]]
"""The values of gauges by name, each with the values of its labels in order."""


class Metrics:
    """All metrics of a run. ``figures`` is asked for the gauges whenever somebody scrapes."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "copyctl_decisions",
            "Decisions as they were made.",
            ("follower", "decision", "reason"),
            registry=self.registry,
        )
        self._sent = Counter(
            "copyctl_orders_sent",
            "Requests that change an account, as they left.",
            ("follower", "kind"),
            registry=self.registry,
        )
        self._took = Histogram(
            "copyctl_frame_to_send_seconds",
            "From the leader's frame until the bytes of a placement left.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Gauges(figures))

    def decided(self, follower: str, decision: str, reason: str) -> None:
        """A decision was made, or became another one."""
        self._decisions.labels(follower, decision, reason).inc()

    def sent(self, follower: str, kind: str) -> None:
        """A request left."""
        self._sent.labels(follower, kind).inc()

    def took(self, seconds: float) -> None:
        """A placement left so long after the leader's frame."""
        self._took.observe(seconds)


class _Gauges(Collector):
    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return (GaugeMetricFamily(name, told, labels=labels) for name, (told, labels) in GAUGES.items())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures = self._figures()
        for name, family in zip(GAUGES, self.describe(), strict=True):
            for labels, value in figures.get(name, ()):
                family.add_metric(labels, value)
            yield family


class MetricsServer:
    """Serves ``/metrics`` and ``/health`` at ``listen`` (host:port) until it is closed.

    ``health``: is all well, and the document that says so or why not.

    Raises:
        OSError: the address cannot be had.
    """

    def __init__(self, listen: str, metrics: Metrics, health: Callable[[], tuple[bool, Mapping[str, Any]]]) -> None:
        host, port = address(listen)

        class Handler(_Handler):
            answers: ClassVar = {"/metrics": _metrics(metrics), "/health": _health(health)}

        self._server = _server(host, port, Handler)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Serve no more, and give the port back."""
        self._server.shutdown()
        self._server.server_close()


def address(listen: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[address]:port``."""
    host, _, port = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


_Answer = tuple[HTTPStatus, str, bytes]


def _metrics(metrics: Metrics) -> Callable[[str], _Answer]:
    def answer(accept: str) -> _Answer:
        encode, kind = choose_encoder(accept)
        return HTTPStatus.OK, kind, encode(metrics.registry)

    return answer


def _health(health: Callable[[], tuple[bool, Mapping[str, Any]]]) -> Callable[[str], _Answer]:
    def answer(_accept: str) -> _Answer:
        well, document = health()
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", json.dumps(document).encode() + b"\n"

    return answer


class _Handler(BaseHTTPRequestHandler):
    """One connection, one answer."""

    answers: ClassVar[Mapping[str, Callable[[str], _Answer]]] = {}
    timeout = PATIENCE_SECONDS
    server_version = "copyctl"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        found = self.answers.get(self.path.partition("?")[0])
        status, kind, body = (
            found(self.headers.get("Accept", "")) if found else (HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        )
        with contextlib.suppress(ConnectionError, TimeoutError):  # who asked has gone
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the standard library's name
        """Requests are no news."""
        _LOG.debug(format, *args)


def _server(host: str, port: int, handler: type[_Handler]) -> socketserver.TCPServer:
    class Server(socketserver.TCPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            _LOG.warning("a request for metrics failed", exc_info=True)

    return Server((host, port), handler)
