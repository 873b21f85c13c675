"""What is left of each account's rates: a pure answer from the records, the pulse of a run, and the time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copyctl.model.account import Account
from copyctl.model.deployment import RateLimits
from copyctl.model.pulse import Pulse, Reads
from copyctl.model.records import Record, Spent
from copyctl.report.moments import SECOND, day_of

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
MS = SECOND // 1000
FRESH_FOR = 5 * SECOND
"""A pulse that is older tells of no second that matters now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may leave one account still. ``orders``: requests that change it, by window, in the order of their length.
    ``data``, ``quotes``, ``other``: reads in this second. ``rests_until``: the broker was asked too much, and nothing
    that changes the account leaves before (ns), 0: it does not rest."""

    orders: Mapping[str, int]
    data: int
    quotes: int
    other: int
    rests_until: int = 0


def budgets(
    records: Mapping[str, Sequence[Record]], now: int, rates: RateLimits, pulse: Pulse | None = None
) -> Mapping[str, Budget]:
    """The budget of every account that is asked for: whatever is not in the records has spent nothing. ``pulse``: of a
    run that is alive."""
    spent: dict[str, list[int]] = defaultdict(list)
    for one in records.get("spent", ()):
        if isinstance(one, Spent):
            spent[one.account] += [one.minute * MINUTE + moment * MS for moment in one.moments]
    accounts = [one for one in records.get("account", ()) if isinstance(one, Account)]
    reads = pulse.accounts if pulse is not None and now - pulse.at < FRESH_FOR else {}
    known = {one.account: _budget(one, spent[one.account], now, rates, reads.get(one.account)) for one in accounts}
    full = _budget(Account(account=""), (), now, rates, None)
    return defaultdict(lambda: full, known)


def _budget(account: Account, spent: Sequence[int], now: int, rates: RateLimits, reads: Reads | None) -> Budget:
    used = {
        "second": (rates.orders.per_second, _since(account.sent, now - SECOND)),
        "minute": (rates.orders.per_minute, _since(spent, now - MINUTE)),
        "hour": (rates.orders.per_hour, _since(spent, now - HOUR)),
        "day": (rates.orders.per_day, account.spent_today if account.day == day_of(now) else 0),
    }
    return Budget(
        orders={window: max(0, limit - count) for window, (limit, count) in used.items()},
        data=rates.data.per_second if reads is None else reads.data,
        quotes=rates.quotes.per_second if reads is None else reads.quotes,
        other=rates.other.per_second if reads is None else reads.other,
        rests_until=account.rests_until if account.rests_until > now else 0,
    )


def _since(moments: Sequence[int], begin: int) -> int:
    return sum(1 for moment in moments if moment > begin)
