"""The closing table of a run: what was done for each follower, and what it cost."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from copyctl.model.terms import Decision
from copyctl.report.figures import latencies, rounded
from copyctl.report.followed import Followed, followed
from copyctl.report.picture import Picture, Records
from copyctl.report.slippage import mean_bps, slippage
from copyctl.report.status import frame_to_request

Row = dict[str, Any]

_COUNTED = {
    Decision.SKIPPED: lambda copy: copy.rule or copy.reason,
    Decision.REFUSED: lambda copy: copy.reason,
    Decision.QUEUED: lambda copy: copy.reason,
    Decision.DEAD: lambda copy: copy.reason,
}
"""What tells the copies of one decision apart."""


def summary(records: Records, names: Mapping[str, str], *, leader: str, since: int = 0) -> list[Row]:
    """One row per follower (``names``: their names by account), of what happened from ``since`` (ns) on.

    ``skipped`` counts by the filter rule (or the reason, where no rule said so), ``refused``, ``queued`` and ``dead``
    by reason. ``slippage_bps`` is weighted by value, ``slippage_cost`` in rupees.
    """
    picture = Picture(records)
    rows: dict[str, list[Followed]] = {account: [] for account in names}
    fills = Counter(one.account for one in picture.fills.values() if one.traded_at >= since)
    for one in followed(picture.copies.values()):
        if one.follower in rows and one.updated_at >= since:
            rows[one.follower].append(one)
    return [_row(picture, name, rows[account], fills[account], leader, since) for account, name in names.items()]


def _row(picture: Picture, name: str, rows: list[Followed], fills: int, leader: str, since: int) -> Row:
    traded = [row for row in rows if row.filled]
    lost = [slippage(row.slots, picture.orders.get((leader, row.leader_order_id)), picture) for row in traded]
    known = [one for one in lost if one is not None]
    return {
        "follower": name,
        "copied": sum(1 for one in rows if one.last.decision is Decision.COPIED),
        **{decision.value: _counts(rows, decision) for decision in _COUNTED},
        "fills": fills,
        "filled_quantity": sum(one.filled for one in traded),
        "slippage_bps": rounded(mean_bps(known)),
        "slippage_cost": rounded(sum((one.cost for one in known), Decimal(0))) if known else None,
        "latency_ms": latencies(
            [taken for row in rows for one in row.copies for taken in frame_to_request(one, since)]
        ),
    }


def _counts(rows: list[Followed], decision: Decision) -> dict[str, int]:
    found = Counter(_COUNTED[decision](row.last) or "" for row in rows if row.last.decision is decision)
    return dict(found.most_common())
