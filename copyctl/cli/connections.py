"""The connections of a run's accounts to the broker: token, gateway and order stream of each."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from copyctl.cli.credentials import account_name, gateway_of, token_source
from copyctl.edge.clock import SystemClock
from copyctl.edge.logs import mask
from copyctl.edge.stream import OrderStream
from copyctl.edge.tokens import TokenSource
from copyctl.edge.transport import DhanGateway
from copyctl.engine.desk import Work
from copyctl.engine.replicator import Replicator
from copyctl.engine.token_keeper import TokenKeeper
from copyctl.model.policy import Account, Follower, Rules
from copyctl.model.secret import SourceKind
from copyctl.wire.dhan.dialect import Dhan

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One account's connection. ``settings``: what of the rules it was made by; it holds while these are the same."""

    account: Account
    token: TokenSource
    gateway: DhanGateway
    settings: tuple[object, ...]


def connections(
    rules: Rules, clock: SystemClock, *, kept: Mapping[str, Connection] | None = None
) -> dict[str, Connection]:
    """The connections of all accounts of these rules; those that are ``kept`` where nothing about them has changed.

    Raises:
        OSError, ValueError: one of them cannot be made: its token cannot be read, its address is none.
    """
    made = {}
    for account in (rules.leader, *rules.followers):
        before = (kept or {}).get(account.client_id)
        settings = _settings(rules, account)
        same = before is not None and before.settings == settings
        made[account.client_id] = before if same and before is not None else connection(rules, account, clock)
    return made


def connection(rules: Rules, account: Account, clock: SystemClock) -> Connection:
    """A connection of one account.

    Raises:
        OSError, ValueError: it cannot be made.
    """
    token = token_source(account)
    gateway = gateway_of(rules, account, token.token, clock)
    return Connection(account=account, token=token, gateway=gateway, settings=_settings(rules, account))


def stream(rules: Rules, one: Connection, replicator: Replicator, keeper: TokenKeeper) -> Work:
    """The work of an account's order stream, and beside it of whoever keeps the token that it logs in with.

    Raises:
        ValueError: its address is none.
    """
    resilience, account, token = rules.resilience, one.account.client_id, one.token
    made = OrderStream(
        rules.broker.order_update_url,
        lambda: Dhan().login_frame(account, token.token()),
        lambda raw: replicator.deliver(account, token.hidden(raw)),
        lambda up, why: replicator.stream_changed(account, up, mask(why)),
        initial_seconds=resilience.reconnect.initial / SECOND,
        maximum_seconds=resilience.reconnect.maximum / SECOND,
        heartbeat_seconds=resilience.heartbeat / SECOND,
        chance=random.Random(),  # noqa: S311  jitter, no secret
        judge=keeper.judge,
        name=account_name(one.account),
    )
    keeper.reconnect = made.again

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(made.run())
            group.create_task(keeper.run())

    return work


def _settings(rules: Rules, account: Account) -> tuple[object, ...]:
    resilience, broker = rules.resilience, rules.broker
    source = account.access_token.source
    from_file = source is not None and source.kind is SourceKind.FILE
    return (
        source if from_file else account.access_token,
        account.source_ip if isinstance(account, Follower) else None,
        account.renew,
        account.pin,
        account.totp_secret,
        broker.rest_url,
        broker.order_update_url,
        resilience.request_timeout,
        resilience.reconnect,
        resilience.heartbeat,
    )
