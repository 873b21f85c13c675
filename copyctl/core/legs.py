"""Legs: the copies that make up a basket, seen as ``core.baskets`` sees them, and what its verdicts make of them."""

from msgspec.structs import replace

from copyctl.core import baskets
from copyctl.core.index import is_open
from copyctl.core.positions import position
from copyctl.core.state import Draft, Owed, copy_key, instrument_key, order_key
from copyctl.model.effects import Notice
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import BasketRecord, Copy, LeaderOrder
from copyctl.model.terms import Decision, Level, OrderStatus


def joined(draft: Draft, follower: Follower, copy: Copy, lead: LeaderOrder, instrument: Instrument) -> Copy:
    """The copy with the basket that it is a leg of, a new one where none is open."""
    policy = follower.policy.multi_leg
    if copy.basket or copy.slots or not policy.window or not baskets.may_join(instrument.kind, instrument.underlying):
        return copy
    known = [one for one in draft.baskets.values() if one.follower == follower.client_id]
    found = baskets.basket_for(
        [_as_basket(one) for one in known], instrument.underlying, at=lead.first_seen_at, window=policy.window
    )
    if found is None:
        found = baskets.opened(copy.leader_order_id, instrument.underlying, at=lead.first_seen_at, window=policy.window)
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


def verdict(draft: Draft, rules: Rules, follower: Follower, copy: Copy) -> baskets.Verdict:
    """May this leg leave now?"""
    record = draft.baskets.get(f"{follower.client_id}/{copy.basket}")
    if record is None or copy.slots:
        return baskets.Go()
    legs = _legs(draft, rules, follower, copy.basket, copy)
    found = baskets.verdicts(legs, _as_basket(record), follower.policy.multi_leg, now=draft.now)
    return found.get(copy.leader_order_id, baskets.Go())


def members(draft: Draft, follower: str, basket: str) -> list[Copy]:
    """The copies of a basket, oldest first."""
    return [one for one in draft.copies_of_basket(follower, basket) if not one.exit]


def _legs(draft: Draft, rules: Rules, follower: Follower, basket: str, newest: Copy | None) -> list[baskets.Leg]:
    found = {one.leader_order_id: one for one in members(draft, follower.client_id, basket)}
    if newest is not None:
        found[newest.leader_order_id] = newest
    return [_leg(draft, rules, one) for one in found.values()]


def _leg(draft: Draft, rules: Rules, copy: Copy) -> baskets.Leg:
    lead_id = copy.leader_order_id.partition("#")[0]
    order = draft.orders.get(order_key(rules.leader.client_id, lead_id))
    wanted = copy.wanted
    if wanted is None:
        raise ValueError(f"{copy.leader_order_id} is in a basket and wants nothing")
    instrument = draft.instruments.get(instrument_key(wanted.segment, wanted.security_id))
    gone = copy.decision in (Decision.REFUSED, Decision.DEAD)
    withheld = copy.reason == Reason.BASKET_FAILED
    here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
    return baskets.Leg(
        key=copy.leader_order_id,
        side=wanted.side,
        kind=instrument.kind if instrument else None,
        option_type=instrument.option_type if instrument else None,
        expiry=instrument.expiry if instrument else None,
        quantity=wanted.terms.quantity,
        filled=min(copy.filled, abs(here.copied)),
        leader_filled_at=order.newest_as_of if order is not None and order.status is OrderStatus.TRADED else 0,
        placed=any(slot.sent or slot.order_id for slot in copy.slots),
        open=any(slot.live for slot in copy.slots),
        dead=gone or withheld,
        withheld=withheld,
        withdrawn=copy.decision is Decision.SKIPPED,
        why=copy.detail,
        created_at=copy.created_at,
    )


def settle_baskets(draft: Draft, rules: Rules) -> list[str]:
    """After copies have changed: what a broken leg does to its basket, and which legs are to be looked at again."""
    again: dict[str, None] = {}
    changed = {(one.follower, one.basket) for one in draft.copies.written.values() if one and one.basket}
    for account, name in sorted(changed):
        follower = next((one for one in rules.followers if one.client_id == account), None)
        record = draft.baskets.get(f"{account}/{name}")
        if follower is None or record is None:
            continue
        legs = _legs(draft, rules, follower, name, None)
        fallout = baskets.fallout(legs, _as_basket(record), follower.policy.multi_leg, now=draft.now)
        if fallout is not None:
            _fall_out(draft, rules, follower, record, fallout)
        for copy in members(draft, account, name):
            if not copy.slots and copy.decision is Decision.QUEUED:
                again[copy_key(copy.leader_order_id, account)] = None
    return list(again)


def _fall_out(draft: Draft, rules: Rules, follower: Follower, record: BasketRecord, fallout: baskets.Fallout) -> None:
    """A leg broke: tell, and cancel or close what ``multi_leg.on_failure`` says, each thing once."""
    if fallout.alert:
        draft.notices.append(
            Notice(
                at=draft.now,
                event="alert",
                level=Level.CRITICAL,
                text=fallout.alert,
                leader_order_id=record.name,
                follower=follower.client_id,
            )
        )
    draft.baskets.put(replace(record, failed=fallout.failed))
    for key in fallout.cancel:
        copy = draft.copies.get(copy_key(key, follower.client_id))
        if copy is not None and is_open(copy) and not copy.given_up:
            draft.copies.put(replace(copy, given_up="another leg of its basket failed"))
            draft.touched[copy_key(key, follower.client_id)] = None
    for key in fallout.unwind:
        copy = draft.copies.get(copy_key(key, follower.client_id))
        if copy is None or copy.wanted is None:
            continue
        units = copy.filled - copy.excess
        if units > 0:
            draft.copies.put(replace(copy, excess=copy.filled))
            here = position(draft, copy.follower, copy.wanted.segment, copy.wanted.security_id, copy.wanted.product)
            draft.owed.append(Owed(here=here, units=units, why=f"unwinding basket {record.name}"))
