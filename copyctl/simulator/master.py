"""How does the instrument master tell of the instruments?

The two CSV layouts that Dhan publishes, with their traps: ticks in paise, lots and strikes as floats, blanks where a
column does not apply.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from copyctl.simulator import terms
from copyctl.simulator.instruments import Instrument

DETAILED = [
    "EXCH_ID",
    "SEGMENT",
    "SECURITY_ID",
    "ISIN",
    "INSTRUMENT",
    "UNDERLYING_SECURITY_ID",
    "UNDERLYING_SYMBOL",
    "SYMBOL_NAME",
    "DISPLAY_NAME",
    "INSTRUMENT_TYPE",
    "SERIES",
    "LOT_SIZE",
    "SM_EXPIRY_DATE",
    "STRIKE_PRICE",
    "OPTION_TYPE",
    "TICK_SIZE",
    "EXPIRY_FLAG",
    "BRACKET_FLAG",
    "COVER_FLAG",
    "ASM_GSM_FLAG",
    "ASM_GSM_CATEGORY",
    "BUY_SELL_INDICATOR",
    "BUY_CO_MIN_MARGIN_PER",
    "SELL_CO_MIN_MARGIN_PER",
    "BUY_CO_SL_RANGE_MAX_PERC",
    "SELL_CO_SL_RANGE_MAX_PERC",
    "BUY_CO_SL_RANGE_MIN_PERC",
    "SELL_CO_SL_RANGE_MIN_PERC",
    "BUY_BO_MIN_MARGIN_PER",
    "SELL_BO_MIN_MARGIN_PER",
    "BUY_BO_SL_RANGE_MAX_PERC",
    "SELL_BO_SL_RANGE_MAX_PERC",
    "BUY_BO_SL_RANGE_MIN_PERC",
    "SELL_BO_SL_MIN_RANGE",
    "BUY_BO_PROFIT_RANGE_MAX_PERC",
    "SELL_BO_PROFIT_RANGE_MAX_PERC",
    "BUY_BO_PROFIT_RANGE_MIN_PERC",
    "SELL_BO_PROFIT_RANGE_MIN_PERC",
    "MTF_LEVERAGE",
]

COMPACT = [
    "SEM_EXM_EXCH_ID",
    "SEM_SEGMENT",
    "SEM_SMST_SECURITY_ID",
    "SEM_INSTRUMENT_NAME",
    "SEM_EXPIRY_CODE",
    "SEM_TRADING_SYMBOL",
    "SEM_LOT_UNITS",
    "SEM_CUSTOM_SYMBOL",
    "SEM_EXPIRY_DATE",
    "SEM_STRIKE_PRICE",
    "SEM_OPTION_TYPE",
    "SEM_TICK_SIZE",
    "SEM_EXPIRY_FLAG",
    "SEM_EXCH_INSTRUMENT_TYPE",
    "SEM_SERIES",
    "SM_SYMBOL_NAME",
]

_INSTRUMENT_TYPES = {"EQU": "ES", "OPT": "OP", "FUT": "FUT", "IND": "INDEX"}


def detailed_csv(rows: Iterable[Instrument]) -> str:
    return _csv(DETAILED, (_detailed(row) for row in rows))


def compact_csv(rows: Iterable[Instrument]) -> str:
    return _csv(COMPACT, (_compact(row) for row in rows))


def _csv(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _paise(tick: Decimal) -> str:
    return f"{tick * 100:.4f}"


def _detailed(row: Instrument) -> dict[str, str]:
    exchange, segment = terms.SEGMENTS[row.exchange_segment]
    derivative = row.is_derivative
    return {
        "EXCH_ID": exchange,
        "SEGMENT": segment,
        "SECURITY_ID": row.security_id,
        "ISIN": row.isin or "NA",
        "INSTRUMENT": row.kind,
        "UNDERLYING_SECURITY_ID": row.underlying_id,
        "UNDERLYING_SYMBOL": row.symbol if derivative else "",
        "SYMBOL_NAME": row.trading_symbol if derivative else row.display_name.upper(),
        "DISPLAY_NAME": row.display_name,
        "INSTRUMENT_TYPE": _INSTRUMENT_TYPES.get(row.kind[:3], row.kind),
        "SERIES": row.series or "NA",
        "LOT_SIZE": f"{row.lot_size}.0",
        "SM_EXPIRY_DATE": row.expiry.isoformat() if row.expiry else "",
        "STRIKE_PRICE": f"{row.strike:.5f}" if derivative else "",
        "OPTION_TYPE": row.option_type if derivative else "",
        "TICK_SIZE": _paise(row.tick_size),
        "EXPIRY_FLAG": row.expiry_flag,
        "BRACKET_FLAG": "N",
        "COVER_FLAG": "N",
        "ASM_GSM_FLAG": "N",
        "ASM_GSM_CATEGORY": "NA",
        "BUY_SELL_INDICATOR": "A",
        "MTF_LEVERAGE": "0.0",
    }


def _compact(row: Instrument) -> dict[str, str]:
    exchange, segment = terms.SEGMENTS[row.exchange_segment]
    derivative = row.is_derivative
    return {
        "SEM_EXM_EXCH_ID": exchange,
        "SEM_SEGMENT": segment,
        "SEM_SMST_SECURITY_ID": row.security_id,
        "SEM_INSTRUMENT_NAME": row.kind,
        "SEM_EXPIRY_CODE": "0",
        "SEM_TRADING_SYMBOL": row.trading_symbol,
        "SEM_LOT_UNITS": f"{row.lot_size}.0",
        "SEM_CUSTOM_SYMBOL": row.display_name,
        "SEM_EXPIRY_DATE": f"{row.expiry} 14:30:00" if row.expiry else "",
        "SEM_STRIKE_PRICE": f"{row.strike:.5f}" if derivative else "",
        "SEM_OPTION_TYPE": row.option_type if derivative else "",
        "SEM_TICK_SIZE": _paise(row.tick_size),
        "SEM_EXPIRY_FLAG": row.expiry_flag,
        "SEM_EXCH_INSTRUMENT_TYPE": _INSTRUMENT_TYPES.get(row.kind[:3], row.kind),
        "SEM_SERIES": row.series,
        "SM_SYMBOL_NAME": "" if derivative else row.display_name.upper(),
    }
