"""How are super orders placed, changed, cancelled and listed over REST?

An entry with its target and its stop in one request. Which fields a change takes is said by the leg that it names.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from copyctl.simulator import desk, exits, intake, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.answers import NOTHING, Answer, Call, answer
from copyctl.simulator.bracket import Bracket, super_row
from copyctl.simulator.broker import Broker
from copyctl.simulator.intake import Body, Fields
from copyctl.simulator.market import Market
from copyctl.simulator.orders import ZERO, Exits, Order, Terms, Wish, shaped

ORDER_TYPES = (terms.LIMIT, terms.MARKET)

PLACE: Fields = MappingProxyType(
    {
        **{name: check for name, check in intake.PLACE.items() if name in {
            "dhanClientId", "correlationId", "transactionType", "exchangeSegment", "securityId", "quantity", "price"}},
        "productType": (True, intake.one_of(*terms.SUPER_PRODUCTS)),
        "orderType": (True, intake.one_of(*ORDER_TYPES)),
        "validity": (False, intake.one_of(terms.DAY)),
        "targetPrice": (False, intake.is_price),
        "stopLossPrice": (False, intake.is_price),
        "trailingJump": (False, intake.is_price),
    }
)  # fmt: skip
_OF_ALL: Fields = MappingProxyType(
    {
        "dhanClientId": (False, intake.is_text),
        "orderId": (True, intake.is_text),
        "legName": (True, intake.one_of(*terms.LEGS)),
    }
)
CHANGES: Mapping[str, Fields] = MappingProxyType(
    {
        terms.ENTRY_LEG: {
            **_OF_ALL,
            "orderType": (True, intake.one_of(*ORDER_TYPES)),
            "quantity": (True, intake.is_units),
            "price": (False, intake.is_price),
            "targetPrice": (False, intake.is_price),
            "stopLossPrice": (False, intake.is_price),
            "trailingJump": (False, intake.is_price),
        },
        terms.TARGET_LEG: {**_OF_ALL, "targetPrice": (True, intake.is_price)},
        terms.STOP_LOSS_LEG: {
            **_OF_ALL,
            "stopLossPrice": (True, intake.is_price),
            "trailingJump": (False, intake.is_price),
        },
    }
)
EXIT_FIELDS: Mapping[str, str] = MappingProxyType(
    {terms.TARGET_LEG: "targetPrice", terms.STOP_LOSS_LEG: "stopLossPrice"}
)


def place(broker: Broker, call: Call) -> Answer:
    """POST /super/orders."""
    account = call.account
    wish = read_wish(broker, account, intake.sized_body(account, call.raw, call.remote))
    order = broker.place(account, wish)
    return answer(desk.receipt(order.order_id, account.settings.place_answer))


def modify(broker: Broker, call: Call) -> Answer:
    """PUT /super/orders/{id}."""
    body = intake.read_body(call.raw)
    intake.check_address(call.account, call.remote)
    change(broker, call.account, call.parts[2], body)
    return answer(desk.receipt(call.parts[2], call.account.settings.modify_answer))


def cancel(broker: Broker, call: Call) -> Answer:
    """DELETE /super/orders/{id}/{leg}: 202 in any shape."""
    intake.check_address(call.account, call.remote)
    cancel_leg(broker, call.account, call.parts[2], call.parts[3])
    if call.account.settings.super_cancel_answer == "EMPTY":
        return NOTHING
    return answer(desk.receipt(call.parts[2], terms.CANCELLED), 202)


def list_orders(broker: Broker, call: Call) -> Answer:
    """GET /super/orders: today's."""
    return answer([shaped(row, call.account.settings) for row in rows(broker, call.account)])


def rows(broker: Broker, account: Account) -> list[dict[str, object]]:
    """The entries, each with its legs."""
    today = broker.clock.today()
    return [
        super_row(held, broker.last_price(held.entry.instrument), account.settings)
        for held in account.brackets.values()
        if held.entry.is_super and held.entry.created[:10] == today
    ]


# ---- what is asked for ----------------------------------------------------------------------------------------------


def read_wish(broker: Broker, account: Account, body: Body) -> Wish:
    """The super order that Dhan's fields ask for. Raises Refusal."""
    intake.check_fields(body, PLACE)
    plain = {name: body[name] for name in PLACE if name in body and name in intake.PLACE}
    wish = intake.read_wish(account, {**plain, "validity": terms.DAY}, broker.exchange.markets)
    asked = _exits(body, wish.terms, wish.side, broker.exchange.markets[wish.instrument.key])
    if not asked.prices:
        raise refusals.bad_input()
    return replace(wish, exits=asked)


def change(broker: Broker, account: Account, order_id: str, body: Body) -> None:
    """Change what the body's leg allows. Raises Refusal."""
    fields = CHANGES.get(str(body.get("legName")))
    if fields is None:
        raise refusals.bad_input()
    intake.check_fields(body, fields)
    intake.check_client(account, body)
    if body["orderId"] != order_id:
        raise refusals.bad_input()
    held = find(account, order_id)
    leg = _leg(held, str(body["legName"]))
    intake.check_modifiable(account, leg)
    if leg is held.entry:
        _change_entry(broker, account, held, body)
        return
    price = intake.decimal(body[EXIT_FIELDS[str(leg.leg)]])
    if not price:
        raise refusals.bad_input()
    if not held.entry.filled:
        entered = held.entry.terms.price or broker.last_price(leg.instrument)
        exits.check_side(held.entry.side, str(leg.leg), price, entered)
    # A stop whose jump is not restated follows no longer.
    jump = intake.decimal(body.get("trailingJump")) if leg is held.stop else None
    exits.check_jump(jump or ZERO, leg.instrument.tick_size)
    broker.legs.modify_exit(account, leg, price, jump)


def _change_entry(broker: Broker, account: Account, held: Bracket, body: Body) -> None:
    """The whole is restated, exits too."""
    entry = held.entry
    wanted = intake.read_terms(account, {**body, "validity": terms.DAY}, entry.side)
    if wanted.quantity <= entry.filled:
        raise refusals.order_error(refusals.BELOW_TRADED.format(filled=entry.filled))
    asked = _exits(body, wanted, entry.side, broker.exchange.markets[entry.instrument.key])
    for leg in held.exits:
        price = asked.target if leg is held.target else asked.stop
        if leg.is_final and price:
            raise refusals.order_error(refusals.LEG_GONE.format(leg=leg.leg))
        if not leg.is_final and not price:
            raise refusals.bad_input()
    broker.legs.modify_entry(account, held, wanted, asked)


def cancel_leg(broker: Broker, account: Account, order_id: str, name: str) -> None:
    """Take a cancel of one exit or, by the entry's name, of all that is open. Raises Refusal."""
    if name not in terms.LEGS:
        raise refusals.bad_input()
    held = find(account, order_id)
    leg = _leg(held, name)
    if leg is not held.entry:
        desk.check_cancellable(leg)
    if held.entry.status == terms.TRANSIT or not held.is_open:
        desk.check_cancellable(held.entry)
    if leg is held.entry:
        broker.legs.cancel_all(account, held)
    else:
        broker.legs.cancel_exit(account, leg)


def find(account: Account, order_id: str) -> Bracket:
    """The super order of that number, its entry's. Raises Refusal."""
    held = account.brackets.get(order_id)
    if held is None or not held.entry.is_super:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    return held


def _leg(held: Bracket, name: str) -> Order:
    leg = held.leg(name)
    if leg is None:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    return leg


def _exits(body: Body, wanted: Terms, side: str, market: Market) -> Exits:
    asked = Exits(
        target=intake.decimal(body.get("targetPrice")),
        stop=intake.decimal(body.get("stopLossPrice")),
        jump=intake.decimal(body.get("trailingJump")),
        is_super=True,
    )
    entered = wanted.price or market.last_price
    exits.check_side(side, terms.TARGET_LEG, asked.target, entered)
    exits.check_side(side, terms.STOP_LOSS_LEG, asked.stop, entered)
    exits.check_jump(asked.jump, market.instrument.tick_size)
    return asked
