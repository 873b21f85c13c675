"""The checks of ``copyctl doctor`` that ask the broker: each account's token and address, and the clock."""

from collections.abc import Mapping
from dataclasses import dataclass

from copyctl.cli.checkup import ERROR, LEADER, OK, WARNING, Check
from copyctl.cli.credentials import gateway_of
from copyctl.cli.speech import note
from copyctl.edge.clock import SystemClock
from copyctl.edge.login import login_address, one_time_code
from copyctl.edge.logs import mask
from copyctl.model.choices import Renew
from copyctl.model.facts import Addresses, AddressWanted, FactReading, Lack, Profile, ProfileWanted
from copyctl.model.policy import Account, Follower, Rules
from copyctl.report.moments import indian
from copyctl.wire.dhan.dialect import Dhan

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
CLOCK_OFF = 2 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one account was answered. ``ahead``: the broker's clock less ours (ns), None where it told none."""

    name: str
    account: Account
    profile: FactReading
    address: FactReading | None = None
    ahead: int | None = None


async def ask(rules: Rules, name: str, account: Account) -> Asked:
    """Ask an account for its profile, and (a follower, whose orders need it) from where its orders may come. Nothing
    is renewed, minted or changed."""
    if not account.access_token or "${" in account.client_id:
        return Asked(name=name, account=account, profile=FactReading(why="there is no token", lack=Lack.NOT_KNOWN))
    note(f"asking the broker about {name}")
    clock = SystemClock()
    try:
        gateway = gateway_of(rules, account, account.access_token.reveal, clock)
    except ValueError as fault:
        return Asked(name=name, account=account, profile=FactReading(why=mask(str(fault)), lack=Lack.NOT_KNOWN))
    wire, ahead, address = Dhan(), None, None
    try:
        wanted = ProfileWanted(account=account.client_id)
        asked_at = clock.now()
        said = [await gateway.send(call) for call in wire.calls_for(wanted)]
        profile = wire.read_fact(wanted, said, asked_at)
        if said[0].date:  # whole seconds: a difference within one is none
            ahead = said[0].date + SECOND // 2 - (said[0].left_at + said[0].at) // 2
        if isinstance(account, Follower) and profile.fact is not None:
            where = AddressWanted(account=account.client_id)
            address = wire.read_fact(where, [await gateway.send(call) for call in wire.calls_for(where)], asked_at)
    finally:
        await gateway.close()
    return Asked(name=name, account=account, profile=profile, address=address, ahead=ahead)


def of_token(asked: Asked, now: int) -> Check:
    """Is the token good, and until when?"""
    account, reading = asked.account, asked.profile
    mend = f"copyctl token --account {asked.name}, or a new one from Dhan's site"

    def told(state: str, detail: str, mend: str = "") -> Check:
        return Check(check="token", account=asked.name, state=state, detail=detail, mend=mend)

    if not isinstance(reading.fact, Profile):
        why = mask(reading.why)
        if reading.lack is Lack.REFUSED:
            return told(ERROR, f"refused: {why}", mend)
        if reading.lack is Lack.NOT_KNOWN:
            return told(ERROR, why, mend)
        return told(ERROR, f"could not be asked: {why}", "see broker.rest_url and the network, then ask again")
    until = Dhan().expiry(account.access_token.reveal()) or reading.fact.token_until
    if until is None:
        return told(OK, "good; until when is not told")
    detail = f"good until {indian(until):%d %b %H:%M} IST"
    if until - now < HOUR and account.renew is Renew.NONE:
        return told(WARNING, detail, mend)
    renews = "" if account.renew is Renew.NONE else f", replaced by the run before that (renew: {account.renew})"
    return told(OK, detail + renews)


def of_renewal(rules: Rules, name: str, account: Account, now: int) -> Check | None:
    """Can a one-time code be made, and is there a login host? Nothing is asked there."""
    if account.renew is not Renew.TOTP:
        return None
    try:
        login_address(rules.broker.rest_url)
        one_time_code(account.totp_secret.reveal(), now)
    except ValueError as fault:
        mend = "give it the secret that Dhan showed when TOTP was set up"
        return Check(check="renewal", account=name, state=ERROR, detail=str(fault), mend=mend)
    return None


def of_address(asked: Asked, others: Mapping[str, str]) -> Check | None:
    """Will orders be taken from where this account's requests leave? ``others``: whose orders leave from the same
    address, by that address."""
    account, reading = asked.account, asked.address
    if reading is None or not isinstance(account, Follower):
        return None

    def told(state: str, detail: str, mend: str = "") -> Check:
        return Check(check="address", account=asked.name, state=state, detail=detail, mend=mend)

    if not isinstance(reading.fact, Addresses):
        return told(WARNING, f"not told: {mask(reading.why)}", "the first order will show it")
    fact = reading.fact
    seen = fact.detected or account.source_ip or "an address that is not told"
    taken = fact.takes_orders(account.source_ip)
    listed = ", ".join(fact.registered) if fact.registered else "none"
    if taken is False:
        mend = (
            f"register {seen} for this account on Dhan's site (a change holds for seven days), or have its requests "
            "leave from a registered address: followers[].source_ip"
        )
        return told(ERROR, f"orders leave from {seen}; registered: {listed}", mend)
    if taken is None:
        return told(
            WARNING, f"registered: {listed}; whether orders leave from there is not told", "see the first order"
        )
    if fact.detected and others.get(fact.detected, asked.name) != asked.name:
        mend = "an address may belong to one user only: give each follower a source_ip of its own"
        return told(WARNING, f"orders leave from {seen}, as those of {others[fact.detected]} do", mend)
    return told(OK, f"orders leave from {seen}, which is registered")


def of_clock(asked: list[Asked], now: int) -> Check:
    """This machine's clock against the broker's."""
    told = [one.ahead for one in asked if one.ahead is not None]
    here = f"it is {indian(now):%H:%M:%S} in India by this machine's clock"
    if not told:
        mend = "see the network, then ask again"
        return Check(check="clock", state=WARNING, detail=f"{here}; the broker told no time", mend=mend)
    off = -min(told, key=abs)
    if abs(off) > CLOCK_OFF:
        mend = "have the time kept by the network: timedatectl set-ntp true"
        return Check(check="clock", state=ERROR, detail=f"{here}, {off / SECOND:+.1f} s off the broker's", mend=mend)
    return Check(check="clock", state=OK, detail=f"{here}, within 2 s of the broker's")


def accounts_of(rules: Rules) -> dict[str, Account]:
    """Everybody, by name."""
    return {LEADER: rules.leader, **{one.name: one for one in rules.followers}}
