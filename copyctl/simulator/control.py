"""How do tests move the world?

The door under /simulator/: JSON over HTTP, for callers on this machine only, without a token. Dhan has none of it.
"""

import asyncio
import base64
import binascii
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from aiohttp import web

from copyctl.simulator import intake, listing, refusals, terms, views
from copyctl.simulator.accounts import Account
from copyctl.simulator.asked import Asked, read_command
from copyctl.simulator.broker import Broker
from copyctl.simulator.ledger import Holding, Position
from copyctl.simulator.orders import Order

PREFIX = "/simulator/"
Command = Callable[[Broker, Asked], object]


def reset(broker: Broker, asked: Asked) -> object:
    broker.reset()
    return {"ok": True}


def price(broker: Broker, asked: Asked) -> object:
    broker.exchange.set_price(_key(broker, asked), asked.decimal("last_price"))
    return {"ok": True}


def liquidity(broker: Broker, asked: Asked) -> object:
    """`available` units left to trade, `per_tick` units for one order at one tick; null: any number."""
    market = broker.exchange.markets[_key(broker, asked)]
    if "available" in asked:
        market.available = asked.optional_integer("available")
    if "per_tick" in asked:
        market.per_tick = asked.optional_integer("per_tick")
    broker.exchange.match(market)
    return {"ok": True}


def fill(broker: Broker, asked: Asked) -> object:
    account, order = _order(broker, asked)
    market = broker.exchange.markets[order.instrument.key]
    paid = asked.decimal("price") if asked.get("price") is not None else order.terms.price or market.last_price
    quantity = asked.integer("quantity") if asked.get("quantity") is not None else order.remaining
    trade = broker.exchange.fill(account, order, quantity, paid)
    return {"ok": True, "exchange_trade_id": trade.exchange_trade_id}


def status(broker: Broker, asked: Asked) -> object:
    """What exchange, risk desk or a person does to an order, whatever holds it."""
    account, order = _order(broker, asked)
    wanted, reason = asked.text("status").upper(), asked.get("reason")
    if order.is_final:
        raise ValueError(f"order {order.order_id} is {order.status} already")
    if wanted == terms.TRIGGERED:
        broker.exchange.trigger(account, order)
    elif wanted == terms.PENDING:
        broker.exchange.confirm(account, order)
    elif wanted in terms.FINAL - {terms.TRADED}:
        broker.exchange.finish(account, order, wanted, str(reason) if reason else wanted)
    else:
        raise ValueError(f"an order cannot be made {wanted} by hand")
    return {"ok": True, "status": order.status}


def place(broker: Broker, asked: Asked) -> object:
    """An order that a person places in the app: Dhan's fields, no token, address or rate."""
    account = _account(broker, asked)
    fields = asked.fields("order")
    source, platform = asked.get("source") or "N", asked.get("platform") or "FAST"
    try:
        body = intake.read_body(json.dumps({"validity": terms.DAY, **fields}).encode())
        wish = intake.read_wish(account, body, broker.exchange.markets)
        placed = broker.exchange.place(account, replace(wish, source=str(source), platform=str(platform)))
    except refusals.Refusal as refused:
        raise ValueError(str(refused)) from None
    return {"ok": True, "order_id": placed.order_id}


def release(broker: Broker, asked: Asked) -> object:
    """What `hold` keeps on its way arrives, one order's or the account's."""
    order_id = asked.get("order_id")
    return {
        "ok": True,
        "released": broker.exchange.release(_account(broker, asked), str(order_id) if order_id else None),
    }


def expire(broker: Broker, asked: Asked) -> object:
    return {"ok": True, "expired": sum(broker.exchange.expire(account) for account in _accounts(broker, asked))}


def open_session(broker: Broker, asked: Asked) -> object:
    """After-market orders go to the exchange."""
    return {"ok": True, "sent": sum(broker.exchange.open_session(account) for account in _accounts(broker, asked))}


def add_faults(broker: Broker, asked: Asked) -> object:
    """One rule, or `faults`: a list of them."""
    for rule in asked.rows("faults") if "faults" in asked else [dict(asked)]:
        _known_account(broker, rule.get("account"))
        broker.faults.add(rule)
    return {"ok": True, "faults": len(broker.faults.rules)}


def clear_faults(broker: Broker, asked: Asked) -> object:
    broker.faults.rules.clear()
    return {"ok": True}


def settings(broker: Broker, asked: Asked) -> object:
    """Switches, for `account` or for all; what a hold kept arrives when it ends."""
    changes = {name: value for name, value in asked.items() if name != "account"}
    chosen = _accounts(broker, asked)
    for account in chosen:
        account.settings.change(changes)
        account.forget_rendered_rows()
        if changes.get("hold") is False:
            broker.exchange.release(account)
        if changes.get("hold_matching") is False:
            broker.exchange.match_account(account)
    return {"ok": True}


def token(broker: Broker, asked: Asked) -> object:
    account, action = _account(broker, asked), asked.text("action")
    if action == "kill":
        account.token_alive = False
        return {"ok": True}
    if action == "revive":
        account.token_alive = True
        return {"ok": True}
    if action == "mint":
        return {"ok": True, "access_token": broker.accounts.mint(account)}
    raise ValueError(f"a token cannot be {action}ed: kill, revive, mint")


def funds(broker: Broker, asked: Asked) -> object:
    account = _account(broker, asked)
    account.told_funds = None
    if asked.get("collateral") is not None:
        account.ledger.collateral = asked.decimal("collateral")
    account.ledger.set_available(asked.decimal("available"))
    return {"ok": True}


def position(broker: Broker, asked: Asked) -> object:
    """The account holds exactly this: `quantity` is negative when sold; carried over unless `carried` is false.

    0 leaves a CLOSED row, null no row at all.
    """
    account = _account(broker, asked)
    instrument = broker.exchange.markets[_key(broker, asked)].instrument
    product = asked.text("product")
    if "quantity" in asked and asked["quantity"] is None:
        account.ledger.positions.pop((*instrument.key, product), None)
        return {"ok": True}
    quantity = asked.integer("quantity")
    paid = asked.decimal("price") if asked.get("price") is not None else broker.last_price(instrument)
    held = Position(instrument=instrument, product=product)
    value = paid * abs(quantity)
    if asked.get("carried") is False:
        if quantity:
            held.trade(terms.BUY if quantity > 0 else terms.SELL, abs(quantity), paid)
    elif quantity > 0:
        held.carry_bought, held.carry_buy_value = quantity, value
    else:
        held.carry_sold, held.carry_sell_value = -quantity, value
    account.ledger.positions[(*instrument.key, product)] = held
    return {"ok": True}


def holding(broker: Broker, asked: Asked) -> object:
    """`quantity` shares, 0 for none; of them `t1` not delivered yet, `collateral` pledged, `available` for sale."""
    account = _account(broker, asked)
    instrument = broker.exchange.markets[_key(broker, asked)].instrument
    quantity = asked.integer("quantity")
    if quantity == 0:
        account.ledger.holdings.pop(instrument.key, None)
        return {"ok": True}
    paid = asked.decimal("price") if asked.get("price") is not None else broker.last_price(instrument)
    parts = {name: asked.optional_integer(name) or 0 for name in ("t1", "collateral", "mtf")}
    account.ledger.holdings[instrument.key] = Holding(
        instrument=instrument, quantity=quantity, average=paid, available=asked.optional_integer("available"), **parts
    )
    return {"ok": True}


def history(broker: Broker, asked: Asked) -> object:
    """Trades of earlier days: `trades`, rows as the trade history gives them."""
    _account(broker, asked).history.extend(asked.rows("trades"))
    return {"ok": True}


def instrument(broker: Broker, asked: Asked) -> object:
    """A new instrument, or new terms of a known one."""
    listing.list_from(broker, asked)
    return {"ok": True}


def walk(broker: Broker, asked: Asked) -> object:
    """Prices move at random: by at most so many basis points at every interval; 0 stops it."""
    broker.walk.set(float(asked.decimal("every_ms")) / 1000, asked.optional_integer("basis_points") or 0)
    return {"ok": True}


def clock(broker: Broker, asked: Asked) -> object:
    broker.clock.shift(float(asked.decimal("offset_seconds")))
    return {"ok": True, "now": broker.clock.now().isoformat()}


async def stream(broker: Broker, asked: Asked) -> object:
    """down, up, reset (a tear), close (with `code`), send (`raw` text or `raw_base64`); without an account: all."""
    account = _account(broker, asked) if asked.get("account") is not None else None
    action = asked.text("action")
    if action in {"down", "up"}:
        if account is None:
            broker.stream.all_down = action == "down"
            if action == "up":
                broker.stream.down.clear()
        elif action == "down":
            broker.stream.down.add(account.name)
        else:
            broker.stream.down.discard(account.name)
        return {"ok": True, "connections": broker.stream.tear(account) if action == "down" else 0}
    if action == "reset":
        return {"ok": True, "connections": broker.stream.tear(account)}
    if action == "close":
        return {"ok": True, "connections": await broker.stream.close(account, asked.optional_integer("code") or 1000)}
    if action == "send":
        raw: str | bytes = asked.text("raw") if "raw" in asked else _binary(asked.text("raw_base64"))
        sent_ns = time.monotonic_ns()
        return {
            "ok": True,
            "connections": broker.stream.send_raw(_account(broker, asked), raw),
            "monotonic_ns": sent_ns,
        }
    raise ValueError(f"the stream cannot {action}: down, up, reset, close, send")


COMMANDS: Mapping[tuple[str, str], Command] = MappingProxyType(
    {
        ("POST", "reset"): reset,
        ("POST", "price"): price,
        ("POST", "liquidity"): liquidity,
        ("POST", "fill"): fill,
        ("POST", "status"): status,
        ("POST", "place"): place,
        ("POST", "release"): release,
        ("POST", "expire"): expire,
        ("POST", "open"): open_session,
        ("POST", "faults"): add_faults,
        ("DELETE", "faults"): clear_faults,
        ("POST", "settings"): settings,
        ("POST", "stream"): stream,
        ("POST", "token"): token,
        ("POST", "funds"): funds,
        ("POST", "position"): position,
        ("POST", "holding"): holding,
        ("POST", "history"): history,
        ("POST", "instrument"): instrument,
        ("POST", "clock"): clock,
        ("POST", "walk"): walk,
        ("GET", "requests"): views.requests,
        ("GET", "frames"): views.frames,
        ("GET", "orders"): views.orders,
        ("GET", "accounts"): views.accounts,
        ("GET", "settings"): views.settings,
        ("GET", "faults"): views.faults,
        ("GET", "instruments"): views.instruments,
        ("GET", "clock"): views.clock,
    }
)


class Control:
    """The tests' door."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def serve(self, request: web.BaseRequest) -> web.Response:
        if not _is_loopback(request.remote):
            return _said({"error": "the control door opens on this machine only"}, 403)
        command = COMMANDS.get((request.method, request.path[len(PREFIX) :].strip("/")))
        if command is None:
            return _said({"error": f"no such command: {request.method} {request.path}"}, 404)
        try:
            done = command(self._broker, read_command(await request.read(), request.query))
            if asyncio.iscoroutine(done):
                done = await done
        except KeyError as missing:
            return _said({"error": f"not known: {missing.args[0]}"}, 400)
        except ValueError as wrong:
            return _said({"error": str(wrong)}, 400)
        return _said(done, 200)


def _said(payload: object, status: int) -> web.Response:
    return web.Response(body=json.dumps(payload).encode(), status=status, content_type="application/json")


def _is_loopback(remote: str | None) -> bool:
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False


def _key(broker: Broker, asked: Asked) -> tuple[str, str]:
    key = (asked.text("exchange_segment"), asked.text("security_id"))
    if key not in broker.exchange.markets:
        raise ValueError(f"no instrument {key[1]} in {key[0]}")
    return key


def _account(broker: Broker, asked: Asked) -> Account:
    name = asked.text("account")
    _known_account(broker, name)
    return broker.accounts.find(name)


def _accounts(broker: Broker, asked: Asked) -> list[Account]:
    if asked.get("account") is None:
        return list(broker.accounts.by_name.values())
    return [_account(broker, asked)]


def _known_account(broker: Broker, name: object) -> None:
    if name is not None and name not in broker.accounts.by_name and name not in broker.accounts.by_client_id:
        raise ValueError(f"no account {name}")


def _order(broker: Broker, asked: Asked) -> tuple[Account, Order]:
    account, order_id = _account(broker, asked), asked.text("order_id")
    if order_id not in account.orders:
        raise ValueError(f"{account.name} has no order {order_id}")
    return account, account.orders[order_id]


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as wrong:
        raise ValueError(f"raw_base64: {wrong}") from None
