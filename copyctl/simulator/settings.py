"""Which of its known behaviours does the broker show to one account?

Every point on which Dhan differs between days, documents and captures is a switch here, with the likeliest behaviour as
its default. An account has its own copy, so that one follower can meet another broker than the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from copyctl.simulator import refusals
from copyctl.simulator.asked import Unfit

Windows = dict[str, dict[str, int]]

# requests allowed per window of so many seconds
DHAN_RATE_LIMITS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "orders": {"1": 10, "60": 250, "3600": 1000, "86400": 7000},
        "data": {"1": 5, "86400": 100_000},
        "quotes": {"1": 1},
        "other": {"1": 20},
    }
)

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "place_answer": ("TRANSIT", "PENDING"),
        "modify_answer": ("TRANSIT", "PENDING", "MODIFIED"),
        "cancel_answer": ("CANCELLED", "TRANSIT", "EMPTY"),
        "refuse": ("later", "at_once"),
        "refuse_modification": ("no", "at_once", "later"),
        "slicing_answer": ("list", "object"),
        "slice_correlation": ("same", "first"),
        "leg_ids": ("own", "shared"),
        "leg_done_status": ("TRADED", "TRIGGERED"),
        "leg_quantity_key": ("totalQuatity", "totalQuantity"),
        "super_cancel_answer": ("EMPTY", "CANCELLED"),
        "super_correlation": ("echo", "NA"),
        "cover_and_bracket": ("open", "refused"),
        "forever_leg_names": ("classic", "entry", "stop"),
        "forever_correlation": ("none", "echo"),
        "forever_child_correlation": ("NA", "parent"),
        "forever_cancel_by_orders": ("lies", "refused"),
        "correlation_unset": ("NA", "generated", "empty"),
        "market_orders": ("native", "protected"),
        "protected_frame_type": ("LMT", "MKT"),
        "stop_market_orders": ("native", "refuse", "limit"),
        "ioc_rest": ("CANCELLED", "EXPIRED"),
        "amo_status": ("PENDING", "TRANSIT"),
        "dead_token": tuple(refusals.DEAD_TOKENS),
        "wrong_address": ("DH-905", "DH-911"),
        "stream_dead_token": ("reset", "binary"),
        "login_refusal": ("200", "400"),
        "renewal": ("open", "refused"),
        "history_answer": ("list", "data"),
        "history_order": ("oldest", "newest"),
        "history_end": ("list", "DH-907"),
        "rate_answer": ("DH-904", "805"),
        "margin_dialect": ("camel", "snake"),
        "margin_includes": ("need", "total", "nothing"),
        "data_plan": ("active", "DH-902", "806"),
        "frame_case": ("camel", "pascal", "mixed", "upper"),
        "frame_status_case": ("title", "upper"),
        "frame_cancelled_rest": ("zero", "open"),
        "frame_empty": ("", "NA"),
        "session": ("open", "closed"),
        "intraday": ("open", *refusals.INTRADAY_TEXTS),
        "funds_text": tuple(refusals.FUNDS_TEXTS),
        "holdings_text": tuple(refusals.HOLDINGS_TEXTS),
        "band_text": tuple(refusals.BAND_TEXTS),
        "same_day_sale": ("allowed", *refusals.SAME_DAY_SALE_TEXTS),
        "exit_all_answer": ("EMPTY", "MESSAGE"),
        "ddpi": ("Active", "Deactive"),
        "mtf": ("Active", "Deactive"),
    }
)


def _dhan_rate_limits() -> Windows:
    return {bucket: dict(windows) for bucket, windows in DHAN_RATE_LIMITS.items()}


@dataclass(slots=True, kw_only=True)
class Settings:
    """The switches of one account."""

    # orders
    transit_ms: float = 5.0  # how long each step between Dhan and the exchange takes
    hold: bool = False  # orders, modifications and cancels stay on their way until released
    hold_matching: bool = False  # resting orders do not trade by themselves
    place_answer: str = "TRANSIT"
    modify_answer: str = "TRANSIT"
    cancel_answer: str = "CANCELLED"  # EMPTY: HTTP 202 without a body
    refuse: str = "later"  # broker and exchange refusals: a REJECTED row, or HTTP 400 and no row
    refuse_modification: str = "no"  # every modification is refused: "later" leaves the old terms resting
    max_modifications: int = 25
    market_orders: str = "native"  # "protected": sent as LIMIT at last price +/- the band, and may rest
    market_band_percent: float = 1.0
    protected_frame_type: str = "LMT"
    stop_market_orders: str = "native"
    trigger_becomes_limit: bool = False  # a triggered SL reads as LIMIT from then on
    ioc_rest: str = "CANCELLED"
    amo_status: str = "PENDING"
    session: str = "open"  # "closed": only after-market orders are taken
    session_text: str = refusals.CLOSED  # how a closed session refuses
    intraday: str = "open"  # the cutoff before the close: INTRADAY orders are refused, exits too
    slicing_answer: str = "list"
    slices_accepted: int = -1  # of one slicing call; -1: all
    slices_rejected: list[str] = field(default_factory=list)  # their places, from 1: these are REJECTED a moment later
    slice_correlation: str = "same"  # "first": the others read back as if they had none
    order_source: str = "P"  # how orders that come over REST are marked on the stream
    order_platform: str = "API"
    check_funds: bool = True
    check_holdings: bool = True
    funds_text: str = "rupees"
    holdings_text: str = "more_than_held"
    band_text: str = "ckt"
    same_day_sale: str = "allowed"  # of shares bought for delivery today
    broker_source: str = "R"  # how the broker's own orders are marked on the stream; Dhan's marks were not captured
    broker_platform: str = "RMS"
    exit_all_answer: str = "EMPTY"  # HTTP 202 without a body
    # super orders, and what else has exits
    leg_ids: str = "own"  # "shared": the exits of a super order have its entry's number
    legs_in_order_book: bool = True  # the exits of a super order, in GET /orders
    leg_done_status: str = "TRADED"  # how a list of legs calls an exit that has traded
    leg_quantity_key: str = "totalQuatity"  # sic
    super_cancel_answer: str = "EMPTY"  # HTTP 202 without a body
    super_correlation: str = "echo"  # "NA": the entry reads back as if it had none; exits have none in any case
    super_announced: bool = True  # the exits of a super order, on the stream
    cover_and_bracket: str = "open"  # "refused": the client may not trade CO and BO
    # forever orders
    forever_leg_names: str = "classic"  # what the list calls the leg of a SINGLE
    forever_announced: bool = False  # placing, changing, cancelling, on the stream
    forever_correlation: str = "none"  # "echo": rows of the list have the field
    forever_child_correlation: str = "NA"  # "parent": the order that comes of it has its id
    forever_cancel_by_orders: str = "lies"  # DELETE /orders/{id} of one answers as if it had worked
    # the client
    active_segment: str = "Equity, Derivative, Currency, Commodity"  # orders in others are refused
    ddpi: str = "Active"  # "Deactive": held shares are sold only once they are authorised for the day
    edis_approved: list[str] = field(default_factory=list)  # ISINs authorised today, or "ALL"
    mtf: str = "Active"
    # correlation ids
    correlation_limit: int = 25
    correlation_unset: str = "NA"
    correlation_seen_in_transit: bool = False
    # access
    dead_token: str = "DH-901"  # noqa: S105 - the shape of an answer, no secret
    stream_dead_token: str = "reset"  # noqa: S105 - likewise
    tokens_expire: bool = True
    login_pin: str = ""  # the one that is good; "": any
    login_totp_secret: str = ""  # base32, whose codes are good; "": any six digits are
    login_pause_seconds: float = 120.0  # no second token is made within
    login_refusal: str = "200"  # the HTTP status of the login door's refusals
    renewal: str = "open"  # "refused": the token was not made on the broker's site
    answers_repeat_the_token: bool = False  # refusals hold the token that they refuse
    wrong_address: str = "DH-905"
    ip_allowed: bool = True
    ip_addresses: list[str] = field(default_factory=list)  # when any: the only ones that may trade
    ip_answer_error: bool = False  # GET /ip/getIP answers HTTP 200 with an error in a list
    rate_limits: Windows = field(default_factory=_dhan_rate_limits)
    rate_answer: str = "DH-904"
    # books
    rows_as_text: bool = False  # numbers in rows as strings
    row_nulls: list[str] = field(default_factory=list)
    row_missing: list[str] = field(default_factory=list)
    rows_tell_amo_time: bool = False  # of after-market orders: not documented, and not seen in most captures
    history_page_size: int = 50
    history_answer: str = "list"  # or "data": the list stands in an object
    history_order: str = "oldest"  # which trades come first; "newest": new ones push the others to later pages
    history_end: str = "list"  # how the page after the last is told: empty, or as a failure
    margin_dialect: str = "camel"
    # what `includePosition` asks the calculator of several orders for: what they need on top of what is held, what all
    # of it needs together, or (as once measured) nothing
    margin_includes: str = "need"
    data_plan: str = "active"  # else: how an account without it is refused quotes
    # frames
    frame_case: str = "camel"
    frame_status_case: str = "title"
    frame_modified: str = "Modified"  # or "Pending"
    frame_part_traded: str = "Part-Traded"  # or "PART_TRADED", "Pending", "Traded"
    frame_cancelled_rest: str = "zero"
    frame_empty: str = ""  # or "NA": what stands where there is nothing
    frame_numbers_as_text: bool = False
    frame_nulls: list[str] = field(default_factory=list)
    frame_missing: list[str] = field(default_factory=list)
    frame_duplicate_keys: bool = False
    frame_padding: int = 0  # bytes of ballast in every frame
    # stream
    stream_copies: int = 1
    stream_drop: float = 0.0  # probability that a frame is lost
    stream_drop_statuses: list[str] = field(default_factory=list)  # e.g. ["Transit", "Part-Traded"]
    stream_delay_ms: float = 0.0
    stream_reorder: int = 1  # so many frames are kept together and leave in reverse
    stream_noise: bool = False  # unreadable frames between the good ones

    def change(self, changes: Mapping[str, object]) -> None:
        """Turn switches; all or, when one of them is unknown or unfit, none. Raises ValueError."""
        checked = {name: _fitting(name, value) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def copy(self) -> "Settings":
        """The same switches for another account."""
        other = Settings()
        other.change({each.name: getattr(self, each.name) for each in fields(self)})
        return other


_DEFAULTS = Settings()
NAMES = frozenset(each.name for each in fields(Settings))


def _fitting(name: str, value: object) -> object:
    if name not in NAMES:
        raise ValueError(f"no such setting: {name}")
    allowed = CHOICES.get(name)
    if allowed is not None and value not in allowed:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(allowed)}")
    if name == "rate_limits":
        return _windows(value)
    default = getattr(_DEFAULTS, name)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{name}: wants {type(default).__name__}, got {value!r}")
    if isinstance(value, list):
        if not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name}: wants a list of texts")
        if name == "slices_rejected" and not all(item.isdigit() and int(item) for item in value):
            raise ValueError(f"{name}: wants places, from 1")
        return list(value)
    return value


def _windows(value: object) -> Windows:
    """Rate limits as given: {} lifts them all, a bucket that is not named is unlimited."""
    if not isinstance(value, dict):
        raise Unfit("rate_limits: wants {bucket: {seconds: requests}}")
    windows: Windows = {}
    for bucket, limits in value.items():
        if bucket not in DHAN_RATE_LIMITS or not isinstance(limits, dict):
            raise ValueError(f"rate_limits: no such bucket: {bucket}")
        windows[bucket] = {}
        for seconds, requests in limits.items():
            if not str(seconds).isdigit() or not isinstance(requests, int):
                raise ValueError(f"rate_limits: {bucket}: wants {{seconds: requests}}")
            windows[bucket][str(seconds)] = requests
    return windows
