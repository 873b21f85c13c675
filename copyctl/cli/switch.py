"""``kill`` and ``resume``, ``pause`` and ``unpause``: by hand, on a live run; where none is alive they are stored, and
a kill acts by itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment
from copyctl.cli.solo import Acted, act
from copyctl.cli.speech import BROKER, DONE, FINDINGS, USAGE, Format, answer, leave, note
from copyctl.cli.tables import kill_orders_table, resting_table
from copyctl.cli.taken_in import Trouble, trouble
from copyctl.edge.journal import StoreLocked
from copyctl.edge.journal_commands import put_command
from copyctl.model.account import Account
from copyctl.model.choices import KillAction
from copyctl.report.kill import kill_words, resting
from copyctl.report.picture import Picture

ACTS_WITHIN_SECONDS = 60
RUNS_SEEN_OFF = 3
"""So often it is begun again where a run has ended just before it took the command in, or has just begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants: kill or resume, pause or unpause, for one follower or (None) for all. ``actions``: what the
    flags add to a kill; ``within``: how many seconds it acts by itself."""

    command: str
    follower: str | None
    rules_file: Path
    dry_run: bool
    reason: str = ""
    actions: tuple[KillAction, ...] = ()
    within: int = ACTS_WITHIN_SECONDS

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
    within: Annotated[
        int,
        typer.Option("--within", metavar="SECONDS", min=1, max=3600, help="How long to act, with no run alive."),
    ] = ACTS_WITHIN_SECONDS,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Stop copying, for all followers or for one.

    From now on no entry is placed or enlarged; the leader's cancels and exits still follow. What stands under
    kill_switch.actions in the rules is done as well, and what the flags ask for: open entries first, then positions,
    then the halt. copyctl status tells what is still to be done. Orders that are not ours are never touched.

    It holds until copyctl resume, over restarts too. With no run alive this command does what is to be done itself,
    with the followers' tokens alone, and lists each order; exit code 3 says that a part was not done. The next run
    goes on with that.

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
            command="kill",
            follower=follower,
            rules_file=rules,
            dry_run=dry_run,
            reason=reason,
            actions=actions,
            within=within,
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


def pause(
    rules: options.Rules,
    follower: options.OneFollower,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept and shown.")] = "",
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Send nothing at all for one follower until unpause.

    Cancels and exits wait as well as entries, over restarts too: what is at the broker stays there, and is yours to
    watch. One thing is sent all the same: a resting exit of ours is cut where it exceeds the position, so that it
    cannot open a new one. Other followers are not touched.

    \b
    Example:
      copyctl pause --rules rules/half-size.yaml --follower bob
      copyctl pause --rules rules/half-size.yaml --follower bob --reason "trades by hand today" --format json
    """
    with deployment(rules, dry_run=dry_run) as it:
        asked = Asked(command="pause", follower=follower, rules_file=rules, dry_run=dry_run, reason=reason)
        _switch(it, asked, form)


def unpause(
    rules: options.Rules,
    follower: options.OneFollower,
    *,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Let a paused follower go on.

    Its books are read first. Cancels and exits that it missed are caught up; entries by the rules of late, so that what
    the leader has cancelled or closed meanwhile is not bought. A follower whose token or address is refused is tried at
    once.

    \b
    Example:
      copyctl unpause --rules rules/half-size.yaml --follower bob
      copyctl unpause --rules rules/half-size.yaml --follower bob --format json
    """
    with deployment(rules, dry_run=dry_run) as it:
        _switch(it, Asked(command="unpause", follower=follower, rules_file=rules, dry_run=dry_run), form)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of it, for people and for programs. ``code``: the exit code."""

    code: int
    applied: str
    text: str
    acted: Acted | None = None


def _switch(it: Deployment, asked: Asked, form: Format | None) -> None:
    """Have it done: by the run that is alive, by this command, or by the next run; and say which."""
    account = _account(it, asked.follower)
    accounts = [account] if account else list(it.names)
    number = put_command(
        it.folder, asked.command, account=account, reason=asked.reason, actions=asked.actions, at=time.time_ns()
    )
    outcome = _outcome(it, asked, number, accounts)
    document: dict[str, Any] = {
        "ok": outcome.code == DONE,
        "applied": outcome.applied,
        "detail": f"{asked.command} for {asked.whom}{outcome.text}",
    }
    told: list[RenderableType] = [document["detail"]]
    if asked.command == "kill":
        acted = outcome.acted or Acted()
        document["orders"] = acted.orders
        document["failed"] = [{"follower": name, "text": why} for name, why in acted.failed.items()]
        told += [kill_orders_table(acted.orders)] if acted.orders else []
    if asked.halts:
        document["resting"] = resting(it.journal.records(), it.names, set(accounts))
        told.append(resting_table(document["resting"]))
    answer(form, document, *told)
    raise typer.Exit(outcome.code)


def _outcome(it: Deployment, asked: Asked, number: int, accounts: Sequence[str]) -> _Outcome:
    """The command is in the store. A run that is alive takes it in; where none is, a kill is done here."""
    lacks: Trouble | None = None
    for _ in range(RUNS_SEEN_OFF):
        if not it.journal.running:
            try:
                return _without_run(it, asked, accounts)
            except StoreLocked:
                note("a run has just begun: it is told")
        lacks = trouble(it, number, lambda: _holds(it, asked, accounts))
        if lacks is None or not lacks.waits or it.journal.running:
            break
    if lacks is None:
        return _Outcome(code=DONE, applied="running", text=_done(it, asked))
    return _Outcome(code=FINDINGS, applied="stored" if lacks.waits else "running", text=lacks.text)


def _without_run(it: Deployment, asked: Asked, accounts: Sequence[str]) -> _Outcome:
    """No run is alive: a kill acts by itself, where anything is to be done.

    Raises:
        StoreLocked: one has just begun.
    """
    if asked.command != "kill":
        return _Outcome(code=DONE, applied="stored", text=" is stored: no run is alive, the next one starts with it")
    if asked.dry_run:
        return _Outcome(code=DONE, applied="stored", text=_stored_dry(it, asked))
    acted = act(it, asked.rules_file, accounts, asked.actions, everybody=not asked.follower, within=asked.within)
    code = BROKER if acted.failed else DONE
    return _Outcome(code=code, applied="stored", text=_told(it, asked, acted), acted=acted)


def _done(it: Deployment, asked: Asked) -> str:
    """What the run that has taken the command in does now."""
    known = Picture(it.journal.records()).accounts
    paused = [name for account, name in it.names.items() if account in known and known[account].paused_at]
    mine = [name for name in paused if asked.follower in (None, name)]
    waits = f"; paused: {', '.join(mine)}, for whom nothing is sent until copyctl unpause" if mine else ""
    return f"{_DONE.get(asked.command) or f': {_effect(it, asked)}'}{waits if asked.command != 'pause' else ''}"


_DONE = {
    "resume": ": copying goes on; what was refused meanwhile stays refused",
    "pause": ": nothing is sent for it any more, cancels and exits neither; what is at the broker stays there",
    "unpause": ": its books are read, then what it missed is caught up",
}


def _stored_dry(it: Deployment, asked: Asked) -> str:
    """Of a dry run nothing is at the broker: there is nothing that could be done now."""
    once = f"copyctl run --once --rules {quote(str(asked.rules_file))} --dry-run"
    return f" is stored: no run is alive. {once} acts on it now, else the next run does: {_effect(it, asked)}"


def _told(it: Deployment, asked: Asked, acted: Acted) -> str:
    """What a kill did by itself, or why there was nothing to do."""
    stops = _stops(asked)
    if not acted.to_do:
        why = f"; nothing is to be done now: {acted.why}" if acted.why else ""
        return f" is stored: no run is alive{why}. From the next start on {stops}"
    did = ", then ".join(kill_words(acted.to_do))
    if not acted.failed:
        return f" is done, by this command since no run is alive: {did}. From the next start on {stops}"
    reasons = {why: [name for name, one in acted.failed.items() if one == why] for why in acted.failed.values()}
    failed = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    again = "The next run tries what is left again, and so does this command when it is given once more"
    return f" is stored, and not all of it is done ({did}). {failed}. {again}; {stops}"


def _stops(asked: Asked) -> str:
    follow = "" if asked.halts else ", the leader's cancels and exits still follow"
    return f"nothing new is copied{follow}"


def _effect(it: Deployment, asked: Asked) -> str:
    """What a kill does, by its flags and by the rules."""
    to_do = kill_words((*it.rules.kill_switch.actions, *asked.actions))
    return _stops(asked) + (f"; to do: {', then '.join(to_do)}" if to_do else "")


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


def _holds(it: Deployment, asked: Asked, accounts: Sequence[str]) -> bool:
    """Do the records of these accounts, as far as the run knows them, say what was asked for?"""
    known = Picture(it.journal.records()).accounts
    mine = [known[one] for one in accounts if one in known]
    if asked.command == "resume":
        return not any(one.killed_at or one.halted for one in mine)
    if asked.command in ("pause", "unpause"):
        return all(bool(one.paused_at) is (asked.command == "pause") for one in mine)
    return all(one.killed_at and (not asked.halts or _halts(one)) for one in mine)


def _halts(account: Account) -> bool:
    return account.halted or KillAction.HALT in account.kill_actions
