"""Scenarios 6.1 to 6.5 end to end: when orders leave. The hours are made to fit the moment of the test."""

from datetime import datetime, timedelta, timezone
from typing import Any

from tests.scenarios.desk import Desk

IST = timezone(timedelta(hours=5, minutes=30))
MARKET = {"order_type": "MARKET", "price": 0}
SELL = {"transaction_type": "SELL"}
CLOSED = ("market_holiday", "market_closed")


def today() -> str:
    return datetime.now(IST).date().isoformat()


def closed_today(**said: Any) -> dict[str, Any]:
    return {"market_hours": {"holidays": [today()], **said}}


def open_now(**said: Any) -> dict[str, Any]:
    """Open all day, on every day there is."""
    hours = [{"segment": segment, "regular": "00:00-23:59"} for segment in ("NSE_FNO", "NSE_EQ")]
    return {"market_hours": {"calendar": "24/7", "sessions": hours, **said}}


def test_scenario_6_1_within_a_session_it_is_placed_at_once(desk: Desk) -> None:
    desk.policy = open_now()
    desk.start()
    desk.follows(desk.place(), decision="copied", follower_status="PENDING")


def test_scenario_6_5_on_a_holiday_it_is_refused_with_the_next_open(desk: Desk) -> None:
    desk.policy = closed_today()
    desk.start()
    row = desk.follows(desk.place(), decision="refused")
    assert row["reason"] in CLOSED
    assert "next open" in row["detail"]
    desk.heard()


def test_scenario_6_2_queued_on_disk_over_a_restart_and_taken_back_by_the_leader(desk: Desk) -> None:
    desk.policy = closed_today(outside="queue")
    desk.start()
    order = desk.place()
    desk.eventually(lambda: desk.copy(order)["reason"] in CLOSED, "it waits for the market")
    desk.kill()
    desk.start()
    desk.eventually(lambda: desk.copy(order)["reason"] in CLOSED, "it waits for the market still")
    assert desk.copy(order)["decision"] == "queued"
    desk.cancel(order)
    desk.follows(order, decision="skipped", reason="leader_over")
    desk.heard()


def test_scenario_6_2_sent_as_an_after_market_order(desk: Desk) -> None:
    desk.policy = closed_today(outside="after_market")
    desk.start()
    desk.follows(desk.place(), decision="copied")
    body = desk.asked()
    assert (body["afterMarketOrder"], body["amoTime"]) == (True, "OPEN")


def test_scenario_6_2_an_exit_that_is_live_at_the_exchange_is_sent_whatever_the_table_says(desk: Desk) -> None:
    desk.policy = open_now()
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    desk.stop()
    desk.policy = closed_today()
    desk.start()
    order = desk.place(**SELL, price=120)
    desk.follows(order, decision="copied", follower_status="PENDING")


def test_scenario_6_2_one_that_traded_waits_for_the_next_open(desk: Desk) -> None:
    desk.policy = open_now()
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    desk.stop()
    desk.policy = closed_today()
    desk.start()
    desk.follows(desk.place(price=70), decision="refused")  # the trading days are known by now
    dropped = ["Transit", "Pending"]  # while his is live at the exchange ours is sent all the same
    desk.broker.tell("settings", account="leader", stream_drop_statuses=dropped)
    order = desk.place(**SELL, **MARKET)
    desk.follows(order, decision="queued")
    desk.stop()
    desk.policy = open_now()
    desk.start()
    desk.follows(order, decision="copied", follower_status="TRADED")
    assert desk.net() == 0


def test_square_off_cancels_open_intraday_entries_refuses_new_ones_and_lets_exits_go(desk: Desk) -> None:
    desk.policy = open_now()
    desk.start()
    desk.follows(desk.place(**MARKET), follower_status="TRADED")
    resting = desk.place(price=80)
    desk.follows(resting, follower_status="PENDING")
    at = datetime.now(IST) + timedelta(seconds=2)
    desk.policy = open_now(square_off=f"{at:%H:%M:%S}")
    desk.write_rules()
    desk.command("reload")
    desk.follows(resting, follower_status="CANCELLED")
    desk.follows(desk.place(price=81), decision="refused", reason="square_off")
    desk.follows(desk.place(**SELL, **MARKET), decision="copied", follower_status="TRADED")
