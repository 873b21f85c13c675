"""Rows as people read them: one for each leader order and follower, and one for each order that is copyctl's own.

A leader order that reverses a position through flat has two copies, the exit and the entry beyond flat, kept apart
because one waits for the other. To whoever asks what became of the order they are one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.model.terms import Decision

_PART = "#"
_ENTRY_PART = f"{_PART}entry"
_ORPHAN_PART = f"{_PART}orphan"
_OWN = "position:"


def leader_order(row: str) -> str:
    """The leader's order that a copy is of; of a row of copyctl's own that row."""
    return row.partition(_PART)[0]


def is_entry_part(row: str) -> bool:
    """Is it the entry of a reversal, which waits for the exit?"""
    return row.endswith(_ENTRY_PART)


def is_orphan_part(row: str) -> bool:
    """Does it hold orders of ours that no copy wanted, and that were cancelled for that (``copyctl reconcile``)?"""
    return row.endswith(_ORPHAN_PART)


def is_own(row: str) -> bool:
    """Does it belong to no leader order: an exit that was missed, a position that was joined, a flatten?"""
    return row.startswith(_OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What one follower did about one leader order: its copy, or the exit and then the entry of a reversal."""

    leader_order_id: str
    follower: str
    copies: tuple[Copy, ...]

    @property
    def last(self) -> Copy:
        """The copy whose decision is the row's: of a reversal the entry."""
        return self.copies[-1]

    @property
    def is_own(self) -> bool:
        """Does it belong to no leader order?"""
        return is_own(self.leader_order_id)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All placements, oldest first within a copy."""
        return tuple(slot for copy in self.copies for slot in copy.slots)

    @property
    def filled(self) -> int:
        """Units traded by all placements."""
        return sum(copy.filled for copy in self.copies)

    @property
    def wanted(self) -> int:
        """Units that the rules want of it by now."""
        return sum(copy.wanted.terms.quantity for copy in self.copies if copy.wanted)

    @property
    def created_at(self) -> int:
        """When it was first decided on, ns."""
        return min(copy.created_at for copy in self.copies)

    @property
    def updated_at(self) -> int:
        """When something of it last changed, ns."""
        return max(copy.updated_at for copy in self.copies)

    def any(self, *decisions: Decision) -> bool:
        """Was one of these decided of it, or of a part of it?"""
        return any(copy.decision in decisions for copy in self.copies)


def followed(copies: Iterable[Copy]) -> Sequence[Followed]:
    """Copies as rows, in the order in which the first of each came."""
    rows: dict[tuple[str, str], list[Copy]] = {}
    for copy in copies:
        rows.setdefault((leader_order(copy.leader_order_id), copy.follower), []).append(copy)
    return [
        Followed(
            leader_order_id=order_id,
            follower=follower,
            copies=tuple(sorted(parts, key=_place)),
        )
        for (order_id, follower), parts in rows.items()
    ]


def without_orphans(row: Followed) -> Followed:
    """The row as what was wanted of it; one of orphans alone is theirs."""
    wanted = tuple(copy for copy in row.copies if not is_orphan_part(copy.leader_order_id))
    return replace(row, copies=wanted) if wanted else row


def _place(copy: Copy) -> int:
    """The row's own decision comes last: of a reversal the entry's."""
    return (not is_orphan_part(copy.leader_order_id)) + is_entry_part(copy.leader_order_id)
