"""The tape holds one of everything a leader does, at a pace that a follower can keep."""

import subprocess
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from copyctl.rules import load
from tests.tapes.leader_day import DEMO, ROOT, TAPE, LeaderOrder, the_day

DAY = the_day()
ORDERS = list(DAY.orders.values())
(DOWN, _), (UP, _) = DAY.stream

Is = Callable[[LeaderOrder], bool]


def changed(order: LeaderOrder, field: str) -> list[float]:
    """By how much each modification changed a field."""
    return [after[field] - before[field] for before, after in order.modified if after[field] != before[field]]


def fast(order: LeaderOrder) -> bool:
    """Several changes of price within seconds?"""
    at = [each.at for each in order.told if each.data["status"] == "Modified"]
    return any(later - earlier < timedelta(seconds=10) for earlier, later in zip(at, at[4:], strict=False))


def meanwhile(order: LeaderOrder, *words: str) -> bool:
    """Did one of these happen while the stream was down?"""
    return any(each.data["status"] in words and DOWN < each.at < UP for each in order.told)


def ioc(order: LeaderOrder) -> bool:
    return bool(order.first["validity"] == "IOC")


KINDS: dict[str, tuple[int, Is]] = {
    "market": (50, lambda order: order.first["orderType"] == "MKT"),
    "limit": (50, lambda order: order.first["orderType"] == "LMT" and not ioc(order)),
    "limit, sell to open or close": (10, lambda order: order.first["orderType"] == "LMT" and order.sign < 0),
    "stop loss, triggered and traded": (5, lambda order: order.words[-2:] == ["Triggered", "Traded"]),
    "stop loss, bought": (2, lambda order: order.first["orderType"] == "SL" and order.sign > 0),
    "stop loss, cancelled": (3, lambda order: order.first["orderType"] == "SL" and order.words[-1] == "Cancelled"),
    "stop trailed": (1, lambda order: len(changed(order, "triggerPrice")) >= 3),
    "ioc, traded": (4, lambda order: ioc(order) and order.words[-1] == "Traded"),
    "ioc, in part": (1, lambda order: ioc(order) and order.words[-2:] == ["Part-Traded", "Cancelled"]),
    "ioc, killed": (3, lambda order: ioc(order) and not order.trades),
    "price modified": (3, lambda order: bool(changed(order, "price"))),
    "quantity raised": (2, lambda order: any(by > 0 for by in changed(order, "quantity"))),
    "quantity lowered": (2, lambda order: any(by < 0 for by in changed(order, "quantity"))),
    "limit turned market": (1, lambda order: any(b["orderType"] != a["orderType"] for b, a in order.modified)),
    "modified quickly": (1, fast),
    "three tranches": (3, lambda order: len(order.trades) >= 3),
    "tranches at several prices": (3, lambda order: len({trade.price for trade in order.trades}) >= 3),
    "cancelled untraded": (8, lambda order: order.words[-1] == "Cancelled" and not order.trades and not ioc(order)),
    "cancelled after a part": (3, lambda order: order.words[-2:] == ["Part-Traded", "Cancelled"] and not ioc(order)),
    "rejected, margin": (2, lambda order: "insufficient funds" in order.last["reasonDescription"]),
    "rejected, price band": (2, lambda order: "Ckt Limit" in order.last["reasonDescription"]),
    "penny option": (4, lambda order: order.first["instrument"] == "OPTIDX" and order.first["refLtp"] < 2),
    "disclosed": (1, lambda order: 0 < order.first["discQuantity"] < order.first["quantity"]),
    "delivery": (4, lambda order: order.first["productName"] == "CNC"),
    "carried over night": (2, lambda order: order.first["productName"] == "MARGIN"),
    "shares for the day": (2, lambda order: order.key[0] == "NSE_EQ" and order.first["productName"] == "INTRADAY"),
    "not in the master": (2, lambda order: order.key[1] == "41206"),
    "single lot": (2, lambda order: order.first["quantity"] == order.first["lotSize"] > 1),
    "by API, with a tag": (2, lambda order: order.first["source"] == "P" and order.first["correlationId"] != ""),
    "NIFTY": (40, lambda order: order.first["symbol"] == "NIFTY"),
    "BANKNIFTY": (15, lambda order: order.first["symbol"] == "BANKNIFTY"),
    "SENSEX": (15, lambda order: order.first["symbol"] == "SENSEX"),
    "unheard, placed": (3, lambda order: DOWN < order.told[0].at < UP),
    "unheard, modified": (1, lambda order: meanwhile(order, "Modified")),
    "unheard, cancelled": (2, lambda order: meanwhile(order, "Cancelled")),
    "unheard, traded": (2, lambda order: meanwhile(order, "Traded")),
    "unheard, resting afterwards": (1, lambda order: DOWN < order.told[0].at < UP < order.told[-1].at),
}


def test_there_are_enough_orders() -> None:
    assert len(ORDERS) >= 150


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_there(kind: str) -> None:
    least, one = KINDS[kind]
    assert sum(map(one, ORDERS)) >= least


def test_the_stream_is_down_for_some_minutes_in_the_middle() -> None:
    assert [word for _, word in DAY.stream] == ["down", "up"]
    assert timedelta(minutes=3) <= UP - DOWN <= timedelta(minutes=10)
    assert 0.3 < (DOWN - DAY.started_at) / (DAY.moments[-1] - DAY.started_at) < 0.7


def test_positions_are_closed_again() -> None:
    sides = Counter((order.key, order.sign) for order in ORDERS if order.trades)
    assert sum(1 for key, sign in sides if sides[(key, -sign)]) >= 12


# ---- pace ------------------------------------------------------------------------------------------------------------


SPEED = float(load(DEMO, {}).broker.simulator.speed)


def busiest(moments: list[float]) -> int:
    """The most within a second."""
    moments = sorted(moments)
    return max(place + 1 - bisect_left(moments, at - 0.999) for place, at in enumerate(moments))


def test_the_demo_takes_half_a_minute() -> None:
    assert 20 <= DAY.seconds / SPEED <= 30


def test_but_for_one_burst_no_second_brings_more_than_eight_orders() -> None:
    placed = sorted((order.told[0].at - DAY.started_at).total_seconds() / SPEED for order in ORDERS)
    starts = [place for place in range(len(placed) - 9) if placed[place + 9] - placed[place] < 0.1]
    burst = {at for start in starts for at in placed[start : start + 10]}
    assert len(burst) == 10
    assert busiest([at for at in placed if at not in burst]) <= 8


def test_one_made_anew_is_the_same(tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    maker = ROOT / "examples" / "tapes" / "make_one_day.py"
    subprocess.run([sys.executable, "-B", str(maker), str(again)], check=True, timeout=60)
    assert again.read_bytes() == TAPE.read_bytes()
