"""Several placements (slices, replaced orders, both parts of a reversal), told as one order, as a trader sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from copyctl.model.order import Order
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy
from copyctl.model.terms import OrderStatus
from copyctl.report.followed import Followed
from copyctl.report.picture import Picture

_NEVER_THERE = frozenset({Standing.ABSENT, Standing.WITHDRAWN})
_WITHOUT_A_ROW = {
    Standing.WAITING: OrderStatus.TRANSIT,
    Standing.WORKING: OrderStatus.TRANSIT,
    Standing.ENDED: OrderStatus.CANCELLED,
    Standing.REJECTED: OrderStatus.REJECTED,
}
"""The broker's word for a placement of which no row was seen yet, or none is kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All placements of a row as one order. ``status`` is None where nothing of it is known to be at the broker."""

    order_ids: tuple[str, ...] = ()
    status: OrderStatus | None = None
    quantity: int = 0
    filled: int = 0
    average_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placement:
    slot: Slot
    order: Order | None

    @property
    def quantity(self) -> int:
        shown = self.order.terms if self.order else None
        return (shown or self.slot.asked).quantity

    @property
    def status(self) -> OrderStatus:
        seen = self.order.status if self.order else None
        return seen or _WITHOUT_A_ROW[self.slot.standing]


def whole(row: Followed, picture: Picture) -> Whole:
    """Quantity and filled added up, the average weighted by quantity, the status that one order would have."""
    parts = [(copy, placed) for copy in row.copies if (placed := _placements(copy, picture))]
    if not parts:
        return Whole()
    placements = [one for _, placed in parts for one in placed]
    quantity = sum(_quantity(placed, copy.wanted.terms.quantity if copy.wanted else 0) for copy, placed in parts)
    return Whole(
        order_ids=tuple(one.slot.order_id for one in placements if one.slot.order_id),
        status=_status(placements, quantity),
        quantity=quantity,
        filled=sum(one.slot.filled for one in placements),
        average_price=average_price(row.slots),
    )


def _placements(copy: Copy, picture: Picture) -> list[_Placement]:
    """Those of which something is known at the broker."""
    return [
        _Placement(slot=slot, order=picture.orders.get((copy.follower, slot.order_id)))
        for slot in copy.slots
        if slot.standing not in _NEVER_THERE and (slot.order_id or slot.standing is Standing.REJECTED)
    ]


def average_price(slots: Sequence[Slot]) -> Decimal | None:
    """The price of all that filled, weighted by quantity; None where nothing did."""
    filled = [slot for slot in slots if slot.filled and slot.average_price]
    units = sum(slot.filled for slot in filled)
    if len({slot.average_price for slot in filled}) == 1:
        return filled[0].average_price
    return sum((slot.average_price * slot.filled for slot in filled), Decimal(0)) / units if units else None


def _quantity(placements: Sequence[_Placement], wanted: int) -> int:
    """One order's total. Of a placement that another one replaced only what it filled belongs to it; one that others
    ended with a rest may have been replaced or be a part of its own: what is wanted tells which."""
    least = most = 0
    counted = [one for one in placements if one.slot.live] or placements[-1:]
    for one in placements:
        slot = one.slot
        replaced = slot.retired or slot.cancel_asked or slot.standing is Standing.REJECTED
        counts = one in counted
        least += one.quantity if counts else slot.filled
        most += slot.filled if replaced and not counts else one.quantity
    return min(most, max(least, wanted))


def _status(placements: Sequence[_Placement], quantity: int) -> OrderStatus:
    last = placements[-1]
    if len(placements) == 1:
        return last.status
    filled = sum(one.slot.filled for one in placements)
    live = [one.status for one in placements if one.slot.live]
    if live:
        return OrderStatus.PART_TRADED if filled else max(live, key=lambda status: status.progress)
    if filled and filled >= quantity:
        return OrderStatus.TRADED
    if filled and last.status in (OrderStatus.REJECTED, OrderStatus.TRADED):
        return OrderStatus.CANCELLED
    return last.status
