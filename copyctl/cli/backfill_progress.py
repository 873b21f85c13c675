"""How far a backfill is: a bar for each account on a terminal, lines elsewhere."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Protocol

from rich import progress as rich_progress

from copyctl.cli.speech import VERBOSITY, clean, note, paper


class Progress(Protocol):
    """Told of by whoever works."""

    def say(self, name: str, text: str) -> None:
        """What is done for an account now."""

    def advance(self, name: str) -> None:
        """One more step of an account is done."""


class _Lines:
    def say(self, name: str, text: str) -> None:
        note(f"{name}: {clean(text)}")

    def advance(self, name: str) -> None:
        """The line that comes next says it."""


class _Bars:
    def __init__(self, bars: rich_progress.Progress, names: Iterable[str], steps: int) -> None:
        self._bars = bars
        self._tasks = {name: bars.add_task(name, total=steps, says="") for name in names}

    def say(self, name: str, text: str) -> None:
        self._bars.update(self._tasks[name], says=clean(text))

    def advance(self, name: str) -> None:
        self._bars.update(self._tasks[name], advance=1, says="")


@contextlib.contextmanager
def progress(names: Iterable[str], steps: int) -> Iterator[Progress]:
    """How far each of these is, of so many steps, on stderr."""
    if not sys.stderr.isatty() or VERBOSITY.get() < 0:
        yield _Lines()
        return
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[says]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=paper(sys.stderr), transient=True) as bars:
        yield _Bars(bars, names, steps)
