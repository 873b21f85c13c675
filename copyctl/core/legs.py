"""Legs: the copies that make up a basket, seen as ``core.baskets`` sees them, and what its verdicts make of them.

A copy joins as soon as it is known that its order opens something, sized or not: a leg that waits for a figure is
waited for. One that is refused joins too, for it broke; one that the policy skipped never does.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from copyctl.core import baskets, holds
from copyctl.core.decide import entry_part
from copyctl.core.hours import SECOND
from copyctl.core.index import is_open
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.positions import position, sign_of
from copyctl.core.state import Draft, Owed, follower_of
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import BasketRecord, Copy, LeaderOrder
from copyctl.model.terms import Decision, OrderStatus, Side

SHORTS_WITHIN = 5 * SECOND
"""How long an unwinding waits for what was sold to be bought back before it closes what covers it."""
Attend = Callable[[str], None]
"""Look again at what is wanted of a leader order for one follower."""


# --- who belongs to which basket --------------------------------------------------------------------------------------


def joined(draft: Draft, follower: Follower, copy: Copy, lead: LeaderOrder, instrument: Instrument) -> Copy:
    """The copy with the basket that it is a leg of, a new one where none is open."""
    policy = follower.policy.multi_leg
    if copy.decision is Decision.SKIPPED:
        return replace(copy, basket="") if copy.basket and copy.reason == Reason.FILTERED else copy
    if copy.basket or copy.slots or not policy.window or not baskets.may_join(instrument.kind, instrument.underlying):
        return copy
    known = [_as_basket(one) for one in draft.baskets.values() if one.follower == follower.client_id]
    at = lead.first_seen_at
    found = baskets.basket_for(known, instrument.underlying, at=at, window=policy.window)
    if found is None:
        found = baskets.opened(copy.leader_order_id, instrument.underlying, at=at, window=policy.window)
        draft.baskets.put(
            BasketRecord(
                follower=follower.client_id,
                name=found.name,
                underlying=found.underlying,
                opened_at=found.opened_at,
                closes_at=found.closes_at,
            )
        )
    return replace(copy, basket=found.name)


def _as_basket(one: BasketRecord) -> baskets.Basket:
    return baskets.Basket(
        name=one.name,
        underlying=one.underlying,
        opened_at=one.opened_at,
        closes_at=one.closes_at,
        failed=one.failed,
    )


def record_of(draft: Draft, copy: Copy) -> BasketRecord | None:
    """The basket of a copy."""
    return draft.baskets.get(f"{copy.follower}/{copy.basket}") if copy.basket else None


def window_open(draft: Draft, copy: Copy) -> bool:
    """May more legs come to the basket of this copy?"""
    record = record_of(draft, copy)
    return record is not None and draft.now < record.closes_at


def members(draft: Draft, follower: str, basket: str) -> list[Copy]:
    """The copies of a basket, oldest first."""
    found = [one for one in draft.copies_of_basket(follower, basket) if not one.exit]
    return sorted(found, key=lambda one: (one.created_at, one.leader_order_id))


def forget(draft: Draft, before: int) -> None:
    """Drop baskets that closed before this moment (ns)."""
    for one in list(draft.baskets.values()):
        if one.closes_at < before:
            draft.baskets.drop(f"{one.follower}/{one.name}")


# --- the legs as they are ---------------------------------------------------------------------------------------------


def verdict(draft: Draft, rules: Rules, follower: Follower, copy: Copy) -> baskets.Verdict:
    """May this leg leave now, or grow where it has left?"""
    record, policy = record_of(draft, copy), follower.policy.multi_leg
    if record is None:
        return baskets.Go()
    legs = _legs(draft, rules, follower, copy.basket, copy)
    if copy.slots:
        return baskets.growth(legs, copy.leader_order_id, _as_basket(record), policy, now=draft.now)
    found = baskets.verdicts(legs, _as_basket(record), policy, now=draft.now)
    return found.get(copy.leader_order_id, baskets.Go())


def _legs(draft: Draft, rules: Rules, follower: Follower, basket: str, newest: Copy | None = None) -> list[baskets.Leg]:
    """The legs of a basket, one of them maybe newer than what is written of it. What is left of a position covers as
    much as it is, however many legs built it."""
    found = {one.leader_order_id: one for one in members(draft, follower.client_id, basket)}
    if newest is not None:
        found[newest.leader_order_id] = newest
    left: dict[str, int] = {}
    legs = (_leg(draft, rules, one, left) for one in found.values())
    return [leg for leg in legs if leg is not None]


def _leg(draft: Draft, rules: Rules, copy: Copy, left: dict[str, int]) -> baskets.Leg | None:
    row = leader_id(copy.leader_order_id)
    order, lead = draft.orders.get(order_key(rules.leader.client_id, row)), draft.leader_orders.get(row)
    if order is None or lead is None or order.side is None:
        return None
    instrument = draft.instruments.get(lead.instrument)
    withheld = copy.reason == Reason.BASKET_FAILED
    account = draft.account(copy.follower)
    traded_at = max(order.newest_as_of, account.resumed_at) if order.status is OrderStatus.TRADED else 0
    return baskets.Leg(
        key=copy.leader_order_id,
        side=order.side,
        kind=instrument.kind if instrument else None,
        option_type=instrument.option_type if instrument else None,
        expiry=instrument.expiry if instrument else None,
        quantity=_quantity(copy, entry_part(order, lead)[1]),
        filled=_filled(draft, copy, order.side, left),
        leader_filled_at=traded_at if holds.of_account(account) is None else 0,  # nothing can fill while it is held
        placed=any(slot.sent or slot.order_id for slot in copy.slots),
        open=any(slot.live for slot in copy.slots),
        dead=copy.decision in (Decision.REFUSED, Decision.DEAD),
        withheld=withheld,
        withdrawn=copy.decision is Decision.SKIPPED,
        why=copy.detail,
        created_at=copy.created_at,
    )


def _quantity(copy: Copy, lead: LeaderOrder) -> int:
    """Units wanted of a leg. One that is not sized yet, or came to nothing, counts for what the leader's asks for: what
    it would cover is not covered without it."""
    if copy.wanted is not None and copy.wanted.terms.quantity > 0:
        return copy.wanted.terms.quantity
    ratio = copy.sizing.ratio if copy.sizing is not None else None
    units = lead.wish.quantity * (ratio or Decimal(1))
    return max(1, int(units.to_integral_value(rounding=ROUND_CEILING)))


def _filled(draft: Draft, copy: Copy, side: Side, left: dict[str, int]) -> int:
    wanted = copy.wanted
    if wanted is None or not copy.filled:
        return 0
    here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
    key = f"{wanted.segment}/{wanted.security_id}/{wanted.product}/{side}"
    there = left.get(key, max(0, sign_of(side) * here.copied))
    units = min(copy.filled, there)
    left[key] = there - units
    return units


# --- what follows -----------------------------------------------------------------------------------------------------


def settle_baskets(draft: Draft, rules: Rules, attend: Attend) -> None:
    """After orders and copies have changed: the legs that wait are looked at again, then what a broken one does to its
    basket is done."""
    if next(iter(draft.baskets.values()), None) is None:
        return
    for account, name in sorted(_changed(draft, rules)):
        follower, record = follower_of(rules, account), draft.baskets.get(f"{account}/{name}")
        if follower is None or record is None:
            continue
        for copy in members(draft, account, name):
            if copy.waits or (copy.decision is Decision.QUEUED and not copy.slots):
                attend(copy_key(copy.leader_order_id, account))
        legs = _legs(draft, rules, follower, name)
        fallout = baskets.fallout(legs, _as_basket(record), follower.policy.multi_leg, now=draft.now)
        for key in _fall_out(draft, follower, record, fallout, legs) if fallout is not None else ():
            attend(key)


def _changed(draft: Draft, rules: Rules) -> set[tuple[str, str]]:
    """The baskets of which a copy, the leader's order behind one, or the position that it built, changed in this
    step."""
    if not (draft.state.tables["basket"] or draft.baskets.written):
        return set()
    rows = [touched.partition("/")[0] for touched in draft.touched]
    found = [draft.copies.get(copy_key(row, one.client_id)) for row in rows for one in rules.followers]
    found += draft.copies.written.values()
    for account, instrument in draft.moved:
        found += draft.copies_in(account, instrument)
    return {(one.follower, one.basket) for one in found if one is not None and one.basket}


def _fall_out(
    draft: Draft, follower: Follower, record: BasketRecord, fallout: baskets.Fallout, legs: list[baskets.Leg]
) -> list[str]:
    """A leg broke: tell, and cancel or close what ``multi_leg.on_failure`` says, each thing once. Which copies are to
    be looked at again."""
    if fallout.alert:
        alert(draft, Alert.BASKET_FAILED, fallout.alert, row=record.name, follower=follower.client_id)
    failed_at = record.failed_at or draft.now
    draft.baskets.put(replace(record, failed=fallout.failed, failed_at=failed_at))
    again = []
    for key in fallout.cancel:
        copy = draft.copies.get(copy_key(key, follower.client_id))
        if copy is not None and is_open(copy) and not copy.given_up:
            draft.copies.put(replace(copy, given_up="another leg of its basket failed"))
            again.append(copy_key(key, follower.client_id))
    sold = any(leg.side is Side.SELL and (leg.open or leg.filled) for leg in legs)
    for key in fallout.unwind:
        copy = draft.copies.get(copy_key(key, follower.client_id))
        leg = next((one for one in legs if one.key == key), None)
        if copy is None or leg is None or leg.open:
            continue  # what is open of it ends first, lest both meet
        if leg.side is Side.BUY and sold and draft.now < failed_at + SHORTS_WITHIN:
            draft.copies.put(replace(copy, due_at=failed_at + SHORTS_WITHIN))
            continue
        _unwind(draft, copy, record.name)
    return again


def _unwind(draft: Draft, copy: Copy, basket: str) -> None:
    """Close what a leg has filled and what was not closed yet."""
    units = copy.filled - copy.unwound
    if units <= 0 or copy.wanted is None:
        return
    draft.copies.put(replace(copy, unwound=copy.filled))
    here = position(draft, copy.follower, copy.wanted.segment, copy.wanted.security_id, copy.wanted.product)
    draft.owed.append(Owed(here=here, units=units, why=f"unwinding basket {basket}"))
