"""Dead letters: copies that were given up, and what a person says to that (scenario 9.7).

A retry is checked like a new order, but that no late rule holds: a person asked for it. It is placed under another
correlation id. What is dropped stays dead, and is listed no more.
"""

from msgspec.structs import replace

from copyctl.core.decide import entry_part
from copyctl.core.exit_fate import CLEARED, DEAD, DISPLACED
from copyctl.core.index import instrument_of
from copyctl.core.keys import copy_key, leader_id, order_key
from copyctl.core.pursue import with_slot
from copyctl.core.state import Draft, follower_of
from copyctl.model.effects import Notice
from copyctl.model.events import CommandGiven
from copyctl.model.placement import Standing
from copyctl.model.policy import Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.terms import Decision, Level

BY_HAND = "tried once more, by hand"
MARKS = (CLEARED, DISPLACED)
"""What an exit has tried in vain already: it may once more."""


def retry(draft: Draft, event: CommandGiven) -> None:
    """Have a dead letter tried once more, or say why it cannot be."""
    key = copy_key(event.reason, event.account)
    copy = draft.copies.get(key)
    why = _refusal(draft, draft.rules, copy)
    if copy is None or why:
        _say(draft, event, f"not tried again: {why}", ok=False)
        return
    last = max((slot for slot in copy.slots if slot.standing is Standing.REJECTED), key=lambda slot: slot.revision)
    copy = with_slot(copy, replace(last, retired=True))
    draft.copies.put(
        replace(
            copy,
            decision=Decision.QUEUED,
            reason=Reason.RETRYING,
            detail=BY_HAND,
            checked=None,
            closing=False,
            stopped=False,
            given_up="",
            waits=False,
            wanted_since=draft.now,
            insisted=True,
            told=tuple(word for word in copy.told if word not in MARKS and not word.startswith(DEAD)),
            updated_at=draft.now,
        )
    )
    draft.touched[key] = None
    if copy.exit:
        draft.moved[(copy.follower, instrument_of(copy))] = None
    _say(draft, event, BY_HAND, ok=True)


def drop(draft: Draft, event: CommandGiven) -> None:
    """Take a dead letter off the list."""
    copy = draft.copies.get(copy_key(event.reason, event.account))
    if copy is None or not copy.is_dead_letter:
        _say(draft, event, "not dropped: it is no dead letter", ok=False)
        return
    draft.copies.put(replace(copy, dropped=True, updated_at=draft.now))
    _say(draft, event, "dropped", ok=True)


def _refusal(draft: Draft, rules: Rules | None, copy: Copy | None) -> str:
    """Why a copy cannot be tried again, "" where it can."""
    if copy is None or rules is None or not copy.is_dead_letter:
        return "it is no dead letter"
    if copy.reason == Reason.UNRESOLVED:
        return "nobody knows whether it is at the broker; that is looked for on and on"
    if copy.wanted is None or all(slot.standing is not Standing.REJECTED for slot in copy.slots):
        return "nothing is known of what was wanted"
    account, follower = draft.account(copy.follower), follower_of(rules, copy.follower)
    if follower is None:
        return "the follower is not in the rules"
    if account.held:
        return f"nothing is decided for this follower: {account.held}"
    if copy.exit:
        return "" if _is_owed(draft, rules, copy) else "the leader's exit is over, and nothing of it is owed"
    if account.killed_at:
        return f"the kill switch is on: {account.killed_reason}"
    if not follower.enabled:
        return "the follower is disabled: nothing new is opened for it"
    row = leader_id(copy.leader_order_id)
    leader, lead = draft.orders.get(order_key(rules.leader.client_id, row)), draft.leader_orders.get(row)
    if leader is None or lead is None:
        return "the leader's order is not known any more"
    if leader.over and not entry_part(leader, lead)[0].filled:
        return f"the leader's order is {leader.status} with nothing filled"
    return ""


def _is_owed(draft: Draft, rules: Rules, copy: Copy) -> bool:
    """Does an exit ask for more than it has closed, or may it yet?"""
    leader = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy.leader_order_id)))
    return (leader is not None and not leader.over) or copy.due > copy.filled


def _say(draft: Draft, event: CommandGiven, text: str, *, ok: bool) -> None:
    """What came of the command, for whoever gave it."""
    draft.notices.append(
        Notice(
            at=draft.now,
            event="state",
            level=Level.INFO if ok else Level.WARNING,
            text=f"dead letter {text}",
            leader_order_id=event.reason,
            follower=event.account,
            facts={"command": event.command_id, "ok": ok},
        )
    )
