"""An order that reverses a position through flat has two copies, and is one row wherever people look."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.order import Terms
from copyctl.model.placement import Standing
from copyctl.model.records import Copy, Record
from copyctl.model.terms import Decision, OrderStatus, OrderType, Side, Validity
from copyctl.report.orders import copies
from copyctl.report.status import Member, Run, status
from copyctl.report.summary import summary
from tests.report.world import (
    ALICE,
    BOB,
    LEADER,
    NAMES,
    NINE,
    RATES,
    asked,
    copy,
    instrument,
    lead,
    order,
    records,
    slot,
)

SELL = {"side": Side.SELL}
WORKING, ENDED = Standing.WORKING, Standing.ENDED


def rows(*kept: Record, **about: Any) -> list[dict[str, Any]]:
    return copies(records(*kept), NAMES, leader=LEADER, **about)


def row(*kept: Record, **about: Any) -> dict[str, Any]:
    (one,) = rows(*kept, **about)
    return one


def follower(*kept: Record) -> dict[str, Any]:
    run = Run(running=True, now=NINE + 10**9, since=NINE, leader=LEADER)
    document = status(records(*kept), run, [Member(name="alice", account=ALICE)], RATES)
    return {**document["followers"][0], "latency_ms": document["latency_ms"]}


HIS = (lead("L", quantity=150), order(LEADER, "L", OrderStatus.TRADED, quantity=150, filled=150, average="100", **SELL))
EXIT = copy(
    "L",
    slot(0, ENDED, order_id="F1", quantity=50, filled=50, average="99"),
    wanted=50,
    exit=True,
    detail="closes 50: 0 owed, 0 offered",
    rule="any",
    **SELL,
)
WAITS = copy("L#entry", wanted=None, decision=Decision.QUEUED, reason="exit_open", detail="not filled yet")
ENTRY = copy(
    "L#entry",
    slot(0, WORKING, order_id="F2", quantity=25),
    wanted=25,
    detail="0.5 x 50 = 25",
    rule="calls",
    basket="L0#entry",
    updated_at=NINE + 9,
    **SELL,
)
AT_BROKER = (
    order(ALICE, "F1", OrderStatus.TRADED, quantity=50, filled=50, average="99", **SELL),
    order(ALICE, "F2", OrderStatus.PENDING, quantity=25, **SELL),
)


def test_decision_and_reason_are_the_entrys_and_detail_tells_both() -> None:
    told = row(*HIS, AT_BROKER[0], EXIT, WAITS)
    assert (told["leader_order_id"], told["follower"], told["exit"]) == ("L", "alice", False)
    assert (told["decision"], told["reason"]) == ("queued", "exit_open")
    assert told["detail"] == "exit: closes 50: 0 owed, 0 offered; entry: not filled yet"
    assert (told["wanted_quantity"], told["follower_order_ids"], told["follower_status"]) == (50, ["F1"], "TRADED")


def test_quantities_fills_and_orders_are_added_up() -> None:
    told = row(*HIS, *AT_BROKER, ENTRY, EXIT)
    assert (told["decision"], told["reason"], told["wanted_quantity"]) == ("copied", None, 75)
    assert (told["follower_order_ids"], told["follower_status"]) == (["F1", "F2"], "PART_TRADED")
    assert (told["follower_quantity"], told["follower_filled"], told["follower_average_price"]) == (75, 50, 99)
    assert (told["leader_status"], told["leader_quantity"], told["leader_filled"]) == ("TRADED", 150, 150)
    assert (told["rule"], told["basket"], told["correlation_id"]) == ("calls", "L0", "cc0")
    assert told["updated_at"].endswith("09:20:00.000+05:30")


def test_slippage_is_that_of_everything_that_filled_for_the_order() -> None:
    entry = copy("L#entry", slot(0, ENDED, order_id="F2", quantity=25, filled=25, average="96"), wanted=25, **SELL)
    told = row(*HIS, EXIT, entry)
    assert (told["follower_average_price"], told["slippage_per_unit"], told["slippage"]) == (98, 2, 150)
    (closing, _) = summary(records(*HIS, EXIT, entry), NAMES, leader=LEADER)
    assert (closing["copied"], closing["filled_quantity"], closing["slippage_cost"]) == (1, 75, 150)
    assert closing["slippage_bps"] == 200


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ((Decision.REFUSED, "zero_quantity"), ("CANCELLED", 50)),
        ((Decision.DEAD, "rejected_margin"), ("CANCELLED", 50)),
    ],
)
def test_an_entry_that_came_to_nothing_leaves_the_exit_as_it_is(
    entry: tuple[Decision, str], said: tuple[str, int]
) -> None:
    exit_part = copy(
        "L", slot(0, ENDED, order_id="F1", quantity=50, filled=50, cancel_asked=True), wanted=50, exit=True
    )
    decision, reason = entry
    cancelled = order(ALICE, "F1", OrderStatus.CANCELLED, quantity=50, filled=50)
    told = row(*HIS, cancelled, exit_part, copy("L#entry", wanted=None, decision=decision, reason=reason))
    assert (told["decision"], told["reason"]) == (decision.value, reason)
    assert (told["follower_status"], told["follower_quantity"]) == said


def test_a_part_whose_decision_is_not_the_rows_says_so() -> None:
    none = copy("L", wanted=None, exit=True, decision=Decision.REFUSED, reason="exit_without_position", detail="")
    told = row(*HIS, none, ENTRY)
    assert told["decision"] == "copied"
    assert told["detail"] == (
        "exit: refused (exit_without_position): the follower has no copied position to close; entry: 0.5 x 50 = 25"
    )


def test_drift_of_either_part_is_told_by_its_name() -> None:
    entry = copy("L#entry", wanted=25, drift="filled 20 where 25 are wanted", **SELL)
    assert row(*HIS, EXIT, entry)["drift"] == "entry: filled 20 where 25 are wanted"
    assert row(*HIS, EXIT, WAITS)["drift"] is None


@pytest.mark.parametrize("part", [EXIT, WAITS], ids=["exit", "entry"])
def test_one_part_alone_is_a_row_of_the_leaders_order(part: Copy) -> None:
    told = row(*HIS, part)
    assert (told["leader_order_id"], told["leader_quantity"], told["detail"]) == ("L", 150, part.detail)
    assert told["exit"] is part.exit


def test_the_leaders_order_finds_both_parts() -> None:
    assert len(rows(*HIS, EXIT, WAITS, copy("L2"), leader_order_id="L")) == 1
    assert rows(*HIS, EXIT, WAITS, leader_order_id="L#entry") == []


def test_followers_are_not_mixed_up() -> None:
    told = rows(*HIS, EXIT, copy("L#entry", follower=BOB, wanted=None, decision=Decision.QUEUED))
    assert [(one["follower"], one["decision"]) for one in told] == [("alice", "copied"), ("bob", "queued")]


# --- status ---------------------------------------------------------------------------------------------------------


def counted(*kept: Record) -> dict[str, Any]:
    found = follower(*kept)
    return {name: found[name] for name in ("open_orders", "queued", "dead_letters", "unresolved")}


def test_status_counts_orders_at_the_broker_one_by_one_and_rows_once() -> None:
    resting = copy("L", slot(0, WORKING, order_id="F1"), exit=True, decision=Decision.QUEUED)
    assert counted(resting, WAITS) == {"open_orders": 1, "queued": 1, "dead_letters": 0, "unresolved": 0}
    assert counted(EXIT, ENTRY) == {"open_orders": 1, "queued": 0, "dead_letters": 0, "unresolved": 0}


def test_status_overlooks_no_part_that_is_dead_or_waits() -> None:
    dead = copy("L", slot(0, Standing.REJECTED), exit=True, decision=Decision.DEAD, reason="unresolved")
    assert counted(dead, ENTRY) == {"open_orders": 1, "queued": 0, "dead_letters": 1, "unresolved": 1}
    waits = copy("L", exit=True, decision=Decision.QUEUED, reason="entry_open")
    refused = copy("L#entry", wanted=None, decision=Decision.REFUSED, reason="zero_quantity")
    assert counted(waits, refused)["queued"] == 1


def test_the_closing_table_counts_a_reversal_once_by_its_entry() -> None:
    (closing, _) = summary(records(*HIS, EXIT, WAITS), NAMES, leader=LEADER)
    assert (closing["copied"], closing["queued"]) == (0, {"exit_open": 1})


def test_what_waits_for_an_order_of_ours_is_no_latency() -> None:
    quick = {"frame_at": NINE, "left_at": NINE + 1_000_000}
    slow = {"frame_at": NINE, "left_at": NINE + 9_000_000_000}
    his = copy("L", slot(0, ENDED, order_id="F1", **quick), slot(1, WORKING, order_id="F3", urgent=True, **slow))
    entry = copy("L#entry", slot(0, WORKING, order_id="F2", **slow))
    ours = copy(OURS, slot(0, WORKING, order_id="F4", frame_at=NINE, left_at=NINE + 1))
    assert follower(his, entry, ours)["latency_ms"] == {"p50": 1.0, "p99": 1.0}
    at_once = copy("L", slot(0, WORKING, order_id="F1", urgent=True, **quick))
    assert follower(at_once)["latency_ms"]["p50"] == 1.0


# --- rows of copyctl's own ------------------------------------------------------------------------------------------

OURS = "position:NSE_FNO:43210:INTRADAY:2026-09-07:1"
MARKET = Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=50)
OWN = copy(
    OURS,
    slot(0, ENDED, order_id="F9", quantity=50, filled=50, average="101.5"),
    desired=asked(50, Side.SELL, MARKET),
    wanted=50,
    exit=True,
    note="late_copied",
    reason="late_copied",
    detail="kill switch: flatten",
)


def test_a_row_of_our_own_tells_what_is_traded_and_has_no_leader_order() -> None:
    told = row(instrument(), *HIS, OWN)
    assert (told["leader_order_id"], told["exit"], told["decision"]) == (OURS, True, "copied")
    his = [told[key] for key in told if key.startswith("leader_")]
    assert his == [OURS, None, None, 0, None]
    what = ("exchange_segment", "security_id", "symbol", "product", "side", "order_type", "price", "trigger_price")
    assert [told[key] for key in what] == (["NSE_FNO", "43210", "NIFTY 24500 CE", "INTRADAY", "SELL", "MARKET", 0, 0])
    assert (told["wanted_quantity"], told["follower_filled"], told["follower_average_price"]) == (50, 50, 101.5)
    assert (told["slippage"], told["slippage_bps"]) == (None, None)


def test_a_row_of_our_own_of_which_nothing_is_wanted_yet_is_a_row_all_the_same() -> None:
    told = row(copy(OURS, wanted=None, decision=Decision.QUEUED))
    assert (told["symbol"], told["side"], told["price"]) == (None, None, None)


def test_a_row_of_our_own_is_found_by_its_name_and_counted() -> None:
    assert [one["leader_order_id"] for one in rows(OWN, copy("L"), leader_order_id=OURS)] == [OURS]
    (closing, _) = summary(records(OWN), NAMES, leader=LEADER)
    assert (closing["copied"], closing["filled_quantity"], closing["slippage_cost"]) == (1, 50, None)
    assert counted(copy(OURS, slot(0, WORKING, order_id="F9"), exit=True))["open_orders"] == 1


def test_average_of_both_parts_is_weighted() -> None:
    entry = copy("L#entry", slot(0, ENDED, order_id="F2", quantity=25, filled=25, average="96"), wanted=25, **SELL)
    done = order(ALICE, "F2", OrderStatus.TRADED, quantity=25, filled=25, average="96", **SELL)
    told = row(*HIS, AT_BROKER[0], done, EXIT, entry)
    assert Decimal(str(told["follower_average_price"])) == 98
    assert (told["follower_status"], told["follower_quantity"], told["follower_filled"]) == ("TRADED", 75, 75)
