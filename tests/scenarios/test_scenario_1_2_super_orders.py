"""Super orders end to end: an entry with a target and a stop that the broker keeps, mirrored as one (scenario 1.2).

What is done to legs runs where these have ids of their own and where they share their entry's: sources disagree.
"""

from typing import Any

import pytest

from tests.scenarios.desk import CALL, Desk, Row, pick

TARGET, STOP = "TARGET_LEG", "STOP_LOSS_LEG"


both_ids = pytest.mark.parametrize("_legs", ["own", "shared"], indirect=True)


@pytest.fixture(autouse=True)
def _legs(desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.settings(leg_ids=getattr(request, "param", "own"))


def place(desk: Desk, **changes: Any) -> str:
    """The leader's super order: buys two lots at the market (about 101), target 110, stop 95; its id."""
    wanted = {
        **CALL,
        "transaction_type": "BUY",
        "quantity": 130,
        "order_type": "LIMIT",
        "product_type": "INTRADAY",
        "price": 102,
        "targetPrice": 110,
        "stopLossPrice": 95,
        "trailingJump": 0,
        **changes,
    }
    answer = desk.dhan.place_super_order(**wanted)
    assert answer["status"] == "success", answer
    return str(answer["data"]["orderId"])


def change(desk: Desk, order: str, leg: str, **changes: Any) -> None:
    wanted = {"order_type": "LIMIT", "quantity": 130, "price": 90, "targetPrice": 110, "stopLossPrice": 95, **changes}
    answer = desk.dhan.modify_super_order(order_id=order, leg_name=leg, **{"trailingJump": 0, **wanted})
    assert answer["status"] == "success", answer


def supers(desk: Desk, account: str = "alice") -> list[Row]:
    rows = desk.broker.ask("super_orders", account=account)
    return list(rows["super_orders"] if isinstance(rows, dict) else rows)


def legs(desk: Desk, account: str = "alice") -> dict[str, tuple[str, float]]:
    """Status and price of the legs of an account's super order."""
    (row,) = supers(desk, account)
    return {leg["legName"]: (leg["orderStatus"], leg["price"]) for leg in row["legDetails"]}


def live(desk: Desk, policy: dict[str, Any] | None = None, **changes: Any) -> str:
    """Both have bought, and both have their legs."""
    desk.policy = policy or {}
    desk.start()
    order = place(desk, **changes)
    desk.follows(order, decision="copied", follower_status="TRADED")
    for leg in (TARGET, STOP):
        desk.eventually(lambda name=leg: desk.copy(f"{order}:{name}")["decision"] == "copied", leg)
    return order


def paths(desk: Desk) -> list[tuple[str, str]]:
    own = {row["orderId"]: "ID" for row in supers(desk)}
    found = []
    for call in desk.calls():
        parts = [own.get(part, part) for part in call["path"].split("/")]
        found.append((call["method"], "/".join(parts)))
    return found


@both_ids
def test_scenario_1_2_mirrored_with_its_legs_in_one_call(desk: Desk) -> None:
    order = live(desk)
    desk.look_again(times=3)
    desk.heard("place")
    assert paths(desk) == [("POST", "/super/orders")]
    assert pick(desk.asked(), "quantity", "price", "targetPrice", "stopLossPrice", "trailingJump", "productType") == (
        130, 102, 110, 95, 0, "INTRADAY",
    )  # fmt: skip
    assert legs(desk) == {TARGET: ("PENDING", 110), STOP: ("PENDING", 95)}
    assert pick(desk.copy(order), "price", "target_price", "stop_price") == (102, 110, 95)
    assert "LIMIT 102, target 110, stop 95" in desk.look("orders", "--format", "table").replace("\n", " ")


def test_scenario_1_2_a_market_entry_which_the_clients_encoder_refuses(desk: Desk) -> None:
    desk.start()
    order = str(
        desk.broker.tell(
            "place",
            account="leader",
            kind="super",
            order={
                "transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY",
                "orderType": "MARKET", "securityId": "43210", "quantity": 130, "price": 0,
                "targetPrice": 110, "stopLossPrice": 95, "trailingJump": 0,
            },
        )["order_id"]
    )  # fmt: skip
    desk.follows(order, decision="copied", follower_status="TRADED")
    assert pick(desk.asked(), "orderType", "price", "targetPrice") == ("MARKET", 0, 110)


def test_scenario_2_an_entry_that_rests_is_changed_whole(desk: Desk) -> None:
    desk.start()
    order = place(desk, price=90, stopLossPrice=85)
    desk.follows(order, follower_status="PENDING")
    change(desk, order, "ENTRY_LEG", price=91, targetPrice=111, stopLossPrice=86)
    desk.eventually(lambda: legs(desk) == {TARGET: ("PENDING", 111), STOP: ("PENDING", 86)})
    assert [row["price"] for row in supers(desk)] == [91]
    desk.look_again(times=2)
    assert desk.verbs()[:2] == ["place", "modify"]
    assert len(desk.verbs()) <= 3  # a frame tells the price, and only the book the exits


def test_scenario_3_1_cancelled_before_it_filled(desk: Desk) -> None:
    desk.start()
    order = place(desk, price=90, stopLossPrice=85)
    desk.follows(order, follower_status="PENDING")
    assert desk.dhan.cancel_super_order(order, "ENTRY_LEG")
    desk.follows(order, follower_status="CANCELLED")
    assert paths(desk) == [("POST", "/super/orders"), ("DELETE", "/super/orders/ID/ENTRY_LEG")]


@both_ids
def test_scenario_2_3_the_stop_and_2_2_the_target_are_moved_leg_by_leg(desk: Desk) -> None:
    order = live(desk)
    change(desk, order, STOP, stopLossPrice=97)
    desk.eventually(lambda: legs(desk)[STOP] == ("PENDING", 97))
    change(desk, order, TARGET, targetPrice=112)
    desk.eventually(lambda: legs(desk)[TARGET] == ("PENDING", 112))
    desk.look_again(times=2)
    assert paths(desk)[1:] == [("PUT", "/super/orders/ID")] * 2
    assert [pick(call["body"], "legName") for call in desk.calls()[1:]] == [(STOP,), (TARGET,)]


def test_scenario_2_3_a_stop_that_trails_ten_times_on_both_sides_costs_no_call(desk: Desk) -> None:
    order = live(desk, trailingJump=0.5)
    for step in range(1, 11):
        desk.price(101.10 + 0.5 * step)
    for account in ("leader", "alice"):
        desk.eventually(lambda name=account: legs(desk, name)[STOP][1] == 100, f"{account}'s stop has trailed")
    desk.look_again(times=3)
    desk.heard("place")
    assert desk.alerts("by hand") == []
    desk.price(99)
    desk.follows(f"{order}:{STOP}", follower_filled=130)
    desk.heard("place")
    assert (desk.net("leader"), desk.net()) == (0, 0)


@both_ids
def test_scenario_3_4_he_cancels_his_target_alone(desk: Desk) -> None:
    order = live(desk)
    assert desk.dhan.cancel_super_order(order, TARGET)
    desk.eventually(lambda: legs(desk)[TARGET][0] == "CANCELLED")
    assert legs(desk)[STOP][0] == "PENDING"
    assert paths(desk)[1:] == [("DELETE", "/super/orders/ID/TARGET_LEG")]


@both_ids
@pytest.mark.parametrize(("price", "hit"), [(110.5, TARGET), (94.5, STOP)])
def test_scenario_4_6_either_leg_is_hit_on_both_and_nothing_is_mirrored_twice(
    desk: Desk, price: float, hit: str
) -> None:
    order = live(desk)
    desk.price(price)
    desk.follows(f"{order}:{hit}", follower_filled=130, leader_filled=130)
    desk.look_again(times=3)
    desk.heard("place")
    assert (desk.net("leader"), desk.net()) == (0, 0)
    assert [copy["drift"] for copy in desk.copies()] == [None] * 3


@both_ids
def test_scenario_8_3_the_target_is_hit_on_the_follower_first(desk: Desk) -> None:
    order = live(desk)
    entry = supers(desk)[0]["orderId"]
    desk.broker.tell("fill", account="alice", order_id=entry, leg=TARGET, quantity=130, price=110)
    desk.follows(f"{order}:{TARGET}", follower_filled=130)
    desk.look_again(times=3)
    desk.price(110.5)
    desk.eventually(lambda: desk.net("leader") == 0)
    desk.look_again(times=3)
    desk.heard("place")
    assert desk.net() == 0


@both_ids
def test_scenario_4_13_his_stop_has_traded_and_ours_has_not(desk: Desk) -> None:
    order = live(desk, {"fills": {"lag_alert": "1s", "lag_deadline": "2s"}})
    desk.settings("alice", hold_matching=True)
    desk.price(94.5)
    desk.eventually(lambda: desk.net("leader") == 0)
    desk.eventually(lambda: {status for status, _ in legs(desk).values()} == {"CANCELLED"}, "both legs are given up")
    desk.settings("alice", hold_matching=False)
    desk.price(94.4)
    desk.eventually(lambda: desk.net() == 0)
    desk.follows(f"{order}:{STOP}", follower_filled=130)
    assert sorted(paths(desk)[1:]) == [
        ("DELETE", "/super/orders/ID/STOP_LOSS_LEG"),
        ("DELETE", "/super/orders/ID/TARGET_LEG"),
        ("POST", "/orders"),
    ]


@both_ids
def test_scenario_4_6_he_closes_by_another_order_and_no_leg_of_ours_outlives_the_position(desk: Desk) -> None:
    live(desk)
    closed = desk.place(order_type="MARKET", price=0, transaction_type="SELL")
    desk.follows(closed, decision="copied", follower_filled=130)
    assert {status for status, _ in legs(desk).values()} == {"CANCELLED"}
    assert desk.net() == 0
    assert paths(desk)[-1] == ("POST", "/orders")
    desk.price(94)
    desk.look_again(times=2)
    assert desk.net() == 0


def test_scenario_9_1_flatten_cancels_the_legs_before_it_closes(desk: Desk) -> None:
    live(desk)
    desk.command("kill", "--flatten")
    desk.eventually(lambda: desk.net() == 0)
    assert {status for status, _ in legs(desk).values()} == {"CANCELLED"}
    assert paths(desk)[-1] == ("POST", "/orders")


@both_ids
def test_scenario_7_2_placed_filled_and_stopped_while_disconnected(desk: Desk) -> None:
    order = live(desk)
    desk.kill()
    change(desk, order, STOP, stopLossPrice=98)
    desk.start()
    desk.eventually(lambda: legs(desk)[STOP] == ("PENDING", 98))
    desk.kill()
    desk.price(97)
    desk.eventually(lambda: desk.net("leader") == 0)
    desk.start()
    desk.follows(f"{order}:{STOP}", follower_filled=130)
    desk.look_again(times=2)
    assert desk.verbs() == ["place", "modify"]


def test_scenario_1_2_legs_that_are_not_announced_are_learned_from_the_book(desk: Desk) -> None:
    desk.settings(super_announced=False)
    order = live(desk)
    change(desk, order, STOP, stopLossPrice=97)
    desk.eventually(lambda: legs(desk)[STOP] == ("PENDING", 97))
    desk.heard("place", "modify")


def test_scenario_1_2_as_a_plain_order_his_legs_are_exits_of_his(desk: Desk) -> None:
    desk.policy = {"mapping": {"super_order": "entry_only"}}
    desk.start()
    order = place(desk)
    desk.follows(order, decision="copied", follower_status="TRADED")
    row = desk.follows(f"{order}:{STOP}", decision="copied", follower_status="PENDING")
    assert row["order_type"] == "STOP_LOSS_MARKET"
    desk.follows(f"{order}:{TARGET}", decision="queued", reason="exit_alternative")
    assert [call["path"] for call in desk.calls()] == ["/orders"] * 2
    assert pick(desk.asked(), "orderType", "triggerPrice", "quantity") == ("STOP_LOSS", 95, 130)
    change(desk, order, STOP, stopLossPrice=97)
    desk.eventually(lambda: desk.book()[-1]["triggerPrice"] == 97)
    desk.price(110.5)
    desk.eventually(lambda: desk.net() == 0)
    desk.look_again(times=2)
    assert desk.net() == 0


def test_scenario_1_2_skipped_his_legs_close_nothing(desk: Desk) -> None:
    desk.policy = {"mapping": {"super_order": "skip"}}
    desk.start()
    order = place(desk)
    desk.follows(order, decision="refused", reason="unsupported_product")
    desk.price(110.5)
    desk.eventually(lambda: desk.net("leader") == 0)
    desk.look_again(times=2)
    desk.heard()


def test_scenario_7_9_a_call_that_breaks_is_settled_by_the_book_of_super_orders(desk: Desk) -> None:
    desk.start()
    desk.broker.tell("faults", kind="reset_after", account="alice", method="POST", path="^/super", times=1)
    order = place(desk)
    desk.follows(order, decision="copied", follower_status="TRADED")
    desk.look_again(times=3)
    desk.heard("place")


@pytest.mark.parametrize("echo", ["echo", "NA"])
def test_scenario_7_11_after_the_store_is_lost_it_is_not_placed_again(desk: Desk, echo: str) -> None:
    desk.settings(super_correlation=echo)
    desk.start()
    order = place(desk, price=90, stopLossPrice=85)
    desk.follows(order, follower_status="PENDING")
    desk.kill()
    desk.store.rename(desk.folder / "lost")
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING")
    assert desk.dhan.cancel_super_order(order, "ENTRY_LEG")
    desk.follows(order, follower_status="CANCELLED")
    assert desk.verbs() == ["place", "cancel"]
