"""Which accounts a step looks at, whatever it is about.

Some things become due by themselves: a probe, a second question, an action of the kill switch. Most accounts are calm,
and a step that is about one of a thousand followers looks at that one alone.
"""

from collections.abc import Iterable

from copyctl.core.state import Draft
from copyctl.model.policy import Follower, Rules


def watched(draft: Draft, rules: Rules, *, also: Iterable[str] = ()) -> list[str]:
    """The leader's account, those of these rules that are not calm or that this step has written, and those that are
    named, in the order of the file; all of them where the rules are others than before."""
    if draft.rules is not draft.state.rules:
        return list(rules.accounts)
    names = {rules.leader.client_id, *draft.state.index.uneasy, *draft.accounts.written, *also}
    return sorted((name for name in names if name in rules.accounts), key=rules.accounts.__getitem__)


def watched_followers(draft: Draft, rules: Rules, *, also: Iterable[str] = ()) -> list[Follower]:
    """Those of them that are followers."""
    found = (rules.by_account.get(name) for name in watched(draft, rules, also=also))
    return [one for one in found if one is not None]
