"""In what a follower's orders differ from what is wanted of them, by leader order: the first kind that holds.

What the policy decided is no difference: a copy that it skipped, refused, gave up or keeps waiting says nothing, unless
something of ours rests at the broker for it all the same.
"""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from copyctl.model.order import Terms
from copyctl.model.reasons import Reason
from copyctl.model.request import RequestKind, RequestState
from copyctl.model.terms import Book, Decision, Leg
from copyctl.report.followed import followed, leader_order
from copyctl.report.reconcile import (
    Difference,
    Kind,
    Remedy,
    View,
    is_open,
    merged,
    price_words,
    words,
)
from copyctl.report.reconcile_case import (
    Case,
    Placed,
    by_us,
    case_of,
    closed_again,
    copied_of,
    ends,
    given_up,
    is_of_today,
    is_read,
    is_to_close,
    is_wanted,
    wish_of,
    with_remedy,
)

_UNKNOWN_FATE = frozenset({Reason.UNRESOLVED.value, Reason.SETTLING.value})


def order_differences(view: View) -> list[Difference]:
    """One for each leader order and follower that differ, the oldest first, and one for each order of ours that belongs
    to none."""
    return merged(_each(view))


def _each(view: View) -> Iterator[Difference]:
    for row in sorted(followed(view.now.copies.values()), key=lambda one: (one.created_at, one.leader_order_id)):
        if row.follower not in view.shown or row.follower not in view.names:
            continue
        case = case_of(view, row)
        if not is_of_today(case) or not is_read(case):
            continue
        for check in _CHECKS:
            if (found := check(case)) is not None:
                yield found
                break
    for account in view.names:
        if account in view.shown:
            yield from _strays(view, account)


# --- the kinds, in order ----------------------------------------------------------------------------------------------


def _unresolved(case: Case) -> Difference | None:
    """Nobody knows what became of a placement, and the books do not show it."""
    lost = [one for one in case.requests if one.state is RequestState.UNSETTLED and one.kind is RequestKind.PLACE]
    untold = [copy for copy in case.copies if copy.reason in _UNKNOWN_FATE]
    if not lost and not untold:
        return None
    ids = [one.correlation_id for one in lost] or [slot.correlation_id for slot in untold[0].slots[-1:]]
    why = "it is looked for on and on while a run is alive, and never sent again on a guess"
    said = case.told(Kind.UNRESOLVED, "a known fate", f"unknown: {', '.join(ids)}", why=why)
    return with_remedy(said, Remedy.WAIT)


def _missing(case: Case) -> Difference | None:
    """The leader's order lives, it is to be copied, and the broker has nothing of it."""
    if case.is_over or any(one.report is not None or one.filled for one in case.placed):
        return None
    for copy in case.copies:
        wanted = copy.wanted
        if copy.decision is Decision.QUEUED and copy.reason == Reason.CHECKING and not case.view.running:
            if copy.exit:
                continue
            what = words(case.leader.side if case.leader else None, copy.decided_on or wish_of(case))
            said = case.told(Kind.MISSING_COPY, f"a copy of {what}", "nothing", why=f"it is checked: {copy.detail}")
            return with_remedy(said, Remedy.PLACE)
        if wanted is None or wanted.terms.quantity <= 0 or not is_wanted(case, copy):
            continue
        if any(slot.live for slot in copy.slots):
            asked = sum(slot.asked.quantity for slot in copy.slots if slot.live)
            return case.told(Kind.MISSING_COPY, words(wanted.side, wanted.terms, asked), "nothing")
    return None


def _orphan(case: Case) -> Difference | None:
    """An order of ours is open, and the leader's is over."""
    open_ones = [one for one in case.placed if one.open and (one.is_orphan or (case.is_over and ends(case, one)))]
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
        if one.report is None or one.report.status is None or not is_wanted(case, one.copy) or by_us(one.slot):
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
        if not there or not (is_wanted(case, copy) or any(one.open for one in there)):
            continue
        if copy.exit:
            odd = next((one for one in there if one.open and one.units != one.slot.asked.quantity), None)
            if odd is not None:
                return case.told(Kind.QUANTITY, odd.slot.asked.quantity, odd.units, odd.slot.order_id)
            continue
        wanted = copy.wanted.terms.quantity if copy.wanted else 0
        total = sum(one.units for one in there)
        wished = wish_of(case) if copy.stuck else None
        if wished is not None and copy.decided_on is not None and wished.quantity != copy.decided_on.quantity:
            return case.told(Kind.QUANTITY, f"as the leader's {wished.quantity}", total)
        if total != wanted and not given_up(copy):
            return case.told(Kind.QUANTITY, wanted, total)
    return None


def _price(case: Case) -> Difference | None:
    """Price, trigger or type of an open order are others than are wanted."""
    for one in case.mine:
        if not one.open or one.report is None or one.report.terms is None or ends(case, one):
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
        if one.copy.stuck and (wish := wish_of(case)) is not None:
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
        if wanted is None or (given_up(copy) and not copy.exit):
            continue
        lot = case.view.lots(wanted.segment, wanted.security_id)
        spare = case.view.tolerance * lot
        if copy.exit:
            due = int(copy.due)
            lacks = min(due - filled, copied_of(case, copy)) if is_to_close(case, copy) else 0
            early = filled - copy.due if case.leader is not None else 0
            beyond = max(early, lacks)
            if beyond >= lot and beyond > spare:  # less than a lot is what whole lots cannot say
                return case.told(Kind.FILL, due, filled)
            continue
        excess = closed_again(case, copy)
        is_copied = copy.decision is Decision.COPIED or is_wanted(case, copy)
        if is_copied and abs(filled - excess - wanted.terms.quantity) > spare:
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
