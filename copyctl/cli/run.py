"""``copyctl run``: the replicator, until it is stopped."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from copyctl.cli.assemble import Run
    from copyctl.cli.shadow import Policy, Shadow
    from copyctl.cli.watching import Watching
    from copyctl.rules import Loaded

BAD_RULES, BROKER, STORE = 2, 3, 4
BEAT_SECONDS = 1.0
QUIET_FOR_SECONDS = 1.0
QUIET_WITHIN_SECONDS = 20.0


def run(
    rules: Annotated[Path, typer.Option("--rules", help="The rules file.", metavar="FILE")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but follower calls that change anything.")
    ] = False,
    until: Annotated[
        str | None, typer.Option("--until", help="Stop then: an IST time of day (15:45) or ISO 8601.", metavar="TIME")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Catch up from the order books, act, and exit.")] = False,
    shadow: Annotated[
        Path | None,
        typer.Option("--shadow", metavar="NEW", help="Other rules that decide on everything, too, and send nothing."),
    ] = None,
) -> None:
    """Copy the leader's orders, until stopped.

    SIGTERM or Ctrl-C: nothing new is taken in, what is in flight settles, exit within 10 s. A second one: now.
    Open copies stay at the broker and are followed on at the next start.

    With --shadow a second policy decides on every order of the leader, in a process and a store of its own; nothing of
    it is ever sent, and its end is not the run's. copyctl orders --shadow shows what it decides.

    \b
    Example:
      copyctl run --rules prod.yaml --until 15:45
      copyctl run --rules prod.yaml --shadow new.yaml
    """
    from copyctl.cli.assemble import CannotRun
    from copyctl.cli.shadow import policy_of
    from copyctl.edge.journal import StoreError
    from copyctl.edge.logs import configure
    from copyctl.rules import RulesRefused, read, render

    try:
        loaded = read(rules, os.environ)
    except RulesRefused as refused:
        _leave(render(refused.findings), BAD_RULES)
    configure(loaded.rules.logging.level, loaded.rules.logging.format)
    try:
        ends_at = _end(until) if until else None
        policy = policy_of(shadow, loaded) if shadow is not None else None
        code = asyncio.run(_conduct(rules, loaded, policy, dry=dry_run, ends_at=ends_at, once=once))
    except CannotRun as refused:
        _leave(str(refused), refused.code)
    except StoreError as trouble:
        _leave(str(trouble), STORE)
    raise typer.Exit(code)


def _leave(text: str, code: int) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(code)


def _end(text: str) -> datetime:
    """The moment that ``--until`` names.

    Raises:
        CannotRun: it names none, or one that is past.
    """
    from copyctl.cli.assemble import CannotRun
    from copyctl.cli.moments import end

    try:
        return end(text, datetime.now(UTC))
    except ValueError as wrong:
        raise CannotRun(str(wrong)) from None


async def _conduct(
    file: Path, loaded: "Loaded", policy: "Policy | None", *, dry: bool, ends_at: datetime | None, once: bool
) -> int:
    """One run, from open to closed. The exit code."""
    from copyctl.cli.assemble import assembled
    from copyctl.cli.console import announcer
    from copyctl.cli.shadow import beside
    from copyctl.cli.watching import Watching
    from copyctl.edge.logs import mask

    rules = loaded.rules
    document = loaded.document
    tell = announcer(rules, sys.stdout)
    began = time.time_ns()
    async with (
        Watching(rules, tell, dry=dry) as watch,
        assembled(rules, document.digest, document.text, listen=watch, dry=dry) as assembled_run,
        beside(policy, assembled_run.folder, rules.leader.client_id, watch) as shadow,
    ):
        gc.collect()
        gc.freeze()  # what a run is made of stays for good: looking through it again and again only costs time
        leader = assembled_run.keepers[rules.leader.client_id]
        for keeper in assembled_run.keepers.values() if once else (leader,):  # a run that goes on keeps the others'
            await keeper.begin()
        refused = await assembled_run.replicator.refused(rules.leader.client_id)
        if refused:
            tried = f" ({leader.trouble})" if leader.trouble else ""
            mend = "Make a new one (copyctl token --account leader, or Dhan's site) and start again"
            typer.echo(f"the leader's token is refused: {mask(refused)}{tried}. {mend}", err=True)
            return BROKER
        if once:
            readable = await assembled_run.replicator.once()
            code = 0 if readable else BROKER
        else:
            await _until_stopped(assembled_run, file, ends_at, watch)
            code = 0
        if shadow is not None:
            await shadow.end()
        tell.flush()
        _say_what_was_done(assembled_run, loaded, file, shadow, since=began, dry=dry)
        _say_what_stays(assembled_run)
        return code


async def _until_stopped(assembled_run: "Run", file: Path, ends_at: datetime | None, watch: "Watching") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def first_signal() -> None:
        stop.set()
        for one in signals:
            loop.remove_signal_handler(one)
            signal.signal(one, lambda *_: os._exit(1))

    for one in signals:
        loop.add_signal_handler(one, first_signal)
    loop.add_signal_handler(signal.SIGHUP, assembled_run.replicator.reload)
    work: list[Callable[[], Awaitable[None]]] = [lambda: _beat(assembled_run), watch.beside(assembled_run)]
    if ends_at is not None:
        work.append(lambda: _wait_until(ends_at, stop))
    if assembled_run.simulator is not None and assembled_run.simulator.tape is not None:
        work.append(lambda: _play(assembled_run, stop))
    await assembled_run.replicator.run(
        assembled_run.streams, stop, beside=work, read_again=lambda plan: _read_again(assembled_run, file, watch, plan)
    )
    for one in (*signals, signal.SIGHUP):
        with contextlib.suppress(ValueError):
            loop.remove_signal_handler(one)


async def _read_again(assembled_run: "Run", file: Path, watch: "Watching", plan: str) -> str:
    """Read the rules once more and have them used, as a ``plan`` says where there is one; why that cannot be, or ""."""
    from copyctl.cli.assemble import CannotRun
    from copyctl.rules import RulesRefused, errors, read

    try:
        loaded = await asyncio.to_thread(read, file, os.environ)
    except RulesRefused as refused:
        return "; ".join(f"line {one.line}: {one.path}: {one.message}" for one in errors(refused.findings))
    try:
        outlets = await asyncio.to_thread(watch.prepare, loaded.rules)
    except CannotRun as refused:
        return str(refused)
    why = await assembled_run.use(loaded.rules, loaded.document.digest, loaded.document.text, plan=plan)
    await asyncio.to_thread(watch.drop if why else watch.use, outlets)
    return why


async def _beat(assembled_run: "Run") -> None:
    """Tell once a second how the run stands, off the loop: a slow disk holds up nothing."""
    from copyctl.edge.pulse import write_pulse

    while True:
        with contextlib.suppress(OSError):  # the journal lies on the same disk, and tells of its trouble
            await asyncio.to_thread(write_pulse, assembled_run.folder, assembled_run.replicator.pulse())
        await asyncio.sleep(BEAT_SECONDS)


async def _wait_until(moment: datetime, stop: asyncio.Event) -> None:
    await asyncio.sleep((moment - datetime.now(UTC)).total_seconds())
    stop.set()


async def _play(assembled_run: "Run", stop: asyncio.Event) -> None:
    """Play the tape once everything listens, let its last orders come to rest, and end the run."""
    replicator = assembled_run.replicator
    while not replicator.ready:  # noqa: ASYNC110  it has many causes and no event of its own
        await asyncio.sleep(0.02)
    if assembled_run.simulator is not None:
        await assembled_run.simulator.play()
    quiet = waited = 0.0
    while quiet < QUIET_FOR_SECONDS and waited < QUIET_WITHIN_SECONDS:
        await asyncio.sleep(0.05)
        waited += 0.05
        quiet = quiet + 0.05 if replicator.quiet else 0.0
    stop.set()


def _say_what_was_done(
    assembled_run: "Run", loaded: "Loaded", file: Path, shadow: "Shadow | None", *, since: int, dry: bool
) -> None:
    """The closing table, with how many decisions of a shadow differ."""
    from copyctl.cli.console import closing_table
    from copyctl.cli.shadow import differences, how_to_see, in_words
    from copyctl.edge.journal import StoreError

    found = None
    if shadow is not None:
        with contextlib.suppress(StoreError):  # its own trouble is told already
            found = differences(assembled_run.folder)
    told = {account: f"{one.differ} of {one.both} differ" for account, one in (found or {}).items()}
    closing_table(
        assembled_run.replicator.state,
        loaded.rules,
        sys.stdout,
        since=since,
        shadow=told if found is not None else None,
    )
    if shadow is not None and found is not None:
        how = how_to_see(shadow.policy, file, dry=dry)
        typer.echo(f"the shadow {shadow.policy.file}: {in_words(found)}. Which ones: {how}")


def _say_what_stays(assembled_run: "Run") -> None:
    from copyctl.model.records import Copy

    copies = [one for one in assembled_run.replicator.state.tables["copy"].values() if isinstance(one, Copy)]
    resting = sum(1 for one in copies if any(slot.live for slot in one.slots))
    if resting:
        typer.echo(f"{resting} copies stay open at the broker; the next start follows them on", err=True)
