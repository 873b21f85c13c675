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

from copyctl.core import sizing
from copyctl.core.capital import sizing_facts
from copyctl.core.decide import FLAT, entry_part
from copyctl.core.exit_plan import in_lots
from copyctl.core.index import is_open
from copyctl.core.positions import Closing, position, sign_of
from copyctl.core.stakes import ZERO, cap_of, exit_rule, leader_id, leader_position, mapping_of, stakes
from copyctl.core.state import Draft, copy_key, order_key
from copyctl.model.choices import Action, CopyOn, ExitBase, LateFilled, Proportion
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
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
    first, *others = stakes(draft, rules, follower, order, mapping_of(follower, rule.name if rule else None))
    left = max(0, closing.before - closing.units)
    before = max(0, closing.before - first.apart)
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


def as_exit(copy: Copy | None) -> Copy | None:
    """A row that was made before it was known what the leader's order is, and of which nothing was decided."""
    if copy is None or copy.exit or copy.slots or copy.sizing is not None:
        return copy
    return replace(copy, exit=True) if copy.decision is Decision.QUEUED else copy


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
    return None


_BARRED = frozenset({Reason.FILTERED.value, Reason.AFTER_MARKET.value, Reason.LATE.value})


def blank(draft: Draft, row: str, follower: Follower) -> Copy:
    """A new row of an exit."""
    return Copy(
        leader_order_id=row,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        exit=True,
        created_at=draft.now,
        updated_at=draft.now,
    )


def _remember(one: _Case) -> None:
    """Of a follower of whom nothing is decided now: what it owes is kept for when it is."""
    target = abs(one.stake.target)
    less = one.share_of(target)
    one.draft.positions.put(replace(one.stake, target=one.sign * (target - less)))
    copy = one.copy or blank(one.draft, one.lead.order_id, one.follower)
    one.draft.copies.put(replace(copy, due=copy.due + less, urgent=copy.urgent or Reason.LATE_COPIED))


def _owe(one: _Case) -> None:
    draft, stake = one.draft, one.stake
    entries = _entries(one)
    met = _take_back_unsized(one, entries)
    one = changed(one, units=one.units - met, before=max(0, one.before - sum(entry.unsized for entry in entries)))
    lacking = sum(entry.lacking for entry in entries)
    held = max(ZERO, _held(one) + lacking - sum(entry.early for entry in entries))
    less = one.share_of(held)
    if one.follower.policy.exits.proportion is Proportion.ORDER and not one.flat:
        asked = _like_an_entry(one)
        less = less if asked is None else min(Decimal(asked), held)
    cut = lacking if one.flat else min(lacking, in_lots(less, one.lot))
    _cut_entries(one, entries, cut)
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
    for copy in one.draft.copies_in(one.follower.client_id, one.lead.instrument):
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


# --- the entries that an exit takes from ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A follower's entry into what the leader closes. ``lacking``: units that his has filled and its has not;
    ``early``: units that it has filled and his has not yet; ``unsized``: of one that waits and has no size, the units
    that the leader has filled; ``over``: is his over?"""

    copy: Copy
    lacking: int = 0
    early: int = 0
    unsized: int = 0
    over: bool = False


def _entries(one: _Case) -> list[_Entry]:
    """The follower's entries into what the leader closes, newest first."""
    draft, order = one.draft, one.order
    assumed = _assumed(one)
    found = []
    for other in draft.leads_in(one.lead.instrument):
        leader = draft.orders.get(order_key(order.account, other.order_id))
        if leader is None or leader.side is order.side or leader.product is not order.product:
            continue
        part, part_lead = entry_part(leader, other)
        open_part = 0 if leader.over else max(0, part_lead.wish.quantity - part.filled)
        filled = part.filled + min(assumed, open_part)
        assumed -= min(assumed, open_part)
        copy = draft.copies.get(copy_key(part.order_id, one.follower.client_id))
        if copy is None and filled and leader.filled:  # it is decided in this very step
            copy = replace(blank(draft, part.order_id, one.follower), exit=False)
        if copy is None or copy.exit or not (is_open(copy) or copy.filled):
            continue
        filled = max(0, filled - int(copy.due))
        if copy.sizing is None:
            found.append(_Entry(copy=copy, unsized=filled, over=leader.over))
        else:
            found.append(_entry(copy, filled, over=leader.over))
    return found[::-1]


def _assumed(one: _Case) -> int:
    """What the leader has closed beyond what his known fills explain: his open entries have filled by so much, and
    their frames are on the way (scenario 4.6). What he opened on the other side is no such thing."""
    draft, order = one.draft, one.order
    here = leader_position(draft, order)
    beyond = max(0, -one.sign * here.net)
    opened = max(0, -one.sign * here.base)
    for other in draft.leads_in(one.lead.instrument) if beyond else ():
        leader = draft.orders.get(order_key(order.account, other.order_id))
        if leader is None or leader.product is not order.product:
            continue
        if leader.side is order.side:
            opened += max(0, leader.filled - other.exits - other.undone)
        else:
            opened -= min(leader.filled, other.exits)
    return max(0, beyond - max(0, opened))


def _entry(copy: Copy, leader_filled: int, *, over: bool) -> _Entry:
    if copy.sizing is None:
        raise ValueError(f"{copy.leader_order_id} is not sized")
    asked = sizing.size(copy.sizing, leader_filled).quantity if leader_filled else 0
    expected = max(0, asked - copy.missed - copy.cut)
    if copy.wanted is not None:
        expected = min(expected, copy.wanted.terms.quantity)
    lacking = max(0, expected - copy.filled) if is_open(copy) else 0
    return _Entry(copy=copy, lacking=lacking, early=0 if over else max(0, copy.filled - expected))


def _take_back_unsized(one: _Case, entries: Sequence[_Entry]) -> int:
    """Entries that wait and have no size yet give way first, the newest before others: what the leader has closed of
    them again is not wanted any more. Their ``due`` counts his units; those that are met are returned."""
    left = one.units
    for entry in entries:
        part = min(left, entry.unsized)
        left -= part
        copy = replace(entry.copy, due=entry.copy.due + part)
        if one.flat and entry.over and entry.copy.sizing is None:
            copy = replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT)
        if copy != entry.copy:
            one.draft.copies.put(copy)
    return one.units - left


def without_closed(leader: Order, lead: LeaderOrder, copy: Copy | None) -> tuple[Order, LeaderOrder]:
    """What is left of the leader's entry for a follower whose copy had no size yet when he closed part of it again."""
    if copy is None or copy.exit or not copy.due:
        return leader, lead
    less = int(copy.due)
    wish, seen = (replace(terms, quantity=max(0, terms.quantity - less)) for terms in (lead.wish, lead.seen))
    at_first = max(0, lead.filled_at_first - less)
    left = replace(lead, wish=wish, seen=seen, filled_at_first=at_first, undone=lead.undone + less)
    return replace(leader, filled=max(0, leader.filled - less)), left


def _cut_entries(one: _Case, entries: Sequence[_Entry], units: int) -> None:
    for entry in entries:
        copy, part = entry.copy, min(units, entry.lacking)
        if not part or copy.wanted is None:
            continue
        units -= part
        terms = replace(copy.wanted.terms, quantity=max(0, copy.wanted.terms.quantity - part))
        one.draft.copies.put(replace(copy, cut=copy.cut + part, wanted=replace(copy.wanted, terms=terms)))
        one.draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def settle_cuts(draft: Draft, rules: Rules, follower: Follower, instrument: str) -> None:
    """What was taken from an entry as not filled, and had filled, is closed like the rest of what the leader closed.

    Of an entry that still rests for him what filled may be ahead of him, as long as no more did than is wanted of it.
    """
    for copy in draft.copies_in(follower.client_id, instrument):
        if copy.exit or copy.cut <= 0 or copy.sizing is None or copy.wanted is None:
            continue
        lead_id = leader_id(copy.leader_order_id)
        leader = draft.orders.get(order_key(rules.leader.client_id, lead_id))
        lead = draft.leader_orders.get(lead_id)
        if leader is None or lead is None:
            continue
        part, part_lead = without_closed(*entry_part(leader, lead), copy)
        units = part.filled if leader.over else part_lead.wish.quantity
        most = max(0, (sizing.size(copy.sizing, units).quantity if units > 0 else 0) - copy.missed)
        given_back = min(copy.cut, copy.filled + copy.cut - most)
        if given_back <= 0:
            continue
        wanted = copy.wanted
        here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
        target = max(ZERO, abs(here.target) - given_back) * (1 if here.target > 0 else -1)
        draft.positions.put(replace(here, target=target))
        terms = replace(wanted.terms, quantity=wanted.terms.quantity + given_back)
        draft.copies.put(replace(copy, cut=copy.cut - given_back, wanted=replace(wanted, terms=terms)))


def entries_open(draft: Draft, rules: Rules, follower: Follower, order: Order, instrument: str) -> bool:
    """May an entry of this follower into what an order of the leader's closes still fill?"""
    for other in draft.leads_in(instrument):
        leader = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if leader is None or leader.side is order.side or leader.product is not order.product:
            continue
        copy = draft.copies.get(copy_key(entry_part(leader, other)[0].order_id, follower.client_id))
        if copy is not None and not copy.exit and is_open(copy):
            return True
    return False
