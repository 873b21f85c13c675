"""Scenarios 4.12, 6.7, 7.7, 7.11, 9.1 and 9.8: the ways to exit, their prices, restarts and unknown fates."""

from decimal import Decimal
from typing import Any

from copyctl.model.reasons import Reason
from copyctl.model.request import Fate
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, LEADER, SECOND, Desk, report
from tests.core.exits_desk import (
    CANCEL,
    MODIFY,
    PLACE,
    by_hand,
    entered,
    fills,
    kinds,
    own_row,
    price_of,
    rests,
    said_of,
    sells,
    stake,
)

MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
STOP: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 89, "trigger": 90}


# --- 4.12 -----------------------------------------------------------------------------------------------------------


def both_rest(**policy: Any) -> Desk:
    desk = entered(exits={"alternatives": "all"}, **policy)
    sells(desk, "L2", quantity=100, price=120)
    assert [said_of(one)[2:] for one in desk.taken()] == [(LIMIT, 50)]
    desk.ack("X2")
    sells(desk, "L3", quantity=100, **STOP)
    assert [said_of(one)[2:] for one in desk.taken()] == [(OrderType.STOP_LOSS, 50)]
    desk.ack("X3")
    return desk


def test_scenario_4_12_with_all_alternatives_both_rest_and_when_one_fills_the_other_is_cut_at_once() -> None:
    desk = both_rest()
    fills(desk, "L2", "PART_TRADED", filled=20)
    assert [said_of(one)[0::3] for one in desk.taken()] == [(MODIFY, 30)]
    desk.ack("X3")
    fills(desk, "L2", filled=50)
    assert kinds(desk) == [CANCEL]


def test_scenario_4_12_where_both_have_filled_the_excess_is_closed_at_once() -> None:
    desk = both_rest()
    fills(desk, "L2", filled=50)
    assert kinds(desk) == [CANCEL]
    fills(desk, "L3", filled=50)
    assert stake(desk).net == -50
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.BUY, MARKET, 50)]
    desk.ack("X4")
    desk.copied("TRADED", order_id=own_row(desk).leader_order_id, filled=50)
    assert (stake(desk).net, stake(desk).copied) == (0, 0)


# --- how exits are sized, and whether --------------------------------------------------------------------------------


def test_exits_sized_like_orders_close_what_an_entry_of_so_many_would_be() -> None:
    desk = entered(exits={"proportion": "order"})
    by_hand(desk, 10)  # 40 are left
    sells(desk, "L2", quantity=40, price=110)
    assert desk.asked() == [(PLACE, 20, Decimal(110))]  # q(40), and not 40 % of 40
    desk.ack("X2")
    for filled in (10, 20, 40):
        sells(desk, "L2", "TRADED" if filled == 40 else "PART_TRADED", quantity=40, price=110, filled=filled)
    assert kinds(desk) == []
    fills(desk, "L2", filled=20)
    sells(desk, "L3", "TRADED", quantity=60, price=111, filled=60)
    assert desk.asked() == [(PLACE, 20, Decimal(111))]  # it makes him flat: everything


SKIP_SELLS = {"rules": [{"name": "no sells", "match": {"side": ["SELL"]}, "action": "skip"}]}


def test_without_always_copy_a_filter_may_stop_an_exit() -> None:
    desk = entered(exits={"always_copy": False}, filters=SKIP_SELLS)
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.SKIPPED, Reason.FILTERED)
    assert (stake(desk).copied, stake(desk).target) == (50, 50)


def test_without_always_copy_what_had_traded_unseen_is_late_as_an_entry_would_be() -> None:
    desk = entered(exits={"always_copy": False})
    row = report(LEADER, "L2", "TRADED", side=Side.SELL, quantity=100, price=110, filled=100)
    from msgspec.structs import replace

    desk.books(LEADER, replace(row, broker_time=desk.now // SECOND * SECOND - 60 * SECOND))
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.SKIPPED, Reason.LATE)


def test_without_always_copy_an_exit_that_cannot_be_mapped_is_refused() -> None:
    desk = entered(exits={"always_copy": False}, mapping={"validity": {"IOC": "skip"}})
    sells(desk, quantity=100, price=110, validity="IOC")
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.REFUSED, Reason.UNSUPPORTED_VALIDITY)


def test_scenario_4_2_where_only_what_trades_is_copied_an_exit_goes_as_it_trades_at_his_limit() -> None:
    desk = entered(copy_on="traded")
    sells(desk, "L2", quantity=100, price=110)
    assert kinds(desk) == []
    sells(desk, "L2", "PART_TRADED", quantity=100, price=110, filled=40)
    assert desk.asked() == [(PLACE, 20, Decimal(110))]
    desk.ack("X2")
    fills(desk, "L2", filled=20)
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    assert desk.asked() == [(PLACE, 30, Decimal(110))]


# --- prices ---------------------------------------------------------------------------------------------------------

GUARD = {"exit_bps": 100, "emergency_bps": 300}


def test_a_market_exit_goes_as_a_limit_within_the_price_guard() -> None:
    desk = entered(price_guard=GUARD)
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100, last_price=Decimal(200))
    (placed,) = desk.taken()
    assert (said_of(placed)[2], price_of(placed)) == (LIMIT, Decimal(198))
    assert desk.copy("L2").note == Reason.REPRICED


def test_without_a_price_a_market_exit_stays_one() -> None:
    desk = entered(price_guard=GUARD)
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    assert [said_of(one)[2] for one in desk.taken()] == [MARKET]


def test_the_price_of_an_exit_is_laid_on_once_however_the_market_moves() -> None:
    desk = entered(price_guard=GUARD)
    sells(desk, "L2", quantity=100, order_type="MARKET", last_price=Decimal(200))
    desk.taken()
    desk.ack("X2")
    desk.copied("PENDING", order_id="L2")
    for last in (150, 250, 199):
        sells(desk, "L2", quantity=100, order_type="MARKET", last_price=Decimal(last))
    assert kinds(desk) == []


def test_scenario_4_13_what_lags_is_priced_anew_with_every_deadline() -> None:
    desk = entered(price_guard=GUARD)
    rests(desk, quantity=100, price=110)
    sells(desk, status="TRADED", quantity=100, price=110, filled=100, last_price=Decimal(100))
    desk.taken()
    desk.wait(29)
    sells(desk, status="TRADED", quantity=100, price=110, filled=100, last_price=Decimal(90))
    desk.wait(2)
    assert desk.asked() == [(MODIFY, 50, Decimal("87.3"))]
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    sells(desk, status="TRADED", quantity=100, price=110, filled=100, last_price=Decimal(80))
    assert kinds(desk) == []
    desk.wait(20)
    sells(desk, status="TRADED", quantity=100, price=110, filled=100, last_price=Decimal(70))
    desk.wait(12)
    assert desk.asked() == [(MODIFY, 50, Decimal("67.9"))]


def test_scenario_6_7_an_exit_outside_the_band_is_sent_at_its_edge() -> None:
    desk = entered(quote=(100, 80, 120), checks={"price_band": "circuit"})
    sells(desk, quantity=100, price=150)
    (placed,) = desk.taken()
    assert price_of(placed) == 120
    assert desk.copy("L2").note == Reason.REPRICED


def test_where_the_mapped_form_is_impossible_an_exit_goes_in_his_own_terms() -> None:
    desk = entered(mapping={"validity": {"IOC": "skip"}})
    sells(desk, quantity=100, price=110, validity="IOC")
    assert desk.asked() == [(PLACE, 50, Decimal(110))]


# --- 9.8, restarts and unknown fates --------------------------------------------------------------------------------


def test_scenario_9_8_near_the_close_the_followers_book_is_read_before_an_intraday_exit_leaves() -> None:
    desk = entered()
    desk.now += 3 * 3600 * SECOND + 10 * 60 * SECOND  # 15:22
    desk.books(LEADER, report(LEADER, "L1", "TRADED", quantity=100, filled=100))
    desk.books(ALICE)
    desk.reads(ALICE)
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    assert kinds(desk) == []
    assert desk.decided("L2") == (Decision.QUEUED, Reason.CHECKING)
    assert desk.reads(ALICE)
    desk.books(ALICE, report(ALICE, "B9", "TRADED", side=Side.SELL, quantity=50, filled=50, order_type="MARKET"))
    assert kinds(desk) == []  # its broker has closed it too
    assert desk.decided("L2") == (Decision.REFUSED, Reason.EXIT_WITHOUT_POSITION)


def test_scenario_9_8_a_book_that_cannot_be_read_holds_an_exit_up_for_seconds_only() -> None:
    desk = entered()
    desk.now += 3 * 3600 * SECOND + 10 * 60 * SECOND
    desk.books(LEADER, report(LEADER, "L1", "TRADED", quantity=100, filled=100))
    desk.taken()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    assert kinds(desk) == []
    desk.wait(6)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, MARKET, 50)]


def test_scenario_7_7_an_exit_in_flight_when_the_process_died_is_looked_for_and_not_doubled() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.taken()
    desk.restart(books=True)
    assert kinds(desk) == []
    desk.books(ALICE, desk.row("TRADED", order_id="L2", filled=50))
    assert kinds(desk) == []
    assert (stake(desk).copied, stake(desk).net) == (0, 0)


def test_scenario_7_11_exits_found_at_the_broker_count_when_the_store_was_lost() -> None:
    desk = entered()
    rests(desk, "L2", quantity=50, price=110)
    fills(desk, "L2", filled=25)
    sells(desk, "L2", "TRADED", quantity=50, price=110, filled=50)
    first = desk.copy("L1").slots[0].correlation_id
    second = desk.copy("L2").slots[0].correlation_id
    new = Desk()
    new.now = desk.now
    new.start(books=False)
    new.books(
        ALICE,
        report(ALICE, "A-L1", "TRADED", quantity=50, filled=50, correlation_id=first),
        report(ALICE, "X-L2", "TRADED", side=Side.SELL, quantity=25, price=110, filled=25, correlation_id=second),
    )
    new.books(
        LEADER,
        report(LEADER, "L1", "TRADED", quantity=100, filled=100),
        report(LEADER, "L2", "TRADED", side=Side.SELL, quantity=50, price=110, filled=50),
    )
    assert kinds(new) == []
    assert (stake(new).copied, stake(new).net) == (25, 25)
    sells(new, "L3", "TRADED", quantity=50, price=120, filled=50)
    assert new.asked() == [(PLACE, 25, Decimal(120))]


def test_an_exit_of_unknown_fate_that_turns_up_late_is_no_excess_for_long() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.answer(Fate.UNKNOWN)
    for _ in range(8):
        desk.wait(1)
        desk.looked()
    desk.taken()
    desk.ack("X2")
    desk.copied("TRADED", order_id="L2", number=1, filled=50)
    desk.copied("TRADED", order_id="L2", number=0, filled=50)  # it was there after all, and has sold as many again
    assert stake(desk).net == -50
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.BUY, MARKET, 50)]


def test_scenario_9_1_exits_go_on_under_the_kill_switch() -> None:
    desk = entered()
    desk.kill()
    sells(desk, "L2", "TRADED", quantity=100, price=110, filled=100)
    assert desk.asked() == [(PLACE, 50, Decimal(110))]
