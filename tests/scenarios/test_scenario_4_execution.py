"""Fills of the leader and of the follower: stored once, averaged as the broker does, and compared."""

from typing import Any

import pytest

from tests.scenarios.desk import SHARE, Desk, pick


def fills(desk: Desk, account: str) -> list[tuple[Any, ...]]:
    """The fills that are told of an account: order, side, quantity, price."""
    return [pick(row, "order_id", "side", "quantity", "price") for row in desk.events("fill", account=account)]


def test_scenario_4_1_both_fills_are_stored_with_price_quantity_and_time(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("leader", order, 130, 89.5)
    desk.fill("alice", copy["orderId"], 130, 90)
    row = desk.follows(order, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    assert pick(row, "leader_filled", "leader_average_price", "follower_average_price") == (130, 89.5, 90)
    desk.eventually(lambda: len(desk.events("fill")) == 2, "both fills are stored")
    assert fills(desk, "leader") == [(order, "BUY", 130, 89.5)]
    assert fills(desk, "alice") == [(copy["orderId"], "BUY", 130, 90)]
    for fill in desk.events("fill"):
        assert fill["leader_order_id"] == order
        assert fill["at"]
        assert fill["traded_at"][:19] == trade_time(desk, fill["account"])[:19].replace(" ", "T")


def trade_time(desk: Desk, account: str) -> str:
    """When the broker says that an account's one order was last changed (IST)."""
    return str(desk.only(account)["updateTime"])


def test_scenario_4_2_a_part_is_stored_and_the_rest_rests(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("leader", order, 65, 90)
    desk.follows(order, leader_status="PART_TRADED", leader_filled=65, follower_filled=0)
    desk.fill("alice", copy["orderId"], 65, 90)
    desk.follows(order, follower_status="PART_TRADED", follower_filled=65)
    desk.heard("place")
    desk.eventually(lambda: len(desk.events("fill")) == 2, "both parts are stored")


def test_scenario_4_2_copy_on_traded_copies_what_traded_without_stop_terms(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded"}
    desk.settings(hold_matching=True)
    desk.start()
    terms = {"LIMIT": {"price": 90}, "MARKET": {"price": 0}, "STOP_LOSS": {"price": 110, "trigger_price": 108}}
    orders = {order_type: desk.place(order_type=order_type, **prices) for order_type, prices in terms.items()}
    for order in orders.values():
        desk.reaches("PENDING", "leader", order)
    desk.heard()
    wanted = {"LIMIT": ("LIMIT", 90), "MARKET": ("MARKET", 0), "STOP_LOSS": ("LIMIT", 110)}
    for number, (order_type, order) in enumerate(orders.items(), 1):
        desk.fill("leader", order, 65, 90)
        desk.heard(*["place"] * number)
        asked = desk.asked()
        assert pick(asked, "orderType", "price", "quantity") == (*wanted[order_type], 65)
        assert not asked["triggerPrice"]


def test_scenario_4_2_copy_on_traded_follows_every_part_and_a_cancel_leaves_what_is_owed(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded"}
    desk.start()
    order = desk.place(quantity=260)
    desk.fill("leader", order, 65, 90)
    desk.follows(order, wanted_quantity=65, follower_status="PENDING")
    desk.fill("leader", order, 130, 90)
    desk.follows(order, wanted_quantity=195, follower_quantity=195)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", leader_filled=195)
    desk.heard("place", "place")
    assert [row["quantity"] for row in desk.book()] == [65, 130]
    assert {row["orderStatus"] for row in desk.book()} == {"PENDING"}


def test_scenario_4_2_copy_on_traded_copies_nothing_of_what_never_traded(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded"}
    desk.start()
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.cancel(order)
    desk.follows(order, decision="skipped", reason="leader_over")
    desk.heard()


def test_scenario_4_3_tranches_are_stored_once_and_average_as_the_broker_says(desk: Desk) -> None:
    desk.settings(stream_copies=3)  # every frame comes three times
    desk.start()
    order = desk.place(**SHARE, quantity=100, price=1390)
    copy = desk.reaches("PENDING")
    for quantity, price in ((10, 1388.35), (25, 1389.1), (31, 1389.95), (34, 1390)):
        desk.fill("leader", order, quantity, price + 0.05)
        desk.fill("alice", copy["orderId"], quantity, price)
    row = desk.follows(order, leader_status="TRADED", follower_status="TRADED", follower_filled=100)
    desk.eventually(lambda: len(desk.events("fill")) == 8, "all tranches are stored")
    desk.look_again()
    assert len(desk.events("fill")) == 8
    assert row["leader_average_price"] == pytest.approx(desk.only("leader")["averageTradedPrice"], abs=0.0051)
    assert row["follower_average_price"] == pytest.approx(desk.only()["averageTradedPrice"], abs=0.0051)
    told = [row for row in desk.events("fill") if row["account"] == "alice"]
    mean = sum(row["quantity"] * row["price"] for row in told) / sum(row["quantity"] for row in told)
    assert mean == pytest.approx(desk.only()["averageTradedPrice"], abs=0.0051)


def test_scenario_4_3_tranches_of_a_time_without_stream_are_stored_from_the_books(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SHARE, quantity=100, price=1390)
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.broker.tell("stream", action="down")
    for quantity, price in ((10, 1388.35), (25, 1389.1)):
        desk.fill("leader", order, quantity, price)
        desk.fill("alice", copy["orderId"], quantity, price)
    desk.eventually(lambda: len(desk.events("fill")) == 4, "what was missed is stored")
    desk.broker.tell("stream", action="up")
    desk.follows(order, leader_filled=35, follower_filled=35)
    desk.look_again()
    assert len(desk.events("fill")) == 4
    assert desk.copy(order)["follower_average_price"] == pytest.approx(desk.only()["averageTradedPrice"], abs=0.0051)


def test_scenario_4_4_slippage_is_signed_so_that_positive_costs(desk: Desk) -> None:
    desk.settings(hold_matching=True)
    desk.start()
    costs = {("BUY", 101): (1, 100, 130), ("BUY", 99): (-1, -100, -130),
             ("SELL", 99): (1, 100, 130), ("SELL", 101): (-1, -100, -130)}  # fmt: skip
    for (side, paid), cost in costs.items():
        order = desk.place(transaction_type=side, price=100)
        copy = desk.follows(order, follower_status="PENDING")
        desk.fill("leader", order, 130, 100)
        desk.fill("alice", copy["follower_order_ids"][0], 130, paid)
        row = desk.follows(order, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
        assert pick(row, "slippage_per_unit", "slippage_bps", "slippage") == cost


def test_scenario_4_4_slippage_over_tranches_is_that_of_the_averages(desk: Desk) -> None:
    desk.settings(hold_matching=True)
    desk.start()
    order = desk.place(price=100)
    copy = desk.reaches("PENDING")
    desk.fill("leader", order, 65, 100)
    desk.fill("leader", order, 65, 101)
    desk.fill("alice", copy["orderId"], 65, 101)
    desk.fill("alice", copy["orderId"], 65, 103)
    row = desk.follows(order, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    assert pick(row, "slippage_per_unit", "slippage") == (1.5, 195)
    assert row["slippage_bps"] == pytest.approx(149.25, abs=0.01)
