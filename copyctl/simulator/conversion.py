"""How does a position change its product?

At its own average price, so that no profit or loss comes of it: the row it leaves is closed by so much, the row it
joins was bought (or sold) today. The order book and the stream tell nothing of it.
"""

from copyctl.simulator import refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.ledger import PAISA, Position
from copyctl.simulator.margin import Leg, together


def find(account: Account, key: tuple[str, str], product: str, kind: str | None = None) -> Position:
    """The position to be converted; of this kind (LONG, SHORT), where one is named. Raises Refusal."""
    held = account.ledger.positions.get((*key, product))
    if held is None or not held.net or (kind is not None and kind != ("LONG" if held.net > 0 else "SHORT")):
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    return held


def convert(account: Account, held: Position, wanted: str, quantity: int) -> None:
    """Move so many units into another product. Raises Refusal."""
    allowed = terms.CONTRACT_CONVERSIONS if held.instrument.is_derivative else terms.SHARE_CONVERSIONS
    short = held.net < 0 and wanted in terms.CASH_PRODUCTS
    if wanted == held.product or not {wanted, held.product} <= allowed or short:
        raise refusals.bad_input()
    if not 0 < quantity <= abs(held.net):
        raise refusals.order_error(refusals.UNKNOWN_ORDER)
    _check_funds(account, held, wanted, quantity)
    joined = account.ledger.position(held.instrument, wanted)
    out, into = (terms.SELL, terms.BUY) if held.net > 0 else (terms.BUY, terms.SELL)
    price = held.cost
    held.trade(out, quantity, price)
    joined.trade(into, quantity, price)


def _check_funds(account: Account, held: Position, wanted: str, quantity: int) -> None:
    ledger, units = account.ledger, quantity if held.net > 0 else -quantity
    before = list(ledger.legs())
    moved = [Leg(held.instrument, held.product, -units, held.cost), Leg(held.instrument, wanted, units, held.cost)]
    more = together([*before, *moved]).needed - together(before).needed
    missing = more - ledger.available
    if account.settings.check_funds and more > 0 and missing > 0:
        text = refusals.NO_FUNDS_TO_CONVERT.format(missing=missing.quantize(PAISA))
        raise refusals.order_error(text)
