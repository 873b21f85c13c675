"""``reload``: other rules for a run that goes on."""

import os
import time
from typing import Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment
from copyctl.cli.speech import DONE, FINDINGS, USAGE, answer, leave
from copyctl.edge.journal_commands import put_command
from copyctl.edge.journal_file import is_locked

ANSWERED_WITHIN_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.05


def reload(
    rules: options.Rules,
    *,
    plan: Annotated[
        str,
        typer.Option("--plan", metavar="HASH", help="Only if just what this plan showed comes of it (copyctl plan)."),
    ] = "",
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Put a changed rules file in force while a run goes on.

    SIGHUP to the run does the same. The file is checked first; one with an error changes nothing. Copies that are open
    keep the decision that they were made with until the leader changes them; everything that comes from now on is
    decided by the new rules. Followers may be added, and taken out once they are flat with nothing open. Another client
    id, store or broker needs a new start. With no run alive there is nothing to do: the next start reads the file.

    With --plan the run makes the plan once more as it takes the rules in, and changes nothing where it is another one.

    \b
    Example:
      copyctl reload --rules rules/half-size.yaml
    """
    from copyctl.lab.planned import is_hash
    from copyctl.rules import RulesRefused, errors, read, render

    if plan and not is_hash(plan):
        raise typer.BadParameter("this is no hash of a plan: copyctl plan tells it", param_hint="--plan")
    try:
        read(rules, os.environ, lenient=True)  # what this shell has no variable for, the run has
    except RulesRefused as refused:
        leave(USAGE, render(errors(refused.findings)))
    with deployment(rules, dry_run=dry_run) as it:
        code, applied, detail = _asked(it, plan)
    document: dict[str, Any] = {"ok": code == DONE, "applied": applied, "detail": detail}
    answer(form, document, detail)
    raise typer.Exit(code)


def _asked(it: Deployment, plan: str) -> tuple[int, str, str]:
    """Exit code, where it was applied, and a sentence."""
    if not it.journal.running:
        return _at_the_next_start("no run is alive", plan)
    number = put_command(it.folder, "reload", reason=plan, at=time.time_ns())
    until = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while (said := it.journal.answer(number)) is None:
        if not is_locked(it.folder):
            return _at_the_next_start("the run has ended meanwhile", plan)
        if time.monotonic() > until:
            return FINDINGS, "stored", f"no answer of the run within {ANSWERED_WITHIN_SECONDS:.0f} s (copyctl status)"
        time.sleep(LOOK_EVERY_SECONDS)
    if said:
        return USAGE, "running", f"nothing has changed: {said}"
    return DONE, "running", "the rules are in force; open copies keep their decisions until the leader changes them"


def _at_the_next_start(why: str, plan: str) -> tuple[int, str, str]:
    """No run takes it in. A start reads the books before it does anything: no plan holds for it."""
    if plan:
        return USAGE, "stored", f"nothing has changed: {why}, and a start reads the books first: copyctl run"
    return DONE, "stored", f"{why}: the next start reads the file"
