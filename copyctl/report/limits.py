"""The limits of the rules that fill up over a day, with what is used of each."""

from collections.abc import Iterable
from typing import Any

from copyctl.model.account import Account
from copyctl.model.policy import Limits
from copyctl.model.records import Copy
from copyctl.report.figures import rounded
from copyctl.report.moments import day_of

Row = dict[str, Any]


def limits_used(limits: Limits, account: Account, copies: Iterable[Copy], now: int) -> list[Row]:
    """One row for each limit that the rules set: its key, ``used`` and ``limit``; losses in rupees, orders counted.

    ``copies``: this follower's. ``used`` is None where it is not known: the broker has
    not told the day's profit yet.
    """
    today = account.day == day_of(now)
    loss = None if account.profit is None or not today else max(-account.profit, type(account.profit)(0))
    used = {
        "max_daily_loss": rounded(loss),
        "max_open_orders": sum(1 for copy in copies for slot in copy.slots if slot.live and slot.sent),
        "max_orders_per_day": account.placed_today if today else 0,
    }
    limit = {
        "max_daily_loss": rounded(limits.max_daily_loss),
        "max_open_orders": limits.max_open_orders,
        "max_orders_per_day": limits.max_orders_per_day,
    }
    return [{"key": key, "used": used[key], "limit": most} for key, most in limit.items() if most is not None]
