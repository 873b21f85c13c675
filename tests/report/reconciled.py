"""Two days that ``reconcile`` compares: a small one made by hand, and whole ones that the core has lived through."""

from collections.abc import Mapping, Sequence
from typing import Any

from copyctl.core.correlation import stem_of
from copyctl.core.orphans import is_ours_by_form, stems
from copyctl.core.wish import same_order
from copyctl.lab.caught_up import caught_up
from copyctl.lab.rehearsal import World as Rehearsed
from copyctl.model.events import BooksRead
from copyctl.model.facts import Lack, PositionRow, Positions
from copyctl.model.order import ExecutionReport
from copyctl.model.policy import Rules
from copyctl.model.records import Record
from copyctl.report.picture import Picture
from copyctl.report.reconcile import Difference, View, shown
from copyctl.report.reconcile_orders import order_differences
from copyctl.report.reconcile_positions import position_differences
from tests.core.building import INSTRUMENTS, WEEKDAYS, instrument_key

Records = Mapping[str, Sequence[Record]]


def compared(
    records: Records,
    rules: Rules,
    books: Mapping[str, Sequence[ExecutionReport]],
    rows: Mapping[str, Sequence[PositionRow]],
    now: int,
    *,
    running: bool = True,
    tolerance: int = 0,
    empty: bool = False,
) -> list[Difference]:
    """What ``reconcile`` finds at a moment (ns), by these records, books and positions."""
    leader = rules.leader.client_id
    read = [
        BooksRead(at=now, account=account, asked_at=now, orders=tuple(orders), armed=(), super_read=True)
        for account, orders in books.items()
    ]
    held = {account: Positions(account=account, as_of=now, rows=tuple(there)) for account, there in rows.items()}
    world = Rehearsed(
        instrument=lambda segment, name: INSTRUMENTS.get(instrument_key(segment, name)),
        master=True,
        days=lambda _: (WEEKDAYS, ""),
        held={},
        fact=lambda *_: Lack.UNAVAILABLE,
    )
    after = Picture(caught_up(records, rules, read, held, world, now=now, begins=not running))

    def whose(account: str, correlation: str) -> str | None:
        if not is_ours_by_form(correlation):
            return None
        own = (row for row, follower in after.copies if follower == account)
        return stems(leader, account, (*after.leads, *own)).get(stem_of(correlation), "")

    view = View(
        leader=leader,
        names={one.client_id: one.name for one in rules.followers},
        store=Picture(records),
        now=after,
        shown={one.account: shown(one, held.get(one.account), after) for one in read},
        same=same_order,
        whose=whose,
        at=now,
        tolerance=tolerance,
        empty=empty,
        running=running,
    )
    return [*order_differences(view), *position_differences(view)]


def told(found: Sequence[Difference]) -> list[tuple[Any, ...]]:
    """Kind, leader order, expected and actual of each."""
    return [(one.kind.value, one.leader_order_id, one.expected, one.actual) for one in found]
