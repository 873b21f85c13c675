"""Capital: what sizing and checks know of an account's money, asked for before it is needed."""

from decimal import Decimal

from copyctl.core.hours import SECOND, day_start
from copyctl.core.market import last_price
from copyctl.core.sizing import SizingFacts, left_over, needs_capital
from copyctl.core.state import Draft, order_key
from copyctl.model.choices import Basis, Strategy
from copyctl.model.copying import Sizing
from copyctl.model.facts import Ask, Funds, FundsWanted
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Rules
from copyctl.model.records import LeaderOrder
from copyctl.model.terms import Side

SHOWN_WITHIN = SECOND
"""Money that an order blocks shows in funds that were asked for so long after the order was taken."""
FUNDS_SERVE = 60 * SECOND
"""Funds older than this are asked for again, while the old ones serve."""


def funds(draft: Draft, account: str, *, serve: int = FUNDS_SERVE) -> Funds | None:
    """An account's money as it was told last today, asked for anew where it is older than ``serve`` ns."""
    known = draft.funds.get(account)
    fresh = known is not None and known.as_of >= day_start(draft.now)
    if known is None or not fresh or draft.now - known.as_of > serve:
        ask_funds(draft, account)
    return known if fresh else None


def ask_funds(draft: Draft, account: str) -> None:
    """Have the broker asked what money this account has."""
    draft.effects.append(Ask(question=FundsWanted(account=account)))


def available(draft: Draft, account: str, *, without: str = "") -> Decimal | None:
    """What may still be blocked, in rupees, less what orders on their way will block that the broker does not show
    yet; None: not known. ``without``: the row whose own hold does not count."""
    known = draft.funds.get(account)
    if known is None or known.as_of < day_start(draft.now):
        return None
    return known.available - held(draft, account, known, without=without)


def held(draft: Draft, account: str, known: Funds | None, *, without: str = "") -> Decimal:
    """The margin held for this account's orders in flight, in rupees: never negative, and zero when nothing is."""
    total = Decimal(0)
    for copy in draft.open_copies(account):
        if not copy.hold or copy.leader_order_id == without:
            continue
        answered = max((slot.answered_at for slot in copy.slots), default=0)
        shown = known is not None and answered and known.as_of > max(answered, copy.hold_at) + SHOWN_WITHIN
        if not shown:
            total += copy.hold
    return total


def capital(draft: Draft, account: str, sizing: Sizing) -> Decimal | None:
    """The capital that a sizing's ``capital.basis`` means, in rupees."""
    basis = sizing.capital.basis if sizing.capital is not None else Basis.START_OF_DAY
    refresh = sizing.capital.refresh if sizing.capital is not None else FUNDS_SERVE
    known = funds(draft, account, serve=refresh)
    if known is None:
        return None
    if basis is Basis.AVAILABLE or known.start_of_day is None:
        return known.available
    return known.start_of_day


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


def lacks_capital(draft: Draft, rules: Rules, sizing: Sizing, follower: str) -> str:
    """Which account's money this sizing must be told before it can be worked out, "" for none."""
    if not needs_capital(sizing):
        return ""
    accounts = [follower]
    if sizing.strategy is Strategy.CAPITAL_PROPORTIONAL:
        accounts.append(rules.leader.client_id)
    for account in accounts:
        if funds(draft, account) is None and not draft.account(account).funds_why:
            return account
    return ""


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
    needs = needs_capital(sizing)
    return SizingFacts(
        leader_capital=capital(draft, rules.leader.client_id, sizing)
        if needs and sizing.strategy is Strategy.CAPITAL_PROPORTIONAL
        else None,
        follower_capital=capital(draft, follower, sizing) if needs else None,
        price=price_of(draft, leader, lead.wish, instrument),
        stop=_leaders_stop(draft, rules, leader, lead),
        side=leader.side,
        multiplier=instrument.multiplier,
        option_bought=instrument.option_type is not None and leader.side is Side.BUY,
        carried=residual(draft, follower, leader, lead),
    )


def residual(draft: Draft, follower: str, leader: Order, lead: LeaderOrder) -> Decimal:
    """What rounding took from today's entries in this instrument and side, in parts of a unit (``sizing.residual``)."""
    left = Decimal(0)
    for copy in draft.copies_in(follower, lead.instrument):
        other = draft.leader_orders.get(copy.leader_order_id.partition("#")[0])
        if copy.exit or copy.sizing is None or other is None or copy.leader_order_id == lead.order_id:
            continue
        if copy.wanted is None or copy.wanted.side is not leader.side or copy.created_at < day_start(draft.now):
            continue
        left += left_over(copy.sizing, other.wish.quantity - other.exits) - copy.sizing.carried
    return left


def price_of(draft: Draft, leader: Order, wish: Terms, instrument: Instrument) -> Decimal | None:
    """The price that an order stands for, in rupees: its limit, its trigger, what it traded at, or the last price."""
    price = wish.price or wish.trigger_price or leader.average_price
    return price or last_price(draft, instrument, leader)


def _leaders_stop(draft: Draft, rules: Rules, leader: Order, lead: LeaderOrder) -> Decimal | None:
    """The trigger of the leader's own stop on this instrument, on the other side, where one rests."""
    for other in reversed(draft.leads_in(lead.instrument)):
        if not other.wish.order_type.has_trigger or other.order_id == lead.order_id:
            continue
        stop = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if stop is not None and not stop.over and stop.side is not leader.side:
            return other.wish.trigger_price
    return None
