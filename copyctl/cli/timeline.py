"""A tape as a timeline: what each line tells, in words and fields, and what all of them come to.

One line is looked at after the other and forgotten; of each order only how it was last told of is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from copyctl.lab.tapes import TapeLine
from copyctl.model.events import BooksRead, FrameRead, FrameUnreadable
from copyctl.model.facts import FactArrived, Funds, Positions
from copyctl.model.order import ZERO, ExecutionReport
from copyctl.model.terms import Leg, OrderStatus
from copyctl.report.figures import number
from copyctl.report.moments import told

Row = dict[str, Any]

_ENDS: Final = {
    OrderStatus.REJECTED: "rejected",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.CLOSED: "closed",
    OrderStatus.TRIGGERED: "triggered",
}


class Timeline:
    """The lines of one tape, told one by one in their order; ``summary``: what those that were told come to."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, Leg], ExecutionReport] = {}
        self._symbols: dict[tuple[str, str], str] = {}
        self._client_id = ""
        self._began = self._first = self._last = 0
        self._down_since = 0
        self._gaps: list[Row] = []
        self._counts = dict.fromkeys(("frames", "orders", "changes", "trades", "books", "unreadable"), 0)

        self._tell: Mapping[str, Callable[[TapeLine], Row]] = {
            "frame": self._frame,
            "book": self._book,
            "trades": self._trades,
            "positions": self._positions,
            "funds": self._funds,
            "price": self._price,
            "stream": self._stream,
        }

    def tell(self, lines: Iterable[TapeLine]) -> Iterator[Row]:
        """A row for each line but the header: ``at``, ``what``, ``account`` (None: the leader's), ``order_id``,
        ``symbol``, ``exchange_segment``, ``security_id``, ``side``, ``quantity``, ``filled``, ``order_type``,
        ``price``, ``trigger_price``, ``status``, ``detail``; None where a line does not say.

        Raises:
            TapeUnreadable: as ``lines`` does.
        """
        for line in lines:
            if not line.kind:
                self._client_id = str(line.written.get("client_id") or "")
                self._began = line.at
                continue
            self._first = self._first or line.at
            self._last = max(self._last, line.at)
            yield {**_BLANK, "at": told(line.at), "account": line.account or None, **self._tell[line.kind](line)}

    def summary(self) -> Row:
        """``client_id``, ``from``, ``to`` (ISO 8601, None where nothing happened), how many ``frames``, ``orders``,
        ``changes`` of orders, ``trades`` (as frames tell of them), ``books`` and ``unreadable`` frames there are, and
        the ``gaps`` in which the stream was down: ``from`` and ``to``, None for one that lasted to the end."""
        gaps = [*self._gaps, *([{"from": told(self._down_since), "to": None}] if self._down_since else [])]
        span = {"from": told(self._began or self._first), "to": told(self._last)}
        return {"client_id": self._client_id, **span, **self._counts, "gaps": gaps}

    # --- each kind of line ----------------------------------------------------------------------------------------

    def _frame(self, line: TapeLine) -> Row:
        self._counts["frames"] += 1
        for event in line.events:
            if isinstance(event, FrameUnreadable):
                self._counts["unreadable"] += 1
                return {"what": "unreadable frame", "detail": event.why}
            if isinstance(event, FrameRead):
                return self._order(event.reports[0])
        return {"what": "other frame", "detail": "it tells of no order of this account"}

    def _order(self, report: ExecutionReport) -> Row:
        key = (report.order_id, report.leg)
        before = self._orders.get(key)
        self._orders[key] = report
        what = _what(before, report)
        if report.instrument is not None:
            self._symbols[report.instrument.segment, report.instrument.security_id] = report.instrument.symbol
        self._counts["orders"] += before is None
        self._counts["trades"] += report.filled > (before.filled if before is not None else 0)
        self._counts["changes"] += what == "changed"
        return {"what": what, **_fields(report)}

    def _book(self, line: TapeLine) -> Row:
        self._counts["books"] += 1
        rows = [row for event in line.events if isinstance(event, BooksRead) for row in event.orders]
        if not line.account:
            for row in rows:
                key = (row.order_id, row.leg)
                self._counts["orders"] += key not in self._orders
                self._orders.setdefault(key, row)
        still = sum(1 for row in rows if row.status is not None and not row.status.is_final)
        return {"what": "order book", "detail": f"{many(len(rows), 'order')}, {still} open"}

    def _trades(self, line: TapeLine) -> Row:
        self._counts["books"] += 1
        trades = sum(len(event.fills) for event in line.events if isinstance(event, BooksRead))
        return {"what": "trade book", "detail": many(trades, "trade")}

    def _positions(self, line: TapeLine) -> Row:
        facts = [event.fact for event in line.events if isinstance(event, FactArrived)]
        held = sum(1 for fact in facts if isinstance(fact, Positions) for row in fact.rows if row.net)
        held += sum(1 for fact in facts if isinstance(fact, Positions) for one in fact.holdings if one.total)
        return {"what": "positions", "detail": f"{many(held, 'instrument')} held"}

    def _funds(self, line: TapeLine) -> Row:
        facts = [event.fact for event in line.events if isinstance(event, FactArrived)]
        [available] = [fact.available for fact in facts if isinstance(fact, Funds)]
        return {"what": "funds", "detail": f"{available} available"}

    def _price(self, line: TapeLine) -> Row:
        said = line.written["price"]
        segment, security_id = str(said["exchange_segment"]), str(said["security_id"])
        named = {"exchange_segment": segment, "security_id": security_id}
        symbol = self._symbols.get((segment, security_id))
        return {"what": "price", **named, "symbol": symbol, "price": _price_of(Decimal(str(said["last_price"])))}

    def _stream(self, line: TapeLine) -> Row:
        if line.written["stream"] == "up":
            if self._down_since:
                self._gaps.append({"from": told(self._down_since), "to": told(line.at)})
                self._down_since = 0
            return {"what": "stream up"}
        self._down_since = self._down_since or line.at
        return {"what": "stream down"}


_BLANK: Final[Row] = dict.fromkeys(
    (
        *(
            "at",
            "what",
            "account",
            "order_id",
            "symbol",
            "exchange_segment",
            "security_id",
            "side",
            "quantity",
            "filled",
        ),
        *("order_type", "price", "trigger_price", "status", "detail"),
    )
)


def _what(before: ExecutionReport | None, report: ExecutionReport) -> str:
    """What happened to the order, by how it was told of before."""
    filled = before.filled if before is not None else 0
    status = before.status if before is not None else None
    if before is not None and (report.filled < filled or (status is not None and status.is_final)):
        return "repeated" if report.filled <= filled else "filled late"
    if report.status in _ENDS and report.status is not status:
        return _ENDS[report.status]
    if report.filled > filled:
        return "filled" if report.status is OrderStatus.TRADED else "part filled"
    if before is None:
        return "placed"
    if report.terms is not None and before.terms is not None and report.terms != before.terms:
        return "changed"
    return "confirmed" if report.status is not status else "repeated"


def _fields(report: ExecutionReport) -> Row:
    terms, instrument = report.terms, report.instrument
    legs = "" if report.leg is Leg.ENTRY else f"{report.leg} of {report.parent_id}"
    traded = f"{report.filled} at {report.average_price}" if report.filled else ""
    return {
        "order_id": report.order_id,
        "symbol": instrument.symbol if instrument is not None else None,
        "exchange_segment": report.segment,
        "security_id": report.security_id,
        "side": report.side,
        "quantity": terms.quantity if terms is not None else None,
        "filled": report.filled,
        "order_type": terms.order_type if terms is not None else None,
        "price": _price_of(terms.price) if terms is not None else None,
        "trigger_price": _price_of(terms.trigger_price) if terms is not None else None,
        "status": report.status or report.status_text,
        "detail": ", ".join(part for part in (legs, traded, report.text) if part) or None,
    }


def _price_of(price: Decimal) -> int | float | None:
    """As JSON has it; None for no price."""
    return number(price) if price != ZERO else None


def many(number: int, what: str) -> str:
    """So many of these, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
