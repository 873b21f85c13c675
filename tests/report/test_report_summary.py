"""The closing table of a run."""

from typing import Any

from copyctl.model.placement import Standing
from copyctl.model.records import Record
from copyctl.model.terms import Decision, OrderStatus
from copyctl.report.summary import summary
from tests.report.world import ALICE, BOB, LEADER, NAMES, NINE, copy, fill, order, records, slot

BEFORE = NINE - 1


def told(*rows: Record) -> dict[str, dict[str, Any]]:
    return {row["follower"]: row for row in summary(records(*rows), NAMES, leader=LEADER, since=NINE)}


def test_every_follower_has_a_row_even_with_nothing_in_it() -> None:
    assert told()["bob"] == {
        "follower": "bob",
        "copied": 0,
        "skipped": {},
        "refused": {},
        "queued": {},
        "dead": {},
        "fills": 0,
        "filled_quantity": 0,
        "slippage_bps": None,
        "slippage_cost": None,
        "latency_ms": {"p50": None, "p99": None},
    }


def test_decisions_are_counted_by_rule_and_by_reason() -> None:
    row = told(
        copy("L1"),
        copy("L2", decision=Decision.SKIPPED, reason="filtered", rule="no penny options"),
        copy("L3", decision=Decision.SKIPPED, reason="filtered", rule="no penny options"),
        copy("L4", decision=Decision.SKIPPED, reason="leader_over"),
        copy("L5", decision=Decision.REFUSED, reason="zero_quantity"),
        copy("L6", decision=Decision.QUEUED, reason="rate_limit"),
        copy("L7", decision=Decision.DEAD, reason="rejected_margin"),
        copy("L8", created_at=BEFORE),
        copy("L9", follower=BOB),
    )["alice"]
    assert row["copied"] == 1
    assert row["skipped"] == {"no penny options": 2, "leader_over": 1}
    assert (row["refused"], row["queued"], row["dead"]) == (
        {"zero_quantity": 1},
        {"rate_limit": 1},
        {"rejected_margin": 1},
    )


def test_slippage_is_weighted_by_value_and_fills_are_counted() -> None:
    row = told(
        order(LEADER, "L1", OrderStatus.TRADED, filled=100, average="100"),
        order(LEADER, "L2", OrderStatus.TRADED, filled=300, average="100"),
        copy("L1", slot(0, Standing.ENDED, order_id="F1", filled=100, average="101", frame_at=NINE, left_at=NINE + 5)),
        copy("L2", slot(0, Standing.ENDED, order_id="F2", filled=300, average="100")),
        fill(ALICE, "F1", "T1", 100, "101"),
        fill(ALICE, "F2", "T2", 300, "100"),
        fill(ALICE, "F0", "T0", 50, "100", BEFORE),
        fill(LEADER, "L1", "T1", 100, "100"),
    )["alice"]
    assert (row["fills"], row["filled_quantity"]) == (2, 400)
    assert (row["slippage_bps"], row["slippage_cost"]) == (25, 100)
    assert row["latency_ms"] == {"p50": 0.0, "p99": 0.0}
