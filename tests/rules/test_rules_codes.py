"""Every code has a page and two files: one that gives the code, and no other, at the lines that say so, and one in
which nothing is found. A folder that is dropped into examples/lint is a test."""

import re

import pytest
from rules_sample import ROOT

from copyctl.cli.lint_pages import GROUPS, SHOWN_BY_NO_FILE, example, found_in, pages
from copyctl.rules import CODES, render
from copyctl.rules.explanations import EXPLANATIONS

EXAMPLES = ROOT / "examples" / "lint"
SHOWN = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
PAGES = ROOT / "docs" / "lint"
MARK = re.compile(r"# <- (R\d{3})")
TESTED_ELSEWHERE = {"R216": "tests/rules/test_rules_beside.py: the day and the kept trading days are given there"}


def marked(code: str) -> list[tuple[int, str]]:
    """The lines of the bad file that say which code they give."""
    lines = example(code, "bad").read_text(encoding="utf-8", errors="replace").splitlines()
    return [(number, found[1]) for number, line in enumerate(lines, 1) if (found := MARK.search(line))]


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_file_gives_its_code_where_it_says_and_no_other(code: str) -> None:
    found = found_in(example(code, "bad"), code)
    assert sorted({(one.line, one.code) for one in found}) == marked(code), render(found)
    assert {one for _, one in marked(code)} == {code}


@pytest.mark.parametrize("code", SHOWN)
def test_nothing_is_found_in_the_good_file(code: str) -> None:
    found = found_in(example(code, "good"), code)
    assert found == [], render(found)


def test_every_code_has_files_or_the_reason_why_none_can_show_it() -> None:
    assert [*SHOWN, *SHOWN_BY_NO_FILE] == [*(code for code in CODES if code in SHOWN), *TESTED_ELSEWHERE]
    assert {*SHOWN, *SHOWN_BY_NO_FILE} == set(CODES)


def test_every_code_is_explained_and_has_its_group() -> None:
    assert list(EXPLANATIONS) == list(CODES)
    assert list(GROUPS) == list(dict.fromkeys(code[:3] for code in CODES))
    for text in EXPLANATIONS.values():
        assert text.endswith(".")
        assert len(text.split()) >= 12


def test_the_pages_are_as_the_code_writes_them() -> None:
    written = {path.name: path.read_text() for path in PAGES.iterdir()}
    assert written == pages(), "write them anew: python -m copyctl.cli.lint_pages docs/lint"
