"""Tokens: how Dhan is asked for one, what it answers, and when one dies (Dhan API v2, authentication). Never raises.

One token of an account is alive at a time: a new one ends the old at once, wherever that was made. A second one within
two minutes is refused, by HTTP 200 with ``{"status": "error", "message": ...}`` (as seen, 2026).
"""

import base64
import re
from typing import Final
from urllib.parse import urlencode

from copyctl.model.login import Login, LoginEnd
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.secret import Secret
from copyctl.wire.dhan import fact_keys
from copyctl.wire.dhan.bodies import Body, read_body, told
from copyctl.wire.dhan.figures import named, single
from copyctl.wire.dhan.values import NonsenseError, decode, identifier, moment, text

RENEW: Final = Call(verb="GET", path="/RenewToken")
"""Have the token that this is asked with replaced; POST was answered by HTTP 400."""

MINT_PATH: Final = "/app/generateAccessToken"
"""On the login host. Client id, PIN and one-time code stand in the query: the path is a secret."""

_PASSAGES: Final = {Passage.NOT_LEFT: LoginEnd.NOT_LEFT, Passage.NO_ANSWER: LoginEnd.UNKNOWN}
_TOO_SOON: Final = re.compile(r"once\s+(in|every)|too\s+(soon|many|frequent)|\btry\s+again\s+after|\d\s*minutes?", re.I)
_TOKEN: Final = re.compile(r"[!-~]{8,16000}")
_TIMED_OUT, _TOO_MANY = 408, 429
_NS: Final = 1_000_000_000
_YEARS_1990_TO_2200: Final = range(631_152_000, 7_258_118_400)


def mint_call(client_id: str, pin: str, code: str) -> Call:
    """Have a token made by PIN and one-time code. The call holds both: it is never shown."""
    query = urlencode({"dhanClientId": client_id, "pin": pin, "totp": code})
    return Call(verb="POST", path=f"{MINT_PATH}?{query}")


def read_login(answer: Answer, account: str) -> Login:
    """What became of either call. What is no plain answer leaves a doubt: then one may have been made."""
    if answer.passage in _PASSAGES:
        return Login(end=_PASSAGES[answer.passage], why=told(answer, Body()))
    body = read_body(answer)
    try:
        found = named(single(body), fact_keys.LOGIN)
        other = identifier(found.get("account")) not in ("", account)
    except NonsenseError:
        found, other = {}, False
    token = text(found.get("token"))
    if 200 <= answer.status < 300 and _TOKEN.fullmatch(token):
        if other:
            return Login(end=LoginEnd.REFUSED, why="the token that was made is another account's: see client_id")
        return Login(end=LoginEnd.MADE, token=Secret(token), until=expiry(token) or moment(found.get("until")) or None)
    said = body.problem
    if said is None or said.ambiguous or answer.status >= 500 or answer.status == _TIMED_OUT:
        return Login(end=LoginEnd.UNKNOWN, why=told(answer, body))
    throttled = answer.status == _TOO_MANY or said.category is Category.THROTTLED
    too_soon = throttled or _TOO_SOON.search(said.text)
    return Login(end=LoginEnd.TOO_SOON if too_soon else LoginEnd.REFUSED, why=told(answer, body))


def expiry(token: str) -> int | None:
    """When a token dies (ns, UTC), as it says itself in ``exp``; None where it says nothing that can be read. It is
    the broker's to judge a token: its signature is not looked at."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        exp = claims.get("exp") if isinstance(claims, dict) else None
        seconds = int(str(exp).split(".", 1)[0])
    except ValueError:
        return None
    return seconds * _NS if seconds in _YEARS_1990_TO_2200 else None
