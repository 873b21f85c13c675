"""Unread: what hangs on positions that the broker does not tell, and how long it waits for them (scenario 7.12).

Until the positions of the day are read nothing is said of the leader's orders. Where a read fails his fills count at
once; only what would open a short by them waits a while longer, and so do exits of what earlier days left.
"""

from datetime import date

from msgspec.structs import replace

from copyctl.core.hours import SECOND, ist_day
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.core.watched import watched
from copyctl.model.alerts import Alert
from copyctl.model.facts import Ask, PositionsWanted
from copyctl.model.instrument import Instrument
from copyctl.model.policy import Rules
from copyctl.model.records import Position

READ_WITHIN = 30 * SECOND
"""How long what hangs on positions waits for them, where they cannot be read, before the fills count alone."""
SURE_WITHIN = 10 * SECOND
"""How long an exit waits for a second read where the first one showed less than it would close."""
AGAIN = 2 * SECOND
"""How often positions that are not known yet are asked for, ``QUICKLY`` long; after that once a sweep."""
QUICKLY = 60 * SECOND


def ask_positions(draft: Draft, account: str) -> None:
    """Have the broker asked what this account has."""
    draft.effects.append(Ask(question=PositionsWanted(account=account)))


def ask_again(draft: Draft, rules: Rules) -> None:
    """Ask once more for positions that could not be read, or of which one read is not enough."""
    for name in watched(draft, rules):
        at = _again_at(draft, name)
        if at and draft.now >= at:
            draft.accounts.put(replace(draft.account(name), asked_at=draft.now))
            ask_positions(draft, name)


def _again_at(draft: Draft, name: str) -> int:
    """When positions are asked for once more (ns), 0: by themselves never."""
    known = draft.account(name)
    if known.positions_at or not known.asked_at or not (known.unsure or known.failing_since):
        return 0
    given_up = known.failing_since and draft.now >= known.failing_since + QUICKLY
    return 0 if given_up else known.asked_at + AGAIN


def unknown_position(draft: Draft, account: str) -> str:
    """Why it is not known what an account began the day with, "" where it is."""
    known = draft.account(account)
    if known.positions_at:
        return ""
    return f"the positions of {account} were not read yet" + (f": {known.positions_why}" if known.positions_why else "")


def failed(draft: Draft, account: str, why: str) -> None:
    """The positions that an account began the day with could not be read."""
    known = draft.account(account)
    if not known.positions_at:
        since = known.failing_since or draft.now
        draft.accounts.put(replace(known, positions_why=why, failing_since=since))


def may_count(draft: Draft, rules: Rules) -> bool:
    """Is it known what the leader began the day with, or do his fills count since that cannot be read? Then his orders
    that waited are looked at again with those that moved now."""
    leader = draft.account(rules.leader.client_id)
    if leader.positions_at:
        return True
    if not leader.failing_since:
        return False
    waiting = [lead.order_id for lead in draft.leader_orders.values() if not lead.classified]
    if waiting and not leader.fills_alone and draft.now >= leader.failing_since + READ_WITHIN:
        leader = replace(leader, fills_alone=True)
        text = (
            f"the leader's positions cannot be read for {READ_WITHIN // SECOND} s ({leader.positions_why}): what his "
            "fills say counts alone, also for orders that would open a short by them"
        )
        alert(draft, Alert.POSITIONS_UNKNOWN, text)
    if waiting or draft.leads_moved:
        draft.leads_moved.update(dict.fromkeys(waiting))
        draft.touched.update(dict.fromkeys(waiting))
        draft.accounts.put(replace(leader, expects=True))
    return True


def shorts_wait(draft: Draft, account: str) -> bool:
    """Does an order that opens a short, by fills alone, wait for the positions still?"""
    known = draft.account(account)
    return not (known.positions_at or known.fills_alone)


def exit_waits(draft: Draft, here: Position) -> int:
    """Until when (ns) an exit of something that earlier days left waits for the positions of its account, or for the
    second read of them where the first one showed less: it may have been closed since. 0: it need not wait."""
    known = draft.account(here.account)
    if not here.base:
        return 0
    until = (known.failing_since or draft.now) + READ_WITHIN
    if known.positions_at:
        less = here.odd is not None and (here.odd * here.net <= 0 or abs(here.odd) < abs(here.net))
        until = here.odd_at + SURE_WITHIN if less else 0
    return until if draft.now < until else 0


def next_moment(draft: Draft, rules: Rules) -> int:
    """When positions are asked for again, or an order that waits for them waits no longer (ns), 0: never."""
    moments = [_again_at(draft, name) for name in watched(draft, rules)]
    leader = draft.account(rules.leader.client_id)
    failing = leader.failing_since and not (leader.positions_at or leader.fills_alone)
    if failing and any(not lead.classified for lead in draft.leader_orders.values()):
        moments.append(leader.failing_since + READ_WITHIN)
    return min((at for at in moments if at > draft.now), default=0)


def today(draft: Draft) -> date:
    """The Indian day of this step."""
    return ist_day(draft.now)


def is_expired(instrument: Instrument | None, moment: int) -> bool:
    """Is this a contract whose last day is over?"""
    return instrument is not None and instrument.expiry is not None and instrument.expiry < ist_day(moment)
