"""Sizing: how many units a follower trades for so many of the leader's. Lots live only here.

``fix`` turns the policy's sizing and the figures of the moment into the numbers that a copy keeps; ``size`` is q(x)
by those numbers, for whatever quantity the leader's order has by then; ``left_over`` is what rounding took of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from functools import partial
from typing import TypeVar

from copyctl.model.choices import Basis, Residual, Rounding, Strategy
from copyctl.model.copying import Capital, Risk, Sizing
from copyctl.model.order import ZERO
from copyctl.model.records import FixedSizing
from copyctl.model.terms import Side

_MODES = {Rounding.DOWN: ROUND_FLOOR, Rounding.NEAREST: ROUND_HALF_UP, Rounding.UP: ROUND_CEILING}
# A quotient such as 3333.33 / 9999.99 has no end and is kept to 28 digits: 300 times it is a hair less than 100, and
# rounding down would take a unit. So units are first brought to a millionth, which is what ``detail`` shows as well.
_MILLIONTH = Decimal("0.000001")
_WIDE = Context(prec=60)  # room for a millionth beside the largest number that a frame may hold
_SHORT = Context(prec=12)  # digits of a ratio that are shown

_T = TypeVar("_T")
_Make = Callable[..., FixedSizing]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingFacts:
    """The figures of the moment that a sizing may hang on; None: not known.

    Capitals in rupees, already those that ``capital.basis`` names. ``price``: the order's reference price, ``stop``:
    the trigger of the leader's own stop in this instrument, both in rupees. ``side`` is the order's: a stop counts
    only on the losing side of the price, and without a side not at all. ``multiplier``: units in one of quantity.
    ``carried``: units that rounding took from earlier entries, signed.
    """

    leader_capital: Decimal | None = None
    follower_capital: Decimal | None = None
    price: Decimal | None = None
    stop: Decimal | None = None
    side: Side | None = None
    multiplier: int = 1
    option_bought: bool = False
    carried: Decimal = ZERO


NO_FACTS = SizingFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsized:
    """Why the numbers of a sizing cannot be had: the figure that is missing, or makes no sense."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A quantity in units, the arithmetic behind it, and whether ``minimum_lots`` raised it."""

    quantity: int
    detail: str
    raised: bool = False


# ---- what must be known ---------------------------------------------------------------------------------------------


def needs_capital(sizing: Sizing) -> bool:
    """Does it hang on the follower's capital as the broker tells it? ``capital_proportional`` then needs the leader's
    too."""
    if sizing.strategy is Strategy.CAPITAL_PROPORTIONAL:
        return sizing.capital is None or sizing.capital.basis is not Basis.FIXED
    return sizing.strategy is Strategy.RISK_BASED and _stated_capital(sizing.capital) is None


def needs_price(sizing: Sizing) -> bool:
    """Does it hang on the order's reference price?"""
    return sizing.strategy in (Strategy.RISK_BASED, Strategy.FIXED_VALUE)


# ---- once, at the first decision ------------------------------------------------------------------------------------


def fix(sizing: Sizing, rule: str | None, lot_size: int, facts: SizingFacts = NO_FACTS) -> FixedSizing | Unsized:
    """The numbers of a sizing that a copy keeps for good, or which figure is missing for them.

    Raises:
        ValueError: the sizing lacks its strategy's own key, which no checked rules file does.
    """
    make = partial(
        FixedSizing,
        rule=rule,
        lot_size=lot_size,
        rounding=sizing.rounding,
        minimum_lots=sizing.minimum_lots,
        maximum_lots=sizing.maximum_lots,
        carried=facts.carried if sizing.residual is Residual.CARRY else ZERO,
    )
    match sizing.strategy:
        case Strategy.FIXED_RATIO:
            return make(ratio=_own(sizing.ratio, "ratio"))
        case Strategy.FIXED_LOTS:
            return make(lots=_own(sizing.lots, "lots"))
        case Strategy.FIXED_QUANTITY:
            return make(quantity=_own(sizing.quantity, "quantity"))
        case Strategy.FIXED_VALUE:
            return _by_value(make, _own(sizing.value, "value"), facts)
        case Strategy.CAPITAL_PROPORTIONAL:
            return _by_capital(make, _own(sizing.capital, "capital"), facts)
        case Strategy.RISK_BASED:
            return _by_risk(make, _own(sizing.risk, "risk"), _stated_capital(sizing.capital), facts)


def _own(figure: _T | None, key: str) -> _T:
    if figure is None:
        raise ValueError(f"sizing.{key} is missing for its strategy")
    return figure


def _stated_capital(capital: Capital | None) -> Decimal | None:
    """The follower's capital in rupees where the rules file says it, which then counts for his risk as well."""
    return capital.follower if capital is not None and capital.basis is Basis.FIXED else None


def _by_capital(make: _Make, capital: Capital, facts: SizingFacts) -> FixedSizing | Unsized:
    """The ratio of the two capitals."""
    leader, follower = facts.leader_capital, facts.follower_capital
    if capital.basis is Basis.FIXED:
        leader, follower = capital.leader, capital.follower
    if leader is None:
        return Unsized(detail="the leader's capital is not known, so there is no ratio of the capitals")
    if leader <= 0:
        return Unsized(detail=f"the leader's capital of {_plain(leader)} is not above zero, so there is no ratio to it")
    if follower is None:
        return Unsized(detail="the follower's capital is not known, so there is no ratio of the capitals")
    if follower <= 0:
        return make(ratio=ZERO, basis=f"the follower's capital of {_plain(follower)} is not above zero: ratio 0")
    ratio = follower * capital.multiplier / leader
    basis = f"capital {_plain(follower)} / {_plain(leader)} x {_plain(capital.multiplier)} = ratio {_short(ratio)}"
    most = capital.maximum_ratio
    if most is not None and ratio > most:
        return make(ratio=most, basis=f"{basis}, at most {_short(most)}")
    return make(ratio=ratio, basis=basis)


def _by_value(make: _Make, value: Decimal, facts: SizingFacts) -> FixedSizing | Unsized:
    """As many units as ``value`` rupees buy."""
    if facts.price is None:
        return Unsized(detail=f"no price is known to turn a value of {_plain(value)} into units")
    each = facts.price * facts.multiplier
    cost = _plain(facts.price) + _times(facts.multiplier)
    if each <= 0:
        return Unsized(detail=f"one costs {cost}, which is not above zero, so no value can be turned into units")
    units = value / each
    divisor = cost if facts.multiplier == 1 else f"({cost})"
    return make(units=units, basis=f"{_plain(value)} / {divisor} = {_units(units)} units")


def _by_risk(make: _Make, risk: Risk, stated: Decimal | None, facts: SizingFacts) -> FixedSizing | Unsized:
    """As many units as lose ``per_trade_pct`` percent of the follower's capital when the trade goes wrong."""
    capital = facts.follower_capital if stated is None else stated
    if capital is None:
        return Unsized(detail="the follower's capital is not known, so there is no amount to risk")
    if facts.price is None or facts.price <= 0:
        return Unsized(detail="no price is known, so there is no loss per unit to size the risk by")
    if capital <= 0:
        return make(units=ZERO, basis=f"the follower's capital of {_plain(capital)} is not above zero: 0 units")
    each, told = _loss(risk, facts.price, facts)
    if each <= 0:
        return Unsized(detail=f"the loss per unit is {told} = {_plain(each)}: no quantity loses anything")
    amount = capital * risk.per_trade_pct / 100
    units = amount / each
    at_risk = f"risk {_plain(risk.per_trade_pct)} % of {_plain(capital)} = {_plain(amount)}"
    return make(units=units, basis=f"{at_risk} / {_plain(each)} a unit ({told}) = {_units(units)} units")


def _loss(risk: Risk, price: Decimal, facts: SizingFacts) -> tuple[Decimal, str]:
    """What one of quantity loses, in rupees, and how that is reckoned."""
    stop = _losing_stop(price, facts)
    times = _times(facts.multiplier)
    if stop is not None:
        low, high = sorted((price, stop))
        told = f"{_plain(high)} - {_plain(low)}"
        return (high - low) * facts.multiplier, f"{f'({told})' if times else told}{times} to the leader's stop"
    distance, told = price * risk.stop_pct / 100, f"{_plain(risk.stop_pct)} % of {_plain(price)}"
    if facts.option_bought and distance == price:
        told = f"the whole premium of {_plain(price)}"
    return distance * facts.multiplier, told + times


def _losing_stop(price: Decimal, facts: SizingFacts) -> Decimal | None:
    """The leader's stop where the trade loses. One on the other side takes a profit and says nothing of the risk."""
    stop = facts.stop
    if stop is None or stop <= 0 or facts.side is None:
        return None
    losing = stop < price if facts.side is Side.BUY else stop > price
    return stop if losing else None


# ---- as often as the leader's quantity changes ----------------------------------------------------------------------


def as_placed(sizing: Sizing, rule: str | None, lot_size: int, quantity: int) -> FixedSizing:
    """The sizing of a copy that is at the broker already, by whatever figures it was sized: just so many units."""
    return FixedSizing(
        rule=rule,
        lot_size=lot_size,
        rounding=sizing.rounding,
        minimum_lots=0,
        maximum_lots=None,
        quantity=quantity,
        basis="found at the broker",
    )


def size(fixed: FixedSizing, leader_quantity: int) -> Sized:
    """q(x): the follower's units for ``leader_quantity`` of the leader's, whole lots, within the bounds in lots.

    A result above zero but under ``minimum_lots`` is raised to it; what rounds to nothing without a minimum is 0.
    """
    if leader_quantity <= 0:
        return Sized(quantity=0, detail="nothing to size")
    lot, own = fixed.lot_size, _own_units(fixed, leader_quantity)
    told = _told(fixed, leader_quantity, own)
    units = _with_carried(fixed, own)
    if own > 0 and abs(fixed.carried) >= _MILLIONTH:
        sign = "+" if fixed.carried > 0 else "-"
        told += f" {sign} {_units(abs(fixed.carried))} carried = {_units(units)}"
    rounded, lots = _lots(fixed, units)
    told += f", in lots of {lot} rounded {fixed.rounding}: {rounded}"
    if lots != rounded:
        told += f", at {'least' if lots > rounded else 'most'} {lots}"
    return Sized(quantity=lots * lot, detail=f"{told} = {lots * lot} units", raised=lots > rounded)


def left_over(fixed: FixedSizing, leader_quantity: int) -> Decimal:
    """Units that rounding took from q(x), what was carried into it included; negative where it gave too many.

    0 where a bound in lots set the quantity: not rounding took or gave the difference, the user's bound did. Were it
    carried, the next entries would make up for what ``maximum_lots`` held back, or for what ``minimum_lots`` added,
    and the bound would hold for nothing. Where nothing is sized, what was carried is still to come.
    """
    own = _own_units(fixed, leader_quantity)
    if own <= 0:
        return fixed.carried
    units = _with_carried(fixed, own)
    rounded, lots = _lots(fixed, units)
    return units - lots * fixed.lot_size if lots == rounded else ZERO


def _own_units(fixed: FixedSizing, leader_quantity: int) -> Decimal:
    """The units for so many of the leader's, not rounded, nothing carried."""
    if leader_quantity <= 0:
        return ZERO
    if fixed.ratio is not None:
        return fixed.ratio * leader_quantity
    if fixed.lots is not None:
        return Decimal(fixed.lots * fixed.lot_size)
    return Decimal(fixed.quantity) if fixed.quantity is not None else _own(fixed.units, "units")


def _with_carried(fixed: FixedSizing, own: Decimal) -> Decimal:
    """Who gets nothing by his own numbers (no capital) does not get what was carried either."""
    return own + fixed.carried if own > 0 else own


def _lots(fixed: FixedSizing, units: Decimal) -> tuple[int, int]:
    """``units`` in lots: as rounded, and within the bounds."""
    units = units.quantize(_MILLIONTH, context=_WIDE)
    if units <= 0:
        return 0, 0
    rounded = int((units / fixed.lot_size).to_integral_value(rounding=_MODES[Rounding(fixed.rounding)]))
    lots = max(rounded, fixed.minimum_lots)
    return rounded, lots if fixed.maximum_lots is None else min(lots, fixed.maximum_lots)


# ---- words ----------------------------------------------------------------------------------------------------------


def _told(fixed: FixedSizing, leader_quantity: int, own: Decimal) -> str:
    """How a copy's own units come about."""
    if fixed.ratio is not None:
        basis = f"{fixed.basis}; " if fixed.basis else ""
        return f"{basis}{_short(fixed.ratio)} x {leader_quantity} = {_units(own)}"
    if fixed.lots is not None:
        return f"{fixed.lots} lots"
    return fixed.basis or f"{_units(own)} units"


def _times(multiplier: int) -> str:
    """Said only where it changes anything."""
    return "" if multiplier == 1 else f" x {multiplier}"


def _plain(figure: Decimal) -> str:
    """A figure in full, without an exponent."""
    return f"{figure.normalize():f}"


def _short(ratio: Decimal) -> str:
    return _plain(_SHORT.plus(ratio))


def _units(units: Decimal) -> str:
    """Units to a millionth: the very number that is rounded to lots."""
    return _plain(units.quantize(_MILLIONTH, context=_WIDE) or ZERO)  # never "-0"
