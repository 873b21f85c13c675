"""The price guard, the price band and late prices: tables of what each gives, and the laws that hold at any price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.core.prices import (
    CIRCUIT_LIMIT,
    LATE_PRICE,
    PRICE_GUARD,
    REPRICED,
    Band,
    Lacks,
    Market,
    Priced,
    Refused,
    band,
    guard_entry,
    guard_exit,
    late_price,
    within_band,
)
from copyctl.model.choices import Caution, GuardReference, PriceBand, Unavailable
from copyctl.model.order import Terms
from copyctl.model.policy import Checks, PriceGuard
from copyctl.model.terms import OrderType, Side, Validity
from tests.properties import tried

BUY, SELL = Side.BUY, Side.SELL
MIRROR = {BUY: SELL, SELL: BUY}
TICK = Decimal("0.05")
BPS = Decimal(10_000)
KINDS = {"M": OrderType.MARKET, "L": OrderType.LIMIT, "SL": OrderType.STOP_LOSS, "SLM": OrderType.STOP_LOSS_MARKET}
CHEAP = tried(200)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def order(text: str) -> Terms:
    """``M``, ``L 100``, ``SL 95/94`` (trigger/limit), ``SLM 95``."""
    kind, _, prices = text.partition(" ")
    order_type = KINDS[kind]
    trigger, _, price = prices.partition("/") if order_type.has_trigger else ("", "", prices)
    return Terms(
        order_type=order_type,
        validity=Validity.DAY,
        quantity=100,
        price=Decimal(price or 0),
        trigger_price=Decimal(trigger or 0),
    )


def guard(bps: str | Decimal | None, reference: GuardReference = GuardReference.LEADER) -> PriceGuard:
    entry = None if bps is None else Decimal(bps)
    return PriceGuard(entry_bps=entry, exit_bps=None, emergency_bps=None, reference=reference)


def checks(price_band: PriceBand, pct: str | Decimal = "20") -> Checks:
    return Checks(
        margin=False,
        margin_buffer_pct=Decimal(0),
        price_band=price_band,
        price_band_pct=Decimal(pct),
        self_trade=Caution.REFUSE,
        address=False,
        instrument=True,
        delivery=Caution.WARN,
        unavailable=Unavailable.REFUSE,
    )


def outcome(found: Priced | Refused | Lacks, before: Terms) -> str:
    """In one word: ``same``, the repriced terms, ``refused`` or ``lacks``."""
    if isinstance(found, Lacks):
        return "lacks"
    if isinstance(found, Refused):
        return "refused"
    assert (found.terms == before) is (found.notes == ()), "told of a change that is none, or changed without a word"
    if found.terms == before:
        return "same"
    assert found.notes == (REPRICED,)
    assert replace(found.terms, order_type=before.order_type, price=before.price, trigger_price=Decimal(0)) == replace(
        before, trigger_price=Decimal(0)
    )
    kind = next(short for short, order_type in KINDS.items() if order_type is found.terms.order_type)
    trigger = [f"{found.terms.trigger_price:.2f}"] if found.terms.order_type.has_trigger else []
    price = [f"{found.terms.price:.2f}"] if found.terms.order_type.has_price else []
    return f"{kind} {'/'.join(trigger + price)}"


# ---- the guard of entries -------------------------------------------------------------------------------------------

LEADER_AT_100 = [
    # order, side, leader's price, last traded price -> with entry_bps 50
    ("M", BUY, "100", "100.20", "L 100.50"),
    ("M", SELL, "100", "99.80", "L 99.50"),
    ("M", BUY, "100", "100.50", "L 100.50"),  # at the distance is not beyond it
    ("M", BUY, "100", "100.55", "refused"),
    ("M", SELL, "100", "99.45", "refused"),
    ("M", BUY, "100", "80", "L 100.50"),  # cheaper than his is fine
    ("M", SELL, "100", "120", "L 99.50"),
    ("M", BUY, "100", None, "L 100.50"),  # the limit protects without it
    ("M", BUY, "101.30", None, "L 101.80"),  # 101.8065, towards the reference
    ("M", SELL, "101.30", None, "L 100.80"),  # 100.7935
    ("M", BUY, None, "100", "L 100.50"),  # his MARKET has not filled: what he would pay
    ("M", BUY, "0", "100", "L 100.50"),
    ("M", BUY, None, None, "lacks"),
    ("M", BUY, "0", "0", "lacks"),
    ("M", BUY, "5.00", "5.00", "L 5.00"),  # half a tick away: the tick towards the reference
    ("M", BUY, "0.02", "0.02", "L 0.05"),  # never under a tick
    ("L 100", BUY, "100", "100", "same"),
    ("L 100.50", BUY, "100", "100", "same"),
    ("L 100.55", BUY, "100", "100", "refused"),
    ("L 99.45", SELL, "100", "100", "refused"),
    ("L 90", BUY, "100", "100", "same"),
    ("L 110", SELL, "100", "100", "same"),
    ("L 100", BUY, "100", "130", "same"),  # rests, and the market is free to go away
    ("L 100", BUY, None, None, "lacks"),
    ("SL 120/120.50", BUY, "100", "100", "same"),  # measured from its trigger
    ("SL 120/120.60", BUY, "100", "100", "same"),
    ("SL 120/120.65", BUY, "100", "100", "refused"),
    ("SL 80/79.60", SELL, "100", "100", "same"),
    ("SL 80/79.55", SELL, "100", "100", "refused"),
    ("SL 120/120.50", BUY, None, None, "same"),
    ("SLM 120", BUY, None, None, "SL 120.00/120.60"),
    ("SLM 80", SELL, "100", "100", "SL 80.00/79.60"),
    ("SLM 0.30", BUY, None, None, "SL 0.30/0.35"),
    ("SLM 100.02", BUY, None, None, "SL 100.02/100.50"),
]


@pytest.mark.parametrize(("text", "side", "leader", "last", "expected"), LEADER_AT_100)
def test_an_entry_is_held_near_the_leaders_price(
    text: str, side: Side, leader: str | None, last: str | None, expected: str
) -> None:
    before = order(text)
    found = guard_entry(before, side, guard("50"), leader_price=number(leader), last_price=number(last), tick=TICK)
    assert outcome(found, before) == expected


@pytest.mark.parametrize(
    ("text", "side", "last", "expected"),
    [
        ("M", BUY, "100", "L 100.50"),
        ("M", SELL, "100", "L 99.50"),
        ("M", BUY, None, "lacks"),  # the leader's price does not stand in for the market's
        ("L 100", BUY, None, "lacks"),
        ("L 101", BUY, "100", "refused"),
        ("L 101", BUY, "150", "same"),
        ("SLM 120", BUY, None, "SL 120.00/120.60"),
    ],
)
def test_an_entry_is_held_near_the_last_traded_price(text: str, side: Side, last: str | None, expected: str) -> None:
    before, rule = order(text), guard("50", GuardReference.LTP)
    found = guard_entry(before, side, rule, leader_price=Decimal(300), last_price=number(last), tick=TICK)
    assert outcome(found, before) == expected


@pytest.mark.parametrize(
    ("text", "side", "last", "expected"),
    [
        ("L 103", BUY, "100", "L 100.50"),
        ("L 97", SELL, "100", "L 99.50"),
        ("L 100.30", BUY, "100", "same"),
        ("L 103", BUY, "102", "refused"),  # as his MARKET would be
        ("SL 120/126", BUY, "100", "SL 120.00/120.60"),
        ("SL 80/76", SELL, "100", "SL 80.00/79.60"),
        ("SL 100.02/105", BUY, "90", "SL 100.02/100.50"),
    ],
)
def test_a_limit_that_we_made_is_pulled_in_and_not_refused(text: str, side: Side, last: str, expected: str) -> None:
    before = order(text)
    found = guard_entry(
        before, side, guard("50"), leader_price=Decimal(100), last_price=Decimal(last), tick=TICK, computed=True
    )
    assert outcome(found, before) == expected


@pytest.mark.parametrize(
    ("trigger", "side", "expected"),
    [
        ("100.02", BUY, "SL 100.02/100.05"),
        ("100.02", SELL, "SL 100.02/100.00"),
        ("100", BUY, "SL 100.00/100.05"),
        ("100", SELL, "SL 100.00/99.95"),
    ],
)
def test_the_limit_of_a_stop_is_a_tick_beyond_its_trigger_at_least(trigger: str, side: Side, expected: str) -> None:
    before = order(f"SLM {trigger}")
    found = guard_entry(before, side, guard("1"), leader_price=None, last_price=None, tick=TICK)
    assert outcome(found, before) == expected


def test_a_refusal_of_the_guard_names_both_prices_and_the_rule() -> None:
    rule, leader = guard("50"), Decimal("100.00")
    far_market = guard_entry(order("M"), BUY, rule, leader_price=leader, last_price=Decimal("101.20"), tick=TICK)
    assert far_market == Refused(
        reason=PRICE_GUARD,
        detail="BUY: the last traded price 101.20 is 120.0 bps above the leader's price 100.00; "
        "price_guard.entry_bps allows 50",
    )
    far_limit = guard_entry(order("L 98"), SELL, rule, leader_price=leader, last_price=None, tick=TICK)
    assert far_limit == Refused(
        reason=PRICE_GUARD,
        detail="SELL: its limit 98 is 200.0 bps below the leader's price 100.00; price_guard.entry_bps allows 50",
    )
    far_stop = guard_entry(order("SL 3/3.10"), BUY, guard("333.3"), leader_price=None, last_price=None, tick=TICK)
    assert far_stop == Refused(
        reason=PRICE_GUARD,
        detail="BUY: its limit 3.10 is 333.4 bps above its own trigger 3; price_guard.entry_bps allows 333.3",
    )


# ---- laws of the guard ----------------------------------------------------------------------------------------------

SIDES = st.sampled_from(Side)
TICKS = st.sampled_from([Decimal(text) for text in ("0.0025", "0.01", "0.05", "1")])
PRICES = st.decimals("0.05", "90000", places=2)
DISTANCES = st.decimals("0", "3000", places=1)
REFERENCES = st.sampled_from(GuardReference)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Terms, Side]:
    """An order of any type, a stop's trigger on the right side of its limit."""
    side, order_type = draw(SIDES), draw(st.sampled_from(OrderType))
    low, high = sorted((draw(PRICES), draw(PRICES)))
    trigger, price = (low, high) if side is BUY else (high, low)
    terms = Terms(
        order_type=order_type,
        validity=Validity.DAY,
        quantity=draw(st.integers(1, 5000)),
        price=price if order_type.has_price else Decimal(0),
        trigger_price=trigger if order_type.has_trigger else Decimal(0),
    )
    return terms, side


def cost(side: Side, price: Decimal, reference: Decimal) -> Decimal:
    """How much more than the reference an order of this side pays, or how much less it gets."""
    return price - reference if side is BUY else reference - price


def on_tick(price: Decimal, tick: Decimal) -> bool:
    return price % tick == 0


@CHEAP
@given(orders(), DISTANCES, REFERENCES, PRICES, st.none() | PRICES, TICKS, st.booleans())
def test_no_guarded_entry_is_further_than_the_distance(
    drawn: tuple[Terms, Side],
    bps: Decimal,
    reference: GuardReference,
    leader: Decimal,
    last: Decimal | None,
    tick: Decimal,
    computed: bool,
) -> None:
    terms, side = drawn
    rule = guard(bps, reference)
    found = guard_entry(terms, side, rule, leader_price=leader, last_price=last, tick=tick, computed=computed)
    if not isinstance(found, Priced):
        return
    start = leader if reference is GuardReference.LEADER else last
    start = terms.trigger_price if terms.order_type.has_trigger else start
    assert start is not None
    assert found.terms.order_type.has_price, "nothing guarded goes without a limit"
    beyond = cost(side, found.terms.price, start) - start * bps / BPS
    assert beyond <= 0 or found.terms.price == tick or (terms.order_type.has_trigger and beyond <= tick)
    if found.notes:
        assert on_tick(found.terms.price, tick)
        assert beyond > -tick or terms.order_type.has_price, "and no nearer than the tick asks for"
    if terms.order_type.has_trigger and terms.trigger_price >= tick:
        assert cost(side, found.terms.price, found.terms.trigger_price) >= 0


@CHEAP
@given(
    st.sampled_from(OrderType),
    st.integers(2000, 100_000),
    st.integers(-1500, 1500),
    st.integers(-1500, 1500),
    DISTANCES,
    TICKS,
    st.booleans(),
)
def test_buying_and_selling_are_mirror_images(
    order_type: OrderType, centre: int, limit: int, last: int, bps: Decimal, tick: Decimal, computed: bool
) -> None:
    """Everything reflected in the reference: the two answers are reflections of each other, refusals included."""
    start = centre * tick
    results = []
    for side, sign in ((BUY, 1), (SELL, -1)):
        terms = Terms(
            order_type=order_type,
            validity=Validity.DAY,
            quantity=100,
            price=start + sign * limit * tick if order_type.has_price else Decimal(0),
            trigger_price=start if order_type.has_trigger else Decimal(0),
        )
        now = start + sign * last * tick
        found = guard_entry(terms, side, guard(bps), leader_price=start, last_price=now, tick=tick, computed=computed)
        told: object = type(found)
        if isinstance(found, Priced):
            told = (found.terms.order_type, sign * (found.terms.price - start), found.notes)
        late = late_price(side, start, now, bps)
        results.append((told, type(late)))
    assert results[0] == results[1]


@CHEAP
@given(orders(), st.none() | PRICES, st.none() | PRICES, REFERENCES)
def test_without_a_distance_everything_passes_unchanged(
    drawn: tuple[Terms, Side], leader: Decimal | None, last: Decimal | None, reference: GuardReference
) -> None:
    terms, side = drawn
    unchanged = Priced(terms=terms)
    assert (
        guard_entry(terms, side, guard(None, reference), leader_price=leader, last_price=last, tick=TICK) == unchanged
    )
    assert guard_exit(terms, side, None, last_price=last, tick=TICK) == unchanged


# ---- exits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "side", "bps", "last", "expected"),
    [
        ("M", SELL, "100", "250.00", "L 247.50"),
        ("M", BUY, "100", "250.00", "L 252.50"),
        ("M", SELL, "100", "249.15", "L 246.70"),  # 246.6585, towards the last traded price
        ("M", SELL, "100", None, "same"),
        ("M", SELL, "100", "0", "same"),
        ("M", SELL, None, "250", "same"),
        ("M", SELL, "10000", "250", "L 0.05"),
        ("M", SELL, "100", "0.05", "L 0.05"),
        ("L 100", SELL, "100", "250", "same"),
        ("SL 95/94", SELL, "1", "250", "same"),
        ("SLM 95", SELL, "100", "250", "same"),
    ],
)
def test_a_market_exit_gets_a_limit(text: str, side: Side, bps: str | None, last: str | None, expected: str) -> None:
    before = order(text)
    found = guard_exit(before, side, number(bps), last_price=number(last), tick=TICK)
    assert outcome(found, before) == expected


@CHEAP
@given(orders(), DISTANCES, st.none() | PRICES, TICKS)
def test_an_exit_is_never_refused(drawn: tuple[Terms, Side], bps: Decimal, last: Decimal | None, tick: Decimal) -> None:
    terms, side = drawn
    found = guard_exit(terms, side, bps, last_price=last, tick=tick)
    assert isinstance(found, Priced)
    if terms.order_type is not OrderType.MARKET or last is None:
        assert found.terms == terms
    else:
        assert found.terms.order_type is OrderType.LIMIT
        assert on_tick(found.terms.price, tick)
        beyond = cost(side, found.terms.price, last) - last * bps / BPS
        assert -tick < beyond <= 0 or found.terms.price == tick


# ---- the band -------------------------------------------------------------------------------------------------------

KNOWN = Market(last_price=Decimal(100), lower=Decimal(80), upper=Decimal(120))
NO_LIMITS = Market(last_price=Decimal(100))
NOTHING = Market()


def band_told(found: Band | Lacks | None) -> str:
    if found is None:
        return "none"
    return f"{found.lower:f} {found.upper:f}" if isinstance(found, Band) else "lacks"


@pytest.mark.parametrize(
    ("kind", "market", "with_plan", "without_plan"),
    [
        (PriceBand.NONE, KNOWN, "none", "none"),
        (PriceBand.NONE, NOTHING, "none", "none"),
        (PriceBand.AUTO, KNOWN, "80 120", "80 120"),
        (PriceBand.AUTO, NO_LIMITS, "lacks", "none"),
        (PriceBand.CIRCUIT, KNOWN, "80 120", "80 120"),
        (PriceBand.CIRCUIT, NO_LIMITS, "lacks", "lacks"),
        (PriceBand.CIRCUIT, Market(lower=Decimal(80)), "lacks", "lacks"),
        (PriceBand.CIRCUIT, Market(upper=Decimal(80)), "lacks", "lacks"),
        (PriceBand.CIRCUIT, Market(lower=Decimal(0), upper=Decimal(9)), "0 9", "0 9"),
        (PriceBand.CIRCUIT, Market(lower=Decimal(0), upper=Decimal(0)), "lacks", "lacks"),
        (PriceBand.CIRCUIT, Market(lower=Decimal(9), upper=Decimal(8)), "lacks", "lacks"),
        (PriceBand.PCT, KNOWN, "80 120", "80 120"),
        (PriceBand.PCT, NOTHING, "lacks", "lacks"),
        (PriceBand.PCT, Market(last_price=Decimal(0)), "lacks", "lacks"),
    ],
)
def test_which_band_there_is(kind: PriceBand, market: Market, with_plan: str, without_plan: str) -> None:
    assert band_told(band(checks(kind), market, data_plan=True)) == with_plan
    assert band_told(band(checks(kind), market, data_plan=False)) == without_plan


def test_a_band_of_more_than_all_begins_at_nothing() -> None:
    assert band_told(band(checks(PriceBand.PCT, "150"), NO_LIMITS, data_plan=False)) == "0 250"


EIGHTY = Band(lower=Decimal("80.02"), upper=Decimal("120.03"), name="the circuit limits")


@pytest.mark.parametrize(
    ("text", "side", "entry", "exit_"),
    [
        ("M", BUY, "same", "same"),
        ("L 100", BUY, "same", "same"),
        ("L 80.05", BUY, "same", "same"),
        ("L 120.00", SELL, "same", "same"),
        ("L 80.00", BUY, "refused", "L 80.05"),
        ("L 120.05", SELL, "refused", "L 120.00"),
        ("L 500", BUY, "refused", "L 120.00"),
        ("SL 95/94", SELL, "same", "same"),
        ("SL 81/79", SELL, "refused", "SL 81.00/80.05"),
        ("SL 79/78", SELL, "refused", "SL 80.10/80.05"),
        ("SL 125/126", BUY, "refused", "SL 119.95/120.00"),
        ("SLM 79", SELL, "refused", "SLM 80.05"),
        ("SLM 95", SELL, "same", "same"),
    ],
)
def test_an_entry_outside_the_band_is_refused_and_an_exit_moved(text: str, side: Side, entry: str, exit_: str) -> None:
    before = order(text)
    assert outcome(within_band(before, side, EIGHTY, TICK, is_exit=False), before) == entry
    assert outcome(within_band(before, side, EIGHTY, TICK, is_exit=True), before) == exit_
    assert outcome(within_band(before, side, None, TICK, is_exit=False), before) == "same"


@pytest.mark.parametrize(
    ("text", "side", "expected"),
    [
        ("M", SELL, "same"),
        ("L 121", BUY, "L 120.00"),
        ("L 79", SELL, "L 80.05"),
        ("L 79", BUY, "refused"),  # the market is elsewhere: this is not past the costly edge
        ("L 121", SELL, "refused"),
        ("SL 119/121", BUY, "SL 119.00/120.00"),
        ("SL 121/122", BUY, "refused"),  # the trigger is the leader's
        ("SL 120/122", BUY, "refused"),  # and leaves no room for a limit
        ("SL 80.05/79", SELL, "refused"),
        ("SLM 81", SELL, "same"),
    ],
)
def test_an_entrys_limit_that_we_made_stops_at_the_edge(text: str, side: Side, expected: str) -> None:
    before = order(text)
    assert outcome(within_band(before, side, EIGHTY, TICK, is_exit=False, computed=True), before) == expected


def test_a_refusal_names_the_band() -> None:
    assert within_band(order("L 130"), BUY, EIGHTY, TICK, is_exit=False) == Refused(
        reason=CIRCUIT_LIMIT, detail="the BUY's limit 130 lies outside the circuit limits 80.02 to 120.03"
    )
    pct = band(checks(PriceBand.PCT), NO_LIMITS, data_plan=False)
    assert isinstance(pct, Band)
    assert within_band(order("SLM 130"), BUY, pct, TICK, is_exit=False) == Refused(
        reason=CIRCUIT_LIMIT,
        detail="the BUY's trigger 130 lies outside the band of 20% around the last traded price 100, 80 to 120",
    )


@CHEAP
@given(orders(), PRICES, PRICES, TICKS, st.booleans(), st.booleans())
def test_what_the_band_lets_through_lies_inside_it(
    drawn: tuple[Terms, Side], one: Decimal, other: Decimal, tick: Decimal, is_exit: bool, computed: bool
) -> None:
    terms, side = drawn
    limits = Band(lower=min(one, other), upper=max(one, other) + 2 * tick, name="the circuit limits")
    found = within_band(terms, side, limits, tick, is_exit=is_exit, computed=computed)
    if isinstance(found, Refused):
        assert not is_exit
        return
    prices = [found.terms.price] if terms.order_type.has_price else []
    prices += [found.terms.trigger_price] if terms.order_type.has_trigger else []
    assert all(limits.lower <= price <= limits.upper for price in prices)
    if terms.order_type is OrderType.STOP_LOSS and on_tick(terms.trigger_price, tick):
        room = cost(side, found.terms.price, found.terms.trigger_price)
        one_price = terms.price == terms.trigger_price or limits.upper - limits.lower < 2 * tick
        assert room > 0 or (one_price and not room)
    again = within_band(found.terms, side, limits, tick, is_exit=is_exit, computed=computed)
    assert again == Priced(terms=found.terms), "asked again, it changes nothing more"


# ---- late entries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "last", "expected"),
    [
        (BUY, "100.50", None),
        (BUY, "100.55", Refused),
        (BUY, "60", None),
        (SELL, "99.50", None),
        (SELL, "99.45", Refused),
        (SELL, "160", None),
        (BUY, None, Lacks),
        (BUY, "0", Lacks),
    ],
)
def test_a_late_entry_goes_while_the_price_is_near_the_leaders_fill(
    side: Side, last: str | None, expected: type[Refused | Lacks] | None
) -> None:
    found = late_price(side, Decimal(100), number(last), Decimal(50))
    assert found is None if expected is None else isinstance(found, expected)


def test_a_late_refusal_names_both_prices() -> None:
    assert late_price(SELL, Decimal("250.40"), Decimal("248.00"), Decimal(50)) == Refused(
        reason=LATE_PRICE,
        detail="SELL: the last traded price 248.00 is 95.9 bps below the leader's fill at 250.40; "
        "late.max_slippage_bps allows 50",
    )
    assert isinstance(late_price(SELL, Decimal(0), Decimal(248), Decimal(50)), Lacks)


@CHEAP
@given(SIDES, PRICES, PRICES, DISTANCES)
def test_a_late_entry_never_costs_more_than_allowed(side: Side, average: Decimal, last: Decimal, bps: Decimal) -> None:
    found = late_price(side, average, last, bps)
    assert (found is None) is (cost(side, last, average) <= average * bps / BPS)
