"""Exposure: what one instrument of a follower's account may come to be worth, whichever of its open copies fill."""

from dataclasses import dataclass, field
from decimal import Decimal


def known(price: Decimal | None) -> Decimal | None:
    """A price to count with: 0 says nothing."""
    return price if price is not None and price > 0 else None


def lots_of(units: int, lot_size: int) -> int:
    """Lots that hold ``units``: a part of a lot counts as one."""
    return -(-units // lot_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One instrument of one follower's account, all products together, own trades by hand included.

    ``net``: signed units held now. ``open_buy``, ``open_sell``: units that its open copies may still trade, the order
    under check left out. ``price``: rupees at which one unit is counted; None, or not above 0: not known.
    ``multiplier``: units in one of quantity. ``underlying``: "" has none, and counts towards no underlying's lots.

    What follows: ``worst``: units held or owed at most, whichever of its open copies fill, 0 only when flat with
    nothing open; ``lots`` and ``value`` (rupees, None: no price) of as many.
    """

    net: int
    open_buy: int
    open_sell: int
    price: Decimal | None
    multiplier: int
    lot_size: int
    underlying: str
    worst: int = field(init=False)
    lots: int = field(init=False)
    value: Decimal | None = field(init=False)

    def __post_init__(self) -> None:
        worst = max(self.net + self.open_buy, self.open_sell - self.net)
        price = known(self.price)
        object.__setattr__(self, "worst", worst)
        object.__setattr__(self, "lots", lots_of(worst, self.lot_size))
        object.__setattr__(self, "value", None if price is None else worst * self.multiplier * price)
