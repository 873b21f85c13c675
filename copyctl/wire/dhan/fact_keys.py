"""Dhan's keys in the answers that tell figures, as data, and the words in them (Dhan API v2: funds, portfolio, margin,
market quote, user profile, static IP, trader's control).

Each table gives our name of a key, by the key in upper case without separators: ``totalMargin`` and ``total_margin``
are one key. Dhan's misspellings stand beside the words that it meant. From other keys nothing is read.
"""

import re

FUNDS: dict[str, str] = {
    "DHANCLIENTID": "account",
    "AVAILABELBALANCE": "available",
    "AVAILABLEBALANCE": "available",
    "SODLIMIT": "start_of_day",
    "COLLATERALAMOUNT": "collateral",
    "UTILIZEDAMOUNT": "utilised",
}

POSITION: dict[str, str] = {
    "DHANCLIENTID": "account",
    "TRADINGSYMBOL": "symbol",
    "SECURITYID": "security_id",
    "POSITIONTYPE": "direction",
    "EXCHANGESEGMENT": "segment",
    "PRODUCTTYPE": "product",
    "BUYAVG": "buy_average",
    "BUYQTY": "bought",
    "SELLAVG": "sell_average",
    "SELLQTY": "sold",
    "NETQTY": "net",
    "REALIZEDPROFIT": "realised",
    "UNREALIZEDPROFIT": "unrealised",
    "MULTIPLIER": "multiplier",
    "CARRYFORWARDBUYQTY": "carried_bought",
    "CARRYFORWARDSELLQTY": "carried_sold",
    "DAYBUYQTY": "day_bought",
    "DAYSELLQTY": "day_sold",
    "DRVEXPIRYDATE": "expiry",
}

HOLDING: dict[str, str] = {
    "EXCHANGE": "exchange",
    "TRADINGSYMBOL": "symbol",
    "SECURITYID": "security_id",
    "ISIN": "isin",
    "TOTALQTY": "total",
    "DPQTY": "delivered",
    "T1QTY": "t1",
    "MTFQTY": "mtf",
    "MTFT1QTY": "mtf_t1",
    "MTFTQQTY": "mtf_t1",
    "AVAILABLEQTY": "available",
    "COLLATERALQTY": "collateral",
    "AVGCOSTPRICE": "average",
    "LASTTRADEDPRICE": "last_price",
}

MARGIN: dict[str, str] = {
    "TOTALMARGIN": "required",
    "AVAILABLEBALANCE": "available",
    "AVAILABELBALANCE": "available",
    "INSUFFICIENTBALANCE": "insufficient",
    "INSUFFICIENTFUND": "insufficient",
}

QUOTE: dict[str, str] = {
    "SECURITYID": "security_id",
    "LASTPRICE": "last_price",
    "LOWERCIRCUITLIMIT": "lower_circuit",
    "UPPERCIRCUITLIMIT": "upper_circuit",
}

NO_DATA_PLAN = frozenset({"806", "902"})
"""Codes that an account without the data plan is answered to a market quote with, as ``texts.code_key`` gives them."""

PROFILE: dict[str, str] = {
    "DHANCLIENTID": "account",
    "TOKENVALIDITY": "token_until",
    "ACTIVESEGMENT": "segments",
    "DDPI": "ddpi",
    "MTF": "mtf",
    "DATAPLAN": "data_plan",
}

LOGIN: dict[str, str] = {
    "DHANCLIENTID": "account",
    "ACCESSTOKEN": "token",
    "TOKEN": "token",
    "EXPIRYTIME": "until",
}

ADDRESSES: dict[str, str] = {
    "DHANCLIENTID": "account",
    "PRIMARYIP": "primary",
    "SECONDARYIP": "secondary",
    "IP": "address",
    "DETECTEDIP": "detected",
    "IPMATCHSTATUS": "match",
    "ORDERSALLOWED": "allowed",
}
"""Documented are the two addresses and when each may be changed; live answers were seen with ``ip``, the registered
one, and with the three last."""

KILL_SWITCH: dict[str, str] = {
    "DHANCLIENTID": "account",
    "KILLSWITCHSTATUS": "status",
    "MESSAGE": "message",
}

SWITCH: dict[str, bool] = {
    **dict.fromkeys(("ACTIVE", "ACTIVATE", "ACTIVATED", "ENABLED", "ON", "TRUE", "YES", "Y", "1"), True),
    **dict.fromkeys(("DEACTIVE", "DEACTIVATE", "DEACTIVATED", "INACTIVE", "NOTACTIVE", "DISABLED"), False),
    **dict.fromkeys(("OFF", "FALSE", "NO", "N", "0"), False),
}
"""Whether something is on, by a folded word. The profile writes Active and Deactive, the kill switch ACTIVATE."""

MATCH: dict[str, bool] = {
    **dict.fromkeys(("MATCH", "MATCHED", "PRIMARYMATCH", "SECONDARYMATCH"), True),
    **dict.fromkeys(("MISMATCH", "NOMATCH", "NOTMATCH", "NOTMATCHED"), False),
}
"""``ipMatchStatus``, folded: does the call come from a registered address?"""

NONE_REGISTERED = re.compile(
    r"\bno\W+(?:static\W+|registered\W+)?ips?\b(?!\W+match)"
    r"|\bip(?:\W+address)?\W+(?:(?:is|was|has)\W+)?(?:been\W+)?not\W+(?:been\W+)?(?:found|set|configured|added)\b",
    re.ASCII | re.IGNORECASE,
)
"""A sentence after which no address is registered; that this one is not, is another."""

TURNED_OFF = re.compile(r"\b(?:de|in)\W?activ", re.ASCII | re.IGNORECASE)
NOT_DONE = re.compile(r"\b(?:not|cannot|can't|couldn't|unable|fail(?:ed|ure|s)?)\b", re.ASCII | re.IGNORECASE)
TURNED_ON = re.compile(r"\bactiv(?:e|ated?)\b", re.ASCII | re.IGNORECASE)
ALREADY = re.compile(r"\balready\b", re.ASCII | re.IGNORECASE)
"""Parts of the sentences that the kill switch is answered with (``Kill Switch has been successfully activated``)."""
