"""Dhan's words and letters, as data (Dhan API v2: annexure, order update, order book, super orders, forever orders).

Every table is keyed by a folded word: upper case, without ``_``, ``-``, ``.`` and blanks, so that ``Part-Traded``,
``PART_TRADED`` and ``part traded`` are one word. A word that stands in no table is unknown.
"""

from functools import lru_cache

from copyctl.model.terms import (
    AmoTime,
    InstrumentKind,
    Leg,
    OptionType,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Validity,
)

_SEPARATORS = str.maketrans("", "", "_-. /")


def fold(word: str) -> str:
    """The word in the spelling of the tables' keys."""
    return word.upper().translate(_SEPARATORS)


SIDES: dict[str, Side] = {"B": Side.BUY, "BUY": Side.BUY, "S": Side.SELL, "SELL": Side.SELL}

PRODUCTS: dict[str, Product] = {
    "C": Product.CNC,
    "CNC": Product.CNC,
    "I": Product.INTRADAY,
    "INTRADAY": Product.INTRADAY,
    "INTRA": Product.INTRADAY,
    "MIS": Product.INTRADAY,
    "M": Product.MARGIN,
    "MARGIN": Product.MARGIN,
    "NRML": Product.MARGIN,
    "F": Product.MTF,
    "MTF": Product.MTF,
    "V": Product.CO,
    "CO": Product.CO,
    "COVER": Product.CO,
    "COVERORDER": Product.CO,
    "B": Product.BO,
    "BO": Product.BO,
    "BRACKET": Product.BO,
    "BRACKETORDER": Product.BO,
}

ORDER_TYPES: dict[str, OrderType] = {
    "LMT": OrderType.LIMIT,
    "LIMIT": OrderType.LIMIT,
    "MKT": OrderType.MARKET,
    "MARKET": OrderType.MARKET,
    "SL": OrderType.STOP_LOSS,
    "SLL": OrderType.STOP_LOSS,
    "STOPLOSS": OrderType.STOP_LOSS,
    "STOPLOSSLIMIT": OrderType.STOP_LOSS,
    "SLM": OrderType.STOP_LOSS_MARKET,
    "SLMKT": OrderType.STOP_LOSS_MARKET,
    "STOPLOSSMARKET": OrderType.STOP_LOSS_MARKET,
}

VALIDITIES: dict[str, Validity] = {
    "DAY": Validity.DAY,
    "IOC": Validity.IOC,
    "FOREVER": Validity.FOREVER,
    "GTT": Validity.FOREVER,
}

STATUSES: dict[str, OrderStatus] = {
    **{fold(status): status for status in OrderStatus},
    "OPEN": OrderStatus.PENDING,
    "MODIFIED": OrderStatus.PENDING,
    "PARTIALLYTRADED": OrderStatus.PART_TRADED,
    "PARTIALLYFILLED": OrderStatus.PART_TRADED,
    "EXECUTED": OrderStatus.TRADED,
    "FILLED": OrderStatus.TRADED,
    "CANCELED": OrderStatus.CANCELLED,
    # off-market orders of the same family of order systems: O-Pending, O-Modified, O-Cancelled
    "OPENDING": OrderStatus.PENDING,
    "OMODIFIED": OrderStatus.PENDING,
    "OCANCELLED": OrderStatus.CANCELLED,
}
"""MODIFIED is an event, not a state: the order goes on resting."""

AFTER_MARKET_STATUSES = frozenset({"OPENDING", "OMODIFIED", "OCANCELLED"})

OPTION_TYPES: dict[str, OptionType] = {
    "CE": OptionType.CE,
    "CALL": OptionType.CE,
    "PE": OptionType.PE,
    "PUT": OptionType.PE,
}
"""XX and NA say that it is no option, like nothing at all."""

LEGS: dict[str, Leg] = {
    "1": Leg.ENTRY,
    "ENTRYLEG": Leg.ENTRY,
    "ENTRY": Leg.ENTRY,
    "2": Leg.STOP_LOSS,
    "STOPLOSSLEG": Leg.STOP_LOSS,
    "STOPLOSS": Leg.STOP_LOSS,
    "3": Leg.TARGET,
    "TARGETLEG": Leg.TARGET,
    "TARGET": Leg.TARGET,
}

FOREVER_CHILD = "FOVR"
"""The platform of an order that a forever order became when it triggered, folded."""

AMO_TIMES: dict[str, AmoTime] = {fold(time): time for time in AmoTime}

KINDS: dict[str, InstrumentKind] = {fold(kind): kind for kind in InstrumentKind}

SEGMENTS: dict[str, Segment] = {
    **{fold(segment): segment for segment in Segment},
    "NSEE": Segment.NSE_EQ,
    "NSED": Segment.NSE_FNO,
    "NSEC": Segment.NSE_CURRENCY,
    "BSEE": Segment.BSE_EQ,
    "BSED": Segment.BSE_FNO,
    "BSEC": Segment.BSE_CURRENCY,
    "MCXM": Segment.MCX_COMM,
}
"""By ``exchangeSegment``, or by exchange and segment letter written together. NSE's commodities have no segment."""

YES = frozenset({"1", "TRUE", "Y", "YES"})

NOTHING = frozenset({"", "NA", "N/A", "NULL", "NONE", "NAN"})
"""What Dhan writes where there is nothing to write, upper case."""

NO_REASON = frozenset({"CONFIRMED", "TRADECONFIRMED", "NR"})
"""What stands in place of a reason on an order with which all is well, folded."""

KEYS: dict[str, str] = {
    # frame of the order update
    "exchange": "exchange",
    "segment": "segment",
    "source": "source",
    "securityid": "security_id",
    "clientid": "account",
    "orderno": "order_id",
    "product": "product",
    "productname": "product_name",
    "txntype": "side",
    "ordertype": "order_type",
    "validity": "validity",
    "quantity": "quantity",
    "tradedqty": "filled",
    "remainingquantity": "remaining",
    "discquantity": "disclosed",
    "price": "price",
    "triggerprice": "trigger_price",
    "tradedprice": "traded_price",
    "avgtradedprice": "average_price",
    "algoordno": "parent_id",
    "offmktflag": "after_market",
    "orderdatetime": "created",
    "exchordertime": "exchange_time",
    "lastupdatedtime": "updated",
    "remarks": "remarks",
    "reasondescription": "text",
    "legno": "leg_number",
    "instrument": "kind",
    "symbol": "symbol",
    "displayname": "display_name",
    "status": "status",
    "lotsize": "lot_size",
    "multiplier": "multiplier",
    "strikeprice": "strike",
    "expirydate": "expiry",
    "opttype": "option_type",
    "refltp": "last_price",
    "ticksize": "tick_size",
    "correlationid": "correlation_id",
    "orderplatform": "platform",
    "goodtilldaysdate": "good_till",
    # rows of the order book and the trade book, where they use other words
    "dhanclientid": "account",
    "orderid": "order_id",
    "orderstatus": "status",
    "transactiontype": "side",
    "exchangesegment": "exchange_segment",
    "producttype": "product",
    "disclosedquantity": "disclosed",
    "aftermarketorder": "after_market",
    "amotime": "amo_time",
    "legname": "leg_name",
    "createtime": "created",
    "updatetime": "updated",
    "exchangetime": "exchange_time",
    "omserrorcode": "error_code",
    "omserrordescription": "text",
    "averagetradedprice": "average_price",
    "filledqty": "filled",
    "exchangetradeid": "trade_id",
    "tradedquantity": "traded_quantity",
    "boprofitvalue": "target_distance",
    "bostoplossvalue": "stop_distance",
    # of a trade, the day's and the history's, which leaves the first of its names out and adds what it cost
    "tradingsymbol": "trading_symbol",
    "customsymbol": "custom_symbol",
    "brokeragecharges": "brokerage",
    "exchangetransactioncharges": "exchange_charges",
    "stt": "stt",
    "sebitax": "sebi",
    "servicetax": "gst",
    "stampduty": "stamp",
    # rows of the super orders and of their legs; what a leg rests for is misspelt there
    "targetprice": "target_price",
    "stoplossprice": "stop_price",
    "trailingjump": "trail",
    "legdetails": "legs",
    "totalquatity": "total",
    "totalquantity": "total",
    "triggeredquantity": "triggered",
    # rows of the forever orders; of two legs each has its row, the fields of a placement are read where they come back
    "orderflag": "order_flag",
    "price1": "second_price",
    "triggerprice1": "second_trigger_price",
    "quantity1": "second_quantity",
}
"""Our names of Dhan's keys, by the key in lower case without separators; from the others nothing is read."""

LONGEST_KEY = 40


@lru_cache(maxsize=4096)
def meaning(key: str) -> str | None:
    """Our name of one of Dhan's keys in any spelling: ``orderNo``, ``OrderNo``, ``ORDER_NO``, ``order-id``."""
    return KEYS.get(fold(key).lower())
