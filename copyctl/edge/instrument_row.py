"""One row of the instrument master: which columns tell of what, and the instrument that a row describes.

Traps of the file (Dhan API v2, instrument list; as seen): ticks are in paise; lots and strikes are written as
fractions; -0.01 and 0001-01-01 mean none; an MCX order counts lots, whatever the lot is; ids are text.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from copyctl.model.instrument import Instrument
from copyctl.model.terms import InstrumentKind, OptionType, Segment

SEGMENTS: Final[dict[tuple[str, str], Segment]] = {
    ("NSE", "E"): Segment.NSE_EQ,
    ("NSE", "D"): Segment.NSE_FNO,
    ("NSE", "C"): Segment.NSE_CURRENCY,
    ("BSE", "E"): Segment.BSE_EQ,
    ("BSE", "D"): Segment.BSE_FNO,
    ("BSE", "C"): Segment.BSE_CURRENCY,
    ("MCX", "M"): Segment.MCX_COMM,
}
"""Exchange and segment as the file writes them. Indices (I) and NSE's commodities (NSE, M) cannot be ordered here."""

NEEDED: Final = ("exchange", "segment", "security_id", "lot", "tick")
KEPT: Final = ("symbol", "underlying", "kind", "option_type", "strike", "expiry", "lot", "tick")
"""What is kept of a row, in this order."""

LAYOUTS: Final[tuple[Mapping[str, str], ...]] = (
    {
        "exchange": "EXCH_ID",
        "segment": "SEGMENT",
        "security_id": "SECURITY_ID",
        "symbol": "SYMBOL_NAME",
        "underlying": "UNDERLYING_SYMBOL",
        "kind": "INSTRUMENT",
        "option_type": "OPTION_TYPE",
        "strike": "STRIKE_PRICE",
        "expiry": "SM_EXPIRY_DATE",
        "lot": "LOT_SIZE",
        "tick": "TICK_SIZE",
    },
    {
        "exchange": "SEM_EXM_EXCH_ID",
        "segment": "SEM_SEGMENT",
        "security_id": "SEM_SMST_SECURITY_ID",
        "symbol": "SEM_TRADING_SYMBOL",
        "kind": "SEM_INSTRUMENT_NAME",
        "option_type": "SEM_OPTION_TYPE",
        "strike": "SEM_STRIKE_PRICE",
        "expiry": "SEM_EXPIRY_DATE",
        "lot": "SEM_LOT_UNITS",
        "tick": "SEM_TICK_SIZE",
    },
)
"""The detailed and the compact layout: our names and theirs."""

_CONTRACT: Final = re.compile(r"(.+?)-(?:\d{1,2})?[A-Za-z]{3}\d{4}-")
_OPTION_TYPES: Final = {"CE": OptionType.CE, "PE": OptionType.PE, "CALL": OptionType.CE, "PUT": OptionType.PE}
_KINDS: Final = {kind.value: kind for kind in InstrumentKind}
_NONE: Final = frozenset({"", "NA", "N/A", "NULL", "NONE", "NAN"})
_CURRENCY: Final = frozenset({Segment.NSE_CURRENCY, Segment.BSE_CURRENCY})
_PAISE: Final = Decimal(100)
_NO_DATE_BEFORE: Final = 1990


def columns(header: Sequence[str]) -> dict[str, int]:
    """Where each of our columns is in a file with this header; what it does not have is left out.

    Raises:
        ValueError: it is not one of the two layouts.
    """
    places = {name.strip().upper(): place for place, name in enumerate(header)}
    for layout in LAYOUTS:
        found = {ours: places[theirs] for ours, theirs in layout.items() if theirs in places}
        if all(name in found for name in NEEDED):
            return found
    raise ValueError("its first line is not the header of Dhan's instrument list")


def ticks_in_rupees(written: Mapping[str, int]) -> bool:
    """Does this file write ticks in rupees, though the published ones are in paise? ``written``: how often each tick
    occurs outside the currency segments, where no tick is below a paisa."""
    small = large = 0
    for tick, times in written.items():
        value = _number(tick)
        if value is not None and value > 0:
            small, large = (small + times, large) if value < 1 else (small, large + times)
    return small > large


def instrument(segment: Segment, security_id: str, kept: Sequence[str], *, rupees: bool) -> Instrument | None:
    """The instrument that the kept part of a row describes; None where a derivative's row does not tell its lot."""
    symbol, underlying, kind, option_type, strike, expiry, lot, tick = ("" if _none(one) else one for one in kept)
    units = _number(lot)
    whole = int(units) if units is not None and units >= 1 and units == int(units) else None
    if whole is None and segment.is_derivative and segment is not Segment.MCX_COMM:
        return None
    counts_lots = segment is Segment.MCX_COMM
    option = _OPTION_TYPES.get(option_type.upper())
    price = _number(strike)
    return Instrument(
        segment=segment,
        security_id=security_id,
        symbol=symbol if segment.is_derivative else underlying or symbol,
        kind=_KINDS.get(kind.upper()),
        underlying=(underlying or named_in(symbol)) if segment.is_derivative else "",
        option_type=option,
        strike=_plain(price) if option and price is not None and price > 0 else None,
        expiry=_date(expiry),
        lot_size=1 if counts_lots else whole or 1,
        tick_size=_tick(segment, tick, rupees=rupees),
        multiplier=(whole or 1) if counts_lots else 1,
    )


def named_in(symbol: str) -> str:
    """The underlying in the symbol of a derivative, which is all that the compact layout tells of it; "" for none."""
    contract = _CONTRACT.match(symbol)
    return contract[1] if contract else ""


def _tick(segment: Segment, written: str, *, rupees: bool) -> Decimal:
    """The tick in rupees; where the file gives none that makes sense, the usual one of the segment."""
    value = _number(written)
    least, most = Decimal("0.01"), Decimal(5)
    if segment in _CURRENCY:
        least = Decimal("0.0001")
    elif segment is Segment.MCX_COMM:
        most = Decimal(100)
    if value is not None:
        tick = value if rupees else value / _PAISE
        if least <= tick <= most:
            return _plain(tick)
    if segment in _CURRENCY:
        return Decimal("0.0025")
    return Decimal("0.05") if segment.is_derivative else Decimal("0.01")


def _none(text: str) -> bool:
    return text.upper() in _NONE


@lru_cache(maxsize=4096)
def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**12 else None


def _plain(value: Decimal) -> Decimal:
    """Without needless zeros, and never as 1E+2."""
    short = value.normalize()
    return short if int(short.as_tuple().exponent) <= 0 else short.quantize(Decimal(1))


def _date(text: str) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if day.year >= _NO_DATE_BEFORE else None
