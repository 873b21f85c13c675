"""What SECURITY.md claims has a test, and what it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()


def missing(page: str) -> list[str]:
    """The tests and files that a page names and that do not exist."""
    lacking = []
    for path, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page):
        file = ROOT / path
        if not file.exists() or (test and not re.search(rf"def {test}\(", file.read_text())):
            lacking.append(f"{path}::{test}")
    return lacking + [path for path in re.findall(r"\]\(([^)#:]+)\)", page) if not (ROOT / path).exists()]


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE) == []
    assert PAGE.count("::test_") >= 25


def test_every_row_of_a_claim_names_a_test() -> None:
    tables = re.findall(r"\| what copyctl does \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 6
    assert [row for row in rows if "`tests/" not in row] == []


def test_a_test_that_is_gone_is_missed() -> None:
    page = "`tests/safety/test_security_page.py::test_of_old` and [a page](docs/gone.md)"
    assert missing(page) == ["tests/safety/test_security_page.py::test_of_old", "docs/gone.md"]
