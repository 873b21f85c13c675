"""Facts: figures that only the broker has, asked for ahead of need, and what their answers change."""

from collections.abc import Callable
from datetime import date
from typing import Any

from msgspec.structs import replace

from copyctl.core import access, margin, market
from copyctl.core.allowed import note_prices
from copyctl.core.capital import ask_now, needs_funds, release
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.missing import follower_shifted, leader_shifted
from copyctl.core.reads import in_doubt, take_positions
from copyctl.core.state import Draft, follower_of
from copyctl.core.telling import alert
from copyctl.core.unread import AGAIN, ask_positions
from copyctl.model.alerts import Alert
from copyctl.model.calendar import TradingDays
from copyctl.model.choices import Caution, KillAction
from copyctl.model.effects import AskInstrument
from copyctl.model.events import CalendarFound
from copyctl.model.facts import (
    Addresses,
    AddressWanted,
    Ask,
    BrokerKill,
    BrokerKillStateWanted,
    BrokerKillWanted,
    FactArrived,
    Funds,
    FundsWanted,
    Lack,
    MarginWanted,
    Positions,
    PositionsWanted,
    Profile,
    ProfileWanted,
    QuoteWanted,
)
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.terms import Level


def ask_at_start(draft: Draft, rules: Rules) -> None:
    """What is asked once, as a process begins: positions to compare, profiles, addresses."""
    _ask_of_account(draft, rules, rules.leader.client_id)
    margin.forget_questions(draft)
    for follower in rules.followers:
        ask_of_follower(draft, rules, follower)


def ask_of_follower(draft: Draft, rules: Rules, follower: Follower) -> None:
    """What is asked once of a follower, as it comes."""
    _ask_of_account(draft, rules, follower.client_id)
    checks = follower.policy.checks
    if checks.delivery is not Caution.OFF:
        draft.effects.append(Ask(question=ProfileWanted(account=follower.client_id)))
    if checks.address:
        draft.effects.append(Ask(question=AddressWanted(account=follower.client_id)))


def _ask_of_account(draft: Draft, rules: Rules, account: str) -> None:
    ask_positions(draft, account)
    if needs_funds(rules, account):
        draft.effects.append(ask_now(draft, account))


def ask_ahead(draft: Draft, rules: Rules, account: str) -> None:
    """Ask ahead of need, once a sweep: positions of all, funds of those whose policy needs them, prices in play."""
    known = draft.account(account)
    often = AGAIN if not known.positions_at else rules.resilience.sweep
    if draft.now - known.asked_at < often and not in_doubt(draft, account):
        return
    draft.accounts.put(replace(known, asked_at=draft.now))
    ask_positions(draft, account)
    if needs_funds(rules, account):
        draft.effects.append(ask_now(draft, account))
    if account == rules.leader.client_id:
        market.ask_in_play(draft, rules)


def take_fact(draft: Draft, event: FactArrived) -> None:
    """A figure has come, or why it cannot be had."""
    rules = draft.rules
    if rules is None:
        return
    if event.lack is Lack.REFUSED:
        access.refused_fact(draft, event)
    elif isinstance(event.question, ProfileWanted | AddressWanted):
        access.told(draft, rules, event)
    _TAKE[type(event.question)](draft, rules, event)


def _funds(draft: Draft, rules: Rules, event: FactArrived) -> None:
    account = draft.account(event.account)
    why = "" if event.fact is not None else event.why or "no answer"
    draft.accounts.put(replace(account, funds_why=why, funds_asked_at=0, funds_told_at=draft.now))
    known = draft.funds.get(event.account)
    if isinstance(event.fact, Funds) and (known is None or event.fact.as_of >= known.as_of):
        draft.funds.put(event.fact)
        release(draft, event.account, event.fact)
    _look_again(draft, rules, event.account)


def _quote(draft: Draft, rules: Rules, event: FactArrived) -> None:
    market.take_quote(draft, event)
    _look_again(draft, rules, rules.leader.client_id)


def _margin(draft: Draft, rules: Rules, event: FactArrived) -> None:
    margin.take(draft, event)
    _look_again(draft, rules, event.account)


def _positions(draft: Draft, rules: Rules, event: FactArrived) -> None:
    known = draft.account(event.account).positions_at  # before this read
    shift = take_positions(draft, event)
    if event.account == rules.leader.client_id:
        leader_shifted(draft, rules, shift)
    else:
        follower_shifted(draft, shift)
        for request in draft.waiting():  # an exit may have waited for this
            if (request.account, request.waits_for) == (event.account, Reason.CHECKING):
                draft.requests.put(replace(request, due_at=0))
        _ask_instruments(draft, event.account)
        if isinstance(event.fact, Positions):
            note_prices(draft, event.fact)
        _look_again(draft, rules, event.account)
    if draft.account(event.account).positions_at and not known:
        _positions_known(draft, rules, event.account)


def _ask_instruments(draft: Draft, account: str) -> None:
    """Have the contracts looked up that a follower holds by his own hand: they count in limits and margins (9.5)."""
    for here in draft.positions_of(account):
        known = draft.instruments.get(instrument_key(here.segment, here.security_id)) is not None
        if here.net and here.segment.is_derivative and not known:
            draft.effects.append(AskInstrument(segment=here.segment, security_id=here.security_id))


def _positions_known(draft: Draft, rules: Rules, account: str) -> None:
    """It is known what an account began the day with: what waited for that goes on."""
    if account == rules.leader.client_id:
        for lead in draft.leader_orders.values():
            order = draft.orders.get(order_key(account, lead.order_id))
            if not lead.classified or (order is not None and order.filled > lead.counted):
                draft.leads_moved[lead.order_id] = None
                draft.touched[lead.order_id] = None
        return
    for here in draft.positions_of(account):
        draft.moved[(account, instrument_key(here.segment, here.security_id))] = None


def _profile(draft: Draft, _rules: Rules, event: FactArrived) -> None:
    if isinstance(event.fact, Profile):
        draft.accounts.put(replace(draft.account(event.account), ddpi=event.fact.ddpi))


def _addresses(draft: Draft, rules: Rules, event: FactArrived) -> None:
    """Is the address that this account's requests leave from the one that is registered with Dhan?"""
    follower = follower_of(rules, event.account)
    if follower is None or not isinstance(event.fact, Addresses):
        return
    if event.fact.takes_orders(follower.source_ip) is False:
        registered = ", ".join(event.fact.registered or ()) or "none"
        seen = f", seen from {event.fact.detected}" if event.fact.detected else ""
        text = f"orders of this account will be refused: registered with Dhan: {registered}{seen}"
        alert(draft, Alert.ACCESS_REFUSED, text, follower=event.account)


def _broker_kill(draft: Draft, rules: Rules, event: FactArrived) -> None:
    """The broker's own kill switch: on, not taken yet, or of unknown state, which is then asked for."""
    fact = event.fact
    known = draft.account(event.account)
    if isinstance(fact, BrokerKill) and fact.active:
        left = tuple(word for word in known.kill_actions if word != KillAction.BROKER_KILL_SWITCH)
        draft.accounts.put(replace(known, kill_actions=left, kill_acting_at=0, broker_asked_at=0))
        text = f"the broker's own kill switch is on: {fact.text}"
        alert(draft, Alert.BROKER_KILL_SWITCH, text, follower=event.account)
        return
    if KillAction.BROKER_KILL_SWITCH not in known.kill_actions:
        return
    asked_state = isinstance(event.question, BrokerKillStateWanted)
    unsure = event.lack is Lack.UNAVAILABLE or (isinstance(fact, BrokerKill) and fact.active is None)
    if unsure and not asked_state:
        draft.effects.append(Ask(question=BrokerKillStateWanted(account=event.account)))
        return
    why = event.why or (fact.text if isinstance(fact, BrokerKill) else "")
    if not known.broker_told:
        text = f"the broker's own kill switch is not on yet, it is tried again: {why}"
        alert(draft, Alert.BROKER_KILL_SWITCH, text, follower=event.account)
    draft.accounts.put(replace(known, broker_told=True))


_TAKE: dict[type, Callable[[Draft, Rules, FactArrived], Any]] = {
    FundsWanted: _funds,
    QuoteWanted: _quote,
    MarginWanted: _margin,
    PositionsWanted: _positions,
    ProfileWanted: _profile,
    AddressWanted: _addresses,
    BrokerKillWanted: _broker_kill,
    BrokerKillStateWanted: _broker_kill,
}


def _look_again(draft: Draft, rules: Rules, account: str) -> None:
    """A figure has come, or will not: whatever may have waited for it is looked at again."""
    shared = account == rules.leader.client_id
    for follower in rules.followers:
        if not shared and follower.client_id != account:
            continue
        for copy in draft.open_copies(follower.client_id):
            if not copy.exit and (copy.waits or copy.wanted is None or copy.wanted.terms != copy.checked):
                draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def take_calendar(draft: Draft, event: CalendarFound) -> None:
    """The trading days are known, or cannot be: then none is, and ``stale_calendar`` decides."""
    never = date(1970, 1, 1)
    days = event.days or TradingDays(calendar=event.calendar, first=never, last=never, open_days=())
    draft.days.put(days if days.calendar == event.calendar else replace(days, calendar=event.calendar))
    if event.why:
        text = f"trading days of {event.calendar}: {event.why}"
        level = Level.WARNING if event.days is not None else Level.CRITICAL
        alert(draft, Alert.CALENDAR_STALE, text, level=level)
    if draft.rules is not None:
        _look_again(draft, draft.rules, draft.rules.leader.client_id)
