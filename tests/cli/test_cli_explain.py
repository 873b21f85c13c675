"""``explain --codes``: what every reason code means."""

import json
from pathlib import Path

import pytest

from copyctl.model.reasons import Reason
from copyctl.model.terms import Decision
from tests.cli.world import copyctl, process

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"


def test_every_code_with_its_decision_and_its_sentence() -> None:
    done = process("explain", "--codes", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)["codes"]
    assert {frozenset(row) for row in rows} == {frozenset(("code", "decision", "sentence"))}
    assert {row["code"] for row in rows} >= {*Reason, "rejected_margin", "limit_max_order_lots"}
    assert {row["decision"] for row in rows} == set(Decision)
    assert copyctl("explain", "--codes").stdout == done.stdout


def test_for_people_it_is_a_table() -> None:
    lines = copyctl("explain", "--codes", "--format", "table").stdout.splitlines()
    assert lines[0].split() == ["decision", "code", "what", "it", "says"]
    assert any(line.split()[:2] == ["dead", "rejected_margin"] for line in lines)
    assert any(line.strip().split(maxsplit=2)[1:] == ["market_closed", "waits for the next open"] for line in lines)


def test_as_markdown_it_is_the_page() -> None:
    assert copyctl("explain", "--codes", "--format", "markdown").stdout == PAGE.read_text()


@pytest.mark.parametrize("words", [(), ("--format", "json")])
def test_an_order_is_explained_in_a_later_version(words: tuple[str, ...]) -> None:
    done = copyctl("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("copyctl: explaining an order comes in a later version")
