"""What does an account own, owe and still have to spend?

Positions move with fills and are never stored twice: averages, profit and margin are all derived from bought and sold
quantities and values. What open orders and positions block is simple (`margin`), but it truly blocks and releases.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from copyctl.simulator import terms
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.margin import CASH_MARGIN, Leg, together
from copyctl.simulator.orders import AVERAGE_STEP, ZERO, contract_fields

PAISA = Decimal("0.01")

PositionKey = tuple[str, str, str]  # exchange segment, security id, product


@dataclass(slots=True, kw_only=True)
class Position:
    """What was bought and sold in one instrument and product: carried from earlier days, and today."""

    instrument: Instrument
    product: str
    carry_bought: int = 0
    carry_sold: int = 0
    carry_buy_value: Decimal = ZERO
    carry_sell_value: Decimal = ZERO
    day_bought: int = 0
    day_sold: int = 0
    day_buy_value: Decimal = ZERO
    day_sell_value: Decimal = ZERO

    def trade(self, side: str, quantity: int, price: Decimal) -> None:
        """Take in an execution of today."""
        if side == terms.BUY:
            self.day_bought += quantity
            self.day_buy_value += quantity * price
        else:
            self.day_sold += quantity
            self.day_sell_value += quantity * price

    @property
    def bought(self) -> int:
        return self.carry_bought + self.day_bought

    @property
    def sold(self) -> int:
        return self.carry_sold + self.day_sold

    @property
    def net(self) -> int:
        return self.bought - self.sold

    @property
    def buy_average(self) -> Decimal:
        return (self.carry_buy_value + self.day_buy_value) / self.bought if self.bought else ZERO

    @property
    def sell_average(self) -> Decimal:
        return (self.carry_sell_value + self.day_sell_value) / self.sold if self.sold else ZERO

    @property
    def sells_holdings(self) -> bool:
        """Whether it is a sale of held shares, and no short position."""
        return self.product in terms.CASH_PRODUCTS and self.net < 0

    @property
    def cost(self) -> Decimal:
        """Average price of what is open."""
        if self.net == 0:
            return ZERO
        return self.buy_average if self.net > 0 else self.sell_average

    @property
    def realised(self) -> Decimal:
        closed = min(self.bought, self.sold)
        return (self.sell_average - self.buy_average) * closed * self.instrument.multiplier

    def unrealised(self, last_price: Decimal) -> Decimal:
        return (last_price - self.cost) * self.net * self.instrument.multiplier

    def row(self, client_id: str, last_price: Decimal) -> dict[str, object]:
        """The position as GET /positions tells it (Dhan API v2, portfolio)."""
        kind = "CLOSED" if self.net == 0 else "LONG" if self.net > 0 else "SHORT"
        return {
            "dhanClientId": client_id,
            "tradingSymbol": self.instrument.trading_symbol,
            "securityId": self.instrument.security_id,
            "positionType": kind,
            "exchangeSegment": self.instrument.exchange_segment,
            "productType": self.product,
            "buyAvg": _number(self.buy_average),
            "costPrice": _number(self.cost),
            "buyQty": self.bought,
            "sellAvg": _number(self.sell_average),
            "sellQty": self.sold,
            "netQty": self.net,
            "realizedProfit": _number(self.realised),
            "unrealizedProfit": _number(self.unrealised(last_price)),
            "rbiReferenceRate": 1.0,
            "multiplier": self.instrument.multiplier,
            "carryForwardBuyQty": self.carry_bought,
            "carryForwardSellQty": self.carry_sold,
            "carryForwardBuyValue": _number(self.carry_buy_value),
            "carryForwardSellValue": _number(self.carry_sell_value),
            "dayBuyQty": self.day_bought,
            "daySellQty": self.day_sold,
            "dayBuyValue": _number(self.day_buy_value),
            "daySellValue": _number(self.day_sell_value),
            **contract_fields(self.instrument),
            "crossCurrency": False,
        }


def position_of_row(row: Mapping[str, object], instrument: Instrument) -> Position:
    """The position that a row tells of; where the row has no more than a net quantity, it was carried over."""
    held = Position(instrument=instrument, product=str(row.get("productType") or "INTRADAY"))
    held.carry_bought, held.carry_sold = _told(row, "carryForwardBuyQty"), _told(row, "carryForwardSellQty")
    held.day_bought, held.day_sold = _told(row, "dayBuyQty"), _told(row, "daySellQty")
    if held.bought == held.sold == 0:
        net = _told(row, "netQty")
        held.carry_bought, held.carry_sold = max(0, net), max(0, -net)
    cost = _price(row, "costPrice")
    bought_at, sold_at = _price(row, "buyAvg") or cost, _price(row, "sellAvg") or cost
    held.carry_buy_value, held.carry_sell_value = held.carry_bought * bought_at, held.carry_sold * sold_at
    held.day_buy_value, held.day_sell_value = held.day_bought * bought_at, held.day_sold * sold_at
    return held


def _told(row: Mapping[str, object], name: str) -> int:
    return int(_price(row, name))


def _price(row: Mapping[str, object], name: str) -> Decimal:
    try:
        value = Decimal(str(row.get(name) or 0))
    except InvalidOperation:
        return ZERO
    return value if value.is_finite() else ZERO


@dataclass(slots=True, kw_only=True)
class Holding:
    """Delivered shares, and what was bought and is not delivered yet (`t1`, part of `quantity`)."""

    instrument: Instrument
    quantity: int
    average: Decimal
    t1: int = 0
    collateral: int = 0  # pledged
    mtf: int = 0  # of the margin trading facility
    available: int | None = None  # what may be sold; None: all that is not pledged

    @property
    def sellable(self) -> int:
        return self.quantity - self.collateral if self.available is None else self.available

    def row(self, last_price: Decimal) -> dict[str, object]:
        """The holding as GET /holdings tells it."""
        return {
            "exchange": "ALL",
            "tradingSymbol": self.instrument.trading_symbol,
            "securityId": self.instrument.security_id,
            "isin": self.instrument.isin,
            "totalQty": self.quantity,
            "dpQty": self.quantity - self.t1,
            "t1Qty": self.t1,
            "mtf_t1_qty": 0,
            "mtf_qty": self.mtf,
            "availableQty": self.sellable,
            "collateralQty": self.collateral,
            "avgCostPrice": _number(self.average),
            "lastTradedPrice": _number(last_price),
        }


class Ledger:
    """One account's positions, holdings and money."""

    def __init__(self, funds: Decimal) -> None:
        self.opening_funds = funds
        self.collateral = ZERO
        self.blocked = ZERO  # by open orders
        self.positions: dict[PositionKey, Position] = {}
        self.holdings: dict[tuple[str, str], Holding] = {}

    def position(self, instrument: Instrument, product: str) -> Position:
        key = (instrument.exchange_segment, instrument.security_id, product)
        if key not in self.positions:
            self.positions[key] = Position(instrument=instrument, product=product)
        return self.positions[key]

    def net(self, instrument: Instrument, product: str) -> int:
        found = self.positions.get((instrument.exchange_segment, instrument.security_id, product))
        return found.net if found is not None else 0

    def deliverable(self, instrument: Instrument, product: str) -> int:
        """Shares that may be sold for delivery, those bought today among them."""
        held = self.holdings.get(instrument.key)
        return self.net(instrument, product) + (held.sellable if held is not None else 0)

    def delivered(self, instrument: Instrument, product: str) -> int:
        """Shares of earlier days that may still be sold; they go before those bought today."""
        held = self.holdings.get(instrument.key)
        today = self.positions.get((*instrument.key, product))
        return max(0, (held.sellable if held is not None else 0) - (today.sold if today is not None else 0))

    @property
    def receivable(self) -> Decimal:
        """What today's sales of held shares bring, once they are settled."""
        return sum((self.proceeds(each) for each in self.positions.values() if each.sells_holdings), ZERO)

    def proceeds(self, sold: Position) -> Decimal:
        """What a sale of held shares brings; where the broker had lent a part of their price, it takes that back."""
        held = self.holdings.get(sold.instrument.key)
        lent = (1 - CASH_MARGIN[sold.product]) * held.average if held is not None else ZERO
        return (sold.sell_average - lent) * -sold.net

    @property
    def available(self) -> Decimal:
        return self.opening_funds + self.collateral + self._realised() - self.utilised

    @property
    def utilised(self) -> Decimal:
        return self.blocked + together(self.legs()).needed

    def legs(self) -> Iterator[Leg]:
        """What is held, as the calculator of margin sees it."""
        for each in self.positions.values():
            if each.net:
                yield Leg(each.instrument, each.product, each.net, each.cost)

    def _realised(self) -> Decimal:
        return sum((each.realised for each in self.positions.values()), ZERO)

    def set_available(self, amount: Decimal) -> None:
        """Pay in or out until exactly so much may be spent."""
        self.opening_funds += amount - self.available

    def row(self, client_id: str) -> dict[str, object]:
        """Money as GET /fundlimit tells it, spelt as Dhan spells it."""
        available = self.available
        return {
            "dhanClientId": client_id,
            "availabelBalance": _rupees(available),
            "sodLimit": _rupees(self.opening_funds),
            "collateralAmount": _rupees(self.collateral),
            "receiveableAmount": _rupees(self.receivable),
            "utilizedAmount": _rupees(self.utilised),
            "blockedPayoutAmount": 0.0,
            "withdrawableBalance": _rupees(max(ZERO, available - self.collateral)),
        }


def _number(value: Decimal) -> float:
    return float(value.quantize(AVERAGE_STEP)) + 0.0  # no minus before a zero


def _rupees(value: Decimal) -> float:
    return float(value.quantize(PAISA)) + 0.0
