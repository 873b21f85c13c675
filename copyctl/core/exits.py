"""Exits: what a follower closes when the leader closes, never refused, never past flat.

Every copied position has a target (``core.owing``). What is there beyond the target is owed, and what the leader still
offers of his position is offered of the target (scenario 4.6). Each exit of the leader has its copy; together they are
steered here, for one follower and one instrument at a time, since one position stands behind all of them. What is owed
and no exit of his asks for is closed by a row of our own (``core.own_rows``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.decide import ready
from copyctl.core.entry_cuts import settle_cuts
from copyctl.core.exit_fate import clearing, lagging, marked
from copyctl.core.exit_plan import Item, Portion, allocate, in_lots, trimmed
from copyctl.core.exit_row import with_drift
from copyctl.core.exit_shape import Case, adopted, offered, place
from copyctl.core.flatness import keep_flat
from copyctl.core.index import is_open
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.mapping import rests_as_forever
from copyctl.core.native_legs import THROUGH_ITS_TARGET, live_leg, not_seen_yet, pairs, through_the_target, with_legs
from copyctl.core.owing import as_exit, barred, leader_closed, sized_like_an_entry
from copyctl.core.own_rows import owe, own_row
from copyctl.core.positions import clamp, position
from copyctl.core.settled import settled_exits_in, unsettled_leads_in
from copyctl.core.stakes import OWN_ROW, Exit, behind, blank, cap_of, exit_rule, mapping_of, stakes
from copyctl.core.state import Draft, follower_of
from copyctl.model.choices import Alternatives, CopyOn, ExitBase, Proportion
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.terms import Decision, Product

__all__ = ["freed", "leader_closed", "owe", "steer"]

UNASKED = "more was copied than ought to be there, and no exit of the leader's closes it"


def steer(draft: Draft, rules: Rules, account: str, key: str) -> None:
    """Bring a follower's exits in one instrument to what they should be."""
    follower = follower_of(rules, account)
    instrument = draft.instruments.get(key)
    if follower is None or instrument is None or draft.account(account).held:
        return
    settle_cuts(draft, rules, follower, key)
    if follower.policy.exits.always_copy:
        keep_flat(draft, rules, follower, key)
    exits = _exits(draft, rules, follower, key, instrument)
    if not any(_is_on_its_way(one.copy) for one in exits):
        for here in draft.positions_in(account, key):
            clamp(draft, here)
    for group in _groups(draft, rules, follower, instrument, exits):
        _steer(group)


def freed(draft: Draft, account: str) -> list[str]:
    """The entries of a follower that are looked at again once its exits were: those that wait until what is on the
    other side is closed, and those of which more is wanted again than an exit had left of them."""
    return [
        copy_key(copy.leader_order_id, account)
        for copy in draft.open_copies(account)
        if (copy.decision is Decision.QUEUED and copy.reason == Reason.EXIT_OPEN)
        or (not copy.exit and copy.cut and copy.slots and copy.wanted != copy.pursued)
    ]


def _is_on_its_way(copy: Copy) -> bool:
    """Is an order of this exit at the broker of which we do not know the id? What it trades looks like a trade by
    hand until we do, so that nothing is concluded from what is there."""
    return any(slot.live and slot.sent and not slot.order_id for slot in copy.slots)


# --- which exits ------------------------------------------------------------------------------------------------------


def _exits(draft: Draft, rules: Rules, follower: Follower, key: str, instrument: Instrument) -> list[Exit]:
    """The exits that matter for a follower still: the leader's, oldest first, then our own."""
    found: list[Exit] = []
    for lead, order in _leaders(draft, rules, follower.client_id, key):
        copy = as_exit(draft.copies.get(copy_key(lead.order_id, follower.client_id)))
        if copy is None and not ready(order, follower.policy.copy_on):
            continue
        copy = copy or blank(draft, lead.order_id, follower)
        if not copy.exit:
            continue  # it was taken for an entry, and is one
        said = barred(draft, follower, order, lead, instrument, copy)
        if said is not None:
            decision, reason, detail = said
            put(draft, replace(copy, decision=decision, reason=reason, detail=detail))
            continue
        if copy.rule is None and not copy.slots:
            rule = exit_rule(follower, order, lead.wish, instrument, draft.now)
            copy = replace(copy, rule=rule.name if rule else None)
        one = Exit(copy=copy, lead=lead, order=order)
        found.append(replace_copy(one, adopted(draft, rules, follower, instrument, one)))
    newest = next((one.key for one in reversed(found) if one.lead and one.lead.counted), "")
    done = [one for one in found if one.key != newest and _is_done(one)]
    for one in done:  # what it filled beyond what is wanted is told, though nothing is to be done about it
        if copy_key(one.copy.leader_order_id, one.copy.follower) in draft.copies.written:
            put(draft, with_drift(draft, one, one.copy))
    rows, over = {one.key for one in found}, {one.key for one in done}
    found = [one for one in found if one.key not in over]
    own = [
        Exit(copy=copy)
        for copy in draft.unsettled_copies_in(follower.client_id, key)
        if copy.exit and copy.leader_order_id not in rows
        if copy.leader_order_id.startswith(OWN_ROW) or any(slot.native and slot.live for slot in copy.slots)
    ]
    own = [replace_copy(one, adopted(draft, rules, follower, instrument, one)) for one in own if not _is_done(one)]
    return found + own


def _leaders(draft: Draft, rules: Rules, account: str, key: str) -> list[tuple[LeaderOrder, Order]]:
    """The leader's exits in an instrument that are not settled for a follower, and the newest of the others that has
    traded, in the order in which he gave them."""
    leader = rules.leader.client_id
    unsettled = _known(draft, leader, unsettled_leads_in(draft, leader, account, key))
    names = {lead.order_id for lead, _ in unsettled}
    settled = settled_exits_in(draft, leader, account, key)
    traded = (lead for lead in settled if lead.counted and lead.order_id not in names)
    newest = next((one for lead in traded for one in _known(draft, leader, [lead])), None)
    return sorted([*unsettled, newest] if newest is not None else unsettled, key=_given)


def _known(draft: Draft, leader: str, leads: Iterable[LeaderOrder]) -> list[tuple[LeaderOrder, Order]]:
    orders = ((lead, draft.orders.get(order_key(leader, lead.order_id))) for lead in leads if lead.exits)
    return [(lead, order) for lead, order in orders if order is not None]


def _given(one: tuple[LeaderOrder, Order]) -> tuple[int, int, str]:
    lead, order = one
    return order.created_time, lead.first_seen_at, lead.order_id


def _is_done(one: Exit) -> bool:
    """Is there nothing left to be done for an exit, and nothing to be said of it?"""
    copy = one.copy
    said = copy.decision is not Decision.QUEUED and bool(copy.slots or copy.reason)
    return said and not one.live and not is_open(copy) and copy.due <= copy.filled and not copy.owed_since


def replace_copy(one: Exit, copy: Copy) -> Exit:
    """The exit with its row as it is by now."""
    return one if copy is one.copy else Exit(copy=copy, lead=one.lead, order=one.order)


def put(draft: Draft, copy: Copy) -> None:
    """Write a row of an exit, where that says anything new."""
    before = draft.copies.get(copy_key(copy.leader_order_id, copy.follower))
    if copy != before:
        draft.copies.put(replace(copy, updated_at=draft.now))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The exits that close one position on one side. ``sign``: +1 where they close what was bought."""

    draft: Draft
    rules: Rules
    follower: Follower
    instrument: Instrument
    here: Position
    sign: int
    exits: list[Exit]

    @property
    def several(self) -> bool:
        """May they rest for more than the position together?"""
        return self.follower.policy.exits.alternatives is Alternatives.ALL


def _groups(
    draft: Draft, rules: Rules, follower: Follower, instrument: Instrument, exits: Iterable[Exit]
) -> list[_Group]:
    """The exits by the position and the side that they close, and positions that nobody closes."""
    account, key = follower.client_id, instrument_key(instrument.segment, instrument.security_id)
    groups: dict[tuple[Product, int], list[Exit]] = {}
    for one in exits:
        groups.setdefault((_product_of(draft, rules, follower, one), one.sign), []).append(one)
    for here in draft.positions_in(account, key):
        if here.copied:
            groups.setdefault((here.product, 1 if here.copied > 0 else -1), [])
    return [
        _Group(
            draft=draft,
            rules=rules,
            follower=follower,
            instrument=instrument,
            here=position(draft, account, instrument.segment, instrument.security_id, product),
            sign=sign,
            exits=found,
        )
        for (product, sign), found in groups.items()
    ]


def _product_of(draft: Draft, rules: Rules, follower: Follower, one: Exit) -> Product:
    """The product of the position that an exit closes; once it has placed an order it is that order's."""
    if one.order is None or (one.copy.slots and one.copy.wanted is not None):
        return one.wanted.product
    return stakes(draft, rules, follower, one.order, mapping_of(follower, one.copy.rule))[0].product


# --- one position -----------------------------------------------------------------------------------------------------


def _steer(group: _Group) -> None:
    """Share out what is to be closed of one position, and bring each exit's orders to its part."""
    draft = group.draft
    cap = cap_of(draft, group.follower, group.here, group.sign)
    if not _whole_account(group):
        cap = min(cap, max(0, group.sign * group.here.copied))
    items = _trim(group, [_item(group, one) for one in group.exits], cap)
    portions, left = _shares(group, items, cap)
    if left:
        row = own_row(draft, group.follower, group.here, left, UNASKED)
        if row is not None:
            group.exits.append(Exit(copy=row))
            items.append(_item(group, group.exits[-1]))
            portions, _ = _shares(group, items, cap)
    offers = {one.key: offered(draft, one.copy) for one in group.exits}
    for place_, one in enumerate(group.exits):
        if live_leg(draft, one.copy) is not None:  # two legs of one entry are given up together
            late = lagging(draft, group.follower, one, one.copy, portions[one.key])
            group.exits[place_] = replace_copy(one, late)
    joint = with_legs(draft, group.exits, portions)
    if group.here.product is Product.BO:
        kept, target = through_the_target(draft, group.exits, portions, cap=cap)
        joint |= kept
        for place_, one in enumerate(group.exits):
            if one.key == target:
                group.exits[place_] = replace_copy(one, replace(one.copy, urgent=THROUGH_ITS_TARGET))
    portions = joint
    others_rest = {key: any(units for other, units in offers.items() if other != key) for key in offers}
    for place_, one in enumerate(group.exits):
        copy = marked(one.copy, portions[one.key], others_rest=others_rest[one.key])
        group.exits[place_] = replace_copy(one, copy)
    first = clearing(group.exits, portions)
    if first:
        portions = {key: one if key == first else Portion() for key, one in portions.items()}
    lot = group.instrument.lot_size
    twice = sum(min(offers[one], offers[other]) for one, other in pairs(draft, group.exits))
    taken_up = cap - sum(portion.owed for portion in portions.values()) < lot
    fits = {item.key: taken_up or item.whole or in_lots(item.offers, lot) > 0 for item in items}
    key = instrument_key(group.here.segment, group.here.security_id)
    coming = not_seen_yet(draft, group.follower.client_id, key, group.sign)
    room = cap - sum(offers.values()) + twice - coming
    for one in sorted(group.exits, key=lambda one: (portions[one.key].owed == 0, not _waits_for_trigger(one))):
        case = Case(
            draft=draft,
            rules=group.rules,
            follower=group.follower,
            instrument=group.instrument,
            here=group.here,
            one=one,
            portion=portions[one.key],
            cap=cap,
            room=cap - offers[one.key] if group.several else room,
            others_rest=others_rest[one.key],
            fits=fits[one.key],
        )
        copy, taken = place(case)
        room -= taken
        put(draft, copy)


def _shares(group: _Group, items: list[Item], cap: int) -> tuple[dict[str, Portion], int]:
    target = max(ZERO, group.sign * group.here.target)
    if _whole_account(group):
        copied = max(0, group.sign * group.here.copied) - target
        target = cap - max(copied, sum((item.outstanding for item in items), ZERO))
    return allocate(items, cap=cap, target=target, lot=group.instrument.lot_size, several=group.several)


def _whole_account(group: _Group) -> bool:
    """Does all that the account has count, and not what copies built alone? What nobody exits is never more."""
    return group.follower.policy.exits.base is ExitBase.ACCOUNT and any(not one.own for one in group.exits)


def _trim(group: _Group, items: list[Item], cap: int) -> list[Item]:
    """Take back what is due of exits when there is less to be closed than they ask for: somebody else has closed it."""
    closable = Decimal(cap)
    if not _whole_account(group):
        copied = max(0, group.sign * group.here.copied)
        closable = copied - max(ZERO, group.sign * group.here.target)
    less = trimmed(items, closable)
    for place_, one in enumerate(group.exits):
        if one.key in less:
            copy = replace(one.copy, due=less[one.key])
            put(group.draft, copy)
            group.exits[place_] = replace_copy(one, copy)
    return [_item(group, one) for one in group.exits] if less else items


def _item(group: _Group, one: Exit) -> Item:
    copy = one.copy
    if one.unled:
        return Item(
            key=one.key, due=copy.due, filled=copy.filled, offers=Decimal(offered(group.draft, copy)), stop=True
        )
    if one.order is None or one.lead is None:
        return Item(key=one.key, due=copy.due, filled=copy.filled, traded=True)
    offers, whole = _offers(group, copy, one.lead, one.order)
    return Item(
        key=one.key,
        due=copy.due,
        filled=copy.filled,
        offers=offers,
        whole=whole,
        traded=bool(copy.due) or one.lead.counted > one.lead.undone,
        stop=_waits_for_trigger(one),
    )


def _offers(group: _Group, copy: Copy, lead: LeaderOrder, order: Order) -> tuple[Decimal, bool]:
    """Units of the target that the leader offers with what is open of an exit, and whether that is all of it."""
    if group.follower.policy.copy_on is CopyOn.TRADED:
        return ZERO, False
    how = mapping_of(group.follower, copy.rule)
    if order.armed and not rests_as_forever(how, group.here.product):
        return ZERO, False  # it is closed when his triggers
    there = max(0, behind(group.draft, group.rules, order, group.here.product, how) - group.here.apart)
    rests = max(0, min(order.leaves, lead.exits - lead.counted))
    target = max(ZERO, group.sign * group.here.target)
    if group.follower.policy.exits.base is ExitBase.ACCOUNT:
        target = Decimal(cap_of(group.draft, group.follower, group.here, group.sign))
    if not rests or not there:
        return ZERO, False
    if rests >= there:
        return target, True
    if group.follower.policy.exits.proportion is Proportion.ORDER:
        units = sized_like_an_entry(group.draft, group.rules, group.follower, order, lead, (order.filled + rests,))
        before = sized_like_an_entry(group.draft, group.rules, group.follower, order, lead, (order.filled,))
        if units is not None and before is not None:
            return min(target, Decimal(units[0] - before[0])), False
    return target * rests / there, False


def _waits_for_trigger(one: Exit) -> bool:
    return one.lead is not None and one.lead.wish.order_type.has_trigger
