"""Freeze: how large one order may be in an instrument, and who cuts what is larger (scenario 1.6)."""

from dataclasses import dataclass

from copyctl.model.choices import Slicing
from copyctl.model.copying import OrderMapping
from copyctl.model.freeze import FREEZE_QUANTITIES
from copyctl.model.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """``most``: units that one order may have, in whole lots, 0: any number. ``ours``: what is larger is cut here, into
    orders with an id each, since the file asks for less than the exchange does; else the broker cuts it."""

    most: int = 0
    ours: bool = False

    def exceeded(self, quantity: int) -> bool:
        """Is this too much for one order?"""
        return 0 < self.most < quantity

    def cut(self, quantity: int) -> int:
        """Units of the orders into which the broker is to cut this, 0 where it is not to."""
        return self.most if self.exceeded(quantity) and not self.ours else 0

    def pieces(self, quantity: int) -> tuple[int, ...]:
        """The quantity in orders that the exchange takes."""
        if not self.exceeded(quantity):
            return (quantity,)
        full, rest = divmod(quantity, self.most)
        return (*(self.most,) * full, *((rest,) if rest else ()))


NO_FREEZE = Freeze()


def freeze_of(mapping: OrderMapping, instrument: Instrument) -> Freeze:
    """The freeze quantity of an instrument: the file's for its underlying, its ``*``, or the exchange's own."""
    name = instrument.underlying or instrument.symbol
    exchange = FREEZE_QUANTITIES.get(name) if instrument.segment.is_derivative else None
    key = next((one for one in (name, "*") if one in mapping.freeze_quantity), None)
    limit = mapping.freeze_quantity.get(key) if key is not None else exchange
    if limit is None:
        return NO_FREEZE
    most = max(instrument.lot_size, limit - limit % instrument.lot_size)
    ours = mapping.slicing is Slicing.NEVER or exchange is None or limit < exchange
    return Freeze(most=most, ours=ours)
