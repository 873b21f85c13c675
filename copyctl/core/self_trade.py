"""Self-trade: could this order trade with a resting order of the same person?

The exchange refuses, or the regulator asks about, a trade of one person with himself, whichever of his accounts the
two sides are in. What can meet follows from where the orders are:

- *Two that are in the book* (LIMIT, MARKET) meet when the BUY pays at least what the SELL asks. A MARKET pays and
  asks anything, so it meets every LIMIT, however far away, and every MARKET.
- *A stop that waits* is not in the book until the market has traded at its trigger. By then whatever rested on the
  way there has traded with others, and a MARKET is gone. What is left for it to meet is a limit order whose own price
  lies at the trigger or beyond it, up to the stop's limit (a STOP_LOSS_MARKET has none). So an entry that adds to a
  position does not meet the stop that protects it, except where it rests beyond that stop's trigger.
- *A stop whose trigger the last traded price has crossed* is as good as triggered: it counts with its limit, a
  STOP_LOSS_MARKET as a MARKET. So may one that has triggered be given as what it became.
- *Two stops that wait* have the market between their triggers; the first to trigger is done or resting before the
  other can. They meet only where the triggers overlap, which cannot be told apart while no price is known.

It errs towards "could": it knows nothing of the depth of the book, nor who is first in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from copyctl.model.order import Terms
from copyctl.model.terms import OrderType, Side

REACH = Decimal("0.01")
"""How far beyond the last traded price a MARKET order is taken to trade, as a share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """An open order of the same person in the same instrument. Prices in rupees, 0 for none; ``quantity``: the units
    that may still trade. ``account`` and ``order_id`` are for the sentence. A triggered stop is a LIMIT or MARKET."""

    side: Side
    order_type: OrderType
    price: Decimal
    trigger_price: Decimal
    quantity: int
    account: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """Where an order trades. ``limit``: its worst price, None for any. ``trigger``: what it waits for, None for no
    wait."""

    limit: Decimal | None
    trigger: Decimal | None


def could_meet(terms: Terms, side: Side, other: Resting, last_price: Decimal | None) -> bool:
    """Could an order with these terms trade with ``other``? ``last_price`` (rupees, None: not known) tells whether
    a stop still waits. For exits and entries alike."""
    if other.side is side or other.quantity <= 0:
        return False
    ours = _reach(terms.order_type, side, terms.price, terms.trigger_price, last_price)
    theirs = _reach(other.order_type, other.side, other.price, other.trigger_price, last_price)
    buy, sell = (ours, theirs) if side is Side.BUY else (theirs, ours)
    if buy.limit is not None and sell.limit is not None and buy.limit < sell.limit:
        return False
    if buy.trigger is not None and sell.trigger is not None:
        return buy.trigger <= sell.trigger
    if buy.trigger is not None:
        return sell.limit is not None and sell.limit >= buy.trigger
    if sell.trigger is not None:
        return buy.limit is not None and buy.limit <= sell.trigger
    return True


def trade_at_once(terms: Terms, side: Side, other: Resting, last_price: Decimal | None) -> bool:
    """Would an order with these terms trade with ``other`` the moment that it arrives? Both have to be in the book, and
    a MARKET reaches no further than ``REACH`` beyond the last traded price: what rests further away is not met while
    anybody else trades."""
    if other.side is side or other.quantity <= 0:
        return False
    ours = _reach(terms.order_type, side, terms.price, terms.trigger_price, last_price)
    theirs = _reach(other.order_type, other.side, other.price, other.trigger_price, last_price)
    if ours.trigger is not None or theirs.trigger is not None:
        return False
    known = last_price if last_price is not None and last_price > 0 else None
    limit = ours.limit if ours.limit is not None or known is None else known + _sign(side) * known * REACH
    if limit is None or theirs.limit is None:
        return True
    return (limit - theirs.limit) * _sign(side) >= 0


def _sign(side: Side) -> int:
    return 1 if side is Side.BUY else -1


def meets(terms: Terms, side: Side, others: Iterable[Resting], last_price: Decimal | None) -> Resting | None:
    """The first of ``others`` with which an order with these terms could trade."""
    return next((other for other in others if could_meet(terms, side, other, last_price)), None)


def sentence(terms: Terms, side: Side, other: Resting) -> str:
    """What a trader reads of the two that could meet."""
    ours = _told(terms.order_type, side, terms.price, terms.trigger_price)
    theirs = _told(other.order_type, other.side, other.price, other.trigger_price)
    return f"{ours} could trade with {theirs} for {other.quantity} units, order {other.order_id} of {other.account}"


def _reach(
    order_type: OrderType, side: Side, price: Decimal, trigger_price: Decimal, last_price: Decimal | None
) -> _Reach:
    limit = price if order_type.has_price else None
    waits = order_type.has_trigger and not _crossed(side, trigger_price, last_price)
    return _Reach(limit=limit, trigger=trigger_price if waits else None)


def _crossed(side: Side, trigger_price: Decimal, last_price: Decimal | None) -> bool:
    """Has the market traded at the trigger: a BUY stop's at it or above, a SELL stop's at it or below?"""
    if last_price is None or last_price <= 0:
        return False
    return last_price >= trigger_price if side is Side.BUY else last_price <= trigger_price


def _told(order_type: OrderType, side: Side, price: Decimal, trigger_price: Decimal) -> str:
    at = f" at {price:f}" if order_type.has_price else ""
    return f"{side} {order_type}{at}" + (f" with trigger {trigger_price:f}" if order_type.has_trigger else "")
