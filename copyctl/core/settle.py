"""Settling: what became of a request, from its answer or by looking.

A request ends in one of three outcomes. *Unknown* is settled by looking, never by sending again on a guess: of a
placement by its correlation id and in the order book, over some seconds, since Dhan's look-up cannot see an order that
is still in TRANSIT; of a modification by reading the book. A cancel may be repeated and is repeated for ever.
"""

from msgspec.structs import replace

from copyctl.core import access, halts
from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.likeness import found_by_likeness
from copyctl.core.market import calendar_known, market_standing
from copyctl.core.parts import claim_named, give_up_unseen, is_parted
from copyctl.core.pursue import backoff, with_slot
from copyctl.core.rates import heard
from copyctl.core.state import Draft, follower_of
from copyctl.core.telling import alert
from copyctl.core.wish import same_order
from copyctl.model.alerts import Alert
from copyctl.model.effects import Look, Notice, ReadBooks
from copyctl.model.events import Answered, BooksRead, Looked
from copyctl.model.market import Phase
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category, Reason, rejected
from copyctl.model.records import Copy, Slot, Standing
from copyctl.model.rejections import HANDLING, Treatment
from copyctl.model.request import Fate, Outcome, Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision

FIRST_LOOK_AFTER = SECOND // 4
LOOK_EVERY = 2 * SECOND
TAKES_PLACE_WITHIN = SECOND
"""A book that was asked for so long after a modification was sent shows whether it took place."""


def answered(draft: Draft, rules: Rules, event: Answered) -> Request | None:
    """Take in how a request ended; the request, or None where it is not waited for any more."""
    request = draft.requests.get(event.request_id)
    if request is None or request.state is not RequestState.SENT:
        return None
    heard(draft, request, event.outcome)
    access.answered(draft, request, event.outcome)
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if copy is None:
        draft.requests.drop(request.request_id)
        return None
    slot = copy.slots[request.revision]
    _tell(draft, request, event.outcome)
    there = request.kind is RequestKind.PLACE and slot.order_id
    match Fate.ACKNOWLEDGED if there else event.outcome.fate:
        case Fate.ACKNOWLEDGED:
            copy = _acknowledged(draft, request, copy, slot, event.outcome)
        case Fate.REJECTED:
            copy = _rejected(draft, rules, request, copy, slot, event.outcome)
        case Fate.UNKNOWN:
            copy = _unknown(draft, rules, request, copy, event.outcome)
        case Fate.NOT_LEFT:
            copy = _again_or_dead(draft, rules, request, copy, slot, Category.CONNECTIVITY, event.outcome.text)
    draft.copies.put(replace(copy, updated_at=draft.now))
    return request


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
        _alert(
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
            _alert(draft, request, Alert.UNRESOLVED, f"{request.correlation_id}: {detail}")
    draft.copies.put(replace(copy, updated_at=draft.now))


def found(draft: Draft, copy: Copy, slot: Slot) -> Copy:
    """A placement that the broker shows: nothing is left to settle, and it is never sent again."""
    request = draft.requests.get(f"{slot.correlation_id}/{RequestKind.PLACE}")
    if request is not None and request.state is not RequestState.SENT:
        draft.requests.drop(request.request_id)
    return is_copied(copy) if copy.decision is Decision.QUEUED or copy.reason == Reason.UNRESOLVED else copy


def is_copied(copy: Copy) -> Copy:
    """The copy with the decision that it has once it is at the broker."""
    return replace(copy, decision=Decision.COPIED, reason=copy.note, detail=copy.sized or copy.detail)


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


def _acknowledged(draft: Draft, request: Request, copy: Copy, slot: Slot, outcome: Outcome) -> Copy:
    draft.requests.drop(request.request_id)
    match request.kind:
        case RequestKind.PLACE:
            slot = replace(
                slot,
                standing=Standing.WORKING if slot.standing is Standing.WAITING else slot.standing,
                order_id=slot.order_id or ("" if slot.cut else next(iter(outcome.order_ids), "")),
                asked_at=draft.now,
                left_at=outcome.left_at,
                answered_at=draft.now,
            )
            if slot.cut:
                draft.effects.append(ReadBooks(account=request.account))
                return claim_named(draft, with_slot(copy, slot), slot.revision, outcome.order_ids)
        case RequestKind.MODIFY:
            slot = replace(slot, asked_at=draft.now)
        case RequestKind.CANCEL:
            slot = replace(slot, cancel_asked=True, asked_at=draft.now)
    return with_slot(copy, slot)


def _rejected(draft: Draft, rules: Rules, request: Request, copy: Copy, slot: Slot, outcome: Outcome) -> Copy:
    category = outcome.category or Category.UNKNOWN
    treatment = HANDLING[category].of(request)
    if treatment is Treatment.SESSION and not request.exit and _in_session(draft, rules, copy):
        treatment = Treatment.AGAIN
    match treatment:
        case Treatment.SHUT:
            access.refuse(draft, request.account, category, outcome.text)
            return _held(draft, request, copy, Reason.FOLLOWER_UNAUTHENTICATED, outcome.text)
        case Treatment.HOLD:
            halts.hold(draft, copy, outcome.text)
            return _held(draft, request, copy, Reason.INSTRUMENT_HALTED, outcome.text)
        case Treatment.REST:
            return _throttled(draft, request, copy, outcome.text)
        case Treatment.AGAIN:
            return _again_or_dead(draft, rules, request, copy, slot, category, outcome.text)
        case Treatment.SOON:
            return _again(draft, rules, request, copy)
    if request.kind is RequestKind.CANCEL:
        return _cancel_refused(draft, rules, request, copy)
    if request.kind is RequestKind.MODIFY:
        if treatment is Treatment.LOOK:
            draft.effects.append(ReadBooks(account=request.account))
        return change_refused(draft, request, copy, slot, outcome.text)
    draft.requests.drop(request.request_id)
    slot = replace(
        slot, standing=Standing.REJECTED, rejected_as=category, left_at=outcome.left_at, answered_at=draft.now
    )
    return dead(draft, with_slot(copy, slot), category, outcome.text)


def _held(draft: Draft, request: Request, copy: Copy, reason: Reason, text: str) -> Copy:
    """The request waits where it is: whose turn it is to be tried, says the guard."""
    draft.requests.put(replace(request, state=RequestState.QUEUED, due_at=0, waits_for=reason))
    if request.kind is RequestKind.PLACE and not copy.at_broker:
        return replace(copy, decision=Decision.QUEUED, reason=reason, detail=text)
    return copy


def refused_later(draft: Draft, copy: Copy, slot: Slot, category: Category, text: str) -> Copy:
    """A placement that the broker had taken was rejected: that order is over, and another one may take its place."""
    handling, rules = HANDLING[category], draft.rules
    treatment = handling.exit if copy.exit else handling.entry
    slot = replace(slot, standing=Standing.REJECTED, rejected_as=category)
    parted = is_parted(copy, slot)
    tries = sum(one.retired for one in copy.slots if one.standing is Standing.REJECTED)
    in_session = treatment is Treatment.SESSION and rules is not None and _in_session(draft, rules, copy)
    again = not copy.exit and rules is not None and (in_session or treatment is Treatment.AGAIN)
    reason = None
    if treatment is Treatment.HOLD:
        halts.hold(draft, copy, text)
        reason = Reason.INSTRUMENT_HALTED
    elif treatment is Treatment.SHUT:
        access.refuse(draft, copy.follower, category, text)
        reason = Reason.FOLLOWER_UNAUTHENTICATED
    elif again and rules is not None and tries + 1 < rules.resilience.retries.attempts:
        reason = Reason.RETRYING
    if reason is None and parted and not copy.exit:
        return _part_refused(draft, with_slot(copy, slot), slot, category, text)
    if reason is None:
        return dead(draft, with_slot(copy, slot), category, text)
    copy = with_slot(copy, replace(slot, retired=True))
    if parted:
        return copy
    return replace(copy, decision=Decision.QUEUED, reason=reason, detail=text)


def _in_session(draft: Draft, rules: Rules, copy: Copy) -> bool:
    """Does the market of this copy trade just now, by our own timetable? Then a word of the exchange that it does not
    is a moment's."""
    follower, wanted = follower_of(rules, copy.follower), copy.wanted
    hours = follower.policy.market_hours if follower is not None else None
    if hours is None or wanted is None or not hours.enforce or not calendar_known(draft, hours):
        return False
    instrument = draft.instruments.get(instrument_key(wanted.segment, wanted.security_id))
    return instrument is not None and market_standing(draft, hours, instrument).phase is Phase.REGULAR


def dead(draft: Draft, copy: Copy, category: Category, text: str) -> Copy:
    """A placement was rejected for good."""
    again = copy.exit and sum(slot.standing is Standing.REJECTED for slot in copy.slots) > 1
    if HANDLING[category].counts and not again:  # an exit is sent until it is done: it counts once
        account = draft.account(copy.follower)
        draft.accounts.put(replace(account, rejected_in_a_row=account.rejected_in_a_row + 1))
    alert(
        draft,
        Alert.DEAD_LETTER,
        f"the broker rejected a copy ({category}): {text}",
        row=copy.leader_order_id,
        follower=copy.follower,
        category=category,
    )
    copy = replace(copy, dead_at=draft.now, dropped=False, insisted=False)
    return replace(copy, decision=Decision.DEAD, reason=rejected(category), detail=text)


def _part_refused(draft: Draft, copy: Copy, slot: Slot, category: Category, text: str) -> Copy:
    """One part of a placement was rejected for good while others stand: the copy is what they are, and drifts."""
    units = f"{slot.asked.quantity} of {copy.wanted.terms.quantity if copy.wanted else slot.asked.quantity} units"
    alert(
        draft,
        Alert.DEAD_LETTER,
        f"the broker rejected {units} of a sliced copy ({category}): {text}",
        row=copy.leader_order_id,
        follower=copy.follower,
        category=category,
    )
    return copy


def change_refused(draft: Draft, request: Request, copy: Copy, slot: Slot, text: str) -> Copy:
    """A modification was refused: the copy is left as it is, and says so until the leader changes his order again."""
    draft.requests.drop(request.request_id)
    _alert(draft, request, Alert.CHANGE_REFUSED, f"the broker refused a modification: {text}")
    return with_slot(copy, replace(slot, changes_refused=text or "refused", asked_at=draft.now))


def _unknown(draft: Draft, rules: Rules, request: Request, copy: Copy, outcome: Outcome) -> Copy:
    if request.kind is RequestKind.CANCEL:
        draft.effects.append(ReadBooks(account=request.account))
        return _again(draft, rules, request, copy)
    slot = replace(copy.slots[request.revision], left_at=outcome.left_at)
    if request.kind is RequestKind.PLACE and slot.order_id:
        draft.requests.drop(request.request_id)
        return with_slot(copy, slot)
    draft.requests.put(
        replace(request, state=RequestState.UNSETTLED, unsettled_at=draft.now, due_at=draft.now, absent_at=0)
    )
    if request.kind is RequestKind.MODIFY:
        return copy
    copy = with_slot(copy, slot)
    if copy.at_broker:
        return copy
    return replace(copy, decision=Decision.QUEUED, reason=Reason.SETTLING, detail=outcome.text)


def _again(draft: Draft, rules: Rules, request: Request, copy: Copy) -> Copy:
    due_at = draft.now + backoff(rules.resilience, request.attempts - request.throttled)
    draft.requests.put(replace(request, state=RequestState.QUEUED, due_at=due_at, waits_for=Reason.RETRYING))
    return copy


def _cancel_refused(draft: Draft, rules: Rules, request: Request, copy: Copy) -> Copy:
    """The order may be over: the book says so. Where it shows it open, or cannot be read, the cancel is repeated."""
    draft.effects.append(ReadBooks(account=request.account))
    copy = _again(draft, rules, request, copy)
    waiting = draft.requests.get(request.request_id)
    if waiting is not None:
        due_at = max(waiting.due_at, draft.now + LOOK_EVERY)
        draft.requests.put(replace(waiting, due_at=due_at, unsettled_at=draft.now))
    return copy


def _again_or_dead(
    draft: Draft, rules: Rules, request: Request, copy: Copy, slot: Slot, category: Category, text: str
) -> Copy:
    """A request that the broker did not take: tried again, a cancel for ever, others as often as the rules say."""
    tried = request.attempts - request.throttled
    if request.kind is RequestKind.CANCEL or tried < rules.resilience.retries.attempts:
        copy = _again(draft, rules, request, copy)
        if request.kind is RequestKind.PLACE and not copy.at_broker:
            copy = replace(copy, decision=Decision.QUEUED, reason=Reason.RETRYING, detail=text)
        return copy
    if request.kind is RequestKind.MODIFY:
        return change_refused(draft, request, copy, slot, text)
    draft.requests.drop(request.request_id)
    slot = replace(slot, standing=Standing.REJECTED, rejected_as=category)
    return dead(draft, with_slot(copy, slot), category, text)


def _throttled(draft: Draft, request: Request, copy: Copy, text: str) -> Copy:
    """The broker was asked too much: it takes the request later, however often that happens (scenario 7.6)."""
    queued = replace(request, state=RequestState.QUEUED, due_at=0, throttled=request.throttled + 1)
    draft.requests.put(replace(queued, waits_for=Reason.RATE_LIMIT))
    if request.kind is RequestKind.PLACE and not copy.at_broker:
        return replace(copy, decision=Decision.QUEUED, reason=Reason.RATE_LIMIT, detail=text)
    return copy


def _tell(draft: Draft, request: Request, outcome: Outcome) -> None:
    draft.notices.append(
        Notice(
            at=draft.now,
            event="answer",
            text=f"{request.kind} {request.correlation_id}: {outcome.fate} {outcome.text}".rstrip(),
            leader_order_id=request.leader_order_id,
            follower=request.account,
            facts={
                "kind": request.kind,
                "correlation_id": request.correlation_id,
                "fate": outcome.fate,
                "category": outcome.category,
            },
        )
    )


def _alert(draft: Draft, request: Request, what: Alert, text: str) -> None:
    row, sent = request.leader_order_id, request.correlation_id
    alert(draft, what, text, row=row, follower=request.account, correlation_id=sent)
