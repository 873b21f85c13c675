"""What is the state of trading in one instrument?"""

from dataclasses import dataclass, field
from decimal import Decimal

from copyctl.simulator.instruments import Instrument
from copyctl.simulator.orders import Order

Key = tuple[str, str]  # exchange segment, security id


@dataclass(slots=True, kw_only=True)
class Market:
    """One instrument's trading: its last price, what can be had, and who waits."""

    instrument: Instrument
    last_price: Decimal
    available: int | None = None  # units left to trade; None: any number
    per_tick: int | None = None  # units that one order may trade at each price tick; None: any number
    halted: bool = False  # nothing trades
    resting: dict[str, Order] = field(default_factory=dict)

    def takes(self, wanted: int) -> int:
        """How many units trade now."""
        for bound in (self.available, self.per_tick):
            if bound is not None:
                wanted = min(wanted, bound)
        return wanted
