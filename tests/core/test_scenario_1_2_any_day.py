"""Super orders on any day: whatever fills, moves, is cancelled or hit first, the laws hold (scenarios 1.2, 4.6, 9.6).

A small broker of one super order for each account: its legs come with the fills of its entry, one ends with the other,
an entry's cancel ends them all. Frames come late and out of step between the accounts; books tell all.
"""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.model.events import BooksRead, FrameRead
from copyctl.model.order import Bracket, ExecutionReport
from copyctl.model.request import Fate, Request, RequestKind
from copyctl.model.terms import Book, Leg, OrderType, Side, Source
from tests.core.building import ALICE, LEADER, SECOND, Desk, report
from tests.properties import tried

LEGS = (Leg.STOP_LOSS, Leg.TARGET)
OPEN = ("PENDING", "PART_TRADED")


@dataclass
class Plain:
    """An order of the day of alice's, or the leader's closing one."""

    order_id: str
    correlation_id: str
    side: Side
    quantity: int
    at_market: bool
    status: str = "PENDING"
    filled: int = 0
    terms: Any = None


@dataclass
class Supers:
    """One account at the broker: its super order and its plain ones."""

    account: str
    entry_id: str = ""
    correlation_id: str = ""
    entry: str = ""
    whole: int = 0
    filled: int = 0
    stop: int = 95
    target: int = 110
    legs: dict[Leg, str] = field(default_factory=dict)
    hit: dict[Leg, int] = field(default_factory=lambda: dict.fromkeys(LEGS, 0))
    plain: list[Plain] = field(default_factory=list)
    bought: int = 0

    @property
    def net(self) -> int:
        return self.bought

    def fill_entry(self, units: int) -> None:
        units = min(units, self.whole - self.filled)
        if self.entry not in OPEN or units <= 0:
            return
        self.filled += units
        self.bought += units
        self.entry = "TRADED" if self.filled == self.whole else "PART_TRADED"
        for leg in LEGS:
            self.legs.setdefault(leg, "PENDING")

    def hit_leg(self, leg: Leg) -> None:
        """All that is open of a leg trades; the other one ends, and so does what is open of the entry."""
        if self.legs.get(leg) != "PENDING":
            return
        units = self.filled - sum(self.hit.values())
        self.hit[leg] += units
        self.bought -= units
        self.legs[leg] = "TRADED"
        for other in LEGS:
            if self.legs[other] == "PENDING":
                self.legs[other] = "CANCELLED"
        if self.entry in OPEN:
            self.entry = "CANCELLED"

    def cancel_leg(self, leg: Leg) -> bool:
        if self.legs.get(leg) != "PENDING":
            return False
        self.legs[leg] = "CANCELLED"
        return True

    def cancel_entry(self) -> bool:
        if self.entry not in OPEN:
            return False
        self.entry = "CANCELLED"
        for leg in LEGS:
            self.cancel_leg(leg)
        return True

    def rows(self, as_of: int) -> list[ExecutionReport]:
        if not self.entry:
            return []
        said: dict[str, Any] = {"as_of": as_of, "super_order": True}
        kept = Bracket(target=Decimal(self.target), stop=Decimal(self.stop))
        mine = {"correlation_id": self.correlation_id, "bracket": kept, "filled": self.filled}
        rows = [report(self.account, self.entry_id, self.entry, quantity=self.whole, **mine, **said)]
        for leg, status in self.legs.items():
            stop = {"order_type": "STOP_LOSS_MARKET", "trigger": self.stop, "price": 0}
            shape = stop if leg is Leg.STOP_LOSS else {"price": self.target}
            where = {"leg": leg, "parent_id": self.entry_id, "side": Side.SELL, "filled": self.hit[leg]}
            number = f"{self.entry_id}-{leg[:4]}"
            rows.append(report(self.account, number, status, quantity=self.filled, **where, **shape, **said))
        return [*rows, *(self._plain_row(one, as_of) for one in self.plain)]

    def _plain_row(self, one: Plain, as_of: int) -> ExecutionReport:
        at_market = {"quantity": one.quantity, "order_type": "MARKET", "price": 0}
        shape = {"terms": one.terms} if one.terms is not None else at_market
        said = {"side": one.side, "filled": one.filled, "correlation_id": one.correlation_id, "as_of": as_of}
        return report(self.account, one.order_id, one.status, **shape, **said)


class Day:
    """A leader and alice with one super order each, and everything that may happen to them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        lag = self.chance.choice(("none", "cancel", "market"))
        fills = {"lag_alert": "5s", "lag_deadline": "10s", "lag_action": lag, "excess": "close"}
        policy = {"fills": fills}
        self.desk = Desk(policy).start()
        self.of = {LEADER: Supers(LEADER, entry_id="L1", whole=100), ALICE: Supers(ALICE)}
        self.told: dict[str, list[ExecutionReport]] = {LEADER: [], ALICE: []}
        self.known: dict[tuple[str, str], ExecutionReport] = {}
        self.number = 0

    # --- the broker ---------------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """What is new goes on its way as frames."""
        for account, one in self.of.items():
            assert one.net >= 0, f"{account} went past flat: {one}"
            for row in one.rows(0):
                key = (account, row.order_id)
                if self.known.get(key) != row:
                    self.known[key] = row
                    self.told[account].append(row)

    def hear(self, account: str, most: int = 99) -> None:
        """So many frames of an account arrive; none tells a bracket."""
        for _ in range(min(most, len(self.told[account]))):
            row = self.told[account].pop(0)
            self.desk.now += SECOND // 50
            self.feed_frame(row)

    def feed_frame(self, row: ExecutionReport) -> None:
        now = self.desk.now
        one = replace(row, as_of=now, broker_time=now // SECOND * SECOND, bracket=None)
        self.desk.feed(FrameRead(at=now, account=row.account, raw=b"", reports=(one,)))

    def read(self, account: str) -> None:
        self.told[account].clear()
        now = self.desk.now = self.desk.now + SECOND // 50
        at = now // SECOND * SECOND
        rows = tuple(replace(row, as_of=now, broker_time=at, source=Source.BOOK) for row in self.of[account].rows(now))
        self.desk.feed(BooksRead(at=now, account=account, asked_at=now, orders=rows, armed=(), super_read=True))

    def serve(self) -> None:
        """What was asked of alice's broker is done and answered."""
        for request in self.desk.taken():
            fate, order_id = self._done(request)
            category = {} if fate is Fate.ACKNOWLEDGED else {"category": None, "text": "no such order"}
            self.changed()
            self.desk.answer(fate, order_id, request=request, **category)

    def _done(self, request: Request) -> tuple[Fate, str]:
        mine = self.of[ALICE]
        wanted = request.desired
        if request.kind is RequestKind.PLACE:
            assert wanted is not None
            self.number += 1
            name = f"A{self.number}"
            if request.book is Book.SUPER:
                assert not mine.entry or mine.entry in ("CANCELLED", "REJECTED"), "a second super order"
                mine.entry_id, mine.correlation_id, mine.entry = name, request.correlation_id, "PENDING"
                mine.whole, mine.filled, mine.legs, mine.hit = wanted.terms.quantity, 0, {}, dict.fromkeys(LEGS, 0)
                return Fate.ACKNOWLEDGED, name
            one = Plain(name, request.correlation_id, wanted.side, wanted.terms.quantity, False, terms=wanted.terms)
            mine.plain.append(one)
            if wanted.terms.order_type is OrderType.MARKET:
                self._trade(one)
            return Fate.ACKNOWLEDGED, name
        if request.book is Book.SUPER:
            assert request.number or request.leg is Leg.ENTRY
            if request.kind is RequestKind.CANCEL:
                took = mine.cancel_entry() if request.leg is Leg.ENTRY else mine.cancel_leg(request.leg)
                return (Fate.ACKNOWLEDGED if took else Fate.REJECTED), request.order_id
            assert wanted is not None
            assert wanted.terms.bracket is not None
            if request.leg is not Leg.ENTRY and mine.legs.get(request.leg) != "PENDING":
                return Fate.REJECTED, request.order_id
            mine.stop = int(wanted.terms.bracket.stop or mine.stop)
            mine.target = int(wanted.terms.bracket.target or mine.target)
            return Fate.ACKNOWLEDGED, request.order_id
        one = next(one for one in mine.plain if one.order_id == request.order_id)
        if one.status not in OPEN:
            return Fate.REJECTED, one.order_id
        if request.kind is RequestKind.CANCEL:
            one.status = "CANCELLED"
            return Fate.ACKNOWLEDGED, one.order_id
        assert wanted is not None
        one.terms, one.quantity = wanted.terms, wanted.terms.quantity
        if wanted.terms.order_type is OrderType.MARKET:
            self._trade(one)
        return Fate.ACKNOWLEDGED, one.order_id

    def _trade(self, one: Plain) -> None:
        units = one.quantity - one.filled
        one.filled, one.status = one.quantity, "TRADED"
        self.of[ALICE].bought += units if one.side is Side.BUY else -units

    # --- what may happen ----------------------------------------------------------------------------------------------

    def leader_closes(self) -> None:
        """He sells what he has at the market, his legs left resting: a trap that many have met."""
        his = self.of[LEADER]
        if not his.net:
            return
        self.number += 1
        his.plain.append(Plain(f"X{self.number}", "", Side.SELL, his.net, True, "TRADED", his.net))
        his.bought = 0
        for leg in LEGS:
            his.cancel_leg(leg)
        if his.entry in OPEN:
            his.entry = "CANCELLED"

    def act(self) -> None:
        his, mine = self.of[LEADER], self.of[ALICE]
        leg = self.chance.choice(LEGS)
        match self.chance.randrange(12):
            case 0 | 1:
                his.fill_entry(self.chance.choice((20, 50, 100)))
            case 2 | 3:
                mine.fill_entry(self.chance.choice((10, 25, 50)))
            case 4:
                his.stop = self.chance.choice((94, 95, 96))
            case 5:
                his.target = self.chance.choice((109, 110, 111))
            case 6:
                his.hit_leg(leg)
            case 7:
                mine.hit_leg(leg)
            case 8:
                his.cancel_leg(leg)
            case 9 if self.chance.random() < 0.4:
                his.cancel_entry()
            case 10 if self.chance.random() < 0.3:
                self.leader_closes()
            case _:
                self.desk.wait(self.chance.choice((1, 4, 12)))
        self.changed()

    def run(self) -> None:
        self.of[LEADER].entry = "PENDING"
        self.changed()
        self.read(LEADER)
        self.serve()
        for _ in range(self.chance.randrange(5, 25)):
            self.act()
            for account in (LEADER, ALICE):
                if self.chance.random() < 0.7:
                    self.hear(account, self.chance.randrange(1, 4))
            if self.chance.random() < 0.7:
                self.serve()
            if self.chance.random() < 0.2:
                self.read(self.chance.choice((LEADER, ALICE)))
        self.leader_closes()
        self.of[LEADER].cancel_entry()
        self.changed()
        for _ in range(12):
            for account in (LEADER, ALICE):
                self.hear(account)
                self.read(account)
            self.serve()
            self.desk.wait(10)
            self.serve()

    def ends_well(self) -> None:
        his, mine = self.of[LEADER], self.of[ALICE]
        assert his.net == 0
        left = [one for one in mine.plain if one.status in OPEN]
        assert (mine.net, left, [leg for leg in LEGS if mine.legs.get(leg) == "PENDING"]) == (0, [], [])
        assert mine.entry not in OPEN


@tried(150)
@given(st.integers(0, 2**32))
def test_scenario_1_2_flat_leader_flat_follower_and_no_leg_is_left(seed: int) -> None:
    day = Day(seed)
    day.run()
    day.ends_well()
