"""Sizing, mapping, filters and names: the laws of the functions that shape one order."""

import string
from datetime import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core import sizing
from copyctl.core.correlation import MOST_REVISIONS, correlation_id
from copyctl.core.filters import first_match
from copyctl.core.hours import day_start, ist, ist_day
from copyctl.core.mapping import Mapped, Refusal, beyond, map_order, to_tick
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Policy
from copyctl.model.records import FixedSizing
from copyctl.model.terms import Decision, OrderType, Product, Segment, Side, Validity
from copyctl.rules import policy_of
from tests.core.building import ALICE, HALF, LEADER, NOON, OPTION, SECOND, SHARE, Desk, default_policy, terms
from tests.properties import tried

CHEAP = tried(300)
TICKS = st.sampled_from([Decimal(text) for text in ("0.01", "0.05", "0.1", "0.5", "1", "5")])


@st.composite
def sizings(draw: st.DrawFn) -> FixedSizing:
    most = draw(st.none() | st.integers(1, 50))
    how: dict[str, Any] = draw(
        st.one_of(
            st.builds(lambda ratio: {"ratio": ratio}, st.decimals("0.001", "20", places=3)),
            st.builds(lambda lots: {"lots": lots}, st.integers(1, 30)),
            st.builds(lambda units: {"quantity": units}, st.integers(1, 3000)),
        )
    )
    return FixedSizing(
        rule=None,
        lot_size=draw(st.sampled_from((1, 5, 20, 65))),
        rounding=draw(st.sampled_from(("down", "nearest", "up"))),
        minimum_lots=draw(st.integers(0, most or 10)),
        maximum_lots=most,
        **how,
    )


@CHEAP
@given(sizings(), st.integers(0, 10_000))
def test_a_size_is_whole_lots_within_the_bounds(fixed: FixedSizing, units: int) -> None:
    quantity = sizing.size(fixed, units).quantity
    lots, rest = divmod(quantity, fixed.lot_size)
    assert rest == 0
    assert fixed.maximum_lots is None or lots <= fixed.maximum_lots
    assert lots >= fixed.minimum_lots if units else lots == 0


@CHEAP
@given(sizings(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_larger_order_is_never_sized_smaller(fixed: FixedSizing, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert sizing.size(fixed, small).quantity <= sizing.size(fixed, large).quantity


@CHEAP
@given(
    st.sampled_from(("down", "nearest", "up")),
    st.decimals("0.001", "20", places=3),
    st.sampled_from((1, 5, 20, 65)),
    st.integers(1, 10_000),
)
def test_rounding_is_exact(rounding: str, ratio: Decimal, lot: int, units: int) -> None:
    fixed = FixedSizing(rule=None, lot_size=lot, rounding=rounding, minimum_lots=0, maximum_lots=None, ratio=ratio)
    lots = Fraction(ratio) * units / lot
    quantity = sizing.size(fixed, units).quantity // lot
    if rounding == "down":
        assert quantity <= lots < quantity + 1
    elif rounding == "up":
        assert quantity - 1 < lots <= quantity
    else:
        assert quantity - Fraction(1, 2) <= lots < quantity + Fraction(1, 2)


@CHEAP
@given(TICKS, st.decimals("0.01", "50000", places=2), st.sampled_from(list(Side)))
def test_a_price_that_we_make_is_on_the_tick_towards_being_filled(tick: Decimal, price: Decimal, side: Side) -> None:
    made = to_tick(price, tick, side)
    assert made % tick == 0
    assert made >= tick
    assert made >= price if side is Side.BUY else made <= max(price, tick)
    assert abs(made - price) < tick or made == tick


@CHEAP
@given(TICKS, st.decimals("1", "50000", places=2), st.decimals("0", "0.2", places=4), st.sampled_from(list(Side)))
def test_beyond_is_at_least_a_tick_away_on_the_right_side(
    tick: Decimal, price: Decimal, share: Decimal, side: Side
) -> None:
    made = beyond(price, share, side, tick)
    assert made % tick == 0
    if side is Side.BUY:
        assert made >= price + max(tick, price * share)
    else:
        assert made <= max(tick, price - max(tick, price * share))


def shaped(wish: Terms, side: Side, quantity: int, policy: Policy, instrument: Any = OPTION) -> Mapped | Refusal:
    order = Order(
        account=LEADER,
        order_id="L1",
        side=side,
        segment=instrument.segment,
        security_id=instrument.security_id,
        product=Product.INTRADAY,
        last_price=Decimal("101.15"),
    )
    return map_order(order, wish, quantity, policy.mapping, instrument)


@st.composite
def wishes(draw: st.DrawFn) -> Terms:
    order_type = draw(st.sampled_from(list(OrderType)))
    quantity = draw(st.integers(1, 1000))
    return Terms(
        order_type=order_type,
        validity=draw(st.sampled_from((Validity.DAY, Validity.IOC))),
        quantity=quantity,
        price=draw(st.integers(1, 4000)) * Decimal("0.05") if order_type.has_price else Decimal(0),
        trigger_price=draw(st.integers(1, 4000)) * Decimal("0.05") if order_type.has_trigger else Decimal(0),
        disclosed_quantity=draw(st.integers(0, quantity)),
    )


@CHEAP
@given(wishes(), st.sampled_from(list(Side)), st.integers(1, 1000), st.integers(-50, 50), st.booleans())
def test_what_is_wanted_has_what_its_type_needs_and_no_more(
    wish: Terms, side: Side, quantity: int, ticks: int, share: bool
) -> None:
    shift = {"mode": "offset", "ticks": ticks}
    policy = policy_of(
        {"sizing": HALF, "mapping": {"price": shift, "trigger": shift, "order_type": {"MARKET": "LIMIT"}}}
    )
    mapped = shaped(wish, side, quantity, policy, SHARE if share else OPTION)
    if isinstance(mapped, Refusal):
        assert mapped.reason == "invalid_trigger"
        return
    made = mapped.desired.terms
    assert (made.price > 0) is made.order_type.has_price
    assert (made.trigger_price > 0) is made.order_type.has_trigger
    assert made.price % OPTION.tick_size == made.trigger_price % OPTION.tick_size == 0
    assert (made.quantity, made.validity, mapped.desired.side) == (quantity, wish.validity, side)
    if made.order_type is OrderType.STOP_LOSS:
        assert made.price >= made.trigger_price if side is Side.BUY else made.price <= made.trigger_price
    shown = made.disclosed_quantity
    assert shown == 0 or quantity * Decimal("0.3") < shown < quantity
    assert shown == 0 or (share and wish.validity is Validity.DAY)


@CHEAP
@given(wishes(), st.sampled_from(list(Side)))
def test_mapped_as_it_is_it_is_the_same(wish: Terms, side: Side) -> None:
    native = {"derivatives": "native"}
    policy = policy_of({"sizing": HALF, "mapping": {"stop_market": native}})
    mapped = shaped(wish, side, wish.quantity, policy)
    if isinstance(mapped, Mapped):
        made = mapped.desired.terms
        same = (made.order_type, made.price, made.trigger_price, made.quantity, made.validity)
        assert same == (wish.order_type, wish.price, wish.trigger_price, wish.quantity, wish.validity)


NAMES = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)


@CHEAP
@given(
    st.lists(st.tuples(NAMES, NAMES, NAMES, st.integers(0, MOST_REVISIONS - 1)), min_size=2, max_size=20, unique=True)
)
def test_correlation_ids_are_short_plain_distinct_and_stable(whose: list[tuple[str, str, str, int]]) -> None:
    made = [
        correlation_id(leader=leader, follower=follower, leader_order_id=order_id, revision=revision)
        for leader, follower, order_id, revision in whose
    ]
    assert len(set(made)) == len(made)
    assert all(len(one) <= 25 for one in made)
    assert all(set(one) <= set(string.ascii_letters + string.digits + "_-") for one in made)


def test_a_correlation_id_is_the_same_for_ever() -> None:
    """Copies of earlier days and other stores are found by it: never change how it is made."""
    one = correlation_id(leader=LEADER, follower=ALICE, leader_order_id="122609150001234", revision=3)
    assert one == "cc7f86db5abb667a1d4f-3"
    with pytest.raises(ValueError, match="revision 10000"):
        correlation_id(leader=LEADER, follower=ALICE, leader_order_id="1", revision=MOST_REVISIONS)


@pytest.mark.parametrize(
    ("match", "matched"),
    [
        ({}, True),
        ({"underlying": ["NIFTY", "SENSEX"]}, True),
        ({"underlying": ["nif*"]}, True),
        ({"underlying": ["BANK*"]}, False),
        ({"symbol": "*24500?CE"}, True),
        ({"symbol": "NIFTY"}, False),
        ({"security_id": "43210"}, True),
        ({"segment": ["NSE_EQ"]}, False),
        ({"instrument": ["OPTIDX"]}, True),
        ({"option_type": ["CE"]}, False),
        ({"side": ["BUY"]}, True),
        ({"side": ["SELL"]}, False),
        ({"product": ["INTRADAY"], "validity": ["DAY"], "order_type": ["LIMIT"]}, True),
        ({"quantity": {"from": 100, "to": 100}}, True),
        ({"quantity": {"above": 100}}, False),
        ({"price": {"below": 100}}, False),
        ({"price": {"from": 99.95, "below": 100.05}}, True),
        ({"value": {"to": 10000}}, True),
        ({"value": {"below": 10000}}, False),
        ({"days_to_expiry": {"from": 0}}, False),
        ({"after_market": False}, True),
        ({"after_market": True}, False),
        ({"platform": "API"}, False),
        ({"tag": "*"}, False),
        ({"time": "12:00-13:00"}, True),
        ({"time": "09:15-12:00"}, False),
    ],
)
def test_each_key_of_a_match(match: dict[str, Any], matched: bool) -> None:
    desk = Desk({"filters": {"default": "skip", "rules": [{"name": "it", "match": match, "action": "copy"}]}}).start()
    desk.leader()
    assert desk.copy().decision is (Decision.COPIED if matched else Decision.SKIPPED)


def test_the_first_rule_that_matches_decides() -> None:
    names = ("never", "first", "second")
    found = [{"name": name, "match": {"side": "SELL"} if name == "never" else {}, "action": "copy"} for name in names]
    policy = policy_of({"sizing": HALF, "filters": {"rules": found}})
    order = Order(account=LEADER, order_id="1", side=Side.BUY, segment=Segment.NSE_FNO, security_id="43210")
    rule = first_match(policy.filters, order, terms(), OPTION, NOON)
    assert rule is not None
    assert rule.name == "first"
    assert first_match(default_policy().filters, order, terms(), OPTION, NOON) is None


@given(st.integers(0, 2**62))
def test_a_day_begins_at_midnight_in_india(moment: int) -> None:
    began = day_start(moment)
    assert ist(began).time() == time(0)
    assert ist_day(began) == ist_day(moment)
    assert 0 <= moment - began < 86_400 * SECOND
