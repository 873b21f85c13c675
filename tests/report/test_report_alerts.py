"""Every alert is in the page, given somewhere in the program, and says what to do."""

import re
from pathlib import Path

import copyctl as copyctl_package
from copyctl.model.alerts import ALERTS, Alert
from copyctl.report.alerts import page, rows
from tests.cli.world import copyctl

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "alerts.md"


def test_every_code_is_in_the_table_and_says_what_to_do_in_one_line() -> None:
    assert set(ALERTS) == set(Alert)
    for row in rows():
        for said in (row["says"], row["do"]):
            assert said.endswith((".", "?"))
            assert "\n" not in said
            assert "|" not in said


def test_every_code_is_given_somewhere_in_the_program() -> None:
    package = Path(copyctl_package.__file__).parent
    table = package / "model" / "alerts.py"
    program = "".join(path.read_text() for path in package.rglob("*.py") if path != table)
    given = set(re.findall(r"\bAlert\.([A-Z_]+)", program))
    assert {one.name for one in Alert} - given == set()


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: copyctl explain --alerts --format markdown > docs/alerts.md"


def test_the_command_prints_the_page_the_table_and_the_document() -> None:
    assert copyctl("explain", "--alerts", "--format", "markdown").stdout == page()
    assert '"code": "exit_not_sent"' in copyctl("explain", "--alerts", "--format", "json").stdout
    assert copyctl("explain", "--alerts", "--format", "table").stdout.split()[:2] == ["level", "code"]
    assert copyctl("explain", "--alerts", "--codes").returncode == 2
