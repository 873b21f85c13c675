"""The steps behind one decision: what was looked at, what it said, and with which numbers.

Each step is asked of the very function that decides in a run. An entry goes through all of them until one objects; an
exit is never refused, so its trace says what it closes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from copyctl.core import filters, holds, sizing
from copyctl.core.allowed import figures_of
from copyctl.core.asked import Asked, Later
from copyctl.core.attend import facts_for, what_is_missing
from copyctl.core.checks import CHECKS
from copyctl.core.decide import entry_part, first_decision, ready
from copyctl.core.entry_cuts import without_closed
from copyctl.core.keys import instrument_key, leader_id, order_key
from copyctl.core.limits import any_of
from copyctl.core.state import Draft, State
from copyctl.lab.unasked import not_asked
from copyctl.model.choices import Caution, CopyOn, PriceBand
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Checks, Follower, Policy, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.terms import Decision

Row = dict[str, Any]
PASSED, CHANGED, WAITS, NOT_ASKED = "passed", "changed", "waits", "not asked"


_OFF: Final[Mapping[str, Callable[[Policy], bool]]] = {
    "market_hours": lambda policy: not policy.market_hours.enforce,
    "price_guard": lambda policy: policy.price_guard.entry_bps is None,
    "price_band": lambda policy: policy.checks.price_band is PriceBand.NONE,
    "self_trade": lambda policy: policy.checks.self_trade is Caution.OFF,
    "delivery": lambda policy: policy.checks.delivery is Caution.OFF,
    "limits": lambda policy: not any_of(policy.limits),
    "margin": lambda policy: not policy.checks.margin,
}
"""Which checks a policy does without, by their names in ``core.checks``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One order of the leader's for one follower. ``written``: the checks as the rules have them; in force may be
    fewer, where nobody is asked."""

    draft: Draft
    rules: Rules
    follower: Follower
    copy: Copy
    order: Order
    lead: LeaderOrder
    instrument: Instrument
    written: Checks


def trace(state: State, now: int, rules: Rules, follower: Follower, copy: Copy, written: Checks) -> list[Row]:
    """The steps that lead to what a copy says now. ``state``: as the step left it that decided; ``now``: its moment
    (ns); ``written``: the follower's checks as his file has them."""
    draft = Draft(state, now)
    draft.rules = rules
    lead_id = leader_id(copy.leader_order_id)
    order = draft.orders.get(order_key(rules.leader.client_id, lead_id))
    lead = draft.leader_orders.get(lead_id)
    where = instrument_key(order.segment, order.security_id) if order is not None else ""
    instrument = draft.instruments.get(where)
    if order is None or lead is None or instrument is None:
        return [_step("decision", _outcome(copy), copy.detail)]
    if not copy.exit:
        order, lead = without_closed(*entry_part(order, lead), copy)
    case = _Case(
        draft=draft,
        rules=rules,
        follower=follower,
        copy=copy,
        order=order,
        lead=lead,
        instrument=instrument,
        written=written,
    )
    steps = _exit_steps(case) if copy.exit else _entry_steps(case)
    return [*_begin(case), *steps, _step("decision", _outcome(copy), copy.detail)]


def _begin(case: _Case) -> Iterator[Row]:
    """What is known of the order, the instrument and the account."""
    order, lead, instrument = case.order, case.lead, case.instrument
    yield _step("order", str(order.status or "unknown"), f"{order.side} {_said(lead.wish)} {order.product}")
    exits, all_of_it = lead.exits, lead.wish.quantity
    closes = f"closes {exits} of {all_of_it}" if case.copy.exit else f"opens {all_of_it}"
    yield _step("intent", "exit" if case.copy.exit else "entry", f"it {closes} units of the leader's")
    listed = (
        f"{instrument.symbol or instrument.security_id}: lots of {instrument.lot_size}, tick {instrument.tick_size:f}"
    )
    yield _step("instrument", "known" if instrument.known else "not listed", listed)
    account = case.draft.account(case.follower.client_id)
    held = holds.of_account(account)
    if account.killed_at:
        yield _step("account", "killed", f"the kill switch is on: {account.killed_reason}")
    elif held is not None:
        yield _step("account", WAITS, held[1])
    elif not case.follower.enabled:
        yield _step("account", "leaving", "followers.enabled is false: exits only")
    else:
        yield _step("account", "active", case.follower.name)


def _exit_steps(case: _Case) -> Iterator[Row]:
    if not case.follower.policy.exits.always_copy:
        yield from _filters(case, opens=False)
    yield _step("exit", _outcome(case.copy), case.copy.sized or case.copy.detail)


def _entry_steps(case: _Case) -> Iterator[Row]:
    """Until one objects."""
    draft, policy, order, lead = case.draft, case.follower.policy, case.order, case.lead
    if draft.account(case.follower.client_id).killed_at:
        return
    if not ready(order, policy.copy_on):
        yield _step("copy_on", WAITS, f"{policy.copy_on}: the leader's order has not come so far")
        return
    yield _step("copy_on", PASSED, str(policy.copy_on))
    missing = what_is_missing(draft, case.rules, order, lead, case.follower)
    if missing is not None:
        yield _step("facts", WAITS, missing.detail)
        return
    yield from _filters(case)
    blank = Copy(
        leader_order_id=case.copy.leader_order_id,
        follower=case.copy.follower,
        decision=Decision.QUEUED,
        created_at=draft.now,
        updated_at=draft.now,
    )
    facts = partial(facts_for, draft, case.rules, case.follower.client_id, order, lead, case.instrument)
    first = first_decision(blank, order, lead, case.follower, case.instrument, draft.now, facts)
    if first.sizing is None:
        if first.reason != Reason.FILTERED:
            yield _step("order", _outcome(first), first.detail)
        return
    units = order.filled if policy.copy_on is CopyOn.TRADED or (order.over and order.filled) else lead.wish.quantity
    yield _step("sizing", _outcome(first) if first.wanted is None else PASSED, sizing.size(first.sizing, units).detail)
    if first.wanted is None or first.decision is not Decision.COPIED:
        yield _step("mapping", _outcome(first), first.detail)
        return
    bent = _bent(case, first)
    yield _step("mapping", CHANGED if bent else PASSED, "; ".join(bent) or "as the leader has it")
    yield from _checks(case, first)


def _filters(case: _Case, *, opens: bool = True) -> Iterator[Row]:
    """Every rule that was tried, and why it does not match."""
    policy, order, wish = case.follower.policy.filters, case.order, case.lead.wish
    for rule in policy.rules:
        key = filters.unmet(rule.match, order, wish, case.instrument, case.draft.now, opens=opens)
        if key is None:
            yield _step(f"filters.{rule.name}", "matched", f"action {rule.action}")
            return
        yield _step(f"filters.{rule.name}", "no match", f"{key} does not fit: the order's is {_fact(case, key)}")
    yield _step("filters.default", str(policy.default), "no rule matches")


def _fact(case: _Case, key: str) -> str:
    """What a key of a rule looks at, in words."""
    order, wish, instrument = case.order, case.lead.wish, case.instrument
    price = filters.reference_price(order, wish)
    found: dict[str, object] = {
        "segment": order.segment,
        "instrument": instrument.kind,
        "underlying": instrument.underlying,
        "symbol": instrument.symbol,
        "security_id": order.security_id,
        "option_type": instrument.option_type,
        "side": order.side,
        "product": order.product,
        "order_type": wish.order_type,
        "validity": wish.validity,
        "platform": order.platform,
        "tag": order.correlation_id,
        "after_market": str(order.after_market).lower(),
        "quantity": wish.quantity,
        "price": None if price is None else f"{price:f}",
        "value": None if price is None else f"{price * wish.quantity * instrument.multiplier:f}",
        "days_to_expiry": instrument.expiry and f"expiry {instrument.expiry}",
        "time": f"{filters.time_of(order, case.draft.now):%H:%M:%S}",
        "intent": "close" if case.copy.exit else "open",
    }
    said = found[key]
    return "not known" if said in (None, "") else str(said)


def _bent(case: _Case, first: Copy) -> list[str]:
    """In what the follower's order differs from the leader's, but for its size."""
    wanted, order, wish = first.wanted, case.order, case.lead.wish
    if wanted is None:
        return []
    terms = wanted.terms
    pairs = (
        ("product", order.product, wanted.product),
        ("order type", wish.order_type, terms.order_type),
        ("validity", wish.validity, terms.validity),
        ("price", f"{wish.price:f}", f"{terms.price:f}"),
        ("trigger price", f"{wish.trigger_price:f}", f"{terms.trigger_price:f}"),
        ("disclosed quantity", wish.disclosed_quantity, terms.disclosed_quantity),
        ("after market", order.after_market, wanted.after_market),
    )
    changes = [f"{what} {before} -> {after}" for what, before, after in pairs if before != after]
    return changes + ([first.reason] if first.reason else [])


def _checks(case: _Case, first: Copy) -> Iterator[Row]:
    unasked = not_asked(case.written) if case.written != case.follower.policy.checks else {}
    copy = first
    for name, check in CHECKS.items():
        if name in unasked:
            yield _step(name, NOT_ASKED, unasked[name])
            continue
        one = Asked(
            draft=case.draft,
            rules=case.rules,
            follower=case.follower,
            copy=copy,
            leader=case.order,
            lead=case.lead,
            instrument=case.instrument,
        )
        if name == "limits":
            yield from (_step(f"limits.{key}", "counted", said) for key, said in figures_of(one).items())
        if name in _OFF and _OFF[name](case.follower.policy):
            yield _step(name, "off", "")
            continue
        answer = check(one)
        if isinstance(answer, Copy):
            changed = answer.wanted != copy.wanted
            yield _step(name, CHANGED if changed else PASSED, _difference(copy, answer) if changed else "")
            copy = answer
        elif isinstance(answer, Later):
            yield _step(name, f"{WAITS} ({answer.reason})", answer.detail)
            return
        else:
            yield _step(name, f"{answer.decision} ({answer.reason})", answer.detail)
            return


def _difference(before: Copy, after: Copy) -> str:
    was, now = (f"{_said(one.wanted.terms)}" if one.wanted is not None else "nothing" for one in (before, after))
    return f"{was} -> {now}"


def _said(terms: Terms) -> str:
    """Terms as a trader says them."""
    price = f" {terms.price:f}" if terms.order_type.has_price else ""
    trigger = f" trigger {terms.trigger_price:f}" if terms.trigger_price else ""
    return f"{terms.quantity} {terms.order_type}{price}{trigger} {terms.validity}"


def _outcome(copy: Copy) -> str:
    return f"{copy.decision} ({copy.reason})" if copy.reason else str(copy.decision)


def _step(step: str, outcome: str, detail: str) -> Row:
    return {"step": step, "outcome": outcome, "detail": detail}
