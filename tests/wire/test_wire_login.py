"""Logins are read in every shape, and what leaves a doubt may have made a token (scenario 5.8, tokens)."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copyctl.model.login import LoginEnd
from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan import Dhan

ACCOUNT = "1100000002"
DHAN = Dhan()
SECOND = 1_000_000_000


def token(**claims: Any) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'typ': 'JWT', 'alg': 'HS512'})}.{part(claims)}.c2lnbmF0dXJl"


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(passage=Passage.ANSWERED, at=2, left_at=1, status=status, body=raw)


def test_a_token_is_taken_with_the_moment_at_which_it_dies() -> None:
    made = {"dhanClientId": ACCOUNT, "accessToken": token(exp=1_790_000_000), "expiryTime": "2026-09-22T10:00:00"}
    read = DHAN.read_login(answer(made), ACCOUNT)
    assert (read.end, read.until, read.why) == (LoginEnd.MADE, 1_790_000_000 * SECOND, "")
    assert read.token.reveal() == made["accessToken"]
    assert made["accessToken"] not in repr(read)
    read = DHAN.read_login(answer({"data": {**made, "accessToken": "opaque-token"}}), ACCOUNT)
    assert read.until == 1_790_051_400 * SECOND  # 22 September, 10:00 in India
    assert DHAN.read_login(answer({"accessToken": "opaque-token"}), ACCOUNT).until is None
    assert DHAN.read_login(answer({"data": {"token": "opaque-token"}}), ACCOUNT).end is LoginEnd.MADE


@pytest.mark.parametrize(
    ("body", "status", "end"),
    [
        ({"status": "error", "message": "Invalid TOTP"}, 200, LoginEnd.REFUSED),
        ({"status": "error", "message": "Invalid Pin"}, 400, LoginEnd.REFUSED),
        ({"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "x"}, 401, LoginEnd.REFUSED),
        ({"dhanClientId": "1100000009", "accessToken": "opaque-token"}, 200, LoginEnd.REFUSED),
        ({"status": "error", "message": "Token can be generated once every 2 minutes"}, 200, LoginEnd.TOO_SOON),
        ({"status": "error", "message": "Token can be generated once every 2 minutes."}, 400, LoginEnd.TOO_SOON),
        ({"errorCode": "DH-904", "errorMessage": "Too many requests"}, 429, LoginEnd.TOO_SOON),
        (b"", 200, LoginEnd.UNKNOWN),
        (b"<html>502</html>", 502, LoginEnd.UNKNOWN),
        (b'{"accessToken": "eyJ', 200, LoginEnd.UNKNOWN),
        ({"dhanClientId": ACCOUNT}, 200, LoginEnd.UNKNOWN),
        ({"dhanClientId": ACCOUNT, "accessToken": ""}, 200, LoginEnd.UNKNOWN),
        ({"errorCode": "DH-908", "errorMessage": "internal"}, 400, LoginEnd.UNKNOWN),
        ({"errorCode": "DH-905", "errorMessage": "x"}, 503, LoginEnd.UNKNOWN),
    ],
)
def test_what_is_no_token_is_refused_too_soon_or_of_unknown_fate(body: Any, status: int, end: LoginEnd) -> None:
    read = DHAN.read_login(answer(body, status), ACCOUNT)
    assert read.end is end
    assert read.why
    assert not read.token


def test_what_did_not_leave_made_nothing_and_what_was_not_answered_may_have() -> None:
    for passage, end in ((Passage.NOT_LEFT, LoginEnd.NOT_LEFT), (Passage.NO_ANSWER, LoginEnd.UNKNOWN)):
        read = DHAN.read_login(Answer(passage=passage, at=1, fault="torn"), ACCOUNT)
        assert (read.end, read.why) == (end, "torn")


def test_the_calls_are_dhans() -> None:
    renew, mint = DHAN.renew_call(), DHAN.mint_call(ACCOUNT, "12 3&4", "000123")
    assert (renew.verb, renew.path) == ("GET", "/RenewToken")
    assert (mint.verb, mint.path) == (
        "POST",
        "/app/generateAccessToken?dhanClientId=1100000002&pin=12+3%264&totp=000123",
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (token(exp=1_790_000_000), 1_790_000_000),
        (token(exp=1_790_000_000.75), 1_790_000_000),
        (token(exp="1790000000"), 1_790_000_000),
        (token(exp=None), None),
        (token(exp="soon"), None),
        (token(exp=1_790_000_000_000), None),
        (token(exp=-5), None),
        (token(), None),
        ("opaque-token", None),
        ("a.b.c", None),
        ("..", None),
        ("", None),
    ],
)
def test_a_token_says_itself_when_it_dies_or_nothing(text: str, seconds: int | None) -> None:
    assert DHAN.expiry(text) == (None if seconds is None else seconds * SECOND)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=200), st.sampled_from([200, 202, 301, 400, 401, 429, 500]), st.text(max_size=80))
def test_nothing_makes_it_raise(body: bytes, status: int, text: str) -> None:
    assert DHAN.read_login(answer(body, status), ACCOUNT).end in LoginEnd
    DHAN.expiry(text)
    DHAN.expiry(f"x.{text}.y")
