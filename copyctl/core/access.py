"""Access: an account whose token or address the broker refuses, and how it is found out that it works again (5.8).

Nothing of it is sent meanwhile. Once in 15 s the broker is asked whether it works: after a refused token for the
profile, after a refused address for the registered addresses. Where that says yes, or cannot tell, the books are read;
then one order is tried, the most urgent that waits. Once that is taken all others go.
"""

from msgspec.structs import replace

from copyctl.core.hours import SECOND
from copyctl.core.keys import copy_key, instrument_key
from copyctl.core.state import Draft, follower_of
from copyctl.core.telling import alert
from copyctl.core.watched import watched
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.effects import Effect, Look, ReadBooks
from copyctl.model.facts import Addresses, AddressWanted, Ask, FactArrived, Profile, ProfileWanted, QuoteWanted
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category, Reason
from copyctl.model.request import Fate, Outcome, Request
from copyctl.model.terms import Decision

PROBE_EVERY = 15 * SECOND
"""How often a refused account is tried."""
WORKS, UNTOLD = "works", "untold"
"""What the broker said to a probe: it works; or it does not tell, so that only an order will."""
_SAYS = (WORKS, UNTOLD)


def refuse(draft: Draft, name: str, category: Category, text: str) -> None:
    """The broker refuses an account's token or address: nothing of it is sent until that works again."""
    known = draft.account(name)
    if not known.refused_token:
        whose = "the leader's" if draft.rules is not None and name == draft.rules.leader.client_id else "the follower's"
        alert(draft, Alert.ACCESS_REFUSED, f"{whose} token or address is refused: {text}", follower=name)
        probed_at = 0 if category is Category.AUTHENTICATION else draft.now
        if known.probed_at and draft.now - known.probed_at < PROBE_EVERY:
            probed_at = known.probed_at  # it was well for a moment only
    else:
        probed_at = draft.now if known.trying else known.probed_at
    draft.accounts.put(
        replace(
            known,
            refused_token=text or "refused",
            refused_as=category.value,
            probed_at=probed_at,
            resumed_at=draft.now,
            vouched="",
            trying="",
        )
    )


def is_shut(account: Account) -> bool:
    """Can nothing be asked of this account, its token being refused?"""
    return bool(account.refused_token) and account.refused_as != Category.ADDRESS and not account.trying


def refuses(account: Account) -> str:
    """Why no request of this account may leave now, "" where one may."""
    return account.refused_token if account.refused_token and account.trying not in _SAYS else ""


def try_now(draft: Draft, name: str) -> None:
    """Somebody says that it may work now: it is tried at once."""
    known = draft.account(name)
    if known.refused_token:
        draft.accounts.put(replace(known, probed_at=0))


def probe(draft: Draft, rules: Rules) -> None:
    """Ask about every refused account whose time has come."""
    for name in watched(draft, rules):
        known = draft.account(name)
        if not known.refused_token or known.trying or not _due(draft, known):
            continue
        address = known.refused_as == Category.ADDRESS
        draft.accounts.put(replace(known, probed_at=draft.now, vouched=""))
        question = AddressWanted(account=name) if address else ProfileWanted(account=name)
        draft.effects.append(Ask(question=question))


def _due(draft: Draft, known: Account) -> bool:
    return not known.probed_at or draft.now >= known.probed_at + PROBE_EVERY


def next_moment(draft: Draft, rules: Rules) -> int:
    """When the next refused account is asked about (ns), 0: never."""
    accounts = (draft.account(name) for name in watched(draft, rules))
    moments = [one.probed_at + PROBE_EVERY for one in accounts if one.refused_token and not one.trying]
    return min((at for at in moments if at > draft.now), default=0)


def refused_fact(draft: Draft, event: FactArrived) -> None:
    """A question was refused for token or address. Quotes are another family, and may be refused to a token that is
    good for all else: then the profile says which it is."""
    if not isinstance(event.question, QuoteWanted):
        refuse(draft, event.account, Category.AUTHENTICATION, event.why)
    elif not draft.account(event.account).refused_token:
        draft.effects.append(Ask(question=ProfileWanted(account=event.account)))


def told(draft: Draft, rules: Rules, event: FactArrived) -> None:
    """The answer to a probe: where it does not say no, the books are read next."""
    known = draft.account(event.account)
    if not known.refused_token or known.trying:
        return
    follower = follower_of(rules, event.account)
    works: bool | None = True if isinstance(event.fact, Profile) else None
    if (known.refused_as == Category.ADDRESS) is not isinstance(event.question, AddressWanted):
        return  # it was asked for another reason
    if isinstance(event.fact, Addresses):
        works = event.fact.takes_orders(follower.source_ip if follower is not None else None)
    if works is False:
        return
    draft.accounts.put(replace(known, vouched=WORKS if works else UNTOLD, resumed_at=draft.now))
    draft.effects.append(ReadBooks(account=event.account))


def books_read(draft: Draft, name: str, asked_at: int) -> bool:
    """The books of an account were read: a token that was refused works, and where the broker has vouched for it an
    order is tried now. True where that begins now."""
    known = draft.account(name)
    by_address = known.refused_as == Category.ADDRESS
    if not known.refused_token or known.trying or asked_at < known.resumed_at or (by_address and not known.vouched):
        return False
    draft.accounts.put(replace(known, trying=known.vouched if by_address else WORKS, vouched=""))
    draft.all_again = True
    return True


def sent(draft: Draft, request: Request) -> None:
    """A request leaves: of an account that is being tried it is the one that tells."""
    known = draft.account(request.account)
    if known.trying in _SAYS:
        draft.accounts.put(replace(known, trying=request.request_id))


def answered(draft: Draft, request: Request, outcome: Outcome) -> None:
    """How the request ended that was to tell whether it works again. One that was refused for another reason was not
    refused for this; one without an answer says nothing, and the account is asked about once more."""
    known = draft.account(request.account)
    if known.trying != request.request_id or outcome.category in (Category.AUTHENTICATION, Category.ADDRESS):
        return
    if outcome.fate in (Fate.ACKNOWLEDGED, Fate.REJECTED):
        restored(draft, known)
    else:
        draft.accounts.put(replace(known, trying="", vouched="", probed_at=draft.now))


def settle(draft: Draft, rules: Rules) -> None:
    """An account that works, as the broker says, and of which nothing waits to be tried, is well again."""
    for name in watched(draft, rules):
        known = draft.account(name)
        if known.trying == WORKS and not _waits(draft, name):
            restored(draft, known)


def _waits(draft: Draft, name: str) -> bool:
    soon = (Reason.FOLLOWER_UNAUTHENTICATED, Reason.CHECKING)
    waiting = (*draft.held(name), *(one for one in draft.waiting() if one.account == name))
    return any(one.waits_for in soon for one in waiting) or any(
        one.decision is Decision.QUEUED and one.reason in soon for one in draft.open_copies(name)
    )


def restored(draft: Draft, known: Account) -> None:
    """Token and address work again."""
    draft.accounts.put(replace(known, refused_token="", refused_as="", vouched="", trying=""))
    draft.all_again = True
    alert(draft, Alert.ACCESS_RESTORED, "token and address are taken again", follower=known.account)


def without_what_is_shut(draft: Draft) -> list[Effect]:
    """The effects of this step without readings of an account whose token is refused, but for the one that follows a
    probe: they would be refused too, and there may be many."""
    accounts = [draft.account(name) for name in {**draft.state.index.uneasy, **draft.accounts.written}]
    shut = {one.account for one in accounts if is_shut(one) and not one.vouched}
    if not shut:
        return draft.effects
    return [one for one in draft.effects if not (isinstance(one, ReadBooks | Look) and one.account in shut)]


def look_again(draft: Draft, name: str) -> None:
    """Nobody has acted for this follower for a while: all that it may have to do is looked at again."""
    leads = draft.leader_orders.values()
    draft.touched.update((copy_key(lead.order_id, name), None) for lead in leads)
    draft.touched.update((copy_key(copy.leader_order_id, name), None) for copy in draft.open_copies(name))
    for here in draft.positions_of(name):
        draft.moved[(name, instrument_key(here.segment, here.security_id))] = None
