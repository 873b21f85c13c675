"""Scenarios 5.3, 8.4 and 8.5: an entry goes only when there is money for it, and no rupee is given twice."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.capital import held as held_margin
from copyctl.core.state import Draft
from copyctl.model.facts import Fact, FundsWanted, MarginWanted, PositionsWanted, Question
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind, RequestState
from copyctl.model.terms import Decision, Product, Segment, Side
from tests.core.bank import BANK, CALL, BankDesk
from tests.core.building import ALICE, BOB, LEADER, SECOND, held, report
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
CHECKING = (Decision.QUEUED, Reason.CHECKING)
REFUSED = (Decision.REFUSED, Reason.INSUFFICIENT_MARGIN)
UNAVAILABLE = (Decision.REFUSED, Reason.CHECK_UNAVAILABLE)
COPIED = (Decision.COPIED, None)


def desk_with(money: int, **checks: Any) -> BankDesk:
    """Alice has so many rupees, and each unit blocks 100. She copies half."""
    parts = checks.pop("parts", {})
    policy = checks.pop("policy", {})
    desk = BankDesk({"checks": {"price_band": "none", **checks}, **policy}, **parts)
    desk.money = {ALICE: Decimal(money)}
    return desk


def on_hold(desk: BankDesk, account: str = ALICE) -> Decimal:
    """What the checks would keep back from a new order now."""
    draft = Draft(desk.state, desk.now)
    return held_margin(draft, account, draft.funds.get(account))


# --- 5.3 ------------------------------------------------------------------------------------------------------------


def test_scenario_5_3_without_the_money_it_is_refused_with_the_rupees_and_never_retried() -> None:
    desk = desk_with(4999).start()
    desk.buys(quantity=100)
    assert desk.decided() == REFUSED
    assert "5000.00 required" in desk.detail()
    assert "4999.00 available" in desk.detail()
    desk.money[ALICE] = Decimal(1_000_000)
    desk.sweep()
    desk.buys(quantity=100, price=90)
    desk.buys(quantity=10, price=80)
    desk.wait(600)
    assert desk.taken() == []
    assert desk.decided() == REFUSED


def test_scenario_5_3_with_just_the_money_it_goes() -> None:
    desk = desk_with(5000).start()
    desk.buys(quantity=100)
    assert desk.asked() == [(PLACE, 50, Decimal(100))]


@pytest.mark.parametrize(("money", "goes"), [(5249, False), (5250, True)])
def test_scenario_5_3_the_buffer_must_be_there_as_well(money: int, goes: bool) -> None:
    desk = desk_with(money, margin_buffer_pct=5).start()
    desk.buys(quantity=100)
    assert (desk.decided() == COPIED) is goes
    if not goes:
        assert "5250.00 required (with 5 % more)" in desk.detail()


def test_scenario_5_3_without_the_check_nothing_is_asked() -> None:
    desk = desk_with(1, margin=False).start()
    desk.buys(quantity=100)
    assert desk.decided() == COPIED
    assert desk.asked_for(FundsWanted) == desk.asked_for(MarginWanted) == 0


def test_scenario_5_3_an_uneven_margin_is_counted_to_the_paisa() -> None:
    desk = desk_with(0)
    desk.money[ALICE] = Decimal("333.35")
    desk.margin = lambda question: Decimal("333.35") if question.orders[-1].quantity == 15 else Decimal(0)
    desk.start()
    desk.buys(quantity=30)
    assert desk.decided() == COPIED


# --- 8.4 ------------------------------------------------------------------------------------------------------------


def test_scenario_8_4_of_two_orders_at_once_with_money_for_one_the_second_is_refused() -> None:
    desk = desk_with(7000).start()
    rows = [report(LEADER, f"L{number}", quantity=100, price=100) for number in (1, 2)]
    desk.books(LEADER, *rows)
    assert (desk.decided("L1"), desk.decided("L2")) == (COPIED, REFUSED)
    assert "2000.00 available (5000.00 held for orders on their way)" in desk.detail("L2")
    assert len(desk.taken()) == 1


def test_scenario_8_4_what_is_held_for_one_follower_is_not_another_ones() -> None:
    desk = desk_with(7000, parts={"followers": 2})
    desk.money[BOB] = Decimal(7000)
    desk.start()
    desk.buys("L1")
    desk.buys("L2")
    assert [desk.decided("L1", one) for one in (ALICE, BOB)] == [COPIED, COPIED]
    assert [desk.decided("L2", one) for one in (ALICE, BOB)] == [REFUSED, REFUSED]


def test_scenario_8_4_an_order_that_filled_at_once_is_held_until_the_funds_show_it() -> None:
    desk = desk_with(7000).start()
    desk.buys("L1", order_type="MARKET", status="TRADED", filled=100)
    desk.fills("L1")
    assert on_hold(desk) == 5000
    desk.slow = (FundsWanted,)
    desk.buys("L2")
    assert desk.decided("L2") == CHECKING  # the funds that are known still have all 7000
    desk.money[ALICE] = Decimal(2000)
    desk.reply()
    assert desk.decided("L2") == REFUSED


def test_scenario_8_4_funds_that_show_it_do_not_count_it_twice() -> None:
    desk = desk_with(12_000).start()
    desk.buys("L1")
    desk.fills("L1")
    assert on_hold(desk) == 5000
    desk.money[ALICE] = Decimal(7000)  # the broker has blocked it by now
    desk.sweep(ALICE)
    assert on_hold(desk) == desk.holds() == 0
    desk.buys("L2")
    assert desk.decided("L2") == COPIED


def test_scenario_8_4_funds_that_were_asked_for_before_the_answer_show_nothing_yet() -> None:
    desk = desk_with(9000).start()
    desk.slow = (FundsWanted,)
    desk.sweep(ALICE)
    desk.slow = ()
    desk.buys("L1")
    desk.ack("A1")
    desk.reply()
    assert on_hold(desk) == 5000
    desk.buys("L2")
    assert desk.decided("L2") == REFUSED


def test_scenario_8_4_an_order_of_unknown_fate_stays_held_whatever_the_funds_say() -> None:
    desk = desk_with(9000).start()
    desk.buys("L1")  # no answer
    for _ in range(4):
        desk.sweep(ALICE)
    assert on_hold(desk) == 5000
    desk.ack("A1")
    assert on_hold(desk) == 5000
    desk.sweep(ALICE)
    assert on_hold(desk) == 0


@pytest.mark.parametrize("ending", ["rejected", "cancelled", "withdrawn", "leader rejected", "killed"])
def test_scenario_8_4_whatever_ends_an_order_without_a_fill_frees_what_was_held(ending: str) -> None:
    parts = {"rate_limits": {"orders": {"per_second": 1}}} if ending == "withdrawn" else {}
    desk = desk_with(12_000, parts=parts).start()
    if ending == "withdrawn":
        desk.buys("L0", quantity=10)
        desk.now -= SECOND - SECOND // 100
    desk.buys("L1")
    assert on_hold(desk) >= 5000
    if ending == "rejected":
        desk.reject(Category.PRICE_BAND)
    elif ending == "cancelled":
        desk.ack("A1")
        desk.buys("L1", status="CANCELLED")
        desk.ack("A1")
        desk.copied("CANCELLED", order_id="L1")
    elif ending == "leader rejected":
        desk.buys("L1", status="REJECTED")
        desk.ack("A1")
        desk.copied("REJECTED", order_id="L1")
    elif ending == "killed":
        desk.reject(Category.THROTTLED)
        desk.kill()
    else:
        desk.now -= SECOND - SECOND // 100
        desk.buys("L1", status="CANCELLED")
    assert not any(slot.live for slot in desk.copy("L1").slots)
    assert on_hold(desk) == (500 if ending == "withdrawn" else 0)


def test_scenario_8_4_a_part_that_filled_stays_held_and_the_rest_is_freed() -> None:
    desk = desk_with(12_000).start()
    desk.buys("L1")
    desk.ack("A1")
    desk.copied("PART_TRADED", order_id="L1", filled=20)
    desk.buys("L1", status="CANCELLED", filled=40)
    desk.ack("A1")
    desk.copied("CANCELLED", order_id="L1", filled=20)
    assert on_hold(desk) == 2000
    desk.sweep(ALICE)
    assert on_hold(desk) == 0


def test_scenario_8_4_what_waits_for_room_is_held_too() -> None:
    desk = desk_with(12_000, parts={"rate_limits": {"orders": {"per_second": 1}}}).start()
    desk.buys("L1")
    desk.now -= SECOND - SECOND // 100
    desk.buys("L2")
    assert desk.decided("L2") == (Decision.QUEUED, Reason.RATE_LIMIT)
    assert on_hold(desk) == 10_000
    desk.now -= SECOND - SECOND // 100
    desk.buys("L3")
    assert desk.decided("L3") == REFUSED


def test_scenario_8_4_the_hold_outlives_a_restart() -> None:
    desk = desk_with(9000).start()
    desk.buys("L1")
    desk.restart(books=True)
    assert on_hold(desk) == 5000
    desk.buys("L2")
    assert desk.decided("L2") == REFUSED


# --- 8.5 ------------------------------------------------------------------------------------------------------------


def test_scenario_8_5_when_the_money_has_run_out_entries_are_refused_and_exits_go_on() -> None:
    desk = desk_with(5000).start()
    desk.buys("L1")
    desk.fills("L1")
    desk.buys("L1", status="TRADED", filled=100)
    desk.money[ALICE] = Decimal(0)
    desk.sweep()
    desk.taken()
    desk.buys("L2")
    assert desk.decided("L2") == REFUSED
    desk.sells("L3", 100, price=110)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_8_5_money_that_an_exit_has_freed_is_seen_before_an_entry_is_refused() -> None:
    desk = desk_with(5000).start()
    desk.buys("L1")
    desk.fills("L1")
    desk.buys("L1", status="TRADED", filled=100)
    desk.money[ALICE] = Decimal(0)
    desk.sweep()
    desk.sells("L2", 100, status="TRADED", filled=100)
    desk.fills("L2")
    desk.money[ALICE] = Decimal(5000)  # the broker knows, and the last funds that we read do not
    desk.now += 3 * SECOND
    desk.slow = (FundsWanted,)
    desk.buys("L3")
    assert desk.decided("L3") == CHECKING
    desk.reply()
    assert desk.decided("L3") == COPIED


def test_scenario_8_5_where_newer_funds_cannot_be_had_the_older_ones_decide() -> None:
    desk = desk_with(100).start()
    desk.now += 10 * SECOND
    desk.failing = {FundsWanted: "502"}
    desk.buys("L1")
    assert desk.decided("L1") == REFUSED


# --- modifications ----------------------------------------------------------------------------------------------------


def rests(money: int, **checks: Any) -> BankDesk:
    """A copy of 50 at 100 rests, and the funds show it."""
    desk = desk_with(money, **checks).start()
    desk.buys("L1")
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.money[ALICE] = Decimal(money - 5000)
    desk.sweep(ALICE)
    desk.taken()
    desk.asked_for(MarginWanted)
    desk.alerts()
    return desk


def test_a_raised_quantity_needs_the_money_for_what_is_added_alone() -> None:
    desk = rests(7500)
    desk.buys("L1", quantity=150)
    assert desk.asked() == [(MODIFY, 75, Decimal(100))]
    assert on_hold(desk) == 2500
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.money[ALICE] = Decimal(0)
    desk.sweep(ALICE)
    assert on_hold(desk) == 0


def test_a_raised_quantity_without_the_money_leaves_the_copy_as_it_is() -> None:
    desk = rests(7400)
    desk.buys("L1", quantity=150)
    assert desk.taken() == []
    assert "2500.00 required" in desk.copy("L1").stuck
    assert any("2500.00 required" in text for text in desk.alerts())
    assert on_hold(desk) == 0


def test_a_raise_before_the_first_answer_holds_both() -> None:
    desk = desk_with(7500).start()
    desk.buys("L1")
    desk.buys("L1", quantity=150)
    assert on_hold(desk) == 7500
    desk.buys("L2", quantity=10)
    assert desk.decided("L2") == REFUSED


def test_a_dearer_bid_needs_the_difference() -> None:
    desk = rests(5500)
    desk.margin = lambda question: Decimal(110 * question.orders[-1].quantity)
    desk.buys("L1", price=110)
    assert desk.asked() == [(MODIFY, 50, Decimal(110))]
    assert on_hold(desk) == 500
    desk = rests(5499)
    desk.margin = lambda question: Decimal(110 * question.orders[-1].quantity)
    desk.buys("L1", price=110)
    assert desk.taken() == []


def test_less_or_cheaper_asks_nobody() -> None:
    desk = rests(5000)
    desk.buys("L1", price=80)
    desk.buys("L1", quantity=50, price=80)
    assert desk.asked() == [(MODIFY, 50, Decimal(80))]
    desk.ack("A1")
    assert desk.asked() == [(MODIFY, 25, Decimal(80))]
    assert desk.asked_for(MarginWanted) == 0


def test_a_dearer_offer_in_derivatives_needs_no_more() -> None:
    desk = desk_with(5000, policy={"exits": {"confirm_short": "never"}}).start()
    desk.sells("L1", 100)
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1")
    desk.money[ALICE] = Decimal(0)
    desk.sweep(ALICE)
    desk.taken()
    desk.sells("L1", 100, price=104)
    assert desk.asked() == [(MODIFY, 50, Decimal(104))]


def test_copy_on_traded_pays_for_each_part_as_it_comes() -> None:
    desk = desk_with(4000, policy={"copy_on": "traded"}).start()
    for filled in (40, 60, 100):
        desk.buys("L1", 100, status="PART_TRADED", filled=filled)
    assert desk.asked() == [(PLACE, 20, Decimal(100)), (PLACE, 10, Decimal(100))]
    assert on_hold(desk) == 3000
    assert "2000.00 required, 1000.00 available" in desk.copy("L1").stuck


def test_an_order_that_is_part_filled_pays_for_what_is_open() -> None:
    desk = rests(7500)
    desk.copied("PART_TRADED", order_id="L1", filled=20)
    desk.buys("L1", quantity=150)
    assert desk.asked() == [(MODIFY, 75, Decimal(100))]
    assert on_hold(desk) == 2500


# --- the calculator ---------------------------------------------------------------------------------------------------


def questions(desk: BankDesk) -> list[MarginWanted]:
    return [one for one in desk.questions if isinstance(one, MarginWanted)]


def test_an_answer_serves_later_orders_at_about_the_same_price() -> None:
    desk = desk_with(10_000_000).start()
    for number in range(50):
        desk.buys(f"L{number}", quantity=10 + 10 * number, price=100 + number % 4)
    assert len(questions(desk)) == 1
    desk.buys("M1", price=200)
    desk.buys("M2", side=Side.SELL, security_id=CALL.security_id)
    desk.buys("M3", product=Product.MARGIN)
    assert len(questions(desk)) == 4


def test_a_dearer_order_in_reach_of_an_answer_counts_as_much_more() -> None:
    desk = desk_with(5199).start()
    desk.buys("L1", quantity=10)
    desk.reject(Category.PRICE_BAND)
    desk.buys("L2", price=104)
    assert desk.decided("L2") == REFUSED
    assert "5200.00 required" in desk.detail("L2")


def test_an_older_answer_serves_while_it_is_asked_anew() -> None:
    desk = desk_with(1_000_000).start()
    desk.buys("L1")
    desk.now += 61 * SECOND
    desk.slow = (MarginWanted,)
    desk.margin_per_unit = Decimal(200)
    desk.buys("L2")
    assert desk.decided("L2") == COPIED
    assert desk.copy("L2").hold == 5000
    desk.buys("L3")
    assert len(questions(desk)) == 2
    desk.reply()
    desk.buys("L4")
    assert desk.copy("L4").hold == 10_000
    desk.now += 700 * SECOND
    desk.buys("L5")
    assert desk.decided("L5") == CHECKING


def test_orders_wait_for_the_first_answer_with_one_question_for_all() -> None:
    desk = desk_with(1_000_000).start()
    desk.slow = (MarginWanted,)
    for number in range(8):
        desk.buys(f"L{number}")
        assert desk.decided(f"L{number}") == CHECKING
    assert len(questions(desk)) == 1
    desk.reply()
    assert len(desk.taken()) == 8


def test_an_answer_that_never_comes_is_asked_for_again() -> None:
    desk = desk_with(1_000_000).start()
    desk.slow = (MarginWanted,)
    desk.buys("L1")
    desk.waiting_for = []
    desk.wait(9)
    assert len(questions(desk)) == 1
    desk.wait(2)
    assert len(questions(desk)) == 2
    desk.reply()
    assert desk.decided() == COPIED


def test_an_answer_lost_over_a_restart_is_asked_for_at_once() -> None:
    desk = desk_with(1_000_000).start()
    desk.slow = (MarginWanted,)
    desk.buys("L1")
    desk.waiting_for, desk.slow = [], ()
    desk.restart(books=True)
    assert desk.decided() == COPIED


@pytest.mark.parametrize(("how", "decided"), [("refuse", UNAVAILABLE), ("pass", COPIED)])
@pytest.mark.parametrize("kind", [MarginWanted, FundsWanted])
def test_without_an_answer_the_rules_decide(how: str, decided: tuple[Decision, Any], kind: type) -> None:
    desk = desk_with(1_000_000, unavailable=how)
    desk.failing = {kind: "504"}
    desk.start()
    desk.buys("L1")
    assert desk.decided() == decided
    assert how == "pass" or "504" in desk.detail()
    desk.asked_for(kind)
    for number in range(5):
        desk.now -= SECOND - SECOND // 10
        desk.buys(f"M{number}")
    assert desk.asked_for(kind) == 0  # not again so soon
    desk.failing = {}
    desk.now += 6 * SECOND
    desk.buys("L2")
    assert desk.decided("L2") == COPIED


def test_a_question_asked_anew_in_vain_does_not_push_away_an_answer_that_serves() -> None:
    desk = desk_with(1_000_000).start()
    desk.buys("L1")
    desk.now += 61 * SECOND
    desk.failing = {MarginWanted: "504"}
    desk.buys("L2")
    desk.buys("L3")
    assert (desk.decided("L2"), desk.decided("L3")) == (COPIED, COPIED)


def test_where_the_calculator_says_that_it_is_not_enough_it_is_refused() -> None:
    desk = desk_with(1_000_000)  # much of it is collateral, which buys no options
    desk.short = Decimal(4000)
    desk.start()
    desk.buys("L1")
    assert desk.decided() == REFUSED
    assert "5000.00 required, 1000.00 available" in desk.detail()
    desk.buys("L2", quantity=20)
    assert desk.decided("L2") == COPIED  # 1000 would do
    desk.short = None
    desk.now += 6 * SECOND
    desk.buys("L3")
    assert desk.decided("L3") == COPIED


# --- hedges -----------------------------------------------------------------------------------------------------------


def hedged(question: MarginWanted) -> Decimal:
    """What is sold blocks 100 a unit, 20 where as much was bought; what is bought blocks nothing."""
    sold = sum(one.quantity for one in question.orders if one.side is Side.SELL)
    bought = sum(one.quantity for one in question.orders if one.side is Side.BUY)
    return Decimal(min(sold, bought) * 20 + max(0, sold - bought) * 100)


def test_a_held_leg_in_the_underlying_makes_the_margin_smaller() -> None:
    desk = desk_with(1000, policy={"exits": {"confirm_short": "never"}})
    desk.held = {ALICE: (held(CALL.security_id, 50, product=Product.MARGIN), held(BANK.security_id, 40))}
    desk.margin = hedged
    desk.start()
    desk.sells("L1", 100)
    assert desk.decided() == COPIED
    together, alone = questions(desk)
    assert [(one.security_id, one.side, one.quantity) for one in together.orders] == [
        (CALL.security_id, Side.BUY, 50),
        ("43210", Side.SELL, 50),
    ]
    assert [one.security_id for one in alone.orders] == [CALL.security_id]
    assert desk.copy("L1").hold == 1000


def test_a_hedge_serves_no_more_units_than_were_asked_for() -> None:
    desk = desk_with(1_000_000, policy={"exits": {"confirm_short": "never"}})
    desk.held = {ALICE: (held(CALL.security_id, 50),)}
    desk.margin = hedged
    desk.start()
    desk.sells("L1", 100)
    desk.asked_for(MarginWanted)
    desk.sells("L2", 60)
    assert desk.asked_for(MarginWanted) == 0
    desk.sells("L3", 200)
    assert desk.asked_for(MarginWanted) == 2
    assert desk.copy("L3").hold == 50 * 20 + 50 * 100


def test_another_hedge_is_another_question() -> None:
    desk = desk_with(1_000_000, policy={"exits": {"confirm_short": "never"}})
    desk.margin = hedged
    desk.start()
    desk.sells("L1", 100)
    assert desk.copy("L1").hold == 5000
    desk.buys("L2", security_id=CALL.security_id)
    desk.fills("L2")
    desk.sells("L3", 100)
    assert desk.copy("L3").hold == 1000


def test_a_late_answer_to_an_older_question_is_not_taken_for_the_newer_one() -> None:
    desk = desk_with(1_000_000, policy={"exits": {"confirm_short": "never"}})
    desk.margin = hedged
    desk.slow = (MarginWanted,)
    desk.start()
    desk.sells("L1", 100)
    desk.frame(ALICE, "H1", "TRADED", security_id=CALL.security_id, quantity=50, filled=50)  # by hand: a hedge
    desk.tell(PositionsWanted(account=ALICE))
    desk.sells("L2", 100)
    assert desk.decided("L2") == CHECKING
    older, together, alone = desk.waiting_for
    desk.waiting_for = [alone, older]
    desk.reply()
    assert desk.decided("L2") == CHECKING
    desk.waiting_for = [together]
    desk.reply()
    assert desk.copy("L2").hold == 1000


def test_half_an_answer_is_none() -> None:
    desk = desk_with(1_000_000, policy={"exits": {"confirm_short": "never"}})
    desk.held = {ALICE: (held(CALL.security_id, 50),)}
    desk.margin = hedged
    desk.slow = (MarginWanted,)
    desk.start()
    desk.sells("L1", 100)
    (first, *rest), desk.waiting_for = desk.waiting_for, []
    desk.waiting_for = [first]
    desk.reply()
    assert desk.decided() == CHECKING
    desk.waiting_for = rest
    desk.reply()
    assert desk.decided() == COPIED


def test_shares_are_asked_for_alone() -> None:
    desk = desk_with(1_000_000)
    desk.held = {ALICE: (held("43210", 50), held("2885", 10, segment=Segment.NSE_EQ))}
    desk.start()
    desk.buys("L1", segment=Segment.NSE_EQ, security_id="2885")
    (question,) = questions(desk)
    assert [one.security_id for one in question.orders] == ["2885"]


# --- always -----------------------------------------------------------------------------------------------------------


HAPPENINGS = (
    "order",
    "order",
    "answer",
    "answer",
    "answer",
    "fill",
    "fill",
    "modify",
    "cancel",
    "sweep",
    "die",
    "wait",
)


def _happens(desk: BankDesk, chance: Random, number: int) -> None:
    """Something happens to the leader, the follower, the broker or us."""
    copies = [one for one in desk.state.tables["leader_order"] if f"{one}/{ALICE}" in desk.state.tables["copy"]]
    live = [one for one in copies if any(slot.live for slot in desk.copy(one).slots)]
    waiting = [one for one in desk.waiting if one.state is RequestState.SENT]
    match chance.choice(HAPPENINGS):
        case "order":
            desk.buys(f"L{number}", quantity=10 * chance.randrange(1, 20), price=chance.choice((90, 100, 130)))
        case "answer" if waiting:
            request = chance.choice(waiting)
            if chance.random() < 0.3:
                desk.reject(chance.choice((Category.PRICE_BAND, Category.THROTTLED)), request=request)
            else:
                desk.ack(f"A-{request.correlation_id}", request=request)
        case "fill" if live:
            one = chance.choice(live)
            slot = desk.copy(one).slots[-1]
            if slot.order_id and slot.filled < slot.asked.quantity:
                units = chance.randrange(slot.filled + 1, slot.asked.quantity + 1)
                done = units == slot.asked.quantity
                desk.copied("TRADED" if done else "PART_TRADED", order_id=one, filled=units)
        case "modify" if live:
            desk.buys(chance.choice(live), quantity=10 * chance.randrange(1, 30), price=chance.choice((90, 100, 130)))
        case "cancel" if live:
            one = chance.choice(live)
            desk.buys(one, status="CANCELLED", filled=0)
            slot = desk.copy(one).slots[-1]
            if slot.order_id and slot.live:
                desk.copied("CANCELLED", order_id=one, filled=slot.filled)
        case "sweep":
            desk.sweep()
        case "die":
            desk.restart(books=True)
        case _:
            desk.wait(1)


@tried(60)
@given(st.integers(0, 2**32))
def test_what_is_held_is_never_negative_and_nothing_when_nothing_is_on_its_way(seed: int) -> None:
    chance = Random(seed)
    desk = desk_with(1_000_000).start()
    for number in range(40):
        _happens(desk, chance, number)
        assert on_hold(desk) >= 0
        assert desk.holds() >= on_hold(desk)
    _all_comes_to_rest(desk)
    desk.sweep()
    desk.sweep()
    assert on_hold(desk) == desk.holds() == 0


def _all_comes_to_rest(desk: BankDesk) -> None:
    """Every answer comes, what was lost turns out never to have been placed, the leader cancels everything."""
    for _ in range(4):
        desk.wait(1)
        for request in [one for one in desk.waiting if one.state is RequestState.SENT]:
            desk.reject(Category.PRICE_BAND, request=request)
        for request in [one for one in desk.waiting if one.state is RequestState.UNSETTLED]:
            desk.now += 6 * SECOND
            if request.kind is RequestKind.PLACE:
                desk.looked(request=request)
            else:  # a change is settled by the book alone
                desk.books(request.account)
    for key in list(desk.state.tables["copy"]):
        one = key.partition("/")[0]
        if any(slot.live for slot in desk.copy(one).slots):
            desk.buys(one, status="CANCELLED")
            if any(slot.live for slot in desk.copy(one).slots):
                desk.copied("CANCELLED", order_id=one, filled=desk.copy(one).slots[-1].filled)


class BlockingDesk(BankDesk):
    """A broker that blocks 100 rupees a unit of what it has taken, as far as it has taken it, and shows it at once."""

    total = Decimal(30_000)

    def _fact(self, question: Question, as_of: int) -> Fact | None:
        if isinstance(question, FundsWanted):
            self.money[question.account] = self.total - self.taken_units() * 100
        return super()._fact(question, as_of)

    def taken_units(self, *, sent: bool = False) -> int:
        """Units that the broker has taken; ``sent``: with those that it may take any moment."""
        units = 0
        for copy in self.state.tables["copy"].values():
            assert isinstance(copy, Copy)
            for slot in copy.slots:
                counts = sent or slot.order_id
                units += (slot.asked.quantity if slot.live else slot.filled) if counts else 0
        return units


@tried(100)
@given(st.integers(0, 2**32))
def test_no_rupee_is_given_twice(seed: int) -> None:
    """Whatever was sent and may still be taken, with all that was taken, never needs more than there is."""
    chance = Random(seed)
    desk = BlockingDesk({"checks": {"price_band": "none"}})
    desk.start()
    for number in range(60):
        desk.slow = (FundsWanted,) if chance.random() < 0.3 else ()
        desk.pace = chance.choice((SECOND // 100, SECOND // 5, SECOND))
        _trades(desk, chance, number)
        if chance.random() < 0.5:
            desk.reply()
        assert desk.taken_units(sent=True) * 100 <= desk.total


def _trades(desk: BankDesk, chance: Random, number: int) -> None:
    match chance.choice(("order", "order", "order", "answer", "answer", "fill", "modify", "cancel", "sweep")):
        case "order":
            desk.buys(f"L{number}", quantity=10 * chance.randrange(1, 25))
        case "answer":
            for request in [one for one in desk.waiting if one.state is RequestState.SENT]:
                if request.kind is PLACE and chance.random() < 0.2:
                    desk.reject(Category.PRICE_BAND, request=request)
                else:
                    desk.ack(f"A-{request.correlation_id}", request=request)
        case what:
            live = [one.partition("/")[0] for one in desk.state.tables["copy"]]
            live = [one for one in live if any(slot.live and slot.order_id for slot in desk.copy(one).slots)]
            if what == "sweep" or not live:
                desk.sweep(after=2)
                return
            one, slot = live[-1], desk.copy(live[-1]).slots[-1]
            if what == "fill":
                desk.copied("TRADED", order_id=one, filled=slot.asked.quantity)
            elif what == "modify":
                desk.buys(one, quantity=10 * chance.randrange(1, 30))
            else:
                desk.buys(one, status="CANCELLED")
                desk.copied("CANCELLED", order_id=one, filled=slot.filled)
