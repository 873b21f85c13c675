"""What time is it at the broker?

India Standard Time, told in whole seconds and without a zone, as Dhan tells it. Tests shift it by an offset; durations
(rate windows, transit times, delays) are the event loop's business and do not feel the shift.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

IST = timezone(timedelta(hours=5, minutes=30))
UNSET_TIME = "0001-01-01 00:00:00"
UNSET_DATE = "0001-01-01"
TEXT_FORMAT = "%Y-%m-%d %H:%M:%S"


class Clock:
    """The broker's wall clock."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self._offset = offset_seconds
        self._second = -1
        self._text = ""
        self._header = ""

    @property
    def offset_seconds(self) -> float:
        return self._offset

    def shift(self, offset_seconds: float) -> None:
        """Set how far the broker's clock is ahead of the machine's (negative: behind)."""
        self._offset = offset_seconds
        self._second = -1

    def epoch(self) -> float:
        return time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.epoch(), IST)

    def text(self) -> str:
        """Now, as Dhan writes it in rows and frames."""
        self._refresh()
        return self._text

    def today(self) -> str:
        self._refresh()
        return self._text[:10]

    def date_header(self) -> str:
        """Now, as the HTTP Date header writes it."""
        self._refresh()
        return self._header

    def _refresh(self) -> None:
        # Texts are asked for on every request and change once a second.
        second = int(self.epoch())
        if second != self._second:
            moment = datetime.fromtimestamp(second, IST)
            self._second = second
            self._text = moment.strftime(TEXT_FORMAT)
            self._header = format_datetime(moment.astimezone(UTC), usegmt=True)


def text_of(moment: datetime) -> str:
    """A moment as Dhan writes it."""
    return moment.astimezone(IST).strftime(TEXT_FORMAT)


def moment_of(text: str) -> datetime | None:
    """The moment that one of Dhan's texts names; None for an unset or unreadable one."""
    try:
        moment = datetime.strptime(text, TEXT_FORMAT).replace(tzinfo=IST)
    except ValueError:
        return None
    return moment if moment.year > 1 else None
