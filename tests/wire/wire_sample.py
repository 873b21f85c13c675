"""One frame of the order stream as it comes over the wire, the report that it is, and ways to vary it."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from copyctl.model.instrument import Instrument
from copyctl.model.order import ExecutionReport, Terms
from copyctl.model.reading import FrameReading
from copyctl.model.terms import (
    InstrumentKind,
    OptionType,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Source,
    Validity,
)
from copyctl.wire.dhan import Dhan

ACCOUNT = "1100000001"
AS_OF = 1_789_446_731_250_000_000
PLACED = 1_789_446_731_000_000_000  # 2026-09-15 10:02:11 IST
SECOND = 1_000_000_000

DATA: dict[str, Any] = {
    "exchange": "NSE",
    "segment": "D",
    "source": "N",
    "orderPlatform": "FAST",
    "securityId": "43210",
    "clientId": ACCOUNT,
    "exchOrderNo": "1300000012345678",
    "orderNo": "122609150001234",
    "product": "I",
    "txnType": "B",
    "orderType": "LMT",
    "validity": "DAY",
    "discQuantity": 0,
    "discQtyRem": 0,
    "remainingQuantity": 130,
    "quantity": 130,
    "tradedQty": 0,
    "price": 100.0,
    "triggerPrice": 0.0,
    "tradedPrice": 0.0,
    "avgTradedPrice": 0.0,
    "algoOrdNo": "0",
    "offMktFlag": "0",
    "orderDateTime": "2026-09-15 10:02:11",
    "exchOrderTime": "2026-09-15 10:02:11",
    "lastUpdatedTime": "2026-09-15 10:02:11",
    "remarks": "NR",
    "mktType": "NL",
    "reasonDescription": "CONFIRMED",
    "legNo": 1,
    "instrument": "OPTIDX",
    "symbol": "NIFTY",
    "productName": "INTRADAY",
    "status": "Pending",
    "lotSize": 65,
    "strikePrice": 24500.0,
    "expiryDate": "2026-09-22 14:30:00",
    "optType": "CE",
    "displayName": "NIFTY 22 SEP 24500 CALL",
    "isin": "",
    "series": "",
    "goodTillDaysDate": "2026-09-15",
    "refLtp": 101.1,
    "tickSize": 0.05,
    "algoId": "0",
    "multiplier": 1,
    "correlationId": "",
}

REPORT = ExecutionReport(
    account=ACCOUNT,
    order_id="122609150001234",
    source=Source.STREAM,
    as_of=AS_OF,
    broker_time=PLACED,
    created_time=PLACED,
    status=OrderStatus.PENDING,
    status_text="Pending",
    side=Side.BUY,
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.INTRADAY,
    terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=130, price=Decimal(100)),
    platform="FAST",
    last_price=Decimal("101.1"),
    instrument=Instrument(
        segment=Segment.NSE_FNO,
        security_id="43210",
        symbol="NIFTY 22 SEP 24500 CALL",
        kind=InstrumentKind.OPTIDX,
        underlying="NIFTY",
        option_type=OptionType.CE,
        strike=Decimal(24500),
        expiry=date(2026, 9, 22),
        lot_size=65,
        tick_size=Decimal("0.05"),
        multiplier=1,
        from_master=False,
    ),
)


def read(raw: bytes | str) -> FrameReading:
    return Dhan().read_frame(raw if isinstance(raw, bytes) else raw.encode(), ACCOUNT, AS_OF)


def frame(data: Any, kind: Any = "order_alert") -> bytes:
    return json.dumps({"Type": kind, "Data": data}).encode()


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in DATA.items() if key not in keys}


def report(**changes: Any) -> ExecutionReport:
    """The report of the sample with these fields changed."""
    reading = read(frame(DATA | changes))
    assert reading.why == ""
    return reading.reports[0]
