"""Tokens, as far as the core hears of them: another one is tried at once; what is to be known of one is told."""

from msgspec.structs import replace

from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.effects import Notice, ReadBooks
from copyctl.model.events import CredentialsChanged, TokenTold
from copyctl.model.reasons import Reason


def changed(draft: Draft, event: CredentialsChanged) -> None:
    """What waits because the old token was refused is due now, and the books are read."""
    draft.accounts.put(replace(draft.account(event.account), refused_token=""))
    for request in list(draft.requests.values()):
        if request.account == event.account and request.waits_for == Reason.FOLLOWER_UNAUTHENTICATED:
            draft.requests.put(replace(request, due_at=draft.now))
    draft.effects.append(ReadBooks(account=event.account))
    draft.notices.append(
        Notice(at=draft.now, event="state", text="the access token is another one", follower=event.account)
    )


def told(draft: Draft, event: TokenTold) -> None:
    """Tell it, as urgently as the keeper of the token says."""
    alert(draft, event.what, event.text, level=event.level, follower=event.account)
