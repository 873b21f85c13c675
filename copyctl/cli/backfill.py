"""``backfill``: what the broker knows of the past, fetched into the store."""

import asyncio
import contextlib
import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copyctl.cli import days, options
from copyctl.cli.analysis import analysed
from copyctl.cli.deployment import deployment, rules_trouble, store_trouble
from copyctl.cli.signals import stopped_by_signals
from copyctl.cli.speech import BROKER, DONE, FINDINGS, USAGE, answer, leave, note
from copyctl.cli.tables import backfill_table
from copyctl.model.choices import Adapter
from copyctl.model.policy import Account
from copyctl.report.events import LEADER
from copyctl.report.moments import indian

if TYPE_CHECKING:
    from copyctl.cli.backfill_progress import Progress
    from copyctl.edge.history import History
    from copyctl.engine.backfill import Tally
    from copyctl.model.history import Days
    from copyctl.rules import Loaded

NO_BROKER = (
    "there is no broker outside of the run (broker.adapter: simulator), and its past ends with the run: what happened "
    "is in the store (copyctl orders, copyctl events)"
)
INTERRUPTED = "interrupted"

Row = dict[str, Any]


def backfill(
    rules: options.Rules,
    *,
    begin: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day (IST), such as 2026-09-01.")],
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day.", show_default="today")] = None,
    account: options.Account = None,
    form: options.AsFormat = None,
) -> None:
    """Fetch order books and trade history into the store.

    Of today the order book and the trade book of the leader and each follower, of earlier days their trades, with
    charges. Dhan keeps no order of a day that is over: ask once after each close. What is there already is not written
    again; what was interrupted goes on where it was, for a day. It works beside a run that is alive, and asks at most
    half of what rate_limits allows. Of each follower it says how many of its orders belong to copies, and by what that
    is known: the order's id, its correlation id, or its likeness; what belongs to none was traded by hand.

    Exit code 1: a row of the broker's could not be read; 3: an account could not be read to the end.

    \b
    Example:
      copyctl backfill --rules rules/half-size.yaml --from 2026-09-01
      copyctl backfill --rules rules/half-size.yaml --from 2026-09-01 --to 2026-09-30 --account alice --format json
    """
    from copyctl.cli.credentials import hide_secrets
    from copyctl.rules import read

    today = indian(_now()).date()
    wanted = _wanted(begin, end, today)
    with rules_trouble():
        loaded = read(rules, os.environ, lenient=True)
    hide_secrets(loaded.rules)
    if loaded.rules.broker.adapter is Adapter.SIMULATOR:
        leave(USAGE, NO_BROKER)
    chosen = _chosen(loaded, account)
    with store_trouble():
        rows = asyncio.run(_all(loaded, chosen, wanted))
    _match(rules, rows, wanted)
    answer(form, {"accounts": rows}, backfill_table(rows))
    raise typer.Exit(_tell(rows))


def _now() -> int:
    from copyctl.edge.clock import SystemClock

    return SystemClock().now()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is asked for, from the ``first`` day on: the books of ``today``, if these, and the history of ``stretches``
    of days before it."""

    first: date
    today: date | None
    stretches: "Sequence[Days]"


def _wanted(begin: str, end: str | None, today: date) -> _Wanted:
    from copyctl.engine.backfill import stretches

    first, last = days.so_far(begin, "--from", today), today if end is None else days.so_far(end, "--to", today)
    if first > last:
        raise typer.BadParameter(f"{first} is after --to {last}", param_hint="--from")
    yesterday = today - timedelta(days=1)
    return _Wanted(
        first=first, today=today if last == today else None, stretches=list(stretches(first, min(last, yesterday)))
    )


def _chosen(loaded: "Loaded", name: str | None) -> dict[str, Account]:
    """Whose past is wanted, by name; each of them has what it takes to be asked."""
    from copyctl.rules import render

    rules = loaded.rules
    places: dict[str, tuple[str, Account]] = {"leader": ("leader", rules.leader)}
    places |= {one.name: (f"followers[{place}]", one) for place, one in enumerate(rules.followers)}
    if name is not None and name not in places:
        close = difflib.get_close_matches(name, places, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(places)}"
        leave(USAGE, f"no account is called {name}; {hint}")
    chosen = {who: found for who, found in places.items() if name in (None, who)}
    needed = {f"{place}.{key}" for place, _ in chosen.values() for key in ("client_id", "access_token")}
    missing = [one for one in loaded.findings if one.path in needed and one.code in ("R301", "R302")]
    if missing:
        leave(USAGE, f"the rules file cannot be used:\n{render(missing)}")
    return {who: account for who, (_, account) in chosen.items()}


async def _all(loaded: "Loaded", chosen: Mapping[str, Account], wanted: _Wanted) -> list[Row]:
    """Read every account beside the others: each has limits of its own."""
    from copyctl.cli.backfill_progress import progress
    from copyctl.edge.history import History

    with (
        contextlib.closing(History(Path(loaded.rules.store.path))) as history,
        progress(chosen, len(wanted.stretches) + (wanted.today is not None)) as bar,
    ):
        stop = asyncio.Event()
        async with stopped_by_signals(stop):
            tasks = [
                asyncio.create_task(_one(loaded, name, account, wanted, history, bar))
                for name, account in chosen.items()
            ]
            stopping = asyncio.create_task(_cancel_when(stop, tasks))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                for one in (*tasks, stopping):
                    one.cancel()
                await asyncio.gather(*tasks, stopping, return_exceptions=True)
        rows = [one.result() for one in tasks]
        if any(row["new"] or row["changed"] for row in rows):
            history.back_up()
        return rows


async def _cancel_when(stop: asyncio.Event, tasks: "Sequence[asyncio.Task[Row]]") -> None:
    await stop.wait()
    for one in tasks:
        one.cancel()


async def _one(
    loaded: "Loaded", name: str, account: Account, wanted: _Wanted, history: "History", bar: "Progress"
) -> Row:
    """One account, read as far as that goes."""
    from copyctl.cli.credentials import gateway_of, token_source
    from copyctl.edge.clock import SystemClock
    from copyctl.edge.logs import mask
    from copyctl.engine.backfill import Backfill, Tally, half_pace
    from copyctl.wire.dhan.dialect import Dhan

    rules, clock = loaded.rules, SystemClock()
    try:
        token = token_source(account)
        gateway = gateway_of(rules, account, token.token, clock)
    except (OSError, ValueError) as fault:
        return _row(name, Tally(why=mask(str(fault))))
    work = Backfill(
        account.client_id,
        gateway=gateway,
        wire=Dhan(),
        store=history,
        clock=clock,
        pace=half_pace(rules.rate_limits, clock),
        retries=rules.resilience.retries,
        another_token=token.look,
        says=lambda text: bar.say(name, mask(text)),
        advance=lambda: bar.advance(name),
    )
    try:
        tally = await work.run(wanted.stretches, today=wanted.today)
    except asyncio.CancelledError:
        tally = work.tally
        tally.why = INTERRUPTED
    finally:
        await gateway.close()
    tally.why = mask(tally.why)
    return _row(name, tally)


def _row(name: str, tally: "Tally") -> Row:
    detail = tally.why.rstrip(". ")
    if detail and tally.refused:
        detail = f"{detail}. copyctl doctor shows whether it is the token or the address"
    if detail and tally.goes_on is not None:
        detail = f"{detail}. What came is kept; run it again, and it goes on from {tally.goes_on}"
    return {
        "name": name,
        "orders": tally.orders,
        "trades": tally.trades,
        "new": tally.new,
        "changed": tally.changed,
        "unreadable": tally.unreadable,
        "ok": not tally.why,
        "detail": detail,
    }


_MATCHED: Final = """
    SELECT follower, coalesce(matched_by, 'nothing') AS matched_by, count(*)
    FROM history_matches WHERE day >= ? GROUP BY ALL ORDER BY ALL
"""


def _match(rules: Path, rows: Sequence[Row], wanted: _Wanted) -> None:
    """Add to each follower's row how many of its orders of these days belong to copies, by what that is known."""
    with deployment(rules) as it, analysed(it) as database:
        told = database.execute(_MATCHED, [wanted.first]).fetchall()
    for row in rows:
        if row["name"] != LEADER:
            row["matched"] = {by: count for follower, by, count in told if follower == row["name"]}


def _tell(rows: Sequence[Row]) -> int:
    """Say what was found and what is wrong, and how it ends."""
    for one in rows:
        if matched := one.get("matched"):
            note(f"{one['name']}: orders matched to copies by {', '.join(f'{by} {n}' for by, n in matched.items())}")
        if one["unreadable"]:
            note(f"{one['name']}: {one['unreadable']} rows of the broker's hold what cannot be read")
        if not one["ok"]:
            typer.echo(f"copyctl: {one['name']}: {one['detail']}", err=True)
    if not all(one["ok"] for one in rows):
        return BROKER
    return FINDINGS if any(one["unreadable"] for one in rows) else DONE
