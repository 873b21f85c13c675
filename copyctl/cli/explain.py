"""``explain``: why an order is, or is not, copied. By now: what every reason code means."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from copyctl.cli.speech import USAGE, Format, chosen, leave, say, say_json
from copyctl.cli.tables import codes_table
from copyctl.report.codes import codes, page


class CodesFormat(StrEnum):
    """How the codes look; ``markdown`` is the page ``docs/codes.md``."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def explain(
    *,
    every_code: Annotated[bool, typer.Option("--codes", help="Every reason code and what it means.")] = False,
    form: Annotated[
        CodesFormat | None,
        typer.Option("--format", help="How the answer looks.", show_default="table on a terminal, else json"),
    ] = None,
) -> None:
    """Explain the reason codes of copyctl orders.

    A code says why an order of the leader was not simply copied. It never changes its meaning, so alerts may hang on
    it. Explaining what would be done with one order comes in a later version.

    \b
    Example:
      copyctl explain --codes
      copyctl explain --codes --format json
    """
    if not every_code:
        leave(USAGE, "explaining an order comes in a later version; copyctl explain --codes tells what each code means")
    if form is CodesFormat.MARKDOWN:
        typer.echo(page(), nl=False)
        return
    rows = [asdict(one) for one in codes()]
    if chosen(None if form is None else Format(form.value)) is Format.JSON:
        say_json({"codes": [{key: row[key] for key in ("code", "decision", "sentence")} for row in rows]})
    else:
        say(codes_table(rows))
