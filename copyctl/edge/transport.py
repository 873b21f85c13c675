"""One account's connection to Dhan's REST API: sends a call once, and tells for certain when it never left.

An order that was sent twice is worse than one that was not sent, so a request that changes an account goes over the
wire at most once, whatever happens to the connection. Everything that is not an answer is one of two: not a byte was
handed to a connection (NOT_LEFT, it may be sent again), or a byte was and nobody knows (NO_ANSWER). Where there is a
doubt it is NO_ANSWER.
"""

import asyncio
import contextlib
import email.utils
import re
import ssl
from collections.abc import Callable
from datetime import UTC
from types import SimpleNamespace
from typing import Final, Protocol

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from copyctl import __version__
from copyctl.edge.address import checked
from copyctl.edge.capture import ClientEncoder
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.secret import MASK

CONNECT_SECONDS: Final = 3.0
"""The longest wait for a connection; a call's whole deadline is shorter where that is."""

KEPT_ALIVE_SECONDS: Final = 50.0
"""An idle connection is closed by us after this, before a server (60 s and more) closes it under a request."""

LARGEST_BODY: Final = 32 * 2**20
"""Bytes of an answer. An order book of 7000 orders, the most that Dhan takes a day, is about 9 MB."""

CONNECTIONS: Final = 100
LONGEST_FAULT: Final = 300
DNS_SECONDS: Final = 300
USER_AGENT: Final = f"copyctl/{__version__}"
PROFILE: Final = Call(verb="GET", path="/profile")

_TOKEN: Final = re.compile(r"[!-~]+")
_PATH: Final = re.compile(r"/[!-~]*")
_RENEWS: Final = "/RenewToken"
"""A GET that changes something: it ends the old token, and a second one would lose the new one."""

_ASKED_BY_ACCOUNT: Final = ("/profile", _RENEWS)
"""Paths whose account is told by a header ``dhanClientId`` (Dhan API v2, authentication)."""

_CONNECTIONS_TRIED: Final = 3


class _Clock(Protocol):
    def now(self) -> int: ...


class _SecondAttempt(aiohttp.ClientError):
    """The library was about to send a request again that may have been taken already."""


class _SpokenFor(aiohttp.ClientError):
    """A kept connection holds bytes that nobody had asked for."""


class _Request(aiohttp.ClientRequest):
    """Never goes out on a connection that holds bytes already: the library would take them for its answer, and each
    later answer for that to the request before."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is None or conn.protocol.should_close:
            raise _SpokenFor("the broker had said something before it was asked")
        return await super().send(conn)


class _Trip(SimpleNamespace):
    """What became of one call so far. ``written_at``: when its bytes were handed over (ns), 0 before."""

    once: bool = True
    written_at: int = 0
    status: int = 0
    date: int = 0


class DhanGateway:
    """One account at the broker. ``token`` gives its access token as it is now; times come from ``clock`` (ns).

    ``timeout_seconds``: the deadline of a call, from the first attempt to connect to the last byte of the answer;
    ``connect_seconds``: how much of it may pass without a connection.
    ``source_ip``: the local address that requests leave from. Connections are kept warm and shared by all calls.

    Raises:
        ValueError: ``rest_url`` is no http:// or https:// address.
    """

    def __init__(
        self,
        rest_url: str,
        client_id: str,
        token: Callable[[], str],
        *,
        timeout_seconds: float,
        clock: _Clock,
        source_ip: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        connections: int = CONNECTIONS,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._rest_url = checked(rest_url, "http", "https").rstrip("/")
        self._client_id = client_id
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._source_ip = source_ip
        self._connect_seconds = min(connect_seconds, timeout_seconds)
        self._connections = connections
        self._largest_body = largest_body
        self._encoder = ClientEncoder(client_id)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, call: Call) -> Answer:
        """One attempt under one deadline. Never raises for what a network or a broker does.

        Raises:
            AttributeError, TypeError, ValueError: the call itself is none (a bug of ours).
        """
        verb, path, body = self._encoder.encode(call)
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path[:80]!r} is no path")
        trip = _Trip(once=verb != "GET" or path == _RENEWS)
        token = self._token()
        if self._closed:
            return self._not_left("the connection was closed by us")
        if not _TOKEN.fullmatch(token):
            return self._not_left("there is no access token, or it is not one line of plain text")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                for _ in range(_CONNECTIONS_TRIED - 1):
                    with contextlib.suppress(_SpokenFor):  # not a byte of it went out on that one
                        return await self._exchange(verb, path, body, token, trip)
                return await self._exchange(verb, path, body, token, trip)
        except TimeoutError as fault:
            told = (
                f"no answer within {self._timeout_seconds:g} s"
                if trip.written_at
                else _told(fault, "no connection", token)
            )
            return self._without_answer(trip, told)
        except (aiohttp.ClientError, OSError) as fault:
            return self._without_answer(trip, _told(fault, "the connection broke", token))

    async def warm(self) -> Answer:
        """Have a connection open before it is needed, by the cheapest question: is the token alive?"""
        return await self.send(PROFILE)

    async def close(self) -> None:
        """Close every connection; what is sent from now on has not left."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, verb: str, path: str, body: bytes | None, token: str, trip: _Trip) -> Answer:
        headers = {
            "access-token": token,
            "client-id": self._client_id,
            "Content-type": "application/json",
            "Accept": "application/json",
        }
        if path in _ASKED_BY_ACCOUNT:
            headers["dhanClientId"] = self._client_id
        async with self._opened().request(
            verb,
            URL(self._rest_url + path, encoded=True),
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=trip,
        ) as response:
            trip.status, trip.date = response.status, _nanoseconds(response.headers.get("Date", ""))
            read = bytearray()
            async for part in response.content.iter_any():
                read += part
                if len(read) > self._largest_body:
                    response.close()
                    return self._without_answer(trip, f"an answer of more than {self._largest_body} bytes")
            return Answer(
                passage=Passage.ANSWERED,
                at=self._clock.now(),
                left_at=trip.written_at,
                status=trip.status,
                body=bytes(read),
                date=trip.date,
            )

    def _opened(self) -> aiohttp.ClientSession:
        """The account's session. It keeps no cookies, follows no environment, and opens nothing before it is used."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=KEPT_ALIVE_SECONDS,
                    ttl_dns_cache=DNS_SECONDS,
                    local_addr=(self._source_ip, 0) if self._source_ip else None,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=self._connect_seconds, ceil_threshold=self._connect_seconds * 2
                ),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                request_class=_Request,
                trace_configs=[self._watched()],
            )
        return self._session

    def _watched(self) -> aiohttp.TraceConfig:
        """Learn when a request's bytes are handed to its connection, and let those that change anything go once.

        The library asks before the first byte is written. It sends PUT and DELETE again by itself when a kept
        connection turns out to be dead; for us such a request may have been taken, so the second asking is refused.
        """

        async def headers_go(
            _session: aiohttp.ClientSession, context: SimpleNamespace, _sent: aiohttp.TraceRequestHeadersSentParams
        ) -> None:
            trip: _Trip = context.trace_request_ctx
            if trip.written_at and trip.once:
                raise _SecondAttempt("the connection broke as the request was sent")
            trip.written_at = self._clock.now()

        async def body_goes(
            _session: aiohttp.ClientSession, context: SimpleNamespace, _sent: aiohttp.TraceRequestChunkSentParams
        ) -> None:
            context.trace_request_ctx.written_at = self._clock.now()

        watched = aiohttp.TraceConfig()
        watched.on_request_headers_sent.append(headers_go)
        watched.on_request_chunk_sent.append(body_goes)
        return watched

    def _not_left(self, fault: str) -> Answer:
        return Answer(passage=Passage.NOT_LEFT, at=self._clock.now(), fault=fault)

    def _without_answer(self, trip: _Trip, fault: str) -> Answer:
        if not trip.written_at:
            return self._not_left(fault)
        return Answer(
            passage=Passage.NO_ANSWER,
            at=self._clock.now(),
            left_at=trip.written_at,
            status=trip.status,
            date=trip.date,
            fault=fault,
        )


def _told(fault: BaseException, otherwise: str, token: str) -> str:
    """One line on a fault, for people. It never holds what was sent; what came may, so the token is taken out."""
    return " ".join(_in_words(fault, otherwise).replace(token, MASK).split())[:LONGEST_FAULT]


def _in_words(fault: BaseException, otherwise: str) -> str:
    if isinstance(fault, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {fault}"
    if isinstance(fault, aiohttp.ServerTimeoutError):
        return "no connection in time"
    if isinstance(fault, aiohttp.ServerDisconnectedError):
        return "the broker closed the connection without an answer"
    if isinstance(fault, aiohttp.ClientResponseError):
        return f"the answer is no HTTP: {fault.message}"
    return f"{otherwise}: {fault}" if str(fault) else otherwise


def _nanoseconds(date: str) -> int:
    """The moment that a Date header names, whole seconds, as ns; 0 where it names none."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return 0
