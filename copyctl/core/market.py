"""The market as it is known: last prices, circuit limits, and when what may be traded."""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.hours import SECOND, day_start
from copyctl.core.index import instrument_of
from copyctl.core.keys import instrument_key
from copyctl.core.prices import Market
from copyctl.core.sessions import standing, traits_of
from copyctl.core.state import Draft
from copyctl.model.choices import PriceBand
from copyctl.model.facts import Ask, FactArrived, Lack, Quote, QuoteWanted
from copyctl.model.instrument import Instrument
from copyctl.model.market import Standing
from copyctl.model.order import Order
from copyctl.model.policy import MarketHours, Policy, Rules

PRICE_SERVES = 30 * SECOND
"""A last traded price older than this is no price of the moment."""
LIMITS_SINCE = 9 * 3600 * SECOND
"""The hour of the Indian day at which the first session begins: 09:00."""
LACKS_FOR = 60 * SECOND
"""Where the newest quote lacks what is looked for, none is asked for again so soon."""
FAILED_FOR = 5 * SECOND
"""A question that could not be answered is not repeated before this."""
LOST_AFTER = 10 * SECOND
"""An answer that has not come after this, never will."""


def quote(draft: Draft, instrument: Instrument) -> Quote | None:
    """The newest quote of an instrument, of whatever age."""
    return draft.quotes.get(instrument_key(instrument.segment, instrument.security_id))


def last_price(draft: Draft, instrument: Instrument, leader: Order | None = None) -> Decimal | None:
    """The last traded price of the moment, from a quote or from the leader's own frame; None: not known."""
    known = quote(draft, instrument)
    prices = []
    if known is not None and known.last_price:
        prices.append((known.as_of, known.last_price))
    if leader is not None and leader.last_price:
        prices.append((leader.last_price_at, leader.last_price))
    at, price = max(prices, default=(0, None))
    return price if price is not None and draft.now - at <= PRICE_SERVES else None


def market(draft: Draft, instrument: Instrument, leader: Order | None = None) -> Market:
    """The last price and today's circuit limits, as far as they are known. What a quote showed before the exchanges
    opened may be the limits of the day before."""
    known = quote(draft, instrument)
    began = day_start(draft.now)
    began = began + LIMITS_SINCE if draft.now >= began + LIMITS_SINCE else began
    today = known is not None and known.as_of >= began
    return Market(
        last_price=last_price(draft, instrument, leader),
        lower=known.lower_circuit if known is not None and today else None,
        upper=known.upper_circuit if known is not None and today else None,
    )


def ask_quote(draft: Draft, rules: Rules, instrument: Instrument, *, band: bool = False) -> bool:
    """Have the quote of an instrument asked for, for its circuit limits (``band``) or for its price, by the first
    account that may have the data plan; once, while the answer is on its way. False: it is not to be had."""
    known = quote(draft, instrument) or Quote(segment=instrument.segment, security_id=instrument.security_id, as_of=0)
    if known.asked_at and draft.now - known.asked_at < LOST_AFTER:
        return True
    lacks = known.upper_circuit is None or known.lower_circuit is None if band else not known.last_price
    if draft.now - known.failed_at < FAILED_FOR or (lacks and draft.now - known.as_of < LACKS_FOR):
        return False
    question = _question(draft, rules, instrument)
    if question is None:
        return False
    draft.quotes.put(replace(known, asked_at=draft.now))
    draft.effects.append(question)
    return True


def answer_due(draft: Draft, instrument: Instrument) -> int:
    """When the answer to a question for this quote will be lost (ns), 0: none is on its way."""
    known = quote(draft, instrument)
    return known.asked_at + LOST_AFTER if known is not None and known.asked_at else 0


def take_quote(draft: Draft, event: FactArrived) -> None:
    """A quote has come, or why it is not to be had; what is known already then stays. An account without the data plan
    says nothing of the instrument: the next account is asked."""
    question = event.question
    if not isinstance(question, QuoteWanted):
        return
    account = draft.account(event.account)
    no_plan = event.lack is Lack.NO_DATA_PLAN
    draft.accounts.put(replace(account, quotes_why=event.why or "no data plan" if no_plan else ""))
    if isinstance(event.fact, Quote):
        draft.quotes.put(event.fact)
        return
    blank = Quote(segment=question.segment, security_id=question.security_id, as_of=0)
    known = draft.quotes.get(instrument_key(question.segment, question.security_id)) or blank
    draft.quotes.put(replace(known, asked_at=0, failed_at=known.failed_at if no_plan else event.at))


def forget_questions(draft: Draft) -> None:
    """A process begins: what the last one asked for will not be answered, and a data plan may have been bought."""
    for known in list(draft.quotes.values()):
        draft.quotes.put(replace(known, asked_at=0))
    for account in list(draft.accounts.values()):
        draft.accounts.put(replace(account, quotes_why=""))


def _question(draft: Draft, rules: Rules, instrument: Instrument) -> Ask | None:
    """The question for a quote, None where no account can ask it."""
    account = quoting_account(draft, rules)
    if not account:
        return None
    question = QuoteWanted(account=account, segment=instrument.segment, security_id=instrument.security_id)
    return Ask(question=question)


def ask_in_play(draft: Draft, rules: Rules) -> None:
    """Have the prices of what is held or open asked for, where anything in the rules looks at prices."""
    if not any(_looks_at_prices(one.policy) for one in rules.followers):
        return
    keys = {instrument_of(copy) for one in rules.followers for copy in draft.open_copies(one.client_id)}
    keys |= {
        instrument_key(here.segment, here.security_id)
        for one in rules.followers
        for here in draft.positions_of(one.client_id)
        if here.net
    }
    for key in sorted(keys):
        instrument = draft.instruments.get(key)
        question = _question(draft, rules, instrument) if instrument is not None and instrument.known else None
        if question is not None:
            draft.effects.append(question)


def _looks_at_prices(policy: Policy) -> bool:
    limits, guard = policy.limits, policy.price_guard
    return policy.checks.price_band is not PriceBand.NONE or any(
        one is not None
        for one in (
            guard.entry_bps,
            guard.exit_bps,
            guard.emergency_bps,
            limits.max_position_value,
            limits.max_gross_exposure,
            limits.max_concentration_pct,
        )
    )


def quoting_account(draft: Draft, rules: Rules) -> str:
    """The first account of which it is not known that it lacks the data plan, "" for none."""
    names = (rules.leader.client_id, *(one.client_id for one in rules.followers))
    return next((name for name in names if not draft.account(name).quotes_why), "")


def market_standing(draft: Draft, hours: MarketHours, instrument: Instrument, moment: int = 0) -> Standing:
    """Where the market of an instrument stands now, or at a moment (ns)."""
    traits = traits_of(instrument, has_derivatives=instrument.derivatives)
    return standing(hours, draft.days.get(hours.calendar), instrument.segment, traits, moment or draft.now)


def calendar_known(draft: Draft, hours: MarketHours) -> bool:
    """Was the calendar of these hours looked for already?"""
    return draft.days.get(hours.calendar) is not None


def had_its_session(draft: Draft, hours: MarketHours, order: Order, before: int) -> bool:
    """Has the market of an order traded between its being given and a moment (ns)? Where nobody knows, yes."""
    if not hours.enforce or order.segment is None or order.security_id is None or not calendar_known(draft, hours):
        return True
    instrument = draft.instruments.get(instrument_key(order.segment, order.security_id))
    if instrument is None:
        return True
    then = market_standing(draft, hours, instrument, order.created_time or order.seen_at)
    return then.is_open or then.next_open is None or then.next_open < before
