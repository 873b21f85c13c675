"""A follower whose token or address is refused waits, the others go on, and it goes on by itself (5.8)."""

import json
import time
from typing import Any

import pytest

from tests.scenarios.desk import Desk, pick

SWEEP_SECONDS = 1.0
WAITS = {"decision": "queued", "reason": "follower_unauthenticated"}


def state(desk: Desk, name: str = "alice") -> dict[str, Any]:
    return next(dict(row) for row in desk.status()["followers"] if row["name"] == name)


def works_again(desk: Desk) -> None:
    """A person has mended it, and says so."""
    done = json.loads(desk.command("unpause", "--follower", "alice", "--format", "json").stdout)
    assert pick(done, "ok", "applied") == (True, "running")


@pytest.mark.parametrize("shape", ["DH-901", "DH-906"])
def test_scenario_5_8_a_token_that_dies_holds_its_follower_alone_until_it_works_again(desk: Desk, shape: str) -> None:
    desk.followers = ("alice", "bob")
    desk.settings("alice", dead_token=shape)
    desk.start()
    resting = desk.place(price=80)
    desk.follows(resting, follower_status="PENDING")
    desk.broker.tell("token", account="alice", action="kill")
    orders = [desk.place(price=81 + number) for number in range(3)]
    for order in orders:
        desk.follows(order, "bob", decision="copied", follower_status="PENDING")
        desk.follows(order, "alice", **WAITS)
    desk.cancel(resting)
    desk.cancel(orders[0])
    desk.follows(resting, "bob", follower_status="CANCELLED")
    assert pick(state(desk), "state") == ("unauthenticated",)
    assert "token refused" in state(desk)["detail"]
    assert state(desk, "bob")["state"] == "active"
    assert len(desk.alerts("the follower's token or address is refused")) == 1
    before, began = len(desk.broker.ask("requests", account="alice")["requests"]), time.monotonic()
    desk.quiet()
    desk.quiet()
    tried = desk.broker.ask("requests", account="alice")["requests"][before:]
    assert {request["method"] for request in tried} <= {"GET"}  # no order goes out, and the books are asked as ever
    sweeps = [request for request in tried if request["path"] == "/orders"]
    assert len(sweeps) <= 2 + (time.monotonic() - began) / SWEEP_SECONDS
    desk.broker.tell("token", account="alice", action="revive")
    works_again(desk)
    desk.follows(resting, follower_status="CANCELLED")
    for order in orders[1:]:
        desk.follows(order, "alice", decision="copied", follower_status="PENDING")
    desk.follows(orders[0], "alice", decision="skipped", reason="leader_over")
    desk.eventually(lambda: state(desk)["state"] == "active")
    assert desk.alerts("token and address are taken again")


def test_scenario_5_8_an_address_that_is_not_allowed_is_tried_by_asking_for_it(desk: Desk) -> None:
    desk.settings("alice", ip_allowed=False)
    desk.start()
    orders = [desk.place(price=81 + number) for number in range(4)]
    for order in orders:
        desk.follows(order, **WAITS)
    assert "address refused" in state(desk)["detail"]
    sent = len(desk.calls())
    works_again(desk)  # it does not
    desk.quiet()
    assert len(desk.calls()) == sent
    desk.cancel(orders[0])
    desk.settings("alice", ip_allowed=True)
    works_again(desk)
    for order in orders[1:]:
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.follows(orders[0], decision="skipped", reason="leader_over")
    assert len(desk.calls()) == sent + 3


def test_scenario_5_8_where_the_broker_does_not_tell_one_order_is_tried(desk: Desk) -> None:
    desk.settings("alice", ip_allowed=False)
    desk.start()
    orders = [desk.place(price=81 + number) for number in range(3)]
    for order in orders:
        desk.follows(order, **WAITS)
    desk.broker.tell("faults", kind="status", status=404, body={}, account="alice", method="GET", path="^/ip/getIP")
    sent = len(desk.calls())
    works_again(desk)
    desk.eventually(lambda: len(desk.calls()) == sent + 1)
    desk.quiet()
    assert len(desk.calls()) == sent + 1
    desk.settings("alice", ip_allowed=True)
    works_again(desk)
    for order in orders:
        desk.follows(order, decision="copied", follower_status="PENDING")


def test_scenario_5_8_the_leaders_token_dies_and_works_again(desk: Desk) -> None:
    desk.start()
    desk.broker.tell("token", account="leader", action="kill")
    desk.broker.tell("stream", action="reset", account="leader")
    desk.eventually(lambda: desk.status()["leader"]["connected"] is False)
    desk.eventually(lambda: desk.alerts("the leader's token or address is refused"))
    assert desk.process is not None
    assert desk.process.poll() is None
    desk.broker.tell("token", account="leader", action="revive")
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.eventually(lambda: desk.status()["leader"]["connected"])
    desk.heard("place")
