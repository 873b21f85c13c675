"""What the tape's leader can trade, and the prices of the day: all of it known before he trades.

Index levels walk at random from the opening, the options follow their index, and shares walk by themselves. Times are
milliseconds since the opening and prices are paise, both whole numbers, so that they are the same on every machine.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random

from copyctl.simulator.instruments import Instrument, opening_market

DAY = date(2026, 7, 14)  # a Tuesday, on which that week's NIFTY options expire
FAR = date(2030, 12, 31)
OPENING = datetime(2026, 7, 14, 9, 15, tzinfo=timezone(timedelta(hours=5, minutes=30)))
SECOND = 1_000
MINUTE = 60 * SECOND
CLOSE = 375 * MINUTE  # 15:30
TICK = 5

_MARKET = opening_market(DAY)


def _listed(segment: str, security_id: int) -> Instrument:
    return _MARKET[(segment, str(security_id))]


def _nifty(security_id: int, expiry: date, strike: int, option_type: str, price: str) -> Instrument:
    """A NIFTY option that the simulator does not list."""
    word = "CALL" if option_type == "CE" else "PUT"
    return replace(
        _listed("NSE_FNO", 43210),
        security_id=str(security_id),
        display_name=f"NIFTY {expiry:%d %b} {strike} {word}".upper(),
        strike=Decimal(strike),
        option_type=option_type,
        expiry=expiry,
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
    # The simulator lists this id as expired last week: a copier does not find it in the instrument master.
    "nifty 24500 ce today": ("NIFTY", 45, _nifty(41206, DAY, 24500, "CE", "58.20")),
    # Nearly worthless, and years from their end, so that they are listed whenever the tape is played.
    "penny ce": ("NIFTY", 0, _nifty(41230, FAR, 60000, "CE", "1.75")),
    "penny pe": ("NIFTY", 0, _nifty(41231, FAR, 9000, "PE", "1.45")),
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


STEP = 15 * SECOND  # of the walks
MOODS = (20, 10, -15, -25, 5, 20, -10, 15, 25, -20, -20, 10)  # paise a step, through the day


@dataclass(frozen=True, slots=True)
class Point:
    """The market trades at a price."""

    ms: int
    paise: int


class Prices:
    """The day's prices of every contract, known from the start."""

    def __init__(self, chance: Random) -> None:
        nifty = _walk(chance, 260, MOODS)
        self._levels = {
            "NIFTY": nifty,
            "BANKNIFTY": _sum(nifty, 17, 10, _walk(chance, 430)),
            "SENSEX": _sum(nifty, 32, 10, _walk(chance, 240)),
        }
        self.points = {name: self._option(chance, name) for name in OPTIONS}
        self.points |= {name: _share(chance, share) for name, share in SHARES.items()}

    def _option(self, chance: Random, name: str) -> list[Point]:
        index, delta, option = OPTIONS[name]
        opened = _paise(option.last_price)
        lost_by_evening = opened * (70 if option.expiry == DAY else 7) // 100
        every = 55 * SECOND if opened > 1000 else 2 * MINUTE
        wobble = 0
        found = [Point(0, opened)]
        for ms in _moments(chance, every):
            wobble = wobble * 7 // 10 + chance.randint(-opened, opened) // 120
            away = self._levels[index][ms // STEP] * delta // 100
            found.append(Point(ms, on_tick(opened + away + wobble - lost_by_evening * ms // CLOSE)))
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
        raise LookupError(f"{name} does not turn after {clock_of(ms)}")

    def beyond(self, name: str, ms: int, until: int, *, down: bool, ticks: int) -> int:
        """A price that is not reached from this moment until that one."""
        seen = [self.at(name, ms), *(point.paise for point in self.after(name, ms, until))]
        price = min(seen) - ticks * TICK if down else max(seen) + ticks * TICK
        if price <= TICK:
            raise LookupError(f"{name} is too cheap at {clock_of(ms)}")
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
    path = _walk(chance, opened // 2500)
    found = [Point(ms, on_tick(opened + path[ms // STEP])) for ms in _moments(chance, 100 * SECOND)]
    return _changes([Point(0, opened), *found])


def _moments(chance: Random, every: int) -> Iterator[int]:
    for start in range(0, CLOSE, every):
        yield min(CLOSE, start + chance.randint(every // 10, every * 8 // 10))


def _changes(points: Sequence[Point]) -> list[Point]:
    """Without those that repeat the last price."""
    return [point for place, point in enumerate(points) if not place or point.paise != points[place - 1].paise]


def _paise(price: Decimal) -> int:
    return int(price * 100)


def rupees(paise: int) -> float:
    return round(paise / 100, 2)


def on_tick(paise: int) -> int:
    return max(TICK, paise // TICK * TICK)


def clock_of(ms: int) -> str:
    return (OPENING + timedelta(milliseconds=ms)).strftime("%H:%M:%S")
