"""Sizing: how many units a follower trades for so many of the leader's. Lots live only here."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from copyctl.model.choices import Rounding, Strategy
from copyctl.model.copying import Sizing
from copyctl.model.records import FixedSizing

_MODES = {Rounding.DOWN: ROUND_FLOOR, Rounding.NEAREST: ROUND_HALF_UP, Rounding.UP: ROUND_CEILING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A quantity in units, the arithmetic behind it, and whether ``minimum_lots`` raised it."""

    quantity: int
    detail: str
    raised: bool = False


def fix(sizing: Sizing, rule: str | None, lot_size: int) -> FixedSizing:
    """The numbers of a sizing that a copy keeps for good.

    Raises:
        ValueError: the strategy is none of fixed_ratio, fixed_lots and fixed_quantity.
    """
    numbers = {
        Strategy.FIXED_RATIO: {"ratio": sizing.ratio},
        Strategy.FIXED_LOTS: {"lots": sizing.lots},
        Strategy.FIXED_QUANTITY: {"quantity": sizing.quantity},
    }.get(sizing.strategy)
    if numbers is None:
        raise ValueError(f"sizing.strategy {sizing.strategy} is not built yet")
    return FixedSizing(
        rule=rule,
        lot_size=lot_size,
        rounding=sizing.rounding,
        minimum_lots=sizing.minimum_lots,
        maximum_lots=sizing.maximum_lots,
        **numbers,  # type: ignore[arg-type]
    )


def size(fixed: FixedSizing, leader_quantity: int) -> Sized:
    """q(x): the follower's units for ``leader_quantity`` of the leader's, whole lots, within the bounds in lots.

    A result above zero but under ``minimum_lots`` is raised to it; what rounds to nothing without a minimum is 0.
    """
    lot = fixed.lot_size
    if leader_quantity <= 0:
        return Sized(quantity=0, detail="nothing to size")
    if fixed.ratio is not None:
        units = fixed.ratio * leader_quantity
        told = f"{fixed.ratio} x {leader_quantity} = {units.normalize():f}"
    elif fixed.lots is not None:
        units = Decimal(fixed.lots * lot)
        told = f"{fixed.lots} lots"
    else:
        units = Decimal(fixed.quantity or 0)
        told = f"{fixed.quantity} units"
    lots = int((units / lot).to_integral_value(rounding=_MODES[Rounding(fixed.rounding)]))
    raised = bool(units) and lots < fixed.minimum_lots
    if raised:
        lots = fixed.minimum_lots
    told += f", in lots of {lot} rounded {fixed.rounding}: {lots}"
    if fixed.maximum_lots is not None and lots > fixed.maximum_lots:
        lots = fixed.maximum_lots
        told += f", at most {lots}"
    return Sized(quantity=lots * lot, detail=f"{told} = {lots * lot} units", raised=raised)
