"""The analytical store as commands open it; ``query`` and ``export``."""

import contextlib
import csv
import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment, note_empty
from copyctl.cli.speech import STORE, USAGE, Format, answer, leave, note
from copyctl.cli.tables import rows_table
from copyctl.edge.history import HistoryReader
from copyctl.report.events import LEADER

if TYPE_CHECKING:
    import duckdb


class QueryFormat(StrEnum):
    """How the answer to a query looks."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@contextlib.contextmanager
def analysed(it: Deployment, *, versions: bool = False) -> "Iterator[duckdb.DuckDBPyConnection]":
    """The analytical store of a deployment, up to date, to be read. ``versions``: ``order_versions`` as well.

    Where it cannot be brought up to date just now a note says so; where it cannot be used at all the command ends.
    """
    import duckdb

    from copyctl.store.opening import StoreTrouble, is_damage, mend, opened
    from copyctl.store.refresh import Sources

    history = HistoryReader(it.folder)
    sources = Sources(journal=it.journal, history=history, leader=it.leader, names={it.leader: LEADER, **it.names})
    with contextlib.closing(history):
        try:
            with opened(it.folder, sources, versions=versions) as store:
                if store.behind:
                    note(f"the figures are those of the last refresh: {store.behind}")
                yield store.database
        except StoreTrouble as trouble:
            leave(STORE, str(trouble))
        except duckdb.Error as fault:
            if is_damage(fault):
                leave(STORE, mend(it.folder, fault))
            raise


def query(
    rules: options.Rules,
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from stdin.")],
    *,
    dry_run: options.DryRun = False,
    form: Annotated[QueryFormat | None, typer.Option("--format", help="table, json or csv.")] = None,
) -> None:
    """Ask the analytical store in SQL.

    Reading is all it does: no file, no other database, no setting. What is new in the journal is taken in first, while
    a run goes on. Tables and views, what each row and column means, and queries to begin with: docs/data-model.md.

    \b
    Example:
      copyctl query --rules rules/half-size.yaml "SELECT follower, decision, count(*) FROM copied_orders GROUP BY ALL"
      copyctl query --rules rules/half-size.yaml "SHOW TABLES"
      copyctl query --rules rules/half-size.yaml --format csv - < question.sql > answer.csv
    """
    import duckdb

    from copyctl.store.asking import NotReading, ask
    from copyctl.store.opening import is_damage
    from copyctl.store.refresh import VERSIONS

    statement = sys.stdin.read() if statement == "-" else statement
    with deployment(rules, dry_run=dry_run) as it:
        note_empty(it)
        with analysed(it, versions=VERSIONS in statement.lower()) as database:
            try:
                columns, rows = ask(database, statement)
            except NotReading as refused:
                leave(USAGE, str(refused))
            except duckdb.Error as fault:
                if is_damage(fault):
                    raise
                leave(USAGE, f"the query cannot be answered: {fault}")
    if form is QueryFormat.CSV:
        say_csv(columns, rows)
        return
    plain = [[plain_value(value) for value in row] for row in rows]
    answer(Format(form.value) if form else None, {"columns": columns, "rows": plain}, rows_table(columns, plain))


def export(
    rules: options.Rules,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made where it is not there.")],
    *,
    dry_run: options.DryRun = False,
) -> None:
    """Write the analytical store as Parquet.

    One file for every table and view.

    Files of these names in DIR are replaced, each in one move: whoever reads one meanwhile sees the old or the new.

    \b
    Example:
      copyctl export --rules rules/half-size.yaml ./parquet
    """
    from copyctl.store.asking import write_parquet

    with deployment(rules, dry_run=dry_run) as it:
        note_empty(it)
        with analysed(it, versions=True) as database:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                written = write_parquet(database, folder)
            except OSError as fault:
                leave(USAGE, f"{folder} cannot be written: {fault.strerror or fault}")
    for name, count in written.items():
        note(f"{folder / name}.parquet  {count} rows")


def say_csv(columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Comma-separated values (RFC 4180) on stdout, with the names in the first line; what is unknown is empty."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([["" if (plain := plain_value(one)) is None else plain for one in row] for row in rows])


def plain_value(value: object) -> Any:
    """A value as JSON has it: decimals as numbers where these say the same, times as ISO 8601."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if abs(value) < float("inf") else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case list() | tuple():
            return [plain_value(one) for one in value]
        case dict():
            return {str(key): plain_value(one) for key, one in value.items()}
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return str(value)
