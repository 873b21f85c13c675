"""Settling: what became of a request, from its answer or by looking.

A request ends in one of three outcomes. *Unknown* is settled by looking, never by sending again on a guess: of a
placement by its correlation id and in the order book, over some seconds, since Dhan's look-up cannot see an order that
is still in TRANSIT; of a modification by reading the book. A cancel may be repeated and is repeated for ever.
"""

from msgspec.structs import replace

from copyctl.core import access, halts
from copyctl.core.forever import altered, taken
from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, instrument_key
from copyctl.core.market import calendar_known, market_standing
from copyctl.core.parts import claim_named, is_parted
from copyctl.core.pursue import backoff, with_slot
from copyctl.core.rates import heard
from copyctl.core.state import Draft, follower_of
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.events import Answered
from copyctl.model.market import Phase
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category, Reason, rejected
from copyctl.model.records import Copy
from copyctl.model.rejections import HANDLING, Treatment
from copyctl.model.request import Fate, Outcome, Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision

LOOK_EVERY = 2 * SECOND


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


def found(draft: Draft, copy: Copy, slot: Slot) -> Copy:
    """A placement that the broker shows: nothing is left to settle, and it is never sent again."""
    request = draft.requests.get(f"{slot.correlation_id}/{RequestKind.PLACE}")
    if request is not None and request.state is not RequestState.SENT:
        draft.requests.drop(request.request_id)
    return is_copied(copy) if copy.decision is Decision.QUEUED or copy.reason == Reason.UNRESOLVED else copy


def is_copied(copy: Copy) -> Copy:
    """The copy with the decision that it has once it is at the broker."""
    return replace(copy, decision=Decision.COPIED, reason=copy.note, detail=copy.sized or copy.detail)


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
            if slot.book is Book.FOREVER and slot.order_id:
                taken(draft, copy, slot)
        case RequestKind.MODIFY:
            slot = replace(slot, asked_at=draft.now)
            if slot.book is Book.FOREVER and request.desired is not None:
                altered(draft, request.account, slot.order_id, request.desired.terms)
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
    alert_of(draft, request, Alert.CHANGE_REFUSED, f"the broker refused a modification: {text}")
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


def alert_of(draft: Draft, request: Request, what: Alert, text: str) -> None:
    """Alert of a request."""
    row, sent = request.leader_order_id, request.correlation_id
    alert(draft, what, text, row=row, follower=request.account, correlation_id=sent)
