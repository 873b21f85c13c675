"""When does the broker close an account's positions because of what they gained or lost?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from copyctl.simulator import terms

PRODUCTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"INTRADAY": terms.DAY_PRODUCTS, "DELIVERY": ("CNC", "MTF", "MARGIN")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRule:
    """A P&L based exit: both bounds are rupees above 0, 0 is none."""

    profit: Decimal
    loss: Decimal
    kinds: tuple[str, ...]  # keys of PRODUCTS
    kill_switch: bool

    @property
    def products(self) -> tuple[str, ...]:
        return tuple(product for kind in self.kinds for product in PRODUCTS[kind])

    def is_met(self, results: Iterable[Decimal]) -> bool:
        """Whether these profits, taken together, are beyond a bound."""
        result = sum(results, Decimal(0))
        return bool((self.profit and result >= self.profit) or (self.loss and result <= -self.loss))
