"""Ways into the state: what would else be found by looking at everything.

Kept by ``State.apply`` from each change; whatever is taken back is taken back here too. Values are dictionaries used
as ordered sets of keys.
"""

from copyctl.model.order import Order
from copyctl.model.records import Copy, LeaderOrder, Position, Record
from copyctl.model.terms import Decision

Keys = dict[str, None]


def instrument_of(copy: Copy) -> str:
    """The key of the instrument that a copy trades, "" while that is not decided."""
    return f"{copy.wanted.segment}/{copy.wanted.security_id}" if copy.wanted is not None else ""


def is_open(copy: Copy) -> bool:
    """May something of this copy still trade, or be decided?"""
    return copy.waits or copy.decision is Decision.QUEUED or any(slot.live for slot in copy.slots)


class Index:
    """``leads``: the leader's orders by instrument, ``exits``: those that close something. ``positions`` by account
    and instrument, ``copies`` likewise. ``open``: copies that may still trade or be decided, by follower.
    ``resting``: orders that are not over, by account and instrument. ``timed``: copies that are looked at again at a
    moment of their own (ns). ``baskets``: copies by follower and basket. ``holding``: copies for which margin is
    held, by follower. ``accounts``: positions by account."""

    def __init__(self) -> None:
        self.exits: dict[str, Keys] = {}
        self.leads: dict[str, Keys] = {}
        self.positions: dict[str, Keys] = {}
        self.copies: dict[str, Keys] = {}
        self.open: dict[str, Keys] = {}
        self.timed: dict[str, int] = {}
        self.resting: dict[str, Keys] = {}
        self.baskets: dict[str, Keys] = {}
        self.holding: dict[str, Keys] = {}
        self.accounts: dict[str, Keys] = {}

    def note(self, table: str, key: str, before: Record | None, after: Record | None) -> None:
        """A record was put in the place of another one; either may be missing."""
        if table == "copy":
            self._copy(key, before, after)  # type: ignore[arg-type]
        elif table == "leader_order":
            self._leader_order(key, before, after)  # type: ignore[arg-type]
        elif table == "order":
            order: Order = after or before  # type: ignore[assignment]
            _move(
                self.resting,
                f"{order.account}/{order.segment}/{order.security_id}",
                key,
                there=after is not None and not order.over,
            )
        elif table == "position" and (before is None or after is None):
            one: Position = after or before  # type: ignore[assignment]
            _move(self.positions, f"{one.account}/{one.segment}/{one.security_id}", key, there=after is not None)
            _move(self.accounts, one.account, key, there=after is not None)

    def _copy(self, key: str, before: Copy | None, after: Copy | None) -> None:
        was, now = (f"{one.follower}/{instrument_of(one)}" if one else "" for one in (before, after))
        if was != now:
            if was:
                _move(self.copies, was, key, there=False)
            if now:
                _move(self.copies, now, key, there=True)
        one: Copy = after or before  # type: ignore[assignment]
        if one.basket:
            _move(self.baskets, f"{one.follower}/{one.basket}", key, there=after is not None)
        _move(self.open, one.follower, key, there=after is not None and is_open(after))
        _move(self.holding, one.follower, key, there=after is not None and bool(after.hold))
        if after is not None and after.due_at and (after.exit or is_open(after)):
            self.timed[key] = after.due_at
        else:
            self.timed.pop(key, None)

    def _leader_order(self, key: str, before: LeaderOrder | None, after: LeaderOrder | None) -> None:
        one: LeaderOrder = after or before  # type: ignore[assignment]
        _move(self.exits, one.instrument, key, there=after is not None and bool(after.exits))
        _move(self.leads, one.instrument, key, there=after is not None)


def _move(index: dict[str, Keys], place: str, key: str, *, there: bool) -> None:
    if there:
        index.setdefault(place, {})[key] = None
        return
    keys = index.get(place)
    if keys is not None and key in keys:
        del keys[key]
        if not keys:
            del index[place]
