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

from copyctl.rules.scalars import plain_value

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "rules").glob("*.yaml"))
"""Rules and their policy tests: they lie beside each other, so that every command here is given both."""
WHOLE = [path for path in RULES if "extends" not in yaml.safe_load(path.read_text())]
"""An editor sees one file: of one that extends another it would say that keys are missing."""


class Editor(yaml.BaseLoader):
    """Plain values by YAML 1.2, as editors read them: a time and a date are texts."""

    def construct_scalar(self, node: yaml.Node) -> object:
        value = super().construct_scalar(node)
        plain = plain_value(value) if node.style is None else value
        return plain if isinstance(plain, str | bool | int | None) else float(plain)


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
    document = yaml.load(path.read_text(), Loader=Editor)  # noqa: S506  (makes texts and numbers, nothing else)
    assert [one.message for one in Draft202012Validator(schema).iter_errors(document)] == []


def test_the_pre_commit_hooks_run_on_the_files_that_ship_and_refuse_a_bad_one(tmp_path: Path) -> None:
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()):
        assert all(re.search(hook["files"], str(path.relative_to(ROOT))) for path in RULES)
        assert copyctl(hook["entry"], *RULES).returncode == 0
        assert copyctl(hook["entry"], refused(tmp_path)).returncode > 0
    assert copyctl(hook["entry"], failing(tmp_path)).returncode == 1


def test_the_workflow_lints_and_tests_the_files_that_ship_and_marks_a_bad_one(tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "lint-rules.yaml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["lint"]["steps"]]
    lint, test = (step.rpartition(" ") for step in steps if step.startswith("copyctl "))
    for command, _, pattern in (lint, test):
        assert sorted(ROOT.glob(pattern)) == RULES
        assert copyctl(command, *RULES).returncode == 0
    marked = copyctl(lint[0], refused(tmp_path))
    assert marked.returncode == 1
    assert marked.stdout.startswith("::error file=")
    assert copyctl(test[0], failing(tmp_path)).returncode == 1


def refused(folder: Path) -> Path:
    """A rules file that cannot be used, with policy tests beside it."""
    path = folder / "refused.yaml"
    path.write_text("version: 2\n")
    (folder / "refused.cases.yaml").write_text(f"version: 1\nrules: {path}\n")
    return path


def failing(folder: Path) -> Path:
    """Policy tests of which some fail."""
    path = folder / "failing.cases.yaml"
    text = (ROOT / "rules" / "mirror.cases.yaml").read_text()
    path.write_text(
        text.replace("rules: mirror", f"rules: {ROOT / 'rules' / 'mirror'}").replace("copied BUY 130", "copied BUY 65")
    )
    return path
