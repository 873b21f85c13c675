"""The kept connections of one account: shared by all its calls, opened when none is idle, closed when idle too long."""

import asyncio
import ipaddress
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Final

from copyctl.edge.connection import Connection

NEXT_ADDRESS_SECONDS: Final = 0.25
"""Where a name has several addresses the next one is tried beside the last after this (RFC 8305, section 8). With an
address for a name there is nothing to try; asyncio would race all the same, which costs, and leaves the socket to the
garbage collector where the call is given up just as it connects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where connections go, and from where. Without ``tls`` they are plain."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    source_ip: str | None = None


class Pool:
    """``most`` connections at once; one that was idle for ``kept_seconds`` is closed. ``largest_body``: bytes."""

    def __init__(self, target: Target, *, most: int, kept_seconds: float, largest_body: int) -> None:
        self._target = target
        self._most = most
        self._kept_seconds = kept_seconds
        self._largest_body = largest_body
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []  # the one that has been idle for longest first
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    def idle(self) -> Connection | None:
        """A connection that can be asked this very moment, the one used last where there are several. It is the
        caller's until it was asked and has answered."""
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place].usable:
                return self._idle.pop(place)
        return None

    async def get(self) -> Connection:
        """An idle connection, a new one, or, where there are as many as may be, the next that is free.

        Raises:
            OSError: none could be opened.
        """
        while True:
            connection = self.idle()
            if connection is not None:
                return connection
            if len(self._open) + self._opening < self._most:
                return await self._another()
            if self._idle:
                await asyncio.sleep(0)  # something lies in them unread: the loop finds out what
            else:
                await self._change()

    def forget_idle(self) -> None:
        """Close all that is idle."""
        for connection in self._idle:
            connection.drop("")
        self._idle.clear()

    async def close(self) -> None:
        """Close every connection, and wait until it is closed. Nothing may be opened any more."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.drop("the connection was closed by us")
        for connection in list(self._open):
            await connection.lost.wait()

    async def _another(self) -> Connection:
        target = self._target
        self._opening += 1
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(freed=self._freed, gone=self._gone, largest_body=self._largest_body),
                target.host,
                target.port,
                ssl=target.tls,
                local_addr=(target.source_ip, 0) if target.source_ip else None,
                happy_eyeballs_delay=None if _is_address(target.host) else NEXT_ADDRESS_SECONDS,
            )
            if not connection.open:
                raise ConnectionResetError("the broker closed it, or spoke, before it was asked")
        except (OSError, asyncio.CancelledError):
            self._changed()
            raise
        finally:
            self._opening -= 1
        self._open.add(connection)
        return connection

    # --- what changes -------------------------------------------------------------------------------------------

    def _freed(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(self._kept_seconds, self._close_old_ones)
        self._changed()

    def _gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._changed()

    def _close_old_ones(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        while self._idle:
            left = self._idle[0].idle_since + self._kept_seconds - loop.time()
            if left > 0:
                self._sweep = loop.call_later(left, self._close_old_ones)
                return
            self._idle.pop(0).drop("")

    async def _change(self) -> None:
        """Until a connection is free or closed; one change wakes one of those who wait, the first first."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                self._changed()  # it was this one's turn: the next one's then
            raise

    def _changed(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
