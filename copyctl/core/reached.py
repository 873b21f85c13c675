"""Limits that end a follower's day: told once a day each, when they are reached."""

from msgspec.structs import replace

from copyctl.core.limits import day_ended
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.core.watched import watched_followers
from copyctl.model.alerts import Alert
from copyctl.model.policy import Rules


def tell_reached(draft: Draft, rules: Rules) -> None:
    """An alert for each limit that this step brought a follower to, the first time today."""
    for follower in watched_followers(draft, rules):
        account = draft.accounts.written.get(follower.client_id)
        if account is None:
            continue
        ended = day_ended(follower.policy.limits, account.profit, account.placed_today)
        news = {key: text for key, text in ended.items() if key not in account.reached}
        for key, text in news.items():
            alert(draft, Alert.LIMIT_REACHED, f"no entry any more today: {text}", follower=account.account, limit=key)
        if news:
            draft.accounts.put(replace(account, reached=(*account.reached, *news)))
