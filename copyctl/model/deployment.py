"""Where and how a deployment runs: broker, store, kill switch, rates, resilience, alerts, metrics, logging."""

from dataclasses import dataclass
from decimal import Decimal

from copyctl.model import choices
from copyctl.model.duration import Nanoseconds
from copyctl.model.secret import Secret
from copyctl.model.terms import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """The in-process broker of ``adapter: simulator``. ``tape``: absolute path; ``speed``: times real time."""

    tape: str | None
    speed: Decimal
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Which broker, and where. ``instruments``: absolute path or URL of an instrument master, None: Dhan's own."""

    adapter: choices.Adapter
    environment: choices.Environment
    rest_url: str
    order_update_url: str
    instruments: str | None
    simulator: Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where the journal lies. ``path``: absolute path of a folder."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitch:
    """When a follower is stopped, and what is done then, in this order; None: not for this cause."""

    on_consecutive_rejections: int | None
    on_unresolved_orders: int | None
    on_orders_per_leader_order: int | None
    on_stream_silence: Nanoseconds | None
    actions: tuple[choices.KillAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRates:
    """How many changing requests an account may send in each window."""

    per_second: int
    per_minute: int
    per_hour: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many requests an account may send in a second."""

    per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What the broker allows each account."""

    orders: OrderRates
    data: Rate
    quotes: Rate
    other: Rate
    modifications_per_order: int
    reserve_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How transient failures are retried: so often, after a wait that doubles from ``initial`` to ``maximum``."""

    attempts: int
    initial: Nanoseconds
    maximum: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """When an order of unknown fate counts as never placed, and when as unresolved."""

    absent_for: Nanoseconds
    give_up: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """How long to wait before the next try to connect: from ``initial`` doubling to ``maximum``."""

    initial: Nanoseconds
    maximum: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """How trouble on the way to the broker is met."""

    request_timeout: Nanoseconds
    retries: Retries
    settle: Settle
    reconnect: Reconnect
    heartbeat: Nanoseconds
    sweep: Nanoseconds
    duplicate_window: Nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Whom to tell, from which level on."""

    urls: tuple[Secret, ...]
    level: Level
    cooldown: Nanoseconds
    heartbeat_url: Secret | None
    latency_budget: Nanoseconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What a summary report is measured against; None: not."""

    copied_pct: Decimal | None
    slippage_p95_bps: Decimal | None
    tracking_error_pct: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where metrics are served, as ``host:port``; None: nowhere."""

    listen: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """How the log looks."""

    level: choices.LogLevel
    format: choices.LogFormat
