"""``kill`` and ``resume``: the switch by hand, on a live run or for the next one."""

import time
from dataclasses import dataclass
from typing import Annotated

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment
from copyctl.cli.speech import DONE, FINDINGS, USAGE, Format, answer, leave
from copyctl.edge.journal import put_command
from copyctl.report.picture import Picture

FELT_WITHIN_SECONDS = 3.0
LOOK_EVERY_SECONDS = 0.1

_DONE = {"kill": "nothing new is copied; cancels go on", "resume": "copying goes on"}
_LATER = {
    "--halt": "holding back cancels as well",
    "--cancel-open": "cancelling open copies",
    "--flatten": "closing copied positions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants switched, for one follower or (None) for all."""

    command: str
    follower: str | None
    reason: str = ""


def kill(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept and shown.")] = "",
    halt: Annotated[bool, typer.Option("--halt", hidden=True)] = False,
    cancel_open: Annotated[bool, typer.Option("--cancel-open", hidden=True)] = False,
    flatten: Annotated[bool, typer.Option("--flatten", hidden=True)] = False,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Stop copying, for all followers or for one.

    From now on nothing is placed or enlarged; the leader's cancels still follow. It holds until copyctl resume, over
    restarts too; with no run alive it is felt at the next start.

    \b
    Example:
      copyctl kill --rules rules/half-size.yaml --reason "news at three"
      copyctl kill --rules rules/half-size.yaml --follower bob
    """
    for flag, wanted in (("--halt", halt), ("--cancel-open", cancel_open), ("--flatten", flatten)):
        if wanted:
            leave(USAGE, f"{flag} ({_LATER[flag]}) comes in a later version; nothing was switched. Use kill without it")
    with deployment(rules, dry_run=dry_run) as it:
        _switch(it, Asked(command="kill", follower=follower, reason=reason), form)


def resume(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Let copying go on after a kill. What was refused meanwhile stays refused.

    \b
    Example:
      copyctl resume --rules rules/half-size.yaml
    """
    with deployment(rules, dry_run=dry_run) as it:
        _switch(it, Asked(command="resume", follower=follower), form)


def _switch(it: Deployment, asked: Asked, form: Format | None) -> None:
    """Have it done by the run that is alive, or by the next one, and say which."""
    account = _account(it, asked.follower)
    running = it.journal.running
    put_command(it.folder, asked.command, account=account, reason=asked.reason, at=time.time_ns())
    whom = asked.follower or "all followers"
    if not running:
        detail = f"{asked.command} for {whom} is stored: no run is alive, the next one starts with it"
        code, applied = DONE, "stored"
    elif _felt(it, asked.command, account):
        detail = f"{asked.command} for {whom}: {_DONE[asked.command]}"
        code, applied = DONE, "running"
    else:
        detail = (
            f"{asked.command} for {whom} is stored, but the run has not taken it in within "
            f"{FELT_WITHIN_SECONDS:.0f} s. See whether it hangs (copyctl status), and stop it if it does"
        )
        code, applied = FINDINGS, "stored"
    answer(form, {"ok": code == DONE, "applied": applied, "detail": detail}, detail)
    raise typer.Exit(code)


def _account(it: Deployment, follower: str | None) -> str:
    """The account of a follower, "" for all of them."""
    if follower is None:
        return ""
    it.refuse_strangers(follower)
    accounts = {name: account for account, name in it.names.items()}
    if follower not in accounts:
        written = next(one.client_id for one in it.rules.followers if one.name == follower)
        leave(USAGE, f"nothing tells the client id of {follower} yet: set the variable for {written}, or kill all")
    return accounts[follower]


def _felt(it: Deployment, command: str, account: str) -> bool:
    """Does the run show within some seconds that it has taken the command in?"""
    accounts = [account] if account else list(it.names)
    until = time.monotonic() + FELT_WITHIN_SECONDS
    while time.monotonic() < until:
        known = Picture(it.journal.records()).accounts
        held = [one in known and bool(known[one].killed_at) for one in accounts]
        if all(held) if command == "kill" else not any(held):
            return True
        time.sleep(LOOK_EVERY_SECONDS)
    return False
