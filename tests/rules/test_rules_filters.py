"""Rules that no order gets to: what lint says of them is so, whatever order comes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from rules_sample import ENVIRONMENT, small, write

from copyctl.core.filters import matches
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.terms import InstrumentKind, OptionType, OrderType, Product, Segment, Side, Validity
from copyctl.rules import lint, load
from tests.properties import tried

NOON = int(datetime(2026, 11, 30, 6, 30, tzinfo=UTC).timestamp()) * 10**9
MINUTE = 60 * 10**9

INSTRUMENTS = (
    Instrument(segment=Segment.NSE_EQ, security_id="1", symbol="RELIANCE", kind=InstrumentKind.EQUITY),
    Instrument(
        segment=Segment.NSE_FNO,
        security_id="43210",
        symbol="NIFTY-Dec2026-24500-CE",
        underlying="NIFTY",
        kind=InstrumentKind.OPTIDX,
        option_type=OptionType.CE,
        expiry=date(2026, 12, 1),
    ),
    Instrument(
        segment=Segment.BSE_FNO,
        security_id="2",
        symbol="SENSEX-Dec2026-FUT",
        underlying="SENSEX",
        kind=InstrumentKind.FUTIDX,
        expiry=date(2026, 12, 3),
    ),
)

VALUES: Mapping[str, tuple[Any, ...]] = {
    "segment": ("NSE_EQ", "NSE_*", ["NSE_FNO", "BSE_FNO"], "*"),
    "instrument": ("EQUITY", "OPT*", ["OPTIDX", "FUTIDX"], "???IDX"),
    "option_type": ("CE", "?E"),
    "underlying": ("NIFTY", "nif*", "N????", "*", ["NIFTY", "SENSEX"], "N?*", "[N]IFTY"),
    "symbol": ("NIFTY*CE", "*-Dec2026-*", "RELIANCE", "R*"),
    "side": ("BUY", ["BUY", "SELL"], "B*"),
    "product": ("MIS", "NRML", "M*", ["INTRADAY", "MARGIN"]),
    "validity": ("DAY", "*"),
    "intent": ("open", ["open", "close"]),
    "after_market": (True, False),
    "quantity": ({"from": 1}, {"above": 1}, {"from": 1, "below": 65}, {"to": 65}, {"from": 65, "to": 65}),
    "price": ({"from": 1}, {"above": 0.05}, {"to": 100}, {"below": 100}),
    "days_to_expiry": ({"to": 3}, {"from": 1}, {"to": 1}),
    "time": ("09:15-15:30", "12:00-12:00:59", "12:00-12:01", "11:59:59-12:00"),
}
MATCHES = st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(VALUES[key]) for key in keys})
)
ORDERS = st.builds(
    lambda instrument, side, product, after_market, created, quantity, price: (
        Order(
            account="1001",
            order_id="1",
            segment=instrument.segment,
            security_id=instrument.security_id,
            side=side,
            product=product,
            after_market=after_market,
            created_time=created,
        ),
        Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=quantity, price=price),
        instrument,
    ),
    st.sampled_from(INSTRUMENTS),
    st.sampled_from(Side),
    st.sampled_from((Product.INTRADAY, Product.MARGIN)),
    st.booleans(),
    st.sampled_from((NOON, NOON + MINUTE, NOON - 1)),
    st.sampled_from((1, 64, 65)),
    st.sampled_from((Decimal("0.05"), Decimal(1), Decimal(100))),
)


def written(folder: Path, *asked: Mapping[str, Any]) -> Path:
    rules = [{"name": f"rule {number}", "match": one, "action": "copy"} for number, one in enumerate(asked)]
    policy = {"sizing": {"strategy": "fixed_ratio", "ratio": 1}, "filters": {"rules": rules}}
    return write(folder, small(policy=policy))


def told(path: Path) -> set[tuple[str, str]]:
    return {(one.code, one.path) for one in lint([path])}


@tried(400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MATCHES, MATCHES, st.lists(ORDERS, min_size=8, max_size=8), st.booleans())
def test_a_rule_that_lint_calls_dead_takes_no_order(
    tmp_path: Path, first: Any, second: Any, orders: list[tuple[Order, Terms, Instrument]], opens: bool
) -> None:
    both = {**first, **second}
    path = written(tmp_path, first, both)
    found = told(path)
    wide, narrow = (rule.match for rule in load(path, ENVIRONMENT).policy.filters.rules)
    for order, terms, instrument in orders:
        takes, would = (matches(one, order, terms, instrument, NOON, opens=opens) for one in (wide, narrow))
        if ("R228", "policy.filters.rules[1]") in found:
            assert takes or not would
        for number, matched in enumerate((takes, would)):
            impossible = any(
                code == "R227" and where.startswith(f"policy.filters.rules[{number}]") for code, where in found
            )
            assert not (impossible and matched)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, {"side": "BUY"}),
        ({"side": ["BUY", "SELL"]}, {"side": "SELL"}),
        ({"underlying": "N*"}, {"underlying": ["nifty", "NIFTY?", "N*K"]}),
        ({"product": "NRML"}, {"product": "MARGIN"}),
        ({"price": {"from": 1}}, {"price": {"above": 1, "to": 2}}),
        ({"time": "09:15-15:30"}, {"time": "09:15:00-15:30:00"}),
        ({"security_id": 43210}, {"security_id": "43210", "side": "BUY"}),
    ],
)
def test_a_rule_behind_a_wider_one_is_told(tmp_path: Path, wide: Any, narrow: Any) -> None:
    assert ("R228", "policy.filters.rules[1]") in told(written(tmp_path, wide, narrow))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"side": "BUY"}, {}),
        ({"side": "BUY"}, {"side": "SELL"}),
        ({"underlying": "NIFT?"}, {"underlying": "NIFT*"}),
        ({"underlying": "N[A-Z]FTY"}, {"underlying": "NIFTY"}),
        ({"price": {"above": 1}}, {"price": {"from": 1}}),
        ({"price": {"to": 5}}, {"value": {"to": 5}}),
        ({"time": "09:15-15:29"}, {"time": "09:15-15:30"}),
        ({"underlying": "${UNDERLYING}"}, {"underlying": "NIFTY"}),
        ({"underlying": "NIFTY"}, {"underlying": "${UNDERLYING}"}),
        ({"price": {"from": "${LEAST}"}}, {"price": {"from": 5}}),
    ],
)
def test_a_rule_that_some_order_may_get_to_is_not_told(tmp_path: Path, first: Any, second: Any) -> None:
    assert not {code for code, _ in told(written(tmp_path, first, second))} & {"R227", "R228"}


def test_a_followers_own_rules_are_looked_at_once_each(tmp_path: Path) -> None:
    rules = [
        {"name": "all", "match": {}, "action": "copy"},
        {"name": "late", "match": {"side": "BUY"}, "action": "skip"},
    ]
    path = write(
        tmp_path, small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": 1}, "filters": {"rules": rules}})
    )
    assert [one.code for one in lint([path])].count("R228") == 1
