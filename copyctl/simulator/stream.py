"""Who hears of an order, and how badly?

The order-update WebSocket: the first text frame must be the login; a good one is answered with silence, a bad one with
a reset. Every connection of an account gets every frame of that account from then on. Nothing is ever replayed.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

from aiohttp import WSMsgType, web

from copyctl.simulator import frames
from copyctl.simulator.accounts import Account, Accounts
from copyctl.simulator.breaking import reset
from copyctl.simulator.orders import Order
from copyctl.simulator.settings import Settings

Frame = str | bytes
Later = Callable[[float, Callable[[], None]], None]

LOGIN_CODE = "42"
BAD_TOKEN_SECONDS = 0.01  # the login is taken, the reset comes a moment later
BAD_TOKEN_FRAME = b"\x32\x00\x00\x00\x01"
REORDER_SECONDS = 0.05  # frames kept back for reordering leave after this at the latest
FRAMES_KEPT = 100_000
PARTNER_ID = "1000000009"
PARTNER_SECRET = "invented-partner-secret"  # noqa: S105 - opens nothing but the simulator
NOISE: tuple[Frame, ...] = (
    b"2",
    "",
    '{"Type": "other"}',
    "not JSON at all",
    '{"Type": "order_alert", "Data": {"orderNo": "12',
    "null",
    '["order_alert"]',
    b"\x00\xff\xfe\x01\x80",
    '{"Type": "order_alert", "Data": "text"}',
    "42",
)


@dataclass(slots=True, eq=False)
class Connection:
    """One logged-in socket; without an account it is a partner's and hears everybody."""

    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport
    account: Account | None
    outbox: asyncio.Queue[Frame] = field(default_factory=asyncio.Queue)

    async def send_all(self) -> None:
        """Send what is put into the outbox, for ever."""
        while True:
            frame = await self.outbox.get()
            if isinstance(frame, str):
                await self.socket.send_str(frame)
            else:
                await self.socket.send_bytes(frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A frame that was on its way, before drops, delays and copies."""

    number: int
    monotonic_ns: int
    account: str
    frame: Frame
    listeners: int


class Stream:
    """The order-update service."""

    def __init__(self, accounts: Accounts, chance: random.Random, later: Later) -> None:
        self.connections: set[Connection] = set()
        self._transports: set[asyncio.BaseTransport] = set()  # of all sockets, logged in or not
        self.down: set[str] = set()  # names of accounts whose logins are torn
        self.all_down = False
        self.sent: deque[Sent] = deque(maxlen=FRAMES_KEPT)
        self._count = 0
        self._first_logins: dict[str, asyncio.Event] = {}
        self._accounts = accounts
        self._chance = chance
        self._later = later
        self._noise = cycle(NOISE)
        self._kept: dict[str, list[Frame]] = {}

    # ---- frames out --------------------------------------------------------------------------------------------------

    def announce(self, account: Account, order: Order, word: str, last_price: float) -> None:
        """Tell of an order's new state."""
        settings = account.settings
        if word in settings.stream_drop_statuses or not self.connections or not self.listeners(account):
            return
        self.tell(account, frames.frame_text(order, word, last_price, settings))

    def tell(self, account: Account, frame: Frame) -> None:
        """Send a frame, with all that the account's settings do to frames."""
        settings = account.settings
        self._note(account, frame)
        if settings.stream_drop and self._chance.random() < settings.stream_drop:
            return
        if settings.stream_reorder > 1:
            kept = self._kept.setdefault(account.name, [])
            kept.append(frame)
            if len(kept) < settings.stream_reorder:
                self._later(REORDER_SECONDS, lambda: self._let_go(account))
                return
            self._let_go(account)
        else:
            self._leave(account, [frame])

    def _note(self, account: Account, frame: Frame) -> None:
        self._count += 1
        self.sent.append(
            Sent(
                number=self._count,
                monotonic_ns=time.monotonic_ns(),
                account=account.name,
                frame=frame,
                listeners=len(self.listeners(account)),
            )
        )

    def send_raw(self, account: Account, frame: Frame) -> int:
        """Send these very bytes to the account's sockets; to how many."""
        listeners = self.listeners(account)
        for connection in listeners:
            connection.outbox.put_nowait(frame)
        return len(listeners)

    def _let_go(self, account: Account) -> None:
        kept = self._kept.pop(account.name, [])
        if kept:
            self._leave(account, kept[::-1])

    def _leave(self, account: Account, outgoing: list[Frame]) -> None:
        settings = account.settings
        burst = [each for frame in outgoing for each in self._copies(frame, settings)]
        # Those connected now: a late frame is no replay for a later connection.
        listeners = self.listeners(account)
        if settings.stream_delay_ms:
            self._later(settings.stream_delay_ms / 1000, lambda: _deliver(listeners, burst))
        else:
            _deliver(listeners, burst)

    def _copies(self, frame: Frame, settings: Settings) -> list[Frame]:
        noise = [next(self._noise)] if settings.stream_noise else []
        return noise + [frame] * settings.stream_copies

    # ---- connections -------------------------------------------------------------------------------------------------

    def listeners(self, account: Account) -> list[Connection]:
        """The connections that hear of this account."""
        return [each for each in self.connections if each.account is account or each.account is None]

    async def heard(self, account: Account) -> None:
        """Wait for the first login of an account."""
        await self._first_login(account).wait()

    def _first_login(self, account: Account) -> asyncio.Event:
        return self._first_logins.setdefault(account.name, asyncio.Event())

    def tear(self, account: Account | None) -> int:
        """Reset the account's connections (None: all); how many."""
        torn = [each for each in self.connections if account is None or each.account is account]
        for connection in torn:
            self.connections.discard(connection)
            reset(connection.transport)
        return len(torn)

    async def close(self, account: Account | None, code: int) -> int:
        """End the account's connections in order, with a Close frame."""
        closing = [each for each in self.connections if account is None or each.account is account]
        for connection in closing:
            await connection.socket.close(code=code)
        return len(closing)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection, from the upgrade to its end."""
        transport = request.transport
        if self.all_down or transport is None:
            reset(transport)
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False)
        self._transports.add(transport)
        try:
            await socket.prepare(request)
            await self._converse(socket, transport)
        finally:
            self._transports.discard(transport)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, transport: asyncio.BaseTransport) -> None:
        first = await socket.receive()
        if first.type is not WSMsgType.TEXT:
            reset(transport)
            return
        known, account = self._login(first.data)
        if not known or (account is not None and account.name in self.down):
            await self._turn_away(socket, transport, account)
            return
        connection = Connection(socket, transport, account)
        self.connections.add(connection)
        if account is not None:
            self._first_login(account).set()
        sender = asyncio.create_task(connection.send_all())
        try:
            async for _ in socket:  # a client has nothing more to say; pings are answered below
                pass
        finally:
            self.connections.discard(connection)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def end(self) -> None:
        """Tear every connection, also those that have not logged in; there are no more."""
        self.all_down = True
        self.connections.clear()
        for transport in self._transports:
            reset(transport)

    async def _turn_away(
        self, socket: web.WebSocketResponse, transport: asyncio.BaseTransport, account: Account | None
    ) -> None:
        settings = account.settings if account is not None else Settings()
        if settings.stream_dead_token == "binary":  # noqa: S105 - the shape of an answer
            await socket.send_bytes(BAD_TOKEN_FRAME)
        await asyncio.sleep(BAD_TOKEN_SECONDS)
        reset(transport)

    def _login(self, text: str) -> tuple[bool, Account | None]:
        """Whether the login is good, and whose it is; a partner's is nobody's."""
        try:
            message = json.loads(text)
            login = message["LoginReq"]
            code, client_id = str(login["MsgCode"]), str(login["ClientId"])
            if message["UserType"] == "PARTNER":
                return code == LOGIN_CODE and client_id == PARTNER_ID and message["Secret"] == PARTNER_SECRET, None
            token = login["Token"]
        except (ValueError, KeyError, TypeError):
            return False, None
        account = self._accounts.by_client_id.get(client_id)
        if account is None or code != LOGIN_CODE:
            return False, account
        return self._accounts.token_works(account, token), account


def _deliver(listeners: list[Connection], burst: list[Frame]) -> None:
    for connection in listeners:
        for frame in burst:
            connection.outbox.put_nowait(frame)
