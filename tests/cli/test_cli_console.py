"""What a run prints, on a terminal, in a pipe, and where nobody reads it."""

import io
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from copyctl.cli.console import Announcer, announcer, closing_table, line, wanted
from copyctl.cli.speech import VERBOSITY
from copyctl.model.effects import Notice
from copyctl.model.terms import Level
from copyctl.rules import load
from tests.cli.world import ALICE, BARE, ENVIRONMENT, LEADER, Desk
from tests.report.world import at

NAMES = {ALICE: "alice", LEADER: "leader"}
COPIED = Notice(
    at=at("09:20:05.250"),
    event="decision",
    text="copied",
    leader_order_id="L1",
    follower=ALICE,
    facts={
        "decision": "copied",
        "reason": None,
        "detail": "0.5 x 100 = 50",
        "rule": None,
        "side": "BUY",
        "symbol": "NIFTY 24500 CE",
        "order_type": "LIMIT",
        "leader_quantity": 100,
        "price": "101.50",
        "quantity": 50,
    },
)


def test_a_decision_is_one_line_with_everything_in_it() -> None:
    said = "09:20:05.250  alice       copied   BUY 50 NIFTY 24500 CE LIMIT 101.5  0.5 x 100 = 50  [L1]"
    assert line(COPIED, NAMES).plain == said


def test_a_refusal_tells_the_leaders_quantity_the_reason_and_the_rule() -> None:
    skipped = {
        "decision": "skipped",
        "reason": "filtered",
        "rule": "no calls",
        "detail": "",
        "quantity": 0,
    }
    notice = Notice(at=COPIED.at, event="decision", text="", follower=ALICE, facts={**COPIED.facts, **skipped})
    said = line(notice, NAMES).plain
    assert said.endswith("skipped  BUY 100 NIFTY 24500 CE LIMIT 101.5  filtered: no calls")


def test_a_decision_of_which_little_is_known_is_still_a_line() -> None:
    bare = Notice(at=COPIED.at, event="decision", text="queued (checking)", follower="1100000099")
    assert line(bare, NAMES).plain == "09:20:05.250  1100000099  queued (checking)"


def test_an_alert_stands_out_and_commands_no_terminal() -> None:
    alert = Notice(at=COPIED.at, event="alert", text="rejected: \x1b[31mRMS", level=Level.CRITICAL, follower=ALICE)
    said = line(alert, NAMES)
    assert said.plain == "09:20:05.250  alice       ALERT critical: rejected: �[31mRMS"
    assert any("red" in str(span.style) for span in said.spans)


@pytest.mark.parametrize(
    ("event", "told_at"), [("alert", (-1, 0, 1)), ("decision", (0, 1)), ("request", (1,)), ("fill", (1,))]
)
def test_more_or_less_is_told_as_asked(event: str, told_at: tuple[int, ...]) -> None:
    notice = Notice(at=COPIED.at, event=event, text="")
    assert tuple(verbosity for verbosity in (-1, 0, 1) if wanted(notice, verbosity)) == told_at


def test_an_announcer_writes_in_order_and_without_colour_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    tell = Announcer(NAMES, stream)
    for number in range(100):
        tell(Notice(at=COPIED.at, event="alert", text=f"number {number}"))
    tell.flush()
    said = stream.getvalue().splitlines()
    assert [one.rsplit(" ", 1)[1] for one in said] == [str(number) for number in range(100)]
    assert "\x1b" not in stream.getvalue()


def test_an_announcer_never_breaks_a_long_line() -> None:
    stream = io.StringIO()
    tell = Announcer(NAMES, stream)
    tell(Notice(at=COPIED.at, event="alert", text="word " * 200))
    tell.flush()
    assert len(stream.getvalue().splitlines()) == 1


def test_a_reader_who_goes_away_stops_nothing() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", buffering=1)
    tell = Announcer(NAMES, stream)
    os.close(reading)
    for _ in range(3):
        tell(COPIED)
        tell.flush()
    assert any(thread.name == "announcer" for thread in threading.enumerate())
    os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    stream.close()


def test_a_terminal_that_hangs_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", buffering=1)
    tell = Announcer(NAMES, stream)
    began = time.monotonic()
    for _ in range(5_000):  # far more than a pipe holds that nobody reads
        tell(COPIED)
    assert time.monotonic() - began < 1
    with os.fdopen(reading, "rb") as reader:
        threading.Thread(target=reader.read, daemon=True).start()
        tell.flush()
        stream.close()


def test_what_a_run_gives_its_notices_to_knows_the_names(traded: Desk) -> None:
    stream = io.StringIO()
    VERBOSITY.set(0)
    tell = announcer(load(traded.rules_file, ENVIRONMENT), stream)
    for notice in traded.listened:
        tell(notice)
    tell.flush()
    said = stream.getvalue()
    assert "alice       copied   BUY 50 2885 LIMIT 1400" in said
    assert "bob         refused  BUY 100 2885 LIMIT 1400  zero_quantity" in said


def test_the_closing_table_counts_for_every_follower(traded: Desk) -> None:
    stream = io.StringIO()
    closing_table(traded.conductor.state, load(traded.rules_file, ENVIRONMENT), stream)
    head, alice, bob = stream.getvalue().splitlines()
    assert head.split()[:6] == ["follower", "copied", "skipped", "refused", "queued", "dead"]
    assert alice.split()[:2] == ["alice", "1"]
    assert "+7.14 bps, +50.00 rupees" in alice
    assert "zero_quantity 1" in bob


def on_a_terminal(*words: str) -> str:
    """What a process prints whose stdout is a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "copyctl", *words], env={**BARE, "TERM": "xterm-256color"}, stdout=its, text=True
    )
    os.close(its)
    said = b""
    while True:
        try:
            said += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(timeout=30) == 0
    return said.decode()


def test_a_terminal_gets_a_table_with_colour_unless_told_otherwise(traded: Desk, tmp_path: Path) -> None:
    status = ("status", "--rules", str(traded.rules_file))
    assert "\x1b[32mrunning" in on_a_terminal(*status)
    plain = on_a_terminal("--no-color", *status)
    assert "running" in plain
    assert "\x1b[3" not in plain
    assert on_a_terminal(*status, "--format", "json").startswith("{")
