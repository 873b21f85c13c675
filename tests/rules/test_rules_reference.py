"""The rules reference: current, whole, every link leads somewhere, every example reads as what it is an example of."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from rules_sample import ROOT

from copyctl.rules.nodes import Steps, dotted, plain
from copyctl.rules.parse import parse
from copyctl.rules.reference import OVERRIDES, TOP, anchor, flow, page
from copyctl.rules.schema import each_key, item_schema, kinds, language

PAGE = ROOT / "docs" / "rules.md"
PURE_NUMBERS = {
    *("version", "broker.simulator.speed", "broker.simulator.seed"),
    *("policy.sizing.ratio", "policy.sizing.capital.multiplier", "policy.sizing.capital.maximum_ratio"),
}


def is_told(steps: Steps) -> bool:
    """Has the key a row of its own? Those of overrides have theirs elsewhere, those of a range are told by its form."""
    is_override = any(dotted(steps).startswith(f"{path}.") for path in OVERRIDES)
    return not is_override and not (len(steps) == 6 and steps[:4] == ("policy", "filters", "rules", "match"))


KEYS = [(steps, schema) for steps, schema in each_key(language()) if is_told(steps)]


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, list[str]]]:
    """Of every section of the page its rows by key."""
    found = {}
    for part in re.split(r"^##+ ", page(), flags=re.MULTILINE)[1:]:
        title, *lines = part.splitlines()
        rows = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in lines if line.startswith("| `")]
        found[title] = {row[0].strip("`"): row for row in rows}
    return found


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: copyctl schema rules --format markdown > docs/rules.md"


@pytest.mark.parametrize(("steps", "schema"), KEYS, ids=[dotted(steps) for steps, _ in KEYS])
def test_a_key_has_its_row(steps: Steps, schema: Mapping[str, Any], tables: dict[str, dict[str, list[str]]]) -> None:
    key, form, default, example, says = tables[dotted(steps[:-1]) or TOP][str(steps[-1])]
    assert key == f"`{steps[-1]}`"
    assert form
    assert says.startswith(schema["description"])
    assert example == f"`{flow(schema['examples'][0])}`"
    if "default" in schema and schema["default"] != {}:
        assert default == f"`{flow(schema['default'])}`"


@pytest.mark.parametrize(("steps", "schema"), KEYS, ids=[dotted(steps) for steps, _ in KEYS])
def test_an_example_reads_as_what_it_is(steps: Steps, schema: Mapping[str, Any]) -> None:
    parsed = parse(f"{steps[-1]}: {flow(schema['examples'][0])}", "example.yaml")
    assert parsed.node is not None
    assert plain(parsed.node, lambda one: one.value) == {steps[-1]: schema["examples"][0]}


def test_every_choice_is_told(tables: dict[str, dict[str, list[str]]]) -> None:
    assert tables["policy.sizing"]["rounding"][1] == "`down`, `nearest`, `up`"
    assert (
        tables["policy.filters.rules.match"]["option_type"][1] == "one or a list of `CE`, `PE`, with * and ?, or `null`"
    )
    assert tables["policy.filters.rules.match"]["validity"][1].startswith(
        "one or a list of `DAY`, `IOC`, `FOREVER` (or"
    )
    assert tables["policy.limits"]["max_order_value"][1] == "a number from 0 (rupees), or `null`"
    assert tables["broker"]["adapter"][2] == "**required**"
    assert tables["policy.price_guard"]["entry_bps"][1] == "a number of basis points, or off, or `null`"


def test_every_link_within_the_page_leads_to_one_heading() -> None:
    headings = [anchor(title) for title in re.findall(r"^##+ (.+)$", page(), re.MULTILINE)]
    assert len(set(headings)) == len(headings)
    assert set(re.findall(r"\]\(#([^)]*)\)", page())) == set(headings)


def test_overrides_hold_keys_of_the_section_that_they_name_alone() -> None:
    sections = {dotted(steps): item_schema(schema) or schema for steps, schema in each_key(language())}
    for path, target in OVERRIDES.items():
        assert sections[path]["properties"].keys() <= sections[target]["properties"].keys()


def test_every_number_says_what_it_counts() -> None:
    numbers = {
        dotted(steps)
        for steps, schema in KEYS
        if kinds(schema) & {"number", "integer"} and kinds(schema) <= {"number", "integer", "null"}
        if "x-unit" not in schema
    }
    assert numbers == PURE_NUMBERS
