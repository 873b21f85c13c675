"""Native legs: the exits that the broker itself keeps for what an entry of ours fills (super orders, BO, CO).

They come with the entry, with no call of their own. Each is taken over as the order of the row that the leader's leg of
the same kind has, and is steered there like any exit: its price follows the leader's, it is cancelled with his, and
ended where it would close more than there is. Its quantity is the broker's doing, and of two of one entry the broker
ends one when the other trades: they close the same units.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.exit_plan import Portion
from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, instrument_key, leader_id, order_key, policy_mark
from copyctl.core.naming import LEGGED, leg_name
from copyctl.core.stakes import Exit
from copyctl.core.state import Draft
from copyctl.core.wish import trailed
from copyctl.model.effects import ReadBooks
from copyctl.model.order import Bracket, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Book, Decision, Leg, Validity

EXITS = (Leg.STOP_LOSS, Leg.TARGET)
COMES_WITHIN = 2 * SECOND
"""A book that was asked for so long after an entry filled shows what hangs on it."""


def adopt_leg(draft: Draft, order: Order) -> None:
    """Take a leg of a follower's over where its entry is known to be ours."""
    if not order.is_leg or not order.parent_id:
        return
    key = draft.state.copy_of.get(order_key(order.account, order.parent_id))
    entry = draft.copies.get(key) if key is not None else None
    placed = next((slot for slot in entry.slots if slot.order_id == order.parent_id), None) if entry else None
    if entry is not None and placed is not None:
        _adopt(draft, entry, placed, order)


def adopt_legs(draft: Draft, entry: Copy, placed: Slot) -> None:
    """Take over the legs of an entry that are known already."""
    if entry.exit or not placed.order_id:
        return
    for leg in EXITS:
        order = draft.orders.get(order_key(entry.follower, leg_name(placed.order_id, leg)))
        if order is not None:
            _adopt(draft, entry, placed, order)


def _adopt(draft: Draft, entry: Copy, placed: Slot, order: Order) -> None:
    if order.terms is None or order.side is None or entry.wanted is None:
        return
    row = leg_name(leader_id(entry.leader_order_id), order.leg)
    before = draft.copies.get(copy_key(row, entry.follower))
    if before is not None and any(slot.order_id == order.order_id for slot in before.slots):
        return
    copy = before or Copy(
        leader_order_id=row,
        follower=entry.follower,
        decision=Decision.QUEUED,
        policy=policy_mark(draft.rules),
        created_at=draft.now,
        updated_at=draft.now,
    )
    trail = placed.asked.bracket.trail if placed.asked.bracket is not None else order.terms.price * 0
    asked = with_trail(order.terms, order.leg, trail)
    slot = Slot(
        revision=len(copy.slots),
        correlation_id=f"{placed.correlation_id}:{order.leg}",
        asked=asked,
        standing=Standing.WORKING,
        sent=True,
        order_id=order.order_id,
        confirmed=True,
        book=placed.book,
        leg=order.leg,
        asked_at=draft.now,
        decided_at=order.seen_at,
    )
    wanted = Desired(
        side=order.side,
        segment=entry.wanted.segment,
        security_id=entry.wanted.security_id,
        product=entry.wanted.product,
        terms=asked,
    )
    said = "comes with the entry: the broker keeps it"
    draft.moved[(entry.follower, instrument_key(wanted.segment, wanted.security_id))] = None
    draft.copies.put(
        replace(
            copy,
            exit=True,
            decision=Decision.COPIED,
            reason=copy.note,
            detail=said,
            sized=said,
            rule=entry.rule,
            wanted=wanted,
            pursued=wanted,
            slots=(*copy.slots, slot),
            updated_at=draft.now,
        )
    )


def with_trail(terms: Terms, leg: Leg, trail: Decimal) -> Terms:
    """The terms of a leg with what a change of it must say: a stop that is changed without its step trails no more."""
    price = terms.trigger_price if leg is Leg.STOP_LOSS else terms.price
    told = Bracket(stop=price, trail=trail) if leg is Leg.STOP_LOSS else Bracket(target=price)
    return replace(terms, bracket=told)


def as_shown(slot: Slot, order: Order) -> Slot:
    """The placement with what the broker does to a leg by itself: its quantity follows entry and fills, its trigger the
    market where it trails."""
    shown = order.terms
    if not slot.native or shown is None:
        return slot
    asked = replace(slot.asked, quantity=shown.quantity)
    bracket = asked.bracket
    moved = shown.trigger_price
    if (
        bracket is not None
        and order.side is not None
        and trailed(asked.trigger_price, moved, bracket.trail, order.side)
    ):
        asked = replace(asked, trigger_price=moved, bracket=replace(bracket, stop=moved))
    return replace(slot, asked=asked)


def ended_by_the_broker(draft: Draft, slot: Slot, order: Order) -> bool:
    """Is the end of a leg the broker's own doing: the other one has traded, or their entry is no more?"""
    if not slot.native:
        return False
    beside = draft.orders.get(order_key(order.account, other_of(slot)))
    entry = draft.orders.get(order_key(order.account, order.parent_id))
    traded = beside is not None and (beside.filled > 0 or beside.over)
    return traded or (entry is not None and entry.over and entry.filled < (entry.terms.quantity if entry.terms else 0))


def end_with_entry(draft: Draft, entry: Copy, placed: Slot) -> None:
    """An entry's cancel ends everything that hangs on it (Dhan API v2, cancel super order)."""
    if placed.book is not Book.SUPER or placed.native:
        return
    for leg in EXITS:
        copy = draft.copies.get(copy_key(leg_name(leader_id(entry.leader_order_id), leg), entry.follower))
        name = leg_name(placed.order_id, leg)
        if copy is None or not any(slot.order_id == name and slot.live for slot in copy.slots):
            continue
        slots = tuple(replace(slot, cancel_asked=True) if slot.order_id == name else slot for slot in copy.slots)
        draft.copies.put(replace(copy, slots=slots, updated_at=draft.now))


def is_to_come(draft: Draft, order: Order | None, copy: Copy) -> bool:
    """Does the broker keep an exit for us that is not seen yet, so that none of ours may take its place? It comes with
    the first fill of our entry; where the book of super orders, read well after that, lacks it, it does not."""
    if order is None or not order.is_leg:
        return False
    entry = draft.copies.get(copy_key(order.parent_id, copy.follower))
    kept = [slot for slot in entry.slots if slot.asked.bracket is not None and slot.filled] if entry is not None else []
    names = [leg_name(slot.order_id, order.leg) for slot in kept]
    if not kept or any(draft.orders.get(order_key(copy.follower, name)) is not None for name in names):
        return False
    shown = [draft.orders.get(order_key(copy.follower, slot.order_id)) for slot in kept]
    filled_at = max((one.newest_as_of for one in shown if one is not None), default=draft.now)
    account = draft.account(copy.follower)
    read_at = account.books_at if kept[-1].book is Book.DAY else account.special_at
    if read_at > filled_at + COMES_WITHIN:
        return False
    if read_at < draft.now - COMES_WITHIN // 2:
        draft.effects.append(ReadBooks(account=copy.follower, special=True))
    return True


def live_leg(copy: Copy) -> Slot | None:
    """The leg of ours that is open in this row."""
    return next((slot for slot in copy.slots if slot.native and slot.live and not slot.cancel_asked), None)


def other_of(slot: Slot) -> str:
    """The order of the other leg of the same entry."""
    other = Leg.TARGET if slot.leg is Leg.STOP_LOSS else Leg.STOP_LOSS
    return leg_name(slot.order_id.partition(":")[0], other)


def pairs(copies: Iterable[Copy]) -> list[tuple[str, str]]:
    """The rows whose open legs belong to one entry."""
    found: dict[str, list[str]] = {}
    for copy in copies:
        slot = live_leg(copy)
        if slot is not None:
            found.setdefault(slot.order_id.partition(":")[0], []).append(copy.leader_order_id)
    return [(rows[0], rows[1]) for rows in found.values() if len(rows) == 2]


def with_legs(draft: Draft, exits: Sequence[Exit], portions: Mapping[str, Portion]) -> dict[str, Portion]:
    """The portions, those of open legs as the broker deals with them: each of two offers what either does, for it ends
    one with the other, and its quantity is its own doing. While one has just traded the other is left to the broker."""
    joint, rows = dict(portions), {one.key: one for one in exits}
    for one, other in pairs(row.copy for row in exits):
        if rows[one].copy.urgent or rows[other].copy.urgent:
            continue
        rest = max(portions[one].rest, portions[other].rest)
        for mine, beside in ((one, other), (other, one)):
            if not _given_up_alone(rows[mine], rows[beside]):
                joint[mine] = Portion(owed=portions[mine].owed, rest=rest + portions[beside].owed)
    for key, row in rows.items():
        slot = live_leg(row.copy)
        if slot is None or row.copy.urgent:
            continue
        leaves = max(0, slot.asked.quantity - slot.filled)
        wanted = leaves if looks_at(draft, row.copy) else joint[key].rest + joint[key].owed
        owed = min(leaves, joint[key].owed)
        joint[key] = Portion(owed=owed, rest=max(0, min(leaves, wanted) - owed))
    return joint


def _given_up_alone(mine: Exit, beside: Exit) -> bool:
    """Has the leader cancelled this leg of his while the other one rests on?"""
    return mine.order is not None and mine.order.over and not mine.order.filled and beside.live


def looks_at(draft: Draft, copy: Copy) -> int:
    """Until when a leg is left to the broker, since the other one of its entry has just traded (ns), 0: it is not."""
    slot = live_leg(copy)
    beside = draft.orders.get(order_key(copy.follower, other_of(slot))) if slot is not None else None
    until = beside.newest_as_of + COMES_WITHIN if beside is not None and beside.filled else 0
    return until if until > draft.now else 0


def book_of(wanted: Desired) -> Book:
    """In which of the broker's books an order lives that is wanted so; exits of CO and BO hang on one of the day."""
    if wanted.terms.validity is Validity.FOREVER:
        return Book.FOREVER
    return Book.SUPER if wanted.terms.bracket is not None and wanted.product not in LEGGED else Book.DAY
