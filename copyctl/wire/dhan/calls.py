"""What we say to Dhan: calls in the words of its own client, ``dhanhq``, and the login of the order stream.

Prices stay ``Decimal`` here: whoever writes the body must write them as JSON numbers. A field that does not apply is
left out or None, never ``""``, which Dhan refuses (DH-905).
"""

import json
import re
from collections.abc import Sequence
from typing import Final

from copyctl.model.facts import (
    AccountQuestion,
    AddressWanted,
    BrokerKillStateWanted,
    BrokerKillWanted,
    FundsWanted,
    MarginOrder,
    MarginWanted,
    PositionsWanted,
    ProfileWanted,
    QuoteWanted,
)
from copyctl.model.request import Approved, Call, Desired, Request, RequestKind
from copyctl.model.terms import AmoTime, Validity

ORDERS: Final = Call(method="get_order_list", arguments={})
"""Read today's order book."""

TRADES: Final = Call(method="get_trade_book", arguments={})
"""Read today's trade book."""

PROFILE: Final = Call(verb="GET", path="/profile")
"""The cheapest question whether a token is alive; the client asks it on a connection of its own, without a deadline."""

FUNDS: Final = Call(method="get_fund_limits", arguments={})
"""Read the account's money."""

POSITIONS: Final = Call(method="get_positions", arguments={})
"""Read today's positions and those carried over."""

HOLDINGS: Final = Call(method="get_holdings", arguments={})
"""Read the delivered shares; none at all are answered as an error (HTTP 500, DH-1111)."""

ADDRESSES: Final = Call(verb="GET", path="/ip/getIP")
"""Read the addresses from which orders may come; the client has it beside its login, with a token of its own."""

KILL: Final = Call(method="kill_switch", arguments={"action": "ACTIVATE"})
"""Turn the account's own kill switch on, for the rest of the day."""

KILL_STATE: Final = Call(method="status_kill_switch", arguments={})
"""Read whether it is on."""

MOST_QUOTES: Final = 1_000
"""So many instruments may be asked about in one call (Dhan API v2, market quote)."""

_LOGIN_MESSAGE: Final = 42
_PATH_PART = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_QUOTED_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def encode(approved: Approved) -> Call:
    """The call that an approved request is.

    Raises:
        ValueError: the request cannot be said in Dhan's words (a FOREVER order has a book of its own, an id is none).
    """
    request = approved.request
    match request.kind:
        case RequestKind.PLACE:
            return _place(request)
        case RequestKind.MODIFY:
            return _modify(request)
        case RequestKind.CANCEL:
            return Call(method="cancel_order", arguments={"order_id": _part(request.order_id)})


def lookup_call(correlation_id: str) -> Call:
    """Read the order that was placed with this correlation id."""
    return Call(method="get_order_by_correlationID", arguments={"correlation_id": _part(correlation_id)})


def calls_for(question: AccountQuestion) -> tuple[Call, ...]:
    """The calls that answer a question, in the order in which ``facts.read_fact`` wants their answers.

    Raises:
        ValueError: the question cannot be said in Dhan's words.
    """
    match question:
        case FundsWanted():
            return (FUNDS,)
        case PositionsWanted():
            return (POSITIONS, HOLDINGS)
        case MarginWanted():
            return (_margin(question),)
        case ProfileWanted():
            return (PROFILE,)
        case AddressWanted():
            return (ADDRESSES,)
        case BrokerKillWanted():
            return (KILL,)
        case BrokerKillStateWanted():
            return (KILL_STATE,)


def quotes_call(questions: Sequence[QuoteWanted]) -> Call:
    """One question for the quotes of many instruments; only this of Dhan's three tells the circuit limits.

    Raises:
        ValueError: none or too many at once, or an id that is no number, as the market quote wants it.
    """
    if not 0 < len(questions) <= MOST_QUOTES:
        raise ValueError(f"{len(questions)} quotes cannot be asked for at once")
    securities: dict[str, list[int]] = {}
    for question in questions:
        if not _QUOTED_ID.fullmatch(question.security_id):
            raise ValueError(f"{question.security_id[:80]!r} is no number")
        securities.setdefault(question.segment.value, []).append(int(question.security_id))
    return Call(method="quote_data", arguments={"securities": securities})


def _margin(question: MarginWanted) -> Call:
    """One order alone is asked about with more in the answer; several, or one beside what is held, only together."""
    if not question.orders:
        raise ValueError(f"{question.key[:80]!r} names no order to ask the margin of")
    if len(question.orders) == 1 and not question.include_positions:
        [order] = question.orders
        return Call(
            method="margin_calculator",
            arguments={
                "security_id": _part(order.security_id),
                "exchange_segment": order.segment.value,
                "transaction_type": order.side.value,
                "quantity": order.quantity,
                "product_type": order.product.value,
                "price": order.price,
                "trigger_price": order.trigger_price,
            },
        )
    return Call(
        method="margin_calculator_multi",
        arguments={
            "scrip_list": [_script(order) for order in question.orders],
            "include_position": question.include_positions,
            "include_order": False,
        },
    )


def _script(order: MarginOrder) -> dict[str, object]:
    return {
        "exchangeSegment": order.segment.value,
        "transactionType": order.side.value,
        "quantity": order.quantity,
        "productType": order.product.value,
        "securityId": _part(order.security_id),
        "price": order.price,
        "triggerPrice": order.trigger_price,
    }


def login_frame(client_id: str, token: str) -> str:
    """The first frame of an order stream (Dhan API v2, live order update). It holds the token: keep it out of logs."""
    login = {"MsgCode": _LOGIN_MESSAGE, "ClientId": client_id, "Token": token}
    return json.dumps({"LoginReq": login, "UserType": "SELF"})


def _place(request: Request) -> Call:
    desired = _desired(request)
    amo_time = (desired.amo_time or AmoTime.OPEN) if desired.after_market else None
    if amo_time is AmoTime.PRE_OPEN:
        return Call(verb="POST", path="/orders", body=_body(request, desired, amo_time))
    terms = desired.terms
    arguments: dict[str, object] = {
        "security_id": desired.security_id,
        "exchange_segment": desired.segment.value,
        "transaction_type": desired.side.value,
        "quantity": terms.quantity,
        "order_type": terms.order_type.value,
        "product_type": desired.product.value,
        "price": terms.price,
        "trigger_price": terms.trigger_price,
        "disclosed_quantity": terms.disclosed_quantity,
        "after_market_order": desired.after_market,
        "validity": terms.validity.value,
        "tag": request.correlation_id,
    }
    if amo_time is not None:
        arguments["amo_time"] = amo_time.value
    return Call(method="place_order", arguments=arguments)


def _body(request: Request, desired: Desired, amo_time: AmoTime) -> dict[str, object]:
    """The body of a placement whose ``amoTime`` Dhan takes and its client refuses."""
    terms = desired.terms
    return {
        "dhanClientId": request.account,
        "correlationId": request.correlation_id,
        "transactionType": desired.side.value,
        "exchangeSegment": desired.segment.value,
        "productType": desired.product.value,
        "orderType": terms.order_type.value,
        "validity": terms.validity.value,
        "securityId": desired.security_id,
        "quantity": terms.quantity,
        "disclosedQuantity": terms.disclosed_quantity,
        "price": terms.price,
        "triggerPrice": terms.trigger_price,
        "afterMarketOrder": True,
        "amoTime": amo_time.value,
    }


def _modify(request: Request) -> Call:
    """The whole wanted state, ``quantity`` being the total as placed: what is left out Dhan takes for 0."""
    terms = _desired(request).terms
    return Call(
        method="modify_order",
        arguments={
            "order_id": _part(request.order_id),
            "order_type": terms.order_type.value,
            "leg_name": None,
            "quantity": terms.quantity,
            "price": terms.price,
            "trigger_price": terms.trigger_price,
            "disclosed_quantity": terms.disclosed_quantity,
            "validity": terms.validity.value,
        },
    )


def _desired(request: Request) -> Desired:
    desired = request.desired
    if desired is None:
        raise ValueError(f"{request.request_id} does not say what it asks for")
    if desired.terms.validity is Validity.FOREVER:
        raise ValueError(f"{request.request_id} asks for a FOREVER order among the day's orders")
    return desired


def _part(identifier: str) -> str:
    """An id that becomes part of a path."""
    if not _PATH_PART.fullmatch(identifier):
        raise ValueError(f"{identifier[:80]!r} is no id")
    return identifier
