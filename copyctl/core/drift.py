"""Drift: in what a follower's copy differs from what the rules want of it, said in a sentence."""

from copyctl.model.order import Order
from copyctl.model.placement import Standing
from copyctl.model.records import Copy
from copyctl.model.terms import Decision


def drift(copy: Copy, leader: Order) -> str:
    """Why this copy is not what the rules want, "" where it is."""
    if copy.stuck:
        return f"the leader's change cannot be copied: {copy.stuck}"
    if not copy.slots or copy.wanted is None:
        return ""
    last = copy.slots[-1]
    if last.live and last.changes_refused:
        return f"a modification was refused: {last.changes_refused}"
    if last.live and last.left_alone:
        return "changed by hand, by the broker or by the exchange"
    if copy.stopped:
        return f"cancelled under the kill switch with {copy.filled} filled"
    if copy.given_up:
        return f"given up with {copy.filled} filled: {copy.given_up}"
    if last.left_alone and not leader.over:
        return f"ended by hand, by the broker or by the exchange with {copy.filled} filled"
    wanted = copy.wanted.terms.quantity
    lost = [slot for slot in copy.slots if slot.standing is Standing.REJECTED and not (slot.retired or slot.replaced)]
    if lost and any(slot.at_broker for slot in copy.slots):
        units = sum(slot.asked.quantity for slot in lost)
        return f"{units} of {wanted} units were rejected ({lost[-1].rejected_as})"
    if copy.filled == wanted or any(slot.live for slot in copy.slots):
        return ""
    if not copy.filled and copy.decision is not Decision.COPIED:
        return ""  # the decision says it
    if leader.over:
        return f"filled {copy.filled} where the leader's {leader.filled} ask for {wanted}"
    return f"filled {copy.filled} where {wanted} are wanted"
