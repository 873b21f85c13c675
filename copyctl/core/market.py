"""The market as it is known: last prices, circuit limits, and when what may be traded."""

from decimal import Decimal

from copyctl.core.hours import SECOND, day_start
from copyctl.core.index import instrument_of
from copyctl.core.prices import Market
from copyctl.core.sessions import standing, traits_of
from copyctl.core.state import Draft, instrument_key
from copyctl.model.choices import PriceBand
from copyctl.model.facts import Ask, Quote, QuoteWanted
from copyctl.model.instrument import Instrument
from copyctl.model.market import Standing
from copyctl.model.order import Order
from copyctl.model.policy import MarketHours, Policy, Rules

PRICE_SERVES = 30 * SECOND
"""A last traded price older than this is no price of the moment."""
ASKED_IN_VAIN_FOR = 60 * SECOND
"""A question for a quote that got none is asked again after this."""


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
    """The last price and today's circuit limits, as far as they are known."""
    known = quote(draft, instrument)
    today = known is not None and known.as_of >= day_start(draft.now)
    return Market(
        last_price=last_price(draft, instrument, leader),
        lower=known.lower_circuit if known is not None and today else None,
        upper=known.upper_circuit if known is not None and today else None,
    )


def ask_quote(draft: Draft, rules: Rules, instrument: Instrument) -> bool:
    """Have the quote of an instrument asked for, by the first account that has the data plan. False: in vain."""
    known = quote(draft, instrument)
    in_vain = known is not None and known.last_price is None and known.upper_circuit is None
    if known is not None and in_vain and draft.now - known.as_of < ASKED_IN_VAIN_FOR:
        return False
    account = quoting_account(draft, rules)
    if not account:
        return False
    question = QuoteWanted(account=account, segment=instrument.segment, security_id=instrument.security_id)
    draft.effects.append(Ask(question=question))
    return True


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
        if instrument is not None and instrument.known:
            ask_quote(draft, rules, instrument)


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


def market_standing(draft: Draft, hours: MarketHours, instrument: Instrument) -> Standing:
    """Where the market of an instrument stands now."""
    days = draft.days.get(hours.calendar)
    return standing(
        hours, days, instrument.segment, traits_of(instrument, has_derivatives=instrument.derivatives), draft.now
    )


def calendar_known(draft: Draft, hours: MarketHours) -> bool:
    """Was the calendar of these hours looked for already?"""
    return draft.days.get(hours.calendar) is not None
