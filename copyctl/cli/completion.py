"""What a shell offers where a word is half written: names out of the rules file, reports and what they are grouped by.

Words of closed sets that are types (formats, actions, languages) are offered by typer itself. Nothing here is loaded
before a shell asks, and whatever goes wrong, nothing is offered: a shell has no place for a complaint.
"""

import os
from pathlib import Path

import typer


def followers(ctx: typer.Context) -> list[str]:
    """The followers of the rules file that stands on the line."""
    return _of(ctx.params.get("rules"))


def accounts(ctx: typer.Context) -> list[str]:
    """The leader and the followers of that file."""
    from copyctl.report.events import LEADER

    return [LEADER, *followers(ctx)]


def reports() -> list[tuple[str, str]]:
    """Every report, and what it says."""
    from copyctl.report.analysis.reports import REPORTS

    return [(name, one.says) for name, one in REPORTS.items()]


def keys(incomplete: str) -> list[str]:
    """What the rows of a report can be grouped by, after the keys that stand there already."""
    from copyctl.report.span import KEYS

    before, comma, _ = incomplete.rpartition(",")
    taken = before.split(",")
    return [f"{before}{comma}{key}" for key in KEYS if key not in taken]


def strategies() -> list[tuple[str, str]]:
    """How copies can be sized."""
    from copyctl.cli.starting import STRATEGIES

    return [(name, one.says) for name, one in STRATEGIES.items()]


def codes() -> list[tuple[str, str]]:
    """Every code of lint, and what it says."""
    from copyctl.rules import CODES

    return list(CODES.items())


def _of(rules: object) -> list[str]:
    from copyctl.rules import RulesRefused, outline

    if not isinstance(rules, str | os.PathLike):
        return []
    try:
        return list(outline(Path(rules), os.environ).followers)
    except (RulesRefused, OSError):
        return []
