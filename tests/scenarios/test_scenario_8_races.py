"""Things that happen at the same time, and orders that come without a price."""

from typing import Any

import pytest

from tests.scenarios.desk import HALF, Desk, pick

SLOW: dict[str, dict[str, Any]] = {
    "late to arrive": {"kind": "delay_before", "seconds": 1},
    "late to answer": {"kind": "delay_after", "seconds": 1},
    "torn before": {"kind": "reset_before"},
    "torn after": {"kind": "reset_after"},
    "no answer": {"kind": "hang", "seconds": 0.5},
}


@pytest.mark.parametrize("slow", ["late to arrive", "late to answer"])
def test_scenario_8_1_a_modification_before_the_placement_returned(desk: Desk, slow: str) -> None:
    desk.fault(**SLOW[slow], times=1)
    desk.start()
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    desk.modify(order, price=91)
    desk.modify(order, price=92, quantity=195)
    desk.eventually(lambda: pick(desk.only(), "price", "quantity") == (92, 195))
    row = desk.follows(order, price=92, follower_quantity=195, follower_status="PENDING")
    assert pick(row, "decision", "drift") == ("copied", None)
    desk.quiet()
    assert desk.verbs()[0] == "place"
    assert set(desk.verbs()[1:]) == {"modify"}
    assert pick(desk.asked(), "price", "quantity") == (92, 195)


def test_scenario_8_1_a_modification_while_the_copy_is_in_transit(desk: Desk) -> None:
    desk.settings("alice", hold=True)
    desk.start()
    order = desk.place()
    desk.reaches("TRANSIT")
    desk.modify(order, price=91)
    desk.eventually(lambda: len(desk.verbs()) == 2)
    desk.settings("alice", hold=False)
    desk.eventually(lambda: pick(desk.only(), "price", "orderStatus") == (91, "PENDING"))
    desk.follows(order, price=91, follower_status="PENDING", drift=None)
    desk.heard("place", "modify")


@pytest.mark.parametrize("slow", sorted(SLOW))
def test_scenario_8_2_a_cancel_before_the_placement_returned(desk: Desk, slow: str) -> None:
    desk.fault(**SLOW[slow], times=1)
    desk.start()
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    desk.cancel(order)
    placed = slow not in ("torn before", "no answer")
    if placed:
        desk.follows(order, decision="copied", leader_status="CANCELLED", follower_status="CANCELLED", drift=None)
    else:
        desk.follows(order, decision="skipped", reason="leader_over", follower_status=None)
    desk.quiet()
    assert [row["orderStatus"] for row in desk.book("alice")] == ["CANCELLED"] * placed
    assert desk.verbs()[0] == "place"
    assert set(desk.verbs()[1:]) == ({"cancel"} if placed else set())
    follower = desk.status()["followers"][0]
    assert pick(follower, "open_orders", "queued", "unresolved") == (0, 0, 0)


def test_scenario_8_3_a_follower_that_fills_first_is_counted_and_copying_goes_on(desk: Desk) -> None:
    desk.settings("leader", hold_matching=True)
    desk.start()
    order = desk.place(price=102)
    row = desk.follows(order, leader_status="PENDING", follower_status="TRADED", follower_filled=130)
    assert pick(row, "decision", "reason", "drift") == ("copied", None, None)
    assert desk.status()["anomalies"]["early_fills"] == 1
    (told,) = [row for row in desk.events() if "before the leader" in row["text"]]
    assert pick(told, "leader_order_id", "follower") == (order, "alice")
    again = desk.place(price=90)
    desk.follows(again, follower_status="PENDING")
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="TRADED")
    assert row["drift"] == "filled 130 where the leader's 0 ask for 0"
    desk.heard("place", "place")


def test_scenario_8_7_less_than_a_lot_is_refused_with_the_numbers(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(quantity=65)
    row = desk.follows(order, decision="refused", reason="zero_quantity")
    assert row["detail"] == "0.5 x 65 = 32.5, in lots of 65 rounded down: 0 = 0 units"
    assert pick(row, "wanted_quantity", "follower_order_ids") == (0, [])
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", decision="refused", reason="zero_quantity")
    desk.heard()


@pytest.mark.parametrize("how", ["0", "null", "left out"])
def test_scenario_8_8_no_price_is_fine_for_a_market_order(desk: Desk, how: str) -> None:
    names = ["price", "triggerPrice", "avgTradedPrice", "tradedPrice"]
    switches = {"null": {"frame_nulls": names, "row_nulls": names}, "left out": {"frame_missing": names}}
    desk.settings("leader", **switches.get(how, {}))
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    desk.follows(order, decision="copied", reason=None, follower_status="TRADED")
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "price", "quantity") == ("MARKET", 0, 130)


@pytest.mark.parametrize("how", ["nulls", "missing"])
def test_scenario_8_8_a_limit_order_without_a_price_is_refused(desk: Desk, how: str) -> None:
    names = ["price"]
    desk.settings("leader", **{f"frame_{how}": names, f"row_{how}": names})
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="refused", reason="invalid_order")
    assert "without a price" in row["detail"]
    desk.heard()
    desk.settings("leader", frame_nulls=[], frame_missing=[], row_nulls=[], row_missing=[])
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")  # the book tells it by now
    desk.heard("place")
