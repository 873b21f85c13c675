"""The tape agrees with itself: orders take legal steps, sums are right, and nothing trades where the market was not."""

from collections import Counter
from datetime import datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.tapes.leader_day import OVER, TAPE, Day, Told, the_day

# Dhan API v2, live order update: the fields of a frame and their types.
FIELDS: dict[str, type] = {
    "exchange": str, "segment": str, "source": str, "orderPlatform": str, "securityId": str, "clientId": str,
    "exchOrderNo": str, "orderNo": str, "product": str, "txnType": str, "orderType": str, "validity": str,
    "discQuantity": int, "discQtyRem": int, "remainingQuantity": int, "quantity": int, "tradedQty": int,
    "price": float, "triggerPrice": float, "tradedPrice": float, "avgTradedPrice": float, "algoOrdNo": str,
    "offMktFlag": str, "orderDateTime": str, "exchOrderTime": str, "lastUpdatedTime": str, "remarks": str,
    "mktType": str, "reasonDescription": str, "legNo": int, "instrument": str, "symbol": str, "productName": str,
    "status": str, "lotSize": int, "strikePrice": float, "expiryDate": str, "optType": str, "displayName": str,
    "isin": str, "series": str, "goodTillDaysDate": str, "refLtp": float, "tickSize": float, "algoId": str,
    "multiplier": int, "correlationId": str,
}  # fmt: skip

NEXT = {
    None: {"Transit"},
    "Transit": {"Pending", "Part-Traded", "Traded", "Rejected"},
    "Pending": {"Modified", "Triggered", "Part-Traded", "Traded", "Cancelled"},
    "Modified": {"Modified", "Triggered", "Part-Traded", "Traded", "Cancelled"},
    "Triggered": {"Part-Traded", "Traded", "Cancelled"},
    "Part-Traded": {"Part-Traded", "Traded", "Cancelled"},
}
TERMS = ("orderType", "quantity", "price", "triggerPrice", "validity", "discQuantity")
NEVER_CHANGED = ("securityId", "txnType", "product", "productName", "orderDateTime", "lotSize", "tickSize", "source")
TICK = Decimal("0.05")
UNSET = "0001-01-01 00:00:00"
DAY: Day = the_day()
ORDERS = list(DAY.orders.values())


def limit(data: dict[str, Any]) -> Decimal:
    return Decimal(str(data["price"]))


# ---- the file --------------------------------------------------------------------------------------------------------


def test_a_trading_day_in_order() -> None:
    assert DAY.header["tape"] == 1
    opened, closed = DAY.started_at, datetime.combine(DAY.started_at.date(), time(15, 30), DAY.started_at.tzinfo)
    assert opened.time() == time(9, 15)
    assert opened.weekday() < 5
    assert opened <= DAY.moments[0]
    assert DAY.moments[-1] <= closed
    assert DAY.moments == sorted(DAY.moments)


def test_it_is_small_enough_for_git() -> None:
    content = TAPE.read_bytes()
    assert len(content) < 2_000_000
    assert b"\r" not in content
    assert content.endswith(b"\n")


def test_a_frame_has_the_fields_of_the_wire() -> None:
    for told in DAY.frames:
        the_fields(told)


def the_fields(told: Told) -> None:
    data = told.data
    assert {key: type(value) for key, value in data.items()} == FIELDS
    assert data["clientId"] == DAY.header["client_id"]
    assert data["lastUpdatedTime"] == f"{told.at:%Y-%m-%d %H:%M:%S}"
    assert data["quantity"] % data["lotSize"] == 0
    assert data["refLtp"] > 0
    for price in ("price", "triggerPrice", "tradedPrice", "refLtp"):
        assert Decimal(str(data[price])) % TICK == 0
    open_units = 0 if data["status"] in OVER else data["quantity"] - data["tradedQty"]
    assert data["remainingQuantity"] == open_units
    assert data["discQtyRem"] == min(data["discQuantity"], open_units)


# ---- orders ----------------------------------------------------------------------------------------------------------


def test_an_order_takes_legal_steps_and_ends() -> None:
    for order in ORDERS:
        for before, after in pairwise([None, *order.words]):
            assert after in NEXT[before]
        assert order.words[-1] in OVER
        assert {word for word in order.words[:-1] if word in OVER} == set()
        assert [each.at for each in order.told] == sorted(each.at for each in order.told)
        for key in NEVER_CHANGED:
            assert len({each.data[key] for each in order.told}) == 1
        assert order.first["orderDateTime"] == order.first["lastUpdatedTime"]


def test_terms_change_by_a_modification_alone() -> None:
    for order in ORDERS:
        for before, after in pairwise(each.data for each in order.told):
            changed = any(before[key] != after[key] for key in TERMS)
            assert changed == (after["status"] == "Modified")
        for each in (told.data for told in order.told):
            kind = each["orderType"]
            assert (each["price"] > 0) == (kind in {"LMT", "SL"})
            assert (each["triggerPrice"] > 0) == (kind == "SL")
            if kind == "SL":
                assert (each["price"] - each["triggerPrice"]) * order.sign > 0
        assert ("Triggered" in order.words) <= (order.first["orderType"] == "SL")


def test_what_traded_adds_up() -> None:
    for order in ORDERS:
        known, value = 0, Decimal(0)
        for each in (told.data for told in order.told):
            added = each["tradedQty"] - known
            assert added >= 0
            assert (added > 0) == (each["status"] in {"Part-Traded", "Traded"})
            assert added % each["lotSize"] == 0
            known, value = each["tradedQty"], value + added * Decimal(str(each["tradedPrice"]))
            average = value / known if known else Decimal(0)
            assert abs(Decimal(str(each["avgTradedPrice"])) - average) <= Decimal("0.00005")
            assert (each["tradedPrice"] > 0) == (known > 0)
        assert (order.words[-1] == "Traded") == (known == order.last["quantity"])
        assert sum(trade.quantity for trade in order.trades) == known


def test_the_exchange_knows_an_order_that_is_past_the_broker() -> None:
    for order in ORDERS:
        for each in (told.data for told in order.told):
            outside = each["status"] in {"Transit", "Rejected"}
            assert (each["exchOrderNo"] == "0") == outside
            assert (each["exchOrderTime"] == UNSET) == outside
        assert len({each.data["exchOrderNo"] for each in order.told} - {"0"}) <= 1
        if order.words[-1] == "Rejected":
            assert order.last["orderNo"] in order.last["reasonDescription"]


def test_ids_are_unique_and_rise_with_time() -> None:
    numbers = [(order.told[0].at, order.first["orderNo"]) for order in ORDERS]
    assert [number for _, number in sorted(numbers)] == sorted(DAY.orders)
    at_exchange = Counter(order.last["exchOrderNo"] for order in ORDERS if order.last["exchOrderNo"] != "0")
    assert max(at_exchange.values()) == 1


# ---- orders and the market -------------------------------------------------------------------------------------------


def test_nothing_trades_where_the_market_is_not() -> None:
    for order, trade in ((each, trade) for each in ORDERS for trade in each.trades):
        market = DAY.price(order.key, trade.at)
        assert market is not None
        terms = [each.data for each in order.told if each.at <= trade.at][-1]
        if terms["orderType"] == "MKT":
            assert abs(trade.price - market) <= 3 * TICK
        else:
            assert (trade.price - limit(terms)) * order.sign <= 0
            assert (market - limit(terms)) * order.sign <= 0
            assert (trade.price - market) * order.sign >= 0


def test_a_limit_order_does_not_rest_where_the_market_goes() -> None:
    """Until its first trade; one that is sent into the market trades within a second or two."""
    for order in ORDERS:
        for before, after in pairwise(order.told):
            if before.data["status"] not in {"Pending", "Modified"} or before.data["orderType"] != "LMT":
                continue
            for price in DAY.between(order.key, before.at, after.at):
                assert (price - limit(before.data)) * order.sign > 0


def test_a_stop_triggers_when_a_price_crosses_it_and_not_before() -> None:
    for order in (each for each in ORDERS if each.first["orderType"] == "SL"):
        for before, after in pairwise(order.told):
            trigger = Decimal(str(before.data["triggerPrice"]))
            if before.data["status"] in {"Pending", "Modified"}:
                passed = DAY.between(order.key, before.at, after.at)
                assert [price for price in passed if (price - trigger) * order.sign >= 0] == []
            if after.data["status"] == "Triggered":
                market = DAY.price(order.key, after.at)
                assert market is not None
                assert (market - trigger) * order.sign >= 0


def test_every_contract_that_is_traded_has_prices() -> None:
    assert {order.key for order in ORDERS} <= set(DAY.prices)


def test_ordinary_options_stay_above_two_rupees_and_penny_options_below() -> None:
    for key, points in DAY.prices.items():
        prices = [price for _, price in points]
        if key[1] in {"41230", "41231"}:
            assert max(prices) < 2
        elif key[1] != "41206":
            assert min(prices) > 2


# ---- positions -------------------------------------------------------------------------------------------------------


def test_intraday_positions_end_flat_and_only_bought_ones_are_kept() -> None:
    net: Counter[tuple[Any, ...]] = Counter()
    for order in ORDERS:
        net[(order.last["productName"], order.key)] += order.sign * order.last["tradedQty"]
    assert {key: units for key, units in net.items() if units and key[0] == "INTRADAY"} == {}
    kept = {key: units for key, units in net.items() if units}
    assert {key[0] for key in kept} == {"CNC", "MARGIN"}
    assert min(kept.values()) > 0
