"""Checks: may an entry be sent as it is wanted, and if not as it is, how? Exits pass none of this.

Asked when an entry is about to be placed, enlarged or given another price, the cheap questions first: hours, price,
self trade, limits, margin. What passes may come back changed: at a limit of ours, with fewer units, after the market.
What needs a figure that is not known yet asks for it and waits. Limits and hours are asked once more as it leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import limits, margin, prices, self_trade
from copyctl.core.capital import funds, price_of
from copyctl.core.decide import Verdict
from copyctl.core.hours import SECOND
from copyctl.core.market import ask_quote, calendar_known, market, market_standing, quote, quoting_account
from copyctl.core.plan import of
from copyctl.core.sessions import is_squared_off, unfit
from copyctl.core.state import Draft, instrument_key
from copyctl.model.choices import Caution, LateFilled, OnBreach, Outside, PreOpen, PriceBand, Unavailable
from copyctl.model.effects import FindCalendar, Notice
from copyctl.model.facts import Funds
from copyctl.model.instrument import Instrument
from copyctl.model.market import Phase
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.request import Desired
from copyctl.model.terms import AmoTime, Decision, Level, OrderType, Product, Side

MINUTE = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An entry under check. ``copy.wanted`` is what it should be; ``leader`` and ``lead`` say what it copies."""

    draft: Draft
    rules: Rules
    follower: Follower
    copy: Copy
    leader: Order
    lead: LeaderOrder
    instrument: Instrument

    @property
    def wanted(self) -> Desired:
        """What it should be."""
        if self.copy.wanted is None:
            raise ValueError(f"{self.copy.leader_order_id} wants nothing")
        return self.copy.wanted

    @property
    def more(self) -> int:
        """Units that may still trade once this is done."""
        return max(0, self.wanted.terms.quantity - self.copy.filled)

    def with_copy(self, copy: Copy) -> "Asked":
        """The same question about a changed copy."""
        return Asked(
            draft=self.draft,
            rules=self.rules,
            follower=self.follower,
            copy=copy,
            leader=self.leader,
            lead=self.lead,
            instrument=self.instrument,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """It waits: for an answer, or (``until``, ns) for a moment."""

    reason: Reason
    detail: str
    until: int = 0


Answer = Copy | Verdict | Later
"""The copy, maybe changed: it passed. Or why it is refused, or waits."""


def check(asked: Asked) -> Answer:
    """Run all checks over an entry; the first that objects decides."""
    copy = asked.copy
    for one in _CHECKS:
        answer = one(asked.with_copy(copy))
        if not isinstance(answer, Copy):
            return answer
        copy = answer
        if copy.wanted is None or copy.wanted.terms.quantity <= copy.filled:
            return copy
    return replace(copy, checked=copy.wanted.terms if copy.wanted else None)


def refuse(reason: str, detail: str) -> Verdict:
    """A no, for good."""
    return Verdict(decision=Decision.REFUSED, reason=reason, detail=detail)


def unavailable(asked: Asked, detail: str) -> Answer:
    """A figure cannot be had: ``checks.unavailable`` says what then."""
    if asked.follower.policy.checks.unavailable is Unavailable.PASS:
        return asked.copy
    return refuse(Reason.CHECK_UNAVAILABLE, detail)


# --- hours --------------------------------------------------------------------------------------------------------


def _hours(asked: Asked) -> Answer:
    return hours(asked.draft, asked.follower, asked.copy, asked.leader, asked.instrument)


def hours(draft: Draft, follower: Follower, copy: Copy, leader: Order, instrument: Instrument) -> Answer:
    """May an entry in this instrument leave now (6.1 to 6.5)? An after-market order of the leader's always may."""
    rules = follower.policy.market_hours
    wanted = copy.wanted
    if not rules.enforce or wanted is None or (leader.after_market and wanted.after_market):
        return copy
    if not calendar_known(draft, rules):
        draft.effects.append(FindCalendar(calendar=rules.calendar))
        return Later(reason=Reason.CHECKING, detail=f"the trading days of {rules.calendar} are being read")
    now = market_standing(draft, rules, instrument)
    if not now.is_open:
        return _outside(follower, copy, now.why or Reason.MARKET_CLOSED, now.sentence, now.next_open)
    if wanted.product is Product.INTRADAY and is_squared_off(rules, instrument.segment, draft.now):
        at = rules.square_off.get(instrument.segment)
        return refuse(Reason.SQUARE_OFF, f"past {at:%H:%M} nothing is opened intraday (market_hours.square_off)")
    if now.phase is Phase.PRE_OPEN and rules.pre_open is not PreOpen.PLACE:
        if rules.pre_open is PreOpen.REJECT:
            return refuse(Reason.MARKET_CLOSED, "in the pre-open session (market_hours.pre_open: reject)")
        until = now.next_open or now.until or 0
        return Later(reason=Reason.PRE_OPEN, detail=f"regular trading opens {now.next_open_text}", until=until)
    terms = wanted.terms
    why = unfit(now.phase, terms.order_type, terms.validity, wanted.product, terms.disclosed_quantity)
    if why is not None:
        return _outside(follower, copy, Reason.MARKET_CLOSED, why, now.next_open, allow_after_market=False)
    return _in_session(copy)


def _in_session(copy: Copy) -> Copy:
    """What was to be an after-market order, and waited until trading began, is one no more."""
    if copy.wanted is None or not copy.wanted.after_market:
        return copy
    return replace(copy, wanted=replace(copy.wanted, after_market=False, amo_time=None))


def _outside(
    follower: Follower,
    copy: Copy,
    why: str,
    sentence: str,
    next_open: int | None,
    *,
    allow_after_market: bool = True,
) -> Answer:
    """Outside trading hours: refused, kept until the next opening, or sent as an after-market order."""
    rules = follower.policy.market_hours
    reason = Reason(str(why))
    if rules.outside is Outside.QUEUE and next_open is not None:
        return Later(reason=reason, detail=sentence, until=next_open)
    if rules.outside is Outside.AFTER_MARKET and allow_after_market and copy.wanted is not None:
        at = follower.policy.mapping.after_market_time or AmoTime.OPEN
        return replace(copy, wanted=replace(copy.wanted, after_market=True, amo_time=at))
    return refuse(reason, sentence)


# --- prices -------------------------------------------------------------------------------------------------------


def _late_price(asked: Asked) -> Answer:
    """An entry that had traded unseen goes only while the price is near the leader's fill (7.2)."""
    policy = asked.follower.policy.late
    late = asked.lead.unseen_for > policy.max_age and asked.leader.over and asked.leader.filled
    if not late or policy.filled is LateFilled.SKIP or asked.copy.slots:
        return asked.copy
    last = market(asked.draft, asked.instrument, asked.leader).last_price
    found = prices.late_price(asked.wanted.side, asked.leader.average_price, last, policy.max_slippage_bps)
    return _priced(asked, found)


def _guard(asked: Asked) -> Answer:
    guard = asked.follower.policy.price_guard
    if guard.entry_bps is None:
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
    checks = asked.follower.policy.checks
    if checks.price_band is PriceBand.NONE:
        return asked.copy
    known = market(asked.draft, asked.instrument, asked.leader)
    newest = quote(asked.draft, asked.instrument)
    in_vain = newest is not None and newest.upper_circuit is None
    plan = bool(quoting_account(asked.draft, asked.rules)) and not in_vain
    limits_of_day = prices.band(checks, known, data_plan=plan)
    if isinstance(limits_of_day, prices.Lacks):
        if checks.price_band is PriceBand.AUTO and not plan:
            return asked.copy
        return _priced(asked, limits_of_day)
    computed = not asked.lead.wish.order_type.has_price
    found = prices.within_band(
        asked.wanted.terms,
        asked.wanted.side,
        limits_of_day,
        asked.instrument.tick_size,
        is_exit=False,
        computed=computed,
    )
    return _priced(asked, found)


def _priced(asked: Asked, found: prices.Priced | prices.Refused | prices.Lacks | None) -> Answer:
    """What a question of price makes of the copy."""
    if found is None:
        return asked.copy
    if isinstance(found, prices.Refused):
        return refuse(found.reason, found.detail)
    if isinstance(found, prices.Lacks):
        if ask_quote(asked.draft, asked.rules, asked.instrument):
            return Later(reason=Reason.CHECKING, detail=f"{found.detail}; a quote was asked for")
        return unavailable(asked, f"{found.detail}, and no quote is to be had")
    return noted(replace(asked.copy, wanted=replace(asked.wanted, terms=found.terms)), *found.notes)


def noted(copy: Copy, *notes: str) -> Copy:
    """The copy with the codes of what was changed for it."""
    for note in notes:
        if copy.note is None or copy.decision is not Decision.COPIED:
            copy = replace(copy, note=note)
        if not copy.slots and copy.decision is Decision.COPIED:
            copy = replace(copy, reason=copy.note)
        if note not in copy.detail:
            copy = replace(copy, detail=f"{copy.detail}; {note}", sized=f"{copy.sized}; {note}")
    return copy


# --- the account --------------------------------------------------------------------------------------------------


def _self_trade(asked: Asked) -> Answer:
    """An order of the same person that rests on the other side could trade with this one."""
    how = asked.follower.policy.checks.self_trade
    if how is Caution.OFF:
        return asked.copy
    draft, wanted = asked.draft, asked.wanted
    person = asked.follower.person
    accounts = [asked.follower.client_id]
    if person:
        accounts += [
            one.client_id
            for one in (asked.rules.leader, *asked.rules.followers)
            if one.person == person and one.client_id not in accounts
        ]
    others = _resting_against(draft, accounts, wanted)
    last = market(draft, asked.instrument, asked.leader).last_price
    met = self_trade.meets(wanted.terms, wanted.side, others, last)
    if met is None:
        return asked.copy
    detail = self_trade.sentence(wanted.terms, wanted.side, met)
    if how is Caution.REFUSE:
        return refuse(Reason.SELF_TRADE, detail)
    return warned(draft, asked.copy, "self_trade", detail)


def _resting_against(draft: Draft, accounts: list[str], wanted: Desired) -> list[self_trade.Resting]:
    """The open orders of these accounts on the other side of an instrument."""
    found = []
    for order in draft.orders_in(accounts, instrument_key(wanted.segment, wanted.security_id)):
        if order.over or order.side is wanted.side or order.terms is None or order.side is None:
            continue
        found.append(
            self_trade.Resting(
                side=order.side,
                order_type=order.terms.order_type,
                price=order.terms.price,
                trigger_price=order.terms.trigger_price,
                quantity=order.leaves,
                account=order.account,
                order_id=order.order_id,
            )
        )
    return found


def warned(draft: Draft, copy: Copy, what: str, text: str) -> Copy:
    """The copy, with an alert given once of something that is allowed all the same."""
    if what in copy.told:
        return copy
    draft.notices.append(
        Notice(
            at=draft.now,
            event="alert",
            level=Level.WARNING,
            text=text,
            leader_order_id=copy.leader_order_id,
            follower=copy.follower,
        )
    )
    return replace(copy, told=(*copy.told, what))


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
    return warned(asked.draft, asked.copy, "delivery", detail)


def _limits(asked: Asked) -> Answer:
    found = limits_of(asked)
    policy = asked.follower.policy.limits
    if found.breaches:
        worst = min(found.breaches, key=lambda one: one.allowed)
        kept = found.allowed + asked.copy.filled
        if policy.on_breach is OnBreach.REJECT or found.allowed <= 0:
            first = found.breaches[0]
            return refuse(f"limit_{first.key}", first.detail)
        terms = of(asked.wanted.terms, kept)
        copy = replace(asked.copy, wanted=replace(asked.wanted, terms=terms))
        copy = noted(copy, Reason.REDUCED)
        return replace(copy, detail=f"{copy.detail}; limit_{worst.key}: {worst.detail}, cut to {kept}")
    if found.unchecked:
        first_unknown = found.unchecked[0]
        if any("capital" in one.key or "concentration" in one.key for one in found.unchecked):
            known = funds(asked.draft, asked.copy.follower)
            if known is None and not asked.draft.account(asked.copy.follower).funds_why:
                return Later(reason=Reason.CHECKING, detail="the follower's funds were asked for")
        elif ask_quote(asked.draft, asked.rules, asked.instrument):
            return Later(reason=Reason.CHECKING, detail=f"{first_unknown.detail}; a quote was asked for")
        return unavailable(asked, first_unknown.detail)
    return asked.copy


def limits_of(asked: Asked) -> limits.Verdict:
    """What the limits say of an entry by what is known now."""
    policy = asked.follower.policy.limits
    wanted, draft = asked.wanted, asked.draft
    key = instrument_key(wanted.segment, wanted.security_id)
    price = wanted.terms.price or price_of(draft, asked.leader, asked.lead.wish, asked.instrument)
    entry = limits.Entry(
        key=key,
        side=wanted.side,
        quantity=max(1, asked.more),
        filled=asked.copy.filled,
        placing=not any(slot.live for slot in asked.copy.slots),
        price=price,
        multiplier=asked.instrument.multiplier,
        lot_size=asked.instrument.lot_size,
        underlying=asked.instrument.underlying if asked.instrument.segment.is_derivative else "",
    )
    return limits.check(policy, entry, standing_of(draft, asked.follower, asked.copy.leader_order_id, asked.instrument))


def standing_of(draft: Draft, follower: Follower, without: str, instrument: Instrument) -> limits.Standing:
    """What a follower has and has done, the row ``without`` left out."""
    account = draft.account(follower.client_id)
    nets: dict[str, int] = {}
    buys: dict[str, int] = {}
    sells: dict[str, int] = {}
    paid: dict[str, Decimal] = {}
    for here in draft.positions_of(follower.client_id):
        key = instrument_key(here.segment, here.security_id)
        nets[key] = nets.get(key, 0) + here.net
        paid[key] = here.price
    resting = 0
    for copy in draft.open_copies(follower.client_id):
        if copy.leader_order_id == without or copy.wanted is None:
            continue
        resting += any(slot.live for slot in copy.slots)
        if copy.exit or not copy.slots:
            continue
        side = buys if copy.wanted.side is Side.BUY else sells
        key = instrument_key(copy.wanted.segment, copy.wanted.security_id)
        side[key] = side.get(key, 0) + max(0, copy.wanted.terms.quantity - copy.filled)
        paid.setdefault(key, copy.wanted.terms.price)
    exposures = {
        key: _exposure(draft, key, nets.get(key, 0), buys.get(key, 0), sells.get(key, 0), paid.get(key))
        for key in {**nets, **buys, **sells}
        if nets.get(key) or buys.get(key) or sells.get(key)
    }
    known = draft.funds.get(follower.client_id)
    return limits.Standing(
        exposures=exposures,
        open_orders=resting,
        placed_last_minute=sum(1 for at in account.placed if draft.now - at < MINUTE),
        placed_today=account.placed_today,
        capital=_capital(known),
        profit_today=account.profit,
    )


def _capital(known: Funds | None) -> Decimal | None:
    if known is None:
        return None
    return known.available if known.start_of_day is None else known.start_of_day


def _exposure(draft: Draft, key: str, net: int, buy: int, sell: int, paid: Decimal | None) -> limits.Exposure:
    instrument = draft.instruments.get(key)
    quoted = draft.quotes.get(key)
    price = (quoted.last_price if quoted is not None else None) or paid
    return limits.Exposure(
        net=net,
        open_buy=buy,
        open_sell=sell,
        price=price or None,
        multiplier=instrument.multiplier if instrument else 1,
        lot_size=instrument.lot_size if instrument else 1,
        underlying=instrument.underlying if instrument and instrument.segment.is_derivative else "",
    )


def _margin(asked: Asked) -> Answer:
    """Is there the money for it? What its margin will be is held until the broker shows it (8.4)."""
    units = asked.more
    if any(slot.live for slot in asked.copy.slots) and asked.copy.checked is not None:
        units = asked.wanted.terms.quantity - asked.copy.checked.quantity
    if not asked.follower.policy.checks.margin or units <= 0:
        return asked.copy
    known = funds(asked.draft, asked.copy.follower)
    account = asked.draft.account(asked.copy.follower)
    if known is None:
        if not account.funds_why:
            return Later(reason=Reason.CHECKING, detail="the follower's funds were asked for")
        return unavailable(asked, f"the follower's funds cannot be read: {account.funds_why}")
    need = margin.need(asked.draft, asked.copy, asked.instrument, units, asked.leader)
    if isinstance(need, margin.Unknown):
        if need.asked:
            return Later(reason=Reason.CHECKING, detail="the margin calculator was asked")
        return unavailable(asked, f"the margin cannot be asked: {need.why}")
    buffer = asked.follower.policy.checks.margin_buffer_pct
    return margin.afford(asked.draft, asked.copy, need, buffer, known)


_CHECKS: tuple[Callable[[Asked], Answer], ...] = (
    _hours,
    _late_price,
    _guard,
    _band,
    _self_trade,
    _delivery,
    _limits,
    _margin,
)
"""Every check of an entry, in the order in which they are asked."""
