"""Every text with which Dhan or an exchange is known to say no has its category, in any case and spacing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.reasons import Category
from copyctl.wire.dhan import Dhan
from copyctl.wire.dhan.texts import code_key

RMS = "RMS:122609150001235:"
FUND_LIMIT = (
    "NSE,OPTSTK,1,FUND LIMIT INSUFFICIENT,AVAILABLE FUND=1,ADDITIONAL REQUIRED FUND=2,CALCULATED MARGIN FOR ORDER=3"
)
KNOWN: list[tuple[Category, str]] = [
    (Category.MARGIN, "RMS:122609150001235:You have insufficient funds. Please add Rs.4210.50 to trade."),
    (Category.MARGIN, "Fund Limit Insufficient"),
    (Category.MARGIN, RMS + FUND_LIMIT),
    (Category.HOLDINGS, RMS + "You are trying to sell more than the quantity you currently hold."),
    (Category.HOLDINGS, "Insufficient Holding Quantity"),
    (Category.HOLDINGS, "Scrip limit insufficient"),
    (Category.HOLDINGS, "Validate Qty from CDSL"),
    (Category.PRICE_BAND, RMS + "Rate Not Within Ckt Limit 395.25 To 592.85"),
    (
        Category.PRICE_BAND,
        RMS + "Order rejected, Stock in circuit freeze. Place order within 78.95 to 113.60.",
    ),
    (Category.PRICE_BAND, RMS + "Order Price needs to be Circuit Limits of 2915.70 to 3563.50"),
    (Category.PRICE_BAND, "EXCH:17070 : The Price Is Out Of The Current LPP Range"),
    (Category.PRICE_BAND, "EXCH:16284:The order price is out of the days price range."),
    (Category.STRIKE_RANGE, "Strike price is not within range for the selected expiry"),
    (Category.TICK, "EXCH:16283:The order price is not multiple of tick size."),
    (Category.TICK, "EXCH:16283:The order price is not multiple of the tick size."),
    (Category.TICK, "RATE NOT MULTIPLE OF TICK [0.05000000]"),
    (Category.TRIGGER, "Trigger Price should be greater than Price"),
    (Category.TRIGGER, "Trigger Price should be less than Price"),
    (Category.TRIGGER, "16448 difference between limit and trigger beyond range"),
    (Category.SESSION, "EXCH:16052 - Function Not Available"),
    (Category.SESSION, RMS + "Intraday orders cannot be placed at this time."),
    (Category.SESSION, "Market is closed"),
    (Category.SESSION, "order entry not allowed in pre-open"),
    (Category.SESSION, "Admin stopped AMO"),
    (Category.SESSION, "Auto Square Off Block"),
    (Category.HALT, "Trading is halted in this security"),
    (Category.HALT, "Market halt"),
    (Category.HALT, "Security suspended"),
    (Category.HALT, "Under suspension"),
    (Category.INSTRUMENT, "Invalid SecurityId"),
    (Category.INSTRUMENT, "EXCH:16387:Security is not allowed to trade in this market."),
    (Category.PRODUCT, RMS + "Order rejected as this stock is not allowed to be traded in Intraday."),
    (Category.PRODUCT, "Client not enabled on the product"),
    (Category.PRODUCT, "Exchange not enabled for this account"),
    (Category.QUANTITY, "16327 order quantity exceeds limit"),
    (Category.QUANTITY, "Check freeze quantity for NSE NIFTY"),
    (Category.QUANTITY, "quantity not multiple of lot"),
    (Category.QUANTITY, RMS + "Order quantity should be a multiple of the lot size 65"),
    (Category.DISCLOSED, "Disclosed quantity is greater than original quantity"),
    (Category.DISCLOSED, "invalid combination of MF/AON/DQ"),
    (Category.POSITION_LIMIT, "scrip in ban period"),
    (Category.POSITION_LIMIT, "16795 voluntary close-out"),
    (Category.SELF_TRADE, "17071 could have resulted in self trade"),
    (Category.SELF_TRADE, "Order could have resulted in self-trade"),
    (Category.IN_TRANSIT, "Order is in Transit state"),
    (Category.NO_SUCH_ORDER, "Incorrect request for order and cannot be processed"),
    (Category.BLOCKED, "transactions blocked by RMS"),
    (Category.CONNECTIVITY, "Exchange Connectivity is not established for BSE Derivatives"),
    (Category.CONNECTIVITY, "Funds are not ready"),
    (Category.AUTHENTICATION, "Invalid Token"),
    (Category.AUTHENTICATION, "Client ID or user generated access token is invalid or expired."),
    (Category.ADDRESS, "Invalid IP"),
    (Category.INPUT, "Missing required fields, bad values for parameters etc."),
    (Category.INPUT, "quantity is required"),
    (
        Category.THROTTLED,
        "Too many requests on server from single user breaching rate limits. Try throttling API calls.",
    ),
    (Category.UNKNOWN, "EXCH:16388:The order is cancelled by the system"),
    (Category.UNKNOWN, "CONFIRMED"),
    (Category.UNKNOWN, ""),
]


def category(code: str, text: str) -> Category:
    return Dhan().category(code, text)


@pytest.mark.parametrize(("meant", "text"), KNOWN)
def test_scenario_5_2_a_known_text_has_its_category(meant: Category, text: str) -> None:
    assert category("DH-906", text) is meant


@pytest.mark.parametrize(("meant", "text"), KNOWN)
@pytest.mark.parametrize(
    "written",
    [
        str.upper,
        str.lower,
        str.swapcase,
        lambda text: text.replace(" ", "  "),
        lambda text: f"  {text}\n",
        lambda text: text.replace(":", " : "),
        lambda text: RMS + text,
        lambda text: f"EXCH:99999:{text}",
        lambda text: f"EXCH:99999 - {text}",
    ],
    ids=["upper", "lower", "swapped", "wide", "padded", "colons", "rms", "exch", "dash"],
)
def test_scenario_5_2_case_spacing_and_prefix_change_nothing(meant: Category, text: str, written: object) -> None:
    assert callable(written)
    assert category("", written(text)) is meant


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("16052", Category.SESSION),
        ("16283", Category.TICK),
        ("16284", Category.PRICE_BAND),
        ("16327", Category.QUANTITY),
        ("16387", Category.INSTRUMENT),
        ("16448", Category.TRIGGER),
        ("16795", Category.POSITION_LIMIT),
        ("17070", Category.PRICE_BAND),
        ("17071", Category.SELF_TRADE),
        ("12288799361", Category.SELF_TRADE),
        ("16388", Category.UNKNOWN),
        ("99999", Category.UNKNOWN),
    ],
)
@pytest.mark.parametrize("form", ["EXCH:{}:words of tomorrow", "exch:{} - words", "{} words", "EXCH : {}"])
def test_scenario_5_2_the_exchanges_code_tells_where_the_words_are_new(code: str, meant: Category, form: str) -> None:
    assert category("DH-906", form.format(code)) is meant


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("DH-901", Category.AUTHENTICATION),
        ("DH-902", Category.AUTHENTICATION),
        ("DH-903", Category.PRODUCT),
        ("DH-904", Category.THROTTLED),
        ("DH-905", Category.INPUT),
        ("DH-906", Category.UNKNOWN),
        ("DH-907", Category.INPUT),
        ("804", Category.INPUT),
        ("806", Category.AUTHENTICATION),
        ("808", Category.AUTHENTICATION),
        ("809", Category.AUTHENTICATION),
        ("811", Category.INPUT),
        ("812", Category.INPUT),
        ("814", Category.INPUT),
        ("DH-911", Category.ADDRESS),
        ("805", Category.THROTTLED),
        ("807", Category.AUTHENTICATION),
        ("810", Category.AUTHENTICATION),
        ("813", Category.INSTRUMENT),
        ("Rate_Limit", Category.THROTTLED),
        ("Input_Exception", Category.INPUT),
        ("DH-999", Category.UNKNOWN),
        ("", Category.UNKNOWN),
    ],
)
def test_the_code_tells_where_the_text_does_not(code: str, meant: Category) -> None:
    assert category(code, "words of tomorrow") is meant
    assert category(code.lower(), "") is meant


def test_the_text_tells_more_than_the_code() -> None:
    assert category("DH-905", "Invalid IP") is Category.ADDRESS
    assert category("DH-906", "Invalid Token") is Category.AUTHENTICATION
    assert category("DH-904", "Invalid IP") is Category.THROTTLED


@pytest.mark.parametrize(
    "text", ["Which alternative do you want", "Derisked", "Zip file", "A zip is not allowed", "tokens of trust"]
)
def test_parts_of_other_words_mean_nothing(text: str) -> None:
    assert category("", text) is Category.UNKNOWN


@pytest.mark.parametrize("code", ["DH-905", "dh-905", "DH_905", "905", "DH905", " dh 0905 "])
def test_a_code_has_many_spellings(code: str) -> None:
    assert code_key(code) == "905"


@given(st.text(), st.text())
def test_scenario_8_9_no_text_makes_it_raise(code: str, text: str) -> None:
    assert category(code, text) in Category


def test_a_huge_text_is_read_as_far_as_it_matters() -> None:
    assert category("DH-906", "x" * 1_000_000) is Category.UNKNOWN
