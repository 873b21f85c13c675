"""Scenarios 4.6 to 4.13 end to end: what the broker saw of a follower's exits."""

import pytest

from tests.scenarios.desk import CALL, HALF, Desk, pick

MARKET = {"order_type": "MARKET", "price": 0}
SELL = {"transaction_type": "SELL"}


@pytest.fixture
def holding(desk: Desk) -> Desk:
    """The leader has bought four lots, the follower half of that."""
    desk.policy = {"sizing": HALF}
    desk.start()
    desk.follows(desk.place(**MARKET, quantity=260), follower_status="TRADED")
    desk.eventually(lambda: desk.net() == 130)
    return desk


def test_scenario_4_6_the_same_share_is_closed_and_flat_follows_flat(holding: Desk) -> None:
    part = holding.place(**SELL, **MARKET, quantity=130)
    holding.follows(part, decision="copied", follower_filled=65)
    rest = holding.place(**SELL, **MARKET, quantity=130)
    holding.follows(rest, decision="copied", follower_filled=65)
    holding.heard("place", "place", "place")
    assert (holding.net("leader"), holding.net()) == (0, 0)
    assert holding.look("positions", "--format", "json")


def test_scenario_4_6_a_resting_exit_rests_and_is_followed(holding: Desk) -> None:
    target = holding.place(**SELL, quantity=260, price=120)
    holding.follows(target, follower_status="PENDING", follower_quantity=130)
    holding.modify(target, quantity=130, price=121)
    holding.follows(target, follower_quantity=65)
    assert pick(holding.asked(), "quantity", "price") == (65, 121.0)
    holding.cancel(target)
    holding.follows(target, follower_status="CANCELLED")
    assert holding.net() == 130


def test_scenario_4_7_an_exit_of_what_was_never_entered_is_refused(desk: Desk) -> None:
    no_buys = {"name": "no buys", "match": {"side": "BUY"}, "action": "skip"}
    desk.policy = {"filters": {"rules": [no_buys]}}
    desk.start()
    desk.follows(desk.place(**MARKET), decision="skipped", reason="filtered")
    order = desk.place(**SELL, **MARKET)
    desk.follows(order, decision="refused", reason="exit_without_position")
    desk.heard()


def test_scenario_4_7_and_8_5_a_position_from_before_the_start_is_not_sold_short(desk: Desk) -> None:
    desk.broker.tell("position", account="leader", **CALL, product="MARGIN", quantity=130, price=100)
    desk.start()
    order = desk.place(**SELL, **MARKET, product_type="MARGIN")
    desk.follows(order, decision="refused", reason="exit_without_position")
    desk.heard()


def test_scenario_4_9_an_exit_takes_from_an_entry_that_is_still_open(desk: Desk) -> None:
    desk.start()
    entry = desk.place(price=90)
    desk.follows(entry, follower_status="PENDING")
    desk.fill("leader", entry, 130, 90)
    desk.eventually(lambda: desk.copy(entry)["leader_status"] == "TRADED")
    leaves = desk.place(**SELL, **MARKET)
    desk.follows(entry, follower_status="CANCELLED")
    desk.follows(leaves, reason="entry_cut")
    desk.heard("place", "cancel")


def test_scenario_4_10_what_a_person_closes_takes_the_resting_exit_away(holding: Desk) -> None:
    stop = holding.place(**SELL, quantity=260, order_type="STOP_LOSS", price=60, trigger_price=61)
    holding.follows(stop, follower_status="PENDING", follower_quantity=130)
    holding.by_hand("alice", transactionType="SELL", orderType="MARKET", price=0, quantity=130)
    holding.follows(stop, follower_status="CANCELLED")
    assert holding.net() == 0


def test_scenario_4_11_a_reversal_is_an_exit_and_then_an_entry(holding: Desk) -> None:
    order = holding.place(**SELL, **MARKET, quantity=520)
    holding.eventually(lambda: holding.net() == -130, "the follower is short by half")
    row = holding.follows(order, decision="copied")
    assert row["detail"].startswith("exit: ")
    assert "entry: " in row["detail"]
    assert [body["quantity"] for body in holding.bodies()] == [130, 130, 130]


def test_scenario_4_12_of_stop_and_target_one_rests_and_the_other_follows_when_it_trades(holding: Desk) -> None:
    stop = holding.place(**SELL, quantity=260, order_type="STOP_LOSS", price=60, trigger_price=61)
    holding.follows(stop, follower_status="PENDING")
    target = holding.place(**SELL, quantity=260, price=120)
    holding.follows(target, decision="queued", reason="exit_alternative")
    holding.fill("leader", target, 260, 120)
    holding.eventually(lambda: holding.net() == 0, "the follower is flat")
    holding.follows(target, decision="copied", reason="late_copied")
    holding.follows(stop, follower_status="CANCELLED")
    assert holding.asked()["orderType"] == "MARKET"


def test_scenario_4_13_an_exit_that_lags_goes_at_the_market(desk: Desk) -> None:
    desk.policy = {"sizing": HALF, "fills": {"lag_alert": "500ms", "lag_deadline": "1500ms"}}
    desk.start()
    desk.follows(desk.place(**MARKET, quantity=260), follower_status="TRADED")
    target = desk.place(**SELL, quantity=260, price=120)
    desk.follows(target, follower_status="PENDING")
    desk.fill("leader", target, 260, 120)
    desk.eventually(lambda: desk.alerts("open after"), "the lag is told")
    desk.eventually(lambda: desk.net() == 0, "the follower is flat")
    desk.heard("place", "place", "modify")
    assert desk.asked()["orderType"] == "MARKET"


def test_scenario_4_13_an_exit_that_is_rejected_is_tried_again(holding: Desk) -> None:
    holding.broker.tell("bar", account="alice", **CALL, kind="not_allowed")
    order = holding.place(**SELL, **MARKET, quantity=260)
    holding.eventually(lambda: len(holding.calls()) >= 3, "it is tried again")
    holding.broker.forget("bar")
    holding.eventually(lambda: holding.net() == 0, "the follower is flat")
    holding.follows(order, decision="copied")


def test_scenario_7_2_an_exit_while_nobody_looked_goes_out_as_market(holding: Desk) -> None:
    holding.stop()
    holding.long_ago()
    order = holding.place(**SELL, quantity=260, price=95)
    holding.eventually(lambda: holding.net("leader") == 0)  # it trades as of then, too
    holding.today()
    holding.start()
    holding.eventually(lambda: holding.net() == 0, "the follower is flat")
    holding.follows(order, decision="copied", reason="late_copied")


def test_scenario_7_7_killed_between_entry_and_exit_it_closes_once(holding: Desk) -> None:
    holding.kill()
    holding.place(**SELL, **MARKET, quantity=260)
    holding.start()
    holding.eventually(lambda: holding.net() == 0, "the follower is flat")
    holding.quiet()
    assert holding.net() == 0


def test_scenario_9_8_the_brokers_square_off_is_copied_and_never_doubled(holding: Desk) -> None:
    holding.broker.tell("square_off", account="alice")
    holding.broker.tell("square_off", account="leader")
    holding.eventually(lambda: holding.net("leader") == 0)
    holding.look_again(times=3)
    holding.quiet()
    assert holding.net() == 0
