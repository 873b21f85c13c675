"""Tapes: a recorded day of a leader as events.

A tape is JSON Lines: a header ``{"tape": 1, "client_id", "started_at"}``, then one event a line with ``at`` (ISO 8601
with its offset) and one of frame, book, trades, positions, funds, price, stream; ``account`` names another account than
the leader's, ``asked_at`` says when a book or a figure was asked for, ``holdings`` stand beside positions. What a frame
or a row says is read by ``wire``, as in a run.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec.structs import replace

from copyctl.core.hours import IST, SECOND
from copyctl.model.events import BooksRead, Event, FrameRead, FrameUnreadable, StreamChanged
from copyctl.model.facts import FactArrived, FundsWanted, PositionsWanted, Quote, QuoteWanted
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Segment
from copyctl.wire.dhan.dialect import Dhan

KINDS: Final = ("frame", "book", "trades", "positions", "funds", "price", "stream")
HEADER: Final = 'a tape begins with {"tape": 1, "client_id": ..., "started_at": ...}'
TORN: Final = "is torn: the recording was cut off there. Without it (sed -i '$d' FILE) the rest can be used"
_DHAN: Final = Dhan()


class TapeUnreadable(ValueError):
    """A tape that cannot be used; the text names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A recorded session. ``client_id``: the leader's, as recorded; ``started_at``: ns."""

    client_id: str
    started_at: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeLine:
    """One line. ``written``: what stands there; ``kind``: one of ``KINDS``, "" for the header; ``at``: ns, UTC, of the
    header when the recording began, 0 where it does not say; ``account``: whose it is, "" for the leader; ``events``:
    what it is to a run."""

    written: Mapping[str, Any]
    kind: str
    at: int
    account: str = ""
    events: tuple[Event, ...] = ()


def tape_lines(lines: Iterable[str], leader: str = "", names: Mapping[str, str] | None = None) -> Iterator[TapeLine]:
    """The lines of a tape as they come, the header first; blank ones are left out. ``leader``: the account that the
    events are told of, "" for the recorded one; ``names``: the accounts of those that ``account`` names.

    Raises:
        TapeUnreadable: with the number of the line.
    """
    header: Mapping[str, Any] | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            written = json.loads(line)
            if not isinstance(written, dict):
                raise TapeUnreadable("is no object")
            if header is None:
                header = written
                yield _header(written)
            else:
                recorded = str(header.get("client_id") or "")
                yield _line(written, recorded, leader or recorded, names or {})
        except json.JSONDecodeError as wrong:
            torn = header is not None and not line.endswith("\n")
            raise TapeUnreadable(f"line {number}: {TORN if torn else wrong}") from None
        except (ValueError, TypeError, KeyError, InvalidOperation, RecursionError) as wrong:
            said = f"lacks {wrong}" if isinstance(wrong, KeyError) else str(wrong) or type(wrong).__name__
            raise TapeUnreadable(f"line {number}: {said}") from None
    if header is None:
        raise TapeUnreadable(f"line 1: {HEADER}")


def read_tape(lines: Iterable[str], leader: str, names: Mapping[str, str] | None = None) -> Tape:
    """The events of a tape, told of this leader's account; ``names``: the other accounts by their names.

    Raises:
        TapeUnreadable: with the number of the line.
    """
    header, *rest = tape_lines(lines, leader, names)
    events: list[Event] = []
    before = header
    for line in rest:
        if (both := _one_read(before, line)) is not None:
            events[-1] = both
        else:
            events += line.events
        before = line
    began = header.at or min((event.at for event in events), default=0)
    ordered = tuple(sorted(events, key=lambda event: event.at))
    return Tape(client_id=str(header.written.get("client_id") or ""), started_at=began, events=ordered)


def _one_read(before: TapeLine, line: TapeLine) -> BooksRead | None:
    """The order book and the trade book that were asked for together, as a run reads them; None for all else."""
    if (before.kind, line.kind) != ("book", "trades") or "asked_at" not in line.written:
        return None
    (orders,), (trades,) = before.events, line.events
    if not isinstance(orders, BooksRead) or not isinstance(trades, BooksRead):
        return None
    is_one = (orders.at, orders.asked_at, orders.account) == (trades.at, trades.asked_at, trades.account)
    return replace(orders, fills=trades.fills) if is_one else None


def _header(written: Mapping[str, Any]) -> TapeLine:
    if written.get("tape") != 1:
        raise TapeUnreadable(HEADER)
    started = written.get("started_at")
    return TapeLine(written=written, kind="", at=0 if started is None else _moment(started))


def _line(written: Mapping[str, Any], recorded: str, leader: str, names: Mapping[str, str]) -> TapeLine:
    kinds = [kind for kind in KINDS if kind in written]
    if len(kinds) != 1:
        raise TapeUnreadable(f"wants exactly one of {', '.join(KINDS)}")
    kind, account, at = kinds[0], str(written.get("account") or recorded), _moment(written["at"])
    asked_at = _moment(written["asked_at"]) if "asked_at" in written else at
    is_leader = account == recorded
    told = written
    if recorded != leader and is_leader:  # what he did is told of this one
        told = json.loads(re.sub(rf"(?<!\d){re.escape(recorded)}(?!\d)", "", json.dumps(written)))
    whose = leader if is_leader else names.get(account, account)
    events = tuple(_READ[kind](told[kind], _Beside(at=at, asked_at=asked_at, holdings=told.get("holdings", [])), whose))
    return TapeLine(written=written, kind=kind, at=at, account="" if is_leader else account, events=events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What stands beside it in its line: when it came and when it was asked for, ns; the holdings beside positions."""

    at: int
    asked_at: int
    holdings: Any


def _frame(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    raw = (said if isinstance(said, str) else json.dumps(said)).encode("utf-8", "replace")
    reading = _DHAN.read_frame(raw, account, beside.at)
    if reading.why:
        yield FrameUnreadable(at=beside.at, account=account, raw=raw, why=reading.why)
    elif reading.reports:
        yield FrameRead(at=beside.at, account=account, raw=raw, reports=reading.reports)


def _book(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    read = _DHAN.read_orders(_answer(said, beside.at), account, beside.asked_at)
    if read.why:
        raise TapeUnreadable(f"the order book cannot be read: {read.why}")
    yield BooksRead(at=beside.at, account=account, asked_at=beside.asked_at, orders=read.orders)


def _trades(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    read = _DHAN.read_trades(_answer(said, beside.at), account, beside.asked_at)
    if read.why:
        raise TapeUnreadable(f"the trade book cannot be read: {read.why}")
    yield BooksRead(at=beside.at, account=account, asked_at=beside.asked_at, fills=read.fills)


def _positions(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    yield from _fact(
        PositionsWanted(account=account), (_answer(said, beside.at), _answer(beside.holdings, beside.at)), beside
    )


def _funds(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    yield from _fact(FundsWanted(account=account), (_answer(said, beside.at),), beside)


def _fact(question: PositionsWanted | FundsWanted, answers: tuple[Answer, ...], beside: _Beside) -> Iterator[Event]:
    read = _DHAN.read_fact(question, answers, beside.asked_at)
    if read.fact is None:
        raise TapeUnreadable(read.why)
    yield FactArrived(at=beside.at, account=question.account, question=question, fact=read.fact)


def _price(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    segment, security_id = Segment(said["exchange_segment"]), str(said["security_id"])
    price = Decimal(str(said["last_price"]))
    quote = Quote(segment=segment, security_id=security_id, as_of=beside.at, last_price=price)
    question = QuoteWanted(account=account, segment=segment, security_id=security_id)
    yield FactArrived(at=beside.at, account=account, question=question, fact=quote)


def _stream(said: Any, beside: _Beside, account: str) -> Iterator[Event]:
    if said not in ("up", "down"):
        raise TapeUnreadable("a stream is up or down")
    yield StreamChanged(at=beside.at, account=account, up=said == "up")


_READ: Final[dict[str, Callable[[Any, _Beside, str], Iterator[Event]]]] = {
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
