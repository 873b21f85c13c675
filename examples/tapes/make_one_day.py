"""Make one-day.jsonl: a trading day of an invented leader, the same bytes every time.

    python examples/tapes/make_one_day.py [FILE]

Prices come first: index levels walk at random from the opening, the options follow their index, and shares walk by
themselves. Then the leader trades against prices that are known for the whole day: each line of DIARY is a small story
(an entry and its exit, a stop that is trailed, a ladder of limit orders), which starts at the first moment from its
time on at which the market allows it and the leader is not too busy. A limit order trades when a price line reaches it,
a stop triggers when one crosses it, a market order trades within a few ticks of the last one.

Times are milliseconds since the opening and prices are paise, both whole numbers, so that the tape is the same on every
machine. The instruments are the simulator's own: their contracts never expire there, however old the tape is.
"""

import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from random import Random

from copyctl.simulator.instruments import Instrument, opening_market

SEED = 14
CLIENT_ID = "1100000001"
DAY = date(2026, 7, 14)  # a Tuesday, on which that week's NIFTY options expire
OPENING = datetime(2026, 7, 14, 9, 15, tzinfo=timezone(timedelta(hours=5, minutes=30)))
SECOND = 1_000
MINUTE = 60 * SECOND
CLOSE = 375 * MINUTE  # 15:30
FLAT_BY = 365 * MINUTE  # 15:20, when a broker squares off what is still open
TICK = 5

SPEED = 800  # at which the demo plays it: WINDOW of the day in one real second
WINDOW = SPEED * SECOND
ORDERS_AT_MOST = 8  # in any WINDOW, but for the ladder
ACTIONS_AT_MOST = 10  # placements, modifications and cancels

BUY, SELL = "B", "S"
LIMIT, MARKET, STOP = "LMT", "MKT", "SL"
INTRADAY, DELIVERY, CARRY = "INTRADAY", "CNC", "MARGIN"
LETTERS = {INTRADAY: "I", DELIVERY: "C", CARRY: "M"}
EXCHANGES = {"NSE_EQ": ("NSE", "E"), "NSE_FNO": ("NSE", "D"), "BSE_FNO": ("BSE", "D")}

CONFIRMED, TRADED = "CONFIRMED", "TRADE CONFIRMED"
BY_LEADER = "CANCELLED BY USER"
BY_EXCHANGE = "EXCH:16388:The order is cancelled by the system"
NO_FUNDS = "RMS:{order}:You have insufficient funds. Please add Rs.{rupees} to trade."
OUTSIDE_BAND = "RMS:{order}:Rate Not Within Ckt Limit {low} To {high}"
NO_TIME = "0001-01-01 00:00:00"


# ---- what is traded --------------------------------------------------------------------------------------------------

_MARKET = opening_market(DAY)


def _listed(segment: str, security_id: int) -> Instrument:
    return _MARKET[(segment, str(security_id))]


def _last_day(security_id: int, strike: int, option_type: str, price: str) -> Instrument:
    """A NIFTY option that expires this very day."""
    word = "CALL" if option_type == "CE" else "PUT"
    return replace(
        _listed("NSE_FNO", 43210),
        security_id=str(security_id),
        display_name=f"NIFTY 14 JUL {strike} {word}",
        strike=Decimal(strike),
        option_type=option_type,
        expiry=DAY,
        last_price=Decimal(price),
    )


# Index, and how far a contract's price moves with it in percent.
OPTIONS: dict[str, tuple[str, int, Instrument]] = {
    "nifty 24500 ce": ("NIFTY", 50, _listed("NSE_FNO", 43210)),
    "nifty 24500 pe": ("NIFTY", -50, _listed("NSE_FNO", 43211)),
    "nifty 24600 ce": ("NIFTY", 38, _listed("NSE_FNO", 43212)),
    "nifty 24400 pe": ("NIFTY", -38, _listed("NSE_FNO", 43209)),
    "nifty 24500 ce next": ("NIFTY", 52, _listed("NSE_FNO", 43310)),
    "banknifty 54000 ce": ("BANKNIFTY", 50, _listed("NSE_FNO", 52210)),
    "banknifty 54000 pe": ("BANKNIFTY", -50, _listed("NSE_FNO", 52211)),
    "banknifty 54500 ce": ("BANKNIFTY", 36, _listed("NSE_FNO", 52212)),
    "banknifty 53500 pe": ("BANKNIFTY", -36, _listed("NSE_FNO", 52209)),
    "sensex 80000 ce": ("SENSEX", 50, _listed("BSE_FNO", 843210)),
    "sensex 80000 pe": ("SENSEX", -50, _listed("BSE_FNO", 843211)),
    "sensex 80500 ce": ("SENSEX", 36, _listed("BSE_FNO", 843212)),
    # The instrument master lists this one as expired, so a copier does not find it there.
    "nifty 24500 ce today": ("NIFTY", 45, _last_day(41206, 24500, "CE", "58.20")),
    "penny ce": ("NIFTY", 0, _last_day(41230, 24950, "CE", "1.75")),
    "penny pe": ("NIFTY", 0, _last_day(41231, 24050, "PE", "1.45")),
}
SHARES: dict[str, Instrument] = {
    "reliance": _listed("NSE_EQ", 2885),
    "tcs": _listed("NSE_EQ", 11536),
    "hdfcbank": _listed("NSE_EQ", 1333),
    "infy": _listed("NSE_EQ", 1594),
    "sbin": _listed("NSE_EQ", 3045),
    "icicibank": _listed("NSE_EQ", 4963),
}
CONTRACTS = {name: option[2] for name, option in OPTIONS.items()} | SHARES


# ---- prices ----------------------------------------------------------------------------------------------------------

STEP = 15 * SECOND  # of the walks
MOODS = (25, 10, -15, -30, 5, 20, -10, 15, 30, -20, -25, 10)  # paise a step, through the day


@dataclass(frozen=True, slots=True)
class Point:
    """The market trades at a price."""

    ms: int
    paise: int


class Prices:
    """The day's prices of every contract, known from the start."""

    def __init__(self, chance: Random) -> None:
        nifty = _walk(chance, 480, MOODS)
        self._levels = {
            "NIFTY": nifty,
            "BANKNIFTY": _sum(nifty, 17, 10, _walk(chance, 800)),
            "SENSEX": _sum(nifty, 32, 10, _walk(chance, 350)),
        }
        self.points = {name: self._option(chance, name) for name in OPTIONS}
        self.points |= {name: _share(chance, share) for name, share in SHARES.items()}

    def _option(self, chance: Random, name: str) -> list[Point]:
        index, delta, option = OPTIONS[name]
        opened = _paise(option.last_price)
        lost_by_evening = opened * (70 if option.expiry == DAY else 7) // 100
        every = 2 * MINUTE if option.expiry == DAY else 75 * SECOND
        wobble = 0
        found = []
        for ms in _moments(chance, every):
            wobble = wobble * 7 // 10 + chance.randint(-opened, opened) // 90
            away = self._levels[index][ms // STEP] * delta // 100
            found.append(Point(ms, _on_tick(opened + away + wobble - lost_by_evening * ms // CLOSE)))
        return _changes(found)

    def at(self, name: str, ms: int) -> int:
        """The last traded price."""
        points = self.points[name]
        place = bisect_right(points, ms, key=lambda point: point.ms)
        return points[place - 1].paise if place else _paise(CONTRACTS[name].last_price)

    def after(self, name: str, ms: int, until: int = CLOSE) -> list[Point]:
        """The price lines after one moment, up to another."""
        points = self.points[name]
        first = bisect_right(points, ms, key=lambda point: point.ms)
        return points[first : bisect_right(points, until, key=lambda point: point.ms)]

    def turn(self, name: str, ms: int, *, down: bool, wait: int, within: int, ticks: int = 3) -> tuple[Point, int]:
        """Where an order that rests from this moment can be met: the first new low (or high), `ticks` away at least,
        after `wait`; and a level that only this point crosses. Raises LookupError when there is none."""
        sign = -1 if down else 1
        furthest = self.at(name, ms)
        wanted = furthest + sign * ticks * TICK
        for point in self.after(name, ms, ms + within):
            if sign * (point.paise - furthest) > 0:
                if point.ms >= ms + wait and sign * (point.paise - wanted) >= 0:
                    halfway = (abs(point.paise - furthest) // TICK + 1) // 2
                    return point, furthest + sign * halfway * TICK
                furthest = point.paise
        raise LookupError(f"{name} does not turn after {_clock(ms)}")

    def beyond(self, name: str, ms: int, until: int, *, down: bool, ticks: int) -> int:
        """A price that is not reached from this moment until that one."""
        seen = [self.at(name, ms), *(point.paise for point in self.after(name, ms, until))]
        price = min(seen) - ticks * TICK if down else max(seen) + ticks * TICK
        if price <= TICK:
            raise LookupError(f"{name} is too cheap at {_clock(ms)}")
        return price


def _walk(chance: Random, reach: int, moods: Sequence[int] = (0,)) -> list[int]:
    """How far from the opening, step by step; it comes back in the end."""
    steps = CLOSE // STEP + 1
    away, path = 0, []
    for step in range(steps):
        path.append(away)
        mood = moods[step * len(moods) // steps]
        away += sum(chance.randint(-reach, reach) for _ in range(3)) + mood - away // 300
    return path


def _sum(path: Sequence[int], times: int, per: int, other: Sequence[int]) -> list[int]:
    return [one * times // per + another for one, another in zip(path, other, strict=True)]


def _share(chance: Random, share: Instrument) -> list[Point]:
    opened = _paise(share.last_price)
    path = _walk(chance, opened // 1500)
    return _changes([Point(ms, _on_tick(opened + path[ms // STEP])) for ms in _moments(chance, 150 * SECOND)])


def _moments(chance: Random, every: int) -> Iterator[int]:
    for start in range(0, CLOSE, every):
        yield min(CLOSE, start + chance.randint(every // 10, every * 8 // 10))


def _changes(points: Sequence[Point]) -> list[Point]:
    """Without those that repeat the last price."""
    return [point for place, point in enumerate(points) if not place or point.paise != points[place - 1].paise]


def _paise(rupees: Decimal) -> int:
    return int(rupees * 100)


def _rupees(paise: int) -> float:
    return round(paise / 100, 2)


def _on_tick(paise: int) -> int:
    return max(TICK, paise // TICK * TICK)


def _clock(ms: int) -> str:
    return (OPENING + timedelta(milliseconds=ms)).strftime("%H:%M:%S")


# ---- orders ----------------------------------------------------------------------------------------------------------


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


def _other(side: str) -> str:
    return SELL if side == BUY else BUY


def _better(side: str, ticks: int) -> int:
    """So many ticks that the market must come towards an order of this side."""
    return -ticks * TICK if side == BUY else ticks * TICK


# ---- stories ---------------------------------------------------------------------------------------------------------


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
        """A few seconds before the market moves: who copies an order of then pays another price."""
        following = [point.ms for point in self.prices.after(name, ms + 6 * SECOND)]
        if not following:
            raise LookupError("the day is over")
        return following[0] - self.chance.randint(3 * SECOND, 5 * SECOND)

    def after_a_price(self, name: str, ms: int) -> int:
        """A moment after which the market stands still for a while."""
        points = self.prices.after(name, ms)
        for point, following in zip(points, points[1:], strict=False):
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
        worse = -_better(side, self.chance.randint(0, 1))
        if self.chance.randint(0, 2):
            made.tell(ms + 300, "Pending")
        for place, piece in enumerate(pieces):
            price = max(TICK, self.prices.at(name, ms) + worse - _better(side, place))
            made.trade(ms + 700 + 600 * place, piece, price)
        return made

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
        point, _ = self.prices.turn(name, ms + 350, down=side == BUY, wait=wait, within=wait + 30 * MINUTE)
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
        limit = _on_tick(trigger - room if side == SELL else trigger + room)
        if side == SELL and limit >= trigger:
            raise LookupError(f"{name} is too cheap for a stop")
        return self.order(name, side, STOP, units, price=limit, trigger=trigger)

    def fire(self, made: Order, point: Point) -> Order:
        """A price crosses the stop's trigger, within its limit."""
        if (made.price - point.paise) * (1 if made.side == BUY else -1) < 0:
            raise LookupError("the market jumped over the stop's limit")
        return made.tell(point.ms, "Triggered").trade(point.ms, made.quantity, point.paise)


def scalp(story: Story, name: str, units: int, side: str) -> None:
    """In at the market, out at the market."""
    entry = story.market(story.ms, name, side, units)
    story.market(entry.done + story.minutes(4, 14), name, _other(side), units)


def swing(story: Story, name: str, units: int, side: str) -> None:
    """In and out by limit orders to which the market comes."""
    entry = story.met(story.ms, name, side, units)
    story.met(entry.done + 40 * SECOND, name, _other(side), units)


def target_hit(story: Story, name: str, units: int, side: str) -> None:
    """A stop and a target rest for one position; the target trades, and the stop is cancelled."""
    entry = story.market(story.ms, name, side, units)
    target = story.met(entry.done + 12 * SECOND, name, _other(side), units, wait=3 * MINUTE)
    placed = entry.done + 5 * SECOND
    trigger = story.prices.beyond(name, placed, target.done + MINUTE, down=side == BUY, ticks=8)
    story.stop(name, _other(side), units, trigger).arrive(placed).cancel(target.done + 4 * SECOND)


def stopped_out(story: Story, name: str, units: int, side: str) -> None:
    """A stop and a target rest for one position; the stop triggers and trades, and the target is cancelled."""
    entry = story.market(story.ms, name, side, units)
    placed = entry.done + 5 * SECOND
    point, level = story.prices.turn(name, placed + 350, down=side == BUY, wait=3 * MINUTE, within=30 * MINUTE, ticks=8)
    stop = story.fire(story.stop(name, _other(side), units, level).arrive(placed), point)
    price = story.prices.beyond(name, placed, stop.done + MINUTE, down=side == SELL, ticks=10)
    target = story.order(name, _other(side), LIMIT, units, price=price).arrive(placed + 6 * SECOND)
    target.cancel(stop.done + 5 * SECOND)


def trailed(story: Story, name: str, units: int, side: str) -> None:
    """A stop that follows the market three times before it triggers."""
    entry = story.market(story.ms, name, side, units)
    down, placed = side == BUY, entry.done + 5 * SECOND
    moves = [placed + number * 4 * MINUTE for number in range(4)]
    triggers = [
        story.prices.beyond(name, start, end + SECOND, down=down, ticks=4)
        for start, end in zip(moves, moves[1:], strict=False)
    ]
    point, level = story.prices.turn(name, moves[-1], down=down, wait=MINUTE, within=30 * MINUTE, ticks=6)
    triggers.append(level)
    if any((later - earlier) * (1 if down else -1) <= 0 for earlier, later in zip(triggers, triggers[1:], strict=False)):
        raise LookupError(f"{name} does not run far enough")
    stop = story.stop(name, _other(side), units, triggers[0]).arrive(placed)
    distance = stop.price - stop.trigger
    for ms, trigger in zip(moves[1:], triggers[1:], strict=True):
        stop.change(ms, trigger=trigger, price=trigger + distance)
    story.fire(stop, point)


def breakout(story: Story, name: str, units: int, side: str) -> None:
    """In by a stop order when the market breaks out, out at the market."""
    point, level = story.prices.turn(name, story.ms + 350, down=side == SELL, wait=2 * MINUTE, within=30 * MINUTE, ticks=8)
    entry = story.fire(story.stop(name, side, units, level).arrive(story.ms), point)
    story.market(entry.done + story.minutes(5, 12), name, _other(side), units)


def in_tranches(story: Story, name: str, units: int, side: str) -> None:
    """In by a limit order that takes three prices, out in two halves."""
    ms, lot = story.after_a_price(name, story.ms), CONTRACTS[name].lot_size
    last = story.prices.at(name, ms)
    entry = story.order(name, side, LIMIT, units, price=last - _better(side, 3)).arrive(ms)
    third = units // lot // 3 * lot
    for place, piece in enumerate((third, third, units - 2 * third)):
        entry.trade(ms + 900 + 2_500 * place, piece, last - _better(side, place))
    half = units // 2
    first = story.met(entry.done + 30 * SECOND, name, _other(side), half, pieces=[lot, half - lot])
    story.market(first.done + story.minutes(2, 6), name, _other(side), units - half)


def chased(story: Story, name: str, units: int, side: str) -> None:
    """A limit order that runs after the market and is turned into a market order in the end."""
    moves = [story.ms + number * 3 * MINUTE for number in range(3)]
    end = story.before_a_price(name, story.ms + 9 * MINUTE)
    limits = [
        story.prices.beyond(name, start, until + SECOND, down=side == BUY, ticks=3)
        for start, until in zip(moves, [*moves[1:], end], strict=True)
    ]
    if any((later - earlier) * _better(side, 1) >= 0 for earlier, later in zip(limits, limits[1:], strict=False)):
        raise LookupError(f"{name} does not run away")
    entry = story.order(name, side, LIMIT, units, price=limits[0]).arrive(moves[0])
    for ms, limit in zip(moves[1:], limits[1:], strict=True):
        entry.change(ms, price=limit)
    entry.change(end, kind=MARKET, price=0).trade(end + 600, units, story.prices.at(name, end) - _better(side, 1))
    story.market(entry.done + story.minutes(3, 8), name, _other(side), units)


def resized(story: Story, name: str, units: int, side: str) -> None:
    """A limit order for more, then for a little less, before the market comes."""
    entry = story.met(story.ms, name, side, units, wait=5 * MINUTE)
    met = entry.states.pop()
    entry.quantity, entry.filled, entry.value = units, 0, 0
    final = units * 3 // 2
    entry.change(story.ms + 90 * SECOND, quantity=units * 2)
    entry.change(story.ms + 200 * SECOND, quantity=final)
    entry.trade(met.ms, final, met.price)
    story.market(entry.done + story.minutes(3, 8), name, _other(side), final)


def nervous(story: Story, name: str, units: int, side: str) -> None:
    """A limit order whose price is changed five times within seconds."""
    entry = story.met(story.ms, name, side, units, wait=2 * MINUTE)
    met = entry.states.pop()
    entry.filled, entry.value = 0, 0
    entry.states.clear()
    entry.price = met.price + _better(side, 5)
    entry.arrive(story.ms)
    for number in range(1, 6):
        entry.change(story.ms + 2 * SECOND + number * 1_200, price=met.price + _better(side, 5 - number))
    entry.trade(met.ms, units, met.price)
    story.market(entry.done + story.minutes(3, 8), name, _other(side), units)


def abandoned(story: Story, name: str, units: int, side: str) -> None:
    """A limit order that the market does not reach."""
    end = story.ms + story.minutes(4, 9)
    price = story.prices.beyond(name, story.ms, end + SECOND, down=side == BUY, ticks=4)
    story.order(name, side, LIMIT, units, price=price).arrive(story.ms).cancel(end)


def cut_short(story: Story, name: str, units: int, side: str) -> None:
    """A limit order of which half trades before the rest is cancelled."""
    half = units // 2
    entry = story.met(story.ms, name, side, units, pieces=[half])
    entry.cancel(entry.done + 18 * SECOND)
    story.market(entry.done + story.minutes(3, 8), name, _other(side), half)


def at_once(story: Story, name: str, units: int, side: str) -> None:
    """In and out by IOC orders that trade at once."""
    ms = story.after_a_price(name, story.ms)
    for way in (side, _other(side)):
        price = story.prices.at(name, ms) - _better(way, 2)
        made = story.order(name, way, LIMIT, units, price=price, validity="IOC")
        made.tell(ms, "Transit").trade(ms + 500, units, story.prices.at(name, ms))
        ms = story.after_a_price(name, ms + story.minutes(4, 10))


def at_once_in_part(story: Story, name: str, units: int, side: str) -> None:
    """An IOC order of which half trades; the exchange cancels the rest."""
    ms, half = story.after_a_price(name, story.ms), units // 2
    price = story.prices.at(name, ms)
    entry = story.order(name, side, LIMIT, units, price=price, validity="IOC")
    entry.tell(ms, "Transit").trade(ms + 500, half, price).cancel(ms + 600, BY_EXCHANGE)
    story.market(entry.done + story.minutes(3, 8), name, _other(side), half)


def killed(story: Story, name: str, units: int, side: str) -> None:
    """An IOC order that finds nobody."""
    ms = story.after_a_price(name, story.ms)
    price = story.prices.at(name, ms) + _better(side, 6)
    made = story.order(name, side, LIMIT, units, price=price, validity="IOC")
    made.arrive(ms).cancel(ms + 500, BY_EXCHANGE)


def without_funds(story: Story, name: str, units: int, side: str) -> None:
    """Too large for the leader's money."""
    made = story.order(name, side, MARKET, units).tell(story.ms, "Transit")
    rupees = f"{story.prices.at(name, story.ms) * units // 3 // 100}.50"
    made.tell(story.ms + 400, "Rejected", NO_FUNDS.replace("{rupees}", rupees))


def outside_the_band(story: Story, name: str, units: int, side: str) -> None:
    """A limit where the exchange takes no orders today."""
    last = story.prices.at(name, story.ms)
    price = last * 3 if side == BUY else TICK
    low, high = _on_tick(last // 10), _on_tick(last * 12 // 5)
    made = story.order(name, side, LIMIT, units, price=price).tell(story.ms, "Transit")
    band = OUTSIDE_BAND.replace("{low}", f"{_rupees(low):.2f}").replace("{high}", f"{_rupees(high):.2f}")
    made.tell(story.ms + 400, "Rejected", band)


def kept(story: Story, name: str, units: int, side: str) -> None:
    """Bought to be held over night."""
    story.met(story.ms, name, side, units)


def iceberg(story: Story, name: str, units: int, side: str) -> None:
    """Shares of which the exchange shows a fifth."""
    story.met(story.ms, name, side, units, disclosed=units // 5, pieces=[units // 4, units // 4, units // 2])


def spread(story: Story, name: str, units: int, side: str) -> None:
    """The contract sold and a cheaper one bought against it, closed again in the same way."""
    hedge = {"nifty 24500 ce": "nifty 24600 ce", "nifty 24500 pe": "nifty 24400 pe"}[name]
    bought = story.market(story.ms, hedge, _other(side), units)
    sold = story.market(bought.done + 200, name, side, units, at_once=True)
    back = story.market(sold.done + story.minutes(12, 25), name, _other(side), units)
    story.market(back.done + 400, hedge, side, units, at_once=True)


def ladder(story: Story, name: str, units: int, side: str) -> None:
    """Ten limit orders in a few seconds on three contracts; what has not traded is cancelled in one go."""
    until, ms = story.ms + 25 * MINUTE, story.ms
    exits: list[tuple[str, int]] = []
    rungs = {name: 4, "nifty 24500 pe": 3, "sensex 80000 ce": 3}
    for contract, count in rungs.items():
        lot = CONTRACTS[contract].lot_size
        last, held = story.prices.at(contract, ms), 0
        for rung in range(count):
            price = _on_tick(last + _better(side, 1) * (4 + 14 * rung))
            made = story.order(contract, side, LIMIT, units * lot, price=price)
            made.in_burst = True
            made.arrive(ms)
            way = 1 if side == BUY else -1
            points = story.prices.after(contract, ms + 350, until)
            reached = [point for point in points if (point.paise - price) * way <= 0]
            if reached:
                held += made.trade(reached[0].ms, made.quantity, price).quantity
            ms += 4 * SECOND
        if held:
            exits.append((contract, held))
    resting = [made for made in story.orders if made.filled < made.quantity]
    if len(resting) < 3 or len(exits) < 2:
        raise LookupError("the ladder is filled, or not touched")
    for number, made in enumerate(resting):
        made.cancel(until + number * 2 * SECOND)
    for number, (contract, held) in enumerate(exits):
        story.market(until + (number + 1) * 3 * MINUTE, contract, _other(side), held)


def outage(story: Story, name: str, units: int, side: str) -> None:
    """The leader's stream is down for some minutes; he trades on. Everything here is then known from his books alone."""
    prices, start = story.prices, story.ms
    to_fill = story.met(start, "sensex 80000 ce", BUY, units * 20, wait=6 * MINUTE)
    down = to_fill.done - 3 * MINUTE
    up = down + 7 * MINUTE
    story.outages.append((down, up))
    # Before it: an order to be changed, one to be cancelled, a position to be closed meanwhile.
    change_at = down + MINUTE
    point, _ = prices.turn(name, change_at, down=True, wait=up - change_at + 3 * MINUTE, within=40 * MINUTE)
    before = prices.beyond(name, start, change_at + SECOND, down=True, ticks=6)
    changed = story.order(name, BUY, LIMIT, units * 65, price=before).arrive(start + 20 * SECOND)
    changed.change(change_at, price=point.paise).trade(point.ms, units * 65, point.paise)
    dropped_at = down + 95 * SECOND
    price = prices.beyond("nifty 24400 pe", start, dropped_at + SECOND, down=True, ticks=4)
    dropped = story.order("nifty 24400 pe", BUY, LIMIT, units * 65, price=price)
    dropped.arrive(start + 35 * SECOND).cancel(dropped_at)
    held = story.market(start + 50 * SECOND, "nifty 24500 pe", BUY, units * 65)
    if held.done > down:
        raise LookupError("the stream is down already")
    story.market(down + 50 * SECOND, "nifty 24500 pe", SELL, units * 65)
    # During it: one traded, one cancelled again, one that rests until later.
    bought = story.market(down + 2 * MINUTE, "banknifty 54000 ce", BUY, units * 30)
    fleeting_until = down + 4 * MINUTE
    price = prices.beyond("sensex 80000 pe", down, fleeting_until + SECOND, down=True, ticks=5)
    fleeting = story.order("sensex 80000 pe", BUY, LIMIT, units * 20, price=price)
    fleeting.arrive(down + 150 * SECOND).cancel(fleeting_until)
    late = story.met(down + 270 * SECOND, "nifty 24600 ce", BUY, units * 65, wait=up - down)
    if bought.done > up or any(made.done > up for made in (to_fill, dropped, fleeting)):
        raise LookupError("the stream is up already")
    # Afterwards everything is closed.
    for number, made in enumerate((to_fill, bought, late, changed)):
        story.market(max(made.done, up) + (number + 5) * MINUTE, made.name, SELL, made.quantity)


# ---- the day ---------------------------------------------------------------------------------------------------------

Tell = Callable[[Story, str, int, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the diary: from when on, which story, of what, how many lots (or shares), which way."""

    clock: str
    tell: Tell
    name: str
    lots: int
    side: str = BUY
    product: str = INTRADAY
    tag: str = ""

    @property
    def earliest(self) -> int:
        hour, minute = self.clock.split(":")
        return (int(hour) * 60 + int(minute) - 9 * 60 - 15) * MINUTE


# These come first, wherever they stand in the day: everything else is fitted around them.
FIXED = (
    Entry("11:58", outage, "nifty 24500 ce", 4),
    Entry("14:05", ladder, "nifty 24500 ce", 4),
)
DIARY = (
    Entry("09:15", scalp, "nifty 24500 ce", 4),
    Entry("09:16", breakout, "banknifty 54000 ce", 4),
    Entry("09:18", kept, "reliance", 100, product=DELIVERY),
    Entry("09:20", in_tranches, "nifty 24500 pe", 8),
    Entry("09:22", at_once, "sensex 80000 ce", 4),
    Entry("09:26", abandoned, "nifty 24600 ce", 4),
    Entry("09:30", target_hit, "banknifty 54000 pe", 8),
    Entry("09:33", scalp, "penny ce", 20),
    Entry("09:36", swing, "nifty 24400 pe", 4),
    Entry("09:42", without_funds, "banknifty 53500 pe", 18, SELL),
    Entry("09:44", stopped_out, "nifty 24500 ce", 4),
    Entry("09:48", killed, "sensex 80500 ce", 4),
    Entry("09:50", abandoned, "sbin", 150, product=DELIVERY),
    Entry("09:52", scalp, "nifty 24600 ce", 2, tag="breadth-02"),
    Entry("09:55", resized, "sensex 80000 pe", 4),
    Entry("10:00", scalp, "hdfcbank", 200),
    Entry("10:04", chased, "nifty 24400 pe", 4),
    Entry("10:08", trailed, "nifty 24500 pe", 4),
    Entry("10:12", scalp, "nifty 24500 ce today", 4),
    Entry("10:15", cut_short, "banknifty 54500 ce", 8),
    Entry("10:20", spread, "nifty 24500 ce", 4, SELL),
    Entry("10:24", outside_the_band, "sensex 80500 ce", 4),
    Entry("10:26", iceberg, "sbin", 200, product=DELIVERY),
    Entry("10:28", scalp, "nifty 24500 ce next", 2, product=CARRY),
    Entry("10:30", at_once_in_part, "sensex 80000 ce", 8),
    Entry("10:36", nervous, "nifty 24400 pe", 4),
    Entry("10:40", scalp, "banknifty 53500 pe", 4, tag="meanrev-11"),
    Entry("10:50", scalp, "nifty 24600 ce", 4),
    Entry("10:58", swing, "sensex 80000 pe", 4),
    Entry("11:02", scalp, "nifty 24500 pe", 1),
    Entry("11:10", abandoned, "sensex 80000 ce", 8),
    Entry("11:16", in_tranches, "banknifty 54000 ce", 8),
    Entry("11:20", scalp, "penny pe", 16),
    Entry("11:24", abandoned, "infy", 100, product=DELIVERY),
    Entry("11:26", kept, "nifty 24500 ce next", 4, product=CARRY),
    Entry("11:30", killed, "banknifty 54500 ce", 4, SELL),
    Entry("11:32", stopped_out, "banknifty 54000 pe", 4),
    Entry("11:36", scalp, "banknifty 53500 pe", 8),
    Entry("11:40", target_hit, "sensex 80500 ce", 4, SELL),
    Entry("11:46", abandoned, "nifty 24600 ce", 4),
    Entry("11:48", swing, "banknifty 54000 pe", 4),
    Entry("12:00", kept, "icicibank", 80, product=DELIVERY),
    Entry("12:04", cut_short, "nifty 24600 ce", 8),
    Entry("12:06", scalp, "banknifty 54000 pe", 8),
    Entry("12:08", scalp, "sensex 80500 ce", 4, SELL),
    Entry("12:10", at_once, "banknifty 54500 ce", 4),
    Entry("12:20", breakout, "nifty 24600 ce", 4),
    Entry("12:36", at_once, "nifty 24400 pe", 4),
    Entry("12:52", swing, "banknifty 53500 pe", 4),
    Entry("12:54", target_hit, "nifty 24500 ce", 8),
    Entry("12:57", scalp, "sensex 80500 ce", 2),
    Entry("13:00", trailed, "banknifty 54000 pe", 4),
    Entry("13:02", resized, "nifty 24400 pe", 4),
    Entry("13:06", without_funds, "nifty 24500 ce next", 26, SELL),
    Entry("13:10", swing, "sensex 80000 ce", 4),
    Entry("13:14", spread, "nifty 24500 pe", 4, SELL),
    Entry("13:18", chased, "banknifty 54500 ce", 4),
    Entry("13:22", abandoned, "nifty 24500 ce", 4, SELL),
    Entry("13:26", in_tranches, "sensex 80000 pe", 8),
    Entry("13:32", scalp, "nifty 24500 ce next", 2, product=CARRY),
    Entry("13:40", abandoned, "banknifty 54500 ce", 4),
    Entry("13:42", scalp, "tcs", 50),
    Entry("13:44", nervous, "banknifty 53500 pe", 4),
    Entry("13:48", kept, "tcs", 40, product=DELIVERY),
    Entry("13:50", stopped_out, "nifty 24600 ce", 4, SELL),
    Entry("13:54", swing, "banknifty 54000 ce", 4),
    Entry("13:56", at_once, "sensex 80500 ce", 4),
    Entry("13:58", killed, "nifty 24600 ce", 4),
    Entry("14:20", scalp, "penny ce", 24),
    Entry("14:22", kept, "hdfcbank", 120, product=DELIVERY),
    Entry("14:24", scalp, "infy", 150),
    Entry("14:34", outside_the_band, "reliance", 100, SELL, product=DELIVERY),
    Entry("14:36", scalp, "nifty 24500 ce", 4, tag="closing-04"),
    Entry("14:40", cut_short, "sensex 80000 pe", 8),
    Entry("14:44", breakout, "nifty 24500 pe", 4),
    Entry("14:52", scalp, "sensex 80000 ce", 8),
    Entry("15:00", scalp, "nifty 24400 pe", 4),
    Entry("15:06", killed, "nifty 24500 pe", 4),
)


class Day:
    """What the leader did, story by story."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.orders: list[Order] = []
        self.outages: list[tuple[int, int]] = []

    def live(self, entry: Entry, number: int) -> None:
        """Let a story happen as soon as it can."""
        units = entry.lots if entry.tell in {ladder, outage} else entry.lots * CONTRACTS[entry.name].lot_size
        for ms in range(entry.earliest, FLAT_BY, 15 * SECOND):
            chance = Random(f"{SEED}/{number}")  # noqa: S311 - repeatable on purpose, guards nothing
            story = Story(self.prices, chance, ms + chance.randint(0, 14_000), entry.product, entry.tag)
            try:
                entry.tell(story, entry.name, units, entry.side)
            except LookupError:
                continue
            if self._has_room(story):
                self.orders += story.orders
                self.outages += story.outages
                return
        raise SystemExit(f"there is no room in the day for {entry}")

    def _has_room(self, story: Story) -> bool:
        if any(made.done > FLAT_BY for made in story.orders):
            return False
        if any(_clash(made, other) for made in story.orders for other in self.orders):
            return False
        together = [*self.orders, *story.orders]
        return (
            _busiest(sorted(made.created for made in together if not made.in_burst)) <= ORDERS_AT_MOST
            and _busiest(sorted(ms for made in together if not made.in_burst for ms in made.actions)) <= ACTIONS_AT_MOST
            and not any(self._in_burst(made.created) for made in story.orders if not made.in_burst)
        )

    def _in_burst(self, ms: int) -> bool:
        """Is the leader busy with his ladder then?"""
        return any(abs(ms - made.created) < WINDOW // 2 for made in self.orders if made.in_burst)


def _clash(made: Order, other: Order) -> bool:
    """Two stories of one contract and product do not overlap."""
    return (made.name, made.product) == (other.name, other.product) and not (
        made.created > other.done or made.done < other.created
    )


def _busiest(moments: Sequence[int]) -> int:
    """The most of these moments within one WINDOW."""
    return max(
        (place + 1 - bisect_left(moments, ms - WINDOW + 1) for place, ms in enumerate(moments)),
        default=0,
    )


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
        "price": _rupees(state.price),
        "triggerPrice": _rupees(state.trigger),
        "tradedPrice": _rupees(state.traded),
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
        "refLtp": _rupees(state.last_price),
        "tickSize": float(contract.tick_size),
        "algoId": "0",
        "multiplier": contract.multiplier,
        "correlationId": made.tag,
    }
    return _compact({"Type": "order_alert", "Data": data})


def lines(day: Day) -> Iterator[str]:
    """The tape: what happens at one moment in the order in which it is told, frames before the price."""
    header = {"tape": 1, "client_id": CLIENT_ID, "started_at": OPENING.isoformat()}
    events: list[tuple[int, int, int, dict[str, object]]] = []
    for down, up in day.outages:
        events += [(down, 0, 0, {"stream": "down"}), (up, 0, 0, {"stream": "up"})]
    for number, made in enumerate(sorted(day.orders, key=lambda each: each.created), start=1):
        events += [(each.ms, 1, number, {"frame": frame(made, number, each)}) for each in made.states]
    for name, points in day.prices.points.items():
        contract = CONTRACTS[name]
        key = {"exchange_segment": contract.exchange_segment, "security_id": contract.security_id}
        events += [(each.ms, 2, 0, {"price": {**key, "last_price": _rupees(each.paise)}}) for each in points]
    yield _compact(header)
    for ms, _, _, what in sorted(events, key=lambda event: event[:3]):
        at = (OPENING + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
        yield _compact({"at": at, **what})


def _stamp(ms: int) -> str:
    return (OPENING + timedelta(milliseconds=ms)).strftime("%Y-%m-%d %H:%M:%S")


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(path: Path) -> None:
    """Write the tape."""
    day = Day(Prices(Random(SEED)))  # noqa: S311 - repeatable on purpose, guards nothing
    for number, entry in enumerate((*FIXED, *DIARY)):
        day.live(entry, number)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines(day))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("one-day.jsonl"))
