"""YAML 1.2's rules for plain values, stricter: ``15:15``, ``on``, ``no`` and ``0123`` are text."""

import re
from decimal import Decimal
from typing import Final

from copyctl.rules.nodes import Value

_WORDS: Final[dict[str, Value]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
_DECIMAL: Final = re.compile(r"[-+]?((0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,3})?")


def plain_value(text: str) -> Value:
    """What an unquoted ``text`` means: null, true, false, a whole number, an exact decimal number, or itself."""
    if text in _WORDS:
        return _WORDS[text]
    number = number_in(text)
    return text if number is None else number


def number_in(text: str) -> int | Decimal | None:
    """The number that ``text`` writes; None when it writes none."""
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else None
