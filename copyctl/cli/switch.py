"""``kill`` and ``resume``: the switch by hand, on a live run or for the next one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment
from copyctl.cli.speech import DONE, FINDINGS, USAGE, Format, answer, leave
from copyctl.cli.tables import resting_table
from copyctl.edge.journal import put_command
from copyctl.model.choices import KillAction
from copyctl.model.records import Account
from copyctl.report.kill import kill_words, resting
from copyctl.report.picture import Picture

FELT_WITHIN_SECONDS = 3.0
LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants switched, for one follower or (None) for all. ``actions``: what the flags add to a kill."""

    command: str
    follower: str | None
    rules_file: Path
    dry_run: bool
    reason: str = ""
    actions: tuple[KillAction, ...] = ()

    @property
    def halts(self) -> bool:
        """Are cancels and exits to be held back as well?"""
        return KillAction.HALT in self.actions

    @property
    def whom(self) -> str:
        """For people."""
        return self.follower or "all followers"


def kill(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept and shown.")] = "",
    cancel_open: Annotated[
        bool, typer.Option("--cancel-open", help="Also cancel the copies of entries that are still open.")
    ] = False,
    flatten: Annotated[
        bool,
        typer.Option("--flatten", help="Also close what copies built, shorts first; what is held by hand stays."),
    ] = False,
    halt: Annotated[
        bool,
        typer.Option("--halt", help="Then send nothing at all: cancels and exits wait for resume. Lists what rests."),
    ] = False,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Stop copying, for all followers or for one.

    From now on no entry is placed or enlarged; the leader's cancels and exits still follow. What stands under
    kill_switch.actions in the rules is done as well, and what the flags ask for: open entries first, then positions,
    then the halt. copyctl status tells what is still to be done. Orders that are not ours are never touched.

    It holds until copyctl resume, over restarts too. With no run alive it is stored and felt at the next start;
    copyctl run --once is one.

    \b
    Example:
      copyctl kill --rules rules/half-size.yaml --reason "news at three"
      copyctl kill --rules rules/half-size.yaml --follower bob --cancel-open --flatten
      copyctl kill --rules rules/half-size.yaml --halt --format json
    """
    flags = ((cancel_open, KillAction.CANCEL_OPEN_ORDERS), (flatten, KillAction.FLATTEN), (halt, KillAction.HALT))
    actions = tuple(action for wanted, action in flags if wanted)
    with deployment(rules, dry_run=dry_run) as it:
        asked = Asked(
            command="kill", follower=follower, rules_file=rules, dry_run=dry_run, reason=reason, actions=actions
        )
        _switch(it, asked, form)


def resume(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Let copying go on after a kill.

    What was refused meanwhile stays refused; cancels and exits that --halt held back are caught up. What the kill has
    still to do is not done any more.

    \b
    Example:
      copyctl resume --rules rules/half-size.yaml
      copyctl resume --rules rules/half-size.yaml --follower bob
    """
    with deployment(rules, dry_run=dry_run) as it:
        _switch(it, Asked(command="resume", follower=follower, rules_file=rules, dry_run=dry_run), form)


def _switch(it: Deployment, asked: Asked, form: Format | None) -> None:
    """Have it done by the run that is alive, or by the next one, and say which."""
    account = _account(it, asked.follower)
    accounts = [account] if account else list(it.names)
    running = it.journal.running
    number = put_command(
        it.folder, asked.command, account=account, reason=asked.reason, actions=asked.actions, at=time.time_ns()
    )
    trouble = _trouble(it, asked, number, accounts) if running else None
    outcome = _stored(it, asked) if not running else trouble.text if trouble else _done(it, asked)
    document: dict[str, Any] = {
        "ok": trouble is None,
        "applied": "stored" if not running or (trouble and trouble.waits) else "running",
        "detail": f"{asked.command} for {asked.whom}{outcome}",
    }
    if asked.halts:
        document["resting"] = resting(it.journal.records(), it.names, set(accounts))
    answer(form, document, document["detail"], *([resting_table(document["resting"])] if asked.halts else []))
    raise typer.Exit(FINDINGS if trouble else DONE)


def _done(it: Deployment, asked: Asked) -> str:
    """What the run that has taken the command in does now."""
    if asked.command == "resume":
        return ": copying goes on; what was refused meanwhile stays refused"
    return f": {_effect(it, asked)}"


def _stored(it: Deployment, asked: Asked) -> str:
    """What is to come of it where nobody is there to do it."""
    if asked.command == "resume":
        return " is stored: no run is alive, the next one starts with it"
    once = f"copyctl run --once --rules {quote(str(asked.rules_file))}{' --dry-run' if asked.dry_run else ''}"
    return f" is stored: no run is alive. {once} acts on it now, else the next run does: {_effect(it, asked)}"


def _effect(it: Deployment, asked: Asked) -> str:
    """What a kill does, by its flags and by the rules."""
    to_do = kill_words((*it.rules.kill_switch.actions, *asked.actions))
    follow = "" if asked.halts else ", the leader's cancels and exits still follow"
    return f"nothing new is copied{follow}" + (f"; to do: {', then '.join(to_do)}" if to_do else "")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """Why a run does not do as it was told. ``waits``: it has not even taken the command in."""

    text: str
    waits: bool


def _trouble(it: Deployment, asked: Asked, number: int, accounts: Sequence[str]) -> _Trouble | None:
    """What the run lacks after some seconds of having taken the command in and holding to it; None for nothing."""
    until = time.monotonic() + FELT_WITHIN_SECONDS
    while True:
        waits = any(one.command_id == number for one in it.journal.commands())
        if not waits and _holds(it, asked, accounts):
            return None
        if time.monotonic() > until:
            break
        time.sleep(LOOK_EVERY_SECONDS)
    if waits:
        text = f" is stored, but the run has not taken it in within {FELT_WITHIN_SECONDS:.0f} s. See whether it hangs"
    else:
        text = " was taken in, but the run does not show that it holds to it. See what it says"
    return _Trouble(text=f"{text} (copyctl status), and stop it if need be", waits=waits)


def _holds(it: Deployment, asked: Asked, accounts: Sequence[str]) -> bool:
    """Do the records of these accounts, as far as the run knows them, say what was asked for?"""
    known = Picture(it.journal.records()).accounts
    mine = [known[one] for one in accounts if one in known]
    if asked.command == "resume":
        return not any(one.killed_at or one.halted for one in mine)
    return all(one.killed_at and (not asked.halts or _halts(one)) for one in mine)


def _halts(account: Account) -> bool:
    return account.halted or KillAction.HALT in account.kill_actions
