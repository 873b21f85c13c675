"""The rules of a deployment, typed: what a rules file says after ``extends``, defaults and overrides.

Attributes are named exactly as the keys of the file (``from_`` and ``class_`` where Python has taken the word).
Lengths of time are nanoseconds; money, ratios, prices, percentages and basis points are ``Decimal``; quantities are
``int`` units, lots ``int`` lots; times of day are IST. No attribute has a default here: the defaults of the language
live in its JSON schema, and ``copyctl.rules`` fills them in. Every type of the language can be imported from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from functools import cached_property

from copyctl.model import choices
from copyctl.model.copying import (
    Capital,
    DisclosedMapping,
    FilterRule,
    Filters,
    MarketLimit,
    Match,
    OrderMapping,
    PriceMapping,
    Risk,
    Sizing,
    StopMarketMapping,
)
from copyctl.model.deployment import (
    Alerts,
    Broker,
    KillSwitch,
    Logging,
    Metrics,
    Objectives,
    OrderRates,
    Rate,
    RateLimits,
    Reconnect,
    Resilience,
    Retries,
    Settle,
    Simulator,
    Store,
)
from copyctl.model.duration import Nanoseconds
from copyctl.model.ranges import Hours, Range, Table
from copyctl.model.secret import Secret
from copyctl.model.terms import Segment

__all__ = [
    "Account",
    "Alerts",
    "Broker",
    "Capital",
    "Checks",
    "DisclosedMapping",
    "Exits",
    "Fills",
    "FilterRule",
    "Filters",
    "Follower",
    "Hours",
    "KillSwitch",
    "Late",
    "Leader",
    "Limits",
    "Logging",
    "MarketHours",
    "MarketLimit",
    "Match",
    "Metrics",
    "MultiLeg",
    "Nanoseconds",
    "Objectives",
    "OrderMapping",
    "OrderRates",
    "Policy",
    "PriceGuard",
    "PriceMapping",
    "Range",
    "Rate",
    "RateLimits",
    "Reconnect",
    "Resilience",
    "Retries",
    "Risk",
    "Rules",
    "Secret",
    "Session",
    "Settle",
    "Simulator",
    "Sizing",
    "SpecialDay",
    "StopMarketMapping",
    "Store",
    "Table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGuard:
    """How far from the reference a copy may trade, in basis points; None: not guarded."""

    entry_bps: Decimal | None
    exit_bps: Decimal | None
    emergency_bps: Decimal | None
    reference: choices.GuardReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How the leader's exits are followed."""

    base: choices.ExitBase
    never_reverse: bool
    proportion: choices.Proportion
    confirm_short: choices.ConfirmShort
    alternatives: choices.Alternatives
    always_copy: bool
    lag_action: choices.ExitLagAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What becomes of a leader's entry that is first seen after it happened."""

    max_age: Nanoseconds
    filled: choices.LateFilled
    max_slippage_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """What is done when fills of leader and follower differ."""

    lag_alert: Nanoseconds
    lag_action: choices.LagAction
    lag_deadline: Nanoseconds
    on_leader_cancel: choices.OnLeaderCancel
    excess: choices.Excess


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLeg:
    """How several legs on one underlying become one basket; a window of 0: they do not."""

    window: Nanoseconds
    order: choices.LegOrder
    leg_timeout: Nanoseconds
    margin: choices.LegMargin
    on_failure: choices.OnFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The hours of one segment (and class of instruments), from one date to another, both included; None: open."""

    segment: Segment
    class_: str | None
    from_: date | None
    to: date | None
    pre_open: Hours | None
    regular: Hours | None
    post_close: Hours | None
    closing_auction: Hours | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """Hours of some segments on one date."""

    date: date
    segments: tuple[Segment, ...]
    open: time
    close: time


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketHours:
    """When orders may be sent. ``square_off``: from when on INTRADAY entries are refused; a segment without: never.

    ``sessions``, ``part_days``, ``special_sessions``: the file's own first, then the rows of the table that ships with
    copyctl for days and instruments of which the file says nothing.
    """

    enforce: bool
    calendar: str
    stale_calendar: choices.StaleCalendar
    sessions: tuple[Session, ...]
    holidays: tuple[date, ...]
    part_days: tuple[SpecialDay, ...]
    special_sessions: tuple[SpecialDay, ...]
    outside: choices.Outside
    pre_open: choices.PreOpen
    square_off: Table[Segment, time]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Pre-trade limits of one follower; None: no limit. Values in rupees, quantities in units."""

    max_order_quantity: int | None
    max_order_lots: int | None
    max_order_value: Decimal | None
    max_open_orders: int | None
    max_position_quantity: int | None
    max_position_value: Decimal | None
    max_open_positions: int | None
    max_gross_exposure: Decimal | None
    max_underlying_lots: Table[str, int] | None
    max_concentration_pct: Decimal | None
    max_orders_per_minute: int | None
    max_orders_per_day: int | None
    max_daily_loss: Decimal | None
    max_daily_profit: Decimal | None
    on_breach: choices.OnBreach


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What is checked before an order may leave."""

    margin: bool
    margin_buffer_pct: Decimal
    price_band: choices.PriceBand
    price_band_pct: Decimal
    self_trade: choices.Caution
    address: bool
    instrument: bool
    delivery: choices.Caution
    unavailable: choices.Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is copied, how large, how changed, and what is checked: the policy of one follower."""

    copy_on: choices.CopyOn
    filters: Filters
    sizing: Sizing
    mapping: OrderMapping
    price_guard: PriceGuard
    exits: Exits
    join: choices.Join
    late: Late
    fills: Fills
    multi_leg: MultiLeg
    market_hours: MarketHours
    limits: Limits
    checks: Checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at Dhan. A secret that the file does not give is empty, and so false."""

    client_id: str
    access_token: Secret
    person: str | None
    renew: choices.Renew
    pin: Secret
    totp_secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader(Account):
    """The account that is copied."""

    name = "leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower(Account):
    """An account that copies. ``policy`` is its own: the file's policy with the follower's overrides on top."""

    name: str
    enabled: bool
    source_ip: str | None
    policy: Policy


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A whole rules file. ``digest``: SHA-256 of its document without secrets, "" where it comes from no file."""

    name: str
    description: str | None
    broker: Broker
    store: Store
    leader: Leader
    followers: tuple[Follower, ...]
    policy: Policy
    kill_switch: KillSwitch
    rate_limits: RateLimits
    resilience: Resilience
    alerts: Alerts
    objectives: Objectives
    metrics: Metrics
    logging: Logging
    digest: str = field(default="", compare=False)

    @cached_property
    def by_account(self) -> Mapping[str, Follower]:
        """The followers by their client ids."""
        return {one.client_id: one for one in self.followers}

    @cached_property
    def accounts(self) -> Mapping[str, int]:
        """The client ids of the leader and of all followers, and the place of each in the file, the leader's first."""
        return {name: place for place, name in enumerate((self.leader.client_id, *self.by_account))}
