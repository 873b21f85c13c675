"""``dead-letters``: what was given up, listed, tried once more, or dropped."""

import time
from typing import Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment, note_empty
from copyctl.cli.speech import DONE, FINDINGS, USAGE, Format, answer, leave
from copyctl.cli.tables import letters_table
from copyctl.cli.taken_in import trouble
from copyctl.edge.journal_commands import put_command
from copyctl.model.effects import Notice
from copyctl.report.letters import dead_letters as rows_of
from copyctl.report.letters import letter

dead_letters = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

Name = Annotated[str, typer.Argument(metavar="ID", help="Its id, as list tells it.")]


@dead_letters.callback()
def explain() -> None:
    """List, retry or drop copies that were given up.

    A dead letter is a copy that the broker has rejected for good; the reason and the broker's words stand beside it.
    Mend the cause, then retry it; or drop it, then it is listed no more and stays in copyctl orders as dead.

    \b
    Example:
      copyctl dead-letters list --rules rules/half-size.yaml
      copyctl dead-letters retry 112111182198-bob --rules rules/half-size.yaml
      copyctl dead-letters drop 112111182198-bob --rules rules/half-size.yaml
    """


@dead_letters.command("list")
def list_(rules: options.Rules, *, dry_run: options.DryRun = False, form: options.AsFormat = None) -> None:
    """List the copies that were given up, oldest first.

    \b
    Example:
      copyctl dead-letters list --rules rules/half-size.yaml --format json
    """
    with deployment(rules, dry_run=dry_run) as it:
        note_empty(it)
        rows = rows_of(it.journal.records(), it.names)
        answer(form, {"dead_letters": rows}, letters_table(rows))


@dead_letters.command()
def retry(name: Name, rules: options.Rules, *, dry_run: options.DryRun = False, form: options.AsFormat = None) -> None:
    """Try a dead letter once more, as a new order.

    All checks and limits hold, but no rule of late: you ask for it. Of an exit what is owed now is closed. It is
    refused, with the reason, where there is nothing to copy any more.

    \b
    Example:
      copyctl dead-letters retry 112111182198-bob --rules rules/half-size.yaml
    """
    with deployment(rules, dry_run=dry_run) as it:
        _ask(it, "retry", name, form)


@dead_letters.command()
def drop(name: Name, rules: options.Rules, *, dry_run: options.DryRun = False, form: options.AsFormat = None) -> None:
    """Take a dead letter off the list.

    \b
    Example:
      copyctl dead-letters drop 112111182198-bob --rules rules/half-size.yaml
    """
    with deployment(rules, dry_run=dry_run) as it:
        _ask(it, "drop", name, form)


def _ask(it: Deployment, command: str, name: str, form: Format | None) -> None:
    """Have it done by the run that is alive, or by the next one, and say which."""
    copy = letter(it.journal.records(), it.names, name)
    if copy is None:
        leave(USAGE, f"no dead letter is called {name}; see copyctl dead-letters list")
    given_at = time.time_ns()
    number = put_command(it.folder, command, account=copy.follower, reason=copy.leader_order_id, at=given_at)
    lacks = trouble(it, number, lambda: _said(it, number, given_at) is not None) if it.journal.running else None
    said = _said(it, number, given_at)
    if said is not None:
        code, applied, text = DONE if said.facts["ok"] else FINDINGS, "running", f"{name}: {said.text}"
    elif lacks is not None:
        code, applied, text = FINDINGS, "stored" if lacks.waits else "running", f"{command} of {name}{lacks.text}"
    else:
        code, applied = DONE, "stored"
        text = f"{command} of {name} is stored: no run is alive, the next one checks it and does it"
    document: dict[str, Any] = {"ok": code == DONE, "applied": applied, "detail": text}
    answer(form, document, text)
    raise typer.Exit(code)


def _said(it: Deployment, number: int, since: int) -> Notice | None:
    """What the run said to this command."""
    notices = (notice for _, notice in it.journal.notices(0, since))
    return next((one for one in notices if one.facts.get("command") == number), None)
