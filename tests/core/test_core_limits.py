"""Limits: each at its limit, above and below; what is unknown; what a reduced entry may have; the laws of them all."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.limits import Entry, Exposure, Standing, check, loss_reached
from copyctl.model.choices import OnBreach
from copyctl.model.policy import Limits, Table
from copyctl.model.terms import Side
from tests.properties import tried

KEYS = [field.name for field in fields(Limits) if field.name != "on_breach"]
MINE, OTHER, THIRD = "NSE_FNO/43210", "NSE_FNO/43211", "NSE_EQ/2885"
CHEAP = tried(300)


def limits(**given_: Any) -> Limits:
    """These limits and no other."""
    none: dict[str, Any] = dict.fromkeys(KEYS)
    return Limits(**(none | {"on_breach": OnBreach.REJECT} | given_))


def exposure(net: int = 0, **given_: Any) -> Exposure:
    """A NIFTY option of lot 5 at 100 rupees, flat with nothing open, but for what is given."""
    known: dict[str, Any] = {
        "open_buy": 0,
        "open_sell": 0,
        "price": Decimal(100),
        "multiplier": 1,
        "lot_size": 5,
        "underlying": "NIFTY",
    }
    return Exposure(net=net, **(known | given_))


def entry(quantity: int, **given_: Any) -> Entry:
    """A new BUY in the same option at 100 rupees, but for what is given."""
    known: dict[str, Any] = {
        "key": MINE,
        "side": Side.BUY,
        "filled": 0,
        "placing": True,
        "price": Decimal(100),
        "multiplier": 1,
        "lot_size": 5,
        "underlying": "NIFTY",
    }
    return Entry(quantity=quantity, **(known | given_))


def standing(exposures: dict[str, Exposure] | None = None, **given_: Any) -> Standing:
    """A follower with nothing, who did nothing, but for what is given."""
    known: dict[str, Any] = {
        "open_orders": 0,
        "placed_last_minute": 0,
        "placed_today": 0,
        "capital": Decimal(10_000),
        "profit_today": Decimal(0),
    }
    return Standing(exposures=exposures or {}, **(known | given_))


HOLDS = standing({MINE: exposure(net=10, open_buy=10, open_sell=5), OTHER: exposure(-20, price=Decimal("50.5"))})
# key, limit, what the follower has, units that just pass, units that do not
BY_QUANTITY: list[tuple[str, Any, Standing, int, int]] = [
    ("max_order_quantity", 20, standing(), 20, 25),
    ("max_order_quantity", 24, standing(), 20, 25),
    ("max_order_quantity", 0, standing(), 0, 5),
    ("max_order_lots", 4, HOLDS, 20, 25),
    ("max_order_value", Decimal(2000), HOLDS, 20, 25),
    ("max_order_value", Decimal("2499.99"), HOLDS, 20, 25),
    ("max_position_quantity", 40, HOLDS, 20, 25),
    ("max_position_quantity", 19, HOLDS, 0, 5),
    ("max_position_value", Decimal(4000), HOLDS, 20, 25),
    ("max_gross_exposure", Decimal(5010), HOLDS, 20, 25),
    ("max_gross_exposure", Decimal(500), HOLDS, 0, 5),
    ("max_underlying_lots", Table(pairs=(("NIFTY", 12),)), HOLDS, 20, 25),
    ("max_underlying_lots", Table(pairs=(("*", 12), ("BANKNIFTY", 1))), HOLDS, 20, 25),
    ("max_underlying_lots", Table(pairs=(("*", 1), ("NIFTY", 12))), HOLDS, 20, 25),
    ("max_concentration_pct", Decimal(40), HOLDS, 20, 25),
    ("max_concentration_pct", Decimal("44.99"), HOLDS, 20, 25),
]


@pytest.mark.parametrize(("key", "limit", "has", "passes", "breaks"), BY_QUANTITY)
def test_an_entry_may_reach_a_limit_and_not_pass_it(
    key: str, limit: Any, has: Standing, passes: int, breaks: int
) -> None:
    rules = limits(**{key: limit})
    if passes:
        assert check(rules, entry(passes), has).allowed == passes
        assert not check(rules, entry(passes), has).breaches
    verdict = check(rules, entry(breaks), has)
    assert [breach.key for breach in verdict.breaches] == [key]
    assert verdict.allowed == verdict.breaches[0].allowed == passes
    assert f"{key} is " in verdict.breaches[0].detail
    assert check(rules, entry(3000), has).allowed == passes
    assert not verdict.unchecked


COUNTED: list[tuple[str, int, dict[str, Any], bool]] = [
    ("max_open_orders", 3, {"open_orders": 2}, True),
    ("max_open_orders", 3, {"open_orders": 3}, False),
    ("max_open_orders", 0, {}, False),
    ("max_orders_per_minute", 60, {"placed_last_minute": 59}, True),
    ("max_orders_per_minute", 60, {"placed_last_minute": 60}, False),
    ("max_orders_per_day", 2000, {"placed_today": 1999}, True),
    ("max_orders_per_day", 2000, {"placed_today": 2001}, False),
]


@pytest.mark.parametrize(("key", "limit", "did", "passes"), COUNTED)
def test_a_placement_counts_and_a_modification_does_not(
    key: str, limit: int, did: dict[str, Any], passes: bool
) -> None:
    rules, has = limits(**{key: limit}), standing(**did)
    assert check(rules, entry(5), has).allowed == (5 if passes else 0)
    assert check(rules, entry(5, placing=False), has).allowed == 5


@pytest.mark.parametrize(
    ("mine", "held_elsewhere", "limit", "passes"),
    [
        (None, 1, 2, True),
        (None, 2, 2, False),
        (exposure(), 2, 2, False),
        (exposure(net=5), 2, 2, True),
        (exposure(open_sell=5), 2, 2, True),
        (exposure(net=-5, open_buy=5), 2, 2, True),
        (exposure(net=5), 4, 2, True),
    ],
)
def test_only_an_entry_in_a_new_instrument_opens_a_position(
    mine: Exposure | None, held_elsewhere: int, limit: int, passes: bool
) -> None:
    exposures = {f"NSE_EQ/{n}": exposure(net=-1) for n in range(held_elsewhere)} | {THIRD: exposure()}
    exposures |= {MINE: mine} if mine else {}
    verdict = check(limits(max_open_positions=limit), entry(5), standing(exposures))
    assert verdict.allowed == (5 if passes else 0)


@pytest.mark.parametrize(
    ("profit", "loss", "gain"),
    [
        ("-24999.99", False, False),
        ("-25000", True, False),
        ("-25000.01", True, False),
        ("0", False, False),
        ("9999.99", False, False),
        ("10000", False, True),
        ("10001", False, True),
    ],
)
def test_a_day_that_has_reached_its_loss_or_its_profit_takes_no_entry(profit: str, loss: bool, gain: bool) -> None:
    rules = limits(max_daily_loss=Decimal(25_000), max_daily_profit=Decimal(10_000))
    verdict = check(rules, entry(5, placing=False), standing(profit_today=Decimal(profit)))
    assert [breach.key for breach in verdict.breaches] == ["max_daily_loss"] * loss + ["max_daily_profit"] * gain
    assert verdict.allowed == (0 if loss or gain else 5)
    assert bool(loss_reached(rules, Decimal(profit))) == loss


def test_a_loss_that_trips_the_kill_switch_is_told_with_value_and_limit() -> None:
    rules = limits(max_daily_loss=Decimal("2.5E4"))
    told = "the account has lost 25100.5 rupees today, max_daily_loss is 25000"
    assert loss_reached(rules, Decimal("-25100.50")) == told
    assert check(rules, entry(5), standing(profit_today=Decimal("-25100.50"))).breaches[0].detail == told
    assert not loss_reached(rules, None)
    assert not loss_reached(limits(), Decimal(-1_000_000))


def test_a_limit_of_no_loss_allows_a_day_that_is_even() -> None:
    rules = limits(max_daily_loss=Decimal(0), max_daily_profit=Decimal(0))
    assert not loss_reached(rules, Decimal(0))
    assert loss_reached(rules, Decimal("-0.01"))
    assert not check(rules, entry(5), standing(profit_today=Decimal(0))).breaches


def test_a_breach_is_told_with_value_and_limit() -> None:
    tight = limits(
        max_order_quantity=20,
        max_order_lots=4,
        max_order_value=Decimal(2000),
        max_open_orders=1,
        max_position_quantity=40,
        max_position_value=Decimal(4000),
        max_open_positions=1,
        max_gross_exposure=Decimal("5010.00"),
        max_underlying_lots=Table(pairs=(("*", 12),)),
        max_concentration_pct=Decimal("33.3"),
        max_orders_per_minute=60,
        max_orders_per_day=2000,
        max_daily_loss=Decimal(100),
        max_daily_profit=Decimal(100),
    )
    did: dict[str, Any] = {"open_orders": 1, "placed_last_minute": 60, "placed_today": 2000}
    loses = replace(HOLDS, **did, profit_today=Decimal(-150))
    earns = standing({OTHER: exposure(5)}, profit_today=Decimal(150))
    filled = "with all open entries filled"
    details = [breach.detail for breach in check(tight, entry(25, price=Decimal("100.001")), loses).breaches]
    assert details == [
        "the order has 25 units, max_order_quantity is 20",
        "the order has 5 lots, max_order_lots is 4",
        "the order is worth 2500.03 rupees, max_order_value is 2000",
        "with this one 2 orders would be open, max_open_orders is 1",
        f"{filled} the position would be 45 units, max_position_quantity is 40",
        f"{filled} the position would be worth 4500.05 rupees, max_position_value is 4000",
        f"{filled} all positions would be worth 5510.05 rupees, max_gross_exposure is 5010",
        f"{filled} the positions in NIFTY would be 13 lots, max_underlying_lots is 12",
        f"{filled} the position would be worth 45.01 % of the capital, max_concentration_pct is 33.3",
        "with this one 61 orders would be placed within a minute, max_orders_per_minute is 60",
        "with this one 2001 orders would be placed today, max_orders_per_day is 2000",
        "the account has lost 150 rupees today, max_daily_loss is 100",
    ]
    details = [breach.detail for breach in check(tight, entry(5), earns).breaches]
    assert details == [
        f"{filled} 2 positions would be open, max_open_positions is 1",
        "the account has made 150 rupees today, max_daily_profit is 100",
    ]


def test_a_limit_that_is_null_is_no_limit() -> None:
    verdict = check(limits(), entry(1_000_000, price=None), standing(capital=None, profit_today=None))
    assert (verdict.breaches, verdict.unchecked, verdict.allowed) == ((), (), 1_000_000)


def test_the_first_breach_is_the_first_of_the_rules_file() -> None:
    rules = limits(**{key: 0 for key in KEYS if "daily" not in key and key != "max_underlying_lots"})
    verdict = check(rules, entry(5), HOLDS)
    broken = [breach.key for breach in verdict.breaches]
    assert broken == [key for key in KEYS if getattr(rules, key) is not None and key != "max_open_positions"]


def test_a_position_counts_in_both_directions() -> None:
    rules = limits(max_position_quantity=20)
    short = standing({MINE: exposure(net=-10, open_buy=5, open_sell=10)})
    assert check(rules, entry(25), short).allowed == 25  # 20 long, were no sell filled; 20 short, were no buy filled
    assert check(rules, entry(30), short).allowed == 25
    assert check(rules, entry(5, side=Side.SELL), short).allowed == 0
    too_short = standing({MINE: exposure(net=-10, open_sell=15)})
    assert check(rules, entry(5), too_short).allowed == 0


def test_what_has_filled_of_a_modified_order_counts_towards_its_size_alone() -> None:
    has = standing({MINE: exposure(net=10)})
    modified = entry(15, filled=10, placing=False)
    assert check(limits(max_order_quantity=20), modified, has).allowed == 10
    assert check(limits(max_order_lots=4), modified, has).allowed == 10
    assert check(limits(max_order_value=Decimal(2000)), modified, has).allowed == 10
    assert check(limits(max_position_quantity=25), modified, has).allowed == 15


def test_a_low_price_of_an_entry_makes_no_holding_cheaper() -> None:
    has = standing({MINE: exposure(net=10, price=Decimal(100))})
    rules = limits(max_position_value=Decimal(2000))
    assert check(rules, entry(15, price=Decimal(1)), has).allowed == 10
    assert check(rules, entry(15, price=Decimal(200)), has).allowed == 0
    assert check(rules, entry(10, price=None), has).allowed == 10


def test_a_multiplier_makes_a_unit_worth_more() -> None:
    metal = entry(5, key="MCX_COMM/1", multiplier=30, lot_size=1, underlying="SILVER")
    assert check(limits(max_order_value=Decimal(9_000)), metal, standing()).allowed == 3
    has = standing({"MCX_COMM/1": exposure(net=1, multiplier=30, lot_size=1, underlying="SILVER")})
    assert check(limits(max_gross_exposure=Decimal(9_000)), metal, has).allowed == 2
    has = standing({"MCX_COMM/2": exposure(net=1, multiplier=30, lot_size=1, underlying="SILVER")})
    assert check(limits(max_gross_exposure=Decimal(9_000)), metal, has).allowed == 2
    assert check(limits(max_underlying_lots=Table(pairs=(("SILVER", 3),))), metal, has).allowed == 2


def test_lots_of_an_underlying_are_of_all_its_instruments_each_with_its_own_lot() -> None:
    has = standing(
        {
            OTHER: exposure(net=-12, lot_size=10),
            "NSE_FNO/9": exposure(net=300, underlying="BANKNIFTY"),
            THIRD: exposure(net=300, underlying="", lot_size=1),
        }
    )
    rules = limits(max_underlying_lots=Table(pairs=(("NIFTY", 4),)))
    assert check(rules, entry(100), has).allowed == 10  # 12 units in lots of 10 count as 2 lots
    assert check(rules, entry(100, underlying="BANKNIFTY"), has).allowed == 100
    share = entry(1000, key=THIRD, underlying="", lot_size=1)
    assert check(limits(max_underlying_lots=Table(pairs=(("*", 1),))), share, has).allowed == 1000


VALUES = {
    "max_order_value": Decimal(9000),
    "max_position_value": Decimal(9000),
    "max_gross_exposure": Decimal(9000),
    "max_concentration_pct": Decimal(90),
}


def unchecked(rules: Limits, one: Entry, has: Standing) -> list[str]:
    """The sentences of what cannot be checked, where nothing is broken."""
    verdict = check(rules, one, has)
    assert not verdict.breaches
    assert verdict.allowed == one.quantity
    return [found.detail for found in verdict.unchecked]


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_a_value_without_a_price_is_not_checked_and_says_so(price: Decimal | None) -> None:
    told = [f"{key} cannot be checked: the price of {MINE} is not known" for key in VALUES]
    assert unchecked(limits(**VALUES), entry(5, price=price), standing()) == told
    held = standing({MINE: exposure(net=5, price=price)})
    assert unchecked(limits(**VALUES), entry(5, price=price), held) == told
    assert unchecked(limits(**VALUES), entry(5), held) == told[1:]
    flat = standing({MINE: exposure(price=price)})
    assert unchecked(limits(**VALUES), entry(5), flat) == []
    elsewhere = standing({OTHER: exposure(net=5, price=price), THIRD: exposure(price=price)})
    assert unchecked(limits(**VALUES), entry(5), elsewhere) == [
        f"max_gross_exposure cannot be checked: the price of {OTHER} is not known"
    ]


def test_what_is_known_may_break_a_limit_of_which_not_all_is_known() -> None:
    has = standing({OTHER: exposure(net=50), THIRD: exposure(net=5, price=None)})
    verdict = check(limits(max_gross_exposure=Decimal(6000)), entry(25), has)
    assert [breach.key for breach in verdict.breaches] == ["max_gross_exposure"]
    assert (verdict.unchecked, verdict.allowed) == ((), 10)
    verdict = check(limits(max_gross_exposure=Decimal(4000)), entry(25, price=None), has)
    assert (verdict.unchecked, verdict.allowed) == ((), 0)
    verdict = check(limits(max_position_value=Decimal(2000)), entry(25, key=THIRD, lot_size=1), has)
    assert (verdict.unchecked, verdict.allowed) == ((), 15)


def test_a_capital_or_a_profit_that_is_not_known_is_not_checked_and_says_so() -> None:
    rules = limits(max_concentration_pct=Decimal(40), max_daily_loss=Decimal(1), max_daily_profit=Decimal(1))
    assert unchecked(rules, entry(5), standing(capital=None, profit_today=None)) == [
        "max_concentration_pct cannot be checked: the follower's capital is not known",
        "max_daily_loss cannot be checked: the account's profit of today is not known",
        "max_daily_profit cannot be checked: the account's profit of today is not known",
    ]


@pytest.mark.parametrize("capital", [0, -5000])
def test_without_capital_every_position_is_too_much(capital: int) -> None:
    verdict = check(limits(max_concentration_pct=Decimal(100)), entry(5), standing(capital=Decimal(capital)))
    assert [breach.key for breach in verdict.breaches] == ["max_concentration_pct"]
    assert (verdict.unchecked, verdict.allowed) == ((), 0)


def test_a_reduced_entry_is_what_the_tightest_of_the_broken_limits_allows() -> None:
    rules = limits(max_order_lots=6, max_position_quantity=47, max_order_value=Decimal(2900))
    verdict = check(rules, entry(60), HOLDS)
    assert [(breach.key, breach.allowed) for breach in verdict.breaches] == [
        ("max_order_lots", 30),
        ("max_order_value", 25),
        ("max_position_quantity", 25),
    ]
    assert verdict.allowed == 25


PRICES = st.none() | st.decimals("0.05", "300", places=2)
UNITS = st.integers(0, 60)
SHAPES = {
    MINE: (1, 5, "NIFTY"),
    OTHER: (2, 3, "NIFTY"),
    THIRD: (1, 1, ""),
    "MCX_COMM/7": (30, 1, "SILVER"),
}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Limits, Entry, Standing]:
    exposures = {}
    for key in draw(st.sets(st.sampled_from(sorted(SHAPES)))):
        multiplier, lot, underlying = SHAPES[key]
        exposures[key] = Exposure(
            net=draw(st.integers(-60, 60)),
            open_buy=draw(UNITS),
            open_sell=draw(UNITS),
            price=draw(PRICES),
            multiplier=multiplier,
            lot_size=lot,
            underlying=underlying,
        )
    has = Standing(
        exposures=exposures,
        open_orders=draw(st.integers(0, 5)),
        placed_last_minute=draw(st.integers(0, 5)),
        placed_today=draw(st.integers(0, 5)),
        capital=draw(st.none() | st.decimals(-100, 50_000, places=2)),
        profit_today=draw(st.none() | st.decimals(-1000, 1000, places=2)),
    )
    key = draw(st.sampled_from(sorted(SHAPES)))
    multiplier, lot, underlying = SHAPES[key]
    one = Entry(
        key=key,
        side=draw(st.sampled_from(Side)),
        quantity=draw(st.integers(1, 20)) * lot,
        filled=draw(st.integers(0, 5)) * lot,
        placing=draw(st.booleans()),
        price=draw(PRICES),
        multiplier=multiplier,
        lot_size=lot,
        underlying=underlying,
    )
    table = st.dictionaries(st.sampled_from(("NIFTY", "SILVER", "*")), st.integers(0, 60))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "max_underlying_lots": table.map(lambda pairs: Table(pairs=tuple(sorted(pairs.items())))),
        "max_concentration_pct": st.decimals(0, 100, places=1),
        "max_order_value": st.decimals(0, 10_000, places=2),
        "max_position_value": st.decimals(0, 20_000, places=2),
        "max_gross_exposure": st.decimals(0, 50_000, places=2),
        "max_daily_loss": st.decimals(0, 1000, places=2),
        "max_daily_profit": st.decimals(0, 1000, places=2),
    }
    whole = st.integers(0, 200)
    few = st.integers(0, 6)
    counts = dict.fromkeys(("max_open_orders", "max_open_positions", "max_orders_per_minute"), few)
    chosen = draw(st.sets(st.sampled_from(KEYS)))
    return limits(**{key: draw((kinds | counts).get(key, whole)) for key in sorted(chosen)}), one, has


@CHEAP
@given(worlds())
def test_what_is_allowed_breaks_nothing_and_one_lot_more_would(world: tuple[Limits, Entry, Standing]) -> None:
    rules, one, has = world
    verdict = check(rules, one, has)
    assert (not verdict.breaches) == (verdict.allowed == one.quantity)
    assert verdict.allowed % one.lot_size == 0
    assert 0 <= verdict.allowed <= one.quantity
    if verdict.allowed:
        assert not check(rules, replace(one, quantity=verdict.allowed), has).breaches
    if verdict.allowed < one.quantity:
        assert check(rules, replace(one, quantity=verdict.allowed + one.lot_size), has).breaches


@CHEAP
@given(worlds())
def test_each_limit_is_broken_checked_or_not_known_and_told_in_order(world: tuple[Limits, Entry, Standing]) -> None:
    rules, one, has = world
    verdict = check(rules, one, has)
    broken = [breach.key for breach in verdict.breaches]
    unknown = [found.key for found in verdict.unchecked]
    for told in (broken, unknown):
        assert told == [key for key in KEYS if key in told and getattr(rules, key) is not None]
    assert not set(broken) & set(unknown)
    for breach in verdict.breaches:
        alone = check(limits(**{breach.key: getattr(rules, breach.key)}), one, has)
        assert alone.breaches == (breach,)


@CHEAP
@given(
    st.integers(-12, 12), st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(0, 20),
    st.sampled_from(Side),
)  # fmt: skip
def test_a_position_limit_holds_whichever_open_entries_fill(
    net: int, buys: int, sells: int, quantity: int, limit: int, side: Side
) -> None:
    has = standing({MINE: exposure(net=net, open_buy=buys, open_sell=sells, lot_size=1)})
    verdict = check(limits(max_position_quantity=limit), entry(quantity, side=side, lot_size=1), has)
    buys += quantity if side is Side.BUY else 0
    sells += quantity if side is Side.SELL else 0
    ends = {net + bought - sold for bought in range(buys + 1) for sold in range(sells + 1)}
    assert (not verdict.breaches) == all(abs(end) <= limit for end in ends)
