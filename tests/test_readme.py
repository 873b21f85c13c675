"""What README shows is what happens: its shell blocks are run, in order, in one shell, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import at_free_ports

ROOT = Path(__file__).parent.parent
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text()


def ran(page: str, tmp_path: Path) -> str:
    """What the shell blocks of a page print, run in order, in one shell, in a copy of the project."""
    for name in ("copyctl", "rules", "schemas", "examples", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():  # the suite on the wheel has no source to show
            shutil.copy(source, tmp_path / name)
    script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"
    script += at_free_ports(tmp_path, "\n".join(SHELL.findall(page)))
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=220, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(240)
def test_every_shell_block_of_the_readme_runs(readme: str, tmp_path: Path) -> None:
    said = ran(readme, tmp_path)
    assert '"follower_status": "CANCELLED"' in said
    assert "kill_switch" in said


@pytest.mark.timeout(240)
def test_every_shell_block_of_how_to_operate_runs(tmp_path: Path) -> None:
    said = ran((ROOT / "docs" / "operate.md").read_text(), tmp_path)
    assert "follower_paused" in said
    assert "journal-" in said
    assert "acknowledged" in said
    assert said.rstrip().endswith("\n2")  # charts of an order that never filled


@pytest.mark.timeout(240)
def test_every_shell_block_of_what_a_policy_decides_runs(tmp_path: Path) -> None:
    said = ran((ROOT / "docs" / "policy.md").read_text(), tmp_path)
    assert "filters.no penny options" in said
    assert "decisions change" in said


def test_the_two_commands_are_targets_of_the_makefile(readme: str) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"\$ make ([a-z]+)", "".join(CONSOLE.findall(readme)))
    assert commands == ["demo", "test"]
    assert set(commands) <= set(targets)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CHANGELOG.md",
        *(f"docs/{name}.md" for name in ("house", "operate", "policy", "policy-tests", "reliability", "rules")),
    ],
)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    local = [link for link in LINK.findall(text) if "://" not in link]
    assert [link for link in local if not ((ROOT / page).parent / link).exists()] == []
