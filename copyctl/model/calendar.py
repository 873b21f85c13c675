"""Trading days: on which dates the exchanges trade, as far as their calendar is known, and what holidays are called."""

import datetime
from bisect import bisect_left
from typing import Final

from msgspec import Struct


class TradingDays(Struct, frozen=True, kw_only=True, gc=False):
    """The dates from ``first`` to ``last`` (both included) on which a calendar's exchanges trade, in order.

    ``calendar`` is the name in ``market_hours.calendar``. ``last`` is the last date that the calendar's known holidays
    cover, or the last one that was asked for; ``bounded``: the calendar itself knows nothing beyond it. ``source``: the
    library and its version that gave the dates. Hours are not in here: they stand in the session table.
    """

    calendar: str
    first: datetime.date
    last: datetime.date
    open_days: tuple[datetime.date, ...]
    bounded: bool = False
    source: str = ""

    def covers(self, day: datetime.date) -> bool:
        """Is it known whether this date trades?"""
        return self.first <= day <= self.last

    def trades(self, day: datetime.date) -> bool:
        """Is this date among the trading days? False for one that is not covered."""
        place = bisect_left(self.open_days, day)
        return place < len(self.open_days) and self.open_days[place] == day


INDIAN_CALENDARS: Final = ("XBOM", "BSE")
"""The exchange-calendars names of India's exchanges: two names of one calendar. NSE keeps the same days."""

HOLIDAY_NAMES: Final[dict[datetime.date, str]] = {
    datetime.date(2025, 2, 26): "Mahashivratri",
    datetime.date(2025, 3, 14): "Holi",
    datetime.date(2025, 3, 31): "Id-ul-Fitr",
    datetime.date(2025, 4, 10): "Mahavir Jayanti",
    datetime.date(2025, 4, 14): "Ambedkar Jayanti",
    datetime.date(2025, 4, 18): "Good Friday",
    datetime.date(2025, 5, 1): "Maharashtra Day",
    datetime.date(2025, 8, 15): "Independence Day",
    datetime.date(2025, 8, 27): "Ganesh Chaturthi",
    datetime.date(2025, 10, 2): "Gandhi Jayanti",
    datetime.date(2025, 10, 21): "Diwali Laxmi Pujan",
    datetime.date(2025, 10, 22): "Diwali Balipratipada",
    datetime.date(2025, 11, 5): "Guru Nanak Jayanti",
    datetime.date(2025, 12, 25): "Christmas",
    datetime.date(2026, 1, 1): "New Year's Day",
    datetime.date(2026, 1, 15): "municipal elections in Maharashtra",
    datetime.date(2026, 1, 26): "Republic Day",
    datetime.date(2026, 3, 3): "Holi",
    datetime.date(2026, 3, 26): "Ram Navami",
    datetime.date(2026, 3, 31): "Mahavir Jayanti",
    datetime.date(2026, 4, 3): "Good Friday",
    datetime.date(2026, 4, 14): "Ambedkar Jayanti",
    datetime.date(2026, 5, 1): "Maharashtra Day",
    datetime.date(2026, 5, 28): "Bakri Id",
    datetime.date(2026, 6, 26): "Muharram",
    datetime.date(2026, 9, 14): "Ganesh Chaturthi",
    datetime.date(2026, 10, 2): "Gandhi Jayanti",
    datetime.date(2026, 10, 20): "Dussehra",
    datetime.date(2026, 11, 8): "Diwali Laxmi Pujan",
    datetime.date(2026, 11, 10): "Diwali Balipratipada",
    datetime.date(2026, 11, 24): "Guru Nanak Jayanti",
    datetime.date(2026, 12, 25): "Christmas",
}
"""What India's exchange holidays are called (NSE's and MCX's lists of 2025 and 2026). Names alone: whether a date
trades is never taken from here."""
