"""In what accounts differ: store against broker, leader against followers, one row for each order and each position.

Two pictures and the broker's own rows are compared. ``store`` is what the journal says. ``now`` is what it would say
once the rows had been read: what the rules want of each order by this moment, and what would be asked for because of
it. What is there is never taken from either, but from the rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from copyctl.model.events import BooksRead
from copyctl.model.facts import Positions
from copyctl.model.order import ExecutionReport, Order, Terms
from copyctl.model.terms import Leg, Segment
from copyctl.report.figures import number
from copyctl.report.picture import Picture

Row = dict[str, Any]
Value = int | str


class Kind(StrEnum):
    """What a difference is, in the order in which the first that holds is told."""

    UNRESOLVED = "unresolved"
    MISSING_COPY = "missing_copy"
    ORPHAN_ORDER = "orphan_order"
    STATUS = "status"
    QUANTITY = "quantity"
    PRICE = "price"
    FILL = "fill"
    POSITION = "position"


class Remedy(StrEnum):
    """What can be done about a difference. The first four a run does by itself; then there is nothing but to wait, or
    it is left to a person."""

    PLACE = "place"
    CHANGE = "change"
    CANCEL = "cancel"
    RECORD = "record"
    WAIT = "wait"
    LEFT = "left"

    @property
    def can_be_done(self) -> bool:
        """Would a run do it now?"""
        return self not in (Remedy.WAIT, Remedy.LEFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. ``account``: the follower's. ``expected`` and ``actual``: units, or a few words. ``why``: why
    nothing can be done now, or more about it. ``orphans``: order ids that no copy follows and that can be cancelled."""

    account: str
    kind: Kind
    leader_order_id: str | None = None
    follower_order_id: str | None = None
    segment: Segment | None = None
    security_id: str | None = None
    symbol: str | None = None
    expected: Value
    actual: Value
    remedy: Remedy = Remedy.LEFT
    why: str = ""
    orphans: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, bool]:
        """Of what it is: one leader order, or one position, of one follower."""
        what = self.leader_order_id or self.follower_order_id or f"{self.segment}/{self.security_id}"
        return self.account, what, self.kind is Kind.POSITION

    @property
    def figure(self) -> tuple[Kind, Value, Value]:
        """How it stands."""
        return self.kind, self.expected, self.actual


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the broker shows of one account: the orders by the names under which they are kept, and what it holds (None:
    not read). ``special``: were super and forever orders read as well?"""

    orders: Mapping[str, ExecutionReport]
    positions: Positions | None = None
    special: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that is compared. ``names``: the followers' names by account; ``shown`` by account, the leader's too; who is
    not in it was not read. ``same``: do two terms show one and the same order, whatever the exchange made of it?
    ``whose``: to which row a follower's correlation id belongs; "" for an id of copyctl's form that no row gives, None
    for any other. ``at``: the moment (ns); ``tolerance``: lots. ``empty``: there is no store, the accounts alone are
    compared. ``running``: a run is alive, which is at work."""

    leader: str
    names: Mapping[str, str]
    store: Picture
    now: Picture
    shown: Mapping[str, Shown]
    same: Callable[[Terms, Terms], bool]
    whose: Callable[[str, str], str | None]
    at: int
    tolerance: int = 0
    empty: bool = False
    running: bool = False

    def lots(self, segment: Segment | None, security_id: str | None) -> int:
        """Units of one lot of an instrument."""
        known = self.now.instrument(segment, security_id)
        return known.lot_size if known else 1

    def symbol(self, segment: Segment | None, security_id: str | None) -> str | None:
        """What people call an instrument."""
        known = self.now.instrument(segment, security_id)
        return (known.symbol or None) if known else None


def shown(book: BooksRead, positions: Positions | None, picture: Picture) -> Shown:
    """The rows of a book by the names under which ``picture`` keeps their orders: a leg is kept under its entry's id,
    and what a forever order has become under that one's."""
    numbers = {
        one.number: one.order_id for one in picture.orders.values() if one.account == book.account and one.number
    }
    orders: dict[str, ExecutionReport] = {}
    for report in book.orders:
        name = _name(report, numbers)
        before = orders.get(name)
        if before is None or (before.terms and before.terms.validity == "FOREVER") or not _is_further(before, report):
            orders[name] = report
    return Shown(orders=orders, positions=positions, special=book.super_read and book.armed is not None)


def _name(report: ExecutionReport, numbers: Mapping[str, str]) -> str:
    is_forever = report.terms is not None and report.terms.validity == "FOREVER"
    if report.leg is Leg.ENTRY or is_forever:
        return report.order_id if is_forever else numbers.get(report.order_id, report.order_id)
    return numbers.get(report.order_id) or f"{report.parent_id or report.order_id}:{report.leg}"


def _is_further(before: ExecutionReport, report: ExecutionReport) -> bool:
    """Does the row that is known already say more? An entry may stand in the book of the day and in its own."""
    rank = [one.status.progress if one.status else -1 for one in (before, report)]
    return rank[0] >= rank[1]


def is_open(report: ExecutionReport) -> bool:
    """May it still trade? A word that we do not know says nothing of an end."""
    return report.status is None or not report.status.is_final


def words(side: str | None, terms: Terms | None, quantity: int | None = None) -> str:
    """An order, short."""
    if terms is None:
        return f"{side or 'an order'}"
    price, trigger = number(terms.price), number(terms.trigger_price)
    told = [
        side,
        terms.quantity if quantity is None else quantity,
        terms.order_type.value,
        price or None,
        f"trigger {trigger}" if trigger else None,
    ]
    return " ".join(str(one) for one in told if one is not None)


def price_words(terms: Terms | None) -> str:
    """Type, price and trigger, short."""
    return words(None, terms).split(" ", 1)[-1] if terms is not None else "unknown"


def leader_of(view: View, order_id: str) -> Order | None:
    """The leader's order of a row, None for a row of copyctl's own and one that nobody knows."""
    return view.now.orders.get((view.leader, order_id))


# --- what is told ---------------------------------------------------------------------------------------------------

_TO_DO = {
    Remedy.PLACE: ("place it", "placed"),
    Remedy.CHANGE: ("change it", "changed"),
    Remedy.CANCEL: ("cancel it", "cancelled"),
    Remedy.RECORD: ("record it", "recorded"),
}


def action(one: Difference, *, fixed: bool = False, tried: bool = False, running: bool = False) -> str:
    """What is, was or can be done about a difference, and why not. ``fixed``: it is gone by now; ``tried``: --fix was
    given."""
    if one.remedy is Remedy.WAIT:
        return f"waits: {one.why}" if one.why else "waits"
    if one.remedy is Remedy.LEFT:
        return f"left to you: {one.why}"
    todo, done = _TO_DO[one.remedy]
    more = f" ({one.why})" if one.why else ""
    if fixed:
        return f"{done}{more}"
    if tried:
        return f"not done yet: {todo}{more}; see copyctl orders"
    return (
        f"--fix has the run look again and {todo}{more}" if running else f"--fix, or the next start, will {todo}{more}"
    )


def rows(found: Iterable[Difference], names: Mapping[str, str], actions: Sequence[str]) -> list[Row]:
    """The differences as programs read them; ``actions``: what is told of each."""
    return [
        {
            "follower": names.get(one.account, one.account),
            "kind": one.kind.value,
            "leader_order_id": one.leader_order_id,
            "follower_order_id": one.follower_order_id,
            "exchange_segment": one.segment.value if one.segment else None,
            "security_id": one.security_id,
            "symbol": one.symbol,
            "expected": one.expected,
            "actual": one.actual,
            "action": told,
        }
        for one, told in zip(found, actions, strict=True)
    ]


def steady(
    looks: Sequence[Sequence[Difference]],
) -> tuple[list[Difference], list[Difference]]:
    """Which differences of the last look stand, and which are in motion still: those that the look before did not show,
    or showed otherwise. One that every look has shown, however it moves, stands."""
    last = looks[-1]
    if len(looks) == 1:
        return [], list(last)
    before = {one.key: one.figure for one in looks[-2]}
    always = set.intersection(*({one.key for one in look} for look in looks))
    worn = len(looks) >= MOST_LOOKS
    stand = [one for one in last if before.get(one.key) == one.figure or (worn and one.key in always)]
    return stand, [one for one in last if one not in stand]


MOST_LOOKS = 5
"""So often accounts are looked at where something moves between two looks."""


def merged(found: Iterator[Difference]) -> list[Difference]:
    """One row for each order and position: the first kind that holds."""
    rank = list(Kind)
    best: dict[tuple[str, str, bool], Difference] = {}
    for one in found:
        before = best.get(one.key)
        if before is None or rank.index(one.kind) < rank.index(before.kind):
            best[one.key] = replace(one, orphans=(*(before.orphans if before else ()), *one.orphans))
        elif one.orphans:
            best[one.key] = replace(before, orphans=(*before.orphans, *one.orphans))
    return list(best.values())
