"""Sizing from end to end: which figures are asked for, when, and what a copy keeps of them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.facts import FundsWanted, Quote, QuoteWanted
from copyctl.model.reasons import Reason
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, Segment, Side
from tests.core.bank import BANK, BankDesk
from tests.core.building import ALICE, BOB, LEADER, NOON, OPTION, SECOND, held, report
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
CHECKING = (Decision.QUEUED, Reason.CHECKING)
UNAVAILABLE = (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)


def by(strategy: str, **keys: Any) -> dict[str, Any]:
    return {"strategy": strategy, **keys}


def proportional(**capital: Any) -> dict[str, Any]:
    return by("capital_proportional", capital=capital)


def desk_by(sizing: dict[str, Any], **parts: Any) -> BankDesk:
    """A desk without the margin check, so that funds are asked for by sizing alone."""
    checks = {"margin": False, "price_band": "none"}
    policy = {"sizing": sizing, "checks": checks, **parts.pop("policy", {})}
    return BankDesk(policy, **parts)


def rich(desk: BankDesk, leader: int, alice: int) -> BankDesk:
    desk.money = {LEADER: Decimal(leader), ALICE: Decimal(alice)}
    return desk


# --- capital_proportional -------------------------------------------------------------------------------------------


def test_capital_proportional_is_the_ratio_of_the_capitals_of_the_start_of_the_day() -> None:
    desk = rich(desk_by(proportional()), 1_000_000, 100_000)
    desk.start_of_day = {LEADER: Decimal(500_000), ALICE: Decimal(250_000)}
    desk.start()
    desk.buys(quantity=100)
    assert desk.units() == 50
    assert "250000 / 500000" in desk.detail()


def test_capital_proportional_by_what_is_available() -> None:
    desk = rich(desk_by(proportional(basis="available")), 400_000, 100_000)
    desk.start_of_day = {LEADER: Decimal(100), ALICE: Decimal(100)}
    desk.start()
    desk.buys(quantity=100)
    assert desk.units() == 25


def test_capital_proportional_by_fixed_figures_asks_nobody() -> None:
    desk = desk_by(proportional(basis="fixed", leader=400_000, follower=100_000))
    desk.start()
    assert desk.asked_for(FundsWanted) == 0
    desk.buys(quantity=100)
    desk.sweep()
    assert desk.units() == 25
    assert desk.asked_for(FundsWanted) == 0


def test_each_followers_own_capital_counts() -> None:
    desk = desk_by(proportional(), followers=2)
    desk.money = {LEADER: Decimal(100_000), ALICE: Decimal(50_000), BOB: Decimal(10_000)}
    desk.start()
    desk.buys(quantity=100)
    assert (desk.units(), desk.units(account=BOB)) == (50, 10)


def test_the_ratio_goes_no_higher_than_its_maximum_and_the_multiplier_counts() -> None:
    desk = rich(desk_by(proportional(basis="available", multiplier=3, maximum_ratio=0.4)), 100_000, 50_000)
    desk.start()
    desk.buys(quantity=100)
    assert desk.units() == 40


def test_the_ratio_is_fixed_at_the_first_decision() -> None:
    desk = rich(desk_by(proportional(basis="available", refresh="10s")), 100_000, 50_000)
    desk.start()
    desk.buys(quantity=100)
    desk.ack("A1")
    desk.copied("PENDING")
    rich(desk, 10_000, 50_000)
    desk.sweep()
    desk.taken()
    desk.buys(quantity=200)
    assert desk.asked() == [(MODIFY, 100, Decimal(100))]  # not 200 x 5


def test_an_order_waits_for_funds_that_were_never_told_and_goes_when_they_come() -> None:
    desk = desk_by(proportional())
    desk.slow = (FundsWanted,)
    rich(desk, 100_000, 50_000).start()
    desk.buys(quantity=100)
    assert desk.decided() == CHECKING
    assert ALICE in desk.detail()
    desk.asked_for(FundsWanted)
    for number in range(20):
        desk.now -= SECOND - SECOND // 10
        desk.buys(f"M{number}", quantity=100)
    assert desk.asked_for(FundsWanted) == 0  # the question is out already
    desk.reply()
    assert desk.units() == 50
    assert len(desk.taken()) == 10  # all that the rate lets leave


@pytest.mark.parametrize("unknown", [LEADER, ALICE])
def test_funds_that_cannot_be_had_refuse_the_order(unknown: str) -> None:
    desk = desk_by(proportional())
    desk.start_of_day = {unknown: None}
    desk.start()
    desk.buys(quantity=100)
    assert desk.decided() == UNAVAILABLE
    who = "leader" if unknown == LEADER else "follower"
    assert f"the {who}'s capital is not known" in desk.detail()


def test_funds_that_fail_refuse_and_are_tried_again_for_a_later_order_without_a_storm() -> None:
    desk = desk_by(proportional())
    desk.failing = {FundsWanted: "502"}
    rich(desk, 100_000, 50_000).start()
    desk.asked_for(FundsWanted)
    for number in range(5):
        desk.now += SECOND // 2 - SECOND  # half a second apart
        desk.buys(f"L{number}", quantity=100)
        assert desk.decided(f"L{number}") == UNAVAILABLE
    assert desk.asked_for(FundsWanted) == 0
    desk.failing = {}
    desk.now += 6 * SECOND
    desk.buys("L9", quantity=100)
    assert desk.units("L9") == 50
    assert desk.decided("L0") == UNAVAILABLE


@pytest.mark.parametrize("leaders", [0, -5000])
def test_a_leader_without_capital_gives_no_ratio(leaders: int) -> None:
    desk = rich(desk_by(proportional()), leaders, 50_000)
    desk.start()
    desk.buys(quantity=100)
    assert desk.decided() == UNAVAILABLE


@pytest.mark.parametrize("own", [0, -1])
def test_a_follower_without_capital_copies_nothing(own: int) -> None:
    desk = rich(desk_by(proportional()), 50_000, own)
    desk.start()
    desk.buys(quantity=100)
    assert desk.decided() == (Decision.REFUSED, Reason.ZERO_QUANTITY)


def test_funds_are_refreshed_as_often_as_the_rules_say_and_never_per_order() -> None:
    desk = rich(desk_by(proportional(basis="available", refresh="5m")), 100_000, 50_000)
    desk.start()
    desk.asked_for(FundsWanted)
    for number in range(40):
        desk.buys(f"L{number}", quantity=10)
    assert desk.asked_for(FundsWanted) == 0
    desk.now += 300 * SECOND
    desk.slow = (FundsWanted,)
    rich(desk, 100_000, 100_000)
    for number in range(40, 60):
        desk.buys(f"L{number}", quantity=10)
        assert desk.units(f"L{number}") == 5  # the old figures serve meanwhile
    assert desk.asked_for(FundsWanted, ALICE) <= 2  # ten seconds without an answer: it is taken for lost
    desk.reply()
    desk.buys("L60", quantity=10)
    assert desk.units("L60") == 10


def test_a_new_day_does_not_size_by_yesterdays_capital() -> None:
    desk = rich(desk_by(proportional()), 100_000, 50_000)
    desk.start()
    desk.slow = (FundsWanted,)
    desk.now += 86_400 * SECOND
    desk.buys(quantity=100)
    assert desk.decided() == CHECKING
    rich(desk, 100_000, 25_000)
    desk.reply()
    assert desk.units() == 25


def test_an_answer_lost_over_a_restart_is_asked_for_again() -> None:
    desk = desk_by(proportional())
    desk.slow = (FundsWanted,)
    rich(desk, 100_000, 50_000).start()
    desk.buys(quantity=100)
    assert desk.decided() == CHECKING
    desk.waiting_for, desk.slow = [], ()
    desk.restart(books=True)
    assert desk.units() == 50


def test_a_late_answer_does_not_push_away_a_newer_one() -> None:
    desk = rich(desk_by(proportional(basis="available")), 100_000, 50_000)
    desk.start()
    desk.slow = (FundsWanted,)
    desk.sweep()
    desk.slow = ()
    rich(desk, 100_000, 25_000)
    desk.sweep()
    rich(desk, 100_000, 99_000)
    desk.reply()
    desk.buys(quantity=100)
    assert desk.units() == 25


# --- risk_based -----------------------------------------------------------------------------------------------------

RISK = by("risk_based", risk={"per_trade_pct": 1, "stop_pct": 30})


def test_risk_based_by_the_distance_to_the_stop_of_the_rules() -> None:
    desk = rich(desk_by(RISK), 1, 300_000)
    desk.start()
    desk.buys(quantity=1000, price=100)  # 3000 at risk, 30 a unit
    assert desk.units() == 100
    assert desk.asked_for(FundsWanted, LEADER) == 0


def test_risk_based_by_the_leaders_own_stop_where_one_rests() -> None:
    desk = rich(desk_by(RISK), 1, 300_000)
    desk.held = {LEADER: (held("43210", 500), held(BANK.security_id, 500))}
    desk.start()
    desk.sells("S1", 500, order_type="STOP_LOSS", price=89, trigger=90)
    desk.buys("L2", quantity=1000, price=100)  # 3000 at risk, 10 a unit
    assert desk.units("L2") == 300
    assert "the leader's stop" in desk.detail("L2")


@pytest.mark.parametrize("over", ["CANCELLED", "TRADED"])
def test_a_stop_that_is_over_says_nothing(over: str) -> None:
    desk = rich(desk_by(RISK), 1, 300_000)
    desk.held = {LEADER: (held("43210", 500), held(BANK.security_id, 500))}
    desk.start()
    stop = {"order_type": "STOP_LOSS", "price": 89, "trigger": 90}
    desk.sells("S1", 500, **stop)
    desk.sells("S1", 500, over, **stop, filled=500 if over == "TRADED" else 0)
    desk.buys("L2", quantity=1000, price=100)
    assert desk.units("L2") == 100


def test_a_stop_in_another_instrument_or_on_the_winning_side_says_nothing() -> None:
    desk = rich(desk_by(RISK), 1, 300_000)
    desk.held = {LEADER: (held("43210", 500), held(BANK.security_id, 500))}
    desk.start()
    desk.sells("S1", 500, order_type="STOP_LOSS", price=89, trigger=90, security_id=BANK.security_id)
    desk.sells("S2", 500, order_type="STOP_LOSS", price=119, trigger=120)
    desk.buys("L3", quantity=1000, price=100)
    assert desk.units("L3") == 100


def test_risk_based_without_a_price_asks_for_a_quote() -> None:
    desk = rich(desk_by(RISK), 1, 300_000)
    desk.quotes["43210"] = Quote(
        segment=Segment.NSE_FNO, security_id="43210", as_of=NOON + 9 * SECOND, last_price=Decimal(50)
    )
    desk.start()
    desk.buys(quantity=1000, order_type="MARKET")
    assert desk.asked_for(QuoteWanted) == 1
    assert desk.units() == 200


# --- fixed_value ----------------------------------------------------------------------------------------------------

VALUE = by("fixed_value", value=10_000)


def test_fixed_value_at_the_limit_of_the_order() -> None:
    desk = desk_by(VALUE)
    desk.start()
    desk.buys(quantity=5, price=125)
    assert desk.units() == 80
    assert desk.asked_for(QuoteWanted) == 0


def test_fixed_value_counts_the_multiplier() -> None:
    desk = desk_by(VALUE)
    desk.instruments["NSE_FNO/43210"] = OPTION.__class__(
        segment=Segment.NSE_FNO, security_id="43210", symbol="X", underlying="NIFTY", lot_size=1, multiplier=10
    )
    desk.start()
    desk.buys(quantity=5, price=125)
    assert desk.units() == 8


def test_fixed_value_of_a_market_order_waits_for_a_quote() -> None:
    desk = desk_by(VALUE)
    desk.slow = (QuoteWanted,)
    desk.start()
    desk.buys(quantity=5, order_type="MARKET")
    assert desk.decided() == CHECKING
    desk.buys("L2", quantity=5, order_type="MARKET")
    assert desk.asked_for(QuoteWanted) == 1
    desk.quotes["43210"] = Quote(segment=Segment.NSE_FNO, security_id="43210", as_of=desk.now, last_price=Decimal(200))
    desk.reply()
    assert (desk.units(), desk.units("L2")) == (50, 50)


def test_fixed_value_without_any_price_is_refused_and_not_asked_for_again_and_again() -> None:
    desk = desk_by(VALUE)
    desk.start()
    desk.buys(quantity=5, order_type="MARKET")
    assert desk.decided() == UNAVAILABLE
    for number in range(5):
        desk.buys(f"M{number}", quantity=5, order_type="MARKET")
    assert desk.asked_for(QuoteWanted) == 1


def test_fixed_value_of_a_market_order_that_has_traded_is_sized_by_what_it_traded_at() -> None:
    desk = desk_by(VALUE)
    desk.start()
    desk.buys(quantity=5, order_type="MARKET", status="TRADED", filled=5, average_price=400)
    assert desk.units() == 25


# --- residual: carry ------------------------------------------------------------------------------------------------

CARRY = by("fixed_ratio", ratio=0.5, residual="carry")


def carried(desk: BankDesk, order_id: str) -> Decimal:
    sizing = desk.copy(order_id).sizing
    assert sizing is not None
    return sizing.carried


def one_fills(desk: BankDesk, order_id: str, quantity: int = 5, **said: Any) -> int:
    """The leader's order and its copy trade in full; the units of the copy."""
    desk.leader(order_id, quantity=quantity, **said)
    units = desk.units(order_id)
    if desk.copy(order_id).slots:
        desk.fills(order_id)
    desk.leader(order_id, "TRADED", quantity=quantity, filled=quantity, **said)
    return units


def test_what_rounding_took_goes_to_the_next_entry() -> None:
    desk = desk_by(CARRY)
    desk.start()
    assert [one_fills(desk, f"L{number}") for number in range(6)] == [0, 5, 0, 5, 0, 5]
    assert desk.decided("L0") == (Decision.REFUSED, Reason.ZERO_QUANTITY)


@tried(25)
@given(
    ratio=st.sampled_from((0.1, 0.3, 0.5, 0.77)),
    sizes=st.lists(st.integers(1, 40), min_size=30, max_size=60),
    rounding=st.sampled_from(("down", "nearest", "up")),
    restarts=st.sets(st.integers(0, 60), max_size=2),
)
def test_a_long_run_of_small_orders_does_not_drift(
    ratio: float, sizes: list[int], rounding: str, restarts: set[int]
) -> None:
    sizing = by("fixed_ratio", ratio=ratio, residual="carry", rounding=rounding)
    desk = desk_by(sizing, policy={"fills": {"on_leader_cancel": "keep"}})
    desk.start()
    copied = leader = 0
    for number, quantity in enumerate(sizes):
        if number in restarts:
            desk.restart(books=True)
        copied += one_fills(desk, f"L{number}", quantity * 5)
        leader += quantity * 5
        assert abs(copied - Decimal(str(ratio)) * leader) <= 5, "more than a lot from what the ratio says"


def test_the_carry_is_for_one_instrument_and_side() -> None:
    desk = desk_by(CARRY, policy={"exits": {"confirm_short": "never"}})
    desk.start()
    assert one_fills(desk, "L1") == 0
    assert one_fills(desk, "L2", 10, security_id=BANK.security_id) == 0
    desk.leader("L3", quantity=5, side=Side.SELL, security_id=BANK.security_id)
    assert carried(desk, "L2") == 0
    assert one_fills(desk, "L4") == 5


def test_the_carry_ends_with_the_day() -> None:
    desk = desk_by(CARRY)
    desk.start()
    assert one_fills(desk, "L1") == 0
    desk.now += 86_400 * SECOND
    assert one_fills(desk, "L2") == 0


def test_rounding_of_an_order_that_the_leader_cancelled_unfilled_took_nothing() -> None:
    desk = desk_by(CARRY)
    desk.start()
    for number in range(4):  # he places, cancels, places again and fills: he has 20, half of that is 10
        desk.buys(f"A{number}", quantity=5)
        desk.buys(f"A{number}", quantity=5, status="CANCELLED")
        one_fills(desk, f"B{number}")
    copied = sum(desk.copy(f"B{number}").filled for number in range(4))
    assert copied <= 10


def test_what_was_carried_into_an_order_that_did_not_fill_is_not_given_back() -> None:
    desk = desk_by(CARRY)
    desk.start()
    assert one_fills(desk, "L1") == 0
    desk.buys("L2", quantity=5)
    assert desk.units("L2") == 5
    desk.buys("L2", quantity=5, status="CANCELLED")
    desk.buys("L3", quantity=5)
    assert carried(desk, "L3") == 0


def test_two_orders_at_once_do_not_both_get_the_carry() -> None:
    desk = desk_by(CARRY)
    desk.start()
    assert one_fills(desk, "L1") == 0
    desk.buys("L2", quantity=5)
    desk.buys("L3", quantity=5)
    assert (desk.units("L2"), carried(desk, "L3")) == (5, 0)


@pytest.mark.parametrize("copy_on", ["accepted", "traded"])
def test_what_was_given_too_much_is_taken_back_though_an_order_between_did_not_fill(copy_on: str) -> None:
    sizing = by("fixed_ratio", ratio=0.5, residual="carry", rounding="up")
    desk = desk_by(sizing, policy={"copy_on": copy_on})
    desk.start()
    desk.buys("L1", quantity=5, status="TRADED", filled=5)
    assert desk.units("L1") == 5
    desk.buys("L2", quantity=5)
    desk.buys("L2", quantity=5, status="CANCELLED")
    desk.buys("L3", quantity=5, status="TRADED", filled=5)
    assert carried(desk, "L3") == Decimal("-2.5")
    assert desk.decided("L3") == (Decision.REFUSED, Reason.ZERO_QUANTITY)


# --- rules with a sizing of their own -------------------------------------------------------------------------------


def test_a_rules_sizing_wins_and_asks_for_what_it_needs() -> None:
    rule = {"name": "bank", "match": {"underlying": ["BANKNIFTY"]}, "action": "copy", "sizing": proportional()}
    desk = BankDesk({"filters": {"rules": [rule]}, "checks": {"margin": False}})
    rich(desk, 100_000, 10_000).start()
    assert desk.asked_for(FundsWanted, LEADER)
    desk.buys("L1", quantity=100)
    desk.buys("L2", quantity=100, security_id=BANK.security_id)
    assert (desk.units("L1"), desk.units("L2")) == (50, 10)
    assert desk.copy("L2").rule == "bank"


# --- strategies that do not follow the leader's quantity ------------------------------------------------------------

WHOLE = [by("fixed_lots", lots=4), by("fixed_quantity", quantity=20), by("fixed_value", value=2000)]


@pytest.mark.parametrize("sizing", WHOLE)
def test_copy_on_traded_takes_the_whole_size_with_the_first_unit_and_never_more(sizing: dict[str, Any]) -> None:
    desk = desk_by(sizing, policy={"copy_on": "traded"})
    desk.start()
    desk.buys(quantity=500)
    assert desk.taken() == []
    for filled in (1, 60, 499):
        desk.buys(quantity=500, status="PART_TRADED", filled=filled)
    desk.buys(quantity=500, status="TRADED", filled=500)
    assert desk.asked() == [(PLACE, 20, Decimal(100))]


@pytest.mark.parametrize("sizing", WHOLE)
def test_a_leader_who_cancels_after_a_part_leaves_the_follower_what_it_has_filled(sizing: dict[str, Any]) -> None:
    desk = desk_by(sizing, policy={"fills": {"excess": "close"}})
    desk.start()
    desk.buys(quantity=500)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=10)
    desk.taken()
    desk.buys(quantity=500, status="CANCELLED", filled=3)
    assert desk.asked() == [(CANCEL,)]
    desk.ack("A1")
    desk.copied("CANCELLED", filled=10)
    desk.sweep()
    assert desk.taken() == []  # he has a position, and so has the follower: nothing is in excess
    assert "ask for 20" in desk.copy().drift


@pytest.mark.parametrize("sizing", WHOLE)
def test_a_leader_who_cancels_without_a_fill_leaves_an_excess(sizing: dict[str, Any]) -> None:
    desk = desk_by(sizing, policy={"fills": {"excess": "close"}})
    desk.start()
    desk.buys(quantity=500)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=10)
    desk.buys(quantity=500, status="CANCELLED", filled=0)
    desk.ack("A1")
    desk.copied("CANCELLED", filled=10)
    desk.taken()
    desk.books(LEADER, report(LEADER, "L1", "CANCELLED", quantity=500))
    (close,) = desk.taken()
    assert close.desired is not None
    assert (close.desired.side, close.desired.terms.quantity) == (Side.SELL, 10)
