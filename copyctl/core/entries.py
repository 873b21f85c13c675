"""Entries on their way: what was overtaken while it waited, what lags behind the leader's, what filled beyond his."""

from msgspec.structs import replace

from copyctl.core import filters, mapping, prices, sizing
from copyctl.core.asked import Asked, Later, noted
from copyctl.core.decide import late_terms, traded_terms
from copyctl.core.hours import SECOND
from copyctl.core.keys import order_key
from copyctl.core.market import answer_due, ask_quote, last_price, market_standing
from copyctl.core.positions import position
from copyctl.core.pursue import LAG_ACTION, request_id, with_slot
from copyctl.core.sessions import square_off
from copyctl.core.stakes import mapping_of
from copyctl.core.state import Draft, Owed
from copyctl.core.telling import alert_once
from copyctl.model.alerts import Alert
from copyctl.model.choices import Action, Excess, LagAction, LateFilled, OnLeaderCancel
from copyctl.model.effects import ReadBooks
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Desired, Request, RequestKind, RequestState
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Validity

DAY = 86_400 * SECOND
PRICE_AHEAD = 3 * SECOND
"""So long before a deadline the price is asked for that is needed then."""
SQUARED_OFF = "market_hours.square_off"
LAG_CANCEL = "fills.lag_action: cancel"
"""Why an entry is given up."""


def followed(asked: Asked) -> Copy:
    """What is looked at with every entry: was it overtaken while it waited; of one that has placements lag, excess and
    the hour of square-off."""
    copy = _overtaken(asked)
    if not copy.slots:
        return copy
    return _squared_off(asked.with_copy(_excess(asked.with_copy(_lag(asked.with_copy(copy))))))


# --- what waits here ------------------------------------------------------------------------------------------------


def is_placed(draft: Draft, copy: Copy) -> bool:
    """Is something of it at the broker, or on the way there?"""
    return any(slot.at_broker or (slot.live and slot.sent and not _waiting(draft, slot)) for slot in copy.slots)


def _waiting(draft: Draft, slot: Slot) -> Request | None:
    """The request for this placement, where it has not left, or has to leave once more."""
    place = draft.requests.get(request_id(slot, RequestKind.PLACE))
    return place if place is not None and place.state is RequestState.QUEUED else None


def overtaken(draft: Draft, copy: Copy, leader: Order, follower: Follower) -> bool:
    """Has the leader's order traded and ended while the copy of it waited here, for its market to open or longer than
    ``late.max_age``, so that what goes now would be late?"""
    if not leader.over or not leader.filled or copy.insisted or is_placed(draft, copy):
        return False
    waits_since = copy.wanted_since or copy.created_at
    return copy.kept or draft.now - waits_since > follower.policy.late.max_age


def _overtaken(asked: Asked) -> Copy:
    """An entry that was overtaken while it waited is caught up with as ``late.filled`` says, in the leader's own terms
    where that says nothing of it (6.2); and is checked once more."""
    copy, leader, how = asked.copy, asked.leader, asked.follower.policy.late.filled
    open_still = copy.decision in (Decision.QUEUED, Decision.COPIED) and not (copy.closing or copy.given_up)
    if copy.wanted is None or not open_still or not overtaken(asked.draft, copy, leader, asked.follower):
        return copy
    wish = asked.lead.wish
    wish = traded_terms(wish) if how is LateFilled.SKIP else late_terms(leader, asked.lead, how, asked.instrument)
    mapped = mapping.map_order(
        leader, wish, copy.wanted.terms.quantity, mapping_of(asked.follower, copy.rule), asked.instrument
    )
    if isinstance(mapped, mapping.Refusal):
        return replace(copy, checked=None)
    return noted(replace(copy, wanted=mapped.desired, checked=None), Reason.LATE_COPIED)


def with_price(asked: Asked) -> Order | Later:
    """The leader's order with the last traded price, where his market order becomes a limit of ours
    (``mapping.order_type``) and is to be mapped now; or that it waits for that price."""
    draft, copy, leader, lead = asked.draft, asked.copy, asked.leader, asked.lead
    policy = asked.follower.policy
    caught_up = policy.late.filled is LateFilled.MARKET and leader.over
    mapped_already = copy.slots and (leader.over or copy.decided_on == lead.wish)
    if mapped_already or not (lead.wish.order_type is OrderType.MARKET or caught_up):
        return leader
    rule = filters.first_match(policy.filters, leader, lead.wish, asked.instrument, draft.now)
    how = mapping_of(asked.follower, rule.name if rule else None)
    if how.order_type.get(OrderType.MARKET) is not OrderType.LIMIT:
        return leader
    if (rule.action if rule is not None else policy.filters.default) is Action.SKIP:
        return leader
    last = last_price(draft, asked.instrument, leader)
    if last is None and ask_quote(draft, asked.rules, asked.instrument):
        detail = "the last traded price was asked for, to make a limit from (mapping.order_type)"
        return Later(reason=Reason.CHECKING, detail=detail, until=answer_due(draft, asked.instrument))
    return replace(leader, last_price=last)


def taken_back(draft: Draft, copy: Copy) -> Copy:
    """The copy with what of it waits to leave taken back; it is placed anew once it may be."""
    for slot in copy.slots:
        request = _waiting(draft, slot) if slot.live else None
        if request is not None:
            draft.requests.drop(request.request_id)
            copy = with_slot(copy, replace(slot, standing=Standing.WITHDRAWN))
    return replace(copy, pursued=None) if copy.slots else copy


# --- what is at the broker ------------------------------------------------------------------------------------------


def _lag(asked: Asked) -> Copy:
    """The leader's entry has filled and the follower's has not (4.5): alert, then what ``fills.lag_action`` says. What
    a person changed by hand is left alone."""
    draft, copy, fills = asked.draft, asked.copy, asked.follower.policy.fills
    open_rest = [slot for slot in copy.slots if slot.live]
    if asked.leader.status is not OrderStatus.TRADED or not open_rest or copy.closing or copy.stopped or copy.given_up:
        return replace(copy, owed_since=0) if copy.owed_since else copy
    copy = copy if copy.owed_since else replace(copy, owed_since=draft.now)
    waited = draft.now - copy.owed_since
    if waited >= fills.lag_alert and "lag" not in copy.told:
        lacking = (copy.wanted.terms.quantity if copy.wanted else 0) - copy.filled
        copy = alert_once(
            draft, copy, Alert.COPY_LATE, f"the leader's order has filled, {lacking} units of this copy are open still"
        )
    moments = [fills.lag_alert]
    if fills.lag_action is not LagAction.NONE and not any(slot.left_alone for slot in open_rest):
        moments += [fills.lag_deadline, fills.lag_deadline - PRICE_AHEAD]
        copy = _act_on_lag(asked.with_copy(copy), waited)
    return _due(copy, min((copy.owed_since + one for one in moments if one > waited), default=0))


def _act_on_lag(asked: Asked, waited: int) -> Copy:
    """At the deadline: given up, or turned into an order that trades now; the price for that is asked for ahead."""
    draft, copy, fills = asked.draft, asked.copy, asked.follower.policy.fills
    market = fills.lag_action is LagAction.MARKET
    guarded = market and asked.follower.policy.price_guard.emergency_bps is not None
    if waited < fills.lag_deadline:
        ahead = guarded and waited >= fills.lag_deadline - PRICE_AHEAD
        if ahead and last_price(draft, asked.instrument, asked.leader) is None:
            ask_quote(draft, asked.rules, asked.instrument)
        return copy
    if LAG_ACTION in copy.told or copy.wanted is None:
        return copy
    copy = alert_once(
        draft,
        copy,
        Alert.COPY_LATE,
        f"fills.lag_action: {fills.lag_action}, {waited // SECOND} s behind",
        mark=LAG_ACTION,
    )
    if not market:
        return replace(copy, given_up=LAG_CANCEL)
    terms = _at_once(asked, asked.wanted)
    copy = replace(copy, slots=tuple(_as_it_rests(draft, copy, slot, terms) for slot in copy.slots))
    return replace(copy, wanted=replace(asked.wanted, terms=terms), checked=terms)


def _as_it_rests(draft: Draft, copy: Copy, slot: Slot, now: Terms) -> Slot:
    """A placement that was asked for at the market already and rests as a limit, by which the broker protects it, is
    asked for anew, at the price of now (1.1.1)."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id))
    shown = order.terms if order is not None else None
    if not slot.live or shown is None or slot.asked.order_type is not OrderType.MARKET or shown == slot.asked:
        return slot
    return replace(slot, asked=shown) if now.order_type is OrderType.MARKET else slot


def _at_once(asked: Asked, wanted: Desired) -> Terms:
    """What is wanted, at the market, within ``price_guard.emergency_bps``."""
    terms = replace(
        wanted.terms,
        order_type=OrderType.MARKET,
        price=ZERO,
        trigger_price=ZERO,
        validity=Validity.DAY,
        disclosed_quantity=0,
    )
    bps = asked.follower.policy.price_guard.emergency_bps
    last = last_price(asked.draft, asked.instrument, asked.leader)
    return prices.guard_exit(terms, wanted.side, bps, last_price=last, tick=asked.instrument.tick_size).terms


def _excess(asked: Asked) -> Copy:
    """What filled beyond what the leader has, of an entry that is over for him (3.5): told, or closed again."""
    draft, copy, leader = asked.draft, asked.copy, asked.leader
    fills = asked.follower.policy.fills
    kept = fills.on_leader_cancel is OnLeaderCancel.KEEP and leader.status is not OrderStatus.TRADED
    if not leader.over or kept or copy.sizing is None or copy.wanted is None:
        return copy
    wanted = sizing.size(copy.sizing, leader.filled).quantity if leader.filled else 0
    beyond = max(0, copy.filled - max(wanted - copy.missed, 0)) - copy.excess
    if beyond <= 0 or copy.cut:
        return copy
    if leader.book_as_of < leader.newest_as_of:  # his final row is read first: he may have filled more than was told
        draft.effects.append(ReadBooks(account=asked.rules.leader.client_id))
        return copy
    copy = replace(copy, excess=copy.excess + beyond)
    text = f"{beyond} units filled beyond what the leader's order did: it ended with {leader.filled}"
    copy = alert_once(draft, copy, Alert.EXCESS_FILL, text, mark=f"excess {copy.excess}")
    if fills.excess is Excess.CLOSE:
        entry = asked.wanted
        here = position(draft, copy.follower, entry.segment, entry.security_id, entry.product)
        draft.owed.append(Owed(here=here, units=beyond, why=f"excess of {copy.leader_order_id}"))
    return copy


def _squared_off(asked: Asked) -> Copy:
    """An open intraday entry ends at ``market_hours.square_off`` of the day for which it was placed: one that was sent
    after that hour, or on a day without trading, is for a later day."""
    copy, hours, draft = asked.copy, asked.follower.policy.market_hours, asked.draft
    live = [slot for slot in copy.slots if slot.live]
    if copy.wanted is None or copy.wanted.product is not Product.INTRADAY or not live:
        return copy
    at = square_off(hours, copy.wanted.segment, draft.now) if hours.enforce else None
    if at is None or copy.closing or copy.given_up:
        return copy
    if draft.now < at:
        return _due(copy, at)
    before = market_standing(draft, hours, asked.instrument, at - 1)
    if (before.is_open or before.stale) and any(slot.decided_at < at for slot in live):
        return replace(copy, given_up=SQUARED_OFF)
    return _due(copy, at + DAY)


def _due(copy: Copy, at: int) -> Copy:
    """The copy to be looked at again at this moment too."""
    if not at:
        return copy
    return replace(copy, due_at=min(copy.due_at, at) if copy.due_at else at)
