"""Who would be left behind: a follower that is taken out of the rules while something of it is still copied."""

from collections.abc import Iterable

from copyctl.model.policy import Rules
from copyctl.model.records import Copy, Position


def left_behind(rules: Rules, copies: Iterable[Copy], positions: Iterable[Position]) -> str:
    """Why these rules cannot be put in force, in a sentence; "" where nobody is left behind.

    Open copies and copied positions of an account that is no follower any more would be followed by nobody.
    """
    followers = {one.client_id for one in rules.followers}
    held: dict[str, set[str]] = {}
    for copy in copies:
        if copy.follower not in followers and any(slot.live for slot in copy.slots):
            held.setdefault(copy.follower, set()).add("open copies")
    for here in positions:
        if here.account not in followers and here.account != rules.leader.client_id and here.copied:
            held.setdefault(here.account, set()).add("copied positions")
    if not held:
        return ""
    told = "; ".join(f"{account}: {' and '.join(sorted(what))}" for account, what in sorted(held.items()))
    return (
        f"the store holds something of an account that is no follower in this file ({told}). Put it back with "
        "enabled: false until it is flat with nothing open"
    )
