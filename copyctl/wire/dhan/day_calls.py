"""Changes of plain orders, CO and BO, in the words of Dhan's own client (Dhan API v2: orders, order slicing)."""

from copyctl.model.order import Bracket
from copyctl.model.request import Call, Desired, Request
from copyctl.model.terms import AmoTime, Leg, Product
from copyctl.wire.dhan.parts import desired_in_book, order_part


def place(request: Request) -> Call:
    """A new order; with ``slices`` Dhan cuts it at the freeze quantity.

    Raises:
        ValueError: it asks for what Dhan has no words for.
    """
    desired = desired_in_book(request)
    amo_time = (desired.amo_time or AmoTime.OPEN) if desired.after_market else None
    if amo_time is AmoTime.PRE_OPEN:
        path = "/orders/slicing" if request.slices else "/orders"
        return Call(verb="POST", path=path, body=_body(request, desired, amo_time))
    terms, bracket = desired.terms, _bracket(request, desired)
    arguments: dict[str, object] = {
        "security_id": desired.security_id,
        "exchange_segment": desired.segment.value,
        "transaction_type": desired.side.value,
        "quantity": terms.quantity,
        "order_type": terms.order_type.value,
        "product_type": desired.product.value,
        "price": terms.price,
        "trigger_price": _trigger_price(request, desired),
        "disclosed_quantity": terms.disclosed_quantity,
        "after_market_order": desired.after_market,
        "validity": terms.validity.value,
        "tag": request.correlation_id,
    }
    if amo_time is not None:
        arguments["amo_time"] = amo_time.value
    if bracket is not None and bracket.distances:
        arguments["bo_profit_value"] = bracket.target or None
        arguments["bo_stop_loss_Value"] = bracket.stop or None
    if request.slices:
        arguments["should_slice"] = True
    return Call(method="place_order", arguments=arguments)


def modify(request: Request) -> Call:
    """The whole wanted state, ``quantity`` being the total as placed: what is left out Dhan takes for 0. Of CO and BO
    the exits are changed as legs of their own.

    Raises:
        ValueError: it asks for what Dhan has no words for.
    """
    desired = desired_in_book(request)
    terms = desired.terms
    return Call(
        method="modify_order",
        arguments={
            "order_id": order_part(request),
            "order_type": terms.order_type.value,
            "leg_name": None if request.leg is Leg.ENTRY else request.leg.value,
            "quantity": terms.quantity,
            "price": terms.price,
            "trigger_price": _trigger_price(request, desired),
            "disclosed_quantity": terms.disclosed_quantity,
            "validity": terms.validity.value,
        },
    )


def cancel(request: Request) -> Call:
    """Cancel an order.

    Raises:
        ValueError: its id is none.
    """
    return Call(method="cancel_order", arguments={"order_id": order_part(request)})


def _body(request: Request, desired: Desired, amo_time: AmoTime) -> dict[str, object]:
    """The body of a placement whose ``amoTime`` Dhan takes and its client refuses."""
    terms, bracket = desired.terms, _bracket(request, desired)
    body: dict[str, object] = {
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
        "triggerPrice": _trigger_price(request, desired),
        "afterMarketOrder": True,
        "amoTime": amo_time.value,
    }
    if bracket is not None and bracket.distances:
        body |= {"boProfitValue": bracket.target or None, "boStopLossValue": bracket.stop or None}
    return body


def _trigger_price(request: Request, desired: Desired) -> object:
    """The trigger of an order; of the entry of a CO it is the stop that covers it."""
    bracket = _bracket(request, desired)
    covers = bracket is not None and not bracket.distances
    return bracket.stop if bracket is not None and covers else desired.terms.trigger_price


def _bracket(request: Request, desired: Desired) -> Bracket | None:
    """The exits of a CO (a stop, as a price) or of a BO (distances); a leg has a price of its own and none.

    Raises:
        ValueError: there are exits, and an order of this product would be taken without them or with others.
    """
    bracket, product = desired.terms.bracket, desired.product
    if bracket is None or request.leg is not Leg.ENTRY:
        return None
    if product is Product.BO and bracket.distances:
        return bracket
    if product is Product.CO and not bracket.distances and bracket.stop and not bracket.target:
        return bracket
    raise ValueError(f"{request.request_id} asks for exits that a {product} order among the day's orders cannot have")
