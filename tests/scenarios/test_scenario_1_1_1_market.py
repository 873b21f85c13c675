"""Scenarios 1.1.1 and 4.5 end to end: market orders, which brokers protect with a limit, and which may be mapped to
one."""

import pytest

from tests.scenarios.desk import CALL, SHARE, Desk, pick

MARKET = {"order_type": "MARKET", "price": 0}
SELL = {"transaction_type": "SELL"}
TO_LIMIT = {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 30}}
BODY = ("orderType", "transactionType", "quantity", "price", "triggerPrice")
SIDES = pytest.mark.parametrize("side", ["BUY", "SELL"])
QUICKLY = {"lag_alert": "500ms", "lag_deadline": "1500ms"}


# --- protected by the follower's broker -------------------------------------------------------------------------------


def protected(desk: Desk, **fills: str) -> str:
    """A market order of the leader's that has traded, and the copy of it that the follower's broker holds at 102.10
    while the market is at 105. ``fills``: the rules that are in force from then on, beside short deadlines."""
    desk.settings("alice", market_orders="protected", hold_matching=True)
    desk.start()
    order = desk.place(**MARKET)
    desk.follows(order, decision="copied", reason=None, leader_status="TRADED", follower_status="PENDING")
    assert pick(desk.asked(), *BODY) == ("MARKET", "BUY", 130, 0, 0)
    assert pick(desk.only(), "orderType", "price") == ("LIMIT", 102.1)
    desk.price(105)
    desk.settings("alice", hold_matching=False)
    late_is_soon(desk, **fills)
    return order


def late_is_soon(desk: Desk, **fills: str) -> None:
    """From now on, and no sooner however long it took to come here, a copy that lags is hurried."""
    desk.policy = {"fills": {**QUICKLY, **fills}}
    desk.write_rules()
    desk.command("reload")


def test_scenario_4_5_a_protected_market_order_that_rests_is_told_and_left_to_rest(desk: Desk) -> None:
    order = protected(desk)
    desk.eventually(lambda: desk.alerts("130 units of this copy are open still"))
    desk.look_again(times=2)
    desk.heard("place")
    assert desk.alerts("by hand") == []
    desk.price(102)
    row = desk.follows(order, follower_status="TRADED", follower_filled=130, drift=None)
    assert row["follower_average_price"] == 102.1
    desk.heard("place")


def test_scenario_4_5_a_protected_market_order_that_rests_is_cancelled_at_the_deadline(desk: Desk) -> None:
    order = protected(desk, lag_action="cancel")
    desk.follows(order, follower_status="CANCELLED", follower_filled=0)
    desk.heard("place", "cancel")
    assert desk.alerts("by hand") == []


def test_scenario_4_5_a_protected_market_order_that_rests_is_sent_to_the_market_anew_at_the_deadline(
    desk: Desk,
) -> None:
    order = protected(desk, lag_action="market")
    row = desk.follows(order, follower_status="TRADED", follower_filled=130)
    assert row["follower_average_price"] == 105
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("MARKET", 130, 0)


@pytest.mark.parametrize("type_in_frames", ["LMT", "MKT"])
def test_scenario_1_1_1_a_protected_exit_that_rests_is_sent_to_the_market_anew_until_it_is_done(
    desk: Desk, type_in_frames: str
) -> None:
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    desk.settings("alice", market_orders="protected", protected_frame_type=type_in_frames, hold_matching=True)
    order = desk.place(**MARKET, **SELL)
    desk.follows(order, exit=True, leader_status="TRADED", follower_status="PENDING")
    desk.price(90)
    desk.settings("alice", hold_matching=False)
    late_is_soon(desk)
    desk.follows(order, follower_status="TRADED", follower_filled=130)
    assert desk.net() == 0
    desk.heard("place", "place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("MARKET", 130, 0)


# --- protected by the leader's ----------------------------------------------------------------------------------------


def test_scenario_1_1_1_his_market_order_that_shows_as_a_limit_later_is_no_modification(desk: Desk) -> None:
    desk.settings("leader", market_orders="protected", protected_frame_type="MKT", hold_matching=True)
    desk.start()
    order = desk.place(**MARKET)
    row = desk.follows(order, decision="copied", reason=None, leader_status="PENDING", follower_status="TRADED")
    assert "marketable" not in row["detail"]
    assert pick(desk.asked(), *BODY) == ("MARKET", "BUY", 130, 0, 0)
    desk.look_again("leader", times=2)  # his rows say LIMIT, 102.10
    desk.follows(order, order_type="MARKET")
    desk.settings("leader", hold_matching=False)
    desk.follows(order, leader_status="TRADED", drift=None)
    desk.heard("place")


def test_scenario_1_1_1_and_his_change_of_it_is_one(desk: Desk) -> None:
    desk.settings("leader", market_orders="protected", protected_frame_type="MKT", hold_matching=True)
    desk.settings("alice", market_orders="protected", hold_matching=True)
    desk.start()
    order = desk.place(**MARKET)
    desk.follows(order, decision="copied", leader_status="PENDING", follower_status="PENDING")
    desk.look_again("leader", times=2)
    desk.modify(order, price=100)
    desk.follows(order, order_type="LIMIT", price=100)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("LIMIT", 130, 100)
    desk.eventually(lambda: pick(desk.only(), "orderType", "price") == ("LIMIT", 100))


@SIDES
def test_scenario_1_1_1_his_market_order_that_is_first_seen_as_a_limit_is_copied_as_seen_and_is_told_of(
    desk: Desk, side: str
) -> None:
    desk.settings("leader", market_orders="protected", hold_matching=True)
    desk.start()
    order = desk.place(**MARKET, transaction_type=side)
    row = desk.follows(order, decision="copied", reason=None)
    desk.heard("place")
    limit = {"BUY": 102.1, "SELL": 100.1}[side]
    assert pick(desk.asked(), *BODY) == ("LIMIT", side, 130, limit, 0)
    sized = "1 x 130 = 130, in lots of 65 rounded down: 2 = 130 units"
    assert row["detail"] == f"{sized}; marketable: a limit beyond the last price 101.10"
    assert pick(row, "order_type", "price") == ("LIMIT", limit)


@pytest.mark.parametrize(
    ("side", "price", "told"),
    [
        ("BUY", 101.1, "; marketable: a limit at the last price 101.10"),
        ("SELL", 101.1, "; marketable: a limit at the last price 101.10"),
        ("BUY", 101.15, "; marketable: a limit beyond the last price 101.10"),
        ("BUY", 101.05, ""),
        ("SELL", 101.15, ""),
    ],
)
def test_scenario_1_1_1_what_a_limit_says_of_the_market(desk: Desk, side: str, price: float, told: str) -> None:
    desk.settings(hold_matching=True)
    desk.start()
    order = desk.place(price=price, transaction_type=side)
    row = desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert row["detail"] == f"1 x 130 = 130, in lots of 65 rounded down: 2 = 130 units{told}"
    desk.heard("place")


def test_scenario_1_1_1_a_limit_that_rests_until_the_market_comes_was_not_marketable(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded"}
    desk.start()
    order = desk.place()
    desk.reaches("PENDING", "leader")
    desk.look_again("leader")
    desk.quiet()
    desk.quiet()  # more than a second after it was seen
    desk.price(90)
    row = desk.follows(order, decision="copied", follower_filled=130)
    assert "marketable" not in row["detail"]
    desk.heard("place")


# --- mapped to a limit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "offset", "limit", "share_limit"),
    [
        ("BUY", 30, 101.45, 1406.75),  # 101.4033 and 1406.7075, on to the tick
        ("SELL", 0, 101.05, 1402.45),  # a tick away at least
    ],
)
def test_scenario_1_1_1_mapped_to_a_limit_it_goes_on_the_tick_towards_being_filled(
    desk: Desk, side: str, offset: float, limit: float, share_limit: float
) -> None:
    desk.policy = {"mapping": {**TO_LIMIT, "market_limit": {"offset_bps": offset}}}
    desk.start()
    for instrument, wanted in ((CALL, limit), (SHARE, share_limit)):
        order = desk.place(**MARKET, **instrument, transaction_type=side)
        row = desk.follows(order, decision="copied", reason=None, follower_status="TRADED")
        assert pick(desk.asked(), *BODY) == ("LIMIT", side, 130, wanted, 0)
        assert row["order_type"] == "MARKET"
    desk.heard("place", "place")


@SIDES
def test_scenario_1_1_1_mapped_to_a_limit_the_last_price_is_asked_for_where_no_frame_tells_it(
    desk: Desk, side: str
) -> None:
    desk.policy = {"mapping": TO_LIMIT}
    desk.settings("leader", frame_missing=["refLtp"])
    desk.start()
    order = desk.place(**MARKET, transaction_type=side)
    desk.follows(order, decision="copied", reason=None, follower_status="TRADED")
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "price") == ("LIMIT", {"BUY": 101.45, "SELL": 100.75}[side])
    asked = [row for name in ("leader", "alice") for row in desk.broker.ask("requests", account=name)["requests"]]
    assert [row for row in asked if row["path"].startswith("/marketfeed")]


def test_scenario_1_1_1_mapped_to_a_limit_without_a_price_it_is_refused_or_an_exit_goes_at_the_market(
    desk: Desk,
) -> None:
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    desk.stop()
    desk.policy = {"mapping": TO_LIMIT}
    desk.settings("leader", frame_missing=["refLtp"])
    desk.settings(data_plan="DH-902")
    desk.start()
    put = desk.place(**MARKET, exchange_segment="NSE_FNO", security_id="43211")
    row = desk.follows(put, decision="refused", reason="check_unavailable")
    assert "last traded price" in row["detail"]
    order = desk.place(**MARKET, **SELL)
    desk.follows(order, exit=True, decision="copied", follower_status="TRADED")
    desk.heard("place", "place")
    assert pick(desk.asked(), "securityId", *BODY) == ("43210", "MARKET", "SELL", 130, 0, 0)
    assert desk.net() == 0


def test_scenario_1_1_1_mapped_to_a_limit_that_rests_it_lags_and_goes_to_the_market(desk: Desk) -> None:
    desk.policy = {"mapping": TO_LIMIT, "fills": {**QUICKLY, "lag_action": "market"}}
    desk.settings("alice", hold_matching=True)
    desk.start()
    order = desk.place(**MARKET)
    desk.follows(order, leader_status="TRADED", follower_status="PENDING")
    assert pick(desk.asked(), *BODY) == ("LIMIT", "BUY", 130, 101.45, 0)
    desk.price(105)
    desk.settings("alice", hold_matching=False)
    row = desk.follows(order, follower_status="TRADED", follower_filled=130)
    assert row["follower_average_price"] == 105
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("MARKET", 130, 0)
