"""What waits: the requests that are not on their way, found without looking at all of them.

Hundreds may wait for room under the rate limit while the leader goes on; a step that has nothing to do with them
must not pay for them. An index of the state's requests, kept by ``State.apply``.
"""

from copyctl.core.urgency import uses_reserve
from copyctl.model.reasons import Reason
from copyctl.model.request import Request, RequestState


class Waiting:
    """The keys of waiting requests. ``limited``: those that wait for room alone, by account and by whether they may use
    the reserve; ``others``: all others, each of them for a moment (retry, next look) or for an event."""

    def __init__(self) -> None:
        self.limited: dict[str, dict[bool, dict[str, None]]] = {}
        self.others: dict[str, None] = {}

    def note(self, key: str, before: Request | None, after: Request | None) -> None:
        """A request was put in the place of another one."""
        if before is not None:
            self.others.pop(key, None)
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
        else:
            self.others[key] = None
