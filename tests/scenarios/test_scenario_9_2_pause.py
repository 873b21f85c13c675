"""A follower is paused and goes on (9.2), an instrument halts (6.6), a dead letter is tried once more (9.7)."""

import json
from typing import Any

from tests.scenarios.desk import Desk, pick

PAUSED = {"decision": "queued", "reason": "follower_paused"}
HALT = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Trading is halted in this security"}


def said(desk: Desk, *words: str, code: int = 0) -> dict[str, Any]:
    done = desk.command(*words, "--format", "json", check=False)
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


def test_scenario_9_2_what_the_leader_does_meanwhile_is_caught_up_once(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    kept, changed, gone = [desk.place(price=80 + number) for number in range(3)]
    bought = desk.place(order_type="MARKET", price=0)
    for order in (kept, changed, gone):
        desk.follows(order, follower_status="PENDING")
    desk.follows(bought, follower_status="TRADED")
    assert pick(said(desk, "pause", "--follower", "alice"), "ok", "applied") == (True, "running")
    desk.modify(changed, price=79)
    desk.cancel(gone)
    closed = desk.place(transaction_type="SELL", order_type="MARKET", price=0)
    desk.follows(closed, "bob", follower_status="TRADED")  # what rests beside it could trade with it
    later, never = desk.place(price=70), desk.place(price=71)
    desk.reaches("PENDING", "leader", never)
    desk.cancel(never)
    desk.follows(later, "bob", follower_status="PENDING")
    desk.follows(later, **PAUSED)
    desk.follows(closed, **PAUSED)
    assert [row["state"] for row in desk.status()["followers"]] == ["paused", "active"]
    desk.heard("place", "place", "place", "place")
    desk.kill()
    desk.start()
    desk.look_again()
    desk.heard("place", "place", "place", "place")
    assert pick(said(desk, "unpause", "--follower", "alice"), "ok", "applied") == (True, "running")
    desk.follows(gone, follower_status="CANCELLED")
    desk.follows(closed, decision="copied", follower_status="TRADED")
    desk.follows(later, decision="copied", follower_status="PENDING")
    desk.follows(never, decision="skipped", reason="leader_over")
    desk.eventually(lambda: [row["price"] for row in desk.book("alice") if row["orderStatus"] == "PENDING"])
    desk.eventually(lambda: desk.net("alice") == 0)
    calls = desk.verbs()[4:]
    assert sorted(calls) == ["cancel", "modify", "place", "place"]
    assert calls[0] == "cancel"


def test_scenario_9_2_without_a_run_it_is_stored_and_holds_from_the_start(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.stop()
    assert pick(said(desk, "pause", "--follower", "alice"), "ok", "applied") == (True, "stored")
    assert desk.status()["followers"][0]["state"] == "paused"
    desk.cancel(order)
    desk.start()
    desk.look_again()
    desk.heard("place")
    said(desk, "unpause", "--follower", "alice")
    desk.follows(order, follower_status="CANCELLED")


def test_scenario_6_6_a_halt_holds_the_instrument_until_the_leader_trades_it_again(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.broker.tell("faults", kind="status", status=400, body=HALT, account="alice", method="POST", path="^/orders")
    desk.start()
    orders = [desk.place(price=80)]
    desk.follows(orders[0], decision="queued", reason="instrument_halted")
    orders += [desk.place(price=81 + number) for number in range(3)]
    for order in orders:
        desk.follows(order, decision="queued", reason="instrument_halted")
    desk.heard("place")
    assert desk.alerts("is halted, what is wanted of it waits")
    desk.mend()
    desk.cancel(orders[0])
    traded = desk.place(order_type="MARKET", price=0)
    desk.follows(traded, follower_status="TRADED")
    for order in orders[1:]:
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.follows(orders[0], decision="skipped", reason="leader_over")


def test_scenario_9_7_a_dead_letter_is_listed_tried_again_and_dropped(desk: Desk) -> None:
    desk.broker.tell("funds", account="alice", available=10)
    desk.start()
    first, second = desk.place(), desk.place(price=91)
    for order in (first, second):
        desk.follows(order, decision="dead", reason="rejected_margin")
    rows = json.loads(desk.look("dead-letters", "list", "--format", "json"))["dead_letters"]
    assert [row["id"] for row in rows] == [f"{first}-alice", f"{second}-alice"]
    assert pick(rows[0], "leader_order_id", "follower", "reason", "attempts") == (first, "alice", "rejected_margin", 1)
    assert "insufficient funds" in rows[0]["detail"]
    wanted = pick(rows[0]["order"], "security_id", "side", "quantity", "order_type", "price", "after_market")
    assert wanted == ("43210", "BUY", 130, "LIMIT", 90, False)
    assert desk.status()["followers"][0]["dead_letters"] == 2
    desk.broker.tell("funds", account="alice", available=10_000_000)
    assert pick(said(desk, "dead-letters", "retry", f"{first}-alice"), "ok", "applied") == (True, "running")
    desk.follows(first, decision="copied", reason=None, follower_status="PENDING")
    assert desk.asked(0)["correlationId"] != desk.asked(-1)["correlationId"]
    desk.cancel(second)
    desk.follows(second, leader_status="CANCELLED")
    refused = said(desk, "dead-letters", "retry", f"{second}-alice", code=1)
    assert refused["ok"] is False
    assert "CANCELLED with nothing filled" in refused["detail"]
    assert pick(said(desk, "dead-letters", "drop", f"{second}-alice"), "ok", "applied") == (True, "running")
    assert json.loads(desk.look("dead-letters", "list", "--format", "json")) == {"dead_letters": []}
    desk.follows(second, decision="dead", reason="rejected_margin")
    assert desk.command("dead-letters", "retry", "unheard-of", check=False).returncode == 2
    desk.heard("place", "place", "place")
