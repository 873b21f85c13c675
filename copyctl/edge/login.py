"""Dhan's login host: where it is, and the one-time code that it wants. Secrets go in here and come out nowhere."""

import binascii
from typing import Final
from urllib.parse import urlsplit

HOSTS: Final = {"api.dhan.co": "https://auth.dhan.co"}
"""The login host of a REST host (Dhan API v2, authentication)."""

WITHOUT_LOGIN: Final = {"sandbox.dhan.co": "the sandbox's token comes from developer.dhanhq.co"}
"""Hosts that mint nothing: asking Dhan's own login for them would end a live token."""


def login_address(rest_url: str) -> str:
    """Where tokens are minted for this REST address: Dhan's login host for Dhan's own, else the same origin.

    Raises:
        ValueError: none are.
    """
    parts = urlsplit(rest_url)
    host = (parts.hostname or "").lower()
    if host in WITHOUT_LOGIN:
        raise ValueError(WITHOUT_LOGIN[host])
    return HOSTS.get(host) or f"{parts.scheme}://{parts.netloc}"


def one_time_code(secret: str, at: int) -> str:
    """The six digits of this moment (ns, UTC) by RFC 6238.

    Raises:
        ValueError: the secret is not base32.
    """
    import pyotp  # noqa: PLC0415  only who logs in needs it

    try:
        return pyotp.TOTP("".join(secret.split())).at(at // 1_000_000_000)
    except (binascii.Error, ValueError):
        raise ValueError("totp_secret is not base32: letters A to Z and digits 2 to 7, as Dhan showed it") from None
