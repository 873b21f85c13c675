"""Each kind of order is said by the calls of its own book, and one that a book cannot hold is not said at all."""

import inspect
from decimal import Decimal
from typing import Any

import pytest
from dhanhq import dhanhq
from msgspec.structs import replace

from copyctl.model.order import Bracket, SecondLeg, Terms
from copyctl.model.request import Approved, Call, Desired, Request, RequestKind
from copyctl.model.terms import AmoTime, Book, Leg, OrderType, Product, Segment, Side, Validity
from copyctl.wire.dhan import Dhan

ORDER_ID = "122609150002000"
PLAIN = Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=65, price=Decimal("101.25"))
EXITS = Bracket(target=Decimal(120), stop=Decimal("95.05"), trail=Decimal("0.5"))
DISTANCES = Bracket(target=Decimal(20), stop=Decimal(5), distances=True)
WAITING = replace(PLAIN, validity=Validity.FOREVER, trigger_price=Decimal("101.2"))
STOP = SecondLeg(quantity=60, price=Decimal(90), trigger_price=Decimal("90.5"))


def request(kind: RequestKind, terms: Terms | None = PLAIN, **changes: Any) -> Request:
    product = changes.pop("product", Product.INTRADAY)
    side = changes.pop("side", Side.BUY)
    desired = terms and Desired(side=side, segment=Segment.NSE_FNO, security_id="43210", product=product, terms=terms)
    whole = Request(
        request_id="cp-7f3a/it",
        account="1100000002",
        leader_order_id="122609150001234",
        revision=0,
        kind=kind,
        correlation_id="cp-7f3a",
        order_id="" if kind is RequestKind.PLACE else ORDER_ID,
        desired=desired,
        queued_at=1,
    )
    return replace(whole, **changes)


def placed(terms: Terms, **changes: Any) -> Call:
    return encode(request(RequestKind.PLACE, terms, **changes))


def modified(terms: Terms, **changes: Any) -> Call:
    return encode(request(RequestKind.MODIFY, terms, **changes))


def cancelled(**changes: Any) -> Call:
    return encode(request(RequestKind.CANCEL, None, **changes))


def encode(asked: Request) -> Call:
    call = Dhan().encode(Approved(request=asked))
    said = call.arguments if call.method else call.body
    assert said is not None
    assert not any(value == "" or isinstance(value, float) for value in said.values())
    if call.method:
        inspect.signature(getattr(dhanhq, call.method)).bind(None, **said)
    return call


def arguments(call: Call, *names: str) -> tuple[object, ...]:
    assert call.arguments is not None
    return tuple(call.arguments[name] for name in names)


# ---- the day's orders -----------------------------------------------------------------------------------------------


def test_an_order_that_is_to_be_sliced_says_so() -> None:
    call = placed(PLAIN, slices=3)
    assert (call.method, arguments(call, "should_slice", "quantity")) == ("place_order", (True, 65))
    assert "should_slice" not in (placed(PLAIN).arguments or {})


def test_an_order_that_the_client_refuses_is_sliced_all_the_same() -> None:
    asked = request(RequestKind.PLACE, slices=2)
    assert asked.desired is not None
    early = replace(asked, desired=replace(asked.desired, after_market=True, amo_time=AmoTime.PRE_OPEN))
    assert encode(early).path == "/orders/slicing"


@pytest.mark.parametrize(
    ("bracket", "target", "stop"),
    [
        (DISTANCES, Decimal(20), Decimal(5)),
        (replace(DISTANCES, target=Decimal(0)), None, Decimal(5)),
        (replace(DISTANCES, stop=Decimal(0)), Decimal(20), None),
    ],
)
def test_a_bracket_order_says_how_far_its_exits_lie(bracket: Bracket, target: object, stop: object) -> None:
    call = placed(replace(PLAIN, bracket=bracket), product=Product.BO)
    assert arguments(call, "bo_profit_value", "bo_stop_loss_Value") == (target, stop)
    assert arguments(call, "product_type", "trigger_price") == ("BO", 0)


def test_a_cover_order_says_its_stop_as_its_trigger() -> None:
    terms = replace(PLAIN, bracket=Bracket(stop=Decimal(95)))
    call = placed(terms, product=Product.CO)
    assert arguments(call, "product_type", "order_type", "trigger_price") == ("CO", "LIMIT", 95)
    assert arguments(modified(terms, product=Product.CO), "leg_name", "trigger_price") == (None, 95)


@pytest.mark.parametrize("product", [Product.CO, Product.BO])
def test_the_legs_of_a_branched_order_are_changed_by_their_names(product: Product) -> None:
    stop = Terms(
        order_type=OrderType.STOP_LOSS_MARKET,
        validity=Validity.DAY,
        quantity=65,
        trigger_price=Decimal("94.5"),
        bracket=Bracket(stop=Decimal("94.5")),
    )
    call = modified(stop, product=product, leg=Leg.STOP_LOSS)
    assert call.method == "modify_order"
    assert arguments(call, "leg_name", "order_type", "trigger_price") == (
        "STOP_LOSS_LEG",
        "STOP_LOSS_MARKET",
        Decimal("94.5"),
    )
    target = replace(PLAIN, bracket=Bracket(target=Decimal("101.25")))
    assert arguments(modified(target, product=product, leg=Leg.TARGET), "leg_name", "price") == (
        "TARGET_LEG",
        Decimal("101.25"),
    )
    assert cancelled(leg=Leg.STOP_LOSS) == Call(method="cancel_order", arguments={"order_id": ORDER_ID})


# ---- super orders ---------------------------------------------------------------------------------------------------


def test_a_super_order_says_its_entry_and_its_exits() -> None:
    assert placed(replace(PLAIN, bracket=EXITS), book=Book.SUPER) == Call(
        method="place_super_order",
        arguments={
            "transaction_type": "BUY",
            "exchange_segment": "NSE_FNO",
            "product_type": "INTRADAY",
            "order_type": "LIMIT",
            "security_id": "43210",
            "quantity": 65,
            "price": Decimal("101.25"),
            "targetPrice": Decimal(120),
            "stopLossPrice": Decimal("95.05"),
            "trailingJump": Decimal("0.5"),
            "tag": "cp-7f3a",
        },
    )


DIRECTLY = [
    (Side.BUY, OrderType.MARKET, 0, EXITS),
    (Side.SELL, OrderType.MARKET, 0, replace(EXITS, target=Decimal(90), stop=Decimal(110))),
    (Side.BUY, OrderType.LIMIT, 121, EXITS),  # it trades at once, below its target
    (Side.BUY, OrderType.LIMIT, 95, EXITS),
    (Side.SELL, OrderType.LIMIT, 100, EXITS),
]
BY_THE_CLIENT = [
    (Side.BUY, OrderType.LIMIT, 100, EXITS),
    (Side.BUY, OrderType.LIMIT, 100, replace(EXITS, target=Decimal(0))),
    (Side.BUY, OrderType.LIMIT, 100, replace(EXITS, stop=Decimal(0), trail=Decimal(0))),
    (Side.SELL, OrderType.LIMIT, 100, replace(EXITS, target=Decimal(90), stop=Decimal(110))),
]


@pytest.mark.parametrize(("side", "order_type", "price", "bracket"), [*DIRECTLY, *BY_THE_CLIENT])
def test_a_super_order_that_the_client_refuses_is_said_directly_in_the_same_body(
    side: Side, order_type: OrderType, price: int, bracket: Bracket
) -> None:
    terms = replace(PLAIN, order_type=order_type, price=Decimal(price), bracket=bracket)
    call = placed(terms, side=side, book=Book.SUPER)
    if (side, order_type, price, bracket) in BY_THE_CLIENT:
        assert (call.method, call.body) == ("place_super_order", None)
        return
    assert (call.method, call.verb, call.path) == ("", "POST", "/super/orders")
    assert call.body == {
        "transactionType": side.value,
        "exchangeSegment": "NSE_FNO",
        "productType": "INTRADAY",
        "orderType": order_type.value,
        "securityId": "43210",
        "quantity": 65,
        "price": price,
        "targetPrice": bracket.target,
        "stopLossPrice": bracket.stop,
        "trailingJump": bracket.trail,
        "correlationId": "cp-7f3a",
    }


@pytest.mark.parametrize(
    ("leg", "said"),
    [
        (
            Leg.ENTRY,
            {
                "quantity": 65,
                "price": Decimal("101.25"),
                "targetPrice": Decimal(120),
                "stopLossPrice": Decimal("95.05"),
                "trailingJump": Decimal("0.5"),
            },
        ),
        (Leg.TARGET, {"targetPrice": Decimal(120)}),
        (Leg.STOP_LOSS, {"stopLossPrice": Decimal("95.05"), "trailingJump": Decimal("0.5")}),
    ],
)
def test_each_leg_of_a_super_order_is_changed_by_fields_of_its_own(leg: Leg, said: dict[str, object]) -> None:
    call = modified(replace(PLAIN, bracket=EXITS), book=Book.SUPER, leg=leg)
    assert call == Call(
        method="modify_super_order",
        arguments={"order_id": ORDER_ID, "order_type": "LIMIT", "leg_name": leg.value, **said},
    )


def test_a_stop_says_that_it_trails_no_more() -> None:
    call = modified(replace(PLAIN, bracket=replace(EXITS, trail=Decimal(0))), book=Book.SUPER, leg=Leg.STOP_LOSS)
    assert arguments(call, "trailingJump") == (0,)


def test_an_entry_may_be_left_without_an_exit() -> None:
    call = modified(replace(PLAIN, bracket=Bracket()), book=Book.SUPER)
    assert arguments(call, "targetPrice", "stopLossPrice", "trailingJump") == (0, 0, 0)


@pytest.mark.parametrize("leg", Leg)
def test_a_super_order_is_cancelled_leg_by_leg(leg: Leg) -> None:
    arguments_ = {"order_id": ORDER_ID, "order_leg": leg.value}
    assert cancelled(book=Book.SUPER, leg=leg) == Call(method="cancel_super_order", arguments=arguments_)


# ---- forever orders -------------------------------------------------------------------------------------------------


def test_a_forever_order_says_its_trigger_and_that_it_lasts_the_day() -> None:
    assert placed(WAITING, book=Book.FOREVER, product=Product.CNC) == Call(
        method="place_forever",
        arguments={
            "security_id": "43210",
            "exchange_segment": "NSE_FNO",
            "transaction_type": "BUY",
            "product_type": "CNC",
            "order_type": "LIMIT",
            "quantity": 65,
            "price": Decimal("101.25"),
            "trigger_Price": Decimal("101.2"),
            "order_flag": "SINGLE",
            "disclosed_quantity": 0,
            "validity": "DAY",
            "tag": "cp-7f3a",
        },
    )


def test_one_of_two_forever_orders_says_both_legs() -> None:
    call = placed(replace(WAITING, second=STOP), book=Book.FOREVER)
    assert arguments(call, "order_flag", "quantity1", "price1", "trigger_Price1") == (
        "OCO",
        60,
        Decimal(90),
        Decimal("90.5"),
    )


@pytest.mark.parametrize(
    ("second", "leg", "said"),
    [
        (None, Leg.ENTRY, ("SINGLE", 65, Decimal("101.25"), Decimal("101.2"))),
        (None, Leg.TARGET, ("SINGLE", 65, Decimal("101.25"), Decimal("101.2"))),
        (None, Leg.STOP_LOSS, ("SINGLE", 65, Decimal("101.25"), Decimal("101.2"))),
        (STOP, Leg.TARGET, ("OCO", 65, Decimal("101.25"), Decimal("101.2"))),
        (STOP, Leg.ENTRY, ("OCO", 65, Decimal("101.25"), Decimal("101.2"))),
        (STOP, Leg.STOP_LOSS, ("OCO", 60, Decimal(90), Decimal("90.5"))),
    ],
)
def test_a_leg_of_a_forever_order_is_changed_by_the_name_that_the_list_gave_it(
    second: SecondLeg | None, leg: Leg, said: tuple[object, ...]
) -> None:
    call = modified(replace(WAITING, second=second), book=Book.FOREVER, leg=leg)
    assert call.method == "modify_forever"
    assert arguments(call, "order_flag", "quantity", "price", "trigger_price") == said
    assert arguments(call, "order_id", "leg_name", "validity") == (ORDER_ID, leg.value, "DAY")


def test_a_forever_order_is_cancelled_in_its_own_book() -> None:
    call = cancelled(book=Book.FOREVER, leg=Leg.TARGET)
    assert call == Call(method="cancel_forever", arguments={"order_id": ORDER_ID})


# ---- what cannot be said --------------------------------------------------------------------------------------------

SUPER = replace(PLAIN, bracket=EXITS)
WRONG: dict[str, tuple[Terms, dict[str, Any]]] = {
    "forever among the day's": (WAITING, {}),
    "a day's order among the forever": (PLAIN, {"book": Book.FOREVER}),
    "forever among the super": (replace(WAITING, bracket=EXITS), {"book": Book.SUPER}),
    "a super order that does not rest": (replace(SUPER, validity=Validity.IOC), {"book": Book.SUPER}),
    "a super order without exits": (PLAIN, {"book": Book.SUPER}),
    "a super order with distances": (replace(PLAIN, bracket=DISTANCES), {"book": Book.SUPER}),
    "a super order with a trigger": (replace(SUPER, order_type=OrderType.STOP_LOSS), {"book": Book.SUPER}),
    "a super order with a second leg": (replace(SUPER, second=STOP), {"book": Book.SUPER}),
    "a forever order with exits": (replace(WAITING, bracket=EXITS), {"book": Book.FOREVER}),
    "a forever stop": (replace(WAITING, order_type=OrderType.STOP_LOSS), {"book": Book.FOREVER}),
    "a second leg among the day's": (replace(PLAIN, second=STOP), {}),
    "a plain order with exits": (SUPER, {}),
    "a bracket order with prices": (SUPER, {"product": Product.BO}),
    "a cover order with distances": (replace(PLAIN, bracket=DISTANCES), {"product": Product.CO}),
    "a cover order with a target": (SUPER, {"product": Product.CO}),
    "a cover order without a stop": (replace(PLAIN, bracket=Bracket()), {"product": Product.CO}),
}


@pytest.mark.parametrize("kind", [RequestKind.PLACE, RequestKind.MODIFY])
@pytest.mark.parametrize("name", WRONG)
def test_what_would_become_another_order_is_not_said(kind: RequestKind, name: str) -> None:
    terms, changes = WRONG[name]
    with pytest.raises(ValueError, match="cp-7f3a"):
        encode(request(kind, terms, **changes))


@pytest.mark.parametrize("leg", [Leg.TARGET, Leg.STOP_LOSS])
def test_a_leg_is_not_changed_to_nothing(leg: Leg) -> None:
    with pytest.raises(ValueError, match="that is a cancel"):
        modified(replace(PLAIN, bracket=Bracket()), book=Book.SUPER, leg=leg)


def test_a_super_order_without_exits_or_after_the_market_is_not_placed() -> None:
    asked = request(RequestKind.PLACE, SUPER, book=Book.SUPER)
    assert asked.desired is not None
    for desired in (
        replace(asked.desired, after_market=True),
        replace(asked.desired, terms=replace(SUPER, bracket=Bracket())),
    ):
        with pytest.raises(ValueError, match="without exits, or for one after the market"):
            encode(replace(asked, desired=desired))


@pytest.mark.parametrize("book", Book)
@pytest.mark.parametrize("kind", [RequestKind.MODIFY, RequestKind.CANCEL])
@pytest.mark.parametrize("order_id", ["", "../positions", "1:STOP_LOSS_LEG"])
def test_no_path_is_made_of_what_is_no_id(book: Book, kind: RequestKind, order_id: str) -> None:
    terms = {Book.DAY: PLAIN, Book.SUPER: SUPER, Book.FOREVER: WAITING}[book]
    with pytest.raises(ValueError, match="no id"):
        encode(request(kind, terms, book=book, order_id=order_id))


def test_the_special_books_are_asked_for_by_the_clients_methods() -> None:
    assert Dhan().super_call() == Call(method="get_super_order_list", arguments={})
    assert Dhan().forever_call() == Call(method="get_forever", arguments={})
