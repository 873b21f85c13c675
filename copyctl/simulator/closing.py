"""How does the broker close what an account holds?

For "exit all", for the square-off before the close, for a P&L based exit: what rests is cancelled, then MARKET orders
of the broker itself leave, through the ordinary book and stream. Its risk desk, a closed session and the kill switch do
not stop those; a halted or empty market does.
"""

from collections.abc import Collection
from typing import NamedTuple

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.exchange import Exchange
from copyctl.simulator.market import Key
from copyctl.simulator.orders import Order, Terms, Wish


class Closed(NamedTuple):
    """What was done for it."""

    placed: list[Order]
    cancelled: list[Order]


def close_positions(
    exchange: Exchange,
    account: Account,
    products: Collection[str] = terms.PRODUCTS,
    *,
    key: Key | None = None,
    cancel: bool = True,
    reason: str = refusals.CANCELLED_BY_BROKER,
) -> Closed:
    """Close the positions in these products, of one instrument or of all; a sale of held shares is none."""
    cancelled = []
    for order in list(account.open_orders.values()) if cancel else []:
        if order.product in products and key in {None, order.instrument.key}:
            exchange.finish(account, order, terms.CANCELLED, reason)
            cancelled.append(order)
    placed = []
    for position in list(account.ledger.positions.values()):
        wanted = position.product in products and key in {None, position.instrument.key}
        if not wanted or not position.net or position.sells_holdings:
            continue
        market_order = Terms(order_type=terms.MARKET, validity=terms.DAY, quantity=abs(position.net))
        for part in intake.slices(position.instrument, market_order):
            wish = Wish(
                instrument=position.instrument,
                side=terms.SELL if position.net > 0 else terms.BUY,
                product=position.product,
                terms=part,
                source=account.settings.broker_source,
                platform=account.settings.broker_platform,
                unchecked=True,
            )
            placed.append(exchange.place(account, wish))
    return Closed(placed, cancelled)


def keep_exit_rule(exchange: Exchange, account: Account) -> bool:
    """Close what a P&L based exit says, when its bound is passed; whether it was."""
    rule = account.exit_rule
    if rule is None:
        return False
    positions = [each for each in account.ledger.positions.values() if each.product in rule.products]
    prices = (exchange.markets[each.instrument.key].last_price for each in positions)
    results = [each.realised + each.unrealised(price) for each, price in zip(positions, prices, strict=True)]
    if not rule.is_met(results):
        return False
    account.exit_rule = None
    close_positions(exchange, account, rule.products)
    account.kill_switch = account.kill_switch or rule.kill_switch
    return True
