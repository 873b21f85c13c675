"""Policy tests as they are told: an outcome in the words in which it would be expected, a case as a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from copyctl.lab.policy_tests import Verdict
from copyctl.model.cases import Case, Words

Row = dict[str, Any]

_USUAL: Final[dict[str, object]] = {"disclosed_quantity": 0, "after_market": False, "filled": 0}
"""What is not said of an outcome, being as usual."""
_SAID: Final = (
    ("decision", "{}"),
    ("reason", "{}"),
    ("side", "{}"),
    ("quantity", "{}"),
    ("instrument", "{}"),
    ("order_type", "{}"),
    ("price", "price {}"),
    ("trigger_price", "trigger {}"),
    ("product", "{}"),
    ("validity", "{}"),
    ("disclosed_quantity", "disclosed {}"),
    ("after_market", "after-market"),
    ("status", "{}"),
    ("filled", "filled {}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A case and what came of it."""

    file: str
    case: Case
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """What is otherwise than expected."""
        return [one for one in self.verdicts if one.differs]


def line(words: Words, *, like: Words | None = None) -> str:
    """An outcome as a line that a case could hold; with ``like`` the keys that this one tells, and any that say why."""
    parts = []
    for key, form in _SAID:
        value = getattr(words, key)
        asked = like is None or getattr(like, key) is not None or key in ("decision", "reason")
        if value is not None and asked and (value != _USUAL.get(key) or getattr(like, key, None) is not None):
            parts.append(form.format(_told(value)) if value is not False else f"not {form}")
    if words.rule is not None and (like is None or like.rule is not None):
        parts.append(f"by the rule {words.rule!r}")
    return " ".join(parts) or "nothing"


def row(result: Result) -> Row:
    """A case for JSON: what was wanted, and what came instead, item by item."""
    return {
        "file": result.file,
        "line": result.case.line,
        "name": result.case.name,
        "ok": not result.failed,
        "wanted": [_side(one, one.wanted) for one in result.verdicts],
        "got": [_side(one, one.got) | {"detail": one.detail, "differs": list(one.differs)} for one in result.verdicts],
    }


def difference(verdicts: Iterable[Verdict], orders: int) -> str:
    """What is otherwise than expected, for people: wanted beside got, follower by follower, order by order."""
    return "\n".join(text for one in verdicts for text in _lines(one, orders))


def _lines(one: Verdict, orders: int) -> Sequence[str]:
    about = f"{one.follower}, order {one.number}" if orders > 1 else one.follower
    wanted, got = (line(words, like=one.wanted) for words in (one.wanted, one.got))
    return (
        f"  {about}: {', '.join(key.replace('_', ' ') for key in one.differs)}",
        f"    wanted  {wanted}",
        f"    got     {got}",
        *([f"            {one.detail}"] if one.detail else []),
    )


def _side(one: Verdict, words: Words) -> Row:
    told = {each.name: _plain(getattr(words, each.name)) for each in fields(Words)}
    kept = {key: value for key, value in told.items() if value is not None}
    return {"follower": one.follower, "order": one.number, **kept}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value.value if isinstance(value, Enum) else value


def _told(value: object) -> object:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
