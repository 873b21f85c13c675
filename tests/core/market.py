"""Trading days and hours for tests of market hours, and short words for moments of the Indian clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from copyctl.model.calendar import TradingDays
from copyctl.model.market import Traits
from copyctl.model.policy import MarketHours
from copyctl.model.terms import InstrumentKind
from copyctl.rules import policy_of

CLOSED_WEEKDAYS = {
    *("2025-02-26", "2025-03-14", "2025-03-31", "2025-04-10", "2025-04-14", "2025-04-18", "2025-05-01", "2025-08-15"),
    *("2025-08-27", "2025-10-02", "2025-10-21", "2025-10-22", "2025-11-05", "2025-12-25"),
    *("2026-01-15", "2026-01-26", "2026-03-03", "2026-03-26", "2026-03-31", "2026-04-03", "2026-04-14", "2026-05-01"),
    *("2026-05-28", "2026-06-26", "2026-09-14", "2026-10-02", "2026-10-20", "2026-11-10", "2026-11-24", "2026-12-25"),
}
"""The holidays of India's exchanges in 2025 and 2026 that fall on weekdays, as NSE published them."""
OPEN_WEEKENDS = {"2025-02-01"}

SHARE = Traits(kind=InstrumentKind.EQUITY, has_derivatives=False)
UNKNOWN_SHARE = Traits(kind=InstrumentKind.EQUITY)
FNO_SHARE = Traits(kind=InstrumentKind.EQUITY, has_derivatives=True)
GOLD = Traits(kind=InstrumentKind.FUTCOM, underlying="GOLD", expiry=date(2027, 12, 31))
MENTHA = Traits(kind=InstrumentKind.FUTCOM, underlying="MENTHAOIL", expiry=date(2027, 12, 31))
COTTON = Traits(kind=InstrumentKind.FUTCOM, underlying="COTTONCNDY", expiry=date(2027, 12, 31))
RUPEE = Traits(kind=InstrumentKind.FUTCUR, underlying="USDINR")
INDEX_OPTION = Traits(kind=InstrumentKind.OPTIDX, underlying="NIFTY")


def option(expiry: str, kind: InstrumentKind = InstrumentKind.OPTIDX) -> Traits:
    """A contract that expires on this date."""
    return Traits(kind=kind, underlying="NIFTY", expiry=date.fromisoformat(expiry))


def future(expiry: str, kind: InstrumentKind = InstrumentKind.FUTIDX) -> Traits:
    """A future that expires on this date."""
    return option(expiry, kind)


def dates(first: date, last: date) -> Iterator[date]:
    """Every date from one to another."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def trading_days(calendar: str = "XBOM", last: str = "2026-12-31") -> TradingDays:
    """India's trading days from 2025 on."""
    first, end = date(2025, 1, 1), date.fromisoformat(last)
    return TradingDays(
        calendar=calendar,
        first=first,
        last=end,
        open_days=tuple(
            day
            for day in dates(first, end)
            if (day.weekday() < 5 and day.isoformat() not in CLOSED_WEEKDAYS) or day.isoformat() in OPEN_WEEKENDS
        ),
        bounded=True,
    )


def hours(**keys: Any) -> MarketHours:
    """Market hours as a rules file gives them: these keys, the rest defaults, the table that ships below."""
    return policy_of({"sizing": {"strategy": "fixed_ratio", "ratio": 1}, "market_hours": keys}).market_hours


def at(text: str) -> int:
    """A time of the Indian clock, ISO 8601, as ns since the epoch."""
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=5, minutes=30)))
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


DAYS = trading_days()
HOURS = hours()
