"""What is said of rates: above what Dhan allows, and reserves that keep too much or nothing."""

from pathlib import Path
from typing import Any

import pytest
from rules_sample import small, write

from copyctl.rules import lint


def told(folder: Path, rates: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = lint([write(folder, small(rate_limits=rates))])
    return [(one.code, one.severity, one.path) for one in found]


@pytest.mark.parametrize(
    ("rates", "path"),
    [
        ({"orders": {"per_second": 11}}, "orders.per_second"),
        ({"orders": {"per_minute": 251}}, "orders.per_minute"),
        ({"orders": {"per_hour": 1001}}, "orders.per_hour"),
        ({"orders": {"per_day": 7001}}, "orders.per_day"),
        ({"quotes": {"per_second": 2}}, "quotes.per_second"),
        ({"other": {"per_second": 21}}, "other.per_second"),
        ({"data": {"per_second": 6}}, "data.per_second"),
        ({"modifications_per_order": 26}, "modifications_per_order"),
    ],
)
def test_rates_above_what_dhan_allows_are_warned_of(rates: dict[str, Any], path: str, tmp_path: Path) -> None:
    assert told(tmp_path, rates) == [("R207", "warning", f"rate_limits.{path}")]


def test_rates_a_reserve_of_all_is_refused_for_every_window(tmp_path: Path) -> None:
    assert told(tmp_path, {"reserve_pct": 100}) == [("R226", "error", "rate_limits.reserve_pct")] * 3


@pytest.mark.parametrize(("limit", "refused"), [(1, True), (2, False)])
def test_rates_a_reserve_leaves_an_entry_at_least(limit: int, refused: bool, tmp_path: Path) -> None:
    found = told(tmp_path, {"orders": {"per_minute": limit}, "reserve_pct": 50})
    assert found == ([("R226", "error", "rate_limits.reserve_pct")] if refused else [])


def test_rates_a_limit_alone_is_told_of_where_it_stands(tmp_path: Path) -> None:
    assert told(tmp_path, {"orders": {"per_hour": 1}}) == [("R226", "error", "rate_limits.orders.per_hour")]


def test_rates_no_reserve_is_a_safeguard_taken_away(tmp_path: Path) -> None:
    assert told(tmp_path, {"reserve_pct": 0}) == [("R223", "warning", "rate_limits.reserve_pct")]


def test_rates_that_are_not_known_yet_are_passed_over(tmp_path: Path) -> None:
    assert told(tmp_path, {"reserve_pct": "${RESERVE}", "orders": {"per_minute": "${MINUTE}"}}) == []
