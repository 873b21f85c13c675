"""A reserve that leaves nothing for entries, or nothing for cancels and exits."""

from collections.abc import Iterator
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.settings import Settings

WINDOWS: Final = {"per_minute": "a minute", "per_hour": "an hour", "per_day": "a day"}
"""The windows of which a share is kept."""


def odd_rates(rates: Settings) -> Iterator[Finding]:
    """Everything about ``rate_limits`` that makes no sense."""
    share, reserve = rates.number("reserve_pct"), rates.at("reserve_pct")
    if share is None:
        return
    if share == 0:
        message = f"reserve_pct {reserve.shown}: entries may use up the budget that cancels and exits then wait for"
        hint = "20 keeps a fifth of each minute, hour and day for them"
        yield finding("R223", reserve.place, reserve.path, message, hint, severity=Severity.WARNING)
    for key, window in WINDOWS.items():
        limit, spot = rates.number("orders", key), rates.at("orders", key)
        if limit is None or limit * (100 - share) >= 100:
            continue
        shown = rates.shown("orders", key)
        message = f"reserve_pct {rates.shown('reserve_pct')} of {key} {shown} leaves no entry in {window}"
        where = rates.nearest(reserve, spot)
        yield finding("R226", where.place, where.path, message, f"lower reserve_pct, or raise {key}")
