"""``reload``: other rules for a run that goes on."""

import os
import time
from typing import Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment
from copyctl.cli.speech import DONE, FINDINGS, USAGE, answer, leave
from copyctl.edge.journal import put_command
from copyctl.edge.journal_file import is_locked

ANSWERED_WITHIN_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.05


def reload(rules: options.Rules, *, dry_run: options.DryRun = False, form: options.AsFormat = None) -> None:
    """Put a changed rules file in force while a run goes on.

    SIGHUP to the run does the same. The file is checked first; one with an error changes nothing. Copies that are open
    keep the decision that they were made with until the leader changes them; everything that comes from now on is
    decided by the new rules. Followers may be added, and taken out once they are flat with nothing open. Another client
    id, store or broker needs a new start. With no run alive there is nothing to do: the next start reads the file.

    \b
    Example:
      copyctl reload --rules rules/half-size.yaml
    """
    from copyctl.rules import RulesRefused, errors, read, render

    try:
        read(rules, os.environ, lenient=True)  # what this shell has no variable for, the run has
    except RulesRefused as refused:
        leave(USAGE, render(errors(refused.findings)))
    with deployment(rules, dry_run=dry_run) as it:
        code, applied, detail = _asked(it)
    document: dict[str, Any] = {"ok": code == DONE, "applied": applied, "detail": detail}
    answer(form, document, detail)
    raise typer.Exit(code)


def _asked(it: Deployment) -> tuple[int, str, str]:
    """Exit code, where it was applied, and a sentence."""
    if not it.journal.running:
        return DONE, "stored", "no run is alive: the next start reads the file"
    number = put_command(it.folder, "reload", at=time.time_ns())
    until = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while (said := it.journal.answer(number)) is None:
        if not is_locked(it.folder):
            return DONE, "stored", "the run has ended meanwhile: the next start reads the file"
        if time.monotonic() > until:
            return FINDINGS, "stored", f"no answer of the run within {ANSWERED_WITHIN_SECONDS:.0f} s (copyctl status)"
        time.sleep(LOOK_EVERY_SECONDS)
    if said:
        return USAGE, "running", f"nothing has changed: {said}"
    return DONE, "running", "the rules are in force; open copies keep their decisions until the leader changes them"
