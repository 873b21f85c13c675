"""What belongs to one entry, and how does the list of super orders tell of it?

An entry, its target and its stop are orders like any other; here they are held together. Exits that are not live yet
(the entry has not traded) stand in no book, but the list shows them.
"""

from dataclasses import dataclass
from decimal import Decimal

from copyctl.simulator import terms
from copyctl.simulator.orders import ZERO, Order, order_row
from copyctl.simulator.settings import Settings

_OF_THE_ROW = ("dhanClientId", "orderId", "correlationId", "orderStatus", "transactionType", "exchangeSegment",
               "productType", "orderType", "validity", "tradingSymbol", "securityId", "quantity", "remainingQuantity",
               "price", "afterMarketOrder", "legName", "exchangeOrderId", "createTime", "updateTime", "exchangeTime",
               "omsErrorDescription", "averageTradedPrice", "filledQty", "algoId")  # fmt: skip


@dataclass(slots=True, kw_only=True, eq=False)
class Bracket:
    """An entry and what leaves again what it brought in."""

    entry: Order
    target: Order | None = None
    stop: Order | None = None
    jump: Decimal = ZERO  # 0: the stop stays where it is
    anchor: Decimal = ZERO  # the price from which the next jump is counted
    closed: bool = False  # all that the entry brought in has left by an exit

    @property
    def exits(self) -> list[Order]:
        """The stop and the target, as far as there are any, over or not."""
        return [leg for leg in (self.stop, self.target) if leg is not None]

    def leg(self, name: str) -> Order | None:
        return {terms.ENTRY_LEG: self.entry, terms.TARGET_LEG: self.target, terms.STOP_LOSS_LEG: self.stop}[name]

    def twin(self, leg: Order) -> Order | None:
        """The other exit."""
        return self.stop if leg is self.target else self.target

    @property
    def is_open(self) -> bool:
        return not self.entry.is_final or any(not leg.is_final for leg in self.exits)


def super_row(bracket: Bracket, last_price: Decimal, settings: Settings) -> dict[str, object]:
    """The super order as GET /super/orders tells it (Dhan API v2, super order)."""
    row = order_row(bracket.entry)
    told = {name: row[name] for name in _OF_THE_ROW}
    if bracket.closed:
        told["orderStatus"] = terms.CLOSED
    return {
        **told,
        "ltp": float(last_price),
        "trailingJump": float(bracket.jump),
        "legDetails": [_leg_row(bracket, leg, settings) for leg in bracket.exits],
    }


def _leg_row(bracket: Bracket, leg: Order, settings: Settings) -> dict[str, object]:
    """An exit; the stop's trigger stands in `price`."""
    live = leg.terms.quantity  # 0 before the entry has traded
    total = live or bracket.entry.terms.quantity
    is_stop = leg is bracket.stop
    return {
        "orderId": leg.order_id,
        "legName": leg.leg,
        "transactionType": leg.side,
        settings.leg_quantity_key: total,
        "remainingQuantity": total - leg.filled,
        "triggeredQuantity": live,
        "price": float(leg.terms.trigger_price if is_stop else leg.terms.price),
        "orderStatus": settings.leg_done_status if leg.status == terms.TRADED else leg.status,
        "trailingJump": float(bracket.jump) if is_stop else 0.0,
    }
