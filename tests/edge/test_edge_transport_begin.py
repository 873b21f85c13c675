"""``begin``: what has left when it returns, on which connection, and what giving up does to that connection."""

import asyncio
import contextlib
import json
import ssl
from pathlib import Path

import pytest
from edge_sample import RawServer, answer, serving
from transport_sample import (
    PATIENCE_SECONDS,
    PLACE,
    READ,
    SHORT,
    TOKEN,
    Certificate,
    Spoken,
    ThreadServer,
    arrives,
    gateway_to,
    threaded,
)

from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Answer, Call, Passage


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


async def warm(gateway: DhanGateway, server: ThreadServer) -> Spoken:
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
            arrives()
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
            arrives()
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


async def test_a_burst_uses_the_connections_that_are_there_and_opens_the_rest():
    async with serving(says_for_ever) as raw, gateway_to(raw.url) as gateway:
        for burst in (1, 3, 5, 2):
            assert {got.status for got in await asyncio.gather(*(gateway.begin(PLACE) for _ in range(burst)))} == {200}
        assert len(raw.peers) == 5
        assert len(raw.seen) == 11


# --- as many connections as may be ---------------------------------------------------------------------------------


async def says_it_back(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while whole := await raw.request(reader):
        await asyncio.sleep(0.001)
        writer.write(answer(whole.partition(b"\r\n\r\n")[2]))


async def test_many_calls_at_once_share_few_connections_and_each_gets_its_own_answer(contexts):
    shown, trusted = contexts
    async with serving(says_it_back, shown) as raw, gateway_to(raw.url, tls=trusted, connections=5) as gateway:
        calls = [Call(verb="POST", path="/orders", body={"number": number}) for number in range(200)]
        told = await asyncio.gather(*(gateway.send(call) for call in calls))
        assert [json.loads(got.body)["number"] for got in told] == list(range(200))
        assert len(raw.peers) == 5
        assert len(raw.seen) == 200


async def test_a_call_waits_for_a_connection_within_its_deadline(contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted, connections=1) as gateway:
            spoken = await warm(gateway, server)
            first, second = gateway.begin(PLACE), gateway.begin(READ)
            assert (await asyncio.to_thread(spoken.asked)).startswith(b"POST ")
            assert spoken.requests.empty()
            spoken.say()
            assert (await first).status == 200
            assert (await asyncio.to_thread(spoken.asked)).startswith(b"GET ")
            spoken.say()
            assert (await second).status == 200
            assert server.count == 1


@pytest.mark.parametrize("turns", range(16))
async def test_one_that_waits_for_a_connection_and_is_given_up_leaves_its_turn_to_the_next(turns):
    async with serving(says_for_ever) as raw, gateway_to(raw.url, connections=1) as gateway:
        await gateway.warm()
        first, given_up, last = gateway.begin(PLACE), gateway.begin(PLACE), gateway.begin(READ)
        for _ in range(turns):
            await asyncio.sleep(0)
        given_up.cancel()
        assert (await first).status == 200
        assert (await last).status == 200


async def test_where_a_connection_breaks_the_next_that_waits_opens_another():
    with threaded() as server:
        async with gateway_to(server.url, connections=1) as gateway:
            spoken = await warm(gateway, server)
            first, second = gateway.begin(PLACE), gateway.begin(PLACE)
            await asyncio.to_thread(spoken.asked)
            await asyncio.to_thread(spoken.hang_up)
            assert (await first).passage is Passage.NO_ANSWER
            other = await asyncio.to_thread(server.connection)
            await asyncio.to_thread(other.asked)
            other.say()
            assert (await second).passage is Passage.ANSWERED


async def test_where_none_can_be_opened_nobody_waits_for_ever(contexts):
    shown, _ = contexts
    async with serving(silence, shown) as raw:
        gone = raw.url
    async with gateway_to(gone, connections=1) as gateway:
        told = await asyncio.gather(*(gateway.send(PLACE) for _ in range(5)))
        assert {got.passage for got in told} == {Passage.NOT_LEFT}
        assert not any("in time" in got.fault for got in told)


async def test_a_read_whose_kept_connection_breaks_is_asked_once_more_on_a_new_one():
    with threaded() as server:
        async with gateway_to(server.url) as gateway:
            warming = [gateway.begin(READ), gateway.begin(READ)]
            kept = [await asyncio.to_thread(server.connection) for _ in warming]
            for spoken in kept:
                await asyncio.to_thread(spoken.asked)
                spoken.say()
            await asyncio.gather(*warming)
            coming = gateway.begin(READ)
            while not any(spoken.requests.qsize() for spoken in kept):
                arrives()
            first, second = kept if kept[0].requests.qsize() else reversed(kept)
            await asyncio.to_thread(first.hang_up)
            other = await asyncio.to_thread(server.connection)
            assert (await asyncio.to_thread(other.asked)).startswith(b"GET ")
            await asyncio.to_thread(other.hang_up)
            assert (await coming).passage is Passage.NO_ANSWER
            assert second.requests.empty()
            assert server.count == 3


async def test_a_read_whose_new_connection_breaks_is_not_asked_again():
    with threaded() as server:
        async with gateway_to(server.url) as gateway:
            coming = gateway.begin(READ)
            spoken = await asyncio.to_thread(server.connection)
            await asyncio.to_thread(spoken.asked)
            await asyncio.to_thread(spoken.hang_up)
            assert (await coming).passage is Passage.NO_ANSWER
            assert server.count == 1


# --- given up ------------------------------------------------------------------------------------------------------


async def test_a_call_that_is_cancelled_takes_its_connection_with_it(contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted) as gateway:
            spoken = await warm(gateway, server)
            waiting = asyncio.create_task(gateway.send(PLACE))
            await asyncio.to_thread(spoken.asked)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await asyncio.to_thread(spoken.closed.wait, PATIENCE_SECONDS)
            assert await warm(gateway, server) is not spoken


async def test_a_late_answer_is_not_the_next_ones(contexts):
    shown, trusted = contexts
    with threaded(shown) as server:
        async with gateway_to(server.url, tls=trusted, seconds=SHORT) as gateway:
            spoken = await warm(gateway, server)
            assert (await gateway.send(PLACE)).passage is Passage.NO_ANSWER
            with contextlib.suppress(OSError):
                spoken.say(answer(b"late"))
            other = await warm(gateway, server)
            coming = gateway.begin(READ)
            await asyncio.to_thread(other.asked)
            other.say(answer(b"in time"))
            assert (await coming).body == b"in time"


class Watched(SystemClock):
    """A clock that counts how often it was asked: once for every request that leaves, once for every answer."""

    asked = 0

    def now(self) -> int:
        self.asked += 1
        return super().now()


@pytest.mark.parametrize("turns", range(10))
@pytest.mark.parametrize("connections", [1, 2])
async def test_nothing_of_a_call_leaves_after_it_was_cancelled(turns, connections):
    clock = Watched()
    async with (
        serving(says_for_ever) as raw,
        gateway_to(raw.url, clock=clock, connections=connections) as gateway,
    ):
        coming = gateway.begin(PLACE)
        for _ in range(turns):
            await asyncio.sleep(0)
        coming.cancel()
        asked = clock.asked
        await asyncio.sleep(0.02)
        assert clock.asked == asked
        assert (await gateway.send(READ)).status == 200
        assert sum(seen.startswith(b"POST ") for seen in raw.seen) <= asked


async def test_at_the_end_what_is_on_its_way_is_of_unknown_fate_and_what_waits_has_not_left(contexts):
    shown, trusted = contexts
    async with serving(silence, shown) as raw, gateway_to(raw.url, tls=trusted, connections=1) as gateway:
        first = asyncio.ensure_future(gateway.begin(PLACE))
        await raw.until(lambda: bool(raw.seen))
        others = [gateway.begin(call) for call in (PLACE, READ)]
        await asyncio.sleep(0)
        others.append(gateway.begin(PLACE))
        await gateway.close()
        assert first.done()
        assert first.result().passage is Passage.NO_ANSWER
        told: list[Answer] = [one.result() for one in others]
        assert [got.passage for got in told] == [Passage.NOT_LEFT] * 3
        assert all("closed by us" in got.fault and TOKEN not in got.fault for got in (first.result(), *told))
        assert len(raw.seen) == 1
