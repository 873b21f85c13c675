"""Slippage: what a follower paid more, or got less, than the leader. Positive is a cost, for BUY and for SELL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from copyctl.model.order import Order
from copyctl.model.placement import Slot
from copyctl.model.terms import Side
from copyctl.report.picture import Picture
from copyctl.report.placements import average_price

_SIGN = {Side.BUY: 1, Side.SELL: -1}
_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage:
    """``per_unit`` and ``cost`` in rupees; ``turnover``: what the same would have cost at the leader's price."""

    per_unit: Decimal
    cost: Decimal
    turnover: Decimal

    @property
    def bps(self) -> Decimal:
        """Hundredths of a percent of the leader's price."""
        return self.cost / self.turnover * _BASIS_POINTS


def slippage(slots: Sequence[Slot], leader: Order | None, picture: Picture) -> Slippage | None:
    """What placements lost against the leader order's average price; None while either of them has not traded."""
    price = average_price(slots)
    if leader is None or leader.side is None or price is None or not leader.filled or not leader.average_price:
        return None
    instrument = picture.instrument(leader.segment, leader.security_id)
    units = sum(slot.filled for slot in slots) * (instrument.multiplier if instrument else 1)
    per_unit = (price - leader.average_price) * _SIGN[leader.side]
    return Slippage(per_unit=per_unit, cost=per_unit * units, turnover=leader.average_price * units)


def mean_bps(all_of_them: Iterable[Slippage]) -> Decimal | None:
    """The mean, weighted by value; None where nothing has traded."""
    found = list(all_of_them)
    turnover = sum((one.turnover for one in found), Decimal(0))
    return sum((one.cost for one in found), Decimal(0)) / turnover * _BASIS_POINTS if turnover else None
