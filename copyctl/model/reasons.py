"""Reason codes: why a leader order was not simply copied. Codes never change their meaning; more may be added.

Users alert on these codes, so they are a contract; the sentence beside each is what a trader reads.
"""

from enum import StrEnum

from copyctl.model.terms import Decision


class Category(StrEnum):
    """Why the broker or the exchange rejected a request (Dhan API v2, error codes; the texts stand in ``wire``)."""

    MARGIN = "margin"
    HOLDINGS = "holdings"
    PRICE_BAND = "price_band"
    STRIKE_RANGE = "strike_range"
    TICK = "tick"
    TRIGGER = "trigger"
    SESSION = "session"
    HALT = "halt"
    INSTRUMENT = "instrument"
    PRODUCT = "product"
    QUANTITY = "quantity"
    DISCLOSED = "disclosed"
    POSITION_LIMIT = "position_limit"
    SELF_TRADE = "self_trade"
    THROTTLED = "throttled"
    CONNECTIVITY = "connectivity"
    AUTHENTICATION = "authentication"
    ADDRESS = "address"
    BLOCKED = "blocked"
    INPUT = "input"
    IN_TRANSIT = "in_transit"
    NO_SUCH_ORDER = "no_such_order"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Reason codes of decisions. ``rejected_<category>`` and ``limit_<key>`` are built by :func:`rejected`."""

    # copied, with a note
    REDUCED = "reduced"
    DISCLOSED_DROPPED = "disclosed_dropped"
    DISCLOSED_RAISED = "disclosed_raised"
    MINIMUM_RAISED = "minimum_raised"
    SLICED = "sliced"
    LATE_COPIED = "late_copied"
    ENTRY_CUT = "entry_cut"
    REPRICED = "repriced"
    # skipped
    FILTERED = "filtered"
    LATE = "late"
    AFTER_MARKET = "after_market"
    LEADER_REJECTED = "leader_rejected"
    LEADER_OVER = "leader_over"
    LEADER_FLAT = "leader_flat"
    # refused
    INVALID_ORDER = "invalid_order"
    INVALID_TRIGGER = "invalid_trigger"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNSUPPORTED_PRODUCT = "unsupported_product"
    UNSUPPORTED_VALIDITY = "unsupported_validity"
    ZERO_QUANTITY = "zero_quantity"
    EXIT_WITHOUT_POSITION = "exit_without_position"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    DELIVERY_NOT_ALLOWED = "delivery_not_allowed"
    FOLLOWER_LEAVING = "follower_leaving"
    CIRCUIT_LIMIT = "circuit_limit"
    PRICE_GUARD = "price_guard"
    LATE_PRICE = "late_price"
    SELF_TRADE = "self_trade"
    FREEZE_QUANTITY = "freeze_quantity"
    MARKET_CLOSED = "market_closed"
    MARKET_HOLIDAY = "market_holiday"
    CALENDAR_STALE = "calendar_stale"
    SQUARE_OFF = "square_off"
    KILL_SWITCH = "kill_switch"
    CHECK_UNAVAILABLE = "check_unavailable"
    BASKET_FAILED = "basket_failed"
    # queued
    RATE_LIMIT = "rate_limit"
    CHECKING = "checking"
    PRE_OPEN = "pre_open"
    BASKET = "basket"
    ENTRY_OPEN = "entry_open"
    EXIT_OPEN = "exit_open"
    EXIT_ALTERNATIVE = "exit_alternative"
    RETRYING = "retrying"
    SETTLING = "settling"
    FOLLOWER_PAUSED = "follower_paused"
    FOLLOWER_UNAUTHENTICATED = "follower_unauthenticated"
    INSTRUMENT_HALTED = "instrument_halted"
    # dead
    UNRESOLVED = "unresolved"


SENTENCES: dict[Reason, tuple[Decision, str]] = {
    Reason.REDUCED: (Decision.COPIED, "copied with a smaller quantity than the sizing gave"),
    Reason.DISCLOSED_DROPPED: (Decision.COPIED, "copied without a disclosed quantity: the exchange refuses one here"),
    Reason.DISCLOSED_RAISED: (Decision.COPIED, "copied with the disclosed quantity raised to the least allowed share"),
    Reason.MINIMUM_RAISED: (Decision.COPIED, "copied with the quantity raised to sizing.minimum_lots"),
    Reason.SLICED: (Decision.COPIED, "copied as several orders: the exchange takes no single one as large"),
    Reason.LATE_COPIED: (Decision.COPIED, "copied after the leader's order had already traded"),
    Reason.ENTRY_CUT: (Decision.COPIED, "the exit was met by taking from an entry that had not filled"),
    Reason.REPRICED: (Decision.COPIED, "copied at another price: the band's edge, or the price guard's"),
    Reason.FILTERED: (Decision.SKIPPED, "a filter rule says skip"),
    Reason.LATE: (Decision.SKIPPED, "it traded before it was seen, and late.filled says skip"),
    Reason.AFTER_MARKET: (Decision.SKIPPED, "mapping.after_market says skip"),
    Reason.LEADER_REJECTED: (Decision.SKIPPED, "the leader's own order was rejected"),
    Reason.LEADER_OVER: (Decision.SKIPPED, "the leader's order was over before it could be copied"),
    Reason.LEADER_FLAT: (Decision.SKIPPED, "the leader's position is closed again"),
    Reason.INVALID_ORDER: (Decision.REFUSED, "the order lacks a price or another term that its type needs"),
    Reason.INVALID_TRIGGER: (Decision.REFUSED, "the trigger is on the wrong side of the price"),
    Reason.UNKNOWN_INSTRUMENT: (Decision.REFUSED, "the instrument master does not know this security id"),
    Reason.UNSUPPORTED_PRODUCT: (Decision.REFUSED, "this product is not copied"),
    Reason.UNSUPPORTED_VALIDITY: (Decision.REFUSED, "this validity is not copied"),
    Reason.ZERO_QUANTITY: (Decision.REFUSED, "the sizing gives less than one lot"),
    Reason.EXIT_WITHOUT_POSITION: (Decision.REFUSED, "the follower has no copied position to close"),
    Reason.INSUFFICIENT_MARGIN: (Decision.REFUSED, "the follower's money does not cover the margin"),
    Reason.DELIVERY_NOT_ALLOWED: (Decision.REFUSED, "the account has no DDPI: the API could not sell these shares"),
    Reason.CIRCUIT_LIMIT: (Decision.REFUSED, "the price is outside the limits between which it may trade"),
    Reason.PRICE_GUARD: (Decision.REFUSED, "the price is further from the reference than price_guard allows"),
    Reason.LATE_PRICE: (Decision.REFUSED, "seen late, and the price has moved beyond late.max_slippage_bps"),
    Reason.SELF_TRADE: (Decision.REFUSED, "it could trade with a resting order of the same person"),
    Reason.FREEZE_QUANTITY: (Decision.REFUSED, "above the freeze quantity, and mapping.slicing says never"),
    Reason.MARKET_CLOSED: (Decision.REFUSED, "the market is closed"),
    Reason.MARKET_HOLIDAY: (Decision.REFUSED, "no trading on this day"),
    Reason.CALENDAR_STALE: (Decision.REFUSED, "the calendar's known holidays end before this day"),
    Reason.SQUARE_OFF: (Decision.REFUSED, "past market_hours.square_off nothing new is opened intraday"),
    Reason.BASKET_FAILED: (Decision.REFUSED, "another leg of its basket failed"),
    Reason.FOLLOWER_LEAVING: (Decision.REFUSED, "the follower is disabled: nothing new is opened for it"),
    Reason.KILL_SWITCH: (Decision.REFUSED, "the kill switch is on"),
    Reason.CHECK_UNAVAILABLE: (Decision.REFUSED, "a figure that the decision needs is not to be had"),
    Reason.RATE_LIMIT: (Decision.QUEUED, "waits for room under the rate limit"),
    Reason.CHECKING: (Decision.QUEUED, "waits for a fact that was asked for"),
    Reason.PRE_OPEN: (Decision.QUEUED, "waits for the pre-open session to end"),
    Reason.BASKET: (Decision.QUEUED, "waits for the other legs of its basket"),
    Reason.ENTRY_OPEN: (Decision.QUEUED, "the follower's entry has not filled yet: there is nothing to close"),
    Reason.EXIT_OPEN: (Decision.QUEUED, "waits until the exit part of the reversal has filled"),
    Reason.EXIT_ALTERNATIVE: (Decision.QUEUED, "another exit rests for the same position"),
    Reason.RETRYING: (Decision.QUEUED, "the broker could not take it just now; it is sent again"),
    Reason.SETTLING: (Decision.QUEUED, "its fate at the broker is being looked up"),
    Reason.FOLLOWER_PAUSED: (Decision.QUEUED, "the follower is paused: nothing is sent for it until unpause"),
    Reason.FOLLOWER_UNAUTHENTICATED: (Decision.QUEUED, "the follower's token or address is refused"),
    Reason.INSTRUMENT_HALTED: (Decision.QUEUED, "trading in this instrument is halted: one try a minute, then all go"),
    Reason.UNRESOLVED: (Decision.DEAD, "its fate at the broker could not be settled"),
}


def rejected(category: Category) -> str:
    """The reason code of a copy that the broker rejected for good."""
    return f"rejected_{category}"


DEAD_CODES = frozenset(rejected(category) for category in Category) | {Reason.UNRESOLVED.value}
