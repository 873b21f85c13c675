"""What the package says of itself."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path

import copyctl

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BOUND = re.compile(r"[A-Za-z0-9-]+(==[\d.]+|>=[\d.]+,<[\d.]+)")


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    assert [one for one in PROJECT["project"]["dependencies"] if not BOUND.fullmatch(one)] == []


def test_the_version_is_told_once() -> None:
    assert version("copyctl") == copyctl.__version__
    for words in (["-m", "copyctl"], [str(Path(sys.executable).parent / "copyctl")]):
        command = [sys.executable, *words, "--version"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1] == version(
            "copyctl"
        )


def test_it_says_that_it_is_typed_and_is() -> None:
    assert "Typing :: Typed" in (metadata("copyctl").get_all("Classifier") or [])
    assert (Path(copyctl.__file__).parent / "py.typed").is_file()


def test_the_oldest_python_is_the_first_that_is_named() -> None:
    named = [one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"] if ":: 3." in one]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{named[0].replace('.', '')}"


def test_all_that_the_sdist_takes_is_there() -> None:
    taken = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    gone = (
        {"/copyctl"} if Path(copyctl.__file__).parents[1] != ROOT else set()
    )  # the wheel, with the source out of reach
    assert [one for one in taken if one not in gone and not (ROOT / one[1:]).exists()] == []
