"""A day of entries, exits, reversals and alternatives, around the real step: the laws of exits are checked throughout.

The leader trades in tens at half his size for the follower, so that where nothing is refused and nothing fills ahead
of him the follower ends with exactly half of what he has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.exit_plan import in_lots
from copyctl.core.keys import order_key
from copyctl.core.stakes import OWN_ROW
from copyctl.model.order import Terms
from copyctl.model.reasons import Category
from copyctl.model.records import Copy, LeaderOrder, Position
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import OrderStatus, Side
from tests.core.building import LEADER, SECOND, terms
from tests.core.life import MS, Booked, World

OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
SIGN = {Side.BUY: 1, Side.SELL: -1}


@dataclass
class ExitsWorld(World):
    """``lawful``: is the second law checked throughout? ``ahead``: may the follower fill what the leader has not?
    ``refusals``: does the broker refuse exits, and changes of them? ``by_hand``: does a person trade in the follower's
    account? ``ends``: does the leader take back what still rests in the end? ``turns``: what he does."""

    ahead: bool = False
    refusals: bool = False
    by_hand: bool = False
    ends: bool = True
    lawful: bool = True
    gaps: bool = True
    turns: int = 14
    hand_trades: int = field(default=0, init=False)
    leader_events: int = field(default=0, init=False)
    asked: list[Request] = field(default_factory=list, init=False)

    # --- the books as the broker has them -------------------------------------------------------------------------

    def net(self, account: str) -> int:
        return sum(SIGN[one.side] * one.filled for one in self.book.values() if one.account == account)

    def of(self, account: str, *, only_open: bool = True) -> list[Booked]:
        return [one for one in self.book.values() if one.account == account and (one.open or not only_open)]

    def copy_of(self, one: Booked) -> Copy | None:
        for copy in self.copies():
            if any(slot.correlation_id == one.correlation_id for slot in copy.slots):
                return copy
        return None

    def is_exit(self, one: Booked) -> bool:
        return one.correlation_id in self.exit_ids

    # --- the day --------------------------------------------------------------------------------------------------

    def __post_init__(self) -> None:
        super().__post_init__()
        self.exit_ids: set[str] = set()
        self.reversals: set[str] = set()
        self.closers: set[str] = set()
        self.refusals_known = (*self.refusals_known, Category.HOLDINGS, Category.SESSION, Category.TRIGGER)

    def day(self) -> None:
        self.start()
        for _ in range(self.turns):
            self.later(self.chance.randrange(40 * SECOND), self._turn)
        for _ in range(20):
            self.later(self.chance.randrange(50 * SECOND), self._some_fills)
        if self.by_hand:
            for _ in range(3):
                self.later(self.chance.randrange(50 * SECOND), self._hand)
        if self.restarts:
            for _ in range(self.chance.randrange(3)):
                self.later(self.chance.randrange(50 * SECOND), lambda: self.die() if self.alive else None)
        for _ in range(self.chance.randrange(3) if self.gaps else 0):
            account = self.chance.choice(self.desk.accounts)
            self.later(
                self.chance.randrange(50 * SECOND),
                lambda account=account: self.disconnect(account) if self.alive else None,  # type: ignore[misc]
            )
        self.run(self.desk.now + 55 * SECOND)
        self.calm = True
        self._all_fill()
        self.run(self.desk.now + 100 * SECOND)
        if self.ends:
            for one in self.of(LEADER):
                self.cancel(one)
        self.run(self.desk.now + 90 * SECOND)

    def _all_fill(self) -> None:
        """Nothing goes wrong any more, and whatever may fill does."""
        for one in self.of(self.desk.rules.followers[0].client_id):
            while self._may_fill(one) > 0 and one.status is OrderStatus.PENDING:
                self.fill(one)
        self.later(SECOND, self._all_fill)

    # --- the leader -----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        mine = self.of(LEADER)
        if mine and self.chance.random() < 0.5:
            self._acts(self.chance.choice(mine))
        elif any(one.order_id in self.reversals for one in mine):
            self._acts(next(one for one in mine if one.order_id in self.reversals))
        else:
            self._places()
        self.leader_events += 1

    def _places(self) -> None:
        net = self.net(LEADER)
        entries = [one for one in self.of(LEADER) if net == 0 or SIGN[one.side] * net > 0]
        if net == 0:
            for one in self.of(LEADER):
                if one.status is not OrderStatus.TRANSIT and self.chance.random() < 0.8 and self._is_followed(one):
                    self.cancel(one)
                    if not self.trouble:
                        return  # a frame of an order in the same moment could come before that of the cancel
            side = entries[0].side if entries else self.chance.choice((Side.BUY, Side.BUY, Side.SELL))
            if any(one.side is not side for one in self.of(LEADER)):
                return
            self._order(side, 10 * self.chance.randint(1, 12), ("LIMIT", "LIMIT", "MARKET"))
        elif self.chance.random() < 0.35:
            self._order(Side.BUY if net > 0 else Side.SELL, 10 * self.chance.randint(1, 8), ("LIMIT", "MARKET"))
        else:
            self._exits(Side.SELL if net > 0 else Side.BUY, abs(net))

    def _exits(self, side: Side, held: int) -> None:
        how = self.chance.random()
        if how < 0.15 and not self.of(LEADER):
            one = self._order(side, held + 10 * self.chance.randint(1, 6), ("LIMIT", "MARKET"))
            self.reversals.add(one.order_id)
        elif how < 0.35:
            self.closers.add(self._order(side, held, ("STOP_LOSS",)).order_id)
            self.closers.add(self._order(side, held, ("LIMIT",)).order_id)
        else:
            units = held if how < 0.6 else 10 * self.chance.randint(1, held // 10)
            self.closers.add(self._order(side, units, ("LIMIT", "LIMIT", "MARKET", "STOP_LOSS")).order_id)

    def _order(self, side: Side, units: int, kinds: tuple[str, ...]) -> Booked:
        kind = self.chance.choice(kinds)
        trigger = 100 + SIGN[side] if kind == "STOP_LOSS" else 0
        validity = "IOC" if kind == "LIMIT" and self.chance.random() < 0.1 else "DAY"
        price = trigger + SIGN[side] if trigger else 100
        one = self.place(LEADER, terms(units, price, order_type=kind, trigger=trigger, validity=validity), side, "")
        if kind == "MARKET" or validity == "IOC":
            self.later(500 * MS, lambda: self._trades(one, whole=True))
        if validity == "IOC":
            self.later(600 * MS, lambda: self._ends(one))
        return one

    def _ends(self, one: Booked) -> None:
        if one.open:
            one.status = OrderStatus.EXPIRED
            self.tell(one)

    def _acts(self, one: Booked) -> None:
        what = self.chance.choice(("fill", "fill", "fill", "cancel", "price", "quantity", "type", "reject"))
        if what == "fill":
            self._trades(one, whole=self.chance.random() < 0.6)
        elif what == "cancel" and one.status is not OrderStatus.TRANSIT and self._is_followed(one):
            self.cancel(one)
        elif what == "reject" and one.status is OrderStatus.TRANSIT:
            one.status = OrderStatus.REJECTED
            self.tell(one)
        elif one.status is not OrderStatus.TRANSIT and one.open and one.terms.order_type.has_price:
            self.modify(one, self._changed(one, what))

    def _is_followed(self, one: Booked) -> bool:
        """Has the follower all that his entry has filled? Else what it lacks would be drift, and no fault of ours."""
        if self.ahead or one.order_id in self.closers or not one.filled:
            return True
        rows = (one.order_id, f"{one.order_id}#entry")
        copies = [copy for copy in self.copies() if copy.leader_order_id in rows]
        return sum(other.filled for copy in copies for other in self.placements(copy)) >= one.filled // 2

    def _changed(self, one: Booked, what: str) -> Terms:
        if what == "quantity":
            least = one.filled // 10 + 1
            most = max(least, one.terms.quantity // 10 + 2)
            if self._closes(one):
                most = max(least, min(most, (one.filled + max(0, -SIGN[one.side] * self.net(LEADER))) // 10))
            return replace(one.terms, quantity=10 * self.chance.randint(least, most))
        if what == "type" and not one.terms.order_type.has_trigger:
            self.later(300 * MS, lambda: self._trades(one, whole=True))
            return replace(terms(one.terms.quantity, order_type="MARKET"), validity=one.terms.validity)
        return replace(one.terms, price=one.terms.price + 1, trigger_price=one.terms.trigger_price)

    def _closes(self, one: Booked) -> bool:
        return one.order_id in self.closers

    def _trades(self, one: Booked, *, whole: bool) -> None:
        """His order fills; what only closes never takes him through flat, and what is left of it he takes back."""
        if one.status is not OrderStatus.PENDING or not one.open:
            return
        leaves = one.terms.quantity - one.filled
        if one.order_id in self.closers:
            leaves = min(leaves, max(0, -SIGN[one.side] * self.net(LEADER)))
        if leaves <= 0:
            return
        one.filled += leaves if whole else 10 * self.chance.randint(1, leaves // 10)
        if one.filled == one.terms.quantity:
            one.status = OrderStatus.TRADED
        self.tell(one)
        for other in self.of(LEADER):
            if other.side is one.side and other is not one and self.net(LEADER) == 0:
                self.later(self.chance.choice((5 * MS, SECOND)), lambda other=other: self._takes_back(other))  # type: ignore[misc]

    def _takes_back(self, one: Booked) -> None:
        if one.status is OrderStatus.TRANSIT:
            self.later(SECOND // 2, lambda: self._takes_back(one))
        elif one.open and self.net(LEADER) == 0:
            self.cancel(one)

    # --- the follower ---------------------------------------------------------------------------------------------

    def _some_fills(self) -> None:
        for one in self.of(self.desk.rules.followers[0].client_id):
            if self.chance.random() < 0.6:
                self.fill(one)

    def fill(self, one: Booked) -> None:
        most = self._may_fill(one)
        if one.status is not OrderStatus.PENDING or most < 5:
            return
        one.filled += 5 * self.chance.randint(1, most // 5)
        if one.filled == one.terms.quantity:
            one.status = OrderStatus.TRADED
        self.tell(one)
        self._law()

    def _may_fill(self, one: Booked) -> int:
        leaves = one.terms.quantity - one.filled
        copy = self.copy_of(one)
        if copy is None or self.ahead or copy.leader_order_id.startswith(OWN_ROW):
            return leaves
        order_type = one.terms.order_type
        lead = self.desk.state.tables["leader_order"].get(copy.leader_order_id.partition("#")[0])
        leader = self.book[copy.leader_order_id.partition("#")[0]]
        filled = sum(other.filled for other in self.placements(copy))
        if copy.exit:
            slot = next(slot for slot in copy.slots if slot.correlation_id == one.correlation_id)
            if slot.urgent and slot.asked.order_type is order_type:
                return leaves
            return min(leaves, in_lots(copy.due, 5) - filled)
        closes = lead.exits + lead.undone if isinstance(lead, LeaderOrder) else 0
        return min(leaves, max(0, leader.filled - closes) // 2 - copy.cut - filled)

    def _hand(self) -> None:
        """A person sells or buys in the follower's account."""
        account = self.desk.rules.followers[0].client_id
        side = self.chance.choice((Side.BUY, Side.SELL))
        units = 5 * self.chance.randint(1, 8)
        one = self.place(account, terms(units, order_type="MARKET"), side, "")
        self.hand_trades += 1
        self.later(500 * MS, lambda: self._fills_whole(one))

    def _fills_whole(self, one: Booked) -> None:
        one.filled, one.status = one.terms.quantity, OrderStatus.TRADED
        self.tell(one)

    # --- the broker -----------------------------------------------------------------------------------------------

    def _leaves(self, request: Request) -> None:
        self.asked.append(request)
        if request.exit:
            self.exit_ids.add(request.correlation_id)
        super()._leaves(request)

    def _arrives(self, request: Request, *, answers: bool) -> None:
        super()._arrives(request, answers=answers)
        self._law()

    def _accepts(self, one: Booked) -> None:
        if one.status is not OrderStatus.TRANSIT:
            return
        refuses = self.refusals and self.is_exit(one) and self.unlucky()
        one.status = OrderStatus.REJECTED if refuses else OrderStatus.PENDING
        if one.open and one.terms.order_type.value == "MARKET" and self.chance.random() < 0.3:
            one.terms = replace(one.terms, order_type=terms().order_type, price=Decimal(101))
        self.tell(one)

    def refuses(self, what: Request | Booked, kind: RequestKind) -> bool:
        exits = what.exit if isinstance(what, Request) else self.is_exit(what)
        return self.refusals and exits and self.unlucky()

    # --- what must hold -------------------------------------------------------------------------------------------

    def _no_excess(self) -> None:
        self._law()

    def _law(self) -> None:
        """No exit order at the broker may take the follower past flat, whatever fills (the second law): what exits
        have closed and still offer is never more than what entries built; and where only exits trade on their side,
        never more than is there."""
        if self.by_hand or not self.lawful:
            return
        for account in self.desk.accounts[1:]:
            everything = self.of(account, only_open=False)
            for side in Side:
                mine = [one for one in everything if one.side is side]
                exits = [one for one in mine if self.is_exit(one)]
                offered = sum(one.terms.quantity - one.filled for one in exits if one.open)
                closed = sum(one.filled for one in exits)
                built = sum(one.filled for one in everything if one.side is not side and not self.is_exit(one))
                if offered:
                    assert closed + offered <= built, f"exits closed {closed} {side}, offer {offered}, built {built}"
                if len(exits) == len(mine):
                    there = max(0, -SIGN[side] * self.net(account))
                    assert offered <= there, f"exits offer {offered} {side} of {there}"

    def stake(self, account: str) -> Position | None:
        found = [one for one in self.desk.state.tables["position"].values() if isinstance(one, Position)]
        return next((one for one in found if one.account == account), None)

    def known(self, one: Booked) -> object:
        return self.desk.state.tables["order"].get(order_key(one.account, one.order_id))


Happening = Callable[[], None]
