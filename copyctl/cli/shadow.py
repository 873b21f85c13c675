"""A shadow beside a run: other rules that decide on everything, and send nothing.

It is a process of its own, and the journal of the run is all that it knows: a run does nothing for its shadow but to
start it, and nothing of the shadow can hold up or end a run.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

import msgspec

from copyctl.cli.assemble import CannotRun
from copyctl.cli.deployment import SHADOW
from copyctl.edge.journal import StoreError
from copyctl.edge.journal_reader import JournalReader
from copyctl.edge.logs import mask
from copyctl.lab.recorded import accounts_in, with_accounts
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.policy import Rules
from copyctl.report.shadow import Compared, compared
from copyctl.rules import Loaded, RulesRefused, read, render

_LOG: Final = logging.getLogger("copyctl.shadow")
END_SECONDS: Final = 1.5
"""How long a run that ends waits until its shadow has taken in the last."""

RULES: Final = "shadow_rules"
SINCE: Final = "shadow_since"
PLACE: Final = "shadow_place"
"""What the store of a shadow notes: the digest of its rules, since when it decides (ns), and up to where it has
followed the run's journal."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the process of a shadow is begun with, as one line of JSON. ``live``, ``store``: the folders of the run's
    journal and of its own. ``document``: its rules, with this ``digest``. ``after``: the newest event in the run's
    journal before the run began; ``since``: that moment (ns)."""

    live: str
    store: str
    leader: str
    digest: str
    document: str
    after: int
    since: int


class Policy(NamedTuple):
    """What a shadow decides by: a rules file, with the accounts of the run."""

    file: Path
    digest: str
    document: str


def policy_of(file: Path, live: Loaded) -> Policy:
    """The rules of a shadow, beside those of a run.

    Raises:
        CannotRun: they cannot be used, or are of other accounts or another store.
    """
    try:
        loaded = read(file, os.environ, offline=True)
    except RulesRefused as refused:
        raise CannotRun(f"the rules of the shadow cannot be used:\n{render(refused.findings)}") from None
    content = loaded.document.content
    rules = with_accounts(loaded.rules, *accounts_in(live.document.content))
    if differing := _differing(rules, live.rules):
        raise CannotRun(
            f"the shadow {file} has another {' and '.join(differing)} than the run: a shadow decides for the same "
            "accounts beside the same store. Take them over from the file of the run (extends)"
        )
    content["leader"]["client_id"] = rules.leader.client_id
    for one, follower in zip(content["followers"], rules.followers, strict=True):
        one["client_id"] = follower.client_id
    return Policy(file, loaded.document.digest, json.dumps(content))


def _differing(rules: Rules, live: Rules) -> list[str]:
    """What must be the same, and is not."""
    accounts, theirs = ({one.name: one.client_id for one in these.followers} for these in (rules, live))
    both = accounts.keys() & theirs.keys()
    return [
        *(["leader.client_id"] if rules.leader.client_id != live.leader.client_id else []),
        *(["set of followers"] if accounts.keys() != theirs.keys() else []),
        *(f"client_id of follower {name}" for name in sorted(both) if accounts[name] != theirs[name]),
        *(["store.path"] if Path(rules.store.path).resolve() != Path(live.store.path).resolve() else []),
    ]


@contextlib.asynccontextmanager
async def beside(
    policy: Policy | None, folder: Path, leader: str, listen: Callable[[Notice], None]
) -> AsyncIterator["Shadow | None"]:
    """A shadow by this policy, beside the run whose journal is in ``folder``; None where none is wanted. To be entered
    before the run takes anything in."""
    if policy is None:
        yield None
        return
    shadow = Shadow(policy, folder, listen)
    await shadow.begin(leader)
    try:
        yield shadow
    finally:
        await shadow.end()


class Shadow:
    """The shadow as its run has it: a process that is begun, listened to and ended."""

    def __init__(self, policy: Policy, folder: Path, listen: Callable[[Notice], None]) -> None:
        self.policy = policy
        self._live = folder
        self._listen = listen
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def begin(self, leader: str) -> None:
        """Have it follow from here on. Where it cannot begin an alert says so."""
        try:
            given = Given(
                live=str(self._live.resolve()),
                store=str((self._live / SHADOW).resolve()),
                leader=leader,
                digest=self.policy.digest,
                document=self.policy.document,
                after=_newest(self._live),
                since=time.time_ns(),
            )
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "copyctl.cli.shadow_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                process_group=0,  # a Ctrl-C is for the run
            )
        except (OSError, StoreError) as trouble:
            self._ended(str(trouble))
            return
        self._watch = asyncio.create_task(self._listen_to(self._process))
        if self._process.stdin is not None:
            self._process.stdin.write(msgspec.json.encode(given) + b"\n")

    async def end(self) -> None:
        """Let it take in the last, and end it."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or self._watch is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(self._watch)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await self._watch

    async def _listen_to(self, process: asyncio.subprocess.Process) -> None:
        """Until it ends; nobody is told of an end that was asked for."""
        said = (await process.stderr.read()).decode(errors="replace") if process.stderr is not None else ""
        code = await process.wait()
        if code == 0 and self._process is None:
            return
        if code < 0 and self._process is None:
            self._ended("it was still behind when the run ended")
            return
        if said.startswith("Traceback"):
            _LOG.error(mask(said))
        self._ended(said.strip().rpartition("\n")[2] or f"exit code {code}")

    def _ended(self, why: str) -> None:
        """Say that it is over before the run is."""
        text = f"the shadow {self.policy.file} has ended, the run goes on without it: {mask(why)}"
        self._listen(alert_notice(time.time_ns(), Alert.SHADOW_ENDED, text))


def _newest(folder: Path) -> int:
    live = JournalReader(folder)
    try:
        return live.newest().seq
    finally:
        live.close()


# --- what came of it -------------------------------------------------------------------------------------------------


def differences(folder: Path) -> dict[str, Compared]:
    """How the decisions of the run whose journal is in ``folder`` and those of its shadow compare, by account.

    Raises:
        StoreError: one of both journals cannot be read.
    """
    live, shadow = JournalReader(folder), JournalReader(folder / SHADOW)
    try:
        since = int(shadow.meta(SINCE) or 0)
        return compared(live.records(past=True), shadow.records(past=True), since=since)
    finally:
        live.close()
        shadow.close()


def in_words(found: Mapping[str, Compared]) -> str:
    """How many decisions differ, of all followers together."""
    both, differ = (sum(numbers) for numbers in zip(*found.values(), strict=True)) if found else (0, 0)
    return f"{differ} of {both} decisions differ from those of the run"


def how_to_see(policy: Policy, file: Path, *, dry: bool) -> str:
    """The commands that tell which decisions differ."""
    rules = f"--rules {quote(str(file))}"
    own = f"copyctl orders {rules} {'--dry-run ' if dry else ''}--shadow"
    if dry:  # a replay is of the store of the live run
        return own
    return f"copyctl replay --rules {quote(str(policy.file))} --store --against {quote(str(file))}, or {own}"
