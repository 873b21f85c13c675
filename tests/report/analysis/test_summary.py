"""The summary adds up what other reports tell, and is set against objectives."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from copyctl.model.deployment import Objectives
from copyctl.report.analysis.objectives import judged
from copyctl.report.analysis.pnl import pnl
from copyctl.report.analysis.summary import FIGURES, KEYS, summary
from copyctl.report.analysis.tracking import tracking
from copyctl.report.span import KEYS as EVERY_KEY
from copyctl.report.span import CannotGroup, Span
from tests.report.analysis.traded import (
    ALICE,
    BOB,
    LEADER,
    MONDAY,
    SEGMENT,
    Row,
    cleared,
    empty,
    instrument,
    moment,
    put,
    row,
)

DECISIONS = {ALICE: ["copied"] * 6 + ["refused", "dead", "skipped", "queued"], BOB: ["copied"] * 4}
HERE = {"exchange_segment": SEGMENT, "security_id": "1", "product": "INTRADAY", "day": MONDAY}


def at(second: float) -> datetime:
    return moment(MONDAY, second)


def leader_order(number: int) -> Iterator[Row]:
    """It buys and sells in turn, ten units each, a minute apart."""
    side, price = ("SELL", 110) if number % 2 else ("BUY", 100)
    values = HERE | {"side": side, "quantity": 10}
    name, when = f"leader {number}", at(60 * number)
    yield row(
        "leader_orders", leader_order_id=name, filled=10, average_price=price, status="TRADED", seen_at=when, **values
    )
    yield row("fills", account=LEADER, trade_id=str(number), order_id=name, price=price, traded_at=when, **values)


def copy(account: str, number: int, decision: str) -> Iterator[Row]:
    """Its copy, which leaves ``number`` + 1 ms after the frame and fills a rupee dearer, and cheaper when sold."""
    name, order, when = f"leader {number}", f"{account} {number}", at(60 * number)
    side, price = ("SELL", 109) if number % 2 else ("BUY", 101)
    told = {"copy_id": name, "leader_order_id": name, "account": account}
    shape = HERE | {"side": side}
    yield row(
        "copies",
        **told,
        decision=decision,
        exit=bool(number % 2),
        wanted_quantity=0 if number % 2 else 10,
        created_at=when,
        updated_at=when,
        **shape,
    )
    if decision != "copied":
        return
    left = at(60 * number + (number + 1) / 1000)
    yield row("placements", **told, placement=order, order_id=order, frame_at=when, left_at=left, day=MONDAY, filled=10)
    yield row(
        "fills",
        account=account,
        trade_id=str(number),
        order_id=order,
        price=price,
        traded_at=when,
        quantity=10,
        **shape,
    )
    yield row(
        "slippage",
        **told,
        order_id=order,
        price=price,
        reference=110 if number % 2 else 100,
        multiplier=1,
        turnover=1000,
        cost=10,
        quantity=10,
        bps=float(number),
        underlying="NIFTY",
        symbol="symbol 1",
        **shape,
    )


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    database = empty()
    cleared(database)
    put(database, [instrument("1")])
    yield database
    database.close()


@pytest.fixture
def day(store: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    put(store, [one for number in range(10) for one in leader_order(number)])
    for account, decisions in DECISIONS.items():
        put(store, [one for number, decision in enumerate(decisions) for one in copy(account, number, decision)])
    for number, (level, account) in enumerate(
        [("critical", ALICE), ("warning", ALICE), ("warning", ALICE), ("info", BOB)]
    ):
        put(store, [row("alerts", seq=number, happened_at=at(0), day=MONDAY, level=level, account=account)])
    return store


def test_one_row_for_each_follower(day: duckdb.DuckDBPyConnection) -> None:
    alice, bob = summary(day, Span(), ["follower"])
    assert list(alice) == ["follower", *FIGURES]
    counted = ("orders", "copied", "skipped", "refused", "queued", "dead", "copied_pct")
    assert [alice[one] for one in ("follower", *counted)] == ["alice", 10, 6, 1, 1, 1, 1, 75]
    assert [bob[one] for one in ("follower", *counted)] == ["bob", 4, 4, 0, 0, 0, 0, 100]
    assert (alice["slippage_p95_bps"], alice["cost"]) == (4.75, 60)
    assert (alice["latency_p50_ms"], alice["latency_p95_ms"]) == (3.5, 5.75)
    assert (alice["alerts_critical"], alice["alerts_warning"]) == (1, 2)
    assert (bob["alerts_critical"], bob["alerts_warning"]) == (0, 0)
    assert (alice["realised"], bob["realised"]) == (3 * 80, 2 * 80)
    assert (alice["active_profit"], alice["charges"]) == (-60, None)


def test_its_figures_are_those_of_the_other_reports(day: duckdb.DuckDBPyConnection) -> None:
    for by in (["follower"], ["follower", "underlying"], ["day", "follower"], ["symbol"]):
        for report in (pnl, tracking):
            others = {tuple(one[key] for key in by): one for one in report(day, Span(), by)}
            for found in summary(day, Span(), by):
                other = others[tuple(found[key] for key in by)]
                assert {name: found[name] for name in other if name in found} == {
                    name: value for name, value in other.items() if name in found
                }


def test_other_days_are_left_out(day: duckdb.DuckDBPyConnection) -> None:
    assert summary(day, Span(last=MONDAY - timedelta(days=1)), ["follower"]) == []
    assert len(summary(day, Span(first=MONDAY, last=MONDAY), ["follower"])) == 2


def test_a_follower_that_did_nothing_has_a_row_of_nothing(day: duckdb.DuckDBPyConnection) -> None:
    put(day, [row("accounts", account="1004", name="carol", role="follower")])
    carol = summary(day, Span(), ["follower"])[-1]
    assert (carol["follower"], carol["orders"], carol["alerts_critical"]) == ("carol", 0, 0)
    assert (carol["copied_pct"], carol["tracking_error_pct"], carol["realised"]) == (None, None, None)


def test_nothing_has_no_row(store: duckdb.DuckDBPyConnection) -> None:
    assert summary(store, Span(), ["follower"]) == []
    assert summary(store, Span(), []) == []


def test_alerts_are_of_followers_and_days_alone(day: duckdb.DuckDBPyConnection) -> None:
    (found,) = summary(day, Span(), ["underlying"])
    assert (found["underlying"], found["orders"], found["alerts_critical"]) == ("NIFTY", 14, None)
    (found,) = summary(day, Span(), ["week"])
    assert (found["week"], found["alerts_critical"], found["alerts_warning"]) == ("2026-W37", 1, 2)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_it_groups(day: duckdb.DuckDBPyConnection, key: str) -> None:
    found = summary(day, Span(), [key])
    assert sum(one["orders"] for one in found) == 14


@pytest.mark.parametrize("key", [key for key in EVERY_KEY if key not in KEYS])
def test_a_key_that_some_figure_does_not_have_is_refused(day: duckdb.DuckDBPyConnection, key: str) -> None:
    with pytest.raises(CannotGroup, match=f"summary cannot be grouped by {key}"):
        summary(day, Span(), [key])


# --- objectives -------------------------------------------------------------------------------------------------------


def objectives(**given: str) -> Objectives:
    goals = dict.fromkeys(("copied_pct", "slippage_p95_bps", "tracking_error_pct")) | given
    return Objectives(**{name: None if goal is None else Decimal(goal) for name, goal in goals.items()})


def missed(rows: list[dict[str, Any]], goals: Objectives) -> list[str]:
    return judged(rows, goals).missed


def figures(**given: Any) -> dict[str, Any]:
    return {"follower": "alice"} | dict.fromkeys(FIGURES) | given


@pytest.mark.parametrize(
    ("name", "figure", "goal", "is_missed"),
    [
        ("copied_pct", 99.0, "99", False),
        ("copied_pct", 98.999999, "99", True),
        ("slippage_p95_bps", 25.0, "25", False),
        ("slippage_p95_bps", 25.1, "25", True),
        ("slippage_p95_bps", -3.0, "25", False),
        ("tracking_error_pct", 2.0, "2", False),
        ("tracking_error_pct", 2.000001, "2", True),
    ],
)
def test_an_objective_is_hit_or_missed(name: str, figure: float, goal: str, *, is_missed: bool) -> None:
    told = missed([figures(**{name: figure})], objectives(**{name: goal}))
    bound = "least" if name == "copied_pct" else "most"
    assert told == ([f"alice: {name} is {figure}, the objective is at {bound} {goal}"] if is_missed else [])


def test_each_follower_is_judged_by_each_objective(day: duckdb.DuckDBPyConnection) -> None:
    rows = summary(day, Span(), ["follower"])
    told = missed(rows, objectives(copied_pct="80", slippage_p95_bps="2"))
    assert told == [
        "alice: copied_pct is 75.0, the objective is at least 80",
        "alice: slippage_p95_bps is 4.75, the objective is at most 2",
        "bob: slippage_p95_bps is 2.85, the objective is at most 2",
    ]


def test_what_is_not_known_is_not_missed_and_is_said() -> None:
    verdict = judged([figures()], objectives(copied_pct="99"))
    assert (verdict.asked, verdict.missed) == (True, [])
    assert verdict.untold == ["alice: copied_pct is not known: nothing tells whether it is at least 99"]


def test_without_objectives_nothing_is_asked() -> None:
    verdict = judged([figures(copied_pct=0.0)], objectives())
    assert (verdict.asked, verdict.missed, verdict.untold) == (False, [], [])


def test_a_row_is_called_by_all_its_keys() -> None:
    row_of_day = {"day": MONDAY, **figures(copied_pct=1.0)}
    assert missed([row_of_day], objectives(copied_pct="99")) == [
        "2026-09-07, alice: copied_pct is 1.0, the objective is at least 99"
    ]
    whole = {name: value for name, value in figures(copied_pct=1.0).items() if name != "follower"}
    assert missed([whole], objectives(copied_pct="99"))[0].startswith("all followers: ")
