"""A report as a table, and as the bytes of each other format."""

import csv
import io
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from copyctl.cli.analysis import plain_value
from copyctl.cli.report import ReportFormat
from copyctl.cli.speech import clean
from copyctl.cli.tables import NOTHING
from copyctl.report.analysis.reports import REPORTS
from copyctl.report.analysis.shape import Kind, Report, Row
from copyctl.report.span import Span

if TYPE_CHECKING:
    import duckdb


def table(report: Report, by: Sequence[str], rows: Sequence[Row]) -> Table:
    """For people: numbers to the right, rupees with two decimals, times without what every row shares."""
    kinds = report.kinds(by)
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    if report.many:
        made.add_column(", ".join(by))
        for row in rows:
            made.add_column(", ".join(shown(row[one], kinds[one]) for one in by), justify="right", overflow="fold")
        for name in report.figures:
            made.add_row(name, *(shown(row[name], kinds[name]) for row in rows))
        return made
    for name, kind in kinds.items():
        made.add_column(name, justify="left" if kind.decimals is None else "right", overflow="fold")
    for row in rows:
        made.add_row(*(shown(row[name], kind) for name, kind in kinds.items()))
    return made


def shown(value: Any, kind: Kind) -> str:
    """One value for people."""
    match value:
        case None:
            return NOTHING
        case int() | float() | Decimal():
            return f"{value:,.{kind.decimals or 0}f}"
        case datetime():
            return f"{value:%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case _:
            return clean(value)


def document(
    form: ReportFormat,
    database: "duckdb.DuckDBPyConnection",
    *,
    name: str,
    rows: Sequence[Row],
    by: Sequence[str],
    span: Span,
    deployment: str,
) -> bytes:
    """The report in a format that is no table."""
    kinds = REPORTS[name].kinds(by)
    if form is ReportFormat.HTML:
        from copyctl.report.page.page import page

        return page(database, name=name, rows=rows, by=by, span=span, deployment=deployment).encode()
    made: Mapping[ReportFormat, Callable[[], bytes]] = {
        ReportFormat.JSON: lambda: _json(rows, span),
        ReportFormat.CSV: lambda: _csv(kinds, rows),
        ReportFormat.PARQUET: lambda: _parquet(database, kinds, rows),
    }
    return made[form]()


def _json(rows: Sequence[Row], span: Span) -> bytes:
    """Days that were not asked for are null."""
    plain = [{name: plain_value(value) for name, value in row.items()} for row in rows]
    said = {"rows": plain, "from": plain_value(span.first), "to": plain_value(span.last)}
    return f"{json.dumps(said, indent=2 if sys.stdout.isatty() else None)}\n".encode()


def _csv(kinds: Mapping[str, Kind], rows: Sequence[Row]) -> bytes:
    """RFC 4180, names in the first line; what is unknown is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(kinds)
    plain = ([plain_value(row[name]) for name in kinds] for row in rows)
    writer.writerows(["" if one is None else one for one in row] for row in plain)
    return text.getvalue().encode()


def _parquet(database: "duckdb.DuckDBPyConnection", kinds: Mapping[str, Kind], rows: Sequence[Row]) -> bytes:
    """Every column with the type of its kind, also where there are no rows."""
    columns = ", ".join(f'unnest(?::{kind.column}[]) AS "{name}"' for name, kind in kinds.items())
    values = [[row[name] for row in rows] for name in kinds]
    database.execute(f"CREATE OR REPLACE TEMP TABLE told AS SELECT {columns}", values)
    with tempfile.TemporaryDirectory(prefix="copyctl-") as folder:
        path = Path(folder) / "report.parquet"
        database.execute(f"COPY told TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
        return path.read_bytes()
