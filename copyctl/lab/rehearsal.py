"""A rehearsal: one policy, fed with what happened, in a world that answers at once.

Time is what the events say. A moment that the core asked to be woken at comes when the next event is later than it.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.state import State
from copyctl.core.step import Step, step
from copyctl.lab.broker import Broker
from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import AskInstrument, Effect, FindCalendar, Look, ReadBooks, RefreshInstruments, Send
from copyctl.model.events import (
    Answered,
    BooksRead,
    CalendarFound,
    Event,
    FrameRead,
    InstrumentFound,
    Looked,
    PolicyLoaded,
    Started,
    StreamChanged,
    TimeReached,
)
from copyctl.model.facts import Ask, Fact, FactArrived, Lack, PositionRow, Positions, PositionsWanted, Question
from copyctl.model.instrument import Instrument
from copyctl.model.order import ZERO, ExecutionReport, Order
from copyctl.model.policy import Rules
from copyctl.model.records import Position, Record
from copyctl.model.terms import Product, Segment, Source

LEAST_BETWEEN = SECOND // 5
"""An account's books are not read again before this (ns), as in a run."""
NEVER = 1 << 63
MOST_TURNS = 100_000
"""One event leads to no more steps than this, or the core goes round in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a rehearsal may ask.

    ``instrument``: the instrument of a segment and security id, None for unknown; ``master``: is there a master at
    all? ``days``: the trading days of a calendar, or why there are none. ``held``: what an account had to begin with.
    ``fact``: the answer to any other question at a moment (ns), or why there is none; None where the answer comes by
    itself, as an event. ``profits``: the day's profit of accounts of which it is known, in rupees.
    """

    instrument: Callable[[Segment, str], Instrument | None]
    master: bool
    days: Callable[[str], tuple[TradingDays | None, str]]
    held: Mapping[str, tuple[PositionRow, ...]]
    fact: Callable[[Question, int], Fact | Lack | None]
    profits: Mapping[str, Decimal] = field(default_factory=dict)


class Rehearsal:
    """A policy at work. ``watch`` is called after every step, with the event, what it decided, and what is known by
    then. ``fills``: do copies fill as their leader orders do, or rest?

    ``led``: the leader's books and positions, and what a list that is read once more says, come as events; else they
    are made up of what was shown of him. ``positions_come``: what he has to begin with comes as an event. ``goes_on``:
    ``records`` are what a rehearsal by these rules had come to, and nothing begins anew. ``world`` may be replaced as
    more is known.
    """

    def __init__(
        self,
        rules: Rules,
        world: World,
        *,
        at: int,
        digest: str = "",
        records: Mapping[str, Sequence[Record]] | None = None,
        fills: bool = True,
        led: bool = False,
        positions_come: bool = False,
        goes_on: bool = False,
        watch: Callable[[Event, Step, State], None] = lambda *_: None,
    ) -> None:
        self.rules = rules
        self.state = State(records)
        self.now = at
        self.broker = Broker()
        self.world = world
        self._fills = fills
        self._led = led
        self._positions_come = positions_come
        self._watch = watch
        self._due = 0
        self._coming: deque[Event] = deque()
        self._read_at: dict[str, int] = {}
        self._books_due: dict[str, int] = {}
        self._leader_shows: dict[str, ExecutionReport] = {}
        if goes_on:
            self._go_on()
            return
        self.take(PolicyLoaded(at=at, digest=digest, document="", rules=rules))
        self.take(Started(at=at))
        leader = () if led else (rules.leader.client_id,)
        for account in (*leader, *(one.client_id for one in rules.followers)):
            self.take(StreamChanged(at=at, account=account, up=True))
            self.take(self._books(account, special=True))

    def take(self, event: Event) -> None:
        """Something happens; so does everything that was due before, and all that follows at once."""
        self.wait_until(event.at)
        self._note(event)
        self._settle(event)

    def wait_until(self, moment: int) -> None:
        """Let time pass up to a moment (ns)."""
        while (due := self._next()) <= moment:
            self.now = max(due, self.now + 1)
            for account in [one for one, at in self._books_due.items() if at <= self.now]:
                del self._books_due[account]
                self._coming.append(self._books(account, special=True))
            self._settle(TimeReached(at=self.now))
        self.now = max(self.now, moment)

    def _next(self) -> int:
        """The next moment at which something is due (ns)."""
        moments = [at for at in (self._due, *self._books_due.values()) if at]
        return min(moments, default=NEVER)

    def _go_on(self) -> None:
        """Where the records left it: the rules, the followers' open orders, and what is due."""
        self.state.rules = self.rules
        followers = {one.client_id for one in self.rules.followers}
        orders = (one for one in self.state.tables["order"].values() if isinstance(one, Order))
        self.broker.remember(one for one in orders if one.account in followers)
        self._due = self.now

    # --- one turn ---------------------------------------------------------------------------------------------------

    def _settle(self, event: Event) -> None:
        """One step, and those that what it wants leads to."""
        self._coming.append(event)
        for _ in range(MOST_TURNS):
            while self._coming:
                self._step(self._coming.popleft())
            if self._fills:
                traded = tuple(self.broker.fills(self.state, self.rules.leader.client_id, self.now))
                self._coming.extend(_frame(one) for one in traded)
            if not self._coming:
                return
        raise RuntimeError(f"one event leads to more than {MOST_TURNS} turns")

    def _step(self, event: Event) -> None:
        made = step(self.state, event)
        self.state.apply(made.changes)
        self.state.rules = made.rules or self.state.rules
        self._due = made.due_at
        self._watch(event, made, self.state)
        for effect in sorted(made.effects, key=lambda one: not isinstance(one, Send)):  # no answer overtakes a request
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        now = self.now
        match effect:
            case Send():
                request = effect.approved.request
                outcome, report = self.broker.take(request, now)
                self._coming.append(Answered(at=now, request_id=request.request_id, outcome=outcome))
                self._coming.append(_frame(report))
            case AskInstrument():
                self._step(self._found(effect.segment, effect.security_id))  # in the same turn, as in a run
            case RefreshInstruments() if not self._led:
                self._coming.append(replace(self._found(effect.segment, effect.security_id), refreshed=True))
            case FindCalendar():
                days, why = self.world.days(effect.calendar)
                self._coming.append(CalendarFound(at=now, calendar=effect.calendar, days=days, why=why))
            case Ask():
                self._answer(effect.question)
            case ReadBooks() if not self._tells_of(effect.account):
                self._read(effect.account, special=effect.special)
            case Look():
                found = tuple(
                    one for one in self.broker.book(effect.account, now) if one.correlation_id == effect.correlation_id
                )
                self._coming.append(
                    Looked(
                        at=now,
                        request_id=effect.request_id,
                        account=effect.account,
                        asked_at=now,
                        readable=True,
                        reports=found,
                    )
                )

    def _found(self, segment: Segment, security_id: str) -> InstrumentFound:
        return InstrumentFound(
            at=self.now,
            segment=segment,
            security_id=security_id,
            master=self.world.master,
            instrument=self.world.instrument(segment, security_id),
        )

    def _answer(self, question: Question) -> None:
        account = question.account
        said: Fact | Lack | None
        if isinstance(question, PositionsWanted):
            said = None if self._tells_of(account) or self._are_to_come(account) else self._positions(account)
        else:
            said = self.world.fact(question, self.now)
        if isinstance(said, Lack):
            why = "nobody is asked in a rehearsal"
            self._coming.append(FactArrived(at=self.now, account=account, question=question, lack=said, why=why))
        elif said is not None:
            self._coming.append(FactArrived(at=self.now, account=account, question=question, fact=said))

    def _positions(self, account: str) -> Positions:
        """What an account holds: what it had, told until it is taken in, and what its orders made of that."""
        known = [one for one in self.state.tables["position"].values() if isinstance(one, Position)]
        mine = {(one.segment, one.security_id, one.product): one for one in known if one.account == account}
        rows = []
        if not self._account(account).expects:
            for row in self.world.held.get(account, ()):
                here = mine.pop((row.segment, row.security_id, row.product), None)
                rows.append(replace(row, net=row.net + here.traded) if here is not None else row)
        rows += [_row(one) for one in mine.values()]
        if account in self.world.profits:
            rows = _with_profit(rows, self.world.profits[account])
        return Positions(account=account, as_of=self.now, rows=tuple(rows))

    def _account(self, name: str) -> Account:
        found = self.state.tables["account"].get(name)
        return found if isinstance(found, Account) else Account(account=name)

    def _tells_of(self, account: str) -> bool:
        """Do events tell of this account by themselves?"""
        return self._led and account == self.rules.leader.client_id

    def _are_to_come(self, account: str) -> bool:
        """Will an event tell what the leader had to begin with?"""
        is_leader = account == self.rules.leader.client_id
        return self._positions_come and is_leader and not self._account(account).positions_at

    # --- books ------------------------------------------------------------------------------------------------------

    def _note(self, event: Event) -> None:
        """Remember what the leader's orders showed last, for his book."""
        if isinstance(event, FrameRead | BooksRead) and event.account == self.rules.leader.client_id:
            reports = event.reports if isinstance(event, FrameRead) else event.orders
            self._leader_shows.update((f"{one.order_id}:{one.leg}", one) for one in reports)

    def _read(self, account: str, *, special: bool) -> None:
        """Have an account's books read: now, or soon where they were read just now."""
        if self.now - self._read_at.get(account, 0) >= LEAST_BETWEEN:
            self._coming.append(self._books(account, special=special))
        else:
            self._books_due.setdefault(account, self._read_at[account] + LEAST_BETWEEN)

    def _books(self, account: str, *, special: bool) -> BooksRead:
        """An account's books, read now. Whose forever orders nobody has told of has none but those that are known."""
        self._read_at[account] = self.now
        own = account == self.rules.leader.client_id
        rows = self._leader_book() if own else self.broker.book(account, self.now)
        orders = (one for one in self.state.tables["order"].values() if isinstance(one, Order))
        armed = tuple(one.order_id for one in orders if one.account == account and one.forever and not one.over)
        return BooksRead(
            at=self.now,
            account=account,
            asked_at=self.now,
            orders=rows,
            armed=armed if special else None,
            super_read=special and not own,
        )

    def _leader_book(self) -> tuple[ExecutionReport, ...]:
        """What his orders showed last; one that is over is told once."""
        shown = tuple(replace(one, source=Source.BOOK, as_of=self.now) for one in self._leader_shows.values())
        self._leader_shows = {key: one for key, one in self._leader_shows.items() if not _is_over(one)}
        return shown


def _is_over(report: ExecutionReport) -> bool:
    return report.status is not None and report.status.is_final


def _frame(report: ExecutionReport) -> FrameRead:
    return FrameRead(at=report.as_of, account=report.account, raw=b"", reports=(report,))


def _row(here: Position) -> PositionRow:
    """A position of the state as the broker would show it."""
    return PositionRow(
        segment=here.segment,
        security_id=here.security_id,
        product=here.product,
        symbol="",
        net=here.net,
        buy_quantity=max(0, here.net),
        sell_quantity=max(0, -here.net),
        carried=here.base,
        day_buy=0,
        day_sell=0,
        buy_average=ZERO,
        sell_average=ZERO,
    )


def _with_profit(rows: Sequence[PositionRow], profit: Decimal) -> list[PositionRow]:
    """The day's profit as the broker tells it: by a position that is closed, for what is open has none apart."""
    blank = _row(Position(account="", segment=Segment.NSE_EQ, security_id="0", product=Product.INTRADAY))
    closed = replace(blank, realised=profit, unrealised=ZERO)
    return [*(replace(one, realised=ZERO, unrealised=ZERO) for one in rows), closed]
