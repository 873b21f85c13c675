"""How fast requests leave, which of them first, and that one follower's trouble is not another's."""

import itertools
import time

import pytest

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
    budget = desk.status()["followers"][0]["rate_budget"]
    assert [budget["orders"][window] for window in ("minute", "hour", "day")] == [249, 999, 6999]
    desk.eventually(lambda: desk.status()["followers"][0]["rate_budget"]["other"] < 20, "reads are told of")
    assert budget["quotes"] <= 1
    assert (desk.store / "pulse.json").stat().st_mode & 0o777 == 0o600
    desk.stop()
    stopped = desk.status()["followers"][0]["rate_budget"]
    assert (stopped["quotes"], stopped["other"], stopped["data"]) == (1, 20, 5)


def allowed(desk: Desk, reserve: int = 20, **orders: int) -> None:
    """The same limits for copyctl and at the broker, whose windows are as long; the leader has none."""
    lengths = {"per_second": "1", "per_minute": "60", "per_hour": "3600", "per_day": "86400"}
    limits = {"per_second": 100, "per_minute": 10_000, "per_hour": 10_000, "per_day": 10_000} | orders
    desk.rules = {"rate_limits": {"orders": limits, "reserve_pct": reserve}}
    desk.settings(rate_limits={"orders": {lengths[name]: limit for name, limit in limits.items()}})
    desk.settings("leader", rate_limits={})


def all_copied(desk: Desk, wanted: list[str], within_seconds: float = 60) -> None:
    """Each of these has one copy at the broker, and nothing waits."""
    ends = time.monotonic() + within_seconds
    while len(desk.book("alice")) < len(wanted) and time.monotonic() < ends:
        time.sleep(0.2)
    desk.eventually(lambda: desk.status()["followers"][0]["queued"] == 0, "nothing waits")
    assert sorted(row["leader_order_id"] for row in desk.copies(follower="alice", decision="copied")) == sorted(wanted)
    ids = [row["correlationId"] for row in desk.book("alice")]
    assert len(ids) == len(set(ids)) == len(wanted)


@pytest.mark.parametrize(("orders", "rate"), [(10, 4), (50, 10), (500, 60)])
def test_run_copies_many_leader_orders_at_once_within_the_rate_cancels_first(
    desk: Desk, orders: int, rate: int
) -> None:
    allowed(desk, per_second=rate)
    desk.start()
    resting = [desk.place(price=50 + n) for n in range(2)]
    for order in resting:
        desk.follows(order, follower_status="PENDING")
    burst = [desk.by_hand("leader", price=60 + n % 30) for n in range(orders)]
    for order in resting:
        desk.cancel(order)
    desk.eventually(lambda: desk.verbs().count("cancel") == 2, "the cancels have left")
    assert desk.verbs().count("place") < 2 + orders  # they overtook others
    all_copied(desk, [*resting, *burst])
    assert {row["status"] for row in desk.calls()} == {200}  # the broker counts too, and refused none
    assert busiest(desk.calls()) <= rate


def test_run_keeps_the_minute_and_its_reserve_for_cancels(desk: Desk) -> None:
    allowed(desk, per_minute=20)
    desk.start()
    burst = [desk.place(price=60 + n) for n in range(19)]
    desk.eventually(lambda: len(desk.copies(reason="rate_limit")) == 3, "beyond the reserve nothing leaves")
    assert desk.verbs() == ["place"] * 16
    desk.modify(burst[0], price=59)
    desk.quiet()
    assert desk.verbs() == ["place"] * 16  # a new price waits too
    desk.cancel(burst[1])
    desk.modify(burst[2], price=62, quantity=65)
    desk.eventually(lambda: desk.verbs()[16:] == ["cancel", "modify"], "a cancel and a cut use the reserve")
    assert len(desk.alerts("20 requests a minute are used")) == 1
    desk.kill()
    desk.start()  # the windows hold over a restart
    desk.quiet()
    assert len(desk.verbs()) == 18
    first = desk.calls()[0]["monotonic_ns"]
    ends = time.monotonic() + 90
    while len(desk.verbs()) < 22 and time.monotonic() < ends:
        time.sleep(0.5)
    assert desk.verbs()[18:] == ["modify", "place", "place", "place"]
    assert desk.calls()[18]["monotonic_ns"] - first > 60 * SECOND
    assert {row["status"] for row in desk.calls()} == {200}


@pytest.mark.parametrize("shape", ["DH-904", "805"])
def test_run_comes_through_where_the_broker_takes_less_than_is_known(desk: Desk, shape: str) -> None:
    desk.settings("leader", rate_limits={})
    desk.settings("alice", rate_limits={"orders": {"1": 4}}, rate_answer=shape)
    desk.start()
    orders = [desk.place(price=60 + n) for n in range(20)]
    all_copied(desk, orders)
    refused = [row for row in desk.calls() if row["status"] == 429]
    assert refused  # they were too many for it
    assert len(refused) <= 60  # and it was not stormed
    desk.modify(orders[0], price=55)
    desk.eventually(lambda: 55 in {row["price"] for row in desk.book("alice")}, "changes come through")


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "too_many"},
        {"kind": "status", "status": 200, "body": {"status": "failed", "data": {"805": "Too many requests"}}},
        {"kind": "status", "status": 429, "body": "<html>slow down</html>"},
    ],
    ids=["DH-904", "805 in a 200", "a page"],
)
def test_run_rests_and_then_goes_on_where_it_is_told_that_it_asks_too_much(desk: Desk, answer: Row) -> None:
    desk.followers = ("alice", "bob")
    desk.settings("leader", rate_limits={})
    desk.start()
    desk.fault(times=3, **answer)
    first = desk.place()
    desk.follows(first, "bob", decision="copied", follower_status="PENDING")
    desk.follows(first, decision="queued", reason="rate_limit")
    desk.eventually(lambda: "rests until" in desk.status()["followers"][0]["detail"], "status tells of it")
    others = [desk.place(price=60 + n) for n in range(3)]
    all_copied(desk, [first, *others])
    moments = [row["monotonic_ns"] for row in desk.calls()]
    gaps = [(after - before) / SECOND for before, after in itertools.pairwise(moments[:4])]
    assert [gap >= least for gap, least in zip(gaps, (1, 2, 4), strict=True)] == [True] * 3
    assert not desk.alerts("rejected")


def test_run_reads_that_are_too_many_slow_down_and_delay_no_order(desk: Desk) -> None:
    desk.settings("leader", rate_limits={})
    desk.start()
    desk.settings("alice", rate_limits={"other": {"1": 0}})

    def refused() -> int:
        rows = desk.broker.ask("requests", account="alice")["requests"]
        return sum(1 for row in rows if row["method"] == "GET" and row["status"] == 429)

    desk.eventually(refused, "a read is refused")
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    assert [row["status"] for row in desk.calls()] == [200, 200]
    time.sleep(4)
    assert refused() <= 10  # each second one of two rests, and longer each time
    desk.settings("alice", rate_limits={})
    desk.look_again()


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
