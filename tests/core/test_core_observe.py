"""Frames that share a second of the broker's clock."""

from tests.core.building import LEADER, Desk, report

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
