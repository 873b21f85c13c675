"""What is a forever order, and how does its list tell of it?

It is no order yet: it waits, for days, until the price is where one of its legs wants it, and becomes an ordinary order
then. One row for each leg; the rows of an OCO share their id.
"""

from dataclasses import dataclass
from decimal import Decimal

from copyctl.simulator import terms
from copyctl.simulator.clock import UNSET_TIME
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.orders import Order, Terms, contract_fields
from copyctl.simulator.settings import Settings

PLATFORM = "FOVR"


@dataclass(slots=True, kw_only=True, eq=False)
class ForeverLeg:
    """What is ordered when the price is there; in `terms` the trigger is the forever order's own."""

    terms: Terms
    rising: bool = False  # it is met at the trigger and above, else at the trigger and below

    def is_met(self, last_price: Decimal) -> bool:
        trigger = self.terms.trigger_price
        return last_price >= trigger if self.rising else last_price <= trigger


@dataclass(slots=True, kw_only=True, eq=False)
class Forever:
    """A forever order with one leg (SINGLE) or two (OCO: the target first)."""

    order_id: str
    account: str
    client_id: str
    flag: str
    instrument: Instrument
    side: str
    product: str
    legs: list[ForeverLeg]
    correlation_id: str | None
    source: str
    platform: str
    created: str
    updated: str
    status: str = terms.TRANSIT
    reason: str = terms.CONFIRMED
    modifications: int = 0

    @property
    def is_final(self) -> bool:
        return self.status not in {terms.TRANSIT, terms.CONFIRM}

    def named_leg(self, name: str, settings: Settings) -> ForeverLeg | None:
        """The leg that the list shows under this name."""
        return next(
            (leg for leg, shown in zip(self.legs, leg_names(self, settings), strict=True) if shown == name), None
        )

    def turn(self, last_price: Decimal) -> None:
        """Settle from which side each leg is met, as the market stands."""
        buys = self.side == terms.BUY
        if self.flag == terms.OCO:
            target, stop = self.legs
            target.rising, stop.rising = not buys, buys
        else:
            (leg,) = self.legs
            # A sale at or above the market is taken as met; a purchase waits for the price from where it stands.
            leg.rising = buys and leg.terms.trigger_price > last_price


SINGLE_NAMES = {"classic": terms.TARGET_LEG, "entry": terms.ENTRY_LEG, "stop": terms.STOP_LOSS_LEG}


def leg_names(forever: Forever, settings: Settings) -> list[str]:
    """What the list calls the legs."""
    if forever.flag == terms.OCO:
        return [terms.TARGET_LEG, terms.STOP_LOSS_LEG]
    return [SINGLE_NAMES[settings.forever_leg_names]]


def forever_rows(forever: Forever, settings: Settings) -> list[dict[str, object]]:
    """The forever order as GET /forever/orders tells it (Dhan API v2, forever order)."""
    echo = {"correlationId": forever.correlation_id or "NA"} if settings.forever_correlation == "echo" else {}
    return [
        {
            "dhanClientId": forever.client_id,
            "orderId": forever.order_id,
            **echo,
            "orderStatus": forever.status,
            "transactionType": forever.side,
            "exchangeSegment": forever.instrument.exchange_segment,
            "productType": forever.product,
            "orderType": forever.flag,
            "tradingSymbol": forever.instrument.trading_symbol,
            "securityId": forever.instrument.security_id,
            "quantity": leg.terms.quantity,
            "price": float(leg.terms.price),
            "triggerPrice": float(leg.terms.trigger_price),
            "legName": name,
            "createTime": forever.created,
            "updateTime": forever.updated,
            "exchangeTime": UNSET_TIME,
            **contract_fields(forever.instrument),
        }
        for leg, name in zip(forever.legs, leg_names(forever, settings), strict=True)
    ]


def as_order(forever: Forever, leg: ForeverLeg, name: str) -> Order:
    """The forever order's leg in the shape that risk desk and stream know; it stands in no book of orders."""
    return Order(
        order_id=forever.order_id,
        account=forever.account,
        client_id=forever.client_id,
        instrument=forever.instrument,
        side=forever.side,
        product=forever.product,
        terms=leg.terms,
        correlation_id=forever.correlation_id or "NA",
        after_market=True,  # it is taken at any hour
        amo_time=None,
        source=forever.source,
        platform=forever.platform,
        created=forever.created,
        updated=forever.updated,
        status=forever.status,
        reason=forever.reason,
        leg=name,
    )
