"""A tape read with a person's eyes: what the leader did, order by order, and where the market was."""

import json
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TAPE = ROOT / "examples" / "tapes" / "one-day.jsonl"
DEMO = ROOT / "rules" / "demo.yaml"

Fields = dict[str, Any]
Key = tuple[str, str]
OVER = frozenset({"Traded", "Cancelled", "Rejected"})
SEGMENTS = {("NSE", "E"): "NSE_EQ", ("NSE", "D"): "NSE_FNO", ("BSE", "D"): "BSE_FNO"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A frame and when it came."""

    at: datetime
    text: str
    data: Fields


@dataclass(frozen=True, kw_only=True)
class Trade:
    at: datetime
    quantity: int
    price: Decimal


@dataclass(kw_only=True)
class LeaderOrder:
    """One order and its frames."""

    told: list[Told] = field(default_factory=list)

    @property
    def first(self) -> Fields:
        return self.told[0].data

    @property
    def last(self) -> Fields:
        return self.told[-1].data

    @property
    def key(self) -> Key:
        return (SEGMENTS[(self.first["exchange"], self.first["segment"])], self.first["securityId"])

    @property
    def sign(self) -> int:
        return 1 if self.first["txnType"] == "B" else -1

    @property
    def words(self) -> list[str]:
        return [each.data["status"] for each in self.told]

    @property
    def modified(self) -> list[tuple[Fields, Fields]]:
        """Before and after, of each modification."""
        return [
            (before.data, after.data)
            for before, after in zip(self.told, self.told[1:], strict=False)
            if after.data["status"] == "Modified"
        ]

    @cached_property
    def trades(self) -> list[Trade]:
        """What each frame added."""
        found, known = [], 0
        for each in self.told:
            if each.data["tradedQty"] > known:
                added, known = each.data["tradedQty"] - known, each.data["tradedQty"]
                found.append(Trade(at=each.at, quantity=added, price=Decimal(str(each.data["tradedPrice"]))))
        return found


@dataclass(kw_only=True)
class Day:
    """All of it."""

    header: Fields
    moments: list[datetime] = field(default_factory=list)
    orders: dict[str, LeaderOrder] = field(default_factory=lambda: defaultdict(LeaderOrder))
    prices: dict[Key, list[tuple[datetime, Decimal]]] = field(default_factory=lambda: defaultdict(list))
    stream: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def frames(self) -> list[Told]:
        return [each for order in self.orders.values() for each in order.told]

    @property
    def started_at(self) -> datetime:
        return datetime.fromisoformat(self.header["started_at"])

    def price(self, key: Key, at: datetime) -> Decimal | None:
        """Where the market is when all that happens at that moment has happened."""
        place = bisect_right(self.prices[key], at, key=lambda each: each[0])
        return self.prices[key][place - 1][1] if place else None

    def between(self, key: Key, start: datetime, end: datetime) -> list[Decimal]:
        """The prices after one moment and before another."""
        return [price for at, price in self.prices[key] if start < at < end]

    @property
    def seconds(self) -> float:
        return (self.moments[-1] - self.started_at) / timedelta(seconds=1)


@lru_cache(maxsize=1)
def the_day() -> Day:
    lines = [json.loads(line) for line in TAPE.read_text(encoding="utf-8").splitlines()]
    day = Day(header=lines[0])
    for line in lines[1:]:
        at = datetime.fromisoformat(line["at"])
        day.moments.append(at)
        if "frame" in line:
            envelope = json.loads(line["frame"])
            assert envelope["Type"] == "order_alert"
            data = envelope["Data"]
            day.orders[data["orderNo"]].told.append(Told(at=at, text=line["frame"], data=data))
        elif "price" in line:
            said = line["price"]
            price = Decimal(str(said["last_price"]))
            day.prices[(said["exchange_segment"], said["security_id"])].append((at, price))
        else:
            day.stream.append((at, line["stream"]))
    return day
