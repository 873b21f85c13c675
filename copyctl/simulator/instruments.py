"""What can be traded here?

A small market in data form: index options and a future with expiries that lie ahead of the clock, some shares, one
commodity contract, and the master's known traps (an id that two segments share, an expired row, ticks in paise).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from copyctl.simulator import terms


@dataclass(slots=True, kw_only=True)
class Instrument:
    """One row of the instrument master, with the limits and the price that the exchange starts from."""

    exchange_segment: str
    security_id: str
    kind: str  # EQUITY INDEX OPTIDX FUTIDX FUTCOM ...
    symbol: str  # the underlying's, or the share's
    trading_symbol: str
    display_name: str
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    last_price: Decimal = Decimal(100)
    multiplier: int = 1
    expiry: date | None = None
    strike: Decimal = Decimal(0)
    option_type: str = "XX"  # CE PE XX
    freeze_quantity: int = 0  # 0: none
    lower_circuit: Decimal = Decimal(0)  # 0: none
    upper_circuit: Decimal = Decimal(0)
    isin: str = ""
    series: str = ""
    underlying_id: str = ""
    expiry_flag: str = "NA"
    in_master: bool = True  # whether the instrument master tells of it

    @property
    def key(self) -> tuple[str, str]:
        return (self.exchange_segment, self.security_id)

    @property
    def is_derivative(self) -> bool:
        return self.kind[:3] in {"OPT", "FUT"}

    @property
    def is_option(self) -> bool:
        return self.kind.startswith("OPT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The options of one index and expiry: ids run from `first_id`, call before put, strike by strike."""

    symbol: str
    segment: str
    underlying_id: str
    first_id: int
    spot: int
    step: int
    premium: Decimal  # of the strike at the money
    lot_size: int
    freeze_quantity: int
    weekday: int  # of the expiry, Monday is 0
    weeks: int | None  # weeks ahead of the next expiry; None: the last such day of the month
    strikes: int = 5


SERIES: Sequence[Series] = (
    Series(symbol="NIFTY", segment="NSE_FNO", underlying_id="26000", first_id=43206, spot=24500, step=100,
           premium=Decimal("101.10"), lot_size=65, freeze_quantity=1800, weekday=1, weeks=0),
    Series(symbol="NIFTY", segment="NSE_FNO", underlying_id="26000", first_id=43306, spot=24500, step=100,
           premium=Decimal("168.40"), lot_size=65, freeze_quantity=1800, weekday=1, weeks=1),
    Series(symbol="BANKNIFTY", segment="NSE_FNO", underlying_id="26009", first_id=52206, spot=54000, step=500,
           premium=Decimal("412.75"), lot_size=30, freeze_quantity=600, weekday=1, weeks=None),
    Series(symbol="SENSEX", segment="BSE_FNO", underlying_id="1", first_id=843206, spot=80000, step=500,
           premium=Decimal("286.35"), lot_size=20, freeze_quantity=1000, weekday=3, weeks=0),
)  # fmt: skip

# security id, symbol, name, isin, price
SHARES: Sequence[tuple[str, str, str, str, str]] = (
    ("2885", "RELIANCE", "Reliance Industries", "INE002A01018", "1402.50"),
    ("11536", "TCS", "Tata Consultancy Services", "INE467B01029", "3120.00"),
    ("1333", "HDFCBANK", "HDFC Bank", "INE040A01034", "985.60"),
    ("1594", "INFY", "Infosys", "INE009A01021", "1498.25"),
    ("3045", "SBIN", "State Bank of India", "INE062A01020", "812.40"),
    ("4963", "ICICIBANK", "ICICI Bank", "INE090A01021", "1376.15"),
    ("900001", "ALPHA", "Alpha", "INE000A00001", "92.35"),
)

INDICES: Sequence[tuple[str, str, str]] = (("13", "NIFTY", "24500"), ("25", "BANKNIFTY", "54000"))


def opening_market(today: date) -> dict[tuple[str, str], Instrument]:
    """All instruments as of a day."""
    rows = [*_shares(), *_options(today), *_others(today), *_indices()]
    return {row.key: row for row in rows}


def _shares() -> Iterator[Instrument]:
    for security_id, symbol, name, isin, price in SHARES:
        yield Instrument(exchange_segment="NSE_EQ", security_id=security_id, kind="EQUITY", symbol=symbol,
                         trading_symbol=symbol, display_name=name, last_price=Decimal(price), isin=isin, series="EQ",
                         freeze_quantity=100_000)  # fmt: skip
    # An id is unique within its segment only.
    yield Instrument(exchange_segment="BSE_EQ", security_id="2885", kind="EQUITY", symbol="BETA", trading_symbol="BETA",
                     display_name="Beta", last_price=Decimal("41.20"), isin="INE000A00002", series="A",
                     freeze_quantity=100_000)  # fmt: skip


def _options(today: date) -> Iterator[Instrument]:
    for series in SERIES:
        expiry = expiry_after(today, series.weekday, series.weeks)
        lowest = series.spot - series.step * (series.strikes // 2)
        for place in range(series.strikes * 2):
            strike = lowest + series.step * (place // 2)
            yield _option(series, series.first_id + place, strike, "CE" if place % 2 == 0 else "PE", expiry)
    # Yesterday's contracts stay in the master for a while.
    first = SERIES[0]
    yield _option(first, first.first_id - 2000, first.spot, "CE", today - timedelta(days=7))


def _option(series: Series, security_id: int, strike: int, option_type: str, expiry: date) -> Instrument:
    away = abs(strike - series.spot)
    intrinsic = max(0, series.spot - strike if option_type == "CE" else strike - series.spot)
    time_value = series.premium * max(Decimal("0.1"), 1 - Decimal(away) / (4 * series.step))
    return Instrument(
        exchange_segment=series.segment,
        security_id=str(security_id),
        kind="OPTIDX",
        symbol=series.symbol,
        trading_symbol=f"{series.symbol}-{expiry:%b%Y}-{strike}-{option_type}",
        display_name=f"{series.symbol} {expiry.day} {expiry:%b} {strike} {terms.OPTION_WORDS[option_type]}".upper(),
        lot_size=series.lot_size,
        last_price=on_tick(time_value + intrinsic, Decimal("0.05")),
        expiry=expiry,
        strike=Decimal(strike),
        option_type=option_type,
        freeze_quantity=series.freeze_quantity,
        underlying_id=series.underlying_id,
        expiry_flag="W" if series.weeks is not None else "M",
    )


def _others(today: date) -> Iterator[Instrument]:
    month = expiry_after(today, 1, None)
    yield Instrument(exchange_segment="NSE_FNO", security_id="53001", kind="FUTIDX", symbol="NIFTY",
                     trading_symbol=f"NIFTY-{month:%b%Y}-FUT", display_name=f"NIFTY {month:%b} FUT".upper(),
                     lot_size=65, tick_size=Decimal("0.10"), last_price=Decimal("24561.20"), expiry=month,
                     strike=Decimal("-0.01"), freeze_quantity=1800, underlying_id="26000", expiry_flag="M")  # fmt: skip
    month = expiry_after(today, 4, None)
    # On MCX a quantity is a number of lots: the lot size is 1 and the multiplier carries the units.
    yield Instrument(exchange_segment="MCX_COMM", security_id="569999", kind="FUTCOM", symbol="GOLDM",
                     trading_symbol=f"GOLDM-{month:%d%b%Y}-FUT", display_name=f"GOLDM {month:%b} FUT".upper(),
                     tick_size=Decimal(1), last_price=Decimal(98450), multiplier=10, expiry=month,
                     strike=Decimal("-0.01"), underlying_id="114", expiry_flag="M")  # fmt: skip


def _indices() -> Iterator[Instrument]:
    for security_id, symbol, price in INDICES:
        yield Instrument(exchange_segment="IDX_I", security_id=security_id, kind="INDEX", symbol=symbol,
                         trading_symbol=symbol, display_name=symbol, last_price=Decimal(price))  # fmt: skip


def expiry_after(today: date, weekday: int, weeks: int | None) -> date:
    """The expiry so many weeks after the next one, or, without a number, the month's last such weekday."""
    following = today + timedelta(days=1 + (weekday - today.weekday() - 1) % 7)
    if weeks is not None:
        return following + timedelta(weeks=weeks)
    while (following + timedelta(weeks=1)).month == following.month:
        following += timedelta(weeks=1)
    return following


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The price moved to the nearest tick, one tick at least."""
    return max(tick, (price / tick).to_integral_value() * tick)
