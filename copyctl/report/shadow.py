"""A shadow beside its run: of which leader orders they decided otherwise."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from copyctl.model.terms import Decision
from copyctl.report.followed import Followed, followed
from copyctl.report.picture import Picture, Records

_HAS_ORDER: Final = (Decision.COPIED, Decision.QUEUED)


class Compared(NamedTuple):
    """Of so many leader orders both have decided, and of so many of them otherwise."""

    both: int
    differ: int


def compared(live: Records, shadow: Records, *, since: int) -> dict[str, Compared]:
    """Each follower's account, with how the last decisions of its run and of the shadow compare, for the leader orders
    that the run first decided on from ``since`` (ns) on. Decisions differ by decision, reason or quantity."""
    theirs = {(one.leader_order_id, one.follower): one for one in _rows(shadow)}
    found: dict[str, Compared] = {}
    for one in _rows(live):
        other = theirs.get((one.leader_order_id, one.follower))
        if other is not None and one.created_at >= since:
            both, differ = found.get(one.follower, Compared(0, 0))
            found[one.follower] = Compared(both + 1, differ + (_said(one) != _said(other)))
    return found


def _rows(records: Records) -> Iterator[Followed]:
    return (one for one in followed(Picture(records).copies.values()) if not one.is_own)


def _said(row: Followed) -> tuple[Decision, str | None, int]:
    last = row.last
    return last.decision, last.reason, _quantity(row) if last.decision in _HAS_ORDER else 0


def _quantity(row: Followed) -> int:
    """Units that were wanted at the most: an order that is over wants no more of them."""
    asked = (slot.asked.quantity for slot in row.slots)
    return max(row.wanted, *asked, 0)
