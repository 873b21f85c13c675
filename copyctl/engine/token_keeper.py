"""Keeping a token alive: the token of one account, watched until it runs out, replaced as the rules say.

The broker keeps one token of an account alive: a new one ends the old at once, wherever that was made, and a second one
within two minutes is refused. So a login is asked for only when it must be, by one account at a time, never while a
good token has more than an hour to live, and never again on a guess: whatever became of it, two minutes pass first.
With ``renew`` a token is renewed in its last hour; with ``totp`` one is made in that hour, or when the broker's
profile says twice that the present one is dead. In that hour a moment is waited for at which no request of the account
is on its way and no market is open; in its last ten minutes that is waited for no longer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from copyctl.core.hours import ist
from copyctl.engine.ports import Clock, Gateway, LoginDesk, Tokens, Wire
from copyctl.model.alerts import Alert
from copyctl.model.choices import Renew
from copyctl.model.events import CredentialsChanged, Event, TokenTold
from copyctl.model.facts import Lack, Profile, ProfileWanted
from copyctl.model.login import LoginEnd
from copyctl.model.terms import Level

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND

LOOK_EVERY_SECONDS: Final = 0.5
LAST_HOUR: Final = 60 * MINUTE
AT_LAST: Final = 10 * MINUTE
BETWEEN_LOGINS: Final = 130 * SECOND
"""Dhan takes one login of an account in two minutes; as much must pass after one of unknown fate."""
NETWORK_AWAY: Final = 15 * SECOND
JUDGE_EVERY: Final = 15 * SECOND
JUDGE_AGAIN: Final = 5 * SECOND
"""A token is dead when the profile has said so twice, with time in between for who has just made a new one by hand to
write it down."""
SERVES: Final = 5 * SECOND
"""What the profile said is not asked again within this."""
MOST_REFUSALS: Final = 3
"""Logins refused in a row: Dhan locks an account whose PIN is wrong again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What a keeper does for its account. ``place``: where a new token is put, for people. ``acts``: may it log in?"""

    account: str
    renew: Renew
    place: str
    acts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a keeper meets. ``refused``: does the broker refuse the account's token, by what the state says?
    ``is_busy``: is a request of the account on its way, or a market open? ``turn``: held by whoever logs in."""

    tokens: Tokens
    desk: LoginDesk
    gateway: Gateway
    wire: Wire
    clock: Clock
    post: Callable[[Event], None]
    refused: Callable[[], bool]
    is_busy: Callable[[], bool]
    turn: asyncio.Lock


def _nothing() -> None:
    """There is no stream."""


class TokenKeeper:
    """The token of one account. ``reconnect`` has its stream log in anew; ``trouble``: why no new token could be had
    when one was last asked for, or ""."""

    def __init__(self, keeping: Keeping, around: Surroundings) -> None:
        self.reconnect: Callable[[], None] = _nothing
        self._keeping = keeping
        self._around = around
        self._seen = around.tokens.token()
        self._says_until = around.wire.expiry(self._seen)
        self._profile_until: int | None = None
        self._judged_at = 0
        self._verdict: Lack | None = None
        self._why = ""
        self._refused_since = 0
        self._next_login_at = 0
        self._failures = 0
        self._told: set[tuple[Alert, str]] = set()
        self._unreadable = ""
        self._changed_at = 0
        self.trouble = ""

    async def run(self) -> None:
        """Keep it for ever. A login that is under way when this is cancelled is waited for: its token would be lost."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def begin(self) -> None:
        """Before anything else is asked of the broker: have a dead token replaced, where the rules say so."""
        if self._keeping.renew is Renew.TOTP and self._keeping.acts:
            await self._judge()
            if self._verdict is Lack.REFUSED and not self._take_up():
                await self._log_in()

    async def judge(self) -> str:
        """Token or network? A sentence, from the account's profile."""
        await self._judge()
        if self._verdict is Lack.REFUSED:
            return f"the token is refused ({self._why})"
        if self._why:
            return f"whether the token is good could not be asked ({self._why})"
        return "the broker takes the token, so it is the network or the stream's host"

    async def look(self) -> None:
        """See how the token stands now, and do what that asks for."""
        around, now = self._around, self._around.clock.now()
        refused = around.refused()
        if self._take_up(look=refused):
            return
        self._tell_trouble()
        if refused and self._changed_at and now - self._changed_at > SECOND:
            self._changed_at = 0  # what was sent with the old token has come back refused
            around.post(CredentialsChanged(at=now, account=self._keeping.account))
        if self._is_doubtful(now, refused=refused):
            await self._judge()
        if self._wants_login(self._until(), now):
            await self._log_in()
        self._warn(self._until(), now)

    # --- how it stands ----------------------------------------------------------------------------------------------

    def _is_doubtful(self, now: int, *, refused: bool) -> bool:
        """Is it time to ask whether the token is good? Also of one that does not say itself when it dies."""
        until = self._until()
        if not refused and until is not None and now < until:
            return False
        pause = JUDGE_EVERY if refused or until is not None else LAST_HOUR
        if self._refused_since and not self._is_dead:
            pause = JUDGE_AGAIN
        return now - self._judged_at >= pause

    def _until(self) -> int | None:
        return self._says_until or self._profile_until

    @property
    def _is_dead(self) -> bool:
        return bool(self._refused_since) and self._judged_at - self._refused_since >= JUDGE_AGAIN

    async def _judge(self) -> None:
        """Ask the profile, the cheapest question that shows whether a token is taken; not behind the address rule."""
        around, now = self._around, self._around.clock.now()
        if now - self._judged_at < SERVES and self._judged_at:
            return
        self._judged_at = now
        question = ProfileWanted(account=self._keeping.account)
        asked_with = self._seen
        said = [await around.gateway.send(call) for call in around.wire.calls_for(question)]
        if asked_with != self._seen:
            return
        reading = around.wire.read_fact(question, said, now)
        self._verdict, self._why = reading.lack, reading.why
        if reading.lack is Lack.REFUSED:
            self._refused_since = self._refused_since or now
        elif isinstance(reading.fact, Profile):
            self._refused_since = self._failures = 0
            self._profile_until = reading.fact.token_until

    def _take_up(self, *, look: bool = True, own: bool = False) -> bool:
        """Is it another token than before? Then all begins anew with it. ``own``: this keeper has put it there."""
        if look:
            self._around.tokens.look()
        token = self._around.tokens.token()
        if token == self._seen:
            return False
        self._seen, self._says_until = token, self._around.wire.expiry(token)
        self._profile_until, self._verdict, self._why = None, None, ""
        self._judged_at = self._refused_since = 0
        self._failures = self._failures if own else 0
        self._told.clear()
        now = self._around.clock.now()
        self._changed_at = now
        self._around.post(CredentialsChanged(at=now, account=self._keeping.account))
        self.reconnect()
        return True

    # --- what people hear -------------------------------------------------------------------------------------------

    def _tell(self, what: Alert, text: str, level: Level | None = None) -> None:
        now = self._around.clock.now()
        self._around.post(TokenTold(at=now, account=self._keeping.account, what=what, text=text, level=level))

    def _tell_once(self, what: Alert, text: str, case: str = "") -> None:
        """Once for each token, and each case of it."""
        if (what, case) not in self._told:
            self._told.add((what, case))
            self._tell(what, text)

    def _tell_trouble(self) -> None:
        before, self._unreadable = self._unreadable, self._around.tokens.trouble
        if self._unreadable and self._unreadable != before:
            self._tell(Alert.TOKEN_NOT_RENEWED, f"{self._unreadable}; the last one that was read stays in use")

    def _warn(self, until: int | None, now: int) -> None:
        """An hour before, where nothing replaces it; and when it is dead."""
        helps = f"put a new one into {self._keeping.place} (copyctl token makes one)"
        if not self._around.tokens.lasts:
            helps = f"start again with a new one: it comes from {self._keeping.place}, which is read at the start only"
        replaces = self._keeping.renew is not Renew.NONE and self._keeping.acts and self._failures < MOST_REFUSALS
        if until is not None and now < until <= now + (AT_LAST if replaces else LAST_HOUR):
            self._tell_once(Alert.TOKEN_EXPIRING, f"the access token dies at {ist(until):%H:%M} IST: {helps}")
        if self._is_dead and not (replaces and self._keeping.renew is Renew.TOTP):
            self._tell_once(Alert.TOKEN_DEAD, f"the access token is dead ({self._why}): {helps}")

    # --- a new one --------------------------------------------------------------------------------------------------

    def _wants_login(self, until: int | None, now: int) -> bool:
        """Must a new token be asked for at this moment?"""
        renew = self._keeping.renew
        if renew is Renew.NONE or not self._keeping.acts:
            return False
        if now < self._next_login_at or self._failures >= MOST_REFUSALS:
            return False
        if renew is Renew.TOTP and self._is_dead:
            return True
        left = until - now if until is not None else LAST_HOUR + 1
        if not 0 < left <= LAST_HOUR or self._verdict is Lack.REFUSED:
            return False
        return left <= AT_LAST or not self._around.is_busy()

    async def _log_in(self) -> None:
        """One account at a time, and to its end also where this task is cancelled meanwhile."""
        async with self._around.turn:
            if self._take_up():
                return
            attempt = asyncio.ensure_future(self._attempt())
            try:
                await asyncio.shield(attempt)
            finally:
                if not attempt.done():
                    await asyncio.wait({attempt})

    async def _attempt(self) -> None:
        around, keeping = self._around, self._keeping
        came = await (around.desk.renew() if keeping.renew is Renew.RENEW else around.desk.mint())
        now = around.clock.now()
        self._next_login_at = now + (NETWORK_AWAY if came.end is LoginEnd.NOT_LEFT else BETWEEN_LOGINS)
        self._judged_at = 0  # whatever it was, what was known before it counts no more
        if came.end is not LoginEnd.MADE:
            self._failed(came.end, came.why)
            return
        trouble = around.tokens.put(came.token.reveal())
        self._take_up(look=False, own=True)
        await self._judge()
        if self._verdict is Lack.REFUSED:
            self._failed(LoginEnd.REFUSED, f"a new token was made, and the broker refuses it: {self._why}")
            return
        until = self._until()
        told = f"a new access token is in use{f', until {ist(until):%d %b %H:%M} IST' if until else ''}"
        if trouble:
            text = f"{told}, but the next start needs another one: {trouble}"
            self._tell(Alert.TOKEN_RENEWED, text, Level.CRITICAL)
        elif not around.tokens.lasts:
            text = f"{told}; it lives in this process only, so the next start needs another one in {keeping.place}"
            self._tell(Alert.TOKEN_RENEWED, text, Level.WARNING)
        else:
            self._tell(Alert.TOKEN_RENEWED, f"{told}, and kept in {keeping.place}")

    def _failed(self, end: LoginEnd, why: str) -> None:
        """No new token. Refusals are few, for Dhan counts wrong PINs; all else is tried again after its pause."""
        word = "renewed" if self._keeping.renew is Renew.RENEW else "replaced"
        self.trouble = f"the access token could not be {word}: {why}"
        if end is not LoginEnd.REFUSED:
            case = f"{end} {self._next_login_at if end is LoginEnd.UNKNOWN else ''}"
            self._tell_once(Alert.TOKEN_NOT_RENEWED, self.trouble, case)
            return
        self._failures += 1
        given_up = self._failures >= MOST_REFUSALS
        then = "it is not tried again before there is another token" if given_up else "it is tried again"
        self._tell(Alert.TOKEN_NOT_RENEWED, f"{self.trouble}; {then}", Level.CRITICAL if given_up else None)
