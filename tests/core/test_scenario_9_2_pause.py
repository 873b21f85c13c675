"""Scenario 9.2: a follower is paused and goes on."""

from typing import Any

import pytest

from copyctl.core.state import State
from copyctl.core.step import step
from copyctl.model.effects import ReadBooks, Send
from copyctl.model.events import CommandGiven, PolicyLoaded, Started, TimeReached
from copyctl.model.reasons import Category
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, BOB, SECOND, Desk
from tests.core.exits_desk import CANCEL, MODIFY, PLACE, by_hand, entered, fills, rests, said_of, sells

PAUSED = (Decision.QUEUED, "follower_paused")
ONLY_STOP = {"kill_switch": {"actions": ["stop_copying"]}}


def goes_on(desk: Desk, *rows: Any) -> None:
    """``unpause``, and the books that it has read."""
    desk.kill("unpause", ALICE)
    desk.books(ALICE, *rows)


def resting(**parts: Any) -> Desk:
    """An entry of the leader's that rests, and alice's copy."""
    desk = Desk(**parts).start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.taken()
    return desk


def paused(**parts: Any) -> Desk:
    desk = resting(**parts)
    desk.kill("pause", ALICE)
    return desk


# --- entries --------------------------------------------------------------------------------------------------------


def test_scenario_9_2_nothing_is_placed_while_paused_and_others_go_on() -> None:
    desk = Desk(followers=2).start()
    desk.kill("pause", ALICE)
    desk.leader()
    assert [one.account for one in desk.taken()] == [BOB]
    assert desk.decided() == PAUSED


def test_scenario_9_2_an_entry_that_rests_still_is_placed_afterwards_however_long_it_waited() -> None:
    desk = Desk().start()
    desk.kill("pause", ALICE)
    desk.leader()
    desk.wait(600)
    desk.kill("unpause", ALICE)
    assert desk.taken() == []  # not before the books are read
    assert ReadBooks(account=ALICE) in desk.effects
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_9_2_books_that_were_asked_for_before_do_not_count() -> None:
    desk = Desk().start()
    desk.kill("pause", ALICE)
    desk.leader()
    desk.kill("unpause", ALICE)
    desk.now -= SECOND
    desk.books(ALICE, after=0)
    assert desk.taken() == []
    desk.books(ALICE, after=3 * SECOND)
    assert desk.asked() == [(PLACE, 50, 100)]


@pytest.mark.parametrize(
    ("status", "filled", "reason"),
    [("CANCELLED", 0, "leader_over"), ("TRADED", 100, "late"), ("CANCELLED", 50, "late")],
)
def test_scenario_9_2_an_entry_that_is_over_by_then_follows_late(status: str, filled: int, reason: str) -> None:
    desk = Desk().start()
    desk.kill("pause", ALICE)
    desk.leader()
    desk.leader(status=status, filled=filled)
    desk.wait(60)
    goes_on(desk)
    desk.wait(60)
    assert desk.taken() == []
    assert desk.decided() == (Decision.SKIPPED, reason)


def test_scenario_9_2_an_entry_that_traded_just_now_is_placed() -> None:
    desk = Desk().start()
    desk.kill("pause", ALICE)
    desk.leader(status="TRADED", filled=100)
    goes_on(desk)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_9_2_what_waited_when_the_pause_came_does_not_leave() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    for order_id in ("L1", "L2"):
        desk.leader(order_id)
        desk.now -= SECOND
    desk.taken()
    desk.kill("pause", ALICE)
    desk.wait(30)
    assert desk.taken() == []
    assert desk.decided("L2") == PAUSED
    goes_on(desk)
    assert [one.leader_order_id for one in desk.taken()] == ["L2"]


def test_scenario_9_2_what_the_leader_opened_and_closed_meanwhile_is_not_copied() -> None:
    desk = Desk().start()
    desk.kill("pause", ALICE)
    desk.leader(status="TRADED", filled=100)
    sells(desk, "L2", "TRADED", quantity=100, filled=100)
    goes_on(desk)
    desk.wait(60)
    assert desk.taken() == []
    assert desk.decided() == (Decision.SKIPPED, "leader_flat")


# --- changes and cancels --------------------------------------------------------------------------------------------


def test_scenario_9_2_cancels_and_changes_wait_and_only_the_last_wish_leaves() -> None:
    desk = paused()
    for price in (101, 102, 103):
        desk.leader(price=price)
    assert desk.taken() == []
    goes_on(desk, desk.row())
    assert desk.asked() == [(MODIFY, 50, 103)]


def test_scenario_9_2_a_cancel_that_waited_leaves_and_the_change_before_it_does_not() -> None:
    desk = paused()
    desk.leader(price=101)
    desk.leader(status="CANCELLED")
    desk.wait(60)
    assert desk.taken() == []
    goes_on(desk, desk.row())
    assert desk.asked() == [(CANCEL,)]


def test_scenario_9_2_a_copy_that_filled_meanwhile_gets_no_cancel() -> None:
    desk = paused()
    desk.leader(status="CANCELLED")
    desk.copied("TRADED", filled=50)
    goes_on(desk)
    assert desk.taken() == []
    assert "filled 50" in desk.copy().drift


def test_scenario_9_2_it_survives_a_restart() -> None:
    desk = paused()
    desk.restart(books=True)
    desk.leader("L2")
    desk.leader(status="CANCELLED")
    assert desk.taken() == []
    assert desk.decided("L2") == PAUSED


def test_scenario_9_2_a_pause_that_waited_for_the_start_is_heard_before_anything_leaves() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    desk.reject(Category.CONNECTIVITY)  # the cancel is to be sent again
    desk.taken()
    desk.now += 60 * SECOND
    state, now, sent = State({name: list(rows.values()) for name, rows in desk.state.tables.items()}), desk.now, []
    given = CommandGiven(at=now, command_id=1, command="pause", account=ALICE)
    loaded = PolicyLoaded(at=now, digest="d", document="{}", rules=desk.rules)
    for event in (loaded, Started(at=now), given, TimeReached(at=now + 60 * SECOND)):
        made = step(state, event)
        state.apply(made.changes)
        state.rules = made.rules or state.rules
        sent += [effect for effect in made.effects if isinstance(effect, Send)]
    assert sent == []


def test_scenario_9_2_pausing_twice_is_pausing_once() -> None:
    desk = paused()
    desk.alerts()
    desk.kill("pause", ALICE)
    assert desk.alerts() == []
    goes_on(desk, desk.row())
    assert len(desk.alerts()) == 1
    desk.leader(price=101)
    assert desk.asked() == [(MODIFY, 50, 101)]


# --- exits ----------------------------------------------------------------------------------------------------------


def test_scenario_9_2_an_exit_that_the_leader_made_meanwhile_is_caught_up_at_the_market() -> None:
    desk = entered()
    desk.kill("pause", ALICE)
    sells(desk, quantity=100, price=90)
    sells(desk, status="TRADED", quantity=100, price=90, filled=100)
    desk.wait(120)
    assert desk.taken() == []
    assert desk.decided("L2") == PAUSED
    goes_on(desk)
    (placed,) = desk.taken()
    assert said_of(placed)[1:] == (Side.SELL, said_of(placed)[2], 50)


def test_scenario_9_2_two_exits_that_both_traded_meanwhile_close_the_position_once() -> None:
    desk = entered()
    desk.kill("pause", ALICE)
    sells(desk, "L2", "TRADED", quantity=40, filled=40)
    sells(desk, "L3", "TRADED", quantity=60, filled=60)
    goes_on(desk)
    assert sum(said_of(one)[3] for one in desk.taken()) == 50


def test_scenario_9_2_an_exit_that_the_leader_cancelled_meanwhile_never_leaves() -> None:
    desk = entered()
    desk.kill("pause", ALICE)
    sells(desk, quantity=100, price=110)
    sells(desk, status="CANCELLED", quantity=100, price=110)
    goes_on(desk)
    assert desk.taken() == []
    assert desk.decided("L2") == (Decision.SKIPPED, "leader_over")


def test_scenario_9_2_a_resting_exit_stays_while_the_leaders_is_cancelled_or_changed() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    desk.kill("pause", ALICE)
    sells(desk, quantity=100, price=111)
    sells(desk, status="CANCELLED", quantity=100, price=111)
    desk.wait(60)
    assert desk.taken() == []
    goes_on(desk, desk.row(order_id="L2"))
    assert desk.asked() == [(CANCEL,)]


def test_scenario_9_2_what_the_follower_closed_by_hand_meanwhile_is_not_sold_again() -> None:
    desk = entered()
    desk.kill("pause", ALICE)
    by_hand(desk, 50)
    sells(desk, status="TRADED", quantity=100, filled=100)
    goes_on(desk)
    desk.wait(30)
    assert desk.taken() == []


def test_scenario_9_2_a_reversal_is_caught_up_as_exit_and_then_entry() -> None:
    desk = entered(quote=(100,), exits={"confirm_short": "never"}, late={"filled": "market"})
    desk.kill("pause", ALICE)
    sells(desk, "L2", "TRADED", quantity=300, filled=300)
    assert desk.taken() == []
    goes_on(desk)
    (first,) = desk.taken()
    assert said_of(first)[1:] == (Side.SELL, said_of(first)[2], 50)
    desk.ack("X2")
    fills(desk, "L2", filled=50)
    (second,) = desk.taken()
    assert (second.leader_order_id, said_of(second)[1], said_of(second)[3]) == ("L2#entry", Side.SELL, 100)


def test_scenario_4_10_a_resting_exit_that_exceeds_the_position_is_cut_under_a_pause_too() -> None:
    desk = entered()
    rests(desk, quantity=100, order_type="STOP_LOSS", price=89, trigger=90)
    desk.kill("pause", ALICE)
    by_hand(desk, 20)
    assert [said_of(one)[::3] for one in desk.taken()] == [(MODIFY, 30)]
    desk.ack()
    desk.copied("PENDING", order_id="L2", quantity=30, order_type="STOP_LOSS", price=89, trigger=90)
    by_hand(desk, 30)
    assert [one.kind for one in desk.taken()] == [CANCEL]


def test_scenario_4_10_a_cancel_of_the_leaders_goes_under_a_pause_once_the_position_is_smaller() -> None:
    desk = entered()
    rests(desk, quantity=100, price=110)
    desk.kill("pause", ALICE)
    sells(desk, status="CANCELLED", quantity=100, price=110)
    assert desk.taken() == []
    by_hand(desk, 20)
    assert [one.kind for one in desk.taken()] == [CANCEL]


def test_scenario_4_10_a_paused_exit_that_fits_is_not_touched() -> None:
    desk = entered()
    rests(desk, "L2", quantity=50, price=110)
    desk.kill("pause", ALICE)
    by_hand(desk, 20)
    desk.wait(60)
    assert desk.taken() == []


def test_scenario_9_2_a_basket_is_not_broken_by_a_pause() -> None:
    desk = Desk({"multi_leg": {"window": "2s", "leg_timeout": "5s"}}).start()
    desk.kill("pause", ALICE)
    desk.leader("L1", "TRADED", filled=100)
    desk.wait(8)
    assert desk.alerts()[1:] == []  # paused, and nothing else
    goes_on(desk)
    assert desk.asked() == [(PLACE, 50, 100)]


# --- beside the kill switch -----------------------------------------------------------------------------------------


def test_scenario_9_2_a_kill_under_a_pause_refuses_entries_for_good_and_acts_once_it_goes_on() -> None:
    desk = paused()
    desk.leader("L2")
    desk.kill()
    assert desk.decided("L2") == (Decision.REFUSED, "kill_switch")
    desk.wait(30)
    assert desk.taken() == []
    goes_on(desk, desk.row())
    assert desk.asked() == [(CANCEL,)]  # cancel_open_orders, which had to wait


def test_scenario_9_2_an_order_of_a_killed_and_paused_follower_is_refused() -> None:
    desk = paused(**ONLY_STOP)
    desk.kill()
    desk.leader("L2")
    assert desk.decided("L2") == (Decision.REFUSED, "kill_switch")


def test_scenario_9_2_a_pause_under_the_kill_switch_holds_cancels_back_too() -> None:
    desk = resting(**ONLY_STOP)
    desk.kill()
    desk.kill("pause", ALICE)
    desk.leader(status="CANCELLED")
    assert desk.taken() == []
    desk.kill("resume")
    desk.wait(30)
    assert desk.taken() == []
    goes_on(desk, desk.row())
    assert desk.asked() == [(CANCEL,)]


def test_scenario_9_2_after_unpause_the_kill_switch_holds_still() -> None:
    desk = paused(**ONLY_STOP)
    desk.kill()
    desk.leader(status="CANCELLED")
    goes_on(desk, desk.row())
    desk.leader("L2")
    assert desk.asked() == [(CANCEL,)]
    assert desk.decided("L2") == (Decision.REFUSED, "kill_switch")


def test_scenario_9_2_unpause_under_a_halt_sends_nothing() -> None:
    desk = paused(**ONLY_STOP)
    desk.feed(CommandGiven(at=desk.now, command_id=1, command="kill", account=ALICE, actions=("halt",)))
    desk.leader(status="CANCELLED")
    goes_on(desk, desk.row())
    assert desk.taken() == []
    desk.kill("resume")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_9_2_an_exit_of_a_paused_follower_that_was_refused_before_waits() -> None:
    desk = entered()
    sells(desk, "L2", "TRADED", quantity=100, order_type="MARKET", filled=100)
    desk.taken()
    desk.kill("pause", ALICE)
    desk.reject(Category.BLOCKED)
    desk.wait(30)
    assert desk.taken() == []
    assert desk.decided("L2") == PAUSED
    goes_on(desk)
    assert [said_of(one) for one in desk.taken()] == [(PLACE, Side.SELL, OrderType.MARKET, 50)]
