"""Logins leave as Dhan's own client would send them, and no secret of them is seen (scenario 5.8, tokens)."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from dhanhq import DhanLogin
from edge_sample import RawServer, answer, serving

from copyctl.edge.clock import SystemClock
from copyctl.edge.login import login_address, one_time_code
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Call, Passage
from copyctl.wire.dhan import Dhan

CLIENT_ID = "1100000002"
TOKEN = "eyJhbGciOiJIUzUxMiJ9.login.token-of-nobody"
PIN = "4821"
CODE = "123456"
SECOND = 1_000_000_000


async def answering(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        writer.write(answer(b'{"accessToken":"another-token","dhanClientId":"1100000002"}'))


async def sent(call: Call, *, with_token: bool) -> bytes:
    async with serving(answering) as raw:
        source = (lambda: TOKEN) if with_token else None
        gateway = DhanGateway(raw.url, CLIENT_ID, source, timeout_seconds=10, clock=SystemClock())
        assert (await gateway.send(call)).passage is Passage.ANSWERED
        await gateway.close()
        return raw.seen[0]


async def sent_by_the_client(ask: str, *arguments: str) -> bytes:
    async with serving(answering) as raw:
        login = DhanLogin(CLIENT_ID)
        login.AUTH_BASE_URL = login.API_BASE_URL = raw.url
        await asyncio.to_thread(getattr(login, ask), *arguments)
        return raw.seen[0]


def line_and_fields(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, body = request.split(b"\r\n\r\n", 1)
    line, *fields = head.decode().split("\r\n")
    return line, {name.lower(): value.strip() for name, value in (one.split(":", 1) for one in fields)}, body


async def test_a_mint_asks_what_the_client_asks_and_carries_no_token():
    ours = line_and_fields(await sent(Dhan().mint_call(CLIENT_ID, PIN, CODE), with_token=False))
    theirs = line_and_fields(await sent_by_the_client("generate_token", PIN, CODE))
    asked, asked_by_the_client = (urlsplit(one[0].split(" ")[1]) for one in (ours, theirs))
    assert asked.path == asked_by_the_client.path
    assert parse_qs(asked.query) == parse_qs(asked_by_the_client.query)
    assert ours[0].startswith("POST ")
    assert theirs[0].startswith("POST ")
    assert ours[2] == theirs[2] == b""
    assert "access-token" not in ours[1]
    assert "access-token" not in theirs[1]


async def test_a_renewal_asks_what_the_client_asks():
    ours = line_and_fields(await sent(Dhan().renew_call(), with_token=True))
    theirs = line_and_fields(await sent_by_the_client("renew_token", TOKEN))
    assert ours[0] == theirs[0] == "GET /v2/RenewToken HTTP/1.1"
    for name in ("access-token", "dhanclientid"):
        assert ours[1][name] == theirs[1][name]


@pytest.mark.parametrize("how", ["tear", "silence", "page"])
async def test_a_mint_that_goes_wrong_shows_no_secret_and_is_not_sent_again(how: str, caplog):
    caplog.set_level("DEBUG")

    async def failing(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        if how == "page":
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nbad!")
        elif how == "silence":
            await asyncio.sleep(5)
        writer.close()

    async with serving(failing) as raw:
        gateway = DhanGateway(raw.url, CLIENT_ID, None, timeout_seconds=0.3, clock=SystemClock())
        said = await gateway.send(Dhan().mint_call(CLIENT_ID, PIN, CODE))
        await gateway.close()
        assert len(raw.seen) == 1
    read = Dhan().read_login(said, CLIENT_ID)
    assert read.end.value == "unknown"
    seen = f"{said!r} {read!r} {read.why} {caplog.text}"
    assert PIN not in seen
    assert CODE not in seen


def test_the_login_host_is_dhans_own_for_dhans_own_alone():
    assert login_address("https://api.dhan.co/v2") == "https://auth.dhan.co"
    assert login_address("http://127.0.0.1:8080/v2") == "http://127.0.0.1:8080"
    assert login_address("https://broker.example/deep/v2") == "https://broker.example"
    with pytest.raises(ValueError, match="developer"):
        login_address("https://sandbox.dhan.co/v2")


def test_the_code_is_that_of_the_moment_and_a_bad_secret_is_told_without_it():
    secret = pyotp.random_base32()
    assert one_time_code(secret, 59 * SECOND) == pyotp.TOTP(secret).at(59)
    assert one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59 * SECOND) == "287082"  # RFC 6238, appendix B
    assert one_time_code("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", 59 * SECOND) == "287082"
    for bad in ("0189 no base32", "GEZDGNB!", ""):
        with pytest.raises(ValueError, match="base32") as caught:
            one_time_code(bad, 0)
        assert not bad or bad not in str(caught.value)


async def test_an_answer_that_repeats_the_token_does_not_carry_it_further():
    async def echoing(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(answer(f'{{"errorMessage": "{TOKEN} is invalid"}}'.encode()))

    async with serving(echoing) as raw:
        gateway = DhanGateway(raw.url, CLIENT_ID, lambda: TOKEN, timeout_seconds=10, clock=SystemClock())
        said = await gateway.warm()
        await gateway.close()
    assert said.body == b'{"errorMessage": "*** is invalid"}'
