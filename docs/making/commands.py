"""The page ``docs/commands.md``: every command as the program itself tells it.

``python -m docs.making.commands > docs/commands.md`` writes it.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import typer.main

from copyctl.cli.main import app

HEAD: Final = """# Commands

Every command, as `copyctl COMMAND --help` tells it. Every command that takes `--rules FILE` finds its store through
that file. Answers are a table on a terminal and JSON elsewhere; `--format` says otherwise. JSON goes to standard output
alone, notes and logs to standard error. The examples name files that are yours, so they are shown here and not run.

| exit code | meaning |
|---|---|
| 0 | done, nothing found |
| 1 | done, and findings: lint errors, failed policy tests, drift, an error of `doctor`, a missed objective |
| 2 | wrong usage, or a rules file that cannot be used |
| 3 | broker or network: a token is refused, an account cannot be read |
| 4 | store: locked by another run, not writable, corrupted, written by a newer version |

This page is written by `python -m docs.making.commands`."""

MARK: Final = re.compile(r"\s*\[([^\[\]]*)\]$")
"""What stands in brackets behind the help of an option: its default, or that it is required."""


def page() -> str:
    """``docs/commands.md``."""
    group = typer.main.get_command(app)
    context = group.make_context("copyctl", [], resilient_parsing=True)
    parts = [HEAD, _contents(group), "## Before every command", _options(group, context)]
    for name, command in _commands(group):
        words = f"copyctl {name}"
        inner = command.make_context(words, [], resilient_parsing=True)
        parts += [f"## {name}", *_text(command), f"```text\n{_usage(command, inner, words)}\n```"]
        parts += [_options(command, inner)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with the words that ask for it; a group's own are told one by one."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _contents(group: Any) -> str:
    rows = [f"| [`{name}`](#{name.replace(' ', '-')}) | {_first(command)} |" for name, command in _commands(group)]
    return "| command | |\n|---|---|\n" + "\n".join(rows)


def _first(command: Any) -> str:
    """The first sentence, which `copyctl --help` lists."""
    return _cell(inspect.cleandoc(command.help or "").split("\n\n")[0])


def _text(command: Any) -> Iterator[str]:
    """The paragraphs of a command's help, with its examples as a block."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = paragraph.strip().strip("\b").strip().splitlines()
        if lines[0] == "Example:":
            yield "```console\n" + "\n".join(f"$ {line.strip()}" for line in lines[1:]) + "\n```"
        else:
            yield " ".join(line.strip() for line in lines)


def _usage(command: Any, context: Any, words: str) -> str:
    return f"{words} {' '.join(command.collect_usage_pieces(context))}"


def _options(command: Any, context: Any) -> str:
    """A table of arguments and options; "" for none but ``--help``."""
    rows = []
    for one in command.get_params(context):
        record = one.get_help_record(context)
        if record is None or "--help" in record[0]:
            continue
        told, marks = record[1], []
        while found := MARK.search(told):
            marks.append(found[1].removeprefix("default: ").strip("()"))
            told = told[: found.start()]
        rows.append(f"| `{_cell(record[0])}` | {_cell(told)} | {_cell('; '.join(marks))} |")
    return "| argument or option | what it says | default |\n|---|---|---|\n" + "\n".join(rows) if rows else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
