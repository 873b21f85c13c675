"""A leader's day recorded beside the run that copies it: the tape tells the same to everybody who plays it."""

import json
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from copyctl.rules import schema_text
from tests import warm
from tests.scenarios.desk import HALF, PATIENCE_SECONDS, PUT, SHARE, Desk, Row

PIN, SECRET = "730194", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
MORE = {"A_PIN": PIN, "A_TOTP": SECRET}

BOOKS = ("positions", "funds", "book", "trades")

Record = Callable[..., "subprocess.Popen[str]"]


def lines(tape: Path) -> list[Row]:
    return [json.loads(line) for line in tape.read_text().splitlines()]


def kinds(tape: Path, kind: str) -> list[Any]:
    return [line[kind] for line in lines(tape) if kind in line]


def frames_of(tape: Path, order_id: str, word: str = "") -> list[str]:
    return [text for text in kinds(tape, "frame") if order_id in text and word in text]


@pytest.fixture
def record(desk: Desk) -> Iterator[Record]:
    """Start ``copyctl tape record`` and wait until it has read the books."""
    running: list[subprocess.Popen[str]] = []

    def start(tape: Path, *flags: str, ready: bool = True) -> "subprocess.Popen[str]":
        if not desk.rules_file.exists():
            desk.write_rules()
        process = warm.start(
            ["-m", "copyctl", "tape", "record", str(tape), "--rules", str(desk.rules_file), *flags],
            {**desk.environment, **MORE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        if ready:
            desk.eventually(lambda: tape.exists() and kinds(tape, "stream") and kinds(tape, "trades"), "it records")
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """End it as Ctrl-C does; what it said."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (code, ""), err
    return err


def heard(desk: Desk, tape: Path, order_id: str, word: str) -> None:
    desk.eventually(lambda: frames_of(tape, order_id, f'"{word}"'), f"{order_id} is {word} on the tape")


def a_day(desk: Desk, tape: Path) -> list[str]:
    """Placements, modifications, cancels, partial fills, an exit, a rejection, a disconnect; the orders."""
    resting = desk.place()
    desk.follows(resting, decision="copied", follower_status="PENDING")
    desk.modify(resting, price=91, quantity=260)
    desk.eventually(lambda: desk.order(resting)["quantity"] == 260, "it is changed")
    cancelled = desk.place(price=85)
    desk.follows(cancelled, decision="copied", follower_status="PENDING")
    desk.cancel(cancelled)
    desk.follows(cancelled, follower_status="CANCELLED")
    desk.fill("leader", resting, 65, 91)
    heard(desk, tape, resting, "Part-Traded")
    desk.broker.tell("stream", account="leader", action="down")
    desk.eventually(lambda: kinds(tape, "stream")[-1] == "down", "the drop is on the tape")
    missed = desk.place(price=92, **PUT)
    desk.broker.tell("stream", account="leader", action="up")
    desk.follows(missed, decision="copied", follower_status="PENDING")
    desk.eventually(lambda: missed in json.dumps(kinds(tape, "book")[-1]), "the book has what was missed")
    desk.fill("leader", resting, 195, 91)
    heard(desk, tape, resting, "Traded")
    desk.follows(resting, leader_status="TRADED")
    for name in desk.followers:  # a replay fills copies as their leader order fills
        (copy,) = desk.copy(resting, name)["follower_order_ids"]
        desk.fill(name, copy, 130, 91)
        desk.follows(resting, name, follower_status="TRADED")
    small = desk.place(price=88, quantity=65)  # half of a lot is none
    desk.follows(small, decision="refused", reason="zero_quantity")
    sold = desk.place(price=120, quantity=130, transaction_type="SELL")
    for name in desk.followers:
        desk.follows(sold, name, decision="copied", follower_status="PENDING")
    heard(desk, tape, sold, "Pending")
    return [resting, cancelled, missed, small, sold]


def test_a_recorded_day_replays_to_the_decisions_of_the_run_beside_it(
    desk: Desk, record: Record, tmp_path: Path
) -> None:
    desk.policy = {"sizing": HALF}
    desk.followers = ("alice", "bob")
    desk.start()
    tape = tmp_path / "day.jsonl"
    recording = record(tape)
    orders = a_day(desk, tape)
    decided = {(row["leader_order_id"], row["follower"]): (row["decision"], row["reason"]) for row in desk.copies()}
    said = ended(recording)
    desk.stop()
    assert re.search(r"holds \d+ frames, \d+ books, \d breaks? of the stream\. copyctl tape show", said)
    assert stat.S_IMODE(tape.stat().st_mode) == 0o600

    # the stream's frames, byte for byte
    told = [row["frame"] for row in desk.broker.ask("frames", account="leader")["frames"]]
    assert set(kinds(tape, "frame")) <= set(told)
    assert len(kinds(tape, "frame")) >= 8

    # the language's schema takes each line
    takes = Draft202012Validator(json.loads(schema_text("tape")))
    assert [error.message for line in lines(tape) for error in takes.iter_errors(line)] == []
    assert {line["account"] for line in lines(tape) if "account" in line} == {"alice", "bob"}

    # replayed: the same decisions, by order and follower
    document = json.loads(desk.command("replay", "--tape", str(tape), "--format", "json").stdout)
    replayed = {
        (row["leader_order_id"], row["follower"]): (row["decision"], row["reason"]) for row in document["decisions"]
    }
    assert {order for order, _ in decided} == set(orders)
    assert replayed == decided

    # played by the simulator: a run that copies it knows the same orders
    played = tmp_path / "played.yaml"
    rules = yaml.safe_load(desk.rules_file.read_text())
    rules["broker"] = {"adapter": "simulator", "simulator": {"tape": str(tape), "speed": 1}}
    rules["store"] = {"path": str(tmp_path / "played")}
    played.write_text(yaml.safe_dump(rules))
    assert "Traceback" not in desk.command("run", rules=played).stderr
    rows = json.loads(desk.command("orders", "--format", "json", rules=played).stdout)["copies"]
    assert {(row["leader_order_id"], row["follower"]) for row in rows} == set(decided)
    assert {row["leader_status"] for row in rows if row["leader_order_id"] == orders[0]} == {"TRADED"}
    assert {row["leader_status"] for row in rows if row["leader_order_id"] == orders[1]} == {"CANCELLED"}

    # shown: what happened to each order
    shown = json.loads(desk_show(tape, "json"))
    happened: dict[str, list[str]] = {}
    for row in shown["lines"]:
        if row["order_id"] is not None:
            happened.setdefault(row["order_id"], []).append(row["what"])
    resting, cancelled, missed, *_ = orders
    lasting = [what for what in happened[resting] if what not in ("confirmed", "repeated")]
    assert lasting == ["placed", "changed", "part filled", "filled"]
    assert happened[cancelled][0] == "placed"
    assert "cancelled" in happened[cancelled]
    assert missed not in happened
    assert shown["summary"]["orders"] == 5
    assert len(shown["summary"]["gaps"]) >= 1
    words = desk_show(tape, "table")
    assert f" part filled  {resting}" in words
    assert "the stream was down from" in words


def desk_show(tape: Path, form: str) -> str:
    done = warm.finish(
        ["-m", "copyctl", "tape", "show", str(tape), "--format", form], {}, fresh=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- what may not stand there ----------------------------------------------------------------------------------------


def planted(desk: Desk, record: Record, tape: Path, *flags: str) -> str:
    """A recording into which the broker put whatever may not be kept, in books, frames and noise; its text."""
    accounts = desk.broker.accounts
    desk.followers = ("alice", "bob")
    desk.write_rules()
    rules = yaml.safe_load(desk.rules_file.read_text())
    rules["followers"][0] |= {"pin": "${A_PIN}", "totp_secret": "${A_TOTP}"}
    desk.rules_file.write_text(yaml.safe_dump(rules))
    bad = [SECRET, *(row[key] for row in accounts.values() for key in ("access_token", "client_id"))]
    order = desk.place(tag="seen-in-the-book")
    recording = record(tape, *flags)
    leader = accounts["leader"]["client_id"]
    said = {"orderNo": "122609150009999", "status": "Pending", "clientId": leader, "correlationId": f"{leader}-77"}
    said |= {"userName": "Ann Example", "pin": PIN}
    for one in bad:
        desk.frame(json.dumps({"Type": "order_alert", "Data": {**said, "remarks": f"x {one} y", f"k{one}": 1}}))
        desk.frame(f"no JSON: {one}".encode())
    desk.frame(b"2")
    desk.frame(b"\xff\xfe")
    last = desk.place(price=77)
    heard(desk, tape, last, "Pending")
    assert order in tape.read_text()
    told = ended(recording)
    text = tape.read_text()
    for hidden in (*(row["access_token"] for row in accounts.values()), SECRET, PIN):
        assert hidden not in text
        assert hidden not in told
    for name in ("alice", "bob"):
        assert accounts[name]["client_id"] not in text
    takes = Draft202012Validator(json.loads(schema_text("tape")))
    assert all(takes.is_valid(line) for line in lines(tape))
    return text


def test_no_secret_and_no_account_number_but_the_leaders_stands_on_a_tape(
    desk: Desk, record: Record, tmp_path: Path
) -> None:
    tape = tmp_path / "day.jsonl"
    text = planted(desk, record, tape)
    leader = desk.broker.accounts["leader"]["client_id"]
    assert lines(tape)[0]["client_id"] == leader
    assert f"{leader}-77" in text
    funds = [line["funds"] for line in lines(tape) if line.get("account") == "alice" and "funds" in line]
    assert [row["dhanClientId"] for row in funds] == [""]
    desk.command("replay", "--tape", str(tape))
    desk_show(tape, "json")


def test_an_anonymous_tape_has_invented_numbers_the_same_everywhere_and_no_follower(
    desk: Desk, record: Record, tmp_path: Path
) -> None:
    tape = tmp_path / "day.jsonl"
    text = planted(desk, record, tape, "--anonymous")
    leader = desk.broker.accounts["leader"]["client_id"]
    invented = lines(tape)[0]["client_id"]
    assert leader not in text
    assert (len(invented), invented.isdigit()) == (len(leader), True)
    assert f"{invented}-77" in text
    assert "Ann Example" not in text
    assert not any("account" in line for line in lines(tape))
    assert {row["dhanClientId"] for row in kinds(tape, "book")[-1]} == {invented}
    shown = json.loads(desk_show(tape, "json"))
    assert shown["summary"]["client_id"] == invented
    assert any(row["what"] == "placed" for row in shown["lines"])
    document = json.loads(desk.command("replay", "--tape", str(tape), "--format", "json").stdout)
    told = {row["order_id"] for row in shown["lines"] if row["what"] == "placed" and row["quantity"]}
    assert told
    assert told <= {row["leader_order_id"] for row in document["decisions"]}


# --- what is written, and when -----------------------------------------------------------------------------------


def test_books_are_written_where_they_have_changed_and_after_each_reconnect(
    desk: Desk, record: Record, tmp_path: Path
) -> None:
    tape = tmp_path / "day.jsonl"
    recording = record(tape)
    desk.eventually(lambda: kinds(tape, "trades"), "all are written once")
    quiet = [kind for line in lines(tape) for kind in BOOKS if kind in line and "account" not in line]
    assert sorted(quiet) == sorted(BOOKS)
    desk.look_again("leader", times=3)
    assert [kind for line in lines(tape) for kind in BOOKS if kind in line and "account" not in line] == quiet
    order = desk.place(price=70)
    desk.eventually(lambda: order in json.dumps(kinds(tape, "book")), "what changed is written")
    assert len(kinds(tape, "trades")) == 1
    desk.broker.tell("stream", account="leader", action="reset")
    desk.eventually(lambda: len(kinds(tape, "trades")) == 2, "all is written anew")
    after = max(place for place, line in enumerate(lines(tape)) if line.get("stream") == "up")
    assert {kind for line in lines(tape)[after:] for kind in BOOKS if kind in line} == set(BOOKS)
    assert all(line["asked_at"] <= line["at"] for line in lines(tape) if any(kind in line for kind in BOOKS))
    ended(recording)


def test_holdings_stand_beside_positions_and_a_replay_knows_them(desk: Desk, record: Record, tmp_path: Path) -> None:
    held = {**SHARE, "quantity": 10}
    desk.broker.tell("holding", account="leader", **held)
    desk.start()
    tape = tmp_path / "day.jsonl"
    recording = record(tape)
    (line,) = [line for line in lines(tape) if "positions" in line and "account" not in line]
    assert [(row["securityId"], row["totalQty"]) for row in line["holdings"]] == [("2885", 10)]
    sold = desk.place(**SHARE, transaction_type="SELL", product_type="CNC", quantity=4, price=1500)
    wanted = desk.eventually(lambda: desk.copies(leader_order_id=sold), "it is decided")
    heard(desk, tape, sold, "Pending")
    ended(recording)
    document = json.loads(desk.command("replay", "--tape", str(tape), "--format", "json").stdout)
    assert [(row["decision"], row["reason"]) for row in document["decisions"]] == [
        (row["decision"], row["reason"]) for row in wanted
    ]
    assert wanted[0]["reason"] == "exit_without_position"


# --- how it begins and ends -------------------------------------------------------------------------------------------


def test_a_recording_that_was_killed_is_whole_and_a_torn_line_is_named(
    desk: Desk, record: Record, tmp_path: Path
) -> None:
    tape = tmp_path / "day.jsonl"
    recording = record(tape)
    order = desk.place()
    heard(desk, tape, order, "Pending")
    recording.kill()
    recording.wait(PATIENCE_SECONDS)
    assert tape.read_bytes().endswith(b"\n")
    desk_show(tape, "json")
    with tape.open("a") as more:
        more.write('{"at":"2026-09-15T10:02:11+05:30","frame":"{\\"Type')
    torn = len(tape.read_text().splitlines())
    for words in (("replay", "--tape", str(tape)), ("tape", "show", str(tape))):
        done = warm.finish(
            ["-m", "copyctl", *words, *(("--rules", str(desk.rules_file)) if words[0] == "replay" else ())],
            desk.environment,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert f"line {torn}: is torn: the recording was cut off there" in done.stderr
        assert "sed -i '$d' FILE" in done.stderr
    subprocess.run(["sed", "-i", "$d", str(tape)], check=True)
    desk_show(tape, "json")
    desk.command("replay", "--tape", str(tape))


def test_a_file_that_is_there_is_never_written_over(desk: Desk, tmp_path: Path) -> None:
    tape = tmp_path / "day.jsonl"
    tape.write_text("mine\n")
    desk.write_rules()
    done = desk.command("tape", "record", str(tape), check=False)
    assert (done.returncode, tape.read_text()) == (2, "mine\n")
    assert "is there already" in done.stderr
    assert "give another FILE" in done.stderr


def test_a_refused_token_is_told_at_the_start_and_leaves_no_file(desk: Desk, tmp_path: Path) -> None:
    desk.write_rules()
    desk.broker.tell("token", account="leader", action="kill")
    done = desk.command("tape", "record", str(tmp_path / "day.jsonl"), check=False)
    assert done.returncode == 3
    assert "the leader's token is refused" in done.stderr
    assert "copyctl token --account leader" in done.stderr
    assert not (tmp_path / "day.jsonl").exists()


def test_while_the_network_is_away_it_waits(desk: Desk, record: Record, tmp_path: Path) -> None:
    tape = tmp_path / "day.jsonl"
    desk.broker.tell("faults", account="leader", method="GET", kind="html502")
    desk.broker.tell("stream", account="leader", action="down")
    recording = record(tape, ready=False)
    desk.eventually(tape.exists, "it has begun")
    missed = desk.place()
    desk.mend()
    desk.broker.tell("stream", account="leader", action="up")
    desk.eventually(lambda: kinds(tape, "book"), "the books are read")
    assert kinds(tape, "stream")[-1] == "up"
    assert [row["orderId"] for row in kinds(tape, "book")[-1]] == [missed]
    ended(recording)


def test_it_ends_by_itself_when_it_is_told_until_when(desk: Desk, tmp_path: Path) -> None:
    desk.write_rules()
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    done = desk.command("tape", "record", str(tmp_path / "day.jsonl"), "--until", soon)
    assert "copyctl tape show" in done.stderr
    past = desk.command("tape", "record", str(tmp_path / "other.jsonl"), "--until", "2020-01-01", check=False)
    assert (past.returncode, "is past" in past.stderr) == (2, True)


def test_a_disk_that_is_full_ends_it_and_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.write_rules()
    tape = tmp_path / "day.jsonl"
    limited = f"ulimit -f 1; exec {sys.executable} -m copyctl tape record {tape} --rules {desk.rules_file}"
    process = subprocess.Popen(
        ["bash", "-c", limited], env=desk.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    desk.eventually(tape.exists, "it has begun")
    for price in range(60, 64):
        desk.place(price=price)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (4, "")
    assert "cannot be written any more: File too large" in err


def test_rules_without_a_broker_outside_have_nothing_to_record(desk: Desk, tmp_path: Path) -> None:
    desk.write_rules()
    rules = yaml.safe_load(desk.rules_file.read_text())
    rules["broker"] = {"adapter": "simulator"}
    desk.rules_file.write_text(yaml.safe_dump(rules))
    done = desk.command("tape", "record", str(tmp_path / "day.jsonl"), check=False)
    assert done.returncode == 2
    assert "nothing to record" in done.stderr
