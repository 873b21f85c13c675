"""The order stream against servers that behave as Dhan's was seen to behave, and worse."""

import asyncio
import base64
import contextlib
import hashlib
import http
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from edge_sample import RawServer, accepted, closed_port, serving, tear
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from copyctl.edge.stream import RAPID_DEATHS, OrderStream

TOKEN = "eyJhbGciOiJIUzUxMiJ9.stream.token-of-nobody"
LOGIN = f'{{"LoginReq":{{"MsgCode":42,"ClientId":"1100000001","Token":"{TOKEN}"}},"UserType":"SELF"}}'


class Chance(random.Random):
    """Chance that remembers what it was asked for: one question is one delay before a new connection."""

    def __init__(self) -> None:
        super().__init__(7)
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return super().uniform(a, b)


class Watch:
    """A stream that runs, and everything it said."""

    def __init__(self, url: str, **more: float) -> None:
        self.frames: list[bytes] = []
        self.said: list[tuple[bool, str]] = []
        self.chance = Chance()
        settings = {"initial_seconds": 0.01, "maximum_seconds": 0.04, "heartbeat_seconds": 10.0} | more
        self.stream = OrderStream(
            url,
            lambda: LOGIN,
            self.frames.append,
            lambda up, why: self.said.append((up, why)),
            chance=self.chance,
            **settings,  # type: ignore[arg-type]
        )

    async def until(self, happened: Callable[[], bool]) -> None:
        while not happened():  # noqa: ASYNC110  it has no event of its own
            await asyncio.sleep(0.002)

    async def downs(self, number: int) -> list[str]:
        """The reasons of the first so many ends."""
        await self.until(lambda: len(self.reasons) >= number)
        return self.reasons[:number]

    @property
    def reasons(self) -> list[str]:
        return [why for up, why in self.said if not up]


@contextlib.asynccontextmanager
async def watching(url: str, **more: float) -> AsyncIterator[Watch]:
    watch = Watch(url, **more)
    task = asyncio.create_task(watch.stream.run())
    try:
        yield watch
    finally:
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Handler = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def broker(handler: Handler, **more: object) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **more) as server:  # type: ignore[arg-type]
        [socket] = server.sockets
        yield f"ws://127.0.0.1:{socket.getsockname()[1]}"
        await accepted()


async def test_a_silent_login_is_a_good_one_and_every_frame_comes_as_it_was(caplog):
    caplog.set_level(logging.DEBUG)
    logins: list[str | bytes] = []
    odd = ['{"Data":{},"Type":"order_alert"}', b"\x32", b"\x00\x01\x02\x03\x04", "", "no JSON ✋", '{"torn":']

    async def handler(socket: ServerConnection) -> None:
        logins.append(await socket.recv())
        for frame in odd:
            await socket.send(frame)
        await socket.wait_closed()

    async with broker(handler) as url, watching(url) as watch:
        await watch.until(lambda: len(watch.frames) == len(odd))
        assert watch.frames == [one.encode() if isinstance(one, str) else one for one in odd]
        assert watch.said == [(True, "")]
    assert logins == [LOGIN]
    ours = [one for one in caplog.records if not one.name.startswith("websockets.server")]
    assert TOKEN not in "".join(one.getMessage() for one in ours)


async def test_a_reset_after_the_login_is_met_with_growing_delays_and_told_as_a_refused_token():
    connections = 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        socket.transport.abort()

    async with broker(handler) as url, watching(url) as watch:
        reasons = await watch.downs(8)
        assert connections <= len(watch.chance.asked) + 1
        bounds = watch.chance.asked[:8]
    assert all(low == high / 2 for low, high in bounds)
    assert [high for _, high in bounds] == [0.01, 0.02, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04]
    assert [("token may be refused" in why) for why in reasons] == [False] * (RAPID_DEATHS - 1) + [True] * 6
    assert all(TOKEN not in why for why in reasons)
    assert [up for up, _ in watch.said[:4]] == [True, False, True, False]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1013, 4001])
async def test_a_close_of_any_kind_is_followed_by_a_delay(code):
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(code, "go away")

    async with broker(handler) as url, watching(url) as watch:
        first, *_ = await watch.downs(4)
        assert len(watch.chance.asked) >= 3
    assert first == f"closed by the broker: {code} go away"


async def test_five_bytes_and_then_nothing_is_survived():
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(b"\x05\x00\x00\x00\x32")
        socket.transport.abort()

    async with broker(handler) as url, watching(url) as watch:
        await watch.downs(4)
        assert set(watch.frames) == {b"\x05\x00\x00\x00\x32"}


async def test_a_huge_frame_ends_the_session_and_makes_no_storm():
    connections = 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        await socket.send("x" * 20_000)
        await socket.wait_closed()

    async with broker(handler) as url, watching(url, largest_frame=10_000) as watch:
        first, *_ = await watch.downs(5)
        assert connections <= len(watch.chance.asked) + 1
        assert not watch.frames
    assert "1009" in first


async def test_a_session_that_lived_a_while_makes_the_next_delay_short_again():
    lives = iter([0.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0])

    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await asyncio.sleep(next(lives, 0.0))
        socket.transport.abort()

    async with broker(handler) as url, watching(url, steady_seconds=0.4) as watch:
        reasons = await watch.downs(6)
    assert [high for _, high in watch.chance.asked[:6]] == [0.01, 0.02, 0.04, 0.01, 0.01 * 2, 0.04]
    assert ["token" in why for why in reasons] == [False, False, True, False, False, False]


async def test_a_refused_connection_is_told_once_and_tried_for_ever():
    async with watching(f"ws://127.0.0.1:{closed_port()}") as watch:
        await watch.until(lambda: len(watch.chance.asked) >= 6)
        assert len(watch.said) == 1
        assert watch.said[0][0] is False
        assert "no connection" in watch.said[0][1]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_rejected_upgrade_is_tried_again_whatever_the_status(status):
    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    def reject(socket: ServerConnection, _request: Request) -> Response:
        return socket.respond(http.HTTPStatus(status), "no\n")

    async with broker(handler, process_request=reject) as url, watching(url) as watch:
        await watch.until(lambda: len(watch.chance.asked) >= 4)
        assert watch.said == [(False, f"the stream's host answered HTTP {status}")]
    longest = 0.04 if status == 429 else 0.01
    assert watch.chance.asked[0] == (longest / 2, longest)


async def test_a_redirect_is_not_followed_so_that_no_other_host_gets_the_token():
    async def anything(raw: RawServer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serving(anything) as other:

        def elsewhere(socket: ServerConnection, _request: Request) -> Response:
            response = socket.respond(http.HTTPStatus.FOUND, "")
            response.headers["Location"] = f"ws://127.0.0.1:{other.port}/"
            return response

        async with broker(handler, process_request=elsewhere) as url, watching(url) as watch:
            await watch.until(lambda: len(watch.chance.asked) >= 3)
            assert watch.said == [(False, "the stream's host answered HTTP 302")]
        assert not other.peers


async def open_by_hand(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer an upgrade, and read the login."""
    head = await raw.request(reader)
    key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324  the protocol's
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n\r\n"
    )
    await reader.read(65536)


async def test_a_peer_that_falls_silent_is_found_by_its_missing_pong():
    async def mute(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await open_by_hand(raw, reader, writer)
        while await reader.read(65536):
            pass

    async with serving(mute) as raw, watching(f"ws://127.0.0.1:{raw.port}", heartbeat_seconds=0.05) as watch:
        first, *_ = await watch.downs(2)
    assert first.startswith("closed by us: 1011")


async def test_a_reset_without_a_close_is_told_as_that():
    async def resets(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await open_by_hand(raw, reader, writer)
        tear(writer)

    async with serving(resets) as raw, watching(f"ws://127.0.0.1:{raw.port}") as watch:
        first, *_ = await watch.downs(3)
    assert first == "the connection broke without a close"


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x00\x01\r\n\r\n", b""], ids=["200", "noise", "nothing"]
)
async def test_a_host_that_speaks_something_else_is_tried_again(said):
    async def other(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(said)

    async with serving(other) as raw, watching(f"ws://127.0.0.1:{raw.port}") as watch:
        await watch.until(lambda: len(raw.peers) >= 3)
        assert len(raw.peers) <= len(watch.chance.asked) + 1
        assert all(not up for up, _ in watch.said)


async def test_frames_that_do_not_pass_the_protocol_end_the_session():
    async def noise(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await open_by_hand(raw, reader, writer)
        writer.write(b"\xff" * 200)
        await reader.read(65536)

    async with serving(noise) as raw, watching(f"ws://127.0.0.1:{raw.port}") as watch:
        first, *_ = await watch.downs(2)
        assert "1002" in first
        assert not watch.frames


async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    async with broker(handler) as url, watching(url) as watch:
        await watch.until(lambda: bool(watch.said))
        assert watch.said == [(True, "")]


async def test_stopping_says_goodbye():
    codes: list[int | None] = []

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()
        codes.append(socket.close_code)

    async with broker(handler) as url:
        async with watching(url) as watch:
            await watch.until(lambda: bool(watch.said))
        await watch.until(lambda: bool(codes))
    assert codes[0] in (1000, 1001, 1011)


async def test_scenario_5_8_after_rapid_deaths_the_profile_says_whether_token_or_network_is_to_blame():
    asked = 0

    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(b"\x32\x00\x00\x00\x01")  # the other shape of a dead token, seen once
        socket.transport.abort()

    async def judge() -> str:
        nonlocal asked
        asked += 1
        return "the token is refused (Invalid Token)"

    async with broker(handler) as url, watching(url, judge=judge) as watch:  # type: ignore[arg-type]
        await watch.until(lambda: asked >= 2)
        reasons = watch.reasons
    assert len(watch.frames) >= RAPID_DEATHS
    assert not any("refused" in one for one in reasons[: RAPID_DEATHS - 1])
    assert "again and again: the token is refused (Invalid Token)" in reasons[RAPID_DEATHS]


async def test_scenario_5_8_another_token_logs_in_at_once_whatever_the_stream_is_at():
    connections, dying = 0, True

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        if dying:
            socket.transport.abort()
        else:
            await socket.wait_closed()

    async with (
        broker(handler) as url,
        watching(url, initial_seconds=600, maximum_seconds=600) as watch,
    ):
        await watch.downs(1)  # it waits some minutes now
        dying = False
        watch.stream.again()
        await watch.until(lambda: connections == 2 and watch.said[-1][0])
        watch.stream.again()  # and out of a session that is up
        await watch.until(lambda: connections == 3 and watch.said[-1][0])
        assert watch.said[-2] == (False, "the token is another one")
