"""Orders above the freeze quantity: one call, several orders at the exchange, one copy (scenario 1.6)."""

from typing import Any

import pytest

from tests.scenarios.desk import Desk, Row

FIVE = {"quantity": 4 * 1755 + 130}
"""Units of NIFTY: lot 65, freeze quantity 1800, so 1755 an order: four of these and one of two lots."""
PARTS = [1755, 1755, 1755, 1755, 130]


@pytest.fixture(autouse=True)
def _money(desk: Desk) -> None:
    for name in desk.broker.accounts:
        desk.broker.tell("funds", account=name, available=100_000_000)


def large(desk: Desk, **changes: Any) -> str:
    """An order of the leader's that is copied five times as large, in five slices."""
    desk.policy = {"sizing": {"strategy": "fixed_quantity", "quantity": FIVE["quantity"]}, **desk.policy}
    desk.start()
    return desk.place(**changes)


def open_sizes(desk: Desk) -> list[int]:
    return [row["quantity"] for row in desk.book() if row["orderStatus"] in ("TRANSIT", "PENDING", "PART_TRADED")]


def sliced(desk: Desk, order: str) -> Row:
    return desk.follows(order, decision="copied", reason="sliced", follower_quantity=FIVE["quantity"])


@pytest.mark.parametrize(("answer", "correlation"), [("list", "same"), ("list", "first"), ("object", "same")])
def test_scenario_1_6_the_broker_slices_and_all_slices_are_one_copy(desk: Desk, answer: str, correlation: str) -> None:
    desk.settings("alice", slicing_answer=answer, slice_correlation=correlation)
    order = large(desk)
    sliced(desk, order)
    row = desk.follows(order, follower_status="PENDING")
    assert [call["path"] for call in desk.calls()] == ["/orders/slicing"]
    assert (desk.asked()["quantity"], open_sizes(desk)) == (FIVE["quantity"], PARTS)
    assert sorted(row["follower_order_ids"]) == sorted(one["orderId"] for one in desk.book())
    assert row["drift"] is None
    desk.look_again(times=3)
    desk.heard("place")


def test_scenario_1_6_slices_that_nothing_tells_are_not_sent_again(desk: Desk) -> None:
    desk.settings("alice", slicing_answer="object", slice_correlation="first")
    order = large(desk)
    desk.follows(order, decision="copied", follower_quantity=1755)
    (told,) = desk.eventually(lambda: desk.alerts("are in no order that the broker shows"))
    assert told["text"].startswith("5395 units of ")
    desk.look_again(times=3)
    desk.heard("place")


def test_scenario_2_1_more_and_less_of_all_slices_together(desk: Desk) -> None:
    desk.policy = {"sizing": {"strategy": "fixed_ratio", "ratio": 5}}
    desk.start()
    order = desk.place(quantity=1430)
    desk.follows(order, follower_quantity=7150, reason="sliced")
    desk.modify(order, quantity=715)
    desk.follows(order, follower_quantity=3575)
    desk.eventually(lambda: sum(open_sizes(desk)) == 3575)
    desk.modify(order, quantity=1430)
    desk.follows(order, follower_quantity=7150)
    desk.eventually(lambda: sum(open_sizes(desk)) == 7150)
    assert max(open_sizes(desk)) <= 1755


def test_scenario_2_2_a_price_goes_to_every_slice(desk: Desk) -> None:
    order = large(desk)
    sliced(desk, order)
    desk.modify(order, price=91)
    desk.eventually(lambda: [row["price"] for row in desk.book()] == [91] * 5)
    assert desk.verbs() == ["place", *["modify"] * 5]


def test_scenario_3_1_the_leaders_cancel_ends_every_slice(desk: Desk) -> None:
    order = large(desk)
    sliced(desk, order)
    desk.cancel(order)
    row = desk.follows(order, follower_status="CANCELLED", follower_filled=0)
    assert row["drift"] is None
    assert desk.verbs() == ["place", *["cancel"] * 5]
    assert open_sizes(desk) == []


def test_scenario_4_3_the_average_of_all_slices_is_one(desk: Desk) -> None:
    desk.settings("alice", hold_matching=True)
    order = large(desk)
    sliced(desk, order)
    ids = [row["orderId"] for row in desk.book()]
    desk.fill("alice", ids[0], 1755, 90)
    desk.fill("alice", ids[4], 130, 80)
    row = desk.follows(order, follower_filled=1885, follower_status="PART_TRADED")
    assert row["follower_average_price"] == pytest.approx((1755 * 90 + 130 * 80) / 1885, abs=0.0001)


def test_scenario_1_6_the_third_of_five_slices_is_rejected(desk: Desk) -> None:
    desk.settings("alice", slices_rejected=["3"])
    order = large(desk)
    row = desk.follows(order, decision="copied", follower_quantity=FIVE["quantity"] - 1755)
    assert row["drift"] == "1755 of 7150 units were rejected (margin)"
    (told,) = desk.eventually(lambda: desk.alerts("of a sliced copy"))
    assert told["text"].startswith("the broker rejected 1755 of 7150 units of a sliced copy (margin)")
    desk.look_again(times=2)
    desk.heard("place")
    desk.modify(order, price=91)
    desk.eventually(lambda: [row["price"] for row in desk.book() if row["orderStatus"] == "PENDING"] == [91] * 4)
    desk.cancel(order)
    desk.eventually(lambda: open_sizes(desk) == [])
    assert desk.verbs().count("place") == 1


def test_scenario_4_6_an_exit_is_sliced_too(desk: Desk) -> None:
    carried = {"order_type": "MARKET", "price": 0, "product_type": "MARGIN"}  # no broker squares it off
    order = large(desk, **carried)
    desk.follows(order, follower_filled=FIVE["quantity"])
    closed = desk.place(**carried, transaction_type="SELL")
    desk.follows(closed, decision="copied", reason="sliced", follower_filled=FIVE["quantity"])
    assert [call["path"] for call in desk.calls()] == ["/orders/slicing"] * 2
    assert desk.net() == 0


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_scenario_7_9_a_sliced_call_that_breaks_is_settled_before_anything_else(desk: Desk, kind: str) -> None:
    desk.fault(kind, times=1)
    order = large(desk)
    sliced(desk, order)
    desk.look_again(times=3)
    assert sum(open_sizes(desk)) == FIVE["quantity"]
    assert desk.verbs().count("place") == (2 if kind == "reset_before" else 1)


def test_scenario_7_11_after_the_store_is_lost_no_slice_is_placed_again(desk: Desk) -> None:
    order = large(desk)
    sliced(desk, order)
    desk.kill()
    desk.store.rename(desk.folder / "lost")
    desk.start()
    desk.follows(order, decision="copied", follower_quantity=FIVE["quantity"])
    desk.cancel(order)
    desk.eventually(lambda: open_sizes(desk) == [])
    assert desk.verbs().count("place") == 1


def test_scenario_1_6_the_files_smaller_value_is_cut_by_copyctl(desk: Desk) -> None:
    desk.policy = {"mapping": {"freeze_quantity": {"NIFTY": 650}}}
    desk.start()
    order = desk.place(quantity=1430)
    desk.follows(order, decision="copied", reason="sliced", follower_quantity=1430)
    assert [call["path"] for call in desk.calls()] == ["/orders"] * 3
    assert open_sizes(desk) == [650, 650, 130]


def test_scenario_1_6_never_refuses_it(desk: Desk) -> None:
    desk.policy = {"mapping": {"slicing": "never"}}
    order = large(desk)
    row = desk.follows(order, decision="refused", reason="freeze_quantity")
    assert row["detail"] == "7150 units are above the freeze quantity of 1755 (mapping.slicing: never)"
    desk.heard()
