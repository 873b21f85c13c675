"""``pause``, ``unpause`` and ``dead-letters``: felt by a run that is alive, kept for the next one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.events import Answered
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, Outcome
from copyctl.model.terms import OrderStatus
from tests.cli.world import ALICE, LEADER, Desk, Said, copyctl


@contextmanager
def a_run_that_listens(desk: Desk) -> Iterator[None]:
    """Takes commands in beside the test, as the run does."""
    over, started = threading.Event(), threading.Event()

    def listen() -> None:
        desk.start()
        desk.report(LEADER, "L1", OrderStatus.PENDING)
        request = desk.sent.pop(0)
        outcome = Outcome(fate=Fate.REJECTED, category=Category.MARGIN, text="no funds", left_at=desk.clock.now())
        desk.post(Answered(at=desk.clock.now(), request_id=request.request_id, outcome=outcome))
        started.set()
        while not over.wait(0.05):
            desk.take_commands_in()
        desk.stop()

    thread = threading.Thread(target=listen)
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


def letters(desk: Desk, *words: str) -> Said:
    return copyctl("dead-letters", *words, "--rules", str(desk.rules_file))


def test_scenario_9_2_a_pause_is_felt_by_the_run_that_is_alive_and_undone(desk: Desk) -> None:
    with a_run_that_listens(desk):
        said = desk.json("pause", "--follower", "alice", "--reason", "by hand today")
        assert (said["ok"], said["applied"]) == (True, "running")
        states = {one["name"]: one["state"] for one in desk.json("status")["followers"]}
        assert states == {"alice": "paused", "bob": "active"}
        assert "until copyctl unpause" in desk.json("kill", "--follower", "alice")["detail"]
        assert desk.json("resume")["ok"] is True
        said = desk.json("unpause", "--follower", "alice")
        assert (said["ok"], said["applied"]) == (True, "running")
        assert desk.json("status")["followers"][0]["state"] == "active"


def test_scenario_9_2_without_a_run_a_pause_is_stored_and_status_tells_it(traded: Desk) -> None:
    traded.stop()
    said = traded.json("pause", "--follower", "alice")
    assert (said["ok"], said["applied"]) == (True, "stored")
    assert traded.json("status")["followers"][0]["state"] == "paused"
    reader = JournalReader(traded.store)
    assert [(one.command, one.account) for one in reader.commands()] == [("pause", ALICE)]
    reader.close()
    traded.json("unpause", "--follower", "alice")
    assert traded.json("status")["followers"][0]["state"] == "active"


@pytest.mark.parametrize("command", ["pause", "unpause"])
def test_scenario_9_2_one_follower_is_named_and_no_stranger(desk: Desk, command: str) -> None:
    assert desk.run(command).returncode == 2
    done = desk.run(command, "--follower", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are alice, bob" in done.stderr


def test_scenario_9_7_dead_letters_are_listed_dropped_and_stay_in_orders(desk: Desk) -> None:
    with a_run_that_listens(desk):
        (row,) = json.loads(letters(desk, "list").stdout)["dead_letters"]
        assert (row["id"], row["reason"], row["detail"], row["attempts"]) == (
            "L1-alice",
            "rejected_margin",
            "no funds",
            1,
        )
        assert set(row["order"]) == {
            *("security_id", "exchange_segment", "side", "quantity", "order_type", "product", "validity"),
            *("price", "trigger_price", "disclosed_quantity", "after_market"),
        }
        assert desk.json("status")["followers"][0]["dead_letters"] == 1
        said = json.loads(letters(desk, "drop", "L1-alice").stdout)
        assert (said["ok"], said["applied"], said["detail"]) == (True, "running", "L1-alice: dead letter dropped")
        assert json.loads(letters(desk, "list").stdout) == {"dead_letters": []}
        assert desk.json("status")["followers"][0]["dead_letters"] == 0
        assert desk.json("orders", "--follower", "alice")["copies"][0]["decision"] == "dead"
        assert letters(desk, "drop", "L1-alice").returncode == 2


def test_scenario_9_7_a_retry_is_done_by_the_run_that_is_alive(desk: Desk) -> None:
    with a_run_that_listens(desk):
        said = json.loads(letters(desk, "retry", "L1-alice").stdout)
        assert (said["ok"], said["applied"]) == (True, "running")
        assert desk.json("orders", "--follower", "alice")["copies"][0]["decision"] == "copied"


def test_scenario_9_7_without_a_run_a_retry_is_stored(desk: Desk) -> None:
    with a_run_that_listens(desk):
        pass
    said = json.loads(letters(desk, "retry", "L1-alice").stdout)
    assert (said["ok"], said["applied"]) == (True, "stored")


def test_scenario_9_7_a_name_that_is_none_is_wrong_usage(desk: Desk) -> None:
    done = letters(desk, "retry", "nothing-alice")
    assert (done.returncode, done.stdout) == (2, "")
    assert "copyctl dead-letters list" in done.stderr
