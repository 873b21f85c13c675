"""Allowed: the limits of the rules, held against what a follower has and has done.

What is at the broker counts as if it had filled, with the terms that may still be there: an order whose reduction is
on its way counts in full until the broker shows it. Placements that have not left yet count as placed.
"""

from bisect import bisect_right
from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core import limits
from copyctl.core.asked import Answer, Asked, Later, noted, refuse, unavailable
from copyctl.core.capital import ask_funds, funds, price_of
from copyctl.core.exposure import Exposure
from copyctl.core.hours import SECOND, day_start
from copyctl.core.index import instrument_of, placements
from copyctl.core.keys import copy_key, instrument_key, order_key, position_key
from copyctl.core.mapping import of_share
from copyctl.core.market import ask_quote
from copyctl.core.state import Draft
from copyctl.model.choices import CopyOn, OnBreach
from copyctl.model.facts import Positions
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO
from copyctl.model.placement import Slot
from copyctl.model.policy import Follower
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.terms import Product, Segment, Side

MINUTE = 60 * SECOND
IN_VAIN_FOR = 60 * SECOND
"""A quote that told no price is not asked for again before this."""


def within_limits(asked: Asked) -> Answer:
    """Does an entry keep the follower within the limits? It may come back smaller (``on_breach: reduce``)."""
    found = limits_of(asked)
    if found is None:
        return asked.copy
    reduce = asked.follower.policy.limits.on_breach is OnBreach.REDUCE
    worst = min(found.breaches, key=lambda one: one.allowed, default=None)
    if worst is not None and (not reduce or found.allowed <= 0):
        first = worst if reduce else found.breaches[0]
        return refuse(f"limit_{first.key}", first.detail)
    copy = asked.copy
    if found.unchecked:
        answer = _unchecked(asked, found.unchecked[0])
        if not isinstance(answer, Copy):
            return answer
    if worst is None:
        grown = copy.reduced is not None and asked.wanted.terms.quantity > copy.reduced[1]
        return replace(copy, reduced=None) if grown else copy
    wanted, kept = asked.wanted, found.allowed + copy.filled
    copy = replace(
        copy,
        wanted=replace(wanted, terms=of_share(wanted.terms, kept)),
        reduced=(wanted.terms.quantity, kept),
    )
    copy = noted(copy, Reason.REDUCED)
    told = f"limit_{worst.key}: {worst.detail}, cut to {kept}"
    return replace(copy, detail=f"{copy.detail}; {told}", sized=f"{copy.sized}; {told}")


def _unchecked(asked: Asked, one: limits.Unchecked) -> Answer:
    """A limit cannot be checked for want of a figure: it is asked for, or not to be had."""
    draft, follower = asked.draft, asked.copy.follower
    account = draft.account(follower)
    if one.lacks == limits.CAPITAL:
        if funds(draft, follower) is None and ask_funds(draft, follower):
            return Later(reason=Reason.CHECKING, detail=f"{one.detail}; the funds were asked for")
    elif one.lacks == limits.PROFIT:
        if not account.positions_at and not account.positions_why:  # asked for as the day began
            return Later(reason=Reason.CHECKING, detail=f"{one.detail}; the positions were asked for")
    else:
        instrument = asked.instrument if one.lacks == _key(asked) else draft.instruments.get(one.lacks)
        quoted = draft.quotes.get(one.lacks)
        in_vain = quoted is not None and not quoted.last_price and draft.now - quoted.as_of < IN_VAIN_FOR
        if instrument is not None and not in_vain and ask_quote(draft, asked.rules, instrument):
            return Later(reason=Reason.CHECKING, detail=f"{one.detail}; a quote was asked for")
    return unavailable(asked, one.detail)


def _key(asked: Asked) -> str:
    return instrument_key(asked.wanted.segment, asked.wanted.security_id)


def limits_of(asked: Asked) -> limits.Verdict | None:
    """What the limits say of an entry by what is known now; None: there are none."""
    policy = asked.follower.policy.limits
    if not limits.any_of(policy):
        return None
    return limits.check(policy, _entry(asked), standing_of(asked.draft, asked.follower, asked.copy, asked.instrument))


def figures_of(asked: Asked) -> dict[str, str]:
    """Every limit of an entry with the figure that it would have, in a sentence."""
    standing = standing_of(asked.draft, asked.follower, asked.copy, asked.instrument)
    return limits.figures(asked.follower.policy.limits, _entry(asked), standing)


def _entry(asked: Asked) -> limits.Entry:
    wanted, instrument = asked.wanted, asked.instrument
    return limits.Entry(
        key=_key(asked),
        side=wanted.side,
        quantity=max(1, asked.more),
        filled=asked.copy.filled,
        placing=_places(asked),
        price=wanted.terms.price or price_of(asked.draft, asked.leader, asked.lead.wish, instrument),
        multiplier=instrument.multiplier,
        lot_size=instrument.lot_size,
        underlying=instrument.underlying if instrument.segment.is_derivative else "",
    )


def _places(asked: Asked) -> bool:
    """Will it be an order that has not been sent yet, not a change of one?"""
    if asked.follower.policy.copy_on is CopyOn.TRADED:
        checked = asked.copy.checked
        return checked is None or asked.wanted.terms.quantity > checked.quantity or placements(asked.copy)[1] > 0
    return not any(slot.live and slot.sent for slot in asked.copy.slots)


# --- what there is --------------------------------------------------------------------------------------------------


def standing_of(draft: Draft, follower: Follower, own: Copy, instrument: Instrument) -> limits.Standing:
    """What a follower has and has done, the copy ``own`` left out."""
    account = draft.account(follower.client_id)
    policy = follower.policy.limits
    before = placements(draft.copies.get(copy_key(own.leader_order_id, follower.client_id)))
    open_orders, unsent = (every - mine for every, mine in zip(draft.placements(account.account), before, strict=True))
    if follower.policy.copy_on is CopyOn.TRADED:  # each growth of it is an order beside those that it has
        open_orders += sum(1 for slot in own.slots if slot.live and slot.sent)
    found: dict[str, Exposure] = {}
    if limits.looks_at_positions(policy):
        key = instrument_key(instrument.segment, instrument.security_id)
        if limits.looks_at_others(policy):
            found = dict(exposures(draft, account.account))
        mine = _exposure(draft, account.account, key, without=own.leader_order_id)
        found.pop(key, None)
        if mine is not None:
            found[key] = mine
    return limits.Standing(
        exposures=found,
        open_orders=open_orders,
        placed_last_minute=unsent + len(account.placed) - bisect_right(account.placed, draft.now - MINUTE),
        placed_today=unsent + account.placed_today,
        capital=capital_today(draft, follower.client_id),
        profit_today=account.profit,
    )


def capital_today(draft: Draft, account: str) -> Decimal | None:
    """The capital that limits are held against, in rupees; None: not told today."""
    known = draft.funds.get(account)
    if known is None or known.as_of < day_start(draft.now):
        return None
    return known.available if known.start_of_day is None else known.start_of_day


def exposures(draft: Draft, account: str) -> dict[str, Exposure]:
    """What an account holds and may come to hold by its open copies, by instrument. What the state says is kept until
    something that it hangs on changes; what this step wrote comes on top."""
    index = draft.state.index
    kept: dict[str, Exposure] = index.exposures.setdefault(account, {})
    stale = index.stale.pop(account, None)
    if stale:
        _put(kept, Draft(draft.state, draft.now), account, stale)
    written = _written(draft, account)
    if not written:
        return kept
    found = dict(kept)
    _put(found, draft, account, written)
    return found


def _put(found: dict[str, Exposure], draft: Draft, account: str, keys: Iterable[str]) -> None:
    for key in keys:
        one = _exposure(draft, account, key) if key else None
        if one is not None:
            found[key] = one
        else:
            found.pop(key, None)


def _written(draft: Draft, account: str) -> set[str]:
    """The instruments in which this step has written something that an exposure hangs on."""
    keys = {*draft.quotes.written, *draft.instruments.written}
    keys.update(instrument_of(one) for one in draft.copies.of(account).values() if one)
    keys.update(
        instrument_key(one.segment, one.security_id)
        for one in draft.orders.written.values()
        if one and one.account == account
    )
    for key in draft.positions.written:
        owner, _, rest = key.partition("/")
        if owner == account:
            keys.add(rest.rpartition("/")[0])
    return keys


def _exposure(draft: Draft, account: str, key: str, *, without: str = "") -> Exposure | None:
    """One instrument of an account, the row ``without`` left out; None: flat, with nothing open. Exits count as well:
    an entry on their side reaches further once they have filled."""
    net, price = 0, ZERO
    for here in draft.positions_in(account, key):
        net += here.net
        price = max(price, here.price)
    sides = {Side.BUY: 0, Side.SELL: 0}
    for copy in draft.open_copies_in(account, key):
        if copy.leader_order_id != without and copy.slots and copy.wanted is not None:
            sides[copy.wanted.side] += may_trade(draft, copy)
            price = price or copy.wanted.terms.price
    if not (net or sides[Side.BUY] or sides[Side.SELL]):
        return None
    instrument, quoted = draft.instruments.get(key), draft.quotes.get(key)
    return Exposure(
        net=net,
        open_buy=sides[Side.BUY],
        open_sell=sides[Side.SELL],
        price=(quoted.last_price if quoted is not None else None) or price or None,
        multiplier=instrument.multiplier if instrument else 1,
        lot_size=instrument.lot_size if instrument else 1,
        underlying=instrument.underlying if instrument and instrument.segment.is_derivative else "",
    )


def may_trade(draft: Draft, copy: Copy) -> int:
    """The most that a copy's orders may still trade: by what is wanted, what was asked, and what the broker shows."""
    live = [slot for slot in copy.slots if slot.live]
    if not live:
        return 0
    wanted = copy.wanted.terms.quantity - copy.filled if copy.wanted is not None and not copy.closing else 0
    return max(wanted, sum(_leaves(draft, copy, slot) for slot in live))


def _leaves(draft: Draft, copy: Copy, slot: Slot) -> int:
    order = draft.orders.get(order_key(copy.follower, slot.order_id)) if slot.order_id else None
    shown = order.terms.quantity if order is not None and order.terms is not None else 0
    return max(0, max(slot.asked.quantity, shown) - slot.filled)


def note_prices(draft: Draft, fact: Positions) -> None:
    """What earlier days left, or a person bought, counts at what it was bought or sold for while nothing newer is
    known."""
    paid = [
        (row.segment, row.security_id, row.product, row.buy_average if row.net > 0 else row.sell_average)
        for row in fact.rows
        if row.net
    ]
    for one in fact.holdings:
        segment = Segment.BSE_EQ if one.exchange == "BSE" else Segment.NSE_EQ
        price = one.last_price or one.average
        paid += [(segment, one.security_id, product, price) for product in (Product.CNC, Product.MTF)]
    for segment, security_id, product, price in paid:
        here = draft.positions.get(position_key(fact.account, segment, security_id, product))
        if here is not None and here.net and not here.price and price:
            draft.positions.put(replace(here, price=price))
