"""How a run begins, what it refuses to begin with, and how it ends."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.scenarios.desk import PATIENCE_SECONDS, Desk, Row, pick

pytestmark = pytest.mark.fresh


def run(desk: Desk, *flags: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """``copyctl run`` until it ends by itself."""
    environment = {key: value for key, value in desk.environment.items() if key != without}
    return subprocess.run(
        [sys.executable, "-m", "copyctl", "run", "--rules", str(desk.rules_file), *flags],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def refused(desk: Desk, code: int, *words: str, without: str = "") -> None:
    """The run ends at once with this code, says this, and nothing was asked of the broker or kept."""
    desk.write_rules()
    ended = run(desk, without=without)
    assert ended.returncode == code, ended.stderr
    for word in words:
        assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert desk.broker.ask("requests")["requests"] == []


def rows(desk: Desk, *flags: str) -> list[Row]:
    return list(json.loads(desk.look("orders", "--format", "json", *flags))["copies"])


def test_run_refuses_a_tape_of_its_simulator_that_cannot_be_read(desk: Desk) -> None:
    tape = desk.folder / "day.jsonl"
    tape.write_text('{"tape": 1, "client_id": "1100000001", "started_at": "2026-07-14T09:15:00+05:30"}\nno\n')
    desk.rules = {"broker": {"adapter": "simulator", "simulator": {"tape": str(tape)}}}
    refused(desk, 2, "broker.simulator.tape cannot be used", "line 2")


# --- dry run, once, until ---------------------------------------------------------------------------------------------


def test_run_dry_changes_nothing_at_the_broker_and_tells_what_it_would_do(desk: Desk) -> None:
    desk.start("--dry-run", ready=False)
    desk.eventually(lambda: json.loads(desk.look("status", "--dry-run"))["leader"]["connected"])
    order = desk.place()
    gone = desk.place(price=91)

    def would() -> dict[str, tuple[Any, ...]]:
        return {
            row["leader_order_id"]: pick(row, "decision", "follower_status", "price") for row in rows(desk, "--dry-run")
        }

    resting = {order: ("copied", "PENDING", 90), gone: ("copied", "PENDING", 91)}
    desk.eventually(lambda: would() == resting, f"the dry run's rows are {resting}")
    desk.modify(order, price=92)
    desk.cancel(gone)
    wanted = {order: ("copied", "PENDING", 92), gone: ("copied", "CANCELLED", 91)}
    desk.eventually(lambda: would() == wanted, f"the dry run's rows are {wanted}")
    told = [json.loads(line) for line in desk.look("events", "--dry-run").splitlines()]
    assert {row["kind"] for row in told if row["event"] == "request"} == {"place", "modify", "cancel"}
    assert desk.stop() == 0
    changing = [row for row in desk.broker.ask("requests", account="alice")["requests"] if row["method"] != "GET"]
    assert changing == []
    assert rows(desk) == []  # the dry run has a store of its own


def test_run_once_catches_up_and_ends(desk: Desk) -> None:
    desk.write_rules()
    kept, gone = desk.place(price=80), desk.place(price=81)
    assert run(desk, "--once").returncode == 0
    assert [row["orderStatus"] for row in desk.book("alice")] == ["PENDING", "PENDING"]
    desk.cancel(gone)
    desk.modify(kept, price=82)
    assert run(desk, "--once").returncode == 0
    assert run(desk, "--once").returncode == 0
    assert sorted(desk.verbs()) == ["cancel", "modify", "place", "place"]
    assert {row["price"]: row["orderStatus"] for row in desk.book("alice")} == {82: "PENDING", 81: "CANCELLED"}
    assert len(desk.book("alice")) == 2
    assert pick(desk.copy(kept), "decision", "follower_status", "follower_quantity") == ("copied", "PENDING", 130)
    assert pick(desk.copy(gone), "decision", "follower_status") == ("copied", "CANCELLED")


def test_run_until_ends_then(desk: Desk) -> None:
    desk.place()
    until = datetime.now(UTC) + timedelta(seconds=15)
    desk.start("--until", until.isoformat(), ready=False)
    assert desk.ended() == 0
    assert datetime.now(UTC) >= until
    assert desk.only()["orderStatus"] == "PENDING"


@pytest.mark.parametrize("until", ["tomorrow-ish", "2020-01-01T10:00:00+05:30"])
def test_run_until_wants_a_time_to_come(desk: Desk, until: str) -> None:
    desk.write_rules()
    ended = run(desk, "--until", until)
    assert ended.returncode == 2
    assert until in ended.stderr


# --- signals ----------------------------------------------------------------------------------------------------------


def test_run_ends_on_sigterm_and_open_copies_stay(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    assert desk.stop() == 0
    assert desk.only()["orderStatus"] == "PENDING"
    assert desk.verbs() == ["place"]
    assert "stay open" in desk.output()
    assert desk.status()["state"] == "stopped"


def test_run_ends_on_sigterm_while_requests_hang(desk: Desk) -> None:
    desk.rules = {"resilience": {"request_timeout": "60s"}}
    desk.start()
    desk.fault("hang", accepted=True, times=1)
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    asked = time.monotonic()
    assert desk.stop() == 0
    assert time.monotonic() - asked < 20  # 10 s by contract; not the 60 s of the request
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_run_lets_a_request_in_flight_settle_before_it_ends(desk: Desk) -> None:
    desk.rules = {"resilience": {"request_timeout": "60s"}}
    desk.start()
    desk.fault("delay_after", seconds=1, times=1)
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    assert desk.stop() == 0
    row = desk.copy(order)
    assert pick(row, "decision", "follower_order_ids") == ("copied", [desk.only()["orderId"]])


def test_run_takes_no_new_orders_once_it_is_told_to_stop(desk: Desk) -> None:
    desk.rules = {"resilience": {"request_timeout": "60s"}}
    desk.start()
    desk.fault("delay_after", seconds=2, times=1)
    desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    assert desk.process is not None
    desk.process.send_signal(signal.SIGINT)
    desk.eventually(lambda: not desk.broker.ask("accounts")["accounts"][0]["connections"], "the leader is left alone")
    desk.place(price=91)
    assert desk.ended() == 0
    assert desk.verbs() == ["place"]


def test_run_ends_at_once_on_a_second_signal(desk: Desk) -> None:
    desk.rules = {"resilience": {"request_timeout": "60s"}}
    desk.start()
    desk.fault("hang", accepted=True, times=1)
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    assert desk.process is not None
    desk.process.send_signal(signal.SIGINT)
    desk.eventually(lambda: not desk.broker.ask("accounts")["accounts"][0]["connections"], "the leader is left alone")
    with contextlib.suppress(ProcessLookupError):
        desk.process.send_signal(signal.SIGINT)
    assert desk.ended() == 1
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


# --- exit codes -------------------------------------------------------------------------------------------------------


def test_run_refuses_broken_rules_with_every_finding_at_once(desk: Desk) -> None:
    desk.rules = {"policy": {"sizing": {"strategy": "fixed_ratio", "ratio": -1}, "copy_on": "sometimes"}, "surprise": 1}
    refused(desk, 2, "ratio", "copy_on", "surprise", "rules.yaml")
    assert not desk.store.exists()


def test_run_refuses_what_is_not_built_yet(desk: Desk) -> None:
    desk.rules = {"broker": {"environment": "sandbox"}}
    refused(desk, 2, "environment", "not built yet")
    assert not desk.store.exists()


def test_run_names_a_missing_variable(desk: Desk) -> None:
    refused(desk, 2, "ALICE_ACCESS_TOKEN", without="ALICE_ACCESS_TOKEN")
    assert not desk.store.exists()


def test_run_refuses_a_file_that_is_not_there(desk: Desk) -> None:
    ended = run(desk)
    assert ended.returncode == 2
    assert "rules.yaml" in ended.stderr


def test_run_ends_where_the_leaders_token_is_refused(desk: Desk) -> None:
    desk.broker.tell("token", account="leader", action="kill")
    desk.write_rules()
    ended = run(desk)
    assert ended.returncode == 3
    assert "token" in ended.stderr
    assert desk.calls() == []


def test_run_goes_on_where_a_followers_token_is_refused(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.broker.tell("token", account="alice", action="kill")
    desk.start(ready=False)
    desk.eventually(lambda: desk.status()["followers"][0]["state"] == "unauthenticated")
    order = desk.place()
    desk.follows(order, "bob", decision="copied", follower_status="PENDING")


def test_run_waits_for_a_network_that_is_away(desk: Desk) -> None:
    desk.broker.tell("faults", method="GET", kind="html502")
    desk.broker.tell("stream", action="down")
    desk.start(ready=False)
    desk.eventually(lambda: desk.status()["state"] == "running")
    order = desk.place()
    desk.quiet()
    assert desk.calls() == []
    desk.mend()
    desk.broker.tell("stream", action="up")
    desk.follows(order, decision="copied", follower_status="PENDING")


def test_run_refuses_a_store_that_cannot_be_written(desk: Desk) -> None:
    (desk.folder / "file").touch()
    desk.rules = {"store": {"path": str(desk.folder / "file" / "store")}}
    refused(desk, 4, "store")


def test_run_refuses_a_store_of_another_leader(desk: Desk) -> None:
    desk.start()
    desk.stop()
    asked = len(desk.broker.ask("requests")["requests"])
    bob = desk.broker.accounts["bob"]["client_id"]
    desk.rules = {"leader": {"client_id": bob, "access_token": "${BOB_ACCESS_TOKEN}"}}
    desk.write_rules()
    ended = run(desk)
    assert ended.returncode == 4
    assert "belongs to leader" in ended.stderr
    assert len(desk.broker.ask("requests")["requests"]) == asked


def test_run_refuses_to_leave_open_copies_behind(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    order = desk.place()
    desk.follows(order, "bob", follower_status="PENDING")
    desk.stop()
    desk.followers = ("alice",)
    desk.write_rules()
    ended = run(desk)
    assert ended.returncode == 2
    assert desk.broker.accounts["bob"]["client_id"] in ended.stderr
