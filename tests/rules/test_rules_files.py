"""A file in accepted/ has no error; a file in refused/ has exactly the findings that its first lines expect."""

import re
from pathlib import Path

import pytest
from rules_sample import HERE, ROOT

from copyctl.rules import Finding, errors, lint, render

EXPECTED = re.compile(r"# expect: (?P<code>R\d{3}) (?:(?P<file>\S+) )?(?P<line>\d+):(?P<column>\d+)(?: (?P<path>\S+))?")

ACCEPTED = sorted((HERE / "accepted").glob("*.yaml")) + sorted((ROOT / "rules").glob("*.yaml"))
REFUSED = sorted((HERE / "refused").glob("*.yaml"))


def told(finding: Finding, top: Path) -> str:
    place = Path(finding.file).resolve()
    where = "" if place == top else f"{place.relative_to(top.parent)} "
    path = f" {finding.path}" if finding.path else ""
    return f"# expect: {finding.code} {where}{finding.line}:{finding.column}{path}"


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_an_accepted_file_has_no_error(path: Path) -> None:
    found = errors(lint([path]))
    assert found == [], render(found)


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_a_refused_file_has_what_it_expects(path: Path) -> None:
    found = lint([path])
    expected = [line for line in path.read_text().splitlines() if EXPECTED.fullmatch(line)]
    assert expected, f"{path} expects nothing"
    assert [told(one, path.resolve()) for one in found] == expected, render(found)
    assert errors(found)


def test_several_files_are_linted_in_the_order_given(tmp_path: Path) -> None:
    first, second = HERE / "refused" / "wrong-version.yaml", HERE / "refused" / "missing-keys.yaml"
    found = lint([second, first, second])
    assert found == [*lint([second]), *lint([first])]


def test_every_finding_says_what_to_look_at() -> None:
    for path in REFUSED:
        for one in lint([path]):
            assert one.message
            assert not one.message.endswith(".")
            assert "None" not in one.message
            assert one.line >= 1
            assert one.column >= 1


def test_what_is_no_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: x\ndescription: caf\xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    found = lint([tmp_path, tmp_path / "none.yaml", tmp_path / "latin.yaml", tmp_path / "large.yaml"])
    assert [one.code for one in found] == ["R101"] * 4
    assert [one.line for one in found] == [1, 1, 2, 1]


def test_render_points_at_the_value() -> None:
    path = HERE / "refused" / "wrong-version.yaml"
    text = render(lint([path]))
    assert text.splitlines()[1:3] == ["  3 | version: 2", "    |          ^"]
