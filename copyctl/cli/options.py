"""Options that several commands share, each said once."""

from pathlib import Path
from typing import Annotated

import typer

from copyctl.cli import completion
from copyctl.cli.speech import Format

Rules = Annotated[Path, typer.Option("--rules", metavar="FILE", help="The rules file.")]
Follower = Annotated[
    str | None,
    typer.Option("--follower", metavar="NAME", help="This follower alone.", autocompletion=completion.followers),
]
OneFollower = Annotated[
    str, typer.Option("--follower", metavar="NAME", help="The follower.", autocompletion=completion.followers)
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="NAME",
        help="This account alone: leader, or a follower's name.",
        autocompletion=completion.accounts,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look into the store of a dry run.")]
Shadow = Annotated[bool, typer.Option("--shadow", help="Look into the store of the shadow (run --shadow).")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From then on: 09:15 (today, IST), a date, or ISO 8601."),
]
AsFormat = Annotated[
    Format | None,
    typer.Option("--format", help="How the answer looks.", show_default="table on a terminal, else json"),
]
