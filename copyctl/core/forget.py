"""Forgetting: what a long run drops from its state, so that it does not grow. The journal keeps it."""

from msgspec.structs import replace

from copyctl.core import legs
from copyctl.core.hours import SECOND, day_start
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.state import Draft
from copyctl.model.policy import Rules

FORGET_EVERY = 600 * SECOND


def forget(draft: Draft, rules: Rules) -> None:
    """Drop orders that are over and older than ``duplicate_window``. The books show those of today again and again:
    they are kept."""
    account = draft.account(rules.leader.client_id)
    if draft.now - account.forgot_at < FORGET_EVERY:
        return
    draft.accounts.put(replace(account, forgot_at=draft.now))
    before = min(draft.now - rules.resilience.duplicate_window, day_start(draft.now))
    followed = {leader_id(copy.leader_order_id) for copy in draft.copies.values() if any(s.live for s in copy.slots)}
    for order in list(draft.orders.values()):
        if order.over and order.newest_as_of < before and order.order_id not in followed:
            draft.orders.drop(order_key(order.account, order.order_id))
            if order.account == rules.leader.client_id:
                draft.leader_orders.drop(order.order_id)
    for copy in list(draft.copies.values()):
        settled = not any(slot.live for slot in copy.slots)
        if settled and copy.updated_at < before and draft.leader_orders.get(leader_id(copy.leader_order_id)) is None:
            draft.copies.drop(copy_key(copy.leader_order_id, copy.follower))
    for needed in list(draft.margins.values()):
        if draft.now - needed.asked_at > FORGET_EVERY:
            draft.margins.drop(needed.key)
    legs.forget(draft, before)
    for fill in list(draft.fills.values()):
        if fill.traded_at < before:
            draft.fills.drop(f"{fill.account}/{fill.key}")
