"""What may not stand on a tape, and what stands there instead.

Secrets become ``***``. An account number becomes an invented one of the same length, the same each time, wherever it
stands: also within an id that was made of it. Nothing else of a text changes, so JSON stays JSON.
"""

import json
import random
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from copyctl.edge.logs import mask

_PERSONAL: Final = re.compile(
    r'(\\*"(?:user|client|customer|account|holder)_?(?:name|email|mobile|pan)\\*"\s*:\s*\\*")[^"\\]*', re.IGNORECASE
)
"""Who a person is, by the names that a key may have."""


class Disguise:
    """Replaces these account ``numbers``, always; with ``anonymous`` also what names a person. ``chance``: draws the
    invented ones."""

    def __init__(self, numbers: Iterable[str], chance: random.Random, *, anonymous: bool = False) -> None:
        self._invented: dict[str, str] = {}
        self._anonymous = anonymous
        known = {one for one in numbers if one}
        for number in sorted(known, key=lambda one: (-len(one), one)):  # one may be the beginning of another
            self._invented[number] = _another(number, known | set(self._invented.values()), chance)
        self._pattern = re.compile("|".join(map(re.escape, self._invented))) if self._invented else None

    def number(self, account: str) -> str:
        """What an account's number is called on the tape."""
        return self._invented.get(account, account)

    def text(self, text: str) -> str:
        """A text as it may be kept. A JSON text in which a secret stands is written anew, all others stay as they
        came, but for what is replaced."""
        if mask(text) != text:
            text = _without_secrets(text)
        if self._anonymous:
            text = _PERSONAL.sub(r"\1", text)
        return text if self._pattern is None else self._pattern.sub(lambda found: self._invented[found[0]], text)


def _another(number: str, taken: set[str], chance: random.Random) -> str:
    """As many digits, where these are digits: none of those that are ``taken``, and no zero before it."""
    digits, capitals = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    while True:
        drawn = "".join(
            chance.choice(digits if one.isdigit() else capitals if one.isalpha() else one) for one in number
        )
        drawn = drawn if not drawn.startswith("0") else f"9{drawn[1:]}"
        if not any(one in drawn or drawn in one for one in taken) or len(number) == 1:
            return drawn


def _without_secrets(text: str) -> str:
    """Its texts without secrets. Numbers stay: no secret is one, and a quantity may look like a PIN by chance."""
    try:
        value = json.loads(text)
    except ValueError:
        return mask(text)
    return json.dumps(_each_text(value, mask), separators=(",", ":"))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with each of its texts changed, keys as well."""
    if isinstance(value, dict):
        return {change(key): _each_text(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_each_text(part, change) for part in value]
    return change(value) if isinstance(value, str) else value
