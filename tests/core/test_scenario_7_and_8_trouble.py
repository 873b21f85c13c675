"""Streams that drop, processes that die, answers that never come, frames that come twice or in the wrong order."""

from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from copyctl.core.correlation import correlation_id
from copyctl.core.step import step
from copyctl.model.account import Account
from copyctl.model.effects import Look
from copyctl.model.events import BooksRead, EventSetAside, FrameRead, FrameUnreadable, StreamChanged, TimeReached
from copyctl.model.order import ExecutionReport
from copyctl.model.placement import Standing
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, RequestKind, RequestState
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, BOB, LEADER, NOON, SECOND, Desk, report

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def corr(revision: int = 0, order_id: str = "L1", follower: str = ALICE) -> str:
    return correlation_id(leader=LEADER, follower=follower, leader_order_id=order_id, revision=revision)


def ours(status: str = "PENDING", revision: int = 0, **said: Any) -> ExecutionReport:
    return report(ALICE, f"A{revision + 1}", status, correlation_id=corr(revision), **{"quantity": 50, **said})


def reconnected(seconds_down: int = 60, **policy: Any) -> Desk:
    desk = Desk(policy or None).start()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False, why="reset"))
    desk.now += seconds_down * SECOND
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    return desk


def missed(desk: Desk, order_id: str = "L1", status: str = "PENDING", ago: int = 30, **said: Any) -> None:
    """The leader's book tells of something that happened while nobody looked."""
    when = (desk.now - ago * SECOND) // SECOND * SECOND
    desk.books(LEADER, report(LEADER, order_id, status, broker_time=when, **said))


def test_scenario_7_1_a_stream_that_comes_up_has_the_books_read() -> None:
    desk = reconnected()
    assert desk.reads(LEADER)


def test_scenario_7_2_a_late_order_that_still_rests_is_placed() -> None:
    desk = reconnected()
    missed(desk)
    assert desk.asked() == [(PLACE, 50, 100)]
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_7_2_a_late_order_that_has_traded_is_skipped() -> None:
    desk = reconnected()
    missed(desk, status="TRADED", filled=100)
    assert desk.asked() == []
    assert desk.decided() == (Decision.SKIPPED, "late")


def test_scenario_7_2_one_that_traded_a_moment_ago_is_copied_and_noted() -> None:
    desk = reconnected(seconds_down=8)
    missed(desk, status="TRADED", filled=100, ago=6)
    assert desk.asked() == [(PLACE, 50, 100)]
    assert desk.decided() == (Decision.COPIED, "late_copied")


def test_scenario_7_2_of_one_that_part_traded_unseen_only_the_rest_is_wanted() -> None:
    desk = reconnected()
    missed(desk, status="PART_TRADED", filled=40)
    assert desk.asked() == [(PLACE, 30, 100)]
    desk.ack("A1")
    desk.leader(status="TRADED", filled=100)
    desk.copied("TRADED", filled=30)
    assert (desk.asked(), desk.copy().drift) == ([], "")


def test_scenario_7_2_where_nothing_is_left_of_it_it_is_late() -> None:
    desk = reconnected(sizing={"strategy": "fixed_lots", "lots": 2})
    missed(desk, status="PART_TRADED", filled=40)
    assert desk.asked() == []
    assert desk.decided() == (Decision.SKIPPED, "late")


def test_scenario_7_2_cancelled_with_fills_when_first_seen_is_an_entry_of_the_fills() -> None:
    desk = Desk().start()
    desk.leader(status="CANCELLED", filled=40)
    assert desk.asked() == [(PLACE, 20, 100)]
    desk.ack("A1")
    desk.copied("PENDING")
    desk.leader(status="CANCELLED", filled=40)
    desk.wait(30)
    assert desk.asked() == []
    desk.copied("TRADED", filled=20)
    assert desk.copy().drift == ""


def test_scenario_7_2_missed_changes_and_ends_are_acted_on_once() -> None:
    desk = Desk().start()
    for number in (1, 2, 3):
        desk.leader(f"L{number}")
        desk.ack(f"A{number}")
    desk.taken()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False))
    desk.now += 60 * SECOND
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    rows = (
        report(LEADER, "L1", price=101, broker_time=desk.now - 30 * SECOND),
        report(LEADER, "L2", "CANCELLED", broker_time=desk.now - 20 * SECOND),
        report(LEADER, "L3", "TRADED", filled=100, broker_time=desk.now - 10 * SECOND),
    )
    for _ in range(3):
        desk.books(LEADER, *rows)
    assert desk.asked() == [(CANCEL,), (MODIFY, 50, 101)]


def test_each_followers_own_late_rule_counts() -> None:
    desk = Desk(followers=2, alice={"policy": {"late": {"max_age": "1h"}}}).start()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=True))
    missed(desk, status="TRADED", filled=100)
    assert [one.account for one in desk.taken()] == [ALICE]
    assert desk.decided(account=BOB) == (Decision.SKIPPED, "late")


def test_what_the_book_shows_while_the_stream_is_down_is_as_old_as_it_is() -> None:
    desk = Desk().start()
    desk.feed(StreamChanged(at=desk.now, account=LEADER, up=False))
    desk.now += 60 * SECOND
    missed(desk, "L1", "TRADED", ago=30, filled=100)
    missed(desk, "L2", "TRADED", ago=3, filled=100)
    assert desk.decided("L1") == (Decision.SKIPPED, "late")
    assert [one.leader_order_id for one in desk.taken()] == ["L2"]


def test_after_a_restart_what_the_book_shows_is_as_old_as_it_is() -> None:
    desk = Desk().start()
    desk.now += 60 * SECOND
    desk.restart()
    for account in (ALICE, LEADER):
        desk.books(account)
    missed(desk, status="TRADED", filled=100)
    assert desk.decided() == (Decision.SKIPPED, "late")


def test_scenario_7_3_the_same_frame_a_thousand_times_is_one_copy() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    one = report(LEADER, "L1", as_of=desk.now)
    for _ in range(1000):
        desk.feed(FrameRead(at=desk.now, account=LEADER, raw=b"", reports=(one,)))
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_7_4_whatever_the_order_of_the_frames_the_end_is_the_leaders() -> None:
    placed = {"status": "PENDING", "broker_time": NOON}
    modified = {"status": "PENDING", "price": 101, "broker_time": NOON + SECOND}
    cancelled = {"status": "CANCELLED", "price": 101, "broker_time": NOON + 2 * SECOND}
    for frames in permutations((placed, modified, cancelled)):
        desk = Desk().start()
        for said in frames:
            desk.leader(**said)
            place = [one for one in desk.sent if one.kind is PLACE]
            if place and not desk.slot().order_id:
                desk.ack("A1", request=place[0])
        kinds = [one.kind for one in desk.taken()]
        if frames[0] is cancelled:
            assert kinds == []
            assert desk.decided() == (Decision.SKIPPED, "leader_over")
        else:
            assert kinds.count(PLACE) == kinds.count(CANCEL) == 1


def test_scenario_7_4_a_stop_first_seen_as_traded_is_copied_without_its_trigger() -> None:
    desk = Desk().start()
    desk.leader(status="TRADED", order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL, filled=100)
    (request,) = desk.taken()
    assert request.desired is not None
    terms = request.desired.terms
    assert (terms.order_type, terms.price, terms.trigger_price) == (OrderType.LIMIT, 94, 0)


def test_scenario_7_7_what_was_in_flight_is_looked_up_and_not_placed_twice() -> None:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.now += 3 * SECOND
    desk.restart()
    assert desk.decided() == (Decision.QUEUED, "settling")
    assert any(isinstance(one, Look) for one in desk.effects)
    for account in (LEADER, ALICE):
        desk.books(account)
    desk.looked(ours())
    assert desk.decided() == (Decision.COPIED, None)
    assert desk.copy().detail == "0.5 x 100 = 50, in lots of 5 rounded down: 10 = 50 units"
    desk.wait(60)
    assert (desk.asked(), desk.slot().order_id, desk.waiting) == ([], "A1", [])


def test_scenario_7_7_what_the_stream_had_told_before_the_end_needs_no_look() -> None:
    desk = Desk().start()
    desk.leader()
    desk.copied("PENDING")
    desk.taken()
    desk.restart(books=True)
    desk.wait(60)
    assert (desk.asked(), desk.waiting) == ([], [])
    assert desk.slot().standing is Standing.WORKING


def test_scenario_7_7_what_waited_leaves_only_after_both_books_were_read() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L0")
    desk.now -= SECOND
    desk.leader("L1")
    desk.taken()
    desk.now += 60 * SECOND
    desk.restart()
    desk.wait(5)
    assert desk.asked() == []
    desk.books(ALICE)
    desk.wait(5)
    assert [one for one in desk.taken() if one.leader_order_id == "L1"] == []
    desk.books(LEADER, report(LEADER, "L1", "CANCELLED", broker_time=desk.now - 20 * SECOND))
    assert [one for one in desk.taken() if one.leader_order_id == "L1"] == []
    assert desk.decided("L1") == (Decision.SKIPPED, "leader_over")


def test_scenario_7_7_a_cancel_in_flight_is_sent_again_at_once() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.leader(status="CANCELLED")
    desk.taken()
    desk.restart()
    assert desk.asked() == [(CANCEL,)]


def test_scenario_7_7_a_modification_in_flight_is_settled_by_the_book() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.leader(price=105)
    desk.taken()
    desk.restart()
    assert desk.asked() == []
    desk.books(ALICE, desk.row(price=100, quantity=50))
    desk.books(LEADER)
    assert desk.asked() == [(MODIFY, 50, 105)]


def lost_answer() -> Desk:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.answer(Fate.UNKNOWN, text="timed out")
    assert desk.decided() == (Decision.QUEUED, "settling")
    return desk


def look_in_vain(desk: Desk, seconds: float, *, readable: bool = True) -> None:
    """Every look that is asked for finds nothing."""
    end = desk.now + int(seconds * SECOND)
    while desk.now < end:
        if any(isinstance(one, Look) for one in desk.effects):
            desk.looked(readable=readable)
            desk.effects.clear()
        if not desk.due_at or desk.due_at > end:
            break
        desk.now = max(desk.now, desk.due_at)
        desk.feed(TimeReached(at=desk.now))


def test_scenario_7_9_found_by_the_look_it_is_followed() -> None:
    desk = lost_answer()
    desk.leader(price=105)
    assert desk.asked() == []
    desk.looked(ours())
    assert desk.asked() == [(MODIFY, 50, 105)]
    assert desk.slot().order_id == "A1"


def test_scenario_7_9_absent_for_long_enough_it_is_placed_anew_under_a_new_id() -> None:
    desk = lost_answer()
    look_in_vain(desk, 4.5)
    assert desk.asked() == []
    look_in_vain(desk, 4)
    (anew,) = desk.taken()
    assert (anew.kind, anew.correlation_id) == (PLACE, corr(1))
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_7_9_while_one_place_cannot_be_read_nothing_is_absent() -> None:
    desk = lost_answer()
    look_in_vain(desk, 25, readable=False)
    assert desk.asked() == []
    assert desk.decided() == (Decision.QUEUED, "settling")


def test_scenario_7_9_unsettled_for_long_it_is_told_and_looked_for_further() -> None:
    desk = lost_answer()
    desk.alerts()
    look_in_vain(desk, 40, readable=False)
    assert desk.decided() == (Decision.DEAD, "unresolved")
    assert len([text for text in desk.alerts() if "unknown for 30 s" in text]) == 1
    assert desk.due_at
    desk.wait(5)
    desk.looked(ours("PART_TRADED", filled=10))
    assert desk.decided() == (Decision.COPIED, None)
    assert desk.copy().filled == 10


def test_scenario_7_9_cancelled_meanwhile_it_is_not_placed_anew() -> None:
    desk = lost_answer()
    desk.leader(status="CANCELLED")
    look_in_vain(desk, 10)
    assert desk.asked() == []
    assert desk.decided() == (Decision.SKIPPED, "leader_over")
    assert desk.waiting == []


def test_scenario_7_9_cancelled_meanwhile_and_found_it_is_cancelled() -> None:
    desk = lost_answer()
    desk.leader(status="CANCELLED")
    desk.looked(ours())
    assert desk.asked() == [(CANCEL,)]


def test_scenario_7_9_traded_meanwhile_and_too_old_it_is_late() -> None:
    desk = lost_answer()
    desk.leader(status="TRADED", filled=100)
    look_in_vain(desk, 4, readable=False)
    desk.now += 10 * SECOND
    look_in_vain(desk, 20)
    assert desk.asked() == []
    assert desk.decided() == (Decision.SKIPPED, "late")


@pytest.mark.parametrize("filled", [0, 20])
def test_scenario_7_9_one_that_shows_up_after_it_was_given_up_is_no_excess(filled: int) -> None:
    desk = lost_answer()
    look_in_vain(desk, 9)
    desk.ack("A2")
    desk.copied(number=1)
    assert len(desk.taken()) == 1
    desk.books(ALICE, ours("PART_TRADED" if filled else "PENDING", filled=filled))
    (cancel,) = desk.taken()
    assert (cancel.kind, cancel.order_id) == (CANCEL, "A2")
    desk.ack()
    desk.copied("CANCELLED", number=1)
    desk.wait(30)
    assert desk.asked() == []
    assert not any("by hand" in text for text in desk.alerts())


def test_scenario_7_9_a_look_that_finds_what_the_stream_told_meanwhile() -> None:
    desk = lost_answer()
    desk.frame(ALICE, "A1", quantity=50)  # without a correlation id: nobody's, so far
    desk.looked(ours())
    assert desk.slot().order_id == "A1"
    desk.wait(60)
    assert (desk.asked(), desk.waiting) == ([], [])


def test_scenario_7_9_a_known_order_is_not_absent_when_a_look_brings_no_news() -> None:
    desk = Desk().start()
    desk.leader()
    desk.taken()
    desk.copied("PENDING")
    desk.answer(Fate.UNKNOWN)
    desk.restart(books=True)
    assert desk.waiting == []
    desk.wait(60)
    assert desk.asked() == []


def lost_store(*rows: ExecutionReport, leader: ExecutionReport | None = None, policy: Any = None) -> Desk:
    """A new store, while copies of an earlier one are at the broker."""
    desk = Desk(policy).start(books=False)
    desk.now += 60 * SECOND
    leader = leader or report(LEADER, "L1", broker_time=desk.now - 600 * SECOND)
    desk.books(LEADER, leader)
    desk.books(ALICE, *rows)
    return desk


def test_scenario_7_11_what_rests_under_our_ids_is_followed_on() -> None:
    desk = lost_store(ours())
    assert desk.asked() == []
    assert desk.decided() == (Decision.COPIED, None)
    desk.leader(price=105)
    assert desk.asked() == [(MODIFY, 50, 105)]


def test_scenario_7_11_what_has_filled_is_not_placed_again() -> None:
    desk = lost_store(ours("TRADED", filled=50))
    desk.wait(30)
    assert (desk.asked(), desk.copy().filled, desk.copy().drift) == ([], 50, "")


def test_scenario_7_11_what_missed_a_change_is_brought_up_to_date() -> None:
    desk = lost_store(ours(), leader=report(LEADER, "L1", price=107, broker_time=NOON - 60 * SECOND))
    assert desk.asked() == [(MODIFY, 50, 107)]


@pytest.mark.parametrize("filled", [0, 30])
def test_scenario_7_11_what_the_leader_cancelled_meanwhile_is_cancelled(filled: int) -> None:
    leader = report(LEADER, "L1", "CANCELLED", filled=filled, broker_time=NOON - 60 * SECOND)
    desk = lost_store(ours(), leader=leader)
    assert desk.asked() == [(CANCEL,)]


def test_scenario_7_11_what_the_rules_would_skip_today_is_followed_all_the_same() -> None:
    rule = {"name": "none", "match": {}, "action": "skip"}
    desk = lost_store(ours(), policy={"filters": {"rules": [rule]}})
    desk.leader(status="CANCELLED")
    assert desk.asked() == [(CANCEL,)]


def test_scenario_7_11_a_first_try_that_left_no_row_does_not_hide_the_second() -> None:
    desk = lost_store(ours(revision=1))
    assert desk.asked() == []
    assert [slot.order_id for slot in desk.copy().slots] == ["", "A2"]


def test_scenario_7_11_what_was_rejected_is_not_tried_again() -> None:
    desk = lost_store(ours("REJECTED", category=Category.MARGIN, text="funds"))
    assert desk.asked() == []
    assert desk.decided() == (Decision.DEAD, "rejected_margin")


def test_scenario_7_11_what_was_cancelled_by_hand_stays_cancelled() -> None:
    desk = lost_store(ours("CANCELLED"))
    desk.wait(30)
    assert desk.asked() == []


def test_a_follower_whose_books_are_not_read_yet_gets_nothing() -> None:
    desk = Desk().start(books=False)
    desk.books(LEADER)
    desk.leader()
    desk.leader(price=101)
    assert desk.asked() == []
    assert desk.decided() == (Decision.QUEUED, "checking")
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 101)]
    assert desk.decided() == (Decision.COPIED, None)


def test_cancelled_before_the_followers_books_were_read() -> None:
    desk = Desk().start(books=False)
    desk.leader()
    desk.leader(status="CANCELLED")
    desk.books(LEADER)
    desk.books(ALICE)
    assert desk.asked() == []
    assert desk.decided() == (Decision.SKIPPED, "leader_over")


def test_scenario_7_5_a_burst_leaves_within_the_rate_and_none_is_lost() -> None:
    desk = Desk().start()
    sent_at: list[int] = []
    for number in range(50):
        desk.now -= SECOND
        desk.leader(f"L{number}")
    sent_at += [desk.now] * len(desk.taken())
    assert len(sent_at) == 10
    while desk.due_at:
        desk.now = desk.due_at
        desk.feed(TimeReached(at=desk.now))
        sent_at += [desk.now] * len(desk.taken())
    assert len(sent_at) == 50
    assert all(later - earlier > SECOND for earlier, later in zip(sent_at, sent_at[10:], strict=False))
    assert {desk.decided(f"L{number}") for number in range(50)} == {(Decision.COPIED, None)}


def test_scenario_7_5_traded_meanwhile_and_too_old_is_late() -> None:
    desk = Desk({"late": {"max_age": "1s"}}, rate_limits={"orders": {"per_second": 1}}).start()
    for number in range(3):
        desk.now -= SECOND
        desk.leader(f"L{number}", "TRADED", filled=100)
    desk.wait(10)
    assert [one.leader_order_id for one in desk.taken()] == ["L0"]
    assert desk.decided("L1") == desk.decided("L2") == (Decision.SKIPPED, "late")


def test_scenario_7_13_a_clock_that_steps_back_holds_nothing_up() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L1")
    desk.now -= 3600 * SECOND
    desk.leader("L2")
    assert len(desk.taken()) == 2


def test_scenario_7_13_ages_are_the_brokers() -> None:
    desk = Desk().start(streams=False)
    desk.now += 3600 * SECOND
    ahead = -3600 * SECOND
    desk.feed(BooksRead(at=desk.now, account=LEADER, asked_at=desk.now, date=desk.now + ahead))
    assert desk.alerts() == ["this machine's clock is +3600 s off the broker's"]
    desk.leader(status="TRADED", filled=100, broker_time=desk.now + ahead - 2 * SECOND)
    assert len(desk.taken()) == 1


def test_scenario_8_9_unreadable_frames_are_counted_and_survived() -> None:
    desk = Desk().start()
    desk.feed(FrameUnreadable(at=desk.now, account=LEADER, raw=b"\x02", why="not JSON"))
    account = desk.state.tables["account"][LEADER]
    assert isinstance(account, Account)
    assert account.unreadable == 1
    desk.leader()
    assert len(desk.taken()) == 1


def test_scenario_8_9_an_unknown_status_is_kept_and_looked_up_and_never_acted_on() -> None:
    desk = Desk().start()
    desk.effects.clear()
    one = replace(report(LEADER, "L1"), status=None, status_text="WOBBLY")
    desk.feed(FrameRead(at=desk.now, account=LEADER, raw=b"", reports=(one,)))
    assert desk.asked() == []
    assert desk.reads(LEADER)
    desk.books(LEADER, report(LEADER, "L1"))
    assert desk.asked() == [(PLACE, 50, 100)]


def test_two_terms_within_one_broker_second_are_looked_up() -> None:
    desk = Desk().start()
    desk.leader(broker_time=NOON)
    desk.ack("A1")
    desk.effects.clear()
    desk.leader(price=101, broker_time=NOON)
    assert desk.reads(LEADER)
    desk.ack()
    desk.books(LEADER, report(LEADER, "L1", price=100, broker_time=NOON))
    assert desk.asked() == [(PLACE, 50, 100), (MODIFY, 50, 101), (MODIFY, 50, 100)]


def test_an_event_set_aside_is_told_and_the_books_are_read() -> None:
    desk = Desk().start()
    desk.effects.clear()
    desk.feed(EventSetAside(at=desk.now, account=ALICE, why="FrameRead failed twice"))
    assert desk.reads(ALICE)
    assert len(desk.alerts()) == 1


def test_what_is_long_over_is_forgotten_and_what_is_open_is_not() -> None:
    desk = Desk().start()
    desk.leader("L1", "TRADED", filled=100)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.leader("L2")
    desk.ack("A2")
    desk.now += 3 * 86_400 * SECOND
    desk.books(LEADER)
    assert set(desk.state.tables["leader_order"]) == {"L2"}
    assert set(desk.state.tables["copy"]) == {f"L2/{ALICE}"}
    assert all(key.startswith(corr(order_id="L2")[:-2]) or "A2" in key for key in desk.state.copy_of)


def test_a_short_duplicate_window_forgets_nothing_of_today() -> None:
    desk = Desk(resilience={"duplicate_window": "1s"}).start()
    desk.leader("L1", "TRADED", filled=100)
    desk.ack("A1")
    desk.copied("TRADED", filled=50)
    desk.now += 1000 * SECOND
    desk.books(LEADER)
    desk.books(LEADER, report(LEADER, "L1", "TRADED", filled=100, broker_time=NOON))
    assert [one.kind for one in desk.taken()] == [PLACE]


def test_every_request_that_waits_for_time_has_a_time() -> None:
    desk = lost_answer()
    desk.leader("L2")
    desk.reject(Category.THROTTLED)
    for one in desk.waiting:
        assert one.state is not RequestState.SENT
    assert desk.due_at > desk.now


def test_a_step_changes_nothing_and_says_the_same_twice() -> None:
    desk = Desk(followers=2).start()
    desk.leader()
    before = {name: dict(rows) for name, rows in desk.state.tables.items()}
    event = FrameRead(at=desk.now, account=LEADER, raw=b"", reports=(report(LEADER, "L9", as_of=desk.now),))
    assert step(desk.state, event) == step(desk.state, event)
    assert {name: dict(rows) for name, rows in desk.state.tables.items()} == before


def test_undoing_a_step_leaves_the_state_as_it_was() -> None:
    desk = Desk().start()
    before = {name: dict(rows) for name, rows in desk.state.tables.items()}
    event = FrameRead(at=desk.now, account=LEADER, raw=b"", reports=(report(LEADER, "L1", as_of=desk.now),))
    undo = desk.state.apply(step(desk.state, event).changes)
    desk.state.apply(reversed(undo))
    assert {name: dict(rows) for name, rows in desk.state.tables.items()} == before


def test_cancelled_while_a_figure_was_asked_for_it_is_over_not_a_size_of_zero() -> None:
    desk = Desk()
    desk.silent = {"margin"}
    desk.start()
    desk.leader()
    assert desk.decided() == (Decision.QUEUED, "checking")
    desk.leader(status="CANCELLED")
    assert desk.decided() == (Decision.SKIPPED, "leader_over")
