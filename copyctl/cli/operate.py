"""``orders``, ``positions``, ``status``, ``events``: looking into a deployment while it runs, or when it does not."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from copyctl.cli import moments, options
from copyctl.cli.console import line
from copyctl.cli.deployment import Deployment, deployment, note_empty
from copyctl.cli.speech import Format, answer, deserted, hush, note, paper
from copyctl.cli.tables import orders_table, positions_table, status_tables
from copyctl.edge.journal_reader import JournalReader
from copyctl.edge.pulse import read_pulse
from copyctl.model.effects import Notice
from copyctl.report.events import LEADER
from copyctl.report.events import event as event_row
from copyctl.report.moments import day_start, nanoseconds
from copyctl.report.orders import copies
from copyctl.report.positions import doubts
from copyctl.report.positions import positions as position_rows
from copyctl.report.status import Member, Run
from copyctl.report.status import status as status_document

LISTEN_EVERY_SECONDS = 0.2


def orders(
    rules: options.Rules,
    *,
    today: Annotated[bool, typer.Option("--today", help="Leader orders of this Indian day.")] = False,
    since: options.Since = None,
    follower: options.Follower = None,
    leader_order: Annotated[
        str | None, typer.Option("--leader-order", metavar="ID", help="This order of the leader alone.")
    ] = None,
    dry_run: options.DryRun = False,
    shadow: options.Shadow = False,
    form: options.AsFormat = None,
) -> None:
    """Tell what became of every leader order.

    One row per leader order and follower: the decision and why, the copy at the broker, its fills, its slippage
    (positive is a cost) and its drift from what the rules want. An order that reverses a position is one row: its
    decision is that of the entry, its detail tells the exit too. A row called position:... belongs to no leader order:
    an exit that was missed, a position that was joined, a flatten.

    What each reason means: copyctl explain --codes.

    \b
    Example:
      copyctl orders --rules rules/half-size.yaml --today
      copyctl orders --rules rules/half-size.yaml --follower alice --format json
    """
    if today and since is not None:
        raise typer.BadParameter("give --today or --since, not both", param_hint="--since")
    begins = day_start(time.time_ns()) if today else moments.since(since)
    with deployment(rules, dry_run=dry_run, shadow=shadow) as it:
        it.refuse_strangers(follower)
        note_empty(it)
        rows = copies(
            it.journal.records(past=True),
            it.names,
            leader=it.leader,
            since=begins,
            follower=follower,
            leader_order_id=leader_order,
        )
        if shadow and it.journal.exists:
            from copyctl.cli.shadow import differences, in_words  # it loads a client for the network

            note(in_words(differences(it.folder.parent)))
        answer(form, {"copies": rows}, orders_table(rows))


def positions(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    dry_run: options.DryRun = False,
    shadow: options.Shadow = False,
    form: options.AsFormat = None,
) -> None:
    """Tell who holds what, leader and followers.

    One row per follower, instrument and product, in units, negative for what is sold. leader: what the leader holds
    there; wanted: what the copies should hold by now; copied: what they do hold; by hand: the follower's own; actual:
    both together, as the account has it. Where copied and wanted differ, something is owed: it is on its way, or less
    than a lot.

    \b
    Example:
      copyctl positions --rules rules/half-size.yaml
      copyctl positions --rules rules/half-size.yaml --follower alice --format json
    """
    with deployment(rules, dry_run=dry_run, shadow=shadow) as it:
        it.refuse_strangers(follower)
        note_empty(it)
        records = it.journal.records()
        everybody = {it.leader: LEADER, **it.names}
        for doubt in doubts(records, everybody, now=time.time_ns()):
            note(f"positions: {doubt}")
        rows = position_rows(records, it.names, leader=it.leader, follower=follower)
        answer(form, {"positions": rows}, positions_table(rows))


def status(
    rules: options.Rules,
    *,
    dry_run: options.DryRun = False,
    shadow: options.Shadow = False,
    form: options.AsFormat = None,
) -> None:
    """Tell how the replicator and its followers stand.

    Stream, followers, kill switch, latency from the leader's frame to our request, what is left of the rate limits.

    \b
    Example:
      copyctl status --rules rules/half-size.yaml
    """
    with deployment(rules, dry_run=dry_run, shadow=shadow) as it:
        note_empty(it)
        now = time.time_ns()
        run = Run(
            running=it.journal.running,
            now=now,
            since=_began(it.journal),
            leader=it.leader,
            pulse=read_pulse(it.folder),
            waiting=it.journal.commands(),
            actions=it.rules.kill_switch.actions,
        )
        enabled = {one.name: one.enabled for one in it.rules.followers}
        members = [Member(name=name, account=one, enabled=enabled[name]) for name, one in it.followers.items()]
        document = status_document(it.journal.records(), run, members, it.rules.rate_limits)
        answer(form, document, *status_tables(document))


def events(
    rules: options.Rules,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as things happen, until stopped.")] = False,
    since: options.Since = None,
    dry_run: options.DryRun = False,
    shadow: options.Shadow = False,
    form: Annotated[Format, typer.Option("--format", help="json: JSON Lines; table: for people.")] = Format.JSON,
) -> None:
    """Print all that happened, as JSON Lines.

    One object a line: decisions, requests, answers, fills, states, alerts. Without --since from the very beginning;
    with --follow it goes on until Ctrl-C or SIGTERM.

    \b
    Example:
      copyctl events --rules rules/half-size.yaml --follow --since 09:15
    """
    begins = moments.since(since)
    with deployment(rules, dry_run=dry_run, shadow=shadow) as it:
        note_empty(it)
        page = paper(sys.stdout)

        def tell(seq: int, notice: Notice) -> None:
            if form is Format.JSON:
                sys.stdout.write(json.dumps(event(seq, notice, it)) + "\n")
            else:
                page.print(line(notice, {**it.names, it.leader: LEADER}), soft_wrap=True)

        try:
            if follow:
                signal.signal(signal.SIGTERM, signal.default_int_handler)
            for seq, notice in _notices(it, begins, follow=follow):
                tell(seq, notice)
        except (KeyboardInterrupt, BrokenPipeError):  # stopped, or nobody reads any more
            hush()


def event(seq: int, notice: Notice, it: Deployment) -> dict[str, Any]:
    """A notice as a program reads it."""
    return {"seq": seq, **event_row(notice, it.names, it.leader)}


def _notices(it: Deployment, since: int, *, follow: bool) -> Iterator[tuple[int, Notice]]:
    """Every notice from a moment on; with ``follow`` those to come as well, also of a store that is yet to be."""
    last = 0
    while True:
        for seq, notice in it.journal.notices(last, since):
            last = seq
            yield seq, notice
        sys.stdout.flush()
        if not follow or deserted(sys.stdout):
            return
        time.sleep(LISTEN_EVERY_SECONDS)


def _began(journal: JournalReader) -> int:
    """When the run that is alive, or the last one, began."""
    written = journal.meta("running_since")
    return nanoseconds(datetime.fromisoformat(written)) if written else 0
