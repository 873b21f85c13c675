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
from types import MappingProxyType

from aiohttp import web

from copyctl.simulator import acts, by_hand, listing, named, owned, views
from copyctl.simulator.asked import Asked, read_command
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import moment_of

PREFIX = "/simulator/"
Command = Callable[[Broker, Asked], object]


def reset(broker: Broker, asked: Asked) -> object:
    broker.reset()
    return {"ok": True}


def price(broker: Broker, asked: Asked) -> object:
    broker.exchange.set_price(named.key(broker, asked), asked.decimal("last_price"))
    return {"ok": True}


def liquidity(broker: Broker, asked: Asked) -> object:
    """`available` units left to trade, `per_tick` units for one order at one tick; null: any number."""
    market = broker.exchange.markets[named.key(broker, asked)]
    if "available" in asked:
        market.available = asked.optional_integer("available")
    if "per_tick" in asked:
        market.per_tick = asked.optional_integer("per_tick")
    broker.exchange.match(market)
    return {"ok": True}


def release(broker: Broker, asked: Asked) -> object:
    """What `hold` keeps on its way arrives, one order's or the account's."""
    order_id = asked.get("order_id")
    return {
        "ok": True,
        "released": broker.exchange.release(named.account(broker, asked), str(order_id) if order_id else None),
    }


def expire(broker: Broker, asked: Asked) -> object:
    return {"ok": True, "expired": sum(broker.exchange.expire(account) for account in named.accounts(broker, asked))}


def open_session(broker: Broker, asked: Asked) -> object:
    """After-market orders go to the exchange."""
    return {"ok": True, "sent": sum(broker.exchange.open_session(account) for account in named.accounts(broker, asked))}


def add_faults(broker: Broker, asked: Asked) -> object:
    """One rule, or `faults`: a list of them."""
    for rule in asked.rows("faults") if "faults" in asked else [dict(asked)]:
        named.check(broker, rule.get("account"))
        broker.faults.add(rule)
    return {"ok": True, "faults": len(broker.faults.rules)}


def clear_faults(broker: Broker, asked: Asked) -> object:
    broker.faults.rules.clear()
    return {"ok": True}


def settings(broker: Broker, asked: Asked) -> object:
    """Switches, for `account` or for all; what a hold kept arrives when it ends."""
    changes = {name: value for name, value in asked.items() if name != "account"}
    chosen = named.accounts(broker, asked)
    for account in chosen:
        account.settings.change(changes)
        account.forget_rendered_rows()
        if changes.get("hold") is False:
            broker.exchange.release(account)
        if changes.get("hold_matching") is False:
            broker.exchange.match_account(account)
    return {"ok": True}


def token(broker: Broker, asked: Asked) -> object:
    account, action = named.account(broker, asked), asked.text("action")
    if action == "kill":
        account.token_alive = False
        return {"ok": True}
    if action == "revive":
        account.token_alive = True
        return {"ok": True}
    if action == "mint":
        seconds = float(asked.decimal("seconds")) if "seconds" in asked else None
        return {"ok": True, "access_token": broker.accounts.mint(account, seconds)}
    raise ValueError(f"a token cannot be {action}ed: kill, revive, mint")


def instrument(broker: Broker, asked: Asked) -> object:
    """A new instrument, or new terms of a known one."""
    listing.list_from(broker, asked)
    return {"ok": True}


def walk(broker: Broker, asked: Asked) -> object:
    """Prices move at random: by at most so many basis points at every interval; 0 stops it."""
    broker.walk.set(float(asked.decimal("every_ms")) / 1000, asked.optional_integer("basis_points") or 0)
    return {"ok": True}


def clock(broker: Broker, asked: Asked) -> object:
    """`offset_seconds` ahead of the machine's clock, or `at`: the time in India that it is now, as Dhan writes it.

    After-market orders whose time that is, or was, go to the exchange.
    """
    if "at" in asked:
        moment = moment_of(asked.text("at"))
        if moment is None:
            raise ValueError("at: wants YYYY-MM-DD HH:MM:SS")
        broker.clock.shift(moment.timestamp() - time.time())
    else:
        broker.clock.shift(float(asked.decimal("offset_seconds")))
    sent = sum(broker.exchange.open_session(account, whole=False) for account in named.accounts(broker, Asked()))
    return {"ok": True, "now": broker.clock.now().isoformat(), "sent": sent}


async def stream(broker: Broker, asked: Asked) -> object:
    """down, up, reset (a tear), close (with `code`), send (`raw` text or `raw_base64`); without an account: all."""
    account = named.account(broker, asked) if asked.get("account") is not None else None
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
            "connections": broker.stream.send_raw(named.account(broker, asked), raw),
            "monotonic_ns": sent_ns,
        }
    raise ValueError(f"the stream cannot {action}: down, up, reset, close, send")


COMMANDS: Mapping[tuple[str, str], Command] = MappingProxyType(
    {
        ("POST", "reset"): reset,
        ("POST", "price"): price,
        ("POST", "liquidity"): liquidity,
        ("POST", "fill"): by_hand.fill,
        ("POST", "status"): by_hand.status,
        ("POST", "place"): by_hand.place,
        ("POST", "change"): by_hand.change,
        ("POST", "cancel"): by_hand.cancel,
        ("POST", "release"): release,
        ("POST", "expire"): expire,
        ("POST", "open"): open_session,
        ("POST", "faults"): add_faults,
        ("DELETE", "faults"): clear_faults,
        ("POST", "settings"): settings,
        ("POST", "stream"): stream,
        ("POST", "token"): token,
        ("POST", "funds"): owned.funds,
        ("POST", "position"): owned.position,
        ("POST", "holding"): owned.holding,
        ("POST", "history"): owned.history,
        ("POST", "convert"): owned.convert,
        ("POST", "kill_switch"): owned.kill_switch,
        ("POST", "trade"): acts.trade,
        ("POST", "square_off"): acts.square_off,
        ("POST", "day_change"): acts.day_change,
        ("POST", "bar"): acts.bar,
        ("DELETE", "bar"): acts.lift_bars,
        ("POST", "instrument"): instrument,
        ("POST", "clock"): clock,
        ("POST", "walk"): walk,
        ("GET", "requests"): views.requests,
        ("GET", "frames"): views.frames,
        ("GET", "orders"): views.orders,
        ("GET", "positions"): views.positions,
        ("GET", "holdings"): views.holdings,
        ("GET", "trades"): views.trades,
        ("GET", "super_orders"): views.super_orders_list,
        ("GET", "forever_orders"): views.forever_orders_list,
        ("GET", "bar"): views.bars,
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


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as wrong:
        raise ValueError(f"raw_base64: {wrong}") from None
