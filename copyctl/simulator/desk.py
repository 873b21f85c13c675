"""How are orders placed, changed, cancelled and looked up over REST?

The answer to a placement only says that the broker took the message; what becomes of it is told by the books and the
stream.
"""

from collections.abc import Iterator
from dataclasses import replace

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import NOTHING, Answer, Call, answer, answer_rows
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import moment_of
from copyctl.simulator.compact import compact
from copyctl.simulator.orders import history_row, order_row_text, shaped, trade_row


def place(broker: Broker, call: Call) -> Answer:
    """POST /orders."""
    wish = intake.placement(call.account, call.raw, call.remote, broker.exchange.markets)
    order = broker.exchange.place(call.account, wish)
    return answer(_receipt(order.order_id, call.account.settings.place_answer))


def place_slices(broker: Broker, call: Call) -> Answer:
    """POST /orders/slicing: an order for each part, all with the same correlation id."""
    account = call.account
    wish = intake.placement(account, call.raw, call.remote, broker.exchange.markets)
    receipts = []
    for place_in_line, part in enumerate(intake.slices(wish.instrument, wish.terms)):
        order = broker.exchange.place(account, replace(wish, terms=part))
        receipts.append(_receipt(order.order_id, account.settings.place_answer))
        if 0 <= account.settings.slices_accepted <= place_in_line:
            text = refusals.NO_FUNDS.format(order=order.order_id, missing="4210.50")
            broker.exchange.finish(account, order, terms.REJECTED, text)
    return answer(receipts if account.settings.slicing_answer == "list" else receipts[0])


def modify(broker: Broker, call: Call) -> Answer:
    """PUT /orders/{id}."""
    order, wanted = intake.modification(call.account, call.parts[1], call.raw, call.remote)
    broker.exchange.modify(call.account, order, wanted)
    return answer(_receipt(order.order_id, call.account.settings.modify_answer))


def cancel(broker: Broker, call: Call) -> Answer:
    """DELETE /orders/{id}."""
    intake.check_address(call.account, call.remote)
    order = call.account.orders.get(call.parts[1])
    if order is None:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    if order.is_final:
        raise refusals.order_error(refusals.FINISHED.format(status=order.status, verb="cancelled"))
    if order.status == terms.TRANSIT and not order.waits_for_open:
        raise refusals.order_error(refusals.IN_TRANSIT)
    broker.exchange.cancel(call.account, order)
    word = call.account.settings.cancel_answer
    return NOTHING if word == "EMPTY" else answer(_receipt(order.order_id, word))


def list_orders(broker: Broker, call: Call) -> Answer:
    """GET /orders: today's."""
    account, today = call.account, broker.clock.today()
    texts = [
        order_row_text(order, account.settings)
        for order in account.orders.values()
        if order.kept_over or order.created[:10] == today
    ]
    if account.told_orders:
        told = (compact(shaped(dict(row), account.settings)) for row in account.told_orders.values())
        texts = [*told, *texts]
    return answer_rows(texts)


def order_by_id(broker: Broker, call: Call) -> Answer:
    """GET /orders/{id}: an unknown one is an empty list."""
    account, order_id = call.account, call.parts[1]
    order = account.orders.get(order_id)
    if order is not None:
        return Answer(200, order_row_text(order, account.settings).encode())
    told = account.told_orders.get(order_id)
    return answer(shaped(dict(told), account.settings) if told is not None else [])


def order_by_correlation(broker: Broker, call: Call) -> Answer:
    """GET /orders/external/{id}: blind for an order in transit; of several with one id the last."""
    account, wanted = call.account, call.parts[2]
    blind = not account.settings.correlation_seen_in_transit
    for order in reversed(account.by_correlation.get(wanted, [])):
        if not (blind and order.status == terms.TRANSIT):
            return Answer(200, order_row_text(order, account.settings).encode())
    for row in account.told_orders.values():
        if row.get("correlationId") == wanted:
            return answer(shaped(dict(row), account.settings))
    raise refusals.order_error(refusals.UNKNOWN_ORDER, status=404)


def list_trades(broker: Broker, call: Call) -> Answer:
    """GET /trades: today's."""
    today = broker.clock.today()
    rows = [row for row in _trade_rows(call.account) if str(row.get("exchangeTime") or today)[:10] == today]
    return answer([shaped(dict(row), call.account.settings) for row in rows])


def trades_of_order(broker: Broker, call: Call) -> Answer:
    """GET /trades/{order id}."""
    rows = [row for row in _trade_rows(call.account) if row.get("orderId") == call.parts[1]]
    return answer([shaped(row, call.account.settings) for row in rows])


def trade_history(broker: Broker, call: Call) -> Answer:
    """GET /trades/{from}/{to}/{page}: pages from 0, an empty one is the end."""
    _, since, until, page = call.parts
    if not page.isdigit() or any(moment_of(f"{day} 00:00:00") is None for day in (since, until)):
        raise refusals.bad_input()
    account, size = call.account, call.account.settings.history_page_size
    told = [*account.history, *todays_history(broker, account)]
    rows = [row for row in told if since <= str(row.get("exchangeTime"))[:10] <= until]
    first = int(page) * size
    return answer(rows[first : first + size])


def todays_history(broker: Broker, account: Account) -> Iterator[dict[str, object]]:
    """Today's trades, as the history tells them."""
    for row in _trade_rows(account):
        key = (str(row.get("exchangeSegment")), str(row.get("securityId")))
        market = broker.exchange.markets.get(key)
        yield history_row(row, market.instrument if market is not None else None)


def _trade_rows(account: Account) -> Iterator[dict[str, object]]:
    yield from (dict(row) for row in account.told_trades)
    yield from (trade_row(trade) for trade in account.trades)


def _receipt(order_id: str, word: str) -> dict[str, str]:
    return {"orderId": order_id, "orderStatus": word}
