"""A desk that opens at a moment of the Indian clock, whose broker quotes what it is told to, and that counts what is
asked of it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from copyctl.core.keys import instrument_key
from copyctl.model.calendar import TradingDays
from copyctl.model.events import CalendarFound, PolicyLoaded, TimeReached
from copyctl.model.facts import FactArrived, Lack, Question, Quote, QuoteWanted
from copyctl.model.instrument import Instrument
from copyctl.model.request import Desired, RequestKind
from copyctl.model.terms import InstrumentKind, Product, Segment, Side
from tests.core.building import SECOND, SHARE, Desk, rules
from tests.core.market import at

TUESDAY, WEDNESDAY = "2026-09-15", "2026-09-16"
PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL

STOCK = Instrument(
    segment=Segment.NSE_EQ,
    security_id="500",
    symbol="TCS",
    kind=InstrumentKind.EQUITY,
    underlying="TCS",
    derivatives=True,
)
GOLD = Instrument(
    segment=Segment.MCX_COMM,
    security_id="7000",
    symbol="GOLD-Dec2026-FUT",
    kind=InstrumentKind.FUTCOM,
    underlying="GOLD",
    expiry=date(2026, 12, 4),
)
FUTURE = Instrument(
    segment=Segment.NSE_FNO,
    security_id="9000",
    symbol="NIFTY-Sep2026-FUT",
    kind=InstrumentKind.FUTIDX,
    underlying="NIFTY",
    lot_size=5,
    expiry=date(2026, 9, 29),
)
SHARES: dict[str, Any] = {"segment": SHARE.segment, "security_id": SHARE.security_id, "product": Product.CNC}
STOCKS: dict[str, Any] = {**SHARES, "security_id": STOCK.security_id}


class Clocked(Desk):
    """``lacks``: accounts whose question for a quote is answered with this lack. ``lost``: questions for quotes that
    are never answered."""

    def __init__(
        self, moment: str = "12:12:11", policy: Mapping[str, Any] | None = None, *, lost: bool = False, **parts: Any
    ) -> None:
        super().__init__(policy, **parts)
        self.now = at(moment if "T" in moment else f"{TUESDAY}T{moment}")
        self.questions: list[Question] = []
        self.lacks: dict[str, Lack] = {}
        self.lost = lost

    def tell(self, question: Question) -> None:
        self.questions.append(question)
        if isinstance(question, QuoteWanted) and self.lost:
            return
        lack = self.lacks.get(question.account) if isinstance(question, QuoteWanted) else None
        if lack is None:
            super().tell(question)
            return
        why = str(lack)
        self.feed(FactArrived(at=self.now, account=question.account, question=question, why=why, lack=lack))

    def start(self, *, books: bool = True, streams: bool = True) -> "Clocked":
        super().start(books=books, streams=streams)
        return self

    # --- what the broker knows --------------------------------------------------------------------------------------

    def quoted(self, last: Any = None, lower: Any = None, upper: Any = None, security_id: str = "43210") -> "Clocked":
        """From now on this is what a quote says."""
        segment = Segment.NSE_FNO if security_id == "43210" else Segment.NSE_EQ
        last, lower, upper = (None if one is None else Decimal(str(one)) for one in (last, lower, upper))
        self.quotes[security_id] = Quote(
            segment=segment, security_id=security_id, as_of=0, last_price=last, lower_circuit=lower, upper_circuit=upper
        )
        return self

    def calendar(self, days: TradingDays | None, why: str = "") -> "Clocked":
        """The trading days that were looked for."""
        self.feed(CalendarFound(at=self.now, calendar="XBOM", days=days, why=why))
        return self

    def reload(self, policy: Mapping[str, Any]) -> None:
        """Other rules are in force from now on."""
        self.rules = rules(policy)
        self.feed(PolicyLoaded(at=self.now, digest="e", document="{}", rules=self.rules))

    # --- what happens -----------------------------------------------------------------------------------------------

    def until(self, moment: str) -> None:
        """Let time pass until the Indian clock shows this."""
        self.wait((at(moment if "T" in moment else f"{TUESDAY}T{moment}") - self.now) / SECOND)

    def sleeps_until(self, moment: str) -> None:
        """The process is away until then, and takes in what is due when it wakes."""
        self.now = at(moment if "T" in moment else f"{TUESDAY}T{moment}")
        self.feed(TimeReached(at=self.now))

    # --- what is there ----------------------------------------------------------------------------------------------

    def quotes_asked(self) -> list[str]:
        """Whose quotes were asked for since the last time: the accounts."""
        asked = [one.account for one in self.questions if isinstance(one, QuoteWanted)]
        self.questions = []
        return asked

    def placed(self) -> Desired:
        """The one order that was asked for since the last time."""
        (request,) = self.taken()
        assert request.kind is PLACE, request
        assert request.desired is not None
        return request.desired

    def changed(self) -> Desired:
        """The one change that was asked for since the last time."""
        (request,) = self.taken()
        assert request.kind is MODIFY, request
        assert request.desired is not None
        return request.desired

    def detail(self, order_id: str = "L1") -> str:
        """What the decision on a copy says."""
        return self.copy(order_id).detail


def desk_at(moment: str, market_hours: dict[str, Any] | None = None, **policy: Any) -> Clocked:
    """A desk that knows these instruments, at this moment."""
    if market_hours is not None:
        policy["market_hours"] = market_hours
    desk = Clocked(moment, policy)
    desk.instruments |= {instrument_key(one.segment, one.security_id): one for one in (STOCK, GOLD, FUTURE)}
    desk.start()
    desk.taken()
    desk.alerts()
    return desk


def entry_at(moment: str, market_hours: Any = None, **said: Any) -> Clocked:
    """An entry of the leader's that is seen at this very moment."""
    desk = desk_at(moment, market_hours)
    seen(desk, moment, **said)
    return desk


def seen(desk: Clocked, moment: str = "", order_id: str = "L1", status: str = "PENDING", **said: Any) -> None:
    """What the leader's stream tells at this moment."""
    if moment:
        desk.now = at(moment if "T" in moment else f"2026-09-15T{moment}") - SECOND
    desk.leader(order_id, status, **said)


def bought(desk: Clocked, units: int = 100, **said: Any) -> None:
    """Leader and follower have bought."""
    seen(desk, "", "L0", quantity=units, **said)
    desk.ack("A0")
    desk.copied("TRADED", order_id="L0", filled=desk.slot(order_id="L0").asked.quantity, **said)
    seen(desk, "", "L0", "TRADED", quantity=units, filled=units, **said)
    desk.taken()
    desk.alerts()


def sells(desk: Clocked, status: str = "PENDING", order_id: str = "L2", **said: Any) -> None:
    """The leader's exit."""
    seen(desk, "", order_id, status, **{"side": Side.SELL, "quantity": 100, "price": 110, **said})
