"""Profit and loss: what positions brought, what open ones are worth, what the broker and the state took."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import COUNT, RUPEES, Figure, Row, first, told
from copyctl.report.span import KEYS as EVERY_KEY
from copyctl.report.span import Span, grouped, refuse_others

if TYPE_CHECKING:
    import duckdb

KEYS: Final = ("day", "week", "follower", "underlying", "symbol", "segment", "product", "expiry")
"""By what profit can be told apart. A side, an order type or a rule is that of an order, a profit has two of them; an
hour has no last price."""

FIGURES: Final[Mapping[str, Figure]] = {
    "realised": Figure(kind=RUPEES, says="rupees made by what was closed, first in, first out, before charges"),
    "unrealised": Figure(kind=RUPEES, says="rupees that what is open at the end has gained at its last price"),
    "charges": Figure(kind=RUPEES, says="rupees that broker, exchange and state took, where backfill was told them"),
    "net": Figure(kind=RUPEES, says="realised and unrealised less the charges that are known"),
    "trades": Figure(kind=COUNT, says="trades"),
    "turnover": Figure(kind=RUPEES, says="rupees bought and sold for"),
    "unpriced": Figure(kind=COUNT, says="units closed that were had before the first known trade: in no profit"),
    "unvalued": Figure(kind=COUNT, says="units open at the end without a known cost or last price: in no profit"),
    "uncharged": Figure(kind=COUNT, says="trades whose charges are not known"),
    "by_hand": Figure(
        kind=RUPEES, says="realised and unrealised profit of a follower's trades that are no copies; in no other figure"
    ),
}


def pnl(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group in which something was traded, closed or open. Rows by follower have one for the leader,
    of all that he traded; others are of all followers together. What followers traded by other means than copies is in
    ``by_hand`` alone.

    What is open counts at the end of the span, in rows by day or week at the end of each day or week in which anybody
    traded: so ``unrealised`` (and ``net``) of several days do not add up.

    Raises:
        CannotGroup: by a key that is not among ``KEYS``.
    """
    refuse_others("pnl", by, KEYS)
    keys, names = grouped(by), "".join(f"{one}, " for one in by)
    whose = "true" if "follower" in by else "role <> 'leader'"
    return told(
        database,
        f"""
        WITH matches AS MATERIALIZED (
            SELECT follower, role, copied, exchange_segment, security_id, symbol, underlying, expiry, product,
                if(side = 'BUY', quantity, -quantity) * multiplier AS units, quantity, opened_price, realised,
                opened_day, day
            FROM fifo_matches WHERE {whose}
        ), ends AS ({_ends(span, by)}), last AS ({_LAST}), parts AS (
            SELECT {keys}role, sum(realised) FILTER (copied) AS realised, sum(realised) FILTER (NOT copied) AS by_hand,
                sum(quantity) FILTER (copied AND realised IS NULL) AS unpriced
            FROM matches WHERE day IS NOT NULL AND {span.condition} GROUP BY ALL
            UNION ALL BY NAME
            SELECT {keys}role, sum(gain) FILTER (copied) AS unrealised, sum(gain) FILTER (NOT copied) AS by_hand,
                sum(quantity) FILTER (copied AND gain IS NULL) AS unvalued
            FROM last GROUP BY ALL
            UNION ALL BY NAME
            SELECT {keys}role, count(*) AS trades, sum(price * (quantity * multiplier)) AS turnover,
                sum(charges) AS charges, count(*) - count(charges) AS uncharged
            FROM (SELECT *, name AS follower FROM attributed_trades WHERE copied AND {whose}) WHERE {span.condition}
            GROUP BY ALL
        ), sums AS (
            SELECT {names}coalesce(sum(realised), 0) AS realised, sum(unrealised) AS gained,
                sum(charges) AS charges, coalesce(sum(trades), 0)::BIGINT AS trades,
                coalesce(sum(turnover), 0) AS turnover,
                coalesce(sum(unpriced), 0)::BIGINT AS unpriced, coalesce(sum(unvalued), 0)::BIGINT AS unvalued,
                coalesce(sum(uncharged), 0)::BIGINT AS uncharged,
                CASE WHEN bool_or(role <> 'leader') THEN coalesce(sum(by_hand), 0) END AS by_hand
            FROM parts {"GROUP BY ALL" if by else ""} HAVING count(*) > 0
        )
        SELECT {names}realised::DECIMAL(28, 4) AS realised,
            CASE WHEN unvalued > 0 THEN gained ELSE coalesce(gained, 0) END::DECIMAL(28, 4) AS unrealised,
            charges::DECIMAL(28, 4) AS charges,
            (sums.realised + unrealised - coalesce(sums.charges, 0))::DECIMAL(28, 4) AS net, trades,
            turnover::DECIMAL(28, 4) AS turnover, unpriced, unvalued, uncharged, by_hand::DECIMAL(28, 4) AS by_hand
        FROM sums
        {first(len(by))}
        """,  # noqa: S608  words of ours
    )


_LAST: Final = """
    SELECT o.*, o.units * p.price - o.cost AS gain
    FROM (
        SELECT e.day, follower, role, copied, exchange_segment, security_id, symbol, underlying, expiry, product,
            sum(units)::BIGINT AS units, sum(quantity) AS quantity, opened_price IS NULL AS unpriced,
            sum(opened_price * units)::DECIMAL(28, 4) AS cost
        FROM matches AS m
        JOIN ends AS e ON coalesce(m.opened_day, DATE '1970-01-01') <= e.day AND coalesce(m.day > e.day, true)
        WHERE m.day IS NULL OR m.opened_day IS DISTINCT FROM m.day
        GROUP BY ALL
    ) AS o
    ASOF LEFT JOIN last_prices AS p
        ON p.exchange_segment = o.exchange_segment AND p.security_id = o.security_id AND p.day <= o.day
"""
"""What is open at each of the ends. Prices are looked up for groups, not for trades; ``gain`` is NULL where the cost or
the price is not known."""


def _ends(span: Span, by: Sequence[str]) -> str:
    """The days at whose ends is looked at what is open: of every day or week in which anybody traded, or of all."""
    period = next((EVERY_KEY[one] for one in ("day", "week") if one in by), None)
    if period:
        return f"SELECT max(day) AS day FROM trades WHERE {span.condition} GROUP BY {period}"  # noqa: S608
    return f"SELECT DATE '{span.last or date.max:%Y-%m-%d}' AS day"
