"""Decisions and rejections: what became of the leader's orders, and what was not copied and why."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.model.terms import Decision
from copyctl.report.analysis.shape import COUNT, RUPEES, TEXT, Figure, Row, told
from copyctl.report.codes import sentence
from copyctl.report.span import Span, grouped

if TYPE_CHECKING:
    import duckdb

FIGURES: Final[Mapping[str, Figure]] = {
    "decision": Figure(kind=TEXT, says="the newest: copied, skipped (by policy), refused, queued or dead (rejected)"),
    "reason": Figure(kind=TEXT, says="the code that explains it (docs/codes.md)"),
    "orders": Figure(kind=COUNT, says="leader orders, counted once for each follower"),
}
REJECTED: Final[Mapping[str, Figure]] = {
    "reason": Figure(kind=TEXT, says="the code that explains it (docs/codes.md)"),
    "decision": Figure(kind=TEXT, says="refused: by a check, it was not sent; dead: tried, and rejected by the broker"),
    "meaning": Figure(kind=TEXT, says="what the code says"),
    "orders": Figure(kind=COUNT, says="leader orders, counted once for each follower"),
    "value": Figure(kind=RUPEES, says="rupees: what was wanted, else the leader's quantity, at the leader's price"),
}


def decisions(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group, decision and reason; orders of copyctl's own are no decisions on a leader order."""
    names = "".join(f"{one}, " for one in by)
    order = ", ".join(f"'{one}'" for one in Decision)
    return told(
        database,
        f"""
        FROM (
            SELECT {grouped(by)}decision, reason, count(*) AS orders FROM decided_orders
            WHERE {span.condition} GROUP BY ALL
        ) ORDER BY {names}list_position([{order}], decision), orders DESC, reason
        """,  # noqa: S608  words of ours
    )


def rejections(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group and reason for which an order was refused or is dead, the most frequent first."""
    names = "".join(f"{one}, " for one in by)
    rows = told(
        database,
        f"""
        SELECT {grouped(by)}reason, decision, NULL AS meaning, count(*) AS orders,
            sum(value)::DECIMAL(28, 4) AS "value"
        FROM decided_orders WHERE decision IN ('refused', 'dead') AND {span.condition} GROUP BY ALL
        ORDER BY {names}orders DESC, reason, decision
        """,  # noqa: S608  words of ours
    )
    return [{**row, "meaning": sentence(row["reason"], Decision(row["decision"])) or None} for row in rows]
