"""Ways into the state: what would else be found by looking at everything.

Kept by ``State.apply`` from each change; whatever is taken back is taken back here too. Values are dictionaries used
as ordered sets of keys.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any

from copyctl.core.keys import instrument_key, leader_id
from copyctl.model.account import Account
from copyctl.model.order import Order
from copyctl.model.records import Copy, LeaderOrder, Position, Record, Spent
from copyctl.model.terms import Decision, Side

Keys = dict[str, None]


def instrument_of(copy: Copy) -> str:
    """The key of the instrument that a copy trades, "" while that is not decided."""
    return instrument_key(copy.wanted.segment, copy.wanted.security_id) if copy.wanted is not None else ""


def is_open(copy: Copy) -> bool:
    """May something of this copy still trade, or be decided?"""
    return copy.waits or copy.decision is Decision.QUEUED or any(slot.live for slot in copy.slots)


def is_settled(copy: Copy) -> bool:
    """Was it placed, and can nothing of it trade any more, or is to be closed by it? What no order was ever placed for
    is never settled: something may turn up at the broker under its ids."""
    if not copy.slots or copy.decision not in _PLACED or is_open(copy) or copy.cut or copy.owed_since:
        return False
    if any(slot.native or slot.asked.bracket is not None for slot in copy.slots):
        return False  # what the broker keeps for it comes to light by itself
    return copy.due <= copy.filled if copy.exit else copy.sizing is not None and not copy.due


_PLACED = frozenset({Decision.COPIED, Decision.DEAD})


def is_calm(account: Account) -> bool:
    """Does nothing become due for this account by time alone, or by what happens to others, but for the end of the day
    and the leader's silence?"""
    known = account.joined and account.positions_at
    shut = account.refused_token or account.trying or account.vouched
    return bool(known) and not (shut or account.kill_actions or account.rejected_in_a_row)


def placements(copy: Copy | None) -> tuple[int, int]:
    """How many of its placements may trade, and how many of these have not left yet."""
    live = unsent = 0
    for slot in copy.slots if copy is not None else ():
        if slot.live:
            live += 1
            unsent += not slot.sent
    return live, unsent


def live_place(account: str, instrument: str, side: Side, *, exits: bool) -> str:
    """Where a follower's copies with open orders on one side of an instrument are found."""
    return f"{account}/{instrument}/{side}/{'exit' if exits else 'entry'}"


def _living(copy: Copy | None) -> str:
    if copy is None or copy.wanted is None or not any(slot.live for slot in copy.slots):
        return ""
    return live_place(copy.follower, instrument_of(copy), copy.wanted.side, exits=copy.exit)


class Index:
    """``leads``: the leader's orders by instrument. ``positions`` by account
    and instrument, ``copies`` likewise. ``open``: copies that may still trade or be decided, by follower.
    ``resting``: orders that are not over, by account and instrument, ``sides``: by side as well. ``timed``: copies
    that are looked at again at a moment of their own (ns). ``baskets``: copies by follower and basket. ``holding``:
    copies for which margin is held, by follower. ``accounts``: positions by account. ``working``: open copies by
    follower and instrument. ``slots``: of a follower's copies, the placements that may trade and those of them that
    have not left. ``spent``: by account, how many requests each minute's record counts. ``forever``: forever orders
    that are not over, by account. ``traded``: orders of which something has traded, by account, instrument and side:
    the broker's time of each and its key, the latest last. ``settled``: the rows of copies that are, by follower and
    instrument, and whether each is an exit; ``unsettled``: the other copies. ``sent``: the rows of copies of which
    anything was sent, by follower. ``split``: leader orders that close something and open the rest, by instrument,
    ``parted``: those of which the rest has a row.
    ``uneasy``: accounts that are not calm; ``days``: how many accounts count for each day.

    ``exposures`` and ``legs`` are what others have worked out of the state by account, kept until something that it
    hangs on changes: then its instrument is in ``stale``, or the account's ``turns`` are others. ``taken``: likewise of
    each copy, kept with the very records that it follows from."""

    def __init__(self) -> None:
        self.leads: dict[str, Keys] = {}
        self.positions: dict[str, Keys] = {}
        self.copies: dict[str, Keys] = {}
        self.open: dict[str, Keys] = {}
        self.timed: dict[str, int] = {}
        self.resting: dict[str, Keys] = {}
        self.sides: dict[str, Keys] = {}
        self.baskets: dict[str, Keys] = {}
        self.holding: dict[str, Keys] = {}
        self.live: dict[str, Keys] = {}
        self.accounts: dict[str, Keys] = {}
        self.working: dict[str, Keys] = {}
        self.slots: dict[str, tuple[int, int]] = {}
        self.spent: dict[str, dict[int, int]] = {}
        self.forever: dict[str, Keys] = {}
        self.traded: dict[str, list[tuple[int, str]]] = {}
        self.settled: dict[str, dict[str, bool]] = {}
        self.unsettled: dict[str, Keys] = {}
        self.sent: dict[str, Keys] = {}
        self.split: dict[str, Keys] = {}
        self.parted: Keys = {}
        self.uneasy: Keys = {}
        self.days: dict[int, int] = {}
        self._given: dict[str, list[tuple[int, int, str]]] = {}
        self._not_sorted: dict[str, Keys] = {}
        self.exposures: dict[str, dict[str, Any]] = {}
        self.stale: dict[str, Keys] = {}
        self.legs: dict[tuple[str, str], Any] = {}
        self.turns: dict[str, int] = {}
        self.taken: dict[str, Any] = {}

    def note(self, table: str, key: str, before: Record | None, after: Record | None) -> None:
        """A record was put in the place of another one; either may be missing."""
        if table == "copy":
            self._copy(key, before, after)  # type: ignore[arg-type]
        elif table == "leader_order":
            self._leader_order(key, before, after)  # type: ignore[arg-type]
        elif table == "order":
            self._order(key, before, after)  # type: ignore[arg-type]
        elif table == "position":
            self._position(key, before, after)  # type: ignore[arg-type]
        elif table == "account":
            self._account(key, before, after)  # type: ignore[arg-type]
        elif table == "spent":
            self._spent(before, after)  # type: ignore[arg-type]
        elif table in ("quote", "instrument"):
            for account, known in self.exposures.items():
                if key in known:
                    self.stale.setdefault(account, {})[key] = None
            if table == "instrument":
                self.legs.clear()

    def _account(self, key: str, before: Account | None, after: Account | None) -> None:
        for one, more in ((before, -1), (after, 1)):
            if one is not None:
                self.days[one.day] = self.days.get(one.day, 0) + more
        if before is not None and not self.days[before.day]:
            del self.days[before.day]
        if after is not None and not is_calm(after):
            self.uneasy[key] = None
        else:
            self.uneasy.pop(key, None)

    def _spent(self, before: Spent | None, after: Spent | None) -> None:
        one: Spent = after or before  # type: ignore[assignment]
        counts = self.spent.setdefault(one.account, {})
        if after is not None:
            counts[one.minute] = len(after.moments)
        else:
            counts.pop(one.minute, None)

    def _position(self, key: str, before: Position | None, after: Position | None) -> None:
        one: Position = after or before  # type: ignore[assignment]
        instrument = instrument_key(one.segment, one.security_id)
        if before is None or after is None:
            _move(self.positions, f"{one.account}/{instrument}", key, there=after is not None)
            _move(self.accounts, one.account, key, there=after is not None)
        self.stale.setdefault(one.account, {})[instrument] = None
        self.turns[one.account] = self.turns.get(one.account, 0) + 1

    def _order(self, key: str, before: Order | None, after: Order | None) -> None:
        was, now = (f"{one.account}/{one.segment}/{one.security_id}" if one else "" for one in (before, after))
        if before is not None and after is not None and (was != now or before.side is not after.side):
            _move(self.resting, was, key, there=False)
            _move(self.sides, f"{was}/{before.side}", key, there=False)
        one: Order = after or before  # type: ignore[assignment]
        there = after is not None and not one.over
        _move(self.resting, now or was, key, there=there)
        _move(self.sides, f"{now or was}/{one.side}", key, there=there)
        _move(self.forever, one.account, key, there=there and one.forever)
        if before is not None and after is not None and before.created_time != after.created_time:
            self._given.clear()
        if before is not None and before.filled:
            times = self.traded[f"{was}/{before.side}"]
            del times[bisect_left(times, (before.broker_time, key))]
        if after is not None and after.filled:
            insort(self.traded.setdefault(f"{now}/{after.side}", []), (after.broker_time, key))

    def _copy(self, key: str, before: Copy | None, after: Copy | None) -> None:
        was, now = (f"{one.follower}/{instrument_of(one)}" if one else "" for one in (before, after))
        one: Copy = after or before  # type: ignore[assignment]
        for place in {was, now} - {""}:
            there = after is not None and place == now
            _move(self.copies, place, key, there=there)
            self._settle(place, key, one, there=there)
        lead = leader_id(one.leader_order_id)
        if lead != one.leader_order_id and after is not None:
            self.parted[lead] = None
        elif lead != one.leader_order_id:
            self.parted.pop(lead, None)
        sent = after is not None and any(slot.sent for slot in after.slots)
        _move(self.sent, one.follower, one.leader_order_id, there=sent)
        if after is None:
            self.taken.pop(key, None)
        if one.basket:
            _move(self.baskets, f"{one.follower}/{one.basket}", key, there=after is not None)
        open_now = after is not None and is_open(after)
        _move(self.open, one.follower, key, there=open_now)
        _move(self.working, now or was, key, there=open_now and bool(now))
        if was != now and was:
            _move(self.working, was, key, there=False)
        for place in {was, now}:
            self.stale.setdefault(one.follower, {})[place.partition("/")[2]] = None
        live, unsent = self.slots.get(one.follower, (0, 0))
        (less_live, less_unsent), (more_live, more_unsent) = placements(before), placements(after)
        self.slots[one.follower] = (live + more_live - less_live, unsent + more_unsent - less_unsent)
        was, now = _living(before), _living(after)
        if was != now:
            if was:
                _move(self.live, was, key, there=False)
            if now:
                _move(self.live, now, key, there=True)
        _move(self.holding, one.follower, key, there=after is not None and bool(after.hold))
        if after is not None and after.due_at and (after.exit or open_now):
            self.timed[key] = after.due_at
        else:
            self.timed.pop(key, None)

    def _settle(self, place: str, key: str, copy: Copy, *, there: bool) -> None:
        settled, row = there and is_settled(copy), copy.leader_order_id
        _move(self.unsettled, place, key, there=there and not settled)
        known = self.settled.setdefault(place, {})
        exits = settled and copy.exit
        if known.get(row, False) is not exits:
            self._not_sorted.setdefault(place, {})[row] = None
        if settled:
            known[row] = exits
        else:
            known.pop(row, None)

    def settled_exits(self, place: str, given: Callable[[str], tuple[int, int, str] | None]) -> Iterator[str]:
        """The rows of a follower's settled exits in an instrument, the newest first by when they were ``given``."""
        times = self._given.get(place)
        settled, fresh = self.settled.get(place, {}), self._not_sorted.pop(place, {})
        if times is None:
            times, fresh = self._given.setdefault(place, []), dict.fromkeys(settled)
        for row in fresh:
            at = given(row)
            if at is None:
                continue
            where = bisect_left(times, at)
            known = where < len(times) and times[where] == at
            if settled.get(row) and not known:
                times.insert(where, at)
            elif known and not settled.get(row):
                del times[where]
        return (row for _, _, row in reversed(times))

    def _leader_order(self, key: str, before: LeaderOrder | None, after: LeaderOrder | None) -> None:
        one: LeaderOrder = after or before  # type: ignore[assignment]
        _move(self.leads, one.instrument, key, there=after is not None)
        split = after is not None and 0 < after.exits < after.wish.quantity
        _move(self.split, one.instrument, key, there=split)


def _move(index: dict[str, Keys], place: str, key: str, *, there: bool) -> None:
    if there:
        index.setdefault(place, {})[key] = None
        return
    keys = index.get(place)
    if keys is not None and key in keys:
        del keys[key]
        if not keys:
            del index[place]
