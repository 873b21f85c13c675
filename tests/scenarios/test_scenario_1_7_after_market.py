"""Scenarios 1.7 and 6.2 end to end: after-market orders, from the evening until the market opens."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.scenarios.desk import Desk, pick

IST = timezone(timedelta(hours=5, minutes=30))
AMO = ("afterMarketOrder", "amoTime")
SELL = {"transaction_type": "SELL"}
MARKET = {"order_type": "MARKET", "price": 0}


def opens(desk: Desk, account: str) -> None:
    """The market opens: what waits of an account goes to the exchange."""
    desk.broker.tell("open", account=account)


def waiting(desk: Desk, **order: Any) -> str:
    """An after-market order of the leader's, and the copy of it, which waits as it does; his order's id."""
    placed = desk.place(after_market_order=True, **order)
    desk.follows(placed, decision="copied", reason=None, leader_status="PENDING", follower_status="PENDING")
    return placed


def copied_for(desk: Desk) -> tuple[Any, ...]:
    """Whether the one placement that was asked for is an after-market order, and for when."""
    desk.heard("place")
    return pick(desk.asked(), *AMO)


@pytest.mark.parametrize("at", ["PRE_OPEN", "OPEN_60"])
def test_scenario_1_7_it_is_copied_for_the_time_that_the_mapping_says_where_no_row_tells_his(
    desk: Desk, at: str
) -> None:
    desk.policy = {"mapping": {"after_market_time": at}}
    desk.start()
    order = waiting(desk, amo_time="OPEN_30")
    assert copied_for(desk) == (True, at)
    row = desk.copy(order)
    assert pick(row, "decision", "reason", "wanted_quantity", "drift") == ("copied", None, 130, None)
    body = pick(desk.asked(), "orderType", "quantity", "price", "productType", "validity", "securityId")
    assert body == ("LIMIT", 130, 90, "INTRADAY", "DAY", "43210")
    assert pick(desk.only(), *AMO) == (True, at)


@pytest.mark.parametrize("at", ["PRE_OPEN", "OPEN"])
def test_scenario_1_7_the_leaders_own_time_is_taken_where_his_row_tells_it(desk: Desk, at: str) -> None:
    desk.settings(rows_tell_amo_time=True)
    desk.policy = {"mapping": {"after_market_time": "OPEN_60" if at == "OPEN" else "OPEN"}}
    desk.start()
    order = desk.by_hand("leader", afterMarketOrder=True, amoTime=at)  # his app knows PRE_OPEN, the client does not
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert copied_for(desk) == (True, at)


def test_scenario_1_7_an_order_that_is_first_seen_in_the_book_keeps_its_time(desk: Desk) -> None:
    desk.settings(rows_tell_amo_time=True)
    order = desk.by_hand("leader", afterMarketOrder=True, amoTime="PRE_OPEN")
    desk.reaches("PENDING", "leader")
    desk.start()
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert copied_for(desk) == (True, "PRE_OPEN")


def test_scenario_1_7_while_his_book_cannot_be_read_it_goes_for_the_time_that_the_mapping_says(desk: Desk) -> None:
    desk.settings(rows_tell_amo_time=True)
    desk.policy = {"mapping": {"after_market_time": "OPEN_60"}}
    desk.start()
    desk.broker.tell("faults", kind="status", status=500, body={}, account="leader", method="GET", path="^/orders")
    order = desk.place(after_market_order=True, amo_time="OPEN_30")
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert copied_for(desk) == (True, "OPEN_60")


def test_scenario_1_7_an_exit_after_the_market_is_for_the_leaders_time_too(desk: Desk) -> None:
    desk.settings(rows_tell_amo_time=True)
    desk.start()
    desk.follows(desk.place(**MARKET, product_type="MARGIN"), follower_status="TRADED")
    order = desk.by_hand(
        "leader", transactionType="SELL", price=120, productType="MARGIN", afterMarketOrder=True, amoTime="OPEN_30"
    )
    desk.follows(order, decision="copied", reason=None, exit=True, follower_status="PENDING")
    desk.heard("place", "place")
    assert pick(desk.asked(), "transactionType", "quantity", *AMO) == ("SELL", 130, True, "OPEN_30")
    opens(desk, "leader")
    opens(desk, "alice")
    desk.price(120)
    desk.follows(order, leader_status="TRADED", follower_status="TRADED")
    assert (desk.net("leader"), desk.net()) == (0, 0)
    desk.heard("place", "place")


def test_scenario_1_7_it_is_skipped_where_the_mapping_says_so_whatever_becomes_of_it(desk: Desk) -> None:
    desk.policy = {"mapping": {"after_market": "skip"}}
    desk.start()
    order = desk.place(after_market_order=True)
    row = desk.follows(order, decision="skipped", reason="after_market", leader_status="PENDING")
    assert row["detail"] == "mapping.after_market: skip"
    desk.modify(order, price=91)
    desk.follows(order, price=91, decision="skipped", reason="after_market")
    opens(desk, "leader")
    desk.price(91)
    desk.follows(order, leader_status="TRADED", decision="skipped", reason="after_market")
    desk.heard()


def test_scenario_1_7_while_it_waits_it_is_modified_and_cancelled_as_his_is(desk: Desk) -> None:
    desk.start()
    order = waiting(desk)
    desk.modify(order, quantity=195, price=91.5)
    desk.follows(order, price=91.5, follower_quantity=195, follower_status="PENDING")
    assert pick(desk.only(), "price", "quantity", "afterMarketOrder") == (91.5, 195, True)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "modify", "cancel")
    assert pick(desk.calls("alice", "PUT")[0]["body"], "orderType", "quantity", "price") == ("LIMIT", 195, 91.5)


def test_scenario_6_2_it_counts_as_accepted_while_it_is_in_transit(desk: Desk) -> None:
    desk.settings(amo_status="TRANSIT")
    desk.start()
    order = desk.place(after_market_order=True)
    desk.follows(order, decision="copied", reason=None, leader_status="TRANSIT", follower_status="TRANSIT")
    desk.modify(order, price=91)
    desk.eventually(lambda: desk.only()["price"] == 91)
    desk.heard("place", "modify")
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.heard("place", "modify", "cancel")


def test_scenario_6_2_both_go_to_the_exchange_at_the_open_and_end_with_the_same(desk: Desk) -> None:
    desk.settings(amo_status="TRANSIT")
    desk.start()
    order = desk.place(after_market_order=True, price=105)
    at_market = desk.place(after_market_order=True, **MARKET, quantity=65)
    for one in (order, at_market):
        desk.follows(one, decision="copied", leader_status="TRANSIT", follower_status="TRANSIT")
    desk.heard("place", "place")
    opens(desk, "leader")
    opens(desk, "alice")
    for one in (order, at_market):
        desk.follows(one, leader_status="TRADED", follower_status="TRADED", drift=None)
    assert desk.net() == desk.net("leader") == 195
    desk.heard("place", "place")
    out = desk.place(**SELL, **MARKET, quantity=195)
    desk.follows(out, exit=True, follower_status="TRADED")
    assert desk.net() == desk.net("leader") == 0


def test_scenario_6_2_rejected_for_money_at_the_open_it_is_a_dead_letter_and_his_lives_on(desk: Desk) -> None:
    desk.start()
    order = waiting(desk)
    desk.broker.tell("funds", account="alice", available=-11700)  # what it blocks is all that there is
    opens(desk, "leader")
    opens(desk, "alice")
    row = desk.follows(order, decision="dead", reason="rejected_margin", follower_status="REJECTED")
    assert "insufficient funds" in row["detail"]
    assert row["leader_status"] == "PENDING"
    desk.eventually(lambda: [one for one in desk.alerts("insufficient funds") if one["leader_order_id"] == order])
    desk.price(90)
    desk.follows(order, leader_status="TRADED", decision="dead", follower_filled=0)
    desk.heard("place")
    out = desk.place(**SELL, **MARKET)
    desk.follows(out, decision="refused", reason="exit_without_position")
    desk.heard("place")


@pytest.mark.parametrize("first", ["leader", "alice"])
def test_scenario_5_1_his_is_rejected_at_the_open_and_the_copy_does_not_stay(desk: Desk, first: str) -> None:
    desk.start()
    order = waiting(desk)
    desk.broker.tell("funds", account="leader", available=-11700)
    opens(desk, first)
    if first == "alice":
        desk.eventually(lambda: desk.only()["exchangeTime"][:4] != "0001", "the copy rests at the exchange")
        opens(desk, "leader")
    desk.follows(order, leader_status="REJECTED", follower_status="CANCELLED")
    desk.heard("place", "cancel")
    opens(desk, "alice")
    desk.price(90)
    assert desk.net() == 0


def test_scenario_6_2_the_market_opens_and_what_waited_here_goes_as_an_ordinary_order(desk: Desk) -> None:
    desk.policy = {"market_hours": {"holidays": [datetime.now(IST).date().isoformat()], "outside": "after_market"}}
    desk.start()
    first = desk.place()
    desk.follows(first, decision="copied", follower_status="PENDING")
    desk.settings("alice", rate_limits={"orders": {"60": 0}})
    waits = desk.place(price=91)
    desk.eventually(lambda: len(desk.calls()) > 1, "it is refused: too many requests")
    hours = [{"segment": "NSE_FNO", "regular": "00:00-23:59:59"}]
    desk.policy = {"market_hours": {"calendar": "24/7", "sessions": hours, "outside": "after_market"}}
    desk.write_rules()
    desk.command("reload")
    desk.settings("alice", rate_limits={})
    desk.follows(waits, decision="copied", reason=None, follower_status="PENDING")
    kinds = [pick(body, "price", "afterMarketOrder") for body in desk.bodies()[1:]]
    assert {pick(body, "amoTime") for body in desk.bodies()[1:] if body["afterMarketOrder"]} == {("OPEN",)}
    assert kinds == sorted(kinds, reverse=True)  # once the market is open, none goes as an after-market order
    assert (kinds[0], kinds[-1]) == ((91, True), (91, False))
    assert [pick(row, "price", "afterMarketOrder") for row in desk.book()] == [(90, True), (91, False)]
