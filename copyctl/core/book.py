"""The order book: execution reports folded into what each order is now.

The fold is a join: reports may come twice, a thousand times, or in any order, and the picture is the same. It rests on
what can only grow: the cumulative filled quantity, the furthest status, and terms by the broker's own time. The
broker's clock counts whole seconds, so terms of one second are told apart by when we first saw them; a row of the
book that was asked for later settles it.
"""

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.model.order import ExecutionReport, Order, Terms, Version
from copyctl.model.terms import OrderStatus, Source


def fold(order: Order | None, report: ExecutionReport) -> Order:
    """The picture after one more report of the same account and order; the same object when it tells nothing new."""
    before = order if order is not None else Order(account=report.account, order_id=report.order_id)
    when = report.broker_time or report.as_of // SECOND * SECOND
    newest = (when, report.as_of, report.text, report.status or "") >= (
        before.broker_time,
        before.newest_as_of,
        before.text,
        before.newest_status or "",
    )
    newest_status = report.status if newest else before.newest_status
    quoted = report.last_price is not None and (report.as_of, report.last_price) >= (
        before.last_price_at,
        before.last_price or 0,
    )
    filled, average = max((before.filled, before.average_price), (report.filled, report.average_price))
    versions, terms_time = _versions(before, report, when)
    stream_rejection = report.status is OrderStatus.REJECTED and report.source is Source.STREAM
    furthest = before.furthest if stream_rejection else _further(before.furthest, report.status)
    rejected_on_stream = before.rejected_on_stream or stream_rejection
    after_market = before.after_market or report.after_market
    bracket, bracket_at = before.bracket, before.bracket_at
    if report.bracket is not None and report.as_of >= bracket_at:
        bracket, bracket_at = report.bracket, report.as_of
    words = before.unknown_words
    if report.status is None and report.status_text and report.status_text not in words:
        words = tuple(sorted((*words, report.status_text)))
    after = replace(
        before,
        furthest=furthest,
        rejected_on_stream=rejected_on_stream,
        newest_status=newest_status,
        status=_status(furthest, newest_status, rejected=rejected_on_stream, after_market=after_market, filled=filled),
        unknown_words=words,
        side=before.side or report.side,
        segment=before.segment or report.segment,
        security_id=before.security_id or report.security_id,
        product=before.product or report.product,
        terms=replace(versions[0].terms, bracket=bracket) if versions else None,
        bracket=bracket,
        bracket_at=bracket_at,
        number=before.number or report.number,
        versions=versions,
        terms_time=terms_time,
        filled=filled,
        average_price=average,
        correlation_id=before.correlation_id or report.correlation_id,
        leg=report.leg if order is None or (before.forever and report.source is Source.BOOK) else before.leg,
        parent_id=before.parent_id or report.parent_id,
        super_order=before.super_order or report.super_order,
        after_market=after_market,
        amo_time=before.amo_time or report.amo_time,
        platform=before.platform or report.platform,
        text=report.text if newest else before.text,
        category=max(filter(None, (before.category, report.category)), default=None),
        hint=before.hint or report.instrument,
        last_price=report.last_price if quoted else before.last_price,
        last_price_at=report.as_of if quoted else before.last_price_at,
        triggered=before.triggered or report.status is OrderStatus.TRIGGERED,
        created_time=before.created_time or report.created_time,
        broker_time=when if newest else before.broker_time,
        newest_as_of=report.as_of if newest else before.newest_as_of,
        book_as_of=max(before.book_as_of, report.as_of if report.source is Source.BOOK else 0),
        seen_at=min(before.seen_at or report.as_of, report.as_of),
    )
    return before if order is not None and after == before else after


def _freshness(version: Version) -> tuple[int, bool, str]:
    return version.as_of, version.source is Source.BOOK, repr(version.terms)


def _versions(order: Order, report: ExecutionReport, when: int) -> tuple[tuple[Version, ...], int]:
    """The terms seen with the newest broker time, newest first. A frame counts from when it first came, so that a
    repetition of an older one changes nothing; a row of the book counts from the last time that it was asked for."""
    if report.terms is None or when < order.terms_time:
        return order.versions, order.terms_time
    told = Version(terms=report.terms, as_of=report.as_of, source=report.source)
    if when > order.terms_time:
        return (told,), when
    known = next((one for one in order.versions if (one.terms, one.source) == (told.terms, told.source)), None)
    pick = min if report.source is Source.STREAM else max
    if known is not None and pick(known.as_of, told.as_of) == known.as_of:
        return order.versions, when
    versions = [told, *(one for one in order.versions if one is not known)]
    if len(versions) > 1:
        versions.sort(key=_freshness, reverse=True)
    return tuple(versions), when


def only_seen_again(before: Order, after: Order) -> bool:
    """Does ``after`` tell nothing more than that the order was seen once more as it is?"""
    if not before.book_as_of or _shown(before) != _shown(after):
        return False
    return before == replace(
        after,
        versions=before.versions,
        book_as_of=before.book_as_of,
        bracket_at=before.bracket_at,
        newest_as_of=before.newest_as_of,
        last_price_at=before.last_price_at,
        seen_at=before.seen_at,
    )


def _shown(order: Order) -> list[tuple[Terms, Source]]:
    return [(version.terms, version.source) for version in order.versions]


def _further(known: OrderStatus | None, told: OrderStatus | None) -> OrderStatus | None:
    """The later of two in an order's life. A stop that has triggered rests on: PENDING again."""
    if told is OrderStatus.TRIGGERED:
        told = OrderStatus.PENDING
    if known is None or told is None:
        return known or told
    return max(known, told, key=lambda status: status.progress)


def _status(
    furthest: OrderStatus | None, newest: OrderStatus | None, *, rejected: bool, after_market: bool, filled: int
) -> OrderStatus | None:
    """What the order is, by all that was told of it."""
    if rejected and not filled and (furthest in (None, OrderStatus.TRANSIT) or (after_market and not _final(furthest))):
        return OrderStatus.REJECTED
    if filled and not _final(furthest):
        return OrderStatus.PART_TRADED
    if furthest is OrderStatus.PENDING and newest is OrderStatus.TRIGGERED:
        return newest
    return furthest


def _final(status: OrderStatus | None) -> bool:
    return status is not None and status.is_final
