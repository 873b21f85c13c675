"""The connections of a run's accounts to the broker: token, gateway and order stream of each."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from copyctl.edge.clock import SystemClock
from copyctl.edge.logs import register_secret
from copyctl.edge.stream import OrderStream
from copyctl.edge.tokens import TokenSource
from copyctl.edge.transport import DhanGateway
from copyctl.model.policy import Account, Rules
from copyctl.model.secret import SourceKind
from copyctl.wire.dhan.dialect import Dhan

SECOND = 1_000_000_000


class Listener(Protocol):
    """Whoever takes in what an order stream says."""

    def deliver(self, account: str, raw: bytes) -> None:
        """A frame."""
        ...

    def stream_changed(self, account: str, up: bool, why: str = "") -> None:
        """It came up or went down."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One account's connection. ``settings``: what of the rules it was made by; it holds while these are the same."""

    account: str
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
    token = _token(account)
    gateway = DhanGateway(
        rules.broker.rest_url,
        account.client_id,
        token.token,
        timeout_seconds=rules.resilience.request_timeout / SECOND,
        clock=clock,
        source_ip=_source_ip(rules, account),
    )
    return Connection(account=account.client_id, token=token, gateway=gateway, settings=_settings(rules, account))


def stream(rules: Rules, one: Connection, listener: Listener) -> Callable[[], Awaitable[None]]:
    """The work of an account's order stream.

    Raises:
        ValueError: its address is none.
    """
    resilience, account, token = rules.resilience, one.account, one.token
    made = OrderStream(
        rules.broker.order_update_url,
        lambda: Dhan().login_frame(account, token.token()),
        lambda raw: listener.deliver(account, raw),
        lambda up, why: listener.stream_changed(account, up, why),
        initial_seconds=resilience.reconnect.initial / SECOND,
        maximum_seconds=resilience.reconnect.maximum / SECOND,
        heartbeat_seconds=resilience.heartbeat / SECOND,
        chance=random.Random(),  # noqa: S311  jitter, no secret
    )
    return made.run


def _settings(rules: Rules, account: Account) -> tuple[object, ...]:
    resilience, broker = rules.resilience, rules.broker
    source = account.access_token.source
    from_file = source is not None and source.kind is SourceKind.FILE
    return (
        source if from_file else account.access_token,
        _source_ip(rules, account),
        broker.rest_url,
        broker.order_update_url,
        resilience.request_timeout,
        resilience.reconnect,
        resilience.heartbeat,
    )


def _source_ip(rules: Rules, account: Account) -> str | None:
    return next((one.source_ip for one in rules.followers if one.client_id == account.client_id), None)


def _token(account: Account) -> TokenSource:
    """Where an account's token comes from: a file that is read again, or the text that was there at the start."""
    source = account.access_token.source
    if source is not None and source.kind is SourceKind.FILE and source.name:
        return TokenSource(path=Path(source.name), learned=register_secret)
    return TokenSource(text=account.access_token.reveal(), learned=register_secret)
