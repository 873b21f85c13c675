"""In what a follower's positions differ from what its copies give: trades by hand, fills that nobody recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copyctl.model.facts import PositionRow, Positions
from copyctl.model.placement import Slot
from copyctl.model.records import Copy, Position
from copyctl.model.terms import Segment, Side
from copyctl.report.moments import day_start, indian
from copyctl.report.picture import Picture
from copyctl.report.reconcile import Difference, Kind, Remedy, View

_What = tuple[Segment, str]
"""Segment and security id."""
BY_HAND = "traded by hand, by the broker or from another place"


def position_differences(view: View) -> list[Difference]:
    """One for each instrument that was copied for a follower and of which it has something else than its copies give,
    and what it began the day with; all products together: who converted a position has it still."""
    return [one for account in view.names if account in view.shown for one in _of_follower(view, account)]


@dataclass(frozen=True, slots=True)
class _Day:
    """Units of one instrument: what earlier days left, and what this day has traded, signed."""

    carried: int = 0
    traded: int = 0


def _of_follower(view: View, account: str) -> Iterator[Difference]:
    told = view.shown[account].positions
    if told is None or told.bad_rows:
        return
    shown = _days(told.rows)
    store = view.now if view.empty else view.store
    by_store, by_now = _copied_today(view, store, account), _copied_today(view, view.now, account)
    for what in dict.fromkeys((*by_store, *by_now, *_held(view.now, account))):
        if _is_expired(view, told, what):
            continue
        day = shown.get(what, _Day())
        expected, known = by_store.get(what, 0), by_now.get(what, 0)
        spare = view.tolerance * view.lots(*what)
        flat = _leader_is_flat(view, account, what)
        if abs(day.traded - expected) > spare:
            seen = abs(day.traded - known) <= spare
            yield _row(view, account, what, (day.carried + expected, day.carried + day.traded), seen=seen)
        elif flat is not None:
            yield _row(view, account, what, (0, flat), leader_flat=True)


def _row(
    view: View,
    account: str,
    what: _What,
    figures: tuple[int, int],
    *,
    seen: bool = False,
    leader_flat: bool = False,
) -> Difference:
    remedy, why = Remedy.LEFT, BY_HAND
    if seen:
        remedy, why = Remedy.RECORD, "fills that the store does not know"
    if leader_flat:
        remedy = Remedy.WAIT
        why = "the leader holds nothing of it any more: a run copies the missing exit once a second read confirms it"
    return Difference(
        account=account,
        kind=Kind.POSITION,
        segment=what[0],
        security_id=what[1],
        symbol=view.symbol(*what),
        expected=figures[0],
        actual=figures[1],
        remedy=remedy,
        why=why,
    )


def _days(rows: Sequence[PositionRow]) -> dict[_What, _Day]:
    found: dict[_What, _Day] = {}
    for row in rows:
        before = found.get((row.segment, row.security_id), _Day())
        traded = before.traded + row.net - row.carried
        found[row.segment, row.security_id] = _Day(before.carried + row.carried, traded)
    return found


def _copied_today(view: View, picture: Picture, account: str) -> dict[_What, int]:
    """What copies have traded this day, by instrument."""
    begins = day_start(view.at)
    fills: dict[str, int] = {}
    for fill in picture.fills.values():
        if fill.account == account and fill.traded_at >= begins:
            fills[fill.order_id] = fills.get(fill.order_id, 0) + fill.quantity
    found: dict[_What, int] = {}
    for copy in picture.copies.values():
        wanted = copy.wanted
        if copy.follower != account or wanted is None:
            continue
        units = sum(_today(picture, copy, slot, begins, fills) for slot in copy.slots if slot.filled)
        if units:
            key = (wanted.segment, wanted.security_id)
            found[key] = found.get(key, 0) + (units if wanted.side is Side.BUY else -units)
    return found


def _today(picture: Picture, copy: Copy, slot: Slot, begins: int, fills: dict[str, int]) -> int:
    """Units that a placement has traded this day: all of them where it was placed today, else those of its trades."""
    order = picture.orders.get((copy.follower, slot.order_id))
    placed_at = (order.created_time if order else 0) or slot.left_at or slot.decided_at or copy.created_at
    if placed_at >= begins:
        return slot.filled
    number = order.number if order is not None else ""
    return min(slot.filled, fills.get(number or slot.order_id, 0))


def _held(picture: Picture, account: str) -> list[_What]:
    """What copies of whatever day have built."""
    return [
        (one.segment, one.security_id) for one in picture.positions.values() if one.account == account and one.copied
    ]


def _is_expired(view: View, told: Positions, what: _What) -> bool:
    """A contract that has expired is over, whatever a row still says."""
    today = indian(view.at).date()
    rows = (row for row in told.rows if (row.segment, row.security_id) == what)
    return any(row.expiry is not None and row.expiry < today for row in rows)


def _leader_is_flat(view: View, account: str, what: _What) -> int | None:
    """Units that a follower's copies hold of what the leader, by his own positions, has nothing of any more, and by the
    orders that are known still has; None where that is not so."""
    his = view.shown.get(view.leader)
    if his is None or his.positions is None or his.positions.bad_rows:
        return None
    mine = _net(view.now, account, what, copied=True)
    known = _net(view.now, view.leader, what)
    if not mine or mine * known <= 0:
        return None
    there = sum(row.net for row in his.positions.rows if (row.segment, row.security_id) == what)
    there += sum(one.total + one.mtf for one in his.positions.holdings if one.security_id == what[1])
    return mine if mine * there <= 0 else None


def _net(picture: Picture, account: str, what: _What, *, copied: bool = False) -> int:
    found: list[Position] = [
        one for one in picture.positions.values() if (one.account, one.segment, one.security_id) == (account, *what)
    ]
    return sum(one.copied if copied else one.net for one in found)
