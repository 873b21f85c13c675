"""What the leader places, and what the follower's broker is asked for."""

from typing import Any

import pytest

from tests.scenarios.desk import CALL, HALF, PUT, SHARE, Desk, pick

STOP_SELL = {"transaction_type": "SELL", "order_type": "STOP_LOSS", "trigger_price": 95, "price": 94}
STOP_BUY = {"transaction_type": "BUY", "order_type": "STOP_LOSS", "trigger_price": 110, "price": 111}
STOP_MARKET_SELL = {"transaction_type": "SELL", "order_type": "STOP_LOSS_MARKET", "trigger_price": 95, "price": 0}
STOP_MARKET_BUY = {"transaction_type": "BUY", "order_type": "STOP_LOSS_MARKET", "trigger_price": 110, "price": 0}
NEXT_WEEK = {"exchange_segment": "NSE_FNO", "security_id": "43310"}
BANKNIFTY = {"exchange_segment": "NSE_FNO", "security_id": "52210"}  # lot 30
SENSEX = {"exchange_segment": "BSE_FNO", "security_id": "843210"}  # lot 20


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_scenario_1_1_1_a_market_order_is_copied_as_a_market_order(desk: Desk, side: str) -> None:
    desk.start()
    order = desk.place(order_type="MARKET", price=0, transaction_type=side)
    row = desk.follows(order, follower_status="TRADED", leader_status="TRADED")
    desk.heard("place")
    sent = desk.asked()
    assert pick(sent, "transactionType", "orderType", "quantity", "price") == (side, "MARKET", 130, 0)
    assert pick(sent, "exchangeSegment", "securityId", "productType") == ("NSE_FNO", "43210", "INTRADAY")
    assert pick(row, "decision", "reason", "wanted_quantity", "drift") == ("copied", None, 130, None)
    assert row["detail"] == "1 x 130 = 130, in lots of 65 rounded down: 2 = 130 units"


def test_scenario_1_1_1_a_market_order_that_the_followers_broker_protects_with_a_limit_is_left_to_rest(
    desk: Desk,
) -> None:
    desk.settings("alice", market_orders="protected", hold_matching=True)
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    assert pick(desk.reaches("PENDING"), "orderType", "price") == ("LIMIT", 102.1)
    desk.look_again(times=3)
    desk.heard("place")
    row = desk.follows(order, follower_status="PENDING")
    assert pick(row, "decision", "reason", "drift") == ("copied", None, None)
    assert desk.alerts("by hand") == []


def test_scenario_1_1_1_a_market_order_that_is_first_seen_as_a_protected_limit_is_copied_as_seen(desk: Desk) -> None:
    desk.settings("leader", market_orders="protected", hold_matching=True)
    desk.start()
    order = desk.place(order_type="MARKET", price=0)
    desk.follows(order, decision="copied", reason=None)
    desk.heard("place")
    assert pick(desk.asked(), "orderType", "quantity", "price") == ("LIMIT", 130, 102.1)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_scenario_1_1_1_a_market_order_is_turned_into_a_limit_where_the_mapping_says_so(desk: Desk, side: str) -> None:
    desk.policy = {"mapping": {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 30}}}
    desk.start()
    order = desk.place(order_type="MARKET", price=0, transaction_type=side)
    desk.follows(order, decision="copied", follower_status="TRADED")
    desk.heard("place")
    limit = {"BUY": 101.45, "SELL": 100.75}[side]  # 101.10 and 30 basis points more or less, on to the next tick
    assert pick(desk.asked(), "orderType", "price") == ("LIMIT", limit)


def test_scenario_1_1_2_a_limit_order_is_copied_at_the_mapped_price(desk: Desk) -> None:
    desk.followers = ("alice", "bob", "carol")
    desk.overrides = {
        "bob": {"mapping": {"price": {"mode": "offset", "ticks": 2}}},
        "carol": {"mapping": {"price": {"mode": "offset", "ticks": -2}}},
    }
    desk.start()
    buys = desk.place(price=90)
    sells = desk.place(transaction_type="SELL", price=110)
    for name, wanted in {"alice": (90, 110), "bob": (90.1, 109.9), "carol": (89.9, 110.1)}.items():
        for order in (buys, sells):
            desk.follows(order, name, decision="copied", reason=None, follower_status="PENDING")
        bodies = desk.bodies(name)
        assert sorted(body["price"] for body in bodies) == sorted(wanted)
        for body in bodies:
            assert pick(body, "orderType", "quantity", "triggerPrice") == ("LIMIT", 130, 0)
    desk.quiet()
    for name in desk.followers:
        assert desk.verbs(name) == ["place", "place"]


@pytest.mark.parametrize("stop", [STOP_SELL, STOP_BUY], ids=["SELL", "BUY"])
def test_scenario_1_1_3_a_stop_is_copied_with_trigger_and_price(desk: Desk, stop: dict[str, Any]) -> None:
    desk.start()
    order = desk.place(**stop)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    wanted = ("STOP_LOSS", stop["trigger_price"], stop["price"])
    assert pick(desk.asked(), "orderType", "triggerPrice", "price") == wanted


def test_scenario_1_1_3_the_trigger_is_shifted_as_mapped(desk: Desk) -> None:
    desk.policy = {"mapping": {"trigger": {"mode": "offset", "ticks": 2}, "price": {"mode": "offset", "ticks": 3}}}
    desk.start()
    order = desk.place(**STOP_SELL)
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "triggerPrice", "price") == (94.9, 93.85)


def test_scenario_1_1_3_a_trigger_on_the_wrong_side_of_the_price_is_refused(desk: Desk) -> None:
    desk.policy = {"mapping": {"price": {"mode": "offset", "ticks": -40}}}  # two rupees dearer: above the trigger
    desk.start()
    order = desk.place(**STOP_SELL)
    row = desk.follows(order, decision="refused", reason="invalid_trigger")
    assert row["detail"] == "SELL stop with trigger 95.0 on the wrong side of its price 96.00"
    desk.heard()


def test_scenario_1_1_4_a_stop_at_market_is_copied_as_mapped(desk: Desk) -> None:
    desk.followers = ("alice", "bob", "carol")
    desk.overrides = {
        "bob": {"mapping": {"stop_market": {"derivatives": "native", "equity": "protected"}}},
        "carol": {"mapping": {"stop_market": {"offset_pct": 0.33}}},
    }
    desk.start()
    sells = desk.place(**STOP_MARKET_SELL)
    buys = desk.place(**STOP_MARKET_BUY)
    share = desk.place(**STOP_MARKET_BUY | {"trigger_price": 1450}, **SHARE)
    wanted = {
        # trigger 95, less 5 % | trigger 110, and 5 % | a share goes as it is
        "alice": [("STOP_LOSS", 95, 90.25), ("STOP_LOSS", 110, 115.5), ("STOP_LOSS_MARKET", 1450, 0)],
        "bob": [("STOP_LOSS_MARKET", 95, 0), ("STOP_LOSS_MARKET", 110, 0), ("STOP_LOSS", 1450, 1522.5)],
        # 94.6865 and 110.363 go to the tick, towards being filled
        "carol": [("STOP_LOSS", 95, 94.65), ("STOP_LOSS", 110, 110.4), ("STOP_LOSS_MARKET", 1450, 0)],
    }
    for name, stops in wanted.items():
        for order in (sells, buys, share):
            desk.follows(order, name, decision="copied", reason=None, follower_status="PENDING")
        bodies = sorted(pick(body, "triggerPrice", "orderType", "price") for body in desk.bodies(name))
        assert bodies == [(trigger, kind, price) for kind, trigger, price in stops]
    desk.quiet()
    for name in desk.followers:
        assert desk.verbs(name) == ["place"] * 3


def test_scenario_1_2_1_to_3_the_product_is_kept(desk: Desk) -> None:
    desk.start()
    for product, instrument in (("INTRADAY", CALL), ("CNC", SHARE), ("MARGIN", CALL)):
        order = desk.place(**instrument, product_type=product)
        row = desk.follows(order, decision="copied", follower_status="PENDING")
        assert pick(desk.asked(), "productType", "securityId") == (product, instrument["security_id"])
        assert row["product"] == product
    desk.heard("place", "place", "place")


def test_scenario_1_2_3_the_product_is_changed_where_the_mapping_says_so(desk: Desk) -> None:
    desk.policy = {"mapping": {"product": {"NRML": "MIS", "CO": "INTRADAY"}}}
    desk.start()
    carried = desk.place(product_type="MARGIN")
    desk.follows(carried, decision="copied", follower_status="PENDING")
    cover = desk.place(product_type="CO")
    desk.follows(cover, decision="copied", follower_status="PENDING")
    desk.heard("place", "place")
    assert [body["productType"] for body in (desk.asked(0), desk.asked(1))] == ["INTRADAY", "INTRADAY"]


def test_scenario_1_2_3_what_is_not_mapped_to_a_plain_product_is_refused(desk: Desk) -> None:
    desk.policy = {"mapping": {"product": {"MTF": "skip"}}}
    desk.start()
    funded = desk.place(**SHARE, product_type="MTF", quantity=10)
    row = desk.follows(funded, decision="refused", reason="unsupported_product")
    assert "MTF" in row["detail"]
    cover = desk.place(product_type="CO")
    row = desk.follows(cover, decision="refused", reason="unsupported_product")
    assert "CO" in row["detail"]
    desk.heard()


def test_scenario_1_3_1_a_day_order_is_copied_as_one(desk: Desk) -> None:
    desk.start()
    order = desk.place(validity="DAY")
    desk.follows(order, decision="copied", follower_status="PENDING")
    desk.heard("place")
    assert desk.asked()["validity"] == "DAY"


@pytest.mark.parametrize(("mapped", "wanted"), [({}, "IOC"), ({"IOC": "DAY"}, "DAY")], ids=["kept", "mapped"])
def test_scenario_1_3_2_an_ioc_order_is_never_silently_a_day_order(
    desk: Desk, mapped: dict[str, str], wanted: str
) -> None:
    desk.policy = {"mapping": {"validity": mapped}}
    desk.start()
    order = desk.place(validity="IOC", price=102)
    desk.follows(order, decision="copied", follower_status="TRADED")
    desk.heard("place")
    assert pick(desk.asked(), "validity", "orderType", "price") == (wanted, "LIMIT", 102)


def test_scenario_1_3_2_an_ioc_order_is_refused_where_the_mapping_skips_it(desk: Desk) -> None:
    desk.policy = {"mapping": {"validity": {"IOC": "skip"}}}
    desk.start()
    order = desk.place(validity="IOC", price=102)
    row = desk.follows(order, decision="refused", reason="unsupported_validity")
    assert "IOC" in row["detail"]
    desk.heard()


def test_scenario_1_4_1_to_4_an_option_is_copied_by_its_id_in_whole_lots_of_its_own(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    for side, contract, lot in (
        ("BUY", CALL, 65),
        ("SELL", CALL, 65),
        ("BUY", PUT, 65),
        ("SELL", PUT, 65),
        ("BUY", NEXT_WEEK, 65),
        ("BUY", BANKNIFTY, 30),
        ("SELL", SENSEX, 20),
    ):
        order = desk.place(**contract, transaction_type=side, quantity=3 * lot, order_type="MARKET", price=0)
        row = desk.follows(order, decision="copied", follower_status="TRADED")
        assert pick(desk.asked(), "exchangeSegment", "securityId") == tuple(contract.values())
        assert pick(desk.asked(), "transactionType", "quantity") == (side, lot)
        halved = f"{1.5 * lot:g}"
        sized = f"0.5 x {3 * lot} = {halved}, in lots of {lot} rounded down: 1 = {lot} units"
        assert row["exit"] or row["detail"] == sized  # a SELL of what was bought before closes it
    desk.heard(*["place"] * 7)


def test_scenario_1_5_1_the_disclosed_quantity_scales_with_the_quantity(desk: Desk) -> None:
    desk.policy = {"sizing": HALF}
    desk.start()
    order = desk.place(**SHARE, quantity=100, disclosed_quantity=50, price=1390)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "quantity", "disclosedQuantity") == (50, 25)


@pytest.mark.parametrize("mode", ["none", "all"])
def test_scenario_1_5_1_the_disclosed_quantity_is_dropped_where_the_mapping_says_so(desk: Desk, mode: str) -> None:
    desk.policy = {"mapping": {"disclosed": {"mode": mode}}}
    desk.start()
    order = desk.place(**SHARE, quantity=100, disclosed_quantity=50, price=1390)
    desk.follows(order, decision="copied", reason=None, follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "quantity", "disclosedQuantity") == (100, 0)


def test_scenario_1_5_2_a_small_disclosed_part_is_raised_to_the_least_share(desk: Desk) -> None:
    desk.start()
    order = desk.place(**SHARE, quantity=100, disclosed_quantity=10, price=1390)
    row = desk.follows(order, decision="copied", reason="disclosed_raised", follower_status="PENDING")
    desk.heard("place")
    assert pick(desk.asked(), "quantity", "disclosedQuantity") == (100, 31)
    assert "disclosed_raised" in row["detail"]


def test_scenario_1_5_2_a_disclosed_part_is_dropped_with_a_note_where_it_is_not_allowed(desk: Desk) -> None:
    desk.policy = {"mapping": {"validity": {"DAY": "IOC"}}}
    desk.start()
    order = desk.place(**SHARE, quantity=100, disclosed_quantity=50, price=1405)
    row = desk.follows(order, decision="copied", reason="disclosed_dropped", follower_status="TRADED")
    desk.heard("place")
    assert pick(desk.asked(), "validity", "quantity", "disclosedQuantity") == ("IOC", 100, 0)
    assert "disclosed_dropped" in row["detail"]
