"""What the leader changes while his order is open."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.reasons import Category
from copyctl.model.request import Fate, RequestKind
from copyctl.model.terms import Decision, OrderType, Side
from tests.core.building import ALICE, SECOND, Desk

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def resting(policy: dict[str, Any] | None = None, **said: Any) -> Desk:
    """A copy that rests at the broker."""
    desk = Desk(policy).start()
    desk.leader(**said)
    desk.ack("A1")
    desk.copied()
    desk.taken()
    return desk


def test_scenario_2_1_the_total_quantity_follows() -> None:
    desk = resting(quantity=50)
    desk.leader(quantity=100)
    assert desk.asked() == [(MODIFY, 50, 100)]
    assert desk.copy().detail == "0.5 x 100 = 50, in lots of 5 rounded down: 10 = 50 units"


def test_scenario_2_1_never_below_what_has_filled() -> None:
    desk = resting(quantity=100)
    desk.copied("PART_TRADED", filled=30)
    desk.leader(quantity=60)
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    desk.alerts()
    desk.copied("CANCELLED", filled=30)
    assert desk.alerts() == []
    assert (desk.asked(), desk.copy().filled, desk.copy().drift) == ([], 30, "")


def test_scenario_2_1_what_has_filled_counts_in_the_total() -> None:
    desk = resting(quantity=100)
    desk.copied("PART_TRADED", filled=30)
    desk.leader(quantity=80)
    assert desk.asked() == [(MODIFY, 40, 100)]


def test_scenario_2_2_and_2_3_price_and_trigger_follow() -> None:
    desk = resting(order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    desk.leader(order_type="STOP_LOSS", trigger=90, price=89, side=Side.SELL)
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.order_id, request.desired.terms.trigger_price, request.desired.terms.price) == ("A1", 90, 89)


def test_scenario_2_4_a_limit_that_becomes_a_market_order_loses_its_price() -> None:
    desk = resting()
    desk.leader(order_type="MARKET")
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.desired.terms.order_type, request.desired.terms.price) == (OrderType.MARKET, 0)


@pytest.mark.parametrize("becomes", ["LIMIT", "MARKET"])
def test_scenario_2_4_a_stop_that_triggers_is_no_modification(becomes: str) -> None:
    desk = resting(order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    desk.leader(status="TRIGGERED", order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    desk.leader(status="PENDING", order_type=becomes, price=94, side=Side.SELL)
    assert desk.asked() == []


def test_scenario_2_4_a_stop_that_has_triggered_for_the_follower_is_not_rearmed_by_a_new_quantity() -> None:
    desk = resting(order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    desk.copied("TRIGGERED", order_type="LIMIT", price=94, quantity=50)
    desk.leader(order_type="LIMIT", price=94, side=Side.SELL)
    desk.leader(order_type="LIMIT", price=94, side=Side.SELL, quantity=200)
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.desired.terms.order_type, request.desired.terms.trigger_price) == (OrderType.LIMIT, 0)
    assert request.desired.terms.quantity == 100
    desk.ack()
    desk.books(ALICE, desk.row(order_type="LIMIT", price=94, quantity=100), after=5 * SECOND)
    assert (desk.alerts(), desk.asked(), desk.copy().drift) == ([], [], "")


def test_scenario_2_4_a_market_order_held_as_a_protected_limit_is_no_modification_but_a_new_price_is() -> None:
    desk = resting(order_type="MARKET")
    desk.leader(order_type="LIMIT", price="101")
    assert desk.asked() == []
    desk.leader(order_type="LIMIT", price="99")
    assert desk.asked() == [(MODIFY, 50, 99)]


def test_scenario_2_5_validity_follows() -> None:
    desk = resting()
    desk.leader(validity="IOC")
    (request,) = desk.taken()
    assert request.desired is not None
    assert request.desired.terms.validity == "IOC"


def test_scenario_2_6_only_the_latest_of_many_is_sent() -> None:
    desk = resting()
    for price in range(101, 121):
        desk.leader(price=price)
    assert desk.asked() == [(MODIFY, 50, 101)]
    desk.ack()
    assert desk.asked() == [(MODIFY, 50, 120)]
    desk.ack()
    assert desk.asked() == []


def test_scenario_2_6_an_older_frame_does_not_take_it_backwards() -> None:
    desk = resting()
    desk.leader(price=102)
    desk.leader(price=101, broker_time=desk.now // SECOND * SECOND - 5 * SECOND)
    desk.ack()
    assert desk.asked() == [(MODIFY, 50, 102)]


def test_scenario_2_6_after_25_modifications_it_is_placed_anew_and_never_more_is_open() -> None:
    desk = resting()
    for number in range(25):
        desk.leader(price=101 + number)
        desk.ack()
    assert [one[0] for one in desk.asked()] == [MODIFY] * 25
    desk.copied("PART_TRADED", filled=20)
    desk.leader(price=200, filled=40, status="PART_TRADED")
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    assert desk.asked() == []
    desk.copied("CANCELLED", filled=25)
    (request,) = desk.taken()
    assert request.desired is not None
    assert (request.kind, request.desired.terms.quantity, request.desired.terms.price) == (PLACE, 25, 200)
    assert request.correlation_id == desk.copy().slots[1].correlation_id != desk.copy().slots[0].correlation_id
    assert desk.alerts() == []


def test_scenario_2_7_a_refused_modification_leaves_the_copy_as_it_is_and_says_so() -> None:
    desk = resting()
    desk.leader(price=105)
    desk.taken()
    desk.reject(Category.PRICE_BAND, "outside the band")
    assert desk.alerts() == ["the broker refused a modification: outside the band"]
    assert desk.copy().drift == "a modification was refused: outside the band"
    desk.books(ALICE, desk.row(price=100, quantity=50), after=30 * SECOND)
    desk.wait(60)
    assert desk.asked() == []
    assert desk.decided() == (Decision.COPIED, None)
    desk.leader(price=104)
    assert desk.asked() == [(MODIFY, 50, 104)]
    assert desk.copy().drift == ""


def test_scenario_2_7_a_modification_that_is_refused_late_is_found_in_the_book() -> None:
    desk = resting()
    desk.books(ALICE, desk.row(), after=5 * SECOND)
    desk.leader(price=105)
    desk.ack()
    desk.taken()
    desk.alerts()
    desk.books(ALICE, desk.row(price=100, quantity=50), after=SECOND)
    assert desk.alerts() == []
    desk.books(ALICE, desk.row(price=100, quantity=50), after=15 * SECOND)
    assert desk.alerts() == ["the broker refused a modification after it had taken it"]
    assert desk.copy().drift.startswith("a modification was refused")
    desk.books(ALICE, desk.row(price=100, quantity=50), after=15 * SECOND)
    assert (desk.asked(), desk.alerts()) == ([], [])


def test_scenario_2_7_a_refusal_on_the_stream_is_looked_up_and_does_not_end_the_copy() -> None:
    desk = resting()
    desk.leader(price=105)
    desk.ack()
    desk.taken()
    desk.effects.clear()
    desk.copied("REJECTED", text="price out of band")
    assert desk.reads(ALICE)
    assert desk.slot().live
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_2_8_after_the_follower_filled_nothing_is_sent_and_a_difference_is_drift() -> None:
    desk = resting()
    desk.copied("TRADED", filled=50)
    desk.leader(price=101)
    assert (desk.asked(), desk.copy().drift) == ([], "")
    desk.leader(quantity=200, price=101)
    assert desk.asked() == []
    assert desk.copy().drift == "filled 50 where 100 are wanted"


def test_scenario_2_8_a_modification_that_meets_a_fill_is_drift_and_not_sent_again() -> None:
    desk = resting()
    desk.leader(quantity=200)
    desk.taken()
    desk.copied("TRADED", quantity=50, filled=50)
    desk.reject(Category.NO_SUCH_ORDER)
    desk.leader(quantity=200, price=101)
    desk.wait(60)
    assert desk.asked() == []
    assert desk.copy().drift == "filled 50 where 100 are wanted"


def test_scenario_2_9_too_little_cancels_and_raised_again_it_is_placed_anew() -> None:
    desk = resting()
    desk.leader(quantity=9)
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    desk.leader(quantity=80)
    assert desk.asked() == []
    desk.copied("CANCELLED")
    assert desk.asked() == [(PLACE, 40, 100)]
    assert desk.alerts() == []
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_2_9_one_that_was_refused_for_its_quantity_is_decided_again_when_it_is_raised() -> None:
    desk = Desk().start()
    desk.leader(quantity=9)
    desk.leader(quantity=9, price=101)
    assert desk.asked() == []
    desk.leader(quantity=100, price=101)
    assert desk.asked() == [(PLACE, 50, 101)]
    assert desk.decided() == (Decision.COPIED, None)


def test_scenario_2_9_one_that_never_left_says_zero_quantity_and_is_taken_up_again() -> None:
    desk = Desk(rate_limits={"orders": {"per_second": 1}}).start()
    desk.leader("L0")
    desk.now -= SECOND
    desk.leader("L1")
    assert desk.decided("L1") == (Decision.QUEUED, "rate_limit")
    desk.now -= SECOND
    desk.leader("L1", quantity=9)
    assert desk.decided("L1") == (Decision.REFUSED, "zero_quantity")
    desk.taken()
    desk.wait(5)
    assert desk.asked() == []
    desk.leader("L1", quantity=100)
    assert desk.asked() == [(PLACE, 50, 100)]
    assert desk.decided("L1") == (Decision.COPIED, None)
    assert desk.copy("L1").detail == "0.5 x 100 = 50, in lots of 5 rounded down: 10 = 50 units"


def test_scenario_2_9_a_rejection_for_its_price_is_decided_again_when_the_price_changes() -> None:
    desk = Desk().start()
    desk.leader()
    desk.reject(Category.PRICE_BAND, "circuit")
    assert desk.decided() == (Decision.DEAD, "rejected_price_band")
    desk.taken()
    desk.leader(quantity=200)
    assert desk.asked() == []
    desk.leader(quantity=200, price=101)
    assert desk.asked() == [(PLACE, 100, 101)]
    assert desk.decided() == (Decision.COPIED, None)
    assert [slot.revision for slot in desk.copy().slots] == [0, 1]


def test_scenario_2_9_a_change_that_leaves_the_copy_as_it_was_rejected_does_not_revive_it() -> None:
    desk = Desk().start()
    desk.leader(quantity=100)
    desk.reject(Category.QUANTITY, "not a multiple of the lot")
    desk.taken()
    desk.leader(quantity=105)
    assert desk.asked() == []
    assert desk.decided() == (Decision.DEAD, "rejected_quantity")


@pytest.mark.parametrize("category", [Category.MARGIN, Category.HOLDINGS, Category.BLOCKED, Category.UNKNOWN])
def test_scenario_2_9_a_rejection_for_margin_is_final(category: Category) -> None:
    desk = Desk().start()
    desk.leader()
    desk.reject(category, "no")
    desk.taken()
    desk.leader(quantity=20, price=90)
    desk.wait(60)
    assert desk.asked() == []
    assert desk.decided() == (Decision.DEAD, f"rejected_{category}")


def test_a_change_that_cannot_be_mapped_leaves_the_copy_and_is_told() -> None:
    desk = resting({"mapping": {"validity": {"IOC": "skip"}}})
    desk.leader(validity="IOC")
    assert desk.asked() == []
    assert desk.alerts() == ["the leader's change cannot be copied: validity IOC is not copied"]
    assert desk.copy().drift == "the leader's change cannot be copied: validity IOC is not copied"
    desk.leader(price=101)
    assert desk.asked() == [(MODIFY, 50, 101)]
    assert desk.copy().drift == ""


def test_scenario_8_1_modified_before_the_placement_returned() -> None:
    desk = Desk().start()
    desk.leader()
    desk.leader(price=101)
    desk.leader(price=102, quantity=200)
    assert desk.asked() == [(PLACE, 50, 100)]
    desk.ack("A1")
    assert desk.asked() == [(MODIFY, 100, 102)]


def test_a_modification_of_unknown_fate_is_settled_by_the_book_and_sent_again_where_it_did_not_take_place() -> None:
    desk = resting()
    desk.leader(price=105)
    desk.taken()
    desk.answer(Fate.UNKNOWN)
    assert desk.reads(ALICE)
    desk.books(ALICE, desk.row(price=100, quantity=50))
    assert desk.asked() == [(MODIFY, 50, 105)]
    desk.answer(Fate.UNKNOWN)
    desk.books(ALICE, desk.row(price=105, quantity=50))
    desk.wait(60)
    assert desk.asked() == []
    assert desk.slot().asked.price == Decimal(105)


def test_a_modification_of_unknown_fate_is_looked_for_while_the_book_does_not_show_its_order() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.leader(price=99)
    assert desk.asked() == [(PLACE, 50, 100), (MODIFY, 50, 99)]
    desk.answer(Fate.UNKNOWN)
    desk.books(ALICE, after=3 * SECOND)  # seen late: the order itself is not there yet
    assert desk.asked() == []
    desk.books(ALICE, desk.row(price=100, quantity=50), after=3 * SECOND)
    assert desk.asked() == [(MODIFY, 50, 99)]
    assert desk.alerts() == []


def test_a_change_that_gave_way_to_a_cancel_was_never_asked_and_nobody_refused_it() -> None:
    desk = Desk(rate_limits={"orders": {"per_minute": 2}, "reserve_pct": 50}).start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.leader(price=99)
    assert desk.asked() == [(PLACE, 50, 100)]  # the change waits: the minute is spent but for the reserve
    desk.leader(status="CANCELLED", price=99)
    assert desk.asked() == [(CANCEL,)]
    desk.ack()
    desk.alerts()
    for _ in range(3):  # the broker has said yes, and does nothing
        desk.books(ALICE, desk.row(price=100, quantity=50), after=15 * SECOND)
    assert [text for text in desk.alerts() if "modification" in text] == []
