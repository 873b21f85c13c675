"""Exits: what a follower closes when the leader closes, never refused, never past flat.

Every copied position has a target. Fills of entries raise it; each trade of the leader's exits lowers it by the share
that it took of his position. What is there beyond the target is owed, and what the leader still offers of his position
is offered of the target (scenario 4.6). Each exit of the leader has its copy; together they are steered here, for one
follower and one instrument at a time, since one position stands behind all of them.
"""

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import filters, mapping, sizing
from copyctl.core.decide import FLAT, entry_part, ready, traded_terms
from copyctl.core.exit_plan import ZERO, Item, Offer, Portion, Wish, allocate, in_lots, plan_exit
from copyctl.core.hours import SECOND
from copyctl.core.positions import Closing, clamp, position, sign_of
from copyctl.core.pursue import act, adopt, placed_already, working
from copyctl.core.state import Draft, copy_key, follower_of, order_key
from copyctl.model.choices import Alternatives, CopyOn, ExitBase, ExitLagAction, Proportion
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder, Position, Slot, Standing
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, Level, OrderStatus, OrderType, Validity

TRY_AGAIN_AFTER = 5 * SECOND
"""An exit that died while the leader has traded is sent again after this (scenario 4.13)."""


# --- when the leader closes -----------------------------------------------------------------------------------------


def leader_closed(draft: Draft, rules: Rules, closing: Closing) -> None:
    """The leader's exit has traded: every follower owes the same share of what it has, or would have."""
    share = Decimal(closing.units) / closing.before
    instrument = draft.instruments.get(closing.lead.instrument)
    for follower in rules.followers:
        if draft.account(follower.client_id).held:
            continue
        _owe(draft, rules, closing, follower, share, instrument.lot_size if instrument else 1)
        draft.moved[(follower.client_id, closing.lead.instrument)] = None


def _owe(draft: Draft, rules: Rules, closing: Closing, follower: Follower, share: Decimal, lot: int) -> None:
    lead, order = closing.lead, closing.order
    stake = _stake(draft, follower, order)
    missing = _missing(draft, rules, follower, closing, flat=share >= 1)
    lacking = sum(units for _, units in missing)
    target = abs(stake.target)
    if follower.policy.exits.proportion is Proportion.ORDER and share < 1:
        asked = _like_an_entry(draft, follower, lead, order, closing.units)
        less = min(Decimal(asked), target + lacking)
    else:
        less = min(share, Decimal(1)) * (target + lacking)
    cut = min(lacking, lacking if share >= 1 else in_lots(less, lot))
    _cut_entries(draft, missing, cut)
    less = max(ZERO, less - cut)
    if less:
        sign = 1 if stake.target > 0 else -1
        draft.positions.put(replace(stake, target=stake.target - sign * min(less, target)))
    copy = draft.copies.get(copy_key(lead.order_id, follower.client_id))
    if copy is None and not (less or cut):
        return
    if copy is None:
        copy = _blank(draft, lead.order_id, follower)
    elif not copy.slots and follower.policy.copy_on is not CopyOn.TRADED:
        copy = replace(copy, urgent=Reason.LATE_COPIED)
    if lead.unseen_for and not copy.slots:
        copy = replace(copy, urgent=Reason.LATE_COPIED)
    note = Reason.ENTRY_CUT if cut else copy.note or (copy.urgent or None)
    draft.copies.put(replace(copy, due=copy.due + less, cut=copy.cut + cut, note=note, updated_at=draft.now))


def _like_an_entry(draft: Draft, follower: Follower, lead: LeaderOrder, order: Order, units: int) -> int:
    """``exits.proportion: order``: what an entry of so many units would be."""
    instrument = draft.instruments.get(lead.instrument)
    if instrument is None:
        return units
    rule = filters.first_match(follower.policy.filters, order, lead.wish, instrument, draft.now, opens=False)
    fixed = sizing.fix((rule and rule.sizing) or follower.policy.sizing, None, instrument.lot_size)
    return sizing.size(fixed, units).quantity if not isinstance(fixed, sizing.Unsized) else units


def _missing(draft: Draft, rules: Rules, follower: Follower, closing: Closing, *, flat: bool) -> list[tuple[Copy, int]]:
    """The follower's entries into what the leader closes, with the units that his have filled and theirs have not.
    Newest first. One that was not sized yet is told at once where the leader is flat."""
    found = []
    for copy in draft.open_copies(follower.client_id):
        if copy.exit or copy.stopped:
            continue
        leader = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy)))
        lead = draft.leader_orders.get(leader_id(copy))
        if leader is None or lead is None or lead.instrument != closing.lead.instrument:
            continue
        if leader.side is closing.order.side or leader.product is not closing.order.product:
            continue
        if copy.sizing is None:
            if flat and entry_part(leader, lead)[0].over:
                draft.copies.put(replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT))
            continue
        filled = entry_part(leader, lead)[0].filled
        units = sizing.size(copy.sizing, filled).quantity if filled else 0
        lacking = min(units, copy.wanted.terms.quantity if copy.wanted else units) - copy.missed - copy.filled
        if lacking > 0:
            found.append((copy, lacking))
    return found[::-1]


def _cut_entries(draft: Draft, missing: list[tuple[Copy, int]], units: int) -> None:
    for copy, lacking in missing:
        part = min(units, lacking)
        if not part or copy.wanted is None:
            continue
        units -= part
        terms = replace(copy.wanted.terms, quantity=max(0, copy.wanted.terms.quantity - part))
        draft.copies.put(replace(copy, cut=copy.cut + part, wanted=replace(copy.wanted, terms=terms)))
        draft.touched[copy_key(leader_id(copy), copy.follower)] = None


def leader_id(copy: Copy) -> str:
    """The leader's order that a copy belongs to; the entry part of a reversal has a row of its own."""
    return copy.leader_order_id.partition("#")[0]


def _blank(draft: Draft, row: str, follower: Follower) -> Copy:
    return Copy(
        leader_order_id=row,
        follower=follower.client_id,
        decision=Decision.QUEUED,
        exit=True,
        created_at=draft.now,
        updated_at=draft.now,
    )


# --- whose position -------------------------------------------------------------------------------------------------


def _stake(draft: Draft, follower: Follower, order: Order) -> Position:
    """The follower's position that an exit of the leader closes: in the mapped product, else in another one in which
    it is held (scenario 4.6)."""
    if order.segment is None or order.security_id is None or order.side is None or order.product is None:
        raise ValueError(f"leader order {order.order_id} says neither side nor product")
    product = follower.policy.mapping.product.get(order.product, order.product) or order.product
    first = position(draft, follower.client_id, order.segment, order.security_id, product)
    others = draft.positions_in(follower.client_id, f"{order.segment}/{order.security_id}")
    for here in (first, *others):
        if _closable(here, follower, order) > 0:
            return here
    return first


def _closable(here: Position, follower: Follower, order: Order) -> int:
    """Units of a position that an order of this side may close."""
    sign = -sign_of(order.side) if order.side else 0
    return sign * (here.net if follower.policy.exits.base is ExitBase.ACCOUNT else here.copied)


# --- steering ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """One exit that bears on a position. ``lead`` and ``order`` are None for a row of our own."""

    copy: Copy
    lead: LeaderOrder | None
    order: Order | None

    @property
    def live(self) -> bool:
        """Does it still rest for the leader?"""
        return self.order is not None and not self.order.over


def steer(draft: Draft, rules: Rules, account: str, instrument_key: str) -> None:
    """Bring a follower's exits in one instrument to what they should be."""
    follower = follower_of(rules, account)
    instrument = draft.instruments.get(instrument_key)
    if follower is None or instrument is None or draft.account(account).held:
        return
    groups: dict[str, tuple[Position, list[Exit]]] = {}
    for one in _exits(draft, rules, follower, instrument_key, instrument):
        stake = _stake_of(draft, follower, one)
        groups.setdefault(f"{stake.product}", (stake, []))[1].append(one)
    for here in draft.positions_in(account, instrument_key):
        clamp(draft, here)
    for stake, exits in groups.values():
        now = position(draft, account, stake.segment, stake.security_id, stake.product)
        _steer(draft, rules, follower, instrument, now, exits)


def freed(draft: Draft, account: str) -> list[str]:
    """The entries of a follower that wait for the exit part of their reversal: they are looked at again."""
    return [
        copy_key(copy.leader_order_id, account)
        for copy in draft.open_copies(account)
        if copy.decision is Decision.QUEUED and copy.reason == Reason.EXIT_OPEN
    ]


def _exits(draft: Draft, rules: Rules, follower: Follower, instrument_key: str, instrument: Instrument) -> list[Exit]:
    """The exits of today that matter for a follower still, oldest first."""
    found = []
    for lead in draft.exits_in(instrument_key):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        copy = draft.copies.get(copy_key(lead.order_id, follower.client_id))
        if order is None or (copy is None and not (ready(order, follower.policy.copy_on) and _is_new(lead, order))):
            continue
        copy = copy or _blank(draft, lead.order_id, follower)
        if not copy.exit:
            continue  # it was taken for an entry first, and stays one
        if copy.rule is None and not copy.slots:
            rule = filters.first_match(follower.policy.filters, order, lead.wish, instrument, draft.now, opens=False)
            copy = replace(copy, rule=rule.name if rule else None)
        found.append(Exit(copy=copy, lead=lead, order=order))
    for copy in draft.copies_in(follower.client_id, instrument_key):
        if copy.exit and copy.leader_order_id.startswith("position:"):
            found.append(Exit(copy=copy, lead=None, order=None))  # noqa: PERF401
    return found


def _is_new(lead: LeaderOrder, order: Order) -> bool:
    return not order.over or bool(lead.counted)


def _stake_of(draft: Draft, follower: Follower, one: Exit) -> Position:
    """The position that an exit closes; once it has placed an order it is that order's."""
    wanted = one.copy.wanted
    if wanted is not None and (one.copy.slots or one.order is None):
        return position(draft, follower.client_id, wanted.segment, wanted.security_id, wanted.product)
    if one.order is None:
        raise ValueError(f"{one.copy.leader_order_id} names no position")
    return _stake(draft, follower, one.order)


def _steer(
    draft: Draft, rules: Rules, follower: Follower, instrument: Instrument, stake: Position, exits: list[Exit]
) -> None:
    cap = _cap(draft, follower, stake, exits)
    target = abs(stake.target) if stake.target * _sign(exits) > 0 else ZERO
    if follower.policy.exits.base is ExitBase.ACCOUNT:
        target = max(target, Decimal(cap) - sum((max(ZERO, one.copy.due - one.copy.filled) for one in exits), ZERO))
        target = ZERO if _leader_flat(draft, rules, exits) else target
    items = [_item(draft, rules, one) for one in exits]
    several = follower.policy.exits.alternatives is Alternatives.ALL
    portions, _left = allocate(items, cap=cap, target=target, lot=instrument.lot_size, several=several)
    offered = sum(_leaves(draft, one.copy, slot) for one in exits for slot in one.copy.slots if slot.live)
    room = max(0, cap - offered)
    if several:
        room = max(room, cap)
    for one in sorted(exits, key=lambda one: portions[one.copy.leader_order_id].owed == 0):
        portion = portions[one.copy.leader_order_id]
        taken = _shape(draft, rules, follower, instrument, stake, one, portion, cap, room)
        room = max(0, room - taken)


def _sign(exits: list[Exit]) -> int:
    """+1 where these exits close what was bought, -1 where they close what was sold."""
    one = exits[0]
    side = one.order.side if one.order is not None else one.copy.wanted.side if one.copy.wanted else None
    return -sign_of(side) if side else 0


def _cap(draft: Draft, follower: Follower, stake: Position, exits: list[Exit]) -> int:
    """The most that may be closed of a position: what copies built, and no more than is there."""
    sign = _sign(exits)
    there = max(0, sign * stake.net) if draft.account(stake.account).positions_at else None
    if follower.policy.exits.base is ExitBase.ACCOUNT and there is not None:
        return there
    copied = max(0, sign * stake.copied)
    return copied if there is None else min(copied, there)


def _leader_flat(draft: Draft, rules: Rules, exits: list[Exit]) -> bool:
    order = exits[-1].order
    return order is not None and _leader_net(draft, order) == 0


def _leader_net(draft: Draft, order: Order) -> int:
    if order.segment is None or order.security_id is None or order.product is None:
        return 0
    return abs(position(draft, order.account, order.segment, order.security_id, order.product).net)


def _item(draft: Draft, rules: Rules, one: Exit) -> Item:
    share, stop, traded = ZERO, False, bool(one.copy.due)
    if one.order is not None and one.lead is not None:
        traded = traded or one.lead.counted > one.lead.undone
        there = _leader_net(draft, one.order)
        rests = max(0, min(one.order.leaves, one.lead.exits - one.lead.counted)) if one.live else 0
        if rests and there:
            share = min(Decimal(1), Decimal(rests) / there)
        stop = one.lead.wish.order_type.has_trigger
    return Item(
        key=one.copy.leader_order_id, due=one.copy.due, filled=one.copy.filled, share=share, traded=traded, stop=stop
    )


def _leaves(draft: Draft, copy: Copy, slot: Slot) -> int:
    """What a live order may still close, at the most: what it was cut to counts when the broker shows it."""
    order = draft.orders.get(order_key(copy.follower, slot.order_id)) if slot.order_id else None
    shown = order.terms.quantity if order is not None and order.terms is not None else 0
    return max(0, max(slot.asked.quantity, shown) - slot.filled)


# --- one exit -------------------------------------------------------------------------------------------------------


def _shape(
    draft: Draft,
    rules: Rules,
    follower: Follower,
    instrument: Instrument,
    stake: Position,
    one: Exit,
    portion: Portion,
    cap: int,
    room: int,
) -> int:
    """Bring one exit's orders to its portion; how much of ``room`` that takes."""
    before = draft.copies.get(copy_key(one.copy.leader_order_id, one.copy.follower))
    copy = one.copy
    if not copy.slots and draft.account(copy.follower).ready:
        found = placed_already(draft, rules, copy)
        if found:
            wanted = _desired(follower, instrument, stake, one, 0)
            copy = adopt(replace(copy, wanted=wanted, decision=Decision.COPIED), found, draft.now)
    if not (portion.owed or portion.rest or copy.slots):
        copy = _nothing_to_do(draft, rules, follower, one, copy, cap)
        if copy != before:
            draft.copies.put(replace(copy, updated_at=draft.now))
        return 0
    if not draft.account(copy.follower).ready and not copy.slots:
        detail = "the follower's books were not read yet"
        draft.copies.put(replace(copy, decision=Decision.QUEUED, reason=Reason.CHECKING, detail=detail))
        return 0
    copy = _lagging(draft, follower, one, copy, portion)
    copy, taken = _place(draft, rules, follower, instrument, stake, one, copy, portion, room)
    copy = _told(copy, portion)
    if copy != before:
        draft.copies.put(replace(copy, updated_at=draft.now))
    return taken


def _place(
    draft: Draft,
    rules: Rules,
    follower: Follower,
    instrument: Instrument,
    stake: Position,
    one: Exit,
    copy: Copy,
    portion: Portion,
    room: int,
) -> tuple[Copy, int]:
    quantity = copy.filled + portion.owed + portion.rest
    desired = _desired(follower, instrument, stake, one, quantity)
    offers = [
        Offer(working=working(draft, copy, slot), leaves=_leaves(draft, copy, slot), urgent=slot.urgent)
        for slot in copy.slots
        if slot.live
    ]
    alive = any(not offer.urgent and not offer.working.ending for offer in offers)
    at_once = bool(copy.urgent) or (bool(copy.slots) and not alive)
    wish = Wish(
        terms=desired.terms,
        rest=portion.rest + (0 if at_once else portion.owed),
        now=_now_terms(desired.terms, portion.owed),
        urgent=portion.owed if at_once else 0,
        again=_may_rest_again(copy, one),
        now_again=_may_hurry_again(draft, copy),
    )
    made, taken = plan_exit(wish, offers, room=room, most_modifications=rules.rate_limits.modifications_per_order)
    copy = replace(copy, wanted=desired)
    if made.actions:
        frame_at = one.order.newest_as_of if one.order is not None else draft.now
        copy = replace(copy, pursued=desired, decided_on=one.lead.wish if one.lead else None)
        for action in made.actions:
            copy = act(draft, rules, copy, action, frame_at)
    elif portion.owed and copy.slots and not copy.slots[-1].live and not wish.now_again:
        copy = replace(copy, due_at=_retry_at(draft, copy))
    if made.waits and any(slot.ends_itself for slot in copy.slots):
        draft.effects.append(ReadBooks(account=copy.follower))
    if not copy.slots:
        detail = "waits until another exit of ours is cut"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE, detail=detail), 0
    if copy.decision is Decision.QUEUED and copy.reason in _WAITED_FOR_US and made.actions:
        copy = replace(copy, decision=Decision.COPIED, reason=copy.note, detail=copy.sized)
    if copy.decision in (Decision.REFUSED, Decision.SKIPPED, Decision.DEAD) and made.actions:
        copy = replace(copy, decision=Decision.COPIED, reason=copy.note, detail=copy.sized)
    return copy, taken


_WAITED_FOR_US = frozenset({None, Reason.CHECKING, Reason.ENTRY_OPEN, Reason.EXIT_ALTERNATIVE, Reason.MARKET_CLOSED})


def _may_rest_again(copy: Copy, one: Exit) -> bool:
    """May a resting order be placed: none was yet, we ended the last one ourselves, or the leader changed his order?"""
    if not copy.slots:
        return True
    last = copy.slots[-1]
    if last.live:
        return True
    ours = last.retired or last.cancel_asked or last.standing in (Standing.WITHDRAWN, Standing.ABSENT)
    return ours or last.urgent or (one.lead is not None and copy.decided_on != one.lead.wish)


def _retry_at(draft: Draft, copy: Copy) -> int:
    last = copy.slots[-1]
    return max(last.decided_at, last.answered_at) + TRY_AGAIN_AFTER


def _may_hurry_again(draft: Draft, copy: Copy) -> bool:
    """An urgent exit that died is sent again, but not in a storm."""
    hurried = [slot for slot in copy.slots if slot.urgent or slot.asked.order_type is OrderType.MARKET]
    if not hurried or hurried[-1].live:
        return True
    last = hurried[-1]
    if last.standing in (Standing.WITHDRAWN, Standing.ABSENT) or last.filled >= last.asked.quantity:
        return True
    return draft.now >= max(last.decided_at, last.answered_at) + TRY_AGAIN_AFTER


def _now_terms(terms: Terms, quantity: int) -> Terms:
    """A MARKET order for what has to trade now."""
    return Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=quantity)


def _desired(follower: Follower, instrument: Instrument, stake: Position, one: Exit, quantity: int) -> Desired:
    """The exit as it is wanted: the leader's terms, mapped, in the product in which the position is held. Where the
    mapped form is impossible it goes in the leader's own terms (the first law)."""
    if one.order is None or one.lead is None:
        if one.copy.wanted is None:
            raise ValueError(f"{one.copy.leader_order_id} names no order")
        return replace(one.copy.wanted, terms=replace(one.copy.wanted.terms, quantity=quantity))
    order, wish = one.order, one.lead.wish
    if follower.policy.copy_on is CopyOn.TRADED:
        wish = traded_terms(wish)
    how = next(
        (rule.mapping for rule in follower.policy.filters.rules if rule.name == one.copy.rule and rule.mapping), None
    )
    mapped = mapping.map_order(order, wish, quantity, how or follower.policy.mapping, instrument)
    if isinstance(mapped, mapping.Mapped):
        return replace(mapped.desired, product=stake.product)
    if order.side is None:
        raise ValueError(f"leader order {order.order_id} has no side")
    plain = _possible(wish, quantity)
    return Desired(
        side=order.side,
        segment=stake.segment,
        security_id=stake.security_id,
        product=stake.product,
        terms=plain,
        after_market=order.after_market,
        amo_time=order.amo_time,
    )


def _possible(wish: Terms, quantity: int) -> Terms:
    """The leader's own terms, or MARKET where they are none that an exchange would take."""
    lacking = (wish.order_type.has_price and wish.price <= 0) or (
        wish.order_type.has_trigger and wish.trigger_price <= 0
    )
    if lacking or wish.validity is Validity.FOREVER:
        return Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=quantity)
    return replace(wish, quantity=quantity, disclosed_quantity=0)


# --- lag ------------------------------------------------------------------------------------------------------------


def _lagging(draft: Draft, follower: Follower, one: Exit, copy: Copy, portion: Portion) -> Copy:
    """The leader's exit has traded and the follower's has not: alert, then at the market, again and again."""
    fills = follower.policy.fills
    if not portion.owed:
        return replace(copy, owed_since=0, due_at=0, urgent="", told=()) if copy.owed_since else copy
    if not copy.owed_since:
        copy = replace(copy, owed_since=draft.now)
    waited = draft.now - copy.owed_since
    if waited >= fills.lag_alert and "lag" not in copy.told:
        text = f"the leader's exit has traded, {portion.owed} of this follower's are open after {waited // SECOND} s"
        _alert(draft, copy, text)
        copy = replace(copy, told=(*copy.told, "lag"))
    market = follower.policy.exits.lag_action is ExitLagAction.MARKET
    if market and waited >= fills.lag_deadline and not copy.urgent:
        copy = replace(copy, urgent="lag")
    moments = [copy.owed_since + fills.lag_alert, copy.owed_since + fills.lag_deadline if market else 0]
    due_at = min((at for at in moments if at > draft.now), default=0)
    return replace(copy, due_at=due_at)


def _told(copy: Copy, portion: Portion) -> Copy:
    detail = f"closes {copy.filled + portion.owed + portion.rest}: {portion.owed} owed, {portion.rest} offered"
    copy = replace(copy, sized=detail)
    return replace(copy, detail=detail) if copy.decision is Decision.COPIED else copy


def _nothing_to_do(draft: Draft, rules: Rules, follower: Follower, one: Exit, copy: Copy, cap: int) -> Copy:
    """An exit of which nothing can be sent says why; it is looked at again whenever the position changes."""
    if one.order is None or one.lead is None:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail="there is nothing to close")
    if one.order.status is OrderStatus.REJECTED:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_REJECTED, detail=one.order.text)
    if copy.cut and not copy.due:
        detail = f"met by taking {copy.cut} units from an entry that had not filled"
        return replace(copy, decision=Decision.COPIED, reason=Reason.ENTRY_CUT, note=Reason.ENTRY_CUT, detail=detail)
    if one.lead.undone and one.lead.undone >= one.lead.counted:
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_FLAT, detail=FLAT)
    if one.order.over and not one.order.filled:
        detail = f"the leader's order was {one.order.status} before it could be copied"
        return replace(copy, decision=Decision.SKIPPED, reason=Reason.LEADER_OVER, detail=detail)
    if not cap:
        if _entries_open(draft, follower, one):
            detail = "the follower's entry has not filled yet"
            return replace(copy, decision=Decision.QUEUED, reason=Reason.ENTRY_OPEN, detail=detail)
        rule = next((rule for rule in follower.policy.filters.rules if rule.name == copy.rule), None)
        action = rule.action if rule else follower.policy.filters.default
        if action.value == "skip":
            detail = f"filter rule: {copy.rule}" if rule else "filters.default: skip"
            return replace(copy, decision=Decision.SKIPPED, reason=Reason.FILTERED, detail=detail)
        detail = f"the follower has no copied position in {one.order.security_id} to close"
        return replace(copy, decision=Decision.REFUSED, reason=Reason.EXIT_WITHOUT_POSITION, detail=detail)
    if one.live and one.order.leaves and not one.lead.counted:
        detail = f"another exit of the leader rests for all {cap} units already"
        return replace(copy, decision=Decision.QUEUED, reason=Reason.EXIT_ALTERNATIVE, detail=detail)
    detail = f"the share of this exit in {cap} units is less than a lot"
    return replace(copy, decision=Decision.REFUSED, reason=Reason.ZERO_QUANTITY, detail=detail)


def _entries_open(draft: Draft, follower: Follower, one: Exit) -> bool:
    """May an entry of this follower into what this exit closes still fill?"""
    if one.order is None or one.lead is None:
        return False
    for copy in draft.open_copies(follower.client_id):
        if copy.exit:
            continue
        lead = draft.leader_orders.get(leader_id(copy))
        other = draft.orders.get(order_key(one.order.account, leader_id(copy)))
        if lead is not None and other is not None and lead.instrument == one.lead.instrument:
            if other.side is not one.order.side:
                return True
    return False


def _alert(draft: Draft, copy: Copy, text: str, level: Level = Level.WARNING) -> None:
    draft.notices.append(
        Notice(
            at=draft.now,
            event="alert",
            level=level,
            text=text,
            leader_order_id=copy.leader_order_id,
            follower=copy.follower,
        )
    )
