"""``run --shadow``: other rules decide on everything that happens to a run, and nothing of it reaches the broker."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.desk import HALF, PUT, Desk, Row, pick

WHOLE: Row = {
    "sizing": {"ratio": 1},
    "filters": {"rules": [{"name": "no puts", "match": {"option_type": ["PE"]}, "action": "skip"}]},
}


def new_rules(desk: Desk, policy: Row = WHOLE) -> Path:
    """Rules for a shadow: those of the run, with this policy on top."""
    path = desk.folder / "new.yaml"
    path.write_text(yaml.safe_dump({"extends": "rules.yaml", "policy": policy}))
    return path


def shadows(desk: Desk) -> dict[str, Row]:
    """What the shadow made of each leader order, for alice."""
    rows = json.loads(desk.look("orders", "--shadow", "--format", "json"))["copies"]
    return {row["leader_order_id"]: row for row in rows}


def decides(desk: Desk, order: str, **wanted: Any) -> None:
    """Wait until the shadow says this of a leader order."""
    desk.eventually(
        lambda: all(shadows(desk)[order][key] == value for key, value in wanted.items()), f"the shadow says {wanted}"
    )


def process_of(desk: Desk) -> int:
    """The process that holds the shadow's store."""
    return int((desk.store / "shadow" / "run.lock").read_text())


def test_a_shadow_decides_by_its_own_rules_and_goes_on_after_kill_9(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    new = new_rules(desk)
    desk.start("--shadow", str(new))
    call, put = desk.place(quantity=260), desk.place(**PUT, quantity=260)
    for order in (call, put):
        desk.follows(order, follower_status="PENDING", follower_quantity=130)
    desk.fill("leader", call, 260, 90)
    desk.fill("alice", desk.book()[0]["orderId"], 130, 90)
    desk.follows(call, follower_filled=130)
    decides(desk, call, decision="copied", follower_status="TRADED", follower_filled=260, follower_average_price=90)
    decides(desk, put, decision="skipped", rule="no puts", follower_order_ids=[])

    first = process_of(desk)
    desk.kill()
    exit_order = desk.place(transaction_type="SELL", quantity=260, price=120)
    desk.start("--shadow", str(new))
    desk.follows(exit_order, follower_status="PENDING", follower_quantity=130)
    decides(desk, exit_order, exit=True, follower_status="PENDING", follower_quantity=260)  # it knows what it bought
    assert process_of(desk) != first
    desk.modify(put, quantity=260, price=91)
    desk.heard("place", "place", "place", "modify")  # what the run decides, and no more
    assert [pick(one["body"], "quantity", "transactionType") for one in desk.calls("alice", "POST")] == [
        (130, "BUY"),
        (130, "BUY"),
        (130, "SELL"),
    ]
    assert desk.stop() == 0
    assert "3 of 3 decisions differ from those of the run. Which ones: copyctl replay" in desk.output()

    said = desk.command("replay", "--store", "--against", str(desk.rules_file), "--format", "json", rules=new)
    changes = {row["leader_order_id"]: row["to"] for row in json.loads(said.stdout)["changes"]}
    assert {order: (to["decision"], to["quantity"]) for order, to in changes.items()} == {
        call: ("copied", 260),
        put: ("skipped", 0),
        exit_order: ("copied", 260),
    }


def test_a_shadow_that_fails_is_told_and_the_run_goes_on(desk: Desk) -> None:
    new = new_rules(desk)
    desk.start("--shadow", str(new))
    first = desk.place()
    desk.follows(first, follower_status="PENDING")
    decides(desk, first, decision="copied")
    shutil.move(desk.store / "shadow" / "journal.sqlite", desk.folder)
    second = desk.place()
    desk.follows(second, follower_status="PENDING")
    desk.eventually(lambda: "the run goes on without it: " in desk.output(), "the alert of the shadow's end")
    assert "journal.sqlite was taken away or replaced" in desk.output()
    third = desk.place()
    desk.follows(third, follower_status="PENDING")
    assert desk.verbs() == ["place"] * 3
    assert desk.stop() == 0

    shutil.move(desk.folder / "journal.sqlite", desk.store / "shadow")
    desk.start("--shadow", str(new))
    for order in (first, second, third):  # what it missed it takes in from where it was
        decides(desk, order, decision="copied", follower_status="PENDING")
    os.kill(process_of(desk), signal.SIGKILL)
    desk.eventually(lambda: "goes on without it: exit code -9" in desk.output(), "the alert of the shadow's death")
    assert desk.stop() == 0

    new_rules(desk, {"sizing": {"ratio": 2}})
    desk.start("--shadow", str(new))
    fourth = desk.place()
    decides(desk, fourth, follower_quantity=260)
    assert desk.stop() == 0
    assert "1 of 1 decisions differ" in desk.output()
    assert len(list(desk.store.glob("shadow-until-*"))) == 1
