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


NOT_PLACED_AND_TRANSIENT = frozenset({Category.THROTTLED, Category.CONNECTIVITY})
"""Categories after which the same request may be sent again: the broker did not take it, and it may pass later."""


class Reason(StrEnum):
    """Reason codes of decisions. ``rejected_<category>`` and ``limit_<key>`` are built by :func:`rejected`."""

    # copied, with a note
    REDUCED = "reduced"
    DISCLOSED_DROPPED = "disclosed_dropped"
    DISCLOSED_RAISED = "disclosed_raised"
    MINIMUM_RAISED = "minimum_raised"
    LATE_COPIED = "late_copied"
    # skipped
    FILTERED = "filtered"
    LATE = "late"
    AFTER_MARKET = "after_market"
    LEADER_REJECTED = "leader_rejected"
    LEADER_OVER = "leader_over"
    # refused
    INVALID_ORDER = "invalid_order"
    INVALID_TRIGGER = "invalid_trigger"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNSUPPORTED_PRODUCT = "unsupported_product"
    UNSUPPORTED_VALIDITY = "unsupported_validity"
    ZERO_QUANTITY = "zero_quantity"
    FOLLOWER_LEAVING = "follower_leaving"
    KILL_SWITCH = "kill_switch"
    CHECK_UNAVAILABLE = "check_unavailable"
    # queued
    RATE_LIMIT = "rate_limit"
    CHECKING = "checking"
    RETRYING = "retrying"
    SETTLING = "settling"
    FOLLOWER_UNAUTHENTICATED = "follower_unauthenticated"
    # dead
    UNRESOLVED = "unresolved"


SENTENCES: dict[Reason, tuple[Decision, str]] = {
    Reason.REDUCED: (Decision.COPIED, "copied with a smaller quantity than the sizing gave"),
    Reason.DISCLOSED_DROPPED: (Decision.COPIED, "copied without a disclosed quantity: the exchange refuses one here"),
    Reason.DISCLOSED_RAISED: (Decision.COPIED, "copied with the disclosed quantity raised to the least allowed share"),
    Reason.MINIMUM_RAISED: (Decision.COPIED, "copied with the quantity raised to sizing.minimum_lots"),
    Reason.LATE_COPIED: (Decision.COPIED, "copied after the leader's order had already traded"),
    Reason.FILTERED: (Decision.SKIPPED, "a filter rule says skip"),
    Reason.LATE: (Decision.SKIPPED, "it traded before it was seen, and late.filled says skip"),
    Reason.AFTER_MARKET: (Decision.SKIPPED, "mapping.after_market says skip"),
    Reason.LEADER_REJECTED: (Decision.SKIPPED, "the leader's own order was rejected"),
    Reason.LEADER_OVER: (Decision.SKIPPED, "the leader's order was over before it could be copied"),
    Reason.INVALID_ORDER: (Decision.REFUSED, "the order lacks a price or another term that its type needs"),
    Reason.INVALID_TRIGGER: (Decision.REFUSED, "the trigger is on the wrong side of the price"),
    Reason.UNKNOWN_INSTRUMENT: (Decision.REFUSED, "the instrument master does not know this security id"),
    Reason.UNSUPPORTED_PRODUCT: (Decision.REFUSED, "this product is not copied"),
    Reason.UNSUPPORTED_VALIDITY: (Decision.REFUSED, "this validity is not copied"),
    Reason.ZERO_QUANTITY: (Decision.REFUSED, "the sizing gives less than one lot"),
    Reason.FOLLOWER_LEAVING: (Decision.REFUSED, "the follower is disabled: nothing new is opened for it"),
    Reason.KILL_SWITCH: (Decision.REFUSED, "the kill switch is on"),
    Reason.CHECK_UNAVAILABLE: (Decision.REFUSED, "a figure that the decision needs is not to be had"),
    Reason.RATE_LIMIT: (Decision.QUEUED, "waits for room under the rate limit"),
    Reason.CHECKING: (Decision.QUEUED, "waits for a fact that was asked for"),
    Reason.RETRYING: (Decision.QUEUED, "the broker could not take it just now; it is sent again"),
    Reason.SETTLING: (Decision.QUEUED, "its fate at the broker is being looked up"),
    Reason.FOLLOWER_UNAUTHENTICATED: (Decision.QUEUED, "the follower's token or address is refused"),
    Reason.UNRESOLVED: (Decision.DEAD, "its fate at the broker could not be settled"),
}


def rejected(category: Category) -> str:
    """The reason code of a copy that the broker rejected for good."""
    return f"rejected_{category}"


DEAD_CODES = frozenset(rejected(category) for category in Category) | {Reason.UNRESOLVED.value}
