"""Tokens, as far as a person must hear of them."""

from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.events import TokenTold


def told(draft: Draft, event: TokenTold) -> None:
    """Tell it, as urgently as the keeper of the token says."""
    alert(draft, event.what, event.text, level=event.level, follower=event.account)
