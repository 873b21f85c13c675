"""The same little day of trading, told by the broker in every dialect, and with noise between."""

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.scenarios.desk import Desk, pick

DIALECTS: dict[str, dict[str, Any]] = {
    "Pascal case": {"frame_case": "pascal"},
    "mixed case": {"frame_case": "mixed"},
    "upper case": {"frame_case": "upper", "frame_status_case": "upper"},
    "numbers as text": {"frame_numbers_as_text": True, "rows_as_text": True},
    "a modification is Pending": {"frame_modified": "Pending"},
    "partly traded in REST's word": {"frame_part_traded": "PART_TRADED"},
    "partly traded is Pending": {"frame_part_traded": "Pending"},
    "partly traded is Traded": {"frame_part_traded": "Traded"},
    "the rest of a cancelled order": {"frame_cancelled_rest": "open"},
    "NA for nothing": {"frame_empty": "NA", "correlation_unset": "empty"},
    "generated correlation ids": {"correlation_unset": "generated"},
    "a triggered stop turns LIMIT": {"trigger_becomes_limit": True},
    "no lot size": {"frame_missing": ["lotSize", "tickSize", "multiplier", "strikePrice", "expiryDate", "optType"]},
    "nulls": {"frame_nulls": ["remarks", "exchOrderTime", "refLtp", "series", "isin", "algoId", "discQuantity"]},
    "no last update": {"frame_missing": ["lastUpdatedTime", "exchOrderTime"]},
    "duplicate keys": {"frame_duplicate_keys": True},
    "ballast": {"frame_padding": 100_000},
    "three times each": {"stream_copies": 3},
    "noise between": {"stream_noise": True},
    "shuffled": {"stream_reorder": 3},
    "other answers": {
        "account": "alice",
        "place_answer": "PENDING",
        "modify_answer": "MODIFIED",
        "cancel_answer": "EMPTY",
    },
}
SEEN_RARELY = {"resilience": {"sweep": "60s"}}  # so that it is the frames that tell


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_scenario_8_11_a_day_of_trading_reads_the_same_in_every_dialect(desk: Desk, dialect: str) -> None:
    desk.settings(**DIALECTS[dialect])
    desk.rules = SEEN_RARELY
    desk.start()
    a_day_of_trading(desk)


def a_day_of_trading(desk: Desk) -> None:
    """A limit order that is changed, filled in part and cancelled; a stop that triggers; a market order."""
    before = len(desk.verbs())
    limit = desk.place()
    row = desk.follows(limit, decision="copied", follower_status="PENDING", wanted_quantity=130)
    copy = desk.order(row["follower_order_ids"][0], "alice")
    desk.modify(limit, price=91)
    desk.eventually(lambda: desk.order(copy["orderId"], "alice")["price"] == 91)
    desk.fill("leader", limit, 65, 91)
    desk.fill("alice", copy["orderId"], 65, 91)
    desk.follows(limit, leader_filled=65, follower_filled=65)
    desk.cancel(limit)
    row = desk.follows(limit, leader_status="CANCELLED", follower_status="CANCELLED", follower_filled=65)
    assert pick(row, "drift", "follower_average_price", "slippage_per_unit") == (None, 91, 0)

    stop = desk.place(transaction_type="SELL", order_type="STOP_LOSS", trigger_price=95, price=94, quantity=65)
    desk.follows(stop, decision="copied", follower_status="PENDING")
    assert pick(desk.asked(), "orderType", "triggerPrice", "price", "quantity") == ("STOP_LOSS", 95, 94, 65)
    desk.price(94.5)
    row = desk.follows(stop, leader_status="TRADED", follower_status="TRADED")
    assert pick(row, "follower_filled", "drift") == (65, None)
    desk.price(101.1)

    market = desk.place(order_type="MARKET", price=0)
    row = desk.follows(market, leader_status="TRADED", follower_status="TRADED", follower_filled=130)
    assert pick(row, "decision", "reason", "drift") == ("copied", None, None)
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("MARKET", 130, 0)
    desk.quiet()
    assert desk.verbs()[before:] == ["place", "modify", "cancel", "place", "place"], desk.describe()
    assert desk.alerts("by hand") == []


def test_scenario_8_11_words_for_product_side_and_type(desk: Desk) -> None:
    desk.rules = SEEN_RARELY
    desk.settings("leader", stream_drop=1.0, hold=True)  # nobody hears of it but by our frames
    desk.start()
    order = desk.place(transaction_type="SELL", order_type="STOP_LOSS", trigger_price=95, price=94)
    frame = {
        "Exchange": "NSE",
        "Segment": "D",
        "SecurityId": 43210,
        "ClientId": desk.broker.accounts["leader"]["client_id"],
        "OrderNo": int(order),
        "Product": "INTRADAY",
        "TxnType": "Sell",
        "OrderType": "STOP_LOSS",
        "Validity": "Day",
        "Quantity": "130",
        "TradedQty": None,
        "Price": "94.00",
        "TriggerPrice": "95.0000",
        "Status": "PENDING",
        "OrderDateTime": desk.order(order)["createTime"],
    }
    desk.frame(json.dumps({"Type": "order_alert", "Data": frame}))
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    wanted = ("SELL", "STOP_LOSS", 95, 94, "INTRADAY", 130)
    names = ("transactionType", "orderType", "triggerPrice", "price", "productType", "quantity")
    assert pick(desk.asked(), *names) == wanted


UNREADABLE: tuple[str | bytes, ...] = (
    "not JSON at all",
    "2",
    "null",
    "42",
    '["order_alert"]',
    '{"Type": "order_alert"}',
    '{"Type": "order_alert", "Data": "text"}',
    '{"Type": "order_alert", "Data": {"orderNo": "12',
    '{"Type": "order_alert", "Data": {}}',
    '{"Type": "order_alert", "Data": {"orderNo": "12", "quantity": "many", "tradedQty": 7}}',
    '{"Type": "order_alert", "Data": {"orderNo": "12", "quantity": 1e999, "status": "Pending"}}',
    '{"Type": "order_alert", "Data": {"orderNo": "12", "quantity": 65, "tradedQty": 130, "status": "Traded"}}',
    "[" * 20_000,
    '{"Type": "order_alert", "Data": {"orderNo": "' + "9" * 300_000 + '"}}',
    b"\x00\xff\xfe\x01\x80",
    b"\x32\x00\x00\x00\x01",
)
HARMLESS = ('{"Type": "other"}', '{"Type": "order_alert_v2", "Data": {"x": 1}}')


@pytest.mark.parametrize("whose", ["leader", "alice"])
def test_scenario_8_9_frames_that_cannot_be_read_are_kept_counted_and_nothing_else(desk: Desk, whose: str) -> None:
    desk.rules = SEEN_RARELY
    desk.start()
    for raw in (*HARMLESS, *UNREADABLE):
        desk.frame(raw, whose)
    desk.eventually(lambda: _unreadable(desk) == len(UNREADABLE), "they are counted")
    kept = _kept(desk)
    assert len(kept) == len(UNREADABLE)
    assert b"not JSON at all" in kept
    assert b"\x00\xff\xfe\x01\x80" in kept
    assert desk.copies() == []
    desk.heard()
    a_day_of_trading(desk)
    assert _unreadable(desk) == len(UNREADABLE)


def test_scenario_8_9_frames_too_large_to_be_any_are_survived(desk: Desk) -> None:
    desk.rules = SEEN_RARELY
    desk.start()
    desk.settings("leader", frame_padding=3_000_000)
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")  # his book told of it
    desk.settings("leader", frame_padding=0)
    desk.eventually(lambda: desk.status()["leader"]["connected"])
    a_day_of_trading(desk)


def test_scenario_8_9_a_status_that_nobody_knows_is_never_guessed_at(desk: Desk) -> None:
    desk.settings("leader", hold=True)
    desk.start()
    order = desk.place()
    frames = desk.broker.ask("frames", account="leader")["frames"]
    desk.frame(re.sub(r'"status":"\w+"', '"status":"Blessed"', frames[-1]["frame"]))
    desk.eventually(lambda: desk.status()["anomalies"]["unknown_status"] == 1)
    desk.heard()
    desk.settings("leader", hold=False)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_8_9_an_order_of_another_account_is_none_of_ours(desk: Desk) -> None:
    desk.rules = SEEN_RARELY
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    frame = desk.broker.ask("frames", account="leader")["frames"][-1]["frame"]
    foreign = frame.replace(desk.broker.accounts["leader"]["client_id"], "1100009999").replace(order, "99887766")
    desk.frame(foreign)
    desk.quiet()
    assert [row["leader_order_id"] for row in desk.copies()] == [order]
    desk.heard("place")


def _unreadable(desk: Desk) -> int:
    return int(desk.status()["anomalies"]["unreadable"])


def _kept(desk: Desk) -> list[bytes]:
    """The unreadable frames as the journal keeps them."""
    with closing(sqlite3.connect(f"file:{desk.store / 'journal.sqlite'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT body FROM events WHERE kind = 'FrameUnreadable'").fetchall()
    return [body for (body,) in rows]
