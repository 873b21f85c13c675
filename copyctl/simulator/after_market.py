"""When does an after-market order go to the exchange?

At the next of its time of day after it was placed; the simulator knows no holidays.
"""

from datetime import datetime, timedelta

from copyctl.simulator import terms
from copyctl.simulator.clock import IST, TEXT_FORMAT
from copyctl.simulator.orders import Order


def due(order: Order) -> datetime | None:
    """The moment; None for an order that does not wait for one."""
    if not order.waits_for_open or order.amo_time is None:
        return None
    placed = datetime.strptime(order.created, TEXT_FORMAT).replace(tzinfo=IST)
    hour, minute, second = map(int, terms.AMO_TIMES[order.amo_time].split(":"))
    moment = placed.replace(hour=hour, minute=minute, second=second)
    return moment if moment > placed else moment + timedelta(days=1)
