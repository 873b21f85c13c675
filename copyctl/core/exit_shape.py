"""One exit of one follower: its portion of the position turned into orders."""

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import exit_fate, exit_row, exit_terms, holds, native_legs
from copyctl.core.exit_orders import Offer, Wish, plan_exit
from copyctl.core.exit_plan import Portion
from copyctl.core.hours import SECOND
from copyctl.core.keys import order_key
from copyctl.core.likeness import take_over
from copyctl.core.plan import Action, Alter, Plan
from copyctl.core.positions import count_copies, position, sign_of
from copyctl.core.pursue import act, adopt, freeze_for, placed_already, request_id, with_slot, working
from copyctl.core.stakes import Exit
from copyctl.core.state import Draft
from copyctl.model.choices import CopyOn
from copyctl.model.effects import ReadBooks
from copyctl.model.instrument import Instrument
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import RequestKind, RequestState
from copyctl.model.terms import Decision

TRUSTED_AFTER = 2 * SECOND
"""A book that was asked for this long after a change was acknowledged shows whether it took place."""
LOOK_AGAIN_AFTER = SECOND // 4
"""An exit that waits for the follower's book is looked at again after this."""
LOOKS_EVERY = 5 * SECOND
"""And after this at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An exit with its portion. ``here``: the position that it closes, ``cap``: the most that may be closed of that,
    ``room``: what may be offered beyond all that is offered, less than nothing where that is too much.
    ``others_rest``: are orders of other exits open? ``fits``: would something of it rest, were it alone?"""

    draft: Draft
    rules: Rules
    follower: Follower
    instrument: Instrument
    here: Position
    one: Exit
    portion: Portion
    cap: int
    room: int
    others_rest: bool
    fits: bool

    @property
    def longest(self) -> int:
        """The longest pause between two tries of what may pass later (ns)."""
        return self.rules.resilience.retries.maximum

    @property
    def anew(self) -> bool:
        """Has the leader changed his order since ours were made?"""
        copy, lead = self.one.copy, self.one.lead
        return lead is not None and bool(copy.slots) and copy.decided_on is not None and copy.decided_on != lead.wish


def place(case: Case) -> tuple[Copy, int]:
    """Bring one exit's orders to its portion: its row by now, and how much of the room that takes."""
    draft, one, portion = case.draft, case.one, case.portion
    copy = one.copy
    if not (portion.owed or portion.rest or copy.slots):
        return _idle(case, copy), 0
    held = holds.undecided(draft.account(copy.follower))
    if not copy.slots and held is not None:
        return replace(copy, decision=Decision.QUEUED, reason=held[0], detail=held[1], due_at=0), 0
    if not copy.slots and (waits := _waits(case)):
        due_at = draft.now + LOOK_AGAIN_AFTER if draft.account(copy.follower).ready else 0
        copy = replace(copy, decision=Decision.QUEUED, reason=Reason.CHECKING, detail=waits, due_at=due_at)
        return copy, 0
    copy = exit_fate.lagging(draft, case.follower, one, copy, portion)
    copy, wish, made, taken = _pursued(case, copy)
    if not (portion.owed or portion.rest or any(slot.sent or slot.live for slot in copy.slots)):
        return _idle(case, copy), taken
    copy = exit_row.said(draft, one, copy, portion, wish, made, cap=case.cap, room=case.room)
    due_at = exit_fate.next_look(draft, case.follower, one, copy, portion, urgent=wish.urgent, longest=case.longest)
    moments = [at for at in (due_at, _looks_for_cuts(draft, copy), native_legs.looks_at(draft, one, copy)) if at]
    return replace(copy, due_at=min(moments, default=0)), taken


def _idle(case: Case, copy: Copy) -> Copy:
    one = dataclasses.replace(case.one, copy=copy)
    return replace(exit_row.idle(case.draft, case.rules, case.follower, one, cap=case.cap, fits=case.fits), due_at=0)


def _waits(case: Case) -> str:
    """What must be known before anything of this exit may leave, "" for nothing."""
    if not case.draft.account(case.one.copy.follower).ready:
        return "the follower's books were not read yet"
    if native_legs.is_to_come(case.draft, case.one.order, case.one.copy):
        return "the broker's own leg for it is not seen yet"
    if exit_fate.must_look_first(case.draft, case.one):
        case.draft.effects.append(ReadBooks(account=case.one.copy.follower))
        return "the follower's book is read first: its broker may have closed the position too"
    return ""


def adopted(draft: Draft, rules: Rules, follower: Follower, instrument: Instrument, one: Exit) -> Copy:
    """What is at the broker under this row's ids already is its: the store was lost. What it has closed counts."""
    copy = one.copy
    if copy.slots or not draft.account(copy.follower).ready:
        return copy
    found = placed_already(draft, rules, copy)
    product = found[0].product if found else None
    if product is None:
        return copy
    here = position(draft, copy.follower, instrument.segment, instrument.security_id, product)
    copy, wanted = exit_terms.desired(draft, follower, instrument, here, one, copy, 0)
    copy = adopt(replace(copy, wanted=wanted, decision=Decision.COPIED, reason=copy.note), found, draft.now)
    draft.copies.put(copy)
    count_copies(draft)
    if copy.filled and (one.lead is None or (one.lead.counted and not one.lead.netted)):
        here = position(draft, copy.follower, instrument.segment, instrument.security_id, product)
        if here.target * sign_of(wanted.side) < 0:
            less = min(abs(here.target), Decimal(copy.filled))
            draft.positions.put(replace(here, target=here.target + sign_of(wanted.side) * less))
        copy = replace(copy, due=copy.due + copy.filled)
    return replace(copy, decided_on=one.lead.wish if one.lead is not None else None)


# --- what is there ----------------------------------------------------------------------------------------------------


def offered(draft: Draft, copy: Copy) -> int:
    """What the orders of an exit may still close at the broker, at the most."""
    return sum(_most(draft, copy, slot) - slot.filled for slot in copy.slots if slot.live)


def rests(draft: Draft, copy: Copy) -> int:
    """The same of those that have left."""
    return sum(_most(draft, copy, slot) - slot.filled for slot in copy.slots if slot.live and slot.sent)


def _most(draft: Draft, copy: Copy, slot: Slot) -> int:
    """The largest total that a live order may have at the broker: while a change of it is not confirmed, the largest
    of all that it may have."""
    if slot.native:
        return native_legs.most_of(draft, copy, slot)
    order = draft.orders.get(order_key(copy.follower, slot.order_id)) if slot.order_id else None
    shown = order.terms.quantity if order is not None and order.terms is not None else 0
    if shown and _is_certain(draft, copy, slot):
        return max(shown, slot.filled)
    return max(slot.most, slot.asked.quantity, shown, slot.filled)


def _is_certain(draft: Draft, copy: Copy, slot: Slot) -> bool:
    """Does what the broker shows of an order leave no change of ours open?"""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    if order is None or order.terms is None or order.doubtful:
        return False
    if modify is not None and modify.state is not RequestState.QUEUED:
        return False
    read_at = max(order.book_as_of, draft.account(copy.follower).books_at)
    if slot.asked_at and read_at > max(slot.asked_at, slot.altered_at) + TRUSTED_AFTER:
        return True
    shown_at = order.versions[0].as_of if order.versions else 0
    expected = slot.asked.quantity if slot.changes_refused else slot.altered_to or slot.asked.quantity
    return order.terms.quantity == expected and shown_at > slot.altered_at


def _looks_for_cuts(draft: Draft, copy: Copy) -> int:
    """When to look again whether the broker has made the cuts that were asked for (ns), 0: they are. Where it has
    shown nothing for a while its book is read."""
    held = [one for one in copy.slots if one.live and one.altered_at and _most(draft, copy, one) > one.asked.quantity]
    at = max((max(one.asked_at, one.altered_at) + TRUSTED_AFTER for one in held), default=0)
    if not at or draft.now <= at:
        return at and at + 1
    draft.effects.append(ReadBooks(account=copy.follower))
    return draft.now + min(LOOKS_EVERY, max(LOOK_AGAIN_AFTER, draft.now - at))


def _offers(draft: Draft, copy: Copy) -> list[Offer]:
    found = []
    for slot in copy.slots:
        if not slot.live:
            continue
        order = draft.orders.get(order_key(copy.follower, slot.order_id))
        found.append(
            Offer(
                working=working(draft, copy, slot),
                most=_most(draft, copy, slot) - slot.filled,
                urgent=slot.urgent,
                refused=bool(slot.changes_refused),
                shown=order.terms if order is not None else None,
            )
        )
    return found


# --- what is asked for ------------------------------------------------------------------------------------------------


def _pursued(case: Case, copy: Copy) -> tuple[Copy, Wish, Plan, int]:
    """The row with everything asked for that can be asked for now."""
    draft, one, portion = case.draft, case.one, case.portion
    quantity = copy.filled + portion.owed + portion.rest
    copy, desired = exit_terms.desired(draft, case.follower, case.instrument, case.here, one, copy, quantity)
    copy = replace(copy, wanted=desired)
    if one.order is not None:
        copy = take_over(draft, case.rules, copy, one.order)
    offers = _offers(draft, copy)
    urgent, rest = _split(case, copy, offers)
    now_again = exit_fate.may_hurry(draft, copy, others_rest=case.others_rest, longest=case.longest)
    copy, reprice = _hurried(case, copy, offers, urgent, may_begin=now_again)
    wish = Wish(
        terms=desired.terms,
        rest=rest,
        now=replace(copy.hurried or exit_terms.NOW, quantity=copy.filled + urgent),
        urgent=urgent,
        again=exit_fate.may_rest(draft, copy, anew=case.anew, others_rest=case.others_rest, longest=case.longest),
        now_again=now_again,
        anew=case.anew,
        reprice=reprice,
        freeze=freeze_for(draft, copy, case.follower),
    )
    if wish.freeze.exceeded(rest + urgent) and copy.note is None:
        copy = replace(copy, note=Reason.SLICED)
    most = case.rules.rate_limits.modifications_per_order
    made, taken = plan_exit(wish, offers, room=case.room, most_modifications=most)
    for action in made.actions:
        copy = _acted(case, copy, action)
    if one.lead is not None and not made.waits and any(slot.live for slot in copy.slots):
        copy = replace(copy, decided_on=one.lead.wish)
    exit_fate.watch(draft, one, copy)
    return replace(copy, pursued=desired) if made.actions else copy, wish, made, taken


def _acted(case: Case, copy: Copy, action: Action) -> Copy:
    """One action asked for; of a change, the largest quantity that the order may have meanwhile. While one before it
    may still take place, that may come after it."""
    draft, order = case.draft, case.one.order
    most = later = 0
    if isinstance(action, Alter):
        before = copy.slots[action.revision]
        most = _most(draft, copy, before)
        later = TRUSTED_AFTER if before.altered_at and not _is_certain(draft, copy, before) else 0
    copy = act(draft, case.rules, copy, action, order.newest_as_of if order is not None else draft.now)
    if not isinstance(action, Alter) or not copy.slots[action.revision].sent:
        return copy
    slot = copy.slots[action.revision]
    asked = slot.asked.quantity
    return with_slot(copy, replace(slot, most=max(most, asked), altered_to=asked, altered_at=draft.now + later))


def _split(case: Case, copy: Copy, offers: list[Offer]) -> tuple[int, int]:
    """How much of the portion trades at once, and how much rests by the leader's terms.

    What is owed rests while an order for it does, until it lags. Where that is over or was never sent, the leader
    having traded, it leaves at once (scenario 4.13).
    """
    portion, one = case.portion, case.one
    last = exit_fate.last_slot(copy, resting=True)
    if exit_fate.refused_as(last) == Category.TRIGGER and exit_fate.has_triggered(one):
        return portion.owed + portion.rest, 0
    alive = any(not offer.urgent and not offer.working.ending for offer in offers)
    anew = last is None or (last.retired and not last.live and last.standing is not Standing.REJECTED)
    if case.follower.policy.copy_on is CopyOn.TRADED and last is not None:
        anew = anew or exit_fate.ended_by_us(last)
    if one.own or copy.urgent or (copy.slots and not alive and not anew):
        return portion.owed, portion.rest
    return 0, portion.owed + portion.rest


def _hurried(case: Case, copy: Copy, offers: list[Offer], urgent: int, *, may_begin: bool) -> tuple[Copy, bool]:
    """The row with the terms of what has to trade now; whether the orders that do take them."""
    side = copy.wanted.side if copy.wanted is not None else None
    if not urgent or side is None:
        return copy, False
    hurrying = any(offer.urgent and not offer.working.ending for offer in offers)
    due = exit_fate.price_is_due(case.draft, case.follower, case.one, copy)
    if not due and (hurrying or not may_begin):
        return copy, False
    emergency = case.one.own or copy.urgent == exit_fate.LAG
    copy = exit_terms.hurried(
        case.draft, case.follower, case.instrument, case.one, copy, side=side, emergency=emergency
    )
    return copy, due and hurrying
