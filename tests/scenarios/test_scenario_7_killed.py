"""copyctl is killed (kill -9) at every boundary of a request, and started again."""

import json
from pathlib import Path

import pytest

from tests.scenarios import dying_run
from tests.scenarios.desk import Desk, pick

EVERYWHERE = (*dying_run.BOUNDARIES, "accepted", "lost")
METHODS = {"place": "POST", "modify": "PUT", "cancel": "DELETE"}


def start_doomed(desk: Desk, boundary: str, kind: str) -> None:
    """Start copyctl so that its first request of this kind meets its death at this boundary."""
    desk.rules = {"resilience": {"sweep": "500ms", "settle": {"absent_for": "500ms", "give_up": "4s"}}}
    if boundary in dying_run.BOUNDARIES:
        desk.start(program=(str(Path(dying_run.__file__)), boundary, kind))
        return
    desk.start()
    desk.fault("hang", METHODS[kind], accepted=boundary == "accepted", times=1)


def die(desk: Desk, boundary: str, kind: str) -> None:
    """Wait until it has met it."""
    if boundary in dying_run.BOUNDARIES:
        assert desk.ended() == -9
    else:
        desk.eventually(lambda: desk.calls("alice", METHODS[kind]), f"the {kind} has left")
        desk.kill()


def requests_done(desk: Desk, kind: str) -> list[int]:
    """How the broker answered the requests of this kind that it did not lose."""
    return [row["status"] for row in desk.calls("alice", METHODS[kind]) if row["fault"] is None]


@pytest.mark.parametrize("boundary", EVERYWHERE)
def test_scenario_7_7_killed_while_placing(desk: Desk, boundary: str) -> None:
    start_doomed(desk, boundary, "place")
    order = desk.place()
    die(desk, boundary, "place")
    desk.start()
    row = desk.follows(order, decision="copied", reason=None, follower_status="PENDING", follower_quantity=130)
    desk.quiet()
    copy = desk.only()
    assert pick(copy, "orderStatus", "quantity", "price") == ("PENDING", 130, 90)
    assert row["follower_order_ids"] == [copy["orderId"]]
    assert len(desk.calls("alice", "POST")) == (2 if boundary == "lost" else 1)
    assert json.loads(desk.look("audit", "verify"))["ok"] is True
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED", drift=None)
    assert len(desk.book("alice")) == 1


@pytest.mark.parametrize("boundary", ["recorded", "lost", "accepted", "answered"])
def test_scenario_7_7_killed_while_placing_and_the_leader_cancels_meanwhile(desk: Desk, boundary: str) -> None:
    start_doomed(desk, boundary, "place")
    order = desk.place()
    die(desk, boundary, "place")
    desk.cancel(order)
    desk.reaches("CANCELLED", "leader", order)
    desk.start()
    if boundary in ("recorded", "lost"):
        row = desk.eventually(lambda: desk.copies(leader_order_id=order, follower_status=None, reason="leader_over"))[0]
        desk.heard(*["place"] * (boundary == "lost"))
        assert pick(row, "decision", "follower_order_ids", "drift") == ("skipped", [], None)
        assert desk.book("alice") == []
        return
    row = desk.follows(order, follower_status="CANCELLED")
    desk.heard("place", "cancel")
    assert row["drift"] is None
    assert pick(desk.only(), "orderStatus", "filledQty") == ("CANCELLED", 0)


@pytest.mark.parametrize("boundary", ["recorded", "accepted", "lost"])
def test_scenario_7_7_killed_while_placing_and_the_leader_modifies_meanwhile(desk: Desk, boundary: str) -> None:
    start_doomed(desk, boundary, "place")
    order = desk.place()
    die(desk, boundary, "place")
    desk.modify(order, price=91, quantity=65)
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING", follower_quantity=65)
    desk.eventually(lambda: pick(desk.only(), "quantity", "price") == (65, 91))
    then = {"recorded": [], "accepted": ["modify"], "lost": ["place"]}
    desk.heard("place", *then[boundary])


@pytest.mark.parametrize("boundary", EVERYWHERE)
def test_scenario_7_7_killed_while_modifying(desk: Desk, boundary: str) -> None:
    start_doomed(desk, boundary, "modify")
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.modify(order, price=91, quantity=195)
    die(desk, boundary, "modify")
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING", follower_quantity=195, drift=None)
    desk.eventually(lambda: pick(desk.only(), "quantity", "price") == (195, 91))
    desk.look_again()
    desk.quiet()
    assert desk.verbs() == ["place", "modify"] + ["modify"] * (boundary == "lost")
    assert pick(desk.only(), "orderStatus", "quantity", "price") == ("PENDING", 195, 91)


@pytest.mark.parametrize("boundary", EVERYWHERE)
def test_scenario_7_7_killed_while_cancelling(desk: Desk, boundary: str) -> None:
    start_doomed(desk, boundary, "cancel")
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.cancel(order)
    die(desk, boundary, "cancel")
    desk.start()
    desk.follows(order, decision="copied", follower_status="CANCELLED", drift=None)
    desk.quiet()
    assert requests_done(desk, "place") == [200]
    assert requests_done(desk, "cancel").count(200) <= 1
    assert len(desk.calls("alice", "DELETE")) <= 2
    assert desk.only()["orderStatus"] == "CANCELLED"


def test_scenario_7_7_killed_again_and_again(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    orders = []
    for round_ in range(5):
        orders += [desk.place(price=70 + 4 * round_ + n) for n in range(4)]
        desk.reaches("PENDING", "leader", orders[-3])
        desk.cancel(orders[-3])
        desk.modify(orders[-2], price=60 + round_, quantity=65)
        desk.eventually(lambda most=2 * round_ + 1: len(desk.book("alice")) >= most)
        desk.kill()
        desk.start(ready=False)
    desk.eventually(desk.listens)
    for at, order in enumerate(orders):
        desk.follows(order, leader_status="CANCELLED" if at % 4 == 1 else "PENDING")
    desk.eventually(lambda: open_orders(desk, "alice") == open_orders(desk, "leader"))
    desk.quiet()
    assert open_orders(desk, "alice") == open_orders(desk, "leader")
    assert len(desk.book("alice")) <= len(orders)
    names = [row["correlationId"] for row in desk.book("alice")]
    assert len(set(names)) == len(names)


def open_orders(desk: Desk, account: str) -> list[tuple[float, int]]:
    rows = [row for row in desk.book(account) if row["orderStatus"] == "PENDING"]
    return sorted((row["price"], row["quantity"]) for row in rows)
