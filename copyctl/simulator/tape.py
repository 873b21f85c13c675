"""How does a recorded day happen again?

A tape is JSON Lines: a header `{"tape": 1, "client_id", "started_at"}`, then one event a line with `at` and one of
frame, book, trades, positions, funds, price, stream. Times are moved to the moment of playing, also inside the frames,
so that a copier sees them fresh; nothing else of a frame changes but the leader's id.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from copyctl.simulator import listing, told
from copyctl.simulator.accounts import Account, Row
from copyctl.simulator.broker import Broker
from copyctl.simulator.clock import moment_of, text_of
from copyctl.simulator.ledger import position_of_row

EVENTS = ("frame", "book", "trades", "positions", "funds", "price", "stream")
_FRAME_TIME = re.compile(r'("(?:orderDateTime|exchOrderTime|lastUpdatedTime)"\s*:\s*")([^"]*)(")', re.IGNORECASE)
_ROW_TIMES = ("createTime", "updateTime", "exchangeTime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line."""

    at: datetime
    kind: str
    value: object
    account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A recorded session."""

    client_id: str
    started_at: datetime
    events: tuple[Event, ...]

    @classmethod
    def read(cls, path: Path) -> "Tape":
        """Read a tape. Raises ValueError with the number of a line that cannot be read."""
        header: dict[str, object] | None = None
        events: list[Event] = []
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    written = json.loads(line)
                    if header is None:
                        header = _header(written)
                    else:
                        events.append(_event(written))
                except (ValueError, KeyError, TypeError, RecursionError) as wrong:
                    raise ValueError(f"{path}: line {number}: {wrong}") from None
        if header is None:
            raise ValueError(f"{path}: is empty")
        started = header.get("started_at")
        first = events[0].at if events else None
        began = _moment(started) if started is not None else first
        if began is None:
            raise ValueError(f"{path}: says neither when it started nor when anything happened")
        return cls(client_id=str(header.get("client_id") or ""), started_at=began, events=tuple(events))

    def prepare(self, broker: Broker) -> None:
        """List the instruments that it tells of."""
        # Frames first: they know the lot size and the tick, rows and prices do not.
        for event in self.events:
            fields = told.frame_fields(_text(event.value)) if event.kind == "frame" else None
            if fields is not None:
                listing.list_from_frame(broker, fields)
        for event in self.events:
            if event.kind == "price" and isinstance(event.value, dict):
                listing.list_unknown(broker, str(event.value["exchange_segment"]), str(event.value["security_id"]))
            for row in _rows(event.value):
                listing.list_from_row(broker, row)


class Playing:
    """A tape on its way."""

    def __init__(self, broker: Broker, tape: Tape, leader: Account, speed: float) -> None:
        self._broker = broker
        self._tape = tape
        self._leader = leader
        self._speed = speed
        self._recorded_id = re.compile(rf"(?<!\d){re.escape(tape.client_id)}(?!\d)")
        self._began = broker.clock.now()
        self._priced = {
            (event.value["exchange_segment"], str(event.value["security_id"]))
            for event in tape.events
            if event.kind == "price" and isinstance(event.value, dict)
        }

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for event in self._tape.events:
            if self._speed > 0:
                due = (event.at - self._tape.started_at).total_seconds() / self._speed
                await asyncio.sleep(max(0.0, start + due - loop.time()))
            else:
                await asyncio.sleep(0)  # let what follows from the last line happen
            _PLAYERS[event.kind](self, event)

    # ---- lines -------------------------------------------------------------------------------------------------------

    def frame(self, event: Event) -> None:
        """Out on the leader's stream; his books know it too, even while the stream is down."""
        text = self._fresh(_text(event.value))
        self._broker.stream.tell(self._leader, text)
        fields = told.frame_fields(text)
        if fields is None:
            return
        fill = told.take_in(self._leader, fields)
        key = told.instrument_key(fields)
        market = self._broker.exchange.markets.get(key) if key is not None else None
        if fill is None or market is None:
            return
        self._leader.ledger.position(market.instrument, fill.product).trade(fill.side, fill.quantity, fill.price)
        if key not in self._priced:
            # No prices on this tape for it: the leader's trades are the market.
            self._broker.exchange.set_price(market.instrument.key, fill.price)

    def book(self, event: Event) -> None:
        """The leader's order book, as it was."""
        if self._account(event) is self._leader:
            rows = [self._row(row) for row in _rows(event.value)]
            self._leader.told_orders = {str(row.get("orderId")): row for row in rows}

    def trades(self, event: Event) -> None:
        if self._account(event) is self._leader:
            self._leader.told_trades = [self._row(row) for row in _rows(event.value)]

    def positions(self, event: Event) -> None:
        """What is held at that moment; fills move it on. A follower's are his start, unless he has traded here."""
        account = self._account(event)
        if account is None or (account is not self._leader and account.trades):
            return
        account.ledger.positions.clear()
        for row in _rows(event.value):
            market = self._broker.exchange.markets.get(listing.row_key(row))
            if market is not None:
                held = position_of_row(row, market.instrument)
                account.ledger.positions[(*market.instrument.key, held.product)] = held

    def funds(self, event: Event) -> None:
        account = self._account(event)
        if account is None or not isinstance(event.value, dict):
            return
        if account is self._leader:
            account.told_funds = {**event.value, "dhanClientId": account.client_id}
            return
        available = event.value.get("availabelBalance", event.value.get("availableBalance"))
        if available is not None:
            account.ledger.set_available(Decimal(str(available)))

    def price(self, event: Event) -> None:
        if isinstance(event.value, dict):
            key = (str(event.value["exchange_segment"]), str(event.value["security_id"]))
            self._broker.exchange.set_price(key, Decimal(str(event.value["last_price"])))

    def stream(self, event: Event) -> None:
        if event.value == "down":
            self._broker.stream.down.add(self._leader.name)
            self._broker.stream.tear(self._leader)
        else:
            self._broker.stream.down.discard(self._leader.name)

    # ---- times and ids -----------------------------------------------------------------------------------------------

    def _account(self, event: Event) -> Account | None:
        return self._leader if event.account is None else self._broker.accounts.by_name.get(event.account)

    def _fresh(self, text: str) -> str:
        if self._tape.client_id:
            text = self._recorded_id.sub(self._leader.client_id, text)
        return _FRAME_TIME.sub(lambda found: f"{found[1]}{self._moved(found[2])}{found[3]}", text)

    def _row(self, row: Row) -> Row:
        moved: Row = dict(row)
        for name in _ROW_TIMES:
            if isinstance(moved.get(name), str):
                moved[name] = self._moved(str(moved[name]))
        if "dhanClientId" in moved:
            moved["dhanClientId"] = self._leader.client_id
        return moved

    def _moved(self, text: str) -> str:
        """A recorded time on the clock of this playing; never later than now."""
        moment, now = moment_of(text), self._broker.clock.now()
        if moment is None:
            return text
        if self._speed <= 0:
            return text_of(now)
        passed = (moment - self._tape.started_at).total_seconds() / self._speed
        return text_of(min(now, self._began + timedelta(seconds=passed)))


_PLAYERS: Mapping[str, Callable[[Playing, Event], None]] = MappingProxyType(
    {
        "frame": Playing.frame,
        "book": Playing.book,
        "trades": Playing.trades,
        "positions": Playing.positions,
        "funds": Playing.funds,
        "price": Playing.price,
        "stream": Playing.stream,
    }
)


async def play(broker: Broker, tape: Tape, leader: Account, speed: float) -> None:
    """Let the tape happen, from now on, so many times as fast as it was recorded (0: as fast as it goes)."""
    await Playing(broker, tape, leader, speed).run()


def _header(written: Mapping[str, object]) -> dict[str, object]:
    if written.get("tape") != 1:
        raise ValueError('a tape begins with {"tape": 1, ...}')
    return dict(written)


def _event(written: Mapping[str, object]) -> Event:
    kinds = [kind for kind in EVENTS if kind in written]
    if len(kinds) != 1:
        raise ValueError(f"wants one of {', '.join(EVENTS)}")
    kind, account = kinds[0], written.get("account")
    value = written[kind]
    if kind == "stream" and value not in {"up", "down"}:
        raise ValueError("a stream is up or down")
    if kind == "price":
        if not isinstance(value, dict):
            raise TypeError("a price is an object")
        _ = (value["exchange_segment"], value["security_id"], Decimal(str(value["last_price"])))
    return Event(at=_moment(written["at"]), kind=kind, value=value, account=str(account) if account else None)


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"{text}: a time needs its offset")
    return moment


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
