"""The leader's stream drops, repeats itself, or tells things in the wrong order."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.scenarios.desk import PUT, Desk, Row, pick

SLOWEST_PER_SECOND = 4  # attempts to connect, once the delay is the longest: 250 to 500 ms


def deaf(desk: Desk) -> None:
    """The leader's stream is down and his books cannot be read."""
    desk.broker.tell("faults", account="leader", method="GET", kind="html502")
    desk.broker.tell("stream", account="leader", action="down")


def hears_again(desk: Desk) -> None:
    desk.mend()
    desk.broker.tell("stream", account="leader", action="up")


def stopped(desk: Desk) -> None:
    assert desk.stop() == 0


def killed(desk: Desk) -> None:
    desk.kill()


def starts_again(desk: Desk) -> None:
    desk.start()


def connected(desk: Desk) -> bool:
    return bool(desk.status()["leader"]["connected"])


def drop(status: Row) -> bool:
    """Does it say that the leader's stream is down, and why?"""
    leader = status["leader"]
    return status["state"] == "running" and leader["connected"] is False and bool(leader["detail"])


# --- 7.1 --------------------------------------------------------------------------------------------------------------


def test_scenario_7_1_a_stream_that_drops_is_connected_again_and_status_shows_it(desk: Desk) -> None:
    desk.start()
    desk.broker.tell("stream", account="leader", action="down")
    desk.eventually(lambda: drop(desk.status()), "status shows the drop")
    missed = desk.place()
    desk.broker.tell("stream", account="leader", action="up")
    desk.eventually(lambda: connected(desk), "status shows the return")
    later = desk.place(price=91)
    for order in (missed, later):
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place", "place")
    told = [row["text"] for row in desk.events(account="leader") if "order stream" in row["text"]]
    assert told[0] == "order stream up"
    assert told[1].startswith("order stream down: ")
    assert told[-1] == "order stream up"


@pytest.mark.parametrize("end", ["reset", "close"])
def test_scenario_7_1_every_drop_is_followed_by_a_look_into_the_books(desk: Desk, end: str) -> None:
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.start()
    for price in range(80, 85):
        desk.settings("leader", stream_drop=1.0)
        order = desk.place(price=price)  # nobody hears of it
        desk.settings("leader", stream_drop=0.0)
        desk.broker.tell("stream", account="leader", action=end)
        desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard(*["place"] * 5)


def test_scenario_7_1_a_followers_stream_that_is_down_does_not_stop_its_copies(desk: Desk) -> None:
    desk.start()
    desk.broker.tell("stream", account="alice", action="down")
    order = desk.place()
    copy = desk.follows(order, decision="copied", follower_status="PENDING")
    desk.fill("alice", copy["follower_order_ids"][0], 65, 90)
    desk.follows(order, follower_filled=65)
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    desk.heard("place", "cancel")


@pytest.mark.parametrize("whose", ["leader", "alice"])
def test_scenario_7_1_a_dead_token_makes_no_storm(desk: Desk, whose: str) -> None:
    desk.start()
    desk.broker.tell("token", account=whose, action="kill")
    before, began = requests_of(desk), time.monotonic()
    desk.broker.tell("stream", account=whose, action="reset")
    desk.eventually(lambda: trouble(desk, whose), "status shows the dead token")
    desk.quiet()
    seconds = time.monotonic() - began
    logins = [row for row in desk.events("state", account=whose) if row["text"] == "order stream up"]
    assert len(logins) <= 8 + SLOWEST_PER_SECOND * seconds
    assert requests_of(desk) - before <= 8 * (2 + 5 * seconds)  # each login is followed by one look into the books
    desk.broker.tell("token", account=whose, action="revive")
    desk.eventually(lambda: not trouble(desk, whose), "it goes on by itself")
    order = desk.place()
    desk.follows(order, decision="copied", follower_status="PENDING")


def requests_of(desk: Desk) -> int:
    return len(desk.broker.ask("requests")["requests"])


def trouble(desk: Desk, whose: str) -> bool:
    status = desk.status()
    if whose == "leader":
        return status["leader"]["connected"] is False
    return bool(status["followers"][0]["state"] == "unauthenticated")


# --- 7.2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("goes", "returns"), [(deaf, hears_again), (stopped, starts_again), (killed, starts_again)])
def test_scenario_7_2_what_was_missed_is_acted_on_once(
    desk: Desk, goes: Callable[[Desk], None], returns: Callable[[Desk], None]
) -> None:
    desk.settings(rate_limits={})
    desk.start()
    modified, cancelled, filled, half_cancelled, untouched = [desk.place(price=price) for price in range(80, 85)]
    for order in (modified, cancelled, filled, half_cancelled, untouched):
        desk.follows(order, follower_status="PENDING")
    goes(desk)

    desk.long_ago()
    old_fill = desk.place(price=85)
    old_part = desk.place(price=86)
    for order, quantity in ((old_fill, 130), (old_part, 65)):
        desk.reaches("PENDING", "leader", order)
        desk.fill("leader", order, quantity, 85)
    desk.today()
    desk.modify(modified, price=79, quantity=195)
    desk.cancel(cancelled)
    desk.fill("leader", filled, 130, 82)
    desk.fill("leader", half_cancelled, 65, 83)
    desk.cancel(half_cancelled)
    new, new_modified, new_cancelled, new_filled = [desk.place(price=price) for price in range(87, 91)]
    for order in (new, new_modified, new_cancelled, new_filled):
        desk.reaches("PENDING", "leader", order)
    desk.modify(new_modified, price=78)
    desk.cancel(new_cancelled)
    desk.fill("leader", new_filled, 130, 90)
    desk.reaches("CANCELLED", "leader", half_cancelled)
    desk.reaches("CANCELLED", "leader", new_cancelled)
    assert len(desk.calls()) == 5
    returns(desk)

    desk.follows(modified, decision="copied", follower_status="PENDING", follower_quantity=195)
    desk.follows(cancelled, leader_status="CANCELLED", follower_status="CANCELLED", drift=None)
    desk.follows(filled, leader_status="TRADED", follower_status="PENDING")
    desk.follows(half_cancelled, leader_status="CANCELLED", follower_status="CANCELLED")
    desk.follows(untouched, leader_status="PENDING", follower_status="PENDING")
    desk.follows(old_fill, decision="skipped", reason="late")
    desk.follows(old_part, decision="copied", reason="late_copied", follower_status="PENDING", follower_quantity=65)
    desk.follows(new, decision="copied", follower_status="PENDING")
    desk.follows(new_modified, decision="copied", follower_status="PENDING")
    desk.follows(new_cancelled, decision="skipped", reason="leader_over")
    desk.follows(new_filled, decision="copied", follower_status="PENDING", follower_quantity=130)
    desk.look_again("leader")
    desk.quiet()
    missed = sorted((row["method"], (row["body"] or {}).get("price")) for row in desk.calls()[5:])
    assert missed == [("DELETE", None), ("DELETE", None), ("POST", 78), ("POST", 86), ("POST", 87), ("POST", 90),
                      ("PUT", 79)]  # fmt: skip


def test_scenario_7_2_what_traded_while_the_run_was_away_is_no_older_than_the_rules_want(desk: Desk) -> None:
    desk.policy = {"late": {"max_age": "60s"}}
    desk.start()
    desk.stop()
    desk.long_ago()
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.fill("leader", order, 130, 90)
    desk.today()
    desk.start()
    desk.follows(order, decision="copied", reason="late_copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_7_2_an_old_order_that_still_rests_is_placed(desk: Desk) -> None:
    desk.long_ago()
    order = desk.place()
    desk.today()
    desk.start()
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


# --- 7.3 --------------------------------------------------------------------------------------------------------------


def test_scenario_7_3_the_same_frame_a_thousand_times_is_one_order(desk: Desk) -> None:
    desk.settings("leader", stream_copies=1000)
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.modify(order, price=91)
    desk.follows(order, price=91)
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    desk.look_again()
    desk.heard("place", "modify", "cancel")


def test_scenario_7_3_old_frames_that_come_again_change_nothing(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    desk.modify(order, price=91)
    desk.follows(order, price=91, follower_status="PENDING")
    desk.eventually(lambda: desk.only()["price"] == 91)
    told = frames_of(desk, order)
    for _ in range(100):
        for frame in told:
            desk.frame(frame)
    desk.look_again("leader")
    desk.heard("place", "modify")
    desk.cancel(order)
    desk.follows(order, follower_status="CANCELLED")
    for frame in told:
        desk.frame(frame)
    desk.look_again("leader")
    desk.heard("place", "modify", "cancel")


def frames_of(desk: Desk, order: str, *words: str) -> list[str]:
    """The frames that the leader's broker made of an order, or those with these words, in that order."""
    made = [row["frame"] for row in desk.broker.ask("frames", account="leader")["frames"] if order in row["frame"]]
    if not words:
        return made
    return [next(frame for frame in made if f'"{word}"' in frame) for word in words]


# --- 7.4 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unheard(desk: Desk) -> Desk:
    """Frames of the leader are made and lost, so that they can be sent by hand; his books cannot be read."""
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.start()
    desk.settings("leader", stream_drop=1.0)
    desk.broker.tell("faults", account="leader", method="GET", kind="html502")
    return desk


def test_scenario_7_4_cancelled_modified_placed_places_nothing(unheard: Desk) -> None:
    desk = unheard
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.modify(order, price=91)
    desk.eventually(lambda: desk.order(order)["price"] == 91)
    desk.cancel(order)
    desk.reaches("CANCELLED", "leader", order)
    for frame in frames_of(desk, order, "Cancelled", "Modified", "Pending", "Transit"):
        desk.frame(frame)
    desk.follows(order, decision="skipped", reason="leader_over", leader_status="CANCELLED")
    desk.heard()


def test_scenario_7_4_modified_before_placed_is_placed_as_modified(unheard: Desk) -> None:
    desk = unheard
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.broker.tell("clock", offset_seconds=1)  # in another second than it was placed in
    desk.modify(order, price=91, quantity=195)
    desk.eventually(lambda: desk.order(order)["price"] == 91)
    for frame in frames_of(desk, order, "Modified", "Pending", "Transit"):
        desk.frame(frame)
    desk.follows(order, follower_status="PENDING", follower_quantity=195)
    desk.heard("place")
    assert pick(desk.asked(), "price", "quantity") == (91, 195)


def test_scenario_7_4_there_and_back_within_a_second_ends_where_the_leader_is(desk: Desk) -> None:
    desk.rules = {"resilience": {"sweep": "60s"}}
    desk.start()
    order = desk.place()
    desk.follows(order, follower_status="PENDING")
    for price in (91, 90, 91, 90):
        desk.modify(order, price=price)
        desk.eventually(lambda price=price: desk.only()["price"] == price)
    desk.follows(order, price=90, follower_status="PENDING", drift=None)


def test_scenario_7_4_modifications_in_the_wrong_order_end_at_the_latest(unheard: Desk) -> None:
    desk = unheard
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    for price in (91, 92, 93):
        desk.modify(order, price=price)
        desk.eventually(lambda price=price: desk.order(order)["price"] == price)
    desk.mend()  # what frames leave open is read in the book
    for frame in reversed(frames_of(desk, order)):
        desk.frame(frame)
    desk.eventually(lambda: desk.only()["price"] == 93)
    desk.follows(order, price=93, follower_status="PENDING")
    desk.quiet()
    assert desk.only()["price"] == 93
    assert desk.verbs().count("place") == 1


def test_scenario_7_4_an_order_first_seen_as_traded_is_copied_in_the_leaders_terms(unheard: Desk) -> None:
    desk = unheard
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.fill("leader", order, 130, 89)
    for frame in frames_of(desk, order, "Traded", "Pending", "Transit"):
        desk.frame(frame)
    desk.follows(order, decision="copied", leader_status="TRADED", follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "price", "quantity") == ("LIMIT", 90, 130)


def test_scenario_7_4_an_order_first_seen_as_over_is_copied_as_far_as_it_traded(unheard: Desk) -> None:
    desk = unheard
    order = desk.place()
    desk.reaches("PENDING", "leader", order)
    desk.fill("leader", order, 65, 90)
    desk.cancel(order)
    desk.reaches("CANCELLED", "leader", order)
    for frame in frames_of(desk, order, "Cancelled", "Part-Traded", "Pending"):
        desk.frame(frame)
    desk.follows(order, decision="copied", leader_status="CANCELLED", follower_status="PENDING", follower_quantity=65)
    desk.heard("place")


@pytest.mark.parametrize("first", ["Triggered", "Traded"])
def test_scenario_7_4_a_triggered_stop_is_copied_without_its_trigger(unheard: Desk, first: str) -> None:
    desk = unheard
    desk.broker.tell("liquidity", **PUT, available=0)
    stop: dict[str, Any] = {"order_type": "STOP_LOSS", "trigger_price": 97, "price": 98}
    desk.price(95, **PUT)
    order = desk.place(**PUT, **stop)
    desk.reaches("PENDING", "leader", order)
    desk.price(97, **PUT)
    desk.eventually(lambda: desk.order(order)["triggered"])
    if first == "Traded":
        desk.fill("leader", order, 130, 97.5)
    for frame in frames_of(desk, order, first, "Pending", "Transit"):
        desk.frame(frame)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")
    asked = desk.asked()
    assert pick(asked, "orderType", "price", "quantity") == ("LIMIT", 98, 130)
    assert not asked["triggerPrice"]
