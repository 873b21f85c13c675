"""Which price does the broker give to an order that names none?

Market price protection makes a limit of a MARKET order, and a STOP_LOSS_MARKET order has three ways to go.
"""

from dataclasses import replace
from decimal import Decimal

from copyctl.simulator import terms
from copyctl.simulator.instruments import on_tick
from copyctl.simulator.orders import ZERO, Order
from copyctl.simulator.settings import Settings

STOP_MARKET_LIMIT = {terms.SELL: Decimal("0.95"), terms.BUY: Decimal("1.05")}  # seen on BSE: limit at trigger x 0.95


def protect(order: Order, settings: Settings, last_price: Decimal) -> None:
    """Give the order the price that the account's settings give it."""
    wanted, tick = order.terms, order.instrument.tick_size
    if wanted.order_type == terms.MARKET and settings.market_orders == "protected":
        band = 1 + Decimal(str(settings.market_band_percent)) / 100 * (1 if order.side == terms.BUY else -1)
        order.terms = replace(wanted, order_type=terms.LIMIT, price=on_tick(last_price * band, tick))
        order.sent_as_market = True
    elif wanted.order_type == terms.STOP_LOSS_MARKET and settings.stop_market_orders == "limit":
        price = on_tick(wanted.trigger_price * STOP_MARKET_LIMIT[order.side], tick)
        order.terms = replace(wanted, order_type=terms.LIMIT, price=price, trigger_price=ZERO)


def triggered_type(order: Order) -> str:
    """What a stop reads as, once it has triggered, where it reads as something else than a stop."""
    return terms.LIMIT if order.limit is not None else terms.MARKET
