"""What cannot work about the renewal of tokens: nothing to log in with, nowhere to keep a new one."""

import re
from collections.abc import Iterator
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Scalar, Spot

_IN_A_FILE: Final = re.compile(r"\s*\$\{file:[^{}]+\}\s*")
_BY_HAND: Final = ("pin", "totp_secret")


def odd_tokens(top: Spot) -> Iterator[Finding]:
    """Everything about the renewal of each account's token."""
    sandbox = top.at("broker", "environment").value == "sandbox"
    for account in (top.at("leader"), *top.at("followers").items()):
        renew = account.at("renew")
        if renew.value == "totp":
            yield from _lacking(account, renew)
        if renew.value not in {"renew", "totp"}:
            continue
        if sandbox:
            message = f"renew: {renew.shown}: the sandbox's token comes from developer.dhanhq.co and is not renewed"
            yield finding("R230", renew.place, renew.path, message, "leave renew out")
        elif not _is_kept(account.at("access_token")):
            message = f"renew: {renew.shown}: a new token lives only as long as the run, for access_token is no file"
            hint = "write access_token: ${file:PATH}, which a new token is written to; else every start needs a new one"
            yield finding("R230", renew.place, renew.path, message, hint, severity=Severity.WARNING)


def _lacking(account: Spot, renew: Spot) -> Iterator[Finding]:
    for key in _BY_HAND:
        spot = account.at(key)
        if not spot.is_given or spot.value == "":
            lack = "which is empty" if spot.is_given else "which is missing"
            yield finding("R204", renew.place, spot.path, f"totp needs {key}, {lack}")


def _is_kept(token: Spot) -> bool:
    """Can a new token be written where this one stands? Where none stands that is told by others."""
    return not isinstance(token.node, Scalar) or _IN_A_FILE.fullmatch(token.node.text) is not None
