"""Rows of our own: what is closed without an order of the leader's.

An exit of his that nobody saw, the kill switch, a basket undone, what filled too much. Each is a row like any other,
named after the position; its order is a MARKET one, sent again until it is done, and never past flat.
"""

from decimal import Decimal

from msgspec.structs import replace

from copyctl.core.correlation import correlation_id, stem_of
from copyctl.core.hours import ist_day
from copyctl.core.keys import copy_key, instrument_key, policy_mark
from copyctl.core.positions import position
from copyctl.core.stakes import OWN_ROW
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.order import ZERO, Terms
from copyctl.model.policy import Follower
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderType, Side, Validity


def owe(
    draft: Draft, follower: Follower, here: Position, units: int, why: str, *, note: Reason | None = None
) -> Copy | None:
    """Have so many units of a copied position closed now; the row that does it, None where nothing is copied.

    What ought to stay of the position is less by as much.
    """
    now = position(draft, here.account, here.segment, here.security_id, here.product)
    row = own_row(draft, follower, now, units, why, note=note)
    if row is None and not now.target:
        return None
    sign = 1 if (now.copied or now.target) > 0 else -1  # it may be closed already, by an exit that was hit first
    target = max(ZERO, sign * now.target)
    draft.positions.put(replace(now, target=sign * max(ZERO, target - units) if target else now.target))
    draft.moved[(here.account, instrument_key(here.segment, here.security_id))] = None
    return row


def own_row(
    draft: Draft, follower: Follower, here: Position, units: int, why: str, *, note: Reason | None = None
) -> Copy | None:
    """A row that closes so many units of a copied position, the target left as it is."""
    units = min(units, abs(here.copied))
    if units <= 0:
        return None
    side = Side.SELL if here.copied > 0 else Side.BUY
    terms = Terms(order_type=OrderType.MARKET, validity=Validity.DAY, quantity=units)
    copy = Copy(
        leader_order_id=_name(draft, follower, here),
        follower=follower.client_id,
        decision=Decision.QUEUED,
        detail=why,
        note=note,
        wanted=Desired(
            side=side, segment=here.segment, security_id=here.security_id, product=here.product, terms=terms
        ),
        exit=True,
        due=Decimal(units),
        urgent=why,
        policy=policy_mark(draft.rules),
        created_at=draft.now,
        updated_at=draft.now,
    )
    draft.copies.put(copy)
    text = f"{side} {units} of {here.segment}/{here.security_id} {here.product} at the market: {why}"
    alert(draft, Alert.EXIT_MADE, text, row=copy.leader_order_id, follower=copy.follower)
    return copy


def _name(draft: Draft, follower: Follower, here: Position) -> str:
    """The next free name of a row of this position; one whose orders the broker knows already is not free."""
    stem = f"{OWN_ROW}{here.segment}:{here.security_id}:{here.product}:{ist_day(draft.now).isoformat()}:"
    number = 1
    while _taken(draft, follower, f"{stem}{number}"):
        number += 1
    return f"{stem}{number}"


def _taken(draft: Draft, follower: Follower, row: str) -> bool:
    if draft.copies.get(copy_key(row, follower.client_id)) is not None:
        return True
    if draft.rules is None:
        return False
    first = correlation_id(
        leader=draft.rules.leader.client_id, follower=follower.client_id, leader_order_id=row, revision=0
    )
    return draft.is_known(follower.client_id, stem_of(first))
