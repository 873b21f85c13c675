"""A small world for the core: rules, instruments, a state that steps, and short words for what happens."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec.structs import replace

from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.state import State
from copyctl.core.step import Step, step
from copyctl.core.waiting import Waiting
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import AskInstrument, Effect, FindCalendar, Look, Notice, ReadBooks, RefreshInstruments, Send
from copyctl.model.events import (
    Answered,
    BooksRead,
    CalendarFound,
    CommandGiven,
    Event,
    FrameRead,
    InstrumentFound,
    Looked,
    PolicyLoaded,
    Started,
    StreamChanged,
    TimeReached,
)
from copyctl.model.facts import (
    Addresses,
    AddressWanted,
    Ask,
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
from copyctl.model.order import ExecutionReport, Fill, Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.policy import Policy, Rules
from copyctl.model.reasons import Category
from copyctl.model.records import Copy, Position
from copyctl.model.request import Fate, Outcome, Request, RequestKind
from copyctl.model.terms import (
    Decision,
    InstrumentKind,
    Level,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Source,
    Validity,
)
from copyctl.rules import policy_of, rules_of

SECOND = 1_000_000_000
NOON = 1_789_454_531 * SECOND  # 2026-09-15 12:12:11 IST, a Tuesday
LEADER, ALICE, BOB = "1100000001", "1100000002", "1100000003"
OPTION = Instrument(
    segment=Segment.NSE_FNO,
    security_id="43210",
    symbol="NIFTY-Sep2026-24500-CE",
    kind=InstrumentKind.OPTIDX,
    underlying="NIFTY",
    lot_size=5,
)
SHARE = Instrument(
    segment=Segment.NSE_EQ,
    security_id="2885",
    symbol="RELIANCE",
    kind=InstrumentKind.EQUITY,
    underlying="RELIANCE",
    lot_size=1,
)
INSTRUMENTS = {instrument_key(one.segment, one.security_id): one for one in (OPTION, SHARE)}
HALF: Mapping[str, Any] = {"strategy": "fixed_ratio", "ratio": 0.5}


def rules(policy: Mapping[str, Any] | None = None, **parts: Any) -> Rules:
    """Rules for alice (and bob, with ``followers=2``) at half the leader's size, with parts of the file replaced."""
    followers = [
        {"name": name, "client_id": account, "access_token": "x"}
        for name, account in (("alice", ALICE), ("bob", BOB))[: parts.pop("followers", 1)]
    ]
    followers[0].update(parts.pop("alice", {}))
    return rules_of(
        {
            "version": 1,
            "name": "core",
            "broker": {"adapter": "dhan"},
            "leader": {"client_id": LEADER, "access_token": "x"},
            "followers": followers,
            "policy": {"sizing": HALF, **(policy or {})},
            **parts,
        }
    )


@cache
def default_rules() -> Rules:
    return rules()


@cache
def default_policy() -> Policy:
    return policy_of({"sizing": HALF})


def terms(quantity: int = 100, price: Any = "100", **changes: Any) -> Terms:
    """A DAY LIMIT order, or what it is changed into; plain texts and numbers become what they stand for."""
    order_type = OrderType(changes.pop("order_type", "LIMIT"))
    trigger = Decimal(str(changes.pop("trigger", 0)))
    return Terms(
        order_type=order_type,
        validity=Validity(changes.pop("validity", "DAY")),
        quantity=quantity,
        price=Decimal(str(price)) if order_type.has_price else Decimal(0),
        trigger_price=trigger,
        disclosed_quantity=changes.pop("disclosed", 0),
    )


def report(account: str, order_id: str, status: str = "PENDING", **said: Any) -> ExecutionReport:
    """What a frame, or with ``source=Source.BOOK`` a row, says of an order; words of ``terms`` are its terms."""
    shape = {name: said.pop(name) for name in _TERMS if name in said}
    values: dict[str, Any] = {
        "source": Source.STREAM,
        "as_of": NOON,
        "status": OrderStatus(status),
        "side": Side.BUY,
        "segment": Segment.NSE_FNO,
        "security_id": "43210",
        "product": Product.INTRADAY,
        "terms": terms(**shape),
        **said,
    }
    values["broker_time"] = said.get("broker_time", values["as_of"] // SECOND * SECOND)
    values["average_price"] = Decimal(str(said.get("average_price", 100 if said.get("filled") else 0)))
    return ExecutionReport(account=account, order_id=order_id, **values)


_TERMS = ("quantity", "price", "order_type", "trigger", "validity", "disclosed")


def weekdays(year: int) -> TradingDays:
    """Every weekday of a year."""
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range(366))
    return TradingDays(
        calendar="XBOM",
        first=first,
        last=date(year, 12, 31),
        open_days=tuple(day for day in days if day.weekday() < 5 and day.year == year),
    )


WEEKDAYS = weekdays(2026)


def held(
    security_id: str,
    net: int,
    *,
    product: Product = Product.INTRADAY,
    segment: Segment = Segment.NSE_FNO,
    carried: int | None = None,
    **said: Any,
) -> PositionRow:
    """What a broker shows of one position; by default all of it is from earlier days."""
    return PositionRow(
        segment=segment,
        security_id=security_id,
        product=product,
        symbol=security_id,
        net=net,
        buy_quantity=max(0, net),
        sell_quantity=max(0, -net),
        carried=net if carried is None else carried,
        day_buy=0,
        day_sell=0,
        buy_average=Decimal(0),
        sell_average=Decimal(0),
        **said,
    )


class Desk:
    """A state, a clock and what was asked of the world so far. Every step is checked for what no step may do."""

    def __init__(self, policy: Mapping[str, Any] | None = None, **parts: Any) -> None:
        self.rules = rules(policy, **parts) if policy or parts else default_rules()
        self.state = State()
        self.now = NOON
        self.due_at = 0
        self.instruments = dict(INSTRUMENTS)
        self.master = True
        self.sent: list[Request] = []
        self.last: Request | None = None
        self.effects: list[Effect] = []
        self.notices: list[Notice] = []
        self.held: dict[str, tuple[PositionRow, ...]] = {}
        self.silent: set[str] = set()
        self.listed_later: dict[str, Instrument] = {}
        self.money: dict[str, Decimal] = {}
        self.margin_per_unit = Decimal(100)
        self.quotes: dict[str, Quote] = {}
        self.shut_out: set[str] = set()
        self.takes_orders: bool | None = True
        self.probed: list[Question] = []

    def feed(self, event: Event) -> Step:
        """One event taken in, with the question for an instrument answered in the same turn, as the engine does."""
        made = step(self.state, event)
        self.state.apply(made.changes)
        self.state.rules = made.rules or self.state.rules
        rebuilt = Waiting()
        for key, one in self.state.tables["request"].items():
            rebuilt.note(key, None, one if isinstance(one, Request) else None)
        assert vars(rebuilt) == vars(self.state.waiting), "the index of what waits is wrong"
        self.due_at = made.due_at
        recorded = {change.key: change.record for change in made.changes if change.table == "request"}
        self.notices += made.notices
        for effect in sorted(made.effects, key=lambda one: not isinstance(one, Send)):  # no answer overtakes a request
            if isinstance(effect, Send):
                request = effect.approved.request
                assert recorded.get(request.request_id) == request, "sent what was not recorded"
                self.sent.append(request)
                self.last = request
            if isinstance(effect, AskInstrument):
                key = instrument_key(effect.segment, effect.security_id)
                self.feed(
                    InstrumentFound(
                        at=self.now,
                        segment=effect.segment,
                        security_id=effect.security_id,
                        master=self.master,
                        instrument=self.instruments.get(key) if self.master else None,
                    )
                )
            elif isinstance(effect, RefreshInstruments):
                key = instrument_key(effect.segment, effect.security_id)
                self.feed(
                    InstrumentFound(
                        at=self.now,
                        segment=effect.segment,
                        security_id=effect.security_id,
                        master=True,
                        instrument=self.listed_later.get(key),
                        refreshed=True,
                    )
                )
            elif isinstance(effect, Ask):
                self.tell(effect.question)
            elif isinstance(effect, FindCalendar):
                self.feed(CalendarFound(at=self.now, calendar=effect.calendar, days=WEEKDAYS))
            else:
                self.effects.append(effect)
        return made

    def tell(self, question: Question) -> None:
        """The broker's answer to a question, at once."""
        self.probed.append(question)
        if question.account in self.shut_out:
            said = {"question": question, "why": "Invalid Token", "lack": Lack.REFUSED}
            self.feed(FactArrived(at=self.now, account=question.account, **said))
            return
        fact = self.fact_for(question, self.now)
        if fact is not None:
            self.feed(FactArrived(at=self.now, account=question.account, question=question, fact=fact))

    def fact_for(self, question: Question, now: int) -> Fact | None:
        """What the broker answers to a question; None: nothing at all."""
        if isinstance(question, PositionsWanted) and question.account not in self.silent:
            rows = self.held.get(question.account)
            rows = self._as_thought(question.account) if rows is None else rows
            return Positions(account=question.account, as_of=now, rows=rows)
        if isinstance(question, FundsWanted) and "funds" not in self.silent:
            money = self.money.get(question.account, Decimal(10_000_000))
            return Funds(account=question.account, as_of=now, available=money, start_of_day=money)
        if isinstance(question, MarginWanted) and "margin" not in self.silent:
            units = sum(order.quantity for order in question.orders)
            return MarginNeed(as_of=now, required=units * self.margin_per_unit)
        if isinstance(question, ProfileWanted) and "profile" not in self.silent:
            return Profile(account=question.account, as_of=now, ddpi=True)
        if isinstance(question, AddressWanted) and "address" not in self.silent:
            return Addresses(account=question.account, as_of=now, allowed=self.takes_orders)
        if isinstance(question, QuoteWanted) and "quotes" not in self.silent:
            blank = Quote(segment=question.segment, security_id=question.security_id, as_of=now)
            return replace(self.quotes.get(question.security_id) or blank, as_of=now)
        return None

    def _as_thought(self, account: str) -> tuple[PositionRow, ...]:
        """The positions of an account just as the state has them."""
        found = [one for one in self.state.tables["position"].values() if isinstance(one, Position)]
        return tuple(
            held(one.security_id, one.net, product=one.product, segment=one.segment, carried=one.base)
            for one in found
            if one.account == account
        )

    # --- what happens -------------------------------------------------------------------------------------------

    def start(self, *, books: bool = True, streams: bool = True) -> "Desk":
        self.feed(PolicyLoaded(at=self.now, digest="d", document="{}", rules=self.rules))
        self.feed(Started(at=self.now))
        for account in self.accounts:
            if streams:
                self.feed(StreamChanged(at=self.now, account=account, up=True))
            if books:
                self.feed(BooksRead(at=self.now, account=account, asked_at=self.now))
        return self

    def restart(self, *, books: bool = False) -> "Desk":
        """The process is killed and started again: what the journal holds is all that is left."""
        self.state = State({name: list(rows.values()) for name, rows in self.state.tables.items()})
        return self.start(books=books, streams=books)

    @property
    def accounts(self) -> list[str]:
        return [LEADER, *(one.client_id for one in self.rules.followers)]

    def leader(self, order_id: str = "L1", status: str = "PENDING", **said: Any) -> Step:
        """A frame of the leader's stream, a second later."""
        return self.frame(LEADER, order_id, status, **said)

    def frame(self, account: str, order_id: str, status: str = "PENDING", **said: Any) -> Step:
        self.now += SECOND
        one = report(account, order_id, status, **{"as_of": self.now, **said})
        return self.feed(FrameRead(at=self.now, account=account, raw=b"", reports=(one,)))

    def copied(self, status: str = "PENDING", *, number: int = -1, account: str = ALICE, **said: Any) -> Step:
        """A frame of a follower's stream on one of its copies, with the terms that were asked of it unless told."""
        self.now += SECOND
        one = self.row(status, number=number, account=account, **said)
        return self.feed(FrameRead(at=self.now, account=account, raw=b"", reports=(one,)))

    def row(
        self, status: str = "PENDING", *, number: int = -1, account: str = ALICE, order_id: str = "L1", **said: Any
    ) -> ExecutionReport:
        """What the broker shows of a copy, now."""
        copy = self.copy(order_id, account)
        slot = copy.slots[number]
        values: dict[str, Any] = {"correlation_id": slot.correlation_id, "terms": slot.asked, "as_of": self.now, **said}
        if any(name in said for name in _TERMS):
            values.pop("terms")
        side = copy.wanted.side if copy.wanted else Side.BUY
        return report(account, slot.order_id or f"A{slot.revision + 1}", status, side=side, **values)

    def books(self, account: str, *rows: ExecutionReport, fills: tuple[Fill, ...] = (), after: int = SECOND) -> Step:
        """The account's books, asked for ``after`` ns and read at once."""
        self.now += after
        rows = tuple(replace(row, as_of=self.now, source=Source.BOOK) for row in rows)
        return self.feed(BooksRead(at=self.now, account=account, asked_at=self.now, orders=rows, fills=fills))

    def answer(self, fate: Fate, order_id: str = "", **said: Any) -> Step:
        """How the last request ended."""
        request: Request = said.pop("request", None) or self.last
        order_id = order_id or request.order_id
        outcome = Outcome(fate=fate, order_ids=(order_id,) if order_id else (), left_at=self.now, **said)
        self.now += SECOND // 100
        return self.feed(Answered(at=self.now, request_id=request.request_id, outcome=outcome))

    def ack(self, order_id: str = "", **said: Any) -> Step:
        return self.answer(Fate.ACKNOWLEDGED, order_id, **said)

    def reject(self, category: Category, text: str = "no", **said: Any) -> Step:
        return self.answer(Fate.REJECTED, category=category, text=text, **said)

    def looked(self, *rows: ExecutionReport, readable: bool = True, request: Request | None = None) -> Step:
        """The answer to the last look."""
        look = [one for one in self.effects if isinstance(one, Look)][-1]
        found = tuple(replace(row, as_of=self.now, source=Source.BOOK) for row in rows)
        asked_at, self.now = self.now, self.now + SECOND // 100
        request_id = request.request_id if request else look.request_id
        return self.feed(
            Looked(
                at=self.now,
                request_id=request_id,
                account=look.account,
                asked_at=asked_at,
                readable=readable,
                reports=found,
            )
        )

    def kill(self, command: str = "kill", account: str = "") -> Step:
        self.now += SECOND
        return self.feed(CommandGiven(at=self.now, command_id=1, command=command, account=account))

    def wait(self, seconds: float) -> None:
        """Let time pass, taking in every moment that was asked for."""
        end = self.now + int(seconds * SECOND)
        while self.due_at and self.due_at <= end:
            assert self.due_at > self.now or self.now == end, "a due time that is over"
            self.now = max(self.now, self.due_at)
            self.feed(TimeReached(at=self.now))
        self.now = end

    # --- what is there ------------------------------------------------------------------------------------------

    def copy(self, order_id: str = "L1", account: str = ALICE) -> Copy:
        found = self.state.tables["copy"][copy_key(order_id, account)]
        assert isinstance(found, Copy)
        return found

    def slot(self, number: int = -1, order_id: str = "L1") -> Slot:
        return self.copy(order_id).slots[number]

    def order(self, account: str, order_id: str) -> Order:
        found = self.state.tables["order"][order_key(account, order_id)]
        assert isinstance(found, Order)
        return found

    def decided(self, order_id: str = "L1", account: str = ALICE) -> tuple[Decision, str | None]:
        copy = self.copy(order_id, account)
        return copy.decision, copy.reason

    def taken(self) -> list[Request]:
        """What was sent since the last time that this was asked."""
        sent, self.sent = self.sent, []
        return sent

    def asked(self) -> list[tuple[RequestKind, int, Decimal] | tuple[RequestKind]]:
        """The kinds of what was sent since the last time, with total quantity and price."""
        return [
            (one.kind, one.desired.terms.quantity, one.desired.terms.price) if one.desired else (one.kind,)
            for one in self.taken()
        ]

    def reads(self, account: str) -> bool:
        """Was a read of this account's books asked for since the last time?"""
        asked, self.effects = ReadBooks(account=account) in self.effects, []
        return asked

    def alerts(self) -> list[str]:
        """The texts of the alerts since it was asked last, those left out that are for information."""
        told, self.notices = self.notices, []
        return [notice.text for notice in told if notice.event == "alert" and notice.level is not Level.INFO]

    @property
    def waiting(self) -> list[Request]:
        return [one for one in self.state.tables["request"].values() if isinstance(one, Request)]
