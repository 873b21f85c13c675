"""Which exits does a request ask for, and do they fit their entry?

A super order names prices, a bracket order distances, a cover order the trigger of its stop.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from copyctl.simulator import refusals, terms
from copyctl.simulator.orders import Exits, Terms

# side of the entry and leg -> whether the exit's price lies above the entry's, and what is said when it does not
SIDES: Mapping[tuple[str, str], tuple[bool, str]] = MappingProxyType(
    {
        (terms.BUY, terms.TARGET_LEG): (True, refusals.TARGET_BELOW_PRICE),
        (terms.BUY, terms.STOP_LOSS_LEG): (False, refusals.STOP_ABOVE_PRICE),
        (terms.SELL, terms.TARGET_LEG): (False, refusals.TARGET_ABOVE_PRICE),
        (terms.SELL, terms.STOP_LOSS_LEG): (True, refusals.STOP_BELOW_PRICE),
    }
)


def of_product(
    product: str, side: str, wanted: Terms, *, profit: Decimal, loss: Decimal, trigger: Decimal, last_price: Decimal
) -> Exits | None:
    """The exits that a product brings with it; None for a plain one. Raises Refusal."""
    if product == terms.BRACKET:
        if not profit and not loss:
            raise refusals.bad_input()
        return Exits(target=profit, stop=loss, as_distances=True)
    if product != terms.COVER:
        return None
    if wanted.order_type in terms.STOPS:  # its trigger is its stop's
        raise refusals.bad_input()
    if not trigger:  # taken as an order like any other
        return None
    check_side(side, terms.STOP_LOSS_LEG, trigger, wanted.price or last_price)
    return Exits(stop=trigger)


def check_side(side: str, leg: str, price: Decimal, entered: Decimal) -> None:
    """Whether an exit lies on its side of the entry's price; one that is not there (0) does. Raises Refusal."""
    above, text = SIDES[side, leg]
    if price and not (price > entered if above else price < entered):
        raise refusals.order_error(text)


def check_jump(jump: Decimal, tick: Decimal) -> None:
    """Whether a stop that follows in such jumps stays on the tick. Raises Refusal."""
    if jump % tick:
        raise refusals.order_error(refusals.OFF_TICK)
