"""``tape show``, and what it makes of whatever a recording may have written."""

import asyncio
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from copyctl.cli.recording import Holds, Tape
from copyctl.cli.timeline import Timeline
from copyctl.edge.disguise import Disguise
from copyctl.edge.tape_file import TapeFile
from copyctl.lab.tapes import KINDS, read_tape, tape_lines
from copyctl.rules import schema_text
from tests.cli.world import LEADER, copyctl, process
from tests.properties import tried

DAY = Path(__file__).parents[2] / "examples" / "tapes" / "one-day.jsonl"
NOON = 1_790_000_000_000_000_000
ROW = {
    "dhanClientId": LEADER, "orderId": "122609150001234", "orderStatus": "PENDING", "transactionType": "BUY",
    "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "LIMIT", "validity": "DAY",
    "securityId": "43210", "quantity": 130, "price": 90.05, "triggerPrice": 0.0, "filledQty": 0,
    "createTime": "2026-09-15 10:02:11",
}  # fmt: skip
FRAME = {
    "exchange": "NSE", "segment": "D", "securityId": "43210", "clientId": LEADER, "orderNo": "122609150001234",
    "product": "I", "txnType": "B", "orderType": "LMT", "validity": "DAY", "quantity": 130, "tradedQty": 0,
    "price": 100.0, "status": "Pending", "lotSize": 65, "tickSize": 0.05, "displayName": "NIFTY 22 SEP 24500 CALL",
}  # fmt: skip


def frame(**changes: object) -> str:
    return json.dumps({"Type": "order_alert", "Data": {**FRAME, **changes}})


def written(path: Path, *kept: tuple[str, str]) -> Path:
    """A tape with these lines, a second apart, as ``tape record`` writes them."""
    path.unlink(missing_ok=True)
    with TapeFile(path) as file:
        holds = Holds(path=path, began=NOON)
        tape = Tape(file, Disguise((), random.Random(1)), LEADER, holds, asyncio.Event())
        for place, (kind, text) in enumerate(kept, start=1):
            at = NOON + place * 1_000_000_000
            tape.keep(kind, text, at, asked_at=at - 1 if kind not in ("frame", "stream") else 0)
    return path


def told(tape: Path) -> list[dict[str, object]]:
    """The rows of its timeline."""
    with tape.open(encoding="utf-8") as lines:
        return list(Timeline().tell(tape_lines(lines)))


def test_a_timeline_says_what_happened_to_an_order(tmp_path: Path) -> None:
    tape = written(
        tmp_path / "day.jsonl",
        ("stream", "up"),
        ("book", "[]"),
        ("frame", frame(status="Transit")),
        ("frame", frame()),
        ("frame", frame(status="Modified", price=101.0)),
        ("stream", "down"),
        ("stream", "up"),
        ("book", json.dumps([ROW])),
        ("frame", frame(status="Part-Traded", price=101.0, tradedQty=65, avgTradedPrice=100.5)),
        ("frame", frame(status="Part-Traded", price=101.0, tradedQty=65, avgTradedPrice=100.5)),
        ("frame", frame(status="Traded", price=101.0, tradedQty=130, avgTradedPrice=100.75)),
        ("frame", frame(price=101.0)),
        ("frame", frame(orderNo="9", status="Rejected", reasonDescription="no money")),
        ("frame", "2"),
        ("funds", '{"availabelBalance":5000.5}'),
    )
    rows = told(tape)
    assert [row["what"] for row in rows] == [
        *("stream up", "order book", "placed", "confirmed", "changed", "stream down", "stream up", "order book"),
        *("part filled", "repeated", "filled", "repeated", "rejected", "unreadable frame", "funds"),
    ]
    changed = rows[4]
    assert (changed["side"], changed["quantity"], changed["filled"], changed["price"]) == ("BUY", 130, 0, 101)
    assert (changed["symbol"], changed["order_type"]) == ("NIFTY 22 SEP 24500 CALL", "LIMIT")
    assert rows[8]["detail"] == "65 at 100.5"
    assert rows[12]["detail"] == "no money"
    assert rows[14]["detail"] == "5000.5 available"
    document = json.loads(copyctl("tape", "show", str(tape), "--format", "json").stdout)
    assert document["lines"] == rows
    assert {key: document["summary"][key] for key in ("orders", "changes", "trades", "frames", "unreadable")} == {
        "orders": 2, "changes": 1, "trades": 2, "frames": 9, "unreadable": 1,
    }  # fmt: skip
    assert document["summary"]["gaps"] == [{"from": rows[5]["at"], "to": rows[6]["at"]}]


def test_it_is_told_in_words_for_people() -> None:
    done = copyctl("tape", "show", str(DAY), "--format", "table")
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert shown[0] == "2026-07-14"
    assert shown[-1] == "the stream was down from 12:30:24.120 to 12:37:24.120"
    assert shown[-2].startswith("1100000001: 2026-07-14T09:15:00.000+05:30 to ")
    placed = next(line for line in shown if " placed " in line)
    assert all(word in placed for word in ("NIFTY 21 JUL 24500 CALL", "BUY", "0/260", "MARKET", "TRANSIT"))


def test_who_stops_reading_ends_it_quietly() -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m copyctl tape show {DAY} --format table | head -n 2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: a tape begins with"),
        ('{"tape": 2}\n', "line 1: a tape begins with"),
        ('{"tape": 1, "client_id": "1"}\n\n{"at": "2026-07-14T09:15:00", "stream": "up"}\n', "line 3: 2026-07-14T"),
        ('{"tape": 1, "client_id": "1"}\n{"at": "2026-07-14T09:15:00Z"}\n', "line 2: wants exactly one of"),
        ('{"tape": 1, "client_id": "1"}\nno\n{"at": 1}\n', "line 2: Expecting value"),
        ('{"tape": 1, "client_id": "1"}\n{"at": ' + "[" * 100_000, "line 2: maximum recursion depth"),
        ('{"tape": 1, "client_id": "1"}\n{"at": "20', "line 2: is torn: the recording was cut off there"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, says: str) -> None:
    tape = tmp_path / "day.jsonl"
    tape.write_text(text)
    done = copyctl("tape", "show", str(tape))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_tape_that_is_not_there_is_a_wrong_usage() -> None:
    done = process("tape", "show", "nowhere.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere.jsonl cannot be read" in done.stderr


# --- whatever is recorded is read ------------------------------------------------------------------------------------

words = st.text(max_size=30)
noise = words | st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "replace"))
changes = st.fixed_dictionaries({"remarks": words, "quantity": st.integers(1, 9000), "price": st.integers(1, 10**7)})
books = st.lists(changes, max_size=3).map(
    lambda rows: json.dumps([{**ROW, "orderId": f"12260915000{place}", **one} for place, one in enumerate(rows)])
)
lines = st.one_of(
    st.tuples(st.just("frame"), noise),
    st.tuples(st.just("frame"), st.builds(lambda remarks: frame(remarks=remarks), words)),
    st.tuples(st.just("frame"), st.builds(lambda done: frame(tradedQty=done, status="Traded"), st.integers(0, 130))),
    st.tuples(st.just("stream"), st.sampled_from(("up", "down"))),
    st.tuples(st.just("book"), books),
    st.tuples(st.just("trades"), st.just("[]")),
    st.tuples(st.just("positions"), st.just("[]")),
    st.tuples(st.just("funds"), st.integers(0, 10**9).map(lambda money: json.dumps({"availabelBalance": money / 100}))),
)


@tried(150)
@given(kept=st.lists(lines, max_size=12))
def test_whatever_was_recorded_is_read_shown_and_takes_its_schema(
    tmp_path_factory: pytest.TempPathFactory, kept: list[tuple[str, str]]
) -> None:
    tape = written(tmp_path_factory.getbasetemp() / "any.jsonl", *kept)
    takes = Draft202012Validator(json.loads(schema_text("tape")))
    found = [json.loads(line) for line in tape.read_text().splitlines()]
    assert all(takes.is_valid(line) for line in found)
    assert [(kind, line[kind]) for line in found[1:] for kind in KINDS if kind in line] == [
        (kind, text if kind in ("frame", "stream") else json.loads(text)) for kind, text in kept
    ]
    assert len(told(tape)) == len(kept)
    with tape.open(encoding="utf-8") as again:
        as_recorded = read_tape(again, LEADER)
    assert as_recorded.started_at == NOON
    text = tape.read_text()
    assert read_tape(text.splitlines(keepends=True), LEADER) == as_recorded
    assert replace(as_recorded, events=()) == replace(read_tape(text.splitlines(), LEADER), events=())
