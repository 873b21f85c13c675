"""Latency: where the time goes between the leader's order and the follower's fill."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import COUNT, MILLISECONDS, TEXT, Figure, Row, told
from copyctl.report.span import Span, grouped

if TYPE_CHECKING:
    import duckdb

STAGES: Final[Mapping[str, str]] = {
    "received": "the broker made the leader's order, until its frame came; whole seconds of the broker's clock",
    "decided": "from the frame to the decision",
    "sent": "from the decision until the request's bytes were on their way",
    "acknowledged": "until the broker answered",
    "filled": "from the answer to the first trade; whole seconds of the broker's clock",
}
"""The stages in their order, and what each measures. A whole second of 0: within the same second."""

FIGURES: Final[Mapping[str, Figure]] = {
    "stage": Figure(kind=TEXT, says="; ".join(f"{name}: {meaning}" for name, meaning in STAGES.items())),
    "orders": Figure(kind=COUNT, says="orders at followers' brokers that went through that stage"),
    "p50_ms": Figure(kind=MILLISECONDS, says="half of them took no longer, in ms"),
    "p95_ms": Figure(kind=MILLISECONDS, says="95 of 100 took no longer"),
    "p99_ms": Figure(kind=MILLISECONDS, says="99 of 100 took no longer"),
}


def latency(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group and stage that an order went through, the stages in their order."""
    names = "".join(f"{one}, " for one in by)
    order = ", ".join(f"'{stage}'" for stage in STAGES)
    return told(
        database,
        f"""
        WITH groups AS (
            SELECT {grouped(by)}stage, count(*) AS orders, quantile_cont(ms, [0.5, 0.95, 0.99]) AS took
            FROM latencies WHERE {span.condition} GROUP BY ALL
        )
        SELECT {names}stage, orders, round(took[1], 3) AS p50_ms, round(took[2], 3) AS p95_ms,
            round(took[3], 3) AS p99_ms
        FROM groups ORDER BY {names}list_position([{order}], stage)
        """,  # noqa: S608  words of ours
    )
