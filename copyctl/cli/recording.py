"""A recording put together: the leader's stream and books, and the file that they go into."""

import asyncio
import contextlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from copyctl.cli.credentials import account_name, gateway_of, hide_secrets, token_source
from copyctl.cli.signals import stopped_by_signals
from copyctl.cli.speech import BROKER, STORE, USAGE, leave, note
from copyctl.edge.clock import SystemClock
from copyctl.edge.disguise import Disguise
from copyctl.edge.logs import mask
from copyctl.edge.stream import OrderStream
from copyctl.edge.tape_file import TapeFile
from copyctl.edge.tokens import TokenSource
from copyctl.edge.transport import DhanGateway
from copyctl.engine.backfill import half_pace
from copyctl.engine.recorder import Recorder
from copyctl.model.facts import Lack, ProfileWanted
from copyctl.model.policy import Account, Rules
from copyctl.report.moments import indian
from copyctl.wire.dhan.dialect import Dhan

SECOND: Final = 1_000_000_000
TEXTS: Final = ("frame", "stream")
"""Kinds of lines whose value is a text."""
TELL_EVERY_SECONDS: Final = 60.0


_Others = Mapping[str, tuple[str, DhanGateway]]


@dataclass(slots=True)
class Holds:
    """What a tape holds by now: so many lines of each kind, from when to when (ns, UTC); ``trouble``: why nothing more
    can be written, or ""."""

    path: Path
    began: int
    last: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    drops: int = 0
    trouble: str = ""

    def __str__(self) -> str:
        books = sum(self.lines[kind] for kind in ("book", "trades"))
        drops = f", {_many(self.drops, 'break')} of the stream" if self.drops else ""
        return f"{_many(self.lines['frame'], 'frame')}, {_many(books, 'book')}{drops}"


class Tape:
    """A tape that is being written. ``stop`` is set where it cannot be any more."""

    def __init__(self, file: TapeFile, disguise: Disguise, leader: str, holds: Holds, stop: asyncio.Event) -> None:
        self._file = file
        self._disguise = disguise
        self._holds = holds
        self._stop = stop
        header = {"tape": 1, "client_id": disguise.number(leader), "started_at": _moment(holds.began)}
        self._add(json.dumps(header))

    def keep(self, kind: str, text: str, at: int, *, asked_at: int = 0, account: str = "", holdings: str = "") -> None:
        """One line, as ``Recorder`` gives it; nothing that may not stand on a tape is in it then."""
        value = json.dumps(self._disguise.text(text)) if kind in TEXTS else self._value(text, account)
        asked = f'"asked_at":"{_moment(asked_at)}",' if asked_at else ""
        whose = f'"account":{json.dumps(account)},' if account else ""
        held = f',"holdings":{self._value(holdings, account)}' if holdings else ""
        self._add(f'{{"at":"{_moment(at)}",{asked}{whose}"{kind}":{value}{held}}}')
        self._holds.lines[kind] += 1
        self._holds.drops += (kind, text) == ("stream", "down")
        self._holds.last = at

    def _value(self, text: str, account: str) -> str:
        said = self._disguise.text(text)
        return _nobodys(said) if account else said

    def _add(self, line: str) -> None:
        if self._holds.trouble:
            return
        try:
            self._file.add(line.encode())
        except OSError as fault:
            self._holds.trouble = fault.strerror or str(fault)
            self._stop.set()


_OWNER: Final = re.compile(r'("(?:dhan)?client_?id"\s*:\s*)(?:"[^"\\]*"|\d+)', re.IGNORECASE)


def _nobodys(text: str) -> str:
    """Figures of another account, without its number: by its name it is known whose they are."""
    return _OWNER.sub(r'\1""', text)


async def record(rules: Rules, path: Path, *, anonymous: bool, ends_at: datetime | None, tells: bool) -> Holds:
    """Record until ``ends_at``, or until a signal. ``tells``: say once a minute what the tape holds.

    Leaves the command where the leader's token is refused, or where there can be no such file.
    """
    hide_secrets(rules)
    clock = SystemClock()
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as closing:
        try:
            token, gateway = await _reached(closing, rules, rules.leader, clock)
        except (OSError, ValueError) as fault:
            leave(BROKER, f"the leader's account cannot be used: {mask(str(fault))}")
        await _is_taken(rules, gateway, clock)
        others = {} if anonymous else await _others(closing, rules, clock)
        holds = Holds(path=path, began=clock.now())
        tape = Tape(
            closing.enter_context(_file(path)), _disguise(rules, anonymous), rules.leader.client_id, holds, stop
        )
        recorder = Recorder(
            rules.leader.client_id,
            gateway,
            others=others,
            wire=Dhan(),
            clock=clock,
            pace=half_pace(rules.rate_limits, clock),
            every_seconds=rules.resilience.sweep / SECOND,
            keep=tape.keep,
            say=lambda text: note(mask(text)),
        )
        note(f"recording {_whose(rules, anonymous)} to {path}; Ctrl-C ends it")
        work = [_stream(rules, token, gateway, recorder, clock).run(), recorder.run()]
        work += [_tell(holds)] if tells else []
        work += [_wait_until(ends_at, stop)] if ends_at is not None else []
        async with stopped_by_signals(stop), asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
            await stop.wait()
            for one in tasks:
                one.cancel()
    if holds.trouble:
        leave(STORE, f"{path} cannot be written any more: {holds.trouble}. It holds {holds}; its last line may be torn")
    return holds


def _whose(rules: Rules, anonymous: bool) -> str:
    return "the leader" if anonymous else f"the leader {rules.leader.client_id}"


def _disguise(rules: Rules, anonymous: bool) -> Disguise:
    numbers = {one.client_id for one in rules.followers} - {rules.leader.client_id}
    hidden = numbers | {rules.leader.client_id} if anonymous else numbers
    return Disguise(hidden, random.SystemRandom(), anonymous=anonymous)


def _file(path: Path) -> TapeFile:
    try:
        return TapeFile(path)
    except FileExistsError:
        leave(USAGE, f"{path} is there already, and a recording is never written over: give another FILE")
    except OSError as fault:
        leave(USAGE, f"{path} cannot be made: {fault.strerror}")


async def _reached(
    closing: contextlib.AsyncExitStack, rules: Rules, account: Account, clock: SystemClock
) -> tuple[TokenSource, DhanGateway]:
    token = token_source(account)
    gateway = gateway_of(rules, account, token.token, clock)
    closing.push_async_callback(gateway.close)
    return token, gateway


async def _is_taken(rules: Rules, gateway: DhanGateway, clock: SystemClock) -> None:
    """Leave where the broker refuses the leader's token; whether it can be reached is no matter."""
    wire = Dhan()
    said = wire.read_orders(await gateway.send(wire.orders_call()), rules.leader.client_id, clock.now())
    if said.refused:
        mend = "Make a new one (copyctl token --account leader, or Dhan's site) and start again"
        leave(BROKER, f"the leader's token is refused: {mask(said.why)}. {mend}")


async def _others(
    closing: contextlib.AsyncExitStack, rules: Rules, clock: SystemClock
) -> Mapping[str, tuple[str, DhanGateway]]:
    """The followers that can be asked what they hold."""
    found = {}
    for one in rules.followers:
        name = account_name(one)
        if not one.access_token.reveal() or "${" in one.client_id:
            note(f"{name}'s positions and funds are not on the tape: its token or client id is not set here")
            continue
        try:
            _, gateway = await _reached(closing, rules, one, clock)
            found[name] = (one.client_id, gateway)
        except (OSError, ValueError) as fault:
            note(f"{name}'s positions and funds are not on the tape: {mask(str(fault))}")
    return found


def _stream(
    rules: Rules, token: TokenSource, gateway: DhanGateway, recorder: Recorder, clock: SystemClock
) -> OrderStream:
    """The leader's order stream, with the delays that a run has."""
    resilience, account, wire = rules.resilience, rules.leader.client_id, Dhan()

    async def judge() -> str:
        question = ProfileWanted(account=account)
        token.look()
        said = [await gateway.send(call) for call in wire.calls_for(question)]
        reading = wire.read_fact(question, said, clock.now())
        if reading.lack is Lack.REFUSED:
            return f"the token is refused ({mask(reading.why)}); a new one in its place is taken up"
        return "the broker takes the token, so it is the network or the stream's host" if reading.fact else reading.why

    try:
        return OrderStream(
            rules.broker.order_update_url,
            lambda: wire.login_frame(account, token.token()),
            lambda raw: recorder.frame(token.hidden(raw)),
            lambda is_up, why: recorder.stream_changed(is_up, mask(why)),
            initial_seconds=resilience.reconnect.initial / SECOND,
            maximum_seconds=resilience.reconnect.maximum / SECOND,
            heartbeat_seconds=resilience.heartbeat / SECOND,
            chance=random.Random(),  # noqa: S311  jitter, no secret
            judge=judge,
            name=account_name(rules.leader),
        )
    except ValueError as fault:
        leave(BROKER, f"there can be no order stream: {mask(str(fault))}")


async def _tell(holds: Holds) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_SECONDS)
        note(f"{holds.path} holds {holds}")


async def _wait_until(moment: datetime, stop: asyncio.Event) -> None:
    await asyncio.sleep(moment.timestamp() - time.time())
    stop.set()


def _moment(at: int) -> str:
    return indian(at).isoformat(timespec="microseconds")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
