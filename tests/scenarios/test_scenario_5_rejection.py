"""Orders that the broker or the exchange refuses, the leader's and the follower's."""

from typing import Any

import pytest

from tests.scenarios.desk import SHARE, Desk, pick

TEXTS = {
    "margin": "RMS:1:You have insufficient funds. Please add Rs.4210.50 to trade.",
    "holdings": "RMS:1:You are trying to sell more than the quantity you currently hold.",
    "price_band": "RMS:1:Rate Not Within Ckt Limit 80.00 To 120.00",
    "tick": "EXCH:16283:The order price is not multiple of tick size.",
    "trigger": "EXCH:16448:Difference between limit and trigger price is beyond permissible range",
    "session": "EXCH:16052 - Function Not Available",
    "instrument": "EXCH:16387:Security is not allowed to trade in this market.",
    "product": "RMS:1:Client not enabled on the product",
    "quantity": "EXCH:16327:Order quantity exceeds the quantity limit. Check freeze quantity for NIFTY",
    "disclosed": "EXCH:16419:Invalid combination of MF/AON/DQ",
    "blocked": "Transactions blocked by RMS as kill switch is active",
    "unknown": "RMS:1:The moon is in the wrong house",
}


def test_scenario_5_1_an_order_that_the_leaders_broker_rejects_is_not_placed(desk: Desk) -> None:
    desk.broker.tell("funds", account="leader", available=10)
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="skipped", reason="leader_rejected", leader_status="REJECTED")
    desk.heard()
    assert "insufficient funds" in row["detail"]


def test_scenario_5_1_a_copy_that_is_live_when_the_leader_is_rejected_is_cancelled(desk: Desk) -> None:
    desk.policy = {"copy_on": "received"}
    desk.settings("leader", hold=True)
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.make("REJECTED", "leader", order, reason=TEXTS["margin"])
    row = desk.follows(order, leader_status="REJECTED", follower_status="CANCELLED")
    desk.heard("place", "cancel")
    assert row["drift"] is None


def test_scenario_5_1_a_copy_that_filled_when_the_leader_is_rejected_is_told(desk: Desk) -> None:
    desk.policy = {"copy_on": "received"}
    desk.settings("leader", hold=True)
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    desk.follows(order, follower_status="TRADED")
    desk.make("REJECTED", "leader", order, reason=TEXTS["margin"])
    row = desk.follows(order, leader_status="REJECTED", follower_status="TRADED")
    desk.heard("place")
    assert row["drift"] == "filled 130 where the leader's 0 ask for 0"


@pytest.mark.parametrize("when", ["at_once", "later"])
def test_scenario_5_2_a_copy_without_margin_is_dead_and_not_tried_again(desk: Desk, when: str) -> None:
    desk.settings("alice", refuse=when)
    desk.broker.tell("funds", account="alice", available=10)
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="dead", reason="rejected_margin", follower_status="REJECTED")
    desk.heard("place")
    assert "insufficient funds" in row["detail"]
    assert desk.alerts("rejected a copy (margin)")


@pytest.mark.parametrize("when", ["at_once", "later"])
def test_scenario_5_2_every_rejection_has_its_category(desk: Desk, when: str) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    for category, text in TEXTS.items():
        if when == "later":
            desk.settings("alice", hold=True)
            order = desk.place()
            desk.eventually(lambda order=order: desk.copy(order)["follower_order_ids"])
            desk.make("REJECTED", reason=text)
        else:
            desk.broker.tell("faults", **_refusal(text))
            order = desk.place()
        row = desk.follows(order, decision="dead", reason=f"rejected_{category}")
        assert row["detail"] == text
    desk.heard(*["place"] * len(TEXTS))


def _refusal(text: str) -> dict[str, Any]:
    body = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": text}
    return {"kind": "status", "status": 400, "body": body, "account": "alice", "method": "POST", "times": 1}


def test_scenario_5_2_an_order_refused_for_its_price_is_tried_again_when_the_leader_changes_it(desk: Desk) -> None:
    desk.broker.tell("faults", **_refusal(TEXTS["price_band"]))
    desk.start()
    order = desk.place()
    desk.follows(order, decision="dead", reason="rejected_price_band")
    desk.modify(order, quantity=195)  # nothing that the rejection hangs on
    desk.follows(order, leader_quantity=195, decision="dead")
    desk.heard("place")
    desk.modify(order, quantity=195, price=91)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING", follower_quantity=195)
    desk.heard("place", "place")
    assert desk.asked(0)["correlationId"] != desk.asked(1)["correlationId"]


def test_scenario_5_2_a_cancel_of_the_leader_asks_nothing_of_a_dead_copy(desk: Desk) -> None:
    desk.broker.tell("funds", account="alice", available=10)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="dead")
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", decision="dead", reason="rejected_margin")
    desk.heard("place")


def test_scenario_5_2_what_only_one_broker_refuses_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.broker.tell("bar", account="alice", **SHARE, kind="not_allowed")
    desk.start()
    order = desk.place(**SHARE, quantity=10, price=1390)
    desk.follows(order, "alice", decision="dead", reason="rejected_instrument")
    row = desk.follows(order, "bob", decision="copied", follower_status="PENDING")
    assert pick(row, "side", "follower_quantity") == ("BUY", 10)
    desk.heard("place")
    desk.heard("place", account="bob")
