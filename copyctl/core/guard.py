"""The guard: may this request leave, now? The only place where an ``Approved`` is made.

A cancel is never refused. What is refused for good will not be asked again; what only waits is asked again whenever
something changes, and once more at the moment at which it would leave.
"""

from copyctl.model.policy import Follower
from copyctl.model.reasons import Reason
from copyctl.model.records import Account
from copyctl.model.request import Approved, Denied, Request, RequestKind


def permit(request: Request, account: Account, follower: Follower | None, *, leader_ready: bool) -> Approved | Denied:
    """Permission for one request of one account, or why not. ``leader_ready``: were the leader's books read?"""
    if request.kind is RequestKind.CANCEL:
        return Approved(request=request)
    if request.desired is None or request.desired.terms.quantity <= 0:
        return Denied(reason=Reason.ZERO_QUANTITY, detail="a request for no quantity")
    if request.kind is RequestKind.PLACE:
        return _placement(request, account, follower, leader_ready=leader_ready)
    return Approved(request=request)


def _placement(
    request: Request, account: Account, follower: Follower | None, *, leader_ready: bool
) -> Approved | Denied:
    if account.killed_at:
        return Denied(reason=Reason.KILL_SWITCH, detail=f"the kill switch is on: {account.killed_reason}")
    if follower is None or not follower.enabled:
        return Denied(reason=Reason.FOLLOWER_LEAVING, detail="followers.enabled is false: no entries")
    if not account.ready:
        return Denied(reason=Reason.CHECKING, detail="the follower's books were not read yet", final=False)
    if not leader_ready:
        return Denied(reason=Reason.CHECKING, detail="the leader's books were not read yet", final=False)
    return Approved(request=request)
