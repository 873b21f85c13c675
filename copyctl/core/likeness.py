"""Likeness: an order of ours that does not carry our id.

A forever order shows no correlation id, a super order not always. Whether one that was sent is there, or one of a store
that is lost, is told by what it is: the same instrument, side, product and terms, given since, and nobody else's.
Better to take over one that a person placed just so than to place it twice.
"""

from msgspec.structs import replace

from copyctl.core.forever import CLOCKS_DIFFER
from copyctl.core.hours import SECOND
from copyctl.core.index import instrument_of
from copyctl.core.native_legs import book_of
from copyctl.core.pursue import as_placement, correlation_of
from copyctl.core.state import Draft
from copyctl.core.wish import same_order
from copyctl.model.order import Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind
from copyctl.model.terms import Book


def like(draft: Draft, copy: Copy, book: Book, terms: Terms, since: int) -> Order | None:
    """The order of the follower's in a special book that is just what this copy places, given at ``since`` (the
    broker's time, ns) or later, and that belongs to no copy."""
    wanted = copy.wanted
    if wanted is None or book is Book.DAY or _is_another_on_its_way(draft, copy, book):
        return None
    if book is Book.FOREVER:
        there = draft.forever_of(copy.follower)
    else:
        there = [one for one in draft.orders_in((copy.follower,), instrument_of(copy)) if one.super_order]
    for order in there:
        if order.is_leg:
            continue
        same = (order.segment, order.security_id, order.side) == (wanted.segment, wanted.security_id, wanted.side)
        if not same or order.product is not wanted.product or order.terms is None:
            continue
        if order.created_time >= since - CLOCKS_DIFFER and same_order(terms, order.terms) and _is_free(draft, order):
            return order
    return None


def _is_another_on_its_way(draft: Draft, copy: Copy, book: Book) -> bool:
    """Was another one sent for this follower and instrument, and not answered yet? What shows up may be that one."""
    return any(
        draft.requests.get(f"{slot.correlation_id}/{RequestKind.PLACE}") is not None
        for other in draft.copies_in(copy.follower, instrument_of(copy))
        if other.leader_order_id != copy.leader_order_id
        for slot in other.slots
        if slot.book is book and slot.live and slot.sent and not slot.order_id
    )


def _is_free(draft: Draft, order: Order) -> bool:
    if draft.copy_with(order) is not None:
        return False
    mine = (one for one in draft.copies.of(order.account).values() if one is not None)
    return not any(slot.order_id == order.order_id for one in mine for slot in one.slots)


def take_over(draft: Draft, rules: Rules, copy: Copy, leader: Order) -> Copy:
    """The copy with an order that is there already, where it has none and just that one is to be placed."""
    if copy.slots or copy.wanted is None:
        return copy
    book = book_of(copy.wanted)
    order = like(draft, copy, book, copy.wanted.terms, leader.created_time)
    if order is None:
        return copy
    placed = as_placement(order, 0, copy.wanted.terms, draft.now)
    slot = replace(placed, correlation_id=correlation_of(rules, copy, 0), asked=copy.wanted.terms)
    return replace(copy, slots=(slot,), pursued=copy.wanted)


def found_by_likeness(draft: Draft, copy: Copy, slot: Slot, sent_at: int) -> bool:
    """Is the order of a placement of unknown fate there by now? Then it is known by its id from here on."""
    ahead = draft.account(copy.follower).broker_ahead
    order = like(draft, copy, slot.book, slot.asked, (sent_at + ahead) // SECOND * SECOND)
    if order is None:
        return False
    slots = tuple(replace(one, order_id=order.order_id) if one is slot else one for one in copy.slots)
    draft.copies.put(replace(copy, slots=slots, updated_at=draft.now))
    return True
