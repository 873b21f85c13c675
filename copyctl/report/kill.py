"""The kill switch, as people read it: what it does, and what rests at the broker while it holds everything back."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from copyctl.model.choices import KillAction
from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.report.figures import number
from copyctl.report.followed import leader_order
from copyctl.report.picture import Picture, Records

Row = dict[str, Any]

ACTIONS: dict[str, str] = {
    KillAction.CANCEL_OPEN_ORDERS: "cancel open entry copies",
    KillAction.FLATTEN: "close copied positions",
    KillAction.BROKER_KILL_SWITCH: "turn on the broker's own kill switch",
    KillAction.HALT: "hold back cancels and exits",
}
"""What the kill switch does besides stopping entries, which goes without saying."""


def kill_words(actions: Iterable[str]) -> list[str]:
    """What the kill switch is to do besides stopping entries, each once. A word that we do not know stands as it is."""
    return [ACTIONS.get(one, str(one)) for one in dict.fromkeys(actions) if one != KillAction.STOP_COPYING]


def resting(records: Records, names: Mapping[str, str], accounts: Set[str]) -> list[Row]:
    """Copies of these accounts that may still trade at the broker, oldest first; ``names``: names by account.

    ``order_id`` is None for one that has left and of which the broker's word is not known yet.
    """
    picture = Picture(records)
    return [
        _resting(copy, slot, names.get(copy.follower, copy.follower), picture)
        for copy in sorted(picture.copies.values(), key=lambda one: one.created_at)
        if copy.follower in accounts
        for slot in copy.slots
        if slot.live and (slot.order_id or slot.sent)
    ]


def _resting(copy: Copy, slot: Slot, name: str, picture: Picture) -> Row:
    order = picture.orders.get((copy.follower, slot.order_id))
    wanted = copy.wanted
    terms = (order.terms if order else None) or slot.asked
    instrument = picture.instrument(wanted.segment, wanted.security_id) if wanted else None
    return {
        "follower": name,
        "leader_order_id": leader_order(copy.leader_order_id),
        "order_id": slot.order_id or None,
        "correlation_id": slot.correlation_id,
        "exchange_segment": wanted.segment.value if wanted else None,
        "security_id": wanted.security_id if wanted else None,
        "symbol": (instrument.symbol or None) if instrument else None,
        "product": wanted.product.value if wanted else None,
        "side": wanted.side.value if wanted else None,
        "leaves": max(0, terms.quantity - slot.filled),
        "order_type": terms.order_type.value,
        "price": number(terms.price),
        "trigger_price": number(terms.trigger_price),
        "exit": copy.exit,
    }
