"""What we say to Dhan: calls in the words of its own client, ``dhanhq``, and the login of the order stream.

Prices stay ``Decimal`` here: whoever writes the body must write them as JSON numbers. A field that does not apply is
left out or None, never ``""``, which Dhan refuses (DH-905).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
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
from copyctl.model.request import Approved, Call, Request, RequestKind
from copyctl.model.terms import Book
from copyctl.wire.dhan import day_calls, special_calls
from copyctl.wire.dhan.parts import path_part

ORDERS: Final = Call(method="get_order_list", arguments={})
"""Read today's order book."""

SUPER_ORDERS: Final = Call(method="get_super_order_list", arguments={})
"""Read today's super orders, each with its legs."""

FOREVER_ORDERS: Final = Call(method="get_forever", arguments={})
"""Read the forever orders; ``/forever/all``, which some pages name, is not there or empty beside active ones."""

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
_QUOTED_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def encode(approved: Approved) -> Call:
    """The call that an approved request is: each book has calls of its own.

    Raises:
        ValueError: the request cannot be said in Dhan's words (its terms do not fit its book, an id is none).
    """
    request = approved.request
    return _CHANGES[request.book, request.kind](request)


_CHANGES: Final[Mapping[tuple[Book, RequestKind], Callable[[Request], Call]]] = {
    (Book.DAY, RequestKind.PLACE): day_calls.place,
    (Book.DAY, RequestKind.MODIFY): day_calls.modify,
    (Book.DAY, RequestKind.CANCEL): day_calls.cancel,
    (Book.SUPER, RequestKind.PLACE): special_calls.place_super,
    (Book.SUPER, RequestKind.MODIFY): special_calls.modify_super,
    (Book.SUPER, RequestKind.CANCEL): special_calls.cancel_super,
    (Book.FOREVER, RequestKind.PLACE): special_calls.place_forever,
    (Book.FOREVER, RequestKind.MODIFY): special_calls.modify_forever,
    (Book.FOREVER, RequestKind.CANCEL): special_calls.cancel_forever,
}


def lookup_call(correlation_id: str) -> Call:
    """Read the order that was placed with this correlation id."""
    return Call(method="get_order_by_correlationID", arguments={"correlation_id": path_part(correlation_id)})


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
                "security_id": path_part(order.security_id),
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
        "securityId": path_part(order.security_id),
        "price": order.price,
        "triggerPrice": order.trigger_price,
    }


def login_frame(client_id: str, token: str) -> str:
    """The first frame of an order stream (Dhan API v2, live order update). It holds the token: keep it out of logs."""
    login = {"MsgCode": _LOGIN_MESSAGE, "ClientId": client_id, "Token": token}
    return json.dumps({"LoginReq": login, "UserType": "SELF"})
