"""Profit and loss: what positions brought, what open ones are worth, what the broker and the state took."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import COUNT, RUPEES, Figure, Row, first, told
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
    whose = "true" if "follower" in by else "role <> 'leader'"
    # each part is added up by itself; prices are looked up for groups of open units, not for trades
    return told(
        database,
        f"""
        WITH matches AS MATERIALIZED (
            SELECT follower, role, copied, exchange_segment, security_id, symbol, underlying, expiry, product, side,
                quantity, opened_price, multiplier, realised, opened_day, day
            FROM fifo_matches WHERE {whose}
        ), ends AS ({_ends(span, by)}), last AS (
            SELECT o.*, p.price AS last_price
            FROM (
                SELECT e.day, follower, role, copied, exchange_segment, security_id, symbol, underlying, expiry, product,
                    sum(if(side = 'BUY', quantity, -quantity) * multiplier)::BIGINT AS units, sum(quantity) AS quantity,
                    sum(opened_price * (if(side = 'BUY', quantity, -quantity) * multiplier))::DECIMAL(28, 4) AS cost,
                    opened_price IS NULL AS unpriced
                FROM matches AS m
                JOIN ends AS e ON coalesce(m.opened_day, DATE '1970-01-01') <= e.day AND coalesce(m.day > e.day, true)
                WHERE m.day IS NULL OR m.opened_day IS DISTINCT FROM m.day
                GROUP BY ALL
            ) AS o
            ASOF LEFT JOIN last_prices AS p
                ON p.exchange_segment = o.exchange_segment AND p.security_id = o.security_id AND p.day <= o.day
        ), parts AS (
            SELECT {grouped(by)}role, sum(realised) FILTER (copied) AS realised,
                sum(quantity) FILTER (copied AND realised IS NULL) AS unpriced,
                sum(realised) FILTER (NOT copied) AS by_hand
            FROM matches WHERE day IS NOT NULL AND {span.condition} GROUP BY ALL
            UNION ALL BY NAME
            SELECT {grouped(by)}role, sum(units * last_price - cost) FILTER (copied) AS unrealised,
                sum(quantity) FILTER (copied AND (unpriced OR last_price IS NULL)) AS unvalued,
                sum(units * last_price - cost) FILTER (NOT copied) AS by_hand
            FROM last GROUP BY ALL
            UNION ALL BY NAME
            SELECT {grouped(by)}role, count(*) AS trades, sum(price * (quantity * multiplier)) AS turnover,
                sum(charges) AS charges, count(*) - count(charges) AS uncharged
            FROM (SELECT *, name AS follower FROM attributed_trades WHERE copied AND {whose}) WHERE {span.condition}
            GROUP BY ALL
        )
        SELECT {"".join(f"{one}, " for one in by)}coalesce(sum(realised), 0)::DECIMAL(28, 4) AS realised,
            CASE WHEN coalesce(sum(unvalued), 0) = 0 THEN coalesce(sum(unrealised), 0) ELSE sum(unrealised) END
                ::DECIMAL(28, 4) AS unrealised,
            sum(charges)::DECIMAL(28, 4) AS charges,
            (coalesce(sum(realised), 0) + CASE WHEN coalesce(sum(unvalued), 0) = 0 THEN coalesce(sum(unrealised), 0)
                ELSE sum(unrealised) END - coalesce(sum(charges), 0))::DECIMAL(28, 4) AS net,
            coalesce(sum(trades), 0)::BIGINT AS trades, coalesce(sum(turnover), 0)::DECIMAL(28, 4) AS turnover,
            coalesce(sum(unpriced), 0)::BIGINT AS unpriced, coalesce(sum(unvalued), 0)::BIGINT AS unvalued,
            coalesce(sum(uncharged), 0)::BIGINT AS uncharged,
            CASE WHEN bool_or(role <> 'leader') THEN coalesce(sum(by_hand), 0) END::DECIMAL(28, 4) AS by_hand
        FROM parts {"GROUP BY " + ", ".join(by) if by else ""}
        HAVING count(*) > 0
        {first(len(by))}
        """,  # noqa: S608  words of ours
    )


def _ends(span: Span, by: Sequence[str]) -> str:
    """The days at whose ends is looked at what is open: of every day or week in which anybody traded, or of all."""
    periods = grouped([one for one in by if one in ("day", "week")])
    if periods:
        days = f"SELECT DISTINCT day FROM trades WHERE {span.condition}"  # noqa: S608
        return f"SELECT day FROM (SELECT {periods.replace('day AS day, ', 'day AS one, ')}max(day) AS day FROM ({days}) GROUP BY ALL)"  # noqa: S608,E501
    last = f"DATE '{span.last:%Y-%m-%d}'" if span.last else "DATE '9999-12-31'"
    return f"SELECT {last} AS day"  # noqa: S608
