"""``token``: a new access token by hand, kept where the rules file reads it from."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import rules_trouble
from copyctl.cli.speech import BROKER, DONE, USAGE, answer, leave, note
from copyctl.edge.journal_file import is_locked
from copyctl.model.choices import Adapter, Renew
from copyctl.model.facts import Lack, Profile, ProfileWanted
from copyctl.model.login import Login, LoginEnd
from copyctl.model.policy import Account, Rules
from copyctl.report.moments import indian

if TYPE_CHECKING:
    from copyctl.edge.transport import DhanGateway

NO_BROKER = "there is no broker outside of the run (broker.adapter: simulator), and its tokens never die"
NO_WAY = "says no way to a new token: give it pin and totp_secret, or renew: renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one account's token. ``code``: the exit code that this alone would give."""

    name: str
    code: int
    detail: str
    until: int | None = None


def token(
    rules: options.Rules,
    *,
    account: options.Account = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make one although the present one is good; that one ends at once.")
    ] = False,
    form: options.AsFormat = None,
) -> None:
    """Have a new access token made, and keep it in its file.

    An account with renew: renew has its token renewed; any other gets one by its pin and totp_secret, unless the
    present one is good (then only with --force: Dhan keeps one token of an account alive). Without --account this is
    done for every account that says how. The file of a ${file:...} is rewritten in one move, readable by you alone; a
    run that is alive takes it up within seconds. A token that comes from a variable is refused: no program can set it.

    Exit code 2: nothing was asked of Dhan; 3: Dhan refused it, or did not answer.

    \b
    Example:
      copyctl token --rules rules/half-size.yaml --account alice
      copyctl token --rules rules/half-size.yaml --format json
    """
    from copyctl.cli.credentials import hide_secrets
    from copyctl.rules import read

    with rules_trouble():
        loaded = read(rules, os.environ, lenient=True)
    hide_secrets(loaded.rules)
    if loaded.rules.broker.adapter is Adapter.SIMULATOR:
        leave(USAGE, NO_BROKER)
    chosen = _chosen(loaded.rules, account)
    done = asyncio.run(_all(loaded.rules, chosen, force=force, named=account is not None))
    alive = is_locked(Path(loaded.rules.store.path))
    code = max(one.code for one in done)
    document: dict[str, Any] = {
        "ok": code == DONE,
        "applied": "running" if alive else "stored",
        "detail": "; ".join(f"{one.name}: {one.detail}" for one in done),
        "accounts": [
            {
                "account": one.name,
                "ok": one.code == DONE,
                "until": indian(one.until).isoformat() if one.until else None,
                "detail": one.detail,
            }
            for one in done
        ],
    }
    answer(form, document, *(f"{one.name}: {one.detail}" for one in done))
    raise typer.Exit(code)


def _chosen(rules: Rules, name: str | None) -> list[tuple[str, Account]]:
    """Whom to have a token made for."""
    accounts: dict[str, Account] = {"leader": rules.leader, **{one.name: one for one in rules.followers}}
    if name is None:
        chosen = [(who, one) for who, one in accounts.items() if _has_a_way(one)]
        return chosen or leave(USAGE, f"no account {NO_WAY}")
    if name not in accounts:
        leave(USAGE, f"no account is called {name}; there are {', '.join(accounts)}")
    if not _has_a_way(accounts[name]):
        leave(USAGE, f"{name} {NO_WAY}")
    return [(name, accounts[name])]


def _has_a_way(account: Account) -> bool:
    return account.renew is Renew.RENEW or bool(account.pin and account.totp_secret)


async def _all(rules: Rules, chosen: Sequence[tuple[str, Account]], *, force: bool, named: bool) -> list[Done]:
    done = []
    for name, account in chosen:  # one after the other: where Dhan refuses the first, the others still have theirs
        note(f"{name}: asking Dhan")
        done.append(await _one(rules, name, account, force=force, named=named))
    return done


async def _one(rules: Rules, name: str, account: Account, *, force: bool, named: bool) -> Done:
    """Have one account's token replaced, where that may be and can be kept."""
    from copyctl.cli.credentials import DhanDesk, gateway_of, token_file, token_place
    from copyctl.edge.clock import SystemClock
    from copyctl.edge.logs import mask

    path, clock = token_file(account), SystemClock()
    if "${" in account.client_id:
        return Done(name=name, code=USAGE, detail=f"set the variable for its client_id, {account.client_id}")
    if path is None:
        detail = (
            f"its token comes from {token_place(account)}, which no program can change. Write access_token: "
            f"${{file:{name}.token}} into the rules file, or make a token on Dhan's site and put it there yourself"
        )
        return Done(name=name, code=USAGE, detail=detail)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return Done(name=name, code=USAGE, detail=f"a new token could not be kept: {path.parent} cannot be written")
    try:
        gateway = gateway_of(rules, account, account.access_token.reveal, clock)
    except ValueError as fault:
        return Done(name=name, code=USAGE, detail=mask(str(fault)))
    try:
        until, doubt = await _present(gateway, account)
        renews = account.renew is Renew.RENEW
        kept_back = _kept_back(name, until, doubt, renews=renews, force=force, named=named)
        if kept_back is not None:
            return kept_back
        desk = DhanDesk(rules, account, gateway, clock)
        with _uninterrupted():
            came = await (desk.renew() if renews else desk.mint())
            return await _keep(rules, name, account, came, path)
    finally:
        await gateway.close()


async def _present(gateway: "DhanGateway", account: Account) -> tuple[int | None, str]:
    """Until when the present token is good, 0 where that is not told and None where it is not; and why that is not
    known."""
    from copyctl.edge.logs import mask
    from copyctl.wire.dhan.dialect import Dhan

    if not account.access_token:
        return None, ""
    question = ProfileWanted(account=account.client_id)
    said = [await gateway.send(call) for call in Dhan().calls_for(question)]
    reading = Dhan().read_fact(question, said, 0)
    if isinstance(reading.fact, Profile):
        return Dhan().expiry(account.access_token.reveal()) or reading.fact.token_until or 0, ""
    return None, "" if reading.lack is Lack.REFUSED else mask(reading.why)


def _kept_back(name: str, until: int | None, doubt: str, *, renews: bool, force: bool, named: bool) -> Done | None:
    """Why nothing is asked for, by how the present token stands; None where it is."""
    if renews:
        if until is None and not doubt:
            detail = "its token is dead, and only a good one can be renewed: make one on Dhan's site"
            return Done(name=name, code=BROKER, detail=detail)
        return None
    if force:
        return None
    if doubt:
        detail = f"whether its present token is good could not be asked ({doubt}); --force makes one all the same"
        return Done(name=name, code=BROKER, detail=detail)
    if until is None:
        return None
    when = f" until {indian(until):%d %b %H:%M} IST" if until else ""
    if not named:
        return Done(name=name, code=DONE, detail=f"its token is good{when}, and stays", until=until)
    detail = f"its token is good{when}; --force makes another one all the same, which ends it"
    return Done(name=name, code=USAGE, detail=detail, until=until)


async def _keep(rules: Rules, name: str, account: Account, came: Login, path: Path) -> Done:
    """Write a new token down, and look whether it is taken."""
    from dataclasses import replace

    from copyctl.cli.credentials import gateway_of
    from copyctl.edge.clock import SystemClock
    from copyctl.edge.tokens import replace_token

    if came.end is not LoginEnd.MADE:
        return Done(name=name, code=BROKER, detail=_ENDS[came.end].format(why=came.why))
    try:
        replace_token(path, came.token.reveal())
    except OSError as fault:
        detail = f"Dhan made a new token, and it could not be kept in {path}: {fault.strerror}. The old one is dead"
        return Done(name=name, code=BROKER, detail=f"{detail}; mend that, wait two minutes, and ask again")
    fresh = replace(account, access_token=came.token)
    gateway = gateway_of(rules, fresh, came.token.reveal, SystemClock())
    try:
        until, doubt = await _present(gateway, fresh)
    finally:
        await gateway.close()
    if until is None and not doubt:
        return Done(name=name, code=BROKER, detail=f"a new token is kept in {path}, and Dhan refuses it", until=None)
    until = came.until or until
    when = f" until {indian(until):%d %b %H:%M} IST" if until else ""
    return Done(name=name, code=DONE, detail=f"a new token{when} is kept in {path}", until=until)


_ENDS = {
    LoginEnd.REFUSED: "Dhan refused it: {why}",
    LoginEnd.TOO_SOON: "Dhan makes one token in two minutes: {why}. Wait, and ask again",
    LoginEnd.NOT_LEFT: "Dhan could not be reached: {why}. Nothing was asked",
    LoginEnd.UNKNOWN: "no answer that says more: {why}. Dhan may have made one, and the present one be dead. Wait two "
    "minutes, and ask again",
}


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Between asking for a token and having written it down nobody may end the program: it would be lost."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
