"""What the checks of an entry add to a decision: the same leader orders with all checks on and with all off.

Facts are there already, as they are in a usual entry: funds and positions were read at the last sweep, the margin of
the instrument was asked with an order before, the quote is fresh.
"""

import statistics
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from copyctl.core.state import State
from copyctl.core.step import Step, step
from copyctl.model.effects import AskInstrument, FindCalendar, Send
from copyctl.model.events import (
    Answered,
    BooksRead,
    CalendarFound,
    Event,
    FrameRead,
    InstrumentFound,
    PolicyLoaded,
    Started,
    StreamChanged,
)
from copyctl.model.facts import Ask, FactArrived, Quote
from copyctl.model.policy import Rules
from copyctl.model.request import Fate, Outcome, RequestKind
from tests.core.building import ALICE, LEADER, NOON, OPTION, SECOND, WEEKDAYS, Desk, report, rules

OFF: Mapping[str, Any] = {
    "market_hours": {"enforce": False},
    "checks": {"margin": False, "price_band": "none", "self_trade": "off", "delivery": "off"},
}
UNLIMITED: Mapping[str, Any] = {"orders": {"per_minute": 10**6, "per_hour": 10**6, "per_day": 10**6}}
ON: Mapping[str, Any] = {
    "market_hours": {"enforce": True, "square_off": "15:15"},
    "price_guard": {"entry_bps": 5000, "exit_bps": 5000, "emergency_bps": 5000},
    "checks": {"margin": True, "margin_buffer_pct": 5, "price_band": "circuit", "self_trade": "refuse"},
    "limits": {
        "max_order_quantity": 100_000,
        "max_order_lots": 20_000,
        "max_order_value": 100_000_000,
        "max_open_orders": 100_000,
        "max_position_quantity": 10_000_000,
        "max_position_value": 10_000_000_000,
        "max_open_positions": 1000,
        "max_gross_exposure": 100_000_000_000,
        "max_underlying_lots": {"*": 2_000_000},
        "max_concentration_pct": 100_000_000,
        "max_orders_per_minute": 100_000,
        "max_orders_per_day": 1_000_000,
        "max_daily_loss": 1_000_000,
        "max_daily_profit": 100_000_000,
    },
}


class _World:
    """A state that steps, with every question answered at once and outside of what is measured."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.rules: Rules = rules(policy, rate_limits=UNLIMITED)
        self.state, self.now = State(), NOON
        self.answers = Desk(policy)
        self.placed: list[tuple[str, str]] = []
        self.answers.state = self.state
        band = Quote(
            segment=OPTION.segment,
            security_id=OPTION.security_id,
            as_of=NOON,
            last_price=Decimal(101),
            lower_circuit=Decimal(50),
            upper_circuit=Decimal(200),
        )
        self.answers.quotes[OPTION.security_id] = band

    def feed(self, event: Event) -> Step:
        made = step(self.state, event)
        self.state.apply(made.changes)
        self.state.rules = made.rules or self.state.rules
        for effect in made.effects:
            if isinstance(effect, AskInstrument):
                where = {"segment": effect.segment, "security_id": effect.security_id}
                self.feed(InstrumentFound(at=self.now, **where, master=True, instrument=OPTION))
            elif isinstance(effect, FindCalendar):
                self.feed(CalendarFound(at=self.now, calendar=effect.calendar, days=WEEKDAYS))
            elif isinstance(effect, Ask):
                fact = self.answers.fact_for(effect.question, self.now)
                account, question = effect.question.account, effect.question
                self.feed(FactArrived(at=self.now, account=account, question=question, fact=fact))
            elif isinstance(effect, Send):
                request = effect.approved.request
                if request.kind is RequestKind.PLACE:
                    self.placed.append((request.correlation_id[:24], request.correlation_id))
                outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(request.correlation_id[:24],), left_at=self.now)
                self.feed(Answered(at=self.now, request_id=request.request_id, outcome=outcome))
        return made

    def begin(self) -> None:
        self.feed(PolicyLoaded(at=self.now, digest="d", document="{}", rules=self.rules))
        self.feed(Started(at=self.now))
        for account in (LEADER, ALICE):
            self.feed(StreamChanged(at=self.now, account=account, up=True))
            self.feed(BooksRead(at=self.now, account=account, asked_at=self.now))


def decisions(policy: Mapping[str, Any], orders: int = 400) -> float:
    """Median microseconds of the step that decides one leader order and lets its copy leave."""
    world = _World(policy)
    world.begin()
    spent = []
    for number in range(orders):
        world.now += SECOND // 5
        one = report(LEADER, f"L{number}", quantity=100, as_of=world.now)
        event = FrameRead(at=world.now, account=LEADER, raw=b"", reports=(replace(one, last_price=Decimal(101)),))
        began = time.perf_counter_ns()
        made = step(world.state, event)
        spent.append((time.perf_counter_ns() - began) / 1000)
        sent = any(isinstance(effect, Send) for effect in made.effects)
        if not sent:
            spent.pop()  # it had to ask: that one is none of the usual ones
        world.feed(event)
        gone = report(LEADER, f"L{number}", "CANCELLED", quantity=100, as_of=world.now + 1)
        world.feed(FrameRead(at=world.now + 1, account=LEADER, raw=b"", reports=(gone,)))
        for order_id, correlation in world.placed:
            over = report(ALICE, order_id, "CANCELLED", quantity=50, as_of=world.now + 2, correlation_id=correlation)
            world.feed(FrameRead(at=world.now + 2, account=ALICE, raw=b"", reports=(over,)))
        world.placed.clear()
    return statistics.median(spent)


def added() -> tuple[float, float]:
    """Microseconds of a decision with all checks off, and with all on."""
    return decisions(OFF), decisions(ON)
