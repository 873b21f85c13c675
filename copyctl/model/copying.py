"""Which leader orders are copied, how large, and how changed: the part of the policy that shapes one order."""

from dataclasses import dataclass
from decimal import Decimal

from copyctl.model import choices
from copyctl.model.duration import Nanoseconds
from copyctl.model.ranges import Hours, Range, Table
from copyctl.model.terms import (
    AmoTime,
    InstrumentKind,
    OptionType,
    OrderType,
    Product,
    Segment,
    Side,
    Validity,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a filter rule asks of a leader order; None: nothing. A tuple is "any of"; plain texts take ``*`` and ``?``.

    ``price`` in rupees, ``value`` in rupees (quantity x multiplier x price), ``days_to_expiry`` in days.
    """

    segment: tuple[Segment, ...] | None = None
    instrument: tuple[InstrumentKind, ...] | None = None
    underlying: tuple[str, ...] | None = None
    symbol: tuple[str, ...] | None = None
    security_id: tuple[str, ...] | None = None
    option_type: tuple[OptionType, ...] | None = None
    side: tuple[Side, ...] | None = None
    product: tuple[Product, ...] | None = None
    order_type: tuple[OrderType, ...] | None = None
    validity: tuple[Validity, ...] | None = None
    intent: tuple[choices.Intent, ...] | None = None
    platform: tuple[str, ...] | None = None
    tag: tuple[str, ...] | None = None
    after_market: bool | None = None
    quantity: Range | None = None
    price: Range | None = None
    value: Range | None = None
    days_to_expiry: Range | None = None
    time: Hours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capital:
    """How ``capital_proportional`` finds its ratio; amounts in rupees."""

    basis: choices.Basis
    leader: Decimal | None
    follower: Decimal | None
    multiplier: Decimal
    maximum_ratio: Decimal | None
    refresh: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How ``risk_based`` finds its quantity; percent of the capital and of the price."""

    per_trade_pct: Decimal
    stop_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How large a copy is. Of ``ratio`` to ``risk`` the one that the strategy needs is there, others may be None."""

    strategy: choices.Strategy
    ratio: Decimal | None
    lots: int | None
    quantity: int | None
    value: Decimal | None
    capital: Capital | None
    risk: Risk | None
    rounding: choices.Rounding
    residual: choices.Residual
    minimum_lots: int
    maximum_lots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLimit:
    """The limit of a MARKET order that is turned into LIMIT."""

    reference: choices.LimitReference
    offset_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StopMarketMapping:
    """How a STOP_LOSS_MARKET is sent; ``offset_pct`` percent of the trigger."""

    derivatives: choices.StopMarket
    equity: choices.StopMarket
    offset_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMapping:
    """How a price or a trigger is taken over; ``ticks`` is None with ``same``."""

    mode: choices.Shift
    ticks: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedMapping:
    """How the disclosed quantity is taken over."""

    mode: choices.Disclosed


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMapping:
    """What becomes of the leader's terms. Every product and validity has a row; None in one: skip such orders.

    ``freeze_quantity``: units per underlying, ``*`` for all others, None: no freeze quantity.
    """

    product: Table[Product, Product | None]
    order_type: Table[OrderType, OrderType]
    market_limit: MarketLimit
    validity: Table[Validity, Validity | None]
    stop_market: StopMarketMapping
    price: PriceMapping
    trigger: PriceMapping
    disclosed: DisclosedMapping
    slicing: choices.Slicing
    freeze_quantity: Table[str, int | None]
    after_market: choices.Action
    after_market_time: AmoTime
    super_order: choices.SuperOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """One filter rule. ``sizing`` and ``mapping`` are whole (the policy's with the rule's on top), or None."""

    name: str
    match: Match
    action: choices.Action
    sizing: Sizing | None
    mapping: OrderMapping | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which leader orders are copied: the first rule that matches decides, else ``default``."""

    default: choices.Action
    rules: tuple[FilterRule, ...]
