"""The dead letters: copies that were given up, with the order that was wanted and the broker's words."""

from collections.abc import Mapping
from typing import Any

from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.report.codes import sentence
from copyctl.report.figures import number
from copyctl.report.followed import is_entry_part, leader_order
from copyctl.report.moments import told
from copyctl.report.picture import Picture, Records

Row = dict[str, Any]


def letter_id(copy: Copy, names: Mapping[str, str]) -> str:
    """The name of a dead letter, to be typed: the leader's order and the follower."""
    part = "-entry" if is_entry_part(copy.leader_order_id) else ""
    return f"{leader_order(copy.leader_order_id)}{part}-{names.get(copy.follower, copy.follower)}"


def dead_letters(records: Records, names: Mapping[str, str]) -> list[Row]:
    """One row for each, oldest first. ``names``: the followers' names by account."""
    found = sorted(_letters(records), key=lambda copy: (_since(copy), copy.leader_order_id, copy.follower))
    return [_row(copy, names) for copy in found]


def letter(records: Records, names: Mapping[str, str], wanted: str) -> Copy | None:
    """The copy behind a dead letter's name, None for none."""
    return next((copy for copy in _letters(records) if letter_id(copy, names) == wanted), None)


def _letters(records: Records) -> list[Copy]:
    return [copy for copy in Picture(records).copies.values() if copy.is_dead_letter]


def _since(copy: Copy) -> int:
    return copy.dead_at or copy.updated_at


def _row(copy: Copy, names: Mapping[str, str]) -> Row:
    return {
        "id": letter_id(copy, names),
        "leader_order_id": leader_order(copy.leader_order_id),
        "follower": names.get(copy.follower, copy.follower),
        "reason": copy.reason,
        "detail": copy.detail or sentence(copy.reason, copy.decision),
        "order": wanted_order(copy.wanted) if copy.wanted is not None else None,
        "attempts": sum(slot.attempts for slot in copy.slots),
        "created_at": told(_since(copy)),
    }


def wanted_order(wanted: Desired) -> Row:
    """An order as it is wanted, in the words of the broker's REST API."""
    terms = wanted.terms
    return {
        "security_id": wanted.security_id,
        "exchange_segment": wanted.segment.value,
        "side": wanted.side.value,
        "quantity": terms.quantity,
        "order_type": terms.order_type.value,
        "product": wanted.product.value,
        "validity": terms.validity.value,
        "price": number(terms.price),
        "trigger_price": number(terms.trigger_price),
        "disclosed_quantity": terms.disclosed_quantity,
        "after_market": wanted.after_market,
    }
