"""Positions: what leader and followers have, as their fills say, and what of the leader's orders closes his.

A position is what earlier days left (read once a day) and all fills since. The leader's is moved in the order in which
things happened to him, however late his frames come, for his position before an order says what the order is: an
entry, an exit, or both.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.hours import SECOND, ist_day
from copyctl.core.index import is_open
from copyctl.core.state import Draft, Owed, copy_key, instrument_key, order_key, position_key
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.facts import Ask, FactArrived, Positions, PositionsWanted
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.terms import Level, OrderType, Product, Segment, Side

Shift = tuple[Position, Position]
"""A position as it was thought to be, and as it turned out to be."""
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


def traded(draft: Draft, order: Order, product: Product | None, units: int) -> None:
    """So many more units of an order have traded."""
    if order.side is None or order.segment is None or order.security_id is None or product is None:
        return
    here = position(draft, order.account, order.segment, order.security_id, product)
    traded_at = order.average_price or here.price
    draft.positions.put(replace(here, traded=here.traded + sign_of(order.side) * units, price=traded_at, odd=None))


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
    it is before its own fills count. Nothing is said while it is not known what he began the day with.

    What came to light at once, since nobody was looking, counts on the net: what he opened and closed meanwhile was
    nothing (scenario 7.2).
    """
    if not draft.account(rules.leader.client_id).positions_at:
        return
    groups: dict[tuple[str, Product | None], list[tuple[LeaderOrder, Order]]] = {}
    for order_id in draft.leads_moved:
        lead = draft.leader_orders.get(order_id)
        order = draft.orders.get(order_key(rules.leader.client_id, order_id))
        if lead is not None and order is not None and order.side is not None and order.product is not None:
            groups.setdefault((lead.instrument, order.product), []).append((lead, order))
    draft.leads_moved.clear()
    for (instrument, product), group in groups.items():
        group.sort(key=lambda one: (one[1].created_time, one[0].first_seen_at, len(one[1].order_id), one[1].order_id))
        _count_group(draft, rules, group, closed)
        _reconsider(draft, rules, instrument, product)


def _count_group(
    draft: Draft, rules: Rules, group: list[tuple[LeaderOrder, Order]], closed: Callable[[Closing], None]
) -> None:
    moves = [_classified(draft, rules, lead, order) for lead, order in group]
    undone = _undone(draft, moves) if len(moves) > 1 else {}
    for move in moves:
        lead, less = move.lead, undone.get(move.lead.order_id, 0)
        if move.opens and less:
            lead = replace(lead, undone=lead.undone + less)
        draft.leader_orders.put(replace(lead, counted=move.order.filled))
    unreal = 0  # units of the position as it was by then that nobody could copy: opened and closed again meanwhile
    for move in moves:
        order, less = move.order, undone.get(move.lead.order_id, 0)
        if move.closes > less:
            units, there = move.closes - less, max(0, -sign_of(order.side) * move.before) if order.side else 0
            closed(Closing(lead=move.lead, order=order, units=units, before=max(units, there - unreal)))
        unreal = max(0, unreal + (less if move.opens else -less))


def _reconsider(draft: Draft, rules: Rules, instrument: str, product: Product | None) -> None:
    """What is told of his position late may make an exit of what seemed to be an entry, as long as nobody has acted
    on that (scenario 4.7: a short that is none is the worst thing to copy)."""
    for lead in draft.leads_in(instrument):
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        if order is None or order.over or order.product is not product or order.side is None:
            continue
        if not lead.classified or lead.exits or lead.counted or lead.undone or _is_acted_on(draft, rules, lead):
            continue
        if order.segment is None or order.security_id is None or product is None:
            continue
        here = position(draft, order.account, order.segment, order.security_id, product)
        opposed = max(0, -sign_of(order.side) * here.net)
        exits = min(lead.wish.quantity, opposed + _working_against(draft, rules, lead, order)) if opposed else 0
        if exits:
            draft.leader_orders.put(replace(lead, exits=exits))
            draft.touched[lead.order_id] = None


def _is_acted_on(draft: Draft, rules: Rules, lead: LeaderOrder) -> bool:
    """Has anything been decided of this order of the leader's for any follower?"""
    copies = (draft.copies.get(copy_key(lead.order_id, one.client_id)) for one in rules.followers)
    return any(copy is not None and (copy.slots or copy.sizing is not None) for copy in copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    lead: LeaderOrder
    order: Order
    before: int
    opens: int
    closes: int


def _classified(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> _Move:
    """What this order is, what of its new fills opens and closes, and the position after them put down."""
    if order.side is None or order.segment is None or order.security_id is None or order.product is None:
        raise ValueError(f"leader order {order.order_id} says neither side nor product")
    here = position(draft, order.account, order.segment, order.security_id, order.product)
    sign = sign_of(order.side)
    quantity = lead.wish.quantity
    opposed = max(0, -sign * here.net)
    if opposed < quantity:  # he may have converted it to another product, which only a read of positions tells (4.8)
        opposed = max(opposed, -sign * sum(one.net for one in draft.positions_in(order.account, lead.instrument)))
    if not lead.classified:
        working = _working_against(draft, rules, lead, order)
        lead = replace(lead, classified=True, exits=min(quantity, opposed + working))
        draft.leader_orders.put(lead)
    elif lead.exits and quantity != lead.exits:
        before = opposed + min(lead.counted, lead.exits)
        lead = replace(lead, exits=min(quantity, max(before, min(lead.exits, quantity))))
        draft.leader_orders.put(lead)
    units = order.filled - lead.counted
    closes = max(0, min(order.filled, lead.exits) - min(lead.counted, lead.exits))
    if units:
        traded(draft, order, order.product, units)
    before = here.net if -sign * here.net >= opposed else -sign * opposed
    return _Move(lead=lead, order=order, before=before, opens=units - closes, closes=closes)


def _working_against(draft: Draft, rules: Rules, lead: LeaderOrder, order: Order) -> int:
    """What the leader's open entries on the other side of this product may still open: an order against them closes
    it (scenario 4.9); the frame of their fill may be late. A limit order that only rests against them is the other one
    of his two sides: it opens, whichever trades first."""
    if lead.wish.order_type is OrderType.LIMIT and not order.filled:
        return 0
    units = 0
    for other in draft.leads_in(lead.instrument):
        against = draft.orders.get(order_key(rules.leader.client_id, other.order_id))
        if against is None or against.side is order.side or against.product is not order.product or against.over:
            continue
        if other.classified and other.order_id != lead.order_id:
            units += max(0, against.leaves - max(0, other.exits - against.filled))
    return units


def _undone(draft: Draft, moves: list[_Move]) -> dict[str, int]:
    """What of these moves took each other back before anybody could copy the first of them: units by order. What
    opens on one side is taken back by what closes from the other."""
    undone: dict[str, int] = {}
    for side in Side:
        fresh = [
            move for move in moves if move.opens and move.order.side is side and move.lead.first_seen_at == draft.now
        ]
        closing = [move for move in moves if move.closes and move.order.side is not side]
        both = min(sum(move.opens for move in fresh), sum(move.closes for move in closing))
        for found, units in ((fresh, "opens"), (closing, "closes")):
            left = both
            for move in found:
                part = min(left, getattr(move, units))
                if part:
                    undone[move.lead.order_id] = part
                    left -= part
    return undone


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
            if isinstance(before, Copy) and not copy.exit and is_open(before) and not is_open(copy):
                draft.moved[(copy.follower, instrument_key(wanted.segment, wanted.security_id))] = None
            continue
        here = position(draft, copy.follower, wanted.segment, wanted.security_id, wanted.product)
        sign = sign_of(wanted.side)
        copied = here.copied + sign * units
        if copy.exit:
            draft.positions.put(replace(here, copied=copied))
        else:
            beyond = max(0, copy.filled - wanted.terms.quantity) - max(0, filled_before - wanted.terms.quantity)
            wished = units - (beyond if copy.cut else 0)
            draft.positions.put(replace(here, copied=copied, target=here.target + sign * wished))
        draft.moved[(copy.follower, instrument_key(wanted.segment, wanted.security_id))] = None


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


# --- what the broker says of positions ------------------------------------------------------------------------------


def ask_positions(draft: Draft, account: str) -> None:
    """Have the broker asked what this account has."""
    draft.effects.append(Ask(question=PositionsWanted(account=account)))


def take_positions(draft: Draft, event: FactArrived) -> list[Shift]:
    """Take in what the broker says an account has. The first read of a day says what the day began with; later ones
    confirm what the fills say. What is otherwise than it was thought to be is returned."""
    account = draft.account(event.account)
    fact = event.fact
    if not isinstance(fact, Positions):
        if not account.positions_at:
            draft.accounts.put(replace(account, positions_why=event.why or "no answer"))
        return []
    shown = {
        position_key(fact.account, row.segment, row.security_id, row.product): replace(
            position(draft, fact.account, row.segment, row.security_id, row.product), base=row.carried
        )
        for row in fact.rows
    }
    paid = {
        position_key(fact.account, row.segment, row.security_id, row.product): row.buy_average
        if row.net > 0
        else row.sell_average
        for row in fact.rows
    }
    nets = {position_key(fact.account, row.segment, row.security_id, row.product): row.net for row in fact.rows}
    for key, units, here in _held(draft, fact):
        shown[key] = replace(shown.get(key, here), base=shown.get(key, replace(here, base=0)).base + units)
        nets[key] = nets.get(key, 0) + units
    profits = [row.realised + (row.unrealised or 0) for row in fact.rows if row.realised is not None]
    account = replace(account, profit=sum(profits, Decimal(0)))
    draft.accounts.put(account)
    if not account.positions_at:
        before = draft.positions_of(fact.account)
        for here in before:
            if here.product not in CARRIED or not fact.bad_rows:
                draft.positions.put(replace(here, base=0))
        known = {_key(one): one for one in before}
        for key, one in shown.items():
            here = position(draft, one.account, one.segment, one.security_id, one.product)
            draft.positions.put(
                replace(here, base=one.base, price=here.price or one.price or paid.get(key, Decimal(0)))
            )
        draft.accounts.put(replace(account, positions_at=fact.as_of, positions_why=""))
        return [
            (one, after)
            for key, one in known.items()
            if (after := draft.positions.get(key)) is not None and after.net != one.net
        ]
    return _compare(draft, fact, nets)


def _held(draft: Draft, fact: Positions) -> Iterable[tuple[str, int, Position]]:
    """Delivered shares, by the position that they are: what was bought and not delivered yet counts (scenario 7.12)."""
    for held in fact.holdings:
        segment = Segment.BSE_EQ if held.exchange == "BSE" else Segment.NSE_EQ
        for product, units in ((Product.CNC, held.total), (Product.MTF, held.mtf + held.mtf_t1)):
            if units:
                here = position(draft, fact.account, segment, held.security_id, product)
                here = replace(here, price=here.price or held.last_price or held.average)
                yield position_key(fact.account, segment, held.security_id, product), units, here


def _compare(draft: Draft, fact: Positions, nets: dict[str, int]) -> list[Shift]:
    """Positions of which a second read in a row says the same other thing, nothing having traded in between."""
    account = draft.account(fact.account)
    confirmed = []
    differs = False
    for here in draft.positions_of(fact.account):
        key = position_key(here.account, here.segment, here.security_id, here.product)
        net = nets.get(key, 0)
        if net == here.net or fact.bad_rows:
            if here.odd is not None:
                draft.positions.put(replace(here, odd=None, odd_at=0))
        elif here.odd == net and here.odd_at < account.books_at <= fact.as_of:
            after = replace(here, base=here.base + net - here.net, odd=None, odd_at=0)
            draft.positions.put(after)
            confirmed.append((here, after))
        elif here.odd != net:
            draft.positions.put(replace(here, odd=net, odd_at=fact.as_of))
            differs = True
    if differs:
        draft.effects.append(ReadBooks(account=fact.account))
    return confirmed


def _key(here: Position) -> str:
    return position_key(here.account, here.segment, here.security_id, here.product)


def missing_exits(draft: Draft, rules: Rules, shifts: Sequence[Shift]) -> None:
    """The leader has less than his known orders explain: he exited while nobody looked, and every follower owes the
    same share (scenario 7.12). What he has more is not copied; what only changed its product is told (4.8)."""
    by_instrument: dict[str, list[Shift]] = {}
    for before, after in shifts:
        by_instrument.setdefault(instrument_key(before.segment, before.security_id), []).append((before, after))
    for key, moved in by_instrument.items():
        instrument = draft.instruments.get(key)
        was, now = sum(one.net for one, _ in moved), sum(one.net for _, one in moved)
        name = (instrument.symbol if instrument else "") or key
        if instrument is not None and instrument.expiry is not None and instrument.expiry < ist_day(draft.now):
            continue
        if was == now:
            _tell(draft, f"the leader converted his position in {name} to another product: not mirrored")
            continue
        if abs(now) >= abs(was) and now * was >= 0:
            _tell(draft, f"the leader has {now} of {name}, his known orders explain {was}: the rest is not copied")
            continue
        share = min(Decimal(1), Decimal(abs(was - now)) / abs(was)) if was else Decimal(0)
        _tell(draft, f"the leader has {now} of {name}, his known orders explain {was}: the missing exit is copied")
        for follower in rules.followers:
            for here in draft.positions_in(follower.client_id, key):
                if here.copied * was > 0:
                    units = abs(here.copied) if share >= 1 else int(abs(here.copied) * share)
                    draft.owed.append(Owed(here=here, units=units, why="the leader's exit was not seen"))


def _tell(draft: Draft, text: str) -> None:
    draft.notices.append(Notice(at=draft.now, event="alert", level=Level.CRITICAL, text=text))


def day_number(moment: int) -> int:
    """The Indian day of a moment, as a count of days."""
    return (moment // SECOND + 19_800) // 86_400


def roll_over(draft: Draft, account: str) -> None:
    """A new day: what is carried is what is there now, until the broker says what it is; counters begin again."""
    today = day_number(draft.now)
    before = draft.account(account)
    draft.accounts.put(
        replace(before, day=today, positions_at=0, positions_why="", placed=(), placed_today=0, profit=None)
    )
    ask_positions(draft, account)
    if not before.day:
        return
    for here in draft.positions_of(account):
        net = here.net if here.product in CARRIED else 0
        if not net:
            draft.positions.drop(position_key(here.account, here.segment, here.security_id, here.product))
            continue
        draft.positions.put(replace(here, base=net, traded=0, odd=None, odd_at=0))


def unknown_position(draft: Draft, account: str) -> str:
    """Why it is not known what an account began the day with, "" where it is."""
    known = draft.account(account)
    if known.positions_at:
        return ""
    return f"the positions of {account} were not read yet" + (f": {known.positions_why}" if known.positions_why else "")
