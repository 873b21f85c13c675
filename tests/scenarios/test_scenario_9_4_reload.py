"""Scenario 9.4: the rules change while a run goes on."""

import json
import signal
import time
from typing import Any

import pytest

from tests.scenarios.conftest import Broker
from tests.scenarios.desk import Desk, Row


def reload(desk: Desk, code: int = 0) -> Row:
    """``copyctl reload`` on the file as the desk writes it now; what it answers."""
    done = desk.command("reload", "--format", "json", check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return dict(json.loads(done.stdout)) if done.stdout else {"detail": done.stderr}


def change(desk: Desk, **policy: Any) -> None:
    desk.policy = {**desk.policy, **policy}
    desk.write_rules()


HALF = {"strategy": "fixed_ratio", "ratio": 0.5}


def test_scenario_9_4_new_orders_follow_the_new_rules_and_open_copies_keep_their_decision(desk: Desk) -> None:
    desk.start()
    before = desk.place()
    desk.reaches("PENDING")
    change(desk, sizing=HALF)
    assert reload(desk) == {
        "ok": True,
        "applied": "running",
        "detail": "the rules are in force; open copies keep their decisions until the leader changes them",
    }
    after = desk.place(price=91)
    desk.follows(after, follower_quantity=65)
    desk.modify(before, price=89)
    desk.eventually(lambda: desk.verbs() == ["place", "place", "modify"])
    desk.follows(before, follower_quantity=130)
    assert [order["price"] for order in desk.book()] == [89, 91]


def test_scenario_9_4_the_signal_does_the_same(desk: Desk) -> None:
    desk.start()
    change(desk, sizing=HALF)
    assert desk.process is not None
    desk.process.send_signal(signal.SIGHUP)
    desk.eventually(lambda: len([row for row in desk.events("state") if "in force" in row["text"]]) == 2)
    desk.follows(desk.place(), follower_quantity=65)


def test_scenario_9_4_a_file_with_an_error_changes_nothing(desk: Desk) -> None:
    desk.start()
    change(desk, sizing={"strategy": "fixed_ratio", "ratio": -1})
    said = reload(desk, 2)["detail"]
    assert "ratio" in said
    assert "Traceback" not in said
    assert desk.process is not None
    desk.process.send_signal(signal.SIGHUP)  # by the signal the run itself finds it
    desk.eventually(lambda: "ALERT warning: line" in desk.output(), "the run says why")
    change(desk, sizing={"strategy": "fixed_ratio", "ratio": 1})
    (alert,) = desk.alerts("ratio")
    assert alert["alert"] == "rules_refused"
    desk.follows(desk.place(), follower_quantity=130)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("store", "store.path cannot change"),
        ("leader", "leader.client_id cannot change"),
        ("follower", "the client_id of follower alice cannot change"),
        ("broker", "broker cannot change"),
    ],
)
def test_scenario_9_4_another_account_store_or_broker_is_refused(desk: Desk, where: str, words: str) -> None:
    desk.start()
    document = desk.rules_file.read_text()
    alice = desk.broker.accounts["alice"]["client_id"]
    changed = {
        "store": document.replace(str(desk.store), f"{desk.store}-two"),
        "leader": document.replace("${LEADER_CLIENT_ID}", "1109999999"),
        "follower": document.replace(alice, "1109999999"),
        "broker": document.replace("ws://", "ws://localhost.", 1),
    }[where]
    desk.rules_file.write_text(changed)
    if where == "store":  # the command looks into the new store, where no run is: the signal reaches the run
        assert desk.process is not None
        desk.process.send_signal(signal.SIGHUP)
        desk.eventually(lambda: words in desk.output(), "the run says why")
    else:
        assert words in reload(desk, 2)["detail"]
    desk.rules_file.write_text(document)
    desk.follows(desk.place(), follower_status="PENDING")


def test_scenario_9_4_a_follower_comes_and_copies_what_is_new(broker: Broker, desk: Desk) -> None:
    desk.overrides = {"bob": {"late": {"max_age": "50ms"}}}
    desk.start()
    filled = desk.place(order_type="MARKET", price=0)
    desk.reaches("TRADED")
    time.sleep(0.1)  # by now it is too old for bob
    resting = desk.place(price=80)
    desk.reaches("PENDING")
    desk.followers = ("alice", "bob")
    desk.write_rules()
    assert reload(desk)["ok"]
    after = desk.place(price=91)
    desk.follows(after, "bob", follower_status="PENDING")
    desk.follows(resting, "bob", follower_status="PENDING")
    assert (desk.copy(filled, "bob")["decision"], desk.copy(filled, "bob")["reason"]) == ("skipped", "late")
    assert {order["price"] for order in desk.book("bob")} == {80, 91}
    assert [row["name"] for row in desk.status()["followers"]] == ["alice", "bob"]


def test_scenario_9_4_a_follower_goes_once_nothing_of_it_is_copied(broker: Broker, desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    order = desk.place()
    desk.reaches("PENDING", "bob")
    desk.followers = ("alice",)
    desk.write_rules()
    said = reload(desk, 2)
    assert said["ok"] is False
    assert "open copies" in said["detail"]
    desk.cancel(order)
    desk.reaches("CANCELLED", "bob")
    assert desk.eventually(lambda: desk.command("reload", check=False).returncode == 0)
    desk.follows(desk.place(price=91), "alice", follower_status="PENDING")
    desk.quiet()
    assert len(desk.book("bob")) == 1
    desk.eventually(lambda: not _connections(desk, "bob"), "bob's stream is closed")


def test_scenario_9_4_a_follower_whose_copied_position_is_open_cannot_go(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    desk.place(order_type="MARKET", price=0)
    desk.reaches("TRADED", "bob")
    desk.eventually(lambda: desk.look("positions", "--follower", "bob"), "it is counted")
    desk.followers = ("alice",)
    desk.write_rules()
    assert "copied positions" in reload(desk, 2)["detail"]


def test_scenario_9_4_with_no_run_alive_the_next_start_reads_the_file(desk: Desk) -> None:
    desk.write_rules()
    said = reload(desk)
    assert said == {"ok": True, "applied": "stored", "detail": "no run is alive: the next start reads the file"}


def _connections(desk: Desk, name: str) -> int:
    (row,) = [one for one in desk.broker.ask("accounts")["accounts"] if one["name"] == name]
    return int(row["connections"])
