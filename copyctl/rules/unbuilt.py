"""What the language can say and copyctl cannot do yet: one table, and its check.

``run`` refuses a file that asks for any of it; ``lint`` warns. A key left out passes, and so does its default.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from copyctl.model.duration import duration
from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Items, Keys, Node, Scalar, Steps, dotted, key_place, plain
from copyctl.rules.schema import Schema, child_schema, item_schema, kinds, language

BUILT: Final = None

# Key or section -> what it may hold besides its default; BUILT: anything. The longest entry decides.
UNBUILT: Final[Mapping[str, tuple[object, ...] | None]] = {
    "broker.environment": (),
}


def not_built(root: Node, severity: Severity) -> list[Finding]:
    """A finding for every key that asks for what is not built yet."""
    return list(_walk(root, root, language(), (), severity))


def _walk(root: Node, node: Node, schema: Schema, steps: Steps, severity: Severity) -> Iterator[Finding]:
    if isinstance(node, Keys) and "properties" in schema:
        for key, entry in node.entries.items():
            inner = child_schema(schema, key)
            if inner is not None:
                yield from _walk(root, entry.node, inner, (*steps, key), severity)
        return
    allowed = _allowed(steps)
    if allowed is BUILT:
        if isinstance(node, Items):
            for number, one in enumerate(node.nodes):
                yield from _walk(root, one, item_schema(schema) or {}, (*steps, number), severity)
        return
    words = (*((schema["default"],) if "default" in schema else ()), *(one for one in allowed if _fits(one, schema)))
    if (isinstance(node, Scalar) and node.is_open) or _is_one_of(plain(node, lambda one: one.value), words, schema):
        return
    place = node.place if isinstance(node, Scalar) else key_place(root, steps)
    shown = " or ".join(dict.fromkeys(_shown(word) for word in words if word != ""))
    message = f"{steps[-1]} is not built yet: only {shown} may stand here"
    advice = "leave the key out" if "default" in schema else "choose one of these"
    hint = advice if severity is Severity.ERROR else f"copyctl run refuses it: {advice}"
    yield finding("R401", place, dotted(steps), message, hint, severity=severity)


def _allowed(steps: Steps) -> tuple[object, ...] | None:
    """What the longest entry of the table says of a key."""
    names = [step for step in steps if isinstance(step, str)]
    for length in range(len(names), 0, -1):
        key = ".".join(names[:length])
        if key in UNBUILT:
            return UNBUILT[key]
    return BUILT


def _fits(word: object, schema: Schema) -> bool:
    """Can a word of a section's entry stand at this key of the section?"""
    return {str: "string", bool: "boolean", type(None): "null"}[type(word)] in kinds(schema)


def _is_one_of(value: Any, words: tuple[object, ...], schema: Schema) -> bool:
    if schema.get("x-kind") == "duration" and isinstance(value, str):
        return any(_length(value) == _length(word) for word in words)
    return any(type(value) is type(word) and value == word for word in words) or (
        isinstance(value, int | Decimal) and not isinstance(value, bool) and value in words
    )


def _length(text: object) -> object:
    try:
        return duration(str(text))
    except ValueError:
        return text


def _shown(word: object) -> str:
    return word if isinstance(word, str) else json.dumps(word, default=str)
