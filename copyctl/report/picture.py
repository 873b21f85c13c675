"""The records of a journal, so that reports can look them up."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from copyctl.model.account import Account
from copyctl.model.instrument import Instrument
from copyctl.model.order import Fill, Order
from copyctl.model.records import TABLES, Copy, LeaderOrder, Position, Record
from copyctl.model.request import Request
from copyctl.model.terms import Segment

R = TypeVar("R", bound=Record)
K = TypeVar("K", bound=Hashable)

Records = Mapping[str, Sequence[Record]]
"""Records by the name of their table."""


class Picture:
    """Every record by its key. Where a key comes twice the first one counts: the current before the past."""

    def __init__(self, records: Records) -> None:
        self.orders = _keyed(records, Order, lambda one: (one.account, one.order_id))
        self.leads = _keyed(records, LeaderOrder, lambda one: one.order_id)
        self.copies = _keyed(records, Copy, lambda one: (one.leader_order_id, one.follower))
        self.accounts = _keyed(records, Account, lambda one: one.account)
        self.fills = _keyed(records, Fill, lambda one: (one.account, one.key))
        self.requests = _keyed(records, Request, lambda one: one.request_id)
        self.positions = _keyed(records, Position, lambda one: (one.account, one.segment, one.security_id, one.product))
        self._instruments = _keyed(records, Instrument, lambda one: (one.segment, one.security_id))

    def instrument(self, segment: Segment | None, security_id: str | None) -> Instrument | None:
        """What is traded, where the journal knows it."""
        return self._instruments.get((segment, security_id)) if segment and security_id else None


def _keyed(records: Records, kind: type[R], key: Callable[[R], K]) -> dict[K, R]:
    table = next(name for name, made in TABLES.items() if made is kind)
    found: dict[K, R] = {}
    for one in records.get(table, ()):
        if isinstance(one, kind):
            found.setdefault(key(one), one)
    return found
