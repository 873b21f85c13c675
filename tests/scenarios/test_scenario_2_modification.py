"""The leader changes an order while it is open."""

from typing import Any

import pytest

from tests.scenarios.desk import HALF, SHARE, Desk, pick

STOP = {"order_type": "STOP_LOSS", "trigger_price": 110, "price": 111}


def test_scenario_2_1_a_new_quantity_is_sent_as_the_total(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(quantity=260)
    desk.follows(order, follower_quantity=130, follower_status="PENDING")
    desk.modify(order, quantity=520)
    row = desk.follows(order, follower_quantity=260, follower_status="PENDING")
    desk.heard("place", "modify")
    wanted = ("LIMIT", 260, 90, "DAY")
    assert pick(desk.asked(), "orderType", "quantity", "price", "validity") == wanted
    assert desk.calls()[-1]["path"] == f"/orders/{desk.only()['orderId']}"
    assert pick(row, "decision", "wanted_quantity", "leader_quantity", "drift") == ("copied", 260, 520, None)
    assert row["detail"] == "0.5 x 520 = 260, in lots of 65 rounded down: 4 = 260 units"


def test_scenario_2_1_the_total_counts_what_the_follower_has_filled(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("alice", copy["orderId"], 65, 90)
    desk.follows(order, follower_filled=65)
    desk.modify(order, quantity=195)
    desk.follows(order, follower_quantity=195, follower_filled=65, follower_status="PART_TRADED")
    desk.heard("place", "modify")
    assert desk.asked()["quantity"] == 195


@pytest.mark.parametrize("filled", [65, 130], ids=["as much", "more"])
def test_scenario_2_1_a_quantity_that_the_follower_has_filled_already_cancels_the_rest(desk: Desk, filled: int) -> None:
    desk.start()
    order = desk.place(quantity=195)
    copy = desk.reaches("PENDING")
    desk.fill("alice", copy["orderId"], filled, 90)
    desk.follows(order, follower_filled=filled)
    desk.modify(order, quantity=65)
    row = desk.follows(order, follower_status="CANCELLED", follower_filled=filled)
    desk.heard("place", "cancel")
    assert row["wanted_quantity"] == 65
    assert desk.alerts("by hand") == []


def test_scenario_2_2_a_new_price_is_copied(desk: Desk) -> None:
    desk.policy = {"mapping": {"price": {"mode": "offset", "ticks": 1}}}
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.modify(order, price=92)
    desk.eventually(lambda: desk.only()["price"] == 92.05)
    desk.follows(order, price=92, follower_status="PENDING")
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("LIMIT", 130, 92.05)


def test_scenario_2_3_a_new_trigger_is_copied(desk: Desk) -> None:
    desk.start()
    order = desk.place(**STOP)
    desk.reaches("PENDING")
    desk.modify(order, order_type="STOP_LOSS", trigger_price=112, price=113)
    desk.eventually(lambda: desk.only()["triggerPrice"] == 112)
    desk.follows(order, trigger_price=112, follower_status="PENDING")
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "triggerPrice", "price") == ("STOP_LOSS", 112, 113)


def test_scenario_2_3_every_field_changes_at_once(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SHARE, quantity=100, price=1390)
    desk.reaches("PENDING")
    new = {"order_type": "STOP_LOSS", "quantity": 200, "disclosed_quantity": 100, "trigger_price": 1450, "price": 1455}
    desk.modify(order, **new)
    desk.eventually(lambda: desk.only()["orderType"] == "STOP_LOSS")
    desk.follows(order, follower_quantity=200, follower_status="PENDING")
    desk.heard("place", "modify")
    wanted = ("STOP_LOSS", 200, 100, 1450, 1455)
    assert pick(desk.asked(), "orderType", "quantity", "disclosedQuantity", "triggerPrice", "price") == wanted


@pytest.mark.parametrize(
    ("before", "after", "wanted", "ends"),
    [
        ({}, {"order_type": "MARKET", "price": 0}, ("MARKET", 0, 0), "TRADED"),
        ({}, STOP, ("STOP_LOSS", 111, 110), "PENDING"),
        (STOP, {"price": 90}, ("LIMIT", 90, 0), "PENDING"),
        (STOP, {"order_type": "MARKET", "price": 0, "quantity": 260}, ("MARKET", 0, 0), "TRADED"),
        (
            STOP,
            {"order_type": "STOP_LOSS_MARKET", "trigger_price": 112, "price": 0},
            ("STOP_LOSS", 117.6, 112),
            "PENDING",
        ),
    ],
    ids=["limit to market", "limit to stop", "stop to limit", "stop to market", "stop to stop at market"],
)
def test_scenario_2_4_a_new_type_is_copied(
    desk: Desk, before: dict[str, Any], after: dict[str, Any], wanted: tuple[Any, ...], ends: str
) -> None:
    desk.start()
    order = desk.place(**before)
    desk.reaches("PENDING")
    desk.modify(order, **after)
    desk.eventually(lambda: len(desk.verbs()) == 2)
    desk.follows(order, follower_status=ends)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "price", "triggerPrice") == wanted


@pytest.mark.parametrize("becomes_limit", [False, True], ids=["TRIGGERED", "turned LIMIT"])
def test_scenario_2_4_a_stop_that_triggers_is_no_modification(desk: Desk, becomes_limit: bool) -> None:
    desk.settings("leader", trigger_becomes_limit=becomes_limit)
    desk.settings("alice", hold_matching=True)
    desk.start()
    order = desk.place(order_type="STOP_LOSS", trigger_price=102, price=102.5)
    desk.reaches("PENDING")
    desk.price(104)  # through the trigger and beyond the limit: it rests at 102.50
    desk.eventually(lambda: desk.order(order)["triggered"])
    desk.look_again("leader", times=2)
    desk.heard("place")
    row = desk.follows(order, follower_status="PENDING")
    assert pick(row, "order_type", "drift") == ("STOP_LOSS", None)


def test_scenario_2_4_a_market_order_held_as_a_protected_limit_is_no_modification(desk: Desk) -> None:
    desk.settings("leader", market_orders="protected", protected_frame_type="MKT", hold_matching=True)
    desk.settings("alice", hold_matching=True)
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    desk.reaches("PENDING")
    desk.look_again("leader", times=2)  # his book says LIMIT
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "price") == ("MARKET", 0)
    assert desk.follows(order, follower_status="PENDING")["order_type"] == "MARKET"


def test_scenario_2_5_a_new_validity_is_copied(desk: Desk) -> None:
    desk.settings(hold_matching=True)  # an IOC order would be gone at once
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.modify(order, validity="IOC")
    desk.eventually(lambda: desk.only()["validity"] == "IOC")
    desk.heard("place", "modify")
    assert pick(desk.asked(), "validity", "orderType", "quantity", "price") == ("IOC", "LIMIT", 130, 90)


def test_scenario_2_6_many_modifications_end_at_the_latest_and_never_go_back(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    order = desk.place(price=80)
    desk.reaches("PENDING")
    prices = [80 + step / 4 for step in range(1, 25)]
    for price in prices:
        desk.modify(order, price=price)
    desk.eventually(lambda: desk.only()["price"] == prices[-1])
    desk.follows(order, price=prices[-1], drift=None)
    desk.quiet()
    assert set(desk.verbs()) == {"place", "modify"}
    sent = [row["body"]["price"] for row in desk.calls("alice", "PUT")]
    assert sent == sorted(set(sent))
    assert set(sent) <= set(prices)
    assert desk.only()["price"] == prices[-1]


def test_scenario_2_6_over_the_allowance_of_modifications_the_copy_is_placed_anew(desk: Desk) -> None:
    desk.rules = {"rate_limits": {"modifications_per_order": 2}}
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("alice", copy["orderId"], 65, 90)
    desk.follows(order, follower_filled=65)
    for price in (91, 92):
        desk.modify(order, price=price)
        desk.eventually(lambda price=price: desk.only()["price"] == price)
    desk.settings("alice", transit_ms=200)  # the cancel takes its time
    desk.modify(order, price=93)
    desk.eventually(lambda: len(desk.book("alice")) == 2 and desk.book("alice")[-1]["orderStatus"] == "PENDING")
    desk.modify(order, price=94)
    desk.eventually(lambda: desk.book("alice")[-1]["price"] == 94)
    desk.heard("place", "modify", "modify", "cancel", "place", "modify")
    first, second = desk.book("alice")
    assert pick(first, "orderStatus", "quantity", "filledQty") == ("CANCELLED", 130, 65)
    assert pick(second, "orderStatus", "quantity", "filledQty") == ("PENDING", 65, 0)
    assert first["correlationId"] != second["correlationId"]
    assert desk.told_at("Cancelled", first["orderId"]) < desk.calls("alice", "POST")[1]["monotonic_ns"]
    row = desk.follows(order, follower_quantity=130, follower_filled=65, drift=None)
    assert row["follower_order_ids"] == [first["orderId"], second["orderId"]]


@pytest.mark.parametrize("when", ["at_once", "later"])
def test_scenario_2_7_a_refused_modification_leaves_the_copy_as_it_is_and_is_told(desk: Desk, when: str) -> None:
    desk.settings("alice", refuse_modification=when)
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.modify(order, price=92)
    row = desk.eventually(lambda: next((row for row in desk.copies() if row["drift"]), None), "drift is told")
    assert pick(row, "decision", "follower_status", "price") == ("copied", "PENDING", 92)
    assert "modification was refused" in row["drift"]
    assert desk.alerts("refused a modification")
    desk.heard("place", "modify")
    assert desk.only()["price"] == 90

    desk.settings("alice", refuse_modification="no")  # the leader's next change is tried like any other
    desk.modify(order, price=93)
    desk.eventually(lambda: desk.only()["price"] == 93)
    desk.follows(order, drift=None, follower_status="PENDING")
    desk.heard("place", "modify", "modify")


def test_scenario_2_7_a_change_that_cannot_be_copied_leaves_the_copy_as_it_is_and_is_told(desk: Desk) -> None:
    desk.policy = {"mapping": {"price": {"mode": "offset", "ticks": -10}}}  # half a rupee dearer
    desk.start()
    order = desk.place(transaction_type="SELL", order_type="STOP_LOSS", trigger_price=95, price=94)
    desk.reaches("PENDING")
    desk.modify(order, order_type="STOP_LOSS", trigger_price=95, price=94.8)
    row = desk.eventually(lambda: next((row for row in desk.copies() if row["drift"]), None), "drift is told")
    assert row["drift"].startswith("the leader's change cannot be copied: SELL stop with trigger 95")
    desk.heard("place")
    desk.modify(order, order_type="STOP_LOSS", trigger_price=96, price=94.8)
    desk.eventually(lambda: pick(desk.only(), "triggerPrice", "price") == (96, 95.3))
    desk.follows(order, drift=None, follower_status="PENDING")
    desk.heard("place", "modify")


def test_scenario_2_8_a_modification_after_the_follower_filled_sends_nothing(desk: Desk) -> None:
    desk.settings("leader", hold_matching=True)
    desk.start()
    order = desk.place(price=102)
    desk.follows(order, follower_status="TRADED")
    desk.modify(order, price=101)
    row = desk.follows(order, price=101)
    assert row["drift"] is None
    desk.modify(order, quantity=260, price=101)
    row = desk.follows(order, leader_quantity=260, wanted_quantity=260)
    desk.heard("place")
    assert row["drift"] == "filled 130 where 260 are wanted"


def test_scenario_2_8_a_modification_that_meets_a_filled_copy_is_not_repeated(desk: Desk) -> None:
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.settings("leader", hold_matching=True)
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.settings("alice", stream_drop=1.0)  # nobody hears of the fill
    desk.fill("alice", copy["orderId"], 130, 90)
    desk.modify(order, quantity=260)
    drift = "filled 130 where 260 are wanted"
    desk.follows(order, follower_status="TRADED", follower_filled=130, drift=drift)
    desk.heard("place", "modify")
    assert desk.alerts("refused a modification")


def test_scenario_2_9_a_quantity_too_small_for_a_lot_cancels_and_a_larger_one_places_anew(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(quantity=130)
    desk.reaches("PENDING")
    desk.modify(order, quantity=65)
    desk.follows(order, follower_status="CANCELLED", wanted_quantity=0)
    desk.modify(order, quantity=260, price=91)
    desk.eventually(lambda: len(desk.book("alice")) == 2)
    row = desk.follows(order, follower_status="PENDING", wanted_quantity=130, follower_quantity=130)
    desk.heard("place", "cancel", "place")
    assert pick(desk.asked(), "quantity", "price") == (130, 91)
    assert pick(row, "decision", "reason", "drift") == ("copied", None, None)
    assert desk.asked(0)["correlationId"] != desk.asked()["correlationId"]


def test_scenario_2_9_an_order_refused_for_its_quantity_is_placed_when_it_is_raised(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(quantity=65)
    row = desk.follows(order, decision="refused", reason="zero_quantity")
    assert row["detail"] == "0.5 x 65 = 32.5, in lots of 65 rounded down: 0 = 0 units"
    desk.modify(order, quantity=65, price=91)  # nothing that the refusal hangs on
    desk.follows(order, price=91, decision="refused")
    desk.heard()
    desk.modify(order, quantity=130, price=91)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING", follower_quantity=65)
    desk.heard("place")


def test_scenario_2_9_an_order_refused_for_its_trigger_is_placed_when_that_is_mended(desk: Desk) -> None:
    desk.policy = {"mapping": {"price": {"mode": "offset", "ticks": -40}}}
    desk.start()
    order = desk.place(transaction_type="SELL", order_type="STOP_LOSS", trigger_price=95, price=94)
    desk.follows(order, decision="refused", reason="invalid_trigger")
    desk.modify(order, order_type="STOP_LOSS", trigger_price=95, price=92)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "triggerPrice", "price") == ("STOP_LOSS", 95, 94)
