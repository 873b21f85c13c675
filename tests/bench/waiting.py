"""What hundreds of waiting requests cost a step that has nothing to do with them. The checks are off: what they cost is
measured elsewhere."""

import statistics
import time
from typing import Any

from copyctl.core.step import step
from copyctl.model.events import FrameRead
from tests.bench.checks import OFF
from tests.core.building import LEADER, SECOND, Desk, report


def waiting(orders: int, **limits: int) -> Desk:
    """A state in which so many entries wait for room."""
    rates: dict[str, Any] = {
        "orders": {"per_second": 10, "per_minute": 12, "per_hour": 10**6, "per_day": 10**6} | limits
    }
    desk = Desk(OFF, rate_limits=rates).start()
    for number in range(orders + 9):  # nine of them leave: the rest is the reserve
        desk.now -= SECOND - 1
        desk.leader(f"W{number}")
    return desk


def microseconds(desk: Desk, times: int = 300) -> float:
    """Median of the step that takes in another leader order, which waits too."""
    spent = []
    for number in range(times):
        at = desk.now + number
        one = report(LEADER, f"N{number}", as_of=at)
        event = FrameRead(at=at, account=LEADER, raw=b"", reports=(one,))
        began = time.perf_counter_ns()
        step(desk.state, event)
        spent.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(spent)


def ratio(orders: int = 500) -> tuple[float, float]:
    """Microseconds of a step with so many waiting, and with none; taken in turns."""
    some, none = waiting(orders), waiting(0)
    found = [(microseconds(some, 60), microseconds(none, 60)) for _ in range(7)]
    return statistics.median(one for one, _ in found), statistics.median(one for _, one in found)
