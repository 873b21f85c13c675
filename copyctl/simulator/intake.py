"""Is this request well formed?

The gateway's checks, in the order in which Dhan makes them: quantity, address, fields, instrument, geometry of a stop.
Whatever passes here reaches the risk desk.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType

from copyctl.simulator import exit_rule, refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.exchange import Market
from copyctl.simulator.instruments import Instrument
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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_units(value: object) -> bool:
    return type(value) is int and value > 0


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_price(value: object) -> bool:
    return (type(value) is int or isinstance(value, Decimal)) and value >= 0


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _one_of(*words: str) -> Callable[[object], bool]:
    allowed = frozenset(words)
    return lambda value: isinstance(value, str) and value in allowed


def _is_list_of(*words: str) -> Callable[[object], bool]:
    fits = _one_of(*words)
    return lambda value: isinstance(value, list) and bool(value) and all(fits(each) for each in value)


def _is_leg(value: object) -> bool:
    return value in terms.NO_LEG or value in terms.LEGS


Fields = Mapping[str, tuple[bool, Callable[[object], bool]]]

# field -> (required, fits); a field that is not required may also be null, but never ""
PLACE: Fields = MappingProxyType(
    {
        "dhanClientId": (False, _is_text),
        "correlationId": (False, _is_text),
        "transactionType": (True, _one_of(*terms.SIDES)),
        "exchangeSegment": (True, _one_of(*terms.TRADABLE)),
        "productType": (True, _one_of(*terms.PRODUCTS)),
        "orderType": (True, _one_of(*terms.ORDER_TYPES)),
        "validity": (True, _one_of(*terms.VALIDITIES)),
        "securityId": (True, _is_text),
        "quantity": (True, _is_units),
        "disclosedQuantity": (False, _is_count),
        "price": (False, _is_price),
        "triggerPrice": (False, _is_price),
        "afterMarketOrder": (False, _is_flag),
        "amoTime": (False, _one_of(*terms.AMO_TIMES)),
        "boProfitValue": (False, _is_price),
        "boStopLossValue": (False, _is_price),
    }
)
MODIFY: Fields = MappingProxyType(
    {
        "dhanClientId": (True, _is_text),
        "orderId": (True, _is_text),
        "orderType": (True, _one_of(*terms.ORDER_TYPES)),
        "validity": (True, _one_of(*terms.VALIDITIES)),
        "quantity": (True, _is_units),
        "price": (False, _is_price),
        "triggerPrice": (False, _is_price),
        "disclosedQuantity": (False, _is_count),
        "legName": (False, _is_leg),
    }
)

MARGIN: Fields = MappingProxyType(
    {
        "exchangeSegment": (True, _one_of(*terms.TRADABLE)),
        "transactionType": (True, _one_of(*terms.SIDES)),
        "quantity": (True, _is_units),
        "productType": (True, _one_of(*terms.PRODUCTS)),
        "securityId": (True, _is_text),
        "price": (False, _is_price),
        "triggerPrice": (False, _is_price),
    }
)

CONVERT: Fields = MappingProxyType(
    {
        "fromProductType": (True, _one_of(*terms.PRODUCTS)),
        "toProductType": (True, _one_of(*terms.PRODUCTS)),
        "exchangeSegment": (True, _one_of(*terms.TRADABLE)),
        "positionType": (True, _one_of(*terms.POSITION_TYPES)),
        "securityId": (True, _is_text),
        "convertQty": (True, _is_units),
    }
)
PNL_EXIT: Fields = MappingProxyType(
    {
        "profitValue": (True, _is_price),
        "lossValue": (True, _is_price),
        "productType": (True, _is_list_of(*exit_rule.PRODUCTS)),
        "enableKillSwitch": (False, _is_flag),
    }
)


def placement(account: Account, raw: bytes, remote: str, markets: Markets) -> Wish:
    """The order that a body of POST /orders asks for. Raises Refusal."""
    body = read_body(raw)
    if body.get("quantity") is None:
        raise refusals.bad_input(refusals.QUANTITY_REQUIRED)
    check_address(account, remote)
    return read_wish(account, body, markets)


def read_wish(account: Account, body: Body, markets: Markets) -> Wish:
    """The order that Dhan's fields ask for. Raises Refusal."""
    check_fields(body, PLACE)
    _check_client(account, body)
    correlation_id = body.get("correlationId")
    if isinstance(correlation_id, str) and (
        len(correlation_id) > account.settings.correlation_limit or not _CORRELATION.fullmatch(correlation_id)
    ):
        raise refusals.bad_input()
    market = markets.get((str(body["exchangeSegment"]), str(body["securityId"])))
    if market is None:
        raise refusals.bad_input(refusals.INVALID_SECURITY)
    after_market = body.get("afterMarketOrder") is True
    amo_time = body.get("amoTime")
    if after_market and amo_time is None:
        raise refusals.bad_input()
    side = str(body["transactionType"])
    return Wish(
        instrument=market.instrument,
        side=side,
        product=str(body["productType"]),
        terms=_terms(account, body, side),
        correlation_id=str(correlation_id) if correlation_id is not None else None,
        after_market=after_market,
        amo_time=str(amo_time) if after_market else None,
        source=account.settings.order_source,
        platform=account.settings.order_platform,
    )


def modification(account: Account, order_id: str, raw: bytes, remote: str) -> tuple[Order, Terms]:
    """The order and the terms that a body of PUT /orders/{id} asks for. Raises Refusal."""
    body = read_body(raw)
    if body.get("quantity") is None:
        raise refusals.bad_input(refusals.QUANTITY_REQUIRED)
    check_address(account, remote)
    check_fields(body, MODIFY)
    _check_client(account, body)
    if body["orderId"] != order_id:
        raise refusals.bad_input()
    order = account.orders.get(order_id)
    if order is None:
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    if order.is_final:
        raise refusals.order_error(refusals.FINISHED.format(status=order.status, verb="modified"))
    wanted = _terms(account, body, order.side)
    limit = account.settings.max_modifications
    if order.modifications >= limit:
        raise refusals.order_error(refusals.TOO_MANY_MODIFICATIONS.format(limit=limit))
    if wanted.quantity <= order.filled:
        raise refusals.order_error(refusals.BELOW_TRADED.format(filled=order.filled))
    if account.settings.refuse_modification == "at_once":
        raise refusals.order_error(refusals.MODIFICATION_REFUSED)
    return order, wanted


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


def _check_client(account: Account, body: Body) -> None:
    if body.get("dhanClientId") not in {None, account.client_id}:
        raise refusals.refusal(401, "DH-901", refusals.DEAD_TOKEN)


def _terms(account: Account, body: Body, side: str) -> Terms:
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
