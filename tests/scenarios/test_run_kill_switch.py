"""The kill switch: nothing new is placed, cancels follow, over restarts, until it is released."""

import json

from tests.scenarios.desk import Desk, Row, pick


def switch(desk: Desk, *words: str) -> Row:
    """A command of the switch; its answer."""
    return dict(json.loads(desk.command(*words, "--format", "json").stdout))


ONLY_STOP = {"kill_switch": {"actions": ["stop_copying"]}}


def test_kill_refuses_placements_and_lets_cancels_follow(desk: Desk) -> None:
    desk.rules = ONLY_STOP
    desk.start()
    resting, modified, lessened = [desk.place(price=price) for price in (80, 81, 82)]
    for order in (resting, modified, lessened):
        desk.follows(order, follower_status="PENDING")
    said = switch(desk, "kill", "--reason", "news at three")
    assert pick(said, "ok", "applied") == (True, "running")
    order = desk.place()
    row = desk.follows(order, decision="refused", reason="kill_switch")
    assert "news at three" in row["detail"]
    desk.cancel(resting)
    desk.follows(resting, follower_status="CANCELLED")
    desk.modify(modified, price=83)
    desk.follows(modified, follower_status="CANCELLED")
    desk.modify(lessened, price=82, quantity=65)
    desk.follows(lessened, follower_status="PENDING", follower_quantity=65)
    desk.heard("place", "place", "place", "cancel", "cancel", "modify")
    status = desk.status()
    assert pick(status["kill_switch"], "on", "reason", "followers") == (True, "news at three", ["alice"])
    assert status["followers"][0]["state"] == "killed"
    assert desk.alerts("kill switch on")


def test_kill_survives_a_restart_and_resume_lets_copying_go_on(desk: Desk) -> None:
    desk.start()
    switch(desk, "kill")
    refused = desk.place()
    desk.follows(refused, decision="refused", reason="kill_switch")
    desk.kill()
    desk.start()
    later = desk.place(price=91)
    desk.follows(later, decision="refused", reason="kill_switch")
    assert pick(switch(desk, "resume"), "ok", "applied") == (True, "running")
    after = desk.place(price=92)
    desk.follows(after, decision="copied", follower_status="PENDING")
    desk.modify(refused, price=93)
    desk.look_again()
    desk.heard("place")  # what was refused meanwhile stays refused
    assert desk.copy(refused)["reason"] == "kill_switch"
    assert desk.status()["kill_switch"]["on"] is False


def test_kill_with_no_run_alive_holds_at_the_next_start(desk: Desk) -> None:
    desk.start()
    resting = desk.place(price=80)
    desk.follows(resting, follower_status="PENDING")
    desk.stop()
    assert pick(switch(desk, "kill"), "ok", "applied") == (True, "stored")
    assert desk.status()["kill_switch"]["on"] is True
    missed = desk.place()
    desk.cancel(resting)
    desk.start()
    desk.follows(missed, decision="refused", reason="kill_switch")
    desk.follows(resting, follower_status="CANCELLED")
    desk.heard("place", "cancel")


def test_kill_of_one_follower_holds_that_one_alone(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    switch(desk, "kill", "--follower", "alice")
    order = desk.place()
    desk.follows(order, "bob", decision="copied", follower_status="PENDING")
    desk.follows(order, "alice", decision="refused", reason="kill_switch")
    assert [row["state"] for row in desk.status()["followers"]] == ["killed", "active"]
    assert desk.status()["kill_switch"]["followers"] == ["alice"]


def test_kill_takes_back_what_waits_for_the_rate(desk: Desk) -> None:
    desk.rules = {"rate_limits": {"orders": {"per_second": 1}}, **ONLY_STOP}
    desk.settings("leader", rate_limits={})
    desk.start()
    orders = [desk.place(price=60 + n) for n in range(12)]
    desk.eventually(lambda: len(desk.copies(reason="rate_limit")) >= 6)
    switch(desk, "kill")
    placed = len(desk.calls())
    desk.eventually(lambda: not desk.copies(reason="rate_limit"))
    desk.quiet()
    assert len(desk.calls()) == placed
    assert len(desk.copies(reason="kill_switch")) == len(orders) - placed


def test_kill_while_a_placement_is_of_unknown_fate_places_nothing_anew(desk: Desk) -> None:
    desk.rules = {"resilience": {"settle": {"absent_for": "4s", "give_up": "10s"}}}
    desk.fault("hang", seconds=0.5, times=1)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="queued", reason="settling")
    switch(desk, "kill")
    desk.follows(order, decision="refused", reason="kill_switch")
    desk.heard("place")


def test_kill_cancels_open_entries_and_leaves_exits_and_what_is_a_persons_own(desk: Desk) -> None:
    desk.start()
    filled = desk.place(order_type="MARKET", price=0)
    desk.follows(filled, follower_status="TRADED")
    resting = desk.place(price=80)
    stop = desk.place(transaction_type="SELL", order_type="STOP_LOSS", price=60, trigger_price=61)
    desk.follows(resting, follower_status="PENDING")
    desk.follows(stop, follower_status="PENDING")
    own = desk.by_hand("alice", price=70)
    switch(desk, "kill")
    desk.follows(resting, follower_status="CANCELLED")
    desk.quiet()
    assert desk.copy(stop)["follower_status"] == "PENDING"
    assert desk.order(own, "alice")["orderStatus"] == "PENDING"


def test_kill_flatten_closes_what_was_copied(desk: Desk) -> None:
    desk.start()
    desk.follows(desk.place(order_type="MARKET", price=0), follower_status="TRADED")
    said = switch(desk, "kill", "--flatten", "--reason", "enough")
    assert pick(said, "ok", "applied") == (True, "running")
    desk.eventually(lambda: desk.net("alice") == 0, "alice is flat")
    rows = desk.copies(decision="copied")
    assert [row["leader_order_id"].partition(":")[0] for row in rows if row["exit"]] == ["position"]


def test_kill_halt_holds_cancels_and_exits_back_until_resume(desk: Desk) -> None:
    desk.rules = ONLY_STOP
    desk.start()
    desk.follows(desk.place(order_type="MARKET", price=0), follower_status="TRADED")
    resting = desk.place(price=80)
    desk.follows(resting, follower_status="PENDING")
    said = switch(desk, "kill", "--halt")
    assert [row["leader_order_id"] for row in said["resting"]] == [resting]
    desk.cancel(resting)
    leaves = desk.place(transaction_type="SELL", order_type="MARKET", price=0)
    desk.follows(leaves, decision="queued", reason="kill_switch")
    desk.quiet()
    assert desk.copy(resting)["follower_status"] == "PENDING"
    switch(desk, "resume")
    desk.follows(resting, follower_status="CANCELLED")
    desk.follows(leaves, follower_status="TRADED")
    assert desk.net("alice") == 0
