"""The languages, as their JSON schemas say them: kinds, aliases, defaults. Every default lives in a schema alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

from copyctl.rules.expressions import beside
from copyctl.rules.findings import Finding, finding
from copyctl.rules.nodes import Entry, Items, Node, Scalar, Steps, Value, dotted
from copyctl.rules.scalars import plain_value
from copyctl.rules.shipped import folder

Schema: TypeAlias = Mapping[str, Any]

RULES: Final = "rules"
POLICY_TEST: Final = "policy-test"
TAPE: Final = "tape"
FILE_NAMES: Final = {name: f"{name}-v1.schema.json" for name in (RULES, POLICY_TEST, TAPE)}
"""The languages, and where the schema of each is kept."""

_BRANCHES: Final = ("if", "then", "else", "items", "additionalProperties", "propertyNames")


def schema_text(name: str = RULES) -> str:
    """The published JSON schema of a language, as it is in the file."""
    return (folder("schemas") / FILE_NAMES[name]).read_text(encoding="utf-8")


@cache
def language(name: str = RULES) -> Schema:
    """The schema of a whole file with every ``$ref`` replaced by what it names; its numbers are exact."""
    raw = json.loads(schema_text(name), parse_float=Decimal)
    return _expanded(raw, raw["$defs"])


@cache
def policy_schema() -> Schema:
    """The schema of a policy."""
    found: Schema = language()["properties"]["policy"]
    return found


def _expanded(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema without ``$ref``: what is written beside one adds to what it names."""
    own: dict[str, Any] = {key: value for key, value in schema.items() if key not in {"$ref", "$defs"}}
    for branch in _BRANCHES:
        if isinstance(own.get(branch), dict):
            own[branch] = _expanded(own[branch], definitions)
    if "properties" in own:
        own["properties"] = {key: _expanded(value, definitions) for key, value in own["properties"].items()}
    if "$ref" not in schema:
        return own
    base = _expanded(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    properties = dict(base.get("properties", {}))
    for key, value in own.get("properties", {}).items():
        properties[key] = {**properties.get(key, {}), **value}
    return {**base, **own, **({"properties": properties} if properties else {})}


def kinds(schema: Schema) -> frozenset[str]:
    """The JSON types that may stand here."""
    kind = schema.get("type", ())
    return frozenset({kind} if isinstance(kind, str) else kind)


def child_schema(schema: Schema, key: str) -> Schema | None:
    """The schema of one key of a map; None for a key that the language does not know."""
    found = schema.get("properties", {}).get(key)
    if found is None and isinstance(schema.get("additionalProperties"), dict):
        found = schema["additionalProperties"]
    return found if isinstance(found, dict) else None


def item_schema(schema: Schema) -> Schema | None:
    """The schema of the items of a list; None where no list may stand."""
    for holder in (schema, schema.get("then", {}), schema.get("else", {})):
        if "items" in holder:
            found: Schema = holder["items"]
            return found
    return None


def scalar_schema(schema: Schema) -> Schema:
    """The schema of a single value, where a list or a map may stand as well."""
    condition = schema.get("if")
    if condition == {"type": "string"}:
        return {**schema, **schema["then"], "type": schema["type"]}
    if condition == {"type": "array"}:
        return {**schema, **schema["else"]}
    return schema


def conform(node: Node, schema: Schema, steps: Steps = ()) -> tuple[Node, list[Finding]]:
    """The tree as the language reads it: aliases by their proper names, ids as text, what variables gave as numbers
    where the schema wants numbers, paths absolute; secrets are marked. A key that stands twice under two of its
    names is a finding. What does not fit the schema is left as it is.
    """
    findings: list[Finding] = []

    def walk(node: Node, schema: Schema, steps: Steps) -> Node:
        if isinstance(node, Scalar):
            in_place_of = item_schema(schema) or {}
            return _scalar(node, scalar_schema(schema), secret=bool(in_place_of.get("writeOnly")))
        if isinstance(node, Items):
            inner = item_schema(schema)
            if inner is None:
                return node
            return replace(node, nodes=tuple(walk(one, inner, (*steps, i)) for i, one in enumerate(node.nodes)))
        entries: dict[str, Entry] = {}
        for written, entry in node.entries.items():
            key = schema.get("x-aliases", {}).get(written, written)
            inner = child_schema(schema, key)
            if key in entries:
                message = f"{key} stands here twice, under two of its names: first in line {entries[key].key.line}"
                findings.append(finding("R103", entry.key, dotted((*steps, written)), message, "keep one of them"))
            value = entry.node if inner is None else walk(entry.node, inner, (*steps, key))
            entries[key] = Entry(key=entry.key, node=value)
        return replace(node, entries=entries)

    return walk(node, schema, steps), findings


def _scalar(node: Scalar, schema: Schema, *, secret: bool) -> Scalar:
    wanted = kinds(schema)
    text_wanted = "string" in wanted and "number" not in wanted
    secret = secret or bool(schema.get("writeOnly"))
    loose = text_wanted and "enum" not in schema and "x-kind" not in schema
    value: Value = node.value
    if not node.is_open:
        value = _value(node, schema, wanted, text_wanted=text_wanted)
    return Scalar(  # replace() would take twice the time, and a large batch of files is mostly this
        value=value,
        text=node.text,
        place=node.place,
        secret=secret,
        loose=loose,
        resolved=node.resolved,
        source=node.source,
    )


def _value(node: Scalar, schema: Schema, wanted: frozenset[str], *, text_wanted: bool) -> Value:
    value = node.value
    if text_wanted and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return node.text
    if not isinstance(value, str):
        return value
    if node.resolved and not text_wanted and wanted & {"number", "integer", "boolean"}:
        given = plain_value(value)
        return value if given is None else given
    if "pattern" in schema:
        value = value.rstrip("\n")
    if schema.get("x-path") and "://" not in value and value:
        return beside(node.place.file, value)
    name: str = schema.get("x-aliases", {}).get(value, value)
    return name


def fill(value: Any, schema: Schema) -> Any:
    """A plain value with every default of the schema put in, in the schema's order; "off" and "none" sections become
    sections with nothing in them. What stands under ``x-partial`` (overrides) gets no defaults.
    """
    if "x-off" in schema and (value is None or value in schema["x-off"]):
        value = {} if "object" in kinds(schema) else None
    if isinstance(value, list):
        inner = item_schema(schema)
        return value if inner is None else [fill(one, inner) for one in value]
    if not isinstance(value, Mapping) or "properties" not in schema or schema.get("x-partial"):
        return value
    filled = {}
    for key, inner in schema["properties"].items():
        if key in value:
            filled[key] = fill(value[key], inner)
        elif "default" in inner:
            filled[key] = fill(inner["default"], inner)
    return filled


def lay_over(base: Any, over: Any) -> Any:
    """Plain values merged as the tree is: maps key by key, everything else replaces."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: lay_over(base[key], value) if key in base else value for key, value in over.items()}}


def each_key(schema: Schema, steps: Steps = ()) -> Iterator[tuple[Steps, Schema]]:
    """Every key of the language with the steps that lead to it; items of lists stand under their list's own steps."""
    for key, inner in schema.get("properties", {}).items():
        path = (*steps, key)
        yield path, inner
        yield from each_key(inner, path)
        items = item_schema(inner)
        if items is not None:
            yield from each_key(items, path)
