"""``explain``: why an order is, or is not, copied. By now: what every reason code and every alert means."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from copyctl.cli.speech import USAGE, Format, answer, chosen, leave, say, say_json
from copyctl.cli.tables import alerts_table, codes_table
from copyctl.report import alerts
from copyctl.report.codes import codes, page


class CodesFormat(StrEnum):
    """How the codes look; ``markdown`` is the page ``docs/codes.md`` or ``docs/alerts.md``."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def explain(
    *,
    every_code: Annotated[bool, typer.Option("--codes", help="Every reason code and what it means.")] = False,
    every_alert: Annotated[bool, typer.Option("--alerts", help="Every alert, its level and what to do.")] = False,
    form: Annotated[
        CodesFormat | None,
        typer.Option("--format", help="How the answer looks.", show_default="table on a terminal, else json"),
    ] = None,
) -> None:
    """Explain reason codes, and alerts and what to do.

    A code says why an order of the leader was not simply copied. It never changes its meaning, so alerts may hang on
    it. Explaining what would be done with one order comes in a later version.

    \b
    Example:
      copyctl explain --codes
      copyctl explain --codes --format json
      copyctl explain --alerts
    """
    if every_code == every_alert:
        text = "explaining an order comes in a later version; copyctl explain --codes tells what each code means"
        leave(USAGE, f"{text}, --alerts what each alert does (one of the two)")
    if form is CodesFormat.MARKDOWN:
        typer.echo(page() if every_code else alerts.page(), nl=False)
        return
    if every_alert:
        answer(None if form is None else Format(form.value), {"alerts": alerts.rows()}, alerts_table(alerts.rows()))
        return
    rows = [asdict(one) for one in codes()]
    if chosen(None if form is None else Format(form.value)) is Format.JSON:
        say_json({"codes": [{key: row[key] for key in ("code", "decision", "sentence")} for row in rows]})
    else:
        say(codes_table(rows))
