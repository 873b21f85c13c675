"""The leader's orders in a case, from what is written of them to how they show: what is not written is as usual.

An order is INTRADAY and for the DAY; MARKET and LIMIT trade in full at once; stops, forever and after-market orders
rest. ``PENDING`` lets any order rest, ``filled 65`` trades a part of it.
"""

from dataclasses import fields, replace
from typing import Final

from copyctl.model.cases import Words
from copyctl.model.order import ZERO
from copyctl.model.terms import OrderStatus, OrderType, Product, Validity
from copyctl.rules.order_words import Misread

_NEEDED: Final = (
    ("side", "BUY or SELL"),
    ("quantity", "a quantity"),
    ("instrument", "an instrument"),
    ("order_type", "MARKET, LIMIT, STOP_LOSS or STOP_LOSS_MARKET"),
)
_PRICES: Final = (("price", "has_price", "a price"), ("trigger_price", "has_trigger", "a trigger"))
_FOREVER: Final = frozenset({OrderStatus.PENDING, OrderStatus.CANCELLED})
_OVER_IN_PART: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})
_UNTRADED: Final = frozenset({OrderStatus.TRANSIT, OrderStatus.PENDING, OrderStatus.REJECTED})


def in_units(words: Words, lot: int) -> Words:
    """Lots as units."""
    return words if words.lots is None else replace(words, quantity=words.lots * lot, lots=None)


def placed(words: Words, lot: int) -> tuple[Words, list[Misread]]:
    """How an order shows as it is placed, every key told, and what is missing or cannot be."""
    words = in_units(words, lot)
    lacks = [called for key, called in _NEEDED if getattr(words, key) is None]
    message, hint = f"the order lacks {', '.join(lacks)}", "for example BUY 130 CE LIMIT 101.5"
    wrong = [Misread(message=message, hint=hint)] if lacks else []
    words = replace(
        words,
        product=words.product or Product.INTRADAY,
        validity=words.validity or Validity.DAY,
        disclosed_quantity=words.disclosed_quantity or 0,
        after_market=bool(words.after_market),
    )
    return (words, wrong) if wrong else _shown(words, _at_first(words))


def changed(before: Words, change: Words, lot: int) -> tuple[Words, list[Misread]]:
    """How an order shows after a change of it."""
    change = in_units(change, lot)
    told = {one.name: getattr(change, one.name) for one in fields(change) if getattr(change, one.name) is not None}
    if not told:
        return before, [Misread(message="nothing of the order is changed")]
    new_type = change.order_type
    if new_type is not None:  # what the new type does not have falls away
        price = before.price if new_type.has_price else ZERO
        trigger = before.trigger_price if new_type.has_trigger or before.validity is Validity.FOREVER else ZERO
        before = replace(before, price=price, trigger_price=trigger)
    kept = None if change.status is OrderStatus.TRADED else before.filled
    after, wrong = _shown(
        replace(replace(before, status=None, filled=kept), **told), before.status or OrderStatus.PENDING
    )
    if (after.filled or 0) < (before.filled or 0):
        wrong.append(Misread(message=f"it has traded {before.filled} already"))
    return after, wrong


def _at_first(words: Words) -> OrderStatus:
    if words.after_market:
        return OrderStatus.TRANSIT
    rests = words.validity is Validity.FOREVER or (words.order_type is not None and words.order_type.has_trigger)
    return OrderStatus.PENDING if rests else OrderStatus.TRADED


def _shown(words: Words, usual: OrderStatus) -> tuple[Words, list[Misread]]:
    """With its prices, its status (``usual`` where nothing tells of it) and what it has traded."""
    wrong: list[Misread] = []
    kind, quantity = words.order_type or OrderType.MARKET, words.quantity or 0
    for key, has, called in _PRICES:
        value = getattr(words, key)
        wanted = getattr(kind, has) or (key == "trigger_price" and words.validity is Validity.FOREVER)
        if wanted and not value:
            wrong.append(Misread(message=f"{kind} needs {called}"))
        elif value and not wanted:
            wrong.append(Misread(message=f"{kind} has no {called.removeprefix('a ')}"))
    status, filled = words.status, words.filled
    if status is None and filled:
        status = OrderStatus.TRADED if filled >= quantity else OrderStatus.PART_TRADED
    status = status or usual
    if filled is None:
        filled = quantity if status is OrderStatus.TRADED else 0
    if filled > quantity:
        wrong.append(Misread(message=f"{filled} of {quantity} cannot have traded"))
    elif status is OrderStatus.TRADED and filled != quantity:
        wrong.append(Misread(message=f"TRADED is all of it, not {filled} of {quantity}", hint="leave TRADED out"))
    elif status is OrderStatus.PART_TRADED and not 0 < filled < quantity:
        wrong.append(Misread(message="PART_TRADED needs how much of it", hint="write filled and the units"))
    elif status in _OVER_IN_PART and filled == quantity:
        wrong.append(Misread(message=f"all of it has traded: it is TRADED, not {status}"))
    elif status in _UNTRADED and filled:
        wrong.append(Misread(message=f"an order that is {status} has not traded", hint="leave one of both out"))
    if words.validity is Validity.FOREVER and status not in _FOREVER:
        hint = "one that triggers becomes an order of its own: write that one"
        wrong.append(Misread(message="a forever order waits for its trigger, or is cancelled", hint=hint))
    if (words.disclosed_quantity or 0) > quantity:
        wrong.append(Misread(message=f"{words.disclosed_quantity} of {quantity} cannot be disclosed"))
    price, trigger = words.price or ZERO, words.trigger_price or ZERO
    return replace(words, price=price, trigger_price=trigger, status=status, filled=filled), wrong
