"""The queue: what may leave now, by urgency, within the account's rates; the rest waits and can be taken back."""

from bisect import bisect_right

from msgspec.structs import replace

from copyctl.core import access, halts, holds, kill, rates, unread
from copyctl.core.attend import attend
from copyctl.core.checks import KEPT_FOR
from copyctl.core.decide import entry_part
from copyctl.core.entries import overtaken
from copyctl.core.guard import permit
from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.persons import exit_leaves_at
from copyctl.core.plan import of
from copyctl.core.pursue import with_slot
from copyctl.core.settle import is_copied
from copyctl.core.state import Draft, follower_of
from copyctl.core.urgency import reserved_part, urgency, uses_reserve
from copyctl.model.account import Account
from copyctl.model.choices import LegOrder
from copyctl.model.effects import Notice, Send
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.request import Approved, Denied, Request, RequestKind, RequestState
from copyctl.model.terms import Decision, Side

MINUTE = 60 * SECOND


def release(draft: Draft, rules: Rules) -> None:
    """Let everything leave that may leave now, most urgent first."""
    index = draft.state.waiting
    waiting: dict[str, list[Request]] = {account: [] for account in (*index.limited, *index.held)}
    for request in draft.waiting():
        if request.state is RequestState.QUEUED and request.due_at <= draft.now:
            waiting.setdefault(request.account, []).append(request)
    for account, requests in waiting.items():
        _release_account(draft, rules, draft.account(account), requests)


def _release_account(draft: Draft, rules: Rules, account: Account, requests: list[Request]) -> None:
    room = rates.room_of(draft, rules.rate_limits, account)
    reserved, usual = room.reserved, room.usual
    if reserved > 0 or draft.all_again:
        requests += draft.limited(account.account, reserve=True)
    if usual > 0 or draft.all_again:
        requests += draft.limited(account.account, reserve=False)
    if draft.all_again or holds.of_account(account) is None:
        requests += draft.held(account.account)
    if not requests:
        return
    follower = follower_of(rules, account.account)
    shorts_first = follower is not None and follower.policy.multi_leg.order is LegOrder.MARGIN
    requests.sort(key=lambda one: (urgency(one), shorts_first and _uncovers(one), one.queued_at))
    leader_ready = draft.account(rules.leader.client_id).ready
    left: list[str] = []
    for queued in requests:
        may = reserved if uses_reserve(queued) else usual
        if may <= 0 and queued.waits_for == Reason.RATE_LIMIT and not draft.all_again:
            continue
        request = _looked_at(draft, rules, queued, follower)
        if request is None:
            continue
        verdict = permit(draft, rules, request, follower, leader_ready=leader_ready)
        if isinstance(verdict, Denied) and verdict.final:
            _take_back(draft, request, Decision.REFUSED, verdict.reason, verdict.detail)
        elif isinstance(verdict, Denied):
            _wait(draft, request, verdict.reason, verdict.detail, until=verdict.until)
        elif may < _needs(request, room):
            _wait(draft, request, Reason.RATE_LIMIT, room.why if uses_reserve(queued) else room.why_usual)
        else:
            counts = max(1, request.slices)
            left.extend([request.request_id] * counts)
            leaving = reserved_part(verdict.request) if usual <= 0 else verdict.request
            reserved, usual = reserved - counts, usual - counts
            _send(draft, replace(verdict, request=_leaving(draft, leaving)))
    if left:
        rates.spend(draft, account.account, left, before=room.windows)


def _needs(request: Request, room: rates.Room) -> int:
    """How much room it takes: of a sliced call, which the broker may count as one or as many, as if each slice were
    one, and never more than there can be."""
    caps = (window.cap(reserve=uses_reserve(request)) for window in room.windows)
    return max(1, min([request.slices, *caps]))


def _uncovers(request: Request) -> bool:
    """Is it an exit of something bought in derivatives? It may cover what is to be bought back beside it."""
    wanted = request.desired
    return request.exit and wanted is not None and wanted.side is Side.SELL and wanted.segment.is_derivative


def next_due(draft: Draft, rules: Rules | None) -> int:
    """The next moment at which something is due, 0 for none."""
    waiting = draft.waiting()
    moments = [request.due_at for request in waiting if request.due_at > draft.now]
    if rules is not None:
        held = [request for request in waiting if request.waits_for == Reason.SELF_TRADE]
        moments += [at for request in held if (at := exit_leaves_at(rules, request)) > draft.now]
    switch = kill.next_moment(draft, rules) if rules is not None else 0
    positions = unread.next_moment(draft, rules) if rules is not None else 0
    probe = access.next_moment(draft, rules) if rules is not None else 0
    moments += [at for at in (draft.next_moment(), switch, positions, probe) if at > draft.now]
    written = draft.requests.written
    without_room = {
        (account, reserve)
        for account, kinds in draft.state.waiting.limited.items()
        for reserve, keys in kinds.items()
        if any(key not in written for key in keys)
    }
    limited = [request for request in waiting if request.waits_for == Reason.RATE_LIMIT]
    without_room.update((request.account, uses_reserve(request)) for request in limited)
    if rules is not None:
        limits = rules.rate_limits
        frees = [rates.free_at(draft, limits, draft.account(name), reserve=reserve) for name, reserve in without_room]
        moments += [at for at in frees if at]
    return min(moments, default=0)  # the rest waits for an event


def _leaving(draft: Draft, request: Request) -> Request:
    return replace(
        request, state=RequestState.SENT, sent_at=draft.now, attempts=request.attempts + 1, waits_for="", due_at=0
    )


def _send(draft: Draft, approved: Approved) -> None:
    request = approved.request
    draft.requests.put(request)
    draft.effects.append(Send(approved=approved))
    access.sent(draft, request)
    halts.tried(draft, request)
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if copy is None:
        return
    slot = copy.slots[request.revision]
    if request.kind is RequestKind.PLACE and request.attempts == 1:
        account = draft.account(request.account)
        recent = (*account.placed[bisect_right(account.placed, draft.now - MINUTE) :], draft.now)
        draft.accounts.put(replace(account, placed=recent, placed_today=account.placed_today + 1))
    if request.kind is RequestKind.PLACE:
        copy = with_slot(copy, replace(slot, sent=True, attempts=request.attempts))
    if request.kind is RequestKind.MODIFY:
        copy = with_slot(copy, _changed(request, slot))
    if request.kind is RequestKind.PLACE and copy.decision is Decision.QUEUED:
        copy = is_copied(copy)
    draft.copies.put(replace(copy, updated_at=draft.now))
    draft.notices.append(
        Notice(
            at=draft.now,
            event="request",
            text=f"{request.kind} {request.correlation_id}",
            leader_order_id=request.leader_order_id,
            follower=request.account,
            facts={
                "kind": request.kind,
                "correlation_id": request.correlation_id,
                "attempt": request.attempts,
                "policy": copy.policy,
            },
        )
    )


def _changed(request: Request, slot: Slot) -> Slot:
    """The placement whose modification leaves. Where only the lesser quantity of it does, the rest is asked anew."""
    before, cut = request.before, request.cut
    if before is not None and cut is not None and request.desired is not None and request.desired.terms == cut:
        slot = replace(slot, asked=of(before, cut.quantity))
    return replace(slot, modifications=slot.modifications + (request.attempts == 1))


def _wait(draft: Draft, request: Request, reason: str, detail: str, *, until: int = 0) -> None:
    """The request stays where it is; its copy says for what it waits, unless part of it is at the broker already."""
    if request.waits_for == reason and (not until or request.due_at == until):
        return
    draft.requests.put(replace(request, waits_for=reason, due_at=until))
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if copy is None or request.kind is not RequestKind.PLACE or copy.at_broker:
        return
    kept = copy.kept or (reason in KEPT_FOR and not copy.exit)
    copy = replace(copy, decision=Decision.QUEUED, reason=reason, detail=detail, kept=kept)
    draft.copies.put(replace(copy, updated_at=draft.now))


def _take_back(draft: Draft, request: Request, decision: Decision, reason: str, detail: str) -> None:
    """The request will never leave: its copy is decided otherwise, unless part of it is at the broker already."""
    draft.requests.drop(request.request_id)
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    if copy is None:
        return
    slot = copy.slots[request.revision]
    if request.kind is RequestKind.PLACE:
        copy = with_slot(copy, replace(slot, standing=Standing.WITHDRAWN))
    if not copy.at_broker:
        copy = replace(copy, decision=decision, reason=reason, detail=detail)
    draft.copies.put(replace(copy, updated_at=draft.now))


def _looked_at(draft: Draft, rules: Rules, request: Request, follower: Follower | None) -> Request | None:
    """The request as it leaves. Where the leader's order was done while a placement waited here, its copy is looked at
    once more; None: it was taken back."""
    if request.kind is not RequestKind.PLACE or request.exit or follower is None:
        return request
    order_id = leader_id(request.leader_order_id)
    leader, lead = draft.orders.get(order_key(rules.leader.client_id, order_id)), draft.leader_orders.get(order_id)
    key = copy_key(request.leader_order_id, request.account)
    copy = draft.copies.get(key)
    if copy is None or leader is None or lead is None:
        return request
    if not overtaken(draft, copy, entry_part(leader, lead)[0], follower):
        return request
    if draft.account(request.account).held:
        return None  # nothing is decided for this follower now
    attend(draft, rules, key)
    return draft.requests.get(request.request_id)
