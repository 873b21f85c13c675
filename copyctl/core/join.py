"""Joining: what becomes of positions that the leader already has when a follower comes (``join``).

``new_only``: they are not copied; what he closes counts first against what he opened since. ``shared``: what both hold
on one side counts as copied, up to what the sizing gives. ``positions``: what is missing then is bought as well. The
same is done with what he turns out to have beyond what his known orders explain (scenario 7.12).
"""

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import filters, sizing
from copyctl.core.attend import attend
from copyctl.core.capital import lacking, sizing_facts
from copyctl.core.hours import ist_day
from copyctl.core.keys import copy_key, instrument_key, order_key, policy_mark
from copyctl.core.positions import position, sign_of
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.core.unread import is_expired
from copyctl.core.watched import watched_followers
from copyctl.model.alerts import Alert
from copyctl.model.choices import Action, Join
from copyctl.model.copying import FilterRule
from copyctl.model.effects import AskInstrument
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.terms import Decision, OrderStatus, OrderType, Side, Validity


def join(draft: Draft, rules: Rules) -> None:
    """Look at what the leader has, for every follower that has not been looked at yet, once everything that this needs
    is known: the positions and today's books of both, instruments, capital."""
    waiting = [one for one in watched_followers(draft, rules) if not draft.account(one.client_id).joined]
    leader = draft.account(rules.leader.client_id)
    if not waiting or not (leader.positions_at and leader.ready):
        return
    for follower in waiting:
        account = draft.account(follower.client_id)
        if not (account.positions_at and account.ready) or account.held:
            continue
        joining = [_joining(draft, rules, follower, theirs, None) for theirs in _his(draft, rules)]
        if any(one.lacks for one in joining if one is not None):
            continue
        draft.accounts.put(replace(account, joined=True))
        for one in joining:
            if one is not None:
                _join_one(one)


def more(draft: Draft, rules: Rules, follower: Follower, theirs: Position, units: int) -> None:
    """The leader has so many units beyond what his known orders explain. What cannot be sized now is kept apart."""
    one = _joining(draft, rules, follower, theirs, units)
    if one is not None:
        _join_one(one)


def _his(draft: Draft, rules: Rules) -> list[Position]:
    """What the leader has, expired contracts left out."""
    return [
        theirs
        for theirs in draft.positions_of(rules.leader.client_id)
        if theirs.net and not is_expired(draft.instruments.get(_key(theirs)), draft.now)
    ]


def _key(here: Position) -> str:
    return instrument_key(here.segment, here.security_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """One position of the leader's for one follower. ``units`` of it were not copied by orders; ``mine``: what the
    follower has there; ``asked``: what the rules make of them, ``rule``: by which rule; ``lacks``: what must be known
    first."""

    draft: Draft
    rules: Rules
    follower: Follower
    theirs: Position
    mine: Position
    units: int
    order: Order
    lead: LeaderOrder
    instrument: Instrument | None
    asked: int = 0
    rule: FilterRule | None = None
    lacks: str = ""

    @property
    def sign(self) -> int:
        """+1 where he has bought."""
        return 1 if self.theirs.net > 0 else -1

    @property
    def free(self) -> int:
        """What the follower has there on the same side and no copy of today built."""
        return max(0, self.sign * self.mine.net - max(0, self.sign * self.mine.copied))


def _joining(draft: Draft, rules: Rules, follower: Follower, theirs: Position, units: int | None) -> Joining | None:
    """None: nothing of this position concerns the follower."""
    product = follower.policy.mapping.product.get(theirs.product, theirs.product)
    if product is None:
        return None
    units = abs(theirs.net) - _copied_units(draft, rules, follower, theirs) if units is None else units
    if units <= 0:
        return None
    order, lead = _as_if(draft, rules, theirs, units)
    one = Joining(
        draft=draft,
        rules=rules,
        follower=follower,
        theirs=theirs,
        mine=position(draft, follower.client_id, theirs.segment, theirs.security_id, product),
        units=units,
        order=order,
        lead=lead,
        instrument=draft.instruments.get(_key(theirs)),
    )
    undecided = one.instrument is None and bool(draft.leads_in(_key(theirs)))  # what his orders of today are copied as
    return one if follower.policy.join is Join.NEW_ONLY and not undecided else _sized(one)


def _sized(one: Joining) -> Joining:
    """With what the follower's rules would make of an entry of so many units."""
    draft, follower, instrument = one.draft, one.follower, one.instrument
    if instrument is None:
        draft.effects.append(AskInstrument(segment=one.theirs.segment, security_id=one.theirs.security_id))
        return replace_one(one, lacks="the instrument")
    if instrument.sought:
        return replace_one(one, lacks="the instrument")
    rule = filters.first_match(follower.policy.filters, one.order, one.lead.wish, instrument, draft.now)
    if not instrument.known or (rule.action if rule else follower.policy.filters.default) is Action.SKIP:
        return replace_one(one, rule=rule)
    asked = (rule and rule.sizing) or follower.policy.sizing
    args = (draft, one.rules, asked, follower.client_id, one.order, one.lead, instrument)
    lacks = lacking(*args)
    fixed = sizing.fix(asked, rule.name if rule else None, instrument.lot_size, sizing_facts(*args))
    units = 0 if isinstance(fixed, sizing.Unsized) else sizing.size(fixed, one.units).quantity
    return replace_one(one, rule=rule, asked=units, lacks=lacks)


def replace_one(one: Joining, *, rule: FilterRule | None = None, asked: int = 0, lacks: str = "") -> Joining:
    """The same with what was found out."""
    return Joining(
        draft=one.draft,
        rules=one.rules,
        follower=one.follower,
        theirs=one.theirs,
        mine=one.mine,
        units=one.units,
        order=one.order,
        lead=one.lead,
        instrument=one.instrument,
        asked=asked,
        rule=rule,
        lacks=lacks,
    )


def _copied_units(draft: Draft, rules: Rules, follower: Follower, theirs: Position) -> int:
    """Units of the leader's position whose orders are copied as orders; what he closed today was closed of these
    first."""
    opened = closed = 0
    for lead in draft.leads_in(_key(theirs)):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        if order is None or order.product is not theirs.product or order.side is None:
            continue
        exits = min(lead.counted, lead.exits)
        if sign_of(order.side) * theirs.net < 0:
            closed += exits
            continue
        copy = draft.copies.get(copy_key(lead.order_id, follower.client_id)) or draft.copies.get(
            copy_key(f"{lead.order_id}#entry", follower.client_id)
        )
        closed -= lead.undone
        if copy is not None and copy.decision in (Decision.COPIED, Decision.QUEUED):
            opened += lead.counted - exits - lead.undone
    return max(0, opened - max(0, closed))


# --- what is done with it ---------------------------------------------------------------------------------------------


def _join_one(one: Joining) -> None:
    policy, mine = one.follower.policy.join, one.mine
    shared = 0 if policy is Join.NEW_ONLY else min(one.free, one.asked)
    lacks = one.asked - shared if policy is Join.POSITIONS and not one.lacks else 0
    lot = one.instrument.lot_size if one.instrument is not None else 1
    buys = lacks >= lot
    if policy is Join.NEW_ONLY and one.free:
        alert(
            one.draft,
            Alert.POSITIONS_DIFFER,
            f"both hold {_name(one)}: the leader {one.theirs.net}, this follower {mine.net}; join: new_only does not "
            "count it as copied, and leaves it to you: join: shared would close it when the leader closes his",
            follower=one.follower.client_id,
        )
    if shared or not buys:
        apart = 0 if shared or buys else one.units
        one.draft.positions.put(
            replace(
                mine,
                copied=mine.copied + one.sign * shared,
                target=mine.target + one.sign * shared,
                apart=mine.apart + apart,
            )
        )
    if buys:
        _open(one, lacks)


def _name(one: Joining) -> str:
    return (one.instrument.symbol if one.instrument is not None else "") or _key(one.theirs)


def _as_if(draft: Draft, rules: Rules, theirs: Position, units: int) -> tuple[Order, LeaderOrder]:
    """An order as if the leader had just bought, or sold, so much of what he has."""
    row = f"position:{theirs.segment}:{theirs.security_id}:{theirs.product}:{ist_day(draft.now)}:0"
    wish = Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=units)
    order = Order(
        account=rules.leader.client_id,
        order_id=row,
        status=OrderStatus.TRADED,
        furthest=OrderStatus.TRADED,
        side=Side.BUY if theirs.net > 0 else Side.SELL,
        segment=theirs.segment,
        security_id=theirs.security_id,
        product=theirs.product,
        terms=wish,
        filled=units,
        average_price=theirs.price or Decimal(0),
        newest_as_of=draft.now,
        book_as_of=draft.now,
        seen_at=draft.now,
        created_time=draft.now,
    )
    lead = LeaderOrder(
        order_id=row,
        wish=wish,
        seen=wish,
        first_seen_at=draft.now,
        unseen_for=0,
        filled_at_first=units,
        instrument=_key(theirs),
        classified=True,
        counted=units,
    )
    return order, lead


def _open(one: Joining, units: int) -> None:
    """A row of its own, decided like any entry, of as many units as are missing."""
    draft, order, lead, instrument = one.draft, one.order, one.lead, one.instrument
    if instrument is None:
        return
    row = _free_name(one)
    order, lead = replace(order, order_id=row), replace(lead, order_id=row)
    draft.orders.put(order)
    draft.leader_orders.put(lead)
    name = one.rule.name if one.rule else None
    asked = (one.rule and one.rule.sizing) or one.follower.policy.sizing
    fixed = sizing.as_placed(asked, name, instrument.lot_size, units)
    draft.copies.put(
        Copy(
            leader_order_id=row,
            follower=one.follower.client_id,
            decision=Decision.QUEUED,
            rule=name,
            sizing=fixed,
            decided_on=lead.wish,
            policy=policy_mark(draft.rules),
            created_at=draft.now,
            updated_at=draft.now,
        )
    )
    attend(draft, one.rules, copy_key(row, one.follower.client_id))


def _free_name(one: Joining) -> str:
    """The row's name; what the broker shows of this name already is this very row, from before the store was lost."""
    stem = one.order.order_id.rpartition(":")[0]
    number = 0
    while one.draft.copies.get(copy_key(f"{stem}:{number}", one.follower.client_id)) is not None:
        number += 1
    return f"{stem}:{number}"
