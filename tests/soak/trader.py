"""The leader: what he does, a handful of orders at a time, in the ways that leaders do."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import cycle
from typing import Any

from tests.soak.world import World

OPTIONS = tuple(("NSE_FNO", str(43306 + place), 4 * 65) for place in range(8))
SHARES = tuple(("NSE_EQ", security_id, 20) for security_id in ("2885", "1594", "3045", "4963"))
CARRIED = ("NSE_FNO", "43314", 2 * 65)
"""Segment, security id and quantity of an order: even lots, so that half of it is whole lots too."""

TICK = Decimal("0.05")
BUY, SELL = "BUY", "SELL"
Thing = tuple[str, str, int]


class Trader:
    """The leader. ``at_once``: how many orders he has in the market at a time."""

    def __init__(self, world: World, at_once: int) -> None:
        self._world = world
        self._at_once = at_once
        self._things = cycle((*OPTIONS, *SHARES))
        self._ways = cycle(self.ways)
        rows = world.line.control("GET", "instruments")["instruments"]
        self._prices = {
            row["security_id"]: Decimal(str(row["last_price"])) for row in rows if row["exchange_segment"] != "BSE_EQ"
        }

    @property
    def ways(self) -> Sequence[Callable[[], None]]:
        """What he does over and over again."""
        return (self.rests, self.round_trip, self.hurries, self.rests, self.in_parts, self.stop_is_hit)

    def trade(self) -> None:
        """The next of his ways; at the end all agree and nothing is open."""
        next(self._ways)()

    # --- ways -------------------------------------------------------------------------------------------------------

    def rests(self) -> None:
        """Orders rest below the market, are moved and made larger, and are cancelled; all see it."""
        placed = [(thing, self.place(thing, share="0.90")) for thing in self.some()]
        self._world.settle()
        for share in ("0.91", "0.92", "0.93"):
            for thing, order in placed:
                self.modify(order, thing, share=share)
        for thing, order in placed:
            self.modify(order, thing, share="0.92", times=2)
        self.cancel(*(order for _, order in placed))
        self._world.settle()

    def hurries(self) -> None:
        """The same as fast as he can, whatever his followers have by then."""
        for thing in self.some():
            order = self.place(thing, share="0.90")
            self.modify(order, thing, share="0.91")
            self.modify(order, thing, share="0.92", times=2)
            self.cancel(order)
        self._world.settle()

    def round_trip(self) -> None:
        """In at the market, and out."""
        things = self.enter()
        self.leave(things)

    def enter(self) -> list[Thing]:
        """In at the market."""
        things = self.some()
        for thing in things:
            self.place(thing)
        self._world.settle()
        return things

    def leave(self, things: Sequence[Thing], product: str = "INTRADAY") -> None:
        """Out of these, and all with him."""
        self.sell(things, product)
        self._world.settle()

    def sell(self, things: Sequence[Thing], product: str = "INTRADAY") -> None:
        for thing in things:
            self.place(thing, SELL, product=product)

    def rest(self, share: str = "0.90") -> list[str]:
        """Orders below the market; their ids."""
        return [self.place(thing, share=share) for thing in self.some()]

    def in_parts(self) -> None:
        """Limit orders trade lot by lot."""
        things = self.some()
        for segment, security_id, quantity in things:
            self._market("liquidity", segment, security_id, per_tick=quantity // 4)
        for thing in things:
            self.place(thing, share="1")
        for _ in range(8):
            for segment, security_id, _ in things:
                self._market("price", segment, security_id, last_price=str(self._prices[security_id]))
        for segment, security_id, _ in things:
            self._market("liquidity", segment, security_id, per_tick=None)
            self._market("price", segment, security_id, last_price=str(self._prices[security_id]))
        self._world.settle()
        self.leave(things)

    def stop_is_hit(self) -> None:
        """In at the market with stops behind it, and out by the stops."""
        things = self.enter()
        for thing in things:
            self.place(thing, SELL, share="0.94", trigger="0.95")
        self._world.settle()
        for segment, security_id, _ in things:
            self._market("price", segment, security_id, last_price=str(self.price(security_id, "0.95")))
        self._world.settle()
        for segment, security_id, _ in things:
            self._market("price", segment, security_id, last_price=str(self._prices[security_id]))

    def carry(self) -> None:
        """Before the close: a position is carried over night, and some orders of the day stay open."""
        self.place(CARRIED, product="MARGIN")
        self.rest("0.85")
        self._world.settle()

    # --- calls ------------------------------------------------------------------------------------------------------

    def place(
        self, thing: Thing, side: str = BUY, *, share: str = "", trigger: str = "", product: str = "INTRADAY"
    ) -> str:
        """An order at this share of the market's price, MARKET for none; its id."""
        segment, security_id, quantity = thing
        kind = "STOP_LOSS" if trigger else "LIMIT" if share else "MARKET"
        said = self._world.line.order(
            "POST", "/orders", transactionType=side, exchangeSegment=segment, productType=product, orderType=kind,
            validity="DAY", securityId=security_id, quantity=quantity, **self._priced(security_id, share, trigger),
        )  # fmt: skip
        return str(said["orderId"])

    def modify(self, order_id: str, thing: Thing, *, share: str, times: int = 1) -> None:
        _, security_id, quantity = thing
        self._world.line.order(
            "PUT", f"/orders/{order_id}", orderId=order_id, orderType="LIMIT", legName="", validity="DAY",
            quantity=quantity * times, disclosedQuantity=0, **self._priced(security_id, share, ""),
        )  # fmt: skip

    def cancel(self, *orders: str) -> None:
        for order_id in orders:
            self._world.line.order("DELETE", f"/orders/{order_id}")

    def price(self, security_id: str, share: str) -> Decimal:
        """This share of the market's price, on the tick."""
        return (self._prices[security_id] * Decimal(share) / TICK).to_integral_value() * TICK

    def _priced(self, security_id: str, share: str, trigger: str) -> dict[str, Any]:
        return {
            "price": float(self.price(security_id, share or "0")),
            "triggerPrice": float(self.price(security_id, trigger or "0")),
        }

    def some(self) -> list[Thing]:
        return [next(self._things) for _ in range(self._at_once)]

    def _market(self, command: str, segment: str, security_id: str, **fields: Any) -> None:
        where = {"exchange_segment": segment, "security_id": security_id}
        self._world.line.control("POST", command, {**where, **fields})
