"""Pursuing: a copy's wanted order turned into requests, by the plan.

One placement has at most one request of each kind at a time, named after its correlation id; the newest wish replaces
what still waits. A placement that has not left is taken back without a call.
"""

from dataclasses import replace

from copyctl.core.correlation import correlation_id
from copyctl.core.plan import Action, Alter, Begin, End, Working, plan, plan_traded
from copyctl.core.state import Draft, order_key
from copyctl.core.wish import same_order
from copyctl.model.choices import CopyOn
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Copy, Slot, Standing
from copyctl.model.request import Desired, Request, RequestKind, RequestState
from copyctl.model.terms import OrderStatus


def request_id(slot: Slot, kind: RequestKind) -> str:
    """The one name of a placement's request of this kind."""
    return f"{slot.correlation_id}/{kind}"


def pursue(draft: Draft, rules: Rules, copy: Copy, leader: Order, follower: Follower) -> Copy:
    """The copy after everything was asked for that can be asked for now."""
    if copy.wanted is None:
        return copy
    wanted = copy.wanted.terms
    if not copy.slots:
        copy = adopt(draft, rules, copy)
    changed = copy.wanted != copy.pursued
    killed = bool(draft.account(copy.follower).killed_at)
    closing = copy.closing or (killed and changed and bool(copy.slots) and not _only_less(copy))
    slots = [_working(draft, copy, slot) for slot in copy.slots]
    most = rules.rate_limits.modifications_per_order
    if follower.policy.copy_on is CopyOn.TRADED and not closing:
        made = plan_traded(wanted, slots, changed=changed, most_modifications=most)
    else:
        made = plan(wanted, slots, changed=changed, closing=closing, most_modifications=most)
    for action in made.actions:
        copy = _act(draft, rules, copy, action, leader)
    return copy if made.waits else replace(copy, pursued=copy.wanted)


def adopt(draft: Draft, rules: Rules, copy: Copy) -> Copy:
    """Take over the orders that already carry this copy's ids at the broker: the store was lost, or is a new one."""
    slots: list[Slot] = []
    while order := draft.order_with(copy.follower, _correlation(rules, copy, len(slots))):
        slots.append(_adopted(order, len(slots), copy.wanted.terms if copy.wanted else None))
    if not slots:
        return copy
    live = any(slot.live for slot in slots)
    return replace(copy, slots=tuple(slots), pursued=None if live else copy.wanted)


def _adopted(order: Order, revision: int, wanted: Terms | None) -> Slot:
    shown = order.terms or wanted
    if shown is None:
        raise ValueError(f"order {order.order_id} shows no terms")
    asked = wanted if wanted is not None and same_order(wanted, shown) else shown
    return Slot(
        revision=revision,
        correlation_id=order.correlation_id,
        asked=asked,
        standing=Standing.ENDED if order.over else Standing.WORKING,
        sent=True,
        order_id=order.order_id,
        filled=order.filled,
        average_price=order.average_price,
        confirmed=True,
        frame_at=order.seen_at,
        decided_at=order.seen_at,
    )


def _correlation(rules: Rules, copy: Copy, revision: int) -> str:
    return correlation_id(
        leader=rules.leader.client_id,
        follower=copy.follower,
        leader_order_id=copy.leader_order_id,
        revision=revision,
    )


def _only_less(copy: Copy) -> bool:
    """Does the new wish differ from the one pursued by a smaller quantity alone?"""
    if copy.wanted is None or copy.pursued is None:
        return False
    quantity = copy.wanted.terms.quantity
    less = replace(copy.pursued, terms=replace(copy.pursued.terms, quantity=quantity))
    return quantity < copy.pursued.terms.quantity and less == copy.wanted


def _working(draft: Draft, copy: Copy, slot: Slot) -> Working:
    """The placement as the plan sees it."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    cancel = draft.requests.get(request_id(slot, RequestKind.CANCEL))
    waiting = _waiting(draft, slot) is not None
    return Working(
        revision=slot.revision,
        asked=slot.asked,
        live=slot.live,
        filled=slot.filled,
        waiting=waiting,
        placing=not waiting and not slot.order_id,
        changing=modify is not None and modify.state is not RequestState.QUEUED,
        ending=cancel is not None or slot.cancel_asked,
        done=slot.filled >= slot.asked.quantity or (order is not None and order.status is OrderStatus.TRADED),
        owed=slot.standing is Standing.ABSENT or (slot.standing is Standing.ENDED and slot.retired),
        left_alone=slot.left_alone,
        modifications=slot.modifications,
    )


def _waiting(draft: Draft, slot: Slot) -> Request | None:
    """The request for this placement, where it has not left yet."""
    place = draft.requests.get(request_id(slot, RequestKind.PLACE))
    return place if place is not None and place.state is RequestState.QUEUED else None


def _act(draft: Draft, rules: Rules, copy: Copy, action: Action, leader: Order) -> Copy:
    match action:
        case Begin():
            return _begin(draft, rules, copy, action.terms, leader)
        case Alter():
            return _alter(draft, copy, action)
        case End():
            return _end(draft, copy, action)


def _begin(draft: Draft, rules: Rules, copy: Copy, terms: Terms, leader: Order) -> Copy:
    slot = Slot(
        revision=len(copy.slots),
        correlation_id=_correlation(rules, copy, len(copy.slots)),
        asked=terms,
        frame_at=leader.newest_as_of,
        decided_at=draft.now,
    )
    draft.requests.put(_request(draft, copy, slot, RequestKind.PLACE, terms))
    return replace(copy, slots=(*copy.slots, slot))


def _alter(draft: Draft, copy: Copy, action: Alter) -> Copy:
    slot = copy.slots[action.revision]
    kind = RequestKind.MODIFY if _waiting(draft, slot) is None else RequestKind.PLACE
    queued = draft.requests.get(request_id(slot, kind))
    fresh = _request(draft, copy, slot, kind, action.terms)
    draft.requests.put(fresh if queued is None else replace(queued, desired=fresh.desired))
    slot = replace(slot, asked=action.terms, confirmed=False, changes_refused="", left_alone=False)
    return with_slot(copy, slot)


def _end(draft: Draft, copy: Copy, action: End) -> Copy:
    slot = copy.slots[action.revision]
    waiting = _waiting(draft, slot)
    if waiting is not None:
        draft.requests.drop(waiting.request_id)
        return with_slot(copy, replace(slot, standing=Standing.WITHDRAWN))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    if modify is not None and modify.state is RequestState.QUEUED:
        draft.requests.drop(modify.request_id)
    draft.requests.put(_request(draft, copy, slot, RequestKind.CANCEL, None))
    return with_slot(copy, replace(slot, retired=action.anew))


def _request(draft: Draft, copy: Copy, slot: Slot, kind: RequestKind, terms: Terms | None) -> Request:
    desired: Desired | None = None
    if terms is not None and copy.wanted is not None:
        desired = replace(copy.wanted, terms=terms)
    return Request(
        request_id=request_id(slot, kind),
        account=copy.follower,
        leader_order_id=copy.leader_order_id,
        revision=slot.revision,
        kind=kind,
        correlation_id=slot.correlation_id,
        order_id=slot.order_id,
        desired=desired,
        queued_at=draft.now,
    )


def with_slot(copy: Copy, slot: Slot) -> Copy:
    """The copy with one placement replaced."""
    return replace(copy, slots=(*copy.slots[: slot.revision], slot, *copy.slots[slot.revision + 1 :]))
