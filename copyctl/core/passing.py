"""Passing: what the checks make of an entry, and of a change to one that is at the broker.

What may not be sent is not sent: a placement that has not left is taken back, a copy that is at the broker stays as
it is until the leader changes his order again (scenario 2.7), but for what lessens it.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.asked import Answer, Asked, Later
from copyctl.core.baskets import Fail, Wait
from copyctl.core.checks import KEPT_FOR, check
from copyctl.core.decide import Verdict
from copyctl.core.entries import is_placed, taken_back
from copyctl.core.legs import verdict, window_open
from copyctl.core.plan import of
from copyctl.core.state import Draft
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.terms import Decision


def passed(one: Asked, before: Copy | None) -> tuple[Copy, bool]:
    """The copy after the checks of what is new in it; False: what is wanted must not be asked for, or not yet."""
    copy = one.copy
    if copy.wanted is None or copy.closing or copy.stopped or copy.given_up or copy.decision is Decision.SKIPPED:
        return replace(copy, waits=False), True
    copy = _same_but_for_quantity(copy, before)
    terms = one.with_copy(copy).wanted.terms
    if terms == copy.checked or (copy.decision in (Decision.REFUSED, Decision.DEAD) and not copy.slots):
        return replace(copy, waits=False), True
    if copy.slots and (terms.quantity <= copy.filled or _lessened(copy)):
        return replace(copy, checked=terms, waits=False), True
    if one.draft.account(copy.follower).killed_at:  # a change under the kill switch ends what is there
        return (copy, True) if is_placed(one.draft, copy) else (killed(one.draft, taken_back(one.draft, copy)), False)
    one = one.with_copy(copy)
    answer = _asked_of(one)
    if isinstance(answer, Copy):
        return replace(answer, waits=False), True
    if isinstance(answer, Later):
        return later(one, answer), False
    return _refused(one, answer, before)


def _same_but_for_quantity(copy: Copy, before: Copy | None) -> Copy:
    """Where the leader changed nothing but his quantity, a price that the checks have given stays."""
    if before is None or before.checked is None or before.decided_on is None or before.stuck or not copy.slots:
        return copy
    if before.wanted is None or before.wanted.terms != before.checked:
        return copy  # the change before this one has not passed
    if copy.wanted is None or copy.decided_on is None or copy.decided_on == before.decided_on:
        return copy
    now = copy.decided_on
    if replace(before.decided_on, quantity=now.quantity, disclosed_quantity=now.disclosed_quantity) != now:
        return copy
    terms = copy.wanted.terms
    kept = replace(before.checked, quantity=terms.quantity, disclosed_quantity=terms.disclosed_quantity)
    return replace(copy, wanted=replace(copy.wanted, terms=kept))


def later(one: Asked, answer: Later) -> Copy:
    """It waits. What has not left yet is taken back meanwhile: it is not wanted as it was."""
    copy, kept = one.copy, one.copy.kept or answer.reason in KEPT_FOR
    if is_placed(one.draft, copy):
        due = [at for at in (answer.until, copy.due_at) if at]
        return replace(copy, due_at=min(due, default=0), waits=True)
    copy = replace(taken_back(one.draft, copy), decision=Decision.QUEUED, reason=answer.reason, detail=answer.detail)
    return replace(copy, due_at=answer.until or copy.due_at, kept=kept)


def _refused(one: Asked, answer: Verdict, before: Copy | None) -> tuple[Copy, bool]:
    """It must not be sent. A copy that is at the broker stays as it is, or is lessened at least (2.7)."""
    copy = replace(one.copy, waits=False)
    if not is_placed(one.draft, copy):
        copy = replace(taken_back(one.draft, copy), decision=answer.decision, reason=answer.reason)
        return replace(copy, detail=answer.detail, hold=Decimal(0), note=None, kept=False), False
    open_still = any(slot.live for slot in copy.slots)
    if not open_still or before is None or before.checked is None or copy.wanted is None:
        return replace(copy, stuck=answer.detail, closing=not open_still), open_still
    terms = of(before.checked, min(before.checked.quantity, copy.wanted.terms.quantity))
    return replace(copy, wanted=replace(copy.wanted, terms=terms), checked=terms, stuck=answer.detail), True


def killed(draft: Draft, copy: Copy) -> Copy:
    """Nothing is placed under the kill switch, and what it refused stays refused (scenario 9.1)."""
    detail = f"the kill switch is on: {draft.account(copy.follower).killed_reason}"
    copy = replace(copy, decision=Decision.REFUSED, reason=Reason.KILL_SWITCH, detail=detail)
    return replace(copy, note=None, hold=Decimal(0), waits=False, kept=False, due_at=0)


def _asked_of(one: Asked) -> Answer:
    """What the checks say of an entry; one that is a leg of a basket may have to wait for others, or does not go at
    all. While the window is open they are asked as well: what is refused then is, and what they need is asked for."""
    found = verdict(one.draft, one.rules, one.follower, one.copy) if one.copy.basket else None
    if isinstance(found, Fail):
        return Verdict(decision=Decision.REFUSED, reason=Reason.BASKET_FAILED, detail=found.detail)
    if not isinstance(found, Wait):
        return check(one)
    early = check(one) if window_open(one.draft, one.copy) else None
    waits = Later(reason=Reason.BASKET, detail=found.detail, until=found.until or 0)
    return early if isinstance(early, Verdict) else waits


def _lessened(copy: Copy) -> bool:
    """Is what is wanted now less of what has passed already, and otherwise the same?"""
    if copy.checked is None or copy.wanted is None:
        return False
    terms = copy.wanted.terms
    return terms.quantity <= copy.checked.quantity and of(copy.checked, terms.quantity) == terms
