"""Who gets a token?

The login host's door: a new token for a PIN and a one-time code. It ends the old one at once, and another one within
two minutes is refused; like every refusal of this door that is HTTP 200 with an error in it, or HTTP 400 by a switch.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping

from copyctl.simulator import counter, refusals
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import Answer, answer
from copyctl.simulator.broker import Broker

PATH = "/app/generateAccessToken"
INVALID_PIN = "Invalid Pin"
INVALID_CODE = "Invalid TOTP"
TOO_SOON = "Token can be generated once every 2 minutes"
CODE_SECONDS = 30


def generate(broker: Broker, account: Account | None, query: Mapping[str, str]) -> Answer:
    """POST /app/generateAccessToken. Any PIN, and any six digits, are good where the account's settings name none."""
    if account is None:
        return answer(refusals.refusal(400, "DH-901", refusals.DEAD_TOKEN).payload, 400)
    settings, now = account.settings, broker.clock.epoch()
    if not query.get("pin") or settings.login_pin not in ("", query["pin"]):
        return _refused(account, INVALID_PIN)
    if not _is_code(query.get("totp", ""), settings.login_totp_secret, now):
        return _refused(account, INVALID_CODE)
    if account.minted_at is not None and now - account.minted_at < settings.login_pause_seconds:
        return _refused(account, TOO_SOON)
    account.minted_at = now
    broker.accounts.mint(account)
    return answer(counter.token_fields(account))


def _refused(account: Account, text: str) -> Answer:
    return answer({"status": "error", "message": text}, int(account.settings.login_refusal))


def _is_code(code: str, secret: str, now: float) -> bool:
    """The code of this half minute (RFC 6238), of the last or the next one."""
    if len(code) != 6 or not code.isdigit():
        return False
    if not secret:
        return True
    step = int(now) // CODE_SECONDS
    return any(hmac.compare_digest(code, _code(secret, each)) for each in (step - 1, step, step + 1))


def _code(secret: str, step: int) -> str:
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    except binascii.Error:
        return ""
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 0xF
    number: int = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
