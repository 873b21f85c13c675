"""The guard: may this request leave, now? The only place where an ``Approved`` is made.

A cancel is never refused, an exit only delayed. What is refused for good will not be asked again; what only waits is
asked again whenever something changes, and once more at the moment at which it would leave.
"""

from msgspec.structs import replace

from copyctl.core import halts, holds
from copyctl.core.allowed import limits_of
from copyctl.core.asked import Asked, Later
from copyctl.core.checks import ROW_IS_READ, has_gone, hours, row_is_due
from copyctl.core.decide import Verdict, entry_part
from copyctl.core.exit_shape import rests
from copyctl.core.keys import copy_key, instrument_key, leader_id, order_key
from copyctl.core.market import calendar_known, market_standing
from copyctl.core.persons import exit_meets
from copyctl.core.positions import position, position_of, sign_of
from copyctl.core.sessions import unfit
from copyctl.core.stakes import cap_of
from copyctl.core.state import Draft
from copyctl.core.unread import exit_waits, unknown_position
from copyctl.model.choices import Alternatives
from copyctl.model.instrument import Instrument
from copyctl.model.market import Phase
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Approved, Denied, Request, RequestKind


def permit(
    draft: Draft, rules: Rules, request: Request, follower: Follower | None, *, leader_ready: bool
) -> Approved | Denied:
    """Permission for one request, or why not. ``leader_ready``: were the leader's books read?"""
    account = draft.account(request.account)
    if account.killed_at and request.kind is RequestKind.PLACE and not request.exit:
        return Denied(reason=Reason.KILL_SWITCH, detail=f"the kill switch is on: {account.killed_reason}")
    if account.halted:
        detail = f"the kill switch holds everything back: {account.killed_reason}"
        return Denied(reason=Reason.KILL_SWITCH, detail=detail, final=False)
    held = holds.of_account(account)
    if held is not None and not (account.paused_at and _ends_excess(draft, request, follower)):
        return Denied(reason=held[0], detail=held[1], final=False)
    if request.kind is RequestKind.CANCEL:
        return Approved(request=request)
    halted = halts.held(draft, request)
    if halted is not None:
        until = halted.tried_at + halts.TRY_EVERY
        return Denied(reason=Reason.INSTRUMENT_HALTED, detail=halted.text, final=False, until=until)
    if request.desired is None or request.desired.terms.quantity <= 0:
        return Denied(reason=Reason.ZERO_QUANTITY, detail="a request for no quantity")
    goes_on = not account.ready and bool(account.resumed_at) and not account.paused_at
    if request.kind is RequestKind.MODIFY and not goes_on:
        return Approved(request=request)
    if not account.ready:
        return Denied(reason=Reason.CHECKING, detail="the follower's books were not read yet", final=False)
    if request.exit:
        met = exit_meets(draft, rules, follower, request) if follower is not None else ""
        answer = _exit(draft, rules, request, follower)
        if met and isinstance(answer, Approved):
            return Denied(reason=Reason.SELF_TRADE, detail=met, final=False)
        return answer
    return _entry(draft, rules, request, follower, leader_ready=leader_ready)


def _ends_excess(draft: Draft, request: Request, follower: Follower | None) -> bool:
    """Does it lessen or end a resting exit where more of these rests than there is to close? That must not trigger into
    a new position, whoever has paused what (scenario 4.10)."""
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    wanted = copy.wanted if copy is not None else None
    if follower is None or copy is None or wanted is None or not copy.exit or request.kind is RequestKind.PLACE:
        return False
    shown = draft.orders.get(order_key(request.account, request.order_id))
    known = shown.terms if shown is not None else None
    if request.desired is not None and known is not None and request.desired.terms.quantity >= known.quantity:
        return False
    here = position(draft, request.account, wanted.segment, wanted.security_id, wanted.product)
    key = instrument_key(wanted.segment, wanted.security_id)
    beside = draft.live_in(request.account, key, wanted.side, exits=True)
    resting = [one for one in beside if one.wanted is not None and one.wanted.product is wanted.product]
    if follower.policy.exits.alternatives is Alternatives.ALL:
        resting = [copy]
    return sum(rests(draft, one) for one in resting) > cap_of(draft, follower, here, -sign_of(wanted.side))


def _entry(
    draft: Draft, rules: Rules, request: Request, follower: Follower | None, *, leader_ready: bool
) -> Approved | Denied:
    if follower is None or not follower.enabled:
        return Denied(reason=Reason.FOLLOWER_LEAVING, detail="followers.enabled is false: no entries")
    if not leader_ready:
        return Denied(reason=Reason.CHECKING, detail="the leader's books were not read yet", final=False)
    return _still(draft, rules, request, follower)


def _still(draft: Draft, rules: Rules, request: Request, follower: Follower) -> Approved | Denied:
    """Hours and limits of an entry that leaves, by what is known now. Its limits are not asked again in the very step
    whose checks it has passed."""
    found = _subject(draft, rules, request)
    if found is None:
        return Approved(request=request)
    copy, leader, instrument = found
    lead = draft.leader_orders.get(leader.order_id)
    if lead is None or copy.wanted is None:
        return Approved(request=request)
    part, part_lead = entry_part(leader, lead)
    answer = hours(draft, follower, copy, part, instrument)
    if isinstance(answer, Later):
        return Denied(reason=answer.reason, detail=answer.detail, final=False, until=answer.until)
    if isinstance(answer, Verdict):
        return Denied(reason=answer.reason or Reason.MARKET_CLOSED, detail=answer.detail)
    if request.queued_at != draft.now or request.revision:  # what is placed anew has passed no check in this step
        one = Asked(
            draft=draft,
            rules=rules,
            follower=follower,
            copy=copy,
            leader=part,
            lead=part_lead,
            instrument=instrument,
        )
        limited = limits_of(one)
        if limited is not None and limited.breaches:
            return Denied(reason=f"limit_{limited.breaches[0].key}", detail=limited.breaches[0].detail)
    return Approved(request=_as_of_now(request, answer))


def _as_of_now(request: Request, copy: Copy) -> Request:
    """A request that waited goes as the hours take it now: after the market or in it, with nothing disclosed where that
    is not taken."""
    desired, now = request.desired, copy.wanted
    if desired is None or now is None:
        return request
    if not now.terms.disclosed_quantity:
        desired = replace(desired, terms=replace(desired.terms, disclosed_quantity=0))
    return replace(request, desired=replace(desired, after_market=now.after_market, amo_time=now.amo_time))


def _exit(draft: Draft, rules: Rules, request: Request, follower: Follower | None) -> Approved | Denied:
    """An exit goes, whatever the rules say; one that does not rest for the leader at the exchange waits for a session
    that takes it (scenario 6.2). After the market it goes only while that is closed."""
    desired = request.desired
    until = exit_waits(draft, position_of(draft, request)) if desired is not None else 0
    if until:
        detail = unknown_position(draft, request.account)
        return Denied(reason=Reason.CHECKING, detail=detail, final=False, until=until)
    found = _subject(draft, rules, request)
    if found is not None and desired is not None and desired.after_market:
        if until := row_is_due(draft, found[1]):
            return Denied(reason=Reason.CHECKING, detail=ROW_IS_READ, final=False, until=until)
        desired = replace(desired, amo_time=found[1].amo_time or desired.amo_time)
        request = replace(request, desired=desired)
    if follower is None or desired is None or not follower.policy.market_hours.enforce:
        return Approved(request=request)
    instrument = draft.instruments.get(instrument_key(desired.segment, desired.security_id))
    hours_of = follower.policy.market_hours
    if instrument is None or not calendar_known(draft, hours_of):
        return Approved(request=request)
    now = market_standing(draft, hours_of, instrument)
    if desired.after_market and (found is None or not has_gone(found[1], now)):
        return Approved(request=request)
    desired = replace(desired, after_market=False, amo_time=None)
    if (found is not None and not found[1].over) or now.stale or now.next_open is None:
        return Approved(request=replace(request, desired=desired))
    terms = desired.terms
    why = unfit(now.phase, terms.order_type, terms.validity, desired.product, terms.disclosed_quantity)
    if why is None or now.phase in _TAKES_EXITS:
        return Approved(request=replace(request, desired=desired))
    reason, detail = (Reason.MARKET_CLOSED, why) if now.is_open else (now.why or Reason.MARKET_CLOSED, now.sentence)
    return Denied(reason=str(reason), detail=detail, final=False, until=now.next_open)


_TAKES_EXITS = frozenset({Phase.REGULAR, Phase.CLOSING_AUCTION})
"""In these an exit is sent whatever its form: it would wait for another day."""


def _subject(draft: Draft, rules: Rules, request: Request) -> tuple[Copy, Order, Instrument] | None:
    """What a request is about: its copy, the leader's order and the instrument."""
    copy = draft.copies.get(copy_key(request.leader_order_id, request.account))
    leader = draft.orders.get(order_key(rules.leader.client_id, leader_id(request.leader_order_id)))
    if copy is None or leader is None or leader.segment is None or leader.security_id is None:
        return None
    instrument = draft.instruments.get(instrument_key(leader.segment, leader.security_id))
    return (copy, leader, instrument) if instrument is not None else None
