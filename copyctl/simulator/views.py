"""What may tests see of the broker's inside?"""

import json
from dataclasses import fields

from copyctl.simulator import forever_orders, named, super_orders
from copyctl.simulator.accounts import Account
from copyctl.simulator.asked import Asked
from copyctl.simulator.broker import Broker, Received
from copyctl.simulator.orders import Order, order_row, trade_row
from copyctl.simulator.settings import Settings


def requests(broker: Broker, asked: Asked) -> object:
    """Every REST request in order of arrival; `account` and `since` (a number) narrow it."""
    wanted, since = asked.get("account"), asked.optional_integer("since") or 0
    if wanted is not None:
        wanted = broker.accounts.find(str(wanted)).name
    rows = [
        _request(each) for each in broker.received if each.number > since and (wanted is None or each.account == wanted)
    ]
    last = broker.received[-1].number if broker.received else since
    return {"requests": rows, "last": last}


def _request(noted: Received) -> dict[str, object]:
    text = noted.raw.decode(errors="replace")
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = None
    return {
        "number": noted.number,
        "monotonic_ns": noted.monotonic_ns,
        "wall_ns": noted.wall_ns,
        "account": noted.account,
        "method": noted.method,
        "path": noted.path,
        "query": noted.query,
        "body": body,
        "raw": text,
        "status": noted.status,
        "fault": noted.fault,
    }


def frames(broker: Broker, asked: Asked) -> object:
    """Every frame that was made, in order; `account` and `since` (a number) narrow it."""
    wanted, since = asked.get("account"), asked.optional_integer("since") or 0
    if wanted is not None:
        wanted = broker.accounts.find(str(wanted)).name
    rows = [
        {
            "number": each.number,
            "monotonic_ns": each.monotonic_ns,
            "account": each.account,
            "frame": each.frame if isinstance(each.frame, str) else each.frame.hex(),
            "listeners": each.listeners,
        }
        for each in broker.stream.sent
        if each.number > since and (wanted is None or each.account == wanted)
    ]
    return {"frames": rows, "last": broker.stream.sent[-1].number if broker.stream.sent else since}


def orders(broker: Broker, asked: Asked) -> object:
    """All orders, those that a tape told of too; `account` narrows it."""
    wanted = asked.get("account")
    chosen = [broker.accounts.find(str(wanted))] if wanted is not None else list(broker.accounts.by_name.values())
    return {"orders": [row for account in chosen for row in _orders(account)]}


def _orders(account: Account) -> list[dict[str, object]]:
    told = [{**row, "account": account.name, "told": True} for row in account.told_orders.values()]
    return told + [_order(order) for order in account.orders.values()]


def positions(broker: Broker, asked: Asked) -> object:
    """What is held, as REST tells it; `account` narrows it."""
    return {
        "positions": [
            {**each.row(account.client_id, broker.last_price(each.instrument)), "account": account.name}
            for account in named.accounts(broker, asked)
            for each in account.ledger.positions.values()
        ]
    }


def holdings(broker: Broker, asked: Asked) -> object:
    """Delivered shares, as REST tells them; `account` narrows it."""
    return {
        "holdings": [
            {**each.row(broker.last_price(each.instrument)), "account": account.name}
            for account in named.accounts(broker, asked)
            for each in account.ledger.holdings.values()
        ]
    }


def trades(broker: Broker, asked: Asked) -> object:
    """Today's executions here, as REST tells them; `account` narrows it."""
    return {
        "trades": [
            {**trade_row(each), "account": account.name}
            for account in named.accounts(broker, asked)
            for each in account.trades
        ]
    }


def super_orders_list(broker: Broker, asked: Asked) -> object:
    """Today's super orders, as REST tells them; `account` narrows it."""
    return {
        "super_orders": [
            {**row, "account": account.name}
            for account in named.accounts(broker, asked)
            for row in super_orders.rows(broker, account)
        ]
    }


def forever_orders_list(broker: Broker, asked: Asked) -> object:
    """The forever orders that wait, as REST tells them; `account` narrows it."""
    return {
        "forever_orders": [
            {**row, "account": account.name}
            for account in named.accounts(broker, asked)
            for row in forever_orders.rows(account)
        ]
    }


def bars(broker: Broker, asked: Asked) -> object:
    """From what instruments are barred; `account` narrows it."""
    return {
        "bars": [
            {"account": account.name, "exchange_segment": key[0], "security_id": key[1], "kind": each.kind,
             "text": each.text, "low": float(each.low), "high": float(each.high)}
            for account in named.accounts(broker, asked)
            for key, each in account.bars.items()
        ]
    }  # fmt: skip


def _order(order: Order) -> dict[str, object]:
    return {
        **order_row(order),
        "account": order.account,
        "told": False,
        "source": order.source,
        "orderPlatform": order.platform,
        "algoOrdNo": order.algo_order,
        "amoTime": order.amo_time,
        "modifications": order.modifications,
        "triggered": order.triggered,
        "blockedMargin": float(order.margin),
    }


def accounts(broker: Broker, asked: Asked) -> object:
    """Who is there; no tokens."""
    return {
        "accounts": [
            {
                "name": account.name,
                "client_id": account.client_id,
                "token_works": broker.accounts.token_works(account, account.access_token),
                "connections": len(broker.stream.listeners(account)),
                "available": float(account.ledger.available),
                "utilised": float(account.ledger.utilised),
                "start_of_day": float(account.ledger.opening_funds),
                "open_orders": len(account.open_orders),
                "kill_switch": account.kill_switch,
            }
            for account in broker.accounts.by_name.values()
        ]
    }


def settings(broker: Broker, asked: Asked) -> object:
    """The switches of `account`, or those that a reset goes back to."""
    wanted = asked.get("account")
    shown = broker.accounts.find(str(wanted)).settings if wanted is not None else broker.settings
    return {each.name: getattr(shown, each.name) for each in fields(Settings)}


def faults(broker: Broker, asked: Asked) -> object:
    """The rules in force, and how often each struck."""
    rows = [{"kind": rule.kind, "account": rule.account, "method": rule.method,
             "path": rule.path.pattern if rule.path is not None else None, "seen": rule.seen, "struck": rule.struck}
            for rule in broker.faults.rules]  # fmt: skip
    return {"faults": rows}


def instruments(broker: Broker, asked: Asked) -> object:
    """What can be traded, and at which price now."""
    rows = [
        {
            "exchange_segment": key[0],
            "security_id": key[1],
            "trading_symbol": market.instrument.trading_symbol,
            "lot_size": market.instrument.lot_size,
            "tick_size": float(market.instrument.tick_size),
            "last_price": float(market.last_price),
            "halted": market.halted,
            "available": market.available,
            "per_tick": market.per_tick,
            "resting": len(market.resting),
        }
        for key, market in broker.exchange.markets.items()
    ]
    return {"instruments": rows}


def clock(broker: Broker, asked: Asked) -> object:
    return {"now": broker.clock.now().isoformat(), "offset_seconds": broker.clock.offset_seconds}
