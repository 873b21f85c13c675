"""The files under ``rules/``: each is clean, is shown with no variable set, loads with all set, and is in README."""

import json
import re
from pathlib import Path

import pytest

from copyctl.rules import read
from tests.cli.world import copyctl

ROOT = Path(__file__).parents[2]
RULES = [path for path in sorted((ROOT / "rules").glob("*.yaml")) if not path.name.endswith(".cases.yaml")]
each_file = pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")


def test_they_are_clean() -> None:
    done = copyctl("lint", "--strict", *map(str, RULES))
    assert (done.returncode, done.stdout) == (0, "")


@each_file
def test_one_is_shown_with_no_variable_set(path: Path) -> None:
    said = json.loads(copyctl("show", "--rules", str(path)).stdout)
    assert said["name"] == path.stem
    assert said["description"]


@each_file
def test_one_is_accepted_for_a_run_with_its_variables_set(path: Path) -> None:
    text = path.read_text() + (ROOT / "rules" / "half-size.yaml").read_text()  # simulator.yaml extends it
    environment = {name: f"of {name}" for name in VARIABLE.findall(text)}
    loaded = read(path, environment)
    assert loaded.findings == ()
    assert len({one.client_id for one in (loaded.rules.leader, *loaded.rules.followers)}) > 1


@each_file
def test_one_takes_ids_and_tokens_from_outside_and_is_told_of_in_readme(path: Path) -> None:
    text = path.read_text()
    assert f"](rules/{path.name})" in (ROOT / "README.md").read_text()
    assert text.count("access_token:") == len(re.findall(r"access_token: \$\{[^}]+\}", text))
    if path.stem != "demo":  # its ids are invented, and belong to its tape
        assert text.count("client_id:") == len(re.findall(r"client_id: \$\{[A-Z_]+\}", text))
