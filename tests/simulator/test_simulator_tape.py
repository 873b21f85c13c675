"""A recorded day that happens again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import websockets
from simulator_world import Client, Listener

from copyctl.simulator import Simulator

IST = timezone(timedelta(hours=5, minutes=30))
START = datetime(2026, 9, 15, 10, 2, 11, tzinfo=IST)
RECORDED = "1234567890"
FRAME = {
    "exchange": "NSE", "segment": "D", "source": "N", "orderPlatform": "FAST", "securityId": "61234",
    "clientId": RECORDED, "exchOrderNo": "1300000012345678", "orderNo": "122609150001234", "product": "I",
    "txnType": "B", "orderType": "LMT", "validity": "DAY", "remainingQuantity": 130, "quantity": 130, "tradedQty": 0,
    "price": 100.0, "triggerPrice": 0.0, "tradedPrice": 0.0, "avgTradedPrice": 0.0, "offMktFlag": "0",
    "orderDateTime": "2026-09-15 10:02:11", "exchOrderTime": "2026-09-15 10:02:11",
    "lastUpdatedTime": "2026-09-15 10:02:11", "reasonDescription": "CONFIRMED", "legNo": 1, "instrument": "OPTIDX",
    "symbol": "FINNIFTY", "status": "Pending", "lotSize": 60, "strikePrice": 26000.0,
    "expiryDate": "2099-09-22 14:30:00", "optType": "PE", "displayName": "FINNIFTY 22 SEP 26000 PUT", "tickSize": 0.05,
    "refLtp": 101.1, "multiplier": 1, "correlationId": "",
}  # fmt: skip
PART = {"status": "Part-Traded", "tradedQty": 60, "remainingQuantity": 70, "tradedPrice": 99.5, "avgTradedPrice": 99.5,
        "lastUpdatedTime": "2026-09-15 10:02:13"}  # fmt: skip
DONE = {"status": "Cancelled", "tradedQty": 60, "remainingQuantity": 0, "tradedPrice": 99.5, "avgTradedPrice": 99.5,
        "lastUpdatedTime": "2026-09-15 10:02:15"}  # fmt: skip

Write = Callable[..., Path]
Run = Callable[..., Awaitable[tuple[Simulator, list[dict[str, Any]]]]]


def frame(**changes: object) -> str:
    return json.dumps({"Type": "order_alert", "Data": {**FRAME, **changes}})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def tape(*events: dict[str, object]) -> Path:
        path = tmp_path / "day.jsonl"
        header = {"tape": 1, "client_id": RECORDED, "started_at": START.isoformat()}
        lines = [{"at": (START + timedelta(seconds=place)).isoformat(), **each} for place, each in enumerate(events)]
        path.write_text("\n".join(json.dumps(line) for line in [header, *lines]) + "\n")
        return path

    return tape


async def play(tape: Path, speed: float = 0) -> Simulator:
    simulator = Simulator(("leader", "alice"), tape=tape, speed=speed)
    await simulator.start()
    await simulator.play()
    return simulator


async def test_a_frame_reaches_the_leaders_books_and_positions(write: Write) -> None:
    simulator = await play(write({"frame": frame()}, {"frame": frame(**PART)}, {"frame": frame(**DONE)}))
    leader = Client(simulator.rest_url, simulator.accounts["leader"])
    try:
        row = (await leader("get_order_list"))["data"][0]
        assert (row["orderStatus"], row["filledQty"], row["orderType"]) == ("CANCELLED", 60, "LIMIT")
        assert (row["dhanClientId"], row["exchangeSegment"]) == ("1100000001", "NSE_FNO")
        trade = (await leader("get_trade_book"))["data"][0]
        assert (trade["tradedQuantity"], trade["tradedPrice"], trade["orderId"]) == (60, 99.5, FRAME["orderNo"])
        position = (await leader("get_positions"))["data"][0]
        assert (position["netQty"], position["costPrice"]) == (60, 99.5)
    finally:
        leader.http.session.close()
        await simulator.stop()


async def test_an_old_frame_does_not_take_the_book_back(write: Write) -> None:
    simulator = await play(write({"frame": frame(**DONE)}, {"frame": frame()}, {"frame": frame(**PART)}))
    told = simulator.accounts["leader"].told_orders[str(FRAME["orderNo"])]
    assert told["orderStatus"] == "CANCELLED"
    await simulator.stop()


async def test_a_frame_goes_out_with_fresh_times_and_the_leaders_id(write: Write) -> None:
    simulator = Simulator(("leader", "alice"), tape=write({"frame": frame()}, {"frame": "not JSON at all"}))
    heard: list[str] = []
    simulator.broker.stream.tell = lambda account, text: heard.append(str(text))  # type: ignore[method-assign]
    simulator.speed = 0
    await simulator.play()
    data = json.loads(heard[0])["Data"]
    today = simulator.broker.clock.today()
    assert all(data[key].startswith(today) for key in ("orderDateTime", "exchOrderTime", "lastUpdatedTime"))
    assert (data["clientId"], data["expiryDate"]) == ("1100000001", FRAME["expiryDate"])
    assert RECORDED not in heard[0]
    assert heard[1] == "not JSON at all"


async def test_times_keep_their_distance_at_any_speed(write: Write) -> None:
    events = [{"frame": frame(orderDateTime="2026-09-15 09:02:11")}]
    simulator = await play(write(*events), speed=60)
    told = simulator.accounts["leader"].told_orders[str(FRAME["orderNo"])]
    created, updated = (datetime.fromisoformat(str(told[key])) for key in ("createTime", "updateTime"))
    assert updated - created == timedelta(minutes=1)
    await simulator.stop()


async def test_an_instrument_that_only_the_tape_knows_can_be_traded(write: Write) -> None:
    key = {"exchange_segment": "NSE_FNO", "security_id": "61234"}
    simulator = await play(write({"frame": frame()}, {"price": {**key, "last_price": 98.5}}))
    alice = Client(simulator.rest_url, simulator.accounts["alice"])
    try:
        order_id = await alice.place_id(security_id="61234", quantity=60, price=99)
        row = await alice.becomes(order_id, "TRADED")
        assert (row["averageTradedPrice"], row["tradingSymbol"]) == (98.5, "FINNIFTY-Sep2099-26000-PE")
    finally:
        alice.http.session.close()
        await simulator.stop()


async def test_without_prices_the_leaders_trades_are_the_market(write: Write) -> None:
    simulator = await play(write({"frame": frame()}, {"frame": frame(**PART)}))
    assert float(simulator.broker.exchange.markets[("NSE_FNO", "61234")].last_price) == 99.5
    await simulator.stop()


async def test_what_is_told_while_the_stream_is_down_is_in_the_book_alone(write: Write) -> None:
    simulator = await play(write({"stream": "down"}, {"frame": frame()}))
    assert simulator.broker.stream.down == {"leader"}
    assert len(simulator.accounts["leader"].told_orders) == 1
    await simulator.stop()


async def test_book_lines_replace_the_rows_and_followers_start_with_their_positions(write: Write) -> None:
    row = {"orderId": "9", "dhanClientId": RECORDED, "orderStatus": "PENDING", "createTime": "2026-09-15 10:02:11"}
    held = {
        "exchangeSegment": "NSE_FNO",
        "securityId": "43210",
        "productType": "INTRADAY",
        "netQty": 65,
        "costPrice": 90,
    }
    simulator = await play(
        write(
            {"frame": frame()},
            {"book": [row]},
            {"trades": []},
            {"positions": [held]},
            {"funds": {"availabelBalance": 5.0}},
            {"positions": [held], "account": "alice"},
            {"funds": {"availabelBalance": 7000.0}, "account": "alice"},
        )
    )
    leader, alice = simulator.accounts["leader"], simulator.accounts["alice"]
    assert list(leader.told_orders) == ["9"]
    assert leader.told_orders["9"]["dhanClientId"] == "1100000001"
    assert leader.told_funds is not None
    for account in (leader, alice):
        assert [(each.net, float(each.cost)) for each in account.ledger.positions.values()] == [(65, 90.0)]
    assert float(alice.ledger.available) == 7000.0
    await simulator.stop()


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (['{"tape": 2}'], 1),
        (['{"tape": 1}', '{"at": "2026-09-15T10:00:00+05:30"}'], 2),
        (['{"tape": 1}', '{"at": "2026-09-15T10:00:00", "stream": "up"}'], 2),
        (['{"tape": 1}', "", '{"at": "2026-09-15T10:00:00+05:30", "stream": "sideways"}'], 3),
        (['{"tape": 1}', '{"at": "2026-09-15T10:00:00+05:30", "price": {"security_id": "1"}}'], 2),
        (['{"tape": 1}', '{"at": ' + "[" * 100_000], 2),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, lines: list[str], number: int) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=f"line {number}:"):
        Simulator(("leader",), tape=path)


async def test_positions_are_told_once_and_moved_on_by_fills(write: Write) -> None:
    held = {
        "exchangeSegment": "NSE_FNO",
        "securityId": "61234",
        "productType": "INTRADAY",
        "buyAvg": 90,
        "dayBuyQty": 60,
    }
    simulator = await play(write({"positions": [held]}, {"frame": frame(**PART)}))
    assert simulator.broker.exchange.markets[("NSE_FNO", "61234")].instrument.lot_size == 60
    position = simulator.accounts["leader"].ledger.positions[("NSE_FNO", "61234", "INTRADAY")]
    assert (position.net, float(position.buy_average)) == (120, 94.75)
    await simulator.stop()


async def test_an_instrument_that_only_a_row_knows_has_the_lot_size_of_its_kin(write: Write) -> None:
    row = {"orderId": "9", "exchangeSegment": "NSE_FNO", "securityId": "70001",
           "tradingSymbol": "NIFTY-Sep2099-30000-CE",
           "drvOptionType": "CALL", "drvExpiryDate": "2099-09-22", "drvStrikePrice": 30000.0}  # fmt: skip
    simulator = await play(write({"book": [row]}))
    listed = simulator.broker.exchange.markets[("NSE_FNO", "70001")].instrument
    assert (listed.lot_size, listed.option_type, listed.symbol) == (65, "CE", "NIFTY")
    await simulator.stop()


async def test_the_leader_hears_his_tape_from_his_first_login_on(write: Write) -> None:
    simulator = Simulator(("leader",), tape=write({"frame": frame()}), speed=0)
    await simulator.start()
    playing = asyncio.create_task(simulator.play(when_heard=True))
    account = simulator.accounts["leader"]
    async with websockets.connect(simulator.order_update_url, proxy=None) as socket:
        assert not account.told_orders
        login = {"MsgCode": 42, "ClientId": account.client_id, "Token": account.access_token}
        await socket.send(json.dumps({"LoginReq": login, "UserType": "SELF"}))
        assert (await Listener(socket).frames(1))[0]["orderNo"] == FRAME["orderNo"]
    await playing
    await simulator.stop()
