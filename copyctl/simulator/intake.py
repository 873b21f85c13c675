"""Is this request well formed?

The gateway's checks, in the order in which Dhan makes them: quantity, address, fields, instrument, geometry of a stop.
Whatever passes here reaches the risk desk.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from copyctl.simulator import exit_rule, exits, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.forever import Forever
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.market import Market
from copyctl.simulator.orders import ZERO, Order, Terms, Wish

Body = dict[str, object]
Markets = Mapping[tuple[str, str], Market]
_CORRELATION = re.compile(r"[A-Za-z0-9 _.\-]*")
_ABSENT = object()


def read_body(raw: bytes) -> Body:
    """The body as a JSON object, its fractions exact."""
    try:
        body = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise refusals.bad_input() from None
    if not isinstance(body, dict):
        raise refusals.bad_input()
    return body


def is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def is_units(value: object) -> bool:
    return type(value) is int and value > 0


def is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def is_price(value: object) -> bool:
    return (type(value) is int or isinstance(value, Decimal)) and value >= 0


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def one_of(*words: str) -> Callable[[object], bool]:
    allowed = frozenset(words)
    return lambda value: isinstance(value, str) and value in allowed


def is_list_of(*words: str) -> Callable[[object], bool]:
    fits = one_of(*words)
    return lambda value: isinstance(value, list) and bool(value) and all(fits(each) for each in value)


def is_leg(value: object) -> bool:
    return value in terms.NO_LEG or value in terms.LEGS


Fields = Mapping[str, tuple[bool, Callable[[object], bool]]]

# field -> (required, fits); a field that is not required may also be null, but never ""
PLACE: Fields = MappingProxyType(
    {
        "dhanClientId": (False, is_text),
        "correlationId": (False, is_text),
        "transactionType": (True, one_of(*terms.SIDES)),
        "exchangeSegment": (True, one_of(*terms.TRADABLE)),
        "productType": (True, one_of(*terms.PRODUCTS)),
        "orderType": (True, one_of(*terms.ORDER_TYPES)),
        "validity": (True, one_of(*terms.VALIDITIES)),
        "securityId": (True, is_text),
        "quantity": (True, is_units),
        "disclosedQuantity": (False, is_count),
        "price": (False, is_price),
        "triggerPrice": (False, is_price),
        "afterMarketOrder": (False, is_flag),
        "amoTime": (False, one_of(*terms.AMO_TIMES)),
        "boProfitValue": (False, is_price),
        "boStopLossValue": (False, is_price),
    }
)
MODIFY: Fields = MappingProxyType(
    {
        "dhanClientId": (True, is_text),
        "orderId": (True, is_text),
        "orderType": (True, one_of(*terms.ORDER_TYPES)),
        "validity": (True, one_of(*terms.VALIDITIES)),
        "quantity": (True, is_units),
        "price": (False, is_price),
        "triggerPrice": (False, is_price),
        "disclosedQuantity": (False, is_count),
        "legName": (False, is_leg),
    }
)

MARGIN: Fields = MappingProxyType(
    {
        "exchangeSegment": (True, one_of(*terms.TRADABLE)),
        "transactionType": (True, one_of(*terms.SIDES)),
        "quantity": (True, is_units),
        "productType": (True, one_of(*terms.PRODUCTS)),
        "securityId": (True, is_text),
        "price": (False, is_price),
        "triggerPrice": (False, is_price),
    }
)

CONVERT: Fields = MappingProxyType(
    {
        "fromProductType": (True, one_of(*terms.PRODUCTS)),
        "toProductType": (True, one_of(*terms.PRODUCTS)),
        "exchangeSegment": (True, one_of(*terms.TRADABLE)),
        "positionType": (True, one_of(*terms.POSITION_TYPES)),
        "securityId": (True, is_text),
        "convertQty": (True, is_units),
    }
)
PNL_EXIT: Fields = MappingProxyType(
    {
        "profitValue": (True, is_price),
        "lossValue": (True, is_price),
        "productType": (True, is_list_of(*exit_rule.PRODUCTS)),
        "enableKillSwitch": (False, is_flag),
    }
)


def sized_body(account: Account, raw: bytes, remote: str) -> Body:
    """The body of a request that must name a quantity, once it may come from this address. Raises Refusal."""
    body = read_body(raw)
    if body.get("quantity") is None:
        raise refusals.bad_input(refusals.QUANTITY_REQUIRED)
    check_address(account, remote)
    return body


def placement(account: Account, raw: bytes, remote: str, markets: Markets) -> Wish:
    """The order that a body of POST /orders asks for. Raises Refusal."""
    return read_wish(account, sized_body(account, raw, remote), markets)


def read_wish(account: Account, body: Body, markets: Markets) -> Wish:
    """The order that Dhan's fields ask for. Raises Refusal."""
    check_fields(body, PLACE)
    check_client(account, body)
    correlation_id = read_correlation(account, body)
    market = find_market(body, markets)
    product = str(body["productType"])
    if product in {terms.COVER, terms.BRACKET} and account.settings.cover_and_bracket == "refused":
        raise refusals.order_error(refusals.PRODUCT_OFF)
    after_market = body.get("afterMarketOrder") is True
    amo_time = body.get("amoTime")
    if after_market and amo_time is None:
        raise refusals.bad_input()
    side = str(body["transactionType"])
    wanted = read_terms(account, body, side)
    return Wish(
        instrument=market.instrument,
        side=side,
        product=product,
        terms=wanted,
        correlation_id=correlation_id,
        after_market=after_market,
        amo_time=str(amo_time) if after_market else None,
        source=account.settings.order_source,
        platform=account.settings.order_platform,
        exits=exits.of_product(
            product,
            side,
            wanted,
            profit=decimal(body.get("boProfitValue")),
            loss=decimal(body.get("boStopLossValue")),
            trigger=decimal(body.get("triggerPrice")),
            last_price=market.last_price,
        ),
    )


def read_correlation(account: Account, body: Body) -> str | None:
    """The client's own id, where there is one. Raises Refusal."""
    correlation_id = body.get("correlationId")
    if correlation_id is None:
        return None
    text = str(correlation_id)
    if len(text) > account.settings.correlation_limit or not _CORRELATION.fullmatch(text):
        raise refusals.bad_input()
    return text


def find_market(body: Body, markets: Markets) -> Market:
    """Where the instrument is traded. Raises Refusal."""
    market = markets.get((str(body["exchangeSegment"]), str(body["securityId"])))
    if market is None:
        raise refusals.bad_input(refusals.INVALID_SECURITY)
    return market


def modification(account: Account, order_id: str, body: Body) -> tuple[Order, Terms]:
    """The order, or its leg, and the terms that a body of PUT /orders/{id} asks for. Raises Refusal."""
    check_fields(body, MODIFY)
    check_client(account, body)
    if body["orderId"] != order_id:
        raise refusals.bad_input()
    order = _named_leg(account, order_id, body.get("legName"))
    check_modifiable(account, order)
    if order.is_exit:
        return order, _exit_terms(order, body)
    wanted = read_terms(account, body, order.side)
    if wanted.quantity <= order.filled:
        raise refusals.order_error(refusals.BELOW_TRADED.format(filled=order.filled))
    return order, wanted


def _named_leg(account: Account, order_id: str, name: object) -> Order:
    """The order of that number or, of a cover or bracket order, its leg of that name; super orders have calls of their
    own."""
    order = account.orders.get(order_id)
    held = account.brackets.get(order.family) if order is not None else None
    if held is not None and name in terms.EXIT_LEGS:
        order = held.leg(str(name))
    if order is None or order.is_super:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    return order


def _exit_terms(leg: Order, body: Body) -> Terms:
    """A target has a price and a stop a trigger, whatever else the body says."""
    price, trigger = (decimal(body.get(name)) for name in ("price", "triggerPrice"))
    if not (price if leg.leg == terms.TARGET_LEG else trigger):
        raise refusals.bad_input()
    if leg.leg == terms.TARGET_LEG:
        return replace(leg.terms, price=price)
    return replace(leg.terms, trigger_price=trigger)


def check_modifiable(account: Account, order: Order | Forever) -> None:
    """Whether one more modification is taken. Raises Refusal."""
    if order.is_final:
        raise refusals.order_error(refusals.FINISHED.format(status=order.status, verb="modified"))
    limit = account.settings.max_modifications
    if order.modifications >= limit:
        raise refusals.order_error(refusals.TOO_MANY_MODIFICATIONS.format(limit=limit))
    if account.settings.refuse_modification == "at_once":
        raise refusals.order_error(refusals.MODIFICATION_REFUSED)


def check_address(account: Account, remote: str) -> None:
    """Whether orders may come from this address."""
    allowed = account.settings.ip_addresses
    if not account.settings.ip_allowed or (allowed and remote not in allowed):
        raise refusals.refusal(400, account.settings.wrong_address, refusals.INVALID_IP)


def check_fields(body: Mapping[str, object], fields: Fields) -> None:
    """Whether every field is there and fits. Raises Refusal."""
    for name, (required, fits) in fields.items():
        value = body.get(name, _ABSENT)
        if value is _ABSENT or value is None:
            if required:
                raise refusals.bad_input()
        elif not fits(value):
            raise refusals.bad_input()


def check_client(account: Account, body: Body) -> None:
    if body.get("dhanClientId") not in {None, account.client_id}:
        raise refusals.refusal(401, "DH-901", refusals.DEAD_TOKEN)


def read_terms(account: Account, body: Body, side: str) -> Terms:
    """What an order is to trade, and how. Raises Refusal."""
    order_type = str(body["orderType"])
    quantity, disclosed = body["quantity"], body.get("disclosedQuantity") or 0
    if not isinstance(quantity, int) or not isinstance(disclosed, int):
        raise refusals.bad_input()
    price = decimal(body.get("price")) if order_type in terms.PRICED else ZERO
    trigger = decimal(body.get("triggerPrice")) if order_type in terms.STOPS else ZERO
    if (order_type in terms.PRICED and not price) or (order_type in terms.STOPS and not trigger):
        raise refusals.bad_input()
    if order_type == terms.STOP_LOSS_MARKET and account.settings.stop_market_orders == "refuse":
        # The broker makes a limit of it, on the wrong side of its trigger.
        raise refusals.order_error(refusals.TRIGGER_ABOVE_PRICE)
    if order_type == terms.STOP_LOSS:
        check_geometry(side, price, trigger)
    return Terms(
        order_type=order_type,
        validity=str(body["validity"]),
        quantity=quantity,
        price=price,
        trigger_price=trigger,
        disclosed=disclosed,
    )


def check_geometry(side: str, price: Decimal, trigger: Decimal) -> None:
    """A stop that sells triggers above its limit, one that buys below it."""
    if side == terms.SELL and trigger <= price:
        raise refusals.order_error(refusals.TRIGGER_ABOVE_PRICE)
    if side == terms.BUY and trigger >= price:
        raise refusals.order_error(refusals.TRIGGER_BELOW_PRICE)


def decimal(value: object) -> Decimal:
    """A number of a body, 0 for anything else."""
    return value if isinstance(value, Decimal) else Decimal(value) if isinstance(value, int) else ZERO


def slices(instrument: Instrument, wanted: Terms) -> list[Terms]:
    """The order cut at the freeze quantity, in whole lots."""
    freeze = instrument.freeze_quantity
    largest = freeze - freeze % instrument.lot_size if freeze else wanted.quantity
    if wanted.quantity <= largest:
        return [wanted]
    quantities = [largest] * (wanted.quantity // largest)
    if wanted.quantity % largest:
        quantities.append(wanted.quantity % largest)
    return [
        Terms(
            order_type=wanted.order_type,
            validity=wanted.validity,
            quantity=quantity,
            price=wanted.price,
            trigger_price=wanted.trigger_price,
            disclosed=min(wanted.disclosed, quantity),
        )
        for quantity in quantities
    ]
