"""What the leader asked for, as against what the exchange made of it.

A stop that triggers turns into a limit or market order; a market order may rest as a limit under the exchange's price
protection. Neither is a modification, and nothing of it is passed on. Everything else that changes is the leader's.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.model.order import Bracket, Order, Terms
from copyctl.model.records import LeaderOrder
from copyctl.model.terms import OrderType, Side

_RESHAPED_INTO = {
    OrderType.STOP_LOSS: (OrderType.LIMIT, OrderType.MARKET),
    OrderType.STOP_LOSS_MARKET: (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LOSS),
    OrderType.MARKET: (OrderType.LIMIT,),
}


def reshaped(asked: Terms, seen: Terms) -> bool:
    """Is ``seen`` what the exchange makes of an order that was asked for as ``asked``?"""
    if asked.quantity != seen.quantity or seen.order_type not in _RESHAPED_INTO.get(asked.order_type, ()):
        return False
    return not (asked.order_type.has_price and seen.order_type.has_price) or asked.price == seen.price


def same_order(asked: Terms, seen: Terms) -> bool:
    """Do these show one and the same order, whatever the exchange made of its type and disclosed quantity, and of a
    stop that trails?"""
    plain = [replace(terms, disclosed_quantity=0, bracket=None) for terms in (asked, seen)]
    return (plain[0] == plain[1] or reshaped(asked, seen)) and _same_exits(asked.bracket, seen.bracket)


def _same_exits(asked: Bracket | None, seen: Bracket | None) -> bool:
    if asked is None or seen is None:  # it is not told everywhere
        return True
    return asked == (replace(seen, stop=asked.stop) if asked.trail and seen.trail else seen)


def trailed(before: Decimal, after: Decimal, trail: Decimal, side: Side) -> bool:
    """Did a stop of this side move from one trigger to the other by trailing: towards the market, in whole steps?"""
    ahead = after - before if side is Side.SELL else before - after
    return trail > 0 and ahead > 0 and ahead % trail == 0


def next_wish(before: LeaderOrder, seen: Terms) -> LeaderOrder:
    """The leader's wish after the broker showed ``seen``."""
    if seen == before.seen:
        return before
    if reshaped(before.seen, seen):
        return replace(before, seen=seen)
    if before.wish.order_type is not seen.order_type and _resized(before.seen, seen) == seen:
        return replace(before, wish=_resized(before.wish, seen), seen=seen)
    return replace(before, wish=seen, seen=seen)


def _resized(terms: Terms, to: Terms) -> Terms:
    return replace(terms, quantity=to.quantity, disclosed_quantity=to.disclosed_quantity, bracket=to.bracket)


def first_wish(order: Order, terms: Terms) -> Terms:
    """The wish behind an order that is first seen now: a stop that has triggered, or traded, is one no more."""
    if not (order.triggered or order.filled):
        return terms
    if terms.order_type is OrderType.STOP_LOSS:
        return replace(terms, order_type=OrderType.LIMIT, trigger_price=terms.trigger_price * 0)
    if terms.order_type is OrderType.STOP_LOSS_MARKET:
        return replace(terms, order_type=OrderType.MARKET, trigger_price=terms.trigger_price * 0, price=terms.price * 0)
    return terms
