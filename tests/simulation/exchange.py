"""The model exchange: accounts with orders, fills and positions, and prices that walk. Prices are whole paise here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Final, Protocol

from copyctl.model.instrument import Instrument
from copyctl.model.terms import InstrumentKind, OptionType, Segment
from tests.simulation.adversary import Adversary
from tests.simulation.timeline import MS, SECOND, Timeline

FINAL: Final = frozenset({"TRADED", "CANCELLED", "REJECTED", "EXPIRED"})
TICK: Final = 5


@dataclass(frozen=True, slots=True)
class Security:
    """One thing to trade. ``price``: what it costs when the day begins, paise."""

    instrument: Instrument
    product: str
    price: int
    may_short: bool = True

    @property
    def id(self) -> str:
        return self.instrument.security_id

    @property
    def lot(self) -> int:
        return self.instrument.lot_size

    @property
    def is_share(self) -> bool:
        return self.instrument.kind is InstrumentKind.EQUITY


def _security(symbol: str, security_id: str, product: str, price: int, lot: int, option: str = "") -> Security:
    one = Instrument(
        segment=Segment.NSE_FNO if option else Segment.NSE_EQ,
        security_id=security_id,
        symbol=symbol,
        kind=InstrumentKind.OPTIDX if option else InstrumentKind.EQUITY,
        underlying=symbol.partition("-")[0] if option else "",
        option_type=OptionType(option) if option else None,
        strike=Decimal(24500) if option else None,
        lot_size=lot,
    )
    return Security(one, product, price, may_short=product != "CNC")


SECURITIES: Final = (
    _security("NIFTY-Sep2026-24500-CE", "43210", "INTRADAY", 10_000, 65, "CE"),
    _security("BANKNIFTY-Sep2026-56000-PE", "43555", "MARGIN", 30_000, 30, "PE"),
    _security("RELIANCE", "2885", "INTRADAY", 140_000, 1),
    _security("TCS", "11536", "CNC", 310_000, 1),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order asks for; paise, units. ``kind``: LIMIT, MARKET, STOP_LOSS or STOP_LOSS_MARKET."""

    kind: str
    quantity: int
    price: int = 0
    trigger: int = 0
    validity: str = "DAY"


@dataclass(slots=True, eq=False)
class Placed:
    """One order at the broker. ``seen_from``, ``found_from``: from when on the book shows it, and the look-up."""

    account: str
    order_id: str
    security: Security
    side: int
    product: str
    wish: Wish
    correlation: str
    created_at: int
    updated_at: int
    seen_from: int
    found_from: int
    exchange_at: int = 0
    status: str = "TRANSIT"
    filled: int = 0
    value: int = 0
    reason: str = "CONFIRMED"
    triggered: bool = False
    busy_until: int = 0
    changes: int = 0
    most_asked: int = 0
    by_hand: bool = False
    late_refusals: int = 0
    trades: list["Trade"] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status not in FINAL

    @property
    def rest(self) -> int:
        return self.wish.quantity - self.filled

    @property
    def exposure(self) -> int:
        """Units that it has traded or still may."""
        return max(self.filled, self.wish.quantity) if self.open else self.filled


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution."""

    order: Placed
    trade_id: str
    quantity: int
    price: int
    at: int


class Watcher(Protocol):
    """Who is told of what happens at the exchange."""

    def announced(self, order: Placed, word: str) -> None: ...

    def taken(self, order: Placed) -> None: ...

    def traded(self, order: Placed, units: int) -> None: ...


LATE_REFUSALS: Final = (
    "RMS:5:You have insufficient funds. Please add Rs.120.50 to trade.",
    "EXCH:17070 - The Price is out of the LPP range",
    "RMS:5:Blocked by RMS",
)


class Exchange:
    """All accounts' orders, and the market that they meet."""

    def __init__(self, timeline: Timeline, adversary: Adversary, leader: str, watcher: Watcher) -> None:
        self.timeline = timeline
        self.adversary = adversary
        self.leader = leader
        self.watcher = watcher
        self.chance = Random(f"{adversary.seed}/market")
        self.last = {one.id: one.price for one in SECURITIES}
        self.orders: dict[str, Placed] = {}
        self.trades: list[Trade] = []
        self.net: dict[tuple[str, str], int] = {}
        self.carried: dict[tuple[str, str], int] = {}
        self.plenty = False
        self._count = 0

    # --- what is there --------------------------------------------------------------------------------------------

    def of(self, account: str, security: Security | None = None) -> list[Placed]:
        """The open orders of an account."""
        return [
            one
            for one in self.orders.values()
            if one.open and one.account == account and (security is None or one.security is security)
        ]

    def held(self, account: str, security: Security) -> int:
        return self.net.get((account, security.id), 0)

    def _transit(self, order: Placed) -> int:
        """When the next step of this order takes place: it passes the one before it nowhere."""
        slow = self.adversary.strikes("slow to the exchange")
        takes = self.adversary.between("slow to the exchange", 200, 900) if slow else self.chance.randint(3, 40)
        order.busy_until = max(order.busy_until + MS, self.timeline.now + takes * MS)
        return order.busy_until

    # --- what clients ask for -------------------------------------------------------------------------------------

    def place(
        self, account: str, security: Security, side: int, wish: Wish, *, correlation: str = "", product: str = ""
    ) -> Placed:
        """Take an order; the exchange has it a moment later, and may refuse it."""
        self._count += 1
        now = self.timeline.now
        seen = found = now
        if account != self.leader:
            if self.adversary.strikes("seen late in books"):
                seen += self.adversary.between("seen late in books", 100, 2500) * MS
            if self.adversary.strikes("seen late by id"):
                found += self.adversary.between("seen late by id", 100, 2500) * MS
        order = Placed(
            account=account,
            order_id=f"{'10' if account == self.leader else '22'}{self._count:08}",
            security=security,
            side=side,
            product=product or security.product,
            wish=wish,
            correlation=correlation,
            created_at=now,
            updated_at=now,
            seen_from=seen,
            found_from=found,
            most_asked=wish.quantity,
        )
        self.orders[order.order_id] = order
        self.watcher.taken(order)
        self._tell(order, "Transit")
        self.timeline.at(self._transit(order), lambda: self._admit(order))
        return order

    def modify(self, order: Placed, wish: Wish) -> None:
        """Take a change; it takes place a moment later, unless a fill was faster or the exchange refuses it."""
        order.changes += 1
        self.timeline.at(self._transit(order), lambda: self._change(order, wish))

    def cancel(self, order: Placed) -> None:
        """Take a cancel; a fill may still come before it."""
        self.timeline.at(self._transit(order), lambda: self._cancel(order))

    # --- what becomes of it ---------------------------------------------------------------------------------------

    def _admit(self, order: Placed) -> None:
        if order.status != "TRANSIT":
            return
        order.exchange_at = self.timeline.now
        if self.adversary.strikes("rejected late") and not (order.account == self.leader and order.busy_until % 3):
            order.status = "REJECTED"
            order.reason = self.adversary.chances["rejected late"].choice(LATE_REFUSALS)
            self._tell(order, "Rejected")
            return
        order.status = "PENDING"
        self._tell(order, "Pending")
        self._meet(order, arriving=True)
        if order.wish.validity == "IOC" and order.open:
            self._end(order, "CANCELLED", "EXCH:16388:The order is cancelled by the system")

    def _change(self, order: Placed, wish: Wish) -> None:
        if order.account != self.leader:
            self._race(order)
            if self.adversary.strikes("change refused late"):
                order.late_refusals += 1
                return
        if not order.open or order.status == "TRANSIT" or wish.quantity <= order.filled:
            order.late_refusals += 1
            return
        order.wish = wish
        order.most_asked = max(order.most_asked, wish.quantity)
        self._tell(order, "Modified")
        self._meet(order, arriving=True)

    def _cancel(self, order: Placed) -> None:
        if order.account != self.leader:
            self._race(order)
            if self.adversary.strikes("cancel ignored"):
                return
        if order.open:
            self._end(order, "CANCELLED", "CANCELLED BY USER")

    def _race(self, order: Placed) -> None:
        rests = order.status in ("PENDING", "PART_TRADED") and not _waits(order)
        if rests and self.adversary.strikes("fill races change"):
            self._fill(order, order.wish.price or self.last[order.security.id])

    def _end(self, order: Placed, status: str, reason: str) -> None:
        order.status, order.reason = status, reason
        self._tell(order, status.title())

    def close(self) -> None:
        """The day is over: what rests has expired, positions are carried over, the books are empty."""
        for order in self.orders.values():
            if order.open:
                self._end(order, "EXPIRED", "ORDER EXPIRED")
        self.orders, self.trades = {}, []
        self.carried = dict(self.net)

    def end_by_hand(self, order: Placed) -> None:
        """A person ends one of a follower's orders."""
        order.by_hand = True
        self._end(order, "CANCELLED", "CANCELLED BY USER")

    # --- the market -----------------------------------------------------------------------------------------------

    def walk(self) -> None:
        """Every price moves by some ticks, and whoever waited for it trades."""
        for security in SECURITIES:
            ticks = self.chance.randint(-8, 8)
            self.price(security, max(TICK, self.last[security.id] + TICK * ticks * (1 + security.price // 50_000)))

    def price(self, security: Security, paise: int) -> None:
        """The market trades at a price."""
        self.last[security.id] = paise
        for order in list(self.orders.values()):
            if order.open and order.security is security and order.status != "TRANSIT":
                self._meet(order, arriving=False)

    def _meet(self, order: Placed, *, arriving: bool) -> None:
        """Let an order trade as far as it can at the price of now."""
        last, wish = self.last[order.security.id], order.wish
        if _waits(order):
            if (last - wish.trigger) * order.side < 0:
                return
            order.triggered = True
            order.status = "TRIGGERED"
            self._tell(order, "Triggered")
            arriving = True
        priced = wish.kind in ("LIMIT", "STOP_LOSS")
        if priced and (wish.price - last) * order.side < 0:
            return
        self._fill(order, last if arriving or not priced else wish.price)
        if order.open and wish.kind == "MARKET" and order.filled:
            beyond = last + order.side * max(TICK, last // 100 // TICK * TICK)
            order.wish = replace(wish, kind="LIMIT", price=beyond)  # what is left rests as a protected limit
            self._tell(order, "Modified")

    def _fill(self, order: Placed, paise: int) -> None:
        lots = order.rest // order.security.lot
        if lots <= 0:
            return
        units = order.rest
        if not self.plenty and lots > 1 and self.chance.random() < 0.5:
            units = order.security.lot * self.chance.randint(1, lots - 1)
        order.filled += units
        order.value += units * paise
        order.status = "TRADED" if not order.rest else "PART_TRADED"
        order.reason = "TRADE CONFIRMED"
        self._count += 1
        key = (order.account, order.security.id)
        self.net[key] = self.net.get(key, 0) + order.side * units
        trade = Trade(order, f"{7_000_000 + self._count}", units, paise, self.timeline.now)
        order.trades.append(trade)
        self.trades.append(trade)
        self.watcher.traded(order, units)
        self._tell(order, "Traded" if not order.rest else "Part-Traded")

    def _tell(self, order: Placed, word: str) -> None:
        order.updated_at = self.timeline.now
        self.watcher.announced(order, word)


def _waits(order: Placed) -> bool:
    """Is it a stop that has not triggered?"""
    return order.wish.kind.startswith("STOP") and not order.triggered


def every(timeline: Timeline, chance: Random, what: Callable[[], None], *, until: int) -> None:
    """Have this happen every second or three until then."""

    def again() -> None:
        if timeline.now < until:
            what()
            timeline.later(chance.randint(800, 3000) * MS, again)

    timeline.later(SECOND, again)


def open_exits(orders: Iterator[Placed], net: int) -> int:
    """Units that open orders on the other side of a position may close."""
    return sum(one.rest for one in orders if one.open and one.side * net < 0)
