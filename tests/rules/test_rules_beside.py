"""A rules file beside the day, an instrument list and kept trading days: what is said, and of what nothing is."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from rules_sample import small, write

from copyctl.core.sizing import fix, size
from copyctl.rules import AtHand, Contract, Finding, Listing, lint, policy_of
from tests.properties import tried

TODAY = date(2026, 11, 30)
RATIO = {"strategy": "fixed_ratio", "ratio": 1}
CONTRACTS = {
    "NIFTY": {Contract("NSE_FNO", "OPTIDX", 65), Contract("NSE_FNO", "FUTIDX", 65)},
    "BANKNIFTY": {Contract("NSE_FNO", "OPTIDX", 30)},
    "GOLD": {Contract("MCX_COMM", "FUTCOM", 1)},
}
LISTING = Listing(contracts=CONTRACTS, shares={"ITC"}, has={"53001"}.__contains__)


def told(folder: Path, policy: dict[str, Any], at_hand: AtHand | None = None, **top: Any) -> list[Finding]:
    path = write(folder, small(policy={"sizing": RATIO, **policy}, **top))
    return lint([path], at_hand or AtHand(today=TODAY, listing=lambda source, store: LISTING))


def of_rule(folder: Path, match: dict[str, Any], own: dict[str, Any] | None = None, **keys: Any) -> list[Finding]:
    rule = {"name": "one", "match": match, "action": "copy", **({"sizing": own} if own else {})}
    return told(folder, {"filters": {"rules": [rule]}, **keys})


# ---- the day --------------------------------------------------------------------------------------------------------

PAST, TO_COME = "2026-11-29", "2026-11-30"


def day(at: str, **keys: Any) -> dict[str, Any]:
    return {"date": at, "segments": ["MCX_COMM"], "open": "17:00", "close": "23:30", **keys}


@pytest.mark.parametrize(
    ("hours", "is_told"),
    [
        ({"holidays": [PAST]}, True),
        ({"holidays": [TO_COME]}, False),
        ({"holidays": [PAST, TO_COME]}, False),
        ({"holidays": [PAST, "${NEXT}"]}, False),
        ({"holidays": []}, False),
        ({"part_days": [day(PAST)]}, True),
        ({"part_days": [day(PAST), day(TO_COME)]}, False),
        ({"special_sessions": [day(PAST)]}, True),
        ({"sessions": [{"segment": "NSE_FNO", "from": "2026-11-01", "to": PAST, "regular": "09:15-15:40"}]}, True),
        ({"sessions": [{"segment": "BSE_FNO", "from": "2026-12-07", "regular": "09:15-15:45"}]}, False),
    ],
)
def test_a_list_of_days_that_are_all_over_is_told(hours: dict[str, Any], is_told: bool, tmp_path: Path) -> None:
    found = told(tmp_path, {"market_hours": hours})
    assert [one.code for one in found] == (["R217"] if is_told else [])
    assert told(tmp_path, {"market_hours": hours}, AtHand()) == []


@pytest.mark.parametrize(
    ("end", "hours", "expected"),
    [
        (date(2026, 11, 29), {}, "every entry is refused"),
        (date(2026, 11, 29), {"stale_calendar": "warn"}, "every weekday counts as a trading day"),
        (date(2026, 11, 29), {"calendar": "BSE"}, "BSE"),
        (date(2026, 11, 30), {}, None),
        (None, {}, None),
    ],
)
def test_a_calendar_that_ends_before_today_is_told(
    end: date | None, hours: dict[str, Any], expected: str | None, tmp_path: Path
) -> None:
    asked = []

    def end_of(store: str, calendar: str) -> date | None:
        asked.append((store, calendar))
        return end

    found = told(tmp_path, {"market_hours": hours} if hours else {}, AtHand(today=TODAY, calendar_end=end_of))
    assert asked == [(str(tmp_path / "var" / "small"), hours.get("calendar", "XBOM"))]
    assert [one.code for one in found] == ([] if expected is None else ["R216"])
    assert all(expected is not None and expected in one.message for one in found)


# ---- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "hints"),
    [
        ({"underlying": "BANK NIFTY"}, ["did you mean BANKNIFTY or NIFTY?"]),
        ({"underlying": ["NIFTY", "NIFTTY"]}, ["did you mean NIFTY or BANKNIFTY?"]),
        ({"underlying": "X*"}, ["the list's column of underlyings has the right name"]),
        ({"underlying": "ITC"}, ["the list's column of underlyings has the right name"]),
        ({"underlying": "nifty"}, []),
        ({"underlying": "*NIFTY"}, []),
        ({"underlying": "${NAME}"}, []),
        ({"security_id": "99"}, ["a contract's id ends with it: look the new one up, or match by underlying"]),
        ({"security_id": [53001, "53*"]}, []),
    ],
)
def test_what_the_list_does_not_name_is_told_with_what_is_near(
    match: dict[str, Any], hints: list[str], tmp_path: Path
) -> None:
    found = of_rule(tmp_path, match)
    assert [(one.code, one.hint) for one in found] == [("R240", hint) for hint in hints]


def test_tables_by_underlying_may_name_shares_too(tmp_path: Path) -> None:
    (found,) = told(tmp_path, {"limits": {"max_underlying_lots": {"NIFTY": 9, "ITC": 9, "*": 9, "Nifty": 9}}})
    assert (found.code, found.path) == ("R240", "policy.limits.max_underlying_lots.Nifty")


def test_a_list_is_asked_for_only_where_something_is_named(tmp_path: Path) -> None:
    asked = []

    def listing(source: str | None, store: str | None) -> Listing | None:
        asked.append((source, store))
        return None

    told(tmp_path, {}, AtHand(listing=listing))
    assert asked == []
    policy = {"limits": {"max_underlying_lots": {"NIFTY": 9}}}
    told(tmp_path, policy, AtHand(listing=listing))
    broker = {"adapter": "dhan", "instruments": "list.csv"}
    told(tmp_path, policy, AtHand(listing=listing), broker=broker, store={"path": "${STORE}"})
    assert asked == [(None, str(tmp_path / "var" / "small")), (str(tmp_path / "list.csv"), None)]


QUANTITY = {"strategy": "fixed_quantity"}
CAPITAL = {"strategy": "capital_proportional"}


@pytest.mark.parametrize(
    ("match", "sizing", "lost"),
    [
        ({"underlying": "NIFTY"}, {**QUANTITY, "quantity": 64}, "65 in NIFTY"),
        ({"underlying": "NIFTY"}, {**QUANTITY, "quantity": 65}, None),
        ({"underlying": ["NIFTY", "BANKNIFTY"]}, {**QUANTITY, "quantity": 40}, "65 in NIFTY"),
        ({"underlying": "*NIFTY"}, {**QUANTITY, "quantity": 9}, "30 in BANKNIFTY, 65 in NIFTY"),
        ({"underlying": "BANKNIFTY", "instrument": "FUTIDX"}, {**QUANTITY, "quantity": 9}, None),
        ({"underlying": "GOLD"}, {**QUANTITY, "quantity": 1}, None),
        ({}, {**QUANTITY, "quantity": 1}, None),
        ({"underlying": "NIFTY", "quantity": {"to": 129}}, {**RATIO, "ratio": 0.5}, "65 in NIFTY"),
        ({"underlying": "NIFTY", "quantity": {"to": 130}}, {**RATIO, "ratio": 0.5}, None),
        ({"underlying": "NIFTY"}, {**RATIO, "ratio": 0.001}, None),
        ({"quantity": {"to": 9}}, {**RATIO, "ratio": 0.1}, "no lot is smaller than 1"),
        ({"quantity": {"to": 10}}, {**RATIO, "ratio": 0.1}, None),
        ({"underlying": "NIFTY", "quantity": {"to": 9}}, {**RATIO, "ratio": 0.1}, "no lot is smaller than 1"),
        ({"quantity": {"to": 4}}, {**CAPITAL, "capital": {"maximum_ratio": 0.2}}, "no lot is smaller than 1"),
        ({"price": {"above": 500}}, {"strategy": "fixed_value", "value": 499}, "no lot is smaller than 1"),
        ({"price": {"from": 500}}, {"strategy": "fixed_value", "value": 500}, None),
        ({"price": {"to": 500}}, {"strategy": "fixed_value", "value": 1}, None),
        ({"underlying": "NIFTY"}, {"strategy": "fixed_lots", "lots": 1}, None),
    ],
)
def test_a_size_that_comes_to_less_than_a_lot_is_told(
    match: dict[str, Any], sizing: dict[str, Any], lost: str | None, tmp_path: Path
) -> None:
    found = of_rule(tmp_path, match, sizing)
    assert [one.code for one in found] == ([] if lost is None else ["R229"])
    assert all(str(lost) in one.message for one in found)


@pytest.mark.parametrize(
    "bounds", [{"minimum_lots": 1}, {"rounding": "up"}, {"rounding": "nearest"}, {"residual": "carry"}]
)
def test_what_may_become_a_lot_after_all_is_not_told(bounds: dict[str, Any], tmp_path: Path) -> None:
    rule = {"underlying": "NIFTY"}, {**QUANTITY, "quantity": 40}
    assert [one.code for one in of_rule(tmp_path, *rule, sizing=RATIO)] == ["R229"]
    assert of_rule(tmp_path, *rule, sizing={**RATIO, **bounds}) == []


@tried(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ratio=st.decimals("0.001", "3", places=3).map(float),
    most=st.integers(1, 300),
    rounding=st.sampled_from(["down", "nearest", "up"]),
    minimum=st.integers(0, 1),
)
def test_what_is_told_is_what_the_sizing_does(
    ratio: float, most: int, rounding: str, minimum: int, tmp_path: Path
) -> None:
    sizing = {"strategy": "fixed_ratio", "ratio": ratio, "rounding": rounding, "minimum_lots": minimum}
    found = of_rule(tmp_path, {"underlying": "NIFTY", "quantity": {"to": most}}, sizing=sizing)
    fixed = fix(policy_of({"sizing": sizing}).sizing, None, 65)
    is_lost = size(fixed, most).quantity == 0  # type: ignore[arg-type]
    assert [one.code for one in found] == (["R229"] if is_lost else [])


def test_a_limit_or_a_freeze_quantity_below_a_lot_is_told(tmp_path: Path) -> None:
    match = {"underlying": ["NIFTY", "BANKNIFTY"]}
    (found,) = of_rule(tmp_path, match, limits={"max_order_quantity": 64})
    assert (found.code, found.severity, "65 in NIFTY" in found.message) == ("R220", "warning", True)
    assert of_rule(tmp_path, match, limits={"max_order_quantity": 65}) == []
    frozen = {"NIFTY": 64, "BANKNIFTY": 30, "GOLD": None, "*": 1}
    (found,) = told(tmp_path, {"mapping": {"freeze_quantity": frozen}})
    assert (found.code, found.path) == ("R241", "policy.mapping.freeze_quantity.NIFTY")


# ---- accounts and limits --------------------------------------------------------------------------------------------


def follower(number: int, **keys: Any) -> dict[str, Any]:
    return {"name": f"f{number}", "client_id": str(number), "access_token": "${TOKEN}", **keys}


@pytest.mark.parametrize(
    ("one", "two", "is_told"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:DB8:0::1", True),
        ("${ADDRESS}", "${ADDRESS}", True),
        ("${ADDRESS}", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.2", False),
        (None, None, False),
    ],
)
def test_followers_that_send_from_one_address_are_told(
    one: str | None, two: str | None, is_told: bool, tmp_path: Path
) -> None:
    found = told(tmp_path, {}, followers=[follower(1, source_ip=one), follower(2, source_ip=two)])
    assert [(it.code, it.path) for it in found] == ([("R233", "followers[1].source_ip")] if is_told else [])


LIMITED = {"max_daily_loss": 1000}


@pytest.mark.parametrize(
    ("limits", "own", "expected"),
    [
        ({}, None, ["policy.limits"]),
        ({"on_breach": "reduce", "max_order_value": None}, None, ["policy.limits"]),
        ({"max_order_value": "${MOST}"}, None, []),
        (LIMITED, None, []),
        ({}, LIMITED, []),
        (LIMITED, {"max_daily_loss": None}, ["followers[0].policy.limits"]),
    ],
)
def test_a_follower_without_any_limit_is_told(
    limits: dict[str, Any], own: dict[str, Any] | None, expected: list[str], tmp_path: Path
) -> None:
    one = follower(1, policy={"limits": own} if own is not None else {})
    found = told(tmp_path, {"limits": limits}, followers=[one])
    assert [(it.code, it.path) for it in found] == [("R232", path) for path in expected]


@pytest.mark.parametrize(
    "broker", [{"adapter": "simulator"}, {"adapter": "dhan", "rest_url": "http://127.0.0.1:8080/v2"}]
)
def test_play_money_needs_no_limit(broker: dict[str, Any], tmp_path: Path) -> None:
    assert told(tmp_path, {"limits": {}}, broker=broker) == []


@pytest.mark.parametrize(
    "policy",
    [
        {"mapping": {"stop_market": {"derivatives": "native"}}},
        {"checks": {"instrument": False}},
        {"checks": {"self_trade": "off"}},
        {
            "filters": {
                "rules": [
                    {
                        "name": "one",
                        "match": {},
                        "action": "copy",
                        "mapping": {"stop_market": {"derivatives": "native"}},
                    }
                ]
            }
        },
    ],
)
def test_a_safeguard_that_is_taken_away_is_told(policy: dict[str, Any], tmp_path: Path) -> None:
    assert [one.code for one in told(tmp_path, policy)] == ["R223"]


def test_a_runaway_without_an_end_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, {}, kill_switch={"on_orders_per_leader_order": None})
    assert [(one.code, one.path) for one in found] == [("R223", "kill_switch.on_orders_per_leader_order")]
