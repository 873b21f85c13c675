"""Joining: what becomes of positions that the leader already has when a follower comes (``join``).

``new_only``: they are not copied; what he closes counts first against what he opened since. ``shared``: what both hold
on one side counts as copied, up to what the sizing gives. ``positions``: what is missing then is bought as well.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import sizing
from copyctl.core.attend import attend
from copyctl.core.hours import ist_day
from copyctl.core.positions import position, sign_of
from copyctl.core.state import Draft, copy_key, instrument_key, order_key
from copyctl.model.choices import Join
from copyctl.model.effects import Notice
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.records import LeaderOrder, Position
from copyctl.model.terms import Decision, Level, OrderStatus, OrderType, Side, Validity


def join(draft: Draft, rules: Rules) -> None:
    """Look at what the leader has, for every follower that has not been looked at yet, once both are known."""
    if not draft.account(rules.leader.client_id).positions_at:
        return
    for follower in rules.followers:
        account = draft.account(follower.client_id)
        if account.joined or not (account.positions_at and account.ready):
            continue
        draft.accounts.put(replace(account, joined=True))
        for theirs in draft.positions_of(rules.leader.client_id):
            _join_one(draft, rules, follower, theirs)


def _join_one(draft: Draft, rules: Rules, follower: Follower, theirs: Position) -> None:
    product = follower.policy.mapping.product.get(theirs.product, theirs.product)
    already = _copied_units(draft, rules, follower, theirs)
    units = abs(theirs.net) - already
    key = instrument_key(theirs.segment, theirs.security_id)
    if units <= 0 or product is None:
        return
    mine = position(draft, follower.client_id, theirs.segment, theirs.security_id, product)
    sign = 1 if theirs.net > 0 else -1
    instrument = draft.instruments.get(key)
    if mine.copied or follower.policy.join is Join.NEW_ONLY or instrument is None:
        if not mine.copied:
            draft.positions.put(replace(mine, apart=units))
        if mine.net * sign > 0 and not mine.copied:
            _tell(
                draft,
                follower,
                f"both hold {key}: the leader {theirs.net}, this follower {mine.net}; join: {follower.policy.join} "
                "does not count it as copied (join: shared would)",
            )
        return
    asked = _units(follower, instrument, units)
    shared = min(max(0, sign * mine.net), asked)
    apart = units if not shared and follower.policy.join is Join.SHARED else 0
    draft.positions.put(
        replace(mine, copied=mine.copied + sign * shared, target=mine.target + sign * shared, apart=apart)
    )
    lacking = asked - shared
    if follower.policy.join is Join.POSITIONS and lacking >= instrument.lot_size:
        _open(draft, rules, follower, theirs, units if not shared else units * lacking // max(1, asked))


def _units(follower: Follower, instrument: Instrument, units: int) -> int:
    """What the follower's sizing makes of so many units of the leader's; 0 where a figure that it needs is missing."""
    fixed = sizing.fix(follower.policy.sizing, None, instrument.lot_size)
    return 0 if isinstance(fixed, sizing.Unsized) else sizing.size(fixed, units).quantity


def _copied_units(draft: Draft, rules: Rules, follower: Follower, theirs: Position) -> int:
    """Units of the leader's position whose orders are copied as orders."""
    units = 0
    for lead in draft.leads_in(instrument_key(theirs.segment, theirs.security_id)):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        copy = draft.copies.get(copy_key(lead.order_id, follower.client_id))
        if order is None or copy is None or order.product is not theirs.product or order.side is None:
            continue
        if copy.decision in (Decision.COPIED, Decision.QUEUED) and sign_of(order.side) * theirs.net > 0:
            units += max(0, lead.counted - lead.exits)
    return units


def _open(draft: Draft, rules: Rules, follower: Follower, theirs: Position, units: int) -> None:
    """A row of its own, decided like any entry: as if the leader had just bought what he has."""
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
    draft.orders.put(order)
    draft.leader_orders.put(
        LeaderOrder(
            order_id=row,
            wish=wish,
            seen=wish,
            first_seen_at=draft.now,
            unseen_for=0,
            filled_at_first=units,
            instrument=instrument_key(theirs.segment, theirs.security_id),
            classified=True,
            counted=units,
        )
    )
    attend(draft, rules, f"{row}/{follower.client_id}")


def _tell(draft: Draft, follower: Follower, text: str) -> None:
    draft.notices.append(
        Notice(at=draft.now, event="alert", level=Level.CRITICAL, text=text, follower=follower.client_id)
    )
