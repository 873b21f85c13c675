"""A comment with a reason allows a warning where it stands, and nothing else."""

from pathlib import Path

import pytest
import yaml
from rules_sample import ENVIRONMENT, small, write

from copyctl.rules import RulesRefused, lint, load, read

RISKY = "  exits: {base: account}"


def file(folder: Path, *policy: str, name: str = "rules.yaml") -> Path:
    head = {key: value for key, value in small().items() if key != "policy"}
    body = "\n".join(
        ("policy:", "  sizing: {strategy: fixed_ratio, ratio: 1}", "  limits: {max_open_orders: 9}", *policy)
    )
    return write(folder, f"{yaml.safe_dump(head, sort_keys=False)}{body}\n", name)


def codes(path: Path) -> list[str]:
    return [one.code for one in lint([path])]


@pytest.mark.parametrize(
    "lines",
    [
        (f"{RISKY}  # copyctl: allow R223: he sells by hand",),
        (f"{RISKY}  #copyctl:allow R223:he sells by hand",),
        (f"{RISKY}{' ' * 200}# copyctl: allow R223, R223: far out on a long line",),
        ("  # copyctl: allow R223: he sells by hand", RISKY),
        ("# copyctl: allow R223: he sells by hand", "", "  # and nobody else", RISKY),
    ],
)
def test_a_warning_with_a_reason_is_allowed(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = file(tmp_path, *lines)
    assert codes(path) == []
    assert not read(path, ENVIRONMENT).findings


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((RISKY,), ["R223"]),
        ((f"{RISKY}  # copyctl: allow R223",), ["R223", "R106"]),
        ((f"{RISKY}  # copyctl: allow R223:",), ["R223", "R106"]),
        ((f"{RISKY}  # copyctl: allow all: why not",), ["R223", "R106"]),
        ((f"{RISKY}  # copyctl: allow R224: another code",), ["R223", "R107"]),
        ((RISKY, "  # copyctl: allow R223: too late"), ["R223", "R107"]),
        (("  # copyctl: allow R223: two lines off", "  fills: {}", RISKY), ["R107", "R223"]),
    ],
)
def test_a_comment_that_allows_nothing_is_told(tmp_path: Path, lines: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(codes(file(tmp_path, *lines))) == sorted(expected)


def test_an_error_is_never_allowed(tmp_path: Path) -> None:
    path = file(tmp_path, "  exits: {base: nobody}  # copyctl: allow R114: it will do")
    assert codes(path) == ["R114", "R107"]
    with pytest.raises(RulesRefused):
        load(path, ENVIRONMENT)


def test_what_a_base_allows_may_be_for_another_file(tmp_path: Path) -> None:
    file(tmp_path, f"{RISKY}  # copyctl: allow R223: he sells by hand", name="base.yaml")
    mends = write(
        tmp_path, {"version": 1, "extends": "base.yaml", "policy": {"exits": {"base": "copied"}}}, "mends.yaml"
    )
    keeps = write(tmp_path, {"version": 1, "extends": "base.yaml"}, "keeps.yaml")
    assert (codes(mends), codes(keeps)) == ([], [])
