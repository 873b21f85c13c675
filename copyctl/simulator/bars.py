"""From what is an instrument barred, and in which words is that refused?

A halt, a ban, a price range: it holds for one account or for all, until it is lifted. Cancels pass every bar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from copyctl.simulator import refusals, terms

EVERYTHING = "everything"
OPENING = "opening"  # what enlarges a position; what only lessens it passes
OF_THE_DAY = "of the day"  # orders of a product that ends with the day
OUTSIDE = "outside"  # prices outside the bar's own range; MARKET passes


class Kind(NamedTuple):
    """A kind of bar. One that halts stops matching too, where it holds for all accounts."""

    text: str
    refuses: str
    halts: bool = False


# What Dhan says of a halt, a ban period and a self trade was never captured; those texts are of the usual form.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "halted": Kind("RMS:{order}:Trading in {symbol} is halted", EVERYTHING, halts=True),
        "suspended": Kind("RMS:{order}:{symbol} is suspended from trading", EVERYTHING, halts=True),
        "ban_period": Kind("RMS:{order}:Scrip in ban period, only position reducing trades are allowed", OPENING),
        "no_intraday": Kind(
            "RMS:{order}:Order rejected as this stock is not allowed to be traded in Intraday.", OF_THE_DAY
        ),
        "lpp": Kind("EXCH:17070 : The Price Is Out Of The Current LPP Range", OUTSIDE),
        "circuit_freeze": Kind(refusals.BAND_TEXTS["freeze"], OUTSIDE),
        "strike_range": Kind("Strike price is not within range for the selected expiry", EVERYTHING),
        "not_allowed": Kind("EXCH:16387:Security is not allowed to trade in this market.", EVERYTHING),
        "self_trade": Kind("EXCH:17071:The order could have resulted in self trade", EVERYTHING),
        "connectivity": Kind("Exchange Connectivity is not established for {segment}", EVERYTHING),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one instrument is barred from."""

    kind: str
    text: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    def stops(self, product: str, prices: list[Decimal], opening: int) -> bool:
        """Whether it refuses an order of this product, at these prices, with so many units that open a position."""
        refuses = KINDS[self.kind].refuses
        if refuses == OPENING:
            return opening > 0
        if refuses == OF_THE_DAY:
            return product in terms.DAY_PRODUCTS
        if refuses == OUTSIDE:
            return not all(self.low <= price <= self.high for price in prices)
        return True
