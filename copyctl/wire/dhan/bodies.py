"""Bodies of Dhan's REST answers: what is in them, and which of them say that something is wrong.

An error comes in the shapes ``{errorType, errorCode, errorMessage}``, ``{status: "failed", data: {"805": text}}``,
the older ``{errorCode, internalErrorCode, internalErrorMessage}``, ``[{message, status: "ERROR"}]`` and the
gateway's ``{timestamp, status, error, path}`` (Dhan API v2, annexure; others as seen).
"""

from dataclasses import dataclass
from typing import Final

from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan import texts
from copyctl.wire.dhan.codes import fold
from copyctl.wire.dhan.values import decode, text, word

_LONGEST: Final = 500
_FAILED: Final = frozenset({"FAILURE", "FAILED", "FAIL", "ERROR"})
_CODES: Final = ("ERRORCODE", "INTERNALERRORCODE", "CODE")
_TEXTS: Final = ("ERRORMESSAGE", "INTERNALERRORMESSAGE", "OMSERRORDESCRIPTION", "MESSAGE", "ERROR", "REMARKS")
_ERROR_TEXTS: Final = _TEXTS[:2]
_KINDS: Final = ("ERRORTYPE",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What an answer says is wrong. ``code`` as ``texts.code_key`` gives it; any of them may be ""."""

    code: str
    kind: str
    text: str

    @property
    def category(self) -> Category:
        """What it means, by text and code, else by the kind of the error."""
        meant = texts.category(self.code, self.text)
        return texts.category(self.kind, "") if meant is Category.UNKNOWN else meant

    @property
    def ambiguous(self) -> bool:
        """Does the broker itself not know what became of the request?"""
        return not texts.AMBIGUOUS_CODES.isdisjoint({self.code, self.kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body: ``empty``, or the JSON ``value``, or neither with ``why``; and the ``problem`` it tells of, if any."""

    value: object = None
    empty: bool = False
    why: str = ""
    problem: Problem | None = None


def read_body(answer: Answer) -> Body:
    """The body of an answer that came. Never raises."""
    if not answer.body.strip():
        return Body(empty=True)
    try:
        value = decode(answer.body)
    except ValueError as fault:
        return Body(why=str(fault))
    return Body(value=value, problem=_problem(value, answer.status))


def _problem(value: object, status: int) -> Problem | None:
    """What the JSON value of an answer with this HTTP status says is wrong; None where it says nothing of the kind."""
    if isinstance(value, list):
        return _problem_of_all(value, status)
    if not isinstance(value, dict):
        return None
    found = {fold(key): part for key, part in value.items()}
    code, kind, said = (_first(found, names) for names in (_CODES, _KINDS, _TEXTS))
    data = found.get("DATA")
    if not code and isinstance(data, dict) and len(data) == 1:
        [(key, part)] = data.items()
        if texts.code_key(key).isdigit():
            code, said = key, text(part)
    elif isinstance(data, str):
        said = said or data
    failed = status >= 400 or word(found.get("STATUS")) in _FAILED
    if not (code or kind or _first(found, _ERROR_TEXTS) or (failed and not _names_an_order(value))):
        return None
    return Problem(code=texts.code_key(code), kind=fold(kind), text=said[:_LONGEST])


def _problem_of_all(parts: list[object], status: int) -> Problem | None:
    """What is wrong with all parts of a list, as slices are answered by; one of unknown fate is the one that counts."""
    if len(parts) > 1 and any(map(_names_an_order, parts)):
        return None
    found: list[Problem] = []
    for part in parts:
        problem = _problem(part, status) if isinstance(part, dict) else None
        if problem is None:
            return None
        found.append(problem)
    return next((problem for problem in found if problem.ambiguous), found[0]) if found else None


def _names_an_order(value: object) -> bool:
    return isinstance(value, dict) and any(text(part) for key, part in value.items() if fold(key) == "ORDERID")


def told(answer: Answer, body: Body) -> str:
    """One line on an answer that is not what was hoped for; never empty."""
    if answer.passage is not Passage.ANSWERED:
        return answer.fault[:_LONGEST] or answer.passage.value
    if body.problem is not None and body.problem.text:
        return body.problem.text
    details = body.why or ("empty" if body.empty else "" if body.problem is None else body.problem.code)
    return f"HTTP {answer.status}{': ' if details else ''}{details}"


def _first(found: dict[str, object], names: tuple[str, ...]) -> str:
    return next((said for name in names if (said := text(found.get(name)))), "")
