"""The schema is whole: every key of the contract, each described, with an example that fits; types and schema agree."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import yaml
from jsonschema import Draft202012Validator
from rules_sample import EVERY_KEY, ROOT

from copyctl.model import policy
from copyctl.rules.scalars import plain_value
from copyctl.rules.schema import child_schema, each_key, fill, item_schema, language, schema_text

SCHEMA = json.loads(schema_text())
KEYS = [(".".join(map(str, steps)), schema) for steps, schema in each_key(language())]
FREE_MAPS = {"policy.mapping.freeze_quantity", "policy.limits.max_underlying_lots"}


class Yaml12(yaml.BaseLoader):
    """The scalar rules of the language, on a loader of its own."""

    def construct_scalar(self, node: yaml.Node) -> Any:
        value = super().construct_scalar(node)
        plain = plain_value(value) if node.style is None else value
        return plain if isinstance(plain, str | bool | int | None) else float(plain)


def written_keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from written_keys(one, path)
    if isinstance(value, Mapping) and path not in FREE_MAPS:
        for key, inner in value.items():
            yield f"{path}.{key}".lstrip(".")
            yield from written_keys(inner, f"{path}.{key}".lstrip("."))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert SCHEMA["$id"]
    assert (ROOT / "schemas" / "rules-v1.schema.json").read_text() == schema_text()


def test_the_file_with_every_key_validates_with_the_schema_alone() -> None:
    document = yaml.load(EVERY_KEY.read_text(), Loader=Yaml12)  # noqa: S506  (makes texts and numbers, nothing else)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []


def test_the_file_and_the_schema_have_the_same_keys() -> None:
    known = {path for path, _ in KEYS}
    written = set(written_keys(yaml.load(EVERY_KEY.read_text(), Loader=yaml.BaseLoader)))  # noqa: S506
    assert written <= known
    overrides = ("followers.policy.", "policy.filters.rules.mapping", "policy.filters.rules.sizing")
    more = {path for path in known - written if not path.startswith((*overrides, "policy.filters.rules.match."))}
    assert more == {
        *("followers.pin", "followers.totp_secret"),
        *("policy.mapping.price.ticks", "policy.mapping.trigger.ticks"),
        *(f"policy.mapping.product.{key}" for key in ("CNC", "INTRADAY", "MARGIN", "MIS", "NRML")),
        *(f"policy.mapping.order_type.{key}" for key in ("LIMIT", "STOP_LOSS", "STOP_LOSS_MARKET", "SL", "SL-M")),
        "policy.mapping.validity.GTT",
    }


@pytest.mark.parametrize(("path", "schema"), KEYS, ids=[path for path, _ in KEYS])
def test_a_key_is_described_with_an_example_that_fits(path: str, schema: Mapping[str, Any]) -> None:
    assert len(schema["description"]) > 5
    assert schema["description"].endswith((".", "?"))
    validator = Draft202012Validator(dict(schema))
    (example,) = schema["examples"]
    if not (isinstance(example, str) and "${" in example):
        assert list(validator.iter_errors(example)) == []
    if "default" in schema:
        assert list(validator.iter_errors(schema["default"])) == []


def test_a_key_without_a_default_is_required_or_may_be_left_out_for_a_reason() -> None:
    required = {
        ".".join(map(str, (*steps, key)))
        for steps, schema in [((), language()), *each_key(language())]
        for holder in (schema, item_schema(schema) or {})
        for key in holder.get("required", ())
    }
    without = {path.rsplit(".", 1)[-1] for path, schema in KEYS if "default" not in schema and path not in required}
    other_names = {"MIS", "NRML", "SL", "SL-M", "GTT"}
    of_a_strategy = {"strategy", "ratio", "lots", "quantity", "value", "capital", "risk"}
    of_a_range = {"from", "to", "above", "below"}
    of_a_rule = {"sizing", "mapping"}
    assert without <= other_names | of_a_strategy | of_a_range | of_a_rule | {"ticks"}


def test_unknown_keys_are_refused_in_every_map() -> None:
    for path, schema in KEYS:
        for holder in (schema, item_schema(schema) or {}):
            if "properties" in holder:
                assert holder["additionalProperties"] is False, path


def record(kind: Any) -> Any:
    """The record or enumeration inside an annotation."""
    if get_origin(kind) in {Union, UnionType, tuple}:
        return next((found for one in get_args(kind) if (found := record(one)) is not None), None)
    return kind if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, StrEnum)) else None


def differences(kind: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Where the attributes and words of a type are not the keys and words of its schema."""
    inner = record(kind)
    if inner is None or inner in {policy.Table, policy.Hours}:
        return
    holder = item_schema(schema) or schema
    if not is_dataclass(inner):
        words = holder.get("enum") or holder.get("else", {}).get("enum", ())
        names = {one for one in words if one not in holder.get("x-aliases", {})}
        if names != {str(word) for word in inner}:
            yield f"{path}: {sorted(names)} in the schema, {list(inner)} in the types"
        return
    hints = get_type_hints(inner)
    attributes = {one.name.rstrip("_") for one in fields(inner) if one.compare}  # what is no key is not compared
    if attributes != set(holder["properties"]) - {"version", "extends"}:
        yield f"{path}: {attributes ^ set(holder['properties'])}"
    for name in attributes & set(holder["properties"]):
        below = child_schema(holder, name)
        yield from differences(hints.get(name, hints.get(f"{name}_")), below or {}, f"{path}.{name}")


def test_types_and_schema_have_the_same_keys_and_words() -> None:
    found = list(differences(policy.Rules, language(), ""))
    partial = ".policy.filters.rules.sizing"
    assert [one for one in found if not one.startswith((partial, f".followers{partial}"))] == []


def test_defaults_of_the_contract() -> None:
    filled = fill({"policy": {"sizing": {}}}, language())
    policy_part = filled["policy"]
    assert policy_part["late"] == {"max_age": "10s", "filled": "skip", "max_slippage_bps": 50}
    assert policy_part["price_guard"]["entry_bps"] is None
    assert policy_part["checks"]["margin_buffer_pct"] == 0
    assert policy_part["multi_leg"]["window"] == "0s"
    assert set(policy_part["limits"].values()) == {None, "reject"}
    assert filled["kill_switch"]["actions"] == ["stop_copying", "cancel_open_orders"]
    assert filled["rate_limits"]["orders"] == {"per_second": 10, "per_minute": 250, "per_hour": 1000, "per_day": 7000}
    assert filled["resilience"]["settle"] == {"absent_for": "5s", "give_up": "30s"}
    assert filled["alerts"]["latency_budget"] is None
    assert filled["objectives"] == {"copied_pct": None, "slippage_p95_bps": None, "tracking_error_pct": None}
