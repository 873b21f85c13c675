"""The followers' broker of a rehearsal: takes every order, and fills a copy as its leader order fills, at its price."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.decide import entry_part
from copyctl.core.index import instrument_of
from copyctl.core.keys import leader_id, order_key
from copyctl.core.pretence import dry_outcome, dry_report
from copyctl.core.state import State
from copyctl.model.facts import Quote
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, ExecutionReport, Order
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.request import Outcome, Request
from copyctl.model.terms import OrderStatus, OrderType, Source


class Broker:
    """What each follower has at the broker. Knows nothing of rules; ``shown`` is the newest report of every order, by
    account and order id."""

    def __init__(self) -> None:
        self.shown: dict[tuple[str, str], ExecutionReport] = {}

    def remember(self, orders: Iterable[Order]) -> None:
        """Have the open ones among these orders as they are known. No exit hangs on an entry here but by its terms."""
        for one in orders:
            if not one.over and not one.is_leg:
                self._show(_shown(one))

    def take(self, request: Request, now: int) -> tuple[Outcome, ExecutionReport]:
        """A request arrives: how it ends, and the order as it shows then."""
        report = dry_report(request, now)
        before = self.shown.get((report.account, report.order_id))
        if before is not None:
            report = replace(
                report,
                filled=before.filled,
                average_price=before.average_price,
                correlation_id=report.correlation_id or before.correlation_id,
                side=report.side or before.side,
                segment=report.segment or before.segment,
                security_id=report.security_id or before.security_id,
                product=report.product or before.product,
                terms=report.terms or before.terms,
            )
        self._show(report)
        return dry_outcome(request, now), report

    def book(self, account: str, now: int) -> tuple[ExecutionReport, ...]:
        """An account's order book."""
        return tuple(
            replace(one, source=Source.BOOK, as_of=now, broker_time=max(one.broker_time, 1))
            for (owner, _), one in self.shown.items()
            if owner == account
        )

    def fills(self, state: State, leader: str, now: int) -> Iterator[ExecutionReport]:
        """What has traded of the copies by now, as their leader orders did."""
        for copy in list(state.tables["copy"].values()):
            if isinstance(copy, Copy) and any(slot.live and slot.order_id for slot in copy.slots):
                yield from self._fills_of(state, leader, copy, now)

    def _fills_of(self, state: State, leader: str, copy: Copy, now: int) -> Iterator[ExecutionReport]:
        order = state.tables["order"].get(order_key(leader, leader_id(copy.leader_order_id)))
        lead = state.tables["leader_order"].get(leader_id(copy.leader_order_id))
        his = order if isinstance(order, Order) else None
        price = his.average_price if his is not None and his.average_price else _last_price(state, copy)
        left = _filled_by_now(copy, his, lead if isinstance(lead, LeaderOrder) else None, _lot(state, copy))
        for slot in copy.slots:
            part = min(max(0, left), slot.asked.quantity) if slot.live else 0  # what is over trades no more
            left -= max(part, slot.filled)
            shown = self.shown.get((copy.follower, slot.order_id))
            if shown is None or not slot.live or part <= shown.filled:
                continue
            status = OrderStatus.TRADED if part >= slot.asked.quantity else OrderStatus.PART_TRADED
            yield self._show(
                replace(shown, status=status, filled=part, average_price=price, as_of=now, broker_time=now)
            )

    def _show(self, report: ExecutionReport) -> ExecutionReport:
        self.shown[report.account, report.order_id] = report
        return report


def _shown(order: Order) -> ExecutionReport:
    """An order as its broker would show it."""
    return ExecutionReport(
        account=order.account,
        order_id=order.order_id,
        number=order.number,
        source=Source.BOOK,
        as_of=order.newest_as_of,
        broker_time=order.broker_time,
        status=order.status,
        side=order.side,
        segment=order.segment,
        security_id=order.security_id,
        product=order.product,
        terms=replace(order.terms, bracket=None) if order.terms is not None else None,
        filled=order.filled,
        average_price=order.average_price,
        correlation_id=order.correlation_id,
        super_order=order.super_order,
        bracket=order.bracket,
    )


def _filled_by_now(copy: Copy, order: Order | None, lead: LeaderOrder | None, lot: int) -> int:
    """How many units of a copy have traded once its leader order has traded so far: the same share, in whole lots. What
    has to trade at once does; so does what follows an order that is over."""
    most = sum(slot.filled for slot in copy.slots if not slot.live)
    most += sum(slot.asked.quantity for slot in copy.slots if slot.live)
    if order is None or lead is None or copy.urgent or _at_market(copy):
        return most
    part, part_lead = (order, lead) if copy.exit else entry_part(order, lead)
    whole = min(lead.exits, lead.wish.quantity) if copy.exit and lead.exits else part_lead.wish.quantity
    if order.status is OrderStatus.TRADED or (order.over and part.filled):
        return most
    if whole <= 0 or part.filled <= 0:
        return 0
    return most if part.filled >= whole else int(Decimal(most * part.filled) / whole) // lot * lot


def _at_market(copy: Copy) -> bool:
    """Does it trade the moment that it arrives?"""
    return any(slot.live and slot.asked.order_type is OrderType.MARKET for slot in copy.slots)


def _lot(state: State, copy: Copy) -> int:
    found = state.tables["instrument"].get(instrument_of(copy))
    return found.lot_size if isinstance(found, Instrument) else 1


def _last_price(state: State, copy: Copy) -> Decimal:
    """What it trades at where its leader order says nothing: its own price, or the last one that is known."""
    wanted = copy.wanted
    if wanted is None:
        return ZERO
    quote = state.tables["quote"].get(instrument_of(copy))
    known = quote.last_price if isinstance(quote, Quote) else None
    return wanted.terms.price or known or ZERO
