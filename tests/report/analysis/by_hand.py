"""The same figures once more, from the journal's records with exact decimals: two readings of one day check each other.

It shares no code with the store and the reports.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from copyctl.edge.journal_reader import JournalReader
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order
from copyctl.model.placement import Slot
from copyctl.model.records import Copy

INDIA = timezone(timedelta(hours=5, minutes=30))
OVER = {"TRADED", "CANCELLED", "REJECTED", "EXPIRED", "CLOSED"}
WANTING = {"copied", "queued", "dead"}


def day_of(moment: int) -> date:
    return datetime.fromtimestamp(moment // 1_000_000_000, INDIA).date()


@dataclass
class Fills:
    """What one group's fills add up to."""

    quantity: int = 0
    cost: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)
    bps: list[Decimal] = field(default_factory=list)
    delays: list[Decimal] = field(default_factory=list)
    unfilled: int = 0
    unpriced: int = 0
    opportunity: Decimal = Decimal(0)
    missed: Decimal = Decimal(0)

    def share(self, part: str) -> Decimal | None:
        """The value below which that part of the fills lies, between two of them in proportion."""
        if not self.bps:
            return None
        ordered = sorted(self.bps)
        place = Decimal(part) * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass
class Ledger:
    """A journal's records."""

    folder: Path
    leader: str

    @cached_property
    def records(self) -> dict[str, Sequence[Any]]:
        reader = JournalReader(self.folder)
        try:
            return dict(reader.records(past=True))
        finally:
            reader.close()

    @cached_property
    def orders(self) -> dict[tuple[str, str], Order]:
        return {(one.account, one.order_id): one for one in self.records["order"]}

    @property
    def copies(self) -> Iterable[Copy]:
        return self.records["copy"]

    def instrument(self, order: Any) -> Instrument | None:
        found = [
            one
            for one in self.records["instrument"]
            if (one.segment, one.security_id) == (order.segment, order.security_id)
        ]
        return found[0] if found else None

    def multiplier(self, order: Any) -> int:
        found = self.instrument(order)
        return found.multiplier if found else 1

    def his(self, copy: Copy) -> Order | None:
        """The leader's order behind a copy, where it has traded."""
        found = self.orders.get((self.leader, copy.leader_order_id.split("#")[0]))
        return found if found is not None and found.filled and found.average_price else None

    def trades(self, account: str, slot: Slot) -> list[Fill]:
        return [one for one in self.records["fill"] if (one.account, one.order_id) == (account, slot.order_id)]

    def fills(self, copy: Copy) -> Iterator[tuple[Slot, int, Decimal, int]]:
        """Placement, units, price, moment of each fill; what no trade tells is one more at what is left of the
        average."""
        for slot in copy.slots:
            order = self.orders.get((copy.follower, slot.order_id))
            if order is None:
                continue
            told = self.trades(copy.follower, slot)
            yield from ((slot, one.quantity, one.price, one.traded_at) for one in told)
            rest = slot.filled - sum(one.quantity for one in told)
            if rest > 0 and slot.average_price:
                value = slot.filled * slot.average_price - sum(one.quantity * one.price for one in told)
                yield slot, rest, value / rest, order.broker_time or slot.answered_at

    def last_price(self, copy: Copy, day: date) -> Decimal | None:
        """What its instrument traded at last on a day; of several prices of one moment the highest."""
        assert copy.wanted is not None
        key = (copy.wanted.segment, copy.wanted.security_id)
        told = [
            (one.last_price_at // 1000, one.last_price)
            for one in self.orders.values()
            if (one.segment, one.security_id) == key and one.last_price and one.last_price_at
        ]
        told += [
            (one.traded_at // 1000, one.price) for one in self.records["fill"] if (one.segment, one.security_id) == key
        ]
        told += [
            (one.as_of // 1000, one.last_price)
            for one in self.records["quote"]
            if (one.segment, one.security_id) == key and one.last_price
        ]
        return max(((at, price) for at, price in told if day_of(at * 1000) == day), default=(0, None))[1]

    def due(self, copy: Copy, leader: Order) -> int:
        """Units wanted for what the leader has traded."""
        assert copy.wanted is not None
        assert leader.terms is not None
        wanted = copy.wanted.terms.quantity
        if str(leader.status) in OVER or leader.filled >= leader.terms.quantity:
            return wanted
        found = self.instrument(copy.wanted)
        lot = found.lot_size if found else 1
        lots = (wanted + copy.missed + copy.cut) * leader.filled // leader.terms.quantity // lot
        return min(wanted, lots * lot - copy.missed - copy.cut)

    def slippage(self) -> dict[tuple[date, str], Fills]:
        """By day and account."""
        groups: dict[tuple[date, str], Fills] = defaultdict(Fills)
        for copy in self.copies:
            leader = self.his(copy)
            if leader is None:
                continue
            sign = 1 if str(copy.wanted.side if copy.wanted else leader.side) == "BUY" else -1
            reference = leader.average_price
            for slot, units, price, moment in self.fills(copy):
                group = groups[day_of(moment), copy.follower]
                units_of_value = units * self.multiplier(self.orders[copy.follower, slot.order_id])
                group.quantity += units
                group.cost += (price - reference) * sign * units_of_value
                group.turnover += reference * units_of_value
                group.bps.append((price - reference) * sign / reference * 10_000)
                group.delays.append(Decimal(slot.left_at - slot.frame_at) / 1_000_000)
            if str(copy.decision) in WANTING and copy.wanted is not None and copy.wanted.terms.quantity:
                self._miss(copy, leader, sign, groups)
        return dict(groups)

    def _miss(self, copy: Copy, leader: Order, sign: int, groups: dict[tuple[date, str], Fills]) -> None:
        told = sum(units for _, units, _, _ in self.fills(copy))
        unfilled = self.due(copy, leader) - max(told, sum(slot.filled for slot in copy.slots))
        if unfilled <= 0:
            return
        day = day_of(leader.broker_time or copy.created_at)
        group = groups[day, copy.follower]
        group.unfilled += unfilled
        last = self.last_price(copy, day)
        if last is None:
            group.unpriced += unfilled
            return
        units = unfilled * self.multiplier(copy.wanted)
        group.opportunity += (last - leader.average_price) * sign * units
        group.missed += leader.average_price * units

    def decided(self) -> dict[tuple[str, str], Copy]:
        """By leader order and account; of a reversal its second part."""
        found: dict[tuple[str, str], Copy] = {}
        for copy in sorted(self.copies, key=lambda one: one.leader_order_id):
            if not copy.leader_order_id.startswith("position:"):
                found[copy.leader_order_id.split("#")[0], copy.follower] = copy
        return found

    def decisions(self) -> Counter[tuple[str, str | None]]:
        return Counter((str(one.decision), one.reason) for one in self.decided().values())

    def rejections(self) -> dict[tuple[str, str | None], tuple[int, Decimal | None]]:
        """Orders and rupees, by decision and reason."""
        groups: dict[tuple[str, str | None], list[Decimal | None]] = defaultdict(list)
        for (order_id, follower), copy in self.decided().items():
            if str(copy.decision) in ("refused", "dead"):
                groups[str(copy.decision), copy.reason].append(self._value(order_id, follower))
        return {
            key: (len(values), sum(known) if (known := [one for one in values if one is not None]) else None)
            for key, values in groups.items()
        }

    def _value(self, order_id: str, follower: str) -> Decimal | None:
        leader = self.orders[self.leader, order_id]
        assert leader.terms is not None
        price = leader.terms.price or leader.terms.trigger_price or leader.average_price or leader.last_price
        wanted = sum(
            copy.wanted.terms.quantity
            for copy in self.copies
            if copy.wanted and copy.follower == follower and copy.leader_order_id.split("#")[0] == order_id
        )
        return price * (wanted or leader.terms.quantity) * self.multiplier(leader) if price else None
