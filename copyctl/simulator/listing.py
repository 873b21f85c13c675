"""How does an instrument come to the market that was not there at the start?

From a control command, or from a frame of a tape that tells of one.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from copyctl.simulator import terms
from copyctl.simulator.asked import Asked
from copyctl.simulator.broker import Broker
from copyctl.simulator.instruments import Instrument

TEXTS = (
    "symbol",
    "trading_symbol",
    "display_name",
    "kind",
    "option_type",
    "isin",
    "series",
    "underlying_id",
    "expiry_flag",
)
WHOLES = ("lot_size", "multiplier", "freeze_quantity")
DECIMALS = ("tick_size", "last_price", "strike", "lower_circuit", "upper_circuit")
FLAGS = ("in_master",)
DEFAULT_KINDS = {"E": "EQUITY", "D": "OPTIDX", "C": "FUTCUR", "M": "FUTCOM", "I": "INDEX"}
PRICE_FIELDS = ("refltp", "avgtradedprice", "price", "triggerprice")


def list_from(broker: Broker, asked: Asked) -> Instrument:
    """List an instrument, or change the named terms of a known one. Raises ValueError."""
    segment, security_id = asked.text("exchange_segment"), asked.text("security_id")
    if segment not in terms.SEGMENTS:
        raise ValueError(f"no such exchange segment: {segment}")
    known = broker.exchange.markets.get((segment, security_id))
    if known is not None:
        listed = known.instrument
    else:
        symbol = str(asked.get("symbol") or f"SYMBOL{security_id}")
        listed = Instrument(
            exchange_segment=segment,
            security_id=security_id,
            kind=DEFAULT_KINDS[terms.SEGMENTS[segment][1]],
            symbol=symbol,
            trading_symbol=symbol,
            display_name=symbol,
        )
    unknown = asked.keys() - {*TEXTS, *WHOLES, *DECIMALS, *FLAGS, "exchange_segment", "security_id", "expiry"}
    if unknown:
        raise ValueError(f"an instrument has no {', '.join(sorted(unknown))}")
    readers: tuple[tuple[tuple[str, ...], Callable[[str], object]], ...] = (
        (TEXTS, asked.text),
        (WHOLES, asked.integer),
        (DECIMALS, asked.decimal),
        (FLAGS, lambda name: asked.flag(name, otherwise=True)),
    )
    for names, read in readers:
        for name in (each for each in names if each in asked):
            setattr(listed, name, read(name))
    if "expiry" in asked:
        listed.expiry = date.fromisoformat(asked.text("expiry"))
    if known is None:
        broker.add_instrument(listed)
    elif "last_price" in asked:
        broker.exchange.set_price(listed.key, listed.last_price)
    return listed


def list_from_frame(broker: Broker, fields: Mapping[str, object]) -> None:
    """List the instrument that a frame tells of (keys in lower case), unless it is known."""
    segment = terms.SEGMENT_OF.get((str(fields.get("exchange")), str(fields.get("segment"))))
    security_id = str(fields.get("securityid") or "")
    if segment is None or not security_id or (segment, security_id) in broker.exchange.markets:
        return
    symbol = str(fields.get("symbol") or f"SYMBOL{security_id}")
    name = str(fields.get("displayname") or symbol)
    option_type = str(fields.get("opttype") or "XX")
    expiry = _date(fields.get("expirydate"))
    strike = _positive(fields, "strikeprice") or Decimal(0)
    traded_as = f"{symbol}-{expiry:%b%Y}-{strike.normalize():f}-{option_type}" if expiry and strike else symbol
    price = next((found for found in (_positive(fields, each) for each in PRICE_FIELDS) if found), Decimal(100))
    broker.add_instrument(
        Instrument(
            exchange_segment=segment,
            security_id=security_id,
            kind=str(fields.get("instrument") or DEFAULT_KINDS[terms.SEGMENTS[segment][1]]),
            symbol=symbol,
            trading_symbol=traded_as,
            display_name=name,
            lot_size=int(_positive(fields, "lotsize") or 1),
            tick_size=_positive(fields, "ticksize") or Decimal("0.05"),
            last_price=price,
            multiplier=int(_positive(fields, "multiplier") or 1),
            expiry=expiry,
            strike=strike,
            option_type=option_type if option_type in terms.OPTION_WORDS else "XX",
            isin=str(fields.get("isin") or ""),
            series=str(fields.get("series") or ""),
        )
    )


def _positive(fields: Mapping[str, object], name: str) -> Decimal | None:
    try:
        value = Decimal(str(fields.get(name) or 0))
    except InvalidOperation:
        return None
    return value if value > 0 else None


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None


def list_unknown(broker: Broker, segment: str, security_id: str) -> None:
    """List an instrument of which only the id is known, with the plainest terms."""
    if segment in terms.SEGMENTS and (segment, security_id) not in broker.exchange.markets:
        list_from(broker, Asked({"exchange_segment": segment, "security_id": security_id}))


def row_key(row: Mapping[str, object]) -> tuple[str, str]:
    """The instrument that a REST row is about."""
    return (str(row.get("exchangeSegment")), str(row.get("securityId")))


def list_from_row(broker: Broker, row: Mapping[str, object]) -> None:
    """List the instrument that a REST row tells of, unless it is known; rows carry no lot size, its kin do."""
    segment, security_id = row_key(row)
    if segment not in terms.TRADABLE or (segment, security_id) in broker.exchange.markets:
        return
    traded_as = str(row.get("tradingSymbol") or f"SYMBOL{security_id}")
    symbol = traded_as.split("-", maxsplit=1)[0]
    kin = next((each.instrument for each in broker.exchange.markets.values()
                if each.instrument.is_derivative and each.instrument.symbol == symbol), None)  # fmt: skip
    options = {word: code for code, word in terms.OPTION_WORDS.items()}
    fields: dict[str, object] = {"exchange_segment": segment, "security_id": security_id, "symbol": symbol,
                                 "trading_symbol": traded_as, "display_name": traded_as.replace("-", " "),
                                 "lot_size": kin.lot_size if kin is not None else 1,
                                 "option_type": options.get(str(row.get("drvOptionType")), "XX"),
                                 "strike": _positive(row, "drvStrikePrice") or 0}  # fmt: skip
    expiry = _date(row.get("drvExpiryDate"))
    if expiry is not None and expiry.year > 1:
        fields["expiry"] = expiry.isoformat()
    list_from(broker, Asked(fields))
