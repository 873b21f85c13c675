"""Whom and what does a control command name?

Each raises ValueError with the name of what is not there.
"""

from copyctl.simulator import terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.asked import Asked
from copyctl.simulator.broker import Broker
from copyctl.simulator.orders import Order


def key(broker: Broker, asked: Asked) -> tuple[str, str]:
    """The instrument."""
    named = (asked.text("exchange_segment"), asked.text("security_id"))
    if named not in broker.exchange.markets:
        raise ValueError(f"no instrument {named[1]} in {named[0]}")
    return named


def account(broker: Broker, asked: Asked) -> Account:
    """The account, by name or client id."""
    name = asked.text("account")
    check(broker, name)
    return broker.accounts.find(name)


def accounts(broker: Broker, asked: Asked) -> list[Account]:
    """The account that is named, or all where none is."""
    if asked.get("account") is None:
        return list(broker.accounts.by_name.values())
    return [account(broker, asked)]


def check(broker: Broker, name: object) -> None:
    """Whether there is such an account, where one is named."""
    if name is not None and name not in broker.accounts.by_name and name not in broker.accounts.by_client_id:
        raise ValueError(f"no account {name}")


def order(broker: Broker, asked: Asked) -> tuple[Account, Order]:
    """An account and its order; with a `leg`, that leg of what the order belongs to, once it is in the book."""
    owner, order_id = account(broker, asked), asked.text("order_id")
    found = owner.orders.get(order_id)
    if found is None:
        raise ValueError(f"{owner.name} has no order {order_id}")
    if asked.get("leg") is None:
        return owner, found
    name, held = asked.text("leg"), owner.brackets.get(found.family)
    leg = held.leg(name) if held is not None and name in terms.LEGS else None
    if leg is None or leg.key not in owner.orders:
        raise ValueError(f"{owner.name}'s order {order_id} has no live {name}")
    return owner, leg
