"""Two runs on one store, a store that is lost, followers and deployments under new names, clocks that are off."""

import shutil

import pytest

from tests.scenarios.desk import Desk, pick

HOUR = 3600


# --- 7.10 -------------------------------------------------------------------------------------------------------------


def test_scenario_7_10_a_second_run_on_the_store_refuses_to_start(desk: Desk) -> None:
    desk.start()
    second = desk.command("run", check=False)
    assert second.returncode == 4
    assert str(desk.store) in second.stderr
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_7_10_a_run_that_was_killed_leaves_no_lock_behind(desk: Desk) -> None:
    desk.start()
    desk.kill()
    desk.start()
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")


# --- 7.11 -------------------------------------------------------------------------------------------------------------


def test_scenario_7_11_copies_are_recognised_when_the_store_is_lost(desk: Desk) -> None:
    desk.start()
    resting, cancelled, modified, done = [desk.place(price=price) for price in range(80, 84)]
    for order in (resting, cancelled, modified, done):
        desk.follows(order, follower_status="PENDING")
    ours = {row["price"]: row["orderId"] for row in desk.book("alice")}
    desk.fill("alice", ours[83], 130, 83)
    desk.fill("leader", done, 130, 83)
    desk.follows(done, leader_status="TRADED", follower_status="TRADED")
    desk.stop()
    shutil.rmtree(desk.store)
    desk.cancel(cancelled)
    desk.modify(modified, price=79)
    desk.start()
    desk.follows(resting, decision="copied", follower_status="PENDING", follower_order_ids=[ours[80]])
    desk.follows(cancelled, leader_status="CANCELLED", follower_status="CANCELLED", follower_order_ids=[ours[81]])
    desk.follows(modified, decision="copied", follower_status="PENDING", follower_order_ids=[ours[82]])
    desk.follows(done, decision="copied", follower_status="TRADED", follower_filled=130, follower_order_ids=[ours[83]])
    desk.eventually(lambda: desk.order(ours[82], "alice")["price"] == 79)
    desk.cancel(resting)
    desk.follows(resting, follower_status="CANCELLED")
    desk.quiet()
    assert desk.verbs()[:4] == ["place"] * 4
    assert sorted(desk.verbs()[4:]) == ["cancel", "cancel", "modify"]


def test_scenario_7_11_a_replaced_copy_is_recognised_too(desk: Desk) -> None:
    desk.rules = {"rate_limits": {"modifications_per_order": 1}}
    desk.start()
    order = desk.place()
    for price in (91, 92):
        desk.modify(order, price=price)
        desk.follows(order, price=price, follower_status="PENDING")
        desk.eventually(lambda price=price: desk.book("alice")[-1]["price"] == price)
    desk.eventually(lambda: [row["orderStatus"] for row in desk.book("alice")] == ["CANCELLED", "PENDING"])
    desk.stop()
    shutil.rmtree(desk.store)
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING", follower_quantity=130)
    desk.quiet()
    assert len(desk.book("alice")) == 2
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    assert {row["orderStatus"] for row in desk.book("alice")} == {"CANCELLED"}


@pytest.mark.parametrize("store", ["kept", "lost"])
def test_scenario_7_11_a_follower_and_a_deployment_are_renamed(desk: Desk, store: str) -> None:
    desk.start()
    kept, gone = desk.place(price=80), desk.place(price=81)
    for order in (kept, gone):
        desk.follows(order, follower_status="PENDING")
    desk.stop()
    if store == "lost":
        shutil.rmtree(desk.store)
    account = desk.broker.accounts["alice"]["client_id"]
    desk.rules = {
        "name": "renamed",
        "followers": [{"name": "alicia", "client_id": account, "access_token": "${ALICE_ACCESS_TOKEN}"}],
    }
    desk.cancel(gone)
    desk.start()
    desk.follows(gone, "alicia", leader_status="CANCELLED", follower_status="CANCELLED")
    desk.follows(kept, "alicia", decision="copied", follower_status="PENDING")
    desk.modify(kept, price=82)
    desk.follows(kept, "alicia", price=82, follower_status="PENDING")
    desk.heard("place", "place", "cancel", "modify")
    assert {row["follower"] for row in desk.copies()} == {"alicia"}


# --- 7.13 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-HOUR, HOUR])
@pytest.mark.parametrize("moved", ["before the start", "during the run"])
def test_scenario_7_13_a_clock_that_is_off_loses_and_doubles_nothing(desk: Desk, offset: int, moved: str) -> None:
    if moved == "before the start":
        desk.broker.tell("clock", offset_seconds=offset)
    desk.start()
    if moved == "during the run":
        before = desk.place(price=80)
        desk.follows(before, follower_status="PENDING")
        desk.broker.tell("clock", offset_seconds=offset)
        desk.look_again("leader")
        desk.cancel(before)
        desk.follows(before, follower_status="CANCELLED")
    desk.eventually(lambda: desk.alerts("clock"), "an alert tells of it")
    resting, market = desk.place(), desk.place(order_type="MARKET", price=0)
    desk.follows(market, decision="copied", reason=None, follower_status="TRADED", follower_filled=130)
    desk.follows(resting, decision="copied", reason=None, follower_status="PENDING")
    desk.modify(resting, price=91)
    desk.eventually(lambda: [row["price"] for row in desk.book("alice") if row["orderStatus"] == "PENDING"] == [91])
    desk.cancel(resting)
    desk.follows(resting, follower_status="CANCELLED")
    expected = ["place", "cancel"] * (moved == "during the run") + ["place", "place", "modify", "cancel"]
    desk.heard(*expected)


@pytest.mark.parametrize("offset", [-HOUR, HOUR])
def test_scenario_7_13_ages_are_told_by_the_brokers_clock(desk: Desk, offset: int) -> None:
    desk.broker.tell("clock", offset_seconds=offset)
    desk.start()
    desk.stop()
    desk.broker.tell("clock", offset_seconds=offset - 20)
    old = desk.place(price=89)
    desk.reaches("PENDING", "leader", old)
    desk.fill("leader", old, 130, 89)
    desk.broker.tell("clock", offset_seconds=offset)
    fresh = desk.place(price=90)
    desk.reaches("PENDING", "leader", fresh)
    desk.fill("leader", fresh, 130, 90)
    desk.start()
    desk.follows(old, decision="skipped", reason="late")
    desk.follows(fresh, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_7_13_a_second_is_no_alert(desk: Desk) -> None:
    desk.broker.tell("clock", offset_seconds=1)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.look_again("leader")
    assert desk.alerts("clock") == []


def test_scenario_7_13_how_far_it_is_off_is_said(desk: Desk) -> None:
    desk.broker.tell("clock", offset_seconds=30)
    desk.start()
    (alert, *_) = desk.eventually(lambda: desk.alerts("clock"))
    assert pick(alert, "level") == ("warning",)
    assert any(f"-{seconds} s" in alert["text"] for seconds in (29, 30, 31))
