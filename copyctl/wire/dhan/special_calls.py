"""Changes of super orders and of forever orders, in the words of Dhan's own client.

Sources: Dhan API v2, super orders and forever orders. A super order has no validity and no trigger; of its three legs
each is changed by fields of its own. A forever order is told to last the DAY, whatever it does.
"""

from decimal import Decimal
from typing import Final

from copyctl.model.order import Bracket, Terms
from copyctl.model.request import Call, Desired, Request
from copyctl.model.terms import Leg, OrderType, Side
from copyctl.wire.dhan.parts import desired_in_book, order_part

_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
_VALIDITY: Final = "DAY"


# --- super orders -----------------------------------------------------------------------------------------------------


def place_super(request: Request) -> Call:
    """An entry with its exits. What Dhan takes and its client refuses, an entry at the market or one that its exits do
    not lie around, is said directly, in the same body.

    Raises:
        ValueError: it has no exits, or something else that a super order cannot have.
    """
    desired, bracket = _entry(request)
    terms = desired.terms
    if desired.after_market or not (bracket.target or bracket.stop):
        raise ValueError(f"{request.request_id} asks for a super order without exits, or for one after the market")
    body: dict[str, object] = {
        "transactionType": desired.side.value,
        "exchangeSegment": desired.segment.value,
        "productType": desired.product.value,
        "orderType": terms.order_type.value,
        "securityId": desired.security_id,
        "quantity": terms.quantity,
        "price": terms.price,
        "targetPrice": bracket.target,
        "stopLossPrice": bracket.stop,
        "trailingJump": bracket.trail,
        "correlationId": request.correlation_id,
    }
    if not _lies_between(desired.side, terms.price, bracket):
        return Call(verb="POST", path="/super/orders", body=body)
    return Call(method="place_super_order", arguments={_ARGUMENTS.get(key, key): value for key, value in body.items()})


_ARGUMENTS: Final = {
    "transactionType": "transaction_type",
    "exchangeSegment": "exchange_segment",
    "productType": "product_type",
    "orderType": "order_type",
    "securityId": "security_id",
    "correlationId": "tag",
}
"""What the client calls the fields of a super order, where that differs."""


def modify_super(request: Request) -> Call:
    """Change one leg: the entry with all that hangs on it, the target alone, or the stop with its trailing, which
    is always said, for left out it would end.

    Raises:
        ValueError: the leg would have no price, or something else that a super order cannot have.
    """
    desired, bracket = _entry(request) if request.leg is Leg.ENTRY else _exits(request)
    terms = desired.terms
    arguments: dict[str, object] = {
        "order_id": order_part(request),
        "order_type": terms.order_type.value,
        "leg_name": request.leg.value,
    }
    target: dict[str, object] = {"targetPrice": bracket.target}
    stop: dict[str, object] = {"stopLossPrice": bracket.stop, "trailingJump": bracket.trail}
    match request.leg:
        case Leg.ENTRY:
            arguments |= {"quantity": terms.quantity, "price": terms.price, **target, **stop}
        case Leg.TARGET:
            arguments |= target
        case Leg.STOP_LOSS:
            arguments |= stop
    if not {Leg.ENTRY: terms.quantity, Leg.TARGET: bracket.target, Leg.STOP_LOSS: bracket.stop}[request.leg]:
        raise ValueError(f"{request.request_id} changes {request.leg} to nothing; that is a cancel")
    return Call(method="modify_super_order", arguments=arguments)


def cancel_super(request: Request) -> Call:
    """Cancel one leg for good; the entry takes all of them with it.

    Raises:
        ValueError: its id is none.
    """
    arguments = {"order_id": order_part(request), "order_leg": request.leg.value}
    return Call(method="cancel_super_order", arguments=arguments)


def _entry(request: Request) -> tuple[Desired, Bracket]:
    desired, bracket = _exits(request)
    _check_type(request, desired.terms)
    return desired, bracket


def _exits(request: Request) -> tuple[Desired, Bracket]:
    desired = desired_in_book(request)
    bracket = desired.terms.bracket
    if bracket is None or bracket.distances:
        raise ValueError(f"{request.request_id} does not say at which prices a super order ends")
    return desired, bracket


def _lies_between(side: Side, entry: Decimal, bracket: Bracket) -> bool:
    """Does the client let it pass: a price, the target on its far side and the stop on its near one?"""
    sign = 1 if side is Side.BUY else -1
    above = not bracket.target or (bracket.target - entry) * sign > 0
    return entry > 0 and above and (not bracket.stop or (entry - bracket.stop) * sign > 0)


# --- forever orders ---------------------------------------------------------------------------------------------------


def place_forever(request: Request) -> Call:
    """An order that waits for its trigger over the days, or two of which one ends the other (OCO).

    Raises:
        ValueError: it asks for what a forever order cannot have.
    """
    desired = _forever(request)
    terms = desired.terms
    arguments: dict[str, object] = {
        "security_id": desired.security_id,
        "exchange_segment": desired.segment.value,
        "transaction_type": desired.side.value,
        "product_type": desired.product.value,
        "order_type": terms.order_type.value,
        "quantity": terms.quantity,
        "price": terms.price,
        "trigger_Price": terms.trigger_price,
        "order_flag": _flag(terms),
        "disclosed_quantity": terms.disclosed_quantity,
        "validity": _VALIDITY,
        "tag": request.correlation_id,
    }
    if (second := terms.second) is not None:
        arguments |= {
            "price1": second.price,
            "trigger_Price1": second.trigger_price,
            "quantity1": second.quantity,
        }
    return Call(method="place_forever", arguments=arguments)


def modify_forever(request: Request) -> Call:
    """The whole wanted state of one leg, by the name that the list gives it.

    Raises:
        ValueError: it asks for what a forever order cannot have.
    """
    terms = _forever(request).terms
    leg = terms.second if terms.second is not None and request.leg is Leg.STOP_LOSS else terms
    return Call(
        method="modify_forever",
        arguments={
            "order_id": order_part(request),
            "order_flag": _flag(terms),
            "order_type": terms.order_type.value,
            "leg_name": request.leg.value,
            "quantity": leg.quantity,
            "price": leg.price,
            "trigger_price": leg.trigger_price,
            "disclosed_quantity": terms.disclosed_quantity,
            "validity": _VALIDITY,
        },
    )


def cancel_forever(request: Request) -> Call:
    """Cancel it, all of it; only here, for among the day's orders Dhan says yes and lets it rest.

    Raises:
        ValueError: its id is none.
    """
    return Call(method="cancel_forever", arguments={"order_id": order_part(request)})


def _forever(request: Request) -> Desired:
    desired = desired_in_book(request)
    if desired.terms.bracket is not None:
        raise ValueError(f"{request.request_id} asks for exits of a forever order")
    _check_type(request, desired.terms)
    return desired


def _flag(terms: Terms) -> str:
    return "SINGLE" if terms.second is None else "OCO"


def _check_type(request: Request, terms: Terms) -> None:
    """Neither kind of order has a stop of its own: said without its trigger it would be another order."""
    if terms.order_type not in _TYPES:
        raise ValueError(f"{request.request_id} asks for a {terms.order_type} order in the book {request.book.value!r}")
