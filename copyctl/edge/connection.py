"""One connection to an HTTP server: a request's bytes out, at once; one answer in.

Nothing is ever sent here but the bytes that ``ask`` was given, and these go to the socket before ``ask`` returns: what
left and what did not is known for certain. Answers are read by ``h11``, which does no I/O of its own; it is given
bytes, and says what they are.
"""

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

import h11

VERBS: Final = ("GET", "POST", "PUT", "DELETE")

LARGEST_HEAD: Final = 16 * 2**10
"""Bytes of an answer's status line and headers, and of a chunk's."""

_CLOSED: Final = "the broker closed the connection without an answer"

_ASKED: Final = {verb: h11.Request(method=verb, target="/", headers=[("Host", "-")]) for verb in VERBS}
"""What h11 is told of a request: how an answer is to be read depends on the verb and on nothing else of it."""


@dataclass(slots=True)
class Heard:
    """What came of one request so far; with a ``fault`` the answer never became whole.

    ``unheard``: the connection ended before one byte of an answer had come.
    """

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    fault: str = ""
    unheard: bool = False

    def header(self, name: bytes) -> str:
        """The first header of this (lower case) name, "" where there is none."""
        return next((value.decode("latin-1") for found, value in self.headers if found == name), "")


class Connection(asyncio.Protocol):
    """One connection, one request on it at a time.

    ``freed`` is told when it can be asked again, ``gone`` when it is closed. ``largest_body``: bytes of an answer.
    Whatever is not the answer to what was asked (bytes out of turn, more bytes than the answer has) ends it.
    """

    def __init__(
        self, *, freed: Callable[["Connection"], None], gone: Callable[["Connection"], None], largest_body: int
    ) -> None:
        self.kept = False
        self.idle_since = 0.0
        self.lost = asyncio.Event()
        self._freed = freed
        self._gone = gone
        self._largest_body = largest_body
        self._poll = select.poll()
        self._transport: asyncio.Transport | None = None
        self._verb = ""
        self._heard = Heard()
        self._done: Callable[[Heard], None] | None = None
        self._reader: h11.Connection | None = None
        self._body = bytearray()

    @property
    def open(self) -> bool:
        """Is nothing known to be wrong with it?"""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def usable(self) -> bool:
        """Can it be asked this very moment? The socket itself is looked at: what lies in it unread, be it an answer
        that nobody asked for or the news that the other side has closed, was not yet told to anybody."""
        return self.open and not self._poll.poll(0)

    def ask(self, verb: str, request: bytes, done: Callable[[Heard], None]) -> None:
        """Hand a request to the socket, now; ``done`` is told once, later, what came of it.

        Raises:
            RuntimeError: there is no such connection, or it is not idle (a bug of ours).
        """
        if self._transport is None or self._done is not None:
            raise RuntimeError("a connection was asked out of turn")
        self._verb, self._done = verb, done
        self._heard, self._body, self._reader = Heard(), bytearray(), None
        self._transport.write(request)

    def drop(self, fault: str) -> None:
        """Close it at once; what was asked on it ends with this fault."""
        if self._transport is not None:
            self._transport.abort()
        self._end(fault)

    # --- told by asyncio ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # a stream's is one
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Bytes came: a piece of the answer, or something that nobody asked for."""
        if self._done is None:
            self.drop("")
            return
        if self._reader is None:
            self._reader = _reader(self._verb)
        try:
            for start in range(0, len(data), LARGEST_HEAD):
                if self._whole(self._reader, data[start : start + LARGEST_HEAD]):
                    self._answered(again=_can_go_on(self._reader) and start + LARGEST_HEAD >= len(data))
                    return
        except _NoAnswer as fault:
            self.drop(str(fault))

    def eof_received(self) -> None:
        """The other side will say nothing more: the end of an answer that has no length, the loss of any other."""
        if self._done is None or self._reader is None:
            self._ended_unheard(_CLOSED)
            return
        try:
            if self._whole(self._reader, b""):
                self._answered(again=False)
        except _NoAnswer as fault:
            self.drop(str(fault))

    def connection_lost(self, fault: Exception | None) -> None:
        """It is closed."""
        if fault is None:
            self.eof_received()
        elif self._reader is None:
            self._ended_unheard(f"the connection broke: {str(fault) or type(fault).__name__}")
        else:
            self.drop(f"the connection broke: {str(fault) or type(fault).__name__}")
        self.lost.set()
        self._gone(self)

    # --- reading ------------------------------------------------------------------------------------------------

    def _whole(self, reader: h11.Connection, piece: bytes) -> bool:
        """Read a piece, b"" for the end of all; is the answer whole now?

        Raises:
            _NoAnswer: it never will be.
        """
        try:
            reader.receive_data(piece)
            while True:
                event = reader.next_event()
                if isinstance(event, h11.Response):
                    self._heard.status, self._heard.headers = event.status_code, list(event.headers)
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > self._largest_body:
                        raise _NoAnswer(f"an answer of more than {self._largest_body} bytes")
                elif not isinstance(event, h11.InformationalResponse):
                    return isinstance(event, h11.EndOfMessage)
        except h11.RemoteProtocolError as fault:
            why = "the answer is no HTTP" if piece else "the answer broke off"
            raise _NoAnswer(f"{why}: {_without_bytes(fault)}") from None

    def _answered(self, *, again: bool) -> None:
        self._heard.body = bytes(self._body)
        self.kept = True
        if again and self.open:
            done, self._done = self._done, None
            self._freed(self)
            if done is not None:
                done(self._heard)
        else:
            self.drop("")

    def _ended_unheard(self, fault: str) -> None:
        if self._done is not None:
            self._heard.unheard = True
        self.drop(fault)

    def _end(self, fault: str) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._heard.fault = fault
            done(self._heard)


class _NoAnswer(Exception):
    """What came can never become a whole answer."""


def _reader(verb: str) -> h11.Connection:
    """A reader for the answer to a request that is out already. It is made when the first byte of the answer has
    come: before that it would only have held up the next request."""
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    reader.send(_ASKED[verb])
    reader.send(h11.EndOfMessage())
    return reader


def _can_go_on(reader: h11.Connection) -> bool:
    """Does the other side keep the connection, and has it said nothing beyond its answer?"""
    return reader.their_state is h11.DONE and not reader.trailing_data[0]


def _without_bytes(fault: h11.RemoteProtocolError) -> str:
    """What h11 found, without the bytes it was found in: a broker may say back what was said to it."""
    return str(fault).partition(": b")[0]
