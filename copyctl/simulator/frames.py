"""How does the order stream tell of an order?

One text frame for each change of state: `{"Type": "order_alert", "Data": {...}}` with keys in camelCase and statuses in
Title case, as seen on the wire; the account's settings turn on the other dialects that were documented or captured.
"""

from copyctl.simulator import terms
from copyctl.simulator.compact import compact
from copyctl.simulator.orders import ZERO, Order
from copyctl.simulator.settings import Settings

PLAIN_REMARKS = "NR"
SUPER_REMARKS = "Super Order"


def frame_text(order: Order, word: str, last_price: float, settings: Settings) -> str:
    """The frame that announces this state of the order; `word` is the Title-case status."""
    return render(frame_data(order, word, last_price, settings), settings)


def frame_data(order: Order, word: str, last_price: float, settings: Settings) -> dict[str, object]:
    """The fields of a frame, with the names and types of the wire (Dhan API v2, live order update)."""
    wanted, instrument = order.terms, order.instrument
    exchange, segment = terms.SEGMENTS[instrument.exchange_segment]
    cancelled = order.status == terms.CANCELLED and settings.frame_cancelled_rest == "zero"
    remaining = 0 if cancelled else order.remaining
    type_code = terms.TYPE_CODES[wanted.order_type]
    return {
        "exchange": exchange,
        "segment": segment,
        "source": order.source,
        "orderPlatform": order.platform,
        "securityId": instrument.security_id,
        "clientId": order.client_id,
        "exchOrderNo": order.exchange_order_id or "0",
        "orderNo": order.order_id,
        "product": terms.PRODUCT_LETTERS[order.product],
        "txnType": terms.SIDE_LETTERS[order.side],
        "orderType": settings.protected_frame_type if order.sent_as_market else type_code,
        "validity": wanted.validity,
        "discQuantity": wanted.disclosed,
        "discQtyRem": min(wanted.disclosed, remaining),
        "remainingQuantity": remaining,
        "quantity": wanted.quantity,
        "tradedQty": order.filled,
        "price": float(wanted.price),
        "triggerPrice": float(order.told_trigger),
        "tradedPrice": float(order.last_fill_price),
        "avgTradedPrice": float(order.average),
        "algoOrdNo": order.algo_order,
        "offMktFlag": "1" if order.after_market else "0",
        "orderDateTime": order.created,
        "exchOrderTime": order.exchanged,
        "lastUpdatedTime": order.updated,
        "remarks": SUPER_REMARKS if order.is_super else PLAIN_REMARKS,
        "mktType": "NL",
        "reasonDescription": order.reason,
        "legNo": terms.LEG_NUMBERS[order.leg],
        "instrument": instrument.kind,
        "symbol": instrument.symbol,
        "productName": order.product,
        "status": _status(word, settings),
        "lotSize": instrument.lot_size,
        "strikePrice": float(max(ZERO, instrument.strike)),
        "expiryDate": f"{instrument.expiry} 14:30:00" if instrument.expiry else "",
        "optType": instrument.option_type,
        "displayName": instrument.display_name,
        "isin": instrument.isin,
        "series": instrument.series,
        "goodTillDaysDate": order.created[:10],
        "refLtp": last_price,
        "tickSize": float(instrument.tick_size),
        "algoId": "0",
        "multiplier": instrument.multiplier,
        "correlationId": "" if order.correlation_id == "NA" else order.correlation_id,
    }


def render(data: dict[str, object], settings: Settings) -> str:
    """The frame's text in the account's dialect."""
    for key in settings.frame_nulls:
        data[key] = None
    for key in settings.frame_missing:
        data.pop(key, None)
    if settings.frame_empty:
        data = {key: settings.frame_empty if value == "" else value for key, value in data.items()}
    if settings.frame_numbers_as_text:
        data = {key: str(value) if type(value) in {int, float} else value for key, value in data.items()}
    if settings.frame_padding:
        data["ballast"] = "x" * settings.frame_padding
    if settings.frame_case != "camel":
        data = {_cased(key, place, settings.frame_case): value for place, (key, value) in enumerate(data.items())}
    fields = compact(data)
    if settings.frame_duplicate_keys:
        # Dhan's own sample has a key twice; the last one counts.
        fields = f'{{"{_cased("remarks", 0, settings.frame_case)}":"",{fields[1:]}'
    return f'{{"Type":"order_alert","Data":{fields}}}'


def _status(word: str, settings: Settings) -> str:
    if word == terms.MODIFIED_FRAME:
        word = settings.frame_modified
    elif word == terms.FRAME_STATUSES[terms.PART_TRADED]:
        word = settings.frame_part_traded
    return word.upper() if settings.frame_status_case == "upper" else word


def _cased(key: str, place: int, case: str) -> str:
    if case == "upper":
        return key.upper()
    if case == "pascal" or (case == "mixed" and place % 2 == 0):
        return key[0].upper() + key[1:]
    return key
