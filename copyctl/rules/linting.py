"""Lint: everything that is wrong with files of either language, told at once."""

import os
from collections.abc import Iterable
from typing import Final

from copyctl.rules import read
from copyctl.rules.allowances import idle, not_allowed
from copyctl.rules.at_hand import NOTHING_AT_HAND, AtHand
from copyctl.rules.files import Source
from copyctl.rules.findings import Finding, in_file_order

ENDINGS: Final = (".cases.yaml", ".cases.yml")


def are_cases(path: read.Path) -> bool:
    """Is this, by its name, a file of policy tests?"""
    return os.fspath(path).endswith(ENDINGS)


def beside(path: read.Path) -> str:
    """Where the policy tests of a rules file lie, if it has any: beside it, under its name."""
    return os.path.splitext(os.fspath(path))[0] + ENDINGS[0]


def lint(paths: Iterable[read.Path], at_hand: AtHand = NOTHING_AT_HAND) -> list[Finding]:
    """Everything that is wrong with these files and those they extend, in file order: of rules files, and of policy
    tests (``*.cases.yaml``). Needs no variable, no secret.

    ``at_hand``: what else can be looked up. Nothing is said of what hangs on something that is not there.
    """
    found: list[Finding] = []
    for path in paths:
        source, checked = _inspected(path, at_hand)
        ordered = in_file_order(read.with_excerpts(checked, source), source.lines)
        own = source.allowed.get(os.fspath(path), ())  # those of a base may be for others that extend it
        told = [*not_allowed(ordered, source.allowed), *read.with_excerpts(idle(ordered, own), source)]
        found += in_file_order(told, source.lines)
    return list(dict.fromkeys(found))


def _inspected(path: read.Path, at_hand: AtHand) -> tuple[Source, list[Finding]]:
    if not are_cases(path):
        return read.inspected(path, at_hand)
    from copyctl.rules import policy_tests  # noqa: PLC0415  (the types of rules, which other files need not load)

    return policy_tests.inspected(path)
