"""A request times out, or its connection breaks, or its answer says nothing: nobody knows what became of it."""

from typing import Any

import pytest

from tests.scenarios.desk import Desk, Row, pick

ELSEWHERE = {"Location": "https://example.invalid/v2/orders"}
TAKEN: dict[str, Row] = {
    "timeout": {"kind": "hang", "accepted": True},
    "reset": {"kind": "reset_after"},
    "502": {"kind": "html502", "accepted": True},
    "DH-908": {"kind": "dh908", "accepted": True},
    "empty": {"kind": "empty"},
    "empty 202": {"kind": "empty", "status": 202},
    "half a JSON": {"kind": "truncated"},
    "cut in the body": {"kind": "cut"},
    "301": {"kind": "status", "status": 301, "headers": ELSEWHERE, "accepted": True},
}
NOT_TAKEN: dict[str, Row] = {
    "timeout": {"kind": "hang"},
    "reset": {"kind": "reset_before"},
    "502": {"kind": "html502"},
    "DH-908": {"kind": "dh908"},
    "empty": {"kind": "empty", "accepted": False},
    "301": {"kind": "status", "status": 301, "headers": ELSEWHERE},
}


def looks(desk: Desk, correlation_id: str) -> list[int]:
    """The numbers of the requests that looked for an order by this id."""
    return [row["number"] for row in reads(desk) if row["path"] == f"/orders/external/{correlation_id}"]


def reads(desk: Desk) -> list[Row]:
    return [row for row in desk.broker.ask("requests", account="alice")["requests"] if row["method"] == "GET"]


def names(desk: Desk) -> list[str]:
    """The correlation ids under which alice's orders were asked for."""
    return [row["body"]["correlationId"] for row in desk.calls("alice", "POST")]


def patience(desk: Desk, **resilience: Any) -> None:
    """Shorter deadlines than the desk's."""
    desk.rules = {"resilience": {"request_timeout": "500ms", **resilience}}


def place_each(desk: Desk, ways: dict[str, Row], first: int = 80) -> dict[int, str]:
    """One order of the leader for each way in which things go wrong, each at a price of its own."""
    desk.settings("leader", rate_limits={})
    return {price: desk.place(price=price) for price in range(first, first + len(ways))}


def trouble_for_each(desk: Desk, ways: dict[str, Row], method: str, first: int = 80) -> None:
    for price, rule in enumerate(ways.values(), first):
        desk.fault(**rule, method=method, contains=f'"price": {price}.0', times=1)


def test_scenario_7_9_a_placement_that_was_taken_is_found(desk: Desk) -> None:
    patience(desk)
    trouble_for_each(desk, TAKEN, "POST")
    desk.start()
    orders = place_each(desk, TAKEN)
    rows = {price: desk.follows(orders[price], reason=None, follower_status="PENDING") for price in orders}
    desk.eventually(lambda: desk.status()["followers"][0]["queued"] == 0)
    desk.heard(*["place"] * len(TAKEN))
    ours = {row["price"]: row["orderId"] for row in desk.book("alice")}
    assert {price: row["follower_order_ids"] for price, row in rows.items()} == {at: [ours[at]] for at in ours}
    assert {row["decision"] for row in rows.values()} == {"copied"}
    for order in orders.values():
        desk.cancel(order)
    for order in orders.values():
        desk.follows(order, follower_status="CANCELLED", drift=None)
    desk.heard(*["place"] * len(TAKEN), *["cancel"] * len(TAKEN))


def test_scenario_7_9_a_placement_that_was_not_taken_is_placed_anew_once_it_is_absent_for_long_enough(
    desk: Desk,
) -> None:
    patience(desk)
    trouble_for_each(desk, NOT_TAKEN, "POST")
    desk.start()
    orders = place_each(desk, NOT_TAKEN)
    for order in orders.values():
        desk.follows(order, decision="queued", reason="settling")
    for order in orders.values():
        desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard(*["place"] * 2 * len(NOT_TAKEN))
    for price in orders:
        first, second = [row for row in desk.calls("alice", "POST") if row["body"]["price"] == price]
        assert first["body"]["correlationId"] != second["body"]["correlationId"]
        looked = [at for at in looks(desk, first["body"]["correlationId"]) if at < second["number"]]
        assert len(looked) >= 2
        book = [row["number"] for row in reads(desk) if row["path"] == "/orders"]
        assert any(looked[0] <= at < second["number"] for at in book)
        (standing,) = [row for row in desk.book("alice") if row["price"] == price]
        assert standing["correlationId"] == second["body"]["correlationId"]
    assert len(desk.alerts("was never placed")) == len(NOT_TAKEN)


def test_scenario_7_9_an_order_on_its_way_is_found_in_the_book(desk: Desk) -> None:
    patience(desk)
    desk.settings("alice", hold=True, stream_drop=1.0)  # the look-up by id cannot see it, and no frame tells of it
    desk.fault("reset_after", times=1)
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="copied", follower_status="TRANSIT")
    assert row["follower_order_ids"] == [desk.only()["orderId"]]
    desk.settings("alice", hold=False)
    desk.follows(order, follower_status="PENDING")
    desk.heard("place")


def test_scenario_7_9_nothing_is_sent_while_nothing_can_be_read(desk: Desk) -> None:
    patience(desk, settle={"absent_for": "500ms", "give_up": "1s"})
    desk.start()
    desk.broker.tell("faults", account="alice", method="GET", kind="html502")
    desk.settings("alice", stream_drop=1.0)
    desk.fault("hang", times=1)
    order = desk.place()
    row = desk.follows(order, decision="dead", reason="unresolved")
    assert "unknown" in row["detail"]
    assert desk.status()["followers"][0]["unresolved"] == 1
    assert desk.alerts("unknown")
    desk.heard("place")
    desk.mend()
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place", "place")
    assert desk.status()["followers"][0]["unresolved"] == 0


def test_scenario_7_9_of_one_that_was_given_up_and_shows_up_late_and_its_successor_one_is_cancelled(desk: Desk) -> None:
    patience(desk, settle={"absent_for": "500ms", "give_up": "4s"})
    desk.fault("delay_before", seconds=4, times=1)  # it arrives long after it was given up
    desk.start()
    order = desk.place()
    desk.eventually(lambda: len(desk.book("alice")) == 2, "the first has arrived after all")
    desk.eventually(lambda: sorted(row["orderStatus"] for row in desk.book("alice")) == ["CANCELLED", "PENDING"])
    desk.follows(order, decision="copied", follower_status="PENDING", follower_quantity=130)
    desk.look_again()
    assert desk.verbs().count("place") == 2
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    assert {row["orderStatus"] for row in desk.book("alice")} == {"CANCELLED"}
    assert desk.verbs().count("place") == 2


def test_scenario_7_9_one_that_shows_up_after_the_leader_cancelled_is_cancelled(desk: Desk) -> None:
    patience(desk, settle={"absent_for": "500ms", "give_up": "4s"})
    desk.fault("delay_before", seconds=4, times=1)
    desk.start()
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    desk.cancel(order)
    desk.follows(order, decision="skipped", reason="leader_over")
    copy = desk.reaches("CANCELLED")
    desk.follows(order, follower_status="CANCELLED", drift=None)
    desk.quiet()
    assert desk.verbs()[0] == "place"
    assert set(desk.verbs()[1:]) == {"cancel"}  # more than one where it was still on its way
    assert copy["filledQty"] == 0


def test_scenario_7_9_one_that_is_not_wanted_any_more_is_not_placed_anew(desk: Desk) -> None:
    desk.policy = {"late": {"max_age": "1s"}}
    patience(desk, settle={"absent_for": "3s", "give_up": "6s"})  # his fill is known long before that of the copy
    desk.fault("hang", times=1)
    desk.start()
    order = desk.place()
    desk.eventually(lambda: desk.verbs() == ["place"])
    desk.fill("leader", order, 130, 90)
    desk.follows(order, decision="queued", reason="settling", leader_status="TRADED")
    desk.follows(order, decision="skipped", reason="late", leader_status="TRADED")
    desk.heard("place")
    assert desk.book("alice") == []


@pytest.mark.parametrize("taken", [True, False])
def test_scenario_7_9_a_modification_is_settled_by_the_book(desk: Desk, taken: bool) -> None:
    ways = TAKEN if taken else NOT_TAKEN
    patience(desk)
    desk.start()
    orders = place_each(desk, ways)
    for order in orders.values():
        desk.follows(order, follower_status="PENDING")
    trouble_for_each(desk, ways, "PUT", first=60)
    for price, order in enumerate(orders.values(), 60):
        desk.modify(order, price=price, quantity=195)
    wanted = [(price, 195) for price in range(60, 60 + len(ways))]
    desk.eventually(lambda: sorted(pick(row, "price", "quantity") for row in desk.book("alice")) == wanted)
    for order in orders.values():
        desk.follows(order, follower_quantity=195, drift=None)
    desk.look_again()
    desk.heard(*["place"] * len(ways), *["modify"] * len(ways) * (1 if taken else 2))


@pytest.mark.parametrize("taken", [True, False])
def test_scenario_7_9_a_cancel_goes_on_until_the_order_is_over(desk: Desk, taken: bool) -> None:
    ways = TAKEN if taken else NOT_TAKEN
    patience(desk)
    desk.start()
    orders = place_each(desk, ways)
    for rule, order in zip(ways.values(), orders.values(), strict=True):
        row = desk.follows(order, follower_status="PENDING")
        path = f"^/orders/{row['follower_order_ids'][0]}$"
        desk.broker.tell("faults", **rule, account="alice", method="DELETE", path=path, times=1)
    for order in orders.values():
        desk.cancel(order)
    for order in orders.values():
        desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED", drift=None)
    desk.quiet()
    asked = [row["path"] for row in desk.calls("alice", "DELETE")]
    assert all(asked.count(path) <= 2 for path in asked)
    assert desk.verbs().count("place") == len(ways)
