"""Recording: a leader's frames as they come, and his books and figures whenever they may have changed.

Nothing is decided here and nothing is ever sent but reads: whoever records may do so beside a run.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from copyctl.engine.pace import Pace
from copyctl.engine.ports import Clock, Gateway
from copyctl.model.facts import AccountQuestion, FundsWanted, PositionsWanted
from copyctl.model.reading import Verbatim
from copyctl.model.request import Answer, Call


class WordForWord(Protocol):
    """Answers in the broker's own words."""

    def orders_call(self) -> Call:
        """Read the order book."""
        ...

    def trades_call(self) -> Call:
        """Read the trade book."""
        ...

    def calls_for(self, question: AccountQuestion) -> tuple[Call, ...]:
        """The calls that answer a question."""
        ...

    def verbatim(self, kind: str, answer: Answer, account: str) -> Verbatim:
        """What this account's ``book``, ``trades``, ``positions``, ``holdings`` or ``funds`` say."""
        ...


class Keeps(Protocol):
    """Who writes a recording down. ``text``: JSON, of a frame or a stream's state the text itself; ``asked_at`` and
    ``at``: ns, UTC, ``asked_at`` being 0 for what came unasked; ``account``: the name of another one, "" of the
    leader's; ``holdings``: JSON, of positions, "" for none."""

    def __call__(
        self, kind: str, text: str, at: int, *, asked_at: int = 0, account: str = "", holdings: str = ""
    ) -> None:
        """Write one line."""
        ...


_WORDS: Final = {
    "positions": "positions",
    "holdings": "holdings",
    "funds": "funds",
    "book": "orders",
    "trades": "trades",
}
"""What is read, in the order in which it is written down, and how people call it."""
_FIGURES: Final = ("positions", "holdings", "funds")
_NONE: Final = "[]"


class Recorder:
    """One recording. ``gateway``: the leader's; ``others``: client ids and gateways of accounts whose positions and
    funds are kept once, at the beginning, by name. ``every_seconds``: the books are read so often, and when the stream
    has come up; what has not changed since is written again only then. ``say``: told once of each new reason why
    something cannot be read.
    """

    def __init__(
        self,
        account: str,
        gateway: Gateway,
        *,
        others: Mapping[str, tuple[str, Gateway]],
        wire: WordForWord,
        clock: Clock,
        pace: Pace,
        every_seconds: float,
        keep: Keeps,
        say: Callable[[str], None],
    ) -> None:
        self._account = account
        self._gateway = gateway
        self._others = others
        self._wire = wire
        self._clock = clock
        self._pace = pace
        self._every_seconds = every_seconds
        self._keep = keep
        self._say = say
        self._trouble: dict[tuple[str, str], str] = {}
        self._written: dict[str, tuple[str, str]] = {}
        self._sessions = 0
        self._is_up = False
        self._came_up = asyncio.Event()
        positions, holdings = wire.calls_for(PositionsWanted(account=account))
        (funds,) = wire.calls_for(FundsWanted(account=account))
        calls = (positions, holdings, funds, wire.orders_call(), wire.trades_call())
        self._calls = dict(zip(_WORDS, calls, strict=True))

    def frame(self, raw: bytes) -> None:
        """A frame came. What is no UTF-8 in it, which is noise, becomes a mark."""
        self._keep("frame", raw.decode("utf-8", "replace"), self._clock.now())

    def stream_changed(self, is_up: bool, why: str) -> None:
        """The stream came up, or went down, or still could not come up for another reason."""
        if is_up or self._is_up:
            self._keep("stream", "up" if is_up else "down", self._clock.now())
        self._say("the order stream is up" if is_up else f"the order stream is down: {why}")
        self._is_up = is_up
        if is_up:
            self._sessions += 1
            self._written.clear()
            self._came_up.set()

    async def run(self) -> None:
        """Read for ever: first as the stream comes up, or where it does not, after the first pause."""
        begun = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._came_up.wait()
            self._came_up.clear()
            if not begun:
                begun = True
                await asyncio.gather(*(self._read_other(name, *one) for name, one in self._others.items()))
            await self._read()

    async def _read(self) -> None:
        """The leader's books and figures, asked for at one moment and written down at one moment."""
        session, asked_at = self._sessions, self._clock.now()
        answers = await asyncio.gather(*(self._ask(call) for call in self._calls.values()))
        said = {
            kind: self._wire.verbatim(kind, answer, self._account)
            for kind, answer in zip(self._calls, answers, strict=True)
        }
        if any(one.throttled for one in said.values()):
            self._pace.slow_down()
        elif any(one.text for one in said.values()):
            self._pace.speed_up()
        for kind, text, holdings in self._to_keep("", said):
            if self._written.get(kind) != (text, holdings):
                self._keep(kind, text, self._clock.now(), asked_at=asked_at, holdings=holdings)
                if session == self._sessions:  # of a stream that has come up meanwhile all is written anew
                    self._written[kind] = (text, holdings)

    async def _read_other(self, name: str, account: str, gateway: Gateway) -> None:
        asked_at = self._clock.now()
        said = {}
        for kind in _FIGURES:
            said[kind] = self._wire.verbatim(kind, await gateway.send(self._calls[kind]), account)
        for kind, text, holdings in self._to_keep(name, said):
            self._keep(kind, text, self._clock.now(), asked_at=asked_at, account=name, holdings=holdings)

    def _to_keep(self, name: str, said: Mapping[str, Verbatim]) -> Iterator[tuple[str, str, str]]:
        """Kind, text and holdings of what can be kept. Positions and holdings are one picture, or none."""
        for kind, one in said.items():
            self._tell(name, kind, one.why)
            holdings = said["holdings"].text if kind == "positions" else ""
            if one.text and kind != "holdings" and (holdings or kind != "positions"):
                yield kind, one.text, "" if holdings == _NONE else holdings

    async def _ask(self, call: Call) -> Answer:
        await self._pace.room()
        self._pace.leaves()
        try:
            return await self._gateway.send(call)
        finally:
            self._pace.ended()

    def _tell(self, name: str, kind: str, why: str) -> None:
        """Why something cannot be read, once; that it can be again is no news."""
        if why and self._trouble.get((name, kind)) != why:
            whose = f"{name}'s" if name else "the leader's"
            self._say(f"{whose} {_WORDS[kind]} cannot be read, and are not on the tape: {why}")
        self._trouble[name, kind] = why
