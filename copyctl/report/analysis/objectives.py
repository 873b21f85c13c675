"""Objectives: a summary set against what the rules file asks of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from copyctl.model.deployment import Objectives
from copyctl.report.analysis.summary import FIGURES

_AT_LEAST: Final = frozenset({"copied_pct"})
"""Objectives that are a least figure; all others are a most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``asked``: does the rules file name any objective? ``missed``: a sentence for each one that a row misses;
    ``untold``: one for each that nothing can be said of, since the figure is not known: it is not missed."""

    asked: bool
    missed: list[str]
    untold: list[str]


def judged(rows: Iterable[Mapping[str, Any]], objectives: Objectives) -> Verdict:
    """What a summary says to the objectives: all that ``report summary --check`` needs."""
    goals = {name: goal for name in _NAMES if (goal := getattr(objectives, name)) is not None}
    missed, untold = [], []
    for row in rows:
        whose = ", ".join(str(value) for key, value in row.items() if key not in FIGURES) or "all followers"
        for name, goal in goals.items():
            figure, bound = row[name], "least" if name in _AT_LEAST else "most"
            if figure is None:
                untold.append(f"{whose}: {name} is not known: nothing tells whether it is at {bound} {goal}")
            elif _misses(name, Decimal(str(figure)), goal):
                missed.append(f"{whose}: {name} is {figure}, the objective is at {bound} {goal}")
    return Verdict(asked=bool(goals), missed=missed, untold=untold)


def _misses(name: str, figure: Decimal, goal: Decimal) -> bool:
    return figure < goal if name in _AT_LEAST else figure > goal


_NAMES: Final = tuple(Objectives.__dataclass_fields__)
