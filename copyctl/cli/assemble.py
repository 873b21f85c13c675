"""Puts a run together: the one place that knows every room."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from copyctl.cli.connections import Connection, connection, connections, stream
from copyctl.cli.credentials import hide_secrets, keeper_of
from copyctl.core.lasting import cannot_change
from copyctl.core.left import left_behind
from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.edge.clock import SystemClock
from copyctl.edge.instruments import MASTER_URL, MasterSource
from copyctl.edge.journal import Journal, open_journal
from copyctl.edge.logs import mask
from copyctl.edge.trading_days import Calendars
from copyctl.engine.alone import LoneReplicator
from copyctl.engine.replicator import Link, Outside, Replicator
from copyctl.engine.token_keeper import TokenKeeper
from copyctl.lab.planned import compared, moved_on
from copyctl.model.choices import Adapter
from copyctl.model.effects import Notice
from copyctl.model.events import PolicyLoaded
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, Position
from copyctl.wire.dhan.dialect import Dhan

if TYPE_CHECKING:
    from copyctl.simulator import Simulator

SECOND = 1_000_000_000
MASTER_WITHIN_SECONDS = 5.0
"""How long a kill waits for the instrument list, where it needs one at all; then the newest copy that was kept is used.
"""


class CannotRun(Exception):
    """A run that must not begin; the text says why and how to mend it. ``code``: the exit code."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True, kw_only=True)
class Run:
    """A run, ready to go. ``written``: its rules as the file has them, ``rules``: as they are in force; they differ
    where this process is its own broker (``simulator``). ``folder``: where its store is. ``streams``: the order
    streams by account. ``keep``: makes whoever keeps the token of a connection; ``keepers``: those of the start, by
    account."""

    replicator: Replicator
    folder: Path
    journal: Journal
    streams: Mapping[str, Callable[[], Awaitable[None]]]
    simulator: "Simulator | None"
    written: Rules
    rules: Rules
    clock: SystemClock
    connections: Mapping[str, Connection]
    keep: Callable[[Connection], TokenKeeper]
    keepers: Mapping[str, TokenKeeper]
    closing: contextlib.AsyncExitStack

    async def use(self, rules: Rules, digest: str, document: str, *, plan: str = "") -> str:
        """Put other rules in force, with the hash of a ``plan`` only if just that comes of it; why that cannot be, or
        "". What is connected stays so where nothing about it has changed; a gateway that is not used any more is closed
        at the end, for answers may be on their way."""
        if why := cannot_change(self.written, rules):
            return why
        written, rules = rules, replace(rules, broker=self.rules.broker)
        hide_secrets(rules)
        try:
            made = connections(rules, self.clock, kept=self.connections)
            fresh = {name: one for name, one in made.items() if one is not self.connections.get(name)}
            links = {
                name: Link(gateway=one.gateway, stream=stream(rules, one, self.replicator, self.keep(one)))
                for name, one in fresh.items()
            }
        except (OSError, ValueError) as trouble:
            return f"an account of this file cannot be used: {mask(str(trouble))}"
        for one in fresh.values():
            self.closing.push_async_callback(one.gateway.close)
        policy = PolicyLoaded(at=self.clock.now(), digest=digest, document=document, rules=rules)

        def agrees(state: State, as_is: Step, would: Step) -> str:
            return moved_on(plan, compared(state, rules, (as_is, would), policy.at))

        if why := await self.replicator.use(policy, links, agrees if plan else None):
            return why
        self.written, self.rules, self.connections = written, rules, made
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Some followers with nobody to copy. ``accounts``: those that can be asked; ``unreached``: why others cannot."""

    replicator: LoneReplicator
    accounts: frozenset[str]
    unreached: Mapping[str, str]


@contextlib.asynccontextmanager
async def assembled(
    rules: Rules, digest: str, document: str, *, listen: Callable[[Notice], None], dry: bool
) -> AsyncIterator[Run]:
    """A run with everything open; closed again at the end.

    Raises:
        CannotRun: what the rules and the store say does not fit together.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    hide_secrets(rules)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(rules.store.path) / "dry-run" if dry else Path(rules.store.path)
        journal = open_journal(folder, leader=rules.leader.client_id)
        stack.callback(journal.close)
        journal.mark("running_since", datetime.now(UTC).isoformat())
        clock = SystemClock()
        written = rules
        simulator = None
        if rules.broker.adapter is Adapter.SIMULATOR:
            simulator, rules = await _simulator(rules, stack)
        try:
            linked = connections(rules, clock)
        except (OSError, ValueError) as trouble:
            raise CannotRun(f"an account of this file cannot be used: {mask(str(trouble))}") from None
        for one in linked.values():
            stack.push_async_callback(one.gateway.close)
        instruments = MasterSource(rules.broker.instruments or MASTER_URL, folder)
        await instruments.read()
        outside = Outside(
            clock=clock,
            journal=journal,
            wire=Dhan(),
            gateways={name: one.gateway for name, one in linked.items()},
            instruments=instruments,
            calendar=Calendars(folder),
            listen=listen,
        )
        replicator = Replicator(rules, digest, document, outside, dry=dry)
        _nobody_left_behind(replicator, rules)
        turn = asyncio.Lock()

        def keep(one: Connection) -> TokenKeeper:
            """A dry run leaves every token as it is."""
            return keeper_of(rules, one.account, one.token, one.gateway, replicator, clock, turn=turn, acts=not dry)

        keepers = {name: keep(one) for name, one in linked.items()}
        try:
            streams = {name: stream(rules, one, replicator, keepers[name]) for name, one in linked.items()}
        except ValueError as trouble:
            raise CannotRun(f"broker.order_update_url cannot be used: {mask(str(trouble))}") from None
        yield Run(
            replicator=replicator,
            folder=folder,
            journal=journal,
            streams=streams,
            simulator=simulator,
            written=written,
            rules=rules,
            clock=clock,
            connections=linked,
            keep=keep,
            keepers=keepers,
            closing=stack,
        )


@contextlib.asynccontextmanager
async def followers_alone(
    rules: Rules, digest: str, document: str, accounts: Collection[str], *, listen: Callable[[Notice], None]
) -> AsyncIterator[Reach]:
    """These followers alone, for what a kill has to do where no run is alive: no leader, no streams, and no mark that
    a run has begun. Nothing is sent for any other account.

    Raises:
        copyctl.edge.journal.StoreLocked: a run has just begun.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    hide_secrets(rules)
    folder = Path(rules.store.path)
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        journal = open_journal(folder, leader=rules.leader.client_id)
        stack.callback(journal.close)
        linked: dict[str, Connection] = {}
        unreached: dict[str, str] = {}
        for one in rules.followers:
            if one.client_id not in accounts:
                continue
            try:
                linked[one.client_id] = connection(rules, one, clock)
            except (OSError, ValueError) as trouble:
                unreached[one.client_id] = mask(str(trouble))
        for reached in linked.values():
            stack.push_async_callback(reached.gateway.close)
        instruments = MasterSource(
            rules.broker.instruments or MASTER_URL, folder, timeout_seconds=MASTER_WITHIN_SECONDS
        )
        outside = Outside(
            clock=clock,
            journal=journal,
            wire=Dhan(),
            gateways={name: reached.gateway for name, reached in linked.items()},
            instruments=instruments,
            calendar=Calendars(folder),
            listen=listen,
        )
        # nobody listens to the leader here: that is no silence of his
        silence_is_none = replace(rules, kill_switch=replace(rules.kill_switch, on_stream_silence=None))
        replicator = LoneReplicator(silence_is_none, digest, document, outside)
        if any(isinstance(one, Instrument) and not one.known for one in replicator.state.tables["instrument"].values()):
            await instruments.read()
        yield Reach(replicator=replicator, accounts=frozenset(linked), unreached=unreached)


async def _simulator(rules: Rules, stack: contextlib.AsyncExitStack) -> "tuple[Simulator, Rules]":
    """The broker of a run that brings its own, and the rules with its addresses.

    Raises:
        CannotRun: the tape that it is to play cannot be read.
    """
    from copyctl.simulator import Simulator  # a server, of which a run at Dhan has no need

    accounts = {"leader": (rules.leader.client_id, rules.leader.access_token.reveal())}
    accounts |= {one.name: (one.client_id, one.access_token.reveal()) for one in rules.followers}
    asked = rules.broker.simulator
    tape = Path(asked.tape) if asked.tape else None
    try:
        simulator = Simulator(accounts, seed=asked.seed, tape=tape, speed=float(asked.speed))
    except (OSError, ValueError) as trouble:
        raise CannotRun(f"broker.simulator.tape cannot be used: {trouble}") from None
    await simulator.start()
    stack.push_async_callback(simulator.stop)
    broker = replace(
        rules.broker,
        rest_url=simulator.rest_url,
        order_update_url=simulator.order_update_url,
        instruments=rules.broker.instruments or simulator.instruments_url,
    )
    return simulator, replace(rules, broker=broker)


def _nobody_left_behind(replicator: Replicator, rules: Rules) -> None:
    """A follower may not be taken out of the file while anything of it is copied.

    Raises:
        CannotRun: one was.
    """
    tables = replicator.state.tables
    copies = (one for one in tables["copy"].values() if isinstance(one, Copy))
    positions = (one for one in tables["position"].values() if isinstance(one, Position))
    if why := left_behind(rules, copies, positions):
        raise CannotRun(why)
