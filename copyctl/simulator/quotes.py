"""What is the market's price, and within which limits may it move?

Three questions of different depth; only the full quote tells circuit limits. Quotes are sold apart: an account
without the data plan is refused.
"""

from collections.abc import Callable
from decimal import Decimal

from copyctl.simulator import intake, refusals, terms
from copyctl.simulator.answers import Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.ledger import PAISA
from copyctl.simulator.market import Market
from copyctl.simulator.orders import shaped

SHARE_BAND = Decimal("0.20")  # of the price, where an instrument has no circuit limits of its own
FUTURE_BAND = Decimal("0.10")
OPTION_TIMES = 5
MOST_INSTRUMENTS = 1000
UNSEEN = "01/01/1980 00:00:00"

Row = dict[str, object]


def last_prices(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/ltp."""
    return _quotes(broker, call, lambda market: {"last_price": float(market.last_price)})


def open_high_low_close(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/ohlc."""
    return _quotes(broker, call, lambda market: {"last_price": float(market.last_price), "ohlc": _ohlc(market)})


def full_quotes(broker: Broker, call: Call) -> Answer:
    """POST /marketfeed/quote: the only place that tells circuit limits."""
    return _quotes(broker, call, _full_quote)


def _quotes(broker: Broker, call: Call, tell: Callable[[Market], Row]) -> Answer:
    if not call.headers.get("client-id"):
        return _failed(401, "810", "Client ID is invalid")
    settings = call.account.settings
    if settings.data_plan == "DH-902":
        raise refusals.refusal(401, "DH-902", refusals.NO_DATA_PLAN)
    if settings.data_plan == "806":
        return _failed(403, "806", "Data APIs not Subscribed")
    asked = {name: ids for name, ids in intake.read_body(call.raw).items() if name in terms.SEGMENTS}
    found: dict[str, dict[str, Row]] = {}
    many = 0
    for segment, ids in asked.items():
        if not isinstance(ids, list) or not all(type(each) is int for each in ids):
            return _failed(400, "814", "Invalid Request")
        many += len(ids)
        markets = {str(each): broker.exchange.markets.get((segment, str(each))) for each in ids}
        # Unknown ids are left out without a word.
        found[segment] = {each: shaped(tell(market), settings) for each, market in markets.items() if market}
    if many > MOST_INSTRUMENTS:
        return _failed(400, "804", "Requested number of instruments exceeds limit")
    return answer({"data": found, "status": "success"})


def _failed(status: int, code: str, text: str) -> Answer:
    return answer({"status": "failed", "data": {code: text}}, status)


def _ohlc(market: Market) -> dict[str, float]:
    first, last = float(market.instrument.last_price), float(market.last_price)
    return {"open": first, "close": first, "high": max(first, last), "low": min(first, last)}


def band(market: Market) -> tuple[Decimal, Decimal]:
    """The circuit limits: the instrument's own, or wide ones around the opening price that flex with the market."""
    instrument = market.instrument
    if instrument.upper_circuit:
        return instrument.lower_circuit, instrument.upper_circuit
    first, last = instrument.last_price, market.last_price
    low, high = min(first, last), max(first, last)
    if instrument.is_option:
        return instrument.tick_size, high * OPTION_TIMES
    share = FUTURE_BAND if instrument.is_derivative else SHARE_BAND
    return (low * (1 - share)).quantize(PAISA), (high * (1 + share)).quantize(PAISA)


def _full_quote(market: Market) -> Row:
    last, tick = market.last_price, market.instrument.tick_size
    low, high = band(market)
    levels = range(1, 6)
    return {
        "last_price": float(last),
        "average_price": float(last),
        "buy_quantity": 0 if market.available == 0 else 1200,
        "sell_quantity": 0 if market.available == 0 else 900,
        "depth": {
            "buy": [{"quantity": 10 * step, "orders": step, "price": float(last - tick * step)} for step in levels],
            "sell": [{"quantity": 10 * step, "orders": step, "price": float(last + tick * step)} for step in levels],
        },
        "last_quantity": 0,
        "last_trade_time": UNSEEN,
        "lower_circuit_limit": float(low),
        "upper_circuit_limit": float(high),
        "net_change": float(last - market.instrument.last_price),
        "ohlc": _ohlc(market),
        "oi": 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "volume": 0,
    }
