"""History: what the broker says when it is asked about the past, and how far it was asked."""

from datetime import date
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from copyctl.model.order import ZERO, Fill
from copyctl.model.terms import OrderType, Product, Segment, Side


class Charges(Struct, frozen=True, kw_only=True, gc=False):
    """What one trade cost beside its price, in rupees: the broker's fee, the exchange's, and what the state takes.
    ``gst`` is called service tax by the broker."""

    brokerage: Decimal = ZERO
    exchange: Decimal = ZERO
    stt: Decimal = ZERO
    sebi: Decimal = ZERO
    gst: Decimal = ZERO
    stamp: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it, rupees."""
        return self.brokerage + self.exchange + self.stt + self.sebi + self.gst + self.stamp


class PastTrade(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One trade of one order, as a day's trade book or the trade history gives it.

    ``quantity`` in units, ``price`` in rupees, ``traded_at`` in ns UTC (whole seconds), 0 where it is not told.
    ``charges``: None where they are not told, which they are only some time after the day.
    """

    account: str
    order_id: str
    trade_id: str
    segment: Segment
    security_id: str
    side: Side
    product: Product | None = None
    order_type: OrderType | None = None
    quantity: int
    price: Decimal
    traded_at: int = 0
    symbol: str = ""
    charges: Charges | None = None

    @property
    def key(self) -> str:
        """What tells this trade from every other of the account on one day, as ``Fill.key``. Exchanges count anew each
        day, so over several days only key and ``order_id`` together do."""
        return f"{self.segment}:{self.trade_id}:{self.side}"

    def as_fill(self) -> Fill:
        """The same as a run keeps it."""
        return Fill(
            account=self.account,
            order_id=self.order_id,
            trade_id=self.trade_id,
            segment=self.segment,
            security_id=self.security_id,
            side=self.side,
            product=self.product,
            quantity=self.quantity,
            price=self.price,
            traded_at=self.traded_at,
        )

    def completed(self, older: "PastTrade") -> "PastTrade":
        """This trade, with what only an ``older`` telling of it said: the history leaves out the symbol, the day's book
        the charges. A symbol stays as it was told first."""
        return replace(
            self,
            product=self.product or older.product,
            order_type=self.order_type or older.order_type,
            traded_at=self.traded_at or older.traded_at,
            symbol=older.symbol or self.symbol,
            charges=self.charges or older.charges,
        )


class Days(Struct, frozen=True, kw_only=True, gc=False):
    """Indian days in a row, both ends included."""

    first: date
    last: date


class Progress(Struct, frozen=True, kw_only=True, gc=False):
    """How far an account's trade history of these days was read: up to the page before ``next_page``, or to its end.
    ``at``: when (ns)."""

    account: str
    days: Days
    next_page: int
    finished: bool
    at: int


class Kept(Struct, frozen=True, kw_only=True, gc=False):
    """What became of rows that were to be kept: so many were not there before, so many were there and said less or
    something else. All others stood there as they are."""

    new: int = 0
    changed: int = 0
