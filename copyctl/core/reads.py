"""Reads: what the broker says that an account has, beside what its fills say (scenario 7.12).

The first read ever says what earlier days left. After that a position is what the fills say: a read that shows
something else counts only when the order and trade books were read since, nothing has traded in that instrument, and
another read says the same; and only while the market trades, for at night the broker's own books are between two days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import unread
from copyctl.core.hours import SECOND, ist
from copyctl.core.keys import instrument_key, order_key, position_key
from copyctl.core.market import calendar_known, market_standing
from copyctl.core.positions import position, sign_of
from copyctl.core.state import Draft, follower_of
from copyctl.model.account import Account
from copyctl.model.effects import ReadBooks
from copyctl.model.facts import FactArrived, Holding, Positions
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO
from copyctl.model.records import Position
from copyctl.model.terms import Product, Segment, Side

SHOWS_WITHIN = 10 * SECOND
"""How long the order book may lag behind the positions, where an open order may have traded what they show."""
Shift = tuple[Position, Position]
"""A position as it was thought to be, and as it turned out to be."""
FIRST_BELL, SATURDAY = time(9), 5
_SHARES = frozenset({Segment.NSE_EQ, Segment.BSE_EQ})


def in_doubt(draft: Draft, account: str) -> bool:
    """Did the last read show something else than the fills, and the books were read since?"""
    known = draft.account(account)
    return any(here.odd is not None and here.odd_at < known.books_at for here in draft.positions_of(account))


def take_positions(draft: Draft, event: FactArrived) -> list[Shift]:
    """Take in what the broker says an account has; what is otherwise than it was thought to be is returned."""
    fact = event.fact
    if not isinstance(fact, Positions):
        unread.failed(draft, event.account, event.why or "no answer")
        return []
    told = _told(draft, fact)
    profit = _profit(fact) if _has_begun(draft, fact.account) else ZERO
    account = replace(draft.account(event.account), profit=profit)
    draft.accounts.put(account)
    if not account.positions_at and not account.expects:
        _first(draft, account, fact, told)
        return []
    if not account.positions_at:
        _known(draft, account, fact)
    return _compared(draft, fact, told)


def _known(draft: Draft, account: Account, fact: Positions) -> None:
    why = f"{fact.bad_rows} rows of its positions cannot be read" if fact.bad_rows else ""
    draft.accounts.put(
        replace(
            account,
            positions_at=fact.as_of,
            positions_why=why,
            failing_since=0,
            fills_alone=False,
            expects=True,
            unsure=(),
        )
    )


def _has_begun(draft: Draft, account: str) -> bool:
    """Is the day's profit that of this day? Through the night, and on days without trading, the broker shows the last
    one's."""
    if any(here.traded for here in draft.positions_of(account)):
        return True
    now, days = ist(draft.now), next(iter(draft.days.values()), None)
    covers = days is not None and days.covers(now.date())
    trades = days.trades(now.date()) if days is not None and covers else now.weekday() < SATURDAY
    return trades and now.time() >= FIRST_BELL


def _profit(fact: Positions) -> Decimal | None:
    """The day's profit of the whole account, realised and unrealised; None where the broker leaves any of it out."""
    total = ZERO
    for row in fact.rows:
        if row.realised is None or (row.net and row.unrealised is None):
            return None
        total += row.realised + (row.unrealised or ZERO)
    return total


# --- what a read says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a read says of one position. ``here``: as it is thought to be, ``base``: what earlier days left, ``net``:
    what is there; ``or_net``: the same where holdings show already what was sold of them today."""

    here: Position
    base: int = 0
    net: int = 0
    or_net: int = 0

    @property
    def differs(self) -> bool:
        """Does it say something else than the fills?"""
        return self.here.net not in (self.net, self.or_net)


def _told(draft: Draft, fact: Positions) -> dict[str, Told]:
    """Everything that is held, with holdings; expired contracts are over, whatever a row says."""
    found: dict[str, Told] = {}
    today = unread.today(draft)
    for row in fact.rows:
        if row.expiry is not None and row.expiry < today:
            continue
        here = position(draft, fact.account, row.segment, row.security_id, row.product)
        found[_key(here)] = Told(here=here, base=row.carried, net=row.net, or_net=row.net)
    for here, units in _held(draft, fact):
        before = found.get(_key(here), Told(here=here))
        found[_key(here)] = Told(
            here=here,
            base=before.base + units,
            net=before.net + units,
            or_net=units if before.net < 0 else before.net + units,
        )
    return found


def _held(draft: Draft, fact: Positions) -> Iterable[tuple[Position, int]]:
    """Delivered shares, by the position that they are; what was bought and is not delivered yet counts."""
    for held in fact.holdings:
        for product, units in ((Product.CNC, held.total), (Product.MTF, held.mtf + held.mtf_t1)):
            if units:
                yield from _homes(draft, fact.account, held, product, units)


def _homes(draft: Draft, account: str, held: Holding, product: Product, units: int) -> Iterable[tuple[Position, int]]:
    """One holding stands for the shares of both exchanges: it is what was bought on the other one where that is known
    to have been, as far as it was bought there."""
    segment = Segment.BSE_EQ if held.exchange == "BSE" else Segment.NSE_EQ
    own = position(draft, account, segment, held.security_id, product)
    left = units
    for other in draft.positions_of(account):
        if other.product is not product or other.segment not in _SHARES or _key(other) == _key(own):
            continue
        instrument = draft.instruments.get(_instrument(other))
        if instrument is not None and held.symbol and instrument.symbol == held.symbol and other.base > 0:
            part = min(left, other.base)
            left -= part
            yield other, part
    if left:
        yield own, left


def _key(here: Position) -> str:
    return position_key(here.account, here.segment, here.security_id, here.product)


def _instrument(here: Position) -> str:
    return instrument_key(here.segment, here.security_id)


# --- the first read ever ----------------------------------------------------------------------------------------------


def _first(draft: Draft, account: Account, fact: Positions, told: dict[str, Told]) -> None:
    """Take a read for what earlier days left. It must fit what the account's own book says that it traded today; where
    it does not (a fill on its way, or the broker's day is not ours yet) the same has to be read twice."""
    if not account.ready:
        return  # asked again when its book was read
    unseen = _uncounted(draft, fact.account)
    known = {_key(here): Told(here=here) for here in draft.positions_of(fact.account)} | told
    bases = {key: one.net - one.here.traded - unseen.get(key, 0) for key, one in known.items()}
    agrees = all(base == known[key].base for key, base in bases.items())
    signature = tuple(sorted(bases.items()))
    if not agrees and signature != account.unsure:
        draft.accounts.put(replace(account, unsure=signature))
        draft.effects.append(ReadBooks(account=fact.account))
        return
    for key, base in bases.items():
        here = known[key].here
        if base != here.base:
            draft.positions.put(replace(here, base=base))
    _known(draft, account, fact)


def _uncounted(draft: Draft, account: str) -> dict[str, int]:
    """What the leader has traded by his book and is not in his position yet, by position."""
    units: dict[str, int] = {}
    for lead in draft.leader_orders.values():
        order = draft.orders.get(order_key(account, lead.order_id))
        if order is None or order.side is None or order.product is None or order.filled == lead.counted:
            continue
        key = f"{account}/{lead.instrument}/{order.product}"
        units[key] = units.get(key, 0) + sign_of(order.side) * (order.filled - lead.counted)
    return units


# --- every other one --------------------------------------------------------------------------------------------------


def _compared(draft: Draft, fact: Positions, told: dict[str, Told]) -> list[Shift]:
    """Positions of which a second read in a row says the same other thing."""
    known = {_key(here): Told(here=here) for here in draft.positions_of(fact.account)} | told
    by_instrument: dict[str, list[Told]] = {}
    for key, one in known.items():
        if key in told or not fact.bad_rows:  # else it may still be held, in a row that cannot be read
            by_instrument.setdefault(_instrument(one.here), []).append(one)
    shifts: list[Shift] = []
    odd_before = {key: one.here.odd for key, one in known.items()}
    for key, found in by_instrument.items():
        if unread.is_expired(draft.instruments.get(key), draft.now):
            continue
        shifts += _confirmed(draft, fact, key, found)
    if any(here.odd not in (None, odd_before.get(_key(here))) for here in draft.positions_of(fact.account)):
        draft.effects.append(ReadBooks(account=fact.account))  # once for each other thing that it shows
    return shifts


def _confirmed(draft: Draft, fact: Positions, instrument: str, found: Sequence[Told]) -> list[Shift]:
    """One instrument, all products together: they move together when he converts one into another."""
    books_at = draft.account(fact.account).books_at
    differing = [one for one in found if one.differs]
    again = all(one.here.odd == one.net and one.here.odd_at < books_at <= fact.as_of for one in differing)
    undisturbed = all(one.here.odd is None for one in found if not one.differs)
    early = any(books_at - one.here.odd_at < SHOWS_WITHIN and _may_have_traded(draft, one) for one in differing)
    confirmed = bool(differing) and again and undisturbed and not early and _trades(draft, fact.account, instrument)
    shifts = []
    for one in found:
        here = one.here
        if not one.differs:
            after = replace(here, odd=None, odd_at=0)
        elif confirmed:
            after = replace(here, base=here.base + one.net - here.net, odd=None, odd_at=0)
            shifts.append((here, after))
        elif here.odd == one.net:
            continue
        else:
            after = replace(here, odd=one.net, odd_at=fact.as_of)
        if after != here:
            draft.positions.put(after)
    return shifts


def _may_have_traded(draft: Draft, told: Told) -> bool:
    """Is there an open order that goes the way in which the read differs? Its fill may stand in the positions before it
    stands in the book, and would count once more with it."""
    account, key = told.here.account, _instrument(told.here)
    side = Side.BUY if told.net > told.here.net else Side.SELL
    ours = (copy for exits in (False, True) for copy in draft.live_in(account, key, side, exits=exits))
    left = any(slot.live and slot.sent for copy in ours for slot in copy.slots)
    return left or bool(draft.orders_on(account, key, side))


def _trades(draft: Draft, account: str, key: str) -> bool:
    """Is the market of an instrument open now, as far as anybody knows?"""
    rules = draft.rules
    if rules is None:
        return False
    follower = follower_of(rules, account) or rules.followers[0]
    hours = follower.policy.market_hours
    if not hours.enforce or not calendar_known(draft, hours):
        return True
    segment, _, security_id = key.partition("/")
    blank = Instrument(segment=Segment(segment), security_id=security_id, symbol="")
    now = market_standing(draft, hours, draft.instruments.get(key) or blank)
    return now.is_open or now.stale
