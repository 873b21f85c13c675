"""Limits that refuse every entry or never decide, safeguards taken away, actions in the way of one another: what is
said of them, and that nothing is said of what makes sense."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rules_sample import HERE, SHIPPED, small, write

from copyctl.rules import Finding, Severity, lint

RATIO = {"strategy": "fixed_ratio", "ratio": 1}
CODES = {"R205", "R220", "R221", "R222", "R223", "R224", "R225"}
SENSIBLE = [
    *(HERE / "accepted" / name for name in ("limits.yaml", "every-key.yaml", "smallest.yaml", "overrides.yaml")),
    *SHIPPED,
]


def told(path: Path) -> list[Finding]:
    return [one for one in lint([path]) if one.code in CODES]


def of_policy(folder: Path, policy: dict[str, Any], **top: Any) -> list[Finding]:
    """What is said of a small file with this policy."""
    return told(write(folder, small(policy={"sizing": RATIO, **policy}, **top)))


def follower(name: str, number: int, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "client_id": str(number), "access_token": "${TOKEN}", "policy": policy or {}}


def codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in found]


@pytest.mark.parametrize("path", SENSIBLE, ids=lambda path: path.stem)
def test_nothing_is_said_of_files_that_make_sense(path: Path) -> None:
    assert told(path) == []


@pytest.mark.parametrize("name", ["limits.yaml", "safety.yaml"])
def test_every_finding_has_a_mend(name: str) -> None:
    found = told(HERE / "refused" / name)
    assert found
    assert all(one.hint for one in found)


# ---- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["max_order_quantity", "max_order_value", "max_open_positions", "max_concentration_pct"]
)
def test_a_limit_of_nothing_refuses_every_entry(key: str, tmp_path: Path) -> None:
    (found,) = of_policy(tmp_path, {"limits": {key: 0}})
    assert (found.code, found.severity, found.path) == ("R220", Severity.ERROR, f"policy.limits.{key}")
    assert of_policy(tmp_path, {"limits": {key: 1}}) == []


@pytest.mark.parametrize("key", ["max_daily_loss", "max_daily_profit"])
def test_a_day_that_ends_at_the_first_paisa_is_warned_of(key: str, tmp_path: Path) -> None:
    assert codes(of_policy(tmp_path, {"limits": {key: 0}})) == [("R220", "warning")]


REFUSED, WARNED = [("R221", "error")], [("R221", "warning")]


@pytest.mark.parametrize(
    ("sizing", "limits", "expected"),
    [
        ({"strategy": "fixed_lots", "lots": 4}, {"max_order_lots": 3}, REFUSED),
        ({"strategy": "fixed_lots", "lots": 3}, {"max_order_lots": 3}, []),
        ({"strategy": "fixed_lots", "lots": 4}, {"max_order_quantity": 3}, REFUSED),
        ({"strategy": "fixed_lots", "lots": 4}, {"max_position_quantity": 3}, REFUSED),
        ({"strategy": "fixed_lots", "lots": 4, "maximum_lots": 3}, {"max_order_lots": 3}, []),
        ({"strategy": "fixed_lots", "lots": 4, "maximum_lots": "${MOST}"}, {"max_order_lots": 3}, []),
        ({"strategy": "fixed_lots", "lots": 1, "minimum_lots": 4}, {"max_order_lots": 3}, REFUSED),
        ({"strategy": "fixed_lots", "lots": 4}, {"max_order_lots": 3, "on_breach": "reduce"}, []),
        ({**RATIO, "minimum_lots": 4}, {"max_order_lots": 3}, REFUSED),
        ({**RATIO, "minimum_lots": 4}, {"max_order_lots": 3, "on_breach": "reduce"}, WARNED),
        ({**RATIO, "minimum_lots": 4}, {"max_order_lots": 3, "on_breach": "${BREACH}"}, []),
        ({**RATIO, "minimum_lots": 3}, {"max_order_lots": 3}, []),
        ({**RATIO, "lots": 9, "quantity": 9}, {"max_order_quantity": 3}, []),
        ({"strategy": "fixed_quantity", "quantity": 200}, {"max_order_quantity": 100}, REFUSED),
        ({"strategy": "fixed_quantity", "quantity": 199}, {"max_order_quantity": 100}, WARNED),
        ({"strategy": "fixed_quantity", "quantity": 100}, {"max_order_quantity": 100}, []),
        ({"strategy": "fixed_quantity", "quantity": 150, "rounding": "nearest"}, {"max_order_quantity": 100}, REFUSED),
        ({"strategy": "fixed_quantity", "quantity": 149, "rounding": "nearest"}, {"max_order_quantity": 100}, WARNED),
        ({"strategy": "fixed_quantity", "quantity": 101, "rounding": "up"}, {"max_position_quantity": 100}, REFUSED),
        ({"strategy": "fixed_quantity", "quantity": 900, "maximum_lots": 1}, {"max_order_quantity": 100}, []),
        ({"strategy": "fixed_quantity", "quantity": 900}, {"max_order_lots": 1}, []),
        ({"strategy": "fixed_quantity", "quantity": 900}, {"max_order_quantity": 1, "on_breach": "reduce"}, []),
        ({"strategy": "fixed_value", "value": 200000}, {"max_order_value": 100000}, REFUSED),
        ({"strategy": "fixed_value", "value": 150000}, {"max_gross_exposure": 100000}, WARNED),
        ({"strategy": "fixed_value", "value": 200000.5}, {"max_position_value": "${VALUE}"}, []),
        ({"strategy": "fixed_lots", "lots": 4}, {"max_underlying_lots": {"NIFTY": 3, "SENSEX": 0, "*": 4}}, WARNED),
        ({**RATIO, "minimum_lots": 4}, {"max_underlying_lots": {"*": 3}}, WARNED),
        (RATIO, {"max_underlying_lots": {"*": 1}}, []),
    ],
)
def test_a_size_that_no_limit_lets_through(
    sizing: dict[str, Any], limits: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert codes(of_policy(tmp_path, {"sizing": sizing, "limits": limits})) == expected


ROUNDED: dict[str, Callable[[int, int], int]] = {
    "down": lambda quantity, lot: quantity // lot,
    "nearest": lambda quantity, lot: (2 * quantity + lot) // (2 * lot),
    "up": lambda quantity, lot: -(-quantity // lot),
}


@pytest.mark.parametrize("rounding", ROUNDED)
@pytest.mark.parametrize("limit", [1, 7, 10])
def test_a_quantity_is_an_error_exactly_when_no_lot_size_brings_it_under_the_limit(
    rounding: str, limit: int, tmp_path: Path
) -> None:
    for quantity in range(limit + 1, 2 * limit + 3):
        passes = any(0 < ROUNDED[rounding](quantity, lot) * lot <= limit for lot in range(1, 2 * quantity + 2))
        sizing = {"strategy": "fixed_quantity", "quantity": quantity, "rounding": rounding}
        (found,) = of_policy(tmp_path, {"sizing": sizing, "limits": {"max_order_quantity": limit}})
        assert (found.severity is Severity.WARNING) == passes, quantity


@pytest.mark.parametrize(
    ("default", "rules", "expected"),
    [
        ("copy", [], ["policy.sizing.lots"]),
        ("copy", [("skip", {"segment": "NSE_EQ"}, None)], ["policy.sizing.lots"]),
        ("copy", [("copy", {}, 1)], []),
        ("copy", [("copy", {"side": None}, 9)], ["policy.filters.rules[0].sizing.lots"]),
        ("copy", [("copy", {"side": "BUY"}, 1), ("skip", {}, None)], []),
        ("skip", [("copy", {"side": "BUY"}, 1)], []),
        ("skip", [("copy", {"side": "BUY"}, None)], ["policy.sizing.lots"]),
        ("skip", [("skip", {"side": "BUY"}, 9)], []),
    ],
)
def test_only_sizings_that_some_copy_has_are_looked_at(
    default: str, rules: list[tuple[str, dict[str, Any], int | None]], expected: list[str], tmp_path: Path
) -> None:
    written = [
        {"name": str(n), "match": match, "action": action, **({"sizing": {"lots": lots}} if lots else {})}
        for n, (action, match, lots) in enumerate(rules)
    ]
    policy = {
        "sizing": {"strategy": "fixed_lots", "lots": 5},
        "limits": {"max_order_lots": 4},
        "filters": {"default": default, "rules": written},
    }
    assert [one.path for one in of_policy(tmp_path, policy)] == expected


@pytest.mark.parametrize(
    ("higher", "lower"),
    [
        ("max_order_lots", "max_order_quantity"),
        ("max_order_quantity", "max_position_quantity"),
        ("max_order_lots", "max_position_quantity"),
        ("max_order_value", "max_position_value"),
        ("max_order_value", "max_gross_exposure"),
        ("max_position_value", "max_gross_exposure"),
        ("max_orders_per_minute", "max_orders_per_day"),
    ],
)
def test_a_limit_above_one_that_comes_first_is_warned_of(higher: str, lower: str, tmp_path: Path) -> None:
    (found,) = of_policy(tmp_path, {"limits": {lower: 9, higher: 10}})
    assert (found.code, found.severity, found.path) == ("R222", "warning", f"policy.limits.{higher}")
    assert of_policy(tmp_path, {"limits": {lower: 10, higher: 10}}) == []


def test_one_order_through_flat_may_be_larger_than_a_position(tmp_path: Path) -> None:
    limits = {"max_order_quantity": 20, "max_position_quantity": 10}
    found = of_policy(tmp_path, {"limits": limits, "exits": {"never_reverse": False}})
    assert [one.code for one in found] == ["R223"]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [({}, []), ({"per_minute": 59}, ["R222"]), ({"per_minute": "${RATE}"}, []), ({"per_day": 1999}, ["R222"])],
)
def test_a_limit_above_the_accounts_rate_is_warned_of(rates: Any, expected: list[str], tmp_path: Path) -> None:
    limits = {"max_orders_per_minute": 60, "max_orders_per_day": 2000}
    found = of_policy(tmp_path, {"limits": limits}, rate_limits={"orders": rates})
    assert [one.code for one in found] == expected


def test_fixed_capitals_above_the_bound_of_their_ratio_are_warned_of(tmp_path: Path) -> None:
    capital = {"basis": "fixed", "leader": 300, "follower": 100, "maximum_ratio": 0.33}
    sizing = {"strategy": "capital_proportional", "capital": capital}
    assert codes(of_policy(tmp_path, {"sizing": sizing})) == [("R222", "warning")]
    for changes in ({"basis": "available"}, {"maximum_ratio": 0.34}, {"multiplier": 0.5}, {"follower": "${CAPITAL}"}):
        assert of_policy(tmp_path, {"sizing": {**sizing, "capital": {**capital, **changes}}}) == []


# ---- followers ------------------------------------------------------------------------------------------------------


def test_what_the_files_policy_says_is_told_once(tmp_path: Path) -> None:
    own = {"checks": {"margin_buffer_pct": 5}}
    followers = [follower(name, number, own) for number, name in enumerate(("alice", "bob", "carol"))]
    policy = {"limits": {"max_order_lots": 0}, "exits": {"base": "account"}, "late": {"filled": "market"}}
    found = of_policy(tmp_path, {**policy, "late": {"filled": "market", "max_slippage_bps": 0}}, followers=followers)
    assert [one.path for one in found] == [
        "policy.limits.max_order_lots",
        "policy.exits.base",
        "policy.late.max_slippage_bps",
    ]


def test_what_only_a_followers_override_makes_wrong_is_told_at_the_override(tmp_path: Path) -> None:
    followers = [
        follower("alice", 1, {"limits": {"max_order_lots": 3}}),
        follower("bob", 2, {"sizing": {"strategy": "fixed_lots", "lots": 11}}),
        follower("carol", 3, {"fills": {"lag_alert": "1m"}}),
        follower("dave", 4, {"limits": {"max_position_value": 10}}),
        follower("erin", 5),
    ]
    policy = {
        "sizing": {**RATIO, "minimum_lots": 4},
        "limits": {"max_order_lots": 10, "max_order_value": 100},
        "fills": {"lag_action": "cancel"},
    }
    found = of_policy(tmp_path, policy, followers=followers)
    assert [(one.code, one.path) for one in found] == [
        ("R221", "followers[0].policy.limits.max_order_lots"),
        ("R221", "followers[1].policy.sizing.lots"),
        ("R205", "followers[2].policy.fills.lag_alert"),
        ("R222", "followers[3].policy.limits.max_position_value"),
    ]


# ---- safeguards, distances, waits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "key", "risky", "safe"),
    [
        ("exits", "always_copy", False, True),
        ("exits", "never_reverse", False, True),
        ("exits", "base", "account", "copied"),
        ("exits", "confirm_short", "never", "always"),
        ("checks", "unavailable", "pass", "refuse"),
        ("checks", "margin", False, True),
    ],
)
def test_a_safeguard_taken_away_is_warned_of(section: str, key: str, risky: Any, safe: Any, tmp_path: Path) -> None:
    assert codes(of_policy(tmp_path, {section: {key: risky}})) == [("R223", "warning")]
    assert of_policy(tmp_path, {section: {key: safe}}) == []


SELLS_INDEX = {"side": "SELL", "instrument": ["OPT*"]}


@pytest.mark.parametrize(
    ("default", "rules", "is_warned"),
    [
        ("copy", [], True),
        ("skip", [], False),
        ("copy", [("skip", {"side": "SELL"})], False),
        ("copy", [("skip", {"side": ["BUY"]})], True),
        ("copy", [("skip", {"side": "SELL", "underlying": "NIFTY"})], True),
        ("copy", [("skip", {"instrument": ["OPTIDX", "OPTSTK"]})], True),
        ("copy", [("skip", {"instrument": "OPT*"})], False),
        ("copy", [("skip", {"segment": ["*_FNO", "*_CURRENCY", "MCX_*"]})], False),
        ("copy", [("skip", {"intent": "open"})], False),
        ("copy", [("skip", {"intent": "close"})], True),
        ("copy", [("copy", SELLS_INDEX), ("skip", {"instrument": "OPT*"})], True),
        ("copy", [("skip", {"instrument": "OPT*"}), ("copy", SELLS_INDEX)], False),
        ("copy", [("copy", {"segment": "NSE_EQ"}), ("skip", {})], False),
        ("skip", [("copy", {"segment": "NSE_EQ"})], False),
        ("skip", [("copy", {"instrument": "FUT*"})], False),
        ("skip", [("copy", {"option_type": "CE", "side": "BUY"})], False),
        ("skip", [("copy", {"option_type": "CE"})], True),
    ],
)
def test_margin_is_missed_only_where_options_may_be_sold(
    default: str, rules: list[tuple[str, Any]], is_warned: bool, tmp_path: Path
) -> None:
    written = [{"name": str(n), "match": match, "action": action} for n, (action, match) in enumerate(rules)]
    policy = {"checks": {"margin": False}, "filters": {"default": default, "rules": written}}
    assert bool(of_policy(tmp_path, policy)) == is_warned


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"price_guard": {"entry_bps": 201, "emergency_bps": 200}}, ["policy.price_guard.emergency_bps"]),
        ({"price_guard": {"exit_bps": 201, "emergency_bps": 200}}, ["policy.price_guard.emergency_bps"]),
        ({"price_guard": {"exit_bps": 0}}, ["policy.price_guard.exit_bps"]),
        ({"price_guard": {"exit_bps": 5, "emergency_bps": 0}}, ["policy.price_guard.emergency_bps"]),
        ({"price_guard": {"entry_bps": 0, "exit_bps": 200, "emergency_bps": 200}}, []),
        ({"price_guard": {"entry_bps": 500, "emergency_bps": "off"}}, []),
        ({"price_guard": "off"}, []),
        ({"late": {"filled": "limit", "max_slippage_bps": 0}}, ["policy.late.max_slippage_bps"]),
        ({"late": {"filled": "market", "max_slippage_bps": 0.1}}, []),
        ({"late": {"max_slippage_bps": 0}}, []),
        ({"multi_leg": {"window": "61s"}}, ["policy.multi_leg.window"]),
        ({"multi_leg": {"window": "60s"}}, []),
    ],
)
def test_a_distance_or_wait_that_defeats_its_purpose_is_warned_of(
    policy: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    found = of_policy(tmp_path, policy)
    assert [one.path for one in found] == expected
    assert set(codes(found)) <= {("R224", "warning")}


@pytest.mark.parametrize(
    ("fills", "is_wrong"),
    [
        ({"lag_action": "market", "lag_deadline": "4s"}, True),
        ({"lag_action": "cancel", "lag_alert": "31s"}, True),
        ({"lag_action": "cancel", "lag_deadline": "5s"}, False),
        ({"lag_action": "cancel", "lag_deadline": "${WAIT}"}, False),
        ({"lag_action": "cancel", "lag_deadline": "soon"}, False),
        ({"lag_deadline": "4s"}, False),
    ],
)
def test_an_alert_comes_before_the_action(fills: dict[str, str], is_wrong: bool, tmp_path: Path) -> None:
    assert codes(of_policy(tmp_path, {"fills": fills})) == ([("R205", "error")] if is_wrong else [])


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], []),
        (["stop_copying"], []),
        (["halt"], []),
        (["stop_copying", "cancel_open_orders", "halt"], []),
        (["stop_copying", "cancel_open_orders", "flatten", "broker_kill_switch"], []),
        (["stop_copying", "flatten", "cancel_open_orders", "broker_kill_switch"], []),
        (["flatten", "stop_copying"], [(0, "warning")]),
        (["cancel_open_orders"], [(0, "warning")]),
        (["stop_copying", "broker_kill_switch"], [(1, "error")]),
        (["stop_copying", "flatten", "broker_kill_switch", "cancel_open_orders"], [(2, "error")]),
        (["stop_copying", "flatten", "halt"], [(2, "error")]),
        (["stop_copying", "halt", "cancel_open_orders"], [(2, "error")]),
        (["${FIRST}", "broker_kill_switch"], []),
    ],
)
def test_actions_leave_one_another_something_to_work_with(
    actions: list[str], expected: list[tuple[int, str]], tmp_path: Path
) -> None:
    found = of_policy(tmp_path, {}, kill_switch={"actions": actions})
    assert [(one.path, one.severity) for one in found] == [
        (f"kill_switch.actions[{place}]", severity) for place, severity in expected
    ]
    assert {one.code for one in found} <= {"R225"}
