"""Self-trades: which two orders of one person could meet, as a table, as laws, and against a market that walks."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.self_trade import Resting, could_meet, meets, sentence, trade_at_once
from copyctl.model.order import Terms
from copyctl.model.terms import OrderType, Side, Validity
from tests.properties import tried

BUY, SELL = Side.BUY, Side.SELL
MIRROR = {BUY: SELL, SELL: BUY}
KINDS = {"M": OrderType.MARKET, "L": OrderType.LIMIT, "SL": OrderType.STOP_LOSS, "SLM": OrderType.STOP_LOSS_MARKET}


def parsed(text: str) -> tuple[Side, OrderType, Decimal, Decimal]:
    """``BUY M``, ``SELL L 100``, ``SELL SL 95/94`` (trigger/limit), ``BUY SLM 105``: side, type, price, trigger."""
    side, kind, *rest = text.split()
    order_type, prices = KINDS[kind], rest[0] if rest else ""
    trigger, _, price = prices.partition("/") if order_type.has_trigger else ("", "", prices)
    return Side(side), order_type, Decimal(price or 0), Decimal(trigger or 0)


def ours(text: str) -> tuple[Terms, Side]:
    side, order_type, price, trigger = parsed(text)
    terms = Terms(order_type=order_type, validity=Validity.DAY, quantity=50, price=price, trigger_price=trigger)
    return terms, side


def theirs(text: str, quantity: int = 75) -> Resting:
    side, order_type, price, trigger = parsed(text)
    return Resting(
        side=side,
        order_type=order_type,
        price=price,
        trigger_price=trigger,
        quantity=quantity,
        account="1100000003",
        order_id="52260917001",
    )


@pytest.mark.parametrize(
    ("entry", "resting", "last", "expected"),
    [
        ("BUY L 100", "SELL L 100", "99", True),
        ("BUY L 100", "SELL L 100.05", "99", False),
        ("BUY L 100", "BUY L 100", "99", False),
        ("SELL L 100", "BUY L 99", "101", False),
        ("SELL L 100", "BUY L 101", "101", True),
        ("BUY M", "SELL L 500", "100", True),  # nobody knows how deep the book is
        ("BUY M", "SELL M", "100", True),
        ("SELL M", "BUY L 1", None, True),
        # the stop that protects a position does not forbid to add to it
        ("BUY M", "SELL SL 95/94", "100", False),
        ("BUY M", "SELL SLM 95", None, False),
        ("BUY L 99", "SELL SL 95/94", "100", False),
        ("BUY L 101", "SELL SLM 95", "100", False),
        # ... but an entry that rests beyond its trigger may be what it sells to
        ("BUY L 95", "SELL SL 95/94", "100", True),
        ("BUY L 94", "SELL SL 95/94", "100", True),
        ("BUY L 93.95", "SELL SL 95/94", "100", False),
        ("BUY L 80", "SELL SLM 95", "100", True),
        ("SELL L 106", "BUY SL 105/106", "100", True),
        ("SELL L 106.05", "BUY SL 105/106", "100", False),
        ("SELL L 104", "BUY SL 105/106", "100", False),
        # a stop that the market has crossed is in the book
        ("BUY M", "SELL SL 95/94", "95", True),
        ("BUY L 99", "SELL SL 95/94", "94.50", True),
        ("BUY L 93", "SELL SL 95/94", "94.50", False),
        ("BUY L 1", "SELL SLM 95", "90", True),
        # an entry that is a stop itself
        ("BUY SL 105/106", "SELL L 106", "100", True),
        ("BUY SL 105/106", "SELL L 110", "100", False),
        ("BUY SL 105/106", "SELL L 104", "100", False),
        ("BUY SLM 105", "SELL L 110", "100", True),
        ("BUY SL 105/106", "SELL M", "100", False),
        ("BUY SL 105/106", "SELL SL 95/94", "100", False),
        ("BUY SLM 105", "SELL SLM 95", None, False),
        ("BUY SLM 95", "SELL SLM 105", None, True),
        ("BUY SL 95/96", "SELL SL 105/104", None, False),
        ("BUY SL 105/106", "SELL L 104", "105", True),
    ],
)
def test_who_could_meet_whom(entry: str, resting: str, last: str | None, expected: bool) -> None:
    terms, side = ours(entry)
    assert could_meet(terms, side, theirs(resting), None if last is None else Decimal(last)) is expected


def test_an_order_with_nothing_left_meets_nobody() -> None:
    terms, side = ours("BUY M")
    assert not could_meet(terms, side, theirs("SELL L 100", quantity=0), None)


def test_the_first_that_could_be_met_is_named() -> None:
    terms, side = ours("BUY L 100")
    far, near, nearer = theirs("SELL L 101"), theirs("SELL L 100"), theirs("SELL L 99")
    assert meets(terms, side, [far, near, nearer], None) is near
    assert meets(terms, side, [far], None) is None
    assert meets(terms, side, [], None) is None
    assert sentence(terms, side, near) == (
        "BUY LIMIT at 100 could trade with SELL LIMIT at 100 for 75 units, order 52260917001 of 1100000003"
    )
    assert sentence(*ours("BUY M"), theirs("SELL SL 95/94")).startswith(
        "BUY MARKET could trade with SELL STOP_LOSS at 94 with trigger 95 for"
    )


# ---- laws -----------------------------------------------------------------------------------------------------------

PRICES = st.integers(1, 30)


@st.composite
def texts(draw: st.DrawFn, side: Side) -> str:
    low, high = sorted((draw(PRICES), draw(PRICES)))
    trigger, limit = (low, high) if side is BUY else (high, low)
    return f"{side} " + draw(st.sampled_from(("M", f"L {limit}", f"SL {trigger}/{limit}", f"SLM {trigger}")))


def mirrored(text: str) -> str:
    """The order of the other side, its prices reflected."""
    side, kind, *rest = text.split()
    prices = "/".join(str(31 - int(price)) for price in rest[0].split("/")) if rest else ""
    return f"{MIRROR[Side(side)]} {kind} {prices}".strip()


@tried(300)
@given(texts(BUY), texts(SELL), st.none() | PRICES)
def test_it_is_the_same_from_both_ends_and_in_the_mirror(buy: str, sell: str, last: int | None) -> None:
    now, reflected = (None, None) if last is None else (Decimal(last), Decimal(31 - last))
    expected = could_meet(*ours(buy), theirs(sell), now)
    assert could_meet(*ours(sell), theirs(buy), now) is expected
    assert could_meet(*ours(mirrored(buy)), theirs(mirrored(sell)), reflected) is expected


@tried(200)
@given(st.integers(1, 30), texts(SELL), st.none() | PRICES)
def test_against_the_book_paying_more_meets_more(limit: int, sell: str, last: int | None) -> None:
    """Not so against a stop that waits: who pays more than its trigger is done before it is reached."""
    now = None if last is None else Decimal(last)
    if "SL" in sell.split()[1] and (now is None or now > parsed(sell)[3]):
        return
    if could_meet(*ours(f"BUY L {limit}"), theirs(sell), now):
        assert could_meet(*ours(f"BUY L {limit + 1}"), theirs(sell), now)
        assert could_meet(*ours("BUY M"), theirs(sell), now)


# ---- a market that walks --------------------------------------------------------------------------------------------

LEVELS = range(1, 5)


def all_orders(side: Side) -> list[str]:
    stops = [(trigger, limit) for trigger, limit in product(LEVELS, LEVELS) if (limit - trigger) * sign(side) >= 0]
    return [
        f"{side} M",
        *(f"{side} L {level}" for level in LEVELS),
        *(f"{side} SL {trigger}/{limit}" for trigger, limit in stops),
        *(f"{side} SLM {level}" for level in LEVELS),
    ]


def sign(side: Side) -> int:
    return 1 if side is BUY else -1


def meet_on_a_walk(buy: str, sell: str, last: int) -> bool:
    """Is there a walk of the market, one level a step, on which both are in the book at once with prices that cross?

    Others trade with whatever the market passes: a BUY whose limit is above the price, a SELL whose limit is below
    it and every MARKET are gone then; one whose limit is the price itself may not have been reached in the queue.
    """
    sides = (parsed(buy), parsed(sell))
    limits = [price if kind.has_price else None for _, kind, price, _ in sides]
    crossing = limits[0] is None or limits[1] is None or limits[0] >= limits[1]
    waiting = tuple("waits" if kind.has_trigger else "live" for _, kind, _, _ in sides)

    def passed(which: int, price: int) -> bool:
        limit = limits[which]
        return limit is None or (limit - price) * sign(sides[which][0]) > 0

    def triggered(which: int, price: int) -> bool:
        return (price - sides[which][3]) * sign(sides[which][0]) >= 0

    seen: set[tuple[int, tuple[str, ...]]] = set()
    todo = [(last, waiting)]
    while todo:
        price, before = todo.pop()
        if price not in LEVELS or (price, before) in seen:
            continue
        seen.add((price, before))
        began = (price, before) == (last, waiting)
        here = [
            "gone" if state == "live" and not began and passed(which, price) else state
            for which, state in enumerate(before)
        ]
        here = ["live" if state == "waits" and triggered(which, price) else state for which, state in enumerate(here)]
        if here == ["live", "live"] and crossing:
            return True
        after = tuple("gone" if state == "live" and passed(which, price) else state for which, state in enumerate(here))
        todo += [(price - 1, after), (price + 1, after)]
    return False


@pytest.mark.parametrize("last", LEVELS)
def test_two_could_meet_exactly_when_some_walk_of_the_market_brings_them_together(last: int) -> None:
    for buy, sell in product(all_orders(BUY), all_orders(SELL)):
        expected = meet_on_a_walk(buy, sell, last)
        assert could_meet(*ours(buy), theirs(sell), Decimal(last)) is expected, (buy, sell, last)
        assert could_meet(*ours(sell), theirs(buy), Decimal(last)) is expected, (buy, sell, last)


# ---- at once: what an exit waits for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exit_", "resting", "last", "expected"),
    [
        ("SELL L 100", "BUY L 100", "99", True),
        ("SELL L 100", "BUY L 99.95", "99", False),
        ("SELL M", "BUY L 99", "100", True),
        ("SELL M", "BUY L 98.95", "100", False),  # more than a percent away
        ("BUY M", "SELL L 101", "100", True),
        ("BUY M", "SELL L 101.05", "100", False),
        ("SELL M", "BUY L 5", None, True),
        ("SELL M", "BUY M", "100", True),
        ("SELL SL 95/94", "BUY L 100", "100", False),  # it waits for the market itself
        ("SELL SL 95/94", "BUY L 94", "95", True),  # and by now waits no more
        ("SELL L 100", "BUY SL 105/106", "100", False),
        ("SELL L 100", "BUY SL 105/106", "105", True),
        ("SELL L 100", "SELL L 100", "100", False),
    ],
)
def test_an_exit_waits_only_for_what_it_would_trade_with_at_once(
    exit_: str, resting: str, last: str | None, expected: bool
) -> None:
    known = Decimal(last) if last else None
    assert trade_at_once(*ours(exit_), theirs(resting), known) is expected
    assert trade_at_once(*ours(exit_), theirs(resting, quantity=0), known) is False


@pytest.mark.parametrize("last", LEVELS)
def test_what_would_trade_at_once_could_meet(last: int) -> None:
    for buy, sell in product(all_orders(BUY), all_orders(SELL)):
        if trade_at_once(*ours(buy), theirs(sell), Decimal(last)):
            assert could_meet(*ours(buy), theirs(sell), Decimal(last)), (buy, sell, last)
