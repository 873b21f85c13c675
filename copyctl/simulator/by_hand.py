"""How do tests let a person use the app, and the exchange act on one order?

The same orders as over REST, without token, address or rate. Where numbers may be shared, `leg` says which order of one
number is meant.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from copyctl.simulator import desk, forever_orders, intake, named, refusals, super_orders, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.asked import Asked
from copyctl.simulator.broker import Broker
from copyctl.simulator.intake import Body

SOURCE, PLATFORM = "N", "FAST"
Act = TypeVar("Act")
Done = TypeVar("Done")
Take = Callable[[Broker, Account, Body, str, str], str]
Change = Callable[[Broker, Account, str, Body], None]
Withdraw = Callable[[Broker, Account, str, str], None]


def place(broker: Broker, asked: Asked) -> object:
    """An order that a person places: Dhan's fields, of a `kind`."""
    source, platform = (str(asked.get(name) or usual) for name, usual in (("source", SOURCE), ("platform", PLATFORM)))
    take = _of_kind(asked, TAKERS)
    fields = {"validity": terms.DAY, **asked.fields("order")}
    order_id = _asked_for(lambda account, body: take(broker, account, body, source, platform), broker, asked, fields)
    return {"ok": True, "order_id": order_id}


def change(broker: Broker, asked: Asked) -> object:
    """A person restates an order: Dhan's fields in `changes`; `leg` stands for their legName."""
    order_id, make = asked.text("order_id"), _of_kind(asked, CHANGERS)
    fields = {"orderId": order_id, **asked.fields("changes")}
    if asked.get("leg") is not None:
        fields["legName"] = asked.text("leg")
    _asked_for(lambda account, body: make(broker, account, order_id, body), broker, asked, fields)
    return {"ok": True}


def cancel(broker: Broker, asked: Asked) -> object:
    """A person cancels an order, or a `leg` of a super order; all of that one unless told otherwise."""
    order_id, leg = asked.text("order_id"), str(asked.get("leg") or terms.ENTRY_LEG)
    withdraw = _of_kind(asked, WITHDRAWERS)
    _asked_for(lambda account, _: withdraw(broker, account, order_id, leg), broker, asked, {})
    return {"ok": True}


def fill(broker: Broker, asked: Asked) -> object:
    account, order = named.order(broker, asked)
    market = broker.exchange.markets[order.instrument.key]
    paid = asked.decimal("price") if asked.get("price") is not None else order.terms.price or market.last_price
    quantity = asked.integer("quantity") if asked.get("quantity") is not None else order.remaining
    trade = broker.exchange.fill(account, order, quantity, paid)
    return {"ok": True, "exchange_trade_id": trade.exchange_trade_id}


def status(broker: Broker, asked: Asked) -> object:
    """What exchange, risk desk or a person does to an order, whatever holds it; a forever order can only end."""
    wanted = asked.text("status").upper()
    reason = str(asked.get("reason") or wanted)
    owner = named.account(broker, asked)
    forever = owner.forevers.get(asked.text("order_id"))
    if forever is not None:
        if wanted not in terms.FINAL - {terms.TRADED}:
            raise ValueError(f"a forever order cannot be made {wanted} by hand")
        broker.forevers.finish(owner, forever, wanted, reason)
        return {"ok": True, "status": forever.status}
    account, order = named.order(broker, asked)
    if order.is_final:
        raise ValueError(f"order {order.order_id} is {order.status} already")
    if wanted == terms.TRIGGERED:
        broker.exchange.trigger(account, order)
    elif wanted == terms.PENDING:
        broker.exchange.confirm(account, order)
    elif wanted in terms.FINAL - {terms.TRADED}:
        broker.exchange.finish(account, order, wanted, reason)
    else:
        raise ValueError(f"an order cannot be made {wanted} by hand")
    return {"ok": True, "status": order.status}


# ---- what is done for each kind of order ----------------------------------------------------------------------------


def _take_order(broker: Broker, account: Account, body: Body, source: str, platform: str) -> str:
    wish = intake.read_wish(account, body, broker.exchange.markets)
    return broker.place(account, replace(wish, source=source, platform=platform)).order_id


def _take_super(broker: Broker, account: Account, body: Body, source: str, platform: str) -> str:
    wish = super_orders.read_wish(broker, account, body)
    return broker.place(account, replace(wish, source=source, platform=platform)).order_id


def _change_order(broker: Broker, account: Account, order_id: str, body: Body) -> None:
    order, wanted = intake.modification(account, order_id, {"dhanClientId": account.client_id, **body})
    broker.modify(account, order, wanted)


def _withdraw_order(broker: Broker, account: Account, order_id: str, leg: str) -> None:
    desk.cancel_order(broker, account, order_id)


def _withdraw_forever(broker: Broker, account: Account, order_id: str, leg: str) -> None:
    forever_orders.withdraw(broker, account, order_id)


TAKERS: Mapping[str, Take] = MappingProxyType(
    {"order": _take_order, "super": _take_super, "forever": forever_orders.take}
)
CHANGERS: Mapping[str, Change] = MappingProxyType(
    {"order": _change_order, "super": super_orders.change, "forever": forever_orders.change}
)
WITHDRAWERS: Mapping[str, Withdraw] = MappingProxyType(
    {"order": _withdraw_order, "super": super_orders.cancel_leg, "forever": _withdraw_forever}
)


def _of_kind(asked: Asked, acts: Mapping[str, Act]) -> Act:
    kind = str(asked.get("kind") or "order")
    if kind not in acts:
        raise ValueError(f"kind: {kind!r} is none of {', '.join(acts)}")
    return acts[kind]


def _asked_for(
    act: Callable[[Account, Body], Done], broker: Broker, asked: Asked, fields: Mapping[str, object]
) -> Done:
    """Do what Dhan's fields ask for; a refusal is said as any wrong command."""
    try:
        return act(named.account(broker, asked), intake.read_body(json.dumps(fields).encode()))
    except refusals.Refusal as refused:
        raise ValueError(str(refused)) from None
