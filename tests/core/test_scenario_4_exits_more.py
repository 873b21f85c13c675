"""Scenarios 2.1 to 2.4, 3.1, 4.6 to 4.11, 5.1 and 9.5: exits in odd company."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.reasons import Reason
from copyctl.model.terms import Decision, OrderType, Product, Side
from tests.core.building import ALICE, LEADER, SECOND, Desk, held, report
from tests.core.exits_desk import (
    CANCEL,
    MODIFY,
    PLACE,
    by_hand,
    entered,
    enters,
    fills,
    kinds,
    lead,
    own_row,
    price_of,
    rests,
    said_of,
    sells,
    stake,
)

MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
STOP: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 89, "trigger": 90}


# --- 4.6: the share -------------------------------------------------------------------------------------------------


def test_scenario_4_6_a_third_of_a_position_is_a_third_though_it_has_no_end_in_decimals() -> None:
    desk = entered(30)  # the follower holds 15
    sells(desk, "L2", "TRADED", quantity=10, price=110, filled=10)
    assert desk.asked() == [(PLACE, 5, Decimal(110))]
    desk.ack("X2")
    fills(desk, filled=5)
    sells(desk, "L3", "TRADED", quantity=10, price=110, filled=10)
    assert desk.asked() == [(PLACE, 5, Decimal(110))]


def test_scenario_4_6_a_position_in_another_product_of_his_own_is_not_touched() -> None:
    desk = Desk(
        {
            "filters": {
                "rules": [{"name": "mis", "match": {"product": ["INTRADAY"]}, "action": "copy"}],
                "default": "skip",
            }
        }
    )
    desk.start()
    enters(desk, "L1", 100)
    desk.leader("L2", "TRADED", quantity=100, filled=100, product=Product.MARGIN)
    desk.taken()
    sells(desk, "L3", "TRADED", quantity=100, filled=100, product=Product.MARGIN)
    assert kinds(desk) == []
    assert stake(desk).copied == 50
    assert desk.decided("L3")[0] in (Decision.REFUSED, Decision.SKIPPED)


def test_scenario_4_6_two_products_of_his_that_are_one_for_the_follower_are_one_position() -> None:
    desk = Desk({"mapping": {"product": {"MARGIN": "INTRADAY"}}}).start()
    enters(desk, "L1", 100)
    enters(desk, "L2", 100, product=Product.MARGIN)
    assert stake(desk).copied == 100
    sells(desk, "L3", "TRADED", quantity=100, price=110, filled=100)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


def test_scenario_4_8_what_he_converted_in_part_is_closed_by_its_share_in_the_product_that_is_held() -> None:
    desk = entered()
    rows = (held("43210", 50, carried=0), held("43210", 50, product=Product.MARGIN, carried=0))
    desk.held[LEADER] = rows
    for _ in range(3):
        desk.books(LEADER, report(LEADER, "L1", "TRADED", quantity=100, filled=100), after=20 * SECOND)
        desk.books(ALICE, after=SECOND)
    assert stake(desk, LEADER, Product.MARGIN).net == 50
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=50, price=110, filled=50, product=Product.MARGIN)
    (placed,) = desk.taken()
    assert placed.desired is not None
    assert said_of(placed) == (PLACE, Side.SELL, LIMIT, 25)
    assert placed.desired.product is Product.INTRADAY


def test_scenario_4_6_what_he_had_before_the_follower_came_is_closed_last() -> None:
    desk = Desk()
    desk.held[LEADER] = (held("43210", 100),)
    desk.start()
    enters(desk, "L1", 100)
    assert (stake(desk, LEADER).net, stake(desk).copied) == (200, 50)
    sells(desk, "L2", "TRADED", quantity=50, price=110, filled=50)
    assert desk.asked() == [(PLACE, 25, Decimal(110))]
    desk.ack("X2")
    fills(desk, "L2", filled=25)
    sells(desk, "L3", "TRADED", quantity=50, price=111, filled=50)
    assert desk.asked() == [(PLACE, 25, Decimal(111))]
    desk.ack("X3")
    fills(desk, "L3", filled=25)
    sells(desk, "L4", "TRADED", quantity=100, price=112, filled=100)
    assert kinds(desk) == []


def test_scenario_4_6_an_exit_the_share_of_which_is_less_than_a_lot_goes_with_the_next() -> None:
    desk = entered(20)  # 10 units in lots of 5
    sells(desk, "L2", "TRADED", quantity=5, price=110, filled=5)
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.REFUSED, Reason.ZERO_QUANTITY)
    sells(desk, "L3", "TRADED", quantity=15, price=111, filled=15)
    assert sum(said_of(one)[3] for one in desk.taken()) == 10


# --- his own changes of an exit -------------------------------------------------------------------------------------


def test_scenario_2_1_an_exit_follows_its_quantity_up_and_down() -> None:
    desk = entered()
    rests(desk, quantity=50, price=110)
    sells(desk, quantity=80, price=110)
    assert desk.asked() == [(MODIFY, 40, Decimal(110))]
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    sells(desk, quantity=20, price=110)
    assert desk.asked() == [(MODIFY, 10, Decimal(110))]


def test_scenario_4_11_an_exit_raised_beyond_his_position_becomes_an_exit_and_an_entry() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    sells(desk, quantity=160, price=110)
    desk.books(LEADER, report(LEADER, "L2", side=Side.SELL, quantity=160, price=110))
    assert kinds(desk) == []
    assert desk.decided("L2#entry") == (Decision.QUEUED, Reason.EXIT_OPEN)
    fills(desk, "L2", filled=50)
    assert desk.asked() == [(PLACE, 30, Decimal(110))]


def test_scenario_2_4_an_exit_turned_to_the_market_is_turned() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    sells(desk, quantity=100, order_type="MARKET")
    assert [said_of(one) for one in desk.taken()] == [(MODIFY, Side.SELL, MARKET, 50)]


def test_scenario_2_4_a_stop_that_triggers_for_him_is_nothing_to_send() -> None:
    desk = entered()
    rests(desk, quantity=100, **STOP)
    sells(desk, status="TRIGGERED", quantity=100, **STOP)
    sells(desk, quantity=100, price=89)
    assert kinds(desk) == []


def test_scenario_3_1_a_cancelled_exit_is_cancelled_and_what_filled_ahead_is_told() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    fills(desk, status="PART_TRADED", filled=20)
    sells(desk, status="CANCELLED", quantity=100, price=110)
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2", filled=20)
    assert "closed 20 where" in desk.copy("L2").drift
    sells(desk, "L3", "TRADED", quantity=100, price=111, filled=100)
    assert desk.asked() == [(PLACE, 30, Decimal(111))]


def test_scenario_3_1_an_exit_that_is_cancelled_before_ours_left_the_queue_says_so() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    enters(desk, "L1", 100)
    sells(desk, "L2", quantity=40, price=110)
    sells(desk, "L3", quantity=40, price=111)
    assert desk.decided("L3") == (Decision.QUEUED, Reason.RATE_LIMIT)
    sells(desk, "L3", "CANCELLED", quantity=40, price=111)
    assert desk.decided("L3") == (Decision.SKIPPED, Reason.LEADER_OVER)
    assert kinds(desk) == [PLACE]


def test_scenario_5_1_an_exit_of_his_that_is_rejected_is_cancelled() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    desk.books(LEADER, report(LEADER, "L2", "REJECTED", side=Side.SELL, quantity=100, price=110, text="no"))
    assert kinds(desk) == [CANCEL]
    sells(desk, "L3", "REJECTED", quantity=100, price=110)
    assert desk.decided("L3")[1] in (Reason.LEADER_REJECTED, Reason.CHECKING)


def test_scenario_7_4_an_exit_that_is_over_without_a_fill_when_first_seen_has_a_row_that_says_so() -> None:
    desk = entered()
    sells(desk, status="CANCELLED", quantity=100, price=110)
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.SKIPPED, Reason.LEADER_OVER)


# --- 4.7 ------------------------------------------------------------------------------------------------------------


def test_scenario_4_7_an_exit_first_seen_before_his_positions_were_known_is_sent_once_they_are() -> None:
    desk = Desk({"join": "shared"})
    desk.silent = {LEADER}
    desk.held[ALICE] = (held("43210", 50),)
    desk.start()
    sells(desk, "L1", quantity=100, price=110)
    assert desk.decided("L1") == (Decision.QUEUED, Reason.CHECKING)
    desk.silent.clear()
    desk.held[LEADER] = (held("43210", 100),)
    desk.wait(60)
    desk.books(LEADER, report(LEADER, "L1", side=Side.SELL, quantity=100, price=110))
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, LIMIT, 50)]
    assert desk.copy("L1").exit


def test_scenario_4_7_a_sale_that_seemed_to_open_a_short_is_an_exit_once_his_book_shows_what_he_had() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.leader("L1", "CANCELLED", quantity=100)  # an old word, as it turns out
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    assert desk.decided("L2") == (Decision.QUEUED, Reason.CHECKING)
    desk.books(
        LEADER,
        report(LEADER, "L1", "TRADED", quantity=100, filled=100),
        report(LEADER, "L2", "TRADED", side=Side.SELL, quantity=100, order_type="MARKET", filled=100),
    )
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]
    assert desk.copy("L2").exit


# --- 4.9 ------------------------------------------------------------------------------------------------------------


def test_scenario_4_9_what_had_filled_of_an_entry_that_was_cut_is_closed_too() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    assert kinds(desk) == [CANCEL]
    assert desk.decided("L2") == (Decision.COPIED, Reason.ENTRY_CUT)
    desk.copied("CANCELLED", filled=20)  # the cancel came too late for 20
    assert sum(said_of(one)[3] for one in desk.taken()) == 20
    assert desk.copy("L1").cut == 30


def test_scenario_4_9_what_was_taken_from_an_entry_and_had_filled_is_closed_when_the_leader_ends_his() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100)
    desk.ack("A1")
    desk.leader("L1", "PART_TRADED", quantity=100, filled=80)
    desk.copied("PART_TRADED", filled=35)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=80, price=110, filled=80)
    exit_, change = desk.taken()
    assert (said_of(exit_)[3], said_of(change)[3]) == (35, 45)
    desk.ack("X2", request=exit_)
    desk.copied("TRADED", filled=45)
    assert kinds(desk) == []  # 10 are ahead of the 20 that still rest for him
    desk.leader("L1", "CANCELLED", quantity=100, filled=80)
    assert desk.asked() == [(MODIFY, 40, Decimal(110))]


def test_scenario_4_9_where_only_what_trades_is_copied_what_had_filled_of_a_cut_entry_is_closed() -> None:
    desk = Desk({"copy_on": "traded"}).start()
    desk.leader("L1", "PART_TRADED", quantity=100, filled=80)
    desk.ack("A1")
    desk.copied("PART_TRADED", filled=35)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=80, price=110, filled=80)
    assert [one.kind for one in desk.taken()][-1] is PLACE
    desk.copied("TRADED", filled=40)  # nothing of it can be ahead of him
    assert stake(desk).target == 0


def test_scenario_4_9_an_entry_that_has_no_size_yet_gives_way_to_an_exit() -> None:
    desk = Desk()
    desk.start(books=False)
    for account in (LEADER,):
        desk.books(account)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    assert desk.decided("L1") == (Decision.QUEUED, Reason.CHECKING)  # the follower's book was not read yet
    sells(desk, "L2", "TRADED", quantity=60, price=110, filled=60)
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 20, Decimal(100))]  # q(40)
    assert desk.decided("L2") == (Decision.COPIED, Reason.ENTRY_CUT)


def test_scenario_4_2_an_exit_that_fills_before_his_is_seen_stays_copied() -> None:
    desk = entered()
    sells(desk, "L2", quantity=60, order_type="MARKET")
    desk.ack("X2")
    fills(desk, "L2", filled=30)
    assert desk.decided("L2") == (Decision.COPIED, None)
    desk.leader("L2", "TRADED", side=Side.SELL, quantity=60, filled=60, order_type="MARKET")
    assert desk.decided("L2") == (Decision.COPIED, None)
    assert stake(desk).copied == 20


@pytest.mark.parametrize("filled", [0, 40])
def test_scenario_4_9_what_was_taken_from_an_entry_does_not_come_back_when_his_order_turns_out_to_close(
    filled: int,
) -> None:
    desk = Desk({"exits": {"confirm_short": "never"}})
    desk.held = {LEADER: (held("43210", -100),)}
    desk.start()
    stop: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 111, "trigger": 110}
    desk.leader("L1", quantity=300, **stop)  # 100 close what he is short, 200 open
    assert [said_of(one)[3] for one in desk.taken()] == [100]
    desk.ack("A1")
    desk.copied("PENDING", order_id="L1#entry", **stop)
    desk.leader("L2", "TRADED", side=Side.SELL, quantity=400, filled=400, order_type="MARKET")
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L1#entry", filled=filled, **stop)
    while sent := [
        one for one in desk.taken() if one.leader_order_id in ("L2", "L2#entry")
    ]:  # what had filled is closed, then he is followed into his short
        desk.ack(f"A{desk.now}", request=sent[0])
        fills(desk, sent[0].leader_order_id, filled=said_of(sent[0])[3])
    assert stake(desk).copied == -100
    desk.leader("L1", "PART_TRADED", quantity=300, filled=100, **stop)  # of the 500 that he is short by now
    desk.wait(5)
    assert [one for one in desk.taken() if one.leader_order_id == "L1#entry"] == []


def test_scenario_4_9_an_entry_without_a_size_that_he_has_closed_again_is_not_placed() -> None:
    desk = Desk()
    desk.start(books=False)
    desk.books(LEADER)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    desk.books(ALICE)
    assert kinds(desk) == []
    assert desk.decided("L1") == (Decision.SKIPPED, Reason.LEADER_FLAT)


def test_scenario_4_9_an_exit_that_waits_for_an_entry_that_dies_has_nothing_to_close() -> None:
    desk = Desk().start()
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    desk.ack("A1")
    sells(desk, quantity=100, price=110)
    assert desk.decided("L2") == (Decision.QUEUED, Reason.ENTRY_OPEN)
    desk.copied("CANCELLED")
    assert desk.decided("L2") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


def test_scenario_4_9_what_filled_ahead_of_an_entry_that_still_rests_for_him_is_no_part_of_his_exit() -> None:
    desk = entered()
    desk.leader("L3", quantity=100, price=99)
    desk.ack("A3")
    desk.copied("TRADED", order_id="L3", filled=50)  # 8.3: the follower is first
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    desk.ack("X2")
    fills(desk, "L2", filled=50)
    assert (stake(desk).copied, stake(desk).target) == (50, 50)


# --- 4.10 and 9.5 ---------------------------------------------------------------------------------------------------


def test_scenario_4_10_what_a_person_closed_nobody_closes_again() -> None:
    desk = entered()
    rests(desk, quantity=50, price=110)
    sells(desk, status="TRADED", quantity=50, price=110, filled=50)
    by_hand(desk, 30)  # 20 are left, and 25 ought to be
    assert kinds(desk) == [CANCEL]
    desk.copied("CANCELLED", order_id="L2")
    desk.now += SECOND
    enters(desk, "L3", 100)
    assert stake(desk).copied == 70
    sells(desk, "L4", "TRADED", quantity=75, price=120, filled=75)
    (placed,) = desk.taken()
    assert price_of(placed) == 120  # the old exit asks for nothing any more


def test_scenario_4_10_an_exit_that_filled_when_a_person_had_closed_already_is_bought_back() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    by_hand(desk, 50)
    assert kinds(desk) == [CANCEL]
    fills(desk, filled=50)
    assert stake(desk).net == -50
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.BUY, MARKET, 50)]
    assert own_row(desk).exit


def test_scenario_9_5_with_the_whole_account_the_share_is_of_all_that_is_there() -> None:
    desk = entered(exits={"base": "account"})
    by_hand(desk, 50, Side.BUY)
    sells(desk, "L2", "TRADED", quantity=50, price=110, filled=50)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
    desk.ack("X2")
    fills(desk, "L2", filled=50)
    sells(desk, "L3", "TRADED", quantity=50, price=111, filled=50)
    assert desk.asked() == [(PLACE, 50, Decimal(111))]
    desk.ack("X3")
    fills(desk, "L3", filled=50)
    assert stake(desk).net == 0
    by_hand(desk, 30, Side.BUY)  # what he buys once the leader is flat is his
    assert kinds(desk) == []


# --- 4.11 -----------------------------------------------------------------------------------------------------------


def test_scenario_4_11_what_filled_of_a_reversal_stays_an_entry_when_he_turns_again() -> None:
    desk = entered(30)
    sells(desk, "L2", "TRADED", quantity=60, price=100, filled=60)
    desk.leader("L3", "TRADED", quantity=50, order_type="MARKET", filled=50)
    sells(desk, "L2", "TRADED", quantity=60, price=100, filled=60)
    assert lead(desk, "L2").exits == 30


def test_scenario_4_11_an_entry_on_the_other_side_waits_until_the_exit_has_filled() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.ack("X2")
    desk.taken()
    sells(desk, "L3", quantity=60, price=110)
    desk.books(LEADER, report(LEADER, "L3", side=Side.SELL, quantity=60, price=110))
    assert kinds(desk) == []
    assert desk.decided("L3") == (Decision.QUEUED, Reason.EXIT_OPEN)
    fills(desk, "L2", filled=50)
    assert desk.asked() == [(PLACE, 30, Decimal(110))]
