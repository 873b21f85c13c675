"""Reports of journals that chance made: the same as by hand, in pieces or at once; and what their figures mean."""

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.events import Started
from copyctl.model.journal import Entry
from copyctl.model.records import Record
from copyctl.model.terms import Decision, OrderStatus, Side
from copyctl.report.analysis.fills import fills
from copyctl.report.analysis.latency import latency
from copyctl.report.analysis.reports import REPORTS
from copyctl.report.analysis.slippage import slippage
from copyctl.report.span import Span
from tests.properties import tried
from tests.report.analysis.agreement import agree
from tests.report.analysis.by_hand import Ledger
from tests.report.analysis.made import days
from tests.store.world import (
    ALICE,
    BOB,
    LEADER,
    NAMES,
    NIFTY,
    SECOND,
    TEN,
    change,
    copy,
    fill,
    order,
    slot,
    store,
    whole_day,
    written,
)

MONDAY = date(2026, 9, 7)


def kept(folder: Path, *records: Record) -> None:
    written(folder, Entry(event=Started(at=TEN), changes=tuple(change(one) for one in (NIFTY, *records))))


def told(folder: Path, name: str, by: tuple[str, ...] = (), span: Span | None = None) -> list[dict[str, Any]]:
    with store(folder) as it:
        return REPORTS[name].rows(it.database, span or Span(), by)


@pytest.mark.timeout(600)
@tried(45)
@given(turns=days(), cut=st.integers(0, 10))
def test_whatever_happened_reports_say_the_same_as_by_hand_in_pieces_or_at_once(
    turns: list[Entry], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("made")
    for piece in (turns[:cut], turns[cut:]):
        written(folder, *piece)
        with store(folder) as it:
            grown = {name: report.rows(it.database, Span(), ()) for name, report in REPORTS.items()}
    for file in folder.glob("copyctl.duckdb*"):
        file.unlink()
    with store(folder) as it:
        assert {name: report.rows(it.database, Span(), ()) for name, report in REPORTS.items()} == grown
        agree(it.database, Ledger(folder, LEADER), NAMES)
    rows = grown["slippage"]
    event(f"unfilled: {bool(rows and rows[0]['unfilled'])}, filled: {bool(rows and rows[0]['fills'])}")
    shutil.rmtree(folder)


def test_cost_is_positive_for_whoever_paid_more_and_for_whoever_got_less(tmp_path: Path) -> None:
    kept(
        tmp_path,
        order(LEADER, "1", 65, 65, "100"),
        order(ALICE, "2", 65, 65, "101"),
        copy("1", ALICE, [slot("a", "2", 65, 65, "101")]),
        fill(ALICE, "2", "t1", 65, "101"),
        order(LEADER, "3", 65, 65, "100", side=Side.SELL),
        order(BOB, "4", 65, 65, "101", side=Side.SELL),
        copy("3", BOB, [slot("b", "4", 65, 65, "101")]),
        fill(BOB, "4", "t2", 65, "101", side=Side.SELL),
    )
    alice, bob = told(tmp_path, "slippage", ("follower",))
    assert (alice["follower"], alice["cost"], alice["mean_bps"], alice["cost_per_unit"]) == ("alice", 65, 100, 1)
    assert (bob["follower"], bob["cost"], bob["mean_bps"], bob["cost_per_unit"]) == ("bob", -65, -100, -1)
    assert (alice["unfilled"], alice["shortfall"]) == (0, 65)
    (whole,) = told(tmp_path, "slippage")
    assert (whole["fills"], whole["cost"], whole["mean_bps"]) == (2, 0, 0)


def dead(folder: Path, *more: Record, status: OrderStatus = OrderStatus.TRADED, filled: int = 130) -> None:
    """A copy of 65 of the leader's 130 at 100 that the broker rejected, and the market went to 104."""
    lead = order(LEADER, "1", 130, filled, "100", last_price=Decimal(104), last_price_at=TEN + 9 * SECOND)
    rejected = copy("1", ALICE, [slot("a", "2", 65, 0, "0")], decision=Decision.DEAD, reason="rejected_margin")
    kept(folder, replace(lead, status=status), order(ALICE, "2", 65, 0, "0"), rejected, *more)


def test_what_was_wanted_and_never_filled_costs_what_the_market_did_without_it(tmp_path: Path) -> None:
    dead(tmp_path)
    (row,) = told(tmp_path, "slippage", ("follower", "day", "underlying", "hour"))
    assert (row["follower"], row["day"], row["underlying"], row["hour"]) == ("alice", MONDAY, "NIFTY", 10)
    assert (row["fills"], row["quantity"], row["cost"], row["mean_bps"], row["p95_bps"]) == (0, 0, 0, None, None)
    assert (row["unfilled"], row["opportunity_cost"], row["shortfall"]) == (65, 260, 260)
    assert (row["shortfall_bps"], row["unpriced"]) == (400, 0)


def test_the_newest_price_of_the_day_counts_and_none_of_another(tmp_path: Path) -> None:
    tomorrow, later = TEN + 86_400 * SECOND, TEN + 60 * SECOND
    dead(tmp_path, fill(BOB, "8", "x", 1, "106", at=later), fill(BOB, "9", "y", 1, "150", at=tomorrow))
    assert told(tmp_path, "slippage")[0]["opportunity_cost"] == 65 * 6


def test_without_a_price_of_the_day_the_opportunity_is_not_known_and_said_so(tmp_path: Path) -> None:
    rejected = copy("1", ALICE, [slot("a", "2", 65, 0, "0")], decision=Decision.DEAD)
    kept(tmp_path, order(LEADER, "1", 65, 65, "100"), order(ALICE, "2", 65, 0, "0"), rejected)
    (row,) = told(tmp_path, "slippage")
    assert (row["unfilled"], row["unpriced"], row["opportunity_cost"], row["shortfall_bps"]) == (65, 65, 0, None)


def test_of_an_open_order_of_his_only_what_has_traded_is_missed(tmp_path: Path) -> None:
    dead(tmp_path, status=OrderStatus.PENDING, filled=65)
    assert told(tmp_path, "slippage") == []  # half of 65 is less than a lot


def test_what_a_trade_tells_has_filled_whatever_else_was_seen(tmp_path: Path) -> None:
    dead(tmp_path, fill(ALICE, "2", "t1", 65, "101"))
    (row,) = told(tmp_path, "slippage")
    assert (row["fills"], row["unfilled"], row["shortfall"]) == (1, 0, 65)


@pytest.mark.parametrize("decision", [Decision.SKIPPED, Decision.REFUSED])
def test_what_was_not_wanted_was_not_missed(tmp_path: Path, decision: Decision) -> None:
    dead(tmp_path, copy("1", ALICE, [slot("a", "2", 65, 0, "0")], decision=decision, reason="filtered"))
    assert told(tmp_path, "slippage") == []


def test_days_are_included_at_both_ends(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    before, after = MONDAY - timedelta(days=1), MONDAY + timedelta(days=1)
    for span, there in (
        (Span(first=MONDAY, last=MONDAY), True),
        (Span(first=before, last=MONDAY), True),
        (Span(first=MONDAY), True),
        (Span(last=before), False),
        (Span(first=after), False),
    ):
        for name in REPORTS:
            stays = name in ("pnl", "summary") and span.first == after  # what is open is there on later days too
            if name != "rejections" and not stays:
                assert bool(told(tmp_path, name, span=span)) is there, (name, span)


def test_stages_are_in_their_order_and_whole_seconds_count_from_the_same_second(tmp_path: Path) -> None:
    written(tmp_path, *whole_day())
    with store(tmp_path) as it:
        rows = latency(it.database, Span(), ("follower",))
    alice = [(row["stage"], row["orders"], row["p50_ms"]) for row in rows if row["follower"] == "alice"]
    assert alice == [
        ("received", 1, 0.0),
        ("decided", 1, 1.0),
        ("sent", 1, 2.0),
        ("acknowledged", 1, 27.0),
        ("filled", 1, 0.0),
    ]


def test_the_leaders_frame_is_waited_for_once_by_an_order_that_was_placed_twice(tmp_path: Path) -> None:
    slots = [slot("a", "2", 65, 0, "0", at=TEN + 2 * SECOND), slot("b", "3", 65, 0, "0", at=TEN + 900 * SECOND)]
    orders = (order(ALICE, "2", 65, 0, "0"), order(ALICE, "3", 65, 0, "0"))
    kept(tmp_path, order(LEADER, "1", 65, 0, "0"), *orders, copy("1", ALICE, slots))
    with store(tmp_path) as it:
        stages = {row["stage"]: row for row in latency(it.database, Span(), ())}
    assert (stages["received"]["orders"], stages["received"]["p99_ms"]) == (1, 2000)
    assert stages["sent"]["orders"] == 2
    assert "filled" not in stages


def test_fills_are_told_one_by_one_also_of_copyctls_own_orders(tmp_path: Path) -> None:
    own = copy("position:NSE_FNO/43210", ALICE, [slot("z", "9", 65, 65, "103")], at=TEN + SECOND)
    kept(tmp_path, order(ALICE, "9", 65, 65, "103"), own, fill(ALICE, "9", "t9", 65, "103", at=TEN + 5 * SECOND))
    written(tmp_path, *whole_day())
    with store(tmp_path) as it:
        rows = fills(it.database, Span())
    assert [(row["follower"], row["quantity"], row["price"], row["reference"], row["cost"]) for row in rows] == [
        ("alice", 65, Decimal("100.5"), Decimal("100.5"), 0),
        ("alice", 65, Decimal(101), Decimal("100.5"), Decimal("32.5")),
        ("bob", 65, Decimal(101), Decimal("100.5"), Decimal("32.5")),
        ("alice", 65, Decimal(103), None, None),
    ]
    assert rows[3]["leader_order_id"] is None


def test_a_rejection_says_in_words_what_its_code_means(tmp_path: Path) -> None:
    dead(tmp_path)
    (row,) = told(tmp_path, "rejections", ("follower",))
    assert (row["follower"], row["reason"], row["decision"], row["orders"]) == ("alice", "rejected_margin", "dead", 1)
    assert row["meaning"] == "the account's money does not cover the margin"
    assert row["value"] == 65 * 100


def test_a_name_from_outside_is_a_value_and_no_sql(tmp_path: Path) -> None:
    lead = order(LEADER, "1", 65, 65, "100")
    made = copy("1", ALICE, [slot("a", "2", 65, 65, "101")], rule="it's \"; DROP TABLE copies; --")
    kept(tmp_path, lead, order(ALICE, "2", 65, 65, "101"), made)
    (row,) = told(tmp_path, "slippage", ("rule",))
    assert row["rule"] == made.rule
    with store(tmp_path) as it:
        assert slippage(it.database, Span(), ("rule",)) == [row]
