"""Planned: all that other rules would change at this moment, and the hash by which a person agrees to just that.

The hash has four parts, so that who comes with an old one can be told what moved: the new rules, those in force, what
is open and held, and what would be done. A sweep, a quote or the time that passes are in none of them, unless something
else would be done because of it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import msgspec

from copyctl.core.index import is_open
from copyctl.core.state import Draft, State
from copyctl.core.step import Step, step
from copyctl.lab.changes import Action, Change, changes, unread_newcomers
from copyctl.lab.exceeded import Exceeded, exceeded
from copyctl.model.account import Account
from copyctl.model.events import PolicyLoaded, TimeReached
from copyctl.model.policy import Follower, Policy, Rules
from copyctl.model.records import Copy, Position

PART = 8
"""Hexadecimal digits of one part of a hash."""
MOVED = (
    "the rules file that the run reads is another one, or a variable of it has another value there",
    "other rules are in force by now",
    "what is open or held has changed",
    "the same reload would do something else by now",
)
"""What is said when a part is not the same any more, in the order of the parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A follower that stays, with the keys of its part of the file that differ."""

    follower: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a reload would do now. Followers are named by account. ``settings``: keys at the top of the file that
    differ, for everybody; ``unread``: followers of whom nothing can be said yet, for their books were not read."""

    changes: tuple[Change, ...]
    exceeded: tuple[Exceeded, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]
    settings: tuple[str, ...]
    unread: tuple[str, ...]
    hash: str


def planned(state: State, rules: Rules, now: int, *, supposed: bool = False) -> Planned:
    """What these rules would change, were they put in force now; ``state.rules`` are those in force, None: none are.
    ``supposed``: they are not, and what they would make of the state is no change."""
    before = state.rules
    if before is None:
        return compared(state, rules, None)
    as_is = step(state, _loaded(before, now) if supposed else TimeReached(at=now))
    return compared(state, rules, (as_is, step(state, _loaded(rules, now))), now)


def _loaded(rules: Rules, now: int) -> PolicyLoaded:
    return PolicyLoaded(at=now, digest=rules.digest, document="", rules=rules)


def compared(state: State, rules: Rules, steps: tuple[Step, Step] | None, now: int = 0) -> Planned:
    """The same, where both ``steps`` are taken: the one without the new rules, and the one with them."""
    before = state.rules
    followers = {one.client_id: one for one in rules.followers}
    known = {one.client_id: one for one in before.followers} if before is not None else {}
    made = tuple(changes(state, rules, *steps)) if steps is not None else ()
    draft = Draft(state, now)
    return Planned(
        changes=made,
        exceeded=tuple(found for one in rules.followers for found in exceeded(draft, one)),
        added=tuple(name for name in followers if name not in known),
        removed=tuple(name for name in known if name not in followers),
        changed=tuple(_changed(known, rules)),
        settings=tuple(_settings(before, rules)) if before is not None else (),
        unread=tuple(sorted(unread_newcomers(state, rules))),
        hash=_hash(state, rules, made),
    )


def moved_on(promised: str, now: Planned) -> str:
    """Why a plan that was agreed to does not hold any more, in a sentence; "" where it does."""
    if promised == now.hash:
        return ""
    parts = range(0, len(now.hash), PART)
    moved = [
        text for text, at in zip(MOVED, parts, strict=True) if promised[at : at + PART] != now.hash[at : at + PART]
    ]
    told = [text for text in moved if text != MOVED[-1]] or moved  # what follows of another state is no news
    return f"the state moved on since the plan: {'; '.join(told)}. Make a new one: copyctl plan"


def is_hash(text: str) -> bool:
    """Could a plan have this hash?"""
    return len(text) == PART * len(MOVED) and set(text) <= set("0123456789abcdef")


# --- what differs between two files -----------------------------------------------------------------------------------


def _changed(known: Mapping[str, Follower], rules: Rules) -> Iterator[Changed]:
    """The followers that stay and are another way; a new secret is no change that anybody may see."""
    for after in rules.followers:
        before = known.get(after.client_id)
        if before is None:
            continue
        own = [key for key in ("name", "enabled", "person", "source_ip", "renew") if _differs(before, after, key)]
        policy = [f"policy.{one.name}" for one in fields(Policy) if _differs(before.policy, after.policy, one.name)]
        if own or policy:
            yield Changed(follower=after.client_id, keys=(*own, *policy))


def _settings(before: Rules, after: Rules) -> Iterator[str]:
    """What is not about one follower, but for what stands in its policy anyway."""
    apart = ("followers", "policy", "digest", "broker")
    return (one.name for one in fields(after) if one.name not in apart and _differs(before, after, one.name))


def _differs(before: object, after: object, key: str) -> bool:
    return bool(getattr(before, key) != getattr(after, key))


# --- the hash ---------------------------------------------------------------------------------------------------------


def _hash(state: State, rules: Rules, made: Sequence[Change]) -> str:
    in_force = state.rules.digest if state.rules is not None else ""
    done = sorted(
        (one.follower, one.leader_order_id, one.revision, one.action, one.before, one.after)
        for one in made
        if one.action is not Action.NONE
    )
    return "".join(map(_part, (rules.digest, in_force, _there(state), done)))


def _part(what: object) -> str:
    return hashlib.sha256(_JSON.encode(what)).hexdigest()[:PART]


_JSON = msgspec.json.Encoder(decimal_format="string")


def _there(state: State) -> list[object]:
    """Open copies, positions, and what holds an account back, in an order of their own."""
    tables = state.tables
    copies = sorted(
        (
            one.follower,
            one.leader_order_id,
            one.decision,
            one.wanted,
            [(slot.revision, slot.standing, slot.order_id, slot.filled, slot.asked) for slot in one.slots if slot.live],
        )
        for one in tables["copy"].values()
        if isinstance(one, Copy) and is_open(one)
    )
    positions = sorted(
        (one.account, one.segment, one.security_id, one.product, one.net, one.copied, one.target)
        for one in tables["position"].values()
        if isinstance(one, Position) and (one.net or one.copied or one.target)
    )
    accounts = sorted(
        (one.account, bool(one.killed_at), one.halted, bool(one.paused_at), one.kill_actions)
        for one in tables["account"].values()
        if isinstance(one, Account) and (one.killed_at or one.halted or one.paused_at)
    )
    return [copies, positions, accounts]
