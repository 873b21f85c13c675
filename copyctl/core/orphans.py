"""Orphans: orders of ours that rest at a follower and that no copy wants.

A store that went back to a backup, two runs in two stores, a person who sent an order of ours once more: then the
follower's book shows an order whose correlation id only copyctl derives, and no copy follows it. ``copyctl reconcile
--fix`` names such an order, and it is cancelled like any copy, in a row of its own beside the leader order's.

An id has to be derived again before anything is done: its form alone may be another deployment's, and that one's orders
are never touched.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from copyctl.core.correlation import PREFIX, STEM, correlation_id, stem_of
from copyctl.core.keys import copy_key, leader_id, order_key, policy_mark
from copyctl.core.plan import End, of
from copyctl.core.pursue import act, as_placement
from copyctl.core.state import Draft, follower_of
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.events import CommandGiven
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, Leg, Level

ORPHAN: Final = "#orphan"
"""How the name of a row ends that holds orphans of a leader order."""
FOUND: Final = "an order of ours that no copy wanted, cancelled by copyctl reconcile"
_FORM: Final = re.compile(rf"{PREFIX}[0-9a-f]{{{STEM - len(PREFIX)}}}-[0-9]{{1,4}}")


def is_ours_by_form(correlation: str) -> bool:
    """Does a correlation id look like one that copyctl derives, here or in another deployment?"""
    return _FORM.fullmatch(correlation) is not None


def stems(leader: str, follower: str, rows: Iterable[str]) -> Mapping[str, str]:
    """How the correlation ids of these rows of a follower begin, and which row each of them is of. Of a leader order
    both rows count that it may have: a reversal has one for its entry."""
    found: dict[str, str] = {}
    for row in rows:
        for name in (row, f"{leader_id(row)}#entry"):
            first = correlation_id(leader=leader, follower=follower, leader_order_id=name, revision=0)
            found.setdefault(stem_of(first), name)
    return found


def command(draft: Draft, event: CommandGiven) -> None:
    """What ``copyctl reconcile --fix`` asks for: (no ``reason``) that all books are read and everything is looked at
    once more; or that one order of a follower (``reason``) is cancelled, being an orphan."""
    if event.reason:
        _cancel(draft, event)
        return
    draft.effects.extend(ReadBooks(account=one.account, special=True) for one in draft.accounts.values())
    draft.touched.update((lead.order_id, None) for lead in draft.leader_orders.values())
    draft.all_again = True


def _cancel(draft: Draft, event: CommandGiven) -> None:
    order = draft.orders.get(order_key(event.account, event.reason))
    rules = draft.rules
    row = _row_of(draft, rules, order) if rules is not None and order is not None else ""
    why = _refusal(draft, event, order, row)
    if why or order is None or rules is None or order.terms is None:
        _say(draft, event, f"order {event.reason} is not cancelled: {why}", ok=False)
        return
    name = f"{leader_id(row)}{ORPHAN}"
    copy = draft.copies.get(copy_key(name, event.account)) or _blank(draft, order, name)
    placed = replace(as_placement(order, len(copy.slots), order.terms, draft.now), replaced=True)
    same = sum(slot.correlation_id == placed.correlation_id for slot in copy.slots)
    # requests are named after a placement, and the copy's own may have one of this name
    copy = replace(copy, slots=(*copy.slots, replace(placed, part=len(copy.slots) + same + 1)), updated_at=draft.now)
    draft.copies.put(act(draft, rules, copy, End(revision=placed.revision), order.newest_as_of))
    _say(draft, event, f"order {event.reason} is cancelled: no copy wants it", ok=True)


def _row_of(draft: Draft, rules: Rules, order: Order) -> str:
    """The row whose id an order carries; "" where no row gives it."""
    if not is_ours_by_form(order.correlation_id):
        return ""
    rows = [one.order_id for one in draft.leader_orders.values()]
    rows += [one.leader_order_id for one in draft.copies.values() if one.follower == order.account]
    return stems(rules.leader.client_id, order.account, rows).get(stem_of(order.correlation_id), "")


def _refusal(draft: Draft, event: CommandGiven, order: Order | None, row: str) -> str:
    """Why an order is not to be cancelled as an orphan, "" where it is."""
    if draft.rules is None or follower_of(draft.rules, event.account) is None:
        return "its account is no follower's in the rules"
    if order is None or order.terms is None:
        return "the run has not seen it yet"
    if order.over:
        return f"it is over ({order.status})"
    if not row or order.leg is not Leg.ENTRY:
        return "no order of this leader gives its id, so it may be another deployment's"
    if draft.copy_with(order) is not None and _is_followed(draft, order):
        return "a copy follows it"
    return ""


def _is_followed(draft: Draft, order: Order) -> bool:
    """Is it a placement of a copy, or may it be one of which no order is known yet?"""
    copy = draft.copy_with(order)
    slots = copy.slots if copy is not None else ()
    return any(
        slot.order_id == order.order_id or (not slot.order_id and slot.correlation_id == order.correlation_id)
        for slot in slots
    )


def _blank(draft: Draft, order: Order, name: str) -> Copy:
    """A row that wants nothing but what an orphan has traded already."""
    lead = draft.leader_orders.get(leader_id(name))
    known = order.side and order.segment and order.security_id and order.product and order.terms
    wanted = None
    if known and order.side and order.segment and order.security_id and order.product and order.terms:
        wanted = Desired(
            side=order.side,
            segment=order.segment,
            security_id=order.security_id,
            product=order.product,
            terms=of(order.terms, 0),
        )
    return Copy(
        leader_order_id=name,
        follower=order.account,
        decision=Decision.SKIPPED,
        reason=Reason.LEADER_OVER,
        detail=FOUND,
        wanted=wanted,
        pursued=wanted,
        closing=True,
        exit=lead is not None and bool(lead.exits),
        policy=policy_mark(draft.rules),
        created_at=draft.now,
        updated_at=draft.now,
    )


def _say(draft: Draft, event: CommandGiven, text: str, *, ok: bool) -> None:
    """What came of the command, for whoever gave it."""
    draft.notices.append(
        Notice(
            at=draft.now,
            event="state",
            level=Level.INFO if ok else Level.WARNING,
            text=text,
            follower=event.account,
            facts={"command": event.command_id, "ok": ok},
        )
    )
