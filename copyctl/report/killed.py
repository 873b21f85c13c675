"""What a kill asked of the broker where no run is alive, and what came of each request."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from copyctl.model.effects import Notice
from copyctl.model.order import Order
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy, Position
from copyctl.model.request import Fate, Request, RequestKind, RequestState
from copyctl.model.terms import Decision
from copyctl.report.codes import sentence
from copyctl.report.figures import number
from copyctl.report.followed import leader_order
from copyctl.report.picture import Picture, Records

Row = dict[str, Any]
_Key = tuple[str, str, str]
"""Account, correlation id and kind: one request, however often it was sent."""

NOT_SENT, UNKNOWN, OPEN, REFUSED, REJECTED = "not_sent", "unknown", "open", "refused", "rejected"
_SAID = {
    Fate.ACKNOWLEDGED: (OPEN, "taken by the broker, and the order is open still"),
    Fate.REJECTED: (REFUSED, "refused by the broker"),
    Fate.UNKNOWN: (UNKNOWN, "nobody knows yet what became of it"),
    Fate.NOT_LEFT: (NOT_SENT, "it has not left"),
}
"""How a request stands whose order is not over, by the last answer to it."""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """One request. ``answer``: how the last try ended, with the broker's words; ``waits_for``: what it waits for."""

    leader_order_id: str
    waits_for: str = ""
    attempts: int = 0
    answer: tuple[Fate, str] | None = None


def has_open_entries(picture: Picture, account: str) -> bool:
    """May a copy of an entry of this account still trade at the broker?"""
    return any(
        slot.live and (slot.sent or bool(slot.order_id))
        for copy in picture.copies.values()
        if copy.follower == account and not copy.exit
        for slot in copy.slots
    )


def holds_copied(records: Records, account: str) -> bool:
    """Does this account hold anything that copies built?"""
    positions = (one for one in records["position"] if isinstance(one, Position))
    return any(one.account == account and one.copied for one in positions)


def asked_of_the_broker(
    records: Records, notices: Iterable[Notice], names: Mapping[str, str], unreached: Mapping[str, str]
) -> list[Row]:
    """Every request for these accounts (``names`` by account) and its end, in the order in which they left.

    ``notices``: the lines of what happened; ``unreached``: accounts for which nothing could be sent, and why. ``fate``:
    the broker's word for an order that is over (cancelled, traded, rejected, expired), else open, refused, unknown or
    not_sent.
    """
    picture = Picture(records)
    found: dict[_Key, _Asked] = {}
    for notice in notices:
        if notice.follower in names and notice.event in ("request", "answer"):
            _take(found, notice)
    for one in records["request"]:
        if isinstance(one, Request) and one.account in names and _waits_here(one):
            key = (one.account, one.correlation_id, str(one.kind))
            found.setdefault(key, _Asked(leader_order_id=one.leader_order_id, waits_for=one.waits_for))
    return list(_rows(found, picture, names, unreached))


def _take(found: dict[_Key, _Asked], notice: Notice) -> None:
    facts = notice.facts
    key = (notice.follower, str(facts["correlation_id"]), str(facts["kind"]))
    if notice.event == "request":
        one = found.setdefault(key, _Asked(leader_order_id=notice.leader_order_id))
        one.attempts += 1
    elif key in found:
        fate = Fate(str(facts["fate"]))
        found[key].answer = fate, notice.text.partition(f": {fate}")[2].strip()


def _waits_here(one: Request) -> bool:
    """Has it never left, and does it end or close something?"""
    return one.state is RequestState.QUEUED and not one.attempts and (one.exit or one.kind is RequestKind.CANCEL)


def _rows(
    found: Mapping[_Key, _Asked], picture: Picture, names: Mapping[str, str], unreached: Mapping[str, str]
) -> Iterator[Row]:
    for (account, correlation_id, kind), one in found.items():
        copy = picture.copies.get((one.leader_order_id, account))
        slot = next((slot for slot in copy.slots if slot.correlation_id == correlation_id), None) if copy else None
        if copy is None or slot is None:
            continue
        order = picture.orders.get((account, slot.order_id)) if slot.order_id else None
        wanted = copy.wanted
        instrument = picture.instrument(wanted.segment, wanted.security_id) if wanted else None
        fate, text = (NOT_SENT, unreached[account]) if account in unreached else _end(copy, slot, order, one)
        yield {
            "follower": names[account],
            "leader_order_id": leader_order(one.leader_order_id),
            "order_id": slot.order_id or None,
            "correlation_id": correlation_id,
            "kind": kind,
            "exit": copy.exit,
            "security_id": wanted.security_id if wanted else None,
            "symbol": (instrument.symbol or None) if instrument else None,
            "side": wanted.side.value if wanted else None,
            "quantity": _quantity(slot, order),
            "attempts": one.attempts,
            "fate": fate,
            "text": text,
        }


def _quantity(slot: Slot, order: Order | None) -> int:
    shown = order.terms if order is not None else None
    return (shown or slot.asked).quantity


def _end(copy: Copy, slot: Slot, order: Order | None, one: _Asked) -> tuple[str, str]:
    """How it ended, in a word and in a sentence."""
    fate, said = one.answer or (None, "")
    if order is not None and order.over and order.status is not None:
        price = f" at {number(order.average_price)}" if order.filled else ""
        why = f", {order.text}" if order.text and not order.filled else ""
        return order.status.value.lower(), f"{order.filled} of {_quantity(slot, order)} traded{price}{why}"
    if slot.standing is Standing.REJECTED:
        return REJECTED, said or copy.detail
    if slot.standing is Standing.WITHDRAWN:
        return NOT_SENT, "it was taken back"
    if not one.attempts:
        waits = copy.detail if copy.decision is Decision.QUEUED else ""
        return NOT_SENT, waits or sentence(one.waits_for or None, Decision.QUEUED)
    if fate is None:
        return UNKNOWN, "it was not answered yet"
    word, meaning = _SAID[fate]
    return word, said or meaning
