"""In what a follower's orders differ from what is wanted of them, by leader order: the first kind that holds.

What the policy decided is no difference: a copy that it skipped, refused, gave up or keeps waiting says nothing, unless
something of ours rests at the broker for it all the same.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.model.order import ExecutionReport, Order, Terms
from copyctl.model.placement import Slot, Standing
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Book, Decision, Leg
from copyctl.report.codes import sentence
from copyctl.report.followed import Followed, followed, is_orphan_part, leader_order
from copyctl.report.moments import day_start
from copyctl.report.reconcile import (
    Difference,
    Kind,
    Remedy,
    Value,
    View,
    is_open,
    leader_of,
    merged,
    price_words,
    words,
)

BY_HAND = "by hand, by the broker or by the exchange: it is followed on when the leader changes his order"
_DO = {
    RequestKind.PLACE: Remedy.PLACE,
    RequestKind.MODIFY: Remedy.CHANGE,
    RequestKind.CANCEL: Remedy.CANCEL,
}
_UNKNOWN_FATE = frozenset({Reason.UNRESOLVED.value, Reason.SETTLING.value})


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
        remedy, reason = _remedy(self, kind)
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


def order_differences(view: View) -> list[Difference]:
    """One for each leader order and follower that differ, the oldest first, and one for each order of ours that belongs
    to none."""
    return merged(_each(view))


def _each(view: View) -> Iterator[Difference]:
    for row in sorted(followed(view.now.copies.values()), key=lambda one: (one.created_at, one.leader_order_id)):
        if row.follower not in view.shown or row.follower not in view.names:
            continue
        case = _case(view, row)
        if not _is_of_today(case) or not _is_read(case):
            continue
        for check in _CHECKS:
            if (found := check(case)) is not None:
                yield found
                break
    for account in view.names:
        if account in view.shown:
            yield from _strays(view, account)


def _case(view: View, row: Followed) -> Case:
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


def _is_of_today(case: Case) -> bool:
    """Orders of earlier days are over, and the broker shows them no more."""
    his = case.view.shown.get(case.view.leader)
    if his is not None and case.row.leader_order_id in his.orders:
        return True
    return not case.nothing_open or case.row.updated_at >= day_start(case.view.at)


def _is_read(case: Case) -> bool:
    """Was every book read in which it lives?"""
    special = any(slot.live and slot.book is not Book.DAY for slot in case.row.slots)
    return not special or case.view.shown[case.row.follower].special


# --- the kinds, in order ----------------------------------------------------------------------------------------------


def _unresolved(case: Case) -> Difference | None:
    """Nobody knows what became of a placement, and the books do not show it."""
    lost = [one for one in case.requests if one.state is RequestState.UNSETTLED and one.kind is RequestKind.PLACE]
    given_up = [copy for copy in case.copies if copy.reason in _UNKNOWN_FATE]
    if not lost and not given_up:
        return None
    ids = [one.correlation_id for one in lost] or [slot.correlation_id for slot in given_up[0].slots[-1:]]
    why = "it is looked for on and on while a run is alive, and never sent again on a guess"
    said = case.told(Kind.UNRESOLVED, "a known fate", f"unknown: {', '.join(ids)}", why=why)
    return _as(said, Remedy.WAIT)


def _missing(case: Case) -> Difference | None:
    """The leader's order lives, it is to be copied, and the broker has nothing of it."""
    if case.is_over or any(one.report is not None or one.filled for one in case.placed):
        return None
    for copy in case.copies:
        wanted = copy.wanted
        if copy.decision is Decision.QUEUED and copy.reason == Reason.CHECKING and not case.view.running:
            if copy.exit:
                continue
            what = words(case.leader.side if case.leader else None, copy.decided_on or _wish(case))
            said = case.told(Kind.MISSING_COPY, f"a copy of {what}", "nothing", why=f"it is checked: {copy.detail}")
            return _as(said, Remedy.PLACE)
        if wanted is None or wanted.terms.quantity <= 0 or not _is_wanted(case, copy):
            continue
        if any(slot.live for slot in copy.slots):
            asked = sum(slot.asked.quantity for slot in copy.slots if slot.live)
            return case.told(Kind.MISSING_COPY, words(wanted.side, wanted.terms, asked), "nothing")
    return None


def _orphan(case: Case) -> Difference | None:
    """An order of ours is open, and the leader's is over."""
    open_ones = [one for one in case.placed if one.open and (one.is_orphan or (case.is_over and _ends(case, one)))]
    if not open_ones:
        return None
    first = open_ones[0]
    side = first.report.side if first.report else None
    actual = words(side, first.report.terms if first.report else first.slot.asked)
    return case.told(Kind.ORPHAN_ORDER, "nothing", actual, first.slot.order_id)


def _status(case: Case) -> Difference | None:
    """The leader's order lives, and the copy ended with nothing filled."""
    if case.is_over or not case.nothing_open or any(one.filled for one in case.mine):
        return None
    for one in case.mine:
        if one.report is None or one.report.status is None or not _is_wanted(case, one.copy) or _by_us(one.slot):
            continue
        if one.copy.wanted is not None and one.copy.wanted.terms.quantity > 0:
            expected = case.leader.status.value if case.leader and case.leader.status else "open"
            return case.told(Kind.STATUS, expected, one.report.status.value, one.slot.order_id)
    return None


def _quantity(case: Case) -> Difference | None:
    """The total is another one than is wanted, while the leader's order lives."""
    if case.is_over:
        return None
    for copy in case.copies:
        mine = [one for one in case.placed if one.copy is copy and not one.slot.native]
        there = [one for one in mine if one.report is not None or one.filled]
        if not there or not (_is_wanted(case, copy) or any(one.open for one in there)):
            continue
        if copy.exit:
            odd = next((one for one in there if one.open and one.units != one.slot.asked.quantity), None)
            if odd is not None:
                return case.told(Kind.QUANTITY, odd.slot.asked.quantity, odd.units, odd.slot.order_id)
            continue
        wanted = copy.wanted.terms.quantity if copy.wanted else 0
        total = sum(one.units for one in there)
        wished = _wish(case) if copy.stuck else None
        if wished is not None and copy.decided_on is not None and wished.quantity != copy.decided_on.quantity:
            return case.told(Kind.QUANTITY, f"as the leader's {wished.quantity}", total)
        if total != wanted and not _given_up(copy):
            return case.told(Kind.QUANTITY, wanted, total)
    return None


def _price(case: Case) -> Difference | None:
    """Price, trigger or type of an open order are others than are wanted."""
    for one in case.mine:
        if not one.open or one.report is None or one.report.terms is None or _ends(case, one):
            continue
        seen = one.report.terms
        if one.slot.book is Book.FOREVER and seen.validity != one.slot.asked.validity:
            continue  # it has triggered: what was asked of it says nothing any more
        for wanted in _wanted_terms(case, one):
            asked = replace(wanted, quantity=seen.quantity)
            if asked.second is not None and seen.second is not None:
                asked = replace(asked, second=replace(asked.second, quantity=seen.second.quantity))
            if not case.view.same(asked, seen):
                return case.told(Kind.PRICE, price_words(wanted), price_words(seen), one.slot.order_id)
        if one.copy.stuck and (wish := _wish(case)) is not None:
            return case.told(Kind.PRICE, price_words(wish), price_words(seen), one.slot.order_id)
    return None


def _wanted_terms(case: Case, one: Placed) -> list[Terms]:
    """What is asked of a placement; of an entry what is wanted of it as well, where a change was refused or waits."""
    copy, wanted = one.copy, one.copy.wanted
    asked = [one.slot.asked]
    if wanted is None or copy.exit or one.slot.native or one.slot.left_alone or one.slot.leg is not Leg.ENTRY:
        return asked
    return [*asked, *([wanted.terms] if one.slot.changes_refused or one.slot.retired else [])]


def _fill(case: Case) -> Difference | None:
    """Both are over: other units have traded than were wanted for what the leader has traded."""
    if not case.is_over or not case.nothing_open:
        return None
    for copy in case.copies:
        wanted = copy.wanted
        filled = sum(one.filled for one in case.mine if one.copy is copy)
        if wanted is None or (_given_up(copy) and not copy.exit):
            continue
        lot = case.view.lots(wanted.segment, wanted.security_id)
        spare = case.view.tolerance * lot
        if copy.exit:
            due = int(copy.due)
            lacks = min(due - filled, _copied(case, copy)) if _is_to_close(case, copy) else 0
            early = filled - due if case.leader is not None else 0
            if (lacks >= lot and lacks > spare) or early > spare:
                return case.told(Kind.FILL, due, filled)
            continue
        excess = _closed_again(case, copy)
        is_wanted = copy.decision is Decision.COPIED or _is_wanted(case, copy)
        if is_wanted and abs(filled - excess - wanted.terms.quantity) > spare:
            return case.told(Kind.FILL, wanted.terms.quantity, filled - excess)
    return None


_CHECKS: tuple[Callable[[Case], Difference | None], ...] = (
    _unresolved,
    _missing,
    _orphan,
    _status,
    _quantity,
    _price,
    _fill,
)


# --- what the policy says of it ---------------------------------------------------------------------------------------


def _is_wanted(case: Case, copy: Copy) -> bool:
    """Is it to be at the broker, by the rules? What waits for another reason than that a run is at work is not."""
    if _given_up(copy) or copy.closing:
        return False
    leaves = any(
        one.state is RequestState.SENT and one.kind is RequestKind.PLACE and one.leader_order_id == copy.leader_order_id
        for one in case.requests
    )
    return copy.decision is Decision.COPIED or (copy.decision is Decision.QUEUED and leaves)


def _given_up(copy: Copy) -> bool:
    """Did the rules end it: the kill switch, a lag, a square-off, a basket?"""
    return copy.stopped or bool(copy.given_up) or bool(copy.unwound)


def _ends(case: Case, one: Placed) -> bool:
    """Is its end asked for, and not to place it anew?"""
    if one.slot.retired:
        return False
    return one.slot.cancel_asked or case.request(one.slot, RequestKind.CANCEL) is not None


def _by_us(slot: Slot) -> bool:
    """Did we end it?"""
    return (slot.cancel_asked or slot.retired or slot.replaced) and not slot.left_alone


def _is_to_close(case: Case, copy: Copy) -> bool:
    """Is an exit to have closed what is due by now? One that waits, by the rules, is not."""
    if copy.decision in (Decision.COPIED, Decision.DEAD):
        return True
    return copy.decision is Decision.QUEUED and _is_wanted(case, copy)


def _copied(case: Case, copy: Copy) -> int:
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


def _closed_again(case: Case, copy: Copy) -> int:
    """Units beyond the leader's that a row of copyctl's own has closed again."""
    if not copy.excess:
        return 0
    why = f"excess of {copy.leader_order_id}"
    rows = (one for one in case.view.now.copies.values() if one.follower == copy.follower and one.urgent == why)
    return sum(one.filled for one in rows)


def _wish(case: Case) -> Terms | None:
    lead = case.view.now.leads.get(case.row.leader_order_id)
    return lead.wish if lead else None


# --- what can be done -------------------------------------------------------------------------------------------------


def _as(one: Difference, remedy: Remedy) -> Difference:
    return dataclasses.replace(one, remedy=remedy)


def _remedy(case: Case, kind: Kind) -> tuple[Remedy, str]:
    """What a run would do about it, or why it does nothing."""
    every = sorted(case.requests, key=lambda one: (one.state is not RequestState.SENT, one.kind.urgency))
    for request in every:
        if request.state is RequestState.SENT:
            return _DO[request.kind], ""
        if request.state is RequestState.QUEUED:
            reason = request.waits_for or None
            return Remedy.WAIT, sentence(reason, Decision.QUEUED) or "it has not left yet"
    if any(_ends(case, one) for one in case.placed if one.open):
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


# --- orders of ours that no copy follows ------------------------------------------------------------------------------


def _strays(view: View, account: str) -> Iterator[Difference]:
    """Open orders that carry an id of ours and are no placement of any copy."""
    known = {
        slot.order_id
        for copy in view.now.copies.values()
        if copy.follower == account
        for slot in copy.slots
        if slot.order_id
    }
    for name, report in view.shown[account].orders.items():
        if name in known or not is_open(report) or report.leg is not Leg.ENTRY or report.of_forever:
            continue
        row = view.whose(account, report.correlation_id)
        if row is None:
            continue
        is_known = bool(row)
        yield Difference(
            account=account,
            kind=Kind.ORPHAN_ORDER,
            leader_order_id=leader_order(row) or None,
            follower_order_id=report.order_id,
            segment=report.segment,
            security_id=report.security_id,
            symbol=view.symbol(report.segment, report.security_id),
            expected="nothing",
            actual=words(report.side, report.terms),
            remedy=Remedy.CANCEL if is_known else Remedy.LEFT,
            why=""
            if is_known
            else "its id has copyctl's form, but no order of this leader gives it: is it another deployment's?",
            orphans=(name,) if is_known else (),
        )
