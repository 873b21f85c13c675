"""Attending: what is wanted of one leader order by now, for each follower, and what is asked for because of it."""

from msgspec.structs import replace

from copyctl.core.decide import first_decision, follow_on, may_decide_again, ready, want
from copyctl.core.drift import drift
from copyctl.core.pursue import adopt, placed_already, pursue
from copyctl.core.settle import is_copied
from copyctl.core.state import Draft, copy_key, instrument_key, order_key
from copyctl.model.effects import Notice
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.terms import Decision, Level, OrderStatus


def attend(draft: Draft, rules: Rules, touched: str) -> None:
    """Look again at what is wanted of a leader order: for one follower ("order/follower"), or for all."""
    order_id, _, account = touched.partition("/")
    leader = draft.orders.get(order_key(rules.leader.client_id, order_id))
    lead = draft.leader_orders.get(order_id)
    if leader is None or lead is None or leader.segment is None or leader.security_id is None:
        return
    instrument = draft.instruments.get(instrument_key(leader.segment, leader.security_id))
    if instrument is None:
        return  # the answer to the question for it comes in the same turn
    for follower in rules.followers:
        if account in ("", follower.client_id) and not draft.account(follower.client_id).held:
            _attend_follower(draft, rules, leader, lead, follower, instrument)


def _attend_follower(
    draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument
) -> None:
    before = draft.copies.get(copy_key(leader.order_id, follower.client_id))
    if before is None and not ready(leader, follower.policy.copy_on):
        return
    if before is not None and _settled_for_good(before) and not may_decide_again(before, leader, lead, follower):
        return
    copy = before or Copy(
        leader_order_id=leader.order_id,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        created_at=draft.now,
        updated_at=draft.now,
    )
    if copy.slots:
        copy = _follow(copy, leader, lead, follower, instrument)
    elif draft.account(follower.client_id).ready:
        copy = _decide(draft, rules, copy, leader, lead, follower, instrument)
    else:
        detail = "the follower's books were not read yet"
        copy = replace(copy, decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if copy.slots or copy.decision is Decision.COPIED:
        copy = _concluded(pursue(draft, rules, copy, leader, follower), leader)
    copy = _with_drift(copy, leader)
    if copy == before:
        return
    if copy.stuck and (before is None or copy.stuck != before.stuck):
        _alert(draft, copy, f"the leader's change cannot be copied: {copy.stuck}")
    draft.copies.put(replace(copy, updated_at=draft.now))


def _settled_for_good(copy: Copy) -> bool:
    """Was it skipped, refused or rejected, with nothing of it left at the broker?"""
    said = copy.decision in (Decision.SKIPPED, Decision.REFUSED, Decision.DEAD) and copy.reason != Reason.UNRESOLVED
    return said and not any(slot.live for slot in copy.slots)


def _decide(
    draft: Draft,
    rules: Rules,
    copy: Copy,
    leader: Order,
    lead: LeaderOrder,
    follower: Follower,
    instrument: Instrument,
) -> Copy:
    """The first decision; what is at the broker under this copy's ids already is a copy, whatever has changed."""
    orders = placed_already(draft, rules, copy)
    if orders:
        copy = adopt(follow_on(copy, leader, lead, follower, instrument, draft.now), orders, draft.now)
        return _follow(copy, leader, lead, follower, instrument)
    if copy.sizing is not None:
        return want(copy, leader, lead, follower, instrument)
    return first_decision(copy, leader, lead, follower, instrument, draft.now)


def _follow(copy: Copy, leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument) -> Copy:
    """What is wanted now of a copy that has placements; one that had been given up is taken up where that differs."""
    if not _settled_for_good(copy):
        return want(copy, leader, lead, follower, instrument)
    again = want(is_copied(copy), leader, lead, follower, instrument)
    return again if again.wanted != copy.pursued else replace(copy, decided_on=lead.wish)


def _concluded(copy: Copy, leader: Order) -> Copy:
    """A copy that is not wanted any more and of which nothing ever was at the broker: it says why."""
    if copy.decision not in (Decision.COPIED, Decision.QUEUED):
        return copy
    if not copy.slots or any(slot.live or slot.order_id for slot in copy.slots):
        return copy
    if copy.stopped:
        return replace(copy, decision=Decision.REFUSED, reason=Reason.KILL_SWITCH, detail="the kill switch is on")
    if copy.closing:
        rejected = leader.status is OrderStatus.REJECTED
        reason = Reason.LEADER_REJECTED if rejected else Reason.LEADER_OVER
        detail = leader.text if rejected else f"the leader's order was {leader.status} before it could be copied"
        return replace(copy, decision=Decision.SKIPPED, reason=reason, detail=detail)
    if copy.wanted is not None and copy.wanted.terms.quantity <= 0:
        return replace(copy, decision=Decision.REFUSED, reason=Reason.ZERO_QUANTITY, detail=copy.sized)
    return copy


def _with_drift(copy: Copy, leader: Order) -> Copy:
    now = drift(copy, leader)
    return copy if now == copy.drift else replace(copy, drift=now)


def _alert(draft: Draft, copy: Copy, text: str) -> None:
    draft.notices.append(
        Notice(
            at=draft.now,
            event="alert",
            level=Level.WARNING,
            text=text,
            leader_order_id=copy.leader_order_id,
            follower=copy.follower,
        )
    )
