"""How a command speaks: answers to stdout, everything else to stderr, and the exit code says how it went."""

import contextlib
import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, NoReturn, TextIO

import typer
from rich.console import Console, RenderableType

DONE, FINDINGS, USAGE, BROKER, STORE = range(5)
"""Exit codes. 1: done, and something was found; 2: wrong usage or rules; 3: broker or network; 4: store."""

VERBOSITY: ContextVar[int] = ContextVar("VERBOSITY", default=0)
"""How much is told: so many -v, less so many -q."""

PIPE_WIDTH = 240
"""Columns of a table that goes into a file or a pipe."""

_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")


class Format(StrEnum):
    """How an answer looks."""

    TABLE = "table"
    JSON = "json"


def chosen(asked: Format | None) -> Format:
    """The format that was asked for; else a table on a terminal, JSON for all others."""
    return asked or (Format.TABLE if sys.stdout.isatty() else Format.JSON)


def say_json(document: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2 if sys.stdout.isatty() else None))


def say(*parts: RenderableType) -> None:
    """Something for people on stdout. A sentence is never broken: a command in it can be copied."""
    page = paper(sys.stdout)
    for part in parts:
        page.print(part, soft_wrap=isinstance(part, str))


def answer(asked: Format | None, document: Any, *table: RenderableType) -> None:
    """The answer of a command, as a document or as tables."""
    if chosen(asked) is Format.JSON:
        say_json(document)
    else:
        say(*table)


def note(text: str) -> None:
    """A line on stderr that -q silences."""
    if VERBOSITY.get() >= 0:
        typer.echo(text, err=True)


def leave(code: int, text: str) -> NoReturn:
    """End the command: one clear line on stderr, with the mend in it, and the exit code."""
    typer.echo(f"copyctl: {text}", err=True)
    raise typer.Exit(code)


@contextlib.contextmanager
def progress_bar(most: int, what: str) -> Iterator[Callable[[], None]]:
    """A bar on stderr while something long goes on, on a terminal alone. What it gives moves it by one."""
    from rich.progress import Progress

    console = paper(sys.stderr)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty() or VERBOSITY.get() < 0) as bar:
        task = bar.add_task(what, total=most)
        yield lambda: bar.advance(task)


def deserted(stream: TextIO) -> bool:
    """Is it a pipe whose reader has gone away?"""
    poll = select.poll()
    poll.register(stream, 0)
    return any(what & select.POLLERR for _, what in poll.poll(0))


def hush() -> None:
    """Let what is still to be written to stdout go nowhere, so that nobody complains at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Paper(Console):
    """A console that a reader who went away never brings down: it falls silent."""

    def on_broken_pipe(self) -> None:
        """Say nothing from now on."""
        self.quiet = True


def paper(stream: TextIO) -> Paper:
    """A console on a stream: colour on a terminal only (and without NO_COLOR), never wrapped in a pipe."""
    width = None if stream.isatty() else PIPE_WIDTH
    return Paper(file=stream, width=width, highlight=False, markup=False, emoji=False, no_color=_no_color())


def _no_color() -> bool:
    return bool(os.environ.get("NO_COLOR"))


def clean(text: object) -> str:
    """A text from outside without anything that a terminal would obey."""
    return str(text).translate(_CONTROL)
