"""What the pages show is what happens: every block that can run is run, and every other one is read."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from copyctl.cli.main import app
from docs.making import screens
from tests.cli.world import copyctl
from tests.docs.pages import ROOT, Block, at_free_ports, blocks, pages, text

RUN = {"sh", "yaml", "json", "sql"}
READ = {"console", "text"}
"""Shown and not run: what needs accounts at Dhan or a machine of its own, and what a program printed."""

WRITTEN = ("rules.md", "commands.md", "metrics.md", "codes.md", "alerts.md", "data-model.md", "lint/")
"""Pages that the program writes; whoever tests the writer tests their blocks."""

LOOKED_AFTER = {"ini", "toml", "dockerfile"}
"""What may stand besides on pages that another test looks after."""

PSEUDO = ("house.md",)
"""Pages that tell a design in words of no language."""


SAYS: dict[str, tuple[str, ...]] = {
    "tutorial.md": ("a penny option is left out", "R227", "CANCELLED", "TRADED 260/260"),
    "safety.md": ("kill_switch", "follower_paused", "CANCELLED"),
    "howto/recover.md": ("CANCELLED", "journal-", "PENDING"),
    "howto/watch.md": ('copyctl_decisions_total{decision="copied",follower="alice"', '{"ok": true'),
    "howto/record.md": ("CANCELLED",),
    "howto/sizes.md": ("passed",),
    "howto/baskets.md": ("passed",),
    "howto/ci.md": (),
}
"""What the commands of a page must have said."""

SOMETHING_ELSE = {"groups", "repos"}
"""By their first key: YAML that is none of ours."""

OWN = [page for page in pages() if not page.startswith(WRITTEN)]
GROUP = typer.main.get_command(app)


def elsewhere(page: str) -> bool:
    """Does another test name this page, and so look after what it shows?"""
    others = (path for path in (ROOT / "tests").rglob("test_*.py") if path.parent != Path(__file__).parent)
    words = (Path(page).name, f'"{Path(page).stem}"')
    return any(word in path.read_text() for path in others for word in words)


def runnable() -> list[str]:
    """Pages whose commands are run here."""
    return [page for page in OWN if blocks(page, "sh") and not (page.count("/") == 0 and elsewhere(page))]


def folder_of(tmp_path: Path, *shown: str) -> Path:
    """A folder as the pages mean it, with the files that they show in it."""
    for name in ("rules", "schemas", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, dirs_exist_ok=True)
    for page in shown:
        for block in blocks(page):
            if block.title.endswith((".yaml", ".json")):
                (tmp_path / block.title).write_text(block.text)
    return tmp_path


def ran(folder: Path, *shown: str) -> str:
    """What the commands of pages print, run in order in one shell."""
    script = at_free_ports(folder, "\n".join(block.text for page in shown for block in blocks(page, "sh")))
    head = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", head + script],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


@pytest.mark.parametrize("page", OWN)
def test_every_block_says_its_language(page: str) -> None:
    known = RUN | READ | ({""} if page in PSEUDO else set()) | (LOOKED_AFTER if elsewhere(page) else set())
    assert {block.language for block in blocks(page)} <= known


def test_fences_are_closed() -> None:
    assert [page for page in OWN if text(page).count("\n```") % 2] == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in runnable() if page not in ("index.md", "howto/reports.md")])
def test_every_command_of_a_page_runs(page: str, tmp_path: Path) -> None:
    said = ran(folder_of(tmp_path, page), page)
    assert [word for word in SAYS.get(page, ()) if word not in said] == [], said[-6000:]


@pytest.mark.timeout(300)
def test_the_start_and_the_reports_run_and_the_pictures_are_made_of_the_same_day(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "index.md")
    said = ran(folder, "index.md", "howto/reports.md")
    assert "banknifty at a quarter" in said
    assert "slippage_p95_bps" in said
    assert len(list((folder / "parquet").glob("*.parquet"))) > 5
    for block in blocks("howto/reports.md", "sql"):
        done = copyctl("query", "--rules", str(folder / "rules" / "demo.yaml"), "--format", "json", block.text)
        assert len(json.loads(done.stdout)["rows"]) == 5
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    screens.make(folder, drawn)
    kept = {path.name for path in (ROOT / "docs" / "screens").iterdir()}
    assert {path.name for path in drawn.iterdir()} | {"top.svg"} == kept, "make them anew: make screens"


def shown_yaml() -> Iterator[tuple[str, int, Block]]:
    for page in OWN:
        if page.count("/") or not elsewhere(page):
            for number, block in enumerate(blocks(page, "yaml")):
                yield page, number, block


@pytest.mark.parametrize(("page", "number", "block"), list(shown_yaml()))
def test_rules_that_are_shown_are_rules(page: str, number: int, block: Block, tmp_path: Path) -> None:
    read = yaml.safe_load(block.text)
    if SOMETHING_ELSE & set(read):
        return
    folder = folder_of(tmp_path, page)
    if "cases" in read:
        file = folder / (block.title or "shown.cases.yaml")
        file.write_text(block.text)
        assert copyctl("test", str(file)).returncode == 0
    else:
        file = folder / (block.title or "shown.yaml")
        file.write_text(block.text if "extends" in read else f"extends: rules/half-size.yaml\n{block.text}")
    done = copyctl("lint", "--strict", str(file))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", OWN)
def test_json_that_is_shown_is_json(page: str) -> None:
    for block in blocks(page, "json"):
        json.loads(block.text)


def commands(said: str) -> Iterator[str]:
    """The commands in a text: from ``copyctl`` to the end of its line, or of what stands between backticks."""
    for line in said.replace("\\\n", " ").splitlines():
        for part in re.split(r"[`;|>)]|&&", line):
            found = re.search(r"(?<!--name )(?<!--tag )(?<!/)\bcopyctl (?!copyctl )(.*)", part)
            if found:
                yield found[1]


def wrong(words: list[str]) -> str:
    """What is no command or no option of it; "" for nothing."""
    command: Any = GROUP
    known = {"--help"} | {option for one in GROUP.params for option in one.opts}
    for word in words:
        if word.startswith("-"):
            if word.split("=")[0] not in known:
                return word
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return word
            command = command.commands[word]
            known |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    return ""


@pytest.mark.parametrize("page", OWN)
def test_every_command_that_is_named_is_one(page: str) -> None:
    inline = "\n".join(re.findall(r"`(copyctl [^`\n]+)`", text(page)))
    shown = "\n".join(block.text for block in blocks(page, "console", "text"))
    for said in commands(f"{inline}\n{shown}"):
        words = shlex.split(said.replace("...", ""), comments=True)
        assert not (words and words[0].islower() and wrong(words)), said


def test_a_command_that_is_none_is_found() -> None:
    assert wrong(["run", "--rules", "x", "--shadow", "y"]) == ""
    assert wrong(["run", "--sahdow", "y"]) == "--sahdow"
    assert wrong(["dead-letters", "revive"]) == "revive"


def test_targets_of_make_that_are_named_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for page in OWN for word in re.findall(r"(?:\$ |`)make ([a-z-]+)", text(page))}
    assert named <= targets
