"""Parts: the orders into which the broker cut one placement (scenario 1.6), each of them followed as a placement.

One call makes several orders. They carry its correlation id, or only the answer names them; a frame of one may come
before the answer, and the answer may name one of them alone. So a placement that was cut begins as one, and each order
that turns up takes its part out of what is left.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from copyctl.core.keys import order_key
from copyctl.core.plan import of
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.order import Order
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy
from copyctl.model.request import RequestKind


def place_of(copy: Copy, order: Order) -> Slot | None:
    """The placement that an order of the follower is, as far as is known: by its id, else by our correlation id."""
    known = next((slot for slot in copy.slots if slot.order_id == order.order_id), None)
    if known is not None:
        return known
    unclaimed = (slot for slot in copy.slots if not slot.order_id and slot.correlation_id == order.correlation_id)
    return next(unclaimed, None)


def claim(copy: Copy, slot: Slot, order_id: str, units: int, now: int) -> Copy:
    """The copy where ``units`` of a placement that was cut are this order, and the rest of it is a part of its own."""
    units = min(units, slot.asked.quantity)
    rest = slot.asked.quantity - units
    slots = list(copy.slots)
    slots[slot.revision] = replace(slot, order_id=order_id, asked=of(slot.asked, units))
    if rest:
        part = replace(
            slot, revision=len(slots), part=len(slots), asked=of(slot.asked, rest), asked_at=slot.asked_at or now
        )
        slots.append(part)
    return replace(copy, slots=tuple(slots))


def claim_named(draft: Draft, copy: Copy, revision: int, order_ids: Sequence[str]) -> Copy:
    """The copy with the orders that an answer names as parts of this placement."""
    correlation_id = copy.slots[revision].correlation_id
    for order_id in order_ids:
        if any(slot.order_id == order_id for slot in copy.slots):
            continue
        slot = next((one for one in copy.slots if one.correlation_id == correlation_id and not one.order_id), None)
        if slot is None:
            break  # the broker cut it into more than we knew of: the book shows what they are
        order = draft.orders.get(order_key(copy.follower, order_id))
        shown = order.terms.quantity if order is not None and order.terms is not None else 0
        copy = claim(copy, slot, order_id, shown or slot.cut, draft.now)
    return copy


def fitted(copy: Copy, slot: Slot, order: Order) -> Copy:
    """The copy where a part has the size that the broker shows: it cuts as it likes, and what one part has more another
    one has less."""
    shown = order.terms.quantity if order.terms is not None else 0
    more = shown - slot.asked.quantity
    if not (slot.cut and shown and more) or slot.confirmed or slot.modifications:
        return copy
    slots = list(copy.slots)
    slots[slot.revision] = replace(slot, asked=of(slot.asked, shown))
    for rest in reversed(slots):
        if rest.unseen and rest.correlation_id == slot.correlation_id and rest.revision != slot.revision:
            left = max(0, rest.asked.quantity - more)
            standing = rest.standing if left else Standing.WITHDRAWN
            slots[rest.revision] = replace(rest, asked=of(rest.asked, left), standing=standing)
            break
    else:
        if more < 0:
            part = len(slots)
            slots.append(replace(slot, revision=part, part=part, order_id="", asked=of(slot.asked, -more), filled=0))
    return replace(copy, slots=tuple(slots))


def is_parted(copy: Copy, slot: Slot) -> bool:
    """Is it one part of a placement of which others stand?"""
    if not slot.cut and not slot.part:
        return False
    return any(one.at_broker and one.revision != slot.revision for one in copy.slots)


def give_up_unseen(draft: Draft, account: str, asked_at: int, *, absent_for: int) -> None:
    """Parts that the broker took and that nobody finds, long enough after: better to miss them than to double them.
    They are not sent again, and a person is told."""
    for copy in draft.open_copies(account):
        gone = [
            slot
            for slot in copy.slots
            if slot.unseen
            and 0 < slot.asked_at <= asked_at - absent_for
            and draft.requests.get(f"{slot.correlation_id}/{RequestKind.PLACE}") is None
        ]
        if not gone:
            continue
        ended = tuple(
            replace(one, standing=Standing.ENDED, left_alone=True) if one in gone else one for one in copy.slots
        )
        draft.copies.put(replace(copy, slots=ended, updated_at=draft.now))
        units = sum(slot.asked.quantity for slot in gone)
        text = f"{units} units of {gone[0].correlation_id} are in no order that the broker shows: look into its book"
        alert(draft, Alert.UNRESOLVED, text, row=copy.leader_order_id, follower=account)
