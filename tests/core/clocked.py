"""A desk that opens at a moment of the Indian clock, whose broker quotes what it is told to, and that counts what is
asked of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from copyctl.model.calendar import TradingDays
from copyctl.model.events import CalendarFound, TimeReached
from copyctl.model.facts import FactArrived, Lack, Question, Quote, QuoteWanted
from copyctl.model.request import Desired, RequestKind
from copyctl.model.terms import Segment
from tests.core.building import SECOND, Desk
from tests.core.market import at

TUESDAY = "2026-09-15"
PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


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
