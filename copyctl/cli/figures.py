"""What gauges show of a run, from its state."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copyctl.core.state import State
from copyctl.edge.journal_file import FILE
from copyctl.model.account import Account
from copyctl.model.policy import Rules
from copyctl.report.status import STATES, Member, Run, status

if TYPE_CHECKING:
    from copyctl.edge.metrics import Figures

NEEDED = ("account", "copy", "spent")
"""The tables that gauges hang on; going through the others would only take the processor from trading."""


def figures(state: State, rules: Rules, folder: Path, *, now: int, since: int) -> "Figures":
    """The values of all gauges by name. ``folder``: where the journal is; ``since``: when the run began (ns)."""
    records = {name: list(state.tables[name].values()) for name in NEEDED}
    members = [Member(name=one.name, account=one.client_id, enabled=one.enabled) for one in rules.followers]
    run = Run(running=True, now=now, since=since, leader=rules.leader.client_id)
    document = status(records, run, members, rules.rate_limits)
    followers: list[dict[str, Any]] = document["followers"]
    killed = document["kill_switch"]["followers"]
    up = {one.account: one.stream_up for one in records["account"] if isinstance(one, Account)}
    accounts = {"leader": rules.leader.client_id, **{one.name: one.account for one in members}}
    return {
        "copyctl_stream_connected": [((name,), up.get(account, False)) for name, account in accounts.items()],
        "copyctl_queue_length": [((one["name"],), one["queued"]) for one in followers],
        "copyctl_unresolved_orders": [((one["name"],), one["unresolved"]) for one in followers],
        "copyctl_rate_budget": list(_budgets(followers)),
        "copyctl_follower_state": [((one["name"], name), one["state"] == name) for one in followers for name in STATES],
        "copyctl_kill_switch": [((one["name"],), one["name"] in killed) for one in followers],
        "copyctl_journal_bytes": [((), _size(folder))],
    }


def _budgets(followers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], float]]:
    for one in followers:
        for window, left in one["rate_budget"]["orders"].items():
            yield (one["name"], window), left


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"{FILE}*"))
