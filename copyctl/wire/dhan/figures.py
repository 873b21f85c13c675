"""What the readers of figures share: is this an answer, what stands in it, and what does it mean where it is none."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from copyctl.model.facts import FactReading, Lack
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan import codes, fact_keys, texts
from copyctl.wire.dhan.bodies import Body, Problem, read_body, told
from copyctl.wire.dhan.values import NonsenseError, number, quantity, text

_LONGEST_WHY: Final = 500
_LONGEST_WORD: Final = 80
_REFUSED: Final = frozenset({Category.AUTHENTICATION, Category.ADDRESS})
_IN_VAIN: Final = frozenset({Category.INSTRUMENT, Category.INPUT, Category.PRODUCT, Category.QUANTITY})
_WANTS_A_PLAN: Final = re.compile(r"not\s+subscribed|subscribe\s+to", re.IGNORECASE)
_UNAUTHORISED, _NOT_FOUND, _TIMED_OUT, _TOO_MANY = 401, 404, 408, 429


def read(answer: Answer, *, quotes: bool = False) -> Body | FactReading:
    """The body of an answer of success, or the reading of any other. ``quotes``: it is a market quote's."""
    body = _body(answer)
    if _succeeded(answer, body):
        return body
    return FactReading(why=told(answer, body), lack=_lack(answer, body.problem, quotes=quotes))


def read_rows(answer: Answer) -> list[object] | FactReading:
    """The rows of a list, bare or wrapped as ``data``, or the one row that came without a list.

    An empty list may come as the error DH-1111 (HTTP 500). What is no list is never taken for an empty one.
    """
    body = _body(answer)
    if body.problem is not None and body.problem.code == texts.NOTHING_THERE:
        return []
    if not _succeeded(answer, body):
        return FactReading(why=told(answer, body), lack=_lack(answer, body.problem, quotes=False))
    value = body.value
    if isinstance(value, dict):
        value = [value] if any(_is(key, "SECURITYID") for key in value) else data_of(value)
    return value if isinstance(value, list) else lacking(f"HTTP {answer.status}: it is no list")


def declined(answer: Answer) -> bool:
    """Does the broker itself say, in JSON and without a doubt, that it did not do what was asked for?"""
    said = _body(answer).problem
    surely = answer.status // 100 in (2, 4) and answer.status not in (_NOT_FOUND, _TIMED_OUT, _TOO_MANY)
    return surely and said is not None and not said.ambiguous


def lacking(why: str, lack: Lack = Lack.UNAVAILABLE) -> FactReading:
    """There is no fact, for this reason."""
    return FactReading(why=why[:_LONGEST_WHY], lack=lack)


def single(body: Body) -> object:
    """The one object that an answer is, bare, wrapped as ``data``, or alone in a list; else whatever it is."""
    value = body.value
    for _ in range(2):
        if isinstance(value, dict) and isinstance(inner := data_of(value), dict | list):
            value = inner
        if isinstance(value, list) and len(value) == 1:
            [value] = value
    return value


def data_of(value: Mapping[str, object]) -> object:
    """What stands under ``data``, None where nothing does."""
    return next((part for key, part in value.items() if _is(key, "DATA")), None)


def named(row: object, table: Mapping[str, str]) -> dict[str, object]:
    """The values that the table names, by our names; of two keys with one meaning the one that says something.

    Raises:
        NonsenseError: it is no row.
    """
    if not isinstance(row, dict):
        raise NonsenseError("it is no row")
    found: dict[str, object] = {}
    for key, value in row.items():
        name = table.get(codes.fold(key)) if len(key) <= codes.LONGEST_KEY else None
        if name is not None and (name not in found or not words(found[name])):
            found[name] = value
    return found


def words(value: object) -> str:
    """A name or a word, of bounded length; "" for nothing."""
    return text(value)[:_LONGEST_WORD]


def figure(value: object) -> Decimal | None:
    """An amount that may be left out; None for nothing and for nonsense."""
    try:
        return number(value)
    except NonsenseError:
        return None


def count(value: object) -> int | None:
    """A count of units that may be left out; None for nothing and for nonsense."""
    try:
        return quantity(value)
    except NonsenseError:
        return None


def _body(answer: Answer) -> Body:
    return read_body(answer) if answer.passage is Passage.ANSWERED else Body()


def _succeeded(answer: Answer, body: Body) -> bool:
    told_all = body.problem is None and not body.why and not body.empty
    return answer.passage is Passage.ANSWERED and 200 <= answer.status < 300 and told_all


def _lack(answer: Answer, said: Problem | None, *, quotes: bool) -> Lack:
    """What it means that there is no fact. No data plan: DH-902 or 806, under HTTP 401, 403 or 451."""
    if answer.passage is not Passage.ANSWERED:
        return Lack.UNAVAILABLE
    if quotes and said is not None and (said.code in fact_keys.NO_DATA_PLAN or _WANTS_A_PLAN.search(said.text)):
        return Lack.NO_DATA_PLAN
    meant = Category.UNKNOWN if said is None else said.category
    if answer.status == _TOO_MANY or meant is Category.THROTTLED:
        return Lack.THROTTLED
    if answer.status == _UNAUTHORISED or meant in _REFUSED:
        return Lack.REFUSED
    in_vain = answer.status == _NOT_FOUND or (answer.status < 500 and meant in _IN_VAIN)
    return Lack.NOT_KNOWN if in_vain else Lack.UNAVAILABLE


def _is(key: str, folded: str) -> bool:
    return len(key) <= codes.LONGEST_KEY and codes.fold(key) == folded
