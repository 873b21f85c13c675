"""Decisions as people and programs read them: one for each leader order and follower."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from copyctl.core.hours import ist
from copyctl.core.state import State
from copyctl.model.records import Copy
from copyctl.model.request import Desired

Row = dict[str, Any]


def order_row(wanted: Desired | None) -> Row | None:
    """The order that a follower would have, in Dhan's words; quantities in units, prices in rupees."""
    if wanted is None:
        return None
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


def decision_row(copy: Copy, names: Mapping[str, str], trace: Iterable[Row] = ()) -> Row:
    """What was decided of one leader order for one follower. The order stands there where it is copied, or waits."""
    return {
        "follower": names.get(copy.follower, copy.follower),
        "leader_order_id": copy.leader_order_id,
        "decision": copy.decision.value,
        "reason": copy.reason,
        "detail": copy.detail,
        "rule": copy.rule,
        "order": order_row(copy.wanted) if copy.decision.value in ("copied", "queued") else None,
        "trace": list(trace),
    }


def rows_of(state: State, names: Mapping[str, str]) -> list[Row]:
    """The last decision on every leader order, oldest first, with ``at``: when it was first decided."""
    copies = (one for one in state.tables["copy"].values() if isinstance(one, Copy))
    ordered = sorted(copies, key=lambda one: (one.created_at, one.leader_order_id, names.get(one.follower, "")))
    return [decision_row(one, names) | {"at": told(one.created_at)} for one in ordered]


def totals(rows: Iterable[Row]) -> dict[str, int]:
    """How many orders by decision."""
    return dict(sorted(Counter(row["decision"] for row in rows).items()))


def told(moment: int) -> str:
    """A moment (ns) on the Indian clock, as ISO 8601."""
    return ist(moment).isoformat(timespec="milliseconds")


def number(value: Decimal) -> float:
    """A price for JSON."""
    return float(value)
