"""Halts: an instrument that does not trade, as a rejection told one follower (scenario 6.6).

What that follower wants of it waits, entries and exits; cancels go at any time. One request a minute is tried, the most
urgent that waits then. All go when an order of it is taken by the exchange, or when the leader trades it.
"""

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.keys import halt_key, instrument_key
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.order import Order
from copyctl.model.policy import Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Halt
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import Level

TRY_EVERY = 60 * SECOND
"""How often something of a halted instrument is tried."""


def hold(draft: Draft, copy: Copy, text: str) -> None:
    """A rejection says that the instrument of this copy does not trade."""
    wanted = copy.wanted
    if wanted is None:
        return
    known = _halt(draft, copy.follower, instrument_key(wanted.segment, wanted.security_id))
    since = known.since if known is not None else draft.now
    draft.halts.put(
        Halt(
            account=copy.follower,
            segment=wanted.segment,
            security_id=wanted.security_id,
            since=since,
            tried_at=draft.now,
            text=text,
        )
    )
    if known is None:
        said = f"trading in {_name(draft, wanted.segment, wanted.security_id)} is halted, what is wanted of it waits"
        row = copy.leader_order_id
        alert(draft, Alert.INSTRUMENT_HALTED, f"{said}: {text}", row=row, follower=copy.follower)


def held(draft: Draft, request: Request) -> Halt | None:
    """The halt for which a request has to wait just now, None for none."""
    if request.kind is RequestKind.CANCEL or request.desired is None:
        return None
    known = _halt(draft, request.account, _instrument(request))
    return known if known is not None and draft.now < known.tried_at + TRY_EVERY else None


def tried(draft: Draft, request: Request) -> None:
    """A request leaves: of a halted instrument it is the try of this minute."""
    if request.kind is RequestKind.CANCEL or request.desired is None:
        return
    known = _halt(draft, request.account, _instrument(request))
    if known is not None:
        draft.halts.put(replace(known, tried_at=draft.now))


def taken(draft: Draft, order: Order) -> None:
    """The exchange has taken an order of this account, or a change of one: the instrument trades."""
    _lift(draft, order.account, instrument_key(order.segment, order.security_id), "an order of it was taken")


def leader_traded(draft: Draft, rules: Rules, order: Order) -> None:
    """The leader has traded an instrument: it trades for his followers too, unless they were told otherwise since."""
    ahead = draft.account(order.account).broker_ahead
    for follower in rules.followers:
        key = instrument_key(order.segment, order.security_id)
        known = _halt(draft, follower.client_id, key)
        if known is not None and (not order.broker_time or order.broker_time + SECOND > known.since + ahead):
            _lift(draft, follower.client_id, key, "the leader trades it")


def _lift(draft: Draft, account: str, instrument: str, why: str) -> None:
    known = _halt(draft, account, instrument)
    if known is None:
        return
    draft.halts.drop(halt_key(account, instrument))
    for request in draft.waiting():
        waits = request.account == account and request.waits_for == Reason.INSTRUMENT_HALTED
        if waits and _instrument(request) == instrument:
            draft.requests.put(replace(request, due_at=0))
    said = f"{_name(draft, known.segment, known.security_id)} is not halted any more, what waited goes: {why}"
    alert(draft, Alert.INSTRUMENT_HALTED, said, level=Level.INFO, follower=account)


def new_day(draft: Draft, account: str) -> None:
    """What did not trade yesterday may trade today."""
    for known in list(draft.halts.values()):
        if known.account == account:
            _lift(draft, account, instrument_key(known.segment, known.security_id), "it is another day")


def _halt(draft: Draft, account: str, instrument: str) -> Halt | None:
    return draft.halts.get(halt_key(account, instrument))


def _instrument(request: Request) -> str:
    wanted = request.desired
    return instrument_key(wanted.segment, wanted.security_id) if wanted is not None else ""


def _name(draft: Draft, segment: object, security_id: str) -> str:
    """For people."""
    known = draft.instruments.get(f"{segment}/{security_id}")
    return (known.symbol if known is not None else "") or f"{segment}/{security_id}"
