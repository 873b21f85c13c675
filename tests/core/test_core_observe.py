"""Frames that share a second of the broker's clock."""

from copyctl.model.events import FrameUnreadable
from tests.core.building import ALICE, LEADER, SECOND, Desk, report

SAME_SECOND = 1_800_000_000 * 1_000_000_000


def test_terms_that_come_back_within_a_second_are_looked_up_after_a_book_settled_it() -> None:
    desk = Desk().start()
    desk.leader(price=100, broker_time=SAME_SECOND)
    desk.leader(price=101, broker_time=SAME_SECOND)
    desk.books(LEADER, report(LEADER, "L1", price=101, broker_time=SAME_SECOND))
    assert desk.order(LEADER, "L1").terms.price == 101
    desk.reads(LEADER)
    desk.leader(price=100, broker_time=SAME_SECOND)  # an old frame again, or the leader's way back
    assert desk.reads(LEADER)
    desk.books(LEADER, report(LEADER, "L1", price=100, broker_time=SAME_SECOND))
    assert desk.order(LEADER, "L1").terms.price == 100


def test_a_frame_that_says_what_is_known_asks_for_nothing() -> None:
    desk = Desk().start()
    desk.leader(price=100, broker_time=SAME_SECOND)
    desk.reads(LEADER)
    for _ in range(3):
        desk.leader(price=100, broker_time=SAME_SECOND)
    assert not desk.reads(LEADER)


def test_an_old_frame_of_another_second_asks_for_nothing() -> None:
    desk = Desk().start()
    desk.leader(price=100, broker_time=SAME_SECOND)
    desk.leader(price=101, broker_time=SAME_SECOND + 1_000_000_000)
    desk.reads(LEADER)
    desk.leader(price=100, broker_time=SAME_SECOND)
    assert not desk.reads(LEADER)


def test_an_order_that_is_only_seen_again_changes_nothing() -> None:
    """A sweep every few seconds must neither write nor touch ``updated_at`` of what it finds as it was."""
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    rows = ((LEADER, report(LEADER, "L1")), (ALICE, desk.row()))
    for account, row in rows * 2:
        desk.books(account, row, after=5 * SECOND)
    changed = [one for account, row in rows * 3 for one in desk.books(account, row, after=10 * SECOND).changes]
    assert {one.table for one in changed} <= {"account"}


def test_a_modification_that_was_refused_late_is_noticed_by_a_book_that_tells_nothing_new() -> None:
    desk = Desk().start()
    desk.leader(price=100)
    desk.ack("A1")
    desk.books(ALICE, desk.row())
    desk.leader(price=101)
    desk.ack("A1")
    desk.books(ALICE, desk.row(price=100), after=10 * SECOND)
    assert desk.slot().changes_refused


def test_a_stop_that_triggered_and_rests_is_pending_again() -> None:
    desk = Desk().start()
    stop = {"order_type": "STOP_LOSS", "trigger": 101, "price": 102}
    desk.leader("L1", "PENDING", **stop)
    desk.leader("L1", "TRIGGERED", **stop)
    assert desk.order(LEADER, "L1").status == "TRIGGERED"
    desk.leader("L1", "PENDING", price=102)
    order = desk.order(LEADER, "L1")
    assert order.status == "PENDING"
    assert order.triggered


def test_scenario_3_7_an_ioc_rest_that_the_exchange_ends_is_not_cancelled_by_us() -> None:
    desk = Desk().start()
    desk.leader("L1", "TRANSIT", validity="IOC")
    desk.leader("L1", "PART_TRADED", validity="IOC", filled=40)
    desk.ack("A1")
    desk.taken()
    desk.leader("L1", "CANCELLED", validity="IOC", filled=40)
    assert desk.taken() == []
    desk.books(ALICE, desk.row("CANCELLED", filled=20))
    assert desk.taken() == []


def test_scenario_3_7_an_ioc_rest_that_a_book_shows_open_is_cancelled() -> None:
    desk = Desk().start()
    desk.leader("L1", "PART_TRADED", validity="IOC", filled=40)
    desk.ack("A1")
    desk.taken()
    desk.leader("L1", "CANCELLED", validity="IOC", filled=40)
    desk.books(ALICE, desk.row("PENDING"))
    assert [one.kind for one in desk.taken()] == ["cancel"]


def test_scenario_8_9_unreadable_frames_above_a_rate_are_told_once() -> None:
    desk = Desk().start()
    for _ in range(12):
        desk.now += SECOND
        desk.feed(FrameUnreadable(at=desk.now, account=LEADER, raw=b"\xff", why="it is no JSON"))
    assert len([text for text in desk.alerts() if "could not be read" in text]) == 1
    desk.now += 400 * SECOND
    for _ in range(4):
        desk.now += 20 * SECOND
        desk.feed(FrameUnreadable(at=desk.now, account=LEADER, raw=b"\xff", why="it is no JSON"))
    assert desk.alerts() == []
    account = desk.state.tables["account"][LEADER]
    assert account.unreadable == 16
