"""Frames of the order stream are read the same in every spelling, and every field means what Dhan means."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from wire_sample import DATA, PLACED, REPORT, SECOND, frame, read, report, without

from copyctl.model.instrument import Instrument
from copyctl.model.order import Terms
from copyctl.model.reading import FrameReading
from copyctl.model.reasons import Category
from copyctl.model.terms import (
    InstrumentKind,
    Leg,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Validity,
)


def test_a_frame_as_it_comes_over_the_wire_is_read_in_full() -> None:
    assert read(frame(DATA)) == FrameReading(reports=(REPORT,))


# ---- spelling -------------------------------------------------------------------------------------------------------

CASINGS = {
    "camel": str,
    "Pascal": lambda key: key[0].upper() + key[1:],
    "UPPER": str.upper,
    "lower": str.lower,
    "mIXED": str.swapcase,
    "Snake_Like": lambda key: "".join("_" + letter if letter.isupper() else letter for letter in key).lower(),
}
WORDS: dict[str, dict[Any, tuple[Any, ...]]] = {
    "product": {"I": ("I", "INTRADAY", "Intraday", "MIS", "i")},
    "txnType": {"B": ("B", "BUY", "Buy", "b")},
    "orderType": {"LMT": ("LMT", "LIMIT", "Limit", "lmt")},
    "validity": {"DAY": ("DAY", "Day", "day")},
    "status": {"Pending": ("Pending", "PENDING", "pending", "Open", "Modified", "MODIFIED")},
    "segment": {"D": ("D", "d", "FNO", "NSE_FNO")},
    "exchange": {"NSE": ("NSE", "Nse")},
    "optType": {"CE": ("CE", "CALL", "Call")},
    "instrument": {"OPTIDX": ("OPTIDX", "OptIdx")},
    "legNo": {1: (1, "1", 0, None, "ENTRY_LEG")},
    "correlationId": {"": ("", "NA", None, "na")},
    "algoOrdNo": {"0": ("0", 0, 0.0, "", "NA", None, "0.0")},
    "offMktFlag": {"0": ("0", 0, False, "", None)},
    "reasonDescription": {"CONFIRMED": ("CONFIRMED", "Confirmed", "", None)},
    "remarks": {"NR": ("NR", "NA", "", None)},
}
NOT_NUMBERS = frozenset({"securityId", "orderNo", "clientId", "exchOrderNo", "algoId"})


def spelled(value: Any, as_text: bool) -> Any:
    return str(value) if as_text and isinstance(value, (int, float)) and not isinstance(value, bool) else value


@given(st.data())
def test_scenario_8_11_an_order_reads_the_same_in_every_spelling(data: st.DataObject) -> None:
    casing = CASINGS[data.draw(st.sampled_from(sorted(CASINGS)))]
    as_text = data.draw(st.booleans())
    ids_as_numbers = data.draw(st.booleans())
    spelling: dict[str, Any] = {}
    for key, value in DATA.items():
        written = data.draw(st.sampled_from(WORDS[key][value])) if key in WORDS else value
        if key in NOT_NUMBERS and ids_as_numbers:
            written = int(written)
        spelling[casing(key)] = spelled(written, as_text)
    outer = CASINGS[data.draw(st.sampled_from(["Pascal", "UPPER", "lower", "mIXED"]))]
    envelope = {outer("Type"): "order_alert", outer("Data"): spelling}
    reading = read(json.dumps(envelope))
    assert reading.why == ""
    assert replace(reading.reports[0], status_text="Pending") == REPORT


@pytest.mark.parametrize(
    ("field", "read_as", "spellings"),
    [
        ("side", Side.SELL, ["S", "SELL", "Sell", "s"]),
        ("product", Product.CNC, ["C", "CNC", "cnc"]),
        ("product", Product.MARGIN, ["M", "MARGIN", "NRML", "Margin"]),
        ("product", Product.MTF, ["F", "MTF"]),
        ("product", Product.CO, ["V", "CO", "Cover Order"]),
        ("product", Product.BO, ["B", "BO", "Bracket"]),
    ],
)
def test_scenario_8_11_letters_and_words_name_the_same(field: str, read_as: Any, spellings: list[str]) -> None:
    key = {"side": "txnType", "product": "product"}[field]
    assert {getattr(report(**{key: word}), field) for word in spellings} == {read_as}


@pytest.mark.parametrize(
    ("order_type", "spellings"),
    [
        (OrderType.MARKET, ["MKT", "MARKET", "Market"]),
        (OrderType.STOP_LOSS, ["SL", "STOP_LOSS", "Stop Loss", "SL-L"]),
        (OrderType.STOP_LOSS_MARKET, ["SLM", "SL-M", "STOP_LOSS_MARKET", "Stop-Loss-Market"]),
    ],
)
def test_scenario_8_11_types_are_known_by_code_and_word(order_type: OrderType, spellings: list[str]) -> None:
    for word in spellings:
        terms = report(orderType=word, triggerPrice=99.5).terms
        assert terms is not None
        assert terms.order_type is order_type
        assert terms.price == (100 if order_type.has_price else 0)
        assert terms.trigger_price == (Decimal("99.5") if order_type.has_trigger else 0)


def test_the_word_of_the_product_helps_where_its_letter_is_unknown() -> None:
    assert report(product="", productName="CNC").product is Product.CNC
    assert report(product="Z", productName="").product is None


@pytest.mark.parametrize(
    ("exchange", "segment", "read_as"),
    [
        ("NSE", "E", Segment.NSE_EQ),
        ("NSE", "D", Segment.NSE_FNO),
        ("NSE", "C", Segment.NSE_CURRENCY),
        ("BSE", "E", Segment.BSE_EQ),
        ("BSE", "D", Segment.BSE_FNO),
        ("BSE", "C", Segment.BSE_CURRENCY),
        ("MCX", "M", Segment.MCX_COMM),
        ("MCX", "COMM", Segment.MCX_COMM),
        ("NSE", "M", None),
        ("NSE", "", None),
        (None, None, None),
    ],
)
def test_exchange_and_letter_make_the_segment(exchange: Any, segment: Any, read_as: Segment | None) -> None:
    assert report(exchange=exchange, segment=segment).segment is read_as


# ---- status and quantities ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Transit", OrderStatus.TRANSIT),
        ("TRANSIT", OrderStatus.TRANSIT),
        ("Pending", OrderStatus.PENDING),
        ("OPEN", OrderStatus.PENDING),
        ("Modified", OrderStatus.PENDING),
        ("O-Modified", OrderStatus.PENDING),
        ("Triggered", OrderStatus.TRIGGERED),
        ("Part-Traded", OrderStatus.PART_TRADED),
        ("PART_TRADED", OrderStatus.PART_TRADED),
        ("Part Traded", OrderStatus.PART_TRADED),
        ("PARTIALLY_FILLED", OrderStatus.PART_TRADED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("CANCELED", OrderStatus.CANCELLED),
        ("Rejected", OrderStatus.REJECTED),
        ("Expired", OrderStatus.EXPIRED),
        ("CLOSED", OrderStatus.CLOSED),
        ("CONFIRM", OrderStatus.CONFIRM),
        ("Inactive", None),
        ("Frozen", None),
    ],
)
def test_every_word_for_a_status_is_kept_and_known_ones_are_understood(word: str, status: OrderStatus | None) -> None:
    seen = report(status=word)
    assert (seen.status, seen.status_text) == (status, word)


@pytest.mark.parametrize("word", ["Traded", "TRADED", "EXECUTED", "traded"])
def test_traded_means_all_of_it(word: str) -> None:
    seen = report(status=word, tradedQty=130, remainingQuantity=0, avgTradedPrice=101.225)
    assert (seen.status, seen.filled, seen.average_price) == (OrderStatus.TRADED, 130, Decimal("101.225"))


@pytest.mark.parametrize(
    ("changes", "status", "filled"),
    [
        ({"status": "Traded", "tradedQty": 65, "remainingQuantity": 65}, OrderStatus.PART_TRADED, 65),
        ({"status": "Traded", "tradedQty": 65, "remainingQuantity": None}, OrderStatus.PART_TRADED, 65),
        ({"status": "Traded", "tradedQty": 65, "remainingQuantity": 0}, OrderStatus.TRADED, 65),
        ({"status": "Traded", "tradedQty": None, "remainingQuantity": 0}, OrderStatus.TRADED, 130),
        ({"status": "Traded", "tradedQty": None, "remainingQuantity": None}, OrderStatus.TRADED, 130),
        ({"status": "Traded", "tradedQty": None, "remainingQuantity": 30}, OrderStatus.PART_TRADED, 100),
        ({"status": "Pending", "tradedQty": 65}, OrderStatus.PART_TRADED, 65),
        ({"status": "Modified", "tradedQty": 65}, OrderStatus.PART_TRADED, 65),
        ({"status": "Transit", "tradedQty": 65}, OrderStatus.PART_TRADED, 65),
        ({"status": "Triggered", "tradedQty": 65}, OrderStatus.TRIGGERED, 65),
        ({"status": "Cancelled", "tradedQty": 65, "remainingQuantity": 0}, OrderStatus.CANCELLED, 65),
        ({"status": "Cancelled", "tradedQty": 65, "remainingQuantity": 65}, OrderStatus.CANCELLED, 65),
        ({"status": "Expired", "tradedQty": 65}, OrderStatus.EXPIRED, 65),
        ({"status": "Rejected", "tradedQty": 0}, OrderStatus.REJECTED, 0),
    ],
)
def test_the_quantities_tell_what_the_word_means(changes: dict[str, Any], status: OrderStatus, filled: int) -> None:
    seen = report(**changes)
    assert (seen.status, seen.filled) == (status, filled)


def test_scenario_5_2_a_rejection_carries_its_text_and_its_category() -> None:
    said = "RMS:122609150001235:You have insufficient funds. Please add Rs.4210.50 to trade."
    seen = report(exchOrderNo="0", status="Rejected", reasonDescription=said)
    assert (seen.status, seen.text, seen.category) == (OrderStatus.REJECTED, said, Category.MARGIN)


def test_only_a_rejection_has_a_category() -> None:
    assert report(status="Cancelled", reasonDescription="Cancelled by user").category is None
    assert report(reasonDescription="TRADE CONFIRMED").text == ""


# ---- terms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [0, 0.0, None, "", "NA", "0", "0.0", "NaN"])
@pytest.mark.parametrize("order_type", ["LMT", "MKT"])
def test_scenario_8_8_no_price_is_a_price_of_0(nothing: Any, order_type: str) -> None:
    terms = report(price=nothing, orderType=order_type).terms
    assert terms is not None
    assert terms.price == 0


def test_a_market_order_has_no_price_even_where_protection_gave_it_one() -> None:
    terms = report(orderType="MKT", price=102.05).terms
    assert terms is not None
    assert terms.price == 0


@pytest.mark.parametrize("missing", ["orderType", "quantity"])
@pytest.mark.parametrize("nothing", [None, "", "NA"])
def test_without_type_or_quantity_there_are_no_terms(missing: str, nothing: Any) -> None:
    assert report(**{missing: nothing}).terms is None
    assert read(frame(without(missing))).reports[0].terms is None


@pytest.mark.parametrize(
    ("validity", "read_as"),
    [("IOC", Validity.IOC), ("ioc", Validity.IOC), ("GTC", None), ("", None), (None, None), ("FOREVER", "FOREVER")],
)
def test_an_unknown_validity_leaves_the_terms_unknown(validity: Any, read_as: Any) -> None:
    terms = report(validity=validity).terms
    assert (terms and terms.validity) == read_as


def test_a_frame_without_the_key_of_the_validity_lasts_the_day() -> None:
    assert read(frame(without("validity"))).reports == (REPORT,)


@given(st.decimals(min_value=0, max_value=10**9, places=4), st.booleans())
def test_prices_are_exact_to_the_last_digit(price: Decimal, as_text: bool) -> None:
    written = f'"{price}"' if as_text else str(price)
    raw = frame(DATA | {"price": 0}).decode().replace('"price": 0,', f'"price": {written},')
    terms = read(raw).reports[0].terms
    assert terms is not None
    assert terms.price == price
    assert isinstance(terms.price, Decimal)


def test_fractions_never_pass_through_binary() -> None:
    raw = frame(DATA).decode().replace("101.1,", "101.10000000000000000001,")
    assert read(raw).reports[0].last_price == Decimal("101.10000000000000000001")


# ---- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-09-15 10:02:11", PLACED),
        ("2026-09-15T10:02:11", PLACED),
        ("2026-09-15 10:02:11.734", PLACED),
        ("2026-09-15 04:32:11Z", PLACED),
        ("2026-09-15T10:02:11+05:30", PLACED),
        ("15/09/2026 10:02:11", PLACED),
        (" 2026-09-15 10:02 ", PLACED - 11 * SECOND),
        ("0001-01-01 00:00:00", 0),
        ("01/01/1980 00:00:00", 0),
        ("2026-02-30 10:00:00", 0),
        ("2026-09-15 25:00:00", 0),
        ("yesterday", 0),
        ("", 0),
        ("NA", 0),
        (None, 0),
        (1789446731, 0),
    ],
)
def test_indian_times_become_nanoseconds_utc(written: Any, read_as: int) -> None:
    seen = report(orderDateTime=written, exchOrderTime=None, lastUpdatedTime="")
    assert (seen.created_time, seen.broker_time) == (read_as, read_as)


def test_the_brokers_time_is_the_latest_that_it_gives() -> None:
    assert report(exchOrderTime="2026-09-15 10:02:13").broker_time == PLACED + 2 * SECOND
    assert report(lastUpdatedTime="2026-09-15 10:02:14").broker_time == PLACED + 3 * SECOND
    assert report(lastUpdatedTime="0001-01-01 00:00:00").broker_time == PLACED


def test_a_correlation_id_is_kept_as_it_is() -> None:
    assert report(correlationId="cp-7F3a_0001").correlation_id == "cp-7F3a_0001"


@pytest.mark.parametrize(
    ("changes", "leg", "parent", "super_order"),
    [
        ({"remarks": "Super Order"}, Leg.ENTRY, "", True),
        ({"remarks": "SUPER ORDER", "algoOrdNo": "122609150001234"}, Leg.ENTRY, "", True),
        ({"legNo": 2, "algoOrdNo": "122609150002000"}, Leg.STOP_LOSS, "122609150002000", True),
        ({"legNo": "2", "algoOrdNo": 122609150002000}, Leg.STOP_LOSS, "122609150002000", True),
        ({"legNo": 3, "algoOrdNo": 122609150002000.0}, Leg.TARGET, "122609150002000", True),
        ({"legNo": None, "legName": "TARGET_LEG", "algoOrdNo": "7"}, Leg.TARGET, "7", True),
        ({"legNo": 3}, Leg.TARGET, "", False),
        ({"orderPlatform": "FOVR", "algoOrdNo": "8162609100000777"}, Leg.ENTRY, "8162609100000777", False),
    ],
)
def test_legs_and_parents_are_told_apart(changes: dict[str, Any], leg: Leg, parent: str, super_order: bool) -> None:
    seen = report(**changes)
    assert (seen.leg, seen.parent_id, seen.super_order) == (leg, parent, super_order)


STOP_TERMS = Terms(
    order_type=OrderType.STOP_LOSS_MARKET, validity=Validity.DAY, quantity=130, trigger_price=Decimal("95.5")
)
TARGET_TERMS = Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=130, price=Decimal(110))
SUPER_LEG = {"algoOrdNo": "122609150002000"}
OF_A_COVER = {"product": "V", "productName": "CO"}
OF_A_BRACKET = {"product": "B", "algoOrdNo": "122609150002000"}


@pytest.mark.parametrize("of", [SUPER_LEG, OF_A_COVER, OF_A_BRACKET, {}])
@pytest.mark.parametrize(
    ("told", "terms"),
    [
        ({"legNo": 2, "orderType": "SL", "price": 94.0, "triggerPrice": 95.5}, STOP_TERMS),
        ({"legNo": 2, "orderType": "SLM", "price": 0, "triggerPrice": "95.5"}, STOP_TERMS),
        ({"legNo": 2, "orderType": "SLM", "price": 95.5, "triggerPrice": 0}, STOP_TERMS),
        ({"legNo": 2, "orderType": "LMT", "price": 95.5, "triggerPrice": None}, STOP_TERMS),
        ({"legNo": "2", "orderType": "", "price": 95.5, "triggerPrice": 0}, STOP_TERMS),
        ({"legNo": 2, "orderType": "MKT", "price": 0, "triggerPrice": 0}, None),
        ({"legNo": 3, "orderType": "LMT", "price": 110.0, "triggerPrice": 0}, TARGET_TERMS),
        ({"legNo": 3, "orderType": "SL", "price": 110.0, "triggerPrice": 109.5}, TARGET_TERMS),
        ({"legNo": "TARGET_LEG", "orderType": None, "price": "110"}, TARGET_TERMS),
        ({"legNo": 3, "orderType": "MKT", "price": 0, "triggerPrice": 0}, None),
        ({"legNo": 2, "triggerPrice": 95.5, "quantity": None}, None),
    ],
)
def test_a_leg_is_what_it_does_however_it_is_told(
    of: dict[str, Any], told: dict[str, Any], terms: Terms | None
) -> None:
    seen = report(**of, **told)
    assert seen.terms == terms
    assert seen.super_order is (of is SUPER_LEG)


@pytest.mark.parametrize("parent", ["122609150001234", 122609150001234, 122609150001234.0, "122609150001234.0"])
def test_a_leg_with_its_entrys_id_names_it_all_the_same(parent: Any) -> None:
    seen = report(legNo=2, triggerPrice=95.0, algoOrdNo=parent)
    assert (seen.order_id, seen.parent_id, seen.super_order) == ("122609150001234", "122609150001234", True)
    assert report(algoOrdNo=parent).parent_id == ""


@pytest.mark.parametrize("nothing", ["0", 0, 0.0, "", None, "NA", "0.0"])
def test_a_leg_without_a_parent_names_none(nothing: Any) -> None:
    assert report(legNo=2, triggerPrice=95.0, algoOrdNo=nothing).parent_id == ""


def test_what_hangs_on_an_entry_is_never_told_by_frames() -> None:
    seen = report(remarks="Super Order", targetPrice=120, stopLossPrice=95)
    assert (seen.super_order, seen.bracket) == (True, None)
    assert report(product="V", triggerPrice=95.0).bracket is None
    assert report(product="B", boProfitValue=20, boStopLossValue=5).bracket is None


# ---- forever orders -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["FOVR", "Fovr", "fovr"])
@pytest.mark.parametrize("leg", [0, 1, 2, "3", None])
def test_the_child_of_a_forever_order_is_an_order_by_itself(platform: str, leg: Any) -> None:
    changes = {"orderPlatform": platform, "algoOrdNo": 8162609100000777, "legNo": leg, "goodTillDaysDate": "2027-09-15"}
    for told in ({}, {"orderType": "SL", "triggerPrice": 99.5}):
        seen = report(**changes, **told)
        assert (seen.of_forever, seen.parent_id, seen.leg, seen.super_order) == (
            True,
            "8162609100000777",
            Leg.ENTRY,
            False,
        )
        assert seen.terms is not None
        assert seen.terms.validity is Validity.DAY
        assert seen.terms.price == 100


@pytest.mark.parametrize("nothing", ["0", None, "", 0.0])
def test_a_child_may_not_say_whose_it_is(nothing: Any) -> None:
    seen = report(orderPlatform="FOVR", algoOrdNo=nothing)
    assert (seen.of_forever, seen.parent_id) == (True, "")
    assert not REPORT.of_forever


WAITING = Terms(
    order_type=OrderType.LIMIT,
    validity=Validity.FOREVER,
    quantity=130,
    price=Decimal(100),
    trigger_price=Decimal("99.5"),
)


@pytest.mark.parametrize(
    "told",
    [
        {"validity": "FOREVER"},
        {"validity": "GTT"},
        {"validity": "Gtt", "goodTillDaysDate": None},
        {"goodTillDaysDate": "2027-09-15"},
        {"goodTillDaysDate": "2026-09-16 15:30:00"},
        {"goodTillDaysDate": "16/09/2026", "legNo": 3},
        {"status": "Confirm", "goodTillDaysDate": "2026-09-15"},
        {"status": "CONFIRM", "offMktFlag": "1", "legNo": 3},
        {"status": "Transit", "offMktFlag": "1", "goodTillDaysDate": "2026-09-15"},
        {"status": "TRANSIT", "legNo": 2},
    ],
)
def test_a_forever_order_is_known_by_its_word_or_by_its_days(told: dict[str, Any]) -> None:
    seen = report(triggerPrice=99.5, **told)
    assert seen.terms == WAITING
    assert not seen.of_forever


@pytest.mark.parametrize(
    "told",
    [
        {"goodTillDaysDate": "2026-09-15", "triggerPrice": 99.5},
        {"goodTillDaysDate": "2026-09-14", "triggerPrice": 99.5},
        {"goodTillDaysDate": "0001-01-01", "triggerPrice": 99.5},
        {"goodTillDaysDate": None, "triggerPrice": 99.5},
        {"goodTillDaysDate": "soon", "triggerPrice": 99.5},
        {"goodTillDaysDate": 20270915, "triggerPrice": 99.5},
        {"goodTillDaysDate": "2027-09-15", "triggerPrice": 0},
        {"goodTillDaysDate": "2027-09-15", "triggerPrice": 99.5, "orderDateTime": None},
        {"goodTillDaysDate": "2026-09-16", "triggerPrice": 99.5, "offMktFlag": "1"},
        {"goodTillDaysDate": "2026-09-16", "triggerPrice": 99.5, "status": "O-Pending"},
        {"goodTillDaysDate": "2027-09-15", "triggerPrice": 99.5, "algoOrdNo": "122609150002000", "legNo": 2},
        {"status": "Transit", "triggerPrice": 0},
        {"status": "Transit", "triggerPrice": 99.5, "orderType": "SL"},
        {"status": "Transit", "triggerPrice": 99.5, "product": "V", "productName": "CO"},
        {"status": "Transit", "triggerPrice": 99.5, "orderPlatform": "FOVR"},
        {"status": "Pending", "triggerPrice": 99.5},
        {"status": "Traded", "triggerPrice": 99.5},
    ],
)
def test_an_order_of_the_day_is_not_taken_for_a_forever_order(told: dict[str, Any]) -> None:
    terms = report(**told).terms
    assert terms is not None
    assert terms.validity is Validity.DAY


@pytest.mark.parametrize("flag", ["1", 1, True, "true", "Y"])
def test_an_after_market_order_is_known_by_its_flag(flag: Any) -> None:
    assert report(offMktFlag=flag).after_market
    assert not REPORT.after_market


def test_an_after_market_order_is_known_by_its_status() -> None:
    assert report(offMktFlag="0", status="O-Pending").after_market


def test_the_platform_is_the_source_where_there_is_none() -> None:
    assert report(orderPlatform="FOVR").platform == "FOVR"
    assert report(orderPlatform=None).platform == "N"
    assert report(orderPlatform="NA", source="").platform == ""


@pytest.mark.parametrize("key", ["lotSize", "tickSize", "securityId", "exchange"])
def test_an_instrument_that_is_told_of_by_half_is_not_told_of(key: str) -> None:
    assert read(frame(without(key))).reports[0].instrument is None


@pytest.mark.parametrize("nonsense", ["much", -1, True, {}, [], "Infinity"])
def test_nonsense_about_the_instrument_does_not_hide_the_order(nonsense: Any) -> None:
    changes = dict.fromkeys(("lotSize", "tickSize", "strikePrice", "multiplier", "refLtp", "expiryDate"), nonsense)
    assert report(**changes) == replace(REPORT, instrument=None, last_price=None)


def test_a_share_has_neither_underlying_nor_expiry() -> None:
    seen = report(segment="E", instrument="EQUITY", symbol="ALPHA", optType="XX", strikePrice="", lotSize=1)
    assert seen.instrument == Instrument(
        segment=Segment.NSE_EQ,
        security_id="43210",
        symbol="ALPHA",
        kind=InstrumentKind.EQUITY,
        lot_size=1,
        from_master=False,
    )


def test_an_order_on_mcx_counts_lots() -> None:
    seen = report(exchange="MCX", segment="M", instrument="FUTCOM", symbol="GOLDM-05Oct2026-FUT", lotSize=100)
    assert seen.instrument is not None
    assert (seen.instrument.lot_size, seen.instrument.underlying) == (1, "GOLDM")


@pytest.mark.parametrize(
    ("symbol", "underlying"),
    [("NIFTY", "NIFTY"), ("NIFTY-Sep2026-24500-CE", "NIFTY"), ("BAJAJ-AUTO", "BAJAJ-AUTO"), ("M&M", "M&M")],
)
def test_a_derivative_names_its_underlying(symbol: str, underlying: str) -> None:
    seen = report(symbol=symbol).instrument
    assert seen is not None
    assert seen.underlying == underlying
