"""Dhan's keys in the answers that tell figures, as data (Dhan API v2: funds, portfolio, margin, market quote).

Each table gives our name of a key, by the key in upper case without separators: ``totalMargin`` and ``total_margin``
are one key. Dhan's misspellings stand beside the words that it meant. From other keys nothing is read.
"""

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
