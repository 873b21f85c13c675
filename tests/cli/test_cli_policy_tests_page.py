"""What docs/policy-tests.md shows is what happens."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from copyctl.rules.case_steps import COMMANDS
from copyctl.rules.order_words import Form, read_line
from tests.cli.world import copyctl

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy-tests.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folders that the page speaks of, which is the place to stand in."""
    for name in ("rules", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_fails_as_it_is_told(folder: Path) -> None:
    file = folder / "rules" / "desk.cases.yaml"
    file.write_text(block("yaml"))
    assert copyctl("lint", "--strict", str(file)).stdout == ""
    done = copyctl("test", "--format", "table", "rules/desk.cases.yaml")
    assert done.returncode == 1
    assert [line[:6] for line in done.stdout.splitlines()[:3]] == ["passed", "passed", "FAILED"]
    assert done.stdout.endswith(block("text"))


def test_every_command_runs(folder: Path) -> None:
    for command in block("sh").splitlines():
        program, *words = shlex.split(command)
        assert program == "copyctl"
        files = [str(path) for word in words[1:] for path in sorted(folder.glob(word))]
        assert files
        assert copyctl(words[0], *files).returncode == 0


def test_every_word_of_its_tables_is_one() -> None:
    orders = PAGE.split("## Orders")[1].split("## What is expected")[0]
    rows = [line.split("|")[1] for line in orders.splitlines() if line.startswith("| `")]
    for text in (
        found for row in rows for found in re.findall(r"`([^`]+)`", row) if found not in COMMANDS and "{" not in found
    ):
        _, wrong = read_line(text, Form.ORDER, ("CE",))
        assert wrong == [], text
