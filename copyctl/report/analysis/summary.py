"""The summary: the figures of every other report that tell how well copying works, in one row for each follower."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from copyctl.report.analysis import pnl, slippage, tracking
from copyctl.report.analysis.shape import BPS, COUNT, MILLISECONDS, RUPEES, Figure, Row, told
from copyctl.report.events import LEADER
from copyctl.report.span import Span, grouped, refuse_others

if TYPE_CHECKING:
    import duckdb

KEYS: Final = tracking.KEYS
_OF_ALERTS: Final = frozenset({"day", "week", "follower"})
"""What is known of an alert."""

FIGURES: Final[Mapping[str, Figure]] = {
    "orders": Figure(kind=COUNT, says="leader orders that were decided on"),
    "copied": Figure(kind=COUNT, says="of these, copied"),
    "skipped": Figure(kind=COUNT, says="left out by the policy"),
    "refused": Figure(kind=COUNT, says="refused by a check or a limit"),
    "queued": Figure(kind=COUNT, says="waiting"),
    "dead": Figure(kind=COUNT, says="rejected by the broker"),
    "copied_pct": Figure(kind=tracking.PERCENT, says="copied, in percent of copied, refused and dead"),
    "slippage_p95_bps": Figure(kind=BPS, says="95 of 100 fills cost no more against the leader's average price"),
    "cost": Figure(kind=RUPEES, says="rupees paid more, or got less, than at the leader's average price"),
    "shortfall": slippage.FIGURES["shortfall"],
    "tracking_error_pct": tracking.FIGURES["tracking_error_pct"],
    "active_profit": tracking.FIGURES["active_profit"],
    "active_profit_pct": tracking.FIGURES["active_profit_pct"],
    **{name: pnl.FIGURES[name] for name in ("realised", "unrealised", "charges", "net", "by_hand")},
    "latency_p50_ms": Figure(kind=MILLISECONDS, says="half of the copies left so soon after the leader's frame, in ms"),
    "latency_p95_ms": Figure(kind=MILLISECONDS, says="95 of 100 copies left so soon, in ms"),
    "alerts_critical": Figure(kind=COUNT, says="critical alerts about the follower"),
    "alerts_warning": Figure(kind=COUNT, says="warnings about the follower"),
}


def summary(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """One row for each group of which any figure is known; by follower alone every follower has one, once anything is
    known of one. The leader has none. A figure that nothing is known of is None, a count 0.

    Raises:
        CannotGroup: by a key that is not among ``KEYS``.
    """
    refuse_others("summary", by, KEYS)
    found: dict[tuple[Any, ...], Row] = {}
    for rows in (
        _decided(database, span, by),
        _slipped(database, span, by),
        [row for row in pnl.pnl(database, span, by) if row.get("follower") != LEADER],
        tracking.tracking(database, span, by),
        _left(database, span, by),
        _alerted(database, span, by) if _OF_ALERTS.issuperset(by) else [],
    ):
        for row in rows:
            found.setdefault(tuple(row[one] for one in by), {}).update(row)
    if found and tuple(by) == ("follower",):
        for (name,) in database.execute("SELECT name FROM accounts WHERE role = 'follower'").fetchall():
            found.setdefault((name,), {"follower": name})
    known = [name for name in FIGURES if not name.startswith("alerts_") or _OF_ALERTS.issuperset(by)]
    nothing = dict.fromkeys(FIGURES) | {name: 0 for name in known if FIGURES[name].kind is COUNT}
    return [
        {one: row[one] for one in by} | {name: row.get(name, nothing[name]) for name in FIGURES}
        for _, row in sorted(found.items(), key=lambda one: [(key is not None, key) for key in one[0]])
    ]


def _decided(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    counts = ", ".join(
        f"count(*) FILTER (decision = '{one}') AS {one}" for one in ("copied", "skipped", "refused", "queued", "dead")
    )
    return told(
        database,
        f"""
        SELECT {grouped(by)}count(*) AS orders, {counts},
            round(count(*) FILTER (decision = 'copied') * 100
                / nullif(count(*) FILTER (decision IN ('copied', 'refused', 'dead')), 0), 6) AS copied_pct
        FROM copied_orders WHERE {span.condition} GROUP BY ALL HAVING count(*) > 0
        """,  # noqa: S608  words of ours
    )


def _slipped(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    names = {"slippage_p95_bps": "p95_bps", "cost": "cost", "shortfall": "shortfall"}
    rows = slippage.slippage(database, span, by)
    return [{one: row[one] for one in by} | {name: row[told] for name, told in names.items()} for row in rows]


def _left(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    """From the leader's frame to the bytes of the first request of a placement."""
    return told(
        database,
        f"""
        SELECT {grouped(by)}round(quantile_cont(took, 0.5), 3) AS latency_p50_ms,
            round(quantile_cont(took, 0.95), 3) AS latency_p95_ms
        FROM (
            SELECT p.day, coalesce(a.name, p.account) AS follower, i.underlying, i.symbol, i.expiry, c.exchange_segment,
                (epoch_us(p.left_at) - epoch_us(p.frame_at)) / 1000 AS took
            FROM placements AS p
            JOIN copies AS c USING (account, copy_id)
            LEFT JOIN instruments AS i USING (exchange_segment, security_id)
            LEFT JOIN accounts AS a USING (account)
            WHERE p.left_at IS NOT NULL AND p.frame_at IS NOT NULL
        )
        WHERE {span.condition} GROUP BY ALL HAVING count(*) > 0
        """,  # noqa: S608
    )


def _alerted(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str]) -> list[Row]:
    return told(
        database,
        f"""
        SELECT {grouped(by)}count(*) FILTER (level = 'critical') AS alerts_critical,
            count(*) FILTER (level = 'warning') AS alerts_warning
        FROM (
            SELECT s.*, a.name AS follower
            FROM alerts AS s JOIN accounts AS a USING (account) WHERE role = 'follower'
        )
        WHERE {span.condition} AND level IN ('critical', 'warning') GROUP BY ALL HAVING count(*) > 0
        """,  # noqa: S608
    )
