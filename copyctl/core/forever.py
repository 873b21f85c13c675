"""Forever orders: what their list says by what it lacks.

A forever order that is over drops out of the list without a word, and the row of the order that it became names no
parent. So an armed one that is missing has become the new order beside it that is like it, or is gone: cancelled, or
refused after it was taken. That is concluded of two reads in a row, since the books of one read are not of one moment.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.keys import order_key
from copyctl.core.naming import as_forever, becomes, is_forever
from copyctl.core.state import Draft
from copyctl.model.effects import ReadBooks
from copyctl.model.events import BooksRead
from copyctl.model.order import ExecutionReport, Order
from copyctl.model.request import RequestKind
from copyctl.model.terms import Book, OrderStatus, Source

TAKEN_WITHIN = 3 * SECOND
"""A forever order that was taken shows in the list by then."""
NEVER_ARMED = "the list of forever orders does not show it armed"


def by_the_list(draft: Draft, event: BooksRead, armed: Sequence[str]) -> list[ExecutionReport]:
    """The rows of a read, those that forever orders became told of these, with a report of each that is gone."""
    there = set(armed)
    missing = [one for one in draft.forever_of(event.account) if one.armed and one.order_id not in there]
    rows = list(event.orders)
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
    return [*rows, *gone, *_never_listed(draft, event, there)]


def _is_it(draft: Draft, forever: Order, row: ExecutionReport) -> bool:
    is_new = row.source is Source.BOOK and draft.orders.get(order_key(row.account, row.order_id)) is None
    if not is_new or is_forever(row.terms) or draft.name_of(row.account, row.order_id):
        return False
    return row.created_time >= forever.created_time and becomes(forever, row)


def _gone(draft: Draft, forever: Order, asked_at: int) -> ExecutionReport | None:
    """That it is over, where a read before this one lacked it too. One that never was armed was refused."""
    if not forever.gone_at or asked_at <= forever.gone_at:
        draft.put_order(replace(forever, gone_at=forever.gone_at or asked_at))
        return None
    never_armed = forever.furthest in (None, OrderStatus.TRANSIT)
    status, text = (OrderStatus.REJECTED, NEVER_ARMED) if never_armed else (OrderStatus.CANCELLED, "")
    return _over(forever.account, forever.order_id, asked_at, status, text)


def _over(account: str, order_id: str, as_of: int, status: OrderStatus, text: str) -> ExecutionReport:
    return ExecutionReport(
        account=account, order_id=order_id, source=Source.BOOK, as_of=as_of, status=status, text=text
    )


def _never_listed(draft: Draft, event: BooksRead, there: set[str]) -> list[ExecutionReport]:
    """Forever orders of ours that the broker has taken and that its list never showed: it has refused them since."""
    rules = draft.rules
    if rules is None or event.account == rules.leader.client_id:
        return []
    return [
        _over(event.account, slot.order_id, event.asked_at, OrderStatus.REJECTED, NEVER_ARMED)
        for copy in draft.open_copies(event.account)
        for slot in copy.slots
        if slot.book is Book.FOREVER and slot.live and slot.order_id and slot.order_id not in there
        if draft.orders.get(order_key(event.account, slot.order_id)) is None
        if 0 < slot.asked_at < event.asked_at - TAKEN_WITHIN and not _is_asked(draft, slot.name)
    ]


def _is_asked(draft: Draft, name: str) -> bool:
    """Is a request for this placement on its way?"""
    return any(draft.requests.get(f"{name}/{kind}") is not None for kind in RequestKind)
