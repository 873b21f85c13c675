"""What the leader cancels, and what expires."""

from typing import Any

import pytest

from copyctl.model.placement import Standing
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, RequestKind
from copyctl.model.terms import Decision
from tests.core.building import ALICE, SECOND, Desk

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def resting(policy: dict[str, Any] | None = None, **said: Any) -> Desk:
    desk = Desk(policy).start()
    desk.leader(**said)
    desk.ack("A1")
    desk.copied()
    desk.taken()
    return desk


def test_scenario_3_1_it_is_done_when_the_stream_says_so() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    (cancel,) = desk.taken()
    assert (cancel.kind, cancel.order_id) == (CANCEL, "A1")
    desk.ack()
    assert desk.slot().standing is Standing.WORKING
    desk.alerts()
    desk.copied("CANCELLED")
    assert desk.slot().standing is Standing.ENDED
    assert (desk.asked(), desk.alerts(), desk.copy().drift) == ([], [], "")


def test_scenario_3_1_the_end_may_be_told_before_the_answer() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    desk.copied("CANCELLED")
    desk.ack()
    desk.wait(30)
    assert [one.kind for one in desk.taken()] == [CANCEL]
    assert not any("by hand" in text for text in desk.alerts())


def test_scenario_3_1_repeated_while_it_is_refused_in_transit() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    for _ in range(12):
        assert [one.kind for one in desk.taken()] == [CANCEL]
        desk.reject(Category.IN_TRANSIT)
        assert desk.due_at > desk.now
        desk.wait(5)
    desk.ack()
    desk.taken()
    desk.wait(60)
    assert desk.asked() == []


def test_scenario_3_1_a_cancel_that_was_taken_and_did_nothing_is_sent_again() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    desk.taken()
    desk.ack()
    desk.books(ALICE, desk.row(), after=SECOND)
    assert desk.asked() == []
    desk.books(ALICE, desk.row(), after=2 * SECOND)
    assert [one.kind for one in desk.taken()] == [CANCEL]
    desk.ack()
    desk.books(ALICE, desk.row("CANCELLED"), after=3 * SECOND)
    assert desk.asked() == []
    assert not desk.slot().live


@pytest.mark.parametrize("fate", [Fate.UNKNOWN, Fate.NOT_LEFT])
def test_scenario_3_1_a_cancel_of_unknown_fate_is_repeated(fate: Fate) -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    for _ in range(8):
        assert [one.kind for one in desk.taken()] == [CANCEL]
        desk.answer(fate)
        desk.wait(5)
    assert [one.kind for one in desk.taken()] == [CANCEL]


def test_scenario_3_2_fills_stand_and_the_difference_is_drift() -> None:
    desk = resting()
    desk.copied("PART_TRADED", filled=25)
    desk.leader(status="CANCELLED", filled=30)
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    desk.copied("CANCELLED", filled=25)
    assert desk.asked() == []
    assert desk.copy().drift == "filled 25 where the leader's 30 ask for 15"


def test_scenario_3_3_cancels_leave_before_waiting_placements() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 2}}).start()
    for order_id in ("L1", "L2"):
        desk.now -= SECOND
        desk.leader(order_id)
        desk.ack(f"A{order_id}")
    desk.taken()
    for order_id in ("L3", "L4"):
        desk.now -= SECOND
        desk.leader(order_id)
    for order_id in ("L1", "L2"):
        desk.now -= SECOND
        desk.leader(order_id, "CANCELLED")
    assert desk.asked() == []
    desk.wait(1.1)
    assert desk.asked() == [(CANCEL,), (CANCEL,)]
    desk.wait(2.1)  # what is not answered may arrive for a second yet
    assert desk.asked() == [(PLACE, 50, 100), (PLACE, 50, 100)]


def test_scenario_3_4_only_that_one() -> None:
    desk = Desk().start()
    for order_id in ("L1", "L2"):
        desk.leader(order_id)
        desk.ack(f"A{order_id}")
    desk.taken()
    desk.leader("L1", "CANCELLED")
    assert [one.order_id for one in desk.taken()] == ["AL1"]


def test_scenario_3_5_already_filled_there_is_nothing_to_cancel() -> None:
    desk = resting()
    desk.copied("TRADED", filled=50)
    desk.leader(status="CANCELLED")
    assert desk.asked() == []
    assert desk.copy().drift == "filled 50 where the leader's 0 ask for 0"
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_3_6_refused_since_it_filled_meanwhile_it_is_not_repeated() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    desk.taken()
    desk.effects.clear()
    desk.reject(Category.UNKNOWN, "order is already traded")
    assert desk.reads(ALICE)
    desk.books(ALICE, desk.row("TRADED", filled=50))
    desk.wait(60)
    assert desk.asked() == []
    assert desk.copy().drift == "filled 50 where the leader's 0 ask for 0"


def test_scenario_3_6_refused_though_it_is_open_it_is_repeated() -> None:
    desk = resting()
    desk.leader(status="CANCELLED")
    desk.taken()
    desk.reject(Category.UNKNOWN, "try again")
    desk.books(ALICE, desk.row())
    assert [one.kind for one in desk.taken()] == [CANCEL]


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELLED"])
def test_scenario_3_7_at_the_close_the_rest_is_cancelled_unless_it_is_over(status: str) -> None:
    desk = resting()
    desk.leader(status="EXPIRED")
    assert desk.asked() == [(CANCEL,)]
    done = resting()
    done.copied("EXPIRED")
    done.leader(status=status)
    assert (done.asked(), done.alerts(), done.copy().drift) == ([], [], "")


def test_on_leader_cancel_keep_leaves_the_rest_and_its_fills_are_no_drift() -> None:
    desk = resting({"fills": {"on_leader_cancel": "keep"}})
    desk.leader(status="CANCELLED", filled=30)
    desk.copied("PART_TRADED", filled=20)
    assert desk.asked() == []
    desk.copied("TRADED", filled=50)
    assert (desk.asked(), desk.copy().drift) == ([], "")


def test_on_leader_cancel_keep_places_nothing_that_had_not_left() -> None:
    desk = Desk({"fills": {"on_leader_cancel": "keep"}}, rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L0")
    for status in ("PENDING", "CANCELLED"):
        desk.now -= SECOND
        desk.leader("L1", status)
    desk.taken()
    desk.wait(10)
    assert desk.asked() == []
    assert desk.decided("L1") == (Decision.SKIPPED, "leader_over")


def test_on_leader_cancel_keep_does_not_hold_for_a_rejected_leader_order() -> None:
    desk = resting({"fills": {"on_leader_cancel": "keep"}, "copy_on": "received"}, status="TRANSIT")
    desk.leader(status="REJECTED")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_8_2_cancelled_before_the_placement_returned() -> None:
    desk = Desk().start()
    desk.leader()
    desk.leader(status="CANCELLED")
    assert [one.kind for one in desk.taken()] == [PLACE]
    desk.ack("A1")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_8_2_the_stream_may_tell_the_id_before_the_answer_does() -> None:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.leader(status="CANCELLED")
    desk.copied("PENDING")
    assert desk.asked() == [(CANCEL,)]
    desk.ack("A1", request=desk.state.tables["request"][f"{desk.slot().correlation_id}/place"])
    assert desk.asked() == []


def test_scenario_8_2_what_had_not_left_never_does() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L0")
    desk.now -= SECOND
    desk.leader("L1")
    desk.now -= SECOND
    desk.leader("L1", "CANCELLED")
    desk.taken()
    desk.wait(10)
    assert (desk.asked(), desk.due_at) == ([], 0)
    assert desk.decided("L1") == (Decision.SKIPPED, "leader_over")
    assert desk.slot(order_id="L1").standing is Standing.WITHDRAWN


def test_scenario_8_2_what_waited_and_has_traded_for_the_leader_is_placed_for_that() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L0")
    desk.now -= SECOND
    desk.leader("L1")
    desk.now -= SECOND
    desk.leader("L1", "CANCELLED", filled=60)
    desk.taken()
    desk.wait(2.1)
    assert desk.asked() == [(PLACE, 30, 100)]
    desk.ack("A1")
    desk.wait(30)
    assert desk.asked() == []


def test_scenario_3_1_a_change_that_gave_way_to_the_cancel_was_refused_by_nobody() -> None:
    """The token is dead when the leader changes his order, and still when he cancels it: the change never takes place,
    and nobody is told that the broker refused it after it had taken it."""
    desk = resting()
    desk.leader(price="101")
    desk.reject(Category.AUTHENTICATION, "Invalid Token")
    desk.leader(status="CANCELLED", price="101")
    desk.reject(Category.AUTHENTICATION, "Invalid Token")
    desk.alerts()
    desk.books(ALICE, desk.row(price="100"), after=4 * SECOND)
    assert [text for text in desk.alerts() if "refused a modification" in text] == []
    assert desk.slot().changes_refused == ""
    assert [one.kind for one in desk.waiting] == [CANCEL]
