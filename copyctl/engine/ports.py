"""Ports: what the engine needs from the outside, in the engine's own words. ``cli.assemble`` plugs the rooms in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from copyctl.model.instrument import Instrument
from copyctl.model.journal import Command, Entry
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

    def commands(self) -> Sequence[Command]:
        """The commands that nobody has taken in yet, oldest first."""
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

    def encode(self, approved: Approved) -> Call:
        """The call that an approved request is."""
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

    def lookup_call(self, correlation_id: str) -> Call:
        """Read the order with this correlation id."""
        ...


class Gateway(Protocol):
    """One account at the broker."""

    async def send(self, call: Call) -> Answer:
        """One attempt under one deadline. Never raises for what a network or a broker does."""
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
