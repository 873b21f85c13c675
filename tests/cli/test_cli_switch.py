"""``kill`` and ``resume``: felt by a run that is alive, kept for the next one."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from copyctl.cli import taken_in
from copyctl.edge.journal import open_journal
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.account import Account
from copyctl.model.events import CommandGiven
from copyctl.model.journal import Entry
from copyctl.model.order import Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Change, Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Segment, Side, Validity
from tests.cli.world import ALICE, BOB, LEADER, POLICY, TOKENS, Desk, document


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


# --- what the flags add ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "actions"),
    [
        ((), ()),
        (("--cancel-open",), ("cancel_open_orders",)),
        (("--halt", "--flatten", "--cancel-open"), ("cancel_open_orders", "flatten", "halt")),
    ],
)
def test_flags_are_stored_as_actions_the_halt_last(
    desk: Desk, flags: tuple[str, ...], actions: tuple[str, ...]
) -> None:
    assert desk.json("kill", *flags)["applied"] == "stored"
    reader = JournalReader(desk.store)
    assert [one.actions for one in reader.commands()] == [actions]
    reader.close()


def test_of_a_dry_run_nothing_is_at_the_broker_so_the_next_one_does_it(desk: Desk) -> None:
    said = desk.json("kill", "--flatten", "--dry-run")
    once = f"copyctl run --once --rules {desk.rules_file} --dry-run"
    assert said["detail"].startswith(f"kill for all followers is stored: no run is alive. {once} acts on it now, else ")
    assert said["detail"].endswith("to do: cancel open entry copies, then close copied positions")
    assert (said["ok"], said["applied"], said["orders"]) == (True, "stored", [])
    assert "--rules" not in desk.json("resume", "--dry-run")["detail"]


def test_status_tells_before_the_next_start_what_it_is_to_do(desk: Desk) -> None:
    desk.json("kill", "--halt", "--reason", "news")
    (alice, _) = desk.json("status")["followers"]
    told = "kill switch: news; still to do: cancel open entry copies, hold back cancels and exits"
    assert (alice["state"], alice["detail"]) == ("killed", told)
    desk.json("resume")
    assert [one["state"] for one in desk.json("status")["followers"]] == ["active", "active"]


RESTING = Copy(
    leader_order_id="L1",
    follower=ALICE,
    decision=Decision.COPIED,
    wanted=Desired(
        side=Side.SELL,
        segment=Segment.NSE_FNO,
        security_id="43210",
        product=Product.INTRADAY,
        terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal("101.5")),
    ),
    slots=(
        Slot(
            revision=0,
            correlation_id="cc0-0",
            asked=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal("101.5")),
            standing=Standing.WORKING,
            order_id="F1",
            filled=15,
        ),
    ),
    exit=True,
    created_at=1,
    updated_at=1,
)


def test_halt_lists_what_still_rests(desk: Desk) -> None:
    desk.keep(RESTING)
    (row,) = desk.json("kill", "--halt")["resting"]
    assert (row["follower"], row["side"], row["leaves"], row["order_id"]) == ("alice", "SELL", 50, "F1")
    assert (row["leader_order_id"], row["price"], row["exit"]) == ("L1", 101.5, True)
    assert desk.json("kill", "--halt", "--follower", "bob")["resting"] == []
    assert "resting" not in desk.json("kill", "--flatten")


def test_halt_for_people_is_a_sentence_and_what_rests(desk: Desk) -> None:
    desk.keep(RESTING)
    said, head, row = desk.run("kill", "--halt", "--format", "table").stdout.splitlines()
    assert said.startswith("kill for all followers is stored")
    assert head.split() == ["follower", "rests", "at", "the", "broker", "order", "id", "copy", "of"]
    assert "SELL 50 43210 LIMIT 101.5, an exit" in row
    assert row.split()[-2:] == ["F1", "L1"]
    none = desk.run("kill", "--halt", "--follower", "bob", "--format", "table").stdout
    assert none.splitlines()[1] == "nothing of ours rests at the broker"


class Obedient:
    """Stands for a run: takes commands in, and puts into the records what a kill and its halt leave there."""

    def __init__(self, desk: Desk, **kept: Any) -> None:
        self.desk = desk
        self.kept = kept
        self.over = threading.Event()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._listen)

    def __enter__(self) -> None:
        self.thread.start()
        assert self.ready.wait(10)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _listen(self) -> None:
        journal = open_journal(self.desk.store, leader=LEADER)
        journal.mark("followers", json.dumps({ALICE: "alice"}))
        self.ready.set()
        while not self.over.wait(0.02):
            for one in journal.commands():
                on = one.command == "kill"
                account = Account(account=ALICE, **({"killed_at": 1, "killed_reason": "x", **self.kept} if on else {}))
                event = CommandGiven(at=1, command_id=one.command_id, command=one.command)
                change = Change(table="account", key=ALICE, record=account)
                journal.write([Entry(event=event, changes=(change,))], taken=[one.command_id])
        journal.close()


@pytest.mark.parametrize("kept", [{"halted": True}, {"kill_actions": ("flatten", "halt")}], ids=["done", "to come"])
def test_a_halt_is_felt_when_the_run_shows_that_it_holds_everything_back(desk: Desk, kept: dict[str, Any]) -> None:
    with Obedient(desk, **kept):
        said = desk.json("kill", "--halt")
        assert (said["ok"], said["applied"], said["resting"]) == (True, "running", [])
        assert "cancels and exits still follow" not in said["detail"]
        resumed = desk.json("resume")
    assert (resumed["ok"], resumed["applied"]) == (True, "running")


def test_status_tells_a_halt_and_what_is_still_to_be_done(desk: Desk) -> None:
    desk.keep(
        Account(account=ALICE, killed_at=1, killed_reason="news", kill_actions=("flatten", "halt")),
        Account(account=BOB, killed_at=1, killed_reason="news", halted=True),
    )
    told = [one["detail"] for one in desk.json("status")["followers"]]
    assert told == [
        "kill switch: news; still to do: close copied positions, hold back cancels and exits",
        "kill switch: news; halted: nothing is sent, cancels and exits wait for resume",
    ]


def test_a_run_that_does_not_hold_to_a_halt_is_told(desk: Desk) -> None:
    with Obedient(desk):
        done = desk.run("kill", "--halt")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["applied"]) == (1, False, "running")
    assert "does not show that it holds to it" in said["detail"]


def test_the_real_run_halts_and_resumes(desk: Desk) -> None:
    with a_run_that_listens(desk):
        said = desk.json("kill", "--halt", "--follower", "alice")
        assert (said["ok"], said["applied"]) == (True, "running")
        (alice, bob) = desk.json("status")["followers"]
        assert "halted" in alice["detail"]
        assert bob["state"] == "active"
        assert desk.json("resume")["ok"] is True
        assert desk.json("status")["kill_switch"]["on"] is False


# --- with no run alive it acts by itself ------------------------------------------------------------------------------


def entry(account: str = ALICE) -> Copy:
    """A copy of an entry that rests at the broker."""
    return replace(RESTING, follower=account, exit=False)


def a_resting_entry(desk: Desk) -> None:
    """What a run has left that copied an entry for alice, which rests."""
    desk.start()
    desk.report(LEADER, "L1", OrderStatus.PENDING)
    desk.acknowledge("F1")
    desk.report(ALICE, "F1", OrderStatus.PENDING, quantity=50)
    desk.stop()


def tokens(*names: str) -> dict[str, str]:
    """The access tokens of these followers, and no other variable."""
    return {name: TOKENS[name.removesuffix("_ACCESS_TOKEN")] for name in (f"{one}_ACCESS_TOKEN" for one in names)}


def kept_as_left(desk: Desk) -> list[tuple[str, str]]:
    """The commands that wait still."""
    reader = JournalReader(desk.store)
    found = [(one.command, one.account) for one in reader.commands()]
    reader.close()
    return found


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ((), "no copy of an entry is open"),
        (("--flatten",), "no copy of an entry is open, nothing copied is held"),
    ],
)
def test_where_nothing_is_to_be_done_it_says_why(desk: Desk, flags: tuple[str, ...], why: str) -> None:
    desk.keep(RESTING)  # an exit is left where it is
    said = desk.json("kill", *flags)
    assert (said["ok"], said["applied"], said["orders"], said["failed"]) == (True, "stored", [], [])
    assert said["detail"] == (
        f"kill for all followers is stored: no run is alive; nothing is to be done now: {why}. "
        "From the next start on nothing new is copied, the leader's cancels and exits still follow"
    )
    assert kept_as_left(desk) == [("kill", "")]


def test_client_ids_are_known_by_the_store_and_the_switch_holds_where_the_broker_is_away(desk: Desk) -> None:
    a_resting_entry(desk)
    done = desk.run("kill", "--within", "1", environment=tokens("ALICE"))
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["applied"]) == (3, False, "stored")
    (row,) = said["orders"]
    assert (row["follower"], row["order_id"], row["kind"], row["fate"]) == ("alice", "F1", "cancel", "not_sent")
    assert row["text"].startswith("no connection")
    assert said["failed"] == [
        {"follower": "alice", "text": "its order book could not be read: the broker does not answer"}
    ]
    assert kept_as_left(desk) == []
    (alice, _) = desk.json("status")["followers"]
    assert alice["detail"] == "kill switch: by command; still to do: cancel open entry copies"


def test_who_has_no_token_is_named_with_what_is_missing(desk: Desk) -> None:
    desk.keep(entry(), entry(BOB))
    done = desk.run("kill", environment={"BOB_ACCESS_TOKEN": ""})
    said = json.loads(done.stdout)
    assert (done.returncode, said["orders"]) == (3, [])
    assert {one["follower"]: one["text"] for one in said["failed"]} == {
        "alice": "no access token: the variable ALICE_ACCESS_TOKEN is not set",
        "bob": "no access token: it is empty",
    }
    assert kept_as_left(desk) == [("kill", "")]


def test_a_reason_that_several_share_is_told_once(desk: Desk) -> None:
    desk.keep(entry(), entry(BOB))
    detail = json.loads(desk.run("kill", "--within", "1", environment=tokens("ALICE", "BOB")).stdout)["detail"]
    assert "alice, bob: its order book could not be read" in detail


def test_who_is_no_follower_any_more_is_told(desk: Desk) -> None:
    desk.keep(entry("1100000009"))
    done = desk.run("kill")
    assert done.returncode == 3
    assert json.loads(done.stdout)["failed"] == [
        {"follower": "1100000009", "text": "it is no follower in this rules file"}
    ]
    assert desk.json("kill", "--follower", "alice", "--flatten")["ok"] is True


def test_there_is_no_broker_outside_of_a_run_with_a_simulator_of_its_own(desk: Desk) -> None:
    desk.rules_file.write_text(yaml.safe_dump(document(broker={"adapter": "simulator"})))
    desk.keep(entry())
    said = desk.json("kill", "--flatten")
    assert (said["ok"], said["applied"], said["orders"]) == (True, "stored", [])
    assert "there is no broker outside of the run (broker.adapter: simulator)" in said["detail"]


def test_a_missing_number_of_the_rules_is_told_before_anything_is_stored(desk: Desk) -> None:
    policy = {**POLICY, "sizing": {"strategy": "fixed_ratio", "ratio": "${RATIO}"}}
    desk.rules_file.write_text(yaml.safe_dump(document(policy=policy)))
    desk.keep(entry())
    done = desk.run("kill")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the variable RATIO is not set" in done.stderr
    assert kept_as_left(desk) == []


def test_orders_for_people_are_a_table(desk: Desk) -> None:
    a_resting_entry(desk)
    done = desk.run("kill", "--within", "1", "--format", "table", environment=tokens("ALICE"))
    said, head, row = done.stdout.splitlines()
    assert said.startswith("kill for all followers is stored, and not all of it is done (cancel open entry copies). ")
    assert head.split() == ["follower", "asked", "order", "id", "copy", "of", "end"]
    assert re.match(r"alice +cancel BUY 50 2885 +F1 +L1 +not sent +no connection", row)
    assert "ALERT critical: kill switch on: by command" in done.stderr


def test_a_run_that_begins_before_the_lock_is_taken_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keep(entry())
    real = JournalReader.running.fget
    assert real is not None
    looks = iter([True])  # the first look is in vain
    monkeypatch.setattr(JournalReader, "running", property(lambda one: not next(looks, False) and real(one)))
    with Obedient(desk):
        done = desk.run("kill", environment=tokens("ALICE"))
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["applied"], said["orders"]) == (0, True, "running", [])
    assert "a run has just begun" in done.stderr


def test_a_run_that_has_just_begun_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken_in, "FELT_WITHIN_SECONDS", 0.0)
    with a_run_that_listens(desk):
        assert desk.json("kill")["applied"] == "running"


def test_a_run_that_ended_before_it_took_the_command_in_leaves_it_to_the_command(desk: Desk) -> None:
    begun = threading.Event()

    def briefly() -> None:
        journal = open_journal(desk.store, leader=LEADER)
        begun.set()
        time.sleep(0.5)
        journal.close()

    run = threading.Thread(target=briefly)
    run.start()
    assert begun.wait(10)
    said = desk.json("kill")
    run.join()
    assert (said["ok"], said["applied"]) == (True, "stored")
    assert "nothing is to be done now" in said["detail"]


# --- when it goes wrong -----------------------------------------------------------------------------------------------


def test_a_run_that_hangs_is_told_and_the_command_waits_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken_in, "BEGINS_WITHIN_SECONDS", 0.0)
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
