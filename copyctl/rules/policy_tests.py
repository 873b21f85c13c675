"""Files of policy tests, read for ``lint`` and to be run."""

import os

from copyctl.model.cases import Case, Cases
from copyctl.rules.cases import read_tree
from copyctl.rules.files import Source, open_alone
from copyctl.rules.findings import Finding, RulesRefused, errors, finding, in_file_order
from copyctl.rules.nodes import Node, Spot
from copyctl.rules.read import Path, show, with_excerpts
from copyctl.rules.schema import POLICY_TEST
from copyctl.rules.shape import misshapen
from copyctl.rules.values import odd_values


def inspected(path: Path) -> tuple[Source, list[Finding]]:
    """A file of policy tests, and everything that is wrong with it; of its rules file only that it cannot be used."""
    source, _, found = _read(path)
    return source, found


def read_cases(path: Path) -> Cases:
    """The policy tests of a file. Raises RulesRefused with everything that is wrong with it or with its rules file."""
    source, cases, found = _read(path)
    if errors(found):
        raise RulesRefused(in_file_order(with_excerpts(found, source), source.lines))
    return cases


def _read(path: Path) -> tuple[Source, Cases, list[Finding]]:
    file = os.fspath(path)
    source = open_alone(path, POLICY_TEST)
    blank = Cases(file=file, rules="", cases=())
    if source.node is None:
        return source, blank, list(source.findings)
    named = Spot(node=source.node).at("rules")
    rules = os.path.join(os.path.dirname(file), named.value) if isinstance(named.value, str) else ""
    followers, refused = _followers(named, rules)
    cases: tuple[Case, ...]
    cases, wrong = read_tree(source.node, source.lines[file], followers)
    found = [*source.findings, *_shape(source.node), *refused, *wrong]
    return source, Cases(file=file, rules=rules, cases=cases), found


def _shape(node: Node) -> list[Finding]:
    return [*misshapen(node, POLICY_TEST), *odd_values(node, POLICY_TEST)]


def _followers(named: Spot, rules: str) -> tuple[tuple[str, ...] | None, list[Finding]]:
    """The names of the followers in the rules file that is named here; None, and why, where it cannot be used."""
    if not named.value:
        return None, []
    try:
        content = show(rules)
    except RulesRefused as refused:
        first = errors(refused.findings)[0]
        place = f"{first.file}:{first.line}:{first.column}"
        message = f"its rules cannot be used: {place}: {first.path + ': ' if first.path else ''}{first.message}"
        hint = f"copyctl lint {rules} tells all that is wrong with them"
        return None, [finding("R502", named.place, named.path, message, hint)]
    return tuple(str(one["name"]) for one in content["followers"]), []
