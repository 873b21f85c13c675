"""Do a report and the figures by hand say the same?"""

from collections.abc import Mapping
from decimal import Decimal

import duckdb

from copyctl.report.analysis.decisions import decisions, rejections
from copyctl.report.analysis.slippage import slippage
from copyctl.report.span import Span
from tests.report.analysis.by_hand import Fills, Ledger

PAISA = Decimal("0.005")
CLOSE = Decimal("0.0001")


def near(told: object, by_hand: Decimal | None, within: Decimal = CLOSE) -> bool:
    """The same number, but for what a column rounds away."""
    if told is None or by_hand is None:
        return told is by_hand
    return abs(Decimal(str(told)) - by_hand) <= within


def agree(database: duckdb.DuckDBPyConnection, ledger: Ledger, names: Mapping[str, str]) -> None:
    """Slippage with shortfall, decisions and rejections, figure by figure."""
    told = {(row["day"], row["follower"]): row for row in slippage(database, Span(), ("day", "follower"))}
    by_hand = {(day, names[account]): group for (day, account), group in ledger.slippage().items()}
    assert told.keys() == by_hand.keys()
    for key, row in told.items():
        group: Fills = by_hand[key]
        assert (row["fills"], row["quantity"]) == (len(group.bps), group.quantity)
        assert (row["unfilled"], row["unpriced"]) == (group.unfilled, group.unpriced)
        wanted = group.turnover + group.missed
        shortfall = group.cost + group.opportunity
        assert near(row["cost"], group.cost, PAISA)
        assert near(row["opportunity_cost"], group.opportunity, PAISA)
        assert near(row["shortfall"], shortfall, PAISA)
        assert near(row["mean_bps"], group.cost / group.turnover * 10_000 if group.turnover else None)
        assert near(row["shortfall_bps"], shortfall / wanted * 10_000 if wanted else None)
        assert near(row["median_bps"], group.share("0.5"))
        assert near(row["p95_bps"], group.share("0.95"))
        assert near(row["cost_per_unit"], group.cost / group.quantity if group.quantity else None)
        mean = sum(group.delays, Decimal(0)) / len(group.delays) if group.delays else None
        assert near(row["mean_delay_ms"], mean, Decimal("0.005"))
    assert {(row["decision"], row["reason"]): row["orders"] for row in decisions(database, Span(), ())} == dict(
        ledger.decisions()
    )
    turned_away = {(row["decision"], row["reason"]): row for row in rejections(database, Span(), ())}
    counted = ledger.rejections()
    assert turned_away.keys() == counted.keys()
    for reason, (orders, value) in counted.items():
        assert turned_away[reason]["orders"] == orders
        assert near(turned_away[reason]["value"], value, PAISA)
