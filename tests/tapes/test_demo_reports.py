"""The demo's day in reports: the same figures as by hand, and all of them on a page."""

import json
from pathlib import Path

import pytest

from copyctl.report.analysis.reports import REPORTS
from copyctl.report.span import Span
from tests.report.analysis.agreement import agree
from tests.report.analysis.by_hand import Ledger
from tests.store.world import rows, store
from tests.tapes.conftest import copyctl

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]

LEADER, ALICE, BOB = "1100000001", "1100000002", "1100000003"
NAMES = {LEADER: "leader", ALICE: "alice", BOB: "bob"}


def test_reports_say_what_the_records_add_up_to(demo: Path) -> None:
    ledger = Ledger(demo.parent / "store", LEADER)
    assert len(ledger.slippage()) >= 2
    with store(demo.parent / "store", names=NAMES) as it:
        agree(it.database, ledger, NAMES)


def test_every_report_can_be_grouped_by_every_key(demo: Path) -> None:
    with store(demo.parent / "store", names=NAMES) as it:
        for report in REPORTS.values():
            whole = report.rows(it.database, Span(), ())
            assert whole
            counted = next((one for one in ("fills", "orders", "trades") if one in report.figures), "")
            for key in report.keys if report.by is not None else ():
                rows_by_key = report.rows(it.database, Span(), (key,))
                assert all(list(row) == list(report.kinds((key,))) for row in rows_by_key)
                if key == "follower" and counted == "trades":
                    rows_by_key = [row for row in rows_by_key if row["follower"] != "leader"]
                assert sum(row[counted] for row in rows_by_key) == sum(row[counted] for row in whole)


def test_each_decision_is_the_one_that_orders_tells(demo: Path) -> None:
    told = json.loads(copyctl("orders", "--rules", str(demo), "--format", "json"))["copies"]
    orders = [row["decision"] for row in told if not row["leader_order_id"].startswith("position:")]
    for row in json.loads(copyctl("report", "decisions", "--rules", str(demo), "--by", "follower"))["rows"]:
        same = [
            one
            for one in told
            if (one["follower"], one["decision"], one["reason"]) == (row["follower"], row["decision"], row["reason"])
        ]
        assert row["orders"] == len(same)
    assert len(orders) == sum(
        row["orders"] for row in json.loads(copyctl("report", "decisions", "--rules", str(demo)))["rows"]
    )


def test_every_trade_of_a_copy_is_a_row_of_fills(demo: Path) -> None:
    told = json.loads(copyctl("report", "fills", "--rules", str(demo)))["rows"]
    assert {(row["order_id"], row["trade_id"]) for row in told if row["trade_id"]} == set(
        rows(
            demo.parent / "store",
            "SELECT order_id, trade_id FROM fills JOIN placements USING (account, order_id)",
            names=NAMES,
        )
    )


def test_stages_take_as_long_as_from_one_moment_to_the_next(demo: Path) -> None:
    ledger = Ledger(demo.parent / "store", LEADER)
    slots = [slot for copy in ledger.copies for slot in copy.slots if slot.left_at and slot.answered_at]
    told = {row["stage"]: row for row in json.loads(copyctl("report", "latency", "--rules", str(demo)))["rows"]}
    took = sorted(one.answered_at - one.left_at for one in slots)
    assert told["acknowledged"]["orders"] == len(took)
    assert (
        took[0] / 1e6 - 0.01
        <= told["acknowledged"]["p50_ms"]
        <= told["acknowledged"]["p99_ms"]
        <= took[-1] / 1e6 + 0.01
    )
    middle = (took[(len(took) - 1) // 2] + took[len(took) // 2]) / 2e6
    assert told["acknowledged"]["p50_ms"] == pytest.approx(middle, abs=0.01)
    traded = any(True for copy in ledger.copies for _ in ledger.fills(copy))
    assert list(told) == ["received", "decided", "sent", "acknowledged", *(["filled"] if traded else [])]
