"""The kill switch as people read it."""

import json
from typing import Any

from copyctl.model.placement import Standing
from copyctl.model.records import Record
from copyctl.model.terms import OrderStatus, Side
from copyctl.report.kill import kill_words, resting
from tests.report.world import ALICE, BOB, NAMES, NINE, copy, instrument, order, records, slot


def rests(*kept: Record, accounts: tuple[str, ...] = (ALICE, BOB)) -> list[dict[str, Any]]:
    return resting(records(*kept), NAMES, set(accounts))


def test_stopping_goes_without_saying_and_an_unknown_word_stands_as_it_is() -> None:
    words = kill_words(("stop_copying", "cancel_open_orders", "cancel_open_orders", "halt", "sing"))
    assert words == ["cancel open entry copies", "hold back cancels and exits", "sing"]
    assert kill_words(("stop_copying",)) == []


def test_what_rests_says_side_leaves_and_order() -> None:
    shown = order(ALICE, "F1", OrderStatus.PART_TRADED, quantity=90, filled=30, price="101.5", side=Side.SELL)
    his = copy("L1", slot(0, Standing.WORKING, order_id="F1", filled=30), exit=True, side=Side.SELL)
    (row,) = rests(instrument(), shown, his)
    assert row == {
        "follower": "alice",
        "leader_order_id": "L1",
        "order_id": "F1",
        "correlation_id": "cc0",
        "exchange_segment": "NSE_FNO",
        "security_id": "43210",
        "symbol": "NIFTY 24500 CE",
        "product": "INTRADAY",
        "side": "SELL",
        "leaves": 60,
        "order_type": "LIMIT",
        "price": 101.5,
        "trigger_price": 0,
        "exit": True,
    }
    assert json.loads(json.dumps(row)) == row


def test_what_has_left_and_is_not_answered_may_rest_too() -> None:
    (row,) = rests(copy("L1", slot(0, Standing.WAITING, sent=True)))
    assert (row["order_id"], row["leaves"]) == (None, 100)


def test_what_never_left_or_is_over_does_not_rest() -> None:
    over = (Standing.ENDED, Standing.REJECTED, Standing.ABSENT, Standing.WITHDRAWN)
    slots = [slot(number, standing, order_id="F", sent=True) for number, standing in enumerate(over)]
    assert rests(copy("L1", *slots, slot(4, Standing.WAITING))) == []


def test_the_oldest_stands_first_and_only_the_followers_asked_for() -> None:
    kept = (
        copy("L2", slot(0, Standing.WORKING, order_id="F2"), created_at=NINE + 1),
        copy("L1#entry", slot(0, Standing.WORKING, order_id="F1")),
        copy("L1", slot(0, Standing.WORKING, order_id="F3"), follower=BOB),
    )
    assert [(row["leader_order_id"], row["order_id"]) for row in rests(*kept, accounts=(ALICE,))] == [
        ("L1", "F1"),
        ("L2", "F2"),
    ]
    assert {row["follower"] for row in rests(*kept)} == {"alice", "bob"}
