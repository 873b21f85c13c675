"""Commands: what other processes ask of a run, taken in as it is given; the rules are read again here."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from copyctl.engine.ports import Clock, Journal
from copyctl.model.events import CommandGiven

EVERY_SECONDS = 0.2
RELOAD = "reload"
JUST_BEGUN = "this run has only just begun, and read the rules file as it is. Make a new plan: copyctl plan"


class Commands:
    """The commands of one run. ``read_again`` reads the rules once more and has them used, where a plan was agreed to
    (its hash, "" for none) only if they do just that, and says why not, or ""; it is None until the run goes on by
    itself: they have just been read then."""

    def __init__(self, *, journal: Journal, clock: Clock, post: Callable[[CommandGiven], None]) -> None:
        self.read_again: Callable[[str], Awaitable[str]] | None = None
        self._journal = journal
        self._clock = clock
        self._post = post
        self._newest = 0
        self._reloads: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    async def run(self) -> None:
        """Take them in for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reload())
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                self.take()

    def take(self) -> None:
        """Take in what was given by now."""
        try:
            given = self._journal.commands()
        except OSError:
            return  # the next turn that is written meets the same trouble, and tells of it
        for command in given:
            if command.command_id <= self._newest:
                continue
            self._newest = command.command_id
            if command.command == RELOAD:
                self.reload(command.command_id, command.reason)
                continue
            self._post(
                CommandGiven(
                    at=self._clock.now(),
                    command_id=command.command_id,
                    command=command.command,
                    account=command.account,
                    reason=command.reason,
                    actions=command.actions,
                )
            )

    def reload(self, command_id: int = 0, plan: str = "") -> None:
        """Have the rules read once more; ``command_id``: whose command it is, 0 for a signal's; ``plan``: the hash of
        the plan that was agreed to."""
        if self.read_again is None:
            self._answer(command_id, JUST_BEGUN if plan else "")
        else:
            self._reloads.put_nowait((command_id, plan))

    async def _reload(self) -> None:
        while True:
            command_id, plan = await self._reloads.get()
            if self.read_again is not None:
                self._answer(command_id, await self.read_again(plan))

    def _answer(self, command_id: int, why: str) -> None:
        now = self._clock.now()
        if command_id:
            with contextlib.suppress(OSError):  # the event that follows marks it as taken, as soon as it can
                self._journal.answer(command_id, now, why)
        self._post(CommandGiven(at=now, command_id=command_id, command=RELOAD, reason=why))
