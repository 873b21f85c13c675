"""Which orders are copied, how large, for whom, and from which moment: the policy at work."""

import time
from typing import Any

import pytest

from tests.scenarios.desk import CALL, HALF, PUT, SHARE, Desk, pick

BANKNIFTY = {"exchange_segment": "NSE_FNO", "security_id": "52210"}  # lot 30


def test_scenario_1_filters_the_first_rule_that_matches_decides(desk: Desk) -> None:
    rules: list[dict[str, Any]] = [
        {"name": "no puts", "match": {"option_type": ["PE"]}, "action": "skip"},
        {"name": "nothing large", "match": {"quantity": {"from": 650}}, "action": "skip"},
        {"name": "not my tests", "match": {"tag": "test-*"}, "action": "skip"},
        {"name": "nothing by phone", "match": {"platform": "FAST"}, "action": "skip"},
        {
            "name": "banknifty by the lot",
            "match": {"underlying": ["BANK*"]},
            "action": "copy",
            "sizing": {"strategy": "fixed_lots", "lots": 2},
        },
        {
            "name": "shares within the day",
            "match": {"segment": ["NSE_EQ"], "price": {"from": 1000}},
            "action": "copy",
            "mapping": {"product": {"CNC": "INTRADAY"}},
        },
        {"name": "nifty", "match": {"underlying": ["NIFTY"]}, "action": "copy"},
    ]
    desk.policy = {"filters": {"default": "skip", "rules": rules}}
    desk.start()

    put = desk.place(**PUT)
    assert desk.follows(put, decision="skipped", reason="filtered")["rule"] == "no puts"
    large = desk.place(quantity=650)
    assert desk.follows(large, decision="skipped", reason="filtered")["rule"] == "nothing large"
    tagged = desk.place(tag="test-7")
    assert desk.follows(tagged, decision="skipped", reason="filtered")["rule"] == "not my tests"
    by_phone = desk.by_hand("leader", price=91)
    assert desk.follows(by_phone, decision="skipped", reason="filtered")["rule"] == "nothing by phone"
    cheap = desk.place(**SHARE, quantity=10, price=900)
    row = desk.follows(cheap, decision="skipped", reason="filtered")
    assert pick(row, "rule", "detail") == (None, "filters.default: skip")
    desk.heard()

    bank = desk.place(**BANKNIFTY, quantity=90, price=400)
    assert desk.follows(bank, follower_status="PENDING")["rule"] == "banknifty by the lot"
    assert desk.asked()["quantity"] == 60
    share = desk.place(**SHARE, quantity=10, price=1390, product_type="CNC")
    assert desk.follows(share, follower_status="PENDING")["rule"] == "shares within the day"
    assert desk.asked()["productType"] == "INTRADAY"
    call = desk.place()
    assert desk.follows(call, follower_status="PENDING")["rule"] == "nifty"
    assert pick(desk.asked(), "quantity", "productType") == (130, "INTRADAY")
    desk.heard("place", "place", "place")


def test_scenario_1_overrides_every_follower_has_a_policy_of_its_own(desk: Desk) -> None:
    desk.followers = ("alice", "bob", "carol")
    desk.overrides = {
        "bob": {"sizing": HALF, "mapping": {"product": {"INTRADAY": "MARGIN"}}},
        "carol": {"filters": {"rules": [{"name": "carol sits out", "match": {}, "action": "skip"}]}},
    }
    desk.start()
    order = desk.place()
    desk.follows(order, "alice", decision="copied", follower_status="PENDING", wanted_quantity=130)
    desk.follows(order, "bob", decision="copied", follower_status="PENDING", wanted_quantity=65)
    desk.follows(order, "carol", decision="skipped", reason="filtered", rule="carol sits out")
    desk.heard("place")
    desk.heard("place", account="bob")
    desk.heard(account="carol")
    assert pick(desk.asked(account="alice"), "quantity", "productType") == (130, "INTRADAY")
    assert pick(desk.asked(account="bob"), "quantity", "productType") == (65, "MARGIN")


RATIO = {"strategy": "fixed_ratio"}
SIZINGS: dict[str, dict[str, tuple[dict[str, Any], int, str | None]]] = {
    "ratio": {
        "alice": ({**RATIO, "ratio": 2}, 390, None),
        "bob": ({**RATIO, "ratio": 0.5}, 65, None),
        "carol": ({**RATIO, "ratio": 0.5, "rounding": "up"}, 130, None),
    },
    "bounds": {
        "alice": ({**RATIO, "ratio": 0.5, "rounding": "nearest"}, 130, None),
        "bob": ({**RATIO, "ratio": 0.25, "minimum_lots": 1}, 65, "minimum_raised"),
        "carol": ({**RATIO, "ratio": 3, "maximum_lots": 4}, 260, None),
    },
    "fixed": {
        "alice": ({"strategy": "fixed_lots", "lots": 4}, 260, None),
        "bob": ({"strategy": "fixed_quantity", "quantity": 150}, 130, None),
        "carol": ({"strategy": "fixed_lots", "lots": 1}, 65, None),
    },
}


@pytest.mark.parametrize("sizings", SIZINGS)
def test_scenario_1_sizing_gives_whole_lots(desk: Desk, sizings: str) -> None:
    table = SIZINGS[sizings]
    desk.followers = tuple(table)
    desk.overrides = {name: {"sizing": sizing} for name, (sizing, _, _) in table.items()}
    desk.start()
    order = desk.place(quantity=195)
    for name, (_, wanted, note) in table.items():
        row = desk.follows(order, name, decision="copied", reason=note, follower_status="PENDING")
        assert pick(row, "wanted_quantity", "follower_quantity") == (wanted, wanted)
        assert f"{wanted} units" in row["detail"]
        assert [body["quantity"] for body in desk.bodies(name)] == [wanted]
    desk.quiet()
    assert [desk.verbs(name) for name in table] == [["place"]] * 3


def test_scenario_1_copy_on_accepted_waits_until_the_exchange_has_the_leaders_order(desk: Desk) -> None:
    desk.settings("leader", hold=True)
    desk.start()
    order = desk.place()
    desk.heard()
    desk.settings("leader", hold=False)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")


def test_scenario_1_copy_on_received_goes_ahead_of_the_exchange(desk: Desk) -> None:
    desk.policy = {"copy_on": "received"}
    desk.settings("leader", hold=True)
    desk.start()
    order = desk.place()
    row = desk.follows(order, decision="copied", follower_status="PENDING")
    assert row["leader_status"] == "TRANSIT"
    desk.settings("leader", hold=False)
    desk.follows(order, leader_status="PENDING")
    desk.heard("place")


def test_scenario_1_copy_on_traded_places_what_the_leader_traded_as_he_trades_it(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded", "sizing": HALF}
    desk.start()
    order = desk.place(quantity=520)
    desk.heard()
    desk.fill("leader", order, 65, 90)  # half of it is less than a lot
    desk.follows(order, leader_filled=65)
    desk.heard()
    desk.fill("leader", order, 130, 90)
    desk.follows(order, leader_filled=195, wanted_quantity=65, follower_status="PENDING")
    desk.fill("leader", order, 195, 90)
    desk.follows(order, leader_filled=390, wanted_quantity=195, follower_quantity=195)
    desk.cancel(order)
    desk.follows(order, leader_status="CANCELLED")
    desk.heard("place", "place")  # what is owed stays
    for body, quantity in ((desk.asked(0), 65), (desk.asked(1), 130)):
        assert pick(body, "orderType", "quantity", "price") == ("LIMIT", quantity, 90)


def test_scenario_1_copy_on_traded_takes_a_triggered_stop_without_its_trigger(desk: Desk) -> None:
    desk.policy = {"copy_on": "traded"}
    desk.start()
    order = desk.place(order_type="STOP_LOSS", trigger_price=102, price=103)
    market = desk.place(order_type="STOP_LOSS_MARKET", trigger_price=102, price=0)
    desk.heard()
    desk.price(102)
    desk.follows(order, decision="copied", follower_status="TRADED")
    desk.follows(market, decision="copied", follower_status="TRADED")
    desk.heard("place", "place")
    bodies = [pick(body, "orderType", "price", "triggerPrice") for body in (desk.asked(0), desk.asked(1))]
    assert sorted(bodies) == [("LIMIT", 103, 0), ("MARKET", 0, 0)]


def test_scenario_1_late_what_had_traded_before_anybody_looked_is_skipped(desk: Desk) -> None:
    desk.long_ago()
    traded = desk.place(order_type="MARKET", price=0)
    over = desk.place()
    desk.reaches("PENDING", "leader", over)
    desk.cancel(over)
    desk.reaches("CANCELLED", "leader", over)
    resting = desk.place(price=91)
    half = desk.place(price=92)
    desk.reaches("PENDING", "leader", half)
    desk.fill("leader", half, 65, 92)
    desk.today()
    desk.start()
    row = desk.follows(traded, decision="skipped", reason="late")
    assert "130" in row["detail"]
    row = desk.follows(over, decision="skipped", reason="leader_over")
    assert "CANCELLED" in row["detail"]
    desk.follows(resting, decision="copied", wanted_quantity=130, follower_status="PENDING")
    desk.follows(half, decision="copied", wanted_quantity=65, follower_status="PENDING")
    desk.heard("place", "place")
    assert sorted(pick(desk.asked(n), "price", "quantity") for n in (0, 1)) == [(91, 130), (92, 65)]


def test_scenario_1_late_what_traded_a_moment_ago_is_copied_with_a_note(desk: Desk) -> None:
    desk.policy = {"late": {"max_age": "10m"}}
    desk.long_ago()
    order = desk.place(order_type="MARKET", price=0)
    desk.reaches("TRADED", "leader", order)
    desk.today()
    desk.start()
    desk.follows(order, decision="copied", reason="late_copied", follower_status="TRADED")
    desk.heard("place")


def test_scenario_1_unknown_instrument_is_refused_before_any_call(desk: Desk) -> None:
    desk.start()
    listed = {"exchange_segment": "NSE_FNO", "security_id": str(70_000_000 + time.time_ns() % 10_000_000)}
    listing = {"symbol": "NEWCO", "kind": "OPTSTK", "lot_size": 100, "option_type": "CE"}
    desk.broker.tell("instrument", **listed, **listing, in_master=False)
    order = desk.place(**listed, quantity=100)
    row = desk.follows(order, decision="refused", reason="unknown_instrument")
    assert listed["security_id"] in row["detail"]
    desk.heard()


def test_scenario_8_6_an_instrument_that_was_listed_meanwhile_is_found_by_reading_the_master_once_more(
    desk: Desk,
) -> None:
    desk.start()
    listed = {"exchange_segment": "NSE_FNO", "security_id": str(80_000_000 + time.time_ns() % 10_000_000)}
    desk.broker.tell("instrument", **listed, symbol="NEWER", kind="OPTSTK", lot_size=100, option_type="CE")
    order = desk.place(**listed, quantity=100)
    desk.follows(order, decision="copied", follower_quantity=100)


def test_scenario_1_unknown_instrument_passes_with_the_frames_lot_size_where_there_is_no_master(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.rules = {"broker": {"instruments": str(desk.folder / "none.csv")}}
    desk.start()
    order = desk.place(quantity=195)
    desk.follows(order, decision="copied", wanted_quantity=65, follower_status="PENDING")
    desk.heard("place")
    assert desk.alerts("no instrument master")


def test_scenario_1_a_limit_without_a_last_price_to_make_it_from_is_refused(desk: Desk) -> None:
    desk.policy = {"mapping": {"order_type": {"MARKET": "LIMIT"}}}
    desk.settings("leader", frame_missing=["refLtp"])
    desk.settings(data_plan="DH-902")  # nor is a quote to be had
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    row = desk.follows(order, decision="refused", reason="check_unavailable")
    assert "last traded price" in row["detail"]
    desk.heard()


def test_scenario_1_after_market_orders_are_skipped_where_the_mapping_says_so(desk: Desk) -> None:
    desk.policy = {"mapping": {"after_market": "skip"}}
    desk.start()
    order = desk.place(after_market_order=True)
    desk.follows(order, decision="skipped", reason="after_market")
    desk.heard()


def test_scenario_1_a_follower_that_is_leaving_opens_nothing(desk: Desk) -> None:
    desk.disabled = ("alice",)
    desk.start()
    order = desk.place()
    desk.follows(order, decision="refused", reason="follower_leaving")
    desk.heard()


def test_scenario_1_kill_switch_refuses_for_good_and_lets_cancels_through(desk: Desk) -> None:
    desk.start()
    open_one = desk.place()
    desk.follows(open_one, follower_status="PENDING")
    desk.command("kill", "--reason", "news at three")
    refused = desk.place(price=91)
    row = desk.follows(refused, decision="refused", reason="kill_switch")
    assert "news at three" in row["detail"]
    desk.cancel(open_one)
    desk.follows(open_one, follower_status="CANCELLED")
    desk.command("resume")
    desk.modify(refused, price=92)
    desk.follows(refused, price=92, decision="refused", reason="kill_switch")
    again = desk.place(price=93)
    desk.follows(again, decision="copied", follower_status="PENDING")
    desk.heard("place", "cancel", "place")


def test_scenario_1_kill_switch_cancels_a_copy_that_the_leader_enlarges_and_lessens_another(desk: Desk) -> None:
    desk.rules = {"kill_switch": {"actions": ["stop_copying"]}}
    desk.start()
    larger = desk.place(price=90)
    smaller = desk.place(price=91)
    desk.follows(larger, follower_status="PENDING")
    desk.follows(smaller, follower_status="PENDING")
    desk.command("kill")
    desk.modify(larger, quantity=260, price=90)
    desk.follows(larger, follower_status="CANCELLED")
    desk.modify(smaller, quantity=65, price=91)
    desk.follows(smaller, follower_quantity=65, follower_status="PENDING")
    desk.heard("place", "place", "cancel", "modify")


def test_scenario_1_dry_run_asks_nothing_of_the_broker(desk: Desk) -> None:
    desk.start("--dry-run", ready=False)
    order = desk.place(**CALL)
    desk.eventually(lambda: order in desk.look("orders", "--dry-run", "--format", "json"))
    desk.heard()
