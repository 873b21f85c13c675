"""What editors, pre-commit and workflows are told to run or to read is there, and works on the files that ship."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "rules").glob("*.yaml"))
WHOLE = [path for path in RULES if "extends" not in yaml.safe_load(path.read_text())]
"""An editor sees one file: of one that extends another it would say that keys are missing."""


def copyctl(command: str, *files: Path) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(command)
    assert program == "copyctl"
    return subprocess.run(
        [sys.executable, "-m", "copyctl", *words, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_whole_file_leads_its_editor_to_the_schema_and_keeps_it(path: Path) -> None:
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", path.read_text().splitlines()[0])
    assert found, "the first line is for the editor"
    schema = json.loads((path.parent / found[1]).read_text())
    assert [one.message for one in Draft202012Validator(schema).iter_errors(yaml.safe_load(path.read_text()))] == []


def test_the_pre_commit_hook_runs_on_the_files_that_ship_and_refuses_a_bad_one(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert all(re.search(hook["files"], str(path.relative_to(ROOT))) for path in RULES)
    assert copyctl(hook["entry"], *RULES).returncode == 0
    bad = tmp_path / "rules.yaml"
    bad.write_text("version: 2\n")
    assert copyctl(hook["entry"], bad).returncode == 1


def test_the_workflow_lints_the_files_that_ship_and_marks_a_bad_one(tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "lint-rules.yaml").read_text())
    (command,) = [
        step["run"] for step in workflow["jobs"]["lint"]["steps"] if step.get("run", "").startswith("copyctl ")
    ]
    *words, pattern = command.split()
    assert sorted(ROOT.glob(pattern)) == RULES
    assert copyctl(" ".join(words), *RULES).returncode == 0
    bad = tmp_path / "rules.yaml"
    bad.write_text("version: 2\n")
    marked = copyctl(" ".join(words), bad)
    assert marked.returncode == 1
    assert marked.stdout.startswith("::error file=")
