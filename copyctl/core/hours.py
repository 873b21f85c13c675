"""Indian Standard Time: days, and times of day, from nanoseconds."""

from datetime import date, datetime, time, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")
SECOND = 1_000_000_000
_AHEAD, _DAY = 19_800, 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_MIDNIGHT = time()


def ist(moment: int) -> datetime:
    """A moment (ns since the epoch, UTC) as a time of the Indian clock, whole microseconds."""
    seconds, nanoseconds = divmod(moment, SECOND)
    return datetime.fromtimestamp(seconds, IST) + timedelta(microseconds=nanoseconds // 1000)


def ist_day(moment: int) -> date:
    """The Indian day that a moment belongs to."""
    return ist(moment).date()


def day_start(moment: int) -> int:
    """The moment (ns) at which the Indian day of this one began."""
    seconds = moment // SECOND
    return (seconds - (seconds + _AHEAD) % _DAY) * SECOND


def moment_of(day: date, at: time = _MIDNIGHT) -> int:
    """The moment (ns) at which the Indian clock shows this time on this day."""
    seconds = (day.toordinal() - _EPOCH) * _DAY - _AHEAD + at.hour * 3600 + at.minute * 60 + at.second
    return seconds * SECOND + at.microsecond * 1000


def day_number(moment: int) -> int:
    """The Indian day of a moment, as a count of days."""
    return (moment // SECOND + 19_800) // 86_400
