"""Somebody else than we changes a copy: a person, the broker's risk desk, the exchange."""

import pytest

from tests.scenarios.desk import Desk, pick

BY_HAND = "by hand, by the broker or by the exchange"


def test_scenario_9_10_a_copy_cancelled_by_hand_stays_cancelled_until_the_leader_changes_his_order(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.make("CANCELLED", "alice", copy["orderId"])
    row = desk.follows(order, follower_status="CANCELLED", drift=f"ended {BY_HAND} with 0 filled")
    assert pick(row, "decision", "reason", "leader_status") == ("copied", None, "PENDING")
    assert [row["leader_order_id"] for row in desk.alerts("was cancelled by hand")] == [order]
    desk.look_again(times=3)
    desk.look_again("leader", times=2)
    desk.heard("place")

    desk.modify(order, price=91)
    desk.follows(order, follower_status="PENDING", drift=None)
    desk.heard("place", "place")
    assert pick(desk.asked(), "price", "quantity") == (91, 130)
    assert desk.asked(0)["correlationId"] != desk.asked(1)["correlationId"]


def test_scenario_9_10_only_the_rest_is_placed_anew(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("alice", copy["orderId"], 65, 90)
    desk.follows(order, follower_filled=65)
    desk.make("CANCELLED", "alice", copy["orderId"])
    desk.follows(order, follower_status="CANCELLED", drift=f"ended {BY_HAND} with 65 filled")
    desk.modify(order, price=91)
    row = desk.follows(order, follower_status="PART_TRADED", drift=None)
    desk.heard("place", "place")
    assert pick(desk.asked(), "price", "quantity") == (91, 65)
    assert pick(row, "follower_quantity", "follower_filled") == (130, 65)


def test_scenario_9_10_the_leaders_cancel_asks_nothing_of_a_copy_that_is_gone(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.make("CANCELLED")
    desk.follows(order, follower_status="CANCELLED")
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place")
    assert row["drift"] is None


@pytest.mark.parametrize("status", ["EXPIRED", "REJECTED"])
def test_scenario_9_10_a_copy_that_the_exchange_ends_is_not_placed_again(desk: Desk, status: str) -> None:
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.make(status, reason="RMS:1:The moon is in the wrong house")
    row = desk.follows(order, follower_status=status)
    desk.look_again(times=2)
    desk.heard("place")
    wanted = {"EXPIRED": ("copied", None), "REJECTED": ("dead", "rejected_unknown")}[status]
    assert pick(row, "decision", "reason") == wanted


def test_scenario_9_10_a_copy_changed_by_hand_is_left_alone_until_the_leader_changes_his_order(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.modify(copy["orderId"], "alice", price=85)
    row = desk.follows(order, drift=f"changed {BY_HAND}")
    assert pick(row, "decision", "follower_status") == ("copied", "PENDING")
    assert [row["leader_order_id"] for row in desk.alerts("was changed by hand")] == [order]
    desk.look_again(times=2)
    desk.heard("place", "modify")  # the person's
    assert desk.only()["price"] == 85

    desk.modify(order, price=91)
    desk.eventually(lambda: desk.only()["price"] == 91)
    desk.follows(order, drift=None, follower_status="PENDING")
    desk.heard("place", "modify", "modify")


def test_scenario_9_10_the_leaders_cancel_takes_a_copy_changed_by_hand_along(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.modify(copy["orderId"], "alice", price=85, quantity=65)
    desk.eventually(lambda: desk.only()["price"] == 85)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "modify", "cancel")
