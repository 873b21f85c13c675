"""Capital: what sizing and checks know of an account's money, asked for before it is needed.

What one order will block is held from the moment at which its check passed until funds that were read later show it,
so that it is not given to the next one (scenario 8.4).
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.decide import entry_part
from copyctl.core.hours import SECOND, day_start
from copyctl.core.index import is_open
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.market import FAILED_FOR, LOST_AFTER, ask_quote, last_price
from copyctl.core.pursue import request_id
from copyctl.core.sizing import SizingFacts, left_over, needs_capital, needs_price
from copyctl.core.state import Draft, follower_of
from copyctl.model.choices import Basis, CopyOn, Residual, Strategy
from copyctl.model.copying import Sizing
from copyctl.model.effects import Effect
from copyctl.model.facts import Ask, Funds, FundsWanted
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Copy, FixedSizing, LeaderOrder
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, Side

SHOWN_WITHIN = SECOND
"""Money that an order blocks shows in funds that were asked for so long after the order was taken."""
FUNDS_SERVE = 60 * SECOND
"""Funds older than this are asked for again, while the old ones serve."""
HELD_SERVE = 5 * SECOND
"""The same where margin is held that they do not show."""


# --- funds ----------------------------------------------------------------------------------------------------------


def funds(draft: Draft, account: str, *, serve: int = FUNDS_SERVE) -> Funds | None:
    """An account's money as it was told last today, asked for anew where it is older than ``serve`` ns."""
    known = draft.funds.get(account)
    if known is not None and known.as_of < day_start(draft.now):
        known = None
    if known is None or draft.now - known.as_of > serve:
        ask_funds(draft, account)
    return known


def ask_funds(draft: Draft, account: str) -> bool:
    """Have the broker asked what money this account has, unless it is being asked. False: it has just failed."""
    here = draft.account(account)
    if here.funds_why and not here.funds_asked_at and abs(draft.now - here.funds_told_at) < FAILED_FOR:
        return False
    if not here.funds_asked_at or abs(draft.now - here.funds_asked_at) >= LOST_AFTER:
        draft.effects.append(ask_now(draft, account))
    return True


def ask_now(draft: Draft, account: str) -> Effect:
    """The question for an account's money, whatever was asked before."""
    draft.accounts.put(replace(draft.account(account), funds_asked_at=draft.now))
    return Ask(question=FundsWanted(account=account))


def capital(draft: Draft, account: str, sizing: Sizing) -> Decimal | None:
    """The capital that a sizing's ``capital.basis`` means, in rupees; None: not known."""
    known = funds(draft, account, serve=_refresh(sizing))
    if known is None:
        return None
    basis = sizing.capital.basis if sizing.capital is not None else Basis.START_OF_DAY
    return known.available if basis is Basis.AVAILABLE else known.start_of_day


def _refresh(sizing: Sizing) -> int:
    return sizing.capital.refresh if sizing.capital is not None else FUNDS_SERVE


def needs_funds(rules: Rules, account: str) -> bool:
    """Does anything in the rules look at this account's money?"""
    followers = [one for one in rules.followers if account in (one.client_id, rules.leader.client_id)]
    leader = account == rules.leader.client_id
    for follower in followers:
        policy = follower.policy
        sizings = (policy.sizing, *(rule.sizing for rule in policy.filters.rules if rule.sizing is not None))
        if any(needs_capital(one) and (not leader or one.strategy is Strategy.CAPITAL_PROPORTIONAL) for one in sizings):
            return True
        if not leader and (policy.checks.margin or policy.limits.max_concentration_pct is not None):
            return True
    return False


# --- what is held ---------------------------------------------------------------------------------------------------


def held(draft: Draft, account: str, known: Funds | None, *, without: str = "") -> Decimal:
    """The margin held for this account's orders that these funds do not show yet, in rupees: never negative, zero
    when nothing is on its way. ``without``: a row that does not count."""
    return sum(
        (unshown(draft, copy, known) for copy in draft.holding(account) if copy.leader_order_id != without), ZERO
    )


def unshown(draft: Draft, copy: Copy, known: Funds | None) -> Decimal:
    """What of a copy's hold these funds do not show yet: of one that is over, only what its fills keep blocked."""
    if not copy.hold:
        return ZERO
    if known is not None and known.as_of > copy.hold_at + SHOWN_WITHIN and _shows(draft, copy, known):
        return ZERO
    if is_open(copy) or (not copy.slots and copy.decision is Decision.COPIED):
        return copy.hold
    asked = max(copy.filled, copy.checked.quantity if copy.checked is not None else 0)
    return copy.hold * copy.filled / asked if asked else ZERO


def _shows(draft: Draft, copy: Copy, known: Funds) -> bool:
    """Were these funds asked for when everything of a copy had been at the broker for a moment?"""
    if not copy.slots:
        return False  # a leg of a basket that has not left yet
    taken_at = copy.hold_at
    for slot in copy.slots:
        for kind in (RequestKind.PLACE, RequestKind.MODIFY):
            if slot.live and draft.requests.get(request_id(slot, kind)) is not None:
                return False
        taken_at = max(taken_at, slot.asked_at, slot.answered_at)
    return known.as_of > taken_at + SHOWN_WITHIN


def release(draft: Draft, account: str, known: Funds) -> None:
    """New funds were told: what they show, and what will never be blocked, is held no longer."""
    for copy in draft.holding(account):
        if not unshown(draft, copy, known):
            draft.copies.put(replace(copy, hold=ZERO))


def free_ended(draft: Draft) -> None:
    """What has ended without a fill blocks nothing: its hold ends with it."""
    for copy in list(draft.copies.written.values()):
        if copy is not None and copy.hold and not copy.filled and not is_open(copy):
            draft.copies.put(replace(copy, hold=ZERO))


# --- what sizing is told ----------------------------------------------------------------------------------------------


def lacking(
    draft: Draft, rules: Rules, sizing: Sizing, follower: str, leader: Order, lead: LeaderOrder, instrument: Instrument
) -> str:
    """For what this sizing waits, a figure that was asked for; "" where it is told all that it can be told."""
    if needs_capital(sizing):
        accounts = [follower]
        if sizing.strategy is Strategy.CAPITAL_PROPORTIONAL:
            accounts.append(rules.leader.client_id)
        unknown = [one for one in accounts if funds(draft, one, serve=_refresh(sizing)) is None]
        asked = [one for one in unknown if ask_funds(draft, one)]
        if asked:
            return f"the funds of {' and '.join(asked)} were asked for, to size it by"
    unpriced = needs_price(sizing) and price_of(draft, leader, lead.wish, instrument) is None
    return "its price was asked for, to size it by" if unpriced and ask_quote(draft, rules, instrument) else ""


def sizing_facts(
    draft: Draft,
    rules: Rules,
    sizing: Sizing,
    follower: str,
    leader: Order,
    lead: LeaderOrder,
    instrument: Instrument,
) -> SizingFacts:
    """What is known by now of what a sizing may need."""
    capitals: tuple[Decimal | None, Decimal | None] = (None, None)
    if needs_capital(sizing):
        proportional = sizing.strategy is Strategy.CAPITAL_PROPORTIONAL
        capitals = (
            capital(draft, rules.leader.client_id, sizing) if proportional else None,
            capital(draft, follower, sizing),
        )
    priced, risk = needs_price(sizing), sizing.strategy is Strategy.RISK_BASED
    carries = sizing.residual is Residual.CARRY
    return SizingFacts(
        leader_capital=capitals[0],
        follower_capital=capitals[1],
        price=price_of(draft, leader, lead.wish, instrument) if priced else None,
        stop=_leaders_stop(draft, rules, leader, lead) if risk else None,
        side=leader.side,
        multiplier=instrument.multiplier,
        option_bought=instrument.option_type is not None and leader.side is Side.BUY,
        carried=residual(draft, rules, follower, leader, lead) if carries else ZERO,
    )


def residual(draft: Draft, rules: Rules, follower: str, leader: Order, lead: LeaderOrder) -> Decimal:
    """What rounding took from today's entries in this instrument and side, in parts of a unit (``sizing.residual``)."""
    left = ZERO
    for copy in draft.copies_in(follower, lead.instrument):
        if copy.exit or copy.sizing is None or copy.leader_order_id == lead.order_id:
            continue
        if copy.wanted is None or copy.wanted.side is not leader.side or copy.created_at < day_start(draft.now):
            continue
        left += _taken(draft, rules, copy)
    return left


def _taken(draft: Draft, rules: Rules, copy: Copy) -> Decimal:
    """What rounding took from one entry beyond what it was given. Of one that is over for the leader what he filled
    counts: what did not fill gives nothing back, neither what rounding took of it nor what was carried into it."""
    row = leader_id(copy.leader_order_id)
    order = draft.orders.get(order_key(rules.leader.client_id, row))
    lead = draft.leader_orders.get(row)
    follower = follower_of(rules, copy.follower)
    if copy.sizing is None or order is None or lead is None or follower is None:
        return ZERO
    kept, key = draft.state.index.taken, copy_key(copy.leader_order_id, copy.follower)
    known = kept.get(key)
    if known is None or known[0] is not copy or known[1] is not order or known[2] is not lead or known[3] is not rules:
        known = kept[key] = (copy, order, lead, rules, _taken_by(copy.sizing, order, lead, follower))
    taken: Decimal = known[4]
    return taken


def _taken_by(sizing: FixedSizing, order: Order, lead: LeaderOrder, follower: Follower) -> Decimal:
    order, lead = entry_part(order, lead)
    fills = order.over or follower.policy.copy_on is CopyOn.TRADED
    units = order.filled if fills else lead.wish.quantity
    if units <= 0:
        return -max(ZERO, sizing.carried)
    return left_over(sizing, units) - sizing.carried


def price_of(draft: Draft, leader: Order, wish: Terms, instrument: Instrument) -> Decimal | None:
    """The price that an order stands for, in rupees: its limit, its trigger, what it traded at, or the last price."""
    price = wish.price or wish.trigger_price or leader.average_price
    return price or last_price(draft, instrument, leader)


def _leaders_stop(draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder) -> Decimal | None:
    """The trigger of the leader's own stop on this position, on the other side, where one rests."""
    for other in reversed(draft.leads_in(lead.instrument)):
        if not other.wish.order_type.has_trigger or other.order_id == lead.order_id:
            continue
        stop = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if stop is None or stop.over or stop.side is leader.side or stop.product is not leader.product:
            continue
        return other.wish.trigger_price
    return None
