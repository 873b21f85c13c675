"""What a shell is offered at TAB, by the script that a user installs: in bash, and in zsh and fish if they are here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from copyctl.cli.main import app
from copyctl.cli.starting import STRATEGIES
from copyctl.report.analysis.reports import REPORTS
from copyctl.report.span import KEYS
from copyctl.rules import CODES
from tests.cli.test_cli_help import COMMANDS, HEAVY
from tests.cli.world import BARE, document

ENVIRONMENT = {**BARE, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{BARE['PATH']}"}
ASK = """
eval "$(copyctl --show-completion)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_copyctl_completion copyctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    import yaml

    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(document()))
    return str(path)


def ran(*words: str, **environment: str) -> str:
    done = subprocess.run(
        words, env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def bash(*words: str) -> list[str]:
    """What bash offers for the last word of a line."""
    return ran("bash", "--norc", "-c", ASK, "bash", "copyctl", *words).split()


def test_bash_offers_commands_options_and_the_values_of_closed_sets(rules: str) -> None:
    assert bash("re") == [one for one in COMMANDS if one.startswith("re")]
    assert bash("tape", "") == ["record", "show"]
    assert "--follower" in bash("kill", "--")
    assert bash("report", "slippage", "--format", "") == ["table", "json", "csv", "parquet", "html"]
    assert bash("kill", "--rules", rules, "--follower", "") == ["alice", "bob"]
    assert bash("kill", "--rules", rules[:-3]) == []  # then bash offers files


def offered(*words: str) -> list[str]:
    """The same without a shell around it."""
    line = {"COMP_WORDS": "\n".join(("copyctl", *words)), "COMP_CWORD": str(len(words))}
    done = CliRunner().invoke(app, env={**line, "_COPYCTL_COMPLETE": "complete_bash"}, prog_name="copyctl")
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.split()


def test_names_come_out_of_the_rules_file_without_any_variable(rules: str) -> None:
    assert offered("orders", "--rules", rules, "--follower", "a") == ["alice"]
    assert offered("unpause", "--rules", rules, "--follower", "") == ["alice", "bob"]
    assert offered("explain", "--rules", rules, "--follower", "") == ["alice", "bob"]
    assert offered("token", "--rules", rules, "--account", "") == ["leader", "alice", "bob"]
    assert offered("backfill", "--rules", rules, "--account", "l") == ["leader"]


def test_what_the_language_and_reports_know_is_offered() -> None:
    assert offered("report", "") == list(REPORTS)
    assert offered("report", "slippage", "--by", "") == list(KEYS)
    assert offered("report", "slippage", "--by", "day,") == [f"day,{key}" for key in KEYS if key != "day"]
    assert offered("init", "--strategy", "") == list(STRATEGIES)
    assert offered("lint", "--explain", "R") == list(CODES)


@pytest.mark.parametrize("written", [None, "", "{", "followers: 7", "followers: [{name: alice}]"])
def test_a_rules_file_that_cannot_be_used_offers_nothing_and_says_nothing(tmp_path: Path, written: str | None) -> None:
    path = tmp_path / "rules.yaml"
    if written is not None:
        path.write_text(written)
    assert offered("kill", "--rules", str(path), "--follower", "") == []
    assert offered("kill", "--follower", "") == []


@pytest.mark.parametrize("words", [["re"], ["report", ""], ["kill", "--rules", "RULES", "--follower", ""]])
def test_what_is_asked_at_each_tab_loads_nothing_heavy(words: list[str], rules: str) -> None:
    line = ["copyctl", *(word.replace("RULES", rules) for word in words)]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "copyctl"],
        env={
            **ENVIRONMENT,
            "_COPYCTL_COMPLETE": "complete_bash",
            "_PYTHON_M_COPYCTL_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(line),
            "COMP_CWORD": str(len(line) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip()
    loaded = {row.rsplit("|", 1)[-1].strip().split(".")[0] for row in done.stderr.splitlines() if "|" in row}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_zsh_and_fish_ask_in_their_own_way(rules: str) -> None:
    line = f"copyctl kill --rules {rules} --follower "
    told = ran("copyctl", _COPYCTL_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line)
    assert '"alice"\n"bob"' in told
    fish = {"_COPYCTL_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert ran("copyctl", **fish, _TYPER_COMPLETE_ARGS=line).split() == ["alice", "bob"]
    if shutil.which("zsh"):
        setup = 'autoload -Uz compinit; compinit -D -u; eval "$(copyctl --show-completion)"; whence -w'
        assert ran("zsh", "-f", "-c", f"{setup} _copyctl_completion").strip() == "_copyctl_completion: function"
    if shutil.which("fish"):
        script = f'copyctl --show-completion | source; complete -C "{line}"'
        assert ran("fish", "--no-config", "-c", script).split() == ["alice", "bob"]
