"""Which words does Dhan use, and for what?

Tables only: this room's own reading of the published protocol, written without a look at how the copier reads it.
"""

from collections.abc import Mapping
from types import MappingProxyType

TRANSIT = "TRANSIT"
PENDING = "PENDING"
PART_TRADED = "PART_TRADED"
TRADED = "TRADED"
CANCELLED = "CANCELLED"
REJECTED = "REJECTED"
EXPIRED = "EXPIRED"
TRIGGERED = "TRIGGERED"
CLOSED = "CLOSED"  # a super order whose entry and exit are both done; told in its own list alone
CONFIRM = "CONFIRM"  # a forever order that is armed

FINAL = frozenset({TRADED, CANCELLED, REJECTED, EXPIRED})

BUY = "BUY"
SELL = "SELL"
LIMIT = "LIMIT"
MARKET = "MARKET"
STOP_LOSS = "STOP_LOSS"
STOP_LOSS_MARKET = "STOP_LOSS_MARKET"
DAY = "DAY"
IOC = "IOC"

SIDES = (BUY, SELL)
OPPOSITE: Mapping[str, str] = MappingProxyType({BUY: SELL, SELL: BUY})
ORDER_TYPES = (LIMIT, MARKET, STOP_LOSS, STOP_LOSS_MARKET)
STOPS = frozenset({STOP_LOSS, STOP_LOSS_MARKET})
PRICED = frozenset({LIMIT, STOP_LOSS})
VALIDITIES = (DAY, IOC)
COVER = "CO"
BRACKET = "BO"
PRODUCTS = ("CNC", "INTRADAY", "MARGIN", "MTF", COVER, BRACKET)
SUPER_PRODUCTS = ("CNC", "INTRADAY", "MARGIN", "MTF")
FOREVER_PRODUCTS = ("CNC", "MTF", "MARGIN")
CASH_PRODUCTS = frozenset({"CNC", "MTF"})
DAY_PRODUCTS = ("INTRADAY", COVER, BRACKET)  # closed before the day ends
SHARE_CONVERSIONS = frozenset({"CNC", "INTRADAY", "MTF"})  # between which of them a position may be converted
CONTRACT_CONVERSIONS = frozenset({"INTRADAY", "MARGIN"})
# when an after-market order goes to the exchange
AMO_TIMES: Mapping[str, str] = MappingProxyType(
    {"PRE_OPEN": "09:00:00", "OPEN": "09:15:00", "OPEN_30": "09:45:00", "OPEN_60": "10:15:00"}
)
POSITION_TYPES = ("LONG", "SHORT")
NO_LEG = (None, "", "NA")
ENTRY_LEG = "ENTRY_LEG"
TARGET_LEG = "TARGET_LEG"
STOP_LOSS_LEG = "STOP_LOSS_LEG"
LEGS = (ENTRY_LEG, TARGET_LEG, STOP_LOSS_LEG)
EXIT_LEGS = frozenset({TARGET_LEG, STOP_LOSS_LEG})
LEG_NUMBERS: Mapping[str | None, int] = MappingProxyType({None: 1, ENTRY_LEG: 1, STOP_LOSS_LEG: 2, TARGET_LEG: 3})
SINGLE = "SINGLE"
OCO = "OCO"
FOREVER_FLAGS = (SINGLE, OCO)

# exchange segment -> the word for it in a client's profile
PROFILE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "NSE_EQ": "Equity",
        "NSE_FNO": "Derivative",
        "NSE_CURRENCY": "Currency",
        "NSE_COMM": "Commodity",
        "BSE_EQ": "Equity",
        "BSE_FNO": "Derivative",
        "BSE_CURRENCY": "Currency",
        "MCX_COMM": "Commodity",
    }
)

# exchange segment -> exchange and segment letter of frames and of the instrument master
SEGMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "NSE_EQ": ("NSE", "E"),
        "NSE_FNO": ("NSE", "D"),
        "NSE_CURRENCY": ("NSE", "C"),
        "NSE_COMM": ("NSE", "M"),
        "BSE_EQ": ("BSE", "E"),
        "BSE_FNO": ("BSE", "D"),
        "BSE_CURRENCY": ("BSE", "C"),
        "MCX_COMM": ("MCX", "M"),
        "IDX_I": ("NSE", "I"),
    }
)
SEGMENT_OF: Mapping[tuple[str, str], str] = MappingProxyType({pair: name for name, pair in SEGMENTS.items()})
TRADABLE = frozenset(SEGMENTS) - {"IDX_I"}

PRODUCT_LETTERS: Mapping[str, str] = MappingProxyType(
    {"CNC": "C", "INTRADAY": "I", "MARGIN": "M", "MTF": "F", "CO": "V", "BO": "B"}
)
SIDE_LETTERS: Mapping[str, str] = MappingProxyType({BUY: "B", SELL: "S"})
TYPE_CODES: Mapping[str, str] = MappingProxyType(
    {LIMIT: "LMT", MARKET: "MKT", STOP_LOSS: "SL", STOP_LOSS_MARKET: "SLM"}
)
OPTION_WORDS: Mapping[str, str] = MappingProxyType({"CE": "CALL", "PE": "PUT"})

# status of a row -> status of a frame; a modification has a frame of its own and no status
FRAME_STATUSES: Mapping[str, str] = MappingProxyType(
    {
        TRANSIT: "Transit",
        PENDING: "Pending",
        PART_TRADED: "Part-Traded",
        TRADED: "Traded",
        CANCELLED: "Cancelled",
        REJECTED: "Rejected",
        EXPIRED: "Expired",
        TRIGGERED: "Triggered",
        CONFIRM: "Confirm",
    }
)
MODIFIED_FRAME = "Modified"

CONFIRMED = "CONFIRMED"
TRADE_CONFIRMED = "TRADE CONFIRMED"
