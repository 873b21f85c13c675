"""Metrics and health over a real socket."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from copyctl.edge.metrics import Figures, Metrics, MetricsServer
from tests.scenarios.hearing import free_port

FIGURES: Figures = {
    "copyctl_stream_connected": [(("leader",), True), (("alice",), False)],
    "copyctl_journal_bytes": [((), 4096)],
}


class Served:
    """A server with a health that can be turned."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        self.well = True
        self.metrics = Metrics(lambda: FIGURES)
        self.server = MetricsServer(f"{host}:{self.port}", self.metrics, lambda: (self.well, {"ok": self.well}))

    def ask(self, path: str, host: str = "127.0.0.1") -> tuple[int, str, str]:
        connection = http.client.HTTPConnection(host, self.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer.status, answer.headers["Content-Type"], said


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.server.close()


def test_counters_histogram_and_gauges_are_told_in_prometheus_text(served: Served) -> None:
    served.metrics.decided("alice", "refused", "market_closed")
    served.metrics.sent("alice", "cancel")
    served.metrics.took(0.004)
    status, kind, said = served.ask("/metrics?x=1")
    assert status == 200
    assert kind.startswith("text/plain")
    for line in (
        'copyctl_decisions_total{decision="refused",follower="alice",reason="market_closed"} 1.0',
        'copyctl_orders_sent_total{follower="alice",kind="cancel"} 1.0',
        'copyctl_frame_to_send_seconds_bucket{le="0.0025"} 0.0',
        'copyctl_frame_to_send_seconds_bucket{le="0.005"} 1.0',
        'copyctl_stream_connected{account="leader"} 1.0',
        'copyctl_stream_connected{account="alice"} 0.0',
        "copyctl_journal_bytes 4096.0",
        "# TYPE copyctl_queue_length gauge",
    ):
        assert line in said.splitlines()
    assert "_created" not in said
    assert "python_info" not in said  # a registry of its own


def test_two_runs_of_one_process_do_not_share_their_counts(served: Served) -> None:
    served.metrics.sent("alice", "place")
    other = Metrics(dict)
    assert other.registry.get_sample_value("copyctl_orders_sent_total", {"follower": "alice", "kind": "place"}) is None


def test_health_says_well_or_not(served: Served) -> None:
    assert served.ask("/health") == (200, "application/json", '{"ok": true}\n')
    served.well = False
    assert served.ask("/health") == (503, "application/json", '{"ok": false}\n')
    assert served.ask("/")[0] == 404


def test_a_client_that_says_nothing_does_not_keep_the_others_out(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)):
        assert served.ask("/health")[0] == 200


def test_a_port_that_is_taken_is_refused_and_a_closed_one_is_free_again(served: Served) -> None:
    listen = f"127.0.0.1:{served.port}"
    with pytest.raises(OSError, match="in use"):
        MetricsServer(listen, served.metrics, lambda: (True, {}))
    served.server.close()
    served.server = MetricsServer(listen, served.metrics, lambda: (True, {}))


def test_it_listens_on_addresses_of_the_sixth_version_too() -> None:
    made = Served("[::1]")
    assert made.ask("/health", "::1")[0] == 200
    made.server.close()
