"""``reconcile``: store against broker and leader against followers, and what is done about differences."""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from copyctl.cli import days, options
from copyctl.cli.deployment import Deployment, deployment, note_empty, rules_trouble
from copyctl.cli.speech import (
    BROKER,
    DONE,
    FINDINGS,
    STORE,
    USAGE,
    VERBOSITY,
    Format,
    answer,
    chosen,
    clean,
    leave,
    note,
)
from copyctl.model.choices import Adapter
from copyctl.model.order import Fill
from copyctl.report.moments import IST, date_of, day_of, nanoseconds

if TYPE_CHECKING:
    from copyctl.cli.reconcile_looks import Compared
    from copyctl.report.reconcile import Difference
    from copyctl.rules import Loaded

Row = dict[str, Any]

NO_BROKER = "there is no broker outside of the run (broker.adapter: simulator): it has nothing to be compared with"


def reconcile(
    rules: options.Rules,
    *,
    on: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="A past day, by the trades that the store has fetched.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Have done what the rules allow, and say what was done.")] = False,
    tolerance: Annotated[
        int,
        typer.Option("--tolerance", metavar="LOTS", min=0, help="So many lots of fills and positions are no drift."),
    ] = 0,
    form: options.AsFormat = None,
) -> None:
    """Compare store, broker, leader and followers.

    What the rules skipped, refused or keep waiting is no difference. What moves is looked at again before it is told.
    Kinds: unresolved, missing_copy, orphan_order, status, quantity, price, fill, position. Exit code 1: something
    differs. With -q and --format table nothing is printed where nothing does, so that cron mails nothing.

    With --fix the run that is alive looks at everything once more; where none is, one catches up once from the books,
    as copyctl run --once does. What a person changed by hand is left alone, and so is an order that is not ours.

    \b
    Example:
      copyctl reconcile --rules rules/half-size.yaml --format table
      copyctl reconcile --rules rules/half-size.yaml --fix --tolerance 1
    """
    day = _day(on)
    if day is not None and fix:
        raise typer.BadParameter("a day that is past cannot be mended", param_hint="--fix")
    with rules_trouble():
        from copyctl.rules import read

        loaded = read(rules, os.environ)
    with deployment(rules) as it:
        note_empty(it)
        if day is not None:
            _past(it, day, tolerance, form)
        if loaded.rules.broker.adapter is Adapter.SIMULATOR:
            leave(USAGE, NO_BROKER)
        found, after = asyncio.run(_compared(loaded, it, tolerance, fix=fix))
        _told(it, found, after, form)


def _say(text: str) -> None:
    """What it is at, for who watches; a mail from cron has none of it."""
    if sys.stderr.isatty():
        note(text)


async def _compared(
    loaded: "Loaded", it: Deployment, tolerance: int, *, fix: bool
) -> "tuple[Compared, Compared | None]":
    """What differed, and what differs after it was mended; None where nothing was to be."""
    from copyctl.cli.assemble import CannotRun
    from copyctl.cli.reconcile_fix import mended
    from copyctl.cli.reconcile_looks import Looks
    from copyctl.edge.journal import StoreError
    from copyctl.edge.logs import configure

    if VERBOSITY.get() <= 0:  # what was throttled and read once more is no news for a mail
        configure("error", loaded.rules.logging.format)
    async with Looks(loaded.rules, it, tolerance=tolerance, say=_say) as looks:
        found = await looks.compare()
        if not fix or not any(one.remedy.can_be_done for one in found.found):
            return found, None
        _say(f"mending {len(found.found)} differences")
        try:
            return found, await mended(loaded, it, looks, found.found)
        except CannotRun as refused:
            leave(refused.code, str(refused))
        except StoreError as trouble:
            leave(STORE, str(trouble))


# --- what is told -----------------------------------------------------------------------------------------------------


def _told(it: Deployment, found: "Compared", after: "Compared | None", form: Format | None) -> None:
    """Tell it, and end with the exit code that fits."""
    last = after or found
    left = {(*one.key, one.kind): one for one in last.found}
    every = {(*one.key, one.kind): one for one in (*found.found, *last.found)}
    gone = [one for key, one in every.items() if key not in left]
    _tell(it, [*gone, *last.found], len(gone), last, form, tried=after is not None)


def _tell(
    it: Deployment,
    shown: "Sequence[Difference]",
    gone: int,
    last: "Compared",
    form: Format | None,
    *,
    tried: bool,
) -> None:
    """Tell these differences, of which the first ``gone`` are mended, and end with the exit code that fits."""
    from copyctl.report.reconcile import action, rows

    running = it.journal.running
    mended = [place < gone for place in range(len(shown))]
    actions = [action(one, fixed=done, tried=tried, running=running) for one, done in zip(shown, mended, strict=True)]
    told = rows(shown, it.names, actions)
    remain = len(shown) - gone
    document = {
        "ok": not remain and not last.unread,
        "drift": told,
        "followers": last.followers,
        "orders": last.orders,
        "unread": [{"account": name, "text": why} for name, why in last.unread.items()],
    }
    if last.moving:
        note(f"{last.moving} more were on their way to something else still, and are not told")
    is_quiet = document["ok"] and VERBOSITY.get() < 0 and chosen(form) is Format.TABLE
    if not is_quiet:
        answer(form, document, *text(told, mended, last.unread, (last.followers, last.orders)))
    raise typer.Exit(BROKER if last.unread else FINDINGS if remain else DONE)


def text(
    told: Sequence[Row], mended: Sequence[bool], unread: Mapping[str, str], compared: tuple[int, int]
) -> list[str]:
    """The answer as a mail: a first line for its subject, then a line for each row."""
    left = [row for row, gone in zip(told, mended, strict=True) if not gone]
    followers, orders = compared
    if left:
        counts = Counter(row["kind"] for row in left)
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        who = ", ".join(dict.fromkeys(clean(row["follower"]) for row in left))
        head = f"{_many(len(left), 'difference')} at {who} ({kinds})"
    else:
        head = f"no differences, {_many(followers, 'follower')}, {_many(orders, 'order')} compared"
    if any(mended):
        head += f", {sum(mended)} mended"
    if unread:
        head = f"cannot read {', '.join(map(clean, unread))}{f'; {head}' if followers else ''}"
    lines = [f"copyctl: {head}"]
    lines += [f"  {clean(name)} cannot be read: {clean(why)}" for name, why in unread.items()]
    return [*lines, *(_line(row) for row in told)]


def _line(row: Row) -> str:
    what = clean(row["symbol"] or row["security_id"] or "")
    order = f" of the leader's order {clean(row['leader_order_id'])}" if row["leader_order_id"] else ""
    own = f" (order {clean(row['follower_order_id'])})" if row["follower_order_id"] else ""
    figures = f"expected {clean(row['expected'])}, found {clean(row['actual'])}"
    return f"  {clean(row['follower'])}: {row['kind']} {what}{order}{own}: {figures}; {clean(row['action'])}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# --- a past day -------------------------------------------------------------------------------------------------------


def _day(text: str | None) -> date | None:
    """The day that ``--date`` names; None for this one."""
    if text is None:
        return None
    today = datetime.now(IST).date()
    day = days.so_far(text, "--date", today)
    return None if day == today else day


def past_trades(folder: Path, accounts: Sequence[str], day: date) -> Mapping[str, Sequence[Fill]]:
    """The trades of a past day by account, as they were fetched into the store; an account of which that day was not
    read is left out."""
    from copyctl.edge.history import HistoryReader
    from copyctl.model.history import PastTrade

    history = HistoryReader(folder)
    with contextlib.closing(history), history.one_moment():
        read = [one for one in accounts if history.was_read(one, day)]
        told = (msgspec.json.decode(body, type=PastTrade) for *_, body in history.trades())
        trades = [one for one in told if date_of(day_of(one.traded_at)) == day]
    return {account: [one.as_fill() for one in trades if one.account == account] for account in read}


def _past(it: Deployment, day: date, tolerance: int, form: Format | None) -> None:
    """Compare a day whose order books are gone."""
    from copyctl.cli.reconcile_looks import Compared
    from copyctl.report.picture import Picture
    from copyctl.report.reconcile_day import day_differences

    history = past_trades(it.folder, list(it.names), day)
    lacking = {name: _not_fetched(day) for account, name in it.names.items() if account not in history}
    begins = nanoseconds(datetime.combine(day, datetime.min.time(), IST))
    picture = Picture(it.journal.records(past=True))
    found = day_differences(
        picture, it.names, history, begins=begins, ends=begins + 86_400_000_000_000, tolerance=tolerance
    )
    if lacking:
        leave(USAGE, "; ".join(f"{name}: {why}" for name, why in lacking.items()))
    orders = len({one.order_id for trades in history.values() for one in trades})
    compared = Compared(found=found, orders=orders, followers=len(history))
    _tell(it, found, 0, compared, form, tried=False)


def _not_fetched(day: date) -> str:
    return f"its trades of {day} are not in the store; fetch them first (copyctl backfill --from {day} --to {day})"
