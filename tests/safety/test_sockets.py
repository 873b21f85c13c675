"""Nobody is called but who stands in the rules file."""

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import copyctl
from tests.safety import watched
from tests.safety.watched import Called
from tests.scenarios.desk import Desk
from tests.tapes.conftest import HASTE
from tests.tapes.leader_day import DEMO, TAPE

HERE = "127.0.0.1"
NAMED = {
    "api.dhan.co": "requests",
    "api-order-update.dhan.co": "the order stream",
    "auth.dhan.co": "logging in",
    "images.dhan.co": "the instrument list",
}
"""Every host that copyctl knows of by itself, and what it is called for."""
NOT_CALLED = {"www.w3.org", "json.schemastore.org", "json-schema.org"}
"""Names of formats, which look like addresses."""


def test_the_demo_calls_nobody_but_its_own_simulator(tmp_path: Path) -> None:
    rules = tmp_path / "demo.yaml"
    text = DEMO.read_text().replace("../examples", str(TAPE.parents[1])).replace("../var/demo", str(tmp_path / "store"))
    rules.write_text(text.replace("speed: 800", f"speed: {HASTE}"))
    done = watched.watch(["-m", "copyctl", "run", "--rules", str(rules)], tmp_path)
    assert done.code == 0, done.said[-4000:]
    assert "alice" in done.said
    hosts = {one.host for one in done.told}
    assert hosts == {HERE}, done.told
    assert done.seen is None or {one.host for one in done.seen} == {HERE}, done.seen


def test_a_call_to_somebody_else_is_seen(tmp_path: Path) -> None:
    code = "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(('127.0.0.9', 9))"
    datagram = "; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.8', 8)); socket.getaddrinfo('::1', 7)"
    done = watched.watch(["-c", code + datagram], tmp_path)
    assert done.told == {Called("127.0.0.9", 9), Called("127.0.0.8", 8), Called("::1", 7)}
    assert done.seen is None or done.seen >= {Called("127.0.0.9", 9), Called("127.0.0.8", 8)}


@pytest.fixture
def watcher() -> Iterator[tuple[int, list[str]]]:
    """Whoever is alerted: a port, and the paths that were called there."""
    paths: list[str] = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer((HERE, 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], paths
        server.shutdown()


@pytest.mark.fresh
def test_a_run_calls_the_hosts_of_its_rules_and_the_alert_addresses(
    desk: Desk, watcher: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, paths = watcher
    notes = desk.folder / "told"
    for name, value in watched.environment(notes, {}).items():
        monkeypatch.setenv(name, value)
    desk.rules = {"alerts": {"urls": [f"json://{HERE}:{port}/alert"], "heartbeat_url": f"http://{HERE}:{port}/alive"}}
    desk.start()
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.broker.tell("token", account="alice", action="kill")
    desk.broker.tell("stream", account="alice", action="reset")
    desk.eventually(lambda: {"/alert", "/alive"} <= set(paths), "somebody is alerted")
    desk.command("reconcile", check=False)
    desk.command("doctor", "--alert", check=False)
    desk.stop()
    desk.broker.tell("token", account="alice", action="revive")
    ready = desk.broker.ready
    addresses = [urlsplit(ready[key]) for key in ("rest_url", "order_update_url", "instruments_url")]
    allowed = {Called(one.hostname or "", one.port or 0) for one in addresses} | {Called(HERE, port)}
    assert watched.told(notes) <= allowed | {Called(one.host, 0) for one in allowed}
    assert watched.told(notes) >= allowed


def test_copyctl_knows_these_hosts_and_no_others() -> None:
    schemas = Path(__file__).parents[2] / "schemas"
    files = [*Path(copyctl.__file__).parent.rglob("*.py"), *schemas.glob("*.json")]
    texts = "\n".join(path.read_text() for path in files)
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"\b(?:https?|wss?)://[A-Za-z0-9][\w.-]*", texts)}
    named = {one for one in hosts if "." in one and not one.startswith("127.")}
    assert named == set(NAMED) | NOT_CALLED
