"""Alone: how far a kill switch has come where nobody is copied, and what it needs for that (scenario 9.1)."""

from collections.abc import Collection
from enum import Enum, auto

from copyctl.core.keys import instrument_key
from copyctl.core.state import State
from copyctl.model.account import Account
from copyctl.model.facts import Quote, QuoteWanted
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Request, RequestState


class Standing(Enum):
    """How one follower's kill switch stands. DONE: there is nothing to wait for. WAITS: there is, and nothing that
    would bring it about is on its way."""

    DONE = auto()
    ACTING = auto()
    WAITS = auto()


def standing(state: State, account: str, *, ends: int) -> Standing:
    """How the kill switch of a follower stands whose books were asked for. ``ends``: what is due later is not waited
    for (ns). Who is refused by the broker, or halted already, is not waited for either."""
    known = state.tables["account"].get(account)
    if not isinstance(known, Account):
        return Standing.ACTING
    if known.refused_token or known.halted:
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
