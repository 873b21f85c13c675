"""One step: what an event changes, and what is to be done about it.

    outcome = step(state, event);  state.apply(outcome.changes)

Pure: the state is read, never written; everything that is decided comes back. All of it takes place or nothing does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from copyctl.core import access, commands, exits, forever, kill, legs, looking, settle, unread
from copyctl.core.attend import attend
from copyctl.core.capital import free_ended
from copyctl.core.checks import KEPT_FOR
from copyctl.core.day import find_calendars, new_day
from copyctl.core.facts import ask_ahead, ask_at_start, ask_of_follower, take_calendar, take_fact
from copyctl.core.forget import forget
from copyctl.core.hours import SECOND
from copyctl.core.join import join
from copyctl.core.keys import copy_key
from copyctl.core.left import left_behind
from copyctl.core.listing import listed
from copyctl.core.market import forget_questions
from copyctl.core.observe import note_fills, observe, recognise
from copyctl.core.positions import count_copies, count_leader
from copyctl.core.queue import next_due, release
from copyctl.core.reached import tell_reached
from copyctl.core.state import Draft, State, follower_of
from copyctl.core.telling import alert, tell, tell_backup, tell_decisions, tell_drift
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.effects import AskInstrument, Effect, Notice, ReadBooks
from copyctl.model.events import (
    Answered,
    BackedUp,
    BooksRead,
    BooksUnreadable,
    CalendarFound,
    CommandGiven,
    CredentialsChanged,
    Event,
    EventSetAside,
    FollowerHeld,
    FrameRead,
    FrameUnreadable,
    InstrumentFound,
    Looked,
    PolicyLoaded,
    Started,
    StreamChanged,
    TimeReached,
    TokenTold,
)
from copyctl.model.facts import FactArrived
from copyctl.model.order import ExecutionReport
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category, Reason
from copyctl.model.records import Change
from copyctl.model.request import RequestKind, RequestState
from copyctl.model.terms import Level

CLOCK_OFF = 2 * SECOND
NOISE_FRAMES = 5
NOISE_WITHIN = 60 * SECOND
NOISE_TOLD_EVERY = 300 * SECOND
"""So many unreadable frames within so long make an alert, one at most in five minutes (scenario 8.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step decided. ``due_at``: when the next ``TimeReached`` is wanted (ns), 0 for never."""

    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    notices: tuple[Notice, ...]
    due_at: int
    rules: Rules | None = None


def step(state: State, event: Event) -> Step:
    """What follows from an event."""
    draft = Draft(state, event.at)
    _HANDLERS[type(event)](draft, event)
    rules = draft.rules
    if rules is not None:
        new_day(draft, rules)
        unread.ask_again(draft, rules)
        count_copies(draft)
        count_leader(draft, rules, partial(exits.leader_closed, draft, rules))
        kill.watch(draft, rules)
        draft.touched.update((key, None) for key in draft.timed())
        for touched in list(draft.touched):
            attend(draft, rules, touched)
        legs.settle_baskets(draft, rules, partial(attend, draft, rules))
        join(draft, rules)
        count_copies(draft)
        _settle_positions(draft, rules)
        access.probe(draft, rules)
        if state.rules is not None and not isinstance(event, Started):  # commands that waited are heard before
            looking.wake(draft)
            release(draft, rules)
            access.settle(draft, rules)
        free_ended(draft)
        tell_decisions(draft)
        tell_drift(draft, rules)
        tell_reached(draft, rules)
    return Step(
        changes=draft.changes(),
        effects=_without_repetition(access.without_what_is_shut(draft)),
        notices=tuple(draft.notices),
        due_at=next_due(draft, rules),
        rules=rules if rules is not state.rules else None,
    )


def _settle_positions(draft: Draft, rules: Rules) -> None:
    """Bring the exits of every position that moved to what they should be, and what waited for them."""
    for owed in draft.owed:
        follower = follower_of(rules, owed.here.account)
        if follower is not None:
            exits.owe(draft, follower, owed.here, owed.units, owed.why)
    for account, instrument in list(draft.moved):
        exits.steer(draft, rules, account, instrument)
        freed = exits.freed(draft, account)
        for row in freed:
            attend(draft, rules, row)
        if freed:
            exits.steer(draft, rules, account, instrument)


def _without_repetition(effects: list[Effect]) -> tuple[Effect, ...]:
    return tuple(dict.fromkeys(effects)) if len(effects) > 1 else tuple(effects)


# --- what each event changes -------------------------------------------------------------------------------------


def _started(draft: Draft, event: Started) -> None:
    known = {account.account: account for account in draft.accounts.values()}
    if draft.rules is not None:
        known.setdefault(draft.rules.leader.client_id, Account(account=draft.rules.leader.client_id))
    for account in known.values():
        blank = replace(account, ready=False, stream_up=False, stream_text="not connected yet", connected_at=0, held="")
        blank = replace(blank, resumed_at=0, probed_at=0, vouched="", trying="")
        draft.accounts.put(replace(blank, down_at=event.at))
    draft.all_again = True
    forget_questions(draft)
    for instrument in list(draft.instruments.values()):
        if not instrument.known:  # it may be listed by now
            draft.effects.append(AskInstrument(segment=instrument.segment, security_id=instrument.security_id))
    if draft.rules is not None:
        ask_at_start(draft, draft.rules)
    for follower in draft.rules.followers if draft.rules is not None else ():
        for copy in draft.open_copies(follower.client_id):
            draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None
    for request in looking.restarted(draft):
        recognise(draft, request.leader_order_id, request.account, request.revision)


def _policy_loaded(draft: Draft, event: PolicyLoaded) -> None:
    before = draft.state.rules
    why = left_behind(event.rules, draft.copies.values(), draft.positions.values()) if before is not None else ""
    if why:
        alert(draft, Alert.RULES_REFUSED, why)
        return
    draft.rules = event.rules
    draft.all_again = True
    _come_and_go(draft, event.rules)
    draft.effects.extend(find_calendars(event.rules))
    for request in list(draft.requests.values()):  # until when it waits is another question by other hours
        if request.state is RequestState.QUEUED and request.waits_for in KEPT_FOR:
            draft.requests.put(replace(request, due_at=0))
    if before is None:  # a process begins: what the records say of the world is old
        for account in list(draft.accounts.values()):
            draft.accounts.put(replace(account, ready=False))
    else:  # what is open is looked at by the new rules: hours, deadlines
        for one in event.rules.followers:
            open_copies = draft.open_copies(one.client_id)
            draft.touched.update((copy_key(copy.leader_order_id, copy.follower), None) for copy in open_copies)
        known = {one.client_id for one in before.followers}
        for one in event.rules.followers:
            if one.client_id not in known:
                ask_of_follower(draft, event.rules, one)
    kill.take_unheard(draft, event.rules)
    tell(draft, f"rules {event.rules.name} {event.digest[:12]} in force", policy=event.digest)


def _come_and_go(draft: Draft, rules: Rules) -> None:
    """Note since when each follower is one; who comes again begins anew."""
    followers = [one.client_id for one in rules.followers]
    for name in followers:
        if not draft.account(name).since:
            draft.accounts.put(replace(draft.account(name), since=draft.now))
    for account in list(draft.accounts.values()):
        if account.since and account.account not in followers:
            draft.accounts.put(replace(account, since=0, joined=False))


def _frame(draft: Draft, event: FrameRead) -> None:
    account = draft.account(event.account)
    draft.accounts.put(replace(account, last_frame_at=event.at))
    if draft.rules is not None:
        observe(draft, draft.rules, event.reports)


def _unreadable(draft: Draft, event: FrameUnreadable) -> None:
    account = draft.account(event.account)
    recent = (*account.unreadable_at[1 - NOISE_FRAMES :], event.at)
    noisy = len(recent) == NOISE_FRAMES and recent[-1] - recent[0] < NOISE_WITHIN
    told = noisy and event.at - account.noise_told_at > NOISE_TOLD_EVERY
    draft.accounts.put(
        replace(
            account,
            unreadable=account.unreadable + 1,
            unreadable_at=recent,
            noise_told_at=event.at if told else account.noise_told_at,
            last_frame_at=event.at,
        )
    )
    draft.notices.append(
        Notice(at=draft.now, event="state", level=Level.WARNING, text=f"unreadable frame: {event.why}")
    )
    if told:
        text = (
            f"{NOISE_FRAMES} frames of the order stream within {NOISE_WITHIN // SECOND} s could not be read, the last: "
            f"{event.why}; they are kept, and the order book is read"
        )
        alert(draft, Alert.ANOMALY, text, follower=event.account)
        draft.effects.append(ReadBooks(account=event.account))


def _books(draft: Draft, event: BooksRead) -> None:
    tried = access.books_read(draft, event.account, event.asked_at)
    account = draft.account(event.account)
    ready = account.ready or event.asked_at >= account.resumed_at
    newly_ready = ready and (not account.ready or tried)
    draft.all_again |= newly_ready
    ahead = account.broker_ahead
    if event.date:
        ahead = _broker_ahead(draft, event, ahead)
    draft.accounts.put(replace(account, ready=ready, books_at=event.asked_at, broker_ahead=ahead))
    if draft.rules is None:
        return
    ask_ahead(draft, draft.rules, event.account)
    observe(draft, draft.rules, _special(draft, event))
    note_fills(draft, event.fills)
    for request in looking.special_read(draft, draft.rules, event):
        recognise(draft, request.leader_order_id, request.account, request.revision)
    looking.book_read(draft, event.account, event.asked_at)
    if newly_ready and event.account != draft.rules.leader.client_id:
        access.look_again(draft, event.account)
    _waited_for_book(draft, draft.rules, event.account)
    if event.account == draft.rules.leader.client_id:
        forget(draft, draft.rules)


def _special(draft: Draft, event: BooksRead) -> Sequence[ExecutionReport]:
    """The rows, with what the list of forever orders says by what it lacks; it is told where the books of special
    orders cannot be read."""
    account = draft.account(event.account)
    if event.super_read and event.armed is not None:
        draft.accounts.put(replace(account, special_at=event.asked_at, special_why=""))
    elif event.special_why and not account.special_why:
        draft.accounts.put(replace(account, special_why=event.special_why))
        text = f"super or forever orders cannot be read, and are not followed meanwhile: {event.special_why}"
        alert(draft, Alert.SPECIAL_UNREAD, text, follower=event.account)
    if event.armed is None:
        return forever.without_what_is_in_question(draft, event.account, event.orders)
    return forever.by_the_list(draft, event, event.armed)


def _waited_for_book(draft: Draft, rules: Rules, account: str) -> None:
    """What waits for a book is looked at again, also where that shows nothing new."""
    names = [one.client_id for one in rules.followers] if account == rules.leader.client_id else [account]
    for name in names:
        waits = (copy for copy in draft.open_copies(name) if copy.reason == Reason.CHECKING)
        draft.touched.update((copy_key(copy.leader_order_id, copy.follower), None) for copy in waits)


def _broker_ahead(draft: Draft, event: BooksRead, before: int) -> int:
    """How far the broker's clock is ahead of ours. Its Date counts whole seconds: a difference within one is none."""
    middle = (event.asked_at + event.at) // 2
    ahead = event.date + SECOND // 2 - middle
    ahead = ahead if abs(ahead) > SECOND else 0
    if abs(ahead) > CLOCK_OFF >= abs(before):
        text = f"this machine's clock is {-ahead / SECOND:+.0f} s off the broker's"
        alert(draft, Alert.CLOCK_OFF, text)
    return ahead


def _books_unreadable(draft: Draft, event: BooksUnreadable) -> None:
    if event.refused:
        access.refuse(draft, event.account, Category.AUTHENTICATION, event.why)


def _stream(draft: Draft, event: StreamChanged) -> None:
    account = draft.account(event.account)
    connected_at = event.at if event.up else account.connected_at
    went_down = account.stream_up and not event.up
    draft.accounts.put(
        replace(
            account,
            stream_up=event.up,
            stream_text=event.why,
            connected_at=connected_at,
            down_at=event.at if went_down else account.down_at,
        )
    )
    if event.up:
        draft.effects.append(ReadBooks(account=event.account))
    if event.up != account.stream_up:
        _tell_stream(draft, event, first=not account.connected_at)


def _tell_stream(draft: Draft, event: StreamChanged, *, first: bool) -> None:
    text = "order stream up" if event.up else f"order stream down: {event.why}"
    if first:  # a process begins: that is no news
        draft.notices.append(Notice(at=draft.now, event="state", text=text, follower=event.account))
    else:
        alert(draft, Alert.STREAM_UP if event.up else Alert.STREAM_DOWN, text, follower=event.account)


def _answered(draft: Draft, event: Answered) -> None:
    if draft.rules is None:
        return
    request = settle.answered(draft, draft.rules, event)
    if request is not None:
        draft.touched[copy_key(request.leader_order_id, request.account)] = None
        if request.kind is RequestKind.PLACE:
            recognise(draft, request.leader_order_id, request.account, request.revision)


def _looked(draft: Draft, event: Looked) -> None:
    if draft.rules is None:
        return
    observe(draft, draft.rules, event.reports)
    request = draft.requests.get(event.request_id)
    if request is not None:
        recognise(draft, request.leader_order_id, request.account, request.revision)
        looking.looked(draft, draft.rules, event)
        draft.touched[copy_key(request.leader_order_id, request.account)] = None


def _held(draft: Draft, event: FollowerHeld) -> None:
    draft.accounts.put(replace(draft.account(event.account), held=event.why))
    text = f"nothing is decided for this follower until copyctl run is started again: {event.why}"
    alert(draft, Alert.FOLLOWER_HELD, text, follower=event.account)


def _set_aside(draft: Draft, event: EventSetAside) -> None:
    text = f"an event could not be taken in and was set aside; the books are read: {event.why}"
    alert(draft, Alert.SET_ASIDE, text)
    accounts = [event.account] if event.account else [account.account for account in draft.accounts.values()]
    draft.effects.extend(ReadBooks(account=account) for account in accounts)


def _credentials(draft: Draft, event: CredentialsChanged) -> None:
    access.try_now(draft, event.account)


def _token(draft: Draft, event: TokenTold) -> None:
    alert(draft, event.what, event.text, level=event.level, follower=event.account)


def _time(_draft: Draft, _event: TimeReached) -> None:
    """Nothing but the time has changed: what is due is done by every step."""


_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    Started: _started,
    PolicyLoaded: _policy_loaded,
    FrameRead: _frame,
    FrameUnreadable: _unreadable,
    BooksRead: _books,
    BooksUnreadable: _books_unreadable,
    StreamChanged: _stream,
    Answered: _answered,
    Looked: _looked,
    InstrumentFound: listed,
    CommandGiven: commands.given,
    CredentialsChanged: _credentials,
    TokenTold: _token,
    FollowerHeld: _held,
    EventSetAside: _set_aside,
    FactArrived: take_fact,
    CalendarFound: take_calendar,
    BackedUp: tell_backup,
    TimeReached: _time,
}
