"""Policy tests as a language: its schema is whole, its lines are read or told, and nothing falls over."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rules_sample import HERE, ROOT
from test_rules_schema import Yaml12

from copyctl.model.cases import Words
from copyctl.model.policy import Limits
from copyctl.model.reasons import Reason
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Side, Validity
from copyctl.rules import CODES, POLICY_TEST, RulesRefused, are_cases, beside, errors, lint, render, schema_text
from copyctl.rules.case_orders import changed, placed
from copyctl.rules.nodes import Steps, dotted
from copyctl.rules.order_words import REASONS, Form, Misread, read_line
from copyctl.rules.policy_tests import read_cases
from copyctl.rules.schema import Schema, item_schema, language
from tests.properties import tried

EVERY_KEY = HERE / "accepted" / "every-key.cases.yaml"
SCHEMA = json.loads(schema_text(POLICY_TEST))
NAMES = ("CE", "NIFTY24AUG")


def each_key(schema: Schema, steps: Steps = ()) -> Iterator[tuple[Steps, Schema]]:
    """Every key of the language; below a map of free names as below a list."""
    for key, inner in schema.get("properties", {}).items():
        path = (*steps, key)
        yield path, inner
        yield from each_key(inner, path)
        for holder in (item_schema(inner), inner.get("additionalProperties")):
            if isinstance(holder, dict):
                yield from each_key(holder, path)


KEYS = {dotted(steps): schema for steps, schema in each_key(language(POLICY_TEST))}
FREE_MAPS = ("instruments", "followers", "positions", "by_hand", "expect", "price")


def written_keys(value: Any, path: str = "", *, free: bool = False) -> Iterator[str]:
    """The keys of a file with the steps to them. ``free``: these are names."""
    if isinstance(value, list):
        for one in value:
            yield from written_keys(one, path)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = path if free else f"{path}.{key}".lstrip(".")
            yield here
            yield from written_keys(inner, here, free=not free and key in FREE_MAPS)


def line(text: str, form: Form = Form.ORDER) -> Words:
    """A line in which nothing is wrong."""
    words, wrong = read_line(text, form, NAMES)
    assert wrong == []
    return words


# ---- the schema -----------------------------------------------------------------------------------------------------


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert (ROOT / "schemas" / "policy-test-v1.schema.json").read_text() == schema_text(POLICY_TEST)


@pytest.mark.parametrize("path", KEYS)
def test_a_key_is_described_with_an_example_that_fits(path: str) -> None:
    schema = KEYS[path]
    assert schema["description"].endswith((".", "?"))
    validator = Draft202012Validator(dict(schema))
    (shown,) = schema["examples"]
    assert list(validator.iter_errors(shown)) == []
    if "default" in schema:
        assert list(validator.iter_errors(schema["default"])) == []


def test_the_file_with_every_key_has_every_key_and_fits_the_schema_alone() -> None:
    document = yaml.load(EVERY_KEY.read_text(), Loader=Yaml12)  # noqa: S506  (makes texts and numbers, nothing else)
    document["given"]["instruments"]["CE"]["security_id"] = "43210"  # a number is taken for text by our reading alone
    assert [one.message for one in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    twice = ("cases.given.", "cases.orders.to.")  # the same keys stand elsewhere
    assert {path for path in KEYS.keys() - set(written_keys(document)) if not path.startswith(twice)} == {
        "cases.orders.order.lots",
        "cases.orders.order.price",
        "cases.expect.lots",
    }


def test_unknown_keys_are_refused_in_every_map() -> None:
    for path, schema in KEYS.items():
        for holder in (schema, item_schema(schema) or {}):
            if "properties" in holder:
                assert holder["additionalProperties"] is False, path


# ---- lines ----------------------------------------------------------------------------------------------------------


def test_an_order_is_read_from_its_words_in_any_order() -> None:
    told = Words(
        side=Side.SELL,
        quantity=130,
        instrument="CE",
        order_type=OrderType.STOP_LOSS,
        price=Decimal("94.5"),
        trigger_price=Decimal(95),
        product=Product.MARGIN,
        validity=Validity.DAY,
        disclosed_quantity=65,
        filled=65,
    )
    assert line("SELL 130 CE STOP_LOSS 94.5 trigger 95 MARGIN DAY disclosed 65 filled 65") == told
    assert line("nrml filled 65 sl at 94.5 ce disclosed 65 day trigger 95 sell 130") == told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BUY 2 lots CE MARKET", {"lots": 2}),
        ("BUY 1 lot CE SL-M trigger 90", {"lots": 1, "order_type": OrderType.STOP_LOSS_MARKET}),
        ("BUY 65 CE LIMIT 100 GTT AMO", {"validity": Validity.FOREVER, "after_market": True}),
        ("BUY 65 NIFTY24AUG LIMIT 100 cancelled", {"status": OrderStatus.CANCELLED, "instrument": "NIFTY24AUG"}),
    ],
)
def test_other_words_for_the_same(text: str, words: dict[str, Any]) -> None:
    found = line(text)
    assert {key: getattr(found, key) for key in words} == words


def test_an_outcome_has_a_decision_a_code_and_as_much_of_the_order_as_matters() -> None:
    assert line("refused zero_quantity", Form.OUTCOME) == Words(decision=Decision.REFUSED, reason="zero_quantity")
    assert line("copied 65 TRADED", Form.OUTCOME) == Words(
        decision=Decision.COPIED, quantity=65, status=OrderStatus.TRADED
    )


def test_every_code_is_a_word_of_an_outcome() -> None:
    assert {str(code) for code in Reason} <= REASONS
    for code in REASONS:
        assert line(code, Form.OUTCOME).reason == code
    limits = {code.removeprefix("limit_") for code in REASONS if code.startswith("limit_")}
    assert limits <= set(Limits.__dataclass_fields__)


MISTAKES = [
    ("BYU 65 CE MARKET", "BYU is no word of an order, and no instrument given here", "did you mean BUY?"),
    ("BUY 65 NIFTY24AG MARKET", "NIFTY24AG is no word of", "did you mean NIFTY24AUG?"),
    ("BUY 65 ZZZ MARKET", "ZZZ is no word of an order", "the instruments are CE, NIFTY24AUG"),
    ("BUY 65 CE MARKET triger 4", "triger is no word", "did you mean trigger?"),
    ("BUY 65 CE LIMIT 100 101", "nothing says what 101 is", "a price stands behind LIMIT"),
    ("BUY SELL 65 CE MARKET", "the side is told twice", "keep one of them"),
    ("BUY 65 CE MARKET trigger", "a number must stand behind trigger", None),
    ("BUY 65 CE MARKET trigger PENDING", "a number must stand behind trigger", None),
    ("BUY 6.5 CE MARKET", "6.5 is no whole number", None),
    ("BUY 0 CE MARKET", "0 must be 1 or more", None),
    ("BUY 65 CE LIMIT -1", "-1 must be more than 0", None),
    ("BUY 65 CE LIMIT 1e12", "1e12 is more than 1000000000", None),
    ("copied BUY 65 CE MARKET", "copied says nothing in an order", "this word is for expect"),
    ("BUY 65 CE MARKET zero_quantity", "zero_quantity says nothing in an order", "this word is for expect"),
]


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES, ids=[text for text, _, _ in MISTAKES])
def test_a_mistake_in_a_line_is_told_with_its_mend(text: str, message: str, hint: str | None) -> None:
    _, wrong = read_line(text, Form.ORDER, NAMES)
    assert wrong[0].message.startswith(message)
    assert (wrong[0].hint or "").startswith(hint or "")
    assert bool(wrong[0].hint) is bool(hint)
    assert text[wrong[0].offset :].startswith(wrong[0].word)


@given(st.text(max_size=60), st.sampled_from(Form))
@example("lot lots 1 lot", Form.OUTCOME)
def test_any_text_is_a_line_or_is_told(text: str, form: Form) -> None:
    words, wrong = read_line(text, form, NAMES)
    assert words != Words() or wrong or not text.split()
    assert all(text[one.offset :].startswith(one.word) for one in wrong)


SPOKEN = st.lists(
    st.one_of(
        st.sampled_from([*Side, *OrderType, *Product, *Validity, *OrderStatus, *NAMES]),
        st.sampled_from(["lots", "trigger", "filled", "disclosed", "at", "AMO", "65", "130", "99.5", "0"]),
    ),
    max_size=9,
)


@given(SPOKEN, SPOKEN)
@example(["99.5", "lots"], [])
def test_what_is_read_shows_as_an_order_or_is_told(first: list[str], then: list[str]) -> None:
    words, wrong = read_line(" ".join(first), Form.ORDER, NAMES)
    shown, lacks = placed(words, 65)
    if wrong or lacks:
        return
    change, wrong = read_line(" ".join(then), Form.CHANGE, NAMES)
    later, lacks = changed(shown, change, 65)
    for order in (shown,) if wrong or lacks else (shown, later):
        assert order.quantity is not None
        assert order.filled is not None
        assert 0 <= order.filled <= order.quantity
        assert order.status is not None
        assert (order.status is OrderStatus.TRADED) <= (order.filled == order.quantity)


# ---- how orders show ------------------------------------------------------------------------------------------------


def shows(text: str) -> tuple[OrderStatus | None, int | None]:
    order, wrong = placed(line(text), 65)
    assert wrong == []
    return order.status, order.filled


@pytest.mark.parametrize(
    ("text", "status", "filled"),
    [
        ("BUY 130 CE MARKET", OrderStatus.TRADED, 130),
        ("BUY 2 lots CE LIMIT 100", OrderStatus.TRADED, 130),
        ("BUY 130 CE LIMIT 100 PENDING", OrderStatus.PENDING, 0),
        ("BUY 130 CE LIMIT 100 filled 65", OrderStatus.PART_TRADED, 65),
        ("BUY 130 CE LIMIT 100 filled 130", OrderStatus.TRADED, 130),
        ("BUY 130 CE LIMIT 100 IOC filled 65 CANCELLED", OrderStatus.CANCELLED, 65),
        ("BUY 130 CE STOP_LOSS 106 trigger 105", OrderStatus.PENDING, 0),
        ("BUY 130 CE LIMIT 100 AMO", OrderStatus.TRANSIT, 0),
        ("BUY 130 CE LIMIT 100 trigger 101 FOREVER", OrderStatus.PENDING, 0),
    ],
)
def test_what_is_not_written_is_as_usual(text: str, status: OrderStatus, filled: int) -> None:
    assert shows(text) == (status, filled)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("130 CE", "the order lacks BUY or SELL, MARKET, LIMIT, STOP_LOSS or STOP_LOSS_MARKET"),
        ("BUY 130 CE LIMIT", "LIMIT needs a price"),
        ("BUY 130 CE MARKET at 4", "MARKET has no price"),
        ("BUY 130 CE LIMIT 4 trigger 5", "LIMIT has no trigger"),
        ("BUY 130 CE SL 4", "STOP_LOSS needs a trigger"),
        ("BUY 130 CE LIMIT 4 GTT", "LIMIT needs a trigger"),
        ("BUY 130 CE LIMIT 4 trigger 4 GTT TRADED", "a forever order waits for its trigger, or is cancelled"),
        ("BUY 130 CE MARKET filled 131", "131 of 130 cannot have traded"),
        ("BUY 130 CE MARKET filled 65 TRADED", "TRADED is all of it, not 65 of 130"),
        ("BUY 130 CE MARKET filled 130 CANCELLED", "all of it has traded: it is TRADED, not CANCELLED"),
        ("BUY 130 CE MARKET PART_TRADED", "PART_TRADED needs how much of it"),
        ("BUY 130 CE MARKET filled 65 PENDING", "an order that is PENDING has not traded"),
        ("BUY 130 CE MARKET disclosed 131", "131 of 130 cannot be disclosed"),
    ],
)
def test_an_order_that_cannot_be_is_told(text: str, message: str) -> None:
    _, wrong = placed(line(text), 65)
    assert [one.message for one in wrong] == [message]


def after(text: str, change: str) -> tuple[Words, list[Misread]]:
    order, wrong = placed(line(text), 65)
    assert wrong == []
    return changed(order, line(change, Form.CHANGE), 65)


def test_a_change_keeps_what_it_does_not_tell() -> None:
    order, wrong = after("BUY 130 CE LIMIT 100 filled 65", "4 lots LIMIT 99")
    assert wrong == []
    assert (order.quantity, order.price, order.filled, order.status) == (260, 99, 65, OrderStatus.PART_TRADED)
    assert after("BUY 130 CE LIMIT 100 PENDING", "MARKET")[0].price == 0
    assert after("BUY 130 CE LIMIT 100 filled 65", "CANCELLED")[0].filled == 65
    assert after("BUY 130 CE LIMIT 100 filled 65", "TRADED")[0].filled == 130


def test_a_change_that_cannot_be_is_told() -> None:
    assert [one.message for one in after("BUY 130 CE LIMIT 100 filled 65", "filled 1")[1]] == [
        "it has traded 65 already"
    ]
    order, _ = placed(line("BUY 130 CE LIMIT 100 PENDING"), 65)
    assert [one.message for one in changed(order, Words(), 65)[1]] == ["nothing of the order is changed"]


# ---- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_known_by_its_name() -> None:
    assert are_cases("rules/half-size.cases.yaml")
    assert not are_cases("rules/half-size.yaml")
    assert beside("rules/half-size.yaml") == "rules/half-size.cases.yaml"


def test_what_a_case_gives_is_laid_over_what_the_file_gives() -> None:
    (case,) = read_cases(EVERY_KEY).cases
    listed = case.given.listed["CE"]
    assert (listed.price, listed.margin, listed.instrument.lot_size) == (99, 6500, 65)
    assert len(case.acts) == 11
    assert [one.number for one in case.expected] == [1, 2, 3]


def test_a_file_with_an_error_gives_no_cases() -> None:
    bad = HERE / "refused" / "bad-rules.cases.yaml"
    with pytest.raises(RulesRefused) as refused:
        read_cases(bad)
    assert [one.code for one in refused.value.findings] == ["R502"]


def test_the_warnings_of_a_rules_file_are_its_own(tmp_path: Path) -> None:
    rules = (HERE / "accepted" / "smallest.yaml").read_text()
    (tmp_path / "rules.yaml").write_text(rules.replace("policy: {", "policy: {checks: {margin: false}, "))
    text = EVERY_KEY.read_text().replace("smallest.yaml", "rules.yaml")
    (tmp_path / "rules.cases.yaml").write_text(text)
    assert lint([tmp_path / "rules.yaml"]) != []
    assert lint([tmp_path / "rules.cases.yaml"]) == []


LINES = EVERY_KEY.read_text().splitlines()
CUTS = st.tuples(
    st.integers(0, len(LINES) - 1), st.integers(0, 30), st.sampled_from(list(" :-{}[]\"'#&*!|>%@`$\t\0x7é0"))
)


@tried(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CUTS, min_size=1, max_size=3), st.sampled_from(["put", "cut", "drop"]))
def test_a_spoiled_file_gives_findings_and_never_falls_over(tmp_path: Path, cuts: Any, how: str) -> None:
    lines = list(LINES)
    for number, column, sign in cuts:
        text = lines[number]
        at = min(column, len(text))
        lines[number] = {"put": text[:at] + sign + text[at:], "cut": text[:at], "drop": ""}[how]
    path = tmp_path / "spoiled.cases.yaml"
    path.write_text("\n".join(lines).replace("smallest.yaml", str(HERE / "accepted" / "smallest.yaml")))
    found = lint([path])
    assert all(one.code in CODES and one.line >= 1 and one.column >= 1 for one in found)
    assert render(found).count("\n") >= len(found) - 1
    if not errors(found):
        assert read_cases(path).cases
