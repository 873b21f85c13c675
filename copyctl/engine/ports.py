"""Ports: what the engine needs from the outside, in the engine's own words. ``cli.assemble`` plugs the rooms in."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from copyctl.model.calendar import TradingDays
from copyctl.model.facts import AccountQuestion, FactReading, QuoteWanted
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Command, Entry
from copyctl.model.login import Login
from copyctl.model.reading import BookReading, FrameReading
from copyctl.model.records import Record
from copyctl.model.request import Answer, Approved, Call, Outcome, Request
from copyctl.model.terms import Segment


class Clock(Protocol):
    """Our time."""

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC; never steps back, whatever the machine's clock does."""
        ...


class Journal(Protocol):
    """The truth of a run; this process is its only writer."""

    def records(self) -> Mapping[str, Sequence[Record]]:
        """The newest of every record, by table."""
        ...

    def write(self, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        """Make these entries durable in one transaction and mark these commands as taken in.

        Raises:
            OSError: nothing of it was kept; it may be tried again.
        """
        ...

    def rest(self) -> None:
        """Nothing waits just now: time for what the journal has put off."""
        ...

    def commands(self) -> Sequence[Command]:
        """The commands that nobody has taken in yet, oldest first."""
        ...

    def back_up(self, day: date) -> str:
        """Have a backup of this day; returns what was made now, "" where there was one. Slow: call it beside
        everything else.

        Raises:
            OSError: there is none.
        """
        ...

    def answer(self, command_id: int, at: int, text: str) -> None:
        """Mark a command as taken in and keep what is said to whoever gave it; "" for: it was done.

        Raises:
            OSError: it was not kept.
        """
        ...


class Wire(Protocol):
    """The broker's dialect."""

    def read_frame(self, raw: bytes, account: str, as_of: int) -> FrameReading:
        """A stream frame. Never raises."""
        ...

    def read_orders(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``orders_call`` or ``lookup_call`` (one row, or none where there is no such order)."""
        ...

    def read_trades(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``trades_call``."""
        ...

    def read_super(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``super_call``: entries with what hangs on them, and exits of what has filled."""
        ...

    def read_forever(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``forever_call``: one report of all legs of an order."""
        ...

    def encode(self, approved: Approved) -> Call:
        """The call that an approved request is; ``ValueError`` for one that the broker has no words for."""
        ...

    def classify(self, request: Request, answer: Answer) -> Outcome:
        """What the answer to a request of ours means."""
        ...

    def orders_call(self) -> Call:
        """Read the order book."""
        ...

    def trades_call(self) -> Call:
        """Read the trade book."""
        ...

    def super_call(self) -> Call:
        """Read the book of super orders."""
        ...

    def forever_call(self) -> Call:
        """Read the list of forever orders."""
        ...

    def lookup_call(self, correlation_id: str) -> Call:
        """Read the order with this correlation id."""
        ...

    def calls_for(self, question: AccountQuestion) -> tuple[Call, ...]:
        """The calls that answer a question; ``ValueError`` for one that the broker has no words for."""
        ...

    def read_fact(self, question: AccountQuestion, said: Sequence[Answer], as_of: int) -> FactReading:
        """What the answers to ``calls_for`` say, the first of them asked for at ``as_of``. Never raises."""
        ...

    def expiry(self, token: str) -> int | None:
        """When a token dies (ns, UTC), as it says itself; None where it does not. Never raises."""
        ...

    def quotes_call(self, questions: Sequence[QuoteWanted]) -> Call:
        """One call for the quotes of many instruments; ``ValueError`` where one of them cannot be asked for."""
        ...

    def read_quotes(self, questions: Sequence[QuoteWanted], answer: Answer, as_of: int) -> tuple[FactReading, ...]:
        """What the answer to ``quotes_call`` says to each question, in their order. Never raises."""
        ...


class Gateway(Protocol):
    """One account at the broker."""

    def begin(self, call: Call) -> Future[Answer]:
        """``send`` without waiting: where a connection is open already the bytes have left on return."""
        ...

    async def send(self, call: Call) -> Answer:
        """One attempt under one deadline. Never raises for what a network or a broker does."""
        ...


class Tokens(Protocol):
    """Where one account's token comes from, and where a new one goes."""

    @property
    def lasts(self) -> bool:
        """Does a token that is put here outlive the process?"""
        ...

    @property
    def trouble(self) -> str:
        """Why it cannot be read again just now, or ""."""
        ...

    def token(self) -> str:
        """The token as it is now."""
        ...

    def look(self) -> bool:
        """Look now whether it is another one, and say so."""
        ...

    def put(self, token: str) -> str:
        """Take this one from now on, and keep it for the next start; why that could not be, or ""."""
        ...


class LoginDesk(Protocol):
    """Where the broker gives one account new tokens. One attempt under one deadline; neither ever raises."""

    async def renew(self) -> Login:
        """A new token for the present one, which ends with it."""
        ...

    async def mint(self) -> Login:
        """A new token by PIN and one-time code; every older one ends with it."""
        ...


class Calendar(Protocol):
    """Trading calendars."""

    def find(self, name: str) -> tuple[TradingDays | None, str]:
        """The trading days of the calendar of this name, or None and why. Slow: call it beside everything else."""
        ...


class Instruments(Protocol):
    """The instrument master."""

    @property
    def known(self) -> bool:
        """Is there a master to look in at all?"""
        ...

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        """The instrument, or None where the master does not have it."""
        ...

    async def refresh(self) -> None:
        """Read the master once more; new instruments are listed during the day. Never raises."""
        ...
