"""Why Dhan or an exchange said no: the codes and the sentences, as data.

Sentences come as ``RMS:<order>:<text>`` from the broker's risk desk, ``EXCH:<code>:<text>`` from the exchange, or
plain from the gateway, in any case and spacing. DH-905 and DH-906 stand for a dozen things each, so the sentence
decides before the code. Source: Dhan API v2, annexure, and texts seen in order books.
"""

import re
from typing import Final

from copyctl.model.reasons import Category

_LONGEST: Final = 2_000

DECISIVE: dict[str, Category] = dict.fromkeys(("904", "805", "RL001"), Category.THROTTLED)
"""Codes that decide whatever the text says, by ``code_key``."""

SENTENCES: tuple[tuple[Category, tuple[str, ...]], ...] = (
    (
        Category.AUTHENTICATION,
        (
            r"invalid (access )?token",
            r"token (is |has )?(been )?(invalid|expired)",
            r"token is invalid or expired",
            r"authentication failed",
            r"client ?id (is )?invalid",
            r"invalid client ?id",
            r"unauthori[sz]ed",
        ),
    ),
    (
        Category.ADDRESS,
        (r"invalid ip\b", r"\bip (address )?(is )?not (allowed|whitelisted|registered|matching)", r"static ip"),
    ),
    (Category.THROTTLED, (r"too many requests", r"rate limit", r"throttl")),
    (Category.IN_TRANSIT, (r"in transit( state)?",)),
    (Category.NO_SUCH_ORDER, (r"incorrect request for order", r"order not found", r"no such order")),
    (
        Category.CONNECTIVITY,
        (r"connectivity is not", r"exchange connectivity", r"\bfunds? (are |is )?not (yet )?ready"),
    ),
    (Category.HALT, (r"\bhalt(ed|s)?\b", r"\bsuspen(d|ded|sion)\b")),
    (
        Category.MARGIN,
        (r"insufficient (fund|balance|margin)", r"fund limit insufficient", r"margin (insufficient|shortfall)"),
    ),
    (
        Category.HOLDINGS,
        (
            r"sell more than the quantity",
            r"insufficient holding",
            r"scrip limit insufficient",
            r"\bcdsl\b",
            r"\be ?dis\b",
        ),
    ),
    (Category.STRIKE_RANGE, (r"strike price is not within",)),
    (
        Category.PRICE_BAND,
        (
            r"\bckt limit",
            r"circuit (limit|freeze)",
            r"\blpp range",
            r"out of the day ?s price range",
            r"price is out of",
        ),
    ),
    (Category.TICK, (r"multiple of (the )?tick", r"tick size")),
    (
        Category.TRIGGER,
        (r"trigger price should be", r"difference between (the )?limit and trigger", r"trigger beyond range"),
    ),
    (
        Category.SESSION,
        (
            r"function not available",
            r"cannot be placed at this time",
            r"not allowed in pre ?open",
            r"stopped amo",
            r"auto square ?off block",
            r"market (is )?(closed|not open)",
        ),
    ),
    (
        Category.PRODUCT,
        (r"not allowed (to be traded )?in intraday", r"not enabled (on|for)", r"product (is )?not (allowed|enabled)"),
    ),
    (Category.INSTRUMENT, (r"invalid security ?id", r"security is not allowed to trade", r"invalid (scrip|symbol)")),
    (Category.SELF_TRADE, (r"self ?trade",)),
    (Category.POSITION_LIMIT, (r"\bban period", r"\bmwpl\b", r"voluntary close ?out", r"position limit")),
    (Category.DISCLOSED, (r"disclosed quantity", r"combination of mf aon dq")),
    (
        Category.QUANTITY,
        (
            r"quantity exceeds",
            r"freeze quantity",
            r"multiple of (the )?lot",
            r"lot size",
            r"greater than (the )?traded quantity",
        ),
    ),
    (Category.BLOCKED, (r"blocked by rms", r"transactions? (is |are )?blocked")),
    (Category.INPUT, (r"missing required field", r"bad values for param", r"\bis required\b")),
)
"""What is said, in lower case with everything but letters and digits as one blank; the first that fits decides. A
blank in a pattern stands for any number of them, none included."""

EXCHANGE_CODES: dict[str, Category] = {
    "16052": Category.SESSION,
    "16283": Category.TICK,
    "16284": Category.PRICE_BAND,
    "16327": Category.QUANTITY,
    "16387": Category.INSTRUMENT,
    "16448": Category.TRIGGER,
    "16795": Category.POSITION_LIMIT,
    "17070": Category.PRICE_BAND,
    "17071": Category.SELF_TRADE,
    "12288799361": Category.SELF_TRADE,
}
"""Exchange codes that a text may begin with. 16388, cancelled by the system, is no rejection and stays unknown."""

CODES: dict[str, Category] = {
    "901": Category.AUTHENTICATION,
    "902": Category.AUTHENTICATION,
    "903": Category.PRODUCT,
    "905": Category.INPUT,
    "907": Category.INPUT,
    "911": Category.ADDRESS,
    "804": Category.INPUT,
    "806": Category.AUTHENTICATION,
    "807": Category.AUTHENTICATION,
    "808": Category.AUTHENTICATION,
    "809": Category.AUTHENTICATION,
    "810": Category.AUTHENTICATION,
    "811": Category.INPUT,
    "812": Category.INPUT,
    "813": Category.INSTRUMENT,
    "814": Category.INPUT,
    "INVALIDAUTHENTICATION": Category.AUTHENTICATION,
    "INVALIDACCESS": Category.AUTHENTICATION,
    "USERACCOUNT": Category.PRODUCT,
    "RATELIMIT": Category.THROTTLED,
    "RATELIMITERROR": Category.THROTTLED,
    "INPUTEXCEPTION": Category.INPUT,
}
"""What a code means where the text does not say more. The words are ``errorType``, for answers without a code."""

KNOWN_CODES = frozenset({"906", *DECISIVE, *CODES})
"""Codes that say for sure that the request was refused, even in an answer of success."""

AMBIGUOUS_CODES = frozenset({"800", "908", "909", "910", "INTERNALSERVERERROR", "NETWORKERROR"})
"""Codes after which the broker itself does not know what became of the request."""

NOTHING_THERE = "1111"
"""The code of an empty list, given as a failure."""

NO_DATA = "907"
"""The code of "no data, or wrong parameters". Of a history that was asked for in the right form it is an empty page."""

_DIGITS = re.compile(r"(?:DH)?0*(\d+)", re.ASCII)
_CODE_IN_TEXT = re.compile(r"(?:exch )?(\d{5,11})\b", re.ASCII)
_PATTERNS = tuple(
    (meant, re.compile("|".join(pattern.replace(" ", r"\s*") for pattern in patterns), re.ASCII))
    for meant, patterns in SENTENCES
)
_NOT_A_WORD = re.compile(r"[^a-z0-9]+", re.ASCII)


def code_key(code: str) -> str:
    """An error code as the tables key it: ``DH-905``, ``905`` and ``dh_905`` are ``905``; a word is folded."""
    folded = _NOT_A_WORD.sub("", code.lower()).upper()
    digits = _DIGITS.fullmatch(folded)
    return digits[1] if digits else folded


def category(code: str, text: str) -> Category:
    """What a rejection with this error code (or ``errorType``, or "") and this text means."""
    key = code_key(code)
    if key in DECISIVE:
        return DECISIVE[key]
    said = _NOT_A_WORD.sub(" ", text[:_LONGEST].lower()).strip()
    for meant, pattern in _PATTERNS:
        if pattern.search(said):
            return meant
    exchange = _CODE_IN_TEXT.match(said)
    if exchange is not None and exchange[1] in EXCHANGE_CODES:
        return EXCHANGE_CODES[exchange[1]]
    return CODES.get(key, Category.UNKNOWN)
