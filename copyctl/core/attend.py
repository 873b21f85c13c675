"""Attending: what is wanted of one leader order by now, for each follower, and what is asked for because of it."""

import dataclasses
from functools import partial

from msgspec.structs import replace

from copyctl.core import holds
from copyctl.core.asked import Asked, Later
from copyctl.core.capital import lacking, sizing_facts
from copyctl.core.decide import (
    FLAT,
    Verdict,
    entry_part,
    first_decision,
    follow_on,
    may_decide_again,
    over_without_a_fill,
    ready,
    rule_for,
    want,
)
from copyctl.core.drift import drift
from copyctl.core.entries import LAG_CANCEL, SQUARED_OFF, followed, with_price
from copyctl.core.entry_cuts import without_closed
from copyctl.core.hours import SECOND
from copyctl.core.index import instrument_of, is_open
from copyctl.core.keys import copy_key, instrument_key, leader_id, order_key, policy_mark
from copyctl.core.legs import joined
from copyctl.core.likeness import take_over
from copyctl.core.naming import LEGGED
from copyctl.core.passing import killed, later, passed
from copyctl.core.positions import closed_since
from copyctl.core.pursue import adopt, placed_already, pursue
from copyctl.core.settle import is_copied
from copyctl.core.sizing import SizingFacts
from copyctl.core.stakes import still_closing
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.core.unread import unknown_position
from copyctl.model.alerts import Alert
from copyctl.model.choices import ConfirmShort, SuperOrder
from copyctl.model.copying import Sizing
from copyctl.model.effects import ReadBooks
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.terms import Decision, OrderStatus, Side

READ_AGAIN = SECOND
"""The book of super orders is asked for again after this, while it does not show what was announced."""


def attend(draft: Draft, rules: Rules, touched: str) -> None:
    """Look again at what is wanted of a leader order: for one follower ("order/follower"), or for all. What of it
    closes a position is left to the exits of that instrument."""
    row, _, account = touched.partition("/")
    own = draft.copies.get(touched) if account else None
    if own is not None and own.exit and (row.startswith("position:") or draft.leader_orders.get(row) is None):
        draft.moved[(own.follower, instrument_of(own))] = None
        return
    order_id = leader_id(row)
    leader = draft.orders.get(order_key(rules.leader.client_id, order_id))
    lead = draft.leader_orders.get(order_id)
    if leader is None or lead is None or leader.segment is None or leader.security_id is None:
        return
    instrument = draft.instruments.get(instrument_key(leader.segment, leader.security_id))
    if instrument is None:
        return  # the answer to the question for it comes in the same turn
    part, part_lead = entry_part(leader, lead)
    for follower in rules.followers:
        if account not in ("", follower.client_id) or draft.account(follower.client_id).held:
            continue
        if row.startswith("position:") and draft.copies.get(copy_key(row, follower.client_id)) is None:
            continue  # a row of our own concerns those for whom it was made
        if lead.exits:
            draft.moved[(follower.client_id, lead.instrument)] = None
        if lead.exits < lead.wish.quantity or draft.copies.get(copy_key(part.order_id, follower.client_id)):
            _attend_follower(draft, rules, part, part_lead, follower, instrument)


def _as_newcomers_see_it(
    draft: Draft, leader: Order, lead: LeaderOrder, follower: Follower, copy: Copy | None
) -> LeaderOrder:
    """For a follower that came after an order of the leader was seen, its fills are as old as the order: they follow
    ``late``, as if they had been missed."""
    missed_for = draft.account(follower.client_id).since - lead.first_seen_at
    if missed_for <= lead.unseen_for or (copy is not None and copy.slots):
        return lead
    return replace(lead, unseen_for=missed_for, filled_at_first=leader.filled)


def _attend_follower(
    draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument
) -> None:
    before = draft.copies.get(copy_key(leader.order_id, follower.client_id))
    leader, lead = without_closed(leader, lead, before)
    lead = _as_newcomers_see_it(draft, leader, lead, follower, before)
    if before is None and not ready(leader, follower.policy.copy_on):
        return
    if before is not None and before.exit:
        return
    if before is not None and _settled_for_good(before) and not may_decide_again(before, leader, lead, follower):
        return
    copy = replace(before, due_at=0) if before is not None and 0 < before.due_at <= draft.now else before
    if copy is not None and _settled_for_good(copy):
        copy = replace(copy, wanted_since=draft.now, policy=policy_mark(draft.rules))
    copy = copy or Copy(
        leader_order_id=leader.order_id,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        policy=policy_mark(draft.rules),
        created_at=draft.now,
        updated_at=draft.now,
    )
    waits = None if copy.slots else what_is_missing(draft, rules, leader, lead, follower)
    may_go = False
    one = Asked(draft=draft, rules=rules, follower=follower, copy=copy, leader=leader, lead=lead, instrument=instrument)
    if waits is not None:
        again = draft.now + READ_AGAIN + 1 if _lacks_exits(leader, follower) else 0
        copy = replace(copy, decision=Decision.QUEUED, reason=waits.reason, detail=waits.detail, due_at=again)
        copy = joined(draft, follower, copy, lead, instrument) if lead.classified else copy
    elif isinstance(priced := with_price(one), Later):
        copy = later(one, priced)
    else:
        leader = priced
        if copy.slots:
            copy = _follow(copy, leader, lead, follower, instrument)
        else:
            copy = _decide(draft, rules, copy, leader, lead, follower, instrument)
            copy = joined(draft, follower, copy, lead, instrument)
        one = dataclasses.replace(one, copy=copy, leader=leader)
        copy, may_go = passed(one.with_copy(followed(one)), before)
    if may_go and (copy.slots or copy.decision is Decision.COPIED):
        there = take_over(draft, rules, copy, leader)
        copy = _concluded(pursue(draft, rules, there, leader, follower), leader)
    copy = _with_drift(copy, leader)
    if copy == before:
        return
    if copy.stuck and (before is None or copy.stuck != before.stuck):
        alert(
            draft,
            Alert.CHANGE_NOT_COPIED,
            f"the leader's change cannot be copied: {copy.stuck}",
            row=copy.leader_order_id,
            follower=copy.follower,
        )
    draft.copies.put(replace(copy, updated_at=draft.now))


def what_is_missing(draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower) -> Verdict | None:
    """What must be known before anything can be said of this order at all, or None."""
    account = draft.account(follower.client_id)
    held = holds.undecided(account) if not account.killed_at and not over_without_a_fill(leader) else None
    if held is not None:
        return Verdict(decision=Decision.QUEUED, reason=held[0], detail=held[1])
    if not account.ready:
        return Verdict(
            decision=Decision.QUEUED, reason=Reason.CHECKING, detail="the follower's books were not read yet"
        )
    sought = draft.instruments.get(lead.instrument)
    if sought is not None and sought.sought:
        detail = "the instrument master is read once more: it does not know this security id"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if not lead.classified:
        detail = unknown_position(draft, rules.leader.client_id) or "it is not known yet what it closes"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if account.killed_at:
        return None  # whatever else it would wait for: it is refused
    if _lacks_exits(leader, follower) and not over_without_a_fill(leader):
        if draft.account(leader.account).special_at < draft.now - READ_AGAIN:
            draft.effects.append(ReadBooks(account=leader.account, special=True))
        detail = "the target and stop of the leader's order are read"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if not_confirmed(draft, rules, leader, lead, follower):
        draft.effects.append(ReadBooks(account=rules.leader.client_id))
        detail = "it would open a short: the leader's order book is read first (exits.confirm_short)"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if lead.order_id.endswith("#entry") and follower.policy.exits.never_reverse:
        exit_part = draft.copies.get(copy_key(lead.order_id.removesuffix("#entry"), follower.client_id))
        if exit_part is None or is_open(exit_part):
            detail = "the exit part of this reversal has not filled yet"
            return Verdict(decision=Decision.QUEUED, reason=Reason.EXIT_OPEN, detail=detail)
    if follower.policy.exits.never_reverse and still_closing(draft, rules, follower, leader):
        detail = "what was copied on the other side is not closed yet"
        return Verdict(decision=Decision.QUEUED, reason=Reason.EXIT_OPEN, detail=detail)
    return None


def _lacks_exits(leader: Order, follower: Follower) -> bool:
    """Do its target and stop have to be read yet, for the follower's broker to keep them too? Frames never tell those
    of a super, CO or BO order, and a row may say that it has none."""
    if leader.bracket is not None or leader.is_leg:
        return False
    own = (rule.mapping for rule in follower.policy.filters.rules if rule.mapping is not None)
    mappings = (follower.policy.mapping, *own)
    if leader.super_order:
        return any(one.super_order is SuperOrder.COPY for one in mappings)
    product = leader.product
    if product not in LEGGED or leader.book_as_of:
        return False
    return any(one.product.get(product, product) in LEGGED for one in mappings)


def not_confirmed(draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower) -> bool:
    """Would this SELL, by our picture, open a short that nobody has looked at (scenario 4.7)?"""
    how = follower.policy.exits.confirm_short
    if how is ConfirmShort.NEVER or leader.side is not Side.SELL:
        return False
    account = draft.account(rules.leader.client_id)
    if account.books_at > lead.first_seen_at:
        return False
    blind = not account.stream_up or account.connected_at > account.books_at
    return how is ConfirmShort.ALWAYS or lead.recently or blind


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
    facts = partial(facts_for, draft, rules, follower.client_id, leader, lead, instrument)
    if copy.sizing is None:
        copy = replace(copy, policy=policy_mark(draft.rules))
    orders = placed_already(draft, rules, copy)
    if orders:
        placed = sum(order.filled + order.leaves for order in orders)
        copy = follow_on(copy, leader, lead, follower, instrument, draft.now, facts, placed)
        copy = closed_since(draft, adopt(copy, orders, draft.now), lead)
        copy = replace(copy, checked=copy.wanted.terms if copy.wanted else None)
        return _follow(copy, leader, lead, follower, instrument)
    if copy.sizing is not None:
        return want(copy, leader, lead, follower, instrument)
    sizing = rule_for(leader, lead, follower, instrument, draft.now)
    waits = lacking(draft, rules, sizing, follower.client_id, leader, lead, instrument)
    if waits and draft.account(follower.client_id).killed_at:
        return killed(draft, copy)
    if waits:
        return replace(copy, decision=Decision.QUEUED, reason=Reason.CHECKING, detail=waits)
    return first_decision(copy, leader, lead, follower, instrument, draft.now, facts)


def facts_for(
    draft: Draft,
    rules: Rules,
    follower: str,
    leader: Order,
    lead: LeaderOrder,
    instrument: Instrument,
    sizing: Sizing,
) -> SizingFacts:
    """What is known of what a sizing may need."""
    return sizing_facts(draft, rules, sizing, follower, leader, lead, instrument)


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
    if not copy.slots or any(slot.live or slot.at_broker for slot in copy.slots):
        return copy
    if copy.stopped:
        return replace(copy, decision=Decision.REFUSED, reason=Reason.KILL_SWITCH, detail="the kill switch is on")
    if copy.given_up in _GIVEN_UP:
        decision, reason = _GIVEN_UP[copy.given_up]
        return replace(copy, decision=decision, reason=reason, detail=copy.given_up)
    if copy.closing:
        rejected = leader.status is OrderStatus.REJECTED
        reason = Reason.LEADER_REJECTED if rejected else Reason.LEADER_OVER
        detail = leader.text if rejected else f"the leader's order was {leader.status} before it could be copied"
        return replace(copy, decision=Decision.SKIPPED, reason=reason, detail=detail)
    if copy.cut and copy.wanted is not None and copy.wanted.terms.quantity <= 0:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT)
    if copy.wanted is not None and copy.wanted.terms.quantity <= 0:
        return replace(copy, decision=Decision.REFUSED, reason=Reason.ZERO_QUANTITY, detail=copy.sized)
    return copy


_GIVEN_UP = {
    SQUARED_OFF: (Decision.REFUSED, Reason.SQUARE_OFF),
    LAG_CANCEL: (Decision.SKIPPED, Reason.LATE),
}


def _with_drift(copy: Copy, leader: Order) -> Copy:
    now = drift(copy, leader)
    return copy if now == copy.drift else replace(copy, drift=now)
