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
from copyctl.simulator.forever import Forever
from copyctl.simulator.orders import Order, history_row, order_row_text, shaped, trade_row
from copyctl.simulator.settings import Settings


def place(broker: Broker, call: Call) -> Answer:
    """POST /orders."""
    wish = intake.placement(call.account, call.raw, call.remote, broker.exchange.markets)
    order = broker.place(call.account, wish)
    return answer(receipt(order.order_id, call.account.settings.place_answer))


def place_slices(broker: Broker, call: Call) -> Answer:
    """POST /orders/slicing: an order for each part; what fails of them, fails a moment later."""
    account = call.account
    wish = intake.placement(account, call.raw, call.remote, broker.exchange.markets)
    settings, receipts = account.settings, []
    for place_in_line, part in enumerate(intake.slices(wish.instrument, wish.terms), 1):
        carries = settings.slice_correlation == "same" or place_in_line == 1
        one = replace(
            wish,
            terms=part,
            correlation_id=wish.correlation_id if carries else None,
            must_fail=str(place_in_line) in settings.slices_rejected,
        )
        order = broker.place(account, one)
        receipts.append(receipt(order.order_id, settings.place_answer))
        if 0 <= settings.slices_accepted < place_in_line:
            text = refusals.NO_FUNDS.format(order=order.order_id, missing="4210.50")
            broker.exchange.finish(account, order, terms.REJECTED, text)
    return answer(receipts if settings.slicing_answer == "list" else receipts[0])


def modify(broker: Broker, call: Call) -> Answer:
    """PUT /orders/{id}."""
    body = intake.sized_body(call.account, call.raw, call.remote)
    order, wanted = intake.modification(call.account, call.parts[1], body)
    broker.modify(call.account, order, wanted)
    return answer(receipt(order.order_id, call.account.settings.modify_answer))


def cancel(broker: Broker, call: Call) -> Answer:
    """DELETE /orders/{id}."""
    intake.check_address(call.account, call.remote)
    order_id, settings = call.parts[1], call.account.settings
    if order_id in call.account.forevers and settings.forever_cancel_by_orders == "lies":
        return answer(receipt(order_id, terms.CANCELLED))  # and it waits on
    cancel_order(broker, call.account, order_id)
    return cancelled(order_id, settings.cancel_answer)


def cancel_order(broker: Broker, account: Account, order_id: str) -> None:
    """Take a cancel; super orders have a call of their own. Raises Refusal."""
    order = account.orders.get(order_id)
    if order is None or order.is_super:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    check_cancellable(order)
    broker.exchange.cancel(account, order)


def check_cancellable(order: Order | Forever) -> None:
    """Whether there is something to cancel, and it can be reached. Raises Refusal."""
    if order.is_final:
        raise refusals.order_error(refusals.FINISHED.format(status=order.status, verb="cancelled"))
    if order.status == terms.TRANSIT and not (isinstance(order, Order) and order.waits_for_open):
        raise refusals.order_error(refusals.IN_TRANSIT)


def cancelled(order_id: str, word: str) -> Answer:
    """The answer to a cancel, in one of its shapes."""
    return NOTHING if word == "EMPTY" else answer(receipt(order_id, word))


def list_orders(broker: Broker, call: Call) -> Answer:
    """GET /orders: today's."""
    account, today = call.account, broker.clock.today()
    texts = [
        order_row_text(order, account.settings)
        for order in account.orders.values()
        if (order.kept_over or order.created[:10] == today) and _is_listed(order, account.settings)
    ]
    if account.told_orders:
        told = (compact(shaped(dict(row), account.settings)) for row in account.told_orders.values())
        texts = [*told, *texts]
    return answer_rows(texts)


def order_by_id(broker: Broker, call: Call) -> Answer:
    """GET /orders/{id}: an unknown one is an empty list."""
    account, order_id = call.account, call.parts[1]
    order = account.orders.get(order_id)
    if order is not None and _is_listed(order, account.settings):
        return Answer(200, order_row_text(order, account.settings).encode())
    told = account.told_orders.get(order_id)
    return answer(shaped(dict(told), account.settings) if told is not None else [])


def _is_listed(order: Order, settings: Settings) -> bool:
    return settings.legs_in_order_book or not (order.is_exit and order.is_super)


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
    if account.settings.history_order == "newest":
        rows.reverse()
    first = int(page) * size
    rows = [shaped(dict(row), account.settings) for row in rows[first : first + size]]
    if not rows and account.settings.history_end == "DH-907":
        raise refusals.no_data()
    return answer(rows if account.settings.history_answer == "list" else {"data": rows})


def todays_history(broker: Broker, account: Account) -> Iterator[dict[str, object]]:
    """Today's trades, as the history tells them."""
    for row in _trade_rows(account):
        key = (str(row.get("exchangeSegment")), str(row.get("securityId")))
        market = broker.exchange.markets.get(key)
        yield history_row(row, market.instrument if market is not None else None)


def _trade_rows(account: Account) -> Iterator[dict[str, object]]:
    yield from (dict(row) for row in account.told_trades)
    yield from (trade_row(trade) for trade in account.trades)


def receipt(order_id: str, word: str) -> dict[str, str]:
    """What an order call is answered with."""
    return {"orderId": order_id, "orderStatus": word}
