"""Every reason code is told, and the page that tells them is current."""

from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from copyctl.model.policy import Limits
from copyctl.model.reasons import DEAD_CODES, SENTENCES, Category, Reason
from copyctl.model.terms import Decision
from copyctl.report.codes import REJECTIONS, WAITING, codes, page, sentence

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"


def test_every_reason_is_told_with_its_sentence() -> None:
    told = {(one.decision, one.code): one.sentence for one in codes()}
    assert set(SENTENCES) == set(Reason)
    for reason, (decision, said) in SENTENCES.items():
        assert told[decision, reason] == said


def test_every_category_of_rejection_and_every_limit_has_a_code() -> None:
    told = {one.code for one in codes()}
    assert set(REJECTIONS) == set(Category)
    assert told >= DEAD_CODES
    limits = {f"limit_{field.name}" for field in fields(Limits)} - {"limit_on_breach"}
    assert {code for code in told if code.startswith("limit_")} == limits


def test_a_code_stands_once_under_each_of_its_decisions() -> None:
    assert max(Counter((one.decision, one.code) for one in codes()).values()) == 1
    twice = {code for code, number in Counter(one.code for one in codes()).items() if number > 1}
    assert twice == set(WAITING)


def test_every_code_says_something_in_one_line() -> None:
    for one in codes():
        assert one.sentence
        assert "\n" not in one.sentence
        assert "|" not in one.sentence  # it stands in a table


@pytest.mark.parametrize(
    ("code", "decision", "said"),
    [
        ("market_closed", Decision.REFUSED, "the market is closed"),
        ("market_closed", Decision.QUEUED, "waits for the next open"),
        ("rejected_tick", Decision.DEAD, "the price is not a multiple of the tick"),
        ("limit_max_order_lots", Decision.REFUSED, "it would exceed limits.max_order_lots"),
        ("settling", Decision.REFUSED, "its fate at the broker is being looked up"),
        ("of a later version", Decision.DEAD, ""),
        (None, Decision.COPIED, ""),
    ],
)
def test_a_code_says_its_sentence(code: str | None, decision: Decision, said: str) -> None:
    assert sentence(code, decision) == said


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: copyctl explain --codes --format markdown > docs/codes.md"


def test_the_page_has_every_code_under_its_decision() -> None:
    parts = page().split("\n## ")
    for one in codes():
        (part,) = [part for part in parts if part.startswith(one.decision)]
        assert f"| `{one.code}` | {one.sentence} |" in part
