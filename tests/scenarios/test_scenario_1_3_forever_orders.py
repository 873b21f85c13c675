"""Forever orders end to end (GTT): their own list, polled; what they become is not copied again (scenario 1.3.3)."""

from typing import Any

import pytest

from tests.scenarios.desk import SHARE, Desk, Row, pick

PRICE = 1402.50
"""About where RELIANCE trades."""
STOP_AND_TARGET = {"price": 1450, "trigger_Price": 1449, "price1": 1340, "trigger_Price1": 1345}


def arm(desk: Desk, **changes: Any) -> str:
    """The leader arms an order: buy 100 shares for delivery once they trade at 1420; its id."""
    wanted = {
        **SHARE,
        "transaction_type": "BUY",
        "product_type": "CNC",
        "order_type": "LIMIT",
        "quantity": 100,
        "price": 1421,
        "trigger_Price": 1420,
        **changes,
    }
    if "price1" in wanted:
        wanted = {"order_flag": "OCO", "quantity1": wanted["quantity"], **wanted}
    answer = desk.dhan.place_forever(**wanted)
    assert answer["status"] == "success", answer
    return str(answer["data"]["orderId"])


def change(desk: Desk, order: str, leg: str = "TARGET_LEG", flag: str = "SINGLE", **changes: Any) -> None:
    wanted = {"order_type": "LIMIT", "quantity": 100, "price": 1421, "trigger_price": 1420, **changes}
    answer = desk.dhan.modify_forever(
        order, order_flag=flag, leg_name=leg, disclosed_quantity=0, validity="DAY", **wanted
    )
    assert answer["status"] == "success", answer


def armed(desk: Desk, account: str = "alice") -> list[Row]:
    rows = desk.broker.ask("forever_orders", account=account)
    return list(rows["forever_orders"] if isinstance(rows, dict) else rows)


def copied(desk: Desk, order: str) -> Row:
    desk.follows(order, decision="copied")
    return dict(desk.eventually(lambda: desk.follows(order, follower_status="PENDING")))


def holding(desk: Desk) -> None:
    """Both have bought 100 shares for delivery."""
    desk.start()
    bought = desk.place(**SHARE, quantity=100, product_type="CNC", order_type="MARKET", price=0)
    desk.follows(bought, follower_filled=100)


def net(desk: Desk, account: str = "alice") -> int:
    return desk.net(account, SHARE["security_id"])


@pytest.mark.parametrize("names", ["classic", "entry", "stop"])
def test_scenario_1_3_3_armed_changed_and_cancelled_by_the_calls_of_its_own(desk: Desk, names: str) -> None:
    desk.settings(forever_leg_names=names)
    desk.start()
    order = arm(desk)
    copied(desk, order)
    assert pick(desk.asked(), "orderFlag", "quantity", "price", "triggerPrice", "productType") == (
        "SINGLE", 100, 1421, 1420, "CNC",
    )  # fmt: skip
    change(desk, order, armed(desk, "leader")[0]["legName"], price=1423, quantity=80)
    desk.eventually(lambda: [pick(row, "price", "quantity") for row in armed(desk)] == [(1423, 80)])
    assert desk.dhan.cancel_forever(order)
    desk.eventually(lambda: armed(desk) == [])
    desk.follows(order, follower_status="CANCELLED")
    assert [(call["method"], call["path"].rpartition("/")[0]) for call in desk.calls()] == [
        ("POST", "/forever"),
        ("PUT", "/forever/orders"),
        ("DELETE", "/forever/orders"),
    ]
    assert desk.alerts("by hand") == []


def test_scenario_1_3_3_one_of_two_keeps_both_legs(desk: Desk) -> None:
    holding(desk)
    order = arm(desk, transaction_type="SELL", **STOP_AND_TARGET)
    copied(desk, order)
    assert pick(desk.asked(), "orderFlag", "price", "triggerPrice", "price1", "triggerPrice1", "quantity1") == (
        "OCO", 1450, 1449, 1340, 1345, 100,
    )  # fmt: skip
    change(desk, order, "STOP_LOSS_LEG", "OCO", price=1350, trigger_price=1355)
    desk.eventually(lambda: {row["legName"]: row["price"] for row in armed(desk)}.get("STOP_LOSS_LEG") == 1350)
    assert {row["legName"]: row["price"] for row in armed(desk)} == {"TARGET_LEG": 1450, "STOP_LOSS_LEG": 1350}
    said = pick(desk.copy(order), "validity", "price", "trigger_price", "second_price", "second_trigger_price")
    assert said == ("FOREVER", 1450, 1449, 1350, 1355)


@pytest.mark.parametrize("correlation", ["NA", "parent"])
def test_scenario_1_3_3_both_trigger_and_what_they_become_is_not_copied_again(desk: Desk, correlation: str) -> None:
    desk.settings(forever_child_correlation=correlation)
    desk.start()
    order = arm(desk)
    copied(desk, order)
    desk.price(1420.50, **SHARE)
    row = desk.follows(order, follower_filled=100, leader_filled=100, follower_status="TRADED")
    desk.look_again(times=3)
    desk.heard("place")
    assert row["drift"] is None
    assert (net(desk, "leader"), net(desk)) == (100, 100)
    assert len(desk.copies()) == 1


@pytest.mark.parametrize(("price", "closed_at"), [(1449.50, 1449.50), (1344, 1344)])
def test_scenario_7_2_a_leg_of_two_triggers_while_disconnected(desk: Desk, price: float, closed_at: float) -> None:
    holding(desk)
    order = arm(desk, transaction_type="SELL", **{**STOP_AND_TARGET, "price": 1448})
    copied(desk, order)
    desk.kill()
    desk.price(price, **SHARE)
    desk.eventually(lambda: (net(desk, "leader"), net(desk)) == (0, 0), f"both have sold at {closed_at}")
    desk.start()
    desk.follows(order, follower_filled=100, leader_filled=100)
    desk.look_again(times=4)
    desk.heard("place", "place")
    assert (net(desk, "leader"), net(desk)) == (0, 0)


def test_scenario_7_2_armed_while_disconnected(desk: Desk) -> None:
    desk.start()
    desk.kill()
    order = arm(desk)
    desk.start()
    copied(desk, order)
    desk.heard("place")


def test_scenario_7_2_cancelled_while_disconnected(desk: Desk) -> None:
    desk.start()
    order = arm(desk)
    copied(desk, order)
    desk.kill()
    assert desk.dhan.cancel_forever(order)
    desk.start()
    desk.eventually(lambda: armed(desk) == [])


def test_scenario_4_13_his_has_triggered_and_ours_has_not(desk: Desk) -> None:
    desk.policy = {"fills": {"lag_alert": "1s", "lag_deadline": "2s"}}
    holding(desk)
    order = arm(desk, transaction_type="SELL", **STOP_AND_TARGET)
    copied(desk, order)
    desk.settings("alice", hold_matching=True)
    desk.price(1344, **SHARE)
    desk.eventually(lambda: net(desk, "leader") == 0)
    desk.eventually(lambda: armed(desk) == [], "the armed order of the follower is cancelled")
    desk.settings("alice", hold_matching=False)
    desk.price(1343, **SHARE)
    desk.eventually(lambda: net(desk) == 0)
    assert [call["path"] for call in desk.calls("alice", "POST")] == ["/orders", "/forever/orders", "/orders"]


def test_scenario_1_3_3_taken_and_rejected_a_moment_later(desk: Desk) -> None:
    desk.start()
    desk.broker.tell("funds", account="alice", available=10)
    order = arm(desk)
    row = desk.follows(order, decision="dead", reason="rejected_unknown")
    assert row["detail"] == "the list of forever orders does not show it armed"
    desk.look_again(times=3)
    desk.heard("place")


def test_scenario_1_3_3_not_mapped_it_is_refused_and_an_exit_goes_when_his_triggers(desk: Desk) -> None:
    desk.policy = {"mapping": {"validity": {"FOREVER": "skip"}}}
    holding(desk)
    desk.follows(arm(desk), decision="refused", reason="unsupported_validity")
    arm(desk, transaction_type="SELL", **STOP_AND_TARGET)
    desk.look_again(times=2)
    desk.heard("place")
    desk.price(1344, **SHARE)
    desk.eventually(lambda: net(desk, "leader") == 0)
    desk.eventually(lambda: net(desk) == 0)
    assert [call["path"] for call in desk.calls()] == ["/orders"] * 2


def test_scenario_1_3_mapped_to_the_day_it_is_copied_when_it_triggers(desk: Desk) -> None:
    desk.policy = {"mapping": {"validity": {"FOREVER": "DAY"}}}
    desk.start()
    order = arm(desk)
    desk.follows(order, decision="refused", reason="unsupported_validity")
    desk.price(1420.50, **SHARE)
    desk.eventually(lambda: net(desk) == 100)
    assert pick(desk.asked(), "orderType", "validity", "price") == ("LIMIT", "DAY", 1421)


@pytest.mark.parametrize("name", ["classic", "entry"])
def test_scenario_1_3_3_announced_on_the_stream_it_is_copied_once(desk: Desk, name: str) -> None:
    desk.settings(forever_announced=True, forever_leg_names=name)
    desk.start()
    order = arm(desk)
    copied(desk, order)
    desk.look_again(times=3)
    desk.heard("place")
    assert [call["path"] for call in desk.calls()] == ["/forever/orders"]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_scenario_7_9_a_call_that_breaks_is_settled_by_the_list(desk: Desk, kind: str) -> None:
    desk.start()
    desk.broker.tell("faults", kind=kind, account="alice", method="POST", path="^/forever", times=1)
    order = arm(desk)
    copied(desk, order)
    desk.look_again(times=3)
    assert len(armed(desk)) == 1
    assert desk.verbs().count("place") == (2 if kind == "reset_before" else 1)


@pytest.mark.parametrize("correlation", ["none", "echo"])
def test_scenario_7_11_after_the_store_is_lost_it_is_not_armed_twice(desk: Desk, correlation: str) -> None:
    desk.settings(forever_correlation=correlation)
    desk.start()
    order = arm(desk)
    copied(desk, order)
    desk.kill()
    desk.store.rename(desk.folder / "lost")
    desk.start()
    copied(desk, order)
    assert desk.dhan.cancel_forever(order)
    desk.eventually(lambda: armed(desk) == [])
    assert desk.verbs() == ["place", "cancel"]


def test_scenario_9_9_it_outlives_the_day(desk: Desk) -> None:
    desk.start()
    order = arm(desk)
    copied(desk, order)
    desk.kill()
    desk.settings(tokens_expire=False)
    desk.broker.tell("day_change", days=1)
    try:
        desk.start()
        change(desk, order, price=1424)
        desk.eventually(lambda: [row["price"] for row in armed(desk)] == [1424])
        assert desk.verbs() == ["place", "modify"]
    finally:
        desk.kill()
        desk.broker.tell("clock", offset_seconds=0)
