"""How fast requests leave, which of them first, and that one follower's trouble is not another's."""

from tests.scenarios.desk import Desk, Row

SECOND = 1_000_000_000


def busiest(calls: list[Row]) -> int:
    """The most calls that arrived within any one second."""
    moments = [row["monotonic_ns"] for row in calls]
    return max(sum(1 for moment in moments if begin <= moment < begin + SECOND) for begin in moments)


def test_run_never_exceeds_the_brokers_rate(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    orders = [desk.place(price=60 + n) for n in range(30)]
    desk.eventually(lambda: len(desk.book("alice")) == 30, "all are copied")
    desk.eventually(lambda: desk.status()["followers"][0]["queued"] == 0)
    assert {row["decision"] for row in desk.copies()} == {"copied"}
    assert sorted(row["leader_order_id"] for row in desk.copies()) == sorted(orders)
    assert [row["status"] for row in desk.calls()] == [200] * 30  # the broker counts too, and refused none
    assert busiest(desk.calls()) <= 10


def test_run_keeps_the_rate_that_the_rules_set_and_lets_cancels_leave_first(desk: Desk) -> None:
    rate = 5
    desk.rules = {"rate_limits": {"orders": {"per_second": rate}}}
    desk.settings("leader", rate_limits={})
    desk.start()
    resting = [desk.place(price=50 + n) for n in range(rate)]
    for order in resting:
        desk.follows(order, follower_status="PENDING")
    burst = [desk.place(price=60 + n) for n in range(20)]
    desk.eventually(lambda: len(desk.copies(reason="rate_limit")) >= 2 * rate)
    for order in resting:
        desk.cancel(order)
    desk.eventually(lambda: desk.verbs().count("cancel") == len(resting), "all cancels have left")
    placed_by_then = desk.verbs().count("place")
    assert placed_by_then < len(resting) + len(burst)  # they have overtaken others
    for order in burst:
        desk.follows(order, decision="copied", follower_status="PENDING")
    assert busiest(desk.calls()) <= rate
    cancels = [at for at, verb in enumerate(desk.verbs()) if verb == "cancel"]
    between = cancels[-1] - cancels[0] + 1 - len(cancels)
    assert between <= rate  # at most what left before all of them were asked for


def test_run_tells_what_is_left_of_the_rate(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    budget = desk.status()["followers"][0]["rate_budget"]["orders"]
    assert budget["minute"] == 249


def test_run_a_follower_that_hangs_does_not_delay_another(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.rules = {"resilience": {"request_timeout": "60s"}}
    desk.settings("leader", rate_limits={})
    desk.start()
    desk.fault("hang")
    orders = [desk.place(price=60 + n) for n in range(9)]
    for order in orders:
        desk.follows(order, "bob", decision="copied", follower_status="PENDING")
    desk.cancel(orders[0])
    desk.follows(orders[0], "bob", follower_status="CANCELLED")
    assert len(desk.calls("alice")) == 9
    assert {row["status"] for row in desk.calls("alice")} == {None}  # not one of them was answered meanwhile


def test_run_a_follower_with_a_dead_token_does_not_stop_another(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.start()
    desk.broker.tell("token", account="alice", action="kill")
    order = desk.place()
    desk.follows(order, "bob", decision="copied", follower_status="PENDING")
    desk.follows(order, "alice", decision="queued", reason="follower_unauthenticated")
    desk.eventually(lambda: [row["state"] for row in desk.status()["followers"]] == ["unauthenticated", "active"])
    desk.quiet()
    refused = [
        row for row in desk.broker.ask("requests")["requests"] if row["method"] == "POST" and row["status"] == 401
    ]
    assert len(refused) <= 2  # no storm
    assert desk.alerts("refused")
