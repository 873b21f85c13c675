"""What the tests of the edge have in common: journal entries, and servers that say what they are told."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from copyctl.model.account import Account
from copyctl.model.effects import Notice
from copyctl.model.events import FrameRead
from copyctl.model.journal import Entry
from copyctl.model.records import Change

ACCOUNT = "1100000001"


def entry(number: int, *, account: str = ACCOUNT) -> Entry:
    """The entry with this number: a frame, the record that it moved on, and a line about it."""
    record = Account(account=account, last_frame_at=number)
    return Entry(
        event=FrameRead(at=number, account=account, raw=b'{"frame":%d}' % number),
        changes=(Change(table="account", key=account, record=record),),
        notices=(Notice(at=number, event="decision", text=f"frame {number}"),),
    )


class RawServer:
    """A server of bytes: ``seen`` has every request (head and body) that was read to its end."""

    def __init__(self, scheme: str = "http") -> None:
        self.scheme = scheme
        self.seen: list[bytes] = []
        self.peers: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v2"

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something; the test's own time limit ends what never comes."""
        while not happened():  # noqa: ASYNC110  it has no event of its own
            await asyncio.sleep(0.005)

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """The next request, b"" where the other side is gone."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        whole = head + await reader.readexactly(length)
        self.seen.append(whole)
        return whole


Handler = Callable[[RawServer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def accepted() -> None:
    """Let every connection that was begun be accepted: asyncio forgets one that a server is closed under."""
    for _ in range(5):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """A raw server while the block lasts; what still hangs at its end is torn."""
    raw = RawServer("https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.peers.append(writer.get_extra_info("peername")[0])
        try:
            await handler(raw, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _task: writer.transport.abort())  # one that was cancelled before it began

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        await accepted()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        await server.wait_closed()


def answer(body: bytes = b"[]", *, status: str = "200 OK", headers: str = "") -> bytes:
    """The bytes of an HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode("ascii") + body


def tear(writer: asyncio.StreamWriter) -> None:
    """Reset a connection, without a word."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
