"""Owing: what a trade of the leader's exit asks of every follower.

Fills of entries raise a position's target, each trade of the leader's exits lowers it by the share that it took of his
position (scenario 4.6). The share is of what the follower would hold had its entries filled as the leader's did: what
is still missing of that is taken from the entries, the rest is due (scenario 4.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import mapping, sizing
from copyctl.core.capital import sizing_facts
from copyctl.core.entry_cuts import cut_entries, entries_into, take_back_unsized
from copyctl.core.exit_plan import in_lots
from copyctl.core.keys import copy_key
from copyctl.core.positions import Closing, sign_of
from copyctl.core.stakes import behind, blank, cap_of, exit_rule, leader_net, mapping_of, stakes
from copyctl.core.state import Draft
from copyctl.model.choices import Action, CopyOn, ExitBase, LateFilled, Proportion
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.terms import Decision


def leader_closed(draft: Draft, rules: Rules, closing: Closing) -> None:
    """The leader's exit has traded: every follower owes the same share of what it has, or would have."""
    instrument = draft.instruments.get(closing.lead.instrument)
    for follower in rules.followers:
        one = _case(draft, rules, follower, closing, instrument)
        if one is not None and draft.account(follower.client_id).held:
            _remember(one)
        elif one is not None:
            _owe(one)
        draft.moved[(follower.client_id, closing.lead.instrument)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One trade of the leader's exit, for one follower. ``units`` of ``before``: the share. ``copy``: its row, where
    there is one; ``others``: positions beside the one that its order goes to."""

    draft: Draft
    rules: Rules
    follower: Follower
    lead: LeaderOrder
    order: Order
    lot: int
    units: int
    before: int
    copy: Copy | None
    stake: Position
    others: Sequence[Position]

    @property
    def flat(self) -> bool:
        """Has the leader nothing left that was copied?"""
        return self.units >= self.before

    @property
    def sign(self) -> int:
        """+1 where it closes what was bought."""
        return -sign_of(self.order.side) if self.order.side else 0

    def share_of(self, units: Decimal) -> Decimal:
        """The leader's share of so many units."""
        return units if self.flat else units * self.units / self.before


def _case(
    draft: Draft, rules: Rules, follower: Follower, closing: Closing, instrument: Instrument | None
) -> _Case | None:
    """None: this exit asks nothing of this follower."""
    lead, order = closing.lead, closing.order
    copy = as_exit(draft.copies.get(copy_key(lead.order_id, follower.client_id)))
    if copy is not None and not copy.exit:
        return None  # it was taken for an entry, and is one
    if barred(draft, follower, order, lead, instrument, copy) is not None:
        return None
    rule = exit_rule(follower, order, lead.wish, instrument, draft.now)
    how = mapping_of(follower, rule.name if rule else None)
    first, *others = stakes(draft, rules, follower, order, how)
    there = _before(draft, closing, behind(draft, rules, order, first.product, how))
    left = max(0, there - closing.units)
    before = max(0, there - first.apart)
    units = min(closing.units, before)
    if first.apart > left:
        first = replace(first, apart=left)
        draft.positions.put(first)
    if not units:
        return None
    return _Case(
        draft=draft,
        rules=rules,
        follower=follower,
        lead=lead,
        order=order,
        lot=instrument.lot_size if instrument else 1,
        units=units,
        before=before,
        copy=copy,
        stake=first,
        others=others,
    )


def _before(draft: Draft, closing: Closing, behind_now: int) -> int:
    """What the leader had behind the follower's position before this trade of his, all products together that are
    one for the follower."""
    beside = behind_now + sign_of(closing.order.side) * leader_net(draft, closing.order) if closing.order.side else 0
    return max(closing.before, min(closing.before + max(0, beside), closing.units + behind_now))


def as_exit(copy: Copy | None) -> Copy | None:
    """A row that was made before it was known what the leader's order is, and of which nothing was decided, or which
    was refused as an entry."""
    if copy is None or copy.exit or copy.slots:
        return copy
    if copy.decision is Decision.REFUSED:
        return replace(copy, exit=True, decision=Decision.QUEUED, reason=None, detail="", sizing=None, wanted=None)
    return replace(copy, exit=True) if copy.decision is Decision.QUEUED and copy.sizing is None else copy


def barred(
    draft: Draft,
    follower: Follower,
    order: Order,
    lead: LeaderOrder,
    instrument: Instrument | None,
    copy: Copy | None,
) -> tuple[Decision, Reason, str] | None:
    """``exits.always_copy: false``: why an exit is not copied, None where it is. Decided once."""
    policy = follower.policy
    if policy.exits.always_copy:
        return None
    if copy is not None and copy.decision is Decision.SKIPPED and copy.reason in _BARRED:
        return copy.decision, Reason(copy.reason), copy.detail
    if copy is not None and (copy.slots or copy.due or copy.cut):
        return None
    rule = exit_rule(follower, order, lead.wish, instrument, draft.now)
    if (rule.action if rule else policy.filters.default) is Action.SKIP:
        detail = f"filter rule: {rule.name}" if rule else "filters.default: skip"
        return Decision.SKIPPED, Reason.FILTERED, detail
    if order.after_market and policy.mapping.after_market is Action.SKIP:
        return Decision.SKIPPED, Reason.AFTER_MARKET, "mapping.after_market: skip"
    late = lead.unseen_for > policy.late.max_age and lead.filled_at_first > 0
    if late and policy.late.filled is LateFilled.SKIP:
        detail = f"it had traded {lead.filled_at_first} before it was seen, longer ago than late.max_age"
        return Decision.SKIPPED, Reason.LATE, detail
    if instrument is not None:
        how = mapping_of(follower, rule.name if rule else None)
        mapped = mapping.map_order(order, lead.wish, lead.wish.quantity, how, instrument)
        if isinstance(mapped, mapping.Refusal):
            return Decision.REFUSED, mapped.reason, mapped.detail
    return None


_BARRED = frozenset({Reason.FILTERED.value, Reason.AFTER_MARKET.value, Reason.LATE.value})


def _remember(one: _Case) -> None:
    """Of a follower of whom nothing is decided now: what it owes is kept for when it is."""
    target = abs(one.stake.target)
    less = one.share_of(target)
    one.draft.positions.put(replace(one.stake, target=one.sign * (target - less)))
    copy = one.copy or blank(one.draft, one.lead.order_id, one.follower)
    one.draft.copies.put(replace(copy, due=copy.due + less, urgent=copy.urgent or Reason.LATE_COPIED))


def _owe(one: _Case) -> None:
    draft, stake = one.draft, one.stake
    entries = entries_into(draft, one.follower, one.order, one.lead.instrument)
    met = take_back_unsized(draft, entries, one.units, flat=one.flat)
    one = changed(one, units=one.units - met, before=max(0, one.before - sum(entry.unsized for entry in entries)))
    lacking = sum(entry.lacking for entry in entries)
    held = max(ZERO, _held(one) + lacking - sum(entry.early for entry in entries))
    less = one.share_of(held)
    if one.follower.policy.exits.proportion is Proportion.ORDER and not one.flat:
        asked = _like_an_entry(one)
        less = less if asked is None else min(Decimal(asked), held)
    cut = lacking if one.flat else min(lacking, in_lots(less, one.lot))
    cut_entries(draft, entries, cut)
    less = max(ZERO, less - cut)
    target = max(ZERO, one.sign * stake.target)
    if less and target:
        draft.positions.put(replace(stake, target=one.sign * (target - min(less, target))))
    for here in one.others:
        if here.target * one.sign > 0:
            draft.positions.put(replace(here, target=here.target - one.share_of(here.target)))
    _put_row(one, less, cut, met=bool(met))


def _put_row(one: _Case, less: Decimal, cut: int, *, met: bool) -> None:
    """Note on the exit's row what is due by it, and that it is late where it is. ``met``: entries that had no size yet
    gave way to it."""
    draft, copy = one.draft, one.copy
    if copy is None and not (less or cut or met):
        return
    late = bool(one.lead.unseen_for)
    if copy is None:
        copy = blank(draft, one.lead.order_id, one.follower)
    elif one.follower.policy.copy_on is not CopyOn.TRADED:
        late = True
    if late and less and not copy.urgent and not any(slot.live for slot in copy.slots):
        copy = replace(copy, urgent=Reason.LATE_COPIED, note=copy.note or Reason.LATE_COPIED)
    note = Reason.ENTRY_CUT if cut or met else copy.note
    draft.copies.put(replace(copy, due=copy.due + less, cut=copy.cut + cut, note=note, updated_at=draft.now))


def _held(one: _Case) -> Decimal:
    """What the follower has of what is to be closed, less what is owed of it already."""
    if one.follower.policy.exits.base is ExitBase.COPIED:
        return max(ZERO, one.sign * one.stake.target)
    owed = ZERO
    for copy in one.draft.unsettled_copies_in(one.follower.client_id, one.lead.instrument):
        wanted = copy.wanted
        if copy.exit and wanted and wanted.product is one.stake.product and wanted.side is one.order.side:
            owed += max(ZERO, copy.due - copy.filled)
    return max(ZERO, cap_of(one.draft, one.follower, one.stake, one.sign) - owed)


def _like_an_entry(one: _Case) -> int | None:
    """``exits.proportion: order``: the units that an entry of what has traded by now would have, less those that it
    had before; None where that cannot be sized."""
    total = min(one.order.filled, one.lead.exits)
    units = sized_like_an_entry(one.draft, one.rules, one.follower, one.order, one.lead, (total, total - one.units))
    return None if units is None else units[0] - units[1]


def sized_like_an_entry(
    draft: Draft, rules: Rules, follower: Follower, order: Order, lead: LeaderOrder, units: Sequence[int]
) -> list[int] | None:
    """What an entry of each of these quantities of the leader's would be."""
    instrument = draft.instruments.get(lead.instrument)
    if instrument is None:
        return None
    rule = exit_rule(follower, order, lead.wish, instrument, draft.now)
    asked = (rule and rule.sizing) or follower.policy.sizing
    facts = sizing_facts(draft, rules, asked, follower.client_id, order, lead, instrument)
    fixed = sizing.fix(asked, rule.name if rule else None, instrument.lot_size, facts)
    if isinstance(fixed, sizing.Unsized):
        return None
    return [sizing.size(fixed, one).quantity for one in units]
