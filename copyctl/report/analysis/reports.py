"""The table of reports."""

from collections.abc import Mapping
from typing import Final

from copyctl.report.analysis import decisions, fills, latency, pnl, slippage, summary
from copyctl.report.analysis.shape import Report

REPORTS: Final[Mapping[str, Report]] = {
    "slippage": Report(
        says="what each follower's fills cost against the leader's average price, and what never filled",
        rows=slippage.slippage,
        by=("follower",),
        figures=slippage.FIGURES,
    ),
    "latency": Report(
        says="where the time goes between the leader's order and the follower's fill, stage by stage",
        rows=latency.latency,
        by=(),
        figures=latency.FIGURES,
    ),
    "fills": Report(
        says="each fill of the followers' copies beside the leader's price",
        rows=fills.fills,
        by=None,
        figures=fills.FIGURES,
    ),
    "rejections": Report(
        says="what was refused by a check or rejected by the broker, why, and how much money it was about",
        rows=decisions.rejections,
        by=(),
        figures=decisions.REJECTED,
    ),
    "pnl": Report(
        says="what leader and followers made, by first in, first out, and what it cost in charges",
        rows=pnl.pnl,
        by=("follower",),
        figures=pnl.FIGURES,
        keys=pnl.KEYS,
    ),
    "decisions": Report(
        says="what became of the leader's orders, by decision and reason",
        rows=decisions.decisions,
        by=(),
        figures=decisions.FIGURES,
    ),
    "summary": Report(
        says="how well copying works: what was copied, what it cost, how closely it tracked, what it made",
        rows=summary.summary,
        by=("follower",),
        figures=summary.FIGURES,
        keys=summary.KEYS,
        many=True,
    ),
}
"""Every report by its name. Rows have the keys that they are grouped by, then the figures."""
