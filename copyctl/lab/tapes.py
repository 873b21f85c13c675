"""Tapes: a recorded day of a leader as events.

A tape is JSON Lines: a header ``{"tape": 1, "client_id", "started_at"}``, then one event a line with ``at`` (ISO 8601
with its offset) and one of frame, book, trades, positions, funds, price, stream; ``account`` names another account than
the leader's. What a frame or a row says is read by ``wire``, as in a run.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from copyctl.core.hours import IST, SECOND
from copyctl.model.events import BooksRead, Event, FrameRead, FrameUnreadable, StreamChanged
from copyctl.model.facts import FactArrived, FundsWanted, PositionsWanted, Quote, QuoteWanted
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Segment
from copyctl.wire.dhan.dialect import Dhan

KINDS: Final = ("frame", "book", "trades", "positions", "funds", "price", "stream")
_DHAN: Final = Dhan()


class TapeUnreadable(ValueError):
    """A tape that cannot be used; the text names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A recorded session. ``client_id``: the leader's, as recorded; ``started_at``: ns."""

    client_id: str
    started_at: int
    events: tuple[Event, ...]


def read_tape(lines: Iterable[str], leader: str) -> Tape:
    """The events of a tape, told of this leader's account.

    Raises:
        TapeUnreadable: with the number of the line.
    """
    header: Mapping[str, Any] | None = None
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            written = json.loads(line)
            if not isinstance(written, dict):
                raise TapeUnreadable("is no object")
            if header is None:
                header = _header(written)
            else:
                events += _events(written, str(header.get("client_id") or ""), leader)
        except (ValueError, TypeError, KeyError, InvalidOperation) as wrong:
            said = f"lacks {wrong}" if isinstance(wrong, KeyError) else str(wrong) or type(wrong).__name__
            raise TapeUnreadable(f"line {number}: {said}") from None
    if header is None:
        raise TapeUnreadable('line 1: a tape begins with {"tape": 1, "client_id": ..., "started_at": ...}')
    started = header.get("started_at")
    began = _moment(started) if started is not None else min((event.at for event in events), default=0)
    ordered = tuple(sorted(events, key=lambda event: event.at))
    return Tape(client_id=str(header.get("client_id") or ""), started_at=began, events=ordered)


def _header(written: Mapping[str, Any]) -> Mapping[str, Any]:
    if written.get("tape") != 1:
        raise TapeUnreadable('a tape begins with {"tape": 1, "client_id": ..., "started_at": ...}')
    if written.get("started_at") is not None:
        _moment(written["started_at"])
    return written


def _events(written: Mapping[str, Any], recorded: str, leader: str) -> Iterator[Event]:
    kinds = [kind for kind in KINDS if kind in written]
    if len(kinds) != 1:
        raise TapeUnreadable(f"wants exactly one of {', '.join(KINDS)}")
    account = str(written.get("account") or recorded)
    if recorded != leader and account == recorded:  # what he did is told of this one
        written = json.loads(re.sub(rf"(?<!\d){re.escape(recorded)}(?!\d)", "", json.dumps(written)))
    yield from _READ[kinds[0]](written[kinds[0]], _moment(written["at"]), leader if account == recorded else account)


def _frame(said: Any, at: int, account: str) -> Iterator[Event]:
    raw = (said if isinstance(said, str) else json.dumps(said)).encode()
    reading = _DHAN.read_frame(raw, account, at)
    if reading.why:
        yield FrameUnreadable(at=at, account=account, raw=raw, why=reading.why)
    elif reading.reports:
        yield FrameRead(at=at, account=account, raw=raw, reports=reading.reports)


def _book(said: Any, at: int, account: str) -> Iterator[Event]:
    read = _DHAN.read_orders(_answer(said, at), account, at)
    if read.why:
        raise TapeUnreadable(f"the order book cannot be read: {read.why}")
    yield BooksRead(at=at, account=account, asked_at=at, orders=read.orders)


def _trades(said: Any, at: int, account: str) -> Iterator[Event]:
    read = _DHAN.read_trades(_answer(said, at), account, at)
    if read.why:
        raise TapeUnreadable(f"the trade book cannot be read: {read.why}")
    yield BooksRead(at=at, account=account, asked_at=at, fills=read.fills)


def _positions(said: Any, at: int, account: str) -> Iterator[Event]:
    yield from _fact(PositionsWanted(account=account), (_answer(said, at), _answer([], at)), at)


def _funds(said: Any, at: int, account: str) -> Iterator[Event]:
    yield from _fact(FundsWanted(account=account), (_answer(said, at),), at)


def _fact(question: PositionsWanted | FundsWanted, answers: tuple[Answer, ...], at: int) -> Iterator[Event]:
    read = _DHAN.read_fact(question, answers, at)
    if read.fact is None:
        raise TapeUnreadable(read.why)
    yield FactArrived(at=at, account=question.account, question=question, fact=read.fact)


def _price(said: Any, at: int, account: str) -> Iterator[Event]:
    segment, security_id = Segment(said["exchange_segment"]), str(said["security_id"])
    price = Decimal(str(said["last_price"]))
    quote = Quote(segment=segment, security_id=security_id, as_of=at, last_price=price)
    question = QuoteWanted(account=account, segment=segment, security_id=security_id)
    yield FactArrived(at=at, account=account, question=question, fact=quote)


def _stream(said: Any, at: int, account: str) -> Iterator[Event]:
    if said not in ("up", "down"):
        raise TapeUnreadable("a stream is up or down")
    yield StreamChanged(at=at, account=account, up=said == "up")


_READ: Final[dict[str, Callable[[Any, int, str], Iterator[Event]]]] = {
    "frame": _frame,
    "book": _book,
    "trades": _trades,
    "positions": _positions,
    "funds": _funds,
    "price": _price,
    "stream": _stream,
}


def _answer(said: Any, at: int) -> Answer:
    return Answer(passage=Passage.ANSWERED, at=at, status=200, body=json.dumps(said).encode())


def _moment(text: object) -> int:
    """A time with its offset, as ns since the epoch, UTC."""
    told = datetime.fromisoformat(str(text))
    if told.tzinfo is None:
        raise TapeUnreadable(f"{text}: a time needs its offset")
    since = told - datetime.fromtimestamp(0, IST)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000
