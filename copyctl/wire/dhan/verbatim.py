"""Answers as they came: the value of a book or a figure, with every key and number as Dhan wrote it. Never raises.

For who keeps what the broker said, not what it means: fractions keep their digits, what is wrapped is unwrapped. What
nobody could read again is told as that.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import msgspec

from copyctl.model.facts import FactReading, FundsWanted, Lack, PositionsWanted
from copyctl.model.reading import Verbatim
from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan import facts, rows
from copyctl.wire.dhan.figures import read, read_rows, single

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_NOTHING: Final = Answer(passage=Passage.ANSWERED, at=0, status=200, body=b"[]")


def verbatim(kind: str, answer: Answer, account: str) -> Verbatim:
    """What this account's ``book``, ``trades``, ``positions``, ``holdings`` (JSON arrays of objects) or ``funds`` (an
    object) say; ``KeyError`` for another ``kind``."""
    why, found = _READ[kind](answer, account), _value(kind, answer)
    if isinstance(found, FactReading):
        refused, throttled = found.lack is Lack.REFUSED, found.lack is Lack.THROTTLED
        return Verbatim(why=why or found.why, refused=refused, throttled=throttled)
    return Verbatim(why=why) if why else Verbatim(text=_ENCODER.encode(_sound(found)).decode())


def _value(kind: str, answer: Answer) -> object:
    if kind == "funds":
        body = read(answer)
        return body if isinstance(body, FactReading) else single(body)
    found = read_rows(answer)
    return found if isinstance(found, FactReading) else [row for row in found if isinstance(row, dict)]


def _of_fact(question: FundsWanted | PositionsWanted, *answers: Answer) -> str:
    return facts.read_fact(question, answers, 0).why


_READ: Final[Mapping[str, Callable[[Answer, str], str]]] = MappingProxyType(
    {
        "book": lambda answer, account: rows.read_orders(answer, account, 0).why,
        "trades": lambda answer, account: rows.read_trades(answer, account, 0).why,
        "positions": lambda answer, account: _of_fact(PositionsWanted(account=account), answer, _NOTHING),
        "holdings": lambda answer, account: _of_fact(PositionsWanted(account=account), _NOTHING, answer),
        "funds": lambda answer, account: _of_fact(FundsWanted(account=account), answer),
    }
)
"""Why an answer cannot be read, "" where it can."""


def _sound(value: Any) -> Any:
    """JSON knows no NaN and no Infinity, and UTF-8 no half of a pair: nothing stands in place of the first, a question
    mark in place of the second."""
    if isinstance(value, dict):
        return {_sound(key): _sound(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_sound(part) for part in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, Decimal) and not value.is_finite() else value
