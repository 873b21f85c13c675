"""The demo's day replayed: through its own rules to the same decisions, through others to what they would have made."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.records import Copy
from tests.tapes.conftest import copyctl
from tests.tapes.leader_day import DEMO, TAPE

pytestmark = pytest.mark.xdist_group("demo")  # one process plays the day for all

TEN_MINUTES = 600


def replayed(*words: str) -> dict[str, Any]:
    return dict(json.loads(copyctl("replay", *words, "--format", "json")))


@pytest.mark.timeout(TEN_MINUTES)
def test_through_the_rules_that_it_ran_with_it_reproduces_every_decision(demo: Path) -> None:
    journal = JournalReader(demo.parent / "store")
    kept = [one for one in journal.records(past=True)["copy"] if isinstance(one, Copy)]
    journal.close()
    document = replayed("--rules", str(demo), "--store")
    names = {"1100000002": "alice", "1100000003": "bob"}
    as_kept = {(one.leader_order_id, names[one.follower]): (one.decision, one.reason, one.detail) for one in kept}
    told = {
        (row["leader_order_id"], row["follower"]): (row["decision"], row["reason"], row["detail"])
        for row in document["decisions"]
    }
    assert told == as_kept
    assert len(told) > 300
    assert sum(document["totals"].values()) == len(told)
    assert sum(one.filled for one in kept) == sum(row["quantity"] for row in document["by_reason"])


@pytest.mark.timeout(TEN_MINUTES)
def test_other_rules_on_the_same_store_change_what_they_are_about(demo: Path) -> None:
    other = demo.with_name("other.yaml")
    other.write_text(demo.read_text().replace("{below: 2}", "{below: 105}"))
    same = replayed("--rules", str(demo), "--store", "--against", str(demo))
    assert same["changes"] == []
    changed = replayed("--rules", str(other), "--store", "--against", str(demo))["changes"]
    both = [one for one in changed if one["from"] and one["to"]]
    assert "filtered" in {one["to"]["reason"] for one in both if one["from"]["decision"] == "copied"}
    assert {one["follower"] for one in both} == {"alice", "bob"}


def test_the_same_tape_and_rules_give_the_same_bytes() -> None:
    first, second = (copyctl("replay", "--rules", str(DEMO), "--tape", str(TAPE), "--format", "json") for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert document["totals"]["copied"] > 250
    assert set(document) >= {"decisions", "totals", "changes"}
    trade = next(row for row in document["decisions"] if row["decision"] == "copied")
    assert set(trade) >= {"leader_order_id", "at", "follower", "decision", "reason", "detail", "rule", "order", "trace"}
    assert trade["at"].startswith("2026-07-14T09:15")


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tape = tmp_path / "day.jsonl"
    tape.write_text("\n".join(TAPE.read_text().splitlines()[:20]) + '\n{"at": "2026-07-14T09:15:00", "stream": "up"}\n')
    done = subprocess.run(
        [sys.executable, "-m", "copyctl", "replay", "--rules", str(DEMO), "--tape", str(tape)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 21: 2026-07-14T09:15:00: a time needs its offset" in done.stderr


def test_the_schema_of_tapes_takes_every_line_of_the_demo_and_no_other() -> None:
    schema = json.loads(copyctl("schema", "tape"))
    takes = Draft202012Validator(schema).is_valid
    lines = [json.loads(line) for line in TAPE.read_text().splitlines()]
    kinds = {next(key for key in line if key not in ("at", "account")): line for line in lines}
    assert set(kinds) >= {"tape", "frame", "price", "stream"}
    assert all(takes(line) for line in kinds.values())
    head, price = lines[0], kinds["price"]
    wrong = [
        {},
        {**head, "tape": 2},
        {key: value for key, value in price.items() if key != "at"},
        {**price, "at": "2026-07-14T09:15:00"},
        {**price, "stream": "up"},
        {**price, "price": {**price["price"], "last_price": 0}},
        {"at": price["at"], "stream": "sideways"},
        {"at": price["at"]},
    ]
    assert not any(takes(line) for line in wrong)
