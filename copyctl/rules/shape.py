"""Does a file have the shape of its language? The schema decides; the words are ours."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from copyctl.rules.findings import Finding, finding
from copyctl.rules.nodes import LONGEST_SHOWN, Node, Scalar, Steps, at, dotted, key_place, plain
from copyctl.rules.schema import RULES, Schema, each_key, kinds, language

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_KIND_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map of keys",
    "null": "null",
}
_SWITCHES: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def misshapen(root: Node, name: str = RULES) -> list[Finding]:
    """Everything in which the tree differs from the schema of the language of this name. A ``${...}`` that is still
    open fits everywhere."""
    document = plain(root, lambda scalar: scalar.value)
    found: list[Finding] = []
    for trouble in _validator(name).iter_errors(document):
        where = at(root, *trouble.absolute_path)
        if not (isinstance(where, Scalar) and where.is_open):
            found.extend(_told(trouble, root, name))
    return found


@cache
def _validator(name: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (a tenth of a second, which --help need not pay)

    return Draft202012Validator(dict(language(name)))


class _Trouble:
    """One error of the validator beside the tree that it is about."""

    def __init__(self, error: "ValidationError", root: Node, name: str) -> None:
        self.root = root
        self.language = name
        self.steps: Steps = tuple(error.absolute_path)
        self.schema: Schema = error.schema if isinstance(error.schema, Mapping) else {}
        self.limit: Any = error.validator_value
        self.instance: Any = error.instance
        self.is_key = "propertyNames" in error.absolute_schema_path
        node = at(root, *self.steps)
        self.node: Node = root if node is None else node

    def shown(self) -> str:
        """The value as people may see it: never a secret, never what a variable gave."""
        if self.is_key:
            return f"{self.instance!s}"[:LONGEST_SHOWN]
        return self.node.shown if isinstance(self.node, Scalar) else "this"

    def tell(self, code: str, message: str, hint: str | None = None) -> Finding:
        """A finding at the value."""
        if self.is_key:
            steps = (*self.steps, str(self.instance))
            return finding(code, key_place(self.root, steps), dotted(steps), message, hint)
        place = self.node.place if isinstance(self.node, Scalar) else key_place(self.root, self.steps)
        return finding(code, place, dotted(self.steps), message, hint)


def _told(error: "ValidationError", root: Node, name: str) -> Iterator[Finding]:
    trouble = _Trouble(error, root, name)
    wording = _WORDINGS.get(str(error.validator), _other)
    yield from wording(trouble)


def _unknown_keys(trouble: _Trouble) -> Iterator[Finding]:
    known = [key for key in trouble.schema.get("properties", {}) if key not in trouble.instance]
    for key in trouble.instance:
        if key in trouble.schema.get("properties", {}):
            continue
        steps = (*trouble.steps, key)
        place = key_place(trouble.root, steps)
        message = f"there is no key {key} " + (f"in {dotted(trouble.steps)}" if trouble.steps else "at the top")
        yield finding("R111", place, dotted(steps), message, _key_hint(key, known, trouble.language))


def _key_hint(key: str, known: list[str], name: str) -> str | None:
    elsewhere = _homes(name).get(key, ())
    if elsewhere:
        return f"this key belongs to {' or '.join(elsewhere[:2])}"
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else None


@cache
def _homes(name: str) -> Mapping[str, tuple[str, ...]]:
    """Of every key name the sections that have it."""
    homes: dict[str, tuple[str, ...]] = {}
    for steps, _ in each_key(language(name)):
        if steps[0] != "followers" or len(steps) == 2:
            section = dotted(steps[:-1]) or "the top of the file"
            homes[str(steps[-1])] = (*homes.get(str(steps[-1]), ()), section)
    return homes


def _missing(trouble: _Trouble) -> Iterator[Finding]:
    place = key_place(trouble.root, trouble.steps)
    for key in trouble.limit:
        if key not in trouble.instance:
            steps = (*trouble.steps, key)
            yield finding("R112", place, dotted(steps), f"{key} is required here and missing", _example(trouble, key))


def _example(trouble: _Trouble, key: str) -> str | None:
    example = trouble.schema.get("properties", {}).get(key, {}).get("examples", [None])[0]
    return None if example is None or isinstance(example, dict | list) else f"for example {key}: {example}"


def _kind(trouble: _Trouble) -> Iterator[Finding]:
    wanted = [_KIND_WORDS[kind] for kind in _KIND_WORDS if kind in kinds(trouble.schema)]
    if "null" in wanted and isinstance(trouble.node, Scalar) and trouble.node.value is not None:
        wanted.remove("null")
    if isinstance(trouble.node, Scalar):
        got = "nothing" if trouble.instance is None else trouble.shown()
    else:
        got = "a list" if isinstance(trouble.instance, list) else "a map"
    title = trouble.schema.get("title")
    yield trouble.tell("R113", f"{title or _either(wanted)} must stand here, not {got}", _kind_hint(trouble))


def _kind_hint(trouble: _Trouble) -> str | None:
    instance = trouble.instance
    if instance is None and "object" in kinds(trouble.schema):
        return "remove the key, or give it keys of its own below it"
    if isinstance(instance, str) and instance.lower() in _SWITCHES and "boolean" in kinds(trouble.schema):
        return f"write {_SWITCHES[instance.lower()]}"
    if isinstance(instance, Decimal) and instance == int(instance) and "integer" in kinds(trouble.schema):
        return f"write {int(instance)}"
    return None


def _either(words: list[str]) -> str:
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"


def _choice(trouble: _Trouble) -> Iterator[Finding]:
    choices = [str(one) for one in (trouble.limit if isinstance(trouble.limit, list) else [trouble.limit])]
    own_names = [one for one in choices if one not in trouble.schema.get("x-aliases", {})]
    instance = str(trouble.instance)
    close = [one for one in choices if one.lower() == instance.lower()]
    close = close or difflib.get_close_matches(instance, choices, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close and trouble.shown() != "this" else None
    told = f"is not one of {', '.join(own_names)}" if len(own_names) > 2 else f"must be {' or '.join(own_names)}"
    if "title" in trouble.schema:
        told = f"is not {trouble.schema['title']}"
    yield trouble.tell("R114", f"{trouble.shown()} {told}", hint)


def _form(trouble: _Trouble) -> Iterator[Finding]:
    title = trouble.schema.get("title", "in the form that is needed here")
    yield trouble.tell("R115", f"{trouble.shown()} is not {title}")


def _bound(words: str) -> Callable[[_Trouble], Iterator[Finding]]:
    def told(trouble: _Trouble) -> Iterator[Finding]:
        yield trouble.tell("R116", f"{trouble.shown()} must be {words.format(trouble.limit)}")

    return told


def _size(words: str) -> Callable[[_Trouble], Iterator[Finding]]:
    def told(trouble: _Trouble) -> Iterator[Finding]:
        yield trouble.tell("R116", words.format(trouble.limit))

    return told


def _other(trouble: _Trouble) -> Iterator[Finding]:
    yield trouble.tell("R115", f"{trouble.shown()} does not fit here")


_WORDINGS: Final[Mapping[str, Callable[[_Trouble], Iterator[Finding]]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing,
    "type": _kind,
    "enum": _choice,
    "const": _choice,
    "pattern": _form,
    "minimum": _bound("{} or more"),
    "maximum": _bound("{} or less"),
    "exclusiveMinimum": _bound("more than {}"),
    "minItems": _size("the list must hold {} or more"),
    "uniqueItems": _size("the list holds one value twice"),
    "minProperties": _size("the map must hold {} key or more"),
    "minLength": _size("the text is empty"),
    "maxLength": _size("the text is longer than {} characters"),
}
