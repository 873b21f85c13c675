"""Alerts and heartbeats go to the address of the rules and nowhere else, and are tried again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from copyctl.edge import alerts
from copyctl.edge.alert_groups import Message
from copyctl.edge.alerts import Channel
from copyctl.edge.heartbeat import Heartbeat
from copyctl.model.secret import Secret
from copyctl.model.terms import Level
from tests.scenarios.hearing import Hearing, hearing

MESSAGE = Message(level=Level.CRITICAL, title="title", body="body")
PATIENCE_SECONDS = 20
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # in a plugin of Apprise


class Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody on to another address."""

    to: ClassVar = ""
    came: ClassVar[threading.Event]

    def do_GET(self) -> None:
        self.came.set()
        self.send_response(302)
        self.send_header("Location", self.to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def outside() -> Iterator[Hearing]:
    with hearing() as made:
        yield made


@pytest.fixture
def redirecting(outside: Hearing) -> Iterator[int]:
    Elsewhere.to, Elsewhere.came = f"http://127.0.0.1:{outside.port}/elsewhere", threading.Event()
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def told_into(texts: list[str], told: threading.Event) -> Any:
    def tell(text: str) -> None:
        texts.append(text)
        told.set()

    return tell


def test_an_alert_follows_no_redirect(outside: Hearing, redirecting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "RETRY_AFTER_SECONDS", (0.05,))
    texts: list[str] = []
    told = threading.Event()
    channel = Channel(Secret(f"json://127.0.0.1:{redirecting}/key-4711"), 0, told_into(texts, told))
    channel.send(MESSAGE)
    assert told.wait(PATIENCE_SECONDS)
    channel.close(1)
    assert (outside.heard, outside.calls) == ([], 0)
    assert "key-4711" not in texts[0]


def test_a_message_that_fails_is_tried_again(outside: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "RETRY_AFTER_SECONDS", (0.5, 0.5, 0.5))
    outside.refusing = True
    texts: list[str] = []
    channel = Channel(Secret(f"json://127.0.0.1:{outside.port}/"), 0, texts.append)
    channel.send(MESSAGE)
    ended = threading.Event()
    while not outside.refused:
        ended.wait(0.01)
    outside.refusing = False
    while not outside.heard:
        ended.wait(0.01)
    channel.close(PATIENCE_SECONDS)
    assert [(one["title"], one["message"], one["type"]) for one in outside.heard] == [("title", "body", "failure")]
    assert texts == []


def test_a_heartbeat_follows_no_redirect_and_its_failure_is_told_once(outside: Hearing, redirecting: int) -> None:
    texts: list[str] = []
    told = threading.Event()
    beat = Heartbeat(
        Secret(f"http://127.0.0.1:{redirecting}/key-4711"),
        lambda: True,
        told_into(texts, told),
    )
    assert told.wait(PATIENCE_SECONDS)
    beat.close()
    assert texts == ["alerts.heartbeat_url cannot be called: HTTP 302"]
    assert outside.calls == 0


def test_a_heartbeat_is_silent_while_not_all_is_well(outside: Hearing) -> None:
    looked = threading.Event()

    def well() -> bool:
        looked.set()
        return False

    beat = Heartbeat(Secret(f"http://127.0.0.1:{outside.port}/"), well, print)
    assert looked.wait(PATIENCE_SECONDS)
    beat.close()
    assert outside.calls == 0
