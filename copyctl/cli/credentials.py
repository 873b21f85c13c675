"""Tokens put together: where each account's comes from, who gives it new ones, who keeps it alive."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from copyctl.core.sessions import standing
from copyctl.edge.clock import SystemClock
from copyctl.edge.login import login_address, one_time_code
from copyctl.edge.logs import mask, register_secret
from copyctl.edge.tokens import TokenSource
from copyctl.edge.transport import DhanGateway
from copyctl.engine.replicator import Replicator
from copyctl.engine.token_keeper import Keeping, Surroundings, TokenKeeper
from copyctl.model.account import Account as AccountRecord
from copyctl.model.calendar import TradingDays
from copyctl.model.login import Login, LoginEnd
from copyctl.model.market import Phase, Traits
from copyctl.model.policy import Account, Follower, Leader, Rules
from copyctl.model.request import Answer, Request, RequestState
from copyctl.model.secret import SourceKind
from copyctl.model.terms import Segment
from copyctl.wire.dhan.dialect import Dhan

SECOND = 1_000_000_000


def hide_secrets(rules: Rules) -> None:
    """See to it that no log line shows a secret of this file."""
    for account in (rules.leader, *rules.followers):
        for secret in (account.access_token, account.pin, account.totp_secret):
            register_secret(secret.reveal())
    for url in (*rules.alerts.urls, *((rules.alerts.heartbeat_url,) if rules.alerts.heartbeat_url else ())):
        register_secret(url.reveal())


def token_source(account: Account) -> TokenSource:
    """Where an account's token comes from: a file that is read again, or the text that was there at the start.

    Raises:
        OSError, ValueError: the file cannot be read, or holds no token.
    """
    path = token_file(account)
    if path is not None:
        return TokenSource(path=path, learned=register_secret)
    return TokenSource(text=account.access_token.reveal(), learned=register_secret)


def token_file(account: Account) -> Path | None:
    """The file that holds an account's token; None where it comes from elsewhere."""
    source = account.access_token.source
    return Path(source.name) if source is not None and source.kind is SourceKind.FILE and source.name else None


def token_place(account: Account) -> str:
    """Where an account's token comes from, for people."""
    source = account.access_token.source
    if source is None or source.kind is SourceKind.LITERAL:
        return "the rules file"
    return f"the variable {source.name}" if source.kind is SourceKind.VARIABLE else str(source.name)


def gateway_of(
    rules: Rules, account: Account, token: Callable[[], str] | None, clock: SystemClock, *, url: str = ""
) -> DhanGateway:
    """An account's way to the broker, or to ``url``.

    Raises:
        ValueError: address or client id can be none.
    """
    return DhanGateway(
        url or rules.broker.rest_url,
        account.client_id,
        token,
        timeout_seconds=rules.resilience.request_timeout / SECOND,
        clock=clock,
        source_ip=account.source_ip if isinstance(account, Follower) else None,
        name=account_name(account),
    )


def account_name(account: Account) -> str:
    """What an account is called, in the log too."""
    return account.name if isinstance(account, Follower) else Leader.name


class DhanDesk:
    """Where Dhan gives an account new tokens. What it says is free of secrets."""

    def __init__(self, rules: Rules, account: Account, gateway: DhanGateway, clock: SystemClock) -> None:
        self._rules = rules
        self._account = account
        self._gateway = gateway
        self._clock = clock

    async def renew(self) -> Login:
        """A new token for the present one, which ends with it."""
        return self._read(await self._gateway.send(Dhan().renew_call()))

    async def mint(self) -> Login:
        """A new token by PIN and one-time code, on a connection of its own to the login host."""
        account = self._account
        try:
            host = login_address(self._rules.broker.rest_url)
            code = one_time_code(account.totp_secret.reveal(), self._clock.now())
            door = gateway_of(self._rules, account, None, self._clock, url=host)
        except ValueError as fault:
            return Login(end=LoginEnd.REFUSED, why=str(fault))
        register_secret(code)
        try:
            return self._read(await door.send(Dhan().mint_call(account.client_id, account.pin.reveal(), code)))
        finally:
            await door.close()

    def _read(self, answer: Answer) -> Login:
        came = Dhan().read_login(answer, self._account.client_id)
        register_secret(came.token.reveal())
        return replace(came, why=mask(came.why))


def keeper_of(
    rules: Rules,
    account: Account,
    tokens: TokenSource,
    gateway: DhanGateway,
    replicator: Replicator,
    clock: SystemClock,
    *,
    turn: asyncio.Lock,
    acts: bool,
) -> TokenKeeper:
    """Who keeps an account's token alive during a run. ``acts``: may it have new ones made?"""

    def refused() -> bool:
        known = replicator.state.tables["account"].get(account.client_id)
        return isinstance(known, AccountRecord) and bool(known.refused_token)

    keeping = Keeping(account=account.client_id, renew=account.renew, place=token_place(account), acts=acts)
    return TokenKeeper(
        keeping,
        Surroundings(
            tokens=tokens,
            desk=DhanDesk(rules, account, gateway, clock),
            gateway=gateway,
            wire=Dhan(),
            clock=clock,
            post=replicator.post,
            refused=refused,
            is_busy=lambda: _on_its_way(replicator, account.client_id) or _is_open(replicator, clock.now()),
            turn=turn,
        ),
    )


def _on_its_way(replicator: Replicator, account: str) -> bool:
    requests = replicator.state.tables["request"].values()
    return any(
        isinstance(one, Request) and one.account == account and one.state is not RequestState.QUEUED for one in requests
    )


def _is_open(replicator: Replicator, now: int) -> bool:
    """Does any market trade now, by the hours of any follower? The hours of a calendar that is not known are closed."""
    days = replicator.state.tables["days"]
    for hours in {id(one): one for one in (each.policy.market_hours for each in replicator.rules.followers)}.values():
        known = days.get(hours.calendar)
        dates = known if isinstance(known, TradingDays) else None
        if any(standing(hours, dates, one, Traits(), now).phase is not Phase.CLOSED for one in Segment):
            return True
    return False
