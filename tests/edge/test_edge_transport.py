"""What may happen to a request on its way, against servers that do just that to it."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable

import pytest
from edge_sample import Handler, RawServer, answer, closed_port, serving, tear

from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Answer, Call, Passage

TOKEN = "eyJhbGciOiJIUzUxMiJ9.transport.token-of-nobody"
CLOCK = SystemClock()
SHORT, LONG = 0.3, 20.0

PLACE = Call(verb="POST", path="/orders", body={"quantity": 1})
MODIFY = Call(verb="PUT", path="/orders/1", body={"orderId": "1"})
CANCEL = Call(verb="DELETE", path="/orders/1")
READ = Call(verb="GET", path="/orders")
CALLS = pytest.mark.parametrize("call", [PLACE, MODIFY, CANCEL, READ], ids=["POST", "PUT", "DELETE", "GET"])
CHANGES = pytest.mark.parametrize("call", [PLACE, MODIFY, CANCEL], ids=["POST", "PUT", "DELETE"])

Opens = Callable[..., DhanGateway]


@pytest.fixture
async def opened() -> AsyncIterator[Opens]:
    """Makes gateways, and closes them at the end."""
    made: list[DhanGateway] = []

    def make(
        url: str, *, seconds: float = LONG, token: Callable[[], str] = lambda: TOKEN, **more: object
    ) -> DhanGateway:
        gateway = DhanGateway(url, "1100000002", token, timeout_seconds=seconds, clock=CLOCK, **more)  # type: ignore[arg-type]
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        await gateway.close()


async def ask(handler: Handler, call: Call, opened: Opens, **more: object) -> tuple[Answer, RawServer]:
    async with serving(handler) as raw:
        answered = await opened(raw.url, **more).send(call)
        return answered, raw


def says(said: bytes) -> Handler:
    """A server that reads one request and says this."""

    async def handler(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(said)
        await writer.drain()

    return handler


async def silence(raw: RawServer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        pass


# --- answered ------------------------------------------------------------------------------------------------------

DATED = answer(b'{"orderId":"1"}', headers="Date: Tue, 15 Sep 2026 04:32:11 GMT\r\n")
PAGE = answer(b"<html>Bad Gateway</html>", status="502 Bad Gateway")
MOVED = answer(b"", status="301 Moved Permanently", headers="Location: /v2/elsewhere\r\n")


@CALLS
@pytest.mark.parametrize(
    ("said", "status", "body", "date"),
    [
        (DATED, 200, b'{"orderId":"1"}', 1_789_446_731_000_000_000),
        (answer(b"", status="202 Accepted"), 202, b"", 0),
        (PAGE, 502, b"<html>Bad Gateway</html>", 0),
        (answer(b'{"errorCode":"DH-904"}', status="429 Too Many Requests"), 429, b'{"errorCode":"DH-904"}', 0),
        (MOVED, 301, b"", 0),
        (answer(gzip.compress(b"[1]", mtime=0), headers="Content-Encoding: gzip\r\n"), 200, b"[1]", 0),
        (answer(b"[]", headers="Date: whenever\r\n"), 200, b"[]", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", 200, b"[]", 0),
        (b"HTTP/1.0 200 OK\r\n\r\n[7]", 200, b"[7]", 0),
    ],
    ids=["date", "empty", "page", "throttled", "moved", "gzip", "bad date", "chunked", "until the end"],
)
async def test_an_answer_is_given_as_it_came(call, said, status, body, date, opened):
    before = CLOCK.now()
    got, raw = await ask(says(said), call, opened)
    assert (got.passage, got.status, got.body, got.date, got.fault) == (Passage.ANSWERED, status, body, date, "")
    assert before <= got.left_at <= got.at <= CLOCK.now()
    assert len(raw.seen) == 1


# --- not a byte left -----------------------------------------------------------------------------------------------


def not_left(got: Answer) -> bool:
    return got.passage is Passage.NOT_LEFT and got.left_at == 0 and got.fault != "" and TOKEN not in got.fault


@CALLS
async def test_a_refused_connection_is_not_left(call, opened):
    assert not_left(await opened(f"http://127.0.0.1:{closed_port()}/v2").send(call))


@CALLS
async def test_a_name_that_nobody_knows_is_not_left(call, opened):
    assert not_left(await opened("http://nowhere.invalid/v2").send(call))


@CALLS
async def test_a_host_that_speaks_no_tls_is_not_left_and_reads_nothing_of_us(call, opened):
    read: list[bytes] = []

    async def plain(_raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(4096))
        writer.write(PAGE)

    async with serving(plain) as raw:
        assert not_left(await opened(raw.url.replace("http:", "https:")).send(call))
    assert read
    assert TOKEN.encode() not in b"".join(read)


@CALLS
async def test_a_connection_that_does_not_come_about_in_time_is_not_left(call, opened):
    async with serving(silence) as raw:
        assert not_left(await opened(raw.url.replace("http:", "https:"), seconds=SHORT).send(call))


@CALLS
async def test_a_call_that_found_no_free_connection_is_not_left(call, opened):
    async with serving(silence) as raw:
        gateway = opened(raw.url, connect_seconds=SHORT, connections=1)
        first = asyncio.create_task(gateway.send(PLACE))
        await raw.until(lambda: bool(raw.seen))
        assert not_left(await gateway.send(call))
        assert len(raw.seen) == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


@pytest.mark.parametrize("token", ["", " ", "two\r\nlines: here", "a b", "héé", "null\0"])
async def test_a_token_that_no_header_can_carry_is_not_left(token, opened):
    async with serving(says(DATED)) as raw:
        got = await opened(raw.url, token=lambda: token).send(PLACE)
        assert got.passage is Passage.NOT_LEFT
        assert "token" in got.fault
        assert not raw.peers


async def test_what_is_sent_after_the_end_is_not_left(opened):
    async with serving(says(DATED)) as raw:
        gateway = opened(raw.url)
        assert (await gateway.send(READ)).status == 200
        await gateway.close()
        await gateway.close()
        assert not_left(await gateway.send(PLACE))
        assert len(raw.seen) == 1


@CALLS
async def test_an_address_that_this_machine_does_not_have_is_not_left(call, opened):
    async with serving(says(DATED)) as raw:
        assert not_left(await opened(raw.url, source_ip="203.0.113.7").send(call))
        assert not raw.peers


# --- left, and nobody knows ----------------------------------------------------------------------------------------


async def closes_at_once(_raw: RawServer, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return


async def closes_after_reading(raw: RawServer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await raw.request(reader)


async def resets_after_reading(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.request(reader)
    tear(writer)


async def drips(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def never_ends(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@CALLS
@pytest.mark.parametrize(
    ("handler", "seconds", "status"),
    [
        (closes_at_once, LONG, 0),
        (closes_after_reading, LONG, 0),
        (resets_after_reading, LONG, 0),
        (silence, SHORT, 0),
        (drips, SHORT, 200),
        (never_ends, LONG, 200),
        (says(answer(b'{"orderId":"1"}')[:-3]), LONG, 200),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"), LONG, 200),
        (says(b"HTTP/1.1 200 OK\r\nContent-Type: applic"), LONG, 0),
        (says(b"\x00\x01 what is this\r\n\r\n"), LONG, 0),
        (says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), LONG, 0),
        (says(answer(b"no gzip", headers="Content-Encoding: gzip\r\n")), LONG, 200),
    ],
    ids=[
        "closed before reading",
        "closed after reading",
        "reset after reading",
        "hangs",
        "drips",
        "never ends",
        "truncated",
        "chunks break off",
        "head breaks off",
        "no HTTP",
        "huge head",
        "no gzip",
    ],
)
async def test_what_may_have_been_taken_has_no_answer(call, handler, seconds, status, opened):
    got, raw = await ask(handler, call, opened, seconds=seconds, largest_body=1_000_000)
    assert got.passage is Passage.NO_ANSWER
    assert (got.status, got.body) == (status, b"")
    assert 0 < got.left_at <= got.at
    assert got.fault
    assert "\n" not in got.fault
    assert TOKEN not in got.fault
    assert len(raw.seen) <= (2 if call is READ else 1)


# --- a connection that was kept ------------------------------------------------------------------------------------


def answers_then(end: Callable[[asyncio.StreamWriter], None], *, reads: bool) -> Handler:
    """The first connection answers once, then ends: as soon as it has (``reads``) read the next request, or at once.
    Later connections answer everything."""

    async def handler(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = len(raw.peers) == 1
        await raw.request(reader)
        writer.write(answer())
        await writer.drain()
        if first:
            if reads:
                await raw.request(reader)
            end(writer)
            return
        while await raw.request(reader):
            writer.write(answer())

    return handler


ENDS = pytest.mark.parametrize("end", [lambda writer: writer.close(), tear], ids=["closed", "reset"])


@CALLS
@ENDS
async def test_a_kept_connection_that_was_closed_in_time_is_opened_anew(call, end, opened):
    async with serving(answers_then(end, reads=False)) as raw:
        gateway = opened(raw.url)
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        await asyncio.sleep(0.05)
        assert (await gateway.send(call)).passage is Passage.ANSWERED
        assert len(raw.peers) == len(raw.seen) == 2


@CHANGES
@ENDS
async def test_a_kept_connection_that_breaks_as_a_change_is_sent_has_no_answer_and_the_change_goes_once(
    call, end, opened
):
    async with serving(answers_then(end, reads=True)) as raw:
        gateway = opened(raw.url)
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        got = await gateway.send(call)
        await asyncio.sleep(0.05)
        assert got.passage is Passage.NO_ANSWER
        assert got.left_at > 0
        assert len(raw.seen) == 2
        assert (await gateway.send(call)).passage is Passage.ANSWERED


@ENDS
async def test_a_read_on_a_kept_connection_that_breaks_is_simply_asked_again(end, opened):
    async with serving(answers_then(end, reads=True)) as raw:
        gateway = opened(raw.url)
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        assert (len(raw.peers), len(raw.seen)) == (2, 3)


async def test_calls_share_one_warm_connection(opened):
    async with serving(says_for_ever) as raw:
        gateway = opened(raw.url)
        assert (await gateway.warm()).status == 200
        for call in (PLACE, MODIFY, CANCEL, READ):
            assert (await gateway.send(call)).status == 200
        assert len(raw.peers) == 1
        assert raw.seen[0].startswith(b"GET /v2/profile HTTP/1.1\r\n")


async def says_for_ever(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        writer.write(answer(headers="Set-Cookie: a=b\r\n"))


# --- the rest ------------------------------------------------------------------------------------------------------


async def test_a_new_token_is_used_from_the_next_request_on_and_no_cookie_ever(opened):
    token = ["first-token"]
    async with serving(says_for_ever) as raw:
        gateway = opened(raw.url, token=lambda: token[0])
        await gateway.send(READ)
        token[0] = "second-token"
        await gateway.send(READ)
    assert b"\r\naccess-token: first-token\r\n" in raw.seen[0]
    assert b"\r\naccess-token: second-token\r\n" in raw.seen[1]
    assert b"cookie" not in raw.seen[1].lower()


async def test_requests_leave_from_the_address_that_was_asked_for(opened):
    async with serving(says_for_ever) as raw:
        await opened(raw.url, source_ip="127.0.0.2").send(READ)
    assert raw.peers == ["127.0.0.2"]


async def test_no_proxy_of_the_environment_is_used(opened, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    async with serving(says_for_ever) as raw:
        assert (await opened(raw.url).send(READ)).status == 200


async def test_a_call_that_was_given_up_by_its_caller_leaves_the_gateway_usable(opened):
    async with serving(silence) as raw:
        gateway = opened(raw.url)
        task = asyncio.create_task(gateway.send(PLACE))
        await raw.until(lambda: bool(raw.seen))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await opened(raw.url, seconds=SHORT).send(READ)).passage is Passage.NO_ANSWER


@pytest.mark.parametrize("path", ["/orders/1 2", "/orders/1\r\nx: y", "/orders/é", "orders"])
async def test_a_path_that_is_none_is_a_bug_of_ours(path, opened):
    with pytest.raises(ValueError, match=r"no path|no request"):
        await opened("http://127.0.0.1:1/v2").send(Call(verb="GET", path=path))


async def test_nobody_logs_the_token(opened, caplog):
    caplog.set_level(logging.DEBUG)
    for handler in (says_for_ever, resets_after_reading, says(b"\x00\r\n\r\n")):
        got, _ = await ask(handler, PLACE, opened)
        assert TOKEN not in repr(got)
    assert TOKEN not in caplog.text
