"""The pulse: how the engine stands in this second."""

from collections import Counter
from collections.abc import Mapping

from copyctl.core.state import State
from copyctl.engine.pace import Paces
from copyctl.model.deployment import RateLimits
from copyctl.model.pulse import Pulse, Reads
from copyctl.model.request import Request, RequestState


def pulse_of(state: State, paces: Mapping[str, Paces], limits: RateLimits, *, now: int, store_trouble: str) -> Pulse:
    """What is left of every account's reads, and what waits. History and charts are never asked for by a run."""
    requests = (one for one in state.tables["request"].values() if isinstance(one, Request))
    queued = Counter(one.account for one in requests if one.state is RequestState.QUEUED)
    accounts = {
        account: Reads(
            data=limits.data.per_second, quotes=pace.quotes.left, other=pace.other.left, queued=queued[account]
        )
        for account, pace in paces.items()
    }
    return Pulse(at=now, accounts=accounts, store_trouble=store_trouble)
