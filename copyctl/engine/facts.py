"""Getting facts: what the core asks about one account, asked of the broker within its rates, each question once.

Nothing here waits for a fact: every question is answered by a ``FactArrived``, with the fact or with why it cannot be
had. Whether it is asked again is the core's to say.
"""

import asyncio
from collections.abc import Callable, Sequence

from copyctl.engine.pace import Pace
from copyctl.engine.ports import Clock, Gateway, Wire
from copyctl.model.facts import AccountQuestion, FactArrived, FactReading, Lack, MarginWanted, Question, QuoteWanted
from copyctl.model.request import Answer, Call

QUOTES_PER_SECOND = 1
OTHER_PER_SECOND = 20
MOST_QUOTES = 1_000
"""What Dhan allows an account, and how many instruments in one call (Dhan API v2, rate limits and market quote)."""


class FactReader:
    """The facts of one account.

    Equal questions that wait are one. A question that comes while an equal one is on its way is asked once more after
    it: a fact that was asked for later must hold for a later moment. Quotes that wait go out together in one call;
    margins go before everything else, for orders wait for them. ``other_per_second``: its share of what the account
    may ask in a second, which reading the books spends too.
    """

    def __init__(
        self,
        account: str,
        *,
        gateway: Gateway,
        wire: Wire,
        clock: Clock,
        post: Callable[[FactArrived], None],
        quotes_per_second: int = QUOTES_PER_SECOND,
        other_per_second: int = OTHER_PER_SECOND,
        most_quotes: int = MOST_QUOTES,
    ) -> None:
        self.account = account
        self._gateway = gateway
        self._wire = wire
        self._clock = clock
        self._post = post
        self._most_quotes = most_quotes
        self._quote_pace = Pace(quotes_per_second, clock, spent=True)
        self._other_pace = Pace(other_per_second, clock)
        self._quotes: dict[QuoteWanted, None] = {}
        self._others: dict[AccountQuestion, None] = {}
        self._quotes_wait = asyncio.Event()
        self._others_wait = asyncio.Event()

    def ask(self, question: Question) -> None:
        """Have this question answered soon.

        Raises:
            ValueError: it is about another account.
        """
        if question.account != self.account:
            raise ValueError(f"{question.account} was asked about, and this is {self.account}")
        if isinstance(question, QuoteWanted):
            self._quotes[question] = None
            self._quotes_wait.set()
        else:
            self._others[question] = None
            self._others_wait.set()

    def allow(self, *, quotes_per_second: int, other_per_second: int) -> None:
        """From now on so many questions a second."""
        self._quote_pace.allow(quotes_per_second)
        self._other_pace.allow(other_per_second)

    async def run(self) -> None:
        """Answer questions for ever, as they come."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._answer_quotes())
            group.create_task(self._answer_others(group))

    # --- quotes -------------------------------------------------------------------------------------------------

    async def _answer_quotes(self) -> None:
        while True:
            await self._quotes_wait.wait()
            await self._quote_pace.room()  # others may join meanwhile
            questions = self._askable(self._waiting_quotes())
            if not questions:
                continue
            call, as_of = self._wire.quotes_call(questions), self._clock.now()
            self._quote_pace.leaves()
            answer = await self._send(call, self._quote_pace)
            readings = self._wire.read_quotes(questions, answer, as_of)
            self._learn(self._quote_pace, readings)
            for question, reading in zip(questions, readings, strict=True):
                self._tell(question, reading)

    def _waiting_quotes(self) -> list[QuoteWanted]:
        """Those that waited longest, as many as one call may ask for; they wait no more."""
        taken = list(self._quotes)[: self._most_quotes]
        for question in taken:
            del self._quotes[question]
        if not self._quotes:
            self._quotes_wait.clear()
        return taken

    def _askable(self, questions: list[QuoteWanted]) -> list[QuoteWanted]:
        """Those that the broker has words for; the others are answered at once, lest one spoil the call for all."""
        askable = []
        for question in questions:
            try:
                self._wire.quotes_call((question,))
            except ValueError as fault:
                self._tell(question, FactReading(why=str(fault), lack=Lack.NOT_KNOWN))
            else:
                askable.append(question)
        return askable

    # --- everything else ----------------------------------------------------------------------------------------

    async def _answer_others(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._others_wait.wait()
            await self._other_pace.room()
            question = self._most_urgent()
            try:
                calls = self._wire.calls_for(question)
            except ValueError as fault:
                self._tell(question, FactReading(why=str(fault), lack=Lack.NOT_KNOWN))
                continue
            as_of = self._clock.now()
            on_their_way = []
            for call in calls:
                await self._other_pace.room()
                self._other_pace.leaves()
                on_their_way.append(group.create_task(self._send(call, self._other_pace)))
            group.create_task(self._hear(question, on_their_way, as_of))

    def _most_urgent(self) -> AccountQuestion:
        """The next question; it waits no more."""
        found = next((one for one in self._others if isinstance(one, MarginWanted)), None) or next(iter(self._others))
        del self._others[found]
        if not self._others:
            self._others_wait.clear()
        return found

    async def _hear(self, question: AccountQuestion, asked: Sequence[asyncio.Task[Answer]], as_of: int) -> None:
        reading = self._wire.read_fact(question, [await one for one in asked], as_of)
        self._learn(self._other_pace, (reading,))
        self._tell(question, reading)

    # --- both ---------------------------------------------------------------------------------------------------

    async def _send(self, call: Call, pace: Pace) -> Answer:
        """One attempt under the gateway's deadline."""
        try:
            return await self._gateway.send(call)
        finally:
            pace.ended()

    def _learn(self, pace: Pace, readings: Sequence[FactReading]) -> None:
        """Were these too many questions for the broker?"""
        if any(reading.lack is Lack.THROTTLED for reading in readings):
            pace.slow_down()
        elif any(reading.fact is not None for reading in readings):
            pace.speed_up()

    def _tell(self, question: Question, reading: FactReading) -> None:
        self._post(
            FactArrived(
                at=self._clock.now(),
                account=self.account,
                question=question,
                fact=reading.fact,
                why=reading.why,
                lack=reading.lack,
            )
        )
