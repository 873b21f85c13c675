"""Scenarios 4.6, 4.11 and 8.4: what is told of the leader's position late makes a whole exit of half a reversal."""

from typing import Any

from copyctl.model.reasons import Reason
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import LEADER, Desk
from tests.core.exits_desk import PLACE, fills, lead, said_of, stake

STOP: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 103, "trigger": 102, "side": Side.BUY}
ENTRY: dict[str, Any] = {"order_type": "STOP_LOSS", "price": 98, "trigger": 99, "side": Side.SELL, "quantity": 100}


def short(filled: int) -> Desk:
    """A leader who is short by so many of 100 as far as is known, and a follower who is short by half of the 100."""
    desk = Desk({"exits": {"confirm_short": "never"}}).start()
    desk.leader("L1", **ENTRY)
    desk.ack("A-L1")
    desk.copied("TRADED", order_id="L1", filled=50)
    desk.leader("L1", "PART_TRADED", filled=filled, **ENTRY)
    desk.taken()
    return desk


def test_scenario_4_11_what_seemed_to_go_beyond_flat_closes_once_the_fill_before_it_is_known() -> None:
    desk = short(80)
    desk.leader("L2", quantity=100, **STOP)
    assert lead(desk, "L2").exits == 80
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    desk.leader("L2", "TRADED", quantity=100, filled=100, **STOP)
    desk.leader("L1", "TRADED", filled=100, **ENTRY)
    assert lead(desk, "L2").exits == 100
    desk.taken()
    fills(desk, "L2", filled=50)
    desk.wait(60)
    assert [said_of(one) for one in desk.taken() if one.kind is PLACE] == []
    assert stake(desk).copied == 0
    assert desk.copy("L2#entry").decision is not Decision.COPIED


def test_scenario_4_11_a_reversal_that_was_one_stays_one_whatever_trades_later() -> None:
    desk = short(100)
    desk.leader("L2", quantity=140, **STOP)
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    desk.leader("L2", "TRADED", quantity=140, filled=140, **STOP)
    fills(desk, "L2", filled=50)
    assert lead(desk, "L2").exits == 100
    assert [said_of(one)[3] for one in desk.taken() if one.kind is PLACE] == [20]
    desk.leader("L3", "TRADED", quantity=60, side=Side.SELL, filled=60)
    assert lead(desk, "L2").exits == 100


def test_scenario_4_11_what_was_placed_beyond_flat_is_no_exit_any_more() -> None:
    desk = short(80)
    desk.leader("L2", quantity=100, **STOP)
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    desk.taken()
    desk.leader("L2", "TRADED", quantity=100, filled=100, **STOP)
    fills(desk, "L2", filled=50)
    assert [said_of(one)[3] for one in desk.taken() if one.kind is PLACE] == [10]
    desk.leader("L1", "TRADED", filled=100, **ENTRY)
    assert lead(desk, "L2").exits == 80
    assert desk.copy("L2#entry").reason != Reason.EXIT_OPEN


def test_scenario_4_7_what_was_refused_as_an_entry_is_an_exit_once_the_fill_before_it_is_known() -> None:
    desk = Desk({"exits": {"confirm_short": "never"}}).start()
    desk.leader("L1", quantity=100)
    desk.ack("A-L1")
    desk.copied("PENDING", order_id="L1")
    desk.taken()
    desk.leader("L2", quantity=100, side=Side.SELL, price=99)
    assert desk.decided("L2") == (Decision.REFUSED, Reason.SELF_TRADE)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    fills(desk, "L1", filled=50)
    assert lead(desk, "L2").exits == 100
    assert [said_of(one)[1:] for one in desk.taken()] == [(Side.SELL, OrderType.LIMIT, 50)]
    desk.ack("X-L2")
    desk.leader("L2", "TRADED", quantity=100, side=Side.SELL, price=99, filled=100)
    fills(desk, "L2", filled=50)
    desk.wait(60)
    assert (stake(desk).copied, stake(desk).target) == (0, 0)
    assert [one for one in desk.taken() if one.kind is PLACE] == []


def test_scenario_4_11_what_waits_to_leave_beyond_flat_is_taken_back_once_it_is_known_to_close() -> None:
    policy = {"exits": {"confirm_short": "never"}, "late": {"max_age": "1h"}}
    desk = Desk(policy, rate_limits={"orders": {"per_minute": 3}}).start()
    desk.leader("L1", **ENTRY)
    desk.ack("A-L1")
    desk.copied("TRADED", order_id="L1", filled=50)
    desk.leader("L1", "PART_TRADED", filled=80, **ENTRY)
    desk.leader("L2", quantity=100, **STOP)
    desk.wait(5)
    desk.ack("X-L2")
    desk.copied("PENDING", order_id="L2")
    desk.leader("L2", "TRADED", quantity=100, filled=100, **STOP)
    desk.wait(5)
    desk.taken()
    fills(desk, "L2", filled=50)
    entry = desk.copy("L2#entry")
    assert [slot.sent for slot in entry.slots] == [False]
    desk.leader("L1", "TRADED", filled=100, **ENTRY)
    assert lead(desk, "L2").exits == 100
    desk.wait(120)
    assert [said_of(one) for one in desk.taken() if one.leader_order_id == "L2#entry"] == []


def test_scenario_4_7_what_waits_as_an_entry_is_taken_back_and_closes_once_that_is_known() -> None:
    """One follower could have sent it, and has not yet: for none of them it is an entry then."""
    policy = {"exits": {"confirm_short": "never"}, "late": {"max_age": "1h"}}
    desk = Desk(policy, rate_limits={"orders": {"per_minute": 2}, "reserve_pct": 0}).start()
    desk.leader("L0", quantity=100)
    desk.ack("A-L0")
    desk.copied("TRADED", order_id="L0", filled=50)
    desk.leader("L0", "TRADED", quantity=100, filled=100)
    desk.leader("L1", quantity=100, side=Side.SELL, price=120)
    desk.ack("A-L1")
    desk.leader("L1", "TRADED", quantity=100, side=Side.SELL, filled=100, price=120)
    desk.copied("TRADED", order_id="L1", filled=50)
    desk.wait(5)
    desk.taken()
    desk.leader("L3", quantity=100, side=Side.SELL, price=130, created_time=desk.now)
    assert [slot.sent for slot in desk.copy("L3").slots] == [False]
    assert not lead(desk, "L3").exits
    desk.leader("L2", "TRADED", quantity=100, filled=100, created_time=lead(desk, "L0").first_seen_at)
    assert lead(desk, "L3").exits == 100
    desk.wait(120)
    sold = [one for one in desk.taken() if one.leader_order_id == "L3" and one.kind is PLACE]
    assert [one.exit for one in sold] in ([], [True])


def test_scenario_4_12_a_stop_that_is_seen_after_its_target_has_traded_is_no_entry() -> None:
    desk = Desk({"exits": {"confirm_short": "never"}}).start()
    desk.leader("L1", quantity=100)
    desk.ack("A-L1")
    desk.copied("TRADED", order_id="L1", filled=50)
    desk.leader("L1", "TRADED", quantity=100, filled=100)
    given = desk.now
    desk.leader("L3", quantity=100, side=Side.SELL, price=120, created_time=given)
    desk.ack("A-L3")
    desk.wait(5)
    desk.leader("L3", "TRADED", quantity=100, side=Side.SELL, price=120, filled=100, created_time=given)
    desk.taken()
    stop = {"order_type": "STOP_LOSS", "price": 94, "trigger": 95, "side": Side.SELL, "quantity": 100}
    desk.leader("L2", created_time=given, **stop)
    assert lead(desk, "L2").exits == 100
    assert [said_of(one) for one in desk.taken() if one.leader_order_id.startswith("L2")] == []


def test_scenario_4_7_a_sale_in_the_second_of_a_purchase_that_is_told_later_closes_it() -> None:
    desk = Desk({"exits": {"confirm_short": "always"}}).start()
    given = desk.now
    desk.leader("L2", quantity=100, side=Side.SELL, price=120, created_time=given)
    assert not lead(desk, "L2").exits
    desk.leader("L1", "TRADED", quantity=100, filled=100, created_time=given)
    assert lead(desk, "L2").exits == 100


def test_scenario_4_7_a_purchase_waits_with_the_sale_that_it_may_close_while_his_positions_cannot_be_read() -> None:
    desk = Desk({"exits": {"confirm_short": "never"}})
    desk.silent.add(LEADER)
    desk.start()
    desk.leader("L1", "TRADED", quantity=100, side=Side.SELL, filled=100)
    desk.leader("L2", quantity=100, **STOP)
    assert [lead(desk, row).classified for row in ("L1", "L2")] == [False, False]
    assert desk.taken() == []
