"""Orders over REST, as the official client places, changes, cancels and finds them."""

import json
from typing import Any

from simulator_world import Client, Door, Listener, until

ORDER_FIELDS = (
    "dhanClientId orderId exchangeOrderId correlationId orderStatus transactionType exchangeSegment productType "
    "orderType validity tradingSymbol securityId quantity disclosedQuantity price triggerPrice afterMarketOrder "
    "boProfitValue boStopLossValue legName createTime updateTime exchangeTime drvExpiryDate drvOptionType "
    "drvStrikePrice omsErrorCode omsErrorDescription algoId remainingQuantity averageTradedPrice filledQty"
)
TRADE_FIELDS = (
    "dhanClientId orderId exchangeOrderId exchangeTradeId transactionType exchangeSegment productType orderType "
    "tradingSymbol customSymbol securityId tradedQuantity tradedPrice createTime updateTime exchangeTime drvExpiryDate "
    "drvOptionType drvStrikePrice"
)
HISTORY_FIELDS = (
    f"{TRADE_FIELDS} isin instrument sebiTax stt brokerageCharges serviceTax exchangeTransactionCharges stampDuty"
)


async def test_a_placement_is_answered_with_transit_and_then_rests(leader: Client) -> None:
    answer = await leader.place(tag="cp-7f3a-0001")
    assert answer["data"]["orderStatus"] == "TRANSIT"
    row = await leader.becomes(answer["data"]["orderId"], "PENDING")
    assert sorted(row) == sorted(ORDER_FIELDS.split())
    assert row["correlationId"] == "cp-7f3a-0001"
    assert row["omsErrorDescription"] == "CONFIRMED"
    assert (row["quantity"], row["remainingQuantity"], row["filledQty"], row["price"]) == (65, 65, 0, 90.0)
    assert (row["drvOptionType"], row["drvStrikePrice"], row["legName"]) == ("CALL", 24500.0, None)


async def test_an_order_in_transit_has_not_reached_the_exchange(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    row = await leader.order(await leader.place_id())
    assert row["orderStatus"] == "TRANSIT"
    assert row["exchangeTime"] == "0001-01-01 00:00:00"
    assert row["exchangeOrderId"] == "NA"


async def test_the_book_lists_every_order_of_the_account_and_of_no_other(leader: Client, alice: Client) -> None:
    placed = [await leader.place_id(price=price) for price in (88, 89, 90)]
    book = (await leader("get_order_list"))["data"]
    assert [row["orderId"] for row in book] == placed
    assert (await alice("get_order_list"))["data"] == []


async def test_an_unknown_order_id_is_an_empty_list_and_no_error(leader: Client, door: Door) -> None:
    assert await leader.order("1") == []
    status, text, _ = await door.raw("leader", "GET", "/orders/1")
    assert (status, json.loads(text)) == (200, [])


async def test_the_correlation_lookup_is_blind_while_the_order_is_in_transit(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    order_id = await leader.place_id(tag="mine")
    refused = await leader("get_order_by_correlationID", "mine")
    assert refused["remarks"]["error_code"] == "DH-906"
    assert refused["remarks"]["error_message"] == "Incorrect request for order and cannot be processed"
    assert (await door.raw("leader", "GET", "/orders/external/mine"))[0] == 404
    await door("release", account="leader")
    assert (await leader("get_order_by_correlationID", "mine"))["data"]["orderId"] == order_id


async def test_a_correlation_id_is_no_idempotency_key(leader: Client) -> None:
    first, second = await leader.place_id(tag="twice"), await leader.place_id(tag="twice")
    assert first != second
    await leader.becomes(second, "PENDING")
    assert (await leader("get_order_by_correlationID", "twice"))["data"]["orderId"] in {first, second}


async def test_a_correlation_id_of_26_characters_is_refused_without_saying_why(leader: Client, door: Door) -> None:
    assert (await leader.place(tag="a" * 25))["status"] == "success"
    refused = await leader.place(tag="a" * 26)
    assert refused["remarks"]["error_code"] == "DH-905"
    assert refused["remarks"]["error_message"] == "Missing required fields, bad values for parameters etc."
    await door("settings", account="leader", correlation_limit=30)
    assert (await leader.place(tag="a" * 30))["status"] == "success"


async def test_an_unset_correlation_id_reads_back_in_one_of_three_ways(leader: Client, door: Door) -> None:
    assert (await leader.order(await leader.place_id()))["correlationId"] == "NA"
    await door("settings", account="leader", correlation_unset="generated")
    generated = (await leader.order(await leader.place_id()))["correlationId"]
    assert generated.startswith("1100000001-")
    await door("settings", account="leader", correlation_unset="empty")
    assert (await leader.order(await leader.place_id()))["correlationId"] == ""


async def test_a_modification_restates_the_whole_order_under_the_same_id(leader: Client) -> None:
    order_id = await leader.place_id()
    before = await leader.becomes(order_id, "PENDING")
    answer = await leader("modify_order", order_id, "LIMIT", None, 130, 91, 0, 0, "DAY")
    assert answer["data"] == {"orderId": order_id, "orderStatus": "TRANSIT"}

    async def changed() -> bool:
        return leader.account.orders[order_id].terms.quantity == 130

    await until(changed)
    row = await leader.order(order_id)
    assert (row["price"], row["remainingQuantity"], row["orderStatus"]) == (91.0, 130, "PENDING")
    assert row["exchangeOrderId"] == before["exchangeOrderId"]


async def test_an_order_in_transit_takes_a_modification_but_no_cancel(leader: Client, door: Door) -> None:
    await door("settings", account="leader", hold=True)
    order_id = await leader.place_id()
    assert (await leader("modify_order", order_id, "LIMIT", None, 195, 88, 0, 0, "DAY"))["status"] == "success"
    refused = await leader("cancel_order", order_id)
    assert refused["remarks"]["error_code"] == "DH-906"
    assert refused["remarks"]["error_message"] == "Order is in Transit state"
    await door("release", account="leader")
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["quantity"], row["price"]) == ("PENDING", 195, 88.0)


async def test_the_26th_modification_is_refused(leader: Client, door: Door) -> None:
    await door("settings", account="leader", rate_limits={})
    order_id = await leader.place_id()
    for number in range(25):
        taken = await leader("modify_order", order_id, "LIMIT", None, 65, 80 + number * 0.05, 0, 0, "DAY")
        assert taken["status"] == "success"
    refused = await leader("modify_order", order_id, "LIMIT", None, 65, 70, 0, 0, "DAY")
    assert refused["remarks"]["error_code"] == "DH-906"


async def test_a_total_not_above_what_has_traded_is_refused(leader: Client, door: Door) -> None:
    order_id = await leader.place_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    refused = await leader("modify_order", order_id, "LIMIT", None, 65, 90, 0, 0, "DAY")
    assert refused["remarks"]["error_code"] == "DH-906"
    assert (await leader.order(order_id))["quantity"] == 130


async def test_a_finished_order_can_be_neither_modified_nor_cancelled(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("status", account="leader", order_id=order_id, status="CANCELLED", reason="EXCH:16388:by the exchange")
    assert (await leader.order(order_id))["omsErrorDescription"] == "EXCH:16388:by the exchange"
    modified = await leader("modify_order", order_id, "LIMIT", None, 65, 91, 0, 0, "DAY")
    cancelled = await leader("cancel_order", order_id)
    assert modified["remarks"]["error_code"] == cancelled["remarks"]["error_code"] == "DH-906"


async def test_a_modification_refused_later_leaves_the_old_terms_resting(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    await door("settings", account="leader", refuse_modification="later", transit_ms=0)
    assert (await leader("modify_order", order_id, "LIMIT", None, 130, 95, 0, 0, "DAY"))["status"] == "success"
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["quantity"], row["price"]) == ("PENDING", 65, 90.0)


async def test_a_partial_modification_body_is_refused(leader: Client, door: Door) -> None:
    order_id = await leader.place_id()
    body = {"dhanClientId": "1100000001", "orderId": order_id, "price": 91.0}
    status, text, _ = await door.raw("leader", "PUT", f"/orders/{order_id}", json=body)
    assert (status, json.loads(text)["errorCode"]) == (400, "DH-905")


async def test_a_cancel_is_done_when_the_book_says_so(leader: Client, door: Door) -> None:
    order_id = await leader.place_id(quantity=130)
    await leader.becomes(order_id, "PENDING")
    await door("settings", account="leader", hold=True)
    assert (await leader("cancel_order", order_id))["data"]["orderStatus"] == "CANCELLED"
    assert (await leader.order(order_id))["orderStatus"] == "PENDING"
    await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    await door("settings", account="leader", hold=False)
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["filledQty"]) == ("CANCELLED", 65)


async def test_the_answer_to_a_cancel_has_three_shapes(leader: Client, door: Door) -> None:
    await door("settings", cancel_answer="TRANSIT")
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    assert (await leader("cancel_order", order_id))["data"]["orderStatus"] == "TRANSIT"
    await door("settings", cancel_answer="EMPTY")
    order_id = await leader.place_id()
    await leader.becomes(order_id, "PENDING")
    status, text, _ = await door.raw("leader", "DELETE", f"/orders/{order_id}")
    assert (status, text) == (202, "")
    await leader.becomes(order_id, "CANCELLED")


async def test_an_unknown_order_cannot_be_cancelled(leader: Client) -> None:
    refused = await leader("cancel_order", "122611210009999")
    assert refused["remarks"]["error_message"] == "Incorrect request for order and cannot be processed"


async def test_slicing_cuts_at_the_freeze_quantity_in_whole_lots(leader: Client) -> None:
    answer = await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65 * 60, "LIMIT", "INTRADAY", 90, tag="cut")
    assert [each["orderStatus"] for each in answer["data"]] == ["TRANSIT"] * 3
    rows = [await leader.becomes(each["orderId"], "PENDING") for each in answer["data"]]
    assert [row["quantity"] for row in rows] == [1755, 1755, 390]
    assert {row["correlationId"] for row in rows} == {"cut"}


async def test_slicing_can_answer_with_one_object_and_reject_a_part(leader: Client, door: Door) -> None:
    await door("settings", account="leader", slicing_answer="object", slices_accepted=1)
    answer = await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65 * 60, "LIMIT", "INTRADAY", 90)
    first = answer["data"]["orderId"]
    await leader.becomes(first, "PENDING")
    book = (await leader("get_order_list"))["data"]
    assert [row["orderStatus"] for row in book] == ["PENDING", "REJECTED", "REJECTED"]


async def test_chosen_slices_are_rejected_a_moment_later_for_margin(leader: Client, door: Door, listen: Any) -> None:
    await door("settings", account="leader", slices_rejected=["2"], hold=True, refuse="at_once")
    ears: Listener = await listen("leader")
    answer = await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65 * 60, "LIMIT", "INTRADAY", 90)
    first, second, third = (each["orderId"] for each in answer["data"])
    assert (await leader.order(second))["orderStatus"] == "TRANSIT"
    await door("settings", account="leader", hold=False)
    rows = [await leader.order(each) for each in (first, second, third)]
    assert [row["orderStatus"] for row in rows] == ["PENDING", "REJECTED", "PENDING"]
    text = f"RMS:{second}:You have insufficient funds. Please add Rs.157950.00 to trade."
    assert rows[1]["omsErrorDescription"] == text
    assert (await ears.until(second, "Rejected"))[-1]["reasonDescription"] == text


async def test_a_rejected_slice_speaks_as_the_accounts_margin_refusals_do(leader: Client, door: Door) -> None:
    await door("settings", account="leader", slices_rejected=["1"], funds_text="short")
    answer = await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65, "LIMIT", "INTRADAY", 90)
    row = await leader.becomes(answer["data"][0]["orderId"], "REJECTED")
    assert row["omsErrorDescription"] == "Fund Limit Insufficient"


async def test_slices_can_carry_the_correlation_id_on_the_first_alone(leader: Client, door: Door) -> None:
    await door("settings", account="leader", slice_correlation="first")
    answer = await leader("place_slice_order", "43210", "NSE_FNO", "BUY", 65 * 60, "LIMIT", "INTRADAY", 90, tag="cut")
    rows = [await leader.becomes(each["orderId"], "PENDING") for each in answer["data"]]
    assert [row["correlationId"] for row in rows] == ["cut", "NA", "NA"]


async def test_trades_carry_unique_ids_their_own_prices_and_no_correlation_id(leader: Client, door: Door) -> None:
    order_id, other = await leader.place_id(quantity=195), await leader.place_id()
    await leader.becomes(other, "PENDING")
    for price in (90, 89.5, 89):
        await door("fill", account="leader", order_id=order_id, quantity=65, price=price)
    await door("fill", account="leader", order_id=other, price=90)
    trades = (await leader("get_trade_book", order_id))["data"]
    assert [trade["tradedPrice"] for trade in trades] == [90.0, 89.5, 89.0]
    assert all(sorted(trade) == sorted(TRADE_FIELDS.split()) for trade in trades)
    book = (await leader("get_trade_book"))["data"]
    assert len({trade["exchangeTradeId"] for trade in book}) == len(book) == 4
    row = await leader.order(order_id)
    assert (row["orderStatus"], row["filledQty"], row["averageTradedPrice"]) == ("TRADED", 195, 89.5)


async def test_the_trade_history_comes_in_pages_that_end_with_an_empty_one(leader: Client, door: Door) -> None:
    await door("settings", account="leader", history_page_size=2)
    order_id = await leader.place_id(quantity=195)
    await leader.becomes(order_id, "PENDING")
    for _ in range(3):
        await door("fill", account="leader", order_id=order_id, quantity=65, price=90)
    old = {"orderId": "1", "exchangeTime": "2020-01-02 10:00:00", "tradedQuantity": 65}
    await door("history", account="leader", trades=[old])
    today = (await leader.order(order_id))["createTime"][:10]
    pages = [(await leader("get_trade_history", today, today, page))["data"] for page in range(3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert sorted(pages[0][0]) == sorted(HISTORY_FIELDS.split())
    assert pages[0][0]["tradingSymbol"] is None
    assert (await leader("get_trade_history", "2020-01-01", "2020-01-31", 0))["data"] == [old]


async def test_the_history_shows_its_disputed_shapes(leader: Client, door: Door) -> None:
    def row(number: int) -> dict[str, Any]:
        return {"exchangeTradeId": str(number), "exchangeTime": f"2020-01-0{number} 10:00:00", "stt": 1.5}

    january = ("2020-01-01", "2020-01-31")
    await door("history", account="leader", trades=[row(1), row(2), row(3)])
    await door("settings", account="leader", history_page_size=2, history_order="newest", history_answer="data")
    assert (await leader("get_trade_history", *january, 0))["data"] == {"data": [row(3), row(2)]}
    await door("history", account="leader", trades=[row(4)])  # pushes one that was on page 0 to page 1
    assert (await leader("get_trade_history", *january, 1))["data"] == {"data": [row(2), row(1)]}
    await door("settings", account="leader", rows_as_text=True, history_answer="list")
    assert (await leader("get_trade_history", *january, 0))["data"][0]["stt"] == "1.5"
    assert (await leader("get_trade_history", *january, 2))["data"] == []
    await door("settings", account="leader", history_end="DH-907")
    said = await leader("get_trade_history", *january, 2)
    assert (said["status"], said["remarks"]["error_code"]) == ("failure", "DH-907")


async def test_an_order_by_hand_needs_no_rate_and_says_where_it_came_from(leader: Client, door: Door) -> None:
    order = {"transactionType": "BUY", "exchangeSegment": "NSE_FNO", "productType": "INTRADAY", "orderType": "LIMIT",
             "securityId": "43210", "quantity": 65, "price": 90}  # fmt: skip
    order_id = (await door("place", account="leader", order=order))["order_id"]
    await leader.becomes(order_id, "PENDING")
    inside = (await door("orders", "GET", account="leader"))["orders"][0]
    assert (inside["source"], inside["orderPlatform"]) == ("N", "FAST")
    assert (await door("requests", "GET", account="leader"))["requests"][0]["method"] == "GET"


async def test_requests_are_kept_in_order_with_their_bytes_and_answers(
    leader: Client, alice: Client, door: Door
) -> None:
    await leader.place(tag="first")
    await alice.place(tag="second", quantity=1000)
    await leader("cancel_order", "7")
    seen = (await door("requests", "GET"))["requests"]
    assert [(each["account"], each["method"], each["status"]) for each in seen] == [
        ("leader", "POST", 200),
        ("alice", "POST", 200),
        ("leader", "DELETE", 400),
    ]
    assert seen[0]["body"]["correlationId"] == "first"
    assert json.loads(seen[0]["raw"]) == seen[0]["body"]
    assert seen[0]["monotonic_ns"] <= seen[1]["monotonic_ns"] <= seen[2]["monotonic_ns"]
    later = (await door("requests", "GET", since=seen[0]["number"], account="leader"))["requests"]
    assert [each["path"] for each in later] == ["/orders/7"]


async def test_a_reset_forgets_everything_but_the_accounts(leader: Client, door: Door) -> None:
    await door("price", exchange_segment="NSE_FNO", security_id="43210", last_price=50)
    first = await leader.place_id()
    await door("settings", hold=True)
    await door("reset")
    assert (await leader("get_order_list"))["data"] == []
    second = await leader.place_id()
    assert second != first
    await leader.becomes(second, "PENDING")
