"""Prices and circuit limits (Dhan API v2, market quote): one answer tells of many instruments. Never raises.

An instrument that Dhan does not know is left out of an answer of success without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from copyctl.model.facts import FactReading, Lack, Quote, QuoteWanted
from copyctl.model.request import Answer
from copyctl.model.terms import Segment
from copyctl.wire.dhan import codes, fact_keys
from copyctl.wire.dhan.figures import data_of, lacking, named, read
from copyctl.wire.dhan.values import NonsenseError, hint, identifier, word

_LEFT_OUT: Final = "the broker tells nothing of this instrument"
_Key = tuple[Segment, int]


def read_quotes(questions: Sequence[QuoteWanted], answer: Answer, as_of: int) -> tuple[FactReading, ...]:
    """What the answer to ``calls.quotes_call`` says to each question, in their order, asked at ``as_of`` (ns, UTC)."""
    body = read(answer, quotes=True)
    if isinstance(body, FactReading):
        return tuple(body for _ in questions)
    segments = _segments(body.value)
    if segments is None:
        return tuple(lacking(f"HTTP {answer.status}: it is no market quote") for _ in questions)
    told = dict(_told(segments))
    return tuple(_quote(question, told, as_of) for question in questions)


def _segments(value: object) -> Mapping[str, object] | None:
    """The part by segments, below ``data``, which may be wrapped once more; None where there is none."""
    wrapped = False
    for _ in range(2):
        if isinstance(value, dict) and (inner := data_of(value)) is not None:
            value, wrapped = inner, True
    if not isinstance(value, dict):
        return None
    return value if (wrapped and not value) or any(word(key) in codes.SEGMENTS for key in value) else None


def _told(segments: Mapping[str, object]) -> Iterator[tuple[_Key, object]]:
    """Each instrument's part, by segment and id; an object by ids, or a list of rows that name theirs."""
    for key, part in segments.items():
        segment = codes.SEGMENTS.get(word(key))
        if segment is None:
            continue
        for security_id, row in part.items() if isinstance(part, dict) else _listed(part):
            number = _number(security_id)
            if number is not None:
                yield (segment, number), row


def _listed(part: object) -> Iterator[tuple[object, object]]:
    for row in part if isinstance(part, list) else ():
        if isinstance(row, dict):
            yield named(row, fact_keys.QUOTE).get("security_id"), row


def _number(security_id: object) -> int | None:
    try:
        written = identifier(security_id)
    except NonsenseError:
        return None
    return int(written) if written.isdecimal() else None


def _quote(question: QuoteWanted, told: Mapping[_Key, object], as_of: int) -> FactReading:
    number = _number(question.security_id)
    row = None if number is None else told.get((question.segment, number))
    if row is None:
        return lacking(_LEFT_OUT, Lack.NOT_KNOWN)
    try:
        found = named(row, fact_keys.QUOTE)
    except NonsenseError as fault:
        return lacking(f"the quote cannot be read: {fault}")
    last_price = hint(found.get("last_price"))
    lower, upper = hint(found.get("lower_circuit")), hint(found.get("upper_circuit"))
    if lower is not None and upper is not None and lower > upper:
        lower = upper = None
    if last_price is None and upper is None and lower is None:
        return lacking("the quote tells neither a price nor limits")
    return FactReading(
        fact=Quote(
            segment=question.segment,
            security_id=question.security_id,
            as_of=as_of,
            last_price=last_price,
            lower_circuit=lower,
            upper_circuit=upper,
        )
    )
