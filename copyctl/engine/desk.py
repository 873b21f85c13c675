"""One account's desk: its gateway, and whoever reads its books, answers questions about it and hears its stream."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from copyctl.engine.books import BookReader
from copyctl.engine.facts import FactReader
from copyctl.engine.pace import Paces
from copyctl.engine.ports import Gateway

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Desk:
    """``stream``: the work of its order stream, None where it has none. What was begun ends with ``leave``."""

    gateway: Gateway
    reader: BookReader
    facts: FactReader
    paces: Paces
    stream: Work | None = None
    _listening: list[asyncio.Task[None]] = field(default_factory=list)
    _answering: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Have all its books read for the first time, and go on."""
        self._answering += [group.create_task(self.reader.run()), group.create_task(self.facts.run())]
        self.reader.want(special=True)
        if self.stream is not None:
            self._listening.append(group.create_task(done(self.stream)))

    def turn_away(self, *, unread: bool) -> None:
        """Hear nothing of its stream from now on; ``unread``: nor read its books."""
        _cancel(self._listening)
        if unread:
            _cancel(self._answering[:1])

    def leave(self) -> None:
        """End everything that was begun."""
        _cancel([*self._listening, *self._answering])


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


async def done(work: Work) -> None:
    """Some work as a task wants it."""
    await work()
