"""What do the leader's books say after a recorded frame?

A tape brings frames, REST serves rows: this room reads the frames itself, tolerantly, and keeps the leader's order book
and trade book as Dhan would have shown them at that moment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from copyctl.simulator import terms
from copyctl.simulator.accounts import Account, Row
from copyctl.simulator.clock import UNSET_DATE, UNSET_TIME

_PRODUCTS = {letter: word for word, letter in terms.PRODUCT_LETTERS.items()}
_SIDES = {letter: word for word, letter in terms.SIDE_LETTERS.items()}
_TYPES = {code: word for word, code in terms.TYPE_CODES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What a frame added to what was known to have traded."""

    side: str
    product: str
    quantity: int
    price: Decimal


def frame_fields(text: str) -> dict[str, object] | None:
    """The fields of an order frame with their names in lower case; None for any other frame."""
    try:
        frame = json.loads(text)
    except ValueError:
        return None
    if not isinstance(frame, dict):
        return None
    envelope = {str(key).lower(): value for key, value in frame.items()}
    data = envelope.get("data")
    if envelope.get("type") != "order_alert" or not isinstance(data, dict):
        return None
    fields = {str(key).lower(): value for key, value in data.items()}
    return fields if fields.get("orderno") else None


def instrument_key(fields: Mapping[str, object]) -> tuple[str, str] | None:
    segment = terms.SEGMENT_OF.get((str(fields.get("exchange")), str(fields.get("segment"))))
    return None if segment is None else (segment, str(fields.get("securityid")))


def take_in(account: Account, fields: Mapping[str, object]) -> Fill | None:
    """Bring the order's row up to the frame; the trade that it tells of, if any."""
    order_id = str(fields["orderno"])
    before = account.told_orders.get(order_id)
    row = _row(account, fields)
    known = _whole(before.get("filledQty")) if before is not None else 0
    filled = _whole(fields.get("tradedqty"))
    if before is not None and (filled < known or (before["orderStatus"] in terms.FINAL and filled <= known)):
        return None  # an old frame again
    account.told_orders[order_id] = row
    if filled <= known:
        return None
    price = _number(fields.get("tradedprice")) or _number(fields.get("avgtradedprice")) or _number(fields.get("price"))
    fill = Fill(
        side=str(row["transactionType"]),
        product=str(row["productType"]),
        quantity=filled - known,
        price=price,
    )
    account.told_trades.append(_trade(account, row, fill))
    return fill


def _row(account: Account, fields: Mapping[str, object]) -> Row:
    quantity, filled = _whole(fields.get("quantity")), _whole(fields.get("tradedqty"))
    status = _status(str(fields.get("status") or ""), quantity, filled)
    option_type = str(fields.get("opttype") or "")
    key = instrument_key(fields) or ("", str(fields.get("securityid") or ""))
    return {
        "dhanClientId": account.client_id,
        "orderId": str(fields["orderno"]),
        "exchangeOrderId": str(fields.get("exchorderno") or "NA"),
        "correlationId": str(fields.get("correlationid") or "NA"),
        "orderStatus": status,
        "transactionType": _word(_SIDES, fields.get("txntype")),
        "exchangeSegment": key[0],
        "productType": _word(_PRODUCTS, fields.get("product")),
        "orderType": _word(_TYPES, fields.get("ordertype")),
        "validity": str(fields.get("validity") or terms.DAY),
        "tradingSymbol": str(fields.get("displayname") or fields.get("symbol") or ""),
        "securityId": key[1],
        "quantity": quantity,
        "disclosedQuantity": _whole(fields.get("discquantity")),
        "price": float(_number(fields.get("price"))),
        "triggerPrice": float(_number(fields.get("triggerprice"))),
        "afterMarketOrder": str(fields.get("offmktflag")) == "1",
        "boProfitValue": 0.0,
        "boStopLossValue": 0.0,
        "legName": None,
        "createTime": str(fields.get("orderdatetime") or UNSET_TIME),
        "updateTime": str(fields.get("lastupdatedtime") or fields.get("orderdatetime") or UNSET_TIME),
        "exchangeTime": str(fields.get("exchordertime") or UNSET_TIME),
        "drvExpiryDate": str(fields.get("expirydate") or UNSET_DATE)[:10],
        "drvOptionType": terms.OPTION_WORDS.get(option_type),
        "drvStrikePrice": float(_number(fields.get("strikeprice"))),
        "omsErrorCode": None,
        "omsErrorDescription": str(fields.get("reasondescription") or terms.CONFIRMED),
        "algoId": str(fields.get("algoid") or "0"),
        "remainingQuantity": 0 if status in terms.FINAL - {terms.EXPIRED} else quantity - filled,
        "averageTradedPrice": float(_number(fields.get("avgtradedprice"))),
        "filledQty": filled,
    }


def _trade(account: Account, row: Row, fill: Fill) -> Row:
    shared = ("dhanClientId", "orderId", "exchangeOrderId", "transactionType", "exchangeSegment", "productType",
              "orderType", "tradingSymbol", "securityId", "createTime", "updateTime", "drvExpiryDate", "drvOptionType",
              "drvStrikePrice")  # fmt: skip
    return {
        **{name: row[name] for name in shared},
        "customSymbol": row["tradingSymbol"],
        "exchangeTradeId": f"9{len(account.told_trades) + 1:07d}",
        "tradedQuantity": fill.quantity,
        "tradedPrice": float(fill.price),
        "exchangeTime": row["updateTime"],
    }


def _status(word: str, quantity: int, filled: int) -> str:
    status = word.upper().replace("-", "_").replace(" ", "_")
    if status == "MODIFIED":
        status = terms.PENDING
    if status in {terms.PENDING, terms.TRADED, terms.PART_TRADED} and filled:
        return terms.TRADED if filled >= quantity else terms.PART_TRADED
    return status


def _word(words: Mapping[str, str], value: object) -> str:
    return words.get(str(value), str(value))


def _whole(value: object) -> int:
    try:
        return int(Decimal(str(value or 0)))
    except (InvalidOperation, ValueError, OverflowError):
        return 0


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)
