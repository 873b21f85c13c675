"""The language as a page for people, ``docs/rules.md``: every key by section, as the schema describes it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import yaml

from copyctl.rules.nodes import Steps, dotted
from copyctl.rules.schema import Schema, item_schema, kinds, language
from copyctl.rules.unbuilt import UNBUILT

OVERRIDES: Final[Mapping[str, str]] = {
    "followers.policy": "policy",
    "policy.filters.rules.sizing": "policy.sizing",
    "policy.filters.rules.mapping": "policy.mapping",
}
"""Sections that hold keys of another one, which describes them."""

TOP: Final = "The top of the file"


class Section(NamedTuple):
    """A map of the language: the steps to it, its schema as a key, and the schema that has its keys."""

    steps: Steps
    own: Schema
    holder: Schema

    @property
    def title(self) -> str:
        """The heading over it."""
        return dotted(self.steps) or TOP

    @property
    def link(self) -> str:
        """A link to its heading."""
        return f"[{self.title}](#{anchor(self.title)})"


def page() -> str:
    """``docs/rules.md``."""
    sections = list(_sections((), language()))
    contents = "\n".join(f"{'  ' * max(0, len(one.steps) - 1)}- {one.link}" for one in sections)
    return "\n\n".join([_HEAD, contents, *(_told(one) for one in sections)]) + "\n"


def anchor(title: str) -> str:
    """What a heading is called in a link to it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def flow(value: Any) -> str:
    """A value as it may stand behind its key, on one line. What is a single word needs no quotes there."""
    plain = json.loads(json.dumps(value, default=float))
    if isinstance(plain, str):
        return plain
    return yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("...\n").strip()


def _sections(steps: Steps, own: Schema) -> Iterator[Section]:
    """A section and those below it."""
    holder = _holder(steps, own)
    if holder is None:
        return
    yield Section(steps, own, holder)
    for key, inner in holder["properties"].items():
        yield from _sections((*steps, key), inner)


def _holder(steps: Steps, schema: Schema) -> Schema | None:
    """The schema with the keys of a section, which may be a list of maps; None for what is no section. A map with a
    title is told by its title.
    """
    holder = item_schema(schema) or schema
    is_told_elsewhere = dotted(steps) in OVERRIDES or (steps and "title" in holder)
    return holder if "properties" in holder and not is_told_elsewhere else None


def _told(section: Section) -> str:
    """The heading of a section, what it is, and a table of its keys."""
    required = section.holder.get("required", ())
    rows = [
        "| "
        + " | ".join(cell.replace("|", r"\|") for cell in _row((*section.steps, key), inner, key in required))
        + " |"
        for key, inner in section.holder["properties"].items()
    ]
    head = ["| key | what may stand there | default | example | what it says |", "|---|---|---|---|---|"]
    level = "##" if len(section.steps) < 2 else "###"
    return "\n".join([f"{level} {section.title}\n", f"{_description(section.steps, section.own)}\n", *head, *rows])


def _row(steps: Steps, schema: Schema, is_required: bool) -> tuple[str, ...]:
    default = "**required**" if is_required else _default(steps, schema)
    (example,) = schema["examples"]
    return f"`{steps[-1]}`", _form(steps, schema), default, _code(flow(example)), _description(steps, schema)


def _default(steps: Steps, schema: Schema) -> str:
    if "default" not in schema:
        return "none"
    if schema["default"] == {} and (_holder(steps, schema) or dotted(steps) in OVERRIDES):
        return "those of its keys" if _holder(steps, schema) else "nothing of its own"
    return _code(flow(schema["default"]))


def _description(steps: Steps, schema: Schema) -> str:
    text: str = schema["description"]
    is_unbuilt = any(dotted(steps[: length + 1]) in UNBUILT for length in range(len(steps)))
    return f"{text} Not built yet: only the default may stand here." if is_unbuilt else text


def _form(steps: Steps, schema: Schema) -> str:
    """What may stand at a key."""
    path = dotted(steps)
    if path in OVERRIDES:
        return f"keys of [{OVERRIDES[path]}](#{anchor(OVERRIDES[path])})"
    if _holder(steps, schema):
        what = "a list of maps" if "array" in kinds(schema) else "a map"
        told = f"{what}: {Section(steps, schema, schema).link}"
    else:
        told = form(schema)
    others = [*(schema.get("x-off", ()) if "properties" in schema else ()), *({"null"} & kinds(schema))]
    return ", or ".join([told, *map(_code, others)])


def form(schema: Schema) -> str:
    """What may stand where no section does, in words."""
    unit = schema.get("x-unit")
    words = _words(schema) or _words(schema.get("then", {}).get("else", {}), schema.get("then", {}))
    if "title" in schema:
        return _measured(str(schema["title"]), unit)
    if "const" in schema:
        return _code(flow(schema["const"]))
    if words and "array" in kinds(schema):
        return f"one or a list of {words}, with * and ?"
    if words:
        return words
    if "items" in schema:
        return f"a list of {form(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"for each underlying {_measured(_form((), schema['additionalProperties']), unit)}"
    if schema.get("writeOnly"):
        return "a secret: `${NAME}` or `${file:PATH}`"
    if kinds(schema) & {"number", "integer"}:
        return _measured(_number(schema), unit)
    if "boolean" in kinds(schema):
        return "`true`, `false`"
    return "a path" if schema.get("x-path") else "text"


def _words(schema: Schema, holder: Schema | None = None) -> str:
    """The words that may stand at a key, and their other names."""
    aliases = (schema if holder is None else holder).get("x-aliases", {})
    words = schema.get("enum", ())
    own = ", ".join(_code(word) for word in words if word not in aliases)
    other = ", ".join(_code(word) for word in words if word in aliases)
    return f"{own} (or {other})" if other else own


def _number(schema: Schema) -> str:
    """A number and its bounds."""
    whole = "whole number" if "integer" in kinds(schema) else "number"
    bounds = [f"{words} {flow(schema[key])}" for key, words in _BOUNDS.items() if key in schema]
    return " ".join([f"a {whole}", *bounds])


def _measured(told: str, unit: str | None) -> str:
    return told if unit is None or unit in told else f"{told} ({unit})"


def _code(text: str) -> str:
    return f"`{text}`"


_BOUNDS: Final = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}

_HEAD: Final = """# The rules file, key by key

Every key that a rules file may hold, by section, in the order in which `copyctl show --rules FILE` prints them. What
becomes of one order, and which keys say so: [policy.md](policy.md). Files to start from: [rules](../rules).

- A key without a default is **required**, or needed with another one that says so. `null` is nothing, such as no limit.
- Quantities are in units: a lot of 65 is 65 units. 100 basis points are one percent.
- `MIS` is `INTRADAY`, `NRML` is `MARGIN`, `SL` is `STOP_LOSS`, `SL-M` is `STOP_LOSS_MARKET`, `GTT` is `FOREVER`.

This page is written by `copyctl schema rules --format markdown`."""
