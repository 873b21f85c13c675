"""Rejections: what is done about each, as one table.

An answer of Dhan's, or of the exchange, has a category (``model.reasons``; the texts stand in ``wire``). From there on
this table decides, for an entry, an exit, a modification and a cancel apart: an entry is given up, an exit is not while
the leader's position asks for it (scenario 5.2), a modification leaves the copy as it is, a cancel is never given up.
Source: Dhan API v2, annexure and order rules.
"""

from dataclasses import dataclass
from enum import StrEnum

from copyctl.model.reasons import Category
from copyctl.model.request import Request, RequestKind


class Treatment(StrEnum):
    """What is done about a rejection."""

    AGAIN = "again"
    SOON = "soon"
    REST = "rest"
    HOLD = "hold"
    SHUT = "shut"
    SESSION = "session"
    LETTER = "letter"
    COVER = "cover"
    CROSSED = "crossed"
    KEEP = "keep"
    LOOK = "look"


TREATMENTS: dict[Treatment, str] = {
    Treatment.AGAIN: "sent again after a pause, as often as resilience.retries says; an exit and a cancel for ever",
    Treatment.SOON: "sent again after a pause, for ever: the order is on its way",
    Treatment.REST: "the account rests, then it is sent again",
    Treatment.HOLD: "what this follower wants of the instrument waits: one try a minute, then all go",
    Treatment.SHUT: "the follower waits as unauthenticated: one probe in 15 s, then all go",
    Treatment.SESSION: "inside trading hours sent again; an exit at the next session; else given up",
    Treatment.LETTER: "a dead letter; of an exit what has to trade is sent again at the market every 5 s",
    Treatment.COVER: "our other exits of the position are cut, it is sent once more, and they come back",
    Treatment.CROSSED: "at the market once the leader's has triggered; else a dead letter",
    Treatment.KEEP: "the copy stays as it is, which is told as drift",
    Treatment.LOOK: "the order book is read: the order may be over; a cancel is repeated while it is open",
}
"""What each of them means, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """One line of the table. ``counts``: does the rejection say something of the order, so that it is one of those in
    a row (``kill_switch.on_consecutive_rejections``)?"""

    entry: Treatment
    exit: Treatment
    change: Treatment
    cancel: Treatment = Treatment.LOOK
    counts: bool = True

    def of(self, request: Request) -> Treatment:
        """What is done about a request that was rejected so."""
        if request.kind is RequestKind.CANCEL:
            return self.cancel
        if request.kind is RequestKind.MODIFY:
            return self.change
        return self.exit if request.exit else self.entry


def _all(treatment: Treatment) -> Handling:
    return Handling(entry=treatment, exit=treatment, change=treatment, cancel=treatment, counts=False)


_FINAL = Handling(entry=Treatment.LETTER, exit=Treatment.LETTER, change=Treatment.KEEP)
_MAY_BE_OVER = Handling(entry=Treatment.LETTER, exit=Treatment.LETTER, change=Treatment.LOOK)
_NOT_COVERED = Handling(entry=Treatment.LETTER, exit=Treatment.COVER, change=Treatment.KEEP)

HANDLING: dict[Category, Handling] = {
    Category.MARGIN: _NOT_COVERED,
    Category.HOLDINGS: _NOT_COVERED,
    Category.PRICE_BAND: _FINAL,
    Category.STRIKE_RANGE: _FINAL,
    Category.TICK: _FINAL,
    Category.TRIGGER: Handling(entry=Treatment.LETTER, exit=Treatment.CROSSED, change=Treatment.KEEP),
    Category.SESSION: Handling(entry=Treatment.SESSION, exit=Treatment.SESSION, change=Treatment.SESSION, counts=False),
    Category.HALT: Handling(entry=Treatment.HOLD, exit=Treatment.HOLD, change=Treatment.HOLD, counts=False),
    Category.INSTRUMENT: _FINAL,
    Category.PRODUCT: _FINAL,
    Category.QUANTITY: _FINAL,
    Category.DISCLOSED: _FINAL,
    Category.POSITION_LIMIT: _FINAL,
    Category.SELF_TRADE: _FINAL,
    Category.THROTTLED: _all(Treatment.REST),
    Category.CONNECTIVITY: _all(Treatment.AGAIN),
    Category.AUTHENTICATION: _all(Treatment.SHUT),
    Category.ADDRESS: _all(Treatment.SHUT),
    Category.BLOCKED: _FINAL,
    Category.INPUT: _MAY_BE_OVER,
    Category.IN_TRANSIT: _all(Treatment.SOON),
    Category.NO_SUCH_ORDER: _MAY_BE_OVER,
    Category.UNKNOWN: _MAY_BE_OVER,
}
"""Every category and what is done about it."""


def treats_exit(category: str, *treatments: Treatment) -> bool:
    """Is an exit that was rejected so treated in one of these ways? "": it was not rejected."""
    return bool(category) and HANDLING[Category(category)].exit in treatments
