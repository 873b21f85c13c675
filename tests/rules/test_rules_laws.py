"""What holds for every file: laws of lengths of time, numbers, merging, showing, and of never falling over."""

import contextlib
import copy
import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rules_sample import ENVIRONMENT, EVERY_KEY, SHIPPED, small, write

from copyctl.model.duration import UNITS, duration, duration_text
from copyctl.rules import RulesRefused, errors, lint, load, read, rules_of, show
from copyctl.rules.findings import Place
from copyctl.rules.nodes import Entry, Items, Keys, Node, Scalar, merge, plain
from copyctl.rules.parse import parse
from copyctl.rules.scalars import plain_value
from copyctl.rules.schema import lay_over, schema_text
from tests.properties import tried

KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
PLACE = Place(file="x")


@given(st.integers(0, 10**8), st.sampled_from(sorted(UNITS)))
def test_a_length_of_time_reads_back_as_it_was_written(count: int, unit: str) -> None:
    length = duration(f"{count}{unit}")
    assert length == count * UNITS[unit]
    assert duration(duration_text(length)) == length


@pytest.mark.parametrize("text", ["", "5", "5 s", "05s", "-1s", "1.5s", "1w", "s", "1h30m", "5s\n", "\u0665s", "5S"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        duration(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_a_decimal_is_exactly_what_its_text_says(number: Decimal) -> None:
    value = plain_value(format(number, "f"))
    assert isinstance(value, int | Decimal)
    assert value == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, text) for text in ("15:15", "12:30:00", "on", "No", "0123", "0x1F", "1_000", "2026-11-08")),
        *((text, text) for text in (".nan", ".inf", "<<", "=", "-", "5.", "1e", "1e9999")),
        *(("1e3", Decimal(1000)), ("-0.5", Decimal("-0.5")), (".5", Decimal("0.5")), ("1.0", Decimal(1)), ("+7", 7)),
        *(("~", None), ("", None), ("null", None), ("true", True), ("FALSE", False)),
    ],
)
def test_plain_values_are_read_by_the_rules_of_yaml_1_2(text: str, value: Any) -> None:
    read_back = plain_value(text)
    assert read_back == value
    assert type(read_back) is type(value)


def tree(value: Any) -> Node:
    if isinstance(value, dict):
        return Keys(entries={key: Entry(key=PLACE, node=tree(one)) for key, one in value.items()}, place=PLACE)
    if isinstance(value, list):
        return Items(nodes=tuple(tree(one) for one in value), place=PLACE)
    return Scalar(value=value, text=str(value), place=PLACE)


def maps(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Maps that agree, as files of one language do, on where maps stand: below upper-case keys, and only there."""
    leaves = st.dictionaries(KEYS, st.one_of(LEAVES, st.lists(LEAVES, max_size=2)), max_size=3)
    if depth == 0:
        return leaves
    inner = st.dictionaries(KEYS.map(str.upper), maps(depth - 1), max_size=3)
    return st.tuples(leaves, inner).map(lambda both: {**both[0], **both[1]})


@given(maps(2), maps(2), maps(2))
def test_merging_is_associative_and_the_same_for_trees_and_documents(a: Any, b: Any, c: Any) -> None:
    def value(scalar: Scalar) -> Any:
        return scalar.value

    left = merge(merge(tree(a), tree(b)), tree(c))
    right = merge(tree(a), merge(tree(b), tree(c)))
    assert plain(left, value) == plain(right, value) == lay_over(lay_over(a, b), c)


@given(maps(2))
def test_merging_with_nothing_changes_nothing(a: Any) -> None:
    assert plain(merge(tree(a), tree({})), lambda one: one.value) == a
    assert plain(merge(tree({}), tree(a)), lambda one: one.value) == a
    assert plain(merge(tree(a), tree(a)), lambda one: one.value) == a


POLICIES = st.fixed_dictionaries(
    {
        "sizing": st.fixed_dictionaries(
            {"strategy": st.just("fixed_ratio"), "ratio": st.decimals("0.01", "100", places=3).map(float)},
            optional={
                "rounding": st.sampled_from(["down", "nearest", "up"]),
                "minimum_lots": st.integers(0, 3),
                "maximum_lots": st.one_of(st.none(), st.integers(3, 50)),
            },
        )
    },
    optional={
        "copy_on": st.sampled_from(["accepted", "received", "traded"]),
        "late": st.fixed_dictionaries({"max_age": st.sampled_from(["0s", "250ms", "10s", "1h"])}),
        "mapping": st.fixed_dictionaries(
            {},
            optional={
                "product": st.dictionaries(
                    st.sampled_from(["CNC", "MIS", "MTF", "NRML"]), st.sampled_from(["MIS", "CNC", "skip"])
                ),
                "order_type": st.just({"MARKET": "LIMIT"}),
                "price": st.just({"mode": "offset", "ticks": 2}),
            },
        ),
        "filters": st.fixed_dictionaries(
            {
                "default": st.sampled_from(["copy", "skip"]),
                "rules": st.just(
                    [{"name": "a", "match": {"segment": "NSE_*"}, "action": "copy", "sizing": {"ratio": 2}}]
                ),
            }
        ),
        "market_hours": st.fixed_dictionaries({"enforce": st.booleans()}),
    },
)


@tried(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POLICIES, POLICIES)
def test_what_is_shown_is_stable_and_gives_the_same_rules(tmp_path: Path, policy: Any, override: Any) -> None:
    followers = [
        {"name": "alice", "client_id": "2", "access_token": "${ALICE_ACCESS_TOKEN}", "policy": override},
        {"name": "bob", "client_id": "3", "access_token": "${BOB_ACCESS_TOKEN}"},
    ]
    path = write(tmp_path, small(policy=policy, followers=followers))
    once = read(path, ENVIRONMENT)
    assert errors(once.findings) == []
    shown = show(path, environment=ENVIRONMENT)
    again = write(tmp_path, yaml.safe_dump(shown, sort_keys=False), "again.yaml")
    assert show(again) == shown
    assert list(Draft202012Validator(json.loads(schema_text())).iter_errors(shown)) == []
    assert [one.policy for one in rules_of(shown).followers] == [one.policy for one in once.rules.followers]
    assert read(again, ENVIRONMENT).document == once.document


@pytest.mark.parametrize("path", [EVERY_KEY, *SHIPPED], ids=lambda path: path.stem)
def test_what_is_shown_of_a_file_is_stable(path: Path, tmp_path: Path) -> None:
    shown = show(path, environment=ENVIRONMENT)
    again = write(tmp_path, yaml.safe_dump(shown))
    assert show(again) == shown
    offline = read(path, ENVIRONMENT, offline=True)
    assert load(again, {}, offline=True) == offline.rules == rules_of(offline.document.text)


LINES = EVERY_KEY.read_text().splitlines()
CUTS = st.tuples(
    st.integers(0, len(LINES) - 1), st.integers(0, 20), st.sampled_from(list(" :-{}[]\"'#&*!|>%@`$\t\0x7é"))
)


@tried(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CUTS, min_size=1, max_size=3), st.sampled_from(["put", "cut", "drop"]))
def test_a_spoiled_file_gives_findings_and_never_falls_over(tmp_path: Path, cuts: Any, how: str) -> None:
    lines = list(LINES)
    for number, column, sign in cuts:
        line = lines[number]
        spoiled = {"put": line[:column] + sign + line[column:], "cut": line[:column], "drop": line[column:]}
        lines[number] = spoiled[how]
    path = write(tmp_path, "\n".join(lines))
    found = lint([path])
    assert all(one.line <= len(lines) + 1 for one in found)
    if not errors(found):
        show(path)
    with contextlib.suppress(RulesRefused):
        read(path, ENVIRONMENT, offline=True)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_parsed_or_told_about(text: str) -> None:
    parsed = parse(text, "x")
    assert parsed.node is not None or parsed.findings


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, "- " * 50_000, "{a: " * 5_000, "? " * 20_000, "a: &a [*a]", "&a {b: *a}"),
        "\n".join(f"{' ' * n}k:" for n in range(3_000)),
        "a: &a [x, x]\n" + "\n".join(f"{p}: &{p} [{f'*{q}, ' * 9}]" for q, p in itertools.pairwise("abcdefgh")),
    ],
    ids=lambda text: text[:8],
)
def test_a_text_made_to_hurt_is_refused_quickly(text: str) -> None:
    (found,) = parse(text, "x").findings
    assert found.code == "R102"


def test_anchors_and_aliases_are_understood(tmp_path: Path) -> None:
    text = yaml.safe_dump(small()) + "logging: {level: &level warning}\nalerts: {level: *level}\n"
    rules = load(write(tmp_path, text), ENVIRONMENT)
    assert rules.logging.level == rules.alerts.level == "warning"


WHOLE = yaml.safe_load(json.dumps(show(EVERY_KEY)))
ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 7, 0.5, 1e300, "", "off", "none", "skip", "x", "5s", "0s"),
        *("15:15", "09:15-15:30", "2026-11-08", "NSE_FNO", "NSE_*", "MIS", "GTT", "SL-M", "LIMIT"),
        *("${X}", "${X:-5}", "*", [], ["x"], [None], {}, {"x": 1}, [{"name": "a"}]),
        *({"from": 1}, {"NIFTY": 5, "*": 1}, {"NSE_FNO": "15:15"}),
    ]
)


def leaves(value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The steps to everything in a document."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*steps, key)
        yield from leaves(one, (*steps, key))


@tried(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(leaves(WHOLE), key=str)), ODD)
def test_what_lint_accepts_can_be_read(tmp_path: Path, steps: tuple[Any, ...], odd: Any) -> None:
    content = copy.deepcopy(WHOLE)
    holder = content
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = odd
    path = write(tmp_path, yaml.safe_dump(content))
    found = errors(lint([path]))
    if not found:
        loaded = read(path, {"X": "5", **ENVIRONMENT}, offline=True) if "${" not in str(odd) else None
        assert loaded is None or rules_of(loaded.document.text) == loaded.rules
