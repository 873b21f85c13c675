"""How are forever orders placed, changed, cancelled and listed over REST?

The answer says that one was taken; whether it is armed is told by the list, a moment later.
"""

from dataclasses import replace
from types import MappingProxyType

from copyctl.simulator import desk, intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.forever import Forever, ForeverLeg, forever_rows
from copyctl.simulator.intake import Body, Fields
from copyctl.simulator.orders import Terms, shaped

ORDER_TYPES = (terms.LIMIT, terms.MARKET)

PLACE: Fields = MappingProxyType(
    {
        **{name: check for name, check in intake.PLACE.items() if name in {
            "dhanClientId", "correlationId", "transactionType", "exchangeSegment", "securityId", "quantity",
            "validity", "disclosedQuantity", "price"}},
        "orderFlag": (True, intake.one_of(*terms.FOREVER_FLAGS)),
        "productType": (True, intake.one_of(*terms.FOREVER_PRODUCTS)),
        "orderType": (True, intake.one_of(*ORDER_TYPES)),
        "triggerPrice": (True, intake.is_price),
        "price1": (False, intake.is_price),
        "triggerPrice1": (False, intake.is_price),
        "quantity1": (False, intake.is_count),
    }
)  # fmt: skip
CHANGE: Fields = MappingProxyType(
    {
        "dhanClientId": (False, intake.is_text),
        "orderId": (True, intake.is_text),
        "orderFlag": (True, intake.one_of(*terms.FOREVER_FLAGS)),
        "orderType": (True, intake.one_of(*ORDER_TYPES)),
        "legName": (True, intake.one_of(*terms.LEGS)),
        "quantity": (True, intake.is_units),
        "price": (False, intake.is_price),
        "disclosedQuantity": (False, intake.is_count),
        "triggerPrice": (True, intake.is_price),
        "validity": (True, intake.one_of(*terms.VALIDITIES)),
    }
)


def place(broker: Broker, call: Call) -> Answer:
    """POST /forever/orders."""
    account = call.account
    body = intake.sized_body(account, call.raw, call.remote)
    order_id = take(broker, account, body, account.settings.order_source, account.settings.order_platform)
    return answer(desk.receipt(order_id, account.settings.place_answer))


def modify(broker: Broker, call: Call) -> Answer:
    """PUT /forever/orders/{id}."""
    change(broker, call.account, call.parts[2], intake.sized_body(call.account, call.raw, call.remote))
    return answer(desk.receipt(call.parts[2], call.account.settings.modify_answer))


def cancel(broker: Broker, call: Call) -> Answer:
    """DELETE /forever/orders/{id}."""
    intake.check_address(call.account, call.remote)
    withdraw(broker, call.account, call.parts[2])
    return desk.cancelled(call.parts[2], call.account.settings.cancel_answer)


def list_orders(broker: Broker, call: Call) -> Answer:
    """GET /forever/orders: those that wait, of whatever day."""
    return answer([shaped(row, call.account.settings) for row in rows(call.account)])


def rows(account: Account) -> list[dict[str, object]]:
    """A row for each leg."""
    return [row for each in account.forevers.values() for row in forever_rows(each, account.settings)]


# ---- what is asked for ----------------------------------------------------------------------------------------------


def take(broker: Broker, account: Account, body: Body, source: str, platform: str) -> str:
    """Take the forever order that Dhan's fields ask for; its number. Raises Refusal."""
    intake.check_fields(body, PLACE)
    intake.check_client(account, body)
    correlation_id = intake.read_correlation(account, body)
    market = intake.find_market(body, broker.exchange.markets)
    flag, side, now = str(body["orderFlag"]), str(body["transactionType"]), broker.clock.text()
    wanted = [_terms(account, body, side)]
    if flag == terms.OCO:
        second = {"price": body.get("price1"), "triggerPrice": body.get("triggerPrice1"),
                  "quantity": body.get("quantity1")}  # fmt: skip
        wanted.append(_terms(account, {**body, **second}, side))
    forever = Forever(
        order_id=broker.exchange.numbers.forever(),
        account=account.name,
        client_id=account.client_id,
        flag=flag,
        instrument=market.instrument,
        side=side,
        product=str(body["productType"]),
        legs=[ForeverLeg(terms=each) for each in wanted],
        correlation_id=correlation_id,
        source=source,
        platform=platform,
        created=now,
        updated=now,
    )
    broker.forevers.take(account, forever)
    return forever.order_id


def change(broker: Broker, account: Account, order_id: str, body: Body) -> None:
    """Restate one leg; it goes by the name that the list gives it. Raises Refusal."""
    intake.check_fields(body, CHANGE)
    intake.check_client(account, body)
    forever = find(account, order_id)
    leg = forever.named_leg(str(body["legName"]), account.settings)
    if leg is None or body["orderId"] != order_id or body["orderFlag"] != forever.flag:
        raise refusals.bad_input()
    intake.check_modifiable(account, forever)
    broker.forevers.modify(account, forever, leg, _terms(account, body, forever.side))


def withdraw(broker: Broker, account: Account, order_id: str) -> None:
    """Take a cancel. Raises Refusal."""
    forever = find(account, order_id)
    desk.check_cancellable(forever)
    broker.forevers.cancel(account, forever)


def find(account: Account, order_id: str) -> Forever:
    """The forever order of that number, while it waits. Raises Refusal."""
    forever = account.forevers.get(order_id)
    if forever is None:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    return forever


def _terms(account: Account, body: Body, side: str) -> Terms:
    """What a leg orders, and at which price of the market."""
    trigger = intake.decimal(body.get("triggerPrice"))
    if not trigger or not body.get("quantity"):
        raise refusals.bad_input()
    return replace(intake.read_terms(account, body, side), trigger_price=trigger)
