"""Indian days and times, as reports tell them."""

from datetime import date, datetime, timedelta, timezone

SECOND = 1_000_000_000
IST = timezone(timedelta(hours=5, minutes=30), "IST")
_FIRST_DAY = date(1970, 1, 1)


def indian(moment: int) -> datetime:
    """A moment (ns since the epoch, UTC) on the Indian clock, whole microseconds."""
    seconds, rest = divmod(moment, SECOND)
    return datetime.fromtimestamp(seconds, IST) + timedelta(microseconds=rest // 1000)


def told(moment: int) -> str | None:
    """A moment as ISO 8601 with offset; None for 0, which means never."""
    return indian(moment).isoformat(timespec="milliseconds") if moment else None


def nanoseconds(moment: datetime) -> int:
    """A time with offset as nanoseconds since the epoch, UTC."""
    since = moment - datetime.fromtimestamp(0, IST)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000


def day_start(moment: int) -> int:
    """The beginning of the Indian day that a moment belongs to."""
    return nanoseconds(indian(moment).replace(hour=0, minute=0, second=0, microsecond=0))


def day_of(moment: int) -> int:
    """The Indian day of a moment, as a count of days since 1970-01-01; accounts keep theirs so."""
    return (indian(moment).date() - _FIRST_DAY).days


def date_of(day: int) -> date:
    """Such a day as a date."""
    return _FIRST_DAY + timedelta(days=day)
