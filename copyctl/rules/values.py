"""What the schema cannot say of one single value: a date that no calendar has, hours that end before they begin.

What is misshapen or not known yet is passed over, and told by others.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Final

from copyctl.rules.expressions import literal_part
from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Items, Keys, Node, Scalar, Steps, dotted
from copyctl.rules.schema import RULES, Schema, child_schema, item_schema, language, scalar_schema

_WHO: Final = re.compile(r"://[^\s/@]*@")


def odd_values(root: Node, name: str = RULES) -> list[Finding]:
    """Everything about single values that fits the schema and still makes no sense, and secrets in plain sight."""
    return [
        found
        for steps, scalar, schema in _walk(root, language(name), ())
        for check in (_secret, _number, _rate, _text)
        for found in check(scalar, schema, steps)
    ]


def _walk(node: Node, schema: Schema, steps: Steps) -> Iterator[tuple[Steps, Scalar, Schema]]:
    """Every single value that the language knows, with its schema."""
    if isinstance(node, Scalar):
        yield steps, node, scalar_schema(schema)
    elif isinstance(node, Items):
        inner = item_schema(schema)
        for number, one in enumerate(node.nodes if inner is not None else ()):
            yield from _walk(one, inner or {}, (*steps, number))
    elif isinstance(node, Keys):
        for key, entry in node.entries.items():
            inner = child_schema(schema, key)
            if inner is not None:
                yield from _walk(entry.node, inner, (*steps, key))


def _secret(scalar: Scalar, schema: Schema, steps: Steps) -> Iterator[Finding]:
    if scalar.secret and scalar.value is not None and literal_part(scalar.text):
        message = "a secret is written in the file itself"
        hint = "write ${NAME} and set the variable, or ${file:PATH} and keep it in a file of its own"
        yield finding("R206", scalar.place, dotted(steps), message, hint, severity=Severity.WARNING)
    elif steps[0] == "broker" and isinstance(scalar.value, str) and _WHO.search(scalar.value):
        message = "an address says who one is, and this one is shown and kept"
        yield finding("R206", scalar.place, dotted(steps), message, "leave out what stands before the @")


def _number(scalar: Scalar, schema: Schema, steps: Steps) -> Iterator[Finding]:
    value = scalar.value
    if isinstance(value, Decimal) and not _is_kept(value):
        yield finding("R209", scalar.place, dotted(steps), "the number has more digits than can be kept", "15 will do")


def _is_kept(value: Decimal) -> bool:
    """Does the number come back from JSON as it went in?"""
    number = float(value)
    return math.isfinite(number) and Decimal(repr(number)) == value


def _rate(scalar: Scalar, schema: Schema, steps: Steps) -> Iterator[Finding]:
    published = schema.get("default")
    value = scalar.value
    if steps[0] != "rate_limits" or steps[-1] == "reserve_pct" or not isinstance(value, int) or scalar.is_open:
        return
    if isinstance(published, int) and value > published:
        message = f"{scalar.shown} is more than the {published} that Dhan allows"
        hint = "the broker will refuse what is above its own limit"
        yield finding("R207", scalar.place, dotted(steps), message, hint, severity=Severity.WARNING)


def _text(scalar: Scalar, schema: Schema, steps: Steps) -> Iterator[Finding]:
    check = _KINDS.get(str(schema.get("x-kind")))
    if check is None or not isinstance(scalar.value, str) or scalar.is_open:
        return
    told = check(scalar.value, schema)
    if told is not None:
        yield finding(told[0], scalar.place, dotted(steps), f"{scalar.shown} {told[1]}")


def _date(text: str, schema: Schema) -> tuple[str, str] | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return "R208", "is in no calendar"
    return None


def _hours(text: str, schema: Schema) -> tuple[str, str] | None:
    try:
        first, last = (time.fromisoformat(part) for part in text.split("-"))
    except ValueError:
        return None
    return None if first < last else ("R205", "ends before it begins")


def _address(text: str, schema: Schema) -> tuple[str, str] | None:
    try:
        ip_address(text)
    except ValueError:
        return "R208", "is not an IP address"
    return None


def _word(text: str, schema: Schema) -> tuple[str, str] | None:
    words = schema["else"]["enum"]
    if text in words or not any(sign in text for sign in "*?") or any(fnmatchcase(word, text) for word in words):
        return None
    return "R208", f"matches none of {', '.join(words)}"


_KINDS: Final[Mapping[str, Callable[[str, Schema], tuple[str, str] | None]]] = {
    "date": _date,
    "hours": _hours,
    "address": _address,
    "word": _word,
}
