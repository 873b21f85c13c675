"""Pretence: what a broker would say that takes everything and sends nothing on, each order shown as if it rested.

For dry runs, and for whatever rehearses.
"""

from msgspec.structs import replace

from copyctl.model.order import ExecutionReport
from copyctl.model.request import Fate, Outcome, Request, RequestKind
from copyctl.model.terms import Book, Leg, OrderStatus, Source


def dry_outcome(request: Request, now: int) -> Outcome:
    """What the broker would most likely have said."""
    return Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(_order_id(request),), left_at=now)


def dry_report(request: Request, now: int) -> ExecutionReport:
    """The order as it would show: resting with the terms that were asked for, or cancelled. A super order shows with
    its entry whatever is changed of it; only where one of its exits is cancelled it is that exit which ends."""
    desired = request.desired
    cancelled = request.kind is RequestKind.CANCEL
    of_a_part = request.book is Book.DAY or (request.book is Book.SUPER and cancelled)
    return ExecutionReport(
        account=request.account,
        order_id=_order_id(request),
        source=Source.BOOK,
        as_of=now,
        broker_time=now,
        status=OrderStatus.CANCELLED if cancelled else OrderStatus.PENDING,
        side=desired.side if desired else None,
        segment=desired.segment if desired else None,
        security_id=desired.security_id if desired else None,
        product=desired.product if desired else None,
        terms=replace(desired.terms, bracket=None) if desired else None,
        correlation_id=request.correlation_id,
        leg=request.leg if of_a_part else Leg.ENTRY,
        super_order=request.book is Book.SUPER,
        bracket=desired.terms.bracket if desired else None,
    )


def _order_id(request: Request) -> str:
    return request.order_id or f"dry-{request.correlation_id}"
