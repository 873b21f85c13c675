"""Answers as they came: the value of a book or a figure, with every key and number as Dhan wrote it. Never raises.

For who keeps what the broker said, not what it means: fractions keep their digits, what is wrapped is unwrapped.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from copyctl.model.facts import FactReading, Lack
from copyctl.model.reading import Verbatim
from copyctl.model.request import Answer
from copyctl.wire.dhan.figures import read, read_rows, single

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def verbatim_rows(answer: Answer) -> Verbatim:
    """The rows of a list, as a JSON array of objects; what is no object is left out."""
    found = read_rows(answer)
    if isinstance(found, FactReading):
        return _lacking(found)
    return _written([row for row in found if isinstance(row, dict)])


def verbatim_object(answer: Answer) -> Verbatim:
    """The one object that an answer is, as JSON."""
    body = read(answer)
    if isinstance(body, FactReading):
        return _lacking(body)
    found = single(body)
    if not isinstance(found, dict):
        return Verbatim(why=f"HTTP {answer.status}: it is no object")
    return _written(found)


def _written(value: Any) -> Verbatim:
    return Verbatim(text=_ENCODER.encode(_finite(value)).decode())


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no Infinity: nothing stands in their place."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, Decimal) and not value.is_finite() else value


def _lacking(reading: FactReading) -> Verbatim:
    refused, throttled = reading.lack is Lack.REFUSED, reading.lack is Lack.THROTTLED
    return Verbatim(why=reading.why, refused=refused, throttled=throttled)
