"""An account's order stream: connect, log in, hand on every frame as it came, and connect again, for ever.

Dhan says nothing to a good login and tears the connection some 10 ms after a bad one, without a word (Dhan API v2,
live order update; as seen). So the stream counts as up as soon as the login was sent, since the books are read then
anyway; and every end of a session, whatever its cause, is followed by a growing delay until a session has lived for a
while. Otherwise a dead token alone would make some ninety connections a second.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from copyctl import __version__
from copyctl.edge.address import checked

STEADY_SECONDS: Final = 60.0
"""A session that lived this long was a good one: the next delay is the shortest again."""

RAPID_DEATHS: Final = 3
"""So many sessions in a row that ended before they were steady: the token may be the cause."""

LARGEST_FRAME: Final = 2**20
"""Bytes; a frame is 1 to 2 KB. A larger one ends the session, as any other trouble does."""

FRAMES_IN_HAND: Final = 256
AGAIN_AND_AGAIN: Final = "closed right after the login again and again"
ANOTHER_TOKEN: Final = "the token is another one"  # noqa: S105  a reason, no secret
OPEN_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 1.0
USER_AGENT: Final = f"copyctl/{__version__}"

_TOO_MANY: Final = 429
_MOST_DOUBLINGS: Final = 30

_OURS = logging.getLogger("copyctl.stream")
_LOG = logging.getLogger("copyctl.websockets")
_LOG.setLevel(logging.WARNING)  # at debug the library writes every message, and the first one holds the token


class _StraightConnect(connect):
    """Goes to the address that it was given and nowhere else: the token is for that host alone."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class OrderStream:
    """The order stream of one account.

    ``login`` gives the first message, which holds the token as it is now. ``deliver`` takes every frame as it came,
    text or binary; it must not wait. ``changed`` is told True when the stream came up, and False with the reason when
    it went down or (once for each new reason) could not come up; after three rapid deaths ``judge`` is asked whether
    the token or the network is to blame, and the reason is what it says. ``chance`` makes the jitter.

    ``initial_seconds`` and ``maximum_seconds`` bound the delay before a new connection, which is between half and the
    whole of what doubling gives. ``heartbeat_seconds``: a ping is sent so often, and must be answered within that.
    ``name``: whose stream it is, for the log.

    Raises:
        ValueError: ``url`` is no ws:// or wss:// address.
    """

    def __init__(
        self,
        url: str,
        login: Callable[[], str],
        deliver: Callable[[bytes], None],
        changed: Callable[[bool, str], None],
        *,
        initial_seconds: float,
        maximum_seconds: float,
        heartbeat_seconds: float,
        chance: random.Random,
        judge: Callable[[], Awaitable[str]] | None = None,
        steady_seconds: float = STEADY_SECONDS,
        largest_frame: int = LARGEST_FRAME,
        source_ip: str | None = None,
        name: str = "",
    ) -> None:
        self._name = name
        self._url = checked(url, "ws", "wss")
        self._login = login
        self._deliver = deliver
        self._changed = changed
        self._initial_seconds = initial_seconds
        self._maximum_seconds = maximum_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._chance = chance
        self._judge = judge
        self._steady_seconds = steady_seconds
        self._largest_frame = largest_frame
        self._local_address = (source_ip, 0) if source_ip else None
        self._ends = 0
        self._rapid = 0
        self._up = False
        self._up_since = 0.0
        self._why = ""
        self._pushed_back = False
        self._socket: ClientConnection | None = None
        self._renewed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Keep the stream up until cancelled. Raises nothing of what a network or a broker does."""
        while True:
            self._pushed_back = False
            self._renewed.clear()
            why = await self._session()
            lived = time.monotonic() - self._up_since if self._up else 0.0
            is_suspect = self._ended(why, steady=lived >= self._steady_seconds or self._renewed.is_set())
            if is_suspect and self._judge is not None:
                self._tell(f"{AGAIN_AND_AGAIN}: {await self._judge()} ({why})")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._delay()):
                    await self._renewed.wait()

    def again(self) -> None:
        """The token is another one: log in with it at once, whatever the stream is at."""
        self._renewed.set()
        self._ends = self._rapid = 0
        if self._socket is not None:
            self._closing = asyncio.get_running_loop().create_task(self._socket.close(reason=ANOTHER_TOKEN))

    async def _session(self) -> str:
        """One connection from its opening to its end; why it ended."""
        try:
            async with _StraightConnect(
                self._url,
                compression=None,
                proxy=None,
                user_agent_header=USER_AGENT,
                open_timeout=OPEN_SECONDS,
                ping_interval=self._heartbeat_seconds,
                ping_timeout=self._heartbeat_seconds,
                close_timeout=CLOSE_SECONDS,
                max_size=self._largest_frame,
                max_queue=FRAMES_IN_HAND,
                logger=_LOG,
                local_addr=self._local_address,
            ) as socket:
                self._socket = socket
                self._renewed.clear()
                await socket.send(self._login())
                self._up, self._up_since = True, time.monotonic()
                self._changed(True, "")
                while True:
                    self._deliver(await socket.recv(decode=False))
        except ConnectionClosed as end:
            return ANOTHER_TOKEN if self._renewed.is_set() else _told_of(end)
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            self._pushed_back = status == _TOO_MANY
            return f"the stream's host answered HTTP {status}"
        except (OSError, WebSocketException) as fault:
            return f"no connection: {str(fault) or type(fault).__name__}"
        finally:
            self._socket = None

    def _ended(self, why: str, *, steady: bool) -> bool:
        """Take in that a session ended, and tell of it. May the token be the cause?"""
        was_up, self._up = self._up, False
        if steady:
            self._ends = self._rapid = 0
        elif was_up:
            self._rapid += 1
        is_suspect = was_up and self._rapid >= RAPID_DEATHS
        if is_suspect:
            why = f"{AGAIN_AND_AGAIN}: the token may be refused ({why})"
        self._tell(why, anew=was_up)
        return is_suspect

    def _tell(self, why: str, *, anew: bool = False) -> None:
        """It is down, for this reason."""
        if anew or why != self._why:
            self._why = why
            self._changed(False, why)
        else:
            _OURS.info("order stream of %s is still down: %s", self._name, why)

    def _delay(self) -> float:
        """Seconds until the next attempt."""
        doubled = self._initial_seconds * 2 ** min(self._ends, _MOST_DOUBLINGS)
        self._ends += 1
        most = self._maximum_seconds if self._pushed_back else min(doubled, self._maximum_seconds)
        return self._chance.uniform(most / 2, most)


def _told_of(end: ConnectionClosed) -> str:
    """How a session ended, in a few words. A code of ours and none of theirs: we gave up on a silent peer, or on a
    frame that was too large."""
    if end.rcvd is not None:
        reason = f" {end.rcvd.reason}" if end.rcvd.reason else ""
        return f"closed by the broker: {end.rcvd.code}{reason}"
    if end.sent is not None:
        return f"closed by us: {end.sent.code} {end.sent.reason}".rstrip()
    return "the connection broke without a close"
