"""The field's standard terms, one meaning each, spelled as Dhan's REST API spells them."""

from enum import StrEnum


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """How an order is priced. STOP_LOSS rests with a trigger and a limit, STOP_LOSS_MARKET with a trigger alone."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_MARKET = "STOP_LOSS_MARKET"

    @property
    def has_price(self) -> bool:
        """Does an order of this type carry a limit price?"""
        return self in _PRICED

    @property
    def has_trigger(self) -> bool:
        """Does an order of this type carry a trigger price?"""
        return self in _TRIGGERED


_PRICED = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS})
_TRIGGERED = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_MARKET})


class Product(StrEnum):
    """The account's book that a position is kept in. INTRADAY is also called MIS, MARGIN is also called NRML."""

    CNC = "CNC"
    INTRADAY = "INTRADAY"
    MARGIN = "MARGIN"
    MTF = "MTF"
    CO = "CO"
    BO = "BO"


class Validity(StrEnum):
    """How long an order lives. FOREVER (GTT) orders have a book of their own."""

    DAY = "DAY"
    IOC = "IOC"
    FOREVER = "FOREVER"


class Segment(StrEnum):
    """Exchange and segment together; a security id means something only within one."""

    NSE_EQ = "NSE_EQ"
    BSE_EQ = "BSE_EQ"
    NSE_FNO = "NSE_FNO"
    BSE_FNO = "BSE_FNO"
    NSE_CURRENCY = "NSE_CURRENCY"
    BSE_CURRENCY = "BSE_CURRENCY"
    MCX_COMM = "MCX_COMM"

    @property
    def is_derivative(self) -> bool:
        """Futures and options of every kind."""
        return self not in _CASH


_CASH = frozenset({Segment.NSE_EQ, Segment.BSE_EQ})


class InstrumentKind(StrEnum):
    """Dhan's instrument names: share, future or option on index, stock, commodity, currency."""

    EQUITY = "EQUITY"
    FUTIDX = "FUTIDX"
    FUTSTK = "FUTSTK"
    OPTIDX = "OPTIDX"
    OPTSTK = "OPTSTK"
    FUTCOM = "FUTCOM"
    OPTFUT = "OPTFUT"
    FUTCUR = "FUTCUR"
    OPTCUR = "OPTCUR"


class OptionType(StrEnum):
    """Call or put."""

    CE = "CE"
    PE = "PE"


class AmoTime(StrEnum):
    """When an after-market order is pumped to the exchange: 09:00, 09:15, 09:45, 10:15 IST."""

    PRE_OPEN = "PRE_OPEN"
    OPEN = "OPEN"
    OPEN_30 = "OPEN_30"
    OPEN_60 = "OPEN_60"


class Leg(StrEnum):
    """Which part of a super, cover or bracket order a row tells of; a plain order is all ENTRY."""

    ENTRY = "ENTRY_LEG"
    TARGET = "TARGET_LEG"
    STOP_LOSS = "STOP_LOSS_LEG"


class Book(StrEnum):
    """In which of the broker's books an order lives: each has calls of its own (Dhan API v2, orders, super orders,
    forever orders)."""

    DAY = "orders"
    SUPER = "super"
    FOREVER = "forever"


class OrderStatus(StrEnum):
    """Where an order is in its life (Dhan API v2, order book). Final ones never change again."""

    TRANSIT = "TRANSIT"
    PENDING = "PENDING"
    TRIGGERED = "TRIGGERED"
    PART_TRADED = "PART_TRADED"
    CONFIRM = "CONFIRM"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    TRADED = "TRADED"

    @property
    def is_final(self) -> bool:
        """Nothing more can happen to an order of this status."""
        return self in _FINAL

    @property
    def progress(self) -> int:
        """How far along its life an order of this status is; the further one of two reports wins."""
        return _PROGRESS[self]


_FINAL = frozenset(
    {OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.CLOSED, OrderStatus.TRADED}
)
_PROGRESS = {status: place for place, status in enumerate(OrderStatus)}


class Source(StrEnum):
    """Where an execution report was read."""

    STREAM = "stream"
    BOOK = "book"


class Decision(StrEnum):
    """What became of a leader order for one follower."""

    COPIED = "copied"
    SKIPPED = "skipped"
    REFUSED = "refused"
    QUEUED = "queued"
    DEAD = "dead"


class Level(StrEnum):
    """How loud an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
