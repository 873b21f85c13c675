"""The kill switch: nothing new is placed, cancels follow, over restarts, until it is released."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests import warm
from tests.scenarios.desk import PATIENCE_SECONDS, Desk, Row, pick

REFUSED = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "blocked by the risk desk"}


def switch(desk: Desk, *words: str) -> Row:
    """A command of the switch; its answer."""
    return dict(json.loads(desk.command(*words, "--format", "json").stdout))


def begun(desk: Desk, *words: str, without: tuple[str, ...] = ("LEADER",)) -> subprocess.Popen[str]:
    """A kill in a process of its own, with the variables of these accounts not set: the leader's, unless told
    otherwise."""
    environment = {name: one for name, one in desk.environment.items() if not name.startswith(without)}
    return warm.start(
        ["-W", "error", "-m", "copyctl", "kill", "--rules", str(desk.rules_file), *words],
        environment,
        fresh=desk.fresh,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> Row:
    """Its answer, once it has ended with this exit code."""
    said, told = process.communicate(timeout=2 * PATIENCE_SECONDS)
    assert process.returncode == code, f"{process.returncode}: {said}{told}"
    return dict(json.loads(said))


def alone(desk: Desk, *words: str, without: tuple[str, ...] = ("LEADER",), code: int = 0) -> Row:
    """What a kill says that does everything itself."""
    return ended(begun(desk, *words, without=without), code)


def a_run_that_is_over(desk: Desk, *, filled: bool = True, resting: bool = True) -> str:
    """A run has copied a MARKET entry, and a LIMIT entry that rests, and was stopped. The id of the latter."""
    desk.start()
    if filled:
        order = desk.place(order_type="MARKET", price=0)
        for name in desk.followers:
            desk.follows(order, name, follower_status="TRADED")
    order = desk.place(price=80) if resting else ""
    for name in desk.followers if resting else ():
        desk.follows(order, name, follower_status="PENDING")
    assert desk.stop() == 0
    return order


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


# --- no run is alive --------------------------------------------------------------------------------------------------


def test_kill_with_no_run_alive_cancels_what_rests_with_the_followers_tokens_alone(desk: Desk) -> None:
    resting = a_run_that_is_over(desk, filled=False)
    said = alone(desk, "--reason", "news at three")
    assert pick(said, "ok", "applied", "failed") == (True, "stored", [])
    assert "is done, by this command since no run is alive: cancel open entry copies" in said["detail"]
    (row,) = said["orders"]
    assert pick(row, "follower", "leader_order_id", "order_id", "kind", "side", "quantity", "fate") == (
        *("alice", resting, desk.only()["orderId"], "cancel", "BUY", 130, "cancelled"),
    )
    assert row["text"].startswith("0 of 130 traded")
    assert desk.only()["orderStatus"] == "CANCELLED"
    assert pick(desk.status()["kill_switch"], "on", "reason") == (True, "news at three")
    missed = desk.place()
    desk.start()
    desk.follows(missed, decision="refused", reason="kill_switch")
    desk.follows(desk.place(price=91), decision="refused", reason="kill_switch")
    desk.heard("place", "cancel")
    assert pick(switch(desk, "resume"), "ok", "applied") == (True, "running")
    desk.follows(desk.place(price=92), decision="copied", follower_status="PENDING")


def test_kill_flatten_with_no_run_alive_closes_what_was_copied_and_leaves_what_is_a_persons_own(desk: Desk) -> None:
    a_run_that_is_over(desk)
    own = desk.by_hand("alice", price=70)
    desk.by_hand("alice", securityId="43211", orderType="MARKET", price=0)
    said = alone(desk, "--flatten")
    assert [pick(row, "kind", "side", "fate") for row in said["orders"]] == [
        ("cancel", "BUY", "cancelled"),
        ("place", "SELL", "traded"),
    ]
    assert desk.net("alice") == 0
    assert desk.net("alice", "43211") == 130
    assert desk.order(own, "alice")["orderStatus"] == "PENDING"
    desk.start()
    desk.look_again()
    desk.heard("place", "place", "cancel", "place")


def test_kill_flatten_closes_what_filled_while_no_run_was_alive(desk: Desk) -> None:
    a_run_that_is_over(desk, filled=False)
    desk.fill("alice", desk.only()["orderId"], 65, 80)
    said = alone(desk, "--flatten")
    assert [pick(row, "kind", "quantity", "fate", "text")[:3] for row in said["orders"]] == [
        ("cancel", 130, "cancelled"),
        ("place", 65, "traded"),
    ]
    assert said["orders"][0]["text"].startswith("65 of 130 traded at 80")
    assert desk.net("alice") == 0


def test_what_flatten_sends_by_itself_stays_within_the_price_guard(desk: Desk) -> None:
    desk.policy = {"price_guard": {"emergency_bps": 50}}
    a_run_that_is_over(desk, resting=False)
    desk.price(99)
    assert alone(desk, "--flatten")["ok"] is True
    assert pick(desk.asked(), "transactionType", "orderType", "price") == ("SELL", "LIMIT", 98.5 + 0.05)
    assert desk.net("alice") == 0


def test_kill_of_one_follower_with_no_run_alive_leaves_the_others_alone(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    resting = a_run_that_is_over(desk)
    said = alone(desk, "--follower", "alice", "--flatten", without=("LEADER", "BOB"))
    assert {row["follower"] for row in said["orders"]} == {"alice"}
    assert (desk.net("alice"), desk.net("bob")) == (0, 130)
    assert desk.status()["kill_switch"]["followers"] == ["alice"]
    desk.cancel(resting)
    desk.start()
    desk.follows(resting, "bob", follower_status="CANCELLED")
    desk.follows(desk.place(), "bob", decision="copied", follower_status="PENDING")
    assert desk.net("bob") == 130


def test_a_follower_without_a_token_is_named_and_the_others_are_done(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    a_run_that_is_over(desk)
    said = alone(desk, "--flatten", without=("LEADER", "BOB"), code=3)
    why = "no access token: the variable BOB_ACCESS_TOKEN is not set"
    assert pick(said, "ok", "failed") == (False, [{"follower": "bob", "text": why}])
    assert (
        f"not all of it is done (cancel open entry copies, then close copied positions). bob: {why}" in said["detail"]
    )
    assert [pick(row, "follower", "fate") for row in said["orders"] if row["follower"] == "alice"] == [
        ("alice", "cancelled"),
        ("alice", "traded"),
    ]
    assert {row["fate"] for row in said["orders"] if row["follower"] == "bob"} == {"not_sent"}
    assert (desk.net("alice"), desk.net("bob")) == (0, 130)
    assert desk.verbs("bob") == ["place", "place"]
    assert alone(desk)["ok"] is True  # it goes on with what is left
    assert desk.net("bob") == 0
    assert desk.verbs("bob") == ["place", "place", "cancel", "place"]


def test_a_follower_whose_token_file_is_gone_is_named_and_the_others_are_done(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    a_run_that_is_over(desk, filled=False)
    document = yaml.safe_load(desk.rules_file.read_text())
    document["followers"][1]["access_token"] = "${file:bob.token}"
    desk.rules_file.write_text(yaml.safe_dump(document))
    said = alone(desk, code=3)
    assert "bob.token cannot be read: No such file" in said["failed"][0]["text"]
    assert desk.only("alice")["orderStatus"] == "CANCELLED"
    Path(desk.folder / "bob.token").write_text(desk.broker.accounts["bob"]["access_token"])
    assert alone(desk)["ok"] is True
    assert desk.only("bob")["orderStatus"] == "CANCELLED"


def test_a_token_that_the_broker_refuses_is_not_waited_for(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    a_run_that_is_over(desk)
    desk.broker.tell("token", account="alice", action="kill")
    began = time.monotonic()
    said = alone(desk, "--flatten", code=3)
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert [one["follower"] for one in said["failed"]] == ["alice"]
    assert "token or address is refused" in said["failed"][0]["text"]
    assert desk.net("bob") == 0


def test_a_broker_that_refuses_cancels_makes_exit_code_3_and_a_run_goes_on_with_it(desk: Desk) -> None:
    a_run_that_is_over(desk)
    desk.fault("status", method="DELETE", status=400, body=REFUSED)
    said = alone(desk, "--flatten", "--within", "4", code=3)
    (row,) = said["orders"]
    assert pick(row, "kind", "fate", "text") == ("cancel", "refused", "blocked by the risk desk")
    left = "cancel open entry copies, then close copied positions"
    assert said["failed"] == [{"follower": "alice", "text": f"still to do: {left} (blocked by the risk desk)"}]
    assert (
        desk.status()["followers"][0]["detail"] == f"kill switch: by command; still to do: {left.replace(' then', '')}"
    )
    desk.mend()
    desk.start()
    desk.eventually(lambda: desk.net("alice") == 0, "alice is flat")
    desk.follows(desk.place(), decision="refused", reason="kill_switch")


def test_a_broker_that_refuses_exits_is_asked_again_every_some_seconds(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    a_run_that_is_over(desk, resting=False)
    desk.fault("status", status=400, body=REFUSED)
    said = alone(desk, "--flatten", "--within", "8", code=3)
    fates = [pick(row, "follower", "kind", "fate") for row in said["orders"]]
    assert fates.count(("alice", "place", "rejected")) == 2
    assert fates.count(("bob", "place", "traded")) == 1
    why = "still to do: close copied positions (blocked by the risk desk)"
    assert said["failed"] == [{"follower": "alice", "text": why}]
    assert (desk.net("alice"), desk.net("bob")) == (130, 0)


def test_a_broker_that_is_away_is_tried_as_long_as_it_was_told(desk: Desk) -> None:
    a_run_that_is_over(desk)
    desk.fault("status", method="GET", status=503)
    desk.broker.tell("faults", kind="reset_before", account="alice", method="GET", path="^/trades")
    desk.broker.tell("faults", kind="reset_before", account="alice", method="DELETE", path="^/orders")
    said = alone(desk, "--within", "4", code=3)
    assert "its order book could not be read" in said["failed"][0]["text"]
    assert [pick(row, "kind", "fate") for row in said["orders"]] == [("cancel", "unknown")]
    desk.mend()
    assert alone(desk)["orders"][0]["fate"] == "cancelled"


def test_a_kill_that_is_interrupted_tells_what_it_did(desk: Desk) -> None:
    a_run_that_is_over(desk, filled=False)
    desk.fault("status", method="DELETE", status=400, body=REFUSED)
    process = begun(desk)
    desk.eventually(lambda: "cancel" in desk.verbs(), "it has begun")
    process.send_signal(signal.SIGINT)
    said = ended(process, code=3)
    assert said["failed"][0]["text"].startswith("interrupted: still to do: cancel open entry copies")
    assert desk.status()["kill_switch"]["on"] is True


def test_an_entry_whose_fate_was_unknown_when_the_run_died_is_found_and_cancelled(desk: Desk) -> None:
    desk.start()
    desk.fault("hang", seconds=20, accepted=True, times=1)
    desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"], "it has left")
    desk.kill()
    said = alone(desk)
    assert [pick(row, "kind", "fate") for row in said["orders"]] == [("cancel", "cancelled")]
    assert desk.only()["orderStatus"] == "CANCELLED"


def test_where_nothing_is_open_and_nothing_held_it_says_so_and_needs_no_token(desk: Desk) -> None:
    desk.start()
    desk.stop()
    said = alone(desk, "--flatten", without=("LEADER", "ALICE"))
    assert pick(said, "ok", "applied", "orders") == (True, "stored", [])
    assert "nothing is to be done now: no copy of an entry is open, nothing copied is held" in said["detail"]
    desk.start()
    desk.follows(desk.place(), decision="refused", reason="kill_switch")


def test_what_an_earlier_kill_left_open_is_told_and_what_to_give(desk: Desk) -> None:
    desk.rules = ONLY_STOP
    desk.start()
    desk.follows(desk.place(order_type="MARKET", price=0), follower_status="TRADED")
    desk.follows(desk.place(price=80), follower_status="PENDING")
    switch(desk, "kill")
    desk.stop()
    desk.rules = {"kill_switch": {"actions": ["stop_copying", "cancel_open_orders", "flatten"]}}
    desk.write_rules()
    said = alone(desk, code=3)
    assert said["failed"][0]["text"] == "it was killed before, and a copy of an entry is open: give --cancel-open"
    said = alone(desk, "--cancel-open", code=3)
    assert said["failed"][0]["text"] == "it was killed before, and holds what was copied: give --flatten"
    assert alone(desk, "--flatten")["ok"] is True
    assert desk.net("alice") == 0


def test_halt_alone_needs_no_token_and_lists_what_rests(desk: Desk) -> None:
    desk.rules = ONLY_STOP
    resting = a_run_that_is_over(desk)
    said = alone(desk, "--halt", without=("LEADER", "ALICE"))
    assert pick(said, "ok", "applied", "orders") == (True, "stored", [])
    assert [row["leader_order_id"] for row in said["resting"]] == [resting]
    desk.cancel(resting)
    desk.start()
    desk.look_again()
    desk.quiet()
    assert desk.copy(resting)["follower_status"] == "PENDING"
    switch(desk, "resume")
    desk.follows(resting, follower_status="CANCELLED")


def test_halt_comes_after_what_else_is_to_be_done(desk: Desk) -> None:
    resting = a_run_that_is_over(desk)
    said = alone(desk, "--flatten", "--halt")
    assert pick(said, "ok", "resting") == (True, [])
    assert desk.net("alice") == 0
    assert desk.copy(resting)["follower_status"] == "CANCELLED"
    assert "halted" in desk.status()["followers"][0]["detail"]


def test_resume_while_it_acts_ends_it(desk: Desk) -> None:
    a_run_that_is_over(desk)
    desk.fault("status", status=400, body=REFUSED)
    process = begun(desk, "--flatten")
    desk.eventually(lambda: desk.verbs()[3:] == ["place"], "it has begun")
    assert pick(switch(desk, "resume"), "ok", "applied") == (True, "running")
    said = ended(process, code=3)
    assert said["failed"] == [{"follower": "alice", "text": "it was resumed meanwhile"}]
    assert desk.status()["kill_switch"]["on"] is False


@pytest.mark.fresh  # what takes time is the start
@pytest.mark.parametrize("after", [0.0, 0.4, 0.9])
def test_kill_while_a_run_starts_is_done_by_one_of_both(desk: Desk, after: float) -> None:
    resting = a_run_that_is_over(desk)
    desk.start(ready=False)
    time.sleep(after)
    process = begun(desk, "--flatten", without=("NOBODY",))
    code = process.wait(PATIENCE_SECONDS)
    said = ended(process, code)
    assert said["ok"] is True
    if said["applied"] == "stored":  # the lock was this command's: the run has said so and gone
        assert desk.net("alice") == 0
        assert desk.ended() in (0, 4)
    desk.eventually(lambda: desk.net("alice") == 0, "alice is flat")
    desk.eventually(lambda: desk.copy(resting)["follower_status"] == "CANCELLED", "it is cancelled")
    assert desk.status()["kill_switch"]["on"] is True
    assert desk.verbs().count("cancel") == 1


def test_two_kills_at_once_do_it_once(desk: Desk) -> None:
    a_run_that_is_over(desk)
    both = [begun(desk, "--flatten"), begun(desk, "--flatten", "--reason", "twice")]
    said = [ended(one) for one in both]
    assert [one["ok"] for one in said] == [True, True]
    desk.eventually(lambda: desk.net("alice") == 0, "alice is flat")
    assert desk.verbs() == ["place", "place", "cancel", "place"]
