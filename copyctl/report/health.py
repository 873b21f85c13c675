"""Is a run well? What an outside watcher is told, from its records and the little that they cannot hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from copyctl.model.account import Account
from copyctl.model.policy import Rules
from copyctl.report.events import LEADER
from copyctl.report.moments import SECOND

DOWN_FOR_HEARTBEATS = 3
UNREAD_FOR_SWEEPS = 4
UNREAD_AT_LEAST = 30 * SECOND
STALLED_AFTER = 5 * SECOND
"""An event loop that has not turned for so long does not trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the records do not tell of a run. ``now``, ``turned_at``: ns; when its event loop last turned (0: it does
    not copy yet, or no more). ``store_trouble``: why the store cannot be written, or ""."""

    now: int
    turned_at: int
    store_trouble: str = ""


def troubles(accounts: Mapping[str, Account], rules: Rules, vitals: Vitals) -> list[str]:
    """Why a run is not well, in sentences; none where it is. Accounts are told by their names.

    A kill switch is no trouble: it is what was asked for, and has an alert of its own.
    """
    if not vitals.turned_at:
        return ["the run is not copying: it begins, or ends"]
    found = []
    if vitals.now - vitals.turned_at > STALLED_AFTER:
        found.append(f"the event loop has not turned for {_seconds(vitals.now - vitals.turned_at)} s")
    if vitals.store_trouble:
        found.append("the store cannot be written")
    leader = accounts.get(rules.leader.client_id)
    if leader is not None and leader.ready and not leader.stream_up:
        down = vitals.now - leader.down_at
        if down > DOWN_FOR_HEARTBEATS * rules.resilience.heartbeat:
            found.append(f"the leader's order stream is down for {_seconds(down)} s")
    members = [(LEADER, rules.leader.client_id), *((one.name, one.client_id) for one in rules.followers)]
    found.extend(_of_accounts(accounts, members, rules, vitals.now))
    return found


def _of_accounts(
    accounts: Mapping[str, Account], members: Iterable[tuple[str, str]], rules: Rules, now: int
) -> Iterable[str]:
    longest = max(UNREAD_AT_LEAST, UNREAD_FOR_SWEEPS * rules.resilience.sweep)
    for name, account in members:
        known = accounts.get(account)
        if known is None or not known.ready:
            yield f"{name}'s books have not been read yet"
        elif now - known.books_at > longest:
            yield f"{name}'s books were last read {_seconds(now - known.books_at)} s ago"
        if name == LEADER and known is not None and known.refused_token:
            yield "the broker refuses the leader's token or address"
        if known is not None and known.held:
            yield f"{name} is held: an event failed for it alone"


def _seconds(span: int) -> int:
    return span // SECOND
