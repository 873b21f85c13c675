"""Persons: which accounts belong to one, and what of theirs an order could meet.

What rests is what the books show, and what was sent or waits to be sent and no book shows yet.
"""

from decimal import Decimal

from copyctl.core.asked import Answer, Asked, refuse
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.market import ask_quote, last_price
from copyctl.core.self_trade import Resting, meets, sentence, trade_at_once
from copyctl.core.state import Draft, follower_of
from copyctl.core.telling import alert_once
from copyctl.model.alerts import Alert
from copyctl.model.choices import Caution
from copyctl.model.order import Order
from copyctl.model.placement import Slot
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Desired, Request
from copyctl.model.terms import Side


def self_trade(asked: Asked) -> Answer:
    """An order of the same person that rests on the other side could trade with this one."""
    how = asked.follower.policy.checks.self_trade
    if how is Caution.OFF:
        return asked.copy
    last = last_price(asked.draft, asked.instrument, asked.leader)
    detail = could_meet(asked.draft, asked.rules, asked.follower, asked.wanted, last)
    if not detail:
        return asked.copy
    if how is Caution.REFUSE:
        return refuse(Reason.SELF_TRADE, detail)
    return alert_once(asked.draft, asked.copy, Alert.SELF_TRADE, detail)


def could_meet(draft: Draft, rules: Rules, follower: Follower, wanted: Desired, last: Decimal | None) -> str:
    """With which resting order of the same person, in any account, this one could trade, in a sentence; "" for none.
    ``last``: the last traded price."""
    met = meets(wanted.terms, wanted.side, _against(draft, accounts_of(rules, follower), wanted), last)
    return sentence(wanted.terms, wanted.side, met) if met is not None else ""


def exit_meets(draft: Draft, rules: Rules, follower: Follower, request: Request) -> str:
    """With which resting order of the same person an exit would trade the moment that it arrives, in a sentence; "" for
    none, and once it has waited for that one as long as ``fills.lag_deadline``. One that has to trade now, or only
    rests at a stop, does not wait; the law is that an exit is delayed as little as can be, so that a MARKET that waits
    because no price of the moment is known has one asked for."""
    wanted = request.desired
    how = follower.policy.checks.self_trade
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if how is Caution.OFF or wanted is None or copy is None or copy.slots[request.revision].urgent:
        return ""
    if how is Caution.REFUSE and draft.now >= exit_leaves_at(rules, request):
        return ""
    instrument = draft.instruments.get(instrument_key(wanted.segment, wanted.security_id))
    last = last_price(draft, instrument) if instrument is not None else None
    others = _against(draft, accounts_of(rules, follower), wanted)
    met = next((one for one in others if trade_at_once(wanted.terms, wanted.side, one, last)), None)
    if met is None:
        return ""
    detail = sentence(wanted.terms, wanted.side, met)
    if how is Caution.REFUSE:
        if last is None and instrument is not None and not wanted.terms.order_type.has_price:
            ask_quote(draft, rules, instrument)
        return detail
    draft.copies.put(alert_once(draft, copy, Alert.SELF_TRADE, detail))
    return ""


def exit_leaves_at(rules: Rules, request: Request) -> int:
    """When an exit leaves that waits for an order of the same person, whatever rests then (ns)."""
    follower = follower_of(rules, request.account)
    return request.queued_at + (follower.policy.fills.lag_deadline if follower is not None else 0)


def accounts_of(rules: Rules, follower: Follower) -> list[str]:
    """The accounts of a follower's person, its own first; without a label it is its own alone."""
    accounts = [follower.client_id]
    if follower.person:
        accounts += [
            one.client_id
            for one in (rules.leader, *rules.followers)
            if one.person == follower.person and one.client_id != follower.client_id
        ]
    return accounts


def _against(draft: Draft, accounts: list[str], wanted: Desired) -> list[Resting]:
    """What these accounts have, or are about to have, on the other side of an instrument."""
    key = instrument_key(wanted.segment, wanted.security_id)
    found, other = [], Side.SELL if wanted.side is Side.BUY else Side.BUY
    for account in accounts:
        found += [_resting(order) for order in draft.orders_on(account, key, other) if order.terms is not None]
        for copy in (*draft.live_in(account, key, other, exits=False), *draft.live_in(account, key, other, exits=True)):
            found += [_unseen(copy, slot, other) for slot in copy.slots if _is_unseen(draft, copy, slot)]
    return found


def _resting(order: Order) -> Resting:
    terms = order.terms
    if terms is None or order.side is None:
        raise ValueError(f"order {order.order_id} shows no terms")
    return Resting(
        side=order.side,
        order_type=terms.order_type,
        price=terms.price,
        trigger_price=terms.trigger_price,
        quantity=order.leaves,
        account=order.account,
        order_id=order.order_id,
    )


def _is_unseen(draft: Draft, copy: Copy, slot: Slot) -> bool:
    """Was it placed, or is it about to be, with no book that shows it yet?"""
    if not slot.live:
        return False
    return not slot.order_id or draft.orders.get(order_key(copy.follower, slot.order_id)) is None


def _unseen(copy: Copy, slot: Slot, side: Side) -> Resting:
    return Resting(
        side=side,
        order_type=slot.asked.order_type,
        price=slot.asked.price,
        trigger_price=slot.asked.trigger_price,
        quantity=slot.asked.quantity - slot.filled,
        account=copy.follower,
        order_id=slot.order_id or slot.correlation_id,
    )
