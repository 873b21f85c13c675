"""The kill switch of one follower: what trips it, and what it does, one thing after the other in the rules' order.

From the moment it is on no entry is placed or enlarged; cancels and exits still follow the leader, unless ``halt``
holds them back. What it has still to do is kept with the account, so that a restart goes on with it: the next thing
begins when the one before is done at the broker, not when it was asked for.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING

from msgspec.structs import replace

from copyctl.core.hours import SECOND, day_number
from copyctl.core.keys import copy_key, instrument_key, order_key
from copyctl.core.limits import loss_reached
from copyctl.core.plan import of
from copyctl.core.positions import CARRIED
from copyctl.core.state import Draft, Owed
from copyctl.core.telling import alert
from copyctl.core.watched import watched, watched_followers
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.choices import CopyOn, KillAction
from copyctl.model.events import CommandGiven
from copyctl.model.facts import Ask, BrokerKillWanted
from copyctl.model.placement import Slot, Standing
from copyctl.model.policy import Follower, Rules
from copyctl.model.reasons import Reason
from copyctl.model.records import Copy, Position
from copyctl.model.request import Request, RequestKind, RequestState
from copyctl.model.terms import Product, Side

BROKER_KILL_AGAIN = 5 * SECOND
"""How often the broker's own kill switch is tried where it does not take it yet."""
PATIENCE = 5 * SECOND
"""How long flatten waits for open entries to end, and then for what was sold to be bought back, before it goes on."""
FLATTEN = "kill switch: flatten"
UNHEARD = "kill:"
"""How the record begins of a kill that came before any rules did."""


# --- on and off -------------------------------------------------------------------------------------------------------


def command(draft: Draft, event: CommandGiven) -> None:
    """A person turns the switch on or off, for one follower or for all."""
    draft.all_again = True
    if draft.rules is None:
        _before_the_rules(draft, event)
        return
    names = [event.account] if event.account else [one.client_id for one in draft.rules.followers]
    for name in names:
        if event.command == "kill":
            trip(draft, draft.rules, name, event.reason or "by command", event.actions)
        elif event.command == "resume":
            release(draft, draft.rules, name)


def _before_the_rules(draft: Draft, event: CommandGiven) -> None:
    """Nobody knows yet whom it concerns nor what the rules want done: it is kept until somebody does."""
    key = f"{UNHEARD}{event.account}"
    if event.command == "kill":
        reason = event.reason or "by command"
        kept = Account(account=key, killed_at=draft.now, killed_reason=reason, kill_actions=event.actions)
        draft.accounts.put(kept)
    elif event.command == "resume":
        for one in list(draft.accounts.values()):
            if one.account.startswith(UNHEARD) and event.account in ("", one.account.removeprefix(UNHEARD)):
                draft.accounts.drop(one.account)
            elif one.killed_at and event.account in ("", one.account):
                _off(draft, one, ())


def take_unheard(draft: Draft, rules: Rules) -> None:
    """Rules are in force: what was commanded before is done now."""
    for one in list(draft.accounts.values()):
        if not one.account.startswith(UNHEARD):
            continue
        draft.accounts.drop(one.account)
        name = one.account.removeprefix(UNHEARD)
        for account in [name] if name else [follower.client_id for follower in rules.followers]:
            trip(draft, rules, account, one.killed_reason, one.kill_actions)


def trip(draft: Draft, rules: Rules, account: str, reason: str, words: Iterable[str] = ()) -> None:
    """Turn the switch on for one follower, with the actions of the rules and these; more of them may come later."""
    known = draft.account(account)
    ruled = () if known.killed_at else rules.kill_switch.actions
    more = [KillAction(word) for word in words if word in _ACTIONS]
    lifted = known.halted and any(word is not KillAction.HALT for word in more)
    if lifted:  # what is asked for now must leave: then everything is held back again
        more.append(KillAction.HALT)
    draft.accounts.put(
        replace(
            known,
            halted=known.halted and not lifted,
            killed_at=known.killed_at or draft.now,
            killed_reason=known.killed_reason if known.killed_at else reason,
            kill_actions=_to_do(known.kill_actions, ruled, more),
        )
    )
    if known.killed_at:
        if more:
            alert(
                draft,
                Alert.KILL_SWITCH,
                f"kill switch on already, to do as well: {', '.join(more)} ({reason})",
                follower=account,
            )
        return
    draft.all_again = True
    waits = "; what it has to do waits for unpause" if known.paused_at else ""
    alert(draft, Alert.KILL_SWITCH, f"kill switch on: {reason}{waits}", follower=account)
    _stop_changes(draft, account)
    for copy in draft.open_copies(account):  # what waits is refused now, and not when its turn would come
        if not copy.exit:
            draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None


def _to_do(pending: Iterable[str], ruled: Iterable[KillAction], more: Iterable[KillAction]) -> tuple[str, ...]:
    """What is to be done: what is under way, then what the rules say in their order; what was asked for besides comes
    before whatever would keep it from being done."""
    todo = list(dict.fromkeys((*pending, *(word for word in ruled if word in _ACTIONS))))
    for word in more:
        if word not in todo:
            later = (place for place, other in enumerate(todo) if _RANK.get(other, 0) > _RANK[word])
            todo.insert(next(later, len(todo)), word)
    return tuple(str(word) for word in todo)


def release(draft: Draft, rules: Rules, account: str) -> None:
    """Turn it off: what was refused stays refused, what was held back is caught up. What tripped it does not trip it
    again while it is no worse."""
    known = draft.account(account)
    if not known.killed_at:
        return
    follower = rules.by_account.get(account)
    excused: tuple[str, ...] = ()
    if follower is not None:
        mine = [copy for copy in draft.copies.values() if copy.follower == account]
        excused = tuple(key for key, _ in _causes(draft, rules, follower, replace(known, excused=()), mine) if key)
    _off(draft, known, excused)
    for here in draft.positions_of(account):
        draft.moved[(account, instrument_key(here.segment, here.security_id))] = None


def _off(draft: Draft, known: Account, excused: tuple[str, ...]) -> None:
    """The account without anything of the kill switch."""
    draft.accounts.put(
        replace(
            known,
            killed_at=0,
            killed_reason="",
            kill_actions=(),
            kill_acting_at=0,
            halted=False,
            rejected_in_a_row=0,
            broker_asked_at=0,
            broker_told=False,
            excused=excused,
        )
    )
    alert(draft, Alert.KILL_SWITCH, "kill switch off", follower=known.account)


def _stop_changes(draft: Draft, account: str) -> None:
    """A modification that waits still must not leave under the kill switch, unless it only lessens: it counts as a
    change made from now on."""
    for request in list(draft.requests.values()):
        if (request.account, request.kind, request.state) != (account, RequestKind.MODIFY, RequestState.QUEUED):
            continue
        if not request.exit and not _only_lessens(draft, request):
            key = copy_key(request.leader_order_id, account)
            copy = draft.copies.get(key)
            if copy is not None:
                draft.copies.put(replace(copy, pursued=None))
                draft.touched[key] = None


def _only_lessens(draft: Draft, request: Request) -> bool:
    order = draft.orders.get(order_key(request.account, request.order_id))
    shown = order.terms if order is not None else None
    asked = request.desired.terms if request.desired is not None else None
    if shown is None or asked is None or asked.quantity >= shown.quantity:
        return False
    return of(shown, asked.quantity) == asked


# --- what trips it ----------------------------------------------------------------------------------------------------


def watch(draft: Draft, rules: Rules) -> None:
    """Trip what has to be tripped by what this step brought to light, and go on with what is to be done."""
    silent = bool(silent_since(draft, rules)) and rules.kill_switch.on_stream_silence
    for follower in rules.followers if silent else watched_followers(draft, rules, also=draft.copies.by_account):
        account = draft.account(follower.client_id)
        if not account.killed_at:
            written = [one for one in draft.copies.of(follower.client_id).values() if one]
            causes = _causes(draft, rules, follower, account, written)
            reason = next((text for key, text in causes if key not in account.excused), "")
            if reason:
                trip(draft, rules, follower.client_id, reason)
        account = draft.account(follower.client_id)
        if account.kill_actions and not account.paused_at:  # nothing is sent while it is paused: it waits for unpause
            _act(draft, rules, follower)


def _causes(
    draft: Draft, rules: Rules, follower: Follower, account: Account, copies: list[Copy]
) -> Iterator[tuple[str, str]]:
    """Why this follower has to be stopped, as far as these copies and its account say, each with a name of its own."""
    switch = rules.kill_switch
    most = switch.on_consecutive_rejections
    if most and account.rejected_in_a_row >= most:
        yield "", f"{account.rejected_in_a_row} orders rejected one after the other (on_consecutive_rejections)"
    lost = loss_reached(follower.policy.limits, account.profit)
    if lost:
        yield f"loss {day_number(draft.now)}", lost
    since = silent_since(draft, rules)
    if since and switch.on_stream_silence and draft.now >= since + switch.on_stream_silence:
        seconds = switch.on_stream_silence // SECOND
        yield f"silence {since}", f"nothing heard of the leader for {seconds} s (on_stream_silence)"
    for copy in copies:
        orders = orders_of(copy, follower)
        if switch.on_orders_per_leader_order and orders > switch.on_orders_per_leader_order:
            text = f"{orders} orders for leader order {copy.leader_order_id} (on_orders_per_leader_order)"
            yield f"orders {copy.leader_order_id} {orders}", text
    if any(copy.reason == Reason.UNRESOLVED for copy in copies):
        yield from _unresolved(draft, rules, account)


def _unresolved(draft: Draft, rules: Rules, account: Account) -> Iterator[tuple[str, str]]:
    """Orders whose fate at the broker could not be settled; each that a person has resumed over counts no more."""
    limit = rules.kill_switch.on_unresolved_orders
    rows = [copy.leader_order_id for copy in draft.open_copies(account.account) if copy.reason == Reason.UNRESOLVED]
    fresh = [row for row in rows if f"unresolved {row}" not in account.excused]
    if limit and len(fresh) >= limit:
        text = f"{len(fresh)} orders of unknown fate (on_unresolved_orders)"
        yield from ((f"unresolved {row}", text) for row in fresh)


def orders_of(copy: Copy, follower: Follower) -> int:
    """Placements for one leader order that a runaway would make: not those of exits, which are sent until they are
    done, not those that replaced one that we had ended to place it anew, and not the parts of ``copy_on: traded``."""
    if copy.exit:
        return 0
    sent = [slot for slot in copy.slots if slot.sent]
    if follower.policy.copy_on is CopyOn.TRADED:
        return 1 + sum(1 for slot in sent if slot.standing is Standing.ABSENT)
    return len(sent) - sum(1 for slot in sent if slot.retired)


def silent_since(draft: Draft, rules: Rules) -> int:
    """Since when neither the leader's stream nor his order book can be reached (ns), 0: he is heard."""
    leader = draft.account(rules.leader.client_id)
    if leader.stream_up or not leader.down_at:
        return 0
    return max(leader.books_at, leader.down_at)


def next_moment(draft: Draft, rules: Rules) -> int:
    """The next moment at which time alone trips the switch, or takes it on (ns), 0 for none."""
    moments = []
    since = silent_since(draft, rules)
    if since and rules.kill_switch.on_stream_silence:
        moments.append(since + rules.kill_switch.on_stream_silence)
    for name in watched(draft, rules):
        account = draft.account(name)
        word = account.kill_actions[0] if account.kill_actions else None
        if word == KillAction.FLATTEN:
            moments += [account.kill_acting_at + PATIENCE, account.kill_acting_at + 2 * PATIENCE]
        elif word == KillAction.BROKER_KILL_SWITCH:
            moments.append(account.broker_asked_at + BROKER_KILL_AGAIN)
    return min((at for at in moments if at > draft.now), default=0)


# --- what it does -----------------------------------------------------------------------------------------------------


def _act(draft: Draft, rules: Rules, follower: Follower) -> None:
    """Do what the switch has to do, until something has to be waited for."""
    name = follower.client_id
    while words := draft.account(name).kill_actions:
        account = draft.account(name)
        if not account.kill_acting_at:
            draft.accounts.put(replace(account, kill_acting_at=draft.now))
        act = _ACTIONS.get(words[0])
        if act is not None and not act(draft, follower):
            return
        draft.accounts.put(replace(draft.account(name), kill_actions=words[1:], kill_acting_at=0))


def _cancel_open(draft: Draft, follower: Follower) -> bool:
    """Cancel the copies of entries that are open. Done when none of them is; one of unknown fate is not waited for."""
    ended = True
    for copy in draft.open_copies(follower.client_id):
        if copy.exit or not copy.slots:
            continue
        if not copy.stopped and any(slot.live for slot in copy.slots):
            draft.copies.put(replace(copy, stopped=True))
            draft.touched[copy_key(copy.leader_order_id, copy.follower)] = None
        ended &= not any(slot.live and not _is_lost(draft, slot) for slot in copy.slots)
    return ended


def _is_lost(draft: Draft, slot: Slot) -> bool:
    """Was it sent, and does nobody know whether it is there?"""
    request = draft.requests.get(f"{slot.correlation_id}/{RequestKind.PLACE}")
    return not slot.order_id and request is not None and request.state is RequestState.UNSETTLED


def _flatten(draft: Draft, follower: Follower) -> bool:
    """Close everything copied, what was sold first. Entries that rest end before, lest they open it again, and what
    fills late is closed as well. Done when nothing copied is left, and nothing can come to it any more."""
    name = follower.client_id
    waited = draft.now - draft.account(name).kill_acting_at
    ended = _cancel_open(draft, follower)
    if not ended and waited < PATIENCE:
        return False
    held = [here for here in draft.positions_of(name) if here.copied]
    sold = [here for here in held if here.copied < 0]
    for here in sold if sold and waited < 2 * PATIENCE else held:
        _close(draft, follower, here)
    open_still = (slot.live for copy in draft.open_copies(name) if not copy.exit for slot in copy.slots)
    return not held and not any(open_still)


def _close(draft: Draft, follower: Follower, here: Position) -> None:
    """Have one position closed: what of it ought to stay is owed now, and exits that rest trade now too."""
    key, side = instrument_key(here.segment, here.security_id), Side.SELL if here.copied > 0 else Side.BUY
    for copy in draft.copies_in(follower.client_id, key):
        wanted = copy.wanted
        rests = copy.exit and not copy.urgent and any(slot.live for slot in copy.slots)
        if rests and wanted is not None and (wanted.side, wanted.product) == (side, here.product):
            draft.copies.put(replace(copy, urgent=FLATTEN))
            draft.moved[(follower.client_id, key)] = None
    staying = here.target if here.copied > 0 else -here.target
    if staying > 0:
        units = int(staying.to_integral_value(rounding=ROUND_CEILING))
        draft.owed.append(Owed(here=here, units=min(units, abs(here.copied)), why=FLATTEN))


def _broker(draft: Draft, follower: Follower) -> bool:
    """Dhan takes its kill switch only with no order open and no position held, by whomever (Dhan API v2, kill
    switch). It is done when the broker says so."""
    account = draft.account(follower.client_id)
    busy = _busy(draft, follower.client_id)
    if busy and not account.broker_told:
        alert(
            draft,
            Alert.BROKER_KILL_SWITCH,
            f"the broker's own kill switch is asked for when nothing is open: {busy}",
            follower=account.account,
        )
        draft.accounts.put(replace(account, broker_told=True))
    if not busy and draft.now - account.broker_asked_at >= BROKER_KILL_AGAIN:
        draft.accounts.put(replace(account, broker_asked_at=draft.now))
        draft.effects.append(Ask(question=BrokerKillWanted(account=account.account)))
    return False


def _busy(draft: Draft, account: str) -> str:
    """What of an account is open, "" for nothing. Delivered shares are no position of the day's."""
    live = any(slot.live for copy in draft.open_copies(account) for slot in copy.slots)
    if live or any(order.account == account and not order.over for order in draft.orders.values()):
        return "an order is open"
    delivered = CARRIED - {Product.MARGIN}
    for here in draft.positions_of(account):
        if here.net and here.product not in delivered:
            return f"{here.net} of {here.segment}/{here.security_id} are held"
    return ""


def _halt(draft: Draft, follower: Follower) -> bool:
    draft.accounts.put(replace(draft.account(follower.client_id), halted=True))
    return True


_ACTIONS: dict[str, Callable[[Draft, Follower], bool]] = {
    KillAction.CANCEL_OPEN_ORDERS: _cancel_open,
    KillAction.FLATTEN: _flatten,
    KillAction.BROKER_KILL_SWITCH: _broker,
    KillAction.HALT: _halt,
}
"""What is done, True when it is done. ``stop_copying`` is none of it: that holds from the moment the switch is on."""
_RANK = {word: place for place, word in enumerate(_ACTIONS)}
"""What has a higher one would keep the others from being done."""
