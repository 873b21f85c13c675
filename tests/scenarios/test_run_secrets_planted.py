"""Secrets planted in every input come out of nothing: no output, log, file of the store, answer or traceback."""

import contextlib
import http.client
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.world import process
from tests.scenarios import dying_run
from tests.scenarios.desk import PATIENCE_SECONDS, Broker, Desk

pytestmark = pytest.mark.fresh

PIN, OTHER_PIN = "73019482650", "91827364550"
SECRET, OTHER_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ALERT_KEY, WATCHER_KEY = "k3y-of-an-alert-address", "k3y-of-a-watcher"
LOOKS = (
    *(("status",), ("status", "--format", "table"), ("orders",), ("orders", "--format", "table")),
    *(("positions",), ("events",), ("events", "--format", "table"), ("show",), ("show", "--format", "table")),
)
COMMANDS = (
    *(("doctor", "--format", "json"), ("doctor", "--format", "table")),
    *(("token", "--format", "json"), ("token", "--account", "alice", "--force", "--format", "table")),
    *(("token", "--account", "bob", "--force"), ("reload",)),
)
VARIABLES = {"BOB_PIN": OTHER_PIN, "BOB_TOTP": OTHER_SECRET}


class Planted:
    """Every secret there is, and where it must not be."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.texts = {PIN, OTHER_PIN, SECRET, OTHER_SECRET, ALERT_KEY, WATCHER_KEY}
        self.more: list[str] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.metrics = f"127.0.0.1:{free.getsockname()[1]}"
        self.learn()

    def learn(self) -> None:
        """Take in the tokens as they are now: every one that there ever was stays secret."""
        for row in self.desk.broker.accounts.values():
            self.texts |= {row["access_token"], row["access_token"].rsplit(".", 1)[-1]}
        for path in self.desk.folder.glob("*.token"):
            text = path.read_text().strip()
            self.texts |= {text, text.rsplit(".", 1)[-1]}

    def assert_nowhere(self) -> None:
        self.learn()
        written = {path: path.read_bytes() for path in self.desk.store.rglob("*") if path.is_file()}
        written[Path("run.log")] = (self.desk.folder / "run.log").read_bytes()
        assert any(path.suffix == ".sqlite" for path in written)
        for path, held in written.items():
            assert not [one for one in self.texts if one.encode() in held], path
        for words in LOOKS:
            self.assert_absent(words, self.desk.look(*words))
        for said in self.more:
            self.assert_absent(("command",), said)

    def assert_absent(self, words: tuple[str, ...], said: str) -> None:
        assert not [one for one in self.texts if one in said], words

    def command(self, *words: str) -> str:
        done = self.desk.command(*words, check=False)
        self.more.append(done.stdout + done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def planted(desk: Desk, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """Alice's token, PIN and secret in the rules file itself, bob's in variables, the leader's in a file."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    desk.followers = ("alice", "bob")
    accounts = desk.broker.accounts
    (desk.folder / "leader.token").write_text(accounts["leader"]["access_token"])

    def account(name: str, **keys: Any) -> dict[str, Any]:
        return {"client_id": accounts[name]["client_id"], **keys}

    (desk.folder / "alice.token").write_text(accounts["alice"]["access_token"])
    desk.rules = {
        "leader": account("leader", access_token="${file:leader.token}", renew="renew"),
        "followers": [
            {"name": "alice", **account("alice", access_token="${file:alice.token}", pin=PIN, totp_secret=SECRET)},
            {
                "name": "bob",
                **account("bob", access_token=accounts["bob"]["access_token"]),
                "pin": "${BOB_PIN}",
                "totp_secret": "${BOB_TOTP}",
            },
        ],
        "logging": {"level": "debug", "format": "json"},
        "resilience": {"request_timeout": "500ms"},
    }
    made = Planted(desk)
    with listening(made) as port:
        monkeypatch.setenv("ALERT", f"json://{ALERT_KEY}@127.0.0.1:{port}/")
        desk.rules["alerts"] = {
            "urls": ["${ALERT}", f"json://{ALERT_KEY}@127.0.0.1:9/"],  # one that hears, one that does not
            "heartbeat_url": f"http://127.0.0.1:{port}/{WATCHER_KEY}",
        }
        desk.rules["metrics"] = {"listen": made.metrics}
        yield made
    for name, row in accounts.items():
        row["access_token"] = broker.tell("token", account=name, action="mint")["access_token"]


@contextlib.contextmanager
def listening(planted: Planted) -> Iterator[int]:
    """Whoever is alerted, on this port: what it is sent is looked at too, but for the key that lets it in."""

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            planted.more.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def minted(desk: Desk, name: str, seconds: int) -> str:
    token = str(desk.broker.tell("token", account=name, action="mint", seconds=seconds)["access_token"])
    desk.broker.accounts[name]["access_token"] = token
    return token


def argv_of_a_process_and_its_children(pid: int) -> str:
    """What stands on the command lines of the process and of all that it began."""
    words = []
    for line in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = line.read_text().rsplit(")", 1)[1].split()
            if str(pid) in (line.parent.name, fields[1]):
                words.append((line.parent / "cmdline").read_text())
        except OSError:
            continue
    return "\n".join(words)


def test_run_tells_no_planted_secret_whatever_is_said_and_goes_wrong(planted: Planted) -> None:
    desk = planted.desk
    desk.settings(answers_repeat_the_token=True)
    desk.start()
    assert desk.process is not None
    planted.more.append(argv_of_a_process_and_its_children(desk.process.pid))
    tokens = {name: desk.broker.accounts[name]["access_token"] for name in ("leader", "alice", "bob")}
    for fault in ({"kind": "html502"}, {"kind": "hang"}, {"kind": "truncated"}):
        desk.fault(**fault, times=1)
        order = desk.place()
        desk.follows(order, decision="copied", follower_status="PENDING")
        desk.cancel(order)
    desk.fault(kind="status", status=400, times=1, body={"errorCode": "DH-905", "errorMessage": f"x {tokens['alice']}"})
    order = desk.place()
    desk.follows(order, decision="dead")
    for name in ("leader", "alice"):  # frames that can be read, and that cannot
        desk.frame(json.dumps({"LoginReq": {"Token": tokens[name]}}), name)
        desk.frame(f"not JSON: {tokens[name]}", name)
    for name in ("alice", "bob", "leader"):
        desk.broker.tell("token", account=name, action="kill")
        desk.broker.tell("stream", account=name, action="reset")
    desk.eventually(lambda: all(row["state"] == "unauthenticated" for row in desk.status()["followers"]), "refused")
    desk.eventually(lambda: not desk.status()["leader"]["connected"], "the leader's too")
    for words in COMMANDS:
        planted.command(*words)
    for page in ("metrics", "health"):
        connection = http.client.HTTPConnection(planted.metrics, timeout=PATIENCE_SECONDS)
        connection.request("GET", f"/{page}")
        planted.more.append(connection.getresponse().read().decode())
        connection.close()
    assert "copyctl_" in planted.more[-2]
    desk.eventually(lambda: any("token or address is refused" in one for one in planted.more), "somebody is alerted")
    planted.assert_nowhere()  # with the write-ahead log beside the store
    desk.stop()
    planted.assert_nowhere()


def test_a_login_that_goes_wrong_or_well_tells_no_planted_secret(planted: Planted) -> None:
    desk = planted.desk
    desk.rules["followers"][0]["renew"] = "totp"
    (desk.folder / "leader.token").write_text(minted(desk, "leader", 300))  # renewed at once
    (desk.folder / "alice.token").write_text(minted(desk, "alice", 300))
    desk.dhan = desk.client("leader")
    message = f"Invalid TOTP for {PIN} {SECRET} of {desk.broker.accounts['alice']['access_token']}"
    desk.broker.tell(
        "faults",
        kind="status",
        status=400,
        account="alice",
        path="^/app/",
        body={"status": "error", "message": message},
    )
    planted.learn()
    desk.start(ready=False)
    desk.eventually(lambda: desk.alerts("could not be replaced"), "the login is refused")
    desk.eventually(lambda: desk.alerts("a new access token is in use"), "the leader's is renewed")
    planted.assert_nowhere()
    desk.mend()
    said = planted.command("token", "--account", "alice", "--force", "--format", "json")
    assert '"ok": true' in said
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "active", "the new one is taken up")
    planted.assert_nowhere()
    desk.stop()
    planted.assert_nowhere()


def test_a_crash_tells_no_planted_secret(planted: Planted) -> None:
    desk = planted.desk
    desk.start(program=(str(Path(dying_run.__file__)), "bug with token", "place"))
    desk.place()
    assert desk.ended() not in (0, -9)
    assert "a bug with ***" in desk.output()
    planted.assert_nowhere()


WRONG: dict[str, dict[str, Any]] = {
    "an address with a password": {"broker": {"rest_url": f"http://user:{PIN}@127.0.0.1:9/v2"}},
    "a stream's address with a password": {"broker": {"order_update_url": f"ws://user:{PIN}@127.0.0.1:9"}},
    "a token in a wrong key": {"leader": {"client_id": "1", "acces_token": SECRET}},
    "a token of two lines": {"leader": {"client_id": "1", "access_token": f"{SECRET}\n{SECRET}"}},
    "a token that is no text": {"leader": {"client_id": "1", "access_token": [SECRET]}},
    "an alert address that is none": {"alerts": {"urls": [f"nonsense://{ALERT_KEY}"], "heartbeat_url": WATCHER_KEY}},
    "a secret that is no base32": {
        "leader": {"client_id": "1", "access_token": SECRET, "pin": PIN, "totp_secret": "0189-" + PIN}
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_rules_that_are_wrong_tell_no_planted_secret(planted: Planted, wrong: dict[str, Any]) -> None:
    desk = planted.desk
    desk.write_rules()
    document = yaml.safe_load(desk.rules_file.read_text())
    for key, value in wrong.items():
        document[key] = {**document.get(key, {}), **value} if key == "broker" else value
    desk.rules_file.write_text(yaml.safe_dump(document))
    (desk.folder / "run.log").touch()
    for words in (
        ("run", "--once"),
        ("show",),
        ("doctor", "--format", "json"),
        ("token", "--account", "leader", "--force"),
    ):
        planted.command(*words)
    done = process("lint", str(desk.rules_file), environment=desk.environment)
    planted.more.append(done.stdout + done.stderr)
    for said in planted.more:
        planted.assert_absent(("commands",), said)
