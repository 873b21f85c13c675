"""``orders``, ``status``, ``events``: with every variable unset, beside a run that is alive, and after it."""

import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from copyctl.edge.journal import open_journal
from copyctl.model.terms import OrderStatus
from copyctl.report.moments import IST
from tests.cli.world import BARE, LEADER, TOKENS, Desk, copyctl, eventually, process


@pytest.mark.parametrize(
    ("command", "empty"),
    [("orders", {"copies": []}), ("positions", {"positions": []}), ("status", None), ("events", None)],
    ids=str,
)
def test_a_store_that_does_not_exist_yet_is_empty_and_no_error(desk: Desk, command: str, empty: object) -> None:
    done = desk.run(command)
    assert done.returncode == 0
    assert done.stderr == f"there is no store in {desk.store} yet: nothing has happened\n"
    assert not desk.store.exists()
    if command == "status":
        assert json.loads(done.stdout)["state"] == "stopped"
    else:
        assert (json.loads(done.stdout) if done.stdout else None) == empty


def test_orders_tell_every_copy_by_its_followers_name(traded: Desk) -> None:
    alice, bob = traded.json("orders")["copies"]
    assert (alice["follower"], alice["decision"], alice["follower_status"]) == ("alice", "copied", "TRADED")
    assert (alice["leader_quantity"], alice["leader_filled"], alice["wanted_quantity"]) == (100, 100, 50)
    assert (alice["follower_filled"], alice["follower_average_price"]) == (50, 1401)
    assert (alice["slippage_per_unit"], alice["slippage"]) == (1, 50)
    assert alice["slippage_bps"] == pytest.approx(7.142857)
    assert (bob["follower"], bob["decision"], bob["reason"]) == ("bob", "refused", "zero_quantity")
    assert "0.001 x 100 = 0.1" in bob["detail"]


def test_orders_are_the_same_when_the_run_is_over_and_the_variables_are_set(traded: Desk) -> None:
    alive = traded.apart("orders").stdout
    traded.stop()
    assert traded.run("orders").stdout == alive
    assert traded.run("orders", environment={"ALICE_CLIENT_ID": "1100000002"}).stdout == alive


def test_a_renamed_follower_goes_by_the_name_in_the_file(traded: Desk) -> None:
    text = traded.rules_file.read_text()
    traded.rules_file.write_text(text.replace("name: alice", "name: alicia"))
    done = traded.run("orders", environment={"ALICE_CLIENT_ID": "1100000002"})
    assert [one["follower"] for one in json.loads(done.stdout)["copies"]] == ["alicia", "bob"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--today",), 2),
        (("--since", "2020-01-01"), 2),
        (("--since", (datetime.now(IST) + timedelta(days=1)).isoformat()), 0),
        (("--since", f"{datetime.now(IST) + timedelta(days=1):%Y-%m-%d}"), 0),
        (("--since", "00:00"), 2),
        (("--follower", "bob"), 1),
        (("--leader-order", "L1"), 2),
        (("--leader-order", "L2"), 0),
        (("--dry-run",), 0),
    ],
)
def test_orders_are_chosen_by_time_follower_and_order(traded: Desk, words: tuple[str, ...], found: int) -> None:
    assert len(traded.json("orders", *words)["copies"]) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--since", "25:00"), "'25:00' is no time"),
        (("--today", "--since", "09:15"), "not both"),
        (("--follower", "carol"), "no follower is called carol; there are alice, bob"),
    ],
)
def test_orders_with_bad_input_say_what_is_wrong(desk: Desk, words: tuple[str, ...], said: str) -> None:
    done = desk.run("orders", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_orders_as_a_table_read_like_a_sentence(traded: Desk) -> None:
    lines = traded.run("orders", "--format", "table").stdout.splitlines()
    assert "BUY 100 2885 LIMIT 1400, TRADED 100 filled" in lines[1]
    assert "TRADED 50/50 at 1401" in lines[1]
    assert "+50.00 (+7.1 bps)" in lines[1]
    assert "refused (zero_quantity)" in lines[2]
    assert "\x1b" not in "".join(lines)


def test_a_text_of_the_broker_cannot_command_the_terminal(desk: Desk) -> None:
    desk.start()
    desk.report(LEADER, "L1", OrderStatus.REJECTED, text="\x1b[2J\x1b]0;owned\x07 RMS says no")
    table = desk.run("orders", "--format", "table").stdout
    assert "RMS says no" in table
    assert "\x1b" not in table
    assert "\x07" not in table


def test_status_of_a_live_run(traded: Desk) -> None:
    said = json.loads(traded.apart("status").stdout)
    assert (said["state"], said["streams_up"]) == ("running", True)
    assert datetime.fromisoformat(said["since"]).utcoffset() == timedelta(hours=5, minutes=30)
    assert said["leader"]["connected"] is True
    assert said["leader"]["orders_today"] == 1
    assert [(one["name"], one["state"]) for one in said["followers"]] == [("alice", "active"), ("bob", "active")]
    assert said["followers"][0]["rate_budget"]["orders"]["day"] == 6999
    assert said["followers"][1]["rate_budget"]["orders"]["day"] == 7000
    assert said["latency_ms"]["p50"] > 0


def test_status_after_the_run_is_stopped_and_connected_to_nothing(traded: Desk) -> None:
    traded.stop()
    said = traded.json("status")
    assert (said["state"], said["since"], said["leader"]["connected"]) == ("stopped", None, False)
    assert said["leader"]["orders_today"] == 1


def test_status_as_a_table(traded: Desk) -> None:
    table = traded.run("status", "--format", "table").stdout
    assert "running" in table
    assert "kill switch" in table
    assert any(line.split()[:2] == ["alice", "active"] for line in table.splitlines())


def test_events_are_json_lines_in_the_order_in_which_things_happened(traded: Desk) -> None:
    lines = [json.loads(line) for line in traded.run("events").stdout.splitlines()]
    assert all({"at", "event", "leader_order_id", "follower"} <= set(one) for one in lines)
    assert [one["seq"] for one in lines] == sorted(one["seq"] for one in lines)
    decisions = {one["follower"]: one for one in lines if one["event"] == "decision" and one["decision"] != "queued"}
    assert decisions["alice"]["leader_order_id"] == "L1"
    assert (decisions["alice"]["decision"], decisions["alice"]["price"]) == ("copied", 1400)
    assert decisions["bob"]["reason"] == "zero_quantity"
    assert {"request", "answer", "state"} <= {one["event"] for one in lines}
    leaders = [one for one in lines if one["account"] == "leader"]
    assert leaders
    assert all(one["follower"] is None for one in leaders)


def test_events_since_a_moment_leave_out_what_was_before(traded: Desk) -> None:
    tomorrow = (datetime.now(IST) + timedelta(days=1)).isoformat()
    assert traded.run("events", "--since", tomorrow).stdout == ""


def test_events_for_people_are_one_line_each(traded: Desk) -> None:
    table = traded.run("events", "--format", "table").stdout
    assert "copied   BUY 50 2885 LIMIT 1400" in table
    assert "refused  BUY 100 2885 LIMIT 1400" in table
    assert "\x1b" not in table


def hearing_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so would all that the tests start there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_events_follow_what_happens_until_they_are_stopped(desk: Desk, number: signal.Signals) -> None:
    out = desk.folder / "events.jsonl"
    with out.open("w") as file:
        listening = subprocess.Popen(
            [sys.executable, "-m", "copyctl", "events", "--rules", str(desk.rules_file), "--follow"],
            env=BARE,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hearing_interrupts,  # noqa: PLW1509  no thread is about, and it sets one handler
        )
    assert listening.stderr is not None
    assert "no store" in listening.stderr.readline()
    desk.start()  # the store comes into being while somebody listens
    desk.trade()
    eventually(lambda: '"decision": "copied"' in out.read_text())
    listening.send_signal(number)
    _, said = listening.communicate(timeout=30)
    assert (listening.returncode, said) == (0, "")
    assert all(json.loads(line) for line in out.read_text().splitlines())


def test_a_listener_that_goes_away_is_no_error(traded: Desk) -> None:
    shell = f"{sys.executable} -m copyctl events --follow --rules {traded.rules_file} | head -n 1"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", shell], env=BARE, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["seq"] == 1


@pytest.mark.parametrize("command", ["orders", "positions", "status", "events", "kill"])
def test_a_damaged_store_is_exit_code_4_with_the_mend(traded: Desk, command: str) -> None:
    traded.stop()
    (traded.store / "journal.sqlite").write_bytes(b"no database at all" * 500)
    done = traded.apart(command)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("copyctl: the journal ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["orders", "positions", "status", "events", "kill"])
def test_a_store_of_a_newer_version_is_exit_code_4(desk: Desk, command: str) -> None:
    journal = open_journal(desk.store, leader=LEADER)
    journal.mark("version", "99")
    journal.close()
    done = desk.run(command)
    assert (done.returncode, done.stdout) == (4, "")
    assert "newer copyctl" in done.stderr


def test_no_secret_is_ever_printed(traded: Desk) -> None:
    tokens = {f"{name}_ACCESS_TOKEN": token for name, token in TOKENS.items()}
    traded.stop()
    for words in (("orders",), ("positions",), ("-v", "status"), ("events",), ("show",), ("kill", "--halt")):
        done = process(*words, "--rules", str(traded.rules_file), environment=tokens)
        assert all(token not in done.stdout + done.stderr for token in TOKENS.values())


def test_quiet_leaves_out_the_notes(desk: Desk) -> None:
    done = copyctl("-q", "orders", "--rules", str(desk.rules_file))
    assert (done.returncode, done.stderr) == (0, "")
