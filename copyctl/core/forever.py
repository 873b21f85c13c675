"""Forever orders: what their list says by what it lacks.

A forever order that is over drops out of the list without a word, and the row of the order that it became names no
parent. So an armed one that is missing has become the new order beside it that is like it, or is gone: cancelled, or
refused after it was taken. That is concluded of two reads in a row, since the books of one read are not of one moment.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.keys import order_key
from copyctl.core.naming import as_forever, becomes, is_forever, on_their_way
from copyctl.core.state import Draft
from copyctl.model.effects import ReadBooks
from copyctl.model.events import BooksRead
from copyctl.model.order import ExecutionReport, Order, Terms, Version
from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.model.terms import OrderStatus, Source

CLOCKS_DIFFER = 2 * SECOND
"""The broker dates in whole seconds, by a clock of its own."""
TAKEN_WITHIN = 3 * SECOND
"""A forever order that was taken shows in the list by then."""
NEVER_ARMED = "the list of forever orders does not show it armed"


def taken(draft: Draft, copy: Copy, slot: Slot) -> None:
    """The broker has taken a forever order of ours: it is known from now on, for it may trigger before any list shows
    it."""
    if copy.wanted is None or draft.orders.get(order_key(copy.follower, slot.order_id)) is not None:
        return
    draft.put_order(_order_of(draft, copy, slot))


def altered(draft: Draft, account: str, order_id: str, terms: Terms) -> None:
    """The broker has taken a change of a forever order of ours: it may trigger with these terms before any list shows
    them, and after a later change was asked for in vain."""
    order = draft.orders.get(order_key(account, order_id))
    if order is not None and order.armed:
        draft.put_order(replace(order, terms=terms))


def _order_of(draft: Draft, copy: Copy, slot: Slot) -> Order:
    """A forever order as we have asked for it."""
    wanted = copy.wanted
    if wanted is None:
        raise ValueError(f"the copy of {copy.leader_order_id} wants nothing")
    given = (slot.decided_at + draft.account(copy.follower).broker_ahead) // SECOND * SECOND
    return Order(
        account=copy.follower,
        order_id=slot.order_id,
        status=OrderStatus.TRANSIT,
        furthest=OrderStatus.TRANSIT,
        side=wanted.side,
        segment=wanted.segment,
        security_id=wanted.security_id,
        product=wanted.product,
        terms=slot.asked,
        versions=(Version(terms=slot.asked, as_of=draft.now, source=Source.STREAM),),
        created_time=given - CLOCKS_DIFFER,
        seen_at=draft.now,
    )


def _sent(draft: Draft, account: str) -> list[Order]:
    """Forever orders of ours that are not answered yet, as they may be."""
    return [_order_of(draft, copy, slot) for copy, slot in on_their_way(draft, account)]


def without_what_is_in_question(draft: Draft, account: str, rows: Sequence[ExecutionReport]) -> list[ExecutionReport]:
    """The rows of a read without the list, less those that may be what an armed order has become: the list tells. Where
    it cannot be read nothing is in question."""
    known = draft.account(account)
    if not known.special_at or known.special_why:
        return list(rows)
    armed = [*(one for one in draft.forever_of(account) if one.armed), *_sent(draft, account)]
    told = [row for row in rows if not any(_is_it(draft, one, row) for one in armed)]
    if len(told) < len(rows):
        draft.effects.append(ReadBooks(account=account, special=True))
    return told


def by_the_list(draft: Draft, event: BooksRead, armed: Sequence[str]) -> list[ExecutionReport]:
    """The rows of a read, those that forever orders became told of these, with a report of each that is gone."""
    there = set(armed)
    missing = [one for one in draft.forever_of(event.account) if one.armed and one.order_id not in there]
    sent = _sent(draft, event.account)
    rows = [row for row in event.orders if not any(_is_it(draft, one, row) for one in sent)]
    left = []
    for forever in missing:
        place = next((at for at, row in enumerate(rows) if _is_it(draft, forever, row)), None)
        if place is None:
            left.append(forever)
        else:
            rows[place] = as_forever(forever, rows[place])
    gone = [report for one in left if (report := _gone(draft, one, event.asked_at)) is not None]
    for one in draft.forever_of(event.account):
        if one.gone_at and one.order_id in there:
            draft.put_order(replace(one, gone_at=0))
    if any(not one.gone_at for one in left):
        draft.effects.append(ReadBooks(account=event.account, special=True))
    return [*rows, *gone]


def _is_it(draft: Draft, forever: Order, row: ExecutionReport) -> bool:
    is_new = row.source is Source.BOOK and draft.orders.get(order_key(row.account, row.order_id)) is None
    if not is_new or is_forever(row.terms) or draft.name_of(row.account, row.order_id):
        return False
    ours = draft.state.copy_of
    if row.correlation_id in ours or order_key(row.account, row.order_id) in ours:
        return False
    return row.created_time >= forever.created_time and any(becomes(one, row) for one in _as_it_may_be(draft, forever))


def _as_it_may_be(draft: Draft, forever: Order) -> list[Order]:
    """A forever order as it was shown last and, of ours, as it was asked for since."""
    copy = draft.copy_with(forever) if forever.order_id else None
    asked = [slot.asked for slot in copy.slots if slot.order_id == forever.order_id] if copy is not None else []
    return [forever, *(replace(forever, terms=terms) for terms in asked)]


def _gone(draft: Draft, forever: Order, asked_at: int) -> ExecutionReport | None:
    """That it is over, where a read before this one lacked it too. One that never was armed was refused."""
    never_armed = forever.furthest in (None, OrderStatus.TRANSIT)
    if never_armed and asked_at < forever.seen_at + TAKEN_WITHIN:
        return None
    if not forever.gone_at or asked_at <= forever.gone_at:
        draft.put_order(replace(forever, gone_at=forever.gone_at or asked_at))
        return None
    status, text = (OrderStatus.REJECTED, NEVER_ARMED) if never_armed else (OrderStatus.CANCELLED, "")
    return _over(forever.account, forever.order_id, asked_at, status, text)


def _over(account: str, order_id: str, as_of: int, status: OrderStatus, text: str) -> ExecutionReport:
    return ExecutionReport(
        account=account, order_id=order_id, source=Source.BOOK, as_of=as_of, status=status, text=text
    )
