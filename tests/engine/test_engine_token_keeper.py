"""A token is replaced before it dies, and never on a guess (scenario 5.8, tokens)."""

import asyncio
from dataclasses import dataclass, field

import pytest

from copyctl.engine.token_keeper import Keeping, Surroundings, TokenKeeper
from copyctl.model.alerts import ALERTS
from copyctl.model.choices import Renew
from copyctl.model.events import CredentialsChanged, Event, TokenTold
from copyctl.model.login import Login, LoginEnd
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.secret import Secret
from copyctl.model.terms import Level
from copyctl.wire.dhan.dialect import Dhan

ACCOUNT = "1100000002"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 1_790_000_000 * SECOND
GOOD = b'{"dhanClientId": "1100000002", "tokenValidity": "31/12/2099 23:59", "ddpi": "Active"}'
DEAD = b'{"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "invalid or expired"}'


@dataclass
class Broker:
    """One account: which tokens live, how logins end, and a clock that is moved by hand."""

    now_: int = NOON
    alive: set[str] = field(default_factory=lambda: {"first"})
    expiries: dict[str, int] = field(default_factory=dict)
    reachable: bool = True
    ends: list[LoginEnd] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    text: str = "first"
    written: str = ""
    lasts: bool = True
    trouble: str = ""
    disk_full: bool = False
    busy: bool = False
    refused: bool = False
    reconnects: int = 0
    said: list[Event] = field(default_factory=list)
    slow: asyncio.Event | None = None

    # --- clock, source, gateway, login ---

    def now(self) -> int:
        return self.now_

    def token(self) -> str:
        return self.text

    def look(self) -> bool:
        changed = bool(self.written) and self.written != self.text
        self.text = self.written or self.text
        return changed

    def put(self, token: str) -> str:
        self.text = token
        if self.disk_full:
            return "the token file t cannot be written: No space left on device"
        self.written = token if self.lasts else ""
        return ""

    async def send(self, call: Call) -> Answer:
        assert call.path == "/profile"
        self.asked.append("profile")
        if not self.reachable:
            return Answer(passage=Passage.NOT_LEFT, at=self.now_, fault="no connection")
        ok = self.text in self.alive
        return Answer(passage=Passage.ANSWERED, at=self.now_, status=200 if ok else 401, body=GOOD if ok else DEAD)

    async def renew(self) -> Login:
        return await self._login("renew")

    async def mint(self) -> Login:
        return await self._login("mint")

    async def _login(self, how: str) -> Login:
        self.asked.append(how)
        if self.slow is not None:
            await self.slow.wait()
        end = self.ends.pop(0) if self.ends else LoginEnd.MADE
        if end is not LoginEnd.MADE:
            return Login(end=end, why="no")
        fresh = f"{how}ed-{len(self.asked)}"
        self.alive = {fresh}
        self.expiries[fresh] = self.now_ + 24 * 60 * MINUTE
        return Login(end=end, token=Secret(fresh))

    def reconnect(self) -> None:
        self.reconnects += 1

    # --- what the test does ---

    @property
    def logins(self) -> list[str]:
        return [one for one in self.asked if one != "profile"]

    def told(self, level: Level | None = None) -> list[str]:
        told = [one for one in self.said if isinstance(one, TokenTold)]
        return [one.text for one in told if level in (None, one.level or ALERTS[one.what].level)]


class Wire(Dhan):
    """Dhan's dialect, with tokens whose expiry is written down beside them."""

    def __init__(self, broker: Broker) -> None:
        object.__setattr__(self, "_broker", broker)

    __slots__ = ("_broker",)

    def expiry(self, token: str) -> int | None:
        broker: Broker = self._broker
        return broker.expiries.get(token)


def keeper(broker: Broker, renew: Renew, *, acts: bool = True, turn: asyncio.Lock | None = None) -> TokenKeeper:
    around = Surroundings(
        tokens=broker,
        desk=broker,
        gateway=broker,  # type: ignore[arg-type]
        wire=Wire(broker),
        clock=broker,
        post=broker.said.append,
        refused=lambda: broker.refused,
        is_busy=lambda: broker.busy,
        turn=turn or asyncio.Lock(),
    )
    made = TokenKeeper(Keeping(account=ACCOUNT, renew=renew, place="alice.token", acts=acts), around)
    made.reconnect = broker.reconnect
    return made


async def pass_time(broker: Broker, kept: TokenKeeper, minutes: float, *, step: int = SECOND) -> None:
    ends = broker.now_ + int(minutes * MINUTE)
    while broker.now_ < ends:
        broker.now_ += step
        await kept.look()


def dies_in(broker: Broker, minutes: int) -> None:
    broker.expiries["first"] = broker.now_ + minutes * MINUTE


@pytest.mark.parametrize("renew", [Renew.RENEW, Renew.TOTP])
async def test_a_good_token_with_more_than_an_hour_is_left_alone(renew):
    broker = Broker()
    dies_in(broker, 600)
    await pass_time(broker, keeper(broker, renew), 539, step=MINUTE)
    assert broker.asked == []
    assert broker.said == []


@pytest.mark.parametrize(("renew", "how"), [(Renew.RENEW, "renew"), (Renew.TOTP, "mint")])
async def test_in_the_last_hour_it_is_replaced_at_a_quiet_moment(renew, how):
    broker = Broker(busy=True)
    dies_in(broker, 70)
    kept = keeper(broker, renew)
    await pass_time(broker, kept, 30)
    assert broker.logins == []
    broker.busy = False
    await pass_time(broker, kept, 1)
    assert broker.logins == [how]
    assert broker.text == broker.written == f"{how}ed-1"
    assert broker.reconnects == 1
    assert [one for one in broker.said if isinstance(one, CredentialsChanged)] == [
        CredentialsChanged(at=broker.said[0].at, account=ACCOUNT)
    ]
    assert "kept in alice.token" in broker.told(Level.INFO)[0]
    await pass_time(broker, kept, 600, step=MINUTE)
    assert broker.logins == [how]


@pytest.mark.parametrize("renew", [Renew.RENEW, Renew.TOTP])
async def test_in_the_last_ten_minutes_it_is_replaced_however_busy_it_is(renew):
    broker = Broker(busy=True)
    dies_in(broker, 60)
    kept = keeper(broker, renew)
    await pass_time(broker, kept, 49)
    assert broker.logins == []
    await pass_time(broker, kept, 2)
    assert len(broker.logins) == 1


async def test_a_refused_token_is_replaced_only_after_the_profile_has_said_so_twice():
    broker = Broker(refused=True)
    dies_in(broker, 600)
    kept = keeper(broker, Renew.TOTP)
    await pass_time(broker, kept, 1)
    assert broker.logins == []  # the address may be refused, the token is good
    broker.alive = set()
    while not broker.logins:
        await pass_time(broker, kept, 1 / 60)
    assert broker.asked[-4:-1].count("profile") >= 2
    assert broker.text.startswith("minted")
    assert broker.text in broker.alive


async def test_a_token_that_somebody_has_made_by_hand_meanwhile_is_taken_up_and_none_is_minted():
    broker = Broker(refused=True, alive={"by hand"})
    dies_in(broker, 600)
    kept = keeper(broker, Renew.TOTP)
    await pass_time(broker, kept, 3 / 60)
    broker.written, broker.refused = "by hand", False
    broker.look()
    await pass_time(broker, kept, 10)
    assert broker.logins == []
    assert broker.reconnects == 1


async def test_while_the_broker_cannot_be_reached_nothing_is_minted():
    broker = Broker(reachable=False)
    dies_in(broker, -1)
    kept = keeper(broker, Renew.TOTP)
    await pass_time(broker, kept, 20)
    assert broker.logins == []


@pytest.mark.parametrize("end", [LoginEnd.UNKNOWN, LoginEnd.TOO_SOON, LoginEnd.REFUSED])
async def test_after_a_login_that_failed_two_minutes_pass_before_the_next(end):
    broker = Broker(alive=set(), refused=True, ends=[end, end])
    dies_in(broker, 600)
    kept = keeper(broker, Renew.TOTP)
    while not broker.logins:
        await pass_time(broker, kept, 1 / 60)
    await pass_time(broker, kept, 2)
    assert broker.logins == ["mint"]
    await pass_time(broker, kept, 0.5)
    assert broker.logins == ["mint", "mint"]
    await pass_time(broker, kept, 3)
    assert broker.logins == ["mint"] * 3
    assert broker.text in broker.alive


async def test_logins_that_are_refused_are_given_up_before_dhan_locks_the_account():
    broker = Broker(alive=set(), refused=True, ends=[LoginEnd.REFUSED] * 10)
    dies_in(broker, 600)
    kept = keeper(broker, Renew.TOTP)
    await pass_time(broker, kept, 60)
    assert broker.logins == ["mint"] * 3
    critical = broker.told(Level.CRITICAL)
    assert any("not tried again" in one for one in critical)
    assert any("copyctl token" in one for one in critical)
    broker.written = "by hand"  # somebody mends it; when that one dies the PIN may be right again
    broker.look()
    broker.ends = []
    await pass_time(broker, kept, 5)
    assert broker.logins == ["mint"] * 4


async def test_a_new_token_that_is_refused_too_is_not_replaced_for_ever():
    broker = Broker(alive=set(), refused=True)
    dies_in(broker, 600)

    async def useless() -> Login:
        broker.asked.append("mint")
        return Login(end=LoginEnd.MADE, token=Secret(f"useless-{len(broker.asked)}"))

    broker.mint = useless  # type: ignore[method-assign]
    kept = keeper(broker, Renew.TOTP)
    await pass_time(broker, kept, 60)
    assert broker.logins == ["mint"] * 3
    assert any("the broker refuses it" in one for one in broker.told(Level.CRITICAL))


async def test_nothing_is_made_where_the_rules_say_none_or_the_run_is_a_dry_one():
    for renew, acts in ((Renew.NONE, True), (Renew.TOTP, False), (Renew.RENEW, False)):
        broker = Broker()
        dies_in(broker, 70)
        kept = keeper(broker, renew, acts=acts)
        await pass_time(broker, kept, 5)
        assert broker.said == []
        await pass_time(broker, kept, 10)
        assert len(broker.told()) == 1  # an hour before
        assert "dies at" in broker.told()[0]
        broker.alive = set()
        await pass_time(broker, kept, 70)
        assert len(broker.told(Level.CRITICAL)) == 1
        assert "dead" in broker.told(Level.CRITICAL)[0]
        assert broker.logins == []


async def test_where_it_cannot_be_kept_that_is_told():
    broker = Broker(lasts=False)
    dies_in(broker, 5)
    kept = keeper(broker, Renew.TOTP)
    await kept.look()
    assert "this process only" in broker.told(Level.WARNING)[0]
    broker = Broker(disk_full=True)
    dies_in(broker, 5)
    kept = keeper(broker, Renew.TOTP)
    await kept.look()
    assert "No space left" in broker.told(Level.CRITICAL)[0]
    assert broker.text in broker.alive


async def test_accounts_log_in_one_after_the_other():
    turn = asyncio.Lock()
    first, second = Broker(slow=asyncio.Event()), Broker()
    for one in (first, second):
        dies_in(one, 5)
    tasks = [asyncio.create_task(keeper(one, Renew.TOTP, turn=turn).look()) for one in (first, second)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert (first.logins, second.logins) == (["mint"], [])
    assert first.slow is not None
    first.slow.set()
    await asyncio.gather(*tasks)
    assert (first.logins, second.logins) == (["mint"], ["mint"])


async def test_a_login_under_way_is_waited_for_when_the_run_stops():
    broker = Broker(slow=asyncio.Event())
    dies_in(broker, 5)
    task = asyncio.create_task(keeper(broker, Renew.TOTP).run())
    while not broker.logins:  # noqa: ASYNC110  it has no event of its own
        await asyncio.sleep(0)
    task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    assert broker.slow is not None
    broker.slow.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert broker.written == broker.text
    assert broker.text in broker.alive


async def test_what_came_back_refused_after_the_change_is_tried_once_more():
    broker = Broker()
    dies_in(broker, 5)
    kept = keeper(broker, Renew.TOTP)
    await kept.look()
    broker.refused = True  # an order that was on its way with the old token
    await pass_time(broker, kept, 1)
    assert sum(isinstance(one, CredentialsChanged) for one in broker.said) == 2
    assert broker.logins == ["mint"]


async def test_token_or_network_is_told_by_the_profile():
    broker = Broker()
    assert "network" in await keeper(broker, Renew.NONE).judge()
    broker.alive = set()
    assert "refused" in await keeper(broker, Renew.NONE).judge()
    broker.reachable = False
    assert "could not be asked" in await keeper(broker, Renew.NONE).judge()


async def test_at_the_start_a_dead_token_is_replaced_at_once_and_a_good_one_never():
    broker = Broker()
    dies_in(broker, 600)
    await keeper(broker, Renew.TOTP).begin()
    assert broker.logins == []
    broker.alive = set()
    await keeper(broker, Renew.TOTP).begin()
    assert broker.logins == ["mint"]
    broker = Broker(alive=set(), ends=[LoginEnd.REFUSED])
    kept = keeper(broker, Renew.TOTP)
    await kept.begin()
    assert "could not be replaced: no" in kept.trouble
