"""Observing: what a report of an order means for the leader's wish or for a follower's copy."""

from collections.abc import Iterable

from msgspec.structs import replace

from copyctl.core import halts, settle
from copyctl.core.book import fold, only_seen_again
from copyctl.core.hours import SECOND, ist
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.naming import named, order_of_fill
from copyctl.core.native_legs import adopt_leg, adopt_legs, as_shown, ended_by_the_broker
from copyctl.core.parts import claim, fitted, place_of
from copyctl.core.positions import SHORTLY, traded
from copyctl.core.pursue import request_id, with_slot
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.core.wish import first_wish, next_wish, same_order
from copyctl.model.alerts import Alert
from copyctl.model.effects import AskInstrument, Notice, ReadBooks
from copyctl.model.order import ExecutionReport, Fill, Order
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category, rejected
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.request import RequestKind, RequestState
from copyctl.model.terms import Book, Leg, OrderStatus, Source, Validity

NEWEST = 20
"""So many of the leader's last orders in an instrument tell whether he was at it just now."""
SEEN_AT_CONNECT = 2 * SECOND
"""A change that the broker dates after the last connect less this is not late, whatever the clocks say."""
_RESTING = (OrderStatus.PENDING, OrderStatus.TRIGGERED, OrderStatus.PART_TRADED)
TRUSTED_AFTER = 2 * SECOND
"""A book that was asked for this long after a change was acknowledged shows whether it took place."""


def observe(draft: Draft, rules: Rules, reports: Iterable[ExecutionReport]) -> None:
    """Fold reports into the books, and mark what they touch for another look at what is wanted."""
    for one in reports:
        report = named(draft, one)
        if report is not None:
            _observe(draft, rules, report)
        elif one.source is Source.STREAM:
            draft.effects.append(ReadBooks(account=one.account, special=True))


def _observe(draft: Draft, rules: Rules, report: ExecutionReport) -> None:
    before = draft.orders.get(order_key(report.account, report.order_id))
    order = fold(before, report)
    if order is before:
        return
    if report.source is Source.STREAM:
        _doubt(draft, order, report)
    is_leader = report.account == rules.leader.client_id
    if before is not None and only_seen_again(before, order):
        if not is_leader:
            adopt_leg(draft, order)
            _follower_order(draft, order, before)
        return
    draft.put_order(order)
    if order.unknown_words and (before is None or before.unknown_words != order.unknown_words):
        _unknown_word(draft, order)
    units = order.filled - (before.filled if before else 0)
    if units and report.source is Source.STREAM:
        draft.effects.append(ReadBooks(account=report.account, special=order.super_order))
    if is_leader:
        _leader_order(draft, order)
        if units:
            halts.leader_traded(draft, rules, order)
        return
    adopt_leg(draft, order)
    if units:
        _follower_traded(draft, order, units)
    _follower_order(draft, order, before)


def _doubt(draft: Draft, order: Order, report: ExecutionReport) -> None:
    """Have the books read where a frame leaves something open; it never tells the exits that hang on an entry."""
    if order.doubtful or _may_be_newer(order, report):
        draft.effects.append(ReadBooks(account=report.account))
    if order.super_order and not order.is_leg and not (order.over and order.bracket):
        draft.effects.append(ReadBooks(account=report.account, special=True))


def learned(draft: Draft, rules: Rules, before: Order, order: Order) -> None:
    """An order turned out to be otherwise than it was known, with no report that says so."""
    draft.put_order(order)
    if order.account == rules.leader.client_id:
        _leader_order(draft, order)
    else:
        _follower_order(draft, order, before)


def _follower_traded(draft: Draft, order: Order, units: int) -> None:
    """A follower's account traded, by a copy or by hand: its position is another one now."""
    copy = draft.copy_with(order)
    wanted = copy.wanted if copy is not None else None
    traded(draft, order, wanted.product if wanted is not None else order.product, units)
    if copy is None and order.segment is not None and order.security_id is not None:
        draft.moved[(order.account, instrument_key(order.segment, order.security_id))] = None


def _may_be_newer(order: Order, report: ExecutionReport) -> bool:
    """Does a frame show other terms of the same second of the broker's clock? It may be an old one that comes again,
    or the leader's way back to terms that he had before: the book knows."""
    when = report.broker_time or report.as_of
    shown = order.versions[0].terms if order.versions else None
    return report.terms is not None and report.terms != shown and when == order.terms_time


def note_fills(draft: Draft, fills: Iterable[Fill]) -> None:
    """Keep each trade once, however often the trade book shows it."""
    for fill in fills:
        key = f"{fill.account}/{fill.key}"
        if draft.fills.get(key) is not None:
            continue
        draft.fills.put(fill)
        order = order_of_fill(draft, fill)
        copy = draft.copy_with(order) if order else None
        draft.notices.append(
            Notice(
                at=draft.now,
                event="fill",
                text=f"{fill.side} {fill.quantity} at {fill.price:f}",
                leader_order_id=copy.leader_order_id if copy else "",
                follower=copy.follower if copy else "",
                facts={
                    "account": fill.account,
                    "order_id": fill.order_id,
                    "trade_id": fill.trade_id,
                    "side": fill.side,
                    "quantity": fill.quantity,
                    "price": f"{fill.price:f}",
                    "traded_at": ist(fill.traded_at).isoformat(),
                },
            )
        )


def _unknown_word(draft: Draft, order: Order) -> None:
    account = draft.account(order.account)
    draft.accounts.put(replace(account, unknown_status=account.unknown_status + 1))
    draft.effects.append(ReadBooks(account=order.account))


def _leader_order(draft: Draft, order: Order) -> None:
    """Keep what the leader wishes, and have every follower looked at."""
    if order.terms is None or order.segment is None or order.security_id is None:
        return
    lead = draft.leader_orders.get(order.order_id)
    if lead is None:
        lead = LeaderOrder(
            order_id=order.order_id,
            wish=first_wish(order, order.terms),
            seen=order.terms,
            first_seen_at=draft.now,
            unseen_for=_unseen_for(draft, order),
            filled_at_first=order.filled,
            instrument=instrument_key(order.segment, order.security_id),
            recently=_recently(draft, order),
        )
        if draft.instruments.get(instrument_key(order.segment, order.security_id)) is None:
            draft.effects.append(AskInstrument(segment=order.segment, security_id=order.security_id))
    else:
        lead = next_wish(lead, order.terms)
    draft.leader_orders.put(lead)
    draft.leads_moved[order.order_id] = None
    draft.touched[order.order_id] = None


def _recently(draft: Draft, order: Order) -> bool:
    """Did the leader trade or order the same instrument shortly before?"""
    if order.segment is None or order.security_id is None:
        return False
    key = instrument_key(order.segment, order.security_id)
    return any(_just_now(draft, order, other) for other in draft.newest_leads_in(key, NEWEST)) or any(
        _just_now(draft, order, other) for other in draft.open_leads_in(order.account, key)
    )


def _just_now(draft: Draft, order: Order, other: LeaderOrder) -> bool:
    known = draft.orders.get(order_key(order.account, other.order_id))
    return known is not None and draft.now - known.newest_as_of < SHORTLY


def _unseen_for(draft: Draft, order: Order) -> int:
    """How long ago it happened, where it happened before we were looking; by the broker's own clock."""
    account = draft.account(order.account)
    if account.stream_up and order.broker_time >= account.connected_at + account.broker_ahead - SEEN_AT_CONNECT:
        return 0
    return max(0, draft.now + account.broker_ahead - order.broker_time)


def _follower_order(draft: Draft, order: Order, before: Order | None) -> None:
    copy = draft.copy_with(order)
    slot = place_of(copy, order) if copy is not None else None
    if copy is None or slot is None:
        return
    if order.accepted and (before is None or not before.accepted):
        _taken(draft, order)
    _take_in(draft, copy, slot, order)
    if order.filled and (before is None or not before.filled):
        _early_fill(draft, copy, order)


def recognise(draft: Draft, leader_order_id: str, account: str, revision: int) -> None:
    """Take in what is known already of the order that a placement turned out to be."""
    copy = draft.copies.get(copy_key(leader_order_id, account))
    if copy is None:
        return
    placed = copy.slots[revision]
    named = (
        draft.orders.get(order_key(account, slot.order_id))
        for slot in copy.slots
        if slot.order_id and slot.correlation_id == placed.correlation_id
    )
    for order in [*filter(None, named), *draft.orders_with(account, placed.correlation_id)]:
        copy = draft.copies.get(copy_key(leader_order_id, account))
        slot = place_of(copy, order) if copy is not None else None
        if copy is None or slot is None:
            continue
        if order.accepted:
            _taken(draft, order)
        _take_in(draft, copy, slot, order)


def _taken(draft: Draft, order: Order) -> None:
    """The exchange took an order of this account: rejections before it are no row of them any more."""
    halts.taken(draft, order)
    account = draft.account(order.account)
    if account.rejected_in_a_row:
        draft.accounts.put(replace(account, rejected_in_a_row=0))


def _take_in(draft: Draft, before: Copy, slot: Slot, order: Order) -> None:
    """Put what a follower's order shows into the placement that it is."""
    copy = settle.found(draft, before, slot)
    if slot.cut and not slot.order_id:
        copy = claim(copy, slot, order.order_id, order.terms.quantity if order.terms else slot.cut, draft.now)
    copy = fitted(copy, copy.slots[slot.revision], order)
    slot = copy.slots[slot.revision]
    placing = draft.requests.get(request_id(slot, RequestKind.PLACE)) is not None
    slot = replace(
        slot,
        order_id=order.order_id,
        filled=order.filled,
        average_price=order.average_price,
        asked_at=slot.asked_at if placing or slot.asked_at else draft.now,
    )
    if slot.asked_at < order.book_as_of and order.status in _RESTING:
        slot = replace(slot, rests=True)
    slot = _confirmed(draft, copy, as_shown(_as_triggered(draft, slot, order), order), order)
    copy = _ended(draft, copy, slot, order) if order.over else _open(copy, slot)
    if copy != before:
        draft.copies.put(replace(copy, updated_at=draft.now))
        adopt_legs(draft, copy, copy.slots[slot.revision])
    if copy != before or slot.ends_itself:
        draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def _as_triggered(draft: Draft, slot: Slot, order: Order) -> Slot:
    """A forever order of ours that has triggered is an order of the day from now on: what waits for it goes there, and
    a change that waits changes nothing any more."""
    if slot.book is not Book.FOREVER or not order.number:
        return slot
    cancel = draft.requests.get(request_id(slot, RequestKind.CANCEL))
    if cancel is not None and cancel.state is RequestState.QUEUED and not cancel.number:
        draft.requests.put(replace(cancel, number=order.number, book=Book.DAY, leg=Leg.ENTRY, due_at=0))
    modify = draft.requests.get(request_id(slot, RequestKind.MODIFY))
    if modify is None or modify.state is not RequestState.QUEUED or modify.number:
        return slot
    draft.requests.drop(modify.request_id)
    return replace(slot, asked=modify.before or slot.asked)


def _open(copy: Copy, slot: Slot) -> Copy:
    """It is there and may trade; one that we had given up (absent, rejected) is there after all."""
    if slot.standing is Standing.REJECTED and copy.reason == rejected(Category(slot.rejected_as)):
        copy = settle.is_copied(copy)
    return with_slot(copy, replace(slot, standing=Standing.WORKING))


def _ended(draft: Draft, copy: Copy, slot: Slot, order: Order) -> Copy:
    cancelling = slot.cancel_asked or draft.requests.get(request_id(slot, RequestKind.CANCEL)) is not None
    slot = replace(slot, cancel_asked=cancelling)
    for kind in RequestKind:
        request = draft.requests.get(request_id(slot, kind))
        answer_is_due = request is not None and request.state is RequestState.SENT and kind is RequestKind.PLACE
        if request is not None and not answer_is_due:
            draft.requests.drop(request.request_id)
    if slot.standing in (Standing.ENDED, Standing.REJECTED):
        return with_slot(copy, slot)
    if order.status is OrderStatus.REJECTED:
        return settle.refused_later(draft, copy, slot, order.category or Category.UNKNOWN, order.text)
    cancelled = order.status is OrderStatus.CANCELLED and slot.filled < slot.asked.quantity
    validities = (slot.asked.validity, order.terms.validity if order.terms is not None else None)
    by_us = slot.cancel_asked or slot.retired or copy.closing or Validity.IOC in validities
    by_us |= ended_by_the_broker(draft, slot, order)
    if cancelled and not by_us:
        _by_hand(draft, copy, slot, "cancelled")
    return with_slot(copy, replace(slot, standing=Standing.ENDED, left_alone=cancelled and not by_us))


def _confirmed(draft: Draft, copy: Copy, slot: Slot, order: Order) -> Slot:
    """Compare what the broker shows with what we asked for; a difference that stays is somebody else's doing, or a
    modification that was refused late. It is told, and left alone until the leader changes his order."""
    if order.over or order.terms is None:
        return slot
    trusted = slot.asked_at and slot.asked_at + TRUSTED_AFTER < order.book_as_of <= draft.now  # later: the clock fell
    if slot.cancel_asked and trusted:
        slot = replace(slot, cancel_asked=False, retired=False)  # the cancel was taken, and yet the order is open
    if same_order(slot.asked, order.terms):
        if not slot.confirmed and slot.modifications:
            halts.taken(draft, order)
        return replace(slot, confirmed=True, left_alone=False, changes_refused="")
    kinds = (RequestKind.MODIFY, RequestKind.CANCEL)  # of what is to be cancelled a change may never have left
    pending = any(draft.requests.get(request_id(slot, kind)) is not None for kind in kinds)
    if pending or slot.left_alone or slot.changes_refused or not trusted:
        return slot
    if slot.confirmed:
        _by_hand(draft, copy, slot, "changed")
        return replace(slot, left_alone=True)
    alert(
        draft,
        Alert.CHANGE_REFUSED,
        "the broker refused a modification after it had taken it",
        row=copy.leader_order_id,
        follower=copy.follower,
    )
    return replace(slot, changes_refused="the book still shows the terms from before the modification")


def _by_hand(draft: Draft, copy: Copy, slot: Slot, what: str) -> None:
    text = f"copy {slot.correlation_id} was {what} by hand, by the broker or by the exchange"
    alert(draft, Alert.CHANGED_BY_HAND, text, row=copy.leader_order_id, follower=copy.follower)


def _early_fill(draft: Draft, copy: Copy, order: Order) -> None:
    """The follower traded before the leader did: odd, counted and told, nothing to be done."""
    rules = draft.rules
    leader = draft.orders.get(order_key(rules.leader.client_id, copy.leader_order_id)) if rules else None
    if leader is None or leader.filled or leader.over:
        return
    account = draft.account(order.account)
    draft.accounts.put(replace(account, early_fills=account.early_fills + 1))
    alert(
        draft,
        Alert.EARLY_FILL,
        f"the follower filled {order.filled} before the leader, {ist(draft.now):%H:%M:%S}",
        row=copy.leader_order_id,
        follower=copy.follower,
    )
