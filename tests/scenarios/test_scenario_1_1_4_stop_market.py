"""Scenario 1.1.4 end to end: stops at market, which the broker takes, refuses or turns into something else."""

import pytest

from tests.scenarios.desk import CALL, SHARE, Desk, pick

STOP = {"order_type": "STOP_LOSS_MARKET", "price": 0}
SELLS = {**STOP, "transaction_type": "SELL", "trigger_price": 95}
BUYS = {**STOP, "transaction_type": "BUY", "trigger_price": 110}
MARKET = {"order_type": "MARKET", "price": 0}
NATIVE = {"mapping": {"stop_market": {"derivatives": "native"}}}
TERMS = ("orderType", "transactionType", "quantity", "triggerPrice", "price")
NO_CONFIRMING = {"exits": {"confirm_short": "never"}}  # a SELL that opens leaves with its frame


def bought(desk: Desk) -> None:
    """Leader and follower hold two lots."""
    desk.follows(desk.place(**MARKET), follower_status="TRADED")


# --- protected --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "trigger", "offset", "limit"),
    [
        ("SELL", 95, 5, 90.25),
        ("BUY", 110, 0.01, 110.05),  # a tick away at least
        ("SELL", 0.1, 99, 0.05),  # never under a tick
        ("BUY", 102.35, 1.7, 104.1),  # 104.08995
    ],
)
def test_scenario_1_1_4_on_derivatives_it_is_a_stop_with_a_limit_beyond_its_trigger_on_the_tick(
    desk: Desk, side: str, trigger: float, offset: float, limit: float
) -> None:
    desk.policy = {"mapping": {"stop_market": {"offset_pct": offset}}}
    desk.start()
    order = desk.place(**STOP, transaction_type=side, trigger_price=trigger)
    row = desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS", side, 130, trigger, limit)
    assert pick(row, "order_type", "trigger_price", "drift") == ("STOP_LOSS_MARKET", trigger, None)
    assert pick(desk.only(), "orderType", "triggerPrice", "price") == ("STOP_LOSS", trigger, limit)


def test_scenario_1_1_4_where_no_limit_fits_beyond_the_trigger_an_entry_is_refused(desk: Desk) -> None:
    desk.start()
    order = desk.place(**STOP, transaction_type="SELL", trigger_price=0.05)
    row = desk.follows(order, decision="refused", reason="invalid_trigger")
    assert row["detail"] == "SELL stop with trigger 0.05: no limit is a tick beyond it"
    desk.heard()
    desk.modify(order, order_type="STOP_LOSS_MARKET", price=0, trigger_price=0.2)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS", "SELL", 130, 0.2, 0.15)


def test_scenario_1_1_4_its_limit_moves_with_his_trigger_and_it_ends_with_his(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SELLS)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.modify(order, order_type="STOP_LOSS_MARKET", price=0, trigger_price=98)
    desk.follows(order, trigger_price=98)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "orderType", "quantity", "triggerPrice", "price") == ("STOP_LOSS", 130, 98, 93.1)
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED", leader_status="CANCELLED")
    desk.heard("place", "modify", "cancel")


@pytest.mark.parametrize("becomes_limit", [False, True])
def test_scenario_1_1_4_both_trigger_and_the_position_is_closed_once(desk: Desk, becomes_limit: bool) -> None:
    desk.settings(trigger_becomes_limit=becomes_limit)
    desk.start()
    bought(desk)
    order = desk.place(**SELLS)
    desk.follows(order, exit=True, decision="copied", reason=None, follower_status="PENDING")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS", "SELL", 130, 95, 90.25)
    desk.price(94.5)
    desk.follows(order, leader_status="TRADED", follower_status="TRADED", drift=None)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "place")


# --- the band of the day ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("band", ["circuit", "auto", "pct"])
def test_scenario_1_1_4_its_limit_stays_inside_the_band_of_the_day(desk: Desk, band: str) -> None:
    desk.policy = {"checks": {"margin": False, "price_band": band, "price_band_pct": 10}, **NO_CONFIRMING}
    desk.price(100)
    if band != "pct":
        desk.broker.tell("instrument", **CALL, lower_circuit=90, upper_circuit=110)
    desk.start()
    for stop, wanted in ((SELLS | {"trigger_price": 92}, (92, 90)), (BUYS | {"trigger_price": 108}, (108, 110))):
        order = desk.place(**stop)
        row = desk.follows(order, decision="copied", reason="repriced", follower_status="PENDING")
        assert "repriced" in row["detail"]
        assert pick(desk.asked(), "orderType", "triggerPrice", "price") == ("STOP_LOSS", *wanted)
    desk.heard("place", "place")


def test_scenario_1_1_4_an_entry_whose_trigger_is_at_the_bands_edge_is_refused_and_an_exit_is_made_to_fit(
    desk: Desk,
) -> None:
    desk.policy = {"checks": {"margin": False, "price_band": "circuit"}}
    desk.price(100)
    desk.start()
    bought(desk)
    desk.broker.tell("instrument", **CALL, lower_circuit=90, upper_circuit=110)
    order = desk.place(**BUYS)
    row = desk.follows(order, decision="refused", reason="circuit_limit")
    assert "90.0 to 110.0" in row["detail"]
    stop = desk.place(**SELLS | {"trigger_price": 90})
    desk.follows(stop, exit=True, decision="copied", reason="repriced", follower_status="PENDING")
    desk.heard("place", "place")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS", "SELL", 130, 90.05, 90)


# --- native, and what brokers make of it ------------------------------------------------------------------------------


def test_scenario_1_1_4_on_shares_it_goes_as_it_is_and_rests(desk: Desk) -> None:
    desk.start()
    order = desk.place(**BUYS | {"trigger_price": 1450}, **SHARE, quantity=10)
    row = desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS_MARKET", "BUY", 10, 1450, 0)
    desk.price(1451, **SHARE)
    row = desk.follows(order, leader_status="TRADED", follower_status="TRADED")
    assert row["drift"] is None
    assert desk.net(security_id="2885") == 10
    desk.heard("place")


def test_scenario_1_1_4_native_on_derivatives_rests_triggers_and_is_not_fought_over(desk: Desk) -> None:
    desk.policy = {**NATIVE, **NO_CONFIRMING}
    desk.settings("alice", trigger_becomes_limit=True)
    desk.start()
    order = desk.place(**SELLS)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    assert pick(desk.asked(), *TERMS) == ("STOP_LOSS_MARKET", "SELL", 130, 95, 0)
    desk.settings(hold_matching=False)
    desk.price(95)
    desk.follows(order, leader_status="TRADED", follower_status="TRADED", drift=None)
    assert desk.net() == desk.net("leader") == -130
    desk.heard("place")


def test_scenario_1_1_4_a_broker_that_refuses_it_makes_a_dead_letter_of_an_entry(desk: Desk) -> None:
    desk.policy = {**NATIVE, **NO_CONFIRMING}
    desk.settings("alice", stop_market_orders="refuse")
    desk.start()
    order = desk.place(**SELLS)
    row = desk.follows(order, decision="dead", reason="rejected_trigger")
    assert "Trigger Price should be greater than Price" in row["detail"]
    assert desk.book() == []
    assert [one for one in desk.alerts("trigger") if one["leader_order_id"] == order]
    desk.heard("place")
    desk.price(95)  # his trades: the entry is not sent again
    desk.follows(order, leader_status="TRADED", decision="dead")
    desk.heard("place")
    desk.follows(desk.place(**MARKET), decision="refused", reason="exit_without_position")
    assert desk.net() == 0


def test_scenario_1_1_4_an_exit_that_the_broker_refuses_leaves_when_his_stop_has_traded(desk: Desk) -> None:
    desk.policy = NATIVE
    desk.settings("alice", stop_market_orders="refuse")
    desk.start()
    bought(desk)
    order = desk.place(**SELLS)
    desk.follows(order, exit=True, reason="rejected_trigger")
    desk.heard("place", "place")
    assert [one for one in desk.events("alert", level="critical") if one["leader_order_id"] == order]
    desk.price(94)
    desk.follows(order, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    assert (desk.net(), desk.net("leader")) == (0, 0)
    desk.heard("place", "place", "place")
    assert pick(desk.asked(), *TERMS) == ("MARKET", "SELL", 130, 0, 0)


def test_scenario_1_1_4_an_entry_that_the_broker_fills_at_once_is_seen_and_not_doubled(desk: Desk) -> None:
    desk.policy = {**NATIVE, **NO_CONFIRMING}
    desk.settings("alice", stop_market_orders="limit")
    desk.start()
    order = desk.place(**SELLS)
    row = desk.follows(order, decision="copied", leader_status="PENDING", follower_status="TRADED")
    assert pick(row, "follower_filled", "follower_average_price") == (130, 101.1)
    assert pick(desk.only(), "orderType", "price", "triggerPrice") == ("LIMIT", 90.25, 0)
    desk.eventually(lambda: desk.alerts("before the leader"))
    desk.look_again(times=2)
    desk.heard("place")
    desk.price(95)
    desk.follows(order, leader_status="TRADED", follower_filled=130)
    assert desk.net() == desk.net("leader") == -130
    desk.heard("place")
    out = desk.place(**MARKET)
    desk.follows(out, exit=True, follower_status="TRADED")
    assert (desk.net(), desk.net("leader")) == (0, 0)


@pytest.mark.parametrize("ends", ["trades", "is cancelled"])
def test_scenario_1_1_4_an_exit_that_the_broker_fills_at_once_closes_once(desk: Desk, ends: str) -> None:
    desk.policy = NATIVE
    desk.settings("alice", stop_market_orders="limit")
    desk.start()
    bought(desk)
    order = desk.place(**SELLS)
    desk.follows(order, exit=True, leader_status="PENDING", follower_status="TRADED", follower_filled=130)
    desk.look_again(times=2)
    assert (desk.net(), desk.net("leader")) == (0, 130)
    if ends == "trades":
        desk.price(94)
        desk.follows(order, leader_status="TRADED")
        assert desk.net("leader") == 0
    else:
        desk.cancel(order)
        desk.follows(order, leader_status="CANCELLED")
        out = desk.place(transaction_type="SELL", **MARKET)
        desk.follows(out, decision="refused", reason="exit_without_position")
    desk.look_again(times=2)
    desk.heard("place", "place")
    assert desk.net() == 0


def test_scenario_1_1_4_what_his_broker_made_of_his_own_is_copied_as_seen(desk: Desk) -> None:
    desk.settings("leader", stop_market_orders="limit", hold_matching=True)
    desk.policy = NO_CONFIRMING
    desk.start()
    order = desk.place(**SELLS)
    row = desk.follows(order, decision="copied", reason=None)
    desk.heard("place")
    assert pick(desk.asked(), *TERMS) == ("LIMIT", "SELL", 130, 0, 90.25)
    assert row["order_type"] == "LIMIT"
