"""What the leader places, and what is asked of the follower's broker, step by step."""

from decimal import Decimal
from typing import Any

import pytest

from copyctl.model.request import RequestKind
from copyctl.model.terms import AmoTime, Decision, OrderType, Product, Segment, Side, Validity
from tests.core.building import ALICE, HALF, LEADER, SECOND, SHARE, Desk, report

PLACE = RequestKind.PLACE


def placed(desk: Desk) -> Any:
    """The one order that was asked for."""
    (request,) = desk.taken()
    assert request.kind is PLACE
    assert request.desired is not None
    return request.desired


@pytest.mark.parametrize("side", list(Side))
def test_scenario_1_1_1_a_market_order_is_copied_as_one(side: Side) -> None:
    desk = Desk().start()
    desk.leader(order_type="MARKET", side=side, quantity=100)
    order = placed(desk)
    assert (order.side, order.terms.order_type, order.terms.quantity, order.terms.price) == (side, "MARKET", 50, 0)
    assert (order.segment, order.security_id, order.product) == (Segment.NSE_FNO, "43210", Product.INTRADAY)
    assert desk.decided() == (Decision.COPIED, None)
    assert desk.copy().detail == "0.5 x 100 = 50, in lots of 5 rounded down: 10 = 50 units"


def test_scenario_1_1_1_a_copy_that_rests_as_a_protected_limit_is_left_alone() -> None:
    desk = Desk().start()
    desk.leader(order_type="MARKET")
    desk.ack("A1")
    desk.taken()
    for _ in range(3):
        row = {"order_type": "LIMIT", "price": "101", "quantity": 50}
        desk.copied("PENDING", **row)
        desk.books(ALICE, desk.row("PENDING", **row), after=5 * SECOND)
    assert desk.asked() == []
    assert desk.alerts() == []
    assert desk.copy().drift == ""


def test_scenario_1_1_1_what_is_first_seen_as_a_limit_is_copied_as_one() -> None:
    desk = Desk().start()
    desk.leader(order_type="LIMIT", price="102.1")
    assert placed(desk).terms.price == Decimal("102.1")


def test_scenario_1_1_1_a_market_order_turned_into_a_limit_keeps_its_price_until_the_leader_changes_it() -> None:
    policy = {"mapping": {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 30}}}
    desk = Desk(policy).start()
    desk.leader(order_type="MARKET", last_price=Decimal("101.10"))
    assert (placed(desk).terms.order_type, desk.slot().asked.price) == (OrderType.LIMIT, Decimal("101.45"))
    desk.ack("A1")
    desk.leader(order_type="MARKET", last_price=Decimal("105.10"), filled=40, status="PART_TRADED")
    assert desk.asked() == []


def test_scenario_1_1_1_without_a_last_price_there_is_no_limit_to_turn_it_into() -> None:
    desk = Desk({"mapping": {"order_type": {"MARKET": "LIMIT"}}}).start()
    desk.leader(order_type="MARKET")
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "check_unavailable")


@pytest.mark.parametrize(
    ("side", "ticks", "wanted"), [("BUY", 0, "100"), ("BUY", 2, "100.1"), ("SELL", 2, "99.9"), ("BUY", -2, "99.9")]
)
def test_scenario_1_1_2_a_limit_is_copied_at_the_mapped_price(side: str, ticks: int, wanted: str) -> None:
    desk = Desk({"mapping": {"price": {"mode": "offset", "ticks": ticks}}} if ticks else None).start()
    desk.leader(side=Side(side))
    assert placed(desk).terms.price == Decimal(wanted)


def test_scenario_1_1_3_a_stop_is_copied_with_trigger_and_price() -> None:
    desk = Desk().start()
    desk.leader(order_type="STOP_LOSS", trigger=95, price=94, side=Side.SELL)
    terms = placed(desk).terms
    assert (terms.order_type, terms.trigger_price, terms.price) == ("STOP_LOSS", 95, 94)


@pytest.mark.parametrize(("side", "trigger", "price"), [(Side.SELL, 95, 96), (Side.BUY, 110, 109)])
def test_scenario_1_1_3_a_trigger_on_the_wrong_side_is_refused(side: Side, trigger: int, price: int) -> None:
    desk = Desk().start()
    desk.leader(order_type="STOP_LOSS", trigger=trigger, price=price, side=side)
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "invalid_trigger")
    assert desk.copy().detail == f"{side} stop with trigger {trigger} on the wrong side of its price {price}"


@pytest.mark.parametrize(
    ("side", "how", "wanted"),
    [
        ("SELL", {}, ("STOP_LOSS", 95, "90.25")),
        ("BUY", {}, ("STOP_LOSS", 95, "99.75")),
        ("BUY", {"offset_pct": 0.33}, ("STOP_LOSS", 95, "95.35")),
        ("SELL", {"derivatives": "native"}, ("STOP_LOSS_MARKET", 95, "0")),
    ],
)
def test_scenario_1_1_4_a_stop_market_is_protected_or_native(side: str, how: dict[str, Any], wanted: Any) -> None:
    desk = Desk({"mapping": {"stop_market": how}}).start()
    desk.leader(order_type="STOP_LOSS_MARKET", trigger=95, side=Side(side))
    terms = placed(desk).terms
    assert (terms.order_type, terms.trigger_price, f"{terms.price:f}") == wanted


def test_scenario_1_1_4_near_zero_there_is_no_limit_beyond_its_trigger() -> None:
    desk = Desk().start()
    desk.leader(order_type="STOP_LOSS_MARKET", trigger="0.05", side=Side.SELL)
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "invalid_trigger")
    desk = Desk().start()
    desk.leader(order_type="STOP_LOSS_MARKET", trigger="0.10", side=Side.SELL)
    terms = placed(desk).terms
    assert (terms.trigger_price, terms.price) == (Decimal("0.10"), Decimal("0.05"))


def test_scenario_1_1_4_on_shares_it_is_native() -> None:
    desk = Desk().start()
    desk.leader(order_type="STOP_LOSS_MARKET", trigger=95, segment=SHARE.segment, security_id=SHARE.security_id)
    assert placed(desk).terms.order_type is OrderType.STOP_LOSS_MARKET


@pytest.mark.parametrize("product", [Product.INTRADAY, Product.CNC, Product.MARGIN])
def test_scenario_1_2_plain_products_are_kept(product: Product) -> None:
    desk = Desk().start()
    desk.leader(product=product)
    assert placed(desk).product is product


def test_scenario_1_2_a_product_is_mapped_or_refused() -> None:
    desk = Desk({"mapping": {"product": {"CNC": "INTRADAY", "MTF": "skip"}}}).start()
    desk.leader("L1", product=Product.CNC)
    assert placed(desk).product is Product.INTRADAY
    desk.leader("L2", product=Product.MTF)
    desk.leader("L3", product=Product.CO)
    assert desk.asked() == []
    assert desk.decided("L2") == (Decision.REFUSED, "unsupported_product")
    assert desk.decided("L3") == (Decision.QUEUED, "checking")  # its stop is read
    desk.books(LEADER, report(LEADER, "L3", product=Product.CO))  # and it has none
    assert desk.decided("L3") == (Decision.REFUSED, "unsupported_product")


def test_scenario_1_3_validity_is_never_silently_day() -> None:
    desk = Desk({"mapping": {"validity": {"IOC": "IOC", "FOREVER": "skip"}}}).start()
    desk.leader("L1", validity="IOC")
    assert placed(desk).terms.validity is Validity.IOC
    desk.books(LEADER, report(LEADER, "L2", validity="FOREVER", trigger=95, product=Product.MARGIN))
    assert desk.decided("L2") == (Decision.REFUSED, "unsupported_validity")


def test_scenario_1_3_2_what_an_ioc_copy_could_not_trade_ends_without_an_alarm() -> None:
    desk = Desk().start()
    desk.leader(validity="IOC", quantity=100)
    desk.ack("A1")
    desk.taken()
    desk.alerts()
    desk.copied("CANCELLED", filled=20)
    assert desk.alerts() == []
    desk.leader(status="TRADED", validity="IOC", filled=100)
    assert desk.asked() == []
    assert desk.copy().drift == "filled 20 where the leader's 100 ask for 50"


def test_scenario_1_4_whole_lots_of_that_instrument() -> None:
    desk = Desk().start()
    desk.leader(quantity=95)
    assert placed(desk).terms.quantity == 45


def test_scenario_1_5_1_the_disclosed_share_is_kept_on_shares() -> None:
    desk = Desk().start()
    desk.leader(quantity=100, disclosed=50, segment=SHARE.segment, security_id=SHARE.security_id)
    assert placed(desk).terms.disclosed_quantity == 25


def test_scenario_1_5_2_a_small_disclosed_part_is_raised_and_one_on_derivatives_dropped() -> None:
    desk = Desk().start()
    desk.leader("L1", quantity=100, disclosed=10, segment=SHARE.segment, security_id=SHARE.security_id)
    assert placed(desk).terms.disclosed_quantity == 16
    assert desk.decided("L1") == (Decision.COPIED, "disclosed_raised")
    desk.leader("L2", quantity=100, disclosed=50)
    assert placed(desk).terms.disclosed_quantity == 0
    assert desk.decided("L2") == (Decision.COPIED, "disclosed_dropped")


def test_after_market_orders_are_copied_with_their_time_or_skipped() -> None:
    desk = Desk().start()
    desk.leader(status="TRANSIT", after_market=True, amo_time=AmoTime.PRE_OPEN)
    order = placed(desk)
    assert (order.after_market, order.amo_time) == (True, AmoTime.PRE_OPEN)
    skips = Desk({"mapping": {"after_market": "skip"}}).start()
    skips.leader(after_market=True)
    assert skips.decided() == (Decision.SKIPPED, "after_market")


def test_filters_decide_once_and_name_their_rule() -> None:
    rule = {"name": "no pennies", "match": {"price": {"below": 2}}, "action": "skip"}
    desk = Desk({"filters": {"rules": [rule]}}).start()
    desk.leader("L1", price="1.95")
    assert desk.decided("L1") == (Decision.SKIPPED, "filtered")
    assert (desk.copy("L1").rule, desk.copy("L1").detail) == ("no pennies", "filter rule: no pennies")
    desk.leader("L1", price="50")
    assert desk.asked() == []
    desk.leader("L2", price="50")
    desk.leader("L2", price="1.95")
    assert desk.copy("L2").decision is Decision.COPIED


def test_the_sizing_of_a_rule_is_the_copys_for_good() -> None:
    rule = {"name": "tenth", "match": {"quantity": {"from": 500}}, "sizing": {"strategy": "fixed_ratio", "ratio": 0.1}}
    desk = Desk({"filters": {"rules": [{**rule, "action": "copy"}]}}).start()
    desk.leader(quantity=500)
    assert placed(desk).terms.quantity == 50
    desk.ack("A1")
    desk.leader(quantity=100)
    assert desk.asked() == [(RequestKind.MODIFY, 10, 100)]


def test_scenario_5_4_an_unknown_security_is_refused() -> None:
    desk = Desk().start()
    desk.leader(security_id="1")
    assert desk.decided() == (Decision.REFUSED, "unknown_instrument")
    assert desk.asked() == []


def test_without_a_master_the_frames_lot_size_serves() -> None:
    desk = Desk()
    desk.master = False
    desk.start()
    desk.leader(
        "L1",
        security_id="9",
        instrument=SHARE.__class__(
            segment=Segment.NSE_FNO, security_id="9", symbol="X", lot_size=20, from_master=False
        ),
    )
    assert placed(desk).terms.quantity == 40
    desk.leader("L2", security_id="8")
    assert desk.decided("L2") == (Decision.REFUSED, "unknown_instrument")


def test_scenario_8_7_nothing_left_of_it_is_refused_with_the_numbers() -> None:
    desk = Desk().start()
    desk.leader(quantity=9)
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "zero_quantity")
    assert desk.copy().detail == "0.5 x 9 = 4.5, in lots of 5 rounded down: 0 = 0 units"


def test_scenario_8_8_a_limit_without_a_price_is_refused_and_a_market_order_needs_none() -> None:
    desk = Desk().start()
    desk.leader("L1", price=0)
    assert desk.decided("L1") == (Decision.REFUSED, "invalid_order")
    assert desk.copy("L1").detail == "LIMIT without a price"
    desk.leader("L2", order_type="STOP_LOSS_MARKET", trigger=0)
    assert desk.decided("L2") == (Decision.REFUSED, "invalid_order")
    desk.leader("L3", order_type="MARKET")
    assert len(desk.taken()) == 1


def test_a_disabled_follower_gets_no_entries() -> None:
    desk = Desk(alice={"enabled": False}).start()
    desk.leader()
    assert desk.asked() == []
    assert desk.decided() == (Decision.REFUSED, "follower_leaving")


@pytest.mark.parametrize(
    ("copy_on", "status", "copied"),
    [("accepted", "TRANSIT", False), ("accepted", "PENDING", True), ("received", "TRANSIT", True)],
)
def test_from_which_moment_an_order_is_copied(copy_on: str, status: str, copied: bool) -> None:
    desk = Desk({"copy_on": copy_on}).start()
    desk.leader(status=status)
    assert bool(desk.taken()) is copied


def test_scenario_5_1_a_rejected_leader_order_is_not_placed_or_cancelled_again() -> None:
    desk = Desk({"copy_on": "received"}).start()
    desk.leader("L1", "REJECTED", text="no funds")
    assert desk.decided("L1") == (Decision.SKIPPED, "leader_rejected")
    desk.leader("L2", "TRANSIT")
    desk.ack("A2")
    desk.taken()
    desk.leader("L2", "REJECTED")
    assert desk.asked() == [(RequestKind.CANCEL,)]
    accepted = Desk().start()
    accepted.leader(status="TRANSIT")
    accepted.leader(status="REJECTED")
    assert accepted.asked() == []
    assert accepted.decided() == (Decision.SKIPPED, "leader_rejected")


def test_minimum_and_maximum_lots() -> None:
    low = Desk({"sizing": {**HALF, "minimum_lots": 2}}).start()
    low.leader(quantity=5)
    assert placed(low).terms.quantity == 10
    assert low.decided() == (Decision.COPIED, "minimum_raised")
    high = Desk({"sizing": {**HALF, "maximum_lots": 3}}).start()
    high.leader(quantity=1000)
    assert placed(high).terms.quantity == 15
    assert high.order(LEADER, "L1").leaves == 1000
