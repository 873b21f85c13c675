"""How the replicator stands, from what its journal holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from copyctl.model.account import Account
from copyctl.model.choices import KillAction
from copyctl.model.deployment import RateLimits
from copyctl.model.journal import Command
from copyctl.model.pulse import Pulse
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Copy
from copyctl.model.terms import Decision
from copyctl.report.budget import Budget, budgets
from copyctl.report.figures import latencies
from copyctl.report.followed import Followed, followed, is_entry_part, is_own
from copyctl.report.kill import kill_words
from copyctl.report.moments import day_start, indian, told
from copyctl.report.picture import Picture, Records

Row = dict[str, Any]

PAUSED = "paused: nothing is sent for it, cancels and exits neither, until copyctl unpause"
ANOMALIES = ("unreadable", "unknown_status", "early_fills")
STATES = ("killed", "paused", "unauthenticated", "leaving", "active")
"""In what a follower may be; the first that holds is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A follower as the rules name it. ``account`` is "" where neither rules nor journal tell it yet."""

    name: str
    account: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is known of the process besides its records. ``since``: when the run began, ns; ``waiting``: commands that
    no run has taken in yet; ``actions``: what the rules have a kill do; ``pulse``: what it told of itself last."""

    running: bool
    now: int
    since: int = 0
    leader: str = ""
    waiting: Sequence[Command] = ()
    actions: Sequence[str] = ()
    pulse: Pulse | None = None


def status(records: Records, run: Run, members: Sequence[Member], rates: RateLimits) -> Row:
    """The whole status document."""
    left = budgets(records, run.now, rates, run.pulse if run.running else None)
    picture = Picture(records)
    rows: dict[str, list[Followed]] = {}
    for row in followed(picture.copies.values()):
        rows.setdefault(row.follower, []).append(row)
    accounts = {one.account: _account(picture, one.account, run) for one in members}
    return {
        "state": "running" if run.running else "stopped",
        "since": told(run.since) if run.running else None,
        "streams_up": all(_connected(picture, one, run) for one in (run.leader, *accounts)),
        "leader": _leader(picture, run),
        "followers": [
            _follower(rows.get(one.account, ()), one, accounts[one.account], left[one.account]) for one in members
        ],
        "kill_switch": _kill_switch([(one.name, accounts[one.account]) for one in members]),
        "latency_ms": latencies(_latencies(picture, day_start(run.now))),
        "anomalies": {what: sum(getattr(one, what) for one in picture.accounts.values()) for what in ANOMALIES},
    }


def frame_to_request(copy: Copy, since: int) -> list[int]:
    """How long each placement of a copy took from the leader's frame until its bytes left, ns.

    No frame is behind a row of copyctl's own. What waited for another order of ours, by intent, is no latency: the
    entry of a reversal for its exit, an exit that is sent anew because the first one did not fill.
    """
    if is_own(copy.leader_order_id) or is_entry_part(copy.leader_order_id):
        return []
    return [
        slot.left_at - slot.frame_at
        for slot in copy.slots
        if slot.left_at and slot.frame_at >= max(since, 1) and not (slot.urgent and slot.revision)
    ]


def placement_latency(copy: Copy, correlation_id: str) -> int | None:
    """The same of one placement of a copy, by its correlation id; None where it has none, or has not left yet."""
    placed = tuple(slot for slot in copy.slots if slot.correlation_id == correlation_id)
    return next(iter(frame_to_request(replace(copy, slots=placed), 0)), None)


def _latencies(picture: Picture, since: int) -> list[int]:
    return [value for copy in picture.copies.values() for value in frame_to_request(copy, since)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """An account with the commands that wait for the next start taken into account. ``to_do``: what the kill switch
    has still to do; ``halted``: it holds back cancels and exits; ``paused``: a person has it paused."""

    record: Account
    killed_at: int
    killed_reason: str
    to_do: Sequence[str]
    halted: bool
    paused: bool


def _account(picture: Picture, account: str, run: Run) -> _Known:
    record = picture.accounts.get(account) or Account(account=account)
    killed_at, reason = record.killed_at, record.killed_reason
    to_do, halted, paused = record.kill_actions, record.halted, bool(record.paused_at)
    for command in run.waiting:
        if command.account not in ("", account):
            continue
        if command.command == "kill":
            killed_at, reason = killed_at or command.given_at, command.reason or "by command"
            to_do = (*to_do, *run.actions, *command.actions)
        elif command.command == "resume":
            killed_at, reason, to_do, halted = 0, "", (), False
        elif command.command in ("pause", "unpause"):
            paused = command.command == "pause"
    return _Known(record=record, killed_at=killed_at, killed_reason=reason, to_do=to_do, halted=halted, paused=paused)


def _leader(picture: Picture, run: Run) -> Row:
    account = picture.accounts.get(run.leader) or Account(account=run.leader)
    today = day_start(run.now)
    trouble = account.refused_token or ("" if account.stream_up else account.stream_text)
    return {
        "connected": _connected(picture, run.leader, run) and not account.refused_token,
        "last_frame_at": told(account.last_frame_at),
        "orders_today": sum(1 for lead in picture.leads.values() if lead.first_seen_at >= today),
        "detail": trouble if run.running else "no run is alive",
    }


def _connected(picture: Picture, account: str, run: Run) -> bool:
    """Is the order stream up? What a run that is over has left behind does not count."""
    known = picture.accounts.get(account)
    return known is not None and run.running and known.stream_up and known.connected_at >= run.since


def _follower(mine: Sequence[Followed], member: Member, account: _Known, budget: Budget) -> Row:
    state, detail = _state(member, account)
    if budget.rests_until:
        rests = f"rests until {indian(budget.rests_until):%H:%M:%S}: the broker says that it is asked too much"
        detail = "; ".join(filter(None, (detail, rests)))
    return {
        "name": member.name,
        "state": state,
        "open_orders": sum(1 for row in mine for slot in row.slots if slot.live and slot.order_id),
        "queued": sum(1 for row in mine if row.any(Decision.QUEUED)),
        "dead_letters": sum(1 for row in mine for copy in row.copies if copy.is_dead_letter),
        "unresolved": sum(1 for row in mine if any(copy.reason == Reason.UNRESOLVED for copy in row.copies)),
        "realised_pnl": None,
        "detail": detail,
        "rate_budget": {
            "orders": dict(budget.orders),
            "data": budget.data,
            "quotes": budget.quotes,
            "other": budget.other,
            "rests_until": told(budget.rests_until),
        },
    }


def _state(member: Member, account: _Known) -> tuple[str, str]:
    """The first state that holds, and its sentence."""
    record = account.record
    states = (
        ("killed", bool(account.killed_at), _killed(account)),
        ("paused", account.paused, PAUSED),
        ("paused", bool(record.held), record.held),
        ("unauthenticated", bool(record.refused_token), _refused(record)),
        ("leaving", not member.enabled, "enabled: false, nothing new is opened"),
    )
    silent = f"order stream is down: {record.stream_text}" if record.stream_text and not record.stream_up else ""
    return next(((name, detail) for name, holds, detail in states if holds), ("active", silent))


def _refused(record: Account) -> str:
    """What is refused, and what the broker said."""
    what = "address" if record.refused_as == Category.ADDRESS else "token"
    return f"{what} refused: {record.refused_token}; it is tried again every 15 s"


def _killed(account: _Known) -> str:
    """Why, what is held back, and what is to be done still."""
    told = [f"kill switch: {account.killed_reason}"]
    if account.halted:
        told.append("halted: nothing is sent, cancels and exits wait for resume")
    if account.paused:
        told.append(PAUSED)
    to_do = kill_words(one for one in account.to_do if not (account.halted and one == KillAction.HALT))
    if to_do:
        told.append(f"still to do: {', '.join(to_do)}")
    return "; ".join(told)


def _kill_switch(accounts: Sequence[tuple[str, _Known]]) -> Row:
    held = sorted(((one.killed_at, one.killed_reason, name) for name, one in accounts if one.killed_at))
    return {
        "on": bool(held),
        "reason": held[0][1] if held else None,
        "since": told(held[0][0]) if held else None,
        "followers": [name for name, one in accounts if one.killed_at],
    }
