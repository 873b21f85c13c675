"""Nothing that changes an account goes twice, no answer is taken for another's: whatever a server says and when."""

import asyncio
import random
from collections import Counter

import pytest
from edge_sample import RawServer, answer, serving, tear

from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Answer, Call, Passage

TOKEN = "token-of-nobody-that-a-broker-may-say-back"
CLOCK = SystemClock()
PLACE = Call(verb="POST", path="/orders", body={"quantity": 1})
MODIFY = Call(verb="PUT", path="/orders/1", body={"orderId": "1"})
CANCEL = Call(verb="DELETE", path="/orders/1")
RENEW = Call(verb="GET", path="/RenewToken")
CHANGES = (PLACE, MODIFY, CANCEL, RENEW)


def gateway_to(raw: RawServer, *, seconds: float = 20.0) -> DhanGateway:
    return DhanGateway(raw.url, "1100000002", lambda: TOKEN, timeout_seconds=seconds, clock=CLOCK)


async def numbers_its_answers(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with its number, and once more when nobody asks."""
    while await raw.request(reader):
        number = str(len(raw.seen)).encode("ascii")
        writer.write(answer(number))
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(answer(b"again " + number))


@pytest.mark.parametrize("call", CHANGES, ids=["place", "modify", "cancel", "renew"])
async def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next_ones(call):
    async with serving(numbers_its_answers) as raw:
        gateway = gateway_to(raw)
        for number in range(1, 6):
            got = await gateway.send(call)
            assert (got.passage, got.body) == (Passage.ANSWERED, str(number).encode("ascii"))
            await asyncio.sleep(0.02)
        assert len(raw.seen) == 5
        await gateway.close()


async def test_a_server_that_speaks_unasked_on_an_idle_connection_costs_only_that_connection():
    async def times_out_idle_ones(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(answer())
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(answer(b"", status="408 Request Timeout", headers="Connection: close\r\n"))
        await raw.request(reader)

    async with serving(times_out_idle_ones) as raw:
        gateway = gateway_to(raw)
        together = await asyncio.gather(*(gateway.send(PLACE) for _ in range(2)))
        await asyncio.sleep(0.1)
        after = await gateway.send(PLACE)
        assert [got.status for got in (*together, after)] == [200, 200, 200]
        assert len(raw.seen) == 3
        await gateway.close()


async def test_a_renewal_of_the_token_is_asked_for_once():
    async def breaks_the_second(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await raw.request(reader):
            if len(raw.seen) == 2:
                tear(writer)
                return
            writer.write(answer())

    async with serving(breaks_the_second) as raw:
        gateway = gateway_to(raw)
        await gateway.warm()
        assert (await gateway.send(RENEW)).passage is Passage.NO_ANSWER
        assert (await gateway.send(RENEW)).passage is Passage.ANSWERED
        assert len(raw.seen) == 3
        assert b"\r\ndhanClientId: 1100000002\r\n" in raw.seen[2]
        await gateway.close()


async def test_what_a_broker_says_back_in_a_broken_answer_does_not_tell_the_token():
    async def says_it_back(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        said = TOKEN.encode("ascii") * (1 + len(raw.seen) * 3)
        writer.write(said + b"\r\n\r\n" if len(raw.seen) % 2 else b"HTTP/1.1 200 OK\r\nX\x00" + said + b": 1\r\n\r\n")

    async with serving(says_it_back) as raw:
        gateway = gateway_to(raw)
        for _ in range(6):
            got = await gateway.send(PLACE)
            assert got.passage is Passage.NO_ANSWER
            assert TOKEN[:8] not in got.fault
        await gateway.close()


PIECES = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: \r\n\r\n",
    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n",
    b"HTTP/9.9 999 X\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -5\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: br\r\n",
    b"Date: Fri, 31 Dec 9999 23:59:59 -2300\r\n",
    b"Set-Cookie: a=b; expires=x\r\n",
    b"\xff\xfe: \xff\r\n",
    b": \r\n",
    b"\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\n",
    b"A" * 9000,
    b"\x1f\x8b\x08\x00",
)
GOOD = answer(b'{"orderId":"1"}', headers="Date: Tue, 15 Sep 2026 04:32:11 GMT\r\n")


def noise(chance: random.Random) -> bytes:
    match chance.randrange(4):
        case 0:
            said = bytearray(GOOD)
            for _ in range(chance.randint(1, 6)):
                said[chance.randrange(len(said))] = chance.randrange(256)
            return bytes(said)
        case 1:
            return GOOD[: chance.randrange(len(GOOD))]
        case 2:
            return chance.randbytes(chance.randint(0, 300))
        case _:
            return b"".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8)))


@pytest.mark.parametrize("seed", range(4))
async def test_noise_never_raises_never_leaks_and_never_makes_a_change_go_twice(seed):
    chance = random.Random(seed)
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))

    async def handler(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await raw.request(reader):
            said = noise(chance)
            half = chance.randrange(len(said) + 1)
            for part in (said[:half], said[half:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            match chance.randrange(8):
                case 0 | 1:
                    tear(writer)
                    return
                case 2 | 3 | 4 | 5:
                    return

    outcomes: Counter[Passage] = Counter()
    async with serving(handler) as raw:
        gateway = gateway_to(raw, seconds=0.2)
        for sent in range(1, 201):
            got: Answer = await gateway.send(chance.choice(CHANGES))
            assert len(raw.seen) <= sent
            assert got.passage is Passage.ANSWERED or TOKEN not in got.fault
            outcomes[got.passage] += 1
        await gateway.close()
    assert outcomes[Passage.ANSWERED] > 0
    assert outcomes[Passage.NO_ANSWER] > 0
    assert not unheard
