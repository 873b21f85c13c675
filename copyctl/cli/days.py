"""Indian days as people give them on a command line, and the span that two of them are."""

import re
from datetime import date, datetime, timedelta

import typer

from copyctl.report.moments import IST
from copyctl.report.span import Span

_AGO = re.compile(r"(\d{1,4})d")
_WORDS = {"today": 0, "yesterday": 1}


def span(first: str | None, last: str | None) -> Span:
    """What ``--from`` and ``--to`` say; both ends are included.

    Raises:
        typer.BadParameter: one of them is no day, or they stand the wrong way round.
    """
    today = datetime.now(IST).date()
    found = Span(first=_day(first, "--from", today), last=_day(last, "--to", today))
    if found.first and found.last and found.first > found.last:
        raise typer.BadParameter(f"{found.first} is after --to {found.last}: exchange them", param_hint="--from")
    return found


def so_far(text: str, option: str, today: date) -> date:
    """A date that is not yet to come.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: use {today}", param_hint=option) from None
    if day > today:
        raise typer.BadParameter(f"{day} is yet to come: today is {today} in India", param_hint=option)
    return day


def _day(text: str | None, option: str, today: date) -> date | None:
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago or text in _WORDS:
        return today - timedelta(days=int(ago[1]) if ago else _WORDS[text])
    try:
        return date.fromisoformat(text)
    except ValueError:
        hint = "use 2026-09-07, today, yesterday, or 7d for seven days ago"
        raise typer.BadParameter(f"{text!r} is no day: {hint}", param_hint=option) from None
