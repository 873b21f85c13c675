"""One account's connection to Dhan's REST API: sends a call once, and tells for certain when it never left.

An order that was sent twice is worse than one that was not sent, so a request that changes an account goes over the
wire at most once, whatever happens to the connection. Everything that is not an answer is one of two: not a byte was
handed to a connection (NOT_LEFT, it may be sent again), or a byte was and nobody knows (NO_ANSWER). Where there is a
doubt it is NO_ANSWER.

Where a connection is open already the bytes are with the system before ``begin`` returns: ten followers are reached
by ten plain calls, with no turn of the loop between them.
"""

import asyncio
import email.utils
import functools
import logging
import re
import ssl
import zlib
from collections.abc import Callable
from datetime import UTC
from typing import Final, Protocol
from urllib.parse import urlsplit

from copyctl import __version__
from copyctl.edge.address import checked
from copyctl.edge.capture import ClientEncoder
from copyctl.edge.connection import VERBS, Connection, Heard
from copyctl.edge.pool import Pool, Target
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.secret import MASK

CONNECT_SECONDS: Final = 3.0
"""The longest wait for a connection; a call's whole deadline is shorter where that is."""

KEPT_ALIVE_SECONDS: Final = 50.0
"""An idle connection is closed by us after this, before a server (60 s and more) closes it under a request."""

LARGEST_BODY: Final = 32 * 2**20
"""Bytes of an answer. An order book of 7000 orders, the most that Dhan takes a day, is about 9 MB."""

SHORTEST_TOKEN: Final = 16
"""Characters. What is shorter is no token of Dhan's, and may be part of any word of an answer."""

CONNECTIONS: Final = 100
LONGEST_FAULT: Final = 300
USER_AGENT: Final = f"copyctl/{__version__}"
PROFILE: Final = Call(verb="GET", path="/profile")

_PLAIN: Final = re.compile(r"[!-~]+")
_PATH: Final = re.compile(r"/[!-~]*")
_RENEWS: Final = "/RenewToken"
"""A GET that changes something: it ends the old token, and a second one would lose the new one."""

_ASKED_BY_ACCOUNT: Final = ("/profile", _RENEWS)
"""Paths whose account is told by a header ``dhanClientId`` (Dhan API v2, authentication)."""

_PACKED: Final = ("gzip", "x-gzip", "deflate")
_EITHER_PACKING: Final = 32 + zlib.MAX_WBITS
_CLOSED: Final = "the connection was closed by us"

_LOG: Final = logging.getLogger("copyctl.gateway")
_LOUD: Final = (401, 403, 429)
_SERVER_FAILS: Final = 500
"""What of the answers is trouble, whatever was asked; the others are answers, and told as such."""


class _Clock(Protocol):
    def now(self) -> int: ...


class _Trip:
    """One call on its way. ``left_at``: when its bytes were handed over (ns), 0 before. ``repeatable``: it changes
    nothing, and may go once more. ``connecting``: it waits for a connection."""

    __slots__ = (
        "answer",
        "connecting",
        "connection",
        "deadline",
        "left_at",
        "path",
        "repeatable",
        "request",
        "token",
        "verb",
    )

    def __init__(
        self, verb: str, path: str, request: bytes, token: str, *, repeatable: bool, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.verb = verb
        self.path = path
        self.request = request
        self.token = token
        self.repeatable = repeatable
        self.answer: asyncio.Future[Answer] = loop.create_future()
        self.deadline: asyncio.TimerHandle | None = None
        self.left_at = 0
        self.connection: Connection | None = None
        self.connecting: asyncio.Task[None] | None = None


class DhanGateway:
    """One account at the broker. ``token`` gives its access token as it is now, None where it is asked without one (the
    login host); times come from ``clock`` (ns).

    ``timeout_seconds``: the deadline of a call, from the first attempt to connect to the last byte of the answer;
    ``connect_seconds``: how much of it may pass without a connection.
    ``source_ip``: the local address that requests leave from. Connections are kept warm and shared by all calls.
    ``tls``: whom to trust with an https:// address, if not whom this machine trusts. ``name``: of the account, for the
    log.

    Raises:
        ValueError: ``rest_url`` is no http:// or https:// address, or ``client_id`` none that a header can carry.
    """

    def __init__(
        self,
        rest_url: str,
        client_id: str,
        token: Callable[[], str] | None,
        *,
        timeout_seconds: float,
        clock: _Clock,
        source_ip: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        kept_alive_seconds: float = KEPT_ALIVE_SECONDS,
        connections: int = CONNECTIONS,
        largest_body: int = LARGEST_BODY,
        tls: ssl.SSLContext | None = None,
        name: str = "",
    ) -> None:
        self._name = name or client_id
        self._troubles: dict[str, str] = {}
        parts = urlsplit(checked(rest_url, "http", "https"))
        secure = parts.scheme == "https"
        usual_port = 443 if secure else 80
        host = (parts.hostname or "").encode("idna").decode("ascii")
        beside = parts.query or parts.fragment or parts.username is not None
        if beside or not _PLAIN.fullmatch(host) or not _PATH.fullmatch(f"{parts.path}/"):
            raise ValueError(f"{rest_url} is no address: it may have a host, a port and a path")
        if not _PLAIN.fullmatch(client_id):
            raise ValueError(f"{client_id!r} is no client id")
        self._host = f"[{host}]" if ":" in host else host
        if parts.port not in (None, usual_port):
            self._host += f":{parts.port}"
        self._prefix = parts.path.rstrip("/")
        self._client_id = client_id
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._connect_seconds = min(connect_seconds, timeout_seconds)
        self._largest_body = largest_body
        self._encoder = ClientEncoder(client_id)
        self._prepared_for: str | None = None
        self._headers = ""
        self._connecting: set[_Trip] = set()
        self._closed = False
        self._pool = Pool(
            Target(
                host=host,
                port=parts.port or usual_port,
                tls=(tls or _whom_this_machine_trusts()) if secure else None,
                source_ip=source_ip,
            ),
            most=connections,
            kept_seconds=kept_alive_seconds,
            largest_body=largest_body,
        )

    def begin(self, call: Call) -> asyncio.Future[Answer]:
        """One attempt under one deadline; the future is its answer, and never an exception for what a network or a
        broker does. Where a connection is idle the bytes have been handed to it on return; where the future is
        cancelled, the connection that it was sent on is closed.

        Raises:
            AttributeError, TypeError, ValueError: the call itself is none (a bug of ours).
        """
        verb, path, body = self._encoder.encode(call)
        if verb not in VERBS or not _PATH.fullmatch(path):
            raise ValueError(f"{verb[:20]!r} {path[:80]!r} is no path, or nothing that can be done to one")
        loop = asyncio.get_running_loop()
        token = self._token() if self._token is not None else None
        fault = _CLOSED if self._closed else self._prepare(token)
        trip = _Trip(
            verb,
            path,
            b"" if fault else self._request(verb, path, body),
            token or "",
            repeatable=verb == "GET" and path != _RENEWS,
            loop=loop,
        )
        if fault:
            self._end(trip, fault)
            return trip.answer
        connection = self._pool.idle()
        if connection is None:
            self._connect(trip)
        else:
            self._write(trip, connection)
        trip.deadline = loop.call_later(self._timeout_seconds, self._late, trip)
        trip.answer.add_done_callback(functools.partial(self._over, trip))
        return trip.answer

    async def send(self, call: Call) -> Answer:
        """``begin``, and wait for the answer."""
        return await self.begin(call)

    async def warm(self) -> Answer:
        """Have a connection open before it is needed, by the cheapest question: is the token alive?"""
        return await self.send(PROFILE)

    async def close(self) -> None:
        """Close every connection; what is sent from now on has not left."""
        self._closed = True
        connecting = [trip.connecting for trip in self._connecting if trip.connecting is not None]
        for trip in list(self._connecting):
            self._give_up(trip, _CLOSED)
        await asyncio.gather(*connecting, return_exceptions=True)
        await self._pool.close()

    # --- out ----------------------------------------------------------------------------------------------------

    def _prepare(self, token: str | None) -> str:
        """Have the headers that every request with this token has; or why it can have none."""
        if token != self._prepared_for or not self._headers:
            if token is not None and not _PLAIN.fullmatch(token):
                return "there is no access token, or it is not one line of plain text"
            credential = "" if token is None else f"access-token: {token}\r\n"
            self._headers = (
                f"Host: {self._host}\r\n"
                f"User-Agent: {USER_AGENT}\r\n"
                f"{credential}"
                f"client-id: {self._client_id}\r\n"
                "Content-type: application/json\r\n"
                "Accept: application/json\r\n"
                "Accept-Encoding: identity\r\n"
            )
            self._prepared_for = token
        return ""

    def _request(self, verb: str, path: str, body: bytes | None) -> bytes:
        """The bytes of a request. Nothing in it can end a line: path, token, host and client id were looked at."""
        head = f"{verb} {self._prefix}{path} HTTP/1.1\r\n{self._headers}"
        if path in _ASKED_BY_ACCOUNT:
            head += f"dhanClientId: {self._client_id}\r\n"
        if body is None:
            return (
                f"{head}\r\n".encode("ascii") if verb == "GET" else f"{head}Content-Length: 0\r\n\r\n".encode("ascii")
            )
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body

    def _write(self, trip: _Trip, connection: Connection) -> None:
        trip.connection = connection
        trip.left_at = self._clock.now()
        connection.ask(trip.verb, trip.request, functools.partial(self._heard, trip))

    def _connect(self, trip: _Trip) -> None:
        self._connecting.add(trip)
        trip.connecting = asyncio.get_running_loop().create_task(self._write_when_connected(trip))

    async def _write_when_connected(self, trip: _Trip) -> None:
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection = await self._pool.get()
        except TimeoutError:
            self._end(trip, "no connection in time")
        except OSError as fault:
            self._end(trip, _in_words(fault))
        else:
            if trip.answer.done():  # given up at this very moment
                connection.drop("")
            else:
                self._write(trip, connection)
        finally:
            trip.connecting = None
            self._connecting.discard(trip)

    # --- back ---------------------------------------------------------------------------------------------------

    def _heard(self, trip: _Trip, heard: Heard) -> None:
        """What came of a request. A kept connection may have been closed by the other side as it was used: what only
        reads is asked once more then, on a new one."""
        kept = trip.connection is not None and trip.connection.kept
        if heard.unheard and kept and trip.repeatable and not (self._closed or trip.answer.done()):
            trip.repeatable = False
            self._pool.forget_idle()
            self._connect(trip)
            return
        date = _nanoseconds(heard.header(b"date"))
        fault, body = heard.fault, b""
        if not fault:
            try:
                body = _without(trip.token, self._unpacked(heard))
            except (ValueError, zlib.error) as broken:
                fault = f"the answer cannot be unpacked: {broken}"
        self._end(trip, fault, heard.status, body, date)

    def _unpacked(self, heard: Heard) -> bytes:
        """The body; it may be packed, though that was not asked for.

        Raises:
            ValueError, zlib.error: it is not what it says.
        """
        if not heard.body or heard.header(b"content-encoding").lower() not in _PACKED:
            return heard.body
        unpacking = zlib.decompressobj(_EITHER_PACKING)
        body = unpacking.decompress(heard.body, self._largest_body)
        if not unpacking.eof:
            raise ValueError(f"it is not whole, or of more than {self._largest_body} bytes")
        return body

    def _late(self, trip: _Trip) -> None:
        self._give_up(
            trip, f"no answer within {self._timeout_seconds:g} s" if trip.left_at else "no connection in time"
        )

    def _over(self, trip: _Trip, answer: asyncio.Future[Answer]) -> None:
        if trip.deadline is not None:
            trip.deadline.cancel()
        if answer.cancelled():
            self._give_up(trip, "")

    def _give_up(self, trip: _Trip, fault: str) -> None:
        """Wait no longer. An answer may still come on its connection, so that is closed."""
        if trip.connecting is not None:
            trip.connecting.cancel()
            trip.connecting = None
            self._connecting.discard(trip)
            self._end(trip, fault)
        elif trip.connection is not None:
            trip.connection.drop(fault)

    def _end(self, trip: _Trip, fault: str, status: int = 0, body: bytes = b"", date: int = 0) -> None:
        """Tell what became of a call, if anybody wants to know still. What is told never holds what was sent; what
        came may, so the token is taken out."""
        if trip.answer.done():
            return
        passage = Passage.ANSWERED
        if fault:
            passage = Passage.NO_ANSWER if trip.left_at else Passage.NOT_LEFT
            fault = " ".join(fault.replace(trip.token or MASK, MASK).split())[:LONGEST_FAULT]
        trip.answer.set_result(
            Answer(
                passage=passage,
                at=self._clock.now(),
                left_at=trip.left_at,
                status=status,
                body=body,
                date=date,
                fault=fault,
            )
        )
        not_his = status >= _SERVER_FAILS and not body.startswith(b"{")  # of a proxy: the broker's own are JSON
        self._note(trip, fault or f"HTTP {status}", trouble=bool(fault) or status in _LOUD or not_his)

    def _note(self, trip: _Trip, told: str, *, trouble: bool) -> None:
        """A line in the log, loud where trouble is news. No query, which may hold what opens an account."""
        path = trip.path.partition("?")[0]
        what = f"{trip.verb} /{path.split('/')[1]}"
        news = trouble and self._troubles.get(what) != told
        _LOG.log(logging.WARNING if news else logging.DEBUG, "%s: %s %s: %s", self._name, trip.verb, path, told)
        if trouble:
            self._troubles[what] = told
        elif self._troubles.pop(what, ""):
            _LOG.warning("%s: %s works again", self._name, what)


def _without(token: str, body: bytes) -> bytes:
    """An answer that repeats the token it was asked with does not carry it any further."""
    sent = token.encode("ascii")
    return body.replace(sent, MASK.encode("ascii")) if len(sent) >= SHORTEST_TOKEN and sent in body else body


def _in_words(fault: OSError) -> str:
    """Why there is no connection."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {fault}"
    return f"no connection: {fault}" if str(fault) else "no connection"


@functools.cache
def _whom_this_machine_trusts() -> ssl.SSLContext:
    """Reading the machine's certificates takes some milliseconds: once for all accounts."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@functools.lru_cache(maxsize=8)
def _nanoseconds(date: str) -> int:
    """The moment that a Date header names, whole seconds, as ns; 0 where it names none."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return 0
