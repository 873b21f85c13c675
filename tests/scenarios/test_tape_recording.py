"""A leader's day recorded beside the run that copies it: the tape tells the same to everybody who plays it."""

import json
import re
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from copyctl.rules import schema_text
from tests import warm
from tests.scenarios.desk import HALF, PATIENCE_SECONDS, PUT, Broker, Desk, Row

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
            desk.environment,
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
