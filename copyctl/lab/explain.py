"""Explaining: what would be done with one order of the leader's, for each follower, and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from copyctl.core.keys import leader_id
from copyctl.lab.decisions import Decisions
from copyctl.lab.rehearsal import Rehearsal, World
from copyctl.lab.unasked import without_broker
from copyctl.model.events import FrameRead
from copyctl.model.facts import FactArrived
from copyctl.model.order import ExecutionReport, Fill, Order
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, LeaderOrder, Record
from copyctl.model.request import Request
from copyctl.model.terms import Decision

Row = dict[str, Any]


class Explanation:
    """One order of the leader's, put before the followers as they stand.

    ``records``: what a store holds, {} for a fresh start; what it says of this very order is left out, so that it is
    decided anew. ``asks``: is the broker asked for what only he can tell? Then ``World.fact`` gives None for it, and
    the answers are handed to :meth:`hear`.
    """

    def __init__(
        self,
        rules: Rules,
        order: Sequence[ExecutionReport],
        world: World,
        *,
        at: int,
        records: Mapping[str, Sequence[Record]],
        asks: bool = False,
    ) -> None:
        self._rules = rules if asks else without_broker(rules)
        self._order_id = order[0].order_id
        self._decisions = Decisions(self._rules, rules, self._order_id)
        left = {name: [one for one in rows if not self._is_of_it(one)] for name, rows in records.items()}
        self._rehearsal = Rehearsal(self._rules, world, at=at, records=left, fills=False, watch=self._decisions.note)
        self._rehearsal.take(FrameRead(at=at, account=rules.leader.client_id, raw=b"", reports=tuple(order)))

    def hear(self, answer: FactArrived) -> None:
        """An answer of the broker's."""
        self._rehearsal.take(answer)

    def wait_until(self, moment: int) -> None:
        """Let time pass: what waits for an answer that does not come is decided without it."""
        self._rehearsal.wait_until(moment)

    def rows(self, names: Mapping[str, str], follower: str | None = None) -> list[Row]:
        """One row for each follower, two where the order reverses a position; ``follower``: of this one alone."""
        found = []
        for one in self._rules.followers:
            if follower not in (None, one.name):
                continue
            if not any(self._decisions.copies(one.client_id)):
                self._decisions.take(self._undecided(one.client_id), self._rehearsal.state, self._rehearsal.now)
            found += [self._decisions.row(copy, names) for copy in self._decisions.copies(one.client_id)]
        return found

    def _undecided(self, account: str) -> Copy:
        """Nothing was decided: the order has not come as far as the policy asks."""
        return Copy(
            leader_order_id=self._order_id,
            follower=account,
            decision=Decision.QUEUED,
            detail="the leader's order has not come as far as copy_on asks",
            created_at=self._rehearsal.now,
            updated_at=self._rehearsal.now,
        )

    def _is_of_it(self, record: Record) -> bool:
        tell = _ORDER_OF.get(type(record))
        return tell is not None and leader_id(tell(record)) == self._order_id


_ORDER_OF: Mapping[type, Callable[[Any], str]] = {
    Copy: lambda one: one.leader_order_id,
    LeaderOrder: lambda one: one.order_id,
    Order: lambda one: one.order_id,
    Fill: lambda one: one.order_id,
    Request: lambda one: one.leader_order_id,
}
"""The leader's order that a record is of."""
