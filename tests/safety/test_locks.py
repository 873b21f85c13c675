"""What is installed to build and to test is what the locks say, and they say what pyproject.toml allows."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

Asked = Mapping[str, list[str]]


def asked() -> Asked:
    """What pyproject.toml asks of each lock."""
    run, extras = PROJECT["project"]["dependencies"], PROJECT["project"]["optional-dependencies"]
    dev = [one for one in extras["dev"] if one != "copyctl[docs]"]
    return {
        "run": run,
        "dev": [*run, *dev, *extras["docs"], *PROJECT["build-system"]["requires"]],
        "supply": PROJECT["dependency-groups"]["supply"],
    }


def entries(text: str) -> list[tuple[Requirement, list[str]]]:
    """Each locked version, with the hashes that a file of it may have."""
    whole = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    split = [line.split("--hash=") for line in whole.splitlines() if line.strip()]
    return [(Requirement(words[0].strip()), [one.strip() for one in words[1:]]) for words in split]


def stale(text: str, requirements: list[str], python: str) -> Iterator[str]:
    """What is asked for and not locked, by a Python of this version on this machine."""
    environment: dict[str, str] = {**default_environment()}  # type: ignore[dict-item]
    environment |= {"python_full_version": python, "python_version": python.rsplit(".", 1)[0]}
    locked = {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one, _ in entries(text)
        if one.marker is None or one.marker.evaluate(environment)
    }
    for requirement in map(Requirement, requirements):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            yield f"{requirement}: locked is {version}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", ["run", "dev", "supply"])
def test_a_lock_satisfies_what_pyproject_asks_for(lock: str, python: str) -> None:
    text = (LOCKS / f"{lock}.lock").read_text()
    assert list(stale(text, asked()[lock], python)) == [], "run: make lock"


@pytest.mark.parametrize("lock", ["run", "dev", "supply"])
def test_a_lock_pins_each_package_to_files_and_to_no_index(lock: str) -> None:
    text = (LOCKS / f"{lock}.lock").read_text()
    assert len(entries(text)) > len(asked()[lock])
    for one, hashes in entries(text):
        assert [each.operator for each in one.specifier] == ["=="], one
        assert hashes, one
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), one
    assert "://" not in text
    assert "index-url" not in text


def test_what_is_developed_with_is_what_a_run_has() -> None:
    run, dev = (
        {f"{one.name}{one.specifier}" for one, _ in entries((LOCKS / f"{name}.lock").read_text())}
        for name in ("run", "dev")
    )
    assert run <= dev


@pytest.mark.parametrize(
    ("asked_for", "told"),
    [("h11>=0.17", "h11>=0.17: locked is 0.16.0"), ("left-pad", "left-pad: locked is None")],
)
def test_a_stale_lock_is_seen(asked_for: str, told: str) -> None:
    text = "# a comment\nh11==0.16.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via copyctl\n"
    assert entries(text)[0][1] == ["sha256:00", "sha256:01"]
    assert list(stale(text, ["h11<1", asked_for], "3.11.0")) == [told]
