"""The order stream against noise, and against a host that first tears every session and then is gone."""

import asyncio
import base64
import contextlib
import hashlib
import random
from collections.abc import Callable

import pytest
from edge_sample import RawServer, serving, tear

from copyctl.edge.stream import RAPID_DEATHS, OrderStream

LOGIN = '{"LoginReq":{"MsgCode":42,"ClientId":"1100000001","Token":"stream-token-of-nobody"},"UserType":"SELF"}'


def upgrade(head: bytes) -> bytes:
    key = next((line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: ")), b"")
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324  the protocol's
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n"
    )


def frame(code: int, said: bytes, *, last: bool = True, odd: int = 0) -> bytes:
    size = bytes([len(said)]) if len(said) < 126 else b"\x7e" + len(said).to_bytes(2, "big")
    return bytes([(0x80 if last else 0) | odd | code]) + size + said


FRAMES = (
    frame(1, b'{"Type":"order_alert"}'),
    frame(1, b"\xff\xfe"),
    frame(2, b"\x05\x00\x00\x00\x32"),
    frame(1, b"half", last=False),
    frame(0, b"the other half"),
    frame(1, b"x" * 60_000),
    frame(8, b""),
    frame(8, b"\x03"),
    frame(8, b"\x03\xe8\xff\xff"),
    frame(8, b"\xff\xff" + b"x" * 50),
    frame(9, b"ping"),
    frame(9, b"p" * 200),
    frame(10, b"pong"),
    frame(3, b""),
    frame(1, b"compressed", odd=0x40),
    b"\x81\x7f" + b"\xff" * 8,
    b"\x81\x7e\x10",
)
HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: ::://\r\n\r\n",
    b"HTTP/1.1 429 No\r\nRetry-After: 0\r\n\r\n",
    b"HTTP/1.0 101 No\r\n\r\n",
    b"HTTP/1.1 101 No\r\n" + b"A: b\r\n" * 300 + b"\r\n",
)


@contextlib.asynccontextmanager
async def running(raw: RawServer, deliver: Callable[[bytes], None], changed: Callable[[bool, str], None], seed: int):  # type: ignore[no-untyped-def]
    stream = OrderStream(
        f"ws://127.0.0.1:{raw.port}",
        lambda: LOGIN,
        deliver,
        changed,
        initial_seconds=0.0005,
        maximum_seconds=0.001,
        heartbeat_seconds=0.05,
        chance=random.Random(seed),
        largest_frame=50_000,
    )
    task = asyncio.create_task(stream.run())
    yield
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("seed", range(3))
async def test_no_noise_ends_the_run(seed):
    chance = random.Random(seed)
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))
    frames: list[bytes] = []
    said: list[tuple[bool, str]] = []

    def opening(head: bytes) -> bytes:
        match chance.randrange(6):
            case 0:
                spoiled = bytearray(upgrade(head) + b"\r\n")
                for _ in range(chance.randint(1, 5)):
                    spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
                return bytes(spoiled)
            case 1:
                return chance.choice(HEADS)
            case 2:
                return upgrade(head) + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
            case _:
                return upgrade(head) + b"\r\n"

    async def handler(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening(await raw.request(reader)))
        for _ in range(chance.randint(0, 6)):
            writer.write(chance.choice((*FRAMES, chance.randbytes(20))))
            await writer.drain()
            await asyncio.sleep(0)
        if chance.random() < 0.4:
            tear(writer)

    async with serving(handler) as raw, running(raw, frames.append, lambda up, why: said.append((up, why)), seed):
        await raw.until(lambda: len(raw.peers) >= 200)
    assert not unheard
    assert frames
    assert all(isinstance(one, bytes) for one in frames)
    assert all("token-of-nobody" not in why for _, why in said)


async def test_a_host_that_is_gone_is_not_told_as_a_refused_token():
    said: list[str] = []
    gone = asyncio.Event()
    after: list[str] = []

    async def tears(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await raw.request(reader)
        if not gone.is_set():
            writer.write(upgrade(head) + b"\r\n")
            await reader.read(65536)
        tear(writer)

    def changed(_up: bool, why: str) -> None:
        (after if gone.is_set() else said).append(why)
        if "token may be refused" in why:
            gone.set()

    async with serving(tears) as raw, running(raw, lambda _raw: None, changed, 1):
        await raw.until(lambda: bool(after))
    assert len([why for why in said if why]) >= RAPID_DEATHS
    assert after[0].startswith("no connection")
