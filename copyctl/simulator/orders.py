"""What is an order, and how does the order book tell of it?

Prices are Decimal, quantities are units (lots on MCX), times are the texts that rows carry. A row is rendered once for
each change of its order: the copier polls the book far more often than orders change.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from copyctl.simulator.clock import UNSET_DATE, UNSET_TIME
from copyctl.simulator.compact import compact
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.settings import Settings
from copyctl.simulator.terms import (
    CONFIRMED,
    COVER,
    ENTRY_LEG,
    EXIT_LEGS,
    FINAL,
    OPTION_WORDS,
    PRICED,
    STOPS,
    TRADE_CONFIRMED,
    TRANSIT,
)

ZERO = Decimal(0)
AVERAGE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a modification may change."""

    order_type: str
    validity: str
    quantity: int
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    disclosed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How an order leaves again what it brought in; 0: that way not."""

    target: Decimal = ZERO
    stop: Decimal = ZERO
    jump: Decimal = ZERO  # of the price, after which the stop follows it
    as_distances: bool = False  # of a bracket order: target and stop are counted from the entry's average
    is_super: bool = False

    @property
    def prices(self) -> tuple[Decimal, ...]:
        """The prices that are known before the entry has traded."""
        return () if self.as_distances else tuple(price for price in (self.target, self.stop) if price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A placement that was well formed."""

    instrument: Instrument
    side: str
    product: str
    terms: Terms
    correlation_id: str | None = None
    after_market: bool = False
    amo_time: str | None = None
    source: str = "P"
    platform: str = "API"
    unchecked: bool = False  # the broker's own, for one: its risk desk asks nothing
    exits: Exits | None = None
    algo_order: str = "0"  # the number of the order that it comes of
    must_fail: bool = False  # its margin is refused when it arrives, whatever there is


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One order of one account."""

    order_id: str
    account: str
    client_id: str
    instrument: Instrument
    side: str
    product: str
    terms: Terms
    correlation_id: str  # as it reads back
    after_market: bool
    amo_time: str | None
    source: str
    platform: str
    created: str
    updated: str
    exchanged: str = UNSET_TIME
    status: str = TRANSIT
    filled: int = 0
    traded_value: Decimal = ZERO
    last_fill_price: Decimal = ZERO
    exchange_order_id: str = ""
    reason: str = CONFIRMED
    modifications: int = 0
    triggered: bool = False
    waits_for_open: bool = False  # an after-market order before its time
    unchecked: bool = False
    kept_over: bool = False  # an after-market order of an earlier day
    sent_as_market: bool = False  # a MARKET order that the broker protects with a price
    opening: int = 0  # units that enlarge the position and therefore need margin
    unit_margin: Decimal = ZERO
    margin: Decimal = ZERO  # blocked at this moment
    deferred: list[Terms] = field(default_factory=list)  # modifications taken while in transit
    row_text: str = ""
    key: str = ""  # in the books: the order's number, unless it shares that with another
    exits: Exits | None = None
    leg: str | None = None  # of what has an entry and exits
    family: str = ""  # the entry's key, on the entry and on its exits
    algo_order: str = "0"
    must_fail: bool = False

    def __post_init__(self) -> None:
        self.key = self.key or self.order_id

    @property
    def is_exit(self) -> bool:
        """Whether it is the target or the stop of another order."""
        return self.leg in EXIT_LEGS

    @property
    def is_super(self) -> bool:
        return self.exits is not None and self.exits.is_super

    @property
    def remaining(self) -> int:
        return self.terms.quantity - self.filled

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def average(self) -> Decimal:
        return (self.traded_value / self.filled).quantize(AVERAGE_STEP) if self.filled else ZERO

    @property
    def awaits_trigger(self) -> bool:
        return self.terms.order_type in STOPS and not self.triggered

    @property
    def limit(self) -> Decimal | None:
        """The worst price at which it may trade; None: any. The stop of a super order has a trigger alone."""
        return (self.terms.price or None) if self.terms.order_type in PRICED else None

    @property
    def told_trigger(self) -> Decimal:
        """The trigger that rows and frames show; a cover order's entry shows its stop's."""
        if self.exits is not None and self.leg == ENTRY_LEG and self.product == COVER:
            return self.exits.stop
        return self.terms.trigger_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution."""

    order: Order
    exchange_trade_id: str
    quantity: int
    price: Decimal
    at: str


def order_row_text(order: Order, settings: Settings) -> str:
    """The order's row as JSON."""
    if not order.row_text:
        row = order_row(order)
        if settings.rows_tell_amo_time and order.after_market:
            row["amoTime"] = order.amo_time
        order.row_text = compact(shaped(row, settings))
    return order.row_text


def order_row(order: Order) -> dict[str, object]:
    """The order as GET /orders tells it (Dhan API v2, orders)."""
    wanted = order.terms
    distances = order.exits if order.exits is not None and order.exits.as_distances else Exits()
    return {
        "dhanClientId": order.client_id,
        "orderId": order.order_id,
        "exchangeOrderId": order.exchange_order_id or "NA",
        "correlationId": order.correlation_id,
        "orderStatus": order.status,
        "transactionType": order.side,
        "exchangeSegment": order.instrument.exchange_segment,
        "productType": order.product,
        "orderType": wanted.order_type,
        "validity": wanted.validity,
        "tradingSymbol": order.instrument.trading_symbol,
        "securityId": order.instrument.security_id,
        "quantity": wanted.quantity,
        "disclosedQuantity": wanted.disclosed,
        "price": float(wanted.price),
        "triggerPrice": float(order.told_trigger),
        "afterMarketOrder": order.after_market,
        "boProfitValue": float(distances.target),
        "boStopLossValue": float(distances.stop),
        "legName": order.leg,
        "createTime": order.created,
        "updateTime": order.updated,
        "exchangeTime": order.exchanged,
        **contract_fields(order.instrument),
        "omsErrorCode": None,
        "omsErrorDescription": CONFIRMED if order.reason == TRADE_CONFIRMED else order.reason,
        "algoId": "0",
        "remainingQuantity": order.remaining,
        "averageTradedPrice": float(order.average),
        "filledQty": order.filled,
    }


def trade_row(trade: Trade) -> dict[str, object]:
    """The execution as GET /trades tells it; it carries no correlation id."""
    order = trade.order
    return {
        "dhanClientId": order.client_id,
        "orderId": order.order_id,
        "exchangeOrderId": order.exchange_order_id,
        "exchangeTradeId": trade.exchange_trade_id,
        "transactionType": order.side,
        "exchangeSegment": order.instrument.exchange_segment,
        "productType": order.product,
        "orderType": order.terms.order_type,
        "tradingSymbol": order.instrument.trading_symbol,
        "customSymbol": order.instrument.display_name,
        "securityId": order.instrument.security_id,
        "tradedQuantity": trade.quantity,
        "tradedPrice": float(trade.price),
        "createTime": order.created,
        "updateTime": trade.at,
        "exchangeTime": trade.at,
        **contract_fields(order.instrument),
    }


def history_row(row: dict[str, object], instrument: Instrument | None) -> dict[str, object]:
    """A trade as the history tells it: with charges, fillers, and no trading symbol."""
    charges = ("sebiTax", "stt", "brokerageCharges", "serviceTax", "exchangeTransactionCharges", "stampDuty")
    return {
        **row,
        "tradingSymbol": None,
        "orderType": row.get("orderType") or "NA",
        "isin": instrument.isin if instrument is not None and instrument.isin else "NA",
        "instrument": instrument.kind if instrument is not None else "NA",
        **dict.fromkeys(charges, 0.0),
    }


def contract_fields(instrument: Instrument) -> dict[str, object]:
    """Expiry, option type and strike, with Dhan's fillers for what is none."""
    return {
        "drvExpiryDate": instrument.expiry.isoformat() if instrument.expiry else UNSET_DATE,
        "drvOptionType": OPTION_WORDS.get(instrument.option_type),
        "drvStrikePrice": float(max(ZERO, instrument.strike)),
    }


def shaped(row: dict[str, object], settings: Settings) -> dict[str, object]:
    """The row with the deviations that the account's settings ask for."""
    if settings.rows_as_text:
        row = {key: str(value) if type(value) in {int, float} else value for key, value in row.items()}
    for key in settings.row_nulls:
        row[key] = None
    for key in settings.row_missing:
        row.pop(key, None)
    return row
