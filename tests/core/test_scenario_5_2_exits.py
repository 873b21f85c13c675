"""Scenario 5.2 of exits: an exit is not given up while the leader's position asks for it. And 4.13, again and again."""

from decimal import Decimal

import pytest

from copyctl.model.reasons import Category, Reason, rejected
from copyctl.model.request import Fate
from copyctl.model.terms import Decision, Level, OrderType, Side
from tests.core.building import ALICE, SECOND, Desk
from tests.core.exits_desk import (
    CANCEL,
    MODIFY,
    PLACE,
    entered,
    enters,
    fills,
    kinds,
    rests,
    said_of,
    sells,
    stake,
)

MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT


def test_scenario_5_2_an_exit_that_the_broker_could_not_take_is_retried_and_not_given_up() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    for _ in range(12):
        assert kinds(desk) == [PLACE]
        desk.reject(Category.CONNECTIVITY)
        desk.wait(6)
    desk.ack("X1")
    assert desk.decided("L2") == (Decision.COPIED, None)


@pytest.mark.parametrize("category", [Category.PRICE_BAND, Category.TICK, Category.UNKNOWN, Category.INPUT])
def test_scenario_5_2_a_resting_exit_that_is_refused_for_good_is_a_dead_letter_until_the_leader_changes_his(
    category: Category,
) -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.reject(category)
    assert desk.decided("L2") == (Decision.DEAD, rejected(category))
    assert [one.level for one in desk.notices if "cannot rest" in one.text] == [Level.CRITICAL]
    desk.taken()
    desk.wait(120)
    assert desk.taken() == []
    sells(desk, quantity=100, price=109)
    assert desk.asked() == [(PLACE, 50, Decimal(109))]
    assert desk.decided("L2") == (Decision.COPIED, None)


def test_scenario_5_2_a_dead_letter_goes_at_the_market_once_the_leader_trades_his() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.reject(Category.PRICE_BAND)
    desk.taken()
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    (placed,) = desk.taken()
    assert said_of(placed) == (PLACE, Side.SELL, MARKET, 50)


def test_scenario_5_2_a_market_exit_is_sent_again_every_five_seconds() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.reject(Category.BLOCKED)
    assert desk.decided("L2") == (Decision.QUEUED, Reason.RETRYING)
    for _ in range(4):
        desk.taken()
        desk.wait(4)
        assert desk.taken() == []
        desk.wait(2)
        assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
        desk.reject(Category.BLOCKED)


def test_scenario_5_2_an_exit_refused_because_the_market_does_not_trade_is_tried_once_a_minute() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.reject(Category.SESSION)
    desk.taken()
    desk.wait(59)
    assert desk.taken() == []
    desk.wait(2)
    assert len(desk.taken()) == 1


@pytest.mark.parametrize(
    ("category", "reason"), [(Category.SESSION, Reason.RETRYING), (Category.HALT, Reason.INSTRUMENT_HALTED)]
)
def test_scenario_5_2_a_resting_exit_refused_because_the_market_does_not_trade_is_tried_once_a_minute(
    category: Category, reason: Reason
) -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.reject(category)
    assert desk.decided("L2") == (Decision.QUEUED, reason)
    desk.taken()
    desk.wait(59)
    assert desk.taken() == []
    desk.wait(2)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_5_2_a_stop_whose_trigger_is_crossed_goes_at_the_market_once_the_leaders_has_triggered() -> None:
    desk = entered()
    stop = {"quantity": 100, "order_type": "STOP_LOSS", "price": 89, "trigger": 90}
    sells(desk, **stop)
    desk.reject(Category.TRIGGER)
    assert desk.decided("L2") == (Decision.DEAD, rejected(Category.TRIGGER))
    desk.taken()
    sells(desk, status="TRIGGERED", **stop)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
    desk.reject(Category.UNKNOWN)
    desk.taken()
    desk.wait(6)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]


# --- margin and holdings --------------------------------------------------------------------------------------------


def beside_a_stop() -> Desk:
    """The leader's stop rests for half of the position, ours too; then he sells the other half at the market."""
    desk = entered()
    rests(desk, "L2", quantity=50, order_type="STOP_LOSS", price=89, trigger=90)
    sells(desk, "L3", "TRADED", quantity=50, order_type="MARKET", filled=50)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 25)]
    return desk


def test_scenario_5_2_for_want_of_margin_the_other_exits_are_cut_and_it_is_sent_once_more() -> None:
    desk = beside_a_stop()
    desk.reject(Category.MARGIN)
    assert kinds(desk) == [CANCEL]
    desk.wait(6)
    assert kinds(desk) == []  # not before the cut is confirmed
    desk.copied("CANCELLED", order_id="L2")
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 25)]
    desk.ack("X3")
    fills(desk, "L3", filled=25)
    assert [said_of(one)[1:] for one in desk.taken()] == [(Side.SELL, OrderType.STOP_LOSS, 25)]  # the stop is put back


def test_scenario_5_2_refused_once_more_the_others_are_put_back_and_it_is_retried() -> None:
    desk = beside_a_stop()
    desk.reject(Category.HOLDINGS)
    desk.taken()
    desk.copied("CANCELLED", order_id="L2")
    desk.taken()
    desk.reject(Category.HOLDINGS)
    assert [said_of(one)[2:] for one in desk.taken()] == [(OrderType.STOP_LOSS, 25)]
    desk.ack("X2-again")
    desk.wait(6)
    assert [said_of(one)[2:] for one in desk.taken()] == [(MARKET, 25)]
    desk.reject(Category.HOLDINGS, request=desk.last)
    desk.wait(4)
    assert kinds(desk) == []  # the stop stays where it is


def test_scenario_5_2_a_resting_exit_refused_for_margin_waits_as_an_alternative() -> None:
    desk = entered()
    rests(desk, "L2", quantity=50, order_type="STOP_LOSS", price=89, trigger=90)
    sells(desk, "L3", quantity=50, price=120)
    desk.reject(Category.MARGIN)
    assert desk.decided("L3") == (Decision.QUEUED, Reason.EXIT_ALTERNATIVE)
    desk.taken()
    desk.wait(120)
    assert kinds(desk) == []
    sells(desk, "L2", "CANCELLED", quantity=50, order_type="STOP_LOSS", price=89, trigger=90)
    desk.taken()
    desk.copied("CANCELLED", order_id="L2")
    assert desk.asked() == [(PLACE, 25, Decimal(120))]


# --- 4.13 -----------------------------------------------------------------------------------------------------------


def lagging(**policy: object) -> Desk:
    """The leader's exit has traded, the follower's rests and does not."""
    desk = entered(**policy)
    rests(desk, quantity=100, price=110)
    sells(desk, status="TRADED", quantity=100, price=110, filled=100)
    desk.taken()
    return desk


def test_scenario_4_13_where_the_broker_refuses_to_turn_it_it_is_cancelled_and_leaves_at_the_market() -> None:
    desk = lagging()
    desk.wait(31)
    assert [said_of(one)[0] for one in desk.taken()] == [MODIFY]
    desk.reject(Category.INPUT)
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2")
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]


def test_scenario_4_13_what_still_rests_is_asked_for_again_with_every_deadline() -> None:
    desk = lagging()
    desk.wait(31)
    desk.taken()
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2", order_type="LIMIT", price=88, quantity=50)  # the exchange's protected limit
    for _ in range(3):
        desk.wait(20)
        assert kinds(desk) == []
        desk.wait(11)
        assert [said_of(one) for one in desk.taken()] == [(MODIFY, Side.SELL, MARKET, 50)]
        desk.ack("X-L2")


def test_scenario_4_13_without_a_lag_action_it_is_told_and_left_to_rest() -> None:
    desk = lagging(exits={"lag_action": "none"})
    desk.wait(120)
    assert kinds(desk) == []
    assert any("are open after" in one.text for one in desk.notices)


def test_scenario_4_13_only_what_is_owed_is_hurried_and_the_rest_goes_on_resting() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    sells(desk, status="PART_TRADED", quantity=100, price=110, filled=40)
    desk.taken()
    desk.wait(31)
    assert desk.asked() == [(MODIFY, 30, Decimal(110))]
    desk.ack("X-L2")
    desk.taken()
    desk.copied("PENDING", order_id="L2", number=0)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 20)]


def test_scenario_4_13_an_ioc_exit_that_expired_leaves_at_the_market_for_what_it_lacks() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110, validity="IOC")
    desk.taken()
    desk.ack("X1")
    fills(desk, status="EXPIRED", filled=20)
    assert kinds(desk) == []  # his is not over, as far as we know
    sells(desk, status="TRADED", quantity=100, price=110, validity="IOC", filled=100)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 30)]


def test_scenario_4_13_an_exit_whose_fate_is_unknown_is_not_sent_a_second_time() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.taken()
    desk.answer(Fate.UNKNOWN)
    for _ in range(4):
        desk.wait(1)
        desk.looked()
        assert kinds(desk) == []
    desk.wait(2)
    desk.looked()
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
    assert desk.copy("L2").slots[0].correlation_id != desk.copy("L2").slots[1].correlation_id


def test_scenario_4_13_what_a_person_cancelled_is_not_placed_again_but_leaves_when_the_leaders_trades() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    desk.copied("CANCELLED", order_id="L2")
    desk.wait(60)
    assert kinds(desk) == []
    assert "by hand" in desk.copy("L2").drift
    sells(desk, status="PART_TRADED", quantity=100, price=110, filled=40)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 20)]


def test_scenario_2_7_a_change_of_an_exit_that_is_refused_leaves_it_as_it_is_and_says_so() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    sells(desk, quantity=100, price=109)
    assert desk.asked() == [(MODIFY, 50, Decimal(109))]
    desk.reject(Category.PRICE_BAND)
    desk.wait(60)
    assert kinds(desk) == []
    assert "a modification was refused" in desk.copy("L2").drift


def test_scenario_2_7_a_cut_of_an_exit_that_is_refused_ends_it() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    sells(desk, quantity=40, price=110)
    assert desk.asked() == [(MODIFY, 20, Decimal(110))]
    desk.reject(Category.INPUT)
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2")
    assert desk.asked() == [(PLACE, 20, Decimal(110))]


def test_scenario_2_6_an_exit_that_was_changed_25_times_is_placed_anew_and_never_offers_more() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    for step in range(25):
        sells(desk, quantity=100, price=111 + step)
        desk.ack("X-L2")
    assert kinds(desk) == [MODIFY] * 25
    sells(desk, quantity=100, price=200)
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2", number=0)
    assert desk.asked() == [(PLACE, 50, Decimal(200))]


def test_the_room_of_a_cut_counts_only_when_the_broker_shows_it() -> None:
    desk = entered()
    rests(desk, "L2", quantity=100, price=110)
    sells(desk, "L2", quantity=50, price=110)
    sells(desk, "L3", quantity=50, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.asked() == [(MODIFY, 25, Decimal(110))]
    desk.ack("X-L2")
    desk.wait(1)
    assert kinds(desk) == []  # taken is not done
    desk.copied("PENDING", order_id="L2")
    assert desk.asked() == [(PLACE, 25, Decimal(89))]


def test_the_room_of_a_cut_waits_while_a_change_before_it_may_still_take_place() -> None:
    desk = entered()
    rests(desk, "L2", quantity=60, price=110)
    sells(desk, "L2", quantity=80, price=110)
    assert desk.asked() == [(MODIFY, 40, Decimal(110))]
    desk.answer(Fate.UNKNOWN)
    sells(desk, "L2", quantity=20, price=110)
    desk.books(ALICE, desk.row(order_id="L2", quantity=30, price=110), after=SECOND // 2)
    assert desk.asked() == [(MODIFY, 10, Decimal(110))]
    desk.ack("X-L2")
    desk.books(ALICE, desk.row(order_id="L2"), after=SECOND // 10)
    sells(desk, "L3", quantity=80, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.asked() == [(PLACE, 10, Decimal(89))]  # the change to 40 may have been hidden, and come now
    desk.ack("X-L3")
    desk.books(ALICE, desk.row(order_id="L2"), desk.row(order_id="L3"), after=SECOND // 10)
    assert kinds(desk) == []
    desk.books(ALICE, desk.row(order_id="L2"), desk.row(order_id="L3"), after=3 * SECOND)
    assert desk.asked() == [(MODIFY, 40, Decimal(89))]


def test_the_book_is_read_where_nothing_shows_a_cut_and_its_room_is_waited_for() -> None:
    desk = entered()
    rests(desk, "L2", quantity=100, price=110)
    sells(desk, "L2", quantity=50, price=110)
    sells(desk, "L3", quantity=50, order_type="STOP_LOSS", price=89, trigger=90)
    assert desk.asked() == [(MODIFY, 25, Decimal(110))]
    desk.ack("X-L2")
    desk.reads(ALICE)
    desk.wait(2.1)
    assert desk.reads(ALICE)
    desk.books(ALICE, desk.row(order_id="L2"))
    desk.wait(1)
    assert desk.asked() == [(PLACE, 25, Decimal(89))]


def test_an_exit_in_flight_of_unknown_id_that_fills_is_no_trade_by_hand() -> None:
    desk = entered()
    sells(desk, quantity=50, price=110)
    desk.frame(
        desk.accounts[1], "X1", "TRADED", side=Side.SELL, quantity=25, price=110, filled=25
    )  # tells no id of ours
    assert stake(desk).copied == 50
    desk.ack("X1")
    assert (stake(desk).copied, stake(desk).net) == (25, 25)
    sells(desk, status="TRADED", quantity=50, price=110, filled=50)
    assert (stake(desk).copied, stake(desk).target) == (25, 25)


def test_two_entries_on_both_sides_in_one_day_are_closed_each_on_its_own_side() -> None:
    desk = Desk().start()
    enters(desk, "L1", 100, Side.SELL, price=100)
    desk.books(desk.accounts[0])
    desk.leader("L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.taken()
    desk.ack("X2")
    fills(desk, "L2", filled=50)
    assert stake(desk).net == 0
    desk.now += 100 * SECOND
    enters(desk, "L3", 100)
    sells(desk, "L4", quantity=100, price=120)
    assert desk.asked() == [(PLACE, 50, Decimal(120))]
