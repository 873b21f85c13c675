"""What became of every leader order: one row per order and follower."""

import json
from typing import Any

import pytest

from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Record
from copyctl.model.terms import Decision, OrderStatus, Side
from copyctl.report.orders import copies
from tests.report.world import ALICE, BOB, LEADER, NAMES, NINE, at, copy, fill, instrument, lead, order, records, slot

CONTRACT = {
    "leader_order_id",
    "follower",
    "decision",
    "reason",
    "detail",
    "leader_status",
    "leader_quantity",
    "leader_filled",
    "wanted_quantity",
    "follower_order_ids",
    "follower_status",
    "follower_quantity",
    "follower_filled",
    "follower_average_price",
    "rule",
    "basket",
    "correlation_id",
    "updated_at",
}


def rows(*kept: Record, **asked: Any) -> list[dict[str, Any]]:
    return copies(records(*kept), NAMES, leader=LEADER, **asked)


def row(*kept: Record, **asked: Any) -> dict[str, Any]:
    (one,) = rows(*kept, **asked)
    return one


def test_a_row_has_every_key_of_the_contract_and_is_json() -> None:
    told = row(copy("L1", slot(0, Standing.WORKING, order_id="F1")))
    assert set(told) >= CONTRACT
    assert json.loads(json.dumps(told)) == told


def test_a_working_copy_shows_both_orders() -> None:
    told = row(
        instrument(),
        lead("L1"),
        order(LEADER, "L1", OrderStatus.PENDING, quantity=200),
        order(ALICE, "F1", OrderStatus.PENDING),
        copy("L1", slot(0, Standing.WORKING, order_id="F1"), rule="index options", updated_at=at("09:21:05.250")),
    )
    assert told["follower"] == "alice"
    assert (told["leader_status"], told["leader_quantity"], told["leader_filled"]) == ("PENDING", 100, 0)
    assert (told["follower_status"], told["follower_quantity"], told["follower_filled"]) == ("PENDING", 100, 0)
    assert told["follower_order_ids"] == ["F1"]
    assert told["follower_average_price"] is None
    assert told["correlation_id"] == "cc0"
    assert told["rule"] == "index options"
    assert told["symbol"] == "NIFTY 24500 CE"
    assert told["updated_at"] == "2026-09-07T09:21:05.250+05:30"


@pytest.mark.parametrize("decision", [Decision.SKIPPED, Decision.REFUSED, Decision.QUEUED])
def test_what_was_never_placed_has_no_order(decision: Decision) -> None:
    told = row(copy("L1", wanted=None, decision=decision, reason="filtered", detail="filter rule: none"))
    assert told["decision"] == decision.value
    assert (told["follower_status"], told["follower_quantity"], told["follower_order_ids"]) == (None, 0, [])
    assert (told["wanted_quantity"], told["correlation_id"]) == (0, None)


def test_a_reason_without_a_detail_says_its_sentence() -> None:
    told = row(copy("L1", decision=Decision.QUEUED, reason="settling"))
    assert told["detail"] == "its fate at the broker is being looked up"


def test_a_placement_that_is_not_at_the_broker_yet_has_no_status() -> None:
    assert row(copy("L1", slot(0, Standing.WAITING)))["follower_status"] is None


def test_a_placement_that_was_taken_but_not_seen_yet_is_in_transit() -> None:
    assert row(copy("L1", slot(0, Standing.WORKING, order_id="F1")))["follower_status"] == "TRANSIT"


def test_a_placement_refused_at_the_door_is_rejected_and_has_no_order_id() -> None:
    told = row(
        copy("L1", slot(0, Standing.REJECTED), decision=Decision.DEAD, reason="rejected_margin", detail="RMS: margin")
    )
    assert (told["follower_status"], told["follower_order_ids"]) == ("REJECTED", [])
    assert (told["decision"], told["reason"], told["detail"]) == ("dead", "rejected_margin", "RMS: margin")


ENDED, WORKING, REJECTED = Standing.ENDED, Standing.WORKING, Standing.REJECTED
F1_PART = order(ALICE, "F1", OrderStatus.CANCELLED, filled=40, average="100")


@pytest.mark.parametrize(
    ("slots", "orders", "wanted", "told"),
    [
        pytest.param(
            (
                slot(0, ENDED, order_id="F1", filled=40, average="100", retired=True, cancel_asked=True),
                slot(1, WORKING, order_id="F2", quantity=60),
            ),
            (F1_PART, order(ALICE, "F2", OrderStatus.PENDING, quantity=60)),
            100,
            ("PART_TRADED", 100, 40, 100),
            id="replaced, the new one rests",
        ),
        pytest.param(
            (
                slot(0, ENDED, order_id="F1", filled=40, average="100", retired=True, cancel_asked=True),
                slot(1, ENDED, order_id="F2", quantity=60, filled=60, average="101"),
            ),
            (F1_PART, order(ALICE, "F2", OrderStatus.TRADED, quantity=60, filled=60, average="101")),
            100,
            ("TRADED", 100, 100, 100.6),
            id="replaced and filled",
        ),
        pytest.param(
            (
                slot(0, ENDED, order_id="F1", filled=40, average="100"),
                slot(1, WORKING, order_id="F2", quantity=60),
            ),
            (F1_PART, order(ALICE, "F2", OrderStatus.PENDING, quantity=60)),
            100,
            ("PART_TRADED", 100, 40, 100),
            id="cancelled by hand, placed again for the rest",
        ),
        pytest.param(
            (
                slot(0, ENDED, order_id="F1", quantity=50, filled=50, average="100"),
                slot(1, WORKING, order_id="F2", quantity=50),
            ),
            (
                order(ALICE, "F1", OrderStatus.TRADED, quantity=50, filled=50, average="100"),
                order(ALICE, "F2", OrderStatus.PENDING, quantity=50),
            ),
            100,
            ("PART_TRADED", 100, 50, 100),
            id="two parts of what traded",
        ),
        pytest.param(
            (slot(0, REJECTED, order_id="F1"), slot(1, WORKING, order_id="F2")),
            (order(ALICE, "F1", OrderStatus.REJECTED), order(ALICE, "F2", OrderStatus.TRIGGERED)),
            100,
            ("TRIGGERED", 100, 0, None),
            id="rejected, then taken",
        ),
        pytest.param(
            (slot(0, Standing.ABSENT), slot(1, WORKING, order_id="F2")),
            (order(ALICE, "F2", OrderStatus.PENDING),),
            100,
            ("PENDING", 100, 0, None),
            id="never placed, then placed",
        ),
        pytest.param(
            (
                slot(0, ENDED, order_id="F1", filled=40, average="100", retired=True, cancel_asked=True),
                slot(1, REJECTED, order_id="F2", quantity=60),
            ),
            (F1_PART, order(ALICE, "F2", OrderStatus.REJECTED, quantity=60)),
            100,
            ("CANCELLED", 100, 40, 100),
            id="part filled, the rest rejected",
        ),
        pytest.param(
            (slot(0, ENDED, order_id="F1", filled=40, average="100", cancel_asked=True),),
            (F1_PART,),
            40,
            ("CANCELLED", 100, 40, 100),
            id="one order is told as it is",
        ),
    ],
)
def test_several_placements_are_told_as_one_order(
    slots: tuple[Slot, ...], orders: tuple[Record, ...], wanted: int, told: tuple[object, ...]
) -> None:
    one = row(copy("L1", *slots, wanted=wanted), *orders)
    names = ("follower_status", "follower_quantity", "follower_filled", "follower_average_price")
    assert tuple(one[name] for name in names) == told


@pytest.mark.parametrize(
    ("side", "paid", "per_unit", "bps", "cost"),
    [
        (Side.BUY, "101", 1, 100, 100),
        (Side.BUY, "99.5", -0.5, -50, -50),
        (Side.SELL, "99", 1, 100, 100),
        (Side.SELL, "101", -1, -100, -100),
    ],
)
def test_slippage_is_positive_where_it_costs_the_follower(
    side: Side, paid: str, per_unit: float, bps: float, cost: float
) -> None:
    told = row(
        order(LEADER, "L1", OrderStatus.TRADED, side=side, filled=100, average="100"),
        copy("L1", slot(0, ENDED, order_id="F1", filled=100, average=paid)),
    )
    assert (told["slippage_per_unit"], told["slippage_bps"], told["slippage"]) == (per_unit, bps, cost)


def test_slippage_counts_every_unit_of_a_commodity_lot() -> None:
    told = row(
        instrument(multiplier=50),
        order(LEADER, "L1", OrderStatus.TRADED, filled=2, average="100"),
        copy("L1", slot(0, ENDED, order_id="F1", filled=2, average="101")),
    )
    assert (told["slippage"], told["slippage_bps"]) == (100, 100)


def test_slippage_is_unknown_while_one_of_them_has_not_traded() -> None:
    filled = copy("L1", slot(0, ENDED, order_id="F1", filled=100, average="101"))
    leader_open = order(LEADER, "L1", OrderStatus.PENDING)
    leader_done = order(LEADER, "L1", OrderStatus.TRADED, filled=100, average="100")
    for told in (row(leader_open, filled), row(filled), row(leader_done, copy("L1", slot(0, WORKING, order_id="F1")))):
        assert (told["slippage_per_unit"], told["slippage_bps"], told["slippage"]) == (None, None, None)


def test_drift_is_told_in_its_sentence() -> None:
    assert row(copy("L1", drift="filled 50 where 100 are wanted"))["drift"] == "filled 50 where 100 are wanted"
    assert row(copy("L1"))["drift"] is None


YESTERDAY = at("2026-09-06T23:59:59.999")
TWO_DAYS = (
    lead("L1", YESTERDAY),
    lead("L2", at("00:00:00")),
    lead("L3", at("15:29:00")),
    copy("L1", created_at=YESTERDAY, updated_at=at("15:30:00")),
    copy("L2", created_at=at("00:00:00")),
    copy("L3", created_at=at("15:29:00")),
    copy("L3", created_at=at("15:29:00"), follower=BOB),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["L1 alice", "L2 alice", "L3 alice", "L3 bob"]),
        ({"since": at("00:00:00")}, ["L2 alice", "L3 alice", "L3 bob"]),
        ({"until": at("00:00:00")}, ["L1 alice"]),
        ({"since": at("00:00:00"), "until": at("12:00:00")}, ["L2 alice"]),
        ({"follower": "bob"}, ["L3 bob"]),
        ({"leader_order_id": "L3"}, ["L3 alice", "L3 bob"]),
        ({"leader_order_id": "L9"}, []),
    ],
)
def test_rows_are_chosen_by_when_the_leaders_order_was_seen_and_by_name(
    asked: dict[str, Any], found: list[str]
) -> None:
    assert [f"{one['leader_order_id']} {one['follower']}" for one in rows(*TWO_DAYS, **asked)] == found


def test_what_the_run_has_dropped_never_hides_what_is_there_now() -> None:
    now = copy("L1", detail="now")
    before = copy("L1", detail="before")
    assert row(now, before)["detail"] == "now"


def test_a_follower_that_nobody_names_is_told_by_its_account() -> None:
    assert row(copy("L1", follower="1099"))["follower"] == "1099"


def test_a_fill_alone_makes_no_row() -> None:
    assert rows(fill(ALICE, "F1", "T1", 100, "100", NINE)) == []
