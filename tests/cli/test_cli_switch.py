"""``kill`` and ``resume``: felt by a run that is alive, kept for the next one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from copyctl.model.terms import OrderStatus
from tests.cli.world import ALICE, LEADER, Desk


@contextmanager
def a_run_that_listens(desk: Desk) -> Iterator[None]:
    """Takes commands in beside the test, as the run does."""
    over = threading.Event()

    def listen() -> None:
        desk.start()
        started.set()
        while not over.wait(0.05):
            desk.take_commands_in()
        desk.stop()

    started = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_kill_is_felt_by_the_run_that_is_alive(desk: Desk) -> None:
    with a_run_that_listens(desk):
        done = desk.apart("kill", "--reason", "news at three")
        assert done.returncode == 0
        said = json.loads(done.stdout)
        assert (said["ok"], said["applied"]) == (True, "running")
        status = desk.json("status")
        assert status["kill_switch"]["followers"] == ["alice", "bob"]
        assert status["kill_switch"]["reason"] == "news at three"
        assert json.loads(desk.run("resume").stdout)["applied"] == "running"
        assert desk.json("status")["kill_switch"]["on"] is False


def test_kill_of_one_follower_leaves_the_others_alone(desk: Desk) -> None:
    with a_run_that_listens(desk):
        assert json.loads(desk.run("kill", "--follower", "bob").stdout)["ok"] is True
        states = {one["name"]: one["state"] for one in desk.json("status")["followers"]}
    assert states == {"alice": "active", "bob": "killed"}


def test_kill_without_a_run_is_stored_and_holds_at_the_next_start(desk: Desk) -> None:
    said = desk.json("kill", "--reason", "over night")
    assert (said["ok"], said["applied"]) == (True, "stored")
    desk.start()
    assert desk.take_commands_in() == 1
    desk.report(LEADER, "L1", OrderStatus.PENDING)
    rows = desk.json("orders")["copies"]
    assert desk.sent == []
    assert (rows[0]["follower"], rows[0]["decision"], rows[0]["reason"]) == ("alice", "refused", "kill_switch")


def test_a_follower_is_known_by_the_store_where_no_variable_is_set(traded: Desk) -> None:
    traded.stop()
    assert traded.json("kill", "--follower", "alice")["applied"] == "stored"
    traded.start()
    assert traded.journal is not None
    (command,) = traded.journal.commands()
    assert (command.command, command.account) == ("kill", ALICE)


def test_a_follower_that_nothing_identifies_yet_is_refused_with_the_variable(desk: Desk) -> None:
    done = desk.run("kill", "--follower", "alice")
    assert (done.returncode, done.stdout) == (2, "")
    assert "${ALICE_CLIENT_ID}" in done.stderr
    assert not desk.store.exists()
    assert desk.run("kill", "--follower", "alice", environment={"ALICE_CLIENT_ID": ALICE}).returncode == 0


@pytest.mark.parametrize("command", ["kill", "resume"])
def test_a_stranger_is_refused(desk: Desk, command: str) -> None:
    done = desk.run(command, "--follower", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are alice, bob" in done.stderr


@pytest.mark.parametrize("flag", ["--halt", "--cancel-open", "--flatten"])
def test_what_comes_later_is_refused_and_switches_nothing(desk: Desk, flag: str) -> None:
    done = desk.run("kill", flag)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"copyctl: {flag} ")
    assert "later version" in done.stderr
    assert not desk.store.exists()


def test_a_run_that_hangs_is_told_and_the_command_waits_for_it(desk: Desk) -> None:
    desk.start()
    done = desk.run("kill")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["applied"]) == (1, False, "stored")
    assert "has not taken it in" in said["detail"]
    assert desk.take_commands_in() == 1


def test_a_store_that_is_no_folder_is_exit_code_4(desk: Desk) -> None:
    desk.store.write_text("a file")
    done = desk.run("kill")
    assert (done.returncode, done.stdout) == (4, "")
    assert "cannot be written" in done.stderr


def test_kill_as_a_table_is_one_sentence(desk: Desk) -> None:
    assert desk.run("kill", "--format", "table").stdout.strip().startswith("kill for all followers is stored")
