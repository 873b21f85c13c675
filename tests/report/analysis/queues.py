"""First in, first out, as a person would do it: one trade after the other, with queues."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

INTRADAY = frozenset({"INTRADAY", "CO", "BO"})
Item = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Trade:
    """``second``: of its day. ``price`` None and ``day`` None: what an account had before the first known trade."""

    number: int
    account: str
    security_id: str
    units: int  # negative: sold
    product: str
    price: Decimal | None
    day: date | None
    second: int
    copied: bool
    charges: Decimal | None = None
    told_by: str = "run"

    @property
    def item(self) -> Item:
        return self.account, self.security_id

    @property
    def place(self) -> tuple[date, int, int]:
        return self.day or date.min, self.second, self.number


@dataclass(frozen=True, kw_only=True)
class Closed:
    item: Item
    copied: bool
    day: date
    units: int
    realised: Decimal | None  # for one unit of the multiplier


class Queue:
    """What is open of one book, oldest first: all of it bought, or all of it sold."""

    def __init__(self, *, copied: bool) -> None:
        self.copied = copied
        self.open: deque[Trade] = deque()
        self.closed: list[Closed] = []

    def take_in(self, trade: Trade) -> None:
        while trade.units and self.open and (self.open[0].units > 0) != (trade.units > 0):
            first = self.open.popleft()
            units = min(abs(first.units), abs(trade.units))
            sign = 1 if first.units > 0 else -1
            assert trade.day is not None
            known = first.price is not None and trade.price is not None
            realised = (trade.price - first.price) * units * sign if known else None  # type: ignore[operator]
            self.closed.append(
                Closed(item=trade.item, copied=self.copied, day=trade.day, units=units, realised=realised)
            )
            if abs(first.units) > units:
                self.open.appendleft(replace(first, units=first.units - sign * units))
            trade = replace(trade, units=trade.units + sign * units)
        if trade.units:
            self.open.append(trade)


@dataclass(frozen=True)
class Books:
    """What was closed, and what is open: ``open`` with whether copies hold it."""

    closed: list[Closed]
    open: list[tuple[bool, Trade]]


def books(trades: Iterable[Trade], carried: Iterable[Trade] = ()) -> Books:
    """All books of all accounts after these trades."""
    closed: list[Closed] = []
    later: dict[tuple[Item, bool], list[Trade]] = defaultdict(list)
    for one in carried:
        later[one.item, one.copied].append(one)
    days: dict[tuple[Item, date | None], list[Trade]] = defaultdict(list)
    for trade in sorted(trades, key=lambda one: one.place):
        if trade.product in INTRADAY:
            days[trade.item, trade.day].append(trade)
        else:
            later[trade.item, trade.copied].append(trade)
    for of_day in days.values():
        left: list[Trade] = []
        for copied in (True, False):
            queue = _queued((one for one in of_day if one.copied is copied), copied=copied)
            closed += queue.closed
            left += queue.open
        both = _queued(sorted(left, key=lambda one: one.place), copied=True)
        closed += both.closed
        for one in both.open:
            later[one.item, one.copied].append(one)
    still: list[tuple[bool, Trade]] = []
    for (_, copied), lots in later.items():
        queue = _queued(sorted(lots, key=lambda one: one.place), copied=copied)
        closed += queue.closed
        still += ((copied, one) for one in queue.open)
    return Books(closed, still)


def _queued(trades: Iterable[Trade], *, copied: bool) -> Queue:
    queue = Queue(copied=copied)
    for trade in trades:
        queue.take_in(trade)
    return queue


@dataclass(kw_only=True)
class Profit:
    """The figures of one row."""

    realised: Decimal = Decimal(0)
    unrealised: Decimal | None = None
    charges: Decimal | None = None
    trades: int = 0
    turnover: Decimal = Decimal(0)
    unpriced: int = 0
    unvalued: int = 0
    uncharged: int = 0
    by_hand: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Account:
    """Everything that profit is made of. ``prices``: the last of each instrument and day."""

    trades: list[Trade]
    carried: list[Trade]
    multipliers: Mapping[str, int]
    prices: Mapping[tuple[str, date], Decimal]

    def profits(self, first: date, last: date, *, by_security: bool = False) -> dict[tuple[str, ...], Profit]:
        """By account, and by instrument where asked, over days of which both are part."""
        found: dict[tuple[str, ...], Profit] = defaultdict(Profit)

        def row(item: Item) -> Profit:
            return found[item if by_security else item[:1]]

        seen = [one for one in self.trades if one.day is not None and one.day <= last]
        after = books(seen, self.carried)
        for closed in after.closed:
            if not first <= closed.day <= last:
                continue
            multiplier = self.multipliers[closed.item[1]]
            if not closed.copied:
                row(closed.item).by_hand += (closed.realised or Decimal(0)) * multiplier
            elif closed.realised is None:
                row(closed.item).unpriced += closed.units
            else:
                row(closed.item).realised += closed.realised * multiplier
        for copied, lot in after.open:
            self._value(row(lot.item), lot, last, copied=copied)
        for trade in seen:
            if trade.copied and trade.day is not None and first <= trade.day:
                self._count(row(trade.item), trade)
        return dict(found)

    def _value(self, row: Profit, lot: Trade, last: date, *, copied: bool) -> None:
        price = next(self._prices_before(lot.security_id, last), None)
        if lot.price is None or price is None:
            row.unvalued += abs(lot.units) if copied else 0
            return
        gain = (price - lot.price) * lot.units * self.multipliers[lot.security_id]
        if copied:
            row.unrealised = (row.unrealised or Decimal(0)) + gain
        else:
            row.by_hand += gain

    def _prices_before(self, security_id: str, last: date) -> Iterator[Decimal]:
        days = sorted((day for security, day in self.prices if security == security_id and day <= last), reverse=True)
        return (self.prices[security_id, day] for day in days)

    def _count(self, row: Profit, trade: Trade) -> None:
        assert trade.price is not None
        row.trades += 1
        row.turnover += abs(trade.units) * trade.price * self.multipliers[trade.security_id]
        if trade.charges is None:
            row.uncharged += 1
        else:
            row.charges = (row.charges or Decimal(0)) + trade.charges
