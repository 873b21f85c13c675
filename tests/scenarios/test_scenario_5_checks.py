"""Scenarios 5.3 to 5.7, 8.4 and 8.5 end to end: what is not sent, with the numbers that say why."""

from typing import Any

import pytest

from tests.scenarios.desk import CALL, HALF, SHARE, Desk

MARKET = {"order_type": "MARKET", "price": 0}
SELL = {"transaction_type": "SELL"}
MARGIN = {"checks": {"margin": True, "price_band": "none"}}
BAND = {"checks": {"margin": False, "price_band": "pct", "price_band_pct": 20}}


def test_scenario_5_3_without_the_margin_it_is_refused_with_both_figures(desk: Desk) -> None:
    desk.policy = MARGIN
    desk.broker.tell("funds", account="alice", available=1000)
    desk.start()
    row = desk.follows(desk.place(), decision="refused", reason="insufficient_margin")
    assert "11700.00 required" in row["detail"]  # 130 at 90
    assert "1000.00 available" in row["detail"]
    desk.heard()


def test_scenario_8_4_two_orders_never_spend_the_same_money(desk: Desk) -> None:
    desk.policy = MARGIN
    desk.broker.tell("funds", account="alice", available=15000)
    desk.start()
    orders = [desk.place(price=price) for price in (90, 91)]  # 11,700 and 11,830
    desk.eventually(lambda: all(desk.copy(order)["decision"] in ("copied", "refused") for order in orders))
    assert sorted(desk.copy(order)["decision"] for order in orders) == ["copied", "refused"]
    desk.heard("place")


def test_scenario_8_5_exits_go_on_when_the_money_is_gone(desk: Desk) -> None:
    desk.policy = MARGIN
    desk.broker.tell("funds", account="alice", available=14000)
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    refused = desk.place(price=95)
    desk.follows(refused, decision="refused", reason="insufficient_margin")
    leaves = desk.place(**SELL, **MARKET)
    desk.follows(leaves, decision="copied", follower_status="TRADED")
    assert desk.net() == 0


def test_scenario_5_3_where_nothing_can_be_asked_checks_unavailable_decides(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.policy = MARGIN
    desk.overrides = {"bob": {"checks": {**MARGIN["checks"], "unavailable": "pass"}}}
    desk.broker.tell("faults", kind="status", path="^/margincalculator", status=500)
    desk.start()
    order = desk.place()
    desk.follows(order, "alice", decision="refused", reason="check_unavailable")
    desk.follows(order, "bob", decision="copied", follower_status="PENDING")


def test_scenario_5_6_outside_the_band_it_is_refused_with_the_band(desk: Desk) -> None:
    desk.policy = BAND
    desk.price(100)
    desk.start()
    row = desk.follows(desk.place(price=70), decision="refused", reason="circuit_limit")
    assert "80" in row["detail"]
    assert "120" in row["detail"]
    desk.follows(desk.place(price=90), decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_5_6_the_circuit_limits_are_asked_for_where_the_account_has_the_data_plan(desk: Desk) -> None:
    desk.policy = {"checks": {"margin": False, "price_band": "circuit"}}
    desk.start()
    desk.follows(desk.place(price=90), decision="copied", follower_status="PENDING")
    asked = [row for name in ("leader", "alice") for row in desk.broker.ask("requests", account=name)["requests"]]
    assert [row for row in asked if row["path"].startswith("/marketfeed/quote")]


def test_scenario_6_7_an_exit_outside_the_band_goes_at_its_edge(desk: Desk) -> None:
    desk.policy = BAND
    desk.price(100)
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    order = desk.place(**SELL, price=130)
    row = desk.follows(order, decision="copied", follower_status="PENDING")
    assert row["reason"] == "repriced"
    assert desk.asked()["price"] == 120.0


@pytest.mark.parametrize(
    ("limits", "order", "code"),
    [
        ({"max_order_quantity": 100}, {}, "limit_max_order_quantity"),
        ({"max_order_lots": 1}, {}, "limit_max_order_lots"),
        ({"max_order_value": 10000}, {}, "limit_max_order_value"),
        ({"max_position_quantity": 100}, {}, "limit_max_position_quantity"),
        ({"max_underlying_lots": {"NIFTY": 1}}, {}, "limit_max_underlying_lots"),
        ({"max_gross_exposure": 5000}, {}, "limit_max_gross_exposure"),
    ],
)
def test_scenario_5_7_a_limit_refuses_with_value_and_limit(
    desk: Desk, limits: dict[str, Any], order: dict[str, Any], code: str
) -> None:
    desk.policy = {"limits": limits}
    desk.start()
    row = desk.follows(desk.place(**order), decision="refused", reason=code)
    assert code.removeprefix("limit_") in row["detail"]
    desk.heard()


def test_scenario_5_7_reduce_cuts_down_to_what_is_allowed_and_exits_pass(desk: Desk) -> None:
    desk.policy = {"limits": {"max_order_lots": 1, "on_breach": "reduce"}}
    desk.start()
    desk.follows(desk.place(**MARKET, quantity=260), decision="copied", reason="reduced", follower_filled=65)
    desk.follows(desk.place(**SELL, **MARKET, quantity=260), decision="copied", follower_filled=65)
    assert desk.net() == 0


def test_scenario_5_7_orders_of_the_day_are_counted_over_a_restart(desk: Desk) -> None:
    desk.policy = {"limits": {"max_orders_per_day": 2}}
    desk.start()
    desk.follows(desk.place(price=80), decision="copied")
    desk.kill()
    desk.start()
    desk.follows(desk.place(price=81), decision="copied")
    desk.follows(desk.place(price=82), decision="refused", reason="limit_max_orders_per_day")


def test_scenario_9_1_a_days_loss_trips_the_kill_switch(desk: Desk) -> None:
    desk.policy = {"limits": {"max_daily_loss": 1000}}
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    desk.price(80)
    desk.eventually(lambda: desk.status()["kill_switch"]["on"], "the kill switch is on")
    assert "max_daily_loss" in desk.status()["kill_switch"]["reason"]
    desk.follows(desk.place(price=70), decision="refused", reason="kill_switch")
    desk.follows(desk.place(**SELL, **MARKET), decision="copied", follower_status="TRADED")


def test_scenario_9_1_rejections_one_after_the_other_trip_the_kill_switch(desk: Desk) -> None:
    desk.rules = {"kill_switch": {"on_consecutive_rejections": 2}}
    desk.broker.tell("bar", account="alice", **CALL, kind="not_allowed")
    desk.start()
    for price in (80, 81):
        desk.eventually(lambda p=price: desk.copy(desk.place(price=p))["decision"])
    desk.eventually(lambda: desk.status()["kill_switch"]["on"], "the kill switch is on")
    assert "on_consecutive_rejections" in desk.status()["kill_switch"]["reason"]


def test_price_guard_turns_a_market_entry_into_a_limit(desk: Desk) -> None:
    desk.policy = {"price_guard": {"entry_bps": 50, "exit_bps": 100, "reference": "ltp"}}
    desk.price(100)
    desk.start()
    desk.follows(desk.place(**MARKET), decision="copied", follower_filled=130)
    body = desk.asked()
    assert (body["orderType"], body["price"]) == ("LIMIT", 100.5)
    desk.follows(desk.place(**SELL, **MARKET), decision="copied", follower_filled=130)
    body = desk.asked()
    assert (body["orderType"], body["price"]) == ("LIMIT", 99.0)


def test_sizing_by_capital_takes_the_brokers_figures(desk: Desk) -> None:
    desk.policy = {"sizing": {"strategy": "capital_proportional", "capital": {"basis": "available"}}}
    desk.broker.tell("funds", account="leader", available=4_000_000)
    desk.broker.tell("funds", account="alice", available=2_000_000)
    desk.start()
    row = desk.follows(desk.place(quantity=260), decision="copied", follower_quantity=130)
    assert "ratio 0.5" in row["detail"]


def test_sizing_carries_what_rounding_took(desk: Desk) -> None:
    desk.policy = {"sizing": {**HALF, "residual": "carry"}}
    desk.start()
    desk.follows(desk.place(quantity=65, price=80), decision="refused", reason="zero_quantity")
    desk.follows(desk.place(quantity=65, price=81), decision="copied", follower_quantity=65)


def test_delivery_is_refused_for_an_account_without_ddpi(desk: Desk) -> None:
    desk.policy = {"checks": {"margin": False, "price_band": "none", "delivery": "refuse"}}
    desk.settings("alice", ddpi="Deactive")
    desk.start()
    order = desk.place(**SHARE, product_type="CNC", quantity=10, price=1390)
    desk.follows(order, decision="refused", reason="delivery_not_allowed")


def test_an_entry_that_could_meet_an_order_of_the_same_person_is_refused(desk: Desk) -> None:
    desk.start()
    desk.by_hand("alice", transactionType="SELL", price=120)
    desk.look_again(times=2)
    desk.follows(desk.place(price=121), decision="refused", reason="self_trade")
