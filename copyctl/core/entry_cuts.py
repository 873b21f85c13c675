"""Entry cuts: what the leader's exits take from a follower's entries that have not filled (scenario 4.9).

An exit's share is of what the follower would hold had its entries filled as the leader's did. What is missing of that
need not be bought first to be sold: the entries are cut by it. What had filled all the same by then is closed too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.core import sizing
from copyctl.core.decide import FLAT, entry_part
from copyctl.core.index import is_open
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.positions import position, sign_of
from copyctl.core.settled import unsettled_leads_in
from copyctl.core.stakes import blank, leader_position
from copyctl.core.state import Draft
from copyctl.model.choices import CopyOn
from copyctl.model.order import ZERO, Order
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.terms import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A follower's entry into what the leader closes. ``lacking``: units that his has filled and its has not;
    ``early``: units that it has filled and his has not yet; ``unsized``: of one that waits and has no size, the units
    that the leader has filled; ``over``: is his over?"""

    copy: Copy
    lacking: int = 0
    early: int = 0
    unsized: int = 0
    over: bool = False


def entries_into(draft: Draft, follower: Follower, order: Order, instrument: str) -> list[Entry]:
    """The follower's entries into what an order of the leader's closes, newest first."""
    assumed = _assumed(draft, order, instrument)
    traded = follower.policy.copy_on is CopyOn.TRADED
    found = []
    account = follower.client_id  # of what is settled nothing is lacking, but where what trades is copied as it trades
    leads = draft.leads_in(instrument) if traded else unsettled_leads_in(draft, order.account, account, instrument)
    for other in leads:
        leader = draft.orders.get(order_key(order.account, other.order_id))
        if leader is None or leader.side is order.side or leader.product is not order.product:
            continue
        part, part_lead = entry_part(leader, other)
        open_part = 0 if leader.over else max(0, part_lead.wish.quantity - part.filled)
        filled = part.filled + min(assumed, open_part)
        assumed -= min(assumed, open_part)
        copy = draft.copies.get(copy_key(part.order_id, follower.client_id))
        if copy is None and filled and leader.filled:  # it is decided in this very step
            copy = replace(blank(draft, part.order_id, follower), exit=False)
        if copy is None or copy.exit or not (is_open(copy) or copy.filled):
            continue
        filled = max(0, filled - int(copy.due))
        if copy.sizing is None:
            found.append(Entry(copy=copy, unsized=filled, over=leader.over))
        else:
            found.append(sized_entry(copy, filled, over=leader.over, traded=traded))
    return found[::-1]


def _assumed(draft: Draft, order: Order, instrument: str) -> int:
    """What the leader has closed beyond what his known fills explain: his open entries have filled by so much, and
    their frames are on the way (scenario 4.6). What he opened on the other side is no such thing."""
    here, sign = leader_position(draft, order), sign_of(order.side) if order.side else 0
    beyond = max(0, sign * here.net)
    opened = max(0, sign * here.base)
    for other in draft.leads_in(instrument) if beyond else ():
        leader = draft.orders.get(order_key(order.account, other.order_id))
        if leader is None or leader.product is not order.product:
            continue
        if leader.side is order.side:
            opened += max(0, leader.filled - other.exits - other.undone)
        else:
            opened -= min(leader.filled, other.exits)
    return max(0, beyond - max(0, opened))


def sized_entry(copy: Copy, leader_filled: int, *, over: bool, traded: bool) -> Entry:
    """An entry that has a size, by what the leader has filled of his.

    ``traded``: only what trades is copied, as it trades, so that more may be placed of it in this very step.
    """
    if copy.sizing is None:
        raise ValueError(f"{copy.leader_order_id} is not sized")
    asked = sizing.size(copy.sizing, leader_filled).quantity if leader_filled else 0
    expected = max(0, asked - copy.missed - copy.cut)
    may_fill = is_open(copy)
    if traded:
        expected -= sum(max(0, slot.asked.quantity - slot.filled) for slot in copy.slots if _is_lost(slot))
        may_fill = may_fill or (copy.decision is Decision.COPIED and not (copy.stopped or copy.given_up))
    elif copy.wanted is not None:
        expected = min(expected, copy.wanted.terms.quantity)
    lacking = max(0, expected - copy.filled) if may_fill else 0
    return Entry(copy=copy, lacking=lacking, early=0 if over else max(0, copy.filled - expected))


def _is_lost(slot: Slot) -> bool:
    """Did a placement end before it was done, and otherwise than by us?"""
    return not slot.live and not (slot.standing is Standing.ABSENT or slot.retired or slot.cancel_asked)


def take_back_unsized(draft: Draft, entries: Sequence[Entry], units: int, *, flat: bool) -> int:
    """Entries that wait and have no size yet give way first, the newest before others: what the leader has closed of
    them again is not wanted any more. Their ``due`` counts his units; those that are met are returned."""
    left = units
    for entry in entries:
        part = min(left, entry.unsized)
        left -= part
        copy = replace(entry.copy, due=entry.copy.due + part)
        if flat and entry.over and entry.copy.sizing is None:
            copy = replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT)
        if copy != entry.copy:
            draft.copies.put(copy)
    return units - left


def without_closed(leader: Order, lead: LeaderOrder, copy: Copy | None) -> tuple[Order, LeaderOrder]:
    """What is left of the leader's entry for a follower whose copy had no size yet when he closed part of it again."""
    if copy is None or copy.exit or not copy.due:
        return leader, lead
    less = int(copy.due)
    wish, seen = (replace(terms, quantity=max(0, terms.quantity - less)) for terms in (lead.wish, lead.seen))
    at_first = max(0, lead.filled_at_first - less)
    left = replace(lead, wish=wish, seen=seen, filled_at_first=at_first, undone=lead.undone + less)
    return replace(leader, filled=max(0, leader.filled - less)), left


def cut_entries(draft: Draft, entries: Sequence[Entry], units: int) -> None:
    """Take so many units that have not filled from these entries."""
    for entry in entries:
        copy, part = entry.copy, min(units, entry.lacking)
        if not part or copy.wanted is None:
            continue
        units -= part
        terms = replace(copy.wanted.terms, quantity=max(0, copy.wanted.terms.quantity - part))
        draft.copies.put(replace(copy, cut=copy.cut + part, wanted=replace(copy.wanted, terms=terms)))
        draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def settle_cuts(draft: Draft, rules: Rules, follower: Follower, instrument: str) -> None:
    """What was taken from an entry as not filled, and had filled, is closed like the rest of what the leader closed.

    Of an entry that still rests for him what filled may be ahead of him, as long as no more did than is wanted of it;
    not where only what trades is copied.
    """
    traded = follower.policy.copy_on is CopyOn.TRADED
    for copy in draft.unsettled_copies_in(follower.client_id, instrument):
        if copy.exit or copy.cut <= 0 or copy.sizing is None or copy.wanted is None:
            continue
        lead_id = leader_id(copy.leader_order_id)
        leader = draft.orders.get(order_key(rules.leader.client_id, lead_id))
        lead = draft.leader_orders.get(lead_id)
        if leader is None or lead is None:
            continue
        part, part_lead = without_closed(*entry_part(leader, lead), copy)
        units = part.filled if leader.over or traded else part_lead.wish.quantity
        most = max(0, (sizing.size(copy.sizing, units).quantity if units > 0 else 0) - copy.missed)
        given_back = min(copy.cut, copy.filled - copy.wanted.terms.quantity, copy.filled + copy.cut - most)
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
    for other in unsettled_leads_in(draft, rules.leader.client_id, follower.client_id, instrument):
        leader = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if leader is None or leader.side is order.side or leader.product is not order.product:
            continue
        copy = draft.copies.get(copy_key(entry_part(leader, other)[0].order_id, follower.client_id))
        if copy is not None and not copy.exit and is_open(copy):
            return True
    return False
