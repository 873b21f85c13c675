"""Checks: may an entry be sent as it is wanted, and if not as it is, how? Exits pass none of this.

Asked when an entry is about to be placed, enlarged or given another price, the cheap questions first: hours, price,
self trade, limits, margin. What passes may come back changed: at a limit of ours, with fewer units, after the market.
What needs a figure that is not known yet asks for it and waits. Limits and hours are asked once more as it leaves.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from copyctl.core import allowed, basket_margin, persons, prices
from copyctl.core.asked import Answer, Asked, Later, noted, refuse, unavailable
from copyctl.core.decide import Verdict, unseen_fill
from copyctl.core.entries import is_placed, overtaken
from copyctl.core.hours import SECOND, day_number
from copyctl.core.market import answer_due, ask_quote, calendar_known, market, market_standing, quoting_account
from copyctl.core.sessions import is_squared_off, unfit
from copyctl.core.stakes import mapping_of
from copyctl.core.state import Draft
from copyctl.core.telling import alert, alert_once
from copyctl.model.alerts import Alert
from copyctl.model.choices import Caution, LateFilled, Outside, PreOpen, PriceBand, StaleCalendar
from copyctl.model.effects import ReadBooks
from copyctl.model.instrument import Instrument
from copyctl.model.market import Closure, Phase, Standing
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Follower, MarketHours
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Side, Validity


def check(asked: Asked) -> Answer:
    """Run all checks over an entry; the first that objects decides."""
    copy = asked.copy
    for one in CHECKS.values():
        answer = one(asked.with_copy(copy))
        if not isinstance(answer, Copy):
            return answer
        copy = answer
        if copy.wanted is None or copy.wanted.terms.quantity <= copy.filled:
            return copy
    return replace(copy, checked=copy.wanted.terms if copy.wanted else None)


# --- hours --------------------------------------------------------------------------------------------------------


def _hours(asked: Asked) -> Answer:
    return hours(asked.draft, asked.follower, asked.copy, asked.leader, asked.instrument)


def hours(draft: Draft, follower: Follower, copy: Copy, leader: Order, instrument: Instrument) -> Answer:
    """May an entry in this instrument leave now (6.1 to 6.5)? An after-market order of the leader's may go after hours
    whatever the rules say of them; a forever order at any time."""
    rules = follower.policy.market_hours
    wanted = copy.wanted
    if not rules.enforce or wanted is None or wanted.terms.validity is Validity.FOREVER:
        return copy
    if not calendar_known(draft, rules):
        return Later(reason=Reason.CHECKING, detail=f"the trading days of {rules.calendar} are being read")
    now = market_standing(draft, rules, instrument)
    warn_of_stale_calendar(draft, rules, now)
    if leader.after_market and wanted.after_market and not has_gone(leader, now):
        return copy
    if not now.is_open:
        return _outside(follower, copy, now)
    if wanted.product is Product.INTRADAY and is_squared_off(rules, instrument.segment, draft.now):
        at = rules.square_off.get(instrument.segment)
        return refuse(Reason.SQUARE_OFF, f"past {at:%H:%M} nothing is opened intraday (market_hours.square_off)")
    if now.phase is Phase.PRE_OPEN and rules.pre_open is PreOpen.REJECT:
        return refuse(Reason.MARKET_CLOSED, "in the pre-open session (market_hours.pre_open: reject)")
    if now.phase is Phase.PRE_OPEN and rules.pre_open is PreOpen.QUEUE:
        detail = f"regular trading opens {now.next_open_text} (market_hours.pre_open: queue)"
        return Later(reason=Reason.PRE_OPEN, detail=detail, until=now.next_open or 0)
    return _unseen(draft, copy) or _in_session(follower, copy, now)


def _row_of_after_market(asked: Asked) -> Answer:
    """Only a row tells when an after-market order goes to the exchange (1.7), and a frame comes first; there is time
    to read it."""
    until = row_is_due(asked.draft, asked.leader) if asked.wanted.after_market else 0
    if not until or is_placed(asked.draft, asked.copy):
        return asked.copy
    return Later(reason=Reason.CHECKING, detail=ROW_IS_READ, until=until)


ROW_IS_READ = "the leader's order book is read: it may tell when his after-market order goes to the exchange"


def row_is_due(draft: Draft, leader: Order) -> int:
    """Until when the row of the leader's after-market order is waited for, which is asked for now; 0: it is not."""
    told = not leader.after_market or leader.amo_time is not None or leader.book_as_of
    until = leader.seen_at + TIME_TOLD_WITHIN
    if told or leader.over or until <= draft.now:
        return 0
    draft.effects.append(ReadBooks(account=leader.account))
    return until


TRADING = frozenset({Phase.PRE_OPEN, Phase.REGULAR, Phase.CLOSING_AUCTION})
"""While these last an after-market order that rests has gone to the exchange."""
KEPT_FOR = frozenset({Reason.MARKET_CLOSED, Reason.MARKET_HOLIDAY, Reason.PRE_OPEN})
"""Why an entry is kept until its market opens (6.2)."""
READ_AGAIN = 5 * SECOND
"""A book that is waited for is asked for again after this."""
TIME_TOLD_WITHIN = 5 * SECOND
"""So long the row of an after-market order is waited for, which may tell when it goes to the exchange."""


def has_gone(leader: Order, now: Standing) -> bool:
    """Has the leader's after-market order gone to the exchange by now? It waits at the broker in TRANSIT or PENDING;
    where its market trades, PENDING means that it rests there."""
    return now.phase in TRADING and leader.status is not OrderStatus.TRANSIT


def warn_of_stale_calendar(draft: Draft, rules: MarketHours, now: Standing) -> None:
    """``stale_calendar: warn``: that nobody knows whether this is a trading day is told once a day."""
    if not now.stale or rules.stale_calendar is not StaleCalendar.WARN or draft.rules is None:
        return
    account = draft.account(draft.rules.leader.client_id)
    if account.calendar_told == day_number(draft.now):
        return
    draft.accounts.put(replace(account, calendar_told=day_number(draft.now)))
    text = f"the calendar {rules.calendar} does not cover this day: weekdays count as trading days"
    alert(draft, Alert.CALENDAR_STALE, text)


def _in_session(follower: Follower, copy: Copy, now: Standing) -> Answer:
    """Its market is open: what was to be an after-market order is one no more. What this session does not take goes in
    another form where there is one, else as outside trading hours."""
    wanted = copy.wanted
    if wanted is None:
        return copy
    if wanted.after_market:
        wanted = replace(wanted, after_market=False, amo_time=None)
        copy = replace(copy, wanted=wanted)
    terms = wanted.terms
    shown = replace(terms, disclosed_quantity=0)
    why = _unfit(now, wanted, shown)
    if why is not None:
        closed = replace(now, why=Closure.MARKET_CLOSED, sentence=f"{why}; next open {now.next_open_text}")
        return _outside(follower, copy, closed)
    if terms.disclosed_quantity and _unfit(now, wanted, terms) is not None:
        return noted(replace(copy, wanted=replace(wanted, terms=shown)), Reason.DISCLOSED_DROPPED)
    return copy


def _unfit(now: Standing, wanted: Desired, terms: Terms) -> str | None:
    return unfit(now.phase, terms.order_type, terms.validity, wanted.product, terms.disclosed_quantity)


def _outside(follower: Follower, copy: Copy, now: Standing) -> Answer:
    """Outside trading hours: refused, kept until the next opening, or sent as an after-market order. One that ends at
    once or never (IOC) is none, and where nobody knows whether today is a trading day nothing is sent or kept."""
    how = follower.policy.market_hours.outside
    reason = Reason(str(now.why or Closure.MARKET_CLOSED))
    if reason is Reason.CALENDAR_STALE or copy.wanted is None:
        return refuse(reason, now.sentence)
    if how is Outside.QUEUE and now.next_open is not None:
        return Later(reason=reason, detail=now.sentence, until=now.next_open)
    lasts = copy.wanted.terms.validity is not Validity.IOC
    if how is Outside.AFTER_MARKET and not now.is_open and lasts:
        at = mapping_of(follower, copy.rule).after_market_time
        return replace(copy, wanted=replace(copy.wanted, after_market=True, amo_time=at))
    return refuse(reason, now.sentence)


def _unseen(draft: Draft, copy: Copy) -> Later | None:
    """What was kept until its market opened goes by what the leader's order is now: while nobody has looked at that
    for a while, his book is read first (6.2)."""
    rules = draft.rules
    if not copy.kept or rules is None:
        return None
    leader = draft.account(rules.leader.client_id)
    heard = leader.stream_up and leader.books_at >= leader.connected_at
    if heard or draft.now - leader.books_at <= 2 * rules.resilience.sweep:
        return None
    draft.effects.append(ReadBooks(account=rules.leader.client_id))
    detail = "its market is open; the leader's order book is read first"
    return Later(reason=Reason.CHECKING, detail=detail, until=draft.now + READ_AGAIN)


# --- prices -------------------------------------------------------------------------------------------------------


def _late_price(asked: Asked) -> Answer:
    """An entry that had traded unseen, or while its copy waited here, goes only while the price is near the leader's
    fill (6.2, 7.2)."""
    policy, leader, lead, copy = asked.follower.policy.late, asked.leader, asked.lead, asked.copy
    unseen = lead.unseen_for > policy.max_age and unseen_fill(leader, lead)
    waited = overtaken(asked.draft, copy, leader, asked.follower)
    if is_placed(asked.draft, copy) or copy.insisted or not (unseen or waited):
        return copy
    if policy.filled is LateFilled.SKIP and not copy.kept:
        detail = f"it waited longer than late.max_age, and the leader's order has traded {leader.filled} meanwhile"
        return Verdict(decision=Decision.SKIPPED, reason=Reason.LATE, detail=detail)
    last = market(asked.draft, asked.instrument, leader).last_price
    found = prices.late_price(asked.wanted.side, leader.average_price, last, policy.max_slippage_bps)
    if isinstance(found, prices.Lacks) and not leader.average_price:
        return unavailable(asked, found.detail)  # no quote tells it
    return _priced(asked, found)


def _guard(asked: Asked) -> Answer:
    guard = asked.follower.policy.price_guard
    if guard.entry_bps is None or asked.wanted.terms.validity is Validity.FOREVER:
        return asked.copy
    wish = asked.lead.wish
    price = wish.price if wish.order_type is OrderType.LIMIT else asked.leader.average_price
    found = prices.guard_entry(
        asked.wanted.terms,
        asked.wanted.side,
        guard,
        leader_price=price or None,
        last_price=market(asked.draft, asked.instrument, asked.leader).last_price,
        tick=asked.instrument.tick_size,
        computed=not wish.order_type.has_price,
    )
    return _priced(asked, found)


def _band(asked: Asked) -> Answer:
    """Is its price inside the limits of the day? Those of the day for which an after-market order is are not known."""
    checks, terms = asked.follower.policy.checks, asked.wanted.terms
    priced = terms.order_type.has_price or terms.order_type.has_trigger
    if terms.validity is Validity.FOREVER:
        return asked.copy
    if checks.price_band is PriceBand.NONE or not priced or asked.wanted.after_market:
        return asked.copy
    known = market(asked.draft, asked.instrument, asked.leader)
    limits_of_day = prices.band(checks, known, data_plan=bool(quoting_account(asked.draft, asked.rules)))
    if isinstance(limits_of_day, prices.Lacks):
        by_circuit = checks.price_band is not PriceBand.PCT
        answer = _lacking(asked, limits_of_day.detail, band=by_circuit)
        auto = checks.price_band is PriceBand.AUTO and not isinstance(answer, Later)
        return asked.copy if auto else answer
    found = prices.within_band(
        terms,
        asked.wanted.side,
        limits_of_day,
        asked.instrument.tick_size,
        is_exit=False,
        computed=not asked.lead.wish.order_type.has_price,
    )
    return _priced(asked, found)


def _priced(asked: Asked, found: prices.Priced | prices.Refused | prices.Lacks | None) -> Answer:
    """What a question of price makes of the copy."""
    if found is None:
        return asked.copy
    if isinstance(found, prices.Refused):
        return refuse(found.reason, found.detail)
    if isinstance(found, prices.Lacks):
        return _lacking(asked, found.detail)
    return noted(replace(asked.copy, wanted=replace(asked.wanted, terms=found.terms)), *found.notes)


def _lacking(asked: Asked, detail: str, *, band: bool = False) -> Answer:
    """A price, or the limits of the day, are needed: they are asked for, or are not to be had."""
    if ask_quote(asked.draft, asked.rules, asked.instrument, band=band):
        until = answer_due(asked.draft, asked.instrument)
        return Later(reason=Reason.CHECKING, detail=f"{detail}; a quote was asked for", until=until)
    return unavailable(asked, f"{detail}, and no quote is to be had")


# --- the account --------------------------------------------------------------------------------------------------


def _delivery(asked: Asked) -> Answer:
    """Shares bought for delivery in an account without DDPI cannot be sold over the API."""
    how = asked.follower.policy.checks.delivery
    wanted = asked.wanted
    if how is Caution.OFF or wanted.side is not Side.BUY or wanted.product not in (Product.CNC, Product.MTF):
        return asked.copy
    if asked.draft.account(asked.copy.follower).ddpi is not False:
        return asked.copy
    detail = f"the account has no DDPI: {wanted.product} shares bought here cannot be sold over the API"
    if how is Caution.REFUSE:
        return refuse(Reason.DELIVERY_NOT_ALLOWED, detail)
    return alert_once(asked.draft, asked.copy, Alert.DELIVERY, detail)


CHECKS: Mapping[str, Callable[[Asked], Answer]] = {
    "market_hours": _hours,
    "after_market": _row_of_after_market,
    "late": _late_price,
    "price_guard": _guard,
    "price_band": _band,
    "self_trade": persons.self_trade,
    "delivery": _delivery,
    "limits": allowed.within_limits,
    "margin": basket_margin.covered,
}
"""Every check of an entry, in the order in which they are asked, by the key of the rules that it obeys."""
