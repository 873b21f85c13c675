"""The kill switch of one follower: what trips it, and what it does, in the order that the rules give.

From the moment it is on no entry is placed or enlarged; cancels and exits still follow the leader, unless ``halt``
holds them back. What it has still to do is kept with the account, so that a restart goes on with it.
"""

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.limits import loss_reached
from copyctl.core.state import Draft, Owed, copy_key, instrument_key
from copyctl.model.choices import KillAction
from copyctl.model.effects import Notice
from copyctl.model.facts import Ask, BrokerKillWanted
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Account, Copy
from copyctl.model.terms import Level

BROKER_KILL_AGAIN = 5 * SECOND
"""How often the broker's own kill switch is tried where it does not take it yet."""
NOT_COUNTED = frozenset(
    {
        Category.HALT,
        Category.THROTTLED,
        Category.CONNECTIVITY,
        Category.SESSION,
        Category.AUTHENTICATION,
        Category.ADDRESS,
    }
)
"""Rejections that say nothing of the orders: they do not count as consecutive ones."""


def trip(draft: Draft, rules: Rules, account: str, reason: str, actions: tuple[str, ...] = ()) -> None:
    """Turn the switch on for one follower, with the actions of the rules and these; more of them may come later."""
    known = draft.account(account)
    wanted = list(rules.kill_switch.actions) + [KillAction(word) for word in actions]
    already_on = bool(known.killed_at)
    todo: list[KillAction] = [word for word in KillAction if word in wanted and word is not KillAction.STOP_COPYING]
    if already_on:
        todo = [word for word in todo if word in actions]
    pending = tuple(dict.fromkeys((*known.kill_actions, *(word.value for word in _in_order(rules, todo)))))
    draft.accounts.put(
        replace(
            known,
            killed_at=known.killed_at or draft.now,
            killed_reason=known.killed_reason if already_on else reason,
            kill_actions=pending,
        )
    )
    _alert(draft, account, f"kill switch on: {reason}")


def _in_order(rules: Rules, todo: list[KillAction]) -> list[KillAction]:
    """The rules' own order first, then what was asked for besides."""
    ruled = [word for word in rules.kill_switch.actions if word in todo]
    return ruled + [word for word in todo if word not in ruled]


def release(draft: Draft, account: str) -> None:
    """Turn it off: what was refused stays refused, what was held back is caught up."""
    known = draft.account(account)
    draft.accounts.put(
        replace(known, killed_at=0, killed_reason="", kill_actions=(), halted=False, rejected_in_a_row=0)
    )
    _alert(draft, account, "kill switch off")


def watch(draft: Draft, rules: Rules) -> None:
    """Trip what has to be tripped by what this step brought to light, and go on with what is to be done."""
    for follower in rules.followers:
        account = draft.account(follower.client_id)
        if not account.killed_at:
            reason = _cause(draft, rules, follower, account)
            if reason:
                trip(draft, rules, follower.client_id, reason)
                account = draft.account(follower.client_id)
        if account.kill_actions:
            _act(draft, rules, follower)


def silence_ends_at(draft: Draft, rules: Rules) -> int:
    """When the leader's silence will have lasted as long as the rules allow (ns), 0: he is heard, or no rule."""
    allowed = rules.kill_switch.on_stream_silence
    leader = draft.account(rules.leader.client_id)
    if not allowed or leader.stream_up or not leader.connected_at:
        return 0
    return max(leader.books_at, leader.last_frame_at, leader.connected_at) + allowed


def _cause(draft: Draft, rules: Rules, follower: Follower, account: Account) -> str:
    """Why this follower has to be stopped, "" for not."""
    switch = rules.kill_switch
    most = switch.on_consecutive_rejections
    if most and account.rejected_in_a_row >= most:
        return f"{account.rejected_in_a_row} orders rejected one after the other (on_consecutive_rejections)"
    lost = loss_reached(follower.policy.limits, account.profit)
    if lost:
        return lost
    silent = silence_ends_at(draft, rules)
    if silent and draft.now >= silent and switch.on_stream_silence:
        return f"nothing heard of the leader for {switch.on_stream_silence // SECOND} s (on_stream_silence)"
    return _copies_cause(draft, rules, follower)


def _copies_cause(draft: Draft, rules: Rules, follower: Follower) -> str:
    switch = rules.kill_switch
    written = [one for one in draft.copies.written.values() if one and one.follower == follower.client_id]
    if not written:
        return ""
    most = switch.on_orders_per_leader_order
    for copy in written:
        if most and not copy.exit and _orders(copy) > most:
            return f"{_orders(copy)} orders for leader order {copy.leader_order_id} (on_orders_per_leader_order)"
    limit = switch.on_unresolved_orders
    if limit and any(copy.reason == Reason.UNRESOLVED for copy in written):
        lost = sum(1 for copy in draft.open_copies(follower.client_id) if copy.reason == Reason.UNRESOLVED)
        if lost >= limit:
            return f"{lost} orders of unknown fate (on_unresolved_orders)"
    return ""


def _orders(copy: Copy) -> int:
    """Placements for one leader order, less those that replaced another one of ours."""
    return sum(1 for slot in copy.slots if slot.sent) - sum(1 for slot in copy.slots if slot.retired)


def _act(draft: Draft, rules: Rules, follower: Follower) -> None:
    """Do the next of what the switch has to do; what has to wait for it waits."""
    account = draft.account(follower.client_id)
    for word in account.kill_actions:
        if not _ACTIONS[KillAction(word)](draft, rules, follower):
            break
        left = tuple(one for one in draft.account(follower.client_id).kill_actions if one != word)
        draft.accounts.put(replace(draft.account(follower.client_id), kill_actions=left))


def _cancel_open(draft: Draft, _rules: Rules, follower: Follower) -> bool:
    for copy in draft.open_copies(follower.client_id):
        if not copy.exit and copy.slots and not copy.stopped:
            draft.copies.put(replace(copy, stopped=True))
            draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None
    return True


def _flatten(draft: Draft, _rules: Rules, follower: Follower) -> bool:
    """Close everything copied, what was sold first; entries that rest end first, lest they open it again."""
    _cancel_open(draft, _rules, follower)
    if any(not copy.exit and any(slot.live for slot in copy.slots) for copy in draft.open_copies(follower.client_id)):
        return False
    held = [here for here in draft.positions_of(follower.client_id) if here.copied]
    for here in sorted(held, key=lambda one: one.copied > 0):
        draft.owed.append(Owed(here=here, units=abs(here.copied), why="kill switch: flatten"))
    return True


def _broker(draft: Draft, _rules: Rules, follower: Follower) -> bool:
    """Dhan takes its kill switch only with no order open and no position held (Dhan API v2, kill switch)."""
    busy = bool(draft.open_copies(follower.client_id))
    if busy or any(here.net for here in draft.positions_of(follower.client_id)):
        return False
    account = draft.account(follower.client_id)
    if draft.now - account.broker_asked_at >= BROKER_KILL_AGAIN:
        draft.accounts.put(replace(account, broker_asked_at=draft.now))
        draft.effects.append(Ask(question=BrokerKillWanted(account=follower.client_id)))
    return False  # done when the broker says so


def _halt(draft: Draft, _rules: Rules, follower: Follower) -> bool:
    draft.accounts.put(replace(draft.account(follower.client_id), halted=True))
    return True


_ACTIONS = {
    KillAction.CANCEL_OPEN_ORDERS: _cancel_open,
    KillAction.FLATTEN: _flatten,
    KillAction.BROKER_KILL_SWITCH: _broker,
    KillAction.HALT: _halt,
}


def _alert(draft: Draft, account: str, text: str) -> None:
    draft.notices.append(Notice(at=draft.now, event="alert", level=Level.CRITICAL, text=text, follower=account))


def moved_all(draft: Draft, account: str) -> None:
    """Have all exits of a follower looked at again."""
    for here in draft.positions_of(account):
        draft.moved[(account, instrument_key(here.segment, here.security_id))] = None
