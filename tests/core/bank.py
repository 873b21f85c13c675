"""A desk whose broker can be slow, silent or short of money, and that notes what it was asked."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from copyctl.core.step import Step
from copyctl.model.facts import (
    Fact,
    FactArrived,
    Funds,
    FundsWanted,
    Lack,
    MarginNeed,
    MarginWanted,
    PositionRow,
    Positions,
    PositionsWanted,
    Profile,
    ProfileWanted,
    Question,
    Quote,
    QuoteWanted,
)
from copyctl.model.instrument import Instrument
from copyctl.model.records import Copy
from copyctl.model.request import Request
from copyctl.model.terms import InstrumentKind, Segment, Side
from tests.core.building import ALICE, LEADER, SECOND, Desk, held

CALL = Instrument(
    segment=Segment.NSE_FNO,
    security_id="43211",
    symbol="NIFTY-Sep2026-24600-CE",
    kind=InstrumentKind.OPTIDX,
    underlying="NIFTY",
    lot_size=5,
)
BANK = Instrument(
    segment=Segment.NSE_FNO,
    security_id="50001",
    symbol="BANKNIFTY-Sep2026-51000-CE",
    kind=InstrumentKind.OPTIDX,
    underlying="BANKNIFTY",
    lot_size=10,
)


class BankDesk(Desk):
    """``slow``: answers wait for :meth:`reply`. ``failing``: kinds of questions that get no answer but a reason.
    ``pace``: the time between two frames, ns."""

    def __init__(self, policy: Mapping[str, Any] | None = None, **parts: Any) -> None:
        super().__init__(policy, **parts)
        self.questions: list[Question] = []
        self.waiting_for: list[tuple[int, Question]] = []
        self.slow: tuple[type, ...] = ()
        self.failing: dict[type, str] = {}
        self.short: Decimal | None = None
        self.margin: Callable[[MarginWanted], Decimal] = self._by_units
        self.start_of_day: dict[str, Decimal | None] = {}
        self.ddpi: bool | None = None
        self.profit = Decimal(0)
        self.pace = SECOND
        for one in (CALL, BANK):
            self.instruments[f"{one.segment}/{one.security_id}"] = one

    def _by_units(self, question: MarginWanted) -> Decimal:
        return sum((one.quantity for one in question.orders), 0) * self.margin_per_unit

    def tell(self, question: Question) -> None:
        self.questions.append(question)
        if isinstance(question, self.slow):
            self.waiting_for.append((self.now, question))
        else:
            self._tell(question, self.now)

    def reply(self) -> None:
        """Everything that was asked is answered now, for the moment at which it was asked."""
        waiting, self.waiting_for = self.waiting_for, []
        for asked_at, question in waiting:
            self._tell(question, asked_at)

    def _tell(self, question: Question, as_of: int) -> None:
        why = self.failing.get(type(question))
        if why is not None:
            lack = Lack.UNAVAILABLE
            said = FactArrived(at=self.now, account=question.account, question=question, why=why, lack=lack)
            self.feed(said)
            return
        fact = self._fact(question, as_of)
        if fact is not None:
            self.feed(FactArrived(at=self.now, account=question.account, question=question, fact=fact))

    def _fact(self, question: Question, as_of: int) -> Fact | None:
        account = question.account
        match question:
            case FundsWanted():
                money = self.money.get(account, Decimal(10_000_000))
                start = self.start_of_day.get(account, money)
                return Funds(account=account, as_of=as_of, available=money, start_of_day=start)
            case MarginWanted():
                return MarginNeed(as_of=as_of, required=self.margin(question), insufficient=self.short)
            case QuoteWanted():
                blank = Quote(segment=question.segment, security_id=question.security_id, as_of=as_of)
                return self.quotes.get(question.security_id) or blank
            case PositionsWanted():
                rows = self.held.get(account)
                rows = self._as_thought(account) if rows is None else rows
                told = tuple(replace(row, realised=Decimal(0), unrealised=Decimal(0)) for row in rows)
                return Positions(account=account, as_of=as_of, rows=(*told, *self._lost()))
            case ProfileWanted():
                return Profile(account=account, as_of=as_of, ddpi=self.ddpi)
        return None

    def _lost(self) -> tuple[PositionRow, ...]:
        """A closed position of another instrument, with the profit of the day."""
        return (held("99999", 0, segment=Segment.NSE_EQ, realised=self.profit),) if self.profit else ()

    def frame(self, account: str, order_id: str, status: str = "PENDING", **said: Any) -> Step:
        self.now -= SECOND - self.pace
        return super().frame(account, order_id, status, **said)

    def copied(self, status: str = "PENDING", *, number: int = -1, account: str = ALICE, **said: Any) -> Step:
        self.now -= SECOND - self.pace
        return super().copied(status, number=number, account=account, **said)

    # --- short words ----------------------------------------------------------------------------------------------

    def asked_for(self, kind: type, account: str = "") -> int:
        """How often this was asked since the last time."""
        found = [one for one in self.questions if isinstance(one, kind) and account in ("", one.account)]
        self.questions = [one for one in self.questions if one not in found]
        return len(found)

    def buys(self, order_id: str = "L1", quantity: int = 100, status: str = "PENDING", **said: Any) -> None:
        self.leader(order_id, status, quantity=quantity, **said)

    def sells(self, order_id: str = "L2", quantity: int = 100, status: str = "PENDING", **said: Any) -> None:
        self.leader(order_id, status, side=Side.SELL, quantity=quantity, **said)

    def units(self, order_id: str = "L1", account: str = ALICE) -> int:
        """How many are wanted of a copy."""
        copy = self.copy(order_id, account)
        return copy.wanted.terms.quantity if copy.wanted is not None else 0

    def detail(self, order_id: str = "L1", account: str = ALICE) -> str:
        return self.copy(order_id, account).detail

    def fills(self, order_id: str, units: int | None = None, account: str = ALICE) -> None:
        """A copy is taken and trades, in full unless told."""
        copy = self.copy(order_id, account)
        asked = copy.slots[-1].asked.quantity
        place = self._request(copy)
        if place is not None:
            self.ack(f"A-{order_id}-{account}", request=place)
        units = asked if units is None else units
        self.copied("TRADED" if units == asked else "PART_TRADED", order_id=order_id, account=account, filled=units)

    def _request(self, copy: Copy) -> Request | None:
        key = f"{copy.slots[-1].correlation_id}/place"
        found = self.state.tables["request"].get(key)
        return found if isinstance(found, Request) else None

    def holds(self, account: str = ALICE) -> Decimal:
        """What the records say is held."""
        copies = [one for one in self.state.tables["copy"].values() if isinstance(one, Copy)]
        return sum((one.hold for one in copies if one.follower == account), Decimal(0))

    def sweep(self, *accounts: str, after: float = 15) -> None:
        """The order books are read as they are thought to be, and with them what is asked ahead."""
        self.now += int(after * 1_000_000_000)
        for account in accounts or (LEADER, *(one.client_id for one in self.rules.followers)):
            self.books(account, after=1_000_000)
