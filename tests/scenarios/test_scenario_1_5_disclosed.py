"""Scenarios 1.5.1 and 1.5.2 end to end: how much of an order the market sees."""

from typing import Any

import pytest

from tests.scenarios.desk import HALF, SHARE, Desk, pick

DISCLOSES: dict[str, Any] = {**SHARE, "price": 1390, "product_type": "CNC"}
SHOWN = ("quantity", "disclosedQuantity")


def ratio(times: float) -> dict[str, Any]:
    return {"sizing": {"strategy": "fixed_ratio", "ratio": times}}


@pytest.mark.parametrize(
    ("times", "quantity", "disclosed", "wanted", "note"),
    [
        (0.5, 100, 40, (50, 20), None),
        (0.5, 99, 50, (49, 25), None),  # 24.7, rounded
        (1, 10, 3, (10, 4), "disclosed_raised"),  # more than three tenths of it
        (0.01, 1000, 310, (10, 4), "disclosed_raised"),  # 3.1 would be shown
        (0.01, 100, 40, (1, 0), "disclosed_dropped"),  # of one nothing can be hidden
        (1, 100, 100, (100, 0), None),  # all of it is the same as none
    ],
)
def test_scenario_1_5_the_leaders_share_is_kept_and_legal(
    desk: Desk, times: float, quantity: int, disclosed: int, wanted: tuple[int, int], note: str | None
) -> None:
    desk.policy = ratio(times)
    desk.start()
    order = desk.place(**DISCLOSES, quantity=quantity, disclosed_quantity=disclosed)
    row = desk.follows(order, decision="copied", reason=note, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), *SHOWN) == wanted
    assert ("disclosed" in row["detail"]) is (note is not None)
    assert pick(desk.only(), *SHOWN) == wanted


def test_scenario_1_5_2_on_derivatives_it_is_dropped_with_a_note(desk: Desk) -> None:
    # The exchange refuses such an order of the leader's as well: a frame tells of it all the same.
    desk.settings("leader", hold=True)
    desk.policy = {"copy_on": "received"}
    desk.start()
    order = desk.place(disclosed_quantity=65)
    row = desk.follows(order, decision="copied", reason="disclosed_dropped", follower_status="PENDING")
    assert "disclosed_dropped" in row["detail"]
    desk.heard("place")
    assert pick(desk.asked(), *SHOWN) == (130, 0)


@pytest.mark.parametrize(("mode", "validity"), [("none", "IOC"), ("all", "DAY")])
def test_scenario_1_5_1_where_the_mapping_shows_none_or_all_nothing_is_disclosed_and_nothing_noted(
    desk: Desk, mode: str, validity: str
) -> None:
    desk.policy = {"mapping": {"disclosed": {"mode": mode}, "validity": {"DAY": validity}}}
    desk.start()
    order = desk.place(**DISCLOSES | {"price": 1405}, quantity=100, disclosed_quantity=10)
    row = desk.follows(order, decision="copied", reason=None, follower_status="TRADED")
    desk.heard("place")
    assert pick(desk.asked(), "validity", *SHOWN) == (validity, 100, 0)
    assert "disclosed" not in row["detail"]


def test_scenario_1_5_it_is_kept_in_a_modification_and_follows_his(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(**DISCLOSES, quantity=100, disclosed_quantity=40)
    desk.follows(order, decision="copied", follower_status="PENDING")
    assert pick(desk.asked(), *SHOWN) == (50, 20)
    steps = [
        ({"quantity": 100, "price": 1391, "disclosed_quantity": 40}, (50, 20)),  # his price alone
        ({"quantity": 200, "price": 1391, "disclosed_quantity": 80}, (100, 40)),
        ({"quantity": 200, "price": 1391, "disclosed_quantity": 100}, (100, 50)),  # what he shows alone
        ({"quantity": 200, "price": 1391, "disclosed_quantity": 20}, (100, 31)),  # raised
        ({"quantity": 60, "price": 1391, "disclosed_quantity": 20}, (30, 10)),
        ({"quantity": 60, "price": 1391, "disclosed_quantity": 0}, (30, 0)),
    ]
    for number, (change, wanted) in enumerate(steps, 1):
        desk.modify(order, **change)
        desk.eventually(lambda n=number: len(desk.calls("alice", "PUT")) == n, f"step {number}")
        assert pick(desk.asked(), *SHOWN) == wanted, number
        desk.eventually(lambda w=wanted: pick(desk.only(), *SHOWN) == w)
        desk.look_again()
    assert desk.alerts("by hand") == []
    desk.heard("place", *["modify"] * len(steps))


def test_scenario_1_5_an_order_that_becomes_ioc_discloses_nothing(desk: Desk) -> None:
    desk.settings("leader", hold_matching=True)
    desk.start()
    order = desk.place(**DISCLOSES, quantity=100, disclosed_quantity=40)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.modify(order, quantity=100, price=1405, validity="IOC")
    desk.follows(order, follower_status="TRADED")
    desk.heard("place", "modify")
    assert pick(desk.asked(), "validity", "price", *SHOWN) == ("IOC", 1405, 100, 0)


def test_scenario_1_5_what_a_filled_part_leaves_is_still_the_whole_orders_share(desk: Desk) -> None:
    desk.settings(hold_matching=True)
    desk.start()
    order = desk.place(**DISCLOSES, quantity=100, disclosed_quantity=40)
    row = desk.follows(order, decision="copied", follower_status="PENDING")
    desk.fill("alice", row["follower_order_ids"][0], 90, 1390)
    desk.follows(order, follower_filled=90)
    desk.modify(order, quantity=100, price=1392, disclosed_quantity=40)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "price", *SHOWN) == (1392, 100, 40)


def test_scenario_1_5_an_exit_discloses_the_share_of_what_it_closes(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    desk.follows(
        desk.place(**SHARE, product_type="CNC", quantity=100, order_type="MARKET", price=0), follower_status="TRADED"
    )
    order = desk.place(**DISCLOSES | {"price": 1420}, quantity=50, disclosed_quantity=20, transaction_type="SELL")
    desk.follows(order, exit=True, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place", "place")
    assert pick(desk.asked(), *SHOWN) == (25, 10)


def test_scenario_1_5_what_a_limit_cuts_shows_no_more_than_there_is(desk: Desk) -> None:
    desk.policy = {"limits": {"max_order_quantity": 30, "on_breach": "reduce"}}
    desk.start()
    order = desk.place(**DISCLOSES, quantity=100, disclosed_quantity=40)
    desk.follows(order, decision="copied", reason="reduced", follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), *SHOWN) == (30, 12)
    desk.modify(order, quantity=100, price=1391, disclosed_quantity=50)
    desk.heard("place", "modify")
    assert pick(desk.asked(), "price", *SHOWN) == (1391, 30, 15)
