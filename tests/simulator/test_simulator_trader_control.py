"""Stopping an account as a whole: the kill switch, exit all, and the P&L based exit."""

import json
from typing import Any

import pytest
from simulator_world import NIFTY_CALL, Client, Door, Listener

CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}


async def net(client: Client) -> dict[str, int]:
    return {row["productType"]: row["netQty"] for row in (await client("get_positions"))["data"]}


# ---- kill switch ----------------------------------------------------------------------------------------------------


async def test_the_kill_switch_is_refused_while_anything_rests_or_is_held(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    refused = await leader("kill_switch", "activate")
    assert refused["remarks"]["error_message"] == (
        "Kill Switch cannot be activated while positions or pending orders are open"
    )
    await leader("cancel_order", order_id)
    await leader.becomes(order_id, "CANCELLED")
    await door("trade", account="leader", **SHARE, side="BUY", quantity=1, product="CNC")
    assert (await leader("kill_switch", "activate"))["status"] == "failure"
    await door("trade", account="leader", **SHARE, side="SELL", quantity=1, product="CNC")
    assert (await leader("kill_switch", "activate"))["data"]["killSwitchStatus"] == (
        "Kill Switch has been successfully activated"
    )


async def test_while_it_is_on_nobody_places_an_order_and_then_everybody_may_again(
    leader: Client, alice: Client, door: Door
) -> None:
    await leader("kill_switch", "activate")
    for refused in (
        await leader.place(),
        await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65 * 60, "LIMIT", "INTRADAY", 90),
    ):
        assert (refused["remarks"]["error_code"], refused["remarks"]["error_message"]) == (
            "DH-906", "Transactions blocked by RMS as kill switch is active")  # fmt: skip
    with pytest.raises(AssertionError, match="kill switch is active"):
        await door("trade", account="leader", **CALL, side="BUY", quantity=65)
    order = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "MARKET",
             "securityId": "43210", "quantity": 65}  # fmt: skip
    with pytest.raises(AssertionError, match="kill switch is active"):
        await door("place", account="leader", order=order)
    assert (await leader("get_order_list"))["data"] == []
    assert (await alice.place())["status"] == "success"
    assert "deactivated" in (await leader("kill_switch", "deactivate"))["data"]["killSwitchStatus"]
    assert (await leader("status_kill_switch"))["data"]["killSwitchStatus"] == "DEACTIVATE"
    assert (await leader.place())["status"] == "success"


async def test_the_request_log_tells_of_the_kill_switch(leader: Client, door: Door) -> None:
    await leader("kill_switch", "activate")
    (seen,) = (await door("requests", "GET", account="leader"))["requests"]
    assert [seen[name] for name in ("method", "path", "query", "status")] == [
        "POST", "/killswitch", "killSwitchStatus=ACTIVATE", 200]  # fmt: skip
    assert (await door("accounts", "GET"))["accounts"][0]["kill_switch"] is True


@pytest.mark.parametrize("query", ["", "?killSwitchStatus=ON"])
async def test_the_kill_switch_knows_two_words(door: Door, query: str) -> None:
    status, text, _ = await door.raw("leader", "POST", f"/killswitch{query}")
    assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")


async def test_it_can_be_on_whatever_is_held_and_needs_the_right_address(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="MARGIN", quantity=65)
    await door("kill_switch", account="leader", status="ACTIVATE")
    assert (await leader("status_kill_switch"))["data"]["killSwitchStatus"] == "ACTIVATE"
    await door("settings", account="leader", ip_allowed=False)
    assert (await leader("kill_switch", "deactivate"))["remarks"]["error_message"] == "Invalid IP"
    await door("kill_switch", status="DEACTIVATE")
    assert (await leader("status_kill_switch"))["data"]["killSwitchStatus"] == "DEACTIVATE"
    with pytest.raises(AssertionError, match="ACTIVATE, DEACTIVATE"):
        await door("kill_switch", status="ON")


# ---- exit all -------------------------------------------------------------------------------------------------------


async def test_exit_all_closes_by_orders_of_the_broker_in_slices_and_buys_no_sold_shares_back(
    leader: Client, door: Door, listen: Any
) -> None:
    await door("settings", transit_ms=0)
    await door("holding", account="leader", **SHARE, quantity=10)
    await door("trade", account="leader", **SHARE, side="SELL", quantity=10, product="CNC")
    await door("position", account="leader", **CALL, product="MARGIN", quantity=-65 * 40)
    ears: Listener = await listen("leader")
    await leader("exit_all_positions")
    last = (await leader("get_order_list"))["data"][-1]["orderId"]
    heard = await ears.until(last, "Traded")
    assert {(frame["source"], frame["orderPlatform"], frame["txnType"]) for frame in heard} == {("R", "RMS", "B")}
    assert sorted({frame["quantity"] for frame in heard}) == [65 * 40 - 1755, 1755]
    assert await net(leader) == {"CNC": -10, "MARGIN": 0}


async def test_exit_all_can_answer_with_a_message(leader: Client, door: Door) -> None:
    await door("settings", exit_all_answer="MESSAGE")
    assert (await leader("exit_all_positions"))["data"]["status"] == "SUCCESS"


# ---- P&L based exit -------------------------------------------------------------------------------------------------


async def test_a_profit_exit_closes_its_products_when_the_price_is_there(leader: Client, door: Door) -> None:
    await door("settings", transit_ms=0)
    for product in ("INTRADAY", "MARGIN"):
        await door("position", account="leader", **CALL, product=product, quantity=65, price=100, carried=False)
    set_up = (await leader("set_pnl_exit", 1000, 500, ["INTRADAY"], True))["data"]
    assert set_up["pnlExitStatus"] == "ACTIVE"
    told = (await leader("get_pnl_exit"))["data"]
    assert (told["pnlExitStatus"], told["productType"], told["enable_kill_switch"]) == ("ACTIVE", ["INTRADAY"], True)
    await door.price(115)
    assert await net(leader) == {"INTRADAY": 65, "MARGIN": 65}
    await door.price(116)
    assert await net(leader) == {"INTRADAY": 0, "MARGIN": 65}
    assert (await leader("status_kill_switch"))["data"]["killSwitchStatus"] == "ACTIVATE"
    assert (await leader("get_pnl_exit"))["data"]["pnlExitStatus"] == "DISABLED"


async def test_a_bound_that_is_passed_already_acts_at_once(leader: Client, door: Door) -> None:
    await door("settings", transit_ms=0)
    await door("position", account="leader", **CALL, product="MARGIN", quantity=-65, price=90)
    await leader("set_pnl_exit", 0, 100, ["DELIVERY"])
    assert await net(leader) == {"MARGIN": 0}


async def test_a_pnl_exit_can_be_stopped_once(leader: Client, door: Door) -> None:
    await door("position", account="leader", **CALL, product="INTRADAY", quantity=65, price=100)
    await leader("set_pnl_exit", 1000, 0, ["INTRADAY"])
    assert (await leader("stop_pnl_exit"))["data"]["pnlExitStatus"] == "DISABLED"
    await door.price(200, NIFTY_CALL)
    assert await net(leader) == {"INTRADAY": 65}
    assert (await leader("stop_pnl_exit"))["remarks"]["error_code"] == "DH-906"
    assert (await leader("set_pnl_exit", 1000, 0, ["ALL"]))["remarks"]["error_code"] == "DH-905"
