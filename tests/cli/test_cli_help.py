"""What the command line teaches, and how fast it comes."""

import re
import subprocess
import sys

import pytest

from copyctl import __version__
from tests.cli.world import copyctl, process

COMMANDS = (
    *("run", "status", "orders", "positions", "events", "top", "kill", "resume", "pause", "unpause", "plan"),
    *("reload", "reconcile", "token", "doctor", "audit", "backup", "backfill", "init", "lint", "test", "show"),
    *("explain", "replay", "report", "query", "export", "schema", "simulator"),
    *("dead-letters", "tape"),
)
HEAVY = (
    *("pandas", "duckdb", "dhanhq", "requests", "aiohttp", "exchange_calendars", "websockets"),
    *("altair", "vl_convert", "jinja2", "textual"),
)


def test_help_names_every_command_and_no_other() -> None:
    done = process("--help")
    assert done.returncode == 0
    listed = done.stdout.split("Commands:")[1]
    assert tuple(line.split()[0] for line in listed.splitlines() if line.strip()) == COMMANDS
    assert "..." not in listed  # every first line fits


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_an_example(command: str) -> None:
    done = copyctl(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"Example:\s+copyctl {command}\b", done.stdout)


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "copyctl", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_version() -> None:
    assert process("--version").stdout == f"copyctl {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("bogus",),
        ("orders",),
        ("positions",),
        ("explain", "--codes", "--format", "xml"),
        ("orders", "--rules", "x", "--bogus"),
        ("orders", "--rules", "x", "--format", "xml"),
        ("lint",),
        ("lint", "x", "--format", "xml"),
        ("schema", "tapes"),
        ("schema", "rules", "--format", "xml"),
        ("simulator", "--port", "99999"),
        ("simulator", "--accounts", "1"),
    ],
)
def test_wrong_usage_is_exit_code_2_on_stderr(words: tuple[str, ...]) -> None:
    done = copyctl(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: " in done.stderr


def test_wrong_usage_ends_a_process_as_it_ends_a_call() -> None:
    words = ("orders", "--rules", "x", "--bogus")
    assert process(*words) == copyctl(*words)
