"""Sizing by capital, risk and value, and what rounding leaves for the next order."""

import dataclasses
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from copyctl.core import sizing
from copyctl.core.sizing import SizingFacts, Unsized, fix, left_over, size
from copyctl.model.choices import Residual, Rounding
from copyctl.model.copying import Sizing
from copyctl.model.records import FixedSizing
from copyctl.model.terms import Side
from copyctl.rules import policy_of
from tests.properties import tried

CHEAP = tried(200)
LOTS = st.sampled_from((1, 5, 20, 65))
ROUNDINGS = st.sampled_from(list(Rounding))
RUPEES = st.decimals("0.01", "90000000", places=2)
PRICES = st.decimals("0.05", "50000", places=2)
LEADER_UNITS = st.integers(1, 20_000)


def by(strategy: str, **keys: Any) -> Sizing:
    """A sizing as the rules file gives it."""
    return policy_of({"sizing": {"strategy": strategy, **keys}}).sizing


def known(**figures: Any) -> SizingFacts:
    """Facts with the rupees and units written as text."""
    read: dict[str, Any] = {name: Decimal(one) if type(one) is str else one for name, one in figures.items()}
    return SizingFacts(**read)


def fixed_by(rules: Sizing, facts: SizingFacts, lot_size: int = 1) -> FixedSizing:
    fixed = fix(rules, None, lot_size, facts)
    assert isinstance(fixed, FixedSizing), fixed
    return fixed


def told(rules: Sizing, facts: SizingFacts, leader_quantity: int, lot_size: int = 1) -> tuple[int, str]:
    """The quantity, and the arithmetic as far as the lots."""
    sized = size(fixed_by(rules, facts, lot_size), leader_quantity)
    return sized.quantity, sized.detail.split(", in lots of")[0]


HALF = by("fixed_ratio", ratio=0.5)
CAPITAL = by("capital_proportional", capital={})
RISK = by("risk_based", risk={"per_trade_pct": 1, "stop_pct": 30})
VALUE = by("fixed_value", value=100000)
THIRD = "0.333333333333"
BY_PERCENT = "5000 / 30 a unit (30 % of 100) = 166.666667 units"
STATED = by("capital_proportional", capital={"basis": "fixed", "leader": 4000000, "follower": 1000000})
RISK_OF_STATED = by("risk_based", risk={}, capital={"basis": "fixed", "follower": 200000})


# ---- capital_proportional -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capital", "leader", "follower", "ratio"),
    [
        ({}, "1000000", "500000", "capital 500000 / 1000000 x 1 = ratio 0.5; 0.5 x 300 = 150"),
        ({"multiplier": 0.25}, "1000", "500", "capital 500 / 1000 x 0.25 = ratio 0.125; 0.125 x 300 = 37.5"),
        ({}, "500000", "1000000.50", "capital 1000000.5 / 500000 x 1 = ratio 2.000001; 2.000001 x 300 = 600.0003"),
        ({"maximum_ratio": 0.4}, "50", "25", "capital 25 / 50 x 1 = ratio 0.5, at most 0.4; 0.4 x 300 = 120"),
        ({"maximum_ratio": 0.5}, "50", "25", "capital 25 / 50 x 1 = ratio 0.5; 0.5 x 300 = 150"),
        ({"maximum_ratio": 0.6}, "50", "25", "capital 25 / 50 x 1 = ratio 0.5; 0.5 x 300 = 150"),
        ({}, "9999.99", "3333.33", f"capital 3333.33 / 9999.99 x 1 = ratio {THIRD}; {THIRD} x 300 = 100"),
        ({}, "3000", "2000", "capital 2000 / 3000 x 1 = ratio 0.666666666667; 0.666666666667 x 300 = 200"),
        ({}, "7000", "2000", "capital 2000 / 7000 x 1 = ratio 0.285714285714; 0.285714285714 x 300 = 85.714286"),
        ({}, "1000000", "0", "the follower's capital of 0 is not above zero: ratio 0; 0 x 300 = 0"),
        ({"maximum_ratio": 3}, "5", "-2.50", "the follower's capital of -2.5 is not above zero: ratio 0; 0 x 300 = 0"),
    ],
)
def test_the_ratio_is_that_of_the_capitals(capital: dict[str, Any], leader: str, follower: str, ratio: str) -> None:
    rules = by("capital_proportional", capital=capital)
    quantity, arithmetic = told(rules, known(leader_capital=leader, follower_capital=follower), 300)
    assert arithmetic == ratio
    assert quantity == math.floor(Decimal(ratio.rsplit(" = ", 1)[1]))


def test_the_capitals_of_the_rules_win_over_the_brokers_with_basis_fixed_alone() -> None:
    brokers = known(leader_capital="1000000", follower_capital="800000")
    stated = {"leader": 4000000, "follower": 1000000}
    assert told(STATED, brokers, 100)[0] == 25
    assert told(STATED, SizingFacts(), 100)[0] == 25
    assert told(by("capital_proportional", capital={"basis": "available", **stated}), brokers, 100)[0] == 80


@CHEAP
@given(RUPEES, RUPEES, st.decimals("0.001", "5", places=3), LEADER_UNITS, LOTS, ROUNDINGS)
def test_a_ratio_without_an_end_loses_nothing(
    leader: Decimal, follower: Decimal, multiplier: Decimal, units: int, lot: int, rounding: str
) -> None:
    """Within the millionth of a unit to which units are brought, the lots are those of exact fractions."""
    rules = by("capital_proportional", capital={"multiplier": float(multiplier)}, rounding=rounding)
    fixed = fixed_by(rules, SizingFacts(leader_capital=leader, follower_capital=follower), lot)
    exact = Fraction(follower) * Fraction(multiplier) / Fraction(leader) * units
    assert size(fixed, units).quantity in {in_lots(exact + off, lot, rounding) for off in (-MILLIONTH, 0, MILLIONTH)}


@CHEAP
@given(RUPEES, st.integers(1, 999), st.integers(1, 999), st.integers(1, 50), LOTS, ROUNDINGS)
def test_a_product_that_is_whole_lots_stays_whole(
    rupees: Decimal, part: int, whole: int, times: int, lot: int, rounding: str
) -> None:
    """Capitals as ``part`` to ``whole``: for ``whole`` lots of the leader the follower gets ``part`` lots, exactly."""
    facts = SizingFacts(leader_capital=rupees * whole, follower_capital=rupees * part)
    rules = by("capital_proportional", capital={}, rounding=rounding)
    assert size(fixed_by(rules, facts, lot), whole * lot * times).quantity == part * lot * times


MILLIONTH = Fraction(1, 1_000_000)


def in_lots(units: Fraction, lot: int, rounding: str) -> int:
    """The same rounding again, by fractions."""
    lots = {"down": math.floor(units / lot), "up": math.ceil(units / lot)}
    return max(0, lots.get(rounding, math.floor(units / lot + Fraction(1, 2)))) * lot


# ---- risk_based -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "quantity", "arithmetic"),
    [
        ({"stop": "87.5", "side": Side.BUY}, 400, "5000 / 12.5 a unit (100 - 87.5 to the leader's stop) = 400 units"),
        (
            {"stop": "112.5", "side": Side.SELL},
            400,
            "5000 / 12.5 a unit (112.5 - 100 to the leader's stop) = 400 units",
        ),
        ({"stop": "112.5", "side": Side.BUY}, 166, BY_PERCENT),
        ({"stop": "87.5", "side": Side.SELL}, 166, BY_PERCENT),
        ({"stop": "100", "side": Side.BUY}, 166, BY_PERCENT),
        ({"stop": "0", "side": Side.BUY}, 166, BY_PERCENT),
        ({"stop": "87.5"}, 166, BY_PERCENT),
        ({"option_bought": True}, 166, BY_PERCENT),
        ({}, 166, BY_PERCENT),
        ({"multiplier": 10}, 16, "5000 / 300 a unit (30 % of 100 x 10) = 16.666667 units"),
        (
            {"multiplier": 10, "stop": "87.5", "side": Side.BUY},
            40,
            "5000 / 125 a unit ((100 - 87.5) x 10 to the leader's stop) = 40 units",
        ),
    ],
)
def test_the_units_are_those_that_lose_the_risk(figures: dict[str, Any], quantity: int, arithmetic: str) -> None:
    facts = known(follower_capital="500000", price="100", **figures)
    assert told(RISK, facts, 75) == (quantity, f"risk 1 % of 500000 = {arithmetic}")


@pytest.mark.parametrize("capital", ["0", "-3000"])
def test_without_capital_nothing_is_risked(capital: str) -> None:
    facts = known(follower_capital=capital, price="100")
    assert told(RISK, facts, 75) == (0, f"the follower's capital of {capital} is not above zero: 0 units")


@pytest.mark.parametrize(("bought", "how"), [(True, "the whole premium of 80"), (False, "100 % of 80")])
def test_a_stop_at_a_hundred_percent_is_the_whole_premium(bought: bool, how: str) -> None:
    rules = by("risk_based", risk={"per_trade_pct": 2, "stop_pct": 100})
    facts = known(follower_capital="500000", price="80", option_bought=bought)
    assert told(rules, facts, 75) == (125, f"risk 2 % of 500000 = 10000 / 80 a unit ({how}) = 125 units")


def test_a_capital_that_the_rules_state_is_the_one_at_risk() -> None:
    assert told(RISK_OF_STATED, known(price="100", follower_capital="900000"), 75)[1].startswith("risk 1 % of 200000")
    assert told(RISK_OF_STATED, known(price="100"), 75)[1].startswith("risk 1 % of 200000")


@CHEAP
@given(RUPEES, PRICES, st.none() | PRICES, st.sampled_from(list(Side)), st.integers(1, 100), LOTS)
def test_no_more_is_lost_than_the_rules_risk(
    capital: Decimal, price: Decimal, stop: Decimal | None, side: Side, multiplier: int, lot: int
) -> None:
    """Rounded down; to a millionth of a unit's loss."""
    facts = SizingFacts(follower_capital=capital, price=price, stop=stop, side=side, multiplier=multiplier)
    quantity = size(fixed_by(RISK, facts, lot), 75).quantity
    ahead = 0 if stop is None else (price - stop if side is Side.BUY else stop - price)
    each = Fraction(ahead if ahead > 0 else price * Decimal("0.3")) * multiplier
    assert (quantity - MILLIONTH) * each <= Fraction(capital) / 100
    assert (quantity + lot) * each > Fraction(capital) / 100


# ---- fixed_value ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "lot", "quantity", "arithmetic"),
    [
        ({"price": "101.5"}, 65, 975, "100000 / 101.5 = 985.221675 units"),
        ({"price": "3000"}, 1, 33, "100000 / 3000 = 33.333333 units"),
        ({"price": "33.33"}, 1, 3000, "100000 / 33.33 = 3000.30003 units"),
        ({"price": "80", "multiplier": 100}, 1, 12, "100000 / (80 x 100) = 12.5 units"),
        ({"price": "80", "side": Side.SELL, "stop": "90"}, 1, 1250, "100000 / 80 = 1250 units"),
        ({"price": "250000"}, 1, 0, "100000 / 250000 = 0.4 units"),
    ],
)
def test_the_units_are_those_that_the_value_buys(
    figures: dict[str, Any], lot: int, quantity: int, arithmetic: str
) -> None:
    assert told(VALUE, known(**figures), 75, lot) == (quantity, arithmetic)


@CHEAP
@given(PRICES, st.integers(1, 100_000), LOTS, ROUNDINGS)
def test_a_value_that_is_whole_lots_buys_them_all(price: Decimal, lots: int, lot: int, rounding: str) -> None:
    rules = by("fixed_value", value=float(price * lots * lot), rounding=rounding)
    assert size(fixed_by(rules, SizingFacts(price=price), lot), 1).quantity == lots * lot


# ---- a figure that is missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "figures", "sentence"),
    [
        (CAPITAL, {"follower_capital": "5"}, "the leader's capital is not known, so there is no ratio of the capitals"),
        (CAPITAL, {"leader_capital": "5"}, "the follower's capital is not known, so there is no ratio of the capitals"),
        (CAPITAL, {}, "the leader's capital is not known, so there is no ratio of the capitals"),
        (
            CAPITAL,
            {"leader_capital": "0", "follower_capital": "5"},
            "the leader's capital of 0 is not above zero, so there is no ratio to it",
        ),
        (
            CAPITAL,
            {"leader_capital": "-120.50", "follower_capital": "-5"},
            "the leader's capital of -120.5 is not above zero, so there is no ratio to it",
        ),
        (RISK, {"price": "100"}, "the follower's capital is not known, so there is no amount to risk"),
        (
            RISK,
            {"follower_capital": "5", "stop": "90", "side": Side.BUY},
            "no price is known, so there is no loss per unit to size the risk by",
        ),
        (
            RISK,
            {"follower_capital": "0", "price": "0"},
            "no price is known, so there is no loss per unit to size the risk by",
        ),
        (
            by("risk_based", risk={"stop_pct": 0}),
            {"follower_capital": "5", "price": "100"},
            "the loss per unit is 0 % of 100 = 0: no quantity loses anything",
        ),
        (VALUE, {}, "no price is known to turn a value of 100000 into units"),
        (VALUE, {"price": "0"}, "one costs 0, which is not above zero, so no value can be turned into units"),
        (
            VALUE,
            {"price": "5", "multiplier": 0},
            "one costs 5 x 0, which is not above zero, so no value can be turned into units",
        ),
    ],
)
def test_without_a_figure_nothing_is_sized(rules: Sizing, figures: dict[str, Any], sentence: str) -> None:
    assert fix(rules, "a rule", 65, known(**figures)) == Unsized(detail=sentence)


@pytest.mark.parametrize(
    ("rules", "capital", "price"),
    [
        (by("fixed_ratio", ratio=0.5), False, False),
        (by("fixed_lots", lots=1), False, False),
        (by("fixed_quantity", quantity=1), False, False),
        (VALUE, False, True),
        (CAPITAL, True, False),
        (by("capital_proportional", capital={"basis": "available", "leader": 5, "follower": 5}), True, False),
        (STATED, False, False),
        (RISK, True, True),
        (RISK_OF_STATED, False, True),
        (by("risk_based", risk={}, capital={"basis": "fixed", "leader": 5}), True, True),
        (by("risk_based", risk={}, capital={"basis": "available", "follower": 5}), True, True),
    ],
)
def test_what_a_strategy_needs_is_all_that_it_needs(rules: Sizing, capital: bool, price: bool) -> None:
    assert (sizing.needs_capital(rules), sizing.needs_price(rules)) == (capital, price)
    money = {"leader_capital": "1000", "follower_capital": "1000"} if capital else {}
    figures = {**money, **({"price": "100"} if price else {})}
    assert isinstance(fix(rules, None, 1, known(**figures)), FixedSizing)
    for missing in figures.keys() - ({"leader_capital"} if rules.risk else set()):
        assert isinstance(fix(rules, None, 1, known(**{**figures, missing: None})), Unsized)


@pytest.mark.parametrize("strategy", ["fixed_ratio", "fixed_lots", "fixed_quantity", "fixed_value", "risk_based"])
def test_a_strategy_without_its_own_key_is_an_error(strategy: str) -> None:
    with pytest.raises(ValueError, match=r"sizing\.\w+ is missing"):
        fix(by(strategy), None, 1, known(price="100", follower_capital="5"))


# ---- what every fixed sizing keeps to -------------------------------------------------------------------------------


@st.composite
def any_fixed(draw: st.DrawFn, strategies: tuple[str, ...] = ("ratio", "capital", "risk", "value")) -> FixedSizing:
    """A sizing of any strategy with figures, bounds and a carry within a lot."""
    most = draw(st.none() | st.integers(1, 50))
    strategy = draw(st.sampled_from(strategies))
    rules = dataclasses.replace(
        {"ratio": HALF, "capital": CAPITAL, "risk": RISK, "value": VALUE}[strategy],
        ratio=draw(st.decimals("0.001", "20", places=3)) if strategy == "ratio" else None,
        rounding=draw(ROUNDINGS),
        residual=Residual.CARRY,
        minimum_lots=draw(st.integers(0, most or 10)),
        maximum_lots=most,
    )
    lot = draw(LOTS)
    facts = SizingFacts(
        leader_capital=draw(RUPEES),
        follower_capital=draw(st.decimals("-1000", "90000000", places=2)),
        price=draw(PRICES),
        stop=draw(st.none() | PRICES),
        side=draw(st.sampled_from(list(Side))),
        carried=draw(st.decimals("-0.999", "0.999", places=3)) * lot,
    )
    return fixed_by(rules, facts, lot)


@CHEAP
@given(any_fixed(), st.integers(-5, 10_000))
def test_any_size_is_whole_lots_within_the_bounds_and_never_negative(fixed: FixedSizing, units: int) -> None:
    sized = size(fixed, units)
    lots, rest = divmod(sized.quantity, fixed.lot_size)
    assert rest == 0
    assert lots >= 0
    assert fixed.maximum_lots is None or lots <= fixed.maximum_lots
    assert lots == 0 or lots >= fixed.minimum_lots
    assert units > 0 or lots == 0
    assert sized.detail == "nothing to size" if units <= 0 else sized.detail.endswith(f" = {sized.quantity} units")


@CHEAP
@given(any_fixed(("ratio", "capital")), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_larger_order_of_the_leader_is_never_sized_smaller(fixed: FixedSizing, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert size(fixed, small).quantity <= size(fixed, large).quantity


@CHEAP
@given(any_fixed(("risk", "value")), LEADER_UNITS)
def test_units_by_risk_and_value_do_not_hang_on_the_leaders_quantity(fixed: FixedSizing, units: int) -> None:
    assert size(fixed, units) == size(fixed, 1)
    assert size(fixed, 0).quantity == 0


@CHEAP
@given(any_fixed())
def test_a_fixed_sizing_is_read_back_as_it_was_written(fixed: FixedSizing) -> None:
    assert json.decode(json.encode(fixed), type=FixedSizing) == fixed


def test_an_absurd_quantity_is_sized_like_any_other() -> None:
    """A frame may hold any number: the limits refuse such an order, the arithmetic must not stumble over it."""
    assert size(fixed_by(HALF, SizingFacts()), 10**25).quantity == 5 * 10**24


@pytest.mark.parametrize("numbers", [{}, {"ratio": Decimal(1), "units": Decimal(1)}, {"lots": 1, "quantity": 1}])
def test_a_fixed_sizing_has_exactly_one_number(numbers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one of"):
        FixedSizing(rule=None, lot_size=1, rounding="down", minimum_lots=0, maximum_lots=None, **numbers)


@pytest.mark.parametrize(
    ("keys", "quantity", "raised", "end"),
    [
        ({}, 0, False, "in lots of 65 rounded down: 0 = 0 units"),
        ({"minimum_lots": 2}, 130, True, "in lots of 65 rounded down: 0, at least 2 = 130 units"),
        ({"rounding": "up"}, 65, False, "in lots of 65 rounded up: 1 = 65 units"),
        ({"rounding": "up", "minimum_lots": 1}, 65, False, "in lots of 65 rounded up: 1 = 65 units"),
        ({"value": 1000000, "maximum_lots": 3}, 195, False, "in lots of 65 rounded down: 153, at most 3 = 195 units"),
        ({"value": 20800, "maximum_lots": 3}, 195, False, "in lots of 65 rounded down: 3 = 195 units"),
    ],
)
def test_bounds_are_in_lots_and_said(keys: dict[str, Any], quantity: int, raised: bool, end: str) -> None:
    fixed = fixed_by(by("fixed_value", **{"value": 1000, **keys}), known(price="100"), 65)
    sized = size(fixed, 75)
    assert (sized.quantity, sized.raised) == (quantity, raised)
    assert sized.detail.endswith(end)


@pytest.mark.parametrize("rounding", ["down", "nearest", "up"])
def test_who_has_no_capital_gets_nothing_whatever_was_carried_or_is_the_least(rounding: str) -> None:
    rules = by("capital_proportional", capital={}, rounding=rounding, residual="carry", minimum_lots=3)
    facts = known(leader_capital="1000", follower_capital="0", carried="50")
    fixed = fixed_by(rules, facts, 65)
    sized = size(fixed, 650)
    assert sized.quantity == 0
    assert sized.detail == (
        "the follower's capital of 0 is not above zero: ratio 0; "
        f"0 x 650 = 0, in lots of 65 rounded {rounding}: 0 = 0 units"
    )
    assert left_over(fixed, 650) == 50


# ---- what rounding leaves -------------------------------------------------------------------------------------------


def test_a_carry_is_added_before_rounding_and_said() -> None:
    rules = by("fixed_ratio", ratio=0.5, residual="carry")
    assert size(fixed_by(rules, known(carried="32.5"), 65), 65).detail == (
        "0.5 x 65 = 32.5 + 32.5 carried = 65, in lots of 65 rounded down: 1 = 65 units"
    )
    assert size(fixed_by(rules, known(carried="-32.5"), 65), 195).detail == (
        "0.5 x 195 = 97.5 - 32.5 carried = 65, in lots of 65 rounded down: 1 = 65 units"
    )
    assert size(fixed_by(rules, known(carried="-64"), 65), 65).detail == (
        "0.5 x 65 = 32.5 - 64 carried = -31.5, in lots of 65 rounded down: 0 = 0 units"
    )


def test_a_hair_of_a_carry_is_not_told() -> None:
    rules = by("fixed_ratio", ratio=0.5, residual="carry")
    fixed = fixed_by(rules, SizingFacts(carried=Decimal("-1e-26")), 65)
    assert size(fixed, 130).detail == "0.5 x 130 = 65, in lots of 65 rounded down: 1 = 65 units"


def test_a_hair_less_than_nothing_is_told_as_nothing() -> None:
    rules = by("fixed_ratio", ratio=0.5, residual="carry")
    fixed = fixed_by(rules, SizingFacts(carried=Decimal("-32.500000000000000001")), 65)
    assert size(fixed, 65).detail == ("0.5 x 65 = 32.5 - 32.5 carried = 0, in lots of 65 rounded down: 0 = 0 units")


def test_with_residual_drop_nothing_is_carried() -> None:
    fixed = fixed_by(by("fixed_ratio", ratio=0.5, residual="drop"), known(carried="32.5"), 65)
    assert fixed.carried == 0
    assert size(fixed, 65).quantity == 0


@pytest.mark.parametrize(
    ("keys", "carried", "leader", "left"),
    [
        ({}, "0", 65, "32.5"),  # rounded to nothing: all of it is still to come
        ({}, "0", 130, "0"),
        ({}, "40", 65, "7.5"),
        ({}, "40", 0, "40"),  # nothing was sized, nothing used up
        ({"rounding": "up"}, "0", 65, "-32.5"),
        ({"rounding": "up"}, "-50", 65, "-17.5"),  # 32.5 are less than what was given too many
        ({"rounding": "nearest"}, "0", 66, "-32"),
        ({"rounding": "nearest"}, "0", 64, "32"),
        ({"maximum_lots": 2}, "30", 650, "0"),  # five lots and more, held back on purpose
        ({"maximum_lots": 2}, "30", 325, "62.5"),  # two lots by rounding alone
        ({"minimum_lots": 2}, "30", 65, "0"),  # raised on purpose
        ({"minimum_lots": 1}, "40", 65, "7.5"),  # a lot by rounding alone
        ({"minimum_lots": 2, "rounding": "up"}, "-50", 65, "-17.5"),  # nothing above zero to be raised
    ],
)
def test_rounding_alone_leaves_something_over(keys: dict[str, Any], carried: str, leader: int, left: str) -> None:
    fixed = fixed_by(by("fixed_ratio", ratio=0.5, residual="carry", **keys), known(carried=carried), 65)
    assert left_over(fixed, leader) == Decimal(left)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (by("fixed_lots", lots=2), "0"),
        (by("fixed_quantity", quantity=100), "35"),
        (by("fixed_value", value=10000), "35"),
    ],
)
def test_what_is_left_over_of_the_other_strategies(rules: Sizing, left: str) -> None:
    assert left_over(fixed_by(rules, known(price="100"), 65), 1) == Decimal(left)


@tried(60)
@given(RUPEES, RUPEES, st.lists(st.integers(0, 3000), min_size=1, max_size=60), LOTS, ROUNDINGS)
def test_carried_on_the_sum_stays_within_a_lot_of_the_ratio(
    leader: Decimal, follower: Decimal, orders: list[int], lot: int, rounding: str
) -> None:
    """However long the run: the carry holds all that rounding ever took, so no error adds up."""
    rules = by("capital_proportional", capital={}, rounding=rounding, residual="carry")
    fixed = fixed_by(rules, SizingFacts(leader_capital=leader, follower_capital=follower), lot)
    ratio, wanted, got = Fraction(follower) / Fraction(leader), Fraction(0), 0
    for units in orders:
        got += size(fixed, units).quantity
        wanted += ratio * units
        fixed = replace(fixed, carried=left_over(fixed, units))
        assert abs(got - wanted) < lot
        assert abs(got + Fraction(fixed.carried) - wanted) < Fraction(1, 10**12)


def test_thirds_carried_on_make_a_whole() -> None:
    """Three times a third is one, although no third has an end."""
    rules = by("capital_proportional", capital={}, residual="carry")
    fixed = fixed_by(rules, known(leader_capital="9999.99", follower_capital="3333.33"))
    got = []
    for _ in range(9):
        got.append(size(fixed, 1).quantity)
        fixed = replace(fixed, carried=left_over(fixed, 1))
    assert got == [0, 0, 1] * 3
