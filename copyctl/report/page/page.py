"""The page itself."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from copyctl.report.analysis.reports import REPORTS
from copyctl.report.analysis.shape import BPS, RUPEES, Figure, Kind, Row, told
from copyctl.report.moments import IST
from copyctl.report.page.charts import charts
from copyctl.report.span import Span

if TYPE_CHECKING:
    import duckdb

MOST_ROWS: Final = 500
"""A page with more would be none that anybody reads; the other formats have all of them."""

LONG: Final = 36
"""Letters of a text that is broken into lines."""

NOTHING: Final = "\N{EN DASH}"
_COSTS: Final = (RUPEES, BPS)
"""Of these a figure below 0 is a gain, and shown so."""


def page(
    database: "duckdb.DuckDBPyConnection",
    *,
    name: str,
    rows: Sequence[Row],
    by: Sequence[str],
    span: Span,
    deployment: str,
) -> str:
    """One HTML document: the rows of the report ``name``, then the charts of the same days. ``deployment``: what the
    rules file is called."""
    report = REPORTS[name]
    kinds = report.kinds(by)
    drawn: str = _template().render(
        name=name,
        soft=Markup("<wbr>"),
        says=report.says,
        deployment=deployment,
        days=_days(span),
        known_until=_known_until(database),
        made_at=_moment(datetime.now(IST)),
        columns=[(column, kind.decimals is not None) for column, kind in kinds.items()],
        rows=[[_cell(row[column], kind) for column, kind in kinds.items()] for row in rows[:MOST_ROWS]],
        more=max(0, len(rows) - MOST_ROWS),
        meanings=_meanings(report.figures),
        charts=charts(database, span),
    )
    return drawn


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("copyctl.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _cell(value: Any, kind: Kind) -> tuple[str, str]:
    """What is shown, and the class of its cell."""
    match value:
        case None:
            return NOTHING, "number" if kind.decimals is not None else ""
        case int() | float() | Decimal():
            told_as = f"{value:,.{kind.decimals or 0}f}"
            return told_as, "number below" if value < 0 and kind in _COSTS else "number"
        case datetime():
            return f"{value:%d %b %H:%M:%S}", ""
        case date():
            return f"{value:%d %b %Y}", ""
        case _:
            return str(value), "long" if len(str(value)) > LONG else ""


def _meanings(figures: Mapping[str, Figure]) -> list[tuple[str, str]]:
    return [(name, one.says) for name, one in figures.items()]


def _days(span: Span) -> str:
    if span.first is None and span.last is None:
        return "all that is known"
    if span.first == span.last:
        return f"{span.first:%a %d %b %Y}"
    first = f"{span.first:%a %d %b %Y}" if span.first else "the beginning"
    last = f"{span.last:%a %d %b %Y}" if span.last else "now"
    return f"{first} to {last}"


def _known_until(database: "duckdb.DuckDBPyConnection") -> str:
    """The newest thing that the store knows of."""
    newest = told(
        database,
        """
        SELECT max(moment) AS moment FROM (
            SELECT max(updated_at) AS moment FROM copies UNION ALL SELECT max(happened_at) FROM decisions
            UNION ALL SELECT max(happened_at) FROM alerts UNION ALL SELECT max(happened_at) FROM requests)
        """,
    )[0]["moment"]
    return _moment(newest) if newest else "nothing yet"


def _moment(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y, %H:%M:%S} IST"
