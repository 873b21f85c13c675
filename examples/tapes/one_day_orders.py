"""The leader's orders, and how they meet the market.

A limit order trades when a price line reaches it, a stop triggers when one crosses it, a market order trades within a
few ticks of the last price.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from one_day_prices import CONTRACTS, DAY, MINUTE, OPENING, SECOND, TICK, Point, Prices, on_tick, rupees

CLIENT_ID = "1100000001"
BUY, SELL = "B", "S"
LIMIT, MARKET, STOP = "LMT", "MKT", "SL"
INTRADAY, DELIVERY, CARRY = "INTRADAY", "CNC", "MARGIN"
LETTERS = {INTRADAY: "I", DELIVERY: "C", CARRY: "M"}
EXCHANGES = {"NSE_EQ": ("NSE", "E"), "NSE_FNO": ("NSE", "D"), "BSE_FNO": ("BSE", "D")}

CONFIRMED, TRADED = "CONFIRMED", "TRADE CONFIRMED"
BY_LEADER = "CANCELLED BY USER"
BY_EXCHANGE = "EXCH:16388:The order is cancelled by the system"
NO_FUNDS = "RMS:{order}:You have insufficient funds. Please add Rs.{missing} to trade."
OUTSIDE_BAND = "RMS:{order}:Rate Not Within Ckt Limit {low} To {high}"
NO_TIME = "0001-01-01 00:00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An order as one frame tells of it."""

    ms: int
    word: str
    reason: str
    kind: str
    quantity: int
    price: int
    trigger: int
    filled: int
    remaining: int
    traded: int
    average: float
    last_price: int
    at_exchange: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """An order of the leader, and all that became of it."""

    name: str
    side: str
    kind: str
    quantity: int
    prices: Prices
    price: int = 0
    trigger: int = 0
    validity: str = "DAY"
    product: str = INTRADAY
    disclosed: int = 0
    by_api: bool = False
    tag: str = ""
    in_burst: bool = False
    filled: int = 0
    value: int = 0
    last_fill: int = 0
    states: list[State] = field(default_factory=list)

    @property
    def created(self) -> int:
        return self.states[0].ms

    @property
    def done(self) -> int:
        return self.states[-1].ms

    @property
    def actions(self) -> list[int]:
        """When the leader did something, as a copier sees it."""
        own = [each.ms for each in self.states if each.word == "Modified" or each.reason == BY_LEADER]
        return [] if self.states[-1].word == "Rejected" else [self.created, *own]

    def tell(self, ms: int, word: str, reason: str = CONFIRMED) -> "Order":
        """A frame."""
        over = word in {"Traded", "Cancelled", "Rejected"}
        fill = word in {"Part-Traded", "Traded"}
        self.states.append(
            State(
                ms=ms,
                word=word,
                reason=reason,
                kind=self.kind,
                quantity=self.quantity,
                price=self.price,
                trigger=self.trigger,
                filled=self.filled,
                remaining=0 if over else self.quantity - self.filled,
                traded=self.last_fill,
                average=round(self.value / (100 * self.filled), 4) if self.filled else 0.0,
                last_price=self.last_fill if fill else self.prices.at(self.name, ms),
                at_exchange=word not in {"Transit", "Rejected"},
            )
        )
        return self

    def arrive(self, ms: int) -> "Order":
        """At the broker, and a moment later at the exchange."""
        return self.tell(ms, "Transit").tell(ms + 350, "Pending")

    def trade(self, ms: int, quantity: int, paise: int) -> "Order":
        self.filled += quantity
        self.value += quantity * paise
        self.last_fill = paise
        return self.tell(ms, "Traded" if self.filled == self.quantity else "Part-Traded", TRADED)

    def change(
        self,
        ms: int,
        *,
        kind: str | None = None,
        quantity: int | None = None,
        price: int | None = None,
        trigger: int | None = None,
    ) -> "Order":
        """A modification; what is not named stays."""
        self.kind = self.kind if kind is None else kind
        self.quantity = self.quantity if quantity is None else quantity
        self.price = self.price if price is None else price
        self.trigger = self.trigger if trigger is None else trigger
        return self.tell(ms, "Modified")

    def cancel(self, ms: int, reason: str = BY_LEADER) -> "Order":
        return self.tell(ms, "Cancelled", reason)


def other_way(side: str) -> str:
    return SELL if side == BUY else BUY


def better(side: str, ticks: int) -> int:
    """So many ticks that the market must come towards an order of this side."""
    return -ticks * TICK if side == BUY else ticks * TICK


class Story:
    """A few orders that belong together, from one moment on."""

    def __init__(self, prices: Prices, chance: Random, ms: int, product: str, tag: str) -> None:
        self.prices = prices
        self.chance = chance
        self.ms = ms
        self.orders: list[Order] = []
        self.outages: list[tuple[int, int]] = []
        self._product = product
        self._tag = tag
        self._by_api = bool(tag) or chance.randint(1, 5) == 1

    def order(
        self,
        name: str,
        side: str,
        kind: str,
        units: int,
        *,
        price: int = 0,
        trigger: int = 0,
        validity: str = "DAY",
        disclosed: int = 0,
    ) -> Order:
        """An order that is not on its way yet."""
        made = Order(name=name, side=side, kind=kind, quantity=units, prices=self.prices, price=price, trigger=trigger,
                     validity=validity, product=self._product, disclosed=disclosed, by_api=self._by_api,
                     tag=self._tag)  # fmt: skip
        self.orders.append(made)
        return made

    def minutes(self, least: int, most: int) -> int:
        return self.chance.randint(least * MINUTE, most * MINUTE)

    def before_a_price(self, name: str, ms: int) -> int:
        """A few seconds before the market moves a little: who copies an order of then pays another price."""
        points = self.prices.after(name, ms + 6 * SECOND, ms + 4 * MINUTE)
        if not points:
            return ms
        calmest = min(points, key=lambda point: abs(point.paise - self.prices.at(name, point.ms - 1)))
        return calmest.ms - self.chance.randint(3 * SECOND, 5 * SECOND)

    def after_a_price(self, name: str, ms: int) -> int:
        """A moment after which the market stands still for a while."""
        points = self.prices.after(name, ms)
        for point, following in itertools.pairwise(points):
            if following.ms - point.ms > 25 * SECOND:
                return point.ms + 2 * SECOND
        raise LookupError("the day is over")

    def market(self, ms: int, name: str, side: str, units: int, *, at_once: bool = False) -> Order:
        """A market order, traded in one piece or, when it is large, in several at worse and worse prices."""
        ms = ms if at_once else self.before_a_price(name, ms)
        made = self.order(name, side, MARKET, units).tell(ms, "Transit")
        lot = CONTRACTS[name].lot_size
        pieces = [units] if units < 6 * lot or self._product == DELIVERY else [units // lot // 2 * lot]
        pieces += [units - pieces[0]] if pieces[0] < units else []
        worse = -better(side, self.chance.randint(0, 1))
        if self.chance.randint(0, 2):
            made.tell(ms + 300, "Pending")
        for place, piece in enumerate(pieces):
            at = ms + 700 + 600 * place
            made.trade(at, piece, max(TICK, self.prices.at(name, at) + worse - better(side, place)))
        return made

    def meeting(self, ms: int, name: str, side: str, wait: int) -> Point:
        """Where the market comes to a limit order that is sent now, after it waited for a while."""
        return self.prices.turn(name, ms + 350, down=side == BUY, wait=wait, within=wait + 30 * MINUTE)[0]

    def met(
        self,
        ms: int,
        name: str,
        side: str,
        units: int,
        *,
        wait: int = MINUTE,
        pieces: Sequence[int] = (),
        disclosed: int = 0,
    ) -> Order:
        """A limit order to which the market comes. It trades at its limit, in these pieces."""
        point = self.meeting(ms, name, side, wait)
        made = self.order(name, side, LIMIT, units, price=point.paise, disclosed=disclosed).arrive(ms)
        for place, piece in enumerate(pieces or [units]):
            at = point.ms + place * 4 * SECOND
            if (self.prices.at(name, at) - made.price) * (1 if side == BUY else -1) > 0:
                raise LookupError(f"{name} has moved away")
            made.trade(at, piece, made.price)
        return made

    def stop(self, name: str, side: str, units: int, trigger: int) -> Order:
        """A stop that is not on its way yet; its limit lies two percent beyond the trigger."""
        room = max(4 * TICK, trigger // 50)
        limit = on_tick(trigger - room if side == SELL else trigger + room)
        if side == SELL and limit >= trigger:
            raise LookupError(f"{name} is too cheap for a stop")
        return self.order(name, side, STOP, units, price=limit, trigger=trigger)

    def fire(self, made: Order, point: Point) -> Order:
        """A price crosses the stop's trigger, within its limit."""
        if (made.price - point.paise) * (1 if made.side == BUY else -1) < 0:
            raise LookupError("the market jumped over the stop's limit")
        return made.tell(point.ms, "Triggered").trade(point.ms, made.quantity, point.paise)


def frame(made: Order, number: int, state: State) -> str:
    """The text of a frame, as the wire has it."""
    contract = CONTRACTS[made.name]
    exchange, segment = EXCHANGES[contract.exchange_segment]
    created, updated = _stamp(made.created), _stamp(state.ms)
    order_no = f"12{DAY:%y%m%d}{number:07d}"
    arrived = next((each.ms for each in made.states if each.at_exchange), 0)
    data: dict[str, object] = {
        "exchange": exchange,
        "segment": segment,
        "source": "P" if made.by_api else "N",
        "orderPlatform": "API" if made.by_api else "FAST",
        "securityId": contract.security_id,
        "clientId": CLIENT_ID,
        "exchOrderNo": f"1300000{number * 7919 % 10**9:09d}" if state.at_exchange else "0",
        "orderNo": order_no,
        "product": LETTERS[made.product],
        "txnType": made.side,
        "orderType": state.kind,
        "validity": made.validity,
        "discQuantity": made.disclosed,
        "discQtyRem": min(made.disclosed, state.remaining),
        "remainingQuantity": state.remaining,
        "quantity": state.quantity,
        "tradedQty": state.filled,
        "price": rupees(state.price),
        "triggerPrice": rupees(state.trigger),
        "tradedPrice": rupees(state.traded),
        "avgTradedPrice": state.average,
        "algoOrdNo": "0",
        "offMktFlag": "0",
        "orderDateTime": created,
        "exchOrderTime": _stamp(arrived) if state.at_exchange else NO_TIME,
        "lastUpdatedTime": updated,
        "remarks": "NR",
        "mktType": "NL",
        "reasonDescription": state.reason.replace("{order}", order_no),
        "legNo": 1,
        "instrument": contract.kind,
        "symbol": contract.symbol,
        "productName": made.product,
        "status": state.word,
        "lotSize": contract.lot_size,
        "strikePrice": float(contract.strike),
        "expiryDate": f"{contract.expiry} 14:30:00" if contract.expiry else "",
        "optType": contract.option_type,
        "displayName": contract.display_name,
        "isin": contract.isin,
        "series": contract.series,
        "goodTillDaysDate": f"{DAY}",
        "refLtp": rupees(state.last_price),
        "tickSize": float(contract.tick_size),
        "algoId": "0",
        "multiplier": contract.multiplier,
        "correlationId": made.tag,
    }
    return compact({"Type": "order_alert", "Data": data})


def _stamp(ms: int) -> str:
    return (OPENING + timedelta(milliseconds=ms)).strftime("%Y-%m-%d %H:%M:%S")


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
