"""Where do prices go when nobody moves them? At random, a little at a time, repeatably for one seed."""

import random
from decimal import Decimal

from copyctl.simulator.exchange import Exchange, Later
from copyctl.simulator.instruments import on_tick

BASIS_POINTS = 10_000


class Walk:
    """Moves every price at an interval, for as long as it is on."""

    def __init__(self, exchange: Exchange, chance: random.Random, later: Later) -> None:
        self._exchange = exchange
        self._chance = chance
        self._later = later
        self._seconds = 0.0
        self._reach = 0
        self._round = 0

    def set(self, seconds: float, basis_points: int) -> None:
        """Move by at most so many basis points every so many seconds; 0 seconds: stand still."""
        self._seconds, self._reach = seconds, basis_points
        self._round += 1
        self._wait(self._round)

    def _wait(self, this_round: int) -> None:
        if self._seconds > 0:
            self._later(self._seconds, lambda: self._move(this_round))

    def _move(self, this_round: int) -> None:
        if this_round == self._round:
            self.step()
            self._wait(this_round)

    def step(self) -> None:
        """Move every price once."""
        for key, market in list(self._exchange.markets.items()):
            change = Decimal(self._chance.randint(-self._reach, self._reach)) / BASIS_POINTS
            price = on_tick(market.last_price * (1 + change), market.instrument.tick_size)
            self._exchange.set_price(key, price)
