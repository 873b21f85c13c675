"""Flat leader, flat follower: what holds however the leader's fills came to light (scenario 4.6).

His trades are told late, twice or in the wrong order, and what each of them asks of a follower is said by what was
known then. Once he has nothing left and nothing of his rests that would open it again, nothing ought to stay with a
follower either, but what it filled beyond him (``fills.excess`` says what becomes of that).
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import sizing
from copyctl.core.decide import FLAT, entry_part
from copyctl.core.keys import copy_key, instrument_key, leader_id, order_key
from copyctl.core.positions import sign_of
from copyctl.core.state import Draft
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.terms import Decision, Side


def keep_flat(draft: Draft, rules: Rules, follower: Follower, key: str) -> None:
    """Let nothing stay of a follower's copied positions that the leader has not, on the same side, any more; and once
    he has nothing at all, let nothing come to them either."""
    flat = [
        sign for sign in (1, -1) if _has_nothing(draft, rules, key, sign) and not _may_open(draft, rules, key, sign)
    ]
    for sign in flat:
        if len(flat) == 2:
            _drop_all(draft, rules, follower, key, sign)
        if _is_opposed(draft, rules, follower, key, sign):
            continue
        for here in draft.positions_in(follower.client_id, key):
            if sign * here.target > 0 and sign * here.target > (beyond := _beyond(draft, rules, here, sign)):
                draft.positions.put(replace(here, target=Decimal(sign * beyond)))


def _drop_all(draft: Draft, rules: Rules, follower: Follower, key: str, sign: int) -> None:
    for copy in draft.open_copies(follower.client_id):
        lead = draft.leader_orders.get(leader_id(copy.leader_order_id))
        if not copy.exit and lead is not None and lead.instrument == key:
            _drop(draft, rules, copy, sign)


def _drop(draft: Draft, rules: Rules, copy: Copy, sign: int) -> None:
    """What has not filled of an entry that is over for the leader is wanted no more."""
    order = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy.leader_order_id)))
    if order is None or not (order.over and order.filled) or order.side is None or sign_of(order.side) != sign:
        return
    if not copy.slots and copy.decision is Decision.QUEUED:
        draft.copies.put(replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT, due_at=0))
        return
    wanted = copy.wanted
    lacking = wanted.terms.quantity - copy.filled if wanted is not None else 0
    if wanted is None or lacking <= 0 or copy.closing or copy.sizing is None:
        return
    left = replace(wanted, terms=replace(wanted.terms, quantity=copy.filled))
    draft.copies.put(replace(copy, cut=copy.cut + lacking, wanted=left))
    draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def _has_nothing(draft: Draft, rules: Rules, key: str, sign: int) -> bool:
    """Is it known that the leader has nothing on this side, all products together?"""
    if not draft.account(rules.leader.client_id).positions_at:
        return False
    his = draft.positions_in(rules.leader.client_id, key)
    return sign * sum(one.net for one in his) <= 0 and all(one.odd is None for one in his)


def _is_opposed(draft: Draft, rules: Rules, follower: Follower, key: str, sign: int) -> bool:
    """Is an entry of the follower on the other side still to fill? That takes back what he has taken back by it."""
    for copy in draft.open_copies(follower.client_id):
        lead = draft.leader_orders.get(leader_id(copy.leader_order_id))
        order = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy.leader_order_id)))
        if copy.exit or lead is None or lead.instrument != key or order is None or order.side is None:
            continue
        may_fill = not order.over or entry_part(order, lead)[0].filled > 0
        if may_fill and sign_of(order.side) != sign:
            return True
    return False


def _may_open(draft: Draft, rules: Rules, key: str, sign: int) -> bool:
    """Does an order of the leader's rest on this side, or may it for all we know?"""
    side = Side.BUY if sign > 0 else Side.SELL
    resting = draft.orders_on(rules.leader.client_id, key, side)
    return any(draft.leader_orders.get(order.order_id) is not None for order in resting)


def _beyond(draft: Draft, rules: Rules, here: Position, sign: int) -> int:
    """Units that the follower's entries of today have filled beyond what the leader's did."""
    units = 0
    for copy in draft.copies_in(here.account, instrument_key(here.segment, here.security_id)):
        wanted = copy.wanted
        if copy.exit or wanted is None or wanted.product is not here.product or sign_of(wanted.side) != sign:
            continue
        units += _ahead(draft, rules, copy)
    return units


def _ahead(draft: Draft, rules: Rules, copy: Copy) -> int:
    lead = draft.leader_orders.get(leader_id(copy.leader_order_id))
    order = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy.leader_order_id)))
    if lead is None or order is None or copy.sizing is None:
        return 0
    filled = entry_part(order, lead)[0].filled
    asked = sizing.size(copy.sizing, filled).quantity if filled else 0
    return max(0, copy.filled - max(0, asked - copy.missed))
