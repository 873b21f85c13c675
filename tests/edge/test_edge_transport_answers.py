"""Every shape that an answer can have, in pieces of every size; and what the request before it looks like."""

import asyncio
import gzip
import zlib

import pytest
from edge_sample import Handler, RawServer, answer, serving
from transport_sample import CLOCK, PLACE, READ, TOKEN, gateway_to

from copyctl.edge.connection import LARGEST_HEAD
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Answer, Call, Passage

PIECES = pytest.mark.parametrize("size", [1, 7, 1_000_000], ids=["byte by byte", "in sevens", "at once"])
KEPT, CLOSED = True, False


def says(said: bytes, size: int = 1_000_000, *, close: bool = False) -> Handler:
    """A server that says this to every request, in pieces of this size."""

    async def handler(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await raw.request(reader):
            for start in range(0, len(said), size):
                writer.write(said[start : start + size])
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                return

    return handler


async def twice(handler: Handler, **more: object) -> tuple[Answer, Answer, RawServer]:
    """The answers to two calls, one after the other."""
    async with serving(handler) as raw, gateway_to(raw.url, **more) as gateway:
        first = await gateway.send(PLACE)
        await asyncio.sleep(0.01)
        return first, await gateway.send(PLACE), raw


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "with a length": (answer(b"[7]"), 200, b"[7]", KEPT),
    "without a body": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", KEPT),
    "with no body and a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, b"", KEPT),
    "chunked": (CHUNKED + b"1\r\n[\r\n2;x=y\r\n7]\r\n0\r\n\r\n", 200, b"[7]", KEPT),
    "chunked, with a trailer": (CHUNKED + b"3\r\n[7]\r\n0\r\nX-Took: 1\r\n\r\n", 200, b"[7]", KEPT),
    "after 100": (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"[7]"), 200, b"[7]", KEPT),
    "after 103": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + answer(b"[7]"), 200, b"[7]", KEPT),
    "then closed": (answer(b"[7]", headers="Connection: close\r\n"), 200, b"[7]", CLOSED),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n[7]", 200, b"[7]", CLOSED),
    "lower case": (b"HTTP/1.1 200 ok\r\ncontent-length:3\r\nCONNECTION: Keep-Alive\r\n\r\n[7]", 200, b"[7]", KEPT),
    "no reason": (b"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", 500, b"", KEPT),
    "a folded header": (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", 200, b"", KEPT),
}


@PIECES
@pytest.mark.parametrize("name", WHOLE)
async def test_an_answer_is_read_whole_and_its_connection_kept_where_it_can_be(name, size):
    said, status, body, kept = WHOLE[name]
    *told, raw = await twice(says(said, size))
    for got in told:
        assert (got.passage, got.status, got.body, got.fault) == (Passage.ANSWERED, status, body, "")
    assert len(raw.peers) == (1 if kept else 2)


@PIECES
@pytest.mark.parametrize("body", [b"", b"[7]", b"x" * 300_000], ids=["nothing", "some", "much"])
async def test_an_answer_without_a_length_ends_with_its_connection(body, size):
    size = max(size, len(body) // 50)
    *told, raw = await twice(says(b"HTTP/1.1 200 OK\r\n\r\n" + body, size, close=True))
    assert [(got.passage, got.body) for got in told] == [(Passage.ANSWERED, body)] * 2
    assert len(raw.peers) == 2


async def test_an_order_book_of_a_long_day_comes_whole():
    body = b"[" + b'{"orderId":"1"},' * 500_000 + b"0]"
    for said in (answer(body), CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)):
        first, second, raw = await twice(says(said))
        assert first.body == second.body == body
        assert len(raw.peers) == 1


TORN = {
    "status line": (b"HTTP/1.", 0),
    "headers": (b"HTTP/1.1 200 OK\r\nContent-", 0),
    "body": (answer(b"[7]")[:-1], 200),
    "no body": (answer(b"[7]")[:-3], 200),
    "chunk size": (CHUNKED + b"3", 200),
    "chunk": (CHUNKED + b"3\r\n[7", 200),
    "chunk end": (CHUNKED + b"3\r\n[7]\r\n", 200),
    "trailer": (CHUNKED + b"3\r\n[7]\r\n0\r\nX-Took", 200),
    "after 100": (b"HTTP/1.1 100 Continue\r\n\r\n", 0),
}


@PIECES
@pytest.mark.parametrize("name", TORN)
async def test_an_answer_that_breaks_off_is_none(name, size):
    said, status = TORN[name]
    first, second, raw = await twice(says(said, size, close=True))
    for got in (first, second):
        assert (got.passage, got.status, got.body) == (Passage.NO_ANSWER, status, b"")
        assert "broke off" in got.fault
    assert len(raw.seen) == len(raw.peers) == 2


WRONG = {
    "garbage": b"220 mail ready\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n",
    "nothing": b"\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "a switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "a header without a name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[7]",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[7]",
    "no chunk": CHUNKED + b"three\r\n[7]\r\n",
    "a chunk that goes on": CHUNKED + b"3\r\n[7]!\r\n",
    "an unknown transfer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n[7]",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000,
    "a chunk size without end": CHUNKED + b"0" * 100_000,
}


@PIECES
@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_http_is_no_answer_and_nothing_more_goes_out_there(name, size):
    said = WRONG[name]
    first, second, raw = await twice(says(said, max(size, len(said) // 50)))
    for got in (first, second):
        assert got.passage is Passage.NO_ANSWER
        assert got.fault.startswith("the answer is no HTTP: ")
    assert len(raw.seen) == len(raw.peers) == 2


@pytest.mark.parametrize(
    "said", [b"%b\r\n\r\n", b"HTTP/1.1 200 OK\r\n%b\r\n\r\n", CHUNKED + b"%b\r\n", CHUNKED + b"1\r\nx%b"]
)
async def test_what_is_no_http_is_not_said_again_for_a_part_of_the_token_may_be_in_it(said):
    part = TOKEN[3:20].encode("ascii")
    first, _, _ = await twice(says(said % part))
    assert first.passage is Passage.NO_ANSWER
    assert part.decode("ascii") not in first.fault


@pytest.mark.parametrize(
    "said",
    [
        answer(b"x" * 1001),
        CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    ],
    ids=["with a length", "chunked", "without a length"],
)
async def test_an_answer_that_is_too_large_costs_its_connection(said):
    first, second, raw = await twice(says(said), largest_body=1000)
    for got in (first, second):
        assert (got.passage, got.status, got.body) == (Passage.NO_ANSWER, 200, b"")
        assert "more than 1000 bytes" in got.fault
    assert len(raw.peers) == 2


@pytest.mark.parametrize("length", [100, LARGEST_HEAD, LARGEST_HEAD * 2])
@pytest.mark.parametrize("also", [b"x", b"\r\n", answer(b"[8]"), b"x" * 100_000])
async def test_more_than_the_answer_costs_its_connection_and_nothing_else(also, length):
    """``length``: of the answer with its head, which is read in pieces of ``LARGEST_HEAD``."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %05d\r\n\r\n"
    body = b"x" * (length - len(head % 0))
    first, second, raw = await twice(says(head % len(body) + body + also))
    assert [(got.passage, got.body) for got in (first, second)] == [(Passage.ANSWERED, body)] * 2
    assert len(raw.peers) == 2


# --- packed, though that was not asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "body"),
    [
        ("gzip", gzip.compress(b"[7]", mtime=0)),
        ("GZIP", gzip.compress(b"[7]", mtime=0)),
        ("x-gzip", gzip.compress(b"[7]", mtime=0)),
        ("deflate", zlib.compress(b"[7]")),
        ("identity", b"[7]"),
        ("br", b"[7]"),
    ],
)
async def test_a_packed_body_is_unpacked_and_what_we_cannot_unpack_is_given_as_it_came(how, body):
    first, second, raw = await twice(says(answer(body, headers=f"Content-Encoding: {how}\r\n")))
    assert [(got.passage, got.body) for got in (first, second)] == [(Passage.ANSWERED, b"[7]")] * 2
    assert len(raw.peers) == 1


@pytest.mark.parametrize("body", [gzip.compress(b"[7]", mtime=0)[:-4], gzip.compress(b"x" * 1001, mtime=0), b"[7]"])
async def test_a_packed_body_that_is_torn_too_large_or_none_is_no_answer(body):
    first, second, _ = await twice(says(answer(body, headers="Content-Encoding: gzip\r\n")), largest_body=1000)
    for got in (first, second):
        assert (got.passage, got.status, got.body) == (Passage.NO_ANSWER, 200, b"")
        assert "unpacked" in got.fault


async def test_an_empty_answer_need_not_be_packed():
    first, _, _ = await twice(says(answer(b"", headers="Content-Encoding: gzip\r\n")))
    assert (first.passage, first.body) == (Passage.ANSWERED, b"")


# --- what is asked -------------------------------------------------------------------------------------------------


async def asked(call: Call, url: str = "", token: str = TOKEN) -> bytes:
    async with serving(says(answer())) as raw:
        where = url.format(port=raw.port) or raw.url
        async with gateway_to(where, token=lambda: token) as gateway:
            assert (await gateway.send(call)).status == 200
        return raw.seen[0]


async def test_a_request_is_these_bytes():
    head, _, body = (await asked(PLACE, "http://127.0.0.1:{port}/v2/")).partition(b"\r\n\r\n")
    line, host, *rest = head.decode("ascii").split("\r\n")
    assert line == "POST /v2/orders HTTP/1.1"
    assert host.startswith("Host: 127.0.0.1:")
    agent, *rest = rest
    assert agent.startswith("User-Agent: copyctl/")
    assert rest == [
        f"access-token: {TOKEN}",
        "client-id: 1100000002",
        "Content-type: application/json",
        "Accept: application/json",
        "Accept-Encoding: identity",
        f"Content-Length: {len(body)}",
    ]
    assert body == b'{"quantity": 1, "dhanClientId": "1100000002"}'


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
async def test_what_has_no_body_says_so_unless_it_only_reads(verb):
    head = await asked(Call(verb=verb, path="/x"))
    assert head.endswith(b"\r\n\r\n")
    assert (b"\r\nContent-Length: 0\r\n" in head) == (verb != "GET")


async def test_the_address_may_have_no_path():
    assert (await asked(READ, "http://127.0.0.1:{port}")).startswith(b"GET /orders HTTP/1.1\r\n")


async def test_a_name_is_looked_up_and_sent_as_the_host():
    whole = await asked(READ, "http://LocalHost:{port}/v2")
    assert b"\r\nHost: localhost:" in whole


@pytest.mark.parametrize(
    "url", ["http://user:word@host/v2", "http://host/v2?x=y", "http://host/v2#x", "http://host/a b", "http://a b/v2"]
)
def test_an_address_that_says_more_than_where_is_refused(url):
    with pytest.raises(ValueError, match="is no address"):
        DhanGateway(url, "1100000002", lambda: TOKEN, timeout_seconds=1, clock=CLOCK)


@pytest.mark.parametrize("client_id", ["", "1 2", "1\r\nX: y", "é"])
def test_a_client_id_that_no_header_can_carry_is_refused(client_id):
    with pytest.raises(ValueError, match="client id"):
        DhanGateway("http://host", client_id, lambda: TOKEN, timeout_seconds=1, clock=CLOCK)
