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


@pytest.mark.parametrize("how", sorted(TAKEN))
def test_scenario_7_9_a_placement_that_was_taken_is_found(desk: Desk, how: str) -> None:
    patience(desk)
    desk.fault(**TAKEN[how], times=1)
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.eventually(lambda: desk.status()["followers"][0]["queued"] == 0)
    desk.heard("place")
    assert row["follower_order_ids"] == [desk.only()["orderId"]]
    desk.modify(order, price=91)
    desk.eventually(lambda: desk.only()["price"] == 91)
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED", drift=None)
    desk.heard("place", "modify", "cancel")


@pytest.mark.parametrize("how", sorted(NOT_TAKEN))
def test_scenario_7_9_a_placement_that_was_not_taken_is_placed_anew_once_it_is_absent_for_long_enough(
    desk: Desk, how: str
) -> None:
    patience(desk)
    desk.fault(**NOT_TAKEN[how], times=1)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="queued", reason="settling")
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place", "place")
    first, second = names(desk)
    assert first != second
    assert desk.only()["correlationId"] == second
    again = desk.calls("alice", "POST")[1]["number"]
    looked = [number for number in looks(desk, first) if number < again]
    assert len(looked) >= 2
    book = [row["number"] for row in reads(desk) if row["path"] == "/orders" and looked[0] <= row["number"] < again]
    assert book
    assert desk.alerts("was never placed")


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
    patience(desk)
    desk.fault("hang", times=1)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="queued", reason="settling")
    desk.fill("leader", order, 130, 90)
    desk.follows(order, decision="skipped", reason="late", leader_status="TRADED")
    desk.heard("place")
    assert desk.book("alice") == []


@pytest.mark.parametrize("how", sorted(TAKEN))
def test_scenario_7_9_a_modification_that_was_taken_is_not_repeated(desk: Desk, how: str) -> None:
    patience(desk)
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.fault(**TAKEN[how], method="PUT", times=1)
    desk.modify(order, price=91, quantity=195)
    desk.eventually(lambda: pick(desk.only(), "price", "quantity") == (91, 195))
    desk.follows(order, follower_quantity=195, drift=None)
    desk.look_again(times=2)
    desk.heard("place", "modify")


@pytest.mark.parametrize("how", sorted(NOT_TAKEN))
def test_scenario_7_9_a_modification_that_was_not_taken_is_sent_again(desk: Desk, how: str) -> None:
    patience(desk)
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.fault(**NOT_TAKEN[how], method="PUT", times=1)
    desk.modify(order, price=91, quantity=195)
    desk.eventually(lambda: pick(desk.only(), "price", "quantity") == (91, 195))
    desk.follows(order, follower_quantity=195, drift=None)
    desk.heard("place", "modify", "modify")


@pytest.mark.parametrize(("how", "taken"), [(how, True) for how in TAKEN] + [(how, False) for how in NOT_TAKEN])
def test_scenario_7_9_a_cancel_goes_on_until_the_order_is_over(desk: Desk, how: str, taken: bool) -> None:
    patience(desk)
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.fault(**(TAKEN if taken else NOT_TAKEN)[how], method="DELETE", times=1)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED", drift=None)
    desk.quiet()
    assert desk.verbs()[:2] == ["place", "cancel"]
    assert len(desk.verbs()) <= 3
    assert desk.only()["orderStatus"] == "CANCELLED"
