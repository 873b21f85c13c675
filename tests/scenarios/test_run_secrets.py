"""Tokens stay where they belong: in no output, log, file of the store, or traceback."""

from pathlib import Path

import pytest

from tests.scenarios import dying_run
from tests.scenarios.desk import Desk

pytestmark = pytest.mark.fresh

COMMANDS = (
    ("status",),
    ("status", "--format", "table"),
    ("orders",),
    ("orders", "--format", "table"),
    ("events",),
    ("show",),
)


def secrets(desk: Desk) -> list[bytes]:
    """Every token, and the part of it that signs."""
    tokens = [desk.broker.accounts[name]["access_token"] for name in ("leader", "alice")]
    return [part.encode() for token in tokens for part in (token, token.rsplit(".", 1)[-1])]


def assert_nowhere(desk: Desk) -> None:
    planted = secrets(desk)
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    for path in files:
        held = path.read_bytes()
        assert not [one for one in planted if one in held], path
    for words in COMMANDS:
        said = desk.look(*words).encode()
        assert not [one for one in planted if one in said], words


def test_run_tells_no_secret_whatever_happens(desk: Desk) -> None:
    desk.rules = {"logging": {"level": "debug"}, "resilience": {"request_timeout": "500ms"}}
    desk.settings("alice", stream_noise=True)
    desk.start()
    for fault in ({"kind": "html502"}, {"kind": "hang"}, {"kind": "truncated"}, {"kind": "reset_after"}):
        desk.fault(**fault, times=1)
        order = desk.place()
        desk.follows(order, decision="copied", follower_status="PENDING")
        desk.cancel(order)
    desk.frame('{"LoginReq": "' + desk.broker.accounts["leader"]["client_id"] + '"')
    for name in ("leader", "alice"):
        desk.broker.tell("token", account=name, action="kill")
        desk.broker.tell("stream", account=name, action="reset")
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "unauthenticated")
    assert_nowhere(desk)  # with the write-ahead log beside the store
    assert list(desk.store.glob("*-wal"))
    desk.stop()
    assert_nowhere(desk)


@pytest.mark.parametrize("where", ["send", "write"])
def test_run_tells_no_secret_in_a_traceback(desk: Desk, where: str) -> None:
    desk.start(program=(str(Path(dying_run.__file__)), f"bug in {where}", "place"))
    desk.place()
    assert desk.ended() not in (0, -9)
    assert "a bug" in desk.output()
    assert_nowhere(desk)


def test_run_tells_no_secret_where_it_refuses_to_begin(desk: Desk) -> None:
    account = desk.broker.accounts["alice"]
    token = account["access_token"]
    wrong = {"name": "alice", "client_id": account["client_id"], "access_tokn": token, "enabled": "maybe"}
    desk.rules = {"followers": [wrong, {**wrong, "name": "bob", "access_token": token}]}
    desk.write_rules()
    for command in ("run", "status", "show"):
        ended = desk.command(command, check=False)
        assert ended.returncode == 2
        assert "access_tokn" in ended.stderr
        assert token not in ended.stdout + ended.stderr
