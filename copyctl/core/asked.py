"""Asked: one entry under check, and what a check may answer.

A check takes an ``Asked`` and gives the copy back, maybe changed; or why it is refused; or for what it waits.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.core.decide import Verdict
from copyctl.core.state import Draft
from copyctl.model.choices import Unavailable
from copyctl.model.instrument import Instrument
from copyctl.model.order import Order
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, LeaderOrder
from copyctl.model.request import Desired
from copyctl.model.terms import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An entry under check. ``copy.wanted`` is what it should be; ``leader`` and ``lead`` say what it copies."""

    draft: Draft
    rules: Rules
    follower: Follower
    copy: Copy
    leader: Order
    lead: LeaderOrder
    instrument: Instrument

    @property
    def wanted(self) -> Desired:
        """What it should be."""
        if self.copy.wanted is None:
            raise ValueError(f"{self.copy.leader_order_id} wants nothing")
        return self.copy.wanted

    @property
    def more(self) -> int:
        """Units that may still trade once this is done."""
        return max(0, self.wanted.terms.quantity - self.copy.filled)

    def with_copy(self, copy: Copy) -> "Asked":
        """The same question about a changed copy."""
        return Asked(
            draft=self.draft,
            rules=self.rules,
            follower=self.follower,
            copy=copy,
            leader=self.leader,
            lead=self.lead,
            instrument=self.instrument,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """It waits: for an answer, or (``until``, ns) for a moment."""

    reason: Reason
    detail: str
    until: int = 0


Answer = Copy | Verdict | Later
"""The copy, maybe changed: it passed. Or why it is refused, or waits."""


def refuse(reason: str, detail: str) -> Verdict:
    """A no, for good."""
    return Verdict(decision=Decision.REFUSED, reason=reason, detail=detail)


def unavailable(asked: Asked, detail: str) -> Answer:
    """A figure cannot be had: ``checks.unavailable`` says what then."""
    if asked.follower.policy.checks.unavailable is Unavailable.PASS:
        return asked.copy
    return refuse(Reason.CHECK_UNAVAILABLE, detail)


def noted(copy: Copy, *notes: str) -> Copy:
    """The copy with the codes of what was changed for it."""
    for note in notes:
        if copy.note is None or copy.decision is not Decision.COPIED:
            copy = replace(copy, note=note)
        if not copy.slots and copy.decision is Decision.COPIED:
            copy = replace(copy, reason=copy.note)
        if note not in copy.detail:
            copy = replace(copy, detail=f"{copy.detail}; {note}", sized=f"{copy.sized}; {note}")
    return copy
