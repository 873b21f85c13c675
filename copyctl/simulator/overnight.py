"""What is left of an account after the night?

Orders of the day are EXPIRED and their book is empty, only after-market and forever orders wait on; trades are history.
Positions go three ways: contracts are carried, shares for delivery move to the holdings (`t1`, delivered a day later),
and what belongs to the day, or has expired, is settled at the last price. What may be spent does not change by that,
except for what a settlement or a sale of held shares brings.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from copyctl.simulator import desk
from copyctl.simulator.accounts import Account
from copyctl.simulator.broker import Broker
from copyctl.simulator.ledger import Holding, Ledger, Position
from copyctl.simulator.margin import CASH_MARGIN
from copyctl.simulator.orders import ZERO

Fate = Callable[[Ledger, Position, Decimal], Decimal]


def change_day(broker: Broker, accounts: list[Account], days: int) -> dict[str, int]:
    """A new day begins for these accounts; the broker's clock goes on by so many days, for everybody."""
    tomorrow = broker.clock.now().date() + timedelta(days=1)
    counts = {"expired": 0, "carried": 0, "held": 0}
    for account in accounts:
        counts["expired"] += broker.exchange.expire(account)
    broker.clock.shift(broker.clock.offset_seconds + timedelta(days=days).total_seconds())
    for account in accounts:
        _close_books(broker, account)
        move_positions(account.ledger, broker.last_price, max(broker.clock.now().date(), tomorrow))
        counts["carried"] += len(account.ledger.positions)
        counts["held"] += len(account.ledger.holdings)
        account.kill_switch = False
        account.exit_rule = None
        account.settings.edis_approved = []
    return counts


def _close_books(broker: Broker, account: Account) -> None:
    """Only after-market orders are in the new day's book; trades are in the history."""
    account.history.extend(desk.todays_history(broker, account))
    account.trades.clear()
    account.told_trades.clear()
    account.told_orders.clear()
    account.told_funds = None
    waiting = [order for order in account.orders.values() if order.waits_for_open]
    kept = {order.family for order in waiting}
    account.brackets = {key: each for key, each in account.brackets.items() if key in kept}
    account.orders.clear()
    account.by_correlation.clear()
    for order in waiting:
        order.kept_over = True
        account.orders[order.key] = order
        if order.correlation_id not in {"", "NA"}:
            account.by_correlation.setdefault(order.correlation_id, []).append(order)
    broker.exchange.forget_finished()


def move_positions(ledger: Ledger, last_price: Callable[..., Decimal], today: date) -> None:
    """Carry, deliver or settle every position; `sodLimit` is then what the account starts the day with."""
    cash = ledger.opening_funds + sum((each.realised for each in ledger.positions.values()), ZERO)
    for held in ledger.holdings.values():
        held.t1 = 0
    positions = list(ledger.positions.values())
    ledger.positions.clear()
    for each in positions:
        if each.net:
            expiry = each.instrument.expiry
            fate = _settle if expiry is not None and expiry < today else FATES.get(each.product, _settle)
            cash += fate(ledger, each, last_price(each.instrument))
    ledger.opening_funds = cash


def _settle(ledger: Ledger, held: Position, last_price: Decimal) -> Decimal:
    return held.unrealised(last_price)


def _carry(ledger: Ledger, held: Position, last_price: Decimal) -> Decimal:
    """At its average price; it blocks what it blocked."""
    carried = ledger.position(held.instrument, held.product)
    value = held.cost * abs(held.net)
    if held.net > 0:
        carried.carry_bought, carried.carry_buy_value = held.net, value
    else:
        carried.carry_sold, carried.carry_sell_value = -held.net, value
    return ZERO


def _deliver(ledger: Ledger, held: Position, last_price: Decimal) -> Decimal:
    """Shares that were bought are paid for, and held from now on; those that were sold leave the holdings."""
    key, units = held.instrument.key, held.net
    there = ledger.holdings.get(key)
    if units < 0:
        brought = ledger.proceeds(held)
        if there is not None:
            _take(ledger, there, -units, financed=held.product == "MTF")
        return brought
    if there is None:
        there = ledger.holdings[key] = Holding(instrument=held.instrument, quantity=0, average=ZERO)
    there.average = (there.average * there.quantity + held.cost * units) / (there.quantity + units)
    there.quantity += units
    there.t1 += units
    if there.available is not None:
        there.available += units
    if held.product == "MTF":
        there.mtf += units
    return -held.cost * units * CASH_MARGIN[held.product]


def _take(ledger: Ledger, there: Holding, units: int, *, financed: bool) -> None:
    there.quantity -= units
    if there.available is not None:
        there.available = max(0, there.available - units)
    if financed:
        there.mtf = max(0, there.mtf - units)
    if there.quantity <= 0:
        del ledger.holdings[there.instrument.key]


FATES: Mapping[str, Fate] = MappingProxyType({"CNC": _deliver, "MTF": _deliver, "MARGIN": _carry})
