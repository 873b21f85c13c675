"""Who trades at which price, and what order types do."""

from typing import Any

import pytest
from simulator_world import NIFTY_CALL, Client, Door, Listener

from copyctl.simulator import Simulator


@pytest.fixture
async def prompt(door: Door) -> None:
    """Steps between broker and exchange take no time."""
    await door("settings", transit_ms=0)


pytestmark = pytest.mark.usefixtures("prompt")


async def test_a_market_order_trades_at_the_last_price(leader: Client) -> None:
    row = await leader.becomes(await leader.place_id(order_type="MARKET", price=0), "TRADED")
    assert (row["averageTradedPrice"], row["orderType"], row["price"]) == (101.1, "MARKET", 0.0)


async def test_a_marketable_limit_trades_at_the_last_price_and_a_resting_one_at_its_own(
    leader: Client, door: Door
) -> None:
    taker = await leader.becomes(await leader.place_id(price=105), "TRADED")
    assert taker["averageTradedPrice"] == 101.1
    resting = await leader.place_id(price=95)
    await leader.becomes(resting, "PENDING")
    await door.price(95.05)
    assert (await leader.order(resting))["orderStatus"] == "PENDING"
    await door.price(94)
    assert (await leader.becomes(resting, "TRADED"))["averageTradedPrice"] == 95.0


async def test_a_stop_waits_for_its_trigger_and_then_acts_as_a_limit(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(transaction_type="SELL", order_type="STOP_LOSS", price=94, trigger_price=95)
    await leader.becomes(order_id, "PENDING")
    await door.price(94.75)
    row = await leader.becomes(order_id, "TRADED")
    assert (row["averageTradedPrice"], row["orderType"]) == (94.75, "STOP_LOSS")
    heard = await ears.until(order_id, "Traded")
    assert [frame["status"] for frame in heard] == ["Transit", "Pending", "Triggered", "Traded"]
    assert {frame["orderType"] for frame in heard} == {"SL"}


async def test_a_triggered_stop_whose_limit_is_passed_rests(leader: Client, door: Door) -> None:
    order_id = await leader.place_id(transaction_type="SELL", order_type="STOP_LOSS", price=94, trigger_price=95)
    await leader.becomes(order_id, "PENDING")
    await door.price(93)
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["filledQty"]) == ("PENDING", 0)
    await door.price(94.5)
    assert (await leader.becomes(order_id, "TRADED"))["averageTradedPrice"] == 94.0


async def test_a_triggered_stop_can_read_as_a_limit(leader: Client, door: Door, listen: Any) -> None:
    await door("settings", trigger_becomes_limit=True)
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(transaction_type="SELL", order_type="STOP_LOSS", price=94, trigger_price=95)
    await leader.becomes(order_id, "PENDING")
    await door("status", account="leader", order_id=order_id, status="TRIGGERED")
    assert (await ears.until(order_id, "Triggered"))[-1]["orderType"] == "LMT"
    assert (await leader.order(order_id))["orderType"] == "LIMIT"


@pytest.mark.parametrize(("mode", "status", "order_type"), [("native", "PENDING", "STOP_LOSS_MARKET"),
                                                            ("limit", "TRADED", "LIMIT")])  # fmt: skip
async def test_a_stop_market_order_rests_or_becomes_a_limit_at_once(
    leader: Client, door: Door, mode: str, status: str, order_type: str
) -> None:
    await door("settings", stop_market_orders=mode)
    stop = {"transaction_type": "SELL", "order_type": "STOP_LOSS_MARKET", "price": 0, "trigger_price": 95}
    row = await leader.becomes(await leader.place_id(**stop), status)
    assert row["orderType"] == order_type
    if mode == "native":
        await door.price(94.3)
        assert (await leader.becomes(row["orderId"], "TRADED"))["averageTradedPrice"] == 94.3


async def test_a_stop_market_order_can_be_refused_for_its_invented_limit(leader: Client, door: Door) -> None:
    await door("settings", stop_market_orders="refuse")
    refused = await leader.place(transaction_type="SELL", order_type="STOP_LOSS_MARKET", price=0, trigger_price=95)
    assert refused["remarks"]["error_message"] == "Trigger Price should be greater than Price"


async def test_a_protected_market_order_is_a_limit_that_may_rest(leader: Client, door: Door, listen: Any) -> None:
    await door("settings", market_orders="protected", market_band_percent=1)
    await door("liquidity", exchange_segment="NSE_FNO", security_id="43210", available=0)
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(order_type="MARKET", price=0)
    row = await leader.becomes(order_id, "PENDING")
    assert (row["orderType"], row["price"]) == ("LIMIT", 102.1)
    assert (await ears.frames(1))[0]["orderType"] == "LMT"
    await door("liquidity", exchange_segment="NSE_FNO", security_id="43210", available=None)
    await leader.becomes(order_id, "TRADED")


async def test_what_an_ioc_order_cannot_trade_is_cancelled(leader: Client, door: Door) -> None:
    await door("liquidity", exchange_segment="NSE_FNO", security_id="43210", available=65)
    row = await leader.becomes(await leader.place_id(quantity=130, price=105, validity="IOC"), "CANCELLED")
    assert (row["filledQty"], row["validity"]) == (65, "IOC")
    await door("settings", ioc_rest="EXPIRED")
    assert (await leader.becomes(await leader.place_id(price=105, validity="IOC"), "EXPIRED"))["filledQty"] == 0


async def test_liquidity_is_shared_and_the_older_order_comes_first(leader: Client, alice: Client, door: Door) -> None:
    first, second = await leader.place_id(quantity=130, price=95), await alice.place_id(quantity=130, price=95)
    await leader.becomes(first, "PENDING")
    await alice.becomes(second, "PENDING")
    await door("liquidity", exchange_segment="NSE_FNO", security_id="43210", available=195)
    await door.price(95)
    await leader.becomes(first, "TRADED")
    assert (await alice.becomes(second, "PART_TRADED"))["filledQty"] == 65


async def test_an_order_can_be_filled_in_tranches_a_tick_at_a_time(leader: Client, door: Door) -> None:
    await door("liquidity", exchange_segment="NSE_FNO", security_id="43210", per_tick=65)
    order_id = await leader.place_id(quantity=195, order_type="MARKET", price=0)
    assert (await leader.becomes(order_id, "PART_TRADED"))["filledQty"] == 65
    await door.price(101.3)
    await door.price(101.5)
    row = await leader.becomes(order_id, "TRADED")
    assert row["averageTradedPrice"] == 101.3
    assert len((await leader("get_trade_book", order_id))["data"]) == 3


async def test_a_fill_can_come_while_the_order_is_in_transit(leader: Client, door: Door) -> None:
    await door("settings", hold=True)
    order_id = await leader.place_id()
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    assert (await leader.order(order_id))["orderStatus"] == "TRADED"
    await door("release", account="leader")
    assert (await leader.order(order_id))["orderStatus"] == "TRADED"


async def test_held_orders_are_released_one_by_one(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    first, second = await leader.place_id(), await leader.place_id()
    await door("release", account="leader", order_id=second)
    assert (await leader.order(second))["orderStatus"] == "PENDING"
    assert (await leader.order(first))["orderStatus"] == "TRANSIT"
    await door("status", account="leader", order_id=first, status="PENDING")
    assert (await leader.order(first))["orderStatus"] == "PENDING"


async def test_matching_can_be_held_for_one_account(leader: Client, alice: Client, door: Door) -> None:
    await door("settings", account="alice", hold_matching=True)
    mine, hers = await leader.place_id(price=105), await alice.place_id(price=105)
    await leader.becomes(mine, "TRADED")
    await alice.becomes(hers, "PENDING")
    await door("settings", account="alice", hold_matching=False)
    assert (await alice.order(hers))["orderStatus"] == "TRADED"


async def test_day_orders_expire_on_command_and_keep_their_fills(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    assert (await door("expire"))["expired"] == 1
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["filledQty"], row["remainingQuantity"]) == ("EXPIRED", 65, 65)
    assert (await ears.until(order_id, "Expired"))[-1]["tradedQty"] == 65


async def test_an_after_market_order_waits_until_the_session_opens(leader: Client, door: Door, listen: Any) -> None:
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(price=105, after_market_order=True, amo_time="OPEN_30")
    row = await leader.becomes(order_id, "PENDING")
    assert (row["afterMarketOrder"], row["exchangeTime"]) == (True, "0001-01-01 00:00:00")
    assert "amoTime" not in row
    await door("settings", rows_tell_amo_time=True)
    assert (await leader.order(order_id))["amoTime"] == "OPEN_30"
    await door.price(100)
    assert (await leader.order(order_id))["filledQty"] == 0
    assert (await door("orders", "GET", account="leader"))["orders"][0]["amoTime"] == "OPEN_30"
    await door("open", account="leader")
    await leader.becomes(order_id, "TRADED")
    assert {frame["offMktFlag"] for frame in await ears.until(order_id, "Traded")} == {"1"}


async def test_after_market_orders_go_when_the_clock_says_their_time(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    await door("clock", at="2026-09-15 08:00:00")
    order = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "LIMIT",
             "securityId": "43210", "quantity": 65, "price": 90, "afterMarketOrder": True}  # fmt: skip
    by_time = {
        name: (await door("place", account="leader", order={**order, "amoTime": name}))["order_id"]
        for name in ("PRE_OPEN", "OPEN", "OPEN_30", "OPEN_60")
    }

    async def sent() -> set[str]:
        rows = [await leader.order(each) for each in by_time.values()]
        return {name for name, row in zip(by_time, rows, strict=True) if row["exchangeTime"][:4] != "0001"}

    for order_id in by_time.values():
        await leader.becomes(order_id, "PENDING")
    for moment, count, there in (
        ("08:59:50", 0, set()),
        ("09:00:00", 1, {"PRE_OPEN"}),
        ("09:20:00", 1, {"PRE_OPEN", "OPEN"}),
        ("10:15:00", 2, set(by_time)),
    ):
        assert (await door("clock", at=f"2026-09-15 {moment}"))["sent"] == count
        assert await sent() == there


async def test_an_after_market_order_of_the_evening_waits_for_the_morning(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    await door("clock", at="2026-09-15 18:00:00")
    order_id = await leader.place_id(price=105, after_market_order=True, amo_time="OPEN")
    await leader.becomes(order_id, "PENDING")
    assert (await door("clock", at="2026-09-15 23:59:00"))["sent"] == 0
    await door("clock", at="2026-09-16 09:15:00")
    await leader.becomes(order_id, "TRADED")


async def test_an_after_market_order_goes_by_itself_when_its_time_passes(leader: Client, door: Door) -> None:
    await door("settings", tokens_expire=False)
    await door("clock", at="2026-09-15 09:14:58")
    order_id = await leader.place_id(price=105, after_market_order=True, amo_time="OPEN")
    assert (await leader.becomes(order_id, "TRADED"))["afterMarketOrder"] is True


@pytest.mark.parametrize("command", [{"command": "open"}, {"command": "clock", "at": "2026-09-16 09:15:00"}])
async def test_an_after_market_order_without_margin_is_rejected_when_the_session_opens(
    leader: Client, door: Door, listen: Any, command: dict[str, str]
) -> None:
    await door("settings", tokens_expire=False)
    await door("clock", at="2026-09-15 18:00:00")
    ears: Listener = await listen("leader")
    order_id = await leader.place_id(after_market_order=True, amo_time="OPEN")
    await leader.becomes(order_id, "PENDING")
    await door("funds", account="leader", available=-5850)
    await door(**command)
    assert "insufficient funds" in (await leader.becomes(order_id, "REJECTED"))["omsErrorDescription"]
    heard = await ears.until(order_id, "Rejected")
    assert [frame["status"] for frame in heard] == ["Transit", "Pending", "Rejected"]
    assert "insufficient funds" in heard[-1]["reasonDescription"]


async def test_a_closed_session_takes_after_market_orders_only(leader: Client, door: Door) -> None:
    await door("settings", session="closed")
    row = await leader.becomes(await leader.place_id(), "REJECTED")
    assert row["omsErrorDescription"] == "EXCH:16052 - Function Not Available"
    await leader.becomes(await leader.place_id(after_market_order=True, amo_time="OPEN"), "PENDING")


async def test_a_modification_to_market_trades_at_once(leader: Client) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await leader("modify_order", order_id, "MARKET", None, 65, 0, 0, 0, "DAY")
    assert (await leader.becomes(order_id, "TRADED"))["averageTradedPrice"] == 101.1


async def test_prices_walk_the_same_way_for_the_same_seed() -> None:
    paths = []
    for _ in range(2):
        running = Simulator(("leader",), seed=11)
        walk, market = running.broker.walk, running.broker.exchange.markets[NIFTY_CALL]
        walk.set(60, 50)
        path = []
        for _ in range(20):
            walk.step()
            path.append(market.last_price)
        running.broker.timers.call_off()
        paths.append(path)
    assert paths[0] == paths[1]
    assert len(set(paths[0])) > 1
