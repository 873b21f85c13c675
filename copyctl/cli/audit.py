"""``audit``: is the journal as it was written?"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import store_of, store_trouble
from copyctl.cli.speech import DONE, FINDINGS, answer, note, paper
from copyctl.cli.tables import audit_table
from copyctl.report.moments import told

if TYPE_CHECKING:
    from copyctl.edge.journal_audit import Audit


class AuditAction(StrEnum):
    """What can be asked of the audit trail."""

    VERIFY = "verify"


def audit(
    action: Annotated[AuditAction, typer.Argument(metavar="verify", help="Look through all of it.")],
    rules: options.Rules,
    *,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Verify that nothing in the journal was changed or removed.

    Every event and every line carries the hash of the one before it, and each turn the sum of all records, so that a
    row that was changed, taken away or put in shows, at the end as well. Exit code 1 when something is found. The
    heads in the answer can be noted elsewhere: an earlier head must still be in the chain later.

    \b
    Example:
      copyctl audit verify --rules rules/half-size.yaml
      copyctl audit verify --rules rules/half-size.yaml --format json
    """
    from copyctl.edge.journal_audit import audit as look

    folder = store_of(rules, dry_run=dry_run)
    with store_trouble(), _progress() as tell:
        found = look(folder, tell)
    if not found.rows and not found.many:
        note(f"there is nothing in the store {folder} yet")
    document = _document(found)
    answer(form, document, *([audit_table(document["findings"])] if found.many else []), _sentence(found))
    raise typer.Exit(FINDINGS if found.many else DONE)


def _document(found: "Audit") -> dict[str, Any]:
    return {
        "ok": not found.many,
        "records": found.rows,
        "first_bad": found.first_bad,
        "not_chained": sum(one.unchained for one in found.tables.values()),
        "tables": {
            name: {
                "rows": one.rows,
                "not_chained": one.unchained,
                "last": one.end.seq,
                "last_at": told(one.last_at),
                "head": one.end.hash.hex() or None,
            }
            for name, one in found.tables.items()
        },
        "found": found.many,
        "findings": [
            {"table": one.table, "seq": one.seq, "at": told(one.at), "wrong": one.wrong.value, "text": one.text}
            for one in found.found
        ],
    }


def _sentence(found: "Audit") -> str:
    """What it means."""
    unchained = sum(one.unchained for one in found.tables.values())
    older = f" {unchained} rows are from before rows were chained: nothing can be said of them." if unchained else ""
    if not found.many:
        heads = ", ".join(f"{name} {one.end.seq} {one.end.hash.hex()[:16]}" for name, one in found.tables.items())
        return f"{found.rows} rows are as they were written.{older} Heads: {heads}"
    shown = f", of which {len(found.found)} are shown" if found.many > len(found.found) else ""
    return (
        f"{found.many} findings{shown}: something other than copyctl has changed the journal, or its disk is failing."
        f"{older} Compare the days concerned with the broker's books and with a backup (copyctl backup list)"
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """How far it is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _read, _all: None
        return
    from rich.progress import Progress

    with Progress(console=paper(sys.stderr), transient=True) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda read, every: bar.update(task, completed=read, total=every)
