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
from copyctl.model.order import ZERO, Bracket, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy
from copyctl.model.request import Desired, RequestKind
from copyctl.model.terms import Book, Decision, Leg, Side, Validity

EXITS = (Leg.STOP_LOSS, Leg.TARGET)
COMES_WITHIN = 2 * SECOND
"""A book that was asked for so long after an entry filled shows what hangs on it."""
LOOK_AGAIN_AFTER = SECOND // 4
"""What hangs on a book that is being read is looked at again after this."""


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
    trail = placed.asked.bracket.trail if placed.asked.bracket is not None else ZERO
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
    trail = bracket.trail if bracket is not None else ZERO
    if bracket is not None and order.side is not None and trailed(asked.trigger_price, moved, trail, order.side):
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
    rows = (draft.copies.get(copy_key(row, copy.follower)) for row in (order.parent_id, f"{order.parent_id}#entry"))
    entry = next((row for row in rows if row is not None and not row.exit), None)
    kept = [slot for slot in entry.slots if slot.asked.bracket is not None and slot.filled] if entry is not None else []
    names = [leg_name(slot.order_id, order.leg) for slot in kept]
    if not kept or any(draft.orders.get(order_key(copy.follower, name)) is not None for name in names):
        return False
    if not any(_may_come(draft, entry, slot) for slot in kept if entry is not None):
        return False
    if draft.account(copy.follower).special_at < draft.now - COMES_WITHIN // 2:
        draft.effects.append(ReadBooks(account=copy.follower, special=True))
    return True


def live_leg(draft: Draft, copy: Copy) -> Slot | None:
    """The leg of ours that is open in this row, and that we have not asked to end."""
    for slot in copy.slots:
        if slot.native and slot.live and not slot.cancel_asked:
            return slot if draft.requests.get(f"{slot.name}/{RequestKind.CANCEL}") is None else None
    return None


def most_of(draft: Draft, copy: Copy, slot: Slot) -> int:
    """The largest total that a leg may have at the broker by now: it grows with the fills of its entry by itself."""
    entry = draft.orders.get(order_key(copy.follower, slot.order_id.partition(":")[0]))
    other = draft.orders.get(order_key(copy.follower, other_of(slot)))
    brought = entry.filled - (other.filled if other is not None else 0) if entry is not None else 0
    return max(slot.asked.quantity, brought)


def not_seen_yet(draft: Draft, account: str, instrument: str, sign: int) -> int:
    """Units that legs may close of which the broker has shown nothing yet: those of entries that have just filled."""
    units = 0
    for copy in draft.unsettled_copies_in(account, instrument):
        if copy.exit or copy.wanted is None or (1 if copy.wanted.side is Side.BUY else -1) != sign:
            continue
        for slot in copy.slots:
            kept = slot.asked.bracket
            if kept is None or not slot.filled or not slot.order_id or not _may_come(draft, copy, slot):
                continue
            there = [leg for leg, price in ((Leg.STOP_LOSS, kept.stop), (Leg.TARGET, kept.target)) if price]
            legs = [draft.orders.get(order_key(account, leg_name(slot.order_id, leg))) for leg in there]
            if None in legs and not any(leg is not None and not leg.over for leg in legs):
                units += slot.filled
    return units


def _may_come(draft: Draft, copy: Copy, slot: Slot) -> bool:
    """May the legs of an entry that has filled be there, though nothing has shown them yet?"""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    filled_at = order.newest_as_of if order is not None else draft.now
    account = draft.account(copy.follower)
    read_at = account.books_at if slot.book is Book.DAY else account.special_at
    return read_at <= filled_at + COMES_WITHIN


def other_of(slot: Slot) -> str:
    """The order of the other leg of the same entry."""
    other = Leg.TARGET if slot.leg is Leg.STOP_LOSS else Leg.STOP_LOSS
    return leg_name(slot.order_id.partition(":")[0], other)


def pairs(draft: Draft, exits: Iterable[Exit]) -> list[tuple[str, str]]:
    """The rows whose open legs belong to one entry."""
    found: dict[str, list[str]] = {}
    for one in exits:
        slot = live_leg(draft, one.copy)
        if slot is not None:
            found.setdefault(slot.order_id.partition(":")[0], []).append(one.key)
    return [(rows[0], rows[1]) for rows in found.values() if len(rows) == 2]


def with_legs(draft: Draft, exits: Sequence[Exit], portions: Mapping[str, Portion]) -> dict[str, Portion]:
    """The portions, those of open legs as the broker deals with them: each of two offers what either does, for it ends
    one with the other, and its quantity is its own doing. While one has just traded the other is left to the broker."""
    joint, rows = dict(portions), {one.key: one for one in exits}
    for one, other in pairs(draft, exits):
        if rows[one].copy.urgent or rows[other].copy.urgent:
            continue
        rest = max(portions[one].rest, portions[other].rest)
        for mine, beside in ((one, other), (other, one)):
            if not _given_up_alone(rows[mine], rows[beside]) or _is_in_doubt(draft, rows[mine]):
                joint[mine] = Portion(owed=portions[mine].owed, rest=rest + portions[beside].owed)
    for key, row in rows.items():
        slot = live_leg(draft, row.copy)
        if slot is None or row.copy.urgent:
            continue
        leaves = max(0, slot.asked.quantity - slot.filled)
        wanted = leaves if _other_traded_until(draft, row.copy) else joint[key].rest + joint[key].owed
        owed = min(leaves, joint[key].owed)
        joint[key] = Portion(owed=owed, rest=max(0, min(leaves, wanted) - owed))
    return joint


THROUGH_ITS_TARGET = "the broker closes it by its own legs alone"
"""Why the target of a BO goes to the market (``Copy.urgent``)."""


def through_the_target(
    draft: Draft, exits: Sequence[Exit], portions: Mapping[str, Portion], *, cap: int
) -> tuple[dict[str, Portion], str]:
    """A position in BO is closed by its own legs alone: no other order of that product comes without legs. So what has
    to be closed, all of it, goes by the target, at a limit through the market, and the legs stay until it has traded;
    so do legs that the leader has given up both, for without them his position can but be closed next. Returns the
    legs' portions, and the row of the target, "" where it is not called upon."""
    legs = {one.key: slot for one in exits if (slot := live_leg(draft, one.copy)) is not None}
    target = next((key for key, slot in legs.items() if slot.leg is Leg.TARGET), "")
    leaves = {key: max(0, slot.asked.quantity - slot.filled) for key, slot in legs.items()}
    owed = sum(portion.owed for portion in portions.values())
    by_others = any(portions[one.key].owed for one in exits if one.key not in legs)
    late = any(one.copy.urgent for one in exits if one.key in legs)
    his = [one.order for one in exits if one.key in legs]
    given_up = all(order is not None and order.over and not order.filled for order in his)
    goes = by_others or late
    if not target or not (goes or given_up) or cap < leaves[target] or (goes and owed < leaves[target]):
        return {}, ""
    return {key: Portion(rest=units) for key, units in leaves.items()}, target if goes else ""


def _given_up_alone(mine: Exit, beside: Exit) -> bool:
    """Has the leader cancelled this leg of his while the other one rests on?"""
    return mine.order is not None and mine.order.over and not mine.order.filled and beside.live


def _is_in_doubt(draft: Draft, mine: Exit) -> bool:
    """May the end of the leader's leg be his broker's doing, the other one having traded? Frames of both come one after
    the other: his book tells."""
    order = mine.order
    if order is None or not order.over or order.filled or order.book_as_of >= order.newest_as_of:
        return False
    account = draft.account(order.account)
    return (account.special_at if order.super_order else account.books_at) <= order.newest_as_of


def looks_at(draft: Draft, one: Exit, copy: Copy) -> int:
    """When a leg is looked at again whatever happens (ns), 0: never. In doubt the leader's books are read."""
    if live_leg(draft, copy) is None:
        return 0
    if _is_in_doubt(draft, one) and one.order is not None:
        draft.effects.append(ReadBooks(account=one.order.account, special=True))
        return draft.now + LOOK_AGAIN_AFTER
    return _other_traded_until(draft, copy)


def _other_traded_until(draft: Draft, copy: Copy) -> int:
    """Until when a leg is left to the broker, since the other one of its entry has just traded (ns), 0: it is not."""
    slot = live_leg(draft, copy)
    beside = draft.orders.get(order_key(copy.follower, other_of(slot))) if slot is not None else None
    until = beside.newest_as_of + COMES_WITHIN if beside is not None and beside.filled else 0
    return until if until > draft.now else 0


def book_of(wanted: Desired) -> Book:
    """In which of the broker's books an order lives that is wanted so; exits of CO and BO hang on one of the day."""
    if wanted.terms.validity is Validity.FOREVER:
        return Book.FOREVER
    return Book.SUPER if wanted.terms.bracket is not None and wanted.product not in LEGGED else Book.DAY
