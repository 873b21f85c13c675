"""Limits: would one entry take a follower beyond what the rules allow it? Exits pass all limits.

Everything is counted as if the follower's open copies had filled, in whichever way is worst: the position in an
instrument may end anywhere between all its open buys filled and none of its sells, and the other way round. So no
order in which fills arrive can break a limit that held when the orders were let go.

Each figure grows with the quantity of the entry or stays. A smaller entry therefore never breaks more, and the least
of what the broken limits allow breaks none.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from copyctl.core.exposure import Exposure, known, lots_of
from copyctl.model.order import ZERO
from copyctl.model.policy import Limits, Table
from copyctl.model.terms import Side

PAISA = Decimal("0.01")
OTHERS = "*"  # max_underlying_lots: every underlying that the table does not name
CAPITAL, PROFIT = "capital", "profit"
"""What else than a price a limit may lack."""

UNCOUNTED = "does not count here, or cannot be counted: a price or a figure of the account is not known"
"""What is said of a limit that has no figure for this entry."""
Figure = int | Decimal
_ByQuantity = Callable[[int], Figure | None]
"""A figure by the quantity of the entry; None: the entry leaves it as it is, or it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one follower has, and what it has done.

    ``exposures`` by instrument key. ``open_orders``: its copies that rest now, entries and exits, the order under check
    left out. ``placed_last_minute``, ``placed_today``: placements, today being an IST day. ``capital`` in rupees, and
    ``profit_today``, realised and unrealised of the whole account; None: not known.
    """

    exposures: Mapping[str, Exposure]
    open_orders: int
    placed_last_minute: int
    placed_today: int
    capital: Decimal | None
    profit_today: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The entry under check, as it would be placed or as it would be after its modification.

    ``quantity``: units still to trade, above 0. ``filled``: units of it that have traded, and so are in the position
    already; they count towards the size of the order. ``placing``: is it a new order? ``price``: rupees at which one
    unit is counted: its limit, or the last price where it has none; None, or not above 0: that of the exposure.
    """

    key: str
    side: Side
    quantity: int
    filled: int
    placing: bool
    price: Decimal | None
    multiplier: int
    lot_size: int
    underlying: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A limit that the entry would break; ``limit_<key>`` is the reason code.

    ``allowed``: the most units, in whole lots, with which the entry would not break this one; 0: none would do.
    """

    key: str
    detail: str
    allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A limit that cannot be checked, since a figure is not known: for ``checks.unavailable`` to decide.

    ``lacks``: ``CAPITAL``, ``PROFIT``, or the key of the instrument whose price is lacking.
    """

    key: str
    detail: str
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the limits say of one entry, in the order of the rules file: the first breach is the reason.

    ``allowed``: the most units, in whole lots, that break no limit; all of the entry where it breaks none.
    """

    breaches: tuple[Breach, ...]
    unchecked: tuple[Unchecked, ...]
    allowed: int


def check(limits: Limits, entry: Entry, standing: Standing) -> Verdict:
    """Every limit that the entry would break, those that cannot be checked, and the quantity that breaks none."""
    case = _case(entry, standing)
    breaches: list[Breach] = []
    unchecked: list[Unchecked] = []
    for key, limit, figure in _set(limits, case):
        value = figure(entry.quantity)
        if value is not None and _broken(key, value, limit):
            allowed = _most(key, figure, limit, entry)
            breaches.append(Breach(key=key, detail=_sentence(key, value, limit, entry.underlying), allowed=allowed))
        elif key in _NEEDED and (lacks := _NEEDED[key](case)):
            detail = f"{key} cannot be checked: {_LACKED.get(lacks, f'the price of {lacks} is not known')}"
            unchecked.append(Unchecked(key=key, detail=detail, lacks=lacks))
    allowed = min((breach.allowed for breach in breaches), default=entry.quantity)
    return Verdict(breaches=tuple(breaches), unchecked=tuple(unchecked), allowed=allowed)


def figures(limits: Limits, entry: Entry, standing: Standing) -> dict[str, str]:
    """Every limit that the rules set for this entry, with its figure and the limit in a sentence."""
    case, found = _case(entry, standing), {}
    for key, limit, figure in _set(limits, case):
        value = figure(entry.quantity)
        known = value is not None and not (key in _NEEDED and _NEEDED[key](case))
        found[key] = _sentence(key, value, limit, entry.underlying) if known and value is not None else UNCOUNTED
    return found


def _set(limits: Limits, case: "_Case") -> Iterator[tuple[str, Figure, _ByQuantity]]:
    """The limits that the rules set for an entry: each with what it is, and its figure."""
    for key, counted in _COUNTED.items():
        limit = limit_of(limits, key, case.entry.underlying)
        if limit is not None:
            yield key, limit, counted(case)


def any_of(limits: Limits) -> bool:
    """Is there any limit at all?"""
    return any(getattr(limits, key) is not None for key in _COUNTED)


def looks_at_positions(limits: Limits) -> bool:
    """Does any of them hang on what is held?"""
    return any(getattr(limits, key) is not None for key in _HELD)


def looks_at_others(limits: Limits) -> bool:
    """Does any of them hang on what is held in other instruments than the entry's?"""
    return any(getattr(limits, key) is not None for key in _HELD_ELSEWHERE)


def loss_reached(limits: Limits, profit_today: Decimal | None) -> str:
    """Why the kill switch trips: the day's loss has reached its limit. "" where it has not, or is not known.

    ``profit_today``: rupees, realised and unrealised of the whole account.
    """
    key, limit = "max_daily_loss", limits.max_daily_loss
    if limit is None or profit_today is None or not _broken(key, -profit_today, limit):
        return ""
    return _sentence(key, -profit_today, limit)


def day_ended(limits: Limits, profit_today: Decimal | None, placed_today: int) -> dict[str, str]:
    """The limits that let no entry pass any more today, with a sentence each; a day's loss is the kill switch's.

    ``profit_today``: rupees, realised and unrealised of the whole account; None: not known.
    """
    ended = {}
    profit, most = limits.max_daily_profit, limits.max_orders_per_day
    if profit is not None and profit_today is not None and _broken("max_daily_profit", profit_today, profit):
        ended["max_daily_profit"] = _sentence("max_daily_profit", profit_today, profit)
    if most is not None and placed_today >= most:
        ended["max_orders_per_day"] = f"{placed_today} orders are placed today, max_orders_per_day is {most}"
    return ended


def limit_of(limits: Limits, key: str, underlying: str) -> Figure | None:
    """What the rules say of an entry in this underlying ("": it has none); None: no limit."""
    limit: Figure | Table[str, int] | None = getattr(limits, key)
    if isinstance(limit, Table):
        return limit.get(underlying, limit.get(OTHERS)) if underlying else None
    return limit


def _broken(key: str, value: Figure, limit: Figure) -> bool:
    """An entry may reach a limit and not pass it; a day ends when its loss or profit, if any, has reached it."""
    return 0 < value >= limit if key in _ENDS_THE_DAY else value > limit


def _most(key: str, figure: _ByQuantity, limit: Figure, entry: Entry) -> int:
    """The most units in whole lots, not above the entry's, with which this figure does not break the limit."""

    def breaks(lots: int) -> bool:
        value = figure(lots * entry.lot_size)
        return value is not None and _broken(key, value, limit)

    return entry.lot_size * bisect_left(range(1, entry.quantity // entry.lot_size + 1), True, key=breaks)


def _sentence(key: str, value: Figure, limit: Figure, underlying: str = "") -> str:
    """The figure and the limit in plain English."""
    if isinstance(value, Decimal):
        value = value.quantize(PAISA, rounding=ROUND_UP)  # so that what is beyond a limit shows as more than it
    return f"{_TOLD[key].format(value=digits(value), underlying=underlying)}, {key} is {digits(limit)}"


def digits(value: Figure) -> str:
    """A number as people write it: no exponent, no zeros at the end."""
    return str(value) if isinstance(value, int) else f"{value.normalize():f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """An entry with what its figures are made of.

    ``ahead``: units held on the entry's side once its side's open entries have filled, the entry left out.
    ``behind``: units held on the other side once that side's have. ``order_unit``, ``position_unit``: rupees that one
    of quantity is worth, in the order and in the position; None: not known. ``unpriced``: is there a holding whose own
    price is not known, or no price at all? Then the value of the position may be more than it seems.
    """

    entry: Entry
    standing: Standing
    held: bool
    ahead: int
    behind: int
    order_unit: Decimal | None
    position_unit: Decimal | None
    unpriced: bool

    def worst(self, quantity: int) -> int:
        """Units held or owed at most, whichever of the open entries fill, with ``quantity`` of this one."""
        return max(self.ahead + quantity, self.behind)

    def value(self, quantity: int) -> Decimal:
        """What the position is worth at most, in rupees, as far as that is known."""
        return ZERO if self.position_unit is None else self.worst(quantity) * self.position_unit

    def others(self) -> Iterator[Exposure]:
        """The exposures in all instruments but the entry's."""
        return (one for key, one in self.standing.exposures.items() if key != self.entry.key)


def _case(entry: Entry, standing: Standing) -> _Case:
    """A position counts at the dearer of its own price and the entry's: a low limit makes no holding cheaper."""
    mine = standing.exposures.get(entry.key)
    own_price, held, ahead, behind = None, False, 0, 0
    if mine is not None:
        own_price, held = known(mine.price), mine.worst != 0
        long, short = mine.net + mine.open_buy, mine.open_sell - mine.net
        ahead, behind = (long, short) if entry.side is Side.BUY else (short, long)
    price = known(entry.price) or own_price
    dearest = max(price, own_price) if price and own_price else price
    return _Case(
        entry=entry,
        standing=standing,
        held=held,
        ahead=ahead,
        behind=behind,
        order_unit=price and price * entry.multiplier,
        position_unit=dearest and dearest * entry.multiplier,
        unpriced=price is None or (held and own_price is None),
    )


def _of_order(case: _Case) -> _ByQuantity:
    return lambda quantity: case.entry.filled + quantity


def _lots_of_order(case: _Case) -> _ByQuantity:
    return lambda quantity: lots_of(case.entry.filled + quantity, case.entry.lot_size)


def _value_of_order(case: _Case) -> _ByQuantity:
    unit = case.order_unit
    return lambda quantity: None if unit is None else (case.entry.filled + quantity) * unit


def _open_positions(case: _Case) -> _ByQuantity:
    after = None if case.held else 1 + sum(1 for one in case.others() if one.worst)
    return lambda _: after


def _gross_exposure(case: _Case) -> _ByQuantity:
    others = sum((one.value for one in case.others() if one.value is not None), ZERO)
    return lambda quantity: others + case.value(quantity)


def _underlying_lots(case: _Case) -> _ByQuantity:
    entry = case.entry
    others = sum(one.lots for one in case.others() if one.underlying == entry.underlying)
    return lambda quantity: others + lots_of(case.worst(quantity), entry.lot_size)


def _share_of_capital(case: _Case) -> _ByQuantity:
    if case.standing.capital is None:
        return lambda _: None
    capital = max(case.standing.capital, PAISA)  # no capital counts as the least there is, so that a share can be told
    return lambda quantity: 100 * case.value(quantity) / capital


def _one_more(count: Callable[[Standing], int]) -> Callable[[_Case], _ByQuantity]:
    """A count of orders, which a new one raises and a modification does not."""

    def figure(case: _Case) -> _ByQuantity:
        after = count(case.standing) + 1 if case.entry.placing else None
        return lambda _: after

    return figure


def _loss(case: _Case) -> _ByQuantity:
    profit = case.standing.profit_today
    return lambda _: None if profit is None else -profit


def _profit(case: _Case) -> _ByQuantity:
    return lambda _: case.standing.profit_today


def _lacks_order_price(case: _Case) -> str:
    return case.entry.key if case.order_unit is None else ""


def _lacks_position_price(case: _Case) -> str:
    return case.entry.key if case.unpriced else ""


def _lacks_any_price(case: _Case) -> str:
    unknown = (
        key for key, one in case.standing.exposures.items() if one.value is None and one.worst and key != case.entry.key
    )
    return _lacks_position_price(case) or next(unknown, "")


def _lacks_capital_or_price(case: _Case) -> str:
    return CAPITAL if case.standing.capital is None else _lacks_position_price(case)


def _lacks_profit(case: _Case) -> str:
    return PROFIT if case.standing.profit_today is None else ""


_COUNTED: dict[str, Callable[[_Case], _ByQuantity]] = {  # in the order of the rules file
    "max_order_quantity": _of_order,
    "max_order_lots": _lots_of_order,
    "max_order_value": _value_of_order,
    "max_open_orders": _one_more(lambda standing: standing.open_orders),
    "max_position_quantity": lambda case: case.worst,
    "max_position_value": lambda case: case.value,
    "max_open_positions": _open_positions,
    "max_gross_exposure": _gross_exposure,
    "max_underlying_lots": _underlying_lots,
    "max_concentration_pct": _share_of_capital,
    "max_orders_per_minute": _one_more(lambda standing: standing.placed_last_minute),
    "max_orders_per_day": _one_more(lambda standing: standing.placed_today),
    "max_daily_loss": _loss,
    "max_daily_profit": _profit,
}
_ENDS_THE_DAY = frozenset({"max_daily_loss", "max_daily_profit"})
_NEEDED: dict[str, Callable[[_Case], str]] = {  # what a limit lacks to be checked, "" for nothing
    "max_order_value": _lacks_order_price,
    "max_position_value": _lacks_position_price,
    "max_gross_exposure": _lacks_any_price,
    "max_concentration_pct": _lacks_capital_or_price,
    "max_daily_loss": _lacks_profit,
    "max_daily_profit": _lacks_profit,
}
_LACKED = {
    CAPITAL: "the follower's capital is not known",
    PROFIT: "the account's profit of today is not known",
}
_HELD_ELSEWHERE = ("max_open_positions", "max_gross_exposure", "max_underlying_lots")
_HELD = ("max_position_quantity", "max_position_value", "max_concentration_pct", *_HELD_ELSEWHERE)
_TOLD = {
    "max_order_quantity": "the order has {value} units",
    "max_order_lots": "the order has {value} lots",
    "max_order_value": "the order is worth {value} rupees",
    "max_open_orders": "with this one {value} orders would be open",
    "max_position_quantity": "with all open entries filled the position would be {value} units",
    "max_position_value": "with all open entries filled the position would be worth {value} rupees",
    "max_open_positions": "with all open entries filled {value} positions would be open",
    "max_gross_exposure": "with all open entries filled all positions would be worth {value} rupees",
    "max_underlying_lots": "with all open entries filled the positions in {underlying} would be {value} lots",
    "max_concentration_pct": "with all open entries filled the position would be worth {value} % of the capital",
    "max_orders_per_minute": "with this one {value} orders would be placed within a minute",
    "max_orders_per_day": "with this one {value} orders would be placed today",
    "max_daily_loss": "the account has lost {value} rupees today",
    "max_daily_profit": "the account has made {value} rupees today",
}
