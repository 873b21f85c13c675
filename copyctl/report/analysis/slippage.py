"""Slippage: what copying cost against the leader's prices, by what filled and by what never did."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import BPS, COUNT, MILLISECONDS, RUPEES, Figure, Row, first, told
from copyctl.report.span import Span, grouped

if TYPE_CHECKING:
    import duckdb

FIGURES: Final[Mapping[str, Figure]] = {
    "fills": Figure(kind=COUNT, says="fills of copies"),
    "quantity": Figure(kind=COUNT, says="units that filled"),
    "mean_bps": Figure(kind=BPS, says="cost in hundredths of a percent of the value at the leader's average price"),
    "median_bps": Figure(kind=BPS, says="half of the fills cost no more"),
    "p95_bps": Figure(kind=BPS, says="95 of 100 fills cost no more"),
    "cost": Figure(kind=RUPEES, says="rupees paid more, or got less, than at the leader's average price"),
    "cost_per_unit": Figure(kind=RUPEES, says="cost divided by quantity, in rupees"),
    "mean_delay_ms": Figure(kind=MILLISECONDS, says="from the leader's frame to the copy's bytes on their way, in ms"),
    "unfilled": Figure(kind=COUNT, says="units wanted of what the leader traded, and not filled (so far)"),
    "opportunity_cost": Figure(
        kind=RUPEES, says="rupees that the unfilled units would have made between his price and the day's last"
    ),
    "unpriced": Figure(kind=COUNT, says="unfilled units without a known last price: not in the figures beside it"),
    "shortfall": Figure(kind=RUPEES, says="cost and opportunity_cost together: the implementation shortfall"),
    "shortfall_bps": Figure(kind=BPS, says="shortfall in hundredths of a percent of the value wanted"),
}


def slippage(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group in which something filled, or was wanted and did not fill. Positive is a cost.

    Means are weighted by value, percentiles are over fills. What filled counts on the day of the fill, what did not on
    the day of the leader's order.
    """
    keys = grouped(by)
    names = ", ".join(by) + ", " if by else ""
    shown = "".join(f"coalesce(a.name, s.{one}) AS {one}, " if one == "follower" else f"s.{one}, " for one in by)
    accounts = "LEFT JOIN accounts AS a ON a.account = s.follower" if "follower" in by else ""
    # each part is added up by itself, on the account; names are looked up for groups, not for fills
    return told(
        database,
        f"""
        WITH parts AS (
            SELECT {keys}count(*) AS fills, sum(quantity)::BIGINT AS quantity, sum(cost) AS cost,
                sum(turnover) AS turnover, quantile_cont(bps, [0.5, 0.95]) AS bps, avg(delay_ms) AS delay_ms
            FROM (SELECT *, account AS follower, hour_of(traded_at) AS hour FROM slippage WHERE {span.condition})
            GROUP BY ALL
            UNION ALL BY NAME
            SELECT {keys}sum(unfilled)::BIGINT AS unfilled, sum(cost) AS opportunity_cost,
                coalesce(sum(unfilled) FILTER (cost IS NULL), 0)::BIGINT AS unpriced,
                sum(turnover) FILTER (cost IS NOT NULL) AS missed
            FROM (SELECT *, account AS follower, hour_of(created_at) AS hour FROM opportunity WHERE {span.condition})
            GROUP BY ALL
        ), groups AS (
            SELECT {names}coalesce(sum(fills), 0)::BIGINT AS fills, coalesce(sum(quantity), 0)::BIGINT AS quantity,
                coalesce(sum(cost), 0) AS cost, coalesce(sum(turnover), 0) AS turnover, any_value(bps) AS bps,
                any_value(delay_ms) AS delay_ms, coalesce(sum(unfilled), 0)::BIGINT AS unfilled,
                coalesce(sum(opportunity_cost), 0) AS opportunity_cost,
                coalesce(sum(unpriced), 0)::BIGINT AS unpriced, coalesce(sum(missed), 0) AS missed
            FROM parts GROUP BY ALL
        )
        SELECT {shown}fills, quantity, round(cost::DOUBLE / nullif(turnover, 0)::DOUBLE * 10000, 6) AS mean_bps,
            round(bps[1], 6) AS median_bps, round(bps[2], 6) AS p95_bps, cost::DECIMAL(28, 4) AS cost,
            (cost::DECIMAL(28, 4)::DOUBLE / nullif(quantity, 0))::DECIMAL(28, 4) AS cost_per_unit,
            round(delay_ms, 3) AS mean_delay_ms, unfilled,
            opportunity_cost::DECIMAL(28, 4) AS opportunity_cost, unpriced,
            (cost + opportunity_cost)::DECIMAL(28, 4) AS shortfall,
            round((cost + opportunity_cost)::DOUBLE / nullif(turnover + missed, 0)::DOUBLE * 10000, 6) AS shortfall_bps
        FROM groups AS s {accounts}
        WHERE fills > 0 OR unfilled > 0
        {first(len(by))}
        """,  # noqa: S608  words of ours
    )
