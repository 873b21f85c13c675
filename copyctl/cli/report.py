"""``report``: what many orders add up to."""

import difflib
import os
import stat
import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from copyctl.cli import completion, days, options
from copyctl.cli.analysis import analysed
from copyctl.cli.deployment import deployment, note_empty
from copyctl.cli.speech import FINDINGS, USAGE, leave, note, say
from copyctl.model.deployment import Objectives
from copyctl.report.moments import IST
from copyctl.report.span import KEYS, CannotGroup, Span, refuse_others

if TYPE_CHECKING:
    import duckdb

    from copyctl.report.analysis.shape import Report, Row


class ReportFormat(StrEnum):
    """How a report looks."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    HTML = "html"


_FILES: Final = frozenset({ReportFormat.PARQUET, ReportFormat.HTML})
"""What is no good on a terminal."""


def report(
    name: Annotated[
        str,
        typer.Argument(metavar="REPORT", help="Which one; they are listed below.", autocompletion=completion.reports),
    ],
    rules: options.Rules,
    *,
    first: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DAY", help="The first Indian day: 2026-09-07, today, yesterday, 7d (days ago)."
        ),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last one, included.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="KEY,...",
            help=f"Group the rows: {', '.join(KEYS)}.",
            autocompletion=completion.keys,
        ),
    ] = None,
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="How it looks.", show_default="table on a terminal, else json"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Into this file; its ending names the format too."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="summary: compare with the file's objectives; exit 1 when one is missed.")
    ] = False,
    dry_run: options.DryRun = False,
) -> None:
    """Tell what copying cost, and what it made.

    What is new in the journal is taken in first, while a run goes on. Without --from and --to everything that is known
    is told. Positive slippage is a cost to the follower. The same tables in SQL: copyctl query.

    \b
    slippage    what each follower's fills cost against the leader's average price, and what never filled;
                grouped by follower where --by does not say otherwise
    latency     where the time goes: received, decided, sent, acknowledged, filled, with p50, p95 and p99
    fills       each fill of the followers' copies beside the leader's price (it has no groups)
    rejections  what was refused by a check or rejected by the broker, why, and how many rupees it was about
    decisions   what became of the leader's orders, by decision and reason
    pnl         what leader and followers made, first in, first out; charges where backfill was told them
    summary     one row for each follower: copied, cost, tracking error, profit, latency, alerts; --check

    \b
    Example:
      copyctl report slippage --rules rules/half-size.yaml --from 7d --by day,follower
      copyctl report latency --rules rules/half-size.yaml --from today
      copyctl report fills --rules rules/half-size.yaml --from 2026-09-07 --to 2026-09-11 -o fills.parquet
      copyctl report rejections --rules rules/half-size.yaml --by follower --format csv
      copyctl report decisions --rules rules/half-size.yaml --by week,underlying
      copyctl report pnl --rules rules/half-size.yaml --from 7d --by day,follower
      copyctl report summary --rules rules/half-size.yaml --from 7d --check
      copyctl report slippage --rules rules/half-size.yaml --from 7d -o week.html
    """
    from copyctl.cli.report_forms import document, table
    from copyctl.report.analysis.reports import REPORTS

    asked = _one_of(REPORTS, name, "REPORT", "no report")
    span, keys = days.span(first, last), _keys(name, by, REPORTS[asked])
    if check and asked != "summary":
        raise typer.BadParameter("objectives are of the summary: copyctl report summary --check", param_hint="--check")
    wanted = _form(form, output)
    with deployment(rules, dry_run=dry_run) as it:
        note_empty(it)
        with analysed(it) as database:
            rows = _rows(REPORTS[asked], database, span, keys)
            if wanted is ReportFormat.TABLE:
                say(table(REPORTS[asked], keys, rows))
            else:
                names = {"name": asked, "deployment": it.rules.name}
                _put(document(wanted, database, rows=rows, by=keys, span=span, **names), output)
        if check:
            _judge(rows, it.rules.objectives)


def _rows(asked: "Report", database: "duckdb.DuckDBPyConnection", span: Span, keys: Sequence[str]) -> "list[Row]":
    rows = asked.rows(database, span, keys)
    if not rows:
        note(f"no rows: nothing of this is known {_told(span)}")
    return rows


def _judge(rows: "Sequence[Row]", objectives: Objectives) -> None:
    """Set a summary against what the rules file asks of it.

    Raises:
        typer.Exit: something is missed.
    """
    from copyctl.report.analysis.objectives import judged

    verdict = judged(rows, objectives)
    if not verdict.asked:
        leave(USAGE, "the rules file names no objectives, so there is nothing to check: give it the section objectives")
    for one in (*verdict.untold, *verdict.missed):
        note(one)
    if verdict.missed:
        raise typer.Exit(FINDINGS)


def _one_of(known: Collection[str], word: str, option: str, what: str) -> str:
    """The word, where it is known.

    Raises:
        typer.BadParameter: it is not; the text names what is near, and all there are.
    """
    if word in known:
        return word
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise typer.BadParameter(f"{word!r} is {what}{meant}; there are {', '.join(known)}", param_hint=option)


def _keys(name: str, by: str | None, asked: "Report") -> tuple[str, ...]:
    if by is None:
        return tuple(asked.by or ())
    if asked.by is None:
        raise typer.BadParameter(
            f"{name} has one row for each fill and no groups: leave it out, or ask for slippage", param_hint="--by"
        )
    keys = [_one_of(KEYS, one.strip(), "--by", "no key") for one in by.split(",")]
    try:
        refuse_others(name, keys, asked.keys)
    except CannotGroup as refused:
        raise typer.BadParameter(str(refused), param_hint="--by") from None
    return tuple(dict.fromkeys(keys))


def _form(form: ReportFormat | None, output: Path | None) -> ReportFormat:
    """The format that was asked for, by name or by the file's ending."""
    ending = output.suffix.removeprefix(".").lower() if output else ""
    if form is None and ending in list(ReportFormat) and ending != ReportFormat.TABLE:
        form = ReportFormat(ending)
    if output is None:
        if form in _FILES and sys.stdout.isatty():
            leave(USAGE, f"{form} is nothing for a terminal: give it a file, --output report.{form}, or a pipe")
        return form or (ReportFormat.TABLE if sys.stdout.isatty() else ReportFormat.JSON)
    if form is None:
        leave(USAGE, f"{output} does not say how it shall look: give --format json, csv, parquet or html")
    if form is ReportFormat.TABLE:
        leave(USAGE, "a table is for reading here: for a file give --format json, csv, parquet or html")
    return form


def _put(written: bytes, output: Path | None) -> None:
    """To stdout, or into a file in one move, for its owner alone where it is made now."""
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    begun = output.with_name(f".{output.name}.new")
    try:
        mode = output.stat().st_mode if output.exists() else 0o600
        begun.unlink(missing_ok=True)
        with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(written)
            os.fchmod(file.fileno(), stat.S_IMODE(mode))
        begun.replace(output)
    except OSError as fault:
        leave(USAGE, f"{output} cannot be written: {fault.strerror}; give --output a file in a folder that is there")
    note(f"{output}  {len(written)} bytes")


def _told(span: Span) -> str:
    today = datetime.now(IST).date()
    if span.first is None and span.last is None:
        return "yet"
    return f"of {span.first or 'the beginning'} to {span.last or today}"
