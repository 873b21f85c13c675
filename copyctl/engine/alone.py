"""Alone: the kill switch acts where nobody is copied: how far it has come, and what it needs (scenario 9.1)."""

import asyncio
from collections.abc import Collection
from enum import Enum, auto

from copyctl.core.keys import instrument_key
from copyctl.core.state import State
from copyctl.engine.books import BookReader
from copyctl.engine.replicator import SETTLE_CHECK_SECONDS, Replicator
from copyctl.model.account import Account
from copyctl.model.facts import Quote, QuoteWanted
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Request, RequestState

ALONE_BOOKS_EVERY_SECONDS = 1.0
"""How often all books are read where they are all that tells of fills and cancels."""
ALONE_STUCK_AFTER_SECONDS = 12.0
"""A kill switch that waits for nothing on its way is not waited for longer: it tries again sooner, where it does."""
ALONE_PRICES_WITHIN_SECONDS = 2.0


class Standing(Enum):
    """How one follower's kill switch stands. DONE: there is nothing to wait for. WAITS: there is, and nothing that
    would bring it about is on its way."""

    DONE = auto()
    ACTING = auto()
    WAITS = auto()


def standing(state: State, account: str, *, ends: int) -> Standing:
    """How the kill switch of a follower stands whose books were asked for. ``ends``: what is due later is not waited
    for (ns). Who is refused by the broker, halted already or paused, is not waited for either."""
    known = state.tables["account"].get(account)
    if not isinstance(known, Account):
        return Standing.ACTING
    if known.refused_token or known.halted or known.paused_at:
        return Standing.DONE
    if not known.ready or _is_under_way(state, account, ends) or _ends_soon(state, known):
        return Standing.ACTING
    return Standing.WAITS if known.kill_actions else Standing.DONE


def _is_under_way(state: State, account: str, ends: int) -> bool:
    """Has a request left that was not answered, or may one leave yet?"""
    for one in state.tables["request"].values():
        if not isinstance(one, Request) or one.account != account:
            continue
        if one.state is not RequestState.QUEUED or (one.due_at <= ends and one.waits_for != Reason.KILL_SWITCH):
            return True
    return False


def _ends_soon(state: State, known: Account) -> bool:
    """Is an order open whose end was asked for, or one that has to trade now for the kill switch?"""
    return any(
        slot.live and slot.sent and (slot.cancel_asked or (slot.urgent and bool(known.kill_actions)))
        for copy in state.tables["copy"].values()
        if isinstance(copy, Copy) and copy.follower == known.account
        for slot in copy.slots
    )


def prices_wanted(state: State, accounts: Collection[str]) -> list[QuoteWanted]:
    """The questions for the prices of what was copied: the price guard holds for what closes it only where they are
    known."""
    return [
        QuoteWanted(account=here.account, segment=here.segment, security_id=here.security_id)
        for here in state.tables["position"].values()
        if isinstance(here, Position) and here.copied and here.account in accounts
    ]


def is_priced(state: State, wanted: QuoteWanted, *, since: int) -> bool:
    """Was this price told since then (ns), or why it is not to be had?"""
    known = state.tables["quote"].get(instrument_key(wanted.segment, wanted.security_id))
    account = state.tables["account"].get(wanted.account)
    if isinstance(account, Account) and account.quotes_why:
        return True
    return isinstance(known, Quote) and max(known.as_of, known.failed_at) >= since


class LoneReplicator(Replicator):
    """A replicator without a leader, for what a kill switch has to do by itself."""

    async def act_alone(self, accounts: Collection[str], *, seconds: float, stop: asyncio.Event) -> None:
        """Do what the kill switch has to do for these followers, with nobody to copy: the leader's books are not read,
        and no stream is. It returns when that is done, when time is over, when waiting longer brings nothing, or at
        ``stop``; what is not done then stands with the accounts still."""
        looked: set[str] = set()
        async with asyncio.TaskGroup() as group:
            self._group = group
            work = [group.create_task(self._conductor.run()), group.create_task(self._commands.run())]
            work.extend(group.create_task(desk.facts.run()) for desk in self._desks.values())
            await self._learn_prices(accounts)
            work.extend(group.create_task(_look_on(desk.reader, looked)) for desk in self._desks.values())
            await self._until_acted(accounts, looked, seconds=seconds, stop=stop)
            for task in (*work, *self._tasks):  # what hangs still is of unknown fate for the next run
                task.cancel()

    async def _learn_prices(self, accounts: Collection[str]) -> None:
        began = self._clock.now()
        wanted = prices_wanted(self.state, accounts)
        for question in wanted:
            self._ask(question)
        for _ in range(int(ALONE_PRICES_WITHIN_SECONDS / SETTLE_CHECK_SECONDS) if wanted else 0):
            await asyncio.sleep(SETTLE_CHECK_SECONDS)
            if all(is_priced(self.state, one, since=began) for one in wanted):
                return

    async def _until_acted(
        self, accounts: Collection[str], looked: Collection[str], *, seconds: float, stop: asyncio.Event
    ) -> None:
        moved = now = self._clock.now()
        ends = now + int(seconds * 1e9)
        while now < ends and not stop.is_set():
            found = {standing(self.state, one, ends=ends) if one in looked else Standing.ACTING for one in accounts}
            if self._conductor.idle and found <= {Standing.DONE}:
                return
            if Standing.ACTING in found:
                moved = now
            if now - moved > ALONE_STUCK_AFTER_SECONDS * 1e9:
                return
            for account, desk in self._desks.items():
                if account in looked and now - desk.reader.read_at >= ALONE_BOOKS_EVERY_SECONDS * 1e9:
                    desk.reader.want(special=True)
            await asyncio.sleep(SETTLE_CHECK_SECONDS)
            now = self._clock.now()


async def _look_on(reader: BookReader, looked: set[str]) -> None:
    """Read an account's books, note that it was tried, and go on reading when asked."""
    await reader.read(special=True)
    looked.add(reader.account)
    await reader.run()
