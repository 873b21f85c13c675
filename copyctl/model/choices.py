"""The words that only the rules file knows: one enumeration for each key that takes one of several words."""

from enum import StrEnum


class Adapter(StrEnum):
    """Which broker is spoken to."""

    DHAN = "dhan"
    SIMULATOR = "simulator"


class Environment(StrEnum):
    """Which of Dhan's environments."""

    LIVE = "live"
    SANDBOX = "sandbox"


class Renew(StrEnum):
    """How an account's daily token is renewed."""

    NONE = "none"
    RENEW = "renew"
    TOTP = "totp"


class CopyOn(StrEnum):
    """From which moment of its life a leader order is copied."""

    ACCEPTED = "accepted"
    RECEIVED = "received"
    TRADED = "traded"


class Action(StrEnum):
    """Copy it or not: of filter rules, the filters' default, after-market orders."""

    COPY = "copy"
    SKIP = "skip"


class Intent(StrEnum):
    """Does an order open or close the leader's position?"""

    OPEN = "open"
    CLOSE = "close"


class Strategy(StrEnum):
    """How a copy is sized."""

    FIXED_RATIO = "fixed_ratio"
    CAPITAL_PROPORTIONAL = "capital_proportional"
    RISK_BASED = "risk_based"
    FIXED_LOTS = "fixed_lots"
    FIXED_QUANTITY = "fixed_quantity"
    FIXED_VALUE = "fixed_value"


class Basis(StrEnum):
    """Which capital ``capital_proportional`` compares."""

    START_OF_DAY = "start_of_day"
    AVAILABLE = "available"
    FIXED = "fixed"


class Rounding(StrEnum):
    """How a size becomes whole lots."""

    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


class Residual(StrEnum):
    """What becomes of the part that rounding took."""

    DROP = "drop"
    CARRY = "carry"


class StopMarket(StrEnum):
    """How a STOP_LOSS_MARKET is sent: as a STOP_LOSS with a protected limit, or as it is."""

    PROTECTED = "protected"
    NATIVE = "native"


class Shift(StrEnum):
    """Is a price or trigger taken as it is, or moved by ticks?"""

    SAME = "same"
    OFFSET = "offset"


class Disclosed(StrEnum):
    """How much of a copy is shown to the market."""

    PROPORTIONAL = "proportional"
    NONE = "none"
    ALL = "all"


class Slicing(StrEnum):
    """Is an order over the freeze quantity sliced, or refused?"""

    AUTO = "auto"
    NEVER = "never"


class SuperOrder(StrEnum):
    """What becomes of a leader's super order."""

    COPY = "copy"
    ENTRY_ONLY = "entry_only"
    SKIP = "skip"


class LimitReference(StrEnum):
    """From which price the limit of a MARKET turned LIMIT is measured."""

    LTP = "ltp"


class GuardReference(StrEnum):
    """From which price the price guard measures an entry."""

    LEADER = "leader"
    LTP = "ltp"


class ExitBase(StrEnum):
    """What a follower may close."""

    COPIED = "copied"
    ACCOUNT = "account"


class Proportion(StrEnum):
    """How an exit is sized: by the share of the leader's position, or like an entry."""

    POSITION = "position"
    ORDER = "order"


class ConfirmShort(StrEnum):
    """When a SELL that seems to open a short waits for the leader's order book."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Alternatives(StrEnum):
    """How many of the leader's several resting exits rest for a follower."""

    ONE = "one"
    ALL = "all"


class ExitLagAction(StrEnum):
    """What is done with an exit that lags behind the leader's."""

    NONE = "none"
    MARKET = "market"


class Join(StrEnum):
    """What a new follower does with positions that the leader already has."""

    NEW_ONLY = "new_only"
    SHARED = "shared"
    POSITIONS = "positions"


class LateFilled(StrEnum):
    """What becomes of a leader's entry that had filled before it was seen."""

    SKIP = "skip"
    MARKET = "market"
    LIMIT = "limit"


class LagAction(StrEnum):
    """What is done with an entry that lags behind the leader's."""

    NONE = "none"
    CANCEL = "cancel"
    MARKET = "market"


class OnLeaderCancel(StrEnum):
    """What becomes of a copy's open rest when the leader cancels his order."""

    CANCEL = "cancel"
    KEEP = "keep"


class Excess(StrEnum):
    """What is done with a fill that the leader does not have."""

    ALERT = "alert"
    CLOSE = "close"


class LegOrder(StrEnum):
    """In which order the legs of a basket leave."""

    MARGIN = "margin"
    AS_PLACED = "as_placed"


class LegMargin(StrEnum):
    """Is the margin of a basket checked together, or leg by leg?"""

    BASKET = "basket"
    LEG = "leg"


class OnFailure(StrEnum):
    """What is done when a leg of a basket fails."""

    ALERT = "alert"
    CANCEL_REST = "cancel_rest"
    UNWIND = "unwind"


class StaleCalendar(StrEnum):
    """What is done when the calendar's known holidays end before today."""

    REFUSE = "refuse"
    WARN = "warn"


class Outside(StrEnum):
    """What becomes of an order outside trading hours."""

    REJECT = "reject"
    QUEUE = "queue"
    AFTER_MARKET = "after_market"


class PreOpen(StrEnum):
    """What becomes of an order in the pre-open session."""

    PLACE = "place"
    QUEUE = "queue"
    REJECT = "reject"


class OnBreach(StrEnum):
    """What is done with an order that would break a limit."""

    REJECT = "reject"
    REDUCE = "reduce"


class PriceBand(StrEnum):
    """Which band of prices an entry must lie in."""

    AUTO = "auto"
    NONE = "none"
    CIRCUIT = "circuit"
    PCT = "pct"


class Caution(StrEnum):
    """How strict a check is."""

    REFUSE = "refuse"
    WARN = "warn"
    OFF = "off"


class Unavailable(StrEnum):
    """What is done with an entry whose margin or price cannot be asked."""

    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105  (the word of the rules file, no password)


class KillAction(StrEnum):
    """What the kill switch does, in the order given."""

    STOP_COPYING = "stop_copying"
    CANCEL_OPEN_ORDERS = "cancel_open_orders"
    FLATTEN = "flatten"
    BROKER_KILL_SWITCH = "broker_kill_switch"
    HALT = "halt"


class LogLevel(StrEnum):
    """From which weight on a line is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    CONSOLE = "console"
    JSON = "json"
