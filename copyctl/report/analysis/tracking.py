"""Tracking: how closely the followers' positions and profits followed those that the rules wanted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import RUPEES, Figure, Kind, Row, first, told
from copyctl.report.span import Span, grouped, refuse_others

if TYPE_CHECKING:
    import duckdb

KEYS: Final = ("day", "week", "follower", "underlying", "symbol", "segment", "expiry")
PERCENT: Final = Kind(column="DOUBLE", decimals=2)

FIGURES: Final[Mapping[str, Figure]] = {
    "tracking_error_pct": Figure(
        kind=PERCENT, says="value by which positions differed from the wanted ones, in percent of these, over the time"
    ),
    "profit": Figure(kind=RUPEES, says="rupees that the copies' positions brought, open ones at the day's last price"),
    "wanted_profit": Figure(kind=RUPEES, says="rupees that the wanted positions would have brought at his prices"),
    "active_profit": Figure(kind=RUPEES, says="profit less wanted_profit"),
    "active_profit_pct": Figure(kind=PERCENT, says="active_profit in percent of what was wanted bought and sold"),
}


def tracking(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group in which something was wanted or held. ``tracking_error_pct`` is None where nothing was
    wanted for a second or longer. What each figure means exactly stands in the header of the view ``tracking``.

    Raises:
        CannotGroup: by a key that is not among ``KEYS``.
    """
    refuse_others("tracking", by, KEYS)
    return told(
        database,
        f"""
        SELECT {grouped(by)}round(sum(deviation) / nullif(sum(exposure), 0) * 100, 6) AS tracking_error_pct,
            sum(profit)::DECIMAL(28, 4) AS profit, sum(wanted_profit)::DECIMAL(28, 4) AS wanted_profit,
            sum(profit - wanted_profit)::DECIMAL(28, 4) AS active_profit,
            round(sum(profit - wanted_profit)::DOUBLE / nullif(sum(wanted_turnover), 0)::DOUBLE * 100, 6)
                AS active_profit_pct
        FROM tracking WHERE {span.condition}
        GROUP BY ALL HAVING count(*) > 0
        {first(len(by))}
        """,  # noqa: S608  words of ours
    )
