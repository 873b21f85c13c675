"""Which number does the next order, exchange order or trade get?

Numbers are never given twice in the life of the simulator, not even after a reset.
"""

from itertools import count

from copyctl.simulator.accounts import Account
from copyctl.simulator.clock import Clock


class Numbers:
    """The counters of broker and exchange."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._orders = count(1234)
        self._exchange_orders = count(1_300_000_000_012_345)
        self._trades = count(70_000_001)
        self._forevers = count(777)
        self._correlations = count(1_700_000_000_001)

    def order(self) -> str:
        """Fifteen digits with the date inside."""
        return f"12{self._clock.today()[2:].replace('-', '')}{next(self._orders):07d}"

    def forever(self) -> str:
        """Sixteen digits with the date inside, of a series of its own."""
        return f"816{self._clock.today()[2:].replace('-', '')}{next(self._forevers):07d}"

    def exchange_order(self) -> str:
        return str(next(self._exchange_orders))

    def trade(self) -> str:
        return str(next(self._trades))

    def correlation(self, account: Account) -> str:
        """What an order without a correlation id reads back with."""
        unset = account.settings.correlation_unset
        if unset == "generated":
            return f"{account.client_id}-{next(self._correlations)}"
        return "NA" if unset == "NA" else ""
