"""The decision: what the rules want of one leader order for one follower, and why.

Made once, when the order is first ready to be copied; ratio, lots and rule of a copy then stay. Later changes of the
leader's order move the wanted order by the same numbers. An entry that was refused is decided again when the leader
changes a term that the refusal hangs on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as changed

from msgspec.structs import replace

from copyctl.core import filters, mapping, sizing
from copyctl.core.freeze import freeze_of
from copyctl.core.mapping import Mapped, Refusal
from copyctl.core.plan import of
from copyctl.core.sizing import SizingFacts
from copyctl.core.stakes import mapping_of
from copyctl.model.choices import Action, CopyOn, LateFilled, OnLeaderCancel, Slicing
from copyctl.model.copying import Sizing
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.placement import Standing
from copyctl.model.policy import Follower, Policy
from copyctl.model.reasons import Category, Reason, rejected
from copyctl.model.records import Copy, FixedSizing, LeaderOrder
from copyctl.model.terms import Decision, OrderStatus, OrderType, Side, Validity

FLAT = "the leader's position is closed again"
_PRICES = ("price", "trigger_price", "order_type")
_LIMITS_OF_SIZE = ("max_order_quantity", "max_order_lots", "max_position_quantity", "max_underlying_lots")
_LIMITS_OF_VALUE = ("max_order_value", "max_position_value", "max_gross_exposure", "max_concentration_pct")
DECIDED_AGAIN_ON: dict[str, tuple[str, ...]] = {
    Reason.ZERO_QUANTITY: ("quantity",),
    Reason.FREEZE_QUANTITY: ("quantity",),
    Reason.INVALID_ORDER: _PRICES,
    Reason.INVALID_TRIGGER: _PRICES,
    Reason.CHECK_UNAVAILABLE: _PRICES,
    Reason.CIRCUIT_LIMIT: _PRICES,
    Reason.PRICE_GUARD: _PRICES,
    Reason.SELF_TRADE: _PRICES,
    Reason.MARKET_CLOSED: ("order_type", "validity"),
    Reason.UNSUPPORTED_VALIDITY: ("validity",),
    rejected(Category.PRICE_BAND): _PRICES,
    rejected(Category.STRIKE_RANGE): _PRICES,
    rejected(Category.TICK): _PRICES,
    rejected(Category.TRIGGER): _PRICES,
    rejected(Category.QUANTITY): ("quantity",),
    rejected(Category.DISCLOSED): ("disclosed_quantity", "quantity"),
    **{f"limit_{key}": ("quantity",) for key in _LIMITS_OF_SIZE},
    **{f"limit_{key}": ("quantity", *_PRICES) for key in _LIMITS_OF_VALUE},
}
"""Which terms a refusal or a rejection hangs on: the leader's change of one of them opens the decision again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision in the making: the code, the sentence with the numbers, and the rule that made it."""

    decision: Decision
    reason: str | None = None
    detail: str = ""
    rule: str | None = None


def ready(leader: Order, copy_on: CopyOn) -> bool:
    """Has the leader's order come as far as ``copy_on`` asks, or is it over?"""
    if leader.over or copy_on is CopyOn.RECEIVED:
        return True
    return leader.filled > 0 if copy_on is CopyOn.TRADED else leader.accepted


def entry_part(leader: Order, lead: LeaderOrder) -> tuple[Order, LeaderOrder]:
    """What of a leader's order opens a position: the order itself, or what is left of it beyond flat, less what he
    had closed again before we saw it."""
    less = lead.exits + lead.undone
    if not less:
        return leader, lead
    row = f"{leader.order_id}#entry" if lead.exits else leader.order_id
    wish, seen = (replace(terms, quantity=max(0, terms.quantity - less)) for terms in (lead.wish, lead.seen))
    part = replace(lead, order_id=row, wish=wish, seen=seen, filled_at_first=max(0, lead.filled_at_first - less))
    return replace(leader, order_id=row, filled=max(0, leader.filled - less)), part


FactsFor = Callable[[Sizing], SizingFacts]
"""What is known of what a sizing may need."""


def first_decision(
    copy: Copy,
    leader: Order,
    lead: LeaderOrder,
    follower: Follower,
    instrument: Instrument,
    now: int,
    facts: FactsFor,
) -> Copy:
    """The decision on a leader order for a follower that has no placement of it yet."""
    policy = follower.policy
    copy = replace(copy, decided_on=lead.wish)
    rule = filters.first_match(policy.filters, leader, lead.wish, instrument, now)
    name = rule.name if rule else None
    if lead.undone_whole(leader.filled):
        return _with(copy, Verdict(decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT))
    verdict = _out_of_the_question(
        leader, lead, follower, instrument, rule.action if rule is not None else policy.filters.default, name
    )
    if verdict is not None:
        return _with(copy, verdict)
    asked = (rule and rule.sizing) or policy.sizing
    fixed = sizing.fix(asked, name, instrument.lot_size, facts(asked))
    if isinstance(fixed, sizing.Unsized):
        verdict = Verdict(decision=Decision.REFUSED, reason=Reason.CHECK_UNAVAILABLE, detail=fixed.detail, rule=name)
        return _with(copy, verdict)
    missed = _missed(fixed, leader, lead, follower)
    copy = replace(copy, rule=name, sizing=fixed, missed=missed)
    return want(copy, leader, lead, follower, instrument)


def rule_for(leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument, now: int) -> Sizing:
    """The sizing that the rules give this order."""
    rule = filters.first_match(follower.policy.filters, leader, lead.wish, instrument, now)
    return (rule and rule.sizing) or follower.policy.sizing


def follow_on(
    copy: Copy,
    leader: Order,
    lead: LeaderOrder,
    follower: Follower,
    instrument: Instrument,
    now: int,
    facts: FactsFor,
    placed: int,
) -> Copy:
    """A copy whose placements were found at the broker: followed by the numbers that the rules give now, whatever
    they would decide of it today."""
    policy = follower.policy
    rule = filters.first_match(policy.filters, leader, lead.wish, instrument, now)
    name = rule.name if rule else None
    asked = (rule and rule.sizing) or policy.sizing
    fixed = sizing.fix(asked, name, instrument.lot_size, facts(asked))
    if isinstance(fixed, sizing.Unsized):  # it is there, of whatever size: that is what is wanted of it
        fixed = sizing.as_placed(asked, name, instrument.lot_size, placed)
    wish, units = _asked_for(leader, lead, follower, instrument)
    sized = sizing.size(fixed, units)
    mapped = mapping.map_order(leader, wish, sized.quantity, mapping_of(follower, name), instrument)
    detail = f"{sized.detail}; found at the broker"
    return replace(
        copy,
        decision=Decision.COPIED,
        reason=None,
        detail=detail,
        sized=detail,
        rule=name,
        sizing=fixed,
        wanted=mapped.desired if isinstance(mapped, Mapped) else None,
        decided_on=lead.wish,
    )


def want(copy: Copy, leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument) -> Copy:
    """The copy with the order that is wanted by now, by the numbers fixed at its first decision."""
    if copy.sizing is None:
        return copy
    if not copy.slots and (gone := over_without_a_fill(leader)) is not None:
        return _with(replace(copy, decided_on=lead.wish), gone)
    policy = follower.policy
    traded = policy.copy_on is CopyOn.TRADED
    ended = not traded and leader.over and leader.status is not OrderStatus.TRADED
    sent = any(slot.sent and slot.standing is not Standing.REJECTED for slot in copy.slots)
    if ended and copy.slots and not copy.for_filled and (sent or not leader.filled):
        return _after_the_end(copy, leader, lead, policy)
    same_wish = bool(copy.slots) and not copy.closing and lead.wish == copy.decided_on
    if same_wish and not (traded or ended):
        return copy
    wish, units = _asked_for(leader, lead, follower, instrument)
    sized = sizing.size(copy.sizing, units)
    quantity = max(0, sized.quantity - copy.missed - copy.cut)
    if copy.reduced is not None and quantity <= copy.reduced[0]:  # what a limit took does not come back by itself
        copy = replace(copy, reduced=(quantity, min(quantity, copy.reduced[1])))
        quantity = min(quantity, copy.reduced[1]) if copy.reduced is not None else quantity
    copy = replace(copy, decided_on=lead.wish, closing=False, for_filled=ended)
    if same_wish and copy.wanted is not None:
        return _sized(replace(copy, wanted=replace(copy.wanted, terms=of(copy.wanted.terms, quantity))), sized.detail)
    mapped = mapping.map_order(leader, wish, quantity, mapping_of(follower, copy.rule), instrument)
    if isinstance(mapped, Refusal):
        if copy.slots:
            return replace(copy, stuck=mapped.detail)
        return _with(copy, Verdict(decision=Decision.REFUSED, reason=mapped.reason, detail=mapped.detail))
    frozen = freeze_of(mapping_of(follower, copy.rule), instrument)
    if mapping_of(follower, copy.rule).slicing is Slicing.NEVER and frozen.exceeded(quantity):
        detail = f"{quantity} units are above the freeze quantity of {frozen.most} (mapping.slicing: never)"
        if copy.slots:
            return replace(copy, stuck=detail)
        return _with(copy, Verdict(decision=Decision.REFUSED, reason=Reason.FREEZE_QUANTITY, detail=detail))
    if frozen.exceeded(quantity):
        mapped = changed(mapped, notes=(*mapped.notes, Reason.SLICED))
    if quantity == 0 and not copy.slots:
        return _with(replace(copy, wanted=mapped.desired), _nothing_left(sized, lead))
    return _wanted(copy, mapped, sized, leader, lead)


def _asked_for(leader: Order, lead: LeaderOrder, follower: Follower, instrument: Instrument) -> tuple[Terms, int]:
    """The leader's terms as they are to be copied, and how many of his units are sized."""
    policy = follower.policy
    if unseen_fill(leader, lead) and _late(lead, follower) and policy.late.filled is not LateFilled.SKIP:
        return late_terms(leader, lead, policy.late.filled, instrument), leader.filled
    if policy.copy_on is CopyOn.TRADED:
        return traded_terms(lead.wish), leader.filled
    ended = leader.over and leader.status is not OrderStatus.TRADED
    return lead.wish, leader.filled if ended else lead.wish.quantity


def late_terms(leader: Order, lead: LeaderOrder, how: LateFilled, instrument: Instrument) -> Terms:
    """How an entry that had traded unseen is caught up with: at the market, or at the leader's average price, which
    several fills take off the tick."""
    blank = replace(lead.wish, trigger_price=ZERO, price=ZERO, validity=Validity.DAY, disclosed_quantity=0)
    if how is LateFilled.LIMIT:
        price, side = leader.average_price, leader.side or Side.BUY
        on_tick = mapping.to_tick(price, instrument.tick_size, side) if price else ZERO
        return replace(blank, order_type=OrderType.LIMIT, price=on_tick)
    return replace(blank, order_type=OrderType.MARKET)


def _missed(fixed: FixedSizing, leader: Order, lead: LeaderOrder, follower: Follower) -> int:
    """Units that are not wanted, since the leader's had traded unseen."""
    if not _part_missed(leader, lead, follower):
        return 0
    return sizing.size(replace(fixed, carried=ZERO), lead.filled_at_first).quantity


def _nothing_left(sized: sizing.Sized, lead: LeaderOrder) -> Verdict:
    if not sized.quantity:
        return Verdict(decision=Decision.REFUSED, reason=Reason.ZERO_QUANTITY, detail=sized.detail)
    detail = f"{lead.filled_at_first} had traded before it was seen, longer ago than late.max_age; {sized.detail}"
    return Verdict(decision=Decision.SKIPPED, reason=Reason.LATE, detail=detail)


def may_decide_again(copy: Copy, leader: Order, lead: LeaderOrder, follower: Follower) -> bool:
    """Did the leader change a term that this copy's refusal or rejection hangs on, or has enough traded by now?"""
    if follower.policy.copy_on is CopyOn.TRADED and copy.reason in (Reason.ZERO_QUANTITY, Reason.LATE):
        return copy.sizing is not None and sizing.size(copy.sizing, leader.filled).quantity > copy.missed
    if copy.reason == Reason.UNSUPPORTED_VALIDITY and leader.forever and not leader.armed and not copy.for_filled:
        return mapping_of(follower, copy.rule).validity.get(Validity.FOREVER) is not None
    hangs_on = DECIDED_AGAIN_ON.get(copy.reason or "", ())
    before = copy.decided_on
    return before is not None and any(getattr(before, term) != getattr(lead.wish, term) for term in hangs_on)


def _out_of_the_question(
    leader: Order,
    lead: LeaderOrder,
    follower: Follower,
    instrument: Instrument,
    action: Action,
    rule: str | None,
) -> Verdict | None:
    """Why the order is not copied whatever its size, or None."""
    policy = follower.policy
    if (gone := over_without_a_fill(leader)) is not None:
        return gone
    if action is Action.SKIP:
        detail = f"filter rule: {rule}" if rule else "filters.default: skip"
        return Verdict(decision=Decision.SKIPPED, reason=Reason.FILTERED, detail=detail, rule=rule)
    if leader.after_market and policy.mapping.after_market is Action.SKIP:
        return Verdict(decision=Decision.SKIPPED, reason=Reason.AFTER_MARKET, detail="mapping.after_market: skip")
    if policy.checks.instrument and not instrument.known:
        detail = f"security id {leader.security_id} of {leader.segment} is not in the instrument master"
        return Verdict(decision=Decision.REFUSED, reason=Reason.UNKNOWN_INSTRUMENT, detail=detail)
    if not follower.enabled:
        detail = "followers.enabled is false: no entries"
        return Verdict(decision=Decision.REFUSED, reason=Reason.FOLLOWER_LEAVING, detail=detail)
    if _late(lead, follower) and unseen_fill(leader, lead) and policy.late.filled is LateFilled.SKIP:
        detail = f"it had traded {leader.filled} before it was seen, longer ago than late.max_age"
        return Verdict(decision=Decision.SKIPPED, reason=Reason.LATE, detail=detail)
    return None


def over_without_a_fill(leader: Order) -> Verdict | None:
    """Was the leader's order rejected, cancelled or expired with nothing traded?"""
    if leader.status is OrderStatus.REJECTED:
        return Verdict(decision=Decision.SKIPPED, reason=Reason.LEADER_REJECTED, detail=leader.text)
    if leader.over and not leader.filled:
        detail = f"the leader's order was {leader.status} before it could be copied"
        return Verdict(decision=Decision.SKIPPED, reason=Reason.LEADER_OVER, detail=detail)
    return None


def unseen_fill(leader: Order, lead: LeaderOrder) -> bool:
    """Had the leader's order traded and ended when it was first seen?"""
    return leader.over and 0 < leader.filled <= lead.filled_at_first


def _late(lead: LeaderOrder, follower: Follower) -> bool:
    return lead.unseen_for > follower.policy.late.max_age


def _part_missed(leader: Order, lead: LeaderOrder, follower: Follower) -> bool:
    """Did part of an order that still rests trade unseen? That part is not wanted any more."""
    if leader.over or follower.policy.late.filled is not LateFilled.SKIP:
        return False
    return _late(lead, follower) and lead.filled_at_first > 0


def _after_the_end(copy: Copy, leader: Order, lead: LeaderOrder, policy: Policy) -> Copy:
    """The leader's order ended before it was done: the follower's rest is cancelled, its fills stand."""
    keep = policy.fills.on_leader_cancel is OnLeaderCancel.KEEP and leader.status is not OrderStatus.REJECTED
    if keep and not copy.closing and copy.at_broker:
        return replace(copy, decided_on=lead.wish)
    if copy.sizing is None or copy.wanted is None:
        return replace(copy, closing=True)
    quantity = max(0, sizing.size(copy.sizing, leader.filled).quantity - copy.missed - copy.cut)
    wanted = replace(copy.wanted, terms=replace(copy.wanted.terms, quantity=quantity))
    return replace(copy, closing=True, wanted=wanted)


def _wanted(copy: Copy, mapped: Mapped, sized: sizing.Sized, leader: Order, lead: LeaderOrder) -> Copy:
    """A copy that is wanted, with the notes of what was bent for it."""
    notes = list(mapped.notes)
    if sized.raised:
        notes.append(Reason.MINIMUM_RAISED)
    if lead.unseen_for and leader.filled and not copy.slots:
        notes.append(Reason.LATE_COPIED)
    said = [sized.detail, *notes, *filter(None, [mapping.marketable(leader, lead.wish)])]
    detail = "; ".join(said)
    copy = replace(copy, wanted=mapped.desired, stuck="")
    if copy.slots:
        return _sized(copy, detail)
    note = notes[0] if notes else None
    return replace(copy, decision=Decision.COPIED, reason=note, note=note, detail=detail, sized=detail)


def _sized(copy: Copy, detail: str) -> Copy:
    """The copy with the arithmetic of its newest size."""
    if copy.sized == detail or copy.sized.startswith(f"{detail};"):
        return copy
    return replace(copy, sized=detail, detail=detail if copy.decision is Decision.COPIED else copy.detail)


def _with(copy: Copy, verdict: Verdict) -> Copy:
    return replace(
        copy,
        decision=verdict.decision,
        reason=verdict.reason,
        detail=verdict.detail,
        rule=verdict.rule if verdict.rule is not None else copy.rule,
    )


def traded_terms(wish: Terms) -> Terms:
    """``copy_on: traded``: at the leader's limit, at the market where his order was one; a stop is one no more."""
    if wish.order_type.has_price:
        return replace(wish, order_type=OrderType.LIMIT, trigger_price=ZERO)
    return replace(wish, order_type=OrderType.MARKET, trigger_price=ZERO)
