"""The leader cancels an order, or it expires."""

import pytest

from tests.scenarios.desk import SHARE, Desk, pick


@pytest.mark.parametrize("answer", ["CANCELLED", "TRANSIT", "EMPTY"])
def test_scenario_3_1_an_unfilled_copy_is_cancelled(desk: Desk, answer: str) -> None:
    desk.settings("alice", cancel_answer=answer)
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "cancel")
    assert desk.calls()[-1]["path"] == f"/orders/{copy['orderId']}"
    assert pick(row, "decision", "reason", "drift", "follower_filled") == ("copied", None, None, 0)
    assert desk.alerts("by hand") == []


@pytest.mark.parametrize("answer", ["CANCELLED", "TRANSIT", "EMPTY"])
def test_scenario_3_1_the_answer_to_a_cancel_is_not_its_end(desk: Desk, answer: str) -> None:
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.settings("alice", cancel_answer=answer)
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.settings("alice", hold=True)  # the cancel stays on its way
    desk.cancel(order)
    desk.heard("place", "cancel")
    assert desk.copy(order)["follower_status"] == "PENDING"
    desk.fill("alice", copy["orderId"], 65, 90)  # a fill may still come before it
    desk.settings("alice", hold=False)
    row = desk.follows(order, follower_status="CANCELLED", follower_filled=65)
    desk.heard("place", "cancel")
    assert row["drift"] == "filled 65 where the leader's 0 ask for 0"


def test_scenario_3_1_a_cancel_is_repeated_while_it_is_refused_for_transit(desk: Desk) -> None:
    desk.settings("alice", hold=True)
    desk.start()
    order = desk.place()
    desk.reaches("TRANSIT")
    desk.cancel(order)
    desk.eventually(lambda: len(desk.calls("alice", "DELETE")) >= 2, "the cancel is repeated")
    assert {row["status"] for row in desk.calls("alice", "DELETE")} == {400}
    desk.settings("alice", hold=False)
    desk.follows(order, follower_status="CANCELLED", drift=None)
    answers = [row["status"] for row in desk.calls("alice", "DELETE")]
    assert set(answers[:-1]) == {400}
    assert answers[-1] == 200
    desk.heard("place", *(["cancel"] * len(answers)))


def test_scenario_3_2_the_rest_is_cancelled_and_the_fills_stand(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SHARE, quantity=100, price=1390)
    copy = desk.reaches("PENDING")
    desk.fill("leader", order, 30, 1390)
    desk.fill("alice", copy["orderId"], 50, 1390)
    desk.follows(order, leader_filled=30, follower_filled=50)
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED", follower_filled=50)
    desk.heard("place", "cancel")
    assert row["drift"] == "filled 50 where the leader's 30 ask for 30"


def test_scenario_3_2_a_follower_that_filled_as_much_as_the_leader_has_not_drifted(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SHARE, quantity=100, price=1390)
    copy = desk.reaches("PENDING")
    desk.fill("leader", order, 30, 1390)
    desk.fill("alice", copy["orderId"], 30, 1390)
    desk.follows(order, leader_filled=30, follower_filled=30)
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED", follower_filled=30)
    desk.heard("place", "cancel")
    assert row["drift"] is None


def test_scenario_3_3_all_are_cancelled_and_what_had_not_left_asks_for_nothing(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.rules = {"rate_limits": {"orders": {"per_second": 2}}}
    desk.start()
    orders = [desk.place(price=price) for price in range(80, 94)]
    desk.eventually(lambda: len(desk.copies(reason="rate_limit")) > 4)
    for order in orders:
        desk.reaches("PENDING", "leader", order)
        desk.cancel(order)
    desk.eventually(lambda: len(desk.copies(leader_status="CANCELLED")) == len(orders))
    desk.eventually(lambda: pick(desk.status()["followers"][0], "open_orders", "queued") == (0, 0))
    desk.quiet()
    verbs = desk.verbs()
    assert verbs.count("cancel") == verbs.count("place") < len(orders)
    assert {row["orderStatus"] for row in desk.book("alice")} == {"CANCELLED"}
    for row in desk.copies(follower_order_ids=[]):
        assert pick(row, "decision", "reason", "follower_status") == ("skipped", "leader_over", None)


def test_scenario_3_3_cancels_leave_ahead_of_waiting_placements(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.rules = {"rate_limits": {"orders": {"per_second": 2}}}
    desk.start()
    orders = [desk.place(price=price) for price in range(80, 90)]
    desk.eventually(lambda: len(desk.verbs()) >= 4)  # the budget of this second is spent
    for order in orders[:2]:
        desk.cancel(order)
    for order in orders[:2]:
        desk.follows(order, follower_status="CANCELLED")
    for order in orders[2:]:
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.quiet()
    verbs = desk.verbs()
    assert (verbs.count("place"), verbs.count("cancel")) == (10, 2)
    first = verbs.index("cancel")
    assert verbs[first : first + 3] == ["cancel", "cancel", "place"]


def test_scenario_3_4_one_of_several_is_cancelled(desk: Desk) -> None:
    desk.start()
    orders = [desk.place(price=price) for price in (88, 89, 90)]
    for order in orders:
        desk.follows(order, follower_status="PENDING")
    desk.cancel(orders[1])
    gone = desk.follows(orders[1], follower_status="CANCELLED")
    desk.heard("place", "place", "place", "cancel")
    assert desk.calls()[-1]["path"] == f"/orders/{gone['follower_order_ids'][0]}"
    assert {row["price"]: row["orderStatus"] for row in desk.book("alice")} == {
        88: "PENDING",
        89: "CANCELLED",
        90: "PENDING",
    }


def test_scenario_3_5_a_cancel_finds_the_copy_filled(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.fill("alice", copy["orderId"], 130, 90)
    desk.follows(order, follower_status="TRADED")
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="TRADED", follower_filled=130)
    desk.heard("place")
    assert pick(row, "decision", "reason") == ("copied", None)
    assert row["drift"] == "filled 130 where the leader's 0 ask for 0"


def test_scenario_3_6_a_cancel_is_refused_because_the_copy_filled_meanwhile(desk: Desk) -> None:
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.start()
    order = desk.place()
    copy = desk.reaches("PENDING")
    desk.follows(order, follower_status="PENDING")
    desk.settings("alice", stream_drop=1.0)  # nobody hears of the fill
    desk.fill("alice", copy["orderId"], 130, 90)
    desk.cancel(order)
    row = desk.follows(order, leader_status="CANCELLED", follower_status="TRADED", follower_filled=130)
    desk.heard("place", "cancel")
    assert desk.calls()[-1]["status"] == 400
    assert row["drift"] == "filled 130 where the leader's 0 ask for 0"
    assert pick(row, "decision", "reason", "follower_average_price") == ("copied", None, 90)


def test_scenario_3_7_an_order_that_expires_takes_its_copy_along(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.make("EXPIRED", "leader", order)
    row = desk.follows(order, leader_status="EXPIRED", follower_status="CANCELLED")
    desk.heard("place", "cancel")
    assert row["drift"] is None


def test_scenario_3_7_a_copy_that_has_expired_as_well_is_left_alone(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.make("EXPIRED")
    desk.follows(order, follower_status="EXPIRED")
    desk.make("EXPIRED", "leader", order)
    row = desk.follows(order, leader_status="EXPIRED", follower_status="EXPIRED")
    desk.heard("place")
    assert row["drift"] is None


@pytest.mark.parametrize("word", ["CANCELLED", "EXPIRED"])
def test_scenario_3_7_the_rest_of_an_ioc_order_is_over_for_both(desk: Desk, word: str) -> None:
    desk.settings(ioc_rest=word)
    desk.broker.tell("liquidity", exchange_segment="NSE_FNO", security_id="43210", per_tick=65)
    desk.start()
    order = desk.place(validity="IOC", price=102)
    row = desk.follows(order, leader_status=word, leader_filled=65, follower_status=word, follower_filled=65)
    desk.quiet()
    assert desk.verbs()[0] == "place"
    assert set(desk.verbs()[1:]) <= {"cancel"}  # where the leader's end came first
    assert pick(row, "decision", "reason", "drift") == ("copied", None, None)
    assert desk.alerts("by hand") == []


def test_scenario_3_keep_leaves_the_copy_of_a_cancelled_entry_open(desk: Desk) -> None:
    desk.policy = {"fills": {"on_leader_cancel": "keep"}}
    desk.start()
    order = desk.place()
    desk.reaches("PENDING")
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED")
    desk.heard("place")
    row = desk.follows(order, follower_status="PENDING")
    assert row["drift"] is None
