"""A kill with no run alive: this command takes the store's lock and does what is to be done itself (scenario 9.1).

The switch is stored before anything is tried, so that it holds whatever becomes of the rest.
"""

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copyctl.cli.deployment import Deployment
from copyctl.cli.signals import stopped_by_signals
from copyctl.cli.speech import VERBOSITY, note
from copyctl.model.account import Account
from copyctl.model.choices import Adapter, KillAction
from copyctl.model.effects import Notice
from copyctl.model.policy import Rules
from copyctl.model.records import Copy, Position
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.report.kill import kill_words
from copyctl.report.killed import (
    NOT_SENT,
    OPEN,
    REFUSED,
    REJECTED,
    UNKNOWN,
    asked_of_the_broker,
    has_open_entries,
    holds_copied,
)
from copyctl.report.picture import Picture, Records

if TYPE_CHECKING:
    from copyctl.cli.assemble import Reach
    from copyctl.engine.replicator import Replicator
    from copyctl.rules import Loaded

PROGRESS_EVERY_SECONDS = 5.0
INTERRUPTED = "interrupted"
NO_BROKER = "there is no broker outside of the run (broker.adapter: simulator), so nothing rests or is held anywhere"
_FOLLOWER = re.compile(r"followers\[(\d+)\]\.(\w+)$")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What a kill did by itself. ``to_do``: the words of what there was to be done, none where nothing was; ``why``:
    then why that is so. ``failed``: who is not done with, by name, and why."""

    to_do: Sequence[str] = ()
    why: str = ""
    orders: Sequence[Row] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def act(
    it: Deployment,
    rules_file: Path,
    accounts: Sequence[str],
    actions: Sequence[KillAction],
    *,
    everybody: bool,
    within: float,
) -> Acted:
    """Do for these accounts what the rules and ``actions`` have a kill do, for so many seconds at most. ``everybody``:
    nobody was named, so those that the store alone knows count as well.

    Raises:
        copyctl.edge.journal.StoreLocked: a run has just begun, which does it.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    records = it.journal.records()
    concerned = dict.fromkeys((*accounts, *(_of_the_store(records) if everybody else ())))
    to_do = {one: words for one in concerned if (words := _to_do(it, records, one, actions))}
    words = list(dict.fromkeys(word for one in to_do.values() for word in one))
    if not to_do:
        return Acted(why=_nothing(it, actions))
    if it.rules.broker.adapter is Adapter.SIMULATOR:
        return Acted(why=NO_BROKER)
    try:
        orders, failed = _tried(it, rules_file, to_do, within=within)
    except _CannotAct as trouble:
        orders, failed = [], dict.fromkeys(to_do, str(trouble))
    return Acted(to_do=words, orders=orders, failed={it.names.get(one, one): why for one, why in failed.items()})


# --- what there is to do ----------------------------------------------------------------------------------------------


def _to_do(it: Deployment, records: Records, account: str, actions: Iterable[KillAction]) -> list[str]:
    """What of a kill needs the broker, by what the store knows of this account; a word too many does no harm."""
    known = Picture(records).accounts.get(account) or Account(account=account)
    given = [one for one in it.journal.commands() if one.account in ("", account)]
    ruled = it.rules.kill_switch.actions
    asked = (*known.kill_actions, *ruled, *actions, *(word for one in given for word in one.actions))
    entries = has_open_entries(Picture(records), account)
    needs: dict[str, bool] = {
        KillAction.CANCEL_OPEN_ORDERS: entries,
        KillAction.FLATTEN: entries or holds_copied(records, account),
        KillAction.BROKER_KILL_SWITCH: not known.killed_at or KillAction.BROKER_KILL_SWITCH in known.kill_actions,
    }
    return [word for word in dict.fromkeys(map(str, asked)) if needs.get(word, False)]


def _of_the_store(records: Records) -> list[str]:
    """The accounts that copies were made for, whatever the rules file says by now."""
    made_for = (one.follower for one in records["copy"] if isinstance(one, Copy))
    held_by = (one.account for one in records["position"] if isinstance(one, Position) and one.copied)
    return list(dict.fromkeys((*made_for, *held_by)))


def _nothing(it: Deployment, actions: Iterable[KillAction]) -> str:
    """Why nothing is to be done; "" where nothing but the stop was asked for."""
    asked = {*it.rules.kill_switch.actions, *actions}
    told = []
    if asked & {KillAction.CANCEL_OPEN_ORDERS, KillAction.FLATTEN}:
        told.append("no copy of an entry is open")
    if KillAction.FLATTEN in asked:
        told.append("nothing copied is held")
    return ", ".join(told)


# --- doing it ---------------------------------------------------------------------------------------------------------


class _CannotAct(Exception):
    """Nothing can be asked of the broker at all; the text says why."""


def _tried(
    it: Deployment, rules_file: Path, to_do: Mapping[str, Sequence[str]], *, within: float
) -> tuple[list[Row], dict[str, str]]:
    """What was asked of the broker for these accounts, and which of them are not done with, and why.

    Raises:
        _CannotAct: nothing could be asked.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    from copyctl.rules import RulesRefused, errors, read

    try:
        loaded = read(rules_file, os.environ, lenient=True)
    except RulesRefused as refused:
        told = "; ".join(f"{one.path}: {one.message}" for one in errors(refused.findings))
        raise _CannotAct(f"the rules file cannot be used: {told}") from None
    rules = _with_known_ids(loaded.rules, it)
    unreached = _without_token(loaded, rules, to_do)
    reachable = [one for one in to_do if one not in unreached]
    if not reachable:
        return [], unreached
    trial = _Trial(
        rules=rules,
        loaded=loaded,
        to_do=to_do,
        names={one: it.names.get(one, one) for one in to_do},
        everybody=it.names,
        within=within,
    )
    return asyncio.run(trial.run(reachable, unreached))


def _with_known_ids(rules: Rules, it: Deployment) -> Rules:
    """The rules with the client ids that the store knows, where no variable tells them."""
    by_name = {name: account for account, name in it.names.items()}
    followers = tuple(
        replace(one, client_id=by_name.get(one.name, one.client_id)) if "${" in one.client_id else one
        for one in rules.followers
    )
    leader = replace(rules.leader, client_id=it.leader) if "${" in rules.leader.client_id else rules.leader
    return replace(rules, leader=leader, followers=followers)


def _without_token(loaded: "Loaded", rules: Rules, accounts: Collection[str]) -> dict[str, str]:
    """Those of these accounts that cannot be asked for want of a token, and what is missing."""
    missing = {
        int(found[1]): one.message
        for one in loaded.findings
        if (found := _FOLLOWER.fullmatch(one.path)) and found[2] == "access_token" and one.code in ("R301", "R302")
    }
    lacking = {
        one.client_id: f"no access token: {missing.get(place, 'it is empty')}"
        for place, one in enumerate(rules.followers)
        if one.client_id in accounts and not one.access_token
    }
    strangers = set(accounts) - {one.client_id for one in rules.followers}
    return lacking | dict.fromkeys(strangers, "it is no follower in this rules file")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One attempt to do it all. ``to_do``: what, for each account that is asked about; ``names``: theirs;
    ``everybody``: those of all accounts."""

    rules: Rules
    loaded: "Loaded"
    to_do: Mapping[str, Sequence[str]]
    names: Mapping[str, str]
    everybody: Mapping[str, str]
    within: float
    heard: list[Notice] = field(default_factory=list)

    async def run(self, accounts: Sequence[str], unreached: Mapping[str, str]) -> tuple[list[Row], dict[str, str]]:
        """Do what can be done for these accounts."""
        from copyctl.cli.assemble import followers_alone
        from copyctl.cli.console import Announcer

        tell = Announcer(self.everybody, sys.stderr, VERBOSITY.get() - 1)  # alerts; with -v decisions too

        def listen(notice: Notice) -> None:
            self.heard.append(notice)
            tell(notice)

        document = self.loaded.document
        async with followers_alone(self.rules, document.digest, document.text, accounts, listen=listen) as reach:
            unreached = {**unreached, **reach.unreached}
            replicator, stop = reach.replicator, asyncio.Event()
            async with stopped_by_signals(stop), _progress(self, reach):
                await replicator.act_alone(reach.accounts, seconds=self.within, stop=stop)
            records = {name: list(rows.values()) for name, rows in replicator.state.tables.items()}
            orders = asked_of_the_broker(records, self.heard, self.names, unreached)
            lacks = {one: unreached.get(one) or self._lack(replicator, records, one, orders) for one in accounts}
            failed = {one: why for one, why in lacks.items() if why}
        tell.flush()
        if stop.is_set():
            failed = {one: f"{INTERRUPTED}: {why}" for one, why in failed.items()}
        return orders, {**unreached, **failed}

    def _lack(self, replicator: "Replicator", records: Records, account: str, orders: Sequence[Row]) -> str:
        """What is not done for an account that could be asked, and why; "" for nothing."""
        known = replicator.state.tables["account"].get(account)
        if replicator.store_trouble:
            return f"the store cannot be written: {replicator.store_trouble}"
        if not isinstance(known, Account):
            return "nothing is known of it"
        if known.refused_token:
            return f"its token or address is refused: {known.refused_token}"
        if not known.ready:
            return "its order book could not be read: the broker does not answer"
        if not known.killed_at:
            return "it was resumed meanwhile"
        if known.kill_actions and known.paused_at:
            held = ", then ".join(kill_words(known.kill_actions))
            return f"it is paused, nothing is sent for it: {held} waits for copyctl unpause"
        if known.kill_actions and known.halted:
            held = ", then ".join(kill_words(known.kill_actions))
            return f"an earlier --halt holds everything back, {held} too, until copyctl resume"
        if known.kill_actions:
            return f"still to do: {', then '.join(kill_words(known.kill_actions))}{self._hint(account, orders)}"
        left = [
            f"{one.kind} {one.order_id or one.correlation_id}"
            for one in replicator.state.tables["request"].values()
            if isinstance(one, Request) and one.account == account and _is_open(one)
        ]
        if left:
            return f"not known to be done at the broker: {', '.join(left)}{self._hint(account, orders)}"
        return self._not_asked_again(records, account)

    def _not_asked_again(self, records: Records, account: str) -> str:
        """What the rules have a kill do was not asked for once more, the switch having been on before."""
        if KillAction.CANCEL_OPEN_ORDERS in self.to_do[account] and has_open_entries(Picture(records), account):
            return "it was killed before, and a copy of an entry is open: give --cancel-open"
        if KillAction.FLATTEN in self.to_do[account] and holds_copied(records, account):
            return "it was killed before, and holds what was copied: give --flatten"
        return ""

    def _hint(self, account: str, orders: Sequence[Row]) -> str:
        """The first reason that the orders of an account give for not being done."""
        undone = (NOT_SENT, OPEN, REFUSED, REJECTED, UNKNOWN)
        mine = (one for one in reversed(orders) if one["follower"] == self.names[account])
        text = next((one["text"] for one in mine if one["fate"] in undone and one["text"]), "")
        return f" ({text})" if text else ""


def _is_open(request: Request) -> bool:
    """Is its fate not known, or an order open that it should have ended?"""
    return request.state is not RequestState.QUEUED or request.kind is RequestKind.CANCEL


@contextlib.asynccontextmanager
async def _progress(trial: _Trial, reach: "Reach") -> AsyncIterator[None]:
    """Say every some seconds what is still to be done."""
    began = time.monotonic()

    async def say() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_SECONDS)
            accounts = (reach.replicator.state.tables["account"].get(one) for one in sorted(reach.accounts))
            left = [
                f"{trial.names[one.account]}: {', then '.join(kill_words(one.kill_actions)) or 'requests on their way'}"
                for one in accounts
                if isinstance(one, Account) and (one.kill_actions or not one.ready)
            ]
            note(f"{time.monotonic() - began:.0f} s of {trial.within:.0f}; {'; '.join(left) or 'nearly done'}")

    task = asyncio.get_running_loop().create_task(say())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
