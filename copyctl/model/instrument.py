"""Instruments: what is traded, and in which steps."""

import datetime
from decimal import Decimal

from msgspec import Struct

from copyctl.model.terms import InstrumentKind, OptionType, Segment


class Instrument(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One tradable security.

    ``lot_size`` is in the unit of an order's quantity (shares and units; on MCX an order counts lots, so it is 1
    there). ``tick_size`` in rupees. ``multiplier``: units in one of quantity, for the value of an order.
    ``derivatives``: of a share, are there derivatives on it; None: not known. ``from_master`` is false where only the
    leader's own frame told of it; ``known`` is false where there is a master and it does not have this id;
    ``sought``: it is being read once more.
    """

    segment: Segment
    security_id: str
    symbol: str
    kind: InstrumentKind | None = None
    underlying: str = ""
    option_type: OptionType | None = None
    strike: Decimal | None = None
    expiry: datetime.date | None = None
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    multiplier: int = 1
    derivatives: bool | None = None
    from_master: bool = True
    known: bool = True
    sought: bool = False
