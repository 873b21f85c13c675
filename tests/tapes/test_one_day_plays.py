"""What the simulator and the copier make of the tape."""

import asyncio
from collections import defaultdict
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from copyctl.model.order import ExecutionReport
from copyctl.simulator import Simulator
from copyctl.wire.dhan import Dhan
from tests.tapes.leader_day import TAPE, Told, the_day

Books = dict[str, list[dict[str, Any]]]

DAY = the_day()
STATUSES = {"Traded": "TRADED", "Cancelled": "CANCELLED", "Rejected": "REJECTED"}
TYPES = {"LMT": "LIMIT", "MKT": "MARKET", "SL": "STOP_LOSS"}
SIDES = {1: "BUY", -1: "SELL"}


def read(told: Told) -> ExecutionReport:
    reading = Dhan().read_frame(told.text.encode(), DAY.header["client_id"], 1)
    assert reading.why == ""
    (report,) = reading.reports
    return report


def test_the_copier_reads_every_frame() -> None:
    for order, told in ((each, told) for each in DAY.orders.values() for told in each.told):
        report, data = read(told), told.data
        assert report.order_id == data["orderNo"]
        assert report.status is not None
        assert report.status_text == data["status"]
        assert (report.segment, report.security_id) == order.key
        assert report.side == SIDES[order.sign]
        assert report.product == data["productName"]
        assert report.terms is not None
        assert report.terms.order_type == TYPES[data["orderType"]]
        assert report.terms.validity == data["validity"]
        assert report.terms.quantity == data["quantity"]
        assert report.terms.price == Decimal(str(data["price"]))
        assert report.terms.trigger_price == Decimal(str(data["triggerPrice"]))
        assert report.terms.disclosed_quantity == data["discQuantity"]
        assert report.filled == data["tradedQty"]
        assert report.average_price == Decimal(str(data["avgTradedPrice"]))
        assert report.last_price == Decimal(str(data["refLtp"]))
        assert report.instrument is not None
        assert report.instrument.lot_size == data["lotSize"]
        assert (report.category is not None) == (data["status"] == "Rejected")


async def played() -> Books:
    """The leader's books at the end of the day."""
    simulator = Simulator(("leader", "alice"), tape=TAPE, speed=0)
    await simulator.start()
    await simulator.play()
    found = {}
    headers = {"access-token": simulator.accounts["leader"].access_token}
    async with aiohttp.ClientSession(headers=headers) as session:
        for name in ("orders", "trades", "positions"):
            async with session.get(f"{simulator.rest_url}/{name}") as answer:
                assert answer.status == 200
                found[name] = await answer.json()
    await simulator.stop()
    return found


@pytest.fixture(scope="module")
def books() -> Books:
    return asyncio.run(played())


def test_the_leaders_order_book_is_what_the_last_frames_told(books: Books) -> None:
    rows = {row["orderId"]: row for row in books["orders"]}
    assert rows.keys() == DAY.orders.keys()
    for order_id, row in rows.items():
        order = DAY.orders[order_id]
        last = order.last
        assert row["orderStatus"] == STATUSES[last["status"]]
        assert (row["exchangeSegment"], row["securityId"]) == order.key
        assert row["transactionType"] == SIDES[order.sign]
        assert (row["orderType"], row["productType"]) == (TYPES[last["orderType"]], last["productName"])
        assert (row["quantity"], row["filledQty"]) == (last["quantity"], last["tradedQty"])
        assert (row["price"], row["triggerPrice"]) == (last["price"], last["triggerPrice"])
        assert row["averageTradedPrice"] == last["avgTradedPrice"]


def test_the_leaders_trade_book_is_what_the_frames_added(books: Books) -> None:
    traded = defaultdict(list)
    for row in books["trades"]:
        traded[row["orderId"]].append((row["tradedQuantity"], Decimal(str(row["tradedPrice"]))))
    assert len({row["exchangeTradeId"] for row in books["trades"]}) == len(books["trades"])
    assert dict(traded) == {
        order_id: [(trade.quantity, trade.price) for trade in order.trades]
        for order_id, order in DAY.orders.items()
        if order.trades
    }


def test_the_leaders_positions_are_what_he_traded(books: Books) -> None:
    net: dict[tuple[str, ...], int] = defaultdict(int)
    for order in DAY.orders.values():
        net[(*order.key, order.last["productName"])] += order.sign * order.last["tradedQty"]
    told = {
        (row["exchangeSegment"], row["securityId"], row["productType"]): row["netQty"] for row in books["positions"]
    }
    assert {key: units for key, units in told.items() if units} == {key: units for key, units in net.items() if units}


def test_the_instrument_master_misses_what_it_should_miss_and_nothing_else() -> None:
    simulator = Simulator(("leader",), tape=TAPE, speed=0)
    today = simulator.broker.clock.now().date()
    expired = {
        order.key
        for order in DAY.orders.values()
        if (expiry := simulator.broker.exchange.markets[order.key].instrument.expiry) is not None and expiry < today
    }
    assert expired == {("NSE_FNO", "41206")}
