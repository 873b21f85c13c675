"""A day that is past: what the broker's history says that copies traded, against what the store has of it.

The order books of that day are gone, so that fills are all there is to compare.
"""

from collections.abc import Iterator, Mapping, Sequence

from copyctl.model.order import Fill
from copyctl.model.terms import Segment, Side
from copyctl.report.followed import leader_order
from copyctl.report.picture import Picture
from copyctl.report.reconcile import Difference, Kind, Remedy

_What = tuple[Segment, str]


def day_differences(
    picture: Picture,
    names: Mapping[str, str],
    history: Mapping[str, Sequence[Fill]],
    *,
    begins: int,
    ends: int,
    tolerance: int = 0,
) -> list[Difference]:
    """The copies' orders of which other units traded between two moments (ns) than the store has, and the instruments
    that were copied in which orders of nobody's traded.

    ``picture``: with the records that a run has dropped. ``history``: the trades of that day by account, as the broker
    tells them; an account that is not in it is not compared. ``tolerance``: lots.
    """
    rows: list[Difference] = []
    for account in names:
        if account in history:
            trades = [one for one in history[account] if begins <= one.traded_at < ends]
            rows.extend(_of_account(picture, account, trades, begins=begins, ends=ends, tolerance=tolerance))
    return rows


def _of_account(
    picture: Picture, account: str, trades: Sequence[Fill], *, begins: int, ends: int, tolerance: int
) -> Iterator[Difference]:
    placed = _placements(picture, account)
    kept = [one for one in picture.fills.values() if one.account == account and begins <= one.traded_at < ends]
    told, known = _by_order(trades), _by_order(kept)
    what = {one.order_id: one for one in (*kept, *trades)}
    copied: set[_What] = set()
    for order_id in dict.fromkeys((*told, *known)):
        if order_id not in placed:
            continue
        one = what[order_id]
        copied.add((one.segment, one.security_id))
        spare = tolerance * _lot(picture, one.segment, one.security_id)
        if abs(told.get(order_id, 0) - known.get(order_id, 0)) > spare:
            yield Difference(
                account=account,
                kind=Kind.FILL,
                leader_order_id=placed[order_id],
                follower_order_id=order_id,
                segment=one.segment,
                security_id=one.security_id,
                symbol=_symbol(picture, one.segment, one.security_id),
                expected=told.get(order_id, 0),
                actual=known.get(order_id, 0),
                remedy=Remedy.LEFT,
                why="the broker's history and the store have different fills of that day; the day is over",
            )
    for key in sorted(copied):
        units = sum(
            _signed(one) for one in trades if one.order_id not in placed and (one.segment, one.security_id) == key
        )
        if abs(units) > tolerance * _lot(picture, *key):
            yield Difference(
                account=account,
                kind=Kind.POSITION,
                segment=key[0],
                security_id=key[1],
                symbol=_symbol(picture, *key),
                expected=0,
                actual=units,
                remedy=Remedy.LEFT,
                why="traded that day by orders that no copy placed: by hand, or from another place",
            )


def _placements(picture: Picture, account: str) -> dict[str, str]:
    """The leader's order of each order that copies placed, by the broker's id."""
    found: dict[str, str] = {}
    for copy in picture.copies.values():
        if copy.follower != account:
            continue
        for slot in copy.slots:
            order = picture.orders.get((account, slot.order_id))
            for order_id in filter(None, (slot.order_id, order.number if order else "")):
                found[order_id] = leader_order(copy.leader_order_id)
    return found


def _by_order(fills: Sequence[Fill]) -> dict[str, int]:
    units: dict[str, int] = {}
    for one in {fill.key: fill for fill in fills}.values():
        units[one.order_id] = units.get(one.order_id, 0) + one.quantity
    return units


def _signed(fill: Fill) -> int:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity


def _lot(picture: Picture, segment: Segment, security_id: str) -> int:
    known = picture.instrument(segment, security_id)
    return known.lot_size if known else 1


def _symbol(picture: Picture, segment: Segment, security_id: str) -> str | None:
    known = picture.instrument(segment, security_id)
    return (known.symbol or None) if known else None
