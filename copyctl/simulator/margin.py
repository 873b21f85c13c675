"""How much is blocked by what is held and what is ordered, taken together?

Simple on purpose: the premium for bought options, a share of the contract for sold ones and for futures, a share of
the price for shares. Selling an option takes many times what buying it takes, and most of that is given back while a
bought option of the same underlying, kind and product covers it.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from copyctl.simulator import terms
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.orders import ZERO

CONTRACT_MARGIN = Decimal("0.12")  # of strike or price, for sold options and for futures
HEDGED_SHARE = Decimal("0.30")  # of a sold option's margin while a bought one covers it
SPAN_SHARE = Decimal("0.75")  # the rest is exposure margin
CASH_MARGIN = {"CNC": Decimal(1), "MTF": Decimal("0.25"), "INTRADAY": Decimal("0.20")}
OTHER_CASH_MARGIN = Decimal("0.20")

Family = tuple[str, str, str, str]  # exchange segment, underlying, CE or PE, product: what can cover each other


class Leg(NamedTuple):
    """Units of one instrument and product, below 0 when sold, and the price that they are margined at."""

    instrument: Instrument
    product: str
    units: int
    price: Decimal

    @property
    def unit_margin(self) -> Decimal:
        side = terms.BUY if self.units > 0 else terms.SELL
        return unit_margin(self.instrument, self.product, side, self.price)


class Together(NamedTuple):
    """Margin of legs one by one, and how much less they need as a whole."""

    apart: Decimal
    benefit: Decimal

    @property
    def needed(self) -> Decimal:
        return self.apart - self.benefit


def unit_margin(instrument: Instrument, product: str, side: str, price: Decimal) -> Decimal:
    """What one unit blocks while it is open."""
    if instrument.is_option:
        premium = price * instrument.multiplier
        return (
            premium if side == terms.BUY else max(premium, instrument.strike * instrument.multiplier * CONTRACT_MARGIN)
        )
    if instrument.is_derivative:
        return price * instrument.multiplier * CONTRACT_MARGIN
    if product in terms.CASH_PRODUCTS and side == terms.SELL:
        return ZERO
    return price * CASH_MARGIN.get(product, OTHER_CASH_MARGIN)


def family(instrument: Instrument, product: str) -> Family:
    """Which options may cover one another."""
    return (instrument.exchange_segment, instrument.symbol, instrument.option_type, product)


def together(legs: Iterable[Leg]) -> Together:
    """What legs need as a whole; those of one instrument and product close each other first."""
    apart, benefit = ZERO, ZERO
    bought: dict[Family, int] = {}
    netted = _netted(legs)
    for leg in netted:
        apart += leg.unit_margin * abs(leg.units)
        if leg.instrument.is_option and leg.units > 0:
            of = family(leg.instrument, leg.product)
            bought[of] = bought.get(of, 0) + leg.units
    # Cover goes to the dearest first.
    for leg in sorted(netted, key=lambda leg: leg.unit_margin, reverse=True):
        if leg.instrument.is_option and leg.units < 0:
            of = family(leg.instrument, leg.product)
            covered = min(bought.get(of, 0), -leg.units)
            bought[of] = bought.get(of, 0) - covered
            benefit += leg.unit_margin * covered * (1 - HEDGED_SHARE)
    return Together(apart, benefit)


def _netted(legs: Iterable[Leg]) -> list[Leg]:
    found: dict[tuple[str, str, str], Leg] = {}
    for leg in legs:
        key = (*leg.instrument.key, leg.product)
        known = found.get(key)
        if known is None or known.units == 0:
            found[key] = leg
        elif (known.units > 0) == (leg.units > 0):
            value = known.price * abs(known.units) + leg.price * abs(leg.units)
            units = known.units + leg.units
            found[key] = leg._replace(units=units, price=value / abs(units) if units else leg.price)
        else:
            larger = known if abs(known.units) >= abs(leg.units) else leg
            found[key] = larger._replace(units=known.units + leg.units)
    return list(found.values())
