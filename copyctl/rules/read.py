"""Reading rules files: inspected (for ``lint``), shown (``show``), loaded for a run (``load``)."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from copyctl.rules.allowances import not_allowed
from copyctl.rules.at_hand import NOTHING_AT_HAND, AtHand
from copyctl.rules.beside_checks import odd_beside
from copyctl.rules.effective import Document, document_of, effective, masked, revealed, typed
from copyctl.rules.expressions import malformed, resolve
from copyctl.rules.files import Source, open_source
from copyctl.rules.findings import Finding, RulesRefused, Severity, errors, in_file_order
from copyctl.rules.masking import SECRET_KEYS
from copyctl.rules.meaning import senseless
from copyctl.rules.nodes import Keys, Node
from copyctl.rules.schema import conform, language
from copyctl.rules.shape import misshapen
from copyctl.rules.unbuilt import not_built
from copyctl.rules.values import odd_values

if TYPE_CHECKING:
    from copyctl.model.policy import Rules

Path: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Rules, and the document of them, from one reading of the file. ``findings``: warnings."""

    rules: "Rules"
    document: Document
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What commands need that only look into a store: its absolute path, the deployment's and the followers' names."""

    name: str
    store: str
    followers: tuple[str, ...]


def inspected(path: Path, at_hand: AtHand = NOTHING_AT_HAND) -> tuple[Source, list[Finding]]:
    """A rules file and those that it extends, and everything that is wrong with them. Needs no variable, no secret.

    ``at_hand``: what else can be looked up. Nothing is said of what hangs on something that is not there.
    """
    source = open_source(path)
    found = list(source.findings)
    if source.node is not None:
        found += _checked(source.node, Severity.WARNING)
        found += odd_beside(source.node, _folder(path), at_hand)
    return source, found


def load(path: Path, environment: Mapping[str, str], *, offline: bool = False) -> "Rules":
    """The rules of a file. ``environment``: the variables for ``${NAME}``. See ``read`` for the rest."""
    return read(path, environment, offline=offline).rules


def read(path: Path, environment: Mapping[str, str], *, offline: bool = False, lenient: bool = False) -> Loaded:
    """The rules of a file, and their document.

    ``offline``, for commands that talk to no broker: no secret is read (all are empty), texts such as client ids whose
    variable is not set stay as they are written, and keys that are not built yet are only warned of.
    ``lenient``, for what must act with whatever is there: of secrets and client ids that cannot be had it is only
    warned as well; such a secret is empty, such an id stays as it is written.
    Raises RulesRefused with everything that was found, when any of it is an error.
    """
    source, resolved, missing = _resolved(path, environment, offline=offline)
    unbuilt = Severity.WARNING if offline or lenient else Severity.ERROR
    node, found = _found(source, resolved, missing, unbuilt, lenient=lenient)
    rules = typed(effective(node, _folder(path), masked if offline else revealed))
    document = document_of(effective(node, _folder(path), masked))
    return Loaded(rules=replace(rules, digest=document.digest), document=document, findings=tuple(found))


def document(path: Path, environment: Mapping[str, str] | None = None) -> Document:
    """The effective rules of a file without secrets, and their hash. Raises RulesRefused as ``show`` does."""
    return document_of(_shown(path, environment or {}))


def show(path: Path, follower: str | None = None, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The effective rules: after ``extends``, defaults and overrides, secrets masked, with the file's own keys.

    ``followers[].policy`` is each follower's whole policy. With ``follower``, that one stands alone in ``followers``,
    and ``policy`` is its own. A ``${...}`` whose variable is not in ``environment`` stays as it is written.
    Raises RulesRefused when the file has errors, LookupError when it has no such follower.
    """
    content = _shown(path, environment or {})
    if follower is None:
        return content
    chosen = [one for one in content["followers"] if one["name"] == follower]
    if not chosen:
        names = ", ".join(str(one["name"]) for one in content["followers"])
        raise LookupError(f"no follower is called {follower}; there are {names}")
    return {**content, "followers": chosen, "policy": chosen[0]["policy"]}


def outline(path: Path, environment: Mapping[str, str]) -> Outline:
    """Name, store and followers of a file, whichever other variables are not set.

    Raises RulesRefused when the file has errors, or one of these is not known.
    """
    source, resolved, missing = _resolved(path, environment, offline=True)
    node, _ = _found(source, resolved, _not_unset(missing), Severity.WARNING)
    needed = [one for one in missing if one.path in {"name", "store.path"} or one.path.endswith("].name")]
    if needed:
        raise RulesRefused(with_excerpts(needed, source))
    content = effective(node, _folder(path), masked)
    names = tuple(str(one["name"]) for one in content["followers"])
    return Outline(name=content["name"], store=content["store"]["path"], followers=names)


def _resolved(
    path: Path, environment: Mapping[str, str], *, offline: bool
) -> tuple[Source, Keys | None, list[Finding]]:
    """The file, its tree with the variables' values in it, and a finding for each value that cannot be had."""
    source = open_source(path)
    if source.node is None:
        return source, None, []
    resolved, missing = resolve(source.node, environment, offline=offline)
    node, _ = conform(resolved, language())
    return source, node if isinstance(node, Keys) else None, [*malformed(source.node), *missing]


def _can_do_without(missing: Finding) -> bool:
    """Is it a secret that is not there, or is none, or a client id that a variable would give?"""
    key = missing.path.rpartition(".")[2].partition("[")[0]
    return key in SECRET_KEYS or (key == "client_id" and missing.code in {"R301", "R302"})


def _not_unset(missing: list[Finding]) -> list[Finding]:
    """Those that stay wrong when every variable is set and every file there."""
    return [one for one in missing if one.code not in {"R301", "R302"}]


def _found(
    source: Source, node: Keys | None, missing: list[Finding], unbuilt: Severity, *, lenient: bool = False
) -> tuple[Keys, list[Finding]]:
    """The tree and its warnings. Raises RulesRefused when there are errors."""
    found = [*source.findings, *missing, *(_checked(node, unbuilt) if node is not None else ())]
    if lenient:
        found = [replace(one, severity=Severity.WARNING) if _can_do_without(one) else one for one in found]
    ordered = in_file_order(with_excerpts(found, source), source.lines)
    if node is None or errors(ordered):
        raise RulesRefused(ordered)
    return node, not_allowed(ordered, source.allowed)


def _checked(node: Node, unbuilt: Severity) -> list[Finding]:
    return [*malformed(node), *misshapen(node), *odd_values(node), *senseless(node), *not_built(node, unbuilt)]


def with_excerpts(findings: Iterable[Finding], source: Source) -> list[Finding]:
    """The findings, each with the line that it is about."""
    told = []
    for one in findings:
        lines = source.lines.get(one.file, [])
        told.append(replace(one, excerpt=lines[one.line - 1]) if 0 < one.line <= len(lines) else one)
    return told


def _shown(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    source, resolved, missing = _resolved(path, environment, offline=True)
    node, _ = _found(source, resolved, _not_unset(missing), Severity.WARNING)
    return effective(node, _folder(path), masked)


def _folder(path: Path) -> str:
    return os.path.dirname(os.path.abspath(os.fspath(path)))
