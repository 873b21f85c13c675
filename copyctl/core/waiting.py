"""What waits: the requests that are not on their way, found without looking at all of them.

Hundreds may wait for room under the rate limit, or for an account that is held, while the leader goes on; a step that
has nothing to do with them must not pay for them. An index of the state's requests, kept by ``State.apply``.
"""

from copyctl.core.urgency import uses_reserve
from copyctl.model.reasons import Reason
from copyctl.model.request import Request, RequestState

HOLDS = frozenset({Reason.FOLLOWER_PAUSED.value, Reason.FOLLOWER_UNAUTHENTICATED.value})
"""What keeps everything of an account waiting. Exits are looked at all the same: one may have to be cut at once."""


class Waiting:
    """The keys of waiting requests. ``limited``: those that wait for room alone, by account and by whether they may use
    the reserve; ``held``: those that wait until their account is held no more, by account; ``others``: all others, each
    of them for a moment (retry, next look) or for an event."""

    def __init__(self) -> None:
        self.limited: dict[str, dict[bool, dict[str, None]]] = {}
        self.held: dict[str, dict[str, None]] = {}
        self.others: dict[str, None] = {}

    def note(self, key: str, before: Request | None, after: Request | None) -> None:
        """A request was put in the place of another one."""
        if before is not None:
            self.others.pop(key, None)
            held = self.held.get(before.account, {})
            if held.pop(key, self) is None and not held:
                del self.held[before.account]
            kinds = self.limited.get(before.account, {})
            limited = kinds.get(uses_reserve(before), {})
            if key in limited:
                del limited[key]
                if not any(kinds.values()):
                    del self.limited[before.account]
        if after is None or after.state is RequestState.SENT:
            return
        if after.state is RequestState.QUEUED and after.waits_for == Reason.RATE_LIMIT:
            kinds = self.limited.setdefault(after.account, {False: {}, True: {}})
            kinds[uses_reserve(after)][key] = None
        elif after.state is RequestState.QUEUED and not after.exit and after.waits_for in HOLDS:
            self.held.setdefault(after.account, {})[key] = None
        else:
            self.others[key] = None
