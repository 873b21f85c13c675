"""Naming: under which name an order is kept, where the broker's own id does not tell it from others, or not always.

A leg of a super, CO or BO order may carry an id of its own or its entry's, here so and there so: it is kept under its
entry's id and its leg. The order that a forever order becomes when it triggers has an id of its own: it is the forever
order's life going on, and is kept as that.
"""

from msgspec.structs import replace

from copyctl.core.keys import order_key
from copyctl.core.state import Draft
from copyctl.model.order import ExecutionReport, Fill, Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.model.terms import Book, Leg, OrderStatus, Product, Source, Validity

LEGGED = frozenset({Product.CO, Product.BO})
"""Products whose exits hang on an order of the day; all others with legs are super orders, which have a book."""
_WAITING = (OrderStatus.TRANSIT, OrderStatus.PENDING)


def leg_name(entry_id: str, leg: Leg) -> str:
    """The name of a leg."""
    return f"{entry_id}:{leg}"


def is_forever(terms: Terms | None) -> bool:
    """Are these the terms of a forever order?"""
    return terms is not None and terms.validity is Validity.FOREVER


def named(draft: Draft, report: ExecutionReport) -> ExecutionReport | None:
    """The report under the name by which its order is kept; None where it says nothing yet: the book of its own kind
    will tell of the order."""
    if report.number:
        return report  # it has its name already
    if is_forever(report.terms):
        return report if report.source is Source.BOOK else None
    if report.source is Source.STREAM and _is_listed(draft, report):
        return None
    name = draft.name_of(report.account, report.order_id)
    known = draft.orders.get(order_key(report.account, name)) if name else None
    if known is not None and known.forever:
        return as_forever(known, report)
    if known is not None:
        return replace(report, order_id=name, number=report.order_id, leg=known.leg, parent_id=known.parent_id)
    if report.of_forever:
        parent = _parent_of(draft, report)
        if parent is None and on_their_way(draft, report.account):
            return None  # it may be what that became
        return as_forever(parent, report) if parent is not None else report
    return report if report.leg is Leg.ENTRY else _as_leg(draft, report)


def _is_listed(draft: Draft, report: ExecutionReport) -> bool:
    """Is it about an armed forever order itself? Frames of one may say that it is of the day, and name a leg of it."""
    known = draft.orders.get(order_key(report.account, report.order_id))
    return known is not None and known.forever


def _as_leg(draft: Draft, report: ExecutionReport) -> ExecutionReport | None:
    own, parent = report.order_id, report.parent_id
    if not parent and _entry(draft, report.account, own) is not None:
        parent = own
    if not parent and report.product in LEGGED:
        parent = _entry_beside(draft, report)
    elif not parent:
        return None
    if not parent:
        return replace(report, order_id=leg_name(own, report.leg), number=own)
    number = own if own != parent else ""
    return replace(report, order_id=leg_name(parent, report.leg), number=number, parent_id=parent)


def _entry(draft: Draft, account: str, order_id: str) -> Order | None:
    found = draft.orders.get(order_key(account, order_id))
    return found if found is not None and not found.is_leg else None


def _entry_beside(draft: Draft, report: ExecutionReport) -> str:
    """The id of the CO or BO entry that a row without a word on it belongs to: the newest in that instrument and
    product, on the other side, that has filled; "" for none."""
    fits = [
        order
        for order in draft.orders.values()
        if (order.account, order.segment, order.security_id) == (report.account, report.segment, report.security_id)
        and order.product is report.product
        and not order.is_leg
        and order.filled
        and order.side is not report.side
    ]
    return max(fits, key=lambda one: (one.created_time, one.order_id)).order_id if fits else ""


def order_of_fill(draft: Draft, fill: Fill) -> Order | None:
    """The order that a trade is of. Under an id that legs share with their entry the side tells them apart, and which
    of them has traded."""
    name = draft.name_of(fill.account, fill.order_id) or fill.order_id
    order = draft.orders.get(order_key(fill.account, name))
    if order is None or order.side in (None, fill.side):
        return order
    legs = (draft.orders.get(order_key(fill.account, leg_name(name, leg))) for leg in Leg)
    return next((leg for leg in legs if leg is not None and leg.filled), order)


# --- forever orders -------------------------------------------------------------------------------------------------


def as_forever(forever: Order, child: ExecutionReport) -> ExecutionReport:
    """What the order that a forever order became says of it. Its terms are the exchange's doing, and its id is kept to
    change and cancel it by."""
    status = OrderStatus.TRIGGERED if child.status in _WAITING else child.status
    return replace(
        child,
        order_id=forever.order_id,
        number=child.order_id,
        status=status,
        terms=None,
        leg=forever.leg,
        parent_id="",
        of_forever=False,
        correlation_id="",
    )


def _parent_of(draft: Draft, child: ExecutionReport) -> Order | None:
    if child.parent_id:
        return draft.orders.get(order_key(child.account, child.parent_id))
    return next((one for one in draft.forever_of(child.account) if becomes(one, child)), None)


def on_their_way(draft: Draft, account: str) -> list[tuple[Copy, Slot]]:
    """Forever orders of ours that were sent and are not answered yet: they may have triggered by then."""
    return [
        (copy, slot)
        for copy in draft.open_copies(account)
        for slot in copy.slots
        if slot.book is Book.FOREVER and slot.live and slot.sent and not slot.order_id
    ]


def becomes(forever: Order, report: ExecutionReport) -> bool:
    """May this be what a forever order became, by all that both say? Rows of the order book name no parent."""
    if not forever.armed or forever.terms is None or report.terms is None or report.super_order:
        return False
    if (forever.segment, forever.security_id, forever.side) != (report.segment, report.security_id, report.side):
        return False
    if report.product not in (None, forever.product) or report.leg is not Leg.ENTRY:
        return False
    terms, second = forever.terms, forever.terms.second
    legs = [(terms.quantity, terms.price), *([(second.quantity, second.price)] if second is not None else [])]
    return any(report.terms.quantity == units and (not price or report.terms.price == price) for units, price in legs)
