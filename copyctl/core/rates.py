"""Rates: how many requests may change an account now, in every window that the broker counts (scenarios 7.5, 7.6).

The broker counts requests as they arrive, and on the way to it they may bunch up. One that was answered has arrived by
then, one that was not may arrive for a while yet: every window counts from the latest moment. No stretch of a window's
length holds more than its limit, so it does not matter when the broker's own windows begin. The day is the Indian day.

A share of minute, hour and day is kept for what lessens risk (``rate_limits.reserve_pct``).

Where the broker says all the same that it is asked too much, somebody else has used its window up (another program,
the app): the account rests, then one request finds out whether that is over.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from copyctl.core.hours import SECOND, day_start, ist
from copyctl.core.keys import spent_key
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice
from copyctl.model.policy import RateLimits
from copyctl.model.reasons import Category
from copyctl.model.records import Spent
from copyctl.model.request import Fate, Outcome, Request, RequestState
from copyctl.model.terms import Level

MS = SECOND // 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SLACK = SECOND // 50
"""So much longer than the broker's windows are ours: its clock need not tick as ours does."""
ARRIVES_WITHIN = SECOND
"""How long an unanswered request may take to the broker."""
FIRST_REST = SECOND
LONGEST_REST = 60 * SECOND
"""The broker does not say how long to wait (no Retry-After). A full second is over in one, a full minute within sixty;
an hour is asked for once a minute. Who goes on asking is blocked (Dhan API v2, code 805)."""
LOOKS_AGAIN_AFTER = SECOND
"""A request that finds out whether a rest is over is answered; should that be lost, it is looked at so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of an account. ``most``: what may leave in it without the reserve. ``used``: what has."""

    name: str
    limit: int
    most: int
    used: int

    def cap(self, *, reserve: bool) -> int:
        """How many may leave in it, with the reserve or without."""
        return self.limit if reserve else self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many requests may leave an account now: of those that may use the reserve, and of the others. ``why``: what
    a row says that waits for room. ``into``: the windows of which only the reserve is left."""

    reserved: int
    usual: int
    why: str
    why_usual: str
    windows: tuple[Window, ...] = ()


def room_of(draft: Draft, limits: RateLimits, account: Account) -> Room:
    """The room of an account now."""
    if _rests(draft, account) or _probing(draft, account):
        why = f"the broker says that it is asked too much: nothing leaves before {ist(account.rests_until):%H:%M:%S}"
        return Room(reserved=0, usual=0, why=why, why_usual=why)
    windows = windows_of(draft, limits, account)
    reserved, usual = (min(one.cap(reserve=reserve) - one.used for one in windows) for reserve in (True, False))
    if account.rests_until:  # one of them finds out whether that is over
        reserved, usual = min(reserved, 1), min(usual, 1)
    tight, tight_usual = (
        min(windows, key=lambda one: one.cap(reserve=reserve) - one.used) for reserve in (True, False)
    )
    kept = "" if tight_usual.most == tight_usual.limit else f", {tight_usual.limit - tight_usual.most} kept for exits"
    return Room(
        reserved=reserved,
        usual=usual,
        why=f"{tight.limit} requests a {tight.name}",
        why_usual=f"{tight_usual.limit} requests a {tight_usual.name}{kept}",
        windows=windows,
    )


def windows_of(draft: Draft, limits: RateLimits, account: Account) -> tuple[Window, ...]:
    """Every window of an account as it is now. Of a window in which more is left than may leave in a second nobody
    asks how much exactly: then all that is recorded counts as used."""
    orders, share = limits.orders, 100 - limits.reserve_pct
    second = sum(1 for moment in account.sent if _is_recent(moment, draft.now))
    minute, hour, day = (int(one * share / 100) for one in (orders.per_minute, orders.per_hour, orders.per_day))
    recorded = sum(draft.spent_in(account.account).values())

    def used(length: int, most: int) -> int:
        if most - recorded >= orders.per_second:
            return recorded
        return sum(count for _, count, _ in _counted(draft, account.account, draft.now - length - SLACK))

    return (
        Window(name="second", limit=orders.per_second, most=orders.per_second, used=second),
        Window(name="minute", limit=orders.per_minute, most=minute, used=used(MINUTE, minute)),
        Window(name="hour", limit=orders.per_hour, most=hour, used=used(HOUR, hour)),
        Window(name="day", limit=orders.per_day, most=day, used=account.spent_today),
    )


def spend(draft: Draft, name: str, left: Sequence[str], *, before: Sequence[Window]) -> None:
    """These requests leave now, the most urgent first. Records of which no window counts anything any more are dropped.
    ``before``: the windows without them."""
    account, latest, requests = draft.account(name), draft.now + ARRIVES_WITHIN, len(left)
    sent = sorted([*(moment for moment in account.sent if _is_recent(moment, draft.now)), *[latest] * requests])
    probe = left[0] if account.rests_until else ""
    account = replace(account, sent=tuple(sent), spent_today=account.spent_today + requests, probe=probe)
    minute, after = divmod(latest, MINUTE)
    record = draft.spent.get(spent_key(name, minute))
    moments = [*(record.moments if record is not None else ()), *[-(-after // MS)] * requests]
    draft.spent.put(Spent(account=name, minute=minute, moments=tuple(sorted(moments))))
    for old in draft.spent_in(name) if record is None else ():
        if (old + 1) * MINUTE < draft.now - HOUR - MINUTE:
            draft.spent.drop(spent_key(name, old))
    draft.accounts.put(_tell_reserve(draft, account, before, requests))


def free_at(draft: Draft, limits: RateLimits, account: Account, *, reserve: bool) -> int:
    """When there may be room again for what waits for it (ns), 0: never by time alone."""
    if _rests(draft, account):
        return account.rests_until
    if _probing(draft, account):
        return draft.now + LOOKS_AGAIN_AFTER
    moments = [draft.now + SLACK]
    for window in windows_of(draft, limits, account):
        cap = window.cap(reserve=reserve)
        if cap <= 0:
            return 0
        if window.used >= cap:
            moments.append(_leaves_at(draft, account, window, window.used - cap))
    return max(moments)


def _leaves_at(draft: Draft, account: Account, window: Window, number: int) -> int:
    """When a window does not count any more the oldest request but so many of those that it counts."""
    match window.name:
        case "second":
            return [moment for moment in account.sent if _is_recent(moment, draft.now)][number] + SECOND + SLACK
        case "day":
            return day_start(draft.now) + DAY
    length = (MINUTE if window.name == "minute" else HOUR) + SLACK
    for minute, count, first in _counted(draft, account.account, draft.now - length):
        if number < count:
            record = draft.spent.get(spent_key(account.account, minute))
            if record is not None:
                return minute * MINUTE + record.moments[first + number] * MS + length
        number -= count
    return draft.now + SECOND


def _is_recent(moment: int, now: int) -> bool:
    """Does the second count it? What lies far ahead was written before the clock was set back."""
    return -ARRIVES_WITHIN <= now - moment < SECOND + SLACK


def _counted(draft: Draft, account: str, since: int) -> Iterator[tuple[int, int, int]]:
    """The minutes with requests after a moment, oldest first: minute, how many, and the place of the first of them."""
    counts = draft.spent_in(account)
    for minute in range((since - 1) // MINUTE, (draft.now + ARRIVES_WITHIN) // MINUTE + 1):
        count, ahead, first = counts.get(minute, 0), minute * MINUTE - since, 0
        if count and ahead < 0:
            record = draft.spent.get(spent_key(account, minute))
            first = bisect_right(record.moments, -ahead // MS) if record is not None else 0
        if count > first:
            yield minute, count - first, first


def _tell_reserve(draft: Draft, account: Account, before: Sequence[Window], left: int) -> Account:
    """The account, with an alert for each window of whose reserve some of so many requests have just ``left``, once
    until there is room again beside the reserve."""
    told = [one.name for one in before if one.used >= one.most and one.name in account.reserve_told]
    for one in before:
        used = one.used + left
        if one.most < used and one.most < one.limit and one.name not in told:
            told.append(one.name)
            text = f"{used} of {one.limit} requests a {one.name} are used: the rest is for cancels and exits alone"
            alert(draft, Alert.RESERVE_TOUCHED, text, follower=account.account, window=one.name)
    return replace(account, reserve_told=tuple(told))


# --- what the broker says ---------------------------------------------------------------------------------------------


def heard(draft: Draft, request: Request, outcome: Outcome) -> None:
    """A request was answered: it arrived no later than now, and the broker is asked too much or is not."""
    account = draft.account(request.account)
    sent, latest = list(account.sent), request.sent_at + ARRIVES_WITHIN
    arrived = min(draft.now, max(request.sent_at, outcome.left_at) + ARRIVES_WITHIN)
    place = bisect_left(sent, latest)
    if arrived != latest and place < len(sent) and sent[place] == latest:
        sent[place] = arrived
        account = replace(account, sent=tuple(sorted(sent)))
    if is_throttled(outcome):
        account = _rested(draft, account, request, outcome.text)
    elif outcome.fate in (Fate.ACKNOWLEDGED, Fate.REJECTED) and account.probe == request.request_id:
        account = replace(account, rests_until=0, rested=0, probe="")
    draft.accounts.put(account)


def is_throttled(outcome: Outcome) -> bool:
    """Did the broker not take a request for the number of them?"""
    return outcome.fate is Fate.REJECTED and outcome.category is Category.THROTTLED


def _rested(draft: Draft, account: Account, request: Request, said: str) -> Account:
    """The account at rest. Those that left together are told so together, and count once."""
    if account.rests_until and account.probe != request.request_id:
        return account
    rest = min(account.rested * 2 or FIRST_REST, LONGEST_REST)
    text = f"the broker says that it is asked too much ({said}): the account rests for {rest // SECOND} s"
    said_so = Notice(at=draft.now, event="state", level=Level.WARNING, text=text, follower=account.account)
    draft.notices.append(said_so)
    return replace(account, rests_until=draft.now + rest, rested=rest, probe="")


def _rests(draft: Draft, account: Account) -> bool:
    """Does nothing leave? What lies further ahead than any rest was written before the clock was set back."""
    return draft.now < account.rests_until <= draft.now + LONGEST_REST


def _probing(draft: Draft, account: Account) -> bool:
    """Is the request on its way that finds out whether the rest is over?"""
    probe = draft.requests.get(account.probe) if account.rests_until and account.probe else None
    return probe is not None and probe.state is RequestState.SENT
