"""Attending: what is wanted of one leader order by now, for each follower, and what is asked for because of it."""

from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from copyctl.core.baskets import Fail, Wait
from copyctl.core.capital import lacks_capital, sizing_facts
from copyctl.core.checks import Asked, Later, check
from copyctl.core.decide import (
    FLAT,
    Verdict,
    entry_part,
    first_decision,
    follow_on,
    may_decide_again,
    ready,
    rule_for,
    want,
)
from copyctl.core.drift import drift
from copyctl.core.entries import followed
from copyctl.core.index import instrument_of, is_open
from copyctl.core.legs import joined, verdict
from copyctl.core.plan import of
from copyctl.core.positions import unknown_position
from copyctl.core.pursue import adopt, placed_already, pursue
from copyctl.core.settle import is_copied
from copyctl.core.sizing import SizingFacts
from copyctl.core.state import Draft, copy_key, instrument_key, order_key
from copyctl.model.choices import ConfirmShort
from copyctl.model.copying import Sizing
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.terms import Decision, Level, OrderStatus, Side


def attend(draft: Draft, rules: Rules, touched: str) -> None:
    """Look again at what is wanted of a leader order: for one follower ("order/follower"), or for all. What of it
    closes a position is left to the exits of that instrument."""
    row, _, account = touched.partition("/")
    own = draft.copies.get(touched) if row.startswith("position:") else None
    if own is not None and own.exit:
        draft.moved[(own.follower, instrument_of(own))] = None
        return
    order_id = row.partition("#")[0]
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
        if lead.exits:
            draft.moved[(follower.client_id, lead.instrument)] = None
        if lead.exits < lead.wish.quantity or draft.copies.get(copy_key(part.order_id, follower.client_id)):
            _attend_follower(draft, rules, part, part_lead, follower, instrument)


def _attend_follower(
    draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument
) -> None:
    before = draft.copies.get(copy_key(leader.order_id, follower.client_id))
    if before is None and not ready(leader, follower.policy.copy_on):
        return
    if before is not None and before.exit:
        return
    if before is not None and _settled_for_good(before) and not may_decide_again(before, leader, lead, follower):
        return
    copy = replace(before, due_at=0) if before is not None and 0 < before.due_at <= draft.now else before
    copy = copy or Copy(
        leader_order_id=leader.order_id,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        created_at=draft.now,
        updated_at=draft.now,
    )
    if copy.slots:
        copy = _follow(copy, leader, lead, follower, instrument)
    elif (waits := _waits(draft, rules, leader, lead, follower)) is not None:
        copy = replace(copy, decision=Decision.QUEUED, reason=waits.reason, detail=waits.detail)
    else:
        copy = _decide(draft, rules, copy, leader, lead, follower, instrument)
    one = Asked(draft=draft, rules=rules, follower=follower, copy=copy, leader=leader, lead=lead, instrument=instrument)
    one = one.with_copy(followed(one))
    copy, passed = _passed(one, before)
    if passed and (copy.slots or copy.decision is Decision.COPIED):
        copy = _concluded(pursue(draft, rules, copy, leader, follower), leader)
    copy = _with_drift(copy, leader)
    if copy == before:
        return
    if copy.stuck and (before is None or copy.stuck != before.stuck):
        _alert(draft, copy, f"the leader's change cannot be copied: {copy.stuck}")
    draft.copies.put(replace(copy, updated_at=draft.now))


def _waits(draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder, follower: Follower) -> Verdict | None:
    """What must be known before anything can be said of this order at all, or None."""
    if not draft.account(follower.client_id).ready:
        return Verdict(
            decision=Decision.QUEUED, reason=Reason.CHECKING, detail="the follower's books were not read yet"
        )
    if not lead.classified:
        detail = unknown_position(draft, rules.leader.client_id) or "it is not known yet what it closes"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if not_confirmed(draft, rules, leader, lead, follower):
        draft.effects.append(ReadBooks(account=rules.leader.client_id))
        detail = "it would open a short: the leader's order book is read first (exits.confirm_short)"
        return Verdict(decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    if lead.order_id.endswith("#entry") and follower.policy.exits.never_reverse:
        exit_part = draft.copies.get(copy_key(lead.order_id.removesuffix("#entry"), follower.client_id))
        if exit_part is not None and is_open(exit_part):
            detail = "the exit part of this reversal has not filled yet"
            return Verdict(decision=Decision.QUEUED, reason=Reason.EXIT_OPEN, detail=detail)
    return None


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


def _passed(one: Asked, before: Copy | None) -> tuple[Copy, bool]:
    """The copy after the checks of what is new in it; False: what is wanted must not be asked for, or not yet."""
    copy = one.copy
    if copy.wanted is None or copy.closing or copy.stopped or copy.given_up or copy.decision is Decision.SKIPPED:
        return copy, True
    terms = copy.wanted.terms
    open_before = any(slot.live for slot in copy.slots)
    if terms == copy.checked or (copy.decision in (Decision.REFUSED, Decision.DEAD) and not copy.slots):
        return copy, True
    if copy.slots and (terms.quantity <= copy.filled or _lessened(copy)):
        return replace(copy, checked=terms), True
    one = one.with_copy(joined(one.draft, one.follower, copy, one.lead, one.instrument))
    answer = _basket(one) or check(one)
    copy = one.copy
    if isinstance(answer, Copy):
        return replace(answer, waits=False), True
    if isinstance(answer, Later):
        due_at = answer.until if answer.until else copy.due_at
        if copy.slots:
            return replace(copy, due_at=due_at, waits=True), False
        return replace(copy, decision=Decision.QUEUED, reason=answer.reason, detail=answer.detail, due_at=due_at), False
    if not copy.slots:
        return replace(
            copy, decision=answer.decision, reason=answer.reason, detail=answer.detail, hold=Decimal(0), note=None
        ), False
    copy = replace(copy, waits=False)
    if not open_before or before is None or before.checked is None:
        return replace(copy, stuck=answer.detail, closing=not open_before), open_before
    if copy.wanted is None:
        return copy, False
    stays = replace(copy.wanted, terms=before.checked)
    return replace(copy, wanted=stays, pursued=stays, stuck=answer.detail), False


def _basket(one: Asked) -> Later | Verdict | None:
    """Does this leg of a basket wait for others, or not go at all? None: it may be checked like any entry."""
    if not one.copy.basket:
        return None
    found = verdict(one.draft, one.rules, one.follower, one.copy)
    if isinstance(found, Fail):
        return Verdict(decision=Decision.REFUSED, reason=Reason.BASKET_FAILED, detail=found.detail)
    if isinstance(found, Wait):
        return Later(reason=Reason.BASKET, detail=found.detail, until=found.until or 0)
    return None


def _lessened(copy: Copy) -> bool:
    """Is what is wanted now less of what has passed already, and otherwise the same?"""
    if copy.checked is None or copy.wanted is None:
        return False
    terms = copy.wanted.terms
    return terms.quantity <= copy.checked.quantity and of(copy.checked, terms.quantity) == terms


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
    facts = partial(_facts, draft, rules, follower.client_id, leader, lead, instrument)
    orders = placed_already(draft, rules, copy)
    if orders:
        placed = sum(order.filled + order.leaves for order in orders)
        copy = follow_on(copy, leader, lead, follower, instrument, draft.now, facts, placed)
        copy = adopt(copy, orders, draft.now)
        copy = replace(copy, checked=copy.wanted.terms if copy.wanted else None)
        return _follow(copy, leader, lead, follower, instrument)
    if copy.sizing is not None:
        return want(copy, leader, lead, follower, instrument)
    lacking = lacks_capital(draft, rules, rule_for(leader, lead, follower, instrument, draft.now), follower.client_id)
    if lacking:
        detail = f"the funds of {lacking} were asked for, to size it by"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail)
    return first_decision(copy, leader, lead, follower, instrument, draft.now, facts)


def _facts(
    draft: Draft,
    rules: Rules,
    follower: str,
    leader: Order,
    lead: LeaderOrder,
    instrument: Instrument,
    sizing: Sizing,
) -> SizingFacts:
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
    if not copy.slots or any(slot.live or slot.order_id for slot in copy.slots):
        return copy
    if copy.stopped:
        return replace(copy, decision=Decision.REFUSED, reason=Reason.KILL_SWITCH, detail="the kill switch is on")
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
