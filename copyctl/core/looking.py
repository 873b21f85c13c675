"""Looking: a request of unknown fate is settled by looking, never by sending again on a guess.

A placement is looked for by its correlation id and in the order book, over some seconds, since Dhan's look-up cannot
see an order that is still in TRANSIT; one that lives in a book of its own, in that. A modification is settled by
reading the book. What the last process left on its way is of unknown fate too.
"""

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, order_key
from copyctl.core.likeness import found_by_likeness
from copyctl.core.parts import give_up_unseen
from copyctl.core.pursue import with_slot
from copyctl.core.settle import LOOK_EVERY, alert_of
from copyctl.core.state import Draft
from copyctl.core.wish import same_order
from copyctl.model.alerts import Alert
from copyctl.model.effects import Look, ReadBooks
from copyctl.model.events import BooksRead, Looked
from copyctl.model.order import Order
from copyctl.model.placement import Standing
from copyctl.model.policy import Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision

FIRST_LOOK_AFTER = SECOND // 4
TAKES_PLACE_WITHIN = SECOND
"""A book that was asked for so long after a modification was sent shows whether it took place."""


def looked(draft: Draft, rules: Rules, event: Looked) -> None:
    """Take in one look for a placement of unknown fate. What was found has been folded into the book before."""
    request = draft.requests.get(event.request_id)
    if request is None or request.state is not RequestState.UNSETTLED:
        return
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if copy is None:
        draft.requests.drop(request.request_id)
        return
    _not_found(draft, rules, request, copy, readable=event.readable, asked_at=event.asked_at)


def special_read(draft: Draft, rules: Rules, event: BooksRead) -> list[Request]:
    """The books of special orders were asked for: placements of unknown fate that have one of these are settled by what
    it shows, by our id or by likeness. Those that were found are returned."""
    readable = {Book.SUPER: event.super_read, Book.FOREVER: event.armed is not None}
    if not (any(readable.values()) or event.special_why):
        return []
    found_now = []
    for request in draft.waiting():
        lost = request.state is RequestState.UNSETTLED and request.kind is RequestKind.PLACE
        if request.account != event.account or not lost or request.book not in readable:
            continue
        copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
        if copy is None:
            draft.requests.drop(request.request_id)
            continue
        slot = copy.slots[request.revision]
        if slot.order_id or found_by_likeness(draft, copy, slot, request.sent_at):
            draft.requests.drop(request.request_id)
            found_now.append(request)
        elif event.asked_at >= request.unsettled_at:
            _not_found(draft, rules, request, copy, readable=readable[request.book], asked_at=event.asked_at)
            draft.touched[copy_key(request.leader_order_id, request.account)] = None
    return found_now


def _not_found(draft: Draft, rules: Rules, request: Request, copy: Copy, *, readable: bool, asked_at: int) -> None:
    """A placement of unknown fate is nowhere: absent, once that is so for long enough."""
    slot = copy.slots[request.revision]
    settle = rules.resilience.settle
    absent_at = (request.absent_at or draft.now) if readable else 0
    if absent_at and asked_at - absent_at >= settle.absent_for:
        draft.requests.drop(request.request_id)
        copy = with_slot(copy, replace(slot, standing=Standing.ABSENT))
        if not copy.at_broker:
            detail = "it was never placed; it is placed anew while it is wanted"
            copy = replace(copy, decision=Decision.QUEUED, reason=Reason.RETRYING, detail=detail)
        alert_of(
            draft,
            request,
            Alert.NEVER_PLACED,
            f"{request.correlation_id} was never placed: it is in neither book nor look-up",
        )
    else:
        draft.requests.put(replace(request, absent_at=absent_at))
        if draft.now - request.unsettled_at >= settle.give_up and copy.reason != Reason.UNRESOLVED:
            detail = f"its fate at the broker is unknown for {settle.give_up // SECOND} s; looking goes on"
            copy = replace(
                copy, decision=Decision.DEAD, reason=Reason.UNRESOLVED, detail=detail, dead_at=draft.now, dropped=False
            )
            alert_of(draft, request, Alert.UNRESOLVED, f"{request.correlation_id}: {detail}")
    draft.copies.put(replace(copy, updated_at=draft.now))


def book_read(draft: Draft, account: str, asked_at: int) -> None:
    """The books of an account were read: modifications of unknown fate are settled by what they show, and a cancel
    that was refused leaves again, its order being open still; parts of a placement that nobody finds are given up."""
    if draft.rules is not None:
        give_up_unseen(draft, account, asked_at, absent_for=draft.rules.resilience.settle.absent_for)
    for request in list(draft.requests.values()):
        if request.account != account or not 0 < request.unsettled_at <= asked_at:
            continue
        if request.kind is RequestKind.CANCEL:
            draft.requests.put(replace(request, due_at=draft.now, unsettled_at=0))
        if request.kind is not RequestKind.MODIFY or request.state is not RequestState.UNSETTLED:
            continue
        copy = draft.copies.get(copy_key(request.leader_order_id, account))
        order = draft.orders.get(order_key(account, request.order_id))
        if _on_its_way(request, copy, order, asked_at):
            continue
        draft.requests.drop(request.request_id)
        draft.touched[copy_key(request.leader_order_id, account)] = None
        if copy is not None and order is not None and order.terms is not None:
            slot = copy.slots[request.revision]
            asked = slot.asked if same_order(slot.asked, order.terms) else order.terms
            draft.copies.put(with_slot(copy, replace(slot, asked=asked, asked_at=draft.now)))


def _on_its_way(request: Request, copy: Copy | None, order: Order | None, asked_at: int) -> bool:
    """May a modification that the book does not show yet still take place? The exchange needs a moment, and a book that
    does not show the order itself yet says nothing of it."""
    if copy is None or (order is not None and order.over):
        return False
    if order is None or order.terms is None:
        return True
    shown = same_order(copy.slots[request.revision].asked, order.terms)
    return not shown and asked_at - request.unsettled_at < TAKES_PLACE_WITHIN


def wake(draft: Draft) -> None:
    """Look again for whatever is of unknown fate and due."""
    for request in draft.waiting():
        if request.state is not RequestState.UNSETTLED or request.due_at > draft.now:
            continue
        if request.kind is RequestKind.PLACE and request.book is not Book.DAY:
            draft.effects.append(ReadBooks(account=request.account, special=True))
        elif request.kind is RequestKind.PLACE:
            draft.effects.append(
                Look(request_id=request.request_id, account=request.account, correlation_id=request.correlation_id)
            )
        else:
            draft.effects.append(ReadBooks(account=request.account))
        waited = draft.now - request.unsettled_at
        draft.requests.put(replace(request, due_at=draft.now + min(LOOK_EVERY, max(FIRST_LOOK_AFTER, waited))))


def restarted(draft: Draft) -> list[Request]:
    """Whatever was in flight when the last process ended has an unknown fate; the placements among it are returned."""
    placements = []
    for request in list(draft.requests.values()):
        if request.state is not RequestState.SENT:
            continue
        if request.kind is RequestKind.CANCEL:
            draft.requests.put(replace(request, state=RequestState.QUEUED, due_at=0))
        else:
            draft.requests.put(
                replace(request, state=RequestState.UNSETTLED, unsettled_at=draft.now, due_at=draft.now, absent_at=0)
            )
        copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
        if request.kind is RequestKind.PLACE and copy is not None:
            placements.append(request)
            if not copy.at_broker:
                detail = "in flight when the last process ended; its fate is looked up"
                draft.copies.put(replace(copy, decision=Decision.QUEUED, reason=Reason.SETTLING, detail=detail))
    return placements
