"""One leader order and follower, as ``reconcile`` compares them: copy, placements with their rows, requests."""

import dataclasses
from dataclasses import dataclass

from copyctl.model.order import ExecutionReport, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.records import Copy
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision
from copyctl.report.codes import sentence
from copyctl.report.followed import Followed, is_orphan_part
from copyctl.report.moments import day_start
from copyctl.report.reconcile import (
    Difference,
    Kind,
    Remedy,
    Value,
    View,
    is_open,
    leader_of,
)

BY_HAND = "by hand, by the broker or by the exchange: it is followed on when the leader changes his order"
_DO = {
    RequestKind.PLACE: Remedy.PLACE,
    RequestKind.MODIFY: Remedy.CHANGE,
    RequestKind.CANCEL: Remedy.CANCEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One placement of a copy, with its row at the broker where there is one."""

    copy: Copy
    slot: Slot
    report: ExecutionReport | None

    @property
    def open(self) -> bool:
        """Does the broker show that it may trade?"""
        return self.report is not None and is_open(self.report)

    @property
    def filled(self) -> int:
        """Units traded, by the broker's row or, where there is none any more, by what is known."""
        return self.report.filled if self.report is not None and self.report.filled else self.slot.filled

    @property
    def units(self) -> int:
        """What is open and what has traded."""
        if not self.open or self.report is None:
            return self.filled
        return self.report.terms.quantity if self.report.terms else self.slot.asked.quantity

    @property
    def is_orphan(self) -> bool:
        """Is it there because no copy wanted it?"""
        return is_orphan_part(self.copy.leader_order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One leader order and follower. ``copies``: without orphans. ``requests``: what is asked for, or would be."""

    view: View
    row: Followed
    leader: Order | None
    copies: tuple[Copy, ...]
    placed: tuple[Placed, ...]
    requests: tuple[Request, ...]

    @property
    def is_over(self) -> bool:
        """Can nothing more of the leader's order trade? Of a row of copyctl's own there is none."""
        return self.leader is None or self.leader.over

    @property
    def mine(self) -> list[Placed]:
        """What the copies placed."""
        return [one for one in self.placed if not one.is_orphan]

    @property
    def nothing_open(self) -> bool:
        """Does the broker show nothing open of it?"""
        return not any(one.open for one in self.placed)

    def request(self, slot: Slot, kind: RequestKind) -> Request | None:
        """What is asked for one placement."""
        mine = (one for one in self.requests if one.kind is kind and one.revision == slot.revision)
        return next((one for one in mine if one.correlation_id == slot.correlation_id), None)

    def told(self, kind: Kind, expected: Value, actual: Value, order_id: str = "", why: str = "") -> Difference:
        """A row of this order."""
        wanted = next((copy.wanted for copy in self.copies if copy.wanted), None)
        segment = wanted.segment if wanted else self.leader.segment if self.leader else None
        security_id = wanted.security_id if wanted else self.leader.security_id if self.leader else None
        ids = [one.slot.order_id for one in self.mine if one.slot.order_id]
        remedy, reason = remedy_of(self, kind)
        return Difference(
            account=self.row.follower,
            kind=kind,
            leader_order_id=self.row.leader_order_id,
            follower_order_id=order_id or (ids[-1] if ids else None),
            segment=segment,
            security_id=security_id,
            symbol=self.view.symbol(segment, security_id),
            expected=expected,
            actual=actual,
            remedy=remedy,
            why=why or reason,
        )


def case_of(view: View, row: Followed) -> Case:
    there = view.shown[row.follower].orders
    names = {copy.leader_order_id for copy in row.copies}
    return Case(
        view=view,
        row=row,
        leader=leader_of(view, row.leader_order_id),
        copies=tuple(copy for copy in row.copies if not is_orphan_part(copy.leader_order_id)),
        placed=tuple(
            Placed(copy=copy, slot=slot, report=there.get(slot.order_id) if slot.order_id else None)
            for copy in row.copies
            for slot in copy.slots
        ),
        requests=tuple(
            one for one in view.now.requests.values() if one.account == row.follower and one.leader_order_id in names
        ),
    )


def is_of_today(case: Case) -> bool:
    """Orders of earlier days are over, and the broker shows them no more; one that something is still asked for is none
    of these."""
    his = case.view.shown.get(case.view.leader)
    if his is not None and case.row.leader_order_id in his.orders:
        return True
    began = max(copy.created_at for copy in case.row.copies)
    return not case.nothing_open or bool(case.requests) or began >= day_start(case.view.at)


def is_read(case: Case) -> bool:
    """Was every book read in which it lives?"""
    special = any(slot.live and slot.book is not Book.DAY for slot in case.row.slots)
    return not special or case.view.shown[case.row.follower].special


# --- what the policy says of it ---------------------------------------------------------------------------------------


def is_wanted(case: Case, copy: Copy) -> bool:
    """Is it to be at the broker, by the rules? What waits for another reason than that a run is at work is not."""
    if given_up(copy) or copy.closing:
        return False
    leaves = any(
        one.state is RequestState.SENT and one.kind is RequestKind.PLACE and one.leader_order_id == copy.leader_order_id
        for one in case.requests
    )
    return copy.decision is Decision.COPIED or (copy.decision is Decision.QUEUED and leaves)


def given_up(copy: Copy) -> bool:
    """Did the rules end it: the kill switch, a lag, a square-off, a basket?"""
    return copy.stopped or bool(copy.given_up) or bool(copy.unwound)


def ends(case: Case, one: Placed) -> bool:
    """Is its end asked for, and not to place it anew?"""
    if one.slot.retired:
        return False
    return one.slot.cancel_asked or case.request(one.slot, RequestKind.CANCEL) is not None


def by_us(slot: Slot) -> bool:
    """Did we end it?"""
    return (slot.cancel_asked or slot.retired or slot.replaced) and not slot.left_alone


def is_to_close(case: Case, copy: Copy) -> bool:
    """Is an exit to have closed what is due by now? One that waits, by the rules, is not."""
    if copy.decision in (Decision.COPIED, Decision.DEAD):
        return True
    return copy.decision is Decision.QUEUED and is_wanted(case, copy)


def copied_of(case: Case, copy: Copy) -> int:
    """Units that are still held of what an exit closes."""
    wanted = copy.wanted
    if wanted is None:
        return 0
    held = (
        one.copied
        for one in case.view.now.positions.values()
        if (one.account, one.segment, one.security_id) == (copy.follower, wanted.segment, wanted.security_id)
    )
    return abs(sum(held))


def closed_again(case: Case, copy: Copy) -> int:
    """Units beyond the leader's that a row of copyctl's own has closed again."""
    if not copy.excess:
        return 0
    why = f"excess of {copy.leader_order_id}"
    rows = (one for one in case.view.now.copies.values() if one.follower == copy.follower and one.urgent == why)
    return sum(one.filled for one in rows)


def wish_of(case: Case) -> Terms | None:
    lead = case.view.now.leads.get(case.row.leader_order_id)
    return lead.wish if lead else None


# --- what can be done -------------------------------------------------------------------------------------------------


def with_remedy(one: Difference, remedy: Remedy) -> Difference:
    return dataclasses.replace(one, remedy=remedy)


def remedy_of(case: Case, kind: Kind) -> tuple[Remedy, str]:
    """What a run would do about it, or why it does nothing."""
    every = sorted(case.requests, key=lambda one: (one.state is not RequestState.SENT, one.kind.urgency))
    for request in every:
        if request.state is RequestState.SENT:
            return _DO[request.kind], ""
        if request.state is RequestState.QUEUED:
            reason = request.waits_for or None
            return Remedy.WAIT, sentence(reason, Decision.QUEUED) or "it has not left yet"
    if any(ends(case, one) for one in case.placed if one.open):
        return Remedy.WAIT, "its cancel was asked for"
    for one in reversed(case.mine):
        if one.slot.left_alone or (kind is Kind.STATUS and one.slot.standing is Standing.ENDED):
            return Remedy.LEFT, f"{'changed' if one.open else 'ended'} {BY_HAND}"
        if one.open and one.slot.changes_refused:
            return Remedy.LEFT, f"the broker refused the change: {one.slot.changes_refused}"
    for copy in case.copies:
        if copy.stuck:
            return Remedy.LEFT, f"the leader's change cannot be copied: {copy.stuck}"
        if copy.decision is Decision.DEAD:
            return Remedy.LEFT, f"given up: {copy.detail or copy.reason}; copyctl dead-letters retry"
    drift = next((copy.drift for copy in case.copies if copy.drift), "")
    if kind is Kind.FILL:
        return Remedy.LEFT, drift or "both orders are over: close or place the difference by hand, if it must not stay"
    return Remedy.LEFT, drift or f"not known to be ours: changed {BY_HAND}"
