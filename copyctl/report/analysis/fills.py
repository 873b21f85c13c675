"""Fills: each trade of the followers' copies beside the leader's price."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from copyctl.report.analysis.shape import BPS, COUNT, MILLISECONDS, RUPEES, TEXT, TIME, Figure, Row, told
from copyctl.report.span import Span

if TYPE_CHECKING:
    import duckdb

FIGURES: Final[Mapping[str, Figure]] = {
    "traded_at": Figure(kind=TIME, says="when it traded, whole seconds of the broker's clock"),
    "follower": Figure(kind=TEXT, says="whose account"),
    "leader_order_id": Figure(kind=TEXT, says="the leader's order that it copies; none for an order of copyctl's own"),
    "order_id": Figure(kind=TEXT, says="the follower's order"),
    "trade_id": Figure(kind=TEXT, says="the exchange's; none where the trades of an order were not read yet"),
    "symbol": Figure(kind=TEXT, says="what was traded"),
    "side": Figure(kind=TEXT, says="BUY or SELL"),
    "quantity": Figure(kind=COUNT, says="units"),
    "price": Figure(kind=RUPEES, says="rupees"),
    "reference": Figure(kind=RUPEES, says="the average price of the leader's order"),
    "cost": Figure(kind=RUPEES, says="rupees paid more, or got less, than at the reference"),
    "bps": Figure(kind=BPS, says="the same in hundredths of a percent"),
    "delay_ms": Figure(kind=MILLISECONDS, says="from the leader's frame to the copy's bytes on their way, in ms"),
}


def fills(database: "duckdb.DuckDBPyConnection", span: Span, by: Sequence[str] = ()) -> list[Row]:
    """One row for each fill of a copy, oldest first. It has no groups: ``by`` is empty."""
    return told(
        database,
        f"""
        SELECT traded_at, follower, leader_order_id, order_id, trade_id, coalesce(symbol, security_id) AS symbol, side,
            quantity, price::DECIMAL(28, 4) AS price, reference::DECIMAL(28, 4) AS reference,
            cost::DECIMAL(28, 4) AS cost, round(bps, 6) AS bps, round(delay_ms, 3) AS delay_ms
        FROM copy_fills WHERE {span.condition}
        ORDER BY traded_at, follower, order_id, trade_id
        """,  # noqa: S608  words of ours
    )
