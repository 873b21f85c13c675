"""``begin``: what has left when it returns, on which connection, and what giving up does to that connection."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
from edge_sample import RawServer, answer, serving
from transport_sample import PATIENCE_SECONDS, PLACE, READ, Certificate, gateway_to, threaded

from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Call, Passage


@pytest.fixture(params=["plain", "tls"])
def contexts(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """What a server shows and what a gateway trusts: nothing, or a certificate."""
    if request.param == "plain":
        return None, None
    certificate = Certificate.of_this_machine(tmp_path)
    return certificate.shown, certificate.trusted


async def silence(raw: RawServer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        pass


async def says_for_ever(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        writer.write(answer())


# --- what has left -------------------------------------------------------------------------------------------------


async def test_on_an_open_connection_the_bytes_have_left_before_begin_returns(contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted) as gateway:
            warming = asyncio.create_task(gateway.warm())
            spoken = await asyncio.to_thread(server.connection)
            assert (await asyncio.to_thread(spoken.asked)).startswith(b"GET /v2/profile ")
            spoken.say()
            assert (await warming).status == 200
            coming = gateway.begin(PLACE)
            arrived = spoken.asked()  # the loop stands: nothing of ours has run since
            assert arrived.startswith(b"POST /v2/orders HTTP/1.1\r\n")
            assert arrived.endswith(b'\r\n\r\n{"quantity": 1, "dhanClientId": "1100000002"}')
            assert not coming.done()
            spoken.say(answer(b"[7]"))
            got = await coming
            assert (got.passage, got.body) == (Passage.ANSWERED, b"[7]")
            assert 0 < got.left_at <= got.at
            assert server.count == 1


async def test_ten_accounts_are_reached_in_one_go():
    with threaded() as server:
        async with contextlib.AsyncExitStack() as stack:
            gateways = [await stack.enter_async_context(gateway_to(server.url)) for _ in range(10)]
            spoken = []
            for gateway in gateways:
                warming = gateway.begin(READ)
                spoken.append(await asyncio.to_thread(server.connection))
                await asyncio.to_thread(spoken[-1].asked)
                spoken[-1].say()
                await warming
            coming = [gateway.begin(PLACE) for gateway in gateways]
            for one in spoken:
                assert one.asked().startswith(b"POST ")
                one.say()
            assert [got.status for got in await asyncio.gather(*coming)] == [200] * 10


async def test_without_a_connection_begin_returns_at_once_and_the_bytes_follow():
    async with serving(says_for_ever) as raw, gateway_to(raw.url) as gateway:
        coming = [gateway.begin(PLACE) for _ in range(3)]
        assert not raw.peers
        assert {got.status for got in await asyncio.gather(*coming)} == {200}
        assert len(raw.seen) == len(raw.peers) == 3


@pytest.mark.parametrize(
    "call", [Call(), Call(method="no_such_method"), Call(verb="GET", path="/a b"), Call(verb="GET\r\n", path="/a")]
)
async def test_what_is_no_call_is_said_by_begin_itself(call):
    async with gateway_to("http://127.0.0.1:1/v2") as gateway:
        with pytest.raises((ValueError, TypeError, AttributeError)):
            gateway.begin(call)


async def test_what_cannot_leave_is_known_at_once():
    async with gateway_to("http://127.0.0.1:1/v2", token=lambda: "") as gateway:
        assert gateway.begin(PLACE).result().passage is Passage.NOT_LEFT
    assert gateway.begin(PLACE).result().passage is Passage.NOT_LEFT


# --- on which connection -------------------------------------------------------------------------------------------


async def warm(gateway: DhanGateway, server: object) -> object:
    """Have one connection open; its other side."""
    coming = gateway.begin(READ)
    spoken = await asyncio.to_thread(server.connection)
    await asyncio.to_thread(spoken.asked)
    spoken.say()
    assert (await coming).status == 200
    return spoken


@pytest.mark.parametrize("call", [PLACE, READ], ids=["POST", "GET"])
async def test_bytes_that_came_unasked_and_that_nobody_has_read_yet_are_no_answer(call, contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted) as gateway:
            first = await warm(gateway, server)
            first.say(answer(b"nobody asked"))
            coming = gateway.begin(call)  # the loop had no turn to hear of it
            second = await asyncio.to_thread(server.connection)
            assert await asyncio.to_thread(second.asked)
            second.say(answer(b"asked"))
            assert (await coming).body == b"asked"
            assert await asyncio.to_thread(first.closed.wait)
            assert first.requests.empty()


async def test_a_connection_that_was_closed_while_the_loop_stood_is_not_used(contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted) as gateway:
            first = await warm(gateway, server)
            first.hang_up()
            coming = gateway.begin(PLACE)
            second = await asyncio.to_thread(server.connection)
            assert await asyncio.to_thread(second.asked)
            second.say()
            assert (await coming).passage is Passage.ANSWERED
            assert first.requests.empty()


async def test_an_idle_connection_is_closed_by_us_and_the_next_call_opens_another():
    with threaded() as server:
        async with gateway_to(server.url, kept_alive_seconds=0.05) as gateway:
            first = await warm(gateway, server)
            assert await asyncio.to_thread(first.closed.wait, PATIENCE_SECONDS)
            assert first.requests.empty()
            assert await warm(gateway, server) is not first
