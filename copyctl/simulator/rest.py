"""Which request gets which answer?

The REST door: token, faults, rate, then the handler. Every request is noted for tests before anything can go wrong with
it.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from aiohttp import web

from copyctl.simulator import (
    calculator,
    counter,
    desk,
    forever_orders,
    login,
    quotes,
    refusals,
    super_orders,
    trader_control,
)
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import Answer, Call, answer
from copyctl.simulator.arrivals import arrived
from copyctl.simulator.breaking import reset
from copyctl.simulator.broker import Broker, Received
from copyctl.simulator.faults import FIXED, Rule
from copyctl.simulator.refusals import Refusal

VERSION = "/v2"
Handler = Callable[[Broker, Call], Answer]


class Route(NamedTuple):
    """A kind of request; "*" stands for any part of the path."""

    method: str
    pattern: tuple[str, ...]
    bucket: str
    handler: Handler


ROUTES = (
    Route("POST", ("orders",), "orders", desk.place),
    Route("POST", ("orders", "slicing"), "orders", desk.place_slices),
    Route("PUT", ("orders", "*"), "orders", desk.modify),
    Route("DELETE", ("orders", "*"), "orders", desk.cancel),
    Route("GET", ("orders",), "other", desk.list_orders),
    Route("GET", ("orders", "*"), "other", desk.order_by_id),
    Route("GET", ("orders", "external", "*"), "other", desk.order_by_correlation),
    Route("GET", ("trades",), "other", desk.list_trades),
    Route("GET", ("trades", "*"), "other", desk.trades_of_order),
    Route("GET", ("trades", "*", "*", "*"), "other", desk.trade_history),
    Route("GET", ("positions",), "other", counter.positions),
    Route("DELETE", ("positions",), "orders", trader_control.exit_all),
    Route("POST", ("positions", "convert"), "other", counter.convert),
    Route("GET", ("holdings",), "other", counter.holdings),
    Route("GET", ("fundlimit",), "other", counter.funds),
    Route("POST", ("margincalculator",), "other", calculator.margin),
    Route("POST", ("margincalculator", "multi"), "other", calculator.margin_of_many),
    Route("GET", ("profile",), "other", counter.profile),
    Route("GET", ("RenewToken",), "other", counter.renew_token),
    Route("GET", ("ip", "getIP"), "other", counter.own_address),
    Route("GET", ("killswitch",), "other", trader_control.kill_switch),
    Route("POST", ("killswitch",), "other", trader_control.set_kill_switch),
    Route("GET", ("pnlExit",), "other", trader_control.exit_rule),
    Route("POST", ("pnlExit",), "other", trader_control.set_exit_rule),
    Route("DELETE", ("pnlExit",), "other", trader_control.stop_exit_rule),
    Route("GET", ("edis", "inquire", "*"), "other", counter.edis),
    Route("POST", ("super", "orders"), "orders", super_orders.place),
    Route("PUT", ("super", "orders", "*"), "orders", super_orders.modify),
    Route("DELETE", ("super", "orders", "*", "*"), "orders", super_orders.cancel),
    Route("GET", ("super", "orders"), "other", super_orders.list_orders),
    Route("POST", ("forever", "orders"), "orders", forever_orders.place),
    Route("PUT", ("forever", "orders", "*"), "orders", forever_orders.modify),
    Route("DELETE", ("forever", "orders", "*"), "orders", forever_orders.cancel),
    Route("GET", ("forever", "orders"), "other", forever_orders.list_orders),
    Route("POST", ("marketfeed", "ltp"), "quotes", quotes.last_prices),
    Route("POST", ("marketfeed", "ohlc"), "quotes", quotes.open_high_low_close),
    Route("POST", ("marketfeed", "quote"), "quotes", quotes.full_quotes),
)


def _by_shape() -> Mapping[tuple[str, str, int], tuple[Route, ...]]:
    shapes: dict[tuple[str, str, int], list[Route]] = {}
    for route in ROUTES:
        shapes.setdefault((route.method, route.pattern[0], len(route.pattern)), []).append(route)
    # A word is looked for before a wildcard.
    return MappingProxyType(
        {shape: tuple(sorted(routes, key=lambda each: each.pattern.count("*"))) for shape, routes in shapes.items()}
    )


_SHAPES = _by_shape()


class Gateway:
    """The REST door."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from its first byte to its answer, or to what goes wrong instead."""
        raw = await request.read()
        token = request.headers.get("access-token", "")
        account = self._broker.accounts.by_token.get(token)
        path = request.path[len(VERSION) :]
        noted = self._broker.receive(account, request.method, path, request.query_string, raw, arrived(request))
        return await self._with_faults(
            request, noted, account, raw, lambda: self.answer(request, account, path, raw, token)
        )

    async def log_in(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request to the login host's door. What stands in its query is secret, and not noted."""
        account = self._broker.accounts.by_client_id.get(request.query.get("dhanClientId", ""))
        noted = self._broker.receive(account, request.method, login.PATH, "", b"", arrived(request))
        return await self._with_faults(
            request, noted, account, b"", lambda: login.generate(self._broker, account, request.query)
        )

    async def _with_faults(
        self, request: web.BaseRequest, noted: Received, account: Account | None, raw: bytes, work: Callable[[], Answer]
    ) -> web.StreamResponse:
        rule = None
        if self._broker.faults.rules:
            name = account.name if account is not None else None
            rule = self._broker.faults.strike(name, request.method, noted.path, raw.decode(errors="replace"))
        if rule is None:
            return self._leave(noted, work())
        noted.fault = rule.kind
        return await self._go_wrong(request, noted, rule, work)

    def answer(self, request: web.BaseRequest, account: Account | None, path: str, raw: bytes, token: str) -> Answer:
        """What the broker answers when nothing goes wrong on the way."""
        broker = self._broker
        try:
            parts = tuple(path.strip("/").split("/"))
            if account is None or not broker.accounts.token_works(account, token):
                raise _dead_token(account, token)
            route = _route(request.method, parts)
            if route is None:
                return self._no_such_path(path)
            if not broker.rates(account).take(route.bucket, account.settings.rate_limits):
                raise _too_many(account, route.bucket)
            call = Call(account, parts, request.query, request.headers, raw, request.remote or "", token)
            return route.handler(broker, call)
        except Refusal as refused:
            return answer(refused.payload, refused.status)

    def _no_such_path(self, path: str) -> Answer:
        moment = self._broker.clock.now().isoformat(timespec="milliseconds")
        return answer({"timestamp": moment, "status": 404, "error": "Not Found", "path": VERSION + path}, 404)

    def _leave(
        self, noted: Received, leaving: Answer, headers: Mapping[str, str] = MappingProxyType({})
    ) -> web.Response:
        noted.status = leaving.status
        kind = leaving.content_type
        sent = {"Date": self._broker.clock.date_header(), "Content-Type": kind, **headers}
        return web.Response(body=leaving.body, status=leaving.status, headers=sent)

    # ---- faults ------------------------------------------------------------------------------------------------------

    async def _go_wrong(
        self, request: web.BaseRequest, noted: Received, rule: Rule, work: Callable[[], Answer]
    ) -> web.StreamResponse:
        if rule.kind == "delay_before":
            await self._wait(rule.seconds)
            return self._leave(noted, work())
        done = work() if rule.accepted else None
        if rule.kind in FIXED or rule.kind == "status":
            return self._leave(noted, _written(rule), rule.headers)
        if rule.kind == "empty":
            return self._leave(noted, Answer(rule.status or 200, b""))
        if done is not None and rule.kind == "delay_after":
            await self._wait(rule.seconds)
            return self._leave(noted, done)
        if done is not None and rule.kind == "truncated":
            return self._leave(noted, done._replace(body=done.body[: len(done.body) // 2]))
        if done is not None and rule.kind == "cut":
            return await _cut(request, done)
        if rule.kind == "hang":
            await self._wait(rule.seconds or None)
        reset(request.transport)
        return web.Response(status=500)

    async def _wait(self, seconds: float | None) -> None:
        """Wait so long, or until the broker closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._broker.closing.wait()
        except TimeoutError:
            pass


def _route(method: str, parts: tuple[str, ...]) -> Route | None:
    for route in _SHAPES.get((method, parts[0], len(parts)), ()):
        if all(wanted in ("*", part) for wanted, part in zip(route.pattern, parts, strict=True)):
            return route
    return None


def _dead_token(account: Account | None, token: str) -> Refusal:
    if account is None:
        return refusals.dead_token("DH-901")
    settings = account.settings
    return refusals.dead_token(settings.dead_token, token if settings.answers_repeat_the_token else "")


def _too_many(account: Account, bucket: str) -> Refusal:
    if bucket == "quotes" or account.settings.rate_answer == "805":
        return Refusal(429, {"status": "failed", "data": {"805": refusals.TOO_MANY}})
    return refusals.refusal(429, "DH-904", refusals.TOO_MANY)


def _written(rule: Rule) -> Answer:
    """The answer that a rule gives instead of the broker's."""
    status, body = FIXED.get(rule.kind, (rule.status or 500, rule.body))
    if isinstance(body, str):
        html = body.lstrip().startswith("<")
        return Answer(status, body.encode(), "text/html" if html else "application/json")
    return Answer(status, b"" if body is None else json.dumps(body).encode())


async def _cut(request: web.BaseRequest, done: Answer) -> web.StreamResponse:
    """Half of the answer, then the connection tears."""
    response = web.StreamResponse(status=done.status, headers={"Content-Type": done.content_type})
    response.content_length = len(done.body)
    await response.prepare(request)
    await response.write(done.body[: len(done.body) // 2])
    reset(request.transport)
    return response
