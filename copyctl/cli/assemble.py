"""Puts a run together: the one place that knows every room."""

import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from copyctl.edge.clock import SystemClock
from copyctl.edge.instruments import MasterSource
from copyctl.edge.journal import Journal, open_journal
from copyctl.edge.logs import mask, register_secret
from copyctl.edge.stream import OrderStream
from copyctl.edge.tokens import TokenSource
from copyctl.edge.trading_days import Calendars
from copyctl.edge.transport import DhanGateway
from copyctl.engine.replicator import Outside, Replicator
from copyctl.model.choices import Adapter
from copyctl.model.effects import Notice
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Account, Rules
from copyctl.model.records import Copy
from copyctl.model.secret import SourceKind
from copyctl.simulator import Simulator
from copyctl.wire.dhan.dialect import Dhan

MASTER_URL = "https://images.dhan.co/api-data/api-scrip-master-detailed.csv"
LIVE_HOSTS = ("api.dhan.co", "api-order-update.dhan.co")
SECOND = 1_000_000_000
MASTER_WITHIN_SECONDS = 5.0
"""How long a kill waits for the instrument list, where it needs one at all; then the newest copy that was kept is used.
"""


class CannotRun(Exception):
    """A run that must not begin; the text says why and how to mend it. ``code``: the exit code."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run, ready to go. ``streams``: its order streams. ``simulator``: the broker of this process, if it has one."""

    replicator: Replicator
    journal: Journal
    streams: tuple[Callable[[], Awaitable[None]], ...]
    simulator: Simulator | None
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Some followers with nobody to copy. ``accounts``: those that can be asked; ``unreached``: why others cannot."""

    replicator: Replicator
    accounts: frozenset[str]
    unreached: Mapping[str, str]


def refuse_live_hosts(rules: Rules) -> None:
    """Until all of Dhan's rate limits and the renewal of tokens are built, no order may reach its live hosts.

    Raises:
        CannotRun: it would.
    """
    if rules.broker.adapter is Adapter.SIMULATOR:
        return
    for key, url in (("rest_url", rules.broker.rest_url), ("order_update_url", rules.broker.order_update_url)):
        if (urlsplit(url).hostname or "").lower() in LIVE_HOSTS:
            raise CannotRun(
                f"broker.{key} is Dhan's live host {urlsplit(url).hostname}. Its limits of requests a minute, an hour "
                "and a day are not kept yet, so this version never sends there; point it at a simulator "
                "(copyctl simulator)"
            )


@contextlib.asynccontextmanager
async def assembled(
    rules: Rules, digest: str, document: str, *, listen: Callable[[Notice], None], dry: bool
) -> AsyncIterator[Run]:
    """A run with everything open; closed again at the end.

    Raises:
        CannotRun: what the rules and the store say does not fit together.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    refuse_live_hosts(rules)
    _hide_secrets(rules)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(rules.store.path) / "dry-run" if dry else Path(rules.store.path)
        journal = open_journal(folder, leader=rules.leader.client_id)
        stack.callback(journal.close)
        _mark(journal, rules)
        clock = SystemClock()
        simulator = None
        if rules.broker.adapter is Adapter.SIMULATOR:
            simulator = await _simulator(rules, stack)
            broker = replace(
                rules.broker,
                rest_url=simulator.rest_url,
                order_update_url=simulator.order_update_url,
                instruments=rules.broker.instruments or simulator.instruments_url,
            )
            rules = replace(rules, broker=broker)
        try:
            tokens = {account.client_id: _token(account) for account in (rules.leader, *rules.followers)}
            gateways = {name: _gateway(rules, name, token, clock) for name, token in tokens.items()}
        except (OSError, ValueError) as trouble:
            raise CannotRun(f"an account of this file cannot be used: {mask(str(trouble))}") from None
        for gateway in gateways.values():
            stack.push_async_callback(gateway.close)
        instruments = MasterSource(rules.broker.instruments or MASTER_URL, folder)
        await instruments.read()
        outside = Outside(
            clock=clock,
            journal=journal,
            wire=Dhan(),
            gateways=gateways,
            instruments=instruments,
            calendar=Calendars(folder),
            listen=listen,
        )
        replicator = Replicator(rules, digest, document, outside, dry=dry)
        _nobody_left_behind(replicator, rules)
        try:
            streams = tuple(_stream(rules, name, token, replicator) for name, token in tokens.items())
        except ValueError as trouble:
            raise CannotRun(f"broker.order_update_url cannot be used: {trouble}") from None
        yield Run(
            replicator=replicator,
            journal=journal,
            streams=streams,
            simulator=simulator,
            rules=rules,
        )


@contextlib.asynccontextmanager
async def followers_alone(
    rules: Rules, digest: str, document: str, accounts: Collection[str], *, listen: Callable[[Notice], None]
) -> AsyncIterator[Reach]:
    """These followers alone, for what a kill has to do where no run is alive: no leader, no streams, and no mark that
    a run has begun. Nothing is sent for any other account.

    Raises:
        CannotRun: the rules do not let anything be sent.
        copyctl.edge.journal.StoreLocked: a run has just begun.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    refuse_live_hosts(rules)
    _hide_secrets(rules)
    folder = Path(rules.store.path)
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        journal = open_journal(folder, leader=rules.leader.client_id)
        stack.callback(journal.close)
        gateways: dict[str, DhanGateway] = {}
        unreached: dict[str, str] = {}
        for one in rules.followers:
            if one.client_id not in accounts:
                continue
            try:
                gateways[one.client_id] = _gateway(rules, one.client_id, _token(one), clock)
            except (OSError, ValueError) as trouble:
                unreached[one.client_id] = mask(str(trouble))
        for gateway in gateways.values():
            stack.push_async_callback(gateway.close)
        instruments = MasterSource(
            rules.broker.instruments or MASTER_URL, folder, timeout_seconds=MASTER_WITHIN_SECONDS
        )
        outside = Outside(
            clock=clock,
            journal=journal,
            wire=Dhan(),
            gateways=gateways,
            instruments=instruments,
            calendar=Calendars(folder),
            listen=listen,
        )
        # nobody listens to the leader here: that is no silence of his
        silence_is_none = replace(rules, kill_switch=replace(rules.kill_switch, on_stream_silence=None))
        replicator = Replicator(silence_is_none, digest, document, outside)
        if any(isinstance(one, Instrument) and not one.known for one in replicator.state.tables["instrument"].values()):
            await instruments.read()
        yield Reach(replicator=replicator, accounts=frozenset(gateways), unreached=unreached)


def _hide_secrets(rules: Rules) -> None:
    """See to it that no log line shows a secret."""
    for account in (rules.leader, *rules.followers):
        for secret in (account.access_token, account.pin, account.totp_secret):
            register_secret(secret.reveal())


def _mark(journal: Journal, rules: Rules) -> None:
    """Keep in the store what its readers cannot know without the variables of the rules file."""
    journal.mark("followers", json.dumps({one.client_id: one.name for one in rules.followers}))
    journal.mark("rules_name", rules.name)
    journal.mark("running_since", datetime.now(UTC).isoformat())


async def _simulator(rules: Rules, stack: contextlib.AsyncExitStack) -> Simulator:
    accounts = {"leader": (rules.leader.client_id, rules.leader.access_token.reveal())}
    accounts |= {one.name: (one.client_id, one.access_token.reveal()) for one in rules.followers}
    asked = rules.broker.simulator
    simulator = Simulator(
        accounts,
        seed=asked.seed,
        tape=Path(asked.tape) if asked.tape else None,
        speed=float(asked.speed),
    )
    await simulator.start()
    stack.push_async_callback(simulator.stop)
    return simulator


def _token(account: Account) -> TokenSource:
    """Where an account's token comes from: a file that is read again, or the text that was there at the start."""
    source = account.access_token.source
    if source is not None and source.kind is SourceKind.FILE and source.name:
        return TokenSource(path=Path(source.name), learned=register_secret)
    return TokenSource(text=account.access_token.reveal(), learned=register_secret)


def _gateway(rules: Rules, client_id: str, token: TokenSource, clock: SystemClock) -> DhanGateway:
    source_ip = next((one.source_ip for one in rules.followers if one.client_id == client_id), None)
    return DhanGateway(
        rules.broker.rest_url,
        client_id,
        token.token,
        timeout_seconds=rules.resilience.request_timeout / SECOND,
        clock=clock,
        source_ip=source_ip,
        name=_name(rules, client_id),
    )


def _name(rules: Rules, client_id: str) -> str:
    """What an account is called in the log."""
    return next((one.name for one in rules.followers if one.client_id == client_id), "leader")


def _stream(rules: Rules, client_id: str, token: TokenSource, replicator: Replicator) -> Callable[[], Awaitable[None]]:
    resilience = rules.resilience
    stream = OrderStream(
        rules.broker.order_update_url,
        lambda: Dhan().login_frame(client_id, token.token()),
        lambda raw: replicator.deliver(client_id, raw),
        lambda up, why: replicator.stream_changed(client_id, up, why),
        initial_seconds=resilience.reconnect.initial / SECOND,
        maximum_seconds=resilience.reconnect.maximum / SECOND,
        heartbeat_seconds=resilience.heartbeat / SECOND,
        chance=random.Random(),  # noqa: S311  jitter, no secret
        name=_name(rules, client_id),
    )
    return stream.run


def _nobody_left_behind(replicator: Replicator, rules: Rules) -> None:
    """A follower may not be taken out of the file while copies of it are open: nobody would follow them.

    Raises:
        CannotRun: one was.
    """
    followers = {one.client_id for one in rules.followers}
    copies = [copy for copy in replicator.state.tables["copy"].values() if isinstance(copy, Copy)]
    left = sorted({copy.follower for copy in copies if any(slot.live for slot in copy.slots)} - followers)
    if left:
        raise CannotRun(
            f"the store holds open copies of {', '.join(left)}, which is no follower in this file any more. Put it "
            "back with enabled: false until nothing of it is open"
        )
