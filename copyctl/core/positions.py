"""Positions: what leader and followers have, as their fills say, and what of the leader's orders closes his.

A position is what earlier days left (read once a day) and all fills since. The leader's is moved in the order in which
things happened to him, however late his frames come, for his position before an order says what the order is: an
entry, an exit, or both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.index import is_open
from copyctl.core.keys import copy_key, instrument_key, order_key, position_key
from copyctl.core.settled import traded_since, untouched_leads_in
from copyctl.core.state import Draft
from copyctl.core.unread import may_count, shorts_wait
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import Decision, OrderType, Product, Segment, Side

CARRIED = frozenset({Product.MARGIN, Product.CNC, Product.MTF})
"""Products in which a position outlives the day."""
SHORTLY = 60 * SECOND
"""A leader who traded or ordered an instrument within this may be exiting it (``exits.confirm_short: auto``)."""


def sign_of(side: Side) -> int:
    """+1 for BUY, -1 for SELL."""
    return 1 if side is Side.BUY else -1


def position(draft: Draft, account: str, segment: Segment, security_id: str, product: Product) -> Position:
    """What an account has in an instrument and product; a new one is flat."""
    found = draft.positions.get(position_key(account, segment, security_id, product))
    return found or Position(account=account, segment=segment, security_id=security_id, product=product)


def position_of(draft: Draft, request: Request) -> Position:
    """What the account of a placement has in its instrument and product."""
    wanted = request.desired
    if wanted is None:
        raise ValueError(f"{request.request_id} places nothing")
    return position(draft, request.account, wanted.segment, wanted.security_id, wanted.product)


def traded(draft: Draft, order: Order, product: Product | None, units: int) -> None:
    """So many more units of an order have traded."""
    if order.side is None or order.segment is None or order.security_id is None or product is None:
        return
    here = position(draft, order.account, order.segment, order.security_id, product)
    traded_at = order.average_price or here.price
    draft.positions.put(replace(here, traded=here.traded + sign_of(order.side) * units, price=traded_at))
    for one in draft.positions_in(order.account, instrument_key(order.segment, order.security_id)):
        if one.odd is not None:  # what a read showed before this says nothing any more
            draft.positions.put(replace(one, odd=None, odd_at=0))


# --- the leader's orders ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A trade of the leader that closes ``units`` of the ``before`` that he had."""

    lead: LeaderOrder
    order: Order
    units: int
    before: int


def count_leader(draft: Draft, rules: Rules, closed: Callable[[Closing], None]) -> None:
    """Move the leader's position by what has traded, in the order in which he gave his orders; say of each order what
    it is before its own fills count. Nothing is said before it is known what he began the day with; where that cannot
    be read the fills count, and what would open a short by them waits a while (``core.unread``).

    What came to light at once, since nobody was looking, counts on the net: what he opened and closed meanwhile was
    nothing (scenario 7.2).
    """
    if not may_count(draft, rules):
        return
    groups: dict[tuple[str, Product | None], list[tuple[LeaderOrder, Order]]] = {}
    for order_id in draft.leads_moved:
        lead = draft.leader_orders.get(order_id)
        order = draft.orders.get(order_key(rules.leader.client_id, order_id))
        if lead is not None and order is not None and order.side is not None and order.product is not None:
            groups.setdefault((lead.instrument, order.product), []).append((lead, order))
    draft.leads_moved.clear()
    for (instrument, product), group in groups.items():
        group.sort(key=lambda one: _given_at(*one))
        before = {one.product: one.net for one in draft.positions_in(rules.leader.client_id, instrument)}
        if _count_group(draft, rules, group, closed):
            _reconsider(draft, rules, instrument, product, closed)
        for here in draft.positions_in(rules.leader.client_id, instrument):
            if before.get(here.product, 0) != here.net and before.get(here.product, 0) * here.net <= 0:
                draft.moved.update(((one.client_id, instrument), None) for one in rules.followers)


def _count_group(
    draft: Draft, rules: Rules, group: list[tuple[LeaderOrder, Order]], closed: Callable[[Closing], None]
) -> bool:
    """Count one group; has his position moved?"""
    moves = [
        _classified(draft, rules, lead, order)
        for lead, order in group
        if lead.classified or not _must_wait(draft, rules, lead, order)
    ]
    opened, closed_again = _undone(moves) if len(moves) > 1 else ({}, {})
    for move in moves:
        lead, key = move.lead, move.lead.order_id
        undone, netted = lead.undone + opened.get(key, 0), lead.netted + closed_again.get(key, 0)
        draft.leader_orders.put(replace(lead, undone=undone, netted=netted, counted=move.order.filled))
    unreal = 0  # units of the position as it was by then that nobody could copy: opened and closed again meanwhile
    for move in moves:
        order, less = move.order, closed_again.get(move.lead.order_id, 0)
        if move.closes > less:
            units, there = move.closes - less, max(0, -sign_of(order.side) * move.before) if order.side else 0
            closed(Closing(lead=move.lead, order=order, units=units, before=max(units, there - unreal)))
        unreal = max(0, unreal - less) + opened.get(move.lead.order_id, 0)
    return any(move.opens or move.closes for move in moves)


def _reconsider(
    draft: Draft, rules: Rules, instrument: str, product: Product | None, closed: Callable[[Closing], None]
) -> None:
    """What is told of his position late may make an exit of what seemed to be an entry, or to go beyond flat, as long
    as nobody has acted on that (scenario 4.7: a short that is none is the worst thing to copy)."""
    for lead in untouched_leads_in(draft, (one.client_id for one in rules.followers), instrument):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        if order is None or order.product is not product or (order.over and not order.filled):
            continue
        if not lead.classified or lead.exits >= lead.wish.quantity or lead.undone or _is_acted_on(draft, rules, lead):
            continue
        if order.side is None or order.segment is None or order.security_id is None or product is None:
            continue
        here = position(draft, order.account, order.segment, order.security_id, product)
        opposed = max(0, -sign_of(order.side) * _net_before(draft, rules, here, lead, order))
        working = _working_against(draft, rules, lead, order) if opposed and not lead.exits else 0
        exits = min(lead.wish.quantity, opposed + working)
        if exits <= lead.exits:
            continue
        if not lead.exits:
            _take_back(draft, rules, lead)
        draft.leader_orders.put(replace(lead, exits=exits))
        draft.touched[lead.order_id] = None
        units = min(lead.counted, exits) - min(lead.counted, lead.exits)
        if units:
            closing = replace(lead, exits=exits)
            left = opposed - min(lead.counted, lead.exits)
            closed(Closing(lead=closing, order=order, units=units, before=max(units, left)))


def _net_before(draft: Draft, rules: Rules, here: Position, lead: LeaderOrder, order: Order) -> int:
    """What the leader had of a position before he gave this order: what he has now, less what this one and those that
    he gave after it have filled. Never the other way round: of earlier days some orders are forgotten and others are
    not, and what they left is counted already."""
    net = here.net
    for other in draft.leads_in(lead.instrument):
        known = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if known is None or known.product is not order.product or known.side is None:
            continue
        if known.side is not order.side and known.created_time == order.created_time > 0:
            continue  # in one second: nobody knows which came first, and better no copy than a naked short
        if _given_at(other, known) >= _given_at(lead, order):
            net -= sign_of(known.side) * other.counted
    return net


def _given_at(lead: LeaderOrder, order: Order) -> tuple[int, int, int, str]:
    """The leader's orders in the order in which he gave them."""
    return order.created_time, lead.first_seen_at, len(order.order_id), order.order_id


def _is_acted_on(draft: Draft, rules: Rules, lead: LeaderOrder) -> bool:
    """Has anything been decided for any follower of what this order of the leader's opens, or can be no more?"""
    row = f"{lead.order_id}#entry" if lead.exits else lead.order_id
    copies = [draft.copies.get(copy_key(row, one.client_id)) for one in rules.followers]
    if any(copy is not None and any(slot.sent for slot in copy.slots) for copy in copies):
        return True
    waits = any(copy is None or copy.slots or copy.decision in _NOT_PLACED for copy in copies)
    return not (lead.exits or waits)


_NOT_PLACED = frozenset({Decision.QUEUED, Decision.REFUSED})


def _take_back(draft: Draft, rules: Rules, lead: LeaderOrder) -> None:
    """What was to be placed for an order as an entry, and has not left, is no entry: its copies begin anew."""
    for follower in rules.followers:
        copy = draft.copies.get(copy_key(lead.order_id, follower.client_id))
        if copy is None or copy.exit or not (copy.slots or copy.sizing is not None):
            continue
        for slot in copy.slots:
            draft.requests.drop(f"{slot.correlation_id}/{RequestKind.PLACE}")
        fresh = Copy(
            leader_order_id=copy.leader_order_id,
            follower=copy.follower,
            decision=Decision.QUEUED,
            created_at=copy.created_at,
            updated_at=draft.now,
        )
        draft.copies.put(fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    lead: LeaderOrder
    order: Order
    before: int
    opens: int
    closes: int
    fresh: bool


def _classified(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> _Move:
    """What this order is, what of its new fills opens and closes, and the position after them put down."""
    if order.side is None or order.segment is None or order.security_id is None or order.product is None:
        raise ValueError(f"leader order {order.order_id} says neither side nor product")
    here = position(draft, order.account, order.segment, order.security_id, order.product)
    sign = sign_of(order.side)
    quantity = lead.wish.quantity
    fresh = not lead.classified
    opposed = max(0, -sign * here.net)
    if opposed < quantity:  # he may have converted it to another product, which only a read of positions tells (4.8)
        opposed = max(opposed, -sign * sum(one.net for one in draft.positions_in(order.account, lead.instrument)))
    if order.is_leg and (not lead.classified or quantity != lead.exits):
        lead = replace(
            lead, classified=True, exits=quantity
        )  # it closes what its entry brought, whatever that is by now
        draft.leader_orders.put(lead)
    elif not lead.classified:
        lead = replace(lead, classified=True, exits=min(quantity, _against(draft, rules, lead, order)))
        draft.leader_orders.put(lead)
    elif lead.exits and quantity != lead.exits:
        may_close = (order.filled if order.over else quantity) - max(0, lead.counted - lead.exits)
        before = min(may_close, opposed + min(lead.counted, lead.exits))  # what has opened, opened
        lead = replace(lead, exits=min(quantity, max(before, lead.exits)))
        draft.leader_orders.put(lead)
    units = order.filled - lead.counted
    closes = max(0, min(order.filled, lead.exits) - min(lead.counted, lead.exits))
    if units:
        traded(draft, order, order.product, units)
    before = here.net if -sign * here.net >= opposed else -sign * opposed
    return _Move(lead=lead, order=order, before=before, opens=units - closes, closes=closes, fresh=fresh)


def _against(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> int:
    """Units that an order may close, before its own fills count. Where a read of his positions showed more to close
    than his fills explain that counts, sure or not: better no copy than a naked short."""
    if order.side is None:
        return 0
    places = draft.positions_in(order.account, lead.instrument)
    here = [one for one in places if one.product is order.product]
    nets = [net for one in here for net in (one.net, one.odd or 0)]
    nets.append(sum(one.net for one in places))  # he may have converted it, which only a read of positions tells (4.8)
    nets.append(sum(one.net for one in here) - sign_of(order.side) * _traded_since_given(draft, rules, lead, order))
    held = max((-sign_of(order.side) * net for net in nets), default=0)
    return max(0, held) + _working_against(draft, rules, lead, order)


def _traded_since_given(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> int:
    """Units of his position that other orders of the leader's on the same side have traded since he gave this one: what
    is first seen after a gap may be the stop beside a target that has traded meanwhile."""
    units = 0
    if order.side is None or not order.created_time:
        return units
    for known in traded_since(draft, rules.leader.client_id, lead.instrument, order.side, order.created_time):
        other = draft.leader_orders.get(known.order_id)
        if other is not None and other.order_id != lead.order_id and known.product is order.product:
            is_counted = _given_at(other, known) < _given_at(lead, order)  # in this very step, or before
            units += known.filled if is_counted else other.counted
    return units


def _must_wait(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> bool:
    """Would it open a short by fills alone, while what he began the day with cannot be read? Or may it close what one
    sold that waits for that?"""
    if not shorts_wait(draft, order.account):
        return False
    if order.side is Side.SELL:
        return _against(draft, rules, lead, order) < lead.wish.quantity
    waiting = [one for one in draft.leads_in(lead.instrument) if not one.classified and one.order_id != lead.order_id]
    known = (draft.orders.get(order_key(order.account, one.order_id)) for one in waiting)
    sold = [one for one in known if one is not None and one.side is Side.SELL and one.product is order.product]
    return any(one.filled for one in sold)


def _working_against(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> int:
    """What the leader's open entries on the other side of this product may still open and this order is there to
    close (scenario 4.9).

    One that trades at once closes them: the frame of their fill is late. A stop that rests closes a limit order that
    the market must reach first. Any other that rests against them is the second of his two sides, as with a stop above
    and a stop below the market: it opens, whichever trades first.
    """
    if lead.wish.order_type is OrderType.LIMIT and not order.filled:
        return 0
    units = 0
    for other in draft.open_leads_in(rules.leader.client_id, lead.instrument):
        against = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if against is None or against.side is order.side or against.product is not order.product or against.over:
            continue
        if not other.classified or other.order_id == lead.order_id or not _closes(lead, order, other):
            continue
        units += max(0, against.leaves - max(0, other.exits - against.filled))
    return units


def _closes(lead: LeaderOrder, order: Order, other: LeaderOrder) -> bool:
    """Is an order there to close what an open entry on the other side may open?"""
    wish, entry = lead.wish, other.wish
    if order.filled or wish.order_type is OrderType.MARKET:
        return not lead.unseen_for  # from a book, all there is to know of both is known
    if not wish.order_type.has_trigger or entry.order_type is not OrderType.LIMIT:
        return False
    return entry.price > wish.trigger_price if order.side is Side.SELL else entry.price < wish.trigger_price


def _undone(moves: list[_Move]) -> tuple[dict[str, int], dict[str, int]]:
    """What of these moves took each other back before anybody could copy the first of them: units by order, of what
    they opened and of what they closed. What opens on one side is taken back by what closes from the other."""
    opened: dict[str, int] = {}
    closed: dict[str, int] = {}
    for side in Side:
        fresh = [
            (move.lead.order_id, move.opens) for move in moves if move.opens and move.order.side is side and move.fresh
        ]
        closing = [(move.lead.order_id, move.closes) for move in moves if move.closes and move.order.side is not side]
        both = min(sum(units for _, units in fresh), sum(units for _, units in closing))
        for found, undone in ((fresh, opened), (closing, closed)):
            left = both
            for order_id, units in found:
                part = min(left, units)
                if part:
                    undone[order_id] = part
                    left -= part
    return opened, closed


# --- followers ----------------------------------------------------------------------------------------------------


def count_copies(draft: Draft) -> None:
    """Put what copies have filled in this step, and is not counted yet, into what their positions owe to them."""
    for key, copy in list(draft.copies.written.items()):
        before = draft.state.tables["copy"].get(key)
        filled_before = draft.counted.get(key, before.filled if isinstance(before, Copy) else 0)
        if copy is None or copy.wanted is None:
            continue
        draft.counted[key] = copy.filled
        wanted = copy.wanted
        units = copy.filled - filled_before
        if not units:
            was = before if isinstance(before, Copy) and not copy.exit else None
            if was is not None and ((is_open(was) and not is_open(copy)) or (copy.cut and was.wanted != wanted)):
                draft.moved[(copy.follower, instrument_key(wanted.segment, wanted.security_id))] = None
            continue
        here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
        sign = sign_of(wanted.side)
        copied = here.copied + sign * units
        if copy.exit:
            draft.positions.put(replace(here, copied=copied))
        else:
            draft.positions.put(replace(here, copied=copied, target=here.target + sign * units))
        draft.moved[(copy.follower, instrument_key(wanted.segment, wanted.security_id))] = None


def closed_since(draft: Draft, copy: Copy, lead: LeaderOrder) -> Copy:
    """A copy that was found at the broker of an order that the leader had closed again, in part, by the time that we
    saw it: what of it the follower has beyond that ought not to stay."""
    wanted = copy.wanted
    beyond = copy.filled - wanted.terms.quantity if wanted is not None and lead.undone else 0
    if wanted is None or beyond <= 0:
        return copy
    here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
    draft.positions.put(replace(here, target=here.target - sign_of(wanted.side) * beyond))
    return replace(copy, excess=beyond)


def clamp(draft: Draft, here: Position) -> Position:
    """What copies built is no more than what the account has: a trade by hand takes from what is a person's own
    first, then from what was copied, for good (scenario 9.5)."""
    if not draft.account(here.account).positions_at:
        return here
    most = max(0, here.net) if here.copied > 0 else min(0, here.net)
    copied = min(here.copied, most) if here.copied > 0 else max(here.copied, most)
    if copied == here.copied:
        return here
    most_wanted = Decimal(copied)
    target = min(here.target, most_wanted) if here.copied > 0 else max(here.target, most_wanted)
    after = replace(here, copied=copied, target=target)
    draft.positions.put(after)
    return after
