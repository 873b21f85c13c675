"""Would the broker's risk desk or the exchange refuse this order, and in which words?

Pure questions over an account's books. The gateway's own checks (fields, address, instrument, geometry) are `intake`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from copyctl.simulator import refusals, terms
from copyctl.simulator.accounts import Account
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.margin import HEDGED_SHARE, family, unit_margin
from copyctl.simulator.orders import AVERAGE_STEP, ZERO, Order, Terms

UNTRADED_CASH = frozenset({"MARGIN"})  # a product of derivatives
PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An order, or an order as a modification would leave it."""

    order_id: str
    instrument: Instrument
    side: str
    product: str
    terms: Terms
    key: str = ""  # of the order in the account's books; "": it is in none
    filled: int = 0
    after_market: bool = False
    exit_prices: tuple[Decimal, ...] = ()  # at which it is to leave again
    jump: Decimal = ZERO


def question(order: Order) -> Question:
    """The order as it is."""
    return Question(
        order_id=order.order_id,
        instrument=order.instrument,
        side=order.side,
        product=order.product,
        terms=order.terms,
        key=order.key,
        filled=order.filled,
        after_market=order.after_market,
        exit_prices=order.exits.prices if order.exits is not None else (),
        jump=order.exits.jump if order.exits is not None else ZERO,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What the open part of an order blocks."""

    opening: int
    unit_margin: Decimal

    @property
    def margin(self) -> Decimal:
        return self.unit_margin * self.opening


def objection(account: Account, asked: Question, last_price: Decimal, today: str) -> str | None:
    """The text of the refusal; None when the order may go."""
    return (
        _session_objection(account, asked, today)
        or _client_objection(account, asked)
        or _bar_objection(account, asked, last_price)
        or _terms_objection(asked)
        or _band_objection(account, asked)
        or _holdings_objection(account, asked)
        or _funds_objection(account, asked, last_price)
    )


def exit_objection(account: Account, asked: Question) -> str | None:
    """What stands against the price of an exit; its units were asked about with its entry."""
    return _tick_objection(asked) or _band_objection(account, asked)


def need(account: Account, asked: Question, last_price: Decimal) -> Need:
    """The margin of the part that enlarges a position; the part that closes one needs none.

    What earlier open orders already close is not counted twice: a second exit is margined as a fresh short. An option
    that is sold needs less for what bought ones of its family cover.
    """
    remaining = asked.terms.quantity - asked.filled
    net = account.ledger.net(asked.instrument, asked.product)
    closable = max(0, -net if asked.side == terms.BUY else net)
    if closable:
        closable = max(0, closable - _resting(account, asked))
    price = _margin_price(asked.terms, last_price)
    opening = max(0, remaining - closable)
    unit = unit_margin(asked.instrument, asked.product, asked.side, price)
    covered = min(opening, max(0, _cover(account, asked) - min(remaining, closable)))
    if covered:
        unit = (unit * (opening - covered * (1 - HEDGED_SHARE)) / opening).quantize(AVERAGE_STEP)
    return Need(opening=opening, unit_margin=unit)


def _cover(account: Account, asked: Question) -> int:
    """Units of bought options that no other sale closes or needs, held or on order."""
    if not asked.instrument.is_option or asked.side == terms.BUY:
        return 0
    wanted = family(asked.instrument, asked.product)
    held = sum(leg.units for leg in account.ledger.legs() if family(leg.instrument, leg.product) == wanted)
    promised = sum(
        other.remaining
        for other in _others(account, asked)
        if other.side == terms.SELL and family(other.instrument, other.product) == wanted
    )
    return max(0, held - promised)


def _resting(account: Account, asked: Question) -> int:
    """Units of other open orders that go the same way."""
    return sum(
        other.remaining
        for other in _others(account, asked)
        if other.side == asked.side and other.product == asked.product and other.instrument.key == asked.instrument.key
    )


def _others(account: Account, asked: Question) -> Iterator[Order]:
    """The account's other orders that have arrived; of a target and a stop, which end each other, one."""
    for other in account.open_orders.values():
        if other.key == asked.key or other.status == terms.TRANSIT:
            continue
        held = account.brackets.get(other.family) if other.leg == terms.TARGET_LEG else None
        if held is None or held.stop is None or held.stop.key not in account.open_orders:
            yield other


def _margin_price(wanted: Terms, last_price: Decimal) -> Decimal:
    return wanted.price or wanted.trigger_price or last_price


def _session_objection(account: Account, asked: Question, today: str) -> str | None:
    settings, instrument = account.settings, asked.instrument
    if settings.session == "closed" and not asked.after_market:
        return refusals.worded(settings.session_text or refusals.CLOSED, order=asked.order_id)
    if settings.intraday != "open" and asked.product in terms.DAY_PRODUCTS:
        return refusals.INTRADAY_TEXTS[settings.intraday].format(order=asked.order_id)
    if instrument.expiry is not None and instrument.expiry.isoformat() < today:
        return refusals.EXPIRED_CONTRACT
    return None


def _client_objection(account: Account, asked: Question) -> str | None:
    """Whether this client may trade that segment and product."""
    instrument, settings = asked.instrument, account.settings
    if terms.PROFILE_WORDS[instrument.exchange_segment] not in settings.active_segment:
        return refusals.WRONG_SEGMENT.format(order=asked.order_id)
    wrong = asked.product in UNTRADED_CASH if not instrument.is_derivative else asked.product in terms.CASH_PRODUCTS
    if wrong or (asked.product == "MTF" and settings.mtf != "Active"):
        return refusals.WRONG_PRODUCT.format(order=asked.order_id)
    return None


def _bar_objection(account: Account, asked: Question, last_price: Decimal) -> str | None:
    bar = account.bars.get(asked.instrument.key)
    if bar is None or not bar.stops(asked.product, _prices(asked), need(account, asked, last_price).opening):
        return None
    return refusals.worded(
        bar.text,
        order=asked.order_id,
        symbol=asked.instrument.trading_symbol,
        segment=asked.instrument.exchange_segment,
        low=f"{bar.low:.2f}",
        high=f"{bar.high:.2f}",
    )


def _terms_objection(asked: Question) -> str | None:
    wanted, instrument = asked.terms, asked.instrument
    if wanted.quantity % instrument.lot_size:
        return refusals.NOT_A_LOT.format(order=asked.order_id, lot=instrument.lot_size)
    if instrument.freeze_quantity and wanted.quantity > instrument.freeze_quantity:
        return refusals.ABOVE_FREEZE.format(symbol=instrument.trading_symbol)
    off_tick = _tick_objection(asked)
    if off_tick is not None:
        return off_tick
    if wanted.disclosed:
        if wanted.disclosed > wanted.quantity:
            return refusals.DISCLOSED_TOO_BIG.format(order=asked.order_id)
        if wanted.validity == terms.IOC or instrument.is_derivative:
            return refusals.DISCLOSED_INVALID
    return None


def _tick_objection(asked: Question) -> str | None:
    off = any(price % asked.instrument.tick_size for price in (*_prices(asked), asked.jump))
    return refusals.OFF_TICK if off else None


def _prices(asked: Question) -> list[Decimal]:
    return [price for price in (asked.terms.price, asked.terms.trigger_price, *asked.exit_prices) if price]


def _band_objection(account: Account, asked: Question) -> str | None:
    low, high = asked.instrument.lower_circuit, asked.instrument.upper_circuit
    if not high or all(low <= price <= high for price in _prices(asked)):
        return None
    text = refusals.BAND_TEXTS[account.settings.band_text]
    return text.format(order=asked.order_id, low=f"{low:.2f}", high=f"{high:.2f}")


def _holdings_objection(account: Account, asked: Question) -> str | None:
    """Delivered shares go first; those of today are another matter, and so is a client without a standing mandate."""
    settings = account.settings
    if asked.side != terms.SELL or asked.product not in terms.CASH_PRODUCTS or not settings.check_holdings:
        return None
    wanted = asked.terms.quantity - asked.filled + _resting(account, asked)
    delivered = account.ledger.delivered(asked.instrument, asked.product)
    if wanted > account.ledger.deliverable(asked.instrument, asked.product):
        return refusals.HOLDINGS_TEXTS[settings.holdings_text].format(order=asked.order_id)
    if wanted > delivered and settings.same_day_sale != "allowed":
        return refusals.SAME_DAY_SALE_TEXTS[settings.same_day_sale]
    authorised = settings.ddpi == "Active" or {"ALL", asked.instrument.isin} & {*settings.edis_approved}
    return refusals.NOT_AUTHORISED if delivered and not authorised else None


def _funds_objection(account: Account, asked: Question, last_price: Decimal) -> str | None:
    if not account.settings.check_funds:
        return None
    needed = need(account, asked, last_price)
    own = account.open_orders.get(asked.key)
    available = account.ledger.available + (own.margin if own is not None else ZERO)
    missing = needed.margin - available
    # What needs no margin is taken whatever the account owes: it lessens what is at risk.
    if missing <= 0 or not needed.margin:
        return None
    return _funds_text(account, asked, missing, available, needed.margin)


def funds_refusal(account: Account, asked: Question, last_price: Decimal) -> str:
    """In which words the account's margin is refused, as if it lacked all of it."""
    margin = need(account, asked, last_price).margin
    return _funds_text(account, asked, margin, ZERO, margin)


def _funds_text(account: Account, asked: Question, missing: Decimal, available: Decimal, margin: Decimal) -> str:
    return refusals.FUNDS_TEXTS[account.settings.funds_text].format(
        order=asked.order_id,
        missing=missing.quantize(PAISA),
        available=available.quantize(PAISA),
        margin=margin.quantize(PAISA),
        segment=asked.instrument.exchange_segment[:3],
        kind=asked.instrument.kind,
        symbol=asked.instrument.trading_symbol,
    )
