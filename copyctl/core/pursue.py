"""Pursuing: a copy's wanted order turned into requests, by the plan.

One placement has at most one request of each kind at a time, named after its correlation id; the newest wish replaces
what still waits. A placement that has not left is taken back without a call.
"""

import dataclasses
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.core.correlation import correlation_id, stem_of
from copyctl.core.freeze import NO_FREEZE, Freeze, freeze_of
from copyctl.core.index import instrument_of
from copyctl.core.keys import order_key
from copyctl.core.native_legs import book_of, end_with_entry
from copyctl.core.plan import Action, Alter, Begin, End, Working, of, plan, plan_traded
from copyctl.core.stakes import mapping_of
from copyctl.core.state import Draft
from copyctl.core.wish import same_order
from copyctl.model.choices import CopyOn
from copyctl.model.effects import ReadBooks
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Resilience, Rules
from copyctl.model.reasons import Category, Reason, rejected
from copyctl.model.records import Copy
from copyctl.model.request import Desired, Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision, Leg, OrderStatus

LAG_ACTION = "lag action"
"""What a copy has given word of once ``fills.lag_action`` was taken."""
LONGEST_GAP = 8
"""So many placements in a row without a row at the broker end the search for those that have one."""


def request_id(slot: Slot, kind: RequestKind) -> str:
    """The one name of a placement's request of this kind. What places it places all its parts."""
    return f"{slot.correlation_id if kind is RequestKind.PLACE else slot.name}/{kind}"


def pursue(draft: Draft, rules: Rules, copy: Copy, leader: Order, follower: Follower) -> Copy:
    """The copy after everything was asked for that can be asked for now."""
    if copy.wanted is None and not (copy.closing and copy.slots):
        return copy
    wanted = copy.wanted.terms if copy.wanted is not None else copy.slots[-1].asked
    changed = copy.wanted != copy.pursued
    if changed and copy.slots and not copy.closing and draft.account(copy.follower).killed_at and not _only_less(copy):
        copy = replace(copy, stopped=True)
    closing = copy.closing or copy.stopped or bool(copy.given_up)
    slots = [working(draft, copy, slot) for slot in copy.slots]
    most = rules.rate_limits.modifications_per_order
    freeze = freeze_for(draft, copy, follower)
    if follower.policy.copy_on is CopyOn.TRADED and not closing:
        made = plan_traded(wanted, slots, changed=changed, most_modifications=most, freeze=freeze)
    else:
        made = plan(wanted, slots, changed=changed, closing=closing, most_modifications=most, freeze=freeze)
    for action in made.actions:
        copy = act(draft, rules, copy, action, leader.newest_as_of)
    if made.waits and any(slot.ends_itself for slot in copy.slots):
        draft.effects.append(ReadBooks(account=copy.follower))
    return replace(copy, pursued=copy.wanted) if changed and not made.waits else copy


def freeze_for(draft: Draft, copy: Copy, follower: Follower) -> Freeze:
    """How large one order of this copy may be. The broker cuts nothing that is not an order of the day."""
    wanted = copy.wanted
    instrument = draft.instruments.get(instrument_of(copy)) if wanted is not None else None
    if wanted is None or instrument is None or book_of(wanted) is not Book.DAY:
        return NO_FREEZE
    return freeze_of(mapping_of(follower, copy.rule), instrument)


def placed_already(draft: Draft, rules: Rules, copy: Copy) -> list[Order]:
    """The orders that carry this copy's ids at the broker: the store was lost, or is a new one.

    A placement that was refused at once left no row there, so a gap in the revisions is not their end.
    """
    first = correlation_of(rules, copy, 0)
    if not draft.is_known(copy.follower, stem_of(first)):
        return []
    stem, found, gap, revision = first[: -len("0")], [], 0, 0
    while gap < LONGEST_GAP:
        orders = draft.orders_with(copy.follower, f"{stem}{revision}")
        gap = 0 if orders else gap + 1
        revision += 1
        found.extend(orders)
    return found


def adopt(copy: Copy, orders: list[Order], now: int) -> Copy:
    """Take these orders over as the placements of this copy, and place nothing a second time."""
    slots: list[Slot] = []
    for order in orders:
        revision = int(order.correlation_id.rpartition("-")[2])
        wanted = copy.wanted.terms if copy.wanted is not None else order.terms
        if wanted is None:
            raise ValueError(f"order {order.order_id} shows no terms")
        for missing in range(len(slots), revision):
            correlation_id = f"{order.correlation_id.rpartition('-')[0]}-{missing}"
            nothing = of(wanted, 0)
            slots.append(
                Slot(revision=missing, correlation_id=correlation_id, asked=nothing, standing=Standing.WITHDRAWN)
            )
        part = sum(slot.correlation_id == order.correlation_id for slot in slots)
        slots.append(replace(as_placement(order, len(slots), wanted, now), part=part))
    copy = replace(copy, slots=tuple(slots), pursued=copy.wanted)
    last = slots[-1]
    if last.standing is not Standing.REJECTED or copy.filled:
        return copy
    reason = rejected(Category(last.rejected_as))
    return replace(copy, decision=Decision.DEAD, reason=reason, detail=orders[-1].text, dead_at=now)


def as_placement(order: Order, revision: int, wanted: Terms, now: int) -> Slot:
    """An order that is at the broker already, as a placement of a copy."""
    shown = order.terms or wanted
    book = Book.SUPER if order.super_order else Book.FOREVER if order.forever else Book.DAY
    asked = of(wanted, shown.quantity)
    standing = Standing.ENDED if order.over else Standing.WORKING
    refused = order.status is OrderStatus.REJECTED
    return Slot(
        revision=revision,
        correlation_id=order.correlation_id,
        asked=asked if same_order(asked, shown) else shown,
        standing=Standing.REJECTED if refused else standing,
        rejected_as=(order.category or Category.UNKNOWN) if refused else "",
        sent=True,
        order_id=order.order_id,
        book=book,
        filled=order.filled,
        average_price=order.average_price,
        asked_at=now,
        confirmed=True,
        frame_at=order.seen_at,
        decided_at=order.seen_at,
    )


def correlation_of(rules: Rules, copy: Copy, revision: int) -> str:
    """The id of one placement of a copy."""
    return correlation_id(
        leader=rules.leader.client_id,
        follower=copy.follower,
        leader_order_id=copy.leader_order_id,
        revision=revision,
    )


def _only_less(copy: Copy) -> bool:
    """Does the new wish differ from the one pursued by a smaller quantity alone?"""
    if copy.wanted is None or copy.pursued is None:
        return False
    quantity = copy.wanted.terms.quantity
    less = replace(copy.pursued, terms=replace(copy.pursued.terms, quantity=quantity))
    return quantity < copy.pursued.terms.quantity and less == copy.wanted


def working(draft: Draft, copy: Copy, slot: Slot) -> Working:
    """The placement as the plan sees it."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    cancel = draft.requests.get(request_id(slot, RequestKind.CANCEL))
    waiting = _waiting(draft, slot) is not None
    done = slot.filled >= slot.asked.quantity or (order is not None and order.status is OrderStatus.TRADED)
    ended_by_us = slot.standing is Standing.ENDED and (slot.retired or slot.cancel_asked) and not done
    anew = slot.standing is Standing.REJECTED and slot.retired
    return Working(
        revision=slot.revision,
        asked=slot.asked,
        live=slot.live,
        filled=slot.filled,
        waiting=waiting,
        placing=not waiting and not slot.order_id,
        changing=modify is not None and modify.state is not RequestState.QUEUED,
        ending=cancel is not None or slot.cancel_asked,
        ends_itself=slot.ends_itself,
        done=done,
        owed=not slot.replaced and (slot.standing is Standing.ABSENT or ended_by_us or anew),
        lost=_is_lost(slot, owed=ended_by_us or anew, done=done),
        left_alone=slot.left_alone,
        modifications=slot.modifications,
        book=slot.book,
        native=slot.native,
        triggered=slot.book is Book.FOREVER and order is not None and bool(order.number),
    )


def _is_lost(slot: Slot, *, owed: bool, done: bool) -> bool:
    """Did it end at the broker, not by us, with something of it open, and has nothing taken its place?"""
    ended = slot.standing in (Standing.ENDED, Standing.REJECTED)
    return ended and not (owed or done or slot.replaced)


def _waiting(draft: Draft, slot: Slot) -> Request | None:
    """The request for this placement, where it has not left yet."""
    place = draft.requests.get(request_id(slot, RequestKind.PLACE))
    return place if place is not None and place.state is RequestState.QUEUED else None


def act(draft: Draft, rules: Rules, copy: Copy, action: Action, frame_at: int) -> Copy:
    """Have one action of a plan asked for. ``frame_at``: when the broker told what it answers to (ns)."""
    match action:
        case Begin():
            return _begin(draft, rules, copy, action, frame_at)
        case Alter():
            return _alter(draft, copy, action)
        case End():
            return _end(draft, copy, action)


def _begin(draft: Draft, rules: Rules, copy: Copy, action: Begin, frame_at: int) -> Copy:
    slot = Slot(
        revision=len(copy.slots),
        correlation_id=correlation_of(rules, copy, len(copy.slots)),
        asked=action.terms,
        urgent=action.urgent,
        cut=action.cut,
        book=book_of(replace(copy.wanted, terms=action.terms)) if copy.wanted is not None else Book.DAY,
        frame_at=frame_at,
        decided_at=draft.now,
    )
    request = _request(draft, copy, slot, RequestKind.PLACE, action.terms)
    draft.requests.put(replace(request, due_at=_not_before(draft, rules, copy)))
    return replace(copy, slots=(*(one if one.live else replace(one, replaced=True) for one in copy.slots), slot))


def _not_before(draft: Draft, rules: Rules, copy: Copy) -> int:
    """When an entry may leave that is placed anew since the exchange did not take it just now (ns), 0: at once. Of one
    that was cut a part may have been refused while the others stand."""
    parted = any(slot.part or slot.cut for slot in copy.slots)
    if copy.exit or copy.insisted or (copy.reason != Reason.RETRYING and not parted):
        return 0
    refused = sum(1 for slot in copy.slots if slot.standing is Standing.REJECTED and slot.retired)
    return draft.now + backoff(rules.resilience, refused) if refused else 0


def backoff(resilience: Resilience, attempts: int) -> int:
    """How long to wait before try number ``attempts`` + 1, ns."""
    return min(resilience.retries.maximum, resilience.retries.initial << min(30, max(0, attempts - 1)))


def _alter(draft: Draft, copy: Copy, action: Alter) -> Copy:
    slot = copy.slots[action.revision]
    kind = RequestKind.MODIFY if _waiting(draft, slot) is None else RequestKind.PLACE
    if kind is RequestKind.PLACE:
        book = book_of(replace(copy.wanted, terms=action.terms)) if copy.wanted is not None else slot.book
        slot = replace(slot, cut=action.cut, book=book)
    queued = draft.requests.get(request_id(slot, kind))
    urgent = slot.urgent or action.urgent
    if kind is RequestKind.MODIFY and slot.book is Book.FOREVER and not _same_first(action.terms, slot.asked):
        action = dataclasses.replace(action, terms=replace(action.terms, second=slot.asked.second))  # one leg a call
    fresh = _request(draft, copy, slot, kind, _as_it_stands(draft, copy, slot, action.terms))
    if kind is RequestKind.PLACE:
        fresh = replace(fresh, urgent=urgent)
    else:
        fresh = _change(draft, copy, slot, fresh, queued, urgent=action.urgent and not slot.urgent)
    draft.requests.put(fresh if queued is None else _anew(queued, fresh))
    slot = replace(slot, asked=action.terms, urgent=urgent, confirmed=False, changes_refused="", left_alone=False)
    return with_slot(copy, slot)


def _anew(queued: Request, fresh: Request) -> Request:
    """What waits, with what is wanted now."""
    wanted = replace(queued, desired=fresh.desired, urgent=fresh.urgent, before=fresh.before, cut=fresh.cut)
    return replace(wanted, slices=fresh.slices, book=fresh.book, leg=fresh.leg)


def _change(draft: Draft, copy: Copy, slot: Slot, fresh: Request, queued: Request | None, *, urgent: bool) -> Request:
    """A modification that says what it changes: the terms last asked for, of an order that somebody changed by hand
    those that are there."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    shown = order.terms if order is not None and slot.left_alone else None
    before = (queued.before if queued is not None else None) or shown or slot.asked
    quantity = fresh.desired.terms.quantity if fresh.desired is not None else before.quantity
    cut = _as_it_stands(draft, copy, replace(slot, asked=before), of(before, quantity))
    lags = LAG_ACTION in copy.told or (queued is not None and queued.urgent)
    return replace(fresh, urgent=urgent or lags, before=before, cut=cut if quantity < before.quantity else None)


def _as_it_stands(draft: Draft, copy: Copy, slot: Slot, terms: Terms) -> Terms:
    """These terms as the order can take them by now: a stop that has triggered is not armed a second time."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    shown = order.terms if order is not None else None
    if shown is None or shown.order_type.has_trigger or not terms.order_type.has_trigger:
        return terms
    if (terms.order_type, terms.trigger_price) != (slot.asked.order_type, slot.asked.trigger_price):
        return terms
    price = (terms.price or shown.price) if shown.order_type.has_price else ZERO
    return replace(terms, order_type=shown.order_type, price=price, trigger_price=ZERO)


def _end(draft: Draft, copy: Copy, action: End) -> Copy:
    slot = copy.slots[action.revision]
    waiting = _waiting(draft, slot)
    if waiting is not None:
        draft.requests.drop(waiting.request_id)
        return with_slot(copy, replace(slot, standing=Standing.WITHDRAWN))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    if modify is not None and modify.state is RequestState.QUEUED:  # it was never asked of the broker
        draft.requests.drop(modify.request_id)
        slot = replace(slot, asked=modify.before or slot.asked)
    draft.requests.put(_request(draft, copy, slot, RequestKind.CANCEL, None))
    end_with_entry(draft, copy, slot)
    return with_slot(copy, replace(slot, retired=action.anew))


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the broker finds an order: its book, its number where the name is ours, and the part that is meant."""

    book: Book
    number: str = ""
    leg: Leg = Leg.ENTRY


def address(draft: Draft, copy: Copy, slot: Slot, terms: Terms | None) -> Address:
    """Where the broker finds this placement. A forever order that has triggered is an order of the day by now; a leg is
    changed under its entry's number, of CO and BO under its own. ``terms``: what is asked of it."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id)) if slot.order_id else None
    if slot.native:
        entry = slot.order_id.partition(":")[0]
        own = order.number if order is not None and slot.book is Book.DAY else ""
        return Address(book=slot.book, number=own or entry, leg=slot.leg)
    if slot.book is Book.FOREVER and order is not None and order.number:
        return Address(book=Book.DAY, number=order.number)
    if slot.book is Book.FOREVER:
        first = order.leg if order is not None and order.book_as_of else Leg.TARGET
        is_second = terms is not None and terms.second is not None and terms.second != slot.asked.second
        return Address(book=slot.book, leg=Leg.STOP_LOSS if is_second and _same_first(terms, slot.asked) else first)
    return Address(book=slot.book)


def _same_first(terms: Terms | None, asked: Terms) -> bool:
    """Do these differ in the second leg alone?"""
    return terms is not None and replace(terms, second=asked.second) == asked


def _request(draft: Draft, copy: Copy, slot: Slot, kind: RequestKind, terms: Terms | None) -> Request:
    desired: Desired | None = None
    if terms is not None and copy.wanted is not None:
        desired = replace(copy.wanted, terms=terms)
    to = address(draft, copy, slot, terms)
    return Request(
        request_id=request_id(slot, kind),
        account=copy.follower,
        leader_order_id=copy.leader_order_id,
        revision=slot.revision,
        kind=kind,
        correlation_id=slot.correlation_id,
        order_id=slot.order_id,
        number=to.number,
        book=to.book,
        leg=to.leg,
        desired=desired,
        queued_at=draft.now,
        exit=copy.exit,
        urgent=slot.urgent and kind is RequestKind.PLACE,
        slices=-(-terms.quantity // slot.cut) if terms is not None and slot.cut and kind is RequestKind.PLACE else 0,
    )


def with_slot(copy: Copy, slot: Slot) -> Copy:
    """The copy with one placement replaced."""
    return replace(copy, slots=(*copy.slots[: slot.revision], slot, *copy.slots[slot.revision + 1 :]))
