"""Telling: the lines for people and for programs that listen."""

from msgspec.structs import replace

from copyctl.core.keys import instrument_key, leader_id, order_key
from copyctl.core.state import Draft
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.events import BackedUp
from copyctl.model.policy import Rules
from copyctl.model.records import Copy
from copyctl.model.terms import Decision, Level


def tell(draft: Draft, text: str, **facts: str) -> None:
    """One line of what the run itself is at."""
    draft.notices.append(Notice(at=draft.now, event="state", text=text, facts=dict(facts)))


def alert(
    draft: Draft,
    what: Alert,
    text: str,
    *,
    level: Level | None = None,
    row: str = "",
    follower: str = "",
    **facts: str | None,
) -> None:
    """A line that someone should see now; ``row`` and ``follower``: whose copy it is about, if of any. ``level``:
    another one than is usual for it."""
    draft.notices.append(
        alert_notice(draft.now, what, text, level=level, row=row, follower=follower, facts=dict(facts))
    )


def alert_once(draft: Draft, copy: Copy, what: Alert, text: str, *, mark: str = "") -> Copy:
    """The copy, with this alert given unless this copy gave it before (``mark``: in this case of it)."""
    mark = mark or what.value
    if mark in copy.told:
        return copy
    alert(draft, what, text, row=copy.leader_order_id, follower=copy.follower)
    return replace(copy, told=(*copy.told, mark))


def tell_backup(draft: Draft, event: BackedUp) -> None:
    """What became of the journal's daily backup."""
    if event.why:
        alert(draft, Alert.BACKUP_FAILED, event.why)
    else:
        tell(draft, f"the journal was backed up: {event.what}")


def tell_decisions(draft: Draft) -> None:
    """One line for each copy whose decision or reason is another one now."""
    for key, copy in draft.copies.written.items():
        before = draft.state.tables["copy"].get(key)
        if copy is None or (
            isinstance(before, Copy) and (before.decision, before.reason) == (copy.decision, copy.reason)
        ):
            continue
        draft.notices.append(_decision(draft, copy))


def tell_drift(draft: Draft, rules: Rules) -> None:
    """An alert for each copy that differs from what the rules want since this step.

    While the leader's order is open its copy may follow yet, and what keeps it from that has alerts of its own. Nor is
    one given where another one about the copy was: that tells the cause.
    """
    told = {(one.leader_order_id, one.follower) for one in draft.notices if one.event == "alert"}
    for key, copy in draft.copies.written.items():
        if copy is None or not copy.drift or (copy.leader_order_id, copy.follower) in told:
            continue
        before = draft.state.tables["copy"].get(key)
        news = not isinstance(before, Copy) or before.drift != copy.drift
        leader = draft.orders.get(order_key(rules.leader.client_id, leader_id(copy.leader_order_id)))
        if news and leader is not None and leader.over:
            alert(draft, Alert.DRIFT, copy.drift, row=copy.leader_order_id, follower=copy.follower)


def _decision(draft: Draft, copy: Copy) -> Notice:
    rules, row = draft.rules, leader_id(copy.leader_order_id)
    leader = draft.orders.get(order_key(rules.leader.client_id, row)) if rules else None
    lead = draft.leader_orders.get(row)
    wanted = copy.wanted
    terms = lead.wish if lead else wanted.terms if wanted else None
    traded = leader if leader and leader.segment and leader.security_id else wanted
    instrument = None
    if traded and traded.segment and traded.security_id:
        instrument = draft.instruments.get(instrument_key(traded.segment, traded.security_id))
    return Notice(
        at=draft.now,
        event="decision",
        text=f"{copy.decision}" + (f" ({copy.reason})" if copy.reason else ""),
        level=Level.WARNING if copy.decision is Decision.DEAD else Level.INFO,
        leader_order_id=copy.leader_order_id,
        follower=copy.follower,
        facts={
            "decision": copy.decision,
            "reason": copy.reason,
            "detail": copy.detail,
            "rule": copy.rule,
            "side": traded.side if traded else None,
            "symbol": (instrument.symbol if instrument else "") or (traded.security_id if traded else None),
            "order_type": terms.order_type if terms else None,
            "leader_quantity": terms.quantity if terms and lead else None,
            "price": f"{terms.price or terms.trigger_price:f}" if terms else None,
            "quantity": wanted.terms.quantity if wanted else None,
        },
    )
