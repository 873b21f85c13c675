"""Live facts: the broker asked, once, for what an explanation lacks. Nothing that is asked changes an account."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from copyctl.cli.connections import Connection, connections
from copyctl.cli.credentials import hide_secrets
from copyctl.cli.speech import BROKER, leave
from copyctl.edge.clock import SystemClock
from copyctl.edge.logs import mask
from copyctl.model.facts import BrokerKillWanted, FactArrived, FactReading, Lack, Question, QuoteWanted
from copyctl.model.policy import Rules
from copyctl.wire.dhan.dialect import Dhan

REST_SECONDS: Final = 1.1
"""Dhan answers one question for a quote in a second: one too many is asked again after this, so often."""
PATIENCE: Final = 3


class LiveFacts:
    """The questions that wait, and their answers. To be entered; its connections are closed at the end."""

    def __init__(self, rules: Rules) -> None:
        hide_secrets(rules)
        self._rules = rules
        self._clock = SystemClock()
        self._waiting: dict[Question, int] = {}
        self._linked: dict[str, Connection] = {}
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._linked = connections(self._rules, self._clock)
        except (OSError, ValueError) as trouble:
            leave(BROKER, f"an account of this file cannot be used: {mask(str(trouble))}")
        for one in self._linked.values():
            self._closing.push_async_callback(one.gateway.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    def wanted(self, question: Question, now: int) -> Lack | None:
        """A question comes up at a moment (ns) of the rehearsal; its answer comes later, as of then."""
        if isinstance(question, BrokerKillWanted):  # the one question that changes an account
            return Lack.NOT_NOW
        self._waiting.setdefault(question, now)
        return None

    async def answers(self) -> Sequence[FactArrived]:
        """The answers to all that came up since the last time; none: nothing is open."""
        asked, self._waiting = self._waiting, {}
        return [await self._answer(question, now) for question, now in asked.items()]

    async def _answer(self, question: Question, now: int) -> FactArrived:
        reading = await self._read(question, now)
        for _ in range(PATIENCE):
            if reading.lack is not Lack.THROTTLED:
                break
            await asyncio.sleep(REST_SECONDS)
            reading = await self._read(question, now)
        return FactArrived(
            at=now, account=question.account, question=question, fact=reading.fact, why=reading.why, lack=reading.lack
        )

    async def _read(self, question: Question, now: int) -> FactReading:
        gateway, dhan = self._linked[question.account].gateway, Dhan()
        try:
            if isinstance(question, QuoteWanted):
                return dhan.read_quotes((question,), await gateway.send(dhan.quotes_call((question,))), now)[0]
            said = [await gateway.send(call) for call in dhan.calls_for(question)]
        except ValueError as fault:
            return FactReading(why=str(fault), lack=Lack.NOT_KNOWN)
        return dhan.read_fact(question, said, now)
