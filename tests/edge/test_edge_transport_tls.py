"""Over TLS: whom the gateway trusts, and what it tells a host that it does not trust."""

import asyncio
import ipaddress

import pytest
from cryptography import x509
from edge_sample import RawServer, answer, serving
from transport_sample import PLACE, READ, TOKEN, Certificate, gateway_to

from copyctl.model.request import Passage


async def says_for_ever(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await raw.request(reader):
        writer.write(answer(b"[7]"))


async def test_a_host_with_a_certificate_that_is_trusted_is_spoken_to(tmp_path):
    certificate = Certificate.of_this_machine(tmp_path)
    async with (
        serving(says_for_ever, certificate.shown) as raw,
        gateway_to(raw.url, tls=certificate.trusted, source_ip="127.0.0.2") as gateway,
    ):
        assert (await gateway.warm()).status == 200
        for call in (PLACE, READ, PLACE):
            got = await gateway.send(call)
            assert (got.passage, got.status, got.body) == (Passage.ANSWERED, 200, b"[7]")
        assert raw.peers == ["127.0.0.2"]
        assert len(raw.seen) == 4


@pytest.mark.parametrize("call", [PLACE, READ], ids=["POST", "GET"])
async def test_a_host_whose_certificate_nobody_vouches_for_hears_nothing(call, tmp_path):
    async with (
        serving(says_for_ever, Certificate.of_this_machine(tmp_path).shown) as raw,
        gateway_to(raw.url) as gateway,
    ):
        got = await gateway.send(call)
        assert (got.passage, got.left_at) == (Passage.NOT_LEFT, 0)
        assert got.fault.startswith("the broker's certificate is not trusted: ")
        assert "self-signed" in got.fault.replace("self signed", "self-signed")
        assert not raw.seen


async def test_a_certificate_for_somebody_else_is_not_trusted(tmp_path):
    certificate = Certificate(
        tmp_path, x509.DNSName("api.broker.invalid"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))
    )
    async with (
        serving(says_for_ever, certificate.shown) as raw,
        gateway_to(raw.url, tls=certificate.trusted) as gateway,
    ):
        got = await gateway.send(PLACE)
        assert got.passage is Passage.NOT_LEFT
        assert "certificate is not trusted" in got.fault
        assert "127.0.0.1" in got.fault
        assert not raw.seen


async def test_a_name_is_what_the_certificate_must_be_for(tmp_path):
    certificate = Certificate(tmp_path, x509.DNSName("localhost"))
    async with serving(says_for_ever, certificate.shown) as raw:
        async with gateway_to(raw.url, tls=certificate.trusted) as gateway:
            assert (await gateway.send(PLACE)).passage is Passage.NOT_LEFT
        async with gateway_to(raw.url.replace("127.0.0.1", "localhost"), tls=certificate.trusted) as gateway:
            assert (await gateway.send(PLACE)).passage is Passage.ANSWERED


@pytest.mark.parametrize("torn", [False, True], ids=["closed", "torn"])
async def test_a_kept_connection_that_ends_is_not_used_again(torn, tmp_path):
    certificate = Certificate.of_this_machine(tmp_path)

    async def once(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(answer(b"[7]"))
        await writer.drain()
        if torn:
            writer.transport.abort()

    async with serving(once, certificate.shown) as raw, gateway_to(raw.url, tls=certificate.trusted) as gateway:
        for _ in range(3):
            assert (await gateway.send(PLACE)).passage is Passage.ANSWERED
            await asyncio.sleep(0.05)
        assert len(raw.peers) == len(raw.seen) == 3


async def test_a_change_that_is_torn_away_has_no_answer_and_goes_once(tmp_path):
    certificate = Certificate.of_this_machine(tmp_path)

    async def tears_changes(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while whole := await raw.request(reader):
            if whole.startswith(b"POST"):
                writer.transport.abort()
                return
            writer.write(answer())

    async with (
        serving(tears_changes, certificate.shown) as raw,
        gateway_to(raw.url, tls=certificate.trusted) as gateway,
    ):
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        got = await gateway.send(PLACE)
        assert (got.passage, got.status) == (Passage.NO_ANSWER, 0)
        assert got.left_at > 0
        assert TOKEN not in got.fault
        assert (await gateway.send(READ)).passage is Passage.ANSWERED
        assert len(raw.seen) == 3


async def test_an_answer_without_a_length_ends_with_its_connection(tmp_path):
    certificate = Certificate.of_this_machine(tmp_path)

    async def until_the_end(raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n[7]")
        await writer.drain()

    async with (
        serving(until_the_end, certificate.shown) as raw,
        gateway_to(raw.url, tls=certificate.trusted) as gateway,
    ):
        for _ in range(2):
            got = await gateway.send(PLACE)
            assert (got.passage, got.body) == (Passage.ANSWERED, b"[7]")
