"""Drift: in what a follower's copy differs from what the rules want of it, said in a sentence."""

from copyctl.core import sizing
from copyctl.model.order import Order
from copyctl.model.records import Copy, Slot, Standing
from copyctl.model.terms import Decision


def drift(copy: Copy, leader: Order) -> str:
    """Why this copy is not what the rules want, "" where it is."""
    if not copy.slots or copy.sizing is None:
        return ""
    last = copy.slots[-1]
    if last.changes_refused:
        return f"a modification was refused: {last.changes_refused}"
    if last.left_alone:
        return "changed by hand, by the broker or by the exchange"
    if _ended_by_others(copy, last, leader):
        return f"ended by hand, by the broker or by the exchange with {copy.filled} filled"
    wanted = max(0, sizing.size(copy.sizing, leader.filled).quantity - copy.missed)
    live = any(slot.live for slot in copy.slots)
    if live or copy.decision is Decision.DEAD:
        return ""
    if leader.over and copy.filled != wanted:
        return f"filled {copy.filled} where the leader's {leader.filled} ask for {wanted}"
    if copy.wanted is not None and not copy.closing and copy.filled != copy.wanted.terms.quantity:
        return f"filled {copy.filled} where {copy.wanted.terms.quantity} are wanted"
    return ""


def _ended_by_others(copy: Copy, slot: Slot, leader: Order) -> bool:
    """Did it end without our asking while the leader's order lives?"""
    return (
        slot.standing is Standing.ENDED
        and not slot.cancel_asked
        and not slot.retired
        and not copy.closing
        and not leader.over
        and slot.filled < slot.asked.quantity
    )
