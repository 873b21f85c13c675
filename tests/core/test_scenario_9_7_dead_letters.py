"""Scenario 9.7: dead letters are tried once more, or dropped, by hand."""

from typing import Any

import pytest

from copyctl.model.effects import Notice
from copyctl.model.events import CommandGiven
from copyctl.model.reasons import Category, rejected
from copyctl.model.request import Fate
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, SECOND, Desk
from tests.core.exits_desk import PLACE, entered, fills, said_of, sells

DEAD = (Decision.DEAD, "rejected_margin")


def dead(policy: dict[str, Any] | None = None, **parts: Any) -> Desk:
    desk = Desk(policy, **parts).start()
    desk.leader()
    desk.reject(Category.MARGIN, "no funds")
    desk.taken()
    return desk


def says(desk: Desk, command: str, row: str = "L1") -> Notice:
    """The command given, and what came of it."""
    desk.now += SECOND
    desk.feed(CommandGiven(at=desk.now, command_id=7, command=command, account=ALICE, reason=row))
    return next(one for one in reversed(desk.notices) if one.facts.get("command") == 7)


def test_scenario_9_7_a_retry_is_placed_under_another_id() -> None:
    desk = dead()
    desk.now += 3600 * SECOND
    assert says(desk, "retry").facts["ok"] is True
    (placed,) = desk.taken()
    assert (placed.kind, placed.correlation_id[-2:]) == (PLACE, "-1")
    assert desk.decided() == (Decision.COPIED, None)
    assert [slot.attempts for slot in desk.copy().slots] == [1, 1]


def test_scenario_9_7_rejected_again_it_is_a_dead_letter_again() -> None:
    desk = dead()
    says(desk, "drop")
    says(desk, "retry")
    assert desk.taken() == []  # it was dropped
    desk = dead()
    says(desk, "retry")
    desk.reject(Category.PRICE_BAND, "out of range")
    assert desk.decided() == (Decision.DEAD, "rejected_price_band")
    assert desk.copy().is_dead_letter
    says(desk, "retry")
    assert len(desk.taken()) == 2


def test_scenario_9_7_a_person_who_asks_is_never_late() -> None:
    desk = dead()
    desk.leader(status="TRADED", filled=100)
    desk.wait(600)
    says(desk, "retry")
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_9_7_what_the_leader_filled_before_his_cancel_is_wanted() -> None:
    desk = dead()
    desk.leader(status="CANCELLED", filled=40)
    says(desk, "retry")
    assert desk.asked() == [(PLACE, 20, 100)]


def test_scenario_9_7_an_order_that_is_over_with_nothing_filled_is_refused_with_the_reason() -> None:
    desk = dead()
    desk.leader(status="CANCELLED")
    said = says(desk, "retry")
    assert (said.facts["ok"], "CANCELLED with nothing filled" in said.text) == (False, True)
    assert (desk.taken(), desk.decided()) == ([], DEAD)


def test_scenario_9_7_it_is_checked_like_a_new_order() -> None:
    desk = dead({"limits": {"max_order_quantity": 60}})
    desk.leader(quantity=200)
    assert says(desk, "retry").facts["ok"] is True
    assert desk.taken() == []
    assert desk.decided() == (Decision.REFUSED, "limit_max_order_quantity")


def test_scenario_9_7_under_the_kill_switch_it_stays_a_dead_letter() -> None:
    desk = dead()
    desk.kill()
    assert says(desk, "retry").facts["ok"] is False
    assert (desk.taken(), desk.decided()) == ([], DEAD)


def test_scenario_9_7_of_a_paused_follower_it_waits() -> None:
    desk = dead()
    desk.kill("pause", ALICE)
    assert says(desk, "retry").facts["ok"] is True
    assert (desk.taken(), desk.decided()) == ([], (Decision.QUEUED, "follower_paused"))
    desk.kill("unpause", ALICE)
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_9_7_retries_are_no_runaway() -> None:
    desk = dead(kill_switch={"on_orders_per_leader_order": 2})
    for _ in range(6):
        says(desk, "retry")
        desk.reject(Category.MARGIN, "no funds")
    assert not desk.state.tables["account"][ALICE].killed_at  # type: ignore[union-attr]


def test_scenario_9_7_what_is_dropped_stays_dead_and_is_listed_no_more() -> None:
    desk = dead()
    assert says(desk, "drop").facts["ok"] is True
    assert (desk.decided(), desk.copy().is_dead_letter) == (DEAD, False)
    assert says(desk, "drop").facts["ok"] is False


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_scenario_9_7_what_is_no_dead_letter_is_refused(command: str) -> None:
    desk = Desk().start()
    desk.leader()
    assert says(desk, command).facts["ok"] is False
    assert says(desk, command, "unheard of").facts["ok"] is False
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_9_7_one_of_unknown_fate_is_never_sent_again_by_hand_either() -> None:
    desk = Desk().start()
    desk.leader()
    desk.answer(Fate.UNKNOWN)
    for _ in range(20):
        desk.wait(2)
        desk.looked(readable=False)
    assert desk.decided() == (Decision.DEAD, "unresolved")
    desk.taken()
    assert says(desk, "retry").facts["ok"] is False
    assert desk.taken() == []


def test_scenario_9_7_of_an_exit_what_is_owed_now_is_closed() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.reject(Category.PRICE_BAND)
    assert desk.decided("L2") == (Decision.DEAD, rejected(Category.PRICE_BAND))
    desk.taken()
    assert says(desk, "retry", "L2").facts["ok"] is True
    (placed,) = desk.taken()
    assert said_of(placed) == (PLACE, Side.SELL, OrderType.LIMIT, 50)
    desk.ack("X9")
    fills(desk, "L2", filled=50)
    assert desk.decided("L2") == (Decision.COPIED, None)


def test_scenario_9_7_an_exit_that_is_over_and_owes_nothing_is_refused() -> None:
    desk = entered()
    sells(desk, quantity=100, price=110)
    desk.reject(Category.PRICE_BAND)
    sells(desk, status="CANCELLED", quantity=100, price=110)
    desk.taken()
    assert says(desk, "retry", "L2").facts["ok"] is False
    assert desk.taken() == []


def test_scenario_9_7_it_survives_a_restart() -> None:
    desk = dead()
    desk.restart(books=True)
    says(desk, "retry")
    assert desk.asked() == [(PLACE, 50, 100)]
