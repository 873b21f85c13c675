"""``init``: what it writes works at once, what it asks, what it refuses, and that it overwrites nothing."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from copyctl.cli import starting
from copyctl.cli.starting import FILES, STRATEGIES
from copyctl.rules import show
from copyctl.rules.schema import policy_schema
from copyctl.simulator.accounts import write_environment
from tests.cli.world import BARE, PATIENCE_SECONDS, Said, copyctl, process

FLAGS = (
    "--name",
    "desk",
    "--leader",
    "1100000001",
    "--follower",
    "alice",
    "--strategy",
    "fixed_ratio",
    "--ratio",
    "0.5",
)
WRITTEN = ("desk.yaml", "desk.cases.yaml", "desk.env.sample", ".github/workflows/copyctl.yaml", ".gitignore")


def init(*words: str) -> Said:
    return copyctl("init", *words)


def clean(rules: Path) -> dict[str, Any]:
    """The effective rules of a file in which lint finds nothing."""
    done = copyctl("lint", "--strict", str(rules))
    assert (done.returncode, done.stdout) == (0, "")
    return show(rules)


def test_what_flags_say_is_in_files_that_are_clean_at_once(tmp_path: Path) -> None:
    done = init(str(tmp_path), *FLAGS, "--follower", "bob-two", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"written": [str(tmp_path / one) for one in WRITTEN]}
    rules = clean(tmp_path / "desk.yaml")
    assert (rules["name"], rules["policy"]["sizing"]["ratio"]) == ("desk", 0.5)
    assert [one["name"] for one in rules["followers"]] == ["alice", "bob-two"]
    assert rules["followers"][1]["client_id"] == "${BOB_TWO_CLIENT_ID}"


def test_the_sample_has_every_variable_of_the_rules_and_no_secret(tmp_path: Path) -> None:
    init(str(tmp_path), *FLAGS, "--follower", "bob-two")
    lines = (tmp_path / "desk.env.sample").read_text().splitlines()
    given = dict(line.split("=") for line in lines if line and not line.startswith("#"))
    used = re.findall(r"^[^#\n]*: \$\{(\w+)\}", (tmp_path / "desk.yaml").read_text(), re.MULTILINE)
    assert list(given) == used
    assert {name: value for name, value in given.items() if value} == {"LEADER_CLIENT_ID": "1100000001"}
    assert any("install -m 600" in line for line in lines)


def test_the_simulators_accounts_fit_the_rules(tmp_path: Path) -> None:
    from copyctl.simulator import Simulator

    init(str(tmp_path), *FLAGS, "--follower", "bob-two")
    write_environment(tmp_path / "desk.env", Simulator(["leader", "alice", "bob-two"]).accounts)
    given = {line.split("=")[0] for line in (tmp_path / "desk.env").read_text().splitlines()}
    sample = (tmp_path / "desk.env.sample").read_text()
    assert given == set(re.findall(r"^(\w+)=", sample, re.MULTILINE))


def test_the_workflow_checks_the_rules_file(tmp_path: Path) -> None:
    init(str(tmp_path), *FLAGS)
    workflow = yaml.safe_load((tmp_path / ".github" / "workflows" / "copyctl.yaml").read_text())
    *_, lint, test = (step.get("run", "").split() for step in workflow["jobs"]["lint"]["steps"])
    assert lint == ["copyctl", "lint", "--strict", "--format", "github", "desk.yaml", "desk.cases.yaml"]
    assert test == ["copyctl", "test", "--format", "table", "desk.cases.yaml"]
    assert copyctl(*test[1:-1], str(tmp_path / test[-1])).returncode == 0
    shipped = Path(__file__).parents[2] / "examples" / "ci" / "lint-rules.yaml"
    assert yaml.safe_load(shipped.read_text())["jobs"]["lint"]["steps"][:-2] == workflow["jobs"]["lint"]["steps"][:-2]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_clean_with_its_default(strategy: str, tmp_path: Path) -> None:
    done = init(str(tmp_path), "--name", "desk", "--strategy", strategy, "--yes")
    assert done.returncode == 0, done.stderr
    assert clean(tmp_path / "desk.yaml")["policy"]["sizing"]["strategy"] == strategy
    assert copyctl("lint", "--strict", str(tmp_path / "desk.cases.yaml")).stdout == ""
    assert json.loads(copyctl("test", "--format", "json", str(tmp_path / "desk.yaml")).stdout)["failed"] == 0


def test_every_strategy_of_the_language_is_offered_but_one() -> None:
    known = policy_schema()["properties"]["sizing"]["properties"]["strategy"]["enum"]
    assert set(known) - set(STRATEGIES) == {"fixed_quantity"}
    assert set(STRATEGIES) <= set(known)


def test_a_ratio_is_the_multiplier_of_sizing_by_capital(tmp_path: Path) -> None:
    init(str(tmp_path), "--name", "desk", "--strategy", "capital_proportional", "--ratio", "0.25", "--yes")
    assert clean(tmp_path / "desk.yaml")["policy"]["sizing"]["capital"]["multiplier"] == 0.25


@pytest.mark.parametrize("name", ["true", "1", "0.5", "index options", "घर", "a.b-c_d"])
def test_whatever_may_be_a_name_is_one(name: str, tmp_path: Path) -> None:
    done = init(str(tmp_path), "--name", name, "--follower", name, "--yes")
    assert done.returncode == 0, done.stderr
    rules = clean(tmp_path / f"{name}.yaml")
    assert (rules["name"], rules["followers"][0]["name"]) == (name, name)


def test_a_deployment_is_called_like_its_folder_unless_told(tmp_path: Path) -> None:
    init(str(tmp_path / "options desk"), "--yes")
    assert clean(tmp_path / "options desk" / "options desk.yaml")["name"] == "options desk"
    init(str(tmp_path / "options+desk"), "--yes")
    assert clean(tmp_path / "options+desk" / "copyctl.yaml")["name"] == "copyctl"


def test_nothing_is_overwritten_and_all_that_is_there_is_told_at_once(tmp_path: Path) -> None:
    init(str(tmp_path), *FLAGS)
    (tmp_path / "desk.yaml").write_text("mine\n")
    (tmp_path / ".github" / "workflows" / "copyctl.yaml").unlink()
    (tmp_path / ".github" / "workflows" / "copyctl.yaml").symlink_to("nowhere")
    done = init(str(tmp_path), *FLAGS)
    assert (done.returncode, done.stdout) == (2, "")
    for one in WRITTEN[:4]:
        assert str(tmp_path / one) in done.stderr
    assert ".gitignore" not in done.stderr
    assert (tmp_path / "desk.yaml").read_text() == "mine\n"


def test_one_file_that_is_there_keeps_all_others_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "desk.env.sample").touch()
    assert init(str(tmp_path), *FLAGS).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["desk.env.sample"]


def test_lines_are_added_to_what_git_ignores_already(tmp_path: Path) -> None:
    ignored = tmp_path / ".gitignore"
    ignored.write_bytes(b"*.env\n\xff\n.venv")
    init(str(tmp_path), *FLAGS)
    assert ignored.read_bytes() == b"*.env\n\xff\n.venv\nsecrets/\nvar/\n"
    done = init(str(tmp_path), *FLAGS[2:], "--name", "other", "--format", "json")
    assert done.returncode == 2  # the workflow is there
    (tmp_path / ".github" / "workflows" / "copyctl.yaml").unlink()
    done = init(str(tmp_path), *FLAGS[2:], "--name", "other", "--format", "json")
    assert str(ignored) not in json.loads(done.stdout)["written"]
    assert ignored.read_bytes().count(b"var/") == 1


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = init(str(tmp_path / "file"), *FLAGS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "file cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--name", "a/b"), "--name a/b: it must be a name of letters"),
        (("--name", "desk\n"), "it must be a name of letters"),
        (("--leader", "11 00"), "--leader 11 00: a client id has letters and digits alone"),
        (("--follower", "$x"), "it must be a name of letters"),
        (("--follower", "Leader"), "the leader and Leader would share the variable LEADER_CLIENT_ID"),
        (("--follower", "a b", "--follower", "a-b"), "a b and a-b would share the variable A_B_CLIENT_ID"),
        (("--follower", "bob", "--follower", "bob"), "bob and bob would share"),
        (("--strategy", "sideways"), "it must be one of fixed_ratio, capital_proportional"),
        (("--strategy", "fixed_lots", "--ratio", "2"), "--ratio goes with fixed_ratio and capital_proportional"),
        (("--ratio", "0"), "ratio must be a number above 0"),
        (("--ratio", "-1"), "ratio must be a number above 0"),
        (("--ratio", "inf"), "ratio must be a number above 0"),
        (("--ratio", "nan"), "ratio must be a number above 0"),
        (("--ratio", "half"), "--ratio"),
    ],
)
def test_what_cannot_be_is_wrong_usage_and_writes_nothing(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = init(str(tmp_path / "new"), *words, "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "new").exists()


def test_without_a_terminal_and_without_yes_every_missing_flag_is_named(tmp_path: Path) -> None:
    done = init(str(tmp_path / "new"), "--leader", "1100000001")
    assert (done.returncode, done.stdout) == (2, "")
    assert "say --name, --follower, --strategy, --ratio, or --yes" in done.stderr
    done = init(str(tmp_path / "new"), *FLAGS[:6], "--strategy", "fixed_lots")
    assert "say --yes (for lots 1)" in done.stderr
    assert not (tmp_path / "new").exists()


def test_the_answer_of_the_process_ends_with_what_to_do_next(tmp_path: Path) -> None:
    done = process("init", str(tmp_path / "my desk"), *FLAGS, "--format", "table")
    assert (done.returncode, done.stderr) == (0, "")
    *_, lint, install, run = done.stdout.splitlines()
    script = " && ".join(line.partition(" # ")[0].strip() for line in (lint, install))
    assert "--dry-run" in run
    bash = subprocess.run(
        ["bash", "-c", f'copyctl() {{ "{sys.executable}" -m copyctl "$@"; }}; {script}'], env=BARE, check=False
    )
    assert bash.returncode == 0
    assert (tmp_path / "my desk" / "desk.env").stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_it_asks_again_until_the_answer_fits(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    words = [sys.executable, "-m", "copyctl", "init", str(tmp_path), "--leader", "1100000001"]
    asking = subprocess.Popen(words, stdin=its, stdout=its, stderr=its, env={**BARE, "TERM": "dumb"})
    os.close(its)
    said = ""
    for prompt, text in (
        ("bear the name", "a/b"),
        ("bear the name", "desk"),
        ("With commas between", "alice, bob"),
        ("Strategy", "fixed_lots"),
        ("lots: ", "0"),
        ("lots: ", ""),
    ):
        said += heard(ours, prompt)
        os.write(ours, f"{text}\n".encode())
    said += heard(ours, "--dry-run")
    assert asking.wait(PATIENCE_SECONDS) == 0
    os.close(ours)
    assert "Error: it must be a name of letters" in said
    assert "Error: lots must be a whole number from 1 (lots)" in said
    rules = clean(tmp_path / "desk.yaml")
    assert [one["name"] for one in rules["followers"]] == ["alice", "bob"]
    assert (rules["policy"]["sizing"]["strategy"], rules["policy"]["sizing"]["lots"]) == ("fixed_lots", 1)


def heard(terminal: int, words: str) -> str:
    """What comes from a terminal up to these words and a moment later."""
    said = ""
    ends = time.monotonic() + PATIENCE_SECONDS
    while words not in said:
        assert time.monotonic() < ends, f"never said: {words}\n{said}"
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536).decode()
    return said


def test_every_template_is_used() -> None:
    folder = Path(starting.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} == {file.template for file in FILES}
