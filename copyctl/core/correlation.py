"""Correlation ids: the name under which a copy is known at the broker.

An id is derived, never drawn, from the two client ids, the leader's order, the leg and the revision. Whoever derives
it again, on another day, in another store, finds the same one, and so finds the copies that rest at the broker. All
placements of one copy share their stem, so that a person sees which belong together.
Dhan takes at most 25 characters of letters, digits, ``_`` and ``-`` (its pages say 30, measured are 25).
"""

import hashlib
from functools import lru_cache

from copyctl.model.terms import Leg

PREFIX = "cc"
STEM = 20
MOST_REVISIONS = 10_000


def correlation_id(*, leader: str, follower: str, leader_order_id: str, revision: int, leg: Leg = Leg.ENTRY) -> str:
    """The id of one placement: ``cc``, 72 bits of SHA-256 in hexadecimal digits, and the revision.

    Raises:
        ValueError: the revision is below 0 or 10000 or more: that copy has run away.
    """
    if not 0 <= revision < MOST_REVISIONS:
        raise ValueError(f"revision {revision} of the copy of {leader_order_id}")
    return f"{_stem(leader, follower, leader_order_id, leg)}-{revision}"


@lru_cache(maxsize=4096)
def _stem(leader: str, follower: str, leader_order_id: str, leg: Leg) -> str:
    told = "\x1f".join((leader, follower, leader_order_id, leg))
    return PREFIX + hashlib.sha256(told.encode()).hexdigest()[: STEM - len(PREFIX)]


def stem_of(correlation_id: str) -> str:
    """What all placements of one copy share of this id; of an id that is none of ours whatever stands there."""
    return correlation_id[:STEM]
