"""Correlation ids: the name under which a copy is known at the broker.

An id is derived, never drawn, from the two client ids, the leader's order, the leg and the revision. Whoever derives
it again, on another day, in another store, finds the same one, and so finds the copies that rest at the broker.
Dhan takes at most 25 characters of letters, digits, ``_`` and ``-`` (its pages say 30, measured are 25).
"""

import base64
import hashlib

from copyctl.model.terms import Leg

PREFIX = "cc"
LENGTH = 24


def correlation_id(*, leader: str, follower: str, leader_order_id: str, revision: int, leg: Leg = Leg.ENTRY) -> str:
    """The id of one placement: 24 characters, ``cc`` and 110 bits of SHA-256."""
    told = "\x1f".join((leader, follower, leader_order_id, leg, str(revision)))
    digest = hashlib.sha256(told.encode()).digest()
    return PREFIX + base64.b32encode(digest).decode().lower()[: LENGTH - len(PREFIX)]
