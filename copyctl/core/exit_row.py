"""What the row of an exit says: its decision, why, and in what the follower differs from the leader."""

from msgspec.structs import replace

from copyctl.core import exit_fate
from copyctl.core.decide import FLAT
from copyctl.core.drift import drift
from copyctl.core.entry_cuts import entries_open
from copyctl.core.exit_orders import Wish
from copyctl.core.exit_plan import Portion
from copyctl.core.index import instrument_of
from copyctl.core.plan import Alter, Begin, Plan
from copyctl.core.stakes import Exit, his_entries_open, leader_net
from copyctl.core.state import Draft
from copyctl.model.choices import Action
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.rejections import Treatment, treats_exit
from copyctl.model.terms import Decision, OrderStatus

OURS = frozenset(
    {Reason.CHECKING.value, Reason.ENTRY_OPEN.value, Reason.EXIT_ALTERNATIVE.value, Reason.RETRYING.value, None}
)
"""What a row may wait for as far as exits are concerned; all else is for the queue to say."""


def said(draft: Draft, one: Exit, copy: Copy, portion: Portion, wish: Wish, made: Plan, *, cap: int, room: int) -> Copy:
    """The row of an exit of which something was placed, or is to be."""
    text = f"closes {copy.filled + portion.owed + portion.rest}: {portion.owed} owed, {portion.rest} offered"
    copy = replace(copy, sized=f"{copy.urgent}; {text}" if one.own and copy.urgent else text)
    live = any(slot.live for slot in copy.slots)
    asked = any(isinstance(action, Begin | Alter) for action in made.actions)
    if (asked and not _waits_for_queue(copy)) or (live and _waited_for_us(copy)):
        copy = _copied(copy)
    elif not live and (portion.owed or portion.rest):
        copy = _without_order(draft, copy, wish, room=room)
    elif not live:
        copy = _without_portion(one, copy, cap=cap)
    if copy.decision is Decision.COPIED and copy.detail != copy.sized:
        copy = replace(copy, detail=copy.sized)
    return with_drift(draft, one, copy)


def with_drift(draft: Draft, one: Exit, copy: Copy) -> Copy:
    """The row, with in what it differs from what is wanted."""
    now = _drift(draft, one, copy)
    return copy if now == copy.drift else replace(copy, drift=now)


def _waits_for_queue(copy: Copy) -> bool:
    return copy.decision is Decision.QUEUED and copy.reason not in OURS


def _waited_for_us(copy: Copy) -> bool:
    return copy.decision is Decision.QUEUED and copy.reason in OURS and copy.reason != Reason.RETRYING


def _copied(copy: Copy) -> Copy:
    return replace(copy, decision=Decision.COPIED, reason=copy.note, detail=copy.sized)


def _without_order(draft: Draft, copy: Copy, wish: Wish, *, room: int) -> Copy:
    """There is something to close, and no order of ours that does."""
    last = exit_fate.last_slot(copy)
    refused = exit_fate.refused_as(last)
    may = (wish.urgent and wish.now_again) or (wish.rest and wish.again)
    if may and room <= 0:
        detail = "waits until another exit of ours is cut"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE, detail=detail)
    if wish.urgent:
        return replace(copy, decision=Decision.QUEUED, reason=Reason.RETRYING)
    if treats_exit(refused, Treatment.COVER):
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE)
    if exit_fate.rest_at(copy, longest=1):
        return replace(copy, decision=Decision.QUEUED, reason=Reason.RETRYING)
    return exit_fate.given_up(draft, copy) if refused else copy


def _without_portion(one: Exit, copy: Copy, *, cap: int) -> Copy:
    """There is nothing to close by it now; while the leader's rests that may change."""
    if one.live and cap and not copy.filled and copy.decision is not Decision.DEAD:
        detail = "another exit rests for the same position"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE, detail=detail)
    return _copied(copy) if copy.decision is Decision.QUEUED else copy


def _drift(draft: Draft, one: Exit, copy: Copy) -> str:
    if one.order is None or (one.order.over and not (copy.due or copy.filled)):
        return ""
    told = drift(copy, one.order)
    instrument = draft.instruments.get(instrument_of(copy))
    lot = instrument.lot_size if instrument is not None else 1
    early = copy.filled - copy.due  # less than a lot is what whole lots could not say of exits before it
    if not told and one.order.over and early >= lot:
        told = f"closed {copy.filled} where the leader's {one.order.filled} ask for {copy.due:f}"
    return told


def idle(draft: Draft, rules: Rules, follower: Follower, one: Exit, *, cap: int, fits: bool) -> Copy:
    """The row of an exit of which nothing was sent and nothing can be: it says why, and is looked at again whenever
    the position changes. ``fits``: would something of it rest, were it alone?"""
    copy = one.copy
    if one.order is None or one.lead is None:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail="there is nothing to close")
    order, lead = one.order, one.lead
    if order.status is OrderStatus.REJECTED:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_REJECTED, detail=order.text)
    if copy.note == Reason.ENTRY_CUT and not copy.due:
        what = f"{copy.cut} units from an entry that had not filled" if copy.cut else "from an entry not placed yet"
        detail = f"met by taking {what}"
        return replace(copy, decision=Decision.COPIED, reason=Reason.ENTRY_CUT, detail=detail)
    if lead.undone and lead.undone >= lead.counted:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT)
    if order.over and not order.filled:
        detail = f"the leader's order was {order.status} before it could be copied"
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_OVER, detail=detail)
    if not cap:
        return _nothing_there(draft, rules, follower, one)
    if one.live and fits:
        detail = f"another exit of the leader rests for all {cap} units already"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE, detail=detail)
    if one.live and leader_net(draft, order) * one.sign <= 0 and his_entries_open(draft, rules, order, lead.instrument):
        detail = "the leader's own entry has not filled yet, as far as is known"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.ENTRY_OPEN, detail=detail)
    detail = f"the share of this exit in {cap} units is less than a lot"
    return replace(copy, decision=Decision.REFUSED, reason=Reason.ZERO_QUANTITY, detail=detail)


def _nothing_there(draft: Draft, rules: Rules, follower: Follower, one: Exit) -> Copy:
    """The follower has no copied position that this exit would close."""
    copy, order, lead = one.copy, one.order, one.lead
    if order is None or lead is None:
        return copy
    if one.live and entries_open(draft, rules, follower, order, lead.instrument):
        detail = "the follower's entry has not filled yet"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.ENTRY_OPEN, detail=detail)
    rule = next((rule for rule in follower.policy.filters.rules if rule.name == copy.rule), None)
    if (rule.action if rule else follower.policy.filters.default) is Action.SKIP:
        detail = f"filter rule: {copy.rule}" if rule else "filters.default: skip"
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.FILTERED, detail=detail)
    detail = f"the follower has no copied position in {order.security_id} to close"
    return replace(copy, decision=Decision.REFUSED, reason=Reason.EXIT_WITHOUT_POSITION, detail=detail)
