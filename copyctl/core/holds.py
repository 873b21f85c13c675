"""Holds: what keeps everything of a follower from leaving, whatever it is (scenarios 5.8, 9.2).

A person has it paused; or its token or address is refused (``core.access``). What waits so is planned on all the same,
so that the newest wish replaces what waits, and what is wanted no more is taken back without a call.
"""

from msgspec.structs import replace

from copyctl.core import access
from copyctl.core.keys import copy_key
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.effects import ReadBooks
from copyctl.model.events import CommandGiven
from copyctl.model.reasons import Reason

Held = tuple[Reason, str]
"""Why everything of a follower waits: the code, and a sentence."""


def of_account(account: Account) -> Held | None:
    """What keeps every request of an account from leaving now."""
    if account.paused_at:
        return Reason.FOLLOWER_PAUSED, "the follower is paused: nothing is sent for it until unpause"
    why = access.refuses(account)
    return (Reason.FOLLOWER_UNAUTHENTICATED, f"token or address refused: {why}") if why else None


def undecided(account: Account) -> Held | None:
    """What keeps an order from being decided for a follower: what the broker would say to it may be another thing by
    the time that it can leave, and a refused token asks nothing."""
    if account.paused_at or access.is_shut(account):
        return of_account(account)
    return None


def pause(draft: Draft, event: CommandGiven) -> None:
    """From now on nothing is sent for this follower; what is on its way is."""
    known = draft.account(event.account)
    if known.paused_at:
        return
    draft.accounts.put(replace(known, paused_at=draft.now))
    draft.all_again = True
    for copy in draft.open_copies(event.account):
        draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None
    text = f"paused{f': {event.reason}' if event.reason else ''}; nothing is sent, cancels and exits neither"
    alert(draft, Alert.PAUSED, text, follower=event.account)


def unpause(draft: Draft, event: CommandGiven) -> None:
    """The follower goes on: its books are read, then what it missed is caught up (7.2). One whose token or address is
    refused is tried at once, paused or not."""
    access.try_now(draft, event.account)
    known = draft.account(event.account)
    if not known.paused_at:
        return
    draft.accounts.put(replace(known, paused_at=0, ready=False, resumed_at=draft.now))
    draft.all_again = True
    draft.effects.append(ReadBooks(account=event.account))
    alert(draft, Alert.PAUSED, "goes on: its books are read, then what it missed is caught up", follower=event.account)
