"""Changes: what becomes of every open copy when other rules come in force.

Two steps are taken from the same state and set beside each other: one in which nothing but the moment has come, one in
which the rules have. What the second does and the first does not is what the rules do. Both are thrown away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from copyctl.core.index import is_open
from copyctl.core.keys import instrument_key, leader_id, order_key
from copyctl.core.pursue import request_id
from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.model.account import Account
from copyctl.model.order import Order, Terms
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, Record
from copyctl.model.request import RequestKind
from copyctl.model.terms import Decision, Product, Segment, Side

WAITS = -1
"""In the place of a placement's revision: what is wanted of a copy that has none yet."""
KEPT = "it keeps the decision that it was made with"


class Action(StrEnum):
    """What becomes of an order."""

    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One order as it is, or would be, asked for: its total. ``terms`` None: its size is not decided yet."""

    side: Side | None
    segment: Segment | None
    security_id: str | None
    product: Product | None
    terms: Terms | None
    after_market: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one order of a follower. ``revision``: of the placement, ``WAITS`` for what has none yet;
    ``order_id``: the broker's, "" where there is none; ``reason``: in a sentence."""

    follower: str
    leader_order_id: str
    revision: int
    order_id: str
    symbol: str
    action: Action
    before: Wanted | None
    after: Wanted | None
    reason: str


def changes(state: State, rules: Rules, as_is: Step, would: Step) -> list[Change]:
    """Every order of an open copy, with what becomes of it under the new ``rules``: those that stay as they are too.

    Left out: a follower that would be new, and whose books nobody has read.
    """
    now, then = _Picture(state, as_is), _Picture(state, would)
    unread = unread_newcomers(state, rules)
    found: list[Change] = []
    for key in _keys(state, as_is, would):
        before, after = now.copy(key), then.copy(key)
        one = after or before
        if one is None or one.follower in unread:
            continue
        symbol = _symbol(state, one)
        for revision, was, will in _pairs(now.orders(before), then.orders(after)):
            action = _action(was, will)
            found.append(
                Change(
                    follower=one.follower,
                    leader_order_id=one.leader_order_id,
                    revision=revision,
                    order_id=_order_id(one, revision),
                    symbol=symbol,
                    action=action,
                    before=was,
                    after=will,
                    reason=_reason(now, then, before, after, action),
                )
            )
    return found


def unread_newcomers(state: State, rules: Rules) -> set[str]:
    """The accounts that these rules would add and whose books were not read: nothing can be said of them yet."""
    before = {one.client_id for one in state.rules.followers} if state.rules is not None else set()
    added = {one.client_id for one in rules.followers} - before
    return {name for name in added if not _account(state.tables["account"].get(name), name).ready}


class _Picture:
    """The state as it would be after one step."""

    def __init__(self, state: State, made: Step) -> None:
        self._state = state
        self._written = {(one.table, one.key): one.record for one in made.changes}
        self._told = {(one.leader_order_id, one.follower): one.text for one in made.notices if one.event == "alert"}

    def record(self, table: str, key: str) -> Record | None:
        name = (table, key)
        return self._written[name] if name in self._written else self._state.tables[table].get(key)

    def copy(self, key: str) -> Copy | None:
        found = self.record("copy", key)
        return found if isinstance(found, Copy) else None

    def account(self, name: str) -> Account:
        return _account(self.record("account", name), name)

    def alert(self, copy: Copy) -> str:
        """What people would be told of a copy, "" for nothing."""
        return self._told.get((copy.leader_order_id, copy.follower), "")

    def orders(self, copy: Copy | None) -> dict[int, Wanted]:
        """The orders that are asked for with a copy, by revision: those that are not being cancelled."""
        if copy is None:
            return {}
        staying = (
            slot
            for slot in copy.slots
            if slot.live
            and not slot.cancel_asked
            and self.record("request", request_id(slot, RequestKind.CANCEL)) is None
        )
        found = {slot.revision: self._wanted(copy, slot.asked) for slot in staying}
        if found or copy.decision is not Decision.QUEUED or any(slot.live for slot in copy.slots):
            return found
        return {WAITS: self._wanted(copy, copy.wanted.terms if copy.wanted is not None else None)}

    def _wanted(self, copy: Copy, terms: Terms | None) -> Wanted:
        of = copy.wanted
        if of is not None:
            return Wanted(
                side=of.side,
                segment=of.segment,
                security_id=of.security_id,
                product=of.product,
                terms=terms,
                after_market=of.after_market,
            )
        leader = _leader_order(self._state, copy)
        return Wanted(
            side=leader.side if leader is not None else None,
            segment=leader.segment if leader is not None else None,
            security_id=leader.security_id if leader is not None else None,
            product=leader.product if leader is not None else None,
            terms=terms,
        )


def _keys(state: State, *steps: Step) -> Iterator[str]:
    """The copies that are open, then those that a step makes or changes."""
    open_now = {key: None for key, one in state.tables["copy"].items() if isinstance(one, Copy) and is_open(one)}
    written = {one.key: None for made in steps for one in made.changes if one.table == "copy"}
    return iter({**open_now, **written})


def _pairs(now: dict[int, Wanted], then: dict[int, Wanted]) -> Iterator[tuple[int, Wanted | None, Wanted | None]]:
    """Each order as it is and as it would be. What waits and what was placed for it are one, whichever comes first."""
    if WAITS in now or WAITS in then:
        was, will = next(iter(now.items()), None), next(iter(then.items()), None)
        revision = max(one[0] for one in (was, will) if one is not None)
        yield revision, was and was[1], will and will[1]
        now, then = dict(list(now.items())[1:]), dict(list(then.items())[1:])
    for revision in {**now, **then}:
        yield revision, now.get(revision), then.get(revision)


def _action(was: Wanted | None, will: Wanted | None) -> Action:
    if was == will:
        return Action.NONE
    if was is None:
        return Action.PLACE
    return Action.CANCEL if will is None else Action.MODIFY


def _reason(now: _Picture, then: _Picture, before: Copy | None, after: Copy | None, action: Action) -> str:
    """Why, in the words of the copy as it would be."""
    if after is None:
        return "it is not wanted"
    account = then.account(after.follower)
    if action is not Action.NONE and account.killed_at and not now.account(after.follower).killed_at:
        return f"kill switch: {account.killed_reason}"
    if before is None or (before.decision, before.reason) != (after.decision, after.reason):
        said = f"{after.decision} ({after.reason})" if after.reason else str(after.decision)
        return f"{said}: {after.detail}" if after.detail else said
    if action is Action.NONE:
        return KEPT
    return then.alert(after) or after.given_up or after.urgent or after.stuck or after.detail


def _order_id(copy: Copy, revision: int) -> str:
    return copy.slots[revision].order_id if 0 <= revision < len(copy.slots) else ""


def _symbol(state: State, copy: Copy) -> str:
    """What it trades, as people call it."""
    leader = _leader_order(state, copy)
    of = copy.wanted or leader
    if of is None or of.segment is None or of.security_id is None:
        return ""
    instrument = state.tables["instrument"].get(instrument_key(of.segment, of.security_id))
    return str(getattr(instrument, "symbol", "") or of.security_id)


def _leader_order(state: State, copy: Copy) -> Order | None:
    if state.rules is None:
        return None
    found = state.tables["order"].get(order_key(state.rules.leader.client_id, leader_id(copy.leader_order_id)))
    return found if isinstance(found, Order) else None


def _account(found: Record | None, name: str) -> Account:
    return found if isinstance(found, Account) else Account(account=name)
