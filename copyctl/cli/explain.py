"""``explain``: why an order is, or is not, copied; and what every reason code and every alert means."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from copyctl.cli import completion, moments
from copyctl.cli.deployment import deployment, rules_trouble
from copyctl.cli.rehearsing import listed, world
from copyctl.cli.speech import USAGE, Format, answer, chosen, leave, note, say, say_json
from copyctl.cli.tables import alerts_table, codes_table, explanation_tables
from copyctl.core.hours import ist_day
from copyctl.lab.explain import Explanation
from copyctl.lab.figures import Figures
from copyctl.lab.orders import OrderUnreadable, read_order
from copyctl.lab.recorded import with_accounts
from copyctl.model.order import ExecutionReport
from copyctl.model.policy import Rules
from copyctl.model.records import Record
from copyctl.report import alerts
from copyctl.report.codes import codes, page
from copyctl.report.moments import IST, nanoseconds
from copyctl.rules import load

ANSWERS_WITHIN = 20_000_000_000
"""For what a broker does not answer a decision waits no longer than this (ns)."""


class CodesFormat(StrEnum):
    """How the answer looks; ``markdown`` is the page ``docs/codes.md`` or ``docs/alerts.md``."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def explain(
    *,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="The rules file.")] = None,
    order: Annotated[
        Path | None,
        typer.Option("--order", metavar="FILE", help="An order of the leader's, as Dhan gives it: JSON; - is stdin."),
    ] = None,
    follower: Annotated[
        str | None,
        typer.Option(
            "--follower", metavar="NAME", help="For this follower alone.", autocompletion=completion.followers
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="As if it were then.", show_default="the order's own time"),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the broker what only he can tell: margin, limits of the day, funds.")
    ] = False,
    every_code: Annotated[bool, typer.Option("--codes", help="Every reason code and what it means.")] = False,
    every_alert: Annotated[bool, typer.Option("--alerts", help="Every alert, its level and what to do.")] = False,
    form: Annotated[
        CodesFormat | None,
        typer.Option("--format", help="How the answer looks.", show_default="table on a terminal, else json"),
    ] = None,
) -> None:
    """Explain what would be done with one order, and why.

    The order is one row of GET /orders or one frame of the order stream. Followers stand as the store has them; without
    a store they are flat. Nothing is sent. Every step is shown: each filter rule that was tried and why it does not
    match, the arithmetic of the size, what the mapping changes, each limit with its figure. What only the broker can
    tell is not asked, but with --live.

    With --codes or --alerts: what each reason code, each alert means. A code never changes its meaning, so that alerts
    may hang on it.

    \b
    Example:
      copyctl explain --rules rules/half-size.yaml --order order.json
      copyctl explain --rules rules/half-size.yaml --order order.json --follower bob --at 09:20
      copyctl explain --codes
      copyctl explain --alerts --format json
    """
    if every_code or every_alert:
        if every_code and every_alert:
            leave(USAGE, "give --codes or --alerts, not both")
        _tell_codes(form) if every_code else _tell_alerts(form)
        return
    if rules is None or order is None:
        leave(USAGE, "give --rules and --order, or --codes, or --alerts")
    if form is CodesFormat.MARKDOWN:
        leave(USAGE, "markdown is for --codes and --alerts; use table or json here")
    rows = _explained(rules, order, follower, at, live=live)
    answer(None if form is None else Format(form.value), rows, *explanation_tables(rows))


def _explained(
    rules_file: Path, order: Path, follower: str | None, at: str | None, *, live: bool
) -> list[dict[str, Any]]:
    with deployment(rules_file) as it:
        it.refuse_strangers(follower)
        records, names = it.journal.records(), it.names
        rules = with_accounts(it.rules, it.leader, it.followers)
        if not it.journal.exists:
            note(f"there is no store in {it.folder} yet: every follower is taken to be flat")
    if live:
        with rules_trouble():
            rules = load(rules_file, os.environ)
    text = _text_of(order)
    try:
        reports = read_order(text, rules.leader.client_id, nanoseconds(datetime.now(IST)))
    except OrderUnreadable as wrong:
        leave(USAGE, f"{order}: {wrong}")
    moment = _moment(at, reports[0])
    figures = Figures()
    figures.learn(one for table in ("quote", "funds") for one in records.get(table, ()))
    names = {**{one.client_id: one.name for one in rules.followers}, **names}
    if live:
        return asyncio.run(_asked(rules, reports, names, follower, moment, records))
    about = world(rules, ist_day(moment), figures)
    return Explanation(rules, reports, about, at=moment, records=records).rows(names, follower)


async def _asked(
    rules: Rules,
    reports: tuple[ExecutionReport, ...],
    names: Mapping[str, str],
    follower: str | None,
    moment: int,
    records: Mapping[str, Sequence[Record]],
) -> list[dict[str, Any]]:
    """With the broker's answers to what only he can tell."""
    from copyctl.cli.live_facts import LiveFacts  # it loads what connects

    async with LiveFacts(rules) as facts, listed(rules) as master:
        about = world(rules, ist_day(moment), Figures(), master=master, fact=facts.wanted)
        explanation = Explanation(rules, reports, about, at=moment, records=records, asks=True)
        while answers := await facts.answers():
            for one in answers:
                explanation.hear(one)
        explanation.wait_until(moment + ANSWERS_WITHIN)
        return explanation.rows(names, follower)


def _text_of(order: Path) -> str:
    try:
        return typer.get_text_stream("stdin").read() if str(order) == "-" else order.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        leave(USAGE, f"the order {order} cannot be read: {fault}")


def _moment(at: str | None, report: ExecutionReport) -> int:
    """The moment that was asked for, on the order's own day where only a time is given."""
    if at is None:
        return report.as_of
    own = datetime.fromtimestamp(report.as_of // 1_000_000_000, IST)
    try:
        return nanoseconds(moments.moment(at, own))
    except ValueError:
        hint = "use 09:15 (the order's day, IST), 2026-09-07 or 2026-09-07T09:15:00+05:30"
        raise typer.BadParameter(f"{at!r} is no time: {hint}", param_hint="--at") from None


def _tell_codes(form: CodesFormat | None) -> None:
    if form is CodesFormat.MARKDOWN:
        typer.echo(page(), nl=False)
        return
    rows = [asdict(one) for one in codes()]
    if chosen(None if form is None else Format(form.value)) is Format.JSON:
        say_json({"codes": [{key: row[key] for key in ("code", "decision", "sentence")} for row in rows]})
    else:
        say(codes_table(rows))


def _tell_alerts(form: CodesFormat | None) -> None:
    if form is CodesFormat.MARKDOWN:
        typer.echo(alerts.page(), nl=False)
        return
    answer(None if form is None else Format(form.value), {"alerts": alerts.rows()}, alerts_table(alerts.rows()))
