"""Entries that are at the broker: what lags behind the leader's, and what filled beyond his."""

from msgspec.structs import replace

from copyctl.core import prices, sizing
from copyctl.core.checks import Asked
from copyctl.core.hours import SECOND
from copyctl.core.market import last_price
from copyctl.core.positions import position
from copyctl.core.sessions import square_off
from copyctl.core.state import Draft, Owed
from copyctl.model.choices import Excess, LagAction, OnLeaderCancel
from copyctl.model.effects import Notice
from copyctl.model.order import ZERO, Terms
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Level, OrderStatus, OrderType, Product, Validity


def followed(asked: Asked) -> Copy:
    """A copy that has placements, looked at for lag, excess and the hour of square-off."""
    if not asked.copy.slots:
        return asked.copy
    return _squared_off(asked.with_copy(_excess(asked.with_copy(_lag(asked)))))


def _lag(asked: Asked) -> Copy:
    """The leader's entry has filled and the follower's has not (4.5): alert, then what ``fills.lag_action`` says."""
    draft, copy, fills = asked.draft, asked.copy, asked.follower.policy.fills
    open_rest = any(slot.live for slot in copy.slots)
    if asked.leader.status is not OrderStatus.TRADED or not open_rest or copy.closing or copy.stopped or copy.given_up:
        return replace(copy, owed_since=0) if copy.owed_since else copy
    copy = copy if copy.owed_since else replace(copy, owed_since=draft.now)
    waited = draft.now - copy.owed_since
    if waited >= fills.lag_alert and "lag" not in copy.told:
        lacking = (copy.wanted.terms.quantity if copy.wanted else 0) - copy.filled
        copy = told(draft, copy, "lag", f"the leader's order has filled, {lacking} units of this copy are open still")
    acts = fills.lag_action is not LagAction.NONE
    if acts and waited >= fills.lag_deadline and "lag action" not in copy.told:
        copy = told(draft, copy, "lag action", f"fills.lag_action: {fills.lag_action}, {waited // SECOND} s behind")
        if fills.lag_action is LagAction.CANCEL:
            copy = replace(copy, given_up="fills.lag_action: cancel")
        elif copy.wanted is not None:
            terms = _at_once(asked, copy.wanted)
            copy = replace(copy, wanted=replace(copy.wanted, terms=terms), checked=terms)
    moments = [copy.owed_since + fills.lag_alert, copy.owed_since + fills.lag_deadline if acts else 0]
    return _due(copy, min((at for at in moments if at > draft.now), default=0))


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
    kept = fills.on_leader_cancel is OnLeaderCancel.KEEP
    if not leader.over or not leader.book_as_of or kept or copy.sizing is None or copy.wanted is None:
        return copy
    wanted = sizing.size(copy.sizing, leader.filled).quantity if leader.filled else 0
    beyond = max(0, copy.filled - max(wanted - copy.missed, 0)) - copy.excess
    if beyond <= 0 or copy.cut:
        return copy
    copy = replace(copy, excess=copy.excess + beyond)
    text = f"{beyond} units filled beyond what the leader's order did: it ended with {leader.filled}"
    copy = told(draft, copy, f"excess {copy.excess}", text, Level.CRITICAL)
    if fills.excess is Excess.CLOSE:
        wanted_of = copy.wanted
        if wanted_of is None:
            return copy
        here = position(draft, copy.follower, wanted_of.segment, wanted_of.security_id, wanted_of.product)
        draft.owed.append(Owed(here=here, units=beyond, why=f"excess of {copy.leader_order_id}"))
    return copy


def _squared_off(asked: Asked) -> Copy:
    """An open intraday entry ends at ``market_hours.square_off``."""
    copy, hours = asked.copy, asked.follower.policy.market_hours
    wanted = copy.wanted
    if wanted is None or wanted.product is not Product.INTRADAY or not any(slot.live for slot in copy.slots):
        return copy
    at = square_off(hours, wanted.segment, asked.draft.now) if hours.enforce else None
    if at is None or copy.closing or copy.given_up:
        return copy
    if asked.draft.now < at:
        return _due(copy, at)
    return replace(copy, given_up="market_hours.square_off")


def _due(copy: Copy, at: int) -> Copy:
    """The copy to be looked at again at this moment too."""
    if not at:
        return copy
    return replace(copy, due_at=min(copy.due_at, at) if copy.due_at else at)


def told(draft: Draft, copy: Copy, what: str, text: str, level: Level = Level.WARNING) -> Copy:
    """The copy, with an alert given once."""
    if what in copy.told:
        return copy
    draft.notices.append(
        Notice(
            at=draft.now,
            event="alert",
            level=level,
            text=text,
            leader_order_id=copy.leader_order_id,
            follower=copy.follower,
        )
    )
    return replace(copy, told=(*copy.told, what))
