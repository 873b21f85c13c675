"""5.8, tokens: one that dies is replaced as the rules say, or taken up from its file; everybody else goes on."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.desk import Broker, Desk

PIN = "482193"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LOGIN = "/app/generateAccessToken"


@pytest.fixture(autouse=True)
def tokens_of_a_day(broker: Broker) -> Iterator[None]:
    """The broker outlives these tests: at the end of each every account has a token that lives."""
    yield
    for name, row in broker.accounts.items():
        row["access_token"] = broker.tell("token", account=name, action="mint")["access_token"]


def token_file(desk: Desk, name: str) -> Path:
    return desk.folder / f"{name}.token"


def tokens_in_files(desk: Desk, **renew: str) -> None:
    """Every account's token in a file; ``renew`` for some of them, by name."""

    def account(name: str) -> dict[str, Any]:
        row = desk.broker.accounts[name]
        token_file(desk, name).write_text(row["access_token"])
        how = {"renew": renew[name], "pin": PIN, "totp_secret": SECRET} if name in renew else {}
        return {"client_id": row["client_id"], "access_token": f"${{file:{name}.token}}", **how}

    desk.rules = {
        "leader": account("leader"),
        "followers": [{"name": name, **account(name)} for name in desk.followers],
    }
    for name in renew:
        desk.settings(name, login_pin=PIN, login_totp_secret=SECRET)


def minted(desk: Desk, name: str, seconds: int) -> str:
    """A token with so many seconds to live, as somebody made it on Dhan's site. The old one is dead."""
    token = desk.broker.tell("token", account=name, action="mint", seconds=seconds)["access_token"]
    desk.broker.accounts[name]["access_token"] = token
    return str(token)


def asked(desk: Desk, name: str, path: str) -> int:
    rows = desk.broker.ask("requests", account=name)["requests"]
    return sum(1 for row in rows if row["path"] == path)


def alive(desk: Desk, name: str) -> bool:
    """Does the token in the file open the account?"""
    desk.broker.accounts[name]["access_token"] = token_file(desk, name).read_text().strip()
    return bool(desk.client(name).get_order_list()["status"] == "success")


def test_scenario_5_8_a_dead_token_is_replaced_and_what_waited_leaves(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    tokens_in_files(desk, alice="totp")
    desk.start()
    desk.broker.tell("token", account="alice", action="kill")
    order = desk.place()
    desk.follows(order, "bob", decision="copied", follower_status="PENDING")
    row = desk.follows(order, "alice", decision="copied", follower_status="PENDING")
    assert row["follower_order_ids"]
    assert asked(desk, "alice", LOGIN) == 1
    assert asked(desk, "bob", LOGIN) == asked(desk, "leader", LOGIN) == 0
    assert alive(desk, "alice")
    assert stat.S_IMODE(token_file(desk, "alice").stat().st_mode) == 0o600
    assert desk.status()["followers"][0]["state"] == "active"
    assert desk.alerts("a new access token is in use")
    desk.heard("place", "place")  # refused, and once more
    assert desk.only("alice")["orderId"] == row["follower_order_ids"][0]
    desk.stop()


@pytest.mark.parametrize(("renew", "path"), [("totp", LOGIN), ("renew", "/RenewToken")])
def test_scenario_5_8_an_expiring_token_is_replaced_in_mid_session_and_the_stream_follows(
    desk: Desk, renew: str, path: str
) -> None:
    for name in ("leader", "alice"):
        minted(desk, name, 300)
    tokens_in_files(desk, leader=renew, alice=renew)
    desk.start()
    for name in ("leader", "alice"):
        desk.eventually(lambda name=name: asked(desk, name, path) == 1, f"{name}'s token is replaced")
        desk.eventually(lambda name=name: alive(desk, name), f"{name}'s file holds the new one")
    desk.eventually(desk.listens, "the streams are up again")
    desk.dhan = desk.client("leader")
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.cancel(order)
    desk.reaches("CANCELLED")
    assert asked(desk, "leader", path) == asked(desk, "alice", path) == 1
    assert desk.alerts("a new access token is in use")
    desk.stop()


def test_scenario_5_8_a_login_of_unknown_fate_is_not_repeated(desk: Desk) -> None:
    minted(desk, "alice", 300)
    tokens_in_files(desk, alice="totp")
    desk.broker.tell("faults", kind="reset_after", account="alice", method="POST", path="^/app/")
    desk.start(ready=False)
    desk.eventually(lambda: desk.alerts("could not be replaced"), "it is told")
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "unauthenticated", "the old one is dead")
    desk.eventually(lambda: asked(desk, "alice", "/profile") >= 2, "the profile was asked again")
    assert asked(desk, "alice", LOGIN) == 1
    desk.stop()


def test_scenario_5_8_a_token_changed_in_its_file_is_taken_up_at_once(desk: Desk) -> None:
    tokens_in_files(desk)
    desk.start()
    fresh = minted(desk, "alice", 3600 * 24)
    order = desk.place()
    desk.follows(order, decision="queued", reason="follower_unauthenticated")
    token_file(desk, "alice").write_text(fresh)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "active", "it is active again")
    assert asked(desk, "alice", LOGIN) == 0
    desk.stop()


def test_scenario_5_8_the_leaders_token_dies_during_the_run_and_its_file_brings_it_back(desk: Desk) -> None:
    tokens_in_files(desk)
    desk.start()
    fresh = minted(desk, "leader", 3600 * 24)
    desk.broker.tell("stream", account="leader", action="reset")
    desk.eventually(lambda: not desk.status()["leader"]["connected"], "it is told")
    desk.eventually(lambda: desk.alerts("token or address is refused"), "there is an alert")
    desk.dhan = desk.client("leader")
    order = desk.place()  # by hand, with the new token
    token_file(desk, "leader").write_text(fresh)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.eventually(lambda: desk.status()["leader"]["connected"], "it is connected")
    desk.stop()


def test_scenario_5_8_the_stream_of_a_dead_token_says_the_truth_and_so_does_one_of_a_broken_network(desk: Desk) -> None:
    tokens_in_files(desk)
    desk.start()
    desk.broker.tell("stream", account="leader", action="down")
    desk.eventually(lambda: "the broker takes the token" in str(desk.status()["leader"]["detail"]), "the network")
    desk.broker.tell("stream", account="leader", action="up")
    desk.eventually(lambda: desk.status()["leader"]["connected"], "it is back")
    desk.settings("leader", stream_dead_token="binary", dead_token="DH-906")
    desk.broker.tell("token", account="leader", action="kill")
    desk.broker.tell("stream", account="leader", action="reset")
    desk.eventually(lambda: "Invalid Token" in str(desk.status()["leader"]["detail"]), "the token")
    desk.stop()


def test_scenario_5_8_at_the_start_a_dead_token_of_the_leader_is_replaced_or_ends_the_run(desk: Desk) -> None:
    tokens_in_files(desk, leader="totp")
    minted(desk, "leader", 3600)  # the one in the file is dead
    desk.start()
    assert asked(desk, "leader", LOGIN) == 1
    assert alive(desk, "leader")
    desk.stop()
    minted(desk, "leader", 3600)  # and again, within two minutes
    desk.start(ready=False)
    assert desk.ended() == 3
    assert "once every 2 minutes" in desk.output()
    assert "copyctl token" in desk.output()


def test_scenario_5_8_a_reload_that_says_how_brings_a_dead_token_back(desk: Desk) -> None:
    tokens_in_files(desk)
    desk.start()
    desk.broker.tell("token", account="alice", action="kill")
    order = desk.place()
    desk.follows(order, decision="queued", reason="follower_unauthenticated")
    tokens_in_files(desk, alice="totp")
    desk.write_rules()
    desk.command("reload")
    desk.follows(order, decision="copied", follower_status="PENDING")
    assert asked(desk, "alice", LOGIN) == 1
    assert alive(desk, "alice")
    desk.stop()


def test_scenario_5_8_a_dry_run_makes_no_token(desk: Desk) -> None:
    minted(desk, "alice", 300)
    tokens_in_files(desk, alice="totp")
    desk.start("--dry-run", ready=False)
    desk.eventually(lambda: asked(desk, "alice", "/orders") > 3, "it runs")
    desk.quiet()
    assert asked(desk, "alice", LOGIN) == 0
    desk.stop()


@pytest.mark.parametrize("shape", ["DH-901", "DH-906", "807", "808", "809", "810"])
def test_scenario_5_8_every_shape_of_a_dead_token_is_known(desk: Desk, shape: str) -> None:
    tokens_in_files(desk)
    desk.settings("alice", dead_token=shape)
    desk.start()
    desk.broker.tell("token", account="alice", action="kill")
    order = desk.place()
    desk.follows(order, decision="queued", reason="follower_unauthenticated")
    desk.broker.tell("token", account="alice", action="revive")
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "active", "the books are read again")
    desk.stop()


@pytest.mark.parametrize("code", ["DH-905", "DH-911"])
def test_scenario_5_8_a_refused_address_makes_no_token(desk: Desk, code: str) -> None:
    tokens_in_files(desk, alice="totp")
    desk.settings("alice", ip_allowed=False, wrong_address=code, login_pin=PIN, login_totp_secret=SECRET)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="queued", reason="follower_unauthenticated")
    desk.eventually(lambda: asked(desk, "alice", "/profile") >= 1, "the token is asked about")
    desk.quiet()
    assert asked(desk, "alice", LOGIN) == 0
    desk.stop()
