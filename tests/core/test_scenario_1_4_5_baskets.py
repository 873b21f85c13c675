"""Scenario 1.4.5: legs that come close together are one basket, and what becomes of it when a leg breaks."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.step import Step
from copyctl.model.events import Event
from copyctl.model.facts import FactArrived, MarginNeed, MarginOrder, MarginWanted, Question
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import BasketRecord, Copy, Position
from copyctl.model.request import Fate, Request, RequestKind, RequestState
from copyctl.model.terms import Decision, InstrumentKind, OptionType, OrderType, Product, Segment, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, SHARE, Desk, report
from tests.properties import tried

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
BUY, SELL = Side.BUY, Side.SELL
WAITS = (Decision.QUEUED, Reason.BASKET)
FAILED = (Decision.REFUSED, Reason.BASKET_FAILED)
HEDGE, BODY, FUTURE, OTHER = "50001", "50002", "50003", "60001"
NEAR = date(2026, 9, 22)


def contract(
    security_id: str, kind: InstrumentKind, option: OptionType | None, underlying: str = "NIFTY"
) -> Instrument:
    return Instrument(
        segment=Segment.NSE_FNO,
        security_id=security_id,
        symbol=f"{underlying}-{security_id}",
        kind=kind,
        underlying=underlying,
        option_type=option,
        expiry=NEAR,
        lot_size=5,
    )


CONTRACTS = [
    contract(HEDGE, InstrumentKind.OPTIDX, OptionType.CE),
    contract(BODY, InstrumentKind.OPTIDX, OptionType.CE),
    contract(FUTURE, InstrumentKind.FUTIDX, None),
    contract(OTHER, InstrumentKind.OPTIDX, OptionType.CE, "BANKNIFTY"),
]


def desk(followers: int = 1, policy: Any = None, **multi_leg: Any) -> Desk:
    keys = {"window": "2s", "leg_timeout": "5s", "on_failure": "alert", "margin": "leg", **multi_leg}
    exits = {"exits": {"confirm_short": "never"}}
    made = Desk({"multi_leg": keys, **exits, **(policy or {})}, followers=followers)
    made.instruments.update({f"{one.segment}/{one.security_id}": one for one in CONTRACTS})
    return made.start()


def leg(it: Desk, order_id: str, side: Side, security_id: str, status: str = "PENDING", **said: Any) -> None:
    """A frame of the leader's, a quarter of a second later."""
    it.now -= 3 * SECOND // 4
    it.leader(order_id, status, side=side, security_id=security_id, **said)


def spread(it: Desk) -> None:
    """The leader sells a call and buys another one above it."""
    leg(it, "S", SELL, BODY)
    leg(it, "H", BUY, HEDGE, price=20)


def fills(it: Desk, order_id: str, security_id: str, filled: int = 50, status: str = "TRADED", **said: Any) -> None:
    it.copied(status, order_id=order_id, security_id=security_id, filled=filled, **said)


def rows(sent: list[Request]) -> list[tuple[str, RequestKind]]:
    return [(one.leader_order_id, one.kind) for one in sent]


def stake(it: Desk, security_id: str) -> Position:
    found = it.state.tables["position"][f"{ALICE}/NSE_FNO/{security_id}/{Product.INTRADAY}"]
    assert isinstance(found, Position)
    return found


# --- the window -----------------------------------------------------------------------------------------------------


def test_a_single_entry_waits_for_the_window_to_close_and_goes() -> None:
    it = desk()
    leg(it, "L1", BUY, HEDGE)
    assert it.decided("L1") == WAITS
    assert it.copy("L1").basket == "L1"
    assert it.asked() == []
    it.wait(1.9)
    assert it.asked() == []
    it.wait(0.2)
    assert it.asked() == [(PLACE, 50, Decimal(100))]
    assert it.decided("L1") == (Decision.COPIED, None)


def test_without_a_window_there_are_no_baskets() -> None:
    it = desk(window="0s")
    leg(it, "L1", BUY, HEDGE)
    assert it.asked() == [(PLACE, 50, Decimal(100))]
    assert it.copy("L1").basket == ""


def test_legs_of_one_underlying_are_one_basket_and_a_later_one_is_a_new_one() -> None:
    it = desk()
    spread(it)
    leg(it, "F", BUY, FUTURE)
    leg(it, "O", BUY, OTHER)
    it.wait(2)
    leg(it, "N", BUY, FUTURE)
    assert [it.copy(row).basket for row in ("S", "H", "F", "O", "N")] == ["S", "S", "S", "O", "N"]


def test_shares_and_exits_never_wait() -> None:
    it = desk()
    it.leader("L1", segment=Segment.NSE_EQ, security_id=SHARE.security_id, product=Product.CNC)
    assert rows(it.taken()) == [("L1", PLACE)]
    leg(it, "H", BUY, HEDGE)
    it.wait(2)
    it.ack("A1")
    fills(it, "H", HEDGE)
    leg(it, "H", BUY, HEDGE, "TRADED", filled=100)
    it.taken()
    leg(it, "X", SELL, HEDGE, price=110)
    assert rows(it.taken()) == [("X", PLACE)]
    assert it.copy("X").basket == ""


def test_a_leg_that_a_filter_skips_never_joins() -> None:
    it = desk(policy={"filters": {"rules": [{"name": "no hedges", "match": {"side": ["BUY"]}, "action": "skip"}]}})
    spread(it)
    assert it.copy("H").basket == ""
    it.wait(3)
    assert rows(it.taken()) == [("S", PLACE)]
    assert it.alerts() == []


def test_what_the_leader_takes_back_while_it_waits_is_not_sent_and_breaks_nothing() -> None:
    it = desk()
    spread(it)
    leg(it, "S", SELL, BODY, "CANCELLED")
    assert it.decided("S") == (Decision.SKIPPED, Reason.LEADER_OVER)
    it.wait(3)
    assert rows(it.taken()) == [("H", PLACE)]
    assert it.alerts() == []


def test_each_follower_has_a_basket_of_its_own() -> None:
    it = desk(followers=2)
    spread(it)
    it.wait(2)
    assert sorted((one.account, one.leader_order_id) for one in it.taken()) == [(ALICE, "H"), (BOB, "H")]


def test_the_window_goes_on_after_a_restart() -> None:
    it = desk()
    spread(it)
    it.restart(books=True)
    assert it.asked() == []
    it.wait(2)
    assert rows(it.taken()) == [("H", PLACE)]


def test_a_change_that_comes_while_it_waits_counts() -> None:
    it = desk()
    leg(it, "H", BUY, HEDGE, price=20)
    leg(it, "H", BUY, HEDGE, price=21, quantity=200)
    it.wait(2)
    assert it.asked() == [(PLACE, 100, Decimal(21))]


# --- order: margin --------------------------------------------------------------------------------------------------


def test_a_short_leg_leaves_when_what_covers_it_has_filled() -> None:
    it = desk()
    spread(it)
    it.wait(2)
    assert rows(it.taken()) == [("H", PLACE)]
    it.ack("A1")
    fills(it, "H", HEDGE, 45, "PART_TRADED")
    assert it.taken() == []
    assert it.decided("S") == WAITS
    assert "45 of 50" in it.copy("S").detail
    fills(it, "H", HEDGE)
    assert rows(it.taken()) == [("S", PLACE)]
    assert it.decided("S") == (Decision.COPIED, None)


def test_what_no_long_leg_covers_is_sent_last() -> None:
    it = desk()
    leg(it, "F", SELL, FUTURE)
    spread(it)
    it.wait(2)
    assert rows(it.taken()) == [("H", PLACE)]
    it.ack("A1")
    fills(it, "H", HEDGE)
    assert rows(it.taken()) == [("S", PLACE)]
    assert it.decided("F") == WAITS
    it.ack("A2")
    assert rows(it.taken()) == [("F", PLACE)]


def test_as_placed_all_go_when_the_window_closes() -> None:
    it = desk(order="as_placed")
    spread(it)
    it.wait(2)
    assert rows(it.taken()) == [("S", PLACE), ("H", PLACE)]


def test_a_long_leg_that_waits_for_a_figure_is_waited_for() -> None:
    it = desk(policy={"checks": {"margin": True}})
    it.silent = {"margin"}
    spread(it)
    it.wait(3)
    assert it.taken() == []
    assert it.decided("H") == (Decision.QUEUED, Reason.CHECKING)
    assert it.decided("S") == WAITS


def test_a_long_leg_whose_size_is_not_known_yet_is_waited_for() -> None:
    it = desk(policy={"sizing": {"strategy": "capital_proportional", "capital": {"basis": "available"}}})
    it.silent = {"funds"}
    it.state.tables["funds"].clear()
    spread(it)
    it.wait(3)
    assert it.taken() == []
    assert it.copy("H").basket == "S"


@pytest.mark.parametrize("why", ["rejected", "refused", "cancelled", "timeout"])
def test_without_its_cover_a_short_leg_is_not_sent(why: str) -> None:
    it = desk(policy={"limits": {"max_order_value": 1500}} if why == "refused" else None)
    leg(it, "S", SELL, BODY, price=10)
    leg(it, "H", BUY, HEDGE, price=40)
    it.wait(2)
    if why == "rejected":
        it.reject(Category.MARGIN, "no money")
    elif why == "cancelled":
        it.ack("A1")
        leg(it, "H", BUY, HEDGE, "CANCELLED", price=40)
        it.ack()
        fills(it, "H", HEDGE, 0, "CANCELLED")
    elif why == "timeout":
        it.ack("A1")
        it.wait(60)
        assert it.decided("S") == WAITS  # the leader's own has not filled
        leg(it, "H", BUY, HEDGE, "TRADED", price=40, filled=100)
        it.wait(4)
        assert it.decided("S") == WAITS
        it.wait(2)
    assert [one for one in it.taken() if one.leader_order_id == "S"] == []
    assert it.decided("S") == FAILED
    told = [text for text in it.alerts() if "a leg of the basket S in NIFTY failed" in text]
    assert len(told) == 1
    assert "S (SELL 50 CE 2026-09-22) withheld" in told[0]
    assert "H (BUY 50 CE 2026-09-22)" in told[0]


def test_a_hedge_that_is_too_small_for_a_lot_leaves_its_short_leg_unsent() -> None:
    it = desk()
    leg(it, "S", SELL, BODY)
    leg(it, "H", BUY, HEDGE, quantity=5)  # half of it is less than a lot
    assert it.decided("H") == (Decision.REFUSED, Reason.ZERO_QUANTITY)
    it.wait(2)
    assert it.decided("S") == FAILED
    assert it.taken() == []


def test_a_short_leg_fails_that_was_covered_and_is_so_no_more() -> None:
    it = desk()
    spread(it)
    it.wait(2)
    it.ack("A1")
    fills(it, "H", HEDGE, 45, "PART_TRADED")
    it.frame(ALICE, "H1", "TRADED", side=SELL, security_id=HEDGE, quantity=45, filled=45)
    leg(it, "H", BUY, HEDGE, "TRADED", price=20, filled=100)
    it.copied("CANCELLED", order_id="H", security_id=HEDGE, filled=45)
    assert it.decided("S") == FAILED


def test_two_legs_that_he_enlarges_together_grow_the_long_one_first() -> None:
    it = desk()
    spread(it)
    it.wait(2)
    it.ack("A-H")
    fills(it, "H", HEDGE, 45, "PART_TRADED")
    leg(it, "S", SELL, BODY, quantity=80)
    assert rows(it.taken())[-1] == ("S", PLACE)
    it.ack("A-S")
    it.copied("PENDING", order_id="S", security_id=BODY)
    leg(it, "S", SELL, BODY, quantity=200)
    leg(it, "H", BUY, HEDGE, price=20, quantity=200)
    assert rows(it.taken()) == [("H", MODIFY)]
    it.ack()
    fills(it, "H", HEDGE, 100)
    assert it.asked() == [(MODIFY, 100, Decimal(100))]


# --- on_failure -----------------------------------------------------------------------------------------------------


def three(it: Desk) -> None:
    """A spread and a future beside it, all at the broker: the hedge filled, the others open."""
    spread(it)
    leg(it, "F", SELL, FUTURE, price=50)
    it.wait(2)
    it.ack("A-H")
    fills(it, "H", HEDGE)
    it.ack("A-S")
    it.taken()


def test_alert_leaves_the_others_as_they_are() -> None:
    it = desk()
    three(it)
    it.reject(Category.MARGIN)
    it.wait(10)
    assert it.taken() == []
    (told,) = [text for text in it.alerts() if "a leg of the basket" in text]
    assert "nothing is undone" in told
    for part in ("H (BUY 50 CE 2026-09-22) filled, 50 filled", "S (SELL 50 CE 2026-09-22) open", "F (SELL 50 FUTIDX"):
        assert part in told


def test_cancel_rest_cancels_what_is_open_and_keeps_what_filled() -> None:
    it = desk(on_failure="cancel_rest")
    three(it)
    it.reject(Category.MARGIN)
    sent = it.taken()
    assert rows(sent) == [("S", CANCEL)]
    assert "another leg of its basket failed" in it.copy("S").given_up
    it.ack(request=sent[0])
    fills(it, "S", BODY, 10, "CANCELLED")
    it.wait(30)
    assert it.taken() == []
    assert (stake(it, HEDGE).copied, stake(it, BODY).copied) == (50, -10)


def test_unwind_cancels_and_then_closes_what_was_sold_before_what_covers_it() -> None:
    it = desk(on_failure="unwind")
    three(it)
    it.reject(Category.MARGIN)
    (cancel,) = it.taken()
    assert (cancel.leader_order_id, cancel.kind) == ("S", CANCEL)
    it.ack(request=cancel)
    fills(it, "S", BODY, 10, "CANCELLED")
    (back,) = it.taken()
    assert back.desired is not None
    assert (back.desired.side, back.desired.security_id, back.desired.terms.quantity) == (BUY, BODY, 10)
    assert back.desired.terms.order_type is OrderType.MARKET
    it.ack("B1", request=back)
    fills(it, back.leader_order_id, BODY, 10)
    (sold,) = it.taken()
    assert sold.desired is not None
    assert (sold.desired.side, sold.desired.security_id, sold.desired.terms.quantity) == (SELL, HEDGE, 50)
    it.ack("B2", request=sold)
    fills(it, sold.leader_order_id, HEDGE)
    it.wait(60)
    assert it.taken() == []
    assert (stake(it, HEDGE).net, stake(it, BODY).net) == (0, 0)


def test_unwinding_does_not_wait_for_ever_for_what_cannot_be_bought_back() -> None:
    it = desk(on_failure="unwind")
    three(it)
    it.reject(Category.MARGIN)
    (cancel,) = it.taken()
    it.ack(request=cancel)
    fills(it, "S", BODY, 10, "CANCELLED")
    (back,) = it.taken()
    it.reject(Category.PRICE_BAND, request=back)
    it.wait(6)
    assert HEDGE in [one.desired.security_id for one in it.taken() if one.desired]


def test_what_fills_while_it_is_unwound_is_closed_as_well() -> None:
    it = desk(on_failure="unwind")
    three(it)
    it.reject(Category.MARGIN)
    (cancel,) = it.taken()
    it.reject(Category.NO_SUCH_ORDER, request=cancel)
    fills(it, "S", BODY, 50)
    closing = it.taken()
    assert [(one.desired.security_id, one.desired.terms.quantity) for one in closing if one.desired] == [(BODY, 50)]


@pytest.mark.parametrize(("on_failure", "then"), [("alert", [("S", PLACE)]), ("cancel_rest", []), ("unwind", [])])
def test_when_a_leg_is_refused_before_the_window_closes(on_failure: str, then: list[Any]) -> None:
    it = desk(on_failure=on_failure, policy={"limits": {"max_order_value": 2500}})
    leg(it, "F", BUY, FUTURE)
    leg(it, "S", SELL, BODY, price=10)
    it.wait(3)
    assert it.decided("F") == (Decision.REFUSED, "limit_max_order_value")
    assert rows(it.taken()) == then
    assert len([text for text in it.alerts() if "a leg of the basket" in text]) == 1


def test_a_placement_of_unknown_fate_breaks_its_basket_when_it_is_given_up() -> None:
    it = desk(on_failure="cancel_rest")
    spread(it)
    it.wait(2)
    it.answer(Fate.UNKNOWN)
    for _ in range(20):
        it.now += 2 * SECOND
        it.looked(readable=False)
    assert it.decided("H") == (Decision.DEAD, Reason.UNRESOLVED)
    assert it.decided("S") == FAILED
    assert rows(it.taken()) == [("H", PLACE)]


def test_a_broken_basket_stays_broken_after_a_restart_and_is_told_once() -> None:
    it = desk(on_failure="unwind")
    three(it)
    it.reject(Category.MARGIN)
    (cancel,) = it.taken()
    it.alerts()
    it.restart(books=True)
    it.ack(request=cancel)
    fills(it, "S", BODY, 0, "CANCELLED")
    assert [one.desired.security_id for one in it.taken() if one.desired] == [HEDGE]
    assert [text for text in it.alerts() if "a leg of the basket" in text] == []


def test_the_kill_switch_in_the_middle_of_a_basket_breaks_it() -> None:
    it = desk(on_failure="unwind")
    spread(it)
    it.wait(2)
    it.ack("A1")
    it.taken()
    it.kill()
    fills(it, "H", HEDGE)
    assert it.decided("S") == (Decision.REFUSED, Reason.KILL_SWITCH)
    assert [one.desired.security_id for one in it.taken() if one.desired] == [HEDGE]


# --- exits that are there together ------------------------------------------------------------------------------------


def test_of_exits_that_are_there_together_the_short_legs_are_closed_first() -> None:
    it = desk()
    spread(it)
    it.wait(2)
    it.ack("A-H")
    fills(it, "H", HEDGE)
    it.ack("A-S")
    fills(it, "S", BODY)
    leg(it, "H", BUY, HEDGE, "TRADED", price=20, filled=100)
    leg(it, "S", SELL, BODY, "TRADED", filled=100)
    it.taken()
    out: Any = {"status": "TRADED", "order_type": "MARKET", "filled": 100}
    it.books(
        LEADER,
        report(LEADER, "X1", side=SELL, security_id=HEDGE, **out),
        report(LEADER, "X2", side=BUY, security_id=BODY, **out),
    )
    assert [one.desired.security_id for one in it.taken() if one.desired] == [BODY, HEDGE]


def test_a_basket_is_forgotten_after_its_day() -> None:
    it = desk()
    leg(it, "L1", BUY, HEDGE)
    it.wait(2)
    it.ack("A1")
    it.now += 3 * 86_400 * SECOND
    it.books(LEADER)
    assert it.state.tables["basket"] == {}


# --- margin -----------------------------------------------------------------------------------------------------------


class Calculator(Desk):
    """A broker who blocks what is bought at its price, and 1000 rupees for a unit sold, 100 where it is covered."""

    asked_for: list[tuple[tuple[str, Side, int], ...]]

    def required(self, orders: tuple[MarginOrder, ...]) -> Decimal:
        self.asked_for.append(tuple((one.security_id, one.side, one.quantity) for one in orders))
        bought = sum(one.quantity for one in orders if one.side is BUY)
        sold = sum(one.quantity for one in orders if one.side is SELL)
        paid = sum((one.quantity * one.price for one in orders if one.side is BUY), Decimal(0))
        return paid + 100 * min(sold, bought) + 1000 * max(0, sold - bought)

    def tell(self, question: Question) -> None:
        if not isinstance(question, MarginWanted):
            super().tell(question)
        elif "margin" not in self.silent:
            fact = MarginNeed(as_of=self.now, required=self.required(question.orders))
            self.feed(FactArrived(at=self.now, account=question.account, question=question, fact=fact))


def calculator(money: int, margin: str = "basket", **multi_leg: Any) -> Calculator:
    keys = {"window": "2s", "leg_timeout": "5s", "on_failure": "alert", "margin": margin, **multi_leg}
    made = Calculator({"multi_leg": keys, "exits": {"confirm_short": "never"}, "checks": {"margin": True}})
    made.asked_for = []
    made.money[ALICE] = Decimal(money)
    made.instruments.update({f"{one.segment}/{one.security_id}": one for one in CONTRACTS})
    made.start()
    return made


TOGETHER = 50 * 20 + 50 * 100
"""What the spread blocks as one: the hedge's price, and the covered short."""


@pytest.mark.parametrize(("money", "enough"), [(TOGETHER, True), (TOGETHER - 1, False)])
def test_the_legs_margin_is_checked_together_with_hedge_benefit(money: int, enough: bool) -> None:
    it = calculator(money)
    spread(it)
    it.wait(2)
    if enough:
        assert rows(it.taken()) == [("H", PLACE)]
        assert it.copy("S").hold + it.copy("H").hold == TOGETHER
    else:
        assert it.taken() == []
        assert it.decided("H") == (Decision.REFUSED, Reason.INSUFFICIENT_MARGIN)
        assert "2 legs together: 6000.00 required, 5999.00 available" in it.copy("H").detail
        assert it.decided("S") == FAILED
        assert len([text for text in it.alerts() if "a leg of the basket" in text]) == 1


def test_where_the_money_is_not_enough_for_all_legs_none_is_sent() -> None:
    it = calculator(50 * 100 + 50 * 20)
    leg(it, "F", BUY, FUTURE)
    leg(it, "H", BUY, HEDGE, price=21)
    it.wait(2)
    assert it.taken() == []
    assert it.decided("F") == it.decided("H") == (Decision.REFUSED, Reason.INSUFFICIENT_MARGIN)


def test_leg_by_leg_a_short_leg_is_asked_for_when_what_covers_it_is_held() -> None:
    it = calculator(TOGETHER, "leg")
    spread(it)
    it.wait(2)
    it.ack("A1")
    fills(it, "H", HEDGE)
    assert rows(it.taken()) == [("H", PLACE), ("S", PLACE)]
    assert it.asked_for[-2] == ((HEDGE, BUY, 50), (BODY, SELL, 50))


def test_the_answer_is_there_when_the_window_closes() -> None:
    it = calculator(TOGETHER)
    spread(it)
    asked = len(it.asked_for)
    assert it.asked_for[-1] == ((BODY, SELL, 50), (HEDGE, BUY, 50))
    it.wait(2)
    assert len(it.asked_for) == asked
    assert rows(it.taken()) == [("H", PLACE)]


def test_without_an_answer_all_legs_wait_for_it() -> None:
    it = calculator(TOGETHER)
    it.silent = {"margin"}
    spread(it)
    it.wait(3)
    assert it.taken() == []
    assert it.decided("H") == (Decision.QUEUED, Reason.CHECKING)
    it.silent = set()
    it.wait(20)
    it.books(ALICE)
    it.wait(20)
    assert it.decided("S") == WAITS or it.decided("S")[0] is Decision.COPIED


def test_what_is_held_for_a_leg_that_waits_is_not_given_to_another_order() -> None:
    it = calculator(TOGETHER + 5000)
    spread(it)
    it.wait(2)
    it.ack("A1")
    it.money[ALICE] = Decimal(5000 + 5049)  # the hedge is paid for by now
    it.books(ALICE, it.row("PENDING", order_id="H", security_id=HEDGE), after=30 * SECOND)  # new funds are told
    it.taken()
    leg(it, "O", BUY, OTHER, price=101)  # 5050 rupees
    it.wait(2.5)
    assert it.decided("O") == (Decision.REFUSED, Reason.INSUFFICIENT_MARGIN)


def test_a_leg_that_is_withheld_holds_nothing() -> None:
    it = calculator(TOGETHER)
    spread(it)
    it.wait(2)
    it.reject(Category.PRICE_BAND)
    assert it.decided("S") == FAILED
    assert it.copy("S").hold == 0


def test_a_short_leg_that_leaves_later_is_not_asked_for_again() -> None:
    it = calculator(TOGETHER)
    spread(it)
    it.wait(2)
    it.ack("A1")
    it.money[ALICE] = Decimal(1)
    asked = len(it.asked_for)
    fills(it, "H", HEDGE)
    assert [row for row, _ in rows(it.taken())] == ["H", "S"]
    assert len(it.asked_for) == asked


def test_a_single_leg_is_checked_alone() -> None:
    it = calculator(1000)
    leg(it, "H", BUY, HEDGE, price=20)
    it.wait(2)
    assert rows(it.taken()) == [("H", PLACE)]


def test_what_is_held_from_before_counts_beside_the_legs() -> None:
    it = calculator(TOGETHER)
    it.frame(ALICE, "H1", "TRADED", side=BUY, security_id=HEDGE, quantity=5, filled=5)
    leg(it, "L0", BUY, HEDGE, "CANCELLED")
    it.wait(2)
    spread(it)
    it.wait(2)
    assert ((HEDGE, BUY, 5), (BODY, SELL, 50), (HEDGE, BUY, 50)) in it.asked_for
    assert rows(it.taken()) == [("H", PLACE)]


# --- whatever happens -------------------------------------------------------------------------------------------------


class Broken(Desk):
    """A broker to whom anything may happen: the law of baskets is checked at everything that leaves."""

    chance: Random
    legs: dict[str, tuple[Side, str, int]]
    calm = False

    def feed(self, event: Event) -> Step:
        made = super().feed(event)
        for request in self.sent:
            self._lawful(request)
        self.sent = []
        return made

    def _lawful(self, request: Request) -> None:
        """What was sold is covered by what was bought, filled and still there, at any moment."""
        wanted = request.desired
        if request.exit or wanted is None or wanted.side is BUY:
            return
        sold = sum(
            max(copy.filled, sum(slot.asked.quantity for slot in copy.slots if slot.live and slot.sent))
            for copy in self._copies(SELL)
        )
        covered = sum(copy.filled for copy in self._copies(BUY))
        assert sold <= covered, f"{sold} sold, {covered} covered"

    def _copies(self, side: Side) -> list[Copy]:
        found = [one for one in self.state.tables["copy"].values() if isinstance(one, Copy)]
        return [one for one in found if not one.exit and one.wanted is not None and one.wanted.side is side]

    def something(self) -> None:
        what = self.chance.choice(("answer", "answer", "fill", "fill", "fill", "wait", "leader", "restart"))
        if what == "wait":
            self.wait(self.chance.choice((0.2, 1, 3, 8)))
        elif what == "restart" and self.chance.random() < 0.2:
            self.restart(books=True)
        elif what == "leader":
            self._leader_acts()
        elif what == "answer":
            self._answers()
        else:
            self._fills()

    def _leader_acts(self) -> None:
        row = self.chance.choice(list(self.legs))
        side, security_id, units = self.legs[row]
        done = self.state.tables["order"].get(f"{LEADER}/{row}")
        if isinstance(done, Order) and done.over:
            return
        status = self.chance.choice(("TRADED", "TRADED", "CANCELLED"))
        filled = units if status == "TRADED" else 0
        leg(self, row, side, security_id, status, quantity=units, filled=filled, price=20)

    def _answers(self) -> None:
        waiting = [one for one in self.waiting if one.state is not RequestState.QUEUED]
        if not waiting:
            return
        request = self.chance.choice(waiting)
        fate, wanted = self.chance.random(), request.desired
        if request.state is RequestState.UNSETTLED and wanted is not None:  # it turns out to be there
            said: Any = {"correlation_id": request.correlation_id, "terms": wanted.terms, "side": wanted.side}
            self.frame(ALICE, f"F-{request.correlation_id}", security_id=wanted.security_id, **said)
        elif request.kind is not PLACE:
            self.ack(request=request)
        elif fate < 0.75 or request.exit or self.calm:
            self.ack(f"F-{request.correlation_id}", request=request)
        else:
            self.reject(Category.MARGIN, request=request)

    def _fills(self) -> None:
        live = [
            (copy, slot)
            for copy in self.state.tables["copy"].values()
            if isinstance(copy, Copy) and copy.wanted is not None
            for slot in copy.slots
            if slot.live and slot.order_id
        ]
        if not live:
            return
        copy, slot = self.chance.choice(live)
        wanted = copy.wanted
        assert wanted is not None
        cancelling = any(one.kind is CANCEL and one.order_id == slot.order_id for one in self.waiting)
        left = slot.asked.quantity - slot.filled
        units = slot.filled + (left if self.chance.random() < 0.6 else 5 * self.chance.randint(0, left // 5))
        status = "TRADED" if units == slot.asked.quantity else "PART_TRADED" if units else "PENDING"
        if (cancelling or slot.cancel_asked) and (self.calm or self.chance.random() < 0.6):
            units, status = slot.filled, "CANCELLED"
        self.copied(
            status, number=slot.revision, order_id=copy.leader_order_id, filled=units, security_id=wanted.security_id
        )


@tried(150)
@given(st.integers(0, 2**32), st.sampled_from(["alert", "cancel_rest", "unwind"]))
def test_a_short_leg_is_never_sent_beyond_what_covers_it_and_an_unwound_basket_ends_flat(
    seed: int, on_failure: str
) -> None:
    it = Broken(
        {"multi_leg": {"window": "2s", "on_failure": on_failure, "margin": "leg"}, "exits": {"confirm_short": "never"}}
    )
    it.chance, it.legs = Random(seed), {}
    it.instruments.update({f"{one.segment}/{one.security_id}": one for one in CONTRACTS})
    it.start()
    shorts = it.chance.choice((1, 2))
    sold = [10 * it.chance.randint(1, 6) for _ in range(shorts)]
    rows = [("H", BUY, HEDGE, sum(sold) + 10 * it.chance.randint(0, 2))]
    rows += [(f"S{number}", SELL, BODY, units) for number, units in enumerate(sold)]
    it.chance.shuffle(rows)
    for row, side, security_id, units in rows:
        it.legs[row] = (side, security_id, units)
        leg(it, row, side, security_id, quantity=units, price=20)
    for _ in range(60):
        it.something()
    it.calm = True
    for _ in range(100):
        it._answers()
        it._fills()
        it.wait(1)
    broken = [one for one in it.state.tables["basket"].values() if isinstance(one, BasketRecord) and one.failed]
    if broken and on_failure == "unwind":
        found = [one for one in it.state.tables["position"].values() if isinstance(one, Position)]
        assert {one.security_id: one.net for one in found if one.account == ALICE and one.net} == {}
