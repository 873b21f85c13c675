"""Times as people give them on a command line: Indian unless they say otherwise."""

from datetime import datetime, time

import typer

from copyctl.report.moments import IST, nanoseconds


def moment(text: str, now: datetime) -> datetime:
    """``09:15``, ``09:15:30`` (today, IST), ``2026-09-07`` (its midnight, IST) or ISO 8601, as a time with offset.

    Raises:
        ValueError: it is none of them.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        given = datetime.combine(now.astimezone(IST).date(), time.fromisoformat(text))
    return given if given.tzinfo else given.replace(tzinfo=IST)


def end(text: str, now: datetime) -> datetime:
    """The moment that ``--until`` names.

    Raises:
        ValueError: it names none, or one that is past; the text says so, with the mend.
    """
    try:
        ends_at = moment(text, now)
    except ValueError:
        raise ValueError(f"--until {text!r} is no time: use 15:45 (IST) or ISO 8601") from None
    if ends_at <= now:
        raise ValueError(f"--until {text} is past")
    return ends_at


def since(text: str | None) -> int:
    """What ``--since`` says, in ns since the epoch; 0 where it is not given."""
    if text is None:
        return 0
    try:
        return nanoseconds(moment(text, datetime.now(IST)))
    except ValueError:
        hint = "use 09:15 (today, IST), 2026-09-07 or 2026-09-07T09:15:00+05:30"
        raise typer.BadParameter(f"{text!r} is no time: {hint}", param_hint="--since") from None
