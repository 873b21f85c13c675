"""Decisions as people and programs read them: the last one on every leader order, for each follower."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from copyctl.core.hours import ist
from copyctl.core.index import instrument_of
from copyctl.core.keys import copy_key, leader_id
from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.lab.trace import trace
from copyctl.model.events import Event
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Decision

Row = dict[str, Any]
_HAS_ORDER = (Decision.COPIED, Decision.QUEUED)


class Decisions:
    """What was decided while a rehearsal went on. ``rules``: those in force; ``written``: as the file has them, with
    the checks for which nobody is asked; ``order_id``: of this order of the leader's alone."""

    def __init__(self, rules: Rules, written: Rules, order_id: str = "") -> None:
        self._rules = rules
        self._written = {one.client_id: one.policy.checks for one in written.followers}
        self._followers = {one.client_id: one for one in rules.followers}
        self._order_id = order_id
        self._copies: dict[str, Copy] = {}
        self._values: dict[str, Decimal] = {}
        self._orders: dict[str, Desired] = {}
        self._traces: dict[str, list[Row]] = {}

    def note(self, event: Event, made: Step, state: State) -> None:
        """One step was made."""
        for change in made.changes:
            copy = change.record
            if isinstance(copy, Copy) and self._order_id in ("", leader_id(copy.leader_order_id)):
                self.take(copy, state, event.at)

    def take(self, copy: Copy, state: State, now: int) -> None:
        """What one row says by now. Its trace is of the moment at which it began to say so."""
        key = copy_key(copy.leader_order_id, copy.follower)
        before = self._copies.get(key)
        self._copies[key] = copy
        self._values[key] = _value(copy, state)
        wanted, largest = copy.wanted, self._orders.get(key)
        if wanted is not None and (largest is None or wanted.terms.quantity >= largest.terms.quantity):
            self._orders[key] = wanted  # what is wanted of an order that is over shrinks to nothing
        if copy.follower in self._followers and (before is None or _said(before) != _said(copy)):
            follower = self._followers[copy.follower]
            self._traces[key] = trace(state, now, self._rules, follower, copy, self._written[copy.follower])

    def copies(self, account: str = "") -> Iterator[Copy]:
        """The rows as they ended, in the order of their first decision."""
        ordered = sorted(self._copies.values(), key=lambda one: (one.created_at, one.leader_order_id, one.follower))
        return (one for one in ordered if account in ("", one.follower))

    def row(self, copy: Copy, names: Mapping[str, str]) -> Row:
        """What was decided of one leader order for one follower. The order stands there where it is copied, or waits;
        ``at``: when it was first decided."""
        key = copy_key(copy.leader_order_id, copy.follower)
        return {
            "follower": names.get(copy.follower, copy.follower),
            "leader_order_id": copy.leader_order_id,
            "at": told(copy.created_at),
            "decision": copy.decision.value,
            "reason": None if copy.reason is None else str(copy.reason),
            "detail": copy.detail,
            "rule": copy.rule,
            "order": order_row(self._orders.get(key)) if copy.decision in _HAS_ORDER else None,
            "filled": copy.filled,
            "value": float(self._values[key]),
            "trace": self._traces.get(key, []),
        }

    def rows(self, names: Mapping[str, str]) -> list[Row]:
        """All of them, oldest first."""
        return [self.row(copy, names) for copy in self.copies()]


def _value(copy: Copy, state: State) -> Decimal:
    """What has traded of it, in rupees."""
    instrument = state.tables["instrument"].get(instrument_of(copy))
    multiplier = instrument.multiplier if isinstance(instrument, Instrument) else 1
    return multiplier * sum((slot.filled * slot.average_price for slot in copy.slots), ZERO)


def _said(copy: Copy) -> tuple[object, ...]:
    return copy.decision, copy.reason, copy.rule


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
        "price": float(terms.price),
        "trigger_price": float(terms.trigger_price),
        "disclosed_quantity": terms.disclosed_quantity,
        "after_market": wanted.after_market,
    }


def totals(rows: Iterable[Row]) -> dict[str, int]:
    """How many rows by decision; every decision is named."""
    counted = Counter(row["decision"] for row in rows)
    return {one.value: counted[one.value] for one in Decision}


def by_reason(rows: Iterable[Row]) -> list[Row]:
    """How many rows each follower has of each decision and reason, and the units and rupees that they traded."""
    found: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        reason = row["reason"] or ""
        key = row["follower"], row["decision"], reason
        one = found.setdefault(
            key,
            {
                "follower": key[0],
                "decision": key[1],
                "reason": row["reason"],
                "orders": 0,
                "quantity": 0,
                "value": Decimal(0),
            },
        )
        one["orders"] += 1
        one["quantity"] += row["filled"]
        one["value"] += Decimal(str(row["value"]))
    return [found[key] | {"value": float(found[key]["value"])} for key in sorted(found)]


def told(moment: int) -> str:
    """A moment (ns) on the Indian clock, as ISO 8601."""
    return ist(moment).isoformat(timespec="milliseconds")
