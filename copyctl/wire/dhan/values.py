"""Tolerant readers of single values: what JSON gave, in any of the spellings that Dhan uses.

A value that is missing, null, ``""``, ``NA`` or ``NaN`` is nothing, and gives the reader's empty value. What is
neither nothing nor the thing asked for raises ``NonsenseError``, which no reader of frames or books lets out.
"""

import datetime
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from copyctl.model.order import ZERO
from copyctl.wire.dhan import codes

_LARGEST: Final = Decimal(10**15)
_SMALLEST: Final = Decimal("1E-30")
_LARGEST_ID: Final = 64

Fields = Mapping[str, object]
"""Values of one JSON object by our names of its keys."""


class NonsenseError(ValueError):
    """A value that no order can have."""


_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def decode(raw: bytes) -> object:
    """The JSON value that these bytes are, fractions as ``Decimal``; of a key that comes twice the last value.

    Raises:
        ValueError: it is not JSON, or JSON that nobody can read (endless numbers, endless nesting).
    """
    try:
        return _DECODER.decode(raw)
    except (ArithmeticError, RecursionError) as fault:
        raise ValueError(f"it is no JSON: {type(fault).__name__}") from fault
    except ValueError:
        pass  # the standard library's reader also takes a byte order mark, NaN and Infinity
    try:
        found: object = json.loads(raw, parse_float=Decimal, parse_constant=Decimal)
    except (ArithmeticError, RecursionError, ValueError) as fault:
        raise ValueError(f"it is no JSON: {str(fault)[:120] or type(fault).__name__}") from fault
    return found


def fields(pairs: Mapping[str, object]) -> dict[str, object]:
    """The values that we read, by our names; keys that Dhan may add one day are left out."""
    found: dict[str, object] = {}
    for key, value in pairs.items():
        if len(key) <= codes.LONGEST_KEY and (name := codes.meaning(key)) is not None:
            found[name] = value
    return found


def text(value: object) -> str:
    """Free text in one piece, "" for nothing."""
    if isinstance(value, str):
        written = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        written = written.strip()
        return "" if len(written) <= 4 and written.upper() in codes.NOTHING else written
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_LARGEST_ID else ""
    if isinstance(value, Decimal):
        whole = _whole(value)
        return str(value) if whole is None else str(whole)
    return ""


def word(value: object) -> str:
    """A code or a word as the tables of ``codes`` key it, "" for nothing."""
    if isinstance(value, str):
        return _word(value) if len(value) <= codes.LONGEST_KEY else codes.fold(text(value))
    return codes.fold(text(value))


@lru_cache(maxsize=4096)
def _word(value: str) -> str:
    return codes.fold(text(value))


_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_WRITTEN_AS_FRACTION = re.compile(r"(\d+)\.0*", re.ASCII)


def identifier(value: object) -> str:
    """An order, trade, security or client id, "" for nothing and for 0.

    Ids are opaque, but they become parts of paths: letters, digits, ``_`` and ``-``, at most 64.
    """
    if isinstance(value, bool):
        raise NonsenseError("an id is true or false")
    written = text(value)
    if not written or written == "0":
        return ""
    if _IDENTIFIER.fullmatch(written):
        return written
    fraction = _WRITTEN_AS_FRACTION.fullmatch(written)
    if fraction is None or len(fraction[1]) > _LARGEST_ID:
        raise NonsenseError(f"{written[:80]!r} is no id")
    return fraction[1] if fraction[1].strip("0") else ""


_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)


def number(value: object) -> Decimal | None:
    """A number, exact; None for nothing. What is finer or larger than any amount of money is nonsense."""
    if isinstance(value, (bool, dict, list)):
        raise NonsenseError("a number is something else")
    if isinstance(value, Decimal):
        found = value
    elif isinstance(value, int):
        found = Decimal(value)
    else:
        written = text(value)
        if not written:
            return None
        if not _NUMBER.fullmatch(written):
            raise NonsenseError(f"{written[:80]!r} is no number")
        found = Decimal(written)
    if found.is_nan():
        return None
    if not found:
        return ZERO
    if not _SMALLEST <= found.copy_abs() < _LARGEST:
        raise NonsenseError(f"{text(value)[:80]} is out of all bounds")
    return found


def price(value: object) -> Decimal:
    """Rupees, not negative; 0 for nothing."""
    found = number(value)
    if found is None:
        return ZERO
    if found < 0:
        raise NonsenseError(f"a price is {found}")
    return found


def quantity(value: object) -> int | None:
    """A count of units, not negative; None for nothing."""
    if type(value) is int and 0 <= value < _LARGEST:
        return value
    found = number(value)
    if found is None:
        return None
    whole = _whole(found)
    if whole is None or whole < 0:
        raise NonsenseError(f"a quantity is {found}")
    return whole


def signed_quantity(value: object) -> int | None:
    """A count of units, below 0 for what is sold; None for nothing."""
    found = number(value)
    if found is None:
        return None
    whole = _whole(found)
    if whole is None:
        raise NonsenseError(f"a net quantity is {found}")
    return whole


def _whole(found: Decimal) -> int | None:
    if not found.is_finite() or found.adjusted() > _LARGEST_ID or found != found.to_integral_value():
        return None
    return int(found)


def hint(value: object) -> Decimal | None:
    """A number above 0 that an order can do without; None where there is none, or nonsense."""
    try:
        found = number(value)
    except NonsenseError:
        return None
    return found if found is not None and found > 0 else None


def count_hint(value: object) -> int | None:
    """A whole number above 0 that an order can do without; None where there is none, or nonsense."""
    try:
        return quantity(value) or None
    except NonsenseError:
        return None


_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2}|\d{2}[/-]\d{2}[/-]\d{4})"
    r"(?:[T ]+(?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1990
_IST_SECONDS: Final = 19_800
_NS: Final = 1_000_000_000


def moment(value: object) -> int:
    """A time of Dhan's (``2026-09-15 10:02:11``, IST, whole seconds) in nanoseconds UTC.

    0 for nothing, for ``0001-01-01 00:00:00`` and every time before 1990, and for what is no time.
    """
    if not isinstance(value, str) or len(value) > codes.LONGEST_KEY:
        return 0
    return _moment(value)


@lru_cache(maxsize=4096)
def _moment(written: str) -> int:
    found = _MOMENT.fullmatch(written.strip())
    if found is None or (day := _day(found["date"])) is None:
        return 0
    hour, minute, second = (*(int(part) for part in (found["time"] or "00:00:00").split(":")), 0)[:3]
    if hour > 23 or minute > 59 or second > 60:
        return 0
    offset = _offset(found["zone"])
    return ((day.toordinal() - _EPOCH_DAY) * 86_400 + hour * 3_600 + minute * 60 + second - offset) * _NS


def _offset(zone: str | None) -> int:
    """Seconds east of Greenwich; times without a zone are Indian."""
    if zone is None:
        return _IST_SECONDS
    if zone in "zZ":
        return 0
    seconds = int(zone[1:3]) * 3_600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _day(written: str) -> datetime.date | None:
    parts = [int(part) for part in re.split("[/-]", written)]
    year, month, day = parts if written[4] == "-" else reversed(parts)
    try:
        return datetime.date(year, month, day) if year >= _FIRST_YEAR else None
    except ValueError:
        return None


def date(value: object) -> datetime.date | None:
    """The day of a date or a time, as written; None for nothing, for 0001-01-01 and for what is no date."""
    if not isinstance(value, str) or len(value) > codes.LONGEST_KEY:
        return None
    return _date(value)


@lru_cache(maxsize=4096)
def _date(written: str) -> datetime.date | None:
    found = _MOMENT.fullmatch(written.strip())
    return _day(found["date"]) if found else None
